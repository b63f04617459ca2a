/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers: the catalogue, changes, -WhatIf, failures in part, statuses, calls that end later. */
#include <sys/resource.h>

#include <signal.h>

#include "cmdlet_test.h"
#include "store.h"

static void catalogue(void **state)
{
	struct fixture *f = *state;
	json_t *all = cmdlet_server_describe(f->server, NULL), *list = json_object_get(all, "cmdlets");
	struct str names = { 0 };
	size_t i;
	json_t *one;

	json_array_foreach (list, i, one)
		str_addf(&names, "%s ", json_string_value(json_object_get(one, "name")));
	assert_string_equal(str_get(&names), "Get-Command Get-Help Get-Item Get-Leak Set-Item Show-Value Test-Failure "
					     "Test-Nothing Test-Set Wait-Item ");
	str_done(&names);
	f->result = json_object_get(all, "types");
	json_incref(f->result);
	assert_member(f, "Item",
		      "{'view':'table','properties':['Name','Value','Extra'],'columns':["
		      "{'property':'Name','label':'Name','align':'left'},"
		      "{'property':'Value','label':'Worth','align':'right'}]}");
	assert_member(f, "Shown", "{'view':'list','properties':[],'columns':[]}");
	json_decref(all);
	assert_null(cmdlet_server_describe(f->server, "Get-Nothing"));
}

static void describe_one(void **state)
{
	static const char common[] =
		"{'name':'Verbose','type':'switch','array':false,'switch':true,'aliases':[],'required':false,"
		"'position':null,'pipeline':[],'enum':[],'default':'','help':'accepted; there is no more to say',"
		"'sets':[]},{'name':'ThrottleLimit','type':'uint','array':false,'switch':false,'aliases':[],"
		"'required':false,'position':null,'pipeline':[],'enum':[],'maximum':4294967295,'default':'',"
		"'help':'accepted; one command runs at a time','sets':[]}";
	struct fixture *f = *state;
	_cleanup_free_ char *nothing = xasprintf(
		"[{'name':'Test-Nothing','help':'no parameters','output':null,'changes':false,'stream':false,'parameters':[%s]}]",
		common);

	f->result = cmdlet_server_describe(f->server, "TEST-nothing");
	assert_member(f, "cmdlets", nothing);
	assert_member(f, "types", "{}");
}

/* The description of one parameter, as compact text. */
static void assert_parameter(struct fixture *f, const char *cmdlet, const char *name, const char *expected)
{
	json_t *all = cmdlet_server_describe(f->server, cmdlet), *one;
	json_t *params = json_object_get(json_array_get(json_object_get(all, "cmdlets"), 0), "parameters");
	bool found = false;
	size_t i;

	json_array_foreach (params, i, one) {
		if (!streq(json_string_value(json_object_get(one, "name")), name))
			continue;
		json_decref(f->result);
		f->result = json_pack("{s:O}", "p", one);
		assert_member(f, "p", expected);
		found = true;
	}
	assert_int_equal(found, expected != NULL);
	json_decref(all);
}

static void describe_parameters(void **state)
{
	struct fixture *f = *state;

	assert_parameter(
		f, "Show-Value", "Name",
		"{'name':'Name','type':'string','array':false,'switch':false,'aliases':['Label','Tag'],'required':"
		"false,"
		"'position':0,'pipeline':['value','property'],'enum':[],'default':'','help':'a text','sets':[]}");
	assert_parameter(
		f, "Show-Value", "Colour",
		"{'name':'Colour','type':'enum','array':true,'switch':false,'aliases':[],'required':false,"
		"'position':null,'pipeline':[],'enum':['Red','LightGreen','Blue'],'default':'Red','help':'colours',"
		"'sets':[]}");
	assert_parameter(
		f, "Show-Value", "Signed",
		"{'name':'Signed','type':'int','array':false,'switch':false,'aliases':[],'required':false,"
		"'position':null,'pipeline':[],'enum':[],'minimum':-10,'maximum':20,'default':'','help':'a number',"
		"'sets':[]}");
	assert_parameter(
		f, "Show-Value", "InputObject",
		"{'name':'InputObject','type':'object','array':false,'switch':false,'aliases':[],'required':false,"
		"'position':null,'pipeline':['value'],'enum':[],'object':'Item','default':'','help':'an "
		"item','sets':[]}");
	assert_parameter(
		f, "Test-Set", "Fast",
		"{'name':'Fast','type':'switch','array':false,'switch':true,'aliases':[],'required':false,"
		"'position':null,'pipeline':[],'enum':[],'default':'','help':'with a name or an id','sets':[0,1]}");
	assert_parameter(f, "Test-Set", "ById",
			 "{'name':'ById','type':'uint','array':false,'switch':false,'aliases':[],'required':true,"
			 "'position':null,'pipeline':['property'],'enum':[],'default':'','help':'id','sets':[1]}");
	assert_parameter(f, "Show-Value", "WhatIf", NULL);
	assert_parameter(f, "Show-Value", "PassThru", NULL);
	assert_parameter(
		f, "Set-Item", "WhatIf",
		"{'name':'WhatIf','type':'switch','array':false,'switch':true,'aliases':[],'required':false,"
		"'position':null,'pipeline':[],'enum':[],'default':'','help':'say what would happen; change nothing',"
		"'sets':[]}");
}

