/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"

void api_reply_done(struct api_reply *reply)
{
	free(reply->owned);
	*reply = (struct api_reply){};
}

/* Texts quote what came from outside, which need not be UTF-8: a byte that JSON cannot carry becomes '?'. */
static json_t *text_json(const char *text)
{
	_cleanup_free_ char *plain = NULL;
	json_t *json;

	if (!text)
		return json_null();
	json = json_string(text);
	if (json)
		return json;
	plain = xstrdup(text);
	for (char *p = plain; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_string(plain);
}

static json_t *error_json(const struct err *e, const char *cmdlet)
{
	_cleanup_free_ char *full = cmdlet && *cmdlet ? xasprintf("%s,%s", e->id, cmdlet) : xstrdup(e->id);

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:i}", "id", e->id, "fullyQualifiedErrorId", full, "category",
			 err_category_name(e->category), "message", text_json(e->message), "target",
			 text_json(e->target), "recommendation", text_json(e->advice), "errno", e->errnum);
}

void api_reply_error(struct api_reply *reply, int status, struct err **e, const char *cmdlet)
{
	json_t *result;

	result = json_pack("{s:n, s:[], s:[o], s:[], s:[]}", "type", "objects", "errors", error_json(*e, cmdlet),
			   "warnings", "whatIf");
	err_free(TAKE_PTR(*e));
	api_reply_json(reply, status, result);
}

void api_reply_json(struct api_reply *reply, int status, json_t *result)
{
	api_reply_done(reply);
	reply->owned = result ? json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	json_decref(result);
	if (!reply->owned || status < 200 || status > 599) {
		static const char text[] =
			"{\"type\":null,\"objects\":[],\"errors\":[{\"id\":\"InternalError\",\"fullyQualifiedErrorId\":"
			"\"InternalError\",\"category\":\"NotSpecified\",\"message\":\"The daemon gave an answer that "
			"cannot be "
			"sent.\",\"target\":null,\"recommendation\":null,\"errno\":0}],\"warnings\":[],\"whatIf\":[]}";

		free(reply->owned);
		reply->owned = xstrdup(text);
		status = 500;
	}
	reply->status = status;
	reply->text = reply->owned;
	reply->size = strlen(reply->owned);
}
