/* Outputs that tests look into: memory that can be full, files of their own. Included after asm_render.h. */
#ifndef TESTS_OUTPUTS_H
#define TESTS_OUTPUTS_H

#include <errno.h>
#include <unistd.h>

#include "support.h"

/* An output that takes bytes until `room` is used up, then fails. */
typedef struct memory_output {
    asm_buffer bytes;
    size_t room, calls;
} memory_output;

static inline void memory_output_init(memory_output *output) {
    asm_buffer_init_growing(&output->bytes);
    output->room = SIZE_MAX;
    output->calls = 0;
}

static inline asm_result memory_write(void *user, const char *data, size_t size) {
    memory_output *output = user;
    size_t taken = size < output->room ? size : output->room;
    output->calls++;
    asm_buffer_append(&output->bytes, asm_str_make(data, taken));
    output->room -= output->room == SIZE_MAX ? 0 : taken;
    return taken == size ? ASM_OK : ASM_ERR_WRITE;
}

static inline void expect_bytes(const memory_output *output, const char *expected) {
    expect_text(asm_buffer_text(&output->bytes), asm_str_from(expected));
}

static inline char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) fail_msg("%s: %s", path, strerror(errno));
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    assert_int_equal(fread(text, 1, *size, file), *size);
    text[*size] = 0;
    fclose(file);
    return text;
}

/* A path of our own for one test. */
static inline const char *temporary_path(void) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/asm-test-sinks-%ld", (long)getpid());
    remove(path);
    return path;
}

static inline void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static inline void expect_file(const char *path, const char *expected) {
    size_t size;
    char *text = read_file(path, &size);
    expect_text(asm_str_make(text, size), asm_str_from(expected));
    free(text);
}

#endif
