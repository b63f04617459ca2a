/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>

#define CONFIG_MAX 65536

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },    { "state-dir", required_argument, NULL, 's' },
	{ "run-dir", required_argument, NULL, 'r' },   { "store", required_argument, NULL, 'S' },
	{ "host-name", required_argument, NULL, 'n' }, { "libvirt", required_argument, NULL, 'l' },
	{ "max-records", required_argument, NULL, 'm' },
	{ "destroy", no_argument, NULL, 'D' },         { "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },            { "version", no_argument, NULL, 'V' },
	{ 0 },
};

static const char usage[] =
	"usage: nestord [options]\n"
	"The daemon of Nestor: makes the network namespace in which it runs a virtualization host.\n"
	"\n"
	"  --config FILE      read options from FILE (name = value lines)\n"
	"  --state-dir DIR    what survives a reboot (default /var/lib/nestor)\n"
	"  --run-dir DIR      socket, guests, dataplane of this boot (default /run/nestor)\n"
	"  --store STORE      sqlite (default), in the state directory\n"
	"  --host-name NAME   what this host is called in the fabric (default: the system's name)\n"
	"  --libvirt URI      where virtual machines run (default qemu:///system)\n"
	"  --max-records N    lookup records that the dataplane has room for (default 1048576)\n"
	"  --destroy          end all guests, remove all links and programs of this instance, and exit\n"
	"  --verbose          log more\n"
	"  --help, --version\n";

static char **slot(struct options *o, int c)
{
	switch (c) {
	case 'c':
		return &o->config;
	case 's':
		return &o->state_dir;
	case 'r':
		return &o->run_dir;
	case 'S':
		return &o->store;
	case 'n':
		return &o->host_name;
	case 'l':
		return &o->libvirt;
	case 'm':
		return &o->max_records_text;
	}
	return NULL;
}

static void set(char **p, const char *value)
{
	free(*p);
	*p = xstrdup(value);
}

static char *trim(char *s)
{
	char *end;

	s += strspn(s, " \t\r");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r", end[-1]))
		*--end = 0;
	return s;
}

static int config_line(struct options *o, const char *path, unsigned number, char *line, struct err **e)
{
	char *value = strchr(line, '='), *name;

	line[strcspn(line, "#")] = 0;
	name = trim(line);
	if (!*name)
		return 0;
	if (!value || value > line + strlen(line))
		return err_set(e, "Config.Syntax", ERR_PARSER_ERROR, path, "%s:%u: a line is \"name = value\".", path, number);
	*value++ = 0;
	name = trim(name);
	for (const struct option *l = long_options; l->name; l++) {
		char **p = slot(o, l->val);

		if (!p || p == &o->config || !streq(l->name, name))
			continue;
		if (!*p)
			*p = xstrdup(trim(value));
		return 0;
	}
	return err_set(e, "Config.Unknown", ERR_PARSER_ERROR, path, "%s:%u: there is no option \"%s\".", path, number, name);
}

static int config_read(struct options *o, struct err **e)
{
	_cleanup_free_ char *text = NULL;
	unsigned number = 0;
	int r = read_file(o->config, CONFIG_MAX, &text, NULL);

	if (r < 0)
		return err_set_errno(e, "Config.Unreadable", -r, o->config, "Cannot read %s: %s.", o->config, strerror(-r));
	for (char *line = text, *next; line && r == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		r = config_line(o, o->config, ++number, line, e);
	}
	return r;
}

static int absolute(char **path, struct err **e)
{
	_cleanup_free_ char *cwd = NULL, *joined = NULL;

	if ((*path)[0] == '/')
		return 0;
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return err_set_errno(e, "Config.Unreadable", errno, *path, "Cannot find the current directory: %m.");
	joined = xasprintf("%s/%s", cwd, *path);
	set(path, joined);
	return 0;
}

/* Above: a table of 16 million entries has no room in what the kernel may take at once. */
#define MAX_RECORDS_MIN 1024
#define MAX_RECORDS_MAX (1u << 24)

static int read_max_records(struct options *o, struct err **e)
{
	uint64_t n = 0;

	if (!o->max_records_text)
		return 0;
	if (parse_u64(o->max_records_text, MAX_RECORDS_MAX, &n) < 0 || n < MAX_RECORDS_MIN)
		return err_set(e, "Config.MaxRecords", ERR_INVALID_ARGUMENT, o->max_records_text,
			       "\"%s\" is no number of lookup records: %u to %u.", o->max_records_text, MAX_RECORDS_MIN, MAX_RECORDS_MAX);
	o->max_records = (uint32_t)n;
	return 0;
}

static int defaults(struct options *o, struct err **e)
{
	char name[HOST_NAME_MAX + 1] = "localhost";
	int r;

	if (!o->state_dir)
		o->state_dir = xstrdup("/var/lib/nestor");
	if (!o->run_dir)
		o->run_dir = xstrdup("/run/nestor");
	if (!o->store)
		o->store = xstrdup("sqlite");
	gethostname(name, sizeof(name) - 1);
	if (!o->host_name)
		o->host_name = xstrdup(name);
	if (!streq(o->store, "sqlite"))
		return err_set(e, "Config.Store", ERR_NOT_IMPLEMENTED, o->store, "The store \"%s\" is not available; \"sqlite\" is.",
			       o->store);
	r = read_max_records(o, e);
	if (r == 0)
		r = absolute(&o->state_dir, e);
	return r < 0 ? r : absolute(&o->run_dir, e);
}

int options_read(int argc, char **argv, struct options *ret, struct err **e)
{
	int c, r;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'h' || c == 'V') {
			fputs(c == 'h' ? usage : "nestord " NESTOR_VERSION "\n", stdout);
			return 1;
		}
		if (c == '?')
			return err_set(e, "Config.Usage", ERR_PARSER_ERROR, NULL, "'nestord --help' lists the options.");
		if (c == 'D')
			ret->destroy = true;
		else if (c == 'v')
			ret->verbose = true;
		else
			set(slot(ret, c), optarg);
	}
	if (optind < argc)
		return err_set(e, "Config.Usage", ERR_PARSER_ERROR, argv[optind], "\"%s\" is no option; 'nestord --help' lists them.",
			       argv[optind]);
	r = ret->config ? config_read(ret, e) : 0;
	return r < 0 ? r : defaults(ret, e);
}

void options_done(struct options *o)
{
	free(o->config);
	free(o->state_dir);
	free(o->run_dir);
	free(o->store);
	free(o->host_name);
	free(o->libvirt);
	free(o->max_records_text);
}
