/* SPDX-License-Identifier: MIT OR Unlicense */
#include "status.h"

#include "asm_render.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char default_format[] =
    "{state}[: {what}][ ({since})][ | todo {todo}][ | {tokens} tokens][ | {cost}]";

const char *duration_in_words(asm_time microseconds, char *text, size_t size) {
    const int64_t seconds = microseconds > 0 ? microseconds / 1000000 : 0;
    if (seconds < 60) snprintf(text, size, "%" PRId64 "s", seconds);
    else if (seconds < 3600) snprintf(text, size, "%" PRId64 "m %02" PRId64 "s", seconds / 60, seconds % 60);
    else if (seconds < 86400)
        snprintf(text, size, "%" PRId64 "h %02" PRId64 "m", seconds / 3600, seconds / 60 % 60);
    else snprintf(text, size, "%" PRId64 "d %02" PRId64 "h", seconds / 86400, seconds / 3600 % 24);
    return text;
}

const char *count_in_words(int64_t count, char *text, size_t size) {
    if (count < 1000) snprintf(text, size, "%" PRId64, count);
    else if (count < 100000) snprintf(text, size, "%.1fk", (double)count / 1000);
    else if (count < 10000000) snprintf(text, size, "%" PRId64 "k", count / 1000);
    else snprintf(text, size, "%" PRId64 "M", count / 1000000);
    return text;
}

struct facts {
    const struct watch *watch;
    const struct spending *spending;
    asm_time now;
};

void status_what(const struct watch *watch, char *text, size_t size) {
    const struct watched_call *call = watch_call(watch);
    text[0] = 0;
    if (call && watch->open_calls > 1 && !call->needs_person)
        snprintf(text, size, "%zu tools, %s", watch->open_calls, call->text);
    else if (call) snprintf(text, size, "%s", call->text);
    else if (watch->run_is_open) snprintf(text, size, "waiting for the model");
    else if (watch->has_failed) snprintf(text, size, "%s", watch->failure);
}

asm_time status_since(const struct watch *watch) {
    const struct watched_call *call = watch_call(watch);
    return call ? call->since : watch->last_event;
}

/* The text of a place in the format; "" if nothing is known. */
static void fact(const struct facts *facts, asm_str name, char *text, size_t size) {
    const struct watch *watch = facts->watch;
    const struct spending *spending = facts->spending;
    const int64_t tokens = spending->input_tokens + spending->output_tokens;
    text[0] = 0;
    if (asm_str_equal(name, ASM_STR("state")) && watch->last_event_name[0])
        snprintf(text, size, "%s", state_name(watch_state(watch)));
    if (asm_str_equal(name, ASM_STR("what"))) status_what(watch, text, size);
    if (asm_str_equal(name, ASM_STR("since")) && status_since(watch) > 0)
        duration_in_words(facts->now - status_since(watch), text, size);
    if (asm_str_equal(name, ASM_STR("todo")) && watch->todo_count > 0)
        snprintf(text, size, "%" PRId64 "/%" PRId64, watch->todo_done, watch->todo_count);
    if (asm_str_equal(name, ASM_STR("tokens")) && tokens > 0) count_in_words(tokens, text, size);
    if (asm_str_equal(name, ASM_STR("cost")) && spending->cost_usd > 0)
        snprintf(text, size, "$%.2f", spending->cost_usd);
    if (asm_str_equal(name, ASM_STR("title")))
        snprintf(text, size, "%s", watch->title[0] ? watch->title : watch->first_prompt);
    if (asm_str_equal(name, ASM_STR("cwd"))) snprintf(text, size, "%s", watch->directory);
    if (asm_str_equal(name, ASM_STR("model"))) snprintf(text, size, "%s", watch->model);
    if (asm_str_equal(name, ASM_STR("session"))) snprintf(text, size, "%s", watch->session);
}

/* Appends what stands from `format` to `end`; false if a place in it is empty. */
static bool print_part(const struct facts *facts, const char *format, const char *end, unsigned flags,
                       asm_buffer *out) {
    bool is_whole = true;
    while (format < end) {
        const char *close = *format == '{' ? (const char *)memchr(format, '}', (size_t)(end - format)) : NULL;
        char text[2 * WATCHED_TEXT];
        if (!close) {
            asm_buffer_append_byte(out, *format++);
            continue;
        }
        fact(facts, asm_str_make(format + 1, (size_t)(close - format - 1)), text, sizeof text);
        asm_text_append(out, asm_str_from(text), flags);
        if (!text[0]) is_whole = false;
        format = close + 1;
    }
    return is_whole;
}

void status_print(const char *format, const struct watch *watch, const struct spending *spending,
                  asm_time now, unsigned flags, asm_buffer *out) {
    const struct facts facts = {watch, spending, now};
    if (!format) format = default_format;
    while (*format) {
        const char *close = *format == '[' ? strchr(format, ']') : NULL;
        const char *end = close ? close : format + 1 + strcspn(format + 1, "[");
        asm_buffer part;
        asm_buffer_init_growing(&part);
        const bool is_whole = print_part(&facts, close ? format + 1 : format, end, flags, &part);
        if (is_whole || !close) asm_buffer_append(out, asm_buffer_text(&part));
        asm_buffer_close(&part);
        format = close ? close + 1 : end;
    }
}
