/* SPDX-License-Identifier: MIT OR Unlicense */
#include "approval.h"

#include "diff.h"
#include "files.h"

#include <stdio.h>
#include <string.h>

enum { ROW_MARGIN = 4, LEAST_COLUMNS = 20, FEW_ROWS = 8, LONGEST_ANSWERS = 90 };

struct writer {
    asm_buffer *out;
    const asm_terminal *terminal;
    unsigned flags;
    size_t rows;
};

/* ---- Rows: each begins with a mark of ours, and is narrower than the terminal ---- */

static void begin_row(struct writer *writer, bool goes_on, const char *color) {
    const char *mark = writer->flags & ASM_TEXT_ASCII ? (goes_on ? "  : " : "  | ")
                       : goes_on                      ? "  \xE2\x94\x86 "
                                                      : "  \xE2\x94\x82 ";
    asm_buffer_append(writer->out, asm_str_from(mark));
    if (writer->terminal->has_color) asm_buffer_append(writer->out, asm_str_from(color));
    writer->rows++;
}

static void end_row(struct writer *writer, const char *color) {
    if (writer->terminal->has_color && *color) asm_buffer_append(writer->out, ASM_STR("\x1b[0m"));
    asm_buffer_append_byte(writer->out, '\n');
}

/* One line, which has been made harmless, in as many rows as it takes. What is not ASCII may take two columns. */
static void write_line(struct writer *writer, asm_str line, const char *color) {
    const int wide = writer->terminal->columns - ROW_MARGIN - 1;
    const size_t columns = wide < LEAST_COLUMNS ? LEAST_COLUMNS : (size_t)wide;
    size_t begin = 0, used = 0;
    begin_row(writer, false, color);
    for (size_t at = 0; at < line.size; at++) {
        const unsigned char byte = (unsigned char)line.data[at];
        if ((byte & 0xC0) == 0x80) continue; /* within a character */
        const size_t width = byte == '\t' ? 8 : byte < 0x80 ? 1 : 2;
        if (used + width > columns) {
            asm_buffer_append(writer->out, asm_str_make(line.data + begin, at - begin));
            end_row(writer, color);
            begin_row(writer, true, color);
            begin = at;
            used = 0;
        }
        used += width;
    }
    asm_buffer_append(writer->out, asm_str_make(line.data + begin, line.size - begin));
    end_row(writer, color);
}

static const char *color_of(asm_str line, bool is_diff) {
    if (!is_diff || line.size == 0) return "";
    return line.data[0] == '+'   ? "\x1b[32m"
           : line.data[0] == '-' ? "\x1b[31m"
           : line.data[0] == '@' ? "\x1b[2m"
                                 : "";
}

/* A text of any lines, from a model. */
static void write_text(struct writer *writer, asm_str text, bool is_diff) {
    asm_buffer harmless;
    asm_buffer_init_growing(&harmless);
    do {
        const char *end = text.size ? (const char *)memchr(text.data, '\n', text.size) : NULL;
        const asm_str line = asm_str_make(text.data, end ? (size_t)(end - text.data) : text.size);
        asm_buffer_clear(&harmless);
        asm_text_append(&harmless, line, writer->flags);
        if (harmless.result != ASM_OK) writer->out->result = harmless.result;
        write_line(writer, asm_buffer_text(&harmless), color_of(line, is_diff));
        text = end ? asm_str_make(end + 1, text.size - line.size - 1) : asm_str_make(NULL, 0);
    } while (text.size > 0);
    asm_buffer_close(&harmless);
}

static void write_heading(struct writer *writer, const char *text) {
    const bool is_bold = writer->terminal->has_color;
    asm_buffer_append(writer->out, asm_str_from(is_bold ? "\x1b[1m" : ""));
    asm_buffer_append(writer->out, writer->flags & ASM_TEXT_ASCII ? ASM_STR("* ") : ASM_STR("\xE2\x97\x8F "));
    asm_buffer_append(writer->out, asm_str_from(text));
    asm_buffer_append(writer->out, asm_str_from(is_bold ? "\x1b[0m\n" : "\n"));
}

/* ---- What would be done ---- */

/* The members of the arguments, but for one that is shown in a way of its own. */
static void write_members(struct writer *writer, asm_str arguments, asm_str shown) {
    asm_json_reader reader;
    asm_buffer scratch, row;
    asm_str key, value;
    asm_buffer_init_growing(&scratch);
    asm_buffer_init_growing(&row);
    asm_json_reader_init(&reader, arguments, &scratch);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key)) {
        asm_buffer_clear(&row);
        asm_buffer_append(&row, key);
        asm_buffer_append(&row, ASM_STR(": "));
        const bool is_shown = asm_str_equal(key, shown);
        if (!asm_json_read_raw(&reader, &value)) break;
        asm_buffer_append(&row, value);
        if (!is_shown) write_text(writer, asm_buffer_text(&row), false);
        asm_buffer_clear(&scratch);
    }
    asm_buffer_close(&scratch);
    asm_buffer_close(&row);
}

static void write_change(struct writer *writer, const struct workspace *workspace,
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
        write_heading(writer, change.is_new ? "Make this file?" : "Change this file?");
        write_text(writer, change.path, false);
        write_text(writer,
                   size.added + size.removed ? asm_buffer_text(&difference) : ASM_STR("(no difference)"),
                   true);
    } else {
        writer->out->result = result;
    }
    file_change_close(&change);
    asm_buffer_close(&difference);
}

static void write_command(struct writer *writer, const asm_action_request *request) {
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    write_heading(writer, "Run this command?");
    write_text(writer, argument_text(request->arguments, "command", &scratch), false);
    write_members(writer, request->arguments, ASM_STR("command"));
    asm_buffer_close(&scratch);
}

static void write_call(struct writer *writer, const asm_action_request *request) {
    write_heading(writer, "Call this tool?");
    write_text(writer, request->tool_name, false);
    write_members(writer, request->arguments, ASM_STR(""));
}

/* What can be answered, in one line where that fits. */
static void write_answers(struct writer *writer, const char *always, const char *edit) {
    char text[128];
    const char *between = writer->terminal->columns > LONGEST_ANSWERS ? ", " : "\n  ";
    snprintf(text, sizeof text, "  y = yes%s%s%s", always ? ", a = always (" : "", always ? always : "",
             always ? ")" : "");
    asm_buffer_append(writer->out, asm_str_from(text));
    asm_buffer_append(writer->out, asm_str_from(between));
    asm_buffer_append(writer->out, asm_str_from(edit));
    asm_buffer_append(writer->out, ASM_STR(", n WHY = no\n? "));
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
    struct writer writer = {out, terminal,
                            ASM_TEXT_LINE | (terminal->has_utf8 ? 0u : (unsigned)ASM_TEXT_ASCII), 0};
    char note[64];
    const bool is_change = changes_file(request->tool_name);
    if (is_change) write_change(&writer, workspace, request);
    else if (is_command(request)) write_command(&writer, request);
    else write_call(&writer, request);
    if (terminal->rows > FEW_ROWS && writer.rows > (size_t)(terminal->rows - FEW_ROWS)) {
        snprintf(note, sizeof note, "  these are %zu rows: look at all of them\n", writer.rows);
        asm_buffer_append(out, asm_str_from(note));
    }
    write_answers(&writer,
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
