/* Tests of asm_json.h: results, text views, UTF-8, buffers and time. */
#include "support.h"

#include <time.h>

/* ============================================================================================
 * Results and text views
 */

static void test_results(void **state) {
    static const struct {
        asm_result result;
        int value;
        const char *text;
    } cases[] = {
#define RESULT(name, value, text) {name, value, text},
        ASM_RESULTS(RESULT)
#undef RESULT
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        expect((int)cases[i].result == cases[i].value, "%s", cases[i].text);
        expect_text(asm_str_from(asm_result_string(cases[i].result)), asm_str_from(cases[i].text));
        expect((int)i == -cases[i].value, "the results are not numbered without gaps");
    }
    expect_text(asm_str_from(asm_result_string((asm_result)1)), ASM_STR("unknown result"));
    expect_text(asm_str_from(asm_result_string((asm_result) - (int)COUNT(cases))), ASM_STR("unknown result"));
    expect_text(asm_str_from(asm_version()), ASM_STR(ASM_VERSION));
    char version[32];
    sprintf(version, "%d.%d.%d", ASM_VERSION_MAJOR, ASM_VERSION_MINOR, ASM_VERSION_PATCH);
    expect_text(asm_str_from(version), ASM_STR(ASM_VERSION));
    end_of_cases();
}

static void test_text_views(void **state) {
    (void)state;
    const asm_str literal = ASM_STR("a\0b"), absent = asm_str_from(NULL), empty = asm_str_from("");
    assert_int_equal(literal.size, 3);
    assert_null(absent.data);
    assert_int_equal(absent.size, 0);
    assert_non_null(empty.data);
    assert_int_equal(empty.size, 0);
    assert_non_null(ASM_STR("").data);
    assert_int_equal(asm_str_from("a\0b").size, 1);
    assert_ptr_equal(asm_str_make(literal.data, 2).data, literal.data);
    assert_int_equal(asm_str_make(literal.data, 2).size, 2);

    assert_true(asm_str_equal(absent, absent));
    assert_true(asm_str_equal(absent, empty));
    assert_true(asm_str_equal(empty, absent));
    assert_true(asm_str_equal(literal, ASM_STR("a\0b")));
    assert_false(asm_str_equal(literal, ASM_STR("a\0c")));
    assert_false(asm_str_equal(literal, ASM_STR("a")));
    assert_false(asm_str_equal(literal, absent));
    assert_false(asm_str_equal(absent, literal));
    assert_false(asm_str_equal(ASM_STR("\xFF"), ASM_STR("\x7F")));
}

/* ============================================================================================
 * UTF-8
 */

/* Every function of the section over one text, compared with the reference. */
static void expect_utf8(asm_str text) {
    char repaired[256];
    size_t count = 0, invalid = 0, repaired_size = 0, first_invalid = text.size;
    for (size_t at = 0, decoded_at = 0; at < text.size; count++) {
        uint32_t code_point;
        bool valid;
        size_t length = reference_decode(text.data + at, text.size - at, &code_point, &valid);
        if (!valid && invalid++ == 0) first_invalid = at;

        expect_text(asm_utf8_prefix(text, count), asm_str_make(text.data, at));
        expect(asm_utf8_decode(text, &decoded_at) == code_point, "%s at %u", shown(text), (unsigned)at);
        at += length;
        expect(decoded_at == at, "%s: decoded up to %u, not %u", shown(text), (unsigned)decoded_at,
               (unsigned)at);
        repaired_size += reference_encode(code_point, repaired + repaired_size);
    }
    expect(asm_utf8_check(text) == first_invalid, "%s: %u", shown(text), (unsigned)asm_utf8_check(text));
    expect(asm_utf8_count(text) == count, "%s: %u", shown(text), (unsigned)asm_utf8_count(text));
    expect_text(asm_utf8_prefix(text, count), text);
    expect_text(asm_utf8_prefix(text, SIZE_MAX), text);

    /* In a buffer in which the repaired text just fits, and in one that is too small. */
    for (size_t missing = 0; missing <= 1 && missing <= repaired_size; missing++) {
        char *memory = exact_block(repaired_size - missing);
        size_t replaced = 10;
        asm_buffer buffer;
        asm_buffer_init_fixed(&buffer, memory, repaired_size - missing);
        asm_result result = asm_buffer_append_utf8(&buffer, text, &replaced);
        if (missing) {
            expect(result == ASM_ERR_NO_SPACE && buffer.size == 0 && replaced == 10,
                   "%s: %d, size %u, %u replaced", shown(text), result, (unsigned)buffer.size,
                   (unsigned)replaced);
        } else {
            expect(result == ASM_OK && replaced == 10 + invalid, "%s: %d, %u replaced", shown(text), result,
                   (unsigned)replaced);
            expect_text(asm_buffer_text(&buffer), asm_str_make(repaired, repaired_size));
        }
        free_block(memory, repaired_size - missing);
    }
}

