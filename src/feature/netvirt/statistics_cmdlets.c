/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter.h"
#include "feature.h"
#include "netvirt.h"

/* Get-NetVirtualizationStatistics: which frames were dropped where and why, and the host's policy in numbers. */

static const char *const drop_properties[] = {
	"Adapter", "VMName", "InterfaceName", "InterfaceIndex", "Reason", "Packets", "Rule", "Description", NULL,
};
static const struct column drop_columns[] = {
	{ "Adapter" }, { "Reason" }, { "Packets", .right = true }, { "Rule" }, { "Description" }, { 0 },
};
static const struct object_type drop_object = { "NetVirtualizationStatistics", drop_properties, drop_columns };

static const char *const summary_properties[] = {
	"Instance", "Ports", "Uplinks", "LookupRecords", "CustomerRoutes", "ProviderAddresses", "ProviderRoutes",
	"NextHopsResolved", "NextHopsUnresolved", "DroppedPackets", "Passes", "LastPassWrites", "LastPassMicroseconds",
	"LastPassFailures", "TotalWrites", NULL,
};
static const struct object_type summary_object = { "NetVirtualizationSummary", summary_properties, NULL };

static const struct param statistics_params[] = {
	{ "Reason", P_STRING, ARRAY, "only drops for these reasons, or matching the wildcards", .sets = IN_SET(0) },
	{ "VMName", P_STRING, ARRAY, "only drops at ports of these virtual machines; names or wildcards", .sets = IN_SET(0) },
	{ "InterfaceIndex", P_UINT, ARRAY, "only drops at these devices: ports, or the NICs of uplinks", .max = INT32_MAX,
	  .sets = IN_SET(0) },
	{ "Summary", P_SWITCH, REQUIRED, "the host's policy and the daemon's last pass in numbers", .sets = IN_SET(1) },
	{ 0 },
};

/* What the drops are held against and named by. */
struct view {
	struct call *c;
	host_drop_vec drops;
	host_nic_vec nics;
	adapter_vec adapters;
	vm_vec vms; /* of -VMName */
};

static int unreadable(int r, const char *what, struct err **e)
{
	return err_set_errno(e, "Wnv.StatisticsFailed", -r, NULL, "The %s cannot be read: %s.", what, strerror(-r));
}

static int view_open(struct view *v, struct err **e)
{
	struct host *host = call_host(v->c);
	const struct adapter_doc *a;
	int r = host->drops(host, &v->drops);

	if (r == 0)
		r = host->nics(host, &v->nics);
	if (r < 0)
		return unreadable(r, "counters of drops", e);
	for (size_t pos = 0; (a = docs_next(call_docs(v->c), &adapter_kind, &pos));)
		vec_push(&v->adapters, a);
	return 0;
}

static void view_close(struct view *v)
{
	vec_done(&v->drops);
	vec_done(&v->nics);
	vec_done(&v->adapters);
	vec_done(&v->vms);
}

/* The adapter whose port the link is, or NULL. */
static const struct adapter_doc *adapter_at(const struct view *v, const char *link)
{
	char port[16];

	vec_foreach(&v->adapters, a)
		if (streq(adapter_port_name(&(*a)->id, port), link))
			return *a;
	return NULL;
}

static const char *nic_name(const struct view *v, const char *link)
{
	vec_foreach(&v->nics, nic)
		if (streq(nic->link, link))
			return nic->name;
	return link;
}

static bool any_index(const struct arg *a, int ifindex)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->values[i].u == (uint64_t)ifindex)
			return true;
	return !a->given;
}

static bool vm_wanted(const struct view *v, const struct adapter_doc *a)
{
	if (!call_given(v->c, "VMName"))
		return true;
	vec_foreach(&v->vms, vm)
		if (a && guid_equal(&(*vm)->id, &a->vm))
			return true;
	return false;
}

static json_t *drop_to_object(const struct view *v, const struct host_drop *drop, const struct adapter_doc *a)
{
	const struct vm_doc *vm = a ? vm_get(call_docs(v->c), &a->vm) : NULL;
	json_t *o = json_object();

	if (vm)
		json_object_set_new(o, "Adapter", json_sprintf("%s: %s", vm->name, a->name));
	else if (a)
		json_object_set_new(o, "Adapter", json_sprintf("vEthernet (%s)", a->name));
	else
		json_object_set_new(o, "Adapter", json_string(drop->ifindex ? nic_name(v, drop->link) : "(others)"));
	if (vm)
		json_object_set_new(o, "VMName", json_string(vm->name));
	if (drop->ifindex)
		json_object_set_new(o, "InterfaceName", json_string(drop->link));
	json_object_set_new(o, "InterfaceIndex", json_integer(drop->ifindex));
	json_object_set_new(o, "Reason", json_string(drop->reason->name));
	json_object_set_new(o, "Packets", json_integer((json_int_t)drop->packets));
	json_object_set_new(o, "Rule", json_string(drop->reason->rule));
	json_object_set_new(o, "Description", json_string(drop->reason->sentence));
	return o;
}

