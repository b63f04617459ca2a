/* SPDX-License-Identifier: Apache-2.0 */
#include "guest.h"

#include <ctype.h>
#include <errno.h>

void guest_engine_close(struct guest_engine *e)
{
	if (e)
		e->ops->close(e);
}

static bool text_is_sound(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	if (n == 0 || n == size)
		return false;
	for (; *s; s++)
		if (iscntrl((unsigned char)*s))
			return false;
	return true;
}

int guest_start(struct guest_engine *e, const struct guest_spec *spec, struct guest *ret)
{
	if (!spec->name || !text_is_sound(spec->name, GUEST_NAME_SIZE) || guid_is_zero(&spec->id))
		return -EINVAL;
	if (spec->hostname && !text_is_sound(spec->hostname, GUEST_NAME_SIZE))
		return -EINVAL;
	return e->ops->start(e, spec, ret);
}

int guest_stop(struct guest_engine *e, const struct guid *id, bool force, int timeout_ms)
{
	return e->ops->stop(e, id, force, timeout_ms);
}

int guest_observe(struct guest_engine *e, struct guest_vec *ret)
{
	return e->ops->observe(e, ret);
}

int guest_get(struct guest_engine *e, const struct guid *id, struct guest *ret)
{
	return e->ops->get(e, id, ret);
}

int guest_measure(struct guest_engine *e, struct guest_vec *guests)
{
	return e->ops->measure(e, guests);
}

int guest_pidfd(struct guest_engine *e, const struct guid *id)
{
	return e->ops->pidfd(e, id);
}

int guest_netns(struct guest_engine *e, const struct guid *id, int *ret_fd)
{
	return e->ops->netns ? e->ops->netns(e, id, ret_fd) : -EOPNOTSUPP;
}

int guest_interfaces(struct guest_engine *e, const struct guid *id, struct guest_interface_vec *ret,
		     struct guest_address_vec *ret_addresses)
{
	return e->ops->interfaces ? e->ops->interfaces(e, id, ret, ret_addresses) : -EOPNOTSUPP;
}

int guest_set_interface(struct guest_engine *e, const struct guid *id, const struct guest_interface *want)
{
	return e->ops->set_interface ? e->ops->set_interface(e, id, want) : -EOPNOTSUPP;
}
