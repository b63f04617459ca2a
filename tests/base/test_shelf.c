/* SPDX-License-Identifier: Apache-2.0 */
/* Documents by indexes, against looking at all of them; who watches commits; and the store's text against the JSON library. */
#include <ftw.h>

#include "base_test.h"
#include "docs.h"
#include "store.h"
#include "vec.h"

struct item {
	uint32_t number; /* the key */
	uint32_t colour;
	char *text;
};

static const struct doc_field item_fields[] = {
	DOC_FIELD(item, number, DOC_U32, "Number"),
	DOC_FIELD(item, colour, DOC_U32, "Colour"),
	DOC_FIELD(item, text, DOC_STR, "Text"),
};

static void item_key(const void *doc, struct str *ret)
{
	str_addf(ret, "%u", ((const struct item *)doc)->number);
}

/* 0 is in no group. */
static bool colour_key(const void *doc, void *ret)
{
	*(uint32_t *)ret = ((const struct item *)doc)->colour;
	return *(uint32_t *)ret != 0;
}

static bool unique_key(const void *doc, void *ret)
{
	*(uint64_t *)ret = ((const struct item *)doc)->number * 1000000007ull;
	return true;
}

static const struct doc_index by_colour = { sizeof(uint32_t), colour_key };
static const struct doc_index by_number = { sizeof(uint64_t), unique_key };
static const struct doc_index *const indexes[] = { &by_colour, &by_number };
static const struct doc_kind item_kind = { "item", sizeof(struct item), item_fields, ARRAY_SIZE(item_fields), item_key,
					   indexes, ARRAY_SIZE(indexes) };
static const struct doc_kind *const kinds[] = { &item_kind };

#define ITEMS 64
#define COLOURS 5

struct fixture {
	char directory[32];
	struct store *store;
	struct docs *docs;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	_cleanup_free_ char *path = NULL;

