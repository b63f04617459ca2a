/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "parser.h"
#include "text.h"

static struct node *parse_condition(struct parser *p, const char *of)
{
	struct node *n;

	if (!lex_skip_lines(p) || !parse_expect(p, '(', of) || !lex_skip_lines(p))
		return NULL;
	n = parse_statement(p);
	if (!n || !lex_skip_lines(p) || !parse_expect(p, ')', "')'"))
		return NULL;
	return n;
}

/* { statements } */
struct node *parse_body(struct parser *p, const char *of)
{
	struct node *n;

	if (!lex_skip_lines(p) || !parse_expect(p, '{', of))
		return NULL;
	n = parse_statements(p, '}');
	return n && parse_expect(p, '}', "'}'") ? n : NULL;
}

static struct node *parse_if(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_IF, off);
	size_t back;

	do {
		struct node *condition = parse_condition(p, "'(' after if");
		struct node *body = condition ? parse_body(p, "'{' after the condition of if") : NULL;

		if (!body || !parse_add(p, n, condition) || !parse_add(p, n, body))
			return NULL;
		back = p->pos;
		if (!lex_skip_lines(p))
			return NULL;
	} while (lex_take_word(p, "elseif"));
	if (lex_take_word(p, "else")) {
		struct node *body = parse_body(p, "'{' after else");

		return body && parse_add(p, n, body) ? n : NULL;
	}
	p->pos = back;
	return n;
}

static bool parse_switch_option(struct parser *p, struct node *n)
{
	size_t off = p->pos;

	p->pos += text_dash(lex_here(p));
	if (lex_take_word(p, "wildcard"))
		n->flags |= NF_WILDCARD;
	else if (lex_take_word(p, "regex"))
		n->flags |= NF_REGEX;
	else if (lex_take_word(p, "casesensitive"))
		n->flags |= NF_CASE;
	else if (!lex_take_word(p, "exact")) {
		parse_fail(p, off, "unknown option -%.*s of switch", (int)lex_word(p), lex_here(p));
		return false;
	}
	return lex_skip_lines(p);
}

static bool parse_switch_clause(struct parser *p, struct node *n)
{
	struct node *pattern = NULL, *body, *word;
	size_t len = lex_word(p);

	if (!lex_take_word(p, "default")) {
		if (len && !text_is_digit(lex_char(p))) {
			word = node_new(p->script, N_STRING, p->pos);
			len = strcspn(lex_here(p), " \t\r\n{;");
			word->text = xstrndup(lex_here(p), len);
			p->pos += len;
			pattern = word;
		} else {
			pattern = parse_unary(p);
			if (!pattern)
				return false;
		}
	}
	body = parse_body(p, "'{' after a pattern of switch");
	return body && parse_add(p, n, pattern) && parse_add(p, n, body);
}

static struct node *parse_switch(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_SWITCH, off), *value;

	if (!lex_skip_lines(p))
		return NULL;
	while (text_dash(lex_here(p)))
		if (!parse_switch_option(p, n))
			return NULL;
	value = parse_condition(p, "'(' after switch");
	if (!value || !parse_add(p, n, value) || !lex_skip_lines(p) || !parse_expect(p, '{', "'{' of switch"))
		return NULL;
	for (;;) {
		if (!lex_skip_ends(p))
			return NULL;
		if (lex_take(p, '}'))
			return n;
		if (!lex_char(p))
			return parse_fail(p, off, "the switch is not closed");
		if (!parse_switch_clause(p, n))
			return NULL;
	}
}

static bool parse_for_part(struct parser *p, struct node *n, char end)
{
	struct node *part = NULL;

	if (!lex_skip_lines(p))
		return false;
	if (lex_char(p) != end) {
		part = parse_statement(p);
		if (!part || !lex_skip_lines(p))
			return false;
	}
	return parse_add(p, n, part) && parse_expect(p, end, end == ';' ? "';' in for" : "')' of for");
}

