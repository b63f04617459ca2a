/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drive.h"

/*
 * Virtual hard disks as files: they have no documents, and belong to the administrator. qemu-img works on them; drives (drive.h) put
 * them into virtual machines.
 */
extern const char *const vhd_types[]; /* Dynamic, Fixed, Differencing */
enum vhd_type { VHD_DYNAMIC, VHD_FIXED, VHD_DIFFERENCING };

extern const struct cmdlet vhd_cmdlets[];
extern const struct object_type vhd_object; /* "VirtualHardDisk" */

/* Of an image that was looked at. */
json_t *vhd_to_object(struct call *c, const char *path, const struct host_image *image);

/* ---- work on images, one step after the other, and the call is answered by what they come to ---- */

struct vhd_work;

struct vhd_work *vhd_work_new(struct call *c);
/*
 * Steps of one group belong together: when one fails, its error is noted and the rest of the group left out. Texts are copied.
 * Looks at the image, as drive_look(); it must be no larger than max_size (Vhd.WouldShrink; 0: any size).
 */
void vhd_work_look(struct vhd_work *w, size_t group, const char *path, bool in_use, uint64_t max_size);
void vhd_work_job(struct vhd_work *w, size_t group, const struct host_image_job *job);
/* The image's object is part of the answer. */
void vhd_work_emit(struct vhd_work *w, size_t group, const char *path);
/* Removes the file. */
void vhd_work_unlink(struct vhd_work *w, size_t group, const char *path);
/* CALL_PENDING, or 0 when there is nothing to do. */
int vhd_work_run(struct vhd_work *w);
