/* SPDX-License-Identifier: MIT OR Unlicense */
#include "summary.h"

#include "asm_render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_MESSAGE = 64 * 1024 };

const char *summary_choice(int index) {
    static const char *const names[] = {"text", "markdown", "json", NULL};
    return names[index];
}

/* ---- Collecting ---- */

static void set_up(struct summary *summary) {
    if (summary->is_set_up) return;
    asm_buffer_init_growing(&summary->message);
    asm_buffer_init_growing(&summary->last_message);
    summary->is_set_up = true;
}

static void take_change(struct summary *summary, asm_str change) {
    static const asm_str keys[] = {ASM_STR_INIT("path"), ASM_STR_INIT("kind"), ASM_STR_INIT("added"),
                                   ASM_STR_INIT("removed")};
    asm_str values[4], path, kind;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    if (asm_json_find(change, keys, values, 4, NULL) == ASM_OK &&
        asm_buffer_reserve(&scratch, change.size) == ASM_OK &&
        asm_json_to_string(values[0], &scratch, &path)) {
        int64_t added = 0, removed = 0;
        const bool is_new = !table_look(&summary->files, path);
        struct changed_file *file =
            (struct changed_file *)table_find(&summary->files, sizeof(struct changed_file), path);
        const bool has_added = asm_json_to_int64(values[2], &added);
        const bool has_removed = asm_json_to_int64(values[3], &removed);
        file->has_lines = has_added && has_removed && (is_new || file->has_lines);
        file->added += added;
        file->removed += removed;
        if (asm_json_to_string(values[1], &scratch, &kind) && (is_new || strcmp(file->kind, "add") != 0))
            snprintf(file->kind, sizeof file->kind, "%.*s", (int)(kind.size < 15 ? kind.size : 15),
                     kind.data);
    }
    asm_buffer_close(&scratch);
}

static void take_changes(struct summary *summary, asm_str changes) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str change;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, changes, &scratch);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader))
        if (asm_json_read_raw(&reader, &change)) take_change(summary, change);
    asm_buffer_close(&scratch);
}

static void take_failure(struct summary *summary, const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    char number[24];
    const asm_str first = tool->error_message.size ? tool->error_message : tool->output;
    const char *line_end = first.size ? (const char *)memchr(first.data, '\n', first.size) : NULL;
    snprintf(number, sizeof number, "%zu", summary->failures.count);
    struct failed_call *call = (struct failed_call *)table_find(
        &summary->failures, sizeof(struct failed_call), asm_str_from(number));
    call->was_declined = asm_str_equal(tool->status, ASM_STR("declined"));
    name_call(call->what, tool->name, tool->display_text, tool->input);
    keep_text(call->reason,
              asm_str_make(first.data, line_end ? (size_t)(line_end - first.data) : first.size));
    if (!call->reason[0] && tool->exit_code.is_set)
        snprintf(call->reason, sizeof call->reason, "exit %" PRId64, tool->exit_code.value);
}

/* Text of the main agent: pieces of one message, until another begins. */
static void take_text(struct summary *summary, const asm_event *event) {
    const asm_message_payload *message = &event->message;
    const asm_str text = asm_event_text(event);
    if (message->thinking.value || message->parent_tool_call_id.size > 0 || text.size == 0) return;
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) {
        if (message->role.size > 0 && !asm_str_equal(message->role, ASM_STR("assistant"))) return;
        asm_buffer_clear(&summary->message);
        asm_buffer_clear(&summary->last_message);
        asm_buffer_append(&summary->last_message, text);
    } else if (summary->message.size < LONGEST_MESSAGE) {
        asm_buffer_append(&summary->message, text);
    }
}

/* What was streamed and never came whole is a message, too. */
static void end_text(struct summary *summary) {
    if (summary->message.size == 0) return;
    asm_buffer_clear(&summary->last_message);
    asm_buffer_append(&summary->last_message, asm_buffer_text(&summary->message));
    asm_buffer_clear(&summary->message);
}

static void take_outcome(struct summary *summary, const asm_event *event) {
    const asm_run_payload *run = &event->run;
    asm_str reason = event->type == ASM_EVENT_RUN_COMPLETED ? run->stop_reason : run->error_message;
    const char *word = event->type == ASM_EVENT_RUN_COMPLETED ? "completed"
                       : run_has_no_end(event)                ? "not ended"
                       : event->type == ASM_EVENT_RUN_FAILED  ? "failed"
                                                              : "cancelled";
    char text[2 * WATCHED_TEXT];
    if (reason.size == 0) reason = run->error_code;
    const int size = (int)(reason.size < WATCHED_TEXT ? reason.size : WATCHED_TEXT);
    snprintf(text, sizeof text, "%s%s%.*s%s", word, size ? " (" : "", size, size ? reason.data : "",
             size ? ")" : "");
    keep_text(summary->outcome, asm_str_from(text));
    summary->runs++;
    end_text(summary);
}

