/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "acl_rules.h"
#include "adapter_rules.h"
#include "drive_rules.h"
#include "vlan_set.h"
#include "vm_config.h"
#include "vm_rules.h"
#include "vsid.h"

/* What a configuration from elsewhere may say: each part is held against the rules that its cmdlets hold it against. */

static int refuse(const char *what, struct err **e)
{
	int r = err_set(e, "Config.Invalid", ERR_INVALID_ARGUMENT, NULL, "The configuration says what no cmdlet would: %s.", what);

	return err_advise(e, r, "Export the virtual machine anew where it comes from.");
}

static int check_numbers(const struct vm_doc *vm, struct err **e)
{
	if (vm->generation != 1 && vm->generation != 2)
		return refuse("a generation that there is not", e);
	if (vm->scsi_controllers > DRIVE_SCSI_NUMBERS)
		return refuse("more SCSI controllers than there can be", e);
	if (vm->memory_minimum < MEMORY_MIN || vm->memory_minimum > MEMORY_MAX || vm->memory_maximum < MEMORY_MIN ||
	    vm->memory_maximum > MEMORY_MAX || vm->memory_buffer < 5 || vm->memory_buffer > 2000)
		return refuse("limits of memory that there are not", e);
	return 0;
}

/* More devices than a machine has. */
#define BOOT_ORDER_MAX 512

static int check_boot(const struct vm_doc *vm, struct err **e)
{
	int r = 0;

	if (!vm->kernel && (vm->initrd || vm->command_line))
		return refuse("a kernel's belongings without a kernel", e);
	for (char *const *word = vm->boot_order; word && *word; word++)
		if (strlen(*word) >= GUID_TEXT_SIZE || word - vm->boot_order > BOOT_ORDER_MAX)
			return refuse("an order of booting that there cannot be", e);
	if (vm->user_data)
		r = vm_check_path("UserDataPath", vm->user_data, e);
	if (r == 0 && vm->kernel)
		r = vm_check_path("KernelPath", vm->kernel, e);
	if (r == 0 && vm->initrd)
		r = vm_check_path("InitrdPath", vm->initrd, e);
	return r;
}

static int check_vm(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host_machines machines = { 0 };
	struct host_guest guest = { 0 };
	int r;

	if (!vm->name || !vm->version || guid_is_zero(&vm->id))
		return refuse("a virtual machine without a name, a version or an id", e);
	r = vm_check_machine(vm, e);
	if (r == 0)
		r = vm_check_name(call_docs(c), NULL, vm->name, e);
	if (r == 0)
		r = vm_check_version(vm->version, e);
	if (r == 0)
		r = vm_check_sizes(vm, e);
	if (r == 0)
		r = check_numbers(vm, e);
	if (r == 0)
		r = vm_check_memory(vm, vm, &guest, e);
	if (r == 0)
		r = check_boot(vm, e);
	call_host(c)->machines(call_host(c), &machines);
	return r == 0 && vm->nested ? vm_check_nesting(vm, &machines, e) : r;
}

static int check_vlan(const struct adapter_doc *a, struct err **e)
{
	struct vlan_set set;

	if (a->vlan > VLAN_MAX || (a->vlan_mode == VLAN_ACCESS && !a->vlan) || (a->vlan_mode == VLAN_UNTAGGED && a->vlan))
		return refuse("a VLAN that there is not", e);
	if (a->vlan_mode == VLAN_TRUNK ? !a->vlan_allowed || vlan_set_parse(a->vlan_allowed, &set) < 0 : a->vlan_allowed != NULL)
		return refuse("a list of VLANs that is none", e);
	return adapter_check_vlan(a, a->vsid, a->vlan_mode, e);
}

