/* SPDX-License-Identifier: Apache-2.0 */
#include "feature_list.h"
#include "kit.h"

#include <errno.h>
#include <ftw.h>

#include "adapter.h"
#include "netadapter.h"
#include "netvirt.h"
#include "store.h"
#include "switch.h"
#include "vm.h"

/* The host's functions find their kit by the host inside it. */
static struct kit *kit_of(struct host *h)
{
	return (struct kit *)(void *)((char *)h - offsetof(struct kit, host));
}

static int fake_nics(struct host *h, host_nic_vec *ret)
{
	struct kit *k = kit_of(h);
	const struct adapter_doc *a;
	int ifindex = 100;

	if (k->nics_error)
		return k->nics_error;
	vec_foreach(&k->nics, nic)
		vec_push(ret, *nic);
	for (size_t pos = 0; (a = docs_next(k->docs, &adapter_kind, &pos));) {
		struct host_nic nic = {
			.ifindex = ifindex++, .mac = a->mac, .up = true, .carrier = true, .ours = true
		};
		char link[16];

		if (!guid_is_zero(&a->vm))
			continue;
		snprintf(nic.name, sizeof(nic.name), "vEthernet (%s)", a->name);
		snprintf(nic.link, sizeof(nic.link), "%s", adapter_host_link_name(&a->id, link));
		snprintf(nic.description, sizeof(nic.description), "Hyper-V Virtual Ethernet Adapter #%d", nic.ifindex);
		vec_push(ret, nic);
	}
	return 0;
}

static int fake_guest(struct host *h, const struct guid *vm, struct host_guest *ret)
{
	struct kit *k = kit_of(h);
	const struct vm_doc *doc = vm_get(k->docs, vm);

	*ret = (struct host_guest){ 0 };
	if (doc && vm_is_on(doc) && !guid_equal(vm, &k->broken))
		*ret = (struct host_guest){
			.running = true, .pid = 4711, .uptime_ms = 62500, .memory_bytes = 5 << 20, .cpu_percent = 3, .cpu_us = 1875000,
			.paused = k->paused, .hypervisor = k->hypervisor, .memory_limit = 2ull << 30
		};
	return 0;
}

static int fake_guest_addresses(struct host *h, const struct guid *vm, const struct guid *adapter, ip_vec *ret)
{
	struct ip ip;

	(void)h, (void)vm, (void)adapter;
	assert_int_equal(ip_parse("10.10.10.11", &ip), 0);
	vec_push(ret, ip);
	assert_int_equal(ip_parse("fe80::1", &ip), 0);
	vec_push(ret, ip);
	return 0;
}

static int fake_nic_addresses(struct host *h, int ifindex, ip_vec *ret)
{
	struct ip ip;

	(void)h;
	assert_true(ifindex >= 100);
	assert_int_equal(ip_parse("192.168.100.1", &ip), 0);
	vec_push(ret, ip);
	return 0;
}

static int fake_address_state(struct host *h, const struct ip *ip)
{
	(void)h, (void)ip;
	return 4;
}

static int fake_port_traffic(struct host *h, const char *link, bool virtualized, struct host_traffic *ret)
{
	struct kit *k = kit_of(h);

	if (k->traffic_error)
		return k->traffic_error;
	vec_foreach(&k->traffic, t) {
		if (!streq(t->link, link))
			continue;
		*ret = virtualized ? t->dataplane : t->plain;
		return 0;
	}
	return -ENODEV;
}

static int fake_port_meter(struct host *h, const char *link, uint32_t number, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	struct kit *k = kit_of(h);

	if (!streq(k->meter.link, link) || k->meter.number != number)
		return -ENODEV;
	*ret_packets = k->meter.packets;
	*ret_bytes = k->meter.bytes;
	return 0;
}

static int fake_port_spoofed(struct host *h, const char *link, uint64_t *ret_packets)
{
	(void)link;
	*ret_packets = kit_of(h)->spoofed;
	return 0;
}

static int fake_drops(struct host *h, host_drop_vec *ret)
{
	struct kit *k = kit_of(h);

	if (k->drops_error)
		return k->drops_error;
	vec_foreach(&k->drops, drop)
		vec_push(ret, *drop);
	return 0;
}

