/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>

#include "model.h"
#include "netadapter.h"
#include "netvirt_rules.h"
#include "switch.h"
#include "vm.h"

/*
 * Two tenants with the same addresses in several virtual subnets each, and virtual subnets of other kinds. What the
 * rules of the cmdlets refuse is left out, so that the rest is what a host can have.
 */
static const struct subnet_plan {
	uint32_t vsid;
	uint8_t tenant; /* 0: no routing domain */
	uint8_t net;	/* 10.0.NET.0/24 */
} plans[] = {
	{ 5000, 1, 0 }, { 5001, 1, 1 }, { 5002, 1, 2 }, { 6000, 2, 0 },
	{ 6001, 2, 1 }, { 7000, 0, 7 }, { 7001, 0, 8 }, { 7002, 3, 9 },
};
enum { UNPOLICIED = 6, ROUTE_ONLY = 7, MACHINES = 8, PEERS = 4, LOCAL_PAS = 6 };

struct maker {
	struct docs *docs;
	const struct host_facts *facts;
	bool v6[ARRAY_SIZE(plans)];	  /* by plan: most of its provider addresses are IPv6 */
	bool vxlan;			  /* there is that rule at all */
	uint32_t next_local, next_remote; /* provider addresses of IP rewrite: each is used once */
};

static void put(struct maker *x, const struct doc_kind *kind, const void *doc)
{
	docs_put(x->docs, kind, doc_copy(kind, doc));
}

static struct ip address(uint32_t host_order)
{
	return ip_from_v4(htonl(host_order));
}

static uint32_t ca_of(const struct subnet_plan *s, uint32_t host)
{
	return 0x0a000000 | (uint32_t)s->net << 8 | host;
}

static struct mac machine_mac(uint32_t n)
{
	return (struct mac) { { 2, 0, 0, 0, 0, (uint8_t)n } };
}

static struct guid domain(const struct subnet_plan *s)
{
	return (struct guid) { { 0x11, 0x22, [15] = s->tenant } };
}

static void try_provider_address(struct maker *x, const struct provider_address_doc *p)
{
	struct err *e = NULL;

	if (provider_address_check(x->docs, p, &e) == 0)
		put(x, &provider_address_kind, p);
	err_free(e);
}

static void make_host(struct maker *x)
{
	static const char *const names[] = { "s1", "s2", "s3" };

	for (uint32_t i = 0; i < SWITCHES; i++) {
		struct switch_doc s = { .id = x->facts->switches[i], .name = (char *)names[i], .number = i + 1 };
		struct binding_doc b = { s.nic, (char *)"ms_netwnv" };

		if (i < NICS && !one_in(16))
			s.nic = (char *)x->facts->nics[i].name;
		put(x, &switch_kind, &s);
		b.nic = s.nic;
		if (s.nic && !one_in(16))
			put(x, &binding_kind, &b);
	}
	for (uint32_t nic = 0; nic < NICS; nic++)
		for (uint32_t i = one_in(4) ? 1 + dice(LOCAL_PAS) : LOCAL_PAS; i; i--) {
			struct provider_address_doc p = { .pa = address(UNDERLAY(nic, i)),
							  .nic = (char *)x->facts->nics[nic].name,
							  .prefix_len = 26 };

			put(x, &provider_address_kind, &p);
			p.pa = (struct ip)UNDERLAY6(nic, i);
			p.prefix_len = 64;
			try_provider_address(x, &p);
		}
}

