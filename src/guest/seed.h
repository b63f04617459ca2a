/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guid.h"

/* More than anybody writes by hand; what cloud services allow is a fraction of it. */
#define SEED_USER_DATA_MAX (1u << 20)

/*
 * Makes the image of a DVD on which cloud-init finds its user-data (data source NoCloud: the volume cidata), and meta-data by which
 * it knows the machine: it does what it does once per machine, not per start. Blocks: for a thread that may wait.
 * Negative: *message (owned by the caller) says why; an image that was there is then as it was.
 */
int seed_make(const char *user_data, const char *image, const struct guid *id, const char *name, char **message);
/* What a daemon that died while it made that image may have left of it. */
void seed_parts_remove(const char *image);
/* The meta-data, YAML. Pure; owned by the caller. */
char *seed_meta_data(const struct guid *id, const char *name);
