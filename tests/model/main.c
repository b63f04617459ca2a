/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NESTOR_MODEL_PACKETS packets, a thousand in each policy. A difference is printed with its seed; NESTOR_MODEL_SEED with
 * that seed has the same policy and the same packets as the first ones.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bpf_driver.h"
#include "feature_list.h"
#include "model.h"
#include "store.h"

#define PACKETS_DEFAULT 100000
/* Every check is the same; longer runs have seeds of their own. */
#define SEED_DEFAULT    1
#define PACKETS_A_ROUND 1000
#define IFINDEX_MAX	256

/* What a round added to the counters, by the model. */
struct account {
	uint64_t drops[IFINDEX_MAX][DP_DROP_MAX];
	struct dp_counters ports[IFINDEX_MAX];
};

struct test {
	struct host_facts facts;
	struct real *real;
	struct model model;
	struct account account;
	uint64_t seed;
	uint64_t packets;
	uint64_t verdicts[DP_VERDICT_FLOOD + 1];
	uint64_t reasons[DP_DROP_MAX];
	uint64_t early;
	/* What a flow was seen with. */
	struct {
		uint64_t flow;
		uint64_t bits;
	} flows[4096];
	bool hashes[256];
};

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* ---- a difference ---- */

static const char *const verdicts[] = {
	"none", "pass", "drop", "deliver", "deliver by peer", "reply", "send", "send by neighbour", "flood"
};

static void print_frame(const char *what, const struct frame *f)
{
	print_error("%s, %zu bytes, gso %u:", what, f->n, f->gso_size);
	for (size_t i = 0; i < f->n && i < 200; i++)
		print_error("%s%02x", i % 2 ? "" : " ", f->b[i]);
	print_error("\n");
}

static void print_verdict(const char *what, uint32_t verdict, uint32_t detail)
{
	const char *reason = verdict == DP_VERDICT_DROP ? drop_reason_name(detail) : NULL;

	print_error("%s: %s %u %s\n", what, verdict < ARRAY_SIZE(verdicts) ? verdicts[verdict] : "?", detail,
		    reason ? reason : "");
}

static void print_documents(const struct docs *d)
{
	for (size_t i = 0; i < feature_n_kinds; i++) {
		_cleanup_free_ const void **docs = NULL;
		size_t n = docs_list(d, feature_kinds[i], &docs);

		for (size_t j = 0; j < n; j++) {
			json_t *json = doc_to_json(feature_kinds[i], docs[j]);
			_cleanup_free_ char *text = json_dumps(json, JSON_COMPACT);

			print_error("%s %s\n", feature_kinds[i]->name, text);
			json_decref(json);
		}
	}
}

static void differs(const struct test *t, const char *what, uint32_t ifindex, const struct frame *in,
		    const struct outcome *want, const struct real_result *got)
{
	print_documents(t->model.docs);
	for (size_t i = 0; i < ADAPTERS; i++)
		print_error("adapter %zu: interface %u\n", i + 1, t->facts.port[i]);
	for (size_t i = 0; i < NICS; i++)
		print_error("%s: interface %u\n", t->facts.nics[i].name, t->facts.nics[i].ifindex);
	print_frame("in", in);
	print_verdict("model", want->verdict, want->detail);
	print_frame("model", &want->out);
	print_verdict(got->early ? "dataplane at XDP" : "dataplane", got->early ? want->verdict : got->verdict,
		      got->detail);
	print_frame("dataplane", &got->out);
	fail_msg("%s differ at interface %u: NESTOR_MODEL_SEED=%" PRIu64, what, ifindex, t->seed);
}

/* ---- one packet ---- */

/* Takes what a hash of the flow may be into what is expected. */
static bool same_hash(struct test *t, const struct outcome *want, const struct frame *got, struct frame *expected)
{
	uint64_t bits = 0, flow = want->flow ^ want->n_hash << 56 ^ want->hash[0].at << 48;
	size_t at = flow % ARRAY_SIZE(t->flows);

	if (!want->flow)
		return true;
	for (size_t i = 0; i < want->n_hash; i++) {
		uint8_t *byte = expected->b + want->hash[i].at;

		*byte = (uint8_t)((*byte & ~want->hash[i].bits) | (got->b[want->hash[i].at] & want->hash[i].bits));
		bits = bits << 8 | *byte;
	}
	t->hashes[bits & 0xff] = true;
	if (t->flows[at].flow == flow)
		return t->flows[at].bits == bits;
	t->flows[at].flow = flow;
	t->flows[at].bits = bits;
	return true;
}

