/* SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "builtin.h"
#include "guid.h"
#include "text.h"

/* Format-*, Out-*, Write-*, ConvertTo-*, and the few that reach outside. */

static struct value *input_of(struct call *c)
{
	if (call_arg(c, "InputObject") && !c->input) {
		struct value *list = value_array(&c->sh->heap);

		array_add_all(list, call_arg(c, "InputObject"));
		return list;
	}
	return c->input ? value_ref(c->input) : value_array(&c->sh->heap);
}

static int format_objects(struct call *c, bool list)
{
	_cleanup_value_ struct value *items = input_of(c), *objects = value_array(&c->sh->heap);
	_cleanup_(view_done) struct view v = {};
	struct value *properties = call_arg(c, "Property");
	struct str s = {};
	int r = FLOW_OK;

	for (size_t i = 0; i < items->n; i++)
		if (value_is_bag(items->items[i]) && (items->items[i]->kind == V_OBJECT || properties))
			array_add(objects, items->items[i]);
	if (!objects->n) { /* text stays text */
		out_render(c->sh, &s, items, SHELL_OUTPUT_TABLE);
		return sink_add(c->sh, c->out, value_text_take(&c->sh->heap, str_take(&s)));
	}
	if (properties) {
		r = view_columns(c->sh, c->node, &v, properties, objects->items[0]);
		v.spread = !list && !call_switch(c, "AutoSize");
	} else {
		view_default(c->sh, &v, objects->items[0], list ? SHELL_OUTPUT_LIST : SHELL_OUTPUT_TABLE);
	}
	v.list = list;
	v.wrap = call_switch(c, "Wrap");
	v.no_header = call_switch(c, "HideTableHeaders");
	if (r == 0)
		r = view_render(c->sh, &s, &v, objects->items, objects->n);
	if (r == 0) {
		_cleanup_value_ struct value *text = value_text_take(&c->sh->heap, str_take(&s));

		r = sink_add(c->sh, c->out, text);
	}
	str_done(&s);
	return r;
}

int builtin_format_table(struct call *c)
{
	return format_objects(c, false);
}

int builtin_format_list(struct call *c)
{
	return format_objects(c, true);
}

int builtin_out_string(struct call *c)
{
	_cleanup_value_ struct value *items = input_of(c), *text = NULL;
	struct str s = {};

	out_render(c->sh, &s, items, SHELL_OUTPUT_TABLE);
	if (s.len > VALUE_MAX_STRING) {
		str_done(&s);
		return sh_throw(c->sh, c->node, "LimitsExceeded", "The text is longer than %u bytes.", VALUE_MAX_STRING);
	}
	text = value_string_take(&c->sh->heap, str_take(&s));
	return sink_add(c->sh, c->out, text);
}

int builtin_out_null(struct call *c _unused_)
{
	return FLOW_OK;
}

int builtin_out_host(struct call *c)
{
	_cleanup_value_ struct value *items = input_of(c);
	_cleanup_str_ struct str s = {};

	out_render(c->sh, &s, items, SHELL_OUTPUT_TABLE);
	sh_write(c->sh, false, str_get(&s));
	return FLOW_OK;
}

int builtin_write_output(struct call *c)
{
	_cleanup_value_ struct value *items = NULL;

	if (c->input)
		return sink_add_all(c->sh, c->out, c->input);
	items = call_arg(c, "InputObject") ? value_ref(call_arg(c, "InputObject")) : value_array(&c->sh->heap);
	for (size_t i = 0; i < items->n; i++) {
		int r = call_switch(c, "NoEnumerate") ? sink_add(c->sh, c->out, items->items[i]) :
			sink_add_all(c->sh, c->out, items->items[i]);

		if (r < 0)
			return r;
	}
	return FLOW_OK;
}