static void type_names(void **state)
{
	static const char *const types[][2] = {
		{ "Truth", "bool" }, { "Mac", "mac" },	 { "Address", "ip" },	      { "Prefix", "prefix" },
		{ "Id", "guid" },    { "Vsid", "vsid" }, { "Script", "scriptblock" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		json_t *all = cmdlet_server_describe(f->server, "Show-Value"), *one;
		json_t *params = json_object_get(json_array_get(json_object_get(all, "cmdlets"), 0), "parameters");
		size_t k;

		json_array_foreach (params, k, one)
			if (streq(json_string_value(json_object_get(one, "name")), types[i][0]))
				assert_string_equal(json_string_value(json_object_get(one, "type")), types[i][1]);
		json_decref(all);
	}
}

static void help(void **state)
{
	struct fixture *f = *state;

	run(f, "get-command", "{'Name': ['*-ITEM', 'Test-Nothing']}", NULL);
	assert_int_equal(f->status, 200);
	assert_member(f, "type", "'CommandInfo'");
	assert_int_equal(json_array_size(json_object_get(f->result, "objects")), 4);
	run(f, "Get-Command", "{'Name': 'Test-Nothing'}", NULL);
	assert_member(f, "objects",
		      "[{'CommandType':'Cmdlet','Name':'Test-Nothing','Definition':'no parameters',"
		      "'Parameters':['Verbose','ThrottleLimit']}]");
	run(f, "Get-Command", "{'Name': 'Nothing'}", NULL);
	assert_refused(f, 404, "CommandNotFoundException");
	run(f, "Get-Command", "{'Name': 'Nothing*'}", NULL);
	assert_int_equal(f->status, 200);
	run(f, "Get-Help", "{'Name': 'Set-Item'}", NULL);
	assert_member(
		f, "objects",
		"[{'Name':'Set-Item','Synopsis':'write items','Syntax':'Set-Item [-Name] <string[]> [-Value <uint>] "
		"[-How "
		"{Plain|FailBefore|FailAfter|ErrorOnOdd|Silent}] [-WhatIf] [-Confirm] [-PassThru] [-Verbose] "
		"[-ThrottleLimit "
		"<uint>]','Parameters':['-Name: names','-Value: value','-How: what goes wrong',"
		"'-WhatIf: say what would happen; change nothing','-Confirm: accepted; nothing is ever asked here',"
		"'-PassThru: return the changed objects','-Verbose: accepted; there is no more to say',"
		"'-ThrottleLimit: accepted; one command runs at a time']}]");
	run(f, "Get-Help", "{'Name': 'no*'}", NULL);
	assert_refused(f, 404, "HelpNotFound");
}

static void bad_requests(void **state)
{
	static const char *const bad[] = {
		"[]",
		"1",
		"null",
		"'x'",
		"{'parameters': []}",
		"{'parameters': null}",
		"{'parameters': 'x'}",
		"{'input': {}}",
		"{'input': 'x'}",
		"{'input': null}",
		"{'parameters': {}, 'input': 1}",
	};
	struct fixture *f = *state;
	json_t *json;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		json = parse(bad[i]);
		request(f, "Set-Item", json);
		assert_refused(f, 400, "RequestNotUnderstood");
		assert_string_equal(error_member(f, 0, "fullyQualifiedErrorId"), "RequestNotUnderstood,Set-Item");
		assert_member(f, "warnings", "[]");
		assert_member(f, "whatIf", "[]");
		json_decref(json);
	}
	request(f, "Set-Item", NULL);
	assert_refused(f, 400, "RequestNotUnderstood");
	json = parse("{'other': 1}");
	request(f, "Test-Nothing", json);
	assert_int_equal(f->status, 200);
	json_decref(json);
	run(f, "Set-Items", "{}", NULL);
	assert_refused(f, 404, "CommandNotFoundException");
	assert_member(f, "errors",
		      "[{'id':'CommandNotFoundException','fullyQualifiedErrorId':'CommandNotFoundException,Set-Items',"
		      "'category':'ObjectNotFound','message':'The term 'Set-Items' is not recognized as the name of a "
		      "cmdlet.',"
		      "'target':'Set-Items','recommendation':'Get-Command lists the cmdlets.','errno':0}]");
	assert_int_equal(f->reconciles, 0);
}

