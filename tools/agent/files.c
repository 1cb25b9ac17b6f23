/* SPDX-License-Identifier: MIT OR Unlicense */
#include "files.h"

#include "diff.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    READ_LINES = 2000,            /* that are read unless more is asked for */
    READ_BYTES = 200 * 1024,      /* of what is read at once */
    FILE_BYTES = 16 * 1024 * 1024 /* of a file that can be read or changed */
};

/* ---- Arguments ---- */

static asm_str find_argument(asm_str arguments, const char *name) {
    const asm_str key = asm_str_from(name);
    asm_str raw = {NULL, 0};
    (void)asm_json_find(arguments, &key, &raw, 1, NULL);
    return raw;
}

asm_str argument_text(asm_str arguments, const char *name, asm_buffer *scratch) {
    asm_str text = {NULL, 0};
    const asm_str raw = find_argument(arguments, name);
    if (!raw.data || !asm_json_to_string(raw, scratch, &text)) return asm_str_make(NULL, 0);
    return text;
}

int64_t argument_number(asm_str arguments, const char *name, int64_t otherwise) {
    int64_t number;
    const asm_str raw = find_argument(arguments, name);
    return raw.data && asm_json_to_int64(raw, &number) ? number : otherwise;
}

bool argument_is_true(asm_str arguments, const char *name) {
    bool value = false;
    const asm_str raw = find_argument(arguments, name);
    return raw.data && asm_json_to_bool(raw, &value) && value;
}

/* ---- Reading ---- */

static size_t line_start(asm_str text, int64_t line) {
    size_t at = 0;
    for (; line > 1 && at < text.size; line--) {
        const char *end = (const char *)memchr(text.data + at, '\n', text.size - at);
        at = end ? (size_t)(end - text.data) + 1 : text.size;
    }
    return at;
}

/* Appends lines of a text, and says what is left. */
static void append_lines(asm_buffer *out, asm_str text, int64_t first, int64_t count) {
    char note[96];
    const size_t begin = line_start(text, first);
    asm_str rest = asm_str_make(text.data + begin, text.size - begin);
    size_t size = line_start(rest, count + 1);
    if (size > READ_BYTES) size = asm_utf8_prefix(asm_str_make(rest.data, READ_BYTES), READ_BYTES).size;
    asm_buffer_append(out, asm_str_make(rest.data, size));
    if (size == rest.size) return;
    long long shown = first;
    for (size_t i = 0; i < size; i++)
        shown += rest.data[i] == '\n';
    snprintf(note, sizeof note, "\n[there is more: go on with offset %lld]\n", shown);
    asm_buffer_append(out, asm_str_from(note));
}

