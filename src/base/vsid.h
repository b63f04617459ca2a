/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* Virtual subnet ids (HN-1, WG-3, D-1): 0 on a port means "not virtualized". */
#define VSID_MIN 4096u
#define VSID_MAX 16777214u

static inline bool vsid_is_valid(uint64_t vsid)
{
	return vsid >= VSID_MIN && vsid <= VSID_MAX;
}

/* A number in 4096..16777214. -EINVAL when it is no number, -ERANGE outside. */
int vsid_parse(const char *s, uint32_t *ret);
