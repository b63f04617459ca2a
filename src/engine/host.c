/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "internal.h"
#include "log.h"

/* What cmdlets ask of the running machine, answered by the drivers. */

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

static void describe(struct engine *g, const struct link *l, struct host_nic *nic)
{
	struct link_details details = { 0 };

	if (link_details_get(g->nl, l->name, &details) < 0)
		return;
	/* Software devices of a kind have nothing to tell them apart but their name. */
	if (details.bus_info[0])
		snprintf(nic->description, sizeof(nic->description), "%s", details.description);
	else
		snprintf(nic->description, sizeof(nic->description), "%.100s %s", details.description, l->name);
	snprintf(nic->driver, sizeof(nic->driver), "%s", details.driver);
	nic->speed = details.speed_mbps * 1000000;
	nic->is_virtual = !details.bus_info[0];
}

/* A bridge or bond that has the link and is none of ours. */
static void foreign_master(struct engine *g, const struct link_vec *links, const struct link *l, char ret[static 16])
{
	vec_foreach(links, master)
		if (l->master && master->ifindex == l->master && !link_is_ours(g, master))
			snprintf(ret, 16, "%s", master->name);
}

static int by_ifindex(const void *a, const void *b)
{
	return ((const struct host_nic *)a)->ifindex - ((const struct host_nic *)b)->ifindex;
}

static int host_nics(struct host *h, host_nic_vec *ret)
{
	struct engine *g = engine_of(h);
	struct link_vec links = { 0 };
	int r = link_observe(g->nl, &links);

	vec_foreach(&links, l) {
		bool host_nic = link_is_ours(g, l) && strncmp(l->alias + 16, "hostnic:", 8) == 0;
		struct host_nic nic = { .ifindex = l->ifindex, .mac = l->mac, .mtu = l->mtu, .up = l->up, .carrier = l->carrier,
					.ours = host_nic };

		if (!l->ether || (link_is_nestors(l) && !host_nic))
			continue;
		snprintf(nic.link, sizeof(nic.link), "%s", l->name);
		snprintf(nic.name, sizeof(nic.name), "%s", host_nic ? link_text(l) : l->name);
		describe(g, l, &nic);
		foreign_master(g, &links, l, nic.master);
		vec_push(ret, nic);
	}
	vec_sort(ret, by_ifindex);
	vec_done(&links);
	return r;
}

/* Of engine Qemu. */
static int machine_guest(struct engine *g, const struct guid *vm, struct host_guest *ret)
{
	static const enum host_heartbeat heartbeats[] = {
		[MACHINE_HEARTBEAT_NONE] = HOST_HEARTBEAT_NONE, [MACHINE_HEARTBEAT_OK] = HOST_HEARTBEAT_OK,
		[MACHINE_HEARTBEAT_LOST] = HOST_HEARTBEAT_LOST,
	};
	struct machine m;

	if (!g->machines || !machines_get(g->machines, vm, &m))
		return 0;
	ret->busy = m.busy;
	ret->problem = m.error;
	if (m.state != MACHINE_RUNNING && m.state != MACHINE_PAUSED)
		return 0;
	ret->running = true;
	ret->uptime_ms = (clock_us(CLOCK_REALTIME) - m.started_us) / 1000;
	ret->memory_bytes = m.memory;
	ret->memory_limit = m.limit;
	ret->memory_demand = m.demand;
	ret->cpu_percent = m.cpu_percent;
	ret->cpu_us = m.cpu_ns / 1000;
	ret->disk_capacity = m.disks.capacity;
	ret->disk_read = m.disks.read;
	ret->disk_written = m.disks.written;
	ret->disk_requests = m.disks.requests;
	ret->heartbeat = heartbeats[m.heartbeat];
	ret->hypervisor = m.hypervisor;
	ret->paused = m.state == MACHINE_PAUSED;
	return 0;
}

static void host_machines(struct host *h, struct host_machines *ret)
{
	engine_machines_describe(engine_of(h), ret);
}

static int host_shutdown(struct host *h, const struct guid *vm, uint32_t timeout_ms, host_shutdown_fn done, void *arg, struct err **e)
{
	return engine_shutdown(engine_of(h), vm, timeout_ms, done, arg, e);
}

static bool find_measured(const struct engine *g, struct guest *guest)
{
	vec_foreach(&g->measured, m) {
		if (guid_equal(&m->id, &guest->id) && m->pid == guest->pid) {
			*guest = *m;
			return true;
		}
	}
	return false;
}

