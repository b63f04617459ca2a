/* SPDX-License-Identifier: Apache-2.0 */
#include "feature_list.h"

#include "acl.h"
#include "adapter.h"
#include "checkpoint.h"
#include "copy.h"
#include "drive.h"
#include "netadapter.h"
#include "netvirt.h"
#include "switch.h"
#include "trace.h"
#include "firmware.h"
#include "vhd.h"
#include "vm.h"
#include "vm_location.h"
#include "vm_metering.h"

const struct doc_kind *const feature_kinds[] = {
	&vm_kind,
	&vm_host_kind,
	&metering_kind,
	&adapter_metering_kind,
	&checkpoint_kind,
	&image_kind,
	&drive_kind,
	&switch_kind,
	&adapter_kind,
	&acl_kind,
	&extended_acl_kind,
	&binding_kind,
	&record_kind,
	&customer_route_kind,
	&provider_address_kind,
	&provider_route_kind,
	&broadcast_kind,
	&netvirt_global_kind,
};
const size_t feature_n_kinds = ARRAY_SIZE(feature_kinds);

const struct cmdlet *const feature_cmdlets[] = {
	vm_cmdlets,
	vm_hardware_cmdlets,
	vm_host_cmdlets,
	vm_console_cmdlets,
	vm_metering_cmdlets,
	import_cmdlets,
	export_cmdlets,
	checkpoint_cmdlets,
	drive_cmdlets,
	controller_cmdlets,
	vhd_cmdlets,
	firmware_cmdlets,
	switch_cmdlets,
	adapter_cmdlets,
	adapter_statistics_cmdlets,
	acl_cmdlets,
	extended_acl_cmdlets,
	adapter_vlan_cmdlets,
	netadapter_cmdlets,
	netvirt_record_cmdlets,
	netvirt_route_cmdlets,
	netvirt_provider_cmdlets,
	netvirt_broadcast_cmdlets,
	netvirt_query_cmdlets,
	netvirt_statistics_cmdlets,
	trace_cmdlets,
	probe_cmdlets,
	NULL,
};
