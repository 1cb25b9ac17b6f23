/* SPDX-License-Identifier: MIT OR Unlicense */
/* Where programs keep what outlives them. */
#ifndef TOOLS_STATE_H
#define TOOLS_STATE_H

/* The directory for `program` below XDG_STATE_HOME or ~/.local/state, with a final part `name` if that is not NULL; made if
 * it is not there, for the user alone. Ends the program with a message if that cannot be done. Allocated. */
char *state_directory(const char *program, const char *name);

#endif
