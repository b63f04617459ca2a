/* SPDX-License-Identifier: Apache-2.0 */
#include "trace.h"

#include <stdio.h>
#include <time.h>

#include "feature.h"
#include "packet_read.h"

static const char *const properties[] = {
	"VMName", "Name", "Number", "Time", "Direction", "Packet", "Verdict", "Outcome", "Reason", "Rule", "Advice", "Target",
	"Stages", "Story", "Result", "Wire", "Frame", "WireFrame", NULL,
};
static const struct column columns[] = {
	{ "Packet" },
	{ "Story", "Stages" },
	{ "Result" },
	{ "Wire", "Leaves as" },
	{ 0 },
};
const struct object_type trace_object = { "VMNetworkPacketTrace", properties, columns, true };

static const char *const verdicts[] = {
	[HOST_TRACE_PASSED] = "Passed", [HOST_TRACE_DROPPED] = "Dropped", [HOST_TRACE_DELIVERED] = "Delivered",
	[HOST_TRACE_ANSWERED] = "Answered", [HOST_TRACE_SENT] = "Sent", [HOST_TRACE_FLOODED] = "Flooded",
};

#define STAGE_WIDTH 13

static void add_line(struct str *out, const char *stage, const char *text)
{
	size_t n = strlen(stage);

	if (out->len)
		str_addc(out, '\n');
	str_add(out, stage);
	str_pad(out, ' ', n < STAGE_WIDTH ? STAGE_WIDTH - n : 1);
	str_add(out, text);
}

static json_t *step(const char *stage, const char *decision)
{
	return json_pack("{s:s, s:s}", "Stage", stage, "Decision", decision);
}

/* What is said twice in a row only has its heading once. */
static void add_stages(json_t *o, const struct trace_notes *notes, const struct host_trace *t)
{
	json_t *list = json_array();
	struct str story = { 0 };
	const char *last = "";

	vec_foreach(&notes->lines, note) {
		json_array_append_new(list, step("Packet", *note));
		add_line(&story, streq(last, "Packet") ? "" : "Packet", *note);
		last = "Packet";
	}
	vec_foreach(&t->steps, s) {
		json_array_append_new(list, step(s->stage, s->text));
		add_line(&story, streq(last, s->stage) ? "" : s->stage, s->text);
		last = s->stage;
	}
	json_object_set_new(o, "Stages", list);
	json_object_set_new(o, "Story", json_string(str_get(&story)));
	str_done(&story);
}

/* Who has the MAC address that a bridge will look for. */
static const struct adapter_doc *adapter_of_mac(const struct docs *d, const struct adapter_doc *like, const struct mac *mac)
{
	const struct adapter_doc *a;

	for (size_t pos = 0; (a = docs_next(d, &adapter_kind, &pos));)
		if (guid_equal(&a->switch_id, &like->switch_id) && mac_equal(&a->mac, mac))
			return a;
	return NULL;
}

static char *passed(const struct docs *d, const struct trace_question *q, const struct host_trace *t)
{
	struct frame_view v = frame_read(t->out, t->n_out);
	const struct switch_doc *sw = switch_get(d, &q->adapter->switch_id);
	const struct adapter_doc *to = adapter_of_mac(d, q->adapter, &v.destination_mac);
	const struct vm_doc *vm = to ? vm_get(d, &to->vm) : NULL;
	const char *name = sw ? sw->name : "none";

	if (q->inbound)
		return xstrdup("Passed to the kernel of the host: network virtualization has nothing to do with it.");
	if (v.has_ether && (v.destination_mac.b[0] & 1))
		return xasprintf("Passed to the switch \"%s\", which sends a copy to every port.", name);
	if (to)
		return xasprintf("Passed to the switch \"%s\", which delivers it to %s\"%s\".", name,
				 vm ? "" : "the host's adapter ", vm ? vm->name : to->name);
	return xasprintf("Passed to the switch \"%s\". No adapter here has that MAC address: it goes where the switch has learnt it, "
			 "or to every port.", name);
}

static char *sent(const struct host_trace *t)
{
	struct frame_view v = frame_read(t->out, t->n_out);
	char to[IP_TEXT_SIZE];

	if (!v.has_addresses)
		return xasprintf("Sent by %s.", t->target);
	if (mac_is_zero(&v.destination_mac))
		return xasprintf("Handed to the kernel at %s, which asks for the MAC address of the way to %s, and sends it then.",
				 t->target, ip_format(&v.destination, to));
	return xasprintf("Sent by %s to the provider address %s.", t->target, ip_format(&v.destination, to));
}

static char *answered(const struct host_trace *t)
{
	_cleanup_str_ struct str s = { 0 };

	frame_summary(t->out, t->n_out, &s);
	if (t->reason)
		return xasprintf("Dropped (%s), and the sender is told so: %s", t->reason->name, str_get(&s));
	return xasprintf("Answered by the host: %s", str_get(&s));
}

