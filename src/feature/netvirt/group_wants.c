/* SPDX-License-Identifier: Apache-2.0 */
#include "group_wants.h"

#include "map.h"

struct groups {
	const struct docs *docs;
	struct netvirt_wants *w;
	struct map *by_vsid;   /* VSID -> index + 1 into w->groups */
	struct map *hops;      /* multicast address -> bits: by which encapsulations it has a way */
	VEC(size_t) last;      /* by group: index + 1 of the last port of its ring so far */
};

static int by_address(const void *a, const void *b)
{
	const struct want_peer *x = a, *y = b;
	int order = ip_compare(&x->pa, &y->pa);

	return order ? order : (int)x->encap - (int)y->encap;
}

static int by_encap(const void *a, const void *b)
{
	const struct want_peer *x = a, *y = b;

	return x->encap != y->encap ? (int)x->encap - (int)y->encap : ip_compare(&x->pa, &y->pa);
}

static struct want_group *group_of(const struct groups *x, uint32_t vsid, size_t *ret_index)
{
	uintptr_t i = (uintptr_t)map_get(x->by_vsid, &vsid, sizeof(vsid));

	if (i)
		*ret_index = i - 1;
	return i ? &x->w->groups.items[i - 1] : NULL;
}

static void find_groups(struct groups *x)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(x->docs, &broadcast_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct broadcast_doc *b = all[i];
		struct want_group g = { .segment = b->vsid };

		if (!ip_is_any(&b->pa))
			g.pa = b->pa;
		vec_push(&x->w->groups, g);
		vec_push(&x->last, 0);
		map_put(x->by_vsid, &b->vsid, sizeof(b->vsid), (void *)(uintptr_t)x->w->groups.n);
	}
}

/* The NIC that has a port's provider address: the lowest of those decides, whatever the order of the ports. */
static void group_nic(struct groups *x, struct want_group *g, const struct ip *src_pa)
{
	if (ip_is_zero(src_pa) || (!ip_is_zero(&g->src_pa) && ip_compare(src_pa, &g->src_pa) >= 0))
		return;
	vec_foreach(&x->w->pas, pa) {
		if (!ip_equal(&pa->pa, src_pa))
			continue;
		g->src_pa = *src_pa;
		memcpy(g->nic, pa->nic, sizeof(g->nic));
	}
}

static void link_ports(struct groups *x)
{
	struct want_vport *ports = x->w->ports.items;

	for (size_t i = 0; i < x->w->ports.n; i++) {
		struct want_group *g;
		size_t at;

		g = ports[i].policy ? group_of(x, ports[i].vsid, &at) : NULL;
		if (!g)
			continue;
		if (!g->first[0])
			memcpy(g->first, ports[i].link, sizeof(g->first));
		/* alone in the ring there is nobody to give a copy to */
		if (x->last.items[at]) {
			memcpy(ports[x->last.items[at] - 1].flood_next, ports[i].link, sizeof(ports[i].link));
			memcpy(ports[i].flood_next, g->first, sizeof(g->first));
		}
		x->last.items[at] = i + 1;
		group_nic(x, g, ip_is_zero(&g->pa) || ip_is_v4(&g->pa) ? &ports[i].src_pa4 : &ports[i].src_pa6);
	}
}

/*
 * IP rewrite carries nothing but unicast (2.7): a host that has such machines alone gets no copies. One that has records of both
 * rules of encapsulation gets one, by NVGRE.
 */
static void want_peers(struct groups *x)
{
	vec_foreach(&x->w->groups, g) {
		size_t n = 0;

		if (!ip_is_zero(&g->pa))
			continue;
		/* There are fewer hosts than records. */
		vec_foreach(&x->w->hops, h)
			if (netvirt_has_records_at(x->docs, g->segment, &h->pa, h->encap))
				vec_push(&g->peers, (struct want_peer){ h->pa, h->encap });
		vec_sort(&g->peers, by_address);
		for (size_t i = 0; i < g->peers.n; i++)
			if (!n || !ip_equal(&g->peers.items[n - 1].pa, &g->peers.items[i].pa))
				g->peers.items[n++] = g->peers.items[i];
		g->peers.n = n;
		vec_sort(&g->peers, by_encap);
	}
}

/* By VXLAN where the subnet has nothing else. */
static enum dp_encap group_encap(const struct groups *x, const struct want_group *g)
{
	unsigned all = 0, vxlan = 0;

	for (unsigned encap = 0; encap < DP_ENCAPS; encap++) {
		if (!netvirt_has_records(x->docs, g->segment, RECORD_ENCAP + encap))
			continue;
		all++;
		vxlan += (encap & DP_ENCAP_VXLAN) != 0;
	}
	return (ip_is_v4(&g->pa) ? 0 : DP_ENCAP_IP6) | (all && all == vxlan ? DP_ENCAP_VXLAN : 0);
}

/*
 * A multicast address has one way; where virtual subnets on different NICs share one, that of the lowest VSID.
 */
static void want_multicast(struct groups *x)
{
	vec_foreach(&x->w->groups, g) {
		struct want_hop hop = { .pa = g->pa, .via = g->pa, .encap = (uint8_t)group_encap(x, g) };
		struct want_pa heard = { .pa = g->pa, .prefix_len = ip_is_v4(&g->pa) ? 32 : 128 };
		uintptr_t way;

		if (ip_is_zero(&g->pa) || !g->nic[0])
			continue;
		vec_push(&g->peers, (struct want_peer){ g->pa, hop.encap });
		way = (uintptr_t)map_get(x->hops, &g->pa, sizeof(g->pa));
		if (way & 1u << hop.encap)
			continue;
		map_put(x->hops, &g->pa, sizeof(g->pa), (void *)(way | 1u << hop.encap));
		memcpy(hop.nic, g->nic, sizeof(hop.nic));
		vec_push(&x->w->hops, hop);
		if (way)
			continue;
		memcpy(heard.nic, g->nic, sizeof(heard.nic));
		vec_push(&x->w->heard, heard);
	}
}

void netvirt_want_groups(const struct docs *d, struct netvirt_wants *w)
{
	struct groups x = { .docs = d, .w = w, .by_vsid = map_new(), .hops = map_new() };

	if (docs_count(d, &broadcast_kind)) {
		find_groups(&x);
		link_ports(&x);
		want_peers(&x);
		want_multicast(&x);
	}
	map_free(x.by_vsid);
	map_free(x.hops);
	vec_done(&x.last);
}
