/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "vm.h"

/* The rules of virtual machines, as pure functions of the documents. 0, or negative with *e. */

#define VM_NAME_MAX 100
#define MEMORY_MIN (32ull << 20)
#define MEMORY_MAX (24ull << 40)
#define PROCESSORS_MAX 2048

/* E-1: no VM has that name. Always negative. */
int vm_unknown(const char *name, struct err **e);
/* A usable name that no other VM has (Vm.NameNotUnique, InvalidName). self: the VM that will bear it, NULL for a new
 * one. */
int vm_check_name(const struct docs *d, const struct vm_doc *self, const char *name, struct err **e);
/* Vm.EngineUnavailable */
int vm_check_engine(enum vm_engine engine, struct host *host, const char *name, struct err **e);
/* Vm.SizeInvalid: of a document that no cmdlet's parameters have bounded. */
int vm_check_sizes(const struct vm_doc *vm, struct err **e);
/* A file that a machine boots from (Vm.PathInvalid): an absolute path without control characters. */
int vm_check_path(const char *param, const char *path, struct err **e);
/* Vm.NotAMachine: a network namespace has no hardware of its own. */
int vm_check_machine(const struct vm_doc *vm, struct err **e);
/*
 * A change of memory. Off: anything goes that makes sense (NV-7, Vm.MemoryRange). Running: E-4 for what only a start can change,
 * Nested.MemoryResizeBlocked (NV-6), Vm.MemoryLimit.
 */
int vm_check_memory(const struct vm_doc *old, const struct vm_doc *new, const struct host_guest *guest, struct err **e);
/* NV-1, NV-2, NV-3: Nested.VmNotOff, Nested.HostUnsupported, Nested.ConfigVersion */
int vm_check_nesting(const struct vm_doc *vm, const struct host_machines *host, struct err **e);
/* NV-3: Vm.VersionNotSupported */
int vm_check_version(const char *version, struct err **e);
const char *vm_default_version(void);
/* The versions that this host supports, oldest first; NULL beyond the last. */
const char *vm_supported_version(size_t i);
/* NV-2: new enough for nesting with this host's processor. */
bool vm_version_can_nest(const struct vm_doc *vm, const struct host_machines *host);
/* E-4: InvalidState unless it is Off. */
int vm_check_off(const struct vm_doc *vm, struct err **e);
