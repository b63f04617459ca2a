/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_metering.h"

static const struct doc_field metering_fields[] = {
	DOC_FIELD(metering_doc, vm, DOC_GUID, "vm"),
	DOC_FIELD(metering_doc, duration_us, DOC_U64, "durationMicroseconds"),
	DOC_FIELD(metering_doc, cpu_us, DOC_U64, "processorMicroseconds"),
	DOC_FIELD(metering_doc, memory_mib_ms, DOC_U64, "memoryMebibyteMilliseconds"),
	DOC_FIELD(metering_doc, memory_min, DOC_U64, "memoryMinimum"),
	DOC_FIELD(metering_doc, memory_max, DOC_U64, "memoryMaximum"),
	DOC_FIELD(metering_doc, disk_capacity, DOC_U64, "diskCapacity"),
	DOC_FIELD(metering_doc, disk_read, DOC_U64, "diskRead"),
	DOC_FIELD(metering_doc, disk_written, DOC_U64, "diskWritten"),
	DOC_FIELD(metering_doc, disk_requests, DOC_U64, "diskRequests"),
	DOC_FIELD(metering_doc, at_us, DOC_U64, "lastTime"),
	DOC_FIELD(metering_doc, start, DOC_U64, "lastStart"),
	DOC_FIELD(metering_doc, last_cpu_us, DOC_U64, "lastProcessor"),
	DOC_FIELD(metering_doc, last_read, DOC_U64, "lastRead"),
	DOC_FIELD(metering_doc, last_written, DOC_U64, "lastWritten"),
	DOC_FIELD(metering_doc, last_requests, DOC_U64, "lastRequests"),
};

static void metering_key(const void *doc, struct str *ret)
{
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&((const struct metering_doc *)doc)->vm, text));
}

const struct doc_kind metering_kind = {
	.name = "metering",
	.size = sizeof(struct metering_doc),
	.fields = metering_fields,
	.n_fields = ARRAY_SIZE(metering_fields),
	.key = metering_key,
};

static const struct doc_field adapter_metering_fields[] = {
	DOC_FIELD(adapter_metering_doc, adapter, DOC_GUID, "adapter"),
	DOC_FIELD(adapter_metering_doc, vm, DOC_GUID, "vm"),
	DOC_FIELD(adapter_metering_doc, inbound, DOC_U64, "inbound"),
	DOC_FIELD(adapter_metering_doc, outbound, DOC_U64, "outbound"),
	DOC_FIELD(adapter_metering_doc, virtualized, DOC_BOOL, "virtualized"),
	DOC_FIELD(adapter_metering_doc, last_inbound, DOC_U64, "lastInbound"),
	DOC_FIELD(adapter_metering_doc, last_outbound, DOC_U64, "lastOutbound"),
};

static void adapter_metering_key(const void *doc, struct str *ret)
{
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&((const struct adapter_metering_doc *)doc)->adapter, text));
}

const struct doc_kind adapter_metering_kind = {
	.name = "adapter-metering",
	.size = sizeof(struct adapter_metering_doc),
	.fields = adapter_metering_fields,
	.n_fields = ARRAY_SIZE(adapter_metering_fields),
	.key = adapter_metering_key,
};

/* ---- adding up ---- */

/* A counter that is below what it was has begun anew. */
static uint64_t growth(uint64_t now, uint64_t last)
{
	return now >= last ? now - last : now;
}

static void remember(struct metering_doc *m, const struct metering_sample *s)
{
	m->start = s->start;
	m->last_cpu_us = s->cpu_us;
	m->last_read = s->disk_read;
	m->last_written = s->disk_written;
	m->last_requests = s->disk_requests;
}

static void add_counters(struct metering_doc *m, const struct metering_sample *s)
{
	if (s->start != m->start || !m->at_us)
		m->last_cpu_us = m->last_read = m->last_written = m->last_requests = 0;
	m->cpu_us += growth(s->cpu_us, m->last_cpu_us);
	m->disk_read += growth(s->disk_read, m->last_read);
	m->disk_written += growth(s->disk_written, m->last_written);
	m->disk_requests += growth(s->disk_requests, m->last_requests);
}

void metering_add(struct metering_doc *m, const struct metering_sample *s, bool first)
{
	bool anew = !m->at_us || m->start != s->start;
	/* A clock that was set back stands still for us. */
	uint64_t us = anew ? s->uptime_us : s->now_us > m->at_us ? s->now_us - m->at_us : 0;

	if (!s->on) {
		remember(m, s);
		m->at_us = 0;
		return;
	}
	/* On, and nothing known of it yet: all of this time counts with the next sample. */
	if (!s->counted)
		return;
	if (!first) {
		add_counters(m, s);
		m->duration_us += us;
		m->memory_mib_ms += (s->memory >> 20) * (us / 1000);
	}
	if (s->memory) {
		m->memory_min = m->memory_max ? MIN(m->memory_min, s->memory) : s->memory;
		m->memory_max = MAX(m->memory_max, s->memory);
	}
	m->disk_capacity = s->disk_capacity;
	m->at_us = s->now_us;
	remember(m, s);
}

