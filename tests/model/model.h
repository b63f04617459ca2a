/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cmocka wants these first */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nestor/dataplane.h>

#include "adapter.h"
#include "bpf_driver.h"
#include "docs.h"
#include "netvirt.h"
#include "vec.h"

/*
 * Random policy and random packets, twice: through the real programs on maps that the real engine wrote, and through a
 * slow and plain model of the rules (catalogue 2.4 to 2.7, and docs/decisions where those leave a choice). The model
 * reads the documents alone. It shares no code with the dataplane, nor with what computes the dataplane's tables.
 */

/* ---- chance ---- */

void dice_seed(uint64_t seed);
/* 0 .. sides - 1 */
uint32_t dice(uint32_t sides);
/* True once in n times. */
static inline bool one_in(uint32_t n)
{
	return dice(n) == 0;
}

/* ---- frames ---- */

#define FRAME_MAX 3200

struct frame {
	uint8_t b[FRAME_MAX];
	size_t n;
	uint32_t gso_size, gso_segs; /* 0: not a large segment */
};

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

/* RFC 1071, over an even number of bytes; the complement, as it goes into a header. */
uint16_t checksum(const uint8_t *p, size_t n);

enum { ETHER = 14, IP4 = 20, TYPE_IP4 = 0x0800, TYPE_ARP = 0x0806, TYPE_TAG = 0x8100, TYPE_IP6 = 0x86dd };

/* ---- the host: what the kernel has, the same in all rounds ---- */

#define ADAPTERS 12
#define SWITCHES 3
#define NICS	 2

struct nic {
	char name[16];
	uint32_t ifindex;
	struct mac mac;
	uint32_t mtu;
};

struct host_facts {
	struct guid adapters[ADAPTERS];
	uint32_t port[ADAPTERS]; /* ifindex of the host end */
	struct guid switches[SWITCHES];
	uint32_t bridge[SWITCHES];
	struct nic nics[NICS];
};

/* The underlay of a NIC: a net of 64 addresses; the last one but one is a router's. */
#define UNDERLAY(nic, host) (0xc0000000u | (uint32_t)(nic) << 8 | (uint32_t)(host))
#define UNDERLAY_ROUTER	    62

#define UNDERLAY6(nic, host)                                                                                           \
	{                                                                                                              \
		{                                                                                                      \
			0xfd, 0x01, [7] = (uint8_t)(nic), [15] = (uint8_t)(host)                                       \
		}                                                                                                      \
	}

/* Does the kernel know the link address behind the bridge? Those of underlays with an even last byte. */
bool facts_neighbour(const struct ip *ip, struct mac *ret);

/* ---- documents ---- */

/* Puts a random policy into the open transaction. Only what the cmdlets would accept. */
void documents_make(struct docs *d, const struct host_facts *facts);

/* ---- the model ---- */

struct model_port {
	const struct adapter_doc *adapter;
	uint32_t ifindex;
	bool in_guest; /* else of the management OS */
};

struct model {
	const struct docs *docs;
	const struct host_facts *facts;
	VEC(struct model_port) ports;
	VEC(const struct record_doc *) records; /* those that can carry anything, routers' included */
	VEC(const struct customer_route_doc *) routes;
	VEC(const struct provider_address_doc *) pas; /* of this host, in effect */
	VEC(const struct provider_route_doc *) provider_routes;
	VEC(uint32_t) policied;
	bool external_router;
};

struct outcome {
	uint32_t verdict; /* enum dp_verdict */
	uint32_t detail;
	uint32_t counted; /* drop that is counted although the verdict is another: enum dp_drop_reason */
	struct frame out;
	bool kernel_macs; /* the kernel writes the MAC addresses of the frame: the first 12 bytes say nothing */
	/*
	 * Where a hash of the flow is in the frame (WG-2, RFC 7348, RFC 6438), a byte and its bits; n 0: nowhere. Any value, but always
	 * the same for a flow. flow: what makes a flow; 0: the bits are 0.
	 */
	struct {
		size_t at;
		uint8_t bits;
	} hash[5];
	size_t n_hash;
	uint64_t flow;
	uint32_t sent_packets, sent_bytes; /* by the port it came from */
	uint32_t received_packets, received_bytes;
	uint32_t receiver; /* ifindex; FLOOD: all others of the segment */
	uint32_t flooded_inner; /* FLOOD: the VSID of a machine that may be behind any port there where spoofing is on; 0: it is not that */
	uint32_t segment;  /* that it is delivered in */
	/* Routed, and the machine has no record for the source but one for any address (HN-7, HN-8): who gets it cannot know an L2Only one. */
	bool source_unknown;
	size_t short_n; /* of a frame from the wire that was padded: its own length */
};

void model_open(struct model *m, const struct docs *d, const struct host_facts *facts);
void model_close(struct model *m);
/* What becomes of a frame that the machine behind a port sends, or that comes by a NIC. */
void model_from_guest(const struct model *m, uint32_t ifindex, const struct frame *in, struct outcome *ret);
void model_from_wire(const struct model *m, uint32_t ifindex, const struct frame *in, struct outcome *ret);
/* Why the host that has the outer destination would refuse a packet as not sent by whom it says; 0: it would not. */
enum dp_drop_reason model_refused(const struct model *m, const struct frame *wire);

/* ---- packets ---- */

/* A frame for a port, or for a NIC; *ret_ifindex: which. */
void packet_from_guest(const struct model *m, struct frame *ret, uint32_t *ret_ifindex);
void packet_from_wire(const struct model *m, struct frame *ret, uint32_t *ret_ifindex);

/* ---- the real thing ---- */

struct real;

struct real_result {
	uint32_t verdict, detail;
	int action;
	struct frame out;
	bool early; /* the XDP program took it: verdict and detail are from its metadata, segment too */
	uint32_t segment;
};

/* A network and mount namespace with the host's devices in it, and the programs. REAL_TMP: a file system that goes with it. */
#define REAL_TMP "/tmp"
struct real *real_open(struct host_facts *ret_facts);
void real_close(struct real *r);
/* The engine's step that writes the maps, for these documents. Asserts that doing it again writes nothing. */
void real_load(struct real *r, struct docs *d);
void real_from_guest(struct real *r, uint32_t ifindex, const struct frame *in, struct real_result *ret);
/* XDP program first where the NIC has it, then the other. */
void real_from_wire(struct real *r, uint32_t ifindex, const struct frame *in, struct real_result *ret);
/* Counters so far. */
void real_drops(struct real *r, struct bpf_drop_vec *ret);
bool real_counters(struct real *r, uint32_t ifindex, struct dp_counters *ret);