static void changes(void **state)
{
	struct fixture *f = *state;

	run(f, "set-ITEM", "{'Name': ['b', 'a'], 'Value': 7}", NULL);
	assert_int_equal(f->status, 200);
	/* The type's properties first and in its order, absent ones null, the others behind. */
	assert_member(f, "objects",
		      "[{'Name':'b','Value':7,'Extra':null,'Unlisted':true},"
		      "{'Name':'a','Value':7,'Extra':null,'Unlisted':true}]");
	assert_member(f, "type", "'Item'");
	assert_member(f, "errors", "[]");
	assert_member(f, "warnings", "['item 0','item 1']");
	assert_member(f, "whatIf", "[]");
	assert_items(f, "a=7;b=7;");
	assert_int_equal(f->reconciles, 1);
	/* What changes nothing reconciles nothing. */
	run(f, "Set-Item", "{'Name': 'a', 'Value': 7}", NULL);
	assert_int_equal(f->reconciles, 1);
	run(f, "Get-Item", "{}", NULL);
	assert_int_equal(json_array_size(json_object_get(f->result, "objects")), 2);
	assert_int_equal(f->reconciles, 1);
	run(f, "Get-Leak", "{}", NULL);
	assert_items(f, "a=7;b=7;");
	assert_member(f, "type", "null");
	/* An object is shown as it is in the end, each time that it was returned. */
	run(f, "Set-Item", "{}", "[{'Name': 'a', 'Value': 1}, {'Name': 'a', 'Value': 2}]");
	assert_member(f, "objects",
		      "[{'Name':'a','Value':2,'Extra':null,'Unlisted':true},"
		      "{'Name':'a','Value':2,'Extra':null,'Unlisted':true}]");
	assert_int_equal(f->reconciles, 2);
}

static void what_if(void **state)
{
	struct fixture *f = *state;

	run(f, "Set-Item", "{'Name': ['a', 'b'], 'WhatIf': true}", NULL);
	assert_int_equal(f->status, 200);
	assert_member(f, "whatIf",
		      "['What if: Performing the operation 'Set item' on target 'a'.',"
		      "'What if: Performing the operation 'Set item' on target 'b'.']");
	assert_member(f, "objects", "[]");
	assert_items(f, "");
	assert_int_equal(f->reconciles, 0);
	run(f, "Set-Item", "{'Name': 'a', 'WhatIf': false}", NULL);
	assert_items(f, "a=0;");
	/* Checks come first: what would be refused is refused. */
	run(f, "Set-Item", "{'Name': 'b', 'WhatIf': true, 'How': 'FailBefore'}", NULL);
	assert_refused(f, 409, "Item.Before");
}

#define INPUT "[{'Name': 'a', 'Value': 1}, {'Name': 'b', 'Value': 2}, {'Name': 'c', 'Value': 3}]"

