/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "bpf_trace.h"
#include "frame.h"
#include "internal.h"
#include "str.h"
#include "vm.h"

/* What the dataplane notes about a packet, in words. */

static struct engine *engine_of(struct host *h)
{
	return (struct engine *)((char *)h - offsetof(struct engine, host));
}

/* ---- names ---- */

static void add_device(struct engine *g, struct str *out, uint64_t ifindex)
{
	struct link l;

	if (link_get_by_index(g->nl, (int)ifindex, &l) == 0)
		str_add(out, l.name);
	else
		str_addf(out, "the interface %u, which is gone", (unsigned)ifindex);
}

/* The machine behind a port: by its name, and the adapter's where it has several. */
static void add_port(struct engine *g, struct str *out, uint64_t ifindex)
{
	const struct adapter_doc *a;
	const struct vm_doc *vm;
	adapter_vec all = { 0 };
	char name[16];
	struct link l;

	if (link_get_by_index(g->nl, (int)ifindex, &l) == 0)
		for (size_t pos = 0; (a = docs_next(g->config.docs, &adapter_kind, &pos));) {
			if (!streq(adapter_port_name(&a->id, name), l.name))
				continue;
			vm = vm_get(g->config.docs, &a->vm);
			adapter_of_vm(g->config.docs, &a->vm, &all);
			if (!vm)
				str_addf(out, "vEthernet (%s)", a->name);
			else if (all.n == 1)
				str_addf(out, "\"%s\"", vm->name);
			else
				str_addf(out, "\"%s\" (%s)", vm->name, a->name);
			vec_done(&all);
			return;
		}
	add_device(g, out, ifindex);
}

/* ---- sentences ---- */

static struct ip ip_of(const union dp_addr *a)
{
	struct ip ip;

	memcpy(&ip, a, sizeof(ip));
	return ip;
}

static void add_address(struct str *out, const struct dp_trace_step *s, const char *form)
{
	struct ip ip = ip_of(&s->addr);
	char text[PREFIX_TEXT_SIZE];
	struct prefix prefix;
	unsigned bits = (unsigned)s->a;

	if (!streq(form, "prefix")) {
		str_add(out, ip_format(&ip, text));
		return;
	}
	if (ip_is_v4(&ip))
		bits = bits > 96 ? bits - 96 : 0;
	if (prefix_from(&ip, bits, &prefix) == 0)
		str_add(out, prefix_format(&prefix, text));
}

static void add_number(struct engine *g, struct str *out, uint64_t n, const char *form)
{
	const struct host_drop_reason *reason;
	struct ip v4 = ip_from_v4((uint32_t)n);
	char text[IP_TEXT_SIZE];
	struct mac mac;

	memcpy(mac.b, &n, sizeof(mac.b));
	if (streq(form, "mac")) {
		str_add(out, mac_format_dashes(&mac, text));
	} else if (streq(form, "ip4")) {
		str_add(out, ip_format(&v4, text));
	} else if (streq(form, "port")) {
		add_port(g, out, n);
	} else if (streq(form, "device")) {
		add_device(g, out, n);
	} else if (streq(form, "reason")) {
		reason = engine_drop_reason((uint32_t)n);
		str_add(out, reason ? reason->name : "for a reason that has no name");
	} else if (streq(form, "hex")) {
		str_addf(out, "0x%02x", (unsigned)n);
	} else {
		str_addf(out, "%llu", (unsigned long long)n);
	}
}

/* Fills the holes {a}, {b:mac}, {addr:ip} of a stage's sentence. */
static char *step_text(struct engine *g, const struct dp_trace_step *s)
{
	const char *p = trace_stage_sentence(s->code);
	struct str out = { 0 };

	while (p && *p) {
		char name[8] = "", form[8] = "";
		int n = 0;

		if (sscanf(p, "{%7[a-d]}%n", name, &n) != 1 || !n) {
			n = 0;
			if (sscanf(p, "{%7[a-z]:%7[a-z0-9]}%n", name, form, &n) != 2 || !n) {
				str_addc(&out, *p++);
				continue;
			}
		}
		p += n;
		if (streq(name, "addr"))
			add_address(&out, s, form);
		else
			add_number(g, &out, name[0] == 'a' ? s->a : name[0] == 'b' ? s->b : s->c, form);
	}
	return str_take(&out);
}

/* ---- a packet ---- */

