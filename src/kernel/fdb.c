/* SPDX-License-Identifier: Apache-2.0 */
#include "fdb.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "vec.h"

struct collect {
	struct fdb_vec *v;
	int bridge; /* 0: any */
};

static int fdb_append(const struct nlmsghdr *n, void *arg)
{
	const struct collect *c = arg;
	const struct nlattr *tb[NDA_MAX + 1];
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(n);
	struct fdb f = { 0 };
	int r = nl_attrs(n, sizeof(*ndm), tb, NDA_MAX);

	if (r < 0)
		return r;
	f.port = ndm->ndm_ifindex;
	f.bridge = (int)nl_u32(tb[NDA_MASTER]);
	/* Entries without a bridge are a device's own (VXLAN, address filters). */
	if (f.bridge == 0 || f.bridge == f.port || (c->bridge && c->bridge != f.bridge))
		return 0;
	if (!(ndm->ndm_state & NUD_NOARP) || tb[NDA_VLAN] || !nl_bytes(tb[NDA_LLADDR], &f.mac, sizeof(f.mac)))
		return 0;
	vec_push(c->v, f);
	return 0;
}

int fdb_observe(struct nl *nl, int bridge, struct fdb_vec *ret)
{
	struct collect c = { .v = ret, .bridge = bridge };
	struct ndmsg *ndm;
	struct nlmsghdr *n = nl_request(nl, RTM_GETNEIGH, 0, sizeof(*ndm), &ndm);

	ndm->ndm_family = AF_BRIDGE;
	if (bridge)
		mnl_attr_put_u32(n, NDA_MASTER, (uint32_t)bridge);
	return nl_dump(nl, fdb_append, &c, &ret->n);
}

int fdb_apply(struct nl *nl, enum change change, const struct fdb *old, const struct fdb *new)
{
	const struct fdb *f = change == CHANGE_ADD ? new : old;
	struct ndmsg *ndm;
	struct nlmsghdr *n;

	if (change == CHANGE_MODIFY)
		return -EINVAL;
	n = change == CHANGE_ADD ? nl_request(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*ndm), &ndm) :
				   nl_request(nl, RTM_DELNEIGH, 0, sizeof(*ndm), &ndm);
	ndm->ndm_family = AF_BRIDGE;
	ndm->ndm_ifindex = f->port;
	ndm->ndm_flags = NTF_MASTER;
	ndm->ndm_state = NUD_NOARP;
	mnl_attr_put(n, NDA_LLADDR, sizeof(f->mac.b), f->mac.b);
	return nl_transact(nl, NULL);
}