static int fake_dataplane(struct host *h, struct host_dataplane *ret)
{
	*ret = (struct host_dataplane){ .ports = 3, .uplinks = 1, .hops_resolved = 5, .hops_unresolved = 2, .passes = 17,
					.last_writes = 4, .last_us = 1234, .last_failures = 1, .total_writes = 99 };
	snprintf(ret->instance, sizeof(ret->instance), "0123abcd");
	return kit_of(h)->drops_error;
}

const struct host_drop_reason kit_reasons[KIT_REASONS] = {
	{ 4, "MAC_SPOOFED", "NN-1", "the source MAC address is another's" },
	{ 17, "NO_RECORD", "2.5", "no record has this destination" },
	{ 56, "WRONG_SOURCE", "", "the outer source is wrong" },
};

void kit_drop(struct kit *k, int ifindex, const char *link, size_t reason, uint64_t packets)
{
	struct host_drop drop = { .ifindex = ifindex, .reason = &kit_reasons[reason], .packets = packets };

	snprintf(drop.link, sizeof(drop.link), "%s", link);
	vec_push(&k->drops, drop);
}

struct exec {
	host_exec_fn done;
	void *arg;
	char *script;
};
static VEC(struct exec) execs;

static int fake_exec(struct host *h, const struct guid *vm, const char *script, uint64_t timeout_ms, host_exec_fn done, void *arg,
		     struct err **e)
{
	(void)h, (void)vm, (void)e, (void)timeout_ms;
	if (streq(script, "cannot"))
		return -ENOSYS;
	vec_push(&execs, (struct exec){ done, arg, xstrdup(script) });
	return 0;
}

static void fake_exec_end(struct host *h, void *arg)
{
	(void)h;
	for (size_t i = 0; i < execs.n; i++) {
		struct exec x = execs.items[i];

		if (x.arg != arg)
			continue;
		execs.items[i] = execs.items[--execs.n];
		x.done(x.arg, 255, NULL, NULL);
		free(x.script);
		return;
	}
}

/* "busy" is somebody else's, unless by force; others are had at once, or ("slow") later. */
static int fake_console(struct host *h, const struct guid *vm, bool force, host_console_fn opened, void *arg, struct err **e)
{
	struct kit *k = kit_of(h);
	const struct vm_doc *doc = vm_get(k->docs, vm);

	if (streq(doc->name, "busy") && !force)
		return err_set(e, "Vm.ConsoleInUse", ERR_RESOURCE_BUSY, doc->name, "Somebody has it.");
	if (!streq(doc->name, "slow"))
		return 1;
	vec_push(&k->shutdowns, (struct kit_shutdown){ opened, arg });
	return 0;
}

/* As long as kit_pump() lets it. */
static int fake_wait(struct host *h, const struct guid *vm, const struct host_wait *what, host_wait_fn done, void *arg, struct err **e)
{
	struct kit *k = kit_of(h);
	const struct vm_doc *doc = vm_get(k->docs, vm);

	if (streq(doc->name, "deaf"))
		return err_set(e, "Vm.WaitEnded", ERR_INVALID_OPERATION, doc->name, "It cannot be waited for.");
	k->waited = *what;
	vec_push(&k->shutdowns, (struct kit_shutdown){ done, arg });
	return 0;
}

static void fake_wait_end(struct host *h, void *arg)
{
	(void)h, (void)arg;
}

static void fake_machines(struct host *h, struct host_machines *ret)
{
	*ret = kit_of(h)->machines;
}

/* Pending like a command, until kit_pump(). */
static int fake_shutdown(struct host *h, const struct guid *vm, uint32_t timeout_ms, host_shutdown_fn done, void *arg,
			 struct err **e)
{
	struct kit *k = kit_of(h);
	const struct vm_doc *doc = vm_get(k->docs, vm);

	(void)timeout_ms;
	if (doc && streq(doc->name, "deaf"))
		return err_set(e, "Vm.ShutdownRefused", ERR_INVALID_OPERATION, NULL, "It has no button.");
	vec_push(&k->shutdowns, (struct kit_shutdown){ done, arg });
	return 0;
}

