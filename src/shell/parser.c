/* SPDX-License-Identifier: Apache-2.0 */
#include "parser.h"

#include <errno.h>
#include <strings.h>

#include "text.h"
#include "types.h"

void *parse_fail(struct parser *p, size_t off, const char *format, ...)
{
	va_list ap;

	if (p->failed)
		return NULL;
	p->failed = true;
	p->error_off = off;
	va_start(ap, format);
	p->error = xvasprintf(format, ap);
	va_end(ap);
	return NULL;
}

char *parse_found(struct parser *p)
{
	const char *s = lex_here(p);
	size_t n = 0;

	if (!*s)
		return xstrdup("the end of the text");
	if (*s == '\n')
		return xstrdup("the end of the line");
	while (text_is_word(s[n]) && n < 40)
		n++;
	while (n && (s[n] & 0xc0) == 0x80)
		n--;
	return xasprintf("'%.*s'", (int)(n ? n : text_char(s)), s);
}

bool parse_enter(struct parser *p)
{
	/* A statement, its expression and its operand count for one bracket each. */
	if (p->nesting >= 3 * SCRIPT_MAX_NESTING) {
		parse_fail(p, p->pos, "nested deeper than %u levels", SCRIPT_MAX_NESTING);
		return false;
	}
	p->nesting++;
	return true;
}

bool parse_add(struct parser *p, struct node *n, struct node *kid)
{
	if (node_add(n, kid) == 0)
		return true;
	parse_fail(p, n->off, "the expression has more than %u levels", SCRIPT_MAX_TREE);
	return false;
}

bool parse_expect(struct parser *p, char c, const char *what)
{
	_cleanup_free_ char *found = NULL;

	if (lex_take(p, c))
		return true;
	found = parse_found(p);
	parse_fail(p, p->pos, "%s expected, not %s", what, found);
	return false;
}

static bool starts_expression(struct parser *p)
{
	const char *s = lex_here(p);
	size_t dash = text_dash(s);

	if (*s == '$' || *s == '(' || *s == '{' || *s == '[' || *s == '!' || *s == ',' || *s == '+' || text_dquote(s) ||
	    text_squote(s) || dash)
		return true;
	if (*s == '@')
		return !text_is_word(s[1]);
	if (text_is_digit(*s) || (*s == '.' && text_is_digit(s[1]))) {
		struct node n;
		size_t len = lex_number(s, &n);

		return len && !text_is_word(s[len]);
	}
	return false;
}

static bool is_target(const struct node *n)
{
	if (n->kind == N_CAST)
		return is_target(n->kids[0]);
	if (n->kind == N_ARRAY) {
		for (size_t i = 0; i < n->nkids; i++)
			if (!is_target(n->kids[i]))
				return false;
		return true;
	}
	return n->kind == N_VAR || n->kind == N_MEMBER || n->kind == N_INDEX;
}

static struct node *parse_assignment(struct parser *p, struct node *target)
{
	struct node *n = node_new(p->script, N_ASSIGN, target->off), *value;

	if (!is_target(target))
		return parse_fail(p, p->pos, "only a variable, property or item can be assigned to");
	p->pos += lex_assign(p, &n->op);
	if (!lex_skip_lines(p))
		return NULL;
	value = parse_statement(p);
	return value && parse_add(p, n, target) && parse_add(p, n, value) ? n : NULL;
}

/* Whether a '|' comes next, perhaps at the start of the next line; consumes it. */
static bool take_pipe(struct parser *p)
{
	size_t back = p->pos;

	if (!lex_skip_lines(p))
		return false;
	if (lex_char(p) == '|' && lex_here(p)[1] != '|') {
		p->pos++;
		return true;
	}
	p->pos = back;
	return false;
}

static struct node *parse_single_pipeline(struct parser *p)
{
	struct node *first, *n, *command;
	int op;

