/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dataplane tells of DHCP messages (HN-8): any bytes as an entry. What is accepted names the machine that the message
 * is for, the address in it, and is an ACK wherever its options say so.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "bpf_driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* a copy of exactly this size, so that reading past its end is seen */
	uint8_t *entry = malloc(size ? size : 1);
	struct bpf_learnt found, untouched;
	struct dp_learnt l;

	assert(entry);
	memcpy(entry, data, size);
	memset(&found, 0xa5, sizeof(found));
	untouched = found;
	if (learnt_parse(entry, size, &found) < 0) {
		assert(memcmp(&found, &untouched, sizeof(found)) == 0);
	} else {
		memset(&l, 0, sizeof(l));
		memcpy(&l, data, size < sizeof(l) ? size : sizeof(l));
		assert(size >= offsetof(struct dp_learnt, message));
		assert(memcmp(found.mac, l.mac, 6) == 0 && found.segment == l.segment && found.ifindex == l.ifindex);
		assert(found.leased == (l.kind == DP_LEARNT_LEASED));
		if (found.leased)
			assert(size >= sizeof(l) && l.len >= 240 && memcmp(l.message + 28, found.mac, 6) == 0 &&
			       memcmp(l.message + 16, &found.ca.w[3], 4) == 0 && found.ca.w[2] == htonl(0xffff));
	}
	free(entry);
	return 0;
}
