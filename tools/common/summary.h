/* SPDX-License-Identifier: MIT OR Unlicense */
/* What came of a session, for a page of a CI or a person in a hurry. */
#ifndef TOOLS_SUMMARY_H
#define TOOLS_SUMMARY_H

#include "statistics.h"
#include "watch.h"

enum { SUMMARY_TEXT, SUMMARY_MARKDOWN, SUMMARY_JSON };

/* For an option: text, markdown, json. */
const char *summary_choice(int index);

/* A file that was changed. */
struct changed_file {
    struct row row;
    char kind[16]; /* add, update, delete, move; the last one told */
    int64_t added, removed;
    bool has_lines; /* whether all of its changes told their lines */
};

/* A call that failed or was not allowed. */
struct failed_call {
    struct row row; /* by number */
    bool was_declined;
    char what[WATCHED_TEXT], reason[WATCHED_TEXT];
};

/* Zero-initialise it. */
struct summary {
    struct table files, failures;
    uint64_t runs;
    char outcome[WATCHED_TEXT];       /* of the last run: "completed (end_turn)"; "" while there is none */
    asm_buffer message, last_message; /* what the agent said last */
    bool is_set_up;
};

void summary_event(struct summary *summary, const asm_event *event);

/* Appends it; `name` is the input's. Names and texts are made harmless by `flags`, for asm_text_append(). */
void summary_print(const struct summary *summary, int format, const char *name, const struct watch *watch,
                   const struct statistics *statistics, unsigned flags, asm_buffer *out);

void summary_free(struct summary *summary);

#endif
