/* SPDX-License-Identifier: Apache-2.0 */
#include "regex.h"

#include <errno.h>

#include "text.h"
#include "vec.h"

#define MAX_CODE 8192u
#define MAX_PARSE 100000u
#define MAX_NESTING 60u
#define MAX_WORK 20000000u

enum { R_CHAR, R_ANY, R_CLASS, R_SPLIT, R_JUMP, R_SAVE, R_START, R_END, R_STRICT_END, R_WORD, R_NOT_WORD, R_MATCH };

struct inst {
	int op;
	uint32_t x, y; /* character, class, targets (x first), slot */
};

struct range {
	uint32_t lo, hi;
};

struct class {
	VEC(struct range) ranges;
	bool negated;
};

struct regex {
	VEC(struct inst) code;
	VEC(struct class) classes;
	unsigned groups;
	char *names[REGEX_MAX_GROUPS];
	bool with_case;
};

struct compile {
	struct regex *re;
	const char *p;
	unsigned work, nesting;
	const char *error;
};

static bool parse_alternation(struct compile *c);

static void emit(struct compile *c, int op, uint32_t x, uint32_t y)
{
	if (c->re->code.n >= MAX_CODE)
		c->error = "the expression is too large";
	else
		vec_push(&c->re->code, (struct inst){ op, x, y });
}

/* Makes room for one instruction at a place, moving what is behind it. */
static void insert(struct compile *c, size_t at, int op, uint32_t x, uint32_t y)
{
	struct inst *code;

	emit(c, op, x, y);
	if (c->error)
		return;
	code = c->re->code.items;
	memmove(code + at + 1, code + at, (c->re->code.n - 1 - at) * sizeof(*code));
	for (size_t i = at + 1; i < c->re->code.n; i++) {
		if (code[i].op == R_SPLIT || code[i].op == R_JUMP) {
			code[i].x += code[i].x >= at;
			code[i].y += code[i].op == R_SPLIT && code[i].y >= at;
		}
	}
	code[at] = (struct inst){ op, x, y };
}

static void add_range(struct class *k, uint32_t lo, uint32_t hi)
{
	vec_push(&k->ranges, (struct range){ lo, hi });
}

/* \d \w \s into a class, \D \W \S as its complement. */
static bool add_shorthand(struct class *k, char c)
{
	static const struct range digit[] = { { '0', '9' } }, space[] = { { 9, 13 }, { ' ', ' ' }, { 0xa0, 0xa0 } },
		word[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' }, { 0xaa, 0x2000 }, { 0x2c00, 0x10ffff } };
	char l = text_lower(c);
	const struct range *set = l == 'd' ? digit : l == 's' ? space : l == 'w' ? word : NULL;
	size_t n = l == 'd' ? ARRAY_SIZE(digit) : l == 's' ? ARRAY_SIZE(space) : ARRAY_SIZE(word);
	uint32_t from = 0;

	if (!set)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (l == c) {
			add_range(k, set[i].lo, set[i].hi);
		} else {
			if (set[i].lo > from)
				add_range(k, from, set[i].lo - 1);
			from = set[i].hi + 1;
		}
	}
	if (l != c && from <= 0x10ffff)
		add_range(k, from, 0x10ffff);
	return true;
}

static uint32_t simple_escape(struct compile *c)
{
	static const char from[] = "nrtfve", to[] = "\n\r\t\f\v\x1b";
	size_t n;
	uint32_t ch;
	const char *at;

	if (!*c->p) {
		c->error = "a backslash stands at the end";
		return 0;
	}
	at = strchr(from, *c->p);
	if (at) {
		c->p++;
		return (uint32_t)to[at - from];
	}
	if (text_is_alpha(*c->p) || text_is_digit(*c->p)) {
		c->error = text_is_digit(*c->p) ? "back references are not supported" : "an unknown escape";
		return 0;
	}
	ch = text_decode(c->p, &n);
	c->p += n;
	return ch;
}

static uint32_t class_char(struct compile *c)
{
	size_t n;
	uint32_t ch;

	if (*c->p == '\\') {
		c->p++;
		return simple_escape(c);
	}
	ch = text_decode(c->p, &n);
	c->p += n;
	return ch;
}

static bool parse_class(struct compile *c)
{
	struct class k = {};
	bool first = true;

	if (*c->p == '^') {
		k.negated = true;
		c->p++;
	}
	for (; *c->p && (*c->p != ']' || first) && !c->error; first = false) {
		uint32_t lo, hi;

		if (*c->p == '\\' && add_shorthand(&k, c->p[1])) {
			c->p += 2;
			continue;
		}
		lo = hi = class_char(c);
		if (*c->p == '-' && c->p[1] && c->p[1] != ']') {
			c->p++;
			hi = class_char(c);
			if (hi < lo)
				c->error = "a range is in reverse order";
		}
		add_range(&k, lo, hi);
	}
	if (*c->p != ']' && !c->error)
		c->error = "a [ is not closed";
	c->p += *c->p == ']';
	vec_push(&c->re->classes, k);
	emit(c, R_CLASS, (uint32_t)c->re->classes.n - 1, 0);
	return !c->error;
}

