/* SPDX-License-Identifier: Apache-2.0 */
#include "convert.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "ast.h"
#include "guid.h"
#include "ip.h"
#include "mac.h"
#include "parser.h"
#include "text.h"

static void add_real(struct str *s, double d)
{
	char buf[40];

	if (isnan(d) || isinf(d)) {
		str_add(s, isnan(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity");
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*G", digits, d);
		if (strtod(buf, NULL) == d)
			break;
	}
	str_add(s, buf);
}

static void add_text(struct str *s, const struct value *v, unsigned depth);

static void add_bag(struct str *s, const struct value *v, unsigned depth)
{
	const struct value *message = bag_get(v, "Message");

	if (v->kind == V_HASH) {
		str_add(s, "System.Collections.Hashtable");
		return;
	}
	if (v->type && (streq(v->type, "ErrorRecord") || streq(v->type, "Exception")) && value_is_string(message)) {
		str_add(s, message->s);
		return;
	}
	str_add(s, v->type ? v->type : "@{");
	if (v->type)
		return;
	for (size_t i = 0; i < v->nprops; i++) {
		str_addf(s, "%s%s=", i ? "; " : "", v->props[i].name);
		add_text(s, v->props[i].value, depth + 1);
	}
	str_addc(s, '}');
}

static void add_text(struct str *s, const struct value *v, unsigned depth)
{
	if (depth > VALUE_MAX_DEPTH || s->len > VALUE_MAX_STRING)
		return;
	switch (value_kind(v)) {
	case V_NULL:
		break;
	case V_BOOL:
		str_add(s, v->b ? "True" : "False");
		break;
	case V_INT:
		str_addf(s, "%lld", (long long)v->i);
		break;
	case V_REAL:
		add_real(s, v->d);
		break;
	case V_STRING:
	case V_TEXT:
		str_addn(s, v->s, v->len);
		break;
	case V_ARRAY:
		for (size_t i = 0; i < v->n && s->len <= VALUE_MAX_STRING; i++) {
			if (i)
				str_addc(s, ' ');
			if (value_is_array(v->items[i]))
				str_add(s, "System.Object[]");
			else
				add_text(s, v->items[i], depth + 1);
		}
		break;
	case V_OBJECT:
	case V_HASH:
		add_bag(s, v, depth);
		break;
	case V_BLOCK:
		str_add(s, v->node->text ? v->node->text : "");
		break;
	case V_TYPE:
		str_add(s, type_name(v->type_id));
		break;
	}
}

void value_add_text(struct str *s, const struct value *v)
{
	add_text(s, v, 0);
}

char *value_text(const struct value *v)
{
	struct str s = {};

	add_text(&s, v, 0);
	return str_take(&s);
}

/* An object inside a cell shows its name, if it has one. */
static void add_cell_item(struct str *s, const struct value *v)
{
	const char *name = value_is_bag(v) ? bag_get_string(v, "Name") : NULL;

	if (name && v->kind == V_OBJECT)
		str_add(s, name);
	else
		add_text(s, v, 0);
}

void value_add_cell(struct str *s, const struct value *v)
{
	if (value_kind(v) != V_ARRAY && value_kind(v) != V_HASH) {
		add_cell_item(s, v);
		return;
	}
	str_addc(s, '{');
	if (v->kind == V_HASH)
		for (size_t i = 0; i < v->nprops; i++)
			str_addf(s, "%s%s", i ? ", " : "", v->props[i].name);
	else
		for (size_t i = 0; i < v->n && s->len <= VALUE_MAX_STRING; i++) {
			if (i)
				str_add(s, ", ");
			add_cell_item(s, v->items[i]);
		}
	str_addc(s, '}');
}

bool value_truth(const struct value *v)
{
	switch (value_kind(v)) {
	case V_NULL:
		return false;
	case V_BOOL:
		return v->b;
	case V_INT:
		return v->i != 0;
	case V_REAL:
		return v->d != 0;
	case V_STRING:
	case V_TEXT:
		return v->len != 0;
	case V_ARRAY:
		return v->n > 1 || (v->n == 1 && (value_is_array(v->items[0]) ? v->items[0]->n > 0 : value_truth(v->items[0])));
	default:
		return true;
	}
}

int value_parse_number(struct heap *h, const char *text, struct value **ret)
{
	struct node n = {};
	bool negative = false;
	size_t len;

	while (text_blank(text))
		text += text_blank(text);
	if (*text == '-' || *text == '+')
		negative = *text++ == '-';
	len = lex_number(text, &n);
	if (!len)
		return -EINVAL;
	for (text += len; text_blank(text) || *text == '\n'; text++)
		;
	if (*text)
		return -EINVAL;
	if (n.kind == N_INT)
		*ret = value_int(h, negative ? (int64_t)(0 - (uint64_t)n.num) : n.num);
	else
		*ret = value_real(h, negative ? -n.real : n.real);
	return 0;
}

int value_to_real(const struct value *v, double *ret)
{
	_cleanup_value_ struct value *n = NULL;
	int r;

	switch (value_kind(v)) {
	case V_NULL:
		*ret = 0;
		return 0;
	case V_BOOL:
		*ret = v->b;
		return 0;
	case V_INT:
		*ret = (double)v->i;
		return 0;
	case V_REAL:
		*ret = v->d;
		return 0;
	case V_STRING:
		if (!v->len) {
			*ret = 0;
			return 0;
		}
		r = value_parse_number(v->heap, v->s, &n);
		return r < 0 ? r : value_to_real(n, ret);
	case V_ARRAY:
		return v->n == 1 && !value_is_array(v->items[0]) ? value_to_real(v->items[0], ret) : -EINVAL;
	default:
		return -EINVAL;
	}
}

int value_to_int(const struct value *v, int64_t *ret)
{
	_cleanup_value_ struct value *n = NULL;
	double d;
	int r;

	if (value_kind(v) == V_INT) {
		*ret = v->i;
		return 0;
	}
	if (value_is_string(v) && v->len) {
		r = value_parse_number(v->heap, v->s, &n);
		if (r < 0)
			return r;
		if (n->kind == V_INT) {
			*ret = n->i;
			return 0;
		}
	}
	r = value_to_real(v, &d);
	if (r < 0)
		return r;
	d = rint(d);
	if (!(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
		return -ERANGE;
	*ret = (int64_t)d;
	return 0;
}

static int cast_fail(const struct value *v, int type, struct err **e)
{
	_cleanup_free_ char *text = value_text(v), *shown = xstrndup(text, text_offset(text, 80));

	return err_set(e, "InvalidCast", ERR_INVALID_ARGUMENT, shown, "Cannot convert value \"%s\" to type \"System.%s\".",
		       shown, type_name(type));
}

static int cast_int(struct heap *h, const struct value *v, int type, struct value **ret, struct err **e)
{
	static const struct { int type; int64_t min, max; } ranges[] = {
		{ T_BYTE, 0, UINT8_MAX },	  { T_INT16, INT16_MIN, INT16_MAX },   { T_UINT16, 0, UINT16_MAX },
		{ T_INT32, INT32_MIN, INT32_MAX }, { T_UINT32, 0, UINT32_MAX },	       { T_INT64, INT64_MIN, INT64_MAX },
		{ T_UINT64, 0, INT64_MAX },
	};
	int64_t i;

	if (value_to_int(v, &i) < 0)
		return cast_fail(v, type, e);
	for (size_t k = 0; k < ARRAY_SIZE(ranges); k++)
		if (ranges[k].type == type && (i < ranges[k].min || i > ranges[k].max))
			return cast_fail(v, type, e);
	*ret = value_int(h, i);
	return 0;
}

static int cast_address(struct heap *h, const struct value *v, int type, struct value **ret, struct err **e)
{
	_cleanup_free_ char *text = value_text(v);
	char guid_text[GUID_TEXT_SIZE], mac_text[MAC_TEXT_SIZE], ip_text[IP_TEXT_SIZE];
	struct guid guid;
	struct mac mac;
	struct ip ip;

	if (type == T_GUID && guid_parse(text, &guid) == 0)
		*ret = value_string(h, guid_format(&guid, guid_text));
	else if (type == T_MAC && mac_parse(text, &mac) == 0)
		*ret = value_string(h, mac_format(&mac, mac_text));
	else if (type == T_IPADDRESS && ip_parse(text, &ip) == 0)
		*ret = value_string(h, ip_format(&ip, ip_text));
	else
		return cast_fail(v, type, e);
	return 0;
}

static int cast_list(struct heap *h, struct value *v, int type, struct value **ret, struct err **e)
{
	_cleanup_value_ struct value *list = value_array(h);
	size_t n = value_is_array(v) ? v->n : v ? 1 : 0;

	for (size_t i = 0; i < n; i++) {
		struct value *item;
		int r = value_cast(h, value_is_array(v) ? v->items[i] : v, type & ~T_LIST, &item, e);

		if (r < 0)
			return r;
		array_add_take(list, item);
	}
	*ret = TAKE_PTR(list);
	return 0;
}

static int cast_bag(struct heap *h, struct value *v, int type, struct value **ret, struct err **e)
{
	struct value *bag;

	if (type == T_PSCUSTOM && !value_is_bag(v)) {
		*ret = value_ref(v);
		return 0;
	}
	if (!value_is_bag(v))
		return cast_fail(v, type, e);
	bag = type == T_PSCUSTOM ? value_object(h, NULL) : value_hash(h);
	for (size_t i = 0; i < v->nprops; i++)
		bag_set(bag, v->props[i].name, v->props[i].value);
	*ret = bag;
	return 0;
}

static int cast_scalar(struct heap *h, struct value *v, int type, struct value **ret, struct err **e)
{
	_cleanup_free_ char *text = NULL;
	double d;

	switch (type) {
	case T_BYTE ... T_UINT64:
		return cast_int(h, v, type, ret, e);
	case T_DOUBLE:
		if (value_to_real(v, &d) < 0)
			return cast_fail(v, type, e);
		*ret = value_real(h, d);
		return 0;
	case T_CHAR:
		text = value_text(v);
		if (value_kind(v) == V_INT && v->i > 0 && v->i < 0xd800) {
			struct str s = {};

			text_encode(&s, (uint32_t)v->i);
			*ret = value_string_take(h, str_take(&s));
			return 0;
		}
		if (text_len(text) != 1)
			return cast_fail(v, type, e);
		*ret = value_string(h, text);
		return 0;
	case T_GUID:
	case T_MAC:
	case T_IPADDRESS:
		return cast_address(h, v, type, ret, e);
	default:
		*ret = value_string_take(h, value_text(v));
		return 0;
	}
}

int value_cast(struct heap *h, struct value *v, int type, struct value **ret, struct err **e)
{
	if (type & T_LIST)
		return cast_list(h, v, type, ret, e);
	switch (type) {
	case T_BOOL:
	case T_SWITCH:
		*ret = value_bool(h, value_truth(v));
		return 0;
	case T_ARRAY:
		return cast_list(h, v, T_OBJECT | T_LIST, ret, e);
	case T_HASHTABLE:
	case T_ORDERED:
	case T_PSCUSTOM:
		return cast_bag(h, v, type, ret, e);
	case T_SCRIPTBLOCK:
		if (value_kind(v) != V_BLOCK)
			return cast_fail(v, type, e);
		*ret = value_ref(v);
		return 0;
	case T_VOID:
		*ret = NULL;
		return 0;
	case T_OBJECT:
	case T_ERRORRECORD:
		*ret = value_ref(v);
		return 0;
	case T_MATH:
	case T_CONVERT:
		return cast_fail(v, type, e);
	default:
		return cast_scalar(h, v, type, ret, e);
	}
}

bool value_is_type(const struct value *v, int type)
{
	if (type & T_LIST)
		return value_is_array(v);
	switch (type) {
	case T_OBJECT:
		return v;
	case T_STRING:
		return value_is_string(v);
	case T_BOOL:
	case T_SWITCH:
		return value_kind(v) == V_BOOL;
	case T_INT32:
		return value_kind(v) == V_INT && v->i >= INT32_MIN && v->i <= INT32_MAX;
	case T_INT64:
		return value_kind(v) == V_INT && (v->i < INT32_MIN || v->i > INT32_MAX);
	case T_DOUBLE:
		return value_kind(v) == V_REAL;
	case T_ARRAY:
		return value_is_array(v);
	case T_HASHTABLE:
	case T_ORDERED:
		return value_kind(v) == V_HASH;
	case T_PSCUSTOM:
		return value_kind(v) == V_OBJECT;
	case T_ERRORRECORD:
		return value_kind(v) == V_OBJECT && v->type && streq(v->type, "ErrorRecord");
	case T_SCRIPTBLOCK:
		return value_kind(v) == V_BLOCK;
	default:
		return false;
	}
}

const char *value_type_name(const struct value *v)
{
	switch (value_kind(v)) {
	case V_BOOL:
		return "Boolean";
	case V_INT:
		return v->i >= INT32_MIN && v->i <= INT32_MAX ? "Int32" : "Int64";
	case V_REAL:
		return "Double";
	case V_STRING:
	case V_TEXT:
		return "String";
	case V_ARRAY:
		return "Object[]";
	case V_HASH:
		return "Hashtable";
	case V_OBJECT:
		return v->type ? v->type : "PSCustomObject";
	case V_BLOCK:
		return "ScriptBlock";
	case V_TYPE:
		return "RuntimeType";
	default:
		return "Null";
	}
}

static json_t *text_to_json(const struct value *v)
{
	_cleanup_free_ char *text = value_text(v);

	return json_string_nocheck(text);
}

/* budget: what refers to the same things many times must not unfold without end. */
static json_t *to_json(const struct value *v, unsigned depth, unsigned *budget)
{
	json_t *j;

	if (!*budget)
		return json_null();
	--*budget;
	switch (value_kind(v)) {
	case V_NULL:
		return json_null();
	case V_BOOL:
		return json_boolean(v->b);
	case V_INT:
		return json_integer(v->i);
	case V_REAL:
		return isfinite(v->d) ? json_real(v->d) : text_to_json(v);
	case V_ARRAY:
		if (!depth)
			return text_to_json(v);
		j = json_array();
		for (size_t i = 0; i < v->n && *budget; i++)
			json_array_append_new(j, to_json(v->items[i], depth - 1, budget));
		return j;
	case V_OBJECT:
	case V_HASH:
		if (!depth)
			return text_to_json(v);
		j = json_object();
		for (size_t i = 0; i < v->nprops && *budget; i++)
			json_object_set_new_nocheck(j, v->props[i].name, to_json(v->props[i].value, depth - 1, budget));
		return j;
	default:
		return text_to_json(v);
	}
}

json_t *value_to_json(const struct value *v, unsigned depth)
{
	unsigned budget = 4 * VALUE_MAX_ITEMS;

	return to_json(v, depth, &budget);
}

static struct value *from_json(struct heap *h, const json_t *j, const char *type, unsigned depth)
{
	struct value *v;
	const json_t *item;
	const char *key;
	size_t i;

	switch (json_typeof(j)) {
	case JSON_TRUE:
	case JSON_FALSE:
		return value_bool(h, json_is_true(j));
	case JSON_INTEGER:
		return value_int(h, json_integer_value(j));
	case JSON_REAL:
		return value_real(h, json_real_value(j));
	case JSON_STRING:
		return value_stringn(h, json_string_value(j), json_string_length(j));
	case JSON_ARRAY:
		v = value_array(h);
		if (depth < VALUE_MAX_DEPTH)
			json_array_foreach(j, i, item)
				array_add_take(v, from_json(h, item, type, depth + 1));
		return v;
	case JSON_OBJECT:
		v = value_object(h, type);
		if (depth < VALUE_MAX_DEPTH)
			json_object_foreach((json_t *)j, key, item)
				bag_set_take(v, key, from_json(h, item, NULL, depth + 1));
		return v;
	default:
		return NULL;
	}
}

struct value *value_from_json(struct heap *h, const json_t *j, const char *type)
{
	return from_json(h, j, type, 0);
}
