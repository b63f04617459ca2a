/* SPDX-License-Identifier: Apache-2.0 */
/* What qemu-img says of an image that anybody may have made: any bytes. What is believed makes sense. */
#include <assert.h>
#include <ctype.h>

#include "image.h"
#include "percent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* However it comes in pieces, it says the same; and it is never more than it was, but for a line's end. */
static void read_percent(const char *data, size_t size)
{
	struct percent whole = { .percent = PROGRESS_UNKNOWN }, pieces = whole;
	_cleanup_str_ struct str rest = { 0 }, other = { 0 };

	(void)percent_read(&whole, data, size, &rest);
	percent_end(&whole, &rest);
	for (size_t i = 0; i < size; i++)
		(void)percent_read(&pieces, data + i, 1, &other);
	percent_end(&pieces, &other);
	assert(whole.percent == pieces.percent && whole.percent >= PROGRESS_UNKNOWN && whole.percent <= 100);
	assert(rest.len == other.len && memcmp(str_get(&rest), str_get(&other), rest.len) == 0 && rest.len <= size + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = xstrndup((const char *)data, size);
	struct image_info info = { .size = 42 };

	(void)image_trouble_of(text);
	read_percent((const char *)data, size);
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
