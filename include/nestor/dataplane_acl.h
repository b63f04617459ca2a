/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_DATAPLANE_ACL_H
#define NESTOR_DATAPLANE_ACL_H

/*
 * Rule sets of ports (cmdlets.md 2.12), part of the ABI of dataplane.h; docs/decisions/0011 says why they are as they
 * are.
 *
 * A set is what ports hold against the packets of one direction: up to DP_ACL_RULES rules in the order in which they
 * are tried. It is never changed: other rules are another set under another number, which a port's entry then names, so
 * that what was found out by an old one is recognized as such. Ports with equal rules share a set. Two bits of the
 * number tell what is in it, so that packets of known flows need not look.
 */
#include <nestor/dataplane.h>

/* As the guest sees it (AC-6). Index of dp_port.acl_sets. */
enum dp_acl_direction {
	DP_ACL_OUT,			/* local: source, remote: destination */
	DP_ACL_IN,			/* local: destination, remote: source */
	DP_ACL_DIRECTIONS,
};

/* The first rule that matches decides in each section for itself. */
enum dp_acl_section {
	DP_ACL_METER,			/* counts */
	DP_ACL_BASIC,			/* AC-2: addresses, in the order of their prefixes' lengths */
	DP_ACL_EXTENDED,		/* AC-3: by weight */
	DP_ACL_SECTIONS,
	DP_ACL_MAC = DP_ACL_SECTIONS,	/* not in the vectors: looked up */
};

#define DP_ACL_ID_IP 0x80000000		/* there are rules of addresses */
#define DP_ACL_ID_MAC 0x40000000	/* there are rules of MAC addresses */
#define DP_ACL_ID_NUMBER 0x3fffffff

#define DP_ACL_WORDS 32
#define DP_ACL_RULES (DP_ACL_WORDS * 64)

/* What a rule may restrict, and a packet is looked up by. */
enum dp_acl_dim {
	DP_ACL_LOCAL4,			/* value: 4 bytes */
	DP_ACL_LOCAL6,			/* 16 */
	DP_ACL_REMOTE4,
	DP_ACL_REMOTE6,
	DP_ACL_LOCAL_PORT,		/* 2, network order */
	DP_ACL_REMOTE_PORT,
	DP_ACL_PROTOCOL,		/* 1 */
	DP_ACL_DIMS,
};

enum dp_acl_rule_flag {
	DP_ACL_IP4 = 1 << 0,		/* matches IPv4 packets */
	DP_ACL_IP6 = 1 << 1,
	DP_ACL_DENY = 1 << 2,
	DP_ACL_STATEFUL = 1 << 3,	/* AC-4 */
	DP_ACL_HAS_PROTOCOL = 1 << 4,
	DP_ACL_HAS_LOCAL = 1 << 5,	/* else any address */
	DP_ACL_HAS_REMOTE = 1 << 6,
};

/* ---- map "acl_rules": HASH, what the sets say; the other maps of a set follow from it ---- */

struct dp_acl_rule_key {
	__u32 set;
	__u32 index;			/* bit in the vectors; DP_ACL_RULES and above: rules of MAC addresses */
};

struct dp_acl_rule {
	union dp_addr local;		/* the prefix's bits, the rest 0; of a MAC rule the first six bytes */
	union dp_addr remote;
	__u8 local_len;			/* bits, of 128: those of an IPv4 prefix are 96 more */
	__u8 remote_len;
	__u8 section;			/* enum dp_acl_section */
	__u8 flags;			/* enum dp_acl_rule_flag */
	__u16 local_port[2];		/* lowest and highest; 0 and 65535: any */
	__u16 remote_port[2];
	__u8 protocol;
	__u8 pad;
	__u16 timeout;			/* seconds a session may be idle; 0: DP_ACL_IDLE_... by protocol */
	/* what people know it by: the weight of an extended rule, else its number at the adapter */
	__u32 number;
	__u32 pad1;
};

/* ---- map "acl_sets": HASH, key __u32 set. Written last, deleted first: with it the set is complete ---- */

struct dp_acl_set {
	__u16 dims;			/* bit by enum dp_acl_dim: some rule restricts it */
	__u16 pad;
	/* by section: the word of the vectors where it ends; the next one begins there */
	__u8 end[4];
};

/* ---- map "acl_matches": LPM_TRIE, a value of a dimension -> class, the number of a vector of the set ---- */

struct dp_acl_match_key {
	__u32 prefixlen;		/* DP_ACL_MATCH_BITS + bits of the value */
	__u32 set;
	__u32 dim;
	__u8 value[16];
};

#define DP_ACL_MATCH_BITS 64

/* ---- map "acl_vectors": HASH, bit by rule: may match a packet whose value is of that class ---- */

#define DP_ACL_CLASS_ALL 0		/* every rule: what a dimension says that no rule restricts */
/*
 * A later fragment has no ports. Where its first one has not been seen, it meets rules without ports, and those with
 * ports only where they allow: what has to be whole to be of use is refused with its first fragment.
 */
