/* SPDX-License-Identifier: Apache-2.0 */
#include "router_wants.h"

#include "map.h"

/*
 * What netvirt_next_hop() answers one packet at a time, as a table. A virtual subnet has a router of each family: they may have
 * one MAC address or two. A route whose VSID is another domain's (no cmdlet makes
 * one, HN-2) counts for nothing: it must never lead from one tenant to another.
 */

struct subnet {
	uint32_t vsid;
	struct guid rdid;
	/* of IPv6, and of IPv4 */
	const struct record_doc *gateway[2];  /* HN-6; NULL: none */
	const struct record_doc *wildcard[2]; /* HN-7; NULL: none */
};

typedef VEC(const struct customer_route_doc *) route_vec;

struct router {
	const struct docs *docs;
	struct netvirt_wants *w;
	VEC(struct subnet) subnets;
	struct map *by_vsid; /* VSID -> index + 1 into subnets */
	route_vec routes;    /* by domain, prefix, and then as they win */
	struct map *routed;  /* RDID of the domains that have a router at all: the others cost nothing */
};

static struct subnet *find_subnet(const struct router *x, uint32_t vsid)
{
	uintptr_t i = (uintptr_t)map_get(x->by_vsid, &vsid, sizeof(vsid));

	return i ? &x->subnets.items[i - 1] : NULL;
}

static int guid_order(const struct guid *a, const struct guid *b)
{
	return memcmp(a, b, sizeof(*a));
}

/* HN-2: a VSID is in one domain; documents that say otherwise are read the same way in whatever order they come. */
static void find_subnets(struct router *x)
{
	const struct customer_route_doc *r;

	for (size_t pos = 0; (r = docs_next(x->docs, &customer_route_kind, &pos));) {
		struct subnet *s = find_subnet(x, r->vsid);

		if (s) {
			if (guid_order(&r->rdid, &s->rdid) < 0)
				s->rdid = r->rdid;
			continue;
		}
		vec_push(&x->subnets, (struct subnet){ .vsid = r->vsid, .rdid = r->rdid });
		map_put(x->by_vsid, &r->vsid, sizeof(r->vsid), (void *)(uintptr_t)x->subnets.n);
	}
}

static int prefix_order(const struct prefix *a, const struct prefix *b)
{
	return a->len != b->len ? (int)a->len - (int)b->len : ip_compare(&a->ip, &b->ip);
}

static int route_order(const void *pa, const void *pb)
{
	const struct customer_route_doc *a = *(const struct customer_route_doc *const *)pa;
	const struct customer_route_doc *b = *(const struct customer_route_doc *const *)pb;
	int r = guid_order(&a->rdid, &b->rdid);

	if (r == 0)
		r = prefix_order(&a->prefix, &b->prefix);
	if (r == 0 && a->metric != b->metric)
		r = a->metric < b->metric ? -1 : 1;
	if (r == 0 && a->vsid != b->vsid)
		r = a->vsid < b->vsid ? -1 : 1;
	return r ? r : ip_compare(&a->next_hop, &b->next_hop);
}

static void find_routes(struct router *x)
{
	const struct customer_route_doc *r;

	for (size_t pos = 0; (r = docs_next(x->docs, &customer_route_kind, &pos));) {
		if (!guid_equal(&find_subnet(x, r->vsid)->rdid, &r->rdid))
			continue;
		vec_push(&x->routes, r);
	}
	vec_sort(&x->routes, route_order);
}

/* Of several the one with the lowest address, then MAC. */
static void keep_lowest(const struct record_doc **best, const struct record_doc *r)
{
	int order = *best ? ip_compare(&r->ca, &(*best)->ca) : -1;

	if (order < 0 || (order == 0 && memcmp(&r->mac, &(*best)->mac, sizeof(r->mac)) < 0))
		*best = r;
}

static const struct record_doc *lowest(const struct docs *d, uint32_t vsid, enum record_class class, bool v4)
{
	const struct record_doc *r, *best = NULL;

	for (size_t pos = 0; (r = records_in_subnet(d, vsid, class, &pos));)
		if (ip_is_v4(&r->ca) == v4)
			keep_lowest(&best, r);
	return best;
}

static void find_records(struct router *x)
{
	vec_foreach(&x->subnets, s) {
		for (int v4 = 0; v4 < 2; v4++) {
			s->gateway[v4] = lowest(x->docs, s->vsid, RECORD_ROUTER, v4);
			s->wildcard[v4] = lowest(x->docs, s->vsid, RECORD_WILDCARD, v4);
		}
	}
}

/* The record of a next hop. */
static const struct record_doc *find_hop(const struct router *x, uint32_t vsid, const struct ip *ca)
{
	const struct record_doc *r, *best = NULL;

	for (size_t pos = 0; (r = records_at_ca(x->docs, vsid, ca, &pos));)
		if (netvirt_is_carried(r))
			keep_lowest(&best, r);
	return best;
}

static void find_routed(struct router *x)
{
	vec_foreach(&x->subnets, s)
		if (s->gateway[false] || s->gateway[true])
			map_put(x->routed, &s->rdid, sizeof(s->rdid), x);
}

static struct mac router_mac(const struct router *x, uint32_t vsid, bool v4)
{
	const struct subnet *s = find_subnet(x, vsid);

	return s && s->gateway[v4] ? s->gateway[v4]->mac : (struct mac){ { 0 } };
}

