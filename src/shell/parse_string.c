/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>

#include "parser.h"
#include "text.h"

/* A backtick and what follows it; the position is at the backtick. -1 after a failure. */
int parse_escape(struct parser *p, struct str *out)
{
	static const char from[] = "nrtabfve", to[] = "\n\r\t\a\b\f\v\x1b";
	const char *s = lex_here(p) + 1, *at;
	size_t n;

	if (!*s) {
		parse_fail(p, p->pos, "the escape character ` has nothing to escape");
		return -1;
	}
	if (*s == '0') {
		parse_fail(p, p->pos, "the escape `0 (NUL) is not supported");
		return -1;
	}
	if (*s == 'u' && s[1] == '{') {
		char *end;
		unsigned long c = strtoul(s + 2, &end, 16);

		if (*end != '}' || end == s + 2 || c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
			parse_fail(p, p->pos, "`u{...} is no character");
			return -1;
		}
		text_encode(out, (uint32_t)c);
		p->pos += (size_t)(end + 1 - (s - 1));
		return 0;
	}
	at = strchr(from, *s);
	n = text_char(s);
	if (at)
		str_addc(out, to[at - from]);
	else if (*s != '\n') /* a continued line inside a word or string */
		str_addn(out, s, n);
	p->pos += 1 + n;
	return 0;
}

static bool flush_text(struct parser *p, struct node *n, struct str *text, size_t off)
{
	struct node *part;

	if (!text->len)
		return true;
	part = node_new(p->script, N_STRING, off);
	part->text = str_take(text);
	return parse_add(p, n, part);
}

/* $( ), $name or ${name} inside text; *ret_part is NULL where the '$' is plain text. */
static bool parse_text_part(struct parser *p, struct node **ret_part)
{
	size_t off = p->pos, n;
	char *name;

	*ret_part = NULL;
	if (lex_here(p)[1] == '(') {
		*ret_part = parse_primary(p);
		return *ret_part;
	}
	n = lex_variable(lex_here(p) + 1, &name);
	if (!n)
		return true;
	*ret_part = node_new(p->script, N_VAR, off);
	(*ret_part)->text = name;
	p->pos += 1 + n;
	return true;
}

struct node *parse_expandable(struct parser *p, size_t off, bool (*stop)(const struct parser *p), bool quoted)
{
	struct node *n = node_new(p->script, N_EXPAND, off), *part;
	_cleanup_str_ struct str text = {};
	size_t text_off = p->pos;

	while (!stop(p)) {
		size_t dq = quoted ? text_dquote(lex_here(p)) : 0;

		if (!lex_char(p))
			return parse_fail(p, off, "the string is not closed");
		if (lex_char(p) == '`') {
			if (parse_escape(p, &text) < 0)
				return NULL;
			continue;
		}
		if (lex_char(p) == '$') {
			if (!parse_text_part(p, &part))
				return NULL;
			if (part) {
				if (!flush_text(p, n, &text, text_off) || !parse_add(p, n, part))
					return NULL;
				text_off = p->pos;
				continue;
			}
		}
		if (dq) { /* a doubled quote: stop() lets no other pass */
			str_addc(&text, '"');
			p->pos += dq + text_dquote(lex_here(p) + dq);
			continue;
		}
		str_addc(&text, lex_char(p));
		p->pos++;
	}
	if (n->nkids == 0) {
		n->kind = N_STRING;
		n->text = str_take(&text);
		return n;
	}
	return flush_text(p, n, &text, text_off) ? n : NULL;
}

static bool stop_at_dquote(const struct parser *p)
{
	size_t n = text_dquote(lex_here(p));

	return n && !text_dquote(lex_here(p) + n);
}

static bool here_end(const char *s, bool single)
{
	size_t n;

	if (*s == '\r')
		s++;
	if (*s != '\n')
		return false;
	n = single ? text_squote(s + 1) : text_dquote(s + 1);
	return n && s[1 + n] == '@';
}

static bool stop_at_here(const struct parser *p)
{
	return here_end(lex_here(p), false);
}

static struct node *parse_single(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_STRING, off);
	_cleanup_str_ struct str text = {};

	for (;;) {
		size_t q = text_squote(lex_here(p));

		if (!lex_char(p))
			return parse_fail(p, off, "the string is not closed");
		if (!q) {
			str_addc(&text, lex_char(p));
			p->pos++;
			continue;
		}
		p->pos += q;
		q = text_squote(lex_here(p));
		if (!q)
			break;
		str_addc(&text, '\'');
		p->pos += q;
	}
	n->text = str_take(&text);
	return n;
}

/* @" or @' at the position. */
static struct node *parse_here_string(struct parser *p)
{
	size_t off = p->pos, dq = text_dquote(lex_here(p) + 1), sq = text_squote(lex_here(p) + 1);
	struct node *n;

	p->pos += 1 + dq + sq;
	while (text_blank(lex_here(p)))
		p->pos += text_blank(lex_here(p));
	if (lex_char(p) != '\n')
		return parse_fail(p, off, "a here-string must start on the line after its opening quote");
	/* An empty one ends on the very next line: its newline is both start and end. */
	if (!here_end(lex_here(p), sq))
		p->pos++;
	if (dq) {
		n = parse_expandable(p, off, stop_at_here, false);
		if (!n)
			return NULL;
	} else {
		size_t start = p->pos;

		while (lex_char(p) && !here_end(lex_here(p), true))
			p->pos++;
		if (!lex_char(p))
			return parse_fail(p, off, "the here-string is not closed");
		n = node_new(p->script, N_STRING, off);
		n->text = xstrndup(p->src + start, p->pos - start);
	}
	p->pos += lex_char(p) == '\r';
	p->pos++;
	p->pos += (sq ? text_squote(lex_here(p)) : text_dquote(lex_here(p))) + 1;
	return n;
}

/* A quoted string of any kind at the position. */
struct node *parse_quoted(struct parser *p)
{
	size_t off = p->pos, q;
	struct node *n;

	if (lex_char(p) == '@')
		return parse_here_string(p);
	q = text_squote(lex_here(p));
	if (q) {
		p->pos += q;
		return parse_single(p, off);
	}
	p->pos += text_dquote(lex_here(p));
	n = parse_expandable(p, off, stop_at_dquote, true);
	if (n)
		p->pos += text_dquote(lex_here(p));
	return n;
}

struct node *parse_variable(struct parser *p)
{
	size_t off = p->pos, n;
	struct node *v;
	char *name;

	n = lex_variable(lex_here(p) + 1, &name);
	if (!n)
		return parse_fail(p, off, "'$' is not followed by a variable's name");
	v = node_new(p->script, N_VAR, off);
	v->text = name;
	p->pos += 1 + n;
	return v;
}
