/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include "netvirt.h"
#include "packet_read.h"
#include "switch.h"

void trace_note(struct trace_notes *n, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vec_push(&n->lines, xvasprintf(format, ap));
	va_end(ap);
}

void trace_notes_done(struct trace_notes *n)
{
	vec_foreach(&n->lines, line)
		free(*line);
	vec_done(&n->lines);
}

/* ---- the guest's own address ---- */

static const struct record_doc *record_of_mac(const struct docs *d, uint32_t vsid, const struct mac *mac, bool v4)
{
	const struct record_doc *r, *best = NULL;

	for (size_t pos = 0; (r = records_at_mac(d, vsid, mac, &pos));)
		if (ip_is_v4(&r->ca) == v4 && !ip_is_any(&r->ca) &&
		    (!best || ip_compare(&r->ca, &best->ca) < 0))
			best = r;
	return best;
}

static bool guest_address(struct call *c, const struct adapter_doc *a, bool v4, struct ip *ret)
{
	struct host *host = call_host(c);
	ip_vec all = { 0 };
	bool found = false;

	host->guest_addresses(host, &a->vm, &a->id, &all);
	vec_foreach(&all, ip) {
		if (ip_is_v4(ip) == v4 && !ip_is_loopback(ip) && (v4 || (ip->b[0] != 0xfe)) && !found) {
			*ret = *ip;
			found = true;
		}
	}
	vec_done(&all);
	return found;
}

static int own_address(struct call *c, const struct adapter_doc *a, bool v4, struct ip *ret, struct trace_notes *notes,
		       struct err **e)
{
	const struct record_doc *r = a->vsid ? record_of_mac(call_docs(c), a->vsid, &a->mac, v4) : NULL;
	char text[IP_TEXT_SIZE];

	if (r) {
		*ret = r->ca;
		trace_note(notes, "%s is this adapter's address by its lookup record", ip_format(&r->ca, text));
		return 0;
	}
	if (guest_address(c, a, v4, ret)) {
		trace_note(notes, "%s is the address that the guest has%s", ip_format(ret, text),
			   a->vsid ? "; no lookup record gives the adapter one" : "");
		return 0;
	}
	return err_advise(e, err_set(e, "Trace.NoSourceAddress", ERR_OBJECT_NOT_FOUND, a->name,
				     "No lookup record has an %s address for the network adapter \"%s\", and its guest has none.",
				     v4 ? "IPv4" : "IPv6", a->name),
			  "Say the sender's address: -SourceAddress.");
}

/* ---- the next machine's MAC address ---- */

static struct mac group_mac(const struct ip *ip)
{
	struct mac m = { { 0x33, 0x33, ip->b[12], ip->b[13], ip->b[14], ip->b[15] } };

	if (ip_is_v4(ip))
		m = (struct mac){ { 0x01, 0x00, 0x5e, ip->b[13] & 0x7f, ip->b[14], ip->b[15] } };
	return m;
}

static bool is_broadcast(const struct ip *ip)
{
	return ip_is_v4(ip) && ip_v4(ip) == 0xffffffff;
}

static const struct mac everybody = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

/* An adapter on the same switch whose guest has the address. */
static bool neighbour_mac(struct call *c, const struct adapter_doc *a, const struct ip *to, struct mac *ret)
{
	struct host *host = call_host(c);
	const struct adapter_doc *other;
	bool found = false;

	for (size_t pos = 0; !found && (other = docs_next(call_docs(c), &adapter_kind, &pos));) {
		ip_vec all = { 0 };

		if (other == a || other->vsid != a->vsid || !guid_equal(&other->switch_id, &a->switch_id) ||
		    guid_is_zero(&other->vm))
			continue;
		host->guest_addresses(host, &other->vm, &other->id, &all);
		vec_foreach(&all, ip)
			found |= ip_equal(ip, to);
		vec_done(&all);
		if (found)
			*ret = other->mac;
	}
	return found;
}

/* The guest does not know whom to send to before it has asked: then the question is what it sends. */
static void ask_first(struct packet_words *w, const struct ip *about)
{
	w->protocol = PACKET_ARP;
	w->destination = *about;
	w->destination_mac = ip_is_v4(about) ? everybody
					     : (struct mac){ { 0x33, 0x33, 0xff, about->b[13], about->b[14], about->b[15] } };
}

static const char *question_name(const struct ip *ip)
{
	return ip_is_v4(ip) ? "by ARP" : "by a neighbour solicitation";
}

