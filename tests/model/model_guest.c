/* SPDX-License-Identifier: Apache-2.0 */
#include "model_internal.h"

/* What becomes of a frame that a machine sends: catalogue 2.5, "outbound". */

enum { ARP = 28 };

/* ARP for IPv4 over Ethernet, at an offset: 0, or why it is none that anybody may send from this MAC address (NN-3). */
static enum dp_drop_reason arp_fault(const struct frame *f, size_t at)
{
	const uint8_t *arp = f->b + at;

	if (f->n < at + ARP)
		return DP_DROP_FRAME_TRUNCATED;
	if (get16(arp) != 1 || get16(arp + 2) != TYPE_IP4 || arp[4] != 6 || arp[5] != 4)
		return DP_DROP_ARP_MALFORMED;
	return memcmp(arp + 8, f->b + 6, 6) == 0 ? 0 : DP_DROP_ARP_SPOOFED;
}

/* NN-3, with spoofing off. Tags do not hide what somebody might take for ARP (decision 0012). */
static enum dp_drop_reason spoofed(const struct frame *f)
{
	size_t at = 12;

	if (type_of(f) == TYPE_IP4)
		return 0;
	while (at < 20 && f->n >= at + 2 && is_tag(get16(f->b + at)))
		at += 4;
	if (f->n < at + 2)
		return DP_DROP_FRAME_TRUNCATED;
	return get16(f->b + at) == TYPE_ARP ? arp_fault(f, at + 2) : 0;
}

/* WG-4: one 802.1Q tag is taken off, anything else that is tagged is refused. */
static bool untag(struct frame *f)
{
	if (!is_tag(type_of(f)))
		return true;
	if (type_of(f) != TYPE_TAG || f->n < ETHER + 4)
		return false;
	memmove(f->b + 12, f->b + 16, f->n - 16);
	f->n -= 4;
	return !is_tag(type_of(f));
}

/* ---- a virtual subnet without policy is a switch for its ports (decision 0001) ---- */

static bool same_segment(const struct model_port *a, const struct model_port *b)
{
	return a->adapter->vsid == b->adapter->vsid && guid_equal(&a->adapter->switch_id, &b->adapter->switch_id);
}

static void switched(const struct model *m, const struct model_port *from, const struct frame *f, struct outcome *o)
{
	struct mac dst = mac_at(f->b);
	uint32_t others = 0;

	sent(o, f);
	vec_foreach (&m->ports, p) {
		if (!same_segment(p, from))
			continue;
		if (mac_equal(&p->adapter->mac, &dst)) {
			if (p == from) {
				o->sent_packets = o->sent_bytes = 0;
				dropped(o, DP_DROP_DESTINATION_IS_SOURCE);
			} else {
				deliver(o, p, f, true);
			}
			return;
		}
		others += p != from;
	}
	o->out = *f;
	o->verdict = DP_VERDICT_FLOOD;
	o->detail = others;
	o->received_packets = 1;
	o->received_bytes = (uint32_t)f->n;
}

/* ---- with policy ---- */

/*
 * Step 1: a record of the virtual subnet has the MAC address and this customer address, or any (HN-7, HN-8). What is behind
 * the port with a MAC address of its own (a nested machine) must be of this host.
 */
static bool may_send(const struct model *m, const struct model_port *from, const struct mac *mac, const struct ip *ca)
{
	bool own = mac_equal(mac, &from->adapter->mac);

	vec_foreach (&m->records, p) {
		const struct record_doc *r = *p;

		if (r->vsid != from->adapter->vsid || !mac_equal(&r->mac, mac) || is_router(r) || is_taken(m, r, ca))
			continue;
		if (is_any(&r->ca) ? own || is_inner(m, r->vsid, mac) : ip_equal(&r->ca, ca) && (own || is_local(m, &r->pa)))
			return true;
	}
	return false;
}

/* Step 2: answered here, from the records; never sent on. */
static void arp(const struct model *m, const struct model_port *from, const struct frame *f, struct outcome *o)
{
	enum dp_drop_reason fault = arp_fault(f, ETHER);
	const uint8_t *in = f->b + ETHER;
	uint8_t *out = o->out.b + ETHER;
	const struct record_doc *r;
	struct mac asker;
	struct ip spa, tpa;

	if (fault) {
		dropped(o, fault);
		return;
	}
	asker = mac_at(f->b + 6), spa = ip4_at(in + 14), tpa = ip4_at(in + 24);
	r = record_of(m, from->adapter->vsid, &tpa);
	if (!is_any(&spa) && !may_send(m, from, &asker, &spa))
		dropped(o, DP_DROP_SOURCE_NOT_IN_POLICY);
	else if (get16(in + 6) != 1 || ip_equal(&spa, &tpa))
		dropped(o, DP_DROP_ARP_ANNOUNCEMENT);
	else if (!r)
		dropped(o, DP_DROP_ARP_UNKNOWN_TARGET);
	else if (mac_equal(&r->mac, &asker))
		dropped(o, DP_DROP_ARP_OWN_ADDRESS);
	else {
		o->out = *f;
		o->verdict = DP_VERDICT_REPLY;
		o->detail = from->ifindex;
		memcpy(o->out.b, asker.b, 6);
		memcpy(o->out.b + 6, r->mac.b, 6);
		put16(out + 6, 2);
		memcpy(out + 8, r->mac.b, 6);
		memcpy(out + 14, in + 24, 4);
		memcpy(out + 18, asker.b, 6);
		memcpy(out + 24, in + 14, 4);
	}
}

