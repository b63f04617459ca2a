/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>

#include "dataplane_internal.h"

/*
 * The maps and programs of the dataplane. What netvirt wants by name gets its numbers here. Within a pass, what others point
 * to comes first: addresses, next hops, records, ports, programs; what goes, goes in the opposite order.
 */

static const struct want_switch *switch_of_nic(const struct pass *p, const char *nic)
{
	vec_foreach(&p->switches, s)
		if (streq(s->nic, nic))
			return s;
	return NULL;
}

/* ---- next hops ---- */

struct neigh_key {
	int ifindex;
	struct ip ip;
};

static struct dp_nexthop want_nexthop(struct pass *p, const struct want_hop *hop, const struct map *neighs)
{
	struct dp_nexthop v = { .flags = DP_NEXTHOP_PRESENT, .encap = (uint8_t)hop->encap, .pa = dp_addr_of(&hop->pa) };
	const uint32_t overhead = DP_ENCAP_OVERHEAD(hop->encap);
	const struct want_switch *s = hop->nic[0] ? switch_of_nic(p, hop->nic) : NULL;
	const struct link *nic = s ? pass_link(p, hop->nic) : NULL, *bridge = s ? pass_link(p, s->bridge) : NULL;
	const struct neigh *n;
	struct mac group;

	if (!nic || !bridge)
		return v; /* no way there: not resolved, and nobody to ask */
	v.ifindex = (uint32_t)nic->ifindex;
	v.neigh_ifindex = (uint32_t)bridge->ifindex;
	v.mtu = (uint16_t)(nic->mtu > overhead ? MIN(nic->mtu - overhead, 65535u) : 0);
	if (!ip_equal(&hop->via, &hop->pa))
		v.via = dp_addr_of(&hop->via);
	if (group_link_address(&hop->pa, &group)) {
		v.flags |= DP_NEXTHOP_RESOLVED;
		memcpy(v.dst_mac, group.b, 6);
		memcpy(v.src_mac, nic->mac.b, 6);
		return v;
	}
	n = map_get(neighs, &(struct neigh_key){ bridge->ifindex, hop->via }, sizeof(struct neigh_key));
	if (n && (n->state == NEIGH_RESOLVED || n->state == NEIGH_PERMANENT) && !mac_is_zero(&n->mac)) {
		v.flags |= DP_NEXTHOP_RESOLVED;
		memcpy(v.dst_mac, n->mac.b, 6);
		memcpy(v.src_mac, nic->mac.b, 6);
	}
	return v;
}

struct hop_index {
	struct map *by_key;   /* struct hop_key -> index + 1 */
	struct bpf_nexthop_vec have;
	struct map *have_by_key;
	struct map *neighs;   /* struct neigh_key -> struct neigh * */
	VEC(bool) used;       /* by index */
	uint32_t free;        /* no index below is unused */
};

static void hop_use(struct hop_index *x, uint32_t index)
{
	while (x->used.n <= index)
		vec_push(&x->used, false);
	x->used.items[index] = true;
}

static uint32_t hop_free_index(struct hop_index *x)
{
	while (x->free < x->used.n && x->used.items[x->free])
		x->free++;
	return x->free;
}

static struct hop_key hop_key_of(const struct dp_nexthop *v)
{
	struct hop_key key = { .encap = v->encap };

	memcpy(&key.pa, &v->pa, sizeof(key.pa));
	return key;
}

