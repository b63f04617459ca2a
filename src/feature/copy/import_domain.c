/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <time.h>

#include "adapter_rules.h"
#include "domain_parse.h"
#include "drive_rules.h"
#include "import.h"
#include "switch_rules.h"
#include "vm_location.h"
#include "vm_rules.h"

/*
 * Import-VM -Domain. libvirt is asked, then the document says that the domain of its id is the virtual machine, and the next step of the
 * machine defines it as all ours are. Until then nothing about the domain has changed.
 */

struct asked {
	struct call *call;
	const struct host_domain *domain;
	struct err *error;
};

static int refuse(struct err **e, const char *id, const char *name, const char *why, const char *advice)
{
	int r = err_set(e, id, ERR_INVALID_OPERATION, name, "The domain \"%s\" cannot be taken in: %s.", name, why);

	return err_advise(e, r, "%s", advice);
}

static int check_state(const struct host_domain *h, const char *name, struct err **e)
{
	int r;

	if (!h->found) {
		r = err_set(e, "Import.DomainNotFound", ERR_OBJECT_NOT_FOUND, name, "libvirt has no domain with the name \"%s\".", name);
		return err_advise(e, r, "virsh list --all shows all of them.");
	}
	if (h->marked)
		return refuse(e, "Import.DomainInUse", name, "it is a virtual machine of a Nestor already",
			      "Get-VM lists those of this daemon; another daemon's are its own.");
	if (h->on || !h->persistent)
		return refuse(e, "Import.DomainNotOff", name, h->persistent ? "it is not off" : "it is there only while it runs",
			      "Shut it down first (virsh shutdown); one that is not persistent is kept by virsh dumpxml and define.");
	if (h->saved)
		return refuse(e, "Import.DomainSaved", name, "its state is saved on disk",
			      "Start it and shut it down, or discard the state (virsh managedsave-remove).");
	if (h->snapshots)
		return refuse(e, "Import.DomainSnapshots", name, "it has snapshots or checkpoints of libvirt",
			      "Delete them first (virsh snapshot-delete, virsh checkpoint-delete).");
	return 0;
}

static char *joined(const text_vec *texts)
{
	struct str all = { 0 };

	vec_foreach(texts, text)
		str_addf(&all, "%s%s", all.len ? "; " : "", *text);
	return str_take(&all);
}

static int check_held(struct call *c, const struct domain_info *d, struct err **e)
{
	_cleanup_free_ char *refused = joined(&d->refused), *changed = joined(&d->changed);
	int r;

	if (d->refused.n) {
		r = err_set(e, "Import.CannotHold", ERR_INVALID_OPERATION, d->name,
			    "The domain \"%s\" has what a virtual machine here cannot have: %s.", d->name, refused);
		return err_advise(e, r, "Change the domain by virsh edit or virt-xml, then import it again. Nothing about it has been changed.");
	}
	if (!d->changed.n || call_bool(c, "Force", false))
		return 0;
	r = err_set(e, "Import.WouldLose", ERR_INVALID_OPERATION, d->name, "The domain \"%s\" would lose something: %s.", d->name, changed);
	return err_advise(e, r, "-Force takes it in all the same. Nothing about it has been changed.");
}

static struct vm_doc *make_vm(struct domain_info *d)
{
	struct vm_doc *vm = doc_new(&vm_kind);

	vm->id = d->id;
	vm->name = xstrdup(d->name);
	vm->engine = VM_ENGINE_QEMU;
	vm->state = VM_OFF;
	vm->generation = d->i440fx ? 1 : 2;
	vm->version = xstrdup(vm_default_version());
	vm->memory_startup = d->memory;
	vm->memory_minimum = MIN(vm_memory_minimum, vm->memory_startup);
	vm->memory_maximum = vm_memory_maximum;
	vm->memory_buffer = vm_memory_buffer;
	vm->processor_count = d->processors;
	vm->nested = d->nested;
	vm->kernel = TAKE_PTR(d->kernel);
	vm->initrd = TAKE_PTR(d->initrd);
	vm->command_line = TAKE_PTR(d->command_line);
	vm->notes = TAKE_PTR(d->notes);
	vm->taken_in = true;
	vm->created = (uint64_t)time(NULL);
	return vm;
}

static int check_vm(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host_machines machines = { 0 };
	int r = vm_check_name(call_docs(c), NULL, vm->name, e);

	if (r == 0 && vm_get(call_docs(c), &vm->id)) {
		r = err_set(e, "Import.IdInUse", ERR_RESOURCE_EXISTS, vm->name, "A virtual machine with the id of \"%s\" exists already.", vm->name);
		err_advise(e, r, "Remove that one first, or give the domain another UUID.");
	}
	if (r == 0)
		r = vm_check_sizes(vm, e);
	if (r == 0 && vm->kernel)
		r = vm_check_path("KernelPath", vm->kernel, e);
	if (r == 0 && vm->initrd)
		r = vm_check_path("InitrdPath", vm->initrd, e);
	if (r == 0 && vm->nested) {
		call_host(c)->machines(call_host(c), &machines);
		r = vm_check_nesting(vm, &machines, e);
	}
	return r;
}

