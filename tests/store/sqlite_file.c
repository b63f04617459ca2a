/* SPDX-License-Identifier: Apache-2.0 */
/* The file under a SQLite store: what is refused, what a full disk does, who may read it. */
#include "store_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct fixture {
	char *directory;
	char *path;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->directory = test_directory_new();
	f->path = xasprintf("%s/nestor.db", f->directory);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_directory_remove(f->directory);
	free(f->path);
	free(f);
	return 0;
}

/* A store with some hundred pages, closed, so that all of it is in the one file. */
static void make_store(const char *path)
{
	_cleanup_store_ struct store *s = NULL;

	assert_done(store_open_sqlite(path, &s, &e));
	assert_done(store_begin(s, &e));
	for (int i = 0; i < 10000; i++) {
		_cleanup_free_ char *key = xasprintf("%08d", i);

		put(s, "vm", key, "{\"some\":\"document\",\"with\":\"a\",\"few\":\"members\"}");
	}
	assert_done(store_commit(s, &e));
}

/* Opening is refused with this id, and the file stays as it is, to the byte. */
static void assert_file_refused(const char *path, const char *id)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t before_size, after_size;
	struct store *s = NULL;

	assert_int_equal(read_file(path, 64 << 20, &before, &before_size), 0);
	assert_refused(store_open_sqlite(path, &s, &e), id);
	assert_null(s);
	assert_int_equal(read_file(path, 64 << 20, &after, &after_size), 0);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, after_size);
}

static void overwrite(const char *path, off_t at, const void *data, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, size, at), size);
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void test_only_its_owner_reads_it(void **state)
{
	struct fixture *f = *state;
	_cleanup_store_ struct store *s = NULL;
	_cleanup_free_ char *wal = xasprintf("%s-wal", f->path), *new = xasprintf("%s.new", f->path);
	mode_t mask = umask(0);
	struct stat st;

	assert_done(store_open_sqlite(f->path, &s, &e));
	assert_done(store_begin(s, &e));
	put(s, "vm", "a", "1");
	assert_done(store_commit(s, &e));
	umask(mask);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(stat(new, &st), -1);
	store_close(TAKE_PTR(s));
	assert_int_equal(chmod(f->path, 0644), 0);
	assert_done(store_open_sqlite(f->path, &s, &e));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
}

static void test_foreign_files_are_refused(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "This is my diary, and it is longer than a hundred bytes, "
				   "so that nobody takes it for a database that was cut short.\n";
	struct store *s = NULL;

	assert_int_equal(write_file_atomic(f->path, text, strlen(text)), 0);
	assert_file_refused(f->path, "Store.Foreign");
	assert_int_equal(write_file_atomic(f->path, text, 5), 0);
	assert_file_refused(f->path, "Store.Foreign");
	assert_int_equal(unlink(f->path), 0);
	sql(f->path, "CREATE TABLE document (kind, key, value); PRAGMA user_version = 1");
	assert_file_refused(f->path, "Store.Foreign");
	assert_int_equal(unlink(f->path), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_refused(store_open_sqlite(f->path, &s, &e), "Store.Foreign");
	assert_int_equal(rmdir(f->path), 0);
	assert_refused(store_open_sqlite("/nonexistent/nestor.db", &s, &e), "Store.OpenFailed");
}

static void test_other_formats_are_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f->path);
	sql(f->path, "PRAGMA user_version = 2");
	assert_file_refused(f->path, "Store.TooNew");
	sql(f->path, "PRAGMA user_version = 0");
	assert_file_refused(f->path, "Store.Corrupt");
}

static void test_truncated_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	make_store(f->path);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(st.st_size > 100 * 4096);
	for (off_t size = st.st_size - 1; size > 0; size = size > 65536 ? size - 65536 : size / 2) {
		assert_int_equal(truncate(f->path, size), 0);
		assert_file_refused(f->path, "Store.Corrupt");
	}
	assert_int_equal(truncate(f->path, 0), 0);
	assert_file_refused(f->path, "Store.Corrupt");
}

