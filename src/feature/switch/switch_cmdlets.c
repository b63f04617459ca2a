/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_rules.h"
#include "feature.h"
#include "netadapter.h"
#include "netvirt.h"
#include "switch_rules.h"

/* New-VMSwitch makes these two by type; External is implied by an adapter. */
static const char *const new_types[] = { "Internal", "Private", NULL };
static const char *const switch_type_name[] = { "VMSwitch", NULL };

static const char *const bandwidth_modes[] = { "Default", "Weight", "Absolute", "None", NULL };
enum bandwidth_mode { BANDWIDTH_DEFAULT, BANDWIDTH_WEIGHT, BANDWIDTH_ABSOLUTE, BANDWIDTH_NONE };

static const char *const switch_properties[] = {
	"Name",
	"SwitchType",
	"NetAdapterInterfaceDescription",
	"NetAdapterInterfaceDescriptions",
	"AllowManagementOS",
	"BandwidthReservationMode",
	"Id",
	"Notes",
	"ComputerName",
	"IsDeleted",
	NULL,
};
static const struct column switch_columns[] = {
	{ "Name" }, { "SwitchType" }, { "NetAdapterInterfaceDescription" }, { 0 }
};
const struct object_type switch_object = { "VMSwitch", switch_properties, switch_columns };

static const struct param new_params[] = {
	{ "Name", P_STRING, REQUIRED | POS(0), "name of the switch, unique on the host", .aliases = "SwitchName" },
	{ "NetAdapterName", P_STRING, REQUIRED | ARRAY | PIPE_NAME,
	  "network adapter of the host to bind: an External switch", .aliases = "InterfaceAlias", .sets = IN_SET(0) },
	{ "NetAdapterInterfaceDescription", P_STRING, REQUIRED | ARRAY | PIPE_NAME, "the same, by its description",
	  .aliases = "InterfaceDescription", .sets = IN_SET(1) },
	{ "SwitchType", P_ENUM, REQUIRED, "a switch without an uplink", .values = new_types, .sets = IN_SET(2) },
	{ "AllowManagementOS", P_BOOL, 0, "give the host a network adapter \"vEthernet (NAME)\" on the switch",
	  .def = "$true", .sets = IN_SET(0) | IN_SET(1) },
	{ "MinimumBandwidthMode", P_ENUM, 0, "Default or None: there are no shares of the uplink", .values = bandwidth_modes,
	  .def = "Default" },
	{ "Notes", P_STRING, MAY_BE_EMPTY, "free text" },
	{ 0 },
};

static const struct param get_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0), "names of switches, or wildcards", .aliases = "SwitchName",
	  .sets = IN_SET(0) },
	{ "Id", P_GUID, ARRAY | POS(0) | PIPE_VALUE | PIPE_NAME, "ids of switches", .aliases = "SwitchId",
	  .sets = IN_SET(1) },
	{ "SwitchType", P_ENUM, ARRAY, "only switches of these types", .values = switch_types },
	{ 0 },
};

/* Sets as in the catalogue: by name or object, and in each case by type, description or name of the adapter. */
#define SET_BY_NAME (IN_SET(0) | IN_SET(2) | IN_SET(3))
#define SET_BY_OBJECT (IN_SET(1) | IN_SET(4) | IN_SET(5))

static const struct param set_params[] = {
	{ "Name", P_STRING, REQUIRED | ARRAY | POS(0), "names of switches, or wildcards", .aliases = "SwitchName",
	  .sets = SET_BY_NAME },
	{ "VMSwitch", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "switches, as Get-VMSwitch returns them",
	  .values = switch_type_name, .sets = SET_BY_OBJECT },
	{ "SwitchType", P_ENUM, 0, "change the type; External by giving a network adapter", .values = switch_types,
	  .sets = IN_SET(0) | IN_SET(1) },
	{ "NetAdapterInterfaceDescription", P_STRING, REQUIRED | POS(1),
	  "bind this network adapter, by its description", .sets = IN_SET(2) | IN_SET(4) },
	{ "NetAdapterName", P_STRING, REQUIRED | POS(1) | PIPE_NAME, "bind this network adapter",
	  .aliases = "InterfaceAlias", .sets = IN_SET(3) | IN_SET(5) },
	{ "AllowManagementOS", P_BOOL, 0, "give the host a network adapter on the switch, or take all of them away" },
	{ "Notes", P_STRING, MAY_BE_EMPTY, "free text" },
	{ 0 },
};

