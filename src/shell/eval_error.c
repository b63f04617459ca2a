/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include "text.h"

void sh_write(struct shell *sh, bool to_stderr, const char *text)
{
	sh->host->write(sh->host->userdata, to_stderr, text, strlen(text));
}

void sh_writef(struct shell *sh, bool to_stderr, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	sh_write(sh, to_stderr, text);
}

static void set_string(struct shell *sh, struct value *bag, const char *name, const char *s)
{
	bag_set_take(bag, name, s ? value_string(&sh->heap, s) : NULL);
}

static struct value *category_info(struct shell *sh, const char *category, const char *target, const char *command)
{
	struct value *info = value_object(&sh->heap, "CategoryInfo");

	set_string(sh, info, "Category", category);
	set_string(sh, info, "Activity", command);
	set_string(sh, info, "TargetName", target);
	return info;
}

static struct value *invocation_info(struct shell *sh, const struct node *at, const char *command)
{
	struct value *info = value_object(&sh->heap, "InvocationInfo");
	unsigned line = 0, column = 0;

	if (at && sh->script) {
		script_position(sh->script, at->off, &line, &column);
		set_string(sh, info, "ScriptName", sh->script->name);
	}
	set_string(sh, info, "MyCommand", command);
	bag_set_take(info, "ScriptLineNumber", value_int(&sh->heap, line));
	bag_set_take(info, "OffsetInLine", value_int(&sh->heap, column));
	return info;
}

struct value *sh_record(struct shell *sh, const struct node *at, const char *command, const char *id, const char *category,
			const char *target, const char *message, const char *advice)
{
	struct value *record = value_object(&sh->heap, "ErrorRecord"), *exception = value_object(&sh->heap, "Exception");

	set_string(sh, exception, "Message", message);
	bag_set_take(record, "Exception", exception);
	set_string(sh, record, "Message", message);
	set_string(sh, record, "TargetObject", target);
	bag_set_take(record, "CategoryInfo", category_info(sh, category, target, command));
	set_string(sh, record, "FullyQualifiedErrorId", id);
	bag_set_take(record, "InvocationInfo", invocation_info(sh, at, command));
	set_string(sh, record, "Recommendation", advice);
	return record;
}

static void set_error(struct shell *sh, struct value *record, bool stops)
{
	value_unref(sh->error);
	sh->error = record;
	sh->error_stops = stops;
	sh->ok = false;
}

int sh_throw(struct shell *sh, const struct node *at, const char *id, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list ap;

	va_start(ap, format);
	message = xvasprintf(format, ap);
	va_end(ap);
	/* Beyond a limit a script does not go on: the next statement would only run into it again. */
	set_error(sh, sh_record(sh, at, NULL, id, "InvalidOperation", NULL, message, NULL), streq(id, "LimitsExceeded"));
	return FLOW_ERROR;
}

int sh_throw_err(struct shell *sh, const struct node *at, const char *command, const struct err *e)
{
	set_error(sh, sh_record(sh, at, command, e->id, err_category_name(e->category), e->target, e->message, e->advice), false);
	return FLOW_ERROR;
}

static void remember(struct shell *sh, struct value *record)
{
	if (sh->errors->n >= ERRORS_KEPT) {
		value_unref(sh->errors->items[0]);
		memmove(sh->errors->items, sh->errors->items + 1, --sh->errors->n * sizeof(*sh->errors->items));
	}
	array_add(sh->errors, record);
}

static void print_error(struct shell *sh, const struct value *record)
{
	const struct value *where = bag_get(record, "InvocationInfo"), *info = bag_get(record, "CategoryInfo");
	const char *command = bag_get_string(where, "MyCommand"), *script = bag_get_string(where, "ScriptName");
	const char *target = bag_get_string(info, "TargetName"), *id = bag_get_string(record, "FullyQualifiedErrorId");
	const char *message = bag_get_string(record, "Message"), *advice = bag_get_string(record, "Recommendation");
	const char *category = bag_get_string(info, "Category");
	const struct value *line = bag_get(where, "ScriptLineNumber"), *column = bag_get(where, "OffsetInLine");
	_cleanup_str_ struct str s = {};

	str_addf(&s, "%s%s%s\n", command ? command : "", command ? " : " : "", message ? message : "");
	if (script && value_kind(line) == V_INT && line->i)
		str_addf(&s, "At %s:%lld char:%lld\n", script, (long long)line->i, (long long)(column ? column->i : 0));
	str_addf(&s, "    + CategoryInfo          : %s: (%s) [%s]\n", category ? category : "NotSpecified", target ? target : ":",
		 command ? command : "");
	str_addf(&s, "    + FullyQualifiedErrorId : %s\n", id ? id : "");
	if (advice && *advice)
		str_addf(&s, "    what to do: %s\n", advice);
	sh_write(sh, true, str_get(&s));
}

int sh_report(struct shell *sh, struct value *record, const char *preference, bool quiet)
{
	_cleanup_value_ _unused_ struct value *held = value_ref(record);
	_cleanup_value_ struct value *variable = NULL;

	if (!preference) {
		variable = var_get(sh, "ErrorActionPreference");
		preference = value_is_string(variable) ? variable->s : "Continue";
	}
	sh->ok = false;
	if (strieq(preference, "Stop")) {
		set_error(sh, value_ref(record), true);
		return FLOW_ERROR;
	}
	if (strieq(preference, "Ignore"))
		return FLOW_OK;
	remember(sh, record);
	if (strieq(preference, "SilentlyContinue"))
		return FLOW_OK;
	sh->failed = true;
	if (!quiet)
		print_error(sh, record);
	return FLOW_OK;
}

void sh_show_error(struct shell *sh)
{
	_cleanup_value_ struct value *record = TAKE_PTR(sh->error);

	sh->error_stops = false;
	if (!record)
		return;
	remember(sh, record);
	sh->failed = true;
	sh->ok = false;
	print_error(sh, record);
}
