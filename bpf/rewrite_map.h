/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_REWRITE_MAP_H
#define NESTOR_BPF_REWRITE_MAP_H

#include "maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, union dp_addr);
	__type(value, struct dp_rewrite);
} rewrites SEC(".maps");

stage const struct dp_rewrite *rewrite_get(__u32 pa)
{
	union dp_addr key = { .w = { 0, 0, ADDR4_PREFIX, pa } };

	return bpf_map_lookup_elem(&rewrites, &key);
}

#endif
