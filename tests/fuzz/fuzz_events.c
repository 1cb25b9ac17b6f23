/* Events: reading in place gives the same, what was read is written and read again without loss, and so is its copy.
 * An input that begins with a control character picks whole members, since mutations seldom make one; those must
 * mean the same with white space between them. */
#include "fuzz.h"

typedef struct reading {
    asm_event event;
    asm_buffer scratch;
    asm_result result;
    char *block;
    size_t size;
} reading;

static void read_line(reading *read, asm_str line, bool in_place) {
    asm_json_error error;
    read->size = line.size;
    read->block = exact_copy(line.data, line.size);
    asm_buffer_init_growing(&read->scratch);
    read->result =
        in_place
            ? asm_event_read_json_in_place(&read->event, read->block, line.size, &read->scratch, &error)
            : asm_event_read_json(&read->event, asm_str_make(read->block, line.size), &read->scratch, &error);
    expect(read->result == error.result, "%s", shown(line));
    expect(error.offset <= line.size, "%s", shown(line));
}

static void end_reading(reading *read) {
    asm_buffer_close(&read->scratch);
    free_block(read->block, read->size);
}

static void write_event(const asm_event *event, asm_buffer *out, asm_str line) {
    asm_buffer_clear(out);
    const asm_result result = asm_event_write_json(event, out);
    expect(result == ASM_OK, "%s: %s", shown(line), asm_result_string(result));
    expect(asm_json_check(asm_buffer_text(out), NULL) == ASM_OK, "%s became %s", shown(line),
           shown(asm_buffer_text(out)));
    expect(out->size == 0 || memchr(out->data, '\n', out->size) == NULL, "%s", shown(line));
}

/* Whether two values mean the same. */
static bool is_same(asm_str a, asm_str b) {
    double a_number, b_number;
    asm_str a_text = {NULL, 0}, b_text = {NULL, 0};
    asm_buffer scratch[2];
    asm_json_writer writer;
    bool same;
    const asm_json_type type = asm_json_type_of(a);
    if (type == ASM_JSON_NULL && b.data == NULL) return true;
    if (b.data == NULL || asm_json_type_of(b) != type) return false;
    if (asm_json_to_double(a, &a_number)) return asm_json_to_double(b, &b_number) && a_number == b_number;
    asm_buffer_init_growing(&scratch[0]);
    asm_buffer_init_growing(&scratch[1]);
    if (type == ASM_JSON_STRING) {
        same = asm_json_to_string(a, &scratch[0], &a_text) && asm_json_to_string(b, &scratch[1], &b_text) &&
               asm_str_equal(a_text, b_text);
    } else {
        asm_json_writer_init(&writer, &scratch[0]);
        asm_json_write_raw(&writer, a);
        asm_json_writer_init(&writer, &scratch[1]);
        asm_json_write_raw(&writer, b);
        same = asm_str_equal(asm_buffer_text(&scratch[0]), asm_buffer_text(&scratch[1]));
    }
    asm_buffer_close(&scratch[0]);
    asm_buffer_close(&scratch[1]);
    return same;
}

/* Every member of the object `before` is in `after`, the last of those with one name; but for `ts`, whose form may
 * change. */
static void check_members(asm_str before, asm_str after, asm_str line, bool is_data) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str key;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, before, &scratch);
    if (asm_json_peek(&reader) == ASM_JSON_OBJECT) asm_json_enter_object(&reader); /* data may be null */
    else asm_json_read_null(&reader);
    while (asm_json_next_member(&reader, &key)) {
        asm_str was, is;
        if (key.size > 40) continue; /* with every byte escaped it is too long for asm_json_find() */
        asm_json_find(before, &key, &was, 1, NULL);
        asm_json_find(after, &key, &is, 1, NULL);
        if (asm_str_equal(key, ASM_STR("ts"))) expect(is.data != NULL || was.size <= 4, "%s", shown(line));
        else if (asm_str_equal(key, ASM_STR("data")) && !is_data) check_members(was, is, line, true);
        else expect(is_same(was, is), "%s: %s is %s", shown(line), shown(key), shown(is));
    }
    asm_buffer_close(&scratch);
}

static void check_copy(const asm_event *event, asm_str written) {
    const size_t size = asm_event_copy_size(event);
    char *block = (char *)malloc(size);
    asm_buffer again;
    assert_non_null(block);
    asm_buffer_init_growing(&again);
    expect(asm_event_copy(event, block, size - 1) == NULL, "%s", shown(written));
    const asm_event *copy = asm_event_copy(event, block, size);
    assert_non_null(copy);
    write_event(copy, &again, written);
    expect_text(asm_buffer_text(&again), written);
    asm_buffer_close(&again);
    free(block);
}

static void check_compact(const asm_event *event, asm_str line) {
    asm_buffer compact, scratch;
    asm_event again;
    asm_buffer_init_growing(&compact);
    asm_buffer_init_growing(&scratch);
    if (asm_event_write_compact(event, &compact) == ASM_OK)
        expect(asm_event_read_compact(&again, asm_buffer_text(&compact), &scratch, NULL) == ASM_OK, "%s: %s",
               shown(line), shown(asm_buffer_text(&compact)));
    else expect(compact.size == 0, "%s", shown(line));
    asm_buffer_close(&compact);
    asm_buffer_close(&scratch);
}

