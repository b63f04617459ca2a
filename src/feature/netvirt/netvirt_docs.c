/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt.h"

/* The kinds of documents and plain look-ups. */

const char *const netvirt_rules[] = {
	"TranslationMethodNat", "TranslationMethodEncap", "TranslationMethodNone", "TranslationMethodEncapVxlan", NULL
};
const char *const netvirt_types[] = { "Static", "Dynamic", "GatewayWildcard", "L2Only", NULL };

static void record_key(const void *doc, struct str *ret)
{
	const struct record_doc *r = doc;
	char buf[MAX(IP_TEXT_SIZE, MAC_TEXT_SIZE)], vsid[9] = "00000000";
	uint32_t rest = r->vsid;

	/* The VSID comes first and in fixed width, so that a subnet's records lie together. By printf it would take most of the time. */
	for (size_t i = 8; i-- > 0; rest /= 10)
		vsid[i] = (char)('0' + rest % 10);
	if (rest)
		str_addf(ret, "%u", rest);
	str_addn(ret, vsid, 8);
	str_addc(ret, '/');
	str_add(ret, ip_format(&r->ca, buf));
	str_addc(ret, '/');
	str_add(ret, mac_format(&r->mac, buf));
}

static const struct doc_field record_fields[] = {
	DOC_FIELD(record_doc, vsid, DOC_U32, "VirtualSubnetID"),
	DOC_FIELD(record_doc, ca, DOC_IP, "CustomerAddress"),
	DOC_FIELD(record_doc, mac, DOC_MAC, "MACAddress"),
	DOC_FIELD(record_doc, pa, DOC_IP, "ProviderAddress"),
	DOC_ENUM_FIELD(record_doc, rule, netvirt_rules, "Rule"),
	DOC_ENUM_FIELD(record_doc, type, netvirt_types, "Type"),
	DOC_FIELD(record_doc, use_vm_mac, DOC_BOOL, "UseVmMACAddress"),
	DOC_FIELD(record_doc, learnt, DOC_U32, "Learnt"),
	DOC_FIELD(record_doc, customer_id, DOC_STR, "CustomerID"),
	DOC_FIELD(record_doc, context, DOC_STR, "Context"),
	DOC_FIELD(record_doc, vm_name, DOC_STR, "VMName"),
};
const struct doc_kind record_kind = {
	"lookup-record", sizeof(struct record_doc), record_fields, ARRAY_SIZE(record_fields), record_key,
	record_indexes, RECORD_INDEXES
};

static void customer_route_key(const void *doc, struct str *ret)
{
	const struct customer_route_doc *r = doc;
	char rdid[GUID_TEXT_SIZE], prefix[PREFIX_TEXT_SIZE], hop[IP_TEXT_SIZE];

	str_addf(ret, "%s/%08u/%s/%s", guid_format(&r->rdid, rdid), r->vsid, prefix_format(&r->prefix, prefix),
		 ip_format(&r->next_hop, hop));
}

static const struct doc_field customer_route_fields[] = {
	DOC_FIELD(customer_route_doc, rdid, DOC_GUID_BRACES, "RoutingDomainID"),
	DOC_FIELD(customer_route_doc, vsid, DOC_U32, "VirtualSubnetID"),
	DOC_FIELD(customer_route_doc, prefix, DOC_PREFIX, "DestinationPrefix"),
	DOC_FIELD(customer_route_doc, next_hop, DOC_IP, "NextHop"),
	DOC_FIELD(customer_route_doc, metric, DOC_U32, "Metric"),
};
const struct doc_kind customer_route_kind = {
	"customer-route", sizeof(struct customer_route_doc), customer_route_fields, ARRAY_SIZE(customer_route_fields),
	customer_route_key, customer_route_indexes, CUSTOMER_ROUTE_INDEXES
};

static void provider_address_key(const void *doc, struct str *ret)
{
	const struct provider_address_doc *p = doc;
	char pa[IP_TEXT_SIZE];

	str_add(ret, ip_format(&p->pa, pa));
}

static const struct doc_field provider_address_fields[] = {
	DOC_FIELD(provider_address_doc, pa, DOC_IP, "ProviderAddress"),
	DOC_FIELD(provider_address_doc, nic, DOC_STR, "Interface"),
	DOC_FIELD(provider_address_doc, prefix_len, DOC_U32, "PrefixLength"),
	DOC_FIELD(provider_address_doc, vlan, DOC_U32, "VlanID"),
	DOC_FIELD(provider_address_doc, mac, DOC_MAC, "MACAddress"),
};
const struct doc_kind provider_address_kind = {
	"provider-address", sizeof(struct provider_address_doc), provider_address_fields,
	ARRAY_SIZE(provider_address_fields), provider_address_key
};

static void provider_route_key(const void *doc, struct str *ret)
{
	const struct provider_route_doc *r = doc;
	char prefix[PREFIX_TEXT_SIZE], hop[IP_TEXT_SIZE];

	str_addf(ret, "%s/%s/%s", r->nic ? r->nic : "", prefix_format(&r->prefix, prefix), ip_format(&r->next_hop, hop));
}

