/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "drive_image.h"
#include "firmware.h"
#include "internal.h"

/* What a virtual machine is made of, from its documents. */

/* Each has its place, also while the machine runs. */
_Static_assert(ADAPTERS_OF_A_MACHINE <= MACHINE_NICS_MAX, "more adapters than places");

static void nics_of(struct pass *p, const struct vm_doc *vm, struct machine_spec *spec)
{
	adapter_vec adapters = { 0 };
	struct machine_nic *nics;

	adapter_of_vm(p->g->config.docs, &vm->id, &adapters);
	nics = xcalloc(adapters.n + 1, sizeof(*nics));
	for (size_t i = 0; i < adapters.n; i++) {
		struct want_port port = adapter_port(p->g->config.docs, adapters.items[i]);

		snprintf(nics[i].tap, sizeof(nics[i].tap), "%s", port.name);
		nics[i].mac = port.mac;
		nics[i].mtu = pass_guest_mtu(p, &port);
		nics[i].connected = port.bridge[0] != 0;
	}
	spec->nics = nics;
	spec->n_nics = adapters.n;
	vec_done(&adapters);
}

static struct machine_drive drive_of(const struct drive_doc *doc)
{
	return (struct machine_drive){
		.id = doc->id, .dvd = doc->type == DRIVE_DVD, .scsi = doc->controller == DRIVE_SCSI, .number = doc->number,
		.location = doc->location, .path = doc->path, .format = drive_format_qemu(doc->format),
	};
}

static void drives_of(struct pass *p, const struct vm_doc *vm, struct machine_spec *spec)
{
	struct machine_drive *drives;
	drive_vec docs = { 0 };

	drive_of_vm(p->g->config.docs, &vm->id, &docs);
	drives = xcalloc(docs.n + 1, sizeof(*drives));
	for (size_t i = 0; i < docs.n; i++)
		drives[i] = drive_of(docs.items[i]);
	spec->drives = drives;
	spec->n_drives = docs.n;
	spec->scsi_controllers = vm->scsi_controllers;
	/* Where no drive of a document can be. */
	if (spec->seed)
		drives[spec->n_drives++] = (struct machine_drive){ .dvd = true, .scsi = true, .location = MACHINE_SCSI_OWN, .path = spec->seed,
								   .format = drive_format_qemu(DRIVE_RAW) };
	vec_done(&docs);
}

/* What the firmware tries, where no kernel is booted directly. The spec's devices are in the order of their documents. */
static void boot_order(struct pass *p, const struct vm_doc *vm, struct machine_spec *spec)
{
	struct machine_drive *drives = (struct machine_drive *)(uintptr_t)spec->drives;
	struct machine_nic *nics = (struct machine_nic *)(uintptr_t)spec->nics;
	adapter_vec adapters = { 0 };
	boot_source_vec order = { 0 };
	uint32_t next = 1;

	if (spec->kernel)
		return;
	adapter_of_vm(p->g->config.docs, &vm->id, &adapters);
	firmware_order(p->g->config.docs, vm, &order);
	vec_foreach(&order, source) {
		for (size_t i = 0; source->drive && i < spec->n_drives; i++)
			if (guid_equal(&drives[i].id, &source->drive->id))
				drives[i].boot = next++;
		for (size_t i = 0; source->adapter && i < MIN(adapters.n, spec->n_nics); i++)
			if (adapters.items[i] == source->adapter)
				nics[i].boot = next++;
	}
	vec_done(&order);
	vec_done(&adapters);
}

static void files_of(struct pass *p, const struct vm_doc *vm, struct machine_spec *spec)
{
	_cleanup_free_ char *dir = xasprintf("%s/machines", p->g->config.state_dir);

	if (spec->firmware == MACHINE_UEFI)
		spec->nvram = machine_file(dir, &vm->id, vm->secure_boot ? MACHINE_NVRAM_SECURE : MACHINE_NVRAM);
	if (vm->user_data)
		spec->seed = machine_file(dir, &vm->id, MACHINE_SEED);
}

struct machine_want engine_machine_want(struct pass *p, const struct vm_doc *vm)
{
	static const enum machine_wish wishes[] = {
		[VM_OFF] = MACHINE_WANT_OFF, [VM_RUNNING] = MACHINE_WANT_RUNNING, [VM_PAUSED] = MACHINE_WANT_PAUSED,
		[VM_SAVED] = MACHINE_WANT_SAVED,
	};
	struct machine_want w = {
		.spec = {
			.id = vm->id, .name = vm->name, .processors = vm->processor_count,
			.memory = { .startup = vm->memory_startup, .dynamic = vm->dynamic_memory, .minimum = vm->memory_minimum,
				    .maximum = vm->memory_maximum, .buffer = vm->memory_buffer },
			.nested = vm->nested, .firmware = vm->generation == 2 && !vm->kernel ? MACHINE_UEFI : MACHINE_BIOS,
			.kernel = vm->kernel, .initrd = vm->initrd, .command_line = vm->command_line, .boot = vm->boot,
			.i440fx = vm->generation == 1, .secure_boot = vm->secure_boot, .user_data = vm->user_data, .taken_in = vm->taken_in,
		},
		/* Until it is as its checkpoint has it, it neither starts nor loses a saved state. */
		.wish = guid_is_zero(&vm->restoring) ? wishes[vm->state] : MACHINE_WANT_SAVED,
	};

	files_of(p, vm, &w.spec);
	nics_of(p, vm, &w.spec);
	drives_of(p, vm, &w.spec);
	boot_order(p, vm, &w.spec);
	return w;
}

void engine_machine_spec_done(struct machine_spec *spec)
{
	free((void *)(uintptr_t)spec->nics);
	free((void *)(uintptr_t)spec->drives);
	free((char *)(uintptr_t)spec->nvram);
	free((char *)(uintptr_t)spec->seed);
}
