/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_rewrite.h"

#include "map.h"

struct rewrite_wants {
	struct netvirt_wants *w;
	struct map *by_pa;        /* address -> index + 1 into w->rewrites */
	struct map *encapsulated; /* VSID -> what the largest outer headers of its records add */
	struct map *rewritten;
};

struct ca_key {
	uint32_t segment;
	struct ip ca;
};

bool netvirt_is_rewrite(const struct record_doc *r)
{
	return r->rule == NETVIRT_NAT && ip_is_v4(&r->ca) && !ip_is_any(&r->ca) && ip_is_v4(&r->pa) &&
	       !netvirt_is_gateway_record(r);
}

bool netvirt_is_carried(const struct record_doc *r)
{
	return netvirt_is_encap(r) || netvirt_is_rewrite(r) || (r->rule == NETVIRT_NAT && netvirt_is_gateway_record(r));
}

struct rewrite_wants *rewrite_wants_new(struct netvirt_wants *w)
{
	struct rewrite_wants *x = xcalloc(1, sizeof(*x));

	*x = (struct rewrite_wants){ w, map_new(), map_new(), map_new() };
	return x;
}

enum dp_encap netvirt_encap(const struct record_doc *r)
{
	return (r->rule == NETVIRT_ENCAP_VXLAN ? DP_ENCAP_VXLAN : 0) | (ip_is_v4(&r->pa) ? 0 : DP_ENCAP_IP6);
}

static int compare(const struct want_rewrite *a, const struct want_rewrite *b)
{
	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return ip_compare(&a->ca, &b->ca);
}

void rewrite_want(struct rewrite_wants *x, const struct record_doc *r, bool local, const char *link)
{
	struct want_rewrite w = { .pa = r->pa, .segment = r->vsid, .ca = r->ca, .mac = r->mac, .local = local,
				  .vm_mac = r->use_vm_mac };
	uintptr_t at;

	if (!netvirt_is_rewrite(r)) {
		uintptr_t most = (uintptr_t)map_get(x->encapsulated, &r->vsid, sizeof(r->vsid));

		most = MAX(most, (uintptr_t)DP_ENCAP_OVERHEAD(netvirt_encap(r)));
		map_put(x->encapsulated, &r->vsid, sizeof(r->vsid), (void *)most);
		return;
	}
	map_put(x->rewritten, &r->vsid, sizeof(r->vsid), x);
	if (local)
		snprintf(w.link, sizeof(w.link), "%.15s", link);
	at = (uintptr_t)map_get(x->by_pa, &r->pa, sizeof(r->pa));
	if (!at) {
		vec_push(&x->w->rewrites, w);
		map_put(x->by_pa, &r->pa, sizeof(r->pa), (void *)(uintptr_t)x->w->rewrites.n);
	} else if (compare(&w, &x->w->rewrites.items[at - 1]) < 0) {
		/* The rules refuse a second one; documents of another version may have it. */
		x->w->rewrites.items[at - 1] = w;
	}
}

static void finish_port(struct want_vport *p, const struct map *by_ca)
{
	for (size_t i = 0; i < p->n_cas; i++) {
		struct ca_key key = { .segment = p->segment, .ca = p->cas[i] };
		const struct want_rewrite *r = map_get(by_ca, &key, sizeof(key));

		if (!r)
			continue;
		p->rewrites[i] = r->pa;
		p->vm_mac[i] = r->vm_mac;
	}
}

void rewrite_wants_finish(struct rewrite_wants *x)
{
	struct map *by_ca = map_new();

	vec_foreach(&x->w->rewrites, r) {
		struct ca_key key = { .segment = r->segment, .ca = r->ca };

		if (r->local)
			map_put(by_ca, &key, sizeof(key), r);
	}
	vec_foreach(&x->w->ports, p) {
		uintptr_t most = (uintptr_t)map_get(x->encapsulated, &p->vsid, sizeof(p->vsid));

		if (!p->policy)
			continue;
		if (most || map_get(x->rewritten, &p->vsid, sizeof(p->vsid)))
			p->overhead = (uint8_t)most;
		finish_port(p, by_ca);
	}
	map_free(by_ca);
	map_free(x->by_pa);
	map_free(x->encapsulated);
	map_free(x->rewritten);
	free(x);
}
