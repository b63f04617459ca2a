/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "shell.h"
#include "str.h"

/*
 * A host for the language without a daemon: a small catalogue, a few canned objects, and a record of everything that
 * happens (text of both streams, and each call as "POST NAME PARAMETERS [input]").
 */
struct fake_host {
	struct shell_host host;
	struct str record;
	size_t record_limit; /* 0: none; what comes beyond is dropped */
	json_t *catalogue;
	bool unreachable;
	volatile sig_atomic_t interrupted;
};

void fake_host_init(struct fake_host *f);
void fake_host_done(struct fake_host *f);
