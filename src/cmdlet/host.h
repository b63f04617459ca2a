/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <sys/types.h>

#include "err.h"
#include "guid.h"
#include "ip.h"
#include "mac.h"
#include "prefix.h"
#include "progress.h"
#include "vec.h"

/*
 * What a cmdlet may ask of the running machine. Features know only this; the engine implements it by its drivers, tests
 * by a table. Nothing here changes anything but exec, which runs a line in a guest.
 */

/* A network adapter of this host as Get-NetAdapter lists it. */
struct host_nic {
	char name[64];         /* "eth0"; a host vNIC has "vEthernet (switch)" */
	char link[16];         /* the Linux interface */
	char description[128]; /* unique on the host: what NetAdapterInterfaceDescription says */
	int ifindex;
	struct mac mac;
	uint32_t mtu;
	bool up;        /* administratively */
	bool carrier;
	bool is_virtual; /* not backed by hardware */
	bool ours;       /* made by this daemon: a host vNIC */
	char master[16]; /* somebody else's bridge or bond that has it; "": none */
	uint64_t speed;  /* bits per second, 0: unknown */
	char driver[32];
};
typedef VEC(struct host_nic) host_nic_vec;

/* Where virtual machines of engine Qemu can run, and what they can be given. */
struct host_machines {
	const char *missing; /* why none can run; NULL: they can. Static. */
	bool kvm;            /* by the processor, else emulated */
	bool vhost_net;      /* the kernel carries their packets, else QEMU */
	bool intel;          /* what they are given is VT-x, else AMD-V */
	bool nested;         /* it can be given (NV-2) */
	const char *no_nesting; /* why not; NULL. Static. */
};

/* Does what runs in a guest give a sign of life? */
enum host_heartbeat {
	HOST_HEARTBEAT_NONE, /* there is nothing that could, or it never has */
	HOST_HEARTBEAT_OK,
	HOST_HEARTBEAT_LOST,
};

struct host_guest {
	bool running;
	pid_t pid;              /* of the guest's init, 0 when not running */
	uint64_t uptime_ms;
	uint64_t memory_bytes;
	unsigned cpu_percent;   /* of all processors of the host; of a namespace over its whole life */
	uint64_t cpu_us;        /* used since its start; 0: not known yet */
	/* Of all its disks, since its start; real machines only. */
	uint64_t disk_capacity, disk_read, disk_written, disk_requests;
	enum host_heartbeat heartbeat;
	uint64_t memory_demand; /* 0: unknown */
	/* Real machines only. */
	bool busy;              /* it is being started, stopped or changed right now */
	const char *problem;    /* why it is not as it is wanted; NULL. Of the host, until the next call */
	bool paused;
	bool hypervisor;        /* one runs in the guest (NV-14) */
	uint64_t memory_limit;  /* what it can have without being restarted */
};

typedef VEC(struct ip) ip_vec;

/* What a port carried, as its guest sees it. */
struct host_traffic {
	uint64_t sent_packets;
	uint64_t sent_bytes;
	uint64_t received_packets;
	uint64_t received_bytes;
};

/* Why a frame is dropped: an entry of the one list of reasons. */
struct host_drop_reason {
	uint32_t code;
	const char *name;
	const char *rule;     /* id of the rule that asks for the drop; "": none does */
	const char *sentence;
};

/* Frames that were dropped where they came in: at the host's end of a port, or at an uplink. */
struct host_drop {
	int ifindex;   /* 0: devices beyond what the table of counts can hold */
	char link[16]; /* "": ifindex is 0 */
	const struct host_drop_reason *reason;
	uint64_t packets;
};
typedef VEC(struct host_drop) host_drop_vec;

/* The dataplane of this host in numbers, and the daemon's last look at all of it. */
struct host_dataplane {
	char instance[16];
	uint64_t ports;
	uint64_t uplinks;
	uint64_t hops_resolved;   /* next hops whose link address is known */
	uint64_t hops_unresolved;
	uint64_t passes;
	uint64_t last_writes;     /* changes that the last pass made to the kernel */
	uint64_t last_us;
	uint64_t last_failures;
	uint64_t total_writes;
};

/* ---- packets traced by the dataplane itself ---- */

enum host_trace_end {
	HOST_TRACE_PASSED,    /* to the kernel: the bridge of the switch, or the host itself */
	HOST_TRACE_DROPPED,
	HOST_TRACE_DELIVERED, /* to a port of this host */
	HOST_TRACE_ANSWERED,  /* by the host in somebody's place, to where it came from */
	HOST_TRACE_SENT,      /* by a device */
	HOST_TRACE_FLOODED,   /* copies to other ports */
};

