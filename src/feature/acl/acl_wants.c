/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_wants.h"

#include "map.h"

/* ---- order ---- */

/* Bits of the own family: how exact an address is said. ANY is less than 0.0.0.0/0. */
static int exactness(const struct acl_address *a)
{
	return a->any ? -1 : a->prefix.len;
}

/*
 * AC-2: the longest prefix first. Of two ends the sum counts, then the remote one (decision 0011). Extended rules by
 * weight (AC-3). What is equal in all of that never matches the same packet, or is of one kind: the number makes the
 * order the same every time.
 */
static int rule_compare(const void *a, const void *b)
{
	const struct want_acl_rule *x = a, *y = b;
	int xl = exactness(&x->local), xr = exactness(&x->remote), yl = exactness(&y->local),
	    yr = exactness(&y->remote);

	if (x->section != y->section)
		return (int)x->section - (int)y->section;
	if (x->section == WANT_EXTENDED)
		return x->number > y->number ? -1 : x->number < y->number;
	if (x->section != WANT_MAC && xl + xr != yl + yr)
		return yl + yr - xl - xr;
	if (x->section != WANT_MAC && xr != yr)
		return yr - xr;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* ---- rules ---- */

static bool entry_rule(const struct acl_doc *a, struct want_acl_rule *ret)
{
	struct want_acl_rule r = { .number = a->number,
				   .deny = a->action == ACL_DENY,
				   .protocol = ACL_PROTOCOL_ANY,
				   .local_port.to = UINT16_MAX,
				   .remote_port.to = UINT16_MAX };

	r.section = a->type == ACL_MAC ? WANT_MAC : a->action == ACL_METER ? WANT_METER : WANT_BASIC;
	if (acl_address_parse(a->local, a->type, &r.local, NULL) < 0 ||
	    acl_address_parse(a->remote, a->type, &r.remote, NULL) < 0)
		return false;
	*ret = r;
	return true;
}

static bool extended_rule(const struct extended_acl_doc *x, struct want_acl_rule *ret)
{
	struct want_acl_rule r = { .section = WANT_EXTENDED,
				   .number = x->weight,
				   .deny = x->action == ACL_DENY,
				   .stateful = x->stateful,
				   .timeout = (uint16_t)x->idle_timeout };

	if (acl_address_parse(x->local, ACL_IP, &r.local, NULL) < 0 ||
	    acl_address_parse(x->remote, ACL_IP, &r.remote, NULL) < 0 ||
	    acl_ports_parse(x->local_port, &r.local_port, NULL) < 0 ||
	    acl_ports_parse(x->remote_port, &r.remote_port, NULL) < 0 ||
	    acl_protocol_parse(x->protocol, &r.protocol, NULL) < 0)
		return false;
	*ret = r;
	return true;
}

/* ---- ports ---- */

struct lists {
	const struct want_port *port;
	want_acl_rule_vec rules[ACL_BOTH];
};

typedef VEC(struct lists) lists_vec;

static struct lists *lists_of(struct map *by_adapter, lists_vec *all, const struct guid *adapter)
{
	uintptr_t at = (uintptr_t)map_get(by_adapter, adapter, sizeof(*adapter));

	return at ? &all->items[at - 1] : NULL;
}

/* AC-5: only while the port is in that virtual subnet or VLAN. */
static bool is_for(const struct extended_acl_doc *x, const struct want_port *port)
{
	return !x->isolation_id || x->isolation_id == (port->vsid ? port->vsid : port->vlan.id);
}

static void collect(const struct docs *d, struct map *by_adapter, lists_vec *all)
{
	const struct extended_acl_doc *x;
	const struct acl_doc *a;
	struct want_acl_rule r;

	for (size_t pos = 0; (a = docs_next(d, &acl_kind, &pos));) {
		struct lists *l = lists_of(by_adapter, all, &a->adapter);

		if (l && a->direction < ACL_BOTH && entry_rule(a, &r))
			vec_push(&l->rules[a->direction], r);
	}
	for (size_t pos = 0; (x = docs_next(d, &extended_acl_kind, &pos));) {
		struct lists *l = lists_of(by_adapter, all, &x->adapter);

		if (l && is_for(x, l->port) && x->direction < ACL_BOTH && extended_rule(x, &r))
			vec_push(&l->rules[x->direction], r);
	}
}

void acl_wants(const struct docs *d, const want_port_vec *ports, want_acl_vec *ret)
{
	_cleanup_map_ struct map *by_adapter = map_new();
	lists_vec all = { 0 };

	vec_foreach (ports, port) {
		if (!port->bridge[0])
			continue;
		vec_push(&all, (struct lists){ .port = port });
		map_put(by_adapter, &port->adapter, sizeof(port->adapter), (void *)(uintptr_t)all.n);
	}
	collect(d, by_adapter, &all);
	vec_foreach (&all, l) {
		for (uint32_t direction = 0; direction < ACL_BOTH; direction++) {
			struct want_acl w = { .direction = direction, .rules = l->rules[direction] };

			if (!w.rules.n)
				continue;
			memcpy(w.link, l->port->name, sizeof(w.link));
			vec_sort(&w.rules, rule_compare);
			vec_push(ret, w);
		}
	}
	vec_done(&all);
}

void acl_wants_done(want_acl_vec *wants)
{
	vec_foreach (wants, w)
		vec_done(&w->rules);
	vec_done(wants);
}
