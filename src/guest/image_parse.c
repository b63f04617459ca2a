/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#define PATH_BYTES_MAX 4096

void image_info_done(struct image_info *info)
{
	free(info->parent);
	*info = (struct image_info){ 0 };
}

/* Names of formats are short words. */
static bool format_read(const json_t *j, char *ret, size_t size)
{
	const char *text = json_string_value(j);
	size_t n = text ? strlen(text) : 0;

	if (!n || n >= size || json_string_length(j) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '-')
			return false;
	memcpy(ret, text, n + 1);
	return true;
}

/* Where the image says that its parent is: any text that the image's author liked. */
static bool path_read(const json_t *j, char **ret)
{
	const char *text = json_string_value(j);
	size_t n = text ? strlen(text) : 0;

	if (!n || n >= PATH_BYTES_MAX || json_string_length(j) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]))
			return false;
	*ret = xstrdup(text);
	return true;
}

static bool size_read(const json_t *j, uint64_t *ret)
{
	if (!json_is_integer(j) || json_integer_value(j) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(j);
	return true;
}

int image_info_parse(const char *text, size_t size, struct image_info *ret)
{
	json_t *j = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
	json_t *parent = json_object_get(j, "full-backing-filename"), *format = json_object_get(j, "backing-filename-format");
	struct image_info info = { 0 };
	bool good;

	if (!parent)
		parent = json_object_get(j, "backing-filename");
	good = json_is_object(j) && format_read(json_object_get(j, "format"), info.format, sizeof(info.format)) &&
	       size_read(json_object_get(j, "virtual-size"), &info.size) && (!parent || path_read(parent, &info.parent)) &&
	       (!format || format_read(format, info.parent_format, sizeof(info.parent_format)));
	/* Data in a second file, which anybody may have named: nothing here makes such an image. */
	if (json_object_get(json_object_get(json_object_get(j, "format-specific"), "data"), "data-file"))
		good = false;
	/* A block device takes no space of its own. */
	if (good && json_object_get(j, "actual-size"))
		good = size_read(json_object_get(j, "actual-size"), &info.file_size);
	json_decref(j);
	if (!good) {
		image_info_done(&info);
		return -EBADMSG;
	}
	*ret = info;
	return 0;
}

enum image_trouble image_trouble_of(const char *text)
{
	static const struct {
		const char *words;
		enum image_trouble trouble;
	} known[] = {
		{ "another process using the image", IMAGE_BUSY }, { "Failed to get \"", IMAGE_BUSY },
		{ "No space left on device", IMAGE_FULL }, { "Disk quota exceeded", IMAGE_FULL }, { "File too large", IMAGE_FULL },
		{ "No such file or directory", IMAGE_MISSING }, { "Not a directory", IMAGE_MISSING },
		{ "Permission denied", IMAGE_DENIED }, { "Read-only file system", IMAGE_DENIED },
		{ "Image is not in ", IMAGE_WRONG_FORMAT }, { "image not in ", IMAGE_WRONG_FORMAT }, { "invalid VHD", IMAGE_WRONG_FORMAT },
		{ "Could not open backing", IMAGE_WRONG_FORMAT },
		{ "does not support resize", IMAGE_UNSUPPORTED }, { "Backing file not supported", IMAGE_UNSUPPORTED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strstr(text, known[i].words))
			return known[i].trouble;
	return IMAGE_OTHER;
}
