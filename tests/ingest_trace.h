/* What came of a stream, in short: run(MODEL) sent(…) think(…) say(…) got(…) start(ID NAME INPUT) done(ID STATUS OUTPUT)
 * … end(REASON USAGE): for tests that compare it as one text. */
#ifndef TESTS_INGEST_TRACE_H
#define TESTS_INGEST_TRACE_H

#include "support.h"

#include "../asm_ingest.h"

#define VIEW(view) (int)(view).size, (view).size ? (view).data : ""

static inline int note_tool(char *text, size_t size, const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    const asm_str output = tool->output.data ? tool->output : tool->output_json;
    switch (event->type) {
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
        return snprintf(text, size, "call(%.*s %.*s %.*s%.*s) ", VIEW(tool->call_id), VIEW(tool->name),
                        VIEW(tool->input), VIEW(event->extra));
    case ASM_EVENT_TOOL_CALL_STARTED:
        return snprintf(text, size, "start(%.*s %.*s %.*s) ", VIEW(tool->call_id), VIEW(tool->name),
                        VIEW(tool->input));
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
        return snprintf(text, size, "output(%.*s %.*s) ", VIEW(tool->call_id), VIEW(output));
    case ASM_EVENT_TOOL_CALL_UPDATED:
        return snprintf(text, size, "update(%.*s %.*s) ", VIEW(tool->call_id), VIEW(tool->status));
    default:
        return snprintf(text, size, "%s(%.*s %.*s %.*s%s%.*s) ",
                        event->type == ASM_EVENT_TOOL_CALL_FAILED ? "fail" : "done", VIEW(tool->call_id),
                        VIEW(tool->status), VIEW(output), tool->error_message.size ? " ! " : "",
                        VIEW(tool->error_message));
    }
}

static inline int note_run(char *text, size_t size, const asm_event *event) {
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        return snprintf(text, size, "run(%.*s) ", VIEW(event->run.model));
    case ASM_EVENT_RUN_COMPLETED:
        return snprintf(text, size, "end(%.*s %.*s) ", VIEW(event->run.stop_reason),
                        VIEW(event->run.token_usage));
    case ASM_EVENT_RUN_CANCELLED:
        return snprintf(text, size, "cancelled() ");
    default:
        return snprintf(text, size, "failed(%.*s %.*s) ", VIEW(event->run.error_code),
                        VIEW(event->run.error_message));
    }
}

static inline int note_message(char *text, size_t size, const asm_event *event) {
    const asm_message_payload *message = &event->message;
    switch (event->type) {
    case ASM_EVENT_MESSAGE_SENT:
        return snprintf(text, size, "sent(%.*s) ", VIEW(message->content));
    case ASM_EVENT_MESSAGE_RECEIVED:
        return snprintf(text, size, message->incomplete.value ? "broken(%.*s) " : "got(%.*s) ",
                        VIEW(message->content));
    default:
        if (!message->delta.size) return snprintf(text, size, "keep(%.*s) ", VIEW(event->extra));
        return snprintf(text, size, message->thinking.value ? "think(%.*s) " : "say(%.*s) ",
                        VIEW(message->delta));
    }
}

/* An asm_event_callback whose user is an asm_buffer. */
static inline void note(void *user, const asm_event *event) {
    char text[4000];
    int size = 0;
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_CANCELLED:
    case ASM_EVENT_RUN_FAILED:
        size = note_run(text, sizeof text, event);
        break;
    case ASM_EVENT_MESSAGE_SENT:
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
        size = note_message(text, sizeof text, event);
        break;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        size = note_tool(text, sizeof text, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        break;
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        size = snprintf(text, sizeof text, "%.*s(%.*s %.*s %.*s) ", VIEW(asm_event_name(event)),
                        VIEW(event->approval.request_id), VIEW(event->approval.tool_call_id),
                        VIEW(event->approval.decision));
        break;
    default:
        size = snprintf(text, sizeof text, "%.*s ", VIEW(asm_event_name(event)));
        break;
    }
    asm_buffer_append((asm_buffer *)user, asm_str_make(text, (size_t)size));
}

/* Feeds `size` bytes in pieces of `step` (0: all at once). */
static inline void trace(asm_buffer *out, const char *stream, size_t size, size_t step, asm_format format) {
    asm_ingest ingest;
    asm_ingest_options options;
    memset(&options, 0, sizeof options);
    options.format = format;
    options.on_event = note;
    options.user = out;
    asm_buffer_clear(out);
    expect(asm_ingest_init(&ingest, &options) == ASM_OK, "init");
    for (size_t at = 0; at < size;) {
        const size_t piece = step && step < size - at ? step : size - at;
        expect(asm_ingest_feed(&ingest, stream + at, piece, 1) == ASM_OK, "feed");
        at += piece;
    }
    expect(asm_ingest_end(&ingest, 1) == ASM_OK, "end");
    asm_ingest_close(&ingest);
}

typedef struct sample {
    asm_format format;
    const char *stream, *expected;
} sample;

/* The text of tests/ingest/NAME, for as long as the program runs. */
static inline const char *sample_stream(const char *name) {
    static char memory[65536];
    static size_t used;
    char path[128], *text = memory + used;
    snprintf(path, sizeof path, "tests/ingest/%s", name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    used += fread(text, 1, sizeof memory - used - 1, file);
    assert_true(used < sizeof memory - 1);
    memory[used++] = 0;
    fclose(file);
    return text;
}

/* Puts the streams in place of the names of their files. */
static inline void load_samples(sample *samples, size_t count) {
    for (size_t i = 0; i < count; i++)
        samples[i].stream = sample_stream(samples[i].stream);
}

static inline void pass_over(void *user, const asm_event *event) {
    (void)user, (void)event;
}

/* Reads each stream, `step` bytes at a time (0: all at once), while one of its first `most` allocations fails: no harm, and
 * nothing leaks. */
static inline void fail_each_allocation(const sample *samples, size_t count, size_t step, size_t most) {
    const size_t alive = allocations_alive;
    for_each_way_to_fail for (size_t i = 0; i < count; i++) for (size_t failing = 1; failing < most;
                                                                 failing++) {
        const size_t size = strlen(samples[i].stream);
        asm_ingest ingest;
        asm_ingest_options options;
        memset(&options, 0, sizeof options);
        options.format = samples[i].format;
        options.on_event = pass_over;
        fail_allocations_from(failing);
        if (asm_ingest_init(&ingest, &options) == ASM_OK) {
            for (size_t at = 0; at < size; at += step ? step : size)
                asm_ingest_feed(&ingest, samples[i].stream + at, step ? step : size, 1);
            asm_ingest_end(&ingest, 1);
        }
        asm_ingest_close(&ingest);
        fail_allocations_from(0);
        expect(allocations_alive == alive, "%s leaks when %zu fails", asm_format_name(samples[i].format),
               failing);
    }
}

#endif
