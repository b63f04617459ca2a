/* SPDX-License-Identifier: Apache-2.0 */
#include "vlan_set.h"

#include <ctype.h>
#include <errno.h>

#include "str.h"

bool vlan_set_is_empty(const struct vlan_set *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->bits); i++)
		if (s->bits[i])
			return false;
	return true;
}

static const char *blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* A number of at most four digits; NULL: there is none in range. */
static const char *parse_id(const char *p, unsigned *ret)
{
	unsigned n = 0, digits = 0;

	for (p = blanks(p); isdigit((unsigned char)*p) && digits <= 4; p++, digits++)
		n = n * 10 + (unsigned)(*p - '0');
	*ret = n;
	return digits && digits <= 4 && n >= VLAN_MIN && n <= VLAN_MAX ? blanks(p) : NULL;
}

int vlan_set_parse(const char *text, struct vlan_set *ret)
{
	struct vlan_set s = { 0 };
	unsigned first, last;

	for (;;) {
		text = parse_id(text, &first);
		last = first;
		if (text && *text == '-')
			text = parse_id(text + 1, &last);
		if (!text || last < first)
			return -EINVAL;
		for (unsigned id = first; id <= last; id++)
			vlan_set_add(&s, id);
		if (!*text)
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	*ret = s;
	return 0;
}

bool vlan_set_run(const struct vlan_set *s, unsigned *first, unsigned *last)
{
	unsigned id = *first;

	while (id < 4096 && !vlan_set_has(s, id))
		id++;
	if (id >= 4096)
		return false;
	*first = *last = id;
	while (vlan_set_has(s, *last + 1))
		++*last;
	return true;
}

char *vlan_set_format(const struct vlan_set *s)
{
	struct str out = { 0 };
	unsigned first = 0, last;

	for (; vlan_set_run(s, &first, &last); first = last + 1) {
		str_addf(&out, "%s%u", out.len ? "," : "", first);
		if (last > first)
			str_addf(&out, "-%u", last);
	}
	return str_take(&out);
}
