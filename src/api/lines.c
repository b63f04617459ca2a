/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"

#include <assert.h>

static void line_done(struct api_line *line)
{
	free(line->text);
	*line = (struct api_line){};
}

static void line_set(struct api_line *line, char *text)
{
	line_done(line);
	*line = (struct api_line){ text, strlen(text), 0 };
}

void api_call_lines_done(struct api_call *call)
{
	line_done(&call->news);
	line_done(&call->sending);
}

/* A client that reads slowly misses what was in between. */
void api_call_progress(void *arg, json_t *progress)
{
	struct api_call *call = arg;
	_cleanup_free_ char *text = json_dumps(progress, JSON_COMPACT);

	assert(call->state == API_CALL_PENDING && call->lines);
	json_decref(progress);
	if (!text)
		return;
	line_set(&call->news, xasprintf("{\"progress\":%s}\n", text));
	if (!call->starting)
		call->told(call);
}

bool api_call_has_lines(const struct api_call *call)
{
	return call->news.text;
}

/* The line that is next; false: there is none now. */
static bool next_line(struct api_call *call)
{
	if (call->state == API_CALL_PENDING) {
		if (!call->news.text)
			return false;
		line_done(&call->sending);
		call->sending = call->news;
		call->news = (struct api_line){};
		return true;
	}
	/* Nothing else can be done with a stream by now. */
	if (call->reply.status == 101)
		api_call_refuse_stream(call);
	line_set(&call->sending, xasprintf("{\"status\":%d,\"answer\":%s}\n", call->reply.status, call->reply.text));
	api_reply_done(&call->reply);
	call->last = true;
	return true;
}

ssize_t api_call_read_lines(struct api_call *call, char *buf, size_t size)
{
	struct api_line *line = &call->sending;
	size_t n;

	if (line->sent == line->size) {
		if (call->last)
			return -1;
		if (!next_line(call))
			return 0;
	}
	n = MIN(size, line->size - line->sent);
	memcpy(buf, line->text + line->sent, n);
	line->sent += n;
	return (ssize_t)n;
}
