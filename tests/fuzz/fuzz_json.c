/* JSON: what is accepted is what a parser of another kind accepts, every way of reading gives the same, and what is
 * written again reads the same. */
#include "fuzz.h"

#include <errno.h>
#include <math.h>

/* ---- A naive parser: returns where the value at `at` ends, NULL if there is none. ---- */

typedef struct naive {
    const char *end;
    bool too_deep;
} naive;

static const char *skip_space(const naive *json, const char *at) {
    while (at < json->end && *at != 0 && strchr(" \t\r\n", *at))
        at++;
    return at;
}

static const char *skip_digits(const naive *json, const char *at) {
    const char *begin = at;
    while (at < json->end && *at >= '0' && *at <= '9')
        at++;
    return at == begin ? NULL : at;
}

static const char *skip_number(const naive *json, const char *at) {
    const char *digits;
    if (at < json->end && *at == '-') at++;
    digits = at;
    at = skip_digits(json, at);
    if (at == NULL || (*digits == '0' && at > digits + 1)) return NULL;
    if (at < json->end && *at == '.') at = skip_digits(json, at + 1);
    if (at != NULL && at < json->end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < json->end && (*at == '+' || *at == '-')) at++;
        at = skip_digits(json, at);
    }
    return at;
}

/* Appends what the string means to `text`, if it is not NULL. */
static const char *skip_string(const naive *json, const char *at, asm_buffer *text);

static const char *skip_literal(const naive *json, const char *at, const char *literal) {
    size_t size = strlen(literal);
    return (size_t)(json->end - at) >= size && memcmp(at, literal, size) == 0 ? at + size : NULL;
}

static const char *skip_value(naive *json, const char *at, unsigned depth);

static const char *skip_items(naive *json, const char *at, unsigned depth, char close) {
    if (depth == ASM_JSON_MAX_DEPTH) {
        json->too_deep = true;
        return NULL;
    }
    at = skip_space(json, at);
    if (at < json->end && *at == close) return at + 1;
    for (;;) {
        if (close == '}') {
            at = skip_string(json, skip_space(json, at), NULL);
            if (at == NULL) return NULL;
            at = skip_space(json, at);
            if (at == json->end || *at++ != ':') return NULL;
        }
        at = skip_value(json, at, depth + 1);
        if (at == NULL || at == json->end) return NULL;
        if (*at == close) return at + 1;
        if (*at++ != ',') return NULL;
    }
}

/* With the white space around it. */
static const char *skip_value(naive *json, const char *at, unsigned depth) {
    at = skip_space(json, at);
    if (at == json->end) return NULL;
    if (*at == '{') at = skip_items(json, at + 1, depth, '}');
    else if (*at == '[') at = skip_items(json, at + 1, depth, ']');
    else if (*at == '"') at = skip_string(json, at, NULL);
    else if (*at == 't') at = skip_literal(json, at, "true");
    else if (*at == 'f') at = skip_literal(json, at, "false");
    else if (*at == 'n') at = skip_literal(json, at, "null");
    else at = skip_number(json, at);
    return at == NULL ? NULL : skip_space(json, at);
}

static bool read_hex(const naive *json, const char *at, uint32_t *value) {
    *value = 0;
    if (json->end - at < 4) return false;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
        const char *digit = at[i] ? strchr(digits, at[i]) : NULL;
        if (digit == NULL) return false;
        *value = *value * 16 + (uint32_t)(digit - digits) / 2;
    }
    return true;
}

static const char *skip_string(const naive *json, const char *at, asm_buffer *text) {
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (at == json->end || *at++ != '"') return NULL;
    while (at < json->end && *at != '"') {
        uint32_t c, low;
        bool valid;
        char bytes[4];
        if (*at != '\\') {
            size_t size = reference_decode(at, (size_t)(json->end - at), &c, &valid);
            if (!valid || c < 0x20) return NULL;
            at += size;
        } else if (json->end - at < 2 || at[1] == 0) {
            return NULL;
        } else if (at[1] == 'u') {
            if (!read_hex(json, at + 2, &c)) return NULL;
            at += 6;
            if (c >= 0xD800 && c < 0xDC00 && json->end - at >= 2 && at[0] == '\\' && at[1] == 'u' &&
                read_hex(json, at + 2, &low) && low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                at += 6;
            }
            if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
        } else {
            const char *escape = strchr(escapes, at[1]);
            if (escape == NULL) return NULL;
            c = (uint32_t)meanings[escape - escapes];
            at += 2;
        }
        if (text) asm_buffer_append(text, asm_str_make(bytes, reference_encode(c, bytes)));
    }
    return at < json->end ? at + 1 : NULL;
}