static char *message_of(struct call *c, const char *name)
{
	struct str s = {};

	if (c->input)
		for (size_t i = 0; i < c->input->n; i++) {
			if (i)
				str_addc(&s, '\n');
			value_add_text(&s, c->input->items[i]);
		}
	else
		value_add_text(&s, call_arg(c, name));
	return str_take(&s);
}

int builtin_write_host(struct call *c)
{
	_cleanup_free_ char *separator = call_arg(c, "Separator") ? value_text(call_arg(c, "Separator")) : xstrdup(" ");
	_cleanup_value_ struct value *items = value_array(&c->sh->heap);
	_cleanup_str_ struct str s = {};

	if (c->input)
		array_add_all(items, c->input);
	else if (call_arg(c, "Object"))
		array_add_all(items, call_arg(c, "Object"));
	for (size_t i = 0; i < items->n && s.len < VALUE_MAX_STRING; i++) {
		struct value *v = items->items[i];

		if (i)
			str_add(&s, c->input ? "\n" : separator);
		for (size_t k = 0; value_is_array(v) && k < v->n && s.len < VALUE_MAX_STRING; k++) {
			if (k)
				str_add(&s, separator);
			value_add_text(&s, v->items[k]);
		}
		if (!value_is_array(v))
			value_add_text(&s, v);
	}
	if (!call_switch(c, "NoNewline"))
		str_addc(&s, '\n');
	sh_write(c->sh, false, str_get(&s));
	return FLOW_OK;
}

int builtin_write_error(struct call *c)
{
	_cleanup_free_ char *message = message_of(c, "Message");
	const char *id = bag_get_string(c->args, "ErrorId"), *category = bag_get_string(c->args, "Category");
	_cleanup_free_ char *full = xasprintf("%s,Write-Error", id ? id : "Microsoft.PowerShell.Commands.WriteErrorException");
	_cleanup_value_ struct value *record = NULL;

	if (value_is_type(call_arg(c, "ErrorRecord"), T_ERRORRECORD))
		record = value_ref(call_arg(c, "ErrorRecord"));
	else
		record = sh_record(c->sh, c->node, "Write-Error", full, category ? category : "NotSpecified", NULL, message,
				   bag_get_string(c->args, "RecommendedAction"));
	return sh_report(c->sh, record, bag_get_string(c->args, "ErrorAction"), false);
}

int builtin_write_warning(struct call *c)
{
	_cleanup_free_ char *message = message_of(c, "Message");
	_cleanup_value_ struct value *preference = var_get(c->sh, "WarningPreference");

	if (!value_is_string(preference) || !strieq(preference->s, "SilentlyContinue"))
		sh_writef(c->sh, true, "WARNING: %s\n", message);
	return FLOW_OK;
}

int builtin_write_verbose(struct call *c)
{
	_cleanup_free_ char *message = message_of(c, "Message");
	_cleanup_value_ struct value *preference = var_get(c->sh, "VerbosePreference");

	if (call_switch(c, "Verbose") || (value_is_string(preference) && strieq(preference->s, "Continue")))
		sh_writef(c->sh, true, "VERBOSE: %s\n", message);
	return FLOW_OK;
}

int builtin_write_information(struct call *c)
{
	_cleanup_free_ char *message = message_of(c, "MessageData");
	_cleanup_value_ struct value *preference = var_get(c->sh, "InformationPreference");

	if (value_is_string(preference) && strieq(preference->s, "Continue"))
		sh_writef(c->sh, false, "%s\n", message);
	return FLOW_OK;
}

int builtin_nothing(struct call *c _unused_)
{
	return FLOW_OK;
}

