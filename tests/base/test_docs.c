/* SPDX-License-Identifier: Apache-2.0 */
/* Documents: fields to JSON and back, transactions and savepoints in memory, and what the store has afterwards. */
#include <errno.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base_test.h"
#include "docs.h"
#include "store.h"

static const char *const colours[] = { "Red", "Green", "Blue", NULL };

/* One field of each type. */
struct thing {
	char *name;
	char **tags;
	bool flag;
	uint32_t small;
	uint64_t large;
	uint32_t colour;
	struct mac mac;
	struct ip ip;
	struct prefix prefix;
	struct guid id;
	struct guid domain;
};

static const struct doc_field thing_fields[] = {
	DOC_FIELD(thing, name, DOC_STR, "Name"),
	DOC_FIELD(thing, tags, DOC_STRV, "Tags"),
	DOC_FIELD(thing, flag, DOC_BOOL, "Flag"),
	DOC_FIELD(thing, small, DOC_U32, "Small"),
	DOC_FIELD(thing, large, DOC_U64, "Large"),
	DOC_ENUM_FIELD(thing, colour, colours, "Colour"),
	DOC_FIELD(thing, mac, DOC_MAC, "Mac"),
	DOC_FIELD(thing, ip, DOC_IP, "Ip"),
	DOC_FIELD(thing, prefix, DOC_PREFIX, "Prefix"),
	DOC_FIELD(thing, id, DOC_GUID, "Id"),
	DOC_FIELD(thing, domain, DOC_GUID_BRACES, "Domain"),
};

static void thing_key(const void *doc, struct str *ret)
{
	const struct thing *t = doc;

	str_add(ret, t->name ? t->name : "-");
}

static const struct doc_kind thing_kind = { "thing", sizeof(struct thing), thing_fields, ARRAY_SIZE(thing_fields),
					    thing_key };
static const struct doc_kind other_kind = { "other", sizeof(struct thing), thing_fields, ARRAY_SIZE(thing_fields),
					    thing_key };
static const struct doc_kind *const kinds[] = { &thing_kind, &other_kind };

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

static struct thing *thing_from(const char *text)
{
	json_t *json = parse(text);
	void *doc = NULL;

	assert_int_equal(doc_from_json(&thing_kind, json, &doc, NULL), 0);
	json_decref(json);
	return doc;
}

static void assert_thing(const struct thing *t, const char *expected)
{
	json_t *json = doc_to_json(&thing_kind, t);
	_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

	for (char *p = text; *p; p++)
		if (*p == '"')
			*p = '\'';
	assert_string_equal(text, expected);
	json_decref(json);
}

#define FULL                                                                                                           \
	"{'Name':'n','Tags':['a','b'],'Flag':true,'Small':4294967295,'Large':9223372036854775807,'Colour':'Blue',"     \
	"'Mac':'00155D0A0B0C','Ip':'10.0.0.1','Prefix':'10.0.0.0/24','Id':'11111111-2222-3333-4444-00000000abcd',"     \
	"'Domain':'{11111111-2222-3333-4444-00000000ABCD}'}"
#define EMPTY                                                                                                          \
	"{'Name':null,'Tags':[],'Flag':false,'Small':0,'Large':0,'Colour':'Red','Mac':null,'Ip':'::',"                 \
	"'Prefix':'::/0','Id':null,'Domain':null}"

static void fields(void **state)
{
	struct thing *full = thing_from(FULL), *empty = doc_new(&thing_kind), *copy, *back;

	(void)state;
	assert_thing(full, FULL);
	assert_thing(empty, EMPTY);
	back = thing_from(EMPTY);
	assert_true(doc_equal(&thing_kind, empty, back));
	copy = doc_copy(&thing_kind, full);
	assert_true(doc_equal(&thing_kind, full, copy));
	assert_ptr_not_equal(copy->name, full->name);
	assert_false(doc_equal(&thing_kind, full, empty));
	doc_free(&thing_kind, full);
	doc_free(&thing_kind, empty);
	doc_free(&thing_kind, back);
	doc_free(&thing_kind, copy);
	doc_free(&thing_kind, NULL);
}

