/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "agent.h"
#include "guid.h"
#include "mac.h"
#include "progress.h"
#include "str.h"

/*
 * Virtual machines that libvirt runs. A machine made here is an ordinary, persistent libvirt domain: its name and UUID are the
 * VM's, and an element of ours in its metadata says whose it is and what it was made of.
 *
 * Whoever holds this says what is wanted; threads of its own bring libvirt there, one step a machine at a time, because a call
 * to libvirt may take seconds. Single threaded for the caller: everything is said and asked from one thread, and machines_fd()
 * becomes readable when there is news. Nothing here outlives the process but the machines themselves, which go on running.
 */
struct machines;

#define MACHINE_TAP_SIZE 16

struct machine_nic {
	char tap[MACHINE_TAP_SIZE]; /* a tap device that exists, in the network namespace of libvirt's daemon */
	struct mac mac;
	uint32_t mtu;
	uint32_t boot; /* as of a drive */
	bool connected; /* the guest sees a carrier */
};

/* "sd" or "hd" and letters: libvirt's name of a drive, unique in its machine. */
#define MACHINE_TARGET_SIZE 8
#define MACHINE_SCSI_OWN 64

struct machine_drive {
	struct guid id;     /* of a disk: by this the guest recognizes it */
	bool dvd;           /* read-only, may be empty */
	bool scsi;          /* virtio-scsi, where drives come and go while it runs; else IDE, which i440FX alone has */
	uint32_t number;    /* of the controller; IDE: 0 or 1 */
	uint32_t location;  /* on it; IDE: 0 or 1 */
	const char *path;   /* absolute; NULL: empty */
	const char *format; /* QEMU's name of it */
	uint32_t boot;      /* 1, 2, ...: when the firmware tries it; 0: never */
};

/* The alias of an adapter is this and its tap: by that those of ours are known again in a running machine. */
#define MACHINE_NIC_ALIAS "ua-nestor-nic-"
/* Adapters that a machine can have; that many places are kept free for them, to be used while it runs. */
#define MACHINE_NICS_MAX 8

enum machine_firmware { MACHINE_BIOS, MACHINE_UEFI };

/* The grain of memory that comes and goes while a machine runs; the alias of the device that it comes by. */
#define MACHINE_MEMORY_BLOCK (2u << 20)
#define MACHINE_MEMORY_ALIAS "ua-nestor-memory"

struct machine_memory {
	uint64_t startup; /* bytes; of static memory, all it has */
	bool dynamic;     /* what it has follows its demand */
	uint64_t minimum, maximum;
	uint32_t buffer;  /* per cent of the demand */
};

/*
 * How much a machine can have while it runs: more than it booted with comes by a device that must be there from the beginning.
 * Dynamic: its maximum; static: four times as much, at least 1 GiB more. Never more than all of the host's.
 */
uint64_t machine_memory_limit(const struct machine_memory *memory, uint64_t host_memory);

/* What a machine is made of. Strings may be NULL where nothing is wanted. */
struct machine_spec {
	struct guid id;
	const char *name;
	struct machine_memory memory;
	uint32_t processors;
	bool nested; /* virtualization extensions are exposed (NV-1) */
	enum machine_firmware firmware;
	bool secure_boot; /* UEFI boots only what Microsoft's certificates sign */
	const char *nvram; /* UEFI's variables: a file that is made when it is not there */
	/* Both or none: a file for cloud-init, and the image (MACHINE_SEED) that is made of it at each start and is in one of the drives. */
	const char *user_data, *seed;
	bool i440fx; /* the older chipset, with IDE; else q35 */
	/* Direct boot of a kernel; all absolute paths. */
	const char *kernel;
	const char *initrd;
	const char *command_line;
	const struct machine_nic *nics;
	size_t n_nics;
	bool taken_in; /* a domain with its id that bears no mark at all is this machine, from now on */
	const struct machine_drive *drives;
	size_t n_drives;
	uint32_t scsi_controllers; /* at least; those that drives are on come by themselves */
	/* The caller's own count of starts: a running machine of another number is ended and started anew. */
	uint64_t boot;
};

/* How this host can run machines. */
enum machine_accel { MACHINE_TCG, MACHINE_KVM };

