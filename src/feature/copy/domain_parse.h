/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"
#include "guid.h"
#include "mac.h"
#include "vec.h"

/*
 * What libvirt's XML says of a domain that somebody else made, as far as a virtual machine here can be that. The text is untrusted:
 * it is bounded, nothing outside it is read, and what is not known is not skipped.
 */
#define DOMAIN_XML_MAX (1u << 20)
#define DOMAIN_NICS_MAX ADAPTERS_OF_A_MACHINE
#define DOMAIN_DISKS_MAX 256
#define DOMAIN_TEXT_MAX 4096 /* of one value */

struct domain_nic {
	struct mac mac;
	char *where; /* "network default": what it is connected to by libvirt */
};

struct domain_disk {
	char *target; /* "sda" */
	bool dvd;
	bool scsi;    /* on a SCSI controller; else IDE */
	bool placed;  /* number and location are known */
	uint32_t number;   /* of the controller */
	uint32_t location; /* on it */
	char *path;   /* NULL: a DVD drive without medium */
	char *format; /* QEMU's name of it */
};

typedef VEC(char *) text_vec;

struct domain_info {
	struct guid id;
	char *name;
	char *notes; /* title and description; NULL */
	uint64_t memory; /* bytes */
	uint32_t processors;
	bool nested;     /* virtualization extensions are required by name */
	bool uefi, i440fx; /* never both; q35 without UEFI boots a kernel */
	char *kernel, *initrd, *command_line; /* NULL */
	VEC(struct domain_nic) nics;
	VEC(struct domain_disk) disks;
	text_vec refused; /* what no virtual machine here can have, each by its name and with what to do */
	text_vec changed; /* what it would lose, which its guest can do without */
};

/* 0; or -EINVAL, -EMSGSIZE with *ret_why (static): it is no domain at all. The caller frees *ret by domain_info_done(). */
int domain_parse(const char *xml, size_t size, struct domain_info *ret, const char **ret_why);
void domain_info_done(struct domain_info *d);
