/* This library. Built as it comes, without AVX-512 as it is for processors that have none, and with ASM_NO_SIMD as it
 * is where there is no SSE2. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#define ASM_STATIC
#define ASM_IMPLEMENTATION
#define ASM_REALLOC(memory, size) counted_realloc(memory, size)
#define ASM_FREE(memory)          free(memory)

#if defined(ASM_NO_SIMD)
#define LIBRARY    "asm (portable)"
#define NAME(text) "asm, portable: " text
#elif defined(ASM__AVX512)
#define LIBRARY    "asm (SSE2)"
#define NAME(text) "asm, SSE2: " text
#else
#define LIBRARY    "asm"
#define NAME(text) "asm: " text
#endif

static uint64_t allocations;

static void *counted_realloc(void *memory, size_t size) {
    allocations++;
    return realloc(memory, size);
}

#include "../asm_events.h"

static char out_memory[BENCH_ESCAPED_SIZE];

static asm_str view(corpus_text text) {
    return asm_str_make(text.data, text.size);
}

static corpus_text text_of(asm_str view) {
    return (corpus_text){view.data, view.size};
}

static corpus_text text_in(const asm_buffer *buffer) {
    return text_of(asm_buffer_text(buffer));
}

/* ---- Writing with the JSON writer ---- */

static corpus_text time_text;

#define BUILD_TIME(key, time, ts) time_text = corpus_time_text(time), BUILD_TEXT(key, time_text)
#define BUILD_KIND(key, kind)     BUILD_TEXT(key, corpus_kind_names[kind])
#define BUILD_TEXT(key, text)                                                                                \
    asm_json_write_key(writer, ASM_STR(key)), asm_json_write_string(writer, view(text))
#define BUILD_NUMBER(key, value) asm_json_write_key(writer, ASM_STR(key)), asm_json_write_int64(writer, value)
#define BUILD_FLAG(key, value)   asm_json_write_key(writer, ASM_STR(key)), asm_json_write_bool(writer, value)
#define BUILD_BEGIN(key)         asm_json_write_key(writer, ASM_STR(key)), asm_json_begin_object(writer)
#define BUILD_END()              asm_json_end_object(writer)

static void build_event(asm_json_writer *writer, const corpus_event *event) {
    asm_json_begin_object(writer);
    CORPUS_EVENT(BUILD, event);
    asm_json_end_object(writer);
}

static corpus_text write_with_writer(const corpus_event *event) {
    asm_buffer out;
    asm_json_writer writer;
    asm_buffer_init_fixed(&out, out_memory, sizeof out_memory);
    asm_json_writer_init(&writer, &out);
    build_event(&writer, event);
    return text_in(&out);
}

static corpus_text escape(corpus_text text) {
    asm_buffer out;
    asm_json_writer writer;
    asm_buffer_init_fixed(&out, out_memory, sizeof out_memory);
    asm_json_writer_init(&writer, &out);
    asm_json_write_string(&writer, view(text));
    return text_in(&out);
}

/* ---- Writing events ---- */

static asm_str build_tool_input(const corpus_event *event) {
    static char memory[BENCH_LINE_SIZE];
    asm_buffer out;
    asm_json_writer json, *writer = &json;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_json_writer_init(writer, &out);
    asm_json_begin_object(writer);
    CORPUS_TOOL_INPUT(BUILD, event);
    asm_json_end_object(writer);
    return asm_buffer_text(&out);
}

/* As a program does that keeps one event: what stays the same from event to event is not cleared again, and its payload
 * is where it becomes another one. All events of a kind have the same members. */