struct machine_host {
	enum machine_accel accel;
	bool intel; /* what a machine can be given is vmx, else svm */
	bool nested; /* it can be given: always by TCG (AMD-V), by KVM where its module allows it */
	uint64_t memory; /* bytes; 0: unknown */
	bool vhost_net; /* the kernel carries machines' packets; libvirt has it do so for those of KVM, where it is there */
};

/*
 * KVM only where the processor has it: /dev/kvm alone does not say that guests run (facts: nested or emulated hosts have it
 * too). cpuinfo: the text of /proc/cpuinfo; kvm: /dev/kvm can be opened; nested_parameter: of the module kvm_intel or kvm_amd, "1"
 * or "Y" where nesting is on (NV-13), NULL where there is none.
 */
struct machine_host machine_host_of(const char *cpuinfo, bool kvm, const char *nested_parameter);
/* That of the host this runs on. */
struct machine_host machine_host_probe(void);

/* Of the element in the domain's metadata. */
#define MACHINE_NAMESPACE "urn:nestor:machine:1"
#define MACHINE_PREFIX "nestor"

/* Over all that machine_xml() writes: two machines with the same digest are made alike. */
#define MACHINE_DIGEST_SIZE 17

/* The drive's name, a function of its place alone. */
const char *machine_drive_target(const struct machine_drive *drive, char ret[static MACHINE_TARGET_SIZE]);
/* What its guest knows a disk by: of its id as much as it is told, which are 20 characters at most. */
#define MACHINE_SERIAL_SIZE 21
const char *machine_drive_serial(const struct guid *id, char ret[static MACHINE_SERIAL_SIZE]);
/* libvirt's device XML of the drive, with its boot order or (to be plugged into a running machine) without. */
void machine_drive_xml(const struct machine_drive *drive, bool boot, struct str *ret);

/*
 * Files of a machine in the directory of its console's log: the variables of its UEFI firmware (those of secure boot are others), and
 * the DVD for cloud-init.
 */
enum machine_file { MACHINE_NVRAM, MACHINE_NVRAM_SECURE, MACHINE_SEED, MACHINE_FILES };
/* Owned by the caller. */
char *machine_file(const char *dir, const struct guid *id, enum machine_file file);
/* Removes what is there of them. */
void machine_files_remove(const char *dir, const struct guid *id);

/* libvirt's domain XML of the machine; console_log: path, what the guest writes to its serial console is kept there. */
void machine_xml(const struct machine_spec *spec, const struct machine_host *host, const char *instance, const char *console_log,
		 struct str *ret);

/* The element of one adapter in it. */
void machine_nic_xml(const struct machine_nic *nic, struct str *ret);

/*
 * Reads our element of a domain's metadata. False when it is none, or of another instance: not our machine. Bounded: what
 * libvirt hands over may have been written by anybody.
 */
struct machine_mark {
	uint64_t boot;   /* of the spec that it was made by */
	uint64_t memory; /* bytes that it boots with */
	uint64_t limit;  /* bytes that it can have */
	char digest[MACHINE_DIGEST_SIZE];
	char drives[MACHINE_DIGEST_SIZE]; /* of the drives that it has, which change while it runs; "": unknown */
};
/* The mark as an element; prefix: with its name space. */
void machine_mark_xml(const struct machine_mark *mark, const char *instance, bool prefix, struct str *ret);
bool machine_mark_parse(const char *xml, const char *instance, struct machine_mark *ret);

/* By the agent in the guest. */
enum machine_heartbeat {
	MACHINE_HEARTBEAT_NONE, /* there is none, or it has not answered since the start */
	MACHINE_HEARTBEAT_OK,
	MACHINE_HEARTBEAT_LOST, /* it has answered, and does not now */
};

/* All disks of a machine together. */
struct machine_disks {
	uint64_t capacity; /* bytes, as the guest sees them */
	uint64_t read, written; /* bytes since the machine's start */
	uint64_t requests;
};

enum machine_state {
	MACHINE_ABSENT, /* libvirt does not know it */
	MACHINE_OFF,
	MACHINE_RUNNING,
	MACHINE_PAUSED,
};

