/* SPDX-License-Identifier: Apache-2.0 */
#include "err.h"

#include <errno.h>

static int category_errno(enum err_category category)
{
	switch (category) {
	case ERR_OBJECT_NOT_FOUND:
		return -ENOENT;
	case ERR_RESOURCE_EXISTS:
		return -EEXIST;
	case ERR_RESOURCE_BUSY:
		return -EBUSY;
	case ERR_PERMISSION_DENIED:
		return -EPERM;
	case ERR_NOT_IMPLEMENTED:
		return -EOPNOTSUPP;
	case ERR_LIMITS_EXCEEDED:
		return -E2BIG;
	default:
		return -EINVAL;
	}
}

static enum err_category errno_category(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENODEV:
		return ERR_OBJECT_NOT_FOUND;
	case EEXIST:
		return ERR_RESOURCE_EXISTS;
	case EBUSY:
		return ERR_RESOURCE_BUSY;
	case EPERM:
	case EACCES:
		return ERR_PERMISSION_DENIED;
	case ENOSPC:
	case EIO:
	case EROFS:
		return ERR_WRITE_ERROR;
	case EOPNOTSUPP:
		return ERR_NOT_IMPLEMENTED;
	default:
		return ERR_NOT_SPECIFIED;
	}
}

_printf_(6, 0) static int err_vset(struct err **e, const char *id, enum err_category category, int errnum,
				   const char *target, const char *format, va_list ap)
{
	if (e && !*e) {
		*e = xcalloc(1, sizeof(**e));
		(*e)->id = xstrdup(id);
		(*e)->category = category;
		(*e)->message = xvasprintf(format, ap);
		(*e)->target = target ? xstrdup(target) : NULL;
		(*e)->errnum = errnum;
	}
	return errnum ? -errnum : category_errno(category);
}

int err_set(struct err **e, const char *id, enum err_category category, const char *target, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = err_vset(e, id, category, 0, target, format, ap);
	va_end(ap);
	return r;
}

int err_set_errno(struct err **e, const char *id, int errnum, const char *target, const char *format, ...)
{
	va_list ap;
	int r;

	va_start(ap, format);
	r = err_vset(e, id, errno_category(errnum), errnum, target, format, ap);
	va_end(ap);
	return r;
}

int err_advise(struct err **e, int r, const char *format, ...)
{
	va_list ap;

	if (e && *e && !(*e)->advice) {
		va_start(ap, format);
		(*e)->advice = xvasprintf(format, ap);
		va_end(ap);
	}
	return r;
}

const char *err_category_name(enum err_category category)
{
	static const char *const names[] = {
#define X(id, name) name,
		ERR_CATEGORIES(X)
#undef X
	};

	return (size_t)category < ARRAY_SIZE(names) ? names[category] : names[0];
}

struct err *err_copy(const struct err *e)
{
	struct err *copy = xmalloc(sizeof(*copy));

	*copy = (struct err){ .id = xstrdup(e->id), .category = e->category, .message = xstrdup(e->message),
			      .advice = e->advice ? xstrdup(e->advice) : NULL, .target = e->target ? xstrdup(e->target) : NULL,
			      .errnum = e->errnum };
	return copy;
}

void err_free(struct err *e)
{
	if (!e)
		return;
	free(e->id);
	free(e->message);
	free(e->advice);
	free(e->target);
	free(e);
}
