/* SPDX-License-Identifier: MIT OR Unlicense */
/* A renderer of your own: prints a session as Markdown.
 *
 *     build/examples/markdown_renderer < session.jsonl > session.md
 *
 * A renderer is functions that append text to a buffer, and what they work on; two do here. It never decides where the
 * text goes. Whatever comes from models and tools passes through asm_text_append(), which makes it harmless
 * for a terminal; what would end a code block or a code span early is dealt with here.
 */
#define ASM_IMPLEMENTATION
#include "asm_render.h"
#include "asm_ingest.h"

#include <stdio.h>
#include <unistd.h>

typedef struct markdown {
    unsigned long events, tools;
    bool in_text; /* a paragraph of streamed text is open */
} markdown;

static void append(asm_buffer *out, const char *text) {
    asm_buffer_append(out, asm_str_from(text));
}

static void append_number(asm_buffer *out, const char *format, double number) {
    char text[32];
    snprintf(text, sizeof text, format, number);
    append(out, text);
}

/* Backticks that `text` cannot close: one more than it has in a row, and at least `least`. */
static size_t fence_for(asm_str text, size_t least) {
    size_t longest = 0, run = 0;
    for (size_t i = 0; i < text.size; i++) {
        run = text.data[i] == '`' ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest < least ? least : longest + 1;
}

static void append_fence(asm_buffer *out, size_t length) {
    while (length-- > 0)
        asm_buffer_append_byte(out, '`');
}

/* A code span on one line; the blanks keep backticks at its ends apart from the fence. */
static void append_code(asm_buffer *out, asm_str text, const char *otherwise) {
    if (text.size == 0) text = asm_str_from(otherwise);
    size_t fence = fence_for(text, 1);
    append_fence(out, fence);
    append(out, fence > 1 ? " " : "");
    asm_text_append(out, text, ASM_TEXT_LINE);
    append(out, fence > 1 ? " " : "");
    append_fence(out, fence);
}

static void append_block(asm_buffer *out, const char *language, asm_str text) {
    size_t fence = fence_for(text, 3);
    bool ends_line = text.size > 0 && text.data[text.size - 1] == '\n';
    append_fence(out, fence);
    append(out, language);
    append(out, "\n");
    asm_text_append(out, text, 0);
    append(out, ends_line ? "" : "\n");
    append_fence(out, fence);
    append(out, "\n\n");
}

/* A quotation, on one line: a line of its own could begin a heading. */
static void append_quote(asm_buffer *out, const char *title, asm_str text) {
    append(out, "> **");
    append(out, title);
    append(out, "** ");
    append_code(out, text, "unknown");
    append(out, "\n\n");
}

static void end_text(markdown *self, asm_buffer *out) {
    if (self->in_text) append(out, "\n\n");
    self->in_text = false;
}

static void render_run_started(asm_buffer *out, const asm_event *event) {
    append(out, "## Run with ");
    append_code(out, event->run.model, "an unknown model");
    append(out, "\n\n");
    if (event->session_id.size > 0) {
        append(out, "Session ");
        append_code(out, event->session_id, "");
        append(out, "\n\n");
    }
}

/* What models write is Markdown already. */
static void render_text(markdown *self, asm_buffer *out, const asm_event *event) {
    if (event->message.thinking.value) return;
    self->in_text = true;
    asm_text_append(out, asm_event_text(event), 0);
}

static void render_tool_started(asm_buffer *out, const asm_tool_payload *tool) {
    append(out, "### Tool ");
    append_code(out, tool->name, "unknown");
    append(out, "\n\n");
    if (tool->input.size > 0) append_block(out, "json", tool->input);
}

static void render_tool_ended(asm_buffer *out, const asm_tool_payload *tool, bool failed) {
    append_code(out, tool->name, "unknown");
    append(out, failed ? " **failed**" : " returned");
    if (tool->exit_code.is_set) append_number(out, ", exit code %.0f", (double)tool->exit_code.value);
    if (tool->duration_ms.is_set) append_number(out, ", after %.1f s", tool->duration_ms.value / 1000);
    append(out, "\n\n");
    if (tool->error_message.size > 0) append_block(out, "", tool->error_message);
    if (tool->output.size > 0 && !asm_str_equal(tool->output, tool->error_message))
        append_block(out, "", tool->output);
    else if (tool->output.size == 0 && tool->output_json.size > 0)
        append_block(out, "json", tool->output_json);
}

static void render_run_completed(asm_buffer *out, const asm_run_payload *run) {
    append(out, "**Completed** ");
    append_code(out, run->stop_reason, "no reason told");
    if (run->num_turns.is_set) append_number(out, ", turns: %.0f", (double)run->num_turns.value);
    if (run->cost_usd.is_set) append_number(out, ", cost: $%.4f", run->cost_usd.value);
    append(out, "\n\n");
}

static asm_result markdown_render_event(void *user, const asm_event *event, asm_buffer *out) {
    markdown *self = user;
    self->events++;
    if (event->type != ASM_EVENT_MESSAGE_STREAMED) end_text(self, out);
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        render_run_started(out, event);
        break;
    case ASM_EVENT_MESSAGE_STREAMED:
        render_text(self, out, event);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        self->tools++;
        render_tool_started(out, &event->tool);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        render_tool_ended(out, &event->tool, event->type == ASM_EVENT_TOOL_CALL_FAILED);
        break;
    case ASM_EVENT_RUN_COMPLETED:
        render_run_completed(out, &event->run);
        break;
    case ASM_EVENT_RUN_FAILED:
        append_quote(out, "Failed:", event->run.error_message);
        break;
    case ASM_EVENT_RUN_CANCELLED:
        append(out, "> **Cancelled**\n\n");
        break;
    case ASM_EVENT_ERROR_OCCURRED:
        append_quote(out, "Error:", event->error.message);
        break;
    default:
        break;
    }
    return out->result; /* buffers keep their first error */
}

static asm_result markdown_finish(void *user, asm_buffer *out) {
    markdown *self = user;
    end_text(self, out);
    append_number(out, "---\n\n_%.0f events, ", (double)self->events);
    append_number(out, "%.0f tools_\n", (double)self->tools);
    return out->result;
}

static asm_renderer markdown_init(markdown *self) {
    *self = (markdown){0};
    return (asm_renderer){.self = self, .render_event = markdown_render_event, .finish = markdown_finish};
}

int main(void) {
    markdown renderer;
    asm_tty_sink tty;
    asm_sink sinks[] = {asm_tty_sink_init(&tty, NULL)};
    asm_pipeline pipeline;
    asm_pipeline_init(&pipeline, &(asm_pipeline_options){
                                     .renderer = markdown_init(&renderer), .sinks = sinks, .sink_count = 1});
    asm_ingest ingest;
    asm_ingest_init(&ingest, &(asm_ingest_options){.on_event = asm_pipeline_on_event, .user = &pipeline});

    char bytes[65536];
    ssize_t size;
    while ((size = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        asm_ingest_feed(&ingest, bytes, (size_t)size, 0);

    asm_ingest_end(&ingest, 0);
    asm_ingest_close(&ingest);
    return asm_pipeline_close(&pipeline) == ASM_OK && ingest.result == ASM_OK ? 0 : 1;
}
