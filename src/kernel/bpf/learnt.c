/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/libbpf.h>
#include <errno.h>

#include "internal.h"

struct reading {
	struct bpf_learnt_vec *out;
	size_t left;
};

static int on_entry(void *arg, void *entry, size_t size)
{
	struct reading **current = arg;
	struct reading *r = *current;
	struct bpf_learnt one;

	if (learnt_parse(entry, size, &one) == 0)
		vec_push(r->out, one);
	/* the entry is used up in any case; a negative number only ends the reading */
	return --r->left ? 0 : -EAGAIN;
}

static int learnt_open(struct bpf_driver *d)
{
	if (d->learnt)
		return 0;
	d->learnt = ring_buffer__new(d->maps[MAP_LEARNT], on_entry, &d->reading, NULL);
	return d->learnt ? 0 : -errno;
}

int bpf_driver_learnt_fd(struct bpf_driver *d)
{
	int r = learnt_open(d);

	return r < 0 ? r : ring_buffer__epoll_fd(d->learnt);
}

int bpf_driver_read_learnt(struct bpf_driver *d, size_t most, struct bpf_learnt_vec *out)
{
	struct reading reading = { .out = out, .left = most };
	int r = learnt_open(d);

	if (r < 0 || !most)
		return r;
	d->reading = &reading;
	r = ring_buffer__consume(d->learnt);
	d->reading = NULL;
	return r < 0 && r != -EAGAIN ? r : 0;
}
