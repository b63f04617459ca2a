/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "export.h"
#include "internal.h"
#include "machine_export.h"
#include "machine_import.h"
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

/* Two that write one directory would remove each other's. */
static int target_claim(struct engine *g, const char *target, struct err **e)
{
	int r;

	if (!map_get(g->exporting, target, strlen(target))) {
		map_put(g->exporting, target, strlen(target), g);
		return 0;
	}
	r = err_set(e, "Export.Busy", ERR_RESOURCE_BUSY, target, "\"%s\" is being written already.", target);
	return err_advise(e, r, "Wait until that is done, or give another -Path.");
}

static void on_export(void *arg, int r, const char *error)
{
	struct export_request *request = arg;
	struct err *e = NULL;

	map_del(request->g->exporting, request->target, strlen(request->target));
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

static char *strdup_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
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
	m->holds = !x->kept;
	m->parent = xstrdup(x->parent);
	m->name = xstrdup(x->name);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		vec_push(&m->directories, xstrdup(directories[i]));
	vec_foreach(&x->texts, text)
		vec_push(&m->texts, (struct machine_export_text){ xstrdup(text->to), xstrdup(text->text) });
	vec_foreach(&x->files, file)
		vec_push(&m->files, (struct machine_export_file){ xstrdup(file->from), xstrdup(file->to) });
	vec_foreach(&x->disks, disk)
		vec_push(&m->disks, (struct machine_export_disk){ .from = xstrdup(disk->from), .format = xstrdup(disk->format),
								  .to = xstrdup(disk->to), .to_format = xstrdup(disk->to_format),
								  .backing = strdup_or_null(disk->backing),
								  .backing_format = strdup_or_null(disk->backing_format) });
	return m;
}

static int host_export_machine(struct host *h, const struct host_export *x, host_export_fn done, void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	_cleanup_free_ char *target = xasprintf("%s/%s", x->parent, x->name);
	_cleanup_free_ char *top = machine_export_top(x->parent, x->name, g->config.instance);
	struct export_request *request;
	int r = engine_machines(g, e);

	if (r == 0)
		r = target_claim(g, target, e);
	if (r < 0)
		return r;
	request = xcalloc(1, sizeof(*request));
	request->g = g;
	request->progress = x->progress;
	request->done = done;
	request->arg = arg;
	request->target = TAKE_PTR(target);
	request->unfinished = unfinished_tree(g, top);
	machines_export(g->machines, export_of(x), on_export, request);
	engine_progress_watch(g, &x->vm, x->progress ? on_progress : NULL, request);
	return 0;
}

/* ---- what comes in ---- */

struct import_request {
	host_import_fn done;
	void *arg;
	VEC(char *) unfinished;
};

static void on_import(void *arg, int r, const char *path, const char *error)
{
	struct import_request *request = arg;
	struct err *e = NULL;

	if (r == -EINVAL || r == -EFBIG || r == -ENOENT) {
		err_set(&e, "Import.FileInvalid", ERR_INVALID_ARGUMENT, path, "\"%s\" is not what it should be: %s.", path, error);
		err_advise(&e, r, "Export the virtual machine anew where it comes from.");
	} else if (r == -ENOSPC) {
		err_set(&e, "Vhd.DiskFull", ERR_WRITE_ERROR, path, "There is no room for a copy of \"%s\".", path);
		err_advise(&e, r, "Make room; nothing of the virtual machine has been imported.");
	} else if (r < 0) {
		err_set_errno(&e, "Import.Failed", -r, path, "\"%s\" cannot be copied: %s.", path, error);
		err_advise(&e, r, "Nothing of the virtual machine has been imported.");
	}
	request->done(request->arg, e);
	/* Documents name them by now, or they are gone. */
	vec_foreach(&request->unfinished, note)
		unfinished_end(*note);
	vec_done(&request->unfinished);
	free(request);
}

/* As libvirt's XML has it: of machines, and of disks. */
static void add_id(struct machine_import *m, const struct host_import_id *id)
{
	char was[GUID_TEXT_SIZE], is[GUID_TEXT_SIZE], was_serial[MACHINE_SERIAL_SIZE], is_serial[MACHINE_SERIAL_SIZE];

	vec_push(&m->ids, (struct save_image_id){ xstrdup(guid_format(&id->was, was)), xstrdup(guid_format(&id->is, is)) });
	vec_push(&m->ids, (struct save_image_id){ xstrdup(machine_drive_serial(&id->was, was_serial)),
						  xstrdup(machine_drive_serial(&id->is, is_serial)) });
}

static int host_import_files(struct host *h, const struct host_import *x, host_import_fn done, void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	struct import_request *request;
	struct machine_import *m;
	int r = engine_machines(g, e);

	if (r < 0)
		return r;
	m = xcalloc(1, sizeof(*m));
	vec_foreach(&x->files, file)
		vec_push(&m->files, (struct machine_import_file){ xstrdup(file->from), xstrdup(file->to), file->memory });
	vec_foreach(&x->ids, id)
		add_id(m, id);
	request = xcalloc(1, sizeof(*request));
	vec_foreach(&x->files, file) {
		_cleanup_free_ char *part = xasprintf("%s.part", file->to);

		vec_push(&request->unfinished, unfinished_file(g, part));
		vec_push(&request->unfinished, unfinished_file_of(g, file->to));
	}
	request->done = done;
	request->arg = arg;
	machines_import(g->machines, m, on_import, request);
	return 0;
}

static char *host_variables(struct host *h, const struct guid *id, bool secure_boot)
{
	return machine_file(h->machines_dir, id, secure_boot ? MACHINE_NVRAM_SECURE : MACHINE_NVRAM);
}

void engine_host_copies_init(struct engine *g)
{
	g->machines_dir = xasprintf("%s/machines", g->config.state_dir);
	g->host.machines_dir = g->machines_dir;
	g->host.domain = host_domain;
	g->host.export_machine = host_export_machine;
	g->host.import_files = host_import_files;
	g->host.variables = host_variables;
	g->host.capture = engine_capture;
	g->host.release = engine_release;
}
