/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_read.h"

#include <netinet/in.h>

enum { ETHER = 14, TYPE_IP4 = 0x0800, TYPE_ARP = 0x0806, TYPE_IP6 = 0x86dd, TYPE_TEB = 0x6558, VXLAN_PORT = 4789 };

/* The rest of a frame: bytes are taken from its front. */
struct rest {
	const uint8_t *b;
	size_t n;
};

static uint16_t get16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static uint32_t get32(const uint8_t *b)
{
	return (uint32_t)get16(b) << 16 | get16(b + 2);
}

static const uint8_t *take(struct rest *r, size_t n)
{
	const uint8_t *b = r->b;

	if (r->n < n)
		return NULL;
	r->b += n;
	r->n -= n;
	return b;
}

static struct mac mac_at(const uint8_t *b)
{
	struct mac m;

	memcpy(m.b, b, 6);
	return m;
}

static struct ip ip4_at(const uint8_t *b)
{
	uint32_t v4;

	memcpy(&v4, b, 4);
	return ip_from_v4(v4);
}

static struct ip ip6_at(const uint8_t *b)
{
	struct ip ip;

	memcpy(ip.b, b, 16);
	return ip;
}

static const char *ip6_text(const uint8_t *b, char text[static IP_TEXT_SIZE])
{
	struct ip ip = ip6_at(b);

	return ip_format(&ip, text);
}

/* ---- the layers; each says itself in a line, where out is not NULL, and what comes after it ---- */

enum layer { END, IS_ETHER, IS_TYPE, IS_PROTOCOL };

struct reader {
	struct rest rest;
	struct frame_view *view;
	struct str *out;
	uint32_t next;      /* EtherType or protocol */
	bool later;         /* a fragment without the header of layer 4 */
	unsigned depth;     /* frames inside frames */
};

static void line(struct reader *r)
{
	if (r->out->len)
		str_addc(r->out, '\n');
}

static enum layer short_of(struct reader *r, const char *what)
{
	if (r->out) {
		line(r);
		str_addf(r->out, "%s (cut off after %zu bytes)", what, r->rest.n);
	}
	return END;
}

static const char *type_name(uint16_t type)
{
	switch (type) {
	case TYPE_IP4:
		return "IPv4";
	case TYPE_IP6:
		return "IPv6";
	case TYPE_ARP:
		return "ARP";
	case 0x8100:
		return "802.1Q";
	case 0x88a8:
		return "802.1ad";
	case TYPE_TEB:
		return "Ethernet";
	}
	return NULL;
}

static void add_type(struct str *out, uint16_t type)
{
	const char *name = type_name(type);

	if (name)
		str_add(out, name);
	else
		str_addf(out, "type 0x%04x", type);
}

static enum layer read_ether(struct reader *r)
{
	const uint8_t *b = take(&r->rest, ETHER);
	char source[MAC_TEXT_SIZE], destination[MAC_TEXT_SIZE];
	struct mac from, to;

	if (!b)
		return short_of(r, "Ethernet");
	to = mac_at(b);
	from = mac_at(b + 6);
	r->next = get16(b + 12);
	if (!r->depth) {
		r->view->has_ether = true;
		r->view->destination_mac = to;
		r->view->source_mac = from;
		r->view->type = (uint16_t)r->next;
	}
	if (r->out) {
		line(r);
		str_addf(r->out, "Ethernet %s -> %s, ", mac_format_dashes(&from, source), mac_format_dashes(&to, destination));
		add_type(r->out, (uint16_t)r->next);
	}
	return IS_TYPE;
}

static enum layer read_tag(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 4);

	if (!b)
		return short_of(r, "802.1Q tag");
	r->next = get16(b + 2);
	if (r->out) {
		line(r);
		str_addf(r->out, "802.1Q tag: VLAN %u, ", get16(b) & 0xfff);
		add_type(r->out, (uint16_t)r->next);
	}
	return IS_TYPE;
}

static void note_addresses(struct reader *r, struct ip from, struct ip to)
{
	if (r->depth || r->view->has_addresses)
		return;
	r->view->has_addresses = true;
	r->view->source = from;
	r->view->destination = to;
}

static enum layer read_arp(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 28);
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct ip sender, target;
	struct mac m;

	if (!b)
		return short_of(r, "ARP");
	if (get32(b) != 0x00010800 || get16(b + 4) != 0x0604) {
		if (r->out) {
			line(r);
			str_add(r->out, "ARP, not for IPv4 over Ethernet");
		}
		return END;
	}
	sender = ip4_at(b + 14);
	target = ip4_at(b + 24);
	m = mac_at(b + 8);
	note_addresses(r, sender, target);
	if (!r->out)
		return END;
	line(r);
	mac_format_dashes(&m, mac);
	if (get16(b + 6) == 1)
		str_addf(r->out, "ARP request: who has %s? tell %s at %s", ip_format(&target, to), ip_format(&sender, from), mac);
	else
		str_addf(r->out, "ARP reply: %s is at %s", ip_format(&sender, from), mac);
	return END;
}