/* A difference in any one field is a difference. */
static void every_field_counts(void **state)
{
	static const char *const others[] = {
		"'m'",
		"['a']",
		"false",
		"1",
		"1",
		"'Red'",
		"'00155D0A0B0D'",
		"'10.0.0.2'",
		"'10.0.0.0/25'",
		"'11111111-2222-3333-4444-00000000abce'",
		"'{11111111-2222-3333-4444-00000000ABCE}'",
	};
	struct thing *full = thing_from(FULL);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(thing_fields); i++) {
		json_t *json = parse(FULL), *wrapped;
		_cleanup_free_ char *text = xasprintf("[%s]", others[i]);
		void *other = NULL, *copy;

		wrapped = parse(text);
		json_object_set(json, thing_fields[i].name, json_array_get(wrapped, 0));
		assert_int_equal(doc_from_json(&thing_kind, json, &other, NULL), 0);
		copy = doc_copy(&thing_kind, other);
		assert_false(doc_equal(&thing_kind, full, other));
		assert_true(doc_equal(&thing_kind, copy, other));
		doc_free(&thing_kind, other);
		doc_free(&thing_kind, copy);
		json_decref(json);
		json_decref(wrapped);
	}
	doc_free(&thing_kind, full);
}

static void shapes(void **state)
{
	static const char *const good[] = {
		"{}",
		"{'Unknown':1,'name':'other'}",
		"{'Name':''}",
		"{'Name':null}",
		"{'Tags':[]}",
		"{'Tags':['']}",
		"{'Small':0}",
		"{'Mac':'00:15:5d:0a:0b:0c'}",
		"{'Prefix':'10.0.0.9/24'}",
		"{'Id':'{11111111-2222-3333-4444-00000000abcd}'}",
	};
	static const char *const bad[] = {
		"[]",
		"{'Name':1}",
		"{'Name':['n']}",
		"{'Name':true}",
		"{'Tags':'a'}",
		"{'Tags':[1]}",
		"{'Tags':['a',null]}",
		"{'Tags':{}}",
		"{'Flag':1}",
		"{'Flag':'true'}",
		"{'Small':-1}",
		"{'Small':4294967296}",
		"{'Small':'1'}",
		"{'Small':1.0}",
		"{'Large':-1}",
		"{'Large':'1'}",
		"{'Colour':'red'}",
		"{'Colour':'Purple'}",
		"{'Colour':0}",
		"{'Colour':''}",
		"{'Mac':'0'}",
		"{'Mac':0}",
		"{'Ip':'10.0.0'}",
		"{'Ip':1}",
		"{'Prefix':'10.0.0.0'}",
		"{'Id':'x'}",
		"{'Domain':'x'}",
		"{'Name':'kept','Tags':['kept'],'Domain':{}}",
	};
	json_t *nul;
	void *doc = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		doc_free(&thing_kind, thing_from(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		_cleanup_err_ struct err *e = NULL;
		json_t *json = parse(bad[i]);

		if (doc_from_json(&thing_kind, json, &doc, &e) >= 0)
			fail_msg("%s", bad[i]);
		assert_null(doc);
		assert_string_equal(e->id, "Store.BadDocument");
		json_decref(json);
	}
	nul = json_object();
	json_object_set_new(nul, "Name", json_stringn("a\0b", 3));
	assert_int_equal(doc_from_json(&thing_kind, nul, &doc, NULL), -EINVAL);
	json_object_clear(nul);
	json_object_set_new(nul, "Tags", json_pack("[s#]", "a\0b", (size_t)3));
	assert_int_equal(doc_from_json(&thing_kind, nul, &doc, NULL), -EINVAL);
	json_decref(nul);
}

struct fixture {
	char *directory, *path;
	struct store *store;
	struct docs *docs;
};

static void fixture_open(struct fixture *f)
{
	assert_int_equal(store_open_sqlite(f->path, &f->store, NULL), 0);
	assert_int_equal(docs_open(f->store, kinds, ARRAY_SIZE(kinds), &f->docs, NULL), 0);
}

static void fixture_close(struct fixture *f)
{
	docs_free(f->docs);
	store_close(f->store);
	f->docs = NULL;
	f->store = NULL;
}

static int setup(void **state)
{
	char directory[] = "/tmp/nestor-docs-XXXXXX";
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->directory = xstrdup(mkdtemp(directory));
	f->path = xasprintf("%s/nestor.db", f->directory);
	fixture_open(f);
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

	fixture_close(f);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f->directory);
	free(f->path);
	free(f);
	return 0;
}

