/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <errno.h>
#include <netinet/in.h>

#include "adapter_select.h"
#include "feature.h"
#include "netvirt.h"

/*
 * Test-VMNetworkAdapter (cmdlets.md 3.2): an ICMP echo request as the sender's guest would send it goes through the sender's
 * port, over the real network, to the receiver's. The guests need not take part: -Receiver answers in its guest's place. A guest
 * that answers pings by itself needs no -Receiver.
 */

static const char *const vm_type[] = { "VirtualMachine", NULL };
static const char *const adapter_type[] = { "VMNetworkAdapter", NULL };

#define PROBE_PAYLOAD_MAX 3400
#define PROBE_ID 0x4e53 /* that of the echo messages, so that they are told from the guests' own */

static const char *const probe_properties[] = {
	"VMName", "Name", "Role", "SenderIPAddress", "ReceiverIPAddress", "IsolationId", "SequenceNumber", "PayloadSize",
	"RoundTripTime", NULL,
};
static const struct column probe_columns[] = {
	{ "VMName" },
	{ "Role" },
	{ "SenderIPAddress" },
	{ "ReceiverIPAddress" },
	{ "SequenceNumber", .right = true },
	{ "PayloadSize", .right = true },
	{ "RoundTripTime", "RoundTripTime(ms)", true },
	{ 0 },
};
static const struct object_type probe_object = { "VMNetworkAdapterConnectionTestResult", probe_properties, probe_columns };

static const struct param probe_params[] = {
	{ "VMName", P_STRING, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "names of virtual machines, or wildcards",
	  .sets = IN_SET(0) },
	{ "VM", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE, "virtual machines, as Get-VM returns them",
	  .values = vm_type, .sets = IN_SET(1) },
	{ "VMNetworkAdapter", P_OBJECT, REQUIRED | ARRAY | POS(0) | PIPE_VALUE,
	  "network adapters, as Get-VMNetworkAdapter returns them", .values = adapter_type, .sets = IN_SET(2) },
	{ "Name", P_STRING, ARRAY, "only adapters of this name, or matching the wildcards",
	  .aliases = "VMNetworkAdapterName", .sets = IN_SET(0) | IN_SET(1) },
	{ "Sender", P_SWITCH, 0, "this end sends the request and waits for the answer" },
	{ "Receiver", P_SWITCH, 0, "this end waits for the request, and answers it; start it first" },
	{ "SenderIPAddress", P_IP, REQUIRED, "customer address of the sender" },
	{ "ReceiverIPAddress", P_IP, REQUIRED, "customer address of the receiver" },
	{ "SequenceNumber", P_UINT, REQUIRED, "the same at both ends", .max = 65535 },
	{ "NextHopMacAddress", P_MAC, 0, "where the sender's request goes first; else it is found out",
	  .def = "of the lookup record, or the router's" },
	{ "IsolationId", P_VSID, VSID_ZERO, "virtual subnet of the adapter, to be sure of it" },
	{ "PayloadSize", P_UINT, 0, "bytes that the request carries", .max = PROBE_PAYLOAD_MAX, .def = "32" },
	{ "TimeoutSec", P_UINT, 0, "how long it waits", .min = 1, .max = 600, .def = "10" },
	{ 0 },
};

struct probe {
	struct call *call;
	struct trace_question question;
	bool sender;
	bool starting; /* the handler has not returned yet */
	uint64_t sent_us;
};

/* ---- the answer ---- */

static json_t *to_object(const struct probe *p, uint64_t round_trip_us)
{
	const struct packet_words *w = &p->question.words;
	const struct adapter_doc *a = p->question.adapter;
	const struct vm_doc *vm = vm_get(call_docs(p->call), &a->vm);
	const struct ip *from = p->sender ? &w->source : &w->destination, *to = p->sender ? &w->destination : &w->source;
	char text[IP_TEXT_SIZE];
	json_t *o = json_object();

	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "Name", json_string(a->name));
	json_object_set_new(o, "Role", json_string(p->sender ? "Sender" : "Receiver"));
	json_object_set_new(o, "SenderIPAddress", json_string(ip_format(from, text)));
	json_object_set_new(o, "ReceiverIPAddress", json_string(ip_format(to, text)));
	json_object_set_new(o, "IsolationId", json_integer(a->vsid));
	json_object_set_new(o, "SequenceNumber", json_integer(w->echo_sequence));
	json_object_set_new(o, "PayloadSize", json_integer((json_int_t)call_uint(p->call, "PayloadSize", 32)));
	if (p->sender)
		json_object_set_new(o, "RoundTripTime", json_real((double)round_trip_us / 1000));
	return o;
}

