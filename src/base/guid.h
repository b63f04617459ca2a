/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* 16 bytes in the order of the text. */
struct guid {
	uint8_t b[16];
};

#define GUID_TEXT_SIZE 39

/* With or without braces, upper or lower case (cmdlets.md section 1, "Identifiers"). -EINVAL otherwise. */
int guid_parse(const char *s, struct guid *ret);
/* Lower case without braces, as Hyper-V prints ids. */
const char *guid_format(const struct guid *g, char buf[static GUID_TEXT_SIZE]);
/* Upper case in braces, as routing domains are printed. */
const char *guid_format_braces(const struct guid *g, char buf[static GUID_TEXT_SIZE]);
/* A random (version 4) id; aborts when the kernel has no randomness. */
struct guid guid_new(void);
bool guid_is_zero(const struct guid *g);
bool guid_equal(const struct guid *a, const struct guid *b);
