/* Tests of asm_json.h: the values that asm__spans_read() notes, against reading them one by one. */
#define ASM_JSON_IMPLEMENTATION
#include <stdlib.h>

#include "support.h"

static uint64_t random_state = 7;

static size_t below(size_t limit) {
    return (size_t)(next_random(&random_state) % limit);
}

/* A string that is long or short, with escapes of all kinds, or an object's key without. */
static void add_string(asm_buffer *out, bool key) {
    static const char *const pieces[] = {"a",       "quick brown fox", "\\n", "\\\"",         "\\\\",
                                         "\\u00e9", "\xC3\xA9",        "\\/", "\xE4\xB8\xAD", "{[:,]}"};
    size_t count = below(8) == 0 ? below(60) : below(4);
    asm_buffer_append_byte(out, '"');
    for (; count > 0; count--) {
        const char *piece = pieces[below(sizeof pieces / sizeof pieces[0])];
        asm_buffer_append(out, asm_str_from(key && piece[0] == '\\' ? "k" : piece));
    }
    asm_buffer_append_byte(out, '"');
}

static void add_value(asm_buffer *out, unsigned depth) {
    static const char *const scalars[] = {"0",    "-1.5e3", "true", "false",
                                          "null", "{}",     "[]",   "1234567890123"};
    const size_t kind = below(depth < 6 ? 4 : 2);
    size_t count = below(7);
    if (kind == 0) add_string(out, false);
    if (kind == 1) asm_buffer_append(out, asm_str_from(scalars[below(8)]));
    if (kind < 2) return;
    asm_buffer_append_byte(out, kind == 2 ? '{' : '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) asm_buffer_append(out, asm_str_from(below(9) ? "," : " , "));
        if (kind == 2) {
            add_string(out, true);
            asm_buffer_append(out, asm_str_from(below(9) ? ":" : " : "));
        }
        add_value(out, depth + 1);
    }
    asm_buffer_append_byte(out, kind == 2 ? '}' : ']');
}

/* Reads the value at the reader and checks its spans from number `at` on; returns the number after them. */
static uint32_t check_value(const asm__spans *spans, asm_str value, uint32_t at) {
    const asm__span *span = asm__spans_find(spans, value.data);
    asm_json_reader reader;
    asm_str key, inside;
    uint32_t next = at + 1;
    expect(span == &spans->list[at], "the value at %u is found", (unsigned)at);
    expect(span->end == value.data + value.size, "where the value at %u ends", (unsigned)at);
    asm_json_reader_init(&reader, value, NULL);
    if (*value.data == '{') {
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &key)) {
            expect(spans->list[next].begin == key.data, "the key at %u", (unsigned)next);
            expect(spans->list[next].end == key.data + key.size, "the key at %u", (unsigned)next);
            asm_json_read_raw(&reader, &inside);
            next = check_value(spans, inside, next + 1);
        }
    } else if (*value.data == '[') {
        asm_json_enter_array(&reader);
        while (asm_json_next_element(&reader)) {
            asm_json_read_raw(&reader, &inside);
            next = check_value(spans, inside, next);
        }
    }
    expect(span->next == next, "what follows the value at %u", (unsigned)at);
    return next;
}

static asm_str trimmed(asm_str text) {
    asm_json_reader reader;
    asm_str value = {NULL, 0};
    asm_json_reader_init(&reader, text, NULL);
    asm_json_read_raw(&reader, &value);
    return value;
}

static void test_notes_are_what_reading_finds(void **state) {
    asm__spans spans;
    asm_buffer text;
    (void)state;
    memset(&spans, 0, sizeof spans);
    asm_buffer_init_growing(&text);
    for (int i = 0; i < 20000; i++) {
        asm_buffer_clear(&text);
        if (below(4) == 0) asm_buffer_append_byte(&text, ' ');
        add_value(&text, 0);
        /* At its end stands the end of the memory, for the sanitizer. */
        char *copy = (char *)malloc(text.size);
        memcpy(copy, text.data, text.size);
        const asm_str json = asm_str_make(copy, text.size);
        expect(asm__spans_read(&spans, json), "read: %.*s", (int)json.size, json.data);
        expect(check_value(&spans, trimmed(json), 0) == spans.count, "all of them");
        free(copy);
    }
    asm__spans_close(&spans);
    asm_buffer_close(&text);
}