static const asm_event *set_event(const corpus_event *from) {
    static asm_event kept;
    static corpus_kind kind = CORPUS_KIND_COUNT;
    asm_event *event = &kept;
    if (from->kind != kind) memset(&event->run, 0, sizeof event->run); /* the largest payload */
    kind = from->kind;
    event->time = from->time;
    event->time_precision = ASM_TIME_PRECISION_MICROSECONDS;
    event->session_id = view(from->session_id);
    event->run_id = view(from->run_id);
    event->provider = view(from->provider);
    switch (from->kind) {
    case CORPUS_MESSAGE_STREAMED:
        event->type = ASM_EVENT_MESSAGE_STREAMED;
        event->message.delta = view(from->delta);
        break;
    case CORPUS_TOOL_CALL_STARTED:
        event->type = ASM_EVENT_TOOL_CALL_STARTED;
        event->tool.name = view(from->tool_name);
        event->tool.call_id = view(from->tool_call_id);
        event->tool.input = build_tool_input(from);
        break;
    case CORPUS_TOOL_CALL_COMPLETED:
        event->type = ASM_EVENT_TOOL_CALL_COMPLETED;
        event->tool.name = view(from->tool_name);
        event->tool.call_id = view(from->tool_call_id);
        event->tool.output = view(from->tool_output);
        break;
    case CORPUS_RUN_STARTED:
        event->type = ASM_EVENT_RUN_STARTED;
        event->run.model = view(from->model);
        event->run.cwd = view(from->cwd);
        break;
    case CORPUS_TOKEN_USAGE_UPDATED:
        event->type = ASM_EVENT_TOKEN_USAGE_UPDATED;
        event->usage.input_tokens = ASM_INT64(from->input_tokens);
        event->usage.output_tokens = ASM_INT64(from->output_tokens);
        break;
    case CORPUS_RUN_COMPLETED:
        event->type = ASM_EVENT_RUN_COMPLETED;
        event->run.stop_reason = view(from->stop_reason);
        event->run.num_turns = ASM_INT64(from->num_turns);
        break;
    case CORPUS_KIND_COUNT:
        break;
    }
    return event;
}

static corpus_text write_event(const corpus_event *from) {
    asm_buffer out;
    const asm_event *event = set_event(from);
    asm_buffer_init_fixed(&out, out_memory, sizeof out_memory);
    asm_event_write_json(event, &out);
    return text_in(&out);
}

/* Takes what a stream buffer hands over, as a file or a socket would. */
static asm_result collect(void *user, const char *data, size_t size) {
    size_t *collected = (size_t *)user;
    memcpy(out_memory + *collected, data, size);
    *collected += size;
    return ASM_OK;
}

static corpus_text write_event_through_small_buffer(const corpus_event *from) {
    static char memory[512];
    size_t collected = 0;
    asm_buffer out;
    const asm_event *event = set_event(from);
    asm_buffer_init_stream(&out, memory, sizeof memory, collect, &collected);
    asm_event_write_json(event, &out);
    asm_buffer_flush(&out);
    return (corpus_text){out_memory, collected};
}

/* ---- Reading with the JSON reader: each value goes where the key before it says ---- */

static void read_text_member(asm_json_reader *reader, asm_str key, corpus_event *event) {
    corpus_text *member = corpus_text_member(event, key.data, key.size);
    asm_str text = {NULL, 0};
    if (member == NULL && !asm_str_equal(key, ASM_STR("type"))) return;
    asm_json_read_string(reader, &text);
    if (member != NULL) *member = text_of(text);
    else event->kind = corpus_kind_from_name(text.data, text.size);
}

static void read_number_member(asm_json_reader *reader, asm_str key, corpus_event *event) {
    int64_t *member = corpus_number_member(event, key.data, key.size);
    if (member != NULL) asm_json_read_int64(reader, member);
}

static void read_object(asm_json_reader *reader, corpus_event *event) {
    asm_str key;
    asm_json_enter_object(reader);
    while (asm_json_next_member(reader, &key)) {
        switch (asm_json_peek(reader)) {
        case ASM_JSON_OBJECT:
            read_object(reader, event);
            break;
        case ASM_JSON_NUMBER:
            read_number_member(reader, key, event);
            break;
        case ASM_JSON_BOOL:
            asm_json_read_bool(reader, &event->recursive);
            break;
        default:
            read_text_member(reader, key, event);
        }
    }
}

