/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "model_internal.h"

/*
 * Frames, most of them such as a machine of the policy would send, many not quite, some of them broken. What is chosen
 * from is what the policy has, so that even what is wrong is nearly right.
 */

static void add(struct frame *f, const void *bytes, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, bytes, n);
	f->n += n;
}

static void add16(struct frame *f, uint32_t v)
{
	uint8_t b[2];

	put16(b, v);
	add(f, b, 2);
}

static void add32(struct frame *f, uint32_t v)
{
	add16(f, v >> 16);
	add16(f, v & 0xffff);
}

static void add_mac(struct frame *f, const struct mac *mac)
{
	add(f, mac->b, 6);
}

static const struct record_doc *any_record(const struct model *m)
{
	return m->records.items[dice((uint32_t)m->records.n)];
}

/* A record of the virtual subnet, mostly of a machine that there is; or where that has none any. */
static const struct record_doc *record_in(const struct model *m, uint32_t vsid)
{
	const struct record_doc *found = NULL;
	bool there = !one_in(6);
	uint32_t n = 0;

	vec_foreach (&m->records, p) {
		const struct record_doc *r = *p;

		if (r->vsid == vsid && (!there || !is_local(m, &r->pa) || port_of(m, vsid, &r->mac)) && one_in(++n))
			found = r;
	}
	return found ? found : any_record(m);
}

static const struct record_doc *record_with(const struct model *m, uint32_t vsid, const struct mac *mac)
{
	const struct record_doc *found = NULL;
	uint32_t n = 0;

	vec_foreach (&m->records, r)
		if ((*r)->vsid == vsid && mac_equal(&(*r)->mac, mac) && one_in(++n))
			found = *r;
	return found;
}

static struct mac odd_mac(void)
{
	static const struct mac macs[] = { { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } },
					   { { 1, 0, 0x5e, 0, 0, 5 } },
					   { { 0 } },
					   { { 2, 0, 0, 0, 0, 200 } },
					   { { 0x33, 0x33, 0, 0, 0, 1 } } };

	return macs[dice(ARRAY_SIZE(macs))];
}

static uint32_t odd_address(void)
{
	static const uint32_t addresses[] = { 0,	  0xffffffff, 0xe0000005, 0x7f000001, 0x08080808,
					      0x0a090901, 0x0a140501, 0x0a140601, 0x0a0000ff };

	return one_in(3) ? 0x0a000000 | dice(3) << 8 | dice(40) : addresses[dice(ARRAY_SIZE(addresses))];
}

/* ---- layer 3 and 4 ---- */

static void add_layer4(struct frame *f, uint8_t protocol)
{
	static const uint16_t ports[] = { 7, 80, 443, 5001 };

	switch (protocol) {
	case IPPROTO_TCP:
		add16(f, ports[dice(4)]);
		add16(f, ports[dice(4)]);
		add32(f, dice(1 << 30));
		add32(f, dice(1 << 30));
		add16(f, (5 + (one_in(4) ? dice(11) : 0)) << 12 | 0x10);
		add16(f, 1024);
		add16(f, dice(0x10000));
		add16(f, 0);
		break;
	case IPPROTO_ICMP:
		add16(f, (one_in(2) ? 8 : dice(20)) << 8);
		add16(f, dice(0x10000));
		add32(f, dice(1 << 30));
		break;
	case IPPROTO_GRE:
		add32(f, 0x20006558);
		add32(f, (5000 + dice(3)) << 8);
		break;
	default:
		add16(f, ports[dice(4)]);
		add16(f, ports[dice(4)]);
		add16(f, 8);
		add16(f, one_in(4) ? (one_in(2) ? 0 : 0xffff) : dice(0x10000));
	}
}

static size_t payload_size(void)
{
	if (!one_in(10))
		return dice(64);
	return one_in(2) ? dice(1600) : 1300 + dice(220);
}

static void add_payload(struct frame *f, size_t n)
{
	for (; n; n--) {
		uint8_t b = (uint8_t)dice(256);

		add(f, &b, 1);
	}
}

