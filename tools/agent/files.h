/* SPDX-License-Identifier: MIT OR Unlicense */
/* Tools that read and change files of a folder. */
#ifndef AGENT_FILES_H
#define AGENT_FILES_H

#include "asm_llm.h"
#include "folder.h"

/* What a call of write_file or edit_file would make of a file. */
struct file_change {
    asm_str path; /* a view into `texts`, as the model called it */
    bool is_new;  /* there is no such file yet */
    asm_buffer texts, before, after;
};

/* Finds out what would be changed, and touches nothing. Appends to `why` and returns false if it cannot be. `change` has to
 * be closed in any case. */
bool file_change_read(struct file_change *change, const struct folder *folder, asm_str tool_name,
                      asm_str arguments, asm_buffer *why);
void file_change_close(struct file_change *change);

/* Whether a tool of this name changes a file. */
bool changes_file(asm_str tool_name);

/* Run a call, and end it. */
void files_read(const struct folder *folder, const asm_llm_call *call);
void files_change(const struct folder *folder, const asm_llm_call *call);

/* Members of a call's arguments: a text is unescaped into `scratch`, absent if there is none; a number that is not there is
 * `otherwise`. */
asm_str argument_text(asm_str arguments, const char *name, asm_buffer *scratch);
int64_t argument_number(asm_str arguments, const char *name, int64_t otherwise);
bool argument_is_true(asm_str arguments, const char *name);

#endif
