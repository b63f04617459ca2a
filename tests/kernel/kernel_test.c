/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_test.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

static int netns_open(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

int world_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	w->other_netns = netns_open();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	w->netns = netns_open();
	assert_ok(nl_open(&w->nl));
	assert_ok(nl_open_in(w->other_netns, &w->other));
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	nl_close(w->nl);
	nl_close(w->other);
	close(w->netns);
	close(w->other_netns);
	free(w);
	return 0;
}

struct mac test_mac(const char *text)
{
	struct mac m;

	assert_ok(mac_parse(text, &m));
	return m;
}

struct ip test_ip(const char *text)
{
	struct ip ip;

	assert_ok(ip_parse(text, &ip));
	return ip;
}

struct link test_link(const char *kind, const char *name)
{
	struct link l = link_empty();

	snprintf(l.kind, sizeof(l.kind), "%s", kind);
	snprintf(l.name, sizeof(l.name), "%s", name);
	snprintf(l.alias, sizeof(l.alias), "nestor:0123abcd:test:%s", name);
	return l;
}

struct link test_link_get(struct nl *nl, const char *name)
{
	struct link l;

	assert_ok(link_get_by_name(nl, name, &l));
	return l;
}

struct link test_link_add(struct nl *nl, const struct link *l)
{
	assert_ok(link_apply(nl, CHANGE_ADD, NULL, l));
	return test_link_get(nl, l->name);
}

struct link test_bridge(struct world *w, const char *name)
{
	struct link l = test_link("bridge", name);

	l.up = true;
	return test_link_add(w->nl, &l);
}

struct link test_veth(struct world *w, const char *name, const char *peer_name)
{
	struct link l = test_link("veth", name), there, peer;

	l.up = true;
	l.peer.netns_fd = w->other_netns;
	snprintf(l.peer.name, sizeof(l.peer.name), "%s", peer_name);
	there = test_link_add(w->nl, &l);
	peer = test_link_get(w->other, peer_name);
	l = peer;
	l.up = true;
	assert_ok(link_apply(w->other, CHANGE_MODIFY, &peer, &l));
	return there;
}

int main(void)
{
	return run_link_tests() + run_network_tests();
}
