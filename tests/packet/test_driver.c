/* SPDX-License-Identifier: Apache-2.0 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpffs.h"
#include "harness.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)
#define ABI "abi" TEXT(DP_ABI)

static const struct bpf_driver_options small = { .max_records = 20000, .max_nexthops = 16, .max_ports = 3 };

/* A dataplane of its own, beside the fixture's: several live on one kernel. */
static int second_dir(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/second", fixture_pins());
	if (mkdir(path, 0700) != 0)
		assert_int_equal(errno, EEXIST);
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static struct bpf_driver *second(int dirfd)
{
	struct bpf_driver *d = NULL;

	assert_int_equal(bpf_driver_open(dirfd, &small, &d), 0);
	return d;
}

static int pin_open(int dirfd, const char *name)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	return fd;
}

/* The kernel's id of a pinned object: the first is the type for links, else the id is second in all of them. */
static uint32_t pin_id(int dirfd, const char *name)
{
	_cleanup_close_ int fd = pin_open(dirfd, name);
	uint32_t info[64] = { 0 }, size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, info, &size), 0);
	return info[1];
}

static uint32_t link_program(int dirfd, const char *name)
{
	_cleanup_close_ int fd = pin_open(dirfd, name);
	struct bpf_link_info info = { 0 };
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	return info.prog_id;
}

static size_t attachments(struct bpf_driver *d)
{
	struct bpf_attachment_vec v = { 0 };
	size_t n;

	assert_int_equal(bpf_driver_observe_attachments(d, &v), 0);
	n = v.n;
	vec_done(&v);
	return n;
}

static void shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void reopen_changes_nothing(void **state _unused_)
{
	static const char *const pins[] = { ABI "/vport", ABI "/uplink", ABI "/uplink_xdp", ABI "/ports", ABI "/dests",
					    ABI "/cas", ABI "/nexthops", ABI "/pas", ABI "/counters", ABI "/drops", ABI "/rewrites", ABI "/routes",
					    ABI "/subnets", ABI "/sources", ABI "/config", "link-vport-13" };
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);
	uint32_t before[ARRAY_SIZE(pins)];
	struct bpf_port port = { .ifindex = BLUE3, .value = { .segment = 5010, .vsid = 5010, .mac = { 2, 1, 2, 3, 4, 5 } } };
	struct bpf_port_vec ports = { 0 };
	uint64_t generation = 0;

	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_attach(d, BLUE3, BPF_ROLE_VPORT), 0);
	assert_int_equal(bpf_driver_set_generation(d, 1234567890123), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++)
		before[i] = pin_id(dir, pins[i]);
	bpf_driver_close(d);
	d = second(dir);
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++)
		assert_int_equal(pin_id(dir, pins[i]), before[i]);
	assert_int_equal(attachments(d), 1);
	assert_int_equal(bpf_driver_get_generation(d, &generation), 0);
	assert_true(generation == 1234567890123);
	assert_int_equal(bpf_driver_observe_ports(d, &ports), 0);
	assert_int_equal(ports.n, 1);
	port.value.flags |= DP_PORT_PRESENT;
	assert_int_equal(ports.items[0].ifindex, BLUE3);
	assert_memory_equal(&ports.items[0].value, &port.value, sizeof(port.value));
	vec_done(&ports);
	bpf_driver_destroy(d);
}

/* What kernels before tcx get. */
static void attach_by_clsact(void **state _unused_)
{
	const struct bpf_driver_options options = { .max_records = 1000, .clsact = true };
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = NULL;
	uint32_t before;

	assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
	shell("ip link add name t900 index 900 type bridge");
	assert_int_equal(bpf_driver_attach(d, 901, BPF_ROLE_VPORT), -ENODEV);
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(attachments(d), 1);
	before = pin_id(dir, "tc-vport-900");
	bpf_driver_close(d);
	assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
	assert_int_equal(attachments(d), 1);
	assert_int_equal(pin_id(dir, "tc-vport-900"), before);
	shell("tc filter show dev t900 ingress | grep -q nestor_vport");
	assert_int_equal(bpf_driver_detach(d, 900, BPF_ROLE_VPORT), 0);
	shell("! tc filter show dev t900 ingress | grep -q nestor_vport");
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_UPLINK), 0);
	shell("ip link del t900");
	assert_int_equal(attachments(d), 0);
	bpf_driver_destroy(d);
}

