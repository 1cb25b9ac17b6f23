/* Streams that are written and read back: what docs/wire.md says is kept. Run from the root of the repository;
 * WIRE_GOLDEN=write writes the golden files anew. */
#include "wire_streams.h"

/* The frames of an AG-UI stream as JSON texts, without their times: one per line. */
static void put_frames(asm_buffer *out, asm_str text) {
    const char *line = text.data, *end = text.data + text.size;
    asm_buffer_clear(out);
    while (line < end) {
        const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
        asm_json_reader reader;
        asm_json_writer writer;
        asm_str key, value;
        assert_non_null(next);
        if (next - line > 6 && !memcmp(line, "data: ", 6)) {
            asm_json_reader_init(&reader, asm_str_make(line + 6, (size_t)(next - line - 6)), NULL);
            asm_json_writer_init(&writer, out);
            assert_true(asm_json_enter_object(&reader));
            asm_json_begin_object(&writer);
            while (asm_json_next_member(&reader, &key)) {
                assert_true(asm_json_read_raw(&reader, &value));
                if (asm_str_equal(key, ASM_STR("timestamp"))) continue;
                asm_json_write_key(&writer, key);
                asm_json_write_raw(&writer, value);
            }
            asm_json_end_object(&writer);
            assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
            asm_buffer_append(out, ASM_STR("\n"));
        }
        line = next + 1;
    }
}

/* Whether two objects have the same members, in whatever order. */
static bool same_object(asm_str a, asm_str b) {
    asm_json_reader reader;
    asm_str key, value, other;
    if (a.size != b.size) return false;
    asm_json_reader_init(&reader, a, NULL);
    if (!asm_json_enter_object(&reader)) return false;
    while (asm_json_next_member(&reader, &key)) {
        if (!asm_json_read_raw(&reader, &value)) return false;
        if (asm_json_find(b, &key, &other, 1, NULL) != ASM_OK || !asm_str_equal(value, other)) return false;
    }
    return asm_json_reader_finish(&reader) == ASM_OK;
}

static asm_str next_line(asm_str *rest) {
    const char *end = rest->size ? (const char *)memchr(rest->data, '\n', rest->size) : NULL;
    const asm_str line = asm_str_make(rest->data, end ? (size_t)(end - rest->data) : rest->size);
    const size_t taken = line.size + (end != NULL);
    *rest = asm_str_make(rest->data + taken, rest->size - taken);
    return line;
}

static void expect_same_frames(asm_str first, asm_str second, const char *what) {
    for (int i = 1; first.size || second.size; i++) {
        const asm_str a = next_line(&first), b = next_line(&second);
        expect(same_object(a, b), "%s, frame %d: %s\n    and %s", what, i, shown(a), shown(b));
    }
}

