/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "machine.h"
#include "vec.h"

/*
 * What is done to a machine's disks and memory as a whole: seconds to hours. Each is carried out so that it can be begun again after
 * whatever end: it then goes on, or does again what does no harm.
 */
enum machine_copy_kind {
	MACHINE_CHECKPOINT, /* its memory to a file where it runs, and each disk goes on in an overlay */
	MACHINE_RESTORE,    /* new overlays, and what the file has of its memory becomes its saved state; it is off then */
	MACHINE_MERGE,      /* what an overlay has to what it lies on */
	MACHINE_DELETE,     /* a file */
};

struct machine_disk {
	char target[MACHINE_TARGET_SIZE];
	char *from, *format; /* what the overlay lies on; format as QEMU calls it */
	char *to;            /* the overlay; qcow2 */
};

struct machine_copy_file {
	char *from, *to;
};

struct machine_copy {
	enum machine_copy_kind kind;
	struct guid machine;
	VEC(struct machine_disk) disks; /* CHECKPOINT, RESTORE */
	char *memory;       /* the file; NULL: there is none, or it is not to be kept */
	bool quiesce;       /* CHECKPOINT: of a guest that holds still the memory is not needed; it is kept where it does not */
	bool quiesce_only;  /* ... and fails */
	bool saved;         /* CHECKPOINT: of a machine whose state is on disk, where it is again afterwards */
	/* CHECKPOINT, RESTORE: small files that go with it (UEFI's variables); where one is not there, none is there afterwards. */
	VEC(struct machine_copy_file) files;
	char *own_xml;      /* RESTORE: the memory came from elsewhere: the machine is what this says, with its devices where the memory has them */
	char *top;          /* MERGE: the overlay; DELETE */
	char *base, *base_format;
	char target[MACHINE_TARGET_SIZE]; /* MERGE: the drive that has it in its chain; "": none has */
	bool active;        /* MERGE: it is that drive's image itself */
	VEC(char *) children; /* MERGE: overlays that lie on top */
	/* results */
	bool has_memory;    /* CHECKPOINT */
};

/* error: a sentence's end, NULL when r is 0; both are borrowed. -ENOTCONN: it has not begun. */
typedef void (*machine_copy_fn)(void *arg, const struct machine_copy *copy, int r, const char *error);
/* Takes copy; done is called later from machines_dispatch() or machines_close(), exactly once. No step of the machine begins before. */
void machines_copy(struct machines *m, struct machine_copy *copy, machine_copy_fn done, void *arg);
void machine_copy_free(struct machine_copy *copy);

/*
 * libvirt's XML of a machine, as it was saved, with other images in its disks (by their targets) and another name. NULL: it is no such
 * XML. The caller frees it.
 */
char *machine_xml_redirect(const char *xml, const char *name, const struct machine_disk *disks, size_t n);

/*
 * libvirt's XML of a machine that is to go on from memory that came from elsewhere: own, but for the addresses of its devices, the sizes of
 * its memory and the chipset's version, which are kept's (untrusted). NULL: one of them is no such XML. The caller frees it.
 */
char *machine_xml_adopt(const char *own, const char *kept);
