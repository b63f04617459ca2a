/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>

#include "model_internal.h"

/* To the wire: NVGRE (2.6, WG-1, WG-2, WG-5), IP rewrite (2.7, decision 0007), and ICMP for what does not fit. */

/* ---- ICMP (RFC 792, RFC 1122 3.2.2, RFC 1191) ---- */

enum { QUOTE = IP4 + 8, ICMP = 8 };

static bool may_be_answered(const struct frame *f)
{
	const uint8_t *ip = f->b + ETHER;
	uint8_t type = ip[IP4];

	if (f->n < ETHER + QUOTE || (ip[0] & 0xf) != 5 || get16(ip + 6) & 0x1fff || !get32(ip + 12) || ip[12] >= 224)
		return false;
	/* errors: 3, 4, 5, 11, 12 and what has no meaning between them; 0 and 8 are echo */
	return ip[9] != IPPROTO_ICMP || type == 0 || type == 8 || type > 12;
}

void icmp_error(const struct model *m, const struct model_port *from, const struct frame *f, enum dp_drop_reason reason,
		uint8_t type, uint8_t code, uint16_t mtu, struct outcome *o)
{
	const struct record_doc *router = router_of(m, from->adapter->vsid);
	uint8_t *ip = o->out.b + ETHER, *icmp = ip + IP4;

	dropped(o, reason);
	if (!may_be_answered(f))
		return;
	o->counted = reason;
	o->verdict = DP_VERDICT_REPLY;
	o->detail = from->ifindex;
	o->out = (struct frame) { .n = ETHER + IP4 + ICMP + QUOTE };
	memcpy(o->out.b, f->b + 6, 6);
	memcpy(o->out.b + 6, router ? router->mac.b : f->b, 6);
	put16(o->out.b + 12, TYPE_IP4);
	put16(ip, 0x4500);
	put16(ip + 2, IP4 + ICMP + QUOTE);
	put16(ip + 8, 64 << 8 | IPPROTO_ICMP);
	put32(ip + 12, router ? ntohl(ip_v4(&router->ca)) : get32(f->b + ETHER + 16));
	memcpy(ip + 16, f->b + ETHER + 12, 4);
	put16(ip + 10, checksum(ip, IP4));
	put16(icmp, (uint32_t)type << 8 | code);
	put16(icmp + 6, mtu);
	memcpy(icmp + ICMP, f->b + ETHER, QUOTE);
	put16(icmp + 2, checksum(icmp, ICMP + QUOTE));
}

/* WG-5: nothing is fragmented; who asked for that is told what fits. */
static void too_big(const struct model *m, const struct model_port *from, const struct frame *f, uint32_t room,
		    struct outcome *o)
{
	if (type_of(f) == TYPE_IP4 && f->n >= ETHER + IP4 && get16(f->b + ETHER + 6) & 0x4000)
		icmp_error(m, from, f, DP_DROP_TOO_BIG, 3, 4, (uint16_t)room, o);
	else
		dropped(o, DP_DROP_TOO_BIG);
}

/* Of a large segment each piece has the headers of its packet, or the longest possible where they cannot be told. */
static bool fits(const struct frame *f, uint32_t room)
{
	const uint8_t *ip = f->b + ETHER;
	uint32_t headers = IP4 + 40 + 60;

	if (f->n - ETHER <= room)
		return true;
	if (!f->gso_size)
		return false;
	if (f->n >= ETHER + IP4 && (ip[0] & 0xf) == 5) {
		if (ip[9] == IPPROTO_UDP)
			headers = IP4 + 8;
		else if (ip[9] == IPPROTO_TCP && f->n >= ETHER + IP4 + 20)
			headers = IP4 + (ip[IP4 + 12] >> 4) * 4;
	}
	return f->gso_size + headers <= room;
}

/* ---- NVGRE ---- */

