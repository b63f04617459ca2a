/* SPDX-License-Identifier: Apache-2.0 */
#include "netvirt_test.h"

#include "adapter.h"
#include "vm.h"

void lab_do(struct kit *k, const char *cmdlet, const char *format, ...)
{
	_cleanup_free_ char *parameters = NULL;
	va_list ap;

	va_start(ap, format);
	parameters = xvasprintf(format, ap);
	va_end(ap);
	kit_do(k, cmdlet, parameters);
}

void lab_uplink(struct kit *k, const char *name, const char *nic)
{
	lab_do(k, "New-VMSwitch", "{'Name': '%s', 'NetAdapterName': '%s', 'AllowManagementOS': false}", name, nic);
	lab_do(k, "Enable-NetAdapterBinding", "{'Name': '%s', 'ComponentID': 'ms_netwnv'}", nic);
}

void lab_vm(struct kit *k, const char *name, const char *switch_name, const char *mac, unsigned vsid)
{
	lab_do(k, "New-VM", "{'Name': '%s', 'Engine': 'Namespace', 'SwitchName': '%s'}", name, switch_name);
	lab_do(k, "Set-VMNetworkAdapter", "{'VMName': '%s', 'StaticMacAddress': '%s', 'VirtualSubnetId': %u}", name,
	       mac, vsid);
	lab_do(k, "Start-VM", "{'Name': '%s'}", name);
}

void lab_record(struct kit *k, unsigned vsid, const char *ca, const char *mac, const char *pa, const char *more)
{
	lab_do(k, "New-NetVirtualizationLookupRecord",
	       "{'VirtualSubnetID': %u, 'CustomerAddress': '%s', 'MACAddress': '%s', 'ProviderAddress': '%s', "
	       "'Rule': 'TranslationMethodEncap'%s}",
	       vsid, ca, mac, pa, more);
}

void lab_route(struct kit *k, const char *rdid, unsigned vsid, const char *prefix, const char *next_hop)
{
	lab_do(k, "New-NetVirtualizationCustomerRoute",
	       "{'RoutingDomainID': '%s', 'VirtualSubnetID': %u, 'DestinationPrefix': '%s', 'NextHop': '%s'}", rdid,
	       vsid, prefix, next_hop);
}

void lab_pa(struct kit *k, int ifindex, const char *pa, unsigned prefix_len)
{
	lab_do(k, "New-NetVirtualizationProviderAddress",
	       "{'InterfaceIndex': %d, 'ProviderAddress': '%s', 'PrefixLength': %u}", ifindex, pa, prefix_len);
}

/* The VM whose port it is; of a host vNIC the adapter's name; "-" for none. */
static const char *owner(const struct kit *k, const char *link)
{
	const struct adapter_doc *a;
	char name[16];

	for (size_t pos = 0; (a = docs_next(k->docs, &adapter_kind, &pos));)
		if (streq(adapter_port_name(&a->id, name), link))
			return guid_is_zero(&a->vm) ? a->name : vm_get(k->docs, &a->vm)->name;
	return *link ? "?" : "-";
}

void lab_tables(const struct netvirt_wants *w, struct lab_tables *ret)
{
	const struct record_doc *r;
	size_t by = 0;

	*ret = (struct lab_tables){ 0 };
	for (size_t pos = 0; (r = docs_next(w->docs, &record_kind, &pos));) {
		const struct want_subnet *s = netvirt_routed_subnet(w, r->vsid);
		struct want_dest dest;
		struct want_ca ca;
		struct want_rewrite rewrite;
		struct want_source source;

		if (netvirt_want_dest(w, r->vsid, &r->mac, &dest, &by) && by == pos)
			vec_push(&ret->dests, dest);
		if (netvirt_want_ca(w, r->vsid, &r->ca, &ca, &by) && by == pos)
			vec_push(&ret->cas, ca);
		if (netvirt_want_rewrite(w, &r->pa, &rewrite, &by) && by == pos)
			vec_push(&ret->rewrites, rewrite);
		if (s && netvirt_want_source(w, &s->rdid, &r->ca, &r->pa, &source, &by) && by == pos)
			vec_push(&ret->sources, source);
	}
	vec_foreach(&w->ports, p) {
		struct want_dest dest;

		if (netvirt_is_port_dest(p) && netvirt_port_with(w, p->segment, &p->mac) == p &&
		    netvirt_want_dest(w, p->segment, &p->mac, &dest, &by))
			vec_push(&ret->dests, dest);
	}
}

void lab_tables_done(struct lab_tables *t)
{
	vec_done(&t->dests);
	vec_done(&t->cas);
	vec_done(&t->rewrites);
	vec_done(&t->sources);
}

