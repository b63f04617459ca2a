/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/* Which kinds of documents and which cmdlets there are: a new feature adds a line to each. */
extern const struct doc_kind *const feature_kinds[];
extern const size_t feature_n_kinds;
extern const struct cmdlet *const feature_cmdlets[]; /* NULL-terminated */
