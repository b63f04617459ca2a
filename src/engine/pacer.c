/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "dataplane_internal.h"

/*
 * MaximumBandwidth. A veth pair of the instance's own holds packets back: at its near end a class of the kernel's token
 * bucket for each limited port, at its far end the program that sends them back to their port. There is one while any port has a
 * limit.
 */

#define PACER_ROLE "pacer"
#define PACER_MTU 65535

static const char *near_name(const struct engine *g, char buf[static 16])
{
	snprintf(buf, 16, "nq%.8s", g->config.instance);
	return buf;
}

static const char *far_name(const struct engine *g, char buf[static 16])
{
	snprintf(buf, 16, "nr%.8s", g->config.instance);
	return buf;
}

static bool wanted(const struct pass *p)
{
	vec_foreach(&p->ports, port)
		if (port->guards.bandwidth && port->bridge[0])
			return true;
	return false;
}

bool pacer_has_link(const struct pass *p, const char *name)
{
	char near[16], far[16];

	return wanted(p) && (streq(name, near_name(p->g, near)) || streq(name, far_name(p->g, far)));
}

static const struct link *near_end(struct pass *p)
{
	char name[16];

	return wanted(p) ? pass_link(p, near_name(p->g, name)) : NULL;
}

const struct link *pacer_far_end(struct pass *p)
{
	char name[16];

	return wanted(p) ? pass_link(p, far_name(p->g, name)) : NULL;
}

/* Neither speaks for itself, and both are up before the first packet is sent there. */
static void keep(struct pass *p, const char *name)
{
	struct link have, want;
	int r = link_get_by_name(p->g->nl, name, &have);

	want = have;
	want.up = want.no_linklocal = true;
	link_mark(p->g, want.alias, PACER_ROLE, NULL, NULL);
	if (r == 0 && !link_differs(&have, &want))
		return;
	if (r == 0)
		r = link_apply(p->g->nl, CHANGE_MODIFY, &have, &want);
	if (r < 0)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot set up %s", name);
	pass_wrote(p, "link %s set up", name);
}

void pacer_make(struct pass *p)
{
	struct link want = link_empty();
	char near[16], far[16];
	int r;

	if (!wanted(p))
		return;
	near_name(p->g, near);
	far_name(p->g, far);
	if (!pass_link(p, near)) {
		memcpy(want.name, near, sizeof(want.name));
		strcpy(want.kind, "veth");
		want.mtu = want.peer.mtu = PACER_MTU;
		want.no_linklocal = true;
		memcpy(want.peer.name, far, sizeof(want.peer.name));
		link_mark(p->g, want.alias, PACER_ROLE, NULL, NULL);
		r = link_apply(p->g->nl, CHANGE_ADD, NULL, &want);
		if (r < 0) {
			pass_failed(p, r, nl_last_message(p->g->nl), "cannot create the %s %s", want.kind, near);
			return;
		}
		pass_wrote(p, "%s %s created", want.kind, near);
	}
	keep(p, far);
	keep(p, near);
}

void pacer_port(struct pass *p, const struct want_port *w, const struct link *l, struct dp_port *port)
{
	const struct link *near = w->guards.bandwidth ? near_end(p) : NULL;

	if (!near || !l)
		return;
	port->flags |= DP_PORT_PACED;
	port->pacer = (uint32_t)near->ifindex;
	port->pace_class = HTB_PRIORITY((uint32_t)l->ifindex);
	port->rate = w->guards.bandwidth / 8;
}

/* ---- classes: by the port's interface number ---- */

static int class_key(const void *a, const void *b)
{
	const struct htb_class *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static bool class_same(const void *have, const void *want)
{
	return ((const struct htb_class *)have)->rate == ((const struct htb_class *)want)->rate;
}

struct changes {
	struct pass *p;
	int ifindex;
	bool deleting;
};

static void class_change(void *arg, const void *have, const void *want)
{
	enum change change = !want ? CHANGE_DELETE : have ? CHANGE_MODIFY : CHANGE_ADD;
	const struct htb_class *c = want ? want : have;
	struct changes *x = arg;
	int r;

	if (x->deleting != !want)
		return;
	r = htb_apply(x->p->g->nl, x->ifindex, change, have, want);
	if (r < 0 && r != -ENOENT)
		pass_failed(x->p, r, nl_last_message(x->p->g->nl), "cannot set the bandwidth of interface %u", c->id);
	pass_wrote(x->p, "bandwidth of interface %u %s", c->id, want ? "set" : "no longer limited");
}

/* What goes, goes after its port's entry says so: packets that wait are lost with their class. */
static void classes(struct pass *p, bool deleting)
{
	struct htb_class_vec want = { 0 }, have = { 0 };
	const struct link *near = near_end(p);
	struct changes x = { .p = p, .deleting = deleting };
	bool root = false;
	struct diff d;
	int r;

	if (!near)
		return;
	x.ifindex = near->ifindex;
	r = htb_observe(p->g->nl, near->ifindex, &root, &have);
	if (r == 0 && !root) {
		r = htb_create(p->g->nl, near->ifindex);
		pass_wrote(p, "token bucket of %s created", near->name);
	}
	if (r < 0)
		pass_failed(p, r, nl_last_message(p->g->nl), "cannot limit what is sent by %s", near->name);
	vec_foreach(&p->ports, port) {
		const struct link *l = port->guards.bandwidth && port->bridge[0] ? pass_link(p, port->name) : NULL;

		if (l)
			vec_push(&want, (struct htb_class){ (uint32_t)l->ifindex, port->guards.bandwidth / 8 });
	}
	vec_sort(&want, class_key);
	vec_sort(&have, class_key);
	d = (struct diff){ want.items, want.n, have.items, have.n, sizeof(struct htb_class), class_key, class_same, class_change, &x };
	diff_run(&d);
	vec_done(&want);
	vec_done(&have);
}

void pacer_classes_write(struct pass *p)
{
	classes(p, false);
}

void pacer_classes_delete(struct pass *p)
{
	classes(p, true);
}