/* Measuring one goes through all processes of the host, as measuring all does: once for all that one turn of the loop wants to know. */
static int measured(struct engine *g, struct guest *guest)
{
	uint64_t turn = 0;
	int r;

	sd_event_get_iteration(g->config.event, &turn);
	if (turn == g->measured_turn && find_measured(g, guest))
		return 0;
	g->measured.n = 0;
	g->measured_turn = turn;
	r = guest_observe(g->guests, &g->measured);
	if (r == 0)
		r = guest_measure(g->guests, &g->measured);
	if (r == 0 && !find_measured(g, guest))
		r = -ENOENT;
	return r;
}

static int host_guest(struct host *h, const struct guid *vm, struct host_guest *ret)
{
	struct engine *g = engine_of(h);
	struct guest guest;
	int r = guest_get(g->guests, vm, &guest);
	uint64_t now_us;

	*ret = (struct host_guest){ 0 };
	if (r == -ENOENT)
		return machine_guest(g, vm, ret);
	if (r == 0)
		r = measured(g, &guest);
	if (r < 0)
		return r;
	now_us = clock_us(CLOCK_REALTIME);
	ret->running = true;
	ret->pid = guest.pid;
	ret->uptime_ms = now_us > guest.started_us ? (now_us - guest.started_us) / 1000 : 0;
	ret->memory_bytes = guest.memory_bytes;
	ret->cpu_us = guest.cpu_ns / 1000;
	/* Its init answers for as long as it is there. */
	ret->heartbeat = HOST_HEARTBEAT_OK;
	/* Over the guest's life: nobody samples these. */
	ret->cpu_percent = ret->uptime_ms ? (unsigned)MIN(guest.cpu_ns / 10000 / ret->uptime_ms / g->processors, 100u) : 0;
	return 0;
}

/* As the agent in the guest tells them. */
static void machine_addresses(struct engine *g, const struct guid *vm, const struct adapter_doc *a, ip_vec *ret)
{
	const struct agent_address_vec *all = g->machines ? machines_addresses(g->machines, vm) : NULL;

	for (size_t i = 0; all && i < all->n; i++)
		if (mac_equal(&all->items[i].mac, &a->mac))
			vec_push(ret, all->items[i].ip);
}

static int host_guest_addresses(struct host *h, const struct guid *vm, const struct guid *adapter, ip_vec *ret)
{
	struct engine *g = engine_of(h);
	const struct adapter_doc *a = adapter_get(g->config.docs, adapter);
	struct guest_interface_vec interfaces = { 0 };
	struct guest_address_vec addresses = { 0 };
	int r = a ? guest_interfaces(g->guests, vm, &interfaces, &addresses) : -ENOENT;

	vec_foreach(&interfaces, i)
		vec_foreach(&addresses, address)
			if (address->ifindex == i->ifindex && mac_equal(&i->mac, &a->mac))
				vec_push(ret, address->ip);
	if (a && r == -ENOENT)
		machine_addresses(g, vm, a, ret);
	vec_done(&interfaces);
	vec_done(&addresses);
	return r == -ENOENT ? 0 : r;
}

static int host_nic_addresses(struct host *h, int ifindex, ip_vec *ret)
{
	struct address_vec all = { 0 };
	int r = address_observe(engine_of(h)->nl, ifindex, &all);

	vec_foreach(&all, a)
		vec_push(ret, a->ip);
	vec_done(&all);
	return r;
}

enum { STATE_INVALID, STATE_TENTATIVE, STATE_DUPLICATE, STATE_DEPRECATED, STATE_PREFERRED };

static int host_address_state(struct host *h, const struct ip *ip)
{
	struct address_vec all = { 0 };
	int state = STATE_INVALID;

	address_observe(engine_of(h)->nl, 0, &all);
	vec_foreach(&all, a)
		if (ip_equal(&a->ip, ip))
			state = a->flags & ADDRESS_TENTATIVE ? STATE_TENTATIVE : STATE_PREFERRED;
	vec_done(&all);
	return state;
}

void engine_host_init(struct engine *g)
{
	g->host = (struct host){
		.name = g->config.host_name,
		.nics = host_nics,
		.guest = host_guest,
		.guest_addresses = host_guest_addresses,
		.nic_addresses = host_nic_addresses,
		.address_state = host_address_state,
		.machines = host_machines,
		.shutdown = host_shutdown,
	};
	g->processors = (unsigned)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	engine_host_exec_init(g);
	g->host.processor_mhz = engine_processor_mhz();
	engine_host_console_init(g);
	engine_host_wait_init(g);
	engine_host_statistics_init(g);
	engine_host_trace_init(g);
	engine_host_images_init(g);
	engine_host_copies_init(g);
}

struct host *engine_host(struct engine *g)
{
	return &g->host;
}
