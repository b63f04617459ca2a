/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random documents, also such as no cmdlet would make: what is wanted does not depend on the order in which they were
 * written, and it is consistent in itself.
 */
#include "feature_list.h"
#include "adapter.h"
#include "map.h"
#include "netadapter.h"
#include "netvirt_test.h"
#include "store.h"
#include "vm.h"

#define ROUNDS 400

typedef lab_documents documents;

static uint32_t dice_state = 2463534242u;

static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 17;
	dice_state ^= dice_state << 5;
	return dice_state % sides;
}

uint32_t lab_dice(uint32_t sides)
{
	return dice(sides);
}

void lab_dice_seed(uint32_t seed)
{
	dice_state = seed;
}

static struct guid guid_of(uint8_t what, uint32_t n)
{
	return (struct guid) { { (uint8_t)n, what, 7 } };
}

static struct ip ip_of(uint8_t a, uint32_t b, uint32_t c)
{
	struct ip ip = ip_from_v4(0);

	ip.b[12] = a;
	ip.b[14] = (uint8_t)b;
	ip.b[15] = (uint8_t)c;
	return ip;
}

static char *nic_of(uint32_t n)
{
	return xasprintf("eth%u", n);
}

#define make(docs_, kind_, doc_)                                                                                       \
	do {                                                                                                           \
		void *_doc = xmemdup(&(doc_), sizeof(doc_));                                                           \
		vec_push((docs_), (struct lab_document) { &(kind_), _doc });                                                \
	} while (0)

static void make_ports(documents *d)
{
	for (uint32_t i = 1; i < 1 + dice(4); i++) {
		struct switch_doc s = {
			.id = guid_of(1, i), .name = xasprintf("s%u", i), .number = i, .nic = dice(3) ? nic_of(i) : NULL
		};

		make(d, switch_kind, s);
	}
	for (uint32_t i = 1; i < 5; i++) {
		struct vm_doc v = { .id = guid_of(2, i),
				    .name = xasprintf("vm%u", i),
				    .state = dice(4) ? VM_RUNNING : VM_OFF };
		struct binding_doc b = { nic_of(i), xstrdup("ms_netwnv") };

		make(d, vm_kind, v);
		if (dice(4))
			make(d, binding_kind, b);
		else
			free(b.nic), free(b.component);
	}
	for (uint32_t i = 1; i < 1 + dice(14); i++) {
		struct adapter_doc a = { .id = guid_of(3, i),
					 .name = xasprintf("a%u", i),
					 .mac = { { 0, 0, 0, 0, 0, (uint8_t)dice(8) } },
					 .vsid = dice(4) ? 5000 + dice(4) : 0,
					 .spoofing = dice(2) };

		if (dice(6))
			a.vm = guid_of(2, 1 + dice(5)); /* the last one does not exist */
		if (dice(8))
			a.switch_id = guid_of(1, 1 + dice(4));
		make(d, adapter_kind, a);
	}
}

static void make_policy(documents *d)
{
	static const char *const dummy = NETVIRT_GATEWAY_PA;

	for (uint32_t i = dice(20); i; i--) {
		struct record_doc r = { .vsid = 5000 + dice(4),
					.ca = dice(6) ? ip_of(10, 0, dice(12)) : ip_of(0, 0, 0),
					.mac = { { 0, 0, 0, 0, 0, (uint8_t)dice(8) } },
					.pa = ip_of(192, dice(3), dice(4)),
					.rule = dice(8) ? dice(3) ? NETVIRT_ENCAP : NETVIRT_ENCAP_VXLAN : NETVIRT_NAT,
					.type = dice(4) };

		if (!dice(12))
			r.ca = (struct ip) { { 0 } };
		else if (!dice(6))
			r.ca = (struct ip) { { 0x20, 1, [15] = (uint8_t)dice(9) } };
		if (!dice(6))
			r.pa = (struct ip) { { 0xfd, 1, [15] = (uint8_t)dice(4) } };
		if (!dice(12))
			assert_int_equal(ip_parse(dummy, &r.pa), 0);
		make(d, record_kind, r);
	}
	for (uint32_t i = dice(8); i; i--) {
		struct customer_route_doc r = { .rdid = guid_of(4, 1 + !dice(5)), .vsid = 5000 + dice(4), .next_hop = ip_of(0, 0, 0),
						.metric = 254 + dice(2) };
		struct ip ip = ip_of(10, 0, 0);

		if (dice(2))
			r.next_hop = ip_of(10, 0, dice(12));
		if (!dice(3)) {
			r.next_hop = (struct ip) { { 0 } };
			if (dice(2))
				r.next_hop = (struct ip) { { 0x20, 1, [15] = (uint8_t)dice(9) } };
			ip = (struct ip) { { 0x20, 1 } };
		}
		assert_int_equal(prefix_from(&ip, dice(3) * 12, &r.prefix), 0);
		make(d, customer_route_kind, r);
	}
	for (uint32_t i = dice(4); i; i--) {
		struct provider_address_doc p = { .pa = ip_of(192, dice(3), dice(4)),
						  .nic = nic_of(1 + dice(4)),
						  .prefix_len = 16 + dice(17) };

		if (!dice(4))
			p.pa = (struct ip) { { 0xfd, 1, [15] = (uint8_t)dice(4) } };
		make(d, provider_address_kind, p);
	}
	for (uint32_t i = dice(5); i; i--) {
		struct provider_route_doc r = { .nic = nic_of(1 + dice(4)),
						.next_hop = dice(3) ? ip_of(192, 0, 99) : ip_of(0, 0, 0),
						.metric = dice(3) };
		struct ip ip = ip_of(192, dice(3), 0);

		assert_int_equal(prefix_from(&ip, dice(33), &r.prefix), 0);
		make(d, provider_route_kind, r);
	}
}

