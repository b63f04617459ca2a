/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest.h"

/*
 * RUN_DIR/guests/GUID.json: which process is the init of which guest. Together with the start time, which no later
 * process of the same pid shares, an entry names the process for good.
 */
struct registry_entry {
	struct guid id;
	char name[GUEST_NAME_SIZE];
	pid_t pid;
	uint64_t start_ticks;
	uint64_t started_us;
	uint64_t boot;
};

int registry_write(const char *dir, const struct registry_entry *e);
void registry_remove(const char *dir, const struct guid *id);

/*
 * Calls fn for every entry, in no order. Files that are no entries (wrong name, not JSON, missing or impossible
 * values) are removed when they end in .json, else left alone.
 */
int registry_each(const char *dir, void (*fn)(const struct registry_entry *e, void *arg), void *arg);
