/* SPDX-License-Identifier: MIT OR Unlicense */
/* A folder that no path leads out of: neither .., nor an absolute path, nor a symbolic link. */
#ifndef AGENT_FOLDER_H
#define AGENT_FOLDER_H

#include "asm_json.h"

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct folder {
    int fd;
    char path[PATH_MAX]; /* absolute, without symbolic links */
};

/* Where a path leads: a name in an open directory, which is not a symbolic link. */
struct place {
    int directory;
    char name[NAME_MAX + 1]; /* "." for the folder itself */
};

/* Opens the directory `path`; false, with errno. */
bool folder_open(struct folder *folder, const char *path);
void folder_close(struct folder *folder);

/* Finds the place of `path`, step by step, so that nothing that is changed meanwhile leads out. With `makes` the
 * directories on the way are made. Returns NULL, or why not ("is outside of the working directory"); a place that was found
 * has to be closed. */
const char *folder_find(const struct folder *folder, asm_str path, bool makes, struct place *place);
void place_close(struct place *place);

/* Opens a regular file to be read; never waits. Returns NULL, or why not. */
const char *folder_open_file(const struct folder *folder, asm_str path, int *fd);

/* Appends the whole file, at most `limit` bytes of it. `mode`, of the file, may be NULL. Returns NULL, or why not. */
const char *folder_read_file(const struct folder *folder, asm_str path, size_t limit, asm_buffer *out,
                             mode_t *mode);

/* Puts `content` in place of what the file holds, or makes it: whole or not at all. Returns NULL, or why not. */
const char *folder_write_file(const struct folder *folder, asm_str path, asm_str content);

#endif
