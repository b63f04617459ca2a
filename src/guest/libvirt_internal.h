/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "libvirt_job.h"
#include "libvirt_nics.h"
#include "libvirt_step.h"
#include "libvirt_watch.h"
#include "map.h"
#include "pool.h"
#include "vec.h"

/* What the files of this driver share: libvirt.c with its parts libvirt_next.c and libvirt_jobs.c, and libvirt_look.c, which changes nothing. */

/* A task for a thread and, when it is done, the news of it; or news that nobody asked for. */
enum task_kind { TASK_CONNECT, TASK_STEP, TASK_JOB, TASK_NUMBERS, TASK_ADDRESSES, TASK_AGENT, TASK_CONSOLE, TASK_PROGRESS, NEWS_EVENT, NEWS_CLOSED };

struct task {
	struct work work; /* first: the pool hands it back */
	struct machines *m;
	struct task *next; /* in the news */
	enum task_kind kind;
	struct step_args args;
	struct job *job;
	/* of an agent */
	uint64_t boot; /* of the machine when it was asked: an answer of the start before is nothing worth */
	uint64_t began; /* of what is under way, likewise */
	int percent;
	char *command;
	int timeout;
	machine_agent_fn done;
	void *done_arg;
	/* of a console */
	bool force;
	machine_console_fn opened;
	/* results */
	char *answer;
	int fd;
	struct watch_numbers_vec numbers;
	int r;
	char *message;
	struct seen seen;
	struct seen_vec list;
	virConnectPtr conn;
	bool panicked; /* NEWS_EVENT */
};

struct queue {
	struct task *first, **last;
};

/* What is known of a machine, and what is wanted of it. */
struct entry {
	struct guid id;
	bool wanted;
	enum machine_wish wish;
	uint64_t want_boot;
	char *name;
	char *xml;
	struct machine_mark want_mark;
	struct step_drives drives;
	char *user_data; /* NULL: none */
	struct machine_memory want_memory;
	struct machine_nic *nics;
	size_t n_nics;
	uint64_t want_nics; /* nics_digest() of them */
	bool nested, taken_in;
	uint64_t resized; /* what a static machine's memory was set to since it runs; 0: not, as far as is known */
	bool balance;     /* dynamic memory: its turn has come */
	struct seen seen;
	uint64_t started_us;
	bool busy;
	enum step step;   /* while busy, unless it is a job */
	struct job *job;  /* while it runs */
	struct job *beside; /* about it, while that runs, which needs not be busy for it */
	uint64_t began;   /* a number of what is under way */
	bool asking;      /* how far that is */
	int percent;      /* as libvirt has answered, or PROGRESS_UNKNOWN */
	bool by_us;  /* a step began that may end it, and its outcome has not been seen */
	bool unsure; /* an event came: ask before believing anything */
	bool stalled; /* it was wanted to run, and was paused by QEMU */
	bool not_started; /* of error: it could not be started */
	enum machine_state not_saved; /* of error: what it was when it could not be saved; MACHINE_OFF: it is another error */
	bool asked;	  /* its start was wanted while this daemon and libvirt were there, and has neither come about nor failed */
	uint64_t changed; /* of machines.wants, when something new was wanted of it last */
	uint64_t begun_for; /* the same, when the step began that is under way */
	bool panicked; /* it was heard to, since it runs */
	bool ended;  /* it ran and was wanted to, and ended by itself */
	char *error;
	bool told;         /* of error */
	bool retrying;     /* nothing new is wanted: failing again is no news */
	bool shut_down;    /* the guest is to be asked to */
	char *refused;     /* why that failed */
	bool listed;
	struct watch watch;
	size_t jobs; /* waiting and running: no step of it begins meanwhile */
};

struct machines {
	char *uri;
	char *instance;
	char *log_dir;
	struct machine_host host;
	int news_fd;
	/* the caller's thread alone */
	struct map *entries; /* guid -> struct entry * */
	virConnectPtr conn;
	bool connecting;
	char *error;
	bool told; /* of error */
	size_t busy;
	struct job *jobs; /* that wait for the connection, or for a step or another job of their machine */
	size_t running_jobs;
	int stop_fd; /* readable: jobs are to end */
	uint64_t steps; /* begun, but for those that only look */
	uint64_t began; /* all of them, and jobs */
	uint64_t wants; /* how often machines_want() was called */
	bool counting;  /* numbers have been asked for */
	bool closing;   /* who asked agents may be gone */
	unsigned processors; /* of this host */
	struct pool *workers;
	struct pool *agents;
	/* shared */
	pthread_mutex_t lock;
	struct queue news;
	pthread_t events;
	bool has_events;
	int wake_timer; /* of libvirt's event loop: only to end it */
	atomic_bool events_stop;
};

/* A task for the pool; with a reference to the connection, where there is one. */
struct task *task_new(struct machines *m, enum task_kind kind);
/* From any thread: to the caller's, which takes it over in machines_dispatch(). */
void news(struct machines *m, struct task *t);
struct entry *entry_get(struct machines *m, const struct guid *id);
struct entry *entry_make(struct machines *m, const struct guid *id);
/* Unless there is a connection. One that failed is tried again when there is a new reason to. */
void connect_begin(struct machines *m, bool again);

/* ---- libvirt_next.c ---- */

bool is_on(const struct seen *s);
/* What is said to be starting has not run yet. */
bool has_begun(const struct seen *s);
bool wants_on(const struct entry *x);
/* False: it is as it should be. */
bool next_change(const struct entry *x, enum step *ret);
/* False: as above, or there is nothing to be done about it now. */
bool next_step(const struct entry *x, enum step *ret);

/* ---- libvirt_jobs.c ---- */

/* Those that wait and can. */
void jobs_begin(struct machines *m);
/* Without a connection none of them can begin; whoever still wants one asks again. */
void jobs_fail(struct machines *m, const char *why);
/* The news of one. */
void job_done(struct machines *m, struct task *t);
/* Their programs are ended; a call to libvirt takes as long as it takes. What they were for is told that they ended. */
void jobs_close(struct machines *m);

/* ---- libvirt_progress.c ---- */

/* Something begins: a step, or a job. */
void progress_begin(struct machines *m, struct entry *x, enum step step, struct job *job);
void progress_run(struct task *t);
void progress_taken(struct machines *m, struct task *t);
void progress_tell(const struct entry *x, struct machine *ret);

/* ---- libvirt_look.c ---- */

/* In a thread: the tasks that nobody's state depends on. */
void look_run(struct task *t);
/* The answer of such a task. */
void looked(struct machines *m, struct task *t);
/* Another tick. */
void look_at_all(struct machines *m);
void look_at(struct machines *m, struct entry *x);
