/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <ftw.h>

#include "cmdlet_test.h"
#include "store.h"

/* The documents: items with a name and a value. */
struct item {
	char *name;
	uint32_t value;
};

static void item_key(const void *doc, struct str *ret)
{
	str_add(ret, ((const struct item *)doc)->name);
}

static const struct doc_field item_fields[] = {
	DOC_FIELD(item, name, DOC_STR, "Name"),
	DOC_FIELD(item, value, DOC_U32, "Value"),
};
static const struct doc_kind item_kind = { "item", sizeof(struct item), item_fields, ARRAY_SIZE(item_fields),
					   item_key };
const struct doc_kind *const item_kind_of_fixture = &item_kind;
static const struct doc_kind *const kinds[] = { &item_kind };

static const char *const item_properties[] = { "Name", "Value", "Extra", NULL };
static const struct column item_columns[] = { { "Name" }, { "Value", "Worth", true }, { 0 } };
static const struct object_type item_object = { "Item", item_properties, item_columns };
static const char *const item_object_name[] = { "Item", NULL };
static const char *const shown_properties[] = { NULL };
static const struct object_type shown_object = { "Shown", shown_properties, NULL };
static const char *const colours[] = { "Red", "LightGreen", "Blue", NULL };
static const char *const ways[] = { "Plain", "FailBefore", "FailAfter", "ErrorOnOdd", "Silent", NULL };

static const struct param show_params[] = {
	{ "Name", P_STRING, POS(0) | PIPE_VALUE | PIPE_NAME, "a text", .aliases = "Label,Tag" },
	{ "Names", P_STRING, ARRAY | PIPE_NAME, "texts" },
	{ "Nickname", P_STRING, MAY_BE_EMPTY, "a text that can be cleared" },
	{ "Signed", P_INT, 0, "a number", .min = -10, .max = 20 },
	{ "Least", P_INT, 0, "a number", .min = 5, .max = 20 },
	{ "Whole", P_INT, 0, "a number", .min = INT64_MIN },
	{ "Count", P_UINT, PIPE_NAME, "a number", .min = 2, .max = 4096 },
	{ "Bytes", P_UINT, 0, "a size" },
	{ "Truth", P_BOOL, 0, "yes or no" },
	{ "Truths", P_BOOL, ARRAY, "yes or no" },
	{ "Force", P_SWITCH, 0, "a switch" },
	{ "Tagged", P_SWITCH, 0, "a switch whose name begins with another's alias" },
	{ "Colour", P_ENUM, ARRAY, "colours", .values = colours, .def = "Red" },
	{ "Mac", P_MAC, 0, "a MAC address" },
	{ "Address", P_IP, 0, "an address", .aliases = "Ip" },
	{ "Prefix", P_PREFIX, 0, "a prefix" },
	{ "Id", P_GUID, 0, "an id" },
	{ "Vsid", P_VSID, 0, "a virtual subnet" },
	{ "PortVsid", P_VSID, VSID_ZERO, "a virtual subnet or none" },
	{ "Script", P_SCRIPT, 0, "a script" },
	{ "InputObject", P_OBJECT, PIPE_VALUE, "an item", .values = item_object_name },
	{ 0 },
};

static char *value_text(const struct param *p, const struct arg *a, size_t i)
{
	const union value *v = &a->values[i];
	char text[PREFIX_TEXT_SIZE];

	switch (p->type) {
	case P_STRING:
	case P_SCRIPT:
		return xstrdup(v->str);
	case P_INT:
		return xasprintf("%lld", (long long)v->i);
	case P_UINT:
	case P_VSID:
		return xasprintf("%llu", (unsigned long long)v->u);
	case P_BOOL:
	case P_SWITCH:
		return xstrdup(v->b ? "yes" : "no");
	case P_ENUM:
		return xasprintf("%s/%llu", a->texts[i], (unsigned long long)v->u);
	case P_MAC:
		return xstrdup(mac_format(&v->mac, text));
	case P_IP:
		return xstrdup(ip_format(&v->ip, text));
	case P_PREFIX:
		return xstrdup(prefix_format(&v->prefix, text));
	case P_GUID:
		return xstrdup(guid_format(&v->guid, text));
	case P_OBJECT:
		return json_dumps(v->object, JSON_COMPACT);
	}
	abort();
}