static struct node *parse_for(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_FOR, off), *body;

	if (!lex_skip_lines(p) || !parse_expect(p, '(', "'(' after for"))
		return NULL;
	if (!parse_for_part(p, n, ';') || !parse_for_part(p, n, ';') || !parse_for_part(p, n, ')'))
		return NULL;
	body = parse_body(p, "'{' after for");
	return body && parse_add(p, n, body) ? n : NULL;
}

static struct node *parse_foreach(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_FOREACH, off), *part;

	if (!lex_skip_lines(p) || !parse_expect(p, '(', "'(' after foreach") || !lex_skip_lines(p))
		return NULL;
	if (lex_char(p) != '$')
		return parse_fail(p, p->pos, "a variable was expected after foreach (");
	part = parse_variable(p);
	if (!part || !parse_add(p, n, part) || !lex_skip_lines(p))
		return NULL;
	if (!lex_take_word(p, "in"))
		return parse_fail(p, p->pos, "'in' was expected in foreach");
	part = lex_skip_lines(p) ? parse_statement(p) : NULL;
	if (!part || !parse_add(p, n, part) || !lex_skip_lines(p) || !parse_expect(p, ')', "')' of foreach"))
		return NULL;
	part = parse_body(p, "'{' after foreach");
	return part && parse_add(p, n, part) ? n : NULL;
}

static struct node *parse_while(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_WHILE, off);
	struct node *condition = parse_condition(p, "'(' after while");
	struct node *body = condition ? parse_body(p, "'{' after while") : NULL;

	return body && parse_add(p, n, condition) && parse_add(p, n, body) ? n : NULL;
}

static struct node *parse_do(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_DO, off), *body = parse_body(p, "'{' after do"), *condition;

	if (!body || !parse_add(p, n, body) || !lex_skip_lines(p))
		return NULL;
	if (lex_take_word(p, "while"))
		n->op = OP_WHILE;
	else if (lex_take_word(p, "until"))
		n->op = OP_UNTIL;
	else
		return parse_fail(p, p->pos, "'while' or 'until' was expected after do { }");
	condition = parse_condition(p, "'(' after do { } while");
	return condition && parse_add(p, n, condition) ? n : NULL;
}

static struct node *parse_function(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_FUNCTION, off), *params = NULL, *block;
	size_t len;

	if (!lex_skip(p))
		return NULL;
	len = strcspn(lex_here(p), " \t\r\n({;|");
	if (!len)
		return parse_fail(p, p->pos, "the name of the function is missing");
	n->text = xstrndup(lex_here(p), len);
	p->pos += len;
	if (!lex_skip_lines(p))
		return NULL;
	if (lex_char(p) == '(') {
		params = parse_params(p);
		if (!params || !lex_skip_lines(p))
			return NULL;
	}
	if (!parse_expect(p, '{', "'{' of the function"))
		return NULL;
	block = parse_block_content(p, p->pos - 1);
	if (!block)
		return NULL;
	if (params) {
		if (block->kids[0])
			return parse_fail(p, block->kids[0]->off, "the function has its parameters already");
		block->kids[0] = params;
	}
	return parse_add(p, n, block) ? n : NULL;
}

static struct node *parse_catch(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_CATCH, off), *body;
	struct str types = {};

	while (lex_skip_lines(p) && lex_char(p) == '[') {
		size_t len = strcspn(lex_here(p), "]\n");

		if (types.len)
			str_addc(&types, ',');
		str_addn(&types, lex_here(p) + 1, len - 1);
		p->pos += len + (lex_here(p)[len] == ']');
		if (lex_skip_lines(p))
			lex_take(p, ',');
	}
	n->text = types.len ? str_take(&types) : NULL;
	str_done(&types);
	body = parse_body(p, "'{' after catch");
	return body && parse_add(p, n, body) ? n : NULL;
}

static struct node *parse_try(struct parser *p, size_t off)
{
	struct node *n = node_new(p->script, N_TRY, off), *part = parse_body(p, "'{' after try");
	size_t back;

