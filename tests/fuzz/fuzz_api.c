/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request from its first line to its answer, without the HTTP library: "METHOD PATH\nBODY", as it comes out of the
 * library. A
 * '!' in front makes it one of a caller without rights.
 */
#include "api_impl.h"
#include "fake_backend.h"

#include <assert.h>

static unsigned ready_calls;

static void on_ready(struct api_call *call)
{
	assert(call->state == API_CALL_DONE);
	ready_calls++;
}

/* Whatever was asked, the answer is JSON, and an error of ours has the whole form. */
static void check_reply(const struct api_call *call)
{
	json_t *json = json_loadb(call->reply.text, call->reply.size, 0, NULL);
	json_t *errors = json_object_get(json, "errors");

	assert(json_is_object(json));
	assert(call->reply.status >= 200 && call->reply.status <= 599);
	if (call->reply.status >= 400 && json_array_size(errors)) {
		json_t *error = json_array_get(errors, 0);

		assert(json_is_string(json_object_get(error, "id")));
		assert(json_is_string(json_object_get(error, "message")));
		assert(json_is_array(json_object_get(json, "objects")));
	}
	/* A 405 of ours says what is allowed; a cmdlet's own need not. */
	assert(!call->reply.allow || call->reply.status == 405);
	json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_backend fake;
	static struct api_core core;
	struct api_call call = { .ready = on_ready };
	_cleanup_free_ char *line = NULL;
	const uint8_t *end = memchr(data, '\n', size);
	unsigned invokes = fake.invokes, answered = ready_calls;
	size_t head = end ? (size_t)(end - data) : size;
	bool refused = size && data[0] == '!', pending;
	char *method, *path;

	if (!core.backend.describe)
		core.backend = fake_backend_make(&fake);
	line = xstrndup((const char *)data + refused, head - refused);
	method = line;
	path = strchrnul(line, ' ');
	if (*path)
		*path++ = 0;
	call.caller.allowed_change = !refused;
	/* A copy of exactly this size, so that reading past its end is seen. */
	_cleanup_free_ char *body = xmemdup(data + MIN(head + 1, size), size - MIN(head + 1, size));

	api_call_start(&core, &call, method, path, body, size - MIN(head + 1, size), size > 100000);
	pending = call.state == API_CALL_PENDING;
	assert(pending || call.state == API_CALL_DONE);
	fake_backend_done(&fake);
	assert(call.state == API_CALL_DONE && ready_calls == answered + pending);
	check_reply(&call);
	if (refused)
		assert(call.reply.status == 403 && fake.invokes == invokes);
	api_reply_done(&call.reply);
	return 0;
}
