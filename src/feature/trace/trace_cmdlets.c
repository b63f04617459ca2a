/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <errno.h>
#include <netinet/in.h>

#include "adapter_select.h"
#include "feature.h"
#include "netvirt.h"

/* Trace-VMNetworkPacket: what becomes of a packet, or (-Live) became of real ones, stage by stage. */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const adapter_type[] = { "VMNetworkAdapter", NULL };

#define TRACE_COUNT_MAX 1000
#define TRACE_SECONDS_MAX 3600

static const struct param trace_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards",
	  .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "virtual machines, as Get-VM returns them",
	  .values = vm_type, .sets = IN_SET(1) },
	{ "ManagementOS", P_SWITCH, REQUIRED, "adapters of the management operating system", .sets = IN_SET(2) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE,
	  "network adapters, as Get-VMNetworkAdapter returns them", .values = adapter_type, .sets = IN_SET(3) },
	{ "Name", P_STRING, ARRAY, "only adapters of this name, or matching the wildcards",
	  .aliases = "VMNetworkAdapterName", .sets = IN_SET(0) | IN_SET(1) | IN_SET(2) },
	{ "DestinationAddress", P_IP, POS(1), "where the packet goes" },
	{ "Protocol", P_ENUM, 0, "what it is: an echo request, a SYN, a datagram, a question for a MAC address (IPv6: the same there)",
	  .values = packet_protocols, .def = "Icmp" },
	{ "DestinationPort", P_UINT, 0, "of TCP and UDP", .min = 1, .max = 65535 },
	{ "SourceAddress", P_IP, 0, "who sends it", .def = "that of the adapter's lookup record, or the guest's own" },
	{ "SourcePort", P_UINT, 0, "of TCP and UDP", .min = 1, .max = 65535, .def = "49152" },
	{ "SourceMACAddress", P_MAC, 0, "another MAC address than the adapter's" },
	{ "DestinationMACAddress", P_MAC, 0, "another MAC address than the guest would send to",
	  .def = "of the destination's lookup record, or the router's" },
	{ "TimeToLive", P_UINT, 0, "TTL, or hop limit", .max = 255, .def = "64" },
	{ "Length", P_UINT, 0, "bytes of the IP packet", .min = 1, .max = 65535, .def = "no more than its headers" },
	{ "DontFragment", P_SWITCH, 0, "DontFragment:$false: without the mark that forbids it", .def = "true" },
	{ "Hex", P_STRING, ARRAY, "the whole frame in hexadecimal digits instead of words; several texts are joined" },
	{ "Inbound", P_SWITCH, 0, "the packet comes from the wire: words say the inner one, -Hex the outer one",
	  .aliases = "FromWire" },
	{ "Live", P_SWITCH, 0, "follow real packets that agree with the words, instead of making one" },
	{ "Count", P_UINT, 0, "with -Live: ends after so many packets", .min = 1, .max = TRACE_COUNT_MAX, .def = "10" },
	{ "TimeoutSec", P_UINT, 0, "with -Live: ends after so many seconds", .min = 1, .max = TRACE_SECONDS_MAX, .def = "30" },
	{ 0 },
};

/* ---- what is asked ---- */

static const char *const words[] = { "DestinationAddress", "Protocol", "DestinationPort", "SourceAddress", "SourcePort",
				     "SourceMACAddress", "DestinationMACAddress", "TimeToLive", "Length", "DontFragment", NULL };
static const char *const not_live[] = { "Hex", "SourceMACAddress", "TimeToLive", "Length", "DontFragment", NULL };
static const char *const only_live[] = { "Count", "TimeoutSec", NULL };

static int refuse_together(struct call *c, const char *what, const char *const *names, struct err **e)
{
	for (; *names; names++)
		if (call_given(c, *names))
			return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, *names,
				       "-%s cannot be given %s.", *names, what);
	return 0;
}

static struct ip ip_arg(const struct call *c, const char *name)
{
	const struct arg *a = call_arg(c, name);

	return a->given ? a->values[0].ip : (struct ip){ { 0 } };
}

static struct mac mac_arg(const struct call *c, const char *name, bool *ret_given)
{
	const struct arg *a = call_arg(c, name);

	*ret_given = a->given;
	return a->given ? a->values[0].mac : (struct mac){ { 0 } };
}

static int read_hex(struct call *c, struct trace_question *q, struct err **e)
{
	const struct arg *a = call_arg(c, "Hex");
	struct str all = { 0 };
	int r;

	for (size_t i = 0; i < a->n; i++)
		str_addf(&all, "%s ", a->values[i].str);
	r = packet_hex(str_get(&all), &q->packet, e);
	str_done(&all);
	q->hex = true;
	return r;
}

