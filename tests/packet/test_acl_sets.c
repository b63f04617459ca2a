/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "acl_kit.h"

/* Rule sets as the driver keeps them: whole or not at all, found again, gone without a trace. */

static int map_fd(const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/%s", fixture_pins(), DP_ABI, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

static size_t entries(const char *name)
{
	_cleanup_close_ int fd = map_fd(name);
	uint8_t key[64], next[64];
	size_t n = 0;

	while (bpf_map_get_next_key(fd, n ? key : NULL, next) == 0) {
		memcpy(key, next, sizeof(key));
		n++;
	}
	return n;
}

static const char *const tables[] = { "acl_rules", "acl_sets", "acl_matches", "acl_vectors", "acl_macs" };

static void expect_empty(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		assert_int_equal(entries(tables[i]), 0);
}

/* Rules of every kind, each another. */
static size_t many(struct dp_acl_rule *rules, size_t n)
{
	char remote[32];

	rules[0] = meter_rule(1, ANY, "10.0.0.0/8");
	rules[1] = basic(RULE_DENY, 2, "10.0.0.1/32", ANY);
	rules[2] = basic(RULE_ALLOW, 3, ANY, "fd00::/8");
	for (size_t i = 3; i < n - 2; i++) {
		snprintf(remote, sizeof(remote), "10.%zu.%zu.0/24", i / 256, i % 256);
		rules[i] = extended((struct rule){ .number = (uint32_t)(60000 - i),
						    .deny = i % 2,
						    .remote = remote,
						    .protocol = IPPROTO_TCP,
						    .remote_port = { (uint16_t)i, (uint16_t)(i * 7 + 1) } });
	}
	rules[n - 2] = mac_rule(RULE_DENY, 4, 0x41, 0);
	rules[n - 1] = mac_rule(RULE_ALLOW, 5, 0, 0);
	return n;
}

static uint32_t add(const struct dp_acl_rule *rules, size_t n)
{
	uint32_t id = 0;

	assert_int_equal(bpf_driver_add_acl_set(fixture_driver(), rules, n, &id), 0);
	return id;
}

static void expect_sets(size_t n, const struct dp_acl_rule *rules, size_t n_rules, bool complete)
{
	struct bpf_acl_set_vec all = { 0 };

	assert_int_equal(bpf_driver_observe_acl_sets(fixture_driver(), &all), 0);
	assert_int_equal(all.n, n);
	vec_foreach (&all, s) {
		assert_int_equal(s->complete, complete);
		assert_int_equal(s->n, n_rules);
		assert_memory_equal(s->rules, rules, n_rules * sizeof(*rules));
	}
	bpf_acl_sets_done(&all);
}

static void delete_all(void)
{
	struct bpf_acl_set_vec all = { 0 };

	assert_int_equal(bpf_driver_observe_acl_sets(fixture_driver(), &all), 0);
	vec_foreach (&all, s)
		assert_int_equal(bpf_driver_delete_acl_set(fixture_driver(), s), 0);
	bpf_acl_sets_done(&all);
}

static void found_again_and_gone(void **state _unused_)
{
	struct dp_acl_rule rules[1000];
	size_t n = many(rules, ARRAY_SIZE(rules));
	uint32_t first = add(rules, n), second = add(rules, n);

	assert_int_not_equal(first, second);
	expect_sets(2, rules, n, true);
	delete_all();
	expect_empty();
	/* a number is used once: what was found out under it may still be remembered */
	assert_int_not_equal(add(rules, 1), first);
	delete_all();
	assert_int_not_equal(add(rules, 1), second);
	delete_all();
	expect_empty();
}

/* The maker of a set died: before its last entry, or amid the deletion. */
static void left_unfinished(void **state _unused_)
{
	struct dp_acl_rule rules[100];
	size_t n = many(rules, ARRAY_SIZE(rules));
	uint32_t id = add(rules, n);
	struct dp_acl_rule_key key = { id, DP_ACL_RULES };
	int fd = map_fd("acl_sets");

	assert_int_equal(bpf_map_delete_elem(fd, &id), 0);
	close(fd);
	expect_sets(1, rules, n, false);
	fd = map_fd("acl_rules");
	assert_int_equal(bpf_map_delete_elem(fd, &key), 0);
	close(fd);
	delete_all();
	assert_int_equal(entries("acl_rules"), 0);
	assert_int_equal(entries("acl_matches"), 0);
}

static void too_many(void **state _unused_)
{
	struct dp_acl_rule *rules = xcalloc(DP_ACL_RULES + 1, sizeof(*rules));
	uint32_t id = 0;

	for (size_t i = 0; i <= DP_ACL_RULES; i++)
		rules[i] = extended((struct rule){ .number = (uint32_t)i });
	assert_int_equal(bpf_driver_add_acl_set(fixture_driver(), rules, DP_ACL_RULES + 1, &id), -E2BIG);
	/* a section begins at a multiple of 64 */
	rules[0] = basic(RULE_ALLOW, 1, ANY, ANY);
	assert_int_equal(bpf_driver_add_acl_set(fixture_driver(), rules, DP_ACL_RULES, &id), -E2BIG);
	assert_int_equal(id, 0);
	add(rules, DP_ACL_RULES - 63);
	delete_all();
	free(rules);
}

/* The last of as many rules as there can be. */
static void the_last_rule(void **state _unused_)
{
	struct dp_acl_rule *rules = xcalloc(DP_ACL_RULES, sizeof(*rules));
	struct packet p = { .local = "10.0.0.1", .remote = "10.9.9.9", .protocol = IPPROTO_TCP, .remote_port = 80 };
	struct frame f = acl_frame(&p, DP_ACL_OUT);

	for (size_t i = 0; i < DP_ACL_RULES; i++)
		rules[i] = extended((struct rule){ .number = (uint32_t)i, .remote = "10.8.0.0/16" });
	rules[DP_ACL_RULES - 1] = extended((struct rule){ .number = 77, .remote = "10.9.9.9", .deny = true });
	acl_set(PLAIN, DP_ACL_OUT, rules, DP_ACL_RULES);
	expect_acl_drop(PLAIN, DP_ACL_OUT, &f, DP_DROP_EXTENDED_ACL_OUTBOUND);
	assert_int_equal(acl_last_rule(), 77);
	acl_clear(PLAIN);
	free(rules);
}

static void meters_are_kept(void **state _unused_)
{
	struct dp_acl_meter_key key = { PLAIN, 5 };
	struct bpf_acl_meter_vec all = { 0 };
	struct dp_acl_meter m;

	assert_int_equal(bpf_driver_read_acl_meter(fixture_driver(), &key, &m), -ENOENT);
	assert_int_equal(bpf_driver_add_acl_meter(fixture_driver(), &key), 0);
	assert_int_equal(bpf_driver_add_acl_meter(fixture_driver(), &key), 0);
	assert_int_equal(bpf_driver_observe_acl_meters(fixture_driver(), &all), 0);
	assert_int_equal(all.n, 1);
	assert_memory_equal(&all.items[0].key, &key, sizeof(key));
	assert_int_equal(bpf_driver_delete_acl_meter(fixture_driver(), &key), 0);
	assert_int_equal(bpf_driver_delete_acl_meter(fixture_driver(), &key), -ENOENT);
	vec_done(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_again_and_gone), cmocka_unit_test(left_unfinished), cmocka_unit_test(too_many),
		cmocka_unit_test(the_last_rule),	cmocka_unit_test(meters_are_kept),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
