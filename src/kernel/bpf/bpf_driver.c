/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf_driver.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "internal.h"
#include "log.h"

#include "pacer.skel.h"
#include "uplink.skel.h"
#include "uplink_xdp.skel.h"
#include "vport.skel.h"
#include "vport_egress.skel.h"

static const struct {
	const char *name;
	enum bpf_map_type type;
	uint32_t key_size, value_size;
	bool state; /* what packets leave behind, not what the daemon says */
} maps[MAP_COUNT] = {
	[MAP_PORTS] = { "ports", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct dp_port) },
	[MAP_DESTS] = { "dests", BPF_MAP_TYPE_HASH, sizeof(struct dp_dest_key), sizeof(struct dp_dest) },
	[MAP_CAS] = { "cas", BPF_MAP_TYPE_HASH, sizeof(struct dp_ca_key), sizeof(struct dp_ca) },
	[MAP_NEXTHOPS] = { "nexthops", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct dp_nexthop) },
	[MAP_PAS] = { "pas", BPF_MAP_TYPE_HASH, sizeof(union dp_addr), sizeof(struct dp_pa) },
	[MAP_REWRITES] = { "rewrites", BPF_MAP_TYPE_HASH, sizeof(union dp_addr), sizeof(struct dp_rewrite) },
	[MAP_COUNTERS] = { "counters", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct dp_counters), true },
	[MAP_LIMITS] = { "limits", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct dp_limit), true },
	[MAP_TRUNKS] = { "trunks", BPF_MAP_TYPE_HASH, 4, sizeof(struct dp_trunk) },
	[MAP_DROPS] = { "drops", BPF_MAP_TYPE_HASH, sizeof(struct dp_drop_key), 8, true },
	[MAP_ROUTES] = { "routes", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct dp_route_key), sizeof(struct dp_route) },
	[MAP_SUBNETS] = { "subnets", BPF_MAP_TYPE_HASH, 4, sizeof(struct dp_subnet) },
	[MAP_SOURCES] = { "sources", BPF_MAP_TYPE_HASH, sizeof(struct dp_source_key), sizeof(struct dp_source) },
	[MAP_GROUPS] = { "groups", BPF_MAP_TYPE_HASH, 4, sizeof(struct dp_group) },
	[MAP_INNER] = { "inner", BPF_MAP_TYPE_LRU_HASH, sizeof(struct dp_dest_key), 4 },
	[MAP_INNER_PORTS] = { "inner_ports", BPF_MAP_TYPE_HASH, 4, sizeof(struct dp_inner_ports) },
	[MAP_LEARNT] = { "learnt", BPF_MAP_TYPE_RINGBUF, 0, 0, true },
	[MAP_LEARN_RATES] = { "learn_rates", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct dp_learn_rate), true },
	[MAP_FLOWS] = { "flows", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct dp_flow), true },
	[MAP_WAYS] = { "ways", BPF_MAP_TYPE_PERCPU_ARRAY, 4, sizeof(struct dp_way), true },
	[MAP_ACL_RULES] = { "acl_rules", BPF_MAP_TYPE_HASH, sizeof(struct dp_acl_rule_key), sizeof(struct dp_acl_rule) },
	[MAP_ACL_SETS] = { "acl_sets", BPF_MAP_TYPE_HASH, 4, sizeof(struct dp_acl_set) },
	[MAP_ACL_MATCHES] = { "acl_matches", BPF_MAP_TYPE_LPM_TRIE, sizeof(struct dp_acl_match_key), 4 },
	[MAP_ACL_VECTORS] = { "acl_vectors", BPF_MAP_TYPE_HASH, sizeof(struct dp_acl_vector_key), sizeof(struct dp_acl_vector) },
	[MAP_ACL_MACS] = { "acl_macs", BPF_MAP_TYPE_HASH, sizeof(struct dp_acl_mac_key), 4 },
	[MAP_ACL_METERS] = { "acl_meters", BPF_MAP_TYPE_PERCPU_HASH, sizeof(struct dp_acl_meter_key), sizeof(struct dp_acl_meter), true },
	[MAP_ACL_FLOWS] = { "acl_flows", BPF_MAP_TYPE_LRU_HASH, sizeof(struct dp_acl_flow_key), sizeof(struct dp_acl_flow) },
	[MAP_CONFIG] = { "config", BPF_MAP_TYPE_ARRAY, 4, sizeof(struct dp_config) },
};

const char *const role_names[BPF_ROLE_COUNT] = {
	[BPF_ROLE_VPORT] = "vport", [BPF_ROLE_UPLINK] = "uplink", [BPF_ROLE_UPLINK_XDP] = "uplink_xdp",
	[BPF_ROLE_VPORT_EGRESS] = "vport_egress",
	[BPF_ROLE_PACER] = "pacer",
};

