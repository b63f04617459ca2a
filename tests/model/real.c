/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "adapter_wants.h"
/* The engine from inside: a pass of which only the dataplane's step runs, on devices made here. */
#include "internal.h"
#include "switch_wants.h"

struct real {
	struct engine engine;
	int programs[BPF_ROLE_COUNT];
	uint32_t xdp_ifindex;
};

static void shell(const char *format, ...) _printf_(1, 2);
static void shell(const char *format, ...)
{
	_cleanup_free_ char *command = NULL;
	va_list ap;

	va_start(ap, format);
	command = xvasprintf(format, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* ---- devices ---- */

bool facts_neighbour(const struct ip *ip, struct mac *ret)
{
	struct ip net6 = UNDERLAY6(ip->b[7] & 1, ip->b[15] & 0x3e);
	uint32_t a = ntohl(ip_v4(ip));

	if (ip_is_v4(ip) ? (a & ~0x13fu) != UNDERLAY(0, 0) || a & 1 : !ip_equal(ip, &net6))
		return false;
	*ret = (struct mac) { { 2, 0xff, ip_is_v4(ip) ? 4 : 6, 0, ip_is_v4(ip) ? ip->b[14] : ip->b[7], ip->b[15] } };
	return true;
}

static uint32_t index_of(struct nl *nl, const char *name)
{
	struct link l;

	assert_int_equal(link_get_by_name(nl, name, &l), 0);
	return (uint32_t)l.ifindex;
}

static void make_adapters(struct host_facts *f, struct nl *nl)
{
	char name[16];

	for (uint32_t i = 0; i < ADAPTERS; i++) {
		f->adapters[i] = (struct guid) { { (uint8_t)(i + 1), 3, 7 } };
		shell("ip link add %s up type bridge mcast_snooping 0", adapter_port_name(&f->adapters[i], name));
		f->port[i] = index_of(nl, name);
	}
}

/*
 * Neighbours of a bridge: the addresses that facts_neighbour() knows, of all nets that provider addresses are taken from.
 * With GRO on, the first NIC gets the XDP program, too.
 */
static void make_switches(struct host_facts *f, struct nl *nl)
{
	char name[16], text[MAC_TEXT_SIZE];
	struct mac mac;

	for (uint32_t i = 0; i < SWITCHES; i++) {
		f->switches[i] = (struct guid) { { (uint8_t)(i + 1), 1, 7 } };
		shell("ip link add %s up type bridge mcast_snooping 0", switch_bridge_name(&f->switches[i], name));
		f->bridge[i] = index_of(nl, name);
		for (uint32_t at = 0; at < 4 * 64; at++) {
			struct ip v6 = UNDERLAY6(at / 64 - 2, at % 64);
			struct ip ip = at < 2 * 64 ? ip_from_v4(htonl(UNDERLAY(at / 64, at % 64))) : v6;
			struct neigh n = { .ifindex = (int)f->bridge[i], .ip = ip, .state = NEIGH_PERMANENT };

			if (facts_neighbour(&ip, &n.mac))
				assert_int_equal(neigh_apply(nl, CHANGE_ADD, NULL, &n), 0);
		}
	}
	for (uint32_t i = 0; i < NICS; i++) {
		struct nic *nic = &f->nics[i];

		*nic = (struct nic) { .mac = { { 2, 0xee, 0, 0, 0, (uint8_t)i } }, .mtu = 1500 - 100 * i };
		snprintf(nic->name, sizeof(nic->name), "eth%u", i + 1);
		mac = nic->mac;
		shell("ip link add %s address %s mtu %u up type veth peer name peer%u", nic->name,
		      mac_format_colons(&mac, text), nic->mtu, i);
		shell("ip link set peer%u up", i);
		if (i == 0)
			shell("ethtool -K %s gro on", nic->name);
		nic->ifindex = index_of(nl, nic->name);
	}
}

static void open_programs(struct real *r)
{
	static const char *const names[] = { "vport", "uplink", "uplink_xdp" };
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/abi%d/%s", r->engine.bpffs, DP_ABI, names[i]);
		r->programs[i] = bpf_obj_get(path);
		assert_true(r->programs[i] >= 0);
	}
}

struct real *real_open(struct host_facts *ret_facts)
{
	struct bpf_driver_options options = { .max_records = 10000, .max_nexthops = 256, .max_ports = 64 };
	struct real *r = xcalloc(1, sizeof(*r));
	cpu_set_t one;

	/* What programs keep per CPU is to be met again. */
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	/* all of it goes with the process: nothing of it has a name outside */
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_int_equal(mount("bpf", "/mnt", "bpf", 0, "mode=0700"), 0);
	assert_int_equal(mount("tmpfs", REAL_TMP, "tmpfs", 0, "mode=0700"), 0);
	r->engine.bpffs = open("/mnt", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(r->engine.bpffs >= 0);
	assert_int_equal(nl_open(&r->engine.nl), 0);
	assert_int_equal(bpf_driver_open(r->engine.bpffs, &options, &r->engine.bpf), 0);
	r->engine.config.instance = "0badcafe";
	r->engine.no_xdp = map_new();
	r->engine.records = records_new(&dataplane_records_ops);
	open_programs(r);
	make_adapters(ret_facts, r->engine.nl);
	make_switches(ret_facts, r->engine.nl);
	return r;
}

void real_close(struct real *r)
{
	for (int i = 0; i < BPF_ROLE_COUNT; i++)
		if (r->programs[i])
			close(r->programs[i]);
	bpf_driver_destroy(r->engine.bpf);
	nl_close(r->engine.nl);
	map_free(r->engine.no_xdp);
	records_free(r->engine.records);
	close(r->engine.bpffs);
	free(r);
}

/* ---- policy ---- */

static uint64_t pass(struct real *r, struct docs *d)
{
	struct pass p = { .g = &r->engine, .by_name = map_new(), .vports = map_new() };
	uint64_t writes;

	switch_wants(d, &p.switches);
	adapter_wants(d, &p.ports);
	netvirt_wants(d, &p.netvirt);
	assert_int_equal(pass_observe_links(&p), 0);
	step_dataplane(&p);
	if (p.first)
		fail_msg("%s", p.first->message);
	writes = p.writes;
	vec_done(&p.switches);
	vec_done(&p.ports);
	netvirt_wants_done(&p.netvirt);
	vec_done(&p.links);
	map_free(p.by_name);
	map_free(p.vports);
	return writes;
}

/* The NIC where the XDP program is attached; 0: none. */
static uint32_t find_xdp(struct real *r)
{
	struct bpf_attachment_vec all = { 0 };
	uint32_t found = 0;

	assert_int_equal(bpf_driver_observe_attachments(r->engine.bpf, &all), 0);
	vec_foreach (&all, a)
		if (a->role == BPF_ROLE_UPLINK_XDP)
			found = a->ifindex;
	vec_done(&all);
	return found;
}

void real_load(struct real *r, struct docs *d)
{
	r->engine.config.docs = d;
	/* Other documents than before, of which nobody told it the changes. */
	records_compare_all(r->engine.records);
	pass(r, d);
	records_compare_all(r->engine.records);
	assert_int_equal(pass(r, d), 0);
	r->xdp_ifindex = find_xdp(r);
}

/* ---- packets ---- */

static void run(struct real *r, enum bpf_role role, uint32_t ifindex, const struct frame *in, struct real_result *ret)
{
	struct __sk_buff ctx = { .ifindex = ifindex, .gso_size = in->gso_size, .gso_segs = in->gso_segs };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->b, .data_size_in = (uint32_t)in->n, .data_out = ret->out.b,
		    .data_size_out = sizeof(ret->out.b), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(r->programs[role], &opts) != 0)
		fail_msg("a frame of %zu bytes at interface %u, gso %u: %m", in->n, ifindex, in->gso_size);
	ret->verdict = ctx.cb[DP_CB_VERDICT];
	ret->detail = ctx.cb[DP_CB_DETAIL];
	ret->action = (int)opts.retval;
	ret->out.n = opts.data_size_out;
}

void real_from_guest(struct real *r, uint32_t ifindex, const struct frame *in, struct real_result *ret)
{
	ret->early = false;
	run(r, BPF_ROLE_VPORT, ifindex, in, ret);
}

/*
 * True when the XDP program took the headers off. Then the TC program only delivers by the metadata, which no test run can
 * give it: tests/packet and tests/netns have that part.
 */
static bool run_xdp(struct real *r, uint32_t ifindex, const struct frame *in, struct real_result *ret)
{
	struct xdp_md ctx = { .data_end = (uint32_t)in->n, .ingress_ifindex = ifindex };
	uint8_t out[FRAME_MAX + 64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->b, .data_size_in = (uint32_t)in->n, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .ctx_out = &ctx,
		    .ctx_size_out = sizeof(ctx), .repeat = 1);
	uint32_t meta[3];

	if (bpf_prog_test_run_opts(r->programs[BPF_ROLE_UPLINK_XDP], &opts) != 0)
		fail_msg("a frame of %zu bytes at the XDP of interface %u: %m", in->n, ifindex);
	assert_int_equal(opts.retval, 2); /* XDP_PASS */
	assert_int_equal(ctx.data, sizeof(meta));
	memcpy(meta, out, sizeof(meta));
	ret->out.n = opts.data_size_out - sizeof(meta);
	memcpy(ret->out.b, out + sizeof(meta), ret->out.n);
	if (!meta[0]) {
		assert_int_equal(ret->out.n, in->n);
		assert_memory_equal(ret->out.b, in->b, in->n);
		return false;
	}
	/* no bridge would take it before the TC program has delivered it */
	assert_true(ret->out.b[6] & 1);
	ret->out.b[6] &= 0xfe;
	ret->segment = meta[1];
	ret->detail = meta[2];
	return true;
}

void real_from_wire(struct real *r, uint32_t ifindex, const struct frame *in, struct real_result *ret)
{
	/* The XDP program never meets a large segment. */
	ret->early = ifindex == r->xdp_ifindex && !in->gso_size && run_xdp(r, ifindex, in, ret);
	if (!ret->early)
		run(r, BPF_ROLE_UPLINK, ifindex, in, ret);
}

void real_drops(struct real *r, struct bpf_drop_vec *ret)
{
	assert_int_equal(bpf_driver_read_drops(r->engine.bpf, ret), 0);
}

bool real_counters(struct real *r, uint32_t ifindex, struct dp_counters *ret)
{
	return bpf_driver_read_counters(r->engine.bpf, ifindex, ret) == 0;
}
