/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Settings of one interface of the caller's network namespace (net.ipv4.conf.NAME.KEY, net.ipv6.conf.NAME.KEY). set writes only
 * what differs: 1 when it did, 0 when it was so, -Exxx.
 */
int ipconf_set(const char *link, const char *key, int value);
/* -ENOENT: the kernel has no IPv6. */
int ipconf_set6(const char *link, const char *key, int value);
