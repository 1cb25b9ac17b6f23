/* SPDX-License-Identifier: MIT OR Unlicense */
/* Shows a session of Claude Code while it runs, and logs its events:
 *
 *     claude -p --output-format stream-json --verbose "Explain main.c" | build/examples/quickstart
 */
#define ASM_IMPLEMENTATION
#include "asm_render.h"
#include "asm_ingest.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static asm_time now(void) {
    return (asm_time)time(NULL) * 1000000;
}

int main(void) {
    asm_studio studio;
    asm_tty_sink tty;
    asm_jsonl_sink log;
    asm_sink sinks[] = {
        asm_tty_sink_init(&tty, NULL),
        asm_jsonl_sink_init(&log, &(asm_jsonl_sink_options){.output.path = "session.jsonl"}),
    };
    asm_pipeline pipeline;
    asm_pipeline_init(
        &pipeline,
        &(asm_pipeline_options){.renderer = asm_studio_init(&studio, NULL), .sinks = sinks, .sink_count = 2});
    asm_ingest ingest;
    asm_ingest_init(&ingest, &(asm_ingest_options){.on_event = asm_pipeline_on_event, .user = &pipeline});

    char bytes[65536];
    ssize_t size = 1;
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    while (size > 0) {
        if (poll(&input, 1, 1000) > 0 && (size = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
            asm_ingest_feed(&ingest, bytes, (size_t)size, now());
        asm_pipeline_tick(&pipeline, now()); /* what runs, and since when */
    }

    asm_ingest_end(&ingest, now());
    asm_ingest_close(&ingest);
    if (asm_pipeline_close(&pipeline) != ASM_OK)
        fprintf(stderr, "%s: %s\n", pipeline.failed, asm_result_string(pipeline.result));
    return pipeline.result == ASM_OK && ingest.result == ASM_OK ? 0 : 1;
}
