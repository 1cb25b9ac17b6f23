/* SPDX-License-Identifier: MIT OR Unlicense */
#include "fleet.h"

#include "asm_render.h"
#include "status.h"

#include <string.h>

/* How each state looks, as studio has it. */
static const struct {
    const char *symbol, *ascii, *color, *words;
} states[] = {[STATE_IDLE] = {"\xC2\xB7", ".", "2", "idle"},
              [STATE_WORKING] = {"\xE2\x97\x90", "o", "0;36", "working"},
              [STATE_NEEDS_YOU] = {"\xE2\x97\x8F", "*", "1", "needs you"},
              [STATE_DONE] = {"\xE2\x9C\x93", "+", "0;32", "done"},
              [STATE_FAILED] = {"\xE2\x9C\x97", "x", "0;31", "failed"}};

static void append_colored(const struct fleet_look *look, const char *color, const char *text,
                           asm_buffer *out) {
    if (look->has_color) {
        asm_buffer_append(out, ASM_STR("\033["));
        asm_buffer_append(out, asm_str_from(color));
        asm_buffer_append(out, ASM_STR("m"));
    }
    asm_buffer_append(out, asm_str_from(text));
    if (look->has_color) asm_buffer_append(out, ASM_STR("\033[0m"));
}

/* What follows from the session's figures; the parts that are known, all of them ASCII. */
static void print_figures(const char *format, const struct watch *watch, const struct spending *spending,
                          asm_time now, char *text, size_t size) {
    asm_buffer out;
    asm_buffer_init_fixed(&out, text, size - 1);
    status_print(format, watch, spending, now, ASM_TEXT_LINE | ASM_TEXT_ASCII, &out);
    text[out.size] = 0;
}

void fleet_print_line(const struct fleet_look *look, const char *name, const char *words,
                      const struct watch *watch, const struct spending *spending, asm_time now,
                      asm_buffer *out) {
    const bool is_ascii = (look->flags & ASM_TEXT_ASCII) != 0;
    const enum session_state state = watch ? watch_state(watch) : STATE_IDLE;
    char since[64] = "", used[160] = "", doing[2 * WATCHED_TEXT] = "";
    int room = look->columns - 1 - 2; /* less the symbol and a blank */
    if (watch) {
        words = states[state].words;
        status_what(watch, doing, sizeof doing);
        print_figures("[ ({since})]", watch, spending, now, since, sizeof since);
        print_figures("[  todo {todo}][  {tokens} tokens][  {cost}]", watch, spending, now, used,
                      sizeof used);
    }
    append_colored(look, states[state].color, is_ascii ? states[state].ascii : states[state].symbol, out);
    asm_buffer_append(out, ASM_STR(" "));
    int used_columns = asm_text_append_columns(
        out, asm_str_from(name), look->name_columns < room / 2 ? look->name_columns : room / 2, look->flags);
    for (; used_columns < look->name_columns && used_columns < room / 2; used_columns++)
        asm_buffer_append(out, ASM_STR(" "));
    room -= used_columns + 2;
    asm_buffer_append(out, ASM_STR("  "));
    if (state == STATE_NEEDS_YOU || state == STATE_FAILED)
        append_colored(look, states[state].color, words, out);
    else asm_buffer_append(out, asm_str_from(words));
    room -= (int)(strlen(words) + strlen(since));
    if ((int)strlen(used) > room / 2) used[0] = 0;
    room -= (int)strlen(used);
    if (doing[0] && room > 6) {
        asm_buffer_append(out, ASM_STR(": "));
        asm_text_append_columns(out, asm_str_from(doing), room - 2, look->flags);
    }
    if (room >= 0) asm_buffer_append(out, asm_str_from(since));
    if (used[0]) append_colored(look, "2", used, out);
    asm_buffer_append(out, ASM_STR("\n"));
}
