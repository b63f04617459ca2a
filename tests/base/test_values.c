/* SPDX-License-Identifier: Apache-2.0 */
/* MAC, IP, prefix, GUID and virtual subnet id: every form that is accepted, and what is refused. */
#include <errno.h>
#include <sys/socket.h>

#include "base_test.h"
#include "guid.h"
#include "ip.h"
#include "mac.h"
#include "prefix.h"
#include "vlan_set.h"
#include "vsid.h"

/* Refused, and what was to be written untouched. */
#define assert_untouched(parse, text, ret, expected)                                                                   \
	do {                                                                                                           \
		typeof(*(ret)) _before;                                                                                \
                                                                                                                       \
		memset(ret, 0xa5, sizeof(*(ret)));                                                                     \
		memcpy(&_before, ret, sizeof(_before));                                                                \
		if ((parse) != (expected))                                                                             \
			fail_msg("\"%s\" is not refused by %s", text, #expected);                                      \
		assert_memory_equal(ret, &_before, sizeof(_before));                                                   \
	} while (0)

static void vlan_set(void **state)
{
	static const struct {
		const char *text, *canonical;
	} good[] = {
		{ "1", "1" }, { "4094", "4094" }, { "1-4094", "1-4094" }, { "1-100,200", "1-100,200" },
		{ " 200 , 1 - 100 ", "1-100,200" }, { "5,4,3", "3-5" }, { "63,64", "63-64" }, { "7-7", "7" },
		{ "1,3,5-6,6-9,4094", "1,3,5-9,4094" }, { "0010", "10" },
	};
	static const char *const bad[] = { "", " ", ",", "0", "4095", "00010", "1,", ",1", "1,,2", "1-", "-1", "2-1", "1-2-3", "1;2", "a",
					   "1 2", "1-4095", "99999999999999999999", "1.5", "1,x" };
	struct vlan_set s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		_cleanup_free_ char *text = NULL;

		assert_int_equal(vlan_set_parse(good[i].text, &s), 0);
		text = vlan_set_format(&s);
		assert_string_equal(text, good[i].canonical);
		assert_false(vlan_set_has(&s, 0));
		assert_false(vlan_set_has(&s, 4095));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_untouched(vlan_set_parse(bad[i], &s), bad[i], &s, -EINVAL);
}

static void mac(void **state)
{
	static const char *const good[] = {
		"00155D0A0B0C",	     "00155d0a0b0c",	  "00155D0a0B0c",      "00-15-5D-0A-0B-0C",
		"00-15-5d-0a-0b-0c", "00:15:5d:0a:0b:0c", "00:15:5D:0A:0B:0C",
	};
	static const char *const bad[] = {
		"",
		"0",
		"00155D0A0B0",
		"00155D0A0B0C0",
		"00155D0A0B0G",
		"00-15-5D-0A-0B:0C",
		"00:15-5D-0A-0B-0C",
		"0015-5D0A-0B0C",
		"00.15.5D.0A.0B.0C",
		"00-15-5D-0A-0B-0",
		"00-15-5D-0A-0B-0C-",
		"-00-15-5D-0A-0B-0",
		"0x155D0A0B0C",
		" 0155D0A0B0C",
		"00155D0A0B0 ",
		"00-15-5D-0A-0B-G0",
		"0-015-5D-0A-0B-0C",
		"00155d0a0b/c",
		"00155d0a0b:c",
		"00155d0a0b@c",
		"00155d0a0b`c",
	};
	char text[MAC_TEXT_SIZE];
	struct mac m;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(mac_parse(good[i], &m), 0);
		assert_string_equal(mac_format(&m, text), "00155D0A0B0C");
		assert_string_equal(mac_format_dashes(&m, text), "00-15-5D-0A-0B-0C");
		assert_string_equal(mac_format_colons(&m, text), "00:15:5d:0a:0b:0c");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_untouched(mac_parse(bad[i], &m), bad[i], &m, -EINVAL);
}

static void mac_kinds(void **state)
{
	static const struct {
		const char *text;
		bool zero, unicast;
	} cases[] = {
		{ "000000000000", true, false },  { "000000000011", false, true },  { "010000000000", false, false },
		{ "FFFFFFFFFFFF", false, false }, { "020000000000", false, true },  { "FE0000000000", false, true },
		{ "000000000001", false, true },  { "01005E000001", false, false },
	};
	struct mac a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(mac_parse(cases[i].text, &a), 0);
		assert_int_equal(mac_is_zero(&a), cases[i].zero);
		assert_int_equal(mac_is_unicast(&a), cases[i].unicast);
		assert_int_equal(mac_parse("000000000011", &b), 0);
		assert_int_equal(mac_equal(&a, &b), i == 1);
	}
}

