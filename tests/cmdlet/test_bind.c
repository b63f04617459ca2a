/* SPDX-License-Identifier: Apache-2.0 */
/* From names, values and pipeline objects to arguments (cmdlets.md section 1). */
#include "cmdlet_test.h"

#define TRANSFORM    "ParameterArgumentTransformationError"
#define VALIDATION   "ParameterArgumentValidationError"
#define NULL_REFUSED "ParameterArgumentValidationErrorNullNotAllowed"
#define EMPTY_ARRAY  "ParameterArgumentValidationErrorEmptyArrayNotAllowed"
#define EMPTY_STRING "ParameterArgumentValidationErrorEmptyStringNotAllowed"

struct shown {
	const char *parameters, *name, *value;
};

static void show_all(struct fixture *f, const struct shown *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		run(f, "Show-Value", cases[i].parameters, NULL);
		if (f->status != 200)
			fail_msg("%s: %s", cases[i].parameters, error_member(f, 0, "message"));
		assert_shown(f, cases[i].name, cases[i].value);
	}
}

static void refuse_all(struct fixture *f, const struct shown *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		run(f, "Show-Value", cases[i].parameters, NULL);
		if (f->status != 400 || !streq(error_member(f, 0, "id"), cases[i].name))
			fail_msg("%s: %d %s", cases[i].parameters, f->status, error_member(f, 0, "id"));
		assert_refused(f, 400, cases[i].name);
		if (cases[i].value && !strstr(error_member(f, 0, "message"), cases[i].value))
			fail_msg("%s: %s", cases[i].parameters, error_member(f, 0, "message"));
	}
}

static void names(void **state)
{
	static const struct shown good[] = {
		{ "{'Name': 'x'}", "Name", "x" },
		{ "{'nAmE': 'x'}", "Name", "x" },
		/* An exact name wins over what begins with it, and so does an alias. */
		{ "{'NAMES': 'x'}", "Names", "x" },
		{ "{'Label': 'x'}", "Name", "x" },
		{ "{'tag': 'x'}", "Name", "x" },
		{ "{'IP': '10.0.0.1'}", "Address", "10.0.0.1" },
		{ "{'Nic': 'x'}", "Nickname", "x" },
		{ "{'la': 'x'}", "Name", "x" },
		{ "{'a': '10.0.0.1'}", "Address", "10.0.0.1" },
		{ "{'fo': true}", "Force", "yes" },
		{ "{'Nickname': 'x'}", "Name", NULL },
	};
	static const struct shown bad[] = {
		{ "{'N': 'x'}", "AmbiguousParameter", "-Name -Names -Nickname" },
		{ "{'truth': true, 'tr': true}", "AmbiguousParameter", "-Truth -Truths" },
		/* Aliases take part: Label and Least, Ip and Id and InputObject. */
		{ "{'L': 'x'}", "AmbiguousParameter", "-Name -Least" },
		{ "{'I': 'x'}", "AmbiguousParameter", "-Address -Id -InputObject" },
		{ "{'': 'x'}", "NamedParameterNotFound" },
		{ "{'Nope': 'x'}", "NamedParameterNotFound", "'Nope'" },
		{ "{'Name ': 'x'}", "NamedParameterNotFound" },
		{ "{'Label,Tag': 'x'}", "NamedParameterNotFound" },
		{ "{'Name': 'x', 'name': 'x'}", "ParameterAlreadyBound" },
		{ "{'Name': 'x', 'Label': 'x'}", "ParameterAlreadyBound", "'Name'" },
		{ "{'Nick': 'x', 'Nic': 'x'}", "ParameterAlreadyBound" },
		/* Of the cmdlets that change something alone. */
		{ "{'WhatIf': true}", "NamedParameterNotFound" },
		{ "{'PassThru': true}", "NamedParameterNotFound" },
	};

	show_all(*state, good, ARRAY_SIZE(good));
	refuse_all(*state, bad, ARRAY_SIZE(bad));
}

/* What every cmdlet takes. */
static void common(void **state)
{
	struct fixture *f = *state;

	run(f, "Show-Value", "{'Verbose': true, 'ThrottleLimit': 4}", NULL);
	assert_int_equal(f->status, 200);
	run(f, "Test-Nothing", "{'Verbose': true}", NULL);
	assert_int_equal(f->status, 200);
	run(f, "Set-Item", "{'Name': 'a', 'Confirm': false, 'PassThru': true}", NULL);
	assert_int_equal(f->status, 200);
	run(f, "Test-Nothing", "{'ThrottleLimit': 4294967296}", NULL);
	assert_refused(f, 400, VALIDATION);
}

