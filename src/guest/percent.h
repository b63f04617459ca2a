/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "progress.h"
#include "str.h"

/*
 * What "qemu-img -p" writes: how far it is, "    (12.34/100%)" and a carriage return, again and again, between messages. Zero it, but
 * for percent: PROGRESS_UNKNOWN.
 */
struct percent {
	int percent; /* the newest, 0..100; or PROGRESS_UNKNOWN */
	char line[32];
	size_t n;
	bool long_line; /* it is no percentage */
};

/* The next bytes, whatever they are: messages, without empty lines, are added to rest. Returns whether the percentage is another now. */
bool percent_read(struct percent *p, const char *data, size_t n, struct str *rest);
/* At the end: a last line without its end. */
void percent_end(struct percent *p, struct str *rest);
