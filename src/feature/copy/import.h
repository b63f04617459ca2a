/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "copy.h"

/* Import-VM -Path; 0, CALL_PENDING, or negative with *e. */
int import_config(struct call *c, struct err **e);
/* Import-VM -Domain; CALL_PENDING, or negative with *e. */
int import_domain(struct call *c, struct err **e);