void pin_path(const struct bpf_driver *d, const char *name, char path[static PIN_PATH_SIZE])
{
	snprintf(path, PIN_PATH_SIZE, "/proc/self/fd/%d/abi%d/%s", d->dirfd, DP_ABI, name);
}

static int print_debug(enum libbpf_print_level level, const char *format, va_list ap)
{
	_cleanup_free_ char *line = NULL;

	if (level == LIBBPF_DEBUG)
		return 0;
	line = xvasprintf(format, ap);
	log_debug("libbpf: %s", line);
	return 0;
}

/* The object of a role, opened; NULL and errno. The program is the only one in it. */
static struct bpf_object *object_open(enum bpf_role role)
{
	const void *elf = NULL;
	size_t size = 0;

	switch (role) {
	case BPF_ROLE_VPORT:
		elf = vport_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_VPORT_EGRESS:
		elf = vport_egress_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_UPLINK:
		elf = uplink_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_UPLINK_XDP:
		elf = uplink_xdp_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_PACER:
		elf = pacer_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_COUNT:
		break;
	}
	return bpf_object__open_mem(elf, size, NULL);
}

/* ---- maps ---- */

static int map_open(struct bpf_driver *d, enum map_id id)
{
	struct bpf_map_info info = { 0 };
	uint32_t size = sizeof(info);
	char path[PIN_PATH_SIZE];
	int fd;

	pin_path(d, maps[id].name, path);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno;
	d->maps[id] = fd;
	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return -errno;
	if (info.type != maps[id].type || info.key_size != maps[id].key_size || info.value_size != maps[id].value_size)
		return -EINVAL;
	d->max_entries[id] = info.max_entries;
	return 0;
}

static void maps_close(struct bpf_driver *d)
{
	for (int i = 0; i < MAP_COUNT; i++) {
		if (d->maps[i] >= 0)
			close(d->maps[i]);
		d->maps[i] = -1;
	}
}

/* All of them or none: a set that is not complete is one that was being made when its maker died. */
static int maps_open(struct bpf_driver *d)
{
	struct dp_config config;
	uint32_t zero = 0;
	int r = 0;

	for (int i = 0; i < MAP_COUNT && r == 0; i++)
		r = map_open(d, i);
	if (r == 0 && (bpf_map_lookup_elem(d->maps[MAP_CONFIG], &zero, &config) != 0 || config.abi != DP_ABI))
		r = -EINVAL;
	if (r != 0)
		maps_close(d);
	return r;
}

/*
 * Tables that are smaller than asked for are made anew, empty; the others stay, and so do counters. The old ones serve the
 * programs that are attached until each attachment has been changed over.
 */
static bool maps_outgrown(struct bpf_driver *d, uint32_t max_records)
{
	static const enum map_id ids[] = { MAP_DESTS, MAP_CAS, MAP_REWRITES, MAP_SOURCES };
	bool outgrown = false;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (d->max_entries[ids[i]] >= max_records)
			continue;
		close(TAKE_FD(d->maps[ids[i]]));
		d->max_entries[ids[i]] = max_records;
		outgrown = true;
	}
	return outgrown;
}

int maps_prepare(struct bpf_driver *d, struct bpf_object *obj, bool own_state)
{
	struct bpf_map *map;

	for (int i = 0; i < MAP_COUNT; i++) {
		map = bpf_object__find_map_by_name(obj, maps[i].name);
		if (!map)
			continue;
		int r = d->maps[i] >= 0 && !(own_state && maps[i].state) ? bpf_map__reuse_fd(map, d->maps[i]) :
					  bpf_map__set_max_entries(map, d->max_entries[i]);
		if (r != 0)
			return r;
	}
	return 0;
}

/* The maps that loading an object created; the next object gets the same ones. */
static int maps_collect(struct bpf_driver *d, struct bpf_object *obj)
{
	struct bpf_map *map;

	for (int i = 0; i < MAP_COUNT; i++) {
		map = bpf_object__find_map_by_name(obj, maps[i].name);
		if (!map || d->maps[i] >= 0)
			continue;
		d->maps[i] = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
		if (d->maps[i] < 0)
			return -errno;
	}
	return 0;
}

