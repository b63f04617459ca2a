/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ast.h"

/* What the parser has to ask: the arguments { } of a cmdlet of the catalogue are passed on as text, not parsed. */
struct parse_hooks {
	bool (*is_hosted)(void *userdata, const char *command);
	void *userdata;
};

struct parse_error {
	unsigned line, column; /* characters, from 1 */
	char *message;
};

/*
 * Parses a source text (UTF-8, at most SCRIPT_MAX_SIZE) into a tree: docs/language.md has the grammar. -EINVAL with
 * *ret_error (whose message the caller frees) where the text is not understood. hooks may be NULL.
 */
int parse_script(const char *name, const char *source, size_t size, const struct parse_hooks *hooks,
		 struct script **ret, struct parse_error *ret_error);

/* ---- Inside the parser: lexer.c, parse_*.c. ---- */

struct parser {
	struct script *script;
	const char *src; /* script->source, NUL-terminated */
	size_t pos;
	unsigned nesting;
	bool no_comma; /* a comma separates arguments of a method here */
	const struct parse_hooks *hooks;
	bool failed;
	size_t error_off;
	char *error;
};

/* The first failure wins; returns NULL for the caller to return. */
void *parse_fail(struct parser *p, size_t off, const char *format, ...) _printf_(3, 4);
/* "what was found" at the position, for messages; owned by the caller. */
char *parse_found(struct parser *p);
/* false (and failed) when brackets nest too deep; every true needs a parse_leave(). */
bool parse_enter(struct parser *p);
static inline void parse_leave(struct parser *p)
{
	p->nesting--;
}

static inline const char *lex_here(const struct parser *p)
{
	return p->src + p->pos;
}

static inline char lex_char(const struct parser *p)
{
	return p->src[p->pos];
}

/* Skips blanks, comments and continued lines; lex_skip_lines() newlines as well. false after a failure. */
bool lex_skip(struct parser *p);
bool lex_skip_lines(struct parser *p);
/* Skips statement ends too. */
bool lex_skip_ends(struct parser *p);
/* At the end of a statement: newline, ';', ')', '}', '|', '&', end of text. */
bool lex_at_end(const struct parser *p);
/* Consumes the character when it is next. */
bool lex_take(struct parser *p, char c);
/* Bytes of the word (letters, digits, _) at the position. */
size_t lex_word(const struct parser *p);
/* Consumes the word (without regard to case) when it is next, as a whole word. */
bool lex_take_word(struct parser *p, const char *word);
/* Bytes of a number at s; 0: none. Sets kind (N_INT or N_REAL) and its value in n. */
size_t lex_number(const char *s, struct node *n);
/* The binary operator at the position: its length in bytes, code and precedence (1 loosest). 0 when there is none. */
size_t lex_binary(struct parser *p, int *ret_op, int *ret_precedence);
size_t lex_assign(const struct parser *p, int *ret_op);
/* Bytes of a variable's name after '$' at s, braces included; 0 when it is none. *ret_name is allocated. */
size_t lex_variable(const char *s, char **ret_name);
/* Position just after the '{' on entry; returns the offset of the matching '}', or SIZE_MAX. */
size_t lex_raw_block(const struct parser *p);

/* Nodes; the position is at their first character. NULL after a failure. */
struct node *parse_statements(struct parser *p, char closer);
struct node *parse_statement(struct parser *p);
struct node *parse_pipeline(struct parser *p);
struct node *parse_body(struct parser *p, const char *of);
struct node *parse_block_content(struct parser *p, size_t off);
struct node *parse_params(struct parser *p);
struct node *parse_command(struct parser *p);
struct node *parse_expression(struct parser *p);
struct node *parse_unary(struct parser *p);
struct node *parse_primary(struct parser *p);
struct node *parse_postfix(struct parser *p, struct node *left, bool in_command);
struct node *parse_quoted(struct parser *p);
struct node *parse_variable(struct parser *p);
struct node *parse_type_name(struct parser *p);
/* Expandable text up to the end that stop() tells, which is not consumed. */
struct node *parse_expandable(struct parser *p, size_t off, bool (*stop)(const struct parser *p), bool quoted);
int parse_escape(struct parser *p, struct str *out);
bool parse_add(struct parser *p, struct node *n, struct node *kid);
bool parse_expect(struct parser *p, char c, const char *what);