int builtin_to_json(struct call *c)
{
	_cleanup_value_ struct value *items = input_of(c), *text = NULL;
	int64_t depth = VALUE_MAX_DEPTH;
	json_t *j;
	char *s;

	if (call_arg(c, "Depth") && value_to_int(call_arg(c, "Depth"), &depth) == 0)
		depth = MAX(MIN(depth, (int64_t)VALUE_MAX_DEPTH - 1), 0) + 1;
	if (items->n == 1 && !call_switch(c, "AsArray"))
		j = value_to_json(items->items[0], (unsigned)depth);
	else
		j = value_to_json(items, (unsigned)depth + 1);
	s = json_dumps(j, JSON_ENCODE_ANY | (call_switch(c, "Compress") ? JSON_COMPACT : JSON_INDENT(2)));
	json_decref(j);
	if (!s || strlen(s) > VALUE_MAX_STRING) {
		free(s);
		return sh_throw(c->sh, c->node, "LimitsExceeded", "The text is longer than %u bytes.", VALUE_MAX_STRING);
	}
	text = value_string_take(&c->sh->heap, s);
	return sink_add(c->sh, c->out, text);
}

int builtin_from_json(struct call *c)
{
	_cleanup_free_ char *text = message_of(c, "InputObject");
	_cleanup_value_ struct value *v = NULL;
	json_error_t error;
	json_t *j = json_loads(text, JSON_DECODE_ANY, &error);

	if (!j)
		return sh_throw(c->sh, c->node, "InvalidJson,ConvertFrom-Json", "The text is no JSON: %s (line %d).", error.text, error.line);
	v = value_from_json(&c->sh->heap, j, NULL);
	json_decref(j);
	return sink_add_all(c->sh, c->out, v);
}

int builtin_to_csv(struct call *c)
{
	_cleanup_value_ struct value *items = input_of(c);
	const char *separator = bag_get_string(c->args, "Delimiter");
	_cleanup_str_ struct str s = {};
	int r = FLOW_OK;

	out_csv(&s, items, true, separator && *separator ? *separator : ',', "\n");
	/* One string a line, as PowerShell gives them; quoted line breaks stay inside. */
	for (const char *p = str_get(&s), *start = p; *p && r == 0; p++) {
		static const char quote = '"';
		bool inside = false;

		for (; *p && (*p != '\n' || inside); p++)
			inside ^= *p == quote;
		{
			_cleanup_value_ struct value *line = value_stringn(&c->sh->heap, start, (size_t)(p - start));

			r = sink_add(c->sh, c->out, line);
		}
		start = p + 1;
		if (!*p)
			break;
	}
	return r;
}

int builtin_sleep(struct call *c)
{
	double seconds = 0, ms = 0;

	if ((call_arg(c, "Seconds") && value_to_real(call_arg(c, "Seconds"), &seconds) < 0) ||
	    (call_arg(c, "Milliseconds") && value_to_real(call_arg(c, "Milliseconds"), &ms) < 0))
		return sh_throw(c->sh, c->node, "InvalidArgument,Start-Sleep", "The time to sleep is no number.");
	ms += seconds * 1000;
	if (!(ms >= 0 && ms < 1e12))
		return sh_throw(c->sh, c->node, "InvalidArgument,Start-Sleep", "The time to sleep is out of range.");
	if (c->sh->host->sleep_ms)
		c->sh->host->sleep_ms(c->sh->host->userdata, (uint64_t)ms);
	return eval_step(c->sh, c->node);
}

static int ping_once(struct call *c, const char *target, bool quiet, bool *all)
{
	char address[64] = "";
	double ms = 0;
	int r = c->sh->host->ping ? c->sh->host->ping(c->sh->host->userdata, target, 1000, &ms, address) : -1;
	_cleanup_value_ struct value *o = NULL, *record = NULL;
	_cleanup_free_ char *message = NULL;

	*all &= r == 0;
	if (quiet)
		return FLOW_OK;
	if (r < 0) {
		message = xasprintf("Testing connection to computer '%s' failed: no answer.", target);
		record = sh_record(c->sh, c->node, "Test-Connection", "TestConnectionException,Test-Connection",
				   "ResourceUnavailable", target, message, NULL);
		return sh_report(c->sh, record, bag_get_string(c->args, "ErrorAction"), false);
	}
	o = value_object(&c->sh->heap, NULL);
	bag_set_take(o, "Destination", value_string(&c->sh->heap, target));
	bag_set_take(o, "IPAddress", value_string(&c->sh->heap, address));
	bag_set_take(o, "ResponseTime", value_real(&c->sh->heap, ms));
	bag_set_take(o, "Status", value_string(&c->sh->heap, "Success"));
	return sink_add(c->sh, c->out, o);
}

