/* Tests of asm_json.h: NULL where something is wanted is an error or nothing, in every function. */
#include "support.h"

static void test_buffer(void **state) {
    char memory[64] = {0};
    asm_buffer buffer;
    size_t at = 0;
    (void)state;
    asm_buffer_init_fixed(NULL, memory, sizeof memory);
    asm_buffer_init_growing(NULL);
    asm_buffer_init_stream(NULL, memory, sizeof memory, NULL, NULL);
    asm_buffer_clear(NULL);
    asm_buffer_close(NULL);
    assert_int_equal(asm_buffer_reserve(NULL, 1), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_append(NULL, ASM_STR("x")), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_append(NULL, asm_str_from(NULL)), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_append_byte(NULL, 'x'), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_append_utf8(NULL, ASM_STR("x"), &at), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_flush(NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_double_format(NULL, 1), ASM_ERR_INVALID_ARGUMENT);
    assert_null(asm_buffer_text(NULL).data);
    assert_int_equal(at, 0);

    asm_buffer_init_fixed(&buffer, NULL, 10);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("x")), ASM_ERR_INVALID_ARGUMENT);
    asm_buffer_init_fixed(&buffer, NULL, 0);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("x")), ASM_ERR_NO_SPACE);
    asm_buffer_init_stream(&buffer, memory, sizeof memory, NULL, NULL);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("x")), ASM_ERR_INVALID_ARGUMENT);
    asm_buffer_init_fixed(&buffer, memory, sizeof memory);
    assert_int_equal(asm_buffer_append_utf8(&buffer, ASM_STR("x\x80"), NULL), ASM_OK);
    assert_int_equal(asm_buffer_append(&buffer, asm_str_from(NULL)), ASM_OK);
}