	if (starts_expression(p)) {
		first = parse_expression(p);
		if (!first || !lex_skip(p))
			return NULL;
		if (lex_assign(p, &op))
			return parse_assignment(p, first);
		/* 2>$null behind an expression has nothing to throw away, but stands in scripts. */
	} else {
		first = parse_command(p);
	}
	if (!first)
		return NULL;
	n = node_new(p->script, N_PIPELINE, first->off);
	if (!parse_add(p, n, first))
		return NULL;
	while (take_pipe(p)) {
		if (!lex_skip_lines(p))
			return NULL;
		command = parse_command(p);
		if (!command || !parse_add(p, n, command))
			return NULL;
	}
	return p->failed ? NULL : n;
}

struct node *parse_pipeline(struct parser *p)
{
	struct node *left = parse_single_pipeline(p), *right, *n;

	while (left) {
		const char *s;

		if (!lex_skip(p))
			return NULL;
		s = lex_here(p);
		if (*s != '&' && *s != '|')
			return left;
		if (s[0] != s[1])
			return parse_fail(p, p->pos, "'%c' is not supported here", *s);
		n = node_new(p->script, N_CHAIN, p->pos);
		n->op = *s == '&' ? OP_ANDAND : OP_OROR;
		p->pos += 2;
		right = lex_skip_lines(p) ? parse_single_pipeline(p) : NULL;
		if (!right || !parse_add(p, n, left) || !parse_add(p, n, right))
			return NULL;
		left = n;
	}
	return NULL;
}

/* Skips [Attribute(...)]; only what changes nothing here, or is understood, is accepted. */
static bool parse_attribute(struct parser *p, struct node *param, bool *ret_taken)
{
	static const char *const known[] = { "parameter", "cmdletbinding", "outputtype", "allownull", "allowemptystring",
					     "allowemptycollection" };
	const char *s = lex_here(p) + 1;
	size_t n = 0, close;

	while (text_is_word(s[n]) || s[n] == '.')
		n++;
	*ret_taken = s[n] == '(';
	if (!*ret_taken)
		return true;
	close = strcspn(s + n, ")\n");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		_cleanup_free_ char *inner = NULL;

		if (n != strlen(known[i]) || strncasecmp(s, known[i], n) != 0 || s[n + close] != ')' || s[n + close + 1] != ']')
			continue;
		inner = xstrndup(s + n, close);
		if (param && strcasestr(inner, "mandatory") && !strcasestr(inner, "$false"))
			param->flags |= NF_MANDATORY;
		p->pos += 1 + n + close + 2;
		return true;
	}
	parse_fail(p, p->pos, "the attribute [%.*s()] is not supported", (int)MIN(n, 60u), s);
	return false;
}

static struct node *parse_param(struct parser *p)
{
	struct node *n = node_new(p->script, N_PARAMDEF, p->pos), *part;
	bool taken;

	n->op = -1;
	while (lex_char(p) == '[') {
		if (!parse_attribute(p, n, &taken))
			return NULL;
		if (!taken) {
			part = parse_type_name(p);
			if (!part)
				return NULL;
			n->op = part->op;
		}
		if (!lex_skip_lines(p))
			return NULL;
	}
	if (lex_char(p) != '$')
		return parse_fail(p, p->pos, "a parameter $name was expected");
	part = parse_variable(p);
	if (!part)
		return NULL;
	n->text = xstrdup(part->text);
	n->off = part->off;
	if (!lex_skip_lines(p) || !lex_take(p, '='))
		return p->failed ? NULL : n;
	p->no_comma = true;
	part = lex_skip_lines(p) ? parse_expression(p) : NULL;
	p->no_comma = false;
	return part && parse_add(p, n, part) ? n : NULL;
}

/* ( $a, [int]$b = 1 ) */
struct node *parse_params(struct parser *p)
{
	struct node *n = node_new(p->script, N_PARAMS, p->pos), *param;