/* A different metric each: what is equal in all is decided by nothing that matters. */
static void make_provider_routes(struct maker *x)
{
	static const struct {
		uint32_t net;
		unsigned len;
	} nets[] = { { 0xc0000900, 24 }, { 0xc0000900, 24 }, { 0xc0000980, 25 },
		     { 0xc0000800, 24 }, { 0xc0000000, 24 }, { 0, 0 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(nets); i++) {
		uint32_t nic = dice(NICS);
		struct provider_route_doc r = { .nic = (char *)x->facts->nics[nic].name,
						.metric = i + 1,
						.next_hop = address(UNDERLAY(nic, UNDERLAY_ROUTER - dice(2))) };
		struct ip ip = address(nets[i].net);

		if (one_in(3) || (nets[i].len == 0 && !one_in(6)))
			continue;
		if (one_in(4))
			r.next_hop = address(0);
		assert_int_equal(prefix_from(&ip, nets[i].len, &r.prefix), 0);
		put(x, &provider_route_kind, &r);
	}
}

/* Where a virtual subnet's machines of one host are: at this host, or at one of a few others. */
static struct ip pa_of(struct maker *x, uint32_t plan, uint32_t peer, bool rewrite, bool v6)
{
	uint32_t nic = plan % NICS;

	if (!peer && rewrite) {
		struct provider_address_doc p = { .nic = (char *)x->facts->nics[nic].name, .prefix_len = 26 };

		p.pa = address(UNDERLAY(nic, 48 + x->next_local++ % 12));
		put(x, &provider_address_kind, &p);
		return p.pa;
	}
	if (rewrite)
		return address(one_in(3) ? 0xc0000900 + x->next_remote++
					 : UNDERLAY(dice(NICS), 40 + x->next_remote++ % 8));
	if (v6 && !peer)
		return (struct ip)UNDERLAY6(nic, 1 + plan % LOCAL_PAS);
	if (v6 && peer < 3)
		return (struct ip)UNDERLAY6((plan + peer) % NICS, 16 + (plan * 3 + peer) % 24);
	if (!peer)
		return address(UNDERLAY(nic, 1 + plan % LOCAL_PAS));
	if (peer < 3)
		return address(UNDERLAY((plan + peer) % NICS, 16 + (plan * 3 + peer) % 24));
	return address(peer == 3 ? 0xc0000970 + plan * 4 : 0xc6336400 + plan);
}

static void try_record(struct maker *x, const struct record_doc *r)
{
	struct err *e = NULL;

	if (record_check(x->docs, r, &e) == 0)
		put(x, &record_kind, r);
	err_free(e);
}

static void make_machine(struct maker *x, uint32_t plan, uint32_t mac)
{
	const struct subnet_plan *s = &plans[plan];
	uint32_t peer = one_in(2) ? 0 : 1 + dice(one_in(4) ? PEERS : 2);
	bool rewrite = one_in(4), v6 = x->v6[plan] && !one_in(4);
	struct record_doc r = { .vsid = s->vsid,
				.mac = machine_mac(mac),
				.rule = rewrite			? NETVIRT_NAT
					: x->vxlan && one_in(2) ? NETVIRT_ENCAP_VXLAN
								: NETVIRT_ENCAP };

	if (!rewrite && one_in(6)) {
		r.type = dice(4);
		r.ca = address(0);
		r.pa = pa_of(x, plan, peer, false, v6);
		try_record(x, &r);
		r.type = NETVIRT_STATIC;
		if (one_in(2))
			return;
	}
	if (one_in(20))
		r.rule = NETVIRT_NONE;
	for (uint32_t n = one_in(5) ? 1 + dice(6) : 1; n; n--) {
		r.ca = address(one_in(16) ? 0x0a090900 + dice(8) : ca_of(s, 10 + dice(24)));
		r.pa = pa_of(x, plan, peer, rewrite, v6);
		r.use_vm_mac = rewrite && one_in(3);
		r.type = one_in(6) ? NETVIRT_DYNAMIC : NETVIRT_STATIC;
		try_record(x, &r);
	}
}

static void make_router(struct maker *x, uint32_t plan)
{
	struct record_doc r = { .vsid = plans[plan].vsid,
				.ca = address(ca_of(&plans[plan], 1)),
				.rule = NETVIRT_ENCAP,
				.pa = address(0xa9fefefe),
				.mac = { { 2, 0, 0, 0, 1, (uint8_t)(one_in(8) ? 0 : plan) } } };

	if (one_in(10))
		r.rule = NETVIRT_NAT;
	if (!one_in(6))
		try_record(x, &r);
}

static void try_route(struct maker *x, const struct customer_route_doc *r)
{
	struct err *e = NULL;

	if (customer_route_check(x->docs, r, &e) == 0)
		put(x, &customer_route_kind, r);
	err_free(e);
}

static void make_routes(struct maker *x)
{
	static const struct {
		uint32_t net;
		unsigned len;
	} nets[] = { { 0, 0 },		 { 0x0a000000, 8 },  { 0x0a000100, 24 }, { 0x0a140000, 16 },
		     { 0x0a140500, 24 }, { 0x08080808, 32 }, { 0x0a090000, 16 } };

	for (uint32_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct customer_route_doc r = {
			.rdid = domain(&plans[i]), .vsid = plans[i].vsid, .next_hop = address(0), .metric = 255
		};
		struct ip ip = address(ca_of(&plans[i], 0));

		if (!plans[i].tenant || one_in(10))
			continue;
		assert_int_equal(prefix_from(&ip, one_in(12) ? 0 : 24, &r.prefix), 0);
		try_route(x, &r);
	}
	for (uint32_t n = dice(10); n; n--) {
		const struct subnet_plan *s = &plans[dice(5)];
		uint32_t net = dice(ARRAY_SIZE(nets));
		struct customer_route_doc r = { .rdid = domain(s),
						.vsid = s->vsid,
						.metric = 254 + dice(2),
						.next_hop = address(
							one_in(12) ? 0 : ca_of(s, one_in(10) ? 1 : 10 + dice(24))) };
		struct ip ip = address(nets[net].net);

		assert_int_equal(prefix_from(&ip, nets[net].len, &r.prefix), 0);
		try_route(x, &r);
	}
}

/* No two ports of a virtual subnet with one MAC address: which of them has it would be anybody's guess. */
static bool taken(const struct maker *x, uint32_t vsid, const struct mac *mac)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(x->docs, &adapter_kind, &pos));)
		if (a->vsid == vsid && mac_equal(&a->mac, mac))
			return true;
	return false;
}

