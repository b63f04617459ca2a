/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "drive.h"
#include "vm.h"

/*
 * All documents that make up one virtual machine, as one JSON object: its own, its adapters with their access control lists, its drives.
 * Checkpoints and exported machines are that.
 */
struct config_part {
	const struct doc_kind *kind;
	void *doc; /* owned */
};

struct vm_config {
	VEC(struct config_part) parts; /* the first is the machine's own */
};

#define VM_CONFIG_PARTS_MAX 20000

/* New reference. */
json_t *vm_config_write(const struct docs *d, const struct vm_doc *vm);
/*
 * Reads what vm_config_write() wrote. Config.Invalid: it is something else, or its parts do not belong together. What the documents say
 * is as it may be: see vm_config_check().
 */
int vm_config_read(const json_t *json, struct vm_config *ret, struct err **e);
int vm_config_parse(const char *text, struct vm_config *ret, struct err **e);
void vm_config_done(struct vm_config *c);

struct vm_doc *vm_config_vm(const struct vm_config *c);
/* The documents of the kind, *pos = 0 first; NULL at the end. */
void *vm_config_next(const struct vm_config *c, const struct doc_kind *kind, size_t *pos);

/* Deletes all documents of the VM, its own included. */
void vm_config_delete(struct docs *d, const struct vm_doc *vm);
/*
 * Writes copies of the documents of a configuration that may come from anybody: it is held against all rules, and against what there is
 * (names, ids, places). Refused by the rules' own errors, or Config.Invalid for what no cmdlet would have written; nothing is written then.
 */
int vm_config_add(struct call *c, const struct vm_config *config, struct err **e);
/* Writes the documents, which are then the store's. */
void vm_config_put(struct docs *d, struct vm_config *c);
