/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/*
 * Runs a program of the PATH to its end, from a thread that may wait: without input or output, and it does not outlive the thread. 0;
 * -EIO: it failed, and *ret_message (owned by the caller) has what it said; -ECANCELED: stop_fd became readable, and it was
 * ended; other -Exxx: it could not be started.
 */
int program_run(const char *const argv[], int stop_fd, char **ret_message);