/* All texts of up to four bytes from one byte of each kind, and what comes just before and behind. */
static void test_utf8_of_every_kind(void **state) {
    static const unsigned char kinds[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF,
                                          0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED,
                                          0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};
    (void)state;
    for (size_t size = 0; size <= 4; size++) {
        char *block = exact_block(size);
        size_t which[4] = {0, 0, 0, 0}, digit;
        do {
            for (size_t i = 0; i < size; i++)
                block[i] = (char)kinds[which[i]];
            /* Four bytes matter only where the first can begin a character of that length. */
            if (size < 4 || kinds[which[0]] >= 0xE0) expect_utf8(asm_str_make(block, size));
            for (digit = 0; digit < size && ++which[digit] == COUNT(kinds); digit++)
                which[digit] = 0;
        } while (digit < size);
        free_block(block, size);
    }
    end_of_cases();
}

static void test_utf8_at_every_place(void **state) {
    static const asm_str pieces[] = {
        TEXT("\xC3\xA9"), TEXT("\xC3"),         TEXT("\xE2\x82"), TEXT("\xF0\x9F\x9A\x80"),
        TEXT("\x80"),     TEXT("\xED\xA0\x80"), TEXT("\0")};
    (void)state;
    for (size_t before = 0; before <= 40; before++) {
        for (size_t behind = 0; behind <= 40; behind++) {
            asm_str piece = pieces[(before + 3 * behind) % COUNT(pieces)];
            size_t size = before + piece.size + behind;
            char *block = exact_block(size);
            memset(block, 'a', size);
            memcpy(block + before, piece.data, piece.size);
            expect_utf8(asm_str_make(block, size));
            free_block(block, size);
        }
    }
    end_of_cases();
}

static void test_utf8_every_code_point(void **state) {
    (void)state;
    for (uint32_t code_point = 0; code_point < 0x110000; code_point++) {
        char text[4];
        size_t at = 0, size = reference_encode(code_point, text);
        bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
        uint32_t decoded = asm_utf8_decode(asm_str_make(text, size), &at);
        expect(decoded == (surrogate ? 0xFFFD : code_point), "U+%04X", (unsigned)code_point);
        expect(at == (surrogate ? 1 : size), "U+%04X", (unsigned)code_point);
        expect(asm_utf8_check(asm_str_make(text, size)) == (surrogate ? 0 : size), "U+%04X",
               (unsigned)code_point);
    }
    end_of_cases();
}

static void test_utf8_absent(void **state) {
    const asm_str absent = {NULL, 0};
    (void)state;
    assert_int_equal(asm_utf8_check(absent), 0);
    assert_int_equal(asm_utf8_count(absent), 0);
    assert_int_equal(asm_utf8_prefix(absent, 3).size, 0);
}

/* ============================================================================================
 * Buffers
 */

/* Where a stream buffer goes. */
typedef struct target {
    asm_buffer bytes;
    size_t calls, largest;
    size_t fails_at; /* the call that fails; 0: none */
} target;

static asm_result take(void *user, const char *data, size_t size) {
    target *to = (target *)user;
    expect(size != 0 && data != NULL, "an empty piece");
    if (++to->calls == to->fails_at) return ASM_ERR_WRITE;
    if (size > to->largest) to->largest = size;
    return asm_buffer_append(&to->bytes, asm_str_make(data, size));
}

static void test_fixed_buffer(void **state) {
    char *memory = exact_block(5);
    asm_buffer buffer;
    (void)state;
    asm_buffer_init_fixed(&buffer, memory, 5);
    expect_text(asm_buffer_text(&buffer), ASM_STR(""));
    assert_non_null(asm_buffer_text(&buffer).data);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("abc")), ASM_OK);
    assert_int_equal(asm_buffer_append_byte(&buffer, '\0'), ASM_OK);
    assert_int_equal(asm_buffer_reserve(&buffer, 1), ASM_OK);
    assert_int_equal(asm_buffer_append_byte(&buffer, 'e'), ASM_OK);
    assert_int_equal(asm_buffer_append(&buffer, asm_str_make(NULL, 0)), ASM_OK);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("")), ASM_OK);
    assert_int_equal(asm_buffer_reserve(&buffer, 0), ASM_OK);
    assert_int_equal(asm_buffer_flush(&buffer), ASM_OK);
    expect_text(asm_buffer_text(&buffer), ASM_STR("abc\0e"));
    assert_ptr_equal(buffer.data, memory);

    /* The first error stays and nothing is added, even what would fit. */
    asm_buffer_clear(&buffer);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("ab")), ASM_OK);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("cdef")), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_append_byte(&buffer, 'c'), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("")), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_append_utf8(&buffer, ASM_STR("c"), NULL), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_reserve(&buffer, 1), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_flush(&buffer), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_double_format(&buffer, 1), ASM_ERR_NO_SPACE);
    assert_int_equal(buffer.result, ASM_ERR_NO_SPACE);
    expect_text(asm_buffer_text(&buffer), ASM_STR("ab"));

    asm_buffer_clear(&buffer);
    assert_int_equal(buffer.result, ASM_OK);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("12345")), ASM_OK);
    assert_int_equal(asm_buffer_append_byte(&buffer, '6'), ASM_ERR_NO_SPACE);
    expect_text(asm_buffer_text(&buffer), ASM_STR("12345"));
    asm_buffer_close(&buffer);
    assert_int_equal(asm_buffer_text(&buffer).size, 0);
    free_block(memory, 5);
    end_of_cases();
}