static bool parse_group_head(struct compile *c, int *ret_group)
{
	const char *end;
	unsigned g;

	*ret_group = -1;
	if (strncmp(c->p, "?:", 2) == 0) {
		c->p += 2;
		return true;
	}
	g = c->re->groups;
	if (g >= REGEX_MAX_GROUPS) {
		c->error = "too many groups";
		return false;
	}
	if (*c->p == '?') {
		end = strchr(c->p, '>');
		if (c->p[1] != '<' || !end || c->p[2] == '=' || c->p[2] == '!' || end == c->p + 2) {
			c->error = "look-around and options of groups are not supported";
			return false;
		}
		if (!c->re->names[g])
			c->re->names[g] = xstrndup(c->p + 2, (size_t)(end - c->p - 2));
		c->p = end + 1;
	}
	c->re->groups++;
	*ret_group = (int)g;
	return true;
}

static bool parse_group(struct compile *c)
{
	int g;

	if (!parse_group_head(c, &g))
		return false;
	if (++c->nesting > MAX_NESTING) {
		c->error = "groups nest too deep";
		return false;
	}
	if (g >= 0)
		emit(c, R_SAVE, 2 * (uint32_t)g, 0);
	if (!parse_alternation(c))
		return false;
	if (g >= 0)
		emit(c, R_SAVE, 2 * (uint32_t)g + 1, 0);
	c->nesting--;
	if (*c->p != ')') {
		c->error = "a ( is not closed";
		return false;
	}
	c->p++;
	return !c->error;
}

static bool parse_backslash(struct compile *c)
{
	struct class k = {};

	if (*c->p == 'b' || *c->p == 'B') {
		emit(c, *c->p == 'b' ? R_WORD : R_NOT_WORD, 0, 0);
		c->p++;
	} else if (*c->p == 'A' || *c->p == 'z' || *c->p == 'Z') {
		emit(c, *c->p == 'A' ? R_START : *c->p == 'z' ? R_STRICT_END : R_END, 0, 0);
		c->p++;
	} else if (add_shorthand(&k, *c->p)) {
		c->p++;
		vec_push(&c->re->classes, k);
		emit(c, R_CLASS, (uint32_t)c->re->classes.n - 1, 0);
	} else {
		emit(c, R_CHAR, simple_escape(c), 0);
	}
	return !c->error;
}

static bool parse_atom(struct compile *c)
{
	size_t n;
	uint32_t ch;

	if (++c->work > MAX_PARSE) {
		c->error = "the expression is too large";
		return false;
	}
	switch (*c->p) {
	case '(':
		c->p++;
		return parse_group(c);
	case '[':
		c->p++;
		return parse_class(c);
	case '\\':
		c->p++;
		return parse_backslash(c);
	case '.':
	case '^':
	case '$':
		emit(c, *c->p == '.' ? R_ANY : *c->p == '^' ? R_START : R_END, 0, 0);
		c->p++;
		return !c->error;
	case '*':
	case '+':
	case '?':
		c->error = "a quantifier follows nothing";
		return false;
	default:
		ch = text_decode(c->p, &n);
		c->p += n;
		emit(c, R_CHAR, ch, 0);
		return !c->error;
	}
}

static bool parse_count(const char *s, unsigned *ret_min, unsigned *ret_max, const char **ret_end)
{
	unsigned min = 0, max = 0;

	if (!text_is_digit(*++s))
		return false;
	for (; text_is_digit(*s); s++)
		min = MIN(min * 10 + (unsigned)(*s - '0'), 100000u);
	max = min;
	if (*s == ',') {
		s++;
		max = text_is_digit(*s) ? 0 : UINT32_MAX;
		for (; text_is_digit(*s); s++)
			max = MIN(max * 10 + (unsigned)(*s - '0'), 100000u);
	}
	if (*s != '}')
		return false;
	*ret_min = min;
	*ret_max = max;
	*ret_end = s + 1;
	return true;
}

/* x* over what stands at start. */
static void star(struct compile *c, size_t start, bool lazy)
{
	insert(c, start, R_SPLIT, 0, 0);
	emit(c, R_JUMP, (uint32_t)start, 0);
	if (c->error)
		return;
	c->re->code.items[start].x = (uint32_t)(lazy ? c->re->code.n : start + 1);
	c->re->code.items[start].y = (uint32_t)(lazy ? start + 1 : c->re->code.n);
}

