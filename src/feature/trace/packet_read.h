/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "ip.h"
#include "mac.h"
#include "str.h"

/* What a frame says, for people and for looking up what concerns it. Any bytes will do: what is not there is not said. */

struct frame_view {
	bool has_ether;
	struct mac destination_mac, source_mac;
	uint16_t type;
	bool has_addresses;            /* of IP or ARP */
	struct ip source, destination;
	struct ip asked;               /* whom a neighbour solicitation asks for; zero: it is none */
	uint8_t protocol;              /* of IP */
	bool has_ports;
	uint16_t source_port, destination_port;
	size_t inner;                  /* where the frame inside a tunnel begins; 0: no tunnel */
	uint32_t vsid;                 /* of the tunnel */
};

struct frame_view frame_read(const uint8_t *b, size_t n);

/* "TCP 10.0.0.5:49152 -> 10.0.0.7:80, SYN" */
void frame_summary(const uint8_t *b, size_t n, struct str *out);
/* A line for each header, from the outermost to the innermost; no line break at the end. */
void frame_describe(const uint8_t *b, size_t n, struct str *out);
/* Hexadecimal digits, 16 bytes a line with their offset; no line break at the end. */
void frame_dump(const uint8_t *b, size_t n, struct str *out);
