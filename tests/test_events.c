/* Tests of asm_events.h: events, their JSON forms and copies. */
#include "support.h"

/* ============================================================================================
 * Every member of an event, and every type
 */

typedef enum payload_kind {
    PAYLOAD_envelope,
    PAYLOAD_none,
    PAYLOAD_message,
    PAYLOAD_tool,
    PAYLOAD_approval,
    PAYLOAD_usage,
    PAYLOAD_run,
    PAYLOAD_error,
    PAYLOAD_step,
    PAYLOAD_continuation,
    PAYLOAD_status,
    PAYLOAD_todos,
    PAYLOAD_shutdown,
    PAYLOAD_display,
    PAYLOAD_state,
    PAYLOAD_node,
    PAYLOAD_middleware,
    PAYLOAD_policy,
    PAYLOAD_notice
} payload_kind;

typedef enum member_kind {
    IS_TEXT,
    IS_JSON,
    IS_OBJECT,
    IS_ARRAY,
    IS_INT64,
    IS_DOUBLE,
    IS_BOOL,
    IS_TRUE, /* only true is written */
    IS_SEQUENCE
} member_kind;

typedef struct event_field {
    payload_kind payload;
    member_kind kind;
    const char *key;
    size_t offset;
} event_field;

#define FIELD(payload, kind, member, key)                                                                    \
    { PAYLOAD_##payload, kind, key, offsetof(asm_event, payload.member) }
#define SAME(payload, kind, member) FIELD(payload, kind, member, #member)
#define ENVELOPE(kind, member)                                                                               \
    { PAYLOAD_envelope, kind, #member, offsetof(asm_event, member) }

static const event_field fields[] = {
    ENVELOPE(IS_TEXT, session_id),
    ENVELOPE(IS_TEXT, run_id),
    ENVELOPE(IS_TEXT, provider),
    ENVELOPE(IS_TEXT, agent_id),
    ENVELOPE(IS_TEXT, id),
    ENVELOPE(IS_SEQUENCE, sequence_number),
    ENVELOPE(IS_TEXT, correlation_id),
    ENVELOPE(IS_OBJECT, metadata),
    SAME(message, IS_TEXT, content),
    SAME(message, IS_TEXT, delta),
    SAME(message, IS_TEXT, role),
    SAME(message, IS_TEXT, message_id),
    SAME(message, IS_TEXT, parent_tool_call_id),
    SAME(message, IS_BOOL, thinking),
    SAME(message, IS_TRUE, incomplete),
    SAME(message, IS_TRUE, synthetic),
    SAME(message, IS_TEXT, phase),
    SAME(message, IS_TEXT, origin),
    SAME(message, IS_TEXT, reason),
    SAME(message, IS_TEXT, replaced_by),
    FIELD(tool, IS_TEXT, name, "tool_name"),
    FIELD(tool, IS_TEXT, call_id, "tool_call_id"),
    SAME(tool, IS_TEXT, display_text),
    FIELD(tool, IS_JSON, input, "tool_input"),
    FIELD(tool, IS_TEXT, output, "tool_output"),
    FIELD(tool, IS_JSON, output_json, "tool_output"),
    SAME(tool, IS_TEXT, status),
    SAME(tool, IS_TEXT, error_message),
    SAME(tool, IS_TEXT, parent_tool_call_id),
    SAME(tool, IS_INT64, exit_code),
    SAME(tool, IS_DOUBLE, duration_ms),
    SAME(tool, IS_TEXT, delta),
    FIELD(tool, IS_JSON, result, "tool_result"),
    SAME(tool, IS_ARRAY, changes),
    SAME(tool, IS_TEXT, agent_kind),
    SAME(tool, IS_OBJECT, token_usage),
    SAME(approval, IS_TEXT, tool_name),
    SAME(approval, IS_TEXT, tool_call_id),
    SAME(approval, IS_JSON, tool_input),
    SAME(approval, IS_TEXT, policy_name),
    SAME(approval, IS_TEXT, reason),
    SAME(approval, IS_TEXT, request_id),
    SAME(approval, IS_INT64, interrupt),
    SAME(approval, IS_TEXT, kind),
    SAME(approval, IS_ARRAY, options),
    SAME(approval, IS_TEXT, decision),
    SAME(approval, IS_JSON, answer),
    SAME(usage, IS_INT64, input_tokens),
    SAME(usage, IS_INT64, output_tokens),
    SAME(usage, IS_INT64, cache_read_tokens),
    SAME(usage, IS_INT64, cache_creation_tokens),
    SAME(usage, IS_INT64, reasoning_tokens),
    SAME(usage, IS_DOUBLE, cost_usd),
    SAME(usage, IS_BOOL, cumulative),
    SAME(usage, IS_TEXT, model),
    SAME(usage, IS_TEXT, message_id),
    SAME(usage, IS_TEXT, parent_tool_call_id),
    SAME(usage, IS_INT64, context_window),
    SAME(usage, IS_OBJECT, models),
    SAME(run, IS_TEXT, model),
    SAME(run, IS_TEXT, cwd),
    SAME(run, IS_JSON, tools),
    SAME(run, IS_TEXT, stop_reason),
    SAME(run, IS_INT64, num_turns),
    SAME(run, IS_DOUBLE, duration_ms),
    SAME(run, IS_DOUBLE, cost_usd),
    SAME(run, IS_OBJECT, token_usage),
    SAME(run, IS_ARRAY, permission_denials),
    SAME(run, IS_TEXT, error_code),
    SAME(run, IS_TEXT, error_message),
    SAME(run, IS_JSON, provider_error),
    SAME(run, IS_INT64, open_tool_calls),
    SAME(run, IS_OBJECT, models),
    SAME(run, IS_OBJECT, main_token_usage),
    SAME(run, IS_TEXT, title),
    SAME(run, IS_TEXT, git_branch),
    SAME(run, IS_TEXT, agent_version),
    FIELD(error, IS_TEXT, code, "error_code"),
    FIELD(error, IS_TEXT, message, "error_message"),
    SAME(error, IS_JSON, provider_error),
    SAME(error, IS_JSON, details),
    SAME(step, IS_INT64, step_number),
    SAME(step, IS_INT64, message_count),
    SAME(step, IS_INT64, available_tools),
    SAME(step, IS_BOOL, has_tool_calls),
    SAME(step, IS_INT64, errors),
    SAME(step, IS_OBJECT, usage),
    SAME(step, IS_DOUBLE, duration_ms),
    SAME(step, IS_TEXT, finish_reason),
    SAME(continuation, IS_INT64, step_number),
    SAME(continuation, IS_BOOL, should_stop),
    SAME(continuation, IS_TEXT, stop_reason),
    SAME(continuation, IS_TEXT, resolved_by),
    SAME(status, IS_TEXT, status),
    SAME(status, IS_TEXT, previous_status),
    SAME(status, IS_JSON, data),
    SAME(status, IS_TEXT, error_message),
    SAME(status, IS_TEXT, last_response),
    SAME(todos, IS_ARRAY, todos),
    SAME(shutdown, IS_TEXT, agent_id),
    SAME(shutdown, IS_TEXT, reason),
    SAME(shutdown, IS_TEXT, last_activity_at),
    SAME(shutdown, IS_TEXT, shutdown_at),
    FIELD(shutdown, IS_OBJECT, details, "metadata"),
    SAME(display, IS_JSON, display_message),
    SAME(display, IS_TEXT, tool_call_id),
    SAME(display, IS_TEXT, status),
    SAME(state, IS_JSON, state),
    SAME(node, IS_TEXT, from_node),
    SAME(node, IS_TEXT, to_node),
    SAME(middleware, IS_TEXT, middleware),
    SAME(middleware, IS_TEXT, action),
    SAME(middleware, IS_JSON, data),
    SAME(policy, IS_TEXT, policy),
    SAME(policy, IS_TEXT, kind),
    SAME(policy, IS_TEXT, message),
    SAME(notice, IS_TEXT, text),
    SAME(notice, IS_TEXT, level),
    SAME(notice, IS_TEXT, code),
    SAME(notice, IS_INT64, attempt),
    SAME(notice, IS_INT64, max_attempts),
    SAME(notice, IS_DOUBLE, retry_in_ms),
    SAME(notice, IS_TEXT, resets_at),
};

static const struct {
    payload_kind payload;
    const char *name;
    const char *code;
} types[ASM_EVENT_TYPE_COUNT] = {{PAYLOAD_notice, "custom", NULL},
#define TYPE(name, text, code, member) {PAYLOAD_##member, text, code},
                                 ASM_EVENT_TYPES(TYPE)
#undef TYPE
};

static bool has_field(int type, const event_field *field) {
    return field->payload == PAYLOAD_envelope || field->payload == types[type].payload;
}

static bool is_view(member_kind kind) {
    return kind <= IS_ARRAY;
}

static void *at(asm_event *event, const event_field *field) {
    return (char *)event + field->offset;
}

static asm_str view_in(const asm_event *event, const event_field *field) {
    asm_str view;
    memcpy(&view, (const char *)event + field->offset, sizeof view);
    return view;
}

/* Gives a member a value that no other has; `variant` chooses among several. */
static void fill(asm_event *event, const event_field *field, unsigned variant) {
    static char texts[COUNT(fields)][2][96];
    static const char *const formats[][2] = {
        {"the \"%s\"\n\xC3\xA9\xF0\x9F\x9A\x80\\", ""},
        {"{ \"%s\" : [ 1 , \" \\u00e9 \" ] }", "[ ]"},
        {"{\"%s\":{\"a\":1}}", "{}"},
        {"[\"%s\",[]]", "[]"},
    };
    size_t index = (size_t)(field - fields);
    variant %= 2;
    if (is_view(field->kind)) {
        char *text = texts[index][variant];
        if (variant == 0) sprintf(text, formats[field->kind][0], field->key);
        else strcpy(text, formats[field->kind][1]);
        *(asm_str *)at(event, field) = asm_str_from(text);
    }
    if (field->kind == IS_INT64)
        *(asm_optional_int64 *)at(event, field) = ASM_INT64(variant ? INT64_MIN : 1000 + (int64_t)index);
    if (field->kind == IS_DOUBLE)
        *(asm_optional_double *)at(event, field) = ASM_DOUBLE(variant ? 0 : (double)index / 7);
    if (field->kind == IS_TRUE) *(asm_optional_bool *)at(event, field) = ASM_BOOL(true);
    if (field->kind == IS_BOOL) *(asm_optional_bool *)at(event, field) = ASM_BOOL(variant == 0);
    if (field->kind == IS_SEQUENCE) event->sequence_number = variant ? INT64_MAX : 1;
}

/* An event of that type with all of its members set. */
static asm_event filled(int type, unsigned variant) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = (asm_event_type)type;
    event.time = 1770638417968111;
    if (type == ASM_EVENT_CUSTOM) event.type_name = ASM_STR("my \"type\"");
    for (size_t i = 0; i < COUNT(fields); i++)
        if (has_field(type, &fields[i])) fill(&event, &fields[i], variant);
    if (types[type].payload == PAYLOAD_tool) /* one place in the JSON form, two here */
        *(variant % 4 < 2 ? &event.tool.output : &event.tool.output_json) = asm_str_make(NULL, 0);
    event.extra = ASM_STR("{\"more\":[1,{\"a\":\"\\n\"}],\"\\u00e9\":null}");
    event.extension = ASM_STR("{\"beside\":true,\"x\":{}}");
    return event;
}

static bool same_view(asm_str a, asm_str b) {
    return asm_str_equal(a, b) && (a.data == NULL) == (b.data == NULL);
}

/* Where JSON is compared as text, b must be the compact form of a. */
static bool same_json(asm_str a, asm_str b) {
    char memory[512];
    asm_buffer out;
    asm_json_writer writer;
    if (a.data == NULL || b.data == NULL) return a.data == NULL && b.data == NULL;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_json_writer_init(&writer, &out);
    return asm_json_write_raw(&writer, a) == ASM_OK && asm_str_equal(asm_buffer_text(&out), b);
}

static bool same_field(asm_event *a, asm_event *b, const event_field *field) {
    switch (field->kind) {
    case IS_TEXT:
        return same_view(view_in(a, field), view_in(b, field));
    case IS_INT64: {
        asm_optional_int64 x = *(asm_optional_int64 *)at(a, field), y = *(asm_optional_int64 *)at(b, field);
        return x.is_set == y.is_set && x.value == y.value;
    }
    case IS_DOUBLE: {
        asm_optional_double x = *(asm_optional_double *)at(a, field),
                            y = *(asm_optional_double *)at(b, field);
        return x.is_set == y.is_set && x.value == y.value;
    }
    case IS_TRUE:
    case IS_BOOL: {
        asm_optional_bool x = *(asm_optional_bool *)at(a, field), y = *(asm_optional_bool *)at(b, field);
        return x.is_set == y.is_set && x.value == y.value;
    }
    case IS_SEQUENCE:
        return a->sequence_number == b->sequence_number;
    default:
        return same_json(view_in(a, field), view_in(b, field));
    }
}

/* `b` is what came back when `a` was written and read. */
static void expect_same_event(asm_event *a, asm_event *b) {
    expect(a->type == b->type, "type %d, not %d", (int)b->type, (int)a->type);
    expect(a->time == b->time, "another time");
    expect_text(asm_event_name(b), asm_event_name(a));
    expect(same_json(a->extra, b->extra), "extra: %s", shown(b->extra));
    expect(same_json(a->extension, b->extension), "extension: %s", shown(b->extension));
    for (size_t i = 0; i < COUNT(fields); i++)
        if (has_field((int)a->type, &fields[i]))
            expect(same_field(a, b, &fields[i]), "%s of %s", fields[i].key, types[a->type].name);
}

static void expect_empty_event(const asm_event *event) {
    asm_event empty;
    memset(&empty, 0, sizeof empty);
    expect(memcmp(event, &empty, sizeof empty) == 0, "the event is not empty after an error");
}

/* ============================================================================================
 * Comparing JSON: members sorted, the last of those with the same key, numbers by value
 */

typedef struct json_member {
    asm_str key, value;
    size_t order;
} json_member;

static int compare_members(const void *a, const void *b) {
    const json_member *x = (const json_member *)a, *y = (const json_member *)b;
    size_t size = x->key.size < y->key.size ? x->key.size : y->key.size;
    int difference = memcmp(x->key.data, y->key.data, size);
    if (difference == 0) difference = (x->key.size > y->key.size) - (x->key.size < y->key.size);
    return difference != 0 ? difference : (x->order > y->order) - (x->order < y->order);
}

/* Of an event, an absent `data` and an empty one are the same. */
static bool is_empty_data(const json_member *member) {
    return asm_str_equal(member->key, ASM_STR("data")) &&
           (asm_str_equal(member->value, ASM_STR("{}")) || asm_str_equal(member->value, ASM_STR("null")));
}

static void write_canonical(asm_json_writer *writer, asm_str json, bool is_event) {
    asm_buffer scratch;
    asm_json_reader reader;
    asm_str text;
    double number;
    int64_t integer;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, json, &scratch);
    switch (asm_json_peek(&reader)) {
    case ASM_JSON_OBJECT: {
        json_member members[64];
        size_t count = 0;
        asm_json_enter_object(&reader);
        while (asm_json_next_member(&reader, &members[count].key)) {
            members[count].order = count;
            asm_json_read_raw(&reader, &members[count].value);
            count++;
            assert_true(count < COUNT(members));
        }
        qsort(members, count, sizeof members[0], compare_members);
        asm_json_begin_object(writer);
        for (size_t i = 0; i < count; i++) {
            if (i + 1 < count && asm_str_equal(members[i].key, members[i + 1].key)) continue;
            if (is_event && is_empty_data(&members[i])) continue;
            asm_json_write_key(writer, members[i].key);
            write_canonical(writer, members[i].value, false);
        }
        asm_json_end_object(writer);
        break;
    }
    case ASM_JSON_ARRAY:
        asm_json_enter_array(&reader);
        asm_json_begin_array(writer);
        while (asm_json_next_element(&reader))
            if (asm_json_read_raw(&reader, &text)) write_canonical(writer, text, false);
        asm_json_end_array(writer);
        break;
    case ASM_JSON_STRING:
        if (asm_json_read_string(&reader, &text)) asm_json_write_string(writer, text);
        break;
    case ASM_JSON_NUMBER:
        if (asm_json_to_int64(json, &integer)) {
            asm_json_write_int64(writer, integer);
            asm_json_read_raw(&reader, NULL);
        } else if (asm_json_to_double(json, &number)) {
            asm_json_write_double(writer, number);
            asm_json_read_raw(&reader, NULL);
        } else if (asm_json_read_raw(&reader, &text)) {
            asm_json_write_raw(writer, text);
        }
        break;
    default:
        if (asm_json_read_raw(&reader, &text)) asm_json_write_raw(writer, text);
        break;
    }
    expect(asm_json_reader_finish(&reader) == ASM_OK, "%s: %s", reader.error.message, shown(json));
    asm_buffer_close(&scratch);
}

