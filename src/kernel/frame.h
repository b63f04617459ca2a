/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Frames by hand, out of a device: one call, one frame. 0 or -Exxx. */

/* A whole Ethernet frame, as it is. */
int frame_send(int ifindex, const void *frame, size_t n);
/* An IP packet with its header; the kernel asks for the MAC address of the way from this device, and sends it then. */
int frame_send_ip(int ifindex, const void *packet, size_t n);
