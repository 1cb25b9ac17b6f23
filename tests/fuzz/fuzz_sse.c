/* Server-sent events: what was written is what a parser of another kind reads, be it sent at once or resumed from the
 * history. An input: for each event a line with its id, one with its name, and data up to the next NUL. */
#include "fuzz.h"

#include "asm_pubsub.h"

enum { MAX_EVENTS = 64, EPOCH = 7 };

/* ---- A naive parser, as the HTML standard describes one ---- */

typedef struct sse_event {
    asm_buffer id, name, data;
} sse_event;

typedef struct sse_parser {
    sse_event events[MAX_EVENTS];
    size_t count;
    asm_buffer id, name, data; /* of the event so far; the id stays */
} sse_parser;

static void sse_field(sse_parser *parser, asm_str name, asm_str value) {
    if (asm_str_equal(name, ASM_STR("data"))) {
        asm_buffer_append(&parser->data, value);
        asm_buffer_append_byte(&parser->data, '\n');
    } else if (asm_str_equal(name, ASM_STR("event"))) {
        asm_buffer_clear(&parser->name);
        asm_buffer_append(&parser->name, value);
    } else if (asm_str_equal(name, ASM_STR("id"))) {
        expect(value.size == 0 || memchr(value.data, 0, value.size) == NULL, "%s", shown(value));
        asm_buffer_clear(&parser->id);
        asm_buffer_append(&parser->id, value);
    } else {
        expect(false, "a field %s", shown(name));
    }
}

static void sse_dispatch(sse_parser *parser) {
    if (parser->data.size != 0) {
        expect(parser->count < MAX_EVENTS, "more events than were sent");
        if (parser->count == MAX_EVENTS) return;
        sse_event *event = &parser->events[parser->count++];
        asm_buffer_init_growing(&event->id);
        asm_buffer_init_growing(&event->name);
        asm_buffer_init_growing(&event->data);
        asm_buffer_append(&event->id, asm_buffer_text(&parser->id));
        asm_buffer_append(&event->name, asm_buffer_text(&parser->name));
        asm_buffer_append(&event->data, asm_str_make(parser->data.data, parser->data.size - 1));
    }
    asm_buffer_clear(&parser->name);
    asm_buffer_clear(&parser->data);
}

static void sse_line(sse_parser *parser, asm_str line) {
    if (line.size == 0) {
        sse_dispatch(parser);
        return;
    }
    const char *colon = (const char *)memchr(line.data, ':', line.size);
    asm_str value = asm_str_make("", 0);
    if (colon == line.data) return; /* a comment */
    if (colon != NULL) {
        value = asm_str_make(colon + 1, (size_t)(line.data + line.size - colon - 1));
        if (value.size != 0 && value.data[0] == ' ') value = asm_str_make(value.data + 1, value.size - 1);
        line.size = (size_t)(colon - line.data);
    }
    sse_field(parser, line, value);
}

static void sse_parse(sse_parser *parser, asm_str stream) {
    parser->count = 0;
    asm_buffer_init_growing(&parser->id);
    asm_buffer_init_growing(&parser->name);
    asm_buffer_init_growing(&parser->data);
    expect(asm_utf8_check(stream) == stream.size, "%s", shown(stream));
    for (size_t at = 0, begin = 0; at < stream.size; at++) {
        const char c = stream.data[at];
        if (c != '\n' && c != '\r') continue;
        sse_line(parser, asm_str_make(stream.data + begin, at - begin));
        if (c == '\r' && at + 1 < stream.size && stream.data[at + 1] == '\n') at++;
        begin = at + 1;
    }
    expect(stream.size == 0 || stream.data[stream.size - 1] == '\n', "%s", shown(stream));
}

static void sse_close(sse_parser *parser) {
    for (size_t i = 0; i < parser->count; i++) {
        asm_buffer_close(&parser->events[i].id);
        asm_buffer_close(&parser->events[i].name);
        asm_buffer_close(&parser->events[i].data);
    }
    asm_buffer_close(&parser->id);
    asm_buffer_close(&parser->name);
    asm_buffer_close(&parser->data);
}

/* ---- What was sent ---- */

/* Valid UTF-8 with LF for every end of a line, as the reader must see it. */
static void append_seen(asm_buffer *out, asm_str text) {
    for (size_t at = 0; at < text.size;) {
        uint32_t c;
        bool valid;
        char bytes[4];
        at += reference_decode(text.data + at, text.size - at, &c, &valid);
        if (c == '\r') {
            if (at < text.size && text.data[at] == '\n') at++;
            c = '\n';
        }
        asm_buffer_append(out, asm_str_make(bytes, reference_encode(c, bytes)));
    }
}

static bool may_be_field(asm_str text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] == '\n' || text.data[i] == '\r' || text.data[i] == 0) return false;
    return true;
}