static void put(struct docs *d, const char *name, uint32_t small)
{
	struct thing *t = doc_new(&thing_kind);

	t->name = xstrdup(name);
	t->small = small;
	docs_put(d, &thing_kind, t);
}

/* "name=small;" in the order of docs_list() */
static char *dump(const struct docs *d, const struct doc_kind *kind)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, kind, &all), walked = 0;
	struct str s = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct thing *t = all[i];

		str_addf(&s, "%s=%u;", t->name, t->small);
		assert_ptr_equal(docs_get(d, kind, t->name), t);
	}
	for (size_t pos = 0; docs_next(d, kind, &pos);)
		walked++;
	assert_int_equal(walked, n);
	assert_int_equal(docs_count(d, kind), n);
	return str_take(&s);
}

#define assert_docs(d, expected)                                                                                       \
	do {                                                                                                           \
		_cleanup_free_ char *_dump = dump(d, &thing_kind);                                                     \
		assert_string_equal(_dump, expected);                                                                  \
	} while (0)

static void reopen(struct fixture *f)
{
	fixture_close(f);
	fixture_open(f);
}

static void commit(struct docs *d, bool expected)
{
	bool changed = !expected;

	assert_int_equal(docs_commit(d, &changed, NULL), 0);
	assert_int_equal(changed, expected);
}

static void transactions(void **state)
{
	struct fixture *f = *state;
	struct docs *d = f->docs;

	assert_docs(d, "");
	docs_begin(d);
	put(d, "b", 1);
	put(d, "a", 1);
	put(d, "ab", 1);
	assert_docs(d, "a=1;ab=1;b=1;");
	assert_null(docs_get(d, &other_kind, "a"));
	commit(d, true);
	docs_begin(d);
	put(d, "a", 2);
	docs_delete(d, &thing_kind, "b");
	docs_delete(d, &thing_kind, "nobody");
	assert_docs(d, "a=2;ab=1;");
	docs_rollback(d);
	assert_docs(d, "a=1;ab=1;b=1;");
	docs_begin(d);
	/* The key may be the document's own text. */
	docs_delete(d, &thing_kind, ((const struct thing *)docs_get(d, &thing_kind, "ab"))->name);
	put(d, "a", 3);
	put(d, "a", 4);
	docs_delete(d, &thing_kind, "b");
	put(d, "b", 5);
	put(d, "brief", 1);
	docs_delete(d, &thing_kind, "brief");
	commit(d, true);
	assert_docs(d, "a=4;b=5;");
	reopen(f);
	assert_docs(f->docs, "a=4;b=5;");
	docs_begin(f->docs);
	docs_delete(f->docs, &thing_kind, "a");
	docs_delete(f->docs, &thing_kind, "b");
	commit(f->docs, true);
	reopen(f);
	assert_docs(f->docs, "");
}

static void savepoints(void **state)
{
	struct fixture *f = *state;
	struct docs *d = f->docs;
	size_t first, second;

	docs_begin(d);
	put(d, "a", 1);
	first = docs_mark(d);
	put(d, "a", 2);
	put(d, "b", 2);
	second = docs_mark(d);
	docs_delete(d, &thing_kind, "a");
	put(d, "b", 3);
	put(d, "c", 3);
	assert_docs(d, "b=3;c=3;");
	docs_rollback_to(d, docs_mark(d));
	assert_docs(d, "b=3;c=3;");
	docs_rollback_to(d, second);
	assert_docs(d, "a=2;b=2;");
	put(d, "d", 4);
	docs_rollback_to(d, first);
	assert_docs(d, "a=1;");
	put(d, "e", 5);
	commit(d, true);
	assert_docs(d, "a=1;e=5;");
	reopen(f);
	assert_docs(f->docs, "a=1;e=5;");
}