/* Later documents replace earlier ones of the same key: then the order would matter, so one of each stays. */
static void drop_duplicates(documents *d)
{
	_cleanup_map_ struct map *seen = map_new();
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++) {
		_cleanup_free_ char *key = doc_key(d->items[i].kind, d->items[i].doc);
		_cleanup_free_ char *name = xasprintf("%s/%s", d->items[i].kind->name, key);

		if (map_put_str(seen, name, d))
			doc_free(d->items[i].kind, d->items[i].doc);
		else
			d->items[kept++] = d->items[i];
	}
	d->n = kept;
}

void lab_random_documents(lab_documents *ret)
{
	make_ports(ret);
	make_policy(ret);
	drop_duplicates(ret);
}

static void shuffle(documents *d)
{
	for (size_t i = d->n; i > 1; i--) {
		size_t k = dice((uint32_t)i);
		struct lab_document w = d->items[i - 1];

		d->items[i - 1] = d->items[k];
		d->items[k] = w;
	}
}

/* New maps with a seed of their own, in another order. */
static struct docs *fill(struct kit *k, documents *d)
{
	struct docs *docs;

	assert_int_equal(docs_open(k->store, feature_kinds, feature_n_kinds, &docs, NULL), 0);
	shuffle(d);
	docs_begin(docs);
	vec_foreach (d, w)
		docs_put(docs, w->kind, doc_copy(w->kind, w->doc));
	return docs;
}

static const struct want_vport *port_named(const struct netvirt_wants *w, const char *link)
{
	vec_foreach (&w->ports, p)
		if (streq(p->link, link))
			return p;
	return NULL;
}

static void check_rings(const struct netvirt_wants *w)
{
	vec_foreach (&w->ports, p) {
		size_t members = 0, steps = 0;
		const struct want_vport *at = p;

		vec_foreach (&w->ports, other)
			members += other->segment == p->segment;
		if (!p->vsid || p->policy || members == 1) {
			assert_string_equal(p->flood_next, "");
			continue;
		}
		/* All members of the segment and nobody else, once around. */
		do {
			at = port_named(w, at->flood_next);
			assert_non_null(at);
			assert_int_equal(at->segment, p->segment);
			steps++;
		} while (at != p && steps <= members);
		assert_int_equal(steps, members);
	}
}

static void check_ports(const struct docs *d, const struct netvirt_wants *w)
{
	vec_foreach (&w->ports, p) {
		const struct adapter_doc *a, *mine = NULL;
		char name[16];
		size_t known = 0;

		for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
			if (streq(adapter_port_name(&a->id, name), p->link))
				mine = a;
		assert_non_null(mine);
		assert_non_null(switch_get(d, &mine->switch_id));
		if (!guid_is_zero(&mine->vm))
			assert_int_equal(vm_get(d, &mine->vm)->state, VM_RUNNING);
		assert_int_equal(p->policy, p->vsid && netvirt_vsid_has_policy(d, p->vsid));
		assert_int_equal(p->segment & 0xffffff, p->vsid);
		assert_int_equal(p->segment >> 24, p->vsid && !p->policy ? switch_get(d, &mine->switch_id)->number : 0);
		assert_true(p->policy || (!p->any_ca && !p->ca6 && !p->more_ca && !p->n_cas && ip_is_zero(&p->src_pa4) &&
					  ip_is_zero(&p->src_pa6)));
		assert_true(!p->more_ca || !p->n_cas);
		assert_true(p->ca6 || !p->any_ca6);
		/* What it sends from are this host's addresses, at most one of each family. */
		vec_foreach (&w->pas, pa)
			known += ip_equal(&pa->pa, ip_is_v4(&pa->pa) ? &p->src_pa4 : &p->src_pa6);
		assert_int_equal(known, !ip_is_zero(&p->src_pa4) + !ip_is_zero(&p->src_pa6));
	}
}

