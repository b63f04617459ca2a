/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "agent.h"
#include "libvirt_watch.h"
#include "machine_test.h"
#include "vec.h"

/* What a guest's agent is asked and what is made of its answers, whatever they are. Real agents: tests/netns/test_reach.py. */

static void questions(void **state)
{
	_cleanup_free_ char *exec = agent_exec_command("echo \"$HOME\" \xff"), *status = agent_exec_status_command(77),
			    *end = agent_kill_command(77);

	(void)state;
	assert_string_equal(exec, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/sh\",\"arg\":[\"-c\","
				  "\"exec setsid /bin/sh -c \\\"$1\\\" sh \\\"$2\\\"\",\"sh\","
				  "\"exec 4>&1; code=$({ { /bin/sh -c \\\"$1\\\" 2>&1 3>&- 4>&-; echo $? >&3; } | head -c 2097153 >&4; } 3>&1); "
				  "exit ${code:-255}\",\"echo \\\"$HOME\\\" ?\"],\"capture-output\":true}}");
	assert_string_equal(status, "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":77}}");
	assert_non_null(strstr(end, "\"kill -s TERM -- -$1\",\"sh\",\"77\""));
}

static void processes(void **state)
{
	static const char *const wrong[] = { "", "{}", "[]", "{\"return\":7}", "{\"return\":{\"pid\":\"7\"}}", "{\"return\":{\"pid\":0}}",
					     "{\"return\":{\"pid\":-7}}", "{\"return\":{\"pid\":7}} {}", "{\"return\":{\"pid\":1e3}}" };
	int64_t pid = 5;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_error(agent_exec_parse(wrong[i], &pid), EPROTO);
	assert_int_equal(pid, 5);
	assert_ok(agent_exec_parse("{\"return\": {\"pid\": 4711}, \"id\": 1}", &pid));
	assert_int_equal(pid, 4711);
}

static void assert_status(const char *inside, bool exited, int code, const char *output)
{
	_cleanup_free_ char *answer = xasprintf("{\"return\":{%s}}", inside);
	struct agent_exec_status s;

	assert_ok(agent_exec_status_parse(answer, &s));
	assert_int_equal(s.exited, exited);
	assert_int_equal(s.code, code);
	assert_false(s.too_much);
	if (output)
		assert_string_equal(s.output, output);
	else
		assert_null(s.output);
	free(s.output);
}

static void ends(void **state)
{
	static const char *const wrong[] = { "", "\"exited\":1", "\"exited\":true,\"out-data\":5", "\"exited\":true,\"out-data\":\"a\"",
					     "\"exited\":true,\"out-data\":\"YQ=\"", "\"exited\":true,\"out-data\":\"Y===\"",
					     "\"exited\":true,\"out-data\":\"Y Q=\"" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		_cleanup_free_ char *answer = xasprintf("{\"return\":{%s}}", wrong[i]);
		struct agent_exec_status s = { .code = 5 };

		assert_error(agent_exec_status_parse(answer, &s), EPROTO);
		assert_int_equal(s.code, 5);
	}
	assert_status("\"exited\":false", false, 0, NULL);
	assert_status("\"exited\":true", true, 0, "");
	assert_status("\"exited\":true,\"exitcode\":7,\"out-data\":\"YQ==\"", true, 7, "a");
	assert_status("\"exited\":true,\"signal\":9,\"out-data\":\"YWI=\"", true, 137, "ab");
	assert_status("\"exited\":true,\"exitcode\":256,\"out-data\":\"YWIA\"", true, 255, "ab?");
	assert_status("\"exited\":true,\"exitcode\":0,\"out-data\":\"AP/+Cg==\"", true, 0, "?\xff\xfe\n");
}

/* The shell in the guest lets one byte more through than there may be. */
static void too_much(void **state)
{
	_cleanup_str_ struct str answer = { 0 };
	struct agent_exec_status s;

	(void)state;
	for (int extra = 0; extra <= 3; extra += 3) {
		str_done(&answer);
		answer = (struct str){ 0 };
		str_add(&answer, "{\"return\":{\"exited\":true,\"exitcode\":0,\"out-data\":\"");
		str_pad(&answer, 'A', (AGENT_MAX_OUTPUT / 3 * 3 + (size_t)extra) / 3 * 4);
		str_add(&answer, "\"}}");
		assert_ok(agent_exec_status_parse(str_get(&answer), &s));
		assert_int_equal(s.too_much, extra > 0);
		free(s.output);
	}
}

static size_t parse_addresses(const char *list, struct agent_address_vec *ret)
{
	_cleanup_free_ char *answer = xasprintf("{\"return\":%s}", list);

	vec_done(ret);
	assert_ok(agent_interfaces_parse(answer, ret));
	return ret->n;
}

#define ADDRESS(text) "{\"ip-address-type\":\"ipv4\",\"ip-address\":\"" text "\",\"prefix\":8}"