static void ip(void **state)
{
	static const struct {
		const char *text, *canonical;
		int family;
	} good[] = {
		{ "0.0.0.0", "0.0.0.0", AF_INET },
		{ "10.10.10.11", "10.10.10.11", AF_INET },
		{ "255.255.255.255", "255.255.255.255", AF_INET },
		{ "::", "::", AF_INET6 },
		{ "::1", "::1", AF_INET6 },
		{ "FE80::00aB", "fe80::ab", AF_INET6 },
		{ "2001:0db8:0:0:0:0:0:1", "2001:db8::1", AF_INET6 },
		{ "2001:db8::10.0.0.1", "2001:db8::a00:1", AF_INET6 },
	};
	static const char *const bad[] = {
		"",
		" ",
		"10",
		"10.1",
		"10.1.2",
		"10.1.2.3.4",
		"256.1.1.1",
		"1.2.3.-4",
		"01.2.3.4",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4/24",
		"1..2.3",
		"0x0a.1.1.1",
		":",
		":::",
		"1::2::3",
		"12345::",
		"fe80::1%eth0",
		"[::1]",
		"::ffff:1.2.3.4",
		"::FFFF:102:304",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7",
		"name",
	};
	char text[IP_TEXT_SIZE];
	struct ip a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(ip_parse(good[i].text, &a), 0);
		assert_string_equal(ip_format(&a, text), good[i].canonical);
		assert_int_equal(ip_family(&a), good[i].family);
		assert_int_equal(ip_is_v4(&a), good[i].family == AF_INET);
		assert_int_equal(ip_parse(text, &b), 0);
		assert_true(ip_equal(&a, &b));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_untouched(ip_parse(bad[i], &a), bad[i], &a, -EINVAL);
}

static void ip_kinds(void **state)
{
	static const struct {
		const char *text;
		bool any, zero, multicast, loopback;
	} cases[] = {
		{ "0.0.0.0", .any = true },
		{ "::", .any = true, .zero = true },
		{ "223.255.255.255" },
		{ "224.0.0.0", .multicast = true },
		{ "239.255.255.255", .multicast = true },
		{ "240.0.0.0" },
		{ "ff00::", .multicast = true },
		{ "feff::" },
		{ "126.255.255.255" },
		{ "127.0.0.0", .loopback = true },
		{ "127.255.255.255", .loopback = true },
		{ "128.0.0.0" },
		{ "::1", .loopback = true },
		{ "::2" },
	};
	struct ip a, b;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(ip_parse(cases[i].text, &a), 0);
		assert_int_equal(ip_is_any(&a), cases[i].any);
		assert_int_equal(ip_is_zero(&a), cases[i].zero);
		assert_int_equal(ip_is_multicast(&a), cases[i].multicast);
		assert_int_equal(ip_is_loopback(&a), cases[i].loopback);
	}
	for (size_t i = 0; i < 8; i++) {
		static const char *const texts[] = { "fe7f:ffff::", "fe80::", "fe80::1", "febf:ffff::1", "fec0::", "::", "254.128.0.1",
						     "ff02::1" };

		assert_int_equal(ip_parse(texts[i], &a), 0);
		assert_int_equal(ip_is_link_local(&a), i >= 1 && i <= 3);
	}
	assert_int_equal(ip_parse("10.0.0.9", &a), 0);
	assert_int_equal(ip_parse("10.0.0.10", &b), 0);
	assert_true(ip_compare(&a, &b) < 0 && ip_compare(&b, &a) > 0 && ip_compare(&a, &a) == 0);
	assert_false(ip_equal(&a, &b));
	assert_memory_equal(&(uint32_t) { ip_v4(&a) }, ((uint8_t[]) { 10, 0, 0, 9 }), 4);
	b = ip_from_v4(ip_v4(&a));
	assert_true(ip_equal(&a, &b));
}