static void test_a_reader_that_knows_reads_the_same(void **state) {
    static const char json[] = "{\"a\" : [1, {\"b\":\"c\\n\"}, \"d\"],\"e\":{}}";
    asm__spans spans;
    asm_json_reader reader;
    asm_str key, value = ASM_STR("");
    (void)state;
    memset(&spans, 0, sizeof spans);
    expect(asm__spans_read(&spans, asm_str_from(json)), "read");
    expect(spans.depth == 3 && spans.non_canonical, "three deep, with blanks");
    asm_json_reader_init(&reader, asm_str_from(json), NULL);
    reader.known = &spans;
    asm_json_enter_object(&reader);
    expect(asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value), "the first member");
    expect(asm_str_equal(value, ASM_STR("[1, {\"b\":\"c\\n\"}, \"d\"]")), "%.*s", (int)value.size,
           value.data);
    expect(asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value), "the second member");
    expect(asm_str_equal(value, ASM_STR("{}")), "%.*s", (int)value.size, value.data);
    expect(!asm_json_next_member(&reader, &key) && asm_json_reader_finish(&reader) == ASM_OK, "the end");
    asm__spans_close(&spans);
}

static void expect_none(asm__spans *spans, const char *json) {
    expect(!asm__spans_read(spans, asm_str_from(json)), "not noted: %s", json);
    expect(spans->count == 0 && !asm__spans_find(spans, json), "nothing: %s", json);
}

static void test_what_is_not_noted(void **state) {
    asm__spans spans;
    (void)state;
    memset(&spans, 0, sizeof spans);
    expect_none(&spans, "");
    expect_none(&spans, "{\"a\":1");
    expect_none(&spans, "{\"a\":1} x");
    expect_none(&spans, "{\"a\":\"\xFF\"}");
    expect_none(&spans, "{\"\\u0061\":1}");
    /* Wherever in or between blocks the escape stands, and at the end of the text. */
    for (size_t before = 0; before < 200; before++)
        for (size_t after = 0; after < 70; after += 23) {
            char json[400];
            size_t size = (size_t)sprintf(json, "{\"x\":\"%0*d\",\"k\\\\k\":\"%0*d\"}", (int)before + 1, 0,
                                          (int)after + 1, 0);
            expect_none(&spans, json);
            memcpy(strchr(json, '\\'), "nn", 2);
            expect(asm__spans_read(&spans, asm_str_make(json, size)), "noted: %s", json);
        }
    asm__spans_close(&spans);
    fail_allocations_from(1);
    expect_none(&spans, "[1]");
    fail_allocations_from(0);
    expect(allocations_alive == 0, "freed");
}

static void test_of_very_many_values_none_is_noted(void **state) {
    asm__spans spans;
    char json[2 * ASM__SPANS_MAX + 8];
    (void)state;
    memset(&spans, 0, sizeof spans);
    for (size_t count = ASM__SPANS_MAX - 2; count <= ASM__SPANS_MAX; count++) {
        for (size_t i = 0; i < count; i++)
            memcpy(json + 2 * i, i == 0 ? "[1" : ",1", 2);
        memcpy(json + 2 * count, "]", 2);
        expect(asm__spans_read(&spans, asm_str_from(json)) == (count < ASM__SPANS_MAX), "%u",
               (unsigned)count);
        expect(spans.count == (count < ASM__SPANS_MAX ? count + 1 : 0), "%u", (unsigned)count);
    }
    asm__spans_close(&spans);
}

int main(void) {
    if (ASM__SMALL) return 0; /* nothing is noted */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_notes_are_what_reading_finds),
        cmocka_unit_test(test_a_reader_that_knows_reads_the_same),
        cmocka_unit_test(test_what_is_not_noted),
        cmocka_unit_test(test_of_very_many_values_none_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
