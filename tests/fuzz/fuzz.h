/* What the fuzzers share. Each is one C file with LLVMFuzzerTestOneInput(): of an input it makes what its target
 * takes, and ends the program if the target does not do what it should. Linked with libFuzzer, or with driver.c. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "../support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is left of an input that is taken apart. */
typedef struct fuzz_input {
    const char *at;
    size_t left;
} fuzz_input;

static inline fuzz_input fuzz_begin(const uint8_t *data, size_t size) {
    fuzz_input input = {(const char *)data, size};
    return input;
}

/* The next byte, 0 at the end. */
static inline unsigned fuzz_byte(fuzz_input *input) {
    if (input->left == 0) return 0;
    input->left--;
    return (unsigned char)*input->at++;
}

/* What comes before the next `mark`, which is taken too; all of it if there is none. */
static inline asm_str fuzz_text(fuzz_input *input, char mark) {
    const char *end = input->left ? (const char *)memchr(input->at, mark, input->left) : NULL;
    asm_str text = asm_str_make(input->left ? input->at : "", end ? (size_t)(end - input->at) : input->left);
    input->left -= text.size + (end != NULL);
    input->at += text.size + (end != NULL);
    return text;
}

/* A NUL-terminated copy without NUL bytes, at the end of its memory; the caller frees it. */
static inline char *fuzz_string(asm_str text) {
    char *string = (char *)malloc(text.size + 1);
    size_t size = 0;
    assert_non_null(string);
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] != 0) string[size++] = text.data[i];
    string[size] = 0;
    string = (char *)realloc(string, size + 1);
    assert_non_null(string);
    return string;
}

#endif
