/* Tests of asm_json.h: the functions that look at many bytes at once, against the plainest ones. */
#define ASM_JSON_IMPLEMENTATION
#include "support.h"
#include "random.h"

static const char interesting[] = "\"\\/ntu abcz!#]^_\x7F\x01\x1F\n\t\x80\xBF\xC2\xE2\xFF";

static bool is_non_ascii(char c) {
    return (unsigned char)c >= 0x80;
}

static bool is_other(char c) {
    return (unsigned char)c < 0x20 || (unsigned char)c >= 0x7F;
}

static bool is_special(char c) {
    return is_other(c) || c == '"' || c == '\\';
}

static bool is_ending(char c) {
    return is_special(c) && c != 0x7F;
}

static bool is_letter(char c) {
    return c == '"' || c == '\\' || c == 'n' || c == 't';
}

static unsigned plain_bits(const char *p, size_t size, bool (*is)(char)) {
    unsigned bits = 0;
    for (size_t i = 0; i < size; i++)
        bits |= (unsigned)is(p[i]) << i;
    return bits;
}

static void expect_marks(asm__lanes marks, unsigned bits, const char *what) {
    uint64_t found = asm__lanes_find(marks);
    expect(asm__lanes_bits(marks) == bits, "%s: %04x, not %04x", what, asm__lanes_bits(marks), bits);
    expect(asm__lanes_any(marks) == (bits != 0), "%s: %04x", what, bits);
    expect((found != 0) == (bits != 0), "%s: %04x", what, bits);
    if (bits) expect((int)asm__found_lane(found) == asm__lowest_bit(bits), "%s: %04x", what, bits);
}

static void check_lanes(const char *p) {
    asm__lanes bytes = asm__lanes_load(p);
    char copy[16];
    expect_marks(asm__lanes_non_ascii(bytes), plain_bits(p, 16, is_non_ascii), "non-ASCII");
    expect_marks(asm__lanes_other(bytes), plain_bits(p, 16, is_other), "other");
    expect_marks(asm__lanes_special(bytes), plain_bits(p, 16, is_special), "special");
    expect_marks(asm__lanes_ending(bytes), plain_bits(p, 16, is_ending), "ending");
    expect_marks(asm__lanes_letters(bytes), plain_bits(p, 16, is_letter), "letters");
    asm__lanes_store(copy, bytes);
    expect(memcmp(copy, p, 16) == 0, "stored");
}

static void test_every_byte_in_every_lane(void **state) {
    char bytes[16];
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (int lane = 0; lane < 16; lane++) {
            memset(bytes, 'x', sizeof bytes);
            bytes[lane] = (char)byte;
            check_lanes(bytes);
            memset(bytes, byte, sizeof bytes);
            bytes[lane] = 'x';
            check_lanes(bytes);
        }
    }
    end_of_cases();
}

static void test_equal_marks_nothing_else(void **state) {
    (void)state;
    for (int wanted = 0; wanted < 256; wanted++) {
        for (int byte = 0; byte < 256; byte++) {
            char bytes[16];
            memset(bytes, byte, sizeof bytes);
            bytes[3] = (char)wanted;
            unsigned bits = asm__lanes_bits(asm__lanes_equal(asm__lanes_load(bytes), (char)wanted));
            expect(bits == (byte == wanted ? 0xFFFFu : 8u), "%d among %d: %04x", wanted, byte, bits);
        }
    }
    end_of_cases();
}

