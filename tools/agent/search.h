/* SPDX-License-Identifier: MIT OR Unlicense */
/* Lists and searches what is in a folder. Works in a process of its own (process_start_function()), since a regular
 * expression can take any time. */
#ifndef AGENT_SEARCH_H
#define AGENT_SEARCH_H

#include "folder.h"

struct search {
    struct place place;  /* where: a directory or a file */
    const char *path;    /* how that is called in what is printed; "" for the working directory */
    const char *pattern; /* an extended regular expression, looked for in files; NULL: names are listed */
    const char *glob;    /* which names; NULL: all */
    bool ignores_case;
    bool is_deep; /* of a list: what is in directories, too */
};

/* `user` is a struct search. Prints `PATH:LINE:TEXT` for each line, or a name for each file, to `out`: a function for a process. What is .git and
 * symbolic links are not entered. Returns 0; 1 if nothing was found; 2 with a message if it cannot be done. */
int search_run(void *user, int out);

#endif