static enum host_trace_end end_of(uint32_t verdict)
{
	switch (verdict) {
	case DP_VERDICT_DELIVER:
	case DP_VERDICT_DELIVER_PEER:
		return HOST_TRACE_DELIVERED;
	case DP_VERDICT_REPLY:
		return HOST_TRACE_ANSWERED;
	case DP_VERDICT_SEND:
	case DP_VERDICT_SEND_NEIGH:
		return HOST_TRACE_SENT;
	case DP_VERDICT_FLOOD:
		return HOST_TRACE_FLOODED;
	case DP_VERDICT_DROP:
		return HOST_TRACE_DROPPED;
	}
	return HOST_TRACE_PASSED;
}

static void add_target(struct engine *g, const struct dp_trace *packet, struct host_trace *ret)
{
	struct str out = { 0 };

	if (ret->end == HOST_TRACE_DELIVERED)
		add_port(g, &out, packet->detail);
	else if (ret->end == HOST_TRACE_SENT)
		add_device(g, &out, packet->detail);
	else
		return;
	ret->target = str_take(&out);
}

static void describe(struct engine *g, const struct dp_trace *packet, struct host_trace *ret)
{
	struct link l;

	*ret = (struct host_trace){ .end = end_of(packet->verdict), .packets = packet->segments ? packet->segments : 1,
				    .length_in = packet->len, .length_out = packet->out_len };
	if (link_get_by_index(g->nl, (int)packet->ifindex, &l) == 0)
		snprintf(ret->link, sizeof(ret->link), "%s", l.name);
	for (uint32_t i = 0; i < MIN(packet->n_steps, (uint32_t)DP_TRACE_STEPS); i++) {
		const struct dp_trace_step *s = &packet->steps[i];

		if (s->code == DP_TRACE_DROP)
			ret->reason = engine_drop_reason((uint32_t)s->a);
		if (trace_stage_heading(s->code))
			vec_push(&ret->steps, (struct host_trace_step){ trace_stage_heading(s->code), step_text(g, s) });
	}
	if (ret->end == HOST_TRACE_FLOODED)
		ret->copies = packet->detail;
	add_target(g, packet, ret);
	ret->n_in = MIN(packet->len, (uint32_t)DP_TRACE_BYTES);
	ret->in = xmemdup(packet->in, ret->n_in);
	ret->n_out = MIN(packet->out_len, (uint32_t)DP_TRACE_BYTES);
	ret->out = xmemdup(packet->out, ret->n_out);
}

static int trace_frame(struct engine *g, const char *link, enum bpf_role role, const uint8_t *frame, size_t n,
		       struct dp_trace *ret_packet, struct host_trace *ret)
{
	struct bpf_frame out;
	struct link l;
	int r = link_get_by_name(g->nl, link, &l);

	if (r == 0)
		r = bpf_trace_run(g->bpf, role, (uint32_t)l.ifindex, frame, n, ret_packet, &out);
	if (r < 0)
		return r;
	describe(g, ret_packet, ret);
	ret->time_us = clock_us(CLOCK_REALTIME);
	free(ret->in);
	free(ret->out);
	ret->n_in = n;
	ret->in = xmemdup(frame, n);
	ret->n_out = out.n;
	ret->out = xmemdup(out.b, out.n);
	return 0;
}

static int host_trace(struct host *h, const char *link, bool from_wire, const uint8_t *frame, size_t n,
		      struct host_trace *ret)
{
	struct dp_trace packet;

	return trace_frame(engine_of(h), link, from_wire ? BPF_ROLE_UPLINK : BPF_ROLE_VPORT, frame, n, &packet, ret);
}

/* ---- real packets ---- */

struct live_job {
	struct engine *g;
	struct bpf_live *live;
	sd_event_source *packets;
	sd_event_source *timer;
	host_live_fn done;
	void *arg;
	host_trace_vec traces;
	size_t count;
	uint64_t lost;
	bool injected;
	struct host_trace_filter filter;
	struct live_job *next;
};

static void job_end(struct live_job *job)
{
	for (struct live_job **p = &job->g->lives; *p; p = &(*p)->next) {
		if (*p == job) {
			*p = job->next;
			break;
		}
	}
	sd_event_source_disable_unref(job->packets);
	sd_event_source_disable_unref(job->timer);
	bpf_live_stop(job->live);
	if (job->done)
		job->done(job->arg, &job->traces, job->lost);
	vec_foreach(&job->traces, t)
		host_trace_done(t);
	vec_done(&job->traces);
	free(job);
}

