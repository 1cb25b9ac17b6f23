/* SPDX-License-Identifier: MIT OR Unlicense */
#include "rows.h"

#include <string.h>

enum { ROW_MARGIN = 4, LEAST_COLUMNS = 20 };

struct rows rows_begin(asm_buffer *out, const asm_terminal *terminal) {
    const struct rows rows = {out, terminal,
                              ASM_TEXT_LINE | (terminal->has_utf8 ? 0u : (unsigned)ASM_TEXT_ASCII), 0};
    return rows;
}

static void begin_row(struct rows *rows, bool goes_on, const char *color) {
    const char *mark = rows->flags & ASM_TEXT_ASCII ? (goes_on ? "  : " : "  | ")
                       : goes_on                    ? "  \xE2\x94\x86 "
                                                    : "  \xE2\x94\x82 ";
    asm_buffer_append(rows->out, asm_str_from(mark));
    if (rows->terminal->has_color) asm_buffer_append(rows->out, asm_str_from(color));
    rows->count++;
}

static void end_row(struct rows *rows, const char *color) {
    if (rows->terminal->has_color && *color) asm_buffer_append(rows->out, ASM_STR("\x1b[0m"));
    asm_buffer_append_byte(rows->out, '\n');
}

/* One line, which has been made harmless, in as many rows as it takes. What is not ASCII may take two columns. */
static void write_line(struct rows *rows, asm_str line, const char *color) {
    const int wide = rows->terminal->columns - ROW_MARGIN - 1;
    const size_t columns = wide < LEAST_COLUMNS ? LEAST_COLUMNS : (size_t)wide;
    size_t begin = 0, used = 0;
    begin_row(rows, false, color);
    for (size_t at = 0; at < line.size; at++) {
        const unsigned char byte = (unsigned char)line.data[at];
        if ((byte & 0xC0) == 0x80) continue; /* within a character */
        const size_t width = byte == '\t' ? 8 : byte < 0x80 ? 1 : 2;
        if (used + width > columns) {
            asm_buffer_append(rows->out, asm_str_make(line.data + begin, at - begin));
            end_row(rows, color);
            begin_row(rows, true, color);
            begin = at;
            used = 0;
        }
        used += width;
    }
    asm_buffer_append(rows->out, asm_str_make(line.data + begin, line.size - begin));
    end_row(rows, color);
}

static const char *color_of(asm_str line, bool is_diff) {
    if (!is_diff || line.size == 0) return "";
    return line.data[0] == '+'   ? "\x1b[32m"
           : line.data[0] == '-' ? "\x1b[31m"
           : line.data[0] == '@' ? "\x1b[2m"
                                 : "";
}

void rows_text(struct rows *rows, asm_str text, bool is_diff) {
    asm_buffer harmless;
    asm_buffer_init_growing(&harmless);
    do {
        const char *end = text.size ? (const char *)memchr(text.data, '\n', text.size) : NULL;
        const asm_str line = asm_str_make(text.data, end ? (size_t)(end - text.data) : text.size);
        asm_buffer_clear(&harmless);
        asm_text_append(&harmless, line, rows->flags);
        if (harmless.result != ASM_OK) rows->out->result = harmless.result;
        write_line(rows, asm_buffer_text(&harmless), color_of(line, is_diff));
        text = end ? asm_str_make(end + 1, text.size - line.size - 1) : asm_str_make(NULL, 0);
    } while (text.size > 0);
    asm_buffer_close(&harmless);
}

void rows_heading(struct rows *rows, const char *text) {
    const bool is_bold = rows->terminal->has_color;
    asm_buffer_append(rows->out, asm_str_from(is_bold ? "\x1b[1m" : ""));
    asm_buffer_append(rows->out, rows->flags & ASM_TEXT_ASCII ? ASM_STR("* ") : ASM_STR("\xE2\x97\x8F "));
    asm_buffer_append(rows->out, asm_str_from(text));
    asm_buffer_append(rows->out, asm_str_from(is_bold ? "\x1b[0m\n" : "\n"));
}

void rows_members(struct rows *rows, asm_str object, asm_str shown) {
    asm_json_reader reader;
    asm_buffer scratch, row;
    asm_str key, value;
    asm_buffer_init_growing(&scratch);
    asm_buffer_init_growing(&row);
    asm_json_reader_init(&reader, object, &scratch);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key)) {
        asm_buffer_clear(&row);
        asm_buffer_append(&row, key);
        asm_buffer_append(&row, ASM_STR(": "));
        const bool is_shown = asm_str_equal(key, shown);
        if (!asm_json_read_raw(&reader, &value)) break;
        asm_buffer_append(&row, value);
        if (!is_shown) rows_text(rows, asm_buffer_text(&row), false);
        asm_buffer_clear(&scratch);
    }
    asm_buffer_close(&scratch);
    asm_buffer_close(&row);
}
