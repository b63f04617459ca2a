/* SPDX-License-Identifier: Apache-2.0 */
#include "acl.h"

const char *const acl_directions[] = { "Inbound", "Outbound", "Both", NULL };
const char *const acl_extended_directions[] = { "Inbound", "Outbound", NULL };
const char *const acl_actions[] = { "Allow", "Deny", "Meter", NULL };
const char *const acl_extended_actions[] = { "Allow", "Deny", NULL };
const char *const acl_types[] = { "IP", "MAC", NULL };

static const struct doc_field acl_fields[] = {
	DOC_FIELD(acl_doc, adapter, DOC_GUID, "adapter"),
	DOC_FIELD(acl_doc, number, DOC_U32, "number"),
	DOC_ENUM_FIELD(acl_doc, direction, acl_directions, "direction"),
	DOC_ENUM_FIELD(acl_doc, action, acl_actions, "action"),
	DOC_ENUM_FIELD(acl_doc, type, acl_types, "type"),
	DOC_FIELD(acl_doc, local, DOC_STR, "local"),
	DOC_FIELD(acl_doc, remote, DOC_STR, "remote"),
};

static void acl_key(const void *doc, struct str *ret)
{
	const struct acl_doc *a = doc;
	char text[GUID_TEXT_SIZE];

	str_addf(ret, "%s/%u", guid_format(&a->adapter, text), a->number);
}

const struct doc_kind acl_kind = {
	.name = "acl",
	.size = sizeof(struct acl_doc),
	.fields = acl_fields,
	.n_fields = ARRAY_SIZE(acl_fields),
	.key = acl_key,
};

static const struct doc_field extended_fields[] = {
	DOC_FIELD(extended_acl_doc, adapter, DOC_GUID, "adapter"),
	DOC_ENUM_FIELD(extended_acl_doc, direction, acl_extended_directions, "direction"),
	DOC_FIELD(extended_acl_doc, weight, DOC_U32, "weight"),
	DOC_ENUM_FIELD(extended_acl_doc, action, acl_extended_actions, "action"),
	DOC_FIELD(extended_acl_doc, local, DOC_STR, "local"),
	DOC_FIELD(extended_acl_doc, remote, DOC_STR, "remote"),
	DOC_FIELD(extended_acl_doc, local_port, DOC_STR, "localPort"),
	DOC_FIELD(extended_acl_doc, remote_port, DOC_STR, "remotePort"),
	DOC_FIELD(extended_acl_doc, protocol, DOC_STR, "protocol"),
	DOC_FIELD(extended_acl_doc, stateful, DOC_BOOL, "stateful"),
	DOC_FIELD(extended_acl_doc, idle_timeout, DOC_U32, "idleSessionTimeout"),
	DOC_FIELD(extended_acl_doc, isolation_id, DOC_U32, "isolationId"),
};

static void extended_key(const void *doc, struct str *ret)
{
	const struct extended_acl_doc *x = doc;
	char text[GUID_TEXT_SIZE];

	str_addf(ret, "%s/%s/%05u", guid_format(&x->adapter, text), acl_extended_directions[x->direction], x->weight);
}

const struct doc_kind extended_acl_kind = {
	.name = "extended-acl",
	.size = sizeof(struct extended_acl_doc),
	.fields = extended_fields,
	.n_fields = ARRAY_SIZE(extended_fields),
	.key = extended_key,
};

typedef VEC(char *) key_vec;

/* Nothing may be written while documents are walked. */
static void delete_all(struct docs *d, const struct doc_kind *kind, key_vec *keys)
{
	vec_foreach (keys, key) {
		docs_delete(d, kind, *key);
		free(*key);
	}
	vec_done(keys);
}

void acl_forget(struct docs *d, const struct guid *adapter)
{
	key_vec entries = { 0 }, rules = { 0 };
	const struct acl_doc *a;
	const struct extended_acl_doc *x;

	for (size_t pos = 0; (a = docs_next(d, &acl_kind, &pos));)
		if (guid_equal(&a->adapter, adapter))
			vec_push(&entries, doc_key(&acl_kind, a));
	for (size_t pos = 0; (x = docs_next(d, &extended_acl_kind, &pos));)
		if (guid_equal(&x->adapter, adapter))
			vec_push(&rules, doc_key(&extended_acl_kind, x));
	delete_all(d, &acl_kind, &entries);
	delete_all(d, &extended_acl_kind, &rules);
}
