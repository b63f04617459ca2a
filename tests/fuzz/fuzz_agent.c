/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of a guest's agent, which are whatever the guest likes: nothing is taken that is not bounded and of the right form. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "vec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *answer = xstrndup((const char *)data, size);
	struct agent_exec_status status = { .code = -5 };
	struct agent_address_vec addresses = { 0 };
	int64_t pid = -5;

	assert(agent_exec_parse(answer, &pid) == 0 ? pid > 0 : pid == -5);
	if (agent_exec_status_parse(answer, &status) == 0) {
		assert(status.code >= 0 && status.code <= 255);
		assert(status.exited == (status.output != NULL));
		free(status.output);
	} else {
		assert(status.code == -5 && !status.output);
	}
	(void)agent_interfaces_parse(answer, &addresses);
	assert(addresses.n <= AGENT_MAX_ADDRESSES);
	vec_foreach(&addresses, a)
		assert(mac_is_unicast(&a->mac) && !ip_is_any(&a->ip) && !ip_is_loopback(&a->ip));
	vec_done(&addresses);
	return 0;
}
