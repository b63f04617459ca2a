/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

/* The tables as JSON: GET /v1/cmdlet. Clients parse command lines, complete and print by it. */

static const char *type_name(enum param_type type)
{
	static const char *const names[] = {
		[P_STRING] = "string", [P_INT] = "int",       [P_UINT] = "uint", [P_BOOL] = "bool", [P_SWITCH] = "switch",
		[P_ENUM] = "enum",     [P_MAC] = "mac",       [P_IP] = "ip",     [P_PREFIX] = "prefix", [P_GUID] = "guid",
		[P_VSID] = "vsid",     [P_SCRIPT] = "scriptblock", [P_OBJECT] = "object",
	};

	return names[type];
}

static json_t *split(const char *list)
{
	json_t *array = json_array();

	for (const char *a = list; a && *a;) {
		size_t n = strcspn(a, ",");

		json_array_append_new(array, json_stringn(a, n));
		a += n + (a[n] == ',');
	}
	return array;
}

static json_t *strings(const char *const *values)
{
	json_t *array = json_array();

	for (; values && *values; values++)
		json_array_append_new(array, json_string(*values));
	return array;
}

static json_t *describe_param(const struct param *p)
{
	json_t *j = json_object(), *pipeline = json_array(), *sets = json_array();

	if (p->flags & PIPE_VALUE)
		json_array_append_new(pipeline, json_string("value"));
	if (p->flags & PIPE_NAME)
		json_array_append_new(pipeline, json_string("property"));
	for (unsigned i = 0; i < 32; i++)
		if (p->sets & (1u << i))
			json_array_append_new(sets, json_integer(i));
	json_object_set_new(j, "name", json_string(p->name));
	json_object_set_new(j, "type", json_string(type_name(p->type)));
	json_object_set_new(j, "array", json_boolean(p->flags & ARRAY));
	json_object_set_new(j, "switch", json_boolean(p->type == P_SWITCH));
	json_object_set_new(j, "aliases", split(p->aliases));
	json_object_set_new(j, "required", json_boolean(p->flags & REQUIRED));
	json_object_set_new(j, "position", PARAM_POSITION(p->flags) < 0 ? json_null() : json_integer(PARAM_POSITION(p->flags)));
	json_object_set_new(j, "pipeline", pipeline);
	json_object_set_new(j, "enum", strings(p->type == P_ENUM ? p->values : NULL));
	if (p->type == P_OBJECT)
		json_object_set_new(j, "object", json_string(p->values[0]));
	if (p->min)
		json_object_set_new(j, "minimum", json_integer(p->min));
	if (p->max)
		json_object_set_new(j, "maximum", json_integer((json_int_t)p->max));
	json_object_set_new(j, "default", json_string(p->def ? p->def : ""));
	json_object_set_new(j, "help", json_string(p->help));
	json_object_set_new(j, "sets", sets);
	return j;
}

json_t *describe_command(const struct command *cmd)
{
	json_t *j = json_object(), *params = json_array();

	for (size_t i = 0; i < cmd->n_params; i++)
		json_array_append_new(params, describe_param(&cmd->params[i]));
	json_object_set_new(j, "name", json_string(cmd->row->name));
	json_object_set_new(j, "help", json_string(cmd->row->help));
	json_object_set_new(j, "output", cmd->row->output ? json_string(cmd->row->output->name) : json_null());
	json_object_set_new(j, "changes", json_boolean(cmd->row->flags & CHANGES));
	json_object_set_new(j, "stream", json_boolean(cmd->row->flags & STREAM));
	json_object_set_new(j, "parameters", params);
	return j;
}

json_t *describe_type(const struct object_type *type)
{
	json_t *j = json_object(), *columns = json_array();

	for (const struct column *c = type->columns; c && c->property; c++) {
		json_t *column = json_object();

		json_object_set_new(column, "property", json_string(c->property));
		json_object_set_new(column, "label", json_string(c->label ? c->label : c->property));
		json_object_set_new(column, "align", json_string(c->right ? "right" : "left"));
		json_array_append_new(columns, column);
	}
	json_object_set_new(j, "view", json_string(type->columns && !type->list ? "table" : "list"));
	json_object_set_new(j, "properties", strings(type->properties));
	json_object_set_new(j, "columns", columns);
	return j;
}

json_t *object_arrange(const struct object_type *type, json_t *object)
{
	json_t *arranged = json_object();

	if (!type || !json_is_object(object)) {
		json_decref(arranged);
		return object;
	}
	for (size_t i = 0; type->properties[i]; i++) {
		json_t *value = json_object_get(object, type->properties[i]);

		json_object_set_new(arranged, type->properties[i], value ? json_incref(value) : json_null());
	}
	json_object_update_missing(arranged, object);
	json_decref(object);
	return arranged;
}

/* Text that quotes input may have been cut inside a character: then what is not ASCII is replaced. */
json_t *text_to_json(const char *s)
{
	json_t *j = s ? json_string(s) : json_null();
	_cleanup_free_ char *plain = NULL;

	if (j)
		return j;
	plain = xstrdup(s);
	for (char *p = plain; *p; p++)
		if (*p & 0x80)
			*p = '?';
	return json_string(plain);
}

json_t *error_to_json(const struct err *e, const char *cmdlet)
{
	json_t *j = json_object();
	_cleanup_free_ char *fqid = xasprintf("%s,%.100s", e->id, cmdlet);

	json_object_set_new(j, "id", json_string(e->id));
	json_object_set_new(j, "fullyQualifiedErrorId", text_to_json(fqid));
	json_object_set_new(j, "category", json_string(err_category_name(e->category)));
	json_object_set_new(j, "message", text_to_json(e->message));
	json_object_set_new(j, "target", text_to_json(e->target));
	json_object_set_new(j, "recommendation", text_to_json(e->advice));
	json_object_set_new(j, "errno", json_integer(e->errnum));
	return j;
}
