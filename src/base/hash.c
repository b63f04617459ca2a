/* SPDX-License-Identifier: Apache-2.0 */
#include "hash.h"

#include <sys/random.h>
#include <time.h>

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	return h ^ (h >> 32);
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t n)
{
	uint64_t h = seed ^ mix(n + 0x9e3779b97f4a7c15ULL), w;
	const unsigned char *p = bytes;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&w, p, 8);
		h = mix(h ^ w) + seed;
	}
	w = 0;
	if (n)
		memcpy(&w, p, n);
	return mix(h ^ w ^ seed);
}

uint64_t hash_seed(void)
{
	struct timespec t;
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed))
		return seed;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return mix((uint64_t)t.tv_nsec ^ (uintptr_t)&t) * 0x9e3779b97f4a7c15ULL;
}
