/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "internal.h"

/*
 * Bridges, ports and uplinks. Links are made first, without a master and down; their program and map entries come next
 * (step_dataplane); only then do they join their bridge and go up, so that no frame ever meets a port without its guards.
 */

#define OVERLAY_ROLE "overlay"
#define HEADROOM_ROLE "headroom"
#define DEFAULT_MTU 1500

bool link_is_nestors(const struct link *l)
{
	return strncmp(l->alias, "nestor:", 7) == 0;
}

bool link_is_ours(const struct engine *g, const struct link *l)
{
	return link_is_nestors(l) && strncmp(l->alias + 7, g->config.instance, 8) == 0 && l->alias[15] == ':';
}

const char *link_text(const struct link *l)
{
	const char *p = l->alias;

	for (int i = 0; p && i < 4; i++) {
		p = strchr(p, ':');
		p = p ? p + 1 : NULL;
	}
	return p ? p : "";
}

void link_mark(const struct engine *g, char alias[static LINK_ALIAS_SIZE], const char *role, const struct guid *id,
	       const char *text)
{
	char guid[GUID_TEXT_SIZE];

	snprintf(alias, LINK_ALIAS_SIZE, "nestor:%s:%s:%s%s%.120s", g->config.instance, role, id ? guid_format(id, guid) : "",
		 text ? ":" : "", text ? text : "");
}

struct link *pass_link(struct pass *p, const char *name)
{
	return map_get_str(p->by_name, name);
}

int pass_observe_links(struct pass *p)
{
	int r;

	p->links.n = 0;
	map_free(p->by_name);
	p->by_name = map_new();
	r = link_observe(p->g->nl, &p->links);
	if (r < 0) {
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot list the links");
		return r;
	}
	vec_foreach(&p->links, l)
		map_put_str(p->by_name, l->name, l);
	return 0;
}

/* The overlay bridge is never up. It holds the ports with a VSID: whatever a program would let through ends there. */
static const char *overlay_name(const struct engine *g, char buf[static 16])
{
	snprintf(buf, 16, "no%.8s", g->config.instance);
	return buf;
}

/* A VXLAN device, never up either, makes the overlay bridge ask its ports for headroom: encapsulation then need not copy. */
static const char *headroom_name(const struct engine *g, char buf[static 16])
{
	snprintf(buf, 16, "nx%.8s", g->config.instance);
	return buf;
}

static bool wants_overlay(const struct pass *p)
{
	vec_foreach(&p->ports, port)
		if (port->vsid && port->bridge[0])
			return true;
	return false;
}

static bool link_wanted(struct pass *p, const struct link *l)
{
	char name[16];

	vec_foreach(&p->switches, s)
		if (streq(s->bridge, l->name))
			return true;
	vec_foreach(&p->ports, port)
		if (streq(port->name, l->name) || streq(port->inner, l->name))
			return true;
	if (streq(l->name, overlay_name(p->g, name)) || streq(l->name, headroom_name(p->g, name)))
		return wants_overlay(p);
	return pacer_has_link(p, l->name);
}

/* have is as it was observed, and becomes what it was changed to: later steps go by it. */
static void modify(struct pass *p, struct link *have, const struct link *want)
{
	int r;

	if (!link_differs(have, want))
		return;
	r = link_apply(p->g->nl, CHANGE_MODIFY, have, want);
	pass_wrote(p, "link %s changed", have->name);
	if (r < 0)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot change the link %s", have->name);
	else
		*have = *want;
}

/*
 * A machine still has its tap open, and QEMU would spin on one that is gone: it goes when it is closed. Until then nothing gets
 * through.
 */
static bool is_open_tap(const struct pass *p, const struct link *l)
{
	return streq(l->kind, "tun") && l->carrier && !p->g->destroying;
}

static void cut_off(struct pass *p, struct link *l)
{
	struct link want = *l;

	want.up = false;
	want.master = 0;
	modify(p, l, &want);
}

