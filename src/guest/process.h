/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "util.h"

/* Processes by descriptor, and what /proc tells of them. -ESRCH: there is no such process (any more). */

/* A pidfd, closed on exec. */
int process_open(pid_t pid);
int process_signal(int pidfd, int signal);
/* 0 when it has ended; -EINPROGRESS when it has not within timeout_ms (0: just look). */
int process_wait(int pidfd, int timeout_ms);

struct process_stat {
	char state;           /* 'Z' and 'X' have ended */
	uint64_t start_ticks; /* since boot: with the pid, this names a process for good */
	uint64_t cpu_ns;      /* its own and its waited-for children's */
	uint64_t memory_bytes;
};

int process_stat(pid_t pid, struct process_stat *ret);

/* Its arguments, up to max, as one block that the caller frees: argv[i] point into it. Returns their number. */
int process_args(pid_t pid, char **ret_block, const char *argv[], size_t max);

/* Identity of its pid namespace; 0 when it cannot be read. */
uint64_t process_pid_namespace(pid_t pid);

/* Is it the init process of a pid namespace below ours? */
bool process_is_inner_init(pid_t pid);

/* Calls fn for every process; stops at a negative value and returns it. */
int process_each(int (*fn)(pid_t pid, void *arg), void *arg);

/*
 * Starts program with exactly these descriptors as 0, 1, 2 and 3, no blocked or ignored signals, and an empty
 * environment, in a session of its own: the daemon's share of the processor is not for it. The caller waits for it.
 */
int process_spawn(const char *program, const char *const argv[], const int fds[static 4], pid_t *ret);
/* The same of one that is killed when the calling thread ends. */
int process_spawn_mortal(const char *program, const char *const argv[], const int fds[static 4], pid_t *ret);