/* Nothing that differs from what was is no change, and no revision. */
static void no_change(void **state)
{
	struct fixture *f = *state;
	struct docs *d = f->docs;
	uint64_t revision;

	docs_begin(d);
	put(d, "a", 1);
	commit(d, true);
	revision = store_revision(f->store);
	docs_begin(d);
	commit(d, false);
	docs_begin(d);
	put(d, "a", 1);
	commit(d, false);
	docs_begin(d);
	put(d, "a", 2);
	put(d, "a", 1);
	docs_delete(d, &thing_kind, "a");
	put(d, "a", 1);
	put(d, "b", 1);
	docs_delete(d, &thing_kind, "b");
	commit(d, false);
	assert_int_equal(store_revision(f->store), revision);
	assert_docs(d, "a=1;");
	docs_begin(d);
	docs_delete(d, &thing_kind, "a");
	put(d, "a", 2);
	assert_int_equal(docs_commit(d, NULL, NULL), 0);
	assert_int_equal(store_revision(f->store), revision + 1);
}

/* Random transactions, some rolled back; after each the reopened store has what memory had. */
static void reopened_is_equal(void **state)
{
	struct fixture *f = *state;
	uint32_t random = 88172645;

	for (int round = 0; round < 30; round++) {
		_cleanup_free_ char *before = dump(f->docs, &thing_kind), *after = NULL, *again = NULL;

		docs_begin(f->docs);
		for (int i = 0; i < 40; i++) {
			char name[16];

			random = random * 1103515245 + 12345;
			snprintf(name, sizeof(name), "%u", (random >> 16) % 50);
			if ((random >> 8) % 3)
				put(f->docs, name, random >> 24);
			else
				docs_delete(f->docs, &thing_kind, name);
		}
		if (round % 4 == 3)
			docs_rollback(f->docs);
		else
			assert_int_equal(docs_commit(f->docs, NULL, NULL), 0);
		after = dump(f->docs, &thing_kind);
		if (round % 4 == 3)
			assert_string_equal(before, after);
		reopen(f);
		again = dump(f->docs, &thing_kind);
		assert_string_equal(after, again);
	}
}

static void all_fields_survive(void **state)
{
	struct fixture *f = *state;
	struct thing *full = thing_from(FULL);

	docs_begin(f->docs);
	docs_put(f->docs, &thing_kind, doc_copy(&thing_kind, full));
	docs_put(f->docs, &other_kind, doc_copy(&thing_kind, full));
	docs_put(f->docs, &thing_kind, doc_new(&thing_kind));
	commit(f->docs, true);
	reopen(f);
	assert_true(doc_equal(&thing_kind, docs_get(f->docs, &thing_kind, "n"), full));
	assert_true(doc_equal(&thing_kind, docs_get(f->docs, &other_kind, "n"), full));
	assert_thing(docs_get(f->docs, &thing_kind, "-"), EMPTY);
	doc_free(&thing_kind, full);
}

static void bad_documents(void **state)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "a", "{\"Name\":\"b\"}" },
		{ "a", "{}" },
		{ "a", "{\"Name\":\"a\",\"Small\":-1}" },
		{ "a", "[]" },
		{ "a", "" },
		{ "a", "{\"Name\":\"a\"" },
		{ "a", "null" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err *e = NULL;
		struct docs *d = NULL;

		assert_int_equal(store_begin(f->store, NULL), 0);
		assert_int_equal(store_put(f->store, "thing", cases[i].key, cases[i].value, NULL), 0);
		assert_int_equal(store_commit(f->store, NULL), 0);
		if (docs_open(f->store, kinds, ARRAY_SIZE(kinds), &d, &e) >= 0)
			fail_msg("%s", cases[i].value);
		assert_null(d);
		assert_string_equal(e->id, "Store.BadDocument");
	}
	/* What a newer version wrote in addition is no reason to stop. */
	assert_int_equal(store_begin(f->store, NULL), 0);
	assert_int_equal(store_put(f->store, "thing", "a", "{\"Name\":\"a\",\"Later\":{}}", NULL), 0);
	assert_int_equal(store_commit(f->store, NULL), 0);
	reopen(f);
	assert_docs(f->docs, "a=0;");
}

