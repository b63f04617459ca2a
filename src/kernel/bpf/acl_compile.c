/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_compile.h"

#include <endian.h>
#include <errno.h>

#include "map.h"

/* ---- places ---- */

static uint16_t rule_dims(const struct dp_acl_rule *r)
{
	uint16_t dims = 0;

	/* Both families: the rules that name neither address of one are still rules for packets of the other. */
	if (r->flags & DP_ACL_HAS_LOCAL)
		dims |= 1 << DP_ACL_LOCAL4 | 1 << DP_ACL_LOCAL6;
	if (r->flags & DP_ACL_HAS_REMOTE)
		dims |= 1 << DP_ACL_REMOTE4 | 1 << DP_ACL_REMOTE6;
	if (r->local_port[0] != 0 || r->local_port[1] != UINT16_MAX)
		dims |= 1 << DP_ACL_LOCAL_PORT;
	if (r->remote_port[0] != 0 || r->remote_port[1] != UINT16_MAX)
		dims |= 1 << DP_ACL_REMOTE_PORT;
	if (r->flags & DP_ACL_HAS_PROTOCOL)
		dims |= 1 << DP_ACL_PROTOCOL;
	return dims;
}

int acl_place(const struct dp_acl_rule *rules, size_t n, struct dp_acl_set *ret, uint32_t *ret_index,
	      uint32_t *ret_id_bits)
{
	struct dp_acl_set set = { 0 };
	uint32_t next = 0, macs = DP_ACL_RULES, bits = 0;
	size_t i = 0;

	for (int section = 0; section < DP_ACL_SECTIONS; section++) {
		for (; i < n && rules[i].section == section; i++) {
			ret_index[i] = next++;
			set.dims |= rule_dims(&rules[i]);
			bits |= DP_ACL_ID_IP;
		}
		next = (next + 63) / 64 * 64;
		if (next > DP_ACL_RULES)
			return -E2BIG;
		set.end[section] = (uint8_t)(next / 64);
	}
	for (; i < n && rules[i].section == DP_ACL_MAC; i++) {
		ret_index[i] = macs++;
		bits |= DP_ACL_ID_MAC;
	}
	if (i < n)
		return -EINVAL;
	*ret = set;
	*ret_id_bits = bits;
	return 0;
}

/* ---- prefixes of a dimension ---- */

struct item {
	uint8_t value[16];
	uint32_t len;
	uint32_t rule;
};

typedef VEC(struct item) item_vec;

static void add_item(item_vec *items, const void *value, size_t size, uint32_t len, uint32_t rule)
{
	struct item item = { .len = len, .rule = rule };

	memcpy(item.value, value, size);
	vec_push(items, item);
}

static void add_address(item_vec *items, const union dp_addr *a, uint32_t len, bool given, bool v4, uint32_t rule)
{
	if (!given)
		add_item(items, a, 0, 0, rule);
	else if (v4)
		add_item(items, &a->w[3], 4, len - 96, rule);
	else
		add_item(items, a, 16, len, rule);
}

/* A range is a few prefixes: the largest ones that begin where the last one ended. */
static void add_ports(item_vec *items, const uint16_t range[2], uint32_t rule)
{
	uint32_t from = range[0], to = range[1];

	while (from <= to) {
		uint16_t value = htobe16((uint16_t)from);
		uint32_t bits = 0;

		while (bits < 16 && !(from & ((2u << bits) - 1)) && from + (2u << bits) - 1 <= to)
			bits++;
		add_item(items, &value, 2, 16 - bits, rule);
		from += 1u << bits;
	}
}

static void add_rule(item_vec *items, int dim, const struct dp_acl_rule *r, uint32_t index)
{
	bool v4 = dim == DP_ACL_LOCAL4 || dim == DP_ACL_REMOTE4;

	switch (dim) {
	case DP_ACL_LOCAL4:
	case DP_ACL_LOCAL6:
		if (r->flags & (v4 ? DP_ACL_IP4 : DP_ACL_IP6))
			add_address(items, &r->local, r->local_len, r->flags & DP_ACL_HAS_LOCAL, v4, index);
		break;
	case DP_ACL_REMOTE4:
	case DP_ACL_REMOTE6:
		if (r->flags & (v4 ? DP_ACL_IP4 : DP_ACL_IP6))
			add_address(items, &r->remote, r->remote_len, r->flags & DP_ACL_HAS_REMOTE, v4, index);
		break;
	case DP_ACL_LOCAL_PORT:
		add_ports(items, r->local_port, index);
		break;
	case DP_ACL_REMOTE_PORT:
		add_ports(items, r->remote_port, index);
		break;
	default:
		add_item(items, &r->protocol, 1, r->flags & DP_ACL_HAS_PROTOCOL ? 8 : 0, index);
		if (!(r->flags & DP_ACL_HAS_PROTOCOL))
			memset(vec_last(items)->value, 0, 1);
		break;
	}
}

/* A prefix comes right before those that it contains. */
static int item_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int r = memcmp(x->value, y->value, sizeof(x->value));

	return r ? r : x->len < y->len ? -1 : x->len > y->len;
}

