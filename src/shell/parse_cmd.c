/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "parser.h"
#include "text.h"

/* The characters that end a bare word (with blanks and newlines). */
static bool ends_word(const char *s)
{
	return !*s || *s == '\n' || strchr(";|&(){},<>", *s) || text_blank(s);
}

static bool stop_at_word_end(const struct parser *p)
{
	return ends_word(lex_here(p)) || text_dquote(lex_here(p)) || text_squote(lex_here(p));
}

/* A word that is more than one plain piece: text, "quoted", $variables, in any order. */
static struct node *parse_word(struct parser *p, struct node *first)
{
	size_t off = first ? first->off : p->pos;
	struct node *n = node_new(p->script, N_EXPAND, off), *part;

	if (first && !parse_add(p, n, first))
		return NULL;
	while (!ends_word(lex_here(p))) {
		if (text_dquote(lex_here(p)) || text_squote(lex_here(p)))
			part = parse_quoted(p);
		else
			part = parse_expandable(p, p->pos, stop_at_word_end, false);
		if (!part || !parse_add(p, n, part))
			return NULL;
	}
	return n->nkids == 1 && !first ? n->kids[0] : n;
}

/* A number keeps its text: -MacAddress 000000000011 means the digits, not eleven. */
static struct node *parse_bare(struct parser *p)
{
	size_t start = p->pos, len;
	struct node number = {}, *n = parse_word(p, NULL);

	if (!n || n->kind != N_STRING)
		return n;
	len = lex_number(p->src + start, &number);
	if (len && start + len == p->pos) {
		n->kind = number.kind;
		n->num = number.num;
		return n;
	}
	if (text_dash(p->src + start) == 1 && text_is_digit(p->src[start + 1])) {
		len = lex_number(p->src + start + 1, &number);
		if (len && start + 1 + len == p->pos) {
			n->kind = number.kind;
			if (n->kind == N_INT)
				n->num = -number.num;
			else
				n->real = -number.real;
		}
	}
	return n;
}

static struct node *parse_raw_block(struct parser *p)
{
	struct node *n = node_new(p->script, N_RAWBLOCK, p->pos);
	size_t end;

	p->pos++;
	end = lex_raw_block(p);
	if (end == SIZE_MAX)
		return parse_fail(p, n->off, "the block { is not closed");
	n->text = xstrndup(p->src + p->pos, end - p->pos);
	p->pos = end + 1;
	return n;
}

static struct node *parse_argument_item(struct parser *p, const struct node *command)
{
	const char *s = lex_here(p);
	struct node *n;

	if (*s == '{' && (command->flags & NF_HOSTED))
		return parse_raw_block(p);
	if (*s == '@' && text_is_word(s[1])) {
		n = node_new(p->script, N_SPLAT, p->pos);
		p->pos++;
		n->text = xstrndup(lex_here(p), lex_word(p));
		p->pos += lex_word(p);
		return n;
	}
	if (*s == '$' || *s == '(' || *s == '{' || text_dquote(s) || text_squote(s) ||
	    (*s == '@' && (s[1] == '(' || s[1] == '{' || text_dquote(s + 1) || text_squote(s + 1)))) {
		if (*s == '$' && s[1] != '(') { /* a lone $ is text */
			char *name;

			if (!lex_variable(s + 1, &name))
				return parse_bare(p);
			free(name);
		}
		n = parse_primary(p);
		n = n ? parse_postfix(p, n, true) : NULL;
		if (!n || ends_word(lex_here(p)) || n->kind == N_BLOCK)
			return n;
		return parse_word(p, n);
	}
	if (ends_word(s)) {
		_cleanup_free_ char *found = parse_found(p);

		return parse_fail(p, p->pos, "a value was expected, not %s", found);
	}
	return parse_bare(p);
}

/* One argument: an item or a comma list of them. */
static struct node *parse_argument(struct parser *p, const struct node *command)
{
	struct node *first = parse_argument_item(p, command), *list, *item;

	if (!first || !lex_skip(p))
		return NULL;
	if (lex_char(p) != ',')
		return first;
	list = node_new(p->script, N_ARRAY, first->off);
	if (!parse_add(p, list, first))
		return NULL;
	while (lex_take(p, ',')) {
		item = lex_skip_lines(p) ? parse_argument_item(p, command) : NULL;
		if (!item || !parse_add(p, list, item) || !lex_skip(p))
			return NULL;
	}
	return list;
}

