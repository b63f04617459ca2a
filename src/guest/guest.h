/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "guid.h"
#include "ip.h"
#include "mac.h"

/*
 * Running guests, whatever runs them. An engine knows no VM documents: it starts what it is told and reports what runs.
 * Everything returns 0 or -Exxx; -ENOENT: no such guest is running; -EOPNOTSUPP: this kind of guest cannot do that.
 * Single threaded. Calls return promptly; whatever takes long has a file descriptor to wait on.
 */
struct guest_engine;

#define GUEST_NAME_SIZE 128
#define GUEST_IFNAME_SIZE 16

struct guest {
	struct guid id;
	char name[GUEST_NAME_SIZE];
	pid_t pid;             /* in the daemon's pid namespace */
	uint64_t started_us;   /* wall clock, microseconds since 1970 */
	uint64_t boot;         /* of its spec */
	uint64_t cpu_ns;       /* by guest_measure(): used so far by what runs in the guest, and its waited-for children */
	uint64_t memory_bytes; /* by guest_measure(): resident now */
};

struct guest_vec {
	struct guest *items;
	size_t n;
	size_t room;
};

/* What to start. */
struct guest_spec {
	struct guid id;
	const char *name;     /* of the VM, up to GUEST_NAME_SIZE - 1 bytes */
	const char *hostname; /* NULL: made from name */
	uint64_t boot;        /* the caller's own count of starts; kept with the guest */
};

/* A network interface as the guest itself sees it. */
struct guest_interface {
	int ifindex; /* in the guest */
	char name[GUEST_IFNAME_SIZE];
	struct mac mac;
	uint32_t mtu;
	bool up;
	bool carrier;
};

struct guest_interface_vec {
	struct guest_interface *items;
	size_t n;
	size_t room;
};

struct guest_address {
	int ifindex; /* in the guest */
	struct ip ip;
	uint8_t prefix_len;
};

struct guest_address_vec {
	struct guest_address *items;
	size_t n;
	size_t room;
};

/* What to run inside: line (by the guest's shell) or argv (NULL-terminated); the other is NULL. */
struct guest_exec_spec {
	const char *line;
	const char *const *argv;
	size_t max_output; /* bytes kept of each stream; 0: GUEST_EXEC_MAX_OUTPUT */
	bool merge;        /* stderr goes where stdout goes */
};

#define GUEST_EXEC_MAX_OUTPUT (16u << 20)

struct guest_exec;

/* The engine's side of guest_exec_start(): it spawns a process with these as its standard streams. */
struct guest_exec_process {
	int stdin_fd, stdout_fd, stderr_fd;
};

struct guest_ops {
	const char *kind; /* "Namespace" */
	int (*start)(struct guest_engine *e, const struct guest_spec *spec, struct guest *ret);
	int (*stop)(struct guest_engine *e, const struct guid *id, bool force, int timeout_ms);
	int (*observe)(struct guest_engine *e, struct guest_vec *ret);
	int (*get)(struct guest_engine *e, const struct guid *id, struct guest *ret);
	int (*measure)(struct guest_engine *e, struct guest_vec *guests);
	int (*pidfd)(struct guest_engine *e, const struct guid *id);
	int (*netns)(struct guest_engine *e, const struct guid *id, int *ret_fd);
	int (*interfaces)(struct guest_engine *e, const struct guid *id, struct guest_interface_vec *ret,
			  struct guest_address_vec *ret_addresses);
	int (*set_interface)(struct guest_engine *e, const struct guid *id, const struct guest_interface *want);
	int (*exec)(struct guest_engine *e, const struct guid *id, const struct guest_exec_spec *spec,
		    const struct guest_exec_process *process, pid_t *ret_pid);
	void (*close)(struct guest_engine *e);
};

/* An engine's own state follows this. */
struct guest_engine {
	const struct guest_ops *ops;
};

/*
 * Guests that are Linux namespaces: an init process (`nestor-guest INSTANCE GUID NAME`) in net, uts, mnt, pid and ipc
 * namespaces of its own, with its own hostname, /proc, /sys, /run and /tmp. It does not depend on the daemon's life:
 * RUN_DIR/guests/GUID.json names those that run. Opening reads that registry, forgets entries whose process is gone
 * (or is another one by now), and ends guests of this instance that never got an entry. instance: 8 hex digits of this
 * daemon. program: path of nestor-guest; NULL: looked for beside the daemon's executable, then in the build directory
 * around it, then in the libexec directory of the installation; -ENOENT.
 */
