/* SPDX-License-Identifier: MIT OR Unlicense */
/* What the list shows of a session, from its events. */
#ifndef TOOLS_TRACKED_H
#define TOOLS_TRACKED_H

#include "../../examples/live_server.h"
#include "../common/statistics.h"
#include "../common/watch.h"

enum { MAX_NEEDS = 16 };

/* A request to a person that is not decided. */
struct need {
    char *call, *request, *tool; /* allocated */
    bool is_question;
    int64_t interrupt; /* -1: not known */
};

/* Zero-initialise it. */
struct tracked {
    struct watch watch;
    struct session_tally tally;
    char agent[32];
    char first_words[WATCHED_TEXT]; /* of the agent, while nothing else says what the session is about */
    enum session_state state;
    asm_time since, changed;
    struct need *needs; /* allocated when there is one; the first has waited longest */
    size_t need_count;
    bool is_partial;   /* not all of it was read: figures are not known */
    bool is_quiet;     /* nobody is at work, though a run is open */
    void *source;      /* whose it is */
    const char *where; /* that one's name */
};

/* `now` is the time of an event that has none. */
void tracked_event(struct tracked *tracked, const asm_event *event, asm_time now);

/* Fills in a row; texts are those of `tracked`, and `what`, of 2 * WATCHED_TEXT bytes. */
void tracked_describe(const struct tracked *tracked, char *what, live_row *row);

/* As if nothing had happened; source and agent stay. */
void tracked_begin_again(struct tracked *tracked);

void tracked_close(struct tracked *tracked);

#endif
