/* SPDX-License-Identifier: MIT OR Unlicense */
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void keep_text(char *out, asm_str text) {
    size_t size = 0, at = 0, end = text.size;
    while (at < end && (text.data[at] == ' ' || text.data[at] == '\n'))
        at++;
    if (end - at > WATCHED_TEXT - 4) {
        end = at + WATCHED_TEXT - 4;
        while (end > at && ((unsigned char)text.data[end] & 0xC0) == 0x80)
            end--; /* not within a character */
    }
    for (; at < end; at++)
        out[size++] = text.data[at] == '\n' || text.data[at] == '\t' ? ' ' : text.data[at];
    memcpy(out + size, "...", 4);
    if (end == text.size) out[size] = 0;
}

static void keep_if_set(char *out, asm_str text) {
    if (text.size > 0) keep_text(out, text);
}

/* keep_text() for what is mostly the same as before. */
static void keep_if_changed(char *out, asm_str text) {
    if (text.size == 0) out[0] = 0;
    else if (text.size >= WATCHED_TEXT - 4 || memcmp(out, text.data, text.size) != 0 || out[text.size] != 0)
        keep_text(out, text);
}

static uint64_t hash_of(asm_str id) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * UINT64_C(0x100000001B3);
    return hash | 1;
}

/* The first of the members that people know a call by. */
static asm_str subject_of(asm_str input, char *memory, size_t size) {
    static const asm_str keys[] = {
        ASM_STR_INIT("command"), ASM_STR_INIT("file_path"), ASM_STR_INIT("path"), ASM_STR_INIT("description"),
        ASM_STR_INIT("pattern"), ASM_STR_INIT("url"),       ASM_STR_INIT("query")};
    enum { KEYS = sizeof keys / sizeof *keys };
    asm_str values[KEYS];
    if (input.size == 0 || asm_json_find(input, keys, values, KEYS, NULL) != ASM_OK)
        return asm_str_make(NULL, 0);
    for (size_t i = 0; i < KEYS; i++) {
        const asm_str inside = asm_json_string_inside(values[i]);
        size_t at = 0, used = 0;
        while (at < inside.size && used + 4 < size) {
            const asm_str piece = asm_json_string_piece(inside, &at, memory + used, size - used);
            const size_t room = size - used, taken = piece.size < room ? piece.size : room;
            memmove(memory + used, piece.data, taken);
            used += taken;
        }
        if (used > 0) return asm_str_make(memory, used);
    }
    return asm_str_make(NULL, 0);
}

void name_call(char *out, asm_str name, asm_str display, asm_str input) {
    const size_t longest = 2 * (size_t)WATCHED_TEXT;
    char memory[2 * WATCHED_TEXT], text[3 * WATCHED_TEXT];
    const asm_str subject = display.size > 0 ? display : subject_of(input, memory, sizeof memory);
    const int name_size = name.size < WATCHED_TEXT ? (int)name.size : WATCHED_TEXT;
    const int size = (int)(subject.size < longest ? subject.size : longest);
    snprintf(text, sizeof text, "%.*s%s%.*s", name_size, name.size ? name.data : "", size ? ": " : "", size,
             size ? subject.data : "");
    keep_text(out, asm_str_from(text));
}

static struct watched_call *find_call(struct watch *watch, uint64_t hash) {
    for (size_t i = 0; i < watch->call_places; i++)
        if (watch->calls[i].id_hash == hash) return &watch->calls[i];
    return NULL;
}

/* A free place; NULL if there is no room. */
static struct watched_call *find_place(struct watch *watch) {
    const size_t before = watch->call_places, places = before ? 2 * before : 2;
    struct watched_call *found = find_call(watch, 0);
    if (found || places > WATCHED_CALLS) return found;
    struct watched_call *grown = (struct watched_call *)realloc(watch->calls, places * sizeof *grown);
    if (!grown) return NULL;
    memset(grown + before, 0, (places - before) * sizeof *grown);
    watch->calls = grown;
    watch->call_places = places;
    return grown + before;
}

static void forget_calls(struct watch *watch) {
    if (watch->calls) memset(watch->calls, 0, watch->call_places * sizeof *watch->calls);
    watch->open_calls = 0;
}

/* What a person asks for, where an editor has told its own state before. */
static asm_str request_in(asm_str text) {
    const asm_str before = ASM_STR("# Context from my IDE setup:"),
                  mark = ASM_STR("\n## My request for Codex:");
    if (text.size < before.size || memcmp(text.data, before.data, before.size) != 0) return text;
    for (size_t i = before.size; i + mark.size < text.size; i++)
        if (memcmp(text.data + i, mark.data, mark.size) == 0)
            return asm_str_make(text.data + i + mark.size, text.size - i - mark.size);
    return text;
}

void watch_forget_run(struct watch *watch) {
    forget_calls(watch);
    watch->run_is_open = false;
}

void watch_close(struct watch *watch) {
    free(watch->calls);
    watch->calls = NULL;
    watch->call_places = 0;
}

/* Begins a call, or takes note that it needs a person. */
static void begin_call(struct watch *watch, asm_str id, asm_time now, bool needs_person, asm_str name,
                       asm_str display, asm_str input) {
    const uint64_t hash = hash_of(id);
    struct watched_call *call = find_call(watch, hash);
    if (!call) {
        call = find_place(watch);
        watch->open_calls++;
        if (!call) return;
        call->since = now;
        call->id_hash = hash;
    }
    call->needs_person = needs_person;
    if (!watch->is_brief) name_call(call->text, name, display, input);
}

static void end_call(struct watch *watch, asm_str id) {
    struct watched_call *call = find_call(watch, hash_of(id));
    if (watch->open_calls > 0) watch->open_calls--;
    if (call) memset(call, 0, sizeof *call);
}

