/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_rewrite.h"

bool netvirt_is_rewrite(const struct record_doc *r)
{
	return r->rule == NETVIRT_NAT && ip_is_v4(&r->ca) && !ip_is_any(&r->ca) && ip_is_v4(&r->pa) &&
	       !netvirt_is_gateway_record(r);
}

bool netvirt_is_carried(const struct record_doc *r)
{
	return r->rule == NETVIRT_ENCAP || netvirt_is_rewrite(r) || (r->rule == NETVIRT_NAT && netvirt_is_gateway_record(r));
}

void rewrite_want_port(const struct netvirt_wants *w, struct want_vport *p)
{
	p->only_rewrite = netvirt_has_records(w->docs, p->vsid, RECORD_REWRITE) &&
			  !netvirt_has_records(w->docs, p->vsid, RECORD_ENCAP) &&
			  !netvirt_has_records(w->docs, p->vsid, RECORD_WILDCARD);
	for (size_t i = 0; i < p->n_cas; i++) {
		struct want_rewrite r;
		struct want_ca ca;
		size_t by;

		/* Both tables must mean each other: the address this provider address, and it this address. */
		if (!netvirt_want_ca(w, p->segment, &p->cas[i], &ca, &by) || !ca.rewrite || !ca.local ||
		    !netvirt_want_rewrite(w, &ca.pa, &r, &by) || r.segment != p->segment || !ip_equal(&r.ca, &p->cas[i]))
			continue;
		p->rewrites[i] = r.pa;
		p->vm_mac[i] = r.vm_mac;
	}
}
