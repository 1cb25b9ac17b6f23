/* What tests and fuzzers share: cases that report and go on, references for UTF-8 and for neutral text. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* For a test that brings its own implementation: it defines ASM_IMPLEMENTATION before it includes this file. The others
 * are linked with one that was compiled with the same two. */
#define ASM_REALLOC counted_realloc
#define ASM_FREE    counted_free
#include "asm_events.h"

/* A text view, as an initialiser. */
#define TEXT(literal)                                                                                        \
    { literal, sizeof(literal) - 1 }

/* A block without a spare byte, so that a sanitizer sees the first one that is touched beyond it. */
static inline char *exact_block(size_t size) {
    char *block = (char *)malloc(size != 0 ? size : 1);
    assert_non_null(block);
    return size != 0 ? block : block + 1;
}

static inline void free_block(char *block, size_t size) {
    free(size != 0 ? block : block - 1);
}

static inline char *exact_copy(const char *data, size_t size) {
    char *block = exact_block(size);
    if (size != 0) memcpy(block, data, size);
    return block;
}

/* ============================================================================================
 * Cases
 */

static inline int *failed_case_counter(void) {
    static int count;
    return &count;
}
#define failed_cases (*failed_case_counter())

/* Reports a case that fails and goes on with the next; the test ends with end_of_cases(). */
#define expect(condition, ...)                                                                               \
    do {                                                                                                     \
        if (!(condition) && ++failed_cases <= 25) {                                                          \
            print_error("%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                              \
            print_error(__VA_ARGS__);                                                                        \
            print_error("\n");                                                                               \
        }                                                                                                    \
    } while (0)

#define end_of_cases()                                                                                       \
    do {                                                                                                     \
        int failed = failed_cases;                                                                           \
        failed_cases = 0;                                                                                    \
        assert_int_equal(failed, 0);                                                                         \
    } while (0)

/* The text for a message: printable, and cut if it is long. Good for the next three calls. */
static inline const char *shown(asm_str text) {
    static char memory[4][1024];
    static unsigned turn;
    char *out = memory[turn++ % 4];
    size_t size = 0;
    if (text.data == NULL) return "(absent)";
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (size > sizeof memory[0] - 16) {
            memcpy(out + size, "...", 4);
            return out;
        }
        size += (size_t)sprintf(out + size, byte >= 0x20 && byte < 0x7F ? "%c" : "\\x%02X", byte);
    }
    out[size] = 0;
    return out;
}

#define expect_text(actual, expected)                                                                        \
    do {                                                                                                     \
        asm_str actual_text = (actual), expected_text = (expected);                                          \
        expect(asm_str_equal(actual_text, expected_text), "\n    got      %s\n    expected %s",              \
               shown(actual_text), shown(expected_text));                                                    \
    } while (0)

/* Takes the next word from the list at `*rest`. */
static inline bool next_word(const char **rest, char *word) {
    size_t size = strcspn(*rest, " ");
    memcpy(word, *rest, size);
    word[size] = 0;
    *rest += size + ((*rest)[size] == ' ');
    return size != 0;
}

/* ============================================================================================
 * UTF-8, as table 3-7 of the Unicode standard has it
 */

/* Decodes at `text`, returns how many bytes that took; invalid ones give U+FFFD and false in `valid`. */
static inline size_t reference_decode(const char *text, size_t size, uint32_t *code_point, bool *valid) {
    unsigned char lead = (unsigned char)text[0], low = 0x80, high = 0xBF;
    size_t length = lead < 0x80   ? 1
                    : lead < 0xC2 ? 0
                    : lead < 0xE0 ? 2
                    : lead < 0xF0 ? 3
                    : lead < 0xF5 ? 4
                                  : 0;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;

    *valid = false;
    *code_point = 0xFFFD;
    if (length == 0) return 1;
    uint32_t value = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        unsigned char byte = i < size ? (unsigned char)text[i] : 0;
        if (byte < low || byte > high) return i;
        value = value << 6 | (byte & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    *valid = true;
    *code_point = value;
    return length;
}

/* Encodes a code point that has an encoding; returns the length, 1 to 4. */
static inline size_t reference_encode(uint32_t code_point, char out[4]) {
    size_t length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(unsigned char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(unsigned char)(lead[length] | code_point);
    return length;
}

/* ============================================================================================
 * Neutral text
 */

/* The rule of asm_text_append() once more, written down differently. */
static inline bool may_be_shown(uint32_t c) {
    static const uint32_t forbidden[][2] = {{0, 8},
                                            {0xB, 0x1F},
                                            {0x7F, 0x9F},
                                            {0xAD, 0xAD},
                                            {0x34F, 0x34F},
                                            {0x61C, 0x61C},
                                            {0x115F, 0x1160},
                                            {0x17B4, 0x17B5},
                                            {0x180B, 0x180F},
                                            {0x200B, 0x200B},
                                            {0x200E, 0x200F},
                                            {0x2028, 0x202E},
                                            {0x2060, 0x206F},
                                            {0x3164, 0x3164},
                                            {0xFE00, 0xFE0F},
                                            {0xFEFF, 0xFEFF},
                                            {0xFFA0, 0xFFA0},
                                            {0xFFF0, 0xFFFB},
                                            {0x1BCA0, 0x1BCA3},
                                            {0x1D173, 0x1D17A},
                                            {0xE0000, 0xE0FFF}};
    for (size_t i = 0; i < COUNT(forbidden); i++)
        if (c >= forbidden[i][0] && c <= forbidden[i][1]) return false;
    return true;
}

/* Whether all of a text may be shown; variation selectors only after something that may be a symbol. */
static inline bool is_neutral(asm_str text) {
    uint32_t before = 0;
    for (size_t at = 0; at < text.size;) {
        uint32_t c;
        bool valid;
        at += reference_decode(text.data + at, text.size - at, &c, &valid);
        if (!valid) return false;
        if (!may_be_shown(c) &&
            !(c >= 0xFE00 && c <= 0xFE0F && (before >= 0xA9 || (before >= '#' && before <= '9'))))
            return false;
        before = c;
    }
    return true;
}

#endif
