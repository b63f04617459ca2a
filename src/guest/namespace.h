/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "guest.h"
#include "registry.h"
#include "vec.h"

/* Shared by the files of the namespace engine. */

struct namespace_guest {
	struct registry_entry entry;
	int pidfd; /* of the init process; does not keep it, but names it whatever happens to the number */
};

struct namespace_engine {
	struct guest_engine base;
	char *dir;      /* of the registry */
	char *instance;
	char *program;
	VEC(struct namespace_guest) guests; /* in order of id */
};

/* NULL when it does not run (any more). Valid until the next call here. */
struct namespace_guest *namespace_find(struct namespace_engine *e, const struct guid *id);
/* Forgets a guest that has ended. */
void namespace_forget(struct namespace_engine *e, struct namespace_guest *g);
/* Knows a running guest from now on; takes the descriptor. */
void namespace_remember(struct namespace_engine *e, const struct registry_entry *entry, int pidfd);

/* namespace_start.c */
int namespace_start(struct guest_engine *e, const struct guest_spec *spec, struct guest *ret);
int namespace_exec(struct guest_engine *e, const struct guid *id, const struct guest_exec_spec *spec,
		   const struct guest_exec_process *process, pid_t *ret_pid);
/* Is pid the init of the guest id, or of any guest when id is NULL, of this instance? */
bool namespace_is_init(const struct namespace_engine *e, pid_t pid, const struct guid *id);

/* namespace_inside.c */
int namespace_interfaces(struct guest_engine *e, const struct guid *id, struct guest_interface_vec *ret,
			 struct guest_address_vec *ret_addresses);
int namespace_set_interface(struct guest_engine *e, const struct guid *id, const struct guest_interface *want);
int namespace_measure(struct guest_engine *e, struct guest_vec *guests);