/* Step 1 for other frames: the machine must be known, as the port's or as one that can be behind it. */
static bool known_machine(const struct model *m, const struct model_port *from, const struct mac *mac)
{
	return (mac_equal(mac, &from->adapter->mac) && machine(m, from->adapter->vsid, mac)) ||
	       is_inner(m, from->adapter->vsid, mac);
}

/* Steps 3 to 5. */
static void forward(const struct model *m, const struct model_port *from, const struct frame *f, struct outcome *o)
{
	struct mac dst = mac_at(f->b);
	const struct record_doc *to = machine(m, from->adapter->vsid, &dst),
				*router = router_of(m, from->adapter->vsid);
	const struct model_port *port = port_of(m, from->adapter->vsid, &dst);

	if (f->b[0] & 1)
		dropped(o, DP_DROP_BROADCAST_OFF);
	else if (to && !is_local(m, &to->pa))
		send_frame(m, from, to, from->adapter->vsid, f, f, o);
	else if (to && port == from)
		dropped(o, DP_DROP_DESTINATION_IS_SOURCE);
	else if (to) {
		sent(o, f);
		if (port)
			deliver(o, port, f, true);
		else
			deliver_inner(m, from->ifindex, from->adapter->vsid, f, o);
	} else if (router && type_of(f) == TYPE_IP4 && mac_equal(&router->mac, &dst))
		route(m, from, f, o);
	else
		dropped(o, DP_DROP_DESTINATION_NOT_IN_POLICY);
}

static void by_policy(const struct model *m, const struct model_port *from, const struct frame *f, struct outcome *o)
{
	struct mac src = mac_at(f->b + 6);
	struct ip ca;

	switch (type_of(f)) {
	case TYPE_ARP:
		arp(m, from, f, o);
		return;
	case TYPE_IP6:
		/* the records here are of IPv4 alone; tests/packet has IPv6 */
		dropped(o, f->n < ETHER + 40 ? DP_DROP_FRAME_TRUNCATED : DP_DROP_IPV6_NOT_CARRIED);
		return;
	case TYPE_IP4:
		if (f->n < ETHER + IP4) {
			dropped(o, DP_DROP_FRAME_TRUNCATED);
			return;
		}
		ca = ip4_at(f->b + ETHER + 12);
		if (may_send(m, from, &src, &ca))
			break;
		dropped(o, DP_DROP_SOURCE_NOT_IN_POLICY);
		return;
	default:
		if (known_machine(m, from, &src))
			break;
		dropped(o, DP_DROP_SOURCE_NOT_IN_POLICY);
		return;
	}
	forward(m, from, f, o);
}

void model_from_guest(const struct model *m, uint32_t ifindex, const struct frame *in, struct outcome *o)
{
	const struct model_port *from = port_at(m, ifindex);
	struct frame f = *in;
	enum dp_drop_reason fault = 0;
	bool spoofing = from && from->adapter->spoofing;
	struct mac src = mac_at(in->b + 6);

	*o = (struct outcome) { 0 };
	if (spoofing && from->adapter->vsid && !(src.b[0] & 1) && !mac_equal(&src, &from->adapter->mac))
		inner_seen(m, from, &src);
	if (!from)
		dropped(o, DP_DROP_NO_PORT);
	else if (src.b[0] & 1)
		dropped(o, DP_DROP_SOURCE_MAC_GROUP);
	else if (!spoofing && !mac_equal(&src, &from->adapter->mac)) /* NN-1 */
		dropped(o, DP_DROP_SOURCE_MAC_SPOOFED);
	else if (!spoofing && (fault = spoofed(&f)))
		dropped(o, fault);
	else if (!from->adapter->vsid) { /* HN-1 */
		o->verdict = DP_VERDICT_PASS;
		o->out = f;
	} else if (!untag(&f))
		dropped(o, DP_DROP_GUEST_VLAN_TAG);
	else if (has_policy(m, from->adapter->vsid))
		by_policy(m, from, &f, o);
	else
		switched(m, from, &f, o);
}
