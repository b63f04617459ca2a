/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_step.h"

#include <errno.h>
#include <libvirt/virterror.h>

#include "libvirt_memory.h"
#include "seed.h"
#include "libvirt_nics.h"
#include "vec.h"

#define MESSAGE_MAX 500
#define START_ATTEMPTS 3

/* 2026-11-23T17:59:10.563125Z */
static const char *skip_time(const char *line)
{
	size_t n = strspn(line, "0123456789-:.TZ");

	return n > 20 && line[n] == ' ' ? line + n + 1 : line;
}

char *step_message(const char *text)
{
	_cleanup_str_ struct str all = { 0 };

	for (size_t n; *text && all.len < MESSAGE_MAX; text += n + (text[n] == '\n')) {
		const char *line = text, *qemu;
		size_t skipped;

		n = strcspn(text, "\n");
		/* What QEMU said begins after libvirt's own words, in the same line. */
		qemu = memmem(line, n, ": 2", 3);
		skipped = (size_t)(skip_time(line) - line);
		if (memmem(line, n, ": warning: ", 11)) {
			if (qemu)
				str_addn(&all, line, (size_t)(qemu - line) + 1);
			continue;
		}
		if (all.len && n)
			str_addc(&all, ' ');
		str_addn(&all, line + skipped, MIN(n - skipped, MESSAGE_MAX));
	}
	return *str_get(&all) ? str_take(&all) : xstrdup("libvirt did not say why");
}

static int failed(virConnectPtr conn, char **message)
{
	const virError *e = virGetLastError();

	free(*message);
	*message = step_message(e && e->message ? e->message : "");
	return virConnectIsAlive(conn) == 1 ? -EIO : -ENOTCONN;
}

static virDomainPtr domain_of(virConnectPtr conn, const struct guid *id)
{
	return virDomainLookupByUUID(conn, id->b);
}

static enum machine_state state_of(int state)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN:
	case VIR_DOMAIN_PMSUSPENDED:
		return MACHINE_RUNNING;
	case VIR_DOMAIN_PAUSED:
		return MACHINE_PAUSED;
	}
	return MACHINE_OFF;
}

/* A machine that wrote to a disk that has no room is paused by QEMU, so that nothing is lost. */
static enum machine_stall stall_of(virDomainPtr domain)
{
	virDomainDiskError errors[1] = { 0 };
	int state, reason, n;

	if (virDomainGetState(domain, &state, &reason, 0) < 0 || state != VIR_DOMAIN_PAUSED || reason != VIR_DOMAIN_PAUSED_IOERROR)
		return MACHINE_GOES;
	n = virDomainGetDiskErrors(domain, errors, ARRAY_SIZE(errors), 0);
	if (n > 0)
		free(errors[0].disk);
	return n > 0 && errors[0].error == VIR_DOMAIN_DISK_ERROR_NO_SPACE ? MACHINE_DISK_FULL : MACHINE_DISK_FAILS;
}

static bool has_crashed(virDomainPtr domain)
{
	int state, reason;

	return virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_SHUTOFF && reason == VIR_DOMAIN_SHUTOFF_CRASHED;
}

/* A libvirt that died over a start ends what it had started, or has forgotten what that is. */
static bool is_starting(virDomainPtr domain)
{
	int state, reason;

	return virDomainGetState(domain, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_STARTING_UP;
}

/*
 * Its lock is held by a start that was found in a file and has no process: nothing in libvirt ends that, and every call that changes the
 * machine waits for it. Where somebody holds it, libvirt says who.
 */
static bool is_lost(const struct seen *seen, const char *message)
{
	return seen->starting && strstr(message, "cannot acquire state change lock") && !strstr(message, "(held by");
}

/* False: not a machine of this instance. */
static bool look(virDomainPtr domain, const char *instance, bool nested, struct seen *ret)
{
	struct seen seen = { 0 };
	virDomainInfo info;
	_cleanup_free_ char *mark = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, MACHINE_NAMESPACE,
							 VIR_DOMAIN_AFFECT_CURRENT);

	if (!mark || !machine_mark_parse(mark, instance, &seen.mark))
		return false;
	if (virDomainGetUUID(domain, seen.id.b) < 0 || virDomainGetInfo(domain, &info) < 0)
		return false;
	seen.state = state_of(info.state);
	seen.saved = seen.state == MACHINE_OFF && virDomainHasManagedSaveImage(domain, 0) == 1;
	seen.memory = (uint64_t)info.memory << 10;
	if (seen.state == MACHINE_RUNNING && nested)
		seen.hypervisor = memory_hypervisor_runs(domain);
	if (seen.state == MACHINE_PAUSED) {
		seen.stall = stall_of(domain);
		seen.starting = is_starting(domain);
	}
	seen.crashed = seen.state == MACHINE_OFF && has_crashed(domain);
	if (seen.state != MACHINE_OFF)
		(void)nics_seen(domain, &seen.nics);
	*ret = seen;
	return true;
}