static void add_ip4(struct frame *f, uint32_t source, uint32_t destination)
{
	static const uint8_t protocols[] = { IPPROTO_UDP,  IPPROTO_TCP,	    IPPROTO_ICMP, IPPROTO_GRE,
					     IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_DCCP, 99 };
	uint8_t protocol = protocols[one_in(3) ? dice(ARRAY_SIZE(protocols)) : dice(3)], *ip = f->b + f->n;
	size_t at = f->n, options = one_in(20) ? 4 * (1 + dice(3)) : 0;

	add16(f, 0x4500 + (uint32_t)options / 4 * 0x100);
	add16(f, 0);
	add16(f, dice(0x10000));
	add16(f, one_in(3) ? 0 : one_in(8) ? dice(0x4000) : 0x4000);
	add16(f, (one_in(8) ? dice(3) : 64) << 8 | protocol);
	add16(f, 0);
	add32(f, source);
	add32(f, destination);
	f->n += options;
	memset(ip + IP4, 0, options);
	add_layer4(f, protocol);
	add_payload(f, payload_size());
	put16(ip + 2, (uint32_t)(f->n - at));
	put16(ip + 10, one_in(16) ? dice(0x10000) : checksum(ip, IP4 + options));
}

static void add_arp(struct frame *f, const struct mac *source, uint32_t spa, uint32_t tpa)
{
	struct mac other = odd_mac();

	add16(f, one_in(20) ? 6 : 1);
	add16(f, one_in(20) ? 0x86dd : TYPE_IP4);
	add16(f, one_in(20) ? 0x0804 : 0x0604);
	add16(f, one_in(6) ? dice(4) : 1);
	add_mac(f, one_in(10) ? &other : source);
	add32(f, spa);
	add_mac(f, &(struct mac) { { 0 } });
	add32(f, tpa);
	add_payload(f, one_in(3) ? dice(20) : 0);
}

/*
 * Between two machines: addresses of their records mostly. Without policy no IPv6: its neighbour discovery is looked into
 * there, and tests/packet has that.
 */
static void add_body(struct frame *f, uint32_t vlan_tags, bool policy, const struct mac *mac, uint32_t source,
		     uint32_t destination)
{
	static const uint16_t tags[] = { 0x8100, 0x8100, 0x88a8, 0x9100 };
	uint32_t what = dice(20);

	for (; vlan_tags; vlan_tags--) {
		add16(f, tags[dice(4)]);
		add16(f, dice(4096));
	}
	if (what < 15) {
		add16(f, TYPE_IP4);
		add_ip4(f, source, destination);
	} else if (what < 18) {
		add16(f, TYPE_ARP);
		add_arp(f, mac, one_in(8) ? 0 : source, one_in(10) ? source : destination);
	} else {
		add16(f, policy && one_in(4) ? TYPE_IP6 : 0x88b5);
		add_payload(f, 1 + payload_size());
	}
}

/* Cut short, or a byte changed, or padded. */
static void disturb(struct frame *f)
{
	size_t least;

	if (one_in(25))
		f->n = MIN(f->n, ETHER + 1 + dice((uint32_t)f->n));
	if (one_in(15))
		f->b[dice((uint32_t)MIN(f->n, 96u))] = (uint8_t)dice(256);
	if (one_in(30))
		add_payload(f, dice(30));
	/* the kernel has no test run for IP below its header */
	least = get16(f->b + 12) == TYPE_IP4 ? ETHER + IP4 : get16(f->b + 12) == TYPE_IP6 ? ETHER + 40 : ETHER + 1;
	if (f->n < least)
		add_payload(f, least - f->n);
	/* what a NIC or a guest calls one large packet */
	if (one_in(40) && f->n > 600 && get16(f->b + 12) == TYPE_IP4) {
		f->gso_size = 100 + dice(1500);
		f->gso_segs = (uint32_t)f->n / f->gso_size + 1;
	}
}

static uint32_t v4(const struct ip *ip)
{
	return ip_is_v4(ip) ? ntohl(ip_v4(ip)) : 0;
}

/* ---- from a guest ---- */

static const struct record_doc *router_record(const struct model *m, uint32_t vsid)
{
	vec_foreach (&m->records, r)
		if ((*r)->vsid == vsid && v4(&(*r)->pa) == 0xa9fefefe)
			return *r;
	return NULL;
}

