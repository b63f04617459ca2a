/* SPDX-License-Identifier: Apache-2.0 */
#include "packet_make.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>

const char *const packet_protocols[] = { "Icmp", "Tcp", "Udp", "Arp", NULL };

uint8_t packet_echo_type(bool v4, bool reply)
{
	return v4 ? (reply ? 0 : 8) : (reply ? 129 : 128);
}

enum { ETHER = 14, IP4 = 20, IP6 = 40, TCP = 20, UDP = 8, ICMP = 8, SOLICITATION = 32, ARP = 28, GRE = 8, VXLAN = 8 };

#define VXLAN_PORT 4789
#define VXLAN_SOURCE_PORT 49152

static void put(struct packet *p, const void *bytes, size_t n)
{
	memcpy(p->b + p->n, bytes, n);
	p->n += n;
}

static void put8(struct packet *p, uint8_t v)
{
	p->b[p->n++] = v;
}

static void put16(struct packet *p, uint16_t v)
{
	put8(p, (uint8_t)(v >> 8));
	put8(p, (uint8_t)v);
}

static void put32(struct packet *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p, (uint16_t)v);
}

static void set16(struct packet *p, size_t at, uint16_t v)
{
	p->b[at] = (uint8_t)(v >> 8);
	p->b[at + 1] = (uint8_t)v;
}

static const uint8_t *ip4_bytes(const struct ip *ip)
{
	return ip->b + 12;
}

/* ---- checksums (RFC 1071) ---- */

static uint32_t sum(uint32_t start, const uint8_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		start += i & 1 ? b[i] : (uint32_t)b[i] << 8;
	return start;
}

