/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "internal.h"

/*
 * What is being written and would be good for nothing if the daemon died now: noted before it is begun, so that the next daemon takes it
 * away. Each returns the note, for unfinished_end(). Paths are absolute.
 */
char *unfinished_file(const struct engine *g, const char *path);
/* One that is named by the id of a machine or checkpoint: it stays when there is a document of that. */
char *unfinished_file_of(const struct engine *g, const char *path);
char *unfinished_tree(const struct engine *g, const char *path);
/* A whole image that is there for a drive, until a document names it; now: what the file is called at present. NULL: it is not there. */
char *unfinished_image(const struct engine *g, const char *path, const char *now);
/* It is finished, or gone. Takes the note; NULL: nothing. */
void unfinished_end(char *note);
/* When the daemon starts, before anything is begun; the documents are read. */
void unfinished_clean(const struct engine *g);

bool image_is_in_drive(const struct docs *d, const char *path);
