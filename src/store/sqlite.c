/* SPDX-License-Identifier: Apache-2.0 */
#include "sqlite_impl.h"

#include <errno.h>

static const char *const statement_texts[STATEMENTS] = {
	/* IMMEDIATE: who else writes is found out here and not in the middle. */
	[STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
	[STATEMENT_PUT] = ("INSERT INTO document (kind, key, value) VALUES (?1, ?2, ?3) "
			   "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"),
	[STATEMENT_DELETE] = "DELETE FROM document WHERE kind = ?1 AND key = ?2",
	[STATEMENT_GET] = "SELECT value FROM document WHERE kind = ?1 AND key = ?2",
	[STATEMENT_NEXT_REVISION] = "UPDATE revision SET value = value + 1 RETURNING value",
};

int sqlite_err(struct sqlite_store *s, int code, const char *fallback_id, const char *doing, struct err **e)
{
	int errnum = s->db ? sqlite3_system_errno(s->db) : 0;
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(code);

	switch (code & 0xff) {
	case SQLITE_FULL:
		errnum = ENOSPC;
		break;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set_errno(e, "Store.Busy", EBUSY, s->path,
				     "Cannot %s the store %s: another process keeps it locked.", doing, s->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set_errno(e, "Store.Corrupt", EUCLEAN, s->path, "The store %s is damaged (%s).", s->path,
				     text);
	case SQLITE_IOERR:
		break;
	default:
		errnum = 0;
	}
	if (errnum == ENOSPC || errnum == EDQUOT)
		return err_advise(
			e,
			err_set_errno(e, "Store.Full", errnum, s->path,
				      "Cannot %s the store %s: no space is left on its disk. Nothing was changed.",
				      doing, s->path),
			"Make space on the file system of %s and try again.", s->path);
	return err_set_errno(e, fallback_id, errnum ? errnum : EIO, s->path, "Cannot %s the store %s: %s%s%s.", doing,
			     s->path, text, errnum ? ", " : "", errnum ? strerror(errnum) : "");
}

static int run(struct sqlite_store *s, enum sqlite_statement which)
{
	int code = sqlite3_step(s->statements[which]);

	sqlite3_reset(s->statements[which]);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void bind_name(sqlite3_stmt *statement, const char *kind, const char *key)
{
	/* Cannot fail: static text, valid indexes, and lengths that were checked. */
	sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
}

int sqlite_number(struct sqlite_store *s, const char *sql, int64_t *ret, struct err **e)
{
	sqlite3_stmt *statement = NULL;
	int code;

	code = sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	if (code == SQLITE_ROW)
		return 0;
	if (code == SQLITE_DONE)
		code = SQLITE_CORRUPT;
	return sqlite_err(s, code, "Store.ReadFailed", "read", e);
}

int sqlite_prepare(struct sqlite_store *s, struct err **e)
{
	int64_t revision;
	int r;

	for (int i = 0; i < STATEMENTS; i++) {
		int code = sqlite3_prepare_v3(s->db, statement_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
					      &s->statements[i], NULL);

		if (code != SQLITE_OK)
			return sqlite_err(s, code, "Store.OpenFailed", "open", e);
	}
	r = sqlite_number(s, "SELECT value FROM revision", &revision, e);
	if (r >= 0)
		s->store.revision = (uint64_t)revision;
	return r;
}

static void sqlite_close(struct store *store)
{
	struct sqlite_store *s = (struct sqlite_store *)store;

	for (int i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	/* Last, so that whoever gets the lock finds the file checkpointed. */
	cleanup_closep(&s->lock_fd);
	free(s->path);
	free(s);
}

static int sqlite_begin(struct store *store, struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	int code = run(s, STATEMENT_BEGIN);

	return code == SQLITE_OK ? 0 : sqlite_err(s, code, "Store.WriteFailed", "write", e);
}

static int sqlite_put(struct store *store, const char *kind, const char *key, const char *value, size_t value_size,
		      struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	int code;

	bind_name(s->statements[STATEMENT_PUT], kind, key);
	sqlite3_bind_text(s->statements[STATEMENT_PUT], 3, value, (int)value_size, SQLITE_STATIC);
	code = run(s, STATEMENT_PUT);
	return code == SQLITE_OK ? 0 : sqlite_err(s, code, "Store.WriteFailed", "write", e);
}

static int sqlite_delete(struct store *store, const char *kind, const char *key, struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	int code;

	bind_name(s->statements[STATEMENT_DELETE], kind, key);
	code = run(s, STATEMENT_DELETE);
	return code == SQLITE_OK ? sqlite3_changes(s->db) : sqlite_err(s, code, "Store.WriteFailed", "write", e);
}

static void sqlite_rollback(struct store *store)
{
	struct sqlite_store *s = (struct sqlite_store *)store;

	/* A full disk may have made SQLite roll back on its own. */
	if (!sqlite3_get_autocommit(s->db))
		run(s, STATEMENT_ROLLBACK);
}

static int sqlite_commit(struct store *store, bool wrote, struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *next = s->statements[STATEMENT_NEXT_REVISION];
	uint64_t revision = 0;
	int code, r = 0;

	if (!wrote) {
		sqlite_rollback(store);
		return 0;
	}
	code = sqlite3_step(next);
	if (code == SQLITE_ROW) {
		revision = (uint64_t)sqlite3_column_int64(next, 0);
		code = sqlite3_step(next);
	}
	sqlite3_reset(next);
	if (code == SQLITE_DONE)
		code = run(s, STATEMENT_COMMIT);
	if (code != SQLITE_OK) {
		r = sqlite_err(s, code, "Store.WriteFailed", "write", e);
		sqlite_rollback(store);
		return r;
	}
	store->revision = revision;
	return 0;
}

static int sqlite_get(struct store *store, const char *kind, const char *key, char **ret_value, struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *get = s->statements[STATEMENT_GET];
	int code, r = 0;

	bind_name(get, kind, key);
	code = sqlite3_step(get);
	if (code == SQLITE_ROW) {
		const void *text = sqlite3_column_text(get, 0);

		*ret_value = xstrndup(text ? text : "", (size_t)sqlite3_column_bytes(get, 0));
		r = 1;
	} else if (code != SQLITE_DONE) {
		r = sqlite_err(s, code, "Store.ReadFailed", "read", e);
	}
	sqlite3_reset(get);
	return r;
}

static int sqlite_scan(struct store *store, const char *kind, store_scan_fn fn, void *arg, struct err **e)
{
	struct sqlite_store *s = (struct sqlite_store *)store;
	sqlite3_stmt *scan = NULL; /* of its own: scans nest */
	int code, r = 0;

	code = sqlite3_prepare_v2(s->db,
				  kind ? "SELECT kind, key, value FROM document WHERE kind = ?1 ORDER BY key" :
					 "SELECT kind, key, value FROM document ORDER BY kind, key",
				  -1, &scan, NULL);
	if (code == SQLITE_OK && kind)
		code = sqlite3_bind_text(scan, 1, kind, -1, SQLITE_STATIC);
	if (code != SQLITE_OK)
		return sqlite_err(s, code, "Store.ReadFailed", "read", e);
	while (r == 0 && (code = sqlite3_step(scan)) == SQLITE_ROW) {
		struct store_document document = {
			.kind = (const char *)sqlite3_column_text(scan, 0),
			.key = (const char *)sqlite3_column_text(scan, 1),
			.value = (const char *)sqlite3_column_text(scan, 2),
		};

		document.value_size = (size_t)sqlite3_column_bytes(scan, 2);
		r = fn(arg, &document);
	}
	if (r == 0 && code != SQLITE_DONE)
		r = sqlite_err(s, code, "Store.ReadFailed", "read", e);
	sqlite3_finalize(scan);
	return r;
}

const struct store_ops sqlite_store_ops = {
	.close = sqlite_close,
	.begin = sqlite_begin,
	.put = sqlite_put,
	.del = sqlite_delete,
	.commit = sqlite_commit,
	.rollback = sqlite_rollback,
	.get = sqlite_get,
	.scan = sqlite_scan,
};
