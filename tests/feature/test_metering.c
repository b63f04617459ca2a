/* SPDX-License-Identifier: Apache-2.0 */
#include "kit.h"

#include "vm_metering.h"

/* What machines use, added up from samples; real ones are in tests/netns/test_metering.py. */

enum { S = 1000000, GB = 1 << 30, MB = 1 << 20 };

static struct metering_sample at(uint64_t now, uint64_t start, uint64_t cpu, uint64_t memory)
{
	return (struct metering_sample){ .now_us = now * S, .on = true, .start = start, .uptime_us = 3 * S, .counted = true, .cpu_us = cpu * S,
					 .memory = memory, .disk_read = cpu * 10, .disk_capacity = 7 };
}

static void add(struct metering_doc *m, struct metering_sample s)
{
	metering_add(m, &s, false);
}

static void adding_up(void **state)
{
	struct metering_doc m = { 0 };
	struct metering_sample s = at(100, 1, 50, GB);

	(void)state;
	/* What was before it began is nobody's. */
	metering_add(&m, &s, true);
	assert_int_equal(m.duration_us + m.cpu_us + m.disk_read, 0);
	assert_int_equal(m.memory_min, GB);
	add(&m, at(110, 1, 54, 2ul * GB));
	assert_int_equal(m.duration_us, 10 * S);
	assert_int_equal(m.cpu_us, 4 * S);
	assert_int_equal(m.disk_read, 40);
	assert_int_equal(m.disk_capacity, 7);
	assert_int_equal(m.memory_mib_ms, 2048ul * 10000);
	assert_int_equal(m.memory_max, 2ul * GB);
	/* A new start: its counters begin at nothing, its time where it began. */
	add(&m, at(120, 2, 1, GB / 2));
	assert_int_equal(m.duration_us, 13 * S);
	assert_int_equal(m.cpu_us, 5 * S);
	assert_int_equal(m.memory_min, GB / 2);
	/* Off, and on again without another number of the start. */
	add(&m, (struct metering_sample){ 0 });
	add(&m, (struct metering_sample){ 0 });
	add(&m, at(900, 2, 2, GB));
	assert_int_equal(m.duration_us, 16 * S);
	assert_int_equal(m.cpu_us, 7 * S);
	/* Nothing known for a while: it is made up for. The clock goes back: nothing is lost but that time. */
	s = at(910, 2, 0, 0);
	s.counted = false;
	add(&m, s);
	assert_int_equal(m.duration_us, 16 * S);
	add(&m, at(920, 2, 4, GB));
	assert_int_equal(m.duration_us, 36 * S);
	assert_int_equal(m.cpu_us, 9 * S);
	add(&m, at(500, 2, 5, GB));
	assert_int_equal(m.duration_us, 36 * S);
	assert_int_equal(m.cpu_us, 10 * S);
}

static void adapters(void **state)
{
	struct adapter_metering_doc m = { 0 };

	(void)state;
	adapter_metering_add(&m, false, 100, 200, true);
	assert_int_equal(m.inbound + m.outbound, 0);
	adapter_metering_add(&m, false, 150, 260, false);
	assert_int_equal(m.inbound, 50);
	assert_int_equal(m.outbound, 60);
	/* Another port of the same adapter, after a restart. */
	adapter_metering_add(&m, false, 7, 8, false);
	assert_int_equal(m.inbound, 57);
	assert_int_equal(m.outbound, 68);
	/* Others count from now on. */
	adapter_metering_add(&m, true, 5000, 5000, false);
	adapter_metering_add(&m, true, 5001, 5002, false);
	assert_int_equal(m.inbound, 58);
	assert_int_equal(m.outbound, 70);
}

