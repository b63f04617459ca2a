/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_learn.h"

#include "adapter_wants.h"
#include "netvirt_rules.h"

struct port_key {
	uint32_t vsid;
	struct mac mac;
	uint8_t pad[2];
};

uint32_t learn_limit(const struct adapter_doc *a)
{
	return a->dynamic_limit ? MIN(a->dynamic_limit, (uint32_t)LEARN_LIMIT_MAX) : LEARN_LIMIT;
}

/* Under no MAC address: of those where spoofing is on, the one that may have most addresses. */
static void add_spoofing(struct map *all, uint32_t vsid, const struct adapter_doc *a)
{
	struct port_key key = { .vsid = vsid };
	const struct adapter_doc *best = map_get(all, &key, sizeof(key));

	if (!best || learn_limit(a) > learn_limit(best))
		map_put(all, &key, sizeof(key), (void *)a);
}

struct map *netvirt_ports_by_mac(const struct docs *d)
{
	struct map *all = map_new();
	want_port_vec ports = { 0 };

	adapter_wants(d, &ports);
	vec_foreach(&ports, p) {
		const struct adapter_doc *a = adapter_get(d, &p->adapter);
		struct port_key key = { .vsid = p->vsid, .mac = p->mac };

		if (!p->vsid || !p->bridge[0])
			continue;
		map_put(all, &key, sizeof(key), (void *)a);
		if (p->spoofing)
			add_spoofing(all, p->vsid, a);
	}
	vec_done(&ports);
	return all;
}

/* That of the machine or, where none has its MAC address, one that it may be behind (NN-1). */
static const struct adapter_doc *port_with(const struct map *ports, uint32_t vsid, const struct mac *mac)
{
	struct port_key key = { .vsid = vsid, .mac = *mac }, spoofing = { .vsid = vsid };
	const struct adapter_doc *own = map_get(ports, &key, sizeof(key));

	return own ? own : map_get(ports, &spoofing, sizeof(spoofing));
}

/* The L2Only record of a MAC for a family: its customer address is 0.0.0.0 or ::. */
static const struct record_doc *l2only_of(const struct docs *d, uint32_t vsid, const struct mac *mac, bool v4)
{
	struct record_doc like = { .vsid = vsid, .mac = *mac };
	_cleanup_free_ char *key = NULL;
	const struct record_doc *r;

	if (v4)
		like.ca = ip_from_v4(0);
	key = doc_key(&record_kind, &like);
	r = docs_get(d, &record_kind, key);
	return r && r->type == NETVIRT_L2ONLY && netvirt_is_carried(r) ? r : NULL;
}

static bool is_local(const struct docs *d, const struct ip *pa)
{
	struct provider_address_doc like = { .pa = *pa };
	_cleanup_free_ char *key = doc_key(&provider_address_kind, &like);

	return docs_get(d, &provider_address_kind, key) != NULL;
}

typedef VEC(const struct record_doc *) record_vec;

/* What was learnt of a machine, of one family. */
static void learnt_of(const struct docs *d, uint32_t vsid, const struct mac *mac, bool v4, record_vec *ret)
{
	const struct record_doc *r;

	for (size_t pos = 0; (r = records_at_mac(d, vsid, mac, &pos));)
		if (r->learnt && ip_is_v4(&r->ca) == v4)
			vec_push(ret, r);
}

static void forget(struct docs *d, const struct record_doc *r)
{
	_cleanup_free_ char *key = doc_key(&record_kind, r);

	docs_delete(d, &record_kind, key);
}

/* Removes the lease that the new one replaces, and says how many addresses the machine has besides. */
static size_t make_room(struct docs *d, const struct learn *l)
{
	record_vec old = { 0 };
	size_t n = 0;

	learnt_of(d, l->vsid, &l->mac, ip_is_v4(&l->ca), &old);
	vec_foreach(&old, r) {
		if (l->leased && (*r)->learnt == NETVIRT_LEASED)
			forget(d, *r);
		else
			n++;
	}
	vec_done(&old);
	return n;
}

static bool is_outside(const struct prefix *prefix, const struct ip *ca)
{
	struct ip last = prefix->ip;

	if (!prefix_contains(prefix, ca))
		return true;
	if (prefix->len >= (ip_is_v4(ca) ? 31 : 127))
		return false;
	if (!ip_is_v4(ca))
		return ip_equal(ca, &prefix->ip); /* any of its routers (RFC 4291 2.6.1) */
	/* the network itself, and its broadcast address */
	for (unsigned bit = 96u + prefix->len; bit < 128; bit++)
		last.b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return ip_equal(ca, &prefix->ip) || ip_equal(ca, &last);
}

