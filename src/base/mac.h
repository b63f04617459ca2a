/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

struct mac {
	uint8_t b[6];
};

#define MAC_TEXT_SIZE 18

/* 00155D010203, 00-15-5D-01-02-03 or 00:15:5d:01:02:03 (cmdlets.md section 1, "MAC text"). -EINVAL otherwise. */
int mac_parse(const char *s, struct mac *ret);
/* 12 upper-case hex digits, as Hyper-V prints an adapter. */
const char *mac_format(const struct mac *m, char buf[static MAC_TEXT_SIZE]);
/* 00-15-5D-01-02-03, as Get-NetAdapter prints it. */
const char *mac_format_dashes(const struct mac *m, char buf[static MAC_TEXT_SIZE]);
/* 00:15:5d:01:02:03, as Linux prints it. */
const char *mac_format_colons(const struct mac *m, char buf[static MAC_TEXT_SIZE]);
bool mac_is_zero(const struct mac *m);
/* Neither multicast nor zero: what an adapter may own. */
bool mac_is_unicast(const struct mac *m);
bool mac_equal(const struct mac *a, const struct mac *b);
