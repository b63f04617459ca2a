/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_wants.h"

#include "map.h"
#include "netadapter.h"
#include "netvirt_rewrite.h"
#include "router_wants.h"

struct port_key {
	uint32_t segment;
	struct mac mac;
	uint8_t pad[2];
};

/* What one pass over the records needs to know. */
struct context {
	const struct docs *docs;
	struct netvirt_wants *w;
	struct map *policied;  /* VSID -> anything */
	struct map *local_pas; /* address -> anything */
	struct map *ports;     /* port_key -> index + 1 into w->ports */
	struct map *dests;     /* port_key -> index + 1 into w->dests, with the lowest address that made it */
	struct map *hops;      /* address -> anything */
	struct rewrite_wants *rewrites;
	VEC(struct ip) src_ca; /* by port: the customer address of the record that gave src_pa */
};

static void *number(size_t i)
{
	return (void *)(uintptr_t)(i + 1);
}

static bool number_of(void *p, size_t *ret)
{
	*ret = (uintptr_t)p - 1;
	return p != NULL;
}

static struct port_key key_of(uint32_t segment, const struct mac *mac)
{
	struct port_key k = { .segment = segment, .mac = *mac };

	return k;
}

static void find_policied(struct context *x)
{
	const struct record_doc *r;
	const struct customer_route_doc *c;

	for (size_t pos = 0; (r = docs_next(x->docs, &record_kind, &pos));)
		map_put(x->policied, &r->vsid, sizeof(r->vsid), x);
	for (size_t pos = 0; (c = docs_next(x->docs, &customer_route_kind, &pos));)
		map_put(x->policied, &c->vsid, sizeof(c->vsid), x);
}

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
		map_put(x->local_pas, &p->pa, sizeof(p->pa), x);
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

	if (!a->vsid || map_get(x->policied, &a->vsid, sizeof(a->vsid)))
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
					.inner_elsewhere = !guid_is_zero(&p->vm), .guards = p->guards };
		struct port_key key;

		if (!p->bridge[0])
			continue;
		memcpy(w.link, p->name, sizeof(w.link));
		w.segment = segment_of(x, a);
		w.policy = w.vsid && w.segment == w.vsid;
		vec_push(&x->w->ports, w);
		vec_push(&x->src_ca, (struct ip){ 0 });
		if (!w.vsid)
			continue;
		key = key_of(w.segment, &w.mac);
		map_put(x->ports, &key, sizeof(key), number(x->w->ports.n - 1));
	}
	vec_done(&ports);
}

static void port_allow(struct want_vport *p, const struct record_doc *r)
{
	if (!ip_is_v4(&r->ca)) {
		p->ca6 = true;
		p->any_ca6 |= ip_is_any(&r->ca);
	} else if (ip_is_any(&r->ca)) {
		p->any_ca = true;
	} else {
		if (p->n_cas < NETVIRT_PORT_CAS)
			p->cas[p->n_cas++] = r->ca;
		else
			p->more_ca = true;
	}
}

/* One entry a MAC; where records differ in their provider address the lowest customer address counts, whatever the order. */
static void want_dest(struct context *x, const struct record_doc *r, size_t port, bool has_port, bool local)
{
	struct port_key key = key_of(r->vsid, &r->mac);
	struct want_dest w = { .segment = r->vsid, .mac = r->mac, .pa = r->pa, .ca = r->ca, .remote = !local,
			       .rewrite = netvirt_is_rewrite(r), .some_rewrite = netvirt_is_rewrite(r) };
	bool any = ip_is_any(&r->ca), v4 = ip_is_v4(&r->ca);
	size_t at;

	w.any_ca = any && v4;
	w.any_ca6 = any && !v4;
	w.ca6 = !v4;

	if (number_of(map_get(x->dests, &key, sizeof(key)), &at)) {
		struct want_dest *old = &x->w->dests.items[at];

		old->any_ca |= w.any_ca;
		old->any_ca6 |= w.any_ca6;
		old->ca6 |= w.ca6;
		old->some_rewrite |= w.rewrite;
		if (ip_compare(&r->ca, &old->ca) > 0)
			return;
		w.any_ca = old->any_ca;
		w.any_ca6 = old->any_ca6;
		w.ca6 = old->ca6;
		w.some_rewrite = old->some_rewrite;
	} else {
		at = x->w->dests.n;
		vec_push(&x->w->dests, w);
		map_put(x->dests, &key, sizeof(key), number(at));
	}
	if (local && has_port)
		memcpy(w.link, x->w->ports.items[port].link, sizeof(w.link));
	x->w->dests.items[at] = w;
}

