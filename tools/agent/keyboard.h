/* SPDX-License-Identifier: MIT OR Unlicense */
/* Lines that a person types, or that come from a pipe. */
#ifndef AGENT_KEYBOARD_H
#define AGENT_KEYBOARD_H

#include "asm_json.h"

#include <termios.h>

struct keyboard {
    bool is_terminal, has_ended, is_silent;
    asm_buffer typed;
    size_t taken;   /* bytes of it that were given out */
    size_t scanned; /* bytes of it in which no line ends but those that were given out */
    struct termios before;
};

/* Reads standard input. A terminal gets back how it was when the program ends. */
void keyboard_init(struct keyboard *keyboard);
void keyboard_close(struct keyboard *keyboard);

/* The descriptor to wait for; -1 after the end. */
int keyboard_descriptor(const struct keyboard *keyboard);

/* Whether what is typed can be seen. */
void keyboard_show(struct keyboard *keyboard, bool is_shown);

/* Takes what is there, without waiting if the descriptor can be read. A line of more than KEYBOARD_LIMIT bytes is the end. */
enum { KEYBOARD_LIMIT = 64 * 1024 * 1024 };
void keyboard_read(struct keyboard *keyboard);

/* Gives a whole line without its LF, valid until the next call; false if there is none yet. What comes last without LF
 * is a line as well. */
bool keyboard_line(struct keyboard *keyboard, asm_str *line);

/* Whether a line is there already. */
bool keyboard_has_line(struct keyboard *keyboard);

/* Forgets what was typed before now: it was no answer to what is asked now. */
void keyboard_forget(struct keyboard *keyboard);

#endif
