/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libvirt/libvirt.h>

#include "guid.h"

/*
 * The serial console of a machine, as machines_console() says; called by a thread. *ret_fd, or *message (owned by the
 * caller).
 */
int console_open(virConnectPtr conn, const struct guid *id, bool force, int *ret_fd, char **message);
