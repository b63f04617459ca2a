/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "model_internal.h"

/* What becomes of a frame that a NIC receives: catalogue 2.5, "inbound"; 2.6; 2.7 and decision 0007. */

enum { IP6 = 40, GRE = 8, VXLAN = 16, VXLAN_PORT = 4789 };

static void pass(const struct frame *f, struct outcome *o)
{
	o->verdict = DP_VERDICT_PASS;
	o->out = *f;
}

/* ---- IP rewrite ---- */

static const struct record_doc *stands_for(const struct model *m, const struct ip *pa)
{
	vec_foreach (&m->records, r)
		if (is_rewrite(*r) && ip_equal(&(*r)->pa, pa))
			return *r;
	return NULL;
}

/* Decision 0009: elsewhere the port is the host's own business. */
static bool takes_vxlan(const struct model *m)
{
	vec_foreach (&m->records, r)
		if ((*r)->rule == NETVIRT_ENCAP_VXLAN && !is_router(*r))
			return true;
	return false;
}

/* Does it look like one of the tunnels that a machine of encapsulation sends? */
static bool is_tunnel(const struct model *m, const struct frame *in)
{
	const uint8_t *ip = in->b + ETHER;

	return ip[9] == IPPROTO_GRE ||
	       (ip[9] == IPPROTO_UDP && (ip[0] & 0xf) == 5 && !(get16(ip + 6) & 0x1fff) && in->n >= ETHER + IP4 + 4 &&
		get16(ip + IP4 + 2) == VXLAN_PORT && takes_vxlan(m));
}

/* What comes for an address of a machine's is the machine's. False: it is none of these. */
static bool rewritten(const struct model *m, uint32_t ifindex, const struct frame *in, struct outcome *o)
{
	const uint8_t *ip = in->b + ETHER;
	const struct record_doc *to, *from;
	const struct model_port *port;
	struct ip source, destination;
	struct frame f = *in;

	if (in->n < ETHER + IP4 || ip[0] >> 4 != 4)
		return false;
	source = ip4_at(ip + 12), destination = ip4_at(ip + 16);
	to = stands_for(m, &destination), from = stands_for(m, &source);
	if (!to || !is_local(m, &destination) || (!from && is_tunnel(m, in)))
		return false;
	port = port_of(m, to->vsid, &to->mac);
	if (!from)
		dropped(o, DP_DROP_REWRITE_SOURCE_UNKNOWN);
	else if (is_local(m, &source))
		dropped(o, DP_DROP_OWN_PA_AS_SOURCE);
	else if (from->vsid != to->vsid)
		dropped(o, DP_DROP_REWRITE_SOURCE_ELSEWHERE);
	else if (!port && !inner_is_here(m, to->vsid, &to->mac))
		dropped(o, DP_DROP_REWRITE_NO_PORT);
	else if ((ip[0] & 0xf) < 5 ||
		 (!in->gso_size && (get16(ip + 2) > in->n - ETHER || get16(ip + 2) < (ip[0] & 0xf) * 4)) ||
		 !rewrite_addresses(&f, &from->ca, &to->ca))
		dropped(o, DP_DROP_REWRITE_MALFORMED);
	else {
		memcpy(f.b, to->mac.b, 6);
		memcpy(f.b + 6, from->mac.b, 6);
		if (port)
			deliver(o, port, &f, true);
		else
			deliver_inner(m, ifindex, to->vsid, &f, o);
	}
	return true;
}

/* ---- NVGRE and VXLAN, over IPv4 and IPv6 ---- */

struct tunnel {
	uint32_t vsid;
	struct ip source;
	size_t ip; /* length of the outer IP header */
	struct frame inner;
};

enum { OURS = 0, OTHERS = -1 };

/* The outer IP header: what both families say in their own ways. */
struct outer {
	struct ip source, destination;
	uint8_t protocol;
	size_t l4;
	uint32_t payload; /* behind the header, as it says */
	bool fragment, later, options;
};

static int read_ip4(const struct frame *f, struct outer *h)
{
	const uint8_t *ip = f->b + ETHER;

	if (f->n < ETHER + IP4)
		return DP_DROP_OUTER_TRUNCATED;
	*h = (struct outer) { .source = ip4_at(ip + 12),
			      .destination = ip4_at(ip + 16),
			      .protocol = ip[9],
			      .l4 = ETHER + (ip[0] & 0xf) * 4u,
			      .fragment = get16(ip + 6) & 0x3fff,
			      .later = get16(ip + 6) & 0x1fff,
			      .options = (ip[0] & 0xf) != 5 };
	h->payload = get16(ip + 2) < IP4 ? 0 : get16(ip + 2) - IP4;
	return ip[0] >> 4 == 4 ? OURS : OTHERS;
}

