/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "str.h"
#include "util.h"
#include "vec.h"

#define SCRIPT_MAX_SIZE (4u << 20)
#define SCRIPT_MAX_NESTING 200u
/* Left-deep chains (1+1+1...) nest the tree without nesting brackets. */
#define SCRIPT_MAX_TREE 1000u

/* Kinds of tree nodes, with what kids[] holds; [x] may be NULL. */
enum node_kind {
	/* Expressions. */
	N_INT,        /* num; text: as written, when it stood as a command's argument */
	N_REAL,       /* real; text as above */
	N_STRING,     /* text */
	N_EXPAND,     /* parts of an expandable string */
	N_VAR,        /* text: name, scope prefix included */
	N_ARRAY,      /* items of a comma list */
	N_PAREN,      /* pipeline */
	N_SUB,        /* $( ): statements */
	N_ARRAYSUB,   /* @( ): statements */
	N_HASH,       /* key, value, key, value... */
	N_BLOCK,      /* [params], [begin], [process], [end] */
	N_RAWBLOCK,   /* text between the braces, not parsed */
	N_TYPE,       /* op: type id */
	N_CAST,       /* op: type id; operand */
	N_UNARY,      /* op; operand */
	N_BINARY,     /* op; left, right */
	N_INCDEC,     /* op: OP_INC or OP_DEC; flags NF_PREFIX; operand */
	N_MEMBER,     /* object, name; flags NF_STATIC */
	N_INVOKE,     /* object, name, arguments...; flags NF_STATIC */
	N_INDEX,      /* object, index */
	N_ASSIGN,     /* op; target, statement */
	/* Pipelines. */
	N_PIPELINE,   /* expression or N_COMMAND, then N_COMMANDs */
	N_CHAIN,      /* op: OP_ANDAND or OP_OROR; left, right */
	N_COMMAND,    /* text: name, or flags NF_CALL and the called expression first; arguments: N_PARAM, N_SPLAT or values */
	N_PARAM,      /* text: name; [value after a colon] */
	N_SPLAT,      /* text: variable */
	/* Statements. */
	N_STATEMENTS, /* statements */
	N_IF,         /* condition, body, condition, body, ..., [else body when odd] */
	N_SWITCH,     /* value, pattern, body, ...; a NULL pattern is default; flags NF_WILDCARD, NF_REGEX, NF_CASE */
	N_FOR,        /* [init], [condition], [step], body */
	N_FOREACH,    /* variable, pipeline, body */
	N_WHILE,      /* condition, body */
	N_DO,         /* op: OP_WHILE or OP_UNTIL; body, condition */
	N_FUNCTION,   /* text: name; block */
	N_PARAMS,     /* N_PARAMDEFs */
	N_PARAMDEF,   /* text: name; op: type id or -1; flags NF_MANDATORY; [default] */
	N_TRY,        /* body, N_CATCHes..., [finally] last */
	N_CATCH,      /* body; text: comma separated type names or NULL */
	N_THROW,      /* [pipeline] */
	N_RETURN,     /* [pipeline] */
	N_EXIT,       /* [pipeline] */
	N_BREAK,
	N_CONTINUE,
};

enum node_flag {
	NF_PREFIX = 1 << 0,
	NF_STATIC = 1 << 1,
	NF_CALL = 1 << 2,      /* & or . */
	NF_WILDCARD = 1 << 3,
	NF_REGEX = 1 << 4,
	NF_CASE = 1 << 5,
	NF_MANDATORY = 1 << 6,
	NF_NOERR = 1 << 7,     /* 2>$null */
	NF_NOOUT = 1 << 8,     /* >$null */
	NF_DASHDASH = 1 << 9,  /* a value after --: never a parameter */
	NF_HOSTED = 1 << 10,   /* a command of the catalogue */
};

enum op {
	OP_NONE,
	OP_ADD, OP_SUB, OP_MUL, OP_DIV, OP_MOD, OP_RANGE, OP_FORMAT,
	OP_AND, OP_OR, OP_XOR, OP_BAND, OP_BOR, OP_BXOR, OP_SHL, OP_SHR,
	OP_NOT, OP_BNOT, OP_NEG, OP_POS, OP_COMMA,
	OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_LIKE, OP_NOTLIKE, OP_MATCH, OP_NOTMATCH, OP_REPLACE,
	OP_CONTAINS, OP_NOTCONTAINS, OP_IN, OP_NOTIN, OP_SPLIT, OP_JOIN, OP_IS, OP_ISNOT, OP_AS,
	OP_INC, OP_DEC, OP_ANDAND, OP_OROR, OP_WHILE, OP_UNTIL,
	OP_CASE = 0x100, /* or-ed: the c form of an operator, with regard to case */
};

struct node {
	enum node_kind kind;
	unsigned flags;
	int op;
	unsigned off;   /* byte offset in the script's source */
	unsigned depth;
	char *text;
	union {
		int64_t num;
		double real;
	};
	struct node **kids;
	size_t nkids, room;
};

/* A parsed source text. Counted references: script blocks and functions keep theirs alive. */
struct script {
	unsigned refs;
	char *name; /* as shown in messages */
	char *source;
	size_t size;
	struct node *root;
	VEC(struct node *) nodes; /* all of them, for release */
};

/* Copies name and source. */
struct script *script_new(const char *name, const char *source, size_t size);
struct script *script_ref(struct script *s);
void script_unref(struct script *s);
DEFINE_CLEANUP(struct script *, script_unref)
#define _cleanup_script_ _cleanup_(script_unrefp)

/* Line and column (characters) of a byte offset, both from 1. */
void script_position(const struct script *s, size_t off, unsigned *ret_line, unsigned *ret_column);

struct node *node_new(struct script *s, enum node_kind kind, size_t off);
/* -E2BIG when the tree gets deeper than SCRIPT_MAX_TREE. kid may be NULL. */
int node_add(struct node *n, struct node *kid);
/* kids[i], or NULL beyond the end. */
static inline const struct node *node_kid(const struct node *n, size_t i)
{
	return i < n->nkids ? n->kids[i] : NULL;
}
const char *op_name(int op);
