/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_rules.h"
#include "acl_select.h"

static const char *const properties[] = {
	"VMName",	  "ParentAdapter", "Direction",	      "Weight",		"Action",	"Protocol",
	"LocalIPAddress", "LocalPort",	   "RemoteIPAddress", "RemotePort",	"Stateful",	"IdleSessionTimeout",
	"IsolationID",	  "Note",	   "AdapterId",	      "IsManagementOs", "ComputerName", NULL,
};
static const struct column columns[] = {
	{ "VMName" },	       { "ParentAdapter" }, { "Direction" },	  { "Weight", .right = true },
	{ "Action" },	       { "Protocol" },	    { "LocalIPAddress" }, { "LocalPort" },
	{ "RemoteIPAddress" }, { "RemotePort" },    { "Stateful" },	  { 0 },
};
static const struct object_type extended_object = { "VMNetworkAdapterExtendedAclSetting", properties, columns };
static const char *const extended_object_name[] = { "VMNetworkAdapterExtendedAclSetting", NULL };

/* D-8: one of the documents writes -Timeout. */
static const struct param add_params[] = {
	ACL_SELECT_PARAMS(REQUIRED),
	{ "Action", P_ENUM, REQUIRED | POS(1), "what becomes of matching packets", .values = acl_extended_actions },
	{ "Direction", P_ENUM, REQUIRED | POS(2), "as the guest sees it", .values = acl_extended_directions },
	{ "LocalIPAddress", P_STRING, POS(3), "address or prefix of the guest", .def = ACL_ANY },
	{ "RemoteIPAddress", P_STRING, POS(4), "address or prefix of the other end", .def = ACL_ANY },
	{ "LocalPort", P_STRING, POS(5), "port or range of the guest, TCP and UDP only", .def = ACL_ANY },
	{ "RemotePort", P_STRING, POS(6), "port or range of the other end, TCP and UDP only", .def = ACL_ANY },
	{ "Protocol", P_STRING, POS(7), "TCP, UDP, or the number of an IP protocol", .def = ACL_ANY },
	{ "Weight", P_UINT, REQUIRED | POS(8), "the matching rule with the highest weight decides",
	  .max = ACL_WEIGHT_MAX },
	{ "Stateful", P_BOOL, 0, "with sessions: the answers to what is allowed pass without a rule of their own",
	  .def = "$false" },
	{ "IdleSessionTimeout", P_UINT, 0, "seconds after which a session without packets ends; 0: by protocol",
	  .aliases = "Timeout", .max = ACL_TIMEOUT_MAX, .def = "0" },
	{ "IsolationID", P_UINT, 0, "only while the port is in this virtual subnet or VLAN; 0: always",
	  .max = ACL_ISOLATION_MAX, .def = "0" },
	{ 0 },
};
static const struct param get_params[] = { ACL_SELECT_PARAMS(0), SNAPSHOT_PARAM(ACL_BY_KEPT), { 0 } };
static const struct param remove_params[] = {
	ACL_SELECT_PARAMS(REQUIRED),
	{ "Weight", P_UINT, REQUIRED, "which rule of the direction", .max = ACL_WEIGHT_MAX,
	  .sets = ACL_BY_ANY_ADAPTER },
	{ "Direction", P_ENUM, REQUIRED, "as the guest sees it", .values = acl_extended_directions,
	  .sets = ACL_BY_ANY_ADAPTER },
	{ "InputObject", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "rules from Get-VMNetworkAdapterExtendedAcl",
	  .values = extended_object_name, .sets = ACL_BY_OBJECT },
	{ 0 },
};