/* A next hop keeps its number for as long as it is wanted: records point to it. */
static void hops_write(struct pass *p, struct hop_index *x)
{
	struct neigh_vec neighs = { 0 };

	neigh_observe(p->g->nl, 0, &neighs);
	vec_foreach(&neighs, n)
		map_put(x->neighs, &(struct neigh_key){ n->ifindex, n->ip }, sizeof(struct neigh_key), n);
	bpf_driver_observe_nexthops(p->g->bpf, &x->have);
	vec_foreach(&x->have, h) {
		struct hop_key key = hop_key_of(&h->value);

		hop_use(x, h->index);
		map_put(x->have_by_key, &key, sizeof(key), h);
	}
	vec_foreach(&p->netvirt.hops, hop) {
		struct bpf_nexthop want = { .value = want_nexthop(p, hop, x->neighs) };
		struct hop_key key = hop_key_of(&want.value);
		const struct bpf_nexthop *have = map_get(x->have_by_key, &key, sizeof(key));
		int r = 0;

		want.index = have ? have->index : hop_free_index(x);
		hop_use(x, want.index);
		if (!have || memcmp(&have->value, &want.value, sizeof(want.value)) != 0) {
			r = bpf_driver_set_nexthop(p->g->bpf, &want);
			dataplane_failed(p, r, "next hops");
			pass_wrote(p, "next hop %u set", want.index);
		}
		if (r == 0)
			map_put(x->by_key, &key, sizeof(key), (void *)(uintptr_t)(want.index + 1));
	}
	vec_done(&neighs);
}

static void hops_delete(struct pass *p, struct hop_index *x)
{
	vec_foreach(&x->have, h) {
		struct hop_key key = hop_key_of(&h->value);

		if (map_get(x->by_key, &key, sizeof(key)))
			continue;
		dataplane_failed(p, bpf_driver_delete_nexthop(p->g->bpf, h->index), "next hops");
		pass_wrote(p, "next hop %u removed", h->index);
	}
}

static struct hop_index hop_index_new(void)
{
	return (struct hop_index){ .by_key = map_new(), .have_by_key = map_new(), .neighs = map_new() };
}

static void hop_index_done(struct hop_index *x)
{
	map_free(x->by_key);
	map_free(x->have_by_key);
	map_free(x->neighs);
	vec_done(&x->have);
	vec_done(&x->used);
}

void dataplane_nexthops(struct pass *p)
{
	struct hop_index x = hop_index_new();

	hops_write(p, &x);
	hop_index_done(&x);
}

/* ---- provider addresses ---- */

static int pa_key(const void *a, const void *b)
{
	return memcmp(&((const struct bpf_pa *)a)->key, &((const struct bpf_pa *)b)->key, sizeof(union dp_addr));
}

static bool pa_same(const void *have, const void *want)
{
	const struct bpf_pa *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

struct changes {
	struct pass *p;
	struct bpf_pa_vec pas_gone;
	struct bpf_port_vec ports_gone;
	struct bpf_attachment_vec detach;
	struct bpf_group_vec groups_gone;
	struct acl_sets acls;
};

static void pa_change(void *arg, const void *have, const void *want)
{
	struct changes *x = arg;

	if (!want) {
		vec_push(&x->pas_gone, *(const struct bpf_pa *)have);
		return;
	}
	dataplane_failed(x->p, bpf_driver_set_pa(x->p->g->bpf, want), "provider addresses");
	pass_wrote(x->p, "provider address entered");
}

static void want_pa(struct pass *p, const struct want_pa *pa, struct bpf_pa_vec *ret)
{
	const struct want_switch *s = switch_of_nic(p, pa->nic);
	const struct link *bridge = s ? pass_link(p, s->bridge) : NULL;
	struct bpf_pa v = { .key = dp_addr_of(&pa->pa) };

	if (!bridge)
		return;
	v.value.ifindex = (uint32_t)bridge->ifindex;
	vec_push(ret, v);
}

static void write_pas(struct changes *x)
{
	struct bpf_pa_vec want = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&x->p->netvirt.pas, pa)
		want_pa(x->p, pa, &want);
	vec_foreach(&x->p->netvirt.heard, pa)
		want_pa(x->p, pa, &want);
	bpf_driver_observe_pas(x->p->g->bpf, &have);
	vec_sort(&want, pa_key);
	vec_sort(&have, pa_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_pa), pa_key, pa_same, pa_change, x };
	diff_run(&d);
	vec_done(&want);
	vec_done(&have);
}

/* ---- lookup records ---- */

static int walk_table(void *arg, enum bpf_table table, int (*each)(void *each_arg, const void *key, const void *value),
		      void *each_arg)
{
	return bpf_driver_walk(((struct pass *)arg)->g->bpf, table, each, each_arg);
}

static int get_entry(void *arg, enum bpf_table table, const void *key, void *ret_value)
{
	return bpf_driver_get(((struct pass *)arg)->g->bpf, table, key, ret_value);
}

