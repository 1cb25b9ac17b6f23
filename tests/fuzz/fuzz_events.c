/* Events: reading in place gives the same, what was read is written and read again without loss, and so is its copy.
 * By its first byte, an input is
 *       0x00 to 0x1F   members to be picked, since mutations of bytes seldom make a whole one; those must mean the same
 *                      with white space between them
 *       0xF8           members of one type, picked from the table of events, with any value in any place
 *       0xF9           an event whose fields are filled, also from the table: the line is to give the same event
 *       any other      a line */
#define ASM_EVENTS_IMPLEMENTATION
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

/* The digits of a number from the first that is not 0 to the last, and the power of ten of the first. Returns how
 * many there are. */
static size_t significant_digits(asm_str number, char digits[128], long *power) {
    size_t count = 0, i = number.size > 0 && number.data[0] == '-';
    bool after_point = false;
    long exponent = -1;
    for (; i < number.size && number.data[i] != 'e' && number.data[i] != 'E'; i++) {
        if (number.data[i] == '.') after_point = true;
        else if (count > 0 || number.data[i] != '0') {
            assert_true(count < 128);
            digits[count++] = number.data[i];
            if (!after_point) exponent++;
        } else if (after_point) {
            exponent--;
        }
    }
    if (i < number.size)
        exponent += strtol(number.data + i + 1, NULL, 10); /* a quote, a comma or a brace follows */
    while (count > 0 && digits[count - 1] == '0')
        count--;
    *power = exponent;
    return count;
}

/* Whether two numbers are the same, all of their digits. */
static bool is_same_number(asm_str a, asm_str b) {
    char a_digits[128], b_digits[128];
    long a_power, b_power;
    if (asm_str_equal(a, b)) return true;
    if (a.size > 100 || b.size > 100) return false;
    const size_t a_count = significant_digits(a, a_digits, &a_power);
    const size_t b_count = significant_digits(b, b_digits, &b_power);
    return a_count == b_count && memcmp(a_digits, b_digits, a_count) == 0 &&
           (a_count == 0 || a_power == b_power) && (a.data[0] == '-') == (b.data[0] == '-');
}

/* Whether a time was written as it was, or in another form that tells the same. */
static bool is_same_time(asm_str was, asm_str is) {
    asm_time before, after;
    asm_str text;
    if (asm_str_equal(was, is)) return true;
    if (!asm_json_to_string(was, NULL, &text) || asm_time_parse(text, &before, NULL) != ASM_OK) return false;
    size_t end = text.size;
    if ((text.data[end - 1] | 0x20) == 'z') end--;
    else if (end > 6 && (memcmp(text.data + end - 5, "00:00", 5) == 0)) end -= 6;
    else if (end > 5 && (memcmp(text.data + end - 4, "0000", 4) == 0)) end -= 5;
    else return false; /* an offset */
    for (size_t i = 26; i < end; i++)
        if (text.data[i] != '0') return false; /* parts of microseconds */
    return text.data[17] != '6' && asm_json_to_string(is, NULL, &text) &&
           asm_time_parse(text, &after, NULL) == ASM_OK && before == after;
}

