/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "err.h"

struct options {
	char *config;
	char *state_dir;
	char *run_dir;
	char *store;
	char *host_name;
	char *libvirt;
	char *max_records_text;
	uint32_t max_records; /* 0: not said */
	bool destroy;
	bool verbose;
};

/*
 * Command line over configuration file ("name = value" lines with the options' names, # comments) over defaults.
 * 0: go on; 1: --help or --version was answered; negative: *e.
 */
int options_read(int argc, char **argv, struct options *ret, struct err **e);
void options_done(struct options *o);
