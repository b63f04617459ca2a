/* SPDX-License-Identifier: Apache-2.0 */
#include "netadapter_select.h"

#include "feature.h"

int netadapter_list(struct call *c, host_nic_vec *ret, struct err **e)
{
	struct host *host = call_host(c);
	int r = host->nics(host, ret);

	return r < 0 ? err_set_errno(e, "NetAdapter.ListFailed", -r, NULL,
				     "The network adapters of this host cannot be listed: %s.", strerror(-r))
		     : 0;
}

/* Notes an error for each exact value that no adapter has. */
static void check_values(struct call *c, const struct arg *values, const host_nic_vec *nics, const char *property,
			 const struct host_nic *(*find)(const host_nic_vec *nics, const char *value))
{
	for (size_t i = 0; values->given && i < values->n; i++) {
		const char *value = values->values[i].str;
		struct err *e = NULL;

		if (wildcard_has(value) || find(nics, value))
			continue;
		netadapter_not_found(CLASS_ADAPTER, property, value, &e);
		call_error(c, &e);
	}
}

void netadapter_select(struct call *c, const host_nic_vec *nics, nic_ptr_vec *ret)
{
	const struct arg *names = call_arg(c, "Name"), *descriptions = call_arg(c, "InterfaceDescription");

	check_values(c, names, nics, "Name", netadapter_by_name);
	check_values(c, descriptions, nics, "InterfaceDescription", netadapter_by_description);
	vec_foreach(nics, nic)
		if (arg_matches(names, nic->name) && arg_matches(descriptions, nic->description))
			vec_push(ret, nic);
}
