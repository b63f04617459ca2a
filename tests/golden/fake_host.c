/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_host.h"

#include <errno.h>

/* Parameters: name:type, [] array, ! required, @N position, =alias, <value,property pipeline, /enum,enum, #set. */
static const struct {
	const char *name, *output, *params;
} cmdlets[] = {
	{ "Get-VM", "VirtualMachine", "Name:string[]@0=VMName#Name Id:guid@0#Id" },
	{ "New-VM", "VirtualMachine", "Name:string@0=VMName MemoryStartupBytes:uint@1 SwitchName:string Engine:enum/Namespace,Qemu" },
	{ "Start-VM", "VirtualMachine", "Name:string[]@0=VMName#Name VM:object[]@0#VMObject PassThru:switch" },
	{ "Get-VMSwitch", "VMSwitch", "Name:string[]@0=SwitchName Id:guid SwitchType:enum/External,Internal,Private" },
	{ "New-VMSwitch", "VMSwitch", "Name:string@0=SwitchName NetAdapterName:string SwitchType:enum/Internal,Private "
				      "AllowManagementOS:bool" },
	{ "Get-VMNetworkAdapter", "VMNetworkAdapter", "VMName:string[]@0 Name:string=VMNetworkAdapterName ManagementOS:switch All:switch "
						      "VM:object[]" },
	{ "Set-VMNetworkAdapter", "VMNetworkAdapter", "VMName:string[]@0 VMNetworkAdapter:object[] Name:string VirtualSubnetId:uint "
						      "StaticMacAddress:mac MacAddressSpoofing:enum/On,Off PassThru:switch" },
	{ "Connect-VMNetworkAdapter", "VMNetworkAdapter", "VMName:string[]@0 SwitchName:string@1 Name:string[]" },
	{ "Disconnect-VMNetworkAdapter", "VMNetworkAdapter", "VMName:string[]@0 Name:string[]" },
	{ "Get-NetAdapter", "NetAdapter", "Name:string[]@0 InterfaceDescription:string[] InterfaceIndex:uint[]=ifIndex" },
	{ "Enable-NetAdapterBinding", "NetAdapterBinding", "Name:string[]@0 ComponentID:string[] PassThru:switch" },
	{ "Disable-NetAdapterBinding", "NetAdapterBinding", "Name:string[]@0 ComponentID:string[] PassThru:switch" },
	{ "New-NetVirtualizationLookupRecord", "LookupRecord",
	  "VirtualSubnetID:vsid CustomerAddress:ip MACAddress:mac ProviderAddress:ip VMName:string "
	  "Rule:enum/TranslationMethodEncap,TranslationMethodNat Type:enum/Static,Dynamic CustomerID:guid" },
	{ "Get-NetVirtualizationLookupRecord", "LookupRecord", "VirtualSubnetID:vsid[] CustomerAddress:ip[]" },
	{ "Remove-NetVirtualizationLookupRecord", "LookupRecord", "VirtualSubnetID:vsid[] CustomerAddress:ip[]" },
	{ "New-NetVirtualizationCustomerRoute", "CustomerRoute",
	  "RoutingDomainID:guid VirtualSubnetID:vsid DestinationPrefix:prefix NextHop:ip Metric:uint" },
	{ "Get-NetVirtualizationCustomerRoute", "CustomerRoute", "VirtualSubnetID:vsid[]" },
	{ "Remove-NetVirtualizationCustomerRoute", "CustomerRoute", "VirtualSubnetID:vsid[]" },
	{ "New-NetVirtualizationProviderAddress", "ProviderAddress", "ProviderAddress:ip InterfaceIndex:uint PrefixLength:uint VlanID:uint" },
	{ "Get-NetVirtualizationProviderAddress", "ProviderAddress", "ProviderAddress:ip[]" },
	{ "Remove-NetVirtualizationProviderAddress", "ProviderAddress", "ProviderAddress:ip[]" },
	{ "Invoke-Command", "", "VMName:string[] ScriptBlock:scriptblock@0" },
};

static const char types_json[] =
	"{\"VMSwitch\":{\"view\":\"table\",\"properties\":[\"Name\",\"SwitchType\",\"Id\",\"NetAdapterInterfaceDescription\"],"
	"\"columns\":[{\"property\":\"Name\",\"label\":\"Name\",\"align\":\"left\"},{\"property\":\"SwitchType\",\"label\":\"SwitchType\","
	"\"align\":\"left\"},{\"property\":\"NetAdapterInterfaceDescription\",\"label\":\"NetAdapterInterfaceDescription\",\"align\":\"left\"}]},"
	"\"VMNetworkAdapter\":{\"view\":\"table\",\"properties\":[\"Name\",\"VMName\",\"SwitchName\",\"VirtualSubnetId\",\"MacAddress\","
	"\"IPAddresses\",\"Status\"],\"columns\":[{\"property\":\"Name\",\"label\":\"Name\",\"align\":\"left\"},{\"property\":\"VMName\","
	"\"label\":\"VMName\",\"align\":\"left\"},{\"property\":\"VirtualSubnetId\",\"label\":\"VSID\",\"align\":\"right\"}]},"
	"\"LookupRecord\":{\"view\":\"list\",\"properties\":[\"CustomerAddress\",\"VirtualSubnetID\",\"ProviderAddress\"]}}";

