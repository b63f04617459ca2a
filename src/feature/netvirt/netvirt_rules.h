/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt.h"

/*
 * The invariants of the policy as pure functions: documents and a candidate in, refusal out. A candidate that replaces a
 * document has the same key; it is not held against itself.
 */

/* HN-1, HN-4, HN-5, HN-7, HN-8, HN-11, one PA per CA for rewrite (2.7). */
int record_check(const struct docs *d, const struct record_doc *r, struct err **e);
/* What works but is probably not meant; NULL: nothing. Owned by the caller. */
char *record_warning(const struct docs *d, const struct record_doc *r);
/* HN-2, HN-3, HN-4. */
int customer_route_check(const struct docs *d, const struct customer_route_doc *r, struct err **e);
char *customer_route_warning(const struct docs *d, const struct customer_route_doc *r);
/* WG-7. */
int broadcast_check(const struct broadcast_doc *b, struct err **e);
char *broadcast_warning(const struct docs *d, const struct broadcast_doc *b);
int provider_address_check(const struct docs *d, const struct provider_address_doc *p, struct err **e);
int provider_route_check(const struct docs *d, const struct provider_route_doc *r, struct err **e);