static void canonical(asm_buffer *out, asm_str json, bool is_event) {
    asm_json_writer writer;
    asm_buffer_init_growing(out);
    asm_json_writer_init(&writer, out);
    write_canonical(&writer, json, is_event);
}

static void expect_same_json(asm_str actual, asm_str expected, bool is_event) {
    asm_buffer a, b;
    canonical(&a, actual, is_event);
    canonical(&b, expected, is_event);
    expect_text(asm_buffer_text(&a), asm_buffer_text(&b));
    asm_buffer_close(&a);
    asm_buffer_close(&b);
}

static void expect_equal_json(asm_str actual, asm_str expected) {
    expect_same_json(actual, expected, false);
}

static void expect_equal_line(asm_str actual, asm_str expected) {
    expect_same_json(actual, expected, true);
}

/* ============================================================================================
 * Writing and reading in every way
 */

static void write_event(asm_buffer *out, const asm_event *event) {
    asm_buffer_init_growing(out);
    asm_result result = asm_event_write_json(event, out);
    expect(result == ASM_OK, "%s: %d", types[event->type].name, result);
    expect(memchr(out->size != 0 ? out->data : "", '\n', out->size) == NULL, "more than a line");
}

/* What reading gives belongs to the line and to the scratch buffer. */
typedef struct line_reading {
    asm_event event;
    asm_result result;
    asm_json_error error;
    char *line;
    size_t size;
    asm_buffer scratch;
} line_reading;

static void read_line(line_reading *reading, asm_str line, bool in_place) {
    reading->line = exact_copy(line.data, line.size);
    reading->size = line.size;
    memset(&reading->event, 0x5A, sizeof reading->event);
    asm_buffer_init_growing(&reading->scratch);
    reading->result = in_place ? asm_event_read_json_in_place(&reading->event, reading->line, line.size,
                                                              &reading->scratch, &reading->error)
                               : asm_event_read_json(&reading->event, asm_str_make(reading->line, line.size),
                                                     &reading->scratch, &reading->error);
    expect(reading->result == reading->error.result, "%d and %d", reading->result, reading->error.result);
    if (reading->result != ASM_OK) expect_empty_event(&reading->event);
}

static void end_reading(line_reading *reading) {
    free_block(reading->line, reading->size);
    asm_buffer_close(&reading->scratch);
}

/* Read and written, the line is the same JSON; read and written once more, the same bytes. */
static void expect_kept(asm_str line) {
    for (int in_place = 0; in_place < 2; in_place++) {
        line_reading first, second;
        asm_buffer once, twice;
        read_line(&first, line, in_place != 0);
        expect(first.result == ASM_OK, "%s at %u: %s", first.error.message, (unsigned)first.error.offset,
               shown(line));
        if (first.result == ASM_OK) {
            write_event(&once, &first.event);
            expect_equal_line(asm_buffer_text(&once), line);
            read_line(&second, asm_buffer_text(&once), in_place != 0);
            write_event(&twice, &second.event);
            expect_text(asm_buffer_text(&twice), asm_buffer_text(&once));
            end_reading(&second);
            asm_buffer_close(&twice);
            asm_buffer_close(&once);
        }
        end_reading(&first);
    }
}

/* The line that an event should become, in the order that comes to mind. */
static void write_expected(asm_buffer *out, asm_event *event) {
    asm_json_writer writer;
    asm_buffer_init_growing(out);
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("ts"));
    asm_json_write_string(&writer, ASM_STR("2026-02-09T12:00:17.968111Z"));
    asm_json_write_key(&writer, ASM_STR("type"));
    asm_json_write_string(&writer, asm_event_name(event));
    for (int data = 1; data >= 0; data--) {
        if (data) {
            asm_json_write_key(&writer, ASM_STR("data"));
            asm_json_begin_object(&writer);
            asm_json_write_key(&writer, ASM_STR("more"));
            asm_json_write_raw(&writer, ASM_STR("[1,{\"a\":\"\\n\"}]"));
            asm_json_write_key(&writer, ASM_STR("\xC3\xA9"));
            asm_json_write_null(&writer);
        }
        for (size_t i = 0; i < COUNT(fields); i++) {
            const event_field *field = &fields[i];
            if (!has_field((int)event->type, field) || data != (field->payload != PAYLOAD_envelope)) continue;
            if (is_view(field->kind) && view_in(event, field).data == NULL) continue;
            asm_json_write_key(&writer, asm_str_from(field->key));
            switch (field->kind) {
            case IS_TEXT:
                asm_json_write_string(&writer, view_in(event, field));
                break;
            case IS_INT64:
                asm_json_write_int64(&writer, ((asm_optional_int64 *)at(event, field))->value);
                break;
            case IS_DOUBLE:
                asm_json_write_double(&writer, ((asm_optional_double *)at(event, field))->value);
                break;
            case IS_TRUE:
            case IS_BOOL:
                asm_json_write_bool(&writer, ((asm_optional_bool *)at(event, field))->value);
                break;
            case IS_SEQUENCE:
                asm_json_write_int64(&writer, event->sequence_number);
                break;
            default:
                asm_json_write_raw(&writer, view_in(event, field));
                break;
            }
        }
        if (data) asm_json_end_object(&writer);
    }
    asm_json_write_key(&writer, ASM_STR("beside"));
    asm_json_write_bool(&writer, true);
    asm_json_write_key(&writer, ASM_STR("x"));
    asm_json_write_raw(&writer, ASM_STR("{}"));
    asm_json_end_object(&writer);
    assert_int_equal(asm_json_writer_finish(&writer), ASM_OK);
}

/* ============================================================================================
 * Tests: types
 */

static void test_type_names(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_event event;
        memset(&event, 0, sizeof event);
        event.type = (asm_event_type)type;
        expect_text(asm_event_type_name((asm_event_type)type), asm_str_from(types[type].name));
        expect((int)asm_event_type_from_name(asm_str_from(types[type].name)) == type, "%s", types[type].name);
        expect_text(asm_event_name(&event), asm_str_from(types[type].name));
        event.type_name = ASM_STR("mine");
        expect_text(asm_event_name(&event), type == 0 ? ASM_STR("mine") : asm_str_from(types[type].name));

        /* Nothing shorter, longer or similar is the name of the type. */
        char other[64];
        for (size_t i = 0; types[type].name[i] != 0; i++) {
            strcpy(other, types[type].name);
            other[i] ^= 0x20;
            expect(asm_event_type_from_name(asm_str_from(other)) == ASM_EVENT_CUSTOM, "%s", other);
            expect(asm_event_type_from_name(asm_str_make(types[type].name, i)) == ASM_EVENT_CUSTOM, "%s",
                   other);
        }
        sprintf(other, "%sx", types[type].name);
        expect(asm_event_type_from_name(asm_str_from(other)) == ASM_EVENT_CUSTOM, "%s", other);
    }
    expect(asm_event_type_from_name(asm_str_make(NULL, 0)) == ASM_EVENT_CUSTOM, "absent");
    expect_text(asm_event_type_name(ASM_EVENT_TYPE_COUNT), ASM_STR(""));
    expect_text(asm_event_type_name((asm_event_type)-1), ASM_STR(""));
    expect_text(asm_event_type_name((asm_event_type)10000), ASM_STR(""));
    end_of_cases();
}

static void test_event_text(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        bool is_message = types[type].payload == PAYLOAD_message;
        asm_event event = filled(type, 0);
        expect_text(asm_event_text(&event), is_message ? event.message.delta : ASM_STR(""));
        if (!is_message) continue;
        event.message.delta = asm_str_make(NULL, 0);
        expect_text(asm_event_text(&event), event.message.content);
        event.message.content = asm_str_make(NULL, 0);
        expect_text(asm_event_text(&event), ASM_STR(""));
    }
    end_of_cases();
}

/* ============================================================================================
 * Tests: the full form
 */

static void test_every_type_there_and_back(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (unsigned variant = 0; variant < 4; variant++) {
            asm_buffer expected, once, twice;
            asm_event event = filled(type, variant);
            write_expected(&expected, &event);
            write_event(&once, &event);
            expect_equal_line(asm_buffer_text(&once), asm_buffer_text(&expected));
            for (int in_place = 0; in_place < 2; in_place++) {
                line_reading reading;
                read_line(&reading, asm_buffer_text(&once), in_place != 0);
                expect(reading.result == ASM_OK, "%s: %s", types[type].name, reading.error.message);
                expect_same_event(&event, &reading.event);
                write_event(&twice, &reading.event);
                expect_text(asm_buffer_text(&twice), asm_buffer_text(&once));
                asm_buffer_close(&twice);
                end_reading(&reading);
            }
            asm_buffer_close(&expected);
            asm_buffer_close(&once);
        }
    }
    end_of_cases();
}

static void test_every_member_alone(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (size_t i = 0; i < COUNT(fields); i++) {
            for (unsigned variant = 0; variant < 2; variant++) {
                asm_event event;
                asm_buffer out;
                line_reading reading;
                if (!has_field(type, &fields[i])) continue;
                memset(&event, 0, sizeof event);
                event.type = (asm_event_type)type;
                event.type_name = ASM_STR("mine");
                fill(&event, &fields[i], variant);
                write_event(&out, &event);
                read_line(&reading, asm_buffer_text(&out), false);
                expect(reading.result == ASM_OK, "%s: %s", types[type].name, reading.error.message);
                expect_same_event(&event, &reading.event);
                end_reading(&reading);
                asm_buffer_close(&out);
            }
        }
    }
    end_of_cases();
}

static void test_structured_output_is_used_without_text(void **state) {
    asm_buffer out;
    asm_event event;
    (void)state;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
    event.tool.output = ASM_STR("text");
    event.tool.output_json = ASM_STR("{\"json\":1}");
    write_event(&out, &event);
    expect_equal_json(asm_buffer_text(&out),
                      ASM_STR("{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":\"text\"}}"));
    asm_buffer_close(&out);
    end_of_cases();
}

/* Any type of value in any place comes back as it was. */
static void test_every_member_with_every_type(void **state) {
    static const char *const values[] = {
        "true",
        "false",
        "1",
        "-1",
        "1.5",
        "1e3",
        "1.0",
        "9223372036854775808",
        "1e999",
        "\"x\"",
        "\"a\\n\\u00e9\"",
        "\"\"",
        "[]",
        "[1,\"\\n\"]",
        "{}",
        "{\"a\":{\"b\":\"\\n\"}}",
        "null",
        "0",
    };
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (size_t i = 0; i < COUNT(fields); i++) {
            if (!has_field(type, &fields[i])) continue;
            for (size_t value = 0; value < COUNT(values); value++) {
                char line[256];
                bool in_data = fields[i].payload != PAYLOAD_envelope;
                sprintf(line,
                        in_data ? "{\"type\":\"%s\",\"data\":{\"%s\":%s}}" : "{\"type\":\"%s\",\"%s\":%s}",
                        types[type].name, fields[i].key, values[value]);
                expect_kept(asm_str_from(line));
            }
        }
    }
    end_of_cases();
}

