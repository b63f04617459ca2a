/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "machine.h"
#include "save_image.h"
#include "vec.h"

/* Files of a machine that comes from elsewhere, copied to where those of machines lie: all of them, or none. */
struct machine_import_file {
	char *from, *to;
	bool memory; /* of a machine: it gets the ids; else small, and it may not be there at all */
};

struct machine_import {
	VEC(struct machine_import_file) files;
	VEC(struct save_image_id) ids;
};

/* path: the file that it is about; error: a sentence's end, NULL when r is 0; both borrowed. -EINVAL: it is not what it should be. */
typedef void (*machine_import_fn)(void *arg, int r, const char *path, const char *error);
/* Takes x; done is called later from machines_dispatch() or machines_close(), exactly once. */
void machines_import(struct machines *m, struct machine_import *x, machine_import_fn done, void *arg);
