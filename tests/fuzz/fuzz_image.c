/* SPDX-License-Identifier: Apache-2.0 */
/* What qemu-img says of an image that anybody may have made: any bytes. What is believed makes sense. */
#include <assert.h>
#include <ctype.h>

#include "image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct image_info info = { .size = 42 };

	(void)image_trouble_of(text);
	if (image_info_parse(text, strlen(text), &info) < 0) {
		assert(info.size == 42 && !info.parent);
		return 0;
	}
	assert(*info.format && strlen(info.format) < sizeof(info.format) && info.size <= INT64_MAX && info.file_size <= INT64_MAX);
	for (const char *p = info.parent; p && *p; p++)
		assert(!iscntrl((unsigned char)*p));
	image_info_done(&info);
	return 0;
}
