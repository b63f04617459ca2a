/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The layout of an exported machine's directory, as Hyper-V's. */
#define EXPORT_CONFIGS "Virtual Machines"
#define EXPORT_DISKS "Virtual Hard Disks"
#define EXPORT_SNAPSHOTS "Snapshots"

/*
 * Files that are named by the id of the machine or the checkpoint, in EXPORT_CONFIGS or EXPORT_SNAPSHOTS: its configuration, its memory, the
 * variables of its firmware without and with secure boot.
 */
#define EXPORT_CONFIG_ENDING "json"
#define EXPORT_MEMORY_ENDING "memory"
#define EXPORT_VARIABLES_ENDING "fd"
#define EXPORT_SECURE_ENDING "secure.fd"