/* Why a machine is paused that nobody paused. */
enum machine_stall { MACHINE_GOES, MACHINE_DISK_FULL, MACHINE_DISK_FAILS };

/* What has failed, as far as libvirt's words tell. */
enum machine_failure {
	MACHINE_FAILED,
	MACHINE_NO_MEMORY,
	MACHINE_NO_EMULATOR,
	MACHINE_NO_FIRMWARE,
	MACHINE_NO_FILE,
	MACHINE_FILE_DENIED,
	MACHINE_FILE_IN_USE,
	MACHINE_NO_SPACE,
	MACHINE_WRONG_FORMAT,
	MACHINE_NAME_TAKEN,
	MACHINE_MEMORY_WRITTEN, /* it is paused, and QEMU writes the memory of such once */
	MACHINE_DEVICE_HELD,
	MACHINE_LOST, /* libvirt died over its start, and holds it since then */
	MACHINE_BUSY, /* libvirt does something else with it */
};
enum machine_failure machine_failure_of(const char *message);

/* How a machine ended that was wanted to run. */
enum machine_end {
	MACHINE_POWERED_OFF,
	MACHINE_CRASHED,  /* QEMU ended, or was killed */
	MACHINE_PANICKED, /* its kernel said so (pvpanic) */
};

/* What is under way for a machine, as far as it can take long. */
enum machine_work {
	MACHINE_RESTS,
	MACHINE_STARTS,
	MACHINE_STOPS,
	MACHINE_SAVES,
	MACHINE_CHANGES, /* any other step */
	MACHINE_IS_CHECKPOINTED,
	MACHINE_IS_RESTORED,
	MACHINE_IS_MERGED,
	MACHINE_IS_EXPORTED,
};

struct machine {
	struct guid id;
	enum machine_state state;
	uint64_t boot;       /* of the spec it was started with */
	uint64_t memory;     /* bytes that it has now */
	uint64_t limit;      /* bytes that it could have while it runs */
	uint64_t demand;     /* bytes that it needs by its own account; 0: unknown */
	unsigned cpu_percent; /* of all processors of the host, over the last second or so */
	uint64_t cpu_ns;     /* used by its processors since its start */
	struct machine_disks disks;
	enum machine_heartbeat heartbeat;
	bool hypervisor;     /* a hypervisor runs in it (NV-14), when it was looked at last */
	uint64_t started_us; /* wall clock, when this daemon saw it start; 0: not running */
	bool busy;           /* something is under way */
	enum machine_work work;
	bool work_apart;     /* nobody waits for that but who asked for it */
	struct progress progress; /* of work: number, of and percent, as far as they were asked for */
	enum machine_stall stall; /* it is wanted to run; nothing is done until something else is wanted */
	bool not_started;    /* the error is that of a start, and it is off */
	enum machine_state not_saved; /* what it was (RUNNING, PAUSED) when it could not be saved; else MACHINE_OFF */
	bool asked;	     /* its start was wanted anew while machines and libvirt were there, and has not been told to have failed */
	uint64_t wants;	     /* the machines_wants() in which something new was wanted of it last */
	bool ended;          /* it was wanted to run, ran, and ended by itself; nothing is done until something else is wanted */
	enum machine_end end;
	enum machine_failure failure; /* of error */
	const char *error;   /* why the last step failed, until something else is wanted; NULL. Owned by machines. */
	bool error_is_new;   /* machines_told() has not been called since */
	const char *refused; /* why it could not be asked to shut down; NULL. Owned by machines. */
};

enum machine_wish {
	MACHINE_WANT_OFF,
	MACHINE_WANT_RUNNING,
	MACHINE_WANT_PAUSED,
	MACHINE_WANT_SAVED, /* off, with its state on disk; running resumes from there */
};

struct machine_want {
	struct machine_spec spec;
	enum machine_wish wish;
};

struct machines_config {
	const char *uri;      /* libvirt's; NULL: the system's */
	const char *instance; /* 8 hex digits of this daemon */
	const char *log_dir;  /* where console logs go; exists */
};