static void test_damaged_files_are_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *whole = NULL;
	char noise[4096];
	size_t size;

	memset(noise, 0xa5, sizeof(noise));
	make_store(f->path);
	assert_int_equal(read_file(f->path, 64 << 20, &whole, &size), 0);
	for (size_t page = 0; page < size / 4096; page += 7) {
		assert_int_equal(write_file_atomic(f->path, whole, size), 0);
		overwrite(f->path, (off_t)page * 4096, noise, page ? sizeof(noise) : 16);
		assert_file_refused(f->path, page ? "Store.Corrupt" : "Store.Foreign");
	}
}

static void test_a_log_without_its_store_is_kept(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *wal = xasprintf("%s-wal", f->path);
	struct store *s = NULL;

	assert_int_equal(write_file_atomic(wal, "log", 3), 0);
	assert_refused(store_open_sqlite(f->path, &s, &e), "Store.Corrupt");
	assert_int_equal(access(wal, F_OK), 0);
	assert_int_equal(access(f->path, F_OK), -1);
}

static void test_half_made_store_is_made_again(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *new = xasprintf("%s.new", f->path);
	_cleanup_store_ struct store *s = NULL;

	assert_int_equal(write_file_atomic(new, "half", 4), 0);
	assert_done(store_open_sqlite(f->path, &s, &e));
	assert_dump(s, NULL, "");
	assert_int_equal(access(new, F_OK), -1);
}

/* Runs fn in a child; the child's assertions are its exit code. */
static void in_child(void (*fn)(struct fixture *f), struct fixture *f)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		fn(f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* cmocka's assertions jump into the parent's stack: a child says what failed and leaves. */
#define child_assert(condition)                                                        \
	do {                                                                           \
		if (!(condition)) {                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			_exit(1);                                                      \
		}                                                                      \
	} while (0)

static bool refused_as(int r, struct err **e, const char *id)
{
	bool same = r < 0 && *e && streq((*e)->id, id);

	if (!same)
		fprintf(stderr, "%d %s: %s\n", r, *e ? (*e)->id : "", *e ? (*e)->message : "");
	err_free(TAKE_PTR(*e));
	return same;
}

static void open_second(struct fixture *f)
{
	struct err *e = NULL;
	struct store *s = NULL;

	child_assert(refused_as(store_open_sqlite(f->path, &s, &e), &e, "Store.InUse"));
}

static void test_second_process_is_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_store_ struct store *s = NULL;

	assert_done(store_open_sqlite(f->path, &s, &e));
	in_child(open_second, f);
	assert_done(store_begin(s, &e));
	put(s, "vm", "a", "1");
	assert_done(store_commit(s, &e));
}

/* Puts 25 MB, which must fail with this id; then the store is as before. */
static void fill_until(struct store *s, const char *id)
{
	_cleanup_free_ char *value = xmalloc(STORE_VALUE_MAX + 1);
	struct err *e = NULL;
	int r = 0, n = 0;

	memset(value, 'x', STORE_VALUE_MAX);
	value[STORE_VALUE_MAX] = 0;
	child_assert(store_begin(s, &e) == 0);
	while (r == 0 && n < 100) {
		_cleanup_free_ char *key = xasprintf("fill-%d", n++);

		r = store_put(s, "vm", key, value, &e);
	}
	if (r == 0)
		r = store_commit(s, &e);
	child_assert(refused_as(r, &e, id));
	store_rollback(s);
	child_assert(!store_in_transaction(s));
	child_assert(streq(test_dump(s, NULL), "vm/kept=1;"));
	child_assert(store_revision(s) == 1);
}

static void keep_one(struct store *s, const char *key)
{
	child_assert(store_begin(s, NULL) == 0);
	child_assert(store_put(s, "vm", key, "1", NULL) == 0);
	child_assert(store_commit(s, NULL) == 0);
}

