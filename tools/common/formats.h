/* SPDX-License-Identifier: MIT OR Unlicense */
/* The option --from: one of the formats that are read. */
#ifndef TOOLS_FORMATS_H
#define TOOLS_FORMATS_H

#include "options.h"

/* For an option: the names of those that are read; those that are known by name only are none of its values. */
const char *format_choice(int index);

/* Sets the int at the option's offset to the asm_format of that name; ends the program if it is not read. */
void take_format(void *settings, const struct option *option, const char *value);

#define FORMAT(text, at)                                                                                     \
    {                                                                                                        \
        .kind = OPTION_OTHER, .letter = 'f', .name = "from", .value = "FORMAT", .help = (text),              \
        .offset = (at), .choice = format_choice, .take = take_format                                         \
    }

#endif
