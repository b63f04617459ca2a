/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "eval.h"
#include "guid.h"
#include "text.h"

static struct value *math_value(struct shell *sh, const char *name, double a, double b, size_t n)
{
	double scale = pow(10, n > 1 ? MAX(MIN(b, 15.0), 0.0) : 0);

	if (strieq(name, "Abs"))
		a = fabs(a);
	else if (strieq(name, "Ceiling"))
		a = ceil(a);
	else if (strieq(name, "Floor"))
		a = floor(a);
	else if (strieq(name, "Truncate"))
		a = trunc(a);
	else if (strieq(name, "Sqrt"))
		a = sqrt(a);
	else if (strieq(name, "Pow"))
		a = pow(a, b);
	else if (strieq(name, "Max"))
		a = fmax(a, b);
	else if (strieq(name, "Min"))
		a = fmin(a, b);
	else if (strieq(name, "PI"))
		a = M_PI;
	else if (strieq(name, "E"))
		a = M_E;
	else /* Round: halves go to the even neighbour */
		a = rint(a * scale) / scale;
	return value_real(&sh->heap, a);
}

static int call_math(struct shell *sh, const struct node *at, const char *name, const struct value *args, struct value **ret)
{
	double a = 0, b = 0;
	size_t n = args ? args->n : 0;
	bool whole = n && value_kind(args->items[0]) == V_INT && (n < 2 || value_kind(args->items[1]) == V_INT);
	_cleanup_value_ struct value *v = NULL;
	int64_t i;

	if ((n > 0 && value_to_real(args->items[0], &a) < 0) || (n > 1 && value_to_real(args->items[1], &b) < 0))
		return sh_throw(sh, at, "MethodArgument", "[Math]::%s wants numbers.", name);
	v = math_value(sh, name, a, b, n);
	if (whole && (strieq(name, "Abs") || strieq(name, "Max") || strieq(name, "Min")) && value_to_int(v, &i) == 0)
		*ret = value_int(&sh->heap, i);
	else
		*ret = TAKE_PTR(v);
	return FLOW_OK;
}

static int call_convert(struct shell *sh, const struct node *at, const char *name, const struct value *args, struct value **ret)
{
	int64_t base = 10, i = 0;
	_cleanup_free_ char *text = value_text(args && args->n ? args->items[0] : NULL);
	char buf[65], *p = buf + 64, *end;
	uint64_t u;

	if (args && args->n > 1)
		value_to_int(args->items[1], &base);
	if (base != 2 && base != 8 && base != 10 && base != 16)
		return sh_throw(sh, at, "MethodArgument", "The base must be 2, 8, 10 or 16.");
	if (!strieq(name, "ToString")) {
		i = strtoll(text, &end, (int)base);
		if (*end || end == text)
			return sh_throw(sh, at, "MethodArgument", "'%s' is no number of base %d.", text, (int)base);
		*ret = value_int(&sh->heap, i);
		return FLOW_OK;
	}
	if (base == 10 || value_to_int(args->items[0], &i) < 0) {
		*ret = value_string(&sh->heap, text);
		return FLOW_OK;
	}
	u = i < 0 && i >= INT32_MIN ? (uint32_t)i : (uint64_t)i;
	*p = 0;
	do {
		*--p = "0123456789abcdef"[u % (uint64_t)base];
		u /= (uint64_t)base;
	} while (u);
	*ret = value_string(&sh->heap, p);
	return FLOW_OK;
}

static int call_string(struct shell *sh, const struct node *at, const char *name, struct value *args, struct value **ret)
{
	_cleanup_free_ char *text = value_text(args && args->n ? args->items[0] : NULL);
	_cleanup_value_ struct value *list = NULL;
	_cleanup_str_ struct str s = {};

	if (strieq(name, "Empty")) {
		*ret = value_string(&sh->heap, "");
	} else if (strieq(name, "IsNullOrEmpty")) {
		*ret = value_bool(&sh->heap, !*text);
	} else if (strieq(name, "IsNullOrWhiteSpace")) {
		*ret = value_bool(&sh->heap, !text[strspn(text, " \t\r\n")]);
	} else if (strieq(name, "Join") && args->n > 1) {
		return op_binary(sh, at, OP_JOIN, args->items[1], args->items[0], ret);
	} else {
		list = value_array(&sh->heap);
		for (size_t i = 1; i < args->n; i++)
			array_add_all(list, args->items[i]);
		if (strieq(name, "Format"))
			return op_format(sh, at, text, list, ret);
		str_add(&s, text);
		for (size_t i = 0; i < list->n && s.len <= VALUE_MAX_STRING; i++)
			value_add_text(&s, list->items[i]);
		*ret = value_string_take(&sh->heap, str_take(&s));
	}
	return FLOW_OK;
}

static int call_regex_escape(struct shell *sh, const struct value *args, struct value **ret)
{
	_cleanup_free_ char *text = value_text(args->n ? args->items[0] : NULL);
	_cleanup_str_ struct str s = {};

	for (const char *p = text; *p; p++) {
		if (strchr("\\*+?|{[()^$.# ", *p))
			str_addc(&s, '\\');
		str_addc(&s, *p);
	}
	*ret = value_string_take(&sh->heap, str_take(&s));
	return FLOW_OK;
}

static int64_t limit_of(int type, bool max)
{
	switch (type) {
	case T_BYTE:
		return max ? UINT8_MAX : 0;
	case T_UINT16:
		return max ? UINT16_MAX : 0;
	case T_UINT32:
		return max ? UINT32_MAX : 0;
	case T_INT64:
		return max ? INT64_MAX : INT64_MIN;
	default:
		return max ? INT32_MAX : INT32_MIN;
	}
}

int member_static(struct shell *sh, const struct node *at, int type, const char *name, struct value *args, struct value **ret)
{
	static const struct guid zero;
	_cleanup_err_ struct err *e = NULL;
	char text[GUID_TEXT_SIZE];
	struct guid g;

	if (!type_static_known(type, name, args != NULL))
		return sh_throw(sh, at, "MemberNotFound", "[%s]::%s is not known.", type_name(type), name);
	if (type == T_MATH)
		return call_math(sh, at, name, args, ret);
	if (type == T_CONVERT)
		return call_convert(sh, at, name, args, ret);
	if (type == T_STRING)
		return call_string(sh, at, name, args, ret);
	if (type == T_REGEX)
		return call_regex_escape(sh, args, ret);
	if (strieq(name, "Parse")) {
		if (value_cast(&sh->heap, args->n ? args->items[0] : NULL, type, ret, &e) < 0)
			return sh_throw_err(sh, at, NULL, e);
		return FLOW_OK;
	}
	if (type == T_GUID) {
		g = strieq(name, "Empty") ? zero : guid_new();
		*ret = value_string(&sh->heap, guid_format(&g, text));
	} else if (type == T_DATETIME) {
		*ret = value_int(&sh->heap, sh->host->now ? sh->host->now(sh->host->userdata) : 0);
	} else {
		*ret = value_int(&sh->heap, limit_of(type, strieq(name, "MaxValue")));
	}
	return FLOW_OK;
}