static uint64_t read_with_reader(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static char memory[BENCH_LINE_SIZE];
    asm_buffer scratch;
    asm_json_reader reader;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_json_reader_init(&reader, view(line), &scratch);
    read_object(&reader, event);
    if (asm_json_reader_finish(&reader) != ASM_OK) return 0;
    event->time = corpus_time_parse(event->ts);
    return digest(event);
}

/* ---- Reading events ---- */

static void read_tool_input(asm_str input, asm_buffer *scratch, corpus_event *event) {
    asm_json_reader reader;
    asm_json_reader_init(&reader, input, scratch);
    read_object(&reader, event);
}

static void take_event(const asm_event *from, asm_buffer *scratch, corpus_event *event) {
    event->time = from->time;
    event->session_id = text_of(from->session_id);
    event->run_id = text_of(from->run_id);
    event->provider = text_of(from->provider);
    switch (from->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
        event->kind = CORPUS_MESSAGE_STREAMED;
        event->delta = text_of(from->message.delta);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        event->kind = CORPUS_TOOL_CALL_STARTED;
        event->tool_name = text_of(from->tool.name);
        event->tool_call_id = text_of(from->tool.call_id);
        read_tool_input(from->tool.input, scratch, event);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
        event->kind = CORPUS_TOOL_CALL_COMPLETED;
        event->tool_name = text_of(from->tool.name);
        event->tool_call_id = text_of(from->tool.call_id);
        event->tool_output = text_of(from->tool.output);
        break;
    case ASM_EVENT_RUN_STARTED:
        event->kind = CORPUS_RUN_STARTED;
        event->model = text_of(from->run.model);
        event->cwd = text_of(from->run.cwd);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        event->kind = CORPUS_TOKEN_USAGE_UPDATED;
        event->input_tokens = from->usage.input_tokens.value;
        event->output_tokens = from->usage.output_tokens.value;
        break;
    case ASM_EVENT_RUN_COMPLETED:
        event->kind = CORPUS_RUN_COMPLETED;
        event->stop_reason = text_of(from->run.stop_reason);
        event->num_turns = from->run.num_turns.value;
        break;
    default:
        event->kind = CORPUS_KIND_COUNT;
    }
}

static uint64_t read_event(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static char memory[2 * BENCH_LINE_SIZE];
    asm_buffer scratch;
    asm_event read;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    if (asm_event_read_json(&read, view(line), &scratch, NULL) != ASM_OK) return 0;
    take_event(&read, &scratch, event);
    return digest(event);
}

static uint64_t read_event_in_place(corpus_text line, corpus_event *event, corpus_digest *digest) {
    static char memory[BENCH_LINE_SIZE], copy[BENCH_LINE_SIZE];
    asm_buffer scratch;
    asm_event read;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    memcpy(copy, line.data, line.size);
    if (asm_event_read_json_in_place(&read, copy, line.size, &scratch, NULL) != ASM_OK) return 0;
    take_event(&read, &scratch, event);
    return digest(event);
}

static bool is_utf8(corpus_text text) {
    return asm_utf8_check(view(text)) == text.size;
}

static const bench_row rows[] = {
    {.name = NAME("event"), .write = write_event},
    {.name = NAME("event, stream buffer of 512 bytes"), .write = write_event_through_small_buffer},
    {.name = NAME("JSON writer"), .write = write_with_writer},
    {.name = NAME("event"), .read = read_event},
    {.name = NAME("event, copied and in place"), .read = read_event_in_place},
    {.name = NAME("JSON reader"), .read = read_with_reader},
    {.name = NAME("JSON writer"), .escape = escape},
    {.name = NAME("UTF-8"), .check = is_utf8},
};

const bench_library bench_exported = {LIBRARY, ASM_VERSION, rows, sizeof rows / sizeof rows[0], &allocations};
