/* SPDX-License-Identifier: MIT OR Unlicense */
/* How a session stands, from its events: what it does, since when, and what it used. */
#ifndef TOOLS_WATCH_H
#define TOOLS_WATCH_H

#include "asm_events.h"

enum session_state { STATE_IDLE, STATE_WORKING, STATE_NEEDS_YOU, STATE_DONE, STATE_FAILED };

enum { WATCHED_CALLS = 64, WATCHED_TEXT = 160 };

/* A tool call, or a question to the person, that has not ended. */
struct watched_call {
    uint64_t id_hash; /* 0: free */
    bool needs_person;
    asm_time since;
    char text[WATCHED_TEXT]; /* "Bash: npm test" */
};

struct watch {
    bool run_is_open, has_failed, was_cancelled, has_run; /* of the last run */
    bool any_failed;                                      /* of all runs: failed or cancelled */
    bool any_has_no_end; /* of all runs: the stream does not tell how it ended */
    bool joins_late;     /* set it: the beginning of a run may have been missed, so a sign of one is enough */
    bool is_brief;       /* set it: what calls are about and which session it is are not asked for */
    struct watched_call *calls; /* allocated: `call_places` of them, at most WATCHED_CALLS */
    size_t call_places;
    size_t open_calls; /* also those for which there was no room */
    asm_time last_event, run_since;
    asm_event_type last_type;
    char last_event_name[WATCHED_TEXT], last_tool_name[WATCHED_TEXT]; /* of the last event */
    char title[WATCHED_TEXT], directory[WATCHED_TEXT], model[WATCHED_TEXT], session[WATCHED_TEXT];
    char failure[WATCHED_TEXT];
    char first_prompt[WATCHED_TEXT];
    int64_t todo_done, todo_count;
    uint64_t tools;
};

/* Zero-initialise a watch; `now` is the time of events that have none. */
void watch_event(struct watch *watch, const asm_event *event, asm_time now);

/* Whether the stream does not tell how the run ended. */
bool run_has_no_end(const asm_event *event);

/* Forgets the calls that are open, and the run. */
void watch_forget_run(struct watch *watch);

void watch_close(struct watch *watch);

/* Copies what fits into WATCHED_TEXT bytes, on one line; a text that was cut ends in "...". */
void keep_text(char *out, asm_str text);

/* A call in words, in WATCHED_TEXT bytes as keep_text() has them: "Bash: npm test". */
void name_call(char *out, asm_str name, asm_str display_text, asm_str input);

/* "needs_you", "working", …: the words of the events' documentation. */
const char *state_name(enum session_state state);

enum session_state watch_state(const struct watch *watch);

/* The call that has been under way for longest, one that needs a person first; NULL if there is none. */
const struct watched_call *watch_call(const struct watch *watch);

#endif
