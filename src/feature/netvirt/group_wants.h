/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt_wants.h"

/*
 * The part of broadcast and multicast (WG-7), once ports, addresses and records are in place: the ring of each subnet's
 * ports, who gets copies, which multicast addresses the host listens to, and the way to those.
 */
void netvirt_want_groups(const struct docs *d, struct netvirt_wants *w);
