/* What no library can beat: touching the same bytes and doing nothing with them. And what people write by
 * hand. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static char out[BENCH_ESCAPED_SIZE];

static corpus_text copy(corpus_text text) {
    memcpy(out, text.data, text.size);
    return (corpus_text){out, text.size};
}

static corpus_text copy_ready_line(const corpus_event *event) {
    return copy(event->line);
}

static uint64_t find_line_end(corpus_text line, corpus_event *event, corpus_digest *digest) {
    (void)event;
    (void)digest;
    return memchr(line.data, '\0', line.size + 1) != NULL;
}

#define PRINT(member) (int)event->member.size, event->member.data

static int print_data(char *data, size_t size, const corpus_event *event) {
    switch (event->kind) {
    case CORPUS_MESSAGE_STREAMED:
        return snprintf(data, size, "\"delta\":\"%.*s\"", PRINT(delta));
    case CORPUS_TOOL_CALL_STARTED:
        return snprintf(
            data, size,
            "\"tool_name\":\"%.*s\",\"tool_call_id\":\"%.*s\",\"tool_input\":{\"command\":\"%.*s\","
            "\"description\":\"%.*s\",\"timeout\":%lld,\"options\":{\"path\":\"%.*s\","
            "\"recursive\":%s,\"limit\":%lld}}",
            PRINT(tool_name), PRINT(tool_call_id), PRINT(command), PRINT(description),
            (long long)event->timeout, PRINT(path), event->recursive ? "true" : "false",
            (long long)event->limit);
    case CORPUS_TOOL_CALL_COMPLETED:
        return snprintf(data, size,
                        "\"tool_name\":\"%.*s\",\"tool_call_id\":\"%.*s\",\"tool_output\":\"%.*s\"",
                        PRINT(tool_name), PRINT(tool_call_id), PRINT(tool_output));
    case CORPUS_RUN_STARTED:
        return snprintf(data, size, "\"model\":\"%.*s\",\"cwd\":\"%.*s\"", PRINT(model), PRINT(cwd));
    case CORPUS_TOKEN_USAGE_UPDATED:
        return snprintf(data, size, "\"input_tokens\":%lld,\"output_tokens\":%lld",
                        (long long)event->input_tokens, (long long)event->output_tokens);
    case CORPUS_RUN_COMPLETED:
        return snprintf(data, size, "\"stop_reason\":\"%.*s\",\"num_turns\":%lld", PRINT(stop_reason),
                        (long long)event->num_turns);
    default:
        return 0;
    }
}

static corpus_text print_line(const corpus_event *event) {
    int size = snprintf(out, sizeof out, "{\"ts\":\"%s\",\"type\":\"%s\",\"data\":{",
                        corpus_time_text(event->time).data, corpus_kind_names[event->kind].data);
    size += print_data(out + size, sizeof out - (size_t)size, event);
    size += snprintf(out + size, sizeof out - (size_t)size,
                     "},\"session_id\":\"%.*s\",\"run_id\":\"%.*s\",\"provider\":\"%.*s\"}",
                     PRINT(session_id), PRINT(run_id), PRINT(provider));
    return (corpus_text){out, (size_t)size};
}

static const bench_row rows[] = {
    {.name = "memcpy of ready lines (limit)", .write = copy_ready_line},
    {.name = "snprintf (escapes nothing: wrong)", .write = print_line, .not_checked = true},
    {.name = "memchr for the line's end (limit)", .read = find_line_end, .not_checked = true},
    {.name = "memcpy (limit)", .escape = copy, .not_checked = true},
};

const bench_library bench_exported = {"libc", "", rows, sizeof rows / sizeof rows[0], NULL};