static void failures(void **state)
{
	struct fixture *f = *state;

	run(f, "Set-Item", "{'Name': 'a', 'How': 'FailBefore'}", NULL);
	assert_refused(f, 409, "Item.Before");
	assert_member(f, "errors",
		      "[{'id':'Item.Before','fullyQualifiedErrorId':'Item.Before,Set-Item','category':'ResourceBusy',"
		      "'message':'before','target':'t','recommendation':null,'errno':0}]");
	/* What a failing invocation wrote and returned is undone with it. */
	run(f, "Set-Item", "{'Name': 'a', 'How': 'FailAfter'}", NULL);
	assert_refused(f, 403, "Item.After");
	assert_items(f, "");
	run(f, "Set-Item", "{'Name': 'a', 'Value': 5}", NULL);
	run(f, "Set-Item", "{'Name': 'a', 'Value': 6, 'How': 'FailAfter'}", NULL);
	assert_refused(f, 403, "Item.After");
	assert_items(f, "a=5;");
	/* A handler that fails without a word is an error all the same. */
	run(f, "Set-Item", "{'Name': 'x', 'How': 'Silent'}", NULL);
	assert_refused(f, 507, "InternalError");
	assert_items(f, "a=5;");
	assert_int_equal(f->reconciles, 1);
}

static void failures_in_part(void **state)
{
	struct fixture *f = *state;

	/* One call, its targets one by one. */
	run(f, "Set-Item", "{'How': 'ErrorOnOdd'}", INPUT);
	assert_int_equal(f->status, 200);
	assert_items(f, "b=2;");
	assert_int_equal(json_array_size(json_object_get(f->result, "errors")), 2);
	assert_string_equal(error_member(f, 0, "target"), "a");
	assert_string_equal(error_member(f, 1, "target"), "c");
	assert_member(f, "objects", "[{'Name':'b','Value':2,'Extra':null,'Unlisted':true}]");
	assert_int_equal(f->reconciles, 1);
	/* Nothing done and errors only: the call failed. */
	run(f, "Set-Item", "{'How': 'ErrorOnOdd'}", "[{'Name': 'x', 'Value': 1}, {'Name': 'y', 'Value': 3}]");
	assert_int_equal(f->status, 404);
	assert_member(f, "objects", "[]");
	/* An object that cannot be bound leaves the others alone. */
	run(f, "Set-Item", "{}", "[{'Name': 'p'}, 5, {'Other': 1}, {'Name': 'q', 'Value': -1}, {'Name': 'r'}]");
	assert_int_equal(f->status, 200);
	assert_items(f, "b=2;p=0;r=0;");
	assert_string_equal(error_member(f, 0, "id"), "InputObjectNotBound");
	assert_string_equal(error_member(f, 1, "id"), "InputObjectNotBound");
	assert_string_equal(error_member(f, 2, "id"), "ParameterArgumentValidationError");
	assert_int_equal(json_array_size(json_object_get(f->result, "errors")), 3);
}

