/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_select.h"

const char *const acl_vm_type[] = { "VirtualMachine", NULL };
const char *const acl_adapter_type[] = { "VMNetworkAdapter", NULL };

char *acl_target(struct call *c, const struct adapter_doc *a)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &a->vm);

	return vm ? xasprintf("%s, %s", vm->name, a->name) : xstrdup(a->name);
}

void acl_add_owner(struct call *c, const struct guid *adapter, json_t *o)
{
	const struct adapter_doc *a = adapter_get(call_docs(c), adapter);
	const struct vm_doc *vm = a ? vm_get(call_docs(c), &a->vm) : NULL;

	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "ParentAdapter", json_text(a ? a->name : NULL));
	json_object_set_new(o, "AdapterId", json_guid(adapter));
	json_object_set_new(o, "IsManagementOs", json_boolean(a && !vm));
	json_object_set_new(o, "ComputerName", json_text(call_host(c)->name));
}

const struct adapter_doc *acl_owner(struct call *c, const json_t *object)
{
	struct guid id;

	return object_guid(object, "AdapterId", &id) ? adapter_get(call_docs(c), &id) : NULL;
}

int acl_not_found(const char *what, const struct adapter_doc *a, struct err **e)
{
	_cleanup_free_ char *owner = a ? xasprintf("network adapter \"%s\"", a->name) : xstrdup("network adapter that this was of");
	int r = err_set(e, "Acl.NotFound", ERR_OBJECT_NOT_FOUND, a ? a->name : NULL, "The %s has no such %s.", owner, what);

	return err_advise(e, r, "Get-VMNetworkAdapter%s lists what there is; its objects can be removed.",
			  streq(what, "entry") ? "Acl" : "ExtendedAcl");
}
