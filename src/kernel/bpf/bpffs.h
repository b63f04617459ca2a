/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bpf file system of one run directory, mounted at RUN-DIR/bpf. It is mounted in the mount namespace of PID 1, or
 * where that may not be entered of the outermost ancestor, if that shows the same RUN-DIR: a mount made in a private
 * namespace (`ip netns exec` makes one) would end with the daemon, and the pins with it. Else in the caller's own.
 *
 * Returns a directory descriptor, close-on-exec, owned by the caller; reach files by /proc/self/fd/N/NAME, because
 * RUN-DIR/bpf itself may look empty from here. run_dir must exist and be absolute. -Exxx.
 */
int bpffs_open(const char *run_dir, int *ret_dirfd);

/* Unmounts and removes RUN-DIR/bpf; what is pinned there goes with it. 0 also when there was nothing. */
int bpffs_remove(const char *run_dir);
