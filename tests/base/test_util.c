/* SPDX-License-Identifier: Apache-2.0 */
/* Strings, wildcards, numbers, files, errors. */
#include <errno.h>

#include "base_test.h"
#include "err.h"
#include "vec.h"

static void wildcards(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "**", "", true },
		{ "a*", "a", true },
		{ "a*", "Abc", true },
		{ "a*", "ba", false },
		{ "*a", "ba", true },
		{ "*a", "ab", false },
		{ "*a*", "bab", true },
		{ "a*c", "abbbc", true },
		{ "a*c", "abbbcd", false },
		{ "a*b*c", "axbxbxc", true },
		{ "a*b*c", "axcxb", false },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "ab", false },
		{ "a?c", "abc", true },
		{ "*?", "", false },
		{ "*?", "a", true },
		{ "blue*", "BLUE1", true },
		{ "blue1", "Blue1", true },
		{ "blue1", "blue12", false },
		{ "blue12", "blue1", false },
		{ "[ab]", "a", true },
		{ "[ab]", "B", true },
		{ "[ab]", "c", false },
		{ "[ab]", "", false },
		{ "[ab]", "ab", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]x", "Bx", true },
		{ "[A-C]x", "bx", true },
		{ "[a-c]x", "dx", false },
		{ "[c-a]", "b", false },
		{ "[a-]", "-", true },
		{ "[a-]", "a", true },
		{ "[a-]", "b", false },
		{ "[-a]", "-", true },
		{ "[0-9]*", "5x", true },
		{ "[0-9]*", "x5", false },
		{ "*[0-9]", "blue1", true },
		{ "*[0-9]", "blue", false },
		{ "[!a]", "!", true },
		{ "[!a]", "b", false },
		{ "[", "[", true },
		{ "[", "a", false },
		{ "[ab", "[ab", true },
		{ "[ab", "a", false },
		{ "[]", "[]", true },
		{ "[]", "]", false },
		{ "a[", "a[", true },
		{ "*[", "x[", true },
		{ "[*]", "*", true },
		{ "[*]", "a", false },
		{ "[?]", "?", true },
		{ "[?]", "a", false },
		{ "]", "]", true },
		{ "a]b", "a]b", true },
		{ "[a-c][x-z]", "bY", true },
		{ "[ab][", "a[", true },
		{ "[[]", "[", true },
		{ "[[]x", "[x", true },
		{ "*aab", "aaaab", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (wildcard_match(cases[i].pattern, cases[i].text) != cases[i].match)
			fail_msg("%s, %s: not %d", cases[i].pattern, cases[i].text, cases[i].match);
	assert_true(wildcard_has("a*") && wildcard_has("?") && wildcard_has("x[1]"));
	assert_false(wildcard_has("") || wildcard_has("name]") || wildcard_has("eth0"));
}

static char *repeat(const char *part, size_t n, const char *end)
{
	struct str s = { 0 };

	while (n--)
		str_add(&s, part);
	str_add(&s, end);
	return str_take(&s);
}

/* Patterns come from outside: with the worst of them a name is compared in quadratic time, not in cubic. */
static void wildcards_are_bounded(void **state)
{
	_cleanup_free_ char *text = repeat("[", 20000, ""), *open = repeat("[", 10000, "x"),
			    *pattern = xasprintf("*%s", open);
	_cleanup_free_ char *stars = repeat("*a", 2000, "b"), *many = repeat("a", 4000, "");

	(void)state;
	assert_false(wildcard_match(pattern, text));
	assert_false(wildcard_match(stars, many));
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} cases[] = {
		{ "0", 0, 0, 0 },
		{ "1", 0, -ERANGE },
		{ "0", UINT64_MAX, 0, 0 },
		{ "007", 7, 0, 7 },
		{ "255", 255, 0, 255 },
		{ "256", 255, -ERANGE },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -ERANGE },
		{ "18446744073709551620", UINT64_MAX, -ERANGE },
		{ "99999999999999999999999999", UINT64_MAX, -ERANGE },
		{ "0xff", 255, 0, 255 },
		{ "0XfF", 255, 0, 255 },
		{ "0x100", 255, -ERANGE },
		{ "0xFFFFFFFFFFFFFFFF", UINT64_MAX, 0, UINT64_MAX },
		{ "0x10000000000000000", UINT64_MAX, -ERANGE },
		{ "", 9, -EINVAL },
		{ "0x", 9, -EINVAL },
		{ "0xg", 9, -EINVAL },
		{ "x1", 9, -EINVAL },
		{ "a", 9, -EINVAL },
		{ "-1", 9, -EINVAL },
		{ "+1", 9, -EINVAL },
		{ " 1", 9, -EINVAL },
		{ "1 ", 9, -EINVAL },
		{ "1.0", 9, -EINVAL },
		{ "1e3", 9, -EINVAL },
		{ "1,000", 9, -EINVAL },
		{ "0x1x", 9, -EINVAL },
		/* No number stays no number, however long. */
		{ "99999999999999999999999999z", UINT64_MAX, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 77;
		int r = parse_u64(cases[i].text, cases[i].max, &v);

		if (r != cases[i].result || v != (r ? 77 : cases[i].value))
			fail_msg("%s: %d", cases[i].text, r);
	}
}

