/* SPDX-License-Identifier: Apache-2.0 */
#include "eval.h"

#include "text.h"

static bool is_count(const char *name)
{
	return strieq(name, "Count") || strieq(name, "Length") || strieq(name, "LongLength");
}

static struct value *hash_keys(struct shell *sh, const struct value *hash, bool values)
{
	struct value *list = value_array(&sh->heap);

	for (size_t i = 0; i < hash->nprops; i++) {
		if (values)
			array_add(list, hash->props[i].value);
		else
			array_add_take(list, value_string(&sh->heap, hash->props[i].name));
	}
	return list;
}

/* What every value has; false when it is no such name. */
static bool common_member(struct shell *sh, struct value *v, const char *name, struct value **ret)
{
	switch (value_kind(v)) {
	case V_ARRAY:
		if (!is_count(name))
			return false;
		*ret = value_int(&sh->heap, (int64_t)v->n);
		return true;
	case V_STRING:
		if (!is_count(name))
			return false;
		*ret = value_int(&sh->heap, strieq(name, "Count") ? 1 : (int64_t)text_len(v->s));
		return true;
	case V_HASH:
		if (strieq(name, "Keys") || strieq(name, "Values")) {
			*ret = hash_keys(sh, v, strieq(name, "Values"));
			return true;
		}
		if (!strieq(name, "Count"))
			return false;
		*ret = value_int(&sh->heap, (int64_t)v->nprops);
		return true;
	case V_TYPE:
		if (!strieq(name, "Name") && !strieq(name, "FullName"))
			return false;
		*ret = value_string_take(&sh->heap, value_text(v));
		return true;
	default:
		if (!is_count(name))
			return false;
		*ret = value_int(&sh->heap, v ? 1 : 0);
		return true;
	}
}

int member_get(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value **ret)
{
	struct prop *p = bag_find(object, name);
	_cleanup_value_ struct value *list = NULL;

	if (p) {
		*ret = value_ref(p->value);
		return FLOW_OK;
	}
	if (common_member(sh, object, name, ret) || !value_is_array(object)) {
		return FLOW_OK;
	}
	/* The members of the items. */
	list = value_array(&sh->heap);
	for (size_t i = 0; i < object->n; i++) {
		struct value *v = NULL;
		int r;

		p = bag_find(object->items[i], name);
		if (!value_is_bag(object->items[i]) || !p)
			continue;
		r = member_get(sh, at, object->items[i], name, &v);
		if (r < 0)
			return r;
		r = array_add_all(list, v);
		value_unref(v);
		if (r < 0)
			return sh_throw(sh, at, "LimitsExceeded", "There are more than %u objects.", VALUE_MAX_ITEMS);
	}
	*ret = array_collapse(list);
	return FLOW_OK;
}

int member_set(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value *v)
{
	if (!value_is_bag(object))
		return sh_throw(sh, at, "PropertyAssignmentException", "The property '%s' cannot be found on this object.", name);
	if (object->kind == V_OBJECT && !bag_find(object, name))
		return sh_throw(sh, at, "PropertyAssignmentException", "The property '%s' cannot be found on this object. "
				"Verify that the property exists and can be set.", name);
	if (bag_set(object, name, v) < 0)
		return sh_throw(sh, at, "LimitsExceeded", "There are too many keys.");
	return FLOW_OK;
}

static int index_list(struct shell *sh, struct value *object, const struct value *index, struct value **ret)
{
	_cleanup_value_ struct value *list = value_array(&sh->heap);
	size_t n = value_is_array(object) ? object->n : text_len(object->s);

	for (size_t i = 0; i < index->n; i++) {
		int64_t k;

		if (value_to_int(index->items[i], &k) < 0)
			continue;
		k += k < 0 ? (int64_t)n : 0;
		if (k >= 0 && (uint64_t)k < n && value_is_array(object))
			array_add(list, object->items[k]);
	}
	*ret = TAKE_PTR(list);
	return FLOW_OK;
}