static json_t *extended_to_object(struct call *c, const void *doc)
{
	const struct extended_acl_doc *x = doc;
	json_t *o = json_object();

	acl_add_owner(c, &x->adapter, o);
	json_object_set_new(o, "Direction", json_string(acl_extended_directions[x->direction]));
	json_object_set_new(o, "Weight", json_integer(x->weight));
	json_object_set_new(o, "Action", json_string(acl_extended_actions[x->action]));
	json_object_set_new(o, "Protocol", json_string(x->protocol));
	json_object_set_new(o, "LocalIPAddress", json_string(x->local));
	json_object_set_new(o, "LocalPort", json_string(x->local_port));
	json_object_set_new(o, "RemoteIPAddress", json_string(x->remote));
	json_object_set_new(o, "RemotePort", json_string(x->remote_port));
	json_object_set_new(o, "Stateful", json_boolean(x->stateful));
	json_object_set_new(o, "IdleSessionTimeout", json_integer(x->idle_timeout));
	json_object_set_new(o, "IsolationID", json_integer(x->isolation_id));
	/* D-10 */
	json_object_set_new(o, "Note",
			    json_text(x->stateful ? "lets the answers pass in the other direction, too" : NULL));
	return o;
}

/* ---- Add ---- */

static int address_given(struct call *c, const char *name, char **ret, struct err **e)
{
	struct acl_address a;
	int r = acl_address_parse(call_str(c, name, ACL_ANY), ACL_IP, &a, e);

	if (r == 0)
		*ret = acl_address_format(&a, ACL_IP);
	return r;
}

static int ports_given(struct call *c, const char *name, char **ret, struct err **e)
{
	struct acl_ports p;
	int r = acl_ports_parse(call_str(c, name, ACL_ANY), &p, e);

	if (r == 0)
		*ret = acl_ports_format(&p);
	return r;
}

static int rule_given(struct call *c, struct extended_acl_doc *x, struct err **e)
{
	int protocol, r = address_given(c, "LocalIPAddress", &x->local, e);

	if (r == 0)
		r = address_given(c, "RemoteIPAddress", &x->remote, e);
	if (r == 0)
		r = ports_given(c, "LocalPort", &x->local_port, e);
	if (r == 0)
		r = ports_given(c, "RemotePort", &x->remote_port, e);
	if (r == 0)
		r = acl_protocol_parse(call_str(c, "Protocol", ACL_ANY), &protocol, e);
	if (r < 0)
		return r;
	x->protocol = acl_protocol_format(protocol);
	x->action = call_enum(c, "Action", 0);
	x->direction = call_enum(c, "Direction", 0);
	x->weight = (uint32_t)call_uint(c, "Weight", 0);
	x->stateful = call_bool(c, "Stateful", false);
	x->idle_timeout = (uint32_t)call_uint(c, "IdleSessionTimeout", 0);
	x->isolation_id = (uint32_t)call_uint(c, "IsolationID", 0);
	return 0;
}

static int add_to(struct call *c, const struct adapter_doc *a, const struct extended_acl_doc *given, struct err **e)
{
	struct extended_acl_doc *x = doc_copy(&extended_acl_kind, given);
	_cleanup_free_ char *target = acl_target(c, a);
	int r;

	x->adapter = a->id;
	r = acl_check_extended(call_docs(c), x, e);
	if (r < 0 || !call_should(c, target, "%s", call_name(c))) {
		doc_free(&extended_acl_kind, x);
		return r;
	}
	docs_put(call_docs(c), &extended_acl_kind, x);
	if (call_bool(c, "PassThru", false))
		call_emit(c, extended_to_object, &extended_acl_kind, x);
	return 0;
}

static int add_extended(struct call *c, struct err **e)
{
	struct extended_acl_doc *given = doc_new(&extended_acl_kind);
	adapter_vec adapters = { 0 };
	int r = rule_given(c, given, e);

	if (r == 0)
		r = adapter_select(c, ACL_SELECT, &adapters, e);
	vec_foreach (&adapters, a) {
		struct err *one = NULL;

		if (add_to(c, *a, given, &one) < 0)
			call_error(c, &one);
	}
	vec_done(&adapters);
	doc_free(&extended_acl_kind, given);
	return r;
}

/* ---- Get, Remove ---- */

