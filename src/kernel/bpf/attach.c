/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>

#include "internal.h"

/*
 * Two ways to attach. By tcx or XDP: a link, pinned as link-ROLE-IFINDEX; the pin holds it. By clsact, on kernels
 * before 6.6: a filter of the device, which holds itself; the program is pinned as tc-ROLE-IFINDEX, as a note that it
 * is there.
 */
#define BPF_TCX_INGRESS 46 /* not in libbpf 1.1's headers */
#define BPF_TCX_EGRESS 47
#define KIND_LINK "link"
#define KIND_TC "tc"

/* Of our filter among those that others may have put on the device. */
#define TC_HANDLE 0x4e53
#define TC_PRIORITY 1

void link_path(const struct bpf_driver *d, const char *kind, enum bpf_role role, uint32_t ifindex,
	       char path[static PIN_PATH_SIZE])
{
	snprintf(path, PIN_PATH_SIZE, "/proc/self/fd/%d/%s-%s-%u", d->dirfd, kind, role_names[role], ifindex);
}

struct link_state {
	uint32_t program_id;
	uint32_t ifindex; /* 0: the device is gone */
};

static int link_state(int fd, struct link_state *ret)
{
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return -errno;
	/* libbpf 1.1's header does not have tcx; its ifindex lies where that of xdp does */
	*ret = (struct link_state){ .program_id = info.prog_id, .ifindex = info.xdp.ifindex };
	return 0;
}

/* Is it what should run there? */
static bool runs(const struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, uint32_t program_id)
{
	return program_id == d->program_ids[role] || live_runs(d, ifindex, role, program_id);
}

/* ---- clsact ---- */

static enum bpf_tc_attach_point tc_point(enum bpf_role role)
{
	return role == BPF_ROLE_VPORT_EGRESS ? BPF_TC_EGRESS : BPF_TC_INGRESS;
}

static int tc_query(uint32_t ifindex, enum bpf_role role, uint32_t *ret_program_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = tc_point(role));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);
	int r = bpf_tc_query(&hook, &opts);

	if (r == 0)
		*ret_program_id = opts.prog_id;
	return r;
}

static int tc_attach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = tc_point(role));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = d->programs[role]);
	char path[PIN_PATH_SIZE];
	uint32_t id = 0;
	int r;

	if (tc_query(ifindex, role, &id) == 0 && runs(d, ifindex, role, id))
		return 0;
	r = bpf_tc_hook_create(&hook);
	if (r != 0 && r != -EEXIST)
		return r;
	link_path(d, KIND_TC, role, ifindex, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	if (bpf_obj_pin(d->programs[role], path) != 0)
		return -errno;
	return bpf_tc_attach(&hook, &opts);
}

static int tc_detach(uint32_t ifindex, enum bpf_role role)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = tc_point(role));
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

/* ---- links ---- */

static int link_attach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, const char *path)
{
	bool xdp = role == BPF_ROLE_UPLINK_XDP;
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = xdp ? XDP_FLAGS_DRV_MODE : 0);
	int type = xdp ? BPF_XDP : role == BPF_ROLE_VPORT_EGRESS ? BPF_TCX_EGRESS : BPF_TCX_INGRESS;
	_cleanup_close_ int link = bpf_link_create(d->programs[role], (int)ifindex, type, &opts);

	if (link < 0)
		return -errno;
	return bpf_obj_pin(link, path) == 0 ? 0 : -errno;
}

/* A kernel without tcx does not know the attach type: it answers EINVAL before it looks at the device. */
static bool tcx_is_missing(int r)
{
	return r == -EINVAL || r == -EOPNOTSUPP;
}

int bpf_driver_attach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role)
{
	_cleanup_close_ int link = -1;
	struct link_state state = { 0 };
	char path[PIN_PATH_SIZE];
	int r;

	link_path(d, KIND_LINK, role, ifindex, path);
	link = bpf_obj_get(path);
	if (link >= 0 && link_state(link, &state) == 0 && state.ifindex == ifindex) {
		if (runs(d, ifindex, role, state.program_id))
			return 0;
		return bpf_link_update(link, d->programs[role], NULL) == 0 ? 0 : -errno;
	}
	if (link >= 0 && unlink(path) != 0)
		return -errno;
	if (role == BPF_ROLE_UPLINK_XDP) {
		/* drivers have many ways to say that they cannot: MTU, queues, somebody else's program */
		r = link_attach(d, ifindex, role, path);
		return r == 0 || r == -ENODEV ? r : -EOPNOTSUPP;
	}
	r = d->clsact ? -EOPNOTSUPP : link_attach(d, ifindex, role, path);
	return tcx_is_missing(r) ? tc_attach(d, ifindex, role) : r;
}

