/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "kit.h"
#include "packet_make.h"
#include "packet_read.h"
#include "str.h"

/* Trace-VMNetworkPacket over a host that notes what it is asked: words and the frames they become, answers and their words. */

#define ME "060600000005"
#define PEER "060600000007"
#define ROUTER "101010101101"
#define ECHO_REST "08004500001c00014000400126d50a0000050a0000070800f7fd00010001"

static const struct host_drop_reason reasons[] = {
	{ 4, "SOURCE_MAC_SPOOFED", "NN-1", "the source MAC address is another's" },
	{ 16, "SOURCE_NOT_IN_POLICY", "2.5", "no record has this source" },
	{ 17, "DESTINATION_NOT_IN_POLICY", "2.5", "no record has this destination" },
	{ 18, "ARP_UNKNOWN_TARGET", "2.5", "no record has the address asked for" },
	{ 24, "TOO_BIG", "WG-5", "the packet does not fit" },
	{ 25, "NO_SOURCE_PA", "HN-5", "there is no provider address" },
	{ 30, "NO_ROUTE", "HN-9", "no customer route leads there" },
	{ 56, "WRONG_SOURCE_PA", "2.5", "the outer source is another's" },
	{ 57, "INNER_SOURCE_UNKNOWN", "2.5", "no record has the inner source" },
	{ 60, "DESTINATION_NOT_LOCAL", "2.5", "no port has the destination" },
	{ 1, "NO_PORT", "", "the device is no port" },
};

/* What the host was asked last, and what it is to answer. */
static struct {
	char link[16];
	bool from_wire;
	struct packet frame;
	size_t asked;
	int result;
	enum host_trace_end end;
	const char *reason;
	const char *target;
	const char *out; /* hexadecimal; NULL: the frame as it came */
	struct host_live live;
	char links[64];
	host_live_fn done;
	void *arg;
	uint64_t lost;
	size_t packets, ended;
} host;

static const struct host_drop_reason *reason_named(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(reasons); i++)
		if (streq(reasons[i].name, name))
			return &reasons[i];
	return NULL;
}

static void answer(struct host_trace *ret)
{
	struct packet out = host.frame;

	if (host.out)
		assert_int_equal(packet_hex(host.out, &out, NULL), 0);
	*ret = (struct host_trace){ .time_us = 1700000000000001, .end = host.end, .reason = reason_named(host.reason), .packets = 1,
				    .length_in = (uint32_t)host.frame.n, .length_out = (uint32_t)out.n, .n_in = host.frame.n,
				    .n_out = out.n, .copies = 2 };
	ret->target = host.target ? xstrdup(host.target) : NULL;
	ret->in = xmemdup(host.frame.b, host.frame.n);
	ret->out = xmemdup(out.b, out.n);
	vec_push(&ret->steps, (struct host_trace_step){ "Port", xstrdup("one") });
	vec_push(&ret->steps, (struct host_trace_step){ "Guards", xstrdup("two") });
	vec_push(&ret->steps, (struct host_trace_step){ "Guards", xstrdup("three") });
}

static int fake_trace(struct host *h, const char *link, bool from_wire, const uint8_t *frame, size_t n, struct host_trace *ret)
{
	(void)h;
	if (host.result < 0)
		return host.result;
	snprintf(host.link, sizeof(host.link), "%s", link);
	host.from_wire = from_wire;
	host.asked++;
	host.frame.n = n;
	memcpy(host.frame.b, frame, n);
	answer(ret);
	return 0;
}

static int fake_live(struct host *h, const struct host_live *what, host_live_fn done, void *arg)
{
	(void)h;
	if (host.result < 0)
		return host.result;
	host.live = *what;
	host.links[0] = 0;
	for (size_t i = 0; i < what->n_links; i++)
		snprintf(host.links + strlen(host.links), sizeof(host.links) - strlen(host.links), "%s ", what->links[i]);
	host.done = done;
	host.arg = arg;
	return 0;
}

static void finish_live(struct kit *k)
{
	host_trace_vec traces = { 0 };
	struct host_trace t;

	(void)k;
	if (!host.done)
		return;
	for (size_t i = 0; i < host.packets; i++) {
		answer(&t);
		vec_push(&traces, t);
	}
	host.done(host.arg, &traces, host.lost);
	host.done = NULL;
	vec_foreach(&traces, one)
		host_trace_done(one);
	vec_done(&traces);
}

static void fake_end(struct host *h, void *arg)
{
	(void)h;
	if (host.done && host.arg == arg) {
		host.ended++;
		finish_live(NULL);
	}
}