static void to_record(const struct docs *d, uint32_t vsid, struct packet_words *w, const struct ip *to, bool is_router,
		      struct trace_notes *notes)
{
	const struct record_doc *r = netvirt_record(d, vsid, to);
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	ip_format(to, text);
	if (r) {
		w->destination_mac = r->mac;
		trace_note(notes, "to the MAC address %s that the lookup record of %s%s has", mac_format_dashes(&r->mac, mac),
			   is_router ? "the router " : "", text);
		return;
	}
	trace_note(notes, "%s%s has no lookup record in VSID %u: the guest asks for it %s first, and this is the question",
		   is_router ? "the router " : "", text, vsid, question_name(to));
	ask_first(w, to);
}

static void resolve_in_subnet(struct call *c, const struct adapter_doc *a, struct packet_words *w, struct trace_notes *notes)
{
	const struct docs *d = call_docs(c);
	const struct prefix *own = netvirt_vsid_prefix(d, a->vsid, ip_is_v4(&w->destination));
	char text[IP_TEXT_SIZE], prefix[PREFIX_TEXT_SIZE];
	struct ip router;

	if (!own || prefix_contains(own, &w->destination)) {
		to_record(d, a->vsid, w, &w->destination, false, notes);
		return;
	}
	router = prefix_first_host(own);
	trace_note(notes, "%s is outside of %s, so a guest sends to its router, %s", ip_format(&w->destination, text),
		   prefix_format(own, prefix), ip_format(&router, (char[IP_TEXT_SIZE]){ 0 }));
	to_record(d, a->vsid, w, &router, true, notes);
}

static void resolve_on_switch(struct call *c, const struct adapter_doc *a, struct packet_words *w, struct trace_notes *notes)
{
	char text[IP_TEXT_SIZE], mac[MAC_TEXT_SIZE];

	ip_format(&w->destination, text);
	if (neighbour_mac(c, a, &w->destination, &w->destination_mac)) {
		trace_note(notes, "to %s, the adapter that has %s", mac_format_dashes(&w->destination_mac, mac), text);
		return;
	}
	trace_note(notes, "nobody here is known to have %s: the guest asks for it %s first, and this is the question", text,
		   question_name(&w->destination));
	ask_first(w, &w->destination);
}

static void resolve(struct call *c, const struct adapter_doc *a, struct packet_words *w, struct trace_notes *notes)
{
	if (w->protocol == PACKET_ARP)
		ask_first(w, &w->destination);
	else if (is_broadcast(&w->destination))
		w->destination_mac = everybody;
	else if (ip_is_multicast(&w->destination))
		w->destination_mac = group_mac(&w->destination);
	else if (a->vsid && netvirt_vsid_has_policy(call_docs(c), a->vsid))
		resolve_in_subnet(c, a, w, notes);
	else
		resolve_on_switch(c, a, w, notes);
}

/* ---- the frame ---- */

static int check_words(const struct packet_words *w, struct err **e)
{
	char one[IP_TEXT_SIZE], other[IP_TEXT_SIZE];

	if (ip_is_v4(&w->source) != ip_is_v4(&w->destination))
		return err_set(e, "Trace.AddressFamily", ERR_INVALID_ARGUMENT, NULL,
			       "%s and %s are not both IPv4 or both IPv6.", ip_format(&w->source, one),
			       ip_format(&w->destination, other));
	if ((w->protocol == PACKET_TCP || w->protocol == PACKET_UDP) && !w->destination_port)
		return err_set(e, "Trace.NoPort", ERR_INVALID_ARGUMENT, NULL, "%s needs -DestinationPort.",
			       packet_protocols[w->protocol]);
	return 0;
}

static int make_outbound(struct call *c, const struct trace_question *q, struct packet *ret, struct trace_notes *notes,
			 struct err **e)
{
	struct packet_words w = q->words;
	int r = 0;

	if (ip_is_zero(&w.destination))
		return err_set(e, "Trace.NoDestination", ERR_INVALID_ARGUMENT, q->adapter->name,
			       "Say where the packet goes by -DestinationAddress, or the whole frame by -Hex.");
	if (ip_is_zero(&w.source))
		r = own_address(c, q->adapter, ip_is_v4(&w.destination), &w.source, notes, e);
	if (r == 0)
		r = check_words(&w, e);
	if (r < 0)
		return r;
	if (!q->has_source_mac)
		w.source_mac = q->adapter->mac;
	if (!q->has_destination_mac)
		resolve(c, q->adapter, &w, notes);
	return packet_make(&w, ret, e);
}

