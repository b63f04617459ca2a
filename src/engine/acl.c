/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "dataplane_internal.h"

/*
 * Access control lists in the dataplane: a set of rules for each port and direction that has any. Sets are found again
 * by what is in them: ports with equal rules share one, and what has not changed is not written.
 */
struct acl_ids {
	uint32_t sets[DP_ACL_DIRECTIONS];
};

/* A set that is never there: the port passes nothing of IP rather than everything. */
#define SET_MISSING DP_ACL_ID_IP

/* ---- from what is wanted to what the driver takes ---- */

static uint8_t bits_of_128(const struct prefix *p)
{
	return (uint8_t)(p->len + (ip_is_v4(&p->ip) ? 96 : 0));
}

static uint8_t family_of(const struct acl_address *a)
{
	return a->any ? DP_ACL_IP4 | DP_ACL_IP6 : ip_is_v4(&a->prefix.ip) ? DP_ACL_IP4 : DP_ACL_IP6;
}

static struct dp_acl_rule mac_rule(const struct want_acl_rule *w)
{
	struct dp_acl_rule r = { .section = DP_ACL_MAC, .number = w->number, .flags = w->deny ? DP_ACL_DENY : 0 };

	memcpy(&r.local, w->local.mac.b, sizeof(w->local.mac.b));
	memcpy(&r.remote, w->remote.mac.b, sizeof(w->remote.mac.b));
	return r;
}

static struct dp_acl_rule ip_rule(const struct want_acl_rule *w)
{
	static const uint8_t sections[] = {
		[WANT_METER] = DP_ACL_METER, [WANT_BASIC] = DP_ACL_BASIC, [WANT_EXTENDED] = DP_ACL_EXTENDED
	};
	struct dp_acl_rule r = { .section = sections[w->section],
				 .number = w->number,
				 .timeout = w->timeout,
				 .local_port = { w->local_port.from, w->local_port.to },
				 .remote_port = { w->remote_port.from, w->remote_port.to } };

	r.flags = (uint8_t)((family_of(&w->local) & family_of(&w->remote)) | (w->deny ? DP_ACL_DENY : 0) |
			    (w->stateful ? DP_ACL_STATEFUL : 0));
	if (!w->local.any) {
		r.flags |= DP_ACL_HAS_LOCAL;
		r.local = dp_addr_of(&w->local.prefix.ip);
		r.local_len = bits_of_128(&w->local.prefix);
	}
	if (!w->remote.any) {
		r.flags |= DP_ACL_HAS_REMOTE;
		r.remote = dp_addr_of(&w->remote.prefix.ip);
		r.remote_len = bits_of_128(&w->remote.prefix);
	}
	if (w->protocol != ACL_PROTOCOL_ANY) {
		r.flags |= DP_ACL_HAS_PROTOCOL;
		r.protocol = (uint8_t)w->protocol;
	}
	return r;
}

static struct dp_acl_rule *rules_of(const struct want_acl *w)
{
	struct dp_acl_rule *rules = xcalloc(w->rules.n, sizeof(*rules));

	for (size_t i = 0; i < w->rules.n; i++)
		rules[i] = w->rules.items[i].section == WANT_MAC ? mac_rule(&w->rules.items[i])
								 : ip_rule(&w->rules.items[i]);
	return rules;
}

/* ---- sets ---- */

static uint32_t set_id(struct pass *p, struct acl_sets *x, const struct dp_acl_rule *rules, size_t n)
{
	uint32_t id = (uint32_t)(uintptr_t)map_get(x->by_content, rules, n * sizeof(*rules));
	int r;

	if (id)
		return id;
	r = bpf_driver_add_acl_set(p->g->bpf, rules, n, &id);
	dataplane_failed(p, r, "access control lists");
	if (r < 0)
		return SET_MISSING;
	map_put(x->by_content, rules, n * sizeof(*rules), (void *)(uintptr_t)id);
	pass_wrote(p, "access control list of %zu rules written", n);
	return id;
}

static struct acl_ids *ids_of(struct acl_sets *x, const char *link)
{
	struct acl_ids *ids = map_get_str(x->by_port, link);

	if (ids)
		return ids;
	ids = xcalloc(1, sizeof(*ids));
	vec_push(&x->owned, ids);
	map_put_str(x->by_port, link, ids);
	return ids;
}

