/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

#include "image.h"
#include "internal.h"
#include "unfinished.h"

/* Images of disks: qemu-img runs beside the loop, which is told when it has ended. */

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

struct image_work {
	struct engine *g;
	struct image_run *run; /* NULL: it waits for its turn */
	struct image_job job;  /* path, parent and target are its own; formats are literals */
	sd_event_source *output, *exit, *timer;
	bool for_drive;
	char *unfinished;      /* note of the file that it makes; NULL: none */
	char *made_for_drive;  /* note of the image that it has made */
	void (*progress)(void *arg, int percent); /* NULL: nobody wants to know */
	host_image_fn done;
	void *arg;
	struct image_work *next;
};

/* A whole image that no document names yet. */
struct made_image {
	char *path;
	char *unfinished;
	struct made_image *next;
};

/* A pipeline may ask for any number of images at once: so many are looked at, and so many worked on, at a time. */
#define LOOKS_AT_ONCE 8
#define WORKS_AT_ONCE 4
/* Looking at an image is a matter of milliseconds, but for a storage that does not answer. */
#define INFO_TIMEOUT_US 30000000

static void work_free(struct image_work *w)
{
	sd_event_source_unref(w->output);
	sd_event_source_unref(w->exit);
	sd_event_source_unref(w->timer);
	image_free(w->run);
	unfinished_end(w->made_for_drive);
	unfinished_end(w->unfinished);
	free((char *)(uintptr_t)w->job.temporary);
	free((char *)(uintptr_t)w->job.path);
	free((char *)(uintptr_t)w->job.parent);
	free((char *)(uintptr_t)w->job.target);
	free(w);
}

static void begin_waiting(struct engine *g);

static void work_end(struct image_work *w, const struct host_image *image, struct err *e)
{
	host_image_fn done = w->done;
	void *arg = w->arg;

	for (struct image_work **p = &w->g->images; *p; p = &(*p)->next) {
		if (*p == w) {
			*p = w->next;
			break;
		}
	}
	/* Before anybody hears of it: what was not finished is removed. */
	work_free(w);
	done(arg, image, e);
}

static const char *subject(const struct image_work *w)
{
	return w->job.target ? w->job.target : w->job.path;
}

static const struct {
	const char *id;
	enum err_category category;
	const char *what, *advice;
} troubles[] = {
	[IMAGE_OTHER] = { "Vhd.Failed", ERR_INVALID_OPERATION, "cannot be worked on", "qemu-img check tells more of a damaged image." },
	[IMAGE_MISSING] = { "Vhd.NotFound", ERR_OBJECT_NOT_FOUND, "does not exist, or its directory does not",
			    "Name a file of the daemon's host." },
	[IMAGE_DENIED] = { "Vhd.AccessDenied", ERR_PERMISSION_DENIED, "cannot be opened",
			   "The daemon and QEMU's user need to read and write it, and to search its directories." },
	[IMAGE_FULL] = { "Vhd.DiskFull", ERR_WRITE_ERROR, "does not fit on the host's disk", "Make room, or name another place." },
	[IMAGE_BUSY] = { "Vhd.InUse", ERR_RESOURCE_BUSY, "is in use by a running virtual machine or another program",
			 "Stop what uses it first." },
	[IMAGE_WRONG_FORMAT] = { "Vhd.WrongFormat", ERR_INVALID_ARGUMENT, "is damaged, or not what its name says",
				 "Rename it, so that its ending says what it is, or convert it (Convert-VHD)." },
	[IMAGE_UNSUPPORTED] = { "Vhd.Unsupported", ERR_NOT_IMPLEMENTED, "is of a format for which there is no such operation",
				"Convert it to .qcow2 first (Convert-VHD)." },
};

/* Why it failed. path: the image that is meant by whoever asked. */
static int image_error(enum image_trouble trouble, const char *path, const char *message, struct err **e)
{
	int r = err_set(e, troubles[trouble].id, troubles[trouble].category, path, "The virtual hard disk \"%s\" %s: %s.", path,
			troubles[trouble].what, message);

	return err_advise(e, r, "%s", troubles[trouble].advice);
}

