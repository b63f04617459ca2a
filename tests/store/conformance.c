/* SPDX-License-Identifier: Apache-2.0 */
/* What every store must do, against the interface alone. A new store is a line in factories[]. */
#include "store_test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

struct factory {
	const char *name;
	/* Opens the store that lives in this directory, or is named after it; twice the same directory, twice the same
	 * store. */
	int (*open)(const char *directory, struct store **ret, struct err **e);
};

static int open_sqlite(const char *directory, struct store **ret, struct err **e)
{
	_cleanup_free_ char *path = xasprintf("%s/nestor.db", directory);

	return store_open_sqlite(path, ret, e);
}

static const struct factory factories[] = {
	{ "sqlite", open_sqlite },
};

static const struct factory *factory;

struct fixture {
	char *directory;
	struct store *store;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->directory = test_directory_new();
	assert_done(factory->open(f->directory, &f->store, &e));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	test_directory_remove(f->directory);
	free(f);
	return 0;
}

static void reopen(struct fixture *f)
{
	store_close(TAKE_PTR(f->store));
	assert_done(factory->open(f->directory, &f->store, &e));
}

static void begin(struct store *s)
{
	assert_done(store_begin(s, &e));
}

static void commit(struct store *s)
{
	assert_done(store_commit(s, &e));
}

static void put_one(struct store *s, const char *kind, const char *key, const char *value)
{
	begin(s);
	put(s, kind, key, value);
	commit(s);
}

static void test_new_store_is_empty(void **state)
{
	struct fixture *f = *state;

	assert_dump(f->store, NULL, "");
	assert_int_equal(store_revision(f->store), 0);
	assert_false(store_in_transaction(f->store));
}

static void test_put_get_replace_delete(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;
	_cleanup_free_ char *value = NULL;

	put_one(s, "vm", "a", "{\"n\":1}");
	assert_int_equal(store_get(s, "vm", "a", &value, NULL), 1);
	assert_string_equal(value, "{\"n\":1}");
	put_one(s, "vm", "a", "");
	assert_dump(s, "vm", "a=;");
	/* The same key of another kind is another document. */
	put_one(s, "switch", "a", "x");
	assert_dump(s, NULL, "switch/a=x;vm/a=;");
	begin(s);
	assert_int_equal(store_delete(s, "vm", "a", NULL), 1);
	assert_int_equal(store_delete(s, "vm", "a", NULL), 0);
	assert_int_equal(store_delete(s, "vm", "never", NULL), 0);
	commit(s);
	assert_dump(s, NULL, "switch/a=x;");
}

static void test_get_leaves_its_output_alone(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;
	char *value = "untouched";

	assert_int_equal(store_get(s, "vm", "a", &value, NULL), 0);
	assert_string_equal(value, "untouched");
	assert_refused(store_get(s, "VM", "a", &value, &e), "Store.BadKind");
	assert_string_equal(value, "untouched");
}

static void test_transaction_sees_its_own_writes(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;

	put_one(s, "vm", "a", "1");
	begin(s);
	put(s, "vm", "a", "2");
	put(s, "vm", "b", "3");
	assert_dump(s, "vm", "a=2;b=3;");
	assert_int_equal(store_delete(s, "vm", "a", NULL), 1);
	assert_dump(s, "vm", "b=3;");
	assert_true(store_in_transaction(s));
	commit(s);
	assert_false(store_in_transaction(s));
	assert_dump(s, "vm", "b=3;");
}

static void test_rollback_undoes_everything(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;

	put_one(s, "vm", "a", "1");
	put_one(s, "vm", "b", "1");
	begin(s);
	put(s, "vm", "a", "2");
	put(s, "vm", "c", "2");
	assert_int_equal(store_delete(s, "vm", "b", NULL), 1);
	store_rollback(s);
	store_rollback(s);
	assert_dump(s, NULL, "vm/a=1;vm/b=1;");
	assert_int_equal(store_revision(s), 2);
}

