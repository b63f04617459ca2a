/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"
#include "packet_make.h"

/*
 * Why a packet goes where it goes: Trace-VMNetworkPacket. The dataplane itself decides (host->trace); here words become a
 * packet, decisions become an object, and a drop gets the advice that the documents allow.
 */
extern const struct cmdlet trace_cmdlets[];
extern const struct cmdlet probe_cmdlets[]; /* Test-VMNetworkAdapter */
extern const struct object_type trace_object; /* "VMNetworkPacketTrace" */

/* What is asked, of one adapter. */
struct trace_question {
	const struct adapter_doc *adapter;
	bool inbound;
	bool hex;                          /* packet is given; else words */
	struct packet packet;
	struct packet_words words;         /* zero: not said */
	bool has_destination_mac;
	bool has_source_mac;
};

/* What the words left open, filled in as the guest would; a note for each thing that somebody may want to know. */
struct trace_notes {
	VEC(char *) lines;
};
void trace_notes_done(struct trace_notes *n);
void trace_note(struct trace_notes *n, const char *format, ...) _printf_(2, 3);

/*
 * The frame that the guest would send, or (inbound) that would come from the wire. On the same virtual subnet it goes to the
 * MAC address of the destination's record, elsewhere to the router's; where a guest would ask for that first and get no
 * answer, the question is the packet.
 *   Trace.NoSourceAddress      no lookup record has an address for the adapter, nor does its guest tell one
 *   Trace.NoDestination        neither an address nor a MAC address
 *   Trace.AddressFamily        one address is IPv4, the other IPv6
 *   Trace.NoRecord             inbound: no lookup record of another host has the source
 *   Trace.NoPort               -DestinationPort is needed
 */
int trace_make(struct call *c, const struct trace_question *q, struct packet *ret, struct trace_notes *notes, struct err **e);

/* Where a packet from the wire comes in: the NIC of the provider address that it is for, else of the adapter's switch; NULL. */
const char *trace_uplink(const struct docs *d, const struct adapter_doc *a, const uint8_t *frame, size_t n);

/* Host ends of ports, owned. */
typedef VEC(const char *) trace_links;
void trace_links_done(trace_links *links);
/* The ports of this host from which something may come to the adapter: those of its routing domain, or on plain switches. */
void trace_senders(const struct docs *d, const struct adapter_doc *to, trace_links *ret);

/* Trace.NoPort: the adapter has none in the dataplane. */
int trace_no_port(const struct adapter_doc *a, struct err **e);

/* The words for what became of a packet, the caller frees them. */
char *trace_outcome(const struct docs *d, const struct trace_question *q, const struct host_trace *t);

/* What to do about a drop, as far as the documents tell; the caller frees it. NULL: nothing comes to mind. */
char *trace_advice(const struct docs *d, const struct adapter_doc *a, bool inbound, const struct host_trace *t);

/* number 0: a made packet. Takes nothing. */
json_t *trace_to_object(struct call *c, const struct trace_question *q, const struct trace_notes *notes,
			const struct host_trace *t, size_t number);
