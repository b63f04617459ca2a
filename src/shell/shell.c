/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include "parser.h"
#include "text.h"

struct shell *shell_new(const struct shell_host *host, const struct shell_options *options)
{
	struct shell *sh = xcalloc(1, sizeof(*sh));

	sh->host = host;
	if (options)
		sh->options = *options;
	sh->heap.limit = sh->options.memory_limit ? sh->options.memory_limit : (size_t)1 << 30;
	sh->functions = map_new();
	sh->specs = map_new();
	sh->cmdlets = map_new();
	sh->types = map_new();
	sh->errors = value_array(&sh->heap);
	sh->kept = value_array(&sh->heap);
	sh->ok = true;
	scope_push(sh);
	bag_set_take(sh->global->vars, "ErrorActionPreference", value_string(&sh->heap, "Continue"));
	bag_set_take(sh->global->vars, "PSVersionTable", value_hash(&sh->heap));
	bag_set_take(bag_get(sh->global->vars, "PSVersionTable"), "PSVersion", value_string(&sh->heap, "5.1"));
	bag_set_take(bag_get(sh->global->vars, "PSVersionTable"), "Platform", value_string(&sh->heap, "Nestor"));
	return sh;
}

static void free_specs(struct map *m)
{
	size_t pos = 0, key_size;
	const void *key;
	void *spec;

	while (map_next(m, &pos, &key, &key_size, &spec))
		command_spec_free(spec);
	map_free(m);
}

void shell_free(struct shell *sh)
{
	if (!sh)
		return;
	while (sh->scope)
		scope_pop(sh);
	value_unref(sh->error);
	value_unref(sh->errors);
	value_unref(sh->kept);
	value_unref(sh->item);
	heap_done(&sh->heap);
	free_specs(sh->functions);
	free_specs(sh->specs);
	vec_foreach(&sh->retired, s)
		command_spec_free(*s);
	vec_done(&sh->retired);
	map_free(sh->cmdlets);
	map_free(sh->types);
	free(sh);
}

/* The braces behind a cmdlet of the catalogue are text for the daemon; what the language knows itself is parsed. */
static bool is_hosted(void *userdata, const char *command)
{
	struct shell *sh = userdata;
	const struct command_spec *spec = sh_lookup(sh, command, NULL);

	return spec && spec->entry;
}

static int run_tree(struct shell *sh, struct script *script)
{
	struct script *caller = sh->script;
	struct sink console = {};
	const struct node *block = script->root;
	_cleanup_value_ struct value *none = value_hash(&sh->heap);
	int r;

	sh->script = script;
	sh->failed = false;
	sh->ok = true;
	/* The text's own scope is the session's: what it sets, the next one sees. */
	r = FLOW_OK;
	if (block->kids[0])
		r = eval_call(sh, block, script, block, none, NULL, NULL, &console);
	else
		for (size_t i = 1; i < block->nkids && r == 0; i++)
			if (block->kids[i])
				r = eval_statements(sh, block->kids[i], &console);
	if (r == FLOW_ERROR)
		sh_show_error(sh);
	sh->script = caller;
	return r == FLOW_EXIT ? sh->exit_code : sh->failed ? SHELL_FAILED : SHELL_DONE;
}

int shell_run(struct shell *sh, const char *name, const char *source, size_t size, bool check_only)
{
	struct parse_hooks hooks = { is_hosted, sh };
	struct parse_error error = {};
	_cleanup_script_ struct script *script = NULL;
	int r;

	if (parse_script(name, source, size, &hooks, &script, &error) < 0) {
		sh_writef(sh, true, "%s:%u:%u: %s\n", name, error.line, error.column, error.message);
		free(error.message);
		return SHELL_NOT_UNDERSTOOD;
	}
	r = sh_check(sh, script);
	if (r != SHELL_DONE || check_only)
		return r;
	return run_tree(sh, script);
}

