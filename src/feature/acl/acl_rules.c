/* SPDX-License-Identifier: Apache-2.0 */
#include "acl_rules.h"

#include <errno.h>

/* ---- addresses ---- */

static int bad_address(const char *text, enum acl_type type, struct err **e)
{
	int r = err_set(e, "Acl.BadAddress", ERR_INVALID_ARGUMENT, text,
			type == ACL_MAC ? "\"%.100s\" is not the MAC address of a host."
					: "\"%.100s\" is neither an IP address nor a prefix.",
			text);

	return err_advise(e, r,
			  type == ACL_MAC ? "Give one like 00-15-5D-01-02-03, or ANY."
					  : "Give one like 10.0.0.5, 10.0.0.0/24, fd00::/64, 0.0.0.0/0 or ::/0, or ANY "
					    "for both families.");
}

static int parse_prefix(const char *text, struct prefix *ret, struct err **e)
{
	char network[PREFIX_TEXT_SIZE];
	bool host_bits = false;
	struct ip ip;
	int r;

	if (ip_parse(text, &ip) == 0)
		return prefix_from(&ip, ip_is_v4(&ip) ? 32 : 128, ret) == 0 ? 0 : bad_address(text, ACL_IP, e);
	if (prefix_parse(text, ret, &host_bits) < 0)
		return bad_address(text, ACL_IP, e);
	if (!host_bits)
		return 0;
	r = err_set(e, "Acl.BadAddress", ERR_INVALID_ARGUMENT, text, "The prefix \"%s\" has bits behind its length.",
		    text);
	return err_advise(e, r, "%s is the network.", prefix_format(ret, network));
}

int acl_address_parse(const char *text, enum acl_type type, struct acl_address *ret, struct err **e)
{
	struct acl_address a = { .any = strieq(text, ACL_ANY) };
	int r = 0;

	if (!a.any && type == ACL_IP)
		r = parse_prefix(text, &a.prefix, e);
	else if (!a.any && (mac_parse(text, &a.mac) < 0 || !mac_is_unicast(&a.mac)))
		r = bad_address(text, type, e);
	if (r == 0)
		*ret = a;
	return r;
}

static bool is_host(const struct prefix *p)
{
	return p->len == (ip_is_v4(&p->ip) ? 32 : 128);
}

char *acl_address_format(const struct acl_address *a, enum acl_type type)
{
	char text[PREFIX_TEXT_SIZE];

	if (a->any)
		return xstrdup(ACL_ANY);
	if (type == ACL_MAC)
		return xstrdup(mac_format_dashes(&a->mac, text));
	return xstrdup(is_host(&a->prefix) ? ip_format(&a->prefix.ip, text) : prefix_format(&a->prefix, text));
}

/* ---- ports and protocols ---- */

static int bad_ports(const char *text, struct err **e)
{
	int r = err_set(e, "Acl.BadPort", ERR_INVALID_ARGUMENT, text,
			"\"%.100s\" is neither a port nor a range of ports.", text);

	return err_advise(e, r, "Give one like 80, or 8000-8999, of 0 to 65535, or ANY.");
}

int acl_ports_parse(const char *text, struct acl_ports *ret, struct err **e)
{
	_cleanup_free_ char *from = xstrdup(text);
	char *dash = strchr(from, '-');
	uint64_t first = 0, last = UINT16_MAX;

	if (!strieq(text, ACL_ANY)) {
		if (dash)
			*dash = 0;
		if (parse_u64(from, UINT16_MAX, &first) < 0 ||
		    parse_u64(dash ? dash + 1 : from, UINT16_MAX, &last) < 0 || last < first)
			return bad_ports(text, e);
	}
	*ret = (struct acl_ports){ (uint16_t)first, (uint16_t)last };
	return 0;
}

char *acl_ports_format(const struct acl_ports *p)
{
	if (p->from == 0 && p->to == UINT16_MAX)
		return xstrdup(ACL_ANY);
	return p->from == p->to ? xasprintf("%u", p->from) : xasprintf("%u-%u", p->from, p->to);
}