static int check_adapter(struct call *c, const struct vm_config *config, const struct adapter_doc *a, struct err **e)
{
	const struct adapter_doc *other;
	int r;

	if (!a->name || guid_is_zero(&a->id) || adapter_get(call_docs(c), &a->id))
		return refuse("a network adapter without a name, or with the id of another", e);
	for (size_t pos = 0; (other = vm_config_next(config, &adapter_kind, &pos));)
		if (other != a && (guid_equal(&other->id, &a->id) || other->slot == a->slot))
			return refuse("two network adapters that are one", e);
	if ((a->vsid && !vsid_is_valid(a->vsid)) || a->max_bandwidth % 8 || a->slot >= ADAPTERS_OF_A_MACHINE)
		return refuse("a network adapter that there cannot be", e);
	r = adapter_check_name(a->name, e);
	if (r == 0)
		r = adapter_check_mac(&a->mac, e);
	return r == 0 ? check_vlan(a, e) : r;
}

static int check_acl(struct call *c, const struct acl_doc *a, struct err **e)
{
	struct acl_address address;
	int r;

	if (!a->local || !a->remote || a->direction == ACL_BOTH || !a->number || a->number > ACL_NUMBER_MAX)
		return refuse("an access control list that there cannot be", e);
	r = acl_address_parse(a->local, a->type, &address, e);
	if (r == 0)
		r = acl_address_parse(a->remote, a->type, &address, e);
	return r == 0 ? acl_check_entry(call_docs(c), a, e) : r;
}

static int check_extended(struct call *c, const struct extended_acl_doc *x, struct err **e)
{
	struct acl_address address;
	struct acl_ports ports;
	int r, protocol;

	if (!x->local || !x->remote || !x->local_port || !x->remote_port || !x->protocol || x->weight > ACL_WEIGHT_MAX ||
	    x->idle_timeout > ACL_TIMEOUT_MAX || x->isolation_id > ACL_ISOLATION_MAX)
		return refuse("an extended access control list that there cannot be", e);
	r = acl_address_parse(x->local, ACL_IP, &address, e);
	if (r == 0)
		r = acl_address_parse(x->remote, ACL_IP, &address, e);
	if (r == 0)
		r = acl_ports_parse(x->local_port, &ports, e);
	if (r == 0)
		r = acl_ports_parse(x->remote_port, &ports, e);
	if (r == 0)
		r = acl_protocol_parse(x->protocol, &protocol, e);
	return r == 0 ? acl_check_extended(call_docs(c), x, e) : r;
}

static int check_drive(struct call *c, const struct vm_doc *vm, const struct drive_doc *drive, struct err **e)
{
	struct drive_place place = drive_place_of(drive);
	enum drive_format format;
	int r;

	if (guid_is_zero(&drive->id) || drive_get(call_docs(c), &drive->id) || (drive->type == DRIVE_HARD_DISK && !drive->path))
		return refuse("a drive without an image, or with the id of another", e);
	r = drive_check_place(call_docs(c), vm, NULL, &place, e);
	if (r == 0 && drive->path)
		r = drive_check_path("Path", drive->type, drive->path, &format, e);
	if (r == 0 && drive->path && format != drive->format)
		return refuse("a drive whose image is not what its name says", e);
	if (r == 0 && drive->path && drive->type == DRIVE_HARD_DISK)
		r = drive_check_image(call_docs(c), vm, NULL, drive->path, e);
	return r;
}

static int check_part(struct call *c, const struct vm_config *config, const struct config_part *part, struct err **e)
{
	if (part->kind == &vm_kind)
		return check_vm(c, part->doc, e);
	if (part->kind == &adapter_kind)
		return check_adapter(c, config, part->doc, e);
	if (part->kind == &acl_kind)
		return check_acl(c, part->doc, e);
	if (part->kind == &extended_acl_kind)
		return check_extended(c, part->doc, e);
	return check_drive(c, vm_config_vm(config), part->doc, e);
}

/* A part is held against those before it, too, so each is written as soon as it is found sound. */
int vm_config_add(struct call *c, const struct vm_config *config, struct err **e)
{
	size_t mark = docs_mark(call_docs(c));
	int r = 0;

	vec_foreach(&config->parts, part) {
		if (r == 0)
			r = check_part(c, config, part, e);
		if (r == 0)
			docs_put(call_docs(c), part->kind, doc_copy(part->kind, part->doc));
	}
	if (r < 0)
		docs_rollback_to(call_docs(c), mark);
	return r;
}