struct host_trace_step {
	const char *stage; /* "Source" */
	char *text;        /* what was decided there, a sentence; owned */
};

struct host_trace {
	uint64_t time_us; /* since 1970 */
	char link[16];    /* where it came in */
	enum host_trace_end end;
	const struct host_drop_reason *reason; /* what dropped it; also of one that was answered for that; NULL: nothing did */
	char *target;     /* DELIVERED: the machine; SENT: the device; owned, or NULL */
	uint32_t copies;  /* FLOODED */
	uint32_t packets; /* that it is on a wire: a large segment is several */
	VEC(struct host_trace_step) steps;
	uint32_t length_in, length_out; /* of the whole frame; of a real one only the first bytes are here: */
	size_t n_in, n_out;
	uint8_t *in, *out; /* as it came, and as it left or was when it was dropped; owned */
};
typedef VEC(struct host_trace) host_trace_vec;
void host_trace_done(struct host_trace *t);

/* Which real packets are followed. What is 0 is not asked for. Of a packet from the wire the inner frame is meant. */
struct host_trace_filter {
	uint16_t ethertype;
	uint8_t protocol;
	struct ip source, destination;
	uint16_t source_port, destination_port;
	struct mac destination_mac;
	bool echo;             /* an ICMP or ICMPv6 message of this type, id and sequence */
	uint8_t icmp_type;
	uint16_t echo_id, echo_sequence;
};

struct host_live {
	const char *const *links; /* host ends of ports */
	size_t n_links;
	bool uplinks;             /* and all uplinks */
	bool injected;            /* besides, echo messages that inject() delivers */
	struct host_trace_filter filter;
	size_t count;             /* ends after so many packets, 1.., */
	uint64_t timeout_us;      /* or after that time */
};

/* lost: packets that matched and could not be kept. The traces stay the caller's (of this function). */
typedef void (*host_live_fn)(void *arg, const host_trace_vec *traces, uint64_t lost);

typedef void (*host_exec_fn)(void *arg, int exit_status, char *output /* taken */, struct err *e /* taken, may be NULL */);

/* e: why it still runs (taken); NULL: it is off. */
/* Until a guest is up: its start is the one that is wanted now, and it gives a sign of life, or has an address. */
struct host_wait {
	bool address;
	uint64_t delay_ms;   /* between two looks */
	uint64_t timeout_ms; /* 0: for ever */
};
/* e: why it was given up (taken); NULL: it is up. */
typedef void (*host_wait_fn)(void *arg, struct err *e);

/* e: why it cannot be had (taken); NULL: it is there. */
typedef void (*host_console_fn)(void *arg, struct err *e);

typedef void (*host_shutdown_fn)(void *arg, struct err *e);

/* How far something is; p is borrowed. */
typedef void (*host_progress_fn)(void *arg, const struct progress *p);

/* ---- images of disks ---- */

enum host_image_op { HOST_IMAGE_INFO, HOST_IMAGE_CREATE, HOST_IMAGE_RESIZE, HOST_IMAGE_CONVERT };

/* Paths are absolute; formats by QEMU's names. */
struct host_image_job {
	enum host_image_op op;
	const char *path;
	const char *format;        /* INFO: NULL guesses */
	uint64_t size;             /* CREATE, RESIZE; CREATE with a parent: 0 is the parent's */
	bool fixed;                /* CREATE, CONVERT: takes all its space at once */
	bool shrink;               /* RESIZE: may lose what is beyond the new end */
	bool in_use;               /* INFO: also of one that is in use */
	const char *parent, *parent_format; /* CREATE; CONVERT: what the new image lies on, which has the rest; relative to it */
	const char *target, *target_format; /* CONVERT: the new image */
	bool for_drive; /* CREATE, CONVERT: a daemon that dies before a drive's document names it has made nothing */
	void (*progress)(void *arg, int percent); /* CONVERT: it has come so far (0..100); with the job's arg. NULL: nobody wants to know */
};

/* What INFO tells. */
struct host_image {
	const char *format;
	uint64_t size;        /* as a guest sees it */
	uint64_t file_size;   /* that it takes up */
	uint64_t length;      /* of the file */
	const char *parent;   /* NULL: none */
	const char *parent_format; /* "": the image does not say */
};

