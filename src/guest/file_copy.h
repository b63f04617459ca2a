/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * Copies a regular file, from a thread that may wait: with its holes, its owner and its mode; the copy has its name only when all of it is
 * on the disk. A link is not followed. stop_fd: readable when it should end (-1: it cannot be told). -EFBIG: more than max bytes;
 * -EINVAL: not a regular file; -ECANCELED; -Exxx.
 */
int file_copy(const char *from, const char *to, uint64_t max, int stop_fd);
