/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "parser.h"
#include "text.h"
#include "types.h"

static struct node *parse_binary(struct parser *p, int min);

static struct node *make_unary(struct parser *p, size_t off, int op, struct node *operand)
{
	struct node *n = node_new(p->script, N_UNARY, off);

	n->op = op;
	return operand && parse_add(p, n, operand) ? n : NULL;
}

/* [name], [name[]], [System.name]; only consumed when it ends in ']'. */
struct node *parse_type_name(struct parser *p)
{
	size_t off = p->pos, n = 0;
	const char *s = lex_here(p) + 1;
	_cleanup_free_ char *name = NULL;
	struct node *t;
	bool list;
	int id;

	while (text_is_word(s[n]) || s[n] == '.' || s[n] == '+')
		n++;
	list = strncmp(s + n, "[]", 2) == 0;
	if (!n || s[n + (list ? 2 : 0)] != ']')
		return parse_fail(p, off, "'[' does not start a type here");
	name = xstrndup(s, n);
	id = type_find(name);
	if (id < 0)
		return parse_fail(p, off, "the type [%s] is not known", name);
	p->pos += n + (list ? 4 : 2);
	t = node_new(p->script, N_TYPE, off);
	t->op = list ? id | T_LIST : id;
	return t;
}

static bool starts_operand(struct parser *p)
{
	const char *s = lex_here(p);

	return *s == '$' || *s == '(' || *s == '@' || *s == '[' || *s == '{' || *s == '!' || text_is_digit(*s) ||
		text_dquote(s) || text_squote(s) || (*s == '.' && text_is_digit(s[1])) ||
		(text_dash(s) && s[text_dash(s)] != '=' && !text_is_alpha(s[text_dash(s)]));
}

static struct node *parse_type_or_cast(struct parser *p)
{
	struct node *t = parse_type_name(p), *operand;

	if (!t)
		return NULL;
	if (lex_here(p)[0] == ':' && lex_here(p)[1] == ':')
		return parse_postfix(p, t, false);
	if (!lex_skip(p))
		return NULL;
	if (!starts_operand(p) || lex_char(p) == '{')
		if (lex_char(p) != '{' || (t->op & ~T_LIST) != T_SCRIPTBLOCK)
			return t;
	operand = parse_unary(p);
	if (!operand)
		return NULL;
	t->kind = N_CAST;
	return parse_add(p, t, operand) ? t : NULL;
}

static struct node *parse_word_unary(struct parser *p, size_t off, size_t dash)
{
	static const struct { const char *name; int op; } ops[] = {
		{ "not", OP_NOT }, { "bnot", OP_BNOT }, { "join", OP_JOIN }, { "split", OP_SPLIT },
	};

	p->pos += dash;
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!lex_take_word(p, ops[i].name))
			continue;
		if (!lex_skip_lines(p))
			return NULL;
		return make_unary(p, off, ops[i].op, parse_unary(p));
	}
	p->pos = off;
	return parse_fail(p, off, "unknown operator '-%.*s'", (int)lex_word(p), lex_here(p) + dash);
}

static struct node *parse_dashed(struct parser *p, size_t off, size_t dash)
{
	size_t second = text_dash(lex_here(p) + dash);
	struct node *n, *operand;

	if (text_is_alpha(lex_here(p)[dash]))
		return parse_word_unary(p, off, dash);
	if (second) {
		p->pos += dash + second;
		n = node_new(p->script, N_INCDEC, off);
		n->op = OP_DEC;
		n->flags = NF_PREFIX;
		operand = lex_skip(p) ? parse_unary(p) : NULL;
		return operand && parse_add(p, n, operand) ? n : NULL;
	}
	p->pos += dash;
	return lex_skip(p) ? make_unary(p, off, OP_NEG, parse_unary(p)) : NULL;
}

static struct node *parse_unary_inner(struct parser *p)
{
	size_t off = p->pos, dash = text_dash(lex_here(p));
	struct node *n, *operand;

	if (dash)
		return parse_dashed(p, off, dash);
	if (lex_char(p) == '+') {
		bool inc = lex_here(p)[1] == '+';

		p->pos += inc ? 2 : 1;
		if (!lex_skip(p))
			return NULL;
		if (!inc)
			return make_unary(p, off, OP_POS, parse_unary(p));
		n = node_new(p->script, N_INCDEC, off);
		n->op = OP_INC;
		n->flags = NF_PREFIX;
		operand = parse_unary(p);
		return operand && parse_add(p, n, operand) ? n : NULL;
	}
	if (lex_take(p, '!'))
		return lex_skip(p) ? make_unary(p, off, OP_NOT, parse_unary(p)) : NULL;
	if (lex_char(p) == ',' && !p->no_comma) {
		p->pos++;
		n = node_new(p->script, N_ARRAY, off);
		operand = lex_skip_lines(p) ? parse_unary(p) : NULL;
		return operand && parse_add(p, n, operand) ? n : NULL;
	}
	if (lex_char(p) == '[')
		return parse_type_or_cast(p);
	n = parse_primary(p);
	return n ? parse_postfix(p, n, false) : NULL;
}