static void test_closing_rolls_back(void **state)
{
	struct fixture *f = *state;

	put_one(f->store, "vm", "a", "1");
	begin(f->store);
	put(f->store, "vm", "a", "2");
	reopen(f);
	assert_dump(f->store, NULL, "vm/a=1;");
	assert_int_equal(store_revision(f->store), 1);
}

static void test_reopening_keeps_everything(void **state)
{
	struct fixture *f = *state;

	put_one(f->store, "vm", "a", "1");
	put_one(f->store, "switch", "\xc3\xa4/\x01\xff", "\xe8\x99\x9a\xe6\x8b\x9f");
	reopen(f);
	assert_dump(f->store, NULL, "switch/\xc3\xa4/\x01\xff=\xe8\x99\x9a\xe6\x8b\x9f;vm/a=1;");
	assert_int_equal(store_revision(f->store), 2);
	put_one(f->store, "vm", "b", "2");
	assert_int_equal(store_revision(f->store), 3);
}

static void test_calls_out_of_order(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;

	assert_refused(store_put(s, "vm", "a", "1", &e), "Store.NoTransaction");
	assert_refused(store_delete(s, "vm", "a", &e), "Store.NoTransaction");
	assert_refused(store_commit(s, &e), "Store.NoTransaction");
	begin(s);
	assert_refused(store_begin(s, &e), "Store.InTransaction");
	put(s, "vm", "a", "1");
	commit(s);
	assert_dump(s, NULL, "vm/a=1;");
}

static void test_keys_are_ordered_bytewise(void **state)
{
	static const char *const keys[] = { "b", "\xff", "a/b", "a", "B", "10", "9", "a b", "\x01", "\xc3\xa4", "aa" };
	struct store *s = ((struct fixture *)*state)->store;

	begin(s);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		put(s, "vm", keys[i], "");
	put(s, "a-kind", "z", "");
	put(s, "vm-2", "0", "");
	assert_dump(s, "vm", "\x01=;10=;9=;B=;a=;a b=;a/b=;aa=;b=;\xc3\xa4=;\xff=;");
	commit(s);
	assert_dump(s, "vm", "\x01=;10=;9=;B=;a=;a b=;a/b=;aa=;b=;\xc3\xa4=;\xff=;");
	assert_dump(s, NULL, "a-kind/z=;vm/\x01=;vm/10=;vm/9=;vm/B=;vm/a=;vm/a b=;vm/a/b=;vm/aa=;vm/b=;vm/\xc3\xa4=;"
			     "vm/\xff=;vm-2/0=;");
}

static char *text_of(char c, size_t n)
{
	struct str text = {};

	str_pad(&text, c, n);
	return str_take(&text);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *kind = text_of('k', STORE_KIND_MAX), *long_kind = text_of('k', STORE_KIND_MAX + 1);
	_cleanup_free_ char *key = text_of('\xff', STORE_KEY_MAX), *long_key = text_of('y', STORE_KEY_MAX + 1);
	_cleanup_free_ char *value = text_of('v', STORE_VALUE_MAX), *long_value = text_of('v', STORE_VALUE_MAX + 1);
	_cleanup_free_ char *got = NULL;

	begin(f->store);
	assert_refused(store_put(f->store, "", "a", "", &e), "Store.BadKind");
	assert_refused(store_put(f->store, "Vm", "a", "", &e), "Store.BadKind");
	assert_refused(store_put(f->store, "v_m", "a", "", &e), "Store.BadKind");
	assert_refused(store_put(f->store, long_kind, "a", "", &e), "Store.BadKind");
	assert_refused(store_put(f->store, "vm", "", "", &e), "Store.BadKey");
	assert_refused(store_put(f->store, "vm", long_key, "", &e), "Store.BadKey");
	assert_refused(store_put(f->store, "vm", "a", long_value, &e), "Store.ValueTooLarge");
	assert_refused(store_delete(f->store, "Vm", "a", &e), "Store.BadKind");
	assert_refused(store_delete(f->store, "vm", "", &e), "Store.BadKey");
	assert_refused(store_scan(f->store, "Vm", NULL, NULL, &e), "Store.BadKind");
	/* A refusal does not spoil the transaction. */
	put(f->store, kind, key, value);
	commit(f->store);
	reopen(f);
	assert_int_equal(store_get(f->store, kind, key, &got, NULL), 1);
	assert_string_equal(got, value);
}

