/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The layout of an exported machine's directory, as Hyper-V's. */
#define EXPORT_CONFIGS "Virtual Machines"
#define EXPORT_DISKS "Virtual Hard Disks"
#define EXPORT_SNAPSHOTS "Snapshots"
