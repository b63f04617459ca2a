/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "machine.h"

/* Parts of a machine's XML. */

/* Text between tags or in an attribute. */
void xml_text_add(struct str *s, const char *text);
/* The device's place in the boot order; 0: none. */
void xml_boot_add(struct str *s, uint32_t boot);
/* All drives, and the SCSI controllers that they need: at least one, so that disks can come later. */
void xml_drives_add(struct str *s, const struct machine_spec *spec);