static void delete_unwanted(struct pass *p)
{
	/* While its bridge still says which NIC it belongs to. */
	vec_foreach(&p->links, l)
		if (link_is_ours(p->g, l) && strncmp(l->alias + 16, "hostnic:", 8) == 0 && !link_wanted(p, l))
			host_addresses_back(p, l);
	vec_foreach(&p->links, l) {
		int r;

		if (!link_is_ours(p->g, l) || link_wanted(p, l))
			continue;
		if (is_open_tap(p, l)) {
			cut_off(p, l);
			continue;
		}
		r = link_apply(p->g->nl, CHANGE_DELETE, l, NULL);
		/* The other end of a pair has taken it along, or its guest has. */
		if (r < 0 && r != -ENODEV)
			pass_failed(p, r, nl_last_message(p->g->nl), "cannot delete the link %s", l->name);
		else
			pass_wrote(p, "link %s deleted", l->name);
	}
}

static bool make(struct pass *p, const struct link *want)
{
	int r = link_apply(p->g->nl, CHANGE_ADD, NULL, want);

	if (r < 0) {
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot create the %s %s", want->kind, want->name);
		return false;
	}
	pass_wrote(p, "%s %s created", want->kind, want->name);
	return true;
}

static void make_overlay(struct pass *p)
{
	struct link want = link_empty();
	char bridge[16], headroom[16];
	const struct link *l;

	overlay_name(p->g, bridge);
	headroom_name(p->g, headroom);
	if (!wants_overlay(p) || (pass_link(p, bridge) && pass_link(p, headroom)))
		return;
	if (!pass_link(p, bridge)) {
		snprintf(want.name, sizeof(want.name), "%s", bridge);
		strcpy(want.kind, "bridge");
		want.no_linklocal = true;
		link_mark(p->g, want.alias, OVERLAY_ROLE, NULL, NULL);
		if (!make(p, &want) || pass_observe_links(p) < 0)
			return;
	}
	l = pass_link(p, bridge);
	if (!l || pass_link(p, headroom))
		return;
	want = link_empty();
	snprintf(want.name, sizeof(want.name), "%s", headroom);
	strcpy(want.kind, "vxlan");
	want.master = l->ifindex;
	want.vni = (uint32_t)strtoul(p->g->config.instance, NULL, 16) & 0xffffff;
	link_mark(p->g, want.alias, HEADROOM_ROLE, NULL, NULL);
	/* Only speed depends on it: a kernel without VXLAN does without. */
	if (link_apply(p->g->nl, CHANGE_ADD, NULL, &want) == 0)
		pass_wrote(p, "%s %s created", want.kind, want.name);
}

static struct mac bridge_mac(struct pass *p, const struct want_switch *s)
{
	const struct link *nic = s->nic[0] ? pass_link(p, s->nic) : NULL;
	struct mac mac = { { 0x02, s->id.b[0], s->id.b[1], s->id.b[2], s->id.b[3], s->id.b[4] } };

	/* Provider addresses live on the bridge: peers must see them at the NIC's address. */
	return nic ? nic->mac : mac;
}

static struct link want_bridge(struct pass *p, const struct want_switch *s)
{
	struct link want = link_empty();

	memcpy(want.name, s->bridge, sizeof(want.name));
	strcpy(want.kind, "bridge");
	want.mac = bridge_mac(p, s);
	want.up = true;
	want.no_linklocal = true;
	link_mark(p->g, want.alias, "switch", &s->id, s->name);
	return want;
}

uint32_t pass_guest_mtu(struct pass *p, const struct want_port *port)
{
	const struct want_vport *v = port->vsid ? map_get_str(p->vports, port->name) : NULL;

	if (port->vsid)
		return p->underlay_mtu ? p->underlay_mtu - (v ? v->overhead : 0) : DEFAULT_MTU;
	vec_foreach(&p->switches, s) {
		const struct link *nic = s->nic[0] && streq(s->bridge, port->bridge) ? pass_link(p, s->nic) : NULL;

		if (nic)
			return nic->mtu;
	}
	return DEFAULT_MTU;
}

/*
 * Of the host's end: whole packets of the underlay, so that a guest that sends too much for its virtual subnet gets as far as the
 * program that tells it so (WG-5); a veth drops silently.
 */
