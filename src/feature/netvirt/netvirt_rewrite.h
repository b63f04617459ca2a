/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt_wants.h"

/* What a port's addresses become by IP rewrite, once they are in order, and what packets grow by. Part of netvirt_wants(). */
void rewrite_want_port(const struct netvirt_wants *w, struct want_vport *p);
