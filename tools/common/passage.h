/* SPDX-License-Identifier: MIT OR Unlicense */
/* A program between another one and whoever talks with it: all bytes go on unchanged, both ways, at once. */
#ifndef TOOLS_PASSAGE_H
#define TOOLS_PASSAGE_H

#include "asm_json.h"

enum passage_way { PASSAGE_IN, PASSAGE_OUT }; /* to the command, from it */

/* What is done with what passes. */
struct passage_hooks {
    /* Takes a copy of what just passed. It must not wait. */
    void (*copy)(void *user, enum passage_way way, const char *data, size_t size);
    /* These four are NULL, or all there, in place of `copy`: takes what was read, and appends to `out` what may pass now.
     * What it appends passes before any more of that way is read. */
    void (*take)(void *user, enum passage_way way, asm_str data, asm_buffer *out);
    /* Nothing follows that way: the last chance to append. */
    void (*end)(void *user, enum passage_way way, asm_buffer *out);
    /* A descriptor that is looked at as well; it may change. -1: none. */
    int (*descriptor)(void *user);
    /* It can be read: may append to what waits, each at the end of what `take` and `end` gave. NULL: that way has ended. */
    void (*wake)(void *user, asm_buffer *in, asm_buffer *out);
    void *user;
};

/* Starts `command` (NULL after the last word) by its name, with this program's environment, folder, standard error and
 * ignored signals, and hands on standard input and what it prints, until it has ended and all of that is out. Its end of
 * input, signals (SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2), and a standard output that nobody reads any more
 * reach it as without this program. Returns its exit status, 128 + N if signal N ended it; EXIT_FAILED, after a message, in
 * place of 0 if standard output could not be written (a full disk); 126 or 127, after a message, if it cannot be started. */
int passage_run(char **command, const struct passage_hooks *hooks);

#endif
