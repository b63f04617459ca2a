/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* FNV-1a (64 bits) of the emulated machine's XML without its mark and its outermost element. */
#define EMULATED_DIGEST "59ba36c92145af7f"

int run_machine_tests(void);
