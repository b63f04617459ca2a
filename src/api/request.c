/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"

#include <errno.h>
#include <strings.h>

static bool name_ok(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= API_NAME_MAX && !name[n];
}

static enum api_route find_path(const char *path, const char **ret_name)
{
	static const char prefix[] = "/v1/cmdlet/";

	if (streq(path, "/v1/health"))
		return API_ROUTE_HEALTH;
	if (streq(path, "/v1/cmdlet"))
		return API_ROUTE_CATALOGUE;
	if (strncmp(path, prefix, strlen(prefix)) != 0 || !name_ok(path + strlen(prefix)))
		return API_ROUTE_NONE;
	*ret_name = path + strlen(prefix);
	return API_ROUTE_DESCRIBE;
}

int api_target_parse(const char *method, const char *path, struct api_target *ret, const char **ret_allow,
		     struct err **e)
{
	const char *name = "";
	enum api_route route = find_path(path, &name);
	bool get = streq(method, "GET") || streq(method, "HEAD");

	if (route == API_ROUTE_NONE) {
		err_set(e, "NotFound", ERR_OBJECT_NOT_FOUND, path, "There is nothing at this address.");
		err_advise(e, 0, "GET /v1/cmdlet lists the cmdlets.");
		return 404;
	}
	if (route == API_ROUTE_DESCRIBE && streq(method, "POST"))
		route = API_ROUTE_INVOKE;
	else if (!get) {
		*ret_allow = route == API_ROUTE_DESCRIBE ? "GET, HEAD, POST" : "GET, HEAD";
		err_set(e, "MethodNotAllowed", ERR_INVALID_OPERATION, path, "This address takes %s only.", *ret_allow);
		return 405;
	}
	ret->route = route;
	memcpy(ret->cmdlet, name, strlen(name) + 1);
	return 200;
}

/* "application/json, application/x-ndjson;q=0.9"; a weight is not read: whoever names it takes it. */
bool api_accepts_lines(const char *accept)
{
	while (accept && *accept) {
		size_t n;

		accept += strspn(accept, " \t,");
		n = strcspn(accept, " \t,;");
		if (n == strlen(API_LINES) && strncasecmp(accept, API_LINES, n) == 0)
			return true;
		accept += strcspn(accept, ",");
	}
	return false;
}

/*
 * Depth and NUL bytes, before the parser runs: its own limit of depth is fixed at 2048, and its recursion is on our
 * stack. Outside of strings only brackets matter; within them only the quote and its escape.
 */
static int scan(const char *data, size_t size, struct err **e)
{
	bool in_string = false;
	int line = 1, column = 1, depth = 0;

	for (size_t i = 0; i < size; i++, column++) {
		char c = data[i];

		if (c == '\n') {
			line++;
			column = 0;
		}
		if (!c)
			return err_set(e, "RequestNotJson", ERR_PARSER_ERROR, NULL,
				       "The request is not JSON: NUL byte in line %d, column %d.", line, column);
		if (in_string) {
			if (c == '\\' && i + 1 < size && data[i + 1]) {
				i++;
				column++;
			} else if (c == '"') {
				in_string = false;
			}
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > API_DEPTH_MAX)
				return err_set(e, "RequestTooDeep", ERR_LIMITS_EXCEEDED, NULL,
					       "The request is nested more than %d times: line %d, column %d.",
					       API_DEPTH_MAX, line, column);
		} else if (c == '}' || c == ']') {
			depth--;
		}
	}
	return 0;
}

static int check_form(json_t *body, struct err **e)
{
	const char *name;
	json_t *value;

	if (!json_is_object(body))
		return err_set(e, "RequestMalformed", ERR_INVALID_ARGUMENT, NULL,
			       "The request must be an object: {\"parameters\": {...}, \"input\": [...]}.");
	json_object_foreach(body, name, value) {
		if (streq(name, "parameters")) {
			if (!json_is_object(value))
				return err_set(e, "RequestMalformed", ERR_INVALID_ARGUMENT, name,
					       "\"parameters\" of the request must be an object.");
		} else if (streq(name, "input")) {
			if (!json_is_array(value))
				return err_set(e, "RequestMalformed", ERR_INVALID_ARGUMENT, name,
					       "\"input\" of the request must be an array.");
		} else {
			return err_set(e, "RequestMalformed", ERR_INVALID_ARGUMENT, name,
				       "The request has a member that is neither \"parameters\" nor \"input\".");
		}
	}
	return 0;
}

int api_body_parse(const char *data, size_t size, json_t **ret, struct err **e)
{
	json_t *body;
	json_error_t error;

	if (!size) {
		err_set(e, "RequestNotJson", ERR_PARSER_ERROR, NULL,
			"The request is not JSON: it is empty, line 1, column 1. A cmdlet without parameters is called "
			"with {}.");
		return 400;
	}
	if (scan(data, size, e) < 0)
		return 400;
	body = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
	if (!body) {
		err_set(e, "RequestNotJson", ERR_PARSER_ERROR, NULL,
			"The request is not JSON: %s in line %d, column %d.", error.text, error.line, error.column);
		return 400;
	}
	if (check_form(body, e) < 0) {
		json_decref(body);
		return 400;
	}
	*ret = body;
	return 200;
}
