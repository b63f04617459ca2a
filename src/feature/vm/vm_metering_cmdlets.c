/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "vm_metering.h"
#include "vm_rules.h"

static const char *const vm_type[] = { "VirtualMachine", NULL };

static const struct param params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards",
	  .aliases = "Name", .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "virtual machines, as Get-VM returns them",
	  .values = vm_type, .sets = IN_SET(1) },
	{ 0 },
};

static const char *const report_properties[] = {
	"VMName",
	"AvgCPU",
	"AvgRAM",
	"MaxRAM",
	"MinRAM",
	"TotalDisk",
	"NetworkInbound",
	"NetworkOutbound",
	"MeteringDuration",
	"AverageProcessorUsage",
	"AverageMemoryUsage",
	"MaximumMemoryUsage",
	"MinimumMemoryUsage",
	"TotalDiskAllocation",
	"AggregatedDiskDataRead",
	"AggregatedDiskDataWritten",
	"AggregatedNormalizedIOCount",
	"NetworkMeteredTrafficReport",
	"VMId",
	"ComputerName",
	NULL,
};
static const struct column report_columns[] = {
	{ "VMName" },
	{ "AvgCPU", "AvgCPU(MHz)", true },
	{ "AvgRAM", "AvgRAM(M)", true },
	{ "MaxRAM", "MaxRAM(M)", true },
	{ "MinRAM", "MinRAM(M)", true },
	{ "TotalDisk", "TotalDisk(M)", true },
	{ "NetworkInbound", "NetworkInbound(M)", true },
	{ "NetworkOutbound", "NetworkOutbound(M)", true },
	{ 0 },
};
static const struct object_type report_object = { "VMMeteringReport", report_properties, report_columns };

static json_t *mib(uint64_t bytes)
{
	return json_integer((json_int_t)(bytes >> 20));
}

static json_t *traffic(const struct adapter_doc *a, const char *direction, uint64_t bytes)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "Adapter", a->name, "Direction", direction, "LocalAddress",
			 "", "RemoteAddress", "ANY", "TotalTraffic", (json_int_t)(bytes >> 20), "TotalBytes",
			 (json_int_t)bytes);
}

static json_t *network(const struct docs *d, const struct guid *vm, uint64_t *ret_in, uint64_t *ret_out)
{
	json_t *list = json_array();
	adapter_vec adapters = { 0 };

	adapter_of_vm(d, vm, &adapters);
	vec_foreach (&adapters, a) {
		char key[GUID_TEXT_SIZE];
		const struct adapter_metering_doc *m = docs_get(d, &adapter_metering_kind, guid_format(&(*a)->id, key));

		if (!m)
			continue;
		json_array_append_new(list, traffic(*a, "Inbound", m->inbound));
		json_array_append_new(list, traffic(*a, "Outbound", m->outbound));
		*ret_in += m->inbound;
		*ret_out += m->outbound;
	}
	vec_done(&adapters);
	return list;
}

/* As Hyper-V: processor time in MHz of this host's processors. */
static json_int_t average_mhz(const struct host *host, const struct metering_doc *m)
{
	return m->duration_us ? (json_int_t)(m->cpu_us * host->processor_mhz / m->duration_us) : 0;
}