static void test_random_lanes(void **state) {
    uint64_t random = 21;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char bytes[64];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = round % 2 ? interesting[next_random(&random) % (sizeof interesting - 1)]
                                 : (char)next_random(&random);
        check_lanes(bytes);
        asm__lanes lanes[4];
        uint64_t expected = 0;
        for (size_t i = 0; i < 4; i++) {
            lanes[i] = asm__lanes_special(asm__lanes_load(bytes + 16 * i));
            expected |= (uint64_t)plain_bits(bytes + 16 * i, 16, is_special) << 16 * i;
        }
        expect(asm__lanes_bits_64(lanes[0], lanes[1], lanes[2], lanes[3]) == expected, "round %d", round);
        char halves[16], apart[32];
        asm__lanes both = asm__lanes_load_halves(bytes + 3, bytes + 21);
        asm__lanes_store(halves, both);
        asm__lanes_store_halves(apart + 16, apart + 1, both);
        expect(memcmp(halves, bytes + 3, 8) == 0 && memcmp(halves + 8, bytes + 21, 8) == 0, "loaded");
        expect(memcmp(apart + 16, bytes + 3, 8) == 0 && memcmp(apart + 1, bytes + 21, 8) == 0, "stored");
        asm__lanes_store(halves, asm__lanes_of_word(asm__load_little(bytes + 5)));
        expect(memcmp(halves, bytes + 5, 8) == 0 && memcmp(halves + 8, bytes + 5, 8) == 0, "a word");
        expect(asm__is_plain_word(asm__load_little(bytes)) == (plain_bits(bytes, 8, is_special) == 0),
               "a word");
        uint64_t non_ascii, special = asm__special_64(bytes, &non_ascii);
        for (size_t i = 0; i < 64; i++) {
            expect((special >> i & 1) == (is_special(bytes[i]) && !is_non_ascii(bytes[i])), "byte %d",
                   (int)i);
            expect((non_ascii >> i & 1) == is_non_ascii(bytes[i]), "byte %d", (int)i);
        }
    }
    end_of_cases();
}

/* Every length and alignment, with a byte that stops a run at each place or nowhere; the block ends with the text, so
 * that a sanitizer sees what is read after it. */
static void test_runs(void **state) {
    static const char stops[] = "\"\\\n\x7F\x80";
    (void)state;
    for (size_t size = 0; size < 150; size++) {
        for (size_t at = 0; at <= size; at++) {
            char *text = exact_block(size), stop = stops[(size + at) % 5];
            memset(text, 'x', size);
            if (at < size) text[at] = stop;
            if (at + 2 < size) text[at + 2] = '"';
            for (size_t begin = 0; begin <= at && begin < 40; begin++) {
                const char *p = text + begin, *end = text + size;
                expect(asm__plain_end(p, end) == text + at, "%d of %d", (int)at, (int)size);
                if (stop == '\x80')
                    expect(asm__ascii_end(p, end) == text + at, "%d of %d", (int)at, (int)size);
                if (size >= ASM__NEAR_SIZE) {
                    size_t ending = stop != 0x7F || at == size ? at : at + 2 < size ? at + 2 : size;
                    const char *quote = asm__likely_quote(p, end); /* may stop at DEL, too */
                    expect(quote == text + ending || quote == text + at, "%d of %d", (int)at, (int)size);
                }
            }
            free_block(text, size);
        }
    }
    end_of_cases();
}

static void test_copies(void **state) {
    (void)state;
    for (size_t size = 1; size <= ASM__SHORT; size++) {
        for (size_t at = 0; at <= size; at++) {
            for (int byte = 0; byte < 256; byte += at < size ? 1 : 256) {
                char *text = exact_block(size), *out = exact_block(size);
                memset(text, 'x', size);
                if (at < size) text[at] = (char)byte;
                bool plain = !asm__lanes_any(asm__copy_marked(out, text, size));
                expect(plain == (at == size || !is_special((char)byte)), "%d at %d of %d", byte, (int)at,
                       (int)size);
                expect(memcmp(out, text, size) == 0, "%d at %d of %d", byte, (int)at, (int)size);
                free_block(text, size);
                free_block(out, size);
            }
        }
    }
    end_of_cases();
}

/* The offset of the first byte that does not belong to valid UTF-8 (Unicode 15, table 3-7), and the number of code points
 * of the whole text. */
