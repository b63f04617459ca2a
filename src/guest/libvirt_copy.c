/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "file_copy.h"
#include "libvirt_job.h"
#include "libvirt_step.h"
#include "machine_copy.h"
#include "machine_xml.h"
#include "program.h"
#include "save_image.h"

struct copy_job {
	struct job job;
	struct machine_copy *copy;
	machine_copy_fn done;
	void *arg;
};

static int failed(struct job *job)
{
	const virError *e = virGetLastError();

	free(job->message);
	job->message = step_message(e && e->message ? e->message : "");
	return -EIO;
}

static void told(void *job, int percent)
{
	job_tell(job, 1, 1, percent);
}

static int qemu_img(struct job *job, const char *const argv[])
{
	int r;

	free(job->message);
	job->message = NULL;
	r = program_run_telling(argv, job->stop_fd, told, job, &job->message);
	if (r < 0 && !job->message)
		job->message = xstrdup(r == -ECANCELED ? "the daemon ends" : strerror(-r));
	return r;
}

/* ---- overlays ---- */

static int overlays_create(struct job *job, const struct machine_copy *c)
{
	int r = 0;

	vec_foreach(&c->disks, disk) {
		const char *argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-F", disk->format, "-b", disk->from, disk->to, NULL };

		if (r == 0)
			r = qemu_img(job, argv);
	}
	return r;
}

static void overlays_delete(const struct machine_copy *c)
{
	vec_foreach(&c->disks, disk)
		unlink(disk->to);
}

/* Larger than any firmware's variables. */
#define FILE_MAX (64u << 20)

static int files_copy(struct job *job, const struct machine_copy *c)
{
	vec_foreach(&c->files, file) {
		int r = file_copy(file->from, file->to, FILE_MAX, job->stop_fd);

		if (r == -ENOENT && (unlink(file->to) == 0 || errno == ENOENT))
			r = 0;
		if (r == 0)
			continue;
		job->message = xasprintf("\"%s\" cannot be copied: %s", file->from, strerror(-r));
		return r;
	}
	return 0;
}

static void files_delete(const struct machine_copy *c)
{
	vec_foreach(&c->files, file)
		unlink(file->to);
}

/* ---- checkpoints ---- */

static bool is_active(virDomainPtr domain)
{
	return domain && virDomainIsActive(domain) == 1;
}

/* Its disks go on in the overlays already: all of them, because they are switched at once. */
static bool is_switched(virDomainPtr domain, const struct machine_copy *c)
{
	virDomainBlockInfo info;

	return domain && c->disks.n && virDomainGetBlockInfo(domain, c->disks.items[0].to, &info, 0) == 0;
}

static void attribute_add(struct str *s, const char *text)
{
	str_addc(s, '\'');
	xml_text_add(s, text);
	str_addc(s, '\'');
}

/* What is not named stays as it is. */
static int others_add(virDomainPtr domain, const struct machine_copy *c, struct str *xml)
{
	virDomainPtr list[] = { domain, NULL };
	virDomainStatsRecordPtr *records = NULL;
	char name[VIR_TYPED_PARAM_FIELD_LENGTH];
	const char *target;
	int n = virDomainListGetStats(list, VIR_DOMAIN_STATS_BLOCK, &records, 0);

	for (unsigned i = 0; n > 0; i++) {
		bool ours = false;

		snprintf(name, sizeof(name), "block.%u.name", i);
		target = NULL;
		if (virTypedParamsGetString(records[0]->params, records[0]->nparams, name, &target) <= 0)
			break;
		vec_foreach(&c->disks, disk)
			ours |= streq(disk->target, target);
		if (!ours)
			str_addf(xml, "<disk name='%s' snapshot='no'/>", target);
	}
	virDomainStatsRecordListFree(records);
	return n < 0 ? -1 : 0;
}

static char *snapshot_xml(virDomainPtr domain, const struct machine_copy *c, bool memory)
{
	struct str xml = { 0 };

	str_add(&xml, "<domainsnapshot><memory snapshot=");
	if (memory) {
		str_add(&xml, "'external' file=");
		attribute_add(&xml, c->memory);
	} else {
		str_add(&xml, "'no'");
	}
	str_add(&xml, "/><disks>");
	vec_foreach(&c->disks, disk) {
		str_addf(&xml, "<disk name='%s' snapshot='external' type='file'><driver type='qcow2'/><source file=", disk->target);
		attribute_add(&xml, disk->to);
		str_add(&xml, "/></disk>");
	}
	if (others_add(domain, c, &xml) < 0) {
		str_done(&xml);
		return NULL;
	}
	str_add(&xml, "</disks></domainsnapshot>");
	return str_take(&xml);
}

