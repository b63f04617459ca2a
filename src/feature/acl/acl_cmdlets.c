/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "acl_rules.h"
#include "acl_select.h"

static const char *const properties[] = {
	"VMName",	  "ParentAdapter",   "Direction",	"Action",	    "LocalAddress",  "RemoteAddress",
	"LocalIPAddress", "LocalMacAddress", "RemoteIPAddress", "RemoteMacAddress", "MeteredMBytes", "MeteredBytes",
	"MeteredPackets", "Number",	     "AdapterId",	"IsManagementOs",   "ComputerName",  NULL,
};
static const struct column columns[] = {
	{ "VMName" },
	{ "ParentAdapter" },
	{ "Direction" },
	{ "Action" },
	{ "LocalAddress" },
	{ "RemoteAddress" },
	{ "MeteredMBytes", .right = true },
	{ 0 },
};
static const struct object_type acl_object = { "VMNetworkAdapterAclSetting", properties, columns };
static const char *const acl_object_name[] = { "VMNetworkAdapterAclSetting", NULL };

#define ADDRESS_PARAMS                                                                                                 \
	{ "LocalIPAddress", P_STRING, ARRAY, "addresses of the guest: address, prefix, or ANY",                        \
	  .sets = ACL_BY_ANY_ADAPTER },                                                                                \
		{ "LocalMacAddress", P_STRING, ARRAY, "MAC addresses of the guest, or ANY",                            \
		  .sets = ACL_BY_ANY_ADAPTER },                                                                        \
		{ "RemoteIPAddress", P_STRING, ARRAY, "addresses of the other end: address, prefix, or ANY",           \
		  .sets = ACL_BY_ANY_ADAPTER },                                                                        \
	{                                                                                                              \
		"RemoteMacAddress", P_STRING, ARRAY, "MAC addresses of the other end, or ANY",                         \
			.sets = ACL_BY_ANY_ADAPTER                                                                     \
	}
#define ACTION_PARAMS                                                                                                  \
	{ "Action",                                                                                                    \
	  P_ENUM,                                                                                                      \
	  REQUIRED,                                                                                                    \
	  "Allow and Deny: the longest prefix decides; Meter: count",                                                  \
	  .values = acl_actions,                                                                                       \
	  .sets = ACL_BY_ANY_ADAPTER },                                                                                \
	{                                                                                                              \
		"Direction", P_ENUM, REQUIRED, "as the guest sees it; Both: an entry for each",                        \
			.values = acl_directions, .sets = ACL_BY_ANY_ADAPTER                                           \
	}

static const struct param add_params[] = { ACL_SELECT_PARAMS(REQUIRED), ACTION_PARAMS, ADDRESS_PARAMS, { 0 } };
static const struct param get_params[] = { ACL_SELECT_PARAMS(0), SNAPSHOT_PARAM(ACL_BY_KEPT), { 0 } };
static const struct param remove_params[] = {
	ACL_SELECT_PARAMS(REQUIRED),
	ACTION_PARAMS,
	ADDRESS_PARAMS,
	{ "InputObject", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "entries from Get-VMNetworkAdapterAcl",
	  .values = acl_object_name, .sets = ACL_BY_OBJECT },
	{ 0 },
};

/* ---- objects ---- */

static void add_address(json_t *o, const char *end, const struct acl_doc *a, const char *text)
{
	_cleanup_free_ char *any = xasprintf("%sAddress", end), *ip = xasprintf("%sIPAddress", end),
			    *mac = xasprintf("%sMacAddress", end);

	json_object_set_new(o, any, json_string(text));
	json_object_set_new(o, ip, json_text(a->type == ACL_IP ? text : NULL));
	json_object_set_new(o, mac, json_text(a->type == ACL_MAC ? text : NULL));
}

/* A port that is not there now has counted nothing. */
static void add_meter(struct call *c, const struct acl_doc *a, json_t *o)
{
	struct host *host = call_host(c);
	uint64_t packets = 0, bytes = 0;
	char port[16];

	if (a->action != ACL_METER)
		return;
	if (host->port_meter(host, adapter_port_name(&a->adapter, port), a->number, &packets, &bytes) < 0)
		packets = bytes = 0;
	json_object_set_new(o, "MeteredMBytes", json_integer((json_int_t)(bytes >> 20)));
	json_object_set_new(o, "MeteredBytes", json_integer((json_int_t)bytes));
	json_object_set_new(o, "MeteredPackets", json_integer((json_int_t)packets));
}

static json_t *acl_to_object(struct call *c, const void *doc)
{
	const struct acl_doc *a = doc;
	json_t *o = json_object();

	acl_add_owner(c, &a->adapter, o);
	json_object_set_new(o, "Direction", json_string(acl_directions[a->direction]));
	json_object_set_new(o, "Action", json_string(acl_actions[a->action]));
	json_object_set_new(o, "Number", json_integer(a->number));
	add_address(o, "Local", a, a->local);
	add_address(o, "Remote", a, a->remote);
	add_meter(c, a, o);
	return o;
}

