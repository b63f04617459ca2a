/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "vm_rules.h"

/* Get-VMConsole: the serial console of a real machine, as a stream of bytes. */

static const struct param console_params[] = {
	{ "VMName", P_STRING, REQUIRED | POS(0) | PIPE_VALUE | PIPE_NAME, "name of a running virtual machine",
	  .aliases = "Name" },
	{ "Last", P_UINT, 0, "show so many lines first of what it wrote before", .max = 10000, .def = "24" },
	{ "Force", P_SWITCH, 0, "take the console from whoever has it by other means (virsh console)" },
	{ 0 },
};

enum { LAST_LINES = 24 };

static void attach(struct call *c, const struct vm_doc *vm)
{
	call_stream(c, json_pack("{s:o, s:I}", "console", json_guid(&vm->id), "lines",
				 (json_int_t)call_uint(c, "Last", LAST_LINES)));
}

static void opened(void *arg, struct err *e)
{
	struct call *c = arg;
	const struct vm_doc *vm = vm_by_name(call_docs(c), call_str(c, "VMName", ""));

	/* It may have been renamed meanwhile. */
	if (!e && !vm)
		vm_unknown(call_str(c, "VMName", ""), &e);
	if (!e)
		attach(c, vm);
	call_complete(c, &e);
}

static int check(struct call *c, const struct vm_doc *vm, struct err **e)
{
	struct host *host = call_host(c);
	struct host_guest guest = { 0 };
	int r;

	if (vm->engine != VM_ENGINE_QEMU) {
		r = err_set(e, "Vm.NoConsole", ERR_NOT_IMPLEMENTED, vm->name,
			    "The virtual machine \"%s\" has no serial console: its engine is %s.", vm->name,
			    vm_engines[vm->engine]);
		return err_advise(e, r, "A shell in it, on your terminal: nestor exec '%s' -- sh", vm->name);
	}
	if (host->guest(host, &vm->id, &guest) == 0 && guest.running)
		return 0;
	return refuse_state(vm->name, "Start the virtual machine first (Start-VM).", e);
}

static int get_console(struct call *c, struct err **e)
{
	const char *name = call_str(c, "VMName", "");
	const struct vm_doc *vm = vm_by_name(call_docs(c), name);
	struct host *host = call_host(c);
	int r = vm ? check(c, vm, e) : vm_unknown(name, e);

	if (r == 0)
		r = host->console(host, &vm->id, call_bool(c, "Force", false), opened, c, e);
	if (r < 0)
		return r;
	if (r == 0)
		return CALL_PENDING;
	attach(c, vm);
	return 0;
}

const struct cmdlet vm_console_cmdlets[] = {
	{ "Get-VMConsole", "attach the terminal to the serial console of a virtual machine; Ctrl-] detaches",
	  console_params, NULL, get_console, STREAM },
	{ 0 },
};
