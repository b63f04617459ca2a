/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

static uint64_t state;

void dice_seed(uint64_t seed)
{
	state = seed;
}

/* splitmix64: any seed is a good one */
uint32_t dice(uint32_t sides)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 33) % sides;
}
