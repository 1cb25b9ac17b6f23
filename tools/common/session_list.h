/* SPDX-License-Identifier: MIT OR Unlicense */
/* What a program prints about the sessions on this machine. Each ends the program with a message if it cannot. */
#ifndef TOOLS_SESSION_LIST_H
#define TOOLS_SESSION_LIST_H

#include "sessions.h"

struct session_query {
    const char *agent; /* of agent_choice(); NULL: any */
    bool is_here;      /* only those of the working directory */
    bool is_quiet;
    asm_time now;   /* Unix microseconds */
    unsigned flags; /* for asm_text_append(), as standard output needs them */
};

/* Prints a line for each, what was changed last first: on a terminal columns, cut to its width; else whole fields with a
 * TAB between them: time, state, agent, id, tokens, cost, directory, path, title. Returns the exit status. */
int session_list(const struct session_query *query);

/* Prints one line about the session in `file`, or the newest one, of the working directory if there is one. `format` is
 * that of status_print(). Returns the exit status. */
int session_status(const struct session_query *query, const char *file, const char *format);

/* The path of the newest session, of the working directory if there is one. */
char *session_newest(const struct session_query *query);

/* The path of the session that has this id, or whose id begins so, if there is no such file; else `word` itself. */
char *session_path(char *word);

#endif