void engine_lives_end(struct engine *g)
{
	while (g->lives)
		job_end(g->lives);
}

static int take_packet(void *arg, const struct dp_trace *packet)
{
	struct live_job *job = arg;
	struct host_trace t;

	job->lost += packet->lost;
	if (job->traces.n >= job->count)
		return 0;
	describe(job->g, packet, &t);
	t.time_us = clock_us(CLOCK_REALTIME) - (clock_us(CLOCK_MONOTONIC) - packet->time / 1000);
	vec_push(&job->traces, t);
	return 0;
}

static int on_packets(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct live_job *job = arg;

	(void)s;
	(void)fd;
	(void)revents;
	bpf_live_read(job->live, take_packet, job);
	if (job->traces.n >= job->count)
		job_end(job);
	return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *arg)
{
	struct live_job *job = arg;

	(void)s;
	(void)usec;
	if (job->live)
		bpf_live_read(job->live, take_packet, job);
	job_end(job);
	return 0;
}

static struct dp_trace_filter filter_of(const struct host_trace_filter *f)
{
	struct dp_trace_filter v = { .ethertype = htobe16(f->ethertype), .protocol = f->protocol,
				     .source_port = htobe16(f->source_port), .destination_port = htobe16(f->destination_port) };

	memcpy(v.mac, f->destination_mac.b, sizeof(v.mac));
	memcpy(&v.source, &f->source, sizeof(v.source));
	memcpy(&v.destination, &f->destination, sizeof(v.destination));
	v.fields = (f->ethertype ? DP_TRACE_ETHERTYPE : 0) | (f->protocol ? DP_TRACE_PROTOCOL : 0) |
		   (f->source_port ? DP_TRACE_SOURCE_PORT : 0) | (f->destination_port ? DP_TRACE_DESTINATION_PORT : 0) |
		   (ip_is_zero(&f->source) ? 0 : DP_TRACE_SOURCE) | (ip_is_zero(&f->destination) ? 0 : DP_TRACE_DESTINATION) |
		   (mac_is_zero(&f->destination_mac) ? 0 : DP_TRACE_MAC) | (f->echo ? DP_TRACE_ECHO : 0);
	v.icmp_type = f->icmp_type;
	v.echo = htobe32((uint32_t)f->echo_id << 16 | f->echo_sequence);
	return v;
}

static int add_uplinks(struct engine *g, struct bpf_attachment_vec *ret)
{
	struct bpf_attachment_vec all = { 0 };
	int r = bpf_driver_observe_attachments(g->bpf, &all);

	vec_foreach(&all, a)
		if (a->role == BPF_ROLE_UPLINK || a->role == BPF_ROLE_UPLINK_XDP)
			vec_push(ret, *a);
	vec_done(&all);
	return r;
}

static int attachments_of(struct engine *g, const struct host_live *what, struct bpf_attachment_vec *ret)
{
	struct link l;

	for (size_t i = 0; i < what->n_links; i++)
		if (link_get_by_name(g->nl, what->links[i], &l) == 0)
			vec_push(ret, (struct bpf_attachment){ (uint32_t)l.ifindex, BPF_ROLE_VPORT });
	return what->uplinks ? add_uplinks(g, ret) : 0;
}

static int host_trace_live(struct host *h, const struct host_live *what, host_live_fn done, void *arg)
{
	struct engine *g = engine_of(h);
	struct dp_trace_filter filter = filter_of(&what->filter);
	struct bpf_attachment_vec at = { 0 };
	struct live_job *job = xcalloc(1, sizeof(*job));
	int r = attachments_of(g, what, &at);

	job->g = g;
	job->arg = arg;
	job->count = what->count;
	job->injected = what->injected;
	job->filter = what->filter;
	job->next = g->lives;
	g->lives = job;
	if (r == 0 && at.n)
		r = bpf_live_start(g->bpf, at.items, at.n, &filter, &job->live);
	else if (r == 0 && !what->injected)
		r = -ENODEV;
	vec_done(&at);
	if (r == 0 && job->live)
		r = sd_event_add_io(g->config.event, &job->packets, bpf_live_fd(job->live), EPOLLIN, on_packets, job);
	if (r >= 0)
		r = sd_event_add_time_relative(g->config.event, &job->timer, CLOCK_MONOTONIC, what->timeout_us, 10000, on_timeout, job);
	if (r < 0) {
		job_end(job);
		return r == -ENOENT ? -ENODEV : r;
	}
	job->done = done;
	return 0;
}

