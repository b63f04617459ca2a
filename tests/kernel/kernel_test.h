/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link.h"
#include "vec.h"

/* Every test has network namespaces of its own, and the thread is in the first of them. */
struct world {
	int netns;        /* where the test is */
	int other_netns;  /* another one, empty */
	struct nl *nl;    /* in netns */
	struct nl *other; /* in other_netns */
};

int world_setup(void **state);
int world_teardown(void **state);

#define assert_ok(call)                                                                     \
	do {                                                                                \
		int _r = (call);                                                            \
		if (_r < 0)                                                                 \
			fail_msg("%s: %s", #call, strerror(-_r));                           \
	} while (0)
#define assert_error(call, error) assert_int_equal(call, -(error))

struct mac test_mac(const char *text);
struct ip test_ip(const char *text);

/* A link as the test wants it: kind, name and alias set. */
struct link test_link(const char *kind, const char *name);
/* Adds it and returns it as the kernel has it. */
struct link test_link_add(struct nl *nl, const struct link *l);
struct link test_link_get(struct nl *nl, const char *name);
/* An up bridge; an up veth whose peer is up in the other namespace. */
struct link test_bridge(struct world *w, const char *name);
struct link test_veth(struct world *w, const char *name, const char *peer_name);

int run_link_tests(void);
int run_network_tests(void);
