/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"
#include "ip.h"
#include "mac.h"

/* Packets from words and from hexadecimal digits: pure functions, exact to the byte. */

/* What the dataplane's test run takes: more than an Ethernet header, less than a page. */
#define PACKET_MIN 15
#define PACKET_MAX 3520

struct packet {
	size_t n;
	uint8_t b[PACKET_MAX];
};

extern const char *const packet_protocols[]; /* Icmp, Tcp, Udp, Arp */
enum packet_protocol { PACKET_ICMP, PACKET_TCP, PACKET_UDP, PACKET_ARP };

/* Type of an echo message: ICMP, or ICMPv6. */
uint8_t packet_echo_type(bool v4, bool reply);

struct packet_words {
	enum packet_protocol protocol;
	struct mac source_mac, destination_mac;
	struct ip source, destination; /* of one family */
	uint16_t source_port, destination_port;
	uint8_t ttl;
	bool dont_fragment;            /* IPv4 alone: IPv6 never does on the way */
	bool echo_reply;               /* ICMP: not the request */
	uint16_t echo_id, echo_sequence;
	size_t length;                 /* of the IP packet; 0: no more than its headers */
};

/*
 * A frame as a guest sends it, checksums right: an ICMP echo message, a TCP SYN, a UDP datagram, an ARP
 * request; for IPv6 addresses the same of that family, a neighbour solicitation in the place of ARP. What length leaves after
 * the headers is filled with 'a', 'b', 'c', ...
 *   Trace.PacketLength   less than the headers, or more than fits
 */
int packet_make(const struct packet_words *w, struct packet *ret, struct err **e);

/* What another host puts around a frame: NVGRE (RFC 7637) or VXLAN (RFC 7348), over IPv4 or IPv6, FlowID 0. */
struct packet_outer {
	struct ip source, destination; /* of one family */
	uint32_t vsid;
	bool vxlan;
};
/*
 * MAC addresses of the underlay do not matter to anybody here: 00-00-00-00-00-02 to -01.
 *   Trace.PacketLength   it does not fit
 */
int packet_wrap(const struct packet *inner, const struct packet_outer *o, struct packet *ret, struct err **e);

/*
 * Hexadecimal digits, in pairs or not, with blanks, line breaks, ':', '-' or '.' between bytes.
 *   Trace.BadHex         another character, or half a byte
 *   Trace.PacketLength   not PACKET_MIN..PACKET_MAX bytes, or an IP packet without a whole header
 */
int packet_hex(const char *text, struct packet *ret, struct err **e);