	if (!parse_expect(p, '(', "'(' of the parameters") || !lex_skip_lines(p))
		return NULL;
	while (!lex_take(p, ')')) {
		param = parse_param(p);
		if (!param || !parse_add(p, n, param) || !lex_skip_lines(p))
			return NULL;
		if (lex_char(p) != ')' && (!parse_expect(p, ',', "',' or ')' in the parameters") || !lex_skip_lines(p)))
			return NULL;
	}
	return n;
}

static bool parse_named_parts(struct parser *p, struct node **parts)
{
	static const char *const names[] = { "begin", "process", "end" };
	bool any = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t back = p->pos;

		if (!lex_take_word(p, names[i]))
			continue;
		if (!lex_skip_lines(p))
			return false;
		if (lex_char(p) != '{') { /* a command of that name */
			p->pos = back;
			continue;
		}
		parts[i] = parse_body(p, "'{'");
		if (!parts[i] || !lex_skip_ends(p))
			return false;
		any = true;
		i = (size_t)-1;
	}
	return any;
}

/* What stands in a block: [CmdletBinding()] param() and statements, or begin, process and end; "" is the whole script. */
static struct node *parse_content(struct parser *p, size_t off, char closer)
{
	struct node *n = node_new(p->script, N_BLOCK, off), *params = NULL, *parts[3] = {};
	size_t back;
	bool taken = true;

	if (!lex_skip_ends(p))
		return NULL;
	back = p->pos;
	while (lex_char(p) == '[' && taken) {
		const char *s = lex_here(p) + 1;

		if (strncasecmp(s, "cmdletbinding(", 14) != 0 && strncasecmp(s, "outputtype(", 11) != 0)
			break;
		if (!parse_attribute(p, NULL, &taken) || !lex_skip_ends(p))
			return NULL;
	}
	if (lex_take_word(p, "param")) {
		if (!lex_skip_lines(p))
			return NULL;
		params = parse_params(p);
		if (!params || !lex_skip_ends(p))
			return NULL;
	} else {
		p->pos = back;
	}
	if (!parse_named_parts(p, parts)) {
		if (p->failed)
			return NULL;
		parts[2] = parse_statements(p, closer);
		if (!parts[2])
			return NULL;
	}
	if (!parse_add(p, n, params) || !parse_add(p, n, parts[0]) || !parse_add(p, n, parts[1]) || !parse_add(p, n, parts[2]))
		return NULL;
	return n;
}

struct node *parse_block_content(struct parser *p, size_t off)
{
	struct node *n = parse_content(p, off, '}');

	if (!n || !parse_expect(p, '}', "'}'"))
		return NULL;
	/* For messages and for passing a block on as text. */
	n->text = xstrndup(p->src + off + 1, p->pos - off - 2);
	return n;
}

int parse_script(const char *name, const char *source, size_t size, const struct parse_hooks *hooks,
		 struct script **ret, struct parse_error *ret_error)
{
	_cleanup_script_ struct script *s = NULL;
	struct parser p = { .hooks = hooks };

	if (size > SCRIPT_MAX_SIZE) {
		*ret_error = (struct parse_error){ 1, 1, xasprintf("the script is larger than %u bytes", SCRIPT_MAX_SIZE) };
		return -EINVAL;
	}
	s = script_new(name, source, size);
	p.script = s;
	p.src = s->source;
	p.error_off = text_validate(source, size);
	if (p.error_off < size)
		parse_fail(&p, p.error_off, "a byte that is no UTF-8 text");
	else
		s->root = parse_content(&p, 0, 0);
	if (s->root && lex_char(&p))
		parse_fail(&p, p.pos, "unexpected '%c'", lex_char(&p));
	if (!p.failed) {
		*ret = TAKE_PTR(s);
		return 0;
	}
	ret_error->message = p.error;
	script_position(s, p.error_off, &ret_error->line, &ret_error->column);
	return -EINVAL;
}