	if (!part || !parse_add(p, n, part))
		return NULL;
	for (;;) {
		size_t at;

		back = p->pos;
		if (!lex_skip_lines(p))
			return NULL;
		at = p->pos;
		if (lex_take_word(p, "catch"))
			part = parse_catch(p, at);
		else if (lex_take_word(p, "finally"))
			part = parse_body(p, "'{' after finally");
		else
			break;
		if (!part || !parse_add(p, n, part))
			return NULL;
		if (part->kind != N_CATCH) {
			return n;
		}
	}
	p->pos = back;
	return n->nkids > 1 ? n : parse_fail(p, off, "try has neither catch nor finally");
}

static struct node *parse_leaving(struct parser *p, enum node_kind kind, size_t off)
{
	struct node *n = node_new(p->script, kind, off), *value;

	if (!lex_skip(p))
		return NULL;
	if (lex_at_end(p))
		return n;
	if (kind == N_BREAK || kind == N_CONTINUE)
		return parse_fail(p, p->pos, "labels of loops are not supported");
	value = parse_pipeline(p);
	return value && parse_add(p, n, value) ? n : NULL;
}

static struct node *parse_return(struct parser *p, size_t off) { return parse_leaving(p, N_RETURN, off); }
static struct node *parse_throw(struct parser *p, size_t off) { return parse_leaving(p, N_THROW, off); }
static struct node *parse_exit(struct parser *p, size_t off) { return parse_leaving(p, N_EXIT, off); }
static struct node *parse_break(struct parser *p, size_t off) { return parse_leaving(p, N_BREAK, off); }
static struct node *parse_continue(struct parser *p, size_t off) { return parse_leaving(p, N_CONTINUE, off); }

static const struct {
	const char *word;
	struct node *(*parse)(struct parser *p, size_t off);
} keywords[] = {
	{ "if", parse_if },	      { "switch", parse_switch }, { "for", parse_for },
	{ "foreach", parse_foreach }, { "while", parse_while },	  { "do", parse_do },
	{ "function", parse_function }, { "try", parse_try },	  { "throw", parse_throw },
	{ "return", parse_return },   { "exit", parse_exit },	  { "break", parse_break },
	{ "continue", parse_continue },
};

static const char *const refused[] = {
	"class", "enum", "using", "workflow", "parallel", "sequence", "configuration", "data", "trap", "filter", "dynamicparam",
	"inlinescript", "elseif", "else", "catch", "finally", "until", "begin", "process", "end", "param",
};

static struct node *parse_statement_inner(struct parser *p)
{
	size_t off = p->pos;

	if (lex_char(p) == ':' && text_is_alpha(lex_here(p)[1]))
		return parse_fail(p, off, "labels of loops are not supported");
	for (size_t i = 0; i < ARRAY_SIZE(keywords); i++)
		if (lex_take_word(p, keywords[i].word))
			return keywords[i].parse(p, off);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (lex_take_word(p, refused[i]))
			return parse_fail(p, off, "'%s' is not supported here", refused[i]);
	return parse_pipeline(p);
}

struct node *parse_statement(struct parser *p)
{
	struct node *n;

	if (!parse_enter(p))
		return NULL;
	n = parse_statement_inner(p);
	parse_leave(p);
	return n;
}

struct node *parse_statements(struct parser *p, char closer)
{
	struct node *n = node_new(p->script, N_STATEMENTS, p->pos), *s;

	for (;;) {
		if (!lex_skip_ends(p))
			return NULL;
		if (lex_char(p) == closer)
			return n;
		if (!lex_char(p))
			return parse_fail(p, n->off ? n->off - 1 : 0, "the bracket is not closed: '%c' is missing", closer);
		s = parse_statement(p);
		if (!s || !parse_add(p, n, s) || !lex_skip(p))
			return NULL;
		if (s->kind >= N_IF && s->kind <= N_TRY) /* ends in '}': no separator needed */
			continue;
		if (lex_char(p) != ';' && lex_char(p) != '\n' && lex_char(p) != closer) {
			_cleanup_free_ char *found = parse_found(p);

			return parse_fail(p, p->pos, "unexpected %s", found);
		}
	}
}
