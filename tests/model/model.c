/* SPDX-License-Identifier: Apache-2.0 */
#include "model_internal.h"

#include "netadapter.h"

/* What the documents say, read afresh, and plain questions to them. */

uint16_t checksum(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += get16(p + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* HN-6: the router's own record. */
bool is_router(const struct record_doc *r)
{
	return ip_is_v4(&r->pa) && ip_v4(&r->pa) == htonl(0xa9fefefe);
}

bool is_any(const struct ip *ip)
{
	return ip_is_v4(ip) ? ip_v4(ip) == 0 : ip_is_zero(ip);
}

/* 2.7 and decision 0007: one IPv4 customer address that has one provider address for itself. */
bool is_rewrite(const struct record_doc *r)
{
	return r->rule == NETVIRT_NAT && ip_is_v4(&r->ca) && !is_any(&r->ca) && ip_is_v4(&r->pa) && !is_router(r);
}

/* HN-7; HN-8's L2Only stands for a machine whose address is not known yet, not for others'. */
bool is_wildcard(const struct record_doc *r)
{
	return is_any(&r->ca) && r->type != NETVIRT_L2ONLY && !is_router(r);
}

static bool carries(const struct record_doc *r)
{
	return r->rule == NETVIRT_ENCAP || r->rule == NETVIRT_ENCAP_VXLAN || is_rewrite(r) ||
	       (r->rule == NETVIRT_NAT && is_router(r));
}

static const struct switch_doc *switch_with_nic(const struct model *m, const char *nic)
{
	const struct switch_doc *s, *found = NULL;

	for (size_t pos = 0; (s = docs_next(m->docs, &switch_kind, &pos));)
		if (s->nic && streq(s->nic, nic))
			found = s;
	return found;
}

static bool bound(const struct model *m, const char *nic)
{
	const struct binding_doc *b;

	for (size_t pos = 0; (b = docs_next(m->docs, &binding_kind, &pos));)
		if (streq(b->nic, nic) && streq(b->component, "ms_netwnv"))
			return true;
	return false;
}

/* A NIC under a switch with network virtualization bound. */
bool is_uplink(const struct model *m, const char *nic)
{
	return switch_with_nic(m, nic) && bound(m, nic);
}

const struct nic *nic_named(const struct model *m, const char *name)
{
	for (size_t i = 0; i < NICS; i++)
		if (streq(m->facts->nics[i].name, name))
			return &m->facts->nics[i];
	return NULL;
}

uint32_t bridge_of(const struct model *m, const char *nic)
{
	const struct switch_doc *s = switch_with_nic(m, nic);

	for (size_t i = 0; s && i < SWITCHES; i++)
		if (guid_equal(&m->facts->switches[i], &s->id))
			return m->facts->bridge[i];
	return 0;
}

static void read_ports(struct model *m)
{
	for (size_t i = 0; i < ADAPTERS; i++) {
		char key[GUID_TEXT_SIZE];
		const struct adapter_doc *a =
			docs_get(m->docs, &adapter_kind, guid_format(&m->facts->adapters[i], key));
		const struct vm_doc *vm = a && !guid_is_zero(&a->vm) ? vm_get(m->docs, &a->vm) : NULL;

		if (!a || !switch_get(m->docs, &a->switch_id) ||
		    (!guid_is_zero(&a->vm) && (!vm || vm->state != VM_RUNNING)))
			continue;
		vec_push(&m->ports,
			 (struct model_port) { a, m->facts->port[i], vm && vm->engine == VM_ENGINE_NAMESPACE });
	}
}

static void read_policy(struct model *m)
{
	const struct netvirt_global_doc *g = docs_get(m->docs, &netvirt_global_kind, "global");
	/* sorted, so that a seed means the same packets every time */
	_cleanup_free_ const void **records = NULL, **routes = NULL, **pas = NULL, **provider_routes = NULL;
	size_t n = docs_list(m->docs, &record_kind, &records);

	m->external_router = g && g->use_external_router;
	for (size_t i = 0; i < n; i++) {
		const struct record_doc *r = records[i];

		vec_push(&m->policied, r->vsid);
		if (carries(r))
			vec_push(&m->records, r);
	}
	n = docs_list(m->docs, &customer_route_kind, &routes);
	for (size_t i = 0; i < n; i++) {
		vec_push(&m->routes, routes[i]);
		vec_push(&m->policied, m->routes.items[i]->vsid);
	}
	n = docs_list(m->docs, &provider_address_kind, &pas);
	for (size_t i = 0; i < n; i++)
		if (is_uplink(m, ((const struct provider_address_doc *)pas[i])->nic))
			vec_push(&m->pas, pas[i]);
	n = docs_list(m->docs, &provider_route_kind, &provider_routes);
	for (size_t i = 0; i < n; i++)
		if (is_uplink(m, ((const struct provider_route_doc *)provider_routes[i])->nic))
			vec_push(&m->provider_routes, provider_routes[i]);
}

void model_open(struct model *m, const struct docs *d, const struct host_facts *facts)
{
	*m = (struct model) { .docs = d, .facts = facts };
	read_ports(m);
	read_policy(m);
}

void model_close(struct model *m)
{
	vec_done(&m->ports);
	vec_done(&m->records);
	vec_done(&m->routes);
	vec_done(&m->pas);
	vec_done(&m->provider_routes);
	vec_done(&m->policied);
}

/* ---- questions ---- */

bool has_policy(const struct model *m, uint32_t vsid)
{
	vec_foreach (&m->policied, v)
		if (*v == vsid)
			return true;
	return false;
}

bool is_local(const struct model *m, const struct ip *pa)
{
	vec_foreach (&m->pas, p)
		if (ip_equal(&(*p)->pa, pa))
			return true;
	return false;
}

const struct model_port *port_at(const struct model *m, uint32_t ifindex)
{
	vec_foreach (&m->ports, p)
		if (p->ifindex == ifindex)
			return p;
	return NULL;
}

const struct model_port *port_of(const struct model *m, uint32_t vsid, const struct mac *mac)
{
	vec_foreach (&m->ports, p)
		if (p->adapter->vsid == vsid && mac_equal(&p->adapter->mac, mac))
			return p;
	return NULL;
}

const struct record_doc *record_of(const struct model *m, uint32_t vsid, const struct ip *ca)
{
	if (is_any(ca))
		return NULL;
	vec_foreach (&m->records, r)
		if ((*r)->vsid == vsid && ip_equal(&(*r)->ca, ca))
			return *r;
	return NULL;
}

bool is_taken(const struct model *m, const struct record_doc *r, const struct ip *ca)
{
	const struct record_doc *other = record_of(m, r->vsid, ca);

	return is_any(&r->ca) && r->type == NETVIRT_L2ONLY && other && !mac_equal(&other->mac, &r->mac);
}

/* A machine is at one place: where its records differ, that with the lowest customer address says where. */
const struct record_doc *machine(const struct model *m, uint32_t vsid, const struct mac *mac)
{
	const struct record_doc *found = NULL;

	vec_foreach (&m->records, r)
		if ((*r)->vsid == vsid && mac_equal(&(*r)->mac, mac) && !is_router(*r) &&
		    (!found || ip_compare(&(*r)->ca, &found->ca) < 0))
			found = *r;
	return found;
}

/* HN-13: the on-link prefix of a provider address, or a provider route; the longest prefix, then the lowest metric. */
bool way_to(const struct model *m, const struct ip *pa, struct way *ret)
{
	int best = -1;
	uint32_t metric = 0;

	vec_foreach (&m->pas, p) {
		struct prefix prefix;

		assert_int_equal(prefix_from(&(*p)->pa, (*p)->prefix_len, &prefix), 0);
		if (!prefix_contains(&prefix, pa) || prefix.len <= best)
			continue;
		*ret = (struct way) { nic_named(m, (*p)->nic), bridge_of(m, (*p)->nic), *pa };
		best = prefix.len;
	}
	vec_foreach (&m->provider_routes, p) {
		const struct provider_route_doc *r = *p;

		/* what is on the link needs no route */
		if (!prefix_contains(&r->prefix, pa) || r->prefix.len < best ||
		    (r->prefix.len == best && (!metric || r->metric >= metric)))
			continue;
		*ret = (struct way) { nic_named(m, r->nic), bridge_of(m, r->nic),
				      is_any(&r->next_hop) ? *pa : r->next_hop };
		best = r->prefix.len;
		metric = r->metric;
	}
	return best >= 0;
}

/* ---- outcomes ---- */

void dropped(struct outcome *o, enum dp_drop_reason reason)
{
	o->verdict = DP_VERDICT_DROP;
	o->detail = reason;
}

struct mac mac_at(const uint8_t *p)
{
	struct mac mac;

	memcpy(mac.b, p, sizeof(mac.b));
	return mac;
}

struct ip ip4_at(const uint8_t *p)
{
	return ip_from_v4(htonl(get32(p)));
}

static uint32_t packets(const struct frame *f)
{
	return f->gso_segs ? f->gso_segs : 1;
}

void sent(struct outcome *o, const struct frame *f)
{
	o->sent_packets = packets(f);
	o->sent_bytes = (uint32_t)f->n;
}

/* early: the fast way into a guest's namespace is possible for such a frame (only its own address, IPv4 after a tunnel). */
void deliver(struct outcome *o, const struct model_port *to, const struct frame *f, bool early)
{
	if (!to) {
		dropped(o, DP_DROP_PORT_GONE);
		return;
	}
	o->out = *f;
	o->segment = to->adapter->vsid;
	o->verdict = early && to->in_guest ? DP_VERDICT_DELIVER_PEER : DP_VERDICT_DELIVER;
	o->detail = o->receiver = to->ifindex;
	o->received_packets = packets(f);
	o->received_bytes = (uint32_t)f->n;
}
