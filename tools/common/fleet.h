/* SPDX-License-Identifier: MIT OR Unlicense */
/* Several sessions on a screen, a line each. */
#ifndef TOOLS_FLEET_H
#define TOOLS_FLEET_H

#include "statistics.h"
#include "watch.h"

struct fleet_look {
    int columns;      /* of the screen */
    int name_columns; /* of the longest name that is shown, at most */
    bool has_color;
    unsigned flags; /* for asm_text_append() */
};

/* Appends a line that is narrower than the screen, with its LF: a symbol, the name, how the session stands and since when,
 * what it has used. `watch` may be NULL: `words` stand there instead. `now` is Unix time in microseconds. */
void fleet_print_line(const struct fleet_look *look, const char *name, const char *words,
                      const struct watch *watch, const struct spending *spending, asm_time now,
                      asm_buffer *out);

#endif
