/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include <errno.h>

static char *fold(const char *name)
{
	char *s = xstrdup(name);

	for (char *c = s; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return s;
}

int sh_need_catalogue(struct shell *sh, struct err **e)
{
	const json_t *entry;
	const char *key;
	size_t i;

	if (sh->catalogue)
		return 0;
	if (!sh->host->catalogue)
		return err_set(e, "Nestor.NoCatalogue", ERR_RESOURCE_UNAVAILABLE, NULL, "There is no catalogue of cmdlets.");
	sh->catalogue = sh->host->catalogue(sh->host->userdata, e);
	if (!sh->catalogue)
		return e && *e ? -EIO : err_set(e, "Nestor.NoCatalogue", ERR_RESOURCE_UNAVAILABLE, NULL,
						"The daemon gave no catalogue of cmdlets.");
	json_array_foreach(json_object_get(sh->catalogue, "cmdlets"), i, entry) {
		const char *name = json_string_value(json_object_get(entry, "name"));
		_cleanup_free_ char *folded = name ? fold(name) : NULL;

		if (folded)
			map_put_str(sh->cmdlets, folded, (void *)entry);
	}
	json_object_foreach(json_object_get(sh->catalogue, "types"), key, entry) {
		_cleanup_free_ char *folded = fold(key);

		map_put_str(sh->types, folded, (void *)entry);
	}
	return 0;
}

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < builtins_count; i++)
		if (strieq(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

const struct command_spec *sh_lookup(struct shell *sh, const char *name, struct err **e)
{
	_cleanup_free_ char *key = fold(name), *real = NULL;
	struct command_spec *spec = map_get_str(sh->functions, key);
	const struct builtin *b;
	const json_t *entry;

	if (spec)
		return spec;
	real = fold(command_alias(name));
	spec = map_get_str(sh->specs, real);
	if (spec)
		return spec;
	b = find_builtin(real);
	if (b) {
		spec = command_spec_builtin(b, b->name, b->params);
	} else {
		if (sh_need_catalogue(sh, e) < 0)
			return NULL;
		entry = map_get_str(sh->cmdlets, real);
		spec = entry ? command_spec_catalogue(entry) : NULL;
	}
	if (spec)
		map_put_str(sh->specs, real, spec);
	return spec;
}

const json_t *shell_find_cmdlet(struct shell *sh, const char *name)
{
	_cleanup_free_ char *key = fold(command_alias(name));

	return sh_need_catalogue(sh, NULL) < 0 ? NULL : map_get_str(sh->cmdlets, key);
}

const json_t *sh_type(struct shell *sh, const char *type)
{
	_cleanup_free_ char *key = type ? fold(type) : NULL;

	return key && sh->catalogue ? map_get_str(sh->types, key) : NULL;
}

struct check {
	struct shell *sh;
	struct script *script;
	struct map *functions; /* defined anywhere in the script */
	int worst;
};

static void complain(struct check *c, const struct node *at, int code, const char *format, ...) _printf_(4, 5);
static void complain(struct check *c, const struct node *at, int code, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	unsigned line, column;
	va_list ap;

	va_start(ap, format);
	message = xvasprintf(format, ap);
	va_end(ap);
	script_position(c->script, at->off, &line, &column);
	sh_writef(c->sh, true, "%s:%u:%u: %s\n", c->script->name, line, column, message);
	c->worst = MAX(c->worst, code);
}

static void check_command(struct check *c, const struct node *n)
{
	_cleanup_free_ char *key = n->text ? fold(n->text) : NULL;
	_cleanup_err_ struct err *e = NULL;
	_cleanup_plan_ struct bind_plan plan = {};
	_cleanup_(command_spec_freep) struct command_spec *own = NULL;
	const struct command_spec *spec;
	const struct node *function, *at;

	if (n->flags & NF_CALL)
		return;
	function = map_get_str(c->functions, key);
	if (function)
		spec = own = command_spec_function(function->text, c->script, function->kids[0]);
	else
		spec = sh_lookup(c->sh, n->text, &e);
	if (e) {
		complain(c, n, SHELL_FAILED, "%s%s%s", e->message, e->advice ? "\n    what to do: " : "", e->advice ? e->advice : "");
		return;
	}
	if (!spec) {
		complain(c, n, SHELL_NOT_UNDERSTOOD, "unknown command '%s'", n->text);
		return;
	}
	if (command_plan(spec, n, &plan, &at, &e) < 0)
		complain(c, at, SHELL_FAILED, "%s : %s\n    + FullyQualifiedErrorId : %s", spec->name, e->message, e->id);
}

int sh_check(struct shell *sh, struct script *script)
{
	_cleanup_map_ struct map *functions = map_new();
	struct check c = { sh, script, functions, SHELL_DONE };

	/* All nodes in the order of the text: the script holds them in a list, and some belong to no tree. */
	vec_foreach(&script->nodes, n)
		if ((*n)->kind == N_FUNCTION && (*n)->nkids) {
			_cleanup_free_ char *key = fold((*n)->text);

			map_put_str(functions, key, *n);
		}
	vec_foreach(&script->nodes, n)
		if ((*n)->kind == N_COMMAND)
			check_command(&c, *n);
	return c.worst;
}