int guest_namespace_open(const char *run_dir, const char *instance, const char *program, struct guest_engine **ret);

void guest_engine_close(struct guest_engine *e);
DEFINE_CLEANUP(struct guest_engine *, guest_engine_close)

/*
 * Starts a guest and returns when it is ready for adapters: loopback up, no others. -EEXIST when it runs already;
 * -EINVAL: name or hostname empty, too long or with control characters. Nothing stays behind when it fails, or when
 * the daemon dies meanwhile.
 */
int guest_start(struct guest_engine *e, const struct guest_spec *spec, struct guest *ret);

/*
 * Ends a guest with everything in it: politely (SIGTERM to all, then the rest), or at once by force. Waits for the end
 * up to timeout_ms; -EINPROGRESS when it is still there then (the guest's pidfd tells when it is gone).
 */
int guest_stop(struct guest_engine *e, const struct guid *id, bool force, int timeout_ms);

/* Appends the running guests to ret (in order of id); guests that ended by themselves are forgotten. */
int guest_observe(struct guest_engine *e, struct guest_vec *ret);
int guest_get(struct guest_engine *e, const struct guid *id, struct guest *ret);

/* Fills in cpu_ns and memory_bytes of observed guests: dearer than observing, so on request. */
int guest_measure(struct guest_engine *e, struct guest_vec *guests);

/* Readable when the guest has ended. Owned by the engine, valid until the guest is stopped or found ended. Or -Exxx. */
int guest_pidfd(struct guest_engine *e, const struct guid *id);

/* The guest's network namespace, where its adapters' inner ends are created; the caller closes it (it keeps the
 * namespace alive). */
int guest_netns(struct guest_engine *e, const struct guid *id, int *ret_fd);

/* Appends the guest's interfaces except loopback, and (when not NULL) their addresses except link-local IPv6 ones. */
int guest_interfaces(struct guest_engine *e, const struct guid *id, struct guest_interface_vec *ret,
		     struct guest_address_vec *ret_addresses);

/*
 * Makes name, mtu (0: leave), mac (zero: leave) and up so, for the interface want->ifindex (or want->name when that is
 * 0). -ENODEV.
 */
int guest_set_interface(struct guest_engine *e, const struct guid *id, const struct guest_interface *want);

/*
 * Runs something in the guest, without input, with a clean environment (PATH, HOME, TERM, LANG), in a session of its
 * own. Wait for the three descriptors, call guest_exec_read() when one of the streams is readable, guest_exec_finish()
 * when it has ended. What runs does not outlive the daemon.
 */
int guest_exec_start(struct guest_engine *e, const struct guid *id, const struct guest_exec_spec *spec,
		     struct guest_exec **ret);

int guest_exec_pidfd(const struct guest_exec *x);  /* readable when it has ended */
int guest_exec_stdout(const struct guest_exec *x); /* -1 once at its end */
int guest_exec_stderr(const struct guest_exec *x); /* -1 once at its end, or merged */

/* Reads what there is, without waiting. 1: more may come; 0: both streams are at their end. Beyond max_output it ends
 * what runs and returns -EMSGSIZE. */
int guest_exec_read(struct guest_exec *x);

/* Ends it and everything that it started in its session. */
void guest_exec_kill(struct guest_exec *x);

/*
 * 0 when it has ended: exit code 0..255, or 128 + signal. -EAGAIN when it still runs. What it wrote is in
 * guest_exec_output(); a process that it left in the background may hold the streams open, so this reads what is there
 * and does not wait for their end.
 */
int guest_exec_finish(struct guest_exec *x, int *ret_exit_code);

/* Bytes so far, NUL-terminated for convenience, owned by x. */
const char *guest_exec_output(const struct guest_exec *x, size_t *ret_size);
const char *guest_exec_errors(const struct guest_exec *x, size_t *ret_size);

/* Kills it when it still runs. */
void guest_exec_free(struct guest_exec *x);
DEFINE_CLEANUP(struct guest_exec *, guest_exec_free)
