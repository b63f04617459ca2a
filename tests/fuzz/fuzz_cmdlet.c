/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "CMDLET\nREQUEST" in one input, as many pairs as there are, into the whole vocabulary over documents in memory and a
 * host that is a table. Each request is answered once; a refused one changes no document; the answer is well-formed.
 * With a '!' in front of a cmdlet's name the disk is full for it. A '@' in its place: what follows is the file that Import-VM reads.
 */
#include <assert.h>
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "feature_list.h"
#include "adapter.h"
#include "netadapter.h"
#include "netvirt.h"
#include "netvirt_wants.h"
#include "store_impl.h"
#include "switch.h"
#include "vm.h"

static struct docs *docs;
static bool disk_full;
static host_exec_fn exec_done;
static void *exec_arg;

struct image {
	host_image_fn done;
	void *arg;
	bool looks, fails;
};
static struct image images[64];
static size_t n_images;

/* A store that keeps nothing: what a run wrote is in its documents alone, so that every run starts from none. */
static int store_can(struct store *s, struct err **e)
{
	(void)s, (void)e;
	return 0;
}

static int store_can_put(struct store *s, const char *kind, const char *key, const char *value, size_t size,
			 struct err **e)
{
	(void)s, (void)kind, (void)key, (void)e;
	assert(strlen(value) == size);
	return 0;
}

static int store_can_delete(struct store *s, const char *kind, const char *key, struct err **e)
{
	(void)s, (void)kind, (void)key, (void)e;
	return 1;
}

static int store_may_commit(struct store *s, bool wrote, struct err **e)
{
	(void)s;
	if (wrote && disk_full)
		return err_set_errno(e, "Store.Full", ENOSPC, NULL, "The disk is full.");
	return 0;
}

static void store_forget(struct store *s)
{
	(void)s;
}

static int store_has_none(struct store *s, const char *kind, store_scan_fn fn, void *arg, struct err **e)
{
	(void)s, (void)kind, (void)fn, (void)arg, (void)e;
	return 0;
}

static const struct store_ops store_ops = {
	.begin = store_can,
	.put = store_can_put,
	.del = store_can_delete,
	.commit = store_may_commit,
	.rollback = store_forget,
	.scan = store_has_none,
};

static int fake_nics(struct host *h, host_nic_vec *ret)
{
	(void)h;
	for (int i = 0; i < 2; i++) {
		struct host_nic nic = {
			.ifindex = 2 + i, .mac = { { 2, 0, 0, 0, 0, (uint8_t)i } }, .mtu = 1500, .up = true
		};

		snprintf(nic.name, sizeof(nic.name), "eth%d", i);
		snprintf(nic.link, sizeof(nic.link), "eth%d", i);
		snprintf(nic.description, sizeof(nic.description), "Test Ethernet #%d", i);
		vec_push(ret, nic);
	}
	return 0;
}

static int fake_guest(struct host *h, const struct guid *vm, struct host_guest *ret)
{
	const struct vm_doc *doc = vm_get(docs, vm);

	(void)h;
	*ret = (struct host_guest) { .running = doc && doc->state == VM_RUNNING };
	return 0;
}

static int fake_guest_addresses(struct host *h, const struct guid *vm, const struct guid *adapter, ip_vec *ret)
{
	(void)h, (void)vm, (void)adapter, (void)ret;
	return 0;
}

static int fake_nic_addresses(struct host *h, int ifindex, ip_vec *ret)
{
	(void)h, (void)ifindex, (void)ret;
	return -ENODEV;
}

static int fake_address_state(struct host *h, const struct ip *ip)
{
	(void)h;
	return ip->b[15] % 7 - 1;
}

/* Ends later, as in a guest, or at once with a failure. */
static int fake_exec(struct host *h, const struct guid *vm, const char *script, uint64_t timeout_ms, host_exec_fn done, void *arg,
		     struct err **e)
{
	(void)h, (void)vm, (void)e, (void)timeout_ms;
	if (exec_done || !*script)
		return -EBUSY;
	exec_done = done;
	exec_arg = arg;
	return 0;
}

static int fake_console(struct host *h, const struct guid *vm, bool force, host_console_fn opened, void *arg, struct err **e)
{
	(void)h, (void)vm, (void)opened, (void)arg;
	return force ? 1 : err_set(e, "Vm.ConsoleInUse", ERR_RESOURCE_BUSY, NULL, "Somebody has it.");
}