void summary_event(struct summary *summary, const asm_event *event) {
    set_up(summary);
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
        take_text(summary, event);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        end_text(summary);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        if (event->tool.changes.size > 0) take_changes(summary, event->tool.changes);
        if (tool_failed(event)) take_failure(summary, event);
        break;
    case ASM_EVENT_RUN_STARTED:
        summary->outcome[0] = 0;
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        take_outcome(summary, event);
        break;
    default:
        break;
    }
}

/* ---- For people ---- */

struct page {
    asm_buffer *out;
    unsigned flags;
    bool is_markdown;
    const struct summary *summary;
    const struct statistics *statistics;
};

static void literal(const struct page *page, const char *text) {
    asm_buffer_append(page->out, asm_str_from(text));
}

/* Text from elsewhere on one line. In Markdown it is code: nothing in it is a link, a picture or HTML. */
static void foreign(const struct page *page, asm_str text) {
    asm_buffer safe;
    if (!page->is_markdown) {
        asm_text_append(page->out, text, page->flags | ASM_TEXT_LINE);
        return;
    }
    asm_buffer_init_growing(&safe);
    asm_text_append(&safe, text, page->flags | ASM_TEXT_LINE);
    asm_buffer_append_byte(page->out, '`');
    for (size_t i = 0; i < safe.size; i++)
        asm_buffer_append_byte(page->out, safe.data[i] == '`' ? '\'' : safe.data[i]);
    asm_buffer_append_byte(page->out, '`');
    asm_buffer_close(&safe);
}

static void heading(const struct page *page, const char *text) {
    literal(page, page->is_markdown ? "\n### " : "\n");
    literal(page, text);
    literal(page, page->is_markdown ? "\n\n" : ":\n");
}

static void item(const struct page *page) {
    literal(page, page->is_markdown ? "- " : "  ");
}

static void print_outcome(const struct page *page, const struct watch *watch) {
    const char *outcome = page->summary->outcome[0] ? page->summary->outcome
                          : watch->run_is_open      ? "not ended"
                                                    : "no run";
    literal(page, page->is_markdown ? "**Outcome:** " : "Outcome: ");
    foreign(page, asm_str_from(outcome));
    literal(page, "\n");
}

static void print_line(const struct page *page, const char *label, const char *value) {
    literal(page, page->is_markdown ? "**" : "");
    literal(page, label);
    literal(page, page->is_markdown ? ":** " : ": ");
    literal(page, value);
    literal(page, "\n");
}

static void print_figures(const struct page *page) {
    const struct spending all = statistics_total(page->statistics);
    const double seconds = statistics_seconds(page->statistics);
    char text[200];
    if (page->is_markdown) literal(page, "\n");
    if (spending_in_words(&all, text, sizeof text)[0]) {
        print_line(page, "Used", text);
        if (page->is_markdown) literal(page, "\n");
    }
    if (seconds > 0) {
        snprintf(text, sizeof text, "%.1f s", seconds);
        print_line(page, "Duration", text);
    }
}

static void print_models(const struct page *page) {
    const struct table *models = &page->statistics->models;
    if (models->count == 0) return;
    heading(page, "Models");
    for (size_t i = 0; i < models->count; i++) {
        const struct tally *model = (const struct tally *)table_row(models, i);
        struct spending spending = model->spending;
        char text[200];
        add_spending(&spending, &model->messages);
        item(page);
        foreign(page, row_name(model));
        literal(page, ": ");
        literal(page, spending_in_words(&spending, text, sizeof text));
        literal(page, "\n");
    }
}

static void print_changes(const struct page *page) {
    const struct table *files = &page->summary->files;
    if (files->count == 0) return;
    heading(page, "Changed");
    for (size_t i = 0; i < files->count; i++) {
        const struct changed_file *file = (const struct changed_file *)table_row(files, i);
        char text[80];
        item(page);
        foreign(page, row_name(file));
        if (strcmp(file->kind, "update") != 0 && file->kind[0]) {
            literal(page, " ");
            foreign(page, asm_str_from(file->kind));
        }
        snprintf(text, sizeof text, " +%" PRId64 " -%" PRId64, file->added, file->removed);
        literal(page, file->has_lines ? text : "");
        literal(page, "\n");
    }
}

static void print_calls(const struct page *page, const char *title, bool declined) {
    const struct table *calls = &page->summary->failures;
    bool has_heading = false;
    for (size_t i = 0; i < calls->count; i++) {
        const struct failed_call *call = (const struct failed_call *)table_row(calls, i);
        if (call->was_declined != declined) continue;
        if (!has_heading) heading(page, title);
        has_heading = true;
        item(page);
        foreign(page, asm_str_from(call->what));
        if (call->reason[0]) {
            literal(page, " - ");
            foreign(page, asm_str_from(call->reason));
        }
        literal(page, "\n");
    }
}

/* The longest run of backticks, so that a fence can be longer. */
static size_t longest_fence(asm_str text) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < text.size; i++) {
        run = text.data[i] == '`' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return longest;
}

