/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/* From names and pipeline objects to a call's arguments (cmdlets.md section 1: names, pipeline). */

static bool has_alias(const struct param *p, const char *name)
{
	size_t len = strlen(name);

	for (const char *a = p->aliases; a && *a;) {
		size_t n = strcspn(a, ",");

		if (n == len && str_has_prefix_nocase(a, name))
			return true;
		a += n + (a[n] == ',');
	}
	return false;
}

static bool alias_has_prefix(const struct param *p, const char *prefix)
{
	for (const char *a = p->aliases; a && *a;) {
		size_t n = strcspn(a, ",");

		if (n >= strlen(prefix) && str_has_prefix_nocase(a, prefix))
			return true;
		a += n + (a[n] == ',');
	}
	return false;
}

const struct param *command_resolve(const struct command *cmd, const char *name, struct err **e)
{
	const struct param *found = NULL;
	struct str candidates = { 0 };
	size_t n = 0;
	int r;

	for (size_t i = 0; i < cmd->n_params; i++)
		if (strieq(cmd->params[i].name, name) || has_alias(&cmd->params[i], name))
			return &cmd->params[i];
	for (size_t i = 0; *name && i < cmd->n_params; i++) {
		const struct param *p = &cmd->params[i];

		if (!str_has_prefix_nocase(p->name, name) && !alias_has_prefix(p, name))
			continue;
		found = p;
		n++;
		str_addf(&candidates, " -%s", p->name);
	}
	if (n != 1) {
		found = NULL;
		if (n)
			r = err_set(e, "AmbiguousParameter", ERR_INVALID_ARGUMENT, name,
				    "Parameter cannot be processed because the parameter name '%s' is ambiguous. Possible matches "
				    "include:%s.", name, str_get(&candidates));
		else
			r = err_set(e, "NamedParameterNotFound", ERR_INVALID_ARGUMENT, name,
				    "A parameter cannot be found that matches parameter name '%.100s'.", name);
		err_advise(e, r, "'nestor help %s' lists the parameters.", cmd->row->name);
	}
	str_done(&candidates);
	return found;
}

static int bind_one(struct call *c, const struct param *p, const json_t *json, struct err **e)
{
	const struct command *cmd = c->request->command;
	struct arg *a = &c->args[p - cmd->params];
	size_t n = json_is_array(json) && (p->flags & ARRAY) ? json_array_size(json) : 1;

	/* One element stands for itself where one value is wanted, as in PowerShell. */
	if (json_is_array(json) && !(p->flags & ARRAY) && json_array_size(json) == 1)
		json = json_array_get(json, 0);
	if (n == 0)
		return err_set(e, "ParameterArgumentValidationErrorEmptyArrayNotAllowed", ERR_INVALID_ARGUMENT, p->name,
			       "Cannot bind argument to parameter '%s' because it is an empty array.", p->name);
	if (n > CMDLET_MAX_VALUES)
		return err_set(e, "ParameterArgumentValidationError", ERR_LIMITS_EXCEEDED, p->name,
			       "Parameter '%s' takes at most %d values.", p->name, CMDLET_MAX_VALUES);
	a->values = xcalloc(n, sizeof(*a->values));
	a->texts = xcalloc(n, sizeof(*a->texts));
	a->given = true;
	for (; a->n < n; a->n++) {
		char *text = NULL;
		int r = convert_value(cmd, p, json_is_array(json) && (p->flags & ARRAY) ? json_array_get(json, a->n) : json,
				      &a->values[a->n], &text, e);

		a->texts[a->n] = text;
		if (r < 0) {
			a->n++;
			return r;
		}
		if (p->type == P_STRING || p->type == P_SCRIPT)
			a->values[a->n].str = text;
	}
	return 0;
}

void bind_done(struct call *c)
{
	for (size_t i = 0; i < CMDLET_MAX_PARAMS; i++) {
		struct arg *a = &c->args[i];

		for (size_t k = 0; k < a->n; k++)
			free((char *)(uintptr_t)a->texts[k]);
		free(a->texts);
		free(a->values);
		*a = (struct arg){ 0 };
	}
}

