/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* What IP rewrite needs of the dataplane. */

void rewrite_port(const struct want_vport *w, struct dp_port *port)
{
	if (w->rewrite)
		port->flags |= DP_PORT_REWRITE;
	for (size_t i = 0; i < w->n_cas; i++) {
		if (ip_is_zero(&w->rewrites[i]))
			continue;
		port->rewrite4[i] = ip_v4(&w->rewrites[i]);
		port->rewrite_vm_mac |= (uint8_t)(w->vm_mac[i] << i);
	}
}

uint32_t rewrite_uplink_flags(const struct pass *p)
{
	vec_foreach(&p->netvirt.rewrites, r)
		if (r->local)
			return DP_PORT_REWRITE;
	return 0;
}

static int rewrite_key(const void *a, const void *b)
{
	return memcmp(&((const struct bpf_rewrite *)a)->key, &((const struct bpf_rewrite *)b)->key, sizeof(union dp_addr));
}

static bool rewrite_same(const void *have, const void *want)
{
	const struct bpf_rewrite *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

struct rewrite_changes {
	struct bpf_rewrite_vec set, *gone;
};

static void rewrite_change(void *arg, const void *have, const void *want)
{
	struct rewrite_changes *x = arg;

	if (want)
		vec_push(&x->set, *(const struct bpf_rewrite *)want);
	else
		vec_push(x->gone, *(const struct bpf_rewrite *)have);
}

/* False: the way to another host's address has no number, so that nothing can be said about it. */
static bool rewrite_value(struct pass *p, const struct want_rewrite *w, struct map *hops, struct bpf_rewrite *ret)
{
	const struct link *l = w->link[0] ? pass_link(p, w->link) : NULL;
	struct hop_key key = { w->pa, DP_ENCAP_NVGRE4 };
	uintptr_t hop = w->local ? 0 : (uintptr_t)map_get(hops, &key, sizeof(key));

	if (!w->local && !hop)
		return false;
	*ret = (struct bpf_rewrite){ .key = dp_addr_of(&w->pa), .value = { .segment = w->segment, .ca = dp_addr_of(&w->ca) } };
	memcpy(ret->value.mac, w->mac.b, 6);
	if (w->local)
		ret->value.flags = DP_REWRITE_LOCAL;
	ret->value.target = !w->local ? (uint32_t)(hop - 1) : l ? (uint32_t)l->ifindex : 0;
	return true;
}

void rewrites_write(struct pass *p, struct map *hops, struct bpf_rewrite_vec *ret_gone)
{
	struct rewrite_changes x = { .gone = ret_gone };
	struct bpf_rewrite_vec want = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&p->netvirt.rewrites, w) {
		struct bpf_rewrite v;

		if (rewrite_value(p, w, hops, &v))
			vec_push(&want, v);
	}
	bpf_driver_observe_rewrites(p->g->bpf, &have);
	vec_sort(&want, rewrite_key);
	vec_sort(&have, rewrite_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_rewrite), rewrite_key, rewrite_same,
			   rewrite_change, &x };
	diff_run(&d);
	if (x.set.n)
		dataplane_failed(p, bpf_driver_set_rewrites(p->g->bpf, x.set.items, x.set.n), "table of rewritten addresses");
	vec_foreach(&x.set, r)
		pass_wrote(p, "rewritten address of segment %u set", r->value.segment);
	vec_done(&x.set);
	vec_done(&want);
	vec_done(&have);
}

void rewrites_delete(struct pass *p, const struct bpf_rewrite_vec *gone)
{
	vec_foreach(gone, r)
		dataplane_failed(p, bpf_driver_delete_rewrites(p->g->bpf, &r->key, 1), "table of rewritten addresses");
	if (gone->n)
		pass_wrote(p, "%zu rewritten addresses removed", gone->n);
}
