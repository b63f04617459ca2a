/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_filter.h"
#include "netvirt_rules.h"

/* New/Get/Set/Remove-NetVirtualizationBroadcast: no cmdlets of the catalogue (docs/decisions/0013); they follow the others. */

#define CIM "MSFT_NetVirtualizationBroadcastSettingData"

static const char *const broadcast_properties[] = { "VirtualSubnetID", "Mode", "ProviderAddress", NULL };
static const struct object_type broadcast_object = { "NetVirtualizationBroadcast", broadcast_properties, NULL };
static const char *const broadcast_object_name[] = { "NetVirtualizationBroadcast", NULL };

static json_t *broadcast_to_object(struct call *c, const void *doc)
{
	const struct broadcast_doc *b = doc;
	json_t *o = doc_to_json(&broadcast_kind, doc);

	(void)c;
	json_object_set_new(o, "Mode", json_string(ip_is_any(&b->pa) ? "UnicastReplication" : "Multicast"));
	return o;
}

#define HELP_ADDRESS "multicast provider address that all its hosts have; 0.0.0.0: a copy to each host instead"

static const struct param new_params[] = {
	{ "VirtualSubnetID", P_VSID, REQUIRED | PIPE_NAME, "virtual subnet, 4096..16777214" },
	{ "ProviderAddress", P_IP, 0, HELP_ADDRESS, .def = "0.0.0.0" },
	{ 0 },
};
#define BROADCAST_FILTERS { "VirtualSubnetID", P_VSID, ARRAY, "only these virtual subnets", .sets = BY_FILTER }
#define ADDRESS_FILTER { "ProviderAddress", P_IP, ARRAY, "only these multicast addresses", .sets = BY_FILTER }
#define BROADCAST_OBJECT                                                                                                \
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "from Get-NetVirtualizationBroadcast", .values = broadcast_object_name, \
	  .sets = BY_OBJECT }

static const struct param get_params[] = { BROADCAST_FILTERS, ADDRESS_FILTER, { 0 } };
static const struct param remove_params[] = { BROADCAST_FILTERS, ADDRESS_FILTER, BROADCAST_OBJECT, { 0 } };
static const struct param set_params[] = {
	BROADCAST_FILTERS,
	BROADCAST_OBJECT,
	{ "ProviderAddress", P_IP, 0, HELP_ADDRESS },
	{ 0 },
};
static const char *const all_filters[] = { "VirtualSubnetID", "ProviderAddress", NULL };
static const char *const key_filters[] = { "VirtualSubnetID", NULL };

/* Checks, asks and writes; takes b. */
static int broadcast_write(struct call *c, struct broadcast_doc *b, bool emit, struct err **e)
{
	_cleanup_free_ char *key = doc_key(&broadcast_kind, b), *warning = NULL;
	int r = broadcast_check(b, e);

	if (r < 0 || !call_should(c, key, "%s", call_name(c))) {
		doc_free(&broadcast_kind, b);
		return r;
	}
	warning = broadcast_warning(call_docs(c), b);
	if (warning)
		call_warn(c, "%s", warning);
	if (emit)
		call_emit(c, broadcast_to_object, &broadcast_kind, b);
	docs_put(call_docs(c), &broadcast_kind, b);
	return 0;
}

static struct ip given_address(struct call *c, struct ip fallback)
{
	struct ip pa = call_given(c, "ProviderAddress") ? call_arg(c, "ProviderAddress")->values[0].ip : fallback;

	/* :: says the same as 0.0.0.0, which is what is shown */
	return ip_is_any(&pa) ? ip_from_v4(0) : pa;
}

static int broadcast_new(struct call *c, struct err **e)
{
	struct broadcast_doc *b = doc_new(&broadcast_kind);
	_cleanup_free_ char *key = NULL;

	b->vsid = (uint32_t)call_uint(c, "VirtualSubnetID", 0);
	b->pa = given_address(c, ip_from_v4(0));
	key = doc_key(&broadcast_kind, b);
	if (docs_get(call_docs(c), &broadcast_kind, key)) {
		doc_free(&broadcast_kind, b);
		return err_set(e, "AlreadyExists", ERR_RESOURCE_EXISTS, key, "Instance %s already exists", CIM);
	}
	return broadcast_write(c, b, true, e);
}

static int broadcast_get(struct call *c, struct err **e)
{
	doc_vec found = { 0 };
	int r = filter_select(c, &broadcast_kind, all_filters, NULL, CIM, &found, e);

	vec_foreach(&found, doc)
		call_emit(c, broadcast_to_object, &broadcast_kind, *doc);
	vec_done(&found);
	return r;
}

static int broadcast_set(struct call *c, struct err **e)
{
	doc_vec found = { 0 };
	int r = filter_select(c, &broadcast_kind, key_filters, NULL, CIM, &found, e);

	vec_foreach(&found, doc) {
		struct broadcast_doc *b = doc_copy(&broadcast_kind, *doc);
		struct err *one = NULL;

		b->pa = given_address(c, b->pa);
		if (broadcast_write(c, b, call_bool(c, "PassThru", false), &one) < 0)
			call_error(c, &one);
	}
	vec_done(&found);
	return r;
}

static int broadcast_remove(struct call *c, struct err **e)
{
	doc_vec found = { 0 };
	int r = filter_select(c, &broadcast_kind, all_filters, NULL, CIM, &found, e);

	if (r == 0)
		r = filter_remove(c, &broadcast_kind, broadcast_to_object, &found);
	vec_done(&found);
	return r;
}

const struct cmdlet netvirt_broadcast_cmdlets[] = {
	{ "New-NetVirtualizationBroadcast", "turn broadcast and multicast of a virtual subnet on: by a multicast address, or by copies",
	  new_params, &broadcast_object, broadcast_new, CHANGES },
	{ "Get-NetVirtualizationBroadcast", "list the virtual subnets where broadcast and multicast are on", get_params,
	  &broadcast_object, broadcast_get, 0 },
	{ "Set-NetVirtualizationBroadcast", "change how broadcast and multicast of virtual subnets are carried", set_params,
	  &broadcast_object, broadcast_set, CHANGES | PASSTHRU },
	{ "Remove-NetVirtualizationBroadcast", "turn broadcast and multicast off; without a filter, in all virtual subnets",
	  remove_params, &broadcast_object, broadcast_remove, CHANGES | PASSTHRU },
	{ 0 },
};
