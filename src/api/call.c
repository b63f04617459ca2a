/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>

void api_core_done(struct api_core *core)
{
	free(core->catalogue);
	map_free(core->names);
}

static void lower(const char *name, char ret[API_NAME_MAX + 1])
{
	size_t i;

	for (i = 0; name[i] && i < API_NAME_MAX; i++)
		ret[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
	ret[i] = 0;
}

/* The catalogue does not change while the daemon lives, and is large: it is asked for and turned into text once. */
static bool load_catalogue(struct api_core *core)
{
	char key[API_NAME_MAX + 1];
	json_t *catalogue, *entry;
	size_t i;

	if (core->catalogue)
		return true;
	catalogue = core->backend.describe(core->backend.arg, NULL);
	if (!catalogue)
		return false;
	core->catalogue = json_dumps(catalogue, JSON_COMPACT);
	core->names = map_new();
	json_array_foreach(json_object_get(catalogue, "cmdlets"), i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));

		if (!name)
			continue;
		lower(name, key);
		map_put_str(core->names, key, core);
	}
	json_decref(catalogue);
	core->catalogue_size = core->catalogue ? strlen(core->catalogue) : 0;
	return core->catalogue;
}

static void refuse(struct api_call *call, int status, struct err **e)
{
	api_reply_error(&call->reply, status, e, call->cmdlet);
	call->state = API_CALL_DONE;
}

static void refuse_unknown(struct api_call *call)
{
	struct err *e = NULL;

	err_set(&e, "CommandNotFound", ERR_OBJECT_NOT_FOUND, call->cmdlet,
		"The term '%s' is not recognized as the name of a cmdlet.", call->cmdlet);
	err_advise(&e, 0, "Get-Command lists the cmdlets.");
	refuse(call, 404, &e);
}

static void answer(struct api_call *call, int status, json_t *result)
{
	api_reply_json(&call->reply, status, result);
	call->state = API_CALL_DONE;
}

void api_call_done(struct api_call *call)
{
	api_reply_done(&call->reply);
	json_decref(TAKE_PTR(call->stream));
	api_call_lines_done(call);
}

void api_call_refuse_stream(struct api_call *call)
{
	struct err *e = NULL;

	err_set(&e, "UpgradeRequired", ERR_INVALID_ARGUMENT, call->cmdlet, "%s answers by a stream of bytes, and none was asked for.",
		call->cmdlet);
	err_advise(&e, 0, "Use nestor, or send the headers \"Connection: Upgrade\" and \"Upgrade: " API_STREAM "\".");
	refuse(call, 426, &e);
}

static void backend_done(void *done_arg, int status, json_t *result)
{
	struct api_call *call = done_arg;

	assert(call->state == API_CALL_PENDING);
	if (status == 101) {
		call->stream = result;
		call->reply.status = status;
		call->state = API_CALL_DONE;
	} else {
		answer(call, status, result);
	}
	if (!call->starting)
		call->ready(call);
}

static bool known(struct api_core *core, const char *cmdlet)
{
	char key[API_NAME_MAX + 1];
	json_t *entry;

	lower(cmdlet, key);
	if (load_catalogue(core) && map_get_str(core->names, key))
		return true;
	/* A name that the backend knows without listing it. */
	entry = core->backend.describe(core->backend.arg, cmdlet);
	json_decref(entry);
	return entry;
}

static void invoke(struct api_core *core, struct api_call *call, const char *body, size_t body_size)
{
	struct err *e = NULL;
	json_t *json = NULL;
	int status;

	if (!known(core, call->cmdlet)) {
		refuse_unknown(call);
		return;
	}
	status = api_body_parse(body, body_size, &json, &e);
	if (status != 200) {
		refuse(call, status, &e);
		return;
	}
	call->state = API_CALL_PENDING;
	call->starting = true;
	core->backend.invoke(core->backend.arg, call->cmdlet, json, &call->caller, backend_done, call->lines ? api_call_progress : NULL,
			     call);
	call->starting = false;
	json_decref(json);
}

static void get_catalogue(struct api_core *core, struct api_call *call)
{
	struct err *e = NULL;

	if (!load_catalogue(core)) {
		err_set(&e, "Unavailable", ERR_RESOURCE_UNAVAILABLE, NULL,
			"The catalogue of cmdlets is not available.");
		refuse(call, 503, &e);
		return;
	}
	call->reply = (struct api_reply){ .status = 200, .text = core->catalogue, .size = core->catalogue_size };
	call->state = API_CALL_DONE;
}

static void get_health(struct api_core *core, struct api_call *call)
{
	json_t *health = core->backend.health(core->backend.arg);
	struct err *e = NULL;

	if (health) {
		answer(call, 200, health);
		return;
	}
	err_set(&e, "Unavailable", ERR_RESOURCE_UNAVAILABLE, NULL, "The daemon cannot tell its health.");
	refuse(call, 503, &e);
}

static void get_description(struct api_core *core, struct api_call *call)
{
	json_t *entry = core->backend.describe(core->backend.arg, call->cmdlet);

	if (entry)
		answer(call, 200, entry);
	else
		refuse_unknown(call);
}

void api_call_start(struct api_core *core, struct api_call *call, const char *method, const char *path,
		    const char *body, size_t body_size, bool too_large)
{
	struct api_target target = {};
	const char *allow = NULL;
	struct err *e = NULL;
	int status;

	/* First of all: who may not ask learns nothing, not even what exists. E-3 */
	if (!call->caller.allowed_change) {
		err_set_errno(&e, "AccessDenied", EACCES, NULL,
			      "You do not have the required permission to complete this task.");
		err_advise(&e, 0, "Ask as root, or as a member of the group that owns the socket.");
		refuse(call, 403, &e);
		return;
	}
	status = api_target_parse(method, path, &target, &allow, &e);
	memcpy(call->cmdlet, target.cmdlet, sizeof(call->cmdlet));
	if (status == 200 && too_large) {
		status = 413;
		err_set(&e, "RequestTooLarge", ERR_LIMITS_EXCEEDED, NULL, "A request has at most %d bytes.",
			API_BODY_MAX);
		err_advise(&e, 0, "Send the objects in several requests.");
	}
	if (status != 200) {
		refuse(call, status, &e);
		call->reply.allow = allow;
		return;
	}
	if (target.route == API_ROUTE_INVOKE)
		invoke(core, call, body, body_size);
	else if (target.route == API_ROUTE_DESCRIBE)
		get_description(core, call);
	else if (target.route == API_ROUTE_CATALOGUE)
		get_catalogue(core, call);
	else
		get_health(core, call);
}
