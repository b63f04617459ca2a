/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "internal.h"
#include "log.h"
#include "vm_metering.h"

/*
 * Samples of what metered machines use, now and then and before each pass, which may end a machine or its port. A
 * machine that ends by itself loses the processor time since the last sample.
 */

#define SAMPLE_US 10000000

void engine_metering_sample(struct engine *g)
{
	_cleanup_err_ struct err *e = NULL;
	size_t on;

	if (!docs_count(g->config.docs, &metering_kind))
		return;
	docs_begin(g->config.docs);
	on = metering_sample_all(g->config.docs, &g->host);
	if (docs_commit(g->config.docs, NULL, &e) < 0)
		log_error("cannot keep what virtual machines have used: %s", e->message);
	if (!on || !g->metering)
		return;
	sd_event_source_set_time_relative(g->metering, SAMPLE_US);
	sd_event_source_set_enabled(g->metering, SD_EVENT_ONESHOT);
}

static int on_sample(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s;
	(void)usec;
	engine_metering_sample(arg);
	return 0;
}

#define CPUINFO_MAX (1u << 20)

unsigned engine_processor_mhz(void)
{
	_cleanup_free_ char *text = NULL;
	const char *line;
	unsigned mhz = 0;

	if (read_file("/proc/cpuinfo", CPUINFO_MAX, &text, NULL) < 0)
		return 1000;
	line = strstr(text, "\ncpu MHz");
	if (line && sscanf(line, "\ncpu MHz%*[ \t]: %u", &mhz) == 1 && mhz)
		return mhz;
	return 1000;
}

int engine_metering_open(struct engine *g)
{
	return sd_event_add_time_relative(g->config.event, &g->metering, CLOCK_MONOTONIC, SAMPLE_US, 1000000, on_sample,
					  g);
}