static uint32_t host_mtu(struct pass *p, const struct want_port *port)
{
	if (port->vsid)
		return p->underlay_mtu ? p->underlay_mtu : DEFAULT_MTU;
	return pass_guest_mtu(p, port);
}

/* The mark also says which MTU the guest's end was given: what was interrupted in between is seen and done again. */
static void mark_port(struct pass *p, const struct want_port *port, char alias[static LINK_ALIAS_SIZE])
{
	_cleanup_free_ char *text = xasprintf("%.100s, MTU %u", port->label, pass_guest_mtu(p, port));

	link_mark(p->g, alias, "port", &port->adapter, text);
}

/*
 * Bridge and host adapter are in one broadcast domain: each answers ARP for its own addresses alone, or a peer would learn
 * a provider address at the host adapter.
 */
static void answer_own_addresses(struct pass *p, const char *link)
{
	int r = ipconf_set(link, "arp_ignore", 1);

	if (r > 0)
		pass_wrote(p, "%s answers ARP for its own addresses alone", link);
	else if (r < 0)
		pass_failed(p, r, NULL, "cannot set arp_ignore of %s", link);
}

/*
 * A bridge that is to have IPv6 provider addresses speaks IPv6, whatever is the host's default for new links, and has no others
 * than those: what a guest on the switch advertises is not for the host.
 */
