/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_SCRATCH_H
#define NESTOR_BPF_SCRATCH_H

#include "common.h"

/*
 * Room for what the 512 bytes of stack, which all functions on the way share, are too dear for: packets that are made, and large
 * keys. For one function at a time; what it calls may use it, too. A program is not interrupted by another packet on its CPU.
 */
struct scratch {
	__u64 room[12];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratch_room SEC(".maps");

/* NULL never, but the verifier does not know */
stage void *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratch_room, &zero);
}

#define SCRATCH_FITS(type) _Static_assert(sizeof(type) <= sizeof(struct scratch), #type)

#endif