static int set_entries(void *arg, enum bpf_table table, const void *keys, const void *values, size_t n)
{
	return bpf_driver_set(((struct pass *)arg)->g->bpf, table, keys, values, n);
}

static int delete_entries(void *arg, enum bpf_table table, const void *keys, size_t n)
{
	return bpf_driver_delete(((struct pass *)arg)->g->bpf, table, keys, n);
}

static void entries_done(void *arg, int r, const char *table, size_t n, bool set)
{
	struct pass *p = arg;

	if (r < 0)
		pass_failed(p, r, r == -E2BIG ? "it is full: start nestord with a larger --max-records" : NULL, "cannot write the dataplane's table of %s", table);
	pass_wrote_many(p, n, "table of %s: %zu entries %s", table, n, set ? "set" : "removed");
}

const struct records_ops dataplane_records_ops = {
	.walk = walk_table, .get = get_entry, .set = set_entries, .del = delete_entries, .done = entries_done,
};

static uint32_t ifindex_of(void *arg, const char *link)
{
	const struct link *l = pass_link(arg, link);

	return l ? (uint32_t)l->ifindex : 0;
}

/* ---- ports ---- */

static struct dp_port vport_value(struct changes *x, const struct want_port *port, const struct want_vport *w)
{
	struct pass *p = x->p;
	const struct link *next = w->flood_next[0] ? pass_link(p, w->flood_next) : NULL;
	struct dp_port v = { .flags = DP_PORT_PRESENT, .segment = w->segment, .vsid = w->vsid };

	if (w->spoofing)
		v.flags |= DP_PORT_SPOOFING;
	if (w->policy)
		v.flags |= DP_PORT_POLICY;
	if (w->any_ca)
		v.flags |= DP_PORT_ANY_CA;
	if (w->more_ca)
		v.flags |= DP_PORT_MORE_CA;
	if (w->ca6)
		v.flags |= DP_PORT_CA6;
	if (w->any_ca6)
		v.flags |= DP_PORT_ANY_CA6;
	if (w->more_pa)
		v.flags |= DP_PORT_MORE_PA;
	if (w->inner_elsewhere)
		v.flags |= DP_PORT_PEER;
	memcpy(v.mac, w->mac.b, 6);
	memcpy(v.domain, w->rdid.b, sizeof(v.domain));
	memcpy(v.router_mac, w->router_mac.b, sizeof(v.router_mac));
	v.router4 = ip_is_v4(&w->router) ? ip_v4(&w->router) : 0;
	memcpy(v.router_mac6, w->router_mac6.b, sizeof(v.router_mac6));
	v.router6 = dp_addr_of(&w->router6);
	v.flood_next = next ? (uint32_t)next->ifindex : 0;
	v.src_pa4 = ip_is_zero(&w->src_pa4) ? 0 : ip_v4(&w->src_pa4);
	v.src_pa6 = dp_addr_of(&w->src_pa6);
	for (size_t i = 0; i < w->n_cas; i++)
		v.addr4[i] = ip_v4(&w->cas[i]);
	guards_port(p, port, &v);
	vlans_port(p, port, &v);
	pacer_port(p, port, pass_link(p, w->link), &v);
	acl_port(&x->acls, w->link, &v);
	rewrite_port(w, &v);
	learn_port(w, &v);
	return v;
}

/*
 * Decapsulation before the kernel makes a packet of the frame: for real NICs, and for a veth only where GRO says that its
 * frames are to be taken as from a NIC (else XDP would cost its peer the large segments).
 */
static bool uplink_has_xdp(struct pass *p, const struct link *l)
{
	struct link_details details = { 0 };

	if (map_get(p->g->no_xdp, &l->ifindex, sizeof(l->ifindex)) || link_details_get(p->g->nl, l->name, &details) < 0)
		return false;
	return !streq(details.driver, "veth") || details.gro;
}

static struct dp_port uplink_value(struct pass *p, const char *nic, const struct link *l)
{
	struct dp_port v = { .flags = DP_PORT_PRESENT | DP_PORT_UPLINK };
	size_t n = 0;

