/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_rules.h"

#include "adapter.h"
#include "feature.h"

const char *const switch_types[] = { "Private", "Internal", "External", NULL };

static const struct doc_field switch_fields[] = {
	DOC_FIELD(switch_doc, id, DOC_GUID, "id"),
	DOC_FIELD(switch_doc, name, DOC_STR, "name"),
	DOC_ENUM_FIELD(switch_doc, type, switch_types, "type"),
	DOC_FIELD(switch_doc, nic, DOC_STR, "nic"),
	DOC_FIELD(switch_doc, nic_description, DOC_STR, "nicDescription"),
	DOC_FIELD(switch_doc, notes, DOC_STR, "notes"),
	DOC_FIELD(switch_doc, number, DOC_U32, "number"),
};

static void switch_key(const void *doc, struct str *ret)
{
	const struct switch_doc *sw = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&sw->id, text));
}

const struct doc_kind switch_kind = {
	.name = "switch",
	.size = sizeof(struct switch_doc),
	.fields = switch_fields,
	.n_fields = ARRAY_SIZE(switch_fields),
	.key = switch_key,
};

const struct switch_doc *switch_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return docs_get(d, &switch_kind, guid_format(id, text));
}

const struct switch_doc *switch_by_name(const struct docs *d, const char *name)
{
	const struct switch_doc *sw;

	for (size_t pos = 0; (sw = docs_next(d, &switch_kind, &pos));)
		if (strieq(sw->name, name))
			return sw;
	return NULL;
}

const struct switch_doc *switch_by_nic(const struct docs *d, const char *nic)
{
	const struct switch_doc *sw;

	for (size_t pos = 0; (sw = docs_next(d, &switch_kind, &pos));)
		if (sw->nic && streq(sw->nic, nic))
			return sw;
	return NULL;
}

bool switch_has_management_os(const struct docs *d, const struct guid *id)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (guid_is_zero(&a->vm) && guid_equal(&a->switch_id, id))
			return true;
	return false;
}

int switch_unknown(const char *name, struct err **e)
{
	int r = err_set(e, "InvalidParameter", ERR_INVALID_ARGUMENT, name,
			"Hyper-V was unable to find a virtual switch with name \"%s\".", name);

	return err_advise(e, r, "Get-VMSwitch lists the switches of this host.");
}

int switch_find(const struct docs *d, const char *name, const struct switch_doc **ret, struct err **e)
{
	const struct switch_doc *sw = switch_by_name(d, name);

	if (!sw)
		return switch_unknown(name, e);
	*ret = sw;
	return 0;
}

uint32_t switch_free_number(const struct docs *d)
{
	bool used[SWITCH_MAX + 1] = { true };
	const struct switch_doc *sw;

	for (size_t pos = 0; (sw = docs_next(d, &switch_kind, &pos));)
		if (sw->number <= SWITCH_MAX)
			used[sw->number] = true;
	for (uint32_t n = 1; n <= SWITCH_MAX; n++)
		if (!used[n])
			return n;
	return 0;
}

int switch_check_new(const struct docs *d, const char *name, struct err **e)
{
	const struct switch_doc *other = switch_by_name(d, name);
	int r = check_name(name, SWITCH_NAME_MAX, e);

	if (r < 0)
		return r;
	if (!switch_free_number(d)) {
		r = err_set(e, "Switch.TooMany", ERR_LIMITS_EXCEEDED, name,
			    "This host has %u virtual switches, as many as it can.", SWITCH_MAX);
		return err_advise(e, r, "Remove a switch first (Remove-VMSwitch).");
	}
	if (!other)
		return 0;
	r = err_set(e, "Switch.NameNotUnique", ERR_RESOURCE_EXISTS, name,
		    "A virtual switch with the name \"%s\" exists already on this host.", other->name);
	return err_advise(e, r, "Choose another name, or remove the other switch first (Remove-VMSwitch).");
}

int switch_check_nic(const struct docs *d, const struct switch_doc *self, const struct host_nic *nic, struct err **e)
{
	const struct switch_doc *other = switch_by_nic(d, nic->link);
	int r;

	if (nic->ours) {
		r = err_set(e, "Switch.NetAdapterNotUsable", ERR_INVALID_ARGUMENT, nic->name,
			    "The network adapter \"%s\" belongs to a virtual switch and cannot be the uplink of one.",
			    nic->name);
		return err_advise(e, r, "Choose a physical network adapter: Get-NetAdapter lists them.");
	}
	if (nic->master[0]) {
		r = err_set(e, "Switch.NetAdapterInUse", ERR_RESOURCE_BUSY, nic->name,
			    "The network adapter \"%s\" is a port of %s already, which is not a switch of this daemon.",
			    nic->name, nic->master);
		return err_advise(e, r, "Take it out of %s first, or choose another network adapter.", nic->master);
	}
	if (!other || (self && guid_equal(&other->id, &self->id)))
		return 0;
	r = err_set(e, "Switch.NetAdapterInUse", ERR_RESOURCE_BUSY, nic->name,
		    "The network adapter \"%s\" is already bound to the virtual switch \"%s\".", nic->name,
		    other->name);
	return err_advise(e, r, "A network adapter serves one switch: use that switch, or remove it first.");
}

int switch_check_management_os(const char *name, enum switch_type type, bool wanted, struct err **e)
{
	int r;

	if (type == SWITCH_EXTERNAL || wanted == (type == SWITCH_INTERNAL))
		return 0;
	r = err_set(e, "Switch.ManagementOsFixed", ERR_INVALID_ARGUMENT, name,
		    "The virtual switch \"%s\" is %s: it %s a network adapter of the management operating system.",
		    name, switch_types[type], type == SWITCH_INTERNAL ? "always has" : "cannot have");
	return err_advise(e, r, "Change its type by -SwitchType: Internal has one, Private has none.");
}

static void adapters_of_switch(const struct docs *d, const struct switch_doc *sw, adapter_vec *ret)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (guid_equal(&a->switch_id, &sw->id))
			vec_push(ret, a);
}

static void remove_host_adapters(struct docs *d, const struct switch_doc *sw)
{
	adapter_vec adapters = { 0 };

	adapters_of_switch(d, sw, &adapters);
	vec_foreach(&adapters, a)
		if (guid_is_zero(&(*a)->vm))
			adapter_delete(d, *a);
	vec_done(&adapters);
}

void switch_put_management_os(struct docs *d, const struct switch_doc *sw, bool wanted, const char *host_name)
{
	struct guid host = { 0 };

	if (!wanted)
		remove_host_adapters(d, sw);
	else if (!switch_has_management_os(d, &sw->id))
		docs_put(d, &adapter_kind, adapter_make(d, &host, sw->name, &sw->id, host_name));
}

void switch_detach_all(struct docs *d, const struct switch_doc *sw)
{
	adapter_vec adapters = { 0 };

	adapters_of_switch(d, sw, &adapters);
	vec_foreach(&adapters, a) {
		struct adapter_doc *changed;

		if (guid_is_zero(&(*a)->vm)) {
			adapter_delete(d, *a);
			continue;
		}
		changed = doc_copy(&adapter_kind, *a);
		changed->switch_id = (struct guid){ 0 };
		docs_put(d, &adapter_kind, changed);
	}
	vec_done(&adapters);
}