static void texts(void **state)
{
	(void)state;
	assert_true(strieq("ABCxyz019", "abcXYZ019") && strieq("", ""));
	assert_false(strieq("a", "ab") || strieq("ab", "a") || strieq("[", "{") || strieq("@", "`"));
	/* ASCII alone: bytes of other letters are compared as they are. */
	assert_false(strieq("\xc3\x84", "\xc3\xa4"));
	assert_true(stricmp("a", "B") < 0 && stricmp("B", "a") > 0 && stricmp("a", "A") == 0 && stricmp("a", "aa") < 0);
	assert_true(stricmp("a", "\xff") < 0);
	assert_true(str_has_prefix_nocase("VMName", "vmn") && str_has_prefix_nocase("x", "") &&
		    str_has_prefix_nocase("ab", "AB"));
	assert_false(str_has_prefix_nocase("VM", "VMName") || str_has_prefix_nocase("VMName", "Name"));
	assert_true(streq_ptr(NULL, NULL) && streq_ptr("a", "a"));
	assert_false(streq_ptr(NULL, "") || streq_ptr("a", NULL) || streq_ptr("a", "b"));
}

static void allocations(void **state)
{
	_cleanup_free_ char *cut = xstrndup("abcdef", 3), *whole = xstrndup("ab", 9), *none = xmalloc(0),
			    *zero = xcalloc(0, 8);
	_cleanup_free_ char *copy = xmemdup("a\0b", 3), *empty = xmemdup(NULL, 0), *text = xasprintf("%d-%s", 7, "x");

	(void)state;
	assert_string_equal(cut, "abc");
	assert_string_equal(whole, "ab");
	assert_memory_equal(copy, "a\0b", 3);
	assert_string_equal(text, "7-x");
	assert_true(none && zero && empty);
}

static void strings(void **state)
{
	_cleanup_str_ struct str s = { 0 };
	_cleanup_free_ char *taken = NULL, *empty = NULL;

	(void)state;
	assert_string_equal(str_get(&s), "");
	empty = str_take(&s);
	assert_string_equal(empty, "");
	str_addf(&s, "%s", "");
	assert_string_equal(s.data, "");
	str_addn(&s, NULL, 0);
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i);
	assert_int_equal(s.len, 10 * 2 + 90 * 3 + 900 * 4);
	assert_int_equal(strlen(str_get(&s)), s.len);
	taken = str_take(&s);
	assert_true(!s.data && !s.len && !s.room);
	assert_string_equal(taken + strlen(taken) - 8, "998,999,");
	str_pad(&s, '-', 3);
	str_addc(&s, 'x');
	str_pad(&s, ' ', 0);
	str_add(&s, "yz");
	str_addn(&s, "a\0b", 3);
	assert_int_equal(s.len, 9);
	assert_memory_equal(str_get(&s), "---xyza\0b", 10);
	str_done(&s);
	assert_true(!s.data && !s.len && !s.room);
}

static int compare_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void vectors(void **state)
{
	VEC(int) v = { 0 };
	int sum = 0;

	(void)state;
	vec_sort(&v, compare_int);
	vec_foreach (&v, it)
		sum++;
	assert_int_equal(sum, 0);
	for (int i = 0; i < 100; i++)
		vec_push(&v, (i * 37) % 100);
	assert_int_equal(v.n, 100);
	assert_true(v.room >= 100);
	assert_int_equal(*vec_last(&v), 63);
	vec_sort(&v, compare_int);
	vec_foreach (&v, it)
		assert_int_equal(*it, sum++);
	vec_done(&v);
	assert_true(!v.items && !v.n && !v.room);
}

