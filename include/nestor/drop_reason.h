/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_DROP_REASON_H
#define NESTOR_DROP_REASON_H

/*
 * Why the dataplane dropped (or absorbed) a frame: the one list. The BPF programs, the counters, the API, the manual
 * and the tests derive from it. Codes are stable across versions: append, never renumber.
 *
 * X(code, NAME, rule, sentence). `rule` is the id of the rule that asks for the drop, "" where none does.
 */
#define NESTOR_DROP_REASONS(X)                                                                                         \
	/* the port itself */                                                                                          \
	X(1, NO_PORT, "", "the device is not a port of this host")                                                     \
	X(2, FRAME_TRUNCATED, "", "the frame ends before its headers do")                                              \
	X(3, SOURCE_MAC_GROUP, "", "the source MAC address is a group address")                                        \
	X(4, SOURCE_MAC_SPOOFED, "NN-1", "the source MAC address is not the adapter's and MAC spoofing is off")        \
	X(5, ARP_SPOOFED, "NN-3", "the sender in the ARP packet is not the sender of the frame")                       \
	X(6, GUEST_VLAN_TAG, "WG-4", "the guest's frame has more than one VLAN tag, or one that is not 802.1Q")        \
	/* from the guest */                                                                                           \
	X(16, SOURCE_NOT_IN_POLICY, "2.5", "no lookup record of the virtual subnet has this source address and MAC")   \
	X(17, DESTINATION_NOT_IN_POLICY, "2.5", "no lookup record of the virtual subnet has this destination MAC")     \
	X(18, ARP_UNKNOWN_TARGET, "2.5", "no lookup record of the virtual subnet has the address asked for by ARP")    \
	X(19, ARP_OWN_ADDRESS, "2.5", "ARP for the guest's own address: no answer means the address is free")          \
	X(20, ARP_ANNOUNCEMENT, "2.5", "ARP announcement or reply: lookup records say who has an address")             \
	X(21, ARP_MALFORMED, "", "the ARP packet is not for IPv4 over Ethernet")                                       \
	X(22, BROADCAST_OFF, "WG-7", "broadcast and multicast are off in this virtual subnet")                         \
	X(23, IPV6_NOT_CARRIED, "", "no lookup record gives this machine an IPv6 address")                                      \
	X(24, TOO_BIG, "WG-5", "the packet does not fit the path to the provider address")                             \
	X(25, NO_SOURCE_PA, "HN-5", "this host has no provider address for the virtual subnet")                        \
	X(26, NO_NEXT_HOP, "", "there is no next hop to the provider address of the destination")                      \
	X(27, PA_FAMILY, "WG-8", "this host has no provider address for the guest of the family of the destination's") \
	X(28, ENCAP_FAILED, "", "the kernel could not make room for the outer headers")                                \
	X(29, DESTINATION_IS_SOURCE, "", "the destination is the port the frame came from")                            \
	X(30, NO_ROUTE, "HN-9", "no customer route of the routing domain leads to the destination")                    \
	X(31, NO_NEXT_HOP_RECORD, "HN-9", "no lookup record has the routed packet's destination or next hop")          \
	X(32, TTL_EXCEEDED, "2.5", "the packet's time to live ended at the distributed router")                        \
	X(33, ROUTER_ADDRESS, "HN-4", "the distributed router answers ARP for its address, and nothing else")          \
	X(34, REWRITE_NOT_IP, "2.7", "between records of IP rewrite only IP is carried")                             \
	X(35, REWRITE_NO_ADDRESS, "2.7", "no record of IP rewrite has the destination address at this MAC address")    \
	X(36, REWRITE_FAILED, "", "the packet ends before its checksum does, or the kernel could not write to it")     \
	X(37, REWRITE_ROUTED, "2.7", "between virtual subnets IP rewrite does not carry packets")                      \
	/* from the wire */                                                                                            \
	X(48, OUTER_TRUNCATED, "WG-1", "the packet ends before its outer headers do")                                  \
	X(49, OUTER_FRAGMENT, "WG-5", "the outer packet is a fragment")                                                \
	X(50, OUTER_OPTIONS, "WG-1", "the outer IPv4 header has options")                                              \
	X(51, GRE_FLAGS, "WG-1", "a GRE flag other than the key flag is set")                                          \
	X(52, GRE_NO_KEY, "WG-1", "the GRE header has no key")                                                         \
	X(53, GRE_VERSION, "WG-1", "the GRE version is not 0")                                                         \
	X(54, VSID_RESERVED, "WG-3", "the virtual subnet id on the wire is a reserved one")                            \
	X(55, OWN_PA_AS_SOURCE, "2.5", "the outer source address is this host's own provider address")                 \
	X(56, WRONG_SOURCE_PA, "2.5", "the outer source is not the provider address of the inner source's record")     \
	X(57, INNER_SOURCE_UNKNOWN, "2.5", "no lookup record of the virtual subnet has the inner source")              \
	X(58, INNER_VLAN_TAG, "WG-4", "the inner frame has a VLAN tag")                                                \
	X(59, INNER_TRUNCATED, "", "the inner frame ends before its headers do")                                       \
	X(60, DESTINATION_NOT_LOCAL, "2.5", "no port of the virtual subnet on this host has the inner destination MAC") \
	X(61, DECAP_FAILED, "", "the kernel could not remove the outer headers")                                       \
	X(62, ROUTED_SOURCE_UNKNOWN, "2.5", "no record of the routing domain has the inner source at the outer one")   \
	X(64, REWRITE_SOURCE_UNKNOWN, "2.7", "no record of IP rewrite has the source as its provider address")         \
	X(65, REWRITE_SOURCE_ELSEWHERE, "2.7", "the source's record is of another virtual subnet than the destination's") \
	X(66, REWRITE_NO_PORT, "2.7", "the machine that this provider address stands for has no port on this host")    \
	X(67, REWRITE_MALFORMED, "", "the packet for a rewritten address ends before its IPv4 header says")            \
	/* to the port */                                                                                              \
	X(80, PORT_GONE, "", "the destination's port is gone")                                                         \
	X(81, PORT_VSID_MISMATCH, "2.5", "the destination's port is in another virtual subnet")                        \
	/* outer headers besides NVGRE over IPv4 */                                                                    \
	X(96, VXLAN_NO_VNI, "WG-10", "the VXLAN header does not say that it has a virtual subnet id (I flag)")         \
	/* IPv6 of guests */                                                                                           \
	X(112, ND_UNKNOWN_TARGET, "2.5", "no lookup record of the virtual subnet has the address asked for by ND")     \
	X(113, ND_OWN_ADDRESS, "2.5", "ND for the guest's own address: no answer means the address is free")           \
	X(114, ND_ADVERTISEMENT, "2.5", "neighbour advertisement: lookup records say who has an address")              \
	X(115, ND_ROUTER_SOLICITATION, "HN-4", "the distributed router does not advertise itself")                     \
	X(116, ND_FROM_NO_ROUTER, "HN-4", "router advertisement or redirect: the router is the distributed one")       \
	X(117, MLD, "WG-7", "multicast listener discovery: lookup records say who is in the virtual subnet")           \
	X(118, IPV6_HEADERS, "", "the IPv6 packet has too many extension headers, or does not show in its first part what it is") \
	X(119, ROUTED_LINK_LOCAL, "", "a link-local address is not routed (RFC 4291)")                                 \
	X(120, ND_FROM_WIRE, "2.5", "neighbour discovery from another host: lookup records say who has an address")    \
	/* access control lists of a port */                                                                           \
	X(128, ACL_OUTBOUND, "AC-2", "an ACL entry of the port denies what its guest sends")                           \
	X(129, ACL_INBOUND, "AC-2", "an ACL entry of the port denies what its guest gets")                             \
	X(130, EXTENDED_ACL_OUTBOUND, "AC-3", "an extended ACL rule of the port denies what its guest sends")          \
	X(131, EXTENDED_ACL_INBOUND, "AC-3", "an extended ACL rule of the port denies what its guest gets")            \
	X(132, ACL_HEADERS, "", "the packet's headers end early or never, so that no rule can be held against them")   \
	X(133, ACL_NOT_READY, "", "the port's rules are not in the dataplane")                                                                                 \
	/* guards and limits of a port */                                                                              \
	X(144, DHCP_GUARD, "AC-7", "what only a DHCP server or relay sends, and DhcpGuard is on")                      \
	X(145, ROUTER_GUARD, "AC-7", "a router advertisement or redirect, and RouterGuard is on")                      \
	X(146, GUARD_HIDDEN, "AC-7", "a guard is on, and the packet does not show in its first part what it is")       \
	X(147, ND_SPOOFED, "NN-3", "neighbour discovery for another MAC address than the adapter's")                   \
	X(148, ND_MALFORMED, "NN-3", "neighbour discovery that is cut off, in fragments, or has options of no size")   \
	X(149, STORM_LIMIT, "AC-7", "more broadcast, multicast and flooded packets in a second than StormLimit")       \
	X(150, BANDWIDTH_LIMIT, "AC-7", "the guest sends more than MaximumBandwidth, and too much is waiting already") \
	X(151, VLAN_NOT_ALLOWED, "HN-12", "the guest's frame has a VLAN tag that its port does not allow")             \
	X(152, VLAN_FAILED, "", "the kernel could not write the frame's VLAN tag")                                     \
	/* broadcast and multicast of a virtual subnet */                                                              \
	X(160, GROUP_RESERVED_MAC, "", "the destination MAC is one that no bridge forwards (01-80-C2-00-00-0x)")       \
	X(161, GROUP_NOT_OF_SUBNET, "WG-7", "the outer destination is another virtual subnet's multicast address")     \
	X(162, GROUP_UNICAST, "WG-7", "a frame for one machine came by a multicast provider address")                  \
	X(163, GROUP_ARP, "2.5", "ARP from another host: the lookup records say who has an address")                   \
	X(164, GROUP_NO_PORT, "WG-7", "a frame for all of a virtual subnet that has no port on this host")

enum dp_drop_reason {
	DP_DROP_NONE = 0,
#define NESTOR_DROP_ENUM(code, name, rule, sentence) DP_DROP_##name = (code),
	NESTOR_DROP_REASONS(NESTOR_DROP_ENUM)
#undef NESTOR_DROP_ENUM
	/* codes stay below this, so that tables indexed by code are small */
	DP_DROP_MAX = 192,
};

#endif
