/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <libmnl/libmnl.h>

#include "ip.h"

/*
 * One route netlink socket and what every driver here shares: a request with its acknowledgement, a dump, the kernel's
 * message. A handle works in the network namespace in which it was opened, for as long as it is open (it keeps that
 * namespace alive); nothing here is shared between handles. Calls wait for the kernel's answer, which it gives at once.
 */
struct nl;

/* One difference between what is wanted and what is there. */
enum change {
	CHANGE_ADD,    /* new is not there; -EEXIST when something with its key is */
	CHANGE_MODIFY, /* old is there and becomes new */
	CHANGE_DELETE, /* old is there; -ENOENT, -ENODEV, -ESRCH or -EADDRNOTAVAIL when it is not */
};

/* In the network namespace of the calling thread. */
int nl_open(struct nl **ret);

/*
 * In the network namespace that ns_fd stands for: an open /proc/PID/ns/net or a pidfd. The calling thread is back in
 * its own when this returns; it aborts when it cannot go back.
 */
int nl_open_in(int ns_fd, struct nl **ret);

void nl_close(struct nl *nl);
DEFINE_CLEANUP(struct nl *, nl_close)
#define _cleanup_nl_ _cleanup_(nl_closep)

/* What the kernel said about the last request that failed; "" when it said nothing. Owned by nl, until the next
 * request. */
const char *nl_last_message(const struct nl *nl);

/* Puts back a message that is worth more than that of a clean-up request. */
void nl_set_message(struct nl *nl, const char *message);

/*
 * The drivers' side. A request is built in the handle's own buffer of NL_REQUEST_SIZE bytes by the mnl_attr_put
 * functions.
 */
#define NL_REQUEST_SIZE 8192

/* Starts a request: header with flags (NLM_F_REQUEST is added) and extra_size zeroed bytes, at *ret_extra when not
 * NULL. */
struct nlmsghdr *nl_request(struct nl *nl, uint16_t type, uint16_t flags, size_t extra_size, void *ret_extra);

/*
 * Starts another request behind the last one: nl_transact() sends both in one system call, so that no death of this
 * process can part them. The kernel carries out each whether or not the one before succeeded.
 */
struct nlmsghdr *nl_request_more(struct nl *nl, uint16_t type, uint16_t flags, size_t extra_size, void *ret_extra);

/*
 * Sends what was started and waits for every acknowledgement. 0, or the first error of the kernel as -Exxx; -EPROTO
 * when an answer is malformed; -ETIMEDOUT when the kernel does not answer within five seconds. ret_second (may be
 * NULL) receives the result of the second request.
 */
int nl_transact(struct nl *nl, int *ret_second);

/*
 * Called for each message of an answer; n is at least as long as its header. A negative value ends the call with it
 * (the rest of the answer is still read).
 */
typedef int (*nl_message_fn)(const struct nlmsghdr *n, void *arg);

/*
 * A dump of what was started. *count is the length of the vector that fn appends to: it is set back before another try
 * (when the kernel says that things changed meanwhile) and when the dump fails. -EAGAIN: they change all the time.
 */
int nl_dump(struct nl *nl, nl_message_fn fn, void *arg, size_t *count);

/* A request that is answered by one message. */
int nl_get(struct nl *nl, nl_message_fn fn, void *arg);

/*
 * Attributes of a message behind a header of header_size bytes, or of a nest, into tb[0..max] (unset ones NULL).
 * Attributes with a higher type are ignored: a newer kernel has more. -EPROTO when they do not fit into their
 * container.
 */
int nl_attrs(const struct nlmsghdr *n, size_t header_size, const struct nlattr **tb, unsigned max);
int nl_attrs_nested(const struct nlattr *nest, const struct nlattr **tb, unsigned max);

/* Values, 0 or false when the attribute is missing or of another size. */
uint8_t nl_u8(const struct nlattr *a);
uint16_t nl_u16(const struct nlattr *a);
uint32_t nl_u32(const struct nlattr *a);
bool nl_bytes(const struct nlattr *a, void *ret, size_t size);
/* Copies at most size - 1 characters; false and "" when the attribute is missing, unterminated or too long. */
bool nl_text(const struct nlattr *a, char *ret, size_t size);

/* An address of 4 or 16 bytes, as the family says; ret is untouched when the attribute is none. */
bool nl_ip(const struct nlattr *a, int family, struct ip *ret);
void nl_put_ip(struct nlmsghdr *n, uint16_t type, const struct ip *ip);

/* The socket itself, for ioctls in the handle's namespace. */
int nl_fd(const struct nl *nl);

/* What the kernel tells unasked. */
enum nl_event {
	NL_EVENT_LINK,    /* a link is new or changed */
	NL_EVENT_UNLINK,  /* a link is gone */
	NL_EVENT_ADDRESS, /* addresses of a link changed */
	NL_EVENT_NEIGH,   /* a neighbour or forwarding entry of a link changed */
	NL_EVENT_ROUTE,   /* routes changed; ifindex is the route's, or 0 */
	NL_EVENT_LOST,    /* the kernel dropped events: anything may have changed; ifindex 0 */
};

#define NL_MONITOR_LINK    (1u << 0)
#define NL_MONITOR_ADDRESS (1u << 1)
#define NL_MONITOR_NEIGH   (1u << 2)
#define NL_MONITOR_ROUTE   (1u << 3)

struct nl_monitor;

/* groups: NL_MONITOR_x. Of the network namespace of the calling thread. */
int nl_monitor_open(unsigned groups, struct nl_monitor **ret);
void nl_monitor_close(struct nl_monitor *m);
DEFINE_CLEANUP(struct nl_monitor *, nl_monitor_close)

/* Readable when there are events. Owned by m. */
int nl_monitor_fd(const struct nl_monitor *m);

/* Calls fn for every event that is there and returns without waiting. 0, or -Exxx when the socket is broken. */
int nl_monitor_drain(struct nl_monitor *m, void (*fn)(enum nl_event event, int ifindex, void *arg), void *arg);
