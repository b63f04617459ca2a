/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Between the daemon and nestor-guest, over the sequenced-packet socket that nestor-guest gets as descriptor 3:
 *   daemon -> guest   the hostname
 *   guest -> daemon   a report with the pid of the new init process (from the process that made it), and one with pid 0
 *                     (from the init process, once it is ready for adapters); either may carry an error instead
 *   daemon -> guest   one byte, when the guest is registered
 * The guest ends when the socket ends before that byte: a guest that nobody knows of does not stay.
 */
#define GUEST_SOCKET 3
#define GUEST_HOSTNAME_MAX 64

struct guest_report {
	int32_t pid;
	int32_t error; /* -Exxx */
};

/* `nestor-guest --enter PARENT COMMAND [ARGUMENT...]`: descriptor 3 is a pidfd of the init, PARENT the pid to live
 * with. */
#define GUEST_ENTER "--enter"
