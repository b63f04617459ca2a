/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm_config.h"

/*
 * A checkpoint keeps a virtual machine as it was: its documents, its memory where it ran, and its disks. The images that the disks had are
 * kept as they are from then on, and each disk goes on in an image on top of them (an overlay). The overlays of all checkpoints are a
 * forest; when a checkpoint goes, images that nothing needs to be kept for any more are merged into what they lie on.
 *
 * What is under way is in the documents, and the engine goes on with it until it is done, whatever happens in between (NV-11: also of
 * machines with exposed extensions).
 */
extern const char *const checkpoint_types[]; /* Production, Standard, CrashConsistent */
enum checkpoint_type {
	CHECKPOINT_PRODUCTION, /* without memory: of a machine that is off, or whose guest has held still */
	CHECKPOINT_STANDARD,   /* with memory where it runs */
	CHECKPOINT_CRASH,      /* without memory, as if its power had been cut; hidden ones alone */
};

extern const char *const checkpoint_states[]; /* Ready, Creating */
enum checkpoint_state { CHECKPOINT_READY, CHECKPOINT_CREATING };

struct checkpoint_doc {
	struct guid id;
	struct guid vm;
	struct guid parent; /* zero: none */
	char *name;
	uint32_t state; /* enum checkpoint_state */
	uint32_t type;  /* enum checkpoint_type: while it is being made what is tried, then what it is */
	bool quiesced_only; /* while it is being made: without a guest that holds still it fails */
	uint64_t created;   /* microseconds since 1970 */
	char *config;       /* as vm_config_write() makes it */
	char *memory;       /* file that the memory is in; NULL: it was off, or is not kept */
	char **drives;      /* ids of the hard disks that it has; as many: */
	char **disks;       /* their images, which stay as they are */
	char **overlays;    /* where each of them goes on when it has been made; NULL: they stay as they are, it is saved */
	char **variables;   /* files with UEFI's variables, those without secure boot first; NULL: they are not kept */
	bool hidden;        /* nobody's: it keeps what is exported or imported, as long as that takes */
	bool foreign;       /* its memory came from another machine or host */
};
#define CHECKPOINT_NAME_MAX 100
#define CHECKPOINTS_MAX 50 /* of a virtual machine, as Hyper-V's */

/* A file that was made for checkpoints. */
extern const char *const image_types[]; /* Disk, Memory, Variables */
enum image_type { IMAGE_DISK, IMAGE_MEMORY, IMAGE_VARIABLES };

struct image_doc {
	char *path;
	struct guid vm;
	uint32_t type;           /* enum image_type */
	char *backing;           /* what an overlay (qcow2) lies on */
	uint32_t backing_format; /* enum drive_format */
	bool dropped;            /* nothing needs it: it is about to be deleted */
};

extern const struct doc_kind checkpoint_kind; /* key: id */
extern const struct doc_kind image_kind;      /* key: path */
extern const struct cmdlet checkpoint_cmdlets[];

const struct checkpoint_doc *checkpoint_get(const struct docs *d, const struct guid *id);
/* The VM's checkpoint that is being made, or NULL. */
const struct checkpoint_doc *checkpoint_creating(const struct docs *d, const struct guid *vm);
/* Checkpoint.Busy: one of the VM is being made. Export.Busy: it is being exported. */
int checkpoint_check_made(const struct docs *d, const struct vm_doc *vm, struct err **e);
const struct image_doc *image_get(const struct docs *d, const char *path);
/* Those that are not hidden: *pos = 0 first; NULL at the end. vm: NULL: of all. */
const struct checkpoint_doc *checkpoint_next(const struct docs *d, const struct guid *vm, size_t *pos);
/* The VM as it is now, without a name yet: being made, or (with everything in it staying) ready. */
struct checkpoint_doc *checkpoint_new(struct call *c, const struct vm_doc *vm, enum checkpoint_type type);
/* Checkpoint.TooLarge: the store would not take it. */
int checkpoint_check_size(const struct checkpoint_doc *s, const struct vm_doc *vm, struct err **e);
/* As Get-VMSnapshot, -VMSnapshot and -VMName with -Name choose them; what is not found is an error of the call. */
typedef VEC(const struct checkpoint_doc *) checkpoint_vec;
void checkpoint_select(struct call *c, checkpoint_vec *ret);
json_t *checkpoint_to_object(struct call *c, const void *doc);
extern const struct object_type checkpoint_object;
/* Hidden ones that nobody needs: *pos as above. What a restored machine still needs is not among them. */
const struct checkpoint_doc *checkpoint_next_hidden(const struct docs *d, size_t *pos);
/* Must the image stay as it is? It is a checkpoint's, or in a drive. */
bool image_is_pinned(const struct docs *d, const char *path);

/* Checkpoint.ImageKept: a checkpoint keeps the image, or its overlay lies on one. */
int image_check_free(const struct docs *d, const char *path, struct err **e);

/* ---- what is to be done (checkpoint_docs.c): pure functions of the documents ---- */

enum copy_kind {
	COPY_NOTHING,
	COPY_CHECKPOINT, /* checkpoint */
	COPY_RESTORE,    /* checkpoint: to be in effect */
	COPY_MERGE,      /* top into what it lies on */
	COPY_DELETE,     /* top */
};

struct copy_want {
	enum copy_kind kind;
	struct guid vm;
	const struct checkpoint_doc *checkpoint;
	const struct image_doc *top;
};

/* The next thing to be done for the VM, which need not exist any more. Its parts belong to d. */
struct copy_want copy_next(const struct docs *d, const struct guid *vm);
typedef VEC(struct guid) copy_vm_vec;
/* The VMs for which something is to be done. */
void copy_vms(const struct docs *d, copy_vm_vec *ret);
/* Is the image in use by the VM's drives, directly or below others? *ret_drive: the drive. */
bool image_in_chain(const struct docs *d, const struct guid *vm, const char *path, const struct drive_doc **ret_drive);
/* Overlays that lie on path; of those that are not dropped. */
typedef VEC(const struct image_doc *) image_vec;
void image_children(const struct docs *d, const char *path, image_vec *ret);

/* ---- what has been done: changes of documents in an open transaction ---- */

/* The checkpoint is made; type and whether there is memory as it turned out. */
void copy_checkpointed(struct docs *d, const struct checkpoint_doc *c, enum checkpoint_type type, bool memory);
/* It could not be made, and nothing of it is left. */
void copy_not_checkpointed(struct docs *d, const struct checkpoint_doc *c);
void copy_restored(struct docs *d, const struct guid *vm);
/* top's contents are in what it lay on, and so are its children's backing. */
void copy_merged(struct docs *d, const struct image_doc *top);
void copy_deleted(struct docs *d, const struct image_doc *image);
/* A checkpoint goes; its children become its parent's. */
void checkpoint_delete(struct docs *d, const struct checkpoint_doc *c);
/* An image of ours that nothing needs is about to be deleted; then so is what it lay on, if that is the same. */
void image_drop_unused(struct docs *d, const char *path);
/* Of a VM that goes: its checkpoints go, its images are merged or deleted. */
void checkpoint_forget_vm(struct docs *d, const struct guid *vm);