static int on_output(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct image_work *w = arg;
	int before = image_percent(w->run), r = image_read(w->run);

	(void)fd;
	(void)revents;
	if (r <= 0 && r != -EAGAIN)
		sd_event_source_set_enabled(s, SD_EVENT_OFF);
	if (w->progress && image_percent(w->run) != before)
		w->progress(w->arg, image_percent(w->run));
	return 0;
}

static int start_failed(int r, const char *made, struct err **e)
{
	if (r == -EEXIST) {
		err_set(e, "Vhd.Exists", ERR_RESOURCE_EXISTS, made, "The file \"%s\" exists already.", made);
		return err_advise(e, -EEXIST, "Choose another name, or remove the file first.");
	}
	return image_error(image_trouble_of(strerror(-r)), made, strerror(-r), e);
}

/* The document comes with the answer. */
static void keep_for_drive(struct image_work *w)
{
	struct made_image *made = xcalloc(1, sizeof(*made));

	made->path = xstrdup(subject(w));
	made->unfinished = TAKE_PTR(w->made_for_drive);
	made->next = w->g->made_images;
	w->g->made_images = made;
}

static int on_exit_(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct image_work *w = arg;
	_cleanup_free_ char *message = NULL;
	struct image_info info = { 0 };
	struct host_image image;
	struct err *e = NULL;
	struct engine *g;
	bool told;
	int r = image_finish(w->run, &info, &message);

	(void)s;
	(void)fd;
	(void)revents;
	if (r == -EEXIST)
		start_failed(r, subject(w), &e);
	else if (r < 0)
		image_error(image_trouble_of(message), subject(w), message, &e);
	else if (w->made_for_drive)
		keep_for_drive(w);
	image = (struct host_image){ .format = info.format, .size = info.size, .file_size = info.file_size, .length = info.length,
				     .parent = info.parent, .parent_format = info.parent_format };
	told = r == 0 && w->job.op == IMAGE_INFO;
	g = w->g;
	work_end(w, told ? &image : NULL, e);
	image_info_done(&info);
	begin_waiting(g);
	return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	struct image_work *w = arg;
	struct engine *g = w->g;
	struct err *e = NULL;

	(void)s;
	(void)usec;
	image_error(IMAGE_OTHER, w->job.path, "nothing was heard of it for 30 seconds", &e);
	work_end(w, NULL, e);
	begin_waiting(g);
	return 0;
}

static int watch(struct image_work *w)
{
	sd_event *event = w->g->config.event;
	int r = sd_event_add_io(event, &w->output, image_fd(w->run), EPOLLIN, on_output, w);

	if (r >= 0)
		r = sd_event_add_io(event, &w->exit, image_pidfd(w->run), EPOLLIN, on_exit_, w);
	if (r >= 0 && w->job.op == IMAGE_INFO)
		r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, INFO_TIMEOUT_US, 0, on_timeout, w);
	return MIN(r, 0);
}

/* Ours is made when it is needed for the first time; others are their owner's. */
static int make_directory(struct engine *g, const char *path)
{
	size_t n = strlen(g->image_dir);

	return strncmp(path, g->image_dir, n) == 0 && path[n] == '/' ? mkdir_p(g->image_dir, 0711) : 0;
}

/* Of the same directory, so that it can be renamed, and short, so that any name can be had. */
static void name_temporary(struct image_work *w)
{
	const char *path = subject(w);
	struct guid id = guid_new();
	char text[GUID_TEXT_SIZE];

	w->job.temporary = xasprintf("%.*s/.nestor-%s", (int)(strrchr(path, '/') - path), path, guid_format(&id, text));
	w->unfinished = unfinished_file(w->g, w->job.temporary);
}

static int begin(struct image_work *w, struct err **e)
{
	bool makes = w->job.op == IMAGE_CREATE || w->job.op == IMAGE_CONVERT;
	int r = makes ? make_directory(w->g, subject(w)) : 0;

	if (r == 0 && makes)
		name_temporary(w);
	if (r == 0)
		r = image_start(&w->job, &w->run);
	if (r == 0 && w->for_drive)
		w->made_for_drive = unfinished_image(w->g, subject(w), w->job.temporary);
	if (r == 0)
		r = watch(w);
	return r < 0 ? start_failed(r, subject(w), e) : 0;
}