static struct node *parse_parameter(struct parser *p, const struct node *command, size_t dash)
{
	struct node *n = node_new(p->script, N_PARAM, p->pos), *value;
	size_t len = 0;

	p->pos += dash;
	while (!ends_word(lex_here(p) + len) && lex_here(p)[len] != ':' && lex_here(p)[len] != '[' && lex_here(p)[len] != '.')
		len++;
	n->text = xstrndup(lex_here(p), len);
	p->pos += len;
	if (lex_take(p, ':')) {
		value = lex_skip(p) ? parse_argument(p, command) : NULL;
		if (!value || !parse_add(p, n, value))
			return NULL;
	}
	return n;
}

/* >$null, 2>$null, *>$null, 2>&1: the streams that can be thrown away. */
static bool parse_redirection(struct parser *p, struct node *command, bool *ret_taken)
{
	const char *s = lex_here(p);
	size_t off = p->pos, n = *s == '*' || (text_is_digit(*s) && *s >= '1' && *s <= '6') ? 1 : 0;

	*ret_taken = s[n] == '>';
	if (*s == '<') {
		parse_fail(p, off, "redirection of input ('<') is not supported");
		return false;
	}
	if (!*ret_taken)
		return true;
	p->pos += n + 1;
	p->pos += lex_char(p) == '>';
	if (!lex_skip(p))
		return false;
	if (strncasecmp(lex_here(p), "$null", 5) != 0 || text_is_word(lex_here(p)[5])) {
		parse_fail(p, off, "redirection is supported to $null only");
		return false;
	}
	p->pos += 5;
	if (*s == '2' || *s == '*')
		command->flags |= NF_NOERR;
	if (!n || *s == '1' || *s == '*')
		command->flags |= NF_NOOUT;
	return true;
}

static bool parse_command_part(struct parser *p, struct node *command, bool *dashdash)
{
	const char *s = lex_here(p);
	size_t dash = text_dash(s);
	struct node *arg;
	bool taken;

	if (!parse_redirection(p, command, &taken) || taken)
		return !p->failed;
	if (dash && !*dashdash && (text_is_alpha(s[dash]) || s[dash] == '_' || s[dash] == '?')) {
		arg = parse_parameter(p, command, dash);
	} else if (dash && !*dashdash && text_dash(s + dash) && ends_word(s + dash + text_dash(s + dash))) {
		p->pos += dash + text_dash(s + dash);
		*dashdash = true;
		return true;
	} else {
		arg = parse_argument(p, command);
		if (arg && *dashdash)
			arg->flags |= NF_DASHDASH;
	}
	return arg && parse_add(p, command, arg);
}

static bool parse_command_name(struct parser *p, struct node *n)
{
	const char *s = lex_here(p);
	struct node *callee;
	char *slash;
	size_t len = 0;

	if ((*s == '&' || *s == '.') && (text_blank(s + 1) || strchr("$({\"'", s[1]))) {
		n->flags |= NF_CALL;
		p->pos++;
		if (!lex_skip(p))
			return false;
		callee = parse_argument_item(p, n);
		return callee && parse_add(p, n, callee);
	}
	while (!ends_word(s + len) && s[len] != '=' && s[len] != '`' && s[len] != '$' && s[len] != '[' && !text_dquote(s + len) &&
	       !text_squote(s + len))
		len++;
	if (!len || !ends_word(s + len)) {
		_cleanup_free_ char *found = parse_found(p);

		parse_fail(p, p->pos, "a command was expected, not %s", found);
		return false;
	}
	n->text = xstrndup(s, len);
	slash = strrchr(n->text, '\\');
	if (slash && slash[1] && slash != n->text && *n->text != '.') /* Module\Command */
		memmove(n->text, slash + 1, strlen(slash + 1) + 1);
	for (char *c = n->text; *c; c++) { /* Get–VM */
		size_t dash = text_dash(c);

		if (dash > 1) {
			*c = '-';
			memmove(c + 1, c + dash, strlen(c + dash) + 1);
		}
	}
	p->pos += len;
	if (p->hooks && p->hooks->is_hosted(p->hooks->userdata, n->text))
		n->flags |= NF_HOSTED;
	return true;
}

struct node *parse_command(struct parser *p)
{
	struct node *n = node_new(p->script, N_COMMAND, p->pos);
	bool dashdash = false;

	if (!parse_command_name(p, n))
		return NULL;
	for (;;) {
		if (!lex_skip(p))
			return NULL;
		if (lex_at_end(p))
			return n;
		if (!parse_command_part(p, n, &dashdash))
			return NULL;
	}
}
