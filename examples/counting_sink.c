/* SPDX-License-Identifier: MIT OR Unlicense */
/* A sink of your own: counts events by type, and prints a table when the pipeline closes.
 *
 *     build/examples/counting_sink < session.jsonl
 *
 * A sink is a struct of functions, each of which may be NULL, and what they work on.
 */
#define ASM_IMPLEMENTATION
#include "asm_render.h"
#include "asm_ingest.h"

#include <stdio.h>
#include <unistd.h>

typedef struct counting_sink {
    FILE *out;
    unsigned long counts[ASM_EVENT_TYPE_COUNT];
} counting_sink;

static asm_result count_event(void *self, const asm_event *event, asm_str text) {
    counting_sink *sink = self;
    (void)text; /* what the renderer made of the event */
    sink->counts[event->type]++;
    return ASM_OK;
}

static asm_result print_table(void *self) {
    counting_sink *sink = self;
    unsigned long total = 0;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_str name = asm_event_type_name((asm_event_type)type);
        if (sink->counts[type] > 0)
            fprintf(sink->out, "%8lu  %.*s\n", sink->counts[type], (int)name.size, name.data);
        total += sink->counts[type];
    }
    fprintf(sink->out, "%8lu  in all\n", total);
    return fflush(sink->out) == 0 ? ASM_OK : ASM_ERR_WRITE;
}

/* Like the init functions of the built-in sinks: sets up what the sink works on, and returns it for the
 * pipeline. */
static asm_sink counting_sink_init(counting_sink *sink, FILE *out) {
    *sink = (counting_sink){.out = out};
    return (asm_sink){.self = sink, .name = "counts", .write_event = count_event, .close = print_table};
}

static void on_event(void *pipeline, const asm_event *event) {
    asm_pipeline_event(pipeline, event);
}

int main(void) {
    counting_sink counting;
    asm_sink sinks[] = {counting_sink_init(&counting, stdout)};
    asm_pipeline pipeline;
    asm_pipeline_init(&pipeline, &(asm_pipeline_options){.sinks = sinks, .sink_count = 1});
    asm_ingest ingest;
    asm_ingest_init(&ingest, &(asm_ingest_options){.on_event = on_event, .user = &pipeline});

    char bytes[65536];
    ssize_t size;
    while ((size = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        asm_ingest_feed(&ingest, bytes, (size_t)size, 0);

    asm_ingest_end(&ingest, 0);
    asm_ingest_close(&ingest);
    return asm_pipeline_close(&pipeline) == ASM_OK && ingest.result == ASM_OK ? 0 : 1;
}
