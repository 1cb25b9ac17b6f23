/* SPDX-License-Identifier: MIT OR Unlicense */
/* The work of one figure, to be counted by callgrind: count NAME; count alone lists the names. Only what count_pass() does is
 * counted (--toggle-collect=count_pass). Prints for how many events that was.
 *
 * count all: of all figures, for fewer events, for count_plugin.c, with a call of getppid() before and after each. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../asm_pubsub.h"

#define COUNTED 2000

typedef size_t
count_work(const corpus *events); /* returns for how many events, or bytes, the work was done */

typedef struct count_figure {
    const char *name;
    count_work *work;
    corpus_choice choice;
} count_figure;

/* The first row of this library that has what the task needs. */
static const bench_row *find_row(bool (*has)(const bench_row *row)) {
    for (size_t i = 0; i < bench_exported.row_count; i++)
        if (has(&bench_exported.rows[i])) return &bench_exported.rows[i];
    fputs("count: no such row\n", stderr);
    exit(1);
}

static bool has_write(const bench_row *row) {
    return row->write != NULL;
}

static bool has_read(const bench_row *row) {
    return row->read != NULL;
}

static bool has_check(const bench_row *row) {
    return row->check != NULL;
}

static size_t write_events(const corpus *events) {
    const bench_row *row = find_row(has_write);
    for (size_t i = 0; i < events->count; i++)
        row->write(&events->events[i]);
    return events->count;
}

static size_t read_events(const corpus *events) {
    static corpus_event event;
    const bench_row *row = find_row(has_read);
    for (size_t i = 0; i < events->count; i++)
        if (row->read(events->events[i].line, &event, corpus_digest_quick) == 0) exit(1);
    return events->count;
}

static size_t check_outputs(const corpus *events) {
    const bench_row *row = find_row(has_check);
    size_t bytes = 0;
    for (size_t i = 0; i < events->count; i++) {
        if (!row->check(events->events[i].tool_output)) exit(1);
        bytes += events->events[i].tool_output.size;
    }
    return bytes;
}

static void receive(void *user, const asm_message *message) {
    *(size_t *)user += message->topic[0] != '\0';
}

static size_t publish(const corpus *events) {
    static asm_pubsub pubsub;
    asm_topic_handle topic;
    asm_message message;
    size_t sum = 0;
    memset(&message, 0, sizeof message);
    asm_pubsub_init(&pubsub, NULL);
    asm_pubsub_subscribe(&pubsub, "asm:session:one", receive, &sum, NULL);
    if (asm_topic_resolve(&pubsub, "asm:session:one", &topic) != ASM_OK) exit(1);
    for (size_t i = 0; i < events->count; i++)
        asm_topic_publish(&pubsub, topic, &message, NULL);
    asm_pubsub_close(&pubsub);
    return sum > 0 ? events->count : 0;
}

/* Studio, as on a terminal in colour, 80 columns wide; `words`: a word with the blank before it at a time. */
static size_t show(const corpus *events, bool words) {
    static asm_studio studio;
    static char memory[4096];
    asm_render_options options;
    asm_renderer renderer;
    asm_buffer out;
    asm_event event;
    size_t count = 0;
    memset(&options, 0, sizeof options);
    memset(&event, 0, sizeof event);
    options.color = ASM_SETTING_ON;
    options.columns = 80;
    event.type = ASM_EVENT_MESSAGE_STREAMED;
    renderer = asm_studio_init(&studio, &options);
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    for (size_t i = 0; i < events->count; i++) {
        const corpus_text delta = events->events[i].delta;
        for (size_t at = 0, size; at < delta.size; at += size) {
            const char *blank = words ? memchr(delta.data + at + 1, ' ', delta.size - at - 1) : NULL;
            size = blank ? (size_t)(blank - delta.data) - at : delta.size - at;
            event.message.delta = asm_str_make(delta.data + at, size);
            asm_buffer_clear(&out);
            if (renderer.render_event(renderer.self, &event, &out) != ASM_OK) exit(1);
            count++;
        }
    }
    return count;
}

static size_t show_pieces(const corpus *events) {
    return show(events, false);
}

static size_t show_words(const corpus *events) {
    return show(events, true);
}

#define PIECES(...)                                                                                          \
    { .kind = CORPUS_MESSAGE_STREAMED, __VA_ARGS__ }
#define OUTPUTS(about)                                                                                       \
    { .kind = CORPUS_TOOL_CALL_COMPLETED, .topic = about, .smallest = 100, .largest = 20000 }

static const count_figure figures[] = {
    {"write-mix", write_events, {.kind = CORPUS_MIX}},
    {"write-pieces", write_events, PIECES(.topic = CORPUS_ENGLISH)},
    {"write-outputs-code", write_events, OUTPUTS(CORPUS_CODE)},
    {"write-outputs-chinese", write_events, OUTPUTS(CORPUS_CHINESE)},
    {"read-mix", read_events, {.kind = CORPUS_MIX}},
    {"read-pieces", read_events, PIECES(.topic = CORPUS_ENGLISH)},
    {"read-pieces-sorted", read_events, PIECES(.form = CORPUS_SORTED)},
    {"read-pieces-blanks", read_events, PIECES(.form = CORPUS_SPACED)},
    {"read-pieces-unknown", read_events, PIECES(.form = CORPUS_UNKNOWN)},
    {"read-outputs-code", read_events, OUTPUTS(CORPUS_CODE)},
    {"read-outputs-ansi", read_events, OUTPUTS(CORPUS_ANSI)},
    {"read-outputs-chinese", read_events, OUTPUTS(CORPUS_CHINESE)},
    {"check-utf8-chinese", check_outputs, OUTPUTS(CORPUS_CHINESE)},
    {"show-pieces", show_pieces, PIECES(.topic = CORPUS_ENGLISH)},
    {"show-words", show_words, PIECES(.topic = CORPUS_ENGLISH)},
    {"publish-by-handle", publish, PIECES(.topic = CORPUS_ENGLISH)},
};

#if defined(__GNUC__)
__attribute__((noinline))
#endif
size_t
count_pass(const count_figure *figure, const corpus *events);

size_t count_pass(const count_figure *figure, const corpus *events) {
    return figure->work(events);
}

static void count_all(void) {
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        const corpus events = corpus_create(COUNTED / 4, &figures[i].choice);
        (void)getppid();
        const size_t times = count_pass(&figures[i], &events);
        (void)getppid();
        printf("%s %zu\n", figures[i].name, times);
    }
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "all") == 0) {
        count_all();
        return 0;
    }
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        if (argc < 2) puts(figures[i].name);
        else if (strcmp(argv[1], figures[i].name) == 0) {
            const corpus events = corpus_create(COUNTED, &figures[i].choice);
            printf("%zu\n", count_pass(&figures[i], &events));
            return 0;
        }
    }
    return argc < 2 ? 0 : 2;
}
