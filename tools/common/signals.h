/* SPDX-License-Identifier: MIT OR Unlicense */
/* Signals that ask a program to end: the first lets it end properly, the second ends it at once. */
#ifndef TOOLS_SIGNALS_H
#define TOOLS_SIGNALS_H

#include <stdbool.h>

/* Takes SIGINT, SIGTERM and SIGHUP, unless they were ignored. A closed pipe and a file that may not grow become errors
 * of the write. False, with errno, without a pipe to wake up by. */
bool signals_init(void);

/* The signal that came, or 0. */
int stop_signal(void);

/* A descriptor that can be read once a signal came: for poll(). */
int signals_descriptor(void);

/* Whether a signal came a second ago, so that writes which still wait shall be given up; an asm_stop_function. From
 * then on a signal comes once a second, to interrupt them. */
bool is_time_to_give_up(void *user);

/* Ends the program with `status` if it is still there that many seconds after the first signal, whatever it waits for:
 * for programs that call libraries which may wait for ever. 0: no limit, as at first. */
void signals_limit(int seconds, int status);

/* Ends the program with `status` that many seconds from now, whatever it waits for. */
void signals_end_within(int seconds, int status);

#endif
