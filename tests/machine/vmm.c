/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest hypervisor that boots Linux: one virtual processor, a serial port, no devices. It runs inside the tests' virtual
 * machines, to see that nested virtualization works and is noticed from outside.
 *
 *	vmm KERNEL INITRD COMMAND-LINE MEGABYTES     ends with 0 when the guest resets itself
 *
 * The guest wants "acpi=off noapic reboot=k console=ttyS0". Linux boot protocol: Documentation/arch/x86/boot.rst.
 */
#include <asm/bootparam.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Where things are in the guest's memory. */
enum { GDT = 0x500, ZERO_PAGE = 0x7000, STACK = 0x8ff0, PML4 = 0x9000, PDPT = 0xa000, PD = 0xb000, COMMAND_LINE = 0x20000 };
enum { LOW_MEMORY = 0x9fc00, KERNEL = 0x100000, ENTRY_64 = KERNEL + 0x200, SETUP_HEADER = 0x1f1 };
enum { SERIAL = 0x3f8, SERIAL_IRQ = 4, KEYBOARD = 0x64, KEYBOARD_RESET = 0xfe };
#define KVM_PLACE 0xfffbc000UL

struct vm {
	int kvm, fd, vcpu;
	uint8_t *memory;
	size_t size;
	struct kvm_run *run;
	/* the serial port */
	uint8_t interrupts, line, modem, scratch, divisor[2];
	int empty; /* the transmitter has said so, and nobody has heard */
};

static int must(int r, const char *what)
{
	if (r < 0)
		err(1, "%s", what);
	return r;
}

static uint8_t *map_file(const char *path, size_t *ret_size)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	struct stat st;
	void *p;

	must(fstat(fd, &st), path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		err(1, "%s", path);
	*ret_size = (size_t)st.st_size;
	return p;
}