static bool naive_accepts(asm_str text, bool *too_deep) {
    naive json = {text.data + text.size, false};
    const char *end = skip_value(&json, text.data, 0);
    *too_deep = json.too_deep;
    return end == json.end;
}

/* ---- Single values ---- */

/* A number against the C library's reading of it. */
static void check_number(asm_str raw) {
    char text[512];
    double value = 0;
    int64_t integer = 0;
    bool is_integer = true;
    if (raw.size >= sizeof text) return;
    memcpy(text, raw.data, raw.size);
    text[raw.size] = 0;
    const double expected = strtod(text, NULL);
    expect(asm_json_to_double(raw, &value) == (isinf(expected) == 0), "%s", text);
    if (!isinf(expected))
        expect(memcmp(&value, &expected, sizeof value) == 0, "%s: %a, %a", text, value, expected);
    for (size_t i = 0; i < raw.size; i++)
        is_integer = is_integer && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'));
    errno = 0;
    const long long expected_integer = strtoll(text, NULL, 10);
    is_integer = is_integer && errno == 0;
    expect(asm_json_to_int64(raw, &integer) == is_integer, "%s", text);
    if (is_integer) expect(integer == expected_integer, "%s", text);
}

/* What a string says in pieces, of a size that depends on it, and by code points. */
static void check_pieces(asm_str inside, asm_str text) {
    char memory[64];
    const size_t size = 4 + inside.size % 61;
    asm_buffer pieces;
    size_t at = 0, by_piece = 0, by_code = 0;
    asm_buffer_init_growing(&pieces);
    while (by_piece < inside.size)
        asm_buffer_append(&pieces, asm_json_string_piece(inside, &by_piece, memory, size));
    expect_text(asm_buffer_text(&pieces), text);
    while (by_code < inside.size && at < text.size) {
        const uint32_t code = asm_json_string_decode(inside, &by_code);
        expect(code == asm_utf8_decode(text, &at), "%s", shown(inside));
    }
    expect(by_code == inside.size && at == text.size, "%s", shown(inside));
    asm_buffer_close(&pieces);
}

static void check_string(asm_str raw) {
    naive json = {raw.data + raw.size, false};
    asm_buffer expected, scratch;
    asm_str text = {NULL, 0};
    asm_buffer_init_growing(&expected);
    asm_buffer_init_growing(&scratch);
    skip_string(&json, raw.data, &expected);
    expect(asm_json_to_string(raw, &scratch, &text), "%s", shown(raw));
    expect_text(text, asm_buffer_text(&expected));
    check_pieces(asm_json_string_inside(raw), text);
    asm_buffer_close(&expected);
    asm_buffer_close(&scratch);
}

/* ---- Whole values ---- */

/* Reads a value of any kind and writes it again; `look` at the single values on the way. */
static void copy_value(asm_json_reader *reader, asm_json_writer *writer, bool look) {
    char closing[ASM_JSON_MAX_DEPTH + 1];
    size_t depth = 0;
    for (;;) {
        const asm_json_type type = asm_json_peek(reader);
        asm_str text;
        bool truth;
        if (type == ASM_JSON_OBJECT) {
            if (!asm_json_enter_object(reader)) return;
            asm_json_begin_object(writer);
            closing[depth++] = '}';
        } else if (type == ASM_JSON_ARRAY) {
            if (!asm_json_enter_array(reader)) return;
            asm_json_begin_array(writer);
            closing[depth++] = ']';
        } else if (type == ASM_JSON_STRING) {
            asm_json_reader before = *reader;
            if (look && asm_json_read_raw(&before, &text)) check_string(text);
            if (asm_json_read_string(reader, &text)) asm_json_write_string(writer, text);
        } else if (type == ASM_JSON_NUMBER) {
            if (!asm_json_read_raw(reader, &text)) return;
            if (look) check_number(text);
            asm_json_write_raw(writer, text);
        } else if (type == ASM_JSON_BOOL) {
            if (asm_json_read_bool(reader, &truth)) asm_json_write_bool(writer, truth);
        } else if (asm_json_read_null(reader)) { /* or what stands there is an error */
            asm_json_write_null(writer);
        }
        for (;;) { /* to where the next value stands */
            if (depth == 0 || reader->error.result != ASM_OK) return;
            if (closing[depth - 1] == '}' ? asm_json_next_member(reader, &text)
                                          : asm_json_next_element(reader))
                break;
            if (reader->error.result != ASM_OK) return;
            if (closing[--depth] == '}') asm_json_end_object(writer);
            else asm_json_end_array(writer);
        }
        if (closing[depth - 1] == '}') asm_json_write_key(writer, text);
    }
}

