/* Streams of events for the tests of asm_wire.h: read by asm_ingest.h, written in a format, read back. */
#ifndef TESTS_WIRE_STREAMS_H
#define TESTS_WIRE_STREAMS_H

#include "support.h"

#include "../asm_ingest.h"
#include "../asm_wire.h"

typedef struct events {
    asm_event **all;
    size_t count, room;
} events;

static inline void add_event(void *user, const asm_event *event) {
    events *out = (events *)user;
    const size_t size = asm_event_copy_size(event);
    if (out->count == out->room) {
        out->room = out->room ? 2 * out->room : 64;
        out->all = (asm_event **)realloc(out->all, out->room * sizeof *out->all);
        if (!out->all) fail_msg("no memory");
    }
    out->all[out->count] = asm_event_copy(event, malloc(size), size);
    assert_non_null(out->all[out->count++]);
}

static inline void free_events(events *out) {
    for (size_t i = 0; i < out->count; i++)
        free(out->all[i]);
    free(out->all);
    memset(out, 0, sizeof *out);
}

/* The events of a stream. False if it is of a format that is not read. */
static inline bool events_of(events *out, asm_format format, asm_str text) {
    asm_ingest ingest;
    asm_ingest_options options;
    memset(out, 0, sizeof *out);
    memset(&options, 0, sizeof options);
    options.format = format;
    options.on_event = add_event;
    options.user = out;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, text.data, text.size, INT64_C(1769940000000000));
    format = ingest.format;
    asm_ingest_end(&ingest, INT64_C(1769940000000000));
    asm_ingest_close(&ingest);
    return format != ASM_FORMAT_AUTO && asm_format_is_read(format);
}

static inline asm_str file_text(const char *path) {
    FILE *file = fopen(path, "rb");
    asm_buffer text;
    asm_buffer_init_growing(&text);
    if (!file) fail_msg("%s cannot be read", path);
    for (;;) {
        size_t size;
        if (asm_buffer_reserve(&text, 65536) != ASM_OK) fail_msg("no memory");
        size = fread(text.data + text.size, 1, 65536, file);
        text.size += size;
        if (size < 65536) break;
    }
    fclose(file);
    return asm_buffer_text(&text); /* freed with counted_free() */
}

static inline asm_result append_to(void *user, const char *data, size_t size) {
    return asm_buffer_append((asm_buffer *)user, asm_str_make(data, size));
}

/* What the first `count` events give, and `last`, if that is not NULL; closed. */
static inline asm_result write_events(const events *in, size_t count, const asm_event *last,
                                      asm_wire_options *options, asm_buffer *out) {
    asm_wire wire;
    asm_result result = ASM_OK, closed;
    asm_buffer_clear(out);
    options->output.write = append_to;
    options->output.user = out;
    closed = asm_wire_init(&wire, options);
    for (size_t i = 0; closed == ASM_OK && i < count && result == ASM_OK; i++)
        result = asm_wire_event(&wire, in->all[i]);
    if (last && closed == ASM_OK && result == ASM_OK) result = asm_wire_event(&wire, last);
    if (closed == ASM_OK) closed = asm_wire_close(&wire);
    return result != ASM_OK ? result : closed;
}

static inline size_t count_of(asm_str text, const char *needle) {
    const size_t size = strlen(needle);
    size_t count = 0;
    const char *at = text.data, *end = text.data + text.size;
    while (size <= (size_t)(end - at) &&
           (at = (const char *)memchr(at, needle[0], (size_t)(end - at) - size + 1)) != NULL)
        if (!memcmp(at++, needle, size)) count++;
    return count;
}

/* Each frame is one JSON value on a line of its own, whatever the events say; SSE has nothing but data and ids. `is_whole`:
 * the stream is closed. Returns the length of the longest line. */
static inline size_t check_frames(asm_wire_framing framing, asm_str text, bool is_whole, const char *what) {
    const char *line = text.data, *end = text.data + text.size;
    size_t longest = 0, lines = 0;
    if (framing == ASM_WIRE_FRAMING_ARRAY && is_whole)
        expect(!text.size || asm_json_check(text, NULL) == ASM_OK, "%s: no JSON", what);
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
        asm_str value = asm_str_make(line, (size_t)((next ? next : end) - line));
        expect(next || framing == ASM_WIRE_FRAMING_ARRAY, "%s: the last line is not ended", what);
        line = next ? next + 1 : end;
        longest = value.size > longest ? value.size : longest;
        for (size_t i = 0; i < value.size; i++)
            if ((unsigned char)value.data[i] < ' ') fail_msg("%s: a control character", what);
        if (framing == ASM_WIRE_FRAMING_SSE) {
            lines = value.size ? lines + 1 : 0;
            if (!value.size || (value.size > 4 && !memcmp(value.data, "id: ", 4))) continue;
            expect(lines == 1, "%s: a frame of several lines", what);
            expect(value.size > 6 && !memcmp(value.data, "data: ", 6), "%s: a line of another kind", what);
            value = asm_str_make(value.data + 6, value.size - 6);
            if (asm_str_equal(value, ASM_STR("[DONE]")) &&
                !count_of(asm_str_make(line, (size_t)(end - line)), "data:"))
                continue;
        } else if (framing == ASM_WIRE_FRAMING_ARRAY) {
            if (asm_str_equal(value, ASM_STR("[")) || asm_str_equal(value, ASM_STR("]"))) continue;
            if (value.size && value.data[value.size - 1] == ',') value.size--;
        }
        expect(asm_json_check(value, NULL) == ASM_OK, "%s: %s", what, shown(value));
    }
    return longest;
}

#endif
