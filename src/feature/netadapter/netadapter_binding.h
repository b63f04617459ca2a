/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "netadapter.h"

/* Get-, Enable- and Disable-NetAdapterBinding: the rows are in netadapter_cmdlets.c. */
extern const struct param netadapter_get_binding_params[];
extern const struct param netadapter_change_binding_params[];
extern const struct object_type netadapter_binding_object; /* "NetAdapterBinding" */

int netadapter_get_binding(struct call *c, struct err **e);
int netadapter_enable_binding(struct call *c, struct err **e);
int netadapter_disable_binding(struct call *c, struct err **e);
