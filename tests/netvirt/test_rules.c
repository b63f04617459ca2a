/* SPDX-License-Identifier: Apache-2.0 */
/* The invariants of the policy (HN-1..HN-8, HN-11 and provider addresses): what is accepted, warned of and refused. */
#include "netvirt.h"
#include "netvirt_test.h"

#define RECORD(vsid, ca, mac, pa, more)                                                                                \
	"{'VirtualSubnetID': " vsid ", 'CustomerAddress': '" ca "', 'MACAddress': '" mac "', 'ProviderAddress': '" pa  \
	"', 'Rule': 'TranslationMethodEncap'" more "}"
#define NAT(vsid, ca, mac, pa, more)                                                                                   \
	"{'VirtualSubnetID': " vsid ", 'CustomerAddress': '" ca "', 'MACAddress': '" mac "', 'ProviderAddress': '" pa  \
	"', 'Rule': 'TranslationMethodNat'" more "}"
#define ROUTE(rdid, vsid, prefix, hop)                                                                                 \
	"{'RoutingDomainID': '" rdid "', 'VirtualSubnetID': " vsid ", 'DestinationPrefix': '" prefix                   \
	"', 'NextHop': '" hop "'}"
#define RECORDS "New-NetVirtualizationLookupRecord"
#define ROUTES	"New-NetVirtualizationCustomerRoute"
#define RD3	"11111111-2222-3333-4444-000000005012"

struct accepted {
	const char *cmdlet, *parameters, *warning;
};

static void accept_all(struct kit *k, const struct accepted *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		kit_run(k, cases[i].cmdlet, cases[i].parameters);
		if (kit_count(k, "errors") || kit_count(k, "objects") != 1)
			fail_msg("%s", cases[i].parameters);
		if (cases[i].warning)
			kit_warning(k, cases[i].warning);
		else if (kit_count(k, "warnings"))
			fail_msg("%s: warned", cases[i].parameters);
	}
}

