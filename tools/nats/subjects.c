/* SPDX-License-Identifier: MIT OR Unlicense */
#include "nats.h"

/* A level of a topic is a token of a subject; what a token may not hold is written %XX, and so is a percent sign. An empty
 * level is %, alone. Levels `*` and `**` of a pattern are the wildcards `*` and `>`. One to one, both ways. */

static bool is_token_byte(unsigned char c) {
    return c > ' ' && c < 0x7F && c != '.' && c != '*' && c != '>' && c != '%';
}

void subject_write_token(asm_buffer *out, asm_str level) {
    static const char hex[] = "0123456789ABCDEF";
    if (asm_str_equal(level, ASM_STR("*"))) asm_buffer_append_byte(out, '*');
    else if (asm_str_equal(level, ASM_STR("**"))) asm_buffer_append_byte(out, '>');
    else if (level.size == 0) asm_buffer_append_byte(out, '%');
    else
        for (size_t i = 0; i < level.size; i++) {
            const unsigned char c = (unsigned char)level.data[i];
            const char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
            asm_buffer_append(out,
                              is_token_byte(c) ? asm_str_make(level.data + i, 1) : asm_str_make(escape, 3));
        }
}

/* The levels between `separator`s, each written by `write`, with `joint` between them. */
void subject_translate(asm_buffer *out, asm_str text, char separator, char joint,
                       void (*write)(asm_buffer *out, asm_str level)) {
    size_t begin = 0;
    for (size_t i = 0; i <= text.size; i++)
        if (i == text.size || text.data[i] == separator) {
            if (begin > 0) asm_buffer_append_byte(out, joint);
            write(out, asm_str_make(text.data + begin, i - begin));
            begin = i + 1;
        }
}

static int hex_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void topic_write_level(asm_buffer *out, asm_str token) {
    if (asm_str_equal(token, ASM_STR(">"))) asm_buffer_append(out, ASM_STR("**"));
    else if (!asm_str_equal(token, ASM_STR("%")))
        for (size_t i = 0; i < token.size; i++) {
            const bool escaped = token.data[i] == '%' && token.size - i > 2 &&
                                 hex_value(token.data[i + 1]) >= 0 && hex_value(token.data[i + 2]) >= 0;
            asm_buffer_append_byte(
                out, escaped ? (char)(hex_value(token.data[i + 1]) * 16 + hex_value(token.data[i + 2]))
                             : token.data[i]);
            if (escaped) i += 2;
        }
}

/* PREFIX.session.ID.type.TYPE */
const char *subject_of(asm_buffer *out, const char *prefix, const asm_event *event) {
    asm_buffer_clear(out);
    asm_buffer_append(out, asm_str_from(prefix));
    asm_buffer_append(out, ASM_STR(".session."));
    subject_write_token(out, event->session_id);
    asm_buffer_append(out, ASM_STR(".type."));
    subject_write_token(out, asm_event_name(event));
    asm_buffer_append_byte(out, '\0');
    return out->result == ASM_OK ? out->data : NULL;
}