typedef VEC(char *) lines;

static int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_add(lines *l, struct str *all)
{
	vec_sort(l, line_compare);
	vec_foreach (l, line) {
		str_addf(all, "%s\n", *line);
		free(*line);
	}
	vec_done(l);
}

/* What the records say of IPv6. */
static const char *v6(bool ca6, bool any_ca6)
{
	return any_ca6 ? " any6" : ca6 ? " v6" : "";
}

static char *port_line(const struct kit *k, const struct want_vport *p)
{
	char mac[MAC_TEXT_SIZE], ip[IP_TEXT_SIZE], pa[IP_TEXT_SIZE];
	const struct ip *src = ip_is_zero(&p->src_pa4) ? &p->src_pa6 : &p->src_pa4;
	struct str s = { 0 };

	str_addf(&s, "port %s vsid %u segment %u+%u mac %s next %s src %s", owner(k, p->link), p->vsid,
		 p->segment >> 24, p->segment & 0xffffff, mac_format(&p->mac, mac), owner(k, p->flood_next),
		 ip_format(src, ip));
	if (src == &p->src_pa4 && !ip_is_zero(&p->src_pa6))
		str_addf(&s, "+%s", ip_format(&p->src_pa6, ip));
	str_addf(&s, "%s%s%s%s%s%s%s%s%s%s", p->policy ? " policy" : "", p->spoofing ? " spoofing" : "", p->any_ca ? " any" : "",
		 v6(p->ca6, p->any_ca6), p->learn4.wanted ? " learn" : "", p->learn4.full ? " full" : "",
		 p->learn6.wanted ? " learn6" : "", p->learn6.full ? " full6" : "",
		 p->more_ca ? " more" : "", p->inner_elsewhere ? "" : " here");
	for (size_t i = 0; i < p->n_cas; i++)
		str_addf(&s, " %s%s%s%s", ip_format(&p->cas[i], ip), ip_is_zero(&p->rewrites[i]) ? "" : "=",
			 ip_is_zero(&p->rewrites[i]) ? "" : ip_format(&p->rewrites[i], pa), p->vm_mac[i] ? "*" : "");
	str_addf(&s, "%s%s", p->rewrite ? " rewrite" : "", p->overhead ? "" : " only");
	if (p->overhead && p->overhead != 42)
		str_addf(&s, " overhead %u", p->overhead);
	return str_take(&s);
}

static char *dest_line(const struct kit *k, const struct want_dest *d)
{
	char mac[MAC_TEXT_SIZE], pa[IP_TEXT_SIZE];

	return xasprintf("dest %u+%u %s %s%s pa %s%s%s%s", d->segment >> 24, d->segment & 0xffffff, mac_format(&d->mac, mac),
			 d->remote ? "remote" : owner(k, d->link), d->remote && d->encap & DP_ENCAP_VXLAN ? " vxlan" : "",
			 ip_format(&d->pa, pa), d->any_known ? " any" : d->any_ca ? " unknown" : "",
			 d->any_ca6 && !d->any_known6 ? " unknown6" : v6(d->ca6, d->any_ca6),
			 d->rewrite ? " rewrite" : d->some_rewrite ? " some rewrite" : "");
}

