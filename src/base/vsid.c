/* SPDX-License-Identifier: Apache-2.0 */
#include "vsid.h"

#include <errno.h>

int vsid_parse(const char *s, uint32_t *ret)
{
	uint64_t v;
	int r = parse_u64(s, UINT32_MAX, &v);

	if (r < 0)
		return r;
	if (!vsid_is_valid(v))
		return -ERANGE;
	*ret = (uint32_t)v;
	return 0;
}
