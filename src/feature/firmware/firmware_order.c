/* SPDX-License-Identifier: Apache-2.0 */
#include "firmware.h"

#include "feature.h"

const char *const firmware_kinds[] = { "CD", "IDE", "LegacyNetworkAdapter", "Floppy", NULL };
const char *const firmware_boot_devices[] = { "Floppy", "CD", "IDE", "LegacyNetworkAdapter", "NetworkAdapter", "VHD", NULL };

void firmware_kind_order(const struct vm_doc *vm, enum firmware_kind ret[static FIRMWARE_KINDS])
{
	bool taken[FIRMWARE_KINDS] = { false };
	size_t n = 0;

	for (char *const *word = vm->boot_order; word && *word; word++) {
		for (enum firmware_kind kind = 0; kind < FIRMWARE_KINDS; kind++) {
			if (taken[kind] || !streq(*word, firmware_kinds[kind]))
				continue;
			taken[kind] = true;
			ret[n++] = kind;
		}
	}
	for (enum firmware_kind kind = 0; kind < FIRMWARE_KINDS; kind++)
		if (!taken[kind])
			ret[n++] = kind;
}

static void add_drives(const drive_vec *drives, enum drive_type type, boot_source_vec *ret)
{
	vec_foreach(drives, drive)
		if ((*drive)->type == type)
			vec_push(ret, (struct boot_source){ .drive = *drive });
}

static void add_adapters(const adapter_vec *adapters, boot_source_vec *ret)
{
	vec_foreach(adapters, adapter)
		vec_push(ret, (struct boot_source){ .adapter = *adapter });
}

static const struct guid *source_id(const struct boot_source *source)
{
	return source->drive ? &source->drive->id : &source->adapter->id;
}

/* Brings the one with the id to place n; false: there is none behind it. */
static bool bring(boot_source_vec *all, const struct guid *id, size_t n)
{
	for (size_t i = n; i < all->n; i++) {
		struct boot_source source = all->items[i];

		if (!guid_equal(source_id(&source), id))
			continue;
		memmove(all->items + n + 1, all->items + n, (i - n) * sizeof(source));
		all->items[n] = source;
		return true;
	}
	return false;
}

static void by_ids(const struct vm_doc *vm, boot_source_vec *ret)
{
	size_t n = 0;
	struct guid id;

	for (char *const *text = vm->boot_order; text && *text; text++)
		if (guid_parse(*text, &id) == 0 && bring(ret, &id, n))
			n++;
}

void firmware_order(const struct docs *d, const struct vm_doc *vm, boot_source_vec *ret)
{
	enum firmware_kind kinds[FIRMWARE_KINDS];
	adapter_vec adapters = { 0 };
	drive_vec drives = { 0 };

	drive_of_vm(d, &vm->id, &drives);
	adapter_of_vm(d, &vm->id, &adapters);
	if (vm->generation == 2) {
		add_drives(&drives, DRIVE_HARD_DISK, ret);
		add_drives(&drives, DRIVE_DVD, ret);
		add_adapters(&adapters, ret);
		by_ids(vm, ret);
	} else {
		firmware_kind_order(vm, kinds);
		for (size_t i = 0; i < FIRMWARE_KINDS; i++) {
			if (kinds[i] == FIRMWARE_NETWORK)
				add_adapters(&adapters, ret);
			else if (kinds[i] != FIRMWARE_FLOPPY)
				add_drives(&drives, kinds[i] == FIRMWARE_CD ? DRIVE_DVD : DRIVE_HARD_DISK, ret);
		}
	}
	vec_done(&drives);
	vec_done(&adapters);
}

int firmware_check_boot_device(uint32_t generation, enum firmware_boot_device device, struct err **e)
{
	int r;

	if (generation == 1 || device == BOOT_CD || device == BOOT_VHD || device == BOOT_NETWORK)
		return 0;
	r = err_set(e, "Vm.BootDeviceUnavailable", ERR_INVALID_ARGUMENT, firmware_boot_devices[device],
		    "A virtual machine of generation 2 does not boot from %s.", firmware_boot_devices[device]);
	return err_advise(e, r, "Generation 2 boots from VHD, CD or NetworkAdapter.");
}

static bool is_device(const struct boot_source *source, enum firmware_boot_device device)
{
	if (source->adapter)
		return device == BOOT_NETWORK;
	return device == (source->drive->type == DRIVE_DVD ? BOOT_CD : BOOT_VHD);
}

void firmware_boot_first(const struct docs *d, struct vm_doc *vm, enum firmware_boot_device device)
{
	static const enum firmware_kind kinds[] = {
		[BOOT_FLOPPY] = FIRMWARE_FLOPPY, [BOOT_CD] = FIRMWARE_CD, [BOOT_IDE] = FIRMWARE_IDE,
		[BOOT_LEGACY_NETWORK] = FIRMWARE_NETWORK, [BOOT_NETWORK] = FIRMWARE_NETWORK, [BOOT_VHD] = FIRMWARE_IDE,
	};
	boot_source_vec sources = { 0 };
	char text[GUID_TEXT_SIZE];
	char *first = NULL;

	firmware_order(d, vm, &sources);
	if (vm->generation == 1)
		first = xstrdup(firmware_kinds[kinds[device]]);
	vec_foreach(&sources, source)
		if (vm->generation == 2 && !first && is_device(source, device))
			first = xstrdup(guid_format(source_id(source), text));
	vec_done(&sources);
	if (!first)
		return;
	vm->boot_order = xcalloc(2, sizeof(*vm->boot_order));
	vm->boot_order[0] = first;
}