static const struct param remove_params[] = {
	{ "Name", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "names of switches, or wildcards",
	  .aliases = "SwitchName", .sets = IN_SET(0) },
	{ "VMSwitch", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "switches, as Get-VMSwitch returns them",
	  .values = switch_type_name, .sets = IN_SET(1) },
	{ "Force", P_SWITCH, 0, "accepted; nothing is ever asked here" },
	{ 0 },
};

static const char *switch_name(const void *doc)
{
	return ((const struct switch_doc *)doc)->name;
}

static const struct selector switch_selector = { &switch_kind, switch_name, switch_unknown };

json_t *switch_to_object(struct call *c, const void *doc)
{
	const struct switch_doc *sw = doc;
	json_t *o = json_object(), *descriptions = sw->nic_description ? json_array() : json_null();

	if (sw->nic_description)
		json_array_append_new(descriptions, json_text(sw->nic_description));
	json_object_set_new(o, "Name", json_text(sw->name));
	json_object_set_new(o, "SwitchType", json_string(switch_types[sw->type]));
	json_object_set_new(o, "NetAdapterInterfaceDescription", json_text(sw->nic_description));
	json_object_set_new(o, "NetAdapterInterfaceDescriptions", descriptions);
	json_object_set_new(o, "AllowManagementOS", json_boolean(switch_has_management_os(call_docs(c), &sw->id)));
	json_object_set_new(o, "BandwidthReservationMode", json_string(bandwidth_modes[BANDWIDTH_NONE]));
	json_object_set_new(o, "Id", json_guid(&sw->id));
	json_object_set_new(o, "Notes", json_string(sw->notes ? sw->notes : ""));
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
	json_object_set_new(o, "IsDeleted", json_false());
	return o;
}

static int nic_not_found(const char *what, bool by_description, struct err **e)
{
	int r = err_set(e, "Switch.NetAdapterNotFound", ERR_OBJECT_NOT_FOUND, what,
			"There is no network adapter with the %s \"%s\" on this host.",
			by_description ? "description" : "name", what);

	return err_advise(e, r, "Get-NetAdapter lists the network adapters.");
}

/* The host's NIC that the arguments name. 1: found, 0: none given. */
static int given_nic(struct call *c, struct host_nic *ret, struct err **e)
{
	bool by_description = call_given(c, "NetAdapterInterfaceDescription");
	const struct arg *a = call_arg(c, by_description ? "NetAdapterInterfaceDescription" : "NetAdapterName");
	struct host *host = call_host(c);
	const struct host_nic *nic;
	host_nic_vec nics = { 0 };
	int r;

	if (!a->given)
		return 0;
	if (a->n > 1) {
		r = err_set(e, "Switch.TeamingUnavailable", ERR_NOT_IMPLEMENTED, a->texts[1],
			    "A virtual switch takes one network adapter: embedded teaming is not available.");
		return err_advise(e, r, "Make a bond of the adapters in Linux and give its name.");
	}
	r = host->nics(host, &nics);
	if (r < 0)
		return err_set_errno(e, "NetAdapter.ListFailed", -r, NULL,
				     "The network adapters of this host cannot be listed: %s.", strerror(-r));
	nic = by_description ? netadapter_by_description(&nics, a->texts[0]) : netadapter_by_name(&nics, a->texts[0]);
	r = nic ? 1 : nic_not_found(a->texts[0], by_description, e);
	if (nic)
		*ret = *nic;
	vec_done(&nics);
	return r;
}

static void switch_bind_nic(struct switch_doc *sw, const struct host_nic *nic)
{
	free(sw->nic);
	free(sw->nic_description);
	sw->nic = nic ? xstrdup(nic->link) : NULL;
	sw->nic_description = nic ? xstrdup(nic->description) : NULL;
}

/* Provider addresses are reached through the switch over their NIC: without it they go (HN-13). The binding is the
 * NIC's own. */
