/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "http.h"

void http_body_done(struct http_body *b)
{
	str_done(&b->text);
}

/* Lines that are complete: the listener takes them, or it is the last. */
static int take_lines(struct http_body *b)
{
	char *end;

	while (!b->last && (end = memchr(b->text.data + b->seen, '\n', b->text.len - b->seen))) {
		size_t n = (size_t)(end + 1 - b->text.data);

		*end = 0;
		b->last = !b->listener->line(b->listener->arg, b->text.data, n - 1);
		*end = '\n';
		if (b->last) {
			b->end = n;
			break;
		}
		b->text.len -= n;
		memmove(b->text.data, end + 1, b->text.len + 1);
		b->seen = 0;
	}
	b->seen = b->text.len;
	return b->last && b->text.len > b->end ? -EPROTO : 0;
}

int http_body_add(struct http_body *b, const char *data, size_t n)
{
	if (b->text.len + n > HTTP_MAX_REPLY)
		return -EFBIG;
	str_addn(&b->text, data, n);
	return b->lines && n ? take_lines(b) : 0;
}

int http_body_end(struct http_body *b, int status, struct http_reply *ret)
{
	if (b->lines && !b->last)
		return -EPROTO;
	ret->status = status;
	ret->lines = b->lines;
	ret->size = b->text.len;
	ret->body = str_take(&b->text);
	return 0;
}
