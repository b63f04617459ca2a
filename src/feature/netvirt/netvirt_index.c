/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt.h"

/* How records and customer routes are found. Keys are compared as bytes: each is written whole. */

struct ca_key {
	uint32_t vsid;
	struct ip ip;
};

/* Of a virtual subnet's hosts. */
struct host_key {
	uint32_t vsid;
	struct ip pa;
	uint32_t encap;
};

struct mac_key {
	uint32_t vsid;
	struct mac mac;
	uint8_t zero[2];
};

struct subnet_key {
	uint32_t vsid;
	uint32_t class;
};

struct pa_key {
	struct ip pa;
	uint32_t rule;
	uint32_t carried;
};

struct source_key {
	struct ip ca, pa;
};

static bool key_of_ca(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct ca_key *)ret = (struct ca_key){ r->vsid, r->ca };
	return true;
}

static bool key_of_mac(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct mac_key *)ret = (struct mac_key){ r->vsid, r->mac, { 0 } };
	return true;
}

static bool key_of_subnet(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct subnet_key *)ret = (struct subnet_key){ r->vsid, netvirt_record_class(r) };
	return true;
}

static bool key_of_host(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct host_key *)ret = (struct host_key){ r->vsid, r->pa, netvirt_encap(r) };
	return netvirt_is_encap(r) && !netvirt_is_gateway_record(r);
}

static bool key_of_pa(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct pa_key *)ret = (struct pa_key){ r->pa, r->rule, netvirt_is_carried(r) };
	return true;
}

static bool key_of_source(const void *doc, void *ret)
{
	const struct record_doc *r = doc;

	*(struct source_key *)ret = (struct source_key){ r->ca, r->pa };
	return netvirt_is_source(r);
}

static bool key_of_route(const void *doc, void *ret)
{
	*(uint32_t *)ret = ((const struct customer_route_doc *)doc)->vsid;
	return true;
}

static const struct doc_index by_ca = { sizeof(struct ca_key), key_of_ca };
static const struct doc_index by_mac = { sizeof(struct mac_key), key_of_mac };
static const struct doc_index by_subnet = { sizeof(struct subnet_key), key_of_subnet };
static const struct doc_index by_host = { sizeof(struct host_key), key_of_host };
static const struct doc_index by_pa = { sizeof(struct pa_key), key_of_pa };
static const struct doc_index by_source = { sizeof(struct source_key), key_of_source };
static const struct doc_index routes_by_vsid = { sizeof(uint32_t), key_of_route };

const struct doc_index *const record_indexes[RECORD_INDEXES] = { &by_ca, &by_mac, &by_subnet, &by_host, &by_pa, &by_source };
const struct doc_index *const customer_route_indexes[CUSTOMER_ROUTE_INDEXES] = { &routes_by_vsid };

const struct record_doc *records_at_ca(const struct docs *d, uint32_t vsid, const struct ip *ca, size_t *pos)
{
	struct ca_key key = { vsid, *ca };

	return docs_find(d, &record_kind, &by_ca, &key, pos);
}

const struct record_doc *records_at_mac(const struct docs *d, uint32_t vsid, const struct mac *mac, size_t *pos)
{
	struct mac_key key = { vsid, *mac, { 0 } };

	return docs_find(d, &record_kind, &by_mac, &key, pos);
}

const struct record_doc *records_in_subnet(const struct docs *d, uint32_t vsid, enum record_class class, size_t *pos)
{
	struct subnet_key key = { vsid, class };

	return docs_find(d, &record_kind, &by_subnet, &key, pos);
}

const struct record_doc *records_at_pa(const struct docs *d, const struct ip *pa, enum netvirt_rule rule, bool carried,
				       size_t *pos)
{
	struct pa_key key = { *pa, rule, carried };

	return docs_find(d, &record_kind, &by_pa, &key, pos);
}

const struct record_doc *records_at_source(const struct docs *d, const struct ip *ca, const struct ip *pa, size_t *pos)
{
	struct source_key key = { *ca, *pa };

	return docs_find(d, &record_kind, &by_source, &key, pos);
}

bool netvirt_has_records_at(const struct docs *d, uint32_t vsid, const struct ip *pa, enum dp_encap encap)
{
	struct host_key key = { vsid, *pa, encap };

	return docs_find(d, &record_kind, &by_host, &key, &(size_t){ 0 });
}

const struct record_doc *records_each_pa(const struct docs *d, size_t *pos)
{
	return docs_group(d, &record_kind, &by_pa, pos);
}

const struct customer_route_doc *customer_routes_of(const struct docs *d, uint32_t vsid, size_t *pos)
{
	return docs_find(d, &customer_route_kind, &routes_by_vsid, &vsid, pos);
}

bool netvirt_has_records(const struct docs *d, uint32_t vsid, enum record_class class)
{
	return records_in_subnet(d, vsid, class, &(size_t){ 0 });
}

enum record_class netvirt_record_class(const struct record_doc *r)
{
	if (!netvirt_is_carried(r))
		return RECORD_UNUSABLE;
	if (netvirt_is_gateway_record(r))
		return RECORD_ROUTER;
	if (netvirt_is_wildcard(r))
		return RECORD_WILDCARD;
	return netvirt_is_rewrite(r) ? RECORD_REWRITE : RECORD_ENCAP + netvirt_encap(r);
}

/* Which virtual subnet and routing domain the record is of is not asked here. */
bool netvirt_is_source(const struct record_doc *r)
{
	return netvirt_is_carried(r) && !netvirt_is_gateway_record(r) &&
	       (!ip_is_any(&r->ca) || netvirt_is_wildcard(r));
}
