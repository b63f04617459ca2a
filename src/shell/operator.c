/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "eval.h"
#include "regex.h"
#include "text.h"

static int compare_text(const struct value *a, const struct value *b, bool with_case)
{
	_cleanup_free_ char *x = value_text(a), *y = value_text(b);
	int r = with_case ? strcmp(x, y) : stricmp(x, y);

	return (r > 0) - (r < 0);
}

int op_compare(const struct value *a, const struct value *b, bool with_case)
{
	double x, y;

	if (!a || !b)
		return (a ? 1 : 0) - (b ? 1 : 0);
	if (a->kind == V_INT && b->kind == V_INT)
		return (a->i > b->i) - (a->i < b->i);
	if (value_is_number(a) || a->kind == V_BOOL || (value_is_number(b) && !value_is_string(a)))
		if (value_to_real(a, &x) == 0 && value_to_real(b, &y) == 0)
			return (x > y) - (x < y);
	return compare_text(a, b, with_case);
}

bool op_equal(const struct value *a, const struct value *b, bool with_case)
{
	double x, y;

	if (!a || !b)
		return a == b;
	if (a->kind == V_BOOL)
		return a->b == value_truth(b);
	if (a->kind == V_INT && b->kind == V_INT)
		return a->i == b->i;
	if (value_is_number(a))
		return value_to_real(b, &x) == 0 && value_to_real(a, &y) == 0 && x == y;
	if (value_is_string(a))
		return compare_text(a, b, with_case) == 0;
	if (a->kind == V_TYPE || b->kind == V_TYPE)
		return compare_text(a, b, false) == 0;
	return a == b;
}

/* * ? [set] with regard to case; without it base has it. */
static bool like_case(const char *p, const char *s)
{
	_cleanup_str_ struct str regex = {};
	_cleanup_regex_ struct regex *re = NULL;
	_cleanup_free_ char *error = NULL;
	struct regex_match m;

	str_addc(&regex, '^');
	for (; *p; p++) {
		if (*p == '*')
			str_add(&regex, "(?:.|\\n)*");
		else if (*p == '?')
			str_add(&regex, "(?:.|\\n)");
		else if (*p == '[' && strchr(p, ']')) {
			size_t n = (size_t)(strchr(p, ']') + 1 - p);

			str_addn(&regex, p, n);
			p += n - 1;
		} else {
			if (strchr("\\^$.|+(){}[]", *p))
				str_addc(&regex, '\\');
			str_addc(&regex, *p);
		}
	}
	str_add(&regex, "\\z");
	return regex_compile(str_get(&regex), true, &re, &error) == 0 && regex_search(re, s, 0, &m) > 0;
}

int op_like(struct shell *sh _unused_, const struct value *a, const struct value *pattern, bool with_case)
{
	_cleanup_free_ char *text = value_text(a), *p = value_text(pattern);

	/* The product of both lengths is the work that a match may take. */
	if (strlen(text) > 1u << 20 || strlen(p) > 4096)
		return 0;
	return with_case ? like_case(p, text) : wildcard_match(p, text);
}

static int compile(struct shell *sh, const struct node *at, const char *pattern, bool with_case, struct regex **ret)
{
	_cleanup_free_ char *error = NULL;

	if (regex_compile(pattern, with_case, ret, &error) == 0)
		return FLOW_OK;
	return sh_throw(sh, at, "InvalidRegularExpression", "The regular expression '%.*s' is not understood: %s.",
			(int)text_offset(pattern, 60), pattern, error);
}

static int search(struct shell *sh, const struct node *at, const struct regex *re, const char *text, size_t from,
		  struct regex_match *m)
{
	int r = regex_search(re, text, from, m);

	return r >= 0 ? r : sh_throw(sh, at, "LimitsExceeded", "Matching the regular expression takes too long.");
}

int op_match(struct shell *sh, const struct node *at, const char *text, const char *pattern, bool with_case, bool *ret)
{
	_cleanup_regex_ struct regex *re = NULL;
	_cleanup_value_ struct value *matches = NULL;
	struct regex_match m;
	int r = compile(sh, at, pattern, with_case, &re);

	if (r == 0)
		r = search(sh, at, re, text, 0, &m);
	if (r < 0)
		return r;
	*ret = r > 0;
	if (!*ret)
		return FLOW_OK;
	matches = value_hash(&sh->heap);
	for (unsigned g = 0; g < regex_groups(re); g++) {
		const char *name = regex_group_name(re, g);
		_cleanup_free_ char *number = xasprintf("%u", g);

		if (m.start[g] != SIZE_MAX && m.end[g] != SIZE_MAX && m.end[g] >= m.start[g])
			bag_set_take(matches, name ? name : number,
				     value_stringn(&sh->heap, text + m.start[g], m.end[g] - m.start[g]));
	}
	return var_set(sh, at, "Matches", matches);
}

