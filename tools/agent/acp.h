/* SPDX-License-Identifier: MIT OR Unlicense */
/* The agents for editors: the Agent Client Protocol, version 1, on standard input and output. */
#ifndef AGENT_ACP_H
#define AGENT_ACP_H

#include "host.h"
#include "view.h"

/* Serves until standard input ends. Returns the program's exit status. */
int acp_run(struct host *host, struct view *view);

#endif
