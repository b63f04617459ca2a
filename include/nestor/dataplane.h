/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_DATAPLANE_H
#define NESTOR_DATAPLANE_H

/*
 * What the BPF programs and the daemon share: keys and values of the pinned maps. Any change of a layout or of a
 * meaning raises DP_ABI; a daemon that finds pins of another ABI replaces them instead of reusing them.
 *
 * Numbers are in host byte order unless the comment says "network order". Padding must be zero: keys are hashed and
 * values are compared as bytes.
 */

#include <linux/bpf.h>
#include <linux/types.h>

#include <nestor/drop_reason.h>

#define DP_ABI 15

/*
 * Ports are looked up by the ifindex of their host side in an array, which is the cheapest lookup there is and bounds
 * the ifindex. Who creates links keeps them below it (RTM_NEWLINK accepts a wanted ifindex).
 */
#define DP_MAX_IFINDEX 65536

/* RFC 7637 section 3.2, WG-3: VSIDs that a receiver drops; HN-1: the range a port may have */
#define DP_VSID_MIN 0x001000
#define DP_VSID_MAX 0xfffffe

/*
 * The segment is the key of a virtual subnet in this host's maps. It equals the VSID where lookup records exist for
 * it. A VSID without any policy connects the ports of one switch only; each such (switch, VSID) gets a number of its
 * own from DP_SEGMENT_UNPOLICED on, which no frame from the wire can name.
 */
#define DP_SEGMENT_UNPOLICED 0x1000000

/* How a frame is carried to a provider address: two bits, so that four values */
enum dp_encap {
	DP_ENCAP_VXLAN = 1 << 0,	/* RFC 7348, WG-10; else NVGRE, RFC 7637 */
	DP_ENCAP_IP6 = 1 << 1,		/* over IPv6; else over IPv4 */
	DP_ENCAP_NVGRE4 = 0,
	DP_ENCAP_VXLAN4 = DP_ENCAP_VXLAN,
	DP_ENCAP_NVGRE6 = DP_ENCAP_IP6,
	DP_ENCAP_VXLAN6 = DP_ENCAP_VXLAN | DP_ENCAP_IP6,
	DP_ENCAPS,
};

/*
 * What an IP packet grows by, the outer Ethernet header not counted: 20 IPv4 or 40 IPv6, 8 GRE or 16 UDP and VXLAN, 14 inner
 * Ethernet (WG-5): 42, 50, 62, 70.
 */
#define DP_ENCAP_OVERHEAD(encap) (14 + ((encap) & DP_ENCAP_IP6 ? 40 : 20) + ((encap) & DP_ENCAP_VXLAN ? 16 : 8))

#define DP_NVGRE4_OVERHEAD DP_ENCAP_OVERHEAD(DP_ENCAP_NVGRE4)

#define DP_VXLAN_PORT 4789

/* IPv4 or IPv6 address in network order; IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2); all zero: none */
union dp_addr {
	__u8 b[16];
	__u32 w[4];
	__u64 d[2];
};

/* ---- map "ports": ARRAY, index = ifindex of the port's host side, or of an uplink ---- */

