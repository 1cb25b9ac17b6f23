/* SPDX-License-Identifier: MIT OR Unlicense */
#include "approval.h"

#include "../common/rows.h"
#include "diff.h"
#include "files.h"

#include <stdio.h>
#include <string.h>

enum { FEW_ROWS = 8, LONGEST_ANSWERS = 90 };

/* ---- What would be done ---- */

static void write_change(struct rows *rows, const struct workspace *workspace,
                         const asm_action_request *request) {
    struct file_change change;
    struct diff_size size;
    asm_buffer difference;
    asm_buffer_init_growing(&difference);
    const bool is_possible =
        file_change_read(&change, &workspace->folder, request->tool_name, request->arguments, &difference);
    asm_result result = is_possible ? ASM_OK : ASM_ERR_INVALID_ARGUMENT;
    if (is_possible)
        result =
            diff_append(&difference, asm_buffer_text(&change.before), asm_buffer_text(&change.after), &size);
    if (result == ASM_OK) {
        rows_heading(rows, change.is_new ? "Make this file?" : "Change this file?");
        rows_text(rows, change.path, false);
        rows_text(rows, size.added + size.removed ? asm_buffer_text(&difference) : ASM_STR("(no difference)"),
                  true);
    } else {
        rows->out->result = result;
    }
    file_change_close(&change);
    asm_buffer_close(&difference);
}

static void write_command(struct rows *rows, const asm_action_request *request) {
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    rows_heading(rows, "Run this command?");
    rows_text(rows, argument_text(request->arguments, "command", &scratch), false);
    rows_members(rows, request->arguments, ASM_STR("command"));
    asm_buffer_close(&scratch);
}

static void write_call(struct rows *rows, const asm_action_request *request) {
    rows_heading(rows, "Call this tool?");
    rows_text(rows, request->tool_name, false);
    rows_members(rows, request->arguments, ASM_STR(""));
}

/* What can be answered, in one line where that fits. */
static void write_answers(struct rows *rows, const char *always, const char *edit) {
    char text[128];
    const char *between = rows->terminal->columns > LONGEST_ANSWERS ? ", " : "\n  ";
    snprintf(text, sizeof text, "  y = yes%s%s%s", always ? ", a = always (" : "", always ? always : "",
             always ? ")" : "");
    asm_buffer_append(rows->out, asm_str_from(text));
    asm_buffer_append(rows->out, asm_str_from(between));
    asm_buffer_append(rows->out, asm_str_from(edit));
    asm_buffer_append(rows->out, ASM_STR(", n WHY = no\n? "));
}

static bool is_command(const asm_action_request *request) {
    return asm_str_equal(request->tool_name, ASM_STR("run_command"));
}

enum approval approval_check(const struct workspace *workspace, const asm_action_request *request,
                             asm_buffer *why) {
    struct file_change change;
    if (!workspace_asks(workspace, request->tool_name, request->arguments)) return APPROVAL_GIVEN;
    if (!changes_file(request->tool_name)) return APPROVAL_OPEN;
    const bool is_possible =
        file_change_read(&change, &workspace->folder, request->tool_name, request->arguments, why);
    file_change_close(&change);
    return is_possible ? APPROVAL_OPEN : APPROVAL_IMPOSSIBLE;
}

asm_result approval_append(asm_buffer *out, const struct workspace *workspace,
                           const asm_action_request *request, const asm_terminal *terminal) {
    struct rows rows = rows_begin(out, terminal);
    char note[64];
    const bool is_change = changes_file(request->tool_name);
    if (is_change) write_change(&rows, workspace, request);
    else if (is_command(request)) write_command(&rows, request);
    else write_call(&rows, request);
    if (terminal->rows > FEW_ROWS && rows.count > (size_t)(terminal->rows - FEW_ROWS)) {
        snprintf(note, sizeof note, "  these are %zu rows: look at all of them\n", rows.count);
        asm_buffer_append(out, asm_str_from(note));
    }
    write_answers(&rows,
                  is_change             ? "all changes of files"
                  : is_command(request) ? "this very command"
                                        : NULL,
                  is_command(request) ? "e COMMAND = this one instead" : "e {JSON} = with these arguments");
    return out->result;
}

/* ---- Answers ---- */

static asm_str trim(asm_str text) {
    while (text.size && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = asm_str_make(text.data + 1, text.size - 1);
    while (text.size && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Other arguments: a command, with what else the call had; or an object. */
static bool read_edit(asm_str rest, const asm_action_request *request, asm_decision *decision,
                      asm_buffer *texts) {
    const asm_str key = ASM_STR("timeout_seconds");
    asm_str seconds = {NULL, 0};
    asm_json_writer writer;
    if (!is_command(request)) {
        decision->arguments = rest;
        return asm_json_check(rest, NULL) == ASM_OK && asm_json_type_of(rest) == ASM_JSON_OBJECT;
    }
    if (rest.size == 0) return false;
    (void)asm_json_find(request->arguments, &key, &seconds, 1, NULL);
    asm_json_writer_init(&writer, texts);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("command"));
    asm_json_write_string(&writer, rest);
    if (seconds.data) {
        asm_json_write_key(&writer, key);
        asm_json_write_raw(&writer, seconds);
    }
    asm_json_end_object(&writer);
    const asm_result result = asm_json_writer_finish(&writer);
    decision->arguments = asm_buffer_text(texts);
    return result == ASM_OK;
}

bool approval_read(asm_str answer, const asm_action_request *request, asm_decision *decision, bool *is_always,
                   asm_buffer *texts) {
    const asm_str text = trim(answer);
    const char letter = text.size ? text.data[0] : '\0';
    const bool is_word = text.size == 1 || text.data[1] == ' ';
    const asm_str rest =
        text.size > 1 ? trim(asm_str_make(text.data + 1, text.size - 1)) : asm_str_make(NULL, 0);
    memset(decision, 0, sizeof *decision);
    decision->tool_call_id = request->tool_call_id;
    *is_always = letter == 'a';
    if (letter == '\0' || !is_word) return false;
    if ((letter == 'y' || letter == 'a') && rest.size == 0) {
        decision->kind = ASM_DECISION_APPROVE;
        return true;
    }
    if (letter == 'n') {
        decision->kind = ASM_DECISION_REJECT;
        decision->message = rest;
        return true;
    }
    decision->kind = ASM_DECISION_EDIT;
    return letter == 'e' && read_edit(rest, request, decision, texts);
}
