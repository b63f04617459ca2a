/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <strings.h>

#include "types.h"

static const struct { const char *alias, *command; } aliases[] = {
	{ "%", "ForEach-Object" },     { "?", "Where-Object" },	      { "foreach", "ForEach-Object" },
	{ "where", "Where-Object" },   { "select", "Select-Object" }, { "sort", "Sort-Object" },
	{ "group", "Group-Object" },   { "measure", "Measure-Object" }, { "ft", "Format-Table" },
	{ "fl", "Format-List" },       { "echo", "Write-Output" },    { "write", "Write-Output" },
	{ "sleep", "Start-Sleep" },    { "ipmo", "Import-Module" },   { "icm", "Invoke-Command" },
	{ "gcm", "Get-Command" },      { "gm", "Get-Member" },	      { "oh", "Out-Host" },
	{ "man", "Get-Help" },	       { "help", "Get-Help" },	      { "gvm", "Get-VM" },
	{ "clear", "Clear-Host" },     { "cls", "Clear-Host" },	      { "gip", "Get-NetIPConfiguration" },
	{ "Get-VMCheckpoint", "Get-VMSnapshot" },       { "Restore-VMCheckpoint", "Restore-VMSnapshot" },
	{ "Export-VMCheckpoint", "Export-VMSnapshot" }, { "Remove-VMCheckpoint", "Remove-VMSnapshot" }, { "Rename-VMCheckpoint", "Rename-VMSnapshot" },
};

/* Parameters of every cmdlet that the client itself answers. */
static const char common_params[] =
	"ErrorAction|ea ErrorVariable|ev WarningAction|wa WarningVariable|wv InformationAction|infa OutVariable|ov "
	"OutBuffer|ob Verbose|vb? Debug|db? CimSession ComputerName Credential ThrottleLimit";
/* Those that the daemon answers even where the catalogue does not list them. */
static const char passed_params[] = "WhatIf|wi? Confirm|cf? AsJob?";

const char *command_alias(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strieq(aliases[i].alias, name))
			return aliases[i].command;
	return name;
}

void command_aliases(void (*each)(void *userdata, const char *alias, const char *command), void *userdata)
{
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		each(userdata, aliases[i].alias, aliases[i].command);
}

void command_spec_free(struct command_spec *spec)
{
	if (!spec)
		return;
	vec_foreach(&spec->params, p) {
		free(p->name);
		free(p->aliases);
	}
	vec_done(&spec->params);
	free(spec->name);
	script_unref(spec->script);
	free(spec);
}

static const struct param_spec *find_exact(const struct command_spec *spec, const char *name)
{
	vec_foreach(&spec->params, p) {
		_cleanup_free_ char *in = NULL;

		if (strieq(p->name, name))
			return p;
		if (!p->aliases || strchr(name, '|'))
			continue;
		in = xasprintf("|%s|", name);
		if (strcasestr(p->aliases, in))
			return p;
	}
	return NULL;
}

static void add_described(struct command_spec *spec, const char *params, bool common)
{
	while (*params) {
		struct param_spec p = { .position = -1, .common = common };
		size_t len = strcspn(params, " "), n = strcspn(params, " |@?*");

		p.name = xstrndup(params, n);
		for (size_t i = n; i < len; i++) {
			if (params[i] == '@')
				p.position = params[i + 1] - '0';
			else if (params[i] == '?')
				p.kind = PK_SWITCH;
			else if (params[i] == '*')
				p.rest = true;
			else if (params[i] == '|' && !p.aliases)
				p.aliases = xasprintf("%.*s|", (int)strcspn(params + i, " @?*"), params + i);
		}
		if (common && find_exact(spec, p.name)) {
			free(p.name);
			free(p.aliases);
		} else {
			vec_push(&spec->params, p);
		}
		params += len;
		params += strspn(params, " ");
	}
}

struct command_spec *command_spec_builtin(const struct builtin *b, const char *name, const char *params)
{
	struct command_spec *spec = xcalloc(1, sizeof(*spec));

	spec->name = xstrdup(name);
	spec->builtin = b;
	add_described(spec, params, false);
	add_described(spec, common_params, true);
	return spec;
}

static enum param_kind kind_of_type(const char *type)
{
	static const struct { const char *type; enum param_kind kind; } kinds[] = {
		{ "int", PK_NUMBER }, { "uint", PK_NUMBER }, { "switch", PK_SWITCH }, { "scriptblock", PK_BLOCK },
		{ "object", PK_OBJECT }, { "bool", PK_ANY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].type, type))
			return kinds[i].kind;
	return PK_TEXT;
}