static void test_buffer_of_nothing(void **state) {
    asm_buffer buffer;
    (void)state;
    asm_buffer_init_fixed(&buffer, NULL, 0);
    assert_non_null(asm_buffer_text(&buffer).data);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("")), ASM_OK);
    assert_int_equal(asm_buffer_append_utf8(&buffer, ASM_STR(""), NULL), ASM_OK);
    assert_int_equal(asm_buffer_append_byte(&buffer, 'a'), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_buffer_text(&buffer).size, 0);
}

static void test_sizes_do_not_overflow(void **state) {
    char memory[ASM_BUFFER_STREAM_MIN];
    target to;
    asm_buffer buffer;
    (void)state;
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 3, SIZE_MAX / 2 + 1};
    memset(&to, 0, sizeof to);
    asm_buffer_init_growing(&to.bytes);
    for (size_t i = 0; i < COUNT(huge); i++) {
        asm_buffer_init_fixed(&buffer, memory, sizeof memory);
        asm_buffer_append(&buffer, ASM_STR("abc"));
        expect(asm_buffer_reserve(&buffer, huge[i]) == ASM_ERR_NO_SPACE, "%d", buffer.result);
        expect_text(asm_buffer_text(&buffer), ASM_STR("abc"));

        asm_buffer_init_stream(&buffer, memory, sizeof memory, take, &to);
        asm_buffer_append(&buffer, ASM_STR("abc"));
        expect(asm_buffer_reserve(&buffer, huge[i]) == ASM_ERR_NO_SPACE, "%d", buffer.result);

        asm_buffer_init_growing(&buffer);
        asm_buffer_append(&buffer, ASM_STR("abc"));
        expect(asm_buffer_reserve(&buffer, huge[i]) == ASM_ERR_NO_MEMORY, "%d", buffer.result);
        expect_text(asm_buffer_text(&buffer), ASM_STR("abc"));
        asm_buffer_close(&buffer);
    }
    asm_buffer_close(&to.bytes);
    end_of_cases();
}

static void test_growing_buffer(void **state) {
    asm_buffer buffer;
    (void)state;
    fail_allocations_from(0);
    asm_buffer_init_growing(&buffer);
    assert_int_equal(allocation_calls, 0);
    assert_non_null(asm_buffer_text(&buffer).data);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("")), ASM_OK);
    for (unsigned i = 0; i < 100000; i++)
        expect(asm_buffer_append_byte(&buffer, (char)(i % 101)) == ASM_OK, "byte %u", i);
    assert_int_equal(buffer.size, 100000);
    for (unsigned i = 0; i < 100000; i++)
        expect(buffer.data[i] == (char)(i % 101), "byte %u", i);
    expect(allocation_calls < 100, "%u allocations for 100,000 bytes", (unsigned)allocation_calls);
    assert_int_equal(allocations_alive, 1);

    /* Cleared, it keeps its memory. */
    char *data = buffer.data;
    size_t calls = allocation_calls;
    asm_buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(asm_buffer_reserve(&buffer, 100000), ASM_OK);
    assert_ptr_equal(buffer.data, data);
    assert_int_equal(allocation_calls, calls);

    asm_buffer_close(&buffer);
    assert_int_equal(allocations_alive, 0);
    assert_int_equal(asm_buffer_text(&buffer).size, 0);
    asm_buffer_init_growing(&buffer);
    assert_int_equal(asm_buffer_append(&buffer, ASM_STR("again")), ASM_OK);
    asm_buffer_close(&buffer);
    asm_buffer_init_growing(&buffer);
    asm_buffer_close(&buffer); /* without ever allocating */
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static void test_reserved_room_does_not_move(void **state) {
    char memory[ASM_BUFFER_STREAM_MIN];
    target to;
    asm_buffer buffer;
    (void)state;
    asm_buffer_init_growing(&buffer);
    asm_buffer_append(&buffer, ASM_STR("abc"));
    assert_int_equal(asm_buffer_reserve(&buffer, 5000), ASM_OK);
    char *data = buffer.data;
    expect_text(asm_buffer_text(&buffer), ASM_STR("abc"));
    fail_allocations_from(1);
    for (int i = 0; i < 5000; i++)
        expect(asm_buffer_append_byte(&buffer, 'x') == ASM_OK, "byte %d", i);
    fail_allocations_from(0);
    assert_ptr_equal(buffer.data, data);
    asm_buffer_close(&buffer);

    memset(&to, 0, sizeof to);
    asm_buffer_init_growing(&to.bytes);
    asm_buffer_init_stream(&buffer, memory, sizeof memory, take, &to);
    asm_buffer_append(&buffer, ASM_STR("abc"));
    assert_int_equal(asm_buffer_reserve(&buffer, sizeof memory), ASM_OK);
    size_t calls = to.calls;
    for (size_t i = 0; i < sizeof memory; i++)
        asm_buffer_append_byte(&buffer, 'x');
    assert_int_equal(to.calls, calls);
    assert_int_equal(buffer.size, sizeof memory);
    assert_int_equal(asm_buffer_reserve(&buffer, sizeof memory + 1), ASM_ERR_NO_SPACE);
    asm_buffer_close(&to.bytes);
    end_of_cases();
}

