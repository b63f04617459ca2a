/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_rewrite.h"

bool netvirt_is_rewrite(const struct record_doc *r)
{
	return r->rule == NETVIRT_NAT && ip_is_v4(&r->ca) == ip_is_v4(&r->pa) && !ip_is_any(&r->ca) && !netvirt_is_gateway_record(r);
}

bool netvirt_is_carried(const struct record_doc *r)
{
	return netvirt_is_encap(r) || netvirt_is_rewrite(r) || (r->rule == NETVIRT_NAT && netvirt_is_gateway_record(r));
}

/* The most that outer headers add among the records of the virtual subnet; 0: it has none that need any. */
static int overhead(const struct netvirt_wants *w, uint32_t vsid)
{
	const struct record_doc *r;
	int most = 0;

	for (enum dp_encap encap = 0; encap < DP_ENCAPS; encap++)
		if (netvirt_has_records(w->docs, vsid, RECORD_ENCAP + encap))
			most = MAX(most, DP_ENCAP_OVERHEAD(encap));
	for (size_t pos = 0; (r = records_in_subnet(w->docs, vsid, RECORD_WILDCARD, &pos));)
		most = MAX(most, DP_ENCAP_OVERHEAD(netvirt_encap(r)));
	return most;
}

void rewrite_want_port(const struct netvirt_wants *w, struct want_vport *p)
{
	int most = overhead(w, p->vsid);

	if (most || netvirt_has_records(w->docs, p->vsid, RECORD_REWRITE))
		p->overhead = (uint8_t)most;
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
