/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>

#define STRINGIFY_(x) #x
#define STRINGIFY(x) STRINGIFY_(x)

static const char schema[] =
	"CREATE TABLE document (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, key)) "
	"STRICT, WITHOUT ROWID;"
	"CREATE TABLE revision (value INTEGER NOT NULL) STRICT;"
	"INSERT INTO revision VALUES (0);"
	"PRAGMA user_version = " STRINGIFY(STORE_SCHEMA_VERSION) ";"
	/* Last: a file that carries it is whole. */
	"PRAGMA application_id = " STRINGIFY(STORE_APPLICATION_ID) ";";

/*
 * synchronous FULL: with WAL, NORMAL would lose the last commits when the power fails, and a cmdlet that said it was
 * done must stay done. One fsync a commit is what that costs. The WAL is cut back after a bulk load instead of keeping
 * its size for ever. A transaction stays in memory up to 512 MB (131072 pages) whatever the size of the cache: a
 * million records by random keys would otherwise write each page many times. trusted_schema off: a file that somebody
 * prepared must not run functions.
 */
static const char settings[] = "PRAGMA trusted_schema = OFF;"
			       "PRAGMA synchronous = FULL;"
			       "PRAGMA foreign_keys = OFF;"
			       "PRAGMA cache_size = -16384;"
			       "PRAGMA cache_spill = 131072;"
			       "PRAGMA temp_store = MEMORY;"
			       "PRAGMA journal_size_limit = 67108864;";

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int open_failed(const char *path, int errnum, const char *what, struct err **e)
{
	return err_set_errno(e, "Store.OpenFailed", errnum, path, "Cannot %s the store %s: %s.", what, path,
			     strerror(errnum));
}

static int execute(struct sqlite_store *s, const char *sql, struct err **e)
{
	int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : sqlite_err(s, code, "Store.OpenFailed", "open", e);
}

/*
 * One process a store. A record lock and not flock(): it is never inherited by a child, so a guest that outlives a
 * killed daemon cannot keep the store locked. On a file beside the database, since closing a descriptor of the database
 * itself would drop SQLite's own locks.
 */
static int take_lock(struct sqlite_store *s, struct err **e)
{
	_cleanup_free_ char *path = xasprintf("%s-lock", s->path);
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock_fd < 0)
		return open_failed(path, errno, "open", e);
	if (fcntl(s->lock_fd, F_SETLK, &lock) == 0)
		return 0;
	if (errno != EAGAIN && errno != EACCES)
		return open_failed(path, errno, "lock", e);
	if (fcntl(s->lock_fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		lock.l_pid = 0;
	return err_set_errno(e, "Store.InUse", EBUSY, s->path, "The store %s is in use by another process (%d).",
			     s->path, (int)lock.l_pid);
}

static int sync_directory(const char *path)
{
	_cleanup_free_ char *copy = xstrdup(path);
	_cleanup_close_ int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int open_database(struct sqlite_store *s, const char *path, struct err **e)
{
	int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
				   NULL);

	if (code != SQLITE_OK)
		return sqlite_err(s, code, "Store.OpenFailed", "open", e);
	sqlite3_busy_timeout(s->db, 5000);
	/* Limits of ours and not SQLite's gigabytes, should the file lie about a length. */
	sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 4 * STORE_VALUE_MAX);
	sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return execute(s, settings, e);
}

/*
 * A new store is made whole beside its place and then moved there: at its own name a file is either a store or
 * something wrong, and an empty file is never mistaken for a new one.
 */
static int create(struct sqlite_store *s, struct err **e)
{
	_cleanup_free_ char *path = xasprintf("%s.new", s->path);
	_cleanup_free_ char *journal = xasprintf("%s.new-journal", s->path);
	_cleanup_close_ int fd = -1;
	int r;

	/* Left over by somebody who died here; we hold the lock. */
	unlink(path);
	unlink(journal);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return open_failed(path, errno, "create", e);
	r = open_database(s, path, e);
	if (r >= 0)
		r = execute(s, "BEGIN EXCLUSIVE", e);
	if (r >= 0)
		r = execute(s, schema, e);
	if (r >= 0)
		r = execute(s, "COMMIT", e);
	sqlite3_close(TAKE_PTR(s->db));
	if (r >= 0 && (rename(path, s->path) < 0 || sync_directory(s->path) < 0))
		r = open_failed(s->path, errno, "create", e);
	if (r < 0) {
		unlink(path);
		unlink(journal);
	}
	return r;
}

static int cut_short(struct sqlite_store *s, struct err **e)
{
	return err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path, "The store %s is cut short.", s->path);
}

/* After a crash the end of the file may still be in the log alone. */
static bool log_has_pages(struct sqlite_store *s)
{
	_cleanup_free_ char *wal = xasprintf("%s-wal", s->path);
	struct stat st;

	return stat(wal, &st) == 0 && st.st_size > 0;
}

/*
 * Reads the file's head without SQLite, which on opening may already repair, and so change, what is not ours. The marks
 * lie at fixed places (SQLite file format, 1.3) and are written once, before the file gets its name.
 */
