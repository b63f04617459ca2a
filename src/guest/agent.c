/* SPDX-License-Identifier: Apache-2.0 */
#include "agent.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "vec.h"

const char agent_interfaces_command[] = "{\"execute\":\"guest-network-get-interfaces\"}";

static json_t *text_json(const char *text)
{
	json_t *j = json_string(text);
	_cleanup_free_ char *plain = NULL;

	if (j)
		return j;
	plain = xstrdup(text);
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

static char *command_text(json_t *command)
{
	char *text = json_dumps(command, JSON_COMPACT);

	json_decref(command);
	if (!text)
		abort();
	return text;
}

char *agent_exec_command(const char *line)
{
	/* The exit code goes round the pipe that bounds the output; what writes more is ended by that pipe. */
	_cleanup_free_ char *bounded =
		xasprintf("exec 4>&1; code=$({ { /bin/sh -c \"$1\" 2>&1 3>&- 4>&-; echo $? >&3; } | "
			  "head -c %u >&4; } 3>&1); exit ${code:-255}",
			  AGENT_MAX_OUTPUT + 1);

	/* A session of its own, so that all of it can be ended. */
	return command_text(json_pack("{s:s, s:{s:s, s:[s, s, s, s, o], s:b}}", "execute", "guest-exec", "arguments",
				      "path", "/bin/sh", "arg", "-c", "exec setsid /bin/sh -c \"$1\" sh \"$2\"", "sh",
				      bounded, text_json(line), "capture-output", 1));
}

char *agent_kill_command(int64_t pid)
{
	_cleanup_free_ char *text = xasprintf("%lld", (long long)pid);

	return command_text(json_pack("{s:s, s:{s:s, s:[s, s, s, s]}}", "execute", "guest-exec", "arguments", "path",
				      "/bin/sh", "arg", "-c", "kill -s TERM -- -$1", "sh", text));
}

char *agent_exec_status_command(int64_t pid)
{
	return command_text(
		json_pack("{s:s, s:{s:I}}", "execute", "guest-exec-status", "arguments", "pid", (json_int_t)pid));
}

/* What is in "return", a new reference; NULL: no answer, or one that is too large. */
static json_t *answer_value(const char *answer)
{
	size_t n = strnlen(answer, AGENT_MAX_ANSWER + 1);
	json_t *all = n <= AGENT_MAX_ANSWER ? json_loadb(answer, n, JSON_ALLOW_NUL, NULL) : NULL;
	json_t *value = json_incref(json_object_get(all, "return"));

	json_decref(all);
	return value;
}

int agent_exec_parse(const char *answer, int64_t *ret_pid)
{
	json_t *value = answer_value(answer);
	json_int_t pid = json_integer_value(json_object_get(value, "pid"));

	json_decref(value);
	if (pid <= 0)
		return -EPROTO;
	*ret_pid = pid;
	return 0;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* NUL bytes become '?', as what cannot be text does further up. NULL: not base64. */
static char *decode(const char *text, size_t n)
{
	char *out = xmalloc(n / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t len = 0, i;

	for (i = 0; i < n && text[i] != '='; i++) {
		int d = digit(text[i]);

		if (d < 0) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)d;
		if (i % 4) {
			uint8_t byte = (uint8_t)(bits >> (6 - i % 4 * 2));

			out[len++] = byte ? (char)byte : '?';
		}
	}
	if (n % 4 || n - i > 2) {
		free(out);
		return NULL;
	}
	out[len] = 0;
	return out;
}

static int exit_code(const json_t *value)
{
	json_int_t code = json_integer_value(json_object_get(value, "exitcode")),
		   sig = json_integer_value(json_object_get(value, "signal"));

	if (sig > 0 && sig < 128)
		return 128 + (int)sig;
	return code >= 0 && code <= 255 ? (int)code : 255;
}

int agent_exec_status_parse(const char *answer, struct agent_exec_status *ret)
{
	json_t *value = answer_value(answer);
	const json_t *exited = json_object_get(value, "exited"), *data = json_object_get(value, "out-data");
	struct agent_exec_status status = { .exited = json_is_true(exited) };
	int r = json_is_boolean(exited) && (!data || json_is_string(data)) ? 0 : -EPROTO;

	if (r == 0 && status.exited) {
		status.code = exit_code(value);
		status.output = data ? decode(json_string_value(data), json_string_length(data)) : xstrdup("");
		if (!status.output)
			r = -EPROTO;
		else
			status.too_much = strlen(status.output) > AGENT_MAX_OUTPUT;
	}
	json_decref(value);
	if (r == 0)
		*ret = status;
	return r;
}

static void address_add(const struct mac *mac, const json_t *address, struct agent_address_vec *ret)
{
	const char *text = json_string_value(json_object_get(address, "ip-address"));
	struct agent_address a = { .mac = *mac };

	if (!text || ret->n >= AGENT_MAX_ADDRESSES || ip_parse(text, &a.ip) < 0)
		return;
	if (ip_is_any(&a.ip) || ip_is_loopback(&a.ip) || ip_is_multicast(&a.ip) ||
	    (!ip_is_v4(&a.ip) && ip_is_link_local(&a.ip)))
		return;
	vec_push(ret, a);
}

int agent_interfaces_parse(const char *answer, struct agent_address_vec *ret)
{
	json_t *list = answer_value(answer), *interface;
	int r = json_is_array(list) ? 0 : -EPROTO;
	size_t i, j;

	json_array_foreach (list, i, interface) {
		const char *text = json_string_value(json_object_get(interface, "hardware-address"));
		const json_t *address;
		struct mac mac;

		if (i == AGENT_MAX_INTERFACES)
			break;
		if (!text || mac_parse(text, &mac) < 0 || !mac_is_unicast(&mac))
			continue;
		json_array_foreach (json_object_get(interface, "ip-addresses"), j, address)
			address_add(&mac, address, ret);
	}
	json_decref(list);
	return r;
}