/* Whether two values mean the same. */
static bool is_same(asm_str a, asm_str b) {
    asm_str a_text = {NULL, 0}, b_text = {NULL, 0};
    asm_buffer scratch[2];
    asm_json_writer writer;
    bool same;
    const asm_json_type type = asm_json_type_of(a);
    if (type == ASM_JSON_NULL && b.data == NULL) return true;
    if (b.data == NULL || asm_json_type_of(b) != type) return false;
    if (type == ASM_JSON_NUMBER) return is_same_number(a, b);
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

/* Every member of the object `before` is in `after`, the last of those with one name. */
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
        if (!is_data && asm_json_type_of(was) == ASM_JSON_STRING && asm_str_equal(key, ASM_STR("ts")))
            expect(is_same_time(was, is), "%s: ts is %s", shown(line), shown(is));
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
    if (asm_event_read_compact(&compact, line, &read.scratch, NULL) == ASM_OK)
        write_event(&compact, &rewritten, line);
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

/* ---- Members from the table ---- */

static const char *const values[] = {
    "\"\"",
    "\"text\"",
    "\"a\\n\\u00e9\"",
    "\"\xC3\xA9\"",
    "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
    "\"2026-02-09T12:00:00.123456Z\"",
    "\"2026-02-09T12:00:00.123Z\"",
    "\"2026-02-09T13:00:00+01:00\"",
    "\"2026-02-09T12:00:60.000Z\"",
    "\"2026-02-09t12:00:00.1234560\\u005a\"",
    "\"2026-02-09 12:00:00.1234567Z\"",
    "0",
    "-0",
    "7",
    "9223372036854775808",
    "12.50",
    "0.1000000000000000055511151231257827",
    "1e-400",
    "-4e-310",
    "1e400",
    "true",
    "false",
    "null",
    "{}",
    "{\"a\":[1,{}],\"\\u0061\":\"\\/\"}",
    "[]",
    "[ 1 , \"\\n\" ]",
};

static const char *const names[] = {"x", "\\u0078", "", "trace_id", "texts", "type_", "\xC3\xA9", "data_"};

/* Appends a member of a list, of none, or one whose name has an escape. */
static void append_member(asm_buffer *line, const asm__fields *fields, fuzz_input *input, const char *space) {
    const unsigned pick = fuzz_byte(input), row = pick % (fields->count + 3);
    char escaped[8];
    asm_buffer_append_byte(line, '"');
    if (row < fields->count) {
        const asm_str name = asm_str_make(fields->list[row].key + 1, (size_t)fields->list[row].key_size - 3);
        const size_t at = pick >= 200 ? pick % name.size : name.size;
        asm_buffer_append(line, asm_str_make(name.data, at));
        if (at < name.size) {
            sprintf(escaped, "\\u00%02x", (unsigned)(unsigned char)name.data[at]);
            asm_buffer_append(line, asm_str_from(escaped));
            asm_buffer_append(line, asm_str_make(name.data + at + 1, name.size - at - 1));
        }
    } else {
        asm_buffer_append(line, asm_str_from(names[fuzz_byte(input) % COUNT(names)]));
    }
    asm_buffer_append_byte(line, '"');
    asm_buffer_append(line, asm_str_from(space));
    asm_buffer_append_byte(line, ':');
    asm_buffer_append(line, asm_str_from(space));
    asm_buffer_append(line, asm_str_from(values[fuzz_byte(input) % COUNT(values)]));
}

static void append_members(asm_buffer *line, const asm__fields *fields, fuzz_input *input,
                           const char *space) {
    for (unsigned count = fuzz_byte(input) % 16; count > 0 && input->left > 0; count--) {
        append_member(line, fields, input, space);
        asm_buffer_append_byte(line, ',');
        asm_buffer_append(line, asm_str_from(space));
    }
}

/* A line: some members, the type, its data, some more. */
static void check_from_table(fuzz_input input) {
    static const char *const spaces[] = {"", " ", "\t\n"};
    const asm_event_type type = (asm_event_type)(fuzz_byte(&input) % ASM_EVENT_TYPE_COUNT);
    const char *space = spaces[fuzz_byte(&input) % COUNT(spaces)];
    const unsigned order = fuzz_byte(&input);
    asm_buffer line;
    asm_buffer_init_growing(&line);
    asm_buffer_append_byte(&line, '{');
    if (order & 1) append_members(&line, &asm__envelope_rows, &input, space);
    for (unsigned i = 0; i < 2; i++) {
        if (i == (order >> 1 & 1)) {
            asm_buffer_append(&line, ASM_STR("\"type\":\""));
            asm_buffer_append(&line, asm_event_type_name(type));
            asm_buffer_append(&line, ASM_STR("\","));
        } else {
            asm_buffer_append(&line, ASM_STR("\"data\":{"));
            append_members(&line, asm__types[type].fields, &input, space);
            append_member(&line, asm__types[type].fields, &input, space);
            asm_buffer_append(&line, ASM_STR("},"));
        }
        if (order & 4) append_members(&line, &asm__envelope_rows, &input, space);
    }
    append_member(&line, &asm__envelope_rows, &input, space);
    asm_buffer_append_byte(&line, '}');
    if (order & 8) line.size -= fuzz_byte(&input) % line.size;
    check_line(asm_buffer_text(&line));
    asm_buffer_close(&line);
}

/* ---- Events from the table ---- */

static asm_str pick_text(fuzz_input *input) {
    static const char *const texts[] = {"",
                                        "text",
                                        "a \"b\"\n\\",
                                        "\xC3\xA9\xE2\x82\xAC",
                                        "\x01\x7F",
                                        "01234567890123456789012345678901",
                                        "0123456789012345678901234567890123456789"};
    return asm_str_from(texts[fuzz_byte(input) % COUNT(texts)]);
}

static void fill_field(char *place, unsigned kind, fuzz_input *input) {
    static const char *const jsons[] = {"{}",    "{\"a\":[1,{}]}", "[]",    "[1,\"\\n\"]",
                                        "\"s\"", "null",           "-12.50"};
    static const double doubles[] = {0, -0.0, 0.1, 1e22, 1e-310, -12.5, 1.7976931348623157e308};
    static const int64_t integers[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1234567};
    const unsigned pick = fuzz_byte(input);
    switch (kind) {
    case ASM__TEXT:
    case ASM__TEXT_OR_JSON:
        *(asm_str *)(void *)place = pick_text(input);
        break;
    case ASM__JSON:
    case ASM__JSON_OBJECT:
    case ASM__JSON_ARRAY:
        *(asm_str *)(void *)place = asm_str_from(
            jsons[kind == ASM__JSON ? pick % COUNT(jsons) : (kind == ASM__JSON_ARRAY ? 2 : 0) + pick % 2]);
        break;
    case ASM__INT64:
        *(asm_optional_int64 *)(void *)place = ASM_INT64(integers[pick % COUNT(integers)]);
        break;
    case ASM__DOUBLE:
        *(asm_optional_double *)(void *)place = ASM_DOUBLE(doubles[pick % COUNT(doubles)]);
        break;
    case ASM__BOOL:
        *(asm_optional_bool *)(void *)place = ASM_BOOL(pick % 2 == 0);
        break;
    case ASM__TRUE:
        *(asm_optional_bool *)(void *)place = ASM_BOOL(true);
        break;
    case ASM__SEQUENCE:
        *(int64_t *)(void *)place = integers[1 + pick % (COUNT(integers) - 1)];
        break;
    case ASM__TIME:
        *(asm_time *)(void *)place = 1770638417968111 - (asm_time)pick * 1000001;
        break;
    default:
        break; /* the type and the data */
    }
}

static void fill_fields(char *base, const asm__fields *fields, fuzz_input *input) {
    for (size_t i = 0; i < fields->count; i++) {
        asm_str *json = (asm_str *)(void *)(base + fields->list[i].offset);
        if (fuzz_byte(input) % 3 != 0) continue;
        fill_field(base + fields->list[i].offset, fields->list[i].kind, input);
        if (i > 0 && fields->pairs >> (i - 1) & 1 && asm_json_type_of(*json) == ASM_JSON_STRING)
            *json = ASM_STR("{}"); /* a string is text */
    }
}

/* Whether the fields that are set hold the same. */
static bool have_same_fields(const char *a, const char *b, const asm__fields *fields) {
    const uint32_t pairs = (fields->set(a) & fields->pairs) << 1; /* not written beside a text */
    if ((fields->set(a) & ~pairs) != fields->set(b)) return false;
    for (size_t i = 0; i < fields->count; i++) {
        const asm__field *field = &fields->list[i];
        const void *x = a + field->offset, *y = b + field->offset;
        if (!(fields->set(b) >> i & 1) || field->kind == ASM__TYPE || field->kind == ASM__DATA) continue;
        if (field->kind <= ASM__JSON_ARRAY && !asm_str_equal(*(const asm_str *)x, *(const asm_str *)y))
            return false;
        if (field->kind == ASM__INT64 || field->kind == ASM__DOUBLE || field->kind == ASM__SEQUENCE ||
            field->kind == ASM__TIME) {
            if (memcmp(x, y, 8) != 0) return false;
        } else if (field->kind == ASM__BOOL && memcmp(x, y, sizeof(bool)) != 0) {
            return false;
        }
    }
    return true;
}

static void check_filled(fuzz_input input) {
    asm_buffer written, rewritten;
    reading read;
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = (asm_event_type)(fuzz_byte(&input) % ASM_EVENT_TYPE_COUNT);
    const unsigned rest = fuzz_byte(&input);
    char *payload = (char *)&event + ASM__PAYLOAD_OFFSET;
    fill_fields(payload, asm__types[event.type].fields, &input);
    fill_fields((char *)&event, &asm__envelope_rows, &input);
    if (event.type == ASM_EVENT_CUSTOM) event.type_name = ASM_STR("my \"type\"");
    if (rest & 1) event.extra = ASM_STR("{\"x\":1,\"y\":[\"\\n\"]}");
    if (rest & 2) event.extension = ASM_STR("{\"x\":{\"y\":null},\"\\u0078\":2}");
    asm_buffer_init_growing(&written);
    asm_buffer_init_growing(&rewritten);
    write_event(&event, &written, ASM_STR("an event"));
    for (int in_place = 0; in_place < 2; in_place++) {
        read_line(&read, asm_buffer_text(&written), in_place != 0);
        expect(read.result == ASM_OK, "%s", shown(asm_buffer_text(&written)));
        expect(read.event.type == event.type && read.event.time == event.time, "%s",
               shown(asm_buffer_text(&written)));
        expect(have_same_fields((const char *)&event, (const char *)&read.event, &asm__envelope_rows), "%s",
               shown(asm_buffer_text(&written)));
        expect(have_same_fields(payload, (const char *)&read.event + ASM__PAYLOAD_OFFSET,
                                asm__types[event.type].fields),
               "%s", shown(asm_buffer_text(&written)));
        expect(asm_str_equal(read.event.extra, event.extra), "%s", shown(asm_buffer_text(&written)));
        expect(asm_str_equal(read.event.extension, event.extension), "%s", shown(asm_buffer_text(&written)));
        write_event(&read.event, &rewritten, asm_buffer_text(&written));
        expect_text(asm_buffer_text(&rewritten), asm_buffer_text(&written));
        check_copy(&read.event, asm_buffer_text(&written));
        end_reading(&read);
    }
    asm_buffer_close(&written);
    asm_buffer_close(&rewritten);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *block = exact_copy((const char *)data, size);
    if (size > 1 && size < 40 && data[0] < 0x20) check_picked(asm_str_make(block + 1, size - 1));
    else if (size > 1 && data[0] == 0xF8) check_from_table(fuzz_begin(data + 1, size - 1));
    else if (size > 1 && data[0] == 0xF9) check_filled(fuzz_begin(data + 1, size - 1));
    else check_line(asm_str_make(block, size));
    free_block(block, size);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
