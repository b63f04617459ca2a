/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "export.h"
#include "internal.h"
#include "machine_export.h"
#include "unfinished.h"

/* What cmdlets that take machines in and out ask of the host. */

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

struct domain_request {
	host_domain_fn done;
	void *arg;
};

static void on_domain(void *arg, const struct machine_domain *m, const char *error)
{
	struct domain_request *r = arg;
	struct host_domain domain = { 0 };
	struct err *e = NULL;

	if (m)
		domain = (struct host_domain){ .found = m->found, .on = m->on, .persistent = m->persistent, .saved = m->saved,
					       .snapshots = m->snapshots, .marked = m->marked, .xml = m->xml };
	else
		err_set(&e, "Vm.EngineUnavailable", ERR_RESOURCE_UNAVAILABLE, NULL, "libvirt cannot be asked: %s.", error);
	r->done(r->arg, &domain, e);
	free(r);
}

static int host_domain(struct host *h, const char *name, host_domain_fn done, void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	struct domain_request *request;
	int r = engine_machines(g, e);

	if (r < 0)
		return r;
	request = xcalloc(1, sizeof(*request));
	request->done = done;
	request->arg = arg;
	machines_domain(g->machines, name, on_domain, request);
	return 0;
}

struct export_request {
	struct engine *g;
	host_progress_fn progress;
	host_export_fn done;
	void *arg;
	char *target;
	char *unfinished;
};

static void on_export(void *arg, int r, const char *error)
{
	struct export_request *request = arg;
	struct err *e = NULL;

	engine_progress_unwatch(request->g, request);
	if (r == -EEXIST) {
		err_set(&e, "Export.Exists", ERR_RESOURCE_EXISTS, request->target, "\"%s\" exists already.", request->target);
		err_advise(&e, r, "Remove it, or give another -Path.");
	} else if (r == -ENOSPC) {
		err_set(&e, "Vhd.DiskFull", ERR_WRITE_ERROR, request->target, "The virtual machine does not fit into \"%s\": %s.", request->target, error);
		err_advise(&e, r, "Nothing of it is left there. Make room, or give another -Path.");
	} else if (r < 0) {
		err_set_errno(&e, "Export.Failed", -r, request->target, "\"%s\" cannot be written: %s.", request->target, error);
		err_advise(&e, r, "Nothing of it is left there.");
	}
	unfinished_end(request->unfinished);
	request->done(request->arg, e);
	free(request->target);
	free(request);
}

static void on_progress(void *arg, const struct progress *p)
{
	struct export_request *request = arg;

	request->progress(request->arg, p);
}

static struct machine_export *export_of(const struct host_export *x)
{
	static const char *const directories[] = { EXPORT_CONFIGS, EXPORT_DISKS, EXPORT_SNAPSHOTS };
	struct machine_export *m = xcalloc(1, sizeof(*m));

	m->machine = x->vm;
	m->parent = xstrdup(x->parent);
	m->name = xstrdup(x->name);
	m->config_name = xstrdup(x->config_name);
	m->config = xstrdup(x->config);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		vec_push(&m->directories, xstrdup(directories[i]));
	for (size_t i = 0; i < x->n_disks; i++)
		vec_push(&m->disks, (struct machine_export_disk){ xstrdup(x->disks[i].from), xstrdup(x->disks[i].format), xstrdup(x->disks[i].to),
								  xstrdup(x->disks[i].to_format) });
	return m;
}

static int host_export_machine(struct host *h, const struct host_export *x, host_export_fn done, void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	_cleanup_free_ char *top = machine_export_top(x->parent, x->name, g->config.instance);
	struct export_request *request;
	int r = engine_machines(g, e);

	if (r < 0)
		return r;
	request = xcalloc(1, sizeof(*request));
	request->g = g;
	request->progress = x->progress;
	request->done = done;
	request->arg = arg;
	request->target = xasprintf("%s/%s", x->parent, x->name);
	request->unfinished = unfinished_tree(g, top);
	machines_export(g->machines, export_of(x), on_export, request);
	engine_progress_watch(g, &x->vm, x->progress ? on_progress : NULL, request);
	return 0;
}

void engine_host_copies_init(struct engine *g)
{
	g->machines_dir = xasprintf("%s/machines", g->config.state_dir);
	g->host.machines_dir = g->machines_dir;
	g->host.domain = host_domain;
	g->host.export_machine = host_export_machine;
}
