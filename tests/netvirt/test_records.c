/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries of lookup records, made by changes alone: after each of many random changes the tables are those that a daemon makes
 * that starts with these documents, and comparing everything finds nothing to do. NESTOR_SEED repeats a sequence.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "../../src/engine/records.h"
#include "feature_list.h"
#include "hash.h"
#include "netvirt_test.h"
#include "store.h"

#define ROUNDS 2000

/* ---- tables in memory ---- */

static const struct {
	size_t key, value;
} sizes[BPF_TABLE_COUNT] = {
	[BPF_TABLE_DESTS] = { sizeof(struct dp_dest_key), sizeof(struct dp_dest) },
	[BPF_TABLE_CAS] = { sizeof(struct dp_ca_key), sizeof(struct dp_ca) },
	[BPF_TABLE_REWRITES] = { sizeof(union dp_addr), sizeof(struct dp_rewrite) },
	[BPF_TABLE_SOURCES] = { sizeof(struct dp_source_key), sizeof(struct dp_source) },
};

struct tables {
	struct map *maps[BPF_TABLE_COUNT];
	size_t walks, gets, writes, failures;
	unsigned fail;  /* one of so many writes fails; 0: none */
	uint32_t salt;  /* of numbers of interfaces: another one and all have changed */
};

static int walk(void *arg, enum bpf_table table, int (*each)(void *each_arg, const void *key, const void *value), void *each_arg)
{
	struct tables *t = arg;
	const void *key;
	void *value;

	t->walks++;
	for (size_t pos = 0; map_next(t->maps[table], &pos, &key, NULL, &value);)
		assert_int_equal(each(each_arg, key, value), 0);
	return 0;
}

static int get(void *arg, enum bpf_table table, const void *key, void *ret_value)
{
	struct tables *t = arg;
	void *value = map_get(t->maps[table], key, sizes[table].key);

	t->gets++;
	if (value)
		memcpy(ret_value, value, sizes[table].value);
	return value ? 0 : -ENOENT;
}

static bool fails(struct tables *t)
{
	bool f = t->fail && lab_dice(t->fail) == 0;

	t->failures += f;
	return f;
}

static int set(void *arg, enum bpf_table table, const void *keys, const void *values, size_t n)
{
	struct tables *t = arg;

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		const char *value = (const char *)values + i * sizes[table].value;

		if (fails(t))
			return -E2BIG;
		free(map_put(t->maps[table], (const char *)keys + i * sizes[table].key, sizes[table].key,
			     xmemdup(value, sizes[table].value)));
	}
	return 0;
}

static int del(void *arg, enum bpf_table table, const void *keys, size_t n)
{
	struct tables *t = arg;

	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		if (fails(t))
			return -ENOMEM;
		free(map_del(t->maps[table], (const char *)keys + i * sizes[table].key, sizes[table].key));
	}
	return 0;
}

static void done(void *arg, int r, const char *table, size_t n, bool set_)
{
	struct tables *t = arg;

	(void)table, (void)set_;
	assert_int_equal(r < 0, t->failures > 0);
	t->writes += n;
	t->failures = 0;
}

static const struct records_ops ops = { walk, get, set, del, done };

static struct tables tables_new(void)
{
	struct tables t = { 0 };

	for (int i = 0; i < BPF_TABLE_COUNT; i++)
		t.maps[i] = map_new();
	return t;
}

static void tables_done(struct tables *t)
{
	void *value;

	for (int i = 0; i < BPF_TABLE_COUNT; i++) {
		for (size_t pos = 0; map_next(t->maps[i], &pos, NULL, NULL, &value);)
			free(value);
		map_free(t->maps[i]);
	}
}

static void assert_same(const struct tables *one, const struct tables *other)
{
	const void *key;
	void *value;

	for (int i = 0; i < BPF_TABLE_COUNT; i++) {
		assert_int_equal(map_count(one->maps[i]), map_count(other->maps[i]));
		for (size_t pos = 0; map_next(one->maps[i], &pos, &key, NULL, &value);) {
			void *theirs = map_get(other->maps[i], key, sizes[i].key);

			assert_non_null(theirs);
			assert_memory_equal(value, theirs, sizes[i].value);
		}
	}
}

/* ---- this host ---- */

static uint32_t ifindex(void *arg, const char *link)
{
	return 1 + (uint32_t)hash_bytes(((struct tables *)arg)->salt, link, strlen(link)) % 60000;
}

/* A hop keeps its number while it is wanted; free ones are given again. Now and then one cannot be written, and has none. */
static void number_hops(const struct netvirt_wants *w, struct map **hops)
{
	struct map *now = map_new(), *used = map_new();
	uint32_t next = 1;

	vec_foreach(&w->hops, h) {
		struct hop_key key = { h->pa, (uint8_t)h->encap };
		uint32_t number = (uint32_t)(uintptr_t)map_get(*hops, &key, sizeof(key));

		if (!number || lab_dice(50) == 0)
			continue;
		map_put(now, &key, sizeof(key), (void *)(uintptr_t)number);
		map_put(used, &number, sizeof(number), now);
	}
	vec_foreach(&w->hops, h) {
		struct hop_key key = { h->pa, (uint8_t)h->encap };

		if (map_get(now, &key, sizeof(key)) || lab_dice(50) == 0)
			continue;
		while (map_get(used, &next, sizeof(next)))
			next++;
		map_put(now, &key, sizeof(key), (void *)(uintptr_t)next++);
	}
	map_free(used);
	map_free(*hops);
	*hops = now;
}