int bind_explicit(struct call *c, const json_t *parameters, struct err **e)
{
	const struct command *cmd = c->request->command;
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)parameters, name, value) {
		const struct param *p = command_resolve(cmd, name, e);
		int r;

		if (!p)
			return -EINVAL;
		if (c->args[p - cmd->params].given)
			return err_set(e, "ParameterAlreadyBound", ERR_INVALID_ARGUMENT, name,
				       "Cannot bind parameter because parameter '%s' is specified more than once.", p->name);
		r = bind_one(c, p, value, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The sets that the arguments so far leave open. */
static uint32_t open_sets(const struct call *c)
{
	const struct command *cmd = c->request->command;
	uint32_t sets = cmd->all_sets;

	for (size_t i = 0; i < cmd->n_params; i++)
		if (c->args[i].given && cmd->params[i].sets)
			sets &= cmd->params[i].sets;
	return sets;
}

const json_t *object_property(const json_t *object, const char *name)
{
	const json_t *exact = json_object_get(object, name);
	const char *key;
	json_t *value;

	if (exact)
		return exact;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
		if (strieq(key, name))
			return value;
	return NULL;
}

bool object_is(const json_t *object, const struct object_type *type)
{
	if (!type || !json_is_object(object))
		return false;
	for (size_t i = 0; type->properties[i]; i++)
		if (!json_object_get(object, type->properties[i]))
			return false;
	return true;
}

static bool takes_value(const struct call *c, const struct param *p, const json_t *input)
{
	if (p->type == P_OBJECT)
		return object_is(input, map_get_str(c->request->server->types, p->values[0]));
	return !json_is_object(input) && !json_is_array(input);
}

static const json_t *property_for(const struct param *p, const json_t *input)
{
	const json_t *j = object_property(input, p->name);

	for (const char *a = p->aliases; !j && a && *a;) {
		size_t n = strcspn(a, ",");
		_cleanup_free_ char *alias = xstrndup(a, n);

		j = object_property(input, alias);
		a += n + (a[n] == ',');
	}
	return j && !json_is_null(j) ? j : NULL;
}

int bind_input(struct call *c, const json_t *input, struct err **e)
{
	const struct command *cmd = c->request->command;
	bool bound = false;
	int r;

	for (size_t i = 0; i < cmd->n_params; i++) {
		const struct param *p = &cmd->params[i];

		if (!(p->flags & PIPE_VALUE) || c->args[i].given || (p->sets && !(p->sets & open_sets(c))) ||
		    !takes_value(c, p, input))
			continue;
		r = bind_one(c, p, input, e);
		if (r < 0)
			return r;
		bound = true;
		break;
	}
	for (size_t i = 0; json_is_object(input) && i < cmd->n_params; i++) {
		const struct param *p = &cmd->params[i];
		const json_t *j;

		if (!(p->flags & PIPE_NAME) || c->args[i].given || (p->sets && !(p->sets & open_sets(c))))
			continue;
		j = property_for(p, input);
		if (!j)
			continue;
		r = bind_one(c, p, j, e);
		if (r < 0)
			return r;
		bound = true;
	}
	if (!bound) {
		r = err_set(e, "InputObjectNotBound", ERR_INVALID_ARGUMENT, NULL,
			    "The input object cannot be bound to any parameters for the command either because the command does not "
			    "take pipeline input or the input and its properties do not match any of the parameters that take "
			    "pipeline input.");
		return err_advise(e, r, "'nestor help %s' shows what the command takes from the pipeline.", cmd->row->name);
	}
	return 0;
}

static bool missing_in(const struct call *c, uint32_t set, struct str *names)
{
	const struct command *cmd = c->request->command;
	bool missing = false;

	for (size_t i = 0; i < cmd->n_params; i++) {
		const struct param *p = &cmd->params[i];

		if (!(p->flags & REQUIRED) || c->args[i].given || (p->sets && !(p->sets & set)))
			continue;
		str_addf(names, "%s%s", missing ? ", " : "", p->name);
		missing = true;
	}
	return missing;
}

/* One set must be left whose mandatory parameters are there; the default set (0) is tried first. */
int bind_check(const struct call *c, struct err **e)
{
	uint32_t sets = open_sets(c);
	struct str first = { 0 };
	bool have_first = false;
	int r;

	if (!sets)
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, NULL,
			       "Parameter set cannot be resolved using the specified named parameters: they exclude each other.");
	for (uint32_t set = 1; set && set <= sets; set <<= 1) {
		struct str names = { 0 };
		bool missing;

		if (!(sets & set))
			continue;
		missing = missing_in(c, set, &names);
		if (!missing) {
			str_done(&names);
			str_done(&first);
			return 0;
		}
		if (!have_first)
			str_add(&first, str_get(&names));
		have_first = true;
		str_done(&names);
	}
	r = err_set(e, "MissingMandatoryParameter", ERR_INVALID_ARGUMENT, str_get(&first),
		    "Cannot process command because of one or more missing mandatory parameters: %s.", str_get(&first));
	str_done(&first);
	return r;
}
