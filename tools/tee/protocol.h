/* SPDX-License-Identifier: MIT OR Unlicense */
/* Permissions in the words of the protocols that have them: lines that ask and answer, read and written.
 * ACP: session/request_permission, a JSON-RPC request of the agent. Claude: control_request can_use_tool. */
#ifndef TEE_PROTOCOL_H
#define TEE_PROTOCOL_H

#include "asm_json.h"

#include <stdbool.h>

enum protocol { PROTOCOL_ACP, PROTOCOL_CLAUDE };

enum line_kind {
    LINE_OTHER,
    LINE_REQUEST,   /* asks for a permission */
    LINE_WITHDRAWAL /* takes one back */
};

/* What a line of the agent says. Texts are views into the line, as they stand there: JSON. */
struct agent_line {
    enum line_kind kind;
    bool is_acp; /* it is a message of an ACP session */
    enum protocol protocol;
    asm_str id;                    /* of the request */
    asm_str call;                  /* of the tool; absent: not told */
    asm_str session;               /* ACP */
    asm_str allow_once, deny_once; /* ACP: ids of options; absent: there is none */
    asm_str input;                 /* Claude */
    asm_str details; /* of what is asked for: an object, in which the input is named as follows */
    const char *input_name;
};

/* Reads a line, without its end. */
struct agent_line protocol_read_agent(asm_str line);

/* The id of the request that a line of the other side answers; absent if it answers none. */
asm_str protocol_read_answer(asm_str line);

/* Whether two ids, as JSON, are the same. */
bool protocol_same_id(asm_str a, asm_str b);

/* An answer, as a line with its end. `id`, `option` and `input` are JSON as they came; `why` is text. */
void protocol_select(asm_buffer *out, asm_str id, asm_str option);           /* ACP */
void protocol_cancelled(asm_buffer *out, asm_str id);                        /* ACP: the turn is cancelled */
void protocol_allow(asm_buffer *out, asm_str id, asm_str input);             /* Claude */
void protocol_deny(asm_buffer *out, asm_str id, asm_str why);                /* Claude */
void protocol_cancel_session(asm_buffer *out, asm_str session);              /* ACP; `session` is text */
void protocol_withdraw(asm_buffer *out, enum protocol protocol, asm_str id); /* to who is still asked */

#endif
