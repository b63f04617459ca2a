/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_filter.h"
#include "netvirt_learn.h"
#include "netvirt_rules.h"

/* New/Get/Set/Remove-NetVirtualizationLookupRecord (cmdlets.md 3.5). */

#define CIM "MSFT_NetVirtualizationLookupRecordSettingData"

static const char *const record_properties[] = {
	"VirtualSubnetID", "CustomerAddress", "MACAddress", "ProviderAddress", "Rule", "Type", "UseVmMACAddress", "CustomerID",
	"Context", "VMName", "Unusable", "Unsynchronized", NULL,
};
static const struct object_type record_object = { "NetVirtualizationLookupRecord", record_properties, NULL };

/* No packet can use it on any host: the rule is not carried, or the address has no machine. */
static bool unusable(const struct record_doc *r)
{
	return !netvirt_is_carried(r) || netvirt_is_gateway_record(r);
}

static json_t *record_to_object(struct call *c, const void *doc)
{
	json_t *o = doc_to_json(&record_kind, doc);

	(void)c;
	json_object_set_new(o, "Unusable", json_boolean(unusable(doc)));
	json_object_set_new(o, "Unsynchronized", json_false());
	return o;
}

/* By name from the pipeline, too: a transaction for thousands of records, and one host's policy is another's. */
static const struct param new_params[] = {
	{ "CustomerAddress", P_IP, REQUIRED | PIPE_NAME, "address of the VM; 0.0.0.0 or :: with -Type L2Only or GatewayWildcard" },
	{ "MACAddress", P_MAC, REQUIRED | PIPE_NAME, "MAC address of the VM's adapter" },
	{ "ProviderAddress", P_IP, REQUIRED | PIPE_NAME, "provider address of the host that has the VM" },
	{ "Rule", P_ENUM, REQUIRED | PIPE_NAME, "how packets are carried", .values = netvirt_rules },
	{ "VirtualSubnetID", P_VSID, REQUIRED | PIPE_NAME, "virtual subnet, 4096..16777214" },
	{ "Type", P_ENUM, PIPE_NAME, "who made the record and what it stands for", .values = netvirt_types, .def = "Static" },
	{ "UseVmMACAddress", P_BOOL, PIPE_NAME, "keep the VM's MAC address on the wire (rewrite only)", .def = "False" },
	{ "VMName", P_STRING, PIPE_NAME, "label; not compared with any VM" },
	{ "Context", P_STRING, PIPE_NAME, "comment" },
	{ "CustomerID", P_STRING, PIPE_NAME, "tag" },
	{ 0 },
};

static char *str_or_null(const struct call *c, const char *name)
{
	const char *s = call_str(c, name, NULL);

	return s ? xstrdup(s) : NULL;
}

static int already_exists(const char *cim, const char *key, struct err **e)
{
	return err_set(e, "AlreadyExists", ERR_RESOURCE_EXISTS, key, "Instance %s already exists", cim);
}

/* HN-8: an address that was learnt gives way. Of the same machine there is nothing to say about it. */
static void yield(struct call *c, const struct record_doc *r)
{
	char ca[IP_TEXT_SIZE], text[MAC_TEXT_SIZE];
	struct mac mac;

	if (netvirt_learnt_yield(call_docs(c), r, &mac) && !mac_equal(&mac, &r->mac))
		call_warn(c, "Wnv.DynamicRecordReplaced: %s was learnt of %s in virtual subnet %u; that record is gone.",
			  ip_format(&r->ca, ca), mac_format(&mac, text), r->vsid);
}

static int record_new(struct call *c, struct err **e)
{
	struct record_doc *r = doc_new(&record_kind);
	_cleanup_free_ char *key = NULL, *warning = NULL;
	const struct record_doc *old;
	int result = 0;

	r->vsid = (uint32_t)call_uint(c, "VirtualSubnetID", 0);
	r->ca = call_arg(c, "CustomerAddress")->values[0].ip;
	r->mac = call_arg(c, "MACAddress")->values[0].mac;
	r->pa = call_arg(c, "ProviderAddress")->values[0].ip;
	r->rule = call_enum(c, "Rule", 0);
	r->type = call_enum(c, "Type", NETVIRT_STATIC);
	r->use_vm_mac = call_bool(c, "UseVmMACAddress", false);
	r->vm_name = str_or_null(c, "VMName");
	r->context = str_or_null(c, "Context");
	r->customer_id = str_or_null(c, "CustomerID");
	key = doc_key(&record_kind, r);
	old = docs_get(call_docs(c), &record_kind, key);
	if (old && !old->learnt)
		result = already_exists(CIM, key, e);
	if (result == 0)
		result = record_check(call_docs(c), r, e);
	if (result < 0 || !call_should(c, key, "New-NetVirtualizationLookupRecord")) {
		doc_free(&record_kind, r);
		return result;
	}
	warning = record_warning(call_docs(c), r);
	if (warning)
		call_warn(c, "%s", warning);
	yield(c, r);
	call_emit(c, record_to_object, &record_kind, r);
	docs_put(call_docs(c), &record_kind, r);
	return 0;
}

