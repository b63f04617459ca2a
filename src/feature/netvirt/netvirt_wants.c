/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_wants.h"

#include "adapter_wants.h"

#include "group_wants.h"
#include "map.h"
#include "netadapter.h"
#include "netvirt_learn.h"
#include "netvirt_rewrite.h"
#include "router_wants.h"

struct context {
	const struct docs *docs;
	struct netvirt_wants *w;
};

static void want_addresses(struct context *x)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(x->docs, &provider_address_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct provider_address_doc *p = all[i];
		struct want_pa w = { .pa = p->pa, .prefix_len = (uint8_t)p->prefix_len };

		if (!switch_by_nic(x->docs, p->nic) || !netadapter_wnv_bound(x->docs, p->nic))
			continue;
		snprintf(w.nic, sizeof(w.nic), "%.15s", p->nic);
		vec_push(&x->w->pas, w);
		map_put(x->w->local_pas, &p->pa, sizeof(p->pa), x);
	}
}

static void want_uplinks(struct context *x)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(x->docs, &switch_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct switch_doc *s = all[i];

		if (s->nic && netadapter_wnv_bound(x->docs, s->nic))
			vec_push(&x->w->uplinks, s->nic);
	}
}

static bool is_uplink(const struct netvirt_wants *w, const char *nic)
{
	vec_foreach(&w->uplinks, u)
		if (streq(*u, nic))
			return true;
	return false;
}

static void want_routes(struct context *x)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(x->docs, &provider_route_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct provider_route_doc *r = all[i];
		struct want_provider_route w = { .prefix = r->prefix, .next_hop = r->next_hop, .metric = r->metric };

		if (!is_uplink(x->w, r->nic))
			continue;
		snprintf(w.nic, sizeof(w.nic), "%.15s", r->nic);
		vec_push(&x->w->routes, w);
	}
}

static uint32_t segment_of(struct context *x, const struct adapter_doc *a)
{
	const struct switch_doc *s = switch_get(x->docs, &a->switch_id);

	if (!a->vsid || netvirt_vsid_has_policy(x->docs, a->vsid))
		return a->vsid;
	return (s->number & SWITCH_MAX) << 24 | a->vsid;
}

static void want_ports(struct context *x)
{
	want_port_vec ports = { 0 };

	adapter_wants(x->docs, &ports);
	vec_foreach(&ports, p) {
		const struct adapter_doc *a = adapter_get(x->docs, &p->adapter);
		struct want_vport w = { .vsid = p->vsid, .mac = p->mac, .spoofing = p->spoofing,
					.inner_elsewhere = !guid_is_zero(&p->vm) && !p->tap,
					.overhead = DP_ENCAP_OVERHEAD(DP_ENCAP_NVGRE4) };
		struct port_key key = { .mac = p->mac };

		if (!p->bridge[0])
			continue;
		memcpy(w.link, p->name, sizeof(w.link));
		w.learn_limit = learn_limit(a);
		w.segment = segment_of(x, a);
		w.policy = w.vsid && w.segment == w.vsid;
		vec_push(&x->w->ports, w);
		key.segment = w.segment;
		if (w.vsid)
			map_put(x->w->port_by_mac, &key, sizeof(key), (void *)(uintptr_t)x->w->ports.n);
	}
	vec_done(&ports);
}

static void port_allow(struct want_vport *p, const struct record_doc *r)
{
	struct want_learn *learn = ip_is_v4(&r->ca) ? &p->learn4 : &p->learn6;

	learn->n += r->learnt != NETVIRT_NOT_LEARNT;
	learn->wanted |= ip_is_any(&r->ca) && r->type == NETVIRT_L2ONLY;
	if (!ip_is_v4(&r->ca)) {
		p->ca6 = true;
		p->any_ca6 |= netvirt_is_wildcard(r);
	} else if (ip_is_any(&r->ca)) {
		p->any_ca |= netvirt_is_wildcard(r);
	} else {
		if (p->n_cas < NETVIRT_PORT_CAS)
			p->cas[p->n_cas++] = r->ca;
		else
			p->more_ca = true;
	}
}

static int ca_sort(const void *a, const void *b)
{
	return ip_compare(a, b);
}

static void take_lowest(const struct record_doc **best, const struct record_doc *r)
{
	if (!*best || ip_compare(&r->ca, &(*best)->ca) < 0)
		*best = r;
}

/* Has one of its addresses another provider address of this host than the first of that family? */
static bool several_pas(const struct context *x, const struct want_vport *p)
{
	const struct record_doc *r;

	for (size_t pos = 0; (r = records_at_mac(x->docs, p->vsid, &p->mac, &pos));)
		if (netvirt_is_carried(r) && !netvirt_is_gateway_record(r) && netvirt_is_local(x->w, &r->pa) &&
		    !ip_equal(&r->pa, ip_is_v4(&r->pa) ? &p->src_pa4 : &p->src_pa6))
			return true;
	return false;
}

/*
 * What the records of the port's MAC let it send, and from where: of several with an address of a family that is here, the one
 * with the lowest customer address.
 */
