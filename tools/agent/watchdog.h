/* SPDX-License-Identifier: MIT OR Unlicense */
/* Ends what this program has started, should it be killed itself. */
#ifndef AGENT_WATCHDOG_H
#define AGENT_WATCHDOG_H

#include <sys/types.h>

/* From now on the process group is ended with this program, until it is taken back. Nothing is done if there can be no
 * other process that looks. */
void watchdog_add(pid_t group);
void watchdog_remove(pid_t group);

/* In a new process: closes all descriptors but standard input, output and error, and `kept`. */
void close_descriptors(int kept);

#endif
