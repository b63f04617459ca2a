/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "import.h"
#include "vm.h"

static const struct param import_params[] = {
	{ "Domain", P_STRING, REQUIRED, "name of a domain of libvirt that was made elsewhere and is off: it becomes a virtual machine with its name and id",
	  .sets = IN_SET(0) },
	{ "SwitchName", P_STRING, 0, "switch that its network adapters are connected to; else they are not connected", .sets = IN_SET(0) },
	{ "Force", P_SWITCH, 0, "also where it loses what its guest can do without", .sets = IN_SET(0) },
	{ 0 },
};

const struct cmdlet import_cmdlets[] = {
	{ "Import-VM", "take in a virtual machine that was made elsewhere", import_params, &vm_object, import_domain, CHANGES },
	{ 0 },
};
