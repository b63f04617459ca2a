/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "internal.h"

/* What was carried and what was dropped: the dataplane's counters and the links' own, as cmdlets see them. */

static const struct host_drop_reason drop_reasons[] = {
#define REASON(code, name, rule, sentence) { code, #name, rule, sentence },
	NESTOR_DROP_REASONS(REASON)
#undef REASON
};

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

/* The host's end of a port receives what its guest sends. */
static int read_link(struct engine *g, const char *link, struct host_traffic *ret)
{
	struct link_traffic t;
	int r = link_read_traffic(g->nl, link, &t);

	if (r == 0)
		*ret = (struct host_traffic){ t.rx_packets, t.rx_bytes, t.tx_packets, t.tx_bytes };
	return r;
}

static int read_dataplane(struct engine *g, const char *link, struct host_traffic *ret)
{
	struct dp_counters counters;
	struct link l;
	int r = link_get_by_name(g->nl, link, &l);

	if (r == 0)
		r = bpf_driver_read_counters(g->bpf, (uint32_t)l.ifindex, &counters);
	if (r == 0)
		*ret = (struct host_traffic){ counters.sent_packets, counters.sent_bytes, counters.received_packets,
					      counters.received_bytes };
	return r == -ENOENT ? -ENODEV : r;
}

static int host_port_traffic(struct host *h, const char *link, bool virtualized, struct host_traffic *ret)
{
	return virtualized ? read_dataplane(engine_of(h), link, ret) : read_link(engine_of(h), link, ret);
}

static int host_port_meter(struct host *h, const char *link, uint32_t number, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct engine *g = engine_of(h);
	struct dp_acl_meter_key key = { .number = number };
	struct dp_acl_meter meter;
	struct link l;
	int r = link_get_by_name(g->nl, link, &l);

	key.ifindex = r == 0 ? (uint32_t)l.ifindex : 0;
	if (r == 0)
		r = bpf_driver_read_acl_meter(g->bpf, &key, &meter);
	if (r < 0)
		return r == -ENOENT ? -ENODEV : r;
	*ret_packets = meter.packets;
	*ret_bytes = meter.bytes;
	return 0;
}

static int host_port_spoofed(struct host *h, const char *link, uint64_t *ret_packets)
{
	static const enum dp_drop_reason reasons[] = { DP_DROP_SOURCE_MAC_SPOOFED, DP_DROP_ARP_SPOOFED, DP_DROP_ND_SPOOFED };
	struct engine *g = engine_of(h);
	uint64_t sum = 0, one = 0;
	struct link l;
	int r = link_get_by_name(g->nl, link, &l);

	for (size_t i = 0; i < ARRAY_SIZE(reasons) && r == 0; i++) {
		r = bpf_driver_read_drop(g->bpf, (uint32_t)l.ifindex, reasons[i], &one);
		sum += one;
	}
	if (r == 0)
		*ret_packets = sum;
	return r;
}

const struct host_drop_reason *engine_drop_reason(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(drop_reasons); i++)
		if (drop_reasons[i].code == code)
			return &drop_reasons[i];
	return NULL;
}

static int by_device_and_code(const void *a, const void *b)
{
	const struct host_drop *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->reason->code > y->reason->code) - (x->reason->code < y->reason->code);
}

static int host_drops(struct host *h, host_drop_vec *ret)
{
	struct engine *g = engine_of(h);
	struct bpf_drop_vec counts = { 0 };
	struct link_vec links = { 0 };
	_cleanup_map_ struct map *names = map_new();
	int r = link_observe(g->nl, &links);

	if (r == 0)
		r = bpf_driver_read_drops(g->bpf, &counts);
	vec_foreach(&links, l)
		map_put(names, &l->ifindex, sizeof(l->ifindex), l->name);
	vec_foreach(&counts, count) {
		struct host_drop drop = { .ifindex = (int)count->ifindex, .reason = engine_drop_reason(count->reason),
					  .packets = count->packets };
		const char *name = map_get(names, &drop.ifindex, sizeof(drop.ifindex));

		/* A last frame may have been dropped while its port was being removed: that count is nobody's. */
		if (r < 0 || !drop.reason || !drop.packets || (drop.ifindex && !name))
			continue;
		snprintf(drop.link, sizeof(drop.link), "%s", name ? name : "");
		vec_push(ret, drop);
	}
	vec_sort(ret, by_device_and_code);
	vec_done(&counts);
	vec_done(&links);
	return r;
}

static int count_ports(struct engine *g, struct host_dataplane *ret)
{
	struct bpf_port_vec ports = { 0 };
	int r = bpf_driver_observe_ports(g->bpf, &ports);

	vec_foreach(&ports, port)
		(*(port->value.flags & DP_PORT_UPLINK ? &ret->uplinks : &ret->ports))++;
	vec_done(&ports);
	return r;
}

static int count_hops(struct engine *g, struct host_dataplane *ret)
{
	struct bpf_nexthop_vec hops = { 0 };
	int r = bpf_driver_observe_nexthops(g->bpf, &hops);

	vec_foreach(&hops, hop)
		(*(hop->value.flags & DP_NEXTHOP_RESOLVED ? &ret->hops_resolved : &ret->hops_unresolved))++;
	vec_done(&hops);
	return r;
}

static int host_dataplane(struct host *h, struct host_dataplane *ret)
{
	struct engine *g = engine_of(h);
	struct host_dataplane all = { .passes = g->status.passes, .last_writes = g->status.last_writes,
				      .last_us = g->status.last_us, .last_failures = g->status.failures,
				      .total_writes = g->status.total_writes };
	int r = count_ports(g, &all);

	if (r == 0)
		r = count_hops(g, &all);
	if (r < 0)
		return r;
	snprintf(all.instance, sizeof(all.instance), "%s", g->config.instance);
	*ret = all;
	return 0;
}

void engine_host_statistics_init(struct engine *g)
{
	g->host.port_traffic = host_port_traffic;
	g->host.port_meter = host_port_meter;
	g->host.port_spoofed = host_port_spoofed;
	g->host.drops = host_drops;
	g->host.dataplane = host_dataplane;
	g->host.drop_reasons = drop_reasons;
	g->host.n_drop_reasons = ARRAY_SIZE(drop_reasons);
}