static void check_line(asm_str line) {
    reading read, in_place, again;
    asm_buffer written, rewritten;
    asm_event compact;
    asm_buffer_init_growing(&written);
    asm_buffer_init_growing(&rewritten);
    read_line(&read, line, false);
    read_line(&in_place, line, true);
    expect(read.result == in_place.result, "%s", shown(line));
    if (read.result == ASM_OK && in_place.result == ASM_OK) {
        write_event(&read.event, &written, line);
        write_event(&in_place.event, &rewritten, line);
        expect_text(asm_buffer_text(&rewritten), asm_buffer_text(&written));
        check_members(line, asm_buffer_text(&written), line, false);
        read_line(&again, asm_buffer_text(&written), false);
        expect(again.result == ASM_OK, "%s: %s", shown(line), shown(asm_buffer_text(&written)));
        write_event(&again.event, &rewritten, line);
        expect_text(asm_buffer_text(&rewritten), asm_buffer_text(&written));
        end_reading(&again);
        check_copy(&read.event, asm_buffer_text(&written));
        check_compact(&read.event, line);
    } else {
        expect(read.event.type == 0 && read.event.session_id.data == NULL, "%s", shown(line));
    }
    end_reading(&read);
    end_reading(&in_place);
    asm_buffer_init_growing(&read.scratch);
    asm_event_read_compact(&compact, line, &read.scratch, NULL);
    asm_buffer_close(&read.scratch);
    asm_buffer_close(&written);
    asm_buffer_close(&rewritten);
}

/* Members as they are usual, and as they are not; `data` goes on up to the brace. */
static const char *const picks[] = {
    "\"ts\":\"2026-02-09T12:00:00.123456Z\"",
    "\"ts\":\"2026-02-09T12:00:00.123Z\"",
    "\"ts\":\"2026-02-30T12:00:00.123456Z\"",
    "\"type\":\"message_streamed\"",
    "\"type\":\"tool_call_completed\"",
    "\"type\":\"run_completed\"",
    "\"type\":\"my\\u002etype\"",
    "\"data\":{",
    "}",
    "\"data\":null",
    "\"delta\":\"Hello, world\"",
    "\"delta\":\"\\\"H\xC3\xA9\\n\"",
    "\"delta\":7",
    "\"tool_name\":\"Read\"",
    "\"tool_output\":\"a text\"",
    "\"tool_output\":\"\\\\\\t\"",
    "\"tool_output\":{\"a\":[1,{}]}",
    "\"tool_output\":null",
    "\"num_turns\":12",
    "\"num_turns\":1e400",
    "\"session_id\":\"ses_12345678\"",
    "\"session\\u005fid\":\"ses_2\"",
    "\"session_id\":\"\\u00e9\"",
    "\"run_id\":\"run_12345678\"",
    "\"run_id\":{}",
    "\"provider\":\"claude\"",
    "\"agent_id\":\"a\"",
    "\"id\":\"e1\"",
    "\"sequence_number\":7",
    "\"sequence_number\":0",
    "\"correlation_id\":\"c\"",
    "\"metadata\":{\"k\":\"v\"}",
    "\"metadata\":[]",
    "\"unknown\":\"u\"",
    "\"\\u0075nknown\":[\"u\"]",
    "\"run_id\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
};

static asm_str pick_line(asm_str input, const char *space, asm_buffer *line) {
    bool in_data = false, is_first = true;
    asm_buffer_append_byte(line, '{');
    for (size_t i = 0; i < input.size; i++) {
        const char *pick = picks[(unsigned char)input.data[i] % COUNT(picks)];
        const asm_str text = asm_str_from(pick);
        const bool opens = text.data[text.size - 1] == '{', closes = *pick == '}';
        if ((opens && in_data) || (closes && !in_data)) continue;
        asm_buffer_append(line, asm_str_from(space));
        if (!is_first && !closes) asm_buffer_append_byte(line, ',');
        asm_buffer_append(line, asm_str_from(space));
        asm_buffer_append(line, text);
        if (opens || closes) in_data = opens;
        is_first = opens;
    }
    asm_buffer_append(line, asm_str_from(in_data ? "}}" : "}"));
    return asm_buffer_text(line);
}

static void check_picked(asm_str input) {
    asm_buffer lines[2], written[2];
    reading read[2];
    for (int i = 0; i < 2; i++) {
        asm_buffer_init_growing(&lines[i]);
        asm_buffer_init_growing(&written[i]);
        const asm_str line = pick_line(input, i == 0 ? "" : " ", &lines[i]);
        check_line(line);
        read_line(&read[i], line, false);
        if (read[i].result == ASM_OK) write_event(&read[i].event, &written[i], line);
    }
    expect(read[0].result == read[1].result, "%s", shown(asm_buffer_text(&lines[0])));
    expect_text(asm_buffer_text(&written[1]), asm_buffer_text(&written[0]));
    for (int i = 0; i < 2; i++) {
        end_reading(&read[i]);
        asm_buffer_close(&written[i]);
        asm_buffer_close(&lines[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *block = exact_copy((const char *)data, size);
    if (size > 1 && size < 40 && data[0] < 0x20) check_picked(asm_str_make(block + 1, size - 1));
    else check_line(asm_str_make(block, size));
    free_block(block, size);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