static void allow_ip6(struct pass *p, const char *link)
{
	static const struct {
		const char *key;
		int value;
	} settings[] = { { "accept_ra", 0 }, { "autoconf", 0 }, { "disable_ipv6", 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int r = ipconf_set6(link, settings[i].key, settings[i].value);

		if (r > 0)
			pass_wrote(p, "%s of %s is %d", settings[i].key, link, settings[i].value);
		else if (r < 0)
			pass_failed(p, r, NULL, "cannot set %s of %s", settings[i].key, link);
	}
}

static bool has_ip6_pa(const struct pass *p, const char *nic)
{
	vec_foreach(&p->netvirt.pas, pa)
		if (!ip_is_v4(&pa->pa) && streq(pa->nic, nic))
			return true;
	return false;
}

/* The inner end in the guest: offloads that a second encapsulation cannot describe are off, and it is up. */
static void finish_inner_guest(struct pass *p, const struct want_port *port, int netns)
{
	struct guest_interface up = { .mtu = 0, .up = true };
	_cleanup_nl_ struct nl *nl = NULL;
	int r;

	memcpy(up.name, port->inner, sizeof(up.name));
	if (nl_open_in(netns, &nl) == 0)
		link_offload_set(nl, port->inner, link_tunnel_offloads, link_n_tunnel_offloads, false, NULL);
	r = guest_set_interface(p->g->guests, &port->vm, &up);
	if (r < 0)
		pass_failed(p, r, NULL, "cannot set %s of the guest up", port->inner);
}

static void finish_inner_host(struct pass *p, const struct want_port *port)
{
	struct link have, want;
	_cleanup_free_ char *text = xasprintf("vEthernet (%s)", port->label);
	int r = link_get_by_name(p->g->nl, port->inner, &have);

	want = have;
	want.up = true;
	link_mark(p->g, want.alias, "hostnic", &port->adapter, text);
	if (r == 0 && link_differs(&have, &want)) {
		r = link_apply(p->g->nl, CHANGE_MODIFY, &have, &want);
		pass_wrote(p, "host adapter %s set up", port->inner);
	}
	if (r < 0)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot set up the host adapter %s", port->inner);
	else
		answer_own_addresses(p, port->inner);
}

/* The dataplane's table of ports ends somewhere: where the kernel's numbers have run up, low ones are taken again. */
static int port_index(struct pass *p)
{
	_cleanup_free_ bool *used = NULL;
	int highest = 0, i = MAX(p->next_index, 2);

	vec_foreach(&p->links, l)
		highest = MAX(highest, l->ifindex);
	if (highest < DP_MAX_IFINDEX / 2)
		return 0;
	used = xcalloc(DP_MAX_IFINDEX, sizeof(*used));
	vec_foreach(&p->links, l)
		if (l->ifindex < DP_MAX_IFINDEX)
			used[l->ifindex] = true;
	while (i < DP_MAX_IFINDEX - 1 && used[i])
		i++;
	p->next_index = i + 1;
	return i;
}

static void make_port(struct pass *p, const struct want_port *port)
{
	struct link want = link_empty();
	_cleanup_close_ int netns = -1;
	bool guest = !guid_is_zero(&port->vm) && !port->tap;

	if (guest && guest_netns(p->g->guests, &port->vm, &netns) < 0)
		return; /* not running: step_guests has said why */
	memcpy(want.name, port->name, sizeof(want.name));
	strcpy(want.kind, port->tap ? "tun" : "veth");
	want.mtu = host_mtu(p, port);
	want.no_linklocal = true;
	mark_port(p, port, want.alias);
	memcpy(want.peer.name, port->inner, sizeof(want.peer.name));
	want.peer.mac = port->mac;
	want.peer.mtu = pass_guest_mtu(p, port);
	want.peer.netns_fd = netns;
	want.ifindex = port_index(p);
	if (!make(p, &want))
		return;
	link_offload_set(p->g->nl, port->name, link_tunnel_offloads, link_n_tunnel_offloads, false, NULL);
	if (guest)
		finish_inner_guest(p, port, netns);
	else if (!port->tap)
		finish_inner_host(p, port);
}

static bool moves(struct pass *p, const struct link *l, const char *bridge)
{
	const struct link *master = bridge[0] ? pass_link(p, bridge) : NULL;

	return l->master && (!master || master->ifindex != l->master);
}

/* Where a port leaves its bridge, that comes before its new map entry. */
static void leave(struct pass *p, struct link *l)
{
	struct link want = *l;
	int r;

	want.master = 0;
	r = link_apply(p->g->nl, CHANGE_MODIFY, l, &want);
	if (r < 0)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot take %s out of its bridge", l->name);
	pass_wrote(p, "link %s taken out of its bridge", l->name);
	l->master = 0;
}

static const char *port_master(const struct pass *p, const struct want_port *port, char buf[static 16])
{
	if (!port->bridge[0])
		return strcpy(buf, "");
	return port->vsid ? overlay_name(p->g, buf) : strcpy(buf, port->bridge);
}

static void overlay_mtus(struct pass *p)
{
	uint32_t mtu = 0;

	vec_foreach(&p->netvirt.uplinks, nic) {
		const struct link *l = pass_link(p, *nic);

		if (l && l->mtu > DP_ENCAP_OVERHEAD(DP_ENCAP_VXLAN6) && (!mtu || l->mtu < mtu))
			mtu = l->mtu;
	}
	vec_foreach(&p->netvirt.ports, port)
		map_put_str(p->vports, port->link, port);
	p->underlay_mtu = mtu;
}

static bool nic_wanted(const struct pass *p, const struct link *l, const char **ret_bridge)
{
	vec_foreach(&p->switches, s) {
		if (streq(s->nic, l->name)) {
			*ret_bridge = s->bridge;
			return true;
		}
	}
	return false;
}

static void release_uplinks(struct pass *p)
{
	vec_foreach(&p->links, l) {
		const char *bridge = "";
		bool ours = false;

		if (!l->master || link_is_nestors(l))
			continue;
		vec_foreach(&p->links, master)
			ours |= master->ifindex == l->master && link_is_ours(p->g, master);
		if (ours && (!nic_wanted(p, l, &bridge) || moves(p, l, bridge)))
			leave(p, l);
	}
}

static bool guest_is_new(const struct pass *p, const struct guid *vm)
{
	vec_foreach(&p->started, id)
		if (guid_equal(id, vm))
			return true;
	return false;
}

void step_links_make(struct pass *p)
{
	size_t before = 0;

	if (pass_observe_links(p) < 0)
		return;
	overlay_mtus(p);
	before = p->writes;
	delete_unwanted(p);
	release_uplinks(p);
	vec_foreach(&p->switches, s) {
		struct link want = want_bridge(p, s);

		if (!pass_link(p, s->bridge))
			make(p, &want);
	}
	make_overlay(p);
	pacer_make(p);
	vec_foreach(&p->ports, port) {
		struct link *l = pass_link(p, port->name);
		char master[16];

		/* Its other end is in the namespace of the guest's last life, which is going away. */
		if (l && guest_is_new(p, &port->vm)) {
			link_apply(p->g->nl, CHANGE_DELETE, l, NULL);
			l = NULL;
		}
		if (!l)
			make_port(p, port);
		else if (moves(p, l, port_master(p, port, master)))
			leave(p, l);
	}
	if (p->writes != before)
		pass_observe_links(p);
}

static int master_index(struct pass *p, const char *name)
{
	const struct link *l = name[0] ? pass_link(p, name) : NULL;

	return l ? l->ifindex : 0;
}

static void set_inner_mtu(struct pass *p, const struct want_port *port, uint32_t mtu)
{
	struct guest_interface_vec all = { 0 };
	struct link have, want;
	int r;

	if (guid_is_zero(&port->vm)) {
		r = link_get_by_name(p->g->nl, port->inner, &have);
		want = have;
		want.mtu = mtu;
		if (r == 0)
			modify(p, &have, &want);
		return;
	}
	r = guest_interfaces(p->g->guests, &port->vm, &all, NULL);
	vec_foreach(&all, i) {
		struct guest_interface change = *i;

		change.mtu = mtu;
		/* The guest may have renamed it: the MAC address says which one it is. */
		if (r == 0 && mac_equal(&i->mac, &port->mac))
			r = guest_set_interface(p->g->guests, &port->vm, &change);
	}
	vec_done(&all);
	if (r < 0)
		pass_failed(p, r, NULL, "cannot set the MTU of %s in the guest", port->inner);
	pass_wrote(p, "MTU of %s in the guest set", port->inner);
}

static void finish_port(struct pass *p, const struct want_port *port)
{
	struct link *have = pass_link(p, port->name);
	struct link want;
	char master[16];

	if (!have)
		return;
	want = *have;
	want.mtu = host_mtu(p, port);
	want.master = master_index(p, port_master(p, port, master));
	want.up = port->bridge[0] != 0;
	want.no_linklocal = true;
	mark_port(p, port, want.alias);
	want.port = LINK_PORT_DEFAULT;
	/* Without spoofing a port owns one address: nothing to learn, nothing unknown to deliver (NN-1). */
	want.port.learning = want.port.unicast_flood = port->spoofing && !port->vsid;
	if (!port->tap && !streq(have->alias, want.alias))
		set_inner_mtu(p, port, pass_guest_mtu(p, port));
	modify(p, have, &want);
	if (guid_is_zero(&port->vm))
		finish_inner_host(p, port);
}

/* Whoever took the NIC has it: two that fight over it would both lose. */
static bool foreign_master(struct pass *p, const struct want_switch *s, const struct link *nic)
{
	vec_foreach(&p->links, master) {
		if (!nic->master || master->ifindex != nic->master || link_is_ours(p->g, master))
			continue;
		pass_degraded(p, "the network adapter %s of switch %s is a port of %s", nic->name, s->name, master->name);
		return true;
	}
	return false;
}

void step_links_finish(struct pass *p)
{
	vec_foreach(&p->switches, s) {
		struct link *bridge = pass_link(p, s->bridge), *nic = s->nic[0] ? pass_link(p, s->nic) : NULL, want;

		if (!bridge)
			continue;
		want = want_bridge(p, s);
		want.ifindex = bridge->ifindex;
		want.mtu = bridge->mtu;
		modify(p, bridge, &want);
		answer_own_addresses(p, bridge->name);
		if (has_ip6_pa(p, s->nic))
			allow_ip6(p, bridge->name);
		if (s->nic[0] && !nic)
			pass_degraded(p, "the network adapter %s of switch %s is missing", s->nic, s->name);
		if (!nic || foreign_master(p, s, nic))
			continue;
		want = *nic;
		want.master = bridge->ifindex;
		want.up = true;
		want.port = LINK_PORT_DEFAULT;
		modify(p, nic, &want);
	}
	vec_foreach(&p->ports, port)
		finish_port(p, port);
	host_addresses_to_adapters(p);
}
