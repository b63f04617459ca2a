/* SPDX-License-Identifier: Apache-2.0 */
#include "netadapter.h"
#include "netvirt_filter.h"
#include "netvirt_rules.h"
#include "switch.h"

/* New/Get/Set/Remove-NetVirtualizationProviderAddress and -ProviderRoute (cmdlets.md 3.5). */

#define CIM_ADDRESS "MSFT_NetVirtualizationProviderAddressSettingData"
#define CIM_ROUTE "MSFT_NetVirtualizationProviderRouteSettingData"
#define DEFAULT_METRIC 255

static const char *const address_states[] = { "Invalid", "Tentative", "Duplicate", "Deprecated", "Preferred", NULL };

static const char *const address_properties[] = {
	"ProviderAddress", "InterfaceIndex", "PrefixLength", "VlanID", "MACAddress", "AddressState", "ManagedByCluster",
	"Interface", NULL,
};
static const struct object_type address_object = { "NetVirtualizationProviderAddress", address_properties, NULL };
static const char *const address_object_name[] = { "NetVirtualizationProviderAddress", NULL };

static uint32_t address_state(struct call *c, const struct provider_address_doc *p)
{
	struct host *h = call_host(c);
	int state = h->address_state ? h->address_state(h, &p->pa) : 0;

	return state > 0 && (size_t)state < ARRAY_SIZE(address_states) - 1 ? (uint32_t)state : 0;
}

static json_t *nic_mac(struct call *c, const char *nic)
{
	host_nic_vec nics = { 0 };
	char text[MAC_TEXT_SIZE];
	json_t *j = NULL;

	call_host(c)->nics(call_host(c), &nics);
	vec_foreach(&nics, n)
		if (!j && streq(n->link, nic))
			j = json_string(mac_format(&n->mac, text));
	vec_done(&nics);
	return j ? j : json_null();
}

static json_t *address_to_object(struct call *c, const void *doc)
{
	const struct provider_address_doc *p = doc;
	json_t *o = doc_to_json(&provider_address_kind, doc);

	json_object_set_new(o, "InterfaceIndex", filter_nic_index(c, p->nic));
	json_object_set_new(o, "AddressState", json_string(address_states[address_state(c, p)]));
	json_object_set_new(o, "ManagedByCluster", json_false());
	if (mac_is_zero(&p->mac))
		json_object_set_new(o, "MACAddress", nic_mac(c, p->nic));
	return o;
}

static const struct param address_new_params[] = {
	{ "InterfaceIndex", P_UINT, REQUIRED | PIPE_NAME, "NIC on which ms_netwnv is bound (ifIndex of Get-NetAdapter)",
	  .aliases = "ifIndex", .min = 1, .max = INT32_MAX },
	{ "ProviderAddress", P_IP, REQUIRED, "address of this host in the provider network" },
	{ "PrefixLength", P_UINT, REQUIRED, "of the provider network, in bits", .max = 128 },
	{ "VlanID", P_UINT, 0, "VLAN of the provider network; 0: untagged", .max = 4094, .def = "0" },
	{ "MACAddress", P_MAC, 0, "outer source MAC address", .def = "the NIC's" },
	{ 0 },
};

static int nic_ready(struct call *c, const struct host_nic *nic, struct err **e)
{
	int r;

	if (!netadapter_wnv_bound(call_docs(c), nic->link)) {
		r = err_set(e, "Wnv.DriverNotBound", ERR_INVALID_OPERATION, nic->name,
			    "Network virtualization is not bound to \"%s\".", nic->name);
		return err_advise(e, r, "Enable-NetAdapterBinding -Name \"%s\" -ComponentID ms_netwnv", nic->name);
	}
	if (!switch_by_nic(call_docs(c), nic->link)) {
		r = err_set(e, "Wnv.NoSwitchOnAdapter", ERR_INVALID_OPERATION, nic->name, "No virtual switch uses \"%s\".", nic->name);
		return err_advise(e, r, "New-VMSwitch -Name vswitch -NetAdapterName \"%s\"", nic->name);
	}
	return 0;
}