/* Memory alone of a machine whose disks stay, or both, or the disks alone. */
static int snapshot(struct job *job, virDomainPtr domain, const struct machine_copy *c, bool memory)
{
	unsigned flags = VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA | VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC;
	_cleanup_free_ char *xml = snapshot_xml(domain, c, memory);
	virDomainSnapshotPtr made;

	if (!xml)
		return failed(job);
	/* What an attempt that ended with its daemon left behind. */
	overlays_delete(c);
	if (memory)
		unlink(c->memory);
	else
		flags |= VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY | (c->quiesce ? VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE : 0);
	made = virDomainSnapshotCreateXML(domain, xml, flags);
	if (!made)
		return failed(job);
	virDomainSnapshotFree(made);
	return 0;
}

/* The guest holds still by its agent, if it has one; else its memory belongs to what is on its disks. */
static int checkpoint_running(struct job *job, virDomainPtr domain, struct machine_copy *c)
{
	int r = -EIO;

	if (!c->memory && !c->quiesce)
		return c->disks.n ? snapshot(job, domain, c, false) : 0;
	if (c->quiesce && c->disks.n)
		r = snapshot(job, domain, c, false);
	if (r < 0 && !is_switched(domain, c) && c->quiesce && c->quiesce_only) {
		if (!job->message)
			job->message = xstrdup("it has no disk that could be kept without its memory");
		return -EOPNOTSUPP;
	}
	if (r < 0 && !is_switched(domain, c)) {
		r = snapshot(job, domain, c, true);
		c->has_memory = r == 0;
	}
	return is_switched(domain, c) ? 0 : r;
}

/*
 * Its state is moved to the file, and from there made its saved state again. QEMU writes what it has loaded once only, so it is loaded
 * twice; at every moment one of the two, or the paused machine, has it, and whoever begins again goes on from there.
 */
static int checkpoint_saved(struct job *job, virConnectPtr conn, virDomainPtr domain, struct machine_copy *c)
{
	int r = 0;

	if (!domain || (!is_active(domain) && virDomainHasManagedSaveImage(domain, 0) != 1 && access(c->memory, F_OK) < 0)) {
		job->message = xstrdup("it has no saved state");
		return -EIO;
	}
	if (!is_active(domain) && virDomainHasManagedSaveImage(domain, 0) == 1 && virDomainCreateWithFlags(domain, VIR_DOMAIN_START_PAUSED) < 0)
		return failed(job);
	if (is_active(domain) && virDomainSaveFlags(domain, c->memory, NULL, VIR_DOMAIN_SAVE_RUNNING) < 0)
		r = failed(job);
	if (!is_active(domain) && virDomainRestoreFlags(conn, c->memory, NULL, VIR_DOMAIN_SAVE_PAUSED) < 0)
		r = failed(job);
	if (is_active(domain) && virDomainManagedSave(domain, VIR_DOMAIN_SAVE_RUNNING) < 0)
		r = failed(job);
	/* What only the file has is kept, and tried again later. */
	if (r < 0 && !is_active(domain) && virDomainHasManagedSaveImage(domain, 0) != 1)
		return -ECANCELED;
	c->has_memory = r == 0;
	return r;
}

static int checkpoint(struct job *job, virConnectPtr conn, virDomainPtr domain, struct machine_copy *c)
{
	int r;

	/* libvirt has finished what a daemon of ours began that is no more: the memory's file was written before the disks were switched. */
	if (is_switched(domain, c)) {
		c->has_memory = c->memory && access(c->memory, F_OK) == 0;
		return 0;
	}
	r = files_copy(job, c);
	if (r == 0 && c->saved)
		r = checkpoint_saved(job, conn, domain, c);
	else if (r == 0)
		r = is_active(domain) ? checkpoint_running(job, domain, c) : overlays_create(job, c);
	if (r < 0 && r != -ECANCELED && !is_switched(domain, c)) {
		overlays_delete(c);
		files_delete(c);
		if (c->memory)
			unlink(c->memory);
	}
	return r;
}

/* ---- restoring ---- */