static int stop_at_second(void *arg, const struct store_document *document _unused_)
{
	return ++*(int *)arg == 2 ? -ECANCELED : 0;
}

static int scan_inside(void *arg, const struct store_document *document)
{
	struct store *s = arg;
	_cleanup_free_ char *value = NULL;

	assert_dump(s, "vm", "a=1;b=2;c=3;");
	assert_int_equal(store_get(s, "vm", document->key, &value, NULL), 1);
	assert_string_equal(value, document->value);
	return 0;
}

static int write_inside(void *arg, const struct store_document *document _unused_)
{
	struct store *s = arg;

	assert_refused(store_put(s, "vm", "d", "4", &e), "Store.InCallback");
	assert_refused(store_delete(s, "vm", "a", &e), "Store.InCallback");
	assert_refused(store_commit(s, &e), "Store.InCallback");
	return 0;
}

static void test_scan_stops_nests_and_does_not_write(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;
	int seen = 0;

	begin(s);
	put(s, "vm", "a", "1");
	put(s, "vm", "b", "2");
	put(s, "vm", "c", "3");
	assert_done(store_scan(s, "vm", write_inside, s, &e));
	commit(s);
	assert_int_equal(store_scan(s, "vm", stop_at_second, &seen, NULL), -ECANCELED);
	assert_int_equal(seen, 2);
	assert_done(store_scan(s, "vm", scan_inside, s, &e));
	assert_dump(s, NULL, "vm/a=1;vm/b=2;vm/c=3;");
}

struct watch {
	struct store *store;
	struct str seen;
	bool leave;
};

static void watch(void *arg, uint64_t revision, const struct store_change *changes, size_t n_changes)
{
	struct watch *w = arg;

	assert_int_equal(revision, store_revision(w->store));
	str_addf(&w->seen, "%d:", (int)revision);
	for (size_t i = 0; i < n_changes; i++)
		str_addf(&w->seen, " %s/%s=%s", changes[i].kind, changes[i].key,
			 changes[i].value ? changes[i].value : "-");
	str_addc(&w->seen, '\n');
	/* The commit is over: it can be read, and not written from here. */
	assert_false(store_in_transaction(w->store));
	for (size_t i = 0; i < n_changes; i++) {
		_cleanup_free_ char *value = NULL;

		assert_int_equal(store_get(w->store, changes[i].kind, changes[i].key, &value, NULL),
				 !!changes[i].value);
		if (value)
			assert_string_equal(value, changes[i].value);
	}
	assert_refused(store_begin(w->store, &e), "Store.InCallback");
	if (w->leave)
		store_unwatch(w->store, watch, w);
}

