/* SPDX-License-Identifier: MIT OR Unlicense */
#include "keyboard.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void keyboard_init(struct keyboard *keyboard) {
    memset(keyboard, 0, sizeof *keyboard);
    asm_buffer_init_growing(&keyboard->typed);
    keyboard->is_terminal = tcgetattr(STDIN_FILENO, &keyboard->before) == 0;
}

void keyboard_close(struct keyboard *keyboard) {
    keyboard_show(keyboard, true);
    asm_buffer_close(&keyboard->typed);
}

int keyboard_descriptor(const struct keyboard *keyboard) {
    return keyboard->has_ended ? -1 : STDIN_FILENO;
}

void keyboard_show(struct keyboard *keyboard, bool is_shown) {
    struct termios silent = keyboard->before;
    if (!keyboard->is_terminal || keyboard->is_silent == !is_shown) return;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    tcsetattr(STDIN_FILENO, TCSADRAIN, is_shown ? &keyboard->before : &silent);
    keyboard->is_silent = !is_shown;
}

void keyboard_read(struct keyboard *keyboard) {
    char piece[16384];
    const ssize_t size = read(STDIN_FILENO, piece, sizeof piece);
    if (size > 0 && keyboard->typed.size - keyboard->taken < KEYBOARD_LIMIT)
        asm_buffer_append(&keyboard->typed, asm_str_make(piece, (size_t)size));
    else if (size >= 0 || (errno != EINTR && errno != EAGAIN)) keyboard->has_ended = true;
}

/* Where the next line ends; typed.size if it does not yet. */
static size_t find_end(struct keyboard *keyboard) {
    const size_t from = keyboard->scanned > keyboard->taken ? keyboard->scanned : keyboard->taken;
    const size_t size = keyboard->typed.size - from;
    const char *end = size ? (const char *)memchr(keyboard->typed.data + from, '\n', size) : NULL;
    keyboard->scanned = end ? (size_t)(end - keyboard->typed.data) : keyboard->typed.size;
    return keyboard->scanned;
}

bool keyboard_has_line(struct keyboard *keyboard) {
    const bool is_whole = find_end(keyboard) < keyboard->typed.size;
    return is_whole || (keyboard->has_ended && keyboard->typed.size > keyboard->taken);
}

bool keyboard_line(struct keyboard *keyboard, asm_str *line) {
    if (!keyboard_has_line(keyboard)) {
        if (keyboard->typed.size == keyboard->taken) {
            asm_buffer_clear(&keyboard->typed);
            keyboard->taken = keyboard->scanned = 0;
        }
        return false;
    }
    const size_t end = find_end(keyboard);
    *line = asm_str_make(keyboard->typed.data + keyboard->taken, end - keyboard->taken);
    keyboard->taken = end < keyboard->typed.size ? end + 1 : end;
    if (line->size && line->data[line->size - 1] == '\r') line->size--;
    return true;
}

void keyboard_forget(struct keyboard *keyboard) {
    if (!keyboard->is_terminal) return;
    tcflush(STDIN_FILENO, TCIFLUSH);
    asm_buffer_clear(&keyboard->typed);
    keyboard->taken = keyboard->scanned = 0;
}
