/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

#include "client.h"
#include "http.h"
#include "str.h"
#include "text.h"

/*
 * What is under way, as a line on the terminal that is written again and again, and gone when the answer is there. It goes to standard
 * error, so that it is never part of what somebody keeps; and nothing of it where that is no terminal.
 */

/* What is over sooner need not be told. */
#define DELAY_MS 500
#define TEXT_MAX 1000

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static size_t terminal_columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : 80;
}

static void put(const char *text, size_t n)
{
	(void)write_all(STDERR_FILENO, text, n);
}

/* Blanks over what is longer than the new text: not every terminal knows how to erase a line. */
static void show(struct progress_line *p, const char *text)
{
	size_t width = text_width(text);
	_cleanup_str_ struct str all = {};

	str_addc(&all, '\r');
	str_add(&all, text);
	if (p->width > width) {
		str_pad(&all, ' ', p->width - width);
		str_addc(&all, '\r');
		str_add(&all, text);
	}
	put(all.data, all.len);
	p->width = width;
}

/* The last column stays free, or some terminals would go on in the next line. */
static void draw(struct progress_line *p)
{
	uint64_t ms = now_ms() - p->since;
	_cleanup_str_ struct str line = {};

	if (ms < DELAY_MS)
		return;
	str_add(&line, p->what);
	if (p->percent >= 0)
		str_addf(&line, ": %d%%", p->percent);
	else
		str_addf(&line, ": %u s", (unsigned)(ms / 1000));
	line.data[text_fit(line.data, terminal_columns() - 1)] = 0;
	if (streq_ptr(p->shown, line.data))
		return;
	show(p, line.data);
	free(p->shown);
	p->shown = str_take(&line);
}

/* A name is as anybody chose it: nothing in it moves the cursor. */
static void add_plain(struct str *s, const char *text)
{
	for (size_t n; *text && s->len < TEXT_MAX; text += n) {
		uint32_t c = text_decode(text, &n);

		if (c < 0x20 || (c >= 0x7f && c < 0xa0))
			str_addc(s, '?');
		else
			str_addn(s, text, n);
	}
}

/* {"activity", "target", "number", "of", "percent"}: "Converting /d/a.vhdx (2 of 3)" and how far it is. */
static void take(struct progress_line *p, const json_t *progress)
{
	const char *activity = json_string_value(json_object_get(progress, "activity"));
	const char *target = json_string_value(json_object_get(progress, "target"));
	const json_t *percent = json_object_get(progress, "percent");
	json_int_t of = json_integer_value(json_object_get(progress, "of"));
	struct str what = {};

	if (!activity)
		return;
	if (p->where) {
		add_plain(&what, p->where);
		str_add(&what, ": ");
	}
	add_plain(&what, activity);
	if (target) {
		str_addc(&what, ' ');
		add_plain(&what, target);
	}
	if (of > 1)
		str_addf(&what, " (%lld of %lld)", (long long)json_integer_value(json_object_get(progress, "number")), (long long)of);
	free(p->what);
	p->what = str_take(&what);
	p->percent = json_is_integer(percent) ? (int)MIN(MAX(json_integer_value(percent), 0), 100) : -1;
	draw(p);
}

static bool on_line(void *arg, const char *text, size_t n)
{
	json_t *line = json_loadb(text, n, 0, NULL), *progress = json_object_get(line, "progress");
	bool taken = json_is_object(progress);

	if (taken)
		take(arg, progress);
	json_decref(line);
	return taken;
}

static void on_tick(void *arg)
{
	draw(arg);
}

/* Until it is told more, it is the cmdlet that is under way. */
const struct http_listener *progress_begin(struct progress_line *p, const char *where, const char *cmdlet)
{
	struct str what = {};

	if (!isatty(STDERR_FILENO))
		return NULL;
	*p = (struct progress_line){ .listener = { on_line, on_tick, p }, .since = now_ms(), .where = where, .percent = -1 };
	if (where) {
		add_plain(&what, where);
		str_add(&what, ": ");
	}
	add_plain(&what, cmdlet);
	p->what = str_take(&what);
	return &p->listener;
}

void progress_end(struct progress_line *p)
{
	if (p->shown) {
		show(p, "");
		put("\r", 1);
	}
	free(p->shown);
	free(p->what);
	*p = (struct progress_line){};
}
