/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "machine.h"

/* The drives of a running machine, brought to what is wanted. */
struct step_drive {
	char target[MACHINE_TARGET_SIZE];
	bool dvd;
	char *path; /* NULL: empty */
	char *xml;  /* of the device */
};

struct step_drives {
	struct step_drive *items;
	size_t n, room;
};

void step_drives_of(const struct machine_spec *spec, struct step_drives *ret);
void step_drives_copy(const struct step_drives *from, struct step_drives *ret);
void step_drives_done(struct step_drives *drives);

/*
 * Plugs drives out and in, and changes media, until the machine has these; then notes it in its mark. 0, or negative with *ret_message:
 * what was done is done, and the next call goes on from there.
 */
int drives_apply(virDomainPtr domain, const char *instance, const struct machine_mark *mark, const struct step_drives *drives,
		 const char *digest, char **ret_message);
