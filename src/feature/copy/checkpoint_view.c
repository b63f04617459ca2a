/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoint_view.h"

#include "feature.h"

const char *const snapshot_type[] = { "VMSnapshot", NULL };

/* What is not kept, but looked at when it is asked for: as it is of a machine that is off. */
static void forget_now(json_t *value)
{
	json_t *member;
	const char *name;
	size_t i;

	json_array_foreach(value, i, member)
		forget_now(member);
	json_object_foreach(value, name, member) {
		if (streq(name, "IPAddresses"))
			json_array_clear(member);
		else if (streq(name, "Status") || streq(name, "StatusDescription"))
			json_object_set_new(value, name, json_string(""));
		else if (strncmp(name, "Metered", 7) == 0)
			json_object_set_new(value, name, json_null());
		else
			forget_now(member);
	}
}

static void finish(json_t *object, const void *arg)
{
	const struct checkpoint_doc *s = arg;

	forget_now(object);
	json_object_set_new(object, "VMSnapshotId", json_guid(&s->id));
	json_object_set_new(object, "VMSnapshotName", json_text(s->name));
}

static int view(struct call *c, const struct vm_doc *vm, const struct checkpoint_doc *s, int (*get)(struct call *c, struct err **e),
		struct err **e)
{
	struct docs *d = call_docs(c);
	size_t mark = docs_mark(d);
	struct vm_config config;
	struct vm_doc *own;
	int r = vm_config_parse(s->config, &config, e);

	if (r < 0)
		return r;
	own = vm_config_vm(&config);
	free(own->name);
	own->name = xstrdup(vm->name);
	vm_config_delete(d, vm);
	vm_config_put(d, &config);
	call_emit_now(c, finish, s);
	r = get(c, e);
	call_emit_now(c, NULL, NULL);
	docs_rollback_to(d, mark);
	return r;
}

int checkpoint_view(struct call *c, int (*get)(struct call *c, struct err **e), struct err **e)
{
	const struct arg *given = call_arg(c, "VMSnapshot");
	const struct checkpoint_doc *s;
	const struct vm_doc *vm;

	if (!given->given)
		return get(c, e);
	s = checkpoint_of_object(c, given->values[0].object);
	vm = s ? vm_get(call_docs(c), &s->vm) : NULL;
	return vm ? view(c, vm, s, get, e) : 0;
}