static int address_new(struct call *c, struct err **e)
{
	struct provider_address_doc *p = NULL;
	_cleanup_free_ char *key = NULL;
	struct host_nic nic;
	int r = filter_nic_argument(c, &nic, e);

	if (r < 0)
		return r;
	p = doc_new(&provider_address_kind);
	p->pa = call_arg(c, "ProviderAddress")->values[0].ip;
	p->nic = xstrdup(nic.link);
	p->prefix_len = (uint32_t)call_uint(c, "PrefixLength", 0);
	p->vlan = (uint32_t)call_uint(c, "VlanID", 0);
	if (call_given(c, "MACAddress"))
		p->mac = call_arg(c, "MACAddress")->values[0].mac;
	key = doc_key(&provider_address_kind, p);
	r = provider_address_check(call_docs(c), p, e);
	if (r == 0)
		r = nic_ready(c, &nic, e);
	if (r == 0 && docs_get(call_docs(c), &provider_address_kind, key))
		r = err_set(e, "AlreadyExists", ERR_RESOURCE_EXISTS, key, "Instance %s already exists", CIM_ADDRESS);
	if (r < 0 || !call_should(c, key, "New-NetVirtualizationProviderAddress")) {
		doc_free(&provider_address_kind, p);
		return r;
	}
	call_emit(c, address_to_object, &provider_address_kind, p);
	docs_put(call_docs(c), &provider_address_kind, p);
	return 0;
}

static const char *address_nic(const void *doc)
{
	return ((const struct provider_address_doc *)doc)->nic;
}

#define ADDRESS_FILTERS                                                                                            \
	{ "ProviderAddress", P_IP, ARRAY, "only these addresses", .sets = BY_FILTER },                             \
	{ "InterfaceIndex", P_UINT, ARRAY, "only on these NICs", .aliases = "ifIndex", .max = INT32_MAX, .sets = BY_FILTER }, \
	{ "AddressState", P_ENUM, ARRAY, "only in these states", .values = address_states, .sets = BY_FILTER }
#define ADDRESS_MORE_FILTERS                                                                                       \
	{ "PrefixLength", P_UINT, ARRAY, "only these lengths", .max = 128, .sets = BY_FILTER },                    \
	{ "VlanID", P_UINT, ARRAY, "only in these VLANs", .max = 4094, .sets = BY_FILTER },                        \
	{ "MACAddress", P_MAC, ARRAY, "only with these MAC addresses", .sets = BY_FILTER }
#define ADDRESS_INPUT                                                                                              \
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "from Get-NetVirtualizationProviderAddress",                \
	  .values = address_object_name, .sets = BY_OBJECT }

static const struct param address_get_params[] = { ADDRESS_FILTERS, ADDRESS_MORE_FILTERS, { 0 } };
static const struct param address_remove_params[] = { ADDRESS_FILTERS, ADDRESS_MORE_FILTERS, ADDRESS_INPUT, { 0 } };
static const struct param address_set_params[] = {
	ADDRESS_FILTERS,
	ADDRESS_INPUT,
	{ "PrefixLength", P_UINT, 0, "new prefix length", .max = 128 },
	{ "VlanID", P_UINT, 0, "new VLAN", .max = 4094 },
	{ "MACAddress", P_MAC, 0, "new outer source MAC address" },
	{ 0 },
};
static const char *const address_key_filters[] = { "ProviderAddress", NULL };
static const char *const address_filters[] = { "ProviderAddress", "PrefixLength", "VlanID", "MACAddress", NULL };

static int select_addresses(struct call *c, const char *const *filters, doc_vec *addresses, struct err **e)
{
	int r = filter_select(c, &provider_address_kind, filters, address_nic, CIM_ADDRESS, addresses, e);
	const struct arg *a = call_arg(c, "AddressState");
	size_t kept = 0;

	if (r < 0 || !a->given)
		return r;
	for (size_t i = 0; i < addresses->n; i++) {
		bool wanted = false;

		for (size_t k = 0; k < a->n; k++)
			wanted |= a->values[k].u == address_state(c, addresses->items[i]);
		if (wanted)
			addresses->items[kept++] = addresses->items[i];
	}
	addresses->n = kept;
	return kept ? 0 : filter_not_found(c, "AddressState", CIM_ADDRESS, e);
}

static int address_get(struct call *c, struct err **e)
{
	doc_vec addresses = { 0 };
	int r = select_addresses(c, address_filters, &addresses, e);

	vec_foreach(&addresses, doc)
		call_emit(c, address_to_object, &provider_address_kind, *doc);
	vec_done(&addresses);
	return r;
}