static void good_policy(void **state)
{
	static const struct accepted cases[] = {
		/* HN-1: the ends of the range */
		{ RECORDS, RECORD("4096", "10.0.0.5", "000000000001", "10.1.0.1", "") },
		{ RECORDS, RECORD("16777214", "10.0.0.5", "000000000001", "10.1.0.1", "") },
		/* HN-3: other routing domains may overlap, other subnets of one may not */
		{ ROUTES, ROUTE(RD1, "5010", "10.0.0.0/24", "0.0.0.0") },
		{ ROUTES, ROUTE(RD2, "5011", "10.0.0.0/23", "0.0.0.0") },
		{ ROUTES, ROUTE(RD1, "6010", "10.0.1.0/24", "0.0.0.0") },
		/* One prefix for each family. */
		{ ROUTES, ROUTE(RD1, "5010", "2001:db8::/64", "::") },
		/* HN-9: what is not on-link overlaps as it likes, but needs a next hop with a record. */
		{ ROUTES, ROUTE(RD1, "5010", "0.0.0.0/0", "10.0.0.2"), "Wnv.NextHopUnresolvable: no lookup record" },
		/* HN-5: many addresses a provider address, many a MAC; the same address in two subnets */
		{ RECORDS, RECORD("5010", "10.0.0.5", "000000000011", "10.1.0.1", "") },
		{ RECORDS, RECORD("5010", "10.0.0.6", "000000000011", "10.1.0.1", "") },
		{ RECORDS, RECORD("5010", "10.0.0.7", "000000000012", "10.1.0.1", "") },
		{ RECORDS, RECORD("5011", "10.0.0.5", "000000000011", "10.1.0.1", "") },
		{ RECORDS, RECORD("5010", "2001:db8::5", "000000000011", "10.1.0.1", "") },
		{ RECORDS, RECORD("5010", "10.0.0.2", "000000000013", "10.1.0.1", "") },
		{ ROUTES, ROUTE(RD1, "5010", "192.168.0.0/16", "10.0.0.2") },
		{ ROUTES, ROUTE(RD1, "6010", "0.0.0.0/0", "10.0.0.2") },
		{ ROUTES, ROUTE(RD2, "5011", "0.0.0.0/0", "10.0.0.2"),
		  "no lookup record of the routing domain has the next hop 10.0.0.2" },
		/* A subnet may lie in a prefix that a route leads to elsewhere. */
		{ ROUTES, ROUTE(RD1, "6020", "192.168.5.0/24", "0.0.0.0") },
		/* HN-4, HN-6: the router's record */
		{ RECORDS, RECORD("5010", "10.0.0.1", "101010101101", "169.254.254.254", "") },
		/* HN-7, HN-8 */
		{ RECORDS, RECORD("5010", "0.0.0.0", "000000000014", "10.1.0.1", ", 'Type': 'GatewayWildcard'") },
		{ RECORDS, RECORD("5010", "0.0.0.0", "000000000015", "10.1.0.1", ", 'Type': 'l2only'") },
		{ RECORDS, RECORD("5010", "::", "000000000015", "10.1.0.1", ", 'Type': 'L2Only'") },
		{ RECORDS, RECORD("5010", "0.0.0.0", "000000000016", "10.1.0.1", ""), "Wnv.WildcardNeedsType" },
		{ RECORDS, RECORD("5010", "10.0.0.16", "000000000016", "10.1.0.1", ", 'Type': 'Dynamic'") },
		/* HN-11 */
		{ RECORDS, NAT("5010", "10.0.0.17", "000000000017", "10.1.0.17", ", 'UseVmMACAddress': true") },
		{ RECORDS, NAT("5010", "10.0.0.18", "000000000018", "10.1.0.18", ", 'UseVmMACAddress': false") },
		{ RECORDS, RECORD("5010", "10.0.0.19", "000000000019", "10.1.0.1", ", 'UseVmMACAddress': 0") },
		/* 2.7: one address for one address, of one family */
		{ RECORDS, NAT("5011", "10.0.0.17", "000000000017", "10.1.0.27", "") },
		{ RECORDS, NAT("5011", "2001:db8::17", "000000000017", "2001:db8:1::28", ""), "different provider addresses" },
		{ RECORDS, NAT("5011", "0.0.0.0", "000000000030", "10.1.0.30", ", 'Type': 'L2Only'"), "unusable" },
		{ RECORDS, RECORD("5010", "10.0.0.20", "000000000020", "2001:db8:1::1", "") },
		/* The dummy provider address of routers stands for none of them. */
		{ RECORDS, NAT("5011", "10.0.0.1", "101010101101", "169.254.254.254", "") },
		{ RECORDS, NAT("16777214", "10.0.0.1", "101010101101", "169.254.254.254", "") },
		/* What works and is probably not meant. */
		{ RECORDS, RECORD("5010", "10.9.9.9", "00000000001A", "10.1.0.1", ""),
		  "10.9.9.9 is outside 10.0.0.0/24" },
		{ RECORDS, RECORD("5010", "10.0.0.8", "000000000011", "10.1.0.2", ""),
		  "lowest customer address counts" },
	};
	struct kit *k = *state;

	accept_all(k, cases, ARRAY_SIZE(cases));
	kit_do(k, "Get-NetVirtualizationLookupRecord", "{'Unusable': true}");
	kit_names(k, "CustomerAddress", "10.0.0.1 0.0.0.0 10.0.0.1 10.0.0.1");
	assert_int_equal(docs_count(k->docs, &customer_route_kind), 9);
	assert_int_equal(k->reconciles, ARRAY_SIZE(cases));
}