static void test_growing_buffer_out_of_memory(void **state) {
    (void)state;
    for_each_way_to_fail for (size_t call = 1; call < 8; call++) {
        asm_buffer buffer;
        size_t size = 0;
        asm_buffer_init_growing(&buffer);
        fail_allocations_from(call);
        while (asm_buffer_append(&buffer, ASM_STR("0123456789")) == ASM_OK)
            size += 10;
        expect(buffer.result == ASM_ERR_NO_MEMORY, "%d", buffer.result);
        expect(buffer.size == size, "%u bytes, not %u", (unsigned)buffer.size, (unsigned)size);
        fail_allocations_from(0);
        expect(asm_buffer_append_byte(&buffer, 'x') == ASM_ERR_NO_MEMORY, "the error is gone");
        expect(asm_buffer_reserve(&buffer, 1) == ASM_ERR_NO_MEMORY, "the error is gone");
        expect(buffer.size == size, "%u bytes, not %u", (unsigned)buffer.size, (unsigned)size);
        for (size_t i = 0; i < size; i++)
            expect(buffer.data[i] == (char)('0' + i % 10), "byte %u", (unsigned)i);
        asm_buffer_clear(&buffer);
        expect(asm_buffer_append(&buffer, ASM_STR("again")) == ASM_OK, "%d", buffer.result);
        asm_buffer_close(&buffer);
        expect(allocations_alive == 0, "memory was lost");
    }
    end_of_cases();
}

static void test_stream_buffer(void **state) {
    target to;
    (void)state;
    for (size_t capacity = ASM_BUFFER_STREAM_MIN; capacity <= ASM_BUFFER_STREAM_MIN + 17; capacity += 17) {
        for (size_t piece = 1; piece <= 300; piece++) {
            char *memory = exact_block(capacity), *text = exact_block(piece);
            asm_buffer buffer;
            memset(&to, 0, sizeof to);
            asm_buffer_init_growing(&to.bytes);
            asm_buffer_init_stream(&buffer, memory, capacity, take, &to);
            for (size_t i = 0; i < 5; i++) {
                memset(text, (int)('a' + i), piece);
                expect(asm_buffer_append(&buffer, asm_str_make(text, piece)) == ASM_OK, "%d", buffer.result);
                expect(buffer.size <= capacity, "more in it than fits");
            }
            expect(asm_buffer_append_byte(&buffer, '.') == ASM_OK, "%d", buffer.result);
            expect(asm_buffer_flush(&buffer) == ASM_OK && buffer.size == 0, "%d", buffer.result);
            size_t calls = to.calls;
            expect(asm_buffer_flush(&buffer) == ASM_OK && to.calls == calls, "nothing was handed over");
            expect(to.bytes.size == 5 * piece + 1, "%u bytes", (unsigned)to.bytes.size);
            for (size_t i = 0; i < 5 * piece; i++)
                expect(to.bytes.data[i] == (char)('a' + i / piece), "byte %u", (unsigned)i);
            asm_buffer_close(&buffer);
            asm_buffer_close(&to.bytes);
            free_block(memory, capacity);
            free_block(text, piece);
        }
    }
    end_of_cases();
}

