/* SPDX-License-Identifier: MIT OR Unlicense */
/* What a person is asked to approve, in full, so that nothing in it looks like anything of ours. */
#ifndef AGENT_APPROVAL_H
#define AGENT_APPROVAL_H

#include "asm_render.h"
#include "toolbox.h"

/* Whether there is anything to ask. */
enum approval {
    APPROVAL_OPEN,      /* ask */
    APPROVAL_GIVEN,     /* calls like this one are approved always */
    APPROVAL_IMPOSSIBLE /* it cannot be done, for the reason in `why` */
};
enum approval approval_check(const struct workspace *workspace, const asm_action_request *request,
                             asm_buffer *why);

/* Appends the question: what would be done, all of it, and what can be answered. An error leaves it incomplete: then it
 * must not be asked. */
asm_result approval_append(asm_buffer *out, const struct workspace *workspace,
                           const asm_action_request *request, const asm_terminal *terminal);

/* Reads an answer: y, a, e TEXT, n WHY. `texts` has what the decision points to. False if it is none. `is_always` tells
 * whether calls like this one are approved from now on. */
bool approval_read(asm_str answer, const asm_action_request *request, asm_decision *decision, bool *is_always,
                   asm_buffer *texts);

#endif