static int show(struct call *c, struct err **e)
{
	json_t *o = json_object();

	(void)e;
	for (const struct param *p = show_params; p->name; p++) {
		const struct arg *a = call_arg(c, p->name);
		struct str all = { 0 };

		for (size_t i = 0; i < a->n; i++) {
			_cleanup_free_ char *text = value_text(p, a, i);

			str_addf(&all, "%s%s", i ? "|" : "", text);
		}
		if (a->given)
			json_object_set_new(o, p->name, json_string(str_get(&all)));
		str_done(&all);
	}
	call_emit_json(c, o);
	return 0;
}

static const struct param set_params[] = {
	{ "ByName", P_STRING, REQUIRED, "name", .sets = 1 },
	{ "Fast", P_SWITCH, 0, "with a name or an id", .sets = 1 | 2 },
	{ "ById", P_UINT, REQUIRED | PIPE_NAME, "id", .sets = 2 },
	{ "Deep", P_SWITCH, 0, "with an id", .sets = 2 },
	{ "First", P_STRING, REQUIRED, "both", .sets = 4 },
	{ "Second", P_STRING, REQUIRED, "both", .sets = 4 },
	{ "Always", P_STRING, 0, "with any" },
	{ 0 },
};

static int nothing(struct call *c, struct err **e)
{
	(void)c, (void)e;
	return 0;
}

static json_t *item_to_object(struct call *c, const void *doc)
{
	json_t *o = doc_to_json(&item_kind, doc);

	(void)c;
	/* In the wrong order, and one property more than the type knows. */
	json_object_set_new(o, "Unlisted", json_true());
	return o;
}

static const struct param item_params[] = {
	{ "Name", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_NAME, "names" },
	{ "Value", P_UINT, PIPE_NAME, "value", .max = UINT32_MAX },
	{ "How", P_ENUM, 0, "what goes wrong", .values = ways, .def = "Plain" },
	{ 0 },
};

static int set_item(struct call *c, struct err **e)
{
	enum { PLAIN, FAIL_BEFORE, FAIL_AFTER, ERROR_ON_ODD, SILENT } how = call_enum(c, "How", PLAIN);
	const struct arg *names = call_arg(c, "Name");
	uint32_t value = (uint32_t)call_uint(c, "Value", 0);

	if (how == FAIL_BEFORE)
		return err_set(e, "Item.Before", ERR_RESOURCE_BUSY, "t", "before");
	for (size_t i = 0; i < names->n; i++) {
		struct err *one = NULL;
		struct item *item;

		if (how == ERROR_ON_ODD && value % 2) {
			err_set(&one, "Item.Odd", ERR_OBJECT_NOT_FOUND, names->texts[i], "odd");
			call_error(c, &one);
			continue;
		}
		if (!call_should(c, names->values[i].str, "Set %s", "item"))
			continue;
		item = doc_new(&item_kind);
		item->name = xstrdup(names->values[i].str);
		item->value = value;
		call_emit(c, item_to_object, &item_kind, item);
		docs_put(call_docs(c), &item_kind, item);
		call_warn(c, "item %zu", i);
	}
	if (how == FAIL_AFTER)
		return err_set(e, "Item.After", ERR_PERMISSION_DENIED, "t", "after");
	return how == SILENT ? -EIO : 0;
}

static int get_item(struct call *c, struct err **e)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(call_docs(c), &item_kind, &all);

	(void)e;
	for (size_t i = 0; i < n; i++)
		call_emit(c, item_to_object, &item_kind, all[i]);
	return 0;
}