static int address_remove(struct call *c, struct err **e)
{
	doc_vec addresses = { 0 };
	int r = select_addresses(c, address_filters, &addresses, e);

	if (r == 0)
		r = filter_remove(c, &provider_address_kind, address_to_object, &addresses);
	vec_done(&addresses);
	return r;
}

static int address_set_one(struct call *c, const struct provider_address_doc *old, struct err **e)
{
	struct provider_address_doc *p = doc_copy(&provider_address_kind, old);
	_cleanup_free_ char *key = doc_key(&provider_address_kind, p);
	int r;

	p->prefix_len = (uint32_t)call_uint(c, "PrefixLength", p->prefix_len);
	p->vlan = (uint32_t)call_uint(c, "VlanID", p->vlan);
	if (call_given(c, "MACAddress"))
		p->mac = call_arg(c, "MACAddress")->values[0].mac;
	r = provider_address_check(call_docs(c), p, e);
	if (r < 0 || !call_should(c, key, "Set-NetVirtualizationProviderAddress")) {
		doc_free(&provider_address_kind, p);
		return r;
	}
	docs_put(call_docs(c), &provider_address_kind, p);
	if (call_bool(c, "PassThru", false))
		call_emit(c, address_to_object, &provider_address_kind, p);
	return 0;
}

static int address_set(struct call *c, struct err **e)
{
	doc_vec addresses = { 0 };
	int r = select_addresses(c, address_key_filters, &addresses, e);

	vec_foreach(&addresses, doc) {
		struct err *one = NULL;

		if (address_set_one(c, *doc, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&addresses);
	return r;
}

static const char *const route_properties[] = {
	"InterfaceIndex", "DestinationPrefix", "NextHop", "Metric", "Interface", NULL
};
static const struct column route_columns[] = {
	{ "InterfaceIndex", NULL, true }, { "DestinationPrefix" }, { "NextHop" }, { "Metric", NULL, true }, { 0 },
};
static const struct object_type route_object = { "NetVirtualizationProviderRoute", route_properties, route_columns };
static const char *const route_object_name[] = { "NetVirtualizationProviderRoute", NULL };

static json_t *route_to_object(struct call *c, const void *doc)
{
	const struct provider_route_doc *r = doc;
	json_t *o = doc_to_json(&provider_route_kind, doc);

	json_object_set_new(o, "InterfaceIndex", filter_nic_index(c, r->nic));
	return o;
}

static const struct param route_new_params[] = {
	{ "InterfaceIndex", P_UINT, REQUIRED, "NIC by which the route leads (ifIndex of Get-NetAdapter)", .aliases = "ifIndex",
	  .min = 1, .max = INT32_MAX },
	{ "DestinationPrefix", P_PREFIX, REQUIRED, "prefix of provider addresses" },
	{ "NextHop", P_IP, REQUIRED, "physical gateway; 0.0.0.0: on-link" },
	{ "Metric", P_UINT, 0, "the lowest wins", .max = UINT32_MAX, .def = "255" },
	{ 0 },
};

static int route_new(struct call *c, struct err **e)
{
	struct provider_route_doc *route;
	_cleanup_free_ char *key = NULL;
	struct host_nic nic;
	int r = filter_nic_argument(c, &nic, e);

	if (r == 0)
		r = nic_ready(c, &nic, e);
	if (r < 0)
		return r;
	route = doc_new(&provider_route_kind);
	route->nic = xstrdup(nic.link);
	route->prefix = call_arg(c, "DestinationPrefix")->values[0].prefix;
	route->next_hop = call_arg(c, "NextHop")->values[0].ip;
	route->metric = (uint32_t)call_uint(c, "Metric", DEFAULT_METRIC);
	key = doc_key(&provider_route_kind, route);
	r = provider_route_check(call_docs(c), route, e);
	if (r == 0 && docs_get(call_docs(c), &provider_route_kind, key))
		r = err_set(e, "AlreadyExists", ERR_RESOURCE_EXISTS, key, "Instance %s already exists", CIM_ROUTE);
	if (r < 0 || !call_should(c, key, "New-NetVirtualizationProviderRoute")) {
		doc_free(&provider_route_kind, route);
		return r;
	}
	call_emit(c, route_to_object, &provider_route_kind, route);
	docs_put(call_docs(c), &provider_route_kind, route);
	return 0;
}

static const char *route_nic(const void *doc)
{
	return ((const struct provider_route_doc *)doc)->nic;
}

#define ROUTE_FILTERS                                                                                              \
	{ "InterfaceIndex", P_UINT, ARRAY, "only by these NICs", .aliases = "ifIndex", .max = INT32_MAX, .sets = BY_FILTER }, \
	{ "DestinationPrefix", P_PREFIX, ARRAY, "only these destinations", .sets = BY_FILTER },                    \
	{ "NextHop", P_IP, ARRAY, "only these next hops", .sets = BY_FILTER }
#define ROUTE_INPUT                                                                                                \
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "from Get-NetVirtualizationProviderRoute",                  \
	  .values = route_object_name, .sets = BY_OBJECT }

static const struct param route_get_params[] = {
	ROUTE_FILTERS, { "Metric", P_UINT, ARRAY, "only these metrics", .max = UINT32_MAX, .sets = BY_FILTER }, { 0 }
};
static const struct param route_remove_params[] = {
	ROUTE_FILTERS, { "Metric", P_UINT, ARRAY, "only these metrics", .max = UINT32_MAX, .sets = BY_FILTER }, ROUTE_INPUT, { 0 }
};
static const struct param route_set_params[] = {
	ROUTE_FILTERS, { "Metric", P_UINT, 0, "new metric: the only thing that can change", .max = UINT32_MAX }, ROUTE_INPUT, { 0 }
};
static const char *const route_key_filters[] = { "DestinationPrefix", "NextHop", NULL };
static const char *const route_filters[] = { "DestinationPrefix", "NextHop", "Metric", NULL };

static int route_get(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &provider_route_kind, route_filters, route_nic, CIM_ROUTE, &routes, e);

	vec_foreach(&routes, doc)
		call_emit(c, route_to_object, &provider_route_kind, *doc);
	vec_done(&routes);
	return r;
}

