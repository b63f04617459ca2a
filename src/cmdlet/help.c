/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* Get-Command and Get-Help: the vocabulary about itself. */

static const char *const command_properties[] = { "CommandType", "Name", "Definition", "Parameters", NULL };
static const struct column command_columns[] = { { "CommandType" }, { "Name" }, { "Definition" }, { 0 } };
static const struct object_type command_object = { "CommandInfo", command_properties, command_columns };

static const char *const help_properties[] = { "Name", "Synopsis", "Syntax", "Parameters", NULL };
static const struct object_type help_object = { "HelpInfo", help_properties, NULL };

static const struct param get_command_params[] = {
	{ "Name", P_STRING, ARRAY | POS(0) | PIPE_VALUE, "names or wildcards; none: every cmdlet" },
	{ 0 },
};
static const struct param get_help_params[] = {
	{ "Name", P_STRING, POS(0) | PIPE_VALUE | REQUIRED, "name of a cmdlet, or a wildcard" },
	{ 0 },
};

static bool name_wanted(const struct call *c, const char *name)
{
	const struct arg *a = call_arg(c, "Name");

	for (size_t i = 0; i < a->n; i++)
		if (wildcard_match(a->texts[i], name))
			return true;
	return !a->given;
}

/* "New-VMSwitch [-Name] <string> [-SwitchType <enum>] ..." */
static json_t *syntax(const struct command *cmd)
{
	_cleanup_str_ struct str s = { 0 };

	str_add(&s, cmd->row->name);
	for (size_t i = 0; i < cmd->n_params; i++) {
		const struct param *p = &cmd->params[i];
		bool optional = !(p->flags & REQUIRED), positional = PARAM_POSITION(p->flags) >= 0;

		str_addf(&s, " %s%s-%s%s", optional ? "[" : "", positional ? "[" : "", p->name, positional ? "]" : "");
		if (p->type == P_ENUM) {
			str_add(&s, " {");
			for (size_t k = 0; p->values[k]; k++)
				str_addf(&s, "%s%s", k ? "|" : "", p->values[k]);
			str_add(&s, "}");
		} else if (p->type != P_SWITCH) {
			json_t *d = describe_command(cmd);
			const json_t *one = json_array_get(json_object_get(d, "parameters"), i);

			str_addf(&s, " <%s%s>", json_string_value(json_object_get(one, "type")), p->flags & ARRAY ? "[]" : "");
			json_decref(d);
		}
		if (optional)
			str_addc(&s, ']');
	}
	return json_string(str_get(&s));
}

static int get_command(struct call *c, struct err **e)
{
	const struct arg *a = call_arg(c, "Name");
	size_t found = 0;

	vec_foreach(&c->request->server->commands, cmd) {
		json_t *names;

		if (!name_wanted(c, (*cmd)->row->name))
			continue;
		found++;
		names = json_array();
		for (size_t i = 0; i < (*cmd)->n_params; i++)
			json_array_append_new(names, json_string((*cmd)->params[i].name));
		call_emit_json(c, json_pack("{s:s, s:s, s:s, s:o}", "CommandType", "Cmdlet", "Name", (*cmd)->row->name,
					    "Definition", (*cmd)->row->help, "Parameters", names));
	}
	if (!found && a->given && !wildcard_has(a->texts[0]))
		return err_set(e, "CommandNotFoundException", ERR_OBJECT_NOT_FOUND, a->texts[0],
			       "The term '%.100s' is not recognized as the name of a cmdlet.", a->texts[0]);
	return 0;
}

static int get_help(struct call *c, struct err **e)
{
	const char *name = call_str(c, "Name", "*");
	size_t found = 0;

	vec_foreach(&c->request->server->commands, cmd) {
		json_t *params, *help;

		if (!wildcard_match(name, (*cmd)->row->name))
			continue;
		found++;
		help = json_object();
		params = json_array();
		for (size_t i = 0; i < (*cmd)->n_params; i++)
			json_array_append_new(params, json_sprintf("-%s: %s", (*cmd)->params[i].name, (*cmd)->params[i].help));
		json_object_set_new(help, "Name", json_string((*cmd)->row->name));
		json_object_set_new(help, "Synopsis", json_string((*cmd)->row->help));
		json_object_set_new(help, "Syntax", syntax(*cmd));
		json_object_set_new(help, "Parameters", params);
		call_emit_json(c, help);
	}
	if (!found)
		return err_set(e, "HelpNotFound", ERR_OBJECT_NOT_FOUND, name, "Get-Help could not find %.100s.", name);
	return 0;
}

const struct cmdlet help_cmdlets[] = {
	{ "Get-Command", "list the cmdlets", get_command_params, &command_object, get_command },
	{ "Get-Help", "explain a cmdlet and its parameters", get_help_params, &help_object, get_help },
	{ 0 },
};
