/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

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
	struct machine m;

	if (!g->machines || !machines_get(g->machines, vm, &m))
		return 0;
	ret->busy = m.busy;
	if (m.state != MACHINE_RUNNING && m.state != MACHINE_PAUSED)
		return 0;
	ret->running = true;
	ret->uptime_ms = (clock_us(CLOCK_REALTIME) - m.started_us) / 1000;
	ret->memory_bytes = m.memory;
	ret->memory_limit = m.limit;
	ret->memory_demand = m.demand;
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

static int host_guest(struct host *h, const struct guid *vm, struct host_guest *ret)
{
	struct guest guest;
	struct guest_vec one = { &guest, 1, 1 };
	int r = guest_get(engine_of(h)->guests, vm, &guest);
	uint64_t now_us;

	*ret = (struct host_guest){ 0 };
	if (r == -ENOENT)
		return machine_guest(engine_of(h), vm, ret);
	if (r == 0)
		r = guest_measure(engine_of(h)->guests, &one);
	if (r < 0)
		return r;
	now_us = clock_us(CLOCK_REALTIME);
	ret->running = true;
	ret->pid = guest.pid;
	ret->uptime_ms = now_us > guest.started_us ? (now_us - guest.started_us) / 1000 : 0;
	ret->memory_bytes = guest.memory_bytes;
	/* Over the guest's life: nobody here samples. */
	ret->cpu_percent = ret->uptime_ms ? (unsigned)MIN(guest.cpu_ns / 10000 / ret->uptime_ms, 100u) : 0;
	return 0;
}

static int host_guest_addresses(struct host *h, const struct guid *vm, const struct guid *adapter, ip_vec *ret)
{
	const struct adapter_doc *a = adapter_get(engine_of(h)->config.docs, adapter);
	struct guest_interface_vec interfaces = { 0 };
	struct guest_address_vec addresses = { 0 };
	int r = a ? guest_interfaces(engine_of(h)->guests, vm, &interfaces, &addresses) : -ENOENT;

	vec_foreach(&interfaces, i)
		vec_foreach(&addresses, address)
			if (address->ifindex == i->ifindex && mac_equal(&i->mac, &a->mac))
				vec_push(ret, address->ip);
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

/* ---- commands in guests ---- */

struct exec_job {
	struct engine *g;
	struct guest_exec *exec;
	sd_event_source *output;
	sd_event_source *exit;
	host_exec_fn done;
	void *arg;
	bool too_much;
	struct exec_job *next;
};

static void job_free(struct exec_job *job)
{
	for (struct exec_job **p = &job->g->jobs; *p; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			break;
		}
	}
	sd_event_source_unref(job->output);
	sd_event_source_unref(job->exit);
	guest_exec_free(job->exec);
	free(job);
}

void engine_jobs_free(struct engine *g)
{
	while (g->jobs) {
		struct exec_job *job = g->jobs;
		struct err *e = NULL;

		err_set(&e, "RemoteCommandFailed", ERR_RESOURCE_UNAVAILABLE, NULL, "The daemon ended while the command ran.");
		job->done(job->arg, 255, xstrdup(""), e);
		job_free(job);
	}
}

static int on_job_output(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct exec_job *job = arg;
	int r = guest_exec_read(job->exec);

	(void)fd;
	(void)revents;
	job->too_much |= r == -EMSGSIZE;
	if (r <= 0)
		sd_event_source_set_enabled(s, SD_EVENT_OFF);
	return 0;
}

static int on_job_exit(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct exec_job *job = arg;
	struct err *e = NULL;
	int code = 0, r = guest_exec_finish(job->exec, &code);
	char *output;

	(void)s;
	(void)fd;
	(void)revents;
	if (r == -EAGAIN)
		return 0;
	if (job->too_much)
		err_set(&e, "OutputTooLarge", ERR_LIMITS_EXCEEDED, NULL, "The command was ended: it wrote more than %u bytes.",
			GUEST_EXEC_MAX_OUTPUT);
	else if (r < 0)
		err_set_errno(&e, "RemoteCommandFailed", -r, NULL, "The command's end was lost: %s.", strerror(-r));
	output = xstrdup(guest_exec_output(job->exec, &(size_t){ 0 }));
	job->done(job->arg, code, output, e);
	job_free(job);
	return 0;
}

static int host_exec(struct host *h, const struct guid *vm, const char *script, host_exec_fn done, void *arg, struct err **e)
{
	struct engine *g = engine_of(h);
	struct guest_exec_spec spec = { .line = script, .merge = true };
	struct exec_job *job = xcalloc(1, sizeof(*job));
	int r = guest_exec_start(g->guests, vm, &spec, &job->exec);

	job->g = g;
	job->done = done;
	job->arg = arg;
	if (r == 0)
		r = sd_event_add_io(g->config.event, &job->output, guest_exec_stdout(job->exec), EPOLLIN, on_job_output, job);
	if (r >= 0)
		r = sd_event_add_io(g->config.event, &job->exit, guest_exec_pidfd(job->exec), EPOLLIN, on_job_exit, job);
	if (r < 0) {
		job_free(job);
		return err_set_errno(e, "RemoteCommandFailed", -r, NULL, "Cannot run the command in the guest: %s.", strerror(-r));
	}
	job->next = g->jobs;
	g->jobs = job;
	return 0;
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
		.exec = host_exec,
		.machines = host_machines,
		.shutdown = host_shutdown,
	};
	engine_host_statistics_init(g);
	engine_host_trace_init(g);
	engine_host_copies_init(g);
}

struct host *engine_host(struct engine *g)
{
	return &g->host;
}
