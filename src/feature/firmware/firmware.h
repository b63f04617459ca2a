/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"
#include "drive.h"
#include "vm.h"

/*
 * What a virtual machine boots from. Generation 2 (UEFI): the devices that vm_doc.boot_order names by their ids, then all others:
 * disks, DVD drives, network adapters. Generation 1 (BIOS): kinds of devices, by the words in vm_doc.boot_order.
 */
extern const char *const firmware_kinds[]; /* CD, IDE, LegacyNetworkAdapter, Floppy; also the order that is not changed */
enum firmware_kind { FIRMWARE_CD, FIRMWARE_IDE, FIRMWARE_NETWORK, FIRMWARE_FLOPPY, FIRMWARE_KINDS };

/* Of New-VM. */
extern const char *const firmware_boot_devices[]; /* Floppy, CD, IDE, LegacyNetworkAdapter, NetworkAdapter, VHD */
enum firmware_boot_device { BOOT_FLOPPY, BOOT_CD, BOOT_IDE, BOOT_LEGACY_NETWORK, BOOT_NETWORK, BOOT_VHD };

extern const struct cmdlet firmware_cmdlets[];

/* Either one. */
struct boot_source {
	const struct drive_doc *drive;
	const struct adapter_doc *adapter;
};
typedef VEC(struct boot_source) boot_source_vec;
/* All devices of the VM, in the order in which its firmware tries them. */
void firmware_order(const struct docs *d, const struct vm_doc *vm, boot_source_vec *ret);
/* The kinds of devices of a VM of generation 1, in order. */
void firmware_kind_order(const struct vm_doc *vm, enum firmware_kind ret[static FIRMWARE_KINDS]);

/* Vm.BootDeviceUnavailable: generation 2 has no such thing. */
int firmware_check_boot_device(uint32_t generation, enum firmware_boot_device device, struct err **e);
/* Makes the device the first, among those that the VM has in the documents. */
void firmware_boot_first(const struct docs *d, struct vm_doc *vm, enum firmware_boot_device device);
