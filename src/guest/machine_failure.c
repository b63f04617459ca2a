/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "machine.h"

/* libvirt calls nearly everything an internal error; what happened is in its words, or in QEMU's that it passes on. */
static const struct {
	const char *words;
	enum machine_failure failure;
} known[] = {
	{ "Cannot allocate memory", MACHINE_NO_MEMORY },
	{ "cannot set up guest memory", MACHINE_NO_MEMORY },
	{ "Cannot check QEMU binary", MACHINE_NO_EMULATOR },
	{ "no emulator for", MACHINE_NO_EMULATOR },
	{ "could not find capabilities for", MACHINE_NO_EMULATOR },
	{ "Emulator '", MACHINE_NO_EMULATOR },
	{ "Unable to find any firmware", MACHINE_NO_FIRMWARE },
	{ "Unable to find 'efi' firmware", MACHINE_NO_FIRMWARE },
	{ "Failed to get \"write\" lock", MACHINE_FILE_IN_USE },
	{ "Failed to get shared \"write\" lock", MACHINE_FILE_IN_USE },
	{ "No space left on device", MACHINE_NO_SPACE },
	{ "Disk quota exceeded", MACHINE_NO_SPACE },
	{ "Image is not in ", MACHINE_WRONG_FORMAT },
	{ "invalid VHD", MACHINE_WRONG_FORMAT },
	{ "already exists with uuid", MACHINE_NAME_TAKEN },
	{ "paused due to previous migration", MACHINE_MEMORY_WRITTEN },
	{ "has not let go", MACHINE_DEVICE_HELD },
	{ "already in the process of unplug", MACHINE_DEVICE_HELD },
	{ "libvirt died over its start", MACHINE_LOST },
	{ "cannot acquire state change lock", MACHINE_BUSY },
	{ "No such file or directory", MACHINE_NO_FILE },
	{ "could not load kernel", MACHINE_NO_FILE },
	{ "Permission denied", MACHINE_FILE_DENIED },
};

enum machine_failure machine_failure_of(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(message, known[i].words))
			return known[i].failure;
	return MACHINE_FAILED;
}
