/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Threads that do what may take long; what is handed in is begun in order. */
struct pool;

/* Put it first into what it needs. Not touched by the pool once run() has been called. */
struct work {
	struct work *next;
	void (*run)(struct work *work);
};

/* -Exxx of the threads. */
int pool_open(size_t threads, struct pool **ret);
void pool_submit(struct pool *p, struct work *work);
/*
 * Waits for what is being done and ends the threads. Returns what has not been begun, a list that is the caller's to
 * free.
 */
struct work *pool_close(struct pool *p);