static int check_head(struct sqlite_store *s, struct err **e)
{
	static const char magic[16] = "SQLite format 3";
	_cleanup_close_ int fd = open(s->path, O_RDONLY | O_CLOEXEC);
	unsigned char head[100];
	struct stat st;
	off_t page_size;
	ssize_t n;

	if (fd < 0)
		return open_failed(s->path, errno, "open", e);
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return open_failed(s->path, errno, "read", e);
	if (n == 0)
		return err_advise(
			e, err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path, "The store %s is empty.", s->path),
			"Put the file back from a copy, or move it away to start empty.");
	if (memcmp(head, magic, MIN((size_t)n, sizeof(magic))) != 0)
		return err_set_errno(e, "Store.Foreign", EINVAL, s->path, "%s is not a store of Nestor.", s->path);
	if ((size_t)n < sizeof(head))
		return cut_short(s, e);
	if (be32(head + 68) != STORE_APPLICATION_ID)
		return err_set_errno(e, "Store.Foreign", EINVAL, s->path,
				     "%s is a database of something else, not a store of Nestor.", s->path);
	page_size = (off_t)head[16] << 8 | head[17];
	if (page_size == 1)
		page_size = 65536;
	/* SQLite takes a last page that is not all there for one that ends in zeros. */
	if (fstat(fd, &st) < 0 || (!log_has_pages(s) && st.st_size < (off_t)be32(head + 28) * page_size))
		return cut_short(s, e);
	return 0;
}

/* Whether there is a store to open (1), or one to be made (0). */
static int look(struct sqlite_store *s, struct err **e)
{
	_cleanup_free_ char *wal = xasprintf("%s-wal", s->path);
	struct stat st;
	int r;

	if (stat(s->path, &st) < 0) {
		if (errno != ENOENT)
			return open_failed(s->path, errno, "open", e);
		/* SQLite would throw the log away, and with it what somebody may still save. */
		if (stat(wal, &st) == 0)
			return err_advise(e,
					  err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path,
							"The store %s is missing, but its log %s is there.", s->path,
							wal),
					  "Put the file back from a copy, or move the log away to start empty.");
		return 0;
	}
	if (!S_ISREG(st.st_mode))
		return err_set_errno(e, "Store.Foreign", EINVAL, s->path, "%s is not a regular file.", s->path);
	r = check_head(s, e);
	if (r < 0)
		return r;
	if ((st.st_mode & 077) && chmod(s->path, 0600) < 0)
		return open_failed(s->path, errno, "protect", e);
	return 1;
}

static int check_format(struct sqlite_store *s, struct err **e)
{
	int64_t version = 0;
	int r;

	r = sqlite_number(s, "PRAGMA user_version", &version, e);
	if (r < 0)
		return r;
	if (version > STORE_SCHEMA_VERSION)
		return err_advise(e,
				  err_set_errno(e, "Store.TooNew", EINVAL, s->path,
						"The store %s has format %d; this version reads formats up to %d.",
						s->path, (int)version, STORE_SCHEMA_VERSION),
				  "Use the version of Nestor that wrote it, or a newer one.");
	if (version < 1)
		return err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path, "The store %s has no format number.",
				     s->path);
	return 0;
}

/*
 * Every page is visited: damage is found here, where the administrator sees it, and not by the first cmdlet that meets
 * it.
 */
static int check_whole(struct sqlite_store *s, struct err **e)
{
	_cleanup_free_ char *finding = NULL;
	sqlite3_stmt *statement = NULL;
	int code;

	code = sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		finding = xstrdup((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	if (code != SQLITE_ROW)
		return sqlite_err(s, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "Store.ReadFailed", "read", e);
	if (!streq(finding, "ok"))
		return err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path, "The store %s is damaged (%s).", s->path,
				     finding);
	return 0;
}

static int use_wal(struct sqlite_store *s, struct err **e)
{
	sqlite3_stmt *statement = NULL;
	bool wal = false;
	int code;

	code = sqlite3_prepare_v2(s->db, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		wal = sqlite3_stricmp((const char *)sqlite3_column_text(statement, 0), "wal") == 0;
	sqlite3_finalize(statement);
	if (code != SQLITE_ROW)
		return sqlite_err(s, code, "Store.OpenFailed", "open", e);
	if (!wal)
		return err_set_errno(e, "Store.OpenFailed", EOPNOTSUPP, s->path,
				     "The file system of %s cannot hold a store: it has no shared memory maps.",
				     s->path);
	return 0;
}

int store_open_sqlite(const char *path, struct store **ret, struct err **e)
{
	struct sqlite_store *s = xcalloc(1, sizeof(*s));
	_cleanup_store_ struct store *store = &s->store;
	int r;

	s->store.ops = &sqlite_store_ops;
	s->path = xstrdup(path);
	s->lock_fd = -1;
	r = take_lock(s, e);
	if (r >= 0)
		r = look(s, e);
	if (r == 0)
		r = create(s, e);
	if (r >= 0)
		r = open_database(s, s->path, e);
	if (r >= 0)
		r = check_format(s, e);
	if (r >= 0)
		r = check_whole(s, e);
	if (r >= 0)
		r = use_wal(s, e);
	if (r >= 0)
		r = sqlite_prepare(s, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(store);
	return 0;
}
