/* SPDX-License-Identifier: Apache-2.0 */
#include "export_set.h"

#include "adapter.h"
#include "drive_image.h"
#include "drive_rules.h"
#include "export.h"
#include "switch.h"

static const char *keep(struct export_set *s, char *text)
{
	vec_push(&s->texts, text);
	return text;
}

static const char *file_name(struct export_set *s, const char *directory, const struct guid *id, const char *ending)
{
	char text[GUID_TEXT_SIZE];

	return keep(s, xasprintf("%s/%s.%s", directory, guid_format(id, text), ending));
}

/* ---- images ---- */

/* The image that all overlays of checkpoints lie on: what the disk is called after. */
static const char *root_of(const struct docs *d, const char *path, enum drive_format *format)
{
	const struct image_doc *image;

	while ((image = image_get(d, path)) && image->backing) {
		path = image->backing;
		*format = image->backing_format;
	}
	return path;
}

static bool is_taken(const struct host_export *x, const char *to)
{
	vec_foreach(&x->disks, disk)
		if (streq(disk->to, to))
			return true;
	return false;
}

/* Its name says what it is, and no two are the same. */
static const char *image_name(struct export_set *s, const char *path, enum drive_format format)
{
	static const char *const endings[] = { [DRIVE_RAW] = ".img", [DRIVE_QCOW2] = ".qcow2", [DRIVE_VHDX] = ".vhdx", [DRIVE_VHD] = ".vhd" };
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	enum drive_format said;
	bool good = drive_format_of(name, &said) && said == format;
	char *to = xasprintf(EXPORT_DISKS "/%s%s", name, good ? "" : endings[format]);

	for (unsigned i = 2; is_taken(&s->x, to); i++) {
		free(to);
		to = xasprintf(EXPORT_DISKS "/%u-%s%s", i, name, good ? "" : endings[format]);
	}
	return keep(s, to);
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static const struct host_export_disk *find_disk(const struct export_set *s, const char *from)
{
	vec_foreach(&s->x.disks, disk)
		if (streq(disk->from, from))
			return disk;
	return NULL;
}

static void add_disk(struct export_set *s, const char *from, enum drive_format format, const char *called_after, enum drive_format to,
		     const struct host_export_disk *backing)
{
	struct host_export_disk disk = { .from = keep(s, xstrdup(from)), .format = drive_format_qemu(format),
					 .to = image_name(s, called_after, to), .to_format = drive_format_qemu(to) };

	if (backing) {
		disk.backing = base_name(backing->to);
		disk.backing_format = backing->to_format;
	}
	vec_push(&s->x.disks, disk);
}

/* What it lies on is there before it. */
static void add_chain(const struct docs *d, struct export_set *s, const char *path, enum drive_format format)
{
	const struct image_doc *image = image_get(d, path);

	if (find_disk(s, path))
		return;
	if (image && image->backing)
		add_chain(d, s, image->backing, image->backing_format);
	add_disk(s, path, format, path, format, image && image->backing ? find_disk(s, image->backing) : NULL);
}

static void add_flat(const struct docs *d, struct export_set *s, const char *path, enum drive_format format)
{
	enum drive_format to = format;
	const char *root = root_of(d, path, &to);

	add_disk(s, path, format, root, to, NULL);
}

static bool format_of(const json_t *drive, enum drive_format *ret)
{
	const char *name = json_string_value(json_object_get(drive, "format"));

	for (uint32_t i = 0; name && drive_formats[i]; i++) {
		if (!streq(drive_formats[i], name))
			continue;
		*ret = i;
		return true;
	}
	return false;
}

static void add_drive(const struct docs *d, struct export_set *s, json_t *drive, bool chain)
{
	const char *path = json_string_value(json_object_get(drive, "path"));
	const char *type = json_string_value(json_object_get(drive, "type"));
	const struct host_export_disk *disk;
	enum drive_format format;

	if (!path || !streq_ptr(type, drive_types[DRIVE_HARD_DISK]) || !format_of(drive, &format))
		return;
	if (chain)
		add_chain(d, s, path, format);
	else
		add_flat(d, s, path, format);
	disk = find_disk(s, path);
	drive_format_from_qemu(disk->to_format, &format);
	json_object_set_new(drive, "path", json_string(disk->to));
	json_object_set_new(drive, "format", json_string(drive_formats[format]));
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

static int by_place(const void *a, const void *b)
{
	static const char *const members[] = { "number", "location" };
	json_t *const *x = a, *const *y = b;
	int r = strcmp(or_empty(json_string_value(json_object_get(*x, "controller"))), or_empty(json_string_value(json_object_get(*y, "controller"))));

	for (size_t i = 0; i < ARRAY_SIZE(members) && r == 0; i++) {
		json_int_t p = json_integer_value(json_object_get(*x, members[i])), q = json_integer_value(json_object_get(*y, members[i]));

		r = (p > q) - (p < q);
	}
	return r;
}

/* The hard disks of a configuration: their images come along, and it names those. Of two with one name the first place has it. */
static void add_disks(const struct docs *d, struct export_set *s, json_t *config, bool chain)
{
	VEC(json_t *) drives = { 0 };
	json_t *drive;
	size_t i;

	json_array_foreach(json_object_get(config, "drives"), i, drive)
		vec_push(&drives, drive);
	if (drives.n)
		qsort(drives.items, drives.n, sizeof(*drives.items), by_place);
	vec_foreach(&drives, one)
		add_drive(d, s, *one, chain);
	vec_done(&drives);
}

/* ---- configurations ---- */

static void set_text(json_t *list, const char *member, const char *value)
{
	json_object_set_new(json_array_get(list, 0), member, value ? json_string(value) : json_null());
}

/* Switches have other ids elsewhere, and perhaps the same names. */
static json_t *switches_of(const struct docs *d, const json_t *config)
{
	json_t *names = json_object(), *adapter;
	size_t i;

	json_array_foreach(json_object_get(config, "adapters"), i, adapter) {
		const char *id = json_string_value(json_object_get(adapter, "switch"));
		struct guid guid;
		const struct switch_doc *sw = id && guid_parse(id, &guid) == 0 ? switch_get(d, &guid) : NULL;

		if (sw)
			json_object_set_new(names, id, json_string(sw->name));
	}
	return names;
}

/* Nothing of what it is to this host alone. */
static json_t *config_of(const struct docs *d, const struct vm_doc *vm, const struct checkpoint_doc *source, bool whole)
{
	json_t *config = source ? json_loads(source->config, 0, NULL) : vm_config_write(d, vm), *own = json_object_get(config, "vm");
	char id[GUID_TEXT_SIZE];

	set_text(own, "name", vm->name);
	set_text(own, "state", vm_states[source && source->memory ? VM_SAVED : VM_OFF]);
	set_text(own, "checkpoint", whole && !guid_is_zero(&vm->checkpoint) ? guid_format(&vm->checkpoint, id) : NULL);
	set_text(own, "restoring", NULL);
	set_text(own, "path", NULL);
	set_text(own, "snapshotPath", NULL);
	json_object_set_new(json_array_get(own, 0), "takenIn", json_false());
	json_object_set_new(json_array_get(own, 0), "boot", json_integer(0));
	json_object_set_new(config, "switches", switches_of(d, config));
	return config;
}

static void add_text(struct export_set *s, const char *to, const json_t *json)
{
	const char *text = keep(s, json_dumps(json, JSON_INDENT(1)));

	vec_push(&s->x.texts, (struct host_export_text){ to, text });
}

/* Memory and variables: those of a checkpoint, or (variables) the machine's own. */
static void add_files(struct call *c, struct export_set *s, const char *directory, const struct guid *id, const struct checkpoint_doc *kept)
{
	static const char *const endings[] = { EXPORT_VARIABLES_ENDING, EXPORT_SECURE_ENDING };
	struct host *h = call_host(c);

	if (kept && kept->memory)
		vec_push(&s->x.files, (struct host_export_file){ keep(s, xstrdup(kept->memory)), file_name(s, directory, id, EXPORT_MEMORY_ENDING) });
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		const char *from = NULL;

		if (!kept)
			from = keep(s, h->variables(h, id, i == 1));
		else if (kept->variables && kept->variables[0] && kept->variables[i])
			from = keep(s, xstrdup(kept->variables[i]));
		if (from)
			vec_push(&s->x.files, (struct host_export_file){ from, file_name(s, directory, id, endings[i]) });
	}
}

/* ---- checkpoints ---- */

static json_t *checkpoint_config(const struct docs *d, const struct checkpoint_doc *k)
{
	json_t *config = json_loads(k->config, 0, NULL), *about = doc_to_json(&checkpoint_kind, k);
	static const char *const ours[] = { "vm", "state", "config", "memory", "drives", "disks", "overlays", "variables", "hidden", "foreign",
					    "quiescedOnly" };

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		json_object_del(about, ours[i]);
	json_object_set_new(about, "memory", json_boolean(k->memory));
	json_object_set_new(about, "variables", json_boolean(k->variables && k->variables[0]));
	set_text(json_object_get(config, "vm"), "path", NULL);
	set_text(json_object_get(config, "vm"), "snapshotPath", NULL);
	json_object_set_new(config, "checkpoint", about);
	json_object_set_new(config, "switches", switches_of(d, config));
	return config;
}

static void add_checkpoints(struct call *c, struct export_set *s, const struct vm_doc *vm)
{
	const struct docs *d = call_docs(c);
	const struct checkpoint_doc *k;
	json_t *ids = json_array();
	char id[GUID_TEXT_SIZE];

	for (size_t pos = 0; (k = checkpoint_next(d, &vm->id, &pos));) {
		json_t *config = checkpoint_config(d, k);

		add_disks(d, s, config, true);
		add_files(c, s, EXPORT_SNAPSHOTS, &k->id, k);
		add_text(s, file_name(s, EXPORT_SNAPSHOTS, &k->id, EXPORT_CONFIG_ENDING), config);
		json_array_append_new(ids, json_string(guid_format(&k->id, id)));
		json_decref(config);
	}
	json_object_set_new(s->config, "checkpoints", ids);
}

/* Which image lies on which: those that lie on none are not named. */
static void add_images(struct export_set *s)
{
	json_t *images = json_array();

	vec_foreach(&s->x.disks, disk)
		if (disk->backing)
			json_array_append_new(images, json_pack("{s:s, s:s}", "name", base_name(disk->to), "backing", disk->backing));
	json_object_set_new(s->config, "images", images);
}

void export_set_make(struct call *c, const struct vm_doc *vm, const struct checkpoint_doc *source, bool whole, struct export_set *ret)
{
	const struct docs *d = call_docs(c);
	/* The disks of a saved machine are its own, and stay as they are as long as it is saved. */
	struct export_set s = { .x = { .vm = vm->id, .kept = source && !(whole && vm->state == VM_SAVED) } };
	bool chain;
	size_t pos = 0;

	chain = whole && checkpoint_next(d, &vm->id, &pos);
	s.x.parent = keep(&s, xstrdup(call_str(c, "Path", "")));
	s.x.name = keep(&s, xstrdup(vm->name));
	s.config = config_of(d, vm, source, chain);
	add_disks(d, &s, s.config, chain);
	add_files(c, &s, EXPORT_CONFIGS, &vm->id, source);
	if (chain)
		add_checkpoints(c, &s, vm);
	if (chain)
		add_images(&s);
	add_text(&s, file_name(&s, EXPORT_CONFIGS, &vm->id, EXPORT_CONFIG_ENDING), s.config);
	*ret = s;
}

void export_set_done(struct export_set *s)
{
	json_decref(s->config);
	vec_foreach(&s->texts, text)
		free(*text);
	vec_done(&s->texts);
	vec_done(&s->x.texts);
	vec_done(&s->x.files);
	vec_done(&s->x.disks);
}