static void test_texts_and_times(void **state) {
    asm_time time = 42;
    (void)state;
    assert_null(asm_str_from(NULL).data);
    assert_true(asm_str_equal(asm_str_from(NULL), ASM_STR("")));
    assert_int_equal(asm_utf8_check(asm_str_from(NULL)), 0);
    assert_int_equal(asm_utf8_count(asm_str_from(NULL)), 0);
    assert_int_equal(asm_utf8_prefix(asm_str_from(NULL), 1).size, 0);
    assert_int_equal(asm_utf8_decode(ASM_STR("x"), NULL), 0);
    assert_int_equal(asm_time_format(0, 0, NULL), 0);
    assert_int_equal(asm_time_parse(ASM_STR("2026-02-09T12:00:00Z"), NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_time_parse(asm_str_from(NULL), &time, NULL), ASM_ERR_SYNTAX);
    assert_int_equal(time, 42);
    assert_int_equal(asm_time_parse(ASM_STR("2026-02-09T12:00:00Z"), &time, NULL), ASM_OK);
}

static void test_writer(void **state) {
    asm_json_writer writer;
    (void)state;
    asm_json_writer_init(NULL, NULL);
    for (int turn = 0; turn < 2; turn++) {
        asm_json_writer *none = turn ? &writer : NULL; /* without a buffer it is none, either */
        if (turn) asm_json_writer_init(&writer, NULL);
        assert_int_equal(asm_json_begin_object(none), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_end_object(none), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_begin_array(none), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_end_array(none), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_key(none, ASM_STR("x")), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_string(none, ASM_STR("x")), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_string(none, asm_str_from(NULL)), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_int64(none, 1), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_uint64(none, 1), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_double(none, 1), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_bool(none, true), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_null(none), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_write_raw(none, ASM_STR("1")), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_writer_fail(none, ASM_ERR_OPEN), ASM_ERR_INVALID_ARGUMENT);
        assert_int_equal(asm_json_writer_finish(none), ASM_ERR_INVALID_ARGUMENT);
    }
}

static void test_no_reader(void **state) {
    asm_str text;
    int64_t number;
    uint64_t whole;
    double real;
    bool truth;
    (void)state;
    asm_json_reader_init(NULL, ASM_STR("1"), NULL);
    asm_json_reader_init_in_place(NULL, NULL, 1);
    assert_int_equal(asm_json_peek(NULL), ASM_JSON_NONE);
    assert_false(asm_json_enter_object(NULL));
    assert_false(asm_json_enter_array(NULL));
    assert_false(asm_json_next_member(NULL, &text));
    assert_false(asm_json_next_element(NULL));
    assert_false(asm_json_read_string(NULL, &text));
    assert_false(asm_json_read_int64(NULL, &number));
    assert_false(asm_json_read_uint64(NULL, &whole));
    assert_false(asm_json_read_double(NULL, &real));
    assert_false(asm_json_read_bool(NULL, &truth));
    assert_false(asm_json_read_null(NULL));
    assert_false(asm_json_read_raw(NULL, &text));
    assert_int_equal(asm_json_reader_finish(NULL), ASM_ERR_INVALID_ARGUMENT);
}

static bool read_member(asm_json_reader *reader) {
    return asm_json_enter_object(reader) && asm_json_next_member(reader, NULL);
}

static bool read_string(asm_json_reader *reader) {
    return asm_json_read_string(reader, NULL);
}

static bool read_int64(asm_json_reader *reader) {
    return asm_json_read_int64(reader, NULL);
}

static bool read_uint64(asm_json_reader *reader) {
    return asm_json_read_uint64(reader, NULL);
}

static bool read_double(asm_json_reader *reader) {
    return asm_json_read_double(reader, NULL);
}

static bool read_bool(asm_json_reader *reader) {
    return asm_json_read_bool(reader, NULL);
}

static void test_no_place_for_what_is_read(void **state) {
    static const struct {
        const char *text;
        bool (*read)(asm_json_reader *);
    } cases[] = {
        {"{\"a\":1}", read_member}, {"\"x\"", read_string}, {"1       ", read_int64},
        {"1", read_uint64},         {"1.5", read_double},   {"true", read_bool},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_json_reader reader;
        asm_json_reader_init(&reader, asm_str_from(cases[i].text), NULL);
        expect(!cases[i].read(&reader), "%s", cases[i].text);
        expect(asm_json_reader_finish(&reader) == ASM_ERR_INVALID_ARGUMENT, "%s: %d", cases[i].text,
               reader.error.result);
        expect(strcmp(reader.error.message, "an argument is NULL") == 0, "%s", reader.error.message);
    }
    end_of_cases();
}

static void test_single_values(void **state) {
    asm_str key = ASM_STR("a"), value, text;
    asm_json_error error;
    size_t at = 0;
    char memory[8];
    (void)state;
    assert_int_equal(asm_json_check(ASM_STR("1"), NULL), ASM_OK);
    assert_int_equal(asm_json_check(asm_str_from(NULL), NULL), ASM_ERR_SYNTAX);
    assert_int_equal(asm_json_find(ASM_STR("{}"), NULL, NULL, 0, NULL), ASM_OK);
    assert_int_equal(asm_json_find(ASM_STR("[]"), NULL, NULL, 0, NULL), ASM_ERR_TYPE);
    assert_int_equal(asm_json_find(ASM_STR("{}"), &key, NULL, 1, &error), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(error.result, ASM_ERR_INVALID_ARGUMENT);
    value = ASM_STR("before");
    assert_int_equal(asm_json_find(ASM_STR("{}"), NULL, &value, 1, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_null(value.data);
    assert_int_equal(asm_json_find(ASM_STR("{\"a\":1}"), &key, &value, 1, NULL), ASM_OK);
    assert_false(asm_json_to_string(ASM_STR("\"x\""), NULL, NULL));
    assert_false(asm_json_to_string(ASM_STR("\"\\n\""), NULL, &text));
    assert_true(asm_json_to_string(ASM_STR("\"x\""), NULL, &text));
    assert_false(asm_json_to_int64(ASM_STR("1"), NULL));
    assert_false(asm_json_to_double(ASM_STR("1"), NULL));
    assert_false(asm_json_to_bool(ASM_STR("true"), NULL));
    assert_int_equal(asm_json_type_of(asm_str_from(NULL)), ASM_JSON_NONE);
    assert_null(asm_json_string_inside(asm_str_from(NULL)).data);
    assert_int_equal(asm_json_string_decode(ASM_STR("x"), NULL), 0);
    assert_null(asm_json_string_piece(ASM_STR("x"), NULL, memory, sizeof memory).data);
    assert_null(asm_json_string_piece(ASM_STR("x"), &at, NULL, sizeof memory).data);
    assert_null(asm_json_string_piece(ASM_STR("x"), &at, memory, 3).data);
    at = 1;
    assert_null(asm_json_string_piece(ASM_STR("x"), &at, memory, sizeof memory).data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer),
        cmocka_unit_test(test_texts_and_times),
        cmocka_unit_test(test_writer),
        cmocka_unit_test(test_no_reader),
        cmocka_unit_test(test_no_place_for_what_is_read),
        cmocka_unit_test(test_single_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