static void bad_records(void **state)
{
	static const struct refusal cases[] = {
		REFUSED(RECORDS, RECORD("0", "10.0.0.9", "000000000019", "10.1.0.1", ""), "Wnv.VsidOutOfRange"),
		REFUSED(RECORDS, RECORD("1", "10.0.0.9", "000000000019", "10.1.0.1", ""), "Wnv.VsidOutOfRange"),
		REFUSED(RECORDS, RECORD("4095", "10.0.0.9", "000000000019", "10.1.0.1", ""), "Wnv.VsidOutOfRange"),
		REFUSED(RECORDS, RECORD("16777215", "10.0.0.9", "000000000019", "10.1.0.1", ""), "Wnv.VsidOutOfRange"),
		/* HN-4 */
		REFUSED(RECORDS, RECORD("5010", "10.0.0.1", "000000000019", "10.1.0.1", ""),
			"Wnv.GatewayAddressReserved"),
		REFUSED(RECORDS, RECORD("5010", "2001:db8::1", "000000000019", "10.1.0.1", ""),
			"Wnv.GatewayAddressReserved"),
		REFUSED("Set-NetVirtualizationLookupRecord",
			"{'CustomerAddress': '10.0.0.129', 'ProviderAddress': '10.1.0.1'}",
			"Wnv.GatewayAddressReserved"),
		/* HN-7, HN-8 */
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "10.1.0.1", ", 'Type': 'L2Only'"),
			"Wnv.TypeNeedsAnyAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "10.1.0.1", ", 'Type': 'GatewayWildcard'"),
			"Wnv.TypeNeedsAnyAddress"),
		REFUSED(RECORDS, RECORD("5010", "2001:db8::9", "000000000019", "10.1.0.1", ", 'Type': 'L2Only'"),
			"Wnv.TypeNeedsAnyAddress"),
		/* HN-11 */
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "10.1.0.1", ", 'UseVmMACAddress': true"),
			"Wnv.UseVmMacNeedsNat"),
		REFUSED("Set-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.5', 'UseVmMACAddress': true}",
			"Wnv.UseVmMacNeedsNat"),
		REFUSED("Set-NetVirtualizationLookupRecord",
			"{'CustomerAddress': '10.0.0.7', 'Rule': 'TranslationMethodEncap'}", "Wnv.UseVmMacNeedsNat"),
		/* One provider address per customer address, of its family (2.7). */
		REFUSED(RECORDS, NAT("5010", "2001:db8::29", "000000000019", "10.1.0.29", ""), "Wnv.RewriteFamily"),
		REFUSED(RECORDS, NAT("5010", "10.0.0.29", "000000000019", "2001:db8:1::29", ""), "Wnv.RewriteFamily"),
		REFUSED("Set-NetVirtualizationLookupRecord", "{'CustomerAddress': '10.0.0.7', 'ProviderAddress': '2001:db8:1::7'}",
			"Wnv.RewriteFamily"),
		REFUSED(RECORDS, NAT("5010", "10.0.0.9", "000000000019", "10.1.0.7", ""), "Wnv.RewritePaShared"),
		REFUSED("Set-NetVirtualizationLookupRecord",
			"{'CustomerAddress': '10.0.0.8', 'ProviderAddress': '10.1.0.7'}", "Wnv.RewritePaShared"),
		REFUSED("Set-NetVirtualizationLookupRecord",
			"{'CustomerAddress': '10.0.0.5', 'ProviderAddress': '10.1.0.7', 'Rule': "
			"'TranslationMethodNat'}",
			"Wnv.RewritePaShared"),
		REFUSED(RECORDS, NAT("5011", "10.0.0.7", "000000000017", "10.1.0.7", ""), "Wnv.RewritePaShared"),
		/* nor shared with the other rule */
		REFUSED(RECORDS, RECORD("5011", "10.0.0.9", "000000000019", "10.1.0.7", ""), "Wnv.RewritePaShared"),
		REFUSED(RECORDS, NAT("5010", "10.0.0.9", "000000000019", "10.1.0.1", ""), "Wnv.RewritePaShared"),
		/* HN-5: an address has one machine; identity is (VSID, CA, MAC). */
		REFUSED(RECORDS, RECORD("5010", "10.0.0.5", "000000000019", "10.1.0.1", ""),
			"Wnv.CustomerAddressInUse"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.5", "000000000011", "10.1.0.9", ""), "AlreadyExists"),
		REFUSED(RECORDS, RECORD("5010", "0.0.0.0", "000000000015", "10.1.0.1", ", 'Type': 'L2Only'"),
			"AlreadyExists"),
		/* Addresses of more or less than one machine. */
		REFUSED(RECORDS, RECORD("5010", "224.0.0.1", "000000000019", "10.1.0.1", ""), "Wnv.BadCustomerAddress"),
		REFUSED(RECORDS, RECORD("5010", "ff02::1", "000000000019", "10.1.0.1", ""), "Wnv.BadCustomerAddress"),
		REFUSED(RECORDS, RECORD("5010", "127.0.0.1", "000000000019", "10.1.0.1", ""), "Wnv.BadCustomerAddress"),
		REFUSED(RECORDS, RECORD("5010", "::1", "000000000019", "10.1.0.1", ""), "Wnv.BadCustomerAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000000", "10.1.0.1", ""), "Wnv.BadMacAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "010000000000", "10.1.0.1", ""), "Wnv.BadMacAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "FFFFFFFFFFFF", "10.1.0.1", ""), "Wnv.BadMacAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "0.0.0.0", ""), "Wnv.BadProviderAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "::", ""), "Wnv.BadProviderAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "239.1.1.1", ""), "Wnv.BadProviderAddress"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "127.0.0.1", ""), "Wnv.BadProviderAddress"),
		REFUSED("Set-NetVirtualizationLookupRecord",
			"{'CustomerAddress': '10.0.0.5', 'ProviderAddress': '0.0.0.0'}", "Wnv.BadProviderAddress"),
		/* What does not parse, what is missing. */
		REFUSED(RECORDS, RECORD("'x'", "10.0.0.9", "000000000019", "10.1.0.1", ""),
			"ParameterArgumentTransformationError"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0", "000000000019", "10.1.0.1", ""),
			"ParameterArgumentTransformationError"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "00000000001", "10.1.0.1", ""),
			"ParameterArgumentTransformationError"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "host2", ""),
			"ParameterArgumentTransformationError"),
		REFUSED(RECORDS, RECORD("5010", "10.0.0.9", "000000000019", "10.1.0.1", ", 'Type': 'Other'"),
			"ParameterArgumentTransformationError"),
		REFUSED(RECORDS, "{'VirtualSubnetID': 5010}", "MissingMandatoryParameter"),
	};
	struct kit *k = *state;

	lab_record(k, 5012, "10.0.0.129", "000000000019", "10.1.0.1", "");
	/* A record that came before its subnet's prefix would be the router's now: the route is refused ... */
	kit_refused(k, ROUTES, ROUTE(RD3, "5012", "10.0.0.128/25", "0.0.0.0"), "Wnv.GatewayAddressReserved");
	/* ... unless it is the router's record. */
	kit_do(k, "Set-NetVirtualizationLookupRecord",
	       "{'CustomerAddress': '10.0.0.129', 'ProviderAddress': '169.254.254.254'}");
	kit_do(k, ROUTES, ROUTE(RD3, "5012", "10.0.0.128/25", "0.0.0.0"));
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_route(k, RD1, 5010, "2001:db8::/64", "::");
	lab_record(k, 5010, "10.0.0.5", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "0.0.0.0", "000000000015", "10.1.0.1", ", 'Type': 'L2Only'");
	kit_do(k, RECORDS, NAT("5010", "10.0.0.7", "000000000017", "10.1.0.7", ", 'UseVmMACAddress': true"));
	kit_do(k, RECORDS, NAT("5010", "10.0.0.8", "000000000018", "10.1.0.8", ""));
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