static bool mapped(const struct ip *ip)
{
	return ip_is_v4(ip);
}

/* Of extension headers only that of a fragment is looked at: no peer sends others. */
static int read_ip6(const struct frame *f, struct outer *h)
{
	const uint8_t *ip = f->b + ETHER;

	if (f->n < ETHER + IP6)
		return DP_DROP_OUTER_TRUNCATED;
	*h = (struct outer) { .protocol = ip[6], .l4 = ETHER + IP6, .payload = get16(ip + 4) };
	memcpy(&h->source, ip + 8, 16);
	memcpy(&h->destination, ip + 24, 16);
	if (ip[0] >> 4 != 6 || mapped(&h->source) || mapped(&h->destination))
		return OTHERS;
	if (ip[6] == IPPROTO_FRAGMENT) {
		h->fragment = true;
		h->protocol = f->n >= ETHER + IP6 + 8 ? ip[IP6] : 0;
		h->later = f->n >= ETHER + IP6 + 8 && get16(ip + IP6 + 2) & 0xfff8;
		h->l4 += 8;
	}
	return OURS;
}

static void take_inner(const struct frame *f, size_t at, size_t n, struct tunnel *t)
{
	/* padding that the wire added is no part of the inner frame */
	t->inner =
		(struct frame) { .n = f->gso_size ? f->n - at : n, .gso_size = f->gso_size, .gso_segs = f->gso_segs };
	memcpy(t->inner.b, f->b + at, t->inner.n);
}

static int vsid_of(uint32_t vsid, struct tunnel *t)
{
	t->vsid = vsid;
	return vsid < 0x1000 || vsid == 0xffffff ? DP_DROP_VSID_RESERVED : OURS; /* WG-3 */
}

/* WG-1, WG-5 */
static int open_gre(const struct frame *f, const struct outer *h, struct tunnel *t)
{
	const uint8_t *gre = f->b + h->l4;
	uint16_t flags;

	if (h->fragment)
		return DP_DROP_OUTER_FRAGMENT;
	if (h->options)
		return DP_DROP_OUTER_OPTIONS;
	if (f->n < h->l4 + 4)
		return DP_DROP_OUTER_TRUNCATED;
	if (get16(gre + 2) != 0x6558)
		return OTHERS;
	if (f->n < h->l4 + GRE || (!f->gso_size && (h->payload < GRE || h->payload > f->n - h->l4)))
		return DP_DROP_OUTER_TRUNCATED;
	flags = get16(gre);
	if (flags & 7)
		return DP_DROP_GRE_VERSION;
	if (flags & ~0x2000u)
		return DP_DROP_GRE_FLAGS;
	if (!flags)
		return DP_DROP_GRE_NO_KEY;
	take_inner(f, h->l4 + GRE, h->payload - GRE, t);
	return vsid_of(get32(gre + 4) >> 8, t);
}

/* RFC 7348 section 5, WG-10: only the first fragment tells by its port that it is ours; reserved bits are ignored. */
static int open_udp(const struct model *m, const struct frame *f, const struct outer *h, struct tunnel *t)
{
	const uint8_t *udp = f->b + h->l4;

	if (h->later || h->l4 < ETHER + IP4 || f->n < h->l4 + 4 || get16(udp + 2) != VXLAN_PORT || !takes_vxlan(m))
		return OTHERS;
	if (h->fragment)
		return DP_DROP_OUTER_FRAGMENT;
	if (h->options)
		return DP_DROP_OUTER_OPTIONS;
	if (f->n < h->l4 + VXLAN ||
	    (!f->gso_size && (h->payload > f->n - h->l4 || get16(udp + 4) > h->payload || get16(udp + 4) < VXLAN)))
		return DP_DROP_OUTER_TRUNCATED;
	if (!(udp[8] & 0x08))
		return DP_DROP_VXLAN_NO_VNI;
	take_inner(f, h->l4 + VXLAN, get16(udp + 4) - VXLAN, t);
	return vsid_of(get32(udp + 12) >> 8, t);
}

