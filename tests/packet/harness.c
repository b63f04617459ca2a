/* SPDX-License-Identifier: Apache-2.0 */
#include "harness.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#define PA_HERE "214.214.51.42"
#define PA_HERE2 "214.214.51.44"
#define PA_PEER "214.214.51.43"

static struct {
	int dirfd;
	int programs[BPF_ROLE_COUNT];
	struct bpf_driver *driver;
} fixture;

struct bpf_driver *fixture_driver(void)
{
	return fixture.driver;
}

struct bpf_port port_of(uint32_t ifindex)
{
	struct bpf_port_vec all = { 0 };
	struct bpf_port found = { 0 };

	assert_int_equal(bpf_driver_observe_ports(fixture_driver(), &all), 0);
	vec_foreach(&all, p)
		if (p->ifindex == ifindex)
			found = *p;
	vec_done(&all);
	assert_int_equal(found.ifindex, ifindex);
	return found;
}

int fixture_pins(void)
{
	return fixture.dirfd;
}

union dp_addr addr(const char *text)
{
	union dp_addr a = { 0 };

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, &a), 1);
	} else {
		a.w[2] = htonl(0xffff);
		assert_int_equal(inet_pton(AF_INET, text, &a.w[3]), 1);
	}
	return a;
}

void mac_of(uint8_t to[6], uint8_t last)
{
	memset(to, 0, 5);
	to[5] = last;
}

static void add_port(uint32_t ifindex, uint32_t segment, uint32_t vsid, uint8_t mac, const char *ca, uint32_t flags)
{
	struct bpf_port p = { .ifindex = ifindex, .value = { .flags = flags, .segment = segment, .vsid = vsid } };

	mac_of(p.value.mac, mac);
	if (ca)
		p.value.addr4[0] = addr(ca).w[3];
	if (flags & DP_PORT_POLICY)
		p.value.src_pa4 = addr(PA_HERE).w[3];
	if (segment == SEGMENT_LAB)
		p.value.flood_next = ifindex == LAB3 ? LAB1 : ifindex + 1;
	assert_int_equal(bpf_driver_set_port(fixture.driver, &p), 0);
}

static void add_dest(uint32_t segment, uint8_t mac, struct dp_dest value, const char *pa, const char *ca)
{
	struct bpf_dest d = { .key.segment = segment, .value = value };

	mac_of(d.key.mac, mac);
	if (pa)
		d.value.pa = addr(pa);
	if (ca)
		d.value.ca4 = addr(ca).w[3];
	assert_int_equal(bpf_driver_set_dests(fixture.driver, &d, 1), 0);
}

static struct dp_dest here(uint32_t port, uint8_t flags)
{
	return (struct dp_dest){ .kind = DP_DEST_LOCAL, .target = port, .flags = flags };
}

static struct dp_dest there(uint32_t nexthop, uint8_t flags)
{
	return (struct dp_dest){ .kind = DP_DEST_REMOTE, .target = nexthop, .flags = flags };
}

static void add_record(uint32_t vsid, uint8_t mac, const char *ca, uint32_t port, uint32_t nexthop)
{
	const char *pa = port ? PA_HERE : PA_PEER;
	struct bpf_ca c = { .key = { .segment = vsid, .ca = addr(ca) }, .value = { .pa = addr(pa) } };

	mac_of(c.value.mac, mac);
	c.value.flags = port ? DP_CA_LOCAL : 0;
	assert_int_equal(bpf_driver_set_cas(fixture.driver, &c, 1), 0);
	add_dest(vsid, mac, port ? here(port, 0) : there(nexthop, 0), pa, ca);
}

static void add_nexthop(uint32_t index, uint32_t flags, const char *pa, uint16_t mtu)
{
	struct bpf_nexthop n = { .index = index, .value = { .flags = flags, .ifindex = UPLINK, .neigh_ifindex = BRIDGE,
							    .mtu = mtu, .pa = addr(pa),
							    .encap = strchr(pa, ':') ? DP_ENCAP_NVGRE6 : DP_ENCAP_NVGRE4 } };

	mac_of(n.value.dst_mac, 0xb2);
	mac_of(n.value.src_mac, 0xb1);
	assert_int_equal(bpf_driver_set_nexthop(fixture.driver, &n), 0);
}

static void add_uplink(void)
{
	struct bpf_port p = { .ifindex = UPLINK, .value.flags = DP_PORT_UPLINK | DP_PORT_MORE_CA };
	struct bpf_pa pa = { .key = addr(PA_HERE2), .value.ifindex = BRIDGE };

	p.value.addr4[0] = addr(PA_HERE).w[3];
	assert_int_equal(bpf_driver_set_port(fixture.driver, &p), 0);
	assert_int_equal(bpf_driver_set_pa(fixture.driver, &pa), 0);
}