/* Both directions of a port, each its own attachment, whatever they are attached by. */
static void attach_egress(void **state _unused_)
{
	for (int clsact = 0; clsact < 2; clsact++) {
		const struct bpf_driver_options options = { .max_records = 1000, .clsact = clsact };
		_cleanup_close_ int dir = second_dir();
		struct bpf_driver *d = NULL;

		assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
		shell("ip link add name t903 index 903 type bridge");
		assert_int_equal(bpf_driver_attach(d, 903, BPF_ROLE_VPORT), 0);
		assert_int_equal(bpf_driver_attach(d, 903, BPF_ROLE_VPORT_EGRESS), 0);
		assert_int_equal(bpf_driver_attach(d, 903, BPF_ROLE_VPORT_EGRESS), 0);
		assert_int_equal(attachments(d), 2);
		if (clsact)
			shell("tc filter show dev t903 egress | grep -q nestor_vport_eg");
		else
			assert_int_equal(link_program(dir, "link-vport_egress-903"), pin_id(dir, ABI "/vport_egress"));
		bpf_driver_close(d);
		assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
		assert_int_equal(attachments(d), 2);
		assert_int_equal(bpf_driver_detach(d, 903, BPF_ROLE_VPORT_EGRESS), 0);
		assert_int_equal(attachments(d), 1);
		shell("! tc filter show dev t903 egress | grep -q nestor_vport");
		shell("ip link del t903");
		bpf_driver_destroy(d);
	}
}

/* The XDP program is a third attachment, beside the TC program of the same uplink. */
static void attach_xdp(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);

	shell("ip link add name t900 index 900 type veth peer name u900");
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_UPLINK), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_UPLINK_XDP), 0);
	assert_int_equal(attachments(d), 2);
	bpf_driver_close(d);
	d = second(dir);
	assert_int_equal(attachments(d), 2);
	assert_int_equal(bpf_driver_detach(d, 900, BPF_ROLE_UPLINK_XDP), 0);
	assert_int_equal(attachments(d), 1);
	shell("ip link del t900");
	/* a bridge has no native XDP */
	assert_int_equal(bpf_driver_attach(d, BRIDGE, BPF_ROLE_UPLINK_XDP), -EOPNOTSUPP);
	bpf_driver_destroy(d);
}

/* Other code under the same ABI: the attachment changes over, the entries stay. */
static void upgrade_keeps_entries(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);
	struct bpf_nexthop nexthop = { .index = 3, .value = { .ifindex = UPLINK, .mtu = 1458 } };
	struct bpf_nexthop_vec nexthops = { 0 };
	char path[96];
	uint32_t old;

	assert_int_equal(bpf_driver_set_nexthop(d, &nexthop), 0);
	assert_int_equal(bpf_driver_attach(d, BLUE3, BPF_ROLE_VPORT), 0);
	bpf_driver_close(d);
	/* as if an earlier version had left it so: the other role's code stands for the old code */
	{
		_cleanup_close_ int other = pin_open(dir, ABI "/uplink"), link = pin_open(dir, "link-vport-13");

		assert_int_equal(bpf_link_update(link, other, NULL), 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d/" ABI "/vport", dir);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(bpf_obj_pin(other, path), 0);
	}
	old = pin_id(dir, ABI "/vport");
	d = second(dir);
	assert_int_not_equal(pin_id(dir, ABI "/vport"), old);
	assert_int_equal(link_program(dir, "link-vport-13"), pin_id(dir, ABI "/vport"));
	assert_int_equal(attachments(d), 1);
	assert_int_equal(bpf_driver_observe_nexthops(d, &nexthops), 0);
	assert_int_equal(nexthops.n, 1);
	assert_int_equal(nexthops.items[0].value.mtu, 1458);
	vec_done(&nexthops);
	bpf_driver_destroy(d);
}