static void bad_routes(void **state)
{
	static const struct refusal cases[] = {
		/* HN-2 */
		REFUSED(ROUTES, ROUTE(RD2, "5010", "10.0.2.0/24", "0.0.0.0"), "Wnv.VsidInOtherRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD2, "5010", "0.0.0.0/0", "10.0.0.2"), "Wnv.VsidInOtherRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD2, "5010", "10.0.0.0/24", "0.0.0.0"), "Wnv.VsidInOtherRoutingDomain"),
		/* HN-3 */
		REFUSED(ROUTES, ROUTE(RD1, "5010", "10.0.2.0/24", "0.0.0.0"), "Wnv.SubnetPrefixConflict"),
		REFUSED(ROUTES, ROUTE(RD1, "5010", "10.0.0.0/25", "0.0.0.0"), "Wnv.SubnetPrefixConflict"),
		REFUSED(ROUTES, ROUTE(RD1, "5010", "2001:db8:1::/64", "::"), "Wnv.SubnetPrefixConflict"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "10.0.0.0/24", "0.0.0.0"), "Wnv.PrefixOverlapInRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "10.0.0.128/25", "0.0.0.0"), "Wnv.PrefixOverlapInRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "10.0.0.0/16", "0.0.0.0"), "Wnv.PrefixOverlapInRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "2001:db8::/48", "::"), "Wnv.PrefixOverlapInRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD1, "5010", "10.0.0.0/24", "0.0.0.0"), "AlreadyExists"),
		REFUSED(ROUTES, ROUTE(RD1, "5010", "2001:db8::/64", "0.0.0.0"), "Wnv.NextHopFamily"),
		REFUSED(ROUTES, ROUTE(RD1, "5010", "0.0.0.0/0", "2001:db8::2"), "Wnv.NextHopFamily"),
		REFUSED(ROUTES, ROUTE("00000000-0000-0000-0000-000000000000", "6010", "10.9.0.0/24", "0.0.0.0"),
			"Wnv.BadRoutingDomain"),
		REFUSED(ROUTES, ROUTE(RD1, "4095", "10.9.0.0/24", "0.0.0.0"), "Wnv.VsidOutOfRange"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "10.9.0.1/24", "0.0.0.0"), "ParameterArgumentTransformationError"),
		REFUSED(ROUTES, ROUTE(RD1, "6010", "10.9.0.0", "0.0.0.0"), "ParameterArgumentTransformationError"),
		REFUSED(ROUTES, ROUTE("x", "6010", "10.9.0.0/24", "0.0.0.0"), "ParameterArgumentTransformationError"),
		REFUSED(ROUTES, "{'RoutingDomainID': '" RD1 "', 'VirtualSubnetID': 5010}", "MissingMandatoryParameter"),
	};
	struct kit *k = *state;

	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_route(k, RD1, 5010, "2001:db8::/64", "::");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	/* A VSID without routes belongs to nobody again. */
	kit_do(k, "Remove-NetVirtualizationCustomerRoute", "{'VirtualSubnetID': 5010}");
	lab_route(k, RD2, 5010, "10.0.2.0/24", "0.0.0.0");
}

