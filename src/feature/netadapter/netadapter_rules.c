/* SPDX-License-Identifier: Apache-2.0 */
#include "netadapter_rules.h"

#include "netvirt.h"
#include "switch.h"

static const struct doc_field binding_fields[] = {
	DOC_FIELD(binding_doc, nic, DOC_STR, "nic"),
	DOC_FIELD(binding_doc, component, DOC_STR, "component"),
};

static void binding_key(const void *doc, struct str *ret)
{
	const struct binding_doc *b = doc;

	str_addf(ret, "%s/%s", b->nic, b->component);
}

const struct doc_kind binding_kind = {
	.name = "binding",
	.size = sizeof(struct binding_doc),
	.fields = binding_fields,
	.n_fields = ARRAY_SIZE(binding_fields),
	.key = binding_key,
};

const struct component netadapter_components[COMPONENT_COUNT] = {
	[COMPONENT_NETWNV] = { "ms_netwnv", "Hyper-V Network Virtualization filter" },
	[COMPONENT_VMS_PP] = { "vms_pp", "Hyper-V Extensible Virtual Switch" },
	[COMPONENT_TCPIP] = { "ms_tcpip", "Internet Protocol Version 4 (TCP/IPv4)" },
	[COMPONENT_TCPIP6] = { "ms_tcpip6", "Internet Protocol Version 6 (TCP/IPv6)" },
};

bool netadapter_wnv_bound(const struct docs *d, const char *nic)
{
	_cleanup_free_ char *key = xasprintf("%s/%s", nic, netadapter_components[COMPONENT_NETWNV].id);

	return docs_get(d, &binding_kind, key) != NULL;
}

bool netadapter_bound(const struct docs *d, enum component_id component, const char *nic)
{
	if (component == COMPONENT_NETWNV)
		return netadapter_wnv_bound(d, nic);
	/* The uplink of a switch speaks no IP of its own: the switch has taken it over. */
	return (component == COMPONENT_VMS_PP) == (switch_by_nic(d, nic) != NULL);
}

int netadapter_check_change(const struct docs *d, enum component_id component, const struct host_nic *nic, bool enable,
			    struct err **e)
{
	int r;

	if (component == COMPONENT_NETWNV || netadapter_bound(d, component, nic->link) == enable)
		return 0;
	r = err_set(e, "NetAdapter.BindingFixed", ERR_NOT_IMPLEMENTED, nic->name,
		    "The component %s of the network adapter \"%s\" cannot be %s here.",
		    netadapter_components[component].id, nic->name, enable ? "enabled" : "disabled");
	return err_advise(
		e, r,
		component == COMPONENT_VMS_PP
			? "It follows the switches: New-VMSwitch, Set-VMSwitch and Remove-VMSwitch change it."
			: "Only ms_netwnv can be changed; the host's own IP is set up by the host's own tools.");
}

void netadapter_put_binding(struct docs *d, const char *nic, bool enable)
{
	const char *id = netadapter_components[COMPONENT_NETWNV].id;
	_cleanup_free_ char *key = xasprintf("%s/%s", nic, id);
	struct binding_doc *b;

	if (!enable) {
		docs_delete(d, &binding_kind, key);
		return;
	}
	b = doc_new(&binding_kind);
	b->nic = xstrdup(nic);
	b->component = xstrdup(id);
	docs_put(d, &binding_kind, b);
}

bool netadapter_none_bound(const struct docs *d, const host_nic_vec *nics)
{
	vec_foreach(nics, nic)
		if (netadapter_wnv_bound(d, nic->link))
			return false;
	return true;
}

const struct host_nic *netadapter_by_name(const host_nic_vec *nics, const char *name)
{
	vec_foreach(nics, nic)
		if (strieq(nic->name, name))
			return nic;
	return NULL;
}

const struct host_nic *netadapter_by_description(const host_nic_vec *nics, const char *description)
{
	vec_foreach(nics, nic)
		if (strieq(nic->description, description))
			return nic;
	return NULL;
}

const struct host_nic *netadapter_by_index(const host_nic_vec *nics, int ifindex)
{
	vec_foreach(nics, nic)
		if (nic->ifindex == ifindex)
			return nic;
	return NULL;
}

int netadapter_not_found(const char *class, const char *property, const char *value, struct err **e)
{
	_cleanup_free_ char *id = xasprintf("CmdletizationQuery_NotFound_%s", property);
	int r = err_set(
		e, id, ERR_OBJECT_NOT_FOUND, value,
		"No %s objects found with property '%s' equal to '%s'. Verify the value of the property and retry.",
		class, property, value);

	return err_advise(e, r, "%s lists what there is.",
			  streq(class, "MSFT_NetAdapter") ? "Get-NetAdapter" : "Get-NetAdapterBinding");
}
