/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "bpf_driver.h"

/*
 * What the dataplane looks rules up by, made of the rules of a set: for each dimension the prefixes that rules have,
 * and for each prefix the vector of the rules that hold for all of it. A pure function: the same rules give the same
 * entries, so that what was made of a set can be found again to be deleted.
 */

struct acl_match {
	struct dp_acl_match_key key;
	uint32_t value;
};

struct acl_vector {
	struct dp_acl_vector_key key;
	struct dp_acl_vector value;
};

struct acl_mac {
	struct dp_acl_mac_key key;
	uint32_t value;
};

struct acl_rule {
	struct dp_acl_rule_key key;
	struct dp_acl_rule value;
};

struct acl_compiled {
	struct dp_acl_set set;
	VEC(struct acl_rule) rules;
	VEC(struct acl_match) matches;
	VEC(struct acl_vector) vectors;
	VEC(struct acl_mac) macs;
};

/*
 * Where each rule of the set goes, and the bits DP_ACL_ID_ of its number. -E2BIG: more than fit; -EINVAL: not in order.
 */
int acl_place(const struct dp_acl_rule *rules, size_t n, struct dp_acl_set *ret, uint32_t *ret_index,
	      uint32_t *ret_id_bits);

/* index: of each rule, from acl_place(). The caller frees what is in *ret by acl_compiled_done(). */
void acl_compile(uint32_t id, const struct dp_acl_rule *rules, const uint32_t *index, size_t n,
		 const struct dp_acl_set *set, struct acl_compiled *ret);
void acl_compiled_done(struct acl_compiled *c);