static const char *const record_object_name[] = { "NetVirtualizationLookupRecord", NULL };

#define RECORD_FILTERS                                                                                             \
	{ "CustomerAddress", P_IP, ARRAY, "only these customer addresses", .sets = BY_FILTER },                    \
	{ "MACAddress", P_MAC, ARRAY, "only these MAC addresses", .sets = BY_FILTER },                             \
	{ "VirtualSubnetID", P_VSID, ARRAY, "only these virtual subnets", .sets = BY_FILTER }
#define RECORD_MORE_FILTERS                                                                                        \
	{ "ProviderAddress", P_IP, ARRAY, "only these provider addresses", .sets = BY_FILTER },                    \
	{ "Rule", P_ENUM, ARRAY, "only these rules", .values = netvirt_rules, .sets = BY_FILTER },                 \
	{ "Type", P_ENUM, ARRAY, "only these types", .values = netvirt_types, .sets = BY_FILTER },                 \
	{ "UseVmMACAddress", P_BOOL, ARRAY, "only records with this setting", .sets = BY_FILTER },                 \
	{ "VMName", P_STRING, ARRAY, "only these labels", .sets = BY_FILTER },                                     \
	{ "Context", P_STRING, ARRAY, "only these comments", .sets = BY_FILTER },                                  \
	{ "CustomerID", P_STRING, ARRAY, "only these tags", .sets = BY_FILTER },                                   \
	{ "Unusable", P_BOOL, ARRAY, "only records that can (not) carry traffic", .sets = BY_FILTER }

static const struct param get_params[] = { RECORD_FILTERS, RECORD_MORE_FILTERS, { 0 } };
static const struct param remove_params[] = {
	RECORD_FILTERS,
	RECORD_MORE_FILTERS,
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "records from Get-NetVirtualizationLookupRecord",
	  .values = record_object_name, .sets = BY_OBJECT },
	{ 0 },
};
static const struct param set_params[] = {
	RECORD_FILTERS,
	{ "InputObject", P_OBJECT, PIPE_VALUE | ARRAY, "records from Get-NetVirtualizationLookupRecord",
	  .values = record_object_name, .sets = BY_OBJECT },
	{ "ProviderAddress", P_IP, 0, "new provider address: what live migration changes (LM-2)" },
	{ "Rule", P_ENUM, 0, "new rule", .values = netvirt_rules },
	{ "UseVmMACAddress", P_BOOL, 0, "keep the VM's MAC address on the wire (rewrite only)" },
	{ "VMName", P_STRING, MAY_BE_EMPTY, "new label" },
	{ "Context", P_STRING, MAY_BE_EMPTY, "new comment" },
	{ "CustomerID", P_STRING, MAY_BE_EMPTY, "new tag" },
	{ 0 },
};
static const char *const key_filters[] = { "CustomerAddress", "MACAddress", "VirtualSubnetID", NULL };
static const char *const all_filters[] = {
	"CustomerAddress", "MACAddress", "VirtualSubnetID", "ProviderAddress", "Rule", "Type", "UseVmMACAddress", "VMName",
	"Context", "CustomerID", NULL,
};

static void push_records_at(struct docs *d, uint32_t vsid, const struct ip *ca, const struct mac *mac, doc_vec *ret)
{
	const struct record_doc *r;

	for (size_t pos = 0; (r = ca ? records_at_ca(d, vsid, ca, &pos) : records_at_mac(d, vsid, mac, &pos));)
		vec_push(ret, r);
}

static void push_subnet(struct docs *d, uint32_t vsid, doc_vec *ret)
{
	const struct record_doc *r;

	for (enum record_class class = 0; class < RECORD_CLASSES; class++)
		for (size_t pos = 0; (r = records_in_subnet(d, vsid, class, &pos));)
			vec_push(ret, r);
}

/*
 * Among a million records those of a virtual subnet and, in it, of some addresses are found by indexes. False: no index fits the
 * parameters, or there are more pairs of them than records.
 */
static bool find_candidates(struct call *c, doc_vec *ret)
{
	const struct arg *vsids = call_arg(c, "VirtualSubnetID"), *cas = call_arg(c, "CustomerAddress");
	const struct arg *macs = call_arg(c, "MACAddress"), *addresses = cas->given ? cas : macs;
	struct docs *d = call_docs(c);

	if (!vsids->given || vsids->n * (addresses->given ? addresses->n : 1) > docs_count(d, &record_kind) + 1)
		return false;
	for (size_t i = 0; i < vsids->n; i++) {
		for (size_t k = 0; k < addresses->n; k++)
			push_records_at(d, (uint32_t)vsids->values[i].u, cas->given ? &cas->values[k].ip : NULL,
					&addresses->values[k].mac, ret);
		if (!addresses->given)
			push_subnet(d, (uint32_t)vsids->values[i].u, ret);
	}
	return true;
}

