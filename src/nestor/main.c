/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "ast.h"
#include "client.h"

#ifndef NESTOR_VERSION
#define NESTOR_VERSION "0"
#endif

#define DEFAULT_HOST "/run/nestor/nestor.sock"

static const char usage[] =
	"usage: nestor [--host SOCKET-OR-URL] [--hosts FILE] [-o table|list|json|csv] CMDLET [-Parameter value ...]\n"
	"       nestor [options] -c 'PIPELINE'\n"
	"       nestor [options] run [--check] FILE.ps1\n"
	"       nestor [options] shell\n"
	"       nestor [options] help [CMDLET]\n"
	"       nestor [options] exec VM -- COMMAND [ARGUMENT ...]\n"
	"       nestor --version | --help\n"
	"\n"
	"  --host   the daemon: a socket or URL (default " DEFAULT_HOST ", or NESTOR_HOST)\n"
	"  --hosts  a file of NAME=SOCKET-OR-URL for -ComputerName and -CimSession (or NESTOR_HOSTS)\n"
	"  -o       form of the output: table (default), list, json or csv\n"
	"\n"
	"Exit code: 0 done, 1 a cmdlet failed, 2 not understood (then nothing has run).\n";

struct invocation {
	struct client client;
	struct shell_options options;
	const char *pipeline; /* -c */
	int next;	      /* first argument that is no option */
};

static int bad_usage(const char *what, const char *arg)
{
	fprintf(stderr, "nestor: %s%s%s\n\n%s", what, arg ? ": " : "", arg ? arg : "", usage);
	return SHELL_NOT_UNDERSTOOD;
}

static int fail(const struct err *e)
{
	fprintf(stderr, "nestor: %s\n", e->message);
	if (e->advice)
		fprintf(stderr, "    what to do: %s\n", e->advice);
	return SHELL_FAILED;
}

static int set_output(struct shell_options *o, const char *name)
{
	static const char *const names[] = { "table", "list", "json", "csv" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (name && strieq(name, names[i])) {
			o->output = (enum shell_output)i;
			return 0;
		}
	return bad_usage("-o takes table, list, json or csv", name);
}

static unsigned terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t n;

	if (columns && parse_u64(columns, 10000, &n) == 0 && n >= 10)
		return (unsigned)n;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 10)
		return size.ws_col;
	return 120;
}

/* -1: go on; else the exit code. */
static int parse_options(struct invocation *in, int argc, char **argv)
{
	const char *hosts = NULL, *env = getenv("NESTOR_HOST");
	_cleanup_err_ struct err *e = NULL;
	int i;

	in->client.host = xstrdup(env && *env ? env : DEFAULT_HOST);
	for (i = 1; i < argc && argv[i][0] == '-' && !in->pipeline; i++) {
		const char *arg = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (streq(arg, "--help") || streq(arg, "-h")) {
			printf("%s", usage);
			return SHELL_DONE;
		}
		if (streq(arg, "--version")) {
			printf("nestor %s\n", NESTOR_VERSION);
			return SHELL_DONE;
		}
		if (!streq(arg, "--host") && !streq(arg, "--hosts") && !streq(arg, "-o") && !streq(arg, "-c"))
			return bad_usage("unknown option", arg);
		if (!value)
			return bad_usage("an argument is missing", arg);
		i++;
		if (streq(arg, "--host")) {
			free(in->client.host);
			in->client.host = xstrdup(value);
		} else if (streq(arg, "--hosts")) {
			hosts = value;
		} else if (streq(arg, "-c")) {
			in->pipeline = value;
		} else if (set_output(&in->options, value)) {
			return SHELL_NOT_UNDERSTOOD;
		}
	}
	in->next = i;
	env = getenv("NESTOR_HOSTS");
	if (env && client_add_hosts(&in->client, env, &e) < 0)
		return fail(e);
	if (hosts && client_read_hosts(&in->client, hosts, &e) < 0)
		return fail(e);
	return -1;
}

static int run_file(struct shell *sh, int argc, char **argv)
{
	bool check = false;
	const char *path = NULL;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	for (int i = 0; i < argc; i++) {
		if (streq(argv[i], "--check"))
			check = true;
		else if (path)
			return bad_usage("run takes one file", argv[i]);
		else
			path = argv[i];
	}
	if (!path)
		return bad_usage("run takes a file", NULL);
	r = read_file(path, SCRIPT_MAX_SIZE, &text, &size);
	if (r < 0) {
		fprintf(stderr, "nestor: %s: %s\n", path, strerror(-r));
		return SHELL_NOT_UNDERSTOOD;
	}
	return shell_run(sh, path, text, size, check);
}

static int dispatch(struct invocation *in, struct shell *sh, int argc, char **argv)
{
	if (in->pipeline) {
		if (argc)
			return bad_usage("-c takes one argument", argv[0]);
		return shell_run(sh, "-c", in->pipeline, strlen(in->pipeline), false);
	}
	if (!argc)
		return bad_usage("a cmdlet is missing", NULL);
	if (streq(argv[0], "run"))
		return run_file(sh, argc - 1, argv + 1);
	if (streq(argv[0], "shell"))
		return repl_run(sh);
	if (streq(argv[0], "help"))
		return argc > 2 ? bad_usage("help takes one cmdlet", argv[2]) : shell_help(sh, argc > 1 ? argv[1] : NULL);
	if (streq(argv[0], "exec")) {
		int skip = argc > 2 && streq(argv[2], "--") ? 3 : 2;

		if (argc <= skip)
			return bad_usage("exec takes a virtual machine and a command", NULL);
		return exec_in_guest(&in->client, argv[1], argv + skip);
	}
	return shell_run_argv(sh, argc, argv);
}

int main(int argc, char **argv)
{
	struct invocation in = {};
	struct shell *sh;
	int r;

	client_init(&in.client);
	r = parse_options(&in, argc, argv);
	if (r < 0) {
		in.options.width = terminal_width();
		sh = shell_new(&in.client.shell, &in.options);
		r = dispatch(&in, sh, argc - in.next, argv + in.next);
		if (r != SHELL_NOT_UNDERSTOOD)
			shell_flush(sh);
		shell_free(sh);
	}
	client_done(&in.client);
	return r;
}
