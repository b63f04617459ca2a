/* SPDX-License-Identifier: Apache-2.0 */
#include "htb.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>

#include "vec.h"

#define KIND "htb"
#define LINKLAYER_ETHERNET 1 /* the kernel's own: rates are as they are said, without a table of ours */
/* The kernel's unit of time for this is 64 ns. A class may be ahead of its rate by so much, for the sake of timers. */
#define BURST_TICKS (5 * 1000 * 1000 / 64)
/* Bytes of a class before the next one has its turn. */
#define QUANTUM 60000

static struct nlmsghdr *request(struct nl *nl, uint16_t type, uint16_t flags, int ifindex, uint32_t parent, uint32_t handle)
{
	struct tcmsg *tc;
	struct nlmsghdr *n = nl_request(nl, type, flags, sizeof(*tc), &tc);

	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = parent;
	tc->tcm_handle = handle;
	return n;
}

static bool is_htb(const struct nlattr *kind)
{
	char text[16];

	return nl_text(kind, text, sizeof(text)) && streq(text, KIND);
}

/* ---- observing ---- */

struct collect {
	int ifindex;
	bool root;
	size_t n; /* not used: nl_dump() counts by it */
	struct htb_class_vec *classes;
};

static int qdisc_seen(const struct nlmsghdr *n, void *arg)
{
	struct collect *c = arg;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(n);
	const struct nlattr *tb[TCA_MAX + 1];
	int r = nl_attrs(n, sizeof(*tc), tb, TCA_MAX);

	if (r == 0 && tc->tcm_ifindex == c->ifindex && tc->tcm_parent == TC_H_ROOT && tc->tcm_handle == HTB_HANDLE << 16 &&
	    is_htb(tb[TCA_KIND]))
		c->root = true;
	return r;
}

static int class_append(const struct nlmsghdr *n, void *arg)
{
	struct collect *c = arg;
	const struct tcmsg *tc = mnl_nlmsg_get_payload(n);
	const struct nlattr *tb[TCA_MAX + 1], *options[TCA_HTB_MAX + 1];
	struct tc_htb_opt opt;
	struct htb_class class;
	int r = nl_attrs(n, sizeof(*tc), tb, TCA_MAX);

	if (r < 0)
		return r;
	if (tc->tcm_ifindex != c->ifindex || tc->tcm_handle >> 16 != HTB_HANDLE || !is_htb(tb[TCA_KIND]) || !tb[TCA_OPTIONS])
		return 0;
	r = nl_attrs_nested(tb[TCA_OPTIONS], options, TCA_HTB_MAX);
	if (r < 0 || !nl_bytes(options[TCA_HTB_PARMS], &opt, sizeof(opt)))
		return r;
	class = (struct htb_class){ .id = tc->tcm_handle & 0xffff, .rate = opt.rate.rate };
	/* said besides where it does not fit */
	(void)nl_bytes(options[TCA_HTB_RATE64], &class.rate, sizeof(class.rate));
	vec_push(c->classes, class);
	return 0;
}

int htb_observe(struct nl *nl, int ifindex, bool *ret_root, struct htb_class_vec *ret)
{
	struct collect c = { .ifindex = ifindex, .classes = ret };
	int r;

	request(nl, RTM_GETQDISC, 0, ifindex, 0, 0);
	r = nl_dump(nl, qdisc_seen, &c, &c.n);
	if (r < 0)
		return r;
	*ret_root = c.root;
	if (!c.root)
		return 0;
	request(nl, RTM_GETTCLASS, 0, ifindex, 0, 0);
	return nl_dump(nl, class_append, &c, &ret->n);
}

/* ---- changing ---- */

int htb_create(struct nl *nl, int ifindex)
{
	struct tc_htb_glob glob = { .version = 3, .rate2quantum = 10 };
	struct nlmsghdr *n = request(nl, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_ROOT, HTB_HANDLE << 16);
	struct nlattr *options;

	mnl_attr_put_strz(n, TCA_KIND, KIND);
	options = mnl_attr_nest_start(n, TCA_OPTIONS);
	mnl_attr_put(n, TCA_HTB_INIT, sizeof(glob), &glob);
	mnl_attr_nest_end(n, options);
	return nl_transact(nl, NULL);
}

static int class_set(struct nl *nl, int ifindex, uint16_t flags, const struct htb_class *c)
{
	uint32_t rate = c->rate > UINT32_MAX ? UINT32_MAX : (uint32_t)c->rate;
	struct tc_ratespec spec = { .rate = rate, .linklayer = LINKLAYER_ETHERNET };
	struct tc_htb_opt opt = { .rate = spec, .ceil = spec, .buffer = BURST_TICKS, .cbuffer = BURST_TICKS, .quantum = QUANTUM };
	struct nlmsghdr *n = request(nl, RTM_NEWTCLASS, flags, ifindex, HTB_HANDLE << 16, HTB_PRIORITY(c->id));
	struct nlattr *options;

	mnl_attr_put_strz(n, TCA_KIND, KIND);
	options = mnl_attr_nest_start(n, TCA_OPTIONS);
	mnl_attr_put(n, TCA_HTB_PARMS, sizeof(opt), &opt);
	if (c->rate > UINT32_MAX) {
		mnl_attr_put_u64(n, TCA_HTB_RATE64, c->rate);
		mnl_attr_put_u64(n, TCA_HTB_CEIL64, c->rate);
	}
	mnl_attr_nest_end(n, options);
	return nl_transact(nl, NULL);
}

int htb_apply(struct nl *nl, int ifindex, enum change change, const struct htb_class *old, const struct htb_class *new)
{
	const struct htb_class *c = change == CHANGE_DELETE ? old : new;

	if (!c->id || c->id > 0xffff || (change != CHANGE_DELETE && !c->rate))
		return -EINVAL;
	switch (change) {
	case CHANGE_ADD:
		return class_set(nl, ifindex, NLM_F_CREATE | NLM_F_EXCL, new);
	case CHANGE_MODIFY:
		return class_set(nl, ifindex, 0, new);
	case CHANGE_DELETE:
		request(nl, RTM_DELTCLASS, 0, ifindex, HTB_HANDLE << 16, HTB_PRIORITY(old->id));
		return nl_transact(nl, NULL);
	}
	return -EINVAL;
}