static void expect_seen(const asm_buffer *actual, asm_str sent) {
    asm_buffer seen;
    asm_buffer_init_growing(&seen);
    append_seen(&seen, sent);
    expect_text(asm_buffer_text(actual), asm_buffer_text(&seen));
    asm_buffer_close(&seen);
}

static void check_writing(fuzz_input input) {
    static sse_parser parser;
    asm_str ids[MAX_EVENTS], names[MAX_EVENTS], texts[MAX_EVENTS], last_id = {NULL, 0};
    size_t count = 0;
    asm_buffer stream;
    asm_buffer_init_growing(&stream);
    while (input.left != 0 && count < MAX_EVENTS) {
        const asm_str id = fuzz_text(&input, '\n'), name = fuzz_text(&input, '\n'),
                      data = fuzz_text(&input, 0);
        const size_t before = stream.size;
        const bool is_good = may_be_field(id) && may_be_field(name);
        /* an empty id or name counts as none for every other event: both must come to the same */
        const asm_result result = asm_sse_write(&stream, count % 2 && !id.size ? asm_str_make(NULL, 0) : id,
                                                count % 2 && !name.size ? asm_str_make(NULL, 0) : name, data);
        expect(result == (is_good ? ASM_OK : ASM_ERR_INVALID_ARGUMENT), "%s", shown(id));
        if (!is_good) {
            expect(stream.size == before, "%s", shown(id));
            continue;
        }
        if (id.size != 0 || count % 2 == 0) last_id = id;
        ids[count] = last_id;
        names[count] = name;
        texts[count++] = data;
    }
    sse_parse(&parser, asm_buffer_text(&stream));
    expect(parser.count == count, "%u of %u", (unsigned)parser.count, (unsigned)count);
    for (size_t i = 0; i < count && i < parser.count; i++) {
        expect_seen(&parser.events[i].id, ids[i]);
        expect_seen(&parser.events[i].name, names[i]);
        expect_seen(&parser.events[i].data, texts[i]);
    }
    sse_close(&parser);
    asm_buffer_close(&stream);
}

/* ---- History ---- */

static asm_result append_to(void *user, const char *data, size_t size) {
    return asm_buffer_append((asm_buffer *)user, asm_str_make(data, size));
}

/* A client that had the event `had` last gets all that follow and are still there. */
static void check_resumed(asm_sse *sse, uint64_t had, const asm_str *envelopes) {
    static sse_parser parser;
    asm_buffer stream;
    bool complete = false;
    char id[64];
    const int id_size = snprintf(id, sizeof id, "%d.%llu", EPOCH, (unsigned long long)had);
    asm_buffer_init_growing(&stream);
    asm_sse_resume(sse, asm_str_make(id, (size_t)id_size), append_to, &stream, &complete);
    sse_parse(&parser, asm_buffer_text(&stream));
    const uint64_t first = had + 1 < sse->first ? sse->first : had + 1;
    expect(complete == (first == had + 1), "%s: first %u", id, (unsigned)sse->first);
    expect(parser.count == sse->last + 1 - first, "%s: %u of %u to %u", id, (unsigned)parser.count,
           (unsigned)first, (unsigned)sse->last);
    for (size_t i = 0; i < parser.count; i++)
        expect_seen(&parser.events[i].data, envelopes[first - 1 + i]);
    sse_close(&parser);
    asm_buffer_close(&stream);
}

static void check_history(fuzz_input input) {
    asm_str envelopes[MAX_EVENTS];
    static sse_parser parser;
    asm_sse sse;
    asm_sse_options options;
    asm_buffer live;
    const size_t memory_size = fuzz_byte(&input) * 2u;
    char *memory = exact_block(memory_size);
    asm_buffer_init_growing(&live);
    memset(&options, 0, sizeof options);
    options.write = append_to;
    options.user = &live;
    options.epoch = EPOCH;
    options.memory = memory;
    options.size = memory_size;
    asm_sse_init(&sse, &options);
    while (input.left != 0 && sse.last < MAX_EVENTS) {
        const asm_str envelope = fuzz_text(&input, 0);
        envelopes[sse.last] = envelope;
        const uint64_t before = sse.last;
        if (asm_sse_broadcast(&sse, "agent.s", envelope) != ASM_OK)
            expect(sse.last == before, "%s", shown(envelope));
    }
    sse_parse(&parser, asm_buffer_text(&live));
    expect(parser.count == sse.last, "%u of %u", (unsigned)parser.count, (unsigned)sse.last);
    for (size_t i = 0; i < parser.count; i++)
        expect_seen(&parser.events[i].data, envelopes[i]);
    sse_close(&parser);
    for (uint64_t had = 0; had <= sse.last; had++)
        check_resumed(&sse, had, envelopes);
    asm_sse_close(&sse);
    asm_buffer_close(&live);
    free_block(memory, memory_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const fuzz_input input = fuzz_begin(data, size < 2048 ? size : 2048);
    check_writing(input);
    check_history(input);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
