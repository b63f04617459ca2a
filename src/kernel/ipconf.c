/* SPDX-License-Identifier: Apache-2.0 */
#include "ipconf.h"

#include <errno.h>
#include <fcntl.h>

#include "link.h"

static int conf_set(const char *family, const char *link, const char *key, int value)
{
	/* Names may hold dots: this is the path, not sysctl's dotted notation. */
	_cleanup_free_ char *path = xasprintf("/proc/sys/net/%s/conf/%s/%s", family, link, key);
	_cleanup_free_ char *have = NULL, *want = xasprintf("%d\n", value);
	_cleanup_close_ int fd = -1;
	int r;

	if (!link_name_is_valid(link))
		return -EINVAL;
	r = read_file(path, 64, &have, NULL);
	if (r < 0)
		return r;
	if (streq(have, want))
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, want, strlen(want));
	return r < 0 ? r : 1;
}

int ipconf_set(const char *link, const char *key, int value)
{
	return conf_set("ipv4", link, key, value);
}

int ipconf_set6(const char *link, const char *key, int value)
{
	return conf_set("ipv6", link, key, value);
}