static void texts(void **state)
{
	static const struct shown good[] = {
		{ "{'Name': 'x y'}", "Name", "x y" },
		{ "{'Name': 5}", "Name", "5" },
		{ "{'Name': -5}", "Name", "-5" },
		{ "{'Name': 1.5}", "Name", "1.5" },
		{ "{'Name': 4e9}", "Name", "4000000000" },
		{ "{'Name': true}", "Name", "True" },
		{ "{'Name': ['x']}", "Name", "x" },
		{ "{'Names': 'x'}", "Names", "x" },
		{ "{'Names': ['x', 2, false]}", "Names", "x|2|False" },
		{ "{'Names': ['x', 'x']}", "Names", "x|x" },
		{ "{'Nickname': ''}", "Nickname", "" },
		/* As PowerShell makes a string of $null, where an empty one is allowed. */
		{ "{'Nickname': null}", "Nickname", "" },
		{ "{'Script': ' hostname; '}", "Script", " hostname; " },
		{ "{'Script': ''}", "Script", "" },
	};
	static const struct shown bad[] = {
		{ "{'Name': null}", NULL_REFUSED, "'Name'" }, { "{'Names': null}", NULL_REFUSED },
		{ "{'Names': ['x', null]}", NULL_REFUSED },   { "{'Names': []}", EMPTY_ARRAY, "'Names'" },
		{ "{'Name': ''}", EMPTY_STRING, "'Name'" },   { "{'Names': ['x', '']}", EMPTY_STRING },
		{ "{'Name': ['x', 'y']}", TRANSFORM },	      { "{'Name': []}", TRANSFORM },
		{ "{'Name': [['x']]}", TRANSFORM },	      { "{'Name': {}}", TRANSFORM },
		{ "{'Names': [['x']]}", TRANSFORM },	      { "{'Names': {'0': 'x'}}", TRANSFORM },
		{ "{'Name': 'a\\u0000b'}", TRANSFORM },
	};

	show_all(*state, good, ARRAY_SIZE(good));
	refuse_all(*state, bad, ARRAY_SIZE(bad));
}

static void numbers(void **state)
{
	static const struct shown good[] = {
		{ "{'Signed': -10}", "Signed", "-10" },
		{ "{'Signed': '20'}", "Signed", "20" },
		{ "{'Signed': 0}", "Signed", "0" },
		{ "{'Signed': '-0x5'}", "Signed", "-5" },
		{ "{'Least': 5}", "Least", "5" },
		{ "{'Least': 20}", "Least", "20" },
		{ "{'Whole': 9223372036854775807}", "Whole", "9223372036854775807" },
		{ "{'Whole': -9223372036854775807}", "Whole", "-9223372036854775807" },
		{ "{'Whole': '-9223372036854775808'}", "Whole", "-9223372036854775808" },
		{ "{'Count': 2}", "Count", "2" },
		{ "{'Count': '4096'}", "Count", "4096" },
		{ "{'Count': 3.0}", "Count", "3" },
		{ "{'Count': '4KB'}", "Count", "4096" },
		{ "{'Bytes': 0}", "Bytes", "0" },
		{ "{'Bytes': '-0'}", "Bytes", "0" },
		{ "{'Bytes': '1kb'}", "Bytes", "1024" },
		{ "{'Bytes': '512MB'}", "Bytes", "536870912" },
		{ "{'Bytes': '4Gb'}", "Bytes", "4294967296" },
		{ "{'Bytes': '2TB'}", "Bytes", "2199023255552" },
		{ "{'Bytes': '0x10KB'}", "Bytes", "16384" },
		{ "{'Bytes': '18446744073709551615'}", "Bytes", "18446744073709551615" },
		{ "{'Bytes': 4294967296.0}", "Bytes", "4294967296" },
	};
	static const struct shown bad[] = {
		{ "{'Signed': -11}", VALIDATION, "between -10 and 20" },
		{ "{'Signed': 21}", VALIDATION },
		{ "{'Least': 4}", VALIDATION, "between 5 and 20" },
		{ "{'Least': -5}", VALIDATION },
		{ "{'Whole': '9223372036854775808'}", VALIDATION },
		{ "{'Whole': '-9223372036854775809'}", VALIDATION },
		{ "{'Count': 1}", VALIDATION, "between 2 and 4096" },
		{ "{'Count': 4097}", VALIDATION },
		{ "{'Count': -2}", VALIDATION },
		{ "{'Bytes': -1}", VALIDATION, "between 0 and 18446744073709551615" },
		{ "{'Bytes': '18446744073709551616'}", VALIDATION },
		{ "{'Bytes': '16777216TB'}", VALIDATION },
		{ "{'Bytes': 'KB'}", TRANSFORM },
		{ "{'Bytes': '1PB'}", TRANSFORM },
		{ "{'Bytes': '1 KB'}", TRANSFORM },
		{ "{'Bytes': '1.5KB'}", TRANSFORM },
		{ "{'Bytes': 1.5}", TRANSFORM, "System.UInt64" },
		{ "{'Bytes': 1e300}", TRANSFORM },
		{ "{'Bytes': true}", TRANSFORM },
		{ "{'Bytes': ''}", TRANSFORM },
		{ "{'Bytes': '+1'}", TRANSFORM },
		{ "{'Bytes': '--1'}", TRANSFORM },
		{ "{'Bytes': '-'}", TRANSFORM },
		{ "{'Signed': '1,2'}", TRANSFORM, "System.Int64" },
	};

	show_all(*state, good, ARRAY_SIZE(good));
	refuse_all(*state, bad, ARRAY_SIZE(bad));
}