static bool has_turn(const struct image_work *w)
{
	bool looks = w->job.op == IMAGE_INFO;
	size_t n = 0;

	for (const struct image_work *other = w->g->images; other; other = other->next)
		n += other->run && (other->job.op == IMAGE_INFO) == looks;
	return n < (looks ? LOOKS_AT_ONCE : WORKS_AT_ONCE);
}

/* Those that wait, oldest first, as far as there is room. */
static void begin_waiting(struct engine *g)
{
	struct image_work *w = g->images;

	while (w) {
		struct err *e = NULL;

		if (w->run || !has_turn(w) || begin(w, &e) == 0) {
			w = w->next;
			continue;
		}
		work_end(w, NULL, e);
		/* Whoever was told may have changed the list. */
		w = g->images;
	}
}

static const char *copy(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static int host_image_start(struct host *h, const struct host_image_job *job, host_image_fn done, void *arg, struct err **e)
{
	static const enum image_op ops[] = {
		[HOST_IMAGE_INFO] = IMAGE_INFO, [HOST_IMAGE_CREATE] = IMAGE_CREATE, [HOST_IMAGE_RESIZE] = IMAGE_RESIZE,
		[HOST_IMAGE_CONVERT] = IMAGE_CONVERT,
	};
	struct engine *g = engine_of(h);
	struct image_work *w = xcalloc(1, sizeof(*w)), **last = &g->images;
	int r;

	w->g = g;
	w->job = (struct image_job){
		.op = ops[job->op], .path = copy(job->path), .format = job->format, .size = job->size, .fixed = job->fixed,
		.shrink = job->shrink, .in_use = job->in_use, .parent = copy(job->parent), .parent_format = job->parent_format,
		.target = copy(job->target), .target_format = job->target_format,
	};
	w->for_drive = job->for_drive;
	w->progress = job->progress;
	w->done = done;
	w->arg = arg;
	r = has_turn(w) ? begin(w, e) : 0;
	if (r < 0) {
		work_free(w);
		return r;
	}
	while (*last)
		last = &(*last)->next;
	*last = w;
	return 0;
}

static void end_all(struct engine *g, const void *arg, const char *why)
{
	for (struct image_work *w = g->images, *next; w; w = next) {
		struct err *e = NULL;

		next = w->next;
		if (arg && w->arg != arg)
			continue;
		err_set(&e, "Vhd.Ended", ERR_RESOURCE_UNAVAILABLE, w->job.path, "The work on \"%s\" was ended: %s.", w->job.path, why);
		work_end(w, NULL, e);
	}
}

static void host_image_end(struct host *h, void *arg)
{
	end_all(engine_of(h), arg, "nobody waits for it any more");
	begin_waiting(engine_of(h));
}

/* Those that a document names by now, or that of the path. */
static void made_end(struct engine *g, const char *path)
{
	for (struct made_image **p = &g->made_images, *made; (made = *p);) {
		if (path ? !streq(made->path, path) : !image_is_in_drive(g->config.docs, made->path)) {
			p = &made->next;
			continue;
		}
		*p = made->next;
		unfinished_end(made->unfinished);
		free(made->path);
		free(made);
	}
}

void engine_images_settle(struct engine *g)
{
	made_end(g, NULL);
}

static void host_image_discard(struct host *h, const char *path)
{
	struct engine *g = engine_of(h);

	if (image_is_in_drive(g->config.docs, path))
		return;
	(void)unlink(path);
	made_end(g, path);
}

void engine_images_free(struct engine *g)
{
	end_all(g, NULL, "the daemon ends");
	/* Nobody is left who would have named it. */
	while (g->made_images) {
		_cleanup_free_ char *path = xstrdup(g->made_images->path);

		host_image_discard(&g->host, path);
		made_end(g, path);
	}
	free(g->image_dir);
}

void engine_host_images_init(struct engine *g)
{
	g->image_dir = xasprintf("%s/disks", g->config.state_dir);
	g->host.image = host_image_start;
	g->host.image_end = host_image_end;
	g->host.image_discard = host_image_discard;
	g->host.image_dir = g->image_dir;
}
