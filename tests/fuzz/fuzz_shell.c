/* SPDX-License-Identifier: Apache-2.0 */
/* Any text through the language: parsed, checked and run against a host that answers from memory, under tight limits. */
#include <stdlib.h>

#include "fake_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fake_host fake;
	struct shell_options options = { .memory_limit = 16u << 20, .step_limit = 5000, .width = 80 };
	struct shell *sh;
	size_t start;

	if (!fake.catalogue)
		fake_host_init(&fake);
	fake.record_limit = 1u << 20;
	options.output = size ? data[0] % 4 : 0;
	sh = shell_new(&fake.host, &options);
	shell_run(sh, "fuzz", (const char *)data, size, false);
	shell_is_complete(sh, (const char *)data, size);
	if (size < 4096 && !memchr(data, 0, size))
		json_decref(shell_complete(sh, (const char *)data, size, &start));
	shell_flush(sh);
	shell_free(sh);
	str_done(&fake.record);
	fake.record = (struct str){};
	return 0;
}
