/* SPDX-License-Identifier: MIT OR Unlicense */
#include "filter.h"

#include "messages.h"

#include <stdlib.h>
#include <string.h>

/* ---- Options ---- */

/* Whether events of that name can come: ours, or those of a provider, which have a point. */
static bool is_possible(asm_str name, bool is_prefix) {
    if (memchr(name.data, '.', name.size)) return true;
    for (int i = ASM_EVENT_CUSTOM + 1; i < ASM_EVENT_TYPE_COUNT; i++) {
        const asm_str type = asm_event_type_name((asm_event_type)i);
        if (is_prefix ? type.size >= name.size && memcmp(type.data, name.data, name.size) == 0
                      : asm_str_equal(type, name))
            return true;
    }
    return false;
}

static void die_of_unknown_type(const char *option, asm_str name) {
    char names[4096];
    size_t size = 0;
    for (int i = ASM_EVENT_CUSTOM + 1; i < ASM_EVENT_TYPE_COUNT; i++) {
        const asm_str type = asm_event_type_name((asm_event_type)i);
        if (size + type.size + 3 > sizeof names) break;
        memcpy(names + size, size ? ", " : "", size ? 2 : 0);
        size += size ? 2 : 0;
        memcpy(names + size, type.data, type.size);
        size += type.size;
    }
    names[size] = 0;
    die("--%s: '%.*s' must be one of %s, or PROVIDER.NAME; a final * matches any end", option, (int)name.size,
        name.data, names);
}

void filter_add_types(struct filter *filter, const char *option, const char *names) {
    while (*names) {
        const size_t size = strcspn(names, ",");
        const bool is_prefix = size > 0 && names[size - 1] == '*';
        const asm_str name = asm_str_make(names, size - is_prefix);
        if (size > 0) {
            if (!is_possible(name, is_prefix)) die_of_unknown_type(option, asm_str_make(names, size));
            if (filter->type_count == MAX_FILTER_TYPES)
                die("--%s: at most %d types", option, (int)MAX_FILTER_TYPES);
            filter->types[filter->type_count].name = name.data;
            filter->types[filter->type_count].size = name.size;
            filter->types[filter->type_count++].is_prefix = is_prefix;
        }
        names += size;
        names += *names == ',';
    }
    if (filter->type_count == 0) die("--%s needs a value: TYPE,...", option);
}

asm_time filter_read_time(const char *option, const char *value, asm_time now) {
    static const char units[] = "smhd";
    static const asm_time seconds[] = {1, 60, 3600, 86400};
    asm_time time = 0;
    char *end;
    const long count = strtol(value, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (end > value && unit && !end[1] && count >= 0 && count < 100000000)
        return now - (asm_time)count * seconds[unit - units] * 1000000;
    if (asm_time_parse(asm_str_from(value), &time, NULL) != ASM_OK)
        die("--%s: '%s' must be an ISO 8601 time such as 2026-02-09T12:00:00Z, or so long ago, such as 90s, "
            "10m, 2h, 7d",
            option, value);
    return time;
}

/* ---- Events ---- */

static bool has_type(const struct filter *filter, asm_str name) {
    for (size_t i = 0; i < filter->type_count; i++) {
        const size_t size = filter->types[i].size;
        if (filter->types[i].is_prefix ? name.size >= size : name.size == size)
            if (memcmp(name.data, filter->types[i].name, size) == 0) return true;
    }
    return filter->type_count == 0;
}

static bool contains(asm_str text, asm_str wanted) {
    const char *at = text.data, *end = at + text.size;
    while (wanted.size > 0 && (size_t)(end - at) >= wanted.size) {
        at = (const char *)memchr(at, wanted.data[0], (size_t)(end - at) - wanted.size + 1);
        if (!at) return false;
        if (memcmp(at, wanted.data, wanted.size) == 0) return true;
        at++;
    }
    return wanted.size == 0;
}

/* Looks in the event's JSON form, where both texts are escaped alike. A message is looked at whole, not in pieces. */
static bool has_text(struct filter *filter, const asm_event *event) {
    asm_json_writer writer;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED || event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED)
        return false;
    if (filter->escaped.size == 0) {
        asm_buffer_init_growing(&filter->escaped);
        asm_buffer_init_growing(&filter->line);
        asm_json_writer_init(&writer, &filter->escaped);
        asm_json_write_string(&writer, asm_str_from(filter->text));
    }
    asm_buffer_clear(&filter->line);
    if (asm_event_write_data(event, &filter->line) != ASM_OK) return true; /* cannot be told */
    return contains(asm_buffer_text(&filter->line),
                    asm_str_make(filter->escaped.data + 1, filter->escaped.size - 2));
}

bool is_wanted(struct filter *filter, const asm_event *event) {
    if (filter->since && event->time < filter->since) return false;
    if (filter->until && event->time > filter->until) return false;
    return has_type(filter, asm_event_name(event)) && (!filter->text || has_text(filter, event));
}

void filter_close(struct filter *filter) {
    if (filter->escaped.size == 0) return;
    asm_buffer_close(&filter->escaped);
    asm_buffer_close(&filter->line);
}