static int fake_image(struct host *h, const struct host_image_job *job, host_image_fn done, void *arg, struct err **e)
{
	static const char *const ops[] = { "info", "create", "resize", "convert" };
	struct kit *k = kit_of(h);
	struct kit_image image = { .job = *job, .path = xstrdup(job->path), .done = done, .arg = arg };

	(void)e;
	free(k->last_image);
	k->last_image = xasprintf("%s %s %s %llu%s%s%s parent %s %s target %s %s", ops[job->op], job->format ? job->format : "-", job->path,
				  (unsigned long long)job->size, job->fixed ? " fixed" : "", job->shrink ? " shrink" : "",
				  job->in_use ? " in-use" : "", job->parent ? job->parent : "-", job->parent_format ? job->parent_format : "-",
				  job->target ? job->target : "-", job->target_format ? job->target_format : "-");
	vec_push(&k->images, image);
	return 0;
}

static void end_image(const struct kit_image *x)
{
	bool raw = !x->job.format;
	struct host_image image = { .format = raw ? strstr(x->path, "wrong") ? "qcow2" : "raw" : x->job.format, .size = 8 << 20,
				    .file_size = 1 << 16, .length = raw ? 8 << 20 : 1 << 16, .parent_format = "" };
	struct err *e = NULL;

	if (strstr(x->path, "missing"))
		err_set(&e, "Vhd.NotFound", ERR_OBJECT_NOT_FOUND, x->path, "It is missing.");
	else if (strstr(x->path, "busy") && !x->job.in_use)
		err_set(&e, "Vhd.InUse", ERR_RESOURCE_BUSY, x->path, "It is busy.");
	else if (strstr(x->path, "full"))
		err_set(&e, "Vhd.DiskFull", ERR_WRITE_ERROR, x->path, "No room.");
	if (strstr(x->path, "child")) {
		image.parent = "/d/parent.qcow2";
		image.parent_format = "qcow2";
	}
	if (x->job.op == HOST_IMAGE_CONVERT && x->job.progress) {
		x->job.progress(x->arg, 25);
		x->job.progress(x->arg, 75);
	}
	x->done(x->arg, !e && x->job.op == HOST_IMAGE_INFO ? &image : NULL, e);
}

static void end_images(struct kit *k)
{
	while (k->images.n) {
		struct kit_image x = k->images.items[--k->images.n];

		end_image(&x);
		free(x.path);
	}
}

static void fake_image_discard(struct host *h, const char *path)
{
	(void)h;
	(void)path;
}

static void fake_image_end(struct host *h, void *arg)
{
	(void)h, (void)arg;
}

static int fake_domain(struct host *h, const char *name, host_domain_fn done, void *arg, struct err **e)
{
	struct kit *k = kit_of(h);

	(void)name, (void)e;
	vec_push(&k->domains, (struct kit_domain){ done, arg });
	return 0;
}

/* Keeps what was to be exported last, as text. */
static int fake_export(struct host *h, const struct host_export *x, host_export_fn done, void *arg, struct err **e)
{
	struct kit *k = kit_of(h);
	struct str text = { 0 };

	(void)e;
	str_addf(&text, "%s/%s", x->parent, x->name);
	vec_foreach(&x->disks, disk)
		str_addf(&text, " %s %s %s %s %s", disk->from, disk->format, disk->to, disk->to_format, disk->backing ? disk->backing : "-");
	vec_foreach(&x->files, file)
		str_addf(&text, " %s %s", file->from, file->to);
	vec_foreach(&x->texts, file)
		str_addf(&text, " %s", file->to);
	free(k->exported);
	k->exported = str_take(&text);
	vec_push(&k->exports, (struct kit_export){ x->progress, done, arg });
	return 0;
}

static char *fake_variables(struct host *h, const struct guid *id, bool secure_boot)
{
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/%s.%s", h->machines_dir, guid_format(id, text), secure_boot ? "secure.fd" : "fd");
}

/* Told by the test, when it has made it. */
static void fake_capture(struct host *h, const struct guid *vm, const struct guid *checkpoint, host_progress_fn progress, host_export_fn done,
			 void *arg)
{
	struct kit *k = kit_of(h);

	(void)vm, (void)progress;
	k->captured = *checkpoint;
	k->capture_done = done;
	k->capture_arg = arg;
}

