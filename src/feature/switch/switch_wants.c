/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_wants.h"

const char *switch_bridge_name(const struct guid *id, char buf[static 16])
{
	snprintf(buf, 16, "nb%02x%02x%02x%02x%02x", id->b[0], id->b[1], id->b[2], id->b[3], id->b[4]);
	return buf;
}

void switch_wants(const struct docs *d, want_switch_vec *ret)
{
	_cleanup_free_ const void **all = NULL;
	size_t n = docs_list(d, &switch_kind, &all);

	for (size_t i = 0; i < n; i++) {
		const struct switch_doc *s = all[i];
		struct want_switch w = { .id = s->id, .name = s->name };

		switch_bridge_name(&s->id, w.bridge);
		if (s->nic && strlen(s->nic) < sizeof(w.nic))
			memcpy(w.nic, s->nic, strlen(s->nic) + 1);
		vec_push(ret, w);
	}
}