static bool item_contains(const struct item *outer, const struct item *inner)
{
	uint32_t bytes = outer->len / 8, bits = outer->len % 8;

	if (outer->len > inner->len || memcmp(outer->value, inner->value, bytes) != 0)
		return false;
	return !bits || (outer->value[bytes] ^ inner->value[bytes]) >> (8 - bits) == 0;
}

/* ---- classes ---- */

struct compiler {
	uint32_t id;
	struct acl_compiled *ret;
	struct map *classes; /* vector -> class */
	uint32_t next_class;
};

static void add_vector(struct compiler *x, uint32_t class, const struct dp_acl_vector *v)
{
	vec_push(&x->ret->vectors, (struct acl_vector){ { x->id, class }, *v });
}

static uint32_t class_of(struct compiler *x, const struct dp_acl_vector *v)
{
	uintptr_t known = (uintptr_t)map_get(x->classes, v, sizeof(*v));

	if (known)
		return (uint32_t)known;
	add_vector(x, x->next_class, v);
	map_put(x->classes, v, sizeof(*v), (void *)(uintptr_t)x->next_class);
	return x->next_class++;
}

static void set_bit(struct dp_acl_vector *v, uint32_t n)
{
	v->w[n / 64] |= 1ull << (n % 64);
}

/* The longest prefix that holds a value has the rules of all shorter ones, too. */
struct level {
	struct item item;
	struct dp_acl_vector vector;
};

static void compile_dim(struct compiler *x, int dim, item_vec *items)
{
	VEC(struct level) above = { 0 };

	vec_sort(items, item_compare);
	for (size_t i = 0; i < items->n;) {
		const struct item *first = &items->items[i];
		struct level here = { .item = *first };
		struct acl_match match = { .key = { DP_ACL_MATCH_BITS + first->len, x->id, (uint32_t)dim, { 0 } } };

		while (above.n && !item_contains(&vec_last(&above)->item, first))
			above.n--;
		if (above.n)
			here.vector = vec_last(&above)->vector;
		for (; i < items->n && item_compare(&items->items[i], first) == 0; i++)
			set_bit(&here.vector, items->items[i].rule);
		memcpy(match.key.value, first->value, sizeof(match.key.value));
		match.value = class_of(x, &here.vector);
		vec_push(&x->ret->matches, match);
		vec_push(&above, here);
	}
	vec_done(&above);
}

static void add_mac(struct compiler *x, const struct dp_acl_rule *r)
{
	struct acl_mac m = { .key = { .set = x->id },
			     .value = r->number | (r->flags & DP_ACL_DENY ? DP_ACL_MAC_DENY : 0) };

	memcpy(m.key.local, &r->local, 6);
	memcpy(m.key.remote, &r->remote, 6);
	vec_push(&x->ret->macs, m);
}

static void compile_common(struct compiler *x, const struct dp_acl_rule *rules, const uint32_t *index, size_t n)
{
	struct dp_acl_vector all = { 0 }, no_ports = { 0 };
	const uint16_t ports = 1 << DP_ACL_LOCAL_PORT | 1 << DP_ACL_REMOTE_PORT;

	for (size_t i = 0; i < n; i++) {
		vec_push(&x->ret->rules, (struct acl_rule){ { x->id, index[i] }, rules[i] });
		if (rules[i].section == DP_ACL_MAC) {
			add_mac(x, &rules[i]);
			continue;
		}
		set_bit(&all, index[i]);
		if (!(rule_dims(&rules[i]) & ports) || !(rules[i].flags & DP_ACL_DENY))
			set_bit(&no_ports, index[i]);
	}
	if (!(x->id & DP_ACL_ID_IP))
		return;
	add_vector(x, DP_ACL_CLASS_ALL, &all);
	if (x->ret->set.dims & ports)
		add_vector(x, DP_ACL_CLASS_NO_PORTS, &no_ports);
}

void acl_compile(uint32_t id, const struct dp_acl_rule *rules, const uint32_t *index, size_t n,
		 const struct dp_acl_set *set, struct acl_compiled *ret)
{
	struct compiler x = { .id = id, .ret = ret, .classes = map_new(), .next_class = DP_ACL_CLASS_FIRST };

	*ret = (struct acl_compiled){ .set = *set };
	compile_common(&x, rules, index, n);
	for (int dim = 0; dim < DP_ACL_DIMS; dim++) {
		item_vec items = { 0 };

		if (!(set->dims & 1 << dim))
			continue;
		for (size_t i = 0; i < n; i++)
			if (rules[i].section != DP_ACL_MAC)
				add_rule(&items, dim, &rules[i], index[i]);
		compile_dim(&x, dim, &items);
		vec_done(&items);
	}
	map_free(x.classes);
}

void acl_compiled_done(struct acl_compiled *c)
{
	vec_done(&c->rules);
	vec_done(&c->matches);
	vec_done(&c->vectors);
	vec_done(&c->macs);
}
