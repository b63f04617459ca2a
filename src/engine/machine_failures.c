/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"
#include "log.h"

/* What has failed at libvirt, in words of ours and with ids that stay. */

struct failure {
	const char *id;
	enum err_category category;
	const char *what, *advice;
};

#define AGAIN "It is tried again by itself, with the next change at the latest."
static const struct failure no_libvirt = { "Vm.LibvirtUnreachable", ERR_RESOURCE_UNAVAILABLE, "is not in reach",
	"Start libvirtd, or name another by --libvirt." };
static const struct failure failures[] = {
	[MACHINE_FAILED] = { "Engine.ApplyFailed", ERR_INVALID_OPERATION, "is not in the state that is wanted",
			     "The daemon's log has every failure." },
	[MACHINE_NO_MEMORY] = { "Vm.NotEnoughMemory", ERR_RESOURCE_UNAVAILABLE, "cannot have its memory, because this host has not enough",
				"Stop another, or turn it off (Stop-VM -TurnOff) and give it less (Set-VMMemory -StartupBytes)." },
	[MACHINE_NO_EMULATOR] = { "Vm.EmulatorMissing", ERR_RESOURCE_UNAVAILABLE, "cannot run, because this host's libvirt has no QEMU that can run it",
				  "Install qemu-system-x86 on libvirt's host." },
	[MACHINE_NO_FIRMWARE] = { "Vm.FirmwareMissing", ERR_RESOURCE_UNAVAILABLE, "cannot run, because this host has no UEFI firmware for it",
				  "Install ovmf on libvirt's host." },
	[MACHINE_NO_FILE] = { "Vm.FileMissing", ERR_OBJECT_NOT_FOUND, "needs a file that is not there",
			      "Put it there, or stop the virtual machine and name another." },
	[MACHINE_FILE_DENIED] = { "Vm.FileDenied", ERR_PERMISSION_DENIED, "needs a file that QEMU may not open",
				  "QEMU's user needs to read it, and to search its directories." },
	[MACHINE_FILE_IN_USE] = { "Vhd.InUse", ERR_RESOURCE_BUSY, "needs an image that another virtual machine or program uses",
				  "Stop what uses it, or take it out of one of the two." },
	[MACHINE_NO_SPACE] = { "Vhd.DiskFull", ERR_WRITE_ERROR, "needs more room than there is on the host's disk", "Make room." },
	[MACHINE_WRONG_FORMAT] = { "Vhd.WrongFormat", ERR_INVALID_ARGUMENT, "has an image that is damaged, or not what its name says",
				   "Give it another (Set-VMHardDiskDrive), or rename it, so that its ending says what it is." },
	[MACHINE_NAME_TAKEN] = { "Vm.NameTaken", ERR_RESOURCE_EXISTS, "has the name of a domain of libvirt that is somebody else's",
				 "Rename one of the two (Rename-VM), or take that one in (Import-VM -Domain)." },
	[MACHINE_MEMORY_WRITTEN] = { "Vm.MemoryWritten", ERR_INVALID_OPERATION,
				     "has its memory in a checkpoint or an export since it is paused, and QEMU writes it no second time",
				     "Resume-VM, then try again." },
	[MACHINE_DEVICE_HELD] = { "Vm.DeviceInUse", ERR_RESOURCE_BUSY, "still has what was taken away from it",
				  "Its guest must let go of it, which one that is still booting does later; Stop-VM ends that." },
	[MACHINE_LOST] = { "Vm.LibvirtLost", ERR_RESOURCE_BUSY, "is held by libvirt, which does not know any more what it has started",
			   "Stop libvirtd, remove the machine's NAME.xml from /run/libvirt/qemu, and start libvirtd (docs/operations.md)." },
	[MACHINE_BUSY] = { "Vm.LibvirtBusy", ERR_RESOURCE_BUSY, "is being changed by somebody else of libvirt's",
			   "virsh domjobinfo tells of what takes long, and virsh domjobabort ends it." },
};

static void tell(struct engine *g, uint64_t wants, const struct failure *failure, const char *who, const char *why)
{
	_cleanup_err_ struct err *e = NULL;

	log_error("%s %s: %s", who, failure->what, why);
	err_set(&e, failure->id, failure->category, NULL, "The change is stored, but not all of it is in effect: %s %s: %s.", who, failure->what,
		why);
	err_advise(&e, 0, "%s " AGAIN, failure->advice);
	engine_tell_waiters(g, wants, e);
}

void engine_machine_failed(struct engine *g, const struct machine *m, const char *who)
{
	tell(g, m->wants, &failures[m->failure], who, m->error);
}

static void gave_up(const struct machine *m, const struct vm_doc *vm, const char *done, struct err **e)
{
	const struct failure *f = &failures[m->failure];

	err_set(e, f->id, f->category, vm->name, "The virtual machine \"%s\" could not be %s: it %s: %s.", vm->name, done, f->what, m->error);
	err_advise(e, 0, "%s", f->advice);
	log_error("%s", (*e)->message);
}

void engine_start_failed(struct engine *g, const struct machine *m, const struct vm_doc *vm)
{
	_cleanup_err_ struct err *e = NULL;

	gave_up(m, vm, "started", &e);
	engine_note_state(g, vm, VM_OFF, e->message);
	engine_tell_waiters(g, m->wants, e);
}

void engine_save_failed(struct engine *g, const struct machine *m, const struct vm_doc *vm)
{
	_cleanup_err_ struct err *e = NULL;

	gave_up(m, vm, "saved", &e);
	engine_note_state(g, vm, m->not_saved == MACHINE_PAUSED ? VM_PAUSED : VM_RUNNING, NULL);
	engine_tell_waiters(g, m->wants, e);
}

void engine_libvirt_failed(struct engine *g, const char *why)
{
	tell(g, EVERYBODY, &no_libvirt, "libvirt", why);
}

void engine_settle_failed(struct engine *g, const char *id, const char *advice, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_err_ struct err *e = NULL;
	va_list ap;

	va_start(ap, format);
	text = xvasprintf(format, ap);
	va_end(ap);
	log_error("%s", text);
	err_set(&e, id, ERR_INVALID_OPERATION, NULL, "%s", text);
	err_advise(&e, 0, "%s", advice);
	engine_tell_waiters(g, EVERYBODY, e);
}