static bool is_here(const struct maker *x, const struct ip *pa)
{
	const struct provider_address_doc *p;

	for (size_t pos = 0; (p = docs_next(x->docs, &provider_address_kind, &pos));)
		if (ip_equal(&p->pa, pa))
			return true;
	return false;
}

/* One of the virtual subnet's machines, mostly of those that the policy has at this host; or one that it does not know. Zero: none is left. */
static struct mac adapter_mac(struct maker *x, uint32_t vsid)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(x->docs, &record_kind, &all);
	const struct record_doc *found = NULL;
	bool here = !one_in(8);
	uint32_t candidates = 0;

	for (size_t i = 0; i < n; i++) {
		const struct record_doc *r = all[i];

		if (r->vsid == vsid && r->mac.b[4] == 0 && !taken(x, vsid, &r->mac) && (!here || is_here(x, &r->pa)) &&
		    one_in(++candidates))
			found = r;
	}
	if (found && !one_in(16))
		return found->mac;
	return one_in(8) || !vsid || vsid == plans[UNPOLICIED].vsid ? machine_mac(100 + dice(100))
								    : (struct mac) { { 0 } };
}

static void make_adapters(struct maker *x)
{
	/* where most of this host's machines are, so that there is somebody to talk to */
	uint32_t tenant = dice(2) * 3, favourites[] = { tenant, tenant + 1, dice(ARRAY_SIZE(plans)) };

	for (uint32_t i = 0; i < ADAPTERS; i++) {
		uint32_t plan = one_in(4) ? dice(ARRAY_SIZE(plans)) : favourites[dice(3)];
		struct vm_doc vm = { .id = { { (uint8_t)(i + 1), 2, 7 } },
				     .name = (char *)"vm",
				     .engine = one_in(3) ? VM_ENGINE_QEMU : VM_ENGINE_NAMESPACE,
				     .state = one_in(12) ? VM_OFF : VM_RUNNING };
		struct adapter_doc a = { .id = x->facts->adapters[i],
					 .name = (char *)"a",
					 .vm = vm.id,
					 .spoofing = one_in(3),
					 .vsid = one_in(12) ? 0 : plans[plan].vsid };

		if (one_in(10))
			continue;
		put(x, &vm_kind, &vm);
		if (one_in(6))
			a.vm = (struct guid) { { 0 } };
		if (!one_in(16))
			a.switch_id = x->facts->switches[dice(SWITCHES)];
		a.mac = adapter_mac(x, a.vsid);
		if (!mac_is_zero(&a.mac) && !taken(x, a.vsid, &a.mac))
			put(x, &adapter_kind, &a);
	}
}

void documents_make(struct docs *d, const struct host_facts *facts)
{
	struct maker x = { .docs = d, .facts = facts };
	struct netvirt_global_doc global = { .use_external_router = true };

	x.vxlan = one_in(2);
	for (uint32_t plan = 0; plan < ARRAY_SIZE(plans); plan++)
		x.v6[plan] = one_in(3);
	make_host(&x);
	make_provider_routes(&x);
	for (uint32_t plan = 0; plan < ARRAY_SIZE(plans); plan++) {
		if (plan == UNPOLICIED || plan == ROUTE_ONLY)
			continue;
		if (plans[plan].tenant)
			make_router(&x, plan);
		for (uint32_t n = 1 + dice(MACHINES), mac = dice(4); n; n--, mac++)
			make_machine(&x, plan, mac);
	}
	make_routes(&x);
	make_adapters(&x);
	if (one_in(16))
		put(&x, &netvirt_global_kind, &global);
}