enum dp_port_flag {
	DP_PORT_PRESENT = 1 << 0,	/* the entry is in use */
	DP_PORT_SPOOFING = 1 << 1,	/* MacAddressSpoofing On: any source MAC */
	DP_PORT_POLICY = 1 << 2,	/* the segment has lookup records; else it is plain switching inside the segment */
	DP_PORT_ANY_CA = 1 << 3,	/* any IPv4 source address for the port's MAC: GatewayWildcard (HN-7) */
	DP_PORT_MORE_CA = 1 << 4,	/* addr4 is not the whole list: ask map "cas" (uplink: map "pas") */
	DP_PORT_PEER = 1 << 5,		/* the guest's end is a veth in another namespace: deliver by redirect_peer */
	DP_PORT_UPLINK = 1 << 6,	/* not a port but an uplink; addr4 holds this host's provider addresses */
	/*
	 * An uplink where the XDP program is attached, too: the TC program then trusts the metadata before each frame, which
	 * only holds while every frame passes the XDP program.
	 */
	DP_PORT_XDP = 1 << 7,
	DP_PORT_CA6 = 1 << 8,		/* a record of the port's MAC has an IPv6 address, or any: else the guest speaks none */
	DP_PORT_ANY_CA6 = 1 << 9,	/* as DP_PORT_ANY_CA, for IPv6 */
	DP_PORT_ACL_OUT = 1 << 10,	/* acl_sets[DP_ACL_OUT] is asked about what the guest sends (dataplane_acl.h) */
	DP_PORT_ACL_IN = 1 << 11,	/* acl_sets[DP_ACL_IN] about what it gets */
	DP_PORT_GUARDS = 1 << 12,	/* guards says which */
	DP_PORT_STORM = 1 << 13,	/* storm_limit is not 0 */
	DP_PORT_MIRROR = 1 << 14,	/* copies of what it sends and receives go to the port mirror, and those behind that */
	DP_PORT_PACED = 1 << 17,	/* rate, pacer and pace_class are set */
	DP_PORT_VLAN = 1 << 18,		/* VSID 0: the switch has VLANs, the port keeps to vlan and map "trunks" */
	/* uplink: map "pas" has multicast addresses, to which only frames for many are sent (WG-7) */
	DP_PORT_GROUPS = 1 << 19,
	DP_PORT_LEARN = 1 << 20,	/* the port's MAC has an L2Only record: learn says more (HN-8) */
	/* port: src_pa4 is the provider address of a record of IP rewrite; uplink: this host has any in map "rewrites" */
	DP_PORT_REWRITE = 1 << 15,
	/* not all that the port sends comes from src_pa4 and src_pa6: map "cas" has the provider address of each source */
	DP_PORT_MORE_PA = 1 << 24,
	/* uplink: something else than NVGRE over IPv4 may come: there is an IPv6 provider address, or vxlan_port */
	DP_PORT_OUTER = 1 << 16,
};

/* Ports where machines may be whose addresses are learnt: its own, or with spoofing on one behind it */
#define DP_PORT_LEARNS (DP_PORT_LEARN | DP_PORT_SPOOFING)

/* What few ports have: the path of a frame asks for all of it at once. */
#define DP_PORT_RARE (DP_PORT_GUARDS | DP_PORT_STORM | DP_PORT_ACL_OUT | DP_PORT_MIRROR | DP_PORT_PACED)

/*
 * skb->mark of a packet that comes back from the pacer, | ifindex of its port. A guest cannot set it: the kernel clears marks
 * where a packet changes its network namespace, and a tap gives none. Who can on the host may set its own adapter's.
 */
#define DP_PACE_MARK 0x4e530000u

enum dp_guard {
	DP_GUARD_DHCP = 1 << 0,		/* the guest may not be a DHCP server or relay (DhcpGuard) */
	DP_GUARD_ROUTER = 1 << 1,	/* nor advertise a router, nor redirect (RouterGuard) */
};

/* Of an L2Only port: which addresses the daemon wants to hear of (map "learnt") */
enum dp_port_learn {
	DP_PORT_LEARN_4 = 1 << 0,	/* IPv4 addresses */
	DP_PORT_LEARN_6 = 1 << 1,	/* IPv6 addresses */
	DP_PORT_LEARN_FULL6 = 1 << 6,	/* it has as many as it may (DynamicIPAddressLimit) */
	DP_PORT_LEARN_FULL = 1 << 7,	/* the same of IPv4: leases alone, which may replace one */
};

#define DP_PORT_ADDR4 4