static enum layer read_ip4(struct reader *r)
{
	const uint8_t *b = r->rest.n ? take(&r->rest, MAX((r->rest.b[0] & 15u) * 4u, 20u)) : NULL;
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	struct ip source, destination;
	uint16_t fragment;

	if (!b)
		return short_of(r, "IPv4");
	source = ip4_at(b + 12);
	destination = ip4_at(b + 16);
	fragment = get16(b + 6);
	note_addresses(r, source, destination);
	r->next = b[9];
	r->later = fragment & 0x1fff;
	if (!r->depth)
		r->view->protocol = b[9];
	if (r->out) {
		line(r);
		str_addf(r->out, "IPv4 %s -> %s, %u bytes, TTL %u%s", ip_format(&source, from), ip_format(&destination, to),
			 get16(b + 2), b[8], fragment & 0x4000 ? ", do not fragment" : "");
		if (fragment & 0x3fff)
			str_addf(r->out, ", fragment at %u", (fragment & 0x1fff) * 8);
	}
	return IS_PROTOCOL;
}

static enum layer read_ip6(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 40);
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE];
	struct ip source, destination;

	if (!b)
		return short_of(r, "IPv6");
	source = ip6_at(b + 8);
	destination = ip6_at(b + 24);
	note_addresses(r, source, destination);
	r->next = b[6];
	r->later = false;
	if (!r->depth)
		r->view->protocol = b[6];
	if (r->out) {
		line(r);
		str_addf(r->out, "IPv6 %s -> %s, %u bytes, hop limit %u", ip_format(&source, from), ip_format(&destination, to),
			 get16(b + 4) + 40, b[7]);
	}
	return IS_PROTOCOL;
}

static void note_ports(struct reader *r, const uint8_t *b)
{
	if (r->depth)
		return;
	r->view->has_ports = true;
	r->view->source_port = get16(b);
	r->view->destination_port = get16(b + 2);
}

static enum layer read_tcp(struct reader *r)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	const uint8_t *b = take(&r->rest, 20);

	if (!b)
		return short_of(r, "TCP");
	note_ports(r, b);
	if (!r->out)
		return END;
	line(r);
	str_addf(r->out, "TCP %u -> %u", get16(b), get16(b + 2));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (b[13] >> i & 1)
			str_addf(r->out, ", %s", names[i]);
	return END;
}

static enum layer enter(struct reader *r, uint32_t vsid)
{
	if (!r->depth) {
		r->view->vsid = vsid;
		r->view->inner = (size_t)-1; /* frame_walk() knows where */
	}
	r->depth++;
	return r->depth > 2 ? END : IS_ETHER;
}

static enum layer read_vxlan(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 8);

	if (!b)
		return short_of(r, "VXLAN");
	if (r->out) {
		line(r);
		str_addf(r->out, "VXLAN, VNI %u", get32(b + 4) >> 8);
	}
	return enter(r, get32(b + 4) >> 8);
}

static enum layer read_udp(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 8);

	if (!b)
		return short_of(r, "UDP");
	note_ports(r, b);
	if (r->out) {
		line(r);
		str_addf(r->out, "UDP %u -> %u, %u bytes", get16(b), get16(b + 2), get16(b + 4));
	}
	return get16(b + 2) == VXLAN_PORT && !r->depth ? read_vxlan(r) : END;
}

static enum layer read_gre(struct reader *r)
{
	const uint8_t *b = take(&r->rest, 4), *key;
	uint16_t flags;

	if (!b)
		return short_of(r, "GRE");
	flags = get16(b);
	if (r->out) {
		line(r);
		str_addf(r->out, "GRE, ");
		add_type(r->out, get16(b + 2));
	}
	if (flags != 0x2000) {
		if (r->out)
			str_addf(r->out, ", flags 0x%04x", flags);
		return END;
	}
	key = take(&r->rest, 4);
	if (!key)
		return END;
	if (r->out)
		str_addf(r->out, ", key 0x%08x (VSID %u, FlowID %u)", get32(key), get32(key) >> 8, key[3]);
	return get16(b + 2) == TYPE_TEB ? enter(r, get32(key) >> 8) : END;
}

static const char *icmp_name(bool v4, uint8_t type, uint8_t code)
{
	static const struct {
		bool v4;
		int type, code;
		const char *name;
	} names[] = {
		{ true, 0, -1, "echo reply" },		   { true, 8, -1, "echo request" },
		{ true, 3, 4, "fragmentation needed" },	   { true, 3, -1, "destination unreachable" },
		{ true, 11, -1, "time exceeded" },	   { false, 128, -1, "echo request" },
		{ false, 129, -1, "echo reply" },	   { false, 1, -1, "destination unreachable" },
		{ false, 2, -1, "packet too big" },	   { false, 3, -1, "time exceeded" },
		{ false, 133, -1, "router solicitation" }, { false, 134, -1, "router advertisement" },
		{ false, 135, -1, "neighbor solicitation" }, { false, 136, -1, "neighbor advertisement" },
		{ false, 143, -1, "multicast listener report" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].v4 == v4 && names[i].type == type && (names[i].code < 0 || names[i].code == code))
			return names[i].name;
	return NULL;
}

