/* SPDX-License-Identifier: MIT OR Unlicense */
/* A program between another one and whoever talks with it: all bytes go on unchanged, both ways, at once. */
#ifndef TOOLS_PASSAGE_H
#define TOOLS_PASSAGE_H

#include <stdbool.h>
#include <stddef.h>

enum passage_way { PASSAGE_IN, PASSAGE_OUT }; /* to the command, from it */

/* Takes a copy of what just passed. It must not wait. */
typedef void (*passage_callback)(void *user, enum passage_way way, const char *data, size_t size);

/* Starts `command` (NULL after the last word) by its name, with this program's environment, folder and standard error,
 * and hands on standard input and what it prints, until it has ended and all of that is out. Its end of input, signals
 * (SIGINT, SIGTERM, SIGHUP), and a standard output that nobody reads any more reach it as without this program. Returns
 * its exit status, 128 + N if signal N ended it; 126 or 127, after a message, if it cannot be started. */
int passage_run(char **command, passage_callback copy, void *user);

#endif
