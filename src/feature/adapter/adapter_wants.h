/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"

/* Guards and limits of a port (3.2), with a virtual subnet and without. */
struct want_guards {
	bool dhcp, router;
	uint32_t storm_limit; /* packets a second; 0: none */
	enum adapter_mirroring mirroring;
	uint64_t bandwidth; /* that it may send, bits a second; 0: no limit */
};

/* Its VLANs, where its switch has any. */
struct want_vlan {
	enum adapter_vlan_mode mode;
	uint16_t id;         /* of frames without a tag; 0: they are in none */
	const char *allowed; /* of Trunk */
};

/*
 * What an adapter wants of this host: a port, that is a veth pair whose inner end is the adapter, or a tap that a machine has
 * open. Adapters of VMs that are off want nothing.
 */
struct want_port {
	struct guid adapter;
	struct guid vm;     /* zero: the management OS */
	char name[16];      /* host end */
	char inner[16];     /* eth<slot> in the guest, or the host vNIC's link; "" of a tap */
	bool tap;           /* the VM's engine is Qemu */
	const char *label;  /* adapter name */
	struct mac mac;     /* of the inner end */
	char bridge[16];    /* bridge of its switch; "": not connected */
	bool spoofing;
	uint32_t vsid;
	struct want_guards guards;
	struct want_vlan vlan;
};
typedef VEC(struct want_port) want_port_vec;

/* The port of one adapter, whether its VM runs or not. */
struct want_port adapter_port(const struct docs *d, const struct adapter_doc *a);
void adapter_wants(const struct docs *d, want_port_vec *ret);
