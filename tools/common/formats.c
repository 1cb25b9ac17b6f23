/* SPDX-License-Identifier: MIT OR Unlicense */
#include "formats.h"

#include "asm_ingest.h"
#include "messages.h"

#include <stdlib.h>

const char *format_choice(int index) {
    for (int format = 0; format < ASM_FORMAT_COUNT; format++)
        if (asm_format_is_read((asm_format)format) && index-- == 0)
            return asm_format_name((asm_format)format);
    return NULL;
}

void take_format(void *settings, const struct option *option, const char *value) {
    const asm_format format = asm_format_from_name(asm_str_from(value ? value : ""));
    if (format != ASM_FORMAT_COUNT && !asm_format_is_read(format))
        die("--%s=%s: %s is known by its name only, it is not read", option->name, value,
            asm_format_title(format));
    option_read_choice(option, value);
    *(int *)(void *)((char *)settings + option->offset) = (int)format;
}
