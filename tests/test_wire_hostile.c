/* Tests of asm_wire.h: whatever text stands in whatever member of an event, a frame stays one frame and a text stays in its
 * string. The members are those of the table in asm_events.h, so that one that is added is tested by that alone. */
#define ASM_EVENTS_IMPLEMENTATION
#include "support.h"

#include "wire_streams.h"

/* Neither bytes nor what a reader would take for more of the stream. `"forged":1` is never there unless a text has left
 * its string: within one there are backslashes before its quotes. */
#define FORGED "\"forged\":1"

#define HOSTILE(literal)                                                                                     \
    { literal, sizeof(literal) - 1, 0 }

static const struct asm_str_view {
    const char *data;
    size_t size;
    size_t repeated_to; /* 0: as it is */
} texts[] = {
    HOSTILE("\r\n\r\ndata: {" FORGED "}\n\nevent: x\nid: 9.9\nretry: 1\n: x\r" FORGED
            ",\"a\":\"\\\"},{" FORGED "}\n]\n[DONE]\n"
            "\x1B]0;x\x07\x1B[2J \xE2\x80\xA8\xE2\x80\xA9\xEF\xBB\xBF \xC2\x9B\x31m \x9B\x84\x00 "
            "\xC3\x28\xED\xA0\x80\xF5 \\"),
    HOSTILE("\",\"a\":1," FORGED ",\"b\":\""),
    HOSTILE("\"}}}]}\ndata: {" FORGED "}\n\n"),
    HOSTILE("\r"),
    HOSTILE("\n"),
    HOSTILE("\0" FORGED),
    HOSTILE("\\"),
    HOSTILE("\xE2\x80\xA8" FORGED),
    HOSTILE("\xC3"),
    HOSTILE("\x9B\x80\xFF\xC0\x80"),
    HOSTILE("[DONE]"),
    HOSTILE(""),
    {"\x80", 1, 2000}, /* no character begins anywhere */
    {"na\xC3\xAFve\n\x1B[" FORGED, 9 + sizeof(FORGED) - 1, 2000},
};

static asm_str text_at(size_t number, asm_buffer *memory) {
    asm_buffer_clear(memory);
    do
        asm_buffer_append(memory, asm_str_make(texts[number].data, texts[number].size));
    while (memory->size < texts[number].repeated_to);
    asm_buffer_append_byte(memory, '\0');
    return asm_str_make(memory->data, memory->size - 1);
}

/* Members that encoders look for in JSON. */
static const char *const keys[] = {"id",      "old_string", "new_string", "ag_ui", "label", "path",
                                   "command", "title",      "kind",       "name",  "todos", "role",
                                   "content", "status",     "file_path",  "text"};

static void put_string(asm_buffer *out, asm_str text) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_write_string(&writer, text);
}

/* An object whose members are all `text`, the names of some, too, with white space that ends lines. */
static void put_object(asm_buffer *out, asm_str text, size_t left_out) {
    asm_buffer_append(out, ASM_STR("{\r\n "));
    put_string(out, text);
    asm_buffer_append(out, ASM_STR(":\n{\"input_tokens\":\r9223372036854775807,\"output_tokens\":9}"));
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (i == left_out) continue;
        asm_buffer_append(out, ASM_STR("\n,\r"));
        put_string(out, asm_str_from(keys[i]));
        asm_buffer_append(out, ASM_STR("\n:\n"));
        put_string(out, text);
    }
    asm_buffer_append(out, ASM_STR("\n}"));
}

/* The text as JSON of the field's kind; as it is, which no JSON is, if `is_broken`. */
static asm_str json_of(const asm__field *field, asm_str text, size_t variant, asm_buffer *out) {
    asm_buffer_clear(out);
    if (variant == 0) return text;
    if (field->kind == ASM__JSON_OBJECT || (field->kind != ASM__JSON_ARRAY && variant == 1)) {
        put_object(out, text, COUNT(keys));
        return asm_buffer_text(out);
    }
    asm_buffer_append(out, ASM_STR("[\n"));
    for (size_t i = 0; i <= COUNT(keys); i += 16) { /* one without an id */
        put_object(out, text, i);
        asm_buffer_append(out, ASM_STR("\n,\r\n"));
    }
    put_string(out, text);
    asm_buffer_append(out, ASM_STR(",[],null\n]"));
    return asm_buffer_text(out);
}

typedef struct hostile {
    asm_str text;
    size_t variant;   /* of JSON: 0 what is none, 1 an object, 2 an array */
    asm_buffer jsons; /* room for the value of one member */
    asm_buffer memory;
} hostile;