/* What the machine is to be restored with. NULL: job's message says why there is none. The caller frees it. */
static char *restored_xml(struct job *job, virConnectPtr conn, virDomainPtr domain, const struct machine_copy *c)
{
	_cleanup_free_ char *kept = NULL, *adopted = NULL;
	const char *name = virDomainGetName(domain);
	char *xml;
	int r = save_image_set_name(c->memory, name);

	if (r < 0) {
		job->message = xasprintf("the name in \"%s\" cannot be changed to \"%s\": %s", c->memory, name, strerror(-r));
		return NULL;
	}
	kept = virDomainSaveImageGetXMLDesc(conn, c->memory, 0);
	if (!kept) {
		failed(job);
		return NULL;
	}
	if (c->own_xml)
		adopted = machine_xml_adopt(c->own_xml, kept);
	xml = !c->own_xml ? machine_xml_redirect(kept, name, c->disks.items, c->disks.n)
	      : adopted	  ? machine_xml_redirect(adopted, name, NULL, 0)
			  : NULL;
	if (!xml)
		job->message = xstrdup("what was kept with its memory is no machine");
	return xml;
}

/*
 * The memory becomes libvirt's saved state of the machine: it is loaded, and saved again without having run. Devices are as they were when
 * it was kept, with their addresses, so the XML is that which was kept with it. The name is libvirt's of the machine, which follows ours
 * when it is off: it may be neither that which it had when it was kept, nor that which it has now.
 */
static int restore_memory(struct job *job, virConnectPtr conn, const struct machine_copy *c)
{
	virDomainPtr domain = virDomainLookupByUUID(conn, c->machine.b);
	_cleanup_free_ char *xml = NULL;
	int r = -EIO;

	if (!domain)
		return failed(job);
	xml = restored_xml(job, conn, domain, c);
	if (xml && virDomainRestoreFlags(conn, c->memory, xml, VIR_DOMAIN_SAVE_PAUSED) == 0 &&
	    virDomainManagedSave(domain, VIR_DOMAIN_SAVE_RUNNING) == 0)
		r = 0;
	else if (xml)
		r = failed(job);
	if (r < 0 && is_active(domain))
		virDomainDestroy(domain);
	virDomainFree(domain);
	return r;
}

static int restore(struct job *job, virConnectPtr conn, virDomainPtr domain, const struct machine_copy *c)
{
	int r = 0;

	if (is_active(domain) && virDomainDestroy(domain) < 0 && is_active(domain))
		return failed(job);
	if (domain && virDomainHasManagedSaveImage(domain, 0) == 1 && virDomainManagedSaveRemove(domain, 0) < 0)
		return failed(job);
	/* One that is imported has not been defined before it is restored. */
	if (!domain && c->own_xml) {
		virDomainPtr made = virDomainDefineXMLFlags(conn, c->own_xml, VIR_DOMAIN_DEFINE_VALIDATE);

		if (!made)
			return failed(job);
		virDomainFree(made);
	}
	r = overlays_create(job, c);
	if (r == 0)
		r = files_copy(job, c);
	return r == 0 && c->memory ? restore_memory(job, conn, c) : r;
}

/* ---- merging ---- */

/* Does the running machine use the file, in any disk's chain? Its XML names all of them. */
static int names_file(virDomainPtr domain, const char *path)
{
	_cleanup_free_ char *xml = virDomainGetXMLDesc(domain, 0);
	_cleanup_str_ struct str file = { 0 };

	str_add(&file, "file=");
	attribute_add(&file, path);
	return xml ? strstr(xml, str_get(&file)) != NULL : -1;
}

#define POLL_MS 100

/* Until it has copied all there is (an active layer), or has ended. */
static int block_job_wait(struct job *job, virDomainPtr domain, const struct machine_copy *c)
{
	struct pollfd stop = { .fd = job->stop_fd, .events = POLLIN };
	virDomainBlockJobInfo info;
	int n;

	while ((n = virDomainGetBlockJobInfo(domain, c->target, &info, 0)) == 1) {
		if (info.end && info.cur <= UINT64_MAX / 100)
			job_tell(job, 1, 1, (int)MIN(info.cur * 100 / info.end, 100ull));
		if (c->active && info.end && info.cur == info.end)
			return 0;
		/* QEMU goes on without us, and the next daemon waits for it. */
		if (poll(&stop, 1, POLL_MS) > 0) {
			job->message = xstrdup("the daemon ends");
			return -ECANCELED;
		}
	}
	return n < 0 ? failed(job) : 0;
}