/* $1, ${name}, $0, $$ in a replacement. */
static void add_replacement(struct str *s, const char *with, const char *text, const struct regex *re, const struct regex_match *m)
{
	for (; *with; with++) {
		unsigned g = UINT32_MAX;
		size_t len = 0;

		if (*with == '$' && text_is_digit(with[1])) {
			g = (unsigned)(with[1] - '0');
			len = 1;
		} else if (*with == '$' && with[1] == '{' && strchr(with, '}')) {
			len = (size_t)(strchr(with, '}') - with);
			for (unsigned k = 0; k < regex_groups(re); k++) {
				_cleanup_free_ char *number = xasprintf("%u", k);
				const char *name = regex_group_name(re, k) ? regex_group_name(re, k) : number;

				if (strlen(name) == len - 2 && strncmp(name, with + 2, len - 2) == 0)
					g = k;
			}
		} else if (*with == '$' && with[1] == '$') {
			with++;
		}
		if (g >= regex_groups(re)) {
			str_addc(s, *with);
			continue;
		}
		if (m->start[g] != SIZE_MAX && m->end[g] != SIZE_MAX)
			str_addn(s, text + m->start[g], m->end[g] - m->start[g]);
		with += len;
	}
}

static int replace_one(struct shell *sh, const struct node *at, const struct value *v, const struct regex *re, const char *with,
		       struct value **ret)
{
	_cleanup_free_ char *text = value_text(v);
	_cleanup_str_ struct str s = {};
	struct regex_match m;
	size_t from = 0, copied = 0, matches = 0;
	int r;

	while ((r = search(sh, at, re, text, from, &m)) > 0) {
		str_addn(&s, text + copied, m.start[0] - copied);
		add_replacement(&s, with, text, re, &m);
		copied = m.end[0];
		from = m.end[0] + (m.end[0] == m.start[0] ? text_char(text + m.end[0]) : 0);
		if (s.len > VALUE_MAX_STRING || ++matches > VALUE_MAX_ITEMS)
			return sh_throw(sh, at, "LimitsExceeded", "The string is longer than %u bytes.", VALUE_MAX_STRING);
		if (from > strlen(text) || !text[from])
			break;
		r = eval_step(sh, at);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	str_add(&s, text + copied);
	*ret = value_string_take(&sh->heap, str_take(&s));
	return FLOW_OK;
}

static int op_replace(struct shell *sh, const struct node *at, const struct value *a, const struct value *b, bool with_case,
		      struct value **ret)
{
	_cleanup_free_ char *pattern = value_text(value_is_array(b) && b->n ? b->items[0] : b);
	_cleanup_free_ char *with = value_is_array(b) && b->n > 1 ? value_text(b->items[1]) : xstrdup("");
	_cleanup_regex_ struct regex *re = NULL;
	_cleanup_value_ struct value *list = NULL;
	int r = compile(sh, at, pattern, with_case, &re);

	if (r < 0 || !value_is_array(a))
		return r < 0 ? r : replace_one(sh, at, a, re, with, ret);
	list = value_array(&sh->heap);
	for (size_t i = 0; i < a->n; i++) {
		struct value *v;

		r = replace_one(sh, at, a->items[i], re, with, &v);
		if (r < 0)
			return r;
		array_add_take(list, v);
	}
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

static int split_one(struct shell *sh, const struct node *at, const char *text, const struct regex *re, int64_t max,
		     struct value *list)
{
	struct regex_match m;
	size_t from = 0, start = 0;
	int64_t n = 1;
	int r = 0;

	while ((max <= 0 || n < max) && (r = search(sh, at, re, text, from, &m)) > 0) {
		if (m.end[0] == m.start[0]) {
			if (!text[m.end[0]])
				break;
			from = m.end[0] + text_char(text + m.end[0]);
			if (m.start[0] == 0)
				continue;
		} else {
			from = m.end[0];
		}
		array_add_take(list, value_stringn(&sh->heap, text + start, m.start[0] - start));
		start = m.end[0];
		n++;
		r = eval_step(sh, at);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	array_add_take(list, value_string(&sh->heap, text + start));
	return FLOW_OK;
}

static int op_split(struct shell *sh, const struct node *at, const struct value *a, const struct value *b, bool with_case,
		    struct value **ret)
{
	_cleanup_free_ char *pattern = value_text(value_is_array(b) && b->n ? b->items[0] : b);
	_cleanup_value_ struct value *list = value_array(&sh->heap);
	_cleanup_regex_ struct regex *re = NULL;
	int64_t max = 0;
	int r = compile(sh, at, pattern, with_case, &re);

