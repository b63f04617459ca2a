/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "adapter.h"

/*
 * What virtual machines use, added up while metering is enabled: Enable/Disable/Reset-VMResourceMetering, Measure-VM.
 * Counters are read now and then and their growth is added, so that it survives both the machine's restarts and the
 * daemon's. Only time counts in which the machine is on.
 */
struct metering_doc {
	struct guid vm;
	uint64_t duration_us; /* of the samples */
	uint64_t cpu_us;
	uint64_t memory_mib_ms;		 /* assigned memory times time */
	uint64_t memory_min, memory_max; /* bytes; max 0: none seen */
	uint64_t disk_capacity, disk_read, disk_written, disk_requests;
	/* Of the sample before. */
	uint64_t at_us; /* wall clock; 0: it was not on */
	uint64_t start; /* which start of the guest the counters are of */
	uint64_t last_cpu_us, last_read, last_written, last_requests;
};
extern const struct doc_kind metering_kind; /* key: vm */

/* Bytes of one adapter, as its guest sees them. */
struct adapter_metering_doc {
	struct guid adapter;
	struct guid vm;
	uint64_t inbound, outbound;
	bool virtualized; /* which counters the last ones are: the dataplane's, or the link's */
	uint64_t last_inbound, last_outbound;
};
extern const struct doc_kind adapter_metering_kind; /* key: adapter */
extern const struct cmdlet vm_metering_cmdlets[];

struct metering_sample {
	uint64_t now_us; /* wall clock */
	bool on;
	uint64_t start;
	uint64_t uptime_us; /* since that start */
	bool counted;	    /* the numbers below are known */
	uint64_t cpu_us, memory;
	uint64_t disk_capacity, disk_read, disk_written, disk_requests;
};
/* Adds what has been used since the sample before. first: only remember where the counters stand. Pure. */
void metering_add(struct metering_doc *m, const struct metering_sample *s, bool first);
/* The same of an adapter; virtualized: whose counters these are. */
void adapter_metering_add(struct adapter_metering_doc *m, bool virtualized, uint64_t inbound, uint64_t outbound,
			  bool first);

bool vm_is_metered(const struct docs *d, const struct guid *vm);
/* Begins from nothing; samples come from then on. In a transaction, as the next ones. */
void metering_begin(struct docs *d, struct host *host, const struct vm_doc *vm);
/* Of one that is metered. */
void metering_sample(struct docs *d, struct host *host, const struct vm_doc *vm);
/* Takes a sample of all machines that are metered. Returns how many of them are on. */
size_t metering_sample_all(struct docs *d, struct host *host);
/* With the adapter, and with the machine. */
void adapter_metering_delete(struct docs *d, const struct guid *adapter);
void metering_delete(struct docs *d, const struct guid *vm);
