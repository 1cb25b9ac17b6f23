/* SPDX-License-Identifier: MIT OR Unlicense */
/* Which events are wanted: by type, time and text. */
#ifndef TOOLS_FILTER_H
#define TOOLS_FILTER_H

#include "asm_events.h"

enum { MAX_FILTER_TYPES = 64 };

/* Zero: every event. */
struct filter {
    struct {
        const char *name; /* not terminated: within the option's value */
        size_t size;      /* without a final * */
        bool is_prefix;
    } types[MAX_FILTER_TYPES];
    size_t type_count;
    asm_time since, until; /* 0: no limit */
    const char *text;      /* NULL: any */
    asm_buffer escaped;    /* private: the text as JSON has it */
    asm_buffer line;       /* private */
};

/* Takes "TYPE,TYPE,…"; a final * stands for any end of a name. Ends the program with a message for a name that no event
 * has. */
void filter_add_types(struct filter *filter, const char *option, const char *names);

/* A time as ISO 8601 has it, or so long ago: 90s, 10m, 2h, 7d. Ends the program with a message if it is neither. */
asm_time filter_read_time(const char *option, const char *value, asm_time now);

bool is_wanted(struct filter *filter, const asm_event *event);

void filter_close(struct filter *filter);

#endif