static const struct {
	const char *name;
	int number;
	bool shown; /* else people know it by its number */
} protocols[] = { { ACL_ANY, ACL_PROTOCOL_ANY, true },
		  { "TCP", ACL_TCP, true },
		  { "UDP", ACL_UDP, true },
		  { "ICMP", 1, false },
		  { "ICMPv4", 1, false },
		  { "ICMPv6", 58, false } };

int acl_protocol_parse(const char *text, int *ret, struct err **e)
{
	uint64_t number;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++) {
		if (strieq(text, protocols[i].name)) {
			*ret = protocols[i].number;
			return 0;
		}
	}
	if (parse_u64(text, UINT8_MAX, &number) == 0) {
		*ret = (int)number;
		return 0;
	}
	r = err_set(e, "Acl.BadProtocol", ERR_INVALID_ARGUMENT, text, "\"%.100s\" is not a protocol.", text);
	return err_advise(e, r,
			  "Give TCP, UDP, the number of an IP protocol from 0 to 255 (1 is ICMP, 58 ICMPv6), or ANY.");
}

char *acl_protocol_format(int protocol)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == protocol && protocols[i].shown)
			return xstrdup(protocols[i].name);
	return xasprintf("%d", protocol);
}

/* ---- entries ---- */

static int check_family(const char *local, const char *remote, struct err **e)
{
	struct acl_address l, r;
	int result = acl_address_parse(local, ACL_IP, &l, e);

	if (result == 0)
		result = acl_address_parse(remote, ACL_IP, &r, e);
	if (result < 0 || l.any || r.any || ip_is_v4(&l.prefix.ip) == ip_is_v4(&r.prefix.ip))
		return result;
	result = err_set(e, "Acl.AddressFamily", ERR_INVALID_ARGUMENT, local,
			 "No packet goes between %s and %s: one is IPv4, the other IPv6.", local, remote);
	return err_advise(e, result, "Give both addresses of one family, or ANY for one of them.");
}

static bool same_place(const struct acl_doc *a, const struct acl_doc *b)
{
	return guid_equal(&a->adapter, &b->adapter) && a->direction == b->direction && a->type == b->type &&
	       streq(a->local, b->local) && streq(a->remote, b->remote);
}

static int check_same_place(const struct acl_doc *a, const struct acl_doc *other, struct err **e)
{
	int r;

	if (other->action == a->action)
		return err_set(e, "Acl.EntryExists", ERR_RESOURCE_EXISTS, a->remote,
			       "The adapter has this entry already: %s %s, local %s, remote %s.",
			       acl_actions[a->action], acl_directions[a->direction], a->local, a->remote);
	if (other->action == ACL_METER || a->action == ACL_METER)
		return 0;
	r = err_set(
		e, "Acl.Contradiction", ERR_RESOURCE_EXISTS, a->remote,
		"%s, local %s, remote %s: the adapter has an entry with the opposite action for just these addresses.",
		acl_directions[a->direction], a->local, a->remote);
	return err_advise(e, r, "Remove that one first (Remove-VMNetworkAdapterAcl).");
}

static int too_many(unsigned most, const char *what, struct err **e)
{
	int r = err_set(e, "Acl.TooMany", ERR_LIMITS_EXCEEDED, NULL, "An adapter can have %u %s in a direction.", most,
			what);

	return err_advise(e, r, "Prefixes and ranges of ports make one of many.");
}

int acl_check_entry(const struct docs *d, const struct acl_doc *a, struct err **e)
{
	unsigned n = 0, most = a->action == ACL_METER ? ACL_METERS_MAX : ACL_ENTRIES_MAX;
	const struct acl_doc *other;
	int r = a->type == ACL_IP ? check_family(a->local, a->remote, e) : 0;

	for (size_t pos = 0; r == 0 && (other = docs_next(d, &acl_kind, &pos));) {
		if (!guid_equal(&other->adapter, &a->adapter) || other->direction != a->direction)
			continue;
		n += (other->action == ACL_METER) == (a->action == ACL_METER);
		if (same_place(a, other))
			r = check_same_place(a, other, e);
	}
	if (r == 0 && n >= most)
		r = too_many(most,
			     a->action == ACL_METER ? "entries with the action Meter"
						    : "entries with the actions Allow and Deny",
			     e);
	return r;
}