int member_index(struct shell *sh, const struct node *at, struct value *object, struct value *index, struct value **ret)
{
	_cleanup_free_ char *key = NULL;
	int64_t i;

	*ret = NULL;
	if (!object)
		return sh_throw(sh, at, "NullArray", "Cannot index into a null array.");
	if (value_is_bag(object)) {
		if (object->kind == V_HASH || !value_is_number(index)) {
			key = value_text(index);
			*ret = value_ref(bag_get(object, key));
			return FLOW_OK;
		}
	} else if (value_is_array(index) && (value_is_array(object) || value_is_string(object))) {
		return index_list(sh, object, index, ret);
	}
	if (value_to_int(index, &i) < 0)
		return sh_throw(sh, at, "InvalidIndex", "The index is no number.");
	if (value_is_array(object)) {
		i += i < 0 ? (int64_t)object->n : 0;
		if (i >= 0 && (uint64_t)i < object->n)
			*ret = value_ref(object->items[i]);
	} else if (value_is_string(object)) {
		size_t n = text_len(object->s), off;

		i += i < 0 ? (int64_t)n : 0;
		if (i >= 0 && (uint64_t)i < n) {
			off = text_offset(object->s, (size_t)i);
			*ret = value_stringn(&sh->heap, object->s + off, text_char(object->s + off));
		}
	} else if (i == 0 || i == -1) {
		*ret = value_ref(object);
	}
	return FLOW_OK;
}

int member_index_set(struct shell *sh, const struct node *at, struct value *object, struct value *index, struct value *v)
{
	_cleanup_free_ char *key = NULL;
	struct value *old;
	int64_t i;

	if (value_is_bag(object)) {
		key = value_text(index);
		return object->kind == V_HASH && bag_set(object, key, v) < 0 ?
			sh_throw(sh, at, "LimitsExceeded", "There are too many keys.") :
			object->kind == V_HASH ? FLOW_OK : member_set(sh, at, object, key, v);
	}
	if (!value_is_array(object) || value_to_int(index, &i) < 0)
		return sh_throw(sh, at, "InvalidIndex", "Unable to index into an object of type %s.", value_type_name(object));
	i += i < 0 ? (int64_t)object->n : 0;
	if (i < 0 || (uint64_t)i >= object->n)
		return sh_throw(sh, at, "IndexOutOfRange", "Index was outside the bounds of the array.");
	old = object->items[i];
	object->items[i] = value_ref(v);
	value_unref(old);
	return FLOW_OK;
}

static char *arg_text(const struct value *args, size_t i)
{
	return value_text(i < args->n ? args->items[i] : NULL);
}

static int64_t arg_int(const struct value *args, size_t i, int64_t otherwise)
{
	int64_t v;

	return i < args->n && value_to_int(args->items[i], &v) == 0 ? v : otherwise;
}

static const char *find_text(const char *s, const char *what, bool last)
{
	const char *found = NULL, *p = s;

	if (!*what)
		return s;
	while ((p = strstr(p, what))) {
		found = p;
		if (!last)
			break;
		p++;
	}
	return found;
}

static struct value *string_trim(struct shell *sh, const char *s, const char *set, bool start, bool end)
{
	const char *chars = *set ? set : " \t\r\n\f\v";
	size_t n;

	if (start)
		s += strspn(s, chars);
	n = strlen(s);
	while (end && n && strchr(chars, s[n - 1]))
		n--;
	return value_stringn(&sh->heap, s, n);
}

static struct value *string_case(struct shell *sh, const char *s, bool upper)
{
	char *copy = xstrdup(s);

	for (char *c = copy; *c; c++)
		*c = upper ? text_upper(*c) : text_lower(*c);
	return value_string_take(&sh->heap, copy);
}

static struct value *string_split(struct shell *sh, const char *s, const char *set)
{
	struct value *list = value_array(&sh->heap);
	const char *chars = *set ? set : " \t\r\n";

	for (;;) {
		size_t n = strcspn(s, chars);

		array_add_take(list, value_stringn(&sh->heap, s, n));
		if (!s[n])
			return list;
		s += n + 1;
	}
}

static int string_replace(struct shell *sh, const struct node *at, const char *s, const char *from, const char *to,
			  struct value **ret)
{
	_cleanup_str_ struct str out = {};
	size_t n = strlen(from);

