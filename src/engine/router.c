/* SPDX-License-Identifier: Apache-2.0 */
#include "dataplane_internal.h"

/*
 * The maps of the distributed router. What is no longer wanted goes first, unlike elsewhere: a virtual subnet that changes its
 * routing domain must not be reachable from the old one for a moment.
 */

struct changes {
	struct bpf_route_vec routes;
	struct bpf_subnet_vec subnets;
	VEC(struct dp_route_key) routes_gone;
	VEC(uint32_t) subnets_gone;
};

#define TABLE(one) \
	static int one##_key(const void *a, const void *b) \
	{ \
		const struct bpf_##one *x = a, *y = b; \
	\
		return memcmp(&x->key, &y->key, sizeof(x->key)); \
	} \
	\
	static bool one##_same(const void *have, const void *want) \
	{ \
		const struct bpf_##one *h = have, *w = want; \
	\
		return memcmp(&h->value, &w->value, sizeof(h->value)) == 0; \
	} \
	\
	static void one##_change(void *arg, const void *have, const void *want) \
	{ \
		struct changes *x = arg; \
	\
		if (want) \
			vec_push(&x->one##s, *(const struct bpf_##one *)want); \
		else \
			vec_push(&x->one##s_gone, ((const struct bpf_##one *)have)->key); \
	} \
	\
	static void one##s_diff(struct pass *p, struct changes *x, struct bpf_##one##_vec *want) \
	{ \
		struct bpf_##one##_vec have = { 0 }; \
		struct diff d; \
	\
		bpf_driver_observe_##one##s(p->g->bpf, &have); \
		vec_sort(want, one##_key); \
		vec_sort(&have, one##_key); \
		d = (struct diff){ want->items, want->n, have.items, have.n, sizeof(struct bpf_##one), \
				   one##_key, one##_same, one##_change, x }; \
		diff_run(&d); \
		vec_done(want); \
		vec_done(&have); \
	}

TABLE(route)
TABLE(subnet)

/* Prefix lengths are of 128 bits here, whatever the family. */
static uint32_t prefix_bits(const struct prefix *p)
{
	return p->len + (ip_is_v4(&p->ip) ? 96u : 0u);
}

static void diff_routes(struct pass *p, struct changes *x)
{
	struct bpf_route_vec want = { 0 };

	vec_foreach(&p->netvirt.customer_routes, w) {
		uint32_t bits = prefix_bits(&w->prefix);
		struct bpf_route v = {
			.key = { .prefixlen = DP_ROUTE_KEY_BITS + bits, .vsid = w->sender, .ca = dp_addr_of(&w->prefix.ip) },
			.value = { .vsid = w->vsid, .prefixlen = (uint8_t)bits },
		};

		v.value.flags = (uint8_t)((w->on_link ? DP_ROUTE_ONLINK : 0) | (w->own ? DP_ROUTE_OWN : 0));
		memcpy(v.key.domain, w->rdid.b, sizeof(v.key.domain));
		memcpy(v.value.router_mac, w->router_mac.b, sizeof(v.value.router_mac));
		memcpy(v.value.mac, w->mac.b, sizeof(v.value.mac));
		vec_push(&want, v);
	}
	routes_diff(p, x, &want);
}

static void diff_subnets(struct pass *p, struct changes *x)
{
	struct bpf_subnet_vec want = { 0 };

	vec_foreach(&p->netvirt.subnets, w) {
		struct bpf_subnet v = { .key = w->vsid };

		memcpy(v.value.domain, w->rdid.b, sizeof(v.value.domain));
		memcpy(v.value.router_mac, w->router_mac.b, sizeof(v.value.router_mac));
		memcpy(v.value.router_mac6, w->router_mac6.b, sizeof(v.value.router_mac6));
		vec_push(&want, v);
	}
	subnets_diff(p, x, &want);
}

#define APPLY(p, x, one, what) \
	do { \
		if ((x)->one##s_gone.n) { \
			dataplane_failed(p, bpf_driver_delete_##one##s((p)->g->bpf, (x)->one##s_gone.items, \
							     (x)->one##s_gone.n), what); \
			pass_wrote(p, "%s: %zu entries removed", what, (x)->one##s_gone.n); \
		} \
		if ((x)->one##s.n) { \
			dataplane_failed(p, bpf_driver_set_##one##s((p)->g->bpf, (x)->one##s.items, (x)->one##s.n), what); \
			pass_wrote(p, "%s: %zu entries set", what, (x)->one##s.n); \
		} \
		vec_done(&(x)->one##s); \
		vec_done(&(x)->one##s_gone); \
	} while (0)

void dataplane_router(struct pass *p)
{
	struct changes x = { 0 };

	diff_subnets(p, &x);
	diff_routes(p, &x);
	APPLY(p, &x, subnet, "virtual subnets of routing domains");
	APPLY(p, &x, route, "customer routes");
}
