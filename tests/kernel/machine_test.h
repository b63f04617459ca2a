/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* FNV-1a (64 bits) of the emulated machine's XML without its mark and its outermost element. */
#define EMULATED_DIGEST "2990333646a662a4"

int run_machine_tests(void);
int run_agent_tests(void);