static void want_records_of(struct context *x, struct want_vport *p)
{
	const struct record_doc *r, *v4 = NULL, *v6 = NULL;

	for (size_t pos = 0; (r = records_at_mac(x->docs, p->vsid, &p->mac, &pos));) {
		if (!netvirt_is_carried(r) || netvirt_is_gateway_record(r))
			continue;
		port_allow(p, r);
		if (netvirt_is_local(x->w, &r->pa))
			take_lowest(ip_is_v4(&r->pa) ? &v4 : &v6, r);
	}
	if (v4) {
		p->src_pa4 = v4->pa;
		p->rewrite = netvirt_is_rewrite(v4);
	}
	if (v6)
		p->src_pa6 = v6->pa;
	p->learn4.full = p->learn4.wanted && p->learn4.n >= p->learn_limit;
	p->learn6.full = p->learn6.wanted && p->learn6.n >= p->learn_limit;
	p->more_pa = p->spoofing || (v4 && v6) || several_pas(x, p);
	/* The order of records is not defined, that of a port's addresses must not depend on it. */
	if (p->more_ca)
		p->n_cas = 0;
	qsort(p->cas, p->n_cas, sizeof(p->cas[0]), ca_sort);
}

static void want_policy(struct context *x)
{
	vec_foreach(&x->w->ports, p) {
		if (!p->policy)
			continue;
		/* Where two ports have the same address, one of them has it: a table holds a key once. */
		if (netvirt_port_with(x->w, p->segment, &p->mac) == p)
			want_records_of(x, p);
		rewrite_want_port(x->w, p);
	}
}

static void want_hops(struct context *x)
{
	_cleanup_map_ struct map *seen = map_new();
	const struct record_doc *r;

	for (size_t pos = 0; (r = records_each_pa(x->docs, &pos));) {
		struct hop_key key = { r->pa, (uint8_t)netvirt_encap(r) };

		if (!netvirt_is_carried(r) || netvirt_is_gateway_record(r))
			continue;
		x->w->vxlan |= r->rule == NETVIRT_ENCAP_VXLAN;
		if (!netvirt_is_local(x->w, &r->pa) && !map_put(seen, &key, sizeof(key), x))
			vec_push(&x->w->hops, (struct want_hop){ .pa = r->pa, .encap = netvirt_encap(r) });
	}
}

/* Without policy the ports of a segment flood in a ring. */
static void want_rings(struct netvirt_wants *w)
{
	for (size_t i = 0; i < w->ports.n; i++) {
		struct want_vport *p = &w->ports.items[i];

		if (!netvirt_is_port_dest(p))
			continue;
		for (size_t k = 1; k < w->ports.n; k++) {
			const struct want_vport *next = &w->ports.items[(i + k) % w->ports.n];

			if (next->segment != p->segment)
				continue;
			memcpy(p->flood_next, next->link, sizeof(p->flood_next));
			break;
		}
	}
}

static unsigned hop_score(const struct prefix *prefix, const struct ip *pa)
{
	return prefix_contains(prefix, pa) ? prefix->len + 1u : 0;
}

/* The way to a provider address (HN-13): an on-link provider prefix or a provider route, the longest prefix first. */
static void want_way(struct netvirt_wants *w, struct want_hop *hop)
{
	unsigned best = 0;
	uint32_t metric = 0;

	vec_foreach(&w->pas, p) {
		struct prefix prefix;

		if (prefix_from(&p->pa, p->prefix_len, &prefix) < 0 || hop_score(&prefix, &hop->pa) <= best)
			continue;
		best = hop_score(&prefix, &hop->pa);
		memcpy(hop->nic, p->nic, sizeof(hop->nic));
		hop->via = hop->pa;
	}
	vec_foreach(&w->routes, r) {
		unsigned score = hop_score(&r->prefix, &hop->pa);

		if (score < best || !score || (score == best && (!metric || r->metric >= metric)))
			continue;
		best = score;
		metric = r->metric;
		memcpy(hop->nic, r->nic, sizeof(hop->nic));
		hop->via = ip_is_any(&r->next_hop) ? hop->pa : r->next_hop;
	}
}

void netvirt_wants(const struct docs *d, struct netvirt_wants *ret)
{
	struct context x = { .docs = d, .w = ret };

	*ret = (struct netvirt_wants){ .docs = d, .local_pas = map_new(), .port_by_mac = map_new(), .subnet_by_vsid = map_new() };
	want_uplinks(&x);
	want_addresses(&x);
	want_routes(&x);
	want_ports(&x);
	want_policy(&x);
	want_rings(ret);
	want_hops(&x);
	vec_foreach(&ret->hops, h)
		want_way(ret, h);
	netvirt_want_groups(d, ret);
	netvirt_want_router(d, ret);
}

void netvirt_wants_done(struct netvirt_wants *w)
{
	map_free(w->local_pas);
	map_free(w->port_by_mac);
	map_free(w->subnet_by_vsid);
	vec_done(&w->ports);
	vec_done(&w->hops);
	vec_done(&w->pas);
	vec_done(&w->heard);
	vec_done(&w->routes);
	vec_done(&w->customer_routes);
	vec_done(&w->subnets);
	vec_done(&w->uplinks);
	vec_foreach(&w->groups, g)
		vec_done(&g->peers);
	vec_done(&w->groups);
}