bool run_has_no_end(const asm_event *event) {
    return event->type == ASM_EVENT_RUN_FAILED &&
           asm_str_equal(event->run.error_code, ASM_STR("stream_ended"));
}

static void end_run(struct watch *watch, const asm_event *event) {
    watch->run_is_open = false;
    watch->has_run = true;
    watch->has_failed = event->type == ASM_EVENT_RUN_FAILED;
    watch->was_cancelled = event->type == ASM_EVENT_RUN_CANCELLED;
    if (run_has_no_end(event)) watch->any_has_no_end = true;
    else if (watch->has_failed || watch->was_cancelled) watch->any_failed = true;
    watch->failure[0] = 0;
    if (watch->has_failed)
        keep_if_set(watch->failure,
                    event->run.error_message.size ? event->run.error_message : event->run.error_code);
    forget_calls(watch);
}

static void take_run(struct watch *watch, const asm_run_payload *run) {
    keep_if_set(watch->title, run->title);
    keep_if_set(watch->directory, run->cwd);
    keep_if_set(watch->model, run->model);
}

static void take_todos(struct watch *watch, asm_str todos) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str raw;
    watch->todo_done = watch->todo_count = 0;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, todos, &scratch);
    asm_json_enter_array(&reader);
    while (asm_json_next_element(&reader)) {
        const asm_str key = ASM_STR("status");
        asm_str status;
        if (!asm_json_read_raw(&reader, &raw)) break;
        if (asm_json_find(raw, &key, &status, 1, NULL) != ASM_OK) continue;
        watch->todo_count++;
        if (asm_str_equal(status, ASM_STR("\"completed\""))) watch->todo_done++;
    }
    asm_buffer_close(&scratch);
}

static void watch_tool(struct watch *watch, const asm_event *event, asm_time now) {
    const asm_tool_payload *tool = &event->tool;
    const bool waits = asm_str_equal(tool->status, ASM_STR("waiting"));
    switch (event->type) {
    case ASM_EVENT_TOOL_CALL_STARTED:
        watch->tools++;
        begin_call(watch, tool->call_id, now, waits, tool->name, tool->display_text, tool->input);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        end_call(watch, tool->call_id);
        break;
    default:
        break;
    }
}

static void watch_approval(struct watch *watch, const asm_event *event, asm_time now) {
    const asm_approval_payload *approval = &event->approval;
    const asm_str id = approval->tool_call_id.size ? approval->tool_call_id : approval->request_id;
    if (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) {
        begin_call(watch, id, now, true, approval->tool_name, asm_str_make(NULL, 0), approval->tool_input);
        return;
    }
    struct watched_call *call = find_call(watch, hash_of(id));
    if (call) call->needs_person = false;
}

/* Since when, and what last happened. */
static void take_note(struct watch *watch, const asm_event *event, asm_time now) {
    const bool is_tool =
        event->type >= ASM_EVENT_TOOL_CALL_STARTED && event->type <= ASM_EVENT_TOOL_CALL_FAILED;
    if (event->type == ASM_EVENT_CUSTOM || event->type != watch->last_type)
        keep_if_changed(watch->last_event_name, asm_event_name(event));
    watch->last_type = event->type;
    if (is_tool) keep_if_changed(watch->last_tool_name, event->tool.name);
    else watch->last_tool_name[0] = 0;
    if (event->session_id.size > 0 && !watch->is_brief) keep_if_changed(watch->session, event->session_id);
    watch->last_event = now;
}

void watch_event(struct watch *watch, const asm_event *event, asm_time now) {
    if (event->time != 0) now = event->time;
    take_note(watch, event, now);
    if (watch->joins_late &&
        (event->type == ASM_EVENT_MESSAGE_STREAMED || event->type == ASM_EVENT_TOOL_CALL_STARTED))
        watch->run_is_open = true;
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        watch->run_is_open = true;
        watch->run_since = now;
        watch->todo_count = 0;
        take_run(watch, &event->run);
        break;
    case ASM_EVENT_SESSION_UPDATED:
        take_run(watch, &event->run);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        end_run(watch, event);
        break;
    case ASM_EVENT_MESSAGE_SENT:
        if (!watch->first_prompt[0] && !event->message.synthetic.value &&
            event->message.parent_tool_call_id.size == 0)
            keep_if_set(watch->first_prompt, request_in(asm_event_text(event)));
        break;
    case ASM_EVENT_TODOS_UPDATED:
        take_todos(watch, event->todos.todos);
        break;
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        watch_approval(watch, event, now);
        break;
    default:
        watch_tool(watch, event, now);
        break;
    }
}

const char *state_name(enum session_state state) {
    static const char *const names[] = {"idle", "working", "needs_you", "done", "failed"};
    return names[state];
}

enum session_state watch_state(const struct watch *watch) {
    for (size_t i = 0; i < watch->call_places; i++)
        if (watch->calls[i].id_hash && watch->calls[i].needs_person) return STATE_NEEDS_YOU;
    if (watch->run_is_open) return STATE_WORKING;
    if (!watch->has_run) return STATE_IDLE;
    return watch->has_failed ? STATE_FAILED : watch->was_cancelled ? STATE_IDLE : STATE_DONE;
}

const struct watched_call *watch_call(const struct watch *watch) {
    const struct watched_call *found = NULL;
    for (size_t i = 0; i < watch->call_places; i++) {
        const struct watched_call *call = &watch->calls[i];
        if (!call->id_hash) continue;
        const bool is_better = !found || (call->needs_person && !found->needs_person) ||
                               (call->needs_person == found->needs_person && call->since < found->since);
        if (is_better) found = call;
    }
    return found;
}
