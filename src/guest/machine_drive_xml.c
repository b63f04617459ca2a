/* SPDX-License-Identifier: Apache-2.0 */
#include "machine_xml.h"

#include <inttypes.h>
#include <stdio.h>

/* One more than cmdlets know: the last is for what the machine itself brings along. */
#define SCSI_LOCATIONS (MACHINE_SCSI_OWN + 1)
#define IDE_LOCATIONS 2

const char *machine_drive_target(const struct machine_drive *drive, char ret[static MACHINE_TARGET_SIZE])
{
	uint32_t n = drive->number * (drive->scsi ? SCSI_LOCATIONS : IDE_LOCATIONS) + drive->location;
	char letters[MACHINE_TARGET_SIZE];
	size_t i = sizeof(letters) - 1;

	/* As libvirt counts: a..z, aa..zz. */
	letters[i] = 0;
	for (n++; n && i > 0; n /= 26) {
		n--;
		letters[--i] = (char)('a' + n % 26);
	}
	snprintf(ret, MACHINE_TARGET_SIZE, "%cd%.5s", drive->scsi ? 's' : 'h', letters + i);
	return ret;
}

void xml_boot_add(struct str *s, uint32_t boot)
{
	if (boot)
		str_addf(s, "      <boot order='%" PRIu32 "'/>\n", boot);
}

const char *machine_drive_serial(const struct guid *id, char ret[static MACHINE_SERIAL_SIZE])
{
	for (size_t i = 0; i < MACHINE_SERIAL_SIZE / 2; i++)
		snprintf(ret + 2 * i, 3, "%02x", id->b[i]);
	return ret;
}

static void serial_add(struct str *s, const struct guid *id)
{
	char serial[MACHINE_SERIAL_SIZE];

	str_addf(s, "      <serial>%s</serial>\n", machine_drive_serial(id, serial));
}

void machine_drive_xml(const struct machine_drive *drive, bool boot, struct str *ret)
{
	char target[MACHINE_TARGET_SIZE];

	str_addf(ret, "    <disk type='file' device='%s'>\n", drive->dvd ? "cdrom" : "disk");
	str_addf(ret, "      <driver name='qemu' type='%s'%s/>\n", drive->format, drive->dvd ? "" : " discard='unmap'");
	if (drive->path) {
		str_add(ret, "      <source file='");
		xml_text_add(ret, drive->path);
		str_add(ret, "'/>\n");
	}
	str_addf(ret, "      <target dev='%s' bus='%s'/>\n", machine_drive_target(drive, target), drive->scsi ? "scsi" : "ide");
	if (drive->dvd)
		str_add(ret, "      <readonly/>\n");
	else
		serial_add(ret, &drive->id);
	xml_boot_add(ret, boot ? drive->boot : 0);
	if (drive->scsi)
		str_addf(ret, "      <address type='drive' controller='%" PRIu32 "' bus='0' target='%" PRIu32 "' unit='0'/>\n", drive->number,
			 drive->location);
	else
		str_addf(ret, "      <address type='drive' controller='0' bus='%" PRIu32 "' target='0' unit='%" PRIu32 "'/>\n", drive->number,
			 drive->location);
	str_add(ret, "    </disk>\n");
}

void xml_drives_add(struct str *s, const struct machine_spec *spec)
{
	uint32_t controllers = MAX(spec->scsi_controllers, 1u);

	for (size_t i = 0; i < spec->n_drives; i++) {
		machine_drive_xml(&spec->drives[i], true, s);
		if (spec->drives[i].scsi)
			controllers = MAX(controllers, spec->drives[i].number + 1);
	}
	for (uint32_t i = 0; i < controllers; i++)
		str_addf(s, "    <controller type='scsi' index='%" PRIu32 "' model='virtio-scsi'/>\n", i);
}
