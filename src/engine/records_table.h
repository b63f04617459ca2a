/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "records.h"

/* The tables of records: how an entry's key and value come from a record and from this host. */

/* A key or a value of any of them, for buffers. */
union record_key {
	struct dp_dest_key dest;
	struct dp_ca_key ca;
	union dp_addr pa;
	struct dp_source_key source;
};

union record_value {
	struct dp_dest dest;
	struct dp_ca ca;
	struct dp_rewrite rewrite;
	struct dp_source source;
};

struct record_view {
	const struct records_host *host;
	void *arg;
};

struct record_table {
	const char *name;
	size_t key_size, value_size;
	bool delete_first;
	/* The key under which the record has an entry. False: it can have none. rdid: of its virtual subnet, for sources. */
	bool (*key)(const struct record_doc *r, const struct guid *rdid, void *ret_key);
	/* The entry under the key; false: none is wanted. *ret_by: the record's number (netvirt_wants.h). */
	bool (*want)(const struct record_view *v, const void *key, void *ret_value, size_t *ret_by);
};
extern const struct record_table record_tables[BPF_TABLE_COUNT];

static inline union dp_addr dp_addr_of(const struct ip *ip)
{
	union dp_addr a;

	_Static_assert(sizeof(a) == sizeof(*ip), "an address is an address");
	memcpy(&a, ip, sizeof(a));
	return a;
}
