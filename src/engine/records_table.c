/* SPDX-License-Identifier: Apache-2.0 */
#include "records_table.h"

static struct ip ip_of(const union dp_addr *a)
{
	struct ip ip;

	memcpy(&ip, a, sizeof(ip));
	return ip;
}

static uint32_t ifindex_of(const struct record_view *v, const char *link)
{
	return link[0] ? v->host->ifindex(v->arg, link) : 0;
}

/* The number of the way to another host + 1; 0: there is none, so that nothing can be said about what is there. */
static uint32_t hop_of(const struct record_view *v, const struct ip *pa, enum dp_encap encap)
{
	struct hop_key key = { *pa, (uint8_t)encap };

	return (uint32_t)(uintptr_t)map_get(v->host->hops, &key, sizeof(key));
}

/* ---- who has a MAC ---- */

static bool dest_key(const struct record_doc *r, const struct guid *rdid, void *ret)
{
	struct dp_dest_key *key = ret;

	(void)rdid;
	*key = (struct dp_dest_key){ .segment = r->vsid };
	memcpy(key->mac, r->mac.b, 6);
	return true;
}

static bool dest_want(const struct record_view *v, const void *k, void *ret, size_t *ret_by)
{
	const struct dp_dest_key *key = k;
	struct dp_dest *value = ret;
	struct want_dest w;
	struct mac mac;
	uint32_t number;

	memcpy(mac.b, key->mac, 6);
	if (!netvirt_want_dest(v->host->wants, key->segment, &mac, &w, ret_by))
		return false;
	*value = (struct dp_dest){ .pa = dp_addr_of(&w.pa), .ca4 = ip_is_v4(&w.ca) ? ip_v4(&w.ca) : 0 };
	value->flags = (uint8_t)((w.any_ca ? DP_DEST_ANY_CA : 0) | (w.any_ca && !w.any_known ? DP_DEST_L2ONLY : 0) |
				 (w.ca6 ? DP_DEST_CA6 : 0) | (w.any_ca6 ? DP_DEST_ANY_CA6 : 0) |
				 (w.any_ca6 && !w.any_known6 ? DP_DEST_L2ONLY6 : 0) |
				 (w.rewrite ? DP_DEST_REWRITE : 0) | (w.some_rewrite ? DP_DEST_REWRITE_MORE : 0));
	number = w.remote ? hop_of(v, &w.pa, w.encap) : ifindex_of(v, w.link);
	if (number) {
		value->kind = w.remote ? DP_DEST_REMOTE : DP_DEST_LOCAL;
		value->target = w.remote ? number - 1 : number;
	} else if (w.inner) {
		value->kind = DP_DEST_INNER;
	}
	return true;
}

/* ---- who has a customer address ---- */

static bool ca_key(const struct record_doc *r, const struct guid *rdid, void *ret)
{
	(void)rdid;
	*(struct dp_ca_key *)ret = (struct dp_ca_key){ .segment = r->vsid, .ca = dp_addr_of(&r->ca) };
	return true;
}

static bool ca_want(const struct record_view *v, const void *k, void *ret, size_t *ret_by)
{
	struct dp_ca_key key;
	struct dp_ca *value = ret;
	struct want_ca w;
	struct ip ca;

	memcpy(&key, k, sizeof(key));
	memcpy(&ca, &key.ca, sizeof(ca));
	if (!netvirt_want_ca(v->host->wants, key.segment, &ca, &w, ret_by))
		return false;
	*value = (struct dp_ca){ .pa = dp_addr_of(&w.pa) };
	memcpy(value->mac, w.mac.b, 6);
	value->flags = (uint16_t)((w.local ? DP_CA_LOCAL : 0) | (w.router ? DP_CA_ROUTER : 0) | (w.rewrite ? DP_CA_REWRITE : 0) |
				  (w.vm_mac ? DP_CA_REWRITE_VM_MAC : 0));
	return true;
}

/* ---- what a provider address of IP rewrite stands for ---- */

static bool rewrite_key(const struct record_doc *r, const struct guid *rdid, void *ret)
{
	(void)rdid;
	*(union dp_addr *)ret = dp_addr_of(&r->pa);
	return netvirt_is_rewrite(r);
}

static bool rewrite_want(const struct record_view *v, const void *key, void *ret, size_t *ret_by)
{
	struct dp_rewrite *value = ret;
	struct ip pa = ip_of(key);
	struct want_rewrite w;
	uint32_t hop;

	if (!netvirt_want_rewrite(v->host->wants, &pa, &w, ret_by))
		return false;
	hop = w.local ? 0 : hop_of(v, &pa, ip_is_v4(&pa) ? DP_ENCAP_NVGRE4 : DP_ENCAP_NVGRE6);
	if (!w.local && !hop)
		return false;
	*value = (struct dp_rewrite){ .segment = w.segment, .ca = dp_addr_of(&w.ca), .flags = w.local ? DP_REWRITE_LOCAL : 0 };
	memcpy(value->mac, w.mac.b, 6);
	value->target = w.local ? ifindex_of(v, w.link) : hop - 1;
	return true;
}

/* ---- who may send routed packets ---- */

static bool source_key(const struct record_doc *r, const struct guid *rdid, void *ret)
{
	struct dp_source_key *key = ret;

	*key = (struct dp_source_key){ .ca = dp_addr_of(&r->ca), .pa = dp_addr_of(&r->pa) };
	if (rdid)
		memcpy(key->domain, rdid->b, sizeof(key->domain));
	return rdid && netvirt_is_source(r);
}

static bool source_want(const struct record_view *v, const void *k, void *ret, size_t *ret_by)
{
	struct dp_source *value = ret;
	struct dp_source_key key;
	struct want_source w;
	struct guid rdid;
	struct ip ca, pa;

	memcpy(&key, k, sizeof(key));
	memcpy(rdid.b, key.domain, sizeof(rdid.b));
	memcpy(&ca, &key.ca, sizeof(ca));
	memcpy(&pa, &key.pa, sizeof(pa));
	if (!netvirt_want_source(v->host->wants, &rdid, &ca, &pa, &w, ret_by))
		return false;
	*value = (struct dp_source){ 0 };
	memcpy(value->router_mac, w.router_mac.b, 6);
	return true;
}

#define SIZES(k, v) .key_size = sizeof(k), .value_size = sizeof(v)

const struct record_table record_tables[BPF_TABLE_COUNT] = {
	[BPF_TABLE_DESTS] = { "MAC addresses", SIZES(struct dp_dest_key, struct dp_dest), .key = dest_key, .want = dest_want },
	[BPF_TABLE_CAS] = { "customer addresses", SIZES(struct dp_ca_key, struct dp_ca), .key = ca_key, .want = ca_want },
	[BPF_TABLE_REWRITES] = { "rewritten addresses", SIZES(union dp_addr, struct dp_rewrite), .key = rewrite_key,
				 .want = rewrite_want },
	[BPF_TABLE_SOURCES] = { "sources of routed packets", SIZES(struct dp_source_key, struct dp_source), .delete_first = true,
				.key = source_key, .want = source_want },
};
