/* SPDX-License-Identifier: MIT OR Unlicense */
/* For programs that have more than one source of events: what live.h stands on. */
#ifndef TOOLS_PAGES_H
#define TOOLS_PAGES_H

#include "live.h"
#include "tracked.h"

/* The files of the page: tools/live/, as make embeds them. */
extern const live_file page_files[];
extern const size_t page_file_count;

/* Has `load` called with sessions of which somebody wants the events, and which are not loaded. */
void live_on_load(struct live *live, void (*load)(void *user, live_session *session), void *user);

live_server *live_server_of(const struct live *live);

/* What is kept of a session, made if it is new; NULL without memory. */
struct tracked *live_tracked(live_session *session);

/* Takes an event of a session, whatever session id it has. `now` is the time of one that has none. */
void live_take(live_session *session, const asm_event *event, asm_time now);

/* The token by which browsers are let in: the same for all programs of a user, so that a page goes on when one is started
 * again. */
const char *state_token(void);

#endif