static void set_member(asm_event *event, size_t base, const asm__field *field, hostile *with) {
    char *at = (char *)event + base + field->offset;
    switch (field->kind) {
    case ASM__TEXT:
    case ASM__TEXT_OR_JSON:
    case ASM__TYPE:
        memcpy(at, &with->text, sizeof with->text);
        break;
    case ASM__JSON:
    case ASM__JSON_OBJECT:
    case ASM__JSON_ARRAY:
    case ASM__DATA: {
        const asm_str json = json_of(field, with->text, with->variant, &with->jsons);
        memcpy(at, &json, sizeof json);
        break;
    }
    case ASM__INT64: {
        const asm_optional_int64 number = {with->variant ? INT64_MAX : INT64_MIN, true};
        memcpy(at, &number, sizeof number);
        break;
    }
    case ASM__DOUBLE: {
        const asm_optional_double number = {with->variant ? 1e308 : -1e-308, true};
        memcpy(at, &number, sizeof number);
        break;
    }
    case ASM__BOOL:
    case ASM__TRUE: {
        const asm_optional_bool truth = ASM_BOOL(with->variant == 0);
        memcpy(at, &truth, sizeof truth);
        break;
    }
    case ASM__TIME: {
        const asm_time time = with->variant ? INT64_MAX : INT64_MIN;
        memcpy(at, &time, sizeof time);
        break;
    }
    default: /* numbers of events are no texts */
        break;
    }
}

static asm_wire_options options_at(int number, asm_str text) {
    static const struct {
        asm_wire_format format;
        asm_wire_framing framing;
    } forms[] = {
        {ASM_WIRE_AG_UI, ASM_WIRE_FRAMING_SSE},         {ASM_WIRE_AG_UI, ASM_WIRE_FRAMING_LINES},
        {ASM_WIRE_AI_SDK, ASM_WIRE_FRAMING_SSE},        {ASM_WIRE_AI_SDK, ASM_WIRE_FRAMING_LINES},
        {ASM_WIRE_ACP, ASM_WIRE_FRAMING_LINES},         {ASM_WIRE_ACP, ASM_WIRE_FRAMING_SSE},
        {ASM_WIRE_OTLP, ASM_WIRE_FRAMING_LINES},        {ASM_WIRE_OTLP, ASM_WIRE_FRAMING_SSE},
        {ASM_WIRE_CLOUDEVENTS, ASM_WIRE_FRAMING_LINES}, {ASM_WIRE_CLOUDEVENTS, ASM_WIRE_FRAMING_SSE},
        {ASM_WIRE_TRACE, ASM_WIRE_FRAMING_ARRAY},       {ASM_WIRE_TRACE, ASM_WIRE_FRAMING_SSE},
    };
    asm_wire_options options;
    memset(&options, 0, sizeof options);
    if ((size_t)number >= COUNT(forms)) return options;
    options.format = forms[number].format;
    options.framing = forms[number].framing;
    options.with_content = options.acp_requests = options.only_ai_sdk_7 =
        options.framing == ASM_WIRE_FRAMING_SSE;
    options.epoch = number % 4 == 0;
    options.history = 100000000;
    options.max_text = 1024;
    options.service_name = options.service_instance = options.traceparent = options.session_id = text;
    return options;
}

enum { FORMS = 12 };

static asm_event tool_event(asm_event_type type) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    event.tool.call_id = event.tool.name = ASM_STR("c");
    return event;
}

/* A stream with `event` before a run, in it, twice, beside a call, and after the run; and what who joins then gets. */
static void write_around(const asm_event *event, asm_wire_options *options, asm_buffer *out,
                         asm_buffer *joined) {
    const asm_event begin = tool_event(ASM_EVENT_TOOL_CALL_STARTED),
                    end = tool_event(ASM_EVENT_TOOL_CALL_COMPLETED);
    const asm_output late = {.write = append_to, .user = joined};
    asm_event run;
    asm_wire wire;
    memset(&run, 0, sizeof run);
    run.type = ASM_EVENT_RUN_STARTED;
    run.time = INT64_C(1769940000000000);
    asm_buffer_clear(out);
    asm_buffer_clear(joined);
    options->output.write = append_to;
    options->output.user = out;
    assert_int_equal(asm_wire_init(&wire, options), ASM_OK);
    asm_wire_event(&wire, event);
    asm_wire_event(&wire, &run);
    asm_wire_event(&wire, event);
    asm_wire_event(&wire, &begin);
    asm_wire_event(&wire, event);
    asm_wire_event(&wire, event);
    if (options->format != ASM_WIRE_OTLP) expect(asm_wire_catch_up(&wire, &late) == ASM_OK, "who joins late");
    asm_wire_event(&wire, &end);
    expect(asm_wire_close(&wire) == ASM_OK, "close");
}

static void check_stream(const asm_wire_options *options, const asm_buffer *out, bool is_whole, size_t limit,
                         const char *what) {
    const asm_str text = asm_buffer_text(out);
    const size_t longest = check_frames(options->framing, text, is_whole, what);
    expect(longest <= limit, "%s: a frame of %zu bytes", what, longest);
    expect(count_of(text, FORGED) == 0, "%s: a text has left its string", what);
    expect(asm_utf8_check(text) == text.size, "%s: no UTF-8", what);
}

