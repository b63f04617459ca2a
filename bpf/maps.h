/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_MAPS_H
#define NESTOR_BPF_MAPS_H

#include "common.h"

/*
 * Sizes here are only defaults: the loader sets the real ones before it creates the maps. The sparse arrays can be
 * mapped, so that the daemon finds the entries in use without a system call for each possible one.
 */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, DP_MAX_IFINDEX);
	__type(key, __u32);
	__type(value, struct dp_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dp_dest_key);
	__type(value, struct dp_dest);
} dests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dp_ca_key);
	__type(value, struct dp_ca);
} cas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_nexthop);
} nexthops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, union dp_addr);
	__type(value, struct dp_pa);
} pas SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_limit);
} limits SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_trunk);
} trunks SEC(".maps");

/* Not per CPU: drops are the exception, and one entry each keeps thousands of ports times dozens of reasons small. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dp_drop_key);
	__type(value, __u64);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_FLOWS);
	__type(key, __u32);
	__type(value, struct dp_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DP_WAYS);
	__type(key, __u32);
	__type(value, struct dp_way);
} ways SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dp_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dp_route_key);
	__type(value, struct dp_route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct dp_subnet);
} subnets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct dp_source_key);
	__type(value, struct dp_source);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct dp_group);
} groups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DP_INNER_SEEN);
	__type(key, struct dp_dest_key);
	__type(value, __u32);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct dp_inner_ports);
} inner_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} learnt SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct dp_learn_rate);
} learn_rates SEC(".maps");

stage const struct dp_port *port_get(__u32 ifindex)
{
	const struct dp_port *port = bpf_map_lookup_elem(&ports, &ifindex);

	return port && (port->flags & DP_PORT_PRESENT) ? port : NULL;
}

stage const struct dp_dest *dest_get(__u32 segment, const void *mac)
{
	struct dp_dest_key key = { .segment = segment };

	mac_copy(key.mac, mac);
	return bpf_map_lookup_elem(&dests, &key);
}

stage const struct dp_ca *ca4_get(__u32 segment, __u32 ca)
{
	struct dp_ca_key key = { .segment = segment, .ca.w = { 0, 0, ADDR4_PREFIX, ca } };

	return bpf_map_lookup_elem(&cas, &key);
}

/* ca: on the stack, and an address that its packet's family has */
stage const struct dp_ca *ca_get(__u32 segment, const union dp_addr *ca)
{
	struct dp_ca_key key = { .segment = segment };

	key.ca = *ca;
	return bpf_map_lookup_elem(&cas, &key);
}

/* Is this a provider address that this host has or, of a multicast one, listens to? The uplink's entry has a few inline. */
stage _Bool pa4_is_local(const struct dp_port *uplink, __u32 pa)
{
	union dp_addr key = { .w = { 0, 0, ADDR4_PREFIX, pa } };

	if (likely(pa && (pa == uplink->addr4[0] || pa == uplink->addr4[1] || pa == uplink->addr4[2] ||
			  pa == uplink->addr4[3])))
		return 1;
	return (uplink->flags & DP_PORT_MORE_CA) && bpf_map_lookup_elem(&pas, &key);
}

#endif
