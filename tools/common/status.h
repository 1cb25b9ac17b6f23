/* SPDX-License-Identifier: MIT OR Unlicense */
/* How a session stands, in one line. */
#ifndef TOOLS_STATUS_H
#define TOOLS_STATUS_H

#include "statistics.h"
#include "watch.h"

/* Appends the line without a LF, as `format` has it: {state}, {what} (runs, or waits for), {since}, {todo}, {tokens},
 * {cost}, {title}, {cwd}, {model} and {session} are replaced, {…} of which nothing is known by nothing, and what stands
 * before it in the same pair of brackets with it: "[ todo {todo}]". NULL: what people want to see.
 * `now` is Unix time in microseconds. Text is made harmless by `flags`, for asm_text_append(). */
void status_print(const char *format, const struct watch *watch, const struct spending *spending,
                  asm_time now, unsigned flags, asm_buffer *out);

/* What runs, what a person is waited for, or why it failed; "" if nothing is known. */
void status_what(const struct watch *watch, char *text, size_t size);

/* Since when that is so; 0 if it is not known. */
asm_time status_since(const struct watch *watch);

/* "1m 12s": how long that is. */
const char *duration_in_words(asm_time microseconds, char *text, size_t size);

/* "48.2k": a count that need not be exact. */
const char *count_in_words(int64_t count, char *text, size_t size);

#endif