static int pin(struct bpf_driver *d, const char *name, int fd)
{
	char path[PIN_PATH_SIZE];

	pin_path(d, name, path);
	if (unlink(path) != 0 && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(fd, path) == 0 ? 0 : -errno;
}

static int maps_pin(struct bpf_driver *d)
{
	struct dp_config config = { 0 };
	uint32_t zero = 0;
	int r;

	/* The generation of a map that was there goes on: programs must not believe again what they noted under a number. */
	if (bpf_map_lookup_elem(d->maps[MAP_CONFIG], &zero, &config) != 0)
		return -errno;
	config.abi = DP_ABI;
	if (bpf_map_update_elem(d->maps[MAP_CONFIG], &zero, &config, BPF_ANY) != 0)
		return -errno;
	for (int i = 0; i < MAP_COUNT; i++) {
		r = pin(d, maps[i].name, d->maps[i]);
		if (r != 0)
			return r;
	}
	return 0;
}

static int maps_map(struct bpf_driver *d)
{
	void *ports = mmap(NULL, d->max_entries[MAP_PORTS] * sizeof(struct dp_port), PROT_READ, MAP_SHARED,
			   d->maps[MAP_PORTS], 0);
	void *nexthops = mmap(NULL, d->max_entries[MAP_NEXTHOPS] * sizeof(struct dp_nexthop), PROT_READ, MAP_SHARED,
			      d->maps[MAP_NEXTHOPS], 0);

	d->ports = ports == MAP_FAILED ? NULL : ports;
	d->nexthops = nexthops == MAP_FAILED ? NULL : nexthops;
	if (!d->ports || !d->nexthops)
		return -ENOMEM;
	d->slots = xcalloc(d->max_entries[MAP_COUNTERS], 1);
	d->slots[0] = 1; /* of uplinks, which are not counted */
	for (uint32_t i = 0; i < d->max_entries[MAP_PORTS]; i++)
		if ((d->ports[i].flags & DP_PORT_PRESENT) && d->ports[i].slot < d->max_entries[MAP_COUNTERS])
			d->slots[d->ports[i].slot] = 1;
	return 0;
}

/* ---- programs ---- */

static int program_info(int fd, uint32_t *ret_id, uint8_t ret_tag[static BPF_TAG_SIZE])
{
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0)
		return -errno;
	*ret_id = info.id;
	memcpy(ret_tag, info.tag, BPF_TAG_SIZE);
	return 0;
}

/*
 * Decides between the program just loaded and the one pinned earlier. The tag is the kernel's hash of the
 * instructions: equal code keeps the old one, so that a restart changes nothing.
 */
static int program_settle(struct bpf_driver *d, enum bpf_role role, int fd, bool maps_are_new)
{
	uint8_t tag[BPF_TAG_SIZE], old_tag[BPF_TAG_SIZE];
	_cleanup_close_ int old = -1;
	char path[PIN_PATH_SIZE];
	uint32_t id = 0, old_id = 0;
	int r;

	pin_path(d, role_names[role], path);
	old = maps_are_new ? -1 : bpf_obj_get(path);
	if (old >= 0 && program_info(old, &old_id, old_tag) != 0)
		close(TAKE_FD(old));
	r = program_info(fd, &id, tag);
	if (r != 0)
		return r;
	if (old >= 0 && memcmp(tag, old_tag, sizeof(tag)) == 0) {
		d->programs[role] = TAKE_FD(old);
		d->program_ids[role] = old_id;
		return 0;
	}
	d->programs[role] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	d->program_ids[role] = id;
	if (d->programs[role] < 0)
		return -errno;
	if (old >= 0)
		r = attachments_replace(d, role, old_id);
	return r != 0 ? r : pin(d, role_names[role], d->programs[role]);
}

static int program_load(struct bpf_driver *d, enum bpf_role role, bool maps_are_new)
{
	struct bpf_object *obj = object_open(role);
	struct bpf_program *program;
	int r;

	if (!obj)
		return -errno;
	r = maps_prepare(d, obj, false);
	if (r == 0)
		r = bpf_object__load(obj);
	if (r == 0)
		r = maps_collect(d, obj);
	program = bpf_object__next_program(obj, NULL);
	if (r == 0)
		r = program ? program_settle(d, role, bpf_program__fd(program), maps_are_new) : -ENOENT;
	bpf_object__close(obj);
	return r;
}

/* ---- open, close, destroy ---- */