/* OURS, OTHERS (the kernel's), or why it is dropped. */
static int open_tunnel(const struct model *m, const struct frame *f, struct tunnel *t)
{
	bool v6 = type_of(f) == TYPE_IP6;
	struct outer h;
	int r = v6 ? read_ip6(f, &h) : read_ip4(f, &h);

	if (r != OURS)
		return r;
	if (!is_local(m, &h.destination))
		return OTHERS;
	if (v6 && h.fragment && f->n < ETHER + IP6 + 8)
		return DP_DROP_OUTER_TRUNCATED;
	t->source = h.source;
	t->ip = v6 ? IP6 : IP4;
	if (h.protocol == IPPROTO_GRE)
		return open_gre(f, &h, t);
	return h.protocol == IPPROTO_UDP ? open_udp(m, f, &h, t) : OTHERS;
}

/*
 * A routed packet carries a router's MAC address. Its domain must have a record of the source, in whichever subnet, at the
 * outer source; a wildcard stands for what has no record (HN-7).
 */
static int check_routed(const struct model *m, const struct tunnel *t)
{
	const struct guid *domain = domain_of(m, t->vsid);
	const struct record_doc *router = router_of(m, t->vsid), *exact = NULL, *wildcard = NULL, *found;
	struct ip ca = ip4_at(t->inner.b + ETHER + 12);
	struct mac src = mac_at(t->inner.b + 6);
	bool has_router = false;

	if (!domain || m->external_router)
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	vec_foreach (&m->routes, r)
		has_router |= guid_equal(&(*r)->rdid, domain) && router_of(m, (*r)->vsid);
	if (!has_router || mac_is_zero(&src) || (router && !mac_equal(&router->mac, &src)))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	vec_foreach (&m->records, p) {
		const struct record_doc *r = *p;
		const struct guid *of = domain_of(m, r->vsid);

		if (!of || !guid_equal(of, domain) || is_router(r) || is_local(m, &r->pa) ||
		    !ip_equal(&r->pa, &t->source))
			continue;
		/* without a router of its own, the subnet gets what the sender's router sends */
		found = router ? NULL : router_of(m, r->vsid);
		if (!router && (!found || !mac_equal(&found->mac, &src)))
			found = NULL;
		else
			found = r;
		if (ip_equal(&r->ca, &ca) && !is_any(&ca) && (!exact || found))
			exact = r;
		if (is_wildcard(r) && ip_is_v4(&r->ca))
			wildcard = r;
		if (found && (r == exact || r == wildcard))
			return OURS;
	}
	return router && !exact && !wildcard ? DP_DROP_ROUTED_SOURCE_UNKNOWN : DP_DROP_INNER_SOURCE_UNKNOWN;
}

/*
 * A record of the virtual subnet has the inner source, and its provider address is the outer source, or that of the machine
 * as a whole (machine()). ca NULL: a frame that has no customer address, the MAC address alone decides.
 */
static int check_source(const struct model *m, const struct tunnel *t, const struct ip *ca)
{
	struct mac src = mac_at(t->inner.b + 6);
	const struct record_doc *at = machine(m, t->vsid, &src);
	bool known = false;

	if (is_local(m, &t->source))
		return DP_DROP_OWN_PA_AS_SOURCE;
	vec_foreach (&m->records, p) {
		const struct record_doc *r = *p;

		if (r->vsid != t->vsid || is_router(r) || !mac_equal(&r->mac, &src) ||
		    (ca && !is_any(&r->ca) && (is_any(ca) || !ip_equal(&r->ca, ca))) || (ca && is_taken(m, r, ca)))
			continue;
		known = true;
		if ((ca && ip_equal(&r->pa, &t->source)) || ip_equal(&at->pa, &t->source))
			return OURS;
	}
	return known ? DP_DROP_WRONG_SOURCE_PA : DP_DROP_INNER_SOURCE_UNKNOWN;
}

/* The records are of IPv4 alone: no machine that they know has IPv6. */
static int check_ip6(const struct model *m, const struct tunnel *t)
{
	const struct frame *f = &t->inner;
	struct mac src = mac_at(f->b + 6);
	struct ip ca;

	if (f->n < ETHER + 40 || (!f->gso_size && get16(f->b + ETHER + 4) > f->n - ETHER - 40))
		return DP_DROP_INNER_TRUNCATED;
	memcpy(&ca, f->b + ETHER + 8, sizeof(ca));
	if (ip_is_v4(&ca) || ip_is_multicast(&ca) || ip_is_zero(&ca))
		return DP_DROP_INNER_SOURCE_UNKNOWN;
	if (machine(m, t->vsid, &src))
		return DP_DROP_IPV6_NOT_CARRIED;
	return is_local(m, &t->source) ? DP_DROP_OWN_PA_AS_SOURCE : DP_DROP_INNER_SOURCE_UNKNOWN;
}