static const struct doc_field provider_route_fields[] = {
	DOC_FIELD(provider_route_doc, nic, DOC_STR, "Interface"),
	DOC_FIELD(provider_route_doc, prefix, DOC_PREFIX, "DestinationPrefix"),
	DOC_FIELD(provider_route_doc, next_hop, DOC_IP, "NextHop"),
	DOC_FIELD(provider_route_doc, metric, DOC_U32, "Metric"),
};
const struct doc_kind provider_route_kind = {
	"provider-route", sizeof(struct provider_route_doc), provider_route_fields, ARRAY_SIZE(provider_route_fields),
	provider_route_key
};

static void broadcast_key(const void *doc, struct str *ret)
{
	str_addf(ret, "%08u", ((const struct broadcast_doc *)doc)->vsid);
}

static const struct doc_field broadcast_fields[] = {
	DOC_FIELD(broadcast_doc, vsid, DOC_U32, "VirtualSubnetID"),
	DOC_FIELD(broadcast_doc, pa, DOC_IP, "ProviderAddress"),
};
const struct doc_kind broadcast_kind = {
	"broadcast", sizeof(struct broadcast_doc), broadcast_fields, ARRAY_SIZE(broadcast_fields), broadcast_key
};

static void global_key(const void *doc, struct str *ret)
{
	(void)doc;
	str_add(ret, "global");
}

static const struct doc_field global_fields[] = {
	DOC_FIELD(netvirt_global_doc, use_external_router, DOC_BOOL, "UseExternalRouter"),
};
const struct doc_kind netvirt_global_kind = {
	"netvirt-global", sizeof(struct netvirt_global_doc), global_fields, ARRAY_SIZE(global_fields), global_key
};

bool netvirt_is_gateway_record(const struct record_doc *r)
{
	static const struct ip dummy = { { [10] = 0xff, 0xff, 169, 254, 254, 254 } };

	return ip_equal(&r->pa, &dummy);
}

bool netvirt_is_encap(const struct record_doc *r)
{
	return r->rule == NETVIRT_ENCAP || r->rule == NETVIRT_ENCAP_VXLAN;
}

enum dp_encap netvirt_encap(const struct record_doc *r)
{
	return (r->rule == NETVIRT_ENCAP_VXLAN ? DP_ENCAP_VXLAN : 0) | (ip_is_v4(&r->pa) ? 0 : DP_ENCAP_IP6);
}

bool netvirt_is_wildcard(const struct record_doc *r)
{
	return ip_is_any(&r->ca) && r->type != NETVIRT_L2ONLY && !netvirt_is_gateway_record(r);
}

bool netvirt_vsid_has_policy(const struct docs *d, uint32_t vsid)
{
	for (enum record_class class = 0; class < RECORD_CLASSES; class++)
		if (netvirt_has_records(d, vsid, class))
			return true;
	return netvirt_vsid_domain(d, vsid) != NULL;
}

const struct guid *netvirt_vsid_domain(const struct docs *d, uint32_t vsid)
{
	const struct customer_route_doc *r = customer_routes_of(d, vsid, &(size_t){ 0 });

	return r ? &r->rdid : NULL;
}

const struct prefix *netvirt_vsid_prefix(const struct docs *d, uint32_t vsid, bool v4)
{
	const struct customer_route_doc *r;

	for (size_t pos = 0; (r = customer_routes_of(d, vsid, &pos));)
		if (ip_is_any(&r->next_hop) && ip_is_v4(&r->prefix.ip) == v4)
			return &r->prefix;
	return NULL;
}

const struct record_doc *netvirt_record(const struct docs *d, uint32_t vsid, const struct ip *ca)
{
	return records_at_ca(d, vsid, ca, &(size_t){ 0 });
}

static void wipe(struct docs *d, const struct doc_kind *kind)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, kind, &all);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = doc_key(kind, all[i]);

		docs_delete(d, kind, key);
	}
}

void netvirt_wipe(struct docs *d)
{
	wipe(d, &record_kind);
	wipe(d, &customer_route_kind);
	wipe(d, &provider_address_kind);
	wipe(d, &provider_route_kind);
	wipe(d, &broadcast_kind);
}

void netvirt_wipe_nic(struct docs *d, const char *nic)
{
	_cleanup_free_ const void **addresses = NULL, **routes = NULL;
	size_t n = docs_list(d, &provider_address_kind, &addresses);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = doc_key(&provider_address_kind, addresses[i]);

		if (streq_ptr(((const struct provider_address_doc *)addresses[i])->nic, nic))
			docs_delete(d, &provider_address_kind, key);
	}
	n = docs_list(d, &provider_route_kind, &routes);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = doc_key(&provider_route_kind, routes[i]);

		if (streq_ptr(((const struct provider_route_doc *)routes[i])->nic, nic))
			docs_delete(d, &provider_route_kind, key);
	}
}
