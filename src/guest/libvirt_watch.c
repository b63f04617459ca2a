/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_watch.h"

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>

#include "libvirt_memory.h"
#include "libvirt_step.h"
#include "vec.h"

/* ---- by threads ---- */

static uint64_t number(virTypedParameterPtr params, int n, const char *name)
{
	unsigned long long value = 0;

	return virTypedParamsGetULLong(params, n, name, &value) == 1 ? value : 0;
}

#define PROCESSORS_MAX 2048u
#define DISKS_MAX      256u

static unsigned count(virTypedParameterPtr params, int n, const char *name, unsigned max)
{
	unsigned value = 0;

	return virTypedParamsGetUInt(params, n, name, &value) == 1 ? MIN(value, max) : 0;
}

static uint64_t sum(virTypedParameterPtr params, int n, const char *group, unsigned members, const char *name)
{
	uint64_t all = 0;
	char field[VIR_TYPED_PARAM_FIELD_LENGTH];

	for (unsigned i = 0; i < members; i++) {
		snprintf(field, sizeof(field), "%s.%u.%s", group, i, name);
		all += number(params, n, field);
	}
	return all;
}

/* Kibibytes as bytes; nonsense is unknown. */
static uint64_t kib(uint64_t n)
{
	return n <= UINT64_MAX >> 10 ? n << 10 : 0;
}

static void numbers_add(const virDomainStatsRecord *record, struct watch_numbers_vec *ret)
{
	virTypedParameterPtr p = record->params;
	int n = record->nparams;
	unsigned disks = count(p, n, "block.count", DISKS_MAX);
	struct watch_numbers x = {
		.cpu_ns = sum(p, n, "vcpu", count(p, n, "vcpu.maximum", PROCESSORS_MAX), "time"),
		.usable = kib(number(p, n, "balloon.usable")),
		.available = kib(number(p, n, "balloon.available")),
		.disks = { .capacity = sum(p, n, "block", disks, "capacity"),
			   .read = sum(p, n, "block", disks, "rd.bytes"),
			   .written = sum(p, n, "block", disks, "wr.bytes"),
			   .requests = sum(p, n, "block", disks, "rd.reqs") + sum(p, n, "block", disks, "wr.reqs") },
	};

	if (virDomainGetUUID(record->dom, x.id.b) == 0)
		vec_push(ret, x);
}

int watch_numbers_get(virConnectPtr conn, struct watch_numbers_vec *ret)
{
	virDomainStatsRecordPtr *records = NULL;
	/* NOWAIT: a machine that is being changed has no numbers this time. */
	int n = virConnectGetAllDomainStats(
		conn, VIR_DOMAIN_STATS_BALLOON | VIR_DOMAIN_STATS_VCPU | VIR_DOMAIN_STATS_BLOCK, &records,
		VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

	if (n < 0)
		return -EIO;
	for (int i = 0; i < n; i++)
		numbers_add(records[i], ret);
	virDomainStatsRecordListFree(records);
	return 0;
}

static int agent_failed(virConnectPtr conn, char **message)
{
	const virError *e = virGetLastError();
	int code = e ? e->code : 0;

	*message = step_message(e && e->message ? e->message : "");
	if (virConnectIsAlive(conn) != 1)
		return -ENOTCONN;
	if (code == VIR_ERR_AGENT_UNRESPONSIVE || code == VIR_ERR_AGENT_UNSYNCED)
		return -EHOSTUNREACH;
	return code == VIR_ERR_ARGUMENT_UNSUPPORTED || code == VIR_ERR_NO_DOMAIN ? -ENODEV : -EIO;
}

int watch_agent_call(virConnectPtr conn, const struct guid *id, const char *command, int timeout, char **ret_answer,
		     char **message)
{
	virDomainPtr domain = virDomainLookupByUUID(conn, id->b);
	char *answer = domain ? virDomainQemuAgentCommand(domain, command, timeout, 0) : NULL;
	int r = answer ? 0 : agent_failed(conn, message);

	if (domain)
		virDomainFree(domain);
	if (r == 0)
		*ret_answer = answer;
	return r;
}

/* ---- by the caller's thread ---- */

void watch_reset(struct watch *w)
{
	bool asking = w->asking;

	vec_done(&w->addresses);
	*w = (struct watch){ .asking = asking };
}

void watch_take_numbers(struct watch *w, const struct watch_numbers *numbers, uint64_t memory, uint64_t now_us,
			unsigned processors)
{
	uint64_t us = now_us - w->at_us, ns = numbers->cpu_ns - w->cpu_ns;

	if (w->at_us && us && numbers->cpu_ns >= w->cpu_ns)
		w->cpu_percent = (unsigned)MIN(ns / 10 / us / MAX(processors, 1u), 100u);
	w->cpu_ns = numbers->cpu_ns;
	w->at_us = now_us;
	w->demand = memory_demand_of(numbers->usable, numbers->available, memory);
	w->disks = numbers->disks;
}

/* Often until there is an agent that answers: somebody may wait for the guest to come up. */
#define PAUSE_ANSWERS 5
#define PAUSE_SILENT  2

bool watch_wants_addresses(struct watch *w)
{
	if (w->asking || (w->pause && w->pause--))
		return false;
	w->asking = true;
	return true;
}

void watch_take_addresses(struct watch *w, const char *answer)
{
	struct agent_address_vec addresses = { 0 };

	w->asking = false;
	w->answers = answer && agent_interfaces_parse(answer, &addresses) == 0;
	w->answered |= w->answers;
	w->pause = w->answers ? PAUSE_ANSWERS : PAUSE_SILENT;
	vec_done(&w->addresses);
	w->addresses = addresses;
}

enum machine_heartbeat watch_heartbeat(const struct watch *w)
{
	return w->answers ? MACHINE_HEARTBEAT_OK : w->answered ? MACHINE_HEARTBEAT_LOST : MACHINE_HEARTBEAT_NONE;
}