static void switch_release_nic(struct call *c, const struct switch_doc *sw)
{
	struct docs *d = call_docs(c);
	const struct provider_address_doc *pa;
	size_t n = 0;

	if (!sw->nic)
		return;
	for (size_t pos = 0; (pa = docs_next(d, &provider_address_kind, &pos));)
		n += streq(pa->nic, sw->nic);
	netvirt_wipe_nic(d, sw->nic);
	if (n)
		call_warn(c, "%zu provider address%s of the network adapter \"%s\" went with its switch \"%s\".", n,
			  n == 1 ? "" : "es", sw->nic_description ? sw->nic_description : sw->nic, sw->name);
}

static enum switch_type new_type(struct call *c, bool has_nic)
{
	if (has_nic)
		return SWITCH_EXTERNAL;
	return call_enum(c, "SwitchType", 0) == 0 ? SWITCH_INTERNAL : SWITCH_PRIVATE;
}

static void write_new(struct call *c, const struct host_nic *nic, bool management_os)
{
	const char *notes = call_str(c, "Notes", NULL);
	struct switch_doc *sw = doc_new(&switch_kind);
	struct docs *d = call_docs(c);

	sw->id = guid_new();
	sw->number = switch_free_number(d);
	sw->name = xstrdup(call_str(c, "Name", NULL));
	sw->notes = notes ? xstrdup(notes) : NULL;
	sw->type = new_type(c, nic);
	if (nic)
		switch_bind_nic(sw, nic);
	docs_put(d, &switch_kind, sw);
	switch_put_management_os(d, sw, management_os, call_host(c)->name);
	call_emit(c, switch_to_object, &switch_kind, sw);
}

static int check_bandwidth_mode(struct call *c, struct err **e)
{
	uint32_t mode = call_enum(c, "MinimumBandwidthMode", BANDWIDTH_DEFAULT);
	int r;

	if (mode != BANDWIDTH_WEIGHT && mode != BANDWIDTH_ABSOLUTE)
		return 0;
	r = err_set(e, "Switch.MinimumBandwidthUnavailable", ERR_NOT_IMPLEMENTED, bandwidth_modes[mode],
		    "-MinimumBandwidthMode %s is not available: shares of an uplink need a queue of their own at the network adapter, and "
		    "its queues are the host's.", bandwidth_modes[mode]);
	return err_advise(e, r, "Leave it out, and limit machines by Set-VMNetworkAdapter -MaximumBandwidth.");
}

static int new_switch(struct call *c, struct err **e)
{
	const char *name = call_str(c, "Name", NULL);
	struct docs *d = call_docs(c);
	struct host_nic nic;
	bool management_os;
	int r, has_nic;

	r = switch_check_new(d, name, e);
	if (r == 0)
		r = check_bandwidth_mode(c, e);
	if (r < 0)
		return r;
	has_nic = given_nic(c, &nic, e);
	if (has_nic < 0)
		return has_nic;
	management_os = new_type(c, has_nic) != SWITCH_PRIVATE && call_bool(c, "AllowManagementOS", true);
	r = has_nic ? switch_check_nic(d, NULL, &nic, e) : 0;
	if (r == 0 && management_os)
		r = adapter_check_host_name(d, NULL, name, e);
	if (r < 0 || !call_should(c, name, "%s", call_name(c)))
		return r;
	write_new(c, has_nic ? &nic : NULL, management_os);
	return 0;
}

static bool type_wanted(const struct arg *types, uint32_t type)
{
	for (size_t i = 0; i < types->n; i++)
		if (types->values[i].u == type)
			return true;
	return !types->given;
}

static int get_switch(struct call *c, struct err **e)
{
	doc_vec switches = { 0 };

	(void)e;
	select_docs(c, &switch_selector, call_arg(c, "Name"), NULL, call_arg(c, "Id"), &switches);
	vec_foreach(&switches, doc)
		if (type_wanted(call_arg(c, "SwitchType"), ((const struct switch_doc *)*doc)->type))
			call_emit(c, switch_to_object, &switch_kind, *doc);
	vec_done(&switches);
	return 0;
}

/* What Set-VMSwitch makes of one switch. */
struct change {
	enum switch_type type;
	bool management_os;
	const struct host_nic *nic; /* NULL: as it is */
};

static int plan_change(struct call *c, const struct switch_doc *sw, const struct host_nic *nic, struct change *ret,
		       struct err **e)
{
	const struct docs *d = call_docs(c);
	bool has = switch_has_management_os(d, &sw->id);
	int r;

