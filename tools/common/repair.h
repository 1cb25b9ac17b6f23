/* SPDX-License-Identifier: MIT OR Unlicense */
/* A damaged log or transcript, made readable again. */
#ifndef TOOLS_REPAIR_H
#define TOOLS_REPAIR_H

/* Writes the records of `from` to a new file `to`, which must not exist yet: whole lines as they are, without NUL bytes
 * and CR; two records on one line as two; what is no record, or half of one, is left out. Each is told on standard
 * error. Returns the exit status: 0, or 1 if something was left out; ends the program with a message if a file cannot
 * be read or written. */
int repair_file(const char *from, const char *to);

#endif
