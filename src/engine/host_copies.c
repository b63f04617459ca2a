/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

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

void engine_host_copies_init(struct engine *g)
{
	g->machines_dir = xasprintf("%s/machines", g->config.state_dir);
	g->host.machines_dir = g->machines_dir;
	g->host.domain = host_domain;
}