static void want_record(struct context *x, const struct record_doc *r)
{
	bool local = map_get(x->local_pas, &r->pa, sizeof(r->pa)) != NULL, router = netvirt_is_gateway_record(r), has_port;
	bool rewrite = netvirt_is_rewrite(r);
	struct port_key key = key_of(r->vsid, &r->mac);
	size_t port = 0;

	if (!netvirt_is_carried(r))
		return;
	if (!ip_is_any(&r->ca))
		vec_push(&x->w->cas, (struct want_ca){ r->vsid, r->ca, r->mac, r->pa, local, router, rewrite,
						       rewrite && r->use_vm_mac });
	if (router)
		return;
	has_port = number_of(map_get(x->ports, &key, sizeof(key)), &port);
	if (has_port) {
		struct want_vport *p = &x->w->ports.items[port];

		port_allow(p, r);
		if (local && (ip_is_zero(&p->src_pa) || ip_compare(&r->ca, &x->src_ca.items[port]) < 0)) {
			p->src_pa = r->pa;
			x->src_ca.items[port] = r->ca;
			p->rewrite = rewrite;
		}
	}
	want_dest(x, r, port, has_port, local);
	rewrite_want(x->rewrites, r, local, has_port ? x->w->ports.items[port].link : "");
	if (!local && !map_put(x->hops, &r->pa, sizeof(r->pa), x))
		vec_push(&x->w->hops, (struct want_hop){ .pa = r->pa });
}

/* Without policy the ports of a segment know each other by their MAC addresses and flood in a ring. */
static void want_unpolicied(struct context *x)
{
	struct netvirt_wants *w = x->w;

	for (size_t i = 0; i < w->ports.n; i++) {
		struct want_vport *p = &w->ports.items[i];
		struct want_dest dest = { .segment = p->segment, .mac = p->mac };
		struct port_key key = key_of(p->segment, &p->mac);
		size_t owner;

		if (!p->vsid || p->policy)
			continue;
		memcpy(dest.link, p->link, sizeof(dest.link));
		/* Where two ports have the same address, one of them has it: a table holds a key once. */
		if (number_of(map_get(x->ports, &key, sizeof(key)), &owner) && owner == i)
			vec_push(&w->dests, dest);
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

static int ca_sort(const void *a, const void *b)
{
	return ip_compare(a, b);
}

void netvirt_wants(const struct docs *d, struct netvirt_wants *ret)
{
	struct context x = { .docs = d, .w = ret, .policied = map_new(), .local_pas = map_new(), .ports = map_new(),
			     .dests = map_new(), .hops = map_new() };
	const struct record_doc *r;

	*ret = (struct netvirt_wants){ 0 };
	x.rewrites = rewrite_wants_new(ret);
	find_policied(&x);
	want_uplinks(&x);
	want_addresses(&x);
	want_routes(&x);
	want_ports(&x);
	for (size_t pos = 0; (r = docs_next(d, &record_kind, &pos));)
		want_record(&x, r);
	/* The order of records is not defined, that of a port's addresses must not depend on it. */
	vec_foreach(&ret->ports, p) {
		if (p->more_ca)
			p->n_cas = 0;
		qsort(p->cas, p->n_cas, sizeof(p->cas[0]), ca_sort);
	}
	rewrite_wants_finish(x.rewrites);
	want_unpolicied(&x);
	vec_foreach(&ret->hops, h)
		want_way(ret, h);
	netvirt_want_router(d, ret);
	map_free(x.policied);
	map_free(x.local_pas);
	map_free(x.ports);
	map_free(x.dests);
	map_free(x.hops);
	vec_done(&x.src_ca);
}

void netvirt_wants_done(struct netvirt_wants *w)
{
	vec_done(&w->ports);
	vec_done(&w->dests);
	vec_done(&w->cas);
	vec_done(&w->hops);
	vec_done(&w->pas);
	vec_done(&w->routes);
	vec_done(&w->customer_routes);
	vec_done(&w->subnets);
	vec_done(&w->sources);
	vec_done(&w->uplinks);
	vec_done(&w->rewrites);
}