/* A cmdlet that only shows, and writes all the same: what it wrote is not kept. */
static int leak_item(struct call *c, struct err **e)
{
	struct item *item = doc_new(&item_kind);

	(void)e;
	item->name = xstrdup("leaked");
	docs_put(call_docs(c), &item_kind, item);
	return 0;
}

static VEC(struct call *) waiting;

static const struct param wait_params[] = {
	{ "Name", P_STRING, PIPE_VALUE, "now: it ends before it returns" },
	{ 0 },
};

static int wait_item(struct call *c, struct err **e)
{
	(void)e;
	if (streq(call_str(c, "Name", ""), "now")) {
		call_emit_json(c, json_pack("{s:s}", "Name", "now"));
		call_complete(c, NULL);
	} else {
		vec_push(&waiting, c);
	}
	return CALL_PENDING;
}

void wait_say(size_t number, const struct progress *p)
{
	call_progress_of(waiting.items[number], p);
}

void wait_end(const char *error)
{
	struct call *c = waiting.items[0];
	struct err *e = NULL;

	memmove(waiting.items, waiting.items + 1, --waiting.n * sizeof(*waiting.items));
	if (!waiting.n)
		vec_done(&waiting);
	if (error)
		err_set(&e, error, ERR_RESOURCE_UNAVAILABLE, NULL, "it did not end well");
	else
		call_emit_json(c, json_pack("{s:s}", "Name", call_str(c, "Name", "?")));
	call_complete(c, &e);
}

static int fail_as(struct call *c, struct err **e)
{
	return err_set(e, "Fail.As", (enum err_category)call_uint(c, "Category", 0), NULL, "category");
}

static const struct param fail_params[] = {
	{ "Category", P_UINT, PIPE_VALUE, "number of the category", .max = 99 },
	{ 0 },
};

static const struct cmdlet cmdlets[] = {
	{ "Show-Value", "show what was bound", show_params, &shown_object, show, 0 },
	{ "Test-Set", "parameter sets", set_params, NULL, nothing, 0 },
	{ "Test-Nothing", "no parameters", NULL, NULL, nothing, 0 },
	{ 0 },
};
static const struct cmdlet item_cmdlets[] = {
	{ "Set-Item", "write items", item_params, &item_object, set_item, CHANGES | PASSTHRU },
	{ "Get-Item", "list items", NULL, &item_object, get_item, 0 },
	{ "Get-Leak", "write where nothing may be written", NULL, NULL, leak_item, 0 },
	{ "Wait-Item", "end later", wait_params, &item_object, wait_item, 0 },
	{ "Test-Failure", "fail", fail_params, NULL, fail_as, 0 },
	{ 0 },
};
static const struct cmdlet *const tables[] = { cmdlets, item_cmdlets, NULL };

static int reconcile(void *arg, struct err **e)
{
	struct fixture *f = arg;

	f->reconciles++;
	if (f->reconcile_fails)
		return err_set(e, "Engine.ApplyFailed", ERR_NOT_SPECIFIED, NULL, "not all of it is in effect");
	return 0;
}

int fixture_setup(void **state)
{
	char directory[] = "/tmp/nestor-cmdlet-XXXXXX";
	struct fixture *f = xcalloc(1, sizeof(*f));
	_cleanup_free_ char *path = NULL;

	f->directory = xstrdup(mkdtemp(directory));
	path = xasprintf("%s/nestor.db", f->directory);
	assert_int_equal(store_open_sqlite(path, &f->store, NULL), 0);
	assert_int_equal(docs_open(f->store, kinds, ARRAY_SIZE(kinds), &f->docs, NULL), 0);
	f->host.name = "host1";
	f->server = cmdlet_server_new(&(struct cmdlet_server_config) {
		.tables = tables, .docs = f->docs, .host = &f->host, .reconcile = reconcile, .arg = f });
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	cmdlet_server_free(f->server);
	docs_free(f->docs);
	store_close(f->store);
	nftw(f->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f->directory);
	json_decref(f->result);
	str_done(&f->told);
	free(f);
	return 0;
}

