/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "engine.h"

/* Serial consoles of virtual machines, attached to streams of bytes. */

/* Gives the descriptor back to whom it came from. */
typedef void (*console_close_fn)(void *arg);

/*
 * Attaches a socket (not blocking; stays the caller's until close) to the console of a machine: what is read from it is
 * typed, and what the guest writes is written to it, after the last `lines` lines of what it wrote before. Until the
 * peer ends its side, the machine is off, or somebody else takes the console. typed: n bytes that were read from the
 * socket already.
 */
void engine_console_attach(struct engine *g, const struct guid *vm, uint64_t lines, int fd, const void *typed, size_t n,
			   console_close_fn close, void *arg);
/* Detaches all. */
void engine_consoles_end(struct engine *g);
