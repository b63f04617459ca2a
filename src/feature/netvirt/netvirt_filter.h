/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netvirt.h"

/*
 * Selection as the CIM cmdlets do it (cmdlets.md section 1): each given parameter that names a field is a filter, its values
 * are alternatives, the filters must all hold; none given selects everything; an InputObject selects the one it is.
 */
typedef VEC(const void *) doc_vec;

/* The two parameter sets of Set and Remove: an object says which one is meant, so that no filter can contradict it. */
#define BY_FILTER (1u << 0)
#define BY_OBJECT (1u << 1)

/*
 * fields: NULL-terminated names of parameters that are filters; each is a field of the kind. -ENOENT with
 * CmdletizationQuery_NotFound_... when filters were given and nothing matches. nic (may be NULL): InterfaceIndex values are
 * compared with what it says of a document.
 */
typedef const char *(*nic_of_fn)(const void *doc);
int filter_select(struct call *c, const struct doc_kind *kind, const char *const *fields, nic_of_fn nic_of, const char *cim_class,
		  doc_vec *ret, struct err **e);
/* The same among documents that ret has already: some that hold all that can be selected, found by an index; perhaps twice. */
int filter_among(struct call *c, const struct doc_kind *kind, const char *const *fields, nic_of_fn nic_of, const char *cim_class,
		 doc_vec *ret, struct err **e);
/* Did the documents come by the pipeline, so that filter_select() takes those? */
bool filter_has_input(struct call *c);
/* The same refusal for a parameter that is no field of the kind and left nothing of what was selected. */
int filter_not_found(struct call *c, const char *parameter, const char *cim_class, struct err **e);
/* ifindex of a NIC as JSON, null when it is gone. */
json_t *filter_nic_index(struct call *c, const char *nic);
/* The Linux interface of -InterfaceIndex; refused when there is none. */
int filter_nic_argument(struct call *c, struct host_nic *ret, struct err **e);
/* Removes what was selected, asking call_should() for each. */
int filter_remove(struct call *c, const struct doc_kind *kind, object_fn make, const doc_vec *docs);