static void write_nics(struct call *c, const struct domain_info *d, const struct switch_doc *sw)
{
	struct docs *docs = call_docs(c);

	vec_foreach(&d->nics, nic) {
		struct adapter_doc *a = adapter_make(docs, &d->id, NULL, sw ? &sw->id : NULL, call_host(c)->name);
		char mac[MAC_TEXT_SIZE];

		if (adapter_by_mac(docs, NULL, &nic->mac))
			call_warn(c, "The MAC address %s is also that of another network adapter.", mac_format(&nic->mac, mac));
		if (!sw)
			call_warn(c, "The network adapter %s was connected to %s and is not connected now: Connect-VMNetworkAdapter does.",
				  mac_format(&nic->mac, mac), nic->where);
		a->mac = nic->mac;
		a->dynamic_mac = false;
		docs_put(docs, &adapter_kind, a);
	}
}

static int disk_format(const struct domain_disk *disk, enum drive_format *ret, struct err **e)
{
	static const struct {
		const char *name;
		enum drive_format format;
	} formats[] = { { "raw", DRIVE_RAW }, { "qcow2", DRIVE_QCOW2 }, { "vpc", DRIVE_VHD } };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (streq(formats[i].name, disk->format) && (!disk->dvd || formats[i].format == DRIVE_RAW)) {
			*ret = formats[i].format;
			return 0;
		}
	}
	r = err_set(e, "Import.CannotHold", ERR_INVALID_OPERATION, disk->path, "The disk %s has an image of format %.40s, which is not available here.",
		    disk->target, disk->format);
	return err_advise(e, r, "Convert it first (qemu-img convert -O qcow2), and change the domain by virsh edit. Nothing about it has been changed.");
}

static int write_disk(struct call *c, const struct vm_doc *vm, const struct domain_disk *disk, struct err **e)
{
	struct drive_place place = { disk->scsi ? DRIVE_SCSI : DRIVE_IDE, disk->number, disk->location };
	uint32_t controller = place.controller;
	enum drive_format format = DRIVE_RAW;
	int r = disk_format(disk, &format, e);

	if (r == 0 && disk->path)
		r = vm_check_path("Domain", disk->path, e);
	if (r == 0 && disk->path)
		r = drive_check_image(call_docs(c), vm, NULL, disk->path, e);
	if (r == 0 && disk->placed)
		r = drive_check_place(call_docs(c), vm, NULL, &place, e);
	else if (r == 0)
		r = drive_find_place(call_docs(c), vm, &controller, NULL, NULL, &place, e);
	if (r == 0)
		docs_put(call_docs(c), &drive_kind,
			 drive_make(&vm->id, disk->dvd ? DRIVE_DVD : DRIVE_HARD_DISK, place.controller, place.number, place.location, disk->path, format));
	return r;
}

/* Those that say where they are come first. */
static int write_disks(struct call *c, const struct vm_doc *vm, const struct domain_info *d, struct err **e)
{
	int r = 0;

	for (int placed = 1; placed >= 0; placed--)
		vec_foreach(&d->disks, disk)
			if (r == 0 && disk->placed == placed)
				r = write_disk(c, vm, disk, e);
	return r;
}

static int take_in(struct call *c, struct domain_info *d, struct err **e)
{
	const struct switch_doc *sw = NULL;
	struct vm_doc *vm;
	int r = check_held(c, d, e);

	if (r == 0 && call_given(c, "SwitchName"))
		r = switch_find(call_docs(c), call_str(c, "SwitchName", NULL), &sw, e);
	if (r < 0)
		return r;
	vm = make_vm(d);
	r = check_vm(c, vm, e);
	if (r == 0)
		r = location_new_check(c, NULL, e);
	if (r == 0)
		r = write_disks(c, vm, d, e);
	if (r == 0 && call_should(c, vm->name, "%s", call_name(c)))
		r = location_new_make(c, NULL, vm, NULL, e) == 0 ? 1 : -EIO;
	if (r <= 0) {
		doc_free(&vm_kind, vm);
		docs_rollback_to(call_docs(c), 0);
		return r;
	}
	vec_foreach(&d->changed, text)
		call_warn(c, "The domain \"%s\" has lost something: %s.", d->name, *text);
	docs_put(call_docs(c), &vm_kind, vm);
	write_nics(c, d, sw);
	call_emit(c, vm_to_object, &vm_kind, vm);
	return 0;
}

static int go_on(struct call *c, void *arg, struct err **e)
{
	const char *name = call_str(c, "Domain", ""), *why;
	struct asked *asked = arg;
	struct domain_info d;
	int r;

	if (asked->error) {
		*e = TAKE_PTR(asked->error);
		return -EIO;
	}
	r = check_state(asked->domain, name, e);
	if (r < 0)
		return r;
	r = domain_parse(asked->domain->xml, strlen(asked->domain->xml), &d, &why);
	if (r < 0)
		return refuse(e, "Import.DomainNotUnderstood", name, why, "virsh dumpxml shows what libvirt says of it.");
	r = take_in(c, &d, e);
	domain_info_done(&d);
	return r;
}

static void on_domain(void *arg, const struct host_domain *domain, struct err *error)
{
	struct asked *asked = arg;

	asked->domain = domain;
	asked->error = error;
	call_resume(asked->call, go_on, asked);
	err_free(asked->error);
	free(asked);
}

int import_domain(struct call *c, struct err **e)
{
	struct asked *asked = xcalloc(1, sizeof(*asked));
	int r = vm_check_engine(VM_ENGINE_QEMU, call_host(c), call_str(c, "Domain", ""), e);

	asked->call = c;
	if (r == 0)
		r = call_host(c)->domain(call_host(c), call_str(c, "Domain", ""), on_domain, asked, e);
	if (r == 0)
		return CALL_PENDING;
	free(asked);
	return r;
}
