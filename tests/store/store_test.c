/* SPDX-License-Identifier: Apache-2.0 */
#include "store_test.h"

#include <ftw.h>

char *test_directory_new(void)
{
	char *path = xstrdup("/tmp/nestor-store-XXXXXX");

	assert_non_null(mkdtemp(path));
	return path;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_)
{
	return remove(path);
}

void test_directory_remove(char *path)
{
	assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(path);
}

struct dump {
	struct str text;
	bool with_kind;
};

static int dump_one(void *arg, const struct store_document *document)
{
	struct dump *dump = arg;

	assert_int_equal(strlen(document->value), document->value_size);
	if (dump->with_kind)
		str_addf(&dump->text, "%s/", document->kind);
	str_addf(&dump->text, "%s=%s;", document->key, document->value);
	return 0;
}

char *test_dump(struct store *s, const char *kind)
{
	struct dump dump = { .with_kind = !kind };

	assert_done(store_scan(s, kind, dump_one, &dump, &e));
	return str_take(&dump.text);
}
