/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* FNV-1a (64 bits) of the emulated machine's XML without its mark and its outermost element. */
#define EMULATED_DIGEST "90dd4d603696f253"

int run_machine_tests(void);
int run_agent_tests(void);