static void check_event(const asm_event *event, const hostile *with, int form, size_t longest,
                        const char *what) {
    asm_buffer out, joined;
    char where[200];
    asm_wire_options options = options_at(form, longest == SIZE_MAX ? with->text : ASM_STR("s"));
    asm_buffer_init_growing(&out);
    asm_buffer_init_growing(&joined);
    snprintf(where, sizeof where, "%s, %s, framing %d, variant %zu", what,
             asm_wire_format_name(options.format).data, (int)options.framing, with->variant);
    write_around(event, &options, &out, &joined);
    check_stream(&options, &out, true, longest, where);
    check_stream(&options, &joined, false, longest, where);
    asm_buffer_close(&out);
    asm_buffer_close(&joined);
}

static asm_event event_of(int type) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = (asm_event_type)type;
    event.time = INT64_C(1769940000000000);
    return event;
}

static void each_form(const asm_event *event, const hostile *with, const char *what) {
    for (int form = 0; form < FORMS; form++)
        check_event(event, with, form, SIZE_MAX, what);
}

/* Each member for itself, beside none. */
static void each_member(int type, size_t base, const asm__fields *fields, hostile *with) {
    for (size_t i = 0; i < fields->count; i++) {
        asm_event event = event_of(type);
        char what[100];
        if (fields->list[i].kind <= ASM__TEXT_OR_JSON && with->variant != 1) continue; /* the same for all */
        snprintf(what, sizeof what, "%s %s", asm_event_type_name(event.type).data, fields->list[i].key);
        set_member(&event, base, &fields->list[i], with);
        each_form(&event, with, what);
    }
}

/* All of them; `is_known`: but ids, which are those of the call that is there. */
static asm_event whole_event(int type, bool is_known, hostile *with, asm_buffer *jsons) {
    const asm__fields *payload = asm__types[type].fields;
    asm_event event = event_of(type);
    for (size_t i = 0; i < payload->count; i++) {
        set_member(&event, ASM__PAYLOAD_OFFSET, &payload->list[i], with);
        if (is_known && strstr(payload->list[i].key, "_id\"")) {
            const asm_str id = ASM_STR("c");
            memcpy((char *)&event + ASM__PAYLOAD_OFFSET + payload->list[i].offset, &id, sizeof id);
        }
        if (ASM__IS_RAW(payload->list[i].kind)) { /* each has memory of its own */
            jsons[i] = with->jsons;
            asm_buffer_init_growing(&with->jsons);
        }
    }
    event.provider = with->text;
    if (!is_known) event.agent_id = event.id = event.run_id = event.correlation_id = with->text;
    if (type == ASM_EVENT_CUSTOM) event.type_name = with->text;
    return event;
}

static void open_hostile(hostile *with) {
    memset(with, 0, sizeof *with);
    asm_buffer_init_growing(&with->jsons);
    asm_buffer_init_growing(&with->memory);
}

static void close_hostile(hostile *with) {
    asm_buffer_close(&with->jsons);
    asm_buffer_close(&with->memory);
}

static void test_each_member(void **state) {
    hostile with;
    (void)state;
    open_hostile(&with);
    with.text = text_at(0, &with.memory);
    for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++)
        for (with.variant = 0; with.variant < 3; with.variant++)
            each_member(type, ASM__PAYLOAD_OFFSET, asm__types[type].fields, &with);
    for (with.variant = 0; with.variant < 3; with.variant++)
        each_member(ASM_EVENT_CUSTOM, 0, &asm__envelope_rows, &with);
    close_hostile(&with);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static void check_whole(int type, bool is_known, hostile *with, size_t longest) {
    asm_buffer jsons[32];
    asm_event event;
    for (size_t i = 0; i < COUNT(jsons); i++)
        asm_buffer_init_growing(&jsons[i]);
    event = whole_event(type, is_known, with, jsons);
    for (int form = 0; form < FORMS; form++)
        if (longest == SIZE_MAX || (form / 2 != ASM_WIRE_CLOUDEVENTS && form % 2 == 0))
            check_event(&event, with, form, longest, asm_event_type_name(event.type).data);
    for (size_t i = 0; i < COUNT(jsons); i++)
        asm_buffer_close(&jsons[i]);
}

static void test_whole_events(void **state) {
    hostile with;
    (void)state;
    open_hostile(&with);
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (texts[i].repeated_to) continue;
        with.text = text_at(i, &with.memory);
        for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++)
            for (with.variant = i == 0 ? 0 : 1; with.variant < (i == 0 ? 3 : 2); with.variant++) {
                check_whole(type, i % 2 == 0, &with, SIZE_MAX);
                if (i == 0) check_whole(type, false, &with, SIZE_MAX);
            }
    }
    close_hostile(&with);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* Texts that are longer than a frame may be, in all members but those that are ids, which are never cut. */
static void test_long_texts(void **state) {
    hostile with;
    (void)state;
    open_hostile(&with);
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (!texts[i].repeated_to) continue;
        with.text = text_at(i, &with.memory);
        for (with.variant = 1; with.variant < 3; with.variant++) /* data that is valid is written */
            for (int type = 0; type < ASM_EVENT_TYPE_COUNT; type++)
                if (with.variant == 1 || asm__types[type].fields->raw)
                    check_whole(type, true, &with, 100 << 10);
    }
    close_hostile(&with);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_member),
        cmocka_unit_test(test_whole_events),
        cmocka_unit_test(test_long_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
