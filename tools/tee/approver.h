/* SPDX-License-Identifier: MIT OR Unlicense */
/* Asks a second person, on a terminal or on the live page, for what an agent asks its editor: the other end of the gate's
 * socket. */
#ifndef TEE_APPROVER_H
#define TEE_APPROVER_H

#include "../serve/live.h"
#include "asm_render.h"
#include "gate.h"

struct approver;

/* `socket` is the gate's other end. `terminal` is the path of the terminal to ask on, NULL: the page asks. Ends the program
 * with a message if the terminal cannot be opened. */
struct approver *approver_open(int socket, const char *terminal);

/* For the page: what viewers can do. */
struct live_host approver_host(struct approver *approver);

/* A note of the gate, from the copy. */
void approver_note(struct approver *approver, const char *data, size_t size);

/* A whole line of the agent, before its events. */
void approver_line(struct approver *approver, asm_str line);

/* An event of that line: it is given its number, if it asks for what can be answered. */
void approver_event(struct approver *approver, asm_event *event);

/* Whether there is something to show on the terminal: the next question, or that the last one is settled. The screen has
 * to be in order before approver_show(). */
bool approver_has_news(const struct approver *approver);
void approver_show(struct approver *approver);

/* Whether a question stands on the terminal. */
bool approver_is_asking(const struct approver *approver);

/* The terminal, for poll(), -1: none; and reads what was typed. */
int approver_descriptor(const struct approver *approver);
void approver_read(struct approver *approver);

/* All is over: says so where something is asked. */
void approver_close(struct approver *approver);

#endif
