/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text into every value type, and the first line as a wildcard for the rest. What is accepted has one canonical text,
 * which is read as the same value again; what is refused leaves the value alone.
 */
#include <assert.h>
#include <string.h>

#include "guid.h"
#include "ip.h"
#include "mac.h"
#include "prefix.h"
#include "vlan_set.h"
#include "vsid.h"

/* Reads text, writes it and reads that again. */
#define FIXPOINT(type, parse_, format_, text)                                                                          \
	do {                                                                                                           \
		struct type _a, _b, _before;                                                                           \
		char _canonical[64];                                                                                   \
                                                                                                                       \
		memset(&_a, 0xa5, sizeof(_a));                                                                         \
		_before = _a;                                                                                          \
		if (parse_(text, &_a) < 0) {                                                                           \
			assert(memcmp(&_a, &_before, sizeof(_a)) == 0);                                                \
			break;                                                                                         \
		}                                                                                                      \
		format_(&_a, _canonical);                                                                              \
		assert(strlen(_canonical) < sizeof(_canonical));                                                       \
		assert(parse_(_canonical, &_b) == 0);                                                                  \
		assert(memcmp(&_a, &_b, sizeof(_a)) == 0);                                                             \
	} while (0)

static int parse_prefix(const char *text, struct prefix *ret)
{
	struct prefix p;
	bool host_bits = true;

	if (prefix_parse(text, &p, &host_bits) < 0) {
		assert(host_bits);
		return -1;
	}
	/* No padding is left unset: the fixpoint compares bytes. */
	memset(ret, 0, sizeof(*ret));
	ret->ip = p.ip;
	ret->len = p.len;
	return 0;
}

static void check_vlan_set(const char *text)
{
	struct vlan_set a, b;
	char *canonical;

	if (vlan_set_parse(text, &a) < 0)
		return;
	canonical = vlan_set_format(&a);
	assert(vlan_set_parse(canonical, &b) == 0 && memcmp(&a, &b, sizeof(a)) == 0);
	free(canonical);
}

static void check_prefix(const char *text)
{
	struct prefix p;
	struct ip first;

	if (prefix_parse(text, &p, NULL) < 0)
		return;
	first = prefix_first_host(&p);
	assert(prefix_contains(&p, &p.ip) && prefix_contains(&p, &first) && prefix_overlaps(&p, &p));
	assert(p.len <= (ip_is_v4(&p.ip) ? 32 : 128));
}

static void check_numbers(const char *text)
{
	uint64_t v = 77, again;
	uint32_t vsid = 77;
	char canonical[32];

	if (parse_u64(text, UINT64_MAX, &v) == 0) {
		snprintf(canonical, sizeof(canonical), "%llu", (unsigned long long)v);
		assert(parse_u64(canonical, v, &again) == 0 && again == v);
		assert(v == 0 || parse_u64(canonical, v - 1, &again) < 0);
		assert((vsid_parse(text, &vsid) == 0) == vsid_is_valid(v));
	} else {
		assert(v == 77 && vsid_parse(text, &vsid) < 0 && vsid == 77);
	}
}

/* A text without what is special matches itself and nothing longer. */
static void check_wildcards(const char *pattern, const char *text)
{
	_cleanup_free_ char *any = xasprintf("*%s*", pattern), *more = xasprintf("%sx", text);
	bool match = wildcard_match(pattern, text);

	if (match)
		assert(wildcard_match(any, text));
	if (!wildcard_has(pattern)) {
		assert(match == strieq(pattern, text));
		assert(wildcard_match(pattern, pattern));
	}
	if (!wildcard_has(text))
		assert(wildcard_match(text, text) && !wildcard_match(text, more));
	assert(wildcard_match("*", text) && wildcard_match("", text) == !*text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *all = NULL, *text = NULL, *pattern = NULL;
	size_t line;

	if (size > 4096)
		return 0;
	all = xstrndup((const char *)data, size);
	line = strcspn(all, "\n");
	pattern = xstrndup(all, line);
	/* A copy of exactly this size, so that reading past its end is seen. */
	text = xstrdup(all + line + (all[line] == '\n'));
	FIXPOINT(mac, mac_parse, mac_format, pattern);
	FIXPOINT(mac, mac_parse, mac_format_dashes, pattern);
	FIXPOINT(mac, mac_parse, mac_format_colons, pattern);
	FIXPOINT(ip, ip_parse, ip_format, pattern);
	FIXPOINT(guid, guid_parse, guid_format, pattern);
	FIXPOINT(guid, guid_parse, guid_format_braces, pattern);
	FIXPOINT(prefix, parse_prefix, prefix_format, pattern);
	check_prefix(pattern);
	check_vlan_set(pattern);
	check_numbers(pattern);
	check_wildcards(pattern, text);
	return 0;
}
