/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* FNV-1a (64 bits) of the emulated machine's XML without its mark and its outermost element. */
#define EMULATED_DIGEST "5adf495a64ff71e4"

int run_machine_tests(void);
int run_agent_tests(void);
