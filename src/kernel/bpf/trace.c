/* SPDX-License-Identifier: Apache-2.0 */
#include "bpf_trace.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>

#include "internal.h"

#include "uplink_trace.skel.h"
#include "uplink_xdp_trace.skel.h"
#include "vport_trace.skel.h"

static const struct {
	const char *heading, *sentence;
} stages[DP_TRACE_MAX] = {
#define STAGE(code, name, heading, sentence) [code] = { heading, sentence },
	NESTOR_TRACE_STAGES(STAGE)
#undef STAGE
};

const char *trace_stage_heading(uint32_t code)
{
	return code < DP_TRACE_MAX ? stages[code].heading : NULL;
}

const char *trace_stage_sentence(uint32_t code)
{
	return code < DP_TRACE_MAX ? stages[code].sentence : NULL;
}

/* ---- a program ---- */

static struct bpf_object *object_open(enum bpf_role role)
{
	const void *elf = NULL;
	size_t size = 0;

	switch (role) {
	case BPF_ROLE_VPORT:
		elf = vport_trace_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_UPLINK:
		elf = uplink_trace_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_UPLINK_XDP:
		elf = uplink_xdp_trace_bpf__elf_bytes(&size);
		break;
	case BPF_ROLE_VPORT_EGRESS: /* behind the bridge, where tracing ends */
	case BPF_ROLE_PACER: /* decides nothing */
	case BPF_ROLE_COUNT:
		break;
	}
	return bpf_object__open_mem(elf, size, NULL);
}

static int set_options(struct bpf_object *obj, const struct dp_trace_options *options)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata.trace");
	struct bpf_map *ring = bpf_object__find_map_by_name(obj, "trace_ring");

	if (!map || !ring)
		return 0; /* XDP: it only steps aside */
	/* a made packet is read before the next one is made */
	if (options->dry && bpf_map__set_max_entries(ring, 4096) != 0)
		return -EINVAL;
	return bpf_map__set_initial_value(map, options, sizeof(*options));
}

static int load(struct bpf_driver *d, enum bpf_role role, const struct dp_trace_options *options, struct bpf_object **ret)
{
	struct bpf_object *obj = object_open(role);
	int r;

	if (!obj)
		return -errno;
	r = maps_prepare(d, obj, options->dry);
	if (r == 0)
		r = set_options(obj, options);
	if (r == 0)
		r = bpf_object__load(obj);
	if (r != 0) {
		bpf_object__close(obj);
		return r;
	}
	*ret = obj;
	return 0;
}

static int program_of(struct bpf_object *obj)
{
	return bpf_program__fd(bpf_object__next_program(obj, NULL));
}

static int ring_of(struct bpf_object *obj)
{
	return bpf_object__find_map_fd_by_name(obj, "trace_ring");
}

/* ---- made packets ---- */

static int take_packet(void *arg, void *data, size_t size)
{
	struct dp_trace *packet = arg;

	if (size < sizeof(*packet))
		return -EIO;
	memcpy(packet, data, sizeof(*packet));
	return 0;
}

static int run(struct bpf_object *obj, uint32_t ifindex, const void *frame, size_t n, struct bpf_frame *out)
{
	struct __sk_buff ctx = { .ifindex = ifindex };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)n, .data_out = out->b,
		    .data_size_out = sizeof(out->b), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r = bpf_prog_test_run_opts(program_of(obj), &opts);

	if (r != 0)
		return -errno;
	out->n = opts.data_size_out;
	return 0;
}

/* A made packet meets the port's limits as they are now, and what it adds is its own affair. */
static int copy_limits(const struct bpf_driver *d, const struct bpf_object *obj, uint32_t ifindex)
{
	int fd = bpf_object__find_map_fd_by_name(obj, "limits");
	uint32_t slot = ifindex < d->max_entries[MAP_PORTS] ? d->ports[ifindex].slot : 0;
	struct dp_limit limit;

	if (fd < 0)
		return 0; /* the program of uplinks has none */
	if (bpf_map_lookup_elem(d->maps[MAP_LIMITS], &slot, &limit) != 0)
		return -errno;
	return bpf_map_update_elem(fd, &slot, &limit, BPF_ANY) == 0 ? 0 : -errno;
}

int bpf_trace_run(struct bpf_driver *d, enum bpf_role role, uint32_t ifindex, const void *frame, size_t n,
		  struct dp_trace *ret, struct bpf_frame *ret_out)
{
	static const struct dp_trace_options options = { .dry = 1 };
	struct dp_trace packet = { 0 };
	struct bpf_frame out;
	struct ring_buffer *ring;
	int r;

