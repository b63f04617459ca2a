/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_TRACE_STAGE_H
#define NESTOR_TRACE_STAGE_H

#include <nestor/dataplane.h>

/*
 * What the tracing build of the programs notes about a packet: the one list of decisions, and the record that a packet
 * leaves. The programs, the text that people read and the tests derive from it. Codes are stable: append, never renumber.
 *
 * X(code, NAME, stage, sentence). The sentence's holes are filled from the step's numbers: {a}, {b}, {c}, or {a:FORM} with
 * FORM mac, ip4, port (an interface number, named by its machine), device (named as the system does), reason (a drop
 * reason's name), hex; {addr:ip}, and {addr:prefix}, whose length (of 128) is a.
 */
#define NESTOR_TRACE_STAGES(X)                                                                                         \
	/* from a guest */                                                                                             \
	X(1, PORT_PLAIN, "Port", "VSID 0: after the guards the bridge of the switch decides, as any switch does")       \
	X(2, PORT_POLICY, "Port", "VSID {a}, where lookup records decide")                                             \
	X(3, PORT_SEGMENT, "Port", "VSID {a} without lookup records: its ports on this switch are one segment")        \
	X(8, GUARD_MAC, "Guards", "the source {a:mac} is the adapter's own MAC address")                               \
	X(9, GUARD_SPOOFING, "Guards", "MAC spoofing is on, so {a:mac} may send")                                      \
	X(10, GUARD_ARP, "Guards", "the sender in the ARP packet is the sender of the frame")                          \
	X(11, GUARD_ND, "Guards", "neighbour discovery names no other MAC address than the adapter's")                 \
	X(13, GUARD_SERVICES, "Guards", "it is no DHCP server's message and no router's, as far as they are forbidden") \
	X(14, STORM, "Guards", "of broadcast, multicast and flooded packets it is number {a} in this second, of {b}")   \
	X(15, MIRRORED, "Mirror", "a copy goes to {a} ports")                                                          \
	X(12, VLAN_STRIPPED, "VLAN", "the guest's 802.1Q tag is removed")                                              \
	X(22, PACED, "Bandwidth", "it waits {a} microseconds for what was sent before, as the port's limit has it")    \
	X(20, VLAN_OWN, "VLAN", "VLAN {a} of the port")                                                                \
	X(21, VLAN_TRUNK, "VLAN", "the guest's tag of VLAN {a} is one of its port's")                                  \
	X(16, ARP_ANSWERED, "ARP", "{a:ip4} is at {b:mac} by its lookup record; the host answers for it")              \
	X(17, ACL_PASSED, "ACL", "the rules of {a:port} let it pass")                                                   \
	X(18, ACL_SESSION, "ACL", "it belongs to a session that a stateful rule has let begin")                         \
	X(19, ACL_DENIED, "ACL", "{a} (the weight of an extended rule, the number of an entry) denies it")              \
	X(161, REWRITE_OUT6, "IP rewrite", "the customer addresses become provider addresses, the destination {addr:ip}") \
	X(162, REWRITE_IN6, "IP rewrite", "the provider addresses become customer addresses, VSID {c}, the destination {addr:ip}") \
	X(160, ND_ANSWERED, "ND", "{addr:ip} is at {a:mac} by its lookup record; the host answers for it")              \
	X(24, SOURCE_ADAPTER, "Source", "a lookup record gives {b:ip4} to this adapter")                               \
	X(25, SOURCE_ANY, "Source", "a record without address (L2Only, GatewayWildcard) lets {a:mac} send as {b:ip4}") \
	X(26, SOURCE_RECORD, "Source", "a lookup record gives {b:ip4} to {a:mac} at this port")                        \
	X(27, SOURCE_MAC, "Source", "it is not IP: that {a:mac} is known at this port is enough")                      \
	X(28, SOURCE_RECORD6, "Source", "a lookup record gives {addr:ip} to {a:mac} at this port")                     \
	X(29, SOURCE_LINK_LOCAL, "Source", "{addr:ip} is link-local, and nobody else's than {a:mac}'s")                \
	X(30, SOURCE_ANY6, "Source", "a record without address (L2Only, GatewayWildcard) lets {a:mac} send as {addr:ip}") \
	X(32, DEST_LOCAL, "Destination", "{a:mac} is {b:port} on this host")                                           \
	X(33, DEST_REMOTE, "Destination", "{a:mac} is at provider address {addr:ip}")                                  \
	X(34, DEST_ROUTER, "Destination", "{a:mac} is the router of the virtual subnet")                               \
	X(35, DEST_INNER, "Destination", "{a:mac} was seen last behind {b:port}")                                       \
	X(36, DEST_INNER_UNSEEN, "Destination", "{a:mac} has not been seen: it may be behind any port where MAC spoofing is on") \
	X(40, ROUTE, "Route", "the customer route {addr:prefix} leads to VSID {b}")                                    \
	X(41, ROUTE_RECORD, "Route", "the lookup record of {addr:ip} in VSID {b} has the MAC address {a:mac}")        \
	X(42, ROUTE_NEXT_HOP, "Route", "the route's next hop (or wildcard record) has the MAC address {a:mac}")        \
	X(43, ROUTED, "Route", "goes on from the router's {a:mac} to {b:mac}, time to live {c}")                       \
	X(48, NEXT_HOP, "Next hop", "{addr:ip} is reached by {b:device} at {a:mac}")                                   \
	X(49, NEXT_HOP_ASKED, "Next hop", "{addr:ip} by {b:device}: its MAC address is not known yet, the kernel asks") \
	X(56, ENCAP_NVGRE, "Encapsulate", "NVGRE from {a:ip4} to {addr:ip}, VSID {b}, FlowID {c:hex}")                 \
	X(57, REWRITE_OUT, "IP rewrite", "the customer addresses become {a:ip4} and {addr:ip}")                        \
	X(58, ENCAP_VXLAN, "Encapsulate", "VXLAN from {a:ip4} to {addr:ip}, VNI {b}, source port {c}")                 \
	X(59, ENCAP_NVGRE6, "Encapsulate", "NVGRE to {addr:ip}, VSID {b}, FlowID {c:hex}")                             \
	X(60, ENCAP_VXLAN6, "Encapsulate", "VXLAN to {addr:ip}, VNI {b}, source port {c}")                             \
	X(64, ICMP, "ICMP", "the guest is told why: type {a}, code {b}")                                                \
	X(65, ICMP6, "ICMPv6", "the guest is answered by ICMPv6: type {a}, code {b}, {c} bytes fit")                    \
	X(72, FLOOD, "Flood", "copies for the other ports of the segment: {a}")                                          \
	X(73, COPY_SENT, "Flood", "a copy for {addr:ip}, by {b:device} to {a:mac}")                                     \
	X(80, DELIVER, "Deliver", "the port of {a:port} is in VSID {b}, too")                                          \
	X(96, DROP, "Drop", "{a:reason}")                                                                              \
	/* from the wire */                                                                                            \
	X(112, WIRE_NVGRE, "Outer", "NVGRE from {a:ip4} to this host, VSID {b}")                                       \
	X(113, WIRE_OTHER, "Outer", "no overlay packet for a provider address of this host")                           \
	X(114, WIRE_META, "Outer", "the XDP program has checked it and taken the outer headers off")                   \
	X(115, WIRE_VXLAN, "Outer", "VXLAN from {a:ip4} to this host, VNI {b}")                                        \
	X(116, WIRE_NVGRE6, "Outer", "NVGRE from {addr:ip} to this host, VSID {b}")                                    \
	X(117, WIRE_VXLAN6, "Outer", "VXLAN from {addr:ip} to this host, VNI {b}")                                     \
	X(120, INNER_SOURCE, "Source", "by its lookup record the inner source is at {addr:ip}")              \
	X(121, INNER_ROUTED, "Source", "routed: a record of its routing domain has {addr:ip} at the outer source")     \
	X(122, WIRE_FOR_MANY, "Destination", "broadcast or multicast: for all ports of the virtual subnet on this host") \
	X(128, DECAP, "Decapsulate", "{a} bytes remain")                                                               \
	X(129, REWRITE_IN, "IP rewrite", "the provider addresses become {a:ip4} and {b:ip4}, VSID {c}")