static void update(struct records *x, const struct netvirt_wants *w, const struct map *hops, struct tables *t)
{
	struct records_host host = { w, hops, ifindex };

	t->walks = t->gets = t->writes = 0;
	records_update(x, &host, t);
	records_delete(x, t);
}

/* ---- the tests ---- */

/* A transaction: documents of all kinds come, change and go; usually few. Sometimes all policy goes. */
static void change(struct docs *docs)
{
	unsigned chance = lab_dice(8) ? 40 : 3;
	bool wipe = lab_dice(30) == 0;
	lab_documents d = { 0 };

	lab_random_documents(&d);
	docs_begin(docs);
	for (size_t k = 0; k < feature_n_kinds; k++) {
		_cleanup_free_ const void **all = NULL;
		size_t n = docs_list(docs, feature_kinds[k], &all);

		for (size_t i = 0; i < n; i++) {
			_cleanup_free_ char *key = doc_key(feature_kinds[k], all[i]);

			if (lab_dice(chance) == 0 || (wipe && (feature_kinds[k] == &record_kind || feature_kinds[k] == &customer_route_kind)))
				docs_delete(docs, feature_kinds[k], key);
		}
	}
	vec_foreach(&d, w) {
		if (lab_dice(chance / 2) == 0)
			docs_put(docs, w->kind, doc_copy(w->kind, w->doc));
		doc_free(w->kind, w->doc);
	}
	vec_done(&d);
	assert_int_equal(docs_commit(docs, NULL, NULL), 0);
}

static uint32_t seed(void)
{
	const char *given = getenv("NESTOR_SEED");
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return given ? (uint32_t)strtoul(given, NULL, 0) | 1 : (uint32_t)(t.tv_nsec ^ t.tv_sec) | 1;
}

static void changes_are_all(void **state)
{
	struct kit *k = *state;
	struct tables tables = tables_new();
	struct records *x = records_new(&ops);
	struct map *hops = map_new();
	struct docs *docs;
	uint32_t s = seed();

	print_message("NESTOR_SEED=%u\n", s);
	lab_dice_seed(s);
	assert_int_equal(docs_open(k->store, feature_kinds, feature_n_kinds, &docs, NULL), 0);
	docs_watch(docs, records_note, x);
	for (int round = 0; round < ROUNDS; round++) {
		struct tables fresh = tables_new();
		struct records *all = records_new(&ops);
		struct netvirt_wants w;

		change(docs);
		netvirt_wants(docs, &w);
		number_hops(&w, &hops);
		if (lab_dice(20) == 0)
			tables.salt++;
		fresh.salt = tables.salt;
		tables.fail = lab_dice(10) ? 0 : 5;
		update(x, &w, hops, &tables);
		if (tables.fail) {
			/* What failed is done at the next time, whatever it was. */
			tables.fail = 0;
			update(x, &w, hops, &tables);
		} else {
			assert_int_equal(tables.walks, round ? 0 : BPF_TABLE_COUNT);
		}
		update(all, &w, hops, &fresh);
		assert_same(&tables, &fresh);
		/* A daemon that starts over these tables finds nothing to do, nor does this one. */
		records_compare_all(all);
		update(all, &w, hops, &tables);
		assert_int_equal(tables.walks, BPF_TABLE_COUNT);
		assert_int_equal(tables.writes, 0);
		update(x, &w, hops, &tables);
		assert_int_equal(tables.gets + tables.writes + tables.walks, 0);
		records_free(all);
		tables_done(&fresh);
		netvirt_wants_done(&w);
	}
	docs_unwatch(docs, records_note, x);
	docs_free(docs);
	records_free(x);
	tables_done(&tables);
	map_free(hops);
}

/* One more record among many asks for its own entries, and for no others. */
static void one_of_many(void **state)
{
	struct kit *k = *state;
	struct tables tables = tables_new();
	struct records *x = records_new(&ops);
	struct map *hops = map_new();
	struct netvirt_wants w;

	docs_watch(k->docs, records_note, x);
	docs_begin(k->docs);
	for (uint32_t i = 0; i < 5000; i++) {
		struct record_doc r = { .vsid = 5001, .ca = ip_from_v4(i << 8 | 10), .pa = ip_from_v4(192 | 1 << 24),
					.rule = NETVIRT_ENCAP, .mac = { { 2, [4] = (uint8_t)(i >> 8), (uint8_t)i } } };

		docs_put(k->docs, &record_kind, doc_copy(&record_kind, &r));
	}
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
	for (int round = 0; round < 3; round++) {
		lab_dice_seed(1);
		if (round == 1)
			lab_record(k, 5001, "11.0.0.1", "020000000000", "192.0.0.1", "");
		if (round == 2)
			lab_do(k, "Remove-NetVirtualizationLookupRecord", "{'VirtualSubnetID': 5001, 'CustomerAddress': '11.0.0.1'}");
		netvirt_wants(k->docs, &w);
		number_hops(&w, &hops);
		update(x, &w, hops, &tables);
		assert_int_equal(tables.walks, round ? 0 : BPF_TABLE_COUNT);
		assert_int_equal(tables.gets, round ? 2 : 0);
		/* The MAC is that of 10.0.0.0, which has its entry in either case. */
		assert_int_equal(tables.writes, round ? 1 : 10000);
		netvirt_wants_done(&w);
	}
	docs_unwatch(k->docs, records_note, x);
	records_free(x);
	tables_done(&tables);
	map_free(hops);
}

int records_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(changes_are_all), kit_test(one_of_many) };

	return cmocka_run_group_tests_name("netvirt/records", tests, NULL, NULL);
}