static void add_catalogue_param(struct command_spec *spec, const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	const char *type = json_string_value(json_object_get(entry, "type"));
	const json_t *position = json_object_get(entry, "position"), *list = json_object_get(entry, "aliases"), *alias;
	struct param_spec p = { .position = -1 };
	struct str text = {};
	size_t i;

	if (!name)
		return;
	p.name = xstrdup(name);
	p.type = type ? type : "string";
	p.kind = json_is_true(json_object_get(entry, "switch")) ? PK_SWITCH : kind_of_type(p.type);
	p.array = json_is_true(json_object_get(entry, "array"));
	if (json_is_integer(position))
		p.position = (int)json_integer_value(position);
	p.sets = json_object_get(entry, "sets");
	p.enums = json_object_get(entry, "enum");
	json_array_foreach(list, i, alias)
		if (json_is_string(alias))
			str_addf(&text, "|%s", json_string_value(alias));
	if (text.len)
		str_addc(&text, '|');
	p.aliases = text.len ? str_take(&text) : NULL;
	str_done(&text);
	vec_push(&spec->params, p);
}

/* -ComputerName and -CimSession choose the daemon: they are the client's, whatever the catalogue lists. */
static void claim_client_params(struct command_spec *spec)
{
	static const char *const names[] = { "CimSession", "ComputerName", "Credential", "ThrottleLimit", "ErrorAction",
					     "ErrorVariable", "Verbose", "Debug" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		vec_foreach(&spec->params, p)
			if (strieq(p->name, names[i]))
				p->common = true;
}

struct command_spec *command_spec_catalogue(const json_t *entry)
{
	const char *name = json_string_value(json_object_get(entry, "name"));
	struct command_spec *spec;
	const json_t *param;
	size_t i;

	if (!name)
		return NULL;
	spec = xcalloc(1, sizeof(*spec));
	spec->name = xstrdup(name);
	spec->entry = entry;
	json_array_foreach(json_object_get(entry, "parameters"), i, param)
		add_catalogue_param(spec, param);
	add_described(spec, common_params, true);
	claim_client_params(spec);
	for (size_t n = spec->params.n, k = 0; k == 0; k++) {
		add_described(spec, passed_params, true);
		while (n < spec->params.n)
			spec->params.items[n++].common = false;
	}
	return spec;
}

struct command_spec *command_spec_function(const char *name, struct script *script, const struct node *block)
{
	struct command_spec *spec = xcalloc(1, sizeof(*spec));
	const struct node *params = node_kid(block, 0);

	spec->name = xstrdup(name);
	spec->script = script_ref(script);
	spec->function = block;
	for (size_t i = 0; params && i < params->nkids; i++) {
		const struct node *def = params->kids[i];
		struct param_spec p = { .name = xstrdup(def->text), .position = (int)i };

		if (def->op == T_SWITCH) {
			p.kind = PK_SWITCH;
			p.position = -1;
		}
		vec_push(&spec->params, p);
	}
	add_described(spec, "ErrorAction|ea ErrorVariable|ev WarningAction|wa Verbose|vb? Debug|db?", true);
	return spec;
}

static bool has_prefix(const struct param_spec *p, const char *name)
{
	_cleanup_free_ char *in = NULL;

	if (str_has_prefix_nocase(p->name, name))
		return true;
	if (!p->aliases || strchr(name, '|'))
		return false;
	in = xasprintf("|%s", name);
	return strcasestr(p->aliases, in);
}

int command_find_param(const struct command_spec *spec, const char *name, const struct param_spec **ret, struct err **e)
{
	const struct param_spec *found = find_exact(spec, name);
	_cleanup_str_ struct str matches = {};
	_cleanup_free_ char *id = NULL;
	unsigned n = 0;

	if (found) {
		*ret = found;
		return 0;
	}
	vec_foreach(&spec->params, p) {
		if (!has_prefix(p, name))
			continue;
		found = p;
		n++;
		str_addf(&matches, " -%s", p->name);
	}
	if (n == 1) {
		*ret = found;
		return 0;
	}
	if (n == 0) {
		id = xasprintf("NamedParameterNotFound,%s", spec->name);
		err_set(e, id, ERR_INVALID_ARGUMENT, name, "A parameter cannot be found that matches parameter name '%s'.", name);
		return err_advise(e, -EINVAL, "nestor help %s lists the parameters", spec->name);
	}
	id = xasprintf("AmbiguousParameter,%s", spec->name);
	err_set(e, id, ERR_INVALID_ARGUMENT, name,
		"Parameter cannot be processed because the parameter name '%s' is ambiguous. Possible matches include:%s.",
		name, str_get(&matches));
	return err_advise(e, -EINVAL, "write more letters of the parameter's name");
}

void bind_plan_done(struct bind_plan *plan)
{
	vec_done(&plan->named);
	vec_done(&plan->positional);
}

static int plan_named(const struct command_spec *spec, const struct node *command, size_t *i, struct bind_plan *plan,
		      struct err **e)
{
	const struct node *at = command->kids[*i], *next = node_kid(command, *i + 1);
	struct bound_arg arg = { .at = at, .value = node_kid(at, 0) };
	_cleanup_free_ char *id = NULL;
	int r = command_find_param(spec, at->text, &arg.param, e);

	if (r < 0)
		return r;
	vec_foreach(&plan->named, other) {
		if (other->param != arg.param)
			continue;
		id = xasprintf("ParameterAlreadyBound,%s", spec->name);
		return err_set(e, id, ERR_INVALID_ARGUMENT, arg.param->name,
			       "Cannot bind parameter because parameter '%s' is specified more than once.", arg.param->name);
	}
	if (!arg.value && arg.param->kind != PK_SWITCH) {
		if (!next || (next->kind == N_PARAM && !(next->flags & NF_DASHDASH)) || next->kind == N_SPLAT) {
			id = xasprintf("MissingArgument,%s", spec->name);
			return err_set(e, id, ERR_INVALID_ARGUMENT, arg.param->name,
				       "Missing an argument for parameter '%s'. Specify a parameter of type '%s' and try again.",
				       arg.param->name, arg.param->kind == PK_NUMBER ? "System.Int64" : "System.String");
		}
		arg.value = next;
		++*i;
	}
	vec_push(&plan->named, arg);
	return 0;
}

/* Too many positional arguments are told before anything runs. */
static int check_count(const struct command_spec *spec, const struct bind_plan *plan, const struct node **ret_at, struct err **e)
{
	_cleanup_free_ bool *taken = xcalloc(spec->params.n + 1, sizeof(*taken));
	_cleanup_free_ char *id = NULL;

	if (spec->function || plan->has_splat)
		return 0;
	vec_foreach(&plan->named, a)
		taken[a->param - spec->params.items] = true;
	vec_foreach(&plan->positional, n) {
		const struct param_spec *p = command_positional(spec, taken, NULL);
		const char *text = (*n)->text ? (*n)->text : "";

		if (!p) {
			*ret_at = *n;
			id = xasprintf("PositionalParameterNotFound,%s", spec->name);
			return err_set(e, id, ERR_INVALID_ARGUMENT, text,
				       "A positional parameter cannot be found that accepts argument '%s'.", text);
		}
		if (p->rest)
			return 0;
		taken[p - spec->params.items] = true;
	}
	return 0;
}

int command_plan(const struct command_spec *spec, const struct node *command, struct bind_plan *ret,
		 const struct node **ret_at, struct err **e)
{
	int r;

	*ret_at = command;
	for (size_t i = command->flags & NF_CALL ? 1 : 0; i < command->nkids; i++) {
		const struct node *n = command->kids[i];

		if (n->kind == N_SPLAT) {
			ret->has_splat = true;
		} else if (n->kind == N_PARAM) {
			*ret_at = n;
			r = plan_named(spec, command, &i, ret, e);
			if (r < 0)
				return r;
		} else {
			vec_push(&ret->positional, n);
		}
	}
	*ret_at = command;
	return check_count(spec, ret, ret_at, e);
}

static bool sets_meet(const json_t *a, const json_t *b)
{
	const json_t *x, *y;
	size_t i, k;

	if (!json_array_size(a) || !json_array_size(b))
		return true;
	json_array_foreach(a, i, x)
		json_array_foreach(b, k, y)
			if (json_equal((json_t *)x, (json_t *)y))
				return true;
	return false;
}

static bool fits_named(const struct command_spec *spec, const bool *taken, const struct param_spec *p)
{
	for (size_t i = 0; i < spec->params.n; i++)
		if (taken[i] && !sets_meet(spec->params.items[i].sets, p->sets))
			return false;
	return true;
}

const struct param_spec *command_positional(const struct command_spec *spec, const bool *taken, const struct value *value)
{
	const struct value *v = value_is_array(value) && value->n ? value->items[0] : value;
	const struct param_spec *best = NULL;

	for (size_t i = 0; i < spec->params.n; i++) {
		const struct param_spec *p = &spec->params.items[i];

		if (p->position < 0 || (taken[i] && !p->rest) || p->common || !fits_named(spec, taken, p))
			continue;
		if (!best || p->position < best->position)
			best = p;
		else if (p->position == best->position && v && value_is_bag(v) == (p->kind == PK_OBJECT) &&
			 value_is_bag(v) != (best->kind == PK_OBJECT))
			best = p;
	}
	return best;
}
