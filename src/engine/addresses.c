/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/*
 * Provider addresses on the bridges, provider routes, and static forwarding entries: sets of the same shape. What is there is
 * looked at on this instance's bridges only.
 */

static const struct link *bridge_of_nic(struct pass *p, const char *nic)
{
	vec_foreach(&p->switches, s)
		if (streq(s->nic, nic))
			return pass_link(p, s->bridge);
	return NULL;
}

static bool is_our_bridge(struct pass *p, int ifindex)
{
	vec_foreach(&p->switches, s) {
		const struct link *l = pass_link(p, s->bridge);

		if (l && l->ifindex == ifindex)
			return true;
	}
	return false;
}

static int address_key(const void *a, const void *b)
{
	const struct address *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex - y->ifindex;
	return ip_compare(&x->ip, &y->ip) ? ip_compare(&x->ip, &y->ip) : x->prefix_len - y->prefix_len;
}

static void address_change(void *arg, const void *have, const void *want)
{
	struct pass *p = arg;
	const struct address *a = want ? want : have;
	char text[IP_TEXT_SIZE];
	int r = address_apply(p->g->nl, want ? CHANGE_ADD : CHANGE_DELETE, have, want);

	if (r < 0 && !(have && (r == -EADDRNOTAVAIL || r == -ENODEV)))
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot %s the provider address %s", want ? "set" : "remove",
			    ip_format(&a->ip, text));
	pass_wrote(p, "provider address %s %s", ip_format(&a->ip, text), want ? "set" : "removed");
}

static void want_address(struct pass *p, const struct want_pa *pa, uint32_t flags, struct address_vec *ret)
{
	const struct link *l = bridge_of_nic(p, pa->nic);

	if (l)
		vec_push(ret, (struct address){ .ifindex = l->ifindex, .ip = pa->pa, .prefix_len = pa->prefix_len,
						.proto = ADDRESS_PROTO_NESTOR, .flags = flags });
}

/* Modified EUI-64 of the bridge's MAC address (RFC 4291 appendix A): the host asks for its next hops from it. */
static struct want_pa link_local(const struct want_pa *pa, const struct mac *mac)
{
	struct want_pa w = { .prefix_len = 64, .pa = { { 0xfe, 0x80 } } };

	memcpy(w.nic, pa->nic, sizeof(w.nic));
	memcpy(w.pa.b + 8, (const uint8_t[]){ mac->b[0] ^ 2, mac->b[1], mac->b[2], 0xff, 0xfe, mac->b[3], mac->b[4], mac->b[5] }, 8);
	return w;
}

/* Neighbour discovery needs a link-local address (RFC 4861 7.2.2), and a bridge makes none by itself. */
static void want_link_locals(struct pass *p, struct address_vec *ret)
{
	vec_foreach(&p->netvirt.pas, pa) {
		const struct link *l = ip_is_v4(&pa->pa) ? NULL : bridge_of_nic(p, pa->nic);
		struct want_pa w;
		bool twice = false;

		if (!l)
			continue;
		w = link_local(pa, &l->mac);
		vec_foreach(ret, a)
			twice |= a->ifindex == l->ifindex && ip_equal(&a->ip, &w.pa);
		if (!twice)
			want_address(p, &w, ADDRESS_NODAD, ret);
	}
}

static void addresses(struct pass *p)
{
	struct address_vec want = { 0 }, all = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&p->netvirt.pas, pa)
		want_address(p, pa, ADDRESS_NODAD, &want);
	want_link_locals(p, &want);
	/* A group is joined by the kernel itself, so that the host stays in it when this daemon ends. */
	vec_foreach(&p->netvirt.heard, pa)
		want_address(p, pa, ADDRESS_JOIN | ADDRESS_NODAD, &want);
	address_observe(p->g->nl, 0, &all);
	vec_sort(&want, address_key);
	/* What somebody else put there stays; a wanted one is taken as it is. */
	vec_foreach(&all, a)
		if (is_our_bridge(p, a->ifindex) &&
		    (a->proto == ADDRESS_PROTO_NESTOR ||
		     (want.n && bsearch(a, want.items, want.n, sizeof(*a), address_key))))
			vec_push(&have, *a);
	vec_sort(&have, address_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct address), address_key, NULL,
			   address_change, p };
	diff_run(&d);
	vec_done(&want);
	vec_done(&all);
	vec_done(&have);
}

static int route_key(const void *a, const void *b)
{
	const struct route *x = a, *y = b;
	int r = ip_compare(&x->dst.ip, &y->dst.ip);

	if (r || x->dst.len != y->dst.len)
		return r ? r : x->dst.len - y->dst.len;
	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

static bool route_same(const void *have, const void *want)
{
	const struct route *h = have, *w = want;

	return h->ifindex == w->ifindex && ip_equal(&h->gateway, &w->gateway);
}

static void route_change(void *arg, const void *have, const void *want)
{
	struct pass *p = arg;
	const struct route *route = want ? want : have;
	char text[PREFIX_TEXT_SIZE];
	int r = route_apply(p->g->nl, !have ? CHANGE_ADD : !want ? CHANGE_DELETE : CHANGE_MODIFY, have, want);

	if (r < 0 && !(!want && r == -ESRCH))
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot %s the provider route to %s", want ? "set" : "remove",
			    prefix_format(&route->dst, text));
	pass_wrote(p, "provider route to %s %s", prefix_format(&route->dst, text), want ? "set" : "removed");
}

