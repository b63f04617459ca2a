/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* Ports behind which there may be machines (NN-1, docs/decisions/0020): of each virtual subnet, those where spoofing is on. */

static int inner_key(const void *a, const void *b)
{
	const struct bpf_inner_ports *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static bool inner_same(const void *have, const void *want)
{
	const struct bpf_inner_ports *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

struct inner_changes {
	struct pass *p;
	struct bpf_inner_ports_vec *gone;
};

static void inner_change(void *arg, const void *have, const void *want)
{
	struct inner_changes *x = arg;

	if (!want) {
		vec_push(x->gone, *(const struct bpf_inner_ports *)have);
		return;
	}
	dataplane_failed(x->p, bpf_driver_set_inner_ports(x->p->g->bpf, want, 1), "table of ports with machines behind them");
	pass_wrote(x->p, "ports of segment %u set behind which machines may be", ((const struct bpf_inner_ports *)want)->key);
}

static struct bpf_inner_ports *inner_of(struct bpf_inner_ports_vec *all, struct map *by_segment, uint32_t segment)
{
	uintptr_t i = (uintptr_t)map_get(by_segment, &segment, sizeof(segment));

	if (!i) {
		vec_push(all, (struct bpf_inner_ports){ .key = segment });
		i = all->n;
		map_put(by_segment, &segment, sizeof(segment), (void *)i);
	}
	return &all->items[i - 1];
}

/* Of more ports than there is room for, the others have what is for their machines once those have sent something. */
static void inner_wanted(struct pass *p, struct bpf_inner_ports_vec *ret)
{
	_cleanup_map_ struct map *by_segment = map_new();

	vec_foreach(&p->netvirt.ports, port) {
		const struct link *l = port->policy && port->spoofing ? pass_link(p, port->link) : NULL;
		struct bpf_inner_ports *of = l ? inner_of(ret, by_segment, port->segment) : NULL;

		if (of && of->value.n < DP_INNER_PORTS)
			of->value.ports[of->value.n++] = (uint32_t)l->ifindex;
	}
}

void inner_write(struct pass *p, struct bpf_inner_ports_vec *ret_gone)
{
	struct inner_changes x = { .p = p, .gone = ret_gone };
	struct bpf_inner_ports_vec want = { 0 }, have = { 0 };
	struct diff d;

	inner_wanted(p, &want);
	bpf_driver_observe_inner_ports(p->g->bpf, &have);
	vec_sort(&want, inner_key);
	vec_sort(&have, inner_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_inner_ports), inner_key, inner_same, inner_change, &x };
	diff_run(&d);
	vec_done(&want);
	vec_done(&have);
}

void inner_delete(struct pass *p, const struct bpf_inner_ports_vec *gone)
{
	vec_foreach(gone, g)
		dataplane_failed(p, bpf_driver_delete_inner_ports(p->g->bpf, &g->key, 1), "table of ports with machines behind them");
	if (gone->n)
		pass_wrote(p, "ports of %zu segments removed behind which machines might be", gone->n);
}