int attachment_swap(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, int program)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = program);
	_cleanup_close_ int link = -1;
	struct link_state state = { 0 };
	char path[PIN_PATH_SIZE];
	uint32_t id = 0;

	link_path(d, KIND_LINK, role, ifindex, path);
	link = bpf_obj_get(path);
	if (link >= 0 && link_state(link, &state) == 0 && state.ifindex == ifindex)
		return bpf_link_update(link, program, NULL) == 0 ? 0 : -errno;
	if (tc_query(ifindex, role, &id) != 0 || id != d->program_ids[role])
		return -ENOENT;
	return bpf_tc_attach(&hook, &opts);
}

/*
 * The last reference of a link is its pin, which the kernel lets go some time after it is removed: until then the program would
 * run on, and could not be attached again.
 */
static void link_detach(const char *path)
{
	_cleanup_close_ int link = bpf_obj_get(path);

	if (link >= 0)
		bpf_link_detach(link);
}

/* Takes a pinned attachment away; live says whether its device is still there. */
static int remove_one(struct bpf_driver *d, const char *kind, enum bpf_role role, uint32_t ifindex, bool live)
{
	char path[PIN_PATH_SIZE];
	int r = 0;

	link_path(d, kind, role, ifindex, path);
	if (live && streq(kind, KIND_TC))
		r = tc_detach(ifindex, role);
	else if (live)
		link_detach(path);
	if (unlink(path) != 0)
		return -errno;
	return r == -ENODEV || r == -ENOENT ? 0 : r;
}

int bpf_driver_detach(struct bpf_driver *d, uint32_t ifindex, enum bpf_role role)
{
	int r = remove_one(d, KIND_LINK, role, ifindex, true);

	return r == -ENOENT ? remove_one(d, KIND_TC, role, ifindex, true) : r;
}

/* ---- all of them ---- */

struct pinned {
	const char *kind;
	enum bpf_role role;
	uint32_t ifindex;
};

static bool pinned_parse(const char *name, struct pinned *ret)
{
	static const char *const kinds[] = { KIND_LINK, KIND_TC };
	char prefix[32];
	uint64_t ifindex;

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (int role = 0; role < BPF_ROLE_COUNT; role++) {
			int n = snprintf(prefix, sizeof(prefix), "%s-%s-", kinds[k], role_names[role]);

			if (strncmp(name, prefix, n) == 0 && parse_u64(name + n, UINT32_MAX, &ifindex) == 0) {
				*ret = (struct pinned){ .kind = kinds[k], .role = role, .ifindex = ifindex };
				return true;
			}
		}
	}
	return false;
}

/* What the attachment runs; 0: its device is gone. */
static uint32_t pinned_program(const struct bpf_driver *d, const struct pinned *p)
{
	_cleanup_close_ int link = -1;
	struct link_state state = { 0 };
	char path[PIN_PATH_SIZE];
	uint32_t id = 0;

	if (streq(p->kind, KIND_TC))
		return tc_query(p->ifindex, p->role, &id) == 0 ? id : 0;
	link_path(d, p->kind, p->role, p->ifindex, path);
	link = bpf_obj_get(path);
	if (link < 0 || link_state(link, &state) != 0)
		return 0;
	return state.ifindex == p->ifindex ? state.program_id : 0;
}

/* Names first, work after: removing while reading a directory may skip entries. */
static int pinned_all(const struct bpf_driver *d, struct pinned **ret, size_t *ret_n)
{
	VEC(struct pinned) found = { 0 };
	char path[PIN_PATH_SIZE];
	struct dirent *e;
	struct pinned p;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/.", d->dirfd);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		if (pinned_parse(e->d_name, &p))
			vec_push(&found, p);
	closedir(dir);
	*ret = found.items;
	*ret_n = found.n;
	return 0;
}

int bpf_driver_observe_attachments(struct bpf_driver *d, struct bpf_attachment_vec *out)
{
	_cleanup_free_ struct pinned *all = NULL;
	size_t n = 0;
	int r;

	r = pinned_all(d, &all, &n);
	for (size_t i = 0; i < n; i++) {
		uint32_t id = pinned_program(d, &all[i]);

		if (!id)
			remove_one(d, all[i].kind, all[i].role, all[i].ifindex, false);
		else if (runs(d, all[i].ifindex, all[i].role, id))
			vec_push(out, (struct bpf_attachment){ .ifindex = all[i].ifindex, .role = all[i].role });
	}
	return r;
}

int attachments_replace(struct bpf_driver *d, enum bpf_role role, uint32_t old_id)
{
	_cleanup_free_ struct pinned *all = NULL;
	size_t n = 0;
	int r;

	r = pinned_all(d, &all, &n);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (all[i].role != role || pinned_program(d, &all[i]) != old_id)
			continue;
		r = streq(all[i].kind, KIND_TC) ? tc_attach(d, all[i].ifindex, role) :
						  bpf_driver_attach(d, all[i].ifindex, role);
	}
	return r;
}

void attachments_remove_all(struct bpf_driver *d)
{
	_cleanup_free_ struct pinned *all = NULL;
	size_t n = 0;

	if (pinned_all(d, &all, &n) != 0)
		return;
	for (size_t i = 0; i < n; i++)
		remove_one(d, all[i].kind, all[i].role, all[i].ifindex, true);
}
