/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt.h"

/* Get/Set-NetVirtualizationGlobal and Select-NetVirtualizationNextHop (cmdlets.md 3.5). */

static const char *const global_properties[] = { "UseExternalRouter", NULL };
static const struct object_type global_object = { "NetVirtualizationGlobal", global_properties, NULL };
static const char *const global_object_name[] = { "NetVirtualizationGlobal", NULL };

static json_t *global_to_object(struct call *c, const void *doc)
{
	(void)c;
	return doc_to_json(&netvirt_global_kind, doc);
}

static const struct param global_get_params[] = {
	{ "UseExternalRouter", P_BOOL, ARRAY, "only when it has this value" },
	{ 0 },
};
static const struct param global_set_params[] = {
	{ "UseExternalRouter", P_BOOL, 0, "True: routers outside hold the customer routes; False: the distributed router routes" },
	{ "InputObject", P_OBJECT, PIPE_VALUE, "from Get-NetVirtualizationGlobal", .values = global_object_name },
	{ 0 },
};

static bool use_external_router(struct call *c)
{
	const struct netvirt_global_doc *g = docs_get(call_docs(c), &netvirt_global_kind, "global");

	return g && g->use_external_router;
}

static int global_get(struct call *c, struct err **e)
{
	const struct arg *a = call_arg(c, "UseExternalRouter");
	struct netvirt_global_doc g = { use_external_router(c) };
	bool wanted = !a->given;

	(void)e;
	for (size_t i = 0; i < a->n; i++)
		wanted |= a->values[i].b == g.use_external_router;
	if (wanted)
		call_emit_json(c, global_to_object(c, &g));
	return 0;
}

static int global_set(struct call *c, struct err **e)
{
	struct netvirt_global_doc *g;

	(void)e;
	if (!call_should(c, "NetVirtualizationGlobal", "Set-NetVirtualizationGlobal"))
		return 0;
	g = doc_new(&netvirt_global_kind);
	g->use_external_router = call_bool(c, "UseExternalRouter", use_external_router(c));
	if (call_bool(c, "PassThru", false))
		call_emit(c, global_to_object, &netvirt_global_kind, g);
	docs_put(call_docs(c), &netvirt_global_kind, g);
	return 0;
}

static const char *const hop_properties[] = {
	"SourceVirtualSubnetID", "SourceCustomerAddress", "DestinationCustomerAddress", "SourceMACAddress", "NextHopAddress",
	"NextHopMACAddress", NULL,
};
static const struct object_type hop_object = { "NetVirtualizationNextHop", hop_properties, NULL };

static const struct param select_params[] = {
	{ "SourceCustomerAddress", P_IP, POS(0), "customer address of the sender" },
	{ "DestinationCustomerAddress", P_IP, REQUIRED | POS(1), "customer address to reach" },
	{ "SourceVirtualSubnetID", P_VSID, REQUIRED | POS(2), "virtual subnet of the sender" },
	{ 0 },
};

static int select_next_hop(struct call *c, struct err **e)
{
	uint32_t vsid = (uint32_t)call_uint(c, "SourceVirtualSubnetID", 0);
	const struct ip *to = &call_arg(c, "DestinationCustomerAddress")->values[0].ip;
	const struct record_doc *source = NULL, *hop;
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	json_t *o;
	int r;

	if (call_given(c, "SourceCustomerAddress")) {
		const struct ip *from = &call_arg(c, "SourceCustomerAddress")->values[0].ip;

		/* 0.0.0.0 is no sender's address: the wildcard records that have it are any number of machines. */
		source = ip_is_any(from) ? NULL : netvirt_record(call_docs(c), vsid, from);
		if (!source && !ip_is_any(from))
			return err_set(e, "Wnv.SourceUnknown", ERR_OBJECT_NOT_FOUND, ip_format(from, text),
				       "No lookup record of virtual subnet %u has the source %s: its packets are dropped.", vsid,
				       ip_format(from, text));
	}
	r = netvirt_next_hop(call_docs(c), vsid, to, &hop, e);
	if (r < 0)
		return r;
	o = json_object();
	json_object_set_new(o, "SourceVirtualSubnetID", json_integer(vsid));
	if (source) {
		json_object_set_new(o, "SourceCustomerAddress", json_string(ip_format(&source->ca, text)));
		json_object_set_new(o, "SourceMACAddress", json_string(mac_format(&source->mac, mac)));
	}
	json_object_set_new(o, "DestinationCustomerAddress", json_string(ip_format(to, text)));
	json_object_set_new(o, "NextHopAddress", json_string(ip_format(&hop->ca, text)));
	json_object_set_new(o, "NextHopMACAddress", json_string(mac_format(&hop->mac, mac)));
	call_emit_json(c, o);
	return 0;
}

const struct cmdlet netvirt_query_cmdlets[] = {
	{ "Get-NetVirtualizationGlobal", "show the host-wide setting of network virtualization", global_get_params, &global_object,
	  global_get, 0 },
	{ "Set-NetVirtualizationGlobal", "change the host-wide setting of network virtualization", global_set_params,
	  &global_object, global_set, CHANGES | PASSTHRU },
	{ "Select-NetVirtualizationNextHop", "show where a tenant's packet goes next", select_params, &hop_object, select_next_hop,
	  0 },
	{ 0 },
};
