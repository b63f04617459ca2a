/* SPDX-License-Identifier: Apache-2.0 */
#include "switch_wants.h"

#include "adapter.h"

const char *switch_bridge_name(const struct guid *id, char buf[static 16])
{
	snprintf(buf, 16, "nb%02x%02x%02x%02x%02x", id->b[0], id->b[1], id->b[2], id->b[3], id->b[4]);
	return buf;
}

/* Of whatever port, whether or not its machine runs: nothing changes when one starts. */
static bool has_vlans(const struct docs *d, const struct guid *id)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (a->vlan_mode != VLAN_UNTAGGED && guid_equal(&a->switch_id, id))
			return true;
	return false;
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
		w.vlans = has_vlans(d, &s->id);
		vec_push(ret, w);
	}
}