static void test_stream_buffer_repairs_utf8(void **state) {
    static const asm_str pieces[] = {TEXT("\xC3\xA9"), TEXT("\xC3"), TEXT("\xF0\x9F\x9A\x80"),
                                     TEXT("\xE2\x82z")};
    static const asm_str repaired[] = {TEXT("\xC3\xA9"), TEXT("\xEF\xBF\xBD"), TEXT("\xF0\x9F\x9A\x80"),
                                       TEXT("\xEF\xBF\xBDz")};
    (void)state;
    for (size_t shift = 0; shift < ASM_BUFFER_STREAM_MIN; shift++) {
        for (size_t which = 0; which < COUNT(pieces); which++) {
            char memory[ASM_BUFFER_STREAM_MIN];
            asm_buffer buffer, text, expected;
            target to;
            size_t replaced = 0;
            memset(&to, 0, sizeof to);
            asm_buffer_init_growing(&to.bytes);
            asm_buffer_init_growing(&text);
            asm_buffer_init_growing(&expected);
            for (size_t i = 0; i < shift; i++)
                asm_buffer_append_byte(&text, 'a');
            asm_buffer_append(&expected, asm_buffer_text(&text));
            for (int i = 0; i < 100; i++) {
                asm_buffer_append(&text, pieces[which]);
                asm_buffer_append(&expected, repaired[which]);
            }
            asm_buffer_init_stream(&buffer, memory, sizeof memory, take, &to);
            asm_buffer_append_utf8(&buffer, asm_buffer_text(&text), &replaced);
            expect(asm_buffer_flush(&buffer) == ASM_OK, "%d", buffer.result);
            expect_text(asm_buffer_text(&to.bytes), asm_buffer_text(&expected));
            expect(replaced == (which % 2 == 0 ? 0 : 100), "%u replaced", (unsigned)replaced);
            asm_buffer_close(&to.bytes);
            asm_buffer_close(&text);
            asm_buffer_close(&expected);
        }
    }
    end_of_cases();
}

static void test_stream_buffer_failing(void **state) {
    char memory[ASM_BUFFER_STREAM_MIN];
    (void)state;
    for (size_t fails_at = 1; fails_at <= 5; fails_at++) {
        asm_buffer buffer;
        target to;
        memset(&to, 0, sizeof to);
        asm_buffer_init_growing(&to.bytes);
        to.fails_at = fails_at;
        asm_buffer_init_stream(&buffer, memory, sizeof memory, take, &to);
        for (int i = 0; i < 100; i++)
            asm_buffer_append(&buffer, ASM_STR("0123456789"));
        expect(asm_buffer_flush(&buffer) == ASM_ERR_WRITE, "%d", buffer.result);
        expect(to.calls == fails_at, "called %u times", (unsigned)to.calls);
        expect(asm_buffer_append_byte(&buffer, 'x') == ASM_ERR_WRITE, "%d", buffer.result);
        expect(asm_buffer_append(&buffer, ASM_STR("x")) == ASM_ERR_WRITE, "%d", buffer.result);
        expect(asm_buffer_reserve(&buffer, 1) == ASM_ERR_WRITE, "%d", buffer.result);
        expect(to.calls == fails_at, "called after an error");
        asm_buffer_clear(&buffer);
        expect(asm_buffer_append(&buffer, ASM_STR("x")) == ASM_OK, "%d", buffer.result);
        expect(asm_buffer_flush(&buffer) == ASM_OK, "%d", buffer.result);
        asm_buffer_close(&to.bytes);
    }
    end_of_cases();
}

