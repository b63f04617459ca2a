/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt_wants.h"

/* The part of netvirt_wants() that IP rewrite needs: records go in one by one, in any order. */
struct rewrite_wants;

struct rewrite_wants *rewrite_wants_new(struct netvirt_wants *w);
/* How frames go to the host of a record, when they are encapsulated; to one of IP rewrite: when the sender has none of that rule. */
enum dp_encap netvirt_encap(const struct record_doc *r);
/* A record that is carried and no router's; local: its provider address is this host's; link: of its port, or "". */
void rewrite_want(struct rewrite_wants *x, const struct record_doc *r, bool local, const char *link);
/* After the last record, when the ports' addresses are in order: what they become. Frees x. */
void rewrite_wants_finish(struct rewrite_wants *x);
