/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sqlite3.h>

#include "store_impl.h"

/* "NSTR": marks the file as ours. */
#define STORE_APPLICATION_ID 0x4e535452
/* Grows with the schema; a file with a higher one is refused, one with a lower one is brought up to date. */
#define STORE_SCHEMA_VERSION 1

enum sqlite_statement {
	STATEMENT_BEGIN,
	STATEMENT_COMMIT,
	STATEMENT_ROLLBACK,
	STATEMENT_PUT,
	STATEMENT_DELETE,
	STATEMENT_GET,
	STATEMENT_NEXT_REVISION,
	STATEMENTS,
};

struct sqlite_store {
	struct store store;
	char *path;
	int lock_fd;
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
};

/* Makes *e of what the database said last. doing: "write", "read", ... for the message; fallback_id when no better one
 * fits. */
int sqlite_err(struct sqlite_store *s, int code, const char *fallback_id, const char *doing, struct err **e);
/* Prepares the statements and reads the revision. */
int sqlite_prepare(struct sqlite_store *s, struct err **e);
/* One number that an SQL text without parameters gives. */
int sqlite_number(struct sqlite_store *s, const char *sql, int64_t *ret, struct err **e);

extern const struct store_ops sqlite_store_ops;
