/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_config.h"

#include <errno.h>

#include "acl.h"

/* To whom a part belongs. */
enum owner { THE_VM, AN_ADAPTER };

static const struct part_kind {
	const char *name;
	const struct doc_kind *kind;
	size_t owner_at; /* of a guid */
	enum owner owner;
} kinds[] = {
	{ "vm", &vm_kind, offsetof(struct vm_doc, id), THE_VM },
	{ "adapters", &adapter_kind, offsetof(struct adapter_doc, vm), THE_VM },
	{ "acls", &acl_kind, offsetof(struct acl_doc, adapter), AN_ADAPTER },
	{ "extendedAcls", &extended_acl_kind, offsetof(struct extended_acl_doc, adapter), AN_ADAPTER },
	{ "drives", &drive_kind, offsetof(struct drive_doc, vm), THE_VM },
};

#define FORMAT 1

static const struct guid *owner_of(const struct part_kind *k, const void *doc)
{
	return (const struct guid *)((const char *)doc + k->owner_at);
}

static bool is_of_vm(const struct docs *d, const struct part_kind *k, const void *doc, const struct guid *vm)
{
	const struct adapter_doc *a = k->owner == AN_ADAPTER ? adapter_get(d, owner_of(k, doc)) : NULL;

	return k->owner == AN_ADAPTER ? a && guid_equal(&a->vm, vm) : guid_equal(owner_of(k, doc), vm);
}

json_t *vm_config_write(const struct docs *d, const struct vm_doc *vm)
{
	json_t *o = json_pack("{s:i}", "format", FORMAT);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_t *list = json_array();
		const void **all;
		size_t n = docs_list(d, kinds[i].kind, &all);

		for (size_t j = 0; j < n; j++)
			if (is_of_vm(d, &kinds[i], all[j], &vm->id))
				json_array_append_new(list, doc_to_json(kinds[i].kind, all[j]));
		free(all);
		json_object_set_new(o, kinds[i].name, list);
	}
	return o;
}

static int invalid(const char *why, struct err **e)
{
	int r = err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, NULL, "This is not the configuration of a virtual machine: %s.", why);

	return err_advise(e, r, "Export-VM writes such configurations; one from elsewhere, or that was changed by hand, may be no longer one.");
}

static int read_kind(const json_t *json, const struct part_kind *k, struct vm_config *c, struct err **e)
{
	const json_t *list = json_object_get(json, k->name), *one;
	size_t i;

	if (!json_is_array(list))
		return invalid("a part of it is missing", e);
	json_array_foreach((json_t *)(uintptr_t)list, i, one) {
		struct config_part part = { .kind = k->kind };
		int r = c->parts.n < VM_CONFIG_PARTS_MAX ? doc_from_json(k->kind, one, &part.doc, e) : invalid("it is too large", e);

		if (r < 0)
			return r;
		vec_push(&c->parts, part);
	}
	return 0;
}

static const struct adapter_doc *adapter_of(const struct vm_config *c, const struct guid *id)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = vm_config_next(c, &adapter_kind, &pos));)
		if (guid_equal(&a->id, id))
			return a;
	return NULL;
}

static int check_parts(const struct vm_config *c, struct err **e)
{
	if (!c->parts.n || c->parts.items[0].kind != &vm_kind || (c->parts.n > 1 && c->parts.items[1].kind == &vm_kind))
		return invalid("it is not of one virtual machine", e);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const void *doc;

		for (size_t pos = 0; (doc = vm_config_next(c, kinds[i].kind, &pos));) {
			const struct guid *owner = owner_of(&kinds[i], doc);

			if (guid_is_zero(owner) || (kinds[i].owner == THE_VM && !guid_equal(owner, &vm_config_vm(c)->id)) ||
			    (kinds[i].owner == AN_ADAPTER && !adapter_of(c, owner)))
				return invalid("its parts do not belong together", e);
		}
	}
	return 0;
}

int vm_config_read(const json_t *json, struct vm_config *ret, struct err **e)
{
	struct vm_config c = { 0 };
	int r = json_integer_value(json_object_get(json, "format")) == FORMAT ? 0 : invalid("its format is not known", e);

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && r == 0; i++)
		r = read_kind(json, &kinds[i], &c, e);
	if (r == 0)
		r = check_parts(&c, e);
	if (r < 0)
		vm_config_done(&c);
	else
		*ret = c;
	return r;
}

int vm_config_parse(const char *text, struct vm_config *ret, struct err **e)
{
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	int r = json ? vm_config_read(json, ret, e) : invalid("it is not JSON", e);

	json_decref(json);
	return r;
}

void vm_config_done(struct vm_config *c)
{
	vec_foreach(&c->parts, part)
		if (part->doc)
			doc_free(part->kind, part->doc);
	vec_done(&c->parts);
}

struct vm_doc *vm_config_vm(const struct vm_config *c)
{
	return c->parts.items[0].doc;
}

void *vm_config_next(const struct vm_config *c, const struct doc_kind *kind, size_t *pos)
{
	while (*pos < c->parts.n) {
		const struct config_part *part = &c->parts.items[(*pos)++];

		if (part->kind == kind)
			return part->doc;
	}
	return NULL;
}

static void delete_kind(struct docs *d, const struct part_kind *k, const struct guid *vm)
{
	const void **all;
	size_t n = docs_list(d, k->kind, &all);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *key = doc_key(k->kind, all[i]);

		if (is_of_vm(d, k, all[i], vm))
			docs_delete(d, k->kind, key);
	}
	free(all);
}

void vm_config_delete(struct docs *d, const struct vm_doc *vm)
{
	struct guid id = vm->id;

	/* What belongs to an adapter goes before it does, or nobody would know whose it was. */
	for (int owner = AN_ADAPTER; owner >= THE_VM; owner--)
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
			if (kinds[i].owner == (enum owner)owner)
				delete_kind(d, &kinds[i], &id);
}

void vm_config_put(struct docs *d, struct vm_config *c)
{
	vec_foreach(&c->parts, part)
		docs_put(d, part->kind, TAKE_PTR(part->doc));
	vec_done(&c->parts);
}
