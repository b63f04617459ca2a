/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's XML of a domain, from whoever made it: what is accepted is within its bounds, the rest leaves nothing behind. */
#include <assert.h>

#include "domain_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_info d;
	const char *why = NULL;

	if (domain_parse((const char *)data, size, &d, &why) < 0) {
		assert(why);
		return 0;
	}
	assert(d.name && !guid_is_zero(&d.id) && d.nics.n <= DOMAIN_NICS_MAX && d.disks.n <= DOMAIN_DISKS_MAX);
	vec_foreach(&d.nics, nic)
		assert(nic->where && mac_is_unicast(&nic->mac));
	vec_foreach(&d.disks, disk)
		assert(disk->format && disk->target && (!disk->path || strlen(disk->path) <= DOMAIN_TEXT_MAX));
	domain_info_done(&d);
	return 0;
}