void adapter_metering_add(struct adapter_metering_doc *m, bool virtualized, uint64_t inbound, uint64_t outbound,
			  bool first)
{
	if (!first && virtualized == m->virtualized) {
		m->inbound += growth(inbound, m->last_inbound);
		m->outbound += growth(outbound, m->last_outbound);
	}
	m->virtualized = virtualized;
	m->last_inbound = inbound;
	m->last_outbound = outbound;
}

/* ---- samples ---- */

static struct metering_sample sample_of(struct host *host, const struct vm_doc *vm)
{
	struct host_guest guest = { 0 };

	/*
	 * One that should run and is not seen: it is starting, or the daemon has just started and has not looked yet.
	 */
	if (host->guest(host, &vm->id, &guest) < 0 || !guest.running)
		return (struct metering_sample){ .on = vm_is_on(vm) };
	return (struct metering_sample){
		.now_us = clock_us(CLOCK_REALTIME),
		.on = true,
		.uptime_us = guest.uptime_ms * 1000,
		/* A namespace guest is a process; machines count their starts. */
		.start = vm->engine == VM_ENGINE_NAMESPACE ? (uint64_t)guest.pid : vm->boot,
		.counted = guest.cpu_us > 0,
		.cpu_us = guest.cpu_us,
		.memory = guest.memory_bytes,
		.disk_capacity = guest.disk_capacity,
		.disk_read = guest.disk_read,
		.disk_written = guest.disk_written,
		.disk_requests = guest.disk_requests,
	};
}

static void sample_adapter(struct docs *d, struct host *host, const struct adapter_doc *a, bool first)
{
	struct adapter_metering_doc *m;
	struct host_traffic t = { 0 };
	char link[16], key[GUID_TEXT_SIZE];
	const struct adapter_metering_doc *old = docs_get(d, &adapter_metering_kind, guid_format(&a->id, key));

	if (host->port_traffic(host, adapter_port_name(&a->id, link), a->vsid != 0, &t) < 0 && old)
		return;
	m = old ? doc_copy(&adapter_metering_kind, old) : doc_new(&adapter_metering_kind);
	m->adapter = a->id;
	m->vm = a->vm;
	/* An adapter that came while the machine is metered has carried nothing before. */
	if (!old)
		m->virtualized = a->vsid != 0;
	adapter_metering_add(m, a->vsid != 0, t.received_bytes, t.sent_bytes, first);
	docs_put(d, &adapter_metering_kind, m);
}

static bool sample_vm(struct docs *d, struct host *host, const struct vm_doc *vm, struct metering_doc *m, bool first)
{
	struct metering_sample s = sample_of(host, vm);
	adapter_vec adapters = { 0 };

	metering_add(m, &s, first);
	docs_put(d, &metering_kind, m);
	adapter_of_vm(d, &vm->id, &adapters);
	vec_foreach (&adapters, a)
		sample_adapter(d, host, *a, first);
	vec_done(&adapters);
	return s.on;
}

void metering_sample(struct docs *d, struct host *host, const struct vm_doc *vm)
{
	char key[GUID_TEXT_SIZE];

	sample_vm(d, host, vm, doc_copy(&metering_kind, docs_get(d, &metering_kind, guid_format(&vm->id, key))), false);
}

size_t metering_sample_all(struct docs *d, struct host *host)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, &metering_kind, &all), on = 0;

	for (size_t i = 0; i < n; i++) {
		const struct metering_doc *old = all[i];
		const struct vm_doc *vm = vm_get(d, &old->vm);

		/* Of one that is off nothing changes, and nothing is written. */
		if (vm && (vm_is_on(vm) || old->at_us))
			on += sample_vm(d, host, vm, doc_copy(&metering_kind, old), false);
	}
	return on;
}

bool vm_is_metered(const struct docs *d, const struct guid *vm)
{
	char key[GUID_TEXT_SIZE];

	return docs_get(d, &metering_kind, guid_format(vm, key)) != NULL;
}

void metering_begin(struct docs *d, struct host *host, const struct vm_doc *vm)
{
	struct metering_doc *m = doc_new(&metering_kind);

	metering_delete(d, &vm->id);
	m->vm = vm->id;
	sample_vm(d, host, vm, m, true);
}

void adapter_metering_delete(struct docs *d, const struct guid *adapter)
{
	char key[GUID_TEXT_SIZE];

	if (docs_get(d, &adapter_metering_kind, guid_format(adapter, key)))
		docs_delete(d, &adapter_metering_kind, key);
}

void metering_delete(struct docs *d, const struct guid *vm)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, &adapter_metering_kind, &all);
	char key[GUID_TEXT_SIZE];

	for (size_t i = 0; i < n; i++) {
		const struct adapter_metering_doc *a = all[i];
		struct guid adapter = a->adapter;

		if (guid_equal(&a->vm, vm))
			adapter_metering_delete(d, &adapter);
	}
	if (vm_is_metered(d, vm))
		docs_delete(d, &metering_kind, guid_format(vm, key));
}