static void choices(void **state)
{
	static const struct shown good[] = {
		{ "{'Truth': true}", "Truth", "yes" },
		{ "{'Truth': false}", "Truth", "no" },
		{ "{'Truth': 1}", "Truth", "yes" },
		{ "{'Truth': 0}", "Truth", "no" },
		{ "{'Truth': '$TRUE'}", "Truth", "yes" },
		{ "{'Truth': '$false'}", "Truth", "no" },
		{ "{'Truth': 'True'}", "Truth", "yes" },
		{ "{'Truth': 'FALSE'}", "Truth", "no" },
		{ "{'Truths': [true, '0']}", "Truths", "yes|no" },
		{ "{'Force': false}", "Force", "no" },
		{ "{'Force': '$true'}", "Force", "yes" },
		{ "{'Colour': 'red'}", "Colour", "Red/0" },
		{ "{'Colour': 'LIGHTGREEN'}", "Colour", "LightGreen/1" },
		{ "{'Colour': ['Blue', 'red']}", "Colour", "Blue/2|Red/0" },
	};
	static const struct shown bad[] = {
		{ "{'Truth': 2}", TRANSFORM, "System.Boolean" },
		{ "{'Truth': 'yes'}", TRANSFORM },
		{ "{'Truth': 'On'}", TRANSFORM },
		{ "{'Truth': ''}", TRANSFORM },
		{ "{'Force': 'x'}", TRANSFORM, "SwitchParameter" },
		{ "{'Colour': 'Light'}", TRANSFORM, "is not one of: Red, LightGreen, Blue." },
		{ "{'Colour': 0}", TRANSFORM },
		{ "{'Colour': ''}", TRANSFORM },
		{ "{'Colour': ['Red', 'Purple']}", TRANSFORM, "\"Purple\"" },
	};

	show_all(*state, good, ARRAY_SIZE(good));
	refuse_all(*state, bad, ARRAY_SIZE(bad));
}