struct dp_port {
	/* first cache line: all that the path of a frame reads */
	__u32 flags;			/* enum dp_port_flag */
	__u32 segment;			/* 0: VSID 0, the bridge switches; only the guards hold */
	__u32 vsid;			/* what the wire carries */
	__u32 slot;			/* index into map "counters"; given by the driver, callers leave it 0 */
	__u8 mac[6];			/* of the guest's adapter */
	__u8 pad0[2];
	__u32 flood_next;		/* ifindex of the next port of the segment (a ring); 0: none, or no frame is for all */
	/* provider addresses of this host for the guest, one of each family (HN-13, WG-8); zero: none */
	__u32 src_pa4;			/* network order */
	__u16 vxlan_port;		/* uplink: UDP port of VXLAN, network order; 0: this host has no record of that rule */
	__u8 pad5[14];
	__u32 addr4[DP_PORT_ADDR4];	/* network order, 0 unused: source addresses that need no lookup */
	/* second cache line: what only routed and rewritten frames and answers in place read */
	__u8 domain[16];		/* routing domain (RDID); all zero: none */
	__u8 router_mac[6];		/* of the segment's distributed router (HN-4, HN-6); zero: frames are not routed */
	__u8 rewrite_vm_mac;		/* bit i: UseVmMACAddress of the record of addr4[i] */
	__u8 pad1;
	__u32 router4;			/* its address, network order; 0: none. Who answers by ICMP */
	__u8 pad2[4];
	union dp_addr src_pa6;
	__u32 rewrite4[DP_PORT_ADDR4];	/* network order: what addr4[i] becomes by IP rewrite; 0: it does not */
	/* third cache line: what DP_PORT_RARE, DP_PORT_ACL_IN and DP_PORT_VLAN lead to, and what is routed of IPv6 */
	__u8 guards;			/* enum dp_guard */
	__u8 learn;			/* enum dp_port_learn */
	__u16 vlan;			/* VLAN of its frames without a tag, 1 to 4094; 0: they have none on the wire either */
	__u32 storm_limit;		/* broadcast, multicast and flooded packets a second */
	__u32 mirror;			/* ifindex of the first port that gets copies; of one that gets them: of the next; 0: none */
	__u32 acl_sets[2];		/* by enum dp_acl_direction; 0: none */
	__u8 trunk;			/* map "trunks" has the VLANs that it speaks besides, with tags */
	__u8 pad4[3];
	__u8 router_mac6[6];		/* as router_mac, for IPv6 */
	__u8 pad6[2];
	union dp_addr router6;		/* zero: none */
	__u32 pacer;			/* ifindex of the device that holds back what the guest sends */
	__u32 pace_class;		/* the port's class there: skb->priority */
	__u64 rate;			/* bytes a second of it */
};

/* ---- map "trunks": HASH, key __u32 ifindex: VLANs that a port sends and receives with tags ---- */

struct dp_trunk {
	__u64 allowed[64];		/* bit i % 64 of word i / 64: VLAN i */
};

/* ---- map "dests": HASH, who has a MAC in a segment ---- */

struct dp_dest_key {
	__u32 segment;
	__u8 mac[6];
	__u8 pad[2];
};

enum dp_dest_kind {
	DP_DEST_NONE = 0,
	DP_DEST_LOCAL,			/* target: ifindex of the port's host side */
	DP_DEST_REMOTE,			/* target: index into map "nexthops" */
	DP_DEST_INNER,			/* at this host, and no port's: behind one where spoofing is on (map "inner"); target: 0 */
};

enum dp_dest_flag {
	DP_DEST_ANY_CA = 1 << 0,	/* as a source: any IPv4 customer address (L2Only, GatewayWildcard; HN-7, HN-8) */
	DP_DEST_CA6 = 1 << 1,		/* some record of this MAC has an IPv6 address, or any */
	DP_DEST_ANY_CA6 = 1 << 2,	/* as DP_DEST_ANY_CA, for IPv6 */
	DP_DEST_L2ONLY = 1 << 3,	/* any that no other record has: all such records of the MAC are L2Only (HN-8) */
	DP_DEST_L2ONLY6 = 1 << 4,	/* as DP_DEST_L2ONLY, for IPv6 */
	DP_DEST_REWRITE_MORE = 1 << 6,	/* some record of this MAC is of IP rewrite: map "cas" tells which */
	DP_DEST_REWRITE = 1 << 7,	/* the record of ca4 and pa is: no lookup for it */
};

