/* SPDX-License-Identifier: MIT OR Unlicense
 * What it costs to write an event as interfaces and observers read it, beside its plain JSON:
 *     bench_wire ROWS-FILE [EVENTS-FILE]
 *
 * The events are those of EVENTS-FILE, JSON Lines of this library, or else a session of 40 answers in pieces of two
 * words, each with a tool call. Prints a table and adds one JSON line per figure to ROWS-FILE; ROUNDS in the environment
 * changes how often it is measured. WIRE_FORMAT=NAME ("json": plain JSON) writes that form alone ten times, for a profiler
 * that counts instructions. */
#define ASM_IMPLEMENTATION
#include "asm_ingest.h"
#include "asm_wire.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#define FORMS (ASM_WIRE_FORMAT_COUNT + 1) /* plain JSON is the first */
#define TIMES 20

typedef struct events {
    asm_event **all;
    size_t count;
} events;

static void add_event(void *user, const asm_event *event) {
    events *out = (events *)user;
    const size_t size = asm_event_copy_size(event);
    out->all = (asm_event **)realloc(out->all, (out->count + 1) * sizeof *out->all);
    if (!out->all) abort();
    out->all[out->count++] = asm_event_copy(event, malloc(size), size);
}

/* An event with the envelope that most have. */
static void add(events *out, asm_event *event) {
    event->session_id = ASM_STR("0b7c1f4e-52d3-4a55-9d0e-1f0a2b3c4d5e");
    event->run_id = ASM_STR("run_1");
    event->provider = ASM_STR("claude");
    event->sequence_number = (int64_t)out->count + 1;
    event->time = INT64_C(1769940000000000) + (asm_time)out->count * 10000;
    event->time_precision = ASM_TIME_PRECISION_MILLISECONDS;
    add_event(out, event);
    memset(event, 0, sizeof *event);
}

static void add_answer(events *out, int number) {
    static const char *const pieces[] = {"The parser ", "keeps the ", "last field ",
                                         "when a ",     "line ends ", "in a ",
                                         "comma, as ",  "the test ",  "now says.\n"};
    char message[40], call[40], text[30 * 20] = "", output[60 * 8] = "";
    asm_event event;
    memset(&event, 0, sizeof event);
    snprintf(message, sizeof message, "msg_01ABCDEFGHIJKLMNOPQRST%02d", number);
    snprintf(call, sizeof call, "toolu_01ABCDEFGHIJKLMNOPQ%02d", number);
    for (size_t i = 0; i < 30; i++) {
        const char *piece = pieces[i % (sizeof pieces / sizeof *pieces)];
        strcat(text, piece);
        event.type = ASM_EVENT_MESSAGE_STREAMED;
        event.message.delta = asm_str_from(piece);
        event.message.role = ASM_STR("assistant");
        event.message.message_id = asm_str_from(message);
        add(out, &event);
    }
    event.type = ASM_EVENT_MESSAGE_RECEIVED;
    event.message.content = asm_str_from(text);
    event.message.message_id = asm_str_from(message);
    add(out, &event);
    event.type = ASM_EVENT_TOOL_CALL_STARTED;
    event.tool.name = ASM_STR("Read");
    event.tool.call_id = asm_str_from(call);
    event.tool.input = ASM_STR("{\"file_path\":\"/w/src/record.c\"}");
    add(out, &event);
    for (size_t i = 0; i < 60; i++)
        strcat(output, "int a;\n");
    event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
    event.tool.name = ASM_STR("Read");
    event.tool.call_id = asm_str_from(call);
    event.tool.output = asm_str_from(output);
    event.tool.status = ASM_STR("completed");
    add(out, &event);
}

static void make_session(events *out) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_RUN_STARTED;
    event.run.model = ASM_STR("m-1");
    add(out, &event);
    for (int i = 0; i < 40; i++)
        add_answer(out, i);
    event.type = ASM_EVENT_RUN_COMPLETED;
    event.run.token_usage = ASM_STR("{\"input_tokens\":30000,\"output_tokens\":3000}");
    add(out, &event);
}

static void read_session(events *out, const char *path) {
    static char bytes[1 << 16];
    const asm_ingest_options options = {.on_event = add_event, .user = out};
    asm_ingest ingest;
    FILE *file = fopen(path, "rb");
    size_t size;
    if (!file || asm_ingest_init(&ingest, &options) != ASM_OK) {
        fprintf(stderr, "bench_wire: %s cannot be read\n", path);
        exit(1);
    }
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0)
        asm_ingest_feed(&ingest, bytes, size, 0);
    asm_ingest_end(&ingest, 0);
    asm_ingest_close(&ingest);
    fclose(file);
}

static uint64_t written;

static asm_result take(void *user, const char *data, size_t size) {
    (void)user, (void)data;
    written += size;
    return ASM_OK;
}

static void write_plain(const events *in, int times) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < in->count * (size_t)times; i++) {
        asm_buffer_clear(&out);
        asm_event_write_json(in->all[i % in->count], &out);
        asm_buffer_append(&out, ASM_STR("\n"));
        take(NULL, out.data, out.size);
    }
    asm_buffer_close(&out);
}

/* One stream, in which the session comes again and again: what it costs to set up is in it once. */
static void write_form(const events *in, int form, int times) {
    const asm_wire_options options = {.format = (asm_wire_format)(form - 1), .output = {.write = take}};
    asm_wire wire;
    if (form == 0) {
        write_plain(in, times);
        return;
    }
    asm_wire_init(&wire, &options);
    for (size_t i = 0; i < in->count * (size_t)times; i++)
        asm_wire_event(&wire, in->all[i % in->count]);
    asm_wire_close(&wire);
}

static const char *form_name(int form) {
    return form == 0 ? "plain JSON" : asm_wire_format_name((asm_wire_format)(form - 1)).data;
}

static void measure(const events *in, size_t rounds, FILE *rows_file) {
    static double samples[FORMS][MAX_ROUNDS];
    for (size_t round = 0; round <= rounds; round++)
        for (int form = 0; form < FORMS; form++) {
            const double begin = figures_now();
            write_form(in, form, TIMES);
            if (round) samples[form][round - 1] = (figures_now() - begin) / TIMES / (double)in->count;
        }
    printf("\nwriting an event as others read it\n");
    for (int form = 0; form < FORMS; form++) {
        const figures_place place = {.table = "writing an event as others read it",
                                     .column = "time",
                                     .row = form_name(form),
                                     .unit = "ns",
                                     .factor = 1e9};
        figures_sort(samples[form], rounds);
        printf("  %-12s", form_name(form));
        figures_print(&place, samples[form], samples[0], rounds, rows_file);
        printf("\n");
    }
}

int main(int argc, char **argv) {
    const char *only = getenv("WIRE_FORMAT");
    events in = {NULL, 0};
    FILE *rows_file;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_wire ROWS-FILE [EVENTS-FILE]\n");
        return 2;
    }
    if (argc > 2) read_session(&in, argv[2]);
    else make_session(&in);
    if (only) {
        for (int form = 0; form < FORMS; form++)
            if (strcmp(only, form ? form_name(form) : "json") == 0) write_form(&in, form, 10);
        return 0;
    }
    rows_file = fopen(argv[1], "a");
    if (!rows_file) {
        fprintf(stderr, "bench_wire: %s cannot be written\n", argv[1]);
        return 1;
    }
    measure(&in, figures_from_environment("ROUNDS", 5, MAX_ROUNDS), rows_file);
    fclose(rows_file);
    return 0;
}