json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
	if (!json)
		fail_msg("%s", text);
	return json;
}

static void done(void *arg, int status, json_t *result)
{
	struct fixture *f = arg;

	f->done++;
	f->status = status;
	json_decref(f->result);
	f->result = result;
}

static void told(void *arg, json_t *progress)
{
	struct fixture *f = arg;
	const json_t *target = NULL, *percent = NULL;
	const char *activity = NULL;
	int number = 0, of = 0;

	assert_int_equal(f->done, 0);
	assert_int_equal(json_unpack(progress, "{s:s, s:o, s:i, s:i, s:o !}", "activity", &activity, "target", &target, "number", &number,
				     "of", &of, "percent", &percent), 0);
	str_addf(&f->told, "%s %s %d/%d ", activity, json_is_null(target) ? "-" : json_string_value(target), number, of);
	if (json_is_null(percent))
		str_add(&f->told, "-;");
	else
		str_addf(&f->told, "%d;", (int)json_integer_value(percent));
	json_decref(progress);
}

void request(struct fixture *f, const char *cmdlet, const json_t *json)
{
	json_decref(f->result);
	f->result = NULL;
	f->done = 0;
	f->status = 0;
	str_done(&f->told);
	cmdlet_server_invoke(f->server, cmdlet, json, done, f->listens ? told : NULL, f);
}

void start(struct fixture *f, const char *cmdlet, const char *parameters, const char *input)
{
	json_t *json = json_object();

	json_object_set_new(json, "parameters", parse(parameters));
	if (input)
		json_object_set_new(json, "input", parse(input));
	request(f, cmdlet, json);
	json_decref(json);
}

void run(struct fixture *f, const char *cmdlet, const char *parameters, const char *input)
{
	start(f, cmdlet, parameters, input);
	assert_int_equal(f->done, 1);
}

static char *compact(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY), *to = text;

	for (const char *p = text; p && *p; p++) {
		p += *p == '\\' && p[1] == '"';
		*to++ = *p == '"' ? '\'' : *p;
	}
	if (to)
		*to = 0;
	return text;
}

void assert_member(const struct fixture *f, const char *member, const char *expected)
{
	_cleanup_free_ char *text = compact(json_object_get(f->result, member));

	assert_non_null(text);
	assert_string_equal(text, expected);
}

const char *error_member(const struct fixture *f, size_t i, const char *member)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(f->result, "errors"), i), member));
}

void assert_shown(const struct fixture *f, const char *parameter, const char *expected)
{
	const json_t *objects = json_object_get(f->result, "objects");

	if (f->status != 200 || json_array_size(objects) != 1)
		fail_msg("%d %s", f->status, error_member(f, 0, "message"));
	if (!streq_ptr(json_string_value(json_object_get(json_array_get(objects, 0), parameter)), expected))
		fail_msg("%s is %s, not %s", parameter,
			 json_string_value(json_object_get(json_array_get(objects, 0), parameter)), expected);
}

void assert_refused(const struct fixture *f, int status, const char *id)
{
	const json_t *errors = json_object_get(f->result, "errors");

	if (json_array_size(errors) != 1 || !streq(error_member(f, 0, "id"), id) || f->status != status)
		fail_msg("%d, %zu errors, %s: %s", f->status, json_array_size(errors),
			 json_array_size(errors) ? error_member(f, 0, "id") : "",
			 json_array_size(errors) ? error_member(f, 0, "message") : "");
	assert_member(f, "objects", "[]");
	assert_member(f, "type", "null");
}

void assert_items(const struct fixture *f, const char *expected)
{
	_cleanup_free_ const void **all = NULL;
	_cleanup_str_ struct str s = { 0 };
	size_t n = docs_list(f->docs, &item_kind, &all);

	for (size_t i = 0; i < n; i++)
		str_addf(&s, "%s=%u;", ((const struct item *)all[i])->name, ((const struct item *)all[i])->value);
	assert_string_equal(str_get(&s), expected);
}