struct dp_dest {
	__u8 kind;			/* enum dp_dest_kind */
	__u8 flags;			/* enum dp_dest_flag */
	__u8 pad[2];
	__u32 target;
	/*
	 * As a source: the record's IPv4 customer address, network order, so that one lookup by MAC checks what comes from
	 * the wire; 0, or another address than the packet's: map "cas" decides. A MAC with several addresses has any of
	 * them here.
	 */
	__u32 ca4;
	__u32 pad1;
	union dp_addr pa;		/* of the record: what the outer source must be when this MAC sends */
};

/* ---- map "cas": HASH, who has a customer address in a segment: ARP answers and source checks ---- */

struct dp_ca_key {
	__u32 segment;
	union dp_addr ca __attribute__((packed, aligned(4)));
} __attribute__((packed, aligned(4)));

enum dp_ca_flag {
	DP_CA_LOCAL = 1 << 0,		/* the record's provider address is this host's */
	DP_CA_ROUTER = 1 << 1,		/* the distributed router's address (HN-4): answered, never a valid source */
	DP_CA_REWRITE = 1 << 8,		/* carried by IP rewrite: pa stands for this address alone */
	DP_CA_REWRITE_VM_MAC = 1 << 9,	/* UseVmMACAddress */
};

struct dp_ca {
	__u8 mac[6];
	__u16 flags;			/* enum dp_ca_flag */
	union dp_addr pa;
};

/*
 * ---- map "routes": LPM_TRIE, where a packet to a router's MAC goes (HN-9) ----
 *
 * A routing domain is named by its RDID itself: there is no number to give out, to keep, or to mix up.
 */

struct dp_route_key {
	__u32 prefixlen;		/* DP_ROUTE_KEY_BITS + bits of the prefix, of 128 */
	__u8 domain[16];
	__u32 vsid;			/* 0: of the whole domain; else what senders in this subnet prefer among equals */
	union dp_addr ca __attribute__((packed, aligned(4)));
} __attribute__((packed, aligned(4)));

#define DP_ROUTE_KEY_BITS (128 + 32)

enum dp_route_flag {
	DP_ROUTE_ONLINK = 1 << 0,	/* the destination itself is in the subnet: its record says where */
	DP_ROUTE_OWN = 1 << 1,		/* some subnets have an entry of their own for this prefix: it wins there */
};

struct dp_route {
	__u32 vsid;			/* subnet the packet goes to: what the wire carries */
	__u8 flags;			/* enum dp_route_flag */
	__u8 prefixlen;			/* of 128 */
	__u8 router_mac[6];		/* source MAC in that subnet; zero: it has no router, the sender's is used */
	/*
	 * Of the next hop's record; of a default route: else of the wildcard record (HN-7). Zero: there is none. With
	 * DP_ROUTE_ONLINK: who gets what no record has; zero: nobody.
	 */
	__u8 mac[6];
	__u8 pad[2];
};

/* ---- map "subnets": HASH, key __u32 VSID: what may come routed from the wire ---- */

struct dp_subnet {
	__u8 domain[16];
	__u8 router_mac[6];		/* zero: none, the router of the sender's subnet is the source */
	__u8 router_mac6[6];		/* of IPv6 */
};

/*
 * ---- map "sources": HASH, who may send routed packets to this host ----
 *
 * In a routed packet the inner source MAC is a router's. So it is the routing domain that must have a record of the inner
 * source address, and at the outer source. The customer address 0.0.0.0: a wildcard record (HN-7), any address.
 */

struct dp_source_key {
	__u8 domain[16];
	union dp_addr ca __attribute__((packed, aligned(4)));
	union dp_addr pa __attribute__((packed, aligned(4)));
} __attribute__((packed, aligned(4)));