static struct want_route route_of(const struct router *x, const struct customer_route_doc *r)
{
	struct want_route w = { .rdid = r->rdid, .prefix = r->prefix, .vsid = r->vsid, .on_link = ip_is_any(&r->next_hop),
				.router_mac = router_mac(x, r->vsid, ip_is_v4(&r->prefix.ip)) };
	const struct record_doc *wildcard = find_subnet(x, r->vsid)->wildcard[ip_is_v4(&r->prefix.ip)];
	const struct record_doc *hop = w.on_link ? NULL : find_hop(x, r->vsid, &r->next_hop);

	if (hop)
		w.mac = hop->mac;
	else if (r->prefix.len == 0 && wildcard)
		w.mac = wildcard->mac;
	return w;
}

struct senders {
	struct map *done; /* VSID: it has an entry for the prefix */
	size_t main;
};

static void want_for_sender(struct router *x, struct senders *s, uint32_t sender, const struct prefix *prefix,
			    const struct customer_route_doc *r)
{
	struct want_route w = route_of(x, r);

	if (map_put(s->done, &sender, sizeof(sender), x))
		return;
	w.sender = sender;
	w.prefix = *prefix;
	vec_push(&x->w->customer_routes, w);
	x->w->customer_routes.items[s->main].own = true;
}

/* What is inside a sender's own subnet is on its link, whatever longer routes there are (2.5 step 3). */
static void want_own_links(struct router *x, struct senders *s, const struct customer_route_doc *best,
			   const route_vec *on_link)
{
	vec_foreach(on_link, r)
		if (*r != best && (*r)->prefix.len <= best->prefix.len && prefix_contains(&(*r)->prefix, &best->prefix.ip))
			want_for_sender(x, s, (*r)->vsid, &best->prefix, *r);
}

/* Routes first to end: one domain's. */
static void want_domain(struct router *x, size_t first, size_t end)
{
	route_vec on_link = { 0 };

	for (size_t i = first; i < end; i++)
		if (ip_is_any(&x->routes.items[i]->next_hop))
			vec_push(&on_link, x->routes.items[i]);
	for (size_t i = first; i < end;) {
		const struct customer_route_doc *best = x->routes.items[i];
		struct senders s = { map_new(), x->w->customer_routes.n };

		vec_push(&x->w->customer_routes, route_of(x, best));
		want_own_links(x, &s, best, &on_link);
		map_put(s.done, &best->vsid, sizeof(best->vsid), x);
		for (; i < end && prefix_equal(&x->routes.items[i]->prefix, &best->prefix); i++)
			if (x->routes.items[i]->metric == best->metric)
				want_for_sender(x, &s, x->routes.items[i]->vsid, &best->prefix, x->routes.items[i]);
		map_free(s.done);
	}
	vec_done(&on_link);
}

static void want_routes(struct router *x)
{
	size_t end;

	for (size_t first = 0; first < x->routes.n; first = end) {
		for (end = first + 1; end < x->routes.n; end++)
			if (!guid_equal(&x->routes.items[end]->rdid, &x->routes.items[first]->rdid))
				break;
		if (map_get(x->routed, &x->routes.items[first]->rdid, sizeof(struct guid)))
			want_domain(x, first, end);
	}
}

static void want_subnets(struct router *x)
{
	struct netvirt_wants *w = x->w;

	vec_foreach(&x->subnets, s) {
		if (!map_get(x->routed, &s->rdid, sizeof(s->rdid)))
			continue;
		vec_push(&w->subnets, (struct want_subnet){ s->vsid, s->rdid, router_mac(x, s->vsid, true),
							    router_mac(x, s->vsid, false) });
		map_put(w->subnet_by_vsid, &s->vsid, sizeof(s->vsid), (void *)(uintptr_t)w->subnets.n);
	}
}

const struct want_subnet *netvirt_routed_subnet(const struct netvirt_wants *w, uint32_t vsid)
{
	uintptr_t i = (uintptr_t)map_get(w->subnet_by_vsid, &vsid, sizeof(vsid));

	return i ? &w->subnets.items[i - 1] : NULL;
}

static void tell_ports(struct router *x)
{
	vec_foreach(&x->w->ports, p) {
		const struct subnet *s = p->policy ? find_subnet(x, p->vsid) : NULL;

		if (!s)
			continue;
		p->rdid = s->rdid;
		if (s->gateway[true]) {
			p->router_mac = s->gateway[true]->mac;
			p->router = s->gateway[true]->ca;
		}
		if (s->gateway[false]) {
			p->router_mac6 = s->gateway[false]->mac;
			p->router6 = s->gateway[false]->ca;
		}
	}
}

void netvirt_want_router(const struct docs *d, struct netvirt_wants *w)
{
	const struct netvirt_global_doc *global = docs_get(d, &netvirt_global_kind, "global");
	struct router x = { .docs = d, .w = w, .by_vsid = map_new(), .routed = map_new() };

	if (!global || !global->use_external_router) {
		find_subnets(&x);
		find_routes(&x);
		find_records(&x);
		find_routed(&x);
		want_routes(&x);
		want_subnets(&x);
		tell_ports(&x);
	}
	vec_done(&x.subnets);
	vec_done(&x.routes);
	map_free(x.by_vsid);
	map_free(x.routed);
}