/* ---- what the arguments say ---- */

/* Entries without adapter, direction and number: each local address with each remote one. */
typedef VEC(struct acl_doc *) entry_vec;

static void entries_done(entry_vec *entries)
{
	vec_foreach (entries, a)
		doc_free(&acl_kind, *a);
	vec_done(entries);
}

typedef VEC(char *) text_vec;

static void texts_done(text_vec *texts)
{
	vec_foreach (texts, t)
		free(*t);
	vec_done(texts);
}

static int addresses_of(const struct arg *arg, enum acl_type type, text_vec *ret, struct err **e)
{
	struct acl_address a = { .any = true };
	int r = 0;

	for (size_t i = 0; arg->given && i < arg->n && r == 0; i++) {
		r = acl_address_parse(arg->values[i].str, type, &a, e);
		if (r == 0)
			vec_push(ret, acl_address_format(&a, type));
	}
	if (!arg->given)
		vec_push(ret, acl_address_format(&a, type));
	return r;
}

static int address_type(struct call *c, enum acl_type *ret, struct err **e)
{
	bool ip = call_given(c, "LocalIPAddress") || call_given(c, "RemoteIPAddress");
	bool mac = call_given(c, "LocalMacAddress") || call_given(c, "RemoteMacAddress");
	int r;

	if (ip && mac) {
		r = err_set(e, "Acl.MacAndIp", ERR_INVALID_ARGUMENT, NULL,
			    "An entry is of IP addresses or of MAC addresses, not of both.");
		return err_advise(e, r, "Add an entry for each.");
	}
	if (!ip && !mac) {
		r = err_set(e, "Acl.NoAddress", ERR_INVALID_ARGUMENT, NULL,
			    "An entry is of addresses, and none was given.");
		return err_advise(
			e, r,
			"Give -LocalIPAddress, -RemoteIPAddress, -LocalMacAddress or -RemoteMacAddress; ANY for all.");
	}
	if (mac && call_enum(c, "Action", 0) == ACL_METER) {
		r = err_set(e, "Acl.MeterNeedsIp", ERR_INVALID_ARGUMENT, NULL, "Meters count by IP addresses only.");
		return err_advise(e, r, "Give -RemoteIPAddress ANY to count everything that is IP.");
	}
	*ret = mac ? ACL_MAC : ACL_IP;
	return 0;
}

static int entries_given(struct call *c, entry_vec *ret, struct err **e)
{
	text_vec locals = { 0 }, remotes = { 0 };
	enum acl_type type;
	int r = address_type(c, &type, e);

	if (r == 0)
		r = addresses_of(call_arg(c, type == ACL_MAC ? "LocalMacAddress" : "LocalIPAddress"), type, &locals, e);
	if (r == 0)
		r = addresses_of(call_arg(c, type == ACL_MAC ? "RemoteMacAddress" : "RemoteIPAddress"), type, &remotes,
				 e);
	for (size_t i = 0; r == 0 && i < locals.n; i++) {
		vec_foreach (&remotes, remote) {
			struct acl_doc *a = doc_new(&acl_kind);

			a->type = type;
			a->action = call_enum(c, "Action", 0);
			a->local = xstrdup(locals.items[i]);
			a->remote = xstrdup(*remote);
			vec_push(ret, a);
		}
	}
	texts_done(&locals);
	texts_done(&remotes);
	return r;
}

static bool direction_given(struct call *c, uint32_t direction)
{
	uint32_t given = call_enum(c, "Direction", ACL_BOTH);

	return given == ACL_BOTH || given == direction;
}

/* ---- cmdlets ---- */

typedef VEC(const struct acl_doc *) acl_vec;

static int put_entry(struct docs *d, const struct adapter_doc *a, const struct acl_doc *given, uint32_t direction,
		     acl_vec *ret, struct err **e)
{
	struct acl_doc *doc = doc_copy(&acl_kind, given);
	int r;

	doc->adapter = a->id;
	doc->direction = direction;
	doc->number = acl_new_number(d, &a->id);
	r = acl_check_entry(d, doc, e);
	if (r < 0) {
		doc_free(&acl_kind, doc);
		return r;
	}
	docs_put(d, &acl_kind, doc);
	vec_push(ret, doc);
	return 0;
}

/* All of them, or none. */
static int add_to(struct call *c, const struct adapter_doc *a, const entry_vec *entries, struct err **e)
{
	_cleanup_free_ char *target = acl_target(c, a);
	size_t mark = docs_mark(call_docs(c));
	acl_vec added = { 0 };
	int r = 0;

	for (uint32_t direction = 0; direction < ACL_BOTH; direction++)
		for (size_t i = 0; direction_given(c, direction) && i < entries->n && r == 0; i++)
			r = put_entry(call_docs(c), a, entries->items[i], direction, &added, e);
	if (r < 0 || !call_should(c, target, "%s", call_name(c)))
		docs_rollback_to(call_docs(c), mark);
	else if (call_bool(c, "PassThru", false))
		vec_foreach (&added, entry)
			call_emit(c, acl_to_object, &acl_kind, *entry);
	vec_done(&added);
	return r;
}