static int fake_wait(struct host *h, const struct guid *vm, const struct host_wait *what, host_wait_fn done, void *arg, struct err **e)
{
	(void)h, (void)vm, (void)what, (void)done, (void)arg;
	return err_set(e, "Vm.WaitEnded", ERR_INVALID_OPERATION, NULL, "It cannot be waited for.");
}

static void fake_exec_end(struct host *h, void *arg)
{
	(void)h, (void)arg;
}

static int fake_port_traffic(struct host *h, const char *link, bool virtualized, struct host_traffic *ret)
{
	(void)h;
	if (strlen(link) % 2)
		return -ENODEV;
	*ret = (struct host_traffic){ virtualized, UINT64_MAX, 1, 2 };
	return 0;
}

static const struct host_drop_reason reasons[] = { { 1, "NO_PORT", "", "no port" }, { 4, "SPOOFED", "NN-1", "spoofed" } };

static int fake_drops(struct host *h, host_drop_vec *ret)
{
	(void)h;
	vec_push(ret, (struct host_drop){ 0, "", &reasons[0], 1 });
	vec_push(ret, (struct host_drop){ 2, "eth0", &reasons[1], UINT64_MAX });
	return 0;
}

static int fake_dataplane(struct host *h, struct host_dataplane *ret)
{
	(void)h;
	*ret = (struct host_dataplane){ "0123abcd", 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	return 0;
}

static void fake_machines(struct host *h, struct host_machines *ret)
{
	(void)h;
	*ret = (struct host_machines){ .nested = true };
}

static int fake_shutdown(struct host *h, const struct guid *vm, uint32_t timeout_ms, host_shutdown_fn done, void *arg, struct err **e)
{
	(void)h, (void)vm, (void)timeout_ms, (void)done, (void)arg;
	return err_set(e, "Vm.ShutdownRefused", ERR_INVALID_OPERATION, NULL, "It has no button.");
}

/* Ends later, well or not. */
static int fake_image(struct host *h, const struct host_image_job *job, host_image_fn done, void *arg, struct err **e)
{
	(void)h;
	assert(job->path[0] == '/' && (!job->target || job->target[0] == '/') && (!job->parent || job->parent[0] == '/'));
	if (n_images == ARRAY_SIZE(images) || strlen(job->path) % 5 == 0)
		return err_set(e, "Vhd.Failed", ERR_INVALID_OPERATION, job->path, "It cannot begin.");
	images[n_images++] = (struct image){ done, arg, job->op == HOST_IMAGE_INFO, strlen(job->path) % 3 == 0 };
	return 0;
}

static void end_images(void)
{
	static const struct host_image found = { .format = "qcow2", .size = 1 << 20, .parent = "/p", .parent_format = "" };

	while (n_images) {
		struct image x = images[--n_images];
		struct err *e = NULL;

		if (x.fails)
			err_set(&e, "Vhd.NotFound", ERR_OBJECT_NOT_FOUND, NULL, "It is gone.");
		x.done(x.arg, x.looks && !e ? &found : NULL, e);
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

static host_domain_fn domain_done;
static void *domain_arg;
static char *domain_name;

static int fake_domain(struct host *h, const char *name, host_domain_fn f, void *arg, struct err **e)
{
	(void)h;
	if (domain_done)
		return err_set(e, "Vm.EngineUnavailable", ERR_RESOURCE_UNAVAILABLE, NULL, "It is busy.");
	domain_done = f;
	domain_arg = arg;
	domain_name = xstrdup(name);
	return 0;
}

/* Its name is its XML: the input decides about both. */
static void tell_domain(void)
{
	host_domain_fn f = domain_done;
	struct host_domain domain = { .found = true, .persistent = true };
	_cleanup_free_ char *name = domain_name;

	if (!f)
		return;
	domain.xml = name;
	domain_done = NULL;
	f(domain_arg, &domain, NULL);
}

static int fake_export(struct host *h, const struct host_export *x, host_export_fn f, void *arg, struct err **e)
{
	(void)h, (void)f, (void)arg;
	assert(!strchr(x->name, '/') && x->name[0] != '.');
	vec_foreach(&x->texts, text) {
		json_t *config = json_loads(text->text, 0, NULL);

		assert(config);
		json_decref(config);
	}
	vec_foreach(&x->disks, disk)
		assert(disk->from && strncmp(disk->to, "Virtual Hard Disks/", 19) == 0 && !strchr(disk->to + 19, '/'));
	return err_set(e, "Vhd.DiskFull", ERR_WRITE_ERROR, NULL, "There is no disk.");
}

static int fake_port_meter(struct host *h, const char *link, uint32_t number, uint64_t *ret_packets, uint64_t *ret_bytes)
{
	(void)h, (void)number;
	if (strlen(link) % 2)
		return -ENODEV;
	*ret_packets = 1;
	*ret_bytes = UINT64_MAX;
	return 0;
}

static int fake_port_spoofed(struct host *h, const char *link, uint64_t *ret_packets)
{
	(void)h;
	*ret_packets = strlen(link);
	return 0;
}

/* No port is there, so no packet goes anywhere. */
static int fake_trace(struct host *h, const char *link, bool from_wire, const uint8_t *frame, size_t n, struct host_trace *ret)
{
	(void)h, (void)link, (void)from_wire, (void)frame, (void)n, (void)ret;
	return -ENODEV;
}

static int fake_trace_live(struct host *h, const struct host_live *what, host_live_fn done, void *arg)
{
	(void)h, (void)what, (void)done, (void)arg;
	return -ENODEV;
}

static int fake_inject(struct host *h, const char *link, const uint8_t *frame, size_t n, struct host_trace *ret)
{
	(void)h, (void)link, (void)frame, (void)n, (void)ret;
	return -ENODEV;
}

static void fake_trace_end(struct host *h, void *arg)
{
	(void)h, (void)arg;
}

static char *fake_variables(struct host *h, const struct guid *id, bool secure_boot)
{
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/%s.%s", h->machines_dir, guid_format(id, text), secure_boot ? "secure.fd" : "fd");
}

static const char host_machines[] = "/var/lib/nestor/machines/";
static host_export_fn capture_done;
static void *capture_arg;

/* Nobody makes it: that fails at the end of the call. */
static void fake_capture(struct host *h, const struct guid *vm, const struct guid *checkpoint, host_progress_fn progress, host_export_fn f,
			 void *arg)
{
	(void)h, (void)vm, (void)checkpoint, (void)progress;
	if (capture_done)
		capture_done(capture_arg, NULL);
	capture_done = f;
	capture_arg = arg;
}

static void fake_release(struct host *h, const struct guid *checkpoint)
{
	(void)h;
	assert(!guid_is_zero(checkpoint));
}

static int fake_import(struct host *h, const struct host_import *x, host_import_fn f, void *arg, struct err **e)
{
	(void)h, (void)f, (void)arg;
	vec_foreach(&x->files, file)
		assert(file->from && file->to && strncmp(file->to, host_machines, strlen(host_machines)) == 0 && !strchr(file->to + strlen(host_machines), '/'));
	vec_foreach(&x->ids, id)
		assert(!guid_is_zero(&id->was) && !guid_is_zero(&id->is));
	return err_set(e, "Vhd.DiskFull", ERR_WRITE_ERROR, NULL, "There is no disk.");
}

static struct host host = {
	.name = "host1", .machines_dir = "/var/lib/nestor/machines", .nics = fake_nics, .guest = fake_guest, .guest_addresses = fake_guest_addresses,
	.nic_addresses = fake_nic_addresses, .address_state = fake_address_state, .exec = fake_exec, .exec_end = fake_exec_end, .machines = fake_machines, .image = fake_image, .image_end = fake_image_end, .image_discard = fake_image_discard, .image_dir = "/images",
	.console = fake_console, .wait = fake_wait, .wait_end = fake_exec_end,
	.shutdown = fake_shutdown, .domain = fake_domain, .export_machine = fake_export, .variables = fake_variables, .capture = fake_capture, .release = fake_release, .import_files = fake_import, .port_traffic = fake_port_traffic, .port_meter = fake_port_meter, .drops = fake_drops, .dataplane = fake_dataplane,
	.port_spoofed = fake_port_spoofed,
	.trace = fake_trace, .trace_live = fake_trace_live, .inject = fake_inject, .trace_end = fake_trace_end, .drop_reasons = reasons, .n_drop_reasons = ARRAY_SIZE(reasons),
};

static char *snapshot(void)
{
	struct str all = { 0 };

	for (size_t i = 0; i < feature_n_kinds; i++) {
		_cleanup_free_ const void **list = NULL;
		size_t n = docs_list(docs, feature_kinds[i], &list);

		for (size_t k = 0; k < n; k++) {
			json_t *json = doc_to_json(feature_kinds[i], list[k]);
			_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

			str_addf(&all, "%s %s\n", feature_kinds[i]->name, text);
			json_decref(json);
		}
	}
	return str_take(&all);
}

struct answer {
	int status;
	json_t *result;
};

static void done(void *arg, int status, json_t *result)
{
	struct answer *a = arg;

	assert(!a->result && result);
	a->status = status;
	a->result = result;
}

static void check_answer(const struct answer *a)
{
	json_t *errors = json_object_get(a->result, "errors"), *one;
	_cleanup_free_ char *text = json_dumps(a->result, JSON_COMPACT);
	size_t i;

	if (a->status == 101) {
		assert(json_is_string(json_object_get(a->result, "console")));
		return;
	}
	assert(text && a->status >= 200 && a->status < 600);
	assert(json_is_array(errors) && json_is_array(json_object_get(a->result, "objects")));
	assert(json_is_array(json_object_get(a->result, "warnings")) &&
	       json_is_array(json_object_get(a->result, "whatIf")));
	assert(a->status == 200 || json_array_size(errors));
	json_array_foreach (errors, i, one) {
		assert(json_is_string(json_object_get(one, "id")) && json_is_string(json_object_get(one, "message")));
		assert(json_is_string(json_object_get(one, "fullyQualifiedErrorId")));
	}
}

static int reconcile(void *arg, struct err **e)
{
	struct netvirt_wants w;

	(void)arg, (void)e;
	netvirt_wants(docs, &w);
	netvirt_wants_done(&w);
	return 0;
}

static void invoke(struct cmdlet_server *s, const char *name, const char *text)
{
	json_t *request = json_loads(text, 0, NULL);
	_cleanup_free_ char *before = snapshot(), *after = NULL;
	struct answer a = { 0 };

	cmdlet_server_invoke(s, name, request, done, NULL, &a);
	tell_domain();
	while (exec_done) {
		host_exec_fn f = exec_done;

		exec_done = NULL;
		f(exec_arg, (int)strlen(text) % 3, xstrdup(text), NULL);
	}
	end_images();
	while (capture_done) {
		host_export_fn f = capture_done;
		struct err *e = NULL;

		capture_done = NULL;
		err_set(&e, "Export.CaptureFailed", ERR_INVALID_OPERATION, NULL, "There is no machine.");
		f(capture_arg, e);
	}
	assert(a.result);
	check_answer(&a);
	after = snapshot();
	if (a.status != 200 || json_array_size(json_object_get(a.result, "whatIf")))
		assert(streq(before, after));
	json_decref(a.result);
	json_decref(request);
}

static void import(struct cmdlet_server *s, const char *text)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	_cleanup_free_ char *request = xasprintf("{\"parameters\": {\"Path\": \"/proc/self/fd/%d\"}}", fd);

	assert(fd >= 0 && write_all(fd, text, strlen(text)) == 0);
	invoke(s, "Import-VM", request);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *all = NULL;
	struct store store = { .ops = &store_ops };
	struct cmdlet_server *s;
	unsigned calls = 0;

	if (size > 65536)
		return 0;
	assert(docs_open(&store, feature_kinds, feature_n_kinds, &docs, NULL) == 0);
	s = cmdlet_server_new(&(struct cmdlet_server_config) { feature_cmdlets, docs, &host, reconcile, NULL });
	all = xstrndup((const char *)data, size);
	for (char *name = all, *next; *name && calls++ < 16; name = next) {
		char *text = strchrnul(name, '\n');

		if (*text)
			*text++ = 0;
		next = strchrnul(text, '\n');
		if (*next)
			*next++ = 0;
		disk_full = *name == '!';
		if (*name == '@')
			import(s, text);
		else
			invoke(s, name + disk_full, text);
	}
	cmdlet_server_free(s);
	docs_free(docs);
	map_free(store.pending);
	return 0;
}