static void add_policy(void)
{
	struct bpf_ca router = {
		.key = { .segment = 5010, .ca = addr("10.10.10.1") }, .value.flags = DP_CA_ROUTER | DP_CA_LOCAL,
	};

	add_nexthop(NH_PEER, DP_NEXTHOP_RESOLVED, PA_PEER, 0);
	add_nexthop(NH_UNRESOLVED, 0, PA_PEER, 0);
	add_nexthop(NH_NO_FLOWID, DP_NEXTHOP_RESOLVED | DP_NEXTHOP_NO_FLOWID, PA_PEER, 0);
	add_nexthop(NH_V6, DP_NEXTHOP_RESOLVED, "fd00::43", 0);
	add_nexthop(NH_SMALL, DP_NEXTHOP_RESOLVED, PA_PEER, 1000);
	add_record(5010, 0x11, "10.10.10.11", BLUE1, 0);
	add_record(5010, 0x13, "10.10.10.13", BLUE3, 0);
	add_record(5010, 0x51, "10.10.10.51", HOST, 0);
	add_record(5010, 0x12, "10.10.10.12", 0, NH_PEER);
	add_record(5010, 0x14, "10.10.10.14", 0, NH_UNRESOLVED);
	add_record(5010, 0x15, "10.10.10.15", 0, NH_NO_FLOWID);
	add_record(5010, 0x16, "10.10.10.16", 0, NH_V6);
	add_record(5010, 0x17, "10.10.10.17", 0, NH_SMALL);
	add_record(5010, 0x18, "10.10.10.18", 0, NH_ABSENT);
	/* a second address of blue2, which its destination entry does not tell */
	add_record(5010, 0x12, "10.10.10.112", 0, NH_PEER);
	add_dest(5010, 0x12, there(NH_PEER, 0), PA_PEER, "10.10.10.12");
	add_dest(5010, 0x61, here(WILD, DP_DEST_ANY_CA), PA_HERE, NULL);
	add_dest(5010, 0x62, there(NH_PEER, DP_DEST_ANY_CA), PA_PEER, NULL);
	/* records that went out of step with the ports */
	add_dest(5010, 0x71, here(RED1, 0), PA_HERE, NULL);
	add_dest(5010, 0x72, here(NOT_A_PORT, 0), PA_HERE, NULL);
	mac_of(router.value.mac, 0x01);
	assert_int_equal(bpf_driver_set_cas(fixture.driver, &router, 1), 0);
	add_record(5011, 0x21, "10.10.10.11", RED1, 0);
	add_record(5011, 0x22, "10.10.10.12", 0, NH_PEER);
}

static void add_ports(void)
{
	add_port(BLUE1, 5010, 5010, 0x11, "10.10.10.11", DP_PORT_POLICY | DP_PORT_PEER);
	add_port(BLUE3, 5010, 5010, 0x13, "10.10.10.13", DP_PORT_POLICY);
	add_port(HOST, 5010, 5010, 0x50, "10.10.10.50", DP_PORT_POLICY | DP_PORT_SPOOFING | DP_PORT_PEER);
	add_port(WILD, 5010, 5010, 0x61, NULL, DP_PORT_POLICY | DP_PORT_ANY_CA);
	add_port(RED1, 5011, 5011, 0x21, "10.10.10.11", DP_PORT_POLICY | DP_PORT_PEER);
	for (uint32_t i = LAB1; i <= LAB3; i++) {
		add_port(i, SEGMENT_LAB, 5020, i - LAB1 + 0x31, NULL, 0);
		add_dest(SEGMENT_LAB, i - LAB1 + 0x31, here(i, 0), NULL, NULL);
	}
	add_port(PLAIN, 0, 0, 0x41, NULL, 0);
	add_port(OPEN, 0, 0, 0x42, NULL, DP_PORT_SPOOFING);
}

static void add_device(uint32_t ifindex)
{
	char command[128];

	snprintf(command, sizeof(command), "ip link add name d%u index %u up type bridge mcast_snooping 0", ifindex,
		 ifindex);
	assert_int_equal(system(command), 0);
}

static void open_programs(void)
{
	static const char *const names[] = { "vport", "uplink", "uplink_xdp", "vport_egress", "pacer" };
	char path[128];

	for (int i = 0; i < BPF_ROLE_COUNT; i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/%s", fixture.dirfd, DP_ABI, names[i]);
		fixture.programs[i] = bpf_obj_get(path);
		assert_true(fixture.programs[i] >= 0);
	}
}

