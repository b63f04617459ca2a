/* SPDX-License-Identifier: Apache-2.0 */
#include "feature.h"
#include "import.h"
#include "vm.h"

/* Sets: register in place, copy, domain. */
static const struct param import_params[] = {
	{ "Path", P_STRING, POS(0) | PIPE_VALUE | REQUIRED, "directory that Export-VM has made, or the .json file in it", .sets = IN_SET(0) | IN_SET(1) },
	{ "Register", P_SWITCH, 0, "it stays where it is, which is the default", .sets = IN_SET(0) },
	{ "Copy", P_SWITCH, REQUIRED, "its disks are copied; what is there stays as it is", .sets = IN_SET(1) },
	{ "VhdDestinationPath", P_STRING, POS(1), "directory for the copies of its disks; by default the host's for images", .sets = IN_SET(1) },
	{ "GenerateNewId", P_SWITCH, 0, "with other ids, as a machine beside the one that was exported", .sets = IN_SET(1) },
	{ "VirtualMachinePath", P_STRING, 0, "directory of what it keeps besides its disks; by default one below the host's", .sets = IN_SET(1) },
	{ "SnapshotFilePath", P_STRING, 0, "directory of its checkpoints to come", .aliases = "CheckpointFileLocation,SnapshotFileLocation", .sets = IN_SET(1) },
	{ "SmartPagingFilePath", P_STRING, 0, "accepted; memory is not paged by the daemon", .sets = IN_SET(1) },
	{ "Domain", P_STRING, REQUIRED, "name of a domain of libvirt that was made elsewhere and is off: it becomes a virtual machine with its name and id",
	  .sets = IN_SET(2) },
	{ "SwitchName", P_STRING, 0, "switch that its network adapters are connected to; else they are not connected", .sets = IN_SET(2) },
	{ "Force", P_SWITCH, 0, "also where it loses what its guest can do without", .sets = IN_SET(2) },
	{ 0 },
};

static int import_vm(struct call *c, struct err **e)
{
	return call_given(c, "Domain") ? import_domain(c, e) : import_config(c, e);
}

const struct cmdlet import_cmdlets[] = {
	{ "Import-VM", "take in a virtual machine that was made elsewhere", import_params, &vm_object, import_vm, CHANGES },
	{ 0 },
};
