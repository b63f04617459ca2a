/* SPDX-License-Identifier: Apache-2.0 */
#include "builtin.h"

/* Parameters: Name|Alias, @N position, ? switch, * takes all positional arguments that are left. */
const struct builtin builtins[] = {
	{ "Where-Object",
	  "FilterScript Property@0 Value@1 InputObject EQ|IEQ? NE|INE? GT|IGT? GE|IGE? LT|ILT? LE|ILE? Like|ILike? "
	  "NotLike|INotLike? Match|IMatch? NotMatch|INotMatch? Contains|IContains? NotContains? In|IIn? NotIn? CEQ? CNE? CLike? "
	  "CMatch? Is? IsNot? Not?",
	  "pass on the objects that a script block or a comparison accepts", builtin_where },
	{ "ForEach-Object", "Process@0 Begin End MemberName RemainingScripts@1* InputObject",
	  "run a script block for each object, or take one member of it", builtin_foreach },
	{ "Select-Object", "Property@0 First|Head Last|Tail Skip SkipLast Index Unique? ExpandProperty ExcludeProperty InputObject",
	  "choose properties or objects", builtin_select },
	{ "Sort-Object", "Property@0 Descending? Unique? CaseSensitive? InputObject", "sort objects", builtin_sort },
	{ "Group-Object", "Property@0 NoElement? AsHashTable? AsString? InputObject", "group objects by properties", builtin_group },
	{ "Measure-Object", "Property@0 Sum? Average? Maximum? Minimum? InputObject", "count and add up", builtin_measure },
	{ "Format-Table", "Property@0 AutoSize? Wrap? HideTableHeaders? InputObject", "show objects as a table", builtin_format_table },
	{ "Format-List", "Property@0 InputObject", "show the properties of objects line by line", builtin_format_list },
	{ "Out-String", "Width Stream? InputObject", "what the console would show, as a string", builtin_out_string },
	{ "Out-Null", "InputObject@0", "throw the output away", builtin_out_null },
	{ "Out-Host", "Paging? InputObject", "show the output now", builtin_out_host },
	{ "Out-Default", "InputObject", "show the output now", builtin_out_host },
	{ "Write-Output", "InputObject@0* NoEnumerate?", "put values into the pipeline", builtin_write_output },
	{ "Write-Host", "Object@0* NoNewline? Separator ForegroundColor BackgroundColor", "write text", builtin_write_host },
	{ "Write-Error", "Message@0 ErrorRecord ErrorId Category RecommendedAction TargetObject Exception",
	  "report an error and go on", builtin_write_error },
	{ "Write-Warning", "Message@0", "write a warning", builtin_write_warning },
	{ "Write-Verbose", "Message@0", "write details, with -Verbose", builtin_write_verbose },
	{ "Write-Debug", "Message@0", "does nothing here", builtin_nothing },
	{ "Write-Information", "MessageData@0 Tags", "write information, if wanted", builtin_write_information },
	{ "Write-Progress", "Activity@0 Status@1 PercentComplete Completed? Id", "does nothing here", builtin_nothing },
	{ "ConvertTo-Json", "InputObject@0 Depth Compress? AsArray?", "objects as JSON text", builtin_to_json },
	{ "ConvertFrom-Json", "InputObject@0 AsHashtable? Depth", "JSON text as objects", builtin_from_json },
	{ "ConvertTo-Csv", "InputObject@0 Delimiter NoTypeInformation|NTI?", "objects as lines of comma separated values", builtin_to_csv },
	{ "Start-Sleep", "Seconds@0 Milliseconds|ms", "wait", builtin_sleep },
	{ "Test-Connection", "TargetName|ComputerName|cn@0 Count Quiet? BufferSize Delay TimeoutSeconds",
	  "send echo requests to an address", builtin_test_connection },
	{ "Import-Module", "Name@0 Force? Global? PassThru? DisableNameChecking?", "does nothing: every cmdlet is there", builtin_nothing },
	{ "Clear-Host", "", "does nothing here", builtin_nothing },
	{ "Set-StrictMode", "Version Off?", "does nothing here", builtin_nothing },
	{ "Get-Date", "Format|UFormat", "the present time", builtin_date },
	{ "Get-Member", "InputObject Name@0 MemberType", "the properties of objects", builtin_get_member },
	{ "New-Object", "TypeName@0 ArgumentList@1 Property", "make a PSObject, hash table or list", builtin_new_object },
	{ "Add-Member", "NotePropertyName@0 NotePropertyValue@1 MemberType|Type Name Value NotePropertyMembers InputObject PassThru? Force?",
	  "add properties to an object", builtin_add_member },
	{ "New-Guid", "", "make a new GUID", builtin_new_guid },
	{ "Set-Variable", "Name@0 Value@1 Scope Option Force?", "set a variable", builtin_set_variable },
	{ "Get-Variable", "Name@0 ValueOnly? Scope", "read a variable", builtin_get_variable },
};

const size_t builtins_count = ARRAY_SIZE(builtins);