static void test_lines_that_are_kept(void **state) {
    static const char *const lines[] = {
        /* types */
        "{\"type\":\"run_started\"}",
        "{\"type\":\"run_completed\",\"data\":{\"cost_usd\":4e-310}}",
        /* lines of others, and members of another shape */
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\",\"model\":\"m\",\"tools\":[]}",
        "{\"type\":\"user\",\"session_id\":\"s\",\"message\":\"plain text message\"}",
        "{\"type\":\"assistant\",\"session_id\":\"s\",\"message\":{\"id\":7,\"model\":8,\"content\":{"
        "\"type\":\"text\"}}}",
        "{\"type\":\"message_received\",\"session_id\":7,\"data\":{\"content\":[{\"type\":\"text\",\"text\":"
        "5}],\"role\":null}}",
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_call_id\":5,\"tool_name\":{},\"tool_input\":"
        "\"str\"},\"run_id\":[]}",
        "{\"type\":\"message_received\",\"data\":{\"incomplete\":false,\"synthetic\":1,\"thinking\":\"yes\"}"
        "}",
        "{\"type\":\"nothing_we_know\"}",
        "{\"type\":\"custom\"}",
        "{\"type\":\"Run_Started\",\"data\":{\"model\":\"x\"}}",
        "{\"type\":\"a \\\"b\\\"\\n\\u00e9\",\"data\":{\"x\":[1,{\"y\":\"\\t\"}]},\"z\":null}",
        "{\"type\":\"run_started2\",\"data\":{\"model\":1}}",
        "{\"type\":\"workspace_snapshot_taken\",\"data\":{\"files\":[\"a\",\"b\"]}}",
        "{\"type\":\"run\\u005fstarted\",\"data\":{\"model\":\"m\"}}",
        /* members that have no place */
        "{\"type\":\"run_started\",\"data\":{\"new\":1}}",
        "{\"type\":\"run_started\",\"data\":{\"new\":1,\"model\":\"m\",\"newer\":[{}]},\"beside\":{\"a\":[1,"
        "2]}}",
        "{\"type\":\"run_started\",\"data\":{\"input_tokens\":1,\"content\":\"x\"}}",
        "{\"type\":\"run_started\",\"data\":{\"n\\u00e9\\n\":\"v\\n\",\"\":0},\"\":1,\"a\\\"b\":\"\\\\\"}",
        "{\"type\":\"run_started\",\"model\":\"beside\",\"tool_name\":1}",
        "{\"type\":\"run_started\",\"data\":{\"type\":\"x\",\"ts\":1,\"session_id\":\"s\",\"data\":{\"data\":"
        "1}}}",
        "{\"type\":\"message_received\",\"data\":{\"content\":\"a\",\"content2\":\"b\",\"conten\":\"c\"}}",
        /* null, and other types in place of known ones */
        "{\"type\":\"run_started\",\"data\":{}}",
        "{\"type\":\"run_started\",\"data\":null}",
        "{\"type\":\"run_started\",\"ts\":null}",
        "{\"type\":\"run_started\",\"ts\":1770638417}",
        "{\"type\":\"run_started\",\"ts\":\"yesterday\"}",
        "{\"type\":\"run_started\",\"ts\":\"2026-02-30T00:00:00Z\"}",
        "{\"type\":\"run_started\",\"ts\":\"\"}",
        "{\"type\":\"run_started\",\"ts\":\"0000-01-01T00:00:00+02:00\"}",
        "{\"type\":\"run_started\",\"ts\":\"1970-01-01T00:00:00Z\"}",
        "{\"type\":\"run_started\",\"ts\":{\"a\":1}}",
        "{\"type\":\"run_started\",\"session_id\":null,\"run_id\":7,\"provider\":[],\"metadata\":\"x\"}",
        "{\"type\":\"run_started\",\"sequence_number\":\"5\"}",
        "{\"type\":\"run_started\",\"sequence_number\":1.5}",
        "{\"type\":\"run_started\",\"sequence_number\":-9223372036854775808}",
        "{\"type\":\"run_started\",\"metadata\":null}",
        /* any order */
        "{\"data\":{\"model\":\"m\\n\",\"new\":\"\\n\"},\"type\":\"run_started\"}",
        "{\"data\":{\"tool_name\":\"a\\tb\",\"tool_input\":{\"k\":\"\\n\"},\"tool_output\":{\"o\":\"\\n\"}},"
        "\"run_id\":\"\\t\",\"x\":\"\\n\",\"session_id\":\"s\",\"type\":\"tool_call_completed\"}",
        "{\"run_id\":\"r\",\"data\":{\"a\":1},\"id\":\"i\",\"type\":\"unknown\",\"ts\":\"2026-02-09T12:00:17."
        "5Z\"}",
        /* the last one wins */
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\",\"model\":\"b\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\\n\",\"model\":\"b\\n\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\",\"model\":5}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":5,\"model\":\"a\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":5,\"model\":\"a\",\"model\":6}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\",\"model\":null}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":null,\"model\":\"a\"}}",
        "{\"type\":\"run_started\",\"data\":{\"num_turns\":1,\"num_turns\":1.5}}",
        "{\"type\":\"run_started\",\"data\":{\"num_turns\":1.5,\"num_turns\":1}}",
        "{\"type\":\"run_started\",\"data\":{\"token_usage\":{},\"token_usage\":[]}}",
        "{\"type\":\"run_started\",\"data\":{\"new\":1,\"new\":2}}",
        "{\"type\":\"run_started\",\"data\":{\"mod\\u0065l\":\"a\",\"model\":\"b\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\",\"mod\\u0065l\":\"b\"}}",
        "{\"type\":\"run_started\",\"data\":{\"n\\u0065w\":1,\"new\":2,\"model\":\"m\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"a\"},\"data\":{\"cwd\":\"b\"}}",
        "{\"type\":\"run_started\",\"data\":{\"new\":\"a\"},\"data\":{\"cwd\":\"b\\n\"}}",
        "{\"data\":{\"model\":\"a\\n\"},\"data\":{\"cwd\":\"b\\n\"},\"type\":\"run_started\"}",
        "{\"data\":{\"model\":\"a\\n\"},\"type\":\"run_started\",\"data\":{\"cwd\":\"b\\n\"}}",
        "{\"type\":\"run_started\",\"session_id\":\"a\",\"session_id\":\"b\"}",
        "{\"type\":\"run_started\",\"session_id\":\"a\",\"session_id\":5}",
        "{\"type\":\"run_started\",\"session_id\":5,\"session_id\":\"a\"}",
        "{\"type\":\"run_started\",\"ts\":\"2026-02-09T12:00:17Z\",\"ts\":\"2027-02-09T12:00:17Z\"}",
        "{\"type\":\"run_started\",\"ts\":\"2026-02-09T12:00:17Z\",\"ts\":5}",
        "{\"type\":\"run_started\",\"ts\":5,\"ts\":\"2026-02-09T12:00:17Z\"}",
        "{\"type\":\"run_started\",\"sequence_number\":1,\"sequence_number\":\"x\"}",
        "{\"type\":\"run_started\",\"beside\":1,\"beside\":2}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":\"a\",\"tool_output\":{\"b\":1}}}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":{\"b\":1},\"tool_output\":\"a\"}}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":null,\"tool_output\":\"a\"}}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":\"a\",\"tool_output\":null}}",
        /* escaped keys of known members */
        "{\"\\u0074ype\":\"run_started\",\"d\\u0061ta\":{\"mod\\u0065l\":\"x\",\"\\u006eum_turns\":3}}",
        "{\"type\":\"run_started\",\"\\u0074s\":\"2026-02-09T12:00:17.25Z\",\"session\\u005fid\":\"s\"}",
        "{\"typ\\u0065\":\"run_started\",\"data\":{\"model\\u0000\":\"x\",\"\\\\u006dodel\":\"y\"}}",
        /* white space and precision of numbers */
        " { \"type\" : \"tool_call_started\" , \"data\" : { \"tool_input\" : { \"a b\" : [ 1 , 2 ] } , \"x\" "
        ": [ ] } }\r\n",
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_input\":{\"big\":12345678901234567890,\"e\":1.50e+"
        "400}}}",
        "{\"type\":\"run_completed\",\"data\":{\"duration_ms\":0.1,\"cost_usd\":1e-7,\"num_turns\":-0}}",
        "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9223372036854775807,\"cost_usd\":5e-"
        "324}}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        expect_kept(asm_str_from(lines[i]));
    end_of_cases();
}

/* A key that differs in one byte is another one, wherever it stands; so is one that is longer or shorter. */
static void test_keys_that_nearly_match(void **state) {
    static const char padding[] = "\"more\":\"something that is longer than any key of ours is\"";
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (size_t i = 0; i < COUNT(fields); i++) {
            size_t size = strlen(fields[i].key);
            bool in_data = fields[i].payload != PAYLOAD_envelope;
            if (!has_field(type, &fields[i])) continue;
            for (size_t change = 0; change < size + 3; change++) {
                char key[64], line[256];
                sprintf(key, "%s%s", fields[i].key, change == size ? "x" : change == size + 1 ? "\\n" : "");
                if (change < size) key[change] ^= 1;
                if (change == size + 2) key[size - 1] = 0;
                sprintf(line,
                        in_data ? "{\"type\":\"%s\",\"data\":{\"%s\":\"x\",%s}}"
                                : "{\"type\":\"%s\",\"%s\":\"x\",%s}",
                        types[type].name, key, padding);
                expect_kept(asm_str_from(line));
            }
        }
    }
    end_of_cases();
}

static void test_last_of_duplicates_wins(void **state) {
    line_reading reading;
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        read_line(
            &reading,
            ASM_STR("{\"type\":\"run_started\",\"data\":{\"model\":5,\"model\":\"a\",\"cwd\":\"x\",\"cwd\":5,"
                    "\"num_turns\":1,\"num_turns\":2},\"session_id\":\"a\",\"session_id\":\"b\"}"),
            in_place != 0);
        assert_int_equal(reading.result, ASM_OK);
        expect_text(reading.event.run.model, ASM_STR("a"));
        expect(reading.event.run.cwd.data == NULL, "%s", shown(reading.event.run.cwd));
        expect(reading.event.run.num_turns.value == 2, "the first");
        expect_text(reading.event.session_id, ASM_STR("b"));
        end_reading(&reading);
        read_line(&reading,
                  ASM_STR("{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":\"a\",\"other\":1,"
                          "\"tool_output\":\"b\"}}"),
                  in_place != 0);
        assert_int_equal(reading.result, ASM_OK);
        expect_text(reading.event.tool.output, ASM_STR("b"));
        expect(reading.event.tool.output_json.data == NULL, "%s", shown(reading.event.tool.output_json));
        end_reading(&reading);
    }
    end_of_cases();
}

static void test_members_are_in_their_places(void **state) {
    line_reading reading;
    (void)state;
    for (int in_place = 0; in_place < 2; in_place++) {
        read_line(
            &reading,
            ASM_STR(
                "{\"x\":[ 1 ],\"data\":{\"tool_name\":\"Re\\u0061d\",\"tool_input\":{\"p\":\"\\n\"},\"y\":2,"
                "\"tool_output\":[1],\"exit_code\":\"no\"},\"ts\":\"2026-02-09T12:00:17.50Z\",\"type\":"
                "\"tool_call_completed\",\"agent_id\":\"\"}"),
            in_place != 0);
        asm_event *event = &reading.event;
        assert_int_equal(reading.result, ASM_OK);
        assert_int_equal(event->type, ASM_EVENT_TOOL_CALL_COMPLETED);
        assert_true(event->time == 1770638417500000);
        assert_int_equal(event->time_precision, 3);
        expect_text(event->tool.name, ASM_STR("Read"));
        expect_text(event->tool.input, ASM_STR("{\"p\":\"\\n\"}"));
        expect_text(event->tool.output_json, ASM_STR("[1]"));
        assert_null(event->tool.output.data);
        assert_null(event->tool.call_id.data);
        assert_false(event->tool.exit_code.is_set);
        assert_non_null(event->agent_id.data);
        expect_text(event->agent_id, ASM_STR(""));
        expect_equal_json(event->extra, ASM_STR("{\"y\":2,\"exit_code\":\"no\"}"));
        expect_equal_json(event->extension, ASM_STR("{\"x\":[1]}"));
        end_reading(&reading);

        read_line(&reading, ASM_STR("{\"type\":\"new_thing\",\"data\":{\"a\":1}}"), in_place != 0);
        assert_int_equal(event->type, ASM_EVENT_CUSTOM);
        expect_text(event->type_name, ASM_STR("new_thing"));
        expect_equal_json(event->extra, ASM_STR("{\"a\":1}"));
        assert_null(event->extension.data);
        assert_true(event->time == 0);
        end_reading(&reading);

        read_line(&reading, ASM_STR("{\"type\":\"run_started\",\"data\":{\"model\":\"m\"}}"), in_place != 0);
        assert_null(event->extra.data);
        assert_null(event->extension.data);
        end_reading(&reading);
    }
    end_of_cases();
}

static void test_lines_that_are_refused(void **state) {
    static const struct {
        asm_str line;
        asm_result result; /* ASM_OK: any error */
    } cases[] = {
        {TEXT(""), ASM_ERR_SYNTAX},
        {TEXT("x"), ASM_ERR_SYNTAX},
        {TEXT("{"), ASM_ERR_SYNTAX},
        {TEXT("{}"), ASM_OK},
        {TEXT("[]"), ASM_ERR_TYPE},
        {TEXT("\"run_started\""), ASM_ERR_TYPE},
        {TEXT("null"), ASM_ERR_TYPE},
        {TEXT("{\"data\":{}}"), ASM_OK},
        {TEXT("{\"type\":null}"), ASM_OK},
        {TEXT("{\"type\":5}"), ASM_OK},
        {TEXT("{\"type\":[\"run_started\"]}"), ASM_OK},
        {TEXT("{\"type\":{\"type\":\"run_started\"}}"), ASM_OK},
        {TEXT("{\"Type\":\"run_started\"}"), ASM_OK},
        {TEXT("{\"type\\u0000\":\"run_started\"}"), ASM_OK},
        {TEXT("{\"type\":\"run_started\""), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":5}"), ASM_ERR_TYPE},
        {TEXT("{\"type\":\"run_started\",\"data\":\"text\"}"), ASM_ERR_TYPE},
        {TEXT("{\"type\":\"workspace_diff_computed\",\"data\":5}"), ASM_ERR_TYPE},
        {TEXT("{\"data\":[],\"type\":\"unknown\"}"), ASM_ERR_TYPE},
        {TEXT("{\"type\":\"run_started\",\"data\":[{\"model\":\"m\"}]}"), ASM_ERR_TYPE},
        {TEXT("{\"type\":\"run_started\",\"type\":\"run_completed\"}"), ASM_OK},
        {TEXT("{\"type\":\"message_sent\",\"data\":{\"content\":\"c\"},\"type\":\"run_started\"}"), ASM_OK},
        {TEXT("{\"type\":\"run_started\"}}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\"} x"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\"}{\"type\":\"run_started\"}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\"}\0"), ASM_ERR_SYNTAX},
        {TEXT("\xEF\xBB\xBF{\"type\":\"run_started\"}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"model\":}}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"x\":[1,]}}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"model\":\"\\x\"}}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"model\":\"\xFF\"}}"), ASM_ERR_UTF8},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"x\":\"\xFF\"}}"), ASM_ERR_UTF8},
        {TEXT("{\"type\":\"run_started\",\"\xFF\":1}"), ASM_ERR_UTF8},
        {TEXT("{\"data\":{\"model\":\"a\nb\"},\"type\":\"run_started\"}"), ASM_ERR_SYNTAX},
        {TEXT("{\"type\":\"run_started\",\"data\":{\"model\":\"a\"},\"data\":{\"model\":\"b\"}"),
         ASM_ERR_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int in_place = 0; in_place < 2; in_place++) {
            line_reading reading;
            read_line(&reading, cases[i].line, in_place != 0);
            expect(reading.result != ASM_OK, "%s", shown(cases[i].line));
            expect(cases[i].result == ASM_OK || reading.result == cases[i].result, "%s: %d",
                   shown(cases[i].line), reading.result);
            expect(reading.error.offset <= cases[i].line.size && reading.error.message[0] != 0, "%s",
                   shown(cases[i].line));
            end_reading(&reading);
            asm_event event;
            expect(asm_event_read_json(&event, cases[i].line, NULL, NULL) != ASM_OK, "%s",
                   shown(cases[i].line));
        }
    }
    end_of_cases();
}

/* Cut at any byte, and with any byte changed, a line is read or refused, and nothing is touched beyond it. */
static void test_damaged_lines(void **state) {
    asm_buffer out;
    uint64_t random = 9;
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_event event = filled(type, 0);
        write_event(&out, &event);
        for (size_t size = 0; size < out.size; size++) {
            line_reading reading;
            read_line(&reading, asm_str_make(out.data, size), size % 2 != 0);
            expect(reading.result != ASM_OK, "%s cut at %u", types[type].name, (unsigned)size);
            end_reading(&reading);

            static const char bytes[] = "\"\\{}[]:,0x \x80\xC3\n";
            char *changed = &out.data[next_random(&random) % out.size], before = *changed;
            *changed = bytes[next_random(&random) % sizeof bytes];
            for (int in_place = 0; in_place < 2; in_place++) {
                asm_buffer again;
                read_line(&reading, asm_buffer_text(&out), in_place != 0);
                if (reading.result == ASM_OK) {
                    write_event(&again, &reading.event);
                    asm_buffer_close(&again);
                }
                end_reading(&reading);
            }
            *changed = before;
        }
        asm_buffer_close(&out);
    }
    end_of_cases();
}

/* Whether a line is read, or refused, as the same with a space behind its first byte, which is not as we write it.
 */
static void expect_read_as_any(asm_str line) {
    char spaced[512];
    line_reading usual, other;
    spaced[0] = line.data[0];
    spaced[1] = ' ';
    memcpy(spaced + 2, line.data + 1, line.size - 1);
    read_line(&usual, line, false);
    read_line(&other, asm_str_make(spaced, line.size + 1), false);
    expect(usual.result == other.result && strcmp(usual.error.message, other.error.message) == 0 &&
               usual.error.offset + (usual.error.offset > 0) == other.error.offset,
           "%s: %s at %u, not %s", shown(line), usual.error.message, (unsigned)usual.error.offset,
           other.error.message);
    if (usual.result == ASM_OK && other.result == ASM_OK) {
        asm_buffer first, second;
        write_event(&first, &usual.event);
        write_event(&second, &other.event);
        expect_text(asm_buffer_text(&first), asm_buffer_text(&second));
        asm_buffer_close(&first);
        asm_buffer_close(&second);
    }
    end_reading(&usual);
    end_reading(&other);
}

/* Lines in the order and the form that we write, with any byte changed, left out, or the last. */
static void test_usual_lines(void **state) {
    static const char *const lines[] = {
        "{\"ts\":\"2026-02-09T12:00:00.134931Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":\"a "
        "piece\"},"
        "\"session_id\":\"ses_1\",\"run_id\":\"run_1\",\"provider\":\"claude\"}",
        "{\"ts\":\"2026-02-09T12:00:00.134Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":"
        "\"\\\"caf\xC3\xA9\\\"\"},"
        "\"session_id\":\"ses_1\",\"run_id\":\"run_1\",\"provider\":\"claude\",\"id\":\"7\"}",
        "{\"ts\":\"2026-02-09T12:00:00Z\",\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Bash\","
        "\"tool_call_id\":\"a\",\"tool_output\":\"of more than thirty-two bytes, all plain\"},\"session_id\":"
        "\"01234567-89ab-cdef-0123-456789abcdef\",\"run_id\":\"\",\"provider\":\"\"}",
        ("{\"ts\":\"2026-02-09T12:00:00.134931Z\",\"type\":\"workspace_diff_computed\",\"data\":{},"
         "\"run_id\":\"1\"}"),
        "{\"ts\":\"2026-02-09T12:00:00.134931Z\",\"type\":\"run_cancelled\",\"session_id\":\"ses_1\"}",
        "{\"ts\":\"2026-02-09T12:00:00.134931Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":\"x\","
        "\"message_id\":\"m\\u0001\"},\"session_id\":\"s\",\"run_id\":\"r\",\"provider\":\"p\","
        "\"sequence_number\":999999999999999999}",
        "{\"ts\":\"2026-02-09T12:00:00.134931Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":\"x\\ny\","
        "\"role\":\"assistant\"},\"session_id\":\"s\",\"run_id\":\"r\",\"provider\":\"p\","
        "\"sequence_number\":9223372036854775807,\"metadata\":{\"a\":1}}",
    };
    static const char bytes[] = "\"\\{}:, x0Z\n\x7F\x80\xC3";
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        asm_str line = asm_str_from(lines[i]);
        char changed[512];
        expect_kept(line);
        for (size_t at = 0; at < line.size; at++) {
            if (at > 0) expect_read_as_any(asm_str_make(line.data, at));
            memcpy(changed, line.data, at);
            memcpy(changed + at, line.data + at + 1, line.size - at - 1);
            expect_read_as_any(asm_str_make(changed, line.size - 1));
            memcpy(changed, line.data, line.size);
            for (size_t j = 0; j < sizeof bytes; j++) {
                changed[at] = bytes[j];
                expect_read_as_any(asm_str_make(changed, line.size));
            }
        }
    }
    end_of_cases();
}

