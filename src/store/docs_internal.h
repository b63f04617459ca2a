/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "docs.h"

/* One field of a document, in the forms that docs_fields.c and docs_text.c share. */

static inline void *field_at(const struct doc_field *f, const void *doc)
{
	return (char *)(uintptr_t)doc + f->offset;
}

json_t *field_to_json(const struct doc_field *f, const void *p);
/* What a JSON string or integer says of a field at p, which is zero before. */
int field_from_text(const struct doc_field *f, const char *s, void *p);
int field_from_number(const struct doc_field *f, int64_t v, void *p);
