/* SPDX-License-Identifier: Apache-2.0 */
#include "map.h"
#include "netvirt_wants.h"

/* What lookup records want, entry by entry. Nothing here goes through more records than share the entry's key. */

bool netvirt_is_local(const struct netvirt_wants *w, const struct ip *pa)
{
	return map_get(w->local_pas, pa, sizeof(*pa)) != NULL;
}

const struct want_vport *netvirt_port_with(const struct netvirt_wants *w, uint32_t segment, const struct mac *mac)
{
	struct port_key key = { .segment = segment, .mac = *mac };
	uintptr_t i = (uintptr_t)map_get(w->port_by_mac, &key, sizeof(key));

	return i ? &w->ports.items[i - 1] : NULL;
}

bool netvirt_is_port_dest(const struct want_vport *p)
{
	return p->vsid && !p->policy;
}

static void take_link(char link[static 16], const struct want_vport *p)
{
	if (p)
		memcpy(link, p->link, sizeof(p->link));
}

/* Without policy the ports of a segment know each other by their MAC addresses. */
static bool want_port_dest(const struct netvirt_wants *w, uint32_t segment, const struct mac *mac, struct want_dest *ret)
{
	const struct want_vport *p = netvirt_port_with(w, segment, mac);

	if (!p || !netvirt_is_port_dest(p))
		return false;
	*ret = (struct want_dest){ .segment = segment, .mac = *mac };
	take_link(ret->link, p);
	return true;
}

static void dest_add(struct want_dest *w, const struct record_doc *r, bool decides)
{
	bool v4 = ip_is_v4(&r->ca), any = ip_is_any(&r->ca), known = netvirt_is_wildcard(r);

	*(v4 ? &w->any_ca : &w->any_ca6) |= any;
	*(v4 ? &w->any_known : &w->any_known6) |= known;
	w->ca6 |= !v4;
	w->some_rewrite |= netvirt_is_rewrite(r);
	if (!decides)
		return;
	w->pa = r->pa;
	w->encap = netvirt_encap(r);
	w->ca = r->ca;
	w->rewrite = netvirt_is_rewrite(r);
}

/* One entry a MAC; where records differ in their provider address the lowest customer address counts, whatever the order. */
bool netvirt_want_dest(const struct netvirt_wants *w, uint32_t segment, const struct mac *mac, struct want_dest *ret,
		       size_t *ret_by)
{
	struct want_dest dest = { .segment = segment, .mac = *mac };
	const struct record_doc *r, *best = NULL;

	*ret_by = 0;
	for (size_t pos = 0; (r = records_at_mac(w->docs, segment, mac, &pos));) {
		bool decides;

		if (!netvirt_is_carried(r) || netvirt_is_gateway_record(r))
			continue;
		decides = !best || ip_compare(&r->ca, &best->ca) < 0;
		dest_add(&dest, r, decides);
		if (decides) {
			best = r;
			*ret_by = pos;
		}
	}
	if (!best)
		return want_port_dest(w, segment, mac, ret);
	dest.remote = !netvirt_is_local(w, &dest.pa);
	if (!dest.remote)
		take_link(dest.link, netvirt_port_with(w, segment, mac));
	dest.inner = !dest.remote && !dest.link[0];
	*ret = dest;
	return true;
}

/* The rules allow one record a customer address; of several, which documents of another version may have, the lowest MAC. */
bool netvirt_want_ca(const struct netvirt_wants *w, uint32_t segment, const struct ip *ca, struct want_ca *ret, size_t *ret_by)
{
	const struct record_doc *r, *best = NULL;

	if (ip_is_any(ca))
		return false;
	for (size_t pos = 0; (r = records_at_ca(w->docs, segment, ca, &pos));) {
		if (!netvirt_is_carried(r) || (best && memcmp(&r->mac, &best->mac, sizeof(r->mac)) > 0))
			continue;
		best = r;
		*ret_by = pos;
	}
	if (!best)
		return false;
	*ret = (struct want_ca){ segment, *ca, best->mac, best->pa, netvirt_is_local(w, &best->pa), netvirt_is_gateway_record(best),
				 netvirt_is_rewrite(best), netvirt_is_rewrite(best) && best->use_vm_mac };
	return true;
}

static int rewrite_order(const struct record_doc *a, const struct record_doc *b)
{
	int r = a->vsid < b->vsid ? -1 : a->vsid > b->vsid;

	if (r == 0)
		r = ip_compare(&a->ca, &b->ca);
	return r ? r : memcmp(&a->mac, &b->mac, sizeof(a->mac));
}

/* The rules refuse a second record with the provider address; documents of another version may have it. */
bool netvirt_want_rewrite(const struct netvirt_wants *w, const struct ip *pa, struct want_rewrite *ret, size_t *ret_by)
{
	const struct record_doc *r, *best = NULL;

	for (size_t pos = 0; (r = records_at_pa(w->docs, pa, NETVIRT_NAT, true, &pos));) {
		if (!netvirt_is_rewrite(r) || (best && rewrite_order(r, best) > 0))
			continue;
		best = r;
		*ret_by = pos;
	}
	if (!best)
		return false;
	*ret = (struct want_rewrite){ .pa = *pa, .segment = best->vsid, .ca = best->ca, .mac = best->mac,
				      .local = netvirt_is_local(w, pa), .vm_mac = best->use_vm_mac };
	if (ret->local)
		take_link(ret->link, netvirt_port_with(w, best->vsid, &best->mac));
	return true;
}

/*
 * Only what other hosts may send: this host's own addresses never come from the wire. The same address in two subnets of a
 * domain has one entry.
 */
bool netvirt_want_source(const struct netvirt_wants *w, const struct guid *rdid, const struct ip *ca, const struct ip *pa,
			 struct want_source *ret, size_t *ret_by)
{
	const struct record_doc *r, *best = NULL;
	struct want_source source = { *rdid, *ca, *pa, { { 0 } } };

	if (netvirt_is_local(w, pa))
		return false;
	for (size_t pos = 0; (r = records_at_source(w->docs, ca, pa, &pos));) {
		const struct want_subnet *s = netvirt_routed_subnet(w, r->vsid);
		const struct mac *router;
		int order;

		if (!s || !guid_equal(&s->rdid, rdid))
			continue;
		router = ip_is_v4(ca) ? &s->router_mac : &s->router_mac6;
		order = best ? memcmp(router, &source.router_mac, sizeof(*router)) : 1;
		if (order < 0 || (order == 0 && r->vsid >= best->vsid))
			continue;
		best = r;
		source.router_mac = *router;
		*ret_by = pos;
	}
	if (best)
		*ret = source;
	return best != NULL;
}