/* AG-UI, events, AG-UI: the same stream but for times, at once and by way of a log. */
static void test_same_stream(void **state) {
    const asm_str text = file_text("tests/wire/every.ag-ui.sse");
    asm_buffer before, frames, after, log;
    asm_wire_options options;
    events in, again;
    (void)state;
    asm_buffer_init_growing(&before);
    asm_buffer_init_growing(&frames);
    asm_buffer_init_growing(&after);
    asm_buffer_init_growing(&log);
    memset(&options, 0, sizeof options);
    options.format = ASM_WIRE_AG_UI;
    put_frames(&before, text);
    expect(events_of(&in, ASM_FORMAT_AUTO, text), "the format is found out");
    expect(write_events(&in, in.count, NULL, &options, &frames) == ASM_OK, "written");
    put_frames(&after, asm_buffer_text(&frames));
    expect_same_frames(asm_buffer_text(&before), asm_buffer_text(&after), "at once");
    for (size_t i = 0; i < in.count; i++) {
        assert_int_equal(asm_event_write_json(in.all[i], &log), ASM_OK);
        asm_buffer_append(&log, ASM_STR("\n"));
    }
    expect(events_of(&again, ASM_FORMAT_ASM, asm_buffer_text(&log)) && again.count == in.count, "the log");
    expect(write_events(&again, again.count, NULL, &options, &frames) == ASM_OK, "written");
    put_frames(&after, asm_buffer_text(&frames));
    expect_same_frames(asm_buffer_text(&before), asm_buffer_text(&after), "by way of a log");
    free_events(&in);
    free_events(&again);
    asm_buffer_close(&before);
    asm_buffer_close(&frames);
    asm_buffer_close(&after);
    asm_buffer_close(&log);
    counted_free((void *)(uintptr_t)text.data);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* Cut anywhere, the stream still ends as the format wants it, and nothing is left open but by an error. */
static void test_same_stream_cut(void **state) {
    const asm_str text = file_text("tests/wire/every.ag-ui.sse");
    asm_buffer frames;
    asm_wire_options options;
    asm_event cancelled;
    events in;
    (void)state;
    asm_buffer_init_growing(&frames);
    memset(&options, 0, sizeof options);
    memset(&cancelled, 0, sizeof cancelled);
    options.format = ASM_WIRE_AG_UI;
    cancelled.type = ASM_EVENT_RUN_CANCELLED;
    cancelled.provider = ASM_STR("ag-ui");
    events_of(&in, ASM_FORMAT_AUTO, text);
    for (size_t count = 0; count <= in.count; count++) {
        asm_str rest;
        int open = 0;
        expect(write_events(&in, count, &cancelled, &options, &frames) == ASM_OK, "written");
        for (rest = asm_buffer_text(&frames); rest.size;) {
            const asm_str line = next_line(&rest);
            static const struct {
                const char *type;
                int change;
            } types[] = {
                {"TEXT_MESSAGE_START", 1},      {"TEXT_MESSAGE_END", -1},      {"TOOL_CALL_START", 1},
                {"TOOL_CALL_END", -1},          {"STEP_STARTED", 1},           {"STEP_FINISHED", -1},
                {"REASONING_MESSAGE_START", 1}, {"REASONING_MESSAGE_END", -1}, {"REASONING_START", 1},
                {"REASONING_END", -1},          {"SUBAGENT_STARTED", 1},       {"SUBAGENT_FINISHED", -1},
                {"SUBAGENT_ERROR", -1}};
            asm_str key = ASM_STR("type"), type;
            if (line.size < 6 || memcmp(line.data, "data: ", 6) != 0) continue;
            assert_int_equal(asm_json_find(asm_str_make(line.data + 6, line.size - 6), &key, &type, 1, NULL),
                             ASM_OK);
            type = asm_str_make(type.data + 1, type.size - 2);
            for (size_t i = 0; i < COUNT(types); i++)
                if (asm_str_equal(type, asm_str_from(types[i].type))) open += types[i].change;
            if (asm_str_equal(type, ASM_STR("RUN_FINISHED")))
                expect(open == 0, "after %zu: %d open", count, open);
            if (asm_str_equal(type, ASM_STR("RUN_ERROR"))) open = 0;
        }
    }
    free_events(&in);
    asm_buffer_close(&frames);
    counted_free((void *)(uintptr_t)text.data);
    end_of_cases();
}

/* Events, a format, events: compared with what was looked at. */
static void test_back(void **state) {
    static const struct {
        asm_wire_format wire;
        asm_format format;
        const char *golden;
    } formats[] = {{ASM_WIRE_AG_UI, ASM_FORMAT_AG_UI, "tests/golden/wire.ag-ui.events.jsonl"},
                   {ASM_WIRE_ACP, ASM_FORMAT_ACP, "tests/golden/wire.acp.events.jsonl"}};
    const asm_str text = file_text("tests/golden/wire.events.jsonl");
    asm_buffer frames, log;
    events in, back;
    (void)state;
    asm_buffer_init_growing(&frames);
    asm_buffer_init_growing(&log);
    events_of(&in, ASM_FORMAT_ASM, text);
    for (size_t f = 0; f < COUNT(formats); f++) {
        asm_wire_options options;
        asm_str golden;
        memset(&options, 0, sizeof options);
        options.format = formats[f].wire;
        expect(write_events(&in, in.count, NULL, &options, &frames) == ASM_OK, "written");
        expect(events_of(&back, ASM_FORMAT_AUTO, asm_buffer_text(&frames)), "found out");
        asm_buffer_clear(&log);
        for (size_t i = 0; i < back.count; i++) {
            assert_int_equal(asm_event_write_json(back.all[i], &log), ASM_OK);
            asm_buffer_append(&log, ASM_STR("\n"));
        }
        if (getenv("WIRE_GOLDEN")) {
            FILE *file = fopen(formats[f].golden, "wb");
            fwrite(log.data, 1, log.size, file);
            fclose(file);
        }
        golden = file_text(formats[f].golden);
        expect(asm_str_equal(golden, asm_buffer_text(&log)), "%s differs", formats[f].golden);
        counted_free((void *)(uintptr_t)golden.data);
        free_events(&back);
    }
    free_events(&in);
    asm_buffer_close(&frames);
    asm_buffer_close(&log);
    counted_free((void *)(uintptr_t)text.data);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_stream),
        cmocka_unit_test(test_same_stream_cut),
        cmocka_unit_test(test_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
