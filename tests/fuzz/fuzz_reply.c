/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon, or who pretends to be one, answers to the command line: any bytes, as HTTP with and without lines of progress. */
#include <assert.h>
#include <sys/mman.h>

#include "http.h"

static size_t lines;

static bool on_line(void *arg, const char *text, size_t n)
{
	(void)arg;
	assert(strnlen(text, n) <= n && !text[n] && !memchr(text, '\n', n));
	lines++;
	return n && text[0] == 'p';
}

static void on_tick(void *arg)
{
	(void)arg;
}

static void read_it(const uint8_t *data, size_t size, const struct http_listener *listener)
{
	_cleanup_close_ int fd = memfd_create("reply", MFD_CLOEXEC);
	struct http_reply reply = {};

	assert(write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	if (http_read_reply(fd, listener, &reply) < 0) {
		assert(!reply.body && !reply.size);
		return;
	}
	assert(reply.status >= 100 && reply.status <= 999 && reply.size <= size && !reply.body[reply.size]);
	/* Only a line that was not taken is an answer, and it is whole. */
	assert(!reply.lines || (listener && reply.size && reply.body[reply.size - 1] == '\n' && reply.body[0] != 'p'));
	http_reply_done(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_it(data, size, NULL);
	read_it(data, size, &(struct http_listener){ on_line, on_tick, NULL });
	return 0;
}