static int rule_compare(const void *a, const void *b)
{
	const struct extended_acl_doc *const *x = a, *const *y = b;

	if ((*x)->direction != (*y)->direction)
		return (*x)->direction < (*y)->direction ? -1 : 1;
	return (*x)->weight > (*y)->weight ? -1 : (*x)->weight < (*y)->weight;
}

/* In the order in which they are tried. */
static void emit_rules(struct call *c, const struct guid *adapter)
{
	VEC(const struct extended_acl_doc *) rules = { 0 };
	const struct extended_acl_doc *x;

	for (size_t pos = 0; (x = docs_next(call_docs(c), &extended_acl_kind, &pos));)
		if (guid_equal(&x->adapter, adapter))
			vec_push(&rules, x);
	vec_sort(&rules, rule_compare);
	vec_foreach (&rules, rule)
		call_emit(c, extended_to_object, &extended_acl_kind, *rule);
	vec_done(&rules);
}

static int get_all(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	int r = adapter_select(c, ACL_SELECT | SELECT_NOTHING | SELECT_KEPT, &adapters, e);

	vec_foreach (&adapters, a)
		emit_rules(c, &(*a)->id);
	vec_done(&adapters);
	return r;
}

static int get_extended(struct call *c, struct err **e)
{
	return checkpoint_view(c, get_all, e);
}

static int remove_one(struct call *c, const struct adapter_doc *a, uint32_t direction, uint32_t weight, struct err **e)
{
	struct extended_acl_doc probe = { .adapter = a->id, .direction = direction, .weight = weight };
	_cleanup_free_ char *key = doc_key(&extended_acl_kind, &probe), *target = acl_target(c, a);
	const struct extended_acl_doc *x = docs_get(call_docs(c), &extended_acl_kind, key);

	if (!x)
		return acl_not_found("rule", a, e);
	if (!call_should(c, target, "%s", call_name(c)))
		return 0;
	if (call_bool(c, "PassThru", false))
		call_emit_json(c, extended_to_object(c, x));
	docs_delete(call_docs(c), &extended_acl_kind, key);
	return 0;
}

static int remove_object(struct call *c, const json_t *object, struct err **e)
{
	const struct adapter_doc *a = acl_owner(c, object);
	const char *direction = object_text(object, "Direction");
	json_int_t weight = json_integer_value(json_object_get(object, "Weight"));

	if (!a || !direction || weight < 0 || weight > ACL_WEIGHT_MAX)
		return acl_not_found("rule", a, e);
	return remove_one(c, a, streq(direction, acl_extended_directions[ACL_OUTBOUND]) ? ACL_OUTBOUND : ACL_INBOUND,
			  (uint32_t)weight, e);
}

static int remove_extended(struct call *c, struct err **e)
{
	const struct arg *objects = call_arg(c, "InputObject");
	adapter_vec adapters = { 0 };
	struct err *one = NULL;
	int r = 0;

	for (size_t i = 0; objects->given && i < objects->n; i++)
		if (remove_object(c, objects->values[i].object, &one) < 0)
			call_error(c, &one);
	if (!objects->given)
		r = adapter_select(c, ACL_SELECT, &adapters, e);
	vec_foreach (&adapters, a)
		if (remove_one(c, *a, call_enum(c, "Direction", 0), (uint32_t)call_uint(c, "Weight", 0), &one) < 0)
			call_error(c, &one);
	vec_done(&adapters);
	return r;
}

const struct cmdlet extended_acl_cmdlets[] = {
	{ "Add-VMNetworkAdapterExtendedAcl", "allow or deny packets by protocol, addresses and ports, with sessions",
	  add_params, &extended_object, add_extended, CHANGES | PASSTHRU },
	{ "Get-VMNetworkAdapterExtendedAcl", "list extended rules in the order in which they are tried", get_params,
	  &extended_object, get_extended, 0 },
	{ "Remove-VMNetworkAdapterExtendedAcl", "remove extended rules of network adapters", remove_params,
	  &extended_object, remove_extended, CHANGES | PASSTHRU },
	{ 0 },
};
