/* SPDX-License-Identifier: MIT OR Unlicense */
/* Where conversations are kept: a directory for each working directory, with a file for each conversation. */
#ifndef AGENT_KEEPING_H
#define AGENT_KEEPING_H

#include "../../examples/file_store.h"

/* The conversations of one working directory. */
struct keeping {
    struct keeping *next;
    char *path; /* of the directory with the files */
    file_store files;
    asm_state_store disk; /* as files.h has it */
    /* For asm_agent_options: keeps nothing of a conversation in which nobody has spoken. */
    asm_state_store store;
    bool was_told; /* that nothing can be kept, since it last could */
};

/* That of a working directory, below XDG_STATE_HOME, made if need be and put into `list`; NULL, with errno. */
struct keeping *keeping_open(struct keeping **list, const char *working_directory);

/* Frees all. */
void keeping_close(struct keeping **list);

/* After an error of `store`: writes what is wrong. False if that was told already, and nothing could be kept since. */
bool keeping_tell(struct keeping *keeping, char *why, size_t size);

/* The id of the conversation that was saved last; false if there is none. */
bool keeping_find_newest(struct keeping *keeping, char *id, size_t size);

/* Prints the conversations, the newest first: id, when, title. What cannot be read is named. False if they cannot be
 * listed, which was said. */
bool keeping_print(struct keeping *keeping);

#endif
