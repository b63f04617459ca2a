/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "eval.h"
#include "text.h"

/* Digits with a separator of thousands. */
static void add_grouped(struct str *s, const char *digits)
{
	size_t whole = strcspn(digits + (*digits == '-'), "."), i = 0;

	if (*digits == '-')
		str_addc(s, *digits++);
	for (; digits[i]; i++) {
		if (i && i < whole && (whole - i) % 3 == 0)
			str_addc(s, ',');
		str_addc(s, digits[i]);
	}
}

/* 0000, 0.00, #.##: how many digits stand before and after the point. */
static bool custom_number(struct str *s, const char *spec, double d)
{
	size_t before = 0, after = 0, most = 0;
	const char *p = spec;
	char buf[400], *end;

	for (; *p == '#' || *p == '0' || *p == ','; p++)
		before += *p == '0';
	if (*p == '.')
		for (p++; *p == '#' || *p == '0'; p++) {
			most++;
			if (*p == '0')
				after = most;
		}
	if (*p || before > 60 || most > 60)
		return false;
	snprintf(buf, sizeof(buf), "%0*.*f", (int)(before + most + (most > 0) + (d < 0)), (int)most, d);
	end = buf + strlen(buf);
	while (most-- > after && end[-1] == '0')
		*--end = 0;
	if (end > buf && end[-1] == '.')
		*--end = 0;
	str_add(s, buf);
	return true;
}

/* A .NET format of a number: D4 X2 N0 F2 P1 E, or a custom one. false: not understood. */
static bool add_number(struct str *s, const struct value *v, const char *spec)
{
	unsigned digits = text_is_digit(spec[1]) ? (unsigned)MIN(strtoul(spec + 1, NULL, 10), 60ul) : UINT32_MAX;
	int places = digits == UINT32_MAX ? 2 : (int)digits;
	_cleanup_free_ char *buf = NULL;
	int64_t i = 0;
	double d;

	if (value_to_real(v, &d) < 0)
		return false;
	value_to_int(v, &i);
	switch (spec[0]) {
	case 'd':
	case 'D':
		str_addf(s, "%s%0*lld", i < 0 ? "-" : "", digits == UINT32_MAX ? 0 : (int)digits, llabs((long long)i));
		return true;
	case 'x':
		str_addf(s, "%0*llx", digits == UINT32_MAX ? 0 : (int)digits, (unsigned long long)i);
		return true;
	case 'X':
		str_addf(s, "%0*llX", digits == UINT32_MAX ? 0 : (int)digits, (unsigned long long)i);
		return true;
	case 'f':
	case 'F':
		str_addf(s, "%.*f", places, d);
		return true;
	case 'n':
	case 'N':
		buf = xasprintf("%.*f", places, d);
		add_grouped(s, buf);
		return true;
	case 'p':
	case 'P':
		buf = xasprintf("%.*f", places, d * 100);
		add_grouped(s, buf);
		str_addc(s, '%');
		return true;
	case 'e':
	case 'E':
		str_addf(s, "%.*E", digits == UINT32_MAX ? 6 : (int)digits, d);
		return true;
	case 'g':
	case 'G':
		value_add_text(s, v);
		return true;
	default:
		return custom_number(s, spec, d);
	}
}

/* {index[,width][:spec]}; *p just behind the '{' on entry, behind the '}' on return. */
static int add_hole(struct shell *sh, const struct node *at, const char **p, const struct value *args, struct str *out)
{
	_cleanup_str_ struct str cell = {};
	_cleanup_free_ char *spec = NULL;
	char *end;
	unsigned long index = strtoul(*p, &end, 10);
	long width = 0;
	const struct value *v;
	size_t n, used;

	if (!text_is_digit(**p))
		return sh_throw(sh, at, "FormatError", "Error formatting a string: a number must follow '{'.");
	if (*end == ',')
		width = strtol(end + 1, &end, 10);
	if (*end == ':') {
		n = strcspn(end + 1, "}");
		spec = xstrndup(end + 1, n);
		end += 1 + n;
	}
	if (*end != '}')
		return sh_throw(sh, at, "FormatError", "Error formatting a string: a '{' is not closed.");
	if (index >= (value_is_array(args) ? args->n : 1))
		return sh_throw(sh, at, "FormatError", "Error formatting a string: Index (zero based) must be greater than or "
				"equal to zero and less than the size of the argument list.");
	v = value_is_array(args) ? args->items[index] : args;
	if (!spec || !*spec || !value_is_number(v) || !add_number(&cell, v, spec))
		value_add_text(&cell, v);
	used = text_width(str_get(&cell));
	width = MAX(MIN(width, 4096), -4096);
	if (width > 0 && used < (size_t)width)
		str_pad(out, ' ', (size_t)width - used);
	str_add(out, str_get(&cell));
	if (width < 0 && used < (size_t)-width)
		str_pad(out, ' ', (size_t)-width - used);
	*p = end + 1;
	return FLOW_OK;
}

int op_format(struct shell *sh, const struct node *at, const char *format, const struct value *args, struct value **ret)
{
	_cleanup_str_ struct str s = {};

	for (const char *p = format; *p;) {
		if ((*p == '{' || *p == '}') && p[1] == *p) {
			str_addc(&s, *p);
			p += 2;
		} else if (*p == '{') {
			int r;

			p++;
			r = add_hole(sh, at, &p, args, &s);
			if (r < 0)
				return r;
		} else {
			str_addc(&s, *p++);
		}
		if (s.len > VALUE_MAX_STRING)
			return sh_throw(sh, at, "LimitsExceeded", "The string is longer than %u bytes.", VALUE_MAX_STRING);
	}
	*ret = value_string_take(&sh->heap, str_take(&s));
	return FLOW_OK;
}