static void fake_release(struct host *h, const struct guid *checkpoint)
{
	struct kit *k = kit_of(h);

	assert_true(guid_equal(&k->captured, checkpoint));
	k->captured = (struct guid){ 0 };
}

static int fake_import(struct host *h, const struct host_import *x, host_import_fn done, void *arg, struct err **e)
{
	(void)x, (void)e;
	vec_push(&kit_of(h)->exports, (struct kit_export){ NULL, done, arg });
	return 0;
}

static void end_exports(struct kit *k)
{
	vec_foreach(&k->exports, x)
		if (x->progress)
			x->progress(x->arg, &(struct progress){ .activity = "Exporting", .target = "v", .number = 1, .of = 2, .percent = 40 });
	while (k->exports.n) {
		struct kit_export x = k->exports.items[--k->exports.n];

		x.done(x.arg, NULL);
	}
}

static void tell_domains(struct kit *k)
{
	while (k->domains.n) {
		struct kit_domain d = k->domains.items[--k->domains.n];

		d.done(d.arg, &k->domain, NULL);
	}
}

static void end_shutdowns(struct kit *k)
{
	while (k->shutdowns.n) {
		struct kit_shutdown s = k->shutdowns.items[--k->shutdowns.n];
		struct err *e = NULL;

		if (k->stubborn)
			err_set(&e, "Vm.ShutdownTimeout", ERR_INVALID_OPERATION, NULL, "It still runs.");
		s.done(s.arg, e);
	}
}

void kit_pump(struct kit *k)
{
	if (k->later)
		k->later(k);
	end_shutdowns(k);
	end_images(k);
	tell_domains(k);
	if (k->capture_done) {
		host_export_fn done = k->capture_done;

		k->capture_done = NULL;
		done(k->capture_arg, NULL);
	}
	end_exports(k);
	while (execs.n) {
		struct exec x = execs.items[--execs.n];
		struct err *e = NULL;

		if (streq(x.script, "lost"))
			err_set(&e, "Guest.Lost", ERR_RESOURCE_UNAVAILABLE, NULL, "The guest ended.");
		if (streq(x.script, "false"))
			x.done(x.arg, 7, xstrdup("first\n\nlast words\n\n"), NULL);
		else
			x.done(x.arg, 0, e ? NULL : xasprintf("ran %s\r\nsecond\n\xff", x.script), e);
		free(x.script);
	}
	vec_done(&execs);
}

static void add_nic(struct kit *k, const char *name, int ifindex, bool up, bool carrier, uint64_t speed,
		    bool is_virtual)
{
	struct host_nic nic = { .ifindex = ifindex,
				.mtu = 1500,
				.up = up,
				.carrier = carrier,
				.speed = speed,
				.is_virtual = is_virtual,
				.driver = "testdrv" };

	snprintf(nic.name, sizeof(nic.name), "%s", name);
	snprintf(nic.link, sizeof(nic.link), "%s", name);
	snprintf(nic.description, sizeof(nic.description), "Test Ethernet #%d", ifindex);
	nic.mac = (struct mac){ { 2, 0, 0, 0, 0, (uint8_t)ifindex } };
	vec_push(&k->nics, nic);
}

static int reconcile(void *arg, struct err **e)
{
	struct kit *k = arg;

	(void)e;
	k->reconciles++;
	return 0;
}