static void host_trace_end(struct host *h, void *arg)
{
	struct engine *g = engine_of(h);

	for (struct live_job *job = g->lives; job; job = job->next) {
		if (job->arg == arg) {
			job_end(job);
			return;
		}
	}
}

/* ---- a made packet that goes its way ---- */

static bool echo_matches(const struct host_trace_filter *f, const uint8_t *b, size_t n)
{
	bool v4 = ip_is_v4(&f->source);
	size_t at = v4 ? 14 + 20 : 14 + 40;
	uint16_t id = htobe16(f->echo_id), sequence = htobe16(f->echo_sequence);

	if (!f->echo || n < at + 8 || b[12] != (v4 ? 0x08 : 0x86) || b[13] != (v4 ? 0x00 : 0xdd) || b[v4 ? 23 : 20] != f->protocol)
		return false;
	if (memcmp(b + (v4 ? 26 : 22), v4 ? f->source.b + 12 : f->source.b, v4 ? 4 : 16) != 0 ||
	    memcmp(b + (v4 ? 30 : 38), v4 ? f->destination.b + 12 : f->destination.b, v4 ? 4 : 16) != 0)
		return false;
	return b[at] == f->icmp_type && memcmp(b + at + 4, &id, 2) == 0 && memcmp(b + at + 6, &sequence, 2) == 0;
}

/* Who waits on this host for what was delivered to a port is told by the event loop: not from within the sender's call. */
static void tell_waiting(struct engine *g, const struct dp_trace *packet, const struct host_trace *delivered)
{
	struct host_trace t;

	for (struct live_job *job = g->lives; job; job = job->next) {
		if (!job->injected || job->traces.n >= job->count || !echo_matches(&job->filter, delivered->out, delivered->n_out))
			continue;
		describe(g, packet, &t);
		t.end = HOST_TRACE_DELIVERED;
		t.time_us = clock_us(CLOCK_REALTIME);
		vec_push(&job->traces, t);
		if (job->traces.n >= job->count)
			sd_event_source_set_time_relative(job->timer, 0);
	}
}

/* The port of the same switch that has the MAC address; 0: none. */
static int bridge_port(struct engine *g, const char *from, const uint8_t *mac)
{
	const struct adapter_doc *a, *sender = NULL;
	struct mac to;
	struct link l;
	char name[16];

	memcpy(to.b, mac, sizeof(to.b));
	for (size_t pos = 0; !sender && (a = docs_next(g->config.docs, &adapter_kind, &pos));)
		sender = streq(adapter_port_name(&a->id, name), from) ? a : NULL;
	for (size_t pos = 0; sender && (a = docs_next(g->config.docs, &adapter_kind, &pos));)
		if (guid_equal(&a->switch_id, &sender->switch_id) && !a->vsid && mac_equal(&a->mac, &to) &&
		    link_get_by_name(g->nl, adapter_port_name(&a->id, name), &l) == 0)
			return l.ifindex;
	return 0;
}

static int host_inject(struct host *h, const char *link, const uint8_t *frame, size_t n, struct host_trace *ret)
{
	struct engine *g = engine_of(h);
	struct host_trace t = { 0 };
	struct dp_trace packet;
	int port, r = trace_frame(g, link, BPF_ROLE_VPORT, frame, n, &packet, &t);

	if (r < 0)
		return r;
	if (packet.verdict == DP_VERDICT_SEND_NEIGH) {
		r = frame_send_ip((int)packet.detail, t.out + 14, t.n_out - 14);
	} else if (t.end == HOST_TRACE_SENT || t.end == HOST_TRACE_DELIVERED) {
		r = frame_send((int)packet.detail, t.out, t.n_out);
	} else if (t.end == HOST_TRACE_PASSED) {
		port = bridge_port(g, link, t.out);
		r = port ? frame_send(port, t.out, t.n_out) : -EOPNOTSUPP;
	}
	if (r == 0 && (t.end == HOST_TRACE_DELIVERED || t.end == HOST_TRACE_PASSED))
		tell_waiting(g, &packet, &t);
	if (r < 0)
		host_trace_done(&t);
	else
		*ret = t;
	return r;
}

void engine_host_trace_init(struct engine *g)
{
	g->host.trace = host_trace;
	g->host.trace_live = host_trace_live;
	g->host.inject = host_inject;
	g->host.trace_end = host_trace_end;
}