/* What the packets of a flow have in common; 0: no FlowID. */
static uint64_t flow_of(const struct frame *f)
{
	const uint8_t *ip = f->b + ETHER;
	uint64_t flow = 0xcbf29ce484222325u;
	size_t n = 0;

	if (type_of(f) != TYPE_IP4 || f->n < ETHER + IP4)
		return 0;
	if ((ip[0] & 0xf) == 5 && !(get16(ip + 6) & 0x3fff) && f->n >= ETHER + IP4 + 4 &&
	    (ip[9] == IPPROTO_TCP || ip[9] == IPPROTO_UDP || ip[9] == IPPROTO_SCTP))
		n = 4;
	flow = (flow ^ ip[9]) * 0x100000001b3u;
	for (size_t i = 12; i < IP4 + n; i++)
		flow = (flow ^ ip[i]) * 0x100000001b3u;
	return flow | 1;
}

/* Where a packet leaves this host, and its link addresses. */
static void to_underlay(const struct way *way, struct outcome *o)
{
	struct mac next;

	if (facts_neighbour(&way->via, &next)) {
		o->verdict = DP_VERDICT_SEND;
		o->detail = way->nic->ifindex;
		memcpy(o->out.b, next.b, 6);
		memcpy(o->out.b + 6, way->nic->mac.b, 6);
	} else {
		o->verdict = DP_VERDICT_SEND_NEIGH;
		o->detail = way->bridge;
		o->kernel_macs = true;
	}
}

static void hash_at(struct outcome *o, size_t at, uint8_t bits)
{
	o->hash[o->n_hash].at = at;
	o->hash[o->n_hash++].bits = bits;
}

static void write_ip4(uint8_t *ip, const struct ip *source, const struct ip *destination, size_t length,
		      uint8_t protocol)
{
	put16(ip, 0x4500);
	put16(ip + 2, (uint32_t)length);
	put16(ip + 6, 0x4000); /* WG-5 */
	put16(ip + 8, 64u << 8 | protocol);
	put32(ip + 12, ntohl(ip_v4(source)));
	put32(ip + 16, ntohl(ip_v4(destination)));
	put16(ip + 10, checksum(ip, IP4));
}

/* RFC 8200, RFC 6438 */
static void write_ip6(uint8_t *ip, const struct ip *source, const struct ip *destination, size_t payload,
		      uint8_t protocol, struct outcome *o)
{
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)payload);
	ip[6] = protocol;
	ip[7] = 64;
	memcpy(ip + 8, source, 16);
	memcpy(ip + 24, destination, 16);
	hash_at(o, ETHER + 1, 0x0f);
	hash_at(o, ETHER + 2, 0xff);
	hash_at(o, ETHER + 3, 0xff);
}

/* Outer Ethernet, IP, and what is between it and the inner frame (WG-1, WG-10, decision 0009). */
static void wrap(const struct ip *source, const struct record_doc *to, uint32_t vsid, const struct frame *f,
		 struct outcome *o)
{
	bool v4 = ip_is_v4(&to->pa), vxlan = to->rule == NETVIRT_ENCAP_VXLAN;
	size_t l4 = ETHER + (v4 ? 20 : 40), inner = l4 + (vxlan ? 16 : 8), payload = inner - l4 + f->n;
	uint8_t *b = o->out.b, protocol = vxlan ? IPPROTO_UDP : IPPROTO_GRE;

	o->out = (struct frame) { .n = inner + f->n };
	memcpy(b + inner, f->b, f->n);
	put16(b + 12, v4 ? TYPE_IP4 : TYPE_IP6);
	if (v4)
		write_ip4(b + ETHER, source, &to->pa, payload + 20, protocol);
	else
		write_ip6(b + ETHER, source, &to->pa, payload, protocol, o);
	if (vxlan) {
		put16(b + l4, 49152);
		put16(b + l4 + 2, 4789);
		put16(b + l4 + 4, (uint32_t)payload);
		b[l4 + 8] = 0x08;
		put32(b + l4 + 12, vsid << 8);
		hash_at(o, l4, 0x3f);
		hash_at(o, l4 + 1, 0xff);
	} else {
		put32(b + l4, 0x20006558);
		put32(b + l4 + 4, vsid << 8);
		hash_at(o, l4 + 7, 0xff);
	}
	o->flow = flow_of(f);
}