static void fill_disk(struct fixture *f)
{
	_cleanup_free_ char *ballast = xasprintf("%s/ballast", f->directory), *block = xcalloc(1, 4096);
	struct store *s = NULL;
	struct err *e = NULL;
	int fd;

	child_assert(unshare(CLONE_NEWNS) == 0);
	child_assert(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	child_assert(mount("tmpfs", f->directory, "tmpfs", 0, "size=8m") == 0);
	child_assert(store_open_sqlite(f->path, &s, NULL) == 0);
	keep_one(s, "kept");
	fill_until(s, "Store.Full");
	/* Full to the last byte: what the log has in space may still take a small transaction; this one finds no place.
	 */
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	child_assert(fd >= 0);
	while (write(fd, block, 4096) > 0)
		;
	child_assert(errno == ENOSPC);
	fill_until(s, "Store.Full");
	child_assert(unlink(ballast) == 0 && close(fd) == 0);
	keep_one(s, "later");
	store_close(s);
	child_assert(store_open_sqlite(f->path, &s, &e) == 0);
	child_assert(streq(test_dump(s, NULL), "vm/kept=1;vm/later=1;"));
	child_assert(store_revision(s) == 2);
	store_close(s);
	/* A new store on a full disk: refused, nothing half left over. */
	fd = open(ballast, O_WRONLY | O_CREAT, 0600);
	while (write(fd, block, 4096) > 0)
		;
	free(f->path);
	f->path = xasprintf("%s/second.db", f->directory);
	child_assert(refused_as(store_open_sqlite(f->path, &s, &e), &e, "Store.Full"));
	child_assert(access(f->path, F_OK) < 0);
}

static void test_full_disk(void **state)
{
	if (geteuid() != 0)
		skip();
	in_child(fill_disk, *state);
}

static void limit_files(struct fixture *f)
{
	struct rlimit limit = { 1 << 20, RLIM_INFINITY };
	struct store *s = NULL;

	signal(SIGXFSZ, SIG_IGN);
	child_assert(store_open_sqlite(f->path, &s, NULL) == 0);
	keep_one(s, "kept");
	child_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	fill_until(s, "Store.WriteFailed");
	limit.rlim_cur = RLIM_INFINITY;
	child_assert(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	keep_one(s, "later");
	store_close(s);
	child_assert(store_open_sqlite(f->path, &s, NULL) == 0);
	child_assert(streq(test_dump(s, NULL), "vm/kept=1;vm/later=1;"));
}

/* A trigger of somebody else makes a single write fail, for real. */
static void test_failed_write_spoils_its_transaction(void **state)
{
	struct fixture *f = *state;
	_cleanup_store_ struct store *s = NULL;

	assert_done(store_open_sqlite(f->path, &s, &e));
	sql(f->path,
	    "CREATE TRIGGER no BEFORE INSERT ON document WHEN new.key = 'bad' BEGIN SELECT RAISE(FAIL, 'no'); END");
	assert_done(store_begin(s, &e));
	put(s, "vm", "good", "1");
	assert_refused(store_put(s, "vm", "bad", "1", &e), "Store.WriteFailed");
	assert_refused(store_put(s, "vm", "good", "2", &e), "Store.TransactionFailed");
	assert_refused(store_delete(s, "vm", "good", &e), "Store.TransactionFailed");
	assert_refused(store_commit(s, &e), "Store.TransactionFailed");
	assert_false(store_in_transaction(s));
	assert_dump(s, NULL, "");
	assert_int_equal(store_revision(s), 0);
	assert_done(store_begin(s, &e));
	put(s, "vm", "good", "3");
	assert_done(store_commit(s, &e));
	assert_dump(s, NULL, "vm/good=3;");
}

static void test_writes_that_fail(void **state)
{
	in_child(limit_files, *state);
}

int sqlite_file_tests(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)
		TEST(only_its_owner_reads_it),
		TEST(foreign_files_are_refused),
		TEST(other_formats_are_refused),
		TEST(truncated_files_are_refused),
		TEST(damaged_files_are_refused),
		TEST(a_log_without_its_store_is_kept),
		TEST(half_made_store_is_made_again),
		TEST(second_process_is_refused),
		TEST(failed_write_spoils_its_transaction),
		TEST(full_disk),
		TEST(writes_that_fail),
#undef TEST
	};

	return cmocka_run_group_tests_name("sqlite file", tests, NULL, NULL);
}