static void test_stream_buffer_too_small(void **state) {
    char memory[ASM_BUFFER_STREAM_MIN];
    target to;
    asm_buffer buffer;
    (void)state;
    memset(&to, 0, sizeof to);
    asm_buffer_init_growing(&to.bytes);
    asm_buffer_init_stream(&buffer, memory, sizeof memory - 1, take, &to);
    assert_int_equal(buffer.result, ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_append_byte(&buffer, 'x'), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_buffer_flush(&buffer), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(to.calls, 0);
    asm_buffer_init_stream(&buffer, memory, sizeof memory, take, &to);
    assert_int_equal(buffer.result, ASM_OK);
    asm_buffer_close(&to.bytes);
}

/* Many calls in random order do the same to all three kinds as to an array. */
static void test_buffers_against_a_model(void **state) {
    static char model[8192], text[300], fixed_memory[8192];
    uint64_t random = 7;
    (void)state;
    memset(text, 'u', sizeof text);
    for (int round = 0; round < 300; round++) {
        char small[ASM_BUFFER_STREAM_MIN];
        asm_buffer buffers[3];
        target to;
        size_t size = 0;
        memset(&to, 0, sizeof to);
        asm_buffer_init_growing(&to.bytes);
        asm_buffer_init_fixed(&buffers[0], fixed_memory, sizeof fixed_memory);
        asm_buffer_init_growing(&buffers[1]);
        asm_buffer_init_stream(&buffers[2], small, sizeof small, take, &to);
        for (int call = 0; call < 40; call++) {
            unsigned kind = (unsigned)(next_random(&random) % 6);
            size_t length = kind == 1 ? 1 : kind < 3 ? next_random(&random) % 200 : 0;
            size_t room = next_random(&random) % ASM_BUFFER_STREAM_MIN;
            if (length != 0) text[0] = (char)('A' + call);
            memcpy(model + size, text, length);
            size += length;
            for (size_t i = 0; i < COUNT(buffers); i++) {
                if (kind == 0) asm_buffer_append(&buffers[i], asm_str_make(text, length));
                if (kind == 1) asm_buffer_append_byte(&buffers[i], text[0]);
                if (kind == 2) asm_buffer_append_utf8(&buffers[i], asm_str_make(text, length), NULL);
                if (kind == 3) asm_buffer_flush(&buffers[i]);
                if (kind == 4) asm_buffer_reserve(&buffers[i], room);
                expect(buffers[i].result == ASM_OK, "%d", buffers[i].result);
            }
        }
        asm_buffer_flush(&buffers[2]);
        expect_text(asm_buffer_text(&buffers[0]), asm_str_make(model, size));
        expect_text(asm_buffer_text(&buffers[1]), asm_str_make(model, size));
        expect_text(asm_buffer_text(&to.bytes), asm_str_make(model, size));
        asm_buffer_close(&buffers[1]);
        asm_buffer_close(&to.bytes);
    }
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* ============================================================================================
 * Time
 */

#define SECOND     1000000
#define YEAR_0     (-62167219200 * SECOND)
#define YEAR_10000 (253402300800 * SECOND)

/* The text in a block without a spare byte; "" for 0. */
static asm_str formatted(asm_time time, int precision) {
    static char text[ASM_TIME_TEXT_SIZE];
    char *block = exact_block(ASM_TIME_TEXT_SIZE);
    size_t size = asm_time_format(time, precision, block);
    expect(size <= ASM_TIME_TEXT_SIZE, "too long");
    memcpy(text, block, size);
    free_block(block, ASM_TIME_TEXT_SIZE);
    return asm_str_make(text, size);
}

static void test_time_format(void **state) {
    static const struct {
        asm_time time;
        int precision;
        const char *text;
    } cases[] = {
        {0, 0, "1970-01-01T00:00:00.000Z"},
        {0, 1, "1970-01-01T00:00:00Z"},
        {0, 7, "1970-01-01T00:00:00.000000Z"},
        {1, 0, "1970-01-01T00:00:00.000001Z"},
        {1000, 0, "1970-01-01T00:00:00.001Z"},
        {1001, 0, "1970-01-01T00:00:00.001001Z"},
        {-1, 0, "1969-12-31T23:59:59.999999Z"},
        {-1, 1, "1969-12-31T23:59:59Z"},
        {-1000, 0, "1969-12-31T23:59:59.999Z"},
        {123456, 1, "1970-01-01T00:00:00Z"},
        {123456, 2, "1970-01-01T00:00:00.1Z"},
        {123456, 3, "1970-01-01T00:00:00.12Z"},
        {123456, 4, "1970-01-01T00:00:00.123Z"},
        {123456, 5, "1970-01-01T00:00:00.1234Z"},
        {123456, 6, "1970-01-01T00:00:00.12345Z"},
        {123456, 7, "1970-01-01T00:00:00.123456Z"},
        {999999, 4, "1970-01-01T00:00:00.999Z"},
        {1770638417968111, 0, "2026-02-09T12:00:17.968111Z"},
        {1770638417968111, 4, "2026-02-09T12:00:17.968Z"},
        {951782400 * (asm_time)SECOND, 1, "2000-02-29T00:00:00Z"},
        {951868799 * (asm_time)SECOND, 1, "2000-02-29T23:59:59Z"},
        {4107542399 * (asm_time)SECOND, 1, "2100-02-28T23:59:59Z"},
        {4107542400 * (asm_time)SECOND, 1, "2100-03-01T00:00:00Z"},
        {-2203891200 * (asm_time)SECOND, 1, "1900-03-01T00:00:00Z"},
        {YEAR_0, 0, "0000-01-01T00:00:00.000Z"},
        {YEAR_0 - 1, 0, ""},
        {YEAR_10000 - 1, 0, "9999-12-31T23:59:59.999999Z"},
        {YEAR_10000, 0, ""},
        {INT64_MAX, 0, ""},
        {INT64_MIN, 0, ""},
        {INT64_MIN, 7, ""},
        {0, -1, ""},
        {0, 8, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        expect_text(formatted(cases[i].time, cases[i].precision), asm_str_from(cases[i].text));
    end_of_cases();
}

static void test_time_parse(void **state) {
    static const struct {
        const char *text;
        asm_time time;
        int precision;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 1},
        {"1970-01-01t00:00:00z", 0, 1},
        {"1970-01-01 00:00:00Z", 0, 1},
        {"1970-01-01T00:00:00.0Z", 0, 2},
        {"1970-01-01T00:00:00.1Z", 100000, 2},
        {"1970-01-01T00:00:00.12Z", 120000, 3},
        {"1970-01-01T00:00:00.123Z", 123000, 4},
        {"1970-01-01T00:00:00.1234Z", 123400, 5},
        {"1970-01-01T00:00:00.12345Z", 123450, 6},
        {"1970-01-01T00:00:00.123456Z", 123456, 7},
        {"1970-01-01T00:00:00.1234569Z", 123456, 7},
        {"1970-01-01T00:00:00.1234560000000000000000000000000000000000001Z", 123456, 7},
        {"1969-12-31T23:59:59.999999Z", -1, 7},
        {"1969-12-31T23:59:59.9999999Z", -1, 7},
        {"1970-01-01T00:00:00+00:00", 0, 1},
        {"1970-01-01T00:00:00-00:00", 0, 1},
        {"1970-01-01T01:00:00+01:00", 0, 1},
        {"1969-12-31T19:00:00-05:00", 0, 1},
        {"1970-01-01T05:45:00.5+05:45", 500000, 2},
        {"1970-01-01T23:59:00+23:59", 0, 1},
        {"2026-02-09T12:00:17.968111Z", 1770638417968111, 7},
        {"2024-02-29T00:00:00Z", 1709164800 * (asm_time)SECOND, 1},
        {"2000-02-29T00:00:00Z", 951782400 * (asm_time)SECOND, 1},
        {"0000-01-01T00:00:00Z", YEAR_0, 1},
        {"9999-12-31T23:59:59.999999Z", YEAR_10000 - 1, 7},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_str text = asm_str_from(cases[i].text);
        asm_time time = 42;
        int precision = 42;
        char *block = exact_copy(text.data, text.size);
        expect(asm_time_parse(asm_str_make(block, text.size), &time, &precision) == ASM_OK, "%s",
               cases[i].text);
        expect(time == cases[i].time && precision == cases[i].precision, "%s: %lld, precision %d",
               cases[i].text, (long long)time, precision);
        time = 42;
        expect(asm_time_parse(text, &time, NULL) == ASM_OK && time == cases[i].time, "%s", cases[i].text);
        for (size_t size = 0; size < text.size; size++) {
            char *part = exact_copy(text.data, size);
            expect(asm_time_parse(asm_str_make(part, size), &time, NULL) == ASM_ERR_SYNTAX, "%.*s", (int)size,
                   part);
            free_block(part, size);
        }
        free_block(block, text.size);
    }
    end_of_cases();
}

static void test_time_parse_refuses(void **state) {
    static const struct {
        const char *text;
        asm_result result;
    } cases[] = {
        {NULL, ASM_ERR_SYNTAX},
        {"", ASM_ERR_SYNTAX},
        {"Z", ASM_ERR_SYNTAX},
        {"now", ASM_ERR_SYNTAX},
        {"1770638417", ASM_ERR_SYNTAX},
        {"2026-02-09", ASM_ERR_SYNTAX},
        {"12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00.123", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00.Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00.+01:00", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00ZZ", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00Z ", ASM_ERR_SYNTAX},
        {" 2026-02-09T12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00 Z", ASM_ERR_SYNTAX},
        {"2026-02-09  12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09_12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-2-9T12:00:00Z", ASM_ERR_SYNTAX},
        {"2026/02/09T12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12.00.00Z", ASM_ERR_SYNTAX},
        {"-026-02-09T12:00:00Z", ASM_ERR_SYNTAX},
        {"+2026-02-09T12:00:00Z", ASM_ERR_SYNTAX},
        {"12026-02-09T12:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T1a:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T 2:00:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:-1Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00.1a3Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00+1:00", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00+01:0", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00+01:00Z", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00+aa:00", ASM_ERR_SYNTAX},
        {"2026-02-09T12:00:00UTC", ASM_ERR_SYNTAX},
        {"2026-00-09T12:00:00Z", ASM_ERR_RANGE},
        {"2026-13-09T12:00:00Z", ASM_ERR_RANGE},
        {"2026-02-00T12:00:00Z", ASM_ERR_RANGE},
        {"2026-02-29T12:00:00Z", ASM_ERR_RANGE},
        {"1900-02-29T12:00:00Z", ASM_ERR_RANGE},
        {"2000-02-30T12:00:00Z", ASM_ERR_RANGE},
        {"2026-04-31T12:00:00Z", ASM_ERR_RANGE},
        {"2026-01-32T12:00:00Z", ASM_ERR_RANGE},
        {"2026-02-09T24:00:00Z", ASM_ERR_RANGE},
        {"2026-02-09T25:00:00Z", ASM_ERR_RANGE},
        {"2026-02-09T12:60:00Z", ASM_ERR_RANGE},
        {"2026-02-09T12:00:61Z", ASM_ERR_RANGE},
        {"2026-02-09T12:00:00+24:00", ASM_ERR_SYNTAX},
        {"0000-01-01T00:59:59+01:00", ASM_ERR_RANGE}, /* in the year before 0000 */
        {"9999-12-31T23:00:00-01:00", ASM_ERR_RANGE}, /* in the year 10000 */
        {"2026-02-09T12:00:00-01:60", ASM_ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_time time = 42;
        int precision = 42;
        asm_result result = asm_time_parse(asm_str_from(cases[i].text), &time, &precision);
        expect(result == cases[i].result, "%s: %d", cases[i].text, result);
        expect(time == 42 && precision == 42, "%s: an output has changed", cases[i].text);
    }
    asm_time time;
    expect(asm_time_parse(ASM_STR("2026-02-09T12:00:00Z\0"), &time, NULL) == ASM_ERR_SYNTAX, "NUL behind it");
    end_of_cases();
}

/* Any byte in any place of a time as it is written, against the same with one digit more, which is dropped. */
static void test_time_every_byte(void **state) {
    static const char *const times[] = {"2026-10-28T19:59:59.987654Z", "2024-02-29T23:00:00.000000Z",
                                        "1900-01-31T09:30:10.123456Z"};
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        for (int at = 0; at < ASM_TIME_TEXT_SIZE; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char text[ASM_TIME_TEXT_SIZE], longer[ASM_TIME_TEXT_SIZE + 1];
                asm_time time = 42, again = 42;
                int precision = 42;
                memcpy(text, times[i], sizeof text);
                text[at] = (char)byte;
                memcpy(longer, text, sizeof text - 1);
                longer[sizeof text - 1] = '0';
                longer[sizeof text] = text[sizeof text - 1];
                asm_result result = asm_time_parse(asm_str_make(text, sizeof text), &time, &precision);
                expect(asm_time_parse(asm_str_make(longer, sizeof longer), &again, NULL) == result &&
                           time == again && precision == (result == ASM_OK ? 7 : 42),
                       "%s: %02x at %d", times[i], (unsigned)byte, at);
            }
        }
    }
    end_of_cases();
}

/* The first and the last day of every month, against a calendar that counts days one by one. */
static void test_time_every_month(void **state) {
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    asm_time time = YEAR_0;
    (void)state;
    for (int year = 0; year <= 9999; year++) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        for (int month = 1; month <= 12; month++) {
            int days = lengths[month - 1] + (month == 2 && leap);
            for (int day = 1; day <= days; day++, time += 86400 * (asm_time)SECOND) {
                char text[64];
                asm_time parsed = 0;
                if (day != 1 && day != days) continue;
                sprintf(text, "%04d-%02d-%02dT00:00:00Z", year, month, day);
                expect_text(formatted(time, 1), asm_str_from(text));
                expect(asm_time_parse(asm_str_from(text), &parsed, NULL) == ASM_OK && parsed == time, "%s",
                       text);
            }
        }
    }
    assert_true(time == YEAR_10000);
    end_of_cases();
}

static void test_time_there_and_back(void **state) {
    uint64_t random = 8;
    (void)state;
    for (int i = 0; i < 100000; i++) {
        asm_time time = YEAR_0 + (asm_time)(next_random(&random) % (uint64_t)(YEAR_10000 - YEAR_0)),
                 again = 0;
        int precision = 0;
        asm_str text = formatted(time, 7);
        expect(asm_time_parse(text, &again, &precision) == ASM_OK, "%s", shown(text));
        expect(again == time && precision == 7, "%s: %lld", shown(text), (long long)time);
        text = formatted(time, 0);
        expect(asm_time_parse(text, &again, NULL) == ASM_OK && again == time, "%s", shown(text));
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_text_views),
        cmocka_unit_test(test_utf8_of_every_kind),
        cmocka_unit_test(test_utf8_at_every_place),
        cmocka_unit_test(test_utf8_every_code_point),
        cmocka_unit_test(test_utf8_absent),
        cmocka_unit_test(test_fixed_buffer),
        cmocka_unit_test(test_buffer_of_nothing),
        cmocka_unit_test(test_sizes_do_not_overflow),
        cmocka_unit_test(test_growing_buffer),
        cmocka_unit_test(test_reserved_room_does_not_move),
        cmocka_unit_test(test_growing_buffer_out_of_memory),
        cmocka_unit_test(test_stream_buffer),
        cmocka_unit_test(test_stream_buffer_repairs_utf8),
        cmocka_unit_test(test_stream_buffer_failing),
        cmocka_unit_test(test_stream_buffer_too_small),
        cmocka_unit_test(test_buffers_against_a_model),
        cmocka_unit_test(test_time_format),
        cmocka_unit_test(test_time_parse),
        cmocka_unit_test(test_time_parse_refuses),
        cmocka_unit_test(test_time_every_byte),
        cmocka_unit_test(test_time_every_month),
        cmocka_unit_test(test_time_there_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
