/* SPDX-License-Identifier: MIT OR Unlicense */
#include "repair.h"

#include "asm_render.h"
#include "messages.h"
#include "signals.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST_KEY = 64, MAX_WORK = 64 /* times a line is looked through in search of records */ };

struct repair {
    const char *from, *to;
    asm_output_stream out;
    uint64_t line, records, mended, left_out; /* left_out: bytes */
    char first_key[LONGEST_KEY];              /* what the last whole line began with: {"type": and the like */
    size_t first_key_size;
};

static void put(struct repair *repair, asm_str record) {
    asm_buffer line;
    asm_buffer_init_growing(&line);
    asm_buffer_append(&line, record);
    asm_buffer_append_byte(&line, '\n');
    if (line.result != ASM_OK) die("%s", asm_result_string(line.result));
    const asm_result result = asm_output_stream_write(&repair->out, line.data, line.size);
    const int error = repair->out.system_error;
    if (result != ASM_OK) die("%s: %s", repair->to, error ? strerror(error) : asm_result_string(result));
    asm_buffer_close(&line);
    repair->records++;
}

/* Takes NUL bytes and CR at the end away; returns the new size. */
static size_t strip(struct repair *repair, char *line, size_t size) {
    size_t kept = 0, end = size;
    if (end > 0 && line[end - 1] == '\n') end--;
    if (end > 0 && line[end - 1] == '\r') end--;
    for (size_t i = 0; i < end; i++)
        if (line[i] != 0) line[kept++] = line[i];
    if (kept < end) {
        complain("%s:%" PRIu64 ": %zu NUL bytes taken out", repair->from, repair->line, end - kept);
        repair->mended++;
    }
    return kept;
}

/* The object that begins `text`, if it is a whole one. */
static asm_str whole_object(asm_str text) {
    asm_json_reader reader;
    asm_str object;
    asm_json_reader_init(&reader, text, NULL);
    return asm_json_read_raw(&reader, &object) ? object : asm_str_make(NULL, 0);
}

static void remember_key(struct repair *repair, asm_str record) {
    const char *colon = (const char *)memchr(record.data, ':', record.size);
    const size_t size = colon ? (size_t)(colon - record.data) : 0;
    if (size == 0 || size > LONGEST_KEY) return;
    memcpy(repair->first_key, record.data, size);
    repair->first_key_size = size;
}

/* Whether a record begins at `at`, not an object within one: by what stands before and after it, and its first key. */
static bool is_record(const struct repair *repair, asm_str line, size_t at, asm_str object) {
    const size_t end = at + object.size;
    const bool is_last = end == line.size || line.data[end] == '{';
    const bool has_key = repair->first_key_size > 0 && object.size > repair->first_key_size &&
                         memcmp(object.data, repair->first_key, repair->first_key_size) == 0;
    return at == 0 || has_key || (is_last && !strchr(":[,", line.data[at - 1]));
}

/* A line that is not one whole object: the records that are in it. */
static void mend(struct repair *repair, asm_str line) {
    const uint64_t records = repair->records;
    size_t lost = 0, work = 0;
    for (size_t at = 0; at < line.size;) {
        const char *brace = (const char *)memchr(line.data + at, '{', line.size - at);
        if (!brace || work / MAX_WORK > line.size) {
            lost += line.size - at;
            break;
        }
        const size_t begin = (size_t)(brace - line.data);
        const asm_str object = whole_object(asm_str_make(brace, line.size - begin));
        lost += begin - at;
        work += line.size - begin;
        if (object.size > 0 && is_record(repair, line, begin, object)) {
            put(repair, object);
            at = begin + object.size;
        } else {
            lost++;
            at = begin + 1;
        }
    }
    const uint64_t found = repair->records - records;
    repair->mended++;
    repair->left_out += lost;
    if (lost > 0)
        complain("%s:%" PRIu64 ": %zu bytes that are no whole record left out, %" PRIu64 " record%s kept",
                 repair->from, repair->line, lost, found, found == 1 ? "" : "s");
    else
        complain("%s:%" PRIu64 ": %" PRIu64 " records on one line, set apart", repair->from, repair->line,
                 found);
}

static void take_line(struct repair *repair, char *data, size_t size) {
    static const char mark[] = "\xEF\xBB\xBF";
    asm_str line = asm_str_make(data, strip(repair, data, size));
    if (repair->line == 1 && line.size >= 3 && memcmp(line.data, mark, 3) == 0)
        line = asm_str_make(line.data + 3, line.size - 3);
    while (line.size > 0 && strchr(" \t", line.data[line.size - 1]))
        line.size--;
    while (line.size > 0 && strchr(" \t", *line.data))
        line = asm_str_make(line.data + 1, line.size - 1);
    if (line.size == 0) return;
    const asm_str object = *line.data == '{' ? whole_object(line) : asm_str_make(NULL, 0);
    if (object.size == line.size) {
        remember_key(repair, line);
        put(repair, line);
    } else {
        mend(repair, line);
    }
}

int repair_file(const char *from, const char *to) {
    struct repair repair = {.from = from, .to = to};
    struct stat status;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    FILE *file = strcmp(from, "-") == 0 ? stdin : fopen(from, "rb");
    if (!file) die("%s: %s", from, strerror(errno));
    if (lstat(to, &status) == 0) die("%s: exists already: --repair writes a new file", to);
    const asm_output output = {.path = to, .should_stop = is_time_to_give_up};
    if (asm_output_stream_open(&repair.out, &output) != ASM_OK)
        die("%s: %s", to, strerror(repair.out.system_error));
    while (!stop_signal() && (size = getline(&line, &capacity, file)) > 0) {
        repair.line++;
        take_line(&repair, line, (size_t)size);
    }
    if (ferror(file)) die("%s: %s", from, strerror(errno));
    free(line);
    if (file != stdin) fclose(file);
    if (asm_output_stream_close(&repair.out) != ASM_OK) die("%s: %s", to, strerror(repair.out.system_error));
    complain("%s: %" PRIu64 " lines, %" PRIu64 " damaged; %" PRIu64 " records written to %s", from,
             repair.line, repair.mended, repair.records, to);
    return repair.left_out > 0 ? EXIT_BAD_INPUT : 0;
}