char *trace_outcome(const struct docs *d, const struct trace_question *q, const struct host_trace *t)
{
	switch (t->end) {
	case HOST_TRACE_DROPPED:
		if (!t->reason)
			return xstrdup("Dropped.");
		return xasprintf("Dropped: %s (%s%s%s).", t->reason->sentence, t->reason->name, *t->reason->rule ? ", rule " : "",
				 t->reason->rule);
	case HOST_TRACE_DELIVERED:
		return xasprintf("Delivered to %s, on this host.", t->target);
	case HOST_TRACE_SENT:
		return sent(t);
	case HOST_TRACE_ANSWERED:
		return answered(t);
	case HOST_TRACE_FLOODED:
		return xasprintf("Flooded: copies to %u other %s of the virtual subnet.", t->copies, t->copies == 1 ? "port" : "ports");
	case HOST_TRACE_PASSED:
		break;
	}
	return passed(d, q, t);
}

/* The words, and what to do on a line of its own. */
static void add_result(struct call *c, const struct trace_question *q, const struct host_trace *t, json_t *o)
{
	const struct docs *d = call_docs(c);
	_cleanup_free_ char *what = trace_outcome(d, q, t), *advice = t->reason ? trace_advice(d, q->adapter, q->inbound, t) : NULL;
	_cleanup_free_ char *result = advice ? xasprintf("%s\n%s", what, advice) : xstrdup(what);

	json_object_set_new(o, "Verdict", json_string(verdicts[t->end]));
	json_object_set_new(o, "Outcome", json_string(what));
	json_object_set_new(o, "Result", json_string(result));
	json_object_set_new(o, "Advice", json_text(advice));
	json_object_set_new(o, "Reason", json_text(t->reason ? t->reason->name : NULL));
	json_object_set_new(o, "Rule", json_text(t->reason && *t->reason->rule ? t->reason->rule : NULL));
	json_object_set_new(o, "Target", json_text(t->target));
}

static json_t *hex(const uint8_t *b, size_t n)
{
	struct str s = { 0 };
	json_t *j;

	for (size_t i = 0; i < n; i++)
		str_addf(&s, "%02x", b[i]);
	j = json_string(str_get(&s));
	str_done(&s);
	return j;
}

static void add_wire(const struct host_trace *t, json_t *o)
{
	struct str s = { 0 };

	json_object_set_new(o, "Frame", hex(t->in, t->n_in));
	if (t->end == HOST_TRACE_DROPPED)
		return;
	json_object_set_new(o, "WireFrame", hex(t->out, t->n_out));
	frame_describe(t->out, t->n_out, &s);
	str_addc(&s, '\n');
	frame_dump(t->out, t->n_out, &s);
	json_object_set_new(o, "Wire", json_string(str_get(&s)));
	str_done(&s);
}

static void add_packet(const struct trace_question *q, const struct host_trace *t, json_t *o)
{
	struct frame_view v = frame_read(t->in, t->n_in);
	size_t inner = q->inbound ? v.inner : 0;
	_cleanup_str_ struct str s = { 0 };
	const char *time = json_string_value(json_object_get(o, "Time"));

	/* of real packets the hour tells them apart */
	if (time)
		str_addf(&s, "%s  ", strchr(time, 'T') + 1);

	frame_summary(t->in + inner, t->n_in - inner, &s);
	str_addf(&s, " (%u bytes%s", t->length_in, inner ? ", encapsulated" : "");
	if (t->packets > 1)
		str_addf(&s, " in %u packets", t->packets);
	str_addc(&s, ')');
	json_object_set_new(o, "Packet", json_string(str_get(&s)));
}

static json_t *time_text(uint64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	char text[40];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return json_sprintf("%s.%06uZ", text, (unsigned)(us % 1000000));
}

json_t *trace_to_object(struct call *c, const struct trace_question *q, const struct trace_notes *notes,
			const struct host_trace *t, size_t number)
{
	const struct vm_doc *vm = vm_get(call_docs(c), &q->adapter->vm);
	json_t *o = json_object();

	json_object_set_new(o, "VMName", json_text(vm ? vm->name : NULL));
	json_object_set_new(o, "Name", json_string(q->adapter->name));
	json_object_set_new(o, "Direction", json_string(q->inbound ? "Inbound" : "Outbound"));
	if (number) {
		json_object_set_new(o, "Number", json_integer((json_int_t)number));
		json_object_set_new(o, "Time", time_text(t->time_us));
	}
	add_packet(q, t, o);
	add_stages(o, notes, t);
	add_result(c, q, t, o);
	add_wire(t, o);
	return o;
}