uint32_t acl_new_number(const struct docs *d, const struct guid *adapter)
{
	const struct acl_doc *a;
	uint32_t highest = 0;

	for (size_t pos = 0; (a = docs_next(d, &acl_kind, &pos));)
		if (guid_equal(&a->adapter, adapter) && a->number > highest)
			highest = a->number;
	if (highest < ACL_NUMBER_MAX)
		return highest + 1;
	/* Once round: there are never as many entries as numbers. */
	for (uint32_t number = 1;; number++) {
		struct acl_doc probe = { .adapter = *adapter, .number = number };
		_cleanup_free_ char *key = doc_key(&acl_kind, &probe);

		if (!docs_get(d, &acl_kind, key))
			return number;
	}
}

/* ---- extended rules ---- */

static int check_ports(const struct extended_acl_doc *x, struct err **e)
{
	int protocol, r = acl_protocol_parse(x->protocol, &protocol, e);

	if (r < 0 || protocol == ACL_TCP || protocol == ACL_UDP ||
	    (streq(x->local_port, ACL_ANY) && streq(x->remote_port, ACL_ANY)))
		return r;
	r = err_set(e, "Acl.PortNeedsProtocol", ERR_INVALID_ARGUMENT, x->protocol,
		    "A rule for ports is a rule for TCP or UDP; this one is for protocol %s.", x->protocol);
	return err_advise(e, r, "Give -Protocol TCP or UDP, one rule for each.");
}

static int check_session(const struct extended_acl_doc *x, struct err **e)
{
	int r;

	if (x->stateful && x->action == ACL_DENY) {
		r = err_set(e, "Acl.StatefulDeny", ERR_INVALID_ARGUMENT, NULL,
			    "What is denied has no session: -Stateful is for rules with the action Allow.");
		return err_advise(e, r, "Leave -Stateful out.");
	}
	if (x->idle_timeout && !x->stateful) {
		r = err_set(e, "Acl.TimeoutNeedsStateful", ERR_INVALID_ARGUMENT, NULL,
			    "-IdleSessionTimeout is for rules with sessions, and this one has none.");
		return err_advise(e, r, "Add -Stateful $true, or leave it out.");
	}
	return 0;
}

static int check_place(const struct docs *d, const struct extended_acl_doc *x, struct err **e)
{
	_cleanup_free_ char *key = doc_key(&extended_acl_kind, x), *weight = xasprintf("%u", x->weight);
	const struct extended_acl_doc *other;
	unsigned n = 0;
	int r;

	if (docs_get(d, &extended_acl_kind, key)) {
		r = err_set(e, "Acl.WeightInUse", ERR_RESOURCE_EXISTS, weight,
			    "The adapter has a rule with weight %u in the direction %s already.", x->weight,
			    acl_extended_directions[x->direction]);
		return err_advise(e, r, "Choose another weight: the rule with the highest one that matches decides.");
	}
	for (size_t pos = 0; (other = docs_next(d, &extended_acl_kind, &pos));)
		n += guid_equal(&other->adapter, &x->adapter) && other->direction == x->direction;
	return n < ACL_EXTENDED_MAX ? 0 : too_many(ACL_EXTENDED_MAX, "extended rules", e);
}

int acl_check_extended(const struct docs *d, const struct extended_acl_doc *x, struct err **e)
{
	int r = check_family(x->local, x->remote, e);

	if (r == 0)
		r = check_ports(x, e);
	if (r == 0)
		r = check_session(x, e);
	return r < 0 ? r : check_place(d, x, e);
}