static enum layer read_icmp(struct reader *r, bool v4)
{
	const uint8_t *b = take(&r->rest, 8);
	const char *family = v4 ? "ICMP" : "ICMPv6", *name = b ? icmp_name(v4, b[0], b[1]) : NULL;
	char text[IP_TEXT_SIZE];

	if (!b)
		return short_of(r, family);
	if (!v4 && b[0] == 135 && r->rest.n >= 16 && !r->depth)
		r->view->asked = ip6_at(r->rest.b);
	if (!r->out)
		return END;
	line(r);
	if (name)
		str_addf(r->out, "%s %s", family, name);
	else
		str_addf(r->out, "%s type %u, code %u", family, b[0], b[1]);
	if (v4 && b[0] == 3 && b[1] == 4)
		str_addf(r->out, ", MTU %u", get16(b + 6));
	else if (name && strncmp(name, "echo", 4) == 0)
		str_addf(r->out, ", id %u, sequence %u", get16(b + 4), get16(b + 6));
	else if (!v4 && b[0] == 2)
		str_addf(r->out, ", MTU %u", get32(b + 4));
	else if (!v4 && (b[0] == 135 || b[0] == 136) && r->rest.n >= 16)
		str_addf(r->out, " for %s", ip6_text(r->rest.b, text));
	return END;
}

static enum layer read_type(struct reader *r)
{
	switch (r->next) {
	case TYPE_IP4:
		return read_ip4(r);
	case TYPE_IP6:
		return read_ip6(r);
	case TYPE_ARP:
		return read_arp(r);
	case 0x8100:
	case 0x88a8:
		return read_tag(r);
	}
	return END;
}

static enum layer read_protocol(struct reader *r)
{
	if (r->later)
		return END;
	switch (r->next) {
	case IPPROTO_TCP:
		return read_tcp(r);
	case IPPROTO_UDP:
		return read_udp(r);
	case IPPROTO_GRE:
		return read_gre(r);
	case IPPROTO_ICMP:
		return read_icmp(r, true);
	case IPPROTO_ICMPV6:
		return read_icmp(r, false);
	}
	if (r->out) {
		line(r);
		str_addf(r->out, "protocol %u", r->next);
	}
	return END;
}

static struct frame_view frame_walk(const uint8_t *b, size_t n, struct str *out)
{
	struct frame_view view = { 0 };
	struct reader r = { .rest = { b, n }, .view = &view, .out = out };
	enum layer layer = IS_ETHER;

	while (layer != END) {
		layer = layer == IS_ETHER ? read_ether(&r) : layer == IS_TYPE ? read_type(&r) : read_protocol(&r);
		if (view.inner == (size_t)-1)
			view.inner = (size_t)(r.rest.b - b);
	}
	return view;
}

struct frame_view frame_read(const uint8_t *b, size_t n)
{
	return frame_walk(b, n, NULL);
}

void frame_describe(const uint8_t *b, size_t n, struct str *out)
{
	struct str lines = { 0 };

	frame_walk(b, n, &lines);
	str_add(out, str_get(&lines));
	str_done(&lines);
}

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "TCP" : protocol == IPPROTO_UDP ? "UDP" : NULL;
}

static void add_end(struct str *out, const struct ip *ip, uint16_t port)
{
	char text[IP_TEXT_SIZE];

	str_addf(out, ip_is_v4(ip) ? "%s:%u" : "[%s]:%u", ip_format(ip, text), port);
}

void frame_summary(const uint8_t *b, size_t n, struct str *out)
{
	struct frame_view v = frame_read(b, n);
	char from[IP_TEXT_SIZE], to[IP_TEXT_SIZE], one[MAC_TEXT_SIZE], other[MAC_TEXT_SIZE];
	_cleanup_str_ struct str lines = { 0 };
	const char *last;

	if (v.has_ports && protocol_name(v.protocol)) {
		str_addf(out, "%s ", protocol_name(v.protocol));
		add_end(out, &v.source, v.source_port);
		str_add(out, " -> ");
		add_end(out, &v.destination, v.destination_port);
		return;
	}
	frame_describe(b, n, &lines);
	last = strrchr(str_get(&lines), '\n');
	last = last ? last + 1 : str_get(&lines);
	if (v.has_addresses && v.type != TYPE_ARP)
		str_addf(out, "%s, %s -> %s", last, ip_format(&v.source, from), ip_format(&v.destination, to));
	else if (v.has_ether && v.type != TYPE_ARP)
		str_addf(out, "type 0x%04x, %s -> %s", v.type, mac_format_dashes(&v.source_mac, one),
			 mac_format_dashes(&v.destination_mac, other));
	else
		str_add(out, last);
}

void frame_dump(const uint8_t *b, size_t n, struct str *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0)
			str_addf(out, "%s%04zx ", i ? "\n" : "", i);
		str_addf(out, "%s%02x", i % 16 == 8 ? "  " : " ", b[i]);
	}
}