/* image: of INFO that succeeded, borrowed. e: why it failed (taken), with one of the ids Vhd.*. */
typedef void (*host_image_fn)(void *arg, const struct host_image *image, struct err *e);
/* A domain that libvirt has, whoever made it. */
struct host_domain {
	bool found;
	bool on;         /* it runs or is paused */
	bool persistent; /* it is there when it is off, too */
	bool saved;      /* its state is on disk */
	bool snapshots;  /* it has some, by libvirt */
	bool marked;     /* it is a machine of a Nestor */
	const char *xml; /* as it is defined, untrusted; NULL unless found */
};
/* domain is borrowed; e (taken): why libvirt could not be asked, NULL: it was. */
typedef void (*host_domain_fn)(void *arg, const struct host_domain *domain, struct err *e);

/* A directory with all that a machine is made of; paths inside are relative to it. */
struct host_export_disk {
	const char *from, *format; /* format as QEMU calls it */
	const char *to, *to_format;
	const char *backing, *backing_format; /* a name beside it, that it lies on; NULL: all that from lies on is in it */
};
/* Copied as it is, if it is there. */
struct host_export_file {
	const char *from, *to;
};
struct host_export_text {
	const char *to, *text;
};
typedef VEC(struct host_export_disk) host_export_disk_vec;
typedef VEC(struct host_export_file) host_export_file_vec;
typedef VEC(struct host_export_text) host_export_text_vec;
struct host_export {
	struct guid vm;
	bool kept; /* what is copied stays as it is anyway; else no step of the machine is taken meanwhile */
	const char *parent, *name;
	host_export_text_vec texts;
	host_export_file_vec files;
	host_export_disk_vec disks;
	host_progress_fn progress; /* with its arg; NULL: nobody wants to know */
};
/* e: why it failed (taken), and then nothing of it is there; NULL: it is there, whole. */
typedef void (*host_export_fn)(void *arg, struct err *e);

/* Files of a machine that comes from elsewhere; all paths are absolute. */
struct host_import_file {
	const char *from, *to;
	bool memory; /* with the ids of a machine in it; else small, and it may be missing */
};
struct host_import_id {
	struct guid was, is;
};
typedef VEC(struct host_import_file) host_import_file_vec;
typedef VEC(struct host_import_id) host_import_id_vec;
struct host_import {
	host_import_file_vec files;
	host_import_id_vec ids;
};
/* e: why they were not copied (taken), and then none of them is there. */
typedef void (*host_import_fn)(void *arg, struct err *e);

