/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>

#include "harness.h"

void frame_add(struct frame *f, const void *bytes, size_t n)
{
	assert_true(f->n + n <= sizeof(f->b));
	memcpy(f->b + f->n, bytes, n);
	f->n += n;
}

static void add_u8(struct frame *f, uint8_t v)
{
	frame_add(f, &v, 1);
}

static void add_u16(struct frame *f, uint16_t v)
{
	v = htons(v);
	frame_add(f, &v, 2);
}

static void add_u32(struct frame *f, uint32_t v)
{
	v = htonl(v);
	frame_add(f, &v, 4);
}

static void add_ip(struct frame *f, const char *text)
{
	uint32_t v;

	assert_int_equal(inet_pton(AF_INET, text, &v), 1);
	frame_add(f, &v, 4);
}

static uint8_t digit(char c)
{
	assert_true(isxdigit((unsigned char)c));
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

struct frame frame_hex(const char *hex)
{
	struct frame f = { .n = 0 };

	for (; *hex; hex++) {
		if (isspace((unsigned char)*hex))
			continue;
		add_u8(&f, digit(hex[0]) << 4 | digit(hex[1]));
		hex++;
	}
	return f;
}

void frame_add_mac(struct frame *f, uint8_t last)
{
	/* 0xff stands for broadcast */
	uint8_t mac[6] = { 0, 0, 0, 0, 0, last };

	if (last == 0xff)
		memset(mac, 0xff, sizeof(mac));
	frame_add(f, mac, sizeof(mac));
}

struct frame frame_ether(uint8_t dst, uint8_t src, uint16_t type)
{
	struct frame f = { .n = 0 };

	frame_add_mac(&f, dst);
	frame_add_mac(&f, src);
	add_u16(&f, type);
	return f;
}

uint16_t frame_u16(const struct frame *f, size_t at)
{
	return (uint16_t)(f->b[at] << 8 | f->b[at + 1]);
}

uint32_t frame_u32(const struct frame *f, size_t at)
{
	return (uint32_t)frame_u16(f, at) << 16 | frame_u16(f, at + 2);
}

void frame_set_u16(struct frame *f, size_t at, uint16_t value)
{
	f->b[at] = value >> 8;
	f->b[at + 1] = value & 0xff;
}

uint16_t ip_checksum(const uint8_t *ip, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void add_ip4_header(struct frame *f, size_t length, uint16_t frag, uint8_t proto, const char *src,
			   const char *dst)
{
	size_t at = f->n;

	add_u16(f, 0x4500);
	add_u16(f, (uint16_t)length);
	add_u16(f, 0);
	add_u16(f, frag);
	add_u8(f, 64);
	add_u8(f, proto);
	add_u16(f, 0);
	add_ip(f, src);
	add_ip(f, dst);
	frame_set_u16(f, at + 10, ip_checksum(f->b + at, 20));
}

struct frame frame_ip4(struct ip4 p)
{
	struct frame f = frame_ether(p.dst_mac, p.src_mac, 0x0800);
	uint8_t proto = p.proto ? p.proto : IPPROTO_UDP;
	size_t l4 = proto == IPPROTO_TCP ? 20 : 8;

	add_ip4_header(&f, 20 + l4 + p.payload, p.frag, proto, p.src, p.dst);
	add_u16(&f, p.sport ? p.sport : 1000);
	add_u16(&f, p.dport ? p.dport : 2000);
	if (proto == IPPROTO_TCP) {
		add_u32(&f, 1);
		add_u32(&f, 2);
		add_u32(&f, 0x50100400);
		add_u32(&f, 0);
	} else {
		add_u16(&f, (uint16_t)(8 + p.payload));
		add_u16(&f, 0);
	}
	for (size_t i = 0; i < p.payload; i++)
		add_u8(&f, i & 0xff);
	return f;
}

void frame_add_ip6(struct frame *f, const char *address)
{
	uint8_t b[16];

	assert_int_equal(inet_pton(AF_INET6, address, b), 1);
	frame_add(f, b, sizeof(b));
}

struct frame frame_ip6_header(struct ip6_packet p)
{
	struct frame f = frame_ether(p.dst_mac, p.src_mac, 0x86dd);

	add_u32(&f, 0x60000000);
	add_u16(&f, 0);
	add_u8(&f, p.next ? p.next : IPPROTO_UDP);
	add_u8(&f, p.hop_limit ? p.hop_limit : 64);
	frame_add_ip6(&f, p.src);
	frame_add_ip6(&f, p.dst);
	return f;
}

/* RFC 8200 8.1 */
static uint16_t checksum6(const struct frame *f)
{
	struct frame pseudo = { .n = 0 };

	frame_add(&pseudo, f->b + 22, 32);
	add_u32(&pseudo, (uint32_t)(f->n - 54));
	add_u32(&pseudo, f->b[20]);
	frame_add(&pseudo, f->b + 54, f->n - 54);
	if (pseudo.n % 2)
		add_u8(&pseudo, 0);
	return ip_checksum(pseudo.b, pseudo.n);
}

void frame_fix6(struct frame *f)
{
	size_t at = f->b[20] == IPPROTO_ICMPV6 ? 2 : f->b[20] == IPPROTO_UDP ? 6 : f->b[20] == IPPROTO_TCP ? 16 : 0;

	frame_set_u16(f, 18, (uint16_t)(f->n - 54));
	if (!at || f->n < 54 + at + 2)
		return;
	frame_set_u16(f, 54 + at, 0);
	frame_set_u16(f, 54 + at, checksum6(f));
}

struct frame frame_ip6(struct ip6_packet p)
{
	struct frame f = frame_ip6_header(p);

	if (f.b[20] == IPPROTO_UDP || f.b[20] == IPPROTO_TCP)
		add_u32(&f, 1000 << 16 | 2000);
	if (f.b[20] == IPPROTO_UDP) {
		add_u16(&f, (uint16_t)(8 + p.payload));
		add_u16(&f, 0);
	}
	if (f.b[20] == IPPROTO_TCP) {
		add_u32(&f, 1);
		add_u32(&f, 2);
		add_u32(&f, 0x50100400);
		add_u32(&f, 0);
	}
	for (size_t i = 0; i < p.payload; i++)
		add_u8(&f, i & 0xff);
	frame_fix6(&f);
	return f;
}

struct frame frame_arp(uint8_t dst, uint8_t src, uint16_t op, uint8_t sha, const char *spa, const char *tpa)
{
	struct frame f = frame_ether(dst, src, 0x0806);

	add_u16(&f, 1);
	add_u16(&f, 0x0800);
	add_u16(&f, 0x0604);
	add_u16(&f, op);
	frame_add_mac(&f, sha);
	add_ip(&f, spa);
	frame_add_mac(&f, 0);
	add_ip(&f, tpa);
	return f;
}

struct frame frame_nvgre(const char *src, const char *dst, uint32_t key, const struct frame *inner)
{
	struct frame f = frame_ether(0xb1, 0xb2, 0x0800);

	add_ip4_header(&f, 20 + 8 + inner->n, 0x4000, IPPROTO_GRE, src, dst);
	add_u16(&f, 0x2000);
	add_u16(&f, 0x6558);
	add_u32(&f, key);
	frame_add(&f, inner->b, inner->n);
	return f;
}

void frame_fix_outer(struct frame *f)
{
	size_t header = (f->b[OUTER_IP] & 0xf) * 4;

	frame_set_u16(f, OUTER_IP + 2, (uint16_t)(f->n - OUTER_IP));
	frame_set_u16(f, OUTER_IP + 10, 0);
	frame_set_u16(f, OUTER_IP + 10, ip_checksum(f->b + OUTER_IP, header));
}
