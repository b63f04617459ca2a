/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "adapter_select.h"
#include "feature.h"

/* Get-VMNetworkAdapterStatistics: what each adapter sent and received, and why frames from it were dropped. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const adapter_type[] = { "VMNetworkAdapter", NULL };

static const char *const statistics_properties[] = {
	"VMName",	   "Name",	      "PortName",	 "VirtualSubnetId", "SentPackets", "SentBytes",
	"ReceivedPackets", "ReceivedBytes",   "DroppedPackets",	 "Drops",	    NULL,
};
static const struct column statistics_columns[] = {
	{ "VMName" },
	{ "Name" },
	{ "VirtualSubnetId", .right = true },
	{ "SentPackets", .right = true },
	{ "ReceivedPackets", .right = true },
	{ "DroppedPackets", .right = true },
	{ 0 },
};
static const struct object_type statistics_object = { "VMNetworkAdapterStatistics", statistics_properties,
						      statistics_columns };

static const struct param statistics_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards",
	  .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "virtual machines, as Get-VM returns them",
	  .values = vm_type, .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, "adapters of the management operating system", .sets = IN_SET(2) },
	{ "All", P_SWITCH, REQUIRED, "adapters of all virtual machines and of the management operating system",
	  .sets = IN_SET(3) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE,
	  "network adapters, as Get-VMNetworkAdapter returns them", .values = adapter_type, .sets = IN_SET(4) },
	{ "Name", P_STRING, ARRAY | POS(1), "only adapters of this name, or matching the wildcards",
	  .aliases = "VMNetworkAdapterName", .sets = IN_SET(0) | IN_SET(1) | IN_SET(2) | IN_SET(3) },
	{ 0 },
};

static void add_drops(const host_drop_vec *drops, const char *port, json_t *o)
{
	json_t *list = json_array();
	uint64_t sum = 0;

	vec_foreach(drops, drop) {
		if (!streq(drop->link, port))
			continue;
		sum += drop->packets;
		json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:s}", "Reason", drop->reason->name, "Packets",
						      (json_int_t)drop->packets, "Rule", drop->reason->rule,
						      "Description", drop->reason->sentence));
	}
	json_object_set_new(o, "DroppedPackets", json_integer((json_int_t)sum));
	json_object_set_new(o, "Drops", list);
}

static json_t *to_object(struct call *c, const struct adapter_doc *a, const struct host_traffic *traffic,
			 const host_drop_vec *drops)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &a->vm);
	json_t *o = json_object();
	char port[16];

	adapter_port_name(&a->id, port);
	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "Name", json_string(a->name));
	json_object_set_new(o, "PortName", json_string(port));
	json_object_set_new(o, "VirtualSubnetId", json_integer(a->vsid));
	json_object_set_new(o, "SentPackets", json_integer((json_int_t)traffic->sent_packets));
	json_object_set_new(o, "SentBytes", json_integer((json_int_t)traffic->sent_bytes));
	json_object_set_new(o, "ReceivedPackets", json_integer((json_int_t)traffic->received_packets));
	json_object_set_new(o, "ReceivedBytes", json_integer((json_int_t)traffic->received_bytes));
	add_drops(drops, port, o);
	return o;
}

/* An adapter without a port, of a machine that is off, has carried nothing. */
static int emit_one(struct call *c, const struct adapter_doc *a, const host_drop_vec *drops, struct err **e)
{
	struct host *host = call_host(c);
	struct host_traffic traffic = { 0 };
	char port[16];
	int r = host->port_traffic(host, adapter_port_name(&a->id, port), a->vsid != 0, &traffic);

	if (r < 0 && r != -ENODEV)
		return err_set_errno(e, "Adapter.StatisticsFailed", -r, a->name,
				     "The counters of the network adapter \"%s\" cannot be read: %s.", a->name, strerror(-r));
	call_emit_json(c, to_object(c, a, &traffic, drops));
	return 0;
}

static int get_statistics(struct call *c, struct err **e)
{
	struct host *host = call_host(c);
	adapter_vec adapters = { 0 };
	host_drop_vec drops = { 0 };
	int r = host->drops(host, &drops);

	if (r < 0)
		r = err_set_errno(e, "Adapter.StatisticsFailed", -r, NULL, "The counters of drops cannot be read: %s.",
				  strerror(-r));
	else
		r = adapter_select(c, SELECT_OBJECT | SELECT_HOST | SELECT_ALL, &adapters, e);
	vec_foreach(&adapters, a) {
		struct err *failure = NULL;

		if (emit_one(c, *a, &drops, &failure) < 0)
			call_error(c, &failure);
	}
	vec_done(&adapters);
	vec_done(&drops);
	return r;
}

const struct cmdlet adapter_statistics_cmdlets[] = {
	{ "Get-VMNetworkAdapterStatistics", "show what virtual network adapters sent, received and had dropped",
	  statistics_params, &statistics_object, get_statistics },
	{ 0 },
};
