/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "kit.h"
#include "netvirt_wants.h"

#define RD1 "{11111111-2222-3333-4444-000000005010}"
#define RD2 "{11111111-2222-3333-4444-000000005011}"

/* cmdlets with parameters as a format, ' for "; they must succeed */
void lab_do(struct kit *k, const char *cmdlet, const char *format, ...) _printf_(3, 4);
/* Switch on a NIC with ms_netwnv bound. */
void lab_uplink(struct kit *k, const char *name, const char *nic);
/* A running VM with one adapter on the switch. */
void lab_vm(struct kit *k, const char *name, const char *switch_name, const char *mac, unsigned vsid);
/* more: further parameters, beginning with a comma, or "" */
void lab_record(struct kit *k, unsigned vsid, const char *ca, const char *mac, const char *pa, const char *more);
void lab_route(struct kit *k, const char *rdid, unsigned vsid, const char *prefix, const char *next_hop);
void lab_pa(struct kit *k, int ifindex, const char *pa, unsigned prefix_len);
/* All entries of the tables that are asked for one by one. Freed by lab_tables_done(). */
struct lab_tables {
	VEC(struct want_dest) dests;
	VEC(struct want_ca) cas;
	VEC(struct want_rewrite) rewrites;
	VEC(struct want_source) sources;
};
void lab_tables(const struct netvirt_wants *w, struct lab_tables *ret);
void lab_tables_done(struct lab_tables *t);
/*
 * What is wanted, as text in which names of VMs stand for their links: a line for each entry, each table sorted.
 * Only the tables whose letters are given: p ports, d dests, c cas, h hops, a addresses, r routes, u uplinks, R the router's,
 * g broadcast.
 */
char *lab_wants(struct kit *k, const char *tables);
void lab_assert_wants(struct kit *k, const char *tables, const char *expected);

/* Random documents (test_property.c), also such as no cmdlet would make; one of each key. They are the caller's. */
struct lab_document {
	const struct doc_kind *kind;
	void *doc;
};
typedef VEC(struct lab_document) lab_documents;
void lab_random_documents(lab_documents *ret);
/* 0..sides-1, of a sequence that the seed (not 0) determines. */
uint32_t lab_dice(uint32_t sides);
void lab_dice_seed(uint32_t seed);

int rules_tests(void);
int filter_tests(void);
int next_hop_tests(void);
int wants_tests(void);
int router_tests(void);
int broadcast_tests(void);
int learn_tests(void);
int property_tests(void);
int records_tests(void);
int diff_tests(void);
