/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* Hashes of byte strings, seeded so that keys from outside cannot be chosen to collide. */
uint64_t hash_seed(void);
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t n);
