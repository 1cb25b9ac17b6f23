/* SPDX-License-Identifier: MIT OR Unlicense */
#include "messages.h"

#include "asm_render.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    const char *program;
    bool is_ascii;
    void (*prepare)(void *user);
    void *user;
} messages;

/* A closed one would go to the next file that is opened. These fail when they are used. */
static void hold_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

void messages_init(const char *program) {
    hold_standard_descriptors();
    messages.program = program;
    messages.is_ascii = !asm_terminal_detect(STDERR_FILENO).has_utf8;
}

void messages_prepare(void (*prepare)(void *user), void *user) {
    messages.prepare = prepare;
    messages.user = user;
}

unsigned message_flags(void) {
    return (unsigned)ASM_TEXT_LINE | (messages.is_ascii ? (unsigned)ASM_TEXT_ASCII : 0);
}

asm_result write_to_stderr(void *user, const char *data, size_t size) {
    (void)user;
    return fwrite(data, 1, size, stderr) == size ? ASM_OK : ASM_ERR_WRITE;
}

void complain(const char *format, ...) {
    char text[8192], memory[1024];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (messages.prepare) messages.prepare(messages.user);
    asm_buffer line;
    asm_buffer_init_stream(&line, memory, sizeof memory, write_to_stderr, NULL);
    asm_buffer_append(&line, asm_str_from(messages.program));
    asm_buffer_append(&line, ASM_STR(": "));
    asm_text_append(&line, asm_str_from(text), message_flags());
    if (size < 0 || (size_t)size >= sizeof text) asm_buffer_append(&line, ASM_STR("..."));
    asm_buffer_append_byte(&line, '\n');
    asm_buffer_flush(&line);
}
