/* SPDX-License-Identifier: MIT OR Unlicense */
/* What a person is asked about, on a terminal: rows that begin with a mark of ours and are narrower than the terminal, so
 * that nothing in them looks like anything of ours. */
#ifndef TOOLS_ROWS_H
#define TOOLS_ROWS_H

#include "asm_render.h"

struct rows {
    asm_buffer *out;
    const asm_terminal *terminal;
    unsigned flags; /* for asm_text_append() */
    size_t count;   /* of rows so far */
};

/* Rows that are appended to `out`; both must live as long as they. */
struct rows rows_begin(asm_buffer *out, const asm_terminal *terminal);

/* A line of ours, which no text from elsewhere can look like: it has no mark. `text` is ours, too. */
void rows_heading(struct rows *rows, const char *text);

/* A text of any lines from anywhere, all of it, made harmless; `is_diff` colors its lines as those of a diff. */
void rows_text(struct rows *rows, asm_str text, bool is_diff);

/* The members of the JSON object, but for the one named `shown`. */
void rows_members(struct rows *rows, asm_str object, asm_str shown);

#endif
