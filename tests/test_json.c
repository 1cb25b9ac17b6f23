/* Tests of asm_json.h: the JSON writer and reader. */
#include "support.h"

/* ============================================================================================
 * Reading a text in every way there is
 */

/* Reads the value that stands next, member by member, and writes it again. */
static void copy_value(asm_json_reader *reader, asm_json_writer *writer) {
    asm_str text;
    bool truth;
    switch (asm_json_peek(reader)) {
    case ASM_JSON_OBJECT:
        asm_json_enter_object(reader);
        asm_json_begin_object(writer);
        while (asm_json_next_member(reader, &text)) {
            asm_json_write_key(writer, text);
            copy_value(reader, writer);
        }
        asm_json_end_object(writer);
        break;
    case ASM_JSON_ARRAY:
        asm_json_enter_array(reader);
        asm_json_begin_array(writer);
        while (asm_json_next_element(reader))
            copy_value(reader, writer);
        asm_json_end_array(writer);
        break;
    case ASM_JSON_STRING:
        if (asm_json_read_string(reader, &text)) asm_json_write_string(writer, text);
        break;
    case ASM_JSON_BOOL:
        if (asm_json_read_bool(reader, &truth)) asm_json_write_bool(writer, truth);
        break;
    case ASM_JSON_NULL:
        if (asm_json_read_null(reader)) asm_json_write_null(writer);
        break;
    case ASM_JSON_NUMBER:
    case ASM_JSON_NONE:
        if (asm_json_read_raw(reader, &text)) asm_json_write_raw(writer, text);
        break;
    }
}

static asm_json_error copy_all(asm_json_reader *reader, asm_buffer *out) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    copy_value(reader, &writer);
    asm_result result = asm_json_reader_finish(reader);
    expect(result == reader->error.result, "finish says %d, the error %d", result, reader->error.result);
    if (result == ASM_OK)
        expect(asm_json_writer_finish(&writer) == ASM_OK, "what was read cannot be written");
    return reader->error;
}

static asm_json_error read_by_check(asm_str text, asm_buffer *out) {
    asm_json_error error;
    asm_result result = asm_json_check(text, &error);
    expect(result == error.result, "check says %d, the error %d", result, error.result);
    expect(asm_json_check(text, NULL) == result, "another result without error");
    (void)out;
    return error;
}

static asm_json_error read_by_pulling(asm_str text, asm_buffer *out) {
    asm_buffer scratch;
    asm_json_reader reader;
    char *memory = exact_block(text.size);
    asm_buffer_init_fixed(&scratch, memory, text.size);
    asm_json_reader_init(&reader, text, &scratch);
    asm_json_error error = copy_all(&reader, out);
    free_block(memory, text.size);
    return error;
}

static asm_json_error read_in_place(asm_str text, asm_buffer *out) {
    asm_json_reader reader;
    char *copy = exact_copy(text.data, text.size);
    asm_json_reader_init_in_place(&reader, copy, text.size);
    asm_json_error error = copy_all(&reader, out);
    free_block(copy, text.size);
    return error;
}

/* Enters the outermost value and reads nothing of it. */
static asm_json_error read_by_skipping(asm_str text, asm_buffer *out) {
    asm_str key;
    asm_json_reader reader;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, text, &scratch);
    switch (asm_json_peek(&reader)) {
    case ASM_JSON_OBJECT:
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &key)) {
        }
        break;
    case ASM_JSON_ARRAY:
        asm_json_enter_array(&reader);
        while (asm_json_next_element(&reader)) {
        }
        break;
    default:
        asm_json_read_raw(&reader, NULL);
        break;
    }
    asm_json_reader_finish(&reader);
    asm_buffer_close(&scratch);
    (void)out;
    return reader.error;
}

static asm_json_error read_by_writing_raw(asm_str text, asm_buffer *out) {
    asm_json_error error = {ASM_OK, "", 0};
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    size_t before = out->size;
    error.result = asm_json_write_raw(&writer, text);
    if (error.result != ASM_OK) {
        expect(out->size == before, "wrote something of %s", shown(text));
        error = read_by_check(text, NULL);
        expect(error.result == writer.result, "another error than the reader's: %s", shown(text));
    }
    return error;
}

static const struct {
    const char *name;
    asm_json_error (*read)(asm_str text, asm_buffer *out);
    bool writes;
} ways[] = {
    {"check", read_by_check, false},   {"pull", read_by_pulling, true},    {"in place", read_in_place, true},
    {"skip", read_by_skipping, false}, {"raw", read_by_writing_raw, true},
};

static void expect_accepted(asm_str text, asm_str written) {
    for (size_t i = 0; i < COUNT(ways); i++) {
        asm_buffer out;
        asm_buffer_init_growing(&out);
        char *block = exact_copy(text.data, text.size);
        asm_json_error error = ways[i].read(asm_str_make(block, text.size), &out);
        expect(error.result == ASM_OK, "%s: %s at %lu: %s", ways[i].name, error.message,
               (unsigned long)error.offset, shown(text));
        expect(strcmp(error.message, "") == 0, "%s: %s", ways[i].name, error.message);
        if (ways[i].writes && written.data != NULL) expect_text(asm_buffer_text(&out), written);
        free_block(block, text.size);
        asm_buffer_close(&out);
    }
}

static void expect_rejected(asm_str text, asm_result result, size_t from, size_t to) {
    for (size_t i = 0; i < COUNT(ways); i++) {
        asm_buffer out;
        asm_buffer_init_growing(&out);
        char *block = exact_copy(text.data, text.size);
        asm_json_error error = ways[i].read(asm_str_make(block, text.size), &out);
        expect(error.result == result && error.offset >= from && error.offset <= to,
               "%s: got %d at %lu, expected %d at %lu to %lu: %s", ways[i].name, error.result,
               (unsigned long)error.offset, result, (unsigned long)from, (unsigned long)to, shown(text));
        expect(result == ASM_OK || error.message[0] != 0, "%s: no message: %s", ways[i].name, shown(text));
        free_block(block, text.size);
        asm_buffer_close(&out);
    }
}

/* ============================================================================================
 * What is JSON and what is not
 */

/* Beside each what is to be written for it, the strings read and written again; NULL: the same. */
static const struct {
    asm_str text;
    const char *written;
} accepted[] = {
    /* structure */
    {TEXT("{}"), NULL},
    {TEXT("[]"), NULL},
    {TEXT("[[]]"), NULL},
    {TEXT("[{}]"), NULL},
    {TEXT("{\"\":{}}"), NULL},
    {TEXT("[[],[]]"), NULL},
    {TEXT("[[],{},[[]]]"), NULL},
    {TEXT("{\"a\":{},\"b\":[]}"), NULL},
    {TEXT("{\"a\":1,\"a\":2}"), NULL},
    {TEXT("{\"\":0}"), NULL},
    {TEXT("{\"\":0,\"\":1}"), NULL},
    {TEXT("{\"a\":[1,{\"b\":[2,{\"c\":null}]}]}"), NULL},
    {TEXT("[1,\"2\",true,null,{},[]]"), NULL},
    {TEXT("null"), NULL},
    {TEXT("true"), NULL},
    {TEXT("false"), NULL},
    {TEXT("[true,false,null]"), NULL},
    {TEXT("\"\""), NULL},
    {TEXT("\"a\""), NULL},
    {TEXT("[\"\",\"\"]"), NULL},
    {TEXT("{\"[\":\"]\",\"}\":\"{\"}"), NULL},
    {TEXT("[\",\",\":\"]"), NULL},
    /* white space */
    {TEXT(" []"), "[]"},
    {TEXT("[] "), "[]"},
    {TEXT(" \t\r\n[ \t\r\n] \t\r\n"), "[]"},
    {TEXT("{ }"), "{}"},
    {TEXT("\n{\n\"a\"\n:\n1\n,\n\"b\"\n:\n2\n}\n"), "{\"a\":1,\"b\":2}"},
    {TEXT("[ 1 , 2 ]"), "[1,2]"},
    {TEXT("[\t1\r,\n2 ]"), "[1,2]"},
    {TEXT(" 1 "), "1"},
    {TEXT(" \" a b \" "), "\" a b \""},
    {TEXT(" null\n"), "null"},
    {TEXT("[ true , false , null ]"), "[true,false,null]"},
    {TEXT("                                        [                                        ]"), "[]"},
    /* numbers */
    {TEXT("0"), NULL},
    {TEXT("-0"), NULL},
    {TEXT("1"), NULL},
    {TEXT("-1"), NULL},
    {TEXT("10"), NULL},
    {TEXT("0.0"), NULL},
    {TEXT("-0.0"), NULL},
    {TEXT("0.5"), NULL},
    {TEXT("1.25"), NULL},
    {TEXT("0e0"), NULL},
    {TEXT("0E+0"), NULL},
    {TEXT("0e-0"), NULL},
    {TEXT("0e01"), NULL},
    {TEXT("1e5"), NULL},
    {TEXT("1E5"), NULL},
    {TEXT("1e+5"), NULL},
    {TEXT("1E-5"), NULL},
    {TEXT("1.5e10"), NULL},
    {TEXT("-1.5E-10"), NULL},
    {TEXT("1e999"), NULL},
    {TEXT("-1e-999"), NULL},
    {TEXT("0e99999999999999999999"), NULL},
    {TEXT("123456789012345678901234567890"), NULL},
    {TEXT("0.123456789012345678901234567890123456789"), NULL},
    {TEXT("[0,-0,1.0,1e0]"), NULL},
    {TEXT("{\"n\":-1.5e+3}"), NULL},
    /* strings and escapes */
    {TEXT("\"\\\"\""), NULL},
    {TEXT("\"\\\\\""), NULL},
    {TEXT("\"\\b\\f\\n\\r\\t\""), NULL},
    {TEXT("\"\\u0000\""), NULL},
    {TEXT("\"\\u001f\""), NULL},
    {TEXT("\"a\\\\\\\"b\""), NULL},
    {TEXT("\"\\\\\\\\\""), NULL},
    {TEXT("\"\\\\u0041\""), NULL},
    {TEXT("\"\\u007f\""), NULL},
    {TEXT("\"\\u0080\\u009f\""), NULL},
    {TEXT("\"\\u2028\\u2029\""), NULL},
    {TEXT("\"/\""), NULL},
    {TEXT("\"'\""), NULL},
    {TEXT("\"/* */ // #\""), NULL},
    {TEXT("{\"\\n\":1}"), NULL},
    {TEXT("{\"a\\\"b\":\"\\\"\"}"), NULL},
    /* UTF-8 */
    {TEXT("\"\xC2\xA0\""), NULL},
    {TEXT("\"\xC3\xA9\""), NULL},
    {TEXT("\"\xDF\xBF\""), NULL},
    {TEXT("\"\xE0\xA0\x80\""), NULL},
    {TEXT("\"\xED\x9F\xBF\""), NULL},
    {TEXT("\"\xEE\x80\x80\""), NULL},
    {TEXT("\"\xEF\xBF\xBF\""), NULL},
    {TEXT("\"\xEF\xBB\xBF\""), NULL},
    {TEXT("\"\xF0\x90\x80\x80\""), NULL},
    {TEXT("\"\xF4\x8F\xBF\xBF\""), NULL},
    {TEXT("\"\xF0\x9F\x9A\x80\xE6\x97\xA5\xD0\xB4z\""), NULL},
    {TEXT("{\"\xE6\x97\xA5\":\"\xD0\xB4\"}"), NULL},
};