static int lost(const struct probe *p, struct err **e)
{
	return err_advise(e, err_set(e, "Adapter.TestLost", ERR_RESOURCE_UNAVAILABLE, p->question.adapter->name,
				     p->sender ? "No answer came." : "No request came."),
			  p->sender ? "Trace-VMNetworkPacket -Live -Inbound at the receiver tells whether the request arrives; or does its guest "
				      "not answer, and -Receiver does not run there?"
				    : "Start -Sender at the other end while this waits; Trace-VMNetworkPacket shows its way there.");
}

/* The packet ended otherwise than it should: the trace's own words. */
static int stopped(const struct probe *p, const struct host_trace *t, struct err **e)
{
	const struct docs *d = call_docs(p->call);
	_cleanup_free_ char *what = trace_outcome(d, &p->question, t);
	_cleanup_free_ char *advice = t->reason ? trace_advice(d, p->question.adapter, p->question.inbound, t) : NULL;
	int r = err_set(e, "Adapter.TestDropped", ERR_INVALID_OPERATION, p->question.adapter->name, "%s", what);

	return advice ? err_advise(e, r, "%s", advice) : r;
}

/* ---- echo messages ---- */

static int send_probe(struct probe *p, struct err **e)
{
	struct host *host = call_host(p->call);
	struct trace_notes notes = { 0 };
	struct host_trace t = { 0 };
	struct packet packet;
	char port[16];
	int r = trace_make(p->call, &p->question, &packet, &notes, e);

	trace_notes_done(&notes);
	if (r < 0)
		return r;
	r = host->inject(host, adapter_port_name(&p->question.adapter->id, port), packet.b, packet.n, &t);
	if (r == -ENODEV)
		return trace_no_port(p->question.adapter, e);
	if (r == -EOPNOTSUPP)
		return err_set_errno(e, "Adapter.TestNotPossible", EOPNOTSUPP, p->question.adapter->name,
				     "Without a virtual subnet only machines on the same switch of this host can be tested.");
	if (r < 0)
		return err_set_errno(e, "Trace.Failed", -r, p->question.adapter->name, "The request could not be sent: %s.",
				     strerror(-r));
	if (t.end != HOST_TRACE_SENT && t.end != HOST_TRACE_DELIVERED && t.end != HOST_TRACE_PASSED)
		r = stopped(p, &t, e);
	p->sent_us = t.time_us;
	host_trace_done(&t);
	return r;
}

/* ---- waiting ---- */

static void finish(struct probe *p, const struct host_trace *arrived)
{
	_cleanup_err_ struct err *e = NULL;
	int r = 0;

	if (!arrived)
		r = lost(p, &e);
	else if (arrived->end == HOST_TRACE_DROPPED)
		r = stopped(p, arrived, &e);
	else if (!p->sender)
		r = send_probe(p, &e);
	if (r == 0)
		call_emit_json(p->call, to_object(p, arrived->time_us > p->sent_us ? arrived->time_us - p->sent_us : 0));
	call_complete(p->call, &e);
}

static void probe_done(void *arg, const host_trace_vec *traces, uint64_t more)
{
	struct probe *p = arg;

	(void)more;
	if (!p->starting) {
		finish(p, traces->n ? &traces->items[0] : NULL);
		free(p);
	}
}

static void probe_cancel(void *arg)
{
	struct probe *p = arg;
	struct host *host = call_host(p->call);

	host->trace_end(host, p);
}

/* Is the machine with that address on this host, in the same virtual subnet or another? */
static bool is_here(const struct docs *d, uint32_t vsid, const struct ip *ca)
{
	const struct record_doc *r;
	char key[IP_TEXT_SIZE];

	if (!vsid || !netvirt_vsid_has_policy(d, vsid))
		return true;
	return netvirt_next_hop(d, vsid, ca, &r, NULL) == 0 && docs_get(d, &provider_address_kind, ip_format(&r->pa, key));
}

/*
 * The other end's message: from another host it comes in at an uplink; from this one at the port of a guest that answers by
 * itself, or by inject().
 */