static void create(struct vm *vm, size_t size)
{
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	struct kvm_userspace_memory_region region = { .memory_size = size };
	uint64_t identity_map = KVM_PLACE;

	vm->kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	vm->fd = must(ioctl(vm->kvm, KVM_CREATE_VM, 0UL), "KVM_CREATE_VM");
	must(ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
	must(ioctl(vm->fd, KVM_SET_TSS_ADDR, KVM_PLACE + 0x1000), "KVM_SET_TSS_ADDR");
	must(ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	must(ioctl(vm->fd, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	vm->size = size;
	vm->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (vm->memory == MAP_FAILED)
		err(1, "memory");
	region.userspace_addr = (uintptr_t)vm->memory;
	must(ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vm->vcpu = must(ioctl(vm->fd, KVM_CREATE_VCPU, 0UL), "KVM_CREATE_VCPU");
	vm->run = mmap(NULL, (size_t)must(ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE"), PROT_READ | PROT_WRITE,
		       MAP_SHARED, vm->vcpu, 0);
	if (vm->run == MAP_FAILED)
		err(1, "kvm_run");
}

static void load(struct vm *vm, const char *kernel_path, const char *initrd_path, const char *command_line)
{
	size_t kernel_size, initrd_size, setup_size;
	uint8_t *kernel = map_file(kernel_path, &kernel_size), *initrd = map_file(initrd_path, &initrd_size);
	struct boot_params *bp = (void *)(vm->memory + ZERO_PAGE);
	uint32_t initrd_at = (uint32_t)((vm->size - initrd_size - 4096) & ~0xfffUL);

	if (kernel_size < 0x1000 || strlen(command_line) > 2047)
		errx(1, "no kernel, or too long a command line");
	memcpy(&bp->hdr, kernel + SETUP_HEADER, 0x202 + kernel[0x201] - SETUP_HEADER);
	setup_size = ((bp->hdr.setup_sects ? bp->hdr.setup_sects : 4) + 1) * 512u;
	if (KERNEL + kernel_size - setup_size + initrd_size + 8192 > vm->size)
		errx(1, "too little memory");
	memcpy(vm->memory + KERNEL, kernel + setup_size, kernel_size - setup_size);
	memcpy(vm->memory + initrd_at, initrd, initrd_size);
	strcpy((char *)vm->memory + COMMAND_LINE, command_line);
	bp->hdr.type_of_loader = 0xff;
	bp->hdr.loadflags |= LOADED_HIGH | CAN_USE_HEAP;
	bp->hdr.heap_end_ptr = 0xfe00;
	bp->hdr.ramdisk_image = initrd_at;
	bp->hdr.ramdisk_size = (uint32_t)initrd_size;
	bp->hdr.cmd_line_ptr = COMMAND_LINE;
	bp->e820_table[0] = (struct boot_e820_entry){ 0, LOW_MEMORY, 1 };
	bp->e820_table[1] = (struct boot_e820_entry){ KERNEL, vm->size - KERNEL, 1 };
	bp->e820_entries = 2;
}

/* 64-bit mode with the first gigabyte mapped as it is: what the kernel's 64-bit entry expects. */
static void set_registers(struct vm *vm)
{
	uint64_t *gdt = (void *)(vm->memory + GDT), *pd = (void *)(vm->memory + PD);
	struct kvm_segment code = { 0, ~0u, 0x10, 11, 1, 0, 0, 1, 1, 1, 0, 0, 0 }, data = { 0, ~0u, 0x18, 3, 1, 0, 1, 1, 0, 1, 0, 0, 0 };
	struct kvm_regs regs = { .rip = ENTRY_64, .rsi = ZERO_PAGE, .rsp = STACK, .rflags = 2 };
	struct kvm_sregs s;

	gdt[2] = 0x00af9b000000ffff;
	gdt[3] = 0x00cf93000000ffff;
	*(uint64_t *)(void *)(vm->memory + PML4) = PDPT | 3;
	*(uint64_t *)(void *)(vm->memory + PDPT) = PD | 3;
	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83;
	must(ioctl(vm->vcpu, KVM_GET_SREGS, &s), "KVM_GET_SREGS");
	s.cs = code;
	s.ds = s.es = s.fs = s.gs = s.ss = data;
	s.gdt.base = GDT;
	s.gdt.limit = 31;
	s.cr0 = 0x80000011;
	s.cr3 = PML4;
	s.cr4 = 0x20;
	s.efer = 0x500;
	must(ioctl(vm->vcpu, KVM_SET_SREGS, &s), "KVM_SET_SREGS");
	must(ioctl(vm->vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

static void set_cpuid(struct vm *vm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[128];
	} all = { .head.nent = 128 };

	must(ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, &all), "KVM_GET_SUPPORTED_CPUID");
	must(ioctl(vm->vcpu, KVM_SET_CPUID2, &all), "KVM_SET_CPUID2");
}

/* ---- the serial port, a 16550 that is always ready ---- */

static void serial_interrupt(struct vm *vm)
{
	struct kvm_irq_level level = { .irq = SERIAL_IRQ, .level = (vm->interrupts & 2) && vm->empty };

	ioctl(vm->fd, KVM_IRQ_LINE, &level);
}

static void serial_write(struct vm *vm, int reg, uint8_t value)
{
	int divisor = vm->line & 0x80;

	if (reg < 2 && divisor) {
		vm->divisor[reg] = value;
	} else if (reg == 0) {
		putchar(value);
		if (value == '\n')
			fflush(stdout);
		vm->empty = 0;
		serial_interrupt(vm);
		vm->empty = 1;
	} else if (reg == 1) {
		vm->empty |= (value & 2) && !(vm->interrupts & 2);
		vm->interrupts = value & 15;
	} else if (reg == 3) {
		vm->line = value;
	} else if (reg == 4) {
		vm->modem = value;
	} else if (reg == 7) {
		vm->scratch = value;
	}
	serial_interrupt(vm);
}

static uint8_t serial_read(struct vm *vm, int reg)
{
	int divisor = vm->line & 0x80;

	switch (reg) {
	case 0:
		return divisor ? vm->divisor[0] : 0;
	case 1:
		return divisor ? vm->divisor[1] : vm->interrupts;
	case 2:
		if (!(vm->interrupts & 2) || !vm->empty)
			return 1;
		vm->empty = 0;
		serial_interrupt(vm);
		return 2;
	case 3:
		return vm->line;
	case 4:
		return vm->modem;
	case 5:
		return 0x60;
	case 6:
		return 0xb0;
	default:
		return vm->scratch;
	}
}

/* Returns 1 when the guest resets itself. */
static int port_io(struct vm *vm)
{
	uint8_t *data = (uint8_t *)vm->run + vm->run->io.data_offset;
	unsigned port = vm->run->io.port;

	for (uint32_t i = 0; i < vm->run->io.count; i++, data += vm->run->io.size) {
		int serial = port >= SERIAL && port < SERIAL + 8;

		if (vm->run->io.direction == KVM_EXIT_IO_OUT) {
			if (serial)
				serial_write(vm, (int)(port - SERIAL), *data);
			else if (port == KEYBOARD && *data == KEYBOARD_RESET)
				return 1;
			continue;
		}
		memset(data, 0xff, vm->run->io.size);
		if (serial)
			*data = serial_read(vm, (int)(port - SERIAL));
		else if (port == 0x61)
			*data = 0x20;
		else if (port == 0x71 || port == KEYBOARD)
			*data = 0; /* no clock chip that is busy for ever; a keyboard that takes commands */
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct vm vm = { 0 };

	if (argc != 5 || atoi(argv[4]) < 16)
		errx(2, "usage: vmm KERNEL INITRD COMMAND-LINE MEGABYTES");
	create(&vm, (size_t)atoi(argv[4]) << 20);
	load(&vm, argv[1], argv[2], argv[3]);
	set_cpuid(&vm);
	set_registers(&vm);
	for (;;) {
		if (ioctl(vm.vcpu, KVM_RUN, 0) < 0 && errno != EINTR)
			err(1, "KVM_RUN");
		switch (vm.run->exit_reason) {
		case KVM_EXIT_IO:
			if (port_io(&vm)) {
				fflush(stdout);
				return 0;
			}
			break;
		case KVM_EXIT_MMIO:
			if (!vm.run->mmio.is_write)
				memset(vm.run->mmio.data, 0xff, sizeof(vm.run->mmio.data));
			break;
		case KVM_EXIT_HLT:
		case KVM_EXIT_INTR:
			break;
		default:
			fflush(stdout);
			errx(3, "the guest stopped with reason %u", vm.run->exit_reason);
		}
	}
}