static struct record_doc *make_record(const struct learn *l, const struct record_doc *l2only)
{
	struct record_doc *r = doc_new(&record_kind);

	r->vsid = l->vsid;
	r->mac = l->mac;
	r->ca = l->ca;
	r->pa = l2only->pa;
	r->rule = l2only->rule;
	r->type = NETVIRT_DYNAMIC;
	r->learnt = l->leased ? NETVIRT_LEASED : NETVIRT_ANNOUNCED;
	r->customer_id = l2only->customer_id ? xstrdup(l2only->customer_id) : NULL;
	r->vm_name = l2only->vm_name ? xstrdup(l2only->vm_name) : NULL;
	return r;
}

static int check(struct docs *d, const struct learn *l, const struct adapter_doc *port, const struct record_doc *r, struct err **e)
{
	const struct prefix *prefix = netvirt_vsid_prefix(d, l->vsid, ip_is_v4(&l->ca));
	char ca[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE], text[PREFIX_TEXT_SIZE];
	int result = record_check(d, r, e);

	if (result < 0)
		return result;
	if (prefix && is_outside(prefix, &l->ca))
		return err_set(e, "Wnv.DynamicAddressOutside", ERR_INVALID_ARGUMENT, ip_format(&l->ca, ca),
			       "%s in virtual subnet %u has %s, which is no machine's address in %s.", mac_format(&l->mac, mac), l->vsid,
			       ip_format(&l->ca, ca), prefix_format(prefix, text));
	if (make_room(d, l) >= learn_limit(port))
		return err_set(e, "Wnv.DynamicAddressLimit", ERR_LIMITS_EXCEEDED, ip_format(&l->ca, ca),
			       "%s in virtual subnet %u has %u learnt addresses already: %s is not learnt.", mac_format(&l->mac, mac),
			       l->vsid, learn_limit(port), ip_format(&l->ca, ca));
	return 0;
}

int netvirt_learn(struct docs *d, const struct learn *l, char **ret_key, struct err **e)
{
	_cleanup_map_ struct map *ports = netvirt_ports_by_mac(d);
	const struct adapter_doc *port = port_with(ports, l->vsid, &l->mac);
	const struct record_doc *l2only = l2only_of(d, l->vsid, &l->mac, ip_is_v4(&l->ca));
	_cleanup_free_ char *key = NULL;
	struct record_doc *r;
	int result;

	*ret_key = NULL;
	if (!port || !l2only || !is_local(d, &l2only->pa) || ip_is_any(&l->ca))
		return 0;
	r = make_record(l, l2only);
	key = doc_key(&record_kind, r);
	if (docs_get(d, &record_kind, key)) {
		doc_free(&record_kind, r);
		return 0;
	}
	result = check(d, l, port, r, e);
	if (result < 0) {
		doc_free(&record_kind, r);
		return result;
	}
	docs_put(d, &record_kind, r);
	*ret_key = TAKE_PTR(key);
	return 0;
}

bool netvirt_learnt_holds(const struct docs *d, const struct record_doc *r, const struct map *ports)
{
	return port_with(ports, r->vsid, &r->mac) && l2only_of(d, r->vsid, &r->mac, ip_is_v4(&r->ca));
}

void netvirt_learnt_follow(struct docs *d, const struct record_doc *l2only)
{
	record_vec all = { 0 };

	if (l2only->type != NETVIRT_L2ONLY)
		return;
	learnt_of(d, l2only->vsid, &l2only->mac, ip_is_v4(&l2only->ca), &all);
	vec_foreach(&all, r) {
		struct record_doc *moved = doc_copy(&record_kind, *r);

		moved->pa = l2only->pa;
		moved->rule = l2only->rule;
		docs_put(d, &record_kind, moved);
	}
	vec_done(&all);
}

bool netvirt_learnt_yield(struct docs *d, const struct record_doc *r, struct mac *ret_mac)
{
	const struct record_doc *old = ip_is_any(&r->ca) ? NULL : netvirt_record(d, r->vsid, &r->ca);

	if (!old || !old->learnt)
		return false;
	*ret_mac = old->mac;
	forget(d, old);
	return true;
}
