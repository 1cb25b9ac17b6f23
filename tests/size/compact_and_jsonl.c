/* A small device that shows its session on a serial line and keeps a log: one renderer, one sink, no files. */
#define ASM_NO_STDIO
#define ASM_IMPLEMENTATION
#include "asm_render.h"

extern asm_result serial_write(void *user, const char *data, size_t size);

asm_result probe(const char *line, size_t size) {
    static char text[256], record[256], unescaped[512];
    asm_compact compact;
    asm_jsonl_sink log;
    asm_jsonl_sink_options log_options = {
        .output = {.write = serial_write}, .buffer = record, .buffer_size = sizeof record};
    asm_sink sink = asm_jsonl_sink_init(&log, &log_options);
    asm_pipeline pipeline;
    asm_pipeline_options options = {.renderer = asm_compact_init(&compact, NULL),
                                    .sinks = &sink,
                                    .sink_count = 1,
                                    .buffer = text,
                                    .buffer_size = sizeof text};
    asm_event event;
    asm_buffer scratch;
    asm_buffer_init_fixed(&scratch, unescaped, sizeof unescaped);
    asm_pipeline_init(&pipeline, &options);
    if (asm_event_read_json(&event, asm_str_make(line, size), &scratch, NULL) == ASM_OK)
        asm_pipeline_event(&pipeline, &event);
    return asm_pipeline_close(&pipeline);
}