static void network_values(void **state)
{
	static const struct shown good[] = {
		{ "{'Mac': '00-15-5d-01-02-03'}", "Mac", "00155D010203" },
		{ "{'Address': '2001:DB8::1'}", "Address", "2001:db8::1" },
		{ "{'Prefix': '10.10.10.0/24'}", "Prefix", "10.10.10.0/24" },
		{ "{'Id': '{11111111-2222-3333-4444-00000000ABCD}'}", "Id", "11111111-2222-3333-4444-00000000abcd" },
		{ "{'Vsid': 5010}", "Vsid", "5010" },
		{ "{'Vsid': '5010'}", "Vsid", "5010" },
		{ "{'Vsid': 5010.0}", "Vsid", "5010" },
		{ "{'Vsid': 16777214}", "Vsid", "16777214" },
		{ "{'PortVsid': 0}", "PortVsid", "0" },
		{ "{'PortVsid': '0'}", "PortVsid", "0" },
		{ "{'PortVsid': 4096}", "PortVsid", "4096" },
	};
	static const struct shown bad[] = {
		{ "{'Mac': '00155D01020'}", TRANSFORM, "MAC address" },
		{ "{'Address': '10.0.0.256'}", TRANSFORM, "IP address" },
		{ "{'Address': '10.0.0.0/8'}", TRANSFORM },
		{ "{'Prefix': '10.0.0.1'}", TRANSFORM, "address prefix" },
		{ "{'Prefix': '10.10.10.1/24'}", TRANSFORM },
		{ "{'Id': 'x'}", TRANSFORM, "System.Guid" },
		{ "{'Vsid': 0}", "Wnv.VsidOutOfRange", "0 is out of range: 4096 to 16777214 are possible." },
		{ "{'Vsid': 1}", "Wnv.VsidOutOfRange" },
		{ "{'Vsid': 4095}", "Wnv.VsidOutOfRange" },
		{ "{'Vsid': 16777215}", "Wnv.VsidOutOfRange" },
		{ "{'Vsid': 4294971392}", "Wnv.VsidOutOfRange" },
		{ "{'Vsid': -5010}", TRANSFORM },
		{ "{'Vsid': 'x'}", TRANSFORM },
		{ "{'Vsid': 5010.5}", TRANSFORM },
		{ "{'PortVsid': 1}", "Wnv.VsidOutOfRange", ", and 0 for none." },
		{ "{'PortVsid': 4095}", "Wnv.VsidOutOfRange" },
		{ "{'PortVsid': 16777215}", "Wnv.VsidOutOfRange" },
		{ "{'PortVsid': ''}", TRANSFORM },
	};
	struct fixture *f = *state;

	show_all(f, good, ARRAY_SIZE(good));
	refuse_all(f, bad, ARRAY_SIZE(bad));
	run(f, "Show-Value", "{'Prefix': '10.10.10.1/24'}", NULL);
	assert_string_equal(error_member(f, 0, "recommendation"),
			    "The address has bits behind the prefix length: 10.10.10.0/24 is the network.");
	assert_string_equal(error_member(f, 0, "target"), "10.10.10.1/24");
}

static char *long_text(size_t n)
{
	char *text = xmalloc(n + 1);

	memset(text, 'x', n);
	text[n] = 0;
	return text;
}

static void limits(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *fits = long_text(4096), *too_long = long_text(4097), *script = long_text(100000);
	json_t *r = json_pack("{s:{s:s}}", "parameters", "Name", fits), *many, *input = json_array();

	request(f, "Show-Value", r);
	assert_shown(f, "Name", fits);
	json_decref(r);
	r = json_pack("{s:{s:s}}", "parameters", "Name", too_long);
	request(f, "Show-Value", r);
	assert_refused(f, 400, VALIDATION);
	assert_string_equal(error_member(f, 0, "category"), "LimitsExceeded");
	json_decref(r);
	r = json_pack("{s:{s:s}}", "parameters", "Script", script);
	request(f, "Show-Value", r);
	assert_shown(f, "Script", script);
	json_decref(r);
	/* A name without end shows in no message. */
	r = json_pack("{s:{s:s}}", "parameters", too_long, "x");
	request(f, "Show-Value", r);
	assert_refused(f, 400, "NamedParameterNotFound");
	assert_true(strlen(error_member(f, 0, "message")) < 300);
	json_decref(r);
	many = json_array();
	for (int i = 0; i < 100000; i++)
		json_array_append_new(many, json_true());
	r = json_pack("{s:{s:O}}", "parameters", "Truths", many);
	request(f, "Show-Value", r);
	assert_int_equal(f->status, 200);
	json_array_append_new(many, json_true());
	request(f, "Show-Value", r);
	assert_refused(f, 400, VALIDATION);
	json_decref(many);
	json_decref(r);
	for (int i = 0; i < 100001; i++)
		json_array_append_new(input, json_integer(1));
	r = json_pack("{s:o}", "input", input);
	request(f, "Test-Failure", r);
	assert_refused(f, 400, "RequestTooLarge");
	json_decref(r);
}