static void check_dests(const struct docs *d, const struct netvirt_wants *w, const struct lab_tables *t)
{
	_cleanup_map_ struct map *seen = map_new();

	vec_foreach (&t->dests, dest) {
		struct {
			uint32_t segment;
			struct mac mac;
			uint8_t pad[2];
		} key = { .segment = dest->segment, .mac = dest->mac };
		size_t hops = 0;

		/* A table has a key once. */
		assert_null(map_put(seen, &key, sizeof(key), seen));
		vec_foreach (&w->hops, h)
			hops += ip_equal(&h->pa, &dest->pa) && h->encap == dest->encap;
		if (dest->remote) {
			assert_string_equal(dest->link, "");
			assert_int_equal(hops, 1);
		} else if (dest->link[0]) {
			const struct want_vport *p = port_named(w, dest->link);

			assert_non_null(p);
			assert_int_equal(p->segment, dest->segment);
			assert_true(mac_equal(&p->mac, &dest->mac));
		}
		/* Segments of policy are those that the wire can name. */
		assert_int_equal(dest->segment < 1u << 24, netvirt_vsid_has_policy(d, dest->segment & 0xffffff));
	}
	/* Every port that the dataplane switches is to be found, unless policy does not know it. */
	vec_foreach (&w->ports, p) {
		bool found = false;

		vec_foreach (&t->dests, dest)
			found |= dest->segment == p->segment && mac_equal(&dest->mac, &p->mac);
		assert_true(found || !p->vsid || p->policy);
	}
}

static void check_underlay(const struct docs *d, const struct netvirt_wants *w, const struct lab_tables *t)
{
	vec_foreach (&w->pas, p) {
		assert_non_null(switch_by_nic(d, p->nic));
		assert_true(netadapter_wnv_bound(d, p->nic));
		vec_foreach (&w->hops, h)
			assert_false(ip_equal(&h->pa, &p->pa));
	}
	vec_foreach (&w->hops, h) {
		bool uplink = false;

		vec_foreach (&w->uplinks, u)
			uplink |= streq(*u, h->nic);
		assert_int_equal(uplink, h->nic[0] != 0);
		assert_int_equal(ip_is_zero(&h->via), !uplink);
	}
	vec_foreach (&t->cas, c) {
		assert_false(ip_is_any(&c->ca));
		assert_false(c->local && c->router);
	}
}

/* The documents instead of the kit's own, so that links have their names. */
static char *wants_of(struct kit *k, struct docs *d)
{
	struct docs *own = k->docs;
	char *text;

	k->docs = d;
	text = lab_wants(k, "pdchaurRw");
	k->docs = own;
	return text;
}

static void random_documents(void **state)
{
	struct kit *k = *state;
	size_t entries = 0;

	for (int round = 0; round < ROUNDS; round++) {
		_cleanup_free_ char *first = NULL;
		documents d = { 0 };

		lab_random_documents(&d);
		for (int again = 0; again < 4; again++) {
			struct docs *docs = fill(k, &d);
			_cleanup_free_ char *text = wants_of(k, docs);
			struct netvirt_wants w;
			struct lab_tables t;

			if (first)
				assert_string_equal(first, text);
			else
				first = TAKE_PTR(text);
			netvirt_wants(docs, &w);
			lab_tables(&w, &t);
			check_rings(&w);
			check_ports(docs, &w);
			check_dests(docs, &w, &t);
			check_underlay(docs, &w, &t);
			entries += w.ports.n + t.dests.n + w.hops.n;
			lab_tables_done(&t);
			netvirt_wants_done(&w);
			docs_rollback(docs);
			docs_free(docs);
		}
		vec_foreach (&d, written)
			doc_free(written->kind, written->doc);
		vec_done(&d);
	}
	assert_true(entries > ROUNDS);
}

int property_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(random_documents) };

	return cmocka_run_group_tests_name("netvirt/property", tests, NULL, NULL);
}