/* A set of maps that is not whole is made anew; attachments of the old programs wait for attach. */
static void half_made_is_made_anew(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);
	char path[96];

	assert_int_equal(bpf_driver_attach(d, BLUE3, BPF_ROLE_VPORT), 0);
	bpf_driver_close(d);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/" ABI "/config", dir);
	assert_int_equal(unlink(path), 0);
	d = second(dir);
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_attach(d, BLUE3, BPF_ROLE_VPORT), 0);
	assert_int_equal(attachments(d), 1);
	bpf_driver_destroy(d);
}

static void attach_and_detach(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);

	shell("ip link add name t900 index 900 type bridge");
	assert_int_equal(bpf_driver_attach(d, 901, BPF_ROLE_VPORT), -ENODEV);
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_UPLINK), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_UPLINK), 0);
	assert_int_equal(attachments(d), 1);
	assert_int_equal(bpf_driver_detach(d, 900, BPF_ROLE_VPORT), -ENOENT);
	assert_int_equal(bpf_driver_detach(d, 900, BPF_ROLE_UPLINK), 0);
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_detach(d, 900, BPF_ROLE_UPLINK), -ENOENT);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	shell("ip link del t900");
	assert_int_equal(attachments(d), 0);
	/* another device by the same number */
	shell("ip link add name t900 index 900 type bridge");
	assert_int_equal(attachments(d), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(attachments(d), 1);
	shell("ip link del t900");
	/* unobserved leftovers are no obstacle either */
	shell("ip link add name t900 index 900 type bridge");
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(attachments(d), 1);
	shell("ip link del t900");
	bpf_driver_destroy(d);
}

static struct bpf_dest dest_of(uint32_t i)
{
	return (struct bpf_dest){
		.key = { .segment = 5000 + i % 7, .mac = { 2, 0, i >> 24, i >> 16 & 0xff, i >> 8 & 0xff, i & 0xff } },
		.value = { .kind = DP_DEST_REMOTE, .target = i },
	};
}

static void records_in_batches(void **state _unused_)
{
	enum { N = 10000 };
	_cleanup_close_ int dir = second_dir();
	_cleanup_free_ struct bpf_dest *items = xcalloc(N, sizeof(*items));
	_cleanup_free_ struct dp_dest_key *keys = xcalloc(N, sizeof(*keys));
	struct bpf_driver *d = second(dir);
	struct bpf_dest_vec found = { 0 };
	bool seen[N] = { false };

	for (uint32_t i = 0; i < N; i++) {
		items[i] = dest_of(i);
		keys[i] = items[i].key;
	}
	assert_int_equal(bpf_driver_set_dests(d, items, N), 0);
	assert_int_equal(bpf_driver_set_dests(d, items, 3), 0);
	assert_int_equal(bpf_driver_observe_dests(d, &found), 0);
	assert_int_equal(found.n, N);
	vec_foreach(&found, it) {
		struct bpf_dest want = dest_of(it->value.target);

		assert_false(seen[it->value.target]);
		seen[it->value.target] = true;
		assert_memory_equal(&it->key, &want.key, sizeof(want.key));
		assert_memory_equal(&it->value, &want.value, sizeof(want.value));
	}
	vec_done(&found);
	/* one in the middle is missing: the rest goes all the same */
	assert_int_equal(bpf_driver_delete_dests(d, &keys[500], 1), 0);
	assert_int_equal(bpf_driver_delete_dests(d, keys, N - 2), -ENOENT);
	assert_int_equal(bpf_driver_observe_dests(d, &found), 0);
	assert_int_equal(found.n, 2);
	vec_done(&found);
	assert_int_equal(bpf_driver_delete_dests(d, &keys[N - 2], 2), 0);
	assert_int_equal(bpf_driver_delete_dests(d, &keys[N - 2], 1), -ENOENT);
	bpf_driver_destroy(d);
}

static int count_entry(void *arg, const void *key, const void *value)
{
	const struct dp_source_key *k = key;

	assert_int_equal(((const struct dp_source *)value)->router_mac[0], k->domain[0]);
	++*(size_t *)arg;
	return 0;
}