	if (value_is_array(b) && b->n > 1 && value_to_int(b->items[1], &max) < 0)
		max = 0;
	for (size_t i = 0; i < (value_is_array(a) ? a->n : 1) && r == 0; i++) {
		_cleanup_free_ char *text = value_text(value_is_array(a) ? a->items[i] : a);

		r = split_one(sh, at, text, re, max, list);
	}
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

static int op_join(struct shell *sh, const struct node *at, const struct value *a, const struct value *b, struct value **ret)
{
	_cleanup_str_ struct str s = {};
	_cleanup_free_ char *with = value_text(b);

	for (size_t i = 0; i < (value_is_array(a) ? a->n : 1); i++) {
		if (i)
			str_add(&s, with);
		value_add_text(&s, value_is_array(a) ? a->items[i] : a);
		if (s.len > VALUE_MAX_STRING)
			return sh_throw(sh, at, "LimitsExceeded", "The string is longer than %u bytes.", VALUE_MAX_STRING);
	}
	*ret = value_string_take(&sh->heap, str_take(&s));
	return FLOW_OK;
}

static int bad_operands(struct shell *sh, const struct node *at, int op, const struct value *a, const struct value *b)
{
	return sh_throw(sh, at, "InvalidOperation", "The operator %s does not go with %s and %s.", op_name(op),
			value_type_name(a), value_type_name(b));
}

static int arithmetic(struct shell *sh, const struct node *at, int op, const struct value *a, const struct value *b,
		      struct value **ret)
{
	_cleanup_value_ struct value *x = NULL, *y = NULL;
	int64_t i, k, n = 0;
	double d, e;

