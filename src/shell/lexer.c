/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "parser.h"
#include "text.h"

static bool skip_comment(struct parser *p, bool *ret_skipped)
{
	const char *s = lex_here(p);

	*ret_skipped = true;
	if (s[0] == '<' && s[1] == '#') {
		const char *end = strstr(s + 2, "#>");

		if (!end) {
			parse_fail(p, p->pos, "the comment <# is not closed");
			return false;
		}
		p->pos = (size_t)(end + 2 - p->src);
		return true;
	}
	if (*s == '#') {
		p->pos += strcspn(s, "\n");
		return true;
	}
	*ret_skipped = false;
	return true;
}

bool lex_skip(struct parser *p)
{
	for (;;) {
		const char *s = lex_here(p);
		size_t n = text_blank(s);
		bool skipped;

		if (n) {
			p->pos += n;
			continue;
		}
		if (s[0] == '`' && (s[1] == '\n' || (s[1] == '\r' && s[2] == '\n'))) {
			p->pos += s[1] == '\n' ? 2 : 3;
			continue;
		}
		if (!skip_comment(p, &skipped))
			return false;
		if (!skipped)
			return true;
	}
}

bool lex_skip_lines(struct parser *p)
{
	for (;;) {
		if (!lex_skip(p))
			return false;
		if (lex_char(p) != '\n')
			return true;
		p->pos++;
	}
}

bool lex_skip_ends(struct parser *p)
{
	for (;;) {
		if (!lex_skip(p))
			return false;
		if (lex_char(p) != '\n' && lex_char(p) != ';')
			return true;
		p->pos++;
	}
}

bool lex_at_end(const struct parser *p)
{
	char c = lex_char(p);

	return !c || c == '\n' || c == ';' || c == ')' || c == '}' || c == '|' || c == '&';
}

bool lex_take(struct parser *p, char c)
{
	if (!c || lex_char(p) != c)
		return false;
	p->pos++;
	return true;
}

size_t lex_word(const struct parser *p)
{
	const char *s = lex_here(p);
	size_t n = 0;

	while (text_is_word(s[n]) && !text_blank(s + n) && !text_dash(s + n) && !text_dquote(s + n) && !text_squote(s + n))
		n++;
	return n;
}

bool lex_take_word(struct parser *p, const char *word)
{
	size_t n = lex_word(p);

	if (n != strlen(word) || strncasecmp(lex_here(p), word, n) != 0 || lex_here(p)[n] == '-')
		return false;
	p->pos += n;
	return true;
}

static size_t number_suffix(const char *s, int64_t *ret_factor)
{
	static const char letters[] = "kmgtp";
	const char *at = *s ? strchr(letters, text_lower(*s)) : NULL;

	*ret_factor = 1;
	if (!at || text_lower(s[1]) != 'b')
		return 0;
	*ret_factor = (int64_t)1 << (10 * (at - letters + 1));
	return 2;
}

static size_t hex_number(const char *s, struct node *n)
{
	size_t i = 2;
	uint64_t v = 0;

	for (; isxdigit((unsigned char)s[i]) && i < 18; i++)
		v = v << 4 | (uint64_t)(text_is_digit(s[i]) ? s[i] - '0' : text_lower(s[i]) - 'a' + 10);
	if (i == 2 || isxdigit((unsigned char)s[i]))
		return 0;
	n->kind = N_INT;
	n->num = (int64_t)v;
	return i;
}

size_t lex_number(const char *s, struct node *n)
{
	size_t i = 0;
	int64_t v = 0, factor;
	bool real = false, over = false;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return hex_number(s, n);
	for (; text_is_digit(s[i]); i++)
		over |= __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, s[i] - '0', &v);
	if (s[i] == '.' && text_is_digit(s[i + 1])) {
		real = true;
		for (i++; text_is_digit(s[i]); i++)
			;
	}
	if (i == 0)
		return 0;
	if ((s[i] == 'e' || s[i] == 'E') && text_is_digit(s[i + 1 + (s[i + 1] == '+' || s[i + 1] == '-')])) {
		real = true;
		for (i += 2; text_is_digit(s[i]); i++)
			;
	}
	n->kind = real || over ? N_REAL : N_INT;
	n->num = v;
	if (n->kind == N_REAL) {
		_cleanup_free_ char *copy = xstrndup(s, i);

		n->real = strtod(copy, NULL);
	}
	if (text_lower(s[i]) == 'l' || text_lower(s[i]) == 'd' || text_lower(s[i]) == 'u')
		i++;
	i += number_suffix(s + i, &factor);
	if (n->kind == N_REAL)
		n->real *= (double)factor;
	else if (__builtin_mul_overflow(n->num, factor, &n->num)) {
		n->kind = N_REAL;
		n->real = (double)v * (double)factor;
	}
	return i;
}

struct word_op {
	const char *name;
	int op, precedence;
	bool cased; /* has c and i forms */
};