static json_t *make_param(const char *text, size_t size)
{
	_cleanup_free_ char *copy = xstrndup(text, size);
	size_t name = strcspn(copy, ":"), type = strcspn(copy + name + 1, "[@=</#!");
	json_t *p = json_object(), *list;
	const char *at;

	json_object_set_new(p, "name", json_stringn(copy, name));
	json_object_set_new(p, "type", json_stringn(copy + name + 1, type));
	json_object_set_new(p, "array", json_boolean(strstr(copy, "[]")));
	json_object_set_new(p, "switch", json_boolean(strncmp(copy + name + 1, "switch", type) == 0));
	at = strchr(copy, '@');
	json_object_set_new(p, "position", at ? json_integer(at[1] - '0') : json_null());
	at = strchr(copy, '=');
	if (at)
		json_object_set_new(p, "aliases", json_pack("[s#]", at + 1, (int)strcspn(at + 1, "[@</#!")));
	at = strchr(copy, '#');
	if (at)
		json_object_set_new(p, "sets", json_pack("[s]", at + 1));
	at = strchr(copy, '/');
	if (at) {
		list = json_array();
		for (at++; *at && *at != '#'; at += strcspn(at, ",#") + (at[strcspn(at, ",#")] == ','))
			json_array_append_new(list, json_stringn(at, strcspn(at, ",#")));
		json_object_set_new(p, "enum", list);
	}
	return p;
}

static json_t *make_catalogue(void)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(cmdlets); i++) {
		json_t *params = json_array();

		for (const char *p = cmdlets[i].params; *p; p += strspn(p, " ")) {
			json_array_append_new(params, make_param(p, strcspn(p, " ")));
			p += strcspn(p, " ");
		}
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", cmdlets[i].name, "help", "a cmdlet", "output",
						      cmdlets[i].output, "parameters", params));
	}
	return json_pack("{s:o, s:o}", "cmdlets", list, "types", json_loads(types_json, 0, NULL));
}

static const json_t *get_catalogue(void *userdata, struct err **e)
{
	struct fake_host *f = userdata;

	if (f->unreachable) {
		err_set(e, "Nestor.DaemonUnreachable", ERR_RESOURCE_UNAVAILABLE, "fake", "The daemon at fake cannot be reached.");
		return NULL;
	}
	return f->catalogue;
}

static json_t *adapter(const char *vm, const char *mac, int vsid)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:[s], s:s}", "Name", "Network Adapter", "VMName", vm, "SwitchName", "vswitch",
			 "VirtualSubnetId", vsid, "MacAddress", mac, "IPAddresses", "10.10.10.11", "Status", "Ok");
}

static json_t *all_objects(const char *name)
{
	if (streq(name, "Get-VMNetworkAdapter"))
		return json_pack("[o, o, o]", adapter("blue1", "000000000011", 5010), adapter("blue2", "000000000012", 5010),
				 adapter("red1", "000000000021", 5011));
	if (streq(name, "Get-VMSwitch"))
		return json_pack("[{s:s, s:s, s:s, s:s}]", "Name", "vswitch", "SwitchType", "External", "Id", "0001",
				 "NetAdapterInterfaceDescription", "Virtual Ethernet pair");
	if (streq(name, "Get-NetAdapter"))
		return json_pack("[{s:s, s:s, s:i, s:s}]", "Name", "up0", "InterfaceDescription", "Virtual Ethernet pair", "ifIndex", 3,
				 "Status", "Up");
	if (streq(name, "Get-VM"))
		return json_pack("[{s:s, s:s, s:I}, {s:s, s:s, s:I}]", "Name", "blue1", "State", "Running", "MemoryAssigned",
				 (json_int_t)536870912, "Name", "red1", "State", "Off", "MemoryAssigned", (json_int_t)0);
	if (streq(name, "Get-NetVirtualizationLookupRecord"))
		return json_pack("[{s:s, s:i, s:s}]", "CustomerAddress", "10.10.10.11", "VirtualSubnetID", 5010, "ProviderAddress",
				 "214.214.51.42");
	return json_array();
}