static json_t *report(struct call *c, const struct vm_doc *vm, const struct metering_doc *m)
{
	uint64_t ms = m->duration_us / 1000, in = 0, out = 0;
	json_int_t cpu = average_mhz(call_host(c), m),
		   memory = ms ? (json_int_t)((m->memory_mib_ms + ms / 2) / ms) : (json_int_t)(m->memory_max >> 20);
	json_t *list = network(call_docs(c), &vm->id, &in, &out), *o = json_object();

	json_object_set_new(o, "VMName", json_text(vm->name));
	json_object_set_new(o, "VMId", json_guid(&vm->id));
	json_object_set_new(o, "AvgCPU", json_integer(cpu));
	json_object_set_new(o, "AverageProcessorUsage", json_integer(cpu));
	json_object_set_new(o, "AvgRAM", json_integer(memory));
	json_object_set_new(o, "AverageMemoryUsage", json_integer(memory));
	json_object_set_new(o, "MaxRAM", mib(m->memory_max));
	json_object_set_new(o, "MaximumMemoryUsage", mib(m->memory_max));
	json_object_set_new(o, "MinRAM", mib(m->memory_min));
	json_object_set_new(o, "MinimumMemoryUsage", mib(m->memory_min));
	json_object_set_new(o, "TotalDisk", mib(m->disk_capacity));
	json_object_set_new(o, "TotalDiskAllocation", mib(m->disk_capacity));
	json_object_set_new(o, "AggregatedDiskDataRead", mib(m->disk_read));
	json_object_set_new(o, "AggregatedDiskDataWritten", mib(m->disk_written));
	json_object_set_new(o, "AggregatedNormalizedIOCount", json_integer((json_int_t)m->disk_requests));
	json_object_set_new(o, "NetworkInbound", mib(in));
	json_object_set_new(o, "NetworkOutbound", mib(out));
	json_object_set_new(o, "NetworkMeteredTrafficReport", list);
	json_object_set_new(o, "MeteringDuration", vm_time_span(ms));
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
	return o;
}

static int refuse_unmetered(const struct vm_doc *vm, struct err **e)
{
	int r = err_set(e, "Vm.MeteringDisabled", ERR_INVALID_OPERATION, vm->name,
			"Resource metering is not enabled for the virtual machine \"%s\".", vm->name);

	return err_advise(e, r, "Enable-VMResourceMetering -VMName '%s'; it counts from then on.", vm->name);
}

/*
 * Of what has been used until now: the sample that is taken here stays in this call's transaction, which is not kept.
 */
static int measure_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	char key[GUID_TEXT_SIZE];

	if (!vm_is_metered(call_docs(c), &vm->id))
		return refuse_unmetered(vm, e);
	metering_sample(call_docs(c), call_host(c), vm);
	call_emit_json(c, report(c, vm, docs_get(call_docs(c), &metering_kind, guid_format(&vm->id, key))));
	return 0;
}

static int measure(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", NULL, measure_one);
}

static int set_one(struct call *c, const struct vm_doc *vm, bool enable)
{
	if (vm_is_metered(call_docs(c), &vm->id) == enable) {
		call_warn(c, "Resource metering is %s for the virtual machine \"%s\" already.",
			  enable ? "enabled" : "disabled", vm->name);
		return 0;
	}
	if (!call_should(c, vm->name, "%s", call_name(c)))
		return 0;
	if (enable)
		metering_begin(call_docs(c), call_host(c), vm);
	else
		metering_delete(call_docs(c), &vm->id);
	return 0;
}

static int enable_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	(void)e;
	return set_one(c, vm, true);
}

static int disable_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	(void)e;
	return set_one(c, vm, false);
}

static int reset_one(struct call *c, const struct vm_doc *vm, struct err **e)
{
	if (!vm_is_metered(call_docs(c), &vm->id))
		return refuse_unmetered(vm, e);
	if (call_should(c, vm->name, "%s", call_name(c)))
		metering_begin(call_docs(c), call_host(c), vm);
	return 0;
}

static int enable(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", NULL, enable_one);
}

static int disable(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", NULL, disable_one);
}

static int reset(struct call *c, struct err **e)
{
	(void)e;
	return vm_each_of(c, "VMName", NULL, reset_one);
}

const struct cmdlet vm_metering_cmdlets[] = {
	{ "Measure-VM", "show what virtual machines have used since metering was enabled or reset", params,
	  &report_object, measure },
	{ "Enable-VMResourceMetering", "count from now on what virtual machines use", params, NULL, enable, CHANGES },
	{ "Disable-VMResourceMetering", "stop counting, and forget what was counted", params, NULL, disable, CHANGES },
	{ "Reset-VMResourceMetering", "count anew from now on", params, NULL, reset, CHANGES },
	{ 0 },
};