bool shell_is_complete(struct shell *sh, const char *source, size_t size)
{
	struct parse_hooks hooks = { is_hosted, sh };
	struct parse_error error = {};
	_cleanup_script_ struct script *script = NULL;
	bool open;

	if (size && source[size - 1] == '`')
		return false;
	if (parse_script("", source, size, &hooks, &script, &error) == 0)
		return true;
	/* What is only missing its end: an empty line ends the waiting, as it does in PowerShell. */
	open = strstr(error.message, "not closed") || strstr(error.message, "the end of the text");
	free(error.message);
	return !open || (size > 1 && source[size - 1] == '\n' && source[size - 2] == '\n');
}

/* ---- One command from an argument vector: nothing is parsed but names of parameters and lists. ---- */

static struct node *argv_value(struct script *s, const char *text, bool list)
{
	struct node *n = node_new(s, N_STRING, 0), *array;
	struct node number = {};
	size_t len;

	if (list && strchr(text, ',')) {
		array = node_new(s, N_ARRAY, 0);
		for (;;) {
			size_t k = strcspn(text, ",");
			_cleanup_free_ char *item = xstrndup(text, k);

			node_add(array, argv_value(s, item, false));
			if (!text[k])
				return array;
			text += k + 1;
		}
	}
	n->text = xstrdup(text);
	len = lex_number(text, &number);
	if (len && !text[len]) {
		n->kind = number.kind;
		n->num = number.num;
	} else if (strieq(text, "$true") || strieq(text, "$false") || strieq(text, "$null")) {
		n->kind = N_VAR;
		memmove(n->text, n->text + 1, strlen(n->text));
	}
	return n;
}

static bool is_param(const char *text)
{
	size_t dash = text_dash(text);

	return dash && (text_is_alpha(text[dash]) || text[dash] == '_');
}

/* A value of a parameter that takes one value, and no list, is the argument as it is. */
static bool wants_list(const struct command_spec *spec, const char *name)
{
	const struct param_spec *p;

	if (command_find_param(spec, name, &p, NULL) < 0)
		return true;
	return p->array || p->common || spec->builtin;
}

static void build_arguments(struct script *s, struct node *command, const struct command_spec *spec, int argc, char *const *argv)
{
	bool only_values = false;
	const struct node *last = NULL;

	for (int i = 1; i < argc; i++) {
		struct node *n;
		char *colon;

		if (!only_values && streq(argv[i], "--")) {
			only_values = true;
			continue;
		}
		if (only_values || !is_param(argv[i])) {
			n = argv_value(s, argv[i], !last || wants_list(spec, last->text));
			last = NULL;
		} else {
			n = node_new(s, N_PARAM, 0);
			n->text = xstrdup(argv[i] + text_dash(argv[i]));
			last = n;
			colon = strchr(n->text, ':');
			if (colon) {
				*colon = 0;
				node_add(n, argv_value(s, colon + 1, wants_list(spec, n->text)));
				last = NULL;
			}
		}
		node_add(command, n);
	}
}

int shell_run_argv(struct shell *sh, int argc, char *const *argv)
{
	_cleanup_script_ struct script *s = script_new(argv[0], "", 0);
	struct node *command = node_new(s, N_COMMAND, 0), *pipeline = node_new(s, N_PIPELINE, 0);
	_cleanup_err_ struct err *e = NULL;
	const struct command_spec *spec = sh_lookup(sh, argv[0], &e);
	struct sink console = {};
	int r;

	if (e) {
		sh_writef(sh, true, "nestor: %s\n%s%s%s", e->message, e->advice ? "    what to do: " : "", e->advice ? e->advice : "",
			  e->advice ? "\n" : "");
		return SHELL_FAILED;
	}
	if (!spec) {
		sh_writef(sh, true, "nestor: unknown command '%s'\n    what to do: nestor help lists the cmdlets\n", argv[0]);
		return SHELL_NOT_UNDERSTOOD;
	}
	command->text = xstrdup(argv[0]);
	build_arguments(s, command, spec, argc, argv);
	node_add(pipeline, command);
	sh->failed = false;
	sh->script = NULL;
	r = eval_pipeline(sh, pipeline, &console);
	if (r == FLOW_ERROR)
		sh_show_error(sh);
	return sh->failed ? SHELL_FAILED : SHELL_DONE;
}