/* Blue: 10.0.0.5 in VSID 5001 on this host, with a peer, a router and a subnet 5002; plain has no VSID. */
static void make_lab(struct kit *k)
{
	memset(&host, 0, sizeof(host));
	host.end = HOST_TRACE_SENT;
	host.target = "eth0";
	k->host.trace = fake_trace;
	k->host.trace_live = fake_live;
	k->host.trace_end = fake_end;
	k->later = finish_live;
	kit_do(k, "New-VMSwitch", "{'Name': 'ext', 'NetAdapterName': 'eth0', 'AllowManagementOS': false}");
	kit_do(k, "New-VM", "{'Name': 'Blue1', 'Engine': 'Namespace', 'SwitchName': 'ext'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'Blue1', 'StaticMacAddress': '" ME "', 'VirtualSubnetId': 5001}");
	kit_do(k, "New-VM", "{'Name': 'Blue3', 'Engine': 'Namespace', 'SwitchName': 'ext'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'Blue3', 'StaticMacAddress': '060600000033', 'VirtualSubnetId': 5002}");
	kit_do(k, "New-VM", "{'Name': 'plain', 'Engine': 'Namespace', 'SwitchName': 'ext'}");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'eth0', 'ComponentID': 'ms_netwnv'}");
	kit_do(k, "New-NetVirtualizationProviderAddress",
	       "{'InterfaceIndex': 2, 'ProviderAddress': '192.168.4.11', 'PrefixLength': 24}");
#define RECORD(vsid, ca, mac, pa)                                                                                     \
	kit_do(k, "New-NetVirtualizationLookupRecord",                                                                 \
	       "{'VirtualSubnetID': " vsid ", 'CustomerAddress': '" ca "', 'MACAddress': '" mac                        \
	       "', 'ProviderAddress': '" pa "', 'Rule': 'TranslationMethodEncap'}")
	RECORD("5001", "10.0.0.5", ME, "192.168.4.11");
	RECORD("5001", "10.0.0.7", PEER, "192.168.4.22");
	RECORD("5001", "10.0.0.1", ROUTER, "169.254.254.254");
	RECORD("6001", "10.0.0.66", "080800000066", "192.168.4.22");
	for (int i = 1; i <= 2; i++) {
		_cleanup_free_ char *route = xasprintf(
			"{'RoutingDomainID': '{11111111-2222-3333-4444-000000005001}', 'VirtualSubnetID': %d, "
			"'DestinationPrefix': '10.0.%d.0/24', 'NextHop': '0.0.0.0'}", 5000 + i, i - 1);

		kit_do(k, "New-NetVirtualizationCustomerRoute", route);
	}
}

static void expect_frame(const char *hex)
{
	struct str s = { 0 };

	for (size_t i = 0; i < host.frame.n; i++)
		str_addf(&s, "%02x", host.frame.b[i]);
	assert_string_equal(str_get(&s), hex);
	str_done(&s);
}

/* ---- words -> bytes; the frames are scapy's ---- */

static void frames(void **state)
{
	static const struct {
		const char *parameters, *hex;
	} cases[] = {
		{ "'DestinationAddress': '10.0.0.7'", PEER ME ECHO_REST },
		{ "'DestinationAddress': '10.0.0.7', 'Protocol': 'tcp', 'DestinationPort': 80",
		  PEER ME "08004500002800014000400626c40a0000050a000007c000005000000000000000005002faf0e0950000" },
		{ "'DestinationAddress': '10.0.0.7', 'Protocol': 'Udp', 'SourcePort': 7, 'DestinationPort': 53, 'TimeToLive': 3, "
		  "'Length': 32, 'DontFragment': false",
		  PEER ME "080045000020000100000311a3c10a0000050a00000700070035000c26c861626364" },
		/* nobody has it: the question comes first */
		{ "'DestinationAddress': '10.0.0.99'",
		  "ffffffffffff" ME "080600010800060400010606000000050a0000050000000000000a000063" },
		{ "'DestinationAddress': '10.0.0.99', 'Protocol': 'Arp', 'DestinationMACAddress': '" PEER "'",
		  PEER ME "080600010800060400010606000000050a0000050000000000000a000063" },
		/* off the subnet: to the router */
		{ "'DestinationAddress': '10.0.1.7'",
		  ROUTER ME "08004500001c00014000400125d50a0000050a0001070800f7fd00010001" },
		{ "'DestinationAddress': '10.0.0.7', 'SourceMACAddress': '0a0000000001', 'DestinationMACAddress': '0b0000000002'",
		  "0b00000000020a0000000001" ECHO_REST },
		{ "'DestinationAddress': '224.0.0.251', 'Protocol': 'Udp', 'DestinationPort': 5353",
		  "01005e0000fb" ME "08004500001c0001400040114fd00a000005e00000fbc00014e900083ff4" },
		{ "'DestinationAddress': '255.255.255.255', 'SourceAddress': '0.0.0.0'",
		  "ffffffffffff" ME "08004500001c0001400040013ae100000000ffffffff0800f7fd00010001" },
		{ "'DestinationAddress': 'fd00::7', 'SourceAddress': 'fd00::5', 'DestinationMACAddress': '" PEER "'",
		  PEER ME "86dd6000000000083a40fd000000000000000000000000000005fd0000000000000000000000000000078000"
			  "85ad00010001" },
		{ "'DestinationAddress': 'fd00::7', 'SourceAddress': 'fd00::5', 'DestinationMACAddress': '" PEER
		  "', 'Protocol': 'Udp', 'DestinationPort': 53",
		  PEER ME "86dd6000000000081140fd000000000000000000000000000005fd000000000000000000000000000007c000"
			  "00350008459b" },
		{ "'DestinationAddress': 'fd00::99', 'SourceAddress': 'fd00::5'",
		  "3333ff000099" ME "86dd6000000000203afffd000000000000000000000000000005ff0200000000000000000001ff000099870078"
				    "5b00000000fd0000000000000000000000000000990101060600000005" },
		{ "'Hex': '060600000007 06:06:00-00.00\\n05 88b5 00'", PEER ME "88b500" },
		{ "'Hex': ['060600000007060600', '000005', '88 b5 1']", NULL },
	};
	struct kit *k = *state;

	make_lab(k);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *parameters = xasprintf("{'VMName': 'Blue1', %s}", cases[i].parameters);
		struct packet want;

		if (!cases[i].hex) {
			kit_refused(k, "Trace-VMNetworkPacket", parameters, "Trace.BadHex");
			continue;
		}
		kit_do(k, "Trace-VMNetworkPacket", parameters);
		assert_int_equal(packet_hex(cases[i].hex, &want, NULL), 0);
		if (want.n != host.frame.n || memcmp(want.b, host.frame.b, want.n) != 0) {
			print_error("case %zu %s\n", i, parameters);
			expect_frame(cases[i].hex);
		}
		assert_false(host.from_wire);
		assert_memory_equal(host.link, "np", 2);
	}
}