struct dp_source {
	__u8 router_mac[6];		/* of the record's own subnet; zero: none */
	__u8 pad[2];
};

/* ---- map "nexthops": ARRAY, how to reach a provider address ---- */

enum dp_nexthop_flag {
	DP_NEXTHOP_PRESENT = 1 << 0,
	DP_NEXTHOP_RESOLVED = 1 << 1,	/* dst_mac, src_mac and ifindex are valid: send straight to the uplink */
	DP_NEXTHOP_NO_FLOWID = 1 << 2,	/* FlowID 0 for this peer (WG-2) */
};

struct dp_nexthop {
	__u32 flags;			/* enum dp_nexthop_flag */
	__u32 ifindex;			/* uplink to send a resolved packet by */
	__u32 neigh_ifindex;		/* device that has the provider address (bridge): the kernel resolves there */
	__u16 mtu;			/* largest inner IP packet: underlay MTU - overhead; 0: unknown, no check */
	__u8 encap;			/* enum dp_encap, of the family of pa */
	__u8 pad0;
	union dp_addr pa;		/* outer destination */
	union dp_addr via;		/* gateway on the way (provider route); zero: on-link. Informative: the kernel routes */
	__u8 dst_mac[6];
	__u8 src_mac[6];
	__u8 pad1[4];
};

/* ---- map "pas": HASH, key union dp_addr: provider addresses of this host, and the multicast ones it listens to ---- */

struct dp_pa {
	__u32 ifindex;			/* device that has it; informative */
	__u32 flags;			/* 0 */
};

/* ---- map "groups": HASH, key __u32 segment: virtual subnets where broadcast and multicast are on (WG-7) ---- */

#define DP_GROUP_PEERS 256

struct dp_group {
	union dp_addr pa;		/* what frames for many may be sent to besides this host's own addresses; zero: nothing */
	__u32 first;			/* ifindex of a port of the segment on this host, where its ring begins; 0: there is none */
	__u32 n_peers;			/* entries of peers in use */
	__u32 pad[2];
	__u32 peers[DP_GROUP_PEERS];	/* indexes into map "nexthops": each gets a copy. With pa: the one that leads there */
};

/* ---- map "inner": LRU_HASH, key struct dp_dest_key, value __u32 ifindex: behind which port a machine has sent last ---- */

#define DP_INNER_SEEN 16384

/*
 * ---- map "inner_ports": HASH, key __u32 segment: where spoofing is on, so that machines may be behind them (NN-1) ----
 * They get what is for one that has not been seen yet.
 */

#define DP_INNER_PORTS 31

struct dp_inner_ports {
	__u32 n;
	__u32 ports[DP_INNER_PORTS];	/* ifindexes */
};

/* ---- map "rewrites": HASH, key union dp_addr: what a provider address of IP rewrite stands for, wherever it is ---- */

enum dp_rewrite_flag {
	DP_REWRITE_LOCAL = 1 << 0,	/* of this host: packets to it are the machine's, never the host's own */
};

struct dp_rewrite {
	__u32 segment;
	__u32 target;			/* local: ifindex of the port's host side, 0: none; remote: index into map "nexthops" */
	__u8 mac[6];
	__u16 flags;			/* enum dp_rewrite_flag */
	union dp_addr ca;
};

/* ---- map "counters": PERCPU_ARRAY, index = dp_port.slot; seen from the guest ---- */

struct dp_counters {
	__u64 sent_packets;		/* segments of a large packet count one by one */
	__u64 sent_bytes;
	__u64 received_packets;
	__u64 received_bytes;
};

/* ---- map "limits": ARRAY, index = dp_port.slot: how far a port is with its limits; the programs' own ---- */

struct dp_limit {
	struct bpf_spin_lock lock;
	__u32 storm_packets;		/* since storm_start */
	__u64 storm_start;		/* CLOCK_MONOTONIC, ns */
	__u64 pace_free;		/* when all that was sent has gone out at the port's rate; CLOCK_MONOTONIC, ns */
};

