/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "vm_rules.h"

/* Which virtual machines a cmdlet is about. */

static const char *vm_name(const void *doc)
{
	return ((const struct vm_doc *)doc)->name;
}

static const struct selector vm_selector = { &vm_kind, vm_name, vm_unknown };

static void select_args(struct call *c, const struct arg *names, const struct arg *objects, const struct arg *ids, vm_vec *ret)
{
	doc_vec docs = { 0 };

	select_docs(c, &vm_selector, names, objects, ids, &docs);
	vec_foreach(&docs, doc)
		vec_push(ret, *doc);
	vec_done(&docs);
}

void vm_select(struct call *c, const char *name_param, const char *object_param, vm_vec *ret)
{
	select_args(c, name_param ? call_arg(c, name_param) : NULL, object_param ? call_arg(c, object_param) : NULL, NULL, ret);
}

void vm_select_or_kept(struct call *c, vm_vec *ret)
{
	const struct arg *snapshot = call_arg(c, "VMSnapshot");
	const struct vm_doc *vm = NULL;
	struct guid id;

	if (!snapshot->given) {
		vm_select(c, "VMName", "VM", ret);
		return;
	}
	if (object_guid(snapshot->values[0].object, "VMId", &id))
		vm = vm_get(call_docs(c), &id);
	if (vm)
		vec_push(ret, vm);
}

void vm_select_or_id(struct call *c, const char *name_param, const char *id_param, vm_vec *ret)
{
	select_args(c, call_arg(c, name_param), NULL, call_arg(c, id_param), ret);
}

/* Of a piped processor or memory: the machine that has it. */
static void select_owners(struct call *c, const struct arg *parts, vm_vec *ret)
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct vm_doc *vm = object_doc(c, &vm_kind, parts->values[i].object, "VMId", "VMName", vm_unknown);

		if (vm)
			vec_push(ret, vm);
	}
}

int vm_each_of(struct call *c, const char *name_param, const char *part_param, vm_fn fn)
{
	const struct arg *parts = part_param ? call_arg(c, part_param) : NULL;
	vm_vec vms = { 0 };

	if (parts && parts->given)
		select_owners(c, parts, &vms);
	else
		vm_select(c, name_param, "VM", &vms);
	vec_foreach(&vms, vm) {
		struct err *e = NULL;

		if (fn(c, *vm, &e) < 0)
			call_error(c, &e);
	}
	vec_done(&vms);
	return 0;
}

void vm_write_as(struct call *c, struct vm_doc *changed, object_fn make)
{
	docs_put(call_docs(c), &vm_kind, changed);
	if (call_bool(c, "PassThru", false))
		call_emit(c, make, &vm_kind, changed);
}
