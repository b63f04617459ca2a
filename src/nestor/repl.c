/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <editline/readline.h>

#include "client.h"
#include "str.h"

/* libedit is loaded when someone sits at a terminal: it would cost every short command its start. */
struct edit_api {
	char *(*readline)(const char *);
	int (*add_history)(const char *);
	int (*read_history)(const char *);
	int (*write_history)(const char *);
	char **(*matches)(const char *, rl_compentry_func_t *);
	rl_completion_func_t **completion;
	char **line;
	int *append;
	char **break_characters;
};

static struct shell *completing;
static struct edit_api edit;
static json_t *candidates;
static size_t next_candidate;

static bool edit_load(void)
{
	void *lib = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);

	if (!lib)
		return false;
	edit.readline = (char *(*)(const char *))dlsym(lib, "readline");
	edit.add_history = (int (*)(const char *))dlsym(lib, "add_history");
	edit.read_history = (int (*)(const char *))dlsym(lib, "read_history");
	edit.write_history = (int (*)(const char *))dlsym(lib, "write_history");
	edit.matches = (char **(*)(const char *, rl_compentry_func_t *))dlsym(lib, "rl_completion_matches");
	edit.completion = dlsym(lib, "rl_attempted_completion_function");
	edit.line = dlsym(lib, "rl_line_buffer");
	edit.append = dlsym(lib, "rl_attempted_completion_over");
	edit.break_characters = dlsym(lib, "rl_basic_word_break_characters");
	return edit.readline && edit.add_history && edit.matches && edit.completion && edit.line;
}

static char *generate(const char *text _unused_, int state)
{
	const char *s;

	if (!state)
		next_candidate = 0;
	s = json_string_value(json_array_get(candidates, next_candidate++));
	return s ? strdup(s) : NULL;
}

static char **complete(const char *text, int start, int end)
{
	size_t from;

	json_decref(candidates);
	candidates = shell_complete(completing, *edit.line, (size_t)end, &from);
	if (edit.append)
		*edit.append = 1; /* never names of files */
	return (size_t)start == from ? edit.matches(text, generate) : NULL;
}

static char *next_line(bool terminal, const char *prompt)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (terminal)
		return edit.readline(prompt);
	n = getline(&line, &room, stdin);
	if (n < 0) {
		free(line);
		return NULL;
	}
	if (n && line[n - 1] == '\n')
		line[n - 1] = 0;
	return line;
}

int repl_run(struct shell *sh)
{
	bool terminal = isatty(STDIN_FILENO) && edit_load();
	_cleanup_free_ char *history = getenv("HOME") ? xasprintf("%s/.nestor_history", getenv("HOME")) : NULL;
	_cleanup_str_ struct str text = {};
	int code = SHELL_DONE;
	char *line;

	completing = sh;
	if (terminal) {
		static char breaks[] = " \t\n|;({,";

		*edit.completion = complete;
		if (edit.break_characters)
			*edit.break_characters = breaks;
		if (history && edit.read_history)
			edit.read_history(history);
	}
	while ((line = next_line(terminal, text.len ? ">> " : "nestor> "))) {
		bool leave = !text.len && (streq(line, "exit") || streq(line, "quit"));

		str_addf(&text, "%s\n", line);
		free(line);
		if (leave)
			break;
		if (!shell_is_complete(sh, text.data, text.len))
			continue;
		if (terminal && text.len > 1) {
			text.data[--text.len] = 0;
			edit.add_history(text.data);
		}
		http_interrupted = 0;
		code = shell_run(sh, "line", str_get(&text), text.len, false);
		str_done(&text);
		text = (struct str){};
	}
	if (terminal && history && edit.write_history)
		edit.write_history(history);
	json_decref(candidates);
	return code;
}
