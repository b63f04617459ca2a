/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_location.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm_rules.h"

static const struct doc_field host_fields[] = {
	DOC_FIELD(vm_host_doc, disk_path, DOC_STR, "virtualHardDiskPath"),
	DOC_FIELD(vm_host_doc, machine_path, DOC_STR, "virtualMachinePath"),
};

static void host_key(const void *doc, struct str *ret)
{
	(void)doc;
	str_add(ret, "host");
}

const struct doc_kind vm_host_kind = {
	"vm-host", sizeof(struct vm_host_doc), host_fields, ARRAY_SIZE(host_fields), host_key
};

const char *vm_host_disk_path(struct call *c)
{
	const struct vm_host_doc *h = docs_get(call_docs(c), &vm_host_kind, "host");

	return h && h->disk_path ? h->disk_path : call_host(c)->image_dir;
}

const char *vm_host_machine_path(struct call *c)
{
	const struct vm_host_doc *h = docs_get(call_docs(c), &vm_host_kind, "host");

	return h && h->machine_path ? h->machine_path : call_host(c)->machines_dir;
}

const char *vm_path(struct call *c, const struct vm_doc *vm)
{
	return vm->path ? vm->path : call_host(c)->machines_dir;
}

const char *vm_snapshot_path(struct call *c, const struct vm_doc *vm)
{
	return vm->snapshot_path ? vm->snapshot_path : vm_path(c, vm);
}

/* ---- directories ---- */

static int not_found(const char *path, int r, struct err **e)
{
	err_set_errno(e, "Location.NotFound", -r, path, "The directory \"%s\" cannot be used: %s.", path, strerror(-r));
	return err_advise(e, r, "Make it, or mount what it is on; nothing is made in its place.");
}

static int unsafe(const char *path, const char *part, struct err **e)
{
	int r = err_set(e, "Location.Unsafe", ERR_PERMISSION_DENIED, path, "The directory \"%s\" cannot be used: other users can change \"%s\".", path,
			part);

	return err_advise(e, r, "Every part of the path belongs to root, and is written by nobody else (chown root, chmod go-w).");
}

/* Others cannot rename what is in it, nor is it theirs. In a sticky one (/tmp) they rename only what is theirs. */
static bool is_trusted(const struct stat *st)
{
	bool group = (st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != getegid();

	return (st->st_uid == 0 || st->st_uid == geteuid()) && ((st->st_mode & S_ISVTX) || !(group || (st->st_mode & S_IWOTH)));
}

/* The directory itself must not be one that others write to, sticky or not: their links would be found where files are made. */
static bool is_shared(const struct stat *st)
{
	return (st->st_mode & S_ISVTX) && (st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Of a canonical path: a link in it came after it was one. */
static int walk(const char *path, struct err **e)
{
	_cleanup_close_ int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *part = xstrdup(path);
	struct stat st;

	for (char *p = part; fd >= 0 && *p;) {
		char *end = strchrnul(p + 1, '/'), old = *end;
		int next;

		*end = 0;
		next = p[1] ? openat(fd, p + 1, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (next < 0 || fstat(next, &st) < 0)
			return not_found(path, -errno, e);
		close(fd);
		fd = next;
		if (!is_trusted(&st) || (!old && is_shared(&st)))
			return unsafe(path, part, e);
		*end = old;
		p = end;
	}
	return fd < 0 ? not_found(path, -errno, e) : 0;
}

int location_resolve(const char *param, const char *path, char **ret, struct err **e)
{
	_cleanup_free_ char *canonical = NULL;
	int r = vm_check_path(param, path, e);

	if (r < 0)
		return r;
	canonical = realpath(path, NULL);
	if (!canonical)
		return not_found(path, -errno, e);
	r = walk(canonical, e);
	if (r == 0)
		*ret = TAKE_PTR(canonical);
	return r;
}

static bool is_own(struct call *c, const char *path)
{
	return streq(path, call_host(c)->machines_dir) || streq(path, call_host(c)->image_dir);
}

int location_check(struct call *c, const char *path, struct err **e)
{
	return is_own(c, path) ? 0 : walk(path, e);
}

int location_check_file(struct call *c, const char *file, struct err **e)
{
	const char *directory = vm_host_disk_path(c);
	size_t n = strlen(directory);

	if (strncmp(file, directory, n) != 0 || file[n] != '/' || strchr(file + n + 1, '/'))
		return 0;
	return location_check(c, directory, e);
}

/* *ret: NULL: the daemon's own directory, where files are named by ids. */
static int new_base(struct call *c, const char *param, char **ret, struct err **e)
{
	const char *given = param ? call_str(c, param, NULL) : NULL, *base = vm_host_machine_path(c);
	int r;

	if (given)
		return location_resolve(param, given, ret, e);
	r = location_check(c, base, e);
	if (r == 0)
		*ret = is_own(c, base) ? NULL : xstrdup(base);
	return r;
}

int location_new_check(struct call *c, const char *param, struct err **e)
{
	_cleanup_free_ char *base = NULL;

	return new_base(c, param, &base, e);
}

static int make(const char *path, bool *ret_made, struct err **e)
{
	int r;

	if (mkdir(path, 0711) == 0) {
		if (ret_made)
			*ret_made = true;
		return 0;
	}
	if (errno == EEXIST)
		return walk(path, e);
	r = -errno;
	err_set_errno(e, "Location.NotMade", -r, path, "The directory \"%s\" cannot be made: %s.", path, strerror(-r));
	return err_advise(e, r, "Name another directory.");
}

int location_new_make(struct call *c, const char *param, struct vm_doc *vm, bool *ret_made, struct err **e)
{
	_cleanup_free_ char *base = NULL, *path = NULL;
	bool usable = vm->name[0] != '.';
	char id[GUID_TEXT_SIZE];
	int r = new_base(c, param, &base, e);

	if (r < 0 || !base)
		return r;
	path = xasprintf("%s/%s", streq(base, "/") ? "" : base, usable ? vm->name : guid_format(&vm->id, id));
	r = make(path, ret_made, e);
	if (r == 0) {
		free(vm->path);
		vm->path = TAKE_PTR(path);
	}
	return r;
}
