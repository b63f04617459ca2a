/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "link.h"

/* What a device is, for people (Get-NetAdapter). */
struct link_details {
	char driver[32];          /* "veth", "virtio_net"; "" unknown */
	char bus_info[32];        /* "0000:00:03.0"; "" for software devices */
	char description[128];    /* one line: bus, ids, driver; never empty */
	uint64_t speed_mbps;      /* 0: unknown */
	bool full_duplex;
	struct mac permanent_mac; /* zero: none */
	bool gro;                 /* generic receive offload is on */
};

/* -ENODEV when there is no such link in the handle's namespace; what a driver does not tell stays empty. */
int link_details_get(struct nl *nl, const char *name, struct link_details *ret);

/*
 * Turns offloads on or off by the names `ethtool -k` prints for the kernel's features ("tx-udp_tnl-segmentation").
 * Features that this kernel or device does not have, and those that are fixed, are left alone silently.
 * *ret_changed (may be NULL): something was not so before.
 */
int link_offload_set(struct nl *nl, const char *name, const char *const features[], size_t n, bool on,
		     bool *ret_changed);

/* All of features that the device has are on (or off)? */
int link_offload_is(struct nl *nl, const char *name, const char *const features[], size_t n, bool on, bool *ret);

/*
 * Segmentation of what a guest encapsulates itself: to be off on a guest's veth, since a second encapsulation on the
 * way could not describe it.
 */
extern const char *const link_tunnel_offloads[];
extern const size_t link_n_tunnel_offloads;
