/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdatomic.h>

#include "machine.h"

/*
 * What takes long (copies of disks, a machine's memory to a file) or concerns no machine of ours, in a thread of its own. While a
 * job of a machine waits or runs, no step of that machine begins.
 */
struct job {
	struct guid machine; /* zero: of none */
	bool apart; /* whoever waits for what is under way does not wait for it */
	struct guid about; /* of one that is of no machine: whose progress it tells */
	enum machine_work work;
	_Atomic uint32_t told; /* by job_tell() */
	/* In its thread. 0, or negative with message. */
	int (*run)(struct job *job, virConnectPtr conn, const char *instance);
	/* In the thread of whoever asked: takes job with all that it has. r of a job that never began for want of a connection: -ENOTCONN. */
	void (*end)(struct job *job);
	int r;
	char *message; /* why it failed, a sentence's end; owned */
	int stop_fd;   /* readable: it should end soon */
	/* machines' own */
	struct job *next;
	pthread_t thread;
	bool started;
};

/* From its thread: it is at the number-th of so many (from 1), of which so much is done (PROGRESS_UNKNOWN: nobody knows). */
void job_tell(struct job *job, size_t number, size_t of, int percent);

/* Takes the job; end() is called later, from machines_dispatch() or machines_close(), exactly once. */
void machines_job(struct machines *m, struct job *job);
