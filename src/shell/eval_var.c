/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <strings.h>

void scope_push(struct shell *sh)
{
	struct scope *s = xcalloc(1, sizeof(*s));

	s->vars = value_hash(&sh->heap);
	s->parent = sh->scope;
	sh->scope = s;
	if (!sh->global)
		sh->global = s;
}

void scope_pop(struct shell *sh)
{
	struct scope *s = sh->scope;

	sh->scope = s->parent;
	if (sh->global == s)
		sh->global = NULL;
	value_unref(s->vars);
	free(s);
}

/* Strips global:, script:, local:, variable:; *ret_scope is where to look first. */
static const char *split_scope(struct shell *sh, const char *name, struct scope **ret_scope)
{
	static const struct { const char *prefix; bool global; } prefixes[] = {
		{ "global:", true }, { "script:", true }, { "local:", false }, { "private:", false }, { "variable:", false },
		{ "using:", false },
	};

	*ret_scope = sh->scope;
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (strncasecmp(name, prefixes[i].prefix, n) != 0)
			continue;
		if (prefixes[i].global)
			*ret_scope = sh->global;
		return name + n;
	}
	return name;
}

static struct value *error_list(struct shell *sh)
{
	struct value *list = value_array(&sh->heap);

	for (size_t i = sh->errors->n; i > 0; i--)
		array_add(list, sh->errors->items[i - 1]);
	return list;
}

static bool automatic(struct shell *sh, const char *name, struct value **ret)
{
	if (streq(name, "_") || strieq(name, "PSItem"))
		*ret = value_ref(sh->item);
	else if (strieq(name, "null"))
		*ret = NULL;
	else if (strieq(name, "true") || strieq(name, "false"))
		*ret = value_bool(&sh->heap, strieq(name, "true"));
	else if (streq(name, "?"))
		*ret = value_bool(&sh->heap, sh->ok);
	else if (strieq(name, "Error"))
		*ret = error_list(sh);
	else if (strncasecmp(name, "env:", 4) == 0) {
		const char *s = sh->host->env ? sh->host->env(sh->host->userdata, name + 4) : NULL;

		*ret = s ? value_string(&sh->heap, s) : NULL;
	} else {
		return false;
	}
	return true;
}

struct value *var_get(struct shell *sh, const char *name)
{
	struct scope *scope;
	struct value *v;

	if (automatic(sh, name, &v))
		return v;
	name = split_scope(sh, name, &scope);
	for (; scope; scope = scope->parent) {
		struct prop *p = bag_find(scope->vars, name);

		if (p)
			return value_ref(p->value);
	}
	return NULL;
}

int var_set(struct shell *sh, const struct node *at, const char *name, struct value *v)
{
	static const char *const fixed[] = { "null", "true", "false", "?", "Error", "PSItem" };
	struct scope *scope;

	if (streq(name, "_")) {
		value_unref(sh->item);
		sh->item = value_ref(v);
		return FLOW_OK;
	}
	if (strieq(name, "null"))
		return FLOW_OK;
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		if (strieq(name, fixed[i]))
			return sh_throw(sh, at, "VariableNotWritable", "Cannot overwrite variable %s because it is read-only.", name);
	if (strncasecmp(name, "env:", 4) == 0)
		return sh_throw(sh, at, "VariableNotWritable", "The environment ($%s) can be read only.", name);
	name = split_scope(sh, name, &scope);
	if (bag_set(scope->vars, name, v) < 0)
		return sh_throw(sh, at, "LimitsExceeded", "There are too many variables.");
	return FLOW_OK;
}
