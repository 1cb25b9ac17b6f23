/* SPDX-License-Identifier: MIT OR Unlicense */
/* What passes between an agent and its editor, where a second person may answer the requests for permission: the first
 * answer counts. What was answered by the second person is answered once, at the end of a line; the editor is told that
 * the request is withdrawn, and its own answer is left out. All else passes as it comes.
 *
 * One process has the gate, another asks people. What they tell each other goes through a socket (decisions and verdicts)
 * and through the copy (what is asked, what was settled). */
#ifndef TEE_GATE_H
#define TEE_GATE_H

#include "../common/passage.h"

#include <stdbool.h>

enum choice { CHOICE_ALLOW, CHOICE_EDIT, CHOICE_DENY, CHOICE_CANCEL };

/* A decision; `size` bytes follow. */
struct decision {
    uint64_t number; /* of the request; not for CHOICE_CANCEL */
    enum choice choice;
    size_t size; /* EDIT: of other arguments, JSON. DENY: of why. CANCEL: of the session's id */
};

enum verdict {
    VERDICT_TAKEN,
    VERDICT_STALE,   /* it is not asked any more */
    VERDICT_BUSY,    /* the editor is in the middle of a line: try again */
    VERDICT_NO_WORD, /* the protocol, or the options that the agent offers, have no word for it */
    VERDICT_NO_MEMORY,
    VERDICT_ENDED /* nothing goes one of the ways any more */
};

/* What the copy is told of requests; it comes before the last bytes of the line that asks. */
struct request_note {
    uint64_t number;  /* from 1 */
    bool is_settled;  /* by the editor or the agent; else it is asked, and two texts follow: */
    bool takes_words; /* who denies can say why */
    size_t id_size;   /* the request's id, JSON, */
    size_t call_size; /* and the call's; 0: not told */
};

struct gate;

/* Takes copies: pieces of at most GATE_PIECE bytes of what passes each way, and notes as GATE_NOTES. */
typedef void (*gate_copy)(void *user, int way, const char *data, size_t size);

enum { GATE_NOTES = 2, GATE_PIECE = 64 * 1024, MAX_DECISION = 1024 * 1024 + 4096 };

/* `socket`: decisions come, verdicts go. */
struct gate *gate_open(int socket, gate_copy copy, void *user);

/* All but `copy`, for passage_run(). */
struct passage_hooks gate_hooks(struct gate *gate);

/* Nobody decides any more. */
void gate_close(struct gate *gate);

#endif