static void print_last_words(const struct page *page) {
    const asm_str text = page->summary->message.size ? asm_buffer_text(&page->summary->message)
                                                     : asm_buffer_text(&page->summary->last_message);
    asm_buffer safe;
    if (text.size == 0) return;
    heading(page, "Said last");
    asm_buffer_init_growing(&safe);
    asm_text_append(&safe, text, page->flags & ~(unsigned)ASM_TEXT_LINE);
    const size_t fence = longest_fence(asm_buffer_text(&safe)) + 1;
    for (size_t i = 0; page->is_markdown && i < (fence < 3 ? 3 : fence); i++)
        asm_buffer_append_byte(page->out, '`');
    literal(page, page->is_markdown ? "text\n" : "  ");
    for (size_t i = 0; i < safe.size; i++) {
        asm_buffer_append_byte(page->out, safe.data[i]);
        if (safe.data[i] == '\n' && !page->is_markdown && i + 1 < safe.size) literal(page, "  ");
    }
    if (safe.data[safe.size - 1] != '\n') literal(page, "\n");
    for (size_t i = 0; page->is_markdown && i < (fence < 3 ? 3 : fence); i++)
        asm_buffer_append_byte(page->out, '`');
    if (page->is_markdown) literal(page, "\n");
    asm_buffer_close(&safe);
}

static void print_page(const struct page *page, const char *name, const struct watch *watch) {
    const char *title = watch->title[0] ? watch->title : name;
    literal(page, page->is_markdown ? "## " : "");
    foreign(page, asm_str_from(title));
    literal(page, page->is_markdown ? "\n\n" : "\n");
    print_outcome(page, watch);
    print_figures(page);
    print_models(page);
    print_changes(page);
    print_calls(page, "Failed calls", false);
    print_calls(page, "Calls not allowed", true);
    print_last_words(page);
}

/* ---- JSON ---- */

static void write_text(asm_json_writer *writer, const char *key, const char *text) {
    if (!text[0]) return;
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, asm_str_from(text));
}

static void write_changes(asm_json_writer *writer, const struct table *files) {
    asm_json_write_key(writer, ASM_STR("changes"));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < files->count; i++) {
        const struct changed_file *file = (const struct changed_file *)table_row(files, i);
        asm_json_begin_object(writer);
        asm_json_write_key(writer, ASM_STR("path"));
        asm_json_write_string(writer, row_name(file));
        write_text(writer, "kind", file->kind);
        if (file->has_lines) {
            asm_json_write_key(writer, ASM_STR("added"));
            asm_json_write_int64(writer, file->added);
            asm_json_write_key(writer, ASM_STR("removed"));
            asm_json_write_int64(writer, file->removed);
        }
        asm_json_end_object(writer);
    }
    asm_json_end_array(writer);
}

static void write_calls(asm_json_writer *writer, const char *key, const struct table *calls, bool declined) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < calls->count; i++) {
        const struct failed_call *call = (const struct failed_call *)table_row(calls, i);
        if (call->was_declined != declined) continue;
        asm_json_begin_object(writer);
        write_text(writer, "call", call->what);
        write_text(writer, "reason", call->reason);
        asm_json_end_object(writer);
    }
    asm_json_end_array(writer);
}

static void write_json(const struct summary *summary, const char *name, const struct watch *watch,
                       const struct statistics *statistics, asm_buffer *out) {
    const struct spending all = statistics_total(statistics);
    const double seconds = statistics_seconds(statistics);
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    write_text(&writer, "file", name);
    write_text(&writer, "session_id", watch->session);
    write_text(&writer, "title", watch->title);
    write_text(&writer, "cwd", watch->directory);
    write_text(&writer, "state", state_name(watch_state(watch)));
    write_text(&writer, "outcome", summary->outcome);
    asm_json_write_key(&writer, ASM_STR("runs"));
    asm_json_write_uint64(&writer, summary->runs);
    asm_json_write_key(&writer, ASM_STR("usage"));
    asm_json_begin_object(&writer);
    write_spending(&writer, &all);
    asm_json_end_object(&writer);
    statistics_write_models(statistics, &writer);
    if (seconds > 0) {
        asm_json_write_key(&writer, ASM_STR("duration_s"));
        asm_json_write_double(&writer, seconds);
    }
    write_changes(&writer, &summary->files);
    write_calls(&writer, "failed_calls", &summary->failures, false);
    write_calls(&writer, "calls_not_allowed", &summary->failures, true);
    const asm_buffer *said = summary->message.size ? &summary->message : &summary->last_message;
    if (said->size > 0) {
        asm_json_write_key(&writer, ASM_STR("said_last"));
        asm_json_write_string(&writer, asm_buffer_text(said));
    }
    asm_json_end_object(&writer);
    asm_buffer_append_byte(out, '\n');
}

void summary_print(const struct summary *summary, int format, const char *name, const struct watch *watch,
                   const struct statistics *statistics, unsigned flags, asm_buffer *out) {
    const struct page page = {out, flags, format == SUMMARY_MARKDOWN, summary, statistics};
    if (format == SUMMARY_JSON) write_json(summary, name, watch, statistics, out);
    else print_page(&page, name, watch);
}

void summary_free(struct summary *summary) {
    table_free(&summary->files);
    table_free(&summary->failures);
    if (!summary->is_set_up) return;
    asm_buffer_close(&summary->message);
    asm_buffer_close(&summary->last_message);
}