static void prefix(void **state)
{
	static const struct {
		const char *text, *canonical;
		bool host_bits;
	} good[] = {
		{ "10.10.10.0/24", "10.10.10.0/24" },
		{ "10.10.10.7/24", "10.10.10.0/24", true },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "1.2.3.4/0", "0.0.0.0/0", true },
		{ "1.2.3.4/32", "1.2.3.4/32" },
		{ "10.10.10.127/25", "10.10.10.0/25", true },
		{ "10.10.10.128/25", "10.10.10.128/25" },
		{ "::/0", "::/0" },
		{ "2001:db8::1/64", "2001:db8::/64", true },
		{ "2001:db8::1/128", "2001:db8::1/128" },
		{ "2001:db8:8000::/33", "2001:db8:8000::/33" },
	};
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"10.0.0.0",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+8",
		"10.0.0.0/8 ",
		"10.0.0.0/ 8",
		"10.0.0/8",
		"10.0.0.0/8/8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0/08",
		"10.0.0.0/00",
		"::/129",
		"::/",
		"::ffff:10.0.0.0/104",
		"10.0.0.0/18446744073709551624",
		"10.0.0.0/0x8",
		"0000000000000000000000000000000000000000000000000000000000000000/8",
	};
	char text[PREFIX_TEXT_SIZE];
	struct prefix p;
	bool host_bits;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(prefix_parse(good[i].text, &p, &host_bits), 0);
		assert_string_equal(prefix_format(&p, text), good[i].canonical);
		assert_int_equal(host_bits, good[i].host_bits);
		assert_int_equal(prefix_parse(good[i].text, &p, NULL), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_untouched(prefix_parse(bad[i], &p, NULL), bad[i], &p, -EINVAL);
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_int_equal(prefix_parse(text, &p, NULL), 0);
	return p;
}

static void prefix_relations(void **state)
{
	static const struct {
		const char *prefix, *ip;
		bool contains;
	} members[] = {
		{ "10.10.10.0/24", "10.10.10.0", true },
		{ "10.10.10.0/24", "10.10.10.255", true },
		{ "10.10.10.0/24", "10.10.11.0", false },
		{ "0.0.0.0/0", "255.1.2.3", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "::/0", "2001:db8::1", true },
		{ "::/0", "10.0.0.1", false },
		{ "10.0.0.1/32", "10.0.0.1", true },
		{ "10.0.0.1/32", "10.0.0.0", false },
		{ "10.0.0.128/25", "10.0.0.127", false },
		{ "2001:db8::/33", "2001:db8:7fff::", true },
		{ "2001:db8::/33", "2001:db8:8000::", false },
	};
	static const struct {
		const char *a, *b;
		bool overlap;
	} pairs[] = {
		{ "10.0.0.0/24", "10.0.0.0/24", true },
		{ "10.0.0.0/24", "10.0.1.0/24", false },
		{ "10.0.0.0/23", "10.0.1.0/24", true },
		{ "0.0.0.0/0", "10.0.1.0/24", true },
		{ "0.0.0.0/0", "::/0", false },
		{ "2001:db8::/32", "2001:db8:1::/48", true },
		{ "2001:db8::/32", "2001:db9::/32", false },
	};
	static const struct {
		const char *prefix, *first;
	} firsts[] = {
		{ "10.0.0.0/24", "10.0.0.1" },	      { "10.0.0.128/25", "10.0.0.129" },
		{ "10.0.0.0/30", "10.0.0.1" },	      { "10.0.0.2/31", "10.0.0.2" },
		{ "10.0.0.2/32", "10.0.0.2" },	      { "0.0.0.0/0", "0.0.0.1" },
		{ "2001:db8::/64", "2001:db8::1" },   { "2001:db8::2/127", "2001:db8::2" },
		{ "2001:db8::2/128", "2001:db8::2" }, { "2001:db8::4/126", "2001:db8::5" },
	};
	char text[IP_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		struct prefix p = prefix_of(members[i].prefix);
		struct ip a;

		assert_int_equal(ip_parse(members[i].ip, &a), 0);
		if (prefix_contains(&p, &a) != members[i].contains)
			fail_msg("%s, %s", members[i].prefix, members[i].ip);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		struct prefix a = prefix_of(pairs[i].a), b = prefix_of(pairs[i].b);

		if (prefix_overlaps(&a, &b) != pairs[i].overlap || prefix_overlaps(&b, &a) != pairs[i].overlap)
			fail_msg("%s, %s", pairs[i].a, pairs[i].b);
		assert_int_equal(prefix_equal(&a, &b), i == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(firsts); i++) {
		struct prefix p = prefix_of(firsts[i].prefix);
		struct ip first = prefix_first_host(&p);

		assert_string_equal(ip_format(&first, text), firsts[i].first);
	}
}

static void prefix_lengths(void **state)
{
	struct prefix p = prefix_of("1.2.3.0/24");
	struct ip v4, v6;

	(void)state;
	assert_int_equal(ip_parse("10.1.2.3", &v4), 0);
	assert_int_equal(ip_parse("2001:db8::1", &v6), 0);
	assert_int_equal(prefix_from(&v4, 33, &p), -EINVAL);
	assert_int_equal(prefix_from(&v6, 129, &p), -EINVAL);
	assert_int_equal(p.len, 24);
	assert_int_equal(prefix_from(&v4, 32, &p), 0);
	assert_true(ip_equal(&p.ip, &v4));
	assert_int_equal(prefix_from(&v6, 128, &p), 0);
	assert_true(ip_equal(&p.ip, &v6));
}

static void guid(void **state)
{
	static const char lower[] = "11111111-2222-3333-4444-00000000abcd",
			  braces[] = "{11111111-2222-3333-4444-00000000ABCD}";
	static const char *const good[] = {
		lower,
		braces,
		"11111111-2222-3333-4444-00000000ABCD",
		"{11111111-2222-3333-4444-00000000abcd}",
		"11111111-2222-3333-4444-00000000aBcD",
	};
	static const char *const bad[] = {
		"",
		"{}",
		"1111111122223333444400000000abcd",
		"11111111-2222-3333-4444-00000000abc",
		"11111111-2222-3333-4444-00000000abcde",
		"{11111111-2222-3333-4444-00000000abcd",
		"11111111-2222-3333-4444-00000000abcd}",
		"(11111111-2222-3333-4444-00000000abcd)",
		"{11111111-2222-3333-4444-00000000abcd)",
		"11111111-2222-3333-4444-00000000abcg",
		"11111111_2222_3333_4444_00000000abcd",
		"1111111-12222-3333-4444-00000000abcd",
		"11111111-2222-3333-4444-00000000ab-d",
		" 1111111-2222-3333-4444-00000000abcd",
		"11111111-2222-3333-444400000000-abcd",
	};
	char text[GUID_TEXT_SIZE];
	struct guid g, other;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(guid_parse(good[i], &g), 0);
		assert_string_equal(guid_format(&g, text), lower);
		assert_string_equal(guid_format_braces(&g, text), braces);
	}
	assert_false(guid_is_zero(&g));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_untouched(guid_parse(bad[i], &other), bad[i], &other, -EINVAL);
	assert_int_equal(guid_parse("00000000-0000-0000-0000-000000000000", &other), 0);
	assert_true(guid_is_zero(&other));
	assert_false(guid_equal(&g, &other));
	g = guid_new();
	other = guid_new();
	assert_false(guid_equal(&g, &other));
	/* RFC 4122: random, variant 1. */
	assert_int_equal(g.b[6] >> 4, 4);
	assert_int_equal(g.b[8] >> 6, 2);
}

