/* SPDX-License-Identifier: MIT OR Unlicense */
#include "diff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 3, MOST_SAME = 2 * CONTEXT, MOST_CELLS = 4 * 1000 * 1000 };

struct lines {
    asm_str *lines;
    size_t count;
};

/* One line of what is printed: ' ', '-' or '+'. */
struct change {
    char mark;
    size_t before, after; /* which line it is in both texts, from 0 */
};

struct changes {
    struct change *items;
    size_t count;
};

static size_t count_lines(asm_str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count + (text.size > 0 && text.data[text.size - 1] != '\n');
}

/* Lines with their LF, so that a missing one at the end is a difference. */
static bool split(asm_str text, struct lines *lines) {
    const size_t room = count_lines(text) + 1;
    lines->count = 0;
    lines->lines = (asm_str *)calloc(room, sizeof *lines->lines);
    if (!lines->lines) return false;
    for (size_t at = 0; at < text.size;) {
        const char *end = (const char *)memchr(text.data + at, '\n', text.size - at);
        const size_t size = end ? (size_t)(end - text.data) + 1 - at : text.size - at;
        lines->lines[lines->count++] = asm_str_make(text.data + at, size);
        at += size;
    }
    return true;
}

static void add(struct changes *changes, char mark, size_t before, size_t after) {
    const struct change change = {mark, before, after};
    changes->items[changes->count++] = change;
}

/* The parts of both texts that differ: a and b lines from `from` on. */
static void add_all(struct changes *changes, size_t from, size_t a, size_t b) {
    for (size_t i = 0; i < a; i++)
        add(changes, '-', from + i, from);
    for (size_t j = 0; j < b; j++)
        add(changes, '+', from + a, from + j);
}

/* The parts of both texts that differ, less the lines that they have in common, by the longest common subsequence: `length`
 * has a cell for each pair of lines, (a + 1) * (b + 1), filled from the end. */
static void add_differences(struct changes *changes, const asm_str *before, const asm_str *after, size_t from,
                            size_t a, size_t b, uint16_t *length) {
    const size_t width = b + 1;
    for (size_t i = a; i-- > 0;) {
        for (size_t j = b; j-- > 0;) {
            const uint16_t down = length[(i + 1) * width + j], right = length[i * width + j + 1];
            length[i * width + j] = asm_str_equal(before[from + i], after[from + j])
                                        ? (uint16_t)(length[(i + 1) * width + j + 1] + 1)
                                    : down > right ? down
                                                   : right;
        }
    }
    size_t i = 0, j = 0;
    while (i < a || j < b) {
        if (i < a && j < b && asm_str_equal(before[from + i], after[from + j])) {
            add(changes, ' ', from + i, from + j);
            i++, j++;
        } else if (i < a && (j == b || length[(i + 1) * width + j] >= length[i * width + j + 1])) {
            add(changes, '-', from + i++, from + j);
        } else {
            add(changes, '+', from + i, from + j++);
        }
    }
}

static void compare(struct changes *changes, const struct lines *before, const struct lines *after) {
    size_t same = 0, tail = 0;
    const size_t least = before->count < after->count ? before->count : after->count;
    while (same < least && asm_str_equal(before->lines[same], after->lines[same]))
        same++;
    while (tail < least - same &&
           asm_str_equal(before->lines[before->count - 1 - tail], after->lines[after->count - 1 - tail]))
        tail++;
    const size_t a = before->count - same - tail, b = after->count - same - tail;
    for (size_t i = 0; i < same; i++)
        add(changes, ' ', i, i);
    uint16_t *length = a < UINT16_MAX && b < UINT16_MAX && (a + 1) * (b + 1) <= MOST_CELLS
                           ? (uint16_t *)calloc((a + 1) * (b + 1), sizeof *length)
                           : NULL;
    if (length) add_differences(changes, before->lines, after->lines, same, a, b, length);
    else add_all(changes, same, a, b);
    free(length);
    for (size_t i = 0; i < tail; i++)
        add(changes, ' ', same + a + i, same + b + i);
}

/* ---- Printing ---- */

static void print_line(asm_buffer *out, char mark, asm_str line) {
    asm_buffer_append_byte(out, mark);
    asm_buffer_append(out, line);
    if (line.size == 0 || line.data[line.size - 1] != '\n')
        asm_buffer_append(out, ASM_STR("\n\\ No newline at end of file\n"));
}

/* Where a hunk of changes begins and ends that has the change at `at`. */
static size_t end_of_hunk(const struct changes *changes, size_t at) {
    size_t end = at, same = 0;
    while (at < changes->count && same <= MOST_SAME) {
        same = changes->items[at].mark == ' ' ? same + 1 : 0;
        at++;
        if (same <= CONTEXT) end = at;
    }
    return end;
}

static struct diff_size print_hunk(asm_buffer *out, const struct change *items, size_t count,
                                   const struct lines *before, const struct lines *after) {
    char head[96];
    struct diff_size size = {0, 0};
    for (size_t i = 0; i < count; i++) {
        size.added += items[i].mark == '+';
        size.removed += items[i].mark == '-';
    }
    const size_t old_count = count - size.added, new_count = count - size.removed;
    snprintf(head, sizeof head, "@@ -%zu,%zu +%zu,%zu @@\n", items[0].before + (old_count > 0), old_count,
             items[0].after + (new_count > 0), new_count);
    asm_buffer_append(out, asm_str_from(head));
    for (size_t i = 0; i < count; i++)
        print_line(out, items[i].mark,
                   items[i].mark == '+' ? after->lines[items[i].after] : before->lines[items[i].before]);
    return size;
}

static struct diff_size print(asm_buffer *out, const struct changes *changes, const struct lines *before,
                              const struct lines *after) {
    struct diff_size all = {0, 0};
    for (size_t at = 0; at < changes->count; at++) {
        if (changes->items[at].mark == ' ') continue;
        const size_t begin = at > CONTEXT ? at - CONTEXT : 0, end = end_of_hunk(changes, at);
        const struct diff_size size = print_hunk(out, changes->items + begin, end - begin, before, after);
        all.added += size.added;
        all.removed += size.removed;
        at = end;
    }
    return all;
}

asm_result diff_append(asm_buffer *out, asm_str before, asm_str after, struct diff_size *size) {
    struct diff_size lines = {0, 0};
    struct lines a = {NULL, 0}, b = {NULL, 0};
    struct changes changes = {NULL, 0};
    if (split(before, &a) && split(after, &b))
        changes.items = (struct change *)malloc((a.count + b.count + 1) * sizeof *changes.items);
    if (changes.items) {
        compare(&changes, &a, &b);
        lines = print(out, &changes, &a, &b);
    }
    if (size) *size = lines;
    const asm_result result = changes.items ? out->result : ASM_ERR_NO_MEMORY;
    free(changes.items);
    free(a.lines);
    free(b.lines);
    return result;
}
