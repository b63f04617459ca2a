/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <stdlib.h>

#include "text.h"

static const char *text_of(const json_t *entry, const char *key)
{
	const char *s = json_string_value(json_object_get(entry, key));

	return s ? s : "";
}

static void list_commands(struct shell *sh)
{
	_cleanup_str_ struct str s = {};
	const json_t *entry;
	size_t i;

	str_add(&s, "Cmdlets of the daemon:\n");
	json_array_foreach(json_object_get(sh->catalogue, "cmdlets"), i, entry)
		str_addf(&s, "  %-44s %s\n", text_of(entry, "name"), text_of(entry, "help"));
	str_add(&s, "\nOf the language itself:\n");
	for (i = 0; i < builtins_count; i++)
		str_addf(&s, "  %-44s %s\n", builtins[i].name, builtins[i].help);
	str_add(&s, "\nnestor help CMDLET shows the parameters of one.\n");
	sh_write(sh, false, str_get(&s));
}

static void add_list(struct str *s, const char *label, const json_t *list)
{
	const json_t *item;
	size_t i;

	if (!json_array_size(list))
		return;
	str_addf(s, "%s", label);
	json_array_foreach(list, i, item)
		str_addf(s, "%s%s", i ? ", " : "", json_is_string(item) ? json_string_value(item) : "");
}

static void show_param(struct str *s, const json_t *p)
{
	const json_t *position = json_object_get(p, "position");
	bool is_switch = json_is_true(json_object_get(p, "switch")), array = json_is_true(json_object_get(p, "array"));

	str_addf(s, "  -%s", text_of(p, "name"));
	if (!is_switch)
		str_addf(s, " <%s%s>", text_of(p, "type"), array ? "[]" : "");
	if (json_is_true(json_object_get(p, "required")))
		str_add(s, "  required");
	if (json_is_integer(position))
		str_addf(s, "  position %d", (int)json_integer_value(position));
	add_list(s, "  one of ", json_object_get(p, "enum"));
	add_list(s, "  alias ", json_object_get(p, "aliases"));
	add_list(s, "  from the pipeline by ", json_object_get(p, "pipeline"));
	if (*text_of(p, "default"))
		str_addf(s, "  default %s", text_of(p, "default"));
	str_addc(s, '\n');
	if (*text_of(p, "help"))
		str_addf(s, "      %s\n", text_of(p, "help"));
}

static int help_builtin(struct shell *sh, const struct command_spec *spec)
{
	_cleanup_str_ struct str s = {};

	str_addf(&s, "%s: %s\n\n", spec->name, spec->builtin->help);
	vec_foreach(&spec->params, p)
		if (!p->common)
			str_addf(&s, "  -%s%s\n", p->name, p->kind == PK_SWITCH ? "" : " <value>");
	sh_write(sh, false, str_get(&s));
	return SHELL_DONE;
}

int shell_help(struct shell *sh, const char *name)
{
	_cleanup_err_ struct err *e = NULL;
	const struct command_spec *spec = NULL;
	_cleanup_str_ struct str s = {};
	const json_t *p;
	size_t i;

	if (sh_need_catalogue(sh, &e) < 0) {
		sh_writef(sh, true, "nestor: %s\n", e->message);
		return SHELL_FAILED;
	}
	if (!name) {
		list_commands(sh);
		return SHELL_DONE;
	}
	spec = sh_lookup(sh, name, &e);
	if (!spec || spec->function) {
		sh_writef(sh, true, "nestor: unknown command '%s'\n    what to do: nestor help lists the cmdlets\n", name);
		return SHELL_NOT_UNDERSTOOD;
	}
	if (spec->builtin)
		return help_builtin(sh, spec);
	str_addf(&s, "%s: %s\n\n", spec->name, text_of(spec->entry, "help"));
	json_array_foreach(json_object_get(spec->entry, "parameters"), i, p)
		show_param(&s, p);
	if (*text_of(spec->entry, "output"))
		str_addf(&s, "\nOutput: %s\n", text_of(spec->entry, "output"));
	str_add(&s, "\nAlso: -WhatIf -Confirm -Verbose -ErrorAction -ErrorVariable -CimSession -ComputerName\n");
	sh_write(sh, false, str_get(&s));
	return SHELL_DONE;
}

static void offer(json_t *list, const char *prefix, const char *dash, const char *name)
{
	if (str_has_prefix_nocase(name, prefix))
		json_array_append_new(list, json_sprintf("%s%s", dash, name));
}

static void complete_command(struct shell *sh, json_t *list, const char *word)
{
	const json_t *entry;
	size_t i, pos = 0, key_size;
	const void *key;
	void *spec;

	json_array_foreach(json_object_get(sh->catalogue, "cmdlets"), i, entry)
		offer(list, word, "", text_of(entry, "name"));
	for (i = 0; i < builtins_count; i++)
		offer(list, word, "", builtins[i].name);
	while (map_next(sh->functions, &pos, &key, &key_size, &spec))
		offer(list, word, "", ((struct command_spec *)spec)->name);
}

static void complete_value(json_t *list, const struct param_spec *p, const char *word)
{
	const json_t *item;
	size_t i;

	json_array_foreach(p->enums, i, item)
		if (json_is_string(item))
			offer(list, word, "", json_string_value(item));
	if (p->type && streq(p->type, "bool")) {
		offer(list, word, "", "$true");
		offer(list, word, "", "$false");
	}
}

json_t *shell_complete(struct shell *sh, const char *text, size_t size, size_t *ret_start)
{
	json_t *list = json_array();
	_cleanup_free_ char *copy = xstrndup(text, size), *name = NULL, *before = NULL;
	size_t start = size, stage = size, at, end;
	const struct command_spec *spec;
	const struct param_spec *p;

	sh_need_catalogue(sh, NULL);
	while (start && !strchr(" \t\n|;({,", copy[start - 1]))
		start--;
	while (stage && !strchr("|;({\n", copy[stage - 1]))
		stage--;
	stage += strspn(copy + stage, " \t");
	*ret_start = start;
	if (stage >= start) {
		complete_command(sh, list, copy + start);
		return list;
	}
	name = xstrndup(copy + stage, strcspn(copy + stage, " \t"));
	spec = sh_lookup(sh, name, NULL);
	if (!spec)
		return list;
	if (copy[start] == '-') {
		vec_foreach(&spec->params, q)
			offer(list, copy + start + 1, "-", q->name);
		return list;
	}
	for (end = start; end && strchr(" \t", copy[end - 1]);)
		end--;
	for (at = end; at && !strchr(" \t", copy[at - 1]);)
		at--;
	before = xstrndup(copy + at, end - at);
	if (*before == '-' && command_find_param(spec, before + 1, &p, NULL) == 0)
		complete_value(list, p, copy + start);
	return list;
}
