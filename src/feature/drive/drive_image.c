/* SPDX-License-Identifier: Apache-2.0 */
#include "drive_image.h"

#include "drive_rules.h"
#include "vm_location.h"

static const char *const qemu_names[] = {
	[DRIVE_RAW] = "raw", [DRIVE_QCOW2] = "qcow2", [DRIVE_VHDX] = "vhdx", [DRIVE_VHD] = "vpc",
};

const char *drive_format_qemu(enum drive_format format)
{
	return qemu_names[format];
}

bool drive_format_from_qemu(const char *name, enum drive_format *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(qemu_names); i++) {
		if (streq(qemu_names[i], name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

char *drive_path_resolve(struct call *c, const char *path)
{
	return !*path || strchr(path, '/') ? xstrdup(path) : xasprintf("%s/%s", vm_host_disk_path(c), path);
}

/* ---- looking at an image and its parents ---- */

/* More than anybody makes; a ring of parents ends here. */
#define PARENTS_MAX 32

struct drive_look {
	struct host *host;
	host_image_fn done;
	void *arg;
	bool in_use;
	unsigned depth;
	char *path;		 /* that is looked at now */
	const char *expected;	 /* its format, as QEMU calls it */
	struct host_image image; /* the first */
	char *format, *parent, *parent_format; /* its texts */
};

static void look_finish(struct drive_look *look, struct err *e)
{
	look->done(look->arg, e ? NULL : &look->image, e);
	free(look->path);
	free(look->format);
	free(look->parent);
	free(look->parent_format);
	free(look);
}

static void look_keep(struct drive_look *look, const struct host_image *image)
{
	look->format = xstrdup(image->format);
	look->parent = image->parent ? xstrdup(image->parent) : NULL;
	look->parent_format = xstrdup(image->parent_format);
	look->image = *image;
	look->image.format = look->format;
	look->image.parent = look->parent;
	look->image.parent_format = look->parent_format;
}

static int check_format(const struct drive_look *look, const struct host_image *image, struct err **e)
{
	enum drive_format found;
	int r;

	if (streq(image->format, look->expected))
		return 0;
	r = err_set(e, "Vhd.WrongFormat", ERR_INVALID_ARGUMENT, look->path, "\"%s\" is an image of format %s, which is not what its name says.",
		    look->path, drive_format_from_qemu(image->format, &found) ? drive_formats[found] : image->format);
	return err_advise(e, r, "Rename it, so that its ending says what it is, or convert it (Convert-VHD).");
}

/* The format of an image by its name; a DVD is as raw as a disk. */
static const char *format_by_name(const char *path)
{
	enum drive_format format = DRIVE_RAW;

	drive_format_of(path, &format);
	return qemu_names[format];
}

static int check_parent(const struct drive_look *look, const struct host_image *image, struct err **e)
{
	enum drive_format format;
	int r;

	if (image->parent[0] == '/' && drive_format_of(image->parent, &format) && streq(image->parent_format, qemu_names[format]) &&
	    look->depth < PARENTS_MAX)
		return 0;
	r = err_set(e, "Vhd.ParentRefused", ERR_INVALID_ARGUMENT, look->path,
		    "\"%s\" names \"%s\" (format %s) as its parent, which is no image by its name, or there are too many parents.", look->path,
		    image->parent, *image->parent_format ? image->parent_format : "unknown");
	return err_advise(e, r, "An image that comes from elsewhere should have no parent. If it is meant, name the parent so that its ending says "
				"what it is, and enter it with qemu-img rebase -u -b PATH -F FORMAT.");
}

static void on_looked(void *arg, const struct host_image *image, struct err *e);

static int look_begin(struct drive_look *look, struct err **e)
{
	bool raw = streq(look->expected, "raw");
	/* Everything is a raw image, unless something else is recognized in it. Parents are read by many at once. */
	struct host_image_job job = { .op = HOST_IMAGE_INFO, .path = look->path, .in_use = look->in_use || look->depth,
				      .format = raw ? NULL : look->expected };

	return look->host->image(look->host, &job, on_looked, look, e);
}

static void on_looked(void *arg, const struct host_image *image, struct err *e)
{
	struct drive_look *look = arg;
	int r = e ? -1 : check_format(look, image, &e);

	if (r == 0 && !look->depth)
		look_keep(look, image);
	if (r == 0 && image->parent)
		r = check_parent(look, image, &e);
	if (r < 0 || !image->parent) {
		look_finish(look, e);
		return;
	}
	free(look->path);
	look->path = xstrdup(image->parent);
	look->expected = format_by_name(look->path);
	look->depth++;
	if (look_begin(look, &e) < 0)
		look_finish(look, e);
}

int drive_look(struct host *h, const char *path, bool in_use, host_image_fn done, void *arg, struct drive_look **ret, struct err **e)
{
	struct drive_look *look = xcalloc(1, sizeof(*look));
	int r;

	*look = (struct drive_look){ .host = h, .done = done, .arg = arg, .in_use = in_use, .path = xstrdup(path),
				     .expected = format_by_name(path) };
	r = look_begin(look, e);
	if (r == 0) {
		*ret = look;
		return 0;
	}
	free(look->path);
	free(look);
	return r;
}

void drive_look_end(struct drive_look *look)
{
	look->host->image_end(look->host, look);
}

/* ---- and going on with the call ---- */

struct wait {
	struct call *call;
	struct drive_look *look; /* NULL: another job */
	char *made;		 /* what that makes */
	drive_image_fn fn;
	void *arg;
};

static void wait_free(struct wait *w)
{
	free(w->made);
	free(w->arg);
	free(w);
}

static void on_done(void *arg, const struct host_image *image, struct err *e)
{
	struct wait *w = arg;
	struct host *host = call_host(w->call);

	(void)image;
	if (e)
		call_complete(w->call, &e);
	else
		call_resume(w->call, w->fn, w->arg);
	/* It may have been refused meanwhile. */
	if (!e && w->made)
		host->image_discard(host, w->made);
	wait_free(w);
}

static void on_cancel(void *arg)
{
	struct wait *w = arg;
	struct host *host = call_host(w->call);

	if (w->look)
		drive_look_end(w->look);
	else
		host->image_end(host, w);
}

static int wait_begun(struct wait *w, int r)
{
	if (r < 0) {
		wait_free(w);
		return r;
	}
	call_on_cancel(w->call, on_cancel, w);
	return CALL_PENDING;
}

static struct wait *wait_new(struct call *c, drive_image_fn fn, void *arg)
{
	struct wait *w = xcalloc(1, sizeof(*w));

	*w = (struct wait){ .call = c, .fn = fn, .arg = arg };
	return w;
}

int drive_image_run(struct call *c, const struct host_image_job *job, drive_image_fn fn, void *arg, struct err **e)
{
	struct host *host = call_host(c);
	struct wait *w = wait_new(c, fn, arg);

	if (job->for_drive)
		w->made = xstrdup(job->path);
	return wait_begun(w, host->image(host, job, on_done, w, e));
}

int drive_image_check(struct call *c, const char *path, bool in_use, drive_image_fn fn, void *arg, struct err **e)
{
	struct wait *w = wait_new(c, fn, arg);

	return wait_begun(w, drive_look(call_host(c), path, in_use, on_done, w, &w->look, e));
}