static int add_acl(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	entry_vec entries = { 0 };
	int r = entries_given(c, &entries, e);

	if (r == 0)
		r = adapter_select(c, ACL_SELECT, &adapters, e);
	vec_foreach (&adapters, a) {
		struct err *one = NULL;

		if (add_to(c, *a, &entries, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&adapters);
	entries_done(&entries);
	return r;
}

static int entry_compare(const void *a, const void *b)
{
	const struct acl_doc *const *x = a, *const *y = b;

	if ((*x)->direction != (*y)->direction)
		return (*x)->direction < (*y)->direction ? -1 : 1;
	return (*x)->number < (*y)->number ? -1 : (*x)->number > (*y)->number;
}

static void entries_of(const struct docs *d, const struct guid *adapter, acl_vec *ret)
{
	const struct acl_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &acl_kind, &pos));)
		if (guid_equal(&a->adapter, adapter))
			vec_push(ret, a);
	vec_sort(ret, entry_compare);
}

static int get_all(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	int r = adapter_select(c, ACL_SELECT | SELECT_NOTHING | SELECT_KEPT, &adapters, e);

	vec_foreach (&adapters, a) {
		acl_vec entries = { 0 };

		entries_of(call_docs(c), &(*a)->id, &entries);
		vec_foreach (&entries, entry)
			call_emit(c, acl_to_object, &acl_kind, *entry);
		vec_done(&entries);
	}
	vec_done(&adapters);
	return r;
}

static int get_acl(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_all, e);
}

static void remove_entry(struct call *c, const struct adapter_doc *a, const struct acl_doc *entry)
{
	_cleanup_free_ char *key = doc_key(&acl_kind, entry), *target = acl_target(c, a);

	if (!call_should(c, target, "%s", call_name(c)))
		return;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, acl_to_object(c, entry));
	docs_delete(call_docs(c), &acl_kind, key);
}

/* "removal matches the whole tuple exactly": an address that is not given is ANY. */
static bool is_given(struct call *c, const entry_vec *given, const struct acl_doc *a)
{
	vec_foreach (given, g)
		if ((*g)->type == a->type && (*g)->action == a->action && streq((*g)->local, a->local) &&
		    streq((*g)->remote, a->remote))
			return direction_given(c, a->direction);
	return false;
}

static int remove_from(struct call *c, const struct adapter_doc *a, const entry_vec *given, struct err **e)
{
	acl_vec entries = { 0 };
	size_t n = 0;

	entries_of(call_docs(c), &a->id, &entries);
	vec_foreach (&entries, entry) {
		if (!is_given(c, given, *entry))
			continue;
		remove_entry(c, a, *entry);
		n++;
	}
	vec_done(&entries);
	return n ? 0 : acl_not_found("entry", a, e);
}

static int remove_object(struct call *c, const json_t *object, struct err **e)
{
	const struct adapter_doc *a = acl_owner(c, object);
	struct acl_doc probe = { .number = (uint32_t)json_integer_value(json_object_get(object, "Number")) };
	_cleanup_free_ char *key = NULL;
	const struct acl_doc *entry;

	if (!a)
		return acl_not_found("entry", NULL, e);
	probe.adapter = a->id;
	key = doc_key(&acl_kind, &probe);
	entry = docs_get(call_docs(c), &acl_kind, key);
	if (!entry)
		return acl_not_found("entry", a, e);
	remove_entry(c, a, entry);
	return 0;
}

static int remove_objects(struct call *c)
{
	const struct arg *objects = call_arg(c, "InputObject");

	for (size_t i = 0; i < objects->n; i++) {
		struct err *one = NULL;

		if (remove_object(c, objects->values[i].object, &one) < 0)
			call_error(c, &one);
	}
	return 0;
}

static int remove_acl(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	entry_vec given = { 0 };
	int r;

	if (call_given(c, "InputObject"))
		return remove_objects(c);
	r = entries_given(c, &given, e);
	if (r == 0)
		r = adapter_select(c, ACL_SELECT, &adapters, e);
	vec_foreach (&adapters, a) {
		struct err *one = NULL;

		if (remove_from(c, *a, &given, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&adapters);
	entries_done(&given);
	return r;
}

const struct cmdlet acl_cmdlets[] = {
	{ "Add-VMNetworkAdapterAcl", "allow, deny or count what a network adapter sends and gets, by addresses",
	  add_params, &acl_object, add_acl, CHANGES | PASSTHRU },
	{ "Get-VMNetworkAdapterAcl", "list the entries of network adapters, and what their meters have counted",
	  get_params, &acl_object, get_acl, 0 },
	{ "Remove-VMNetworkAdapterAcl", "remove entries of network adapters", remove_params, &acl_object, remove_acl,
	  CHANGES | PASSTHRU },
	{ 0 },
};