/* HN-1, D-1 */
static void vsid(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint32_t vsid;
	} cases[] = {
		{ "4096", 0, 4096 },
		{ "5010", 0, 5010 },
		{ "16777214", 0, 16777214 },
		{ "0x1000", 0, 4096 },
		{ "0xFFFFFE", 0, 16777214 },
		{ "0", -ERANGE },
		{ "1", -ERANGE },
		{ "4095", -ERANGE },
		{ "16777215", -ERANGE },
		{ "4294971392", -ERANGE },
		{ "18446744073709555712", -ERANGE },
		{ "", -EINVAL },
		{ "-5010", -EINVAL },
		{ "5010 ", -EINVAL },
		{ "5010.0", -EINVAL },
		{ "0x", -EINVAL },
		{ "99999999999999999999x", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t v = 7;

		if (vsid_parse(cases[i].text, &v) != cases[i].result)
			fail_msg("%s", cases[i].text);
		assert_int_equal(v, cases[i].result ? 7 : cases[i].vsid);
	}
	assert_false(vsid_is_valid(0) || vsid_is_valid(4095) || vsid_is_valid(16777215) ||
		     vsid_is_valid(1ULL << 32 | 5010));
	assert_true(vsid_is_valid(4096) && vsid_is_valid(16777214));
}

int value_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mac),
		cmocka_unit_test(vlan_set),
		cmocka_unit_test(mac_kinds),
		cmocka_unit_test(ip),
		cmocka_unit_test(ip_kinds),
		cmocka_unit_test(prefix),
		cmocka_unit_test(prefix_relations),
		cmocka_unit_test(prefix_lengths),
		cmocka_unit_test(guid),
		cmocka_unit_test(vsid),
	};

	return cmocka_run_group_tests_name("base/values", tests, NULL, NULL);
}