static void optional(struct compile *c, size_t start, bool lazy)
{
	insert(c, start, R_SPLIT, 0, 0);
	if (c->error)
		return;
	c->re->code.items[start].x = (uint32_t)(lazy ? c->re->code.n : start + 1);
	c->re->code.items[start].y = (uint32_t)(lazy ? start + 1 : c->re->code.n);
}

/* Counted repetition writes the atom out as often as needed, by reading it again. */
static bool repeat(struct compile *c, const char *atom, unsigned groups, size_t start, unsigned min, unsigned max)
{
	const char *after = c->p;
	bool lazy = *after == '?';
	unsigned last = c->re->groups;

	after += lazy;
	c->re->code.n = start;
	for (unsigned i = 0; i < MAX(min, max == UINT32_MAX ? min + 1 : max) && !c->error; i++) {
		size_t at = c->re->code.n;

		c->p = atom;
		c->re->groups = groups;
		if (!parse_atom(c))
			return false;
		if (i >= min && max == UINT32_MAX)
			star(c, at, lazy);
		else if (i >= min)
			optional(c, at, lazy);
	}
	c->re->groups = last;
	c->p = after;
	return !c->error;
}

static bool parse_piece(struct compile *c)
{
	const char *atom = c->p, *end;
	unsigned groups = c->re->groups, min, max;
	size_t start = c->re->code.n;

	if (!parse_atom(c))
		return false;
	if (*c->p == '{' && parse_count(c->p, &min, &max, &end)) {
		if (max < min) {
			c->error = "a count is in reverse order";
			return false;
		}
		c->p = end;
		return repeat(c, atom, groups, start, min, max);
	}
	if (*c->p == '*' || *c->p == '+' || *c->p == '?') {
		char q = *c->p++;
		bool lazy = *c->p == '?';

		c->p += lazy;
		if (q == '*') {
			star(c, start, lazy);
		} else if (q == '?') {
			optional(c, start, lazy);
		} else {
			uint32_t next = (uint32_t)c->re->code.n + 1;

			emit(c, R_SPLIT, lazy ? next : (uint32_t)start, lazy ? (uint32_t)start : next);
		}
	}
	return !c->error;
}

static bool parse_alternation(struct compile *c)
{
	size_t start = c->re->code.n;
	VEC(size_t) jumps = {};

	for (;;) {
		while (*c->p && *c->p != '|' && *c->p != ')' && !c->error)
			if (!parse_piece(c))
				break;
		if (c->error || *c->p != '|')
			break;
		c->p++;
		insert(c, start, R_SPLIT, (uint32_t)start + 1, 0);
		vec_push(&jumps, c->re->code.n);
		emit(c, R_JUMP, 0, 0);
		if (c->error)
			break;
		c->re->code.items[start].y = (uint32_t)c->re->code.n;
		start = c->re->code.n;
	}
	vec_foreach(&jumps, j)
		if (!c->error)
			c->re->code.items[*j].x = (uint32_t)c->re->code.n;
	vec_done(&jumps);
	return !c->error;
}

int regex_compile(const char *pattern, bool with_case, struct regex **ret, char **ret_error)
{
	_cleanup_regex_ struct regex *re = xcalloc(1, sizeof(*re));
	struct compile c = { .re = re, .p = pattern };

	re->with_case = with_case;
	re->groups = 1;
	if (parse_alternation(&c) && *c.p)
		c.error = "a ) has no (";
	if (!c.error)
		emit(&c, R_MATCH, 0, 0);
	if (c.error) {
		*ret_error = xstrdup(c.error);
		return -EINVAL;
	}
	*ret = TAKE_PTR(re);
	return 0;
}

void regex_free(struct regex *re)
{
	vec_foreach(&re->classes, k)
		vec_done(&k->ranges);
	vec_done(&re->classes);
	vec_done(&re->code);
	for (size_t i = 0; i < REGEX_MAX_GROUPS; i++)
		free(re->names[i]);
	free(re);
}

unsigned regex_groups(const struct regex *re)
{
	return re->groups;
}

const char *regex_group_name(const struct regex *re, unsigned group)
{
	return re->names[group];
}

/* ---- Matching: all threads at once, in order of preference, each instruction at most once a character. ---- */

struct thread_list {
	uint32_t *pc;
	size_t *slots; /* 2 * groups a thread */
	size_t n;
};

struct vm {
	const struct regex *re;
	const char *text;
	size_t *seen, mark; /* seen[pc] == mark: added at this character */
	size_t width;
	uint64_t work;
	uint32_t *stack;
};