#define DP_ACL_CLASS_NO_PORTS 1
#define DP_ACL_CLASS_FIRST 2		/* those of values */

struct dp_acl_vector_key {
	__u32 set;
	__u32 class;
};

struct dp_acl_vector {
	__u64 w[DP_ACL_WORDS];
};

/* ---- map "acl_macs": HASH, zero address: any. Value: __u32 index of the rule, with DP_ACL_MAC_DENY ---- */

struct dp_acl_mac_key {
	__u32 set;
	__u8 local[6];
	__u8 remote[6];
};

#define DP_ACL_MAC_DENY 0x80000000

/* ---- map "acl_meters": PERCPU_HASH: what rules of metering have counted. It outlives the sets ---- */

struct dp_acl_meter_key {
	__u32 ifindex;			/* of the port */
	__u32 number;			/* of the rule, DP_ACL_METER_MAX at most */
};

struct dp_acl_meter {
	__u64 packets;			/* of those that the rules let pass; segments of a large packet one by one */
	__u64 bytes;
};

#define DP_ACL_METER_MAX 0xffff

/*
 * ---- map "acl_flows": LRU_HASH: what the sets said of a flow, and the sessions of stateful rules (AC-4) ---- The same
 * entry for both directions. A verdict holds for the set that it names; a session, too: where the port has another set
 * meanwhile, that one is asked about the session's first packet.
 */

enum dp_acl_flow_kind {
	DP_ACL_FLOW,
	DP_ACL_FRAGMENTS,		/* of one packet: ports holds its identification */
};

struct dp_acl_flow_key {
	union dp_addr local __attribute__((packed, aligned(4)));
	union dp_addr remote __attribute__((packed, aligned(4)));
	__u32 ifindex;			/* of the port: tenants' addresses overlap */
	/* as in the packets, local first, network order; ICMP: type and code, or an echo's identifier */
	__u32 ports;
	__u8 protocol;
	__u8 kind;			/* enum dp_acl_flow_kind */
	__u8 pad[2];
} __attribute__((packed, aligned(4)));

enum dp_acl_verdict_flag {
	DP_ACL_VERDICT_STATEFUL = 1 << 0,
};

/* A verdict in one word, so that it is never seen by halves. */
#define DP_ACL_VERDICT(set, meter, reason, flags) \
	((__u64)(set) << 32 | (__u64)(meter) << 16 | (__u64)(reason) << 8 | (__u64)(flags))
#define DP_ACL_VERDICT_SET(v) ((__u32)((v) >> 32))
#define DP_ACL_VERDICT_METER(v) ((__u32)((v) >> 16) & 0xffff)
#define DP_ACL_VERDICT_REASON(v) ((__u32)((v) >> 8) & 0xff)

enum dp_acl_tcp {
	DP_ACL_TCP_FIN_OUT = 1 << 0,	/* by direction */
	DP_ACL_TCP_FIN_IN = 1 << 1,
	DP_ACL_TCP_RST = 1 << 2,
};

struct dp_acl_flow {
	__u64 verdict[DP_ACL_DIRECTIONS];
	/* ns, CLOCK_MONOTONIC; the last packet of the session, give or take half a second */
	__u64 seen;
	__u32 rule[DP_ACL_DIRECTIONS];	/* number of the extended or basic rule that decided; 0: none */
	__u32 session;			/* the set that let its first packet pass; 0: no session */
	__u16 timeout;			/* seconds */
	__u8 origin;			/* enum dp_acl_direction of the first packet */
	__u8 tcp;			/* enum dp_acl_tcp */
};

/*
 * Seconds that a session may be idle when its rule does not say (NT-7), and once both ends of a connection have closed
 * it.
 */
#define DP_ACL_IDLE_TCP 1800
#define DP_ACL_IDLE_UDP 120
#define DP_ACL_IDLE_OTHER 30
#define DP_ACL_IDLE_CLOSED 10
/* RFC 791 3.2, RFC 8200 4.5: nobody waits for fragments longer than this */
#define DP_ACL_IDLE_FRAGMENTS 60

DP_ASSERT(sizeof(struct dp_acl_rule_key) == 8);
DP_ASSERT(sizeof(struct dp_acl_rule) == 56);
DP_ASSERT(sizeof(struct dp_acl_set) == 8);
DP_ASSERT(sizeof(struct dp_acl_match_key) == 28);
DP_ASSERT(sizeof(struct dp_acl_vector_key) == 8);
DP_ASSERT(sizeof(struct dp_acl_vector) == 256);
DP_ASSERT(sizeof(struct dp_acl_mac_key) == 16);
DP_ASSERT(sizeof(struct dp_acl_meter_key) == 8);
DP_ASSERT(sizeof(struct dp_acl_meter) == 16);
DP_ASSERT(sizeof(struct dp_acl_flow_key) == 44);
DP_ASSERT(sizeof(struct dp_acl_flow) == 40);

#endif