	if (!n)
		return sh_throw(sh, at, "ArgumentException", "String cannot be of zero length.");
	while (*s) {
		const char *found = strstr(s, from);

		str_addn(&out, s, found ? (size_t)(found - s) : strlen(s));
		if (!found)
			break;
		str_add(&out, to);
		s = found + n;
		if (out.len > VALUE_MAX_STRING)
			return sh_throw(sh, at, "LimitsExceeded", "The string is longer than %u bytes.", VALUE_MAX_STRING);
	}
	*ret = value_string_take(&sh->heap, str_take(&out));
	return FLOW_OK;
}

static int string_cut(struct shell *sh, const struct node *at, const char *s, const struct value *args, bool remove,
		      struct value **ret)
{
	int64_t total = (int64_t)text_len(s), start = arg_int(args, 0, 0), count = arg_int(args, 1, total - start);
	_cleanup_str_ struct str out = {};
	size_t from, to;

	if (start < 0 || count < 0 || start > total || count > total - start)
		return sh_throw(sh, at, "ArgumentOutOfRangeException",
				"Index and length must refer to a location within the string.");
	from = text_offset(s, (size_t)start);
	to = from + text_offset(s + from, (size_t)count);
	if (remove) {
		str_addn(&out, s, from);
		str_add(&out, s + to);
	} else {
		str_addn(&out, s + from, to - from);
	}
	*ret = value_string_take(&sh->heap, str_take(&out));
	return FLOW_OK;
}

static int string_pad(struct shell *sh, const char *s, const struct value *args, bool left, struct value **ret)
{
	int64_t width = MIN(arg_int(args, 0, 0), 65536), used = (int64_t)text_len(s);
	_cleanup_free_ char *with = args->n > 1 ? arg_text(args, 1) : xstrdup(" ");
	_cleanup_str_ struct str out = {};

	if (!left)
		str_add(&out, s);
	for (int64_t i = used; i < width; i++)
		str_addn(&out, with, *with ? text_char(with) : 0);
	if (left)
		str_add(&out, s);
	*ret = value_string_take(&sh->heap, str_take(&out));
	return FLOW_OK;
}

static int string_insert(struct shell *sh, const struct node *at, const char *s, const struct value *args, struct value **ret)
{
	int64_t i = arg_int(args, 0, 0);
	_cleanup_free_ char *what = arg_text(args, 1);
	_cleanup_str_ struct str out = {};
	size_t off;

	if (i < 0 || (uint64_t)i > text_len(s))
		return sh_throw(sh, at, "ArgumentOutOfRangeException", "The index is outside the string.");
	off = text_offset(s, (size_t)i);
	str_addn(&out, s, off);
	str_add(&out, what);
	str_add(&out, s + off);
	*ret = value_string_take(&sh->heap, str_take(&out));
	return FLOW_OK;
}

static struct value *string_chars(struct shell *sh, const char *s)
{
	struct value *list = value_array(&sh->heap);

	for (; *s; s += text_char(s))
		if (array_add_take(list, value_stringn(&sh->heap, s, text_char(s))) < 0)
			break;
	return list;
}

static int string_method(struct shell *sh, const struct node *at, const char *s, const char *name, struct value *args,
			 struct value **ret)
{
	_cleanup_free_ char *a = arg_text(args, 0), *b = arg_text(args, 1);
	const char *found;
	size_t n = strlen(s), k = strlen(a);