	if (uplink_has_xdp(p, l))
		v.flags |= DP_PORT_XDP;

	memcpy(v.mac, l->mac.b, 6);
	/* All of the host's (2.5): what is for another NIC's address may come by this one. Its own are the quick ones. */
	for (int others = 0; others < 2; others++)
		vec_foreach(&p->netvirt.pas, pa) {
			if (streq(pa->nic, nic) == others)
				continue;
			if (!ip_is_v4(&pa->pa))
				v.flags |= DP_PORT_OUTER; /* in map "pas" alone */
			else if (n < DP_PORT_ADDR4)
				v.addr4[n++] = ip_v4(&pa->pa);
			else
				v.flags |= DP_PORT_MORE_CA;
		}
	if (p->netvirt.vxlan) {
		v.flags |= DP_PORT_OUTER;
		v.vxlan_port = htons(DP_VXLAN_PORT);
	}
	v.flags |= rewrite_uplink_flags(p) | group_uplink_flags(p, nic);
	return v;
}

static int port_key(const void *a, const void *b)
{
	const struct bpf_port *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static bool port_same(const void *have, const void *want)
{
	const struct bpf_port *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

static void port_change(void *arg, const void *have, const void *want)
{
	struct changes *x = arg;
	int r;

	if (!want) {
		vec_push(&x->ports_gone, *(const struct bpf_port *)have);
		return;
	}
	r = bpf_driver_set_port(x->p->g->bpf, want);
	if (r == -ERANGE)
		pass_failed(x->p, r, NULL, "the interface number %u is too large for the dataplane (limit %u)",
			    ((const struct bpf_port *)want)->ifindex, DP_MAX_IFINDEX);
	else
		dataplane_failed(x->p, r, "ports");
	pass_wrote(x->p, "port %u set", ((const struct bpf_port *)want)->ifindex);
}

static void write_ports(struct changes *x)
{
	struct bpf_port_vec want = { 0 }, have = { 0 };
	struct map *by_link = map_new();
	struct pass *p = x->p;
	struct diff d;

	vec_foreach(&p->ports, port)
		map_put_str(by_link, port->name, port);
	vec_foreach(&p->netvirt.ports, w) {
		const struct link *l = pass_link(p, w->link);

		if (l)
			vec_push(&want, (struct bpf_port){ (uint32_t)l->ifindex, vport_value(x, map_get_str(by_link, w->link), w) });
	}
	vec_foreach(&p->netvirt.uplinks, nic) {
		const struct link *l = pass_link(p, *nic);

		if (l)
			vec_push(&want, (struct bpf_port){ (uint32_t)l->ifindex, uplink_value(p, *nic, l) });
	}
	bpf_driver_observe_ports(p->g->bpf, &have);
	vec_sort(&want, port_key);
	vec_sort(&have, port_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_port), port_key, port_same, port_change, x };
	diff_run(&d);
	map_free(by_link);
	vec_done(&want);
	vec_done(&have);
}

/* ---- programs ---- */

static int attachment_key(const void *a, const void *b)
{
	const struct bpf_attachment *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (int)x->role - (int)y->role;
}

static void attachment_change(void *arg, const void *have, const void *want)
{
	const struct bpf_attachment *a = want ? want : have;
	struct changes *x = arg;
	struct pass *p = x->p;
	int r;

	if (!want) {
		vec_push(&x->detach, *a);
		return;
	}
	r = bpf_driver_attach(p->g->bpf, a->ifindex, a->role);
	if (r == -EOPNOTSUPP && a->role == BPF_ROLE_UPLINK_XDP) {
		/* A driver without native XDP: the TC program does both. The port's entry must say so. */
		int ifindex = (int)a->ifindex;

		map_put(p->g->no_xdp, &ifindex, sizeof(ifindex), p->g);
		engine_schedule(p->g, 0);
		return;
	}
	if (r < 0)
		pass_failed(p, r, NULL, "cannot attach the dataplane's program at interface %u", a->ifindex);
	pass_wrote(p, "program attached at interface %u", a->ifindex);
}

static void want_attachment(struct bpf_attachment_vec *want, const struct link *l, enum bpf_role role)
{
	if (l)
		vec_push(want, (struct bpf_attachment){ (uint32_t)l->ifindex, role });
}

static void write_attachments(struct changes *x)
{
	struct bpf_attachment_vec want = { 0 }, have = { 0 };
	struct pass *p = x->p;
	struct diff d;

	vec_foreach(&p->ports, port) {
		want_attachment(&want, pass_link(p, port->name), BPF_ROLE_VPORT);
		if (guards_want_egress(p, port) || (!port->vsid && acl_has_inbound(p, port->name)))
			want_attachment(&want, pass_link(p, port->name), BPF_ROLE_VPORT_EGRESS);
	}
	want_attachment(&want, pacer_far_end(p), BPF_ROLE_PACER);
	vec_foreach(&p->netvirt.uplinks, nic) {
		const struct link *l = pass_link(p, *nic);

		want_attachment(&want, l, BPF_ROLE_UPLINK);
		if (l && uplink_has_xdp(p, l))
			want_attachment(&want, l, BPF_ROLE_UPLINK_XDP);
	}
	bpf_driver_observe_attachments(p->g->bpf, &have);
	vec_sort(&want, attachment_key);
	vec_sort(&have, attachment_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_attachment), attachment_key, NULL,
			   attachment_change, x };
	diff_run(&d);
	vec_done(&want);
	vec_done(&have);
}

