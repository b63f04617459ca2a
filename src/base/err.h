/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* PowerShell's ErrorCategory, as far as it is used; the names are what scripts see. */
#define ERR_CATEGORIES(X)                                                                                         \
	X(NOT_SPECIFIED, "NotSpecified")                                                                          \
	X(INVALID_ARGUMENT, "InvalidArgument")                                                                    \
	X(INVALID_OPERATION, "InvalidOperation")                                                                  \
	X(OBJECT_NOT_FOUND, "ObjectNotFound")                                                                     \
	X(RESOURCE_EXISTS, "ResourceExists")                                                                      \
	X(RESOURCE_BUSY, "ResourceBusy")                                                                          \
	X(RESOURCE_UNAVAILABLE, "ResourceUnavailable")                                                            \
	X(PERMISSION_DENIED, "PermissionDenied")                                                                  \
	X(NOT_IMPLEMENTED, "NotImplemented")                                                                      \
	X(WRITE_ERROR, "WriteError")                                                                              \
	X(PARSER_ERROR, "ParserError")                                                                            \
	X(LIMITS_EXCEEDED, "LimitsExceeded")

enum err_category {
#define X(id, name) ERR_##id,
	ERR_CATEGORIES(X)
#undef X
};

/*
 * Why something was refused or failed: one to one the API's error object and PowerShell's ErrorRecord.
 * id is stable ("Wnv.VsidOutOfRange"); message says what and why; advice says what to do (may be NULL); target names the
 * object or value (may be NULL); errnum is the positive errno behind it, or 0.
 */
struct err {
	char *id;
	enum err_category category;
	char *message;
	char *advice;
	char *target;
	int errnum;
};

/*
 * Makes *e (when e is not NULL and *e is still NULL: the first reason wins) and returns a negative errno for the caller
 * to return: -errnum when given, else one that fits the category.
 */
int err_set(struct err **e, const char *id, enum err_category category, const char *target, const char *format, ...)
	_printf_(5, 6);
int err_set_errno(struct err **e, const char *id, int errnum, const char *target, const char *format, ...)
	_printf_(5, 6);
/* Adds the advice to a fresh error; returns r, so that it can wrap err_set(). */
int err_advise(struct err **e, int r, const char *format, ...) _printf_(3, 4);
/* Another one that says the same; owned by the caller. */
struct err *err_copy(const struct err *e);
const char *err_category_name(enum err_category category);
void err_free(struct err *e);
DEFINE_CLEANUP(struct err *, err_free)
#define _cleanup_err_ _cleanup_(err_freep)