enum dp_trace_stage {
#define NESTOR_TRACE_ENUM(code, name, stage, sentence) DP_TRACE_##name = (code),
	NESTOR_TRACE_STAGES(NESTOR_TRACE_ENUM)
#undef NESTOR_TRACE_ENUM
	DP_TRACE_MAX = 256,
};

struct dp_trace_step {
	__u32 code;			/* enum dp_trace_stage */
	__u32 pad;
	__u64 a, b, c;			/* MAC addresses as they lie in memory, IPv4 in network order */
	union dp_addr addr;
};

#define DP_TRACE_STEPS 20
/* of a packet's first bytes: Ethernet, IPv6, UDP, VXLAN, Ethernet, IPv6, TCP, and some */
#define DP_TRACE_BYTES 192

/* All about one packet in one program. */
struct dp_trace {
	__u64 time;			/* CLOCK_MONOTONIC, ns */
	__u32 ifindex;			/* where it came in */
	__u32 verdict;			/* enum dp_verdict */
	__u32 detail;			/* dp_verdict's */
	__u32 len, out_len;		/* bytes before and after */
	__u32 segments;			/* packets that it is on a wire; 0: one */
	__u32 inner;			/* where the inner frame begins in in[]; 0: not known, or at the start */
	__u32 n_steps;
	__u32 lost;			/* matching packets that found no room before this one */
	__u32 pad;
	struct dp_trace_step steps[DP_TRACE_STEPS];
	__u8 in[DP_TRACE_BYTES], out[DP_TRACE_BYTES];
};

enum dp_trace_field {
	DP_TRACE_ETHERTYPE = 1 << 0,
	DP_TRACE_PROTOCOL = 1 << 1,
	DP_TRACE_SOURCE = 1 << 2,
	DP_TRACE_DESTINATION = 1 << 3,
	DP_TRACE_SOURCE_PORT = 1 << 4,
	DP_TRACE_DESTINATION_PORT = 1 << 5,
	DP_TRACE_MAC = 1 << 6,
	DP_TRACE_ECHO = 1 << 7,		/* ICMP or ICMPv6 of this type, id and sequence */
};

/* Which packets are followed: those that agree in all named fields of the guest's frame. */
struct dp_trace_filter {
	__u32 fields;			/* enum dp_trace_field */
	__u16 ethertype;		/* network order, as the ports */
	__u16 source_port, destination_port;
	__u8 protocol;
	__u8 icmp_type;
	__u8 mac[6];			/* destination */
	__u8 pad[2];
	__u32 echo;			/* id and sequence, as they lie in the packet */
	union dp_addr source, destination;
};

/* What the daemon tells a tracing program before it is loaded. */
struct dp_trace_options {
	struct dp_trace_filter filter;
	__u32 dry;			/* the packets are made ones: BPF_PROG_TEST_RUN */
	__u32 pad;
};

DP_ASSERT(sizeof(struct dp_trace_step) == 48);
DP_ASSERT(sizeof(struct dp_trace) == 48 + DP_TRACE_STEPS * 48 + 2 * DP_TRACE_BYTES);
DP_ASSERT(sizeof(struct dp_trace_filter) == 56);
DP_ASSERT(sizeof(struct dp_trace_options) == 64);

#endif