int builtin_test_connection(struct call *c)
{
	_cleanup_value_ struct value *targets = value_array(&c->sh->heap), *v = NULL;
	bool quiet = call_switch(c, "Quiet"), all = true;
	int64_t count = 4;
	int r = FLOW_OK;

	if (call_arg(c, "Count"))
		value_to_int(call_arg(c, "Count"), &count);
	array_add_all(targets, call_arg(c, "TargetName"));
	for (size_t i = 0; i < targets->n && r == 0; i++) {
		_cleanup_free_ char *target = value_text(targets->items[i]);

		for (int64_t k = 0; k < count && r == 0; k++) {
			r = ping_once(c, target, quiet, &all);
			if (r == 0)
				r = eval_step(c->sh, c->node);
		}
	}
	if (r < 0 || !quiet)
		return r;
	v = value_bool(&c->sh->heap, all);
	return sink_add(c->sh, c->out, v);
}

int builtin_date(struct call *c)
{
	time_t t = (time_t)(c->sh->host->now ? c->sh->host->now(c->sh->host->userdata) : 0);
	const char *format = bag_get_string(c->args, "Format");
	static const struct { const char *net, *c; } parts[] = {
		{ "yyyy", "%Y" }, { "yy", "%y" }, { "MM", "%m" }, { "dd", "%d" }, { "HH", "%H" }, { "hh", "%I" },
		{ "mm", "%M" }, { "ss", "%S" }, { "fff", "000" }, { "tt", "%p" },
	};
	_cleanup_str_ struct str s = {};
	_cleanup_value_ struct value *v = NULL;
	char buf[256] = "";
	struct tm tm;

	for (const char *p = format ? format : "yyyy-MM-ddTHH:mm:ss"; *p && s.len < 200;) {
		size_t i = 0;

		while (i < ARRAY_SIZE(parts) && strncmp(p, parts[i].net, strlen(parts[i].net)) != 0)
			i++;
		if (i < ARRAY_SIZE(parts)) {
			str_add(&s, parts[i].c);
			p += strlen(parts[i].net);
		} else {
			str_add(&s, *p == '%' ? "%%" : "");
			if (*p != '%')
				str_addc(&s, *p);
			p++;
		}
	}
	localtime_r(&t, &tm);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	strftime(buf, sizeof(buf), str_get(&s), &tm); /* made of the parts above */
#pragma GCC diagnostic pop
	v = value_string(&c->sh->heap, buf);
	return sink_add(c->sh, c->out, v);
}

int builtin_new_guid(struct call *c)
{
	struct guid g = guid_new();
	char text[GUID_TEXT_SIZE];
	_cleanup_value_ struct value *v = value_object(&c->sh->heap, NULL);

	bag_set_take(v, "Guid", value_string(&c->sh->heap, guid_format(&g, text)));
	return sink_add(c->sh, c->out, v);
}

int builtin_set_variable(struct call *c)
{
	_cleanup_free_ char *name = value_text(call_arg(c, "Name"));

	return var_set(c->sh, c->node, name, call_arg(c, "Value"));
}

int builtin_get_variable(struct call *c)
{
	_cleanup_free_ char *name = value_text(call_arg(c, "Name"));
	_cleanup_value_ struct value *v = var_get(c->sh, name), *o = NULL;

	if (call_switch(c, "ValueOnly"))
		return sink_add_all(c->sh, c->out, v);
	o = value_object(&c->sh->heap, NULL);
	bag_set_take(o, "Name", value_string(&c->sh->heap, name));
	bag_set(o, "Value", v);
	return sink_add(c->sh, c->out, o);
}