/* What the first positional parameter of the Get cmdlets selects. */
static json_t *select_objects(const char *name, const json_t *parameters, json_t *errors, int *status)
{
	bool by_vm = streq(name, "Get-VMNetworkAdapter");
	const json_t *wanted = json_object_get(parameters, by_vm ? "VMName" : "Name"), *want, *object;
	json_t *all = all_objects(name), *some;
	size_t i, k;

	if (!json_is_array(wanted))
		return all;
	some = json_array();
	json_array_foreach(wanted, i, want) {
		size_t before = json_array_size(some);
		const char *pattern = json_is_string(want) ? json_string_value(want) : "";

		json_array_foreach(all, k, object)
			if (wildcard_match(pattern, json_string_value(json_object_get(object, by_vm ? "VMName" : "Name"))))
				json_array_append(some, (json_t *)object);
		if (json_array_size(some) == before && !wildcard_has(pattern) && strncmp(name, "Get-", 4) == 0) {
			json_array_append_new(errors, json_pack("{s:s, s:s+, s:s, s:o, s:s, s:s, s:i}", "id", "InvalidParameter",
				"fullyQualifiedErrorId", "InvalidParameter,", name, "category", "InvalidArgument", "message",
				json_sprintf("Hyper-V was unable to find an object with name \"%s\".", pattern), "target", pattern,
				"recommendation", "look at the list", "errno", 0));
			*status = json_array_size(wanted) == 1 ? 400 : 200;
		}
	}
	json_decref(all);
	return some;
}

static void record(struct fake_host *f, const char *text, size_t size)
{
	if (f->record_limit && f->record.len + size > f->record_limit)
		return;
	str_addn(&f->record, text, size);
}

static int run_cmdlet(void *userdata, const char *where, const char *name, json_t *parameters, json_t *input, bool quiet,
		      json_t **ret_response, int *ret_status, struct err **e)
{
	struct fake_host *f = userdata;
	char *text = json_dumps(parameters, JSON_COMPACT), *in = input ? json_dumps(input, JSON_COMPACT) : NULL;
	_cleanup_free_ char *line = xasprintf("POST %s%s%s %s%s%s%s\n", where ? where : "", where ? " " : "", name, text ? text : "?",
					      in ? " <- " : "", in ? in : "", quiet ? " quietly" : "");
	json_t *errors = json_array(), *objects, *type = json_null();

	record(f, line, strlen(line));
	free(text);
	free(in);
	if (where && streq(where, "nowhere")) {
		json_decref(errors);
		return err_set(e, "Nestor.UnknownHost", ERR_OBJECT_NOT_FOUND, where, "The host '%s' is not known.", where);
	}
	*ret_status = 200;
	objects = select_objects(name, parameters, errors, ret_status);
	for (size_t i = 0; i < ARRAY_SIZE(cmdlets) && json_array_size(objects); i++)
		if (streq(cmdlets[i].name, name))
			type = json_string(cmdlets[i].output);
	*ret_response = json_pack("{s:o, s:o, s:o, s:[], s:[]}", "type", type, "objects", objects, "errors", errors, "warnings", "whatIf");
	if (json_is_true(json_object_get(parameters, "WhatIf")))
		json_array_append_new(json_object_get(*ret_response, "whatIf"), json_string("What if: Performing the operation."));
	if (streq(name, "Start-VM"))
		json_array_append_new(json_object_get(*ret_response, "warnings"), json_string("It runs already."));
	return 0;
}

static void write_text(void *userdata, bool to_stderr _unused_, const char *text, size_t size)
{
	record(userdata, text, size);
}

static void sleep_ms(void *userdata, uint64_t ms)
{
	struct fake_host *f = userdata;
	_cleanup_free_ char *line = xasprintf("SLEEP %llu ms\n", (unsigned long long)ms);

	record(f, line, strlen(line));
}

static int ping(void *userdata _unused_, const char *target, unsigned timeout_ms _unused_, double *ret_ms, char *ret_address)
{
	if (strncmp(target, "10.", 3) != 0)
		return -EHOSTUNREACH;
	*ret_ms = 0.5;
	snprintf(ret_address, 64, "%s", target);
	return 0;
}

static const char *get_env(void *userdata _unused_, const char *name)
{
	return strieq(name, "LAB") ? "nvgre" : NULL;
}

static int64_t now(void *userdata _unused_)
{
	return 1000000000;
}

void fake_host_init(struct fake_host *f)
{
	*f = (struct fake_host){ .catalogue = make_catalogue() };
	f->host = (struct shell_host){ .userdata = f, .catalogue = get_catalogue, .run_cmdlet = run_cmdlet, .write = write_text,
				       .sleep_ms = sleep_ms, .ping = ping, .env = get_env, .now = now,
				       .interrupted = &f->interrupted };
}

void fake_host_done(struct fake_host *f)
{
	json_decref(f->catalogue);
	str_done(&f->record);
}