static const char *router6(const struct ip *ip, char buf[static PREFIX_TEXT_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(buf, PREFIX_TEXT_SIZE, " %s", ip_format(ip, text));
	return buf;
}

/* Routing domains by the last two digits of their id. */
static void router_lines(const struct kit *k, const struct netvirt_wants *w, const struct lab_tables *t, lines *l)
{
	char a[PREFIX_TEXT_SIZE], b[IP_TEXT_SIZE], m[MAC_TEXT_SIZE], n[MAC_TEXT_SIZE];

	vec_foreach(&w->ports, p)
		if (!guid_is_zero(&p->rdid))
			vec_push(l, xasprintf("at %s domain %02x router %s %s%s%s%s", owner(k, p->link), p->rdid.b[15],
					      mac_format(&p->router_mac, m), ip_format(&p->router, b),
					      mac_is_zero(&p->router_mac6) ? "" : " and ",
					      mac_is_zero(&p->router_mac6) ? "" : mac_format(&p->router_mac6, n),
					      mac_is_zero(&p->router_mac6) ? "" : router6(&p->router6, a)));
	vec_foreach(&w->customer_routes, r)
		vec_push(l, xasprintf("to %s domain %02x sender %u: vsid %u router %s mac %s%s%s", prefix_format(&r->prefix, a),
				      r->rdid.b[15], r->sender, r->vsid, mac_format(&r->router_mac, m), mac_format(&r->mac, n),
				      r->on_link ? " on-link" : "", r->own ? " own" : ""));
	vec_foreach(&w->subnets, s)
		vec_push(l, xasprintf("subnet %u domain %02x router %s%s%s", s->vsid, s->rdid.b[15], mac_format(&s->router_mac, m),
				      mac_is_zero(&s->router_mac6) ? "" : " and ",
				      mac_is_zero(&s->router_mac6) ? "" : mac_format(&s->router_mac6, n)));
	vec_foreach(&t->sources, s)
		vec_push(l, xasprintf("from %s at %s domain %02x router %s", ip_format(&s->ca, a), ip_format(&s->pa, b), s->rdid.b[15],
				      mac_format(&s->router_mac, m)));
}

static void group_lines(const struct netvirt_wants *w, lines *l)
{
	char a[IP_TEXT_SIZE], b[IP_TEXT_SIZE];

	vec_foreach(&w->groups, g) {
		struct str s = { 0 };

		str_addf(&s, "group %u to %s %s at %s:", g->segment, ip_format(&g->pa, a), g->first[0] ? "here" : "nowhere",
			 ip_format(&g->src_pa, b));
		vec_foreach(&g->peers, peer)
			str_addf(&s, " %s%s", peer->encap & DP_ENCAP_VXLAN ? "vxlan:" : "", ip_format(&peer->pa, a));
		vec_push(l, str_take(&s));
	}
	vec_foreach(&w->heard, pa)
		vec_push(l, xasprintf("heard %s/%u nic %s", ip_format(&pa->pa, a), pa->prefix_len, pa->nic));
}

char *lab_wants(struct kit *k, const char *tables)
{
	char a[PREFIX_TEXT_SIZE], b[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];
	struct netvirt_wants w;
	struct lab_tables t;
	struct str all = { 0 };
	lines l = { 0 };

	netvirt_wants(k->docs, &w);
	lab_tables(&w, &t);
	if (strchr(tables, 'p'))
		vec_foreach (&w.ports, p)
			vec_push(&l, port_line(k, p));
	lines_add(&l, &all);
	if (strchr(tables, 'd'))
		vec_foreach (&t.dests, d)
			vec_push(&l, dest_line(k, d));
	lines_add(&l, &all);
	if (strchr(tables, 'c'))
		vec_foreach(&t.cas, c)
			vec_push(&l, xasprintf("ca %u %s %s pa %s%s%s%s%s", c->segment, ip_format(&c->ca, a), mac_format(&c->mac, mac),
					       ip_format(&c->pa, b), c->local ? " local" : "", c->router ? " router" : "",
					       c->rewrite ? " rewrite" : "", c->vm_mac ? " vm mac" : ""));
	lines_add(&l, &all);
	if (strchr(tables, 'h'))
		vec_foreach (&w.hops, h)
			vec_push(&l, xasprintf("hop %s%s nic %s via %s", h->encap & DP_ENCAP_VXLAN ? "vxlan " : "",
					       ip_format(&h->pa, a), h->nic, ip_format(&h->via, b)));
	lines_add(&l, &all);
	if (strchr(tables, 'a'))
		vec_foreach (&w.pas, p)
			vec_push(&l, xasprintf("pa %s/%u nic %s", ip_format(&p->pa, a), p->prefix_len, p->nic));
	lines_add(&l, &all);
	if (strchr(tables, 'r'))
		vec_foreach (&w.routes, r)
			vec_push(&l, xasprintf("route %s via %s nic %s metric %u", prefix_format(&r->prefix, a),
					       ip_format(&r->next_hop, b), r->nic, r->metric));
	lines_add(&l, &all);
	if (strchr(tables, 'R'))
		router_lines(k, &w, &t, &l);
	lines_add(&l, &all);
	if (strchr(tables, 'u'))
		vec_foreach (&w.uplinks, u)
			vec_push(&l, xasprintf("uplink %s", *u));
	lines_add(&l, &all);
	if (strchr(tables, 'w'))
		vec_foreach(&t.rewrites, r)
			vec_push(&l, xasprintf("rewrite %s of %u %s %s %s", ip_format(&r->pa, a), r->segment, ip_format(&r->ca, b),
					       mac_format(&r->mac, mac), r->local ? owner(k, r->link) : "remote"));
	lines_add(&l, &all);
	if (strchr(tables, 'g'))
		group_lines(&w, &l);
	lines_add(&l, &all);
	lab_tables_done(&t);
	netvirt_wants_done(&w);
	return str_take(&all);
}

void lab_assert_wants(struct kit *k, const char *tables, const char *expected)
{
	_cleanup_free_ char *now = lab_wants(k, tables);

	assert_string_equal(now, expected);
}
