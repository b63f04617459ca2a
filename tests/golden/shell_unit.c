/* SPDX-License-Identifier: Apache-2.0 */
/* What golden files cannot say: argument vectors, completion, limits, interruption, the regular expressions by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_host.h"
#include "regex.h"
#include "text.h"
#include "value.h"

static char *run_options(const char *text, const struct shell_options *options, int expected)
{
	struct fake_host fake;
	struct shell *sh;

	fake_host_init(&fake);
	sh = shell_new(&fake.host, options);
	assert_int_equal(shell_run(sh, "t", text, strlen(text), false), expected);
	shell_free(sh);
	char *record = str_take(&fake.record);
	fake_host_done(&fake);
	return record;
}

static void expect(const char *text, const char *output, int code)
{
	_cleanup_free_ char *got = run_options(text, NULL, code);

	assert_string_equal(got, output);
}

static void expect_argv(char *const *argv, const char *output, int code)
{
	struct fake_host fake;
	struct shell *sh;
	int n = 0;

	while (argv[n])
		n++;
	fake_host_init(&fake);
	sh = shell_new(&fake.host, NULL);
	assert_int_equal(shell_run_argv(sh, n, argv), code);
	assert_string_equal(str_get(&fake.record), output);
	shell_free(sh);
	fake_host_done(&fake);
}

#define ARGV(...) ((char *const[]){ __VA_ARGS__, NULL })

/* Three objects of which no two fit into a request, and four of which all do. */
static void test_much_input(void **state _unused_)
{
	static const struct {
		const char *text;
		size_t requests;
	} cases[] = {
		{ "(1..3 | ForEach-Object { 'x' * 400000 }) | Start-VM", 3 },
		{ "(1..4 | ForEach-Object { 'x' * 100000 }) | Start-VM", 1 },
		{ "'x' * 1000000 | Start-VM", 1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = run_options(cases[i].text, NULL, SHELL_DONE);
		size_t requests = 0;

		for (const char *p = got; (p = strstr(p, "POST Start-VM {} <- [\"xx")); p++)
			requests++;
		assert_int_equal(requests, cases[i].requests);
	}
}

static void test_argv(void **state _unused_)
{
	expect_argv(ARGV("New-VMSwitch", "-Name", "a b;c $x", "-NetAdapterName", "e,f"),
		    "POST New-VMSwitch {\"Name\":\"a b;c $x\",\"NetAdapterName\":\"e,f\"}\n", SHELL_DONE);
	expect_argv(ARGV("set-vmnetworkadapter", "-VMName", "a,b", "-StaticMac", "000000000011", "-PassThru"),
		    "POST Set-VMNetworkAdapter {\"VMName\":[\"a\",\"b\"],\"StaticMacAddress\":\"000000000011\",\"PassThru\":true}\n",
		    SHELL_DONE);
	expect_argv(ARGV("New-VM", "n", "-MemoryStartupBytes:512MB"),
		    "POST New-VM {\"MemoryStartupBytes\":536870912,\"Name\":\"n\"}\n", SHELL_DONE);
	expect_argv(ARGV("Invoke-Command", "-VMName", "v", "-ScriptBlock", "echo '{' | wc, x"),
		    "POST Invoke-Command {\"VMName\":[\"v\"],\"ScriptBlock\":\"echo '{' | wc, x\"}\n", SHELL_DONE);
	expect_argv(ARGV("New-VMSwitch", "--", "-x"), "POST New-VMSwitch {\"Name\":\"-x\"}\n", SHELL_DONE);
	expect_argv(ARGV("New-VMSwitch", "x", "-AllowManagementOS", "$true"),
		    "POST New-VMSwitch {\"AllowManagementOS\":true,\"Name\":\"x\"}\n", SHELL_DONE);
	expect_argv(ARGV("Get-Nothing"), "nestor: unknown command 'Get-Nothing'\n    what to do: nestor help lists the cmdlets\n",
		    SHELL_NOT_UNDERSTOOD);
	expect_argv(ARGV("New-VM", "-Nope", "x"),
		    "New-VM : A parameter cannot be found that matches parameter name 'Nope'.\n"
		    "    + CategoryInfo          : InvalidArgument: (Nope) [New-VM]\n"
		    "    + FullyQualifiedErrorId : NamedParameterNotFound,New-VM\n"
		    "    what to do: nestor help New-VM lists the parameters\n", SHELL_FAILED);
}

static void test_nothing_runs(void **state _unused_)
{
	/* An error anywhere keeps everything from running. */
	expect("Get-VM\nGet-Nothing", "t:2:1: unknown command 'Get-Nothing'\n", SHELL_NOT_UNDERSTOOD);
	expect("Get-VM\nif (1) { $x. }", "t:2:13: the name of a property or method is missing after '.'\n", SHELL_NOT_UNDERSTOOD);
	expect("Get-VM\r\nfunction f { Get-VM -Nam x -Bad }",
	       "t:2:28: Get-VM : A parameter cannot be found that matches parameter name 'Bad'.\n"
	       "    + FullyQualifiedErrorId : NamedParameterNotFound,Get-VM\n", SHELL_FAILED);
	/* A function may be defined behind its use in another function. */
	expect("function a { b 1 } function b($x) { \"b$x\" } a", "b1\n", SHELL_DONE);
}

static void test_limits(void **state _unused_)
{
	static const struct {
		const char *text, *id;
	} cases[] = {
		{ "$s = 'x'; while ($true) { $s += $s }", "LimitsExceeded" },
		{ "$s = 'x' * 100MB", "LimitsExceeded" },
		{ "$a = 1..2MB", "LimitsExceeded" },
		{ "$a = @(1); while ($true) { $a += $a }", "LimitsExceeded" },
		{ "$h = @{}; $h.self = $h; while ($true) { $i++; $h[\"k$i\"] = 'v' * 100000 }", "LimitsExceeded" },
		{ "function f { f } f", "CallDepthOverflow" },
		{ "while ($true) { }", "LimitsExceeded" },
		{ "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 5000 -match '(a*)*b'; while (1) { }", "LimitsExceeded" },
	};
	const struct shell_options options = { .memory_limit = 64u << 20, .step_limit = 200000 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *got = run_options(cases[i].text, &options, SHELL_FAILED);

		if (!strstr(got, cases[i].id))
			fail_msg("%s: %s", cases[i].text, got);
	}
}

static void test_cycles(void **state _unused_)
{
	/* What refers to itself can be shown, converted and released. */
	_cleanup_free_ char *got = run_options("$h = @{}; $h.h = $h; $h; $a = @(1); $a[0] = $a; \"$a\"; $a; $h | ConvertTo-Json -Depth 2;"
					       "$l = 1; foreach ($i in 1..100000) { $l = @(, $l) }; $l = $null", NULL, SHELL_DONE);

	assert_non_null(strstr(got, "System.Object[]"));
}

static void test_interrupt(void **state _unused_)
{
	struct fake_host fake;
	struct shell *sh;

	fake_host_init(&fake);
	sh = shell_new(&fake.host, NULL);
	fake.interrupted = 1;
	assert_int_equal(shell_run(sh, "t", "try { while (1) { } } catch { 'no' }", 36, false), SHELL_FAILED);
	assert_non_null(strstr(str_get(&fake.record), "PipelineStopped"));
	assert_null(strstr(str_get(&fake.record), "no\n"));
	shell_free(sh);
	fake_host_done(&fake);
}

static void test_unreachable(void **state _unused_)
{
	struct fake_host fake;
	struct shell *sh;

	fake_host_init(&fake);
	fake.unreachable = true;
	sh = shell_new(&fake.host, NULL);
	assert_int_equal(shell_run(sh, "t", "Get-VM", 6, false), SHELL_FAILED);
	assert_string_equal(str_get(&fake.record), "t:1:1: The daemon at fake cannot be reached.\n");
	/* What the language brings itself needs no daemon. */
	assert_int_equal(shell_run(sh, "t", "1..3 | measure | % Count", 24, false), SHELL_DONE);
	shell_free(sh);
	fake_host_done(&fake);
}

static void expect_complete(const char *text, size_t start, const char *candidates)
{
	struct fake_host fake;
	struct shell *sh;
	size_t from;
	json_t *list;
	char *got;

	fake_host_init(&fake);
	sh = shell_new(&fake.host, NULL);
	list = shell_complete(sh, text, strlen(text), &from);
	got = json_dumps(list, JSON_COMPACT);
	assert_string_equal(got, candidates);
	assert_int_equal(from, start);
	free(got);
	json_decref(list);
	shell_free(sh);
	fake_host_done(&fake);
}

static void test_complete(void **state _unused_)
{
	expect_complete("get-vmn", 0, "[\"Get-VMNetworkAdapter\"]");
	expect_complete("1 | Sort-O", 4, "[\"Sort-Object\"]");
	expect_complete("Set-VMNetworkAdapter -Mac", 21, "[\"-MacAddressSpoofing\"]");
	expect_complete("Set-VMNetworkAdapter -MacA o", 27, "[\"On\",\"Off\"]");
	expect_complete("New-VM -Engine Q", 15, "[\"Qemu\"]");
}

static void test_is_complete(void **state _unused_)
{
	static const struct {
		const char *text;
		bool complete;
	} cases[] = {
		{ "Get-VM\n", true }, { "if (1) {\n", false }, { "\"open\n", false }, { "@'\nx\n", false }, { "Get-VM |\n", false },
		{ "1 +\n", false }, { "foo(\n\n", true }, { "$x = `", false }, { "bad }\n", true },
	};
	struct fake_host fake;
	struct shell *sh;

	fake_host_init(&fake);
	sh = shell_new(&fake.host, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (shell_is_complete(sh, cases[i].text, strlen(cases[i].text)) != cases[i].complete)
			fail_msg("%s", cases[i].text);
	shell_free(sh);
	fake_host_done(&fake);
}

static void test_regex(void **state _unused_)
{
	static const struct {
		const char *pattern, *text;
		int start, end; /* -1: no match; -2: not understood */
	} cases[] = {
		{ "abc", "xabcx", 1, 4 },	  { "a*", "aaa", 0, 3 },	     { "a+?", "aaa", 0, 1 },
		{ "^b", "ab", -1, 0 },		  { "b$", "ab\n", 1, 2 },	     { "a|bc|d", "xbc", 1, 3 },
		{ "(a|ab)(c|bcd)", "abcd", 0, 4 }, { "[^a-c]+", "abcxyz", 3, 6 },    { "\\d{2,3}", "a12345", 1, 4 },
		{ "x{0}y", "xy", 1, 2 },	  { "(ab){2}", "ababab", 0, 4 },     { "a{2,}", "aaaa", 0, 4 },
		{ "\\bfoo\\b", "a foo b", 2, 5 }, { "[\\w.]+@", "me.x@y", 0, 5 },    { "é.", "aéb", 1, 4 },
		{ "(?:a)(?<n>b)", "ab", 0, 2 },	  { "(a*)*b", "aaaa", -1, 0 },	     { "[]a]+", "]a", 0, 2 },
		{ "(", "", -2, 0 },		  { "[a", "", -2, 0 },		     { "*a", "", -2, 0 },
		{ "a)", "", -2, 0 },		  { "(?=a)", "", -2, 0 },	     { "\\1", "", -2, 0 },
		{ "a{3,2}", "", -2, 0 },	  { "(((a{99}){99}){99}){99}", "", -2, 0 },
		{ "ABC", "xabc", 1, 4 },	  { "a||b", "b", 0, 0 },
		{ "^(?:(?:a|b)|c(?:d|e))+$", "abcdce", 0, 6 }, { "x*", "", 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_regex_ struct regex *re = NULL;
		_cleanup_free_ char *error = NULL;
		struct regex_match m;
		int r = regex_compile(cases[i].pattern, false, &re, &error);

		if (r < 0 && cases[i].start == -2)
			continue;
		if (r < 0)
			fail_msg("%s: %s", cases[i].pattern, error);
		r = regex_search(re, cases[i].text, 0, &m);
		if (cases[i].start == -2 || (r > 0) != (cases[i].start >= 0) ||
		    (r > 0 && (m.start[0] != (size_t)cases[i].start || m.end[0] != (size_t)cases[i].end)))
			fail_msg("%s on %s: %d %zu-%zu", cases[i].pattern, cases[i].text, r, m.start[0], m.end[0]);
	}
}

static void test_text(void **state _unused_)
{
	assert_int_equal(text_validate("aé€😀", 10), 10);
	assert_int_equal(text_validate("a\xc0\x80", 3), 1);
	assert_int_equal(text_validate("\xed\xa0\x80", 3), 0);
	assert_int_equal(text_validate("a\0b", 3), 1);
	assert_int_equal(text_len("aé€😀"), 4);
	assert_int_equal(text_dash("–"), 3);
	assert_int_equal(text_dash("−"), 3);
	assert_int_equal(text_dash("x"), 0);
	assert_int_equal(text_dquote("„"), 3);
	assert_int_equal(text_squote("‘"), 3);
	assert_int_equal(text_blank("\xc2\xa0"), 2);
	assert_int_equal(text_width("日本"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_argv), cmocka_unit_test(test_much_input),
		cmocka_unit_test(test_nothing_runs), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cycles), cmocka_unit_test(test_interrupt), cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_complete), cmocka_unit_test(test_is_complete), cmocka_unit_test(test_regex),
		cmocka_unit_test(test_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
