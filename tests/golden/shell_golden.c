/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Golden files of the language: each shell/NAME.ps1 runs against the fake host; both streams, the calls to the daemon and
 * the exit code must be what NAME.out says. NESTOR_REGENERATE=1 writes the .out files anew (read the difference!).
 * A first line "#! -o json" (list, csv) or "#! --check" sets options. Prints TAP.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_host.h"
#include "parser.h"

static int number, failures;

static void result(bool ok, const char *name)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++number, name);
	failures += !ok;
}

static char *run_case(const char *name, const char *text, size_t size)
{
	struct shell_options options = { .width = 100 };
	struct fake_host fake;
	struct shell *sh;
	bool check = false;
	char *record;
	int code;

	if (strncmp(text, "#! -o json", 10) == 0)
		options.output = SHELL_OUTPUT_JSON;
	else if (strncmp(text, "#! -o csv", 9) == 0)
		options.output = SHELL_OUTPUT_CSV;
	else if (strncmp(text, "#! -o list", 10) == 0)
		options.output = SHELL_OUTPUT_LIST;
	else if (strncmp(text, "#! --check", 10) == 0)
		check = true;
	fake_host_init(&fake);
	sh = shell_new(&fake.host, &options);
	code = shell_run(sh, name, text, size, check);
	if (code != SHELL_NOT_UNDERSTOOD)
		shell_flush(sh);
	shell_free(sh);
	str_addf(&fake.record, "exit %d\n", code);
	record = str_take(&fake.record);
	fake_host_done(&fake);
	return record;
}

static void show_difference(const char *expected, const char *got)
{
	size_t line = 1, i = 0;

	for (; expected[i] && expected[i] == got[i]; i++)
		line += expected[i] == '\n';
	while (i && expected[i - 1] != '\n')
		i--;
	printf("# line %zu\n# expected: %.*s\n# got:      %.*s\n", line, (int)strcspn(expected + i, "\n"), expected + i,
	       (int)strcspn(got + i, "\n"), got + i);
}

static void golden(const char *path)
{
	_cleanup_free_ char *text = NULL, *expected = NULL, *got = NULL, *out = xstrdup(path);
	const char *name = strrchr(path, '/') + 1;
	size_t size;
	bool ok;

	memcpy(out + strlen(out) - strlen(".ps1"), ".out", strlen(".out"));
	if (read_file(path, SCRIPT_MAX_SIZE, &text, &size) < 0) {
		result(false, name);
		return;
	}
	got = run_case(name, text, size);
	if (getenv("NESTOR_REGENERATE"))
		write_file_atomic(out, got, strlen(got));
	if (read_file(out, SCRIPT_MAX_SIZE, &expected, NULL) < 0)
		expected = xstrdup("");
	ok = streq(expected, got);
	result(ok, name);
	if (!ok)
		show_difference(expected, got);
}

/* The runbooks of the labs stand as they came from the web: they must be understood. */
static void runbook(const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_script_ struct script *script = NULL;
	struct parse_error error = {};
	size_t size;
	bool ok;

	ok = read_file(path, SCRIPT_MAX_SIZE, &text, &size) == 0 && parse_script(path, text, size, NULL, &script, &error) == 0;
	result(ok, strrchr(path, '/') + 1);
	if (error.message)
		printf("# %u:%u: %s\n", error.line, error.column, error.message);
	free(error.message);
}

static void each(const char *directory, const char *pattern, void (*run)(const char *path))
{
	_cleanup_free_ char *full = xasprintf("%s/%s", directory, pattern);
	glob_t list;

	if (glob(full, 0, NULL, &list) == 0) {
		for (size_t i = 0; i < list.gl_pathc; i++)
			run(list.gl_pathv[i]);
		globfree(&list);
	} else {
		result(false, full);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: shell_golden GOLDEN-DIR RUNBOOK-DIR\n");
		return 2;
	}
	each(argv[1], "shell/*.ps1", golden);
	each(argv[2], "*.ps1", runbook);
	printf("1..%d\n", number);
	return failures ? 1 : 0;
}