static uint32_t fold(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static bool is_word_at(const char *text, size_t at, bool before)
{
	if (before)
		return at > 0 && text_is_word(text[at - 1]);
	return text_is_word(text[at]);
}

static bool assertion(const struct vm *vm, int op, size_t at)
{
	switch (op) {
	case R_START:
		return at == 0;
	case R_STRICT_END:
		return !vm->text[at];
	case R_END:
		return !vm->text[at] || (vm->text[at] == '\n' && !vm->text[at + 1]);
	default:
		return (is_word_at(vm->text, at, true) != is_word_at(vm->text, at, false)) == (op == R_WORD);
	}
}

/* Follows jumps from pc; recursion only through splits and saves, each instruction once: at most MAX_CODE deep. */
static void add_thread(struct vm *vm, struct thread_list *l, uint32_t pc, size_t at, size_t *slots)
{
	const struct inst *i;
	size_t old;

	for (;;) {
		if (vm->seen[pc] == vm->mark)
			return;
		vm->seen[pc] = vm->mark;
		vm->work++;
		i = &vm->re->code.items[pc];
		if (i->op == R_JUMP) {
			pc = i->x;
		} else if (i->op == R_SPLIT) {
			add_thread(vm, l, i->x, at, slots);
			pc = i->y;
		} else if (i->op == R_SAVE) {
			old = slots[i->x];
			slots[i->x] = at;
			add_thread(vm, l, pc + 1, at, slots);
			slots[i->x] = old;
			return;
		} else if (i->op >= R_START && i->op <= R_NOT_WORD) {
			if (!assertion(vm, i->op, at))
				return;
			pc++;
		} else {
			memcpy(l->slots + l->n * vm->width, slots, vm->width * sizeof(*slots));
			l->pc[l->n++] = pc;
			return;
		}
	}
}

static bool class_has(const struct class *k, uint32_t c)
{
	vec_foreach(&k->ranges, r)
		if (c >= r->lo && c <= r->hi)
			return true;
	return false;
}

static bool takes(const struct regex *re, const struct inst *i, uint32_t c)
{
	const struct class *k;

	if (i->op == R_ANY)
		return c != '\n';
	if (i->op == R_CHAR)
		return re->with_case ? i->x == c : fold(i->x) == fold(c);
	k = &re->classes.items[i->x];
	if (class_has(k, c))
		return !k->negated;
	if (!re->with_case && c < 0x80 && text_is_alpha((char)c))
		return class_has(k, c ^ 0x20) != k->negated;
	return k->negated;
}

static int run(struct vm *vm, struct thread_list *now, struct thread_list *next, size_t from, struct regex_match *ret)
{
	size_t slots[2 * REGEX_MAX_GROUPS];
	bool found = false;

	for (size_t at = from;;) {
		size_t bytes = 0;
		uint32_t c = vm->text[at] ? text_decode(vm->text + at, &bytes) : UINT32_MAX;

		if (!found) {
			memset(slots, 0xff, sizeof(slots));
			slots[0] = at;
			add_thread(vm, now, 0, at, slots);
		}
		vm->mark++;
		next->n = 0;
		for (size_t t = 0; t < now->n; t++) {
			const struct inst *i = &vm->re->code.items[now->pc[t]];
			size_t *own = now->slots + t * vm->width;

			vm->work++;
			if (i->op == R_MATCH) {
				found = true;
				own[1] = at;
				for (unsigned g = 0; g < vm->re->groups; g++) {
					ret->start[g] = own[2 * g];
					ret->end[g] = own[2 * g + 1];
				}
				break; /* what comes after is less preferred */
			}
			if (c != UINT32_MAX && takes(vm->re, i, c))
				add_thread(vm, next, now->pc[t] + 1, at + bytes, own);
		}
		if (c == UINT32_MAX || (found && !next->n))
			return found;
		if (vm->work > MAX_WORK)
			return -E2BIG;
		at += bytes;
		struct thread_list swap = *now;
		*now = *next;
		*next = swap;
	}
}

int regex_search(const struct regex *re, const char *text, size_t from, struct regex_match *ret)
{
	struct vm vm = { .re = re, .text = text, .width = 2 * (size_t)re->groups, .mark = 1 };
	struct thread_list now = {}, next = {};
	size_t n = re->code.n;
	int r;

	vm.seen = xcalloc(n, sizeof(*vm.seen));
	now.pc = xcalloc(n, sizeof(*now.pc));
	next.pc = xcalloc(n, sizeof(*next.pc));
	now.slots = xcalloc(n * vm.width, sizeof(*now.slots));
	next.slots = xcalloc(n * vm.width, sizeof(*next.slots));
	r = run(&vm, &now, &next, from, ret);
	free(vm.seen);
	free(now.pc);
	free(next.pc);
	free(now.slots);
	free(next.slots);
	return r;
}