struct node *parse_unary(struct parser *p)
{
	struct node *n;

	if (!parse_enter(p))
		return NULL;
	n = parse_unary_inner(p);
	parse_leave(p);
	return n;
}

static struct node *parse_array(struct parser *p)
{
	struct node *first = parse_unary(p), *list, *item;

	if (!first || !lex_skip(p))
		return NULL;
	if (lex_char(p) != ',' || p->no_comma)
		return first;
	list = node_new(p->script, N_ARRAY, first->off);
	if (!parse_add(p, list, first))
		return NULL;
	while (lex_take(p, ',')) {
		if (!lex_skip_lines(p))
			return NULL;
		item = parse_unary(p);
		if (!item || !parse_add(p, list, item) || !lex_skip(p))
			return NULL;
	}
	return list;
}

static struct node *parse_binary(struct parser *p, int min)
{
	struct node *left = parse_array(p), *right, *n;
	int op, precedence;
	size_t len, off;

	if (!left)
		return NULL;
	for (;;) {
		if (!lex_skip(p))
			return NULL;
		off = p->pos;
		len = lex_binary(p, &op, &precedence);
		if (p->failed)
			return NULL;
		if (!len || precedence < min)
			return left;
		p->pos += len;
		if (!lex_skip_lines(p))
			return NULL;
		right = parse_binary(p, precedence + 1);
		if (!right)
			return NULL;
		n = node_new(p->script, N_BINARY, off);
		n->op = op;
		if (!parse_add(p, n, left) || !parse_add(p, n, right))
			return NULL;
		left = n;
	}
}

struct node *parse_expression(struct parser *p)
{
	return parse_binary(p, 1);
}

/* A bracketed list of statements or one pipeline: $( ), @( ), ( ). */
static struct node *parse_bracketed(struct parser *p, enum node_kind kind, size_t open)
{
	struct node *n = node_new(p->script, kind, p->pos), *inner;
	bool no_comma = p->no_comma;

	p->pos += open;
	if (!parse_enter(p))
		return NULL;
	p->no_comma = false;
	if (kind == N_PAREN) {
		inner = lex_skip_lines(p) ? parse_statement(p) : NULL;
		if (inner && !lex_skip_lines(p))
			inner = NULL;
	} else {
		inner = parse_statements(p, ')');
	}
	p->no_comma = no_comma;
	parse_leave(p);
	if (!inner || !parse_add(p, n, inner))
		return NULL;
	return parse_expect(p, ')', "')'") ? n : NULL;
}

static struct node *parse_hash_key(struct parser *p)
{
	size_t n = lex_word(p);
	struct node *key;

	if (!n || text_is_digit(lex_char(p)))
		return parse_unary(p);
	key = node_new(p->script, N_STRING, p->pos);
	key->text = xstrndup(lex_here(p), n);
	p->pos += n;
	return key;
}

static struct node *parse_hash(struct parser *p)
{
	struct node *n = node_new(p->script, N_HASH, p->pos), *key, *value;
	bool no_comma = p->no_comma;

	p->pos += 2;
	if (!parse_enter(p))
		return NULL;
	p->no_comma = false;
	for (;;) {
		if (!lex_skip_ends(p))
			return NULL;
		if (lex_take(p, '}'))
			break;
		key = parse_hash_key(p);
		if (!key || !lex_skip(p) || !parse_expect(p, '=', "'=' after the key of a hash table") || !lex_skip_lines(p))
			return NULL;
		value = parse_statement(p);
		if (!value || !parse_add(p, n, key) || !parse_add(p, n, value) || !lex_skip(p))
			return NULL;
		if (lex_char(p) != ';' && lex_char(p) != '\n' && lex_char(p) != '}') {
			_cleanup_free_ char *found = parse_found(p);

			return parse_fail(p, p->pos, "the hash table @{ is not closed: '}' or ';' expected before %s", found);
		}
	}
	p->no_comma = no_comma;
	parse_leave(p);
	return n;
}

static struct node *parse_braced(struct parser *p)
{
	size_t off = p->pos++;
	struct node *n;
	bool no_comma = p->no_comma;

	if (!parse_enter(p))
		return NULL;
	p->no_comma = false;
	n = parse_block_content(p, off);
	p->no_comma = no_comma;
	parse_leave(p);
	return n;
}

struct node *parse_primary(struct parser *p)
{
	const char *s = lex_here(p);
	_cleanup_free_ char *found = NULL;
	struct node *n;
	size_t len;

	if (*s == '$' && s[1] == '(')
		return parse_bracketed(p, N_SUB, 2);
	if (*s == '$')
		return parse_variable(p);
	if (*s == '@' && s[1] == '(')
		return parse_bracketed(p, N_ARRAYSUB, 2);
	if (*s == '@' && s[1] == '{')
		return parse_hash(p);
	if (text_dquote(s) || text_squote(s) || (*s == '@' && (text_dquote(s + 1) || text_squote(s + 1))))
		return parse_quoted(p);
	if (*s == '(')
		return parse_bracketed(p, N_PAREN, 1);
	if (*s == '{')
		return parse_braced(p);
	if (text_is_digit(*s) || (*s == '.' && text_is_digit(s[1]))) {
		n = node_new(p->script, N_INT, p->pos);
		len = lex_number(s, n);
		if (!len || text_is_word(s[len]))
			return parse_fail(p, p->pos, "'%.*s' is no number", (int)strcspn(s, " \t\r\n;|)}"), s);
		p->pos += len;
		return n;
	}
	found = parse_found(p);
	return parse_fail(p, p->pos, "an expression was expected, not %s", found);
}

