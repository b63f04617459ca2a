/* SPDX-License-Identifier: Apache-2.0 */
/* The map against a plain model: an array indexed by the key's number. */
#include "base_test.h"
#include "map.h"

#define KEYS 600

/* The same sequence in every run, so that a failure can be run again. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Keys of all lengths from 0 on, with bytes of every kind, no two the same. */
static size_t key_of(unsigned n, unsigned char *key)
{
	size_t size = n ? 2 + n % 37 : 0;

	memset(key, n % 3 ? 0 : 0xff, size);
	if (n) {
		key[0] = (unsigned char)n;
		key[1] = (unsigned char)(n >> 8);
	}
	return size;
}

static void compare_all(const struct map *m, void *const *model, size_t count)
{
	unsigned char expected[64];
	size_t pos = 0, seen = 0, size;
	const void *key;
	void *value;

	assert_int_equal(map_count(m), count);
	while (map_next(m, &pos, &key, &size, &value)) {
		unsigned n = size ? ((const unsigned char *)key)[0] | ((const unsigned char *)key)[1] << 8 : 0;

		assert_int_equal(key_of(n, expected), size);
		assert_memory_equal(key, expected, size);
		assert_ptr_equal(value, model[n]);
		assert_non_null(value);
		seen++;
	}
	assert_int_equal(seen, count);
	assert_false(map_next(m, &pos, NULL, NULL, NULL));
}

static void random_operations(void **state)
{
	_cleanup_map_ struct map *m = map_new();
	void *model[KEYS] = { 0 };
	static char values[64];
	uint32_t random = 2463534242u;
	size_t count = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		unsigned n = next_random(&random) % KEYS, what = next_random(&random) % 100;
		/* Filling and emptying in turn, so that the map is often almost empty and often full. */
		unsigned puts = i / 5000 % 2 ? 20 : 60;
		unsigned char key[64];
		size_t size = key_of(n, key);

		if (what < puts) {
			void *value = &values[next_random(&random) % sizeof(values)];

			assert_ptr_equal(map_put(m, key, size, value), model[n]);
			count += !model[n];
			model[n] = value;
		} else if (what < 80) {
			assert_ptr_equal(map_del(m, key, size), model[n]);
			count -= model[n] != NULL;
			model[n] = NULL;
		} else {
			assert_ptr_equal(map_get(m, key, size), model[n]);
		}
		if (i % 1000 == 0)
			compare_all(m, model, count);
	}
	compare_all(m, model, count);
}

static void edges(void **state)
{
	_cleanup_map_ struct map *m = map_new();
	int a, b;

	(void)state;
	assert_null(map_get_str(m, "x"));
	assert_null(map_del_str(m, "x"));
	assert_false(map_next(m, &(size_t) { 0 }, NULL, NULL, NULL));
	assert_null(map_put_str(m, "", &a));
	assert_null(map_put(m, "x\0", 2, &b));
	assert_null(map_get_str(m, "x"));
	assert_ptr_equal(map_put_str(m, "", &b), &a);
	assert_ptr_equal(map_get_str(m, ""), &b);
	assert_ptr_equal(map_del(m, "x\0", 2), &b);
	assert_ptr_equal(map_del_str(m, ""), &b);
	assert_int_equal(map_count(m), 0);
	map_free(NULL);
}

int map_tests(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_operations), cmocka_unit_test(edges) };

	return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