static void encapsulate(const struct model *m, const struct model_port *from, const struct ip *source,
			const struct record_doc *to, uint32_t vsid, const struct frame *f, const struct frame *original,
			struct outcome *o)
{
	uint32_t overhead = ETHER + (ip_is_v4(&to->pa) ? 20 : 40) + (to->rule == NETVIRT_ENCAP_VXLAN ? 16 : 8);
	struct way way;
	struct mac unused;

	if (!way_to(m, &to->pa, &way)) {
		dropped(o, DP_DROP_NO_NEXT_HOP);
		return;
	}
	if (!fits(original, way.nic->mtu - overhead)) {
		too_big(m, from, original, way.nic->mtu - overhead, o);
		return;
	}
	if (type_of(f) != TYPE_IP4 && !facts_neighbour(&way.via, &unused)) {
		dropped(o, DP_DROP_NO_NEXT_HOP);
		return;
	}
	if (f->gso_size) { /* see NO_LARGE_TUNNELS */
		dropped(o, DP_DROP_ENCAP_FAILED);
		return;
	}
	wrap(source, to, vsid, f, o);
	to_underlay(&way, o);
	sent(o, original);
}

/* ---- IP rewrite ---- */

/* Where the checksum is that covers the addresses; 0: there is none in this packet. */
static size_t checksum_at(const struct frame *f)
{
	const uint8_t *ip = f->b + ETHER;
	size_t l4 = ETHER + (ip[0] & 0xf) * 4u;

	if (get16(ip + 6) & 0x1fff)
		return 0;
	switch (ip[9]) {
	case IPPROTO_TCP:
		return l4 + 16;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_DCCP:
		return l4 + 6;
	}
	return 0;
}

