/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter_wants.h"

#include "checkpoint.h"
#include "switch_wants.h"

struct want_port adapter_port(const struct docs *d, const struct adapter_doc *a)
{
	const struct vm_doc *vm = guid_is_zero(&a->vm) ? NULL : vm_get(d, &a->vm);
	struct want_port w = { .adapter = a->id, .vm = a->vm, .label = a->name, .mac = a->mac, .vsid = a->vsid,
			       .spoofing = a->spoofing, .guards = { a->dhcp_guard, a->router_guard, a->storm_limit, a->mirroring,
								a->max_bandwidth },
			       .vlan = { a->vlan_mode, (uint16_t)a->vlan, a->vlan_allowed } };

	w.tap = vm && vm->engine == VM_ENGINE_QEMU;
	adapter_port_name(&a->id, w.name);
	if (vm && !w.tap)
		snprintf(w.inner, sizeof(w.inner), "eth%u", a->slot);
	else if (!vm)
		adapter_host_link_name(&a->id, w.inner);
	if (!guid_is_zero(&a->switch_id) && switch_get(d, &a->switch_id))
		switch_bridge_name(&a->switch_id, w.bridge);
	return w;
}

/* It runs, or its saved state is in the making or being read (an export): QEMU has the other ends of its ports open. */
static bool is_loaded(const struct docs *d, const struct vm_doc *vm)
{
	return vm_is_on(vm) || !guid_is_zero(&vm->restoring) || (vm->state == VM_SAVED && checkpoint_creating(d, &vm->id));
}

void adapter_wants(const struct docs *d, want_port_vec *ret)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, &adapter_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct adapter_doc *a = all[i];
		const struct vm_doc *vm = guid_is_zero(&a->vm) ? NULL : vm_get(d, &a->vm);

		if (guid_is_zero(&a->vm) || (vm && is_loaded(d, vm)))
			vec_push(ret, adapter_port(d, a));
	}
}