	if (n < BPF_TRACE_FRAME_MIN || n > BPF_TRACE_FRAME_MAX)
		return -EINVAL;
	if (!d->dry[role]) {
		r = load(d, role, &options, &d->dry[role]);
		if (r != 0)
			return r;
	}
	r = copy_limits(d, d->dry[role], ifindex);
	if (r != 0)
		return r;
	ring = ring_buffer__new(ring_of(d->dry[role]), take_packet, &packet, NULL);
	if (!ring)
		return -errno;
	r = run(d->dry[role], ifindex, frame, n, &out);
	if (r == 0)
		r = ring_buffer__consume(ring);
	ring_buffer__free(ring);
	if (r < 0)
		return r;
	if (r != 1)
		return -EIO;
	*ret = packet;
	memcpy(ret_out->b, out.b, out.n);
	ret_out->n = out.n;
	return 0;
}

/* ---- real packets ---- */

struct bpf_live {
	struct bpf_driver *driver;
	struct bpf_live *next;
	struct bpf_object *objects[BPF_ROLE_COUNT];
	uint32_t program_ids[BPF_ROLE_COUNT];
	struct bpf_attachment_vec at;
	struct ring_buffer *ring;
	int (*each)(void *arg, const struct dp_trace *packet);
	void *arg;
};

bool live_runs(const struct bpf_driver *d, uint32_t ifindex, enum bpf_role role, uint32_t program_id)
{
	for (const struct bpf_live *l = d->lives; l; l = l->next)
		vec_foreach(&l->at, a)
			if (a->ifindex == ifindex && a->role == role && (!program_id || l->program_ids[role] == program_id))
				return true;
	return false;
}

static int pass_packet(void *arg, void *data, size_t size)
{
	struct bpf_live *l = arg;
	struct dp_trace packet;

	if (size < sizeof(packet))
		return 0;
	memcpy(&packet, data, sizeof(packet));
	return l->each(l->arg, &packet);
}

static int live_load(struct bpf_live *l, enum bpf_role role, const struct dp_trace_filter *filter)
{
	struct dp_trace_options options = { .filter = *filter };
	struct bpf_prog_info info = { 0 };
	uint32_t size = sizeof(info);
	int r, fd;

	if (l->objects[role])
		return 0;
	r = load(l->driver, role, &options, &l->objects[role]);
	if (r != 0)
		return r;
	if (bpf_obj_get_info_by_fd(program_of(l->objects[role]), &info, &size) != 0)
		return -errno;
	l->program_ids[role] = info.id;
	fd = ring_of(l->objects[role]);
	if (fd < 0)
		return 0;
	if (l->ring)
		return ring_buffer__add(l->ring, fd, pass_packet, l);
	l->ring = ring_buffer__new(fd, pass_packet, l, NULL);
	return l->ring ? 0 : -errno;
}

/* XDP steps aside last: what it left as it came needs the TC program that notes things. */
static int live_attach(struct bpf_live *l, const struct bpf_attachment *at, size_t n)
{
	size_t done = 0;
	int r = 0;

	for (int role = 0; role < BPF_ROLE_COUNT && r == 0; role++) {
		for (size_t i = 0; i < n && r == 0; i++) {
			if ((int)at[i].role != role)
				continue;
			vec_push(&l->at, at[i]);
			r = attachment_swap(l->driver, at[i].ifindex, at[i].role, program_of(l->objects[role]));
			if (r == 0)
				done++;
			else
				l->at.n--;
			if (r == -ENOENT || r == -ENODEV)
				r = 0;
		}
	}
	return r == 0 && !done ? -ENOENT : r;
}

int bpf_live_start(struct bpf_driver *d, const struct bpf_attachment *at, size_t n, const struct dp_trace_filter *filter,
		   struct bpf_live **ret)
{
	struct bpf_live *l;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		if (live_runs(d, at[i].ifindex, at[i].role, 0))
			return -EBUSY;
	l = xcalloc(1, sizeof(*l));
	l->driver = d;
	l->next = d->lives;
	d->lives = l;
	for (size_t i = 0; i < n && r == 0; i++)
		r = live_load(l, at[i].role, filter);
	if (r == 0)
		r = live_attach(l, at, n);
	if (r != 0) {
		bpf_live_stop(l);
		return r;
	}
	*ret = l;
	return 0;
}

int bpf_live_fd(const struct bpf_live *l)
{
	return ring_buffer__epoll_fd(l->ring);
}

int bpf_live_read(struct bpf_live *l, int (*each)(void *arg, const struct dp_trace *packet), void *arg)
{
	int r;

	l->each = each;
	l->arg = arg;
	r = ring_buffer__consume(l->ring);
	return r < 0 ? r : 0;
}

void bpf_live_stop(struct bpf_live *l)
{
	if (!l)
		return;
	for (struct bpf_live **p = &l->driver->lives; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			break;
		}
	}
	for (int role = BPF_ROLE_COUNT - 1; role >= 0; role--)
		if (l->program_ids[role])
			attachments_replace(l->driver, role, l->program_ids[role]);
	ring_buffer__free(l->ring);
	for (int role = 0; role < BPF_ROLE_COUNT; role++)
		bpf_object__close(l->objects[role]);
	vec_done(&l->at);
	free(l);
}