/* ---- from the wire ---- */

const char *trace_uplink(const struct docs *d, const struct adapter_doc *a, const uint8_t *frame, size_t n)
{
	struct frame_view v = frame_read(frame, n);
	const struct provider_address_doc *pa;
	const struct switch_doc *sw;

	for (size_t pos = 0; v.has_addresses && (pa = docs_next(d, &provider_address_kind, &pos));)
		if (ip_equal(&pa->pa, &v.destination))
			return pa->nic;
	sw = switch_get(d, &a->switch_id);
	return sw && sw->nic && *sw->nic ? sw->nic : NULL;
}

static int sender_record(const struct docs *d, const struct trace_question *q, const struct record_doc **ret, struct err **e)
{
	char text[IP_TEXT_SIZE];

	if (ip_is_zero(&q->words.source))
		return err_set(e, "Trace.NoSourceAddress", ERR_INVALID_ARGUMENT, q->adapter->name,
			       "Say who sends to this adapter by -SourceAddress, or the whole outer frame by -Hex.");
	*ret = netvirt_record(d, q->adapter->vsid, &q->words.source);
	if (*ret)
		return 0;
	return err_advise(e, err_set(e, "Trace.NoRecord", ERR_OBJECT_NOT_FOUND, ip_format(&q->words.source, text),
				     "No lookup record of virtual subnet %u has the sender %s, so there is no knowing from where its "
				     "packets come.", q->adapter->vsid, text),
			  "Give the outer frame by -Hex, or make the record.");
}

static int make_from_wire(const struct trace_question *q, const struct record_doc *from, const struct record_doc *to,
			  struct packet_words *w, struct packet *ret, struct trace_notes *notes, struct err **e)
{
	bool rewrite = netvirt_is_rewrite(from) && netvirt_is_rewrite(to);
	struct packet_outer outer = { .source = from->pa, .destination = to->pa, .vsid = q->adapter->vsid,
				      .vxlan = to->rule == NETVIRT_ENCAP_VXLAN };
	char sender[IP_TEXT_SIZE], one[IP_TEXT_SIZE], other[IP_TEXT_SIZE];
	struct packet inner;
	int r;

	trace_note(notes, "as the host of %s sends it: %s %s and %s, VSID %u", ip_format(&w->source, sender),
		   rewrite ? "IP rewrite to" : outer.vxlan ? "VXLAN between" : "NVGRE between", ip_format(&from->pa, one), ip_format(&to->pa, other),
		   q->adapter->vsid);
	if (!q->has_source_mac)
		w->source_mac = from->mac;
	if (!q->has_destination_mac)
		w->destination_mac = to->mac;
	if (rewrite) {
		w->source = from->pa;
		w->destination = to->pa;
		return packet_make(w, ret, e);
	}
	r = packet_make(w, &inner, e);
	return r < 0 ? r : packet_wrap(&inner, &outer, ret, e);
}

static int make_inbound(struct call *c, const struct trace_question *q, struct packet *ret, struct trace_notes *notes,
			struct err **e)
{
	const struct docs *d = call_docs(c);
	const struct record_doc *from, *to;
	struct packet_words w = q->words;
	char vsid[16];
	int r = sender_record(d, q, &from, e);

	if (r < 0)
		return r;
	if (ip_is_zero(&w.destination))
		r = own_address(c, q->adapter, ip_is_v4(&w.source), &w.destination, notes, e);
	if (r == 0)
		r = check_words(&w, e);
	if (r < 0)
		return r;
	to = netvirt_record(d, q->adapter->vsid, &w.destination);
	if (!to || ip_is_v4(&from->pa) != ip_is_v4(&to->pa)) {
		snprintf(vsid, sizeof(vsid), "%u", q->adapter->vsid);
		return err_advise(e, err_set(e, "Trace.NoRecord", ERR_OBJECT_NOT_FOUND, vsid,
					     "There are no two lookup records with provider addresses of one family for this packet."),
				  "Give the outer frame by -Hex.");
	}
	return make_from_wire(q, from, to, &w, ret, notes, e);
}

int trace_make(struct call *c, const struct trace_question *q, struct packet *ret, struct trace_notes *notes, struct err **e)
{
	if (!q->hex)
		return q->inbound ? make_inbound(c, q, ret, notes, e) : make_outbound(c, q, ret, notes, e);
	*ret = q->packet;
	return 0;
}