static bool same_bytes(struct test *t, const struct outcome *want, const struct real_result *got)
{
	size_t from = want->kernel_macs ? 12 : 0;
	size_t n = got->early && want->short_n ? want->short_n : want->out.n;
	struct frame expected = want->out;

	if (want->verdict == DP_VERDICT_DROP)
		return true;
	if (got->out.n != n || (want->n_hash && !same_hash(t, want, &got->out, &expected)))
		return false;
	return memcmp(expected.b + from, got->out.b + from, n - from) == 0;
}

static bool same_verdict(const struct outcome *want, const struct real_result *got)
{
	/* TC_ACT_* */
	static const int actions[] = { [DP_VERDICT_PASS] = 0,	      [DP_VERDICT_DROP] = 2,  [DP_VERDICT_DELIVER] = 7,
				       [DP_VERDICT_DELIVER_PEER] = 7, [DP_VERDICT_REPLY] = 7, [DP_VERDICT_SEND] = 7,
				       [DP_VERDICT_SEND_NEIGH] = 7,   [DP_VERDICT_FLOOD] = 2 };

	if (got->early)
		return (want->verdict == DP_VERDICT_DELIVER || want->verdict == DP_VERDICT_DELIVER_PEER) &&
		       got->detail == want->detail && got->segment == want->segment;
	return got->verdict == want->verdict && got->detail == want->detail && got->action == actions[want->verdict];
}

static void count(struct test *t, uint32_t ifindex, const struct outcome *o, bool early)
{
	enum dp_drop_reason reason = o->verdict == DP_VERDICT_DROP ? o->detail : o->counted;

	t->packets++;
	t->verdicts[o->verdict]++;
	t->early += early;
	if (reason) {
		t->reasons[reason]++;
		t->account.drops[ifindex][reason]++;
	}
	t->account.ports[ifindex].sent_packets += o->sent_packets;
	t->account.ports[ifindex].sent_bytes += o->sent_bytes;
	/* what XDP took is counted by the TC program, which has not seen it here */
	if (early)
		return;
	if (o->verdict != DP_VERDICT_FLOOD) {
		t->account.ports[o->receiver].received_packets += o->received_packets;
		t->account.ports[o->receiver].received_bytes += o->received_bytes;
		return;
	}
	vec_foreach (&t->model.ports, p) {
		const struct model_port *from = NULL;

		vec_foreach (&t->model.ports, q)
			if (q->ifindex == ifindex)
				from = q;
		if (p == from)
			continue;
		if (o->flooded_inner ? p->adapter->vsid != o->flooded_inner || !p->adapter->spoofing :
				       p->adapter->vsid != from->adapter->vsid ||
					       !guid_equal(&p->adapter->switch_id, &from->adapter->switch_id))
			continue;
		t->account.ports[p->ifindex].received_packets += o->received_packets;
		t->account.ports[p->ifindex].received_bytes += o->received_bytes;
	}
}

static void one_packet(struct test *t, bool wire)
{
	static struct real_result got;
	static struct outcome want;
	static struct frame in;
	enum dp_drop_reason refused;
	uint32_t ifindex;

	if (wire) {
		packet_from_wire(&t->model, &in, &ifindex);
		model_from_wire(&t->model, ifindex, &in, &want);
		real_from_wire(t->real, ifindex, &in, &got);
	} else {
		packet_from_guest(&t->model, &in, &ifindex);
		model_from_guest(&t->model, ifindex, &in, &want);
		real_from_guest(t->real, ifindex, &in, &got);
	}
	if (!same_verdict(&want, &got))
		differs(t, "decisions", ifindex, &in, &want, &got);
	if (!same_bytes(t, &want, &got))
		differs(t, "bytes", ifindex, &in, &want, &got);
	count(t, ifindex, &want, got.early);
	if (want.verdict != DP_VERDICT_SEND && want.verdict != DP_VERDICT_SEND_NEIGH)
		return;
	/* a packet that ends too early is for the receiver to see; everything else is the sender's to know */
	refused = model_refused(&t->model, &want.out);
	/* rewritten, and of no version that there is: the other kernel drops it as it would have dropped the guest's own */
	if (refused == DP_DROP_MAX && get16(want.out.b + 12) == TYPE_IP4 && want.out.b[ETHER] >> 4 != 4)
		refused = 0;
	if (refused && !want.source_unknown && refused != DP_DROP_INNER_TRUNCATED &&
	    refused != DP_DROP_REWRITE_MALFORMED) {
		print_error("refused by who gets it: %s\n",
			    refused == DP_DROP_MAX ? "left to its kernel" : drop_reason_name(refused));
		differs(t, "sender and receiver", ifindex, &in, &want, &got);
	}
}

