/* SPDX-License-Identifier: MIT OR Unlicense */
/* A process that works for a tool: in a session of its own, away from the terminal, ended together with all that it
 * started; what it prints is collected to a limit. */
#ifndef AGENT_PROCESS_H
#define AGENT_PROCESS_H

#include "folder.h"

#include <stdint.h>

enum {
    PROCESS_HEAD = 20000,           /* bytes of the output that are kept: its beginning, ... */
    PROCESS_TAIL = 10000,           /* ... and its end */
    PROCESS_MOST = 16 * 1024 * 1024 /* what prints more is ended */
};

enum process_end {
    PROCESS_RUNS,
    PROCESS_EXITED,    /* `code` is its exit status */
    PROCESS_SIGNALED,  /* `code` is the signal's number */
    PROCESS_TIMED_OUT, /* it was ended, like by all that follow */
    PROCESS_TOO_MUCH,
    PROCESS_CANCELLED
};

struct process {
    pid_t id;         /* 0: none */
    int output;       /* what it prints comes from here, without waiting; -1: it has ended or was closed */
    int64_t deadline; /* when it is ended, by the monotonic clock in microseconds */
    enum process_end end; /* set when it has ended, or is being ended */
    int code;
    uint64_t total; /* bytes that it has printed */
    asm_buffer head;
    char tail
        [PROCESS_TAIL]; /* a ring: the byte after the last one is at total % PROCESS_TAIL, once head is full */
};

/* Starts `sh -c command` in the folder. False, with errno. */
bool process_start(struct process *process, const struct folder *folder, const char *command,
                   int64_t deadline);

/* Starts a function of this program, which writes to `out` in the new process and returns its exit status. Its memory and
 * processor time are limited; of our descriptors it has `kept` only. */
bool process_start_function(struct process *process, int (*function)(void *user, int out), void *user,
                            int kept, int64_t deadline);

/* Takes what it has printed, and ends it if it is time: to be called when `output` can be read, when a process has ended
 * (SIGCHLD) and at the deadline. What is new is appended to `fresh`, which may be NULL. True once it has ended. */
bool process_look(struct process *process, int64_t now, asm_buffer *fresh);

/* Ends it and all that it has started, if it still runs. */
void process_stop(struct process *process, enum process_end why);

/* Appends what it has printed: all of it, or beginning and end with a note between them. */
void process_append_output(const struct process *process, asm_buffer *out);

/* Frees what belongs to it; stops it first. */
void process_close(struct process *process);

#endif