static void from_the_wire(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	host.end = HOST_TRACE_DELIVERED;
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Inbound': true, 'SourceAddress': '10.0.0.7'}");
	expect_frame("00000000000100000000000208004500004600014000402fb116c0a80416c0a8040b2000655800138900" ME PEER
		     "08004500001c00014000400126d50a0000070a0000050800f7fd00010001");
	assert_true(host.from_wire);
	assert_string_equal(host.link, "eth0");
	kit_property(k, 0, "Direction", "'Inbound'");
	kit_property(k, 0, "Packet", "'ICMP echo request, id 1, sequence 1, 10.0.0.7 -> 10.0.0.5 (84 bytes, encapsulated)'");
	/* by whatever the receiver's record says */
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'CustomerAddress': '10.0.0.5', 'VirtualSubnetID': 5001, 'Rule': 'TranslationMethodEncapVxlan'}");
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Inbound': true, 'SourceAddress': '10.0.0.7'}");
	expect_frame("00000000000100000000000208004500004e000140004011b12cc0a80416c0a8040bc00012b5003a00000800000000138900" ME PEER
		     "08004500001c00014000400126d50a0000070a0000050800f7fd00010001");
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'FromWire': true, 'Hex': '" PEER ME "88b500'}");
	expect_frame(PEER ME "88b500");
	assert_string_equal(host.link, "eth0");
}

static void lengths(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	for (size_t n = 28; n <= PACKET_MAX - 14; n += n == 28 ? 1472 : PACKET_MAX - 14 - 1500) {
		_cleanup_free_ char *parameters = xasprintf("{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7', 'Length': %zu}", n);

		kit_do(k, "Trace-VMNetworkPacket", parameters);
		assert_int_equal(host.frame.n, 14 + n);
		assert_int_equal(host.frame.b[16] << 8 | host.frame.b[17], n);
	}
	assert_int_equal(host.asked, 3);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *parameters = xasprintf("{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7', 'Length': %d}",
							    i ? PACKET_MAX - 13 : 27);

		kit_refused(k, "Trace-VMNetworkPacket", parameters, "Trace.PacketLength");
	}
	assert_int_equal(host.asked, 3);
}

/* ---- what is answered ---- */

static void sent(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	host.out = "00000000000100000000000208004500004600004000402fb117c0a8040bc0a804162000655800138900" PEER ME ECHO_REST;
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7'}");
	assert_string_equal(json_string_value(json_object_get(k->result, "type")), "VMNetworkPacketTrace");
	kit_names(k, "VMName", "Blue1");
	kit_names(k, "Verdict", "Sent");
	kit_property(k, 0, "Name", "'Network Adapter'");
	kit_property(k, 0, "Number", "null");
	kit_property(k, 0, "Time", "null");
	kit_property(k, 0, "Direction", "'Outbound'");
	kit_property(k, 0, "Packet", "'ICMP echo request, id 1, sequence 1, 10.0.0.5 -> 10.0.0.7 (42 bytes)'");
	kit_property(k, 0, "Outcome", "'Sent by eth0 to the provider address 192.168.4.22.'");
	kit_property(k, 0, "Result", "'Sent by eth0 to the provider address 192.168.4.22.'");
	kit_property(k, 0, "Reason", "null");
	kit_property(k, 0, "Advice", "null");
	kit_property(k, 0, "Stages",
		     "[{'Stage':'Packet','Decision':'10.0.0.5 is this adapter's address by its lookup record'},"
		     "{'Stage':'Packet','Decision':'to the MAC address 06-06-00-00-00-07 that the lookup record of 10.0.0.7 has'},"
		     "{'Stage':'Port','Decision':'one'},{'Stage':'Guards','Decision':'two'},{'Stage':'Guards','Decision':'three'}]");
	kit_property(k, 0, "Story",
		     "'Packet       10.0.0.5 is this adapter's address by its lookup record\\n"
		     "             to the MAC address 06-06-00-00-00-07 that the lookup record of 10.0.0.7 has\\n"
		     "Port         one\\nGuards       two\\n             three'");
	kit_property(k, 0, "Wire",
		     "'Ethernet 00-00-00-00-00-02 -> 00-00-00-00-00-01, IPv4\\n"
		     "IPv4 192.168.4.11 -> 192.168.4.22, 70 bytes, TTL 64, do not fragment\\n"
		     "GRE, Ethernet, key 0x00138900 (VSID 5001, FlowID 0)\\n"
		     "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, IPv4\\n"
		     "IPv4 10.0.0.5 -> 10.0.0.7, 28 bytes, TTL 64, do not fragment\\n"
		     "ICMP echo request, id 1, sequence 1\\n"
		     "0000  00 00 00 00 00 01 00 00  00 00 00 02 08 00 45 00\\n"
		     "0010  00 46 00 00 40 00 40 2f  b1 17 c0 a8 04 0b c0 a8\\n"
		     "0020  04 16 20 00 65 58 00 13  89 00 06 06 00 00 00 07\\n"
		     "0030  06 06 00 00 00 05 08 00  45 00 00 1c 00 01 40 00\\n"
		     "0040  40 01 26 d5 0a 00 00 05  0a 00 00 07 08 00 f7 fd\\n"
		     "0050  00 01 00 01'");
	kit_property(k, 0, "Frame", "'" PEER ME ECHO_REST "'");
}

