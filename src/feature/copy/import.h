/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "copy.h"

/* Import-VM -Domain; CALL_PENDING, or negative with *e. */
int import_domain(struct call *c, struct err **e);