int fixture_up(void **state _unused_)
{
	static const uint32_t devices[] = { BLUE1, BLUE3, RED1, LAB1, LAB2, LAB3, PLAIN, OPEN, HOST, WILD,
					    UPLINK, BRIDGE, NOT_A_PORT };
	struct bpf_driver_options options = { .max_records = 1000, .max_nexthops = 16, .max_ports = 16, .max_flows = 32768 };

	/* all of it goes with the process: nothing of it has a name outside */
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("bpf", "/mnt", "bpf", 0, "mode=0700"), 0);
	fixture.dirfd = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fixture.dirfd >= 0);
	assert_int_equal(bpf_driver_open(fixture.dirfd, &options, &fixture.driver), 0);
	open_programs();
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		add_device(devices[i]);
	add_ports();
	add_policy();
	add_uplink();
	return 0;
}

int fixture_down(void **state _unused_)
{
	for (int i = 0; i < BPF_ROLE_COUNT; i++)
		close(fixture.programs[i]);
	bpf_driver_destroy(fixture.driver);
	close(fixture.dirfd);
	return 0;
}

struct result run_times(enum bpf_role role, uint32_t ifindex, const struct frame *f, struct meta meta, int times)
{
	struct result r = { 0 };
	struct __sk_buff ctx = { .ifindex = ifindex, .gso_size = meta.gso_size, .gso_segs = meta.gso_segs,
				  .mark = meta.mark };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->n, .data_out = r.out.b,
		    .data_size_out = sizeof(r.out.b), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = times);
	int error = bpf_prog_test_run_opts(fixture.programs[role], &opts);

	assert_int_equal(error, 0);
	r.verdict = ctx.cb[DP_CB_VERDICT];
	r.detail = ctx.cb[DP_CB_DETAIL];
	r.rule = ctx.cb[DP_CB_RULE];
	r.action = (int)opts.retval;
	r.mark = ctx.mark;
	r.priority = ctx.priority;
	r.out.n = opts.data_size_out;
	return r;
}

struct result run_meta(enum bpf_role role, uint32_t ifindex, const struct frame *f, struct meta meta)
{
	return run_times(role, ifindex, f, meta, 1);
}

struct result run(enum bpf_role role, uint32_t ifindex, const struct frame *f)
{
	return run_meta(role, ifindex, f, (struct meta){ 0 });
}

struct xdp_result run_xdp(uint32_t ifindex, const struct frame *f)
{
	struct xdp_result r = { 0 };
	struct xdp_md ctx = { .data_end = f->n, .ingress_ifindex = ifindex };
	uint8_t out[FRAME_MAX + sizeof(r.meta)];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = f->b, .data_size_in = f->n, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(fixture.programs[BPF_ROLE_UPLINK_XDP], &opts), 0);
	r.action = (int)opts.retval;
	r.meta_n = ctx.data;
	assert_true(r.meta_n <= sizeof(r.meta));
	memcpy(r.meta, out, r.meta_n);
	frame_add(&r.out, out + r.meta_n, opts.data_size_out - r.meta_n);
	return r;
}

uint64_t drops(uint32_t ifindex, enum dp_drop_reason reason)
{
	struct bpf_drop_vec all = { 0 };
	uint64_t packets = 0;

	assert_int_equal(bpf_driver_read_drops(fixture.driver, &all), 0);
	vec_foreach(&all, it)
		if (it->ifindex == ifindex && it->reason == reason)
			packets += it->packets;
	vec_done(&all);
	return packets;
}

void expect_drop(enum bpf_role role, uint32_t ifindex, const struct frame *f, enum dp_drop_reason reason)
{
	uint64_t before = drops(ifindex, reason);
	struct result r = run(role, ifindex, f);

	if (r.verdict != DP_VERDICT_DROP || r.detail != reason)
		print_error("wanted drop %s, got verdict %u, detail %u (%s), %zu bytes\n", drop_reason_name(reason), r.verdict,
			    r.detail, drop_reason_name(r.detail) ? drop_reason_name(r.detail) : "", f->n);
	assert_int_equal(r.verdict, DP_VERDICT_DROP);
	assert_int_equal(r.detail, reason);
	assert_int_equal(r.action, 2); /* TC_ACT_SHOT */
	assert_int_equal(drops(ifindex, reason), before + 1);
}

void expect_pass(enum bpf_role role, uint32_t ifindex, const struct frame *f)
{
	struct result r = run(role, ifindex, f);

	assert_int_equal(r.verdict, DP_VERDICT_PASS);
	assert_int_equal(r.action, 0); /* TC_ACT_OK */
	assert_frame(&r.out, f);
}