/* Strings that were unescaped stay where they are when later ones are. */
/* Whether a text holds another. */
static bool contains(asm_str text, const char *part) {
    const size_t size = strlen(part);
    for (size_t i = 0; i + size <= text.size; i++)
        if (memcmp(text.data + i, part, size) == 0) return true;
    return false;
}

/* A number that a double cannot tell is near enough in its field, and is written as it was. */
static void test_numbers_are_written_as_they_were(void **state) {
    static const struct {
        const char *number;
        double value;
        bool is_kept;        /* in extra, beside the field */
        const char *written; /* NULL: as it was */
    } cases[] = {
        {"0.1", 0.1, false, NULL},
        {"12.50", 12.5, false, "12.5"},
        {"1e2", 100, false, "100"},
        {"0.30000000000000004", 0.30000000000000004, false, NULL},
        {"0.3000000000000000400", 0.30000000000000004, false, "0.30000000000000004"},
        {"0.300000000000000041", 0.30000000000000004, true, NULL},
        {"0.1000000000000000055511151231257827", 0.1, true, NULL},
        {"9007199254740993", 9007199254740992, true, NULL},
        {"100000000000000000000", 1e20, false, NULL},
        {"1e-400", 0, true, NULL},
        {"-1e-400", -0.0, true, NULL},
        {"4e-310", 4e-310, false, NULL},
        {"0.000e9", 0, false, "0"},
        {"-0", -0.0, false, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int in_place = 0; in_place < 2; in_place++) {
            line_reading reading;
            asm_buffer out;
            char line[256], expected[256];
            sprintf(line, "{\"type\":\"run_completed\",\"data\":{\"a\":1,\"cost_usd\":%s,\"num_turns\":2}}",
                    cases[i].number);
            read_line(&reading, asm_str_from(line), in_place != 0);
            expect(reading.result == ASM_OK, "%s: %s", line, reading.error.message);
            asm_event *event = &reading.event;
            expect(event->run.cost_usd.is_set && event->run.cost_usd.value == cases[i].value, "%s: %.17g",
                   line, event->run.cost_usd.value);
            expect(event->run.num_turns.value == 2, "%s", line);
            sprintf(expected, cases[i].is_kept ? "{\"a\":1,\"cost_usd\":%s}" : "{\"a\":1}", cases[i].number);
            expect_text(event->extra, asm_str_from(expected));
            expect_kept(asm_str_from(line));
            write_event(&out, event);
            sprintf(expected, "\"cost_usd\":%s",
                    cases[i].written != NULL ? cases[i].written : cases[i].number);
            expect(contains(asm_buffer_text(&out), expected), "%s: %s", line, shown(asm_buffer_text(&out)));
            asm_buffer_close(&out);

            /* Once the field is changed, it counts. */
            event->run.cost_usd = ASM_DOUBLE(7.25);
            write_event(&out, event);
            expect_equal_line(asm_buffer_text(&out),
                              ASM_STR("{\"type\":\"run_completed\",\"data\":{\"a\":1,\"num_turns\":2,"
                                      "\"cost_usd\":7.25}}"));
            expect(cases[i].is_kept == !contains(asm_buffer_text(&out), cases[i].number) || !cases[i].is_kept,
                   "%s", shown(asm_buffer_text(&out)));
            asm_buffer_close(&out);
            end_reading(&reading);
        }
    }
    end_of_cases();
}

static void test_integers_are_written_as_they_were(void **state) {
    static const char *const kept[] = {
        "-0", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", "0.5", "1E0", "12e-1", "1e400"};
    (void)state;
    for (size_t i = 0; i < COUNT(kept); i++) {
        line_reading reading;
        char line[128], extra[64];
        sprintf(line, "{\"type\":\"run_completed\",\"data\":{\"num_turns\":%s}}", kept[i]);
        sprintf(extra, "{\"num_turns\":%s}", kept[i]);
        read_line(&reading, asm_str_from(line), false);
        expect(!reading.event.run.num_turns.is_set, "%s", line);
        expect_text(reading.event.extra, asm_str_from(extra));
        expect_kept(asm_str_from(line));
        end_reading(&reading);
    }
    end_of_cases();
}

/* A time with more than microseconds in UTC tell is the same instant in `time`, and is written as it was. */
static void test_times_are_written_as_they_were(void **state) {
    static const struct {
        const char *ts;
        asm_time time;
        const char *written; /* NULL: as it was, and kept in extension */
    } cases[] = {
        {"2026-02-09T12:00:17.968111Z", 1770638417968111, "2026-02-09T12:00:17.968111Z"},
        {"2026-02-09 12:00:17z", 1770638417000000, "2026-02-09T12:00:17Z"},
        {"2026-02-09T12:00:17.5+00:00", 1770638417500000, "2026-02-09T12:00:17.5Z"},
        {"2026-02-09T12:00:17.968111000Z", 1770638417968111, "2026-02-09T12:00:17.968111Z"},
        {"2026-02-09T12:00:17.968111001Z", 1770638417968111, NULL},
        {"2026-02-09T13:00:17.968111+01:00", 1770638417968111, NULL},
        {"2026-02-09T13:00:17+01:00", 1770638417000000, NULL},
        {"2026-02-09T13:00:17.9+01:00", 1770638417900000, NULL},
        {"2026-02-09T13:00:17.90+0100", 1770638417900000, NULL},
        {"2026-02-09T12:00:60Z", 1770638460000000, NULL},
        {"2026-02-09T12:00:60.500Z", 1770638460500000, NULL},
        {"2026-02-09T12:00:60.500000Z", 1770638460500000, NULL},
    };
    static const char *const forms[] = {
        "{\"ts\":\"%s\",\"type\":\"run_cancelled\",\"data\":{},\"run_id\":"
        "\"0123456789012345678901234567890\"}",
        "{\"data\":{},\"ts\":\"%s\",\"run_id\":\"0123456789012345678901234567890\",\"type\":\"run_"
        "cancelled\"}",
        "{ \"ts\" : \"%s\" , \"type\" : \"run_cancelled\" , \"run_id\":\"0123456789012345678901234567890\"}"};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t form = 0; form < COUNT(forms); form++) {
            line_reading reading;
            asm_buffer out;
            char line[256], expected[256];
            sprintf(line, forms[form], cases[i].ts);
            read_line(&reading, asm_str_from(line), false);
            asm_event *event = &reading.event;
            expect(event->time == cases[i].time, "%s: %lld", line, (long long)event->time);
            sprintf(expected, "{\"ts\":\"%s\"}", cases[i].ts);
            if (cases[i].written == NULL)
                expect(same_json(event->extension, asm_str_from(expected)), "%s: %s", line,
                       shown(event->extension));
            else expect(event->extension.data == NULL, "%s", line);
            write_event(&out, event);
            sprintf(line, forms[0], cases[i].written != NULL ? cases[i].written : cases[i].ts);
            expect_equal_line(asm_buffer_text(&out), asm_str_from(line));
            asm_buffer_close(&out);

            event->time += 1000000; /* once the time is changed, it counts */
            event->time_precision = 0;
            write_event(&out, event);
            expect(!contains(asm_buffer_text(&out), cases[i].ts), "%s", shown(asm_buffer_text(&out)));
            expect(contains(asm_buffer_text(&out), "{\"ts\":\"2026-02-09T12:0"), "%s",
                   shown(asm_buffer_text(&out)));
            asm_buffer_close(&out);
            end_reading(&reading);
        }
    }
    end_of_cases();
}

/* What a field gives may not stand in extra or extension, but for a number or a time; the last of several counts. */
static void test_members_in_two_places(void **state) {
    static const struct {
        const char *extra, *extension;
        asm_result result;
        const char *written;
    } cases[] = {
        {"{\"stop_reason\":\"x\"}", NULL, ASM_ERR_INVALID_ARGUMENT, NULL},
        {"{\"num_turns\":2}", NULL, ASM_ERR_INVALID_ARGUMENT, NULL},
        {NULL, "{\"run_id\":\"r\"}", ASM_ERR_INVALID_ARGUMENT, NULL},
        {NULL, "{\"type\":\"run_completed\"}", ASM_ERR_INVALID_ARGUMENT, NULL},
        {NULL, "{\"data\":{}}", ASM_ERR_INVALID_ARGUMENT, NULL},
        {"{\"cost_usd\":0.5e0}", NULL, ASM_OK, "\"num_turns\":2,\"cost_usd\":0.5e0}"},
        {"{\"cost_usd\": 0.25 , \"b\":[ 1 ]}", NULL, ASM_OK, "\"num_turns\":2,\"cost_usd\":0.5,\"b\":[1]}"},
        {"{\"b\":1,\"cost_usd\":\"0.5\",\"c\":2}", NULL, ASM_OK,
         "\"num_turns\":2,\"cost_usd\":0.5,\"b\":1,\"c\":2}"},
        {"{\"cost_usd\":null}", NULL, ASM_OK, "\"num_turns\":2,\"cost_usd\":0.5}"},
        {"{\"cost_usd\":1,\"cost_usd\":5e-1}", NULL, ASM_OK,
         "\"num_turns\":2,\"cost_usd\":1,\"cost_usd\":5e-1}"},
        {"{\"cost_usd\":5e-1,\"cost_usd\":1}", NULL, ASM_OK, "\"num_turns\":2,\"cost_usd\":0.5}"},
        {"{\"cost\\u005fusd\":5e-1}", NULL, ASM_OK, "\"num_turns\":2,\"cost\\u005fusd\":5e-1}"},
        {NULL, "{\"ts\":\"2026-02-09T13:00:17+01:00\"}", ASM_OK,
         "\"run_id\":\"r\",\"ts\":\"2026-02-09T13:00:17+01:00\"}"},
        {NULL, "{\"x\":1,\"ts\":\"2026-02-09T13:00:18+01:00\"}", ASM_OK, "\"run_id\":\"r\",\"x\":1}"},
        {NULL, "{\"ts\":5}", ASM_OK, "\"run_id\":\"r\"}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_event event;
        asm_buffer out;
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_RUN_COMPLETED;
        event.time = 1770638417000000;
        event.run_id = ASM_STR("r");
        event.run.stop_reason = ASM_STR("end_turn");
        event.run.num_turns = ASM_INT64(2);
        event.run.cost_usd = ASM_DOUBLE(0.5);
        event.extra = asm_str_from(cases[i].extra);
        event.extension = asm_str_from(cases[i].extension);
        asm_buffer_init_growing(&out);
        expect(asm_event_write_json(&event, &out) == cases[i].result, "%u: %s", (unsigned)i,
               shown(asm_buffer_text(&out)));
        if (cases[i].result == ASM_OK) {
            expect(contains(asm_buffer_text(&out), cases[i].written), "%u: %s", (unsigned)i,
                   shown(asm_buffer_text(&out)));
            expect_kept(asm_buffer_text(&out));
        } else {
            expect(out.size == 0, "%u: %s", (unsigned)i, shown(asm_buffer_text(&out)));
        }
        asm_buffer_close(&out);
    }
    end_of_cases();
}

#ifndef __OPTIMIZE_SIZE__
/* A growing buffer that is used again has room for the next such event in the quick way: all of it, the tail and a long text
 * whatever must be escaped in it. One without that is written the long way each time. */
static void test_growing_buffer_settles(void **state) {
    static const size_t sizes[] = {0, 1, 40, 65, 300, 4000};
    static char text[4001];
    (void)state;
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        asm_event event;
        asm_buffer out;
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
        event.time = 1770638417000000;
        event.tool.name = ASM_STR("Bash");
        event.tool.output = asm_str_make(text, sizes[i]);
        event.session_id = event.run_id = event.provider = asm_str_make(text, 36);
        event.sequence_number = 7;
        asm_buffer_init_growing(&out);
        assert_int_equal(asm_event_write_json(&event, &out), ASM_OK);
        expect(out.capacity >= out.size + 640, "%u: %u of %u", (unsigned)i, (unsigned)out.size,
               (unsigned)out.capacity);
        if (sizes[i] > 64)
            expect(out.capacity >= 8 * sizes[i], "%u: %u", (unsigned)i, (unsigned)out.capacity);
        asm_buffer_close(&out);
    }
    end_of_cases();
}
#endif

/* ============================================================================================
 * Tests: any order, blanks, members of others
 */

typedef struct member_list {
    asm_str members[64]; /* a key, its colon and its value */
    size_t count;
} member_list;

static void split_members(member_list *list, asm_str object) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str key;
    list->count = 0;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, object, &scratch);
    asm_json_enter_object(&reader);
    const char *begin = object.data + 1;
    while (asm_json_next_member(&reader, &key)) {
        asm_str value;
        asm_json_read_raw(&reader, &value);
        const char *end = value.data + value.size;
        assert_true(list->count < COUNT(list->members));
        list->members[list->count++] = asm_str_make(begin, (size_t)(end - begin));
        begin = end + 1;
    }
    assert_int_equal(asm_json_reader_finish(&reader), ASM_OK);
    asm_buffer_close(&scratch);
}

static void add_member(member_list *list, size_t at, const char *member) {
    memmove(&list->members[at + 1], &list->members[at], (list->count - at) * sizeof list->members[0]);
    list->members[at] = asm_str_from(member);
    list->count++;
}

static void shuffle(member_list *list, uint64_t *random) {
    for (size_t i = list->count; i > 1; i--) {
        const size_t other = (size_t)(next_random(random) % i);
        const asm_str member = list->members[i - 1];
        list->members[i - 1] = list->members[other];
        list->members[other] = member;
    }
}

/* Writes a member with blanks around its colon, which is the first behind its key. */
static void append_spaced(asm_buffer *out, asm_str member, const char *before, const char *after) {
    size_t colon = 1;
    while (member.data[colon] != '"' || member.data[colon - 1] == '\\')
        colon++;
    colon++;
    asm_buffer_append(out, asm_str_make(member.data, colon));
    asm_buffer_append(out, asm_str_from(before));
    asm_buffer_append_byte(out, ':');
    asm_buffer_append(out, asm_str_from(after));
    asm_buffer_append(out, asm_str_make(member.data + colon + 1, member.size - colon - 1));
}

typedef struct spacing {
    const char *first, *comma, *before_colon, *after_colon, *last;
} spacing;

static void append_object(asm_buffer *out, const member_list *list, const spacing *blanks) {
    asm_buffer_append_byte(out, '{');
    asm_buffer_append(out, asm_str_from(blanks->first));
    for (size_t i = 0; i < list->count; i++) {
        if (i > 0) asm_buffer_append(out, asm_str_from(blanks->comma));
        append_spaced(out, list->members[i], blanks->before_colon, blanks->after_colon);
    }
    asm_buffer_append(out, asm_str_from(blanks->last));
    asm_buffer_append_byte(out, '}');
}

static const spacing spacings[] = {
    {"", ",", "", "", ""},
    {"", ", ", "", " ", ""},
    {" ", " , ", " ", " ", " "},
    {"\n\t", ",\r\n  ", "", "\t", "\n"},
};

/* Members that are no event's. */
static const char *const foreign[] = {
    "\"trace_id\":\"0123456789abcdef\"",
    "\"annotations\":[\"a\",{\"b\":null}]",
    "\"n\":-1.5e3",
    "\"sess\\u0069on\":1",
    "\"t\":true",
    "\"\xC3\xA9\":\"\xC3\xA9\"",
    "\"a_name_that_is_longer_than_any_of_an_event\":{}",
    "\"\":null",
    "\"session_idx\":\"x\"",
    "\"del\":\"x\"",
    "\"w\":[]",
};

