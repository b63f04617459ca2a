/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "eval.h"

/* The commands that the language itself brings; builtin.c has the table. Each returns an enum flow. */
int builtin_where(struct call *c);
int builtin_foreach(struct call *c);
int builtin_select(struct call *c);
int builtin_new_object(struct call *c);
int builtin_add_member(struct call *c);
int builtin_get_member(struct call *c);
int builtin_sort(struct call *c);
int builtin_group(struct call *c);
int builtin_measure(struct call *c);
int builtin_format_table(struct call *c);
int builtin_format_list(struct call *c);
int builtin_out_string(struct call *c);
int builtin_out_null(struct call *c);
int builtin_out_host(struct call *c);
int builtin_write_output(struct call *c);
int builtin_write_host(struct call *c);
int builtin_write_error(struct call *c);
int builtin_write_warning(struct call *c);
int builtin_write_verbose(struct call *c);
int builtin_write_information(struct call *c);
int builtin_nothing(struct call *c);
int builtin_to_json(struct call *c);
int builtin_from_json(struct call *c);
int builtin_to_csv(struct call *c);
int builtin_sleep(struct call *c);
int builtin_test_connection(struct call *c);
int builtin_date(struct call *c);
int builtin_new_guid(struct call *c);
int builtin_set_variable(struct call *c);
int builtin_get_variable(struct call *c);