int kit_setup(void **state)
{
	char directory[] = "/tmp/nestor-feature-XXXXXX";
	struct kit *k = xcalloc(1, sizeof(*k));
	_cleanup_free_ char *path = NULL;

	k->directory = xstrdup(mkdtemp(directory));
	path = xasprintf("%s/nestor.db", k->directory);
	assert_int_equal(store_open_sqlite(path, &k->store, NULL), 0);
	assert_int_equal(docs_open(k->store, feature_kinds, feature_n_kinds, &k->docs, NULL), 0);
	k->host = (struct host){
		.name = "host1", .machines_dir = "/var/lib/nestor/machines", .nics = fake_nics, .guest = fake_guest, .guest_addresses = fake_guest_addresses,
		.nic_addresses = fake_nic_addresses, .address_state = fake_address_state, .exec = fake_exec, .exec_end = fake_exec_end,
		.console = fake_console, .wait = fake_wait, .wait_end = fake_wait_end,
		.machines = fake_machines, .image = fake_image, .image_end = fake_image_end, .image_discard = fake_image_discard, .image_dir = "/images", .shutdown = fake_shutdown, .domain = fake_domain, .export_machine = fake_export, .variables = fake_variables, .capture = fake_capture, .release = fake_release, .import_files = fake_import, .port_traffic = fake_port_traffic, .port_meter = fake_port_meter, .drops = fake_drops,
		.port_spoofed = fake_port_spoofed,
		.dataplane = fake_dataplane, .drop_reasons = kit_reasons, .n_drop_reasons = KIT_REASONS
	};
	k->machines.missing = "there is no libvirt";
	add_nic(k, "eth0", 2, true, true, 10000000000, false);
	add_nic(k, "eth1", 3, true, false, 2500000000, false);
	add_nic(k, "tap7", 4, false, false, 100000000, true);
	k->server = cmdlet_server_new(&(struct cmdlet_server_config){
		.tables = feature_cmdlets, .docs = k->docs, .host = &k->host, .reconcile = reconcile, .arg = k });
	*state = k;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

int kit_teardown(void **state)
{
	struct kit *k = *state;

	vec_done(&k->shutdowns);
	vec_done(&k->images);
	free(k->last_image);
	vec_done(&k->domains);
	vec_done(&k->exports);
	free(k->exported);
	cmdlet_server_free(k->server);
	docs_free(k->docs);
	store_close(k->store);
	nftw(k->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(k->directory);
	vec_done(&k->nics);
	vec_done(&k->traffic);
	vec_done(&k->drops);
	json_decref(k->result);
	str_done(&k->told);
	free(k);
	return 0;
}

static void done(void *arg, int status, json_t *result)
{
	struct kit *k = arg;

	k->status = status;
	k->result = result;
}

static json_t *parse(const char *text)
{
	_cleanup_free_ char *copy = xstrdup(text);
	json_t *json;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	json = json_loads(copy, 0, NULL);
	assert_non_null(json);
	return json;
}

static void told(void *arg, json_t *progress)
{
	const json_t *percent = json_object_get(progress, "percent");
	const char *activity = NULL, *target = json_string_value(json_object_get(progress, "target"));
	struct kit *k = arg;
	int number, of;

	assert_int_equal(json_unpack(progress, "{s:s, s:i, s:i}", "activity", &activity, "number", &number, "of", &of), 0);
	str_addf(&k->told, "%s %s %d/%d ", activity, target ? target : "-", number, of);
	if (json_is_null(percent))
		str_add(&k->told, "-;");
	else
		str_addf(&k->told, "%d;", (int)json_integer_value(percent));
	json_decref(progress);
}

void kit_told(const struct kit *k, const char *expected)
{
	assert_string_equal(str_get(&k->told), expected);
}

void kit_pipe(struct kit *k, const char *cmdlet, const char *parameters, json_t *input)
{
	json_t *request = json_object();

	json_object_set_new(request, "parameters", parse(parameters));
	if (input)
		json_object_set(request, "input", input);
	json_decref(k->result);
	k->result = NULL;
	k->status = 0;
	str_done(&k->told);
	cmdlet_server_invoke(k->server, cmdlet, request, done, told, k);
	kit_pump(k);
	json_decref(request);
	assert_non_null(k->result);
}

void kit_run(struct kit *k, const char *cmdlet, const char *parameters)
{
	kit_pipe(k, cmdlet, parameters, NULL);
}

void kit_do(struct kit *k, const char *cmdlet, const char *parameters)
{
	kit_run(k, cmdlet, parameters);
	kit_no_errors(k);
}

json_t *kit_get(struct kit *k, const char *cmdlet, const char *parameters)
{
	kit_do(k, cmdlet, parameters);
	return json_incref(json_object_get(k->result, "objects"));
}

size_t kit_count(const struct kit *k, const char *member)
{
	return json_array_size(json_object_get(k->result, member));
}

static const char *error_text(const struct kit *k, size_t i, const char *member)
{
	return json_string_value(json_object_get(json_array_get(json_object_get(k->result, "errors"), i), member));
}

void kit_no_errors(const struct kit *k)
{
	if (kit_count(k, "errors"))
		fail_msg("error %s: %s", error_text(k, 0, "id"), error_text(k, 0, "message"));
	assert_int_equal(k->status, 200);
}

void kit_one_error(const struct kit *k, const char *id, const char *target)
{
	assert_int_equal(kit_count(k, "errors"), 1);
	assert_string_equal(error_text(k, 0, "id"), id);
	if (target)
		assert_string_equal(error_text(k, 0, "target"), target);
}

void kit_refused(struct kit *k, const char *cmdlet, const char *parameters, const char *id)
{
	_cleanup_free_ char *before = kit_snapshot(k), *after = NULL;
	size_t reconciles = k->reconciles;

	kit_run(k, cmdlet, parameters);
	if (kit_count(k, "errors") != 1 || !streq(error_text(k, 0, "id"), id))
		fail_msg("%s %s: %zu errors, first %s: %s; expected %s", cmdlet, parameters, kit_count(k, "errors"),
			 kit_count(k, "errors") ? error_text(k, 0, "id") : "-",
			 kit_count(k, "errors") ? error_text(k, 0, "message") : "-", id);
	assert_int_equal(kit_count(k, "objects"), 0);
	after = kit_snapshot(k);
	assert_string_equal(before, after);
	assert_int_equal(k->reconciles, reconciles);
}

void kit_all_refused(struct kit *k, const struct refusal *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		kit_refused(k, cases[i].cmdlet, cases[i].parameters, cases[i].id);
}

void kit_what_if(struct kit *k, const char *cmdlet, const char *parameters, size_t n)
{
	_cleanup_free_ char *before = kit_snapshot(k), *after = NULL;
	_cleanup_free_ char *with =
		xasprintf("{'WhatIf': true%s%s", streq(parameters, "{}") ? "" : ", ", parameters + 1);
	size_t reconciles = k->reconciles;

	kit_do(k, cmdlet, with);
	assert_int_equal(kit_count(k, "whatIf"), n);
	assert_int_equal(kit_count(k, "objects"), 0);
	after = kit_snapshot(k);
	assert_string_equal(before, after);
	assert_int_equal(k->reconciles, reconciles);
}

void kit_warning(const struct kit *k, const char *part)
{
	const char *text = json_string_value(json_array_get(json_object_get(k->result, "warnings"), 0));

	assert_int_equal(kit_count(k, "warnings"), 1);
	if (!strstr(text, part))
		fail_msg("warning \"%s\" does not say \"%s\"", text, part);
}

static const json_t *property(const struct kit *k, size_t object, const char *name)
{
	const json_t *o = json_array_get(json_object_get(k->result, "objects"), object);
	const json_t *value = json_object_get(o, name);

	if (!value)
		fail_msg("object %zu has no property %s", object, name);
	return value;
}

void kit_property(const struct kit *k, size_t object, const char *name, const char *expected)
{
	_cleanup_free_ char *text = json_dumps(property(k, object, name), JSON_ENCODE_ANY | JSON_COMPACT);

	for (char *p = text; *p; p++)
		if (*p == '"')
			*p = '\'';
	if (!streq(text, expected))
		fail_msg("%s is %s, not %s", name, text, expected);
}

void kit_names(const struct kit *k, const char *name, const char *expected)
{
	struct str all = { 0 };

	for (size_t i = 0; i < kit_count(k, "objects"); i++) {
		const char *text = json_string_value(property(k, i, name));

		str_addf(&all, "%s%s", i ? " " : "", text ? text : "-");
	}
	assert_string_equal(str_get(&all), expected);
	str_done(&all);
}

char *kit_snapshot(const struct kit *k)
{
	struct str all = { 0 };

	for (size_t i = 0; i < feature_n_kinds; i++) {
		_cleanup_free_ const void **docs = NULL;
		size_t n = docs_list(k->docs, feature_kinds[i], &docs);

		for (size_t j = 0; j < n; j++) {
			json_t *json = doc_to_json(feature_kinds[i], docs[j]);
			_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

			str_addf(&all, "%s %s\n", feature_kinds[i]->name, text);
			json_decref(json);
		}
	}
	return str_take(&all);
}
