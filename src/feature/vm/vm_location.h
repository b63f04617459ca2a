/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm.h"

/*
 * Where files of virtual machines lie: directories that an administrator names. Their own rules besides vm_check_path(): a directory is
 * kept by its canonical path, and no user but root and the daemon's may be able to put another in the place of any part of it.
 */

/* What Set-VMHost has said; NULL: the daemon's own directories. */
struct vm_host_doc {
	char *disk_path;
	char *machine_path;
};
extern const struct doc_kind vm_host_kind; /* one, key "host" */

/* Of images that are named without a directory, and of new virtual machines. Valid until the document changes. */
const char *vm_host_disk_path(struct call *c);
const char *vm_host_machine_path(struct call *c);

/* What a virtual machine keeps besides its disks, and what its checkpoints are made of. */
const char *vm_path(struct call *c, const struct vm_doc *vm);
const char *vm_snapshot_path(struct call *c, const struct vm_doc *vm);

/*
 * A directory that a parameter names: *ret, its canonical path, is the caller's. Vm.PathInvalid, Location.NotFound (it is not there, or no
 * directory), Location.Unsafe (other users can change where it leads).
 */
int location_resolve(const char *param, const char *path, char **ret, struct err **e);
/* Before files are made in one that was named once: the same errors, since it may have vanished. The daemon's own are always good. */
int location_check(struct call *c, const char *path, struct err **e);
/* Before a file is made: where it lies in vm_host_disk_path(), that must be good. */
int location_check_file(struct call *c, const char *file, struct err **e);

/*
 * Where a new virtual machine keeps its things: below what the parameter says, or else the host's directory, in one of its own that is
 * called after its name (or its id, where no file can have such a name). param may be NULL. The second makes the directory (mode 0711: QEMU
 * need not be root) and says so in the document; one that exists serves, too, and leaves *ret_made (may be NULL) as it is. Location.NotMade
 */
int location_new_check(struct call *c, const char *param, struct err **e);
int location_new_make(struct call *c, const char *param, struct vm_doc *vm, bool *ret_made, struct err **e);
