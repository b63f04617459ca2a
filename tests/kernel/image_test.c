/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_test.h"

#include "image.h"
#include "image_test.h"

/* What qemu-img says, believed as far as it makes sense. That it says so is tested by tests/netns/test_disks.py. */

static void understood(void **state)
{
	static const char text[] = "{ \"backing-filename-format\": \"qcow2\", \"virtual-size\": 8388608, \"filename\": \"/t/2\", \"format\": \"qcow2\", "
				   "\"actual-size\": 200704, \"format-specific\": { \"type\": \"qcow2\" }, \"full-backing-filename\": \"/t/1\", "
				   "\"backing-filename\": \"1\", \"dirty-flag\": false }\nqemu-img: warning\n";
	struct image_info info = { 0 };

	(void)state;
	assert_ok(image_info_parse(text, strlen(text), &info));
	assert_string_equal(info.format, "qcow2");
	assert_int_equal(info.size, 8388608);
	assert_int_equal(info.file_size, 200704);
	assert_string_equal(info.parent, "/t/1");
	assert_string_equal(info.parent_format, "qcow2");
	image_info_done(&info);
}

static void not_understood(void **state)
{
	static const char *const texts[] = {
		"", "null", "[]", "{}", "{", "{\"format\":\"raw\"}", "{\"format\":\"raw\",\"virtual-size\":-1}",
		"{\"format\":\"raw\",\"virtual-size\":\"1\"}", "{\"format\":\"\",\"virtual-size\":1}",
		"{\"format\":\"a'b\",\"virtual-size\":1}", "{\"format\":\"aaaaaaaaaaaaaaaa\",\"virtual-size\":1}",
		"{\"format\":\"raw\",\"virtual-size\":1,\"full-backing-filename\":\"\"}",
		"{\"format\":\"raw\",\"virtual-size\":1,\"full-backing-filename\":\"a\\nb\"}",
		"{\"format\":\"raw\",\"virtual-size\":1,\"backing-filename\":7}",
		"{\"format\":\"raw\",\"virtual-size\":1,\"virtual-size\":2}", "{\"format\":\"raw\",\"virtual-size\":1,\"actual-size\":-5}",
		"{\"format\":\"qcow2\",\"virtual-size\":1,\"format-specific\":{\"data\":{\"data-file\":\"/etc/passwd\"}}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct image_info info = { .size = 42 };

		if (image_info_parse(texts[i], strlen(texts[i]), &info) != -EBADMSG)
			fail_msg("understood: %s", texts[i]);
		assert_int_equal(info.size, 42);
	}
}

/* In the words of qemu-img, QEMU and libvirt of Debian 12. */
static void trouble(void **state)
{
	static const struct {
		const char *text;
		enum image_trouble trouble;
	} cases[] = {
		{ "Could not open '/x': Could not open '/x': No such file or directory", IMAGE_MISSING },
		{ "Cannot access storage file '/x/a.img': No such file or directory", IMAGE_MISSING },
		{ "Cannot access storage file '/x' (as uid:64055, gid:64055): Permission denied", IMAGE_DENIED },
		{ "Could not open '/x': Failed to get shared \"write\" lock; Is another process using the image [/x]?", IMAGE_BUSY },
		{ "qemu-system-x86_64: -blockdev {...}: Failed to get \"write\" lock", IMAGE_BUSY },
		{ "Could not open '/x': Image is not in qcow2 format", IMAGE_WRONG_FORMAT },
		{ "error while writing at byte 0: No space left on device", IMAGE_FULL },
		{ "Image format driver does not support resize", IMAGE_UNSUPPORTED },
		{ "/tmp/o.vhd: Backing file not supported for file format 'vpc'", IMAGE_UNSUPPORTED },
		{ "Could not open '/x': Input/output error", IMAGE_OTHER },
		{ "", IMAGE_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (image_trouble_of(cases[i].text) != cases[i].trouble)
			fail_msg("%d: %s", image_trouble_of(cases[i].text), cases[i].text);
}

int run_image_tests(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(understood), cmocka_unit_test(not_understood), cmocka_unit_test(trouble) };

	return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}
