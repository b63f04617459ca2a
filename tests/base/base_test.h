/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "str.h"
#include "util.h"

int value_tests(void);
int util_tests(void);
int map_tests(void);
int docs_tests(void);
int shelf_tests(void);