static void errors(void **state)
{
	static const struct {
		enum err_category category;
		const char *name;
		int result;
	} cases[] = {
		{ ERR_NOT_SPECIFIED, "NotSpecified", -EINVAL },
		{ ERR_INVALID_ARGUMENT, "InvalidArgument", -EINVAL },
		{ ERR_INVALID_OPERATION, "InvalidOperation", -EINVAL },
		{ ERR_OBJECT_NOT_FOUND, "ObjectNotFound", -ENOENT },
		{ ERR_RESOURCE_EXISTS, "ResourceExists", -EEXIST },
		{ ERR_RESOURCE_BUSY, "ResourceBusy", -EBUSY },
		{ ERR_RESOURCE_UNAVAILABLE, "ResourceUnavailable", -EINVAL },
		{ ERR_PERMISSION_DENIED, "PermissionDenied", -EPERM },
		{ ERR_NOT_IMPLEMENTED, "NotImplemented", -EOPNOTSUPP },
		{ ERR_WRITE_ERROR, "WriteError", -EINVAL },
		{ ERR_PARSER_ERROR, "ParserError", -EINVAL },
		{ ERR_LIMITS_EXCEEDED, "LimitsExceeded", -E2BIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err *e = NULL;
		struct err *copy;

		assert_int_equal(err_set(&e, "Test.Id", cases[i].category, i ? "target" : NULL, "says %d", 7),
				 cases[i].result);
		assert_string_equal(e->id, "Test.Id");
		assert_string_equal(e->message, "says 7");
		assert_string_equal(err_category_name(e->category), cases[i].name);
		assert_true(streq_ptr(e->target, i ? "target" : NULL));
		assert_null(e->advice);
		assert_int_equal(e->errnum, 0);
		/* The first reason and the first advice win; the result is the caller's own. */
		assert_int_equal(err_set(&e, "Other", ERR_RESOURCE_BUSY, NULL, "other"), -EBUSY);
		assert_string_equal(e->id, "Test.Id");
		assert_int_equal(err_advise(&e, -5, "do %s", "this"), -5);
		copy = err_copy(e);
		assert_true(streq(copy->advice, "do this") && streq(copy->id, e->id) && streq(copy->message, e->message) && streq_ptr(copy->target, e->target) &&
			    copy->category == e->category && copy->errnum == e->errnum);
		err_advise(&e, 0, "or that");
		assert_string_equal(e->advice, "do this");
		err_free(copy);
	}
	assert_string_equal(err_category_name((enum err_category)99), "NotSpecified");
	assert_int_equal(err_set(NULL, "Test.Id", ERR_OBJECT_NOT_FOUND, NULL, "x"), -ENOENT);
	assert_int_equal(err_advise(NULL, -3, "x"), -3);
	err_free(NULL);
}

static void errors_of_the_system(void **state)
{
	static const struct {
		int errnum;
		enum err_category category;
	} cases[] = {
		{ ENOENT, ERR_OBJECT_NOT_FOUND }, { ENODEV, ERR_OBJECT_NOT_FOUND },
		{ EEXIST, ERR_RESOURCE_EXISTS },  { EBUSY, ERR_RESOURCE_BUSY },
		{ EPERM, ERR_PERMISSION_DENIED }, { EACCES, ERR_PERMISSION_DENIED },
		{ ENOSPC, ERR_WRITE_ERROR },	  { EIO, ERR_WRITE_ERROR },
		{ EROFS, ERR_WRITE_ERROR },	  { EOPNOTSUPP, ERR_NOT_IMPLEMENTED },
		{ ERANGE, ERR_NOT_SPECIFIED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_err_ struct err *e = NULL;

		assert_int_equal(err_set_errno(&e, "Test.Id", cases[i].errnum, "t", "x"), -cases[i].errnum);
		assert_int_equal(e->category, cases[i].category);
		assert_int_equal(e->errnum, cases[i].errnum);
	}
}

static void files(void **state)
{
	char directory[] = "/tmp/nestor-base-XXXXXX";
	_cleanup_free_ char *path = NULL, *deep = NULL, *data = NULL, *big = repeat("0123456789", 1000, "");
	size_t size = 1;

	(void)state;
	assert_non_null(mkdtemp(directory));
	path = xasprintf("%s/file", directory);
	deep = xasprintf("%s/a/b", directory);
	assert_int_equal(read_file(path, 100, &data, &size), -ENOENT);
	assert_true(!data && size == 1);
	assert_int_equal(write_file_atomic(path, big, 10000), 0);
	assert_int_equal(read_file(path, 9999, &data, &size), -EFBIG);
	assert_null(data);
	assert_int_equal(read_file(path, 10000, &data, &size), 0);
	assert_int_equal(size, 10000);
	assert_string_equal(data, big);
	free(TAKE_PTR(data));
	assert_int_equal(write_file_atomic(path, "", 0), 0);
	assert_int_equal(read_file(path, 0, &data, NULL), 0);
	assert_string_equal(data, "");
	assert_int_equal(mkdir_p(deep, 0700), 0);
	assert_int_equal(mkdir_p(deep, 0700), 0);
	/* Nothing half-written stays: not where the directory is missing, not where a directory is in the way. */
	assert_int_equal(write_file_atomic(deep, "x", 1), -EISDIR);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(deep), 0);
	*strrchr(deep, '/') = 0;
	assert_int_equal(rmdir(deep), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(write_file_atomic(path, "x", 1), -ENOENT);
}

int util_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wildcards),
		cmocka_unit_test(wildcards_are_bounded),
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(allocations),
		cmocka_unit_test(strings),
		cmocka_unit_test(vectors),
		cmocka_unit_test(errors),
		cmocka_unit_test(errors_of_the_system),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("base/util", tests, NULL, NULL);
}