void packet_from_guest(const struct model *m, struct frame *f, uint32_t *ret_ifindex)
{
	const struct model_port *port = m->ports.n ? &m->ports.items[dice((uint32_t)m->ports.n)] : NULL;
	uint32_t vsid = port ? port->adapter->vsid : 0, source, destination;
	const struct record_doc *to = record_in(m, vsid), *from, *router = router_record(m, vsid);
	struct mac src = port ? port->adapter->mac : odd_mac(), dst = to->mac;

	*ret_ifindex = port && !one_in(200) ? port->ifindex : m->facts->port[dice(ADAPTERS)];
	f->n = 0;
	f->gso_size = f->gso_segs = 0;
	if (one_in(10))
		src = one_in(3) ? odd_mac() : record_in(m, vsid)->mac;
	from = record_with(m, vsid, &src);
	if (port && !has_policy(m, vsid) && one_in(2))
		dst = m->ports.items[dice((uint32_t)m->ports.n)].adapter->mac;
	if (one_in(12))
		dst = one_in(2) ? odd_mac() : any_record(m)->mac;
	source = from && !one_in(20) ? v4(&from->ca) : one_in(2) ? odd_address() : v4(&record_in(m, vsid)->ca);
	destination = v4(&to->ca);
	if (router && one_in(3)) {
		dst = router->mac;
		destination = one_in(5) ? odd_address() : v4(&any_record(m)->ca);
	} else if (one_in(12)) {
		destination = one_in(2) ? odd_address() : v4(&record_in(m, vsid)->ca);
	}
	add_mac(f, &dst);
	add_mac(f, &src);
	add_body(f, one_in(20) ? 1 + dice(2) : 0, port && has_policy(m, vsid), &src, source, destination);
	disturb(f);
	/* a switch would really send copies of it, and the kernel cannot cut up what is large by its size alone */
	if (!port || !has_policy(m, vsid))
		f->gso_size = f->gso_segs = 0;
}

/* ---- from the wire ---- */

/* One of this host's, or of somebody's, or of nobody. */
static struct ip provider_address(const struct model *m, bool local, bool v6)
{
	for (int i = 0; i < 8; i++) {
		struct ip ip = local && m->pas.n && !one_in(30) ? m->pas.items[dice((uint32_t)m->pas.n)]->pa
								: any_record(m)->pa;

		if (ip_is_v4(&ip) != v6)
			return ip;
	}
	return v6 ? (struct ip)UNDERLAY6(0, 63) : ip_from_v4(htonl(0xc0000963));
}

/* A record of a machine that is behind a port of this host; NULL: there is none, or it is time for something else. */
static const struct record_doc *record_at_port(const struct model *m)
{
	for (int i = 0; m->ports.n && i < 4; i++) {
		const struct model_port *p = &m->ports.items[dice((uint32_t)m->ports.n)];
		const struct record_doc *r = record_with(m, p->adapter->vsid, &p->adapter->mac);

		if (r && is_local(m, &r->pa))
			return r;
	}
	return NULL;
}

/* A record of a machine at another host, or at this one, if a few tries find one. */
static const struct record_doc *record_at(const struct model *m, bool here)
{
	const struct record_doc *r = any_record(m);

	for (int i = 0; i < 8 && (is_local(m, &r->pa) != here || v4(&r->pa) == 0xa9fefefe); i++)
		r = any_record(m);
	return r;
}

static void add_ether(struct frame *f, uint32_t type)
{
	struct mac macs[2] = { { { 2, 0xee, 0, 0, 0, 0 } }, { { 2, 0xff, 0, 0, 0, 9 } } };

	add_mac(f, &macs[0]);
	add_mac(f, &macs[1]);
	add16(f, type);
}

static void add_outer4(struct frame *f, uint8_t protocol, const struct ip *source, const struct ip *destination)
{
	add_ether(f, one_in(60) ? TYPE_IP6 : TYPE_IP4);
	add16(f, one_in(60) ? 0x4600 : 0x4500);
	add16(f, 0);
	add16(f, 0);
	add16(f, one_in(60) ? dice(0x4000) : 0x4000);
	add16(f, 64 << 8 | protocol);
	add16(f, 0);
	add32(f, ntohl(ip_v4(source)));
	add32(f, ntohl(ip_v4(destination)));
}

static void add_outer6(struct frame *f, uint8_t protocol, const struct ip *source, const struct ip *destination)
{
	bool fragment = one_in(40);

	add_ether(f, TYPE_IP6);
	add32(f, (one_in(60) ? 0x40000000 : 0x60000000) | dice(0x100000));
	add16(f, 0);
	add16(f, (uint32_t)(fragment ? IPPROTO_FRAGMENT : protocol) << 8 | 64);
	add(f, source, 16);
	add(f, destination, 16);
	if (!fragment)
		return;
	add16(f, (uint32_t)(one_in(6) ? dice(256) : protocol) << 8);
	add16(f, one_in(2) ? 1 : dice(0x10000));
	add32(f, 1);
}

/* Around all that is from l4 on. */
static void end_outer(struct frame *f, size_t l4, uint8_t protocol)
{
	if (protocol == IPPROTO_UDP)
		put16(f->b + l4 + 4, (uint32_t)(f->n - l4));
	if (get16(f->b + 12) == TYPE_IP6 && f->b[ETHER] >> 4 == 6) {
		put16(f->b + ETHER + 4, (uint32_t)(f->n - ETHER - 40));
		return;
	}
	put16(f->b + ETHER + 2, (uint32_t)(f->n - ETHER));
	put16(f->b + ETHER + 10, checksum(f->b + ETHER, IP4));
}

