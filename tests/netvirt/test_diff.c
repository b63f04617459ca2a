/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's difference of two sorted arrays, against counting on one's fingers. */
#include "../../src/engine/internal.h"
#include "netvirt_test.h"

struct entry {
	int key, value;
};

struct seen {
	struct str text;
	int have[64]; /* what there is after the changes, by key; 0: nothing */
};

static int key_compare(const void *a, const void *b)
{
	return ((const struct entry *)a)->key - ((const struct entry *)b)->key;
}

static bool same(const void *have, const void *want)
{
	return ((const struct entry *)have)->value == ((const struct entry *)want)->value;
}

static void apply(void *arg, const void *have, const void *want)
{
	const struct entry *h = have, *w = want;
	struct seen *s = arg;

	assert_true(h || w);
	if (h && w)
		assert_int_equal(h->key, w->key);
	if (h)
		assert_int_equal(s->have[h->key], h->value);
	str_addf(&s->text, "%s%d ", !h ? "+" : !w ? "-" : "=", (h ? h : w)->key);
	s->have[(h ? h : w)->key] = w ? w->value : 0;
}

static void run(struct seen *s, const struct entry *want, size_t n_want, const struct entry *have, size_t n_have)
{
	*s = (struct seen) { 0 };
	for (size_t i = 0; i < n_have; i++)
		s->have[have[i].key] = have[i].value;
	diff_run(&(struct diff) { want, n_want, have, n_have, sizeof(struct entry), key_compare, same, apply, s });
}

static void known(void **state)
{
	static const struct entry a[] = { { 1, 1 }, { 3, 3 }, { 5, 5 } },
				  b[] = { { 2, 2 }, { 3, 3 }, { 5, 9 }, { 7, 7 } };
	static const struct {
		const struct entry *want;
		size_t n_want;
		const struct entry *have;
		size_t n_have;
		const char *text;
	} cases[] = {
		{ a, 0, b, 0, "" },
		{ a, 3, a, 3, "" },
		{ a, 3, b, 0, "+1 +3 +5 " },
		{ a, 0, b, 4, "-2 -3 -5 -7 " },
		{ a, 3, b, 4, "+1 -2 =5 -7 " },
		{ b, 4, a, 3, "-1 +2 =5 +7 " },
		{ a, 1, b, 1, "+1 -2 " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen s;

		run(&s, cases[i].want, cases[i].n_want, cases[i].have, cases[i].n_have);
		assert_string_equal(str_get(&s.text), cases[i].text);
		str_done(&s.text);
	}
}

/* After the changes there is what was wanted, and a second difference changes nothing. */
static void any(void **state)
{
	uint32_t random = 2463534242u;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct entry want[64], have[64];
		size_t n_want = 0, n_have = 0;
		struct seen s;

		for (int key = 0; key < 64; key++) {
			random = random * 1103515245 + 12345;
			if (random >> 16 & 1)
				want[n_want++] = (struct entry) { key, 1 + (int)(random >> 17 & 3) };
			if (random >> 19 & 1)
				have[n_have++] = (struct entry) { key, 1 + (int)(random >> 20 & 3) };
		}
		run(&s, want, n_want, have, n_have);
		for (size_t key = 0, i = 0; key < 64; key++) {
			bool wanted = i < n_want && want[i].key == (int)key;

			assert_int_equal(s.have[key], wanted ? want[i].value : 0);
			i += wanted;
		}
		str_done(&s.text);
		run(&s, want, n_want, want, n_want);
		assert_string_equal(str_get(&s.text), "");
		str_done(&s.text);
	}
}

int diff_tests(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known), cmocka_unit_test(any) };

	return cmocka_run_group_tests_name("engine/diff", tests, NULL, NULL);
}