struct host {
	const char *name; /* ComputerName */
	unsigned processor_mhz;
	const char *machines_dir; /* where what belongs to real machines is kept; absolute */
	/* Physical and virtual adapters, without the ports and bridges of any Nestor. Sorted by ifindex. */
	int (*nics)(struct host *h, host_nic_vec *ret);
	/* Zeroes when the guest is not running. */
	int (*guest)(struct host *h, const struct guid *vm, struct host_guest *ret);
	/* Addresses in use on the guest's adapter with that id, as guest services would report them. */
	int (*guest_addresses)(struct host *h, const struct guid *vm, const struct guid *adapter, ip_vec *ret);
	/* Addresses of this host's interface. */
	int (*nic_addresses)(struct host *h, int ifindex, ip_vec *ret);
	/* Is this provider address usable? 0 Invalid, 1 Tentative, 2 Duplicate, 3 Deprecated, 4 Preferred. */
	int (*address_state)(struct host *h, const struct ip *ip);
	/*
	 * Runs a shell line in the guest; done is called later from the event loop, exactly once. What runs longer than timeout_ms is
	 * ended, as far as it can be (RemoteCommandTimeout).
	 */
	int (*exec)(struct host *h, const struct guid *vm, const char *script, uint64_t timeout_ms, host_exec_fn done, void *arg,
		    struct err **e);
	/* Ends what was begun with this arg: done is called from within. Nothing when it has ended. */
	void (*exec_end)(struct host *h, void *arg);
	/* done is called later from the event loop, exactly once: Vm.WaitEnded, Vm.WaitTimeout. */
	int (*wait)(struct host *h, const struct guid *vm, const struct host_wait *what, host_wait_fn done, void *arg, struct err **e);
	/* Ends it before its time: done is called from within. Nothing when it has ended. */
	void (*wait_end)(struct host *h, void *arg);
	/*
	 * Takes the serial console of a real machine that runs, from somebody else only by force. opened is called later from the event
	 * loop, exactly once; 1: we have it already, and nothing is called.
	 */
	int (*console)(struct host *h, const struct guid *vm, bool force, host_console_fn opened, void *arg, struct err **e);
	void (*machines)(struct host *h, struct host_machines *ret);
	/* Asks the guest of a real machine to shut down; done is called later from the event loop, exactly once. */
	int (*shutdown)(struct host *h, const struct guid *vm, uint32_t timeout_ms, host_shutdown_fn done, void *arg,
			struct err **e);
	/* Looks up a domain of libvirt by its name; done is called later from the event loop, exactly once. */
	int (*domain)(struct host *h, const char *name, host_domain_fn done, void *arg, struct err **e);
	/* The file with UEFI's variables of a machine, or the copy that a checkpoint keeps of it; owned by the caller. */
	char *(*variables)(struct host *h, const struct guid *id, bool secure_boot);
	/*
	 * Waits until the hidden checkpoint of the machine has been made, and keeps it until it is released: without either it goes. progress and
	 * done with arg; done is called later from the event loop, exactly once: Export.CaptureFailed.
	 */
	void (*capture)(struct host *h, const struct guid *vm, const struct guid *checkpoint, host_progress_fn progress, host_export_fn done,
			void *arg);
	void (*release)(struct host *h, const struct guid *checkpoint);
	/* Copies files; done is called later from the event loop, exactly once: Import.FileInvalid, Vhd.DiskFull, Import.Failed. */
	int (*import_files)(struct host *h, const struct host_import *x, host_import_fn done, void *arg, struct err **e);
	/*
	 * Writes parent/name with Hyper-V's subdirectories. done is called later from the event loop, exactly once: Export.Exists,
	 * Export.Busy, Vhd.DiskFull, Export.Failed.
	 */
	int (*export_machine)(struct host *h, const struct host_export *x, host_export_fn done, void *arg, struct err **e);
	/*
	 * Looks at an image, or works on it; done is called later from the event loop, exactly once. What CREATE and CONVERT make is
	 * new, and gone again when they fail.
	 */
	int (*image)(struct host *h, const struct host_image_job *job, host_image_fn done, void *arg, struct err **e);
	/* Ends the jobs of this arg before their time: done(arg) is called from within. Nothing when they have ended. */
	void (*image_end)(struct host *h, void *arg);
	/* Removes an image that was made for a drive which has not come about after all. */
	void (*image_discard)(struct host *h, const char *path);
	/* The directory of images that are named without one; exists when an image is made there. */
	const char *image_dir;
	/*
	 * What the port whose host end is the link carried since it exists. With a VSID the dataplane counts (segments
	 * one by one, only what was not dropped), without one the link does. -ENODEV: there is no such port now.
	 */
	int (*port_traffic)(struct host *h, const char *link, bool virtualized, struct host_traffic *ret);
	/*
	 * What the meter of that number at the port has counted since the port and the meter exist. -ENODEV: there is
	 * no such port or meter now.
	 */
	int (*port_meter)(struct host *h, const char *link, uint32_t number, uint64_t *ret_packets,
			  uint64_t *ret_bytes);
	/*
	 * How many frames with or about a MAC address that is not the guest's the port has dropped since it exists,
	 * because spoofing was off (NN-1, NN-3). -ENODEV: there is no such port now.
	 */
	int (*port_spoofed)(struct host *h, const char *link, uint64_t *ret_packets);
	/* All drops since their devices became ports or uplinks, none with 0 packets. Sorted by ifindex, then code. */
	int (*drops)(struct host *h, host_drop_vec *ret);
	int (*dataplane)(struct host *h, struct host_dataplane *ret);
	/* All reasons there are, by code. */
	const struct host_drop_reason *drop_reasons;
	size_t n_drop_reasons;
	/*
	 * What would become of a frame that comes in at a link: at the host end of a port, or (from_wire) at an uplink.
	 * Nothing is sent or counted. -ENODEV: no such port or uplink now.
	 */
	int (*trace)(struct host *h, const char *link, bool from_wire, const uint8_t *frame, size_t n, struct host_trace *ret);
	/*
	 * Follows real packets; done is called later from the event loop, exactly once. -ENODEV: no such port; -EBUSY:
	 * somebody follows packets there already.
	 */
	int (*trace_live)(struct host *h, const struct host_live *what, host_live_fn done, void *arg);
	/*
	 * trace(), and then the frame that came out of it is really sent on: it goes its way as if the guest had sent
	 * it, uncounted at the port. What was not sent or delivered is only told. -EOPNOTSUPP: the switch would have to
	 * forward it.
	 */
	int (*inject)(struct host *h, const char *link, const uint8_t *frame, size_t n, struct host_trace *ret);
	/* Ends it before its time: done(arg) is called from within. Nothing when it has ended. */
	void (*trace_end)(struct host *h, void *arg);
};
