/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/*
 * An IPv4 or IPv6 address in network byte order. IPv4 is kept IPv4-mapped (::ffff:a.b.c.d), so that one comparison and one
 * map key serve both families; an IPv4-mapped IPv6 text is therefore refused by ip_parse().
 */
struct ip {
	uint8_t b[16];
};

#define IP_TEXT_SIZE 46

int ip_parse(const char *s, struct ip *ret);
const char *ip_format(const struct ip *ip, char buf[static IP_TEXT_SIZE]);
struct ip ip_from_v4(uint32_t network_order);
bool ip_is_v4(const struct ip *ip);
/* The IPv4 address in network byte order; meaningful when ip_is_v4(). */
uint32_t ip_v4(const struct ip *ip);
int ip_family(const struct ip *ip);   /* AF_INET or AF_INET6 */
bool ip_is_any(const struct ip *ip);  /* 0.0.0.0 or :: */
bool ip_is_zero(const struct ip *ip); /* all 16 bytes 0: also "no address" */
bool ip_is_multicast(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);
bool ip_is_link_local(const struct ip *ip); /* of IPv6: fe80::/10 */
bool ip_equal(const struct ip *a, const struct ip *b);
int ip_compare(const struct ip *a, const struct ip *b);