static struct node *parse_member_name(struct parser *p)
{
	const char *s = lex_here(p);
	size_t n = lex_word(p);
	struct node *name;

	if (*s == '$')
		return parse_variable(p);
	if (*s == '(')
		return parse_bracketed(p, N_PAREN, 1);
	if (text_dquote(s) || text_squote(s))
		return parse_quoted(p);
	if (!n)
		return parse_fail(p, p->pos, "the name of a property or method is missing after '.'");
	name = node_new(p->script, N_STRING, p->pos);
	name->text = xstrndup(s, n);
	p->pos += n;
	return name;
}

static bool parse_arguments(struct parser *p, struct node *call)
{
	bool no_comma = p->no_comma;
	struct node *arg;

	p->pos++;
	if (!parse_enter(p) || !lex_skip_lines(p))
		return false;
	p->no_comma = true;
	while (lex_char(p) != ')') {
		arg = parse_expression(p);
		if (!arg || !parse_add(p, call, arg) || !lex_skip_lines(p))
			return false;
		if (lex_char(p) == ')')
			break;
		if (!parse_expect(p, ',', "',' or ')' in the arguments of a method") || !lex_skip_lines(p))
			return false;
	}
	p->pos++;
	p->no_comma = no_comma;
	parse_leave(p);
	return true;
}

/* Names are checked here, before anything runs: what is called by a fixed name must be known. */
static bool check_member(struct parser *p, const struct node *object, const struct node *name, const struct node *n)
{
	bool call = n->kind == N_INVOKE;

	if (name->kind != N_STRING)
		return !call || parse_fail(p, name->off, "a method must be called by its plain name");
	if (n->flags & NF_STATIC) {
		if (object->kind == N_TYPE && !type_static_known(object->op, name->text, call)) {
			parse_fail(p, name->off, "[%s]::%s%s is not known", type_name(object->op), name->text, call ? "()" : "");
			return false;
		}
		return true;
	}
	if (call && !method_known(name->text)) {
		parse_fail(p, name->off, "the method .%s() is not known", name->text);
		return false;
	}
	return true;
}

static struct node *parse_member(struct parser *p, struct node *left, bool is_static)
{
	struct node *n = node_new(p->script, N_MEMBER, p->pos), *name;

	p->pos += is_static ? 2 : 1;
	if (is_static)
		n->flags = NF_STATIC;
	if (is_static && left->kind != N_TYPE)
		return parse_fail(p, n->off, "'::' must follow a [type]");
	name = parse_member_name(p);
	if (!name || !parse_add(p, n, left) || !parse_add(p, n, name))
		return NULL;
	if (lex_char(p) == '(') {
		n->kind = N_INVOKE;
		if (!parse_arguments(p, n))
			return NULL;
	}
	return check_member(p, left, name, n) ? n : NULL;
}

static struct node *parse_index(struct parser *p, struct node *left)
{
	struct node *n = node_new(p->script, N_INDEX, p->pos), *index;
	bool no_comma = p->no_comma;

	p->pos++;
	if (!parse_enter(p) || !lex_skip_lines(p))
		return NULL;
	p->no_comma = false;
	index = parse_expression(p);
	p->no_comma = no_comma;
	parse_leave(p);
	if (!index || !lex_skip_lines(p) || !parse_expect(p, ']', "']'"))
		return NULL;
	return parse_add(p, n, left) && parse_add(p, n, index) ? n : NULL;
}

/* .name, .Method(), ::static, [index], ++, --: directly behind, without blanks. */
struct node *parse_postfix(struct parser *p, struct node *left, bool in_command)
{
	while (left) {
		const char *s = lex_here(p);
		size_t dash = text_dash(s);

		if (*s == '.' && s[1] != '.' && !text_is_digit(s[1]) &&
		    (!in_command || text_is_word(s[1]) || s[1] == '$' || s[1] == '(' || s[1] == '"')) {
			left = parse_member(p, left, false);
		} else if (*s == ':' && s[1] == ':') {
			left = parse_member(p, left, true);
		} else if (*s == '[') {
			left = parse_index(p, left);
		} else if (!in_command && ((*s == '+' && s[1] == '+') || (dash && text_dash(s + dash)))) {
			struct node *n = node_new(p->script, N_INCDEC, p->pos);

			n->op = *s == '+' ? OP_INC : OP_DEC;
			p->pos += *s == '+' ? 2 : dash + text_dash(s + dash);
			left = parse_add(p, n, left) ? n : NULL;
		} else {
			break;
		}
	}
	return left;
}
