/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt_wants.h"

/*
 * The part of the distributed router (HN-4, HN-6, HN-7, HN-9): customer routes, virtual subnets, and what the ports
 * that are wanted already need to know of it. Nothing with UseExternalRouter.
 */
void netvirt_want_router(const struct docs *d, struct netvirt_wants *w);
