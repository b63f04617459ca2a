/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/*
 * A virtual machine. The document says what is wanted: State Running means that the engine keeps a guest running for
 * it; what really runs is the host's to tell. Names are unique on a host (Hyper-V allows duplicates, by-name use then
 * fails there: see Switch.NameNotUnique's reasoning in the catalogue), compared without case.
 */
extern const char *const vm_engines[]; /* Qemu, Namespace */
enum vm_engine { VM_ENGINE_QEMU, VM_ENGINE_NAMESPACE };

extern const char *const vm_states[]; /* Off, Running, Paused, Saved */
enum vm_state { VM_OFF, VM_RUNNING, VM_PAUSED, VM_SAVED };

extern const char *const vm_ends[]; /* Normal, Crashed, Panicked */
enum vm_end { VM_END_NORMAL, VM_END_CRASHED, VM_END_PANICKED };
extern const char *const vm_checkpoint_types[]; /* Production, ProductionOnly, Standard, Disabled */
enum vm_checkpoint_type { VM_CHECKPOINT_PRODUCTION, VM_CHECKPOINT_PRODUCTION_ONLY, VM_CHECKPOINT_STANDARD, VM_CHECKPOINT_DISABLED };

struct vm_doc {
	struct guid id;
	char *name;
	uint32_t engine; /* enum vm_engine */
	uint32_t state;	 /* enum vm_state: what is wanted */
	uint32_t ended;	 /* enum vm_end: how its guest ended last by itself, until it is started again */
	uint32_t generation;
	char *version;		 /* configuration version, NV-3 */
	uint64_t memory_startup; /* bytes */
	bool dynamic_memory; /* what it has follows its demand, between these */
	uint64_t memory_minimum;
	uint64_t memory_maximum;
	uint32_t memory_buffer; /* per cent */
	uint32_t processor_count;
	bool nested; /* ExposeVirtualizationExtensions (NV-1) */
	/* Direct boot of a kernel, absolute paths; NULL: the firmware boots. */
	char *kernel;
	char *initrd;
	char *command_line;
	bool secure_boot;   /* generation 2 */
	char **boot_order;  /* what comes first: firmware.h; NULL: the default */
	uint32_t scsi_controllers; /* that it has even with nothing on them; 0: as 1 */
	char *user_data;    /* cloud-init's, absolute path; NULL: none */
	uint32_t checkpoint_type; /* enum vm_checkpoint_type: of those to come */
	struct guid checkpoint;   /* what it went on from; zero: none */
	struct guid restoring;    /* the checkpoint that it is about to be brought back to; zero: none */
	bool taken_in; /* Import-VM -Domain: libvirt's domain of its id is it, whoever made that */
	char *path;	     /* canonical directory of what it keeps besides its disks; NULL: the host's own (vm_location.h) */
	char *snapshot_path; /* of what its checkpoints to come are made of; NULL: its memory in path, disks beside what they lie on */
	char *notes;
	char *failure; /* why it is off or paused although it was to run, a sentence; NULL: it is as it was told */
	uint64_t created; /* seconds since 1970 */
	/* Restart-VM counts it up: a guest that was started for another number is stopped and started anew. */
	uint64_t boot;
};
/* Of dynamic memory, until something else is said (cmdlets.md 3.1). */
enum { vm_memory_minimum = 512 << 20, vm_memory_buffer = 20 };
#define vm_memory_maximum (1ull << 40)
extern const struct doc_kind vm_kind; /* key: id */
extern const struct cmdlet vm_cmdlets[];
extern const struct cmdlet vm_hardware_cmdlets[];
extern const struct cmdlet vm_host_cmdlets[];
extern const struct cmdlet vm_console_cmdlets[];
extern const struct object_type vm_object; /* "VirtualMachine" */

/* What is wanted of it from now on; failure: why, where nobody asked for that, or NULL. */
void vm_set_state(struct vm_doc *vm, enum vm_state state, const char *failure);
/* It has a guest, which runs or is paused. */
bool vm_is_on(const struct vm_doc *vm);
const struct vm_doc *vm_get(const struct docs *d, const struct guid *id);
const struct vm_doc *vm_by_name(const struct docs *d, const char *name);
json_t *vm_to_object(struct call *c, const void *doc);
/* As a .NET TimeSpan: [d.]hh:mm:ss */
json_t *vm_time_span(uint64_t ms);

typedef VEC(const struct vm_doc *) vm_vec;
/*
 * The VMs that a cmdlet's -VMName/-Name (names or wildcards) or -VM (objects) selects, sorted by name, each once. A
 * name without wildcard that no VM has is E-1, noted by call_error() (the rest goes on); nothing given selects all.
 */
void vm_select(struct call *c, const char *name_param, const char *object_param, vm_vec *ret);
/* By -VMName or -VM, or the one that -VMSnapshot (checkpoint_view.h) is of. */
void vm_select_or_kept(struct call *c, vm_vec *ret);
/* As vm_select(), by names or by id. */
void vm_select_or_id(struct call *c, const char *name_param, const char *id_param, vm_vec *ret);

typedef int (*vm_fn)(struct call *c, const struct vm_doc *vm, struct err **e);
/*
 * Calls fn for each VM that name_param or -VM selects; one that fails leaves the others alone. part_param: a parameter that takes
 * parts of machines instead (objects with VMId: processors, memory), NULL: there is none. Always 0.
 */
int vm_each_of(struct call *c, const char *name_param, const char *part_param, vm_fn fn);
/* Writes the document, whose owner it becomes; -PassThru emits what make makes of it. */
void vm_write_as(struct call *c, struct vm_doc *changed, object_fn make);
