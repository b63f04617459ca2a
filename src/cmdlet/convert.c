/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <math.h>

#include "internal.h"

/* From the caller's JSON to typed values. Everything a caller can write passes through here. */

static const char *const type_names[] = {
	[P_STRING] = "System.String",
	[P_INT] = "System.Int64",
	[P_UINT] = "System.UInt64",
	[P_BOOL] = "System.Boolean",
	[P_SWITCH] = "System.Management.Automation.SwitchParameter",
	[P_ENUM] = "enumeration",
	[P_MAC] = "MAC address",
	[P_IP] = "IP address",
	[P_PREFIX] = "address prefix",
	[P_GUID] = "System.Guid",
	[P_VSID] = "System.UInt32",
	[P_SCRIPT] = "System.Management.Automation.ScriptBlock",
	[P_OBJECT] = "object",
};

static int refuse(const struct param *p, const char *text, struct err **e)
{
	return err_set(e, "ParameterArgumentTransformationError", ERR_INVALID_ARGUMENT, text,
		       "Cannot process argument transformation on parameter '%s'. Cannot convert value \"%.200s\" to type \"%s\".",
		       p->name, text, type_names[p->type]);
}

static uint64_t number_limit(const struct param *p)
{
	return p->max ? p->max : p->type == P_INT ? INT64_MAX : UINT64_MAX;
}

static int refuse_range(const struct param *p, const char *text, struct err **e)
{
	return err_set(e, "ParameterArgumentValidationError", ERR_INVALID_ARGUMENT, text,
		       "Cannot validate argument on parameter '%s'. The argument \"%.200s\" is not between %lld and %llu.", p->name,
		       text, (long long)p->min, (unsigned long long)number_limit(p));
}

/* Cuts off a size suffix and says what it stands for. */
static uint64_t multiplier(char *digits)
{
	static const struct {
		const char *suffix;
		unsigned shift;
	} units[] = { { "KB", 10 }, { "MB", 20 }, { "GB", 30 }, { "TB", 40 } };
	size_t len = strlen(digits);

	for (size_t i = 0; len > 2 && i < ARRAY_SIZE(units); i++) {
		if (strieq(digits + len - 2, units[i].suffix)) {
			digits[len - 2] = 0;
			return 1ULL << units[i].shift;
		}
	}
	return 1;
}

static int convert_number(const struct param *p, const char *text, union value *v, struct err **e)
{
	_cleanup_free_ char *digits = xstrdup(text);
	bool negative = digits[0] == '-';
	uint64_t limit = number_limit(p), factor = multiplier(digits), n;
	int r;

	r = parse_u64(digits + negative, UINT64_MAX, &n);
	if (r == -EINVAL)
		return refuse(p, text, e);
	if (r < 0 || __builtin_mul_overflow(n, factor, &n))
		return refuse_range(p, text, e);
	if (p->type == P_INT) {
		/* One more below zero than above. */
		if (n > (uint64_t)INT64_MAX + negative)
			return refuse_range(p, text, e);
		v->i = negative ? (int64_t)-n : (int64_t)n;
		return v->i < p->min || (v->i > 0 && (uint64_t)v->i > limit) ? refuse_range(p, text, e) : 0;
	}
	if ((negative && n) || n > limit || (p->min > 0 && n < (uint64_t)p->min))
		return refuse_range(p, text, e);
	v->u = n;
	return 0;
}

static int convert_bool(const struct param *p, const char *text, union value *v, struct err **e)
{
	if (strieq(text, "true") || strieq(text, "$true") || streq(text, "1"))
		v->b = true;
	else if (strieq(text, "false") || strieq(text, "$false") || streq(text, "0"))
		v->b = false;
	else
		return refuse(p, text, e);
	return 0;
}

static int convert_enum(const struct param *p, const char **text, union value *v, struct err **e)
{
	_cleanup_str_ struct str all = { 0 };

	for (size_t i = 0; p->values[i]; i++) {
		if (strieq(p->values[i], *text)) {
			v->u = i;
			*text = p->values[i];
			return 0;
		}
		str_addf(&all, "%s%s", i ? ", " : "", p->values[i]);
	}
	return err_set(e, "ParameterArgumentTransformationError", ERR_INVALID_ARGUMENT, *text,
		       "Cannot bind parameter '%s'. The value \"%.200s\" is not one of: %s.", p->name, *text, str_get(&all));
}

static int convert_vsid(const struct param *p, const char *text, union value *v, struct err **e)
{
	uint32_t vsid = 0;
	uint64_t n;
	int r;

	if ((p->flags & VSID_ZERO) && parse_u64(text, 0, &n) == 0) {
		v->u = 0;
		return 0;
	}
	r = vsid_parse(text, &vsid);
	if (r == -ERANGE) {
		r = err_set(e, "Wnv.VsidOutOfRange", ERR_INVALID_ARGUMENT, text,
			    "The virtual subnet id %s is out of range: %u to %u are possible%s.", text, VSID_MIN, VSID_MAX,
			    p->flags & VSID_ZERO ? ", and 0 for none" : "");
		return err_advise(e, r, "0 to 4095 and 16777215 are reserved on the wire (RFC 7637 section 3.2). Choose another id.");
	}
	if (r < 0)
		return refuse(p, text, e);
	v->u = vsid;
	return 0;
}

