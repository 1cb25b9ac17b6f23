/* SPDX-License-Identifier: MIT OR Unlicense */
/* A conversation that was kept, as the events that it was made of. */
#ifndef AGENT_REPLAY_H
#define AGENT_REPLAY_H

#include "asm_agent.h"

/* Tells the turns from `first` on: what was said, and which tools were called with what result; not the calls that have
 * none. The events have the id of the conversation; with `as_run` they are a run of their own, which begins and ends. */
void replay_turns(asm_str id, const asm_agent_state *state, size_t first, bool as_run,
                  asm_event_callback on_event, void *user);

/* Where the last thing that the person said stands; 0 if nothing was. */
size_t replay_last_question(const asm_agent_state *state);

#endif
