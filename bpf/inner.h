/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
#ifndef NESTOR_BPF_INNER_H
#define NESTOR_BPF_INNER_H

#include "parse.h"
#include "verdict.h"

/*
 * Machines inside a machine (NN-1, docs/decisions/0020): lookup records say that they are at this host, and no port has their
 * MAC address. So they are behind a port where spoofing is on. Which one, their own frames tell, as a bridge learns it.
 */

/* A port in that segment behind which there may be machines; NULL: not that, or not any more. */
stage const struct dp_port *inner_port(__u32 segment, __u32 ifindex)
{
	const struct dp_port *port = port_get(ifindex);

	return port && port->segment == segment && (port->flags & DP_PORT_SPOOFING) ? port : NULL;
}

/* Might a port of this host have the machine behind it? mac: mac_number() of it, as a pointer would take stack. */
static __noinline _Bool inner_has(__u32 segment, __u64 mac)
{
	const struct dp_dest *dest = dest_get(segment, &mac);

	return dest && dest->kind == DP_DEST_INNER && bpf_map_lookup_elem(&inner_ports, &segment);
}

stage _Bool inner_is_here(__u32 segment, const void *mac)
{
	return inner_has(segment, mac_number(mac));
}

/* The port behind which the frame's destination was seen; 0: it was not; negative: why it is dropped. */
static __noinline __s32 inner_find(struct __sk_buff *skb, __u32 segment)
{
	struct dp_dest_key key = { .segment = segment };
	__u32 *at;

	if (bpf_skb_load_bytes(skb, 0, key.mac, ETH_ALEN) != 0)
		return -DP_DROP_FRAME_TRUNCATED;
	if (!inner_is_here(segment, key.mac))
		return -DP_DROP_PORT_GONE;
	at = bpf_map_lookup_elem(&inner, &key);
	if (!at || !inner_port(segment, *at)) {
		trace(DEST_INNER_UNSEEN, trace_mac(key.mac));
		return 0;
	}
	if (*at == skb->ifindex)
		return -DP_DROP_DESTINATION_IS_SOURCE;
	trace(DEST_INNER, trace_mac(key.mac), *at);
	return *at;
}

#endif