static int route_remove(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &provider_route_kind, route_filters, route_nic, CIM_ROUTE, &routes, e);

	if (r == 0)
		r = filter_remove(c, &provider_route_kind, route_to_object, &routes);
	vec_done(&routes);
	return r;
}

static int route_set(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &provider_route_kind, route_key_filters, route_nic, CIM_ROUTE, &routes, e);

	vec_foreach(&routes, doc) {
		struct provider_route_doc *route = doc_copy(&provider_route_kind, *doc);
		_cleanup_free_ char *key = doc_key(&provider_route_kind, route);
		struct err *one = NULL;
		bool wanted = false;

		route->metric = (uint32_t)call_uint(c, "Metric", route->metric);
		if (provider_route_check(call_docs(c), route, &one) < 0)
			call_error(c, &one);
		else if (call_should(c, key, "Set-NetVirtualizationProviderRoute"))
			wanted = true;
		if (!wanted) {
			doc_free(&provider_route_kind, route);
			continue;
		}
		docs_put(call_docs(c), &provider_route_kind, route);
		if (call_bool(c, "PassThru", false))
			call_emit(c, route_to_object, &provider_route_kind, route);
	}
	vec_done(&routes);
	return r;
}

const struct cmdlet netvirt_provider_cmdlets[] = {
	{ "New-NetVirtualizationProviderAddress", "give this host an address in the provider network", address_new_params,
	  &address_object, address_new, CHANGES },
	{ "Get-NetVirtualizationProviderAddress", "list the provider addresses of this host", address_get_params, &address_object,
	  address_get, 0 },
	{ "Set-NetVirtualizationProviderAddress", "change VLAN, prefix length or MAC address of provider addresses",
	  address_set_params, &address_object, address_set, CHANGES | PASSTHRU },
	{ "Remove-NetVirtualizationProviderAddress", "remove provider addresses; without a filter, all", address_remove_params,
	  &address_object, address_remove, CHANGES | PASSTHRU },
	{ "New-NetVirtualizationProviderRoute", "add a route of the provider network", route_new_params, &route_object, route_new,
	  CHANGES },
	{ "Get-NetVirtualizationProviderRoute", "list the provider routes of this host", route_get_params, &route_object, route_get,
	  0 },
	{ "Set-NetVirtualizationProviderRoute", "change the metric of provider routes", route_set_params, &route_object, route_set,
	  CHANGES | PASSTHRU },
	{ "Remove-NetVirtualizationProviderRoute", "remove provider routes; without a filter, all", route_remove_params,
	  &route_object, route_remove, CHANGES | PASSTHRU },
	{ 0 },
};
