/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_filter.h"
#include "netvirt_rules.h"

/* New/Get/Set/Remove-NetVirtualizationCustomerRoute (cmdlets.md 3.5). */

#define CIM "MSFT_NetVirtualizationCustomerRouteSettingData"
#define DEFAULT_METRIC 255 /* D-13 */

static const char *const route_properties[] = {
	"RoutingDomainID", "VirtualSubnetID", "DestinationPrefix", "NextHop", "Metric", NULL,
};
static const struct column route_columns[] = {
	{ "RoutingDomainID" }, { "VirtualSubnetID", NULL, true }, { "DestinationPrefix" }, { "NextHop" },
	{ "Metric", NULL, true }, { 0 },
};
static const struct object_type route_object = { "NetVirtualizationCustomerRoute", route_properties, route_columns };
static const char *const route_object_name[] = { "NetVirtualizationCustomerRoute", NULL };

static json_t *route_to_object(struct call *c, const void *doc)
{
	(void)c;
	return doc_to_json(&customer_route_kind, doc);
}

static const struct param new_params[] = {
	{ "RoutingDomainID", P_GUID, REQUIRED, "routing domain that the virtual subnet belongs to" },
	{ "VirtualSubnetID", P_VSID, REQUIRED, "virtual subnet, 4096..16777214; belongs to exactly one routing domain" },
	{ "DestinationPrefix", P_PREFIX, REQUIRED, "destination; with next hop 0.0.0.0 the prefix of the subnet itself" },
	{ "NextHop", P_IP, REQUIRED, "customer address of the next hop; 0.0.0.0 or ::: on-link" },
	{ "Metric", P_UINT, 0, "the lowest wins among equal prefixes", .max = UINT32_MAX, .def = "255" },
	{ 0 },
};

static int route_new(struct call *c, struct err **e)
{
	struct customer_route_doc *r = doc_new(&customer_route_kind);
	_cleanup_free_ char *key = NULL, *warning = NULL;
	int result = 0;

	r->rdid = call_arg(c, "RoutingDomainID")->values[0].guid;
	r->vsid = (uint32_t)call_uint(c, "VirtualSubnetID", 0);
	r->prefix = call_arg(c, "DestinationPrefix")->values[0].prefix;
	r->next_hop = call_arg(c, "NextHop")->values[0].ip;
	r->metric = (uint32_t)call_uint(c, "Metric", DEFAULT_METRIC);
	key = doc_key(&customer_route_kind, r);
	if (guid_is_zero(&r->rdid))
		result = err_set(e, "Wnv.BadRoutingDomain", ERR_INVALID_ARGUMENT, key,
				 "The routing domain id must not be all zero.");
	else if (docs_get(call_docs(c), &customer_route_kind, key))
		result = err_set(e, "AlreadyExists", ERR_RESOURCE_EXISTS, key, "Instance %s already exists", CIM);
	if (result == 0)
		result = customer_route_check(call_docs(c), r, e);
	if (result < 0 || !call_should(c, key, "New-NetVirtualizationCustomerRoute")) {
		doc_free(&customer_route_kind, r);
		return result;
	}
	warning = customer_route_warning(call_docs(c), r);
	if (warning)
		call_warn(c, "%s", warning);
	call_emit(c, route_to_object, &customer_route_kind, r);
	docs_put(call_docs(c), &customer_route_kind, r);
	return 0;
}

#define ROUTE_FILTERS                                                                                              \
	{ "RoutingDomainID", P_GUID, ARRAY, "only these routing domains", .sets = BY_FILTER },                     \
	{ "VirtualSubnetID", P_VSID, ARRAY, "only these virtual subnets", .sets = BY_FILTER },                     \
	{ "DestinationPrefix", P_PREFIX, ARRAY, "only these destinations", .sets = BY_FILTER },                    \
	{ "NextHop", P_IP, ARRAY, "only these next hops", .sets = BY_FILTER }

static const struct param get_params[] = {
	ROUTE_FILTERS,
	{ "Metric", P_UINT, ARRAY, "only these metrics", .max = UINT32_MAX, .sets = BY_FILTER },
	{ 0 },
};
static const struct param remove_params[] = {
	ROUTE_FILTERS,
	{ "Metric", P_UINT, ARRAY, "only these metrics", .max = UINT32_MAX, .sets = BY_FILTER },
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "routes from Get-NetVirtualizationCustomerRoute",
	  .values = route_object_name, .sets = BY_OBJECT },
	{ 0 },
};
static const struct param set_params[] = {
	ROUTE_FILTERS,
	{ "Metric", P_UINT, 0, "new metric: the only thing that can change", .max = UINT32_MAX },
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "routes from Get-NetVirtualizationCustomerRoute",
	  .values = route_object_name, .sets = BY_OBJECT },
	{ 0 },
};
static const char *const key_filters[] = { "RoutingDomainID", "VirtualSubnetID", "DestinationPrefix", "NextHop", NULL };
static const char *const all_filters[] = {
	"RoutingDomainID", "VirtualSubnetID", "DestinationPrefix", "NextHop", "Metric", NULL
};

static int route_get(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &customer_route_kind, all_filters, NULL, CIM, &routes, e);

	vec_foreach(&routes, doc)
		call_emit(c, route_to_object, &customer_route_kind, *doc);
	vec_done(&routes);
	return r;
}

static int route_remove(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &customer_route_kind, all_filters, NULL, CIM, &routes, e);

	if (r == 0)
		r = filter_remove(c, &customer_route_kind, route_to_object, &routes);
	vec_done(&routes);
	return r;
}

static int route_set(struct call *c, struct err **e)
{
	doc_vec routes = { 0 };
	int r = filter_select(c, &customer_route_kind, key_filters, NULL, CIM, &routes, e);

	vec_foreach(&routes, doc) {
		struct customer_route_doc *route = doc_copy(&customer_route_kind, *doc);
		_cleanup_free_ char *key = doc_key(&customer_route_kind, route);

		route->metric = (uint32_t)call_uint(c, "Metric", route->metric);
		if (!call_should(c, key, "Set-NetVirtualizationCustomerRoute")) {
			doc_free(&customer_route_kind, route);
			continue;
		}
		docs_put(call_docs(c), &customer_route_kind, route);
		if (call_bool(c, "PassThru", false))
			call_emit(c, route_to_object, &customer_route_kind, route);
	}
	vec_done(&routes);
	return r;
}

const struct cmdlet netvirt_route_cmdlets[] = {
	{ "New-NetVirtualizationCustomerRoute", "add a route of a tenant; next hop 0.0.0.0 declares a virtual subnet's prefix",
	  new_params, &route_object, route_new, CHANGES },
	{ "Get-NetVirtualizationCustomerRoute", "list customer routes; every field is a filter", get_params, &route_object,
	  route_get, 0 },
	{ "Set-NetVirtualizationCustomerRoute", "change the metric of matching customer routes", set_params, &route_object,
	  route_set, CHANGES | PASSTHRU },
	{ "Remove-NetVirtualizationCustomerRoute", "remove matching customer routes; without a filter, all", remove_params,
	  &route_object, route_remove, CHANGES | PASSTHRU },
	{ 0 },
};