static void fail(const asm_llm_call *call, asm_str path, const char *why) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, path);
    asm_buffer_append_byte(&text, ' ');
    asm_buffer_append(&text, asm_str_from(why));
    asm_llm_call_fail(call, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

void files_read(const struct folder *folder, const asm_llm_call *call) {
    asm_buffer scratch, text, out;
    asm_buffer_init_growing(&scratch);
    asm_buffer_init_growing(&text);
    asm_buffer_init_growing(&out);
    const asm_str path = argument_text(call->arguments, "path", &scratch);
    int64_t first = argument_number(call->arguments, "offset", 1);
    int64_t count = argument_number(call->arguments, "limit", READ_LINES);
    const char *error = folder_read_file(folder, path, FILE_BYTES, &text, NULL);
    if (first < 1) first = 1;
    if (count < 1) count = READ_LINES;
    if (!error && text.size && memchr(text.data, '\0', text.size)) error = "is a binary file";
    if (!error) append_lines(&out, asm_buffer_text(&text), first, count);
    if (error) fail(call, path, error);
    else asm_llm_call_complete(call, asm_buffer_text(&out));
    asm_buffer_close(&scratch);
    asm_buffer_close(&text);
    asm_buffer_close(&out);
}

/* ---- Changing ---- */

bool changes_file(asm_str tool_name) {
    return asm_str_equal(tool_name, ASM_STR("write_file")) || asm_str_equal(tool_name, ASM_STR("edit_file"));
}

/* Where `part` stands in `text` from `at` on; SIZE_MAX: nowhere. */
static size_t find(asm_str text, asm_str part, size_t at) {
    while (part.size <= text.size && at <= text.size - part.size) {
        const char *found =
            (const char *)memchr(text.data + at, part.data[0], text.size - part.size - at + 1);
        if (!found) return SIZE_MAX;
        if (memcmp(found, part.data, part.size) == 0) return (size_t)(found - text.data);
        at = (size_t)(found - text.data) + 1;
    }
    return SIZE_MAX;
}

/* Replaces `old` by `fresh`: once, or everywhere. Returns NULL, or why not. */
static const char *replace(struct file_change *change, asm_str old, asm_str fresh, bool everywhere) {
    const asm_str text = asm_buffer_text(&change->before);
    if (old.size == 0) return "is not changed: old_string is empty";
    size_t at = find(text, old, 0), done = 0;
    if (at == SIZE_MAX) return "is not changed: old_string does not stand in it";
    if (!everywhere && find(text, old, at + 1) != SIZE_MAX)
        return "is not changed: old_string stands in it more than once; give more of what is around it, or "
               "replace_all";
    while (at != SIZE_MAX) {
        asm_buffer_append(&change->after, asm_str_make(text.data + done, at - done));
        asm_buffer_append(&change->after, fresh);
        done = at + old.size;
        at = everywhere ? find(text, old, done) : SIZE_MAX;
    }
    asm_buffer_append(&change->after, asm_str_make(text.data + done, text.size - done));
    return change->after.result == ASM_OK ? NULL : asm_result_string(change->after.result);
}

static const char *find_out(struct file_change *change, const struct folder *folder, asm_str tool_name,
                            asm_str arguments) {
    const bool is_edit = asm_str_equal(tool_name, ASM_STR("edit_file"));
    const char *fresh_name = is_edit ? "new_string" : "content";
    change->path = argument_text(arguments, "path", &change->texts);
    const asm_str fresh = argument_text(arguments, fresh_name, &change->texts);
    if (!change->path.size || !fresh.data) return "cannot be changed: an argument is missing";
    const char *error = folder_read_file(folder, change->path, FILE_BYTES + 1, &change->before, NULL);
    if (!error && change->before.size > FILE_BYTES) return "is too large";
    if (is_edit) {
        const asm_str old = argument_text(arguments, "old_string", &change->texts);
        return error ? error : replace(change, old, fresh, argument_is_true(arguments, "replace_all"));
    }
    change->is_new = error && strcmp(error, strerror(ENOENT)) == 0;
    if (error && !change->is_new) return error;
    asm_buffer_append(&change->after, fresh);
    return change->after.result == ASM_OK ? NULL : asm_result_string(change->after.result);
}

bool file_change_read(struct file_change *change, const struct folder *folder, asm_str tool_name,
                      asm_str arguments, asm_buffer *why) {
    memset(change, 0, sizeof *change);
    asm_buffer_init_growing(&change->texts);
    asm_buffer_init_growing(&change->before);
    asm_buffer_init_growing(&change->after);
    /* The views must stay where they are. */
    if (asm_buffer_reserve(&change->texts, 4 * arguments.size + 64) != ASM_OK) {
        asm_buffer_append(why, asm_str_from(asm_result_string(ASM_ERR_NO_MEMORY)));
        return false;
    }
    const char *error = find_out(change, folder, tool_name, arguments);
    if (!error) return true;
    asm_buffer_append(why, change->path);
    asm_buffer_append_byte(why, ' ');
    asm_buffer_append(why, asm_str_from(error));
    return false;
}

void file_change_close(struct file_change *change) {
    asm_buffer_close(&change->texts);
    asm_buffer_close(&change->before);
    asm_buffer_close(&change->after);
}

/* [{"path":…,"kind":"update","added":3,"removed":2}] */
static void write_changes(asm_buffer *out, const struct file_change *change, struct diff_size size) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_array(&writer);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("path"));
    asm_json_write_string(&writer, change->path);
    asm_json_write_key(&writer, ASM_STR("kind"));
    asm_json_write_string(&writer, change->is_new ? ASM_STR("add") : ASM_STR("update"));
    asm_json_write_key(&writer, ASM_STR("added"));
    asm_json_write_uint64(&writer, size.added);
    asm_json_write_key(&writer, ASM_STR("removed"));
    asm_json_write_uint64(&writer, size.removed);
    asm_json_end_object(&writer);
    asm_json_end_array(&writer);
    asm_json_writer_finish(&writer);
}

/* Tells the model what it did. */
static void tell_change(const asm_llm_call *call, const struct file_change *change) {
    char text[96];
    struct diff_size size;
    asm_buffer difference, changes, output;
    asm_tool_payload result;
    memset(&result, 0, sizeof result);
    asm_buffer_init_growing(&difference);
    asm_buffer_init_growing(&changes);
    asm_buffer_init_growing(&output);
    diff_append(&difference, asm_buffer_text(&change->before), asm_buffer_text(&change->after), &size);
    write_changes(&changes, change, size);
    snprintf(text, sizeof text, "%s: %zu lines added, %zu removed", change->is_new ? "created" : "changed",
             size.added, size.removed);
    asm_buffer_append(&output, asm_str_from(text));
    result.output = asm_buffer_text(&output);
    result.changes = asm_buffer_text(&changes);
    asm_llm_call_finish(call, &result);
    asm_buffer_close(&difference);
    asm_buffer_close(&changes);
    asm_buffer_close(&output);
}

void files_change(const struct folder *folder, const asm_llm_call *call) {
    struct file_change change;
    asm_buffer why;
    asm_buffer_init_growing(&why);
    bool is_done = file_change_read(&change, folder, call->tool_name, call->arguments, &why);
    if (is_done) {
        const char *error = folder_write_file(folder, change.path, asm_buffer_text(&change.after));
        is_done = !error;
        if (error) {
            asm_buffer_append(&why, change.path);
            asm_buffer_append_byte(&why, ' ');
            asm_buffer_append(&why, asm_str_from(error));
        }
    }
    if (is_done) tell_change(call, &change);
    else asm_llm_call_fail(call, asm_buffer_text(&why));
    file_change_close(&change);
    asm_buffer_close(&why);
}