static int filter_records(struct call *c, const char *const *fields, doc_vec *ret, struct err **e)
{
	if (!filter_has_input(c) && find_candidates(c, ret))
		return filter_among(c, &record_kind, fields, NULL, CIM, ret, e);
	return filter_select(c, &record_kind, fields, NULL, CIM, ret, e);
}

static int select_records(struct call *c, doc_vec *records, struct err **e)
{
	int r = filter_records(c, all_filters, records, e);
	const struct arg *a = call_arg(c, "Unusable");
	size_t kept = 0;

	if (r < 0 || !a->given)
		return r;
	for (size_t i = 0; i < records->n; i++) {
		bool wanted = false;

		for (size_t k = 0; k < a->n; k++)
			wanted |= a->values[k].b == unusable(records->items[i]);
		if (wanted)
			records->items[kept++] = records->items[i];
	}
	records->n = kept;
	return kept ? 0 : filter_not_found(c, "Unusable", CIM, e);
}

static int record_get(struct call *c, struct err **e)
{
	doc_vec records = { 0 };
	int r = select_records(c, &records, e);

	vec_foreach(&records, doc)
		call_emit(c, record_to_object, &record_kind, *doc);
	vec_done(&records);
	return r;
}

static int record_remove(struct call *c, struct err **e)
{
	doc_vec records = { 0 };
	int r = select_records(c, &records, e);

	if (r == 0)
		r = filter_remove(c, &record_kind, record_to_object, &records);
	vec_done(&records);
	return r;
}

static void replace_text(struct call *c, const char *name, char **text)
{
	if (!call_given(c, name))
		return;
	free(*text);
	*text = xstrdup(call_str(c, name, ""));
}

static int record_set_one(struct call *c, const struct record_doc *old, struct err **e)
{
	struct record_doc *r = doc_copy(&record_kind, old);
	_cleanup_free_ char *key = doc_key(&record_kind, r);
	int result;

	if (call_given(c, "ProviderAddress"))
		r->pa = call_arg(c, "ProviderAddress")->values[0].ip;
	r->rule = call_enum(c, "Rule", r->rule);
	r->use_vm_mac = call_bool(c, "UseVmMACAddress", r->use_vm_mac);
	replace_text(c, "VMName", &r->vm_name);
	replace_text(c, "Context", &r->context);
	replace_text(c, "CustomerID", &r->customer_id);
	result = record_check(call_docs(c), r, e);
	if (result < 0 || !call_should(c, key, "Set-NetVirtualizationLookupRecord")) {
		doc_free(&record_kind, r);
		return result;
	}
	docs_put(call_docs(c), &record_kind, r);
	netvirt_learnt_follow(call_docs(c), r);
	if (call_bool(c, "PassThru", false))
		call_emit(c, record_to_object, &record_kind, r);
	return 0;
}

/* Once all have changed: on the way records of one machine differ from each other. */
static void warn_of(struct call *c, const doc_vec *changed)
{
	vec_foreach(changed, doc) {
		_cleanup_free_ char *key = doc_key(&record_kind, *doc), *warning = NULL;
		const struct record_doc *now = docs_get(call_docs(c), &record_kind, key);

		if (now != *doc)
			warning = record_warning(call_docs(c), now);
		if (warning)
			call_warn(c, "%s", warning);
	}
}

static int record_set(struct call *c, struct err **e)
{
	doc_vec records = { 0 };
	int r = filter_records(c, key_filters, &records, e);

	vec_foreach(&records, doc) {
		struct err *one = NULL;

		if (record_set_one(c, *doc, &one) < 0)
			call_error(c, &one);
	}
	warn_of(c, &records);
	vec_done(&records);
	return r;
}

const struct cmdlet netvirt_record_cmdlets[] = {
	{ "New-NetVirtualizationLookupRecord", "say where a customer address is: on which provider address, and how to reach it",
	  new_params, &record_object, record_new, CHANGES },
	{ "Get-NetVirtualizationLookupRecord", "list lookup records; every field is a filter", get_params, &record_object,
	  record_get, 0 },
	{ "Set-NetVirtualizationLookupRecord", "change the provider address, rule or labels of matching records", set_params,
	  &record_object, record_set, CHANGES | PASSTHRU },
	{ "Remove-NetVirtualizationLookupRecord", "remove matching lookup records; without a filter, all", remove_params,
	  &record_object, record_remove, CHANGES | PASSTHRU },
	{ 0 },
};
