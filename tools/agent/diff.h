/* SPDX-License-Identifier: MIT OR Unlicense */
/* What is different between two texts, line by line, as people and `patch` read it. */
#ifndef AGENT_DIFF_H
#define AGENT_DIFF_H

#include "asm_json.h"

struct diff_size {
    size_t added, removed; /* lines */
};

/* Appends the difference as hunks of a unified diff, with three lines around each change; nothing if there is none. Of
 * texts that are very long and differ everywhere all lines are removed and added. `size` may be NULL. ASM_ERR_NO_MEMORY. */
asm_result diff_append(asm_buffer *out, asm_str before, asm_str after, struct diff_size *size);

#endif