static void test_watch(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;
	struct watch first = { .store = s }, second = { .store = s, .leave = true };

	put_one(s, "vm", "before", "0");
	store_watch(s, watch, &first);
	store_watch(s, watch, &second);
	begin(s);
	put(s, "vm", "b", "1");
	put(s, "vm", "a", "1");
	put(s, "switch", "a", "1");
	put(s, "vm", "b", "2");
	put(s, "vm", "gone", "1");
	assert_int_equal(store_delete(s, "vm", "gone", NULL), 1);
	assert_int_equal(store_delete(s, "vm", "before", NULL), 1);
	assert_int_equal(store_delete(s, "vm", "never", NULL), 0);
	assert_string_equal(str_get(&first.seen), "");
	commit(s);
	begin(s);
	put(s, "vm", "rolled", "back");
	store_rollback(s);
	begin(s);
	commit(s);
	put_one(s, "vm", "a", "3");
	store_unwatch(s, watch, &first);
	put_one(s, "vm", "a", "4");
	assert_string_equal(str_get(&first.seen), "2: vm/b=2 vm/a=1 switch/a=1 vm/gone=- vm/before=-\n3: vm/a=3\n");
	assert_string_equal(str_get(&second.seen), "2: vm/b=2 vm/a=1 switch/a=1 vm/gone=- vm/before=-\n");
	str_done(&first.seen);
	str_done(&second.seen);
}

static void test_revision_counts_commits_that_wrote(void **state)
{
	struct store *s = ((struct fixture *)*state)->store;

	put_one(s, "vm", "a", "1");
	put_one(s, "vm", "a", "1");
	assert_int_equal(store_revision(s), 2);
	begin(s);
	assert_int_equal(store_delete(s, "vm", "never", NULL), 0);
	commit(s);
	begin(s);
	put(s, "vm", "a", "2");
	assert_int_equal(store_revision(s), 2);
	store_rollback(s);
	assert_int_equal(store_revision(s), 2);
}

/* A child opens the store, writes, tells so and is killed where it stands: in the middle (or just behind its commit).
 */
static void write_and_die(struct fixture *f, bool commits)
{
	int pipe_fds[2], status;
	char byte;
	pid_t pid;

	store_close(TAKE_PTR(f->store));
	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct store *s = NULL;

		if (factory->open(f->directory, &s, NULL) < 0 || store_begin(s, NULL) < 0)
			_exit(1);
		/* More than any cache holds, so that part of it is on the disk already. */
		for (int i = 0; i < 2000; i++) {
			_cleanup_free_ char *key = xasprintf("%d", i), *value = text_of('x', 20000);

			if (store_put(s, "vm", key, value, NULL) < 0)
				_exit(2);
		}
		if (store_delete(s, "vm", "kept", NULL) != 1 || (commits && store_commit(s, NULL) < 0) ||
		    write(pipe_fds[1], "", 1) != 1)
			_exit(3);
		pause();
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
	close(pipe_fds[0]);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_done(factory->open(f->directory, &f->store, &e));
}

static int count_one(void *arg, const struct store_document *document _unused_)
{
	++*(int *)arg;
	return 0;
}

static void test_killed_in_a_transaction(void **state)
{
	struct fixture *f = *state;
	int n = 0;

	put_one(f->store, "vm", "kept", "1");
	write_and_die(f, false);
	assert_dump(f->store, NULL, "vm/kept=1;");
	assert_int_equal(store_revision(f->store), 1);
	write_and_die(f, true);
	assert_done(store_scan(f->store, NULL, count_one, &n, &e));
	assert_int_equal(n, 2000);
	assert_int_equal(store_revision(f->store), 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
		TEST(new_store_is_empty),
		TEST(put_get_replace_delete),
		TEST(get_leaves_its_output_alone),
		TEST(transaction_sees_its_own_writes),
		TEST(rollback_undoes_everything),
		TEST(closing_rolls_back),
		TEST(reopening_keeps_everything),
		TEST(calls_out_of_order),
		TEST(keys_are_ordered_bytewise),
		TEST(limits),
		TEST(scan_stops_nests_and_does_not_write),
		TEST(watch),
		TEST(revision_counts_commits_that_wrote),
		TEST(killed_in_a_transaction),
#undef TEST
	};
	int failed = 0;

	for (factory = factories; factory < factories + ARRAY_SIZE(factories); factory++)
		failed += cmocka_run_group_tests_name(factory->name, tests, NULL, NULL);
	failed += sqlite_file_tests();
	return failed ? 1 : 0;
}
