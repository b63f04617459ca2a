/* SPDX-License-Identifier: Apache-2.0 */
#include "libvirt_memory.h"

#include <inttypes.h>
#include <libvirt/libvirt-qemu.h>
#include <stdio.h>
#include <stdlib.h>

#define EFER_SVME (1u << 12)
#define CR4_VMXE (1u << 13)

/* Is the bit set in any register of this name? The text has "NAME=hex" once for each virtual processor. */
static bool any_has(const char *text, const char *name, uint64_t bit)
{
	for (const char *p = text; (p = strstr(p, name));) {
		p += strlen(name);
		if (strtoull(p, NULL, 16) & bit)
			return true;
	}
	return false;
}

bool memory_registers_tell(const char *text)
{
	return any_has(text, "EFER=", EFER_SVME) || any_has(text, "CR4=", CR4_VMXE);
}

bool memory_hypervisor_runs(virDomainPtr domain)
{
	_cleanup_free_ char *text = NULL;

	if (virDomainQemuMonitorCommand(domain, "info registers -a", &text, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP) < 0 || !text)
		return false;
	return memory_registers_tell(text);
}

/* The number in the element of this name, and where it stands. False: there is none. */
static bool kib_find(const char *xml, const char *name, const char **ret_start, const char **ret_end, uint64_t *ret)
{
	_cleanup_free_ char *tag = xasprintf("<%s unit='KiB'>", name), *number = NULL;
	const char *start = strstr(xml, tag);

	if (!start)
		return false;
	start += strlen(tag);
	*ret_start = start;
	*ret_end = start + strcspn(start, "<");
	number = xstrndup(start, (size_t)(*ret_end - start));
	return parse_u64(number, UINT64_MAX >> 10, ret) == 0;
}

/* libvirt knows the device again by all that it says of it, so it is given its own words with another number. */
char *memory_device_change(const char *xml, uint64_t bytes)
{
	static const char end[] = "</memory>";
	const char *start = strstr(xml, "<memory model='virtio-mem'>"), *stop = start ? strstr(start, end) : NULL, *from, *to;
	_cleanup_free_ char *device = stop ? xstrndup(start, (size_t)(stop - start) + strlen(end)) : NULL;
	uint64_t size, requested;

	if (!device || !kib_find(device, "size", &from, &to, &size) || !kib_find(device, "requested", &from, &to, &requested))
		return NULL;
	return xasprintf("%.*s%" PRIu64 "%s", (int)(from - device), device, MIN(bytes >> 10, size), to);
}

static int plug(virDomainPtr domain, uint64_t bytes)
{
	_cleanup_free_ char *all = virDomainGetXMLDesc(domain, 0), *device = all ? memory_device_change(all, bytes) : NULL;

	/* A machine without room for more has what it booted with. */
	if (!device)
		return bytes ? -1 : 0;
	return virDomainUpdateDeviceFlags(domain, device, VIR_DOMAIN_AFFECT_LIVE);
}

int memory_resize(virDomainPtr domain, uint64_t boot, uint64_t target)
{
	uint64_t more = target > boot ? (target - boot) / MACHINE_MEMORY_BLOCK * MACHINE_MEMORY_BLOCK : 0;
	int r = plug(domain, more);

	return r < 0 ? r : virDomainSetMemoryFlags(domain, MIN(target, boot) >> 10, VIR_DOMAIN_AFFECT_LIVE);
}

uint64_t memory_demand(virDomainPtr domain, uint64_t assigned)
{
	virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
	int n = virDomainMemoryStats(domain, stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
	uint64_t usable = 0, available = 0;

	for (int i = 0; i < n; i++) {
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_USABLE)
			usable = stats[i].val << 10;
		if (stats[i].tag == VIR_DOMAIN_MEMORY_STAT_AVAILABLE)
			available = stats[i].val << 10;
	}
	return memory_demand_of(usable, available, assigned);
}

uint64_t memory_demand_of(uint64_t usable, uint64_t available, uint64_t assigned)
{
	if (!available || usable > available || usable > assigned)
		return 0;
	/* What the guest does not count as its own (its kernel's image, tables) is in use, too. */
	return assigned - usable;
}

/* A twentieth more or less is not worth a movement. */
#define NEAR 20

uint64_t memory_target(const struct machine_memory *memory, uint64_t assigned, uint64_t demand)
{
	uint64_t target = demand + demand / 100 * memory->buffer;

	if (!demand)
		return assigned;
	target = MIN(MAX(target, memory->minimum), memory->maximum);
	target = target / MACHINE_MEMORY_BLOCK * MACHINE_MEMORY_BLOCK;
	if (assigned >= memory->minimum && assigned <= memory->maximum &&
	    (target > assigned ? target - assigned : assigned - target) < assigned / NEAR)
		return assigned;
	return target;
}
