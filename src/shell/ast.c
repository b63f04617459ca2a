/* SPDX-License-Identifier: Apache-2.0 */
#include "ast.h"

#include <errno.h>

struct script *script_new(const char *name, const char *source, size_t size)
{
	struct script *s = xcalloc(1, sizeof(*s));

	s->refs = 1;
	s->name = xstrdup(name);
	s->source = xmalloc(size + 1);
	memcpy(s->source, source, size);
	s->source[size] = 0;
	s->size = size;
	return s;
}

struct script *script_ref(struct script *s)
{
	s->refs++;
	return s;
}

void script_unref(struct script *s)
{
	if (!s || --s->refs)
		return;
	vec_foreach(&s->nodes, n) {
		free((*n)->text);
		free((*n)->kids);
		free(*n);
	}
	vec_done(&s->nodes);
	free(s->name);
	free(s->source);
	free(s);
}

void script_position(const struct script *s, size_t off, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < off && i < s->size; i++) {
		if (s->source[i] == '\n') {
			line++;
			column = 1;
		} else if ((s->source[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

struct node *node_new(struct script *s, enum node_kind kind, size_t off)
{
	struct node *n = xcalloc(1, sizeof(*n));

	n->kind = kind;
	n->off = (unsigned)off;
	n->depth = 1;
	vec_push(&s->nodes, n);
	return n;
}

int node_add(struct node *n, struct node *kid)
{
	if (n->nkids == n->room) {
		n->room = n->room ? n->room * 2 : 4;
		n->kids = xreallocarray(n->kids, n->room, sizeof(*n->kids));
	}
	n->kids[n->nkids++] = kid;
	if (kid && kid->depth >= n->depth)
		n->depth = kid->depth + 1;
	return n->depth > SCRIPT_MAX_TREE ? -E2BIG : 0;
}

const char *op_name(int op)
{
	static const char *const names[] = {
		[OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/", [OP_MOD] = "%", [OP_RANGE] = "..",
		[OP_FORMAT] = "-f", [OP_AND] = "-and", [OP_OR] = "-or", [OP_XOR] = "-xor", [OP_BAND] = "-band",
		[OP_BOR] = "-bor", [OP_BXOR] = "-bxor", [OP_SHL] = "-shl", [OP_SHR] = "-shr", [OP_NOT] = "-not",
		[OP_BNOT] = "-bnot", [OP_NEG] = "-", [OP_POS] = "+", [OP_COMMA] = ",", [OP_EQ] = "-eq", [OP_NE] = "-ne",
		[OP_LT] = "-lt", [OP_LE] = "-le", [OP_GT] = "-gt", [OP_GE] = "-ge", [OP_LIKE] = "-like",
		[OP_NOTLIKE] = "-notlike", [OP_MATCH] = "-match", [OP_NOTMATCH] = "-notmatch", [OP_REPLACE] = "-replace",
		[OP_CONTAINS] = "-contains", [OP_NOTCONTAINS] = "-notcontains", [OP_IN] = "-in", [OP_NOTIN] = "-notin",
		[OP_SPLIT] = "-split", [OP_JOIN] = "-join", [OP_IS] = "-is", [OP_ISNOT] = "-isnot", [OP_AS] = "-as",
		[OP_INC] = "++", [OP_DEC] = "--", [OP_ANDAND] = "&&", [OP_OROR] = "||",
	};
	size_t i = (size_t)(op & ~OP_CASE);

	return i < ARRAY_SIZE(names) && names[i] ? names[i] : "?";
}