/* Where the error is noticed: from one byte to another, as several may be meant. */
static const struct {
    asm_str text;
    asm_result result;
    unsigned from, to;
} rejected[] = {
    /* nothing */
    {TEXT(""), ASM_ERR_SYNTAX, 0, 0},
    {TEXT(" "), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("\n\t\r "), ASM_ERR_SYNTAX, 4, 4},
    /* no value */
    {TEXT("]"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("}"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT(","), ASM_ERR_SYNTAX, 0, 0},
    {TEXT(":"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("a"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("'a'"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("*"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("&"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("<a>"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("undefined"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\\u0031"), ASM_ERR_SYNTAX, 0, 0},
    /* arrays */
    {TEXT("["), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[ "), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[1"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[1,"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[1,]"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[,]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[,1]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[1,,2]"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[1 2]"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[1:2]"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[1}"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[[]"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[\"a\" \"b\"]"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("[\"a\":1]"), ASM_ERR_SYNTAX, 4, 4},
    {TEXT("[a]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[1,\n1\n,1"), ASM_ERR_SYNTAX, 8, 8},
    {TEXT("[[[[[[]]]]]"), ASM_ERR_SYNTAX, 11, 11},
    {TEXT("[{}"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[/**/]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[1]//"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[1]#"), ASM_ERR_SYNTAX, 3, 3},
    /* objects */
    {TEXT("{"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{\"a\""), ASM_ERR_SYNTAX, 4, 4},
    {TEXT("{\"a\":"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("{\"a\":1"), ASM_ERR_SYNTAX, 6, 6},
    {TEXT("{\"a\":1,"), ASM_ERR_SYNTAX, 7, 7},
    {TEXT("{\"a\":1,}"), ASM_ERR_SYNTAX, 7, 7},
    {TEXT("{\"a\":1,,\"b\":2}"), ASM_ERR_SYNTAX, 7, 7},
    {TEXT("{,\"a\":1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{,}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{\"a\"}"), ASM_ERR_SYNTAX, 4, 4},
    {TEXT("{\"a\":}"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("{\"a\" 1}"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("{\"a\",1}"), ASM_ERR_SYNTAX, 4, 4},
    {TEXT("{\"a\"::1}"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("{\"a\":1 \"b\":2}"), ASM_ERR_SYNTAX, 7, 7},
    {TEXT("{\"a\":1:2}"), ASM_ERR_SYNTAX, 6, 6},
    {TEXT("{a:1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{1:1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{'a':1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{null:1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{[]:1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{\"a\":1]"), ASM_ERR_SYNTAX, 6, 6},
    {TEXT("{:1}"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{\"a\":a}"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("{\"a\":1/**/}"), ASM_ERR_SYNTAX, 6, 6},
    {TEXT("{\"a\":{\"b\":}}"), ASM_ERR_SYNTAX, 10, 10},
    {TEXT("{\"a\":\"b}"), ASM_ERR_SYNTAX, 8, 8},
    /* behind the value */
    {TEXT("1 2"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[]]"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[],"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[][]"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("{}}"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("{} x"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("\"\"\"\""), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("null null"), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("[]\0"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("1\0"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{}\n\0"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("[]\xEF\xBB\xBF"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[]\xC2\xA0"), ASM_ERR_SYNTAX, 2, 2},
    /* what is no white space, what must not stand first */
    {TEXT("\xEF\xBB\xBF{}"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\xEF\xBB\xBF"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\xEF\xBB{}"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\xFE\xFF\0["), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("[\0\0\0]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("\0"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\0[]"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("\f[]"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("[\v]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[\x1A]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[\xC2\xA0]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[\xE2\x81\xA0]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("[\xC2\x85]"), ASM_ERR_SYNTAX, 1, 1},
    /* literals */
    {TEXT("nul"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("n"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("tru"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("fals"), ASM_ERR_SYNTAX, 0, 4},
    {TEXT("[nul]"), ASM_ERR_SYNTAX, 1, 4},
    {TEXT("[tru]"), ASM_ERR_SYNTAX, 1, 4},
    {TEXT("[fals3]"), ASM_ERR_SYNTAX, 1, 5},
    {TEXT("nulll"), ASM_ERR_SYNTAX, 0, 4},
    {TEXT("truetrue"), ASM_ERR_SYNTAX, 0, 4},
    {TEXT("Null"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("TRUE"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("tRUE"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("nu\0l"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("NaN"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("nan"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("[Infinity]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("-Infinity"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("inf"), ASM_ERR_SYNTAX, 0, 0},
    /* numbers */
    {TEXT("-"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("[-]"), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("+1"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("--1"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("01"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("-01"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("00"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("[012]"), ASM_ERR_SYNTAX, 1, 2},
    {TEXT(".5"), ASM_ERR_SYNTAX, 0, 0},
    {TEXT("-.5"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("1."), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("[1.]"), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("1.e1"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("1..2"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("1.2.3"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("1e"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("1e+"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("1e-"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("[1e]"), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("1ee1"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("1e+-1"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("1e1.5"), ASM_ERR_SYNTAX, 0, 3},
    {TEXT("0x1"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("0e"), ASM_ERR_SYNTAX, 0, 2},
    {TEXT("1a"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("1_000"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("1,000"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("- 1"), ASM_ERR_SYNTAX, 0, 1},
    {TEXT("1 e5"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[1\0]"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[\xEF\xBC\x91]"), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("1\xE5"), ASM_ERR_SYNTAX, 1, 1},
    /* strings */
    {TEXT("\""), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("\"a"), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("[\"a]"), ASM_ERR_SYNTAX, 4, 4},
    {TEXT("\"a'"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("\"\\"), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\\""), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("\"\\\\\\\""), ASM_ERR_SYNTAX, 5, 5},
    {TEXT("\"\\x00\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\a\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\0\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\'\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\ \""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\\n\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\\0\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\U0041\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"\\u\""), ASM_ERR_SYNTAX, 1, 4},
    {TEXT("\"\\u0\""), ASM_ERR_SYNTAX, 1, 5},
    {TEXT("\"\\u00\""), ASM_ERR_SYNTAX, 1, 6},
    {TEXT("\"\\u004\""), ASM_ERR_SYNTAX, 1, 6},
    {TEXT("\"\\u004g\""), ASM_ERR_SYNTAX, 1, 6},
    {TEXT("\"\\ug041\""), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("\"\\u 041\""), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("\"\\u+041\""), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("\"\\u0x41\""), ASM_ERR_SYNTAX, 1, 4},
    {TEXT("\"\\u{41}\""), ASM_ERR_SYNTAX, 1, 3},
    {TEXT("\"\\u00"), ASM_ERR_SYNTAX, 1, 5},
    {TEXT("\"\\uD83D\\u\""), ASM_ERR_SYNTAX, 1, 10},
    {TEXT("\"\\uD83D\\u12\""), ASM_ERR_SYNTAX, 1, 12},
    {TEXT("\"\\uD83D\\x\""), ASM_ERR_SYNTAX, 1, 8},
    {TEXT("\"\\uD83D\\"), ASM_ERR_SYNTAX, 1, 8},
    {TEXT("\"\\u\xC3\xA9\""), ASM_ERR_SYNTAX, 1, 6},
    {TEXT("\"\\\xC3\xA9\""), ASM_ERR_SYNTAX, 1, 2},
    {TEXT("\"a\0b\""), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("\"a\nb\""), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("\"a\tb\""), ASM_ERR_SYNTAX, 2, 2},
    {TEXT("\"\x1F\""), ASM_ERR_SYNTAX, 1, 1},
    {TEXT("{\"a\nb\":1}"), ASM_ERR_SYNTAX, 3, 3},
    {TEXT("{\"a\\x\":1}"), ASM_ERR_SYNTAX, 3, 4},
    {TEXT("{\"a"), ASM_ERR_SYNTAX, 3, 3},
    /* invalid UTF-8 */
    {TEXT("\"\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xBF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"a\xFF\""), ASM_ERR_UTF8, 2, 2},
    {TEXT("\"\xFE\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xC0\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xC1\xBF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xE0\x80\xAF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xE0\x9F\xBF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF0\x80\x80\xAF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF0\x8F\xBF\xBF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xED\xA0\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xED\xA0\xBD\xED\xBA\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xED\xBF\xBF\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF4\x90\x80\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF5\x80\x80\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF8\x88\x80\x80\x80\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xC3\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xE2\x82\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xF0\x9F\x9A\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\xC3\xA9\xC3\""), ASM_ERR_UTF8, 3, 3},
    {TEXT("\"\xC3\xC3\xA9\""), ASM_ERR_UTF8, 1, 1},
    {TEXT("\"\\n\xE9\""), ASM_ERR_UTF8, 3, 3},
    {TEXT("{\"\xE9\":1}"), ASM_ERR_UTF8, 2, 2},
    {TEXT("[\"a\",\"\xE9\"]"), ASM_ERR_UTF8, 6, 6},
};

static void test_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        const char *written = accepted[i].written;
        expect_accepted(accepted[i].text, written != NULL ? asm_str_from(written) : accepted[i].text);
    }
    end_of_cases();
}

static void test_rejected(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(rejected); i++)
        expect_rejected(rejected[i].text, rejected[i].result, rejected[i].from, rejected[i].to);
    end_of_cases();
}

/* Whatever is cut off, the rest is no JSON; and the error stands at the end, or where the cut character
 * began. */
static void test_truncated_at_every_byte(void **state) {
    static const asm_str whole =
        TEXT("{\"a\":[1.5e+3,true,false,null,\"\\u00e9\\ud83d\\ude80\\n\",\"\xC3\xA9\xE2\x82\xAC"
             "\xF0\x9F\x9A\x80\"],\"b\":{\"c\":-0}}");
    (void)state;
    expect_accepted(whole, asm_str_make(NULL, 0));
    for (size_t size = 0; size < whole.size; size++) {
        for (size_t i = 0; i < COUNT(ways); i++) {
            asm_buffer out;
            asm_buffer_init_growing(&out);
            char *block = exact_copy(whole.data, size);
            asm_json_error error = ways[i].read(asm_str_make(block, size), &out);
            expect(error.result == ASM_ERR_SYNTAX || error.result == ASM_ERR_UTF8, "%s, %lu bytes: result %d",
                   ways[i].name, (unsigned long)size, error.result);
            expect(error.offset <= size && error.offset + 12 >= size, "%s, %lu bytes: offset %lu",
                   ways[i].name, (unsigned long)size, (unsigned long)error.offset);
            free_block(block, size);
            asm_buffer_close(&out);
        }
    }
    end_of_cases();
}

static asm_str nested(asm_buffer *buffer, const char *open, const char *inner, const char *close,
                      size_t levels) {
    asm_buffer_clear(buffer);
    for (size_t i = 0; i < levels; i++)
        asm_buffer_append(buffer, asm_str_from(open));
    asm_buffer_append(buffer, asm_str_from(inner));
    for (size_t i = 0; i < levels; i++)
        asm_buffer_append(buffer, asm_str_from(close));
    return asm_buffer_text(buffer);
}

static void test_depth(void **state) {
    asm_buffer buffer;
    (void)state;
    asm_buffer_init_growing(&buffer);
    const asm_str absent = {NULL, 0};
    expect_accepted(nested(&buffer, "[", "", "]", ASM_JSON_MAX_DEPTH), absent);
    expect_accepted(nested(&buffer, "[", "1", "]", ASM_JSON_MAX_DEPTH), absent);
    expect_accepted(nested(&buffer, "{\"a\":", "{}", "}", ASM_JSON_MAX_DEPTH - 1), absent);
    expect_accepted(nested(&buffer, "[{\"a\":", "null", "}]", ASM_JSON_MAX_DEPTH / 2), absent);
    expect_rejected(nested(&buffer, "[", "", "]", ASM_JSON_MAX_DEPTH + 1), ASM_ERR_DEPTH, 64, 64);
    expect_rejected(nested(&buffer, "{\"a\":", "{}", "}", ASM_JSON_MAX_DEPTH), ASM_ERR_DEPTH, 320, 320);
    expect_rejected(nested(&buffer, "[{\"a\":", "[]", "}]", ASM_JSON_MAX_DEPTH / 2), ASM_ERR_DEPTH, 192, 192);
    expect_rejected(nested(&buffer, "[", "", "", 100000), ASM_ERR_DEPTH, 64, 64);
    expect_rejected(nested(&buffer, "{\"\":", "", "", 100000), ASM_ERR_DEPTH, 256, 256);
    /* Levels that were left count no more. */
    asm_buffer_clear(&buffer);
    asm_buffer_append_byte(&buffer, '[');
    for (int i = 0; i < 1000; i++)
        asm_buffer_append(&buffer, ASM_STR("[[{\"a\":[]}]],"));
    asm_buffer_append(&buffer, ASM_STR("0]"));
    expect_accepted(asm_buffer_text(&buffer), asm_buffer_text(&buffer));
    asm_buffer_close(&buffer);
    end_of_cases();
}

/* ============================================================================================
 * The pull reader's protocol
 */

static void test_strings_are_unescaped(void **state) {
    static const struct {
        asm_str json, text;
    } cases[] = {
        {TEXT("\"\""), TEXT("")},
        {TEXT("\"plain\""), TEXT("plain")},
        {TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), TEXT("\"\\/\b\f\n\r\t")},
        {TEXT("\"\\u0041\\u00e9\\u00E9\\u20AC\\u20ac\""), TEXT("A\xC3\xA9\xC3\xA9\xE2\x82\xAC\xE2\x82\xAC")},
        {TEXT("\"\\u0000\""), TEXT("\0")},
        {TEXT("\"a\\u0000b\""), TEXT("a\0b")},
        {TEXT("\"\\u007f\\u0080\\u07ff\\u0800\\uffff\""),
         TEXT("\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF")},
        {TEXT("\"\\ud83d\\ude80\""), TEXT("\xF0\x9F\x9A\x80")},
        {TEXT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""), TEXT("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")},
        {TEXT("\"\\ud800\""), TEXT("\xEF\xBF\xBD")},
        {TEXT("\"\\udc00\""), TEXT("\xEF\xBF\xBD")},
        {TEXT("\"\\udfff\\ud800\""), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {TEXT("\"\\ud800\\ud800\""), TEXT("\xEF\xBF\xBD\xEF\xBF\xBD")},
        {TEXT("\"\\ud83d\\ud83d\\ude80\""), TEXT("\xEF\xBF\xBD\xF0\x9F\x9A\x80")},
        {TEXT("\"\\ud83dx\""), TEXT("\xEF\xBF\xBDx")},
        {TEXT("\"\\ud83d\\n\""), TEXT("\xEF\xBF\xBD\n")},
        {TEXT("\"\\ud83d\\u0041\""), TEXT("\xEF\xBF\xBD"
                                          "A")},
        {TEXT("\"\\ud83d\\\\ude80\""), TEXT("\xEF\xBF\xBD\\ude80")},
        {TEXT("\"\\ud83d\xC3\xA9\""), TEXT("\xEF\xBF\xBD\xC3\xA9")},
        {TEXT("\"\xC3\xA9\\n\xF0\x9F\x9A\x80\""), TEXT("\xC3\xA9\n\xF0\x9F\x9A\x80")},
        {TEXT("\"\\\\n\""), TEXT("\\n")},
        {TEXT("\"\\\\\\n\""), TEXT("\\\n")},
        {TEXT("\"\x7F\xC2\x80\xE2\x80\xA8\""), TEXT("\x7F\xC2\x80\xE2\x80\xA8")},
    };
    char memory[256];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_str json = cases[i].json, text = {NULL, 0};
        asm_buffer scratch;
        asm_json_reader reader;
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        asm_json_reader_init(&reader, json, &scratch);
        expect(asm_json_read_string(&reader, &text), "%s", shown(json));
        expect_text(text, cases[i].text);

        asm_buffer_clear(&scratch);
        expect(asm_json_to_string(json, &scratch, &text), "%s", shown(json));
        expect_text(text, cases[i].text);

        char *copy = exact_copy(json.data, json.size);
        asm_json_reader_init_in_place(&reader, copy, json.size);
        expect(asm_json_read_string(&reader, &text), "%s", shown(json));
        expect_text(text, cases[i].text);
        free_block(copy, json.size);
    }
    end_of_cases();
}

static void test_strings_are_views_where_they_can_be(void **state) {
    static const char text[] = "[\"plain\",\"a\\nb\",\"\",\"c\\td\"]";
    char memory[8 + sizeof text];
    asm_buffer scratch;
    asm_json_reader reader;
    asm_str strings[4];
    (void)state;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    asm_buffer_append(&scratch, ASM_STR("before"));
    asm_json_reader_init(&reader, asm_str_from(text), &scratch);
    assert_true(asm_json_enter_array(&reader));
    for (size_t i = 0; i < COUNT(strings); i++) {
        assert_true(asm_json_next_element(&reader));
        assert_true(asm_json_read_string(&reader, &strings[i]));
    }
    assert_false(asm_json_next_element(&reader));
    assert_int_equal(asm_json_reader_finish(&reader), ASM_OK);
    assert_ptr_equal(strings[0].data, text + 2);
    assert_non_null(strings[2].data);
    expect_text(strings[0], ASM_STR("plain"));
    expect_text(strings[1], ASM_STR("a\nb"));
    expect_text(strings[2], ASM_STR(""));
    expect_text(strings[3], ASM_STR("c\td"));
    expect(strings[1].data > memory && strings[1].data < memory + sizeof memory, "not in the scratch buffer");
    expect(memcmp(memory, "before", 6) == 0, "what the scratch buffer held is gone");
    end_of_cases();
}

static void test_views_stay_valid_in_a_growing_scratch(void **state) {
    asm_buffer text, scratch;
    asm_json_reader reader;
    asm_str strings[500];
    (void)state;
    asm_buffer_init_growing(&text);
    asm_buffer_append_byte(&text, '[');
    for (size_t i = 0; i < COUNT(strings); i++) {
        char item[32];
        sprintf(item, "%s\"\\tnumber %u\"", i ? "," : "", (unsigned)i);
        asm_buffer_append(&text, asm_str_from(item));
    }
    asm_buffer_append_byte(&text, ']');
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, asm_buffer_text(&text), &scratch);
    asm_json_enter_array(&reader);
    for (size_t i = 0; asm_json_next_element(&reader); i++)
        asm_json_read_string(&reader, &strings[i]);
    assert_int_equal(asm_json_reader_finish(&reader), ASM_OK);
    for (size_t i = 0; i < COUNT(strings); i++) {
        char item[32];
        sprintf(item, "\tnumber %u", (unsigned)i);
        expect_text(strings[i], asm_str_from(item));
    }
    asm_buffer_close(&scratch);
    asm_buffer_close(&text);
    end_of_cases();
}

static void test_no_scratch(void **state) {
    asm_json_reader reader;
    asm_str key, text = ASM_STR("before");
    (void)state;
    /* Needed for what is escaped and read, not for what is skipped. */
    asm_json_reader_init(&reader, ASM_STR("{\"a\":\"b\",\"c\":\"\\n\",\"d\":[\"\\n\",{\"\\n\":0}]}"), NULL);
    assert_true(asm_json_enter_object(&reader));
    assert_true(asm_json_next_member(&reader, &key));
    assert_true(asm_json_read_string(&reader, &text));
    expect_text(text, ASM_STR("b"));
    assert_true(asm_json_next_member(&reader, &key));
    assert_true(asm_json_next_member(&reader, &key));
    assert_false(asm_json_next_member(&reader, &key));
    assert_int_equal(asm_json_reader_finish(&reader), ASM_OK);

    asm_json_reader_init(&reader, ASM_STR("[\"a\\n\"]"), NULL);
    assert_true(asm_json_enter_array(&reader));
    assert_true(asm_json_next_element(&reader));
    assert_false(asm_json_read_string(&reader, &text));
    assert_int_equal(reader.error.result, ASM_ERR_NO_SPACE);
    expect_text(text, ASM_STR("b"));

    asm_json_reader_init(&reader, ASM_STR("{\"a\\n\":1}"), NULL);
    assert_true(asm_json_enter_object(&reader));
    assert_false(asm_json_next_member(&reader, &key));
    assert_int_equal(asm_json_reader_finish(&reader), ASM_ERR_NO_SPACE);
    end_of_cases();
}

static void test_scratch_out_of_memory(void **state) {
    asm_buffer scratch;
    asm_json_reader reader;
    asm_str text = ASM_STR("before");
    (void)state;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, ASM_STR("\"a\\n\""), &scratch);
    fail_allocations_from(1);
    bool read = asm_json_read_string(&reader, &text);
    fail_allocations_from(0);
    assert_false(read);
    assert_int_equal(asm_json_reader_finish(&reader), ASM_ERR_NO_MEMORY);
    expect_text(text, ASM_STR("before"));
    asm_buffer_close(&scratch);
    end_of_cases();
}

static void test_unread_values_are_skipped(void **state) {
    static const char text[] = "{\"skip\":{\"a\":[1,{\"b\":\"}\\\"]\"}]},\"one\":1,\"list\":[[1,2],3,"
                               "\"\\\\\",4],\"one\":2,\"last\":\"x\"}";
    asm_json_reader reader;
    asm_str key, last = {NULL, 0};
    int64_t one = 0, sum = 0;
    unsigned members = 0;
    (void)state;
    asm_json_reader_init(&reader, asm_str_from(text), NULL);
    assert_int_equal(asm_json_peek(&reader), ASM_JSON_OBJECT);
    assert_true(asm_json_enter_object(&reader));
    while (asm_json_next_member(&reader, &key)) {
        members++;
        if (asm_str_equal(key, ASM_STR("one"))) assert_true(asm_json_read_int64(&reader, &one));
        if (asm_str_equal(key, ASM_STR("last"))) assert_true(asm_json_read_string(&reader, &last));
        if (!asm_str_equal(key, ASM_STR("list"))) continue;
        assert_int_equal(asm_json_peek(&reader), ASM_JSON_ARRAY);
        assert_true(asm_json_enter_array(&reader));
        while (asm_json_next_element(&reader)) {
            int64_t number;
            if (asm_json_peek(&reader) != ASM_JSON_NUMBER) continue;
            assert_true(asm_json_read_int64(&reader, &number));
            sum += number;
        }
    }
    assert_int_equal(asm_json_reader_finish(&reader), ASM_OK);
    assert_int_equal(members, 5);
    assert_int_equal(one, 2);
    assert_int_equal(sum, 7);
    expect_text(last, ASM_STR("x"));
    end_of_cases();
}

static void test_peek_changes_nothing(void **state) {
    static const struct {
        const char *text;
        asm_json_type type;
    } cases[] = {
        {" null", ASM_JSON_NULL}, {"true", ASM_JSON_BOOL},  {"\tfalse", ASM_JSON_BOOL},
        {"0", ASM_JSON_NUMBER},   {"-1", ASM_JSON_NUMBER},  {" \"\"", ASM_JSON_STRING},
        {"\n[]", ASM_JSON_ARRAY}, {" {}", ASM_JSON_OBJECT}, {"", ASM_JSON_NONE},
        {" ", ASM_JSON_NONE},     {"]", ASM_JSON_NONE},     {"x", ASM_JSON_NONE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_json_reader reader;
        asm_str raw;
        asm_json_reader_init(&reader, asm_str_from(cases[i].text), NULL);
        for (int again = 0; again < 3; again++)
            expect(asm_json_peek(&reader) == cases[i].type, "'%s': %d", cases[i].text,
                   (int)asm_json_peek(&reader));
        bool valid = cases[i].type != ASM_JSON_NONE;
        expect(asm_json_read_raw(&reader, &raw) == valid, "'%s'", cases[i].text);
        expect(asm_json_peek(&reader) == ASM_JSON_NONE, "'%s': something is left", cases[i].text);
        expect((asm_json_reader_finish(&reader) == ASM_OK) == valid, "'%s'", cases[i].text);
    }
    end_of_cases();
}

enum value_kind {
    AS_OBJECT,
    AS_ARRAY,
    AS_STRING,
    AS_INT64,
    AS_UINT64,
    AS_DOUBLE,
    AS_BOOL,
    AS_NULL,
    VALUE_KINDS
};

static bool read_as(asm_json_reader *reader, enum value_kind kind) {
    asm_str text;
    int64_t signed_value;
    uint64_t unsigned_value;
    double number;
    bool truth;
    switch (kind) {
    case AS_OBJECT:
        return asm_json_enter_object(reader);
    case AS_ARRAY:
        return asm_json_enter_array(reader);
    case AS_STRING:
        return asm_json_read_string(reader, &text);
    case AS_INT64:
        return asm_json_read_int64(reader, &signed_value);
    case AS_UINT64:
        return asm_json_read_uint64(reader, &unsigned_value);
    case AS_DOUBLE:
        return asm_json_read_double(reader, &number);
    case AS_BOOL:
        return asm_json_read_bool(reader, &truth);
    default:
        return asm_json_read_null(reader);
    }
}

static void test_wrong_types(void **state) {
    static const char *const values[VALUE_KINDS] = {"{}", "[]", "\"1\"", "1", "1", "1", "true", "null"};
    (void)state;
    for (int kind = 0; kind < VALUE_KINDS; kind++) {
        for (int value = 0; value < VALUE_KINDS; value++) {
            char text[16];
            asm_json_reader reader;
            sprintf(text, "[0, %s]", values[value]);
            asm_json_reader_init(&reader, asm_str_from(text), NULL);
            asm_json_enter_array(&reader);
            asm_json_next_element(&reader);
            asm_json_next_element(&reader);
            bool fits = strcmp(values[kind], values[value]) == 0;
            expect(read_as(&reader, (enum value_kind)kind) == fits, "%s as kind %d", text, kind);
            if (fits) continue;
            expect(reader.error.result == ASM_ERR_TYPE && reader.error.offset == 4,
                   "%s as kind %d: %d at %lu", text, kind, reader.error.result,
                   (unsigned long)reader.error.offset);
            expect(asm_json_reader_finish(&reader) == ASM_ERR_TYPE, "%s as kind %d", text, kind);
        }
    }
    end_of_cases();
}

static void test_first_error_stays(void **state) {
    asm_json_reader reader;
    asm_str text = ASM_STR("as it was");
    int64_t number = 42;
    double real = 42;
    bool truth = true;
    (void)state;
    asm_json_reader_init(&reader, ASM_STR("[ 1, x"), NULL);
    assert_true(asm_json_enter_array(&reader));
    assert_true(asm_json_next_element(&reader));
    assert_false(asm_json_read_string(&reader, &text));
    asm_json_error first = reader.error;
    assert_int_equal(first.result, ASM_ERR_TYPE);
    assert_int_equal(first.offset, 2);

    assert_int_equal(asm_json_peek(&reader), ASM_JSON_NONE);
    assert_false(asm_json_next_element(&reader));
    assert_false(asm_json_next_member(&reader, &text));
    assert_false(asm_json_enter_array(&reader));
    assert_false(asm_json_enter_object(&reader));
    assert_false(asm_json_read_string(&reader, &text));
    assert_false(asm_json_read_raw(&reader, &text));
    assert_false(asm_json_read_int64(&reader, &number));
    assert_false(asm_json_read_double(&reader, &real));
    assert_false(asm_json_read_bool(&reader, &truth));
    assert_false(asm_json_read_null(&reader));
    assert_int_equal(asm_json_reader_finish(&reader), ASM_ERR_TYPE);
    assert_int_equal(reader.error.result, first.result);
    assert_int_equal(reader.error.offset, first.offset);
    assert_ptr_equal(reader.error.message, first.message);
    assert_int_equal(number, 42);
    assert_true(real == 42);
    expect_text(text, ASM_STR("as it was"));
    end_of_cases();
}

static void test_finish_before_the_end(void **state) {
    asm_json_reader reader;
    (void)state;
    asm_json_reader_init(&reader, ASM_STR("1"), NULL);
    assert_int_not_equal(asm_json_reader_finish(&reader), ASM_OK);
    asm_json_reader_init(&reader, ASM_STR("[1]"), NULL);
    assert_true(asm_json_enter_array(&reader));
    assert_true(asm_json_next_element(&reader));
    assert_int_not_equal(asm_json_reader_finish(&reader), ASM_OK);
}

static void test_raw_values(void **state) {
    static const char *const values[] = {"{ \"a\" : [ 1 , \"\\u00e9\" ] }", "[ ]", "\"\\n\\\"\"", "-1.50e+1",
                                         "null"};
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[64];
        asm_json_reader reader;
        asm_str raw = {NULL, 0};
        sprintf(text, "[ %s , %s ]", values[i], values[i]);
        asm_json_reader_init(&reader, asm_str_from(text), NULL);
        asm_json_enter_array(&reader);
        for (int times = 0; times < 2; times++) {
            expect(asm_json_next_element(&reader), "%s", text);
            expect(asm_json_read_raw(&reader, &raw), "%s", text);
            expect_text(raw, asm_str_from(values[i]));
        }
        expect(!asm_json_next_element(&reader), "%s", text);
        expect(asm_json_reader_finish(&reader) == ASM_OK, "%s", text);
    }
    end_of_cases();
}

/* No order of calls does harm, whatever the text; the first error stays. */
static void test_calls_in_any_order(void **state) {
    static const char *const texts[] = {
        "{\"a\":[1,{\"b\":\"\\n\"},true],\"c\":null,\"d\":{}}",
        "[[],[[\"x\"]],1.5]",
        "[1,{\"a\":}]",
        "7",
        "",
        "{\"a\":1",
        "[\"\\ud800\",\"\xC3\xA9\",[[[1]]]]",
    };
    uint64_t random = 1;
    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        asm_str text = asm_str_from(texts[round % COUNT(texts)]);
        char *block = exact_copy(text.data, text.size);
        char memory[128];
        asm_buffer scratch;
        asm_json_reader reader;
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        if (round % 2 != 0) asm_json_reader_init_in_place(&reader, block, text.size);
        else asm_json_reader_init(&reader, asm_str_make(block, text.size), &scratch);
        asm_json_error first = reader.error;
        for (int call = 0; call < 30; call++) {
            asm_str any;
            unsigned which = (unsigned)(next_random(&random) % 13);
            bool failed_before = first.result != ASM_OK;
            bool done = which == 0   ? asm_json_next_member(&reader, &any)
                        : which <= 2 ? asm_json_next_element(&reader)
                        : which == 3 ? asm_json_read_raw(&reader, NULL)
                        : which == 4 ? asm_json_peek(&reader) != ASM_JSON_NONE
                                     : read_as(&reader, (enum value_kind)(which - 5));
            expect(!(done && failed_before), "call %u is true after an error", which);
            if (failed_before)
                expect(reader.error.result == first.result && reader.error.offset == first.offset,
                       "another error");
            first = reader.error;
            expect(first.offset <= text.size, "the error is beyond the text");
        }
        free_block(block, text.size);
    }
    end_of_cases();
}

/* ============================================================================================
 * Members of an object, and values by themselves
 */

static void test_find(void **state) {
    const asm_str keys[] = {ASM_STR("a"), ASM_STR("missing"), ASM_STR("b"), ASM_STR(""),
                            ASM_STR("\xC3\xA9\n")};
    asm_str values[COUNT(keys)];
    asm_json_error error;
    (void)state;
    asm_str json = ASM_STR(
        " { \"a\" : 1 , \"x\":{\"a\":9}, \"b\":[ 1 ],\"a\": \"\\n\" , \"\":null,\"\\u00e9\\n\":{\"b\":2}} ");
    assert_int_equal(asm_json_find(json, keys, values, COUNT(keys), &error), ASM_OK);
    assert_int_equal(error.result, ASM_OK);
    expect_text(values[0], ASM_STR("\"\\n\""));
    assert_null(values[1].data);
    expect_text(values[2], ASM_STR("[ 1 ]"));
    expect_text(values[3], ASM_STR("null"));
    expect_text(values[4], ASM_STR("{\"b\":2}"));
    assert_int_equal(asm_json_find(json, keys, values, COUNT(keys), NULL), ASM_OK);
    assert_int_equal(asm_json_find(json, keys, values, 0, NULL), ASM_OK);

    static const struct {
        const char *json;
        asm_result result;
    } failing[] = {
        {"[]", ASM_ERR_TYPE},           {"null", ASM_ERR_TYPE},
        {"\"a\"", ASM_ERR_TYPE},        {"", ASM_ERR_SYNTAX},
        {"{\"a\":1", ASM_ERR_SYNTAX},   {"{\"a\":1}}", ASM_ERR_SYNTAX},
        {"{\"a\":1,}", ASM_ERR_SYNTAX}, {"{\"a\":1,\"x\":\"\xFF\"}", ASM_ERR_UTF8},
    };
    for (size_t i = 0; i < COUNT(failing); i++) {
        for (size_t k = 0; k < COUNT(keys); k++)
            values[k] = ASM_STR("left over");
        asm_result result = asm_json_find(asm_str_from(failing[i].json), keys, values, COUNT(keys), &error);
        expect(result == failing[i].result && error.result == result, "%s: %d", failing[i].json, result);
        for (size_t k = 0; k < COUNT(keys); k++)
            expect(values[k].data == NULL, "%s: a value", failing[i].json);
    }
    end_of_cases();
}

/* A key that is written with escapes is known up to 256 bytes, and never taken for what it looks like. */
static void test_find_long_keys(void **state) {
    (void)state;
    for (size_t size = 250; size <= 262; size++) {
        char inside[300], json[320], text[300];
        memset(inside, 'k', size);
        memcpy(inside + 7, "\\n", 2);
        memset(text, 'k', size - 1);
        text[7] = '\n';
        const int length = snprintf(json, sizeof json, "{\"%.*s\":1}", (int)size, inside);
        const asm_str keys[] = {asm_str_make(text, size - 1), asm_str_make(inside, size)};
        asm_str values[COUNT(keys)];
        assert_int_equal(asm_json_find(asm_str_make(json, (size_t)length), keys, values, COUNT(keys), NULL),
                         ASM_OK);
        expect((values[0].data != NULL) == (size <= 256), "%u bytes", (unsigned)size);
        expect(values[1].data == NULL, "%u bytes as they stand", (unsigned)size);
    }
    end_of_cases();
}

static void test_find_many(void **state) {
    asm_str keys[65], values[65];
    char names[65][8];
    asm_buffer json;
    asm_json_writer writer;
    (void)state;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    for (size_t i = 0; i < COUNT(keys); i++) {
        sprintf(names[i], "k%u", (unsigned)i);
        keys[i] = asm_str_from(names[i]);
        asm_json_write_key(&writer, keys[i]);
        asm_json_write_int64(&writer, (int64_t)i);
    }
    asm_json_end_object(&writer);
    assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
    assert_int_equal(asm_json_find(asm_buffer_text(&json), keys, values, 64, NULL), ASM_OK);
    for (size_t i = 0; i < 64; i++) {
        int64_t value = -1;
        expect(asm_json_to_int64(values[i], &value) && value == (int64_t)i, "value %d", (int)value);
    }
    asm_buffer_close(&json);
    end_of_cases();
}

static void test_single_values(void **state) {
    static const struct {
        const char *raw;
        asm_json_type type;
        bool is_string, is_int64, is_double, is_bool;
    } cases[] = {
        {"\"x\"", ASM_JSON_STRING, true, false, false, false},
        {"\"\\n\"", ASM_JSON_STRING, true, false, false, false},
        {"-12", ASM_JSON_NUMBER, false, true, true, false},
        {"1.5", ASM_JSON_NUMBER, false, false, true, false},
        {"1e3", ASM_JSON_NUMBER, false, false, true, false},
        {"9223372036854775807", ASM_JSON_NUMBER, false, true, true, false},
        {"9223372036854775808", ASM_JSON_NUMBER, false, false, true, false},
        {"1e999", ASM_JSON_NUMBER, false, false, false, false},
        {"true", ASM_JSON_BOOL, false, false, false, true},
        {"false", ASM_JSON_BOOL, false, false, false, true},
        {"null", ASM_JSON_NULL, false, false, false, false},
        {"[1]", ASM_JSON_ARRAY, false, false, false, false},
        {"{\"a\":1}", ASM_JSON_OBJECT, false, false, false, false},
        {NULL, ASM_JSON_NONE, false, false, false, false},
        {"", ASM_JSON_NONE, false, false, false, false},
    };
    char memory[16];
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_str raw = asm_str_from(cases[i].raw), text = ASM_STR("as it was");
        int64_t integer = 42;
        double number = 42;
        bool truth = false;
        asm_buffer scratch;
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        expect(asm_json_type_of(raw) == cases[i].type, "%s: %d", shown(raw), (int)asm_json_type_of(raw));
        expect(asm_json_to_string(raw, &scratch, &text) == cases[i].is_string, "%s", shown(raw));
        expect(asm_json_to_int64(raw, &integer) == cases[i].is_int64, "%s", shown(raw));
        expect(asm_json_to_double(raw, &number) == cases[i].is_double, "%s", shown(raw));
        expect(asm_json_to_bool(raw, &truth) == cases[i].is_bool, "%s", shown(raw));
        if (!cases[i].is_string) expect_text(text, ASM_STR("as it was"));
        expect(cases[i].is_int64 || integer == 42, "%s", shown(raw));
        expect(cases[i].is_double || number == 42, "%s", shown(raw));
    }
    asm_str text;
    expect(!asm_json_to_string(ASM_STR("\"\\n\""), NULL, &text), "unescaped without scratch");
    expect(asm_json_to_string(ASM_STR("\"n\""), NULL, &text), "a view needs no scratch");
    end_of_cases();
}

/* ============================================================================================
 * Writing
 */

/* One letter for each call: { } [ ] as such, k key, 1 number, s string, t bool, n null, d double, r raw. */
static void write_by_letter(asm_json_writer *writer, char letter) {
    switch (letter) {
    case '{':
        asm_json_begin_object(writer);
        break;
    case '}':
        asm_json_end_object(writer);
        break;
    case '[':
        asm_json_begin_array(writer);
        break;
    case ']':
        asm_json_end_array(writer);
        break;
    case 'k':
        asm_json_write_key(writer, ASM_STR("k"));
        break;
    case '1':
        asm_json_write_int64(writer, 1);
        break;
    case 'u':
        asm_json_write_uint64(writer, 2);
        break;
    case 's':
        asm_json_write_string(writer, ASM_STR("s"));
        break;
    case 'a':
        asm_json_write_string(writer, asm_str_make(NULL, 0));
        break;
    case 't':
        asm_json_write_bool(writer, true);
        break;
    case 'f':
        asm_json_write_bool(writer, false);
        break;
    case 'n':
        asm_json_write_null(writer);
        break;
    case 'd':
        asm_json_write_double(writer, 0.5);
        break;
    case 'r':
        asm_json_write_raw(writer, ASM_STR(" { \"r\" : [ 1 ] } "));
        break;
    default:
        fail();
    }
}

static void test_writer_puts_commas_and_colons(void **state) {
    static const struct {
        const char *calls, *written;
    } cases[] = {
        {"1", "1"},
        {"n", "null"},
        {"a", "null"},
        {"s", "\"s\""},
        {"r", "{\"r\":[1]}"},
        {"{}", "{}"},
        {"[]", "[]"},
        {"[1]", "[1]"},
        {"[1stfnuda]", "[1,\"s\",true,false,null,2,0.5,null]"},
        {"[[][]]", "[[],[]]"},
        {"[{}{}]", "[{},{}]"},
        {"[1[1]{}1]", "[1,[1],{},1]"},
        {"{k1}", "{\"k\":1}"},
        {"{k1ks}", "{\"k\":1,\"k\":\"s\"}"},
        {"{k{}k[]kn}", "{\"k\":{},\"k\":[],\"k\":null}"},
        {"{k[{k1}{}]k1}", "{\"k\":[{\"k\":1},{}],\"k\":1}"},
        {"[rr]", "[{\"r\":[1]},{\"r\":[1]}]"},
        {"{krkr}", "{\"k\":{\"r\":[1]},\"k\":{\"r\":[1]}}"},
        {"[[[[1]1]1]1]", "[[[[1],1],1],1]"},
        {"{k{k{k1}k1}k1}", "{\"k\":{\"k\":{\"k\":1},\"k\":1},\"k\":1}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].written);
        char *block = exact_block(size);
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, block, size);
        asm_json_writer_init(&writer, &out);
        for (const char *call = cases[i].calls; *call != 0; call++)
            write_by_letter(&writer, *call);
        expect(asm_json_writer_finish(&writer) == ASM_OK, "%s: %d", cases[i].calls, writer.result);
        expect_text(asm_buffer_text(&out), asm_str_from(cases[i].written));
        free_block(block, size);
    }
    end_of_cases();
}

static void test_writer_refuses_misuse(void **state) {
    /* The last call is the wrong one; $ is finish. */
    static const char cases[] =
        "$ k } ] [$ {$ {k$ [1$ {k1$ 11 1s nn []1 {}{ [][ 1[ 1k rr 1r {1 {s {n {t {d {u {a {r {[ "
        "{{ {] [} [k {kk {k} {k] {k1] {k11 {k1s {k1r {k1[ {k1{ [1} [1k [[]} {k{}] [{] {k[} []] "
        "{}} 1] 1} [{}k {k[]1 {k[]{ ";
    char calls[16];
    (void)state;
    for (const char *rest = cases; next_word(&rest, calls);) {
        size_t last = strlen(calls) - 1;
        char memory[128];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_json_writer_init(&writer, &out);
        for (size_t call = 0; call < last; call++)
            write_by_letter(&writer, calls[call]);
        expect(writer.result == ASM_OK, "%s: %d before the end", calls, writer.result);
        size_t size = out.size;
        if (calls[last] != '$') {
            write_by_letter(&writer, calls[last]);
            expect(writer.result == ASM_ERR_MISUSE, "%s: %d", calls, writer.result);
        }
        expect(asm_json_writer_finish(&writer) == ASM_ERR_MISUSE, "%s: %d", calls, writer.result);
        for (const char *call = "1]}[{ks"; *call != 0; call++)
            write_by_letter(&writer, *call);
        expect(asm_json_writer_finish(&writer) == ASM_ERR_MISUSE, "%s: %d", calls, writer.result);
        expect(out.size == size, "%s: wrote something after the error", calls);
    }
    end_of_cases();
}

/* An error from elsewhere stops the writer; the first one stays. */
static void test_writer_fails_when_told(void **state) {
    static const char before[] = "$[{k";
    (void)state;
    for (const char *call = before; *call != '\0'; call++) {
        char memory[128];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_json_writer_init(&writer, &out);
        for (const char *earlier = before + 1; earlier <= call; earlier++)
            write_by_letter(&writer, *earlier);
        const size_t size = out.size;
        assert_int_equal(asm_json_writer_fail(&writer, ASM_OK), ASM_OK);
        assert_int_equal(asm_json_writer_fail(&writer, ASM_ERR_NO_MEMORY), ASM_ERR_NO_MEMORY);
        assert_int_equal(asm_json_writer_fail(&writer, ASM_ERR_UTF8), ASM_ERR_NO_MEMORY);
        for (const char *later = "ks1r}][{"; *later != '\0'; later++)
            write_by_letter(&writer, *later);
        expect(out.size == size, "%c: wrote something after the error", *call);
        assert_int_equal(asm_json_writer_finish(&writer), ASM_ERR_NO_MEMORY);
    }
    end_of_cases();
}

static void test_writer_depth(void **state) {
    (void)state;
    for (int objects = 0; objects < 2; objects++) {
        static char memory[1024];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_json_writer_init(&writer, &out);
        for (int level = 0; level < ASM_JSON_MAX_DEPTH; level++) {
            if (objects && level != 0) write_by_letter(&writer, 'k');
            write_by_letter(&writer, objects ? '{' : '[');
        }
        assert_int_equal(writer.result, ASM_OK);
        asm_json_writer deeper = writer;
        size_t size = out.size;
        if (objects) write_by_letter(&deeper, 'k');
        write_by_letter(&deeper, '[');
        assert_int_equal(deeper.result, ASM_ERR_DEPTH);
        out.size = size;
        for (int level = 0; level < ASM_JSON_MAX_DEPTH; level++)
            write_by_letter(&writer, objects ? '}' : ']');
        assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
        assert_int_equal(asm_json_check(asm_buffer_text(&out), NULL), ASM_OK);
    }
}

/* Raw text counts with the depth of where it stands, so that what is written can always be read. */
static void test_raw_depth(void **state) {
    asm_buffer raw, out;
    (void)state;
    asm_buffer_init_growing(&raw);
    asm_buffer_init_growing(&out);
    for (size_t around = 0; around <= ASM_JSON_MAX_DEPTH; around += 16) {
        for (size_t inside = ASM_JSON_MAX_DEPTH - 1; inside <= ASM_JSON_MAX_DEPTH + 1; inside++) {
            size_t levels = inside - around;
            if (around > inside) continue;
            asm_str json = nested(&raw, "[", levels == 0 ? "1" : "", "]", levels);
            asm_json_writer writer;
            asm_buffer_clear(&out);
            asm_json_writer_init(&writer, &out);
            for (size_t i = 0; i < around; i++)
                asm_json_begin_array(&writer);
            asm_json_write_raw(&writer, json);
            for (size_t i = 0; i < around; i++)
                asm_json_end_array(&writer);
            asm_result result = asm_json_writer_finish(&writer);
            expect(result == (around + levels <= ASM_JSON_MAX_DEPTH ? ASM_OK : ASM_ERR_DEPTH), "%u in %u: %d",
                   (unsigned)levels, (unsigned)around, result);
            if (result == ASM_OK)
                expect(asm_json_check(asm_buffer_text(&out), NULL) == ASM_OK, "%u in %u", (unsigned)levels,
                       (unsigned)around);
        }
    }
    asm_buffer_close(&raw);
    asm_buffer_close(&out);
    end_of_cases();
}

/* Whatever is called, in whatever order: what finish() calls whole is JSON. */
static void test_writer_calls_in_any_order(void **state) {
    static const char letters[] = "{}[]{}[]}]}]kkkk1usatfndr";
    uint64_t random = 6;
    unsigned whole = 0;
    (void)state;
    for (unsigned round = 0; round < 30000; round++) {
        char memory[512];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, round % 3 == 0 ? round % sizeof memory : sizeof memory);
        asm_json_writer_init(&writer, &out);
        while (writer.result == ASM_OK && next_random(&random) % 20 != 0) {
            /* Retries wrong calls on a copy, or nearly every sequence would end at its second call. */
            asm_json_writer before = writer;
            asm_buffer out_before = out;
            write_by_letter(&writer, letters[next_random(&random) % (sizeof letters - 1)]);
            if (writer.result != ASM_ERR_MISUSE || round % 5 == 0) continue;
            expect(out.size == out_before.size, "a misuse wrote something");
            writer = before;
        }
        if (asm_json_writer_finish(&writer) != ASM_OK) continue;
        whole++;
        expect(out.result == ASM_OK, "%d", out.result);
        expect(asm_json_check(asm_buffer_text(&out), NULL) == ASM_OK, "%s", shown(asm_buffer_text(&out)));
    }
    expect(whole > 1000, "only %u were whole", whole);
    end_of_cases();
}

static void test_writer_keeps_the_buffers_error(void **state) {
    char memory[8];
    asm_buffer out;
    asm_json_writer writer;
    (void)state;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_json_writer_init(&writer, &out);
    assert_int_equal(asm_json_begin_array(&writer), ASM_OK);
    assert_int_equal(asm_json_write_int64(&writer, 123456789), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_json_write_int64(&writer, 1), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_json_end_array(&writer), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_json_writer_finish(&writer), ASM_ERR_NO_SPACE);
}

static void test_writer_out_of_memory(void **state) {
    (void)state;
    for_each_way_to_fail for (size_t call = 1;; call++) {
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_growing(&out);
        asm_json_writer_init(&writer, &out);
        fail_allocations_from(call);
        asm_json_begin_array(&writer);
        for (int i = 0; i < 1000; i++)
            asm_json_write_string(&writer, ASM_STR("some text \n"));
        asm_json_end_array(&writer);
        size_t calls = allocation_calls;
        fail_allocations_from(0);
        asm_result result = asm_json_writer_finish(&writer);
        asm_buffer_close(&out);
        assert_int_equal(allocations_alive, 0);
        if (calls < call) {
            assert_int_equal(result, ASM_OK);
            break;
        }
        assert_int_equal(result, ASM_ERR_NO_MEMORY);
    }
}

static void test_raw_is_checked_and_made_compact(void **state) {
    static const struct {
        const char *raw, *written; /* NULL: an error */
    } cases[] = {
        {" 1 ", "1"},
        {"\n{\r\n\t\"a b\" : [ 1 , 2 ] }\n", "{\"a b\":[1,2]}"},
        {"\" \\t \"", "\" \\t \""},
        {"\"\\u0041\\/\"", "\"\\u0041\\/\""},
        {"[1e5,1.0,-0,1E+2]", "[1e5,1.0,-0,1E+2]"},
        {"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
        {"", NULL},
        {" ", NULL},
        {"1 2", NULL},
        {"[1", NULL},
        {"1,2", NULL},
        {"\"a\":1", NULL},
        {"1]", NULL},
        {"\"\n\"", NULL},
        {"\"\xFF\"", NULL},
        {NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int in_object = 0; in_object < 2; in_object++) {
            char memory[128];
            asm_buffer out;
            asm_json_writer writer;
            asm_str raw = asm_str_from(cases[i].raw);
            asm_buffer_init_fixed(&out, memory, sizeof memory);
            asm_json_writer_init(&writer, &out);
            if (in_object) {
                write_by_letter(&writer, '{');
                write_by_letter(&writer, 'k');
            }
            size_t before = out.size;
            asm_result result = asm_json_write_raw(&writer, raw);
            if (cases[i].written == NULL) {
                expect(result != ASM_OK && out.size == before, "%s: %d", shown(raw), result);
                continue;
            }
            expect(result == ASM_OK, "%s: %d", shown(raw), result);
            expect_text(asm_str_make(out.data + before, out.size - before), asm_str_from(cases[i].written));
            if (in_object) write_by_letter(&writer, '}');
            expect(asm_json_writer_finish(&writer) == ASM_OK, "%s", shown(raw));
        }
    }
    end_of_cases();
}

/* ============================================================================================
 * Escaping
 */

static size_t reference_escape(uint32_t code_point, char *out) {
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof letters; i += 2) {
        if (code_point == (unsigned char)letters[i]) {
            out[0] = '\\';
            out[1] = letters[i + 1];
            return 2;
        }
    }
    if (code_point < 0x20 || (code_point >= 0x7F && code_point <= 0x9F) || code_point == 0x2028 ||
        code_point == 0x2029)
        return (size_t)sprintf(out, "\\u%04x", (unsigned)code_point);
    return reference_encode(code_point, out);
}

/* The JSON string that is to be written for `text`. */
static asm_str reference_string(asm_str text, char *out) {
    size_t size = 0;
    out[size++] = '"';
    for (size_t at = 0; at < text.size;) {
        uint32_t code_point;
        bool valid;
        at += reference_decode(text.data + at, text.size - at, &code_point, &valid);
        size += reference_escape(code_point, out + size);
    }
    out[size++] = '"';
    return asm_str_make(out, size);
}

static asm_result append_flushed(void *user, const char *data, size_t size) {
    return asm_buffer_append((asm_buffer *)user, asm_str_make(data, size));
}

static void expect_written_string(asm_str text, asm_str expected) {
    asm_buffer out, flushed;
    asm_json_writer writer;
    char small[ASM_BUFFER_STREAM_MIN];

    /* A fixed buffer in which it just fits, and one that is a byte too small. */
    for (size_t missing = 0; missing < 2; missing++) {
        size_t size = expected.size - missing;
        char *block = exact_block(size);
        asm_buffer_init_fixed(&out, block, size);
        asm_json_writer_init(&writer, &out);
        asm_json_write_string(&writer, text);
        asm_result result = asm_json_writer_finish(&writer);
        expect(result == (missing ? ASM_ERR_NO_SPACE : ASM_OK), "%s: %d", shown(text), result);
        if (!missing) expect_text(asm_buffer_text(&out), expected);
        free_block(block, size);
    }

    asm_buffer_init_growing(&out);
    asm_json_writer_init(&writer, &out);
    asm_json_write_string(&writer, text);
    expect(asm_json_writer_finish(&writer) == ASM_OK, "%s", shown(text));
    expect_text(asm_buffer_text(&out), expected);
    asm_buffer_close(&out);

    asm_buffer_init_growing(&flushed);
    asm_buffer_init_stream(&out, small, sizeof small, append_flushed, &flushed);
    asm_json_writer_init(&writer, &out);
    asm_json_write_string(&writer, text);
    expect(asm_json_writer_finish(&writer) == ASM_OK, "%s", shown(text));
    expect(asm_buffer_flush(&out) == ASM_OK, "%s", shown(text));
    expect_text(asm_buffer_text(&flushed), expected);
    asm_buffer_close(&flushed);
}

static void expect_escaped(asm_str text) {
    static char expected[2048];
    expect_written_string(text, reference_string(text, expected));
}

/* Text that becomes six times as long, in every kind of buffer: nothing is written past their ends. */
static void test_nothing_but_escapes(void **state) {
    static char text[9000], expected[6 * sizeof text + 2];
    (void)state;
    memset(text, 1, sizeof text);
    for (size_t size = 0; size <= sizeof text; size += size < 800 ? 1 : 41) {
        const asm_str json = reference_string(asm_str_make(text, size), expected);
        expect_written_string(asm_str_make(text, size), json);
        for (size_t capacity = size * 3; capacity < size * 3 + 8; capacity++) { /* where it ends half way */
            char *block = exact_block(capacity + 64);
            asm_buffer out;
            memset(block + capacity, 'x', 64);
            asm_buffer_init_fixed(&out, block, capacity);
            asm_json_writer writer;
            asm_json_writer_init(&writer, &out);
            asm_json_write_string(&writer, asm_str_make(text, size));
            for (size_t i = 0; i < 64; i++)
                expect(block[capacity + i] == 'x', "%u bytes: byte %u past %u", (unsigned)size, (unsigned)i,
                       (unsigned)capacity);
            free_block(block, capacity + 64);
        }
    }
    end_of_cases();
}

static void test_every_byte_is_escaped(void **state) {
    (void)state;
    for (int first = 0; first < 256; first++) {
        char bytes[3] = {(char)(unsigned char)first, 'x', (char)(unsigned char)first};
        for (size_t size = 0; size <= sizeof bytes; size++) {
            char *block = exact_copy(bytes, size);
            expect_escaped(asm_str_make(block, size));
            free_block(block, size);
        }
    }
    end_of_cases();
}

static void test_keys_are_escaped(void **state) {
    char memory[64];
    asm_buffer out;
    asm_json_writer writer;
    (void)state;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_json_writer_init(&writer, &out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("a\"\n\xFF\xC2\x85"));
    asm_json_write_int64(&writer, 1);
    asm_json_end_object(&writer);
    assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
    expect_text(asm_buffer_text(&out), ASM_STR("{\"a\\\"\\n\xEF\xBF\xBD\\u0085\":1}"));
    end_of_cases();
}

/* What the writer does where the room is nearly used up: members of every length, into buffers of every size. */
static void write_members(asm_json_writer *writer, char first) {
    static char text[70];
    memset(text, 'a', sizeof text);
    text[0] = first;
    asm_json_begin_object(writer);
    for (size_t size = 0; size < sizeof text; size += size < 36 ? 1 : 9) {
        asm_json_write_key(writer, asm_str_make(text, size));
        if (size % 4 == 0) asm_json_write_string(writer, asm_str_make(text, size));
        if (size % 4 == 1) asm_json_write_int64(writer, INT64_MIN);
        if (size % 4 == 2) asm_json_begin_array(writer), asm_json_end_array(writer);
        if (size % 4 == 3) asm_json_write_double(writer, -1.2345678901234567e-300);
    }
    asm_json_end_object(writer);
}

static void test_members_in_any_room(void **state) {
    static const char firsts[] = {'a', '\"', '\x01', '\xFF'};
    (void)state;
    for (size_t i = 0; i < sizeof firsts; i++) {
        asm_buffer whole;
        asm_json_writer writer;
        asm_buffer_init_growing(&whole);
        asm_json_writer_init(&writer, &whole);
        write_members(&writer, firsts[i]);
        assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
        for (size_t room = 0; room < whole.size + 200; room++) {
            char *block = exact_block(room);
            asm_buffer out;
            asm_buffer_init_fixed(&out, block, room);
            asm_json_writer_init(&writer, &out);
            write_members(&writer, firsts[i]);
            asm_result result = asm_json_writer_finish(&writer);
            expect(result == (room < whole.size ? ASM_ERR_NO_SPACE : ASM_OK), "%u: %d", (unsigned)room,
                   result);
            expect(out.size <= whole.size && memcmp(whole.data, block, out.size) == 0, "%u", (unsigned)room);
            expect(result != ASM_OK || out.size == whole.size, "%u", (unsigned)room);
            free_block(block, room);
        }
        asm_buffer_close(&whole);
    }
    end_of_cases();
}

/* Every code point: written as it should be, and the same again when it is read. */
static void test_every_code_point(void **state) {
    static char text[64 * 4], expected[64 * 6 + 2], written[64 * 6 + 2];
    (void)state;
    for (uint32_t first = 0; first < 0x110000; first += 64) {
        size_t size = 0;
        for (uint32_t code_point = first; code_point < first + 64; code_point++)
            if (code_point < 0xD800 || code_point > 0xDFFF) size += reference_encode(code_point, text + size);
        asm_str json = reference_string(asm_str_make(text, size), expected), again = {NULL, 0};
        asm_buffer out;
        asm_json_writer writer;
        asm_json_reader reader;
        asm_buffer_init_fixed(&out, written, json.size);
        asm_json_writer_init(&writer, &out);
        expect(asm_json_write_string(&writer, asm_str_make(text, size)) == ASM_OK, "U+%04X", (unsigned)first);
        expect_text(asm_buffer_text(&out), json);
        asm_json_reader_init_in_place(&reader, out.data, out.size);
        expect(asm_json_read_string(&reader, &again), "U+%04X", (unsigned)first);
        expect_text(again, asm_str_make(text, size));
    }
    end_of_cases();
}

/* Where wide scanning could go wrong: every length, with something special at every place. */
static const asm_str specials[] = {
    TEXT("\""),       TEXT("\\"),
    TEXT("\n"),       TEXT("\x1F"),
    TEXT("\0"),       TEXT("\x7F"),
    TEXT("\xC3"),     TEXT("\x80"),
    TEXT("\xFF"),     TEXT("\xC3\xA9"),
    TEXT("\xC2\x85"), TEXT("\xE2\x80\xA8"),
    TEXT("\xE2\x82"), TEXT("\xF0\x9F\x9A\x80"),
};

static void expect_escaped_within(size_t size, size_t at, asm_str special) {
    char *block = exact_block(size + special.size);
    memset(block, 'a', size + special.size);
    memcpy(block + at, special.data, special.size);
    expect_escaped(asm_str_make(block, size + special.size));
    free_block(block, size + special.size);
}

static void test_written_strings_of_every_length(void **state) {
    (void)state;
    for (size_t size = 0; size <= 200; size++) {
        expect_escaped_within(size, 0, asm_str_make("", 0));
        for (size_t at = 0; at <= size; at++) {
            /* All of them where a wide register or two begin and end, one of them elsewhere. */
            size_t first = size <= 40 ? 0 : (at + size) % COUNT(specials);
            size_t end = size <= 40 ? COUNT(specials) : first + 1;
            for (size_t which = first; which < end; which++)
                expect_escaped_within(size, at, specials[which]);
        }
    }
    end_of_cases();
}

/* Text of all kinds in one string, into any room that it fits into. */
static void test_written_strings_of_many_pieces(void **state) {
    static char text[2048], expected[6 * sizeof text + 2];
    uint64_t random = 12;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        size_t size = 0, longest = round % 2 ? 70 : 8;
        for (size_t count = next_random(&random) % 24; count > 0; count--) {
            if (next_random(&random) % 2) {
                asm_str special = specials[next_random(&random) % COUNT(specials)];
                memcpy(text + size, special.data, special.size);
                size += special.size;
            } else {
                size_t run = next_random(&random) % longest;
                memset(text + size, 'a', run);
                size += run;
            }
        }
        char *block = exact_copy(text, size);
        asm_str json = reference_string(asm_str_make(block, size), expected);
        size_t room = json.size + next_random(&random) % (8 * size + 150);
        char *memory = exact_block(room);
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, room);
        asm_json_writer_init(&writer, &out);
        asm_json_write_string(&writer, asm_str_make(block, size));
        expect(asm_json_writer_finish(&writer) == ASM_OK, "%s in %u", shown(json), (unsigned)room);
        expect_text(asm_buffer_text(&out), json);
        free_block(memory, room);
        free_block(block, size);
    }
    end_of_cases();
}

/* The string as a reader gets it, inside a block without a spare byte. */
static void expect_read_string(asm_str json, asm_str expected) {
    asm_json_reader reader;
    asm_str text = {NULL, 0};
    char *block = exact_copy(json.data, json.size);
    for (size_t spare = 0; spare <= 64; spare += 64) { /* with spare room it is read in another way */
        const size_t room = json.size + spare;
        char *memory = exact_block(room);
        asm_buffer scratch;
        asm_buffer_init_fixed(&scratch, memory, room);
        asm_json_reader_init(&reader, asm_str_make(block, json.size), &scratch);
        asm_json_read_string(&reader, &text);
        expect(asm_json_reader_finish(&reader) == ASM_OK, "%s: %s", shown(json), reader.error.message);
        expect_text(text, expected);
        free_block(memory, room);
    }
    asm_json_reader_init_in_place(&reader, block, json.size);
    asm_json_read_string(&reader, &text);
    expect(asm_json_reader_finish(&reader) == ASM_OK, "%s: %s", shown(json), reader.error.message);
    expect_text(text, expected);
    free_block(block, json.size);
}

static void test_read_strings_of_every_length(void **state) {
    static const struct {
        asm_str json, text; /* text absent: an error at the first byte */
    } pieces[] = {
        {TEXT("\\n"), TEXT("\n")},
        {TEXT("\\\""), TEXT("\"")},
        {TEXT("\\\\"), TEXT("\\")},
        {TEXT("\\u00e9"), TEXT("\xC3\xA9")},
        {TEXT("\\u001b"), TEXT("\x1B")},
        {TEXT("\xC3\xA9"), TEXT("\xC3\xA9")},
        {TEXT("\x7F"), TEXT("\x7F")},
        {TEXT("\xF0\x9F\x9A\x80"), TEXT("\xF0\x9F\x9A\x80")},
        {TEXT("\\ud83d\\ude80"), TEXT("\xF0\x9F\x9A\x80")},
        {TEXT("\n"), {NULL, 0}},
        {TEXT("\x1F"), {NULL, 0}},
        {TEXT("\0"), {NULL, 0}},
        {TEXT("\xC3"), {NULL, 0}},
        {TEXT("\x80"), {NULL, 0}},
        {TEXT("\xFF"), {NULL, 0}},
        {TEXT("\xED\xA0\x80"), {NULL, 0}},
    };
    static char json[256], text[256];
    (void)state;
    for (size_t size = 1; size <= 200; size++) {
        for (size_t at = 0; at < size; at++) {
            size_t which = (at + size) % COUNT(pieces);
            asm_str piece = pieces[which].json, read = pieces[which].text;
            size_t json_size = size - 1 + piece.size + 2;
            memset(json, 'a', json_size);
            json[0] = json[json_size - 1] = '"';
            memcpy(json + 1 + at, piece.data, piece.size);
            if (read.data != NULL) {
                memset(text, 'a', size - 1 + read.size);
                memcpy(text + at, read.data, read.size);
                expect_read_string(asm_str_make(json, json_size), asm_str_make(text, size - 1 + read.size));
                continue;
            }
            asm_json_error error;
            char *block = exact_copy(json, json_size);
            asm_result expected = (unsigned char)piece.data[0] < 0x80 ? ASM_ERR_SYNTAX : ASM_ERR_UTF8;
            expect(asm_json_check(asm_str_make(block, json_size), &error) == expected &&
                       error.offset == 1 + at,
                   "size %u, %s at %u: %d at %u", (unsigned)size, shown(piece), (unsigned)at, error.result,
                   (unsigned)error.offset);
            free_block(block, json_size);
        }
    }
    end_of_cases();
}

/* Strings of many pieces, so that escapes and characters meet in every way and lie across every boundary. */
static void test_read_strings_of_many_pieces(void **state) {
    static const struct {
        asm_str json, text;
    } pieces[] = {
        {TEXT("\\n"), TEXT("\n")},
        {TEXT("\\\\"), TEXT("\\")},
        {TEXT("\\\""), TEXT("\"")},
        {TEXT("\\/"), TEXT("/")},
        {TEXT("\\u001B"), TEXT("\x1B")},
        {TEXT("\\u004a"), TEXT("J")},
        {TEXT("\\u00e9"), TEXT("\xC3\xA9")},
        {TEXT("\\ud83d\\ude80"), TEXT("\xF0\x9F\x9A\x80")},
        {TEXT("\\ud83d"), TEXT("\xEF\xBF\xBD")},
        {TEXT("\xC3\xA9"), TEXT("\xC3\xA9")},
        {TEXT("\xF0\x9F\x9A\x80"), TEXT("\xF0\x9F\x9A\x80")},
        {TEXT("\x7F"), TEXT("\x7F")},
        {TEXT("u"), TEXT("u")},
        {TEXT("abcdefghijklm"), TEXT("abcdefghijklm")},
        {TEXT("0123456789abcdef0123456789abcdef"), TEXT("0123456789abcdef0123456789abcdef")},
    };
    static char json[2048], text[2048];
    uint64_t random = 10;
    (void)state;
    for (int round = 0; round < 50000; round++) {
        size_t json_size = 1, size = 0, kinds = 1 + next_random(&random) % COUNT(pieces);
        json[0] = '"';
        for (size_t count = next_random(&random) % 40; count > 0; count--) {
            size_t which = (next_random(&random) % kinds + (size_t)round) % COUNT(pieces);
            memcpy(json + json_size, pieces[which].json.data, pieces[which].json.size);
            memcpy(text + size, pieces[which].text.data, pieces[which].text.size);
            json_size += pieces[which].json.size;
            size += pieces[which].text.size;
        }
        json[json_size++] = '"';
        expect_read_string(asm_str_make(json, json_size), asm_str_make(text, size));
    }
    end_of_cases();
}

/* Where the string that begins the text ends, or SIZE_MAX if it is none; so says one who looks at every byte.
 */
static size_t reference_string_end(asm_str json) {
    for (size_t at = 1; at < json.size;) {
        uint32_t code_point;
        bool valid;
        if (json.data[at] == '"') return at + 1;
        if (json.data[at] == '\\') {
            const char *rest = json.data + at + 1;
            size_t left = json.size - at - 1;
            if (left == 0 || rest[0] == 0 || strchr("\"\\/bfnrtu", rest[0]) == NULL) return SIZE_MAX;
            if (rest[0] != 'u') {
                at += 2;
                continue;
            }
            for (size_t i = 1; i <= 4; i++)
                if (i >= left || rest[i] == 0 || strchr("0123456789abcdefABCDEF", rest[i]) == NULL)
                    return SIZE_MAX;
            at += 6;
            continue;
        }
        if ((unsigned char)json.data[at] < 0x20) return SIZE_MAX;
        at += reference_decode(json.data + at, json.size - at, &code_point, &valid);
        if (!valid) return SIZE_MAX;
    }
    return SIZE_MAX;
}

/* Any byte in place of each digit of an escape, wherever in a block it stands: with scratch it is read in another way than
 * in place. */
static void test_read_escapes_of_any_digits(void **state) {
    static const char digits[] = "001b0041007f0Cc7";
    (void)state;
    for (size_t i = 0; i < 4 * 4 * 256; i++) {
        for (size_t at = i % 3; at < 140; at += 3) {
            char json[160], room[320];
            asm_json_reader reader, in_place;
            asm_str text = {NULL, 0}, same = {NULL, 0};
            asm_buffer scratch;
            memset(json, 'a', sizeof json);
            json[0] = json[sizeof json - 1] = '"';
            memcpy(json + 1 + at, "\\u", 2);
            memcpy(json + 3 + at, digits + i / 1024 * 4, 4);
            json[3 + at + i / 256 % 4] = (char)(i % 256);
            asm_buffer_init_fixed(&scratch, room, sizeof room);
            asm_json_reader_init(&reader, asm_str_make(json, sizeof json), &scratch);
            const bool is_read = asm_json_read_string(&reader, &text);
            const size_t end = reference_string_end(asm_str_make(json, sizeof json));
            expect(is_read == (end != SIZE_MAX), "%s", shown(asm_str_make(json, sizeof json)));
            asm_json_reader_init_in_place(&in_place, json, sizeof json);
            expect(asm_json_read_string(&in_place, &same) == is_read, "at %u", (unsigned)at);
            expect(reader.error.offset == in_place.error.offset, "at %u", (unsigned)at);
            if (is_read) expect_text(text, same);
        }
    }
    end_of_cases();
}

/* Bytes at random, of those that matter: a string is valid if and only if the reference says so. */
static void test_read_random_bytes(void **state) {
    static const char alphabet[] = "\"\\\\\\\\aaaaaaaannuuddd000088\xC3\xA9\xE2\x82\xAC\x1F\x7F";
    uint64_t random = 11;
    size_t valid = 0;
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char text[320];
        size_t size = 2 + next_random(&random) % (round % 8 ? 50 : 300);
        size_t kinds = round % 2 ? sizeof alphabet - 1 : 12;
        text[0] = text[size - 1] = '"';
        for (size_t i = 1; i < size - 1; i++)
            text[i] = alphabet[next_random(&random) % kinds];
        char *block = exact_copy(text, size);
        asm_json_error error;
        bool expected = reference_string_end(asm_str_make(text, size)) == size;
        expect((asm_json_check(asm_str_make(block, size), &error) == ASM_OK) == expected, "%s: %d at %u",
               shown(asm_str_make(text, size)), error.result, (unsigned)error.offset);
        valid += expected;
        size_t room = size + next_random(&random) % 100;
        char *memory = exact_block(room);
        asm_buffer scratch;
        asm_json_reader reader;
        asm_str value;
        asm_buffer_init_fixed(&scratch, memory, room);
        asm_json_reader_init(&reader, asm_str_make(block, size), &scratch);
        bool read = asm_json_read_string(&reader, &value) && asm_json_reader_finish(&reader) == ASM_OK;
        expect(read == expected, "%s: %d at %u", shown(asm_str_make(text, size)), reader.error.result,
               (unsigned)reader.error.offset);
        expect(reader.error.result == error.result && reader.error.offset == error.offset,
               "%s: %d at %u, not %d at %u", shown(asm_str_make(text, size)), reader.error.result,
               (unsigned)reader.error.offset, error.result, (unsigned)error.offset);
        free_block(memory, room);
        free_block(block, size);
    }
    expect(valid > 1000 && valid < 199000, "%u are valid", (unsigned)valid);
    end_of_cases();
}

/* Whatever can begin a character, and what can follow on it, at every place: written and read as the references say.
 */
static void test_every_beginning_of_a_character(void **state) {
    static const asm_str rests[] = {TEXT(""), TEXT("\x80"), TEXT("\xA8"), TEXT("\x80\xBF")};
    char text[140], expected[6 * sizeof text + 2], memory[6 * sizeof text + 2];
    size_t valid = 0, place = 0;
    (void)state;
    for (int first = 0x80; first < 0x100; first++) {
        for (int second = 0; second < 0x100; second++) {
            for (size_t rest = 0; rest < COUNT(rests); rest++) {
                const size_t at = 3 + place++ % 131;
                asm_buffer out;
                asm_json_writer writer;
                asm_json_reader reader;
                asm_str value;
                memset(text, 'a', sizeof text);
                memcpy(text, "\"\\n", 3);
                text[at] = (char)(unsigned char)first;
                text[at + 1] = (char)(unsigned char)second;
                memcpy(text + at + 2, rests[rest].data, rests[rest].size);
                text[sizeof text - 1] = '"';
                const asm_str json = asm_str_make(text, sizeof text);

                asm_buffer_init_fixed(&out, memory, sizeof memory);
                asm_json_writer_init(&writer, &out);
                asm_json_write_string(&writer, json);
                expect_text(asm_buffer_text(&out), reference_string(json, expected));

                const bool is_valid = reference_string_end(json) == json.size;
                valid += is_valid;
                asm_buffer_init_fixed(&out, memory, sizeof memory);
                asm_json_reader_init(&reader, json, &out);
                asm_json_read_string(&reader, &value);
                expect((asm_json_reader_finish(&reader) == ASM_OK) == is_valid, "%s: %s", shown(json),
                       reader.error.message);
                if (is_valid) {
                    expect(value.size == json.size - 3, "%s", shown(json));
                    expect_text(asm_str_make(value.data + 1, value.size - 1),
                                asm_str_make(text + 3, sizeof text - 4));
                }
            }
        }
    }
    expect(valid > 4000, "%u are valid", (unsigned)valid);
    end_of_cases();
}

/* Strings of every length that end with the text, or with nothing. */
static void test_unended_strings_of_every_length(void **state) {
    (void)state;
    for (size_t size = 1; size <= 200; size++) {
        char *block = exact_block(size);
        asm_json_error error;
        memset(block, 'a', size);
        block[0] = '"';
        expect(asm_json_check(asm_str_make(block, size), &error) == ASM_ERR_SYNTAX && error.offset == size,
               "%u: %d at %u", (unsigned)size, error.result, (unsigned)error.offset);
        memset(block, ' ', size);
        expect(asm_json_check(asm_str_make(block, size), &error) == ASM_ERR_SYNTAX && error.offset == size,
               "%u: %d at %u", (unsigned)size, error.result, (unsigned)error.offset);
        memset(block, '7', size);
        expect(asm_json_check(asm_str_make(block, size), &error) == ASM_OK, "%u digits", (unsigned)size);
        free_block(block, size);
    }
    end_of_cases();
}

/* What is unusual or wrong, at every place of the blocks that a reader looks at as a whole. */
static void test_anywhere_in_a_long_text(void **state) {
    static const struct {
        asm_str text;
        asm_result result;
        size_t offset;
        const char *written; /* NULL: the same */
    } pieces[] = {
        {TEXT("\"\\\\\""), ASM_OK, 0, NULL},
        {TEXT("\"\\\\\\\"\\n\\t\""), ASM_OK, 0, NULL},
        {TEXT("\"\\\\\\\\\",\"\\\\\\\"\""), ASM_OK, 0, NULL},
        {TEXT("\"\x7F\""), ASM_OK, 0, "\"\\u007f\""},
        {TEXT("\"\xC3\xA9\""), ASM_OK, 0, NULL},
        {TEXT("\"\xE2\x82\xAC\""), ASM_OK, 0, NULL},
        {TEXT("\"\xE2\x80\xA8\""), ASM_OK, 0, "\"\\u2028\""},
        {TEXT("\"\xF0\x9F\x9A\x80\""), ASM_OK, 0, NULL},
        {TEXT("{\"a\\n\":{\"\":[]}}"), ASM_OK, 0, NULL},
        {TEXT("{ \"a\" : \"b\" }"), ASM_OK, 0, "{\"a\":\"b\"}"},
        {TEXT("true"), ASM_OK, 0, NULL},
        {TEXT("false"), ASM_OK, 0, NULL},
        {TEXT("\"\\v\""), ASM_ERR_SYNTAX, 1, NULL},
        {TEXT("\"\\\\\\v\""), ASM_ERR_SYNTAX, 3, NULL},
        {TEXT("\"\\\xC3\xA9\""), ASM_ERR_SYNTAX, 1, NULL},
        {TEXT("\"\\u00g9\""), ASM_ERR_SYNTAX, 1, NULL},
        {TEXT("\"\x1F\""), ASM_ERR_SYNTAX, 1, NULL},
        {TEXT("\"\xC3\""), ASM_ERR_UTF8, 1, NULL},
        {TEXT("\"\xED\xA0\x80\""), ASM_ERR_UTF8, 1, NULL},
        {TEXT("{\"a\x1F\":1}"), ASM_ERR_SYNTAX, 3, NULL},
        {TEXT("{\"a\"\"b\"}"), ASM_ERR_SYNTAX, 4, NULL},
        {TEXT("\"a\"\"b\""), ASM_ERR_SYNTAX, 3, NULL},
        {TEXT("\xC3\xA9"), ASM_ERR_SYNTAX, 0, NULL},
        {TEXT("\\n"), ASM_ERR_SYNTAX, 0, NULL},
        {TEXT("\\\"a\""), ASM_ERR_SYNTAX, 0, NULL},
        {TEXT("xalse"), ASM_ERR_SYNTAX, 0, NULL},
        {TEXT("01"), ASM_ERR_SYNTAX, 0, NULL},
    };
    char text[400], written[400];
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        for (int before = 0; before < 140; before++) {
            const char *piece = pieces[i].written != NULL ? pieces[i].written : pieces[i].text.data;
            for (int behind = 0; behind < 200; behind += 90) {
                int size = sprintf(text, "[\"%0*d\",%s,\"%0*d\"]", before, 0, pieces[i].text.data, behind, 0);
                int written_size = sprintf(written, "[\"%0*d\",%s,\"%0*d\"]", before, 0, piece, behind, 0);
                const size_t offset = (size_t)(before > 0 ? before : 1) + 4 + pieces[i].offset;
                if (pieces[i].result == ASM_OK)
                    expect_accepted(asm_str_make(text, (size_t)size),
                                    asm_str_make(written, (size_t)written_size));
                else expect_rejected(asm_str_make(text, (size_t)size), pieces[i].result, offset, offset);
            }
        }
    }
    end_of_cases();
}

/* Texts that end with a key, or within a character. */
static void test_ends_of_every_length(void **state) {
    char text[200];
    (void)state;
    for (int length = 1; length < 150; length++) {
        const size_t size = (size_t)sprintf(text, "{\"%0*d\"", length, 0);
        expect_rejected(asm_str_make(text, size), ASM_ERR_SYNTAX, size, size);
        memcpy(text + size - 1, "\xF0\x9F\x9A", 3);
        expect_rejected(asm_str_make(text, size + 2), ASM_ERR_UTF8, size - 1, size - 1);
    }
    end_of_cases();
}

/* Integers are read alike whatever stands behind them. */
static void test_integers_before_other_text(void **state) {
    static const char *const numbers[] = {"0",         "7",
                                          "-1",        "1234567",
                                          "-12345678", "12345678",
                                          "123456789", "00",
                                          "01",        "0123",
                                          "1.5",       "1e3",
                                          "1E3",       "0.1",
                                          "-",         "12a",
                                          "123456",    "1234567.",
                                          "0e1",       "1/",
                                          "1:",        "9007199254740993"};
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char text[64];
        asm_json_reader alone, reader;
        int64_t expected = 5, value = 5;
        sprintf(text, "[%s,\"bbbbbbbb\"]", numbers[i]);
        asm_json_reader_init(&alone, asm_str_from(numbers[i]), NULL);
        asm_json_reader_init(&reader, asm_str_from(text), NULL);
        asm_json_enter_array(&reader);
        asm_json_next_element(&reader);
        const bool reads = asm_json_read_int64(&alone, &expected);
        expect(asm_json_read_int64(&reader, &value) == reads, "%s", text);
        expect(value == expected, "%s: %ld", text, (long)value);
        expect(reader.error.result == alone.error.result, "%s: %s", text, reader.error.message);
    }
    end_of_cases();
}

/* Runs that are unescaped as one, so that they end far behind the block in which they began: nothing is read past the
 * text. */
static void test_long_runs_near_the_end(void **state) {
    static const char *const pieces[] = {"\x7F", "\xC3\xA9", "\\u00e9", "\\ud83d\\ude00", "\\n"};
    (void)state;
    for (size_t piece = 0; piece < COUNT(pieces); piece++) {
        for (size_t before = 0; before < 70; before++) {
            for (size_t run = 1; run < 140; run += 7) {
                char text[4096];
                size_t size = (size_t)sprintf(text, "\"\\n");
                memset(text + size, 'x', before);
                size += before;
                for (size_t i = 0; i < run; i++)
                    size += (size_t)sprintf(text + size, "%s", pieces[piece]);
                size += (size_t)sprintf(text + size, "x\"");
                char *exact = exact_copy(text, size);
                asm_buffer scratch;
                asm_json_reader reader;
                asm_str value;
                asm_buffer_init_growing(&scratch);
                asm_json_reader_init(&reader, asm_str_make(exact, size), &scratch);
                expect(asm_json_read_string(&reader, &value), "%s %zu %zu", pieces[piece], before, run);
                expect(asm_json_reader_finish(&reader) == ASM_OK, "%s %zu %zu", pieces[piece], before, run);
                asm_buffer_close(&scratch);
                free_block(exact, size);
            }
        }
    }
    end_of_cases();
}

static void test_reserved_scratch_does_not_move(void **state) {
    static char raw[1000];
    (void)state;
    memset(raw, 'x', sizeof raw);
    memcpy(raw, "\"\\n", 3);
    for (size_t size = 5; size < sizeof raw; size++) {
        const asm_str string = asm_str_make(raw, size);
        asm_buffer scratch;
        asm_str first, second;
        raw[size - 2] = 'x';
        raw[size - 1] = '"';
        asm_buffer_init_growing(&scratch);
        assert_int_equal(asm_buffer_reserve(&scratch, 2 * size), ASM_OK);
        assert_true(asm_json_to_string(string, &scratch, &first));
        const char *const data = scratch.data;
        assert_true(asm_json_to_string(string, &scratch, &second));
        expect(scratch.data == data, "with %zu bytes", size);
        expect(first.size == size - 3 && second.size == size - 3, "with %zu bytes", size);
        asm_buffer_close(&scratch);
    }
    end_of_cases();
}

/* Each \u escape of the first code points, within a long text at every place of a block. */
static void test_short_unicode_escapes_in_a_long_text(void **state) {
    (void)state;
    for (unsigned code = 0; code < 0x200; code++)
        for (size_t before = 0; before < 70; before++) {
            char line[512], expected[512], scratch_memory[1024], *p;
            size_t size = before;
            asm_buffer scratch;
            asm_str text;
            memset(expected, 'x', sizeof expected);
            if (code >= 0x80) expected[size++] = (char)(0xC0 | code >> 6);
            expected[size++] = (char)(code < 0x80 ? code : 0x80 | (code & 63));
            line[0] = '"';
            memset(line + 1, 'x', before);
            p = line + 1 + before;
            p += sprintf(p, "\\u%04x", code);
            memset(p, 'x', 200);
            p[200] = '"';
            asm_buffer_init_fixed(&scratch, scratch_memory, sizeof scratch_memory);
            expect(asm_json_to_string(asm_str_make(line, (size_t)(p + 201 - line)), &scratch, &text),
                   "\\u%04x", code);
            expect_text(text, asm_str_make(expected, size + 200));
        }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_short_unicode_escapes_in_a_long_text),
        cmocka_unit_test(test_reserved_scratch_does_not_move),
        cmocka_unit_test(test_long_runs_near_the_end),
        cmocka_unit_test(test_anywhere_in_a_long_text),
        cmocka_unit_test(test_ends_of_every_length),
        cmocka_unit_test(test_integers_before_other_text),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_truncated_at_every_byte),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings_are_unescaped),
        cmocka_unit_test(test_strings_are_views_where_they_can_be),
        cmocka_unit_test(test_views_stay_valid_in_a_growing_scratch),
        cmocka_unit_test(test_no_scratch),
        cmocka_unit_test(test_scratch_out_of_memory),
        cmocka_unit_test(test_unread_values_are_skipped),
        cmocka_unit_test(test_peek_changes_nothing),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_first_error_stays),
        cmocka_unit_test(test_finish_before_the_end),
        cmocka_unit_test(test_raw_values),
        cmocka_unit_test(test_calls_in_any_order),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_find_long_keys),
        cmocka_unit_test(test_find_many),
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_writer_puts_commas_and_colons),
        cmocka_unit_test(test_writer_refuses_misuse),
        cmocka_unit_test(test_writer_fails_when_told),
        cmocka_unit_test(test_writer_depth),
        cmocka_unit_test(test_raw_depth),
        cmocka_unit_test(test_writer_calls_in_any_order),
        cmocka_unit_test(test_writer_keeps_the_buffers_error),
        cmocka_unit_test(test_writer_out_of_memory),
        cmocka_unit_test(test_raw_is_checked_and_made_compact),
        cmocka_unit_test(test_nothing_but_escapes),
        cmocka_unit_test(test_every_byte_is_escaped),
        cmocka_unit_test(test_keys_are_escaped),
        cmocka_unit_test(test_members_in_any_room),
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_written_strings_of_every_length),
        cmocka_unit_test(test_written_strings_of_many_pieces),
        cmocka_unit_test(test_read_strings_of_every_length),
        cmocka_unit_test(test_read_strings_of_many_pieces),
        cmocka_unit_test(test_read_escapes_of_any_digits),
        cmocka_unit_test(test_read_random_bytes),
        cmocka_unit_test(test_every_beginning_of_a_character),
        cmocka_unit_test(test_unended_strings_of_every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
