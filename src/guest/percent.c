/* SPDX-License-Identifier: Apache-2.0 */
#include "percent.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "(12.34/100%)", with blanks before it. */
static bool line_parse(const struct percent *p, int *ret)
{
	static const char end[] = "/100%)";
	size_t at = 0, digits;
	int percent = 0;

	while (at < p->n && p->line[at] == ' ')
		at++;
	if (at == p->n || p->line[at++] != '(')
		return false;
	for (digits = 0; at < p->n && is_digit(p->line[at]) && digits < 4; at++, digits++)
		percent = percent * 10 + (p->line[at] - '0');
	if (!digits || at == p->n || p->line[at++] != '.')
		return false;
	for (digits = 0; at < p->n && is_digit(p->line[at]); at++)
		digits++;
	if (!digits || percent > 100 || p->n - at != strlen(end) || memcmp(p->line + at, end, strlen(end)) != 0)
		return false;
	*ret = percent;
	return true;
}

static void line_flush(struct percent *p, struct str *rest)
{
	str_addn(rest, p->line, p->n);
	p->n = 0;
}

/* Returns whether the percentage is another now. */
static bool line_over(struct percent *p, struct str *rest)
{
	int percent = p->percent, before = p->percent;

	if (!p->long_line && line_parse(p, &percent)) {
		p->n = 0;
	} else if (p->n) {
		line_flush(p, rest);
		str_addc(rest, '\n');
	}
	p->long_line = false;
	p->percent = percent;
	return percent != before;
}

bool percent_read(struct percent *p, const char *data, size_t n, struct str *rest)
{
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\r' || data[i] == '\n') {
			changed |= line_over(p, rest);
			continue;
		}
		if (p->n == sizeof(p->line)) {
			line_flush(p, rest);
			p->long_line = true;
		}
		p->line[p->n++] = data[i];
	}
	return changed;
}

void percent_end(struct percent *p, struct str *rest)
{
	if (p->n)
		line_over(p, rest);
}