	if (strieq(name, "ToUpper") || strieq(name, "ToUpperInvariant") || strieq(name, "ToLower") ||
	    strieq(name, "ToLowerInvariant"))
		*ret = string_case(sh, s, str_has_prefix_nocase(name, "ToUpper"));
	else if (strieq(name, "Trim") || strieq(name, "TrimStart") || strieq(name, "TrimEnd"))
		*ret = string_trim(sh, s, a, !strieq(name, "TrimEnd"), !strieq(name, "TrimStart"));
	else if (strieq(name, "Split"))
		*ret = string_split(sh, s, a);
	else if (strieq(name, "Replace"))
		return string_replace(sh, at, s, a, b, ret);
	else if (strieq(name, "Contains"))
		*ret = value_bool(&sh->heap, strstr(s, a));
	else if (strieq(name, "StartsWith"))
		*ret = value_bool(&sh->heap, strncmp(s, a, k) == 0);
	else if (strieq(name, "EndsWith"))
		*ret = value_bool(&sh->heap, n >= k && streq(s + n - k, a));
	else if (strieq(name, "Substring") || strieq(name, "Remove"))
		return string_cut(sh, at, s, args, strieq(name, "Remove"), ret);
	else if (strieq(name, "IndexOf") || strieq(name, "LastIndexOf")) {
		_cleanup_free_ char *before = NULL;

		found = find_text(s, a, strieq(name, "LastIndexOf"));
		before = xstrndup(s, found ? (size_t)(found - s) : 0);
		*ret = value_int(&sh->heap, found ? (int64_t)text_len(before) : -1);
	} else if (strieq(name, "PadLeft") || strieq(name, "PadRight"))
		return string_pad(sh, s, args, strieq(name, "PadLeft"), ret);
	else if (strieq(name, "Insert"))
		return string_insert(sh, at, s, args, ret);
	else if (strieq(name, "ToCharArray"))
		*ret = string_chars(sh, s);
	else
		return sh_throw(sh, at, "MethodNotFound", "[String] does not contain a method named '%s'.", name);
	return FLOW_OK;
}

static int hash_method(struct shell *sh, const struct node *at, struct value *hash, const char *name, struct value *args,
		       struct value **ret)
{
	_cleanup_free_ char *key = arg_text(args, 0);

	if (strieq(name, "ContainsKey") || strieq(name, "Contains")) {
		*ret = value_bool(&sh->heap, bag_find(hash, key));
	} else if (strieq(name, "ContainsValue")) {
		bool any = false;

		for (size_t i = 0; i < hash->nprops; i++)
			any |= op_equal(hash->props[i].value, args->n ? args->items[0] : NULL, false);
		*ret = value_bool(&sh->heap, any);
	} else if (strieq(name, "Add")) {
		if (bag_find(hash, key))
			return sh_throw(sh, at, "ArgumentException", "Item has already been added. Key in dictionary: '%s'", key);
		if (bag_set(hash, key, args->n > 1 ? args->items[1] : NULL) < 0)
			return sh_throw(sh, at, "LimitsExceeded", "There are too many keys.");
	} else if (strieq(name, "Remove")) {
		bag_del(hash, key);
	} else if (strieq(name, "Clear")) {
		while (hash->nprops)
			bag_del(hash, hash->props[hash->nprops - 1].name);
	} else if (strieq(name, "GetEnumerator")) {
		*ret = value_array(&sh->heap);
		for (size_t i = 0; i < hash->nprops; i++) {
			struct value *entry = value_object(&sh->heap, "DictionaryEntry");

			bag_set_take(entry, "Name", value_string(&sh->heap, hash->props[i].name));
			bag_set(entry, "Key", bag_get(entry, "Name"));
			bag_set(entry, "Value", hash->props[i].value);
			array_add_take(*ret, entry);
		}
	} else {
		return sh_throw(sh, at, "MethodNotFound", "[Hashtable] does not contain a method named '%s'.", name);
	}
	return FLOW_OK;
}

static int array_each(struct shell *sh, const struct node *at, struct value *list, const struct value *block, bool filter,
		      struct value **ret)
{
	_cleanup_value_ struct value *result = value_array(&sh->heap);

	if (value_kind(block) != V_BLOCK)
		return sh_throw(sh, at, "MethodArgument", "A script block was expected.");
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_value_ struct value *v = NULL;
		int r = eval_block_value(sh, block, list->items[i], &v);

		if (r < 0)
			return r;
		if (filter ? value_truth(v) : v != NULL)
			array_add_all(result, filter ? list->items[i] : v);
	}
	*ret = TAKE_PTR(result);
	return FLOW_OK;
}

static int array_method(struct shell *sh, const struct node *at, struct value *list, const char *name, struct value *args,
			struct value **ret)
{
	struct value *first = args->n ? args->items[0] : NULL;
	int64_t at_index = -1;

