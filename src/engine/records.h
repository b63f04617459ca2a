/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bpf_driver.h"
#include "map.h"
#include "netvirt_wants.h"

/*
 * The entries that lookup records have in the dataplane's tables. There may be a million, so a change makes only those entries
 * anew that it can have touched: those of records that changed, and those that are made of something of this host that
 * changed. All entries are compared at the first time and whenever somebody asks for it. Either way the tables are the same
 * afterwards, since each entry is a function of its key, of the documents, and of the host (record_wants.c).
 *
 * Entries that go are taken out in a second step, after what may have pointed to them; but those of sources of routed packets
 * go first: a virtual subnet that changes its routing domain must not be reachable from the old one for a moment.
 */

/* The tables, and who hears what happens to them. Results as bpf_driver.h has them. */
struct records_ops {
	int (*walk)(void *arg, enum bpf_table table, int (*each)(void *each_arg, const void *key, const void *value), void *each_arg);
	int (*get)(void *arg, enum bpf_table table, const void *key, void *ret_value);
	int (*set)(void *arg, enum bpf_table table, const void *keys, const void *values, size_t n);
	int (*del)(void *arg, enum bpf_table table, const void *keys, size_t n);
	/* n entries were set or deleted; r < 0: not all of them could be. */
	void (*done)(void *arg, int r, const char *table, size_t n, bool set);
};

/* This host, with numbers in place of names. */
struct records_host {
	const struct netvirt_wants *wants;
	const struct map *hops; /* struct hop_key -> its number in "nexthops" + 1 */
	uint32_t (*ifindex)(void *arg, const char *link); /* 0: it is not there */
};

struct records;
/* ops is borrowed. */
struct records *records_new(const struct records_ops *ops);
void records_free(struct records *x);
/* A commit changed this document: a docs_watch_fn. */
void records_note(void *arg, const struct doc_kind *kind, const void *old, const void *now);
/* Compare all entries at the next time. */
void records_compare_all(struct records *x);
/* Sets what is wanted and is not there. arg: for ops and for host->ifindex. Entries that failed are tried again at the next time. */
void records_update(struct records *x, const struct records_host *host, void *arg);
/* Deletes what records_update() found to be no longer wanted. */
void records_delete(struct records *x, void *arg);