	if (value_is_string(a) && a->len && value_parse_number(&sh->heap, a->s, &x) == 0)
		a = x;
	if (value_is_string(b) && b->len && value_parse_number(&sh->heap, b->s, &y) == 0)
		b = y;
	if (value_to_real(a, &d) < 0 || value_to_real(b, &e) < 0)
		return bad_operands(sh, at, op, a, b);
	if ((op == OP_DIV || op == OP_MOD) && e == 0)
		return sh_throw(sh, at, "DivideByZero", "Attempted to divide by zero.");
	if (value_kind(a) != V_REAL && value_kind(b) != V_REAL && value_to_int(a, &i) == 0 && value_to_int(b, &k) == 0) {
		bool over = op == OP_ADD ? __builtin_add_overflow(i, k, &n) : op == OP_SUB ? __builtin_sub_overflow(i, k, &n) :
			op == OP_MUL ? __builtin_mul_overflow(i, k, &n) : k == -1 ? i == INT64_MIN : op == OP_DIV && i % k != 0;

		if (!over) {
			if (op == OP_DIV)
				n = i / k;
			else if (op == OP_MOD)
				n = k == -1 ? 0 : i % k;
			*ret = value_int(&sh->heap, n);
			return FLOW_OK;
		}
	}
	d = op == OP_ADD ? d + e : op == OP_SUB ? d - e : op == OP_MUL ? d * e : op == OP_DIV ? d / e : fmod(d, e);
	*ret = value_real(&sh->heap, d);
	return FLOW_OK;
}

static int too_long(struct shell *sh, const struct node *at)
{
	return sh_throw(sh, at, "LimitsExceeded", "The result is too large.");
}

static int op_add(struct shell *sh, const struct node *at, struct value *a, struct value *b, struct value **ret)
{
	_cleanup_value_ struct value *list = NULL;
	struct str s = {};

	if (value_is_array(a)) {
		list = value_array(&sh->heap);
		if (array_add_all(list, a) < 0 || array_add_all(list, b) < 0)
			return too_long(sh, at);
		*ret = TAKE_PTR(list);
		return FLOW_OK;
	}
	if (value_is_string(a)) {
		str_addn(&s, a->s, a->len);
		value_add_text(&s, b);
		if (s.len > VALUE_MAX_STRING) {
			str_done(&s);
			return too_long(sh, at);
		}
		*ret = value_string_take(&sh->heap, str_take(&s));
		return FLOW_OK;
	}
	if (value_kind(a) == V_HASH && value_kind(b) == V_HASH) {
		list = value_hash(&sh->heap);
		for (size_t i = 0; i < a->nprops; i++)
			bag_set(list, a->props[i].name, a->props[i].value);
		for (size_t i = 0; i < b->nprops; i++)
			bag_set(list, b->props[i].name, b->props[i].value);
		*ret = TAKE_PTR(list);
		return FLOW_OK;
	}
	if (!a) {
		*ret = value_ref(b);
		return FLOW_OK;
	}
	return arithmetic(sh, at, OP_ADD, a, b, ret);
}

static int op_times(struct shell *sh, const struct node *at, struct value *a, struct value *b, struct value **ret)
{
	_cleanup_value_ struct value *list = NULL;
	struct str s = {};
	int64_t n;

	if (!value_is_string(a) && !value_is_array(a))
		return arithmetic(sh, at, OP_MUL, a, b, ret);
	if (value_to_int(b, &n) < 0)
		return bad_operands(sh, at, OP_MUL, a, b);
	if (n < 0 || (uint64_t)n > VALUE_MAX_STRING || (uint64_t)n * (value_is_string(a) ? a->len : a->n) > VALUE_MAX_STRING)
		return too_long(sh, at);
	if (value_is_string(a)) {
		for (int64_t i = 0; i < n && a->len; i++)
			str_addn(&s, a->s, a->len);
		*ret = value_string_take(&sh->heap, str_take(&s));
		return FLOW_OK;
	}
	list = value_array(&sh->heap);
	for (int64_t i = 0; i < n && a->n; i++)
		if (array_add_all(list, a) < 0)
			return too_long(sh, at);
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

static int op_range(struct shell *sh, const struct node *at, const struct value *a, const struct value *b, struct value **ret)
{
	_cleanup_value_ struct value *list = value_array(&sh->heap);
	int64_t from, to;

	if (value_to_int(a, &from) < 0 || value_to_int(b, &to) < 0)
		return bad_operands(sh, at, OP_RANGE, a, b);
	if ((from <= to ? (uint64_t)to - (uint64_t)from : (uint64_t)from - (uint64_t)to) >= VALUE_MAX_ITEMS)
		return too_long(sh, at);
	for (int64_t i = from;; i += from <= to ? 1 : -1) {
		array_add_take(list, value_int(&sh->heap, i));
		if (i == to)
			break;
	}
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

static int op_bits(struct shell *sh, const struct node *at, int op, const struct value *a, const struct value *b,
		   struct value **ret)
{
	int64_t i, k;

	if (value_to_int(a, &i) < 0 || value_to_int(b, &k) < 0)
		return bad_operands(sh, at, op, a, b);
	switch (op) {
	case OP_BAND:
		i &= k;
		break;
	case OP_BOR:
		i |= k;
		break;
	case OP_BXOR:
		i ^= k;
		break;
	case OP_SHL:
		i = (int64_t)((uint64_t)i << (k & 63));
		break;
	default:
		i >>= k & 63;
	}
	*ret = value_int(&sh->heap, i);
	return FLOW_OK;
}

/* One comparison; the caller has taken arrays apart. */
static int test(struct shell *sh, const struct node *at, int op, const struct value *a, const struct value *b, bool *ret)
{
	bool with_case = op & OP_CASE;
	_cleanup_free_ char *text = NULL, *pattern = NULL;
	int r;

	switch (op & ~OP_CASE) {
	case OP_EQ:
	case OP_NE:
		*ret = op_equal(a, b, with_case) == ((op & ~OP_CASE) == OP_EQ);
		break;
	case OP_LT:
		*ret = op_compare(a, b, with_case) < 0;
		break;
	case OP_LE:
		*ret = op_compare(a, b, with_case) <= 0;
		break;
	case OP_GT:
		*ret = op_compare(a, b, with_case) > 0;
		break;
	case OP_GE:
		*ret = op_compare(a, b, with_case) >= 0;
		break;
	case OP_LIKE:
	case OP_NOTLIKE:
		*ret = op_like(sh, a, b, with_case) == ((op & ~OP_CASE) == OP_LIKE);
		break;
	default:
		text = value_text(a);
		pattern = value_text(b);
		r = op_match(sh, at, text, pattern, with_case, ret);
		if (r < 0)
			return r;
		*ret = *ret == ((op & ~OP_CASE) == OP_MATCH);
	}
	return FLOW_OK;
}

/* An array on the left is filtered. */
static int comparison(struct shell *sh, const struct node *at, int op, struct value *a, struct value *b, struct value **ret)
{
	_cleanup_value_ struct value *list = NULL;
	bool yes;
	int r;

	if (!value_is_array(a)) {
		r = test(sh, at, op, a, b, &yes);
		if (r == 0)
			*ret = value_bool(&sh->heap, yes);
		return r;
	}
	list = value_array(&sh->heap);
	for (size_t i = 0; i < a->n; i++) {
		r = test(sh, at, op, a->items[i], b, &yes);
		if (r < 0)
			return r;
		if (yes)
			array_add(list, a->items[i]);
	}
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

static bool contains(const struct value *list, const struct value *v, bool with_case)
{
	if (!value_is_array(list))
		return op_equal(list, v, with_case);
	for (size_t i = 0; i < list->n; i++)
		if (op_equal(list->items[i], v, with_case))
			return true;
	return false;
}

static int op_type(struct shell *sh, const struct node *at, int op, struct value *a, const struct value *b, struct value **ret)
{
	_cleanup_free_ char *name = value_text(b);
	_cleanup_err_ struct err *e = NULL;
	int type = value_kind(b) == V_TYPE ? b->type_id : type_find(name);

	if (type < 0)
		return sh_throw(sh, at, "TypeNotFound", "The type [%s] is not known.", name);
	if (op == OP_AS) {
		if (value_cast(&sh->heap, a, type, ret, &e) < 0)
			*ret = NULL;
		return FLOW_OK;
	}
	*ret = value_bool(&sh->heap, value_is_type(a, type) == (op == OP_IS));
	return FLOW_OK;
}

int op_binary(struct shell *sh, const struct node *at, int op, struct value *a, struct value *b, struct value **ret)
{
	bool with_case = op & OP_CASE;
	_cleanup_free_ char *format = NULL;

	switch (op & ~OP_CASE) {
	case OP_ADD:
		return op_add(sh, at, a, b, ret);
	case OP_MUL:
		return op_times(sh, at, a, b, ret);
	case OP_SUB:
	case OP_DIV:
	case OP_MOD:
		return arithmetic(sh, at, op, a, b, ret);
	case OP_RANGE:
		return op_range(sh, at, a, b, ret);
	case OP_FORMAT:
		format = value_text(a);
		return op_format(sh, at, format, b, ret);
	case OP_BAND ... OP_SHR:
		return op_bits(sh, at, op, a, b, ret);
	case OP_CONTAINS:
	case OP_NOTCONTAINS:
		*ret = value_bool(&sh->heap, contains(a, b, with_case) == ((op & ~OP_CASE) == OP_CONTAINS));
		return FLOW_OK;
	case OP_IN:
	case OP_NOTIN:
		*ret = value_bool(&sh->heap, contains(b, a, with_case) == ((op & ~OP_CASE) == OP_IN));
		return FLOW_OK;
	case OP_REPLACE:
		return op_replace(sh, at, a, b, with_case, ret);
	case OP_SPLIT:
		return op_split(sh, at, a, b, with_case, ret);
	case OP_JOIN:
		return op_join(sh, at, a, b, ret);
	case OP_IS:
	case OP_ISNOT:
	case OP_AS:
		return op_type(sh, at, op, a, b, ret);
	default:
		return comparison(sh, at, op, a, b, ret);
	}
}

/* -split "x" takes no account of blanks at both ends. */
static int drop_empty(struct shell *sh, int r, struct value **ret)
{
	_cleanup_value_ struct value *all = NULL;

	if (r < 0)
		return r;
	all = *ret;
	*ret = value_array(&sh->heap);
	for (size_t i = 0; i < all->n; i++)
		if (value_truth(all->items[i]))
			array_add(*ret, all->items[i]);
	return FLOW_OK;
}

int op_unary(struct shell *sh, const struct node *at, int op, struct value *a, struct value **ret)
{
	_cleanup_value_ struct value *zero = value_int(&sh->heap, 0), *blank = NULL;
	int64_t i;

	switch (op) {
	case OP_NOT:
		*ret = value_bool(&sh->heap, !value_truth(a));
		return FLOW_OK;
	case OP_BNOT:
		if (value_to_int(a, &i) < 0)
			return bad_operands(sh, at, op, a, NULL);
		*ret = value_int(&sh->heap, ~i);
		return FLOW_OK;
	case OP_JOIN:
		return op_join(sh, at, a, NULL, ret);
	case OP_SPLIT:
		blank = value_string(&sh->heap, "\\s+");
		return drop_empty(sh, op_split(sh, at, a, blank, false, ret), ret);
	default:
		return arithmetic(sh, at, op == OP_NEG ? OP_SUB : OP_ADD, zero, a, ret);
	}
}