static void other_ends(void **state)
{
	struct kit *k = *state;
	static const struct {
		enum host_trace_end end;
		const char *vm, *verdict, *outcome;
	} cases[] = {
		{ HOST_TRACE_DELIVERED, "Blue1", "'Delivered'", "'Delivered to x, on this host.'" },
		{ HOST_TRACE_FLOODED, "Blue1", "'Flooded'", "'Flooded: copies to 2 other ports of the virtual subnet.'" },
		{ HOST_TRACE_ANSWERED, "Blue1", "'Answered'",
		  "'Answered by the host: ICMP echo request, id 1, sequence 1, 10.0.0.5 -> 10.0.0.7'" },
		{ HOST_TRACE_DROPPED, "Blue1", "'Dropped'", "'Dropped.'" },
		{ HOST_TRACE_PASSED, "plain", "'Passed'",
		  "'Passed to the switch \\'ext\\'. No adapter here has that MAC address: it goes where the switch has learnt it, or to "
		  "every port.'" },
	};

	make_lab(k);
	host.target = "x";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *parameters = xasprintf(
			"{'VMName': '%s', 'DestinationAddress': '10.0.0.7', 'SourceAddress': '10.0.0.5', 'DestinationMACAddress': '" PEER
			"'}", cases[i].vm);

		host.end = cases[i].end;
		kit_do(k, "Trace-VMNetworkPacket", parameters);
		kit_property(k, 0, "Verdict", cases[i].verdict);
		kit_property(k, 0, "Outcome", cases[i].outcome);
	}
	host.end = HOST_TRACE_PASSED;
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'plain', 'DestinationAddress': '10.0.0.7', 'SourceAddress': '10.0.0.5', "
					   "'DestinationMACAddress': '" ME "'}");
	kit_property(k, 0, "Outcome", "'Passed to the switch \\'ext\\', which delivers it to \\'Blue1\\'.'");
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'plain', 'DestinationAddress': '10.0.0.7', 'SourceAddress': '10.0.0.5'}");
	kit_property(k, 0, "Outcome", "'Passed to the switch \\'ext\\', which sends a copy to every port.'");
	assert_memory_equal(host.frame.b, "\xff\xff\xff\xff\xff\xff", 6);
	/* another guest without a VSID has that address (the kit's guests all have) */
	kit_do(k, "New-VM", "{'Name': 'other', 'Engine': 'Namespace', 'SwitchName': 'ext'}");
	kit_do(k, "Set-VMNetworkAdapter", "{'VMName': 'other', 'StaticMacAddress': '0a0000000077'}");
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'plain', 'DestinationAddress': '10.10.10.11', 'SourceAddress': '10.0.0.5'}");
	assert_memory_equal(host.frame.b, "\x0a\x00\x00\x00\x00\x77", 6);
	kit_property(k, 0, "Outcome", "'Passed to the switch \\'ext\\', which delivers it to \\'other\\'.'");
}