/* RFC 1624 for eight bytes at once. */
static uint16_t checksum_changed(uint16_t check, const uint8_t *old, const uint8_t *new)
{
	uint32_t sum = (uint16_t)~check;

	for (size_t i = 0; i < 8; i += 2)
		sum += (uint32_t)(uint16_t)~get16(old + i) + get16(new + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

bool rewrite_addresses(struct frame *f, const struct ip *source, const struct ip *destination)
{
	size_t at = checksum_at(f);
	uint8_t *ip = f->b + ETHER, new[8];

	put32(new, ntohl(ip_v4(source)));
	put32(new + 4, ntohl(ip_v4(destination)));
	if (at) {
		uint16_t check = get16(f->b + at);

		if (at + 2 > f->n)
			return false;
		/* UDP without a checksum stays so, and no other becomes it (RFC 768) */
		if (ip[9] != IPPROTO_UDP || check) {
			check = checksum_changed(check, ip + 12, new);
			put16(f->b + at, ip[9] == IPPROTO_UDP && !check ? 0xffff : check);
		}
	}
	put16(ip + 10, checksum_changed(get16(ip + 10), ip + 12, new));
	memcpy(ip + 12, new, sizeof(new));
	return true;
}

static void rewrite(const struct model *m, const struct model_port *from, const struct record_doc *source,
		    const struct record_doc *to, const struct frame *f, struct outcome *o)
{
	struct mac vm = mac_at(f->b + 6);
	struct way way;

	if (!way_to(m, &to->pa, &way)) {
		dropped(o, DP_DROP_NO_NEXT_HOP);
		return;
	}
	if (!fits(f, way.nic->mtu)) {
		too_big(m, from, f, way.nic->mtu, o);
		return;
	}
	o->out = *f;
	if (!rewrite_addresses(&o->out, &source->pa, &to->pa)) {
		dropped(o, DP_DROP_REWRITE_FAILED);
		return;
	}
	to_underlay(&way, o);
	if (source->use_vm_mac && !o->kernel_macs) /* HN-11 */
		memcpy(o->out.b + 6, vm.b, 6);
	sent(o, f);
}

/* The record of an address that this machine has, if it is one of IP rewrite. */
static const struct record_doc *rewritten(const struct model *m, uint32_t vsid, const uint8_t *address,
					  const uint8_t *mac)
{
	struct ip ca = ip4_at(address);
	const struct record_doc *r = record_of(m, vsid, &ca);
	struct mac have = mac_at(mac);

	return r && is_rewrite(r) && mac_equal(&r->mac, &have) ? r : NULL;
}

/* HN-13: the record whose provider address the port sends from, one of this host and of that family. */
const struct record_doc *sender(const struct model *m, const struct model_port *from, bool v4)
{
	const struct record_doc *own = NULL;

	vec_foreach (&m->records, r)
		if ((*r)->vsid == from->adapter->vsid && mac_equal(&(*r)->mac, &from->adapter->mac) && !is_router(*r) &&
		    ip_is_v4(&(*r)->pa) == v4 && is_local(m, &(*r)->pa) &&
		    (!own || ip_compare(&(*r)->ca, &own->ca) < 0))
			own = *r;
	return own;
}

/* The source's own record, as the receiver asks for it; of a machine behind the port, too. */
static const struct record_doc *source_record(const struct model *m, const struct model_port *from,
					      const struct frame *f)
{
	struct ip ca = ip4_at(f->b + ETHER + 12);
	struct mac mac = mac_at(f->b + 6);
	const struct record_doc *r = record_of(m, from->adapter->vsid, &ca);

	return r && !is_router(r) && is_local(m, &r->pa) && mac_equal(&r->mac, &mac) ? r : NULL;
}

/* A machine behind the port whose address no record has: its first record is what the receiver knows of it. */
static const struct record_doc *inner_sender(const struct model *m, const struct model_port *from, const struct frame *f)
{
	struct mac mac = mac_at(f->b + 6);

	if (mac_equal(&mac, &from->adapter->mac) || !is_inner(m, from->adapter->vsid, &mac))
		return NULL;
	return machine(m, from->adapter->vsid, &mac);
}

/* Whose rule decides about IP rewrite: the source's record, or the machine's first one. */
const struct record_doc *speaker(const struct model *m, const struct model_port *from, const struct frame *f)
{
	const struct record_doc *r = type_of(f) == TYPE_IP4 && f->n >= ETHER + IP4 ? source_record(m, from, f) : NULL;

	return r ? r : inner_sender(m, from, f) ? inner_sender(m, from, f) : sender(m, from, true);
}

void send_frame(const struct model *m, const struct model_port *from, const struct record_doc *to, uint32_t vsid,
		const struct frame *f, const struct frame *original, struct outcome *o)
{
	const struct record_doc *source = NULL, *destination = NULL, *own = speaker(m, from, original), *at;
	struct mac mac;
	struct ip ca;
	bool within = f == original, is_ip4 = type_of(f) == TYPE_IP4 && f->n >= ETHER + IP4;

	if (within && is_ip4) {
		source = rewritten(m, vsid, f->b + ETHER + 12, f->b + 6);
		destination = rewritten(m, vsid, f->b + ETHER + 16, f->b);
		if (source && is_local(m, &source->pa) && destination && !is_local(m, &destination->pa)) {
			rewrite(m, from, source, destination, f, o);
			return;
		}
	}
	if (within && own && is_rewrite(own) && is_rewrite(to)) {
		dropped(o, is_ip4 ? DP_DROP_REWRITE_NO_ADDRESS : DP_DROP_REWRITE_NOT_IP);
		return;
	}
	ca = is_ip4 ? ip4_at(original->b + ETHER + 12) : (struct ip) { { 0 } };
	mac = mac_at(original->b + 6);
	at = record_of(m, from->adapter->vsid, &ca);
	o->source_unknown = !within && (!at || !mac_equal(&at->mac, &mac));
	at = is_ip4 ? source_record(m, from, original) : NULL;
	if (!at)
		at = inner_sender(m, from, original);
	if (!at)
		at = sender(m, from, ip_is_v4(&to->pa)); /* WG-8: the destination chooses the family */
	if (!at)
		dropped(o, sender(m, from, !ip_is_v4(&to->pa)) ? DP_DROP_PA_FAMILY : DP_DROP_NO_SOURCE_PA);
	else if (ip_is_v4(&at->pa) != ip_is_v4(&to->pa))
		dropped(o, DP_DROP_PA_FAMILY);
	else
		encapsulate(m, from, &at->pa, to, vsid, f, original, o);
}