/* Starts the threads; connects when a machine is wanted for the first time. -Exxx of eventfd() or the threads. */
int machines_open(const struct machines_config *config, struct machines **ret);
/* Waits for the step that is under way in each thread. Machines go on. */
void machines_close(struct machines *m);
DEFINE_CLEANUP(struct machines *, machines_close)

/* Readable when there is news: call machines_dispatch(). Owned by m. */
int machines_fd(const struct machines *m);
/* Takes the news. Returns true when a machine's state changed, or the last step of all that was under way has ended. */
bool machines_dispatch(struct machines *m);

/*
 * All machines that are wanted; those of ours that are not listed are ended and undefined. Copies what it needs. Steps that
 * failed are not repeated until something else is wanted of the machine, or retry is set.
 */
void machines_want(struct machines *m, const struct machine_want *wants, size_t n, bool retry);

/* libvirt's XML of such a machine here. Owned by the caller. */
char *machines_xml(const struct machines *m, const struct machine_spec *spec);

/*
 * Asks the guest to shut down, as its power button does; whether it does is its own affair. It then has ended by itself.
 * -ENOENT: it does not run; -ENOTCONN: no connection to libvirt.
 */
int machines_shutdown(struct machines *m, const struct guid *id);

/* A domain that libvirt has, whoever made it. */
struct machine_domain {
	bool found;
	bool on;
	bool persistent;
	bool saved;
	bool snapshots;
	bool marked;     /* it is a machine of a Nestor */
	const char *xml; /* as it is defined, untrusted; NULL unless found */
};

/* domain: NULL when libvirt could not be asked, with error. Both are borrowed. */
typedef void (*machine_domain_fn)(void *arg, const struct machine_domain *domain, const char *error);
/* Looks one up by its name; done is called later from machines_dispatch() or machines_close(), exactly once. */
void machines_domain(struct machines *m, const char *name, machine_domain_fn done, void *arg);

/*
 * One command for the agent in a guest (agent.h), taken over; at most timeout seconds. done is called by machines_dispatch(), once,
 * and not by machines_close(). r: 0 with the answer; else why there is none, as watch_agent_call() says, with its message.
 */
typedef void (*machine_agent_fn)(void *arg, int r, const char *answer, const char *message);
void machines_agent(struct machines *m, const struct guid *id, char *command, unsigned timeout, machine_agent_fn done, void *arg);

/*
 * Takes a machine's serial console; done as above, the descriptor (taken over): what is written to it goes to the guest, and its end is
 * that of the machine or of our having the console. What the guest writes is in the log alone. -EBUSY: somebody else has it, who loses
 * it where force is set; -ENOTCONN, -EIO.
 */
typedef void (*machine_console_fn)(void *arg, int r, int fd, const char *message);
void machines_console(struct machines *m, const struct guid *id, bool force, machine_console_fn opened, void *arg);

/*
 * Looks at machines that run: what they use, what their agents say, whether a hypervisor runs in them; and lets dynamic memory follow
 * its demand. Call it about once a second. True: there is a machine for which that should go on.
 */
bool machines_tick(struct machines *m);

/* Asks libvirt how far it is with what takes long; machines_get() tells what it has answered by then. Call it a few times a second. */
void machines_ask_progress(struct machines *m);

/* How often machines_want() was called so far. */
uint64_t machines_wants(const struct machines *m);
/* How many steps have begun so far that change something. */
uint64_t machines_steps(const struct machines *m);
/* How many machines have a step under way. */
size_t machines_busy(const struct machines *m);
/* Why there is no connection to libvirt; NULL: there is one, or nobody has needed it yet. Owned by m. */
const char *machines_error(const struct machines *m);
/* It has come since machines_told(). */
bool machines_error_is_new(const struct machines *m);
/* All errors have been read. */
void machines_told(struct machines *m);
/* False: unknown. */
bool machines_get(const struct machines *m, const struct guid *id, struct machine *ret);
/* The addresses that the guest's agent has told last. Owned by m, until its next dispatch; NULL: none. */
const struct agent_address_vec *machines_addresses(const struct machines *m, const struct guid *id);
/* Walk over all known ones: *pos = 0 first. */
bool machines_next(const struct machines *m, size_t *pos, struct machine *ret);