static void cmdlets(void **state)
{
	static const struct refusal cases[] = {
		REFUSED("Measure-VM", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Measure-VM", "{'VMName': 'b'}", "Vm.MeteringDisabled"),
		REFUSED("Reset-VMResourceMetering", "{'VMName': 'b'}", "Vm.MeteringDisabled"),
		REFUSED("Enable-VMResourceMetering", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Disable-VMResourceMetering", "{'VMName': 'no'}", "InvalidParameter"),
		REFUSED("Measure-VM", "{}", "MissingMandatoryParameter"),
	};
	struct kit *k = *state;
	struct kit_traffic t = { .plain = { .sent_bytes = 5 * MB, .received_bytes = 7 * MB } };
	char port[16];
	struct guid id;

	kit_do(k, "New-VM", "{'Name': 'a', 'Engine': 'Namespace'}");
	kit_do(k, "New-VM", "{'Name': 'b', 'Engine': 'Namespace'}");
	kit_do(k, "Start-VM", "{'Name': 'a'}");
	kit_all_refused(k, cases, ARRAY_SIZE(cases));
	kit_what_if(k, "Enable-VMResourceMetering", "{'VMName': 'a'}", 1);
	kit_do(k, "Enable-VMResourceMetering", "{'VMName': 'a'}");
	kit_do(k, "Enable-VMResourceMetering", "{'VMName': 'a'}");
	kit_warning(k, "already");
	kit_do(k, "Get-VM", "{'Name': 'a'}");
	kit_property(k, 0, "ResourceMeteringEnabled", "true");
	kit_do(k, "Get-VMNetworkAdapter", "{'VMName': 'a'}");
	assert_int_equal(guid_parse(json_string_value(json_object_get(json_array_get(json_object_get(k->result, "objects"), 0), "Id")), &id), 0);
	snprintf(t.link, sizeof(t.link), "%s", adapter_port_name(&id, port));
	vec_push(&k->traffic, t);
	kit_do(k, "Measure-VM", "{'VMName': 'a'}");
	kit_property(k, 0, "MaxRAM", "5");
	kit_property(k, 0, "NetworkInbound", "7");
	kit_property(k, 0, "NetworkOutbound", "5");
	/* Asked again it is the same, and not twice as much. */
	kit_do(k, "Measure-VM", "{'VMName': 'a'}");
	kit_property(k, 0, "NetworkInbound", "7");
	/* Not seen for a moment, which is not its end: what it has used before is not counted twice. */
	assert_int_equal(guid_parse(json_string_value(json_object_get(json_array_get(json_object_get(k->result, "objects"), 0), "VMId")), &k->broken), 0);
	docs_begin(k->docs);
	metering_sample_all(k->docs, &k->host);
	assert_int_equal(docs_commit(k->docs, NULL, NULL), 0);
	memset(&k->broken, 0, sizeof(k->broken));
	kit_do(k, "Measure-VM", "{'VMName': 'a'}");
	kit_property(k, 0, "MeteringDuration", "'00:00:00'");
	kit_what_if(k, "Reset-VMResourceMetering", "{'VMName': 'a'}", 1);
	kit_do(k, "Reset-VMResourceMetering", "{'VMName': 'a'}");
	kit_do(k, "Measure-VM", "{'VMName': 'a'}");
	kit_property(k, 0, "NetworkInbound", "0");
	kit_what_if(k, "Disable-VMResourceMetering", "{'VMName': 'a'}", 1);
	kit_do(k, "Disable-VMResourceMetering", "{'VMName': 'a'}");
	assert_int_equal(docs_count(k->docs, &metering_kind) + docs_count(k->docs, &adapter_metering_kind), 0);
	kit_do(k, "Enable-VMResourceMetering", "{'VMName': '*'}");
	kit_do(k, "Remove-VMNetworkAdapter", "{'VMName': 'b'}");
	kit_do(k, "Remove-VM", "{'Name': 'b'}");
	assert_int_equal(docs_count(k->docs, &metering_kind), 1);
	assert_int_equal(docs_count(k->docs, &adapter_metering_kind), 1);
}

int metering_tests(void)
{
	const struct CMUnitTest tests[] = { kit_test(adding_up), kit_test(adapters), kit_test(cmdlets) };

	return cmocka_run_group_tests_name("metering", tests, NULL, NULL);
}