/* A name follows when the machine is off: libvirt defines none anew under another, and renames none that runs. */
static int define(virConnectPtr conn, virDomainPtr old, const struct step_args *args, char **message)
{
	const char *was = old ? virDomainGetName(old) : NULL;
	virDomainPtr domain;

	if (was && !streq(was, args->name) && virDomainRename(old, args->name, 0) < 0)
		return failed(conn, message);
	domain = virDomainDefineXMLFlags(conn, args->xml, VIR_DOMAIN_DEFINE_VALIDATE);
	if (!domain)
		return failed(conn, message);
	virDomainFree(domain);
	return 0;
}

/* NV-6: asked again at the last moment, because what the daemon knows may be a second old. */
static int resize(virConnectPtr conn, virDomainPtr domain, const struct seen *seen, const struct step_args *args, char **message)
{
	if (args->nested && memory_hypervisor_runs(domain)) {
		*message = xstrdup("a hypervisor runs in the guest, so its memory stays as it is (NV-6)");
		return -EBUSY;
	}
	return memory_resize(domain, seen->mark.memory, args->memory.startup) < 0 ? failed(conn, message) : 0;
}

/* NV-5: constant while a hypervisor runs in it. */
static int balance(virConnectPtr conn, virDomainPtr domain, const struct seen *seen, const struct step_args *args, char **message)
{
	uint64_t target = memory_target(&args->memory, seen->memory, memory_demand(domain, seen->memory));

	if (target == seen->memory || (args->nested && memory_hypervisor_runs(domain)))
		return 0;
	return memory_resize(domain, seen->mark.memory, target) < 0 ? failed(conn, message) : 0;
}

/* A QEMU that ends at once may be gone before libvirt has its monitor, and then libvirt does not know why: it will say so the next time. */
static int start(virDomainPtr domain)
{
	const char *why;

	for (int i = 0; i < START_ATTEMPTS; i++) {
		if (virDomainCreate(domain) == 0)
			return 0;
		why = virGetLastErrorMessage();
		if (!strstr(why, "failed to connect to monitor socket"))
			break;
	}
	return -1;
}

static int act(virConnectPtr conn, virDomainPtr domain, const struct step_args *args, char **message)
{
	virDomainJobInfo info;
	int r = 0;

	if (args->step == STEP_START && virDomainIsActive(domain) != 1)
		r = start(domain);
	else if (args->step == STEP_DESTROY && virDomainIsActive(domain) == 1)
		r = virDomainDestroy(domain);
	else if (args->step == STEP_AWAIT)
		r = virDomainGetJobInfo(domain, &info);
	else if (args->step == STEP_SHUTDOWN)
		r = virDomainShutdown(domain);
	else if (args->step == STEP_SUSPEND)
		r = virDomainSuspend(domain);
	else if (args->step == STEP_RESUME)
		r = virDomainResume(domain);
	else if (args->step == STEP_SAVE)
		r = virDomainManagedSave(domain, 0);
	else if (args->step == STEP_DISCARD)
		r = virDomainManagedSaveRemove(domain, 0);
	else if (args->step == STEP_NICS)
		r = nics_apply(domain, args->nics, args->n_nics);
	else if (args->step == STEP_UNDEFINE)
		r = virDomainUndefineFlags(domain, VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
							   VIR_DOMAIN_UNDEFINE_NVRAM);
	return r < 0 ? failed(conn, message) : 0;
}