/* The large tables without vectors: keys and values by themselves. */
static void tables_by_key(void **state _unused_)
{
	enum { N = 5000 };
	_cleanup_close_ int dir = second_dir();
	_cleanup_free_ struct dp_source_key *keys = xcalloc(N, sizeof(*keys));
	_cleanup_free_ struct dp_source *values = xcalloc(N, sizeof(*values));
	struct bpf_driver *d = second(dir);
	struct dp_source found = { 0 };
	uint64_t before, after;
	size_t n = 0;

	for (uint32_t i = 0; i < N; i++) {
		keys[i] = (struct dp_source_key){ .domain = { (uint8_t)i }, .ca.w = { i } };
		values[i].router_mac[0] = (uint8_t)i;
	}
	assert_int_equal(bpf_driver_get_generation(d, &before), 0);
	assert_int_equal(bpf_driver_set(d, BPF_TABLE_SOURCES, keys, values, N), 0);
	assert_int_equal(bpf_driver_get_generation(d, &after), 0);
	assert_true(after > before);
	assert_int_equal(bpf_driver_set(d, BPF_TABLE_SOURCES, keys, values, 2), 0);
	assert_int_equal(bpf_driver_walk(d, BPF_TABLE_SOURCES, count_entry, &n), 0);
	assert_int_equal(n, N);
	assert_int_equal(bpf_driver_get(d, BPF_TABLE_SOURCES, &keys[77], &found), 0);
	assert_memory_equal(&found, &values[77], sizeof(found));
	assert_int_equal(bpf_driver_delete(d, BPF_TABLE_SOURCES, &keys[77], 1), 0);
	assert_int_equal(bpf_driver_get(d, BPF_TABLE_SOURCES, &keys[77], &found), -ENOENT);
	assert_int_equal(bpf_driver_delete(d, BPF_TABLE_SOURCES, keys, N), -ENOENT);
	n = 0;
	assert_int_equal(bpf_driver_walk(d, BPF_TABLE_SOURCES, count_entry, &n), 0);
	assert_int_equal(n, 0);
	bpf_driver_destroy(d);
}

static size_t tables_entries(struct bpf_driver *d)
{
	struct bpf_dest_vec found = { 0 };
	size_t n;

	assert_int_equal(bpf_driver_observe_dests(d, &found), 0);
	n = found.n;
	vec_done(&found);
	return n;
}

/* Fills the table of MAC addresses; the number of entries that it takes. */
static uint32_t room(struct bpf_driver *d)
{
	for (uint32_t i = 0;; i++) {
		struct bpf_dest dest = dest_of(i);
		int r = bpf_driver_set_dests(d, &dest, 1);

		if (r == 0)
			continue;
		assert_int_equal(r, -E2BIG);
		return i;
	}
}

/*
 * More records than the tables have room for: tables anew and empty, the rest as it was, and what is attached goes on with the
 * old program and the old tables until it is attached again. Fewer: they stay as they are.
 */
static void tables_grow(void **state _unused_)
{
	struct bpf_driver_options options = { .max_records = 1000 };
	_cleanup_close_ int dir = second_dir();
	struct bpf_port port = { .ifindex = 900, .value = { .flags = DP_PORT_PRESENT } };
	struct bpf_port_vec ports = { 0 };
	struct bpf_driver *d = NULL;
	uint64_t generation = 0, later = 0;
	uint32_t program, ports_pin;

	shell("ip link add name t900 index 900 type bridge");
	assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
	assert_int_equal(room(d), 1000);
	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(bpf_driver_get_generation(d, &generation), 0);
	program = link_program(dir, "link-vport-900");
	ports_pin = pin_id(dir, ABI "/ports");
	bpf_driver_close(d);

	for (options.max_records = 0; options.max_records <= 1000; options.max_records += 500) {
		assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
		assert_int_equal(tables_entries(d), 1000);
		assert_int_equal(attachments(d), 1);
		bpf_driver_close(d);
	}
	options.max_records = 1500;
	assert_int_equal(bpf_driver_open(dir, &options, &d), 0);
	assert_int_equal(tables_entries(d), 0);
	assert_int_equal(bpf_driver_observe_ports(d, &ports), 0);
	assert_int_equal(ports.n, 1);
	vec_done(&ports);
	assert_int_equal(pin_id(dir, ABI "/ports"), ports_pin);
	assert_int_equal(bpf_driver_get_generation(d, &later), 0);
	assert_true(later >= generation);
	assert_int_equal(attachments(d), 0);
	assert_int_equal(link_program(dir, "link-vport-900"), program);
	assert_int_equal(room(d), 1500);
	assert_int_equal(bpf_driver_attach(d, 900, BPF_ROLE_VPORT), 0);
	assert_int_equal(attachments(d), 1);
	assert_int_not_equal(link_program(dir, "link-vport-900"), program);
	bpf_driver_close(d);
	/* From now on these are the ones. */
	assert_int_equal(bpf_driver_open(dir, NULL, &d), 0);
	assert_int_equal(tables_entries(d), 1500);
	assert_int_equal(attachments(d), 1);
	shell("ip link del t900");
	bpf_driver_destroy(d);
}

