/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "http.h"
#include "map.h"
#include "shell.h"

/* The outside of the language: the daemons over HTTP, the terminal, the clock. */
struct client {
	char *host;	   /* socket or URL of the own daemon */
	struct map *hosts; /* lower case name -> char *, for -ComputerName */
	json_t *catalogue;
	struct shell_host shell;
};

extern volatile sig_atomic_t client_interrupted;

void client_init(struct client *c);
void client_done(struct client *c);
/* "host1=SOCKET-OR-URL,host2=..." -EINVAL with *e. */
int client_add_hosts(struct client *c, const char *text, struct err **e);
/* A file of such pairs, one or more a line, # comments. */
int client_read_hosts(struct client *c, const char *path, struct err **e);

/* A line on the terminal that says what is under way, from half a second on. */
struct progress_line {
	struct http_listener listener;
	uint64_t since;     /* milliseconds */
	const char *where;  /* NULL: the own daemon */
	char *what;
	int percent;        /* negative: unknown */
	char *shown;        /* NULL: nothing */
	size_t width;       /* columns of it */
};
/* NULL: there is no terminal to show it on. where is borrowed until the end. */
const struct http_listener *progress_begin(struct progress_line *p, const char *where, const char *cmdlet);
/* The line is gone. Also after a begin that gave NULL, of a p that was zero. */
void progress_end(struct progress_line *p);

/* One ICMP echo; see struct shell_host. */
int ping_host(void *userdata, const char *target, unsigned timeout_ms, double *ret_ms, char *ret_address);
/* Lines from a terminal or a pipe, until end of input or exit. Returns the exit code. */
int repl_run(struct shell *sh);
/*
 * The terminal, or standard input and output, for a stream: until its end, that of the input, Ctrl-] at a terminal, or a signal that
 * would end the program (which then does). received: n bytes of it that were read already. Returns whether the other side ended it.
 */
bool stream_attach(int fd, const char *received, size_t n);
/* nestor exec VM -- CMD...: enters the guest's namespaces and becomes the command; returns only an exit code of failure. */
int exec_in_guest(struct client *c, const char *vm, char *const *command);
