/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the load generators share: time, a stop flag set by SIGTERM, SIGINT and SIGALRM, parsing of arguments. Each
 * generator prints one line of JSON when it is done. These are programs for one machine's namespaces: a call that
 * fails ends the program.
 */
#pragma once

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static volatile sig_atomic_t load_stop;

static inline void load_on_signal(int sig)
{
	(void)sig;
	load_stop = 1;
}

/* Without SA_RESTART, so that a blocking call returns when the time is over. */
static inline void load_handle_signals(void)
{
	struct sigaction sa = { .sa_handler = load_on_signal };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
}

/* Sets load_stop after @seconds. It repeats: one signal between the test of the flag and the call would be lost. */
static inline void load_stop_after(double seconds)
{
	struct itimerval it = {
		.it_value = { .tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)((seconds - (time_t)seconds) * 1e6) },
		.it_interval = { .tv_usec = 50000 },
	};

	if (setitimer(ITIMER_REAL, &it, NULL))
		err(1, "setitimer");
}

static inline uint64_t load_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline double load_number(const char *s, double min, double max)
{
	char *end;
	double v;

	errno = 0;
	v = strtod(s, &end);
	if (errno || end == s || *end || !(v >= min && v <= max))
		errx(2, "'%s' is not a number between %g and %g", s, min, max);
	return v;
}

static inline struct sockaddr_in load_address(const char *host, const char *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };

	sin.sin_port = htons((uint16_t)load_number(port, 1, 65535));
	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		errx(2, "'%s' is not an IPv4 address", host);
	return sin;
}
