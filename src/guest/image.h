/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "str.h"

/*
 * Images of disks, by qemu-img as a child process: one run each, watched by the caller's loop. An image may come from anybody: what
 * only looks at one has little memory, little time, and never opens the parent that the image names. What qemu-img says is bounded
 * and checked.
 */
enum image_op { IMAGE_INFO, IMAGE_CREATE, IMAGE_RESIZE, IMAGE_CONVERT };

struct image_job {
	enum image_op op;
	const char *path;	   /* absolute, like all paths here */
	const char *format;	   /* QEMU's name of it; INFO: NULL guesses */
	uint64_t size;		   /* CREATE, RESIZE: bytes; CREATE with a parent: 0 is the parent's */
	bool fixed;		   /* CREATE, CONVERT: with all its blocks */
	bool shrink;		   /* RESIZE: what is beyond the new end is lost */
	bool in_use;		   /* INFO: also of one that a machine writes to */
	const char *parent;	   /* CREATE, CONVERT (beside the target), or NULL */
	const char *parent_format;
	const char *target;	   /* CONVERT: the new image */
	const char *temporary;	   /* CREATE, CONVERT: what the new image is called until it is whole; of the same directory */
	const char *target_format;
};

struct image_info {
	char format[16];
	uint64_t size; /* that a guest sees */
	uint64_t file_size; /* that it takes on the disk */
	uint64_t length; /* of the file */
	char *parent; /* NULL: none */
	char parent_format[16]; /* "": the image does not say */
};
void image_info_done(struct image_info *info);

/* Reads what "qemu-img info --output=json" says. -EBADMSG: it is not that. */
int image_info_parse(const char *text, size_t size, struct image_info *ret);

/* What is wrong with an image, by the words of qemu-img, QEMU or libvirt. */
enum image_trouble { IMAGE_OTHER, IMAGE_MISSING, IMAGE_DENIED, IMAGE_FULL, IMAGE_BUSY, IMAGE_WRONG_FORMAT, IMAGE_UNSUPPORTED };
enum image_trouble image_trouble_of(const char *text);

struct image_run;

/*
 * CREATE and CONVERT make a new file, which nobody else can read and which has its name when it is whole; it is removed when they fail
 * or are ended. -EEXIST: there is one. What runs ends with the calling thread. Otherwise -Exxx of open() for the new file, or of starting qemu-img.
 */
int image_start(const struct image_job *job, struct image_run **ret);
/* Ends it if it has not. */
void image_free(struct image_run *run);
DEFINE_CLEANUP(struct image_run *, image_free)

/* Readable when there is something for image_read(); owned by the run. */
int image_fd(const struct image_run *run);
/* Readable when it has ended; owned by the run. */
int image_pidfd(const struct image_run *run);
/* 1: there may be more; 0: the end; -EAGAIN: nothing now; -Exxx. */
int image_read(struct image_run *run);
/* CONVERT: how much is done, 0..100; else, or before it has said so, PROGRESS_UNKNOWN. */
int image_percent(const struct image_run *run);
/*
 * After its end. 0: done, INFO: with ret. Negative: *message says why, in qemu-img's words or ours, without line ends; owned by the
 * caller.
 */
int image_finish(struct image_run *run, struct image_info *ret, char **message);