/* A drop's reason, and the command that would help. */
static void advice(void **state)
{
	struct kit *k = *state;
	static const struct {
		const char *reason, *parameters, *advice;
	} cases[] = {
		{ "ARP_UNKNOWN_TARGET", "'DestinationAddress': '10.0.0.99'",
		  "'New-NetVirtualizationLookupRecord -VirtualSubnetID 5001 -CustomerAddress 10.0.0.99 -MACAddress <its MAC address> "
		  "-ProviderAddress <its host's> -Rule TranslationMethodEncap'" },
		{ "ARP_UNKNOWN_TARGET", "'DestinationAddress': '10.0.0.66'",
		  "'Only virtual subnet 6001 has a record of that address. New-NetVirtualizationLookupRecord -VirtualSubnetID 5001 "
		  "-CustomerAddress 10.0.0.66 -MACAddress <its MAC address> -ProviderAddress <its host's> -Rule "
		  "TranslationMethodEncap'" },
		{ "DESTINATION_NOT_IN_POLICY", "'DestinationAddress': '10.0.0.7', 'DestinationMACAddress': '0a0000000001'",
		  "'The lookup record of 10.0.0.7 has the MAC address 06-06-00-00-00-07: clear the guest's neighbour table, or correct "
		  "the record.'" },
		{ "DESTINATION_NOT_IN_POLICY", "'DestinationAddress': '10.0.1.7', 'DestinationMACAddress': '0a0000000001'",
		  "'10.0.1.7 is outside of 10.0.0.0/24: the guest has to send it to its router 10.0.0.1.'" },
		{ "SOURCE_NOT_IN_POLICY", "'DestinationAddress': '10.0.0.7', 'SourceAddress': '10.0.0.55'",
		  "'The lookup record of this MAC address has 10.0.0.5: give the guest that address, or make one for 10.0.0.55:\\n"
		  "New-NetVirtualizationLookupRecord -VirtualSubnetID 5001 -CustomerAddress 10.0.0.55 -MACAddress " ME
		  " -ProviderAddress 192.168.4.11 -Rule TranslationMethodEncap'" },
		{ "SOURCE_NOT_IN_POLICY", "'DestinationAddress': '10.0.0.7', 'SourceMACAddress': '0a0000000001'",
		  "'The lookup record of 10.0.0.5 has the MAC address 06-06-00-00-00-05, the packet has 0A-00-00-00-00-01: one of the "
		  "two is wrong.'" },
		{ "SOURCE_MAC_SPOOFED", "'DestinationAddress': '10.0.0.7', 'SourceMACAddress': '0a0000000001'",
		  "'The adapter's address is 06-06-00-00-00-05. If there are machines inside of Blue1: Set-VMNetworkAdapter -VMName "
		  "Blue1 -MacAddressSpoofing On'" },
		{ "NO_SOURCE_PA", "'DestinationAddress': '10.0.0.7'",
		  "'The lookup record of 10.0.0.5 names 192.168.4.11, which this host does not have: "
		  "New-NetVirtualizationProviderAddress -ProviderAddress 192.168.4.11 -InterfaceIndex <of the NIC> -PrefixLength 24, "
		  "or correct the record by Set-NetVirtualizationLookupRecord.'" },
		{ "NO_ROUTE", "'DestinationAddress': '10.0.9.9'",
		  "'New-NetVirtualizationCustomerRoute -RoutingDomainID \\'{11111111-2222-3333-4444-000000005001}\\' "
		  "-VirtualSubnetID <of 10.0.9.9> -DestinationPrefix <its prefix> -NextHop 0.0.0.0'" },
		{ "WRONG_SOURCE_PA",
		  "'Inbound': true, 'Hex': '00000000000100000000000208004500004600004000402fb117c0a80463c0a8040b2000655800138900" ME PEER
		  "08004500001c00014000400126d50a0000070a0000050800f7fd00010001'",
		  "'The record of 10.0.0.7 names 192.168.4.22, the packet came from 192.168.4.99. If the machine is there now:\\n"
		  "Set-NetVirtualizationLookupRecord -VirtualSubnetID 5001 -CustomerAddress 10.0.0.7 -ProviderAddress 192.168.4.99'" },
		{ "INNER_SOURCE_UNKNOWN",
		  "'Inbound': true, 'Hex': '00000000000100000000000208004500004600004000402fb117c0a80463c0a8040b2000655800138900" ME
		  "0606000000aa08004500001c00014000400126d50a0000aa0a0000050800f7fd00010001'",
		  "'New-NetVirtualizationLookupRecord -VirtualSubnetID 5001 -CustomerAddress 10.0.0.170 -MACAddress 0606000000AA "
		  "-ProviderAddress 192.168.4.99 -Rule TranslationMethodEncap'" },
		{ "DESTINATION_NOT_LOCAL",
		  "'Inbound': true, 'Hex': '00000000000100000000000208004500004600004000402fb117c0a80416c0a8040b2000655800138900"
		  "060600000033" PEER "08004500001c00014000400126d50a0000070a0000050800f7fd00010001'",
		  "'The adapter with that MAC address is in VSID 5002: Set-VMNetworkAdapter -VMName Blue3 -VirtualSubnetId 5001'" },
		{ "DESTINATION_NOT_LOCAL",
		  "'Inbound': true, 'Hex': '00000000000100000000000208004500004600004000402fb117c0a80416c0a8040b2000655800138900" ME PEER
		  "08004500001c00014000400126d50a0000070a0000050800f7fd00010001'",
		  "'Its machine is off: Start-VM -Name Blue1'" },
		{ "NO_PORT", "'DestinationAddress': '10.0.0.7'", "null" },
	};

	make_lab(k);
	host.end = HOST_TRACE_DROPPED;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *parameters = xasprintf("{'VMName': 'Blue1', %s}", cases[i].parameters);
		_cleanup_free_ char *reason = xasprintf("'%s'", cases[i].reason);

		host.reason = cases[i].reason;
		kit_do(k, "Trace-VMNetworkPacket", parameters);
		kit_property(k, 0, "Reason", reason);
		kit_property(k, 0, "Advice", cases[i].advice);
		kit_property(k, 0, "Wire", "null");
	}
	kit_property(k, 0, "Outcome", "'Dropped: the device is no port (NO_PORT).'");
	kit_property(k, 0, "Rule", "null");
	host.reason = "TOO_BIG";
	host.end = HOST_TRACE_ANSWERED;
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7'}");
	kit_property(k, 0, "Outcome",
		     "'Dropped (TOO_BIG), and the sender is told so: ICMP echo request, id 1, sequence 1, 10.0.0.5 -> 10.0.0.7'");
	kit_property(k, 0, "Rule", "'WG-5'");
}