static bool reason_exists(const struct host *host, const char *name)
{
	for (size_t i = 0; i < host->n_drop_reasons; i++)
		if (strieq(host->drop_reasons[i].name, name))
			return true;
	return false;
}

/* No drops for a reason is good news; a reason that does not exist is a misspelling. */
static void check_reasons(struct call *c)
{
	const struct arg *a = call_arg(c, "Reason");

	for (size_t i = 0; i < a->n; i++) {
		struct err *e = NULL;
		int r;

		if (wildcard_has(a->values[i].str) || reason_exists(call_host(c), a->values[i].str))
			continue;
		r = err_set(&e, "CmdletizationQuery_NotFound_Reason", ERR_OBJECT_NOT_FOUND, a->values[i].str,
			    "There is no reason to drop a packet that is called '%s'.", a->values[i].str);
		err_advise(&e, r, "Wildcards find reasons by a part of their name: -Reason *SOURCE*.");
		call_error(c, &e);
	}
}

/* A device where nothing was dropped has nothing to show; one that does not exist is a mistake. */
static void check_indexes(const struct view *v)
{
	const struct arg *a = call_arg(v->c, "InterfaceIndex");

	for (size_t i = 0; i < a->n; i++) {
		struct err *e = NULL;
		bool found = false;

		vec_foreach(&v->nics, nic)
			found |= (uint64_t)nic->ifindex == a->values[i].u;
		vec_foreach(&v->drops, drop)
			found |= (uint64_t)drop->ifindex == a->values[i].u;
		if (found)
			continue;
		err_set(&e, "CmdletizationQuery_NotFound_InterfaceIndex", ERR_OBJECT_NOT_FOUND, a->texts[i],
			"This host has no network adapter, and no port that dropped anything, with InterfaceIndex %s.", a->texts[i]);
		call_error(v->c, &e);
	}
}

static int get_drops(struct call *c, struct err **e)
{
	struct view v = { .c = c };
	int r = view_open(&v, e);

	if (r == 0) {
		check_reasons(c);
		check_indexes(&v);
		if (call_given(c, "VMName"))
			vm_select(c, "VMName", NULL, &v.vms);
	}
	vec_foreach(&v.drops, drop) {
		const struct adapter_doc *a = adapter_at(&v, drop->link);

		if (r == 0 && vm_wanted(&v, a) && arg_matches(call_arg(c, "Reason"), drop->reason->name) &&
		    any_index(call_arg(c, "InterfaceIndex"), drop->ifindex))
			call_emit_json(c, drop_to_object(&v, drop, a));
	}
	view_close(&v);
	return r;
}

static void add_number(json_t *o, const char *name, uint64_t n)
{
	json_object_set_new(o, name, json_integer((json_int_t)n));
}

static json_t *summary_to_object(const struct docs *d, const struct host_dataplane *plane, uint64_t dropped)
{
	json_t *o = json_object();

	json_object_set_new(o, "Instance", json_string(plane->instance));
	add_number(o, "Ports", plane->ports);
	add_number(o, "Uplinks", plane->uplinks);
	add_number(o, "LookupRecords", docs_count(d, &record_kind));
	add_number(o, "CustomerRoutes", docs_count(d, &customer_route_kind));
	add_number(o, "ProviderAddresses", docs_count(d, &provider_address_kind));
	add_number(o, "ProviderRoutes", docs_count(d, &provider_route_kind));
	add_number(o, "NextHopsResolved", plane->hops_resolved);
	add_number(o, "NextHopsUnresolved", plane->hops_unresolved);
	add_number(o, "DroppedPackets", dropped);
	add_number(o, "Passes", plane->passes);
	add_number(o, "LastPassWrites", plane->last_writes);
	add_number(o, "LastPassMicroseconds", plane->last_us);
	add_number(o, "LastPassFailures", plane->last_failures);
	add_number(o, "TotalWrites", plane->total_writes);
	return o;
}

static int get_summary(struct call *c, struct err **e)
{
	struct host *host = call_host(c);
	struct host_dataplane plane = { 0 };
	host_drop_vec drops = { 0 };
	uint64_t dropped = 0;
	int r = host->dataplane(host, &plane);

	if (r == 0)
		r = host->drops(host, &drops);
	vec_foreach(&drops, drop)
		dropped += drop->packets;
	vec_done(&drops);
	if (r < 0)
		return unreadable(r, "state of the dataplane", e);
	call_output_other(c);
	call_emit_json(c, summary_to_object(call_docs(c), &plane, dropped));
	return 0;
}

static int get_statistics(struct call *c, struct err **e)
{
	return call_bool(c, "Summary", false) ? get_summary(c, e) : get_drops(c, e);
}

const struct cmdlet netvirt_statistics_cmdlets[] = {
	{ "Get-NetVirtualizationStatistics", "show which packets this host dropped and why, or its policy in numbers",
	  statistics_params, &drop_object, get_statistics, .other = &summary_object },
	{ 0 },
};