static void test_any_order(void **state) {
    uint64_t random = 7;
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_buffer line, data, once;
        asm_event event = filled(type, (unsigned)type);
        write_event(&once, &event);
        asm_buffer_init_growing(&line);
        asm_buffer_init_growing(&data);
        for (int turn = 0; turn < 60; turn++) {
            member_list envelope, payload;
            const spacing *blanks = &spacings[turn % (int)COUNT(spacings)];
            const asm_str data_key = ASM_STR("data");
            asm_str raw;
            split_members(&envelope, asm_buffer_text(&once));
            assert_int_equal(asm_json_find(asm_buffer_text(&once), &data_key, &raw, 1, NULL), ASM_OK);
            split_members(&payload, raw);
            for (int i = 0; i < turn % 13; i++) {
                const char *other = foreign[(size_t)i % COUNT(foreign)];
                if (payload.count < 62)
                    add_member(&payload, (size_t)(next_random(&random) % (payload.count + 1)), other);
                add_member(&envelope, (size_t)(next_random(&random) % (envelope.count + 1)), other);
            }
            if (turn % 3 != 0) shuffle(&payload, &random);
            if (turn % 4 != 0) shuffle(&envelope, &random);
            asm_buffer_clear(&data);
            asm_buffer_append(&data, ASM_STR("\"data\":"));
            append_object(&data, &payload, blanks);
            for (size_t i = 0; i < envelope.count; i++)
                if (envelope.members[i].size > 7 && memcmp(envelope.members[i].data, "\"data\":", 7) == 0)
                    envelope.members[i] = asm_buffer_text(&data);
            asm_buffer_clear(&line);
            append_object(&line, &envelope, blanks);
            expect_kept(asm_buffer_text(&line));

            line_reading reading;
            read_line(&reading, asm_buffer_text(&line), turn % 2 == 1);
            for (size_t i = 0; i < COUNT(fields); i++)
                if (has_field(type, &fields[i]))
                    expect(same_field(&event, &reading.event, &fields[i]), "%s: %s", fields[i].key,
                           shown(asm_buffer_text(&line)));
            end_reading(&reading);
        }
        asm_buffer_close(&line);
        asm_buffer_close(&data);
        asm_buffer_close(&once);
    }
    end_of_cases();
}

/* In place of each blank of a line, only what is white space is read. */
static void test_what_stands_for_blanks(void **state) {
    char line[] =
        "{\"ts\": \"2026-02-09T12:00:00Z\", \"type\": \"message_streamed\", \"data\": {\"delta\": \"a\", "
        "\"role\": \"b\"}, \"session_id\": \"session one\", \"run_id\": \"run one\"}";
    (void)state;
    for (size_t at = 0; at < sizeof line - 1; at++) {
        if (line[at] != ' ' || (line[at - 1] != ',' && line[at - 1] != ':')) continue;
        for (int byte = 0; byte < 256; byte++) {
            asm_event event;
            line[at] = (char)byte;
            const asm_result result =
                asm_event_read_json(&event, asm_str_make(line, sizeof line - 1), NULL, NULL);
            expect((result == ASM_OK) == (byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t'),
                   "%d at %u", byte, (unsigned)at);
        }
        line[at] = ' ';
    }
    end_of_cases();
}

/* Data before the type, and at the line's end what may be the type: the event is the same as with the type first. */
static void test_type_at_the_end(void **state) {
    static const struct {
        const char *type, *rest;
    } cases[] = {
        {"\"message_streamed\"", NULL},
        {"\"message_streamed\"", "\"k\\\"type\":\"tool_call_started\""},
        {"\"tool_call_completed\"", "\"k\\\"type\":\"message_streamed\""},
        {"\"run_started\"", "\"k\\\"type\":\"of_another_kind\""},
        {"\"of_another_kind\"", "\"k\\\"type\":\"run_started\""},
        {"\"message_str\\u0065amed\"", NULL},
        {"\"custom\"", NULL},
        {"\"provider_metadata_that_goes_on_and_on_and_on\"", NULL},
    };
    static const char *const datas[] = {
        "\"data\":{\"delta\":\"a\\n\",\"tool_name\":\"b\\t\",\"model\":\"c\\r\",\"role\":[1],\"x\":\"y\"}",
        "\"data\":{\"tool_name\":{\"a\":\"type\"},\"delta\":1}",
        "\"data\":{\"delta\":\"a\"},\"session_id\":\"s\\u00e9\",\"data\":null",
        "\"data\":null,\"session_id\":\"s\\u00e9\",\"data\":{\"delta\":\"\\u00e9\"}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases) * COUNT(datas) * 4; i++) {
        const char *type = cases[i / 4 / COUNT(datas)].type, *rest = cases[i / 4 / COUNT(datas)].rest;
        const char *data = datas[i / 4 % COUNT(datas)], *blank = i & 1 ? " " : "";
        char first[512], last[512];
        line_reading expected, reading;
        snprintf(first, sizeof first, "{\"type\":%s,%s,\"provider\":\"claude and others\"%s%s}", type, data,
                 rest ? "," : "", rest ? rest : "");
        snprintf(last, sizeof last, "{%s,\"provider\":\"claude and others\",\"type\":%s%s%s%s}%s", data,
                 blank, type, rest ? "," : "", rest ? rest : "", i & 2 ? "\n" : "");
        read_line(&expected, asm_str_from(first), false);
        expect(expected.result == ASM_OK, "%s", first);
        for (int in_place = 0; in_place < 2; in_place++) {
            read_line(&reading, asm_str_from(last), in_place);
            expect(reading.result == ASM_OK, "%s", last);
            expect_same_event(&reading.event, &expected.event);
            end_reading(&reading);
        }
        end_reading(&expected);
    }
    end_of_cases();
}

/* A line that ends anywhere is refused, and nothing after its end is looked at. */
static void test_lines_that_are_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(spacings); i++) {
        asm_buffer line, once;
        member_list members;
        asm_event event = filled(ASM_EVENT_MESSAGE_RECEIVED, 1);
        write_event(&once, &event);
        asm_buffer_init_growing(&line);
        split_members(&members, asm_buffer_text(&once));
        append_object(&line, &members, &spacings[i]);
        for (size_t size = 0; size < line.size; size++) {
            line_reading reading;
            read_line(&reading, asm_str_make(line.data, size), size % 2 == 0);
            expect(reading.result == ASM_ERR_SYNTAX, "%u bytes: %d", (unsigned)size, reading.result);
            end_reading(&reading);
        }
        asm_buffer_close(&line);
        asm_buffer_close(&once);
    }
    end_of_cases();
}

/* What becomes of the members that have no field: together, in their order, each once. */
static void test_extra(void **state) {
    static const struct {
        const char *data, *extra;
    } cases[] = {
        {"{}", NULL},
        {"{\"x\":1}", "{\"x\":1}"},
        {"{ \"x\" : 1 , \"y\":2 }", "{ \"x\" : 1 , \"y\":2 }"}, /* nothing else: as it stands */
        {"{\"model\":5}", "{\"model\":5}"},
        {"{\"model\":5,\"model\":6}", "{\"model\":5,\"model\":6}"},
        {"{\"model\":\"m\",\"x\":1}", "{\"x\":1}"},
        {"{\"x\":1,\"model\":\"m\"}", "{\"x\":1}"},
        {"{\"x\":1,\"y\":2,\"model\":\"m\",\"z\":3}", "{\"x\":1,\"y\":2,\"z\":3}"},
        {"{\"x\":1,\"model\":\"m\",\"y\":2,\"cwd\":\"c\",\"z\":3}", "{\"x\":1,\"y\":2,\"z\":3}"},
        {"{\"x\":1,\"model\":\"m\",\"cwd\":5,\"y\":2}", "{\"x\":1,\"cwd\":5,\"y\":2}"},
        {"{\"model\":5,\"model\":\"m\"}", NULL},
        {"{\"x\":1,\"model\":5,\"model\":\"m\"}", "{\"x\":1}"},
        {"{\"model\":\"m\",\"x\":1,\"model\":5}", "{\"model\":\"m\",\"x\":1,\"model\":5}"},
        {"{\"model\":\"m\",\"cwd\":\"c\",\"x\":1,\"model\":5}", "{\"model\":\"m\",\"x\":1,\"model\":5}"},
        {"{\"cost_usd\":1e-400,\"cost_usd\":2}", NULL},
        {"{\"cost_usd\":2,\"x\":1,\"cost_usd\":1e-400}", "{\"cost_usd\":2,\"x\":1,\"cost_usd\":1e-400}"},
        {"{\"a\":1,\"model\":\"m\",\"b\":1,\"cwd\":\"c\",\"c\":1,\"title\":\"t\",\"d\":1,\"git_branch\":"
         "\"g\","
         "\"e\":1,\"agent_version\":\"v\",\"f\":1,\"tools\":1,\"g\":1,\"stop_reason\":\"s\",\"h\":1,"
         "\"num_turns\":1}",
         "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1}"}, /* as many runs as are noticed */
        {"{\"a\":1,\"model\":\"m\",\"b\":1,\"cwd\":\"c\",\"c\":1,\"title\":\"t\",\"d\":1,\"git_branch\":"
         "\"g\","
         "\"e\":1,\"agent_version\":\"v\",\"f\":1,\"tools\":1,\"g\":1,\"stop_reason\":\"s\",\"h\":1,"
         "\"num_turns\":1,\"i\":1,\"cost_usd\":1e-400,\"duration_ms\":1,\"j\":1}",
         "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"cost_usd\":1e-400,\"j\":"
         "1}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int in_place = 0; in_place < 2; in_place++) {
            for (int late = 0; late < 2; late++) {
                line_reading reading;
                char line[1024];
                sprintf(line,
                        late ? "{\"data\":%s,\"type\":\"run_started\"}"
                             : "{\"type\":\"run_started\",\"data\":%s}",
                        cases[i].data);
                read_line(&reading, asm_str_from(line), in_place != 0);
                expect(reading.result == ASM_OK, "%s: %s", line, reading.error.message);
                expect(same_view(reading.event.extra, asm_str_from(cases[i].extra)), "%s: %s", line,
                       shown(reading.event.extra));
                expect_kept(asm_str_from(line));
                end_reading(&reading);
            }
        }
    }
    end_of_cases();
}

static void test_extension(void **state) {
    static const struct {
        const char *line, *extra, *extension;
    } cases[] = {
        {"{\"x\":1,\"type\":\"run_started\",\"y\":2,\"data\":{\"z\":3,\"model\":\"m\",\"w\":4},\"v\":5}",
         "{\"z\":3,\"w\":4}", "{\"x\":1,\"y\":2,\"v\":5}"},
        {"{\"x\":1,\"data\":{\"z\":3,\"model\":\"m\",\"w\":4},\"v\":5,\"type\":\"run_started\",\"u\":6}",
         "{\"z\":3,\"w\":4}", "{\"x\":1,\"v\":5,\"u\":6}"},
        {"{\"type\":\"run_started\",\"data\":{\"q\":1,\"cwd\":\"c\"},\"x\":1,\"data\":{\"z\":3,\"model\":"
         "\"m\"}}",
         "{\"z\":3}", "{\"x\":1}"},
        {"{\"type\":\"run_started\",\"run_id\":5,\"run_id\":\"r\"}", NULL, NULL},
        {"{\"type\":\"run_started\",\"run_id\":\"r\",\"run_id\":5,\"id\":\"i\"}", NULL,
         "{\"run_id\":\"r\",\"run_id\":5}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int in_place = 0; in_place < 2; in_place++) {
            line_reading reading;
            read_line(&reading, asm_str_from(cases[i].line), in_place != 0);
            expect(reading.result == ASM_OK, "%s: %s", cases[i].line, reading.error.message);
            expect(same_view(reading.event.extra, asm_str_from(cases[i].extra)), "%s: %s", cases[i].line,
                   shown(reading.event.extra));
            expect(same_view(reading.event.extension, asm_str_from(cases[i].extension)), "%s: %s",
                   cases[i].line, shown(reading.event.extension));
            expect_kept(asm_str_from(cases[i].line));
            end_reading(&reading);
        }
    }
    end_of_cases();
}

static void test_growing_scratch_does_not_move(void **state) {
    char line[4096];
    asm_buffer scratch;
    asm_event event;
    (void)state;
    for (size_t size = 0; size < 1500; size += 7) {
        int length =
            snprintf(line, sizeof line,
                     "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"%0*d\\n\",\"content\":\"\\t%0*d\","
                     "\"role\":\"\xC3\xA9\\n\",\"other\":1},\"session_id\":\"\\t\"}",
                     (int)size + 1, 7, (int)size / 3 + 1, 8);
        asm_buffer_init_growing(&scratch);
        assert_int_equal(asm_event_read_json(&event, asm_str_make(line, (size_t)length), &scratch, NULL),
                         ASM_OK);
        expect(event.message.delta.data[size] == '7' && event.message.delta.size == size + 2, "%zu", size);
        expect(event.message.content.data[0] == '\t', "%zu", size);
        expect_text(event.message.role, asm_str_from("\xC3\xA9\n"));
        expect_text(event.extra, asm_str_from("{\"other\":1}"));
        expect_text(event.session_id, asm_str_from("\t"));
        asm_buffer_close(&scratch);
    }
    end_of_cases();
}

static void test_scratch_is_needed_for_some(void **state) {
    static const struct {
        const char *line;
        asm_result result, in_place;
    } cases[] = {
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"m\",\"tools\":[\"\\n\"]},\"run_id\":\"r\"}", ASM_OK,
         ASM_OK},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"\\n\"}}", ASM_ERR_NO_SPACE, ASM_OK},
        {"{\"type\":\"run_started\",\"run_id\":\"\\n\"}", ASM_ERR_NO_SPACE, ASM_OK},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"m\",\"x\":1}}", ASM_ERR_NO_SPACE, ASM_ERR_NO_SPACE},
        {"{\"type\":\"run_started\",\"data\":{\"x\":1}}", ASM_OK, ASM_OK}, /* all of the data is extra */
        {"{\"type\":\"unknown\",\"data\":{\"x\":1, \"y\":[\"\\n\"]}}", ASM_OK, ASM_OK},
        {"{\"type\":\"run_started\",\"x\":1}", ASM_ERR_NO_SPACE, ASM_ERR_NO_SPACE},
        {"{\"type\":\"unknown\",\"run_id\":\"r\"}", ASM_OK, ASM_OK},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_event event;
        asm_json_error error;
        asm_str line = asm_str_from(cases[i].line);
        expect(asm_event_read_json(&event, line, NULL, &error) == cases[i].result, "%s: %d", cases[i].line,
               error.result);
        if (cases[i].result != ASM_OK) expect_empty_event(&event);
        char *copy = exact_copy(line.data, line.size);
        expect(asm_event_read_json_in_place(&event, copy, line.size, NULL, &error) == cases[i].in_place,
               "%s: %d", cases[i].line, error.result);
        if (cases[i].in_place != ASM_OK) expect_empty_event(&event);
        free_block(copy, line.size);
    }
    end_of_cases();
}

/* Many events into one scratch buffer: the earlier ones stay valid as long as it has room. */
static void test_events_share_a_scratch(void **state) {
    static char memory[4096];
    static const char line[] = "{\"type\":\"run_started\",\"data\":{\"model\":\"\\t%d\",\"x\":%d},\"y\":%d}";
    asm_event events[8];
    char lines[8][128];
    asm_buffer scratch;
    (void)state;
    asm_buffer_init_fixed(&scratch, memory, sizeof memory);
    for (int i = 0; i < 8; i++) {
        sprintf(lines[i], line, i, i, i);
        assert_int_equal(asm_event_read_json(&events[i], asm_str_from(lines[i]), &scratch, NULL), ASM_OK);
    }
    for (int i = 0; i < 8; i++) {
        asm_buffer out;
        write_event(&out, &events[i]);
        expect_equal_json(asm_buffer_text(&out), asm_str_from(lines[i]));
        asm_buffer_close(&out);
    }
    end_of_cases();
}

