/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <nestor/trace_stage.h>

#include "bpf_driver.h"

/*
 * The tracing build of the programs (bpf/trace.h), on the tables of the dataplane as they are. Either on a made packet, of
 * which nothing remains: no frame leaves, no counter moves. Or in the place of the plain program, for as long as somebody
 * watches real packets; the port is never without a program, and whoever opens the dataplane next puts the plain one back.
 */

/* What BPF_PROG_TEST_RUN takes: more than an Ethernet header, less than a page, with the room that the kernel wants around it. */
#define BPF_TRACE_FRAME_MIN 15
#define BPF_TRACE_FRAME_MAX 3520

struct bpf_frame {
	size_t n;
	uint8_t b[4096];
};

/*
 * Runs the program of a port or an uplink on a frame as it would come in at that device. *ret_out: the frame as it leaves
 * the program. -EINVAL: the frame's length; -ENODEV: no such device in this network namespace.
 */
int bpf_trace_run(struct bpf_driver *d, enum bpf_role role, uint32_t ifindex, const void *frame, size_t n,
		  struct dp_trace *ret, struct bpf_frame *ret_out);

/*
 * Follows the packets at attachments, those that the filter selects. -ENOENT: none of them is attached; -EBUSY: one is
 * being followed by somebody else. An attachment that goes away meanwhile is no error.
 */
struct bpf_live;
int bpf_live_start(struct bpf_driver *d, const struct bpf_attachment *at, size_t n, const struct dp_trace_filter *filter,
		   struct bpf_live **ret);
/* Readable when packets have come; the trace's. */
int bpf_live_fd(const struct bpf_live *l);
/* Calls each() for what has come, until it returns a negative number. */
int bpf_live_read(struct bpf_live *l, int (*each)(void *arg, const struct dp_trace *packet), void *arg);
/* The plain programs are back when it returns. NULL is allowed. */
void bpf_live_stop(struct bpf_live *l);

/* The stage's heading and sentence (trace_stage.h); NULL for a code that is none. */
const char *trace_stage_heading(uint32_t code);
const char *trace_stage_sentence(uint32_t code);
