/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "acl_kit.h"

/*
 * What rules cost a packet: the port's program by BPF_PROG_TEST_RUN, many times a call, the variants in turn. It is the
 * program alone, without the kernel's way to it and from it, which is several times as much: what a forwarded packet
 * loses is less than this says. Run by hand; the medians are printed.
 */
#define REPEAT 200000
#define ROUNDS 15

static int program(void)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/vport", fixture_pins(), DP_ABI);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static uint32_t measure(int fd, const struct frame *f, int repeat)
{
	struct __sk_buff ctx = { .ifindex = PLAIN };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->n, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	return opts.duration;
}

static int compare(const void *a, const void *b)
{
	return *(const uint32_t *)a < *(const uint32_t *)b ? -1 : 1;
}

static struct dp_acl_rule rules[1000];

static void thousand(bool stateful)
{
	char remote[32];

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		snprintf(remote, sizeof(remote), "10.%zu.%zu.0/24", 100 + i / 256, i % 256);
		rules[i] = extended((struct rule){ .number = (uint32_t)i,
						    .deny = true,
						    .remote = remote,
						    .protocol = IPPROTO_TCP,
						    .remote_port = { (uint16_t)(i + 1), (uint16_t)(i + 500) } });
	}
	rules[ARRAY_SIZE(rules) - 1] = extended((struct rule){ .number = 9, .stateful = stateful });
}

enum { NONE, ALLOWED, SESSION, FIRST, VARIANTS };
static const char *const names[] = { "no rules", "1,000 rules, established flow", "1,000 rules, established session",
				     "1,000 rules, first packet of a flow" };

static uint32_t one(int variant, int fd, struct packet *p)
{
	struct frame f = acl_frame(p, DP_ACL_OUT);
	uint64_t sum = 0;

	if (variant != FIRST)
		return measure(fd, &f, REPEAT);
	/* each from another port */
	for (int i = 0; i < 2000; i++) {
		p->local_port++;
		f = acl_frame(p, DP_ACL_OUT);
		sum += measure(fd, &f, 1);
	}
	return (uint32_t)(sum / 2000);
}

static void rules_cost(void **state _unused_)
{
	struct packet p = { .local = "10.0.0.1",
			    .remote = "10.200.0.1",
			    .protocol = IPPROTO_TCP,
			    .local_port = 1000,
			    .remote_port = 80,
			    .tcp_flags = 0x10,
			    .payload = 20 };
	uint32_t ns[VARIANTS][ROUNDS];
	int fd = program();

	for (int round = 0; round < ROUNDS; round++) {
		for (int v = 0; v < VARIANTS; v++) {
			acl_clear(PLAIN);
			thousand(v == SESSION);
			if (v != NONE)
				acl_set(PLAIN, DP_ACL_OUT, rules, ARRAY_SIZE(rules));
			ns[v][round] = one(v, fd, &p);
		}
	}
	for (int v = 0; v < VARIANTS; v++) {
		qsort(ns[v], ROUNDS, sizeof(ns[v][0]), compare);
		print_message("%-36s %5u ns a packet\n", names[v], ns[v][ROUNDS / 2]);
	}
	acl_clear(PLAIN);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(rules_cost) };

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
