/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_drives.h"

#include <libvirt/virterror.h>
#include <stdio.h>

#include "libvirt_step.h"
#include "vec.h"

void step_drives_of(const struct machine_spec *spec, struct step_drives *ret)
{
	for (size_t i = 0; i < spec->n_drives; i++) {
		const struct machine_drive *drive = &spec->drives[i];
		struct step_drive x = { .dvd = drive->dvd, .path = drive->path ? xstrdup(drive->path) : NULL };
		_cleanup_str_ struct str xml = { 0 };

		machine_drive_target(drive, x.target);
		machine_drive_xml(drive, false, &xml);
		x.xml = str_take(&xml);
		vec_push(ret, x);
	}
}

void step_drives_copy(const struct step_drives *from, struct step_drives *ret)
{
	vec_foreach(from, drive) {
		struct step_drive x = *drive;

		x.path = drive->path ? xstrdup(drive->path) : NULL;
		x.xml = xstrdup(drive->xml);
		vec_push(ret, x);
	}
}

void step_drives_done(struct step_drives *drives)
{
	vec_foreach(drives, drive) {
		free(drive->path);
		free(drive->xml);
	}
	vec_done(drives);
}

static const char *text_of(const virDomainStatsRecord *record, size_t i, const char *what)
{
	char name[VIR_TYPED_PARAM_FIELD_LENGTH];
	const char *text = NULL;

	snprintf(name, sizeof(name), "block.%zu.%s", i, what);
	virTypedParamsGetString(record->params, record->nparams, name, &text);
	return text;
}

static const struct step_drive *drive_by_target(const struct step_drives *drives, const char *target)
{
	vec_foreach(drives, drive)
		if (streq(drive->target, target))
			return drive;
	return NULL;
}

static int plug_out(virDomainPtr domain, const char *target)
{
	_cleanup_free_ char *xml = xasprintf("<disk type='file'><target dev='%s'/></disk>", target);

	return virDomainDetachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE);
}

#define TRAY_TRIES 10

/*
 * A tray that the guest has locked opens all the same, as on Hyper-V. But a Linux that opens the drive closes it, which may come between
 * libvirt's opening it and its changing the medium.
 */
static int change_medium(virDomainPtr domain, const char *xml)
{
	int r = -1;

	for (int i = 0; i < TRAY_TRIES && r < 0; i++) {
		r = virDomainUpdateDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_DEVICE_MODIFY_FORCE);
		if (r < 0 && !strstr(virGetLastErrorMessage(), "is not open"))
			break;
	}
	return r;
}

/* What is there goes, or gets another medium, where it is not as wanted. */
static int change_present(virDomainPtr domain, const struct step_drives *drives, const char *target, const char *path)
{
	const struct step_drive *want = drive_by_target(drives, target);

	if (want && streq_ptr(want->path, path))
		return 0;
	if (want && want->dvd)
		return change_medium(domain, want->xml);
	if (plug_out(domain, target) < 0)
		return -1;
	return want ? virDomainAttachDeviceFlags(domain, want->xml, VIR_DOMAIN_AFFECT_LIVE) : 0;
}

#define DRIVES_MAX 512

static int apply(virDomainPtr domain, const virDomainStatsRecord *record, const struct step_drives *drives)
{
	bool there[DRIVES_MAX] = { false };
	const char *target;
	int r = 0;

	for (size_t i = 0; i < DRIVES_MAX && r == 0 && (target = text_of(record, i, "name")); i++) {
		const struct step_drive *want = drive_by_target(drives, target);

		r = change_present(domain, drives, target, text_of(record, i, "path"));
		if (want && want - drives->items < DRIVES_MAX)
			there[want - drives->items] = true;
	}
	for (size_t i = 0; i < MIN(drives->n, (size_t)DRIVES_MAX) && r == 0; i++)
		if (!there[i])
			r = virDomainAttachDeviceFlags(domain, drives->items[i].xml, VIR_DOMAIN_AFFECT_LIVE);
	return r;
}

static int note(virDomainPtr domain, const char *instance, const struct machine_mark *mark, const char *digest)
{
	_cleanup_str_ struct str xml = { 0 };
	struct machine_mark changed = *mark;

	snprintf(changed.drives, sizeof(changed.drives), "%s", digest);
	machine_mark_xml(&changed, instance, false, &xml);
	return virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, str_get(&xml), MACHINE_PREFIX, MACHINE_NAMESPACE,
				    VIR_DOMAIN_AFFECT_LIVE);
}

int drives_apply(virDomainPtr domain, const char *instance, const struct machine_mark *mark, const struct step_drives *drives,
		 const char *digest, char **ret_message)
{
	virDomainPtr list[] = { domain, NULL };
	virDomainStatsRecordPtr *records = NULL;
	int n = virDomainListGetStats(list, VIR_DOMAIN_STATS_BLOCK, &records, 0), r = -1;

	if (n > 0)
		r = apply(domain, records[0], drives);
	if (r == 0)
		r = note(domain, instance, mark, digest);
	/* Before they are freed, which makes libvirt forget it. */
	if (r < 0)
		*ret_message = step_message(virGetLastErrorMessage());
	virDomainStatsRecordListFree(records);
	return r;
}
