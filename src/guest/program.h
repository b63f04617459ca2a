/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "progress.h"
#include "util.h"

/*
 * Runs a program of the PATH to its end, from a thread that may wait: without input or output, and it does not outlive the thread. 0;
 * -EIO: it failed, and *ret_message (owned by the caller) has what it said; -ECANCELED: stop_fd became readable, and it was
 * ended; other -Exxx: it could not be started.
 */
int program_run(const char *const argv[], int stop_fd, char **ret_message);
/* The same of a qemu-img with -p: told(arg, percent) whenever it has come further. */
int program_run_telling(const char *const argv[], int stop_fd, void (*told)(void *arg, int percent), void *arg, char **ret_message);