static void test_time(void **state) {
    static const struct {
        asm_time time;
        int precision;
        const char *written; /* NULL: an error */
    } cases[] = {
        {1770638417968111, 0, "2026-02-09T12:00:17.968111Z"},
        {1770638417968000, 0, "2026-02-09T12:00:17.968Z"},
        {1770638417000000, 0, "2026-02-09T12:00:17.000Z"},
        {1770638417000000, 1, "2026-02-09T12:00:17Z"},
        {1770638417500000, 2, "2026-02-09T12:00:17.5Z"},
        {1770638417500000, 3, "2026-02-09T12:00:17.50Z"},
        {1770638417500000, 7, "2026-02-09T12:00:17.500000Z"},
        {-1, 0, "1969-12-31T23:59:59.999999Z"},
        {253402300799999999, 0, "9999-12-31T23:59:59.999999Z"},
        {253402300800000000, 0, NULL},
        {INT64_MAX, 0, NULL},
        {INT64_MIN, 0, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[128], memory[128];
        asm_event event;
        asm_buffer out;
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_RUN_CANCELLED;
        event.time = cases[i].time;
        event.time_precision = cases[i].precision;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_result result = asm_event_write_json(&event, &out);
        if (cases[i].written == NULL) {
            expect(result == ASM_ERR_RANGE && out.size == 0 && out.result == ASM_OK, "%u: %d", (unsigned)i,
                   result);
            continue;
        }
        sprintf(line, "{\"ts\":\"%s\",\"type\":\"run_cancelled\"}", cases[i].written);
        expect_equal_line(asm_buffer_text(&out), asm_str_from(line));
        expect_kept(asm_str_from(line));
    }
    for (int digits = 0; digits <= 6; digits++) {
        char line[128];
        sprintf(line, "{\"type\":\"run_cancelled\",\"ts\":\"2026-02-09T12:00:17%s%.*sZ\"}", digits ? "." : "",
                digits, "120450");
        expect_kept(asm_str_from(line));
    }
    end_of_cases();
}

/* Text of any bytes gives a valid line that shows nothing special to a terminal or a line reader. */
static void test_written_lines_are_harmless(void **state) {
    static const char bytes[] =
        "\x1B]0;x\x07\r\n\x7F\x80\xC2\x9B[2J\xE2\x80\xA8\xE2\x80\xA9\xED\xA0\x80\xF4\x90\x80\x80\xFF\0\"\\";
    static const char inside[] = "\"\x7F\xC2\x9B[2J\xE2\x80\xA8\xE2\x80\xA9\"";
    asm_str hostile = asm_str_make(bytes, sizeof bytes - 1);
    char json[256];
    (void)state;
    sprintf(json, "{ %s : [ %s ]\n}", inside, inside);
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_event event = filled(type, 2);
        asm_buffer out;
        event.type_name = hostile;
        event.extra = event.extension = asm_str_from(json);
        for (size_t i = 0; i < COUNT(fields); i++) {
            if (!has_field(type, &fields[i]) || !is_view(fields[i].kind)) continue;
            if (view_in(&event, &fields[i]).data == NULL || fields[i].kind == IS_ARRAY) continue;
            *(asm_str *)at(&event, &fields[i]) = fields[i].kind == IS_TEXT ? hostile : asm_str_from(json);
        }
        write_event(&out, &event);
        asm_str line = asm_buffer_text(&out);
        expect(asm_json_check(line, NULL) == ASM_OK, "%s", shown(line));
        for (size_t i = 0; i < line.size;) {
            uint32_t c = asm_utf8_decode(line, &i);
            expect(c >= 0x20 && !(c >= 0x7F && c <= 0x9F) && c != 0x2028 && c != 0x2029, "U+%04X at %u of %s",
                   (unsigned)c, (unsigned)i, shown(line));
        }
        asm_buffer_close(&out);
    }
    end_of_cases();
}

static void test_invalid_json_members(void **state) {
    static const struct {
        const char *json;
        asm_result result;
        bool is_value; /* wrong only where an object must stand */
    } cases[] = {
        {"", ASM_ERR_SYNTAX, false},
        {" ", ASM_ERR_SYNTAX, false},
        {"{", ASM_ERR_SYNTAX, false},
        {"{}}", ASM_ERR_SYNTAX, false},
        {"{\"a\":1,}", ASM_ERR_SYNTAX, false},
        {"{},\"x\":1", ASM_ERR_SYNTAX, false},
        {"{} {}", ASM_ERR_SYNTAX, false},
        {"nope", ASM_ERR_SYNTAX, false},
        {"{\"a\":\"\xFF\"}", ASM_ERR_UTF8, false},
        {"{\"a\":\"\n\"}", ASM_ERR_SYNTAX, false},
        {"[1]", ASM_ERR_TYPE, true},
        {"1", ASM_ERR_TYPE, true},
        {"null", ASM_ERR_TYPE, true},
        {"\"x\"", ASM_ERR_TYPE, true},
    };
    static const event_field more[] = {
        {PAYLOAD_envelope, IS_OBJECT, "extra", offsetof(asm_event, extra)},
        {PAYLOAD_envelope, IS_OBJECT, "extension", offsetof(asm_event, extension)},
    };
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (size_t f = 0; f < COUNT(fields) + COUNT(more); f++) {
            const event_field *field = f < COUNT(fields) ? &fields[f] : &more[f - COUNT(fields)];
            if (!has_field(type, field) || !is_view(field->kind) || field->kind == IS_TEXT) continue;
            for (size_t i = 0; i < COUNT(cases); i++) {
                static char memory[4096];
                asm_event event = filled(type, 2), good = filled(type, 2);
                asm_buffer out;
                if (cases[i].is_value && field->kind != IS_OBJECT) continue;
                *(asm_str *)at(&event, field) = asm_str_from(cases[i].json);
                asm_buffer_init_fixed(&out, memory, sizeof memory);
                asm_buffer_append(&out, ASM_STR("before"));
                asm_result result = asm_event_write_json(&event, &out);
                expect(result == cases[i].result, "%s of %s: %s: %d", field->key, types[type].name,
                       cases[i].json, result);
                expect(out.result == ASM_OK, "the buffer's result is %d", out.result);
                expect_text(asm_buffer_text(&out), ASM_STR("before"));
                expect(asm_event_write_json(&good, &out) == ASM_OK, "not after an error");
            }
        }
    }
    end_of_cases();
}

static void test_invalid_types(void **state) {
    static const int numbers[] = {ASM_EVENT_TYPE_COUNT, ASM_EVENT_TYPE_COUNT + 1, 100000, -1};
    char memory[256];
    asm_buffer out;
    (void)state;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        asm_event event;
        memset(&event, 0, sizeof event);
        event.type = (asm_event_type)numbers[i];
        expect(asm_event_write_json(&event, &out) == ASM_ERR_INVALID_ARGUMENT, "%d", numbers[i]);
        expect(asm_event_write_compact(&event, &out) == ASM_ERR_INVALID_ARGUMENT, "%d", numbers[i]);
        expect(out.size == 0 && out.result == ASM_OK, "%d", numbers[i]);
        expect_text(asm_event_name(&event), ASM_STR(""));
    }
    end_of_cases();
}

/* JSON members count with the depth of where they stand: what is written can be read. */
static void test_depth(void **state) {
    (void)state;
    for (size_t levels = ASM_JSON_MAX_DEPTH - 3; levels <= ASM_JSON_MAX_DEPTH; levels++) {
        char json[2 * ASM_JSON_MAX_DEPTH], memory[512];
        asm_event event;
        asm_buffer out;
        memset(json, '[', levels);
        memset(json + levels, ']', levels);
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_TOOL_CALL_STARTED;
        event.tool.input = asm_str_make(json, 2 * levels);
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_result result = asm_event_write_json(&event, &out),
                   expected = levels + 2 <= 64 ? ASM_OK : ASM_ERR_DEPTH;
        expect(result == expected, "%u levels: %d", (unsigned)levels, result);
        if (result == ASM_OK) {
            asm_json_error error;
            expect(asm_event_read_json(&event, asm_buffer_text(&out), NULL, &error) == ASM_OK,
                   "%u levels: %s", (unsigned)levels, error.message);
        }
    }
    end_of_cases();
}

/* ============================================================================================
 * Tests: buffers that are too small, memory that runs out
 */

static void test_every_size_of_buffer(void **state) {
    asm_result (*const writers[])(const asm_event *, asm_buffer *) = {asm_event_write_json,
                                                                      asm_event_write_compact};
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (size_t form = 0; form < COUNT(writers); form++) {
            asm_event event = filled(type, 0);
            asm_buffer whole;
            asm_buffer_init_growing(&whole);
            assert_int_equal(writers[form](&event, &whole), ASM_OK);
            for (size_t size = 0; size <= whole.size; size++) {
                char *memory = exact_block(size + 3);
                asm_buffer out;
                asm_buffer_init_fixed(&out, memory, size + 3);
                asm_buffer_append(&out, ASM_STR("abc"));
                asm_result result = writers[form](&event, &out);
                if (size < whole.size) {
                    expect(result == ASM_ERR_NO_SPACE, "%s in %u bytes: %d", types[type].name, (unsigned)size,
                           result);
                    expect_text(asm_buffer_text(&out), ASM_STR("abc"));
                } else {
                    expect(result == ASM_OK, "%s in %u bytes: %d", types[type].name, (unsigned)size, result);
                    expect_text(asm_str_make(out.data + 3, out.size - 3), asm_buffer_text(&whole));
                }
                free_block(memory, size + 3);
            }
            asm_buffer_close(&whole);
        }
    }
    end_of_cases();
}

static asm_result append_flushed(void *user, const char *data, size_t size) {
    return asm_buffer_append((asm_buffer *)user, asm_str_make(data, size));
}

static void test_stream_buffer(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        char memory[ASM_BUFFER_STREAM_MIN];
        asm_event event = filled(type, 2);
        asm_buffer whole, flushed, out;
        write_event(&whole, &event);
        asm_buffer_init_growing(&flushed);
        asm_buffer_init_stream(&out, memory, sizeof memory, append_flushed, &flushed);
        expect(asm_event_write_json(&event, &out) == ASM_OK, "%d", out.result);
        expect(asm_buffer_flush(&out) == ASM_OK, "%d", out.result);
        expect_text(asm_buffer_text(&flushed), asm_buffer_text(&whole));
        asm_buffer_close(&flushed);
        asm_buffer_close(&whole);
    }
    end_of_cases();
}

/* An event as most are, but for one text of it. */
static asm_event usual(asm_event_type type, int place, asm_str text) {
    asm_event event;
    asm_str *const places[] = {&event.session_id, &event.run_id, &event.provider,
                               type == ASM_EVENT_MESSAGE_STREAMED ? &event.message.delta
                                                                  : &event.tool.output};
    memset(&event, 0, sizeof event);
    event.type = type;
    event.time = INT64_C(1770638400123456);
    event.session_id = ASM_STR("0e3c5a7d-1f2b-4c6d-8e9f-a1b2c3d4e5f6");
    event.run_id = ASM_STR("run_12345678");
    event.provider = ASM_STR("claude");
    event.sequence_number = 1234567;
    if (type == ASM_EVENT_MESSAGE_STREAMED) {
        event.message.delta = ASM_STR("Hello, world");
        event.message.thinking = ASM_BOOL(true);
    } else {
        event.tool.name = ASM_STR("Bash");
        event.tool.call_id = ASM_STR("toolu_1");
        event.tool.input = ASM_STR("{\"command\":\"ls\"}");
        event.metadata = ASM_STR("{\"provider_uuid\":\"c0ffee\"}");
        event.tool.output = ASM_STR("total 0");
        event.tool.exit_code = ASM_INT64(-7);
        event.tool.duration_ms = ASM_DOUBLE(12.5);
    }
    *places[place] = text;
    return event;
}

/* Where there is much room they are written in a way of their own, and a byte of the text may end that way. */
static void expect_same_in_any_room(const asm_event *event) {
    static char much[4096];
    char little[ASM_BUFFER_STREAM_MIN];
    asm_buffer whole, expected, out;
    asm_buffer_init_fixed(&whole, much, sizeof much);
    expect(asm_event_write_json(event, &whole) == ASM_OK, "%d", whole.result);
    asm_buffer_init_growing(&expected);
    asm_buffer_init_stream(&out, little, sizeof little, append_flushed, &expected);
    expect(asm_event_write_json(event, &out) == ASM_OK, "%d", out.result);
    expect(asm_buffer_flush(&out) == ASM_OK, "%d", out.result);
    expect_text(asm_buffer_text(&whole), asm_buffer_text(&expected));
    asm_buffer_close(&expected);
}

static void test_usual_events(void **state) {
    static const char *const characters[] = {"x",    "\n",   "\"",       "\\",      "\x1B",
                                             "\x7F", "\x80", "\xC2\x85", "\xC3\xA9"};
    static const asm_event_type kinds[] = {ASM_EVENT_MESSAGE_STREAMED, ASM_EVENT_TOOL_CALL_COMPLETED};
    (void)state;
    for (size_t round = 0; round < COUNT(kinds) * COUNT(characters) * 4; round++) {
        const char *character = characters[round / COUNT(kinds) % COUNT(characters)];
        for (size_t size = 0; size <= 70; size++) {
            char *text = exact_block(size);
            memset(text, 'a', size);
            if (strlen(character) <= size)
                memcpy(text + (size - strlen(character)) / 2, character, strlen(character));
            asm_event event =
                usual(kinds[round % COUNT(kinds)], (int)(round / COUNT(kinds) / COUNT(characters)),
                      asm_str_make(text, size));
            expect_same_in_any_room(&event);
            free_block(text, size);
        }
    }
    end_of_cases();
}

/* What texts must not break out of a string, or end it too early. */
static asm_str random_text(uint64_t *random, char *block, size_t limit) {
    /* clang-format off */
    static const char *const pieces[] = {
        "\"", "\\", "\n", "\x1B[0m", "\x7F", "\x80", "\xC3", "\xC3\xA9", "\xF0\x9F\x9A\x80", "\xE2\x80\xA8",
        "\xED\xA0\x80", "\\u0022", "\"},{\"type\":\"", "a",
    };
    /* clang-format on */
    const uint64_t kind = next_random(random) % 8;
    const size_t most = kind == 0 ? limit : kind < 4 ? 72 : 20;
    const size_t size = (size_t)next_random(random) % most + (kind != 7);
    const uint64_t one_in = UINT64_C(1) << next_random(random) % 10;
    memset(block, 'x', size);
    for (size_t at = 0; at < size; at++) {
        const char *piece = pieces[next_random(random) % COUNT(pieces)];
        if (next_random(random) % one_in == 0 && strlen(piece) <= size - at)
            memcpy(block + at, piece, strlen(piece));
    }
    return asm_str_make(block, size);
}

static asm_str random_json(uint64_t *random, member_kind kind) {
    static const char *const values[][4] = {
        {"{\"a\":[1,{\"b\":\"\\n\"}]}", "1.50", "\"text\"", "[ 1 , 2 ]"},
        {"{}", "{\"a\":\"\\u00e9\"}", "{\"a\":{\"b\":null},\"c\":-0}", "{ }"},
        {"[]", "[1,[],{\"a\":true}]", "[\"\\/\"]", "[1,\n2]"},
    };
    static const char *const wrong[] = {"{\"a\":", "", "nul", "{\"a\":1}}", "[1,]", "\"\xFF\"", "5"};
    static char deep[130], large[3000];
    const size_t levels = 60 + (size_t)(next_random(random) % 5);
    const uint64_t chance = next_random(random) % 64;
    if (chance == 0) return asm_str_from(wrong[next_random(random) % COUNT(wrong)]);
    if (chance == 2 && kind != IS_OBJECT) {
        const size_t size = 4 + (size_t)(next_random(random) % (sizeof large - 3));
        memset(large, 'x', size);
        memcpy(large, "[\"", 2);
        memcpy(large + size - 2, "\"]", 2);
        return asm_str_make(large, size);
    }
    if (chance > 1 || kind == IS_OBJECT) return asm_str_from(values[kind - IS_JSON][next_random(random) % 4]);
    memset(deep, '[', levels);
    memset(deep + levels, ']', levels);
    return asm_str_make(deep, 2 * levels);
}

/* Some members of some type. Texts go to `memory`, each of at most `limit` bytes. */
static asm_event random_event(uint64_t *random, char *memory, size_t limit) {
    asm_event event;
    const int type = (int)(next_random(random) % ASM_EVENT_TYPE_COUNT);
    const uint64_t one_in = 1 + next_random(random) % 8;
    memset(&event, 0, sizeof event);
    event.type = (asm_event_type)type;
    event.time = next_random(random) % 8 ? INT64_C(1770638400123456) : 0;
    if (next_random(random) % 64 == 0) event.time = INT64_MAX;
    event.time_precision = (int)(next_random(random) % 8);
    if (next_random(random) % 16 == 0) event.extra = ASM_STR("{\"more\":[ 1 ]}");
    if (next_random(random) % 16 == 0) event.extension = ASM_STR("{\"beside\":true}");
    for (size_t i = 0; i < COUNT(fields); i++) {
        const bool is_id = i < 3;
        if (!has_field(type, &fields[i]) || next_random(random) % (is_id ? 8 : one_in) == (is_id ? 0 : 1))
            continue;
        fill(&event, &fields[i], (unsigned)next_random(random));
        if (fields[i].kind == IS_TEXT)
            *(asm_str *)at(&event, &fields[i]) = random_text(random, memory, limit);
        else if (is_view(fields[i].kind))
            *(asm_str *)at(&event, &fields[i]) = random_json(random, fields[i].kind);
        memory += limit;
    }
    return event;
}