static void cas_and_pas(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);
	struct bpf_ca ca = {
		.key = { .segment = 5010, .ca.w = { 0, 0, 0xffff0000, 0x0c0a0a0a } },
		.value.mac = { 2, 0, 0, 0, 0, 1 },
	};
	struct bpf_pa pa = { .key.w = { 0, 0, 0xffff0000, 0x01020304 }, .value.ifindex = 7 };
	struct bpf_ca_vec cas = { 0 };
	struct bpf_pa_vec pas = { 0 };

	assert_int_equal(bpf_driver_set_cas(d, &ca, 1), 0);
	assert_int_equal(bpf_driver_set_pa(d, &pa), 0);
	assert_int_equal(bpf_driver_observe_cas(d, &cas), 0);
	assert_int_equal(cas.n, 1);
	assert_memory_equal(&cas.items[0].key, &ca.key, sizeof(ca.key));
	assert_memory_equal(&cas.items[0].value, &ca.value, sizeof(ca.value));
	assert_int_equal(bpf_driver_observe_pas(d, &pas), 0);
	assert_int_equal(pas.n, 1);
	assert_memory_equal(pas.items, &pa, sizeof(pa));
	vec_done(&cas);
	vec_done(&pas);
	assert_int_equal(bpf_driver_delete_cas(d, &ca.key, 1), 0);
	assert_int_equal(bpf_driver_delete_pa(d, &pa.key), 0);
	assert_int_equal(bpf_driver_delete_pa(d, &pa.key), -ENOENT);
	bpf_driver_destroy(d);
}

static void limits(void **state _unused_)
{
	_cleanup_close_ int dir = second_dir();
	struct bpf_driver *d = second(dir);
	struct bpf_port port = { .ifindex = 0 }, uplink = { .ifindex = 99, .value.flags = DP_PORT_UPLINK };
	struct bpf_nexthop nexthop = { .index = bpf_driver_max_nexthops(d) };

	assert_int_equal(bpf_driver_set_port(d, &port), -ERANGE);
	port.ifindex = DP_MAX_IFINDEX;
	assert_int_equal(bpf_driver_set_port(d, &port), -ERANGE);
	for (port.ifindex = 1; port.ifindex <= small.max_ports; port.ifindex++)
		assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_set_port(d, &port), -ENOSPC);
	assert_int_equal(bpf_driver_set_port(d, &uplink), 0);
	port.ifindex = 2;
	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_delete_port(d, 2), 0);
	assert_int_equal(bpf_driver_delete_port(d, 2), -ENOENT);
	port.ifindex = DP_MAX_IFINDEX - 1;
	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_set_nexthop(d, &nexthop), -ERANGE);
	assert_int_equal(bpf_driver_delete_nexthop(d, 0), -ENOENT);
	bpf_driver_destroy(d);
}

