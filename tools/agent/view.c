/* SPDX-License-Identifier: MIT OR Unlicense */
#include "view.h"

#include "../common/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK = 1000000 /* microseconds */ };

struct held_event {
    struct held_event *next;
    asm_event *event; /* in the same block */
};

/* ---- The renderer: studio, for one conversation ---- */

static void look_begin(void *self, const asm_terminal *terminal) {
    struct view *view = (struct view *)self;
    if (view->look.begin) view->look.begin(view->look.self, terminal);
}

static bool is_shown(const struct view *view, const asm_event *event) {
    if (!asm_str_equal(event->session_id, asm_str_from(view->front))) return false;
    if (event->type == ASM_EVENT_AGENT_SHUTDOWN) return false; /* the program ends, and with it the agent */
    if (event->type == ASM_EVENT_SESSION_UPDATED)
        return false; /* a title would come in the middle of a sentence */
    if (event->type == ASM_EVENT_STATUS_CHANGED)
        return !event->status.error_message.data; /* the end of the run has told it */
    if (event->type == ASM_EVENT_MESSAGE_SENT)
        return !view->is_typed && asm_str_equal(event->message.role, ASM_STR("user"));
    return true;
}

/* Requests are shown in full by who asks: of studio's line only the end of what stands before it. A conversation begins
 * once: of the line for another run nothing. */
static asm_result render(struct view *view, const asm_event *event, asm_buffer *out) {
    asm_buffer line;
    asm_event plain = *event;
    plain.agent_id = asm_str_make(NULL, 0); /* all that is shown is of one agent */
    const bool goes_on = event->type == ASM_EVENT_RUN_STARTED && view->has_begun;
    if (event->type == ASM_EVENT_RUN_STARTED) view->has_begun = true;
    if (event->type != ASM_EVENT_TOOL_APPROVAL_REQUESTED && !goes_on)
        return view->look.render_event(view->look.self, &plain, out);
    asm_buffer_init_growing(&line);
    const asm_result result = view->look.render_event(view->look.self, &plain, &line);
    if (!goes_on && line.size > 0 && line.data[0] == '\n') asm_buffer_append_byte(out, '\n');
    asm_buffer_close(&line);
    return result;
}

static void hold(struct view *view, const asm_event *event) {
    const size_t head = (sizeof(struct held_event) + 15) / 16 * 16, size = asm_event_copy_size(event);
    char *block = (char *)malloc(head + size);
    struct held_event *held = (struct held_event *)(void *)block;
    if (!block) {
        complain("%s: something is not shown", asm_result_string(ASM_ERR_NO_MEMORY));
        return;
    }
    held->next = NULL;
    held->event = asm_event_copy(event, block + head, size);
    if (view->last) view->last->next = held;
    else view->first = held;
    view->last = held;
}

static asm_result look_event(void *self, const asm_event *event, asm_buffer *out) {
    struct view *view = (struct view *)self;
    if (!is_shown(view, event)) return ASM_OK;
    if (view->is_held) {
        hold(view, event);
        return ASM_OK;
    }
    const asm_result result = render(view, event, out);
    if (out->size > 0) view->is_open = out->data[out->size - 1] != '\n';
    return result;
}

static asm_result look_tick(void *self, asm_time now, asm_buffer *out) {
    struct view *view = (struct view *)self;
    return view->is_held || !view->look.tick ? ASM_OK : view->look.tick(view->look.self, now, out);
}

static asm_result look_transient(void *self, asm_time now, asm_buffer *out) {
    struct view *view = (struct view *)self;
    return view->is_held || !view->look.transient ? ASM_OK : view->look.transient(view->look.self, now, out);
}

static asm_result look_finish(void *self, asm_buffer *out) {
    struct view *view = (struct view *)self;
    return view->look.finish ? view->look.finish(view->look.self, out) : ASM_OK;
}

/* ---- All together ---- */

static void bring_in_order(void *user) {
    outputs_hide(&((struct view *)user)->outputs);
}

void view_init(struct view *view, const struct view_settings *settings,
               const struct output_settings *outputs) {
    asm_pipeline_options options;
    memset(view, 0, sizeof *view);
    memset(&options, 0, sizeof options);
    view->options.color = (asm_setting)settings->color;
    view->options.tool_output = (asm_tool_output)settings->tool_output;
    view->options.show_thinking = settings->shows_thinking;
    view->options.bell = settings->rings;
    view->look = asm_studio_init(&view->studio, &view->options);
    view->terminal = asm_terminal_detect(STDOUT_FILENO);
    outputs_open(&view->outputs, outputs);
    outputs_report_torn(&view->outputs);
    options.renderer = (asm_renderer){view, look_begin, look_event, look_tick, look_transient, look_finish};
    options.sinks = view->outputs.sinks;
    options.sink_count = view->outputs.count;
    if (asm_pipeline_init(&view->pipeline, &options) != ASM_OK)
        die("%s", asm_result_string(view->pipeline.result));
    messages_prepare(bring_in_order, view);
}

void view_show(struct view *view, const char *id) {
    view_release(view);
    if (view->front[0]) { /* what the other one has begun to say goes on elsewhere */
        if (view->is_open) outputs_write(&view->outputs, ASM_STR("\n"));
        view->is_open = false;
        view->look = asm_studio_init(&view->studio, &view->options);
        if (view->pipeline.terminal.columns > 0) look_begin(view, &view->pipeline.terminal);
    }
    view_settle(view);
    snprintf(view->front, sizeof view->front, "%s", id);
    view->has_begun = false;
}

void view_on_event(void *user, const asm_event *event) {
    struct view *view = (struct view *)user;
    outputs_event(&view->outputs, &view->pipeline, event);
    outputs_check(&view->outputs);
}

void view_tick(struct view *view, asm_time now) {
    if (now >= view->ticked && now - view->ticked < TICK) return;
    view->ticked = now;
    asm_pipeline_tick(&view->pipeline, now);
    asm_pipeline_flush(&view->pipeline);
}

void view_settle(struct view *view) {
    asm_pipeline_flush(&view->pipeline);
    outputs_hide(&view->outputs);
    outputs_check(&view->outputs);
}

void view_hold(struct view *view) {
    view->is_held = true;
    view_settle(view);
}

void view_print(struct view *view, asm_str text) {
    FILE *out = isatty(STDOUT_FILENO) ? stdout : stderr;
    view_settle(view);
    fwrite(text.data, 1, text.size, out);
    fflush(out);
}

void view_release(struct view *view) {
    asm_buffer text;
    view->is_held = false;
    while (view->first) {
        struct held_event *held = view->first;
        view->first = held->next;
        asm_buffer_init_growing(&text);
        if (is_shown(view, held->event)) render(view, held->event, &text);
        if (text.size > 0) outputs_write(&view->outputs, asm_buffer_text(&text));
        asm_buffer_close(&text);
        free(held);
    }
    view->last = NULL;
}

bool view_close(struct view *view) {
    view_release(view);
    messages_prepare(NULL, NULL);
    const asm_result result = asm_pipeline_close(&view->pipeline);
    outputs_check(&view->outputs);
    const bool is_whole = result == ASM_OK && !view->outputs.has_failed;
    outputs_free(&view->outputs);
    return is_whole;
}
