/* SPDX-License-Identifier: Apache-2.0 */
#include "model_internal.h"

/* Machines inside machines: records say that they are here, and no port has their MAC address (NN-1, decision 0020). */

/* Where each was seen last. Unlike policy, this outlives a round. */
static struct {
	uint32_t vsid, ifindex;
	struct mac mac;
} seen[4096];
static size_t n_seen;

static uint32_t *place(uint32_t vsid, const struct mac *mac)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].vsid == vsid && mac_equal(&seen[i].mac, mac))
			return &seen[i].ifindex;
	assert_true(n_seen < ARRAY_SIZE(seen));
	seen[n_seen].vsid = vsid;
	seen[n_seen].mac = *mac;
	return &seen[n_seen++].ifindex;
}

static bool may_have_some(const struct model_port *p, uint32_t vsid)
{
	return p && p->adapter->spoofing && p->adapter->vsid == vsid;
}

bool is_inner(const struct model *m, uint32_t vsid, const struct mac *mac)
{
	const struct record_doc *r = machine(m, vsid, mac);

	return r && is_local(m, &r->pa) && !port_of(m, vsid, mac);
}

bool inner_is_here(const struct model *m, uint32_t vsid, const struct mac *mac)
{
	if (is_inner(m, vsid, mac))
		vec_foreach (&m->ports, p)
			if (may_have_some(p, vsid))
				return true;
	return false;
}

void inner_seen(const struct model *m, const struct model_port *from, const struct mac *mac)
{
	if (is_inner(m, from->adapter->vsid, mac))
		*place(from->adapter->vsid, mac) = from->ifindex;
}

void deliver_inner(const struct model *m, uint32_t ifindex, uint32_t vsid, const struct frame *f, struct outcome *o)
{
	struct mac mac = mac_at(f->b);
	const struct model_port *at = port_at(m, *place(vsid, &mac));

	if (!inner_is_here(m, vsid, &mac)) {
		dropped(o, DP_DROP_PORT_GONE);
		return;
	}
	if (may_have_some(at, vsid) && at->ifindex == ifindex) {
		dropped(o, DP_DROP_DESTINATION_IS_SOURCE);
		return;
	}
	if (may_have_some(at, vsid)) {
		deliver(o, at, f, false);
		return;
	}
	o->out = *f;
	o->verdict = DP_VERDICT_FLOOD;
	o->flooded_inner = vsid;
	/* the kernel makes no copies of a large segment that has no protocol: see NO_LARGE_TUNNELS */
	if (f->gso_size)
		return;
	o->received_packets = 1;
	o->received_bytes = (uint32_t)f->n;
	vec_foreach (&m->ports, p)
		o->detail += may_have_some(p, vsid) && p->ifindex != ifindex;
}
