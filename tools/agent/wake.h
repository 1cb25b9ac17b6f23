/* SPDX-License-Identifier: MIT OR Unlicense */
/* What wakes the program's loop from outside: signals, and the end of a child process. */
#ifndef AGENT_WAKE_H
#define AGENT_WAKE_H

#include <stdbool.h>

/* Takes SIGINT, SIGTERM, SIGHUP and SIGCHLD, and has SIGPIPE ignored. False, with errno. */
bool wake_init(void);

/* Can be read when one of them has come; wake_clear() takes that back. */
int wake_descriptor(void);
void wake_clear(void);

/* How often SIGINT has come since the last call. */
int wake_interrupts(void);

/* The signal that asked the program to end; 0: none. */
int wake_stop_signal(void);

#endif