static void statuses(void **state)
{
	static const struct {
		enum err_category category;
		int status;
	} cases[] = {
		{ ERR_NOT_SPECIFIED, 500 },	   { ERR_INVALID_ARGUMENT, 400 },  { ERR_INVALID_OPERATION, 400 },
		{ ERR_OBJECT_NOT_FOUND, 404 },	   { ERR_RESOURCE_EXISTS, 409 },   { ERR_RESOURCE_BUSY, 409 },
		{ ERR_RESOURCE_UNAVAILABLE, 503 }, { ERR_PERMISSION_DENIED, 403 }, { ERR_NOT_IMPLEMENTED, 501 },
		{ ERR_WRITE_ERROR, 507 },	   { ERR_PARSER_ERROR, 400 },	   { ERR_LIMITS_EXCEEDED, 400 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *parameters = xasprintf("{'Category': %d}", cases[i].category);

		run(f, "Test-Failure", parameters, NULL);
		assert_refused(f, cases[i].status, "Fail.As");
	}
	/* The first failure counts. */
	run(f, "Test-Failure", "{}", "[7, 1, 3]");
	assert_int_equal(f->status, 403);
	assert_int_equal(json_array_size(json_object_get(f->result, "errors")), 3);
}

/* The documents stand, the caller hears of it. */
static void reconcile_failure(void **state)
{
	struct fixture *f = *state;

	f->reconcile_fails = true;
	run(f, "Set-Item", "{'Name': 'a'}", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(error_member(f, 0, "id"), "Engine.ApplyFailed");
	assert_items(f, "a=0;");
	assert_int_equal(json_array_size(json_object_get(f->result, "objects")), 1);
}

/* The store cannot write: nothing happened, whatever the handlers said. */
static void commit_failure(void **state)
{
	struct rlimit before, limit;
	struct fixture *f = *state;
	struct str input = { 0 };

	run(f, "Set-Item", "{'Name': 'kept'}", NULL);
	for (int i = 0; i < 4000; i++)
		str_addf(&input, "%s{'Name': '%0200d', 'Value': %d}", i ? "," : "[", i, i ? i * 2 : 1);
	str_addc(&input, ']');
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit) { 256 << 10, before.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	start(f, "Set-Item", "{'How': 'ErrorOnOdd'}", str_get(&input));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	str_done(&input);
	assert_int_equal(f->done, 1);
	/* The refused object's own error is there, too, but what counts is that nothing was written. */
	assert_int_equal(f->status, 507);
	assert_string_equal(error_member(f, 0, "id"), "Item.Odd");
	assert_string_equal(error_member(f, 1, "id"), "Store.WriteFailed");
	assert_member(f, "objects", "[]");
	assert_items(f, "kept=0;");
	assert_int_equal(f->reconciles, 1);
	run(f, "Set-Item", "{'Name': 'later'}", NULL);
	assert_items(f, "kept=0;later=0;");
}

static void pending(void **state)
{
	struct fixture *f = *state;

	start(f, "Wait-Item", "{'Name': 'x'}", NULL);
	assert_int_equal(f->done, 0);
	wait_end(NULL);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->status, 200);
	assert_member(f, "objects", "[{'Name':'x','Value':null,'Extra':null}]");
	run(f, "Wait-Item", "{'Name': 'now'}", NULL);
	assert_int_equal(f->status, 200);
	start(f, "Wait-Item", "{'Name': 'x'}", NULL);
	wait_end("Guest.Lost");
	assert_int_equal(f->done, 1);
	assert_refused(f, 503, "Guest.Lost");
	/* Several in one request: the answer comes with the last, and one that failed does not fail the others. */
	start(f, "Wait-Item", "{}", "['p', 'now', 'q', {}, 'r']");
	assert_int_equal(f->done, 0);
	wait_end(NULL);
	wait_end("Guest.Lost");
	assert_int_equal(f->done, 0);
	wait_end(NULL);
	assert_int_equal(f->done, 1);
	assert_int_equal(f->status, 200);
	assert_member(f, "objects",
		      "[{'Name':'now','Value':null,'Extra':null},{'Name':'p','Value':null,'Extra':null},"
		      "{'Name':'r','Value':null,'Extra':null}]");
	assert_string_equal(error_member(f, 0, "id"), "InputObjectNotBound");
	assert_string_equal(error_member(f, 1, "id"), "Guest.Lost");
}

static void say(size_t number, const char *target, int percent)
{
	wait_say(number, &(struct progress){ .activity = "Doing", .target = target, .number = 1, .of = 1, .percent = percent });
}

static void expect_told(const struct fixture *f, const char *expected)
{
	assert_string_equal(str_get(&f->told), expected);
}

static void progress_of_one(void **state)
{
	struct fixture *f = *state;

	/* Nobody listens. */
	start(f, "Wait-Item", "{'Name': 'x'}", NULL);
	say(0, "a", 1);
	wait_end(NULL);
	expect_told(f, "");
	f->listens = true;
	start(f, "Wait-Item", "{'Name': 'x'}", NULL);
	expect_told(f, "");
	say(0, "a", PROGRESS_UNKNOWN);
	say(0, "a", PROGRESS_UNKNOWN);
	say(0, "a", 10);
	/* It never falls, and what is no percentage is none. */
	say(0, "a", 5);
	say(0, "a", PROGRESS_UNKNOWN);
	say(0, "a", 1000);
	expect_told(f, "Doing a 1/1 -;Doing a 1/1 10;Doing a 1/1 100;");
	/* Of another target it begins anew. */
	say(0, NULL, 3);
	wait_say(0, &(struct progress){ .activity = "Doing more", .number = 2, .of = 3, .percent = 2 });
	wait_say(0, &(struct progress){ .activity = "Doing more", .number = 9, .of = 3, .percent = 1 });
	wait_say(0, &(struct progress){ .activity = "Doing more", .number = 0, .of = 0, .percent = -7 });
	wait_end(NULL);
	expect_told(f, "Doing a 1/1 -;Doing a 1/1 10;Doing a 1/1 100;Doing - 1/1 3;Doing more - 2/3 2;Doing more - 3/3 1;Doing more - 1/1 -;");
	assert_int_equal(f->done, 1);
}

/* Objects of a pipeline: the oldest that has something to say, and which of how many it is. */
static void progress_of_several(void **state)
{
	struct fixture *f = *state;

	f->listens = true;
	start(f, "Wait-Item", "{}", "['p', 'now', 'q', 'r']");
	say(1, "q", 50);
	say(0, "p", 60);
	expect_told(f, "Doing q 2/4 50;");
	wait_end(NULL);
	expect_told(f, "Doing q 2/4 50;");
	say(0, "q", 70);
	say(1, "r", 20);
	expect_told(f, "Doing q 2/4 50;Doing q 3/4 70;");
	wait_end("Guest.Lost");
	expect_told(f, "Doing q 2/4 50;Doing q 3/4 70;Doing r 4/4 20;");
	wait_end(NULL);
	assert_int_equal(f->done, 1);
	expect_told(f, "Doing q 2/4 50;Doing q 3/4 70;Doing r 4/4 20;");
}

static void count_done(void *arg, int status, json_t *result)
{
	assert_int_equal(status, 200);
	json_decref(result);
	++*(size_t *)arg;
}

static void served_meanwhile(void **state)
{
	struct fixture *f = *state;
	json_t *json = parse("{'parameters': {'Name': 'x'}}");
	size_t answers = 0;

	cmdlet_server_invoke(f->server, "Wait-Item", json, count_done, NULL, &answers);
	run(f, "Set-Item", "{'Name': 'a'}", NULL);
	assert_items(f, "a=0;");
	cmdlet_server_invoke(f->server, "Wait-Item", json, count_done, NULL, &answers);
	assert_int_equal(answers, 0);
	wait_end(NULL);
	wait_end(NULL);
	assert_int_equal(answers, 2);
	json_decref(json);
}

static void put_items(struct fixture *f, size_t n)
{
	docs_begin(f->docs);
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = xasprintf("{\"Name\":\"%06zu\"}", i);
		void *item = NULL;

		assert_int_equal(doc_from_text(item_kind_of_fixture, text, strlen(text), &item, NULL), 0);
		docs_put(f->docs, item_kind_of_fixture, item);
	}
	assert_int_equal(docs_commit(f->docs, NULL, NULL), 0);
}