/* What maps that are made get; those that are pinned have sizes already. */
static void sizes_wanted(struct bpf_driver *d, const struct bpf_driver_options *opt)
{
	d->max_entries[MAP_PORTS] = DP_MAX_IFINDEX;
	d->max_entries[MAP_DESTS] = opt && opt->max_records ? opt->max_records : 1 << 20;
	d->max_entries[MAP_CAS] = d->max_entries[MAP_DESTS];
	d->max_entries[MAP_NEXTHOPS] = opt && opt->max_nexthops ? opt->max_nexthops : 1 << 14;
	d->max_entries[MAP_PAS] = 1024;
	d->max_entries[MAP_REWRITES] = d->max_entries[MAP_DESTS];
	d->max_entries[MAP_COUNTERS] = 1 + (opt && opt->max_ports ? opt->max_ports : 4096);
	d->max_entries[MAP_LIMITS] = d->max_entries[MAP_COUNTERS];
	d->max_entries[MAP_TRUNKS] = d->max_entries[MAP_COUNTERS];
	d->max_entries[MAP_DROPS] = 1 << 16;
	d->max_entries[MAP_ROUTES] = 1 << 18;
	d->max_entries[MAP_SUBNETS] = 1 << 16;
	d->max_entries[MAP_SOURCES] = d->max_entries[MAP_DESTS];
	d->max_entries[MAP_GROUPS] = 1 << 16;
	d->max_entries[MAP_INNER] = DP_INNER_SEEN;
	d->max_entries[MAP_INNER_PORTS] = 1 << 16;
	d->max_entries[MAP_LEARNT] = 1 << 18;
	d->max_entries[MAP_LEARN_RATES] = d->max_entries[MAP_COUNTERS];
	d->max_entries[MAP_FLOWS] = DP_FLOWS;
	d->max_entries[MAP_WAYS] = DP_WAYS;
	d->max_entries[MAP_ACL_RULES] = 1 << 20;
	d->max_entries[MAP_ACL_SETS] = 1 << 16;
	d->max_entries[MAP_ACL_MATCHES] = 1 << 21;
	d->max_entries[MAP_ACL_VECTORS] = 1 << 20;
	d->max_entries[MAP_ACL_MACS] = 1 << 16;
	d->max_entries[MAP_ACL_METERS] = 1 << 16;
	d->max_entries[MAP_ACL_FLOWS] = opt && opt->max_flows ? opt->max_flows : 1 << 16;
	d->max_entries[MAP_CONFIG] = 1;
}

static struct bpf_driver *driver_new(int dirfd, const struct bpf_driver_options *opt)
{
	struct bpf_driver *d = xcalloc(1, sizeof(*d));

	d->dirfd = dirfd;
	d->clsact = opt && opt->clsact;
	for (int i = 0; i < MAP_COUNT; i++)
		d->maps[i] = -1;
	for (int i = 0; i < BPF_ROLE_COUNT; i++)
		d->programs[i] = -1;
	sizes_wanted(d, opt);
	return d;
}

int bpf_driver_open(int dirfd, const struct bpf_driver_options *opt, struct bpf_driver **ret)
{
	_cleanup_(bpf_driver_closep) struct bpf_driver *d = driver_new(dirfd, opt);
	char path[PIN_PATH_SIZE];
	bool maps_are_new;
	int r;

	libbpf_set_print(print_debug);
	pin_path(d, "", path);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	maps_are_new = maps_open(d) != 0;
	if (maps_are_new)
		sizes_wanted(d, opt);
	else
		maps_are_new = maps_outgrown(d, opt ? opt->max_records : 0);
	/* While pins are replaced they are no whole set, whenever we may be interrupted: programs and maps would not fit. */
	pin_path(d, maps[MAP_CONFIG].name, path);
	if (maps_are_new && unlink(path) != 0 && errno != ENOENT)
		return -errno;
	for (int i = 0; i < BPF_ROLE_COUNT; i++) {
		r = program_load(d, i, maps_are_new);
		if (r != 0)
			return r;
	}
	if (maps_are_new) {
		r = maps_pin(d);
		if (r != 0)
			return r;
	}
	r = maps_map(d);
	if (r != 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

void bpf_driver_close(struct bpf_driver *d)
{
	if (!d)
		return;
	if (d->ports)
		munmap((void *)d->ports, d->max_entries[MAP_PORTS] * sizeof(*d->ports));
	if (d->nexthops)
		munmap((void *)d->nexthops, d->max_entries[MAP_NEXTHOPS] * sizeof(*d->nexthops));
	for (int i = 0; i < BPF_ROLE_COUNT; i++)
		if (d->programs[i] >= 0)
			close(d->programs[i]);
	for (int i = 0; i < BPF_ROLE_COUNT; i++)
		bpf_object__close(d->dry[i]);
	ring_buffer__free(d->learnt);
	maps_close(d);
	free(d->slots);
	free(d);
}

void bpf_driver_destroy(struct bpf_driver *d)
{
	char path[PIN_PATH_SIZE];

	attachments_remove_all(d);
	for (int i = 0; i < MAP_COUNT; i++) {
		pin_path(d, maps[i].name, path);
		unlink(path);
	}
	for (int i = 0; i < BPF_ROLE_COUNT; i++) {
		pin_path(d, role_names[i], path);
		unlink(path);
	}
	pin_path(d, "", path);
	rmdir(path);
	bpf_driver_close(d);
}

uint32_t bpf_driver_max_nexthops(const struct bpf_driver *d)
{
	return d->max_entries[MAP_NEXTHOPS];
}
