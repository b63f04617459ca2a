/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "util.h"

/* Types that the language knows by name: for casts, -is, parameters and static members. */
enum type_id {
	T_OBJECT, T_STRING, T_CHAR, T_BOOL, T_SWITCH, T_BYTE, T_INT16, T_UINT16, T_INT32, T_UINT32, T_INT64, T_UINT64,
	T_DOUBLE, T_ARRAY, T_HASHTABLE, T_ORDERED, T_PSCUSTOM, T_GUID, T_IPADDRESS, T_MAC, T_DATETIME, T_REGEX, T_SCRIPTBLOCK,
	T_VOID, T_MATH, T_CONVERT, T_VERSION, T_ERRORRECORD,
	T_COUNT,
	T_LIST = 0x100, /* or-ed: an array of it, [int[]] */
};

/* The id of a type's name (System. may stand before), or -1. */
int type_find(const char *name);
const char *type_name(int id);
/* Whether [type]::member is known, and whether it is called with arguments. */
bool type_static_known(int id, const char *member, bool call);
/* Whether .Method() is known on any value. */
bool method_known(const char *name);