	for (size_t i = list->n; i-- > 0;)
		if (op_equal(list->items[i], first, true))
			at_index = (int64_t)i;
	if (strieq(name, "Contains"))
		*ret = value_bool(&sh->heap, at_index >= 0);
	else if (strieq(name, "IndexOf"))
		*ret = value_int(&sh->heap, at_index);
	else if (strieq(name, "Add")) {
		if (array_add(list, first) < 0)
			return sh_throw(sh, at, "LimitsExceeded", "There are more than %u objects.", VALUE_MAX_ITEMS);
	} else if (strieq(name, "Where") || strieq(name, "ForEach"))
		return array_each(sh, at, list, first, strieq(name, "Where"), ret);
	else if (strieq(name, "GetEnumerator"))
		*ret = value_ref(list);
	else if (strieq(name, "Clear"))
		while (list->n)
			value_unref(list->items[--list->n]);
	else { /* of each item */
		_cleanup_value_ struct value *result = value_array(&sh->heap);

		for (size_t i = 0; i < list->n; i++) {
			struct value *v = NULL;
			int r = member_call(sh, at, list->items[i], name, args, &v);

			if (r < 0)
				return r;
			array_add_take(result, v);
		}
		*ret = TAKE_PTR(result);
	}
	return FLOW_OK;
}

static int format_self(struct shell *sh, const struct node *at, struct value *object, const struct value *args,
		       struct value **ret)
{
	_cleanup_free_ char *spec = args->n ? arg_text(args, 0) : NULL, *format = NULL;

	if (!spec || !value_is_number(object)) {
		*ret = value_string_take(&sh->heap, value_text(object));
		return FLOW_OK;
	}
	format = xasprintf("{0:%s}", spec);
	return op_format(sh, at, format, object, ret);
}

static int any_method(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value *args,
		      struct value **ret)
{
	struct value *first = args->n ? args->items[0] : NULL;

	if (strieq(name, "ToString") && !value_is_array(object))
		return format_self(sh, at, object, args, ret);
	if (strieq(name, "GetType")) {
		struct value *t = value_object(&sh->heap, NULL);

		bag_set_take(t, "Name", value_string(&sh->heap, value_type_name(object)));
		bag_set(t, "FullName", bag_get(t, "Name"));
		*ret = t;
		return FLOW_OK;
	}
	if (strieq(name, "Equals"))
		*ret = value_bool(&sh->heap, op_equal(object, first, true));
	else if (strieq(name, "CompareTo"))
		*ret = value_int(&sh->heap, op_compare(object, first, true));
	else
		return 1;
	return FLOW_OK;
}

int member_call(struct shell *sh, const struct node *at, struct value *object, const char *name, struct value *args,
		struct value **ret)
{
	_cleanup_value_ _unused_ struct value *held = value_ref(object);
	int r;

	if (!object)
		return sh_throw(sh, at, "InvokeMethodOnNull", "You cannot call a method on a null-valued expression.");
	r = any_method(sh, at, object, name, args, ret);
	if (r <= 0)
		return r;
	r = eval_enter(sh, at);
	if (r < 0)
		return r;
	switch (object->kind) {
	case V_STRING:
		r = string_method(sh, at, object->s, name, args, ret);
		break;
	case V_HASH:
		r = hash_method(sh, at, object, name, args, ret);
		break;
	case V_ARRAY:
		r = array_method(sh, at, object, name, args, ret);
		break;
	case V_BLOCK:
		if (strieq(name, "Invoke")) {
			_cleanup_value_ struct value *items = value_array(&sh->heap), *none = value_hash(&sh->heap);
			struct sink out = { items };

			r = eval_call(sh, at, object->script, object->node, none, args, NULL, &out);
			if (r == 0)
				*ret = array_collapse(items);
			break;
		}
		/* fallthrough */
	default:
		r = sh_throw(sh, at, "MethodNotFound", "[%s] does not contain a method named '%s'.", value_type_name(object), name);
	}
	eval_leave(sh);
	return r;
}