static const struct word_op word_ops[] = {
	{ "and", OP_AND, 1, false },	       { "or", OP_OR, 1, false },
	{ "xor", OP_XOR, 1, false },	       { "band", OP_BAND, 2, false },
	{ "bor", OP_BOR, 2, false },	       { "bxor", OP_BXOR, 2, false },
	{ "shl", OP_SHL, 2, false },	       { "shr", OP_SHR, 2, false },
	{ "eq", OP_EQ, 3, true },	       { "ne", OP_NE, 3, true },
	{ "lt", OP_LT, 3, true },	       { "le", OP_LE, 3, true },
	{ "gt", OP_GT, 3, true },	       { "ge", OP_GE, 3, true },
	{ "like", OP_LIKE, 3, true },	       { "notlike", OP_NOTLIKE, 3, true },
	{ "match", OP_MATCH, 3, true },	       { "notmatch", OP_NOTMATCH, 3, true },
	{ "replace", OP_REPLACE, 3, true },    { "contains", OP_CONTAINS, 3, true },
	{ "notcontains", OP_NOTCONTAINS, 3, true }, { "in", OP_IN, 3, true },
	{ "notin", OP_NOTIN, 3, true },	       { "split", OP_SPLIT, 3, true },
	{ "join", OP_JOIN, 3, false },	       { "is", OP_IS, 3, false },
	{ "isnot", OP_ISNOT, 3, false },       { "as", OP_AS, 3, false },
	{ "f", OP_FORMAT, 6, false },
};

static const struct word_op *find_word_op(const char *s, size_t n, int *ret_op)
{
	for (size_t i = 0; i < ARRAY_SIZE(word_ops); i++) {
		const struct word_op *w = &word_ops[i];
		size_t len = strlen(w->name);

		*ret_op = w->op;
		if (n == len && strncasecmp(s, w->name, n) == 0)
			return w;
		if (w->cased && n == len + 1 && strncasecmp(s + 1, w->name, len) == 0) {
			if (text_lower(*s) == 'i')
				return w;
			*ret_op = w->op | OP_CASE;
			if (text_lower(*s) == 'c')
				return w;
		}
	}
	return NULL;
}

static size_t dash_operator(struct parser *p, size_t dash, int *ret_op, int *ret_precedence)
{
	const char *s = lex_here(p) + dash;
	size_t n = 0;
	const struct word_op *w;

	if (*s == '=' || text_dash(s))
		return 0;
	if (!text_is_alpha(*s)) {
		*ret_op = OP_SUB;
		*ret_precedence = 4;
		return dash;
	}
	while (text_is_alpha(s[n]))
		n++;
	w = find_word_op(s, n, ret_op);
	if (!w) {
		parse_fail(p, p->pos, "unknown operator '-%.*s'", (int)MIN(n, 40u), s);
		return 0;
	}
	*ret_precedence = w->precedence;
	return dash + n;
}

size_t lex_binary(struct parser *p, int *ret_op, int *ret_precedence)
{
	static const struct { char c; int op, precedence; } signs[] = {
		{ '+', OP_ADD, 4 }, { '*', OP_MUL, 5 }, { '/', OP_DIV, 5 }, { '%', OP_MOD, 5 },
	};
	const char *s = lex_here(p);
	size_t dash = text_dash(s);

	if (dash)
		return dash_operator(p, dash, ret_op, ret_precedence);
	if (s[0] == '.' && s[1] == '.') {
		*ret_op = OP_RANGE;
		*ret_precedence = 7;
		return 2;
	}
	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (*s != signs[i].c || s[1] == '=' || (*s == '+' && s[1] == '+'))
			continue;
		*ret_op = signs[i].op;
		*ret_precedence = signs[i].precedence;
		return 1;
	}
	return 0;
}

size_t lex_assign(const struct parser *p, int *ret_op)
{
	const char *s = lex_here(p);
	size_t n = text_dash(s);

	*ret_op = OP_NONE;
	if (*s == '=')
		return 1;
	if (n)
		*ret_op = OP_SUB;
	else {
		*ret_op = *s == '+' ? OP_ADD : *s == '*' ? OP_MUL : *s == '/' ? OP_DIV : *s == '%' ? OP_MOD : OP_NONE;
		n = *ret_op != OP_NONE;
	}
	return n && s[n] == '=' ? n + 1 : 0;
}

static size_t plain_name(const char *s)
{
	size_t n = 0;

	while (text_is_word(s[n]) && !text_blank(s + n) && !text_dash(s + n) && !text_dquote(s + n) && !text_squote(s + n))
		n++;
	return n;
}

size_t lex_variable(const char *s, char **ret_name)
{
	size_t n, m;

	if (*s == '{') {
		const char *end = strpbrk(s + 1, "}\n");

		if (!end || *end != '}' || end == s + 1)
			return 0;
		*ret_name = xstrndup(s + 1, (size_t)(end - s - 1));
		return (size_t)(end + 1 - s);
	}
	if (*s == '?' || *s == '$' || *s == '^') {
		*ret_name = xstrndup(s, 1);
		return 1;
	}
	n = plain_name(s);
	if (!n)
		return 0;
	if (s[n] == ':' && s[n + 1] != ':') {
		m = plain_name(s + n + 1);
		if (m)
			n += 1 + m;
	}
	*ret_name = xstrndup(s, n);
	return n;
}

/*
 * Braces balance, quotes hide them, a backslash outside single quotes hides the next character, and # after a blank starts
 * a comment: what a shell and PowerShell agree on.
 */
size_t lex_raw_block(const struct parser *p)
{
	unsigned open = 1;
	char quote = 0;

	for (size_t i = p->pos; p->src[i]; i++) {
		char c = p->src[i];

		if (c == '\\' && quote != '\'') {
			if (!p->src[i + 1])
				break;
			i++;
		} else if (quote) {
			quote = c == quote ? 0 : quote;
		} else if (c == '"' || c == '\'') {
			quote = c;
		} else if (c == '#' && strchr(" \t\n;", p->src[i - 1])) {
			i += strcspn(p->src + i, "\n");
			if (!p->src[i])
				break;
		} else if (c == '{') {
			open++;
		} else if (c == '}' && --open == 0) {
			return i;
		}
	}
	return SIZE_MAX;
}