static uint16_t fold(uint32_t s)
{
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void checksum(struct packet *p, const struct packet_words *w, size_t l4, size_t at, uint8_t protocol)
{
	size_t n = p->n - l4;
	uint32_t pseudo = (uint32_t)n + protocol;
	uint16_t check;

	if (!ip_is_v4(&w->source))
		pseudo = sum(sum(pseudo, w->source.b, 16), w->destination.b, 16);
	else if (protocol != IPPROTO_ICMP)
		pseudo = sum(sum(pseudo, ip4_bytes(&w->source), 4), ip4_bytes(&w->destination), 4);
	else
		pseudo = 0;
	check = fold(sum(pseudo, p->b + l4, n));
	/* RFC 768: 0 means that there is none */
	set16(p, at, check || protocol != IPPROTO_UDP ? check : 0xffff);
}

/* ---- layers ---- */

static void put_ether(struct packet *p, const struct packet_words *w, uint16_t type)
{
	put(p, w->destination_mac.b, 6);
	put(p, w->source_mac.b, 6);
	put16(p, type);
}

static void put_ip4(struct packet *p, const struct packet_words *w, uint8_t protocol, size_t payload)
{
	size_t at = p->n;

	put16(p, 0x4500);
	put16(p, (uint16_t)(IP4 + payload));
	put16(p, 1);
	put16(p, w->dont_fragment ? 0x4000 : 0);
	put8(p, w->ttl);
	put8(p, protocol);
	put16(p, 0);
	put(p, ip4_bytes(&w->source), 4);
	put(p, ip4_bytes(&w->destination), 4);
	set16(p, at + 10, fold(sum(0, p->b + at, IP4)));
}

static void put_ip6(struct packet *p, const struct packet_words *w, uint8_t protocol, size_t payload)
{
	put32(p, 0x60000000);
	put16(p, (uint16_t)payload);
	put8(p, protocol);
	put8(p, w->ttl);
	put(p, w->source.b, 16);
	put(p, w->destination.b, 16);
}

static void put_tcp(struct packet *p, const struct packet_words *w)
{
	put16(p, w->source_port);
	put16(p, w->destination_port);
	put32(p, 0);
	put32(p, 0);
	put16(p, 0x5002); /* 20 bytes, SYN */
	put16(p, 64240);
	put32(p, 0);
}

static void put_udp(struct packet *p, const struct packet_words *w, size_t payload)
{
	put16(p, w->source_port);
	put16(p, w->destination_port);
	put16(p, (uint16_t)(UDP + payload));
	put16(p, 0);
}

static void put_echo(struct packet *p, const struct packet_words *w, bool v4)
{
	put8(p, packet_echo_type(v4, w->echo_reply));
	put8(p, 0);
	put16(p, 0);
	put16(p, w->echo_id);
	put16(p, w->echo_sequence);
}

static void put_arp(struct packet *p, const struct packet_words *w)
{
	static const uint8_t nobody[6];

	put16(p, 1);
	put16(p, 0x0800);
	put16(p, 0x0604);
	put16(p, 1);
	put(p, w->source_mac.b, 6);
	put(p, ip4_bytes(&w->source), 4);
	put(p, nobody, 6);
	put(p, ip4_bytes(&w->destination), 4);
}

/* RFC 4861 4.3, to the solicited-node address, with the sender's link address. */
static void make_solicitation(const struct packet_words *w, struct packet *p)
{
	static const uint8_t group[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	struct packet_words to = *w;
	size_t at;

	memcpy(to.destination.b, group, sizeof(group));
	to.ttl = 255;
	put_ether(p, w, 0x86dd);
	put_ip6(p, &to, IPPROTO_ICMPV6, SOLICITATION);
	at = p->n;
	put32(p, 135u << 24);
	put32(p, 0);
	put(p, w->destination.b, 16);
	put16(p, 0x0101);
	put(p, w->source_mac.b, 6);
	checksum(p, &to, at, at + 2, IPPROTO_ICMPV6);
}

static int refuse_length(size_t least, size_t most, struct err **e)
{
	return err_advise(e, err_set(e, "Trace.PacketLength", ERR_LIMITS_EXCEEDED, NULL,
				     "The packet must have %zu to %zu bytes.", least, most),
			  "-Length counts the IP packet, without the Ethernet header.");
}

static void make_ip(const struct packet_words *w, bool v4, size_t header, size_t payload, struct packet *p)
{
	static const uint8_t icmp[] = { IPPROTO_ICMPV6, IPPROTO_ICMP };
	uint8_t protocol = w->protocol == PACKET_TCP ? IPPROTO_TCP : w->protocol == PACKET_UDP ? IPPROTO_UDP : icmp[v4];
	static const size_t check_at[] = { [PACKET_ICMP] = 2, [PACKET_TCP] = 16, [PACKET_UDP] = 6 };
	size_t l4;

	put_ether(p, w, v4 ? 0x0800 : 0x86dd);
	if (v4)
		put_ip4(p, w, protocol, header + payload);
	else
		put_ip6(p, w, protocol, header + payload);
	l4 = p->n;
	if (w->protocol == PACKET_TCP)
		put_tcp(p, w);
	else if (w->protocol == PACKET_UDP)
		put_udp(p, w, payload);
	else
		put_echo(p, w, v4);
	for (size_t i = 0; i < payload; i++)
		put8(p, (uint8_t)('a' + i % 26));
	checksum(p, w, l4, l4 + check_at[w->protocol], protocol);
}

int packet_make(const struct packet_words *w, struct packet *ret, struct err **e)
{
	static const size_t headers[] = { [PACKET_ICMP] = ICMP, [PACKET_TCP] = TCP, [PACKET_UDP] = UDP };
	struct packet p = { 0 };
	bool v4 = ip_is_v4(&w->source);
	size_t least;

	if (w->protocol == PACKET_ARP && v4) {
		put_ether(&p, w, 0x0806);
		put_arp(&p, w);
	} else if (w->protocol == PACKET_ARP) {
		make_solicitation(w, &p);
	} else {
		least = (v4 ? (size_t)IP4 : (size_t)IP6) + headers[w->protocol];
		if (w->length && (w->length < least || w->length > PACKET_MAX - ETHER))
			return refuse_length(least, PACKET_MAX - ETHER, e);
		make_ip(w, v4, headers[w->protocol], w->length ? w->length - least : 0, &p);
	}
	*ret = p;
	return 0;
}

/* ---- around it ---- */

static void put_gre(struct packet *p, uint32_t vsid)
{
	put32(p, 0x20006558);
	put32(p, vsid << 8);
}

/* Without a checksum, as the dataplane sends it. */
static void put_vxlan(struct packet *p, uint32_t vsid, size_t inner)
{
	put16(p, VXLAN_SOURCE_PORT);
	put16(p, VXLAN_PORT);
	put16(p, (uint16_t)(UDP + VXLAN + inner));
	put16(p, 0);
	put32(p, 0x08000000);
	put32(p, vsid << 8);
}

int packet_wrap(const struct packet *inner, const struct packet_outer *o, struct packet *ret, struct err **e)
{
	struct packet_words w = { .destination_mac = { { [5] = 1 } }, .source_mac = { { [5] = 2 } }, .source = o->source,
				  .destination = o->destination, .ttl = 64, .dont_fragment = true };
	bool v4 = ip_is_v4(&o->source);
	size_t header = o->vxlan ? UDP + VXLAN : GRE;
	uint8_t protocol = o->vxlan ? IPPROTO_UDP : IPPROTO_GRE;
	struct packet p = { 0 };

	if (ETHER + IP6 + UDP + VXLAN + inner->n > sizeof(p.b))
		return err_set(e, "Trace.PacketLength", ERR_LIMITS_EXCEEDED, NULL,
			       "The packet does not fit into a trace with its outer headers: %zu bytes at most.", sizeof(p.b));
	put_ether(&p, &w, v4 ? 0x0800 : 0x86dd);
	if (v4)
		put_ip4(&p, &w, protocol, header + inner->n);
	else
		put_ip6(&p, &w, protocol, header + inner->n);
	if (o->vxlan)
		put_vxlan(&p, o->vsid, inner->n);
	else
		put_gre(&p, o->vsid);
	put(&p, inner->b, inner->n);
	*ret = p;
	return 0;
}

/* ---- hexadecimal ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool between_bytes(char c)
{
	return isspace((unsigned char)c) || c == ':' || c == '-' || c == '.';
}

/* The kernel runs nothing on an IP packet that is shorter than its header. */
static int check_packet(const struct packet *p, struct err **e)
{
	uint16_t type = p->n < ETHER ? 0 : (uint16_t)(p->b[12] << 8 | p->b[13]);
	size_t least = type == 0x0800 ? ETHER + IP4 : type == 0x86dd ? ETHER + IP6 : PACKET_MIN;

	if (p->n >= least)
		return 0;
	return err_advise(e, err_set(e, "Trace.PacketLength", ERR_LIMITS_EXCEEDED, NULL,
				     "The frame has %zu bytes; one like this needs at least %zu.", p->n, least),
			  "Give the whole frame from its destination MAC address on, without the checksum at its end.");
}

int packet_hex(const char *text, struct packet *ret, struct err **e)
{
	struct packet p = { 0 };

	for (const char *c = text; *c; c++) {
		int high, low;

		if (between_bytes(*c))
			continue;
		high = hex_digit(*c);
		low = high < 0 ? -1 : hex_digit(c[1]);
		if (high < 0 || (low < 0 && c[1] && !between_bytes(c[1])))
			return err_set(e, "Trace.BadHex", ERR_INVALID_ARGUMENT, NULL,
				       "'%c' after %zu bytes is no hexadecimal digit.",
				       isprint((unsigned char)(high < 0 ? *c : c[1])) ? (high < 0 ? *c : c[1]) : '?', p.n);
		if (low < 0)
			return err_set(e, "Trace.BadHex", ERR_INVALID_ARGUMENT, NULL,
				       "The byte after the first %zu has one hexadecimal digit, not two.", p.n);
		if (p.n == sizeof(p.b))
			return err_set(e, "Trace.PacketLength", ERR_LIMITS_EXCEEDED, NULL,
				       "The frame has more than %d bytes.", PACKET_MAX);
		put8(&p, (uint8_t)(high << 4 | low));
		c++;
	}
	if (check_packet(&p, e) < 0)
		return -EMSGSIZE;
	*ret = p;
	return 0;
}
