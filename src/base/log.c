/* SPDX-License-Identifier: Apache-2.0 */
#include "log.h"

#include "str.h"

static int log_level = LOG_INFO;

void log_set_level(int priority)
{
	log_level = priority;
}

void log_line(int priority, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *line = NULL;
	va_list ap;

	if (priority > log_level)
		return;
	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (*p == '\n')
			*p = ' ';
	line = isatty(STDERR_FILENO) ? xasprintf("%s\n", text) : xasprintf("<%d>%s\n", priority, text);
	/* One write a line, so that lines of several processes do not mix. A failure has nowhere to go. */
	(void)!write(STDERR_FILENO, line, strlen(line));
}