/* ---- map "drops": HASH, value __u64 packets ---- */

struct dp_drop_key {
	/* where the frame came in; of what a port's inbound ACL denies: that port; 0: the map was full for its device */
	__u32 ifindex;
	__u32 reason;			/* enum dp_drop_reason */
};

/*
 * ---- map "flows": PERCPU_ARRAY, what the uplink found out about senders, so that the next packet need not ask again ----
 * Worth what it says while its generation is that of "config", which every change of the tables raises.
 */
#define DP_FLOWS 256

struct dp_flow {
	__u64 generation;
	__u64 mac_head;			/* inner destination and the first two bytes of the source, as they lie in the frame */
	__u32 mac_tail;			/* the rest of the source */
	__u32 source_pa;		/* network order */
	__u32 vsid;
	__u32 ca;			/* inner source, network order */
	__u32 ifindex;			/* of the port that a good packet like this is for */
	__u32 pad;
};

/*
 * ---- map "ways": PERCPU_ARRAY, where the router found that packets of a port to an address go (one cache line each) ----
 * Worth what it says while its generation is that of "config".
 */
#define DP_WAYS 256

struct dp_way {
	__u64 generation;
	__u32 ifindex;			/* of the sender's port */
	__u32 vsid;			/* subnet the packet goes to */
	union dp_addr ca;		/* where it is for */
	__u32 target;			/* as in struct dp_dest */
	__u8 kind;			/* enum dp_dest_kind */
	__u8 pad[3];
	__u8 mac[6];			/* whom it is for in that subnet */
	__u8 router_mac[6];		/* whom it comes from there */
	__u8 pad1[12];
};

/* ---- map "learnt": RINGBUF, addresses that machines of L2Only records were seen to have (HN-8) ---- */

enum dp_learnt_kind {
	DP_LEARNT_ANNOUNCED = 1,	/* the guest said so, by ARP or neighbour discovery */
	DP_LEARNT_LEASED = 2,		/* a DHCP server gave it to the guest: message, to be read by who gets this */
};

#define DP_LEARNT_MESSAGE 576		/* RFC 2131 2: what every client must accept as a whole packet; longer ones are cut */

struct dp_learnt {
	__u32 kind;			/* enum dp_learnt_kind */
	__u32 ifindex;			/* of the guest's port */
	__u32 segment;
	__u8 mac[6];			/* of the port, or of a machine behind it */
	__u16 len;			/* bytes of message */
	__u32 pad;
	union dp_addr ca;		/* announced */
	__u8 message[DP_LEARNT_MESSAGE]; /* leased: from the DHCP header's first byte */
};
#define DP_LEARNT_RATE 10		/* a second and port; what is more is not heard */

/* ---- map "learn_rates": ARRAY, index = dp_port.slot ---- */

struct dp_learn_rate {
	__u64 second;
	__u32 n;
	__u32 pad;
};

/* ---- map "config": ARRAY of one ---- */

struct dp_config {
	__u32 abi;			/* DP_ABI */
	__u32 pad;
	__u64 generation;		/* of the tables: raised after every change */
	__u8 reserved[48];
};

/*
 * Verdict of a program, left in __sk_buff.cb[] because the target of a redirect shows nowhere else in
 * BPF_PROG_TEST_RUN (tests, packet tracing).
 */
enum dp_verdict {
	DP_VERDICT_NONE = 0,
	DP_VERDICT_PASS,		/* to the kernel (bridge, stack) */
	DP_VERDICT_DROP,		/* cb[1]: reason */
	DP_VERDICT_DELIVER,		/* cb[1]: ifindex of the port; by redirect */
	DP_VERDICT_DELIVER_PEER,	/* cb[1]: ifindex of the port; by redirect_peer */
	DP_VERDICT_REPLY,		/* cb[1]: ifindex of the port the frame came from */
	DP_VERDICT_SEND,		/* cb[1]: ifindex of the uplink */
	DP_VERDICT_SEND_NEIGH,		/* cb[1]: ifindex of the device where the kernel resolves */
	DP_VERDICT_FLOOD,		/* cb[1]: number of ports and of other hosts that got a copy */
	DP_VERDICT_QUEUE,		/* cb[1]: ifindex of the pacer, from where it comes back to this port */
};