	ret->nic = nic;
	ret->type = call_enum(c, "SwitchType", nic ? SWITCH_EXTERNAL : sw->type);
	if (ret->type == SWITCH_EXTERNAL && !nic && !sw->nic) {
		r = err_set(e, "Switch.NetAdapterRequired", ERR_INVALID_ARGUMENT, sw->name,
			    "The virtual switch \"%s\" becomes External by binding a network adapter.", sw->name);
		return err_advise(e, r,
				  "Give -NetAdapterName or -NetAdapterInterfaceDescription instead of -SwitchType.");
	}
	r = nic ? switch_check_nic(d, sw, nic, e) : 0;
	if (r < 0)
		return r;
	/* A converted switch gets its type's default; one that stays what it is keeps what it has. */
	ret->management_os = sw->type == ret->type && ret->type == SWITCH_EXTERNAL ? has : ret->type != SWITCH_PRIVATE;
	ret->management_os = call_bool(c, "AllowManagementOS", ret->management_os);
	r = switch_check_management_os(sw->name, ret->type, ret->management_os, e);
	return r == 0 && ret->management_os && !has ? adapter_check_host_name(d, NULL, sw->name, e) : r;
}

static int set_one(struct call *c, const struct switch_doc *sw, const struct host_nic *nic, struct err **e)
{
	const char *notes = call_str(c, "Notes", NULL);
	struct docs *d = call_docs(c);
	struct switch_doc *changed;
	struct change change = { 0 };
	int r = plan_change(c, sw, nic, &change, e);

	if (r < 0 || !call_should(c, sw->name, "%s", call_name(c)))
		return r;
	changed = doc_copy(&switch_kind, sw);
	changed->type = change.type;
	if (nic)
		switch_bind_nic(changed, nic);
	else if (change.type != SWITCH_EXTERNAL)
		switch_bind_nic(changed, NULL);
	if (notes) {
		free(changed->notes);
		changed->notes = xstrdup(notes);
	}
	docs_put(d, &switch_kind, changed);
	switch_put_management_os(d, changed, change.management_os, call_host(c)->name);
	if (!streq_ptr(sw->nic, changed->nic))
		switch_release_nic(c, sw);
	if (call_bool(c, "PassThru", false))
		call_emit(c, switch_to_object, &switch_kind, changed);
	return 0;
}

static int set_switch(struct call *c, struct err **e)
{
	doc_vec switches = { 0 };
	struct host_nic nic;
	int has_nic = given_nic(c, &nic, e);

	if (has_nic < 0)
		return has_nic;
	select_docs(c, &switch_selector, call_arg(c, "Name"), call_arg(c, "VMSwitch"), NULL, &switches);
	vec_foreach(&switches, doc) {
		struct err *one = NULL;

		if (set_one(c, *doc, has_nic ? &nic : NULL, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&switches);
	return 0;
}

static int remove_switch(struct call *c, struct err **e)
{
	struct docs *d = call_docs(c);
	doc_vec switches = { 0 };

	(void)e;
	select_docs(c, &switch_selector, call_arg(c, "Name"), call_arg(c, "VMSwitch"), NULL, &switches);
	vec_foreach(&switches, doc) {
		const struct switch_doc *sw = *doc;
		_cleanup_free_ char *key = doc_key(&switch_kind, sw);

		if (!call_should(c, sw->name, "%s", call_name(c)))
			continue;
		switch_release_nic(c, sw);
		switch_detach_all(d, sw);
		docs_delete(d, &switch_kind, key);
	}
	vec_done(&switches);
	return 0;
}

const struct cmdlet switch_cmdlets[] = {
	{ "New-VMSwitch", "create a virtual switch", new_params, &switch_object, new_switch, CHANGES },
	{ "Get-VMSwitch", "list virtual switches", get_params, &switch_object, get_switch },
	{ "Set-VMSwitch", "change a virtual switch: its type, uplink, host adapter, notes", set_params, &switch_object,
	  set_switch, CHANGES | PASSTHRU },
	{ "Remove-VMSwitch", "delete virtual switches; what was connected is left disconnected", remove_params, NULL,
	  remove_switch, CHANGES },
	{ 0 },
};