static void addresses(void **state)
{
	struct agent_address_vec a = { 0 };
	char ip[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	(void)state;
	assert_error(agent_interfaces_parse("{\"error\":{\"class\":\"CommandNotFound\"}}", &a), EPROTO);
	assert_int_equal(parse_addresses("[]", &a), 0);
	assert_int_equal(parse_addresses("[1,{},[],{\"hardware-address\":5},{\"hardware-address\":\"52:54:00:00:00\"},"
					 "{\"hardware-address\":\"52:54:00:00:00:01\"},{\"hardware-address\":\"52:54:00:00:00:01\",\"ip-addresses\":{}},"
					 "{\"hardware-address\":\"ff:ff:ff:ff:ff:ff\",\"ip-addresses\":[" ADDRESS("10.0.0.9") "]}]", &a), 0);
	assert_int_equal(parse_addresses("[{\"name\":\"eth0\",\"hardware-address\":\"52:54:00:00:00:01\",\"ip-addresses\":[" ADDRESS("10.0.0.1") ","
					 ADDRESS("127.0.0.1") "," ADDRESS("fe80::1") "," ADDRESS("224.0.0.1") "," ADDRESS("0.0.0.0") ","
					 ADDRESS("10.0.0.1/8") ",7,{}," ADDRESS("fd00::5") "]}]", &a), 2);
	assert_string_equal(ip_format(&a.items[0].ip, ip), "10.0.0.1");
	assert_string_equal(mac_format(&a.items[1].mac, mac), "525400000001");
	assert_string_equal(ip_format(&a.items[1].ip, ip), "fd00::5");
	vec_done(&a);
}

static void addresses_are_bounded(void **state)
{
	_cleanup_str_ struct str list = { 0 };
	struct agent_address_vec a = { 0 };

	(void)state;
	str_add(&list, "[{\"hardware-address\":\"52:54:00:00:00:01\",\"ip-addresses\":[");
	for (int i = 0; i < 300; i++)
		str_add(&list, ADDRESS("10.0.0.1") ",");
	str_add(&list, "{}]}]");
	assert_int_equal(parse_addresses(str_get(&list), &a), AGENT_MAX_ADDRESSES);
	vec_done(&a);
}

/* 4.1: per cent of all the host's processors; a counter that starts anew says nothing. */
static void processor_use(void **state)
{
	static const uint64_t ms = 1000000, mib = 1 << 20;
	struct watch_numbers n = { .cpu_ns = 5000 * ms, .usable = 30 * mib, .available = 90 * mib, .disks = { .capacity = 7 } };
	struct watch w = { 0 };

	(void)state;
	watch_take_numbers(&w, &n, 100 * mib, 1000000, 2);
	assert_int_equal(w.cpu_percent, 0);
	assert_int_equal(w.demand, 70 * mib);
	assert_int_equal(w.disks.capacity, 7);
	n.cpu_ns += 500 * ms;
	watch_take_numbers(&w, &n, 100 * mib, 2000000, 2);
	assert_int_equal(w.cpu_percent, 25);
	n.cpu_ns += 5000 * ms;
	watch_take_numbers(&w, &n, 100 * mib, 3000000, 2);
	assert_int_equal(w.cpu_percent, 100);
	n.cpu_ns = 1;
	n.usable = 200 * mib;
	watch_take_numbers(&w, &n, 100 * mib, 4000000, 2);
	assert_int_equal(w.cpu_percent, 100);
	assert_int_equal(w.demand, 0);
}

static void heartbeats(void **state)
{
	struct watch w = { 0 };

	(void)state;
	assert_int_equal(watch_heartbeat(&w), MACHINE_HEARTBEAT_NONE);
	assert_true(watch_wants_addresses(&w));
	assert_false(watch_wants_addresses(&w));
	watch_take_addresses(&w, NULL);
	assert_int_equal(watch_heartbeat(&w), MACHINE_HEARTBEAT_NONE);
	assert_false(watch_wants_addresses(&w));
	assert_false(watch_wants_addresses(&w));
	assert_true(watch_wants_addresses(&w));
	watch_take_addresses(&w, "{\"return\":[{\"hardware-address\":\"52:54:00:00:00:01\",\"ip-addresses\":[" ADDRESS("10.0.0.1") "]}]}");
	assert_int_equal(watch_heartbeat(&w), MACHINE_HEARTBEAT_OK);
	assert_int_equal(w.addresses.n, 1);
	watch_take_addresses(&w, "nonsense");
	assert_int_equal(watch_heartbeat(&w), MACHINE_HEARTBEAT_LOST);
	assert_int_equal(w.addresses.n, 0);
	watch_reset(&w);
	assert_int_equal(watch_heartbeat(&w), MACHINE_HEARTBEAT_NONE);
}

int run_agent_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions), cmocka_unit_test(processes), cmocka_unit_test(ends), cmocka_unit_test(too_much),
		cmocka_unit_test(addresses), cmocka_unit_test(addresses_are_bounded), cmocka_unit_test(processor_use),
		cmocka_unit_test(heartbeats),
	};

	return cmocka_run_group_tests_name("agents", tests, NULL, NULL);
}