static size_t check_plainly(asm_str text, size_t *count) {
    size_t at = 0, valid = SIZE_MAX;
    for (*count = 0; at < text.size; ++*count) {
        const unsigned char *s = (const unsigned char *)text.data + at;
        size_t left = text.size - at,
               length = s[0] < 0x80   ? 1
                        : s[0] < 0xE0 ? 2
                        : s[0] < 0xF0 ? 3
                                      : 4,
               good = 1;
        unsigned low = s[0] == 0xE0   ? 0xA0
                       : s[0] == 0xF0 ? 0x90
                                      : 0x80,
                 high = s[0] == 0xED   ? 0x9F
                        : s[0] == 0xF4 ? 0x8F
                                       : 0xBF;
        if ((s[0] >= 0x80 && s[0] < 0xC2) || s[0] > 0xF4) length = 0;
        while (good < length && good < left && s[good] >= low && s[good] <= high)
            good++, low = 0x80, high = 0xBF;
        if (good != length && valid == SIZE_MAX) valid = at;
        at += good;
    }
    return valid == SIZE_MAX ? text.size : valid;
}

static void test_utf8(void **state) {
    static const char *const characters[] = {"a",
                                             "\xC2\x80",
                                             "\xC3\xA9",
                                             "\xDF\xBF",
                                             "\xE0\xA0\x80",
                                             "\xE4\xBD\xA0",
                                             "\xED\x9F\xBF",
                                             "\xEE\x80\x80",
                                             "\xEF\xBF\xBD",
                                             "\xF0\x90\x80\x80",
                                             "\xF0\x9F\x98\x80",
                                             "\xF4\x8F\xBF\xBF"};
    static const char bytes[] =
        "a\x7F\x80\x8F\x90\x9F\xA0\xBF\xC0\xC1\xC2\xDF\xE0\xE1\xEC\xED\xEE\xEF\xF0\xF1\xF3\xF4\xF5\xFF";
    uint64_t random = 24;
    (void)state;
    for (int round = 0; round < 60000; round++) {
        char text[330];
        size_t size = 0, length = next_random(&random) % 300, count;
        while (size < length) {
            const char *c = characters[next_random(&random) % (round % 5 ? COUNT(characters) : 2)];
            memcpy(text + size, c, strlen(c));
            size += strlen(c);
        }
        for (int changes = round % 3; changes > 0 && size > 0; changes--)
            text[next_random(&random) % size] = bytes[next_random(&random) % (sizeof bytes - 1)];
        if (round % 4 == 0) size -= size ? next_random(&random) % size % 4 : 0;
        char *block = exact_copy(text, size);
        size_t valid = check_plainly(asm_str_make(block, size), &count);
        expect(asm_utf8_check(asm_str_make(block, size)) == valid, "%d: %s", (int)valid,
               shown(asm_str_make(block, size)));
        expect(asm_utf8_count(asm_str_make(block, size)) == count, "%d: %s", (int)count,
               shown(asm_str_make(block, size)));
        free_block(block, size);
    }
    end_of_cases();
}

/* Every pair of bytes between valid characters. */
static void test_utf8_pairs(void **state) {
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            char text[160];
            size_t count, at = 64 + (size_t)(first + second) % 40;
            memset(text, 'x', sizeof text);
            for (size_t i = 0; i + 3 < at; i += 3)
                memcpy(text + i, "\xE4\xBD\xA0", 3);
            text[at] = (char)first;
            text[at + 1] = (char)second;
            text[at + 2] = (char)(0x80 + second % 64);
            size_t valid = check_plainly(asm_str_make(text, sizeof text), &count);
            expect(asm_utf8_check(asm_str_make(text, sizeof text)) == valid, "%02x %02x", first, second);
            expect(asm_utf8_count(asm_str_make(text, sizeof text)) == count, "%02x %02x", first, second);
        }
    }
    end_of_cases();
}

