/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_backend.h"

struct fake_pending {
	json_t *result;
	api_done_fn done;
	api_progress_fn progress;
	void *done_arg;
};

static const char *const names[] = { "Test-Echo",    "Test-Later",   "Test-Release",
				     "Test-Status",  "Test-Nothing", "Test-Count",   "Test-Stream",  "Test-Tell" };

static json_t *entry(const char *name)
{
	return json_pack("{s:s, s:s, s:[]}", "name", name, "help", "for tests", "parameters");
}

static json_t *describe(void *arg, const char *cmdlet)
{
	struct fake_backend *fake = arg;
	json_t *all;

	if (cmdlet) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strieq(names[i], cmdlet))
				return entry(names[i]);
		return NULL;
	}
	fake->describes++;
	all = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		json_array_append_new(all, entry(names[i]));
	return json_pack("{s:o, s:{}}", "cmdlets", all, "types");
}

static json_t *result_of(json_t *object)
{
	return json_pack("{s:s, s:[o], s:[], s:[], s:[]}", "type", "Echo", "objects", object, "errors", "warnings",
			 "whatIf");
}

static json_t *echo(struct fake_backend *fake, const char *cmdlet, json_t *body, const struct api_caller *caller)
{
	return result_of(json_pack("{s:s, s:O, s:i, s:i, s:i, s:b, s:i}", "cmdlet", cmdlet, "body", body, "uid",
				   (int)caller->uid, "gid", (int)caller->gid, "pid", (int)caller->pid, "allowed",
				   caller->allowed_change, "sequence", (int)fake->invokes));
}

static void release(struct fake_backend *fake)
{
	typeof(fake->pending) pending = fake->pending;

	memset(&fake->pending, 0, sizeof(fake->pending));
	vec_foreach(&pending, it) {
		struct fake_pending *p = *it;

		p->done(p->done_arg, 200, p->result);
		free(p);
	}
	vec_done(&pending);
}

static void tell(const struct fake_pending *p, json_t *percent)
{
	if (p->progress)
		p->progress(p->done_arg, json_pack("{s:O}", "percent", percent));
}

static void invoke(void *arg, const char *cmdlet, json_t *body, const struct api_caller *caller, api_done_fn done,
		   api_progress_fn progress, void *done_arg)
{
	struct fake_backend *fake = arg;

	if (strieq(cmdlet, "Test-Count")) {
		done(done_arg, 200,
		     result_of(json_pack("{s:i, s:i, s:i, s:i}", "describes", (int)fake->describes, "invokes",
					 (int)fake->invokes, "cancels", (int)fake->cancels, "pending",
					 (int)fake->pending.n)));
		return;
	}
	fake->invokes++;
	if (strieq(cmdlet, "Test-Later")) {
		struct fake_pending *p = xcalloc(1, sizeof(*p));

		*p = (struct fake_pending){ echo(fake, cmdlet, body, caller), done, progress, done_arg };
		vec_push(&fake->pending, p);
		if (json_object_get(json_object_get(body, "parameters"), "Early"))
			tell(p, json_object_get(json_object_get(body, "parameters"), "Early"));
		return;
	}
	if (strieq(cmdlet, "Test-Stream")) {
		done(done_arg, 101, json_pack("{s:s}", "stream", "hello"));
		return;
	}
	if (strieq(cmdlet, "Test-Nothing")) {
		done(done_arg, 200, NULL);
		return;
	}
	if (strieq(cmdlet, "Test-Status")) {
		json_t *status = json_object_get(json_object_get(body, "parameters"), "Status");

		done(done_arg, (int)json_integer_value(status), echo(fake, cmdlet, body, caller));
		return;
	}
	if (strieq(cmdlet, "Test-Tell"))
		vec_foreach(&fake->pending, p)
			tell(*p, json_object_get(json_object_get(body, "parameters"), "Percent"));
	if (strieq(cmdlet, "Test-Release"))
		release(fake);
	done(done_arg, 200, echo(fake, cmdlet, body, caller));
}

static void cancel(void *arg, void *done_arg)
{
	struct fake_backend *fake = arg;

	fake->cancels++;
	if (!fake->answers_cancel)
		return;
	for (size_t i = 0; i < fake->pending.n; i++) {
		struct fake_pending *p = fake->pending.items[i];

		if (p->done_arg != done_arg)
			continue;
		memmove(&fake->pending.items[i], &fake->pending.items[i + 1],
			(--fake->pending.n - i) * sizeof(*fake->pending.items));
		p->done(p->done_arg, 200, p->result);
		free(p);
		return;
	}
}

static json_t *health(void *arg _unused_)
{
	return json_pack("{s:s}", "status", "ok");
}

/* Says what it was given, and what it has received with the request; then it is over. */
static void stream(void *arg _unused_, const json_t *what, int fd, const void *received, size_t n, void (*close)(void *), void *close_arg)
{
	_cleanup_free_ char *text = xasprintf("%s %.*s\n", json_string_value(json_object_get(what, "stream")), (int)n,
					      (const char *)received);

	(void)write_all(fd, text, strlen(text));
	close(close_arg);
}

struct api_backend fake_backend_make(struct fake_backend *fake)
{
	return (struct api_backend){ describe, invoke, cancel, health, fake, stream };
}

void fake_backend_done(struct fake_backend *fake)
{
	release(fake);
}
