/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "internal.h"

/* The slot of a port; 0 when it has none. */
static uint32_t slot_of(const struct bpf_driver *d, uint32_t ifindex)
{
	if (ifindex >= d->max_entries[MAP_PORTS] || !(d->ports[ifindex].flags & DP_PORT_PRESENT))
		return 0;
	return d->ports[ifindex].slot;
}

int bpf_driver_read_counters(struct bpf_driver *d, uint32_t ifindex, struct dp_counters *ret)
{
	_cleanup_free_ struct dp_counters *cpus = NULL;
	int n = libbpf_num_possible_cpus();
	uint32_t slot = slot_of(d, ifindex);
	struct dp_counters sum = { 0 };

	if (n < 0)
		return n;
	if (!slot)
		return -ENOENT;
	cpus = xcalloc(n, sizeof(*cpus));
	if (bpf_map_lookup_elem(d->maps[MAP_COUNTERS], &slot, cpus) != 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		sum.sent_packets += cpus[i].sent_packets;
		sum.sent_bytes += cpus[i].sent_bytes;
		sum.received_packets += cpus[i].received_packets;
		sum.received_bytes += cpus[i].received_bytes;
	}
	*ret = sum;
	return 0;
}

static int push_drop(void *arg, const void *key, const void *value)
{
	struct bpf_drop_vec *out = arg;
	struct dp_drop_key k;
	uint64_t packets;

	memcpy(&k, key, sizeof(k));
	memcpy(&packets, value, sizeof(packets));
	vec_push(out, (struct bpf_drop_count){ .ifindex = k.ifindex, .reason = k.reason, .packets = packets });
	return 0;
}

int bpf_driver_read_drops(struct bpf_driver *d, struct bpf_drop_vec *out)
{
	return table_walk(d->maps[MAP_DROPS], sizeof(struct dp_drop_key), sizeof(uint64_t), push_drop, out);
}

int bpf_driver_read_drop(struct bpf_driver *d, uint32_t ifindex, enum dp_drop_reason reason, uint64_t *ret_packets)
{
	struct dp_drop_key key = { .ifindex = ifindex, .reason = reason };

	if (bpf_map_lookup_elem(d->maps[MAP_DROPS], &key, ret_packets) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	*ret_packets = 0;
	return 0;
}

int bpf_driver_reset_counters(struct bpf_driver *d, uint32_t ifindex)
{
	struct dp_limit fresh = { 0 };
	_cleanup_free_ struct dp_counters *cpus = NULL;
	int n = libbpf_num_possible_cpus();
	uint32_t slot = slot_of(d, ifindex);

	if (n < 0)
		return n;
	for (uint32_t reason = 1; reason < DP_DROP_MAX; reason++) {
		struct dp_drop_key key = { .ifindex = ifindex, .reason = reason };

		if (drop_reason_name(reason) && bpf_map_delete_elem(d->maps[MAP_DROPS], &key) != 0 && errno != ENOENT)
			return -errno;
	}
	if (!slot)
		return 0;
	cpus = xcalloc(n, sizeof(*cpus));
	if (bpf_map_update_elem(d->maps[MAP_COUNTERS], &slot, cpus, BPF_ANY) != 0)
		return -errno;
	return bpf_map_update_elem(d->maps[MAP_LIMITS], &slot, &fresh, BPF_ANY) == 0 ? 0 : -errno;
}

int bpf_driver_get_generation(struct bpf_driver *d, uint64_t *ret)
{
	struct dp_config config;
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(d->maps[MAP_CONFIG], &zero, &config) != 0)
		return -errno;
	*ret = config.generation;
	return 0;
}

int bpf_driver_set_generation(struct bpf_driver *d, uint64_t generation)
{
	struct dp_config config = { .abi = DP_ABI, .generation = generation };
	uint32_t zero = 0;

	return bpf_map_update_elem(d->maps[MAP_CONFIG], &zero, &config, BPF_ANY) == 0 ? 0 : -errno;
}
