/* SPDX-License-Identifier: MIT OR Unlicense */
/* A conversation with a person: on a terminal, or one question and its answer. */
#ifndef AGENT_CHAT_H
#define AGENT_CHAT_H

#include "host.h"
#include "view.h"

struct chat_settings {
    const char *resumed; /* id of a conversation that goes on; NULL: a new one */
    const char *prompt;  /* the one question; NULL: the person types */
    bool is_quiet;       /* print the last answer only */
};

/* Leads it to its end. Returns the program's exit status. */
int chat_run(struct host *host, struct view *view, const struct chat_settings *settings);

#endif
