/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"

/* Virtual machines taken in from elsewhere and given away: domains of libvirt, exported machines, checkpoints. */
extern const struct cmdlet import_cmdlets[];
extern const struct cmdlet export_cmdlets[];