static void selection(void **state)
{
	struct kit *k = *state;
	json_t *input;

	make_lab(k);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue*', 'DestinationAddress': '10.0.0.7', 'SourceAddress': '10.0.0.5'}");
	kit_names(k, "VMName", "Blue1 Blue3");
	input = kit_get(k, "Get-VMNetworkAdapter", "{'VMName': 'Blue1'}");
	kit_pipe(k, "Trace-VMNetworkPacket", "{'DestinationAddress': '10.0.0.7'}", input);
	kit_no_errors(k);
	kit_names(k, "VMName", "Blue1");
	json_decref(input);
	/* one of two fails, the other goes on */
	RECORD("5001", "fd00::5", ME, "192.168.4.11");
	kit_run(k, "Trace-VMNetworkPacket", "{'VMName': ['plain', 'Blue1'], 'DestinationAddress': 'fd00::7'}");
	kit_one_error(k, "Trace.NoSourceAddress", "Network Adapter");
	kit_names(k, "VMName", "Blue1");
}

static void refusals(void **state)
{
	struct kit *k = *state;
#define TRACE(parameters, id) REFUSED("Trace-VMNetworkPacket", "{" parameters "}", id)
#define BLUE(parameters, id) TRACE("'VMName': 'Blue1', " parameters, id)
	static const struct refusal cases[] = {
		TRACE("", "MissingMandatoryParameter"),
		TRACE("'VMName': 'nobody', 'DestinationAddress': '10.0.0.7'", "InvalidParameter"),
		TRACE("'VMName': 'plain', 'DestinationAddress': 'fd00::7'", "Trace.NoSourceAddress"),
		TRACE("'VMName': 'Blue1'", "Trace.NoDestination"),
		BLUE("'DestinationAddress': 'fd00::7'", "Trace.NoSourceAddress"),
		BLUE("'DestinationAddress': 'fd00::7', 'SourceAddress': '10.0.0.5'", "Trace.AddressFamily"),
		BLUE("'DestinationAddress': '10.0.0.7', 'Protocol': 'Tcp'", "Trace.NoPort"),
		BLUE("'DestinationAddress': '10.0.0.7', 'Protocol': 'Udp'", "Trace.NoPort"),
		BLUE("'DestinationAddress': '10.0.0.7', 'Protocol': 'Spx'", "ParameterArgumentTransformationError"),
		BLUE("'DestinationAddress': '10.0.0.7', 'DestinationPort': 0", "ParameterArgumentValidationError"),
		BLUE("'DestinationAddress': '10.0.0.7', 'DestinationPort': 65536", "ParameterArgumentValidationError"),
		BLUE("'DestinationAddress': '10.0.0.7', 'TimeToLive': 256", "ParameterArgumentValidationError"),
		BLUE("'DestinationAddress': '10.0.0'", "ParameterArgumentTransformationError"),
		BLUE("'Hex': '0'", "Trace.BadHex"),
		BLUE("'Hex': '060600000007060600000005080'", "Trace.BadHex"),
		BLUE("'Hex': 'zz'", "Trace.BadHex"),
		BLUE("'Hex': '0x0606'", "Trace.BadHex"),
		BLUE("'Hex': '\\u00e4'", "Trace.BadHex"),
		BLUE("'Hex': '06 06'", "Trace.PacketLength"),
		BLUE("'Hex': '" PEER ME "88b5'", "Trace.PacketLength"),
		BLUE("'Hex': '" PEER ME "080045000000'", "Trace.PacketLength"),
		BLUE("'Hex': '" PEER ME "86dd60000000000000000000000000000000000000000000'", "Trace.PacketLength"),
		BLUE("'Hex': '" PEER ME "88b500', 'DestinationAddress': '10.0.0.7'", "AmbiguousParameterSet"),
		BLUE("'Hex': '" PEER ME "88b500', 'Live': true", "AmbiguousParameterSet"),
		BLUE("'DestinationAddress': '10.0.0.7', 'Count': 1", "AmbiguousParameterSet"),
		BLUE("'DestinationAddress': '10.0.0.7', 'TimeoutSec': 1", "AmbiguousParameterSet"),
		BLUE("'Live': true, 'TimeToLive': 3", "AmbiguousParameterSet"),
		BLUE("'Live': true, 'Count': 0", "ParameterArgumentValidationError"),
		BLUE("'Live': true, 'Count': 1001", "ParameterArgumentValidationError"),
		BLUE("'Live': true, 'TimeoutSec': 3601", "ParameterArgumentValidationError"),
		TRACE("'VMName': 'Blue*', 'Live': true", "Trace.OneAdapter"),
		BLUE("'Inbound': true", "Trace.NoSourceAddress"),
		BLUE("'Inbound': true, 'SourceAddress': '10.0.0.99'", "Trace.NoRecord"),
		BLUE("'Inbound': true, 'SourceAddress': '10.0.0.7', 'DestinationAddress': '10.0.0.99'", "Trace.NoRecord"),
		BLUE("'Inbound': true, 'SourceAddress': '10.0.0.7', 'Length': 3500", "Trace.PacketLength"),
	};
	char *hex = xcalloc(1, 8000);
	_cleanup_free_ char *long_one = NULL;

	make_lab(k);
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	memset(hex, '0', 4000);
	long_one = xasprintf("{'VMName': 'Blue1', 'Hex': ['%s', '%s']}", hex, hex);
	kit_refused(k, "Trace-VMNetworkPacket", long_one, "Trace.PacketLength");
	assert_int_equal(host.asked, 0);
	free(hex);
	host.result = -ENODEV;
	kit_refused(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7'}", "Trace.NoPort");
	kit_refused(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true}", "Trace.NoPort");
	host.result = -EBUSY;
	kit_refused(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true}", "Trace.Busy");
	host.result = -EIO;
	kit_refused(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7'}", "Trace.Failed");
	kit_refused(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true}", "Trace.Failed");
}

/* ---- real packets ---- */

static void live_filters(void **state)
{
	struct kit *k = *state;
	struct ip ip;

	make_lab(k);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true}");
	kit_warning(k, "No packet has matched.");
	assert_int_equal(host.live.n_links, 1);
	assert_false(host.live.uplinks);
	assert_int_equal(host.live.count, 10);
	assert_int_equal(host.live.timeout_us, 30000000);
	assert_memory_equal(&host.live.filter, &(struct host_trace_filter){ 0 }, sizeof(host.live.filter));
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true, 'Protocol': 'Tcp', 'SourcePort': 7, "
					   "'DestinationPort': 80, 'DestinationAddress': '10.0.0.7', 'Count': 3, 'TimeoutSec': 2}");
	ip_parse("10.0.0.7", &ip);
	assert_true(ip_equal(&host.live.filter.destination, &ip));
	assert_true(ip_is_zero(&host.live.filter.source));
	assert_int_equal(host.live.filter.protocol, 6);
	assert_int_equal(host.live.filter.source_port, 7);
	assert_int_equal(host.live.filter.destination_port, 80);
	assert_int_equal(host.live.count, 3);
	assert_int_equal(host.live.timeout_us, 2000000);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true, 'Protocol': 'Arp'}");
	assert_int_equal(host.live.filter.ethertype, 0x0806);
	assert_int_equal(host.live.filter.protocol, 0);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true, 'Protocol': 'Icmp', 'SourceAddress': 'fd00::5'}");
	assert_int_equal(host.live.filter.protocol, 58);
	/* to the adapter: from the wire and from the ports of its routing domain */
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true, 'Inbound': true}");
	assert_true(host.live.uplinks);
	assert_int_equal(host.live.n_links, 1);
	ip_parse("10.0.0.5", &ip);
	assert_true(ip_equal(&host.live.filter.destination, &ip));
	/* it has no record: by its MAC address */
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue3', 'Live': true, 'Inbound': true}");
	assert_true(ip_is_zero(&host.live.filter.destination));
	assert_int_equal(host.live.filter.destination_mac.b[5], 0x33);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'plain', 'Live': true, 'Inbound': true}");
	assert_false(host.live.uplinks);
	assert_int_equal(host.live.n_links, 0);
}

