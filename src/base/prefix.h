/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ip.h"

/* A network: host bits are zero. len counts bits of the family's own width (0..32 or 0..128). */
struct prefix {
	struct ip ip;
	uint8_t len;
};

#define PREFIX_TEXT_SIZE (IP_TEXT_SIZE + 4)

/* "10.0.0.0/24"; set host bits are cleared and *ret_host_bits (may be NULL) tells so. -EINVAL when it is no prefix. */
int prefix_parse(const char *s, struct prefix *ret, bool *ret_host_bits);
int prefix_from(const struct ip *ip, unsigned len, struct prefix *ret);
const char *prefix_format(const struct prefix *p, char buf[static PREFIX_TEXT_SIZE]);
bool prefix_contains(const struct prefix *p, const struct ip *ip);
bool prefix_overlaps(const struct prefix *a, const struct prefix *b);
bool prefix_equal(const struct prefix *a, const struct prefix *b);
/* The lowest host address: x.x.x.1 of a /24 (HN-4); for /31, /32, /127, /128 the first address itself. */
struct ip prefix_first_host(const struct prefix *p);
