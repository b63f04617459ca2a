/* SPDX-License-Identifier: Apache-2.0 */
#include "vm_rules.h"

#include "feature.h"

const char *const vm_engines[] = { "Qemu", "Namespace", NULL };
const char *const vm_states[] = { "Off", "Running", NULL };

/* NV-3: what the newest documented host supports. Versions only move up, so the newest is the default. */
static const char *const vm_versions[] = { "8.0", "8.1", "8.2",	 "8.3",	 "9.0",	 "9.1",
					   "9.2", "9.3", "10.0", "10.5", "11.0", "12.0" };

static const struct doc_field vm_fields[] = {
	DOC_FIELD(vm_doc, id, DOC_GUID, "id"),
	DOC_FIELD(vm_doc, name, DOC_STR, "name"),
	DOC_ENUM_FIELD(vm_doc, engine, vm_engines, "engine"),
	DOC_ENUM_FIELD(vm_doc, state, vm_states, "state"),
	DOC_FIELD(vm_doc, generation, DOC_U32, "generation"),
	DOC_FIELD(vm_doc, version, DOC_STR, "version"),
	DOC_FIELD(vm_doc, memory_startup, DOC_U64, "memoryStartup"),
	DOC_FIELD(vm_doc, processor_count, DOC_U32, "processorCount"),
	DOC_FIELD(vm_doc, notes, DOC_STR, "notes"),
	DOC_FIELD(vm_doc, created, DOC_U64, "created"),
	DOC_FIELD(vm_doc, boot, DOC_U64, "boot"),
};

static void vm_key(const void *doc, struct str *ret)
{
	const struct vm_doc *vm = doc;
	char text[GUID_TEXT_SIZE];

	str_add(ret, guid_format(&vm->id, text));
}

const struct doc_kind vm_kind = {
	.name = "vm",
	.size = sizeof(struct vm_doc),
	.fields = vm_fields,
	.n_fields = ARRAY_SIZE(vm_fields),
	.key = vm_key,
};

const struct vm_doc *vm_get(const struct docs *d, const struct guid *id)
{
	char text[GUID_TEXT_SIZE];

	return docs_get(d, &vm_kind, guid_format(id, text));
}

const struct vm_doc *vm_by_name(const struct docs *d, const char *name)
{
	const struct vm_doc *vm;

	for (size_t pos = 0; (vm = docs_next(d, &vm_kind, &pos));)
		if (strieq(vm->name, name))
			return vm;
	return NULL;
}

int vm_unknown(const char *name, struct err **e)
{
	int r = err_set(e, "InvalidParameter", ERR_INVALID_ARGUMENT, name,
			"Hyper-V was unable to find a virtual machine with name \"%s\".", name);

	return err_advise(e, r, "Get-VM lists the virtual machines of this host.");
}

int vm_check_name(const struct docs *d, const struct vm_doc *self, const char *name, struct err **e)
{
	const struct vm_doc *other = vm_by_name(d, name);
	int r = check_name(name, VM_NAME_MAX, e);

	if (r < 0)
		return r;
	if (!other || (self && guid_equal(&other->id, &self->id)))
		return 0;
	r = err_set(e, "Vm.NameNotUnique", ERR_RESOURCE_EXISTS, name,
		    "A virtual machine with the name \"%s\" exists already on this host.", other->name);
	return err_advise(e, r, "Choose another name, or rename or remove the other virtual machine first.");
}

int vm_check_engine(enum vm_engine engine, const char *name, struct err **e)
{
	int r;

	if (engine == VM_ENGINE_NAMESPACE)
		return 0;
	r = err_set(e, "Vm.EngineUnavailable", ERR_NOT_IMPLEMENTED, name,
		    "The virtual machine \"%s\" cannot be created: the engine Qemu is not available on this host.",
		    name);
	return err_advise(e, r, "-Engine Namespace is available: a guest that is a Linux network namespace.");
}

const char *vm_default_version(void)
{
	return vm_versions[ARRAY_SIZE(vm_versions) - 1];
}

int vm_check_version(const char *version, struct err **e)
{
	_cleanup_str_ struct str all = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(vm_versions); i++) {
		if (streq(vm_versions[i], version))
			return 0;
		str_addf(&all, "%s%s", i ? ", " : "", vm_versions[i]);
	}
	r = err_set(e, "Vm.VersionNotSupported", ERR_INVALID_ARGUMENT, version,
		    "This host does not support the configuration version %s.", version);
	return err_advise(e, r, "Supported are %s.", str_get(&all));
}

int vm_check_off(const struct vm_doc *vm, struct err **e)
{
	return vm->state == VM_OFF ? 0 : refuse_state(vm->name, "Stop the virtual machine first (Stop-VM).", e);
}