	strcpy(f->directory, "/tmp/nestor-shelf-XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	path = xasprintf("%s/nestor.db", f->directory);
	assert_int_equal(store_open_sqlite(path, &f->store, NULL), 0);
	assert_int_equal(docs_open(f->store, kinds, 1, &f->docs, NULL), 0);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	docs_free(f->docs);
	store_close(f->store);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static uint32_t state_of_dice = 88172645u;

static uint32_t dice(uint32_t sides)
{
	state_of_dice ^= state_of_dice << 13;
	state_of_dice ^= state_of_dice >> 17;
	state_of_dice ^= state_of_dice << 5;
	return state_of_dice % sides;
}

static void put(struct docs *d, uint32_t number, uint32_t colour)
{
	struct item *i = doc_new(&item_kind);

	i->number = number;
	i->colour = colour;
	docs_put(d, &item_kind, i);
}

/* colours[n]: of item n; UINT32_MAX: there is none. */
static void check(const struct docs *d, const uint32_t colours[static ITEMS])
{
	size_t groups = 0, expected_groups = 0, all = 0;
	const struct item *item;

	for (uint32_t colour = 0; colour < COLOURS; colour++) {
		size_t found = 0, expected = 0;

		for (uint32_t n = 0; n < ITEMS; n++)
			expected += colours[n] == colour;
		for (size_t pos = 0; (item = docs_find(d, &item_kind, &by_colour, &colour, &pos)); found++) {
			assert_int_equal(colours[item->number], colour);
			assert_in_range(pos, 1, docs_numbers(d, &item_kind) - 1);
		}
		assert_int_equal(found, colour ? expected : 0);
		expected_groups += colour && expected;
	}
	for (size_t pos = 0; docs_group(d, &item_kind, &by_colour, &pos); groups++)
		;
	assert_int_equal(groups, expected_groups);
	for (uint32_t n = 0; n < ITEMS; n++) {
		uint64_t key = n * 1000000007ull;
		size_t pos = 0, walked = 0;

		item = docs_find(d, &item_kind, &by_number, &key, &pos);
		assert_int_equal(item != NULL, colours[n] != UINT32_MAX);
		if (!item)
			continue;
		all++;
		assert_int_equal(item->number, n);
		/* One document has one number, whichever walk says it. */
		while (docs_next(d, &item_kind, &walked) != item)
			;
		assert_int_equal(walked, pos);
		assert_null(docs_find(d, &item_kind, &by_number, &key, &pos));
	}
	assert_int_equal(docs_count(d, &item_kind), all);
}

static void random_changes(void **state)
{
	struct docs *d = ((struct fixture *)*state)->docs;
	uint32_t colours[ITEMS], before[ITEMS];

	memset(colours, 0xff, sizeof(colours));
	for (int round = 0; round < 3000; round++) {
		memcpy(before, colours, sizeof(before));
		docs_begin(d);
		for (uint32_t i = dice(8); i; i--) {
			uint32_t n = dice(ITEMS), colour = dice(COLOURS);
			char key[16];

			snprintf(key, sizeof(key), "%u", n);
			if (dice(3)) {
				put(d, n, colour);
				colours[n] = colour;
			} else {
				docs_delete(d, &item_kind, key);
				colours[n] = UINT32_MAX;
			}
		}
		check(d, colours);
		if (dice(3) == 0) {
			docs_rollback(d);
			memcpy(colours, before, sizeof(colours));
			check(d, colours);
		} else {
			assert_int_equal(docs_commit(d, NULL, NULL), 0);
		}
	}
}

static void on_change(void *arg, const struct doc_kind *kind, const void *old, const void *now)
{
	const struct item *o = old, *n = now;

	assert_ptr_equal(kind, &item_kind);
	str_addf(arg, "%u:%d>%d ", o ? o->number : n->number, o ? (int)o->colour : -1, n ? (int)n->colour : -1);
}

/* Once for each document that is not as it was, whatever happened to it on the way. */
static void watching(void **state)
{
	struct docs *d = ((struct fixture *)*state)->docs;
	struct str heard = { 0 };

	docs_watch(d, on_change, &heard);
	docs_begin(d);
	put(d, 1, 1);
	put(d, 2, 2);
	put(d, 1, 3);
	assert_string_equal(str_get(&heard), "");
	assert_int_equal(docs_commit(d, NULL, NULL), 0);
	assert_string_equal(str_get(&heard), "1:-1>3 2:-1>2 ");
	str_done(&heard);
	docs_begin(d);
	put(d, 1, 4);
	put(d, 1, 3);
	docs_delete(d, &item_kind, "2");
	put(d, 3, 1);
	docs_delete(d, &item_kind, "3");
	put(d, 4, 1);
	assert_int_equal(docs_commit(d, NULL, NULL), 0);
	assert_string_equal(str_get(&heard), "2:2>-1 4:-1>1 ");
	str_done(&heard);
	docs_begin(d);
	put(d, 5, 4);
	docs_rollback(d);
	docs_unwatch(d, on_change, &heard);
	docs_begin(d);
	put(d, 6, 4);
	assert_int_equal(docs_commit(d, NULL, NULL), 0);
	assert_string_equal(str_get(&heard), "");
}

static void text(void **state)
{
	static const struct {
		const char *text, *expected; /* NULL: refused */
	} cases[] = {
		{ "{\"Number\":1,\"Colour\":2,\"Text\":\"a b~!\"}", "{\"Number\":1,\"Colour\":2,\"Text\":\"a b~!\"}" },
		{ "{\"Colour\":2,\"Number\":1}", "{\"Number\":1,\"Colour\":2}" },
		{ "{}", "{\"Number\":0,\"Colour\":0}" },
		{ " { \"Number\" : 1 } ", "{\"Number\":1,\"Colour\":0}" },
		{ "{\"Text\":null,\"Number\":4294967295}", "{\"Number\":4294967295,\"Colour\":0}" },
		{ "{\"Text\":\"\\u00e4\\\"\\\\\"}", "{\"Number\":0,\"Colour\":0,\"Text\":\"\xc3\xa4\\\"\\\\\"}" },
		{ "{\"Text\":\"\xc3\xa4\",\"Number\":1}", "{\"Number\":1,\"Colour\":0,\"Text\":\"\xc3\xa4\"}" },
		{ "{\"Number\":1,\"Number\":2,\"Text\":\"a\",\"Text\":\"b\"}", "{\"Number\":2,\"Colour\":0,\"Text\":\"b\"}" },
		{ "{\"Later\":[1,{}],\"Number\":1}", "{\"Number\":1,\"Colour\":0}" },
		{ "{\"Number\":4294967296}", NULL },
		{ "{\"Number\":99999999999999999999}", NULL },
		{ "{\"Number\":-1}", NULL },
		{ "{\"Number\":1.0}", NULL },
		{ "{\"Number\":01}", NULL },
		{ "{\"Number\":\"1\"}", NULL },
		{ "{\"Number\":true}", NULL },
		{ "{\"Number\":1,}", NULL },
		{ "{\"Number\":1}x", NULL },
		{ "{\"Number\":1", NULL },
		{ "{\"Number\":", NULL },
		{ "{\"Number\":nul}", NULL },
		{ "{\"Number\"", NULL },
		{ "{\"Text\":\"a", NULL },
		{ "{\"Text\":\"a\tb\"}", NULL },
		{ "{\"Text\":\"\xff\"}", NULL },
		{ "{\"Text\":5}", NULL },
		{ "{,\"Number\":1}", NULL },
		{ "{\"Number\":1 \"Colour\":2}", NULL },
		{ "", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Its end is the end of what may be read. */
		_cleanup_free_ char *exact = xmemdup(cases[i].text, strlen(cases[i].text)), *again = NULL;
		_cleanup_err_ struct err *e = NULL;
		void *doc = NULL;
		int r = doc_from_text(&item_kind, exact, strlen(cases[i].text), &doc, &e);

		if ((r < 0) != !cases[i].expected)
			fail_msg("%s", cases[i].text);
		if (r < 0) {
			assert_string_equal(e->id, "Store.BadDocument");
			assert_null(doc);
			continue;
		}
		again = doc_to_text(&item_kind, doc);
		assert_string_equal(again, cases[i].expected);
		doc_free(&item_kind, doc);
	}
}

int shelf_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(random_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(watching, setup, teardown),
		cmocka_unit_test(text),
	};

	return cmocka_run_group_tests_name("base/shelf", tests, NULL, NULL);
}