/* ---- a round ---- */

static void check_counters(struct test *t, const struct dp_counters *before, const struct bpf_drop_vec *drops_before)
{
	struct bpf_drop_vec drops = { 0 };

	for (uint32_t i = 0; i < IFINDEX_MAX; i++) {
		const struct dp_counters *want = &t->account.ports[i];
		struct dp_counters now;

		if (!real_counters(t->real, i, &now))
			continue;
		if (now.sent_packets - before[i].sent_packets != want->sent_packets ||
		    now.sent_bytes - before[i].sent_bytes != want->sent_bytes ||
		    now.received_packets - before[i].received_packets != want->received_packets ||
		    now.received_bytes - before[i].received_bytes != want->received_bytes)
			fail_msg("counters of interface %u: NESTOR_MODEL_SEED=%" PRIu64, i, t->seed);
	}
	vec_foreach (drops_before, d)
		t->account.drops[d->ifindex][d->reason] += d->packets;
	real_drops(t->real, &drops);
	vec_foreach (&drops, d)
		if (t->account.drops[d->ifindex][d->reason] != d->packets)
			fail_msg("%s at interface %u is counted %" PRIu64 " times, not %" PRIu64
				 ": NESTOR_MODEL_SEED=%" PRIu64,
				 drop_reason_name(d->reason), d->ifindex, d->packets,
				 t->account.drops[d->ifindex][d->reason], t->seed);
	vec_done(&drops);
}

static void one_round(struct test *t, struct docs *d)
{
	static struct dp_counters before[IFINDEX_MAX];
	struct bpf_drop_vec drops = { 0 };

	dice_seed(t->seed);
	docs_begin(d);
	documents_make(d, &t->facts);
	real_load(t->real, d);
	model_open(&t->model, d, &t->facts);
	memset(&t->account, 0, sizeof(t->account));
	for (uint32_t i = 0; i < IFINDEX_MAX; i++)
		real_counters(t->real, i, &before[i]);
	real_drops(t->real, &drops);
	if (t->model.records.n)
		for (int i = 0; i < PACKETS_A_ROUND; i++)
			one_packet(t, i % 2);
	check_counters(t, before, &drops);
	vec_done(&drops);
	model_close(&t->model);
	docs_rollback(d);
}

static void report(const struct test *t)
{
	size_t ids = 0;

	for (size_t i = 0; i < ARRAY_SIZE(t->hashes); i++)
		ids += t->hashes[i];
	printf("%" PRIu64 " packets, %" PRIu64 " of them decapsulated by XDP, %zu hashes\n", t->packets, t->early, ids);
	for (size_t i = 1; i < ARRAY_SIZE(t->verdicts); i++)
		printf("%10" PRIu64 " %s\n", t->verdicts[i], verdicts[i]);
	for (uint32_t i = 0; i < DP_DROP_MAX; i++)
		if (drop_reason_name(i))
			printf("%10" PRIu64 " %s\n", t->reasons[i], drop_reason_name(i));
}

static void decisions(void **state)
{
	static struct test t;
	uint64_t packets = number("NESTOR_MODEL_PACKETS", PACKETS_DEFAULT);
	struct store *store;
	struct docs *docs;

	(void)state;
	t.real = real_open(&t.facts);
	assert_int_equal(store_open_sqlite(REAL_TMP "/nestor.db", &store, NULL), 0);
	assert_int_equal(docs_open(store, feature_kinds, feature_n_kinds, &docs, NULL), 0);
	t.seed = number("NESTOR_MODEL_SEED", SEED_DEFAULT);
	printf("NESTOR_MODEL_SEED=%" PRIu64 "\n", t.seed);
	for (; t.packets < packets; t.seed++)
		one_round(&t, docs);
	report(&t);
	real_close(t.real);
	docs_free(docs);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(decisions) };

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