static int adjust(virConnectPtr conn, virDomainPtr domain, const char *instance, const struct step_args *args, char **message)
{
	struct seen seen;

	if (!look(domain, instance, false, &seen) || seen.state == MACHINE_OFF ||
	    (seen.state == MACHINE_PAUSED && args->step != STEP_DRIVES))
		return 0;
	if (args->step == STEP_DRIVES && drives_apply(domain, instance, &seen.mark, &args->drives, args->drives_digest, message) < 0)
		return virConnectIsAlive(conn) == 1 ? -EIO : -ENOTCONN;
	if (args->step == STEP_DRIVES)
		return 0;
	return args->step == STEP_RESIZE ? resize(conn, domain, &seen, args, message)
					 : balance(conn, domain, &seen, args, message);
}

static bool has_mark(virDomainPtr domain)
{
	_cleanup_free_ char *mark = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, MACHINE_NAMESPACE,
							 VIR_DOMAIN_AFFECT_CURRENT);

	return mark != NULL;
}

/* Somebody else's domain with the id is refused whatever the step is; one that was taken in becomes ours when it is defined anew. */
static bool is_foreign(virDomainPtr domain, const char *instance, const struct step_args *args)
{
	bool define = args->step == STEP_DEFINE || args->step == STEP_START;
	struct seen seen;

	if (look(domain, instance, false, &seen))
		return false;
	return !define || !args->taken_in || has_mark(domain) || virDomainIsActive(domain) != 0;
}

int step_run(virConnectPtr conn, const char *instance, const struct step_args *args, struct seen *ret, char **message)
{
	virDomainPtr domain = domain_of(conn, &args->id);
	struct seen seen = { .id = args->id, .state = MACHINE_ABSENT };
	int r = 0;

	if (domain && is_foreign(domain, instance, args)) {
		*message = xstrdup("libvirt has a domain with this id that is not of this daemon");
		r = -EEXIST;
	} else if (args->step == STEP_DEFINE || args->step == STEP_START) {
		/* What its state on disk belongs to is how it was when it was saved. */
		bool saved = domain && virDomainHasManagedSaveImage(domain, 0) == 1;

		if (!saved && args->user_data)
			r = seed_make(args->user_data, args->seed, &args->id, args->name, message);
		if (!saved && r == 0)
			r = define(conn, domain, args, message);
		if (r == 0 && !domain)
			domain = domain_of(conn, &args->id);
	}
	if (r == 0 && domain && (args->step == STEP_RESIZE || args->step == STEP_BALANCE || args->step == STEP_DRIVES))
		r = adjust(conn, domain, instance, args, message);
	else if (r == 0 && domain)
		r = act(conn, domain, args, message);
	if (domain && args->step != STEP_UNDEFINE && !look(domain, instance, args->nested, &seen))
		seen = (struct seen){ .id = args->id, .state = MACHINE_ABSENT };
	if (r == 0 && args->step == STEP_NICS && seen.state == MACHINE_RUNNING && seen.nics != nics_digest(args->nics, args->n_nics)) {
		*message = xstrdup("its guest has not let go of a network adapter yet");
		r = -EBUSY;
	}
	if (domain)
		virDomainFree(domain);
	if (virConnectIsAlive(conn) != 1)
		return -ENOTCONN;
	if (r < 0 && is_lost(&seen, *message)) {
		seen.lost = true;
		free(*message);
		*message = xstrdup("libvirt died over its start, and cannot acquire the lock that it took for that");
	}
	*ret = seen;
	return r;
}

int step_list(virConnectPtr conn, const char *instance, struct seen_vec *ret, char **message)
{
	virDomainPtr *domains = NULL;
	int n = virConnectListAllDomains(conn, &domains, 0);
	struct seen seen;

	if (n < 0)
		return failed(conn, message);
	for (int i = 0; i < n; i++) {
		if (look(domains[i], instance, false, &seen))
			vec_push(ret, seen);
		virDomainFree(domains[i]);
	}
	free(domains);
	return 0;
}
