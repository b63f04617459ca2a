/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"
#include "types.h"
#include "value.h"

/* As "$v" shows it: arrays joined by blanks. Cut off at VALUE_MAX_STRING. */
void value_add_text(struct str *s, const struct value *v);
char *value_text(const struct value *v);
/* As a cell of a table shows it: {a, b}, True, nothing for $null. */
void value_add_cell(struct str *s, const struct value *v);
bool value_truth(const struct value *v);
/* Numbers from text as PowerShell reads them ("0x10", "1.5", "4kb", blanks around). -EINVAL otherwise. */
int value_parse_number(struct heap *h, const char *text, struct value **ret);
/* A whole number, rounded to even; -EINVAL (no number), -ERANGE. */
int value_to_int(const struct value *v, int64_t *ret);
int value_to_real(const struct value *v, double *ret);
/* A new reference. *e: id InvalidCast. */
int value_cast(struct heap *h, struct value *v, int type, struct value **ret, struct err **e);
bool value_is_type(const struct value *v, int type);
const char *value_type_name(const struct value *v);

/* Depth beyond which a value is shown as text in JSON (ConvertTo-Json -Depth). */
json_t *value_to_json(const struct value *v, unsigned depth);
/* NULL when it nests deeper than VALUE_MAX_DEPTH (or $null itself: check json_is_null). type: of the outer objects. */
struct value *value_from_json(struct heap *h, const json_t *j, const char *type);