static void live_packets(void **state)
{
	struct kit *k = *state;

	make_lab(k);
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'DestinationAddress': '10.0.0.7'}");
	host.packets = 2;
	host.lost = 3;
	kit_do(k, "Trace-VMNetworkPacket", "{'VMName': 'Blue1', 'Live': true}");
	kit_warning(k, "3 more packets matched");
	kit_names(k, "Verdict", "Sent Sent");
	kit_property(k, 0, "Number", "1");
	kit_property(k, 1, "Number", "2");
	kit_property(k, 1, "Time", "'2023-11-14T22:13:20.000001Z'");
	kit_property(k, 1, "Packet",
		     "'22:13:20.000001Z  ICMP echo request, id 1, sequence 1, 10.0.0.5 -> 10.0.0.7 (42 bytes)'");
}

static void noted(void *arg, int status, json_t *result)
{
	assert_int_equal(status, 200);
	*(json_t **)arg = result;
}

/* Who asked has gone: the trace ends, and is answered all the same. */
static void live_cancelled(void **state)
{
	struct kit *k = *state;
	json_t *result = NULL, *request;

	make_lab(k);
	request = json_pack("{s:{s:s, s:b}}", "parameters", "VMName", "Blue1", "Live", 1);
	cmdlet_server_invoke(k->server, "Trace-VMNetworkPacket", request, noted, NULL, &result);
	assert_null(result);
	cmdlet_server_cancel(k->server, &host);
	assert_null(result);
	cmdlet_server_cancel(k->server, &result);
	assert_non_null(result);
	assert_int_equal(host.ended, 1);
	cmdlet_server_cancel(k->server, &result);
	assert_int_equal(host.ended, 1);
	json_decref(result);
	json_decref(request);
}

/* ---- reading frames ---- */