#define PA(index, pa, len, more)                                                                                       \
	"{'InterfaceIndex': " index ", 'ProviderAddress': '" pa "', 'PrefixLength': " len more "}"
#define PROUTE(index, prefix, hop)                                                                                     \
	"{'InterfaceIndex': " index ", 'DestinationPrefix': '" prefix "', 'NextHop': '" hop "'}"
#define ADDRESSES "New-NetVirtualizationProviderAddress"
#define PROUTES	  "New-NetVirtualizationProviderRoute"

static void provider_side(void **state)
{
	static const struct refusal cases[] = {
		REFUSED(ADDRESSES, PA("9", "10.1.0.1", "24", ""), "CmdletizationQuery_NotFound_InterfaceIndex"),
		REFUSED(ADDRESSES, PA("3", "10.1.0.1", "24", ""), "Wnv.DriverNotBound"),
		REFUSED(ADDRESSES, PA("4", "10.1.0.1", "24", ""), "Wnv.NoSwitchOnAdapter"),
		REFUSED(ADDRESSES, PA("2", "0.0.0.0", "24", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "224.0.0.1", "24", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "127.0.0.1", "24", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "0", ""), "Wnv.BadPrefixLength"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "33", ""), "Wnv.BadPrefixLength"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "129", ""), "ParameterArgumentValidationError"),
		REFUSED(ADDRESSES, PA("2", "fe80::1", "64", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "febf::1", "64", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "::1", "64", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "ff05::1", "64", ""), "Wnv.BadProviderAddress"),
		REFUSED(ADDRESSES, PA("2", "2001:db8::1", "0", ""), "Wnv.BadPrefixLength"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "24", ", 'VlanID': 5"), "Wnv.ProviderVlan"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "24", ", 'VlanID': 4095"), "ParameterArgumentValidationError"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.1", "24", ", 'MACAddress': '000000000011'"), "Wnv.ProviderMac"),
		REFUSED(ADDRESSES, PA("2", "10.1.0.9", "24", ""), "AlreadyExists"),
		REFUSED("Set-NetVirtualizationProviderAddress", "{'PrefixLength': 33}", "Wnv.BadPrefixLength"),
		REFUSED("Set-NetVirtualizationProviderAddress", "{'VlanID': 7}", "Wnv.ProviderVlan"),
		REFUSED("Set-NetVirtualizationProviderAddress", "{'MACAddress': '000000000011'}", "Wnv.ProviderMac"),
		REFUSED(PROUTES, PROUTE("9", "10.2.0.0/16", "10.1.0.254"),
			"CmdletizationQuery_NotFound_InterfaceIndex"),
		REFUSED(PROUTES, PROUTE("3", "10.2.0.0/16", "10.1.0.254"), "Wnv.DriverNotBound"),
		REFUSED(PROUTES, PROUTE("4", "10.2.0.0/16", "10.1.0.254"), "Wnv.NoSwitchOnAdapter"),
		REFUSED(PROUTES, PROUTE("2", "10.2.0.0/16", "2001:db8::1"), "Wnv.NextHopFamily"),
		REFUSED(PROUTES, PROUTE("2", "10.2.0.0/16", "224.0.0.1"), "Wnv.BadNextHop"),
		REFUSED(PROUTES, PROUTE("2", "10.2.0.0/16", "127.0.0.1"), "Wnv.BadNextHop"),
		REFUSED(PROUTES, PROUTE("2", "10.3.0.0/16", "10.1.0.254"), "AlreadyExists"),
		REFUSED(PROUTES, PROUTE("2", "10.2.0.1/16", "10.1.0.254"), "ParameterArgumentTransformationError"),
		REFUSED(PROUTES, "{'InterfaceIndex': 2, 'DestinationPrefix': '2001:db8::/48', 'NextHop': 'fe80::1', 'Metric': 0}",
			"Wnv.ProviderRouteMetric"),
		REFUSED("Set-NetVirtualizationProviderRoute", "{'DestinationPrefix': '2001:db8:7::/48', 'Metric': 0}",
			"Wnv.ProviderRouteMetric"),
		REFUSED(PROUTES, PROUTE("0", "10.2.0.0/16", "10.1.0.254"), "ParameterArgumentValidationError"),
	};
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	kit_do(k, "Enable-NetAdapterBinding", "{'Name': 'tap7', 'ComponentID': 'ms_netwnv'}");
	kit_do(k, ADDRESSES, PA("2", "10.1.0.9", "32", ", 'VlanID': 0, 'MACAddress': '000000000000'"));
	kit_property(k, 0, "AddressState", "'Preferred'");
	kit_property(k, 0, "InterfaceIndex", "2");
	kit_property(k, 0, "MACAddress", "'020000000002'");
	kit_property(k, 0, "ManagedByCluster", "false");
	kit_do(k, PROUTES, PROUTE("2", "10.3.0.0/16", "10.1.0.254"));
	kit_property(k, 0, "Metric", "255");
	kit_do(k, PROUTES, PROUTE("2", "2001:db8:7::/48", "fe80::1"));
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
}