/* Whole characters that need no escape, in 64 bytes. */
static void test_plain_prefix(void **state) {
    uint64_t random = 25;
    (void)state;
    if (!asm__has_tables()) skip();
    for (int round = 0; round < 60000; round++) {
        static const char *const characters[] = {
            "a",        "\xC3\xA9",     "\xE4\xBD\xA0", "\xF0\x9F\x98\x80", "\xE2\x80\xA6",
            "\xC2\xA0", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xC2\x80",         "\xC2\x9F"};
        char text[80];
        size_t size = 0;
        unsigned expected = 0;
        memset(text, 'x', sizeof text);
        while (size < 64) {
            const char *c =
                characters[next_random(&random) % (next_random(&random) % 30 ? 6 : COUNT(characters))];
            memcpy(text + size, c, strlen(c));
            size += strlen(c);
        }
        if (round % 3 == 0) text[next_random(&random) % 64] = (char)(0x80 + next_random(&random) % 128);
        while (expected < 64) {
            unsigned length = (unsigned char)text[expected] < 0x80 ? 1 : asm__plain_length(text + expected);
            if (expected + length > 64) length = asm__utf8_length(text + expected, 4) > 0 ? length : 0;
            if (length == 0 || expected + length > 64) break;
            expected += length;
        }
        unsigned prefix = asm__utf8_plain_prefix(text);
        expect(prefix == 0 || prefix == expected, "%u, not %u: %s", prefix, expected,
               shown(asm_str_make(text, 64)));
        /* 0 only if there is a fault before the last character. */
        expect(prefix != 0 || expected < 61 || asm__plain_length(text + expected) == 0, "%s",
               shown(asm_str_make(text, 64)));
    }
    end_of_cases();
}

/* ============================================================================================
 * Whole strings, as they are escaped and unescaped in long steps
 */

static void escape_plainly(asm_str text, asm_buffer *out) {
    for (size_t at = 0; at < text.size;) {
        size_t begin = at;
        uint32_t c = asm_utf8_decode(text, &at);
        const char *letters = "\b\t\n\f\r\"\\", *names = "btnfr\"\\", *letter = strchr(letters, (int)c);
        char code[8];
        bool valid = asm_utf8_check(asm_str_make(text.data + begin, at - begin)) == at - begin;
        if (c < 0x80 && c && letter) {
            asm_buffer_append_byte(out, '\\');
            asm_buffer_append_byte(out, names[letter - letters]);
        } else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029) {
            sprintf(code, "\\u%04x", (unsigned)c);
            asm_buffer_append(out, asm_str_from(code));
        } else if (valid) {
            asm_buffer_append(out, asm_str_make(text.data + begin, at - begin));
        } else {
            asm_buffer_append(out, ASM_STR("\xEF\xBF\xBD"));
        }
    }
}

/* Some text: mostly plain, or with much to escape, or with characters of all lengths, or whatever bytes. */
static size_t random_text(char *text, size_t size, uint64_t *random) {
    static const char *const characters[] = {
        "\xC3\xA9", "\xE4\xBD\xA0", "\xF0\x9F\x98\x80", "\xC2\x85", "\xE2\x80\xA8", "\x1B[31m", "\n", "\"",
        "\\",       "\x7F"};
    uint64_t kind = next_random(random) % 5, rate = 1 + next_random(random) % 60;
    size_t at = 0;
    while (at + 8 < size) {
        if (kind == 4) {
            text[at++] = (char)next_random(random);
        } else if (next_random(random) % rate == 0) {
            const char *c = characters[next_random(random) % (kind == 3 ? 3 : COUNT(characters))];
            memcpy(text + at, c, strlen(c));
            at += strlen(c);
        } else {
            text[at++] = (char)('a' + next_random(random) % 26);
        }
    }
    return at;
}