static void descriptions(void **state _unused_)
{
	static const struct {
		const char *hex, *text, *summary;
	} cases[] = {
		{ PEER ME "88b50102", "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, type 0x88b5",
		  "type 0x88b5, 06-06-00-00-00-05 -> 06-06-00-00-00-07" },
		{ PEER ME "8100 0007 0806 0001080006040002 " ME "0a000005" PEER "0a000007",
		  "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, 802.1Q\n802.1Q tag: VLAN 7, ARP\n"
		  "ARP reply: 10.0.0.5 is at 06-06-00-00-00-05",
		  "ARP reply: 10.0.0.5 is at 06-06-00-00-00-05, 10.0.0.5 -> 10.0.0.7" },
		{ PEER ME "0800 4500 0024 0001 2001 40 11 0000 0a000005 0a000007 0001 0002 0010 0000",
		  "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, IPv4\n"
		  "IPv4 10.0.0.5 -> 10.0.0.7, 36 bytes, TTL 64, fragment at 8",
		  "IPv4 10.0.0.5 -> 10.0.0.7, 36 bytes, TTL 64, fragment at 8, 10.0.0.5 -> 10.0.0.7" },
		{ PEER ME "0800 4500 003c 0001 0000 40 11 0000 c0a80401 c0a80402 1234 12b5 0028 0000 08000000 00138900" PEER ME
			  "88b500",
		  "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, IPv4\nIPv4 192.168.4.1 -> 192.168.4.2, 60 bytes, TTL 64\n"
		  "UDP 4660 -> 4789, 40 bytes\nVXLAN, VNI 5001\nEthernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, type 0x88b5",
		  "UDP 192.168.4.1:4660 -> 192.168.4.2:4789" },
		{ PEER ME "0800 4500 0018 0001 0000 40 2f 0000 c0a80401 c0a80402 8000 0800",
		  "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, IPv4\nIPv4 192.168.4.1 -> 192.168.4.2, 24 bytes, TTL 64\n"
		  "GRE, IPv4, flags 0x8000",
		  "GRE, IPv4, flags 0x8000, 192.168.4.1 -> 192.168.4.2" },
		{ PEER ME "0800 4600 0018 0001 0000 40 06 0000 c0a80401 c0a80402",
		  "Ethernet 06-06-00-00-00-05 -> 06-06-00-00-00-07, IPv4\nIPv4 (cut off after 20 bytes)", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct str text = { 0 }, summary = { 0 };
		struct packet p;

		assert_int_equal(packet_hex(cases[i].hex, &p, NULL), 0);
		frame_describe(p.b, p.n, &text);
		assert_string_equal(str_get(&text), cases[i].text);
		frame_summary(p.b, p.n, &summary);
		if (cases[i].summary)
			assert_string_equal(str_get(&summary), cases[i].summary);
		str_done(&text);
		str_done(&summary);
	}
}

static void outer_headers(void **state _unused_)
{
	static const struct {
		bool vxlan;
		const char *hex;
	} cases[] = {
		{ false, "00000000000100000000000286dd6000000000322f40fd000000000000000000000000000022fd00000000000000000000000000"
			 "00112000655800138900" },
		{ true, "00000000000100000000000286dd60000000003a1140fd000000000000000000000000000022fd00000000000000000000000000"
			"0011c00012b5003a00000800000000138900" },
	};
	struct packet inner, whole, want;

	assert_int_equal(packet_hex(ME PEER "08004500001c00014000400126d50a0000070a0000050800f7fd00010001", &inner, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct packet_outer o = { .vsid = 5001, .vxlan = cases[i].vxlan };
		struct frame_view v;

		ip_parse("fd00::22", &o.source);
		ip_parse("fd00::11", &o.destination);
		assert_int_equal(packet_wrap(&inner, &o, &whole, NULL), 0);
		assert_int_equal(packet_hex(cases[i].hex, &want, NULL), 0);
		assert_int_equal(whole.n, want.n + inner.n);
		assert_memory_equal(whole.b, want.b, want.n);
		assert_memory_equal(whole.b + want.n, inner.b, inner.n);
		v = frame_read(whole.b, whole.n);
		assert_int_equal(v.inner, want.n);
		assert_int_equal(v.vsid, 5001);
	}
}

/* Any bytes: every beginning of a frame in a frame, and every one of its bytes changed; the sanitizers look on. */
static void any_bytes(void **state _unused_)
{
	static const char whole[] = PEER ME "0800 4500 0046 0000 4000 40 2f 0000 c0a80401 c0a80402 2000 6558 00138900" PEER ME
					    "86dd 6000000000203aff fd000000000000000000000000000005 ff0200000000000000000001ff000099 "
					    "8700785b00000000 fd000000000000000000000000000099 0101060600000005";
	struct packet p;

	assert_int_equal(packet_hex(whole, &p, NULL), 0);
	for (size_t n = 0; n <= p.n; n++) {
		for (size_t at = 0; at < n; at++) {
			_cleanup_free_ uint8_t *copy = xmemdup(p.b, n ? n : 1);
			struct str s = { 0 };

			copy[at] ^= (uint8_t)(1u << (at + n) % 8);
			frame_describe(copy, n, &s);
			frame_summary(copy, n, &s);
			assert_true(frame_read(copy, n).inner <= n);
			str_done(&s);
		}
	}
}

int trace_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(frames),	kit_test(from_the_wire), kit_test(lengths),	   kit_test(sent),
		kit_test(other_ends),	kit_test(advice),	 kit_test(selection),	   kit_test(refusals),
		kit_test(live_filters), kit_test(live_packets),	 kit_test(live_cancelled), cmocka_unit_test(descriptions),
		cmocka_unit_test(outer_headers), cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