static int read_question(struct call *c, struct trace_question *q, struct err **e)
{
	bool live = call_bool(c, "Live", false);
	int r;

	*q = (struct trace_question){ .inbound = call_bool(c, "Inbound", false) };
	r = live ? refuse_together(c, "with -Live", not_live, e) : refuse_together(c, "without -Live", only_live, e);
	if (r == 0 && call_given(c, "Hex"))
		r = refuse_together(c, "with -Hex", words, e);
	if (r < 0)
		return r;
	if (call_given(c, "Hex"))
		return read_hex(c, q, e);
	q->words = (struct packet_words){
		.protocol = call_enum(c, "Protocol", PACKET_ICMP),
		.source = ip_arg(c, "SourceAddress"),
		.destination = ip_arg(c, "DestinationAddress"),
		.source_port = (uint16_t)call_uint(c, "SourcePort", 49152),
		.destination_port = (uint16_t)call_uint(c, "DestinationPort", 0),
		.echo_id = 1, .echo_sequence = 1,
		.ttl = (uint8_t)call_uint(c, "TimeToLive", 64),
		.length = (size_t)call_uint(c, "Length", 0),
		.dont_fragment = call_bool(c, "DontFragment", true),
	};
	q->words.source_mac = mac_arg(c, "SourceMACAddress", &q->has_source_mac);
	q->words.destination_mac = mac_arg(c, "DestinationMACAddress", &q->has_destination_mac);
	return 0;
}

/* ---- made packets ---- */

int trace_no_port(const struct adapter_doc *a, struct err **e)
{
	return err_advise(e, err_set(e, "Trace.NoPort", ERR_INVALID_OPERATION, a->name,
				     "The network adapter \"%s\" has no port in the dataplane now.", a->name),
			  "Start its virtual machine and connect the adapter to a switch; from the wire, network virtualization must be "
			  "bound to the switch's NIC.");
}

static int run(struct call *c, const struct trace_question *q, const struct packet *p, struct host_trace *ret, struct err **e)
{
	struct host *host = call_host(c);
	char port[16];
	const char *link = q->inbound ? trace_uplink(call_docs(c), q->adapter, p->b, p->n) : adapter_port_name(&q->adapter->id, port);
	int r = link ? host->trace(host, link, q->inbound, p->b, p->n, ret) : -ENODEV;

	if (r == -ENODEV)
		return trace_no_port(q->adapter, e);
	return r < 0 ? err_set_errno(e, "Trace.Failed", -r, q->adapter->name, "The dataplane did not run the packet: %s.",
				     strerror(-r)) : 0;
}

static int trace_one(struct call *c, const struct trace_question *q, struct err **e)
{
	struct trace_notes notes = { 0 };
	struct host_trace t = { 0 };
	struct packet packet;
	int r = trace_make(c, q, &packet, &notes, e);

	if (r == 0)
		r = run(c, q, &packet, &t, e);
	if (r == 0)
		call_emit_json(c, trace_to_object(c, q, &notes, &t, 0));
	host_trace_done(&t);
	trace_notes_done(&notes);
	return r;
}

/* ---- real ones ---- */

struct live {
	struct call *call;
	struct trace_question question;
};

static void live_done(void *arg, const host_trace_vec *traces, uint64_t lost)
{
	static const struct trace_notes nothing;
	struct live *l = arg;
	size_t number = 0;

	vec_foreach(traces, t)
		call_emit_json(l->call, trace_to_object(l->call, &l->question, &nothing, t, ++number));
	if (lost)
		call_warn(l->call, "%llu more packets matched and came too fast to be kept.", (unsigned long long)lost);
	if (!traces->n)
		call_warn(l->call, "No packet has matched.");
	call_complete(l->call, NULL);
	free(l);
}

static void live_cancel(void *arg)
{
	struct live *l = arg;
	struct host *host = call_host(l->call);

	host->trace_end(host, l);
}

static uint8_t protocol_number(enum packet_protocol p, bool v4)
{
	return p == PACKET_TCP ? IPPROTO_TCP : p == PACKET_UDP ? IPPROTO_UDP : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
}

static struct host_trace_filter filter_of(struct call *c, const struct trace_question *q)
{
	const struct packet_words *w = &q->words;
	bool v4 = ip_is_zero(&w->destination) ? ip_is_zero(&w->source) || ip_is_v4(&w->source) : ip_is_v4(&w->destination);
	struct host_trace_filter f = {
		.source = w->source, .destination = w->destination, .destination_port = w->destination_port,
		.source_port = call_given(c, "SourcePort") ? w->source_port : 0,
		.destination_mac = w->destination_mac,
	};

	if (call_given(c, "Protocol") && w->protocol == PACKET_ARP)
		f.ethertype = 0x0806;
	else if (call_given(c, "Protocol"))
		f.protocol = protocol_number(w->protocol, v4);
	return f;
}