#define DP_CB_VERDICT 0
#define DP_CB_DETAIL 1
#define DP_CB_RULE 2			/* with a drop by an ACL: dp_acl_rule.number of the rule that denied */

#define DP_ASSERT(c) _Static_assert(c, #c)
DP_ASSERT(sizeof(union dp_addr) == 16);
DP_ASSERT(sizeof(struct dp_port) == 192);
DP_ASSERT(__builtin_offsetof(struct dp_port, src_pa4) == 28);
DP_ASSERT(__builtin_offsetof(struct dp_port, addr4) == 48);
DP_ASSERT(__builtin_offsetof(struct dp_port, src_pa6) == 96);
DP_ASSERT(__builtin_offsetof(struct dp_port, domain) == 64);
DP_ASSERT(__builtin_offsetof(struct dp_port, router_mac) == 80);
DP_ASSERT(__builtin_offsetof(struct dp_port, router4) == 88);
DP_ASSERT(__builtin_offsetof(struct dp_port, acl_sets) == 140);
DP_ASSERT(sizeof(struct dp_route_key) == 40);
DP_ASSERT(__builtin_offsetof(struct dp_route_key, ca) == 24);
DP_ASSERT(sizeof(struct dp_route) == 20);
DP_ASSERT(sizeof(struct dp_subnet) == 28);
DP_ASSERT(sizeof(struct dp_source_key) == 48);
DP_ASSERT(sizeof(struct dp_source) == 8);
DP_ASSERT(sizeof(struct dp_dest_key) == 12);
DP_ASSERT(sizeof(struct dp_dest) == 32);
DP_ASSERT(__builtin_offsetof(struct dp_dest, pa) == 16);
DP_ASSERT(sizeof(struct dp_ca_key) == 20);
DP_ASSERT(__builtin_offsetof(struct dp_ca_key, ca) == 4);
DP_ASSERT(sizeof(struct dp_ca) == 24);
DP_ASSERT(sizeof(struct dp_nexthop) == 64);
DP_ASSERT(__builtin_offsetof(struct dp_nexthop, pa) == 16);
DP_ASSERT(__builtin_offsetof(struct dp_nexthop, dst_mac) == 48);
DP_ASSERT(sizeof(struct dp_pa) == 8);
DP_ASSERT(sizeof(struct dp_group) == 32 + 4 * DP_GROUP_PEERS);
DP_ASSERT(sizeof(struct dp_inner_ports) == 128);
DP_ASSERT(sizeof(struct dp_rewrite) == 32);
DP_ASSERT(__builtin_offsetof(struct dp_port, rewrite4) == 112);
DP_ASSERT(__builtin_offsetof(struct dp_port, guards) == 128);
DP_ASSERT(__builtin_offsetof(struct dp_port, router6) == 160);
DP_ASSERT(sizeof(struct dp_counters) == 32);
DP_ASSERT(sizeof(struct dp_limit) == 24);
DP_ASSERT(__builtin_offsetof(struct dp_port, rate) == 184);
DP_ASSERT(sizeof(struct dp_trunk) == 512);
DP_ASSERT(sizeof(struct dp_drop_key) == 8);
DP_ASSERT(sizeof(struct dp_flow) == 40);
DP_ASSERT(sizeof(struct dp_way) == 64);
DP_ASSERT(__builtin_offsetof(struct dp_learnt, ca) == 24);
DP_ASSERT(sizeof(struct dp_learnt) == 40 + DP_LEARNT_MESSAGE);
DP_ASSERT(sizeof(struct dp_config) == 64);

#endif