static int convert_prefix(const struct param *p, const char *text, union value *v, struct err **e)
{
	char network[PREFIX_TEXT_SIZE];
	bool host_bits = false;

	if (prefix_parse(text, &v->prefix, &host_bits) < 0)
		return refuse(p, text, e);
	if (host_bits)
		return err_advise(e, refuse(p, text, e), "The address has bits behind the prefix length: %s is the network.",
				  prefix_format(&v->prefix, network));
	return 0;
}

/* The scalar as text; a number or boolean is written as the language would write it. NULL: not a scalar. */
static char *scalar_text(const json_t *json)
{
	if (json_is_string(json))
		return strlen(json_string_value(json)) == json_string_length(json) ? xstrdup(json_string_value(json)) : NULL;
	if (json_is_integer(json))
		return xasprintf("%lld", (long long)json_integer_value(json));
	if (json_is_boolean(json))
		return xstrdup(json_is_true(json) ? "True" : "False");
	if (json_is_real(json)) {
		double d = json_real_value(json);

		/* 4GB arrives as a whole number even where the language computed it in floating point. */
		if (d == floor(d) && fabs(d) < 9007199254740992.0)
			return xasprintf("%.0f", d);
		return xasprintf("%.15g", d);
	}
	return NULL;
}

static int convert_text(const struct param *p, const char **text, union value *v, struct err **e)
{
	switch (p->type) {
	case P_STRING:
	case P_SCRIPT:
		v->str = *text;
		return 0;
	case P_INT:
	case P_UINT:
		return convert_number(p, *text, v, e);
	case P_BOOL:
	case P_SWITCH:
		return convert_bool(p, *text, v, e);
	case P_ENUM:
		return convert_enum(p, text, v, e);
	case P_MAC:
		return mac_parse(*text, &v->mac) < 0 ? refuse(p, *text, e) : 0;
	case P_IP:
		return ip_parse(*text, &v->ip) < 0 ? refuse(p, *text, e) : 0;
	case P_PREFIX:
		return convert_prefix(p, *text, v, e);
	case P_GUID:
		return guid_parse(*text, &v->guid) < 0 ? refuse(p, *text, e) : 0;
	case P_VSID:
		return convert_vsid(p, *text, v, e);
	case P_OBJECT:
		break;
	}
	return refuse(p, *text, e);
}

static int convert_object(const struct command *cmd, const struct param *p, const json_t *json, union value *v, struct err **e)
{
	(void)cmd;
	if (!json_is_object(json))
		return err_set(e, "ParameterArgumentTransformationError", ERR_INVALID_ARGUMENT, p->name,
			       "Cannot process argument transformation on parameter '%s': a %s object is needed.", p->name,
			       p->values[0]);
	/* By its id it would be taken for what the machine has now. */
	if (json_is_string(json_object_get(json, "VMSnapshotId"))) {
		int r = err_set(e, "Checkpoint.ReadOnly", ERR_INVALID_OPERATION, json_string_value(json_object_get(json, "VMSnapshotName")),
				"Cannot bind argument to parameter '%s': a checkpoint keeps the object as it is.", p->name);

		return err_advise(e, r, "Restore-VMSnapshot brings it back; what the virtual machine has now is got without -VMSnapshot.");
	}
	v->object = (json_t *)(uintptr_t)json;
	return 0;
}

int convert_value(const struct command *cmd, const struct param *p, const json_t *json, union value *v, char **ret_text,
		  struct err **e)
{
	_cleanup_free_ char *text = NULL;
	const char *canonical;
	int r;

	/* $null as a string is "", where that clears. */
	if (json_is_null(json) && p->type == P_STRING && (p->flags & MAY_BE_EMPTY)) {
		*ret_text = xstrdup("");
		v->str = *ret_text;
		return 0;
	}
	if (json_is_null(json))
		return err_set(e, "ParameterArgumentValidationErrorNullNotAllowed", ERR_INVALID_ARGUMENT, p->name,
			       "Cannot bind argument to parameter '%s' because it is null.", p->name);
	if (p->type == P_OBJECT) {
		*ret_text = xstrdup(p->values[0]);
		return convert_object(cmd, p, json, v, e);
	}
	text = scalar_text(json);
	if (!text)
		return err_set(e, "ParameterArgumentTransformationError", ERR_INVALID_ARGUMENT, p->name,
			       "Cannot process argument transformation on parameter '%s': one %s is needed.", p->name,
			       type_names[p->type]);
	if (p->type != P_SCRIPT && strlen(text) > CMDLET_MAX_STRING)
		return err_set(e, "ParameterArgumentValidationError", ERR_LIMITS_EXCEEDED, p->name,
			       "Cannot validate argument on parameter '%s'. It is longer than %d bytes.", p->name, CMDLET_MAX_STRING);
	if (p->type == P_STRING && !*text && !(p->flags & MAY_BE_EMPTY))
		return err_set(e, "ParameterArgumentValidationErrorEmptyStringNotAllowed", ERR_INVALID_ARGUMENT, p->name,
			       "Cannot bind argument to parameter '%s' because it is an empty string.", p->name);
	canonical = text;
	r = convert_text(p, &canonical, v, e);
	if (r < 0)
		return r;
	*ret_text = canonical == text ? TAKE_PTR(text) : xstrdup(canonical);
	return 0;
}