/* From the wire it is known by the guest's address: routed packets have another MAC address on their way. */
static void add_receiver(struct call *c, const struct trace_question *q, struct host_trace_filter *f)
{
	const struct adapter_doc *a = q->adapter;
	const struct record_doc *r;
	size_t n = 0;

	if (!ip_is_zero(&f->destination) || !mac_is_zero(&f->destination_mac))
		return;
	for (size_t pos = 0; (r = records_at_mac(call_docs(c), a->vsid, &a->mac, &pos));)
		if (!ip_is_any(&r->ca) && n++ == 0)
			f->destination = r->ca;
	if (n == 1)
		return;
	f->destination = (struct ip){ { 0 } };
	f->destination_mac = a->mac;
}

static bool same_domain(const struct docs *d, uint32_t one, uint32_t other)
{
	const struct guid *a = netvirt_vsid_domain(d, one), *b = netvirt_vsid_domain(d, other);

	return one == other || (one && other && a && b && guid_equal(a, b));
}

void trace_senders(const struct docs *d, const struct adapter_doc *to, trace_links *ret)
{
	const struct adapter_doc *a;
	char port[16];

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (a != to && same_domain(d, a->vsid, to->vsid))
			vec_push(ret, xstrdup(adapter_port_name(&a->id, port)));
}

void trace_links_done(trace_links *links)
{
	vec_foreach(links, link)
		free((void *)(uintptr_t)*link);
	vec_done(links);
}

/* Outbound: the adapter's port. Inbound: the uplinks, and every port from which something could come. */
static void add_links(struct call *c, const struct trace_question *q, trace_links *links)
{
	char port[16];

	if (q->inbound)
		trace_senders(call_docs(c), q->adapter, links);
	else
		vec_push(links, xstrdup(adapter_port_name(&q->adapter->id, port)));
}

static int start_live(struct call *c, const struct trace_question *q, struct err **e)
{
	struct live *l = xcalloc(1, sizeof(*l));
	struct host *host = call_host(c);
	trace_links links = { 0 };
	struct host_live what = { .uplinks = q->inbound && q->adapter->vsid, .filter = filter_of(c, q),
				  .count = (size_t)call_uint(c, "Count", 10),
				  .timeout_us = call_uint(c, "TimeoutSec", 30) * 1000000 };
	int r;

	if (q->inbound)
		add_receiver(c, q, &what.filter);
	add_links(c, q, &links);
	what.links = links.items;
	what.n_links = links.n;
	*l = (struct live){ .call = c, .question = *q };
	r = host->trace_live(host, &what, live_done, l);
	trace_links_done(&links);
	if (r == 0) {
		call_on_cancel(c, live_cancel, l);
		return CALL_PENDING;
	}
	free(l);
	if (r == -ENODEV)
		return trace_no_port(q->adapter, e);
	if (r == -EBUSY)
		return err_advise(e, err_set_errno(e, "Trace.Busy", EBUSY, q->adapter->name,
						   "Somebody follows packets there already."),
				  "Wait until that trace ends.");
	return err_set_errno(e, "Trace.Failed", -r, q->adapter->name, "The packets cannot be followed: %s.", strerror(-r));
}

static int trace_live(struct call *c, struct trace_question *q, const adapter_vec *adapters, struct err **e)
{
	if (adapters->n > 1)
		return err_advise(e, err_set(e, "Trace.OneAdapter", ERR_INVALID_ARGUMENT, NULL,
					     "-Live follows the packets of one network adapter, not of %zu.", adapters->n),
				  "Name one by -VMName and -Name.");
	if (!adapters->n)
		return 0;
	q->adapter = adapters->items[0];
	return start_live(c, q, e);
}

static int trace(struct call *c, struct err **e)
{
	struct trace_question q;
	adapter_vec adapters = { 0 };
	int r = read_question(c, &q, e);

	if (r == 0)
		r = adapter_select(c, SELECT_OBJECT | SELECT_HOST, &adapters, e);
	if (r == 0 && call_bool(c, "Live", false)) {
		r = trace_live(c, &q, &adapters, e);
		vec_done(&adapters);
		return r;
	}
	for (size_t i = 0; r == 0 && i < adapters.n; i++) {
		struct err *failure = NULL;

		q.adapter = adapters.items[i];
		if (trace_one(c, &q, &failure) < 0)
			call_error(c, &failure);
	}
	vec_done(&adapters);
	return r;
}

const struct cmdlet trace_cmdlets[] = {
	{ "Trace-VMNetworkPacket", "show what becomes of a network adapter's packet, stage by stage, and why", trace_params,
	  &trace_object, trace },
	{ 0 },
};