/* In the order opposite to attaching: what XDP decapsulates needs the TC program behind it. */
static void detach_gone(struct changes *x)
{
	struct pass *p = x->p;

	for (size_t i = x->detach.n; i-- > 0;) {
		const struct bpf_attachment *a = &x->detach.items[i];
		int r = bpf_driver_detach(p->g->bpf, a->ifindex, a->role);

		if (r < 0 && r != -ENODEV)
			pass_failed(p, r, NULL, "cannot detach the dataplane's program from interface %u", a->ifindex);
		pass_wrote(p, "program detached from interface %u", a->ifindex);
	}
}

static void delete_gone(struct changes *x)
{
	struct bpf_driver *b = x->p->g->bpf;

	vec_foreach(&x->ports_gone, port)
		dataplane_failed(x->p, bpf_driver_delete_port(b, port->ifindex), "ports");
	records_delete(x->p->g->records, x->p);
	vec_foreach(&x->pas_gone, pa)
		dataplane_failed(x->p, bpf_driver_delete_pa(b, &pa->key), "provider addresses");
	if (x->ports_gone.n + x->pas_gone.n)
		pass_wrote_many(x->p, x->ports_gone.n + x->pas_gone.n, "%zu ports, %zu provider addresses removed",
				x->ports_gone.n, x->pas_gone.n);
}

void step_dataplane(struct pass *p)
{
	struct changes x = { .p = p };
	struct hop_index hops = hop_index_new();
	struct bpf_trunk_vec trunks_gone = { 0 };
	struct bpf_inner_ports_vec inner_gone = { 0 };
	struct records_host host = { &p->netvirt, hops.by_key, ifindex_of };

	write_pas(&x);
	hops_write(p, &hops);
	/* The tables go with the instance. */
	if (!p->g->destroying)
		records_update(p->g->records, &host, p);
	groups_write(p, hops.by_key, &x.groups_gone);
	inner_write(p, &inner_gone);
	dataplane_router(p);
	acl_write(p, &x.acls);
	trunks_write(p, &trunks_gone);
	pacer_classes_write(p);
	/* A program does what its port's entry says: once it is there, an entry takes effect whole. */
	write_attachments(&x);
	write_ports(&x);
	detach_gone(&x);
	delete_gone(&x);
	acl_delete(p, &x.acls);
	trunks_delete(p, &trunks_gone);
	pacer_classes_delete(p);
	groups_delete(p, &x.groups_gone);
	inner_delete(p, &inner_gone);
	hops_delete(p, &hops);
	hop_index_done(&hops);
	vec_done(&x.pas_gone);
	vec_done(&x.ports_gone);
	vec_done(&x.detach);
	vec_done(&x.groups_gone);
	acl_sets_done(&x.acls);
	vec_done(&trunks_gone);
	vec_done(&inner_gone);
}