/* A key that the store refuses: the whole transaction is undone. */
static void refused_by_the_store(void **state)
{
	struct fixture *f = *state;
	_cleanup_err_ struct err *e = NULL;
	char name[STORE_KEY_MAX + 2];
	bool changed = false;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	docs_begin(f->docs);
	put(f->docs, "a", 1);
	commit(f->docs, true);
	docs_begin(f->docs);
	put(f->docs, "a", 2);
	put(f->docs, "b", 2);
	put(f->docs, name, 2);
	put(f->docs, "c", 2);
	assert_true(docs_commit(f->docs, &changed, &e) < 0);
	assert_string_equal(e->id, "Store.BadKey");
	assert_false(changed || store_in_transaction(f->store));
	assert_docs(f->docs, "a=1;");
	docs_begin(f->docs);
	put(f->docs, "d", 3);
	commit(f->docs, true);
	reopen(f);
	assert_docs(f->docs, "a=1;d=3;");
}

/* cmocka's assertions jump into the parent's stack: a child says what failed and leaves. */
#define child_assert(condition)                                                                                        \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

static bool docs_are(const struct docs *d, const char *expected)
{
	_cleanup_free_ char *now = dump(d, &thing_kind);

	return streq(now, expected);
}

static void fill_disk(const char *directory)
{
	_cleanup_free_ char *path = xasprintf("%s/nestor.db", directory), *big = xmalloc(100001);
	struct store *store = NULL;
	struct docs *d = NULL;
	struct err *e = NULL;

	memset(big, 'x', 100000);
	big[100000] = 0;
	child_assert(unshare(CLONE_NEWNS) == 0);
	child_assert(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	child_assert(mount("tmpfs", directory, "tmpfs", 0, "size=4m") == 0);
	child_assert(store_open_sqlite(path, &store, NULL) == 0);
	child_assert(docs_open(store, kinds, ARRAY_SIZE(kinds), &d, NULL) == 0);
	docs_begin(d);
	put(d, "kept", 1);
	put(d, "gone", 1);
	child_assert(docs_commit(d, NULL, NULL) == 0);
	docs_begin(d);
	put(d, "kept", 2);
	docs_delete(d, &thing_kind, "gone");
	for (int i = 0; i < 100; i++) {
		struct thing *t = doc_new(&thing_kind);

		t->name = xasprintf("fill-%d", i);
		t->tags = xcalloc(2, sizeof(*t->tags));
		t->tags[0] = xstrdup(big);
		docs_put(d, &thing_kind, t);
	}
	child_assert(docs_commit(d, NULL, &e) == -ENOSPC);
	child_assert(streq(e->id, "Store.Full"));
	err_free(e);
	child_assert(docs_are(d, "gone=1;kept=1;"));
	docs_begin(d);
	put(d, "later", 1);
	child_assert(docs_commit(d, NULL, NULL) == 0);
	docs_free(d);
	store_close(store);
	child_assert(store_open_sqlite(path, &store, NULL) == 0);
	child_assert(docs_open(store, kinds, ARRAY_SIZE(kinds), &d, NULL) == 0);
	child_assert(docs_are(d, "gone=1;kept=1;later=1;"));
	docs_free(d);
	store_close(store);
}

static void full_disk(void **state)
{
	struct fixture *f = *state;
	int status = -1;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		fill_disk(f->directory);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

#define docs_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int docs_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),     cmocka_unit_test(every_field_counts),
		cmocka_unit_test(shapes),     docs_test(transactions),
		docs_test(savepoints),	      docs_test(no_change),
		docs_test(reopened_is_equal), docs_test(all_fields_survive),
		docs_test(bad_documents),     docs_test(refused_by_the_store),
		docs_test(full_disk),
	};

	return cmocka_run_group_tests_name("base/docs", tests, NULL, NULL);
}
