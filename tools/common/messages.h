/* SPDX-License-Identifier: MIT OR Unlicense */
/* Messages of a program to its user: one line each on standard error, harmless whatever the names in it hold. */
#ifndef TOOLS_MESSAGES_H
#define TOOLS_MESSAGES_H

#include "asm_json.h"

#if defined(__GNUC__)
#define MESSAGE_FORMAT __attribute__((format(printf, 1, 2)))
#else
#define MESSAGE_FORMAT
#endif

enum { EXIT_BAD_INPUT = 1, EXIT_FAILED = 2 };

/* To be called first. `program` stands before each message; the environment tells whether it may have more than ASCII.
 * Standard descriptors that are closed are held, so that no file or socket that is opened is taken for them. */
void messages_init(const char *program);

/* Has `prepare` called before each message, to bring the screen in order. NULL: nothing. */
void messages_prepare(void (*prepare)(void *user), void *user);

/* How text from elsewhere is made harmless for standard error: flags for asm_text_append(). */
unsigned message_flags(void);

/* One line on standard error: the program's name, and the text, as printf() has it. */
void complain(const char *format, ...) MESSAGE_FORMAT;

/* Ends the program with EXIT_FAILED after a message. */
#define die(...) (complain(__VA_ARGS__), exit(EXIT_FAILED))

/* Writes all of it to standard error; an asm_write_function. */
asm_result write_to_stderr(void *user, const char *data, size_t size);

#endif