static void test_escape_and_unescape(void **state) {
    static char text[3000];
    uint64_t random = 22;
    (void)state;
    for (int round = 0; round < 6000; round++) {
        size_t most = round % 4 == 0 ? 2900 : round % 4 == 1 ? ASM__SHORT : 200;
        size_t size = random_text(text, 9 + next_random(&random) % most, &random);
        char *block = exact_copy(text, size);
        asm_buffer expected, escaped, scratch;
        asm_json_writer writer;
        asm_json_reader reader;
        asm_str read = {0};
        asm_buffer_init_growing(&expected);
        asm_buffer_init_growing(&escaped);
        asm_buffer_append_byte(&expected, '"');
        escape_plainly(asm_str_make(block, size), &expected);
        asm_buffer_append_byte(&expected, '"');
        if (round % 2) asm_buffer_reserve(&escaped, 7 * size + 200);
        asm_json_writer_init(&writer, &escaped);
        asm_json_write_string(&writer, asm_str_make(block, size));
        expect_text(asm_buffer_text(&escaped), asm_buffer_text(&expected));
        if (size - 1 < ASM__SHORT) {
            char *out = exact_block(8 * (size + 17)),
                 *end = asm__put_short_string(out, asm_str_make(block, size));
            expect_text(asm_str_make(out, (size_t)(end - out)), asm_buffer_text(&expected));
            free_block(out, 8 * (size + 17));
        }
        /* And back, in each of the ways there are. */
        char *line = exact_copy(escaped.data, escaped.size);
        asm_buffer_init_growing(&scratch);
        asm_json_reader_init(&reader, asm_str_make(line, escaped.size), &scratch);
        expect(asm_json_read_string(&reader, &read), "%s", shown(asm_buffer_text(&escaped)));
        asm_buffer valid;
        asm_buffer_init_growing(&valid);
        asm_buffer_append_utf8(&valid, asm_str_make(block, size), NULL);
        expect_text(read, asm_buffer_text(&valid));
        asm_json_reader_init_in_place(&reader, line, escaped.size);
        expect(asm_json_read_string(&reader, &read), "%s", shown(asm_buffer_text(&escaped)));
        expect_text(read, asm_buffer_text(&valid));
        free_block(line, escaped.size);
        free_block(block, size);
        asm_buffer_close(&valid);
        asm_buffer_close(&scratch);
        asm_buffer_close(&expected);
        asm_buffer_close(&escaped);
    }
    end_of_cases();
}

/* Strings in raw JSON are passed in blocks of 64 bytes: every place of the quotes and escapes. */
static void test_strings_in_raw_values(void **state) {
    static const char *const parts[] = {"x",     "\\\\",    "\\\"",         "\\n", "\xC3\xA9",
                                        "\",\"", "\\u0041", "\xE4\xBD\xA0", "\x7F"};
    uint64_t random = 23;
    (void)state;
    for (int round = 0; round < 20000; round++) {
        char text[500];
        size_t size = (size_t)sprintf(text, "[\"%*s", (int)(next_random(&random) % 70), "");
        while (size < 400 && next_random(&random) % 40) {
            const char *part = parts[next_random(&random) % (next_random(&random) % 3 ? 1 : COUNT(parts))];
            memcpy(text + size, part, strlen(part));
            size += strlen(part);
        }
        memcpy(text + size, "\"]", 3);
        char *block = exact_copy(text, size + 2);
        expect(asm_json_check(asm_str_make(block, size + 2), NULL) == ASM_OK, "%s",
               shown(asm_str_make(text, size + 2)));
        expect(asm_json_check(asm_str_make(block, size), NULL) == ASM_ERR_SYNTAX, "%s",
               shown(asm_str_make(text, size)));
        free_block(block, size + 2);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_in_every_lane),
        cmocka_unit_test(test_equal_marks_nothing_else),
        cmocka_unit_test(test_random_lanes),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_pairs),
        cmocka_unit_test(test_plain_prefix),
        cmocka_unit_test(test_escape_and_unescape),
        cmocka_unit_test(test_strings_in_raw_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
