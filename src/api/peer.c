/* SPDX-License-Identifier: Apache-2.0 */
#include "api_impl.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>

gid_t api_group(const char *name)
{
	const struct group *group = getgrnam(name);

	return group ? group->gr_gid : (gid_t)-1;
}

static bool in_list(const gid_t *groups, size_t n, gid_t group)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* By the user database, for kernels that do not tell a peer's groups (before Linux 4.13). */
static bool user_in_group(uid_t uid, gid_t primary, gid_t group)
{
	const struct passwd *user = getpwuid(uid);
	_cleanup_free_ gid_t *groups = NULL;
	int n = 65536;

	if (!user)
		return false;
	groups = xcalloc((size_t)n, sizeof(*groups));
	return getgrouplist(user->pw_name, primary, groups, &n) >= 0 && in_list(groups, (size_t)n, group);
}

static bool peer_in_group(int fd, const struct ucred *peer, gid_t group)
{
	socklen_t size = 64 * sizeof(gid_t);
	_cleanup_free_ gid_t *groups = xmalloc(size);
	int r;

	if (peer->gid == group)
		return true;
	r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
	if (r < 0 && errno == ERANGE) {
		groups = xreallocarray(groups, size, 1);
		r = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size);
	}
	if (r < 0)
		return errno == ENOPROTOOPT && user_in_group(peer->uid, peer->gid, group);
	return in_list(groups, size / sizeof(gid_t), group);
}

int api_peer(int fd, gid_t group, struct api_caller *ret)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	*ret = (struct api_caller){ .uid = peer.uid, .gid = peer.gid, .pid = peer.pid };
	ret->allowed_change = peer.uid == 0 || peer.uid == geteuid() ||
			      (group != (gid_t)-1 && peer_in_group(fd, &peer, group));
	return 0;
}