typedef asm_result event_writer(const asm_event *event, asm_buffer *out);

/* In a buffer without a byte too much, after other text. */
static void expect_in_room(event_writer *write, const asm_event *event, asm_str expected, size_t room) {
    char *memory = exact_block(3 + room);
    asm_buffer out;
    asm_buffer_init_fixed(&out, memory, 3 + room);
    asm_buffer_append(&out, ASM_STR("abc"));
    const asm_result result = write(event, &out);
    if (room < expected.size) {
        expect(result == ASM_ERR_NO_SPACE, "%u bytes in %u: %d", (unsigned)expected.size, (unsigned)room,
               result);
        expect_text(asm_buffer_text(&out), ASM_STR("abc"));
    } else {
        expect(result == ASM_OK, "%u bytes in %u: %d", (unsigned)expected.size, (unsigned)room, result);
        expect_text(asm_str_make(out.data + 3, out.size - 3), expected);
    }
    free_block(memory, 3 + room);
}

/* Whatever an event has, it is written as where there is so little room that each byte may be the last one. */
static void test_random_events_in_any_room(void **state) {
    static event_writer *const writers[] = {asm_event_write_json, asm_event_write_data};
    static char much[1 << 18], memory[64 * 2048];
    uint64_t random = 20261127;
    (void)state;
    for (unsigned round = 0; round < 3000; round++) {
        event_writer *const write = writers[round % 2];
        const asm_event event = random_event(&random, memory, 2048);
        char little[ASM_BUFFER_STREAM_MIN];
        asm_buffer whole, expected, out;
        asm_buffer_init_growing(&expected);
        asm_buffer_init_stream(&out, little, sizeof little, append_flushed, &expected);
        const asm_result result = write(&event, &out);
        asm_buffer_flush(&out);
        asm_buffer_init_fixed(&whole, much, sizeof much);
        expect(write(&event, &whole) == result, "round %u: %d, not %d", round, whole.result, result);
        expect_text(asm_buffer_text(&whole), result == ASM_OK ? asm_buffer_text(&expected) : ASM_STR(""));
        expect(whole.result == ASM_OK, "round %u: %d", round, whole.result);
        for (unsigned i = 0; i < 4 && result == ASM_OK; i++)
            expect_in_room(write, &event, asm_buffer_text(&expected),
                           i == 0 ? expected.size : (size_t)(next_random(&random) % (expected.size + 1500)));
        asm_buffer_close(&expected);
    }
    end_of_cases();
}

/* A text without bytes is absent, whatever its size. */
static void test_absent_ids_with_a_size(void **state) {
    asm_event event = usual(ASM_EVENT_MESSAGE_STREAMED, 1, asm_str_make(NULL, 5)), without = event;
    asm_buffer out, expected;
    (void)state;
    without.run_id.size = 0;
    write_event(&out, &event);
    write_event(&expected, &without);
    expect_text(asm_buffer_text(&out), asm_buffer_text(&expected));
    asm_buffer_clear(&out);
    expect(asm_event_write_json(&event, &out) == ASM_OK, "%d", out.result); /* with more room */
    expect_text(asm_buffer_text(&out), asm_buffer_text(&expected));
    asm_buffer_close(&out);
    asm_buffer_close(&expected);
    end_of_cases();
}

/* An event that is refused leaves the buffer as it was, even where there is no memory. */
static void test_refused_without_memory(void **state) {
    asm_event event = usual(ASM_EVENT_TOOL_CALL_COMPLETED, 3, ASM_STR("x"));
    asm_buffer out;
    (void)state;
    event.tool.input = ASM_STR("{\"a\":");
    asm_buffer_init_growing(&out);
    fail_allocations_from(1);
    expect(asm_event_write_json(&event, &out) == ASM_ERR_SYNTAX, "not refused");
    fail_allocations_from(0);
    expect(out.result == ASM_OK && out.size == 0, "%d", out.result);
    asm_buffer_close(&out);
    end_of_cases();
}

/* The way for much room begins at some size of the buffer. */
static void test_usual_event_in_every_size_of_buffer(void **state) {
    asm_event event = usual(ASM_EVENT_TOOL_CALL_COMPLETED, 3, ASM_STR("one\ntwo \xC3\xA9 \x1B[0m"));
    asm_buffer whole;
    (void)state;
    write_event(&whole, &event);
    for (size_t size = whole.size; size <= whole.size + 1500; size++) {
        char *memory = exact_block(size);
        asm_buffer out;
        asm_buffer_init_fixed(&out, memory, size);
        expect(asm_event_write_json(&event, &out) == ASM_OK, "%u bytes: %d", (unsigned)size, out.result);
        expect_text(asm_buffer_text(&out), asm_buffer_text(&whole));
        free_block(memory, size);
    }
    asm_buffer_close(&whole);
    end_of_cases();
}

static void test_writing_out_of_memory(void **state) {
    asm_event event = filled(ASM_EVENT_TOOL_CALL_COMPLETED, 0);
    (void)state;
    for_each_way_to_fail for (size_t call = 1;; call++) {
        asm_buffer out;
        asm_buffer_init_growing(&out);
        asm_buffer_append(&out, ASM_STR("abc"));
        fail_allocations_from(call);
        asm_result result = asm_event_write_json(&event, &out);
        size_t calls = allocation_calls;
        fail_allocations_from(0);
        if (calls >= call) {
            expect(result == ASM_ERR_NO_MEMORY, "%d", result);
            expect_text(asm_buffer_text(&out), ASM_STR("abc"));
            asm_buffer_clear(&out);
            expect(asm_event_write_json(&event, &out) == ASM_OK, "not after an error");
        }
        asm_buffer_close(&out);
        expect(allocations_alive == 0, "memory was lost");
        if (calls < call) break;
    }
    end_of_cases();
}

static void test_reading_out_of_memory(void **state) {
    asm_buffer line;
    asm_event event = filled(ASM_EVENT_TOOL_CALL_COMPLETED, 0);
    (void)state;
    write_event(&line, &event);
    for_each_way_to_fail for (int in_place = 0; in_place < 2; in_place++) {
        for (size_t call = 1;; call++) {
            char *copy = exact_copy(line.data, line.size);
            asm_buffer scratch;
            asm_json_error error;
            asm_buffer_init_growing(&scratch);
            fail_allocations_from(call);
            asm_result result =
                in_place ? asm_event_read_json_in_place(&event, copy, line.size, &scratch, &error)
                         : asm_event_read_json(&event, asm_str_make(copy, line.size), &scratch, &error);
            size_t calls = allocation_calls;
            fail_allocations_from(0);
            if (calls >= call) {
                expect(result == ASM_ERR_NO_MEMORY && error.result == result, "%d", result);
                expect_empty_event(&event);
            }
            asm_buffer_close(&scratch);
            free_block(copy, line.size);
            expect(allocations_alive == 1, "memory was lost");
            if (calls < call) break;
        }
    }
    asm_buffer_close(&line);
    end_of_cases();
}

/* A scratch buffer of any size is enough, or is ASM_ERR_NO_SPACE. */
static void test_every_size_of_scratch(void **state) {
    asm_event event = filled(ASM_EVENT_TOOL_CALL_COMPLETED, 0), again;
    asm_buffer line, scratch;
    bool enough = false;
    (void)state;
    write_event(&line, &event);
    for (size_t size = 0; !enough; size++) {
        char *memory = exact_block(size);
        asm_buffer_init_fixed(&scratch, memory, size);
        asm_result result = asm_event_read_json(&again, asm_buffer_text(&line), &scratch, NULL);
        enough = result == ASM_OK;
        expect(enough || result == ASM_ERR_NO_SPACE, "%u bytes: %d", (unsigned)size, result);
        if (enough) expect_same_event(&event, &again);
        else expect_empty_event(&again);
        free_block(memory, size);
        assert_true(size < 4 * line.size);
    }
    asm_buffer_close(&line);
    end_of_cases();
}

/* ============================================================================================
 * Tests: copies
 */

static void test_copies(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        for (unsigned variant = 0; variant < 4; variant++) {
            asm_event event = filled(type, variant);
            asm_buffer before, after;
            line_reading reading;
            write_event(&before, &event);
            read_line(&reading, asm_buffer_text(&before), variant % 2 != 0);

            size_t size = asm_event_copy_size(&reading.event);
            char *block = exact_block(size), *small = exact_block(size - 1 < size ? size - 1 : 0);
            expect(size >= sizeof(asm_event), "%u bytes", (unsigned)size);
            expect(asm_event_copy(&reading.event, small, size - 1) == NULL, "%s", types[type].name);
            asm_event *copy = asm_event_copy(&reading.event, block, size);
            expect((char *)copy == block, "%s: the copy is not at the start", types[type].name);

            /* Nothing that the event pointed to is there any more. */
            memset(reading.line, 'X', reading.size);
            if (reading.scratch.size != 0) memset(reading.scratch.data, 'X', reading.scratch.size);
            memset(&reading.event, 'X', sizeof reading.event);
            end_reading(&reading);

            write_event(&after, copy);
            expect_text(asm_buffer_text(&after), asm_buffer_text(&before));
            expect_same_event(&event, copy);
            free_block(block, size);
            free_block(small, size - 1);
            asm_buffer_close(&before);
            asm_buffer_close(&after);
        }
    }
    end_of_cases();
}

/* Its members are compared in tests/test_events_table.c. */
static void test_equal(void **state) {
    asm_event a, b;
    (void)state;
    memset(&a, 0, sizeof a);
    a.type = ASM_EVENT_MESSAGE_STREAMED;
    b = a;
    assert_true(asm_event_equal(&a, &b));
    assert_false(asm_event_equal(&a, NULL) || asm_event_equal(NULL, &b) || asm_event_equal(NULL, NULL));
    b.message.thinking.value = true; /* but not set */
    assert_true(asm_event_equal(&a, &b));
    b.time_precision = 3;
    assert_false(asm_event_equal(&a, &b));
    b = a;
    b.type_name = ASM_STR("other");
    assert_false(asm_event_equal(&a, &b));
    b = a;
    b.type = ASM_EVENT_RUN_COMPLETED;
    assert_false(asm_event_equal(&a, &b));
    b = a;
    b.extra = ASM_STR("{}");
    assert_false(asm_event_equal(&a, &b));
    b = a;
    b.extension = ASM_STR("{}");
    assert_false(asm_event_equal(&a, &b));
    b = a;
    b.session_id = ASM_STR(""); /* is written, absent is not */
    assert_false(asm_event_equal(&a, &b));
}

static void test_copies_of_little(void **state) {
    asm_event event;
    char *block;
    (void)state;
    memset(&event, 0, sizeof event);
    event.session_id = ASM_STR("");
    size_t size = asm_event_copy_size(&event);
    block = exact_block(size);
    asm_event *copy = asm_event_copy(&event, block, size);
    assert_non_null(copy);
    assert_non_null(copy->session_id.data);
    assert_int_equal(copy->session_id.size, 0);
    assert_null(copy->run_id.data);
    assert_null(asm_event_copy(&event, block, 0));
    free_block(block, size);
}

/* ============================================================================================
 * Tests: token counts
 */