static void inner_frame(const struct model *m, struct frame *f, const struct record_doc *from,
			const struct record_doc *to)
{
	const struct record_doc *router = router_record(m, to->vsid);
	struct mac src = from->mac, dst = to->mac;
	uint32_t source = v4(&from->ca), destination = v4(&to->ca);

	if (from->vsid != to->vsid && !one_in(8))
		src = router ? router->mac : router_record(m, from->vsid) ? router_record(m, from->vsid)->mac : src;
	if (one_in(12))
		src = one_in(2) ? odd_mac() : any_record(m)->mac;
	if (one_in(12))
		dst = one_in(2) ? odd_mac() : any_record(m)->mac;
	if (!source || one_in(12))
		source = one_in(2) ? odd_address() : v4(&any_record(m)->ca);
	if (one_in(12))
		destination = odd_address();
	add_mac(f, &dst);
	add_mac(f, &src);
	add_body(f, one_in(30) ? 1 : 0, true, &src, source, destination);
}

static void add_gre(struct frame *f, uint32_t vsid)
{
	add16(f, one_in(25) ? (one_in(4) ? 0 : 1 << dice(16)) : 0x2000);
	add16(f, one_in(60) ? 0x0800 : 0x6558);
	add32(f, vsid << 8 | dice(256));
}

static void add_vxlan(struct frame *f, uint32_t vsid)
{
	add16(f, 49152 + dice(16384));
	add16(f, one_in(30) ? dice(0x10000) : 4789);
	add16(f, 0);
	add16(f, one_in(2) ? 0 : dice(0x10000));
	add32(f, (one_in(25) ? dice(256) : 8) << 24 | (one_in(10) ? dice(0x1000000) : 0));
	add32(f, vsid << 8 | (one_in(10) ? dice(256) : 0));
}

static void tunnel(const struct model *m, struct frame *f)
{
	const struct record_doc *from = record_at(m, false), *at_port = record_at_port(m);
	const struct record_doc *to = at_port && !one_in(6) ? at_port : record_at(m, !one_in(10));
	uint8_t protocol = one_in(60) ? IPPROTO_TCP : one_in(3) ? IPPROTO_UDP : IPPROTO_GRE;
	struct ip source, destination;
	uint32_t vsid = to->vsid;
	size_t l4;
	bool v6;

	/* mostly two of one virtual subnet */
	for (int i = 0; i < 40 && from->vsid != to->vsid && !one_in(30); i++)
		from = record_at(m, false);
	v6 = !ip_is_v4(&from->pa);
	if (one_in(20))
		vsid = one_in(2) ? any_record(m)->vsid : one_in(2) ? dice(0x1001) : 0xffffff;
	source = one_in(15) ? provider_address(m, one_in(2), v6) : from->pa;
	destination =
		is_local(m, &to->pa) && ip_is_v4(&to->pa) != v6 && !one_in(8) ? to->pa : provider_address(m, true, v6);
	if (v6)
		add_outer6(f, protocol, &source, &destination);
	else
		add_outer4(f, protocol, &source, &destination);
	l4 = f->n;
	if (protocol == IPPROTO_UDP)
		add_vxlan(f, vsid);
	else
		add_gre(f, vsid);
	inner_frame(m, f, from, to);
	end_outer(f, l4, protocol);
}

static void plain(const struct model *m, struct frame *f)
{
	const struct record_doc *from = record_at(m, false), *to = record_at(m, true);
	struct ip source, destination;

	for (int i = 0; i < 30 && (to->rule != NETVIRT_NAT || !is_local(m, &to->pa)); i++)
		to = record_at(m, true);
	for (int i = 0; i < 30 && (from->rule != NETVIRT_NAT || (from->vsid != to->vsid && !one_in(20))); i++)
		from = record_at(m, false);
	source = one_in(15) ? provider_address(m, one_in(2), false) : from->pa;
	destination = one_in(15) ? provider_address(m, true, false) : to->pa;
	add_ether(f, TYPE_IP4);
	add_ip4(f, v4(&source), v4(&destination));
}

void packet_from_wire(const struct model *m, struct frame *f, uint32_t *ret_ifindex)
{
	f->n = 0;
	f->gso_size = f->gso_segs = 0;
	*ret_ifindex = m->facts->nics[dice(NICS)].ifindex;
	if (one_in(4))
		plain(m, f);
	else
		tunnel(m, f);
	disturb(f);
	/* no station sends from a group address, and the programs use the bit between themselves (decision 0006) */
	f->b[6] &= 0xfe;
}