/* A request that is cut inside a character still gets an answer that is JSON. */
static void messages_are_utf8(void **state)
{
	struct fixture *f = *state;
	struct str s = { 0 };
	json_t *r;

	for (int i = 0; i < 300; i++)
		str_add(&s, i ? "\xc3\xa4" : "x");
	r = json_pack("{s:{s:s}}", "parameters", "Mac", str_get(&s));
	request(f, "Show-Value", r);
	assert_refused(f, 400, TRANSFORM);
	assert_non_null(error_member(f, 0, "message"));
	assert_string_equal(error_member(f, 0, "target"), str_get(&s));
	json_decref(r);
	r = json_object();
	request(f, str_get(&s), r);
	assert_refused(f, 404, "CommandNotFoundException");
	assert_non_null(error_member(f, 0, "message"));
	assert_non_null(error_member(f, 0, "fullyQualifiedErrorId"));
	request(f, "not \xff UTF-8", r);
	assert_refused(f, 404, "CommandNotFoundException");
	assert_string_equal(error_member(f, 0, "fullyQualifiedErrorId"), "CommandNotFoundException,not ? UTF-8");
	json_decref(r);
	str_done(&s);
}

static void sets(void **state)
{
	static const struct {
		const char *parameters, *error;
	} cases[] = {
		{ "{'ByName': 'x'}", NULL },
		{ "{'ByName': 'x', 'Fast': true, 'Always': 'x'}", NULL },
		{ "{'ById': 1}", NULL },
		{ "{'ById': 1, 'Fast': true, 'Deep': true}", NULL },
		{ "{'First': 'x', 'Second': 'x', 'Always': 'x'}", NULL },
		{ "{}", "MissingMandatoryParameter" },
		{ "{'Always': 'x'}", "MissingMandatoryParameter" },
		{ "{'Fast': true}", "MissingMandatoryParameter" },
		{ "{'Deep': true}", "MissingMandatoryParameter" },
		{ "{'First': 'x'}", "MissingMandatoryParameter" },
		{ "{'ByName': 'x', 'ById': 1}", "AmbiguousParameterSet" },
		{ "{'ByName': 'x', 'Deep': true}", "AmbiguousParameterSet" },
		{ "{'First': 'x', 'Second': 'x', 'Fast': true}", "AmbiguousParameterSet" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run(f, "Test-Set", cases[i].parameters, NULL);
		if (cases[i].error)
			assert_refused(f, 400, cases[i].error);
		else if (f->status != 200)
			fail_msg("%s: %s", cases[i].parameters, error_member(f, 0, "message"));
	}
	/* What is missing is said for the first set that is still possible. */
	run(f, "Test-Set", "{}", NULL);
	assert_string_equal(error_member(f, 0, "target"), "ByName");
	run(f, "Test-Set", "{'Deep': true}", NULL);
	assert_string_equal(error_member(f, 0, "target"), "ById");
	run(f, "Test-Set", "{'Second': 'x'}", NULL);
	assert_string_equal(error_member(f, 0, "target"), "First");
	run(f, "Set-Item", "{'Value': 1}", NULL);
	assert_refused(f, 400, "MissingMandatoryParameter");
	/* The pipeline binds no parameter of a set that is excluded. */
	run(f, "Test-Set", "{}", "[{'ById': 7}]");
	assert_int_equal(f->status, 200);
	run(f, "Test-Set", "{'ByName': 'x'}", "[{'ById': 7}]");
	assert_refused(f, 400, "InputObjectNotBound");
}

#define ITEM "{'Name': 'i', 'Value': 3, 'Extra': null}"

static void pipeline(void **state)
{
	static const struct {
		const char *parameters, *input, *name, *value;
	} cases[] = {
		/* By value: the object of the type, or what is no object. */
		{ "{}", "['x']", "Name", "x" },
		{ "{}", "[5]", "Name", "5" },
		{ "{}", "[true]", "Name", "True" },
		{ "{}", "[" ITEM "]", "InputObject", "{\"Name\":\"i\",\"Value\":3,\"Extra\":null}" },
		/* ... which goes on to give its properties. */
		{ "{}", "[" ITEM "]", "Name", "i" },
		/* By property name or alias, without case; exact spelling first. */
		{ "{}", "[{'Name': 'x'}]", "Name", "x" },
		{ "{}", "[{'NAME': 'x'}]", "Name", "x" },
		{ "{}", "[{'name': 'x', 'Name': 'y'}]", "Name", "y" },
		{ "{}", "[{'label': 'x'}]", "Name", "x" },
		{ "{}", "[{'Tag': 'x'}]", "Name", "x" },
		{ "{}", "[{'Tag': 'x', 'Name': 'y'}]", "Name", "y" },
		{ "{}", "[{'Names': ['x', 'y']}]", "Names", "x|y" },
		{ "{}", "[{'Name': 'x', 'Count': 7}]", "Count", "7" },
		/* What is given stays; null is as if it were not there. */
		{ "{'Name': 'given'}", "[{'Name': 'x', 'Count': 7}]", "Name", "given" },
		{ "{'Name': 'given'}", "[" ITEM "]", "Name", "given" },
		{ "{}", "[{'Name': 'x', 'Count': null}]", "Count", NULL },
		/* Other properties are nobody's. */
		{ "{}", "[{'Name': 'x', 'Bytes': 'no number'}]", "Bytes", NULL },
		{ "{}", "[{'Na': 'y', 'Name': 'x'}]", "Name", "x" },
	};
	static const struct {
		const char *parameters, *input, *error;
	} bad[] = {
		{ "{}", "[null]", NULL_REFUSED },
		{ "{}", "[[]]", "InputObjectNotBound" },
		{ "{}", "[['x']]", "InputObjectNotBound" },
		{ "{}", "[{}]", "InputObjectNotBound" },
		{ "{}", "[{'Other': 1}]", "InputObjectNotBound" },
		/* A name that is null is there: the alias is not asked. */
		{ "{}", "[{'Name': null, 'Tag': 'x'}]", "InputObjectNotBound" },
		{ "{}", "[{'Na': 'x'}]", "InputObjectNotBound" },
		{ "{'Name': 'given'}", "['x']", "InputObjectNotBound" },
		{ "{'Name': 'given'}", "[{'Name': 'x'}]", "InputObjectNotBound" },
		{ "{}", "[{'Name': ''}]", EMPTY_STRING },
		{ "{}", "[{'Name': {}}]", TRANSFORM },
		{ "{}", "[{'Count': 1}]", VALIDATION },
		{ "{}", "['']", EMPTY_STRING },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run(f, "Show-Value", cases[i].parameters, cases[i].input);
		assert_shown(f, cases[i].name, cases[i].value);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		run(f, "Show-Value", bad[i].parameters, bad[i].input);
		assert_refused(f, 400, bad[i].error);
	}
	/* An object that lacks a property of the type is none of it. */
	run(f, "Show-Value", "{}", "[{'Name': 'i', 'Value': 3}]");
	assert_shown(f, "InputObject", NULL);
	/* No objects, no calls. */
	run(f, "Show-Value", "{}", "[]");
	assert_int_equal(f->status, 200);
	assert_member(f, "objects", "[]");
	run(f, "Test-Nothing", "{}", "['x']");
	assert_refused(f, 400, "InputObjectNotBound");
}

static void object_parameters(void **state)
{
	static const struct shown bad[] = {
		{ "{'InputObject': 'x'}", TRANSFORM, "a Item object is needed" },
		{ "{'InputObject': 1}", TRANSFORM },
		{ "{'InputObject': null}", NULL_REFUSED },
		{ "{'InputObject': [{}, {}]}", TRANSFORM },
	};
	struct fixture *f = *state;

	run(f, "Show-Value", "{'InputObject': " ITEM "}", NULL);
	assert_shown(f, "InputObject", "{\"Name\":\"i\",\"Value\":3,\"Extra\":null}");
	run(f, "Show-Value", "{'InputObject': [" ITEM "]}", NULL);
	assert_shown(f, "InputObject", "{\"Name\":\"i\",\"Value\":3,\"Extra\":null}");
	refuse_all(f, bad, ARRAY_SIZE(bad));
}

int bind_tests(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(names),
		fixture_test(common),
		fixture_test(texts),
		fixture_test(numbers),
		fixture_test(choices),
		fixture_test(network_values),
		fixture_test(limits),
		fixture_test(messages_are_utf8),
		fixture_test(sets),
		fixture_test(pipeline),
		fixture_test(object_parameters),
	};

	return cmocka_run_group_tests_name("cmdlet/bind", tests, NULL, NULL);
}
