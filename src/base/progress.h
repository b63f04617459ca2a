/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* How far something is that takes long, for whoever waits for it. */
#define PROGRESS_UNKNOWN (-1)

struct progress {
	const char *activity; /* what is being done: "Converting"; a literal */
	const char *target;   /* to what; NULL: the activity says it all */
	size_t number, of;    /* it is the number-th of so many, from 1 */
	int percent;          /* of this one: 0..100, or PROGRESS_UNKNOWN */
};