static int check_inner(const struct model *m, const struct tunnel *t)
{
	const struct frame *f = &t->inner;
	struct ip ca;
	int r;

	if (f->n < ETHER)
		return DP_DROP_INNER_TRUNCATED;
	if (is_tag(type_of(f))) /* WG-4 */
		return DP_DROP_INNER_VLAN_TAG;
	if (f->b[6] & 1)
		return DP_DROP_SOURCE_MAC_GROUP;
	switch (type_of(f)) {
	case TYPE_IP4:
		if (f->n < ETHER + IP4 || (!f->gso_size && get16(f->b + ETHER + 2) > f->n - ETHER))
			return DP_DROP_INNER_TRUNCATED;
		ca = ip4_at(f->b + ETHER + 12);
		r = check_source(m, t, &ca);
		return r == DP_DROP_INNER_SOURCE_UNKNOWN ? check_routed(m, t) : r;
	case TYPE_ARP:
		if (f->n < ETHER + 28)
			return DP_DROP_INNER_TRUNCATED;
		if (get16(f->b + 14) != 1 || get16(f->b + 16) != TYPE_IP4 || f->b[18] != 6 || f->b[19] != 4)
			return DP_DROP_ARP_MALFORMED;
		if (memcmp(f->b + 22, f->b + 6, 6) != 0)
			return DP_DROP_ARP_SPOOFED;
		ca = ip4_at(f->b + 28);
		return check_source(m, t, &ca);
	case TYPE_IP6:
		return check_ip6(m, t);
	}
	return check_source(m, t, NULL);
}

void model_from_wire(const struct model *m, uint32_t ifindex, const struct frame *in, struct outcome *o)
{
	const struct record_doc *to;
	const struct model_port *port;
	struct tunnel t;
	struct mac dst;
	int r = OTHERS;

	*o = (struct outcome) { 0 };
	for (size_t i = 0; i < NICS; i++)
		if (m->facts->nics[i].ifindex == ifindex && is_uplink(m, m->facts->nics[i].name) &&
		    (type_of(in) == TYPE_IP4 || type_of(in) == TYPE_IP6))
			r = OURS;
	if (r == OURS) {
		if (type_of(in) == TYPE_IP4 && rewritten(m, ifindex, in, o))
			return;
		r = open_tunnel(m, in, &t);
	}
	if (r == OTHERS) {
		pass(in, o);
		return;
	}
	if (r == OURS)
		r = check_inner(m, &t);
	if (r != OURS) {
		dropped(o, (enum dp_drop_reason)r);
		return;
	}
	dst = mac_at(t.inner.b);
	to = machine(m, t.vsid, &dst);
	port = port_of(m, t.vsid, &dst);
	if (dst.b[0] & 1)
		dropped(o, DP_DROP_BROADCAST_OFF);
	else if (!to || !is_local(m, &to->pa) || (!port && !inner_is_here(m, t.vsid, &dst)))
		dropped(o, DP_DROP_DESTINATION_NOT_LOCAL);
	else if (in->gso_size) /* see NO_LARGE_TUNNELS */
		dropped(o, DP_DROP_DECAP_FAILED);
	else {
		/* the kernel makes no packet shorter than its IP header: to Ethernet's minimum then, as a wire would */
		o->short_n = t.inner.n;
		if (t.inner.n < ETHER + (type_of(&t.inner) == TYPE_IP4 ? IP4 : t.ip))
			t.inner.n = 60;
		if (port)
			deliver(o, port, &t.inner, type_of(&t.inner) == TYPE_IP4);
		else
			deliver_inner(m, ifindex, t.vsid, &t.inner, o);
	}
}

enum dp_drop_reason model_refused(const struct model *m, const struct frame *wire)
{
	struct provider_address_doc pa = { .prefix_len = 0 };
	const struct provider_address_doc *its = &pa;
	struct model there = *m;
	struct outcome o = { 0 };
	struct tunnel t;
	int r;

	if (type_of(wire) == TYPE_IP4)
		pa.pa = ip4_at(wire->b + ETHER + 16);
	else
		memcpy(&pa.pa, wire->b + ETHER + 24, sizeof(pa.pa));
	there.pas.items = &its;
	there.pas.n = 1;
	if (type_of(wire) == TYPE_IP4 && rewritten(&there, 0, wire, &o))
		return o.verdict == DP_VERDICT_DROP && o.detail != DP_DROP_REWRITE_NO_PORT ? o.detail : 0;
	r = open_tunnel(&there, wire, &t);
	if (r == OURS)
		r = check_inner(&there, &t);
	return r == OTHERS ? DP_DROP_MAX : (enum dp_drop_reason)r;
}