static void write_set(struct pass *p, struct acl_sets *x, const struct want_acl *w)
{
	_cleanup_free_ struct dp_acl_rule *rules = rules_of(w);
	uint32_t id = set_id(p, x, rules, w->rules.n);

	ids_of(x, w->link)->sets[w->direction == ACL_OUTBOUND ? DP_ACL_OUT : DP_ACL_IN] = id;
	map_put(x->wanted, &id, sizeof(id), x);
}

/* ---- meters ---- */

static void write_meters(struct pass *p, struct acl_sets *x, const struct want_acl *w)
{
	const struct link *l = pass_link(p, w->link);

	vec_foreach (&w->rules, rule) {
		struct dp_acl_meter_key key = { .number = rule->number };

		if (rule->section != WANT_METER || !l)
			continue;
		key.ifindex = (uint32_t)l->ifindex;
		map_put(x->wanted, &key, sizeof(key), x);
	}
}

static void add_meters(struct pass *p, struct acl_sets *x)
{
	_cleanup_map_ struct map *have = map_new();
	struct dp_acl_meter_key wanted;
	const void *key;
	size_t size;

	vec_foreach (&x->meters, m)
		map_put(have, &m->key, sizeof(m->key), x);
	for (size_t pos = 0; map_next(x->wanted, &pos, &key, &size, NULL);) {
		if (size != sizeof(wanted) || map_get(have, key, size))
			continue;
		memcpy(&wanted, key, sizeof(wanted));
		dataplane_failed(p, bpf_driver_add_acl_meter(p->g->bpf, &wanted), "meters");
		pass_wrote(p, "meter %u of port %u begins", wanted.number, wanted.ifindex);
	}
}

/* ---- the step ---- */

void acl_write(struct pass *p, struct acl_sets *x)
{
	x->by_content = map_new();
	x->by_port = map_new();
	x->wanted = map_new();
	bpf_driver_observe_acl_sets(p->g->bpf, &x->have);
	bpf_driver_observe_acl_meters(p->g->bpf, &x->meters);
	vec_foreach (&x->have, set)
		if (set->complete)
			map_put(x->by_content, set->rules, set->n * sizeof(*set->rules), (void *)(uintptr_t)set->id);
	vec_foreach (&p->acls, w) {
		write_set(p, x, w);
		write_meters(p, x, w);
	}
	add_meters(p, x);
}

void acl_port(const struct acl_sets *x, const char *link, struct dp_port *port)
{
	const struct acl_ids *ids = map_get_str(x->by_port, link);

	if (!ids)
		return;
	memcpy(port->acl_sets, ids->sets, sizeof(port->acl_sets));
	if (ids->sets[DP_ACL_OUT])
		port->flags |= DP_PORT_ACL_OUT;
	if (ids->sets[DP_ACL_IN])
		port->flags |= DP_PORT_ACL_IN;
}

bool acl_has_inbound(const struct pass *p, const char *link)
{
	vec_foreach (&p->acls, w)
		if (w->direction == ACL_INBOUND && streq(w->link, link))
			return true;
	return false;
}

void acl_delete(struct pass *p, struct acl_sets *x)
{
	bool waited = false;

	vec_foreach (&x->have, set) {
		if (set->complete && map_get(x->wanted, &set->id, sizeof(set->id)))
			continue;
		if (!waited)
			bpf_driver_wait(p->g->bpf);
		waited = true;
		dataplane_failed(p, bpf_driver_delete_acl_set(p->g->bpf, set), "access control lists");
		pass_wrote(p, "access control list of %zu rules removed", set->n);
	}
	vec_foreach (&x->meters, m) {
		if (map_get(x->wanted, &m->key, sizeof(m->key)))
			continue;
		dataplane_failed(p, bpf_driver_delete_acl_meter(p->g->bpf, &m->key), "meters");
		pass_wrote(p, "meter %u of port %u ends", m->key.number, m->key.ifindex);
	}
}

void acl_sets_done(struct acl_sets *x)
{
	bpf_acl_sets_done(&x->have);
	vec_done(&x->meters);
	map_free(x->by_content);
	map_free(x->by_port);
	map_free(x->wanted);
	vec_foreach (&x->owned, ids)
		free(*ids);
	vec_done(&x->owned);
}
