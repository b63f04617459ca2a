/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <syslog.h>

#include "util.h"

/* Lines on stderr with the <N> priority prefix that journald understands. On a terminal the prefix is left out. */
void log_line(int priority, const char *format, ...) _printf_(2, 3);
/* Lines less important than this are not printed; LOG_INFO at first. */
void log_set_level(int priority);

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERR, __VA_ARGS__)