static int wait_for_other(struct probe *p, struct err **e)
{
	const struct packet_words *w = &p->question.words;
	const struct adapter_doc *a = p->question.adapter;
	bool v4 = ip_is_v4(&w->source), here = is_here(call_docs(p->call), a->vsid, &w->destination);
	struct host *host = call_host(p->call);
	trace_links links = { 0 };
	struct host_live what = {
		.uplinks = !here, .injected = here, .count = 1, .timeout_us = call_uint(p->call, "TimeoutSec", 10) * 1000000,
		.filter = { .protocol = v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, .source = w->destination, .destination = w->source,
			    .echo = true, .icmp_type = packet_echo_type(v4, p->sender), .echo_id = w->echo_id,
			    .echo_sequence = w->echo_sequence },
	};
	int r;

	if (here && p->sender)
		trace_senders(call_docs(p->call), a, &links);
	what.links = links.items;
	what.n_links = links.n;
	r = host->trace_live(host, &what, probe_done, p);
	trace_links_done(&links);
	if (r == -ENODEV)
		return trace_no_port(a, e);
	if (r == -EBUSY)
		return err_advise(e, err_set_errno(e, "Trace.Busy", EBUSY, a->name, "Somebody follows packets there already."),
				  "Wait until that trace or test ends.");
	return r < 0 ? err_set_errno(e, "Trace.Failed", -r, a->name, "The packets cannot be followed: %s.", strerror(-r)) : 0;
}

static int start(struct probe *p, struct err **e)
{
	struct host *host = call_host(p->call);
	int r;

	p->starting = true;
	r = wait_for_other(p, e);
	if (r == 0 && p->sender) {
		r = send_probe(p, e);
		if (r < 0)
			host->trace_end(host, p);
	}
	p->starting = false;
	if (r < 0) {
		free(p);
		return r;
	}
	call_on_cancel(p->call, probe_cancel, p);
	return CALL_PENDING;
}

/* ---- the call ---- */

static int check_roles(struct call *c, struct err **e)
{
	if (call_bool(c, "Sender", false) == call_bool(c, "Receiver", false))
		return err_set(e, "Adapter.TestRole", ERR_INVALID_ARGUMENT, NULL,
			       "Say which end this is: either -Sender or -Receiver.");
	if (call_bool(c, "Receiver", false) && call_given(c, "NextHopMacAddress"))
		return err_set(e, "AmbiguousParameterSet", ERR_INVALID_ARGUMENT, "NextHopMacAddress",
			       "-NextHopMacAddress cannot be given with -Receiver.");
	return 0;
}

static int check_adapter(struct call *c, const adapter_vec *adapters, struct err **e)
{
	const struct adapter_doc *a = adapters->items[0];

	if (adapters->n > 1)
		return err_advise(e, err_set(e, "Adapter.TestOneAdapter", ERR_INVALID_ARGUMENT, NULL,
					     "One network adapter is tested at a time, not %zu.", adapters->n),
				  "Name one by -VMName and -Name.");
	if (call_given(c, "IsolationId") && call_uint(c, "IsolationId", 0) != a->vsid)
		return err_set(e, "Adapter.TestIsolationId", ERR_INVALID_ARGUMENT, a->name,
			       "The network adapter \"%s\" is in VSID %u.", a->name, a->vsid);
	return 0;
}

static struct probe *probe_new(struct call *c, const struct adapter_doc *a)
{
	struct probe *p = xcalloc(1, sizeof(*p));
	const struct ip *from = &call_arg(c, "SenderIPAddress")->values[0].ip, *to = &call_arg(c, "ReceiverIPAddress")->values[0].ip;

	p->call = c;
	p->sender = call_bool(c, "Sender", false);
	p->question.adapter = a;
	p->question.has_destination_mac = call_given(c, "NextHopMacAddress");
	p->question.words = (struct packet_words){
		.protocol = PACKET_ICMP, .source = p->sender ? *from : *to, .destination = p->sender ? *to : *from, .ttl = 64,
		.dont_fragment = true, .echo_reply = !p->sender, .echo_id = PROBE_ID,
		.echo_sequence = (uint16_t)call_uint(c, "SequenceNumber", 0),
	};
	p->question.words.length = (ip_is_v4(from) ? 28u : 48u) + (size_t)call_uint(c, "PayloadSize", 32);
	if (p->question.has_destination_mac)
		p->question.words.destination_mac = call_arg(c, "NextHopMacAddress")->values[0].mac;
	return p;
}

static int test(struct call *c, struct err **e)
{
	adapter_vec adapters = { 0 };
	struct probe *p = NULL;
	int r = check_roles(c, e);

	if (r == 0)
		r = adapter_select(c, SELECT_OBJECT, &adapters, e);
	if (r == 0 && adapters.n)
		r = check_adapter(c, &adapters, e);
	if (r == 0 && adapters.n && call_should(c, adapters.items[0]->name, "Test-VMNetworkAdapter"))
		p = probe_new(c, adapters.items[0]);
	vec_done(&adapters);
	return p ? start(p, e) : r;
}

const struct cmdlet probe_cmdlets[] = {
	{ "Test-VMNetworkAdapter", "send an echo request from one network adapter to another and wait for the answer", probe_params,
	  &probe_object, test, CHANGES | PASSTHRU },
	{ 0 },
};