/* The text read and written again; the error of reading it. */
static asm_result rewrite(asm_str text, bool in_place, bool look, asm_buffer *out) {
    char *block = exact_copy(text.data, text.size);
    asm_buffer scratch;
    asm_json_reader reader;
    asm_json_writer writer;
    asm_buffer_init_growing(&scratch);
    if (in_place) asm_json_reader_init_in_place(&reader, block, text.size);
    else asm_json_reader_init(&reader, asm_str_make(block, text.size), &scratch);
    asm_buffer_clear(out);
    asm_json_writer_init(&writer, out);
    copy_value(&reader, &writer, look);
    const asm_result result = asm_json_reader_finish(&reader);
    if (result == ASM_OK) expect(asm_json_writer_finish(&writer) == ASM_OK, "%s", shown(text));
    asm_buffer_close(&scratch);
    free_block(block, text.size);
    return result;
}

static void check_text(asm_str text) {
    bool too_deep;
    const bool is_valid = naive_accepts(text, &too_deep);
    asm_json_error error;
    asm_json_writer writer;
    asm_buffer out, again, raw;
    asm_buffer_init_growing(&out);
    asm_buffer_init_growing(&again);
    asm_buffer_init_growing(&raw);
    expect((asm_json_check(text, &error) == ASM_OK) == is_valid, "%s: %s", shown(text), error.message);
    expect(error.offset <= text.size, "%s", shown(text));
    if (too_deep) expect(error.result == ASM_ERR_DEPTH, "%s: %s", shown(text), error.message);

    const asm_result result = rewrite(text, false, true, &out);
    expect(result == error.result, "%s: %s, %s", shown(text), error.message, asm_result_string(result));
    expect(rewrite(text, true, false, &again) == result, "%s in place", shown(text));
    asm_json_writer_init(&writer, &raw);
    expect(asm_json_write_raw(&writer, text) == result, "%s raw", shown(text));
    if (is_valid) {
        expect_text(asm_buffer_text(&again), asm_buffer_text(&out));
        expect(rewrite(asm_buffer_text(&out), false, false, &again) == ASM_OK, "%s", shown(text));
        expect_text(asm_buffer_text(&again), asm_buffer_text(&out));
        expect(rewrite(asm_buffer_text(&raw), false, false, &again) == ASM_OK, "%s", shown(text));
        expect_text(asm_buffer_text(&again), asm_buffer_text(&out));
    } else {
        expect(raw.size == 0, "%s", shown(text));
    }
    asm_buffer_close(&out);
    asm_buffer_close(&again);
    asm_buffer_close(&raw);
}

/* Any bytes: which are UTF-8 and which are not, and what no JSON string holds. */
static void check_bytes(asm_str text) {
    size_t at = 0, valid = SIZE_MAX, count = 0, piece = 0, total = 0;
    char memory[16];
    for (; at < text.size; count++) {
        uint32_t code;
        bool is_valid;
        const size_t size = reference_decode(text.data + at, text.size - at, &code, &is_valid);
        if (!is_valid && valid == SIZE_MAX) valid = at;
        at += size;
    }
    expect(asm_utf8_check(text) == (valid == SIZE_MAX ? text.size : valid), "%s", shown(text));
    expect(asm_utf8_count(text) == count, "%s", shown(text));
    while (piece < text.size)
        total += asm_json_string_piece(text, &piece, memory, sizeof memory).size;
    expect(total <= text.size, "%s", shown(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *block = exact_copy((const char *)data, size);
    check_text(asm_str_make(block, size));
    check_bytes(asm_str_make(block, size));
    free_block(block, size);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