/* Order of checks and -WhatIf: nothing is written, and what would be refused is refused. */
static void what_if(void **state)
{
	struct kit *k = *state;

	lab_uplink(k, "vswitch", "eth0");
	kit_what_if(k, RECORDS, RECORD("5010", "10.0.0.5", "000000000011", "10.1.0.1", ""), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(k->result, "whatIf"), 0)),
			    "What if: Performing the operation \"New-NetVirtualizationLookupRecord\" on target "
			    "\"00005010/10.0.0.5/000000000011\".");
	kit_what_if(k, ROUTES, ROUTE(RD1, "5010", "10.0.0.0/24", "0.0.0.0"), 1);
	kit_what_if(k, ADDRESSES, PA("2", "10.1.0.1", "24", ""), 1);
	kit_what_if(k, PROUTES, PROUTE("2", "10.3.0.0/16", "10.1.0.254"), 1);
	kit_refused(k, RECORDS, RECORD("5010", "10.0.0.5", "000000000000", "10.1.0.1", ", 'WhatIf': true"),
		    "Wnv.BadMacAddress");
	lab_record(k, 5010, "10.0.0.5", "000000000011", "10.1.0.1", "");
	lab_record(k, 5010, "10.0.0.6", "000000000012", "10.1.0.1", "");
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_pa(k, 2, "10.1.0.1", 24);
	kit_do(k, PROUTES, PROUTE("2", "10.3.0.0/16", "10.1.0.254"));
	kit_what_if(k, "Set-NetVirtualizationLookupRecord", "{'VMName': 'x'}", 2);
	kit_what_if(k, "Remove-NetVirtualizationLookupRecord", "{}", 2);
	kit_what_if(k, "Set-NetVirtualizationCustomerRoute", "{'Metric': 1}", 1);
	kit_what_if(k, "Remove-NetVirtualizationCustomerRoute", "{}", 1);
	kit_what_if(k, "Set-NetVirtualizationProviderAddress", "{'PrefixLength': 16}", 1);
	kit_what_if(k, "Remove-NetVirtualizationProviderAddress", "{}", 1);
	kit_what_if(k, "Set-NetVirtualizationProviderRoute", "{'Metric': 1}", 1);
	kit_what_if(k, "Remove-NetVirtualizationProviderRoute", "{}", 1);
	kit_what_if(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': true}", 1);
}