static int merge_running(struct job *job, virDomainPtr domain, const struct machine_copy *c)
{
	virDomainBlockJobInfo info;
	int r, named = names_file(domain, c->top);

	if (named <= 0)
		return named < 0 ? failed(job) : 0;
	if (virDomainGetBlockJobInfo(domain, c->target, &info, 0) != 1 &&
	    virDomainBlockCommit(domain, c->target, c->base, c->active ? NULL : c->top, 0, c->active ? VIR_DOMAIN_BLOCK_COMMIT_ACTIVE : 0) < 0)
		return failed(job);
	r = block_job_wait(job, domain, c);
	/* It is told that all is copied a moment before it is true. */
	for (int i = 0; r == 0 && c->active && virDomainBlockJobAbort(domain, c->target, VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT) < 0; i++) {
		const virError *e = virGetLastError();

		if (i == 100 || !e || e->code != VIR_ERR_BLOCK_COPY_ACTIVE)
			return failed(job);
		poll(NULL, 0, POLL_MS);
	}
	if (r == 0 && names_file(domain, c->top) != 0) {
		job->message = xstrdup("QEMU has not merged the disk");
		r = -EIO;
	}
	return r;
}

static int merge(struct job *job, virDomainPtr domain, const struct machine_copy *c)
{
	const char *commit[] = { "qemu-img", "commit", "-p", "-f", "qcow2", "-d", c->top, NULL };
	bool running = is_active(domain) && *c->target;
	int r = running ? merge_running(job, domain, c) : qemu_img(job, commit);

	vec_foreach(&c->children, child) {
		const char *rebase[] = { "qemu-img", "rebase", "-q", "-u", "-f", "qcow2", "-F", c->base_format, "-b", c->base, *child, NULL };

		/* Those that the machine runs on are told by QEMU itself. */
		if (r == 0 && !(running && names_file(domain, *child) != 0))
			r = qemu_img(job, rebase);
	}
	return r;
}

/* ---- */

static int copy_run(struct job *job, virConnectPtr conn, const char *instance)
{
	struct machine_copy *c = ((struct copy_job *)job)->copy;
	virDomainPtr domain = virDomainLookupByUUID(conn, c->machine.b);
	int r = 0;

	(void)instance;
	if (c->kind == MACHINE_CHECKPOINT)
		r = checkpoint(job, conn, domain, c);
	else if (c->kind == MACHINE_RESTORE)
		r = restore(job, conn, domain, c);
	else if (c->kind == MACHINE_MERGE)
		r = merge(job, domain, c);
	else if (unlink(c->top) < 0 && errno != ENOENT)
		r = -errno;
	if (r < 0 && !job->message)
		job->message = xstrdup(strerror(-r));
	if (domain)
		virDomainFree(domain);
	return virConnectIsAlive(conn) == 1 ? r : -ENOTCONN;
}

static void copy_end(struct job *job)
{
	struct copy_job *x = (struct copy_job *)job;

	x->done(x->arg, x->copy, job->r, job->r < 0 && job->message ? job->message : NULL);
	free(job->message);
	machine_copy_free(x->copy);
	free(x);
}

void machines_copy(struct machines *m, struct machine_copy *copy, machine_copy_fn done, void *arg)
{
	static const enum machine_work works[] = {
		[MACHINE_CHECKPOINT] = MACHINE_IS_CHECKPOINTED, [MACHINE_RESTORE] = MACHINE_IS_RESTORED, [MACHINE_MERGE] = MACHINE_IS_MERGED,
		[MACHINE_DELETE] = MACHINE_IS_MERGED,
	};
	struct copy_job *x = xcalloc(1, sizeof(*x));

	x->job = (struct job){ .machine = copy->machine, .work = works[copy->kind], .run = copy_run, .end = copy_end };
	x->copy = copy;
	x->done = done;
	x->arg = arg;
	machines_job(m, &x->job);
}

void machine_copy_free(struct machine_copy *copy)
{
	if (!copy)
		return;
	vec_foreach(&copy->disks, disk) {
		free(disk->from);
		free(disk->format);
		free(disk->to);
	}
	vec_done(&copy->disks);
	vec_foreach(&copy->files, file) {
		free(file->from);
		free(file->to);
	}
	vec_done(&copy->files);
	free(copy->own_xml);
	vec_foreach(&copy->children, child)
		free(*child);
	vec_done(&copy->children);
	free(copy->memory);
	free(copy->top);
	free(copy->base);
	free(copy->base_format);
	free(copy);
}
