/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/* What broadcast and multicast of virtual subnets need of the dataplane (WG-7). */

static int group_key(const void *a, const void *b)
{
	const struct bpf_group *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static bool group_same(const void *have, const void *want)
{
	const struct bpf_group *h = have, *w = want;

	return memcmp(&h->value, &w->value, sizeof(h->value)) == 0;
}

struct group_changes {
	struct bpf_group_vec set, *gone;
};

static void group_change(void *arg, const void *have, const void *want)
{
	struct group_changes *x = arg;

	if (want)
		vec_push(&x->set, *(const struct bpf_group *)want);
	else
		vec_push(x->gone, *(const struct bpf_group *)have);
}

static struct bpf_group group_value(struct pass *p, const struct want_group *w, struct map *hops)
{
	const struct link *first = w->first[0] ? pass_link(p, w->first) : NULL;
	struct bpf_group v = { .key = w->segment, .value = { .pa = dp_addr_of(&w->pa) } };

	v.value.first = first ? (uint32_t)first->ifindex : 0;
	vec_foreach(&w->peers, peer) {
		struct hop_key key = { peer->pa, (uint8_t)peer->encap };
		uintptr_t hop = (uintptr_t)map_get(hops, &key, sizeof(key));

		if (hop && v.value.n_peers < DP_GROUP_PEERS)
			v.value.peers[v.value.n_peers++] = (uint32_t)(hop - 1);
	}
	if (w->peers.n > DP_GROUP_PEERS)
		pass_degraded(p, "broadcast of virtual subnet %u reaches %u of %zu provider addresses: give it a multicast address",
			      w->segment, DP_GROUP_PEERS, w->peers.n);
	return v;
}

void groups_write(struct pass *p, struct map *hops, struct bpf_group_vec *ret_gone)
{
	struct group_changes x = { .gone = ret_gone };
	struct bpf_group_vec want = { 0 }, have = { 0 };
	struct diff d;

	vec_foreach(&p->netvirt.groups, w)
		vec_push(&want, group_value(p, w, hops));
	bpf_driver_observe_groups(p->g->bpf, &have);
	vec_sort(&want, group_key);
	vec_sort(&have, group_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct bpf_group), group_key, group_same, group_change, &x };
	diff_run(&d);
	if (x.set.n)
		dataplane_failed(p, bpf_driver_set_groups(p->g->bpf, x.set.items, x.set.n), "table of broadcasts");
	vec_foreach(&x.set, g)
		pass_wrote(p, "broadcast of segment %u set", g->key);
	vec_done(&x.set);
	vec_done(&want);
	vec_done(&have);
}

void groups_delete(struct pass *p, const struct bpf_group_vec *gone)
{
	vec_foreach(gone, g)
		dataplane_failed(p, bpf_driver_delete_groups(p->g->bpf, &g->key, 1), "table of broadcasts");
	if (gone->n)
		pass_wrote(p, "broadcast of %zu segments removed", gone->n);
}

bool group_link_address(const struct ip *pa, struct mac *ret)
{
	if (!ip_is_multicast(pa))
		return false;
	if (ip_is_v4(pa))
		*ret = (struct mac){ { 0x01, 0x00, 0x5e, pa->b[13] & 0x7f, pa->b[14], pa->b[15] } };
	else
		*ret = (struct mac){ { 0x33, 0x33, pa->b[12], pa->b[13], pa->b[14], pa->b[15] } };
	return true;
}

uint32_t group_uplink_flags(const struct pass *p, const char *nic)
{
	vec_foreach(&p->netvirt.heard, pa)
		if (streq(pa->nic, nic))
			return DP_PORT_GROUPS | DP_PORT_MORE_CA;
	return 0;
}
