/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"
#include "vlan_set.h"

/* VLANs of switches: what the dataplane's entries say of their ports. */

bool vlans_matter(const struct pass *p, const struct want_port *port)
{
	vec_foreach(&p->switches, s)
		if (!port->vsid && s->vlans && streq(s->bridge, port->bridge))
			return true;
	return false;
}

void vlans_port(struct pass *p, const struct want_port *w, struct dp_port *port)
{
	if (!vlans_matter(p, w))
		return;
	port->flags |= DP_PORT_VLAN;
	if (w->vlan.mode == VLAN_UNTAGGED)
		return;
	port->vlan = w->vlan.id;
	port->trunk = w->vlan.mode == VLAN_TRUNK;
}

static int trunk_key(const void *a, const void *b)
{
	const struct bpf_trunk *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static bool trunk_same(const void *have, const void *want)
{
	const struct bpf_trunk *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

struct changes {
	struct pass *p;
	struct bpf_trunk_vec *gone;
};

static void trunk_change(void *arg, const void *have, const void *want)
{
	struct changes *x = arg;

	if (!want) {
		vec_push(x->gone, *(const struct bpf_trunk *)have);
		return;
	}
	dataplane_failed(x->p, bpf_driver_set_trunk(x->p->g->bpf, want), "VLANs of a trunk");
	pass_wrote(x->p, "VLANs of interface %u set", ((const struct bpf_trunk *)want)->key);
}

void trunks_write(struct pass *p, struct bpf_trunk_vec *ret_gone)
{
	struct bpf_trunk_vec want = { 0 }, have = { 0 };
	struct changes x = { .p = p, .gone = ret_gone };
	struct diff d;

	vec_foreach(&p->ports, port) {
		const struct link *l = port->vlan.mode == VLAN_TRUNK && vlans_matter(p, port) ? pass_link(p, port->name) : NULL;
		struct bpf_trunk t = { .key = l ? (uint32_t)l->ifindex : 0 };
		struct vlan_set allowed;

		if (!l || !port->vlan.allowed || vlan_set_parse(port->vlan.allowed, &allowed) < 0)
			continue;
		_Static_assert(sizeof(allowed.bits) == sizeof(t.value.allowed), "a bit for each VLAN");
		memcpy(t.value.allowed, allowed.bits, sizeof(t.value.allowed));
		vec_push(&want, t);
	}
	bpf_driver_observe_trunks(p->g->bpf, &have);
	vec_sort(&want, trunk_key);
	vec_sort(&have, trunk_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_trunk), trunk_key, trunk_same, trunk_change, &x };
	diff_run(&d);
	vec_done(&want);
	vec_done(&have);
}

void trunks_delete(struct pass *p, const struct bpf_trunk_vec *gone)
{
	vec_foreach(gone, t) {
		dataplane_failed(p, bpf_driver_delete_trunk(p->g->bpf, t->key), "VLANs of a trunk");
		pass_wrote(p, "VLANs of interface %u removed", t->key);
	}
}
