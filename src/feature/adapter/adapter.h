/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "cmdlet.h"
#include "switch.h"
#include "vm.h"

/*
 * A virtual network adapter and its port: of a VM, or of the management OS (a host vNIC, "vEthernet (NAME)"). Port
 * features (VSID, spoofing) live here and travel with the VM (HN-15).
 */
extern const char *const adapter_on_off[]; /* Off, On */

/* All frames of each Source are copied to every Destination of its switch. */
extern const char *const adapter_mirroring_names[]; /* None, Destination, Source */
enum adapter_mirroring { MIRRORING_NONE, MIRRORING_DESTINATION, MIRRORING_SOURCE };

/* How a port without virtual subnet takes part in VLANs (Set-VMNetworkAdapterVlan). */
extern const char *const adapter_vlan_modes[]; /* Untagged, Access, Trunk */
enum adapter_vlan_mode { VLAN_UNTAGGED, VLAN_ACCESS, VLAN_TRUNK };

struct adapter_doc {
	struct guid id;
	struct guid vm;	       /* zero: the management OS's */
	char *name;	       /* default "Network Adapter"; a host vNIC is named after its switch by default */
	struct guid switch_id; /* zero: not connected */
	struct mac mac;
	bool dynamic_mac;
	uint32_t vsid;	   /* 0: not virtualized (HN-1) */
	uint32_t spoofing; /* index into adapter_on_off; default Off */
	uint32_t dhcp_guard, router_guard; /* as spoofing */
	uint32_t dynamic_limit; /* how many addresses may be learnt (HN-8); 0: the host's own limit */
	uint32_t storm_limit; /* packets a second; 0: none */
	uint32_t mirroring;   /* enum adapter_mirroring */
	uint64_t max_bandwidth; /* bits a second that the guest may send, a multiple of 8; 0: no limit */
	uint32_t vlan_mode; /* enum adapter_vlan_mode; excludes vsid (HN-12) */
	uint32_t vlan;	    /* of Access; of Trunk: that of untagged frames, 0: the same network as Untagged */
	char *vlan_allowed; /* of Trunk: as vlan_set_format() writes it */
	uint32_t slot;	   /* eth<slot> inside the guest; the lowest free number of the VM at creation */
};
extern const struct doc_kind adapter_kind; /* key: id */
extern const struct cmdlet adapter_cmdlets[];
extern const struct cmdlet adapter_statistics_cmdlets[];
extern const struct cmdlet adapter_vlan_cmdlets[];
extern const struct object_type adapter_object; /* "VMNetworkAdapter" */

const struct adapter_doc *adapter_get(const struct docs *d, const struct guid *id);
json_t *adapter_to_object(struct call *c, const void *doc);
/* Host side device of the adapter's port: "np" and 10 hex digits of the id. The same on every run. */
const char *adapter_port_name(const struct guid *id, char buf[static 16]);
/* Linux interface of a host vNIC: "nv" and 10 hex digits of the id. */
const char *adapter_host_link_name(const struct guid *id, char buf[static 16]);
/* What Get-VMNetworkAdapterVlan shows, and VlanSetting of the adapter's object. */
json_t *adapter_vlan_to_object(struct call *c, const void *doc);
/* A MAC from the host's dynamic pool 00-15-5D-xx-xx-xx that no adapter of the host has. */
struct mac adapter_new_mac(const struct docs *d, const char *host_name);
/* Makes a document for a new adapter (not yet written); name NULL: the default. Caller owns it. */
struct adapter_doc *adapter_make(const struct docs *d, const struct guid *vm, const char *name,
				 const struct guid *switch_id, const char *host_name);

/* That a machine of engine Qemu can have. */
#define ADAPTERS_OF_A_MACHINE 8

/* With all that belongs to it. */
void adapter_delete(struct docs *d, const struct adapter_doc *a);

typedef VEC(const struct adapter_doc *) adapter_vec;
/* Adapters of one VM (or of the management OS: zero id), by slot, then name. */
void adapter_of_vm(const struct docs *d, const struct guid *vm, adapter_vec *ret);