static void routes(struct pass *p)
{
	struct route_vec want = { 0 }, all = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&p->netvirt.routes, r) {
		const struct link *l = bridge_of_nic(p, r->nic);
		struct route route = { .dst = r->prefix, .metric = r->metric, .protocol = ROUTE_PROTOCOL_NESTOR };

		if (!l)
			continue;
		route.ifindex = l->ifindex;
		if (!ip_is_any(&r->next_hop))
			route.gateway = r->next_hop;
		vec_push(&want, route);
	}
	route_observe(p->g->nl, ROUTE_PROTOCOL_NESTOR, &all);
	vec_foreach(&all, r)
		if (is_our_bridge(p, r->ifindex))
			vec_push(&have, *r);
	vec_sort(&want, route_key);
	vec_sort(&have, route_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct route), route_key, route_same, route_change, p };
	diff_run(&d);
	vec_done(&want);
	vec_done(&all);
	vec_done(&have);
}

void step_addresses(struct pass *p)
{
	addresses(p);
	routes(p);
}

static int fdb_key(const void *a, const void *b)
{
	const struct fdb *x = a, *y = b;

	return x->port != y->port ? x->port - y->port : memcmp(&x->mac, &y->mac, sizeof(x->mac));
}

static void fdb_change(void *arg, const void *have, const void *want)
{
	struct pass *p = arg;
	int r = fdb_apply(p->g->nl, want ? CHANGE_ADD : CHANGE_DELETE, have, want);

	if (r < 0 && want)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot set a forwarding entry");
	pass_wrote(p, "forwarding entry %s", want ? "set" : "removed");
}

/* A port without spoofing does not learn: its one address is entered. */
void step_forwarding(struct pass *p)
{
	struct fdb_vec want = { 0 }, all = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&p->ports, port) {
		const struct link *l = pass_link(p, port->name);

		if (l && l->master && port->bridge[0] && !port->vsid && !port->spoofing)
			vec_push(&want, (struct fdb){ .bridge = l->master, .port = l->ifindex, .mac = port->mac });
	}
	fdb_observe(p->g->nl, 0, &all);
	vec_foreach(&all, f)
		if (is_our_bridge(p, f->bridge))
			vec_push(&have, *f);
	vec_sort(&want, fdb_key);
	vec_sort(&have, fdb_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct fdb), fdb_key, NULL, fdb_change, p };
	diff_run(&d);
	vec_done(&want);
	vec_done(&all);
	vec_done(&have);
}

static int neigh_key(const void *a, const void *b)
{
	const struct neigh *x = a, *y = b;

	return x->ifindex != y->ifindex ? x->ifindex - y->ifindex : ip_compare(&x->ip, &y->ip);
}

static void neigh_change(void *arg, const void *have, const void *want)
{
	struct pass *p = arg;
	const struct neigh *n = want ? want : have;
	char text[IP_TEXT_SIZE];
	int r = neigh_apply(p->g->nl, want ? CHANGE_ADD : CHANGE_DELETE, have, want);

	if (r < 0 && want)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot ask for the link address of %s", ip_format(&n->ip, text));
	pass_wrote(p, "neighbour %s %s", ip_format(&n->ip, text), want ? "asked for" : "removed");
}

/* The kernel keeps the link addresses of provider next hops known by itself, whether or not this daemon runs. */
void step_neighbours(struct pass *p)
{
	struct neigh_vec want = { 0 }, all = { 0 }, have = { 0 };
	size_t n_unique = 0;
	struct diff d;

	vec_foreach(&p->netvirt.hops, hop) {
		const struct link *l = hop->nic[0] && !ip_is_multicast(&hop->pa) ? bridge_of_nic(p, hop->nic) : NULL;

		if (l)
			vec_push(&want, (struct neigh){ .ifindex = l->ifindex, .ip = hop->via, .managed = true,
							.protocol = NEIGH_PROTOCOL_NESTOR });
	}
	vec_sort(&want, neigh_key);
	/* Many hosts are behind one gateway, and one host may be reached in several ways. */
	for (size_t i = 0; i < want.n; i++)
		if (i == 0 || neigh_key(&want.items[n_unique - 1], &want.items[i]) != 0)
			want.items[n_unique++] = want.items[i];
	want.n = n_unique;
	neigh_observe(p->g->nl, 0, &all);
	vec_foreach(&all, n)
		if (is_our_bridge(p, n->ifindex) && n->protocol == NEIGH_PROTOCOL_NESTOR)
			vec_push(&have, *n);
	vec_sort(&have, neigh_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct neigh), neigh_key, NULL, neigh_change, p };
	diff_run(&d);
	vec_done(&want);
	vec_done(&all);
	vec_done(&have);
}
