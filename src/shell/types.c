/* SPDX-License-Identifier: Apache-2.0 */
#include "types.h"

#include <strings.h>

static const struct { const char *name; int id; } names[] = {
	{ "object", T_OBJECT }, { "string", T_STRING }, { "char", T_CHAR }, { "bool", T_BOOL }, { "boolean", T_BOOL },
	{ "switch", T_SWITCH }, { "management.automation.switchparameter", T_SWITCH }, { "byte", T_BYTE },
	{ "int16", T_INT16 }, { "short", T_INT16 }, { "uint16", T_UINT16 }, { "ushort", T_UINT16 }, { "int", T_INT32 },
	{ "int32", T_INT32 }, { "uint32", T_UINT32 }, { "uint", T_UINT32 }, { "long", T_INT64 }, { "int64", T_INT64 },
	{ "uint64", T_UINT64 }, { "ulong", T_UINT64 }, { "double", T_DOUBLE }, { "float", T_DOUBLE }, { "single", T_DOUBLE },
	{ "decimal", T_DOUBLE }, { "array", T_ARRAY }, { "collections.arraylist", T_ARRAY }, { "hashtable", T_HASHTABLE },
	{ "collections.hashtable", T_HASHTABLE }, { "ordered", T_ORDERED },
	{ "collections.specialized.ordereddictionary", T_ORDERED }, { "pscustomobject", T_PSCUSTOM },
	{ "psobject", T_PSCUSTOM }, { "management.automation.psobject", T_PSCUSTOM },
	{ "management.automation.pscustomobject", T_PSCUSTOM }, { "guid", T_GUID }, { "ipaddress", T_IPADDRESS },
	{ "net.ipaddress", T_IPADDRESS }, { "physicaladdress", T_MAC }, { "net.networkinformation.physicaladdress", T_MAC },
	{ "datetime", T_DATETIME }, { "regex", T_REGEX }, { "text.regularexpressions.regex", T_REGEX },
	{ "scriptblock", T_SCRIPTBLOCK }, { "management.automation.scriptblock", T_SCRIPTBLOCK }, { "void", T_VOID },
	{ "math", T_MATH }, { "convert", T_CONVERT }, { "version", T_VERSION },
	{ "management.automation.errorrecord", T_ERRORRECORD },
};

static const struct { int id; const char *member; bool call; } statics[] = {
	{ T_MATH, "Abs", true }, { T_MATH, "Ceiling", true }, { T_MATH, "Floor", true }, { T_MATH, "Max", true },
	{ T_MATH, "Min", true }, { T_MATH, "Pow", true }, { T_MATH, "Round", true }, { T_MATH, "Sqrt", true },
	{ T_MATH, "Truncate", true }, { T_MATH, "PI", false }, { T_MATH, "E", false }, { T_GUID, "NewGuid", true },
	{ T_GUID, "Parse", true }, { T_GUID, "Empty", false }, { T_IPADDRESS, "Parse", true },
	{ T_STRING, "IsNullOrEmpty", true }, { T_STRING, "IsNullOrWhiteSpace", true }, { T_STRING, "Join", true },
	{ T_STRING, "Format", true }, { T_STRING, "Empty", false }, { T_STRING, "Concat", true },
	{ T_INT32, "Parse", true }, { T_INT32, "MaxValue", false }, { T_INT32, "MinValue", false },
	{ T_INT64, "Parse", true }, { T_INT64, "MaxValue", false }, { T_INT64, "MinValue", false },
	{ T_UINT32, "MaxValue", false }, { T_UINT16, "MaxValue", false }, { T_BYTE, "MaxValue", false },
	{ T_DOUBLE, "Parse", true }, { T_CONVERT, "ToString", true }, { T_CONVERT, "ToInt32", true },
	{ T_CONVERT, "ToInt64", true }, { T_DATETIME, "Now", false }, { T_REGEX, "Escape", true },
};

static const char *const methods[] = {
	"ToString", "ToUpper", "ToLower", "ToUpperInvariant", "ToLowerInvariant", "Trim", "TrimStart", "TrimEnd", "Split",
	"Replace", "Contains", "StartsWith", "EndsWith", "Substring", "IndexOf", "LastIndexOf", "PadLeft", "PadRight", "Insert",
	"Remove", "Equals", "CompareTo", "GetType", "ContainsKey", "ContainsValue", "Add", "Clear", "GetEnumerator", "Invoke",
	"Where", "ForEach", "ToCharArray", "GetAddressBytes", "Keys",
};

int type_find(const char *name)
{
	if (strncasecmp(name, "system.", 7) == 0)
		name += 7;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strieq(names[i].name, name))
			return names[i].id;
	return -1;
}

const char *type_name(int id)
{
	static const char *const shown[T_COUNT] = {
		[T_OBJECT] = "Object", [T_STRING] = "String", [T_CHAR] = "Char", [T_BOOL] = "Boolean",
		[T_SWITCH] = "SwitchParameter", [T_BYTE] = "Byte", [T_INT16] = "Int16", [T_UINT16] = "UInt16",
		[T_INT32] = "Int32", [T_UINT32] = "UInt32", [T_INT64] = "Int64", [T_UINT64] = "UInt64", [T_DOUBLE] = "Double",
		[T_ARRAY] = "Object[]", [T_HASHTABLE] = "Hashtable", [T_ORDERED] = "OrderedDictionary",
		[T_PSCUSTOM] = "PSCustomObject", [T_GUID] = "Guid", [T_IPADDRESS] = "IPAddress", [T_MAC] = "PhysicalAddress",
		[T_DATETIME] = "DateTime", [T_REGEX] = "Regex", [T_SCRIPTBLOCK] = "ScriptBlock", [T_VOID] = "Void",
		[T_MATH] = "Math", [T_CONVERT] = "Convert", [T_VERSION] = "Version", [T_ERRORRECORD] = "ErrorRecord",
	};

	id &= ~T_LIST;
	return id >= 0 && id < T_COUNT ? shown[id] : "Object";
}

bool type_static_known(int id, const char *member, bool call)
{
	for (size_t i = 0; i < ARRAY_SIZE(statics); i++)
		if (statics[i].id == id && statics[i].call == call && strieq(statics[i].member, member))
			return true;
	return false;
}

bool method_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		if (strieq(methods[i], name))
			return true;
	return false;
}