static void wipe(void **state)
{
	struct kit *k = *state;
	size_t global;

	lab_uplink(k, "s0", "eth0");
	lab_uplink(k, "s1", "eth1");
	kit_do(k, "Set-NetVirtualizationGlobal", "{'UseExternalRouter': true}");
	lab_record(k, 5010, "10.0.0.5", "000000000011", "10.1.0.1", "");
	lab_route(k, RD1, 5010, "10.0.0.0/24", "0.0.0.0");
	lab_pa(k, 2, "10.1.0.1", 24);
	lab_pa(k, 2, "10.1.0.2", 24);
	lab_pa(k, 3, "10.2.0.1", 24);
	kit_do(k, PROUTES, PROUTE("2", "10.3.0.0/16", "10.1.0.254"));
	kit_do(k, PROUTES, PROUTE("3", "10.3.0.0/16", "10.2.0.254"));
	global = docs_count(k->docs, &netvirt_global_kind);
	docs_begin(k->docs);
	netvirt_wipe_nic(k->docs, "eth0");
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
	kit_do(k, "Get-NetVirtualizationProviderAddress", "{}");
	kit_names(k, "ProviderAddress", "10.2.0.1");
	kit_do(k, "Get-NetVirtualizationProviderRoute", "{}");
	kit_names(k, "NextHop", "10.2.0.254");
	assert_int_equal(docs_count(k->docs, &record_kind), 1);
	docs_begin(k->docs);
	netvirt_wipe(k->docs);
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
	assert_int_equal(docs_count(k->docs, &record_kind), 0);
	assert_int_equal(docs_count(k->docs, &customer_route_kind), 0);
	assert_int_equal(docs_count(k->docs, &provider_address_kind), 0);
	assert_int_equal(docs_count(k->docs, &provider_route_kind), 0);
	/* A setting of the host, no policy. */
	assert_int_equal(docs_count(k->docs, &netvirt_global_kind), global);
}

int rules_tests(void)
{
	const struct CMUnitTest tests[] = {
		kit_test(good_policy),	 kit_test(bad_records), kit_test(bad_routes),
		kit_test(provider_side), kit_test(what_if),	kit_test(wipe),
	};

	return cmocka_run_group_tests_name("netvirt/rules", tests, NULL, NULL);
}