/* An answer has a bound; one more object, and there are none. */
static void too_many_objects(void **state)
{
	struct fixture *f = *state;

	put_items(f, CMDLET_MAX_OUTPUT);
	run(f, "Get-Item", "{}", NULL);
	assert_int_equal(f->status, 200);
	assert_int_equal(json_array_size(json_object_get(f->result, "objects")), CMDLET_MAX_OUTPUT);
	run(f, "Set-Item", "{'Name': 'one more'}", NULL);
	run(f, "Get-Item", "{}", NULL);
	assert_refused(f, 400, "AnswerTooLarge");
	assert_int_equal(json_array_size(json_object_get(f->result, "objects")), 0);
}

int server_tests(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(catalogue),	fixture_test(describe_one), fixture_test(describe_parameters),
		fixture_test(type_names),	fixture_test(help),	    fixture_test(bad_requests),
		fixture_test(changes),		fixture_test(what_if),	    fixture_test(failures),
		fixture_test(failures_in_part), fixture_test(statuses),	    fixture_test(reconcile_failure),
		fixture_test(commit_failure),	fixture_test(pending),	    fixture_test(served_meanwhile),
		fixture_test(too_many_objects), fixture_test(progress_of_one), fixture_test(progress_of_several),
	};

	return cmocka_run_group_tests_name("cmdlet/server", tests, NULL, NULL);
}
