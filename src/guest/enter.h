/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/*
 * Runs a command in the guest whose init is descriptor 3, and returns its exit code: 128 + signal when a signal ended
 * it, 126 or 127 when it cannot be run, 125 when the guest cannot be entered. On SIGTERM, or when parent dies, the
 * command and everything in its session end at once.
 */
int enter_main(pid_t parent, char **argv);