/* A port that is removed and comes again, or another by its number, starts to count at 0. */
static void counters_start_at_zero(void **state _unused_)
{
	struct ip4 p = { .dst_mac = 0x12, .src_mac = 0x11, .dst = "10.10.10.12", .src = "10.10.10.11" };
	struct bpf_driver *d = fixture_driver();
	struct bpf_port_vec ports = { 0 };
	struct dp_counters c = { 0 };
	struct bpf_port port = { 0 };
	struct frame f = frame_ip4(p);

	run(BPF_ROLE_VPORT, BLUE1, &f);
	p.dst_mac = 0x99;
	f = frame_ip4(p);
	expect_drop(BPF_ROLE_VPORT, BLUE1, &f, DP_DROP_DESTINATION_NOT_IN_POLICY);
	assert_int_equal(bpf_driver_observe_ports(d, &ports), 0);
	vec_foreach(&ports, it)
		if (it->ifindex == BLUE1)
			port = *it;
	vec_done(&ports);
	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_read_counters(d, BLUE1, &c), 0);
	assert_true(c.sent_packets > 0);
	assert_int_equal(bpf_driver_delete_port(d, BLUE1), 0);
	assert_int_equal(bpf_driver_read_counters(d, BLUE1, &c), -ENOENT);
	assert_int_equal(drops(BLUE1, DP_DROP_DESTINATION_NOT_IN_POLICY), 0);
	assert_int_equal(bpf_driver_set_port(d, &port), 0);
	assert_int_equal(bpf_driver_read_counters(d, BLUE1, &c), 0);
	assert_int_equal(c.sent_packets, 0);
	assert_int_equal(drops(BLUE1, DP_DROP_DESTINATION_NOT_IN_POLICY), 0);
}

static void reasons_are_named(void **state _unused_)
{
	assert_string_equal(drop_reason_name(DP_DROP_VSID_RESERVED), "VSID_RESERVED");
	assert_string_equal(drop_reason_rule(DP_DROP_VSID_RESERVED), "WG-3");
	assert_non_null(strstr(drop_reason_sentence(DP_DROP_VSID_RESERVED), "reserved"));
	assert_null(drop_reason_name(DP_DROP_NONE));
	assert_null(drop_reason_name(DP_DROP_MAX));
	assert_null(drop_reason_sentence(DP_DROP_MAX + 1000));
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

/*
 * From a namespace of its own, as under `ip netns exec`: the mount must be in one that lasts, PID 1's or at least that
 * of the caller's parent, and is reached through the descriptor.
 */
static void bpffs(void **state _unused_)
{
	char dir[] = "/tmp/nestor-test-XXXXXX", path[96], init[128], parent[128];
	int fd = -1, again = -1;
	struct statfs fs;

	assert_non_null(mkdtemp(dir));
	assert_int_equal(bpffs_open("relative", &fd), -EINVAL);
	assert_int_equal(bpffs_open(dir, &fd), 0);
	assert_int_equal(fstatfs(fd, &fs), 0);
	assert_int_equal(fs.f_type, BPF_FS_MAGIC);
	assert_int_equal(bpffs_open(dir, &again), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/entry", fd);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/entry", again);
	assert_int_equal(access(path, F_OK), 0);
	close(again);
	snprintf(path, sizeof(path), "%s/bpf", dir);
	snprintf(init, sizeof(init), "/proc/1/root%s/bpf", dir);
	snprintf(parent, sizeof(parent), "/proc/%d/root%s/bpf", (int)getppid(), dir);
	assert_true(is_bpffs(init) || is_bpffs(parent));
	assert_false(is_bpffs(path));
	close(fd);
	assert_int_equal(bpffs_remove(dir), 0);
	assert_int_equal(bpffs_remove(dir), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reopen_changes_nothing), cmocka_unit_test(upgrade_keeps_entries),
		cmocka_unit_test(half_made_is_made_anew), cmocka_unit_test(attach_and_detach),
		cmocka_unit_test(attach_xdp), cmocka_unit_test(attach_by_clsact), cmocka_unit_test(attach_egress),
		cmocka_unit_test(records_in_batches), cmocka_unit_test(tables_by_key), cmocka_unit_test(tables_grow),
		cmocka_unit_test(cas_and_pas), cmocka_unit_test(limits),
		cmocka_unit_test(counters_start_at_zero), cmocka_unit_test(reasons_are_named), cmocka_unit_test(bpffs),
	};

	return cmocka_run_group_tests(tests, fixture_up, fixture_down);
}
