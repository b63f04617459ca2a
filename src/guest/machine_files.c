/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "machine.h"
#include "seed.h"

char *machine_file(const char *dir, const struct guid *id, enum machine_file file)
{
	static const char *const endings[] = {
		[MACHINE_NVRAM] = "fd", [MACHINE_NVRAM_SECURE] = "secure.fd", [MACHINE_SEED] = "seed.iso",
	};
	char text[GUID_TEXT_SIZE];

	return xasprintf("%s/%s.%s", dir, guid_format(id, text), endings[file]);
}

void machine_files_remove(const char *dir, const struct guid *id)
{
	for (enum machine_file file = 0; file < MACHINE_FILES; file++) {
		_cleanup_free_ char *path = machine_file(dir, id, file);

		(void)unlink(path);
		if (file == MACHINE_SEED)
			seed_parts_remove(path);
	}
}