static void test_null(void **state) {
    asm_event event;
    asm_buffer out;
    asm_json_error error;
    asm_usage_payload usage;
    const asm_str line = ASM_STR("{\"type\":\"run_started\"}"), absent = {NULL, 0};
    (void)state;
    memset(&event, 0, sizeof event);
    asm_buffer_init_growing(&out);
    assert_int_equal(asm_event_write_json(NULL, &out), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_write_json(&event, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_write_data(NULL, &out), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_write_data(&event, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_write_compact(NULL, &out), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_write_compact(&event, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(out.size, 0);
    assert_int_equal(asm_event_read_json(NULL, line, &out, &error), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(error.result, ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_read_json(NULL, line, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_read_json_in_place(NULL, NULL, 0, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_read_compact(NULL, line, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_event_read_json(&event, line, NULL, NULL), ASM_OK);
    assert_int_equal(asm_event_read_json(&event, absent, NULL, NULL), ASM_ERR_SYNTAX);
    assert_int_equal(asm_event_read_json_in_place(&event, NULL, 1, NULL, NULL), ASM_ERR_SYNTAX);
    assert_int_equal(asm_event_read_compact(&event, absent, NULL, NULL), ASM_ERR_SYNTAX);
    assert_false(asm_usage_read(NULL, ASM_STR("{}")));
    assert_false(asm_usage_read(&usage, absent));
    assert_int_equal(asm_event_copy_size(NULL), 0);
    assert_null(asm_event_copy(NULL, &event, sizeof event));
    assert_null(asm_event_copy(&event, NULL, 1000));
    expect_text(asm_event_name(NULL), ASM_STR(""));
    expect_text(asm_event_text(NULL), ASM_STR(""));
    assert_int_equal(asm_event_type_from_name(absent), ASM_EVENT_CUSTOM);
    end_of_cases();
}

static void test_usage_read(void **state) {
    asm_usage_payload usage;
    (void)state;
    memset(&usage, 0x5A, sizeof usage);
    assert_true(asm_usage_read(
        &usage,
        ASM_STR(
            " {\"input_tokens\":1,\"output_tokens\":2,\"cache_read_tokens\":3,\"cache_creation_tokens\":4,"
            "\"reasoning_tokens\":5,\"cost_usd\":0.25,\"cumulative\":true,\"model\":\"\\n\",\"x\":[{}]}")));
    assert_true(usage.input_tokens.is_set && usage.input_tokens.value == 1);
    assert_true(usage.output_tokens.is_set && usage.output_tokens.value == 2);
    assert_true(usage.cache_read_tokens.is_set && usage.cache_read_tokens.value == 3);
    assert_true(usage.cache_creation_tokens.is_set && usage.cache_creation_tokens.value == 4);
    assert_true(usage.reasoning_tokens.is_set && usage.reasoning_tokens.value == 5);
    assert_true(usage.cost_usd.is_set && usage.cost_usd.value == 0.25);
    assert_true(usage.cumulative.is_set && usage.cumulative.value);
    assert_null(usage.model.data);

    memset(&usage, 0x5A, sizeof usage);
    assert_true(asm_usage_read(
        &usage, ASM_STR("{\"input_tokens\":\"many\",\"output_tokens\":1.5,\"input_tokens\":7}")));
    assert_true(usage.input_tokens.is_set && usage.input_tokens.value == 7);
    assert_false(usage.output_tokens.is_set);
    assert_false(usage.cost_usd.is_set);
    assert_true(asm_usage_read(&usage, ASM_STR("{}")));
    assert_false(usage.input_tokens.is_set);

    static const char *const invalid[] = {"",
                                          "[]",
                                          "null",
                                          "5",
                                          "{",
                                          "{\"input_tokens\":1",
                                          "{\"input_tokens\":1}}",
                                          "{\"x\":\"\xFF\"}",
                                          "{\"input_tokens\":}"};
    for (size_t i = 0; i < COUNT(invalid); i++)
        expect(!asm_usage_read(&usage, asm_str_from(invalid[i])), "%s", invalid[i]);
    expect(!asm_usage_read(&usage, asm_str_make(NULL, 0)), "absent");
    end_of_cases();
}

/* ============================================================================================
 * Tests: the compact form
 */

#define TIMES(ten) ten ten ten ten ten ten ten ten ten ten ten ten

static void test_compact(void **state) {
    static const struct {
        const char *line, *compact;
    } cases[] = {
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"claude-sonnet-4-5-20250929\"}}",
         "{\"t\":\"rs\",\"m\":\"sonnet-4-5-20250929\"}"},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"anthropic.claude-x\"}}",
         "{\"t\":\"rs\",\"m\":\"claude-x\"}"},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"gpt-5\",\"cwd\":\"/\"}}",
         "{\"t\":\"rs\",\"m\":\"gpt-5\"}"},
        {"{\"type\":\"run_started\"}", "{\"t\":\"rs\"}"},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"claude-\"}}", "{\"t\":\"rs\",\"m\":\"\"}"},
        {"{\"type\":\"run_started\",\"data\":{\"model\":\"claude\"}}", "{\"t\":\"rs\",\"m\":\"claude\"}"},
        {"{\"type\":\"message_streamed\",\"data\":{\"delta\":\"\xC3\xA9\\n\"}}", "{\"t\":\"ms\",\"l\":3}"},
        {"{\"type\":\"message_streamed\",\"data\":{\"content\":\"abcd\"}}", "{\"t\":\"ms\",\"l\":4}"},
        {"{\"type\":\"message_received\",\"data\":{\"content\":\"abcd\"}}", "{\"t\":\"mr\"}"},
        {"{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"A\\n\",\"tool_input\":{\"a\":1}}}",
         "{\"t\":\"ts\",\"n\":\"A\\n\"}"},
        {"{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"A\",\"tool_output\":\"\xC3\xA9\\n\"}}",
         "{\"t\":\"tc\",\"n\":\"A\",\"l\":3}"},
        {"{\"type\":\"tool_call_completed\"}", "{\"t\":\"tc\"}"},
        {"{\"type\":\"tool_call_failed\",\"data\":{\"tool_name\":\"A\"}}", "{\"t\":\"tool_call_failed\"}"},
        {"{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":1,\"output_tokens\":2,\"cost_usd\":0."
         "125}}",
         "{\"t\":\"tu\",\"i\":1,\"o\":2,\"$\":0.125}"},
        {"{\"type\":\"token_usage_updated\",\"data\":{\"output_tokens\":2}}", "{\"t\":\"tu\",\"o\":2}"},
        {"{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\"}}",
         "{\"t\":\"rc\",\"sr\":\"end\"}"},
        {"{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"tool_use\"}}",
         "{\"t\":\"rc\",\"sr\":\"tool\"}"},
        {"{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"MAX_TOKENS\"}}",
         "{\"t\":\"rc\",\"sr\":\"max_tokens\"}"},
        {"{\"type\":\"run_completed\"}", "{\"t\":\"rc\"}"},
        {"{\"type\":\"run_cancelled\"}", "{\"t\":\"rx\"}"},
        {"{\"type\":\"run_failed\",\"data\":{\"error_message\":\"why\"}}", "{\"t\":\"rf\",\"x\":\"why\"}"},
        {"{\"type\":\"error_occurred\",\"data\":{\"error_message\":\"" TIMES("123456789\xC3\xA9") "\"}}",
         "{\"t\":\"er\",\"x\":\"" TIMES("123456789\xC3\xA9") "\"}"},
        {"{\"type\":\"error_occurred\",\"data\":{\"error_message\":\"" TIMES("123456789\xC3\xA9") "!\"}}",
         "{\"t\":\"er\",\"x\":\"" TIMES("123456789\xC3\xA9") "...\"}"},
        {"{\"type\":\"step_started\",\"data\":{\"step_number\":1}}", "{\"t\":\"step_started\"}"},
        {"{\"type\":\"my \\\"own\\\"\",\"data\":{\"a\":1}}", "{\"t\":\"my \\\"own\\\"\"}"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[512];
        asm_buffer out;
        line_reading reading;
        read_line(&reading, asm_str_from(cases[i].line), false);
        assert_int_equal(reading.result, ASM_OK);
        reading.event.time = 1770638417968999;
        sprintf(expected, "{\"t\":1770638417968,\"e\":%s}", cases[i].compact);
        asm_buffer_init_growing(&out);
        expect(asm_event_write_compact(&reading.event, &out) == ASM_OK, "%s", cases[i].line);
        expect_equal_json(asm_buffer_text(&out), asm_str_from(expected));
        asm_buffer_close(&out);
        end_reading(&reading);
    }
    end_of_cases();
}

static void test_compact_reason_is_not_cut_within_a_character(void **state) {
    (void)state;
    for (size_t size = 1; size < 300; size++) {
        char reason[300] = "x", line[512];
        asm_event event;
        asm_buffer out;
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_RUN_COMPLETED;
        for (size_t i = size % 2; i < size; i += 2)
            memcpy(reason + i, "\xC3\xA9", 2);
        event.run.stop_reason = asm_str_make(reason, size);
        asm_buffer_init_fixed(&out, line, sizeof line - 1);
        expect(asm_event_write_compact(&event, &out) == ASM_OK, "%u bytes: %d", (unsigned)size, out.result);
        line[out.size] = 0;
        expect(strstr(line, "\xEF\xBF\xBD") == NULL, "%u bytes: %s", (unsigned)size, line);
    }
    end_of_cases();
}

/* Every type is found again from its compact form, with the time to the millisecond. */
static void test_read_compact(void **state) {
    (void)state;
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++) {
        asm_event event = filled(type, 0), again;
        asm_buffer out, scratch;
        asm_json_error error;
        asm_buffer_init_growing(&out);
        asm_buffer_init_growing(&scratch);
        assert_int_equal(asm_event_write_compact(&event, &out), ASM_OK);
        const char *code = types[type].code;
        asm_str members[2], code_text = {NULL, 0};
        const asm_str keys[2] = {ASM_STR("e"), ASM_STR("t")};
        asm_json_find(asm_buffer_text(&out), keys, members, 1, NULL);
        asm_json_find(members[0], keys, members, 2, NULL);
        expect(asm_json_to_string(members[1], &scratch, &code_text), "%s", types[type].name);
        expect_text(code_text, code != NULL ? asm_str_from(code) : asm_event_name(&event));
        char *copy = exact_copy(out.data, out.size);
        asm_result result = asm_event_read_compact(&again, asm_str_make(copy, out.size), &scratch, &error);
        expect(result == ASM_OK && error.result == ASM_OK, "%s: %s", types[type].name, error.message);
        expect((int)again.type == type, "%s: %d", types[type].name, (int)again.type);
        expect_text(asm_event_name(&again), asm_event_name(&event));
        expect(again.time == 1770638417968000, "%s: %lld", types[type].name, (long long)again.time);
        expect(again.session_id.data == NULL, "%s", shown(again.session_id));
        free_block(copy, out.size);
        asm_buffer_close(&out);
        asm_buffer_close(&scratch);
    }
    end_of_cases();
}

static void test_read_compact_members(void **state) {
    char memory[256];
    asm_buffer scratch;
    asm_event event;
    asm_json_error error;
    (void)state;
#define READ(line)                                                                                           \
    (asm_buffer_init_fixed(&scratch, memory, sizeof memory),                                                 \
     asm_event_read_compact(&event, ASM_STR(line), &scratch, &error))
    assert_int_equal(READ("{\"e\":{\"m\":\"sonnet-4\",\"t\":\"rs\"},\"t\":5}"), ASM_OK);
    assert_int_equal(event.type, ASM_EVENT_RUN_STARTED);
    assert_true(event.time == 5000);
    expect_text(event.run.model, ASM_STR("sonnet-4"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"tc\",\"n\":\"A\\n\",\"l\":12}}"), ASM_OK);
    expect_text(event.tool.name, ASM_STR("A\n"));
    expect(event.extra.data != NULL && memchr(event.extra.data, '2', event.extra.size), "%s",
           shown(event.extra));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"tu\",\"i\":1,\"o\":2,\"$\":0.25}}"), ASM_OK);
    assert_true(event.usage.input_tokens.is_set && event.usage.input_tokens.value == 1);
    assert_true(event.usage.output_tokens.is_set && event.usage.output_tokens.value == 2);
    assert_true(event.usage.cost_usd.is_set && event.usage.cost_usd.value == 0.25);
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"rc\",\"sr\":\"end\"}}"), ASM_OK);
    expect(event.run.stop_reason.size >= 3, "%s", shown(event.run.stop_reason));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"rf\",\"x\":\"why\"}}"), ASM_OK);
    expect_text(event.run.error_message, ASM_STR("why"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"er\",\"x\":\"why\"}}"), ASM_OK);
    expect_text(event.error.message, ASM_STR("why"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"something\"}}"), ASM_OK);
    assert_int_equal(event.type, ASM_EVENT_CUSTOM);
    expect_text(event.type_name, ASM_STR("something"));
    assert_true(event.extra.data == NULL && event.extension.data == NULL);
    /* What has no place is kept. */
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"tu\",\"i\":\"1\",\"o\":2}}"), ASM_OK);
    assert_true(!event.usage.input_tokens.is_set && event.usage.output_tokens.value == 2);
    expect_text(event.extra, ASM_STR("{\"t\":\"tu\",\"i\":\"1\",\"o\":2}"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"rs\",\"m\":{}}}"), ASM_OK);
    expect_text(event.extra, ASM_STR("{\"t\":\"rs\",\"m\":{}}"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"rs\",\"x\":1}}"), ASM_OK);
    expect_text(event.extra, ASM_STR("{\"t\":\"rs\",\"x\":1}"));
    assert_int_equal(READ("{\"t\":1,\"e\":{\"t\":\"rs\"},\"s\":\"ses\"}"), ASM_OK);
    expect_text(event.extension, ASM_STR("{\"t\":1,\"e\":{\"t\":\"rs\"},\"s\":\"ses\"}"));
    assert_int_equal(READ("{\"t\":1.5,\"e\":{\"t\":\"rs\"}}"), ASM_OK);
    assert_true(event.time == 0);
    expect_text(event.extension, ASM_STR("{\"t\":1.5,\"e\":{\"t\":\"rs\"}}"));
    static const char *const refused[] = {
        "", "[]", "{}", "{\"t\":1}", "{\"t\":1,\"e\":5}", "{\"t\":1,\"e\":{}}", "{\"t\":1,\"e\":{\"t\":5}}",
        "{\"t\":1,\"e\":{\"t\":\"rs\"}", "{\"t\":1,\"e\":{\"t\":\"rs\"}}}",
        "{\"t\":1,\"e\":{\"t\":\"\xFF\"}}", "{\"t\":\"1\",\"e\":{\"t\":\"rs\"}}",
        "{\"type\":\"run_started\"}", "{\"t\":1,\"e\":{\"t\":\"rs\"},\"type\":\"run_started\"}",
        /* Of both forms: an event that could not be written. */
        "{\"t\":1,\"e\":{\"t\":\"rs\"},\"type\":5}", "{\"t\":1,\"e\":{\"t\":\"rs\"},\"ts\":\"x\"}",
        "{\"t\":1,\"e\":{\"t\":\"ms\",\"l\":4},\"data\":{}}",
        "{\"t\":1,\"e\":{\"t\":\"rs\",\"m\":\"x\",\"model\":\"y\"}}",
        "{\"t\":1,\"e\":{\"t\":\"tu\",\"$\":1,\"cost_usd\":2}}"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        asm_buffer_init_fixed(&scratch, memory, sizeof memory);
        memset(&event, 0x5A, sizeof event);
        asm_result result = asm_event_read_compact(&event, asm_str_from(refused[i]), &scratch, &error);
        expect(result != ASM_OK && result == error.result, "%s: %d", refused[i], result);
        expect_empty_event(&event);
    }
    assert_int_equal(READ("{\"e\":{\"t\":\"rs\"}}"), ASM_OK); /* as an event without a time is written */
    /* Times that the full form has no text for: one of them would be the end of a log. */
    assert_int_equal(READ("{\"t\":253402300799999,\"e\":{\"t\":\"rs\"}}"), ASM_OK);
    assert_true(event.time == INT64_C(253402300799999000));
    assert_int_equal(READ("{\"t\":253402300800000,\"e\":{\"t\":\"rs\"}}"), ASM_OK);
    assert_true(event.time == 0);
    assert_int_equal(READ("{\"t\":-62167219200001,\"e\":{\"t\":\"rs\"}}"), ASM_OK);
    assert_true(event.time == 0);
    assert_int_equal(READ("{\"t\":99999999999999999,\"e\":{\"t\":\"rs\"}}"), ASM_OK);
    assert_true(event.time == 0);
#undef READ
    end_of_cases();
}

/* ============================================================================================
 * Tests: golden files
 */

static char *read_file(const char *name, const char *ending, size_t *size) {
    char path[128];
    sprintf(path, "tests/golden/%s.%s", name, ending);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = exact_block(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

/* Takes the next line, without its LF, from the front of `rest`. */
static bool next_line(asm_str *rest, asm_str *line) {
    if (rest->size == 0) return false;
    const char *end = (const char *)memchr(rest->data, '\n', rest->size);
    line->data = rest->data;
    line->size = end != NULL ? (size_t)(end - rest->data) : rest->size;
    size_t taken = line->size + (end != NULL);
    rest->data += taken;
    rest->size -= taken;
    return true;
}

static const char *const golden[] = {"s11", "s12", "s13", "s14", "s15", "s16", "s17",
                                     "s18", "m21", "m22", "b31", "b32", "b33"};

static void test_golden_events_are_kept(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        size_t size = 0, lines = 0;
        char *bytes = read_file(golden[i], "events.jsonl", &size);
        expect(bytes != NULL, "tests/golden/%s.events.jsonl is missing", golden[i]);
        if (bytes == NULL) continue;
        asm_str rest = asm_str_make(bytes, size), line;
        for (; next_line(&rest, &line); lines++)
            expect_kept(line);
        expect(lines > 5, "%s: %u lines", golden[i], (unsigned)lines);
        free_block(bytes, size);
    }
    end_of_cases();
}

static void test_golden_compact(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(golden); i++) {
        size_t size = 0, compact_size = 0;
        if (golden[i][0] != 's') continue;
        char *bytes = read_file(golden[i], "events.jsonl", &size);
        char *compact_bytes = read_file(golden[i], "compact.jsonl", &compact_size);
        expect(bytes != NULL && compact_bytes != NULL, "tests/golden/%s.compact.jsonl is missing", golden[i]);
        if (bytes == NULL || compact_bytes == NULL) continue;
        asm_str rest = asm_str_make(bytes, size), expected_rest = asm_str_make(compact_bytes, compact_size),
                line, expected;
        while (next_line(&rest, &line)) {
            line_reading reading;
            asm_buffer out;
            assert_true(next_line(&expected_rest, &expected));
            read_line(&reading, line, false);
            asm_buffer_init_growing(&out);
            expect(asm_event_write_compact(&reading.event, &out) == ASM_OK, "%s", shown(line));
            expect_equal_json(asm_buffer_text(&out), expected);
            asm_buffer_close(&out);
            end_reading(&reading);
        }
        assert_false(next_line(&expected_rest, &expected));
        free_block(bytes, size);
        free_block(compact_bytes, compact_size);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_names),
        cmocka_unit_test(test_event_text),
        cmocka_unit_test(test_every_type_there_and_back),
        cmocka_unit_test(test_every_member_alone),
        cmocka_unit_test(test_structured_output_is_used_without_text),
        cmocka_unit_test(test_every_member_with_every_type),
        cmocka_unit_test(test_lines_that_are_kept),
        cmocka_unit_test(test_keys_that_nearly_match),
        cmocka_unit_test(test_last_of_duplicates_wins),
        cmocka_unit_test(test_members_are_in_their_places),
        cmocka_unit_test(test_lines_that_are_refused),
        cmocka_unit_test(test_damaged_lines),
        cmocka_unit_test(test_usual_lines),
#ifndef __OPTIMIZE_SIZE__
        cmocka_unit_test(test_growing_buffer_settles),
#endif
        cmocka_unit_test(test_numbers_are_written_as_they_were),
        cmocka_unit_test(test_integers_are_written_as_they_were),
        cmocka_unit_test(test_times_are_written_as_they_were),
        cmocka_unit_test(test_members_in_two_places),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_what_stands_for_blanks),
        cmocka_unit_test(test_type_at_the_end),
        cmocka_unit_test(test_lines_that_are_cut),
        cmocka_unit_test(test_extra),
        cmocka_unit_test(test_extension),
        cmocka_unit_test(test_growing_scratch_does_not_move),
        cmocka_unit_test(test_scratch_is_needed_for_some),
        cmocka_unit_test(test_events_share_a_scratch),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_written_lines_are_harmless),
        cmocka_unit_test(test_invalid_json_members),
        cmocka_unit_test(test_invalid_types),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_every_size_of_buffer),
        cmocka_unit_test(test_stream_buffer),
        cmocka_unit_test(test_usual_events),
        cmocka_unit_test(test_random_events_in_any_room),
        cmocka_unit_test(test_absent_ids_with_a_size),
        cmocka_unit_test(test_refused_without_memory),
        cmocka_unit_test(test_usual_event_in_every_size_of_buffer),
        cmocka_unit_test(test_writing_out_of_memory),
        cmocka_unit_test(test_reading_out_of_memory),
        cmocka_unit_test(test_every_size_of_scratch),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_copies_of_little),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_usage_read),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_compact_reason_is_not_cut_within_a_character),
        cmocka_unit_test(test_read_compact),
        cmocka_unit_test(test_read_compact_members),
        cmocka_unit_test(test_golden_events_are_kept),
        cmocka_unit_test(test_golden_compact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
