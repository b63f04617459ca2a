/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON into documents of every kind. What is accepted is written, read again and equal; its copy is equal; what is
 * refused leaves nothing behind.
 */
#include <assert.h>

#include "adapter.h"
#include "checkpoint.h"
#include "netadapter.h"
#include "netvirt.h"
#include "switch.h"
#include "vm.h"

/* Every type of field in one kind; the real kinds use most of them. */
struct sample {
	char *text;
	char **list;
	bool flag;
	uint32_t number, choice;
	uint64_t large;
	struct mac mac;
	struct ip ip;
	struct prefix prefix;
	struct guid id, domain;
};

static const char *const choices[] = { "One", "Two", NULL };

static void sample_key(const void *doc, struct str *ret)
{
	const struct sample *s = doc;

	str_add(ret, s->text ? s->text : "");
}

static const struct doc_field sample_fields[] = {
	DOC_FIELD(sample, text, DOC_STR, "s"),
	DOC_FIELD(sample, list, DOC_STRV, "v"),
	DOC_FIELD(sample, flag, DOC_BOOL, "b"),
	DOC_FIELD(sample, number, DOC_U32, "u"),
	DOC_ENUM_FIELD(sample, choice, choices, "e"),
	DOC_FIELD(sample, large, DOC_U64, "l"),
	DOC_FIELD(sample, mac, DOC_MAC, "m"),
	DOC_FIELD(sample, ip, DOC_IP, "i"),
	DOC_FIELD(sample, prefix, DOC_PREFIX, "p"),
	DOC_FIELD(sample, id, DOC_GUID, "g"),
	DOC_FIELD(sample, domain, DOC_GUID_BRACES, "d"),
};
static const struct doc_kind sample_kind = { "sample", sizeof(struct sample), sample_fields, ARRAY_SIZE(sample_fields),
					     sample_key };

static const struct doc_kind *const kinds[] = {
	&sample_kind,	      &record_kind, &customer_route_kind, &provider_address_kind, &provider_route_kind,
	&netvirt_global_kind, &vm_kind,	    &switch_kind,	  &adapter_kind,	  &binding_kind,
	&checkpoint_kind,     &image_kind,
};

/* The store's text says the same. */
static void check_text(const struct doc_kind *kind, const void *doc)
{
	_cleanup_free_ char *text = doc_to_text(kind, doc);
	void *read = NULL;

	assert(doc_from_text(kind, text, strlen(text), &read, NULL) == 0);
	assert(doc_equal(kind, doc, read));
	doc_free(kind, read);
}

/* Bytes that need not be JSON are read or refused as the JSON library does. */
static void check_bytes(const struct doc_kind *kind, const char *data, size_t size)
{
	json_t *json = json_loadb(data, size, 0, NULL);
	void *doc = NULL, *slow = NULL;
	int r = doc_from_text(kind, data, size, &doc, NULL);

	assert((r < 0) == (!json || doc_from_json(kind, json, &slow, NULL) < 0));
	assert(r < 0 || doc_equal(kind, doc, slow));
	doc_free(kind, doc);
	doc_free(kind, slow);
	json_decref(json);
}

static void check(const struct doc_kind *kind, const json_t *json)
{
	_cleanup_err_ struct err *e = NULL;
	void *doc = NULL, *again = NULL, *copy;
	json_t *written, *twice;

	if (doc_from_json(kind, json, &doc, &e) < 0) {
		assert(!doc && e);
		return;
	}
	assert(!e);
	written = doc_to_json(kind, doc);
	assert(json_object_size(written) == kind->n_fields);
	assert(doc_from_json(kind, written, &again, NULL) == 0);
	copy = doc_copy(kind, doc);
	assert(doc_equal(kind, doc, again) && doc_equal(kind, copy, again));
	twice = doc_to_json(kind, again);
	assert(json_equal(written, twice));
	_cleanup_free_ char *key = doc_key(kind, doc), *key_again = doc_key(kind, copy);

	assert(streq(key, key_again));
	check_text(kind, doc);
	doc_free(kind, doc);
	doc_free(kind, again);
	doc_free(kind, copy);
	json_decref(written);
	json_decref(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Texts with NUL cannot come from the store, but from a caller's object they might. */
	json_t *json = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (json)
			check(kinds[i], json);
		check_bytes(kinds[i], (const char *)data, size);
	}
	json_decref(json);
	return 0;
}
