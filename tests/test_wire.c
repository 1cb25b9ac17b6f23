/* Tests of asm_wire.h: golden streams, cuts, hostile text, errors, readers who join late. Run from the root of the
 * repository; WIRE_GOLDEN=write writes the golden files anew. */
#include "support.h"

#include "../asm_pubsub.h"
#include "wire_streams.h"

#define WRITTEN 4000000

typedef struct outcome {
    asm_buffer text;
    size_t writes;
    size_t fail_at; /* the number of the write that fails; 0: none */
    asm_wire *wire; /* called back from inside the write */
} outcome;

static asm_result take(void *user, const char *data, size_t size) {
    outcome *out = (outcome *)user;
    asm_event event;
    memset(&event, 0, sizeof event);
    if (++out->writes == out->fail_at) return ASM_ERR_WRITE;
    if (out->wire) {
        expect(asm_wire_event(out->wire, &event) == ASM_ERR_MISUSE, "a call from inside the write");
        expect(asm_wire_flush(out->wire) == ASM_ERR_MISUSE, "a flush from inside the write");
        expect(asm_wire_close(out->wire) == ASM_ERR_MISUSE, "a close from inside the write");
    }
    return asm_buffer_append(&out->text, asm_str_make(data, size));
}

static asm_wire_options options_for(asm_wire_format format, outcome *out) {
    asm_wire_options options;
    memset(&options, 0, sizeof options);
    memset(out, 0, sizeof *out);
    asm_buffer_init_growing(&out->text);
    options.format = format;
    options.output.write = take;
    options.output.user = out;
    return options;
}

/* Lines of a file, each as an event, until `each` returns false. */
static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    char *text = (char *)malloc(WRITTEN);
    if (!file || !text) fail_msg("%s cannot be read", path);
    *size = fread(text, 1, WRITTEN, file);
    fclose(file);
    return text;
}

typedef struct stream {
    char *text;
    size_t size;
    asm_event events[600];
    size_t count;
    asm_buffer scratch;
} stream;

static void open_stream(stream *in, const char *path) {
    char *line;
    memset(in, 0, sizeof *in);
    in->text = read_file(path, &in->size);
    asm_buffer_init_growing(&in->scratch);
    asm_buffer_reserve(&in->scratch, 2 * in->size + 1000);
    for (line = in->text; line < in->text + in->size && in->count < COUNT(in->events); in->count++) {
        char *end = (char *)memchr(line, '\n', (size_t)(in->text + in->size - line));
        asm_json_error error;
        asm_result result = asm_event_read_json(
            &in->events[in->count], asm_str_make(line, (size_t)(end - line)), &in->scratch, &error);
        expect(result == ASM_OK, "%s line %zu: %s", path, in->count + 1, error.message);
        line = end + 1;
    }
}

static void close_stream(stream *in) {
    asm_buffer_close(&in->scratch);
    free(in->text);
}

/* What the first `count` events of `in` give, closed. */
static asm_result write_some(const stream *in, size_t count, const asm_wire_options *options) {
    asm_wire wire;
    asm_result result = asm_wire_init(&wire, options);
    for (size_t i = 0; i < count && result == ASM_OK; i++)
        result = asm_wire_event(&wire, &in->events[i]);
    {
        const asm_result closed = asm_wire_close(&wire);
        return result != ASM_OK ? result : closed;
    }
}

static const asm_wire_format all[] = {ASM_WIRE_AG_UI, ASM_WIRE_AI_SDK,      ASM_WIRE_ACP,
                                      ASM_WIRE_OTLP,  ASM_WIRE_CLOUDEVENTS, ASM_WIRE_TRACE};

static void test_names(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++)
        expect(asm_wire_format_from_name(asm_wire_format_name(all[i])) == all[i], "format %zu", i);
    expect(asm_wire_format_from_name(ASM_STR("agui")) == ASM_WIRE_FORMAT_COUNT, "unknown name");
    expect(!asm_wire_format_name(ASM_WIRE_FORMAT_COUNT).data, "no format");
    end_of_cases();
}

static void test_golden(void **state) {
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t i = 0; i < COUNT(all); i++) {
        char path[200], *golden;
        size_t size;
        outcome out;
        asm_wire_options options = options_for(all[i], &out);
        options.with_content = true;
        expect(write_some(&in, in.count, &options) == ASM_OK, "written");
        snprintf(path, sizeof path, "tests/golden/wire.%s", asm_wire_format_name(all[i]).data);
        if (getenv("WIRE_GOLDEN")) {
            FILE *file = fopen(path, "wb");
            fwrite(out.text.data, 1, out.text.size, file);
            fclose(file);
        }
        golden = read_file(path, &size);
        expect(asm_str_equal(asm_str_make(golden, size), asm_buffer_text(&out.text)), "%s differs", path);
        free(golden);
        asm_buffer_close(&out.text);
    }
    close_stream(&in);
    end_of_cases();
}

static void check_form(asm_wire_format format, asm_str text, const char *what) {
    const bool is_sse = format == ASM_WIRE_AG_UI || format == ASM_WIRE_AI_SDK;
    check_frames(is_sse                     ? ASM_WIRE_FRAMING_SSE
                 : format == ASM_WIRE_TRACE ? ASM_WIRE_FRAMING_ARRAY
                                            : ASM_WIRE_FRAMING_LINES,
                 text, true, what);
}

/* Wherever the stream ends, what was opened is closed. */
static void test_cuts(void **state) {
    static const char *const pairs[][2] = {
        {"\"TEXT_MESSAGE_START\"", "\"TEXT_MESSAGE_END\""},
        {"\"REASONING_START\"", "\"REASONING_END\""},
        {"\"TOOL_CALL_START\"", "\"TOOL_CALL_END\""},
        {"\"STEP_STARTED\"", "\"STEP_FINISHED\""},
        {"\"text-start\"", "\"text-end\""},
        {"\"reasoning-start\"", "\"reasoning-end\""},
        {"\"start-step\"", "\"finish-step\""},
        {"\"ph\":\"B\"", "\"ph\":\"E\""},
        {"\"ph\":\"b\"", "\"ph\":\"e\""},
    };
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t count = 0; count <= in.count; count++) {
            char what[100];
            outcome out;
            asm_wire_options options = options_for(all[i], &out);
            options.epoch = count % 2 ? 7 : 0;
            snprintf(what, sizeof what, "%s cut after %zu", asm_wire_format_name(all[i]).data, count);
            expect(write_some(&in, count, &options) == ASM_OK, "%s", what);
            check_form(all[i], asm_buffer_text(&out.text), what);
            for (size_t pair = 0; pair < COUNT(pairs); pair++) {
                const size_t opened = count_of(asm_buffer_text(&out.text), pairs[pair][0]);
                const size_t closed = count_of(asm_buffer_text(&out.text), pairs[pair][1]);
                expect(opened == closed, "%s: %s %zu, %s %zu", what, pairs[pair][0], opened, pairs[pair][1],
                       closed);
            }
            asm_buffer_close(&out.text);
        }
    close_stream(&in);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* 12 MB in every text: no frame comes near a reader's limit, and nothing of a split text is lost. */
static void test_long_texts(void **state) {
    const size_t size = 12000000;
    char *text = (char *)malloc(size);
    (void)state;
    for (size_t i = 0; i < size; i++)
        text[i] = "na\xC3\xAFve \n"[i % 8];
    for (size_t i = 0; i < COUNT(all); i++) {
        asm_wire wire;
        outcome out;
        asm_wire_options options = options_for(all[i], &out);
        asm_event made[4];
        memset(made, 0, sizeof made);
        made[0].type = ASM_EVENT_RUN_STARTED;
        made[1].type = ASM_EVENT_MESSAGE_STREAMED;
        made[1].message.delta = asm_str_make(text, size);
        made[2].type = ASM_EVENT_TOOL_CALL_STARTED;
        made[2].tool.name = made[2].tool.call_id = ASM_STR("x");
        made[3].type = ASM_EVENT_TOOL_CALL_COMPLETED;
        made[3].tool.name = made[3].tool.call_id = ASM_STR("x");
        made[3].tool.output = asm_str_make(text, size);
        options.with_content = true;
        expect(asm_wire_init(&wire, &options) == ASM_OK, "init");
        for (size_t e = 0; e < COUNT(made); e++) {
            made[e].time = INT64_C(1769940000000000);
            expect(asm_wire_event(&wire, &made[e]) == ASM_OK, "event %zu", e);
        }
        expect(asm_wire_close(&wire) == ASM_OK, "close");
        if (all[i] != ASM_WIRE_CLOUDEVENTS) { /* has no limit, and leaves nothing out */
            size_t longest = 0;
            const char *line = out.text.data, *end = out.text.data + out.text.size;
            while (line < end) {
                const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
                const size_t length = (size_t)((next ? next : end) - line);
                if (length > longest) longest = length;
                line = next ? next + 1 : end;
            }
            expect(longest < 2000000, "%s: a frame of %zu bytes", asm_wire_format_name(all[i]).data, longest);
        }
        if (all[i] == ASM_WIRE_AG_UI || all[i] == ASM_WIRE_AI_SDK || all[i] == ASM_WIRE_ACP)
            expect(count_of(asm_buffer_text(&out.text), "na\xC3\xAFve") >= size / 8 - 1, "%s: text was lost",
                   asm_wire_format_name(all[i]).data);
        if (all[i] == ASM_WIRE_AG_UI)
            expect(count_of(asm_buffer_text(&out.text), "\"cut_bytes\":12000000") == 1, "the cut is told");
        asm_buffer_close(&out.text);
    }
    free(text);
    end_of_cases();
}

/* Every allocation and every write fails in turn: an error, and nothing leaks. */
static void test_failures(void **state) {
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t i = 0; i < COUNT(all); i++) {
        const size_t alive = allocations_alive;
        outcome out;
        asm_wire_options options = options_for(all[i], &out);
        size_t writes, calls;
        options.history = 1000000;
        asm_buffer_reserve(&out.text, 200000);
        calls = allocation_calls;
        expect(write_some(&in, in.count, &options) == ASM_OK, "without failures");
        calls = allocation_calls - calls;
        writes = out.writes;
        asm_buffer_close(&out.text);
        for (size_t failing = 1; failing <= writes; failing++) {
            options = options_for(all[i], &out);
            out.fail_at = failing;
            expect(write_some(&in, in.count, &options) == ASM_ERR_WRITE, "write %zu", failing);
            asm_buffer_close(&out.text);
        }
        for_each_way_to_fail for (size_t failing = 1; failing <= calls; failing++) {
            options = options_for(all[i], &out);
            options.history = 1000000;
            asm_buffer_reserve(&out.text, 200000);
            fail_allocations_from(failing);
            write_some(&in, in.count, &options); /* the history's are no error of an event */
            fail_allocations_from(0);
            check_form(all[i],
                       out.text.size && all[i] == ASM_WIRE_TRACE ? ASM_STR("") : asm_buffer_text(&out.text),
                       "without memory");
            asm_buffer_close(&out.text);
        }
        expect(allocations_alive == alive, "%s leaks", asm_wire_format_name(all[i]).data);
    }
    close_stream(&in);
    end_of_cases();
}

static void test_calls_from_inside(void **state) {
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t i = 0; i < COUNT(all); i++) {
        asm_wire wire;
        outcome out;
        asm_wire_options options = options_for(all[i], &out);
        expect(asm_wire_init(&wire, &options) == ASM_OK, "init");
        out.wire = &wire;
        for (size_t e = 0; e < in.count; e++)
            asm_wire_event(&wire, &in.events[e]);
        expect(asm_wire_close(&wire) == ASM_OK, "close");
        asm_buffer_close(&out.text);
    }
    close_stream(&in);
    end_of_cases();
}

/* Who joins late gets each finished message once, in one piece, and what is open as far as it is. */
static void test_catch_up(void **state) {
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t count = 0; count <= in.count; count++) {
        asm_wire wire;
        outcome out, joined;
        asm_wire_options options = options_for(ASM_WIRE_AG_UI, &out);
        asm_output output;
        memset(&output, 0, sizeof output);
        options.history = 1000000;
        expect(asm_wire_init(&wire, &options) == ASM_OK, "init");
        for (size_t e = 0; e < count; e++)
            asm_wire_event(&wire, &in.events[e]);
        options_for(ASM_WIRE_AG_UI, &joined);
        output.write = take;
        output.user = &joined;
        expect(asm_wire_catch_up(&wire, &output) == ASM_OK, "after %zu", count);
        for (const char *const *type = (const char *const[]){"\"TEXT_MESSAGE_START\"", "\"TEXT_MESSAGE_END\"",
                                                             "\"TOOL_CALL_START\"", "\"TOOL_CALL_RESULT\"",
                                                             "\"RUN_STARTED\"", "\"RUN_FINISHED\"", NULL};
             *type; type++)
            expect(count_of(asm_buffer_text(&joined.text), *type) ==
                       count_of(asm_buffer_text(&out.text), *type),
                   "after %zu: %s %zu and %zu", count, *type, count_of(asm_buffer_text(&joined.text), *type),
                   count_of(asm_buffer_text(&out.text), *type));
        if (count > 8)
            expect(count_of(asm_buffer_text(&joined.text), "\"delta\":\"I look \xE2\x80\x93 at it.\"") == 1,
                   "after %zu: in one piece", count);
        asm_wire_close(&wire);
        asm_buffer_close(&out.text);
        asm_buffer_close(&joined.text);
    }
    {
        asm_wire wire;
        outcome out;
        asm_wire_options options = options_for(ASM_WIRE_AG_UI, &out);
        options.history = 2000;
        asm_wire_init(&wire, &options);
        for (size_t e = 0; e < in.count; e++)
            asm_wire_event(&wire, &in.events[e]);
        expect(asm_wire_catch_up(&wire, &options.output) == ASM_ERR_NO_SPACE, "a history that is too short");
        asm_wire_close(&wire);
        asm_buffer_close(&out.text);
    }
    close_stream(&in);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* Memory that the history could not get: no catch-up, instead of one that leaves something out. */
static void test_catch_up_without_memory(void **state) {
    asm_event said[3];
    size_t calls = 1;
    (void)state;
    memset(said, 0, sizeof said);
    said[0].type = ASM_EVENT_RUN_STARTED;
    said[1].type = said[2].type = ASM_EVENT_MESSAGE_STREAMED;
    said[1].message.delta = ASM_STR("what is said first, ");
    said[2].message.delta = ASM_STR("and what is said then");
    for (size_t failing = 0; failing <= calls; failing++) {
        asm_wire wire;
        outcome out, joined;
        asm_wire_options options = options_for(ASM_WIRE_AG_UI, &out);
        const asm_wire_options late = options_for(ASM_WIRE_AG_UI, &joined);
        asm_result result = ASM_OK;
        options.history = 1000000;
        asm_buffer_reserve(&out.text, 10000);
        allocation_fails_once = true;
        fail_allocations_from(failing);
        if (!failing) calls = allocation_calls;
        if (asm_wire_init(&wire, &options) != ASM_OK) result = ASM_ERR_NO_MEMORY;
        for (size_t i = 0; i < COUNT(said) && result == ASM_OK; i++)
            result = asm_wire_event(&wire, &said[i]);
        if (!failing) calls = allocation_calls - calls;
        fail_allocations_from(0);
        if (result == ASM_OK) result = asm_wire_catch_up(&wire, &late.output);
        expect(result == ASM_ERR_NO_MEMORY || (result == ASM_ERR_NO_SPACE && failing > 0) ||
                   count_of(asm_buffer_text(&joined.text), "\"what is said first, and what is said then\"") ==
                       1,
               "call %zu of %zu: %s", failing, calls, shown(asm_buffer_text(&joined.text)));
        asm_wire_close(&wire);
        asm_buffer_close(&out.text);
        asm_buffer_close(&joined.text);
    }
    allocation_fails_once = false;
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* Sub-agents nested so deeply that a recursion would end the program. */
static void test_deep_agents(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        char parent[20] = "", id[20];
        asm_wire wire;
        outcome out;
        asm_wire_options options = options_for(all[i], &out);
        asm_event event;
        expect(asm_wire_init(&wire, &options) == ASM_OK, "init");
        for (int depth = 0; depth < 3000; depth++) {
            memset(&event, 0, sizeof event);
            event.type = ASM_EVENT_TOOL_CALL_STARTED;
            event.time = INT64_C(1769940000000000) + depth;
            snprintf(id, sizeof id, "c%d", depth);
            event.tool.name = ASM_STR("Task");
            event.tool.call_id = asm_str_from(id);
            event.tool.parent_tool_call_id = asm_str_from(parent);
            expect(asm_wire_event(&wire, &event) == ASM_OK, "depth %d", depth);
            memcpy(parent, id, sizeof id);
        }
        event.type = ASM_EVENT_TOOL_CALL_COMPLETED;
        event.tool.call_id = ASM_STR("c0");
        event.tool.parent_tool_call_id = asm_str_make(NULL, 0);
        expect(asm_wire_event(&wire, &event) == ASM_OK, "the outermost ends");
        expect(asm_wire_close(&wire) == ASM_OK, "close");
        check_form(all[i], asm_buffer_text(&out.text), "deep");
        asm_buffer_close(&out.text);
    }
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static asm_result ignore(void *user, const char *data, size_t size) {
    (void)user, (void)data, (void)size;
    return ASM_OK;
}

/* Once set up, events allocate nothing. */
static void test_no_allocations(void **state) {
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t i = 0; i < COUNT(all); i++) {
        asm_wire wire;
        outcome out;
        size_t calls = 0;
        asm_wire_options options = options_for(all[i], &out);
        options.output.write = ignore;
        expect(asm_wire_init(&wire, &options) == ASM_OK, "init");
        for (int round = 0; round < 8; round++) {
            bool in_run = false;
            if (round == 6) calls = allocation_calls;
            for (size_t e = 0; e < in.count; e++) {
                const asm_event *event = &in.events[e];
                /* what waits for a run, and what goes on without one, is kept */
                if (event->type == ASM_EVENT_RUN_STARTED) in_run = true;
                if (in_run && event->type != ASM_EVENT_TOOL_CALL_UPDATED)
                    expect(asm_wire_event(&wire, event) == ASM_OK, "event %zu", e);
                if (event->type >= ASM_EVENT_RUN_COMPLETED && event->type <= ASM_EVENT_RUN_TIMEOUT)
                    in_run = false;
                asm_wire_flush(&wire);
            }
        }
        expect(allocation_calls == calls, "%s: %zu allocations in rounds that came before",
               asm_wire_format_name(all[i]).data, allocation_calls - calls);
        asm_wire_close(&wire);
    }
    close_stream(&in);
    end_of_cases();
}

static void write_line(asm_wire *wire, const char *json) {
    asm_event event;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    assert_int_equal(asm_event_read_json(&event, asm_str_from(json), &scratch, NULL), ASM_OK);
    assert_int_equal(asm_wire_event(wire, &event), ASM_OK);
    asm_buffer_close(&scratch);
}

/* A call whose id comes again in the run is another one, and has another id. */
static void test_id_again(void **state) {
    asm_wire wire;
    outcome out;
    asm_wire_options options = options_for(ASM_WIRE_AG_UI, &out);
    (void)state;
    assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
    write_line(&wire, "{\"type\":\"run_started\",\"run_id\":\"r\",\"data\":{}}");
    for (int i = 0; i < 2; i++) {
        write_line(&wire,
                   "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"x\",\"tool_call_id\":\"c\"}}");
        write_line(
            &wire,
            "{\"type\":\"tool_call_completed\",\"data\":{\"tool_call_id\":\"c\",\"tool_output\":\"o\"}}");
    }
    assert_int_equal(asm_wire_close(&wire), ASM_OK);
    expect(count_of(asm_buffer_text(&out.text), "TOOL_CALL_RESULT\",\"messageId\":\"res:r:c\"") == 1 &&
               count_of(asm_buffer_text(&out.text), "TOOL_CALL_RESULT\",\"messageId\":\"res:r:c:4\"") == 1,
           "%s", shown(asm_buffer_text(&out.text)));
    asm_buffer_close(&out.text);
    end_of_cases();
}

/* One call that is asked for, answered in a way, and then ends by itself, as agents and providers tell it: it begins once
 * and ends once in each format, whatever comes between. */
static void test_calls_once(void **state) {
    static const char *const decisions[] = {"reject", "withdrawn", "timeout", NULL};
    static const char *const ends[] = {"run_cancelled", "run_failed", "run_completed", NULL};
    static const struct {
        asm_wire_format format;
        const char *begin, *end;
    } marks[] = {
        {ASM_WIRE_AG_UI, "\"TOOL_CALL_START\"", "\"TOOL_CALL_RESULT\""},
        {ASM_WIRE_AI_SDK, "\"tool-input-start\"", "\"tool-output-"},
        {ASM_WIRE_ACP, "\"tool_call\"", "\"status\":\"failed\""},
        {ASM_WIRE_OTLP, "execute_tool x\"", "\"asm.call\""},
        {ASM_WIRE_TRACE, "\"ph\":\"B\",\"pid\":1,\"tid\":0,\"ts\":0,\"name\":\"x\"", "\"failed\":true"}};
    (void)state;
    for (size_t i = 0; i < (size_t)5 * 3 * 3 * 2; i++) {
        const char *decision = decisions[i / 5 % 3], *end = ends[i / 15 % 3];
        const size_t m = i % 5;
        asm_wire wire;
        outcome out;
        asm_wire_options options = options_for(marks[m].format, &out);
        char line[300];
        assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
        write_line(&wire, "{\"type\":\"run_started\",\"run_id\":\"r\",\"data\":{}}");
        if (i / 45)
            write_line(&wire, "{\"type\":\"tool_call_identified\",\"data\":{\"tool_name\":\"x\","
                              "\"tool_call_id\":\"c\",\"tool_input\":{}}}");
        write_line(&wire, "{\"type\":\"tool_approval_requested\",\"data\":{\"tool_name\":\"x\","
                          "\"tool_call_id\":\"c\",\"tool_input\":{}}}");
        snprintf(line, sizeof line,
                 "{\"type\":\"tool_approval_denied\",\"data\":{\"tool_name\":\"x\",\"tool_call_id\":\"c\","
                 "\"decision\":\"%s\"}}",
                 decision);
        write_line(&wire, line);
        write_line(&wire,
                   "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"x\",\"tool_call_id\":\"c\"}}");
        write_line(&wire, "{\"type\":\"tool_call_failed\",\"data\":{\"tool_call_id\":\"c\",\"status\":"
                          "\"cancelled\",\"error_message\":\"not finished\"}}");
        snprintf(line, sizeof line, "{\"type\":\"%s\",\"data\":{}}", end);
        write_line(&wire, line);
        assert_int_equal(asm_wire_close(&wire), ASM_OK);
        expect(
            count_of(asm_buffer_text(&out.text), marks[m].begin) == 1 &&
                (marks[m].format == ASM_WIRE_OTLP || count_of(asm_buffer_text(&out.text), marks[m].end) == 1),
            "%s, %s, %s: %s", asm_wire_format_name(marks[m].format).data, decision, end,
            shown(asm_buffer_text(&out.text)));
        expect(strcmp(decision, "withdrawn") != 0 ||
                   count_of(asm_buffer_text(&out.text), "\"not finished\"") > 0 ||
                   marks[m].format == ASM_WIRE_OTLP || marks[m].format == ASM_WIRE_TRACE,
               "%s: its own end: %s", asm_wire_format_name(marks[m].format).data,
               shown(asm_buffer_text(&out.text)));
        asm_buffer_close(&out.text);
    }
    end_of_cases();
}

/* What is asked, withdrawn and asked again still waits. */
static void test_asked_again(void **state) {
    asm_wire wire;
    outcome out;
    asm_wire_options options = options_for(ASM_WIRE_ACP, &out);
    (void)state;
    options.acp_requests = true;
    assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
    write_line(&wire, "{\"type\":\"run_started\",\"run_id\":\"r\",\"data\":{}}");
    for (int i = 0; i < 2; i++) {
        write_line(&wire, "{\"type\":\"tool_approval_requested\",\"data\":{\"tool_name\":\"x\","
                          "\"tool_call_id\":\"c\",\"tool_input\":{}}}");
        if (i == 0)
            write_line(&wire, "{\"type\":\"tool_approval_denied\",\"data\":{\"tool_name\":\"x\","
                              "\"tool_call_id\":\"c\",\"decision\":\"withdrawn\"}}");
    }
    assert_int_equal(asm_wire_close(&wire), ASM_OK);
    expect(count_of(asm_buffer_text(&out.text), "session/request_permission") == 2, "%s",
           shown(asm_buffer_text(&out.text)));
    asm_buffer_close(&out.text);
    end_of_cases();
}

static void keep_decision(void *user, const asm_event *event) {
    if (event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED || event->type == ASM_EVENT_TOOL_APPROVAL_DENIED) {
        asm_buffer_append((asm_buffer *)user, asm_event_name(event));
        asm_buffer_append((asm_buffer *)user, ASM_STR(" "));
        asm_buffer_append((asm_buffer *)user, event->approval.request_id);
    }
}

/* An agent's own wire asks; asm_ingest.h understands the answer. */
static void test_acp_requests(void **state) {
    static const char answer[] = "{\"jsonrpc\":\"2.0\",\"id\":\"7:c1\",\"result\":{\"outcome\":{\"outcome\":"
                                 "\"selected\",\"optionId\":\"reject\"}}}\n";
    asm_wire wire;
    outcome out;
    asm_wire_options options = options_for(ASM_WIRE_ACP, &out);
    asm_ingest_options reading;
    asm_ingest ingest;
    asm_buffer said;
    (void)state;
    options.acp_requests = true;
    assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
    write_line(&wire, "{\"type\":\"run_started\",\"data\":{\"cwd\":\"/w\"},\"session_id\":\"s\"}");
    write_line(&wire,
               "{\"type\":\"tool_approval_requested\",\"data\":{\"tool_name\":\"edit_file\",\"tool_call_id\":"
               "\"c1\",\"request_id\":\"7:c1\",\"tool_input\":{\"path\":\"a.c\",\"old_string\":\"x\","
               "\"new_string\":\"y\"}}}");
    expect(
        count_of(
            asm_buffer_text(&out.text),
            "{\"jsonrpc\":\"2.0\",\"id\":\"7:c1\",\"method\":\"session/request_permission\",\"params\":"
            "{\"sessionId\":\"s\",\"toolCall\":{\"toolCallId\":\"run:c1\",\"kind\":\"edit\",\"status\":"
            "\"pending\",\"title\":\"edit_file a.c\",\"rawInput\":{\"path\":\"a.c\",\"old_string\":\"x\","
            "\"new_string\":\"y\"},\"locations\":[{\"path\":\"/w/a.c\"}],\"content\":[{\"type\":\"diff\","
            "\"path\":\"/w/a.c\",\"oldText\":\"x\",\"newText\":\"y\"}]},\"options\":[{\"optionId\":\"allow\","
            "\"name\":\"Allow\",\"kind\":\"allow_once\"},{\"optionId\":\"always\",\"name\":\"Always "
            "allow\",\"kind\":\"allow_always\"},{\"optionId\":\"reject\",\"name\":\"Reject\",\"kind\":"
            "\"reject_once\"}]}}\n") == 1,
        "the request: %s", shown(asm_buffer_text(&out.text)));
    write_line(&wire,
               "{\"type\":\"tool_approval_requested\",\"data\":{\"tool_name\":\"x\",\"tool_call_id\":\"c2\","
               "\"options\":[{\"id\":\"1\",\"label\":\"Yes\"},{\"id\":\"2\",\"label\":\"No\",\"kind\":"
               "\"reject_once\"}]}}");
    expect(
        count_of(asm_buffer_text(&out.text),
                 "\"options\":[{\"optionId\":\"1\",\"name\":\"Yes\",\"kind\":\"allow_once\"},{\"optionId\":"
                 "\"2\",\"name\":\"No\",\"kind\":\"reject_once\"}]}}\n") == 1 &&
            count_of(asm_buffer_text(&out.text), "\"id\":\"apr:run:c2\"") == 1,
        "the options of the event");
    asm_buffer_init_growing(&said);
    memset(&reading, 0, sizeof reading);
    reading.on_event = keep_decision;
    reading.user = &said;
    assert_int_equal(asm_ingest_init(&ingest, &reading), ASM_OK);
    asm_ingest_feed(&ingest, out.text.data, out.text.size, 0);
    asm_ingest_feed(&ingest, answer, sizeof answer - 1, 0);
    expect(asm_str_equal(asm_buffer_text(&said), ASM_STR("tool_approval_denied 7:c1")), "%s",
           shown(asm_buffer_text(&said)));
    asm_ingest_close(&ingest);
    asm_buffer_close(&said);
    assert_int_equal(asm_wire_close(&wire), ASM_OK);
    asm_buffer_close(&out.text);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static void to_wire(void *wire, const asm_message *message) {
    if (message->event) asm_wire_event((asm_wire *)wire, message->event);
}

/* What a wire writes as a sink, as a subscriber, and after a mailbox, is the same. */
static void test_wherever_it_stands(void **state) {
    enum { SINK, SUBSCRIBER, AFTER_A_MAILBOX, PLACES };
    static char memory[1 << 20];
    asm_mailbox mailbox;
    asm_pubsub pubsub;
    stream in;
    (void)state;
    open_stream(&in, "tests/golden/wire.events.jsonl");
    for (size_t f = 0; f < COUNT(all); f++) {
        outcome outs[PLACES];
        asm_wire wires[PLACES];
        asm_sink sink;
        asm_mailbox_options box;
        memset(&box, 0, sizeof box);
        box.memory = memory;
        box.size = sizeof memory;
        box.capacity = 400;
        assert_int_equal(asm_mailbox_init(&mailbox, &box), ASM_OK);
        asm_pubsub_init(&pubsub, NULL);
        for (size_t place = 0; place < PLACES; place++) {
            asm_wire_options options = options_for(all[f], &outs[place]);
            if (place == SINK) sink = asm_wire_sink_init(&wires[place], &options);
            else assert_int_equal(asm_wire_init(&wires[place], &options), ASM_OK);
        }
        assert_int_equal(asm_pubsub_subscribe(&pubsub, "t", to_wire, &wires[SUBSCRIBER], NULL), ASM_OK);
        assert_int_equal(asm_pubsub_subscribe(&pubsub, "t", asm_mailbox_on_message, &mailbox, NULL), ASM_OK);
        for (size_t i = 0; i < in.count; i++) {
            asm_message message;
            memset(&message, 0, sizeof message);
            message.event = &in.events[i];
            assert_int_equal(sink.write_event(sink.self, &in.events[i], ASM_STR("")), ASM_OK);
            assert_int_equal(asm_pubsub_publish(&pubsub, "t", &message, NULL), ASM_OK);
        }
        asm_mailbox_drain(&mailbox, to_wire, &wires[AFTER_A_MAILBOX], 0);
        for (size_t place = 0; place < PLACES; place++) {
            assert_int_equal(asm_wire_close(&wires[place]), ASM_OK);
            expect(outs[place].text.size > 0 &&
                       asm_str_equal(asm_buffer_text(&outs[place].text), asm_buffer_text(&outs[SINK].text)),
                   "%s in place %zu", asm_wire_format_name(all[f]).data, place);
        }
        for (size_t place = 0; place < PLACES; place++)
            asm_buffer_close(&outs[place].text);
        asm_pubsub_close(&pubsub);
    }
    close_stream(&in);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* A time that no calendar has is an error of the call, and the event is written as one without a time; one that the format
 * cannot tell is not told wrongly. */
static void test_times(void **state) {
    static const asm_time none[] = {INT64_MIN, INT64_MAX, INT64_C(253402300800000000)};
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++)
        for (size_t n = 0; n <= COUNT(none); n++) {
            outcome with, without;
            asm_wire_options options = options_for(all[i], &with), same = options_for(all[i], &without);
            asm_wire wire, other;
            asm_event event;
            memset(&event, 0, sizeof event);
            event.type = ASM_EVENT_RUN_STARTED;
            expect(asm_wire_init(&wire, &options) == ASM_OK && asm_wire_init(&other, &same) == ASM_OK,
                   "init");
            for (; event.type <= ASM_EVENT_RUN_COMPLETED; event.type = (asm_event_type)(event.type + 1)) {
                event.time = 0;
                expect(asm_wire_event(&other, &event) == ASM_OK, "without a time");
                event.time = n < COUNT(none) ? none[n] : 1;
                event.time_precision = n < COUNT(none) ? 0 : ASM_TIME_PRECISION_MICROSECONDS + 1;
                expect(asm_wire_event(&wire, &event) == ASM_ERR_RANGE, "with one");
            }
            expect(asm_wire_close(&wire) == ASM_OK && asm_wire_close(&other) == ASM_OK, "close");
            expect(asm_str_equal(asm_buffer_text(&with.text), asm_buffer_text(&without.text)), "%s: %s",
                   asm_wire_format_name(all[i]).data, shown(asm_buffer_text(&with.text)));
            asm_buffer_close(&with.text);
            asm_buffer_close(&without.text);
        }
    for (int year = 0; year < 3; year++) { /* 1906, 2554, 2586: nanoseconds end in July 2554 */
        static const asm_time times[] = {INT64_C(-2000000000000000), INT64_C(18446744073709551),
                                         INT64_C(19446744073709551)};
        outcome out;
        asm_wire_options options = options_for(ASM_WIRE_OTLP, &out);
        asm_wire wire;
        asm_event event;
        memset(&event, 0, sizeof event);
        event.type = ASM_EVENT_RUN_COMPLETED;
        event.time = times[year];
        expect(asm_wire_init(&wire, &options) == ASM_OK && asm_wire_event(&wire, &event) == ASM_OK &&
                   asm_wire_close(&wire) == ASM_OK,
               "written");
        expect(count_of(asm_buffer_text(&out.text),
                        year == 1 ? "UnixNano\":\"18446744073709551000\"" : "UnixNano\":\"0\"") == 2,
               "%s", shown(asm_buffer_text(&out.text)));
        asm_buffer_close(&out.text);
    }
    end_of_cases();
}

/* {"status":"pending","content":TEXT}, where the first TEXT is `first`. */
static void put_plan(asm_buffer *json, size_t count, asm_str first) {
    for (size_t i = 0; i < count; i++) {
        asm_buffer_append(json, ASM_STR(",{\"status\":\"pending\",\"content\":\""));
        asm_buffer_append(json, i ? asm_str_make(first.data, 100) : first);
        asm_buffer_append(json, ASM_STR("\"}"));
    }
    json->data[0] = '[';
    asm_buffer_append(json, ASM_STR("]"));
}

/* However much one run says, no request comes near the 20 MiB that collectors take. */
static void test_otlp_limits(void **state) {
    outcome out;
    asm_wire_options options = options_for(ASM_WIRE_OTLP, &out);
    asm_wire wire;
    asm_buffer line;
    (void)state;
    options.with_content = true;
    asm_buffer_init_growing(&line);
    assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
    for (int i = 0; i < 40; i++) { /* the last ten have no end of their own */
        char head[100];
        const int size =
            snprintf(head, sizeof head, "{\"type\":\"tool_call_%s\",\"data\":{\"tool_call_id\":\"c%d\",",
                     i < 30 ? "completed" : "started", i);
        asm_buffer_clear(&line);
        asm_buffer_append(&line, asm_str_make(head, (size_t)size));
        asm_buffer_append(&line,
                          i < 30 ? ASM_STR("\"tool_output\":\"") : ASM_STR("\"tool_input\":{\"a\":\""));
        for (int n = 0; n < 16000; n++)
            asm_buffer_append(&line, ASM_STR("\\u0001\\u0001"));
        asm_buffer_append(&line, i < 30 ? ASM_STR("\"}}") : ASM_STR("\"}}}"));
        asm_buffer_append_byte(&line, '\0');
        write_line(&wire, line.data);
    }
    assert_int_equal(asm_wire_close(&wire), ASM_OK);
    expect(count_of(asm_buffer_text(&out.text), "\n") > 4, "%zu requests",
           count_of(asm_buffer_text(&out.text), "\n"));
    expect(check_frames(ASM_WIRE_FRAMING_LINES, asm_buffer_text(&out.text), false, "otlp") < (size_t)3 << 20,
           "limit");
    expect(count_of(asm_buffer_text(&out.text), "\"execute_tool tool\"") == 40, "all calls");
    asm_buffer_close(&out.text);
    asm_buffer_close(&line);
    end_of_cases();
}

/* Plans, answers and paths of any length, for an editor. */
static void test_acp_limits(void **state) {
    outcome out;
    asm_wire_options options = options_for(ASM_WIRE_ACP, &out);
    asm_wire wire;
    asm_buffer plan, text, line;
    unsigned long more = 0;
    (void)state;
    options.acp_requests = true;
    options.max_text = 1024;
    asm_buffer_init_growing(&plan);
    asm_buffer_init_growing(&text);
    asm_buffer_init_growing(&line);
    while (text.size < 20000)
        asm_buffer_append(&text, ASM_STR("/x\\n\xC3\xA4"));
    assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
    write_line(&wire, "{\"type\":\"run_started\",\"data\":{\"cwd\":\"/w\"}}");
    put_plan(&plan, 400, asm_buffer_text(&text));
    asm_buffer_append(&line, ASM_STR("{\"type\":\"todos_updated\",\"data\":{\"todos\":"));
    asm_buffer_append(&line, asm_buffer_text(&plan));
    asm_buffer_append(&line, ASM_STR("}}"));
    asm_buffer_append_byte(&line, '\0');
    write_line(&wire, line.data);
    expect(check_frames(ASM_WIRE_FRAMING_LINES, asm_buffer_text(&out.text), false, "plan") < 20 * 1024,
           "limit");
    expect(count_of(
               asm_buffer_text(&out.text),
               "cut]\",\"priority\":\"medium\",\"status\":\"pending\",\"_meta\":{\"asm\":{\"cut_bytes\":") ==
               1,
           "the text of an entry is cut: %s", shown(asm_buffer_text(&out.text)));
    asm_buffer_append_byte(&out.text, '\0'); /* for strstr() */
    expect(strstr(out.text.data, "\"[\xE2\x80\xA6 ") &&
               sscanf(strstr(out.text.data, "\"[\xE2\x80\xA6 ") + 6, "%lu more]", &more) == 1 &&
               count_of(asm_buffer_text(&out.text), "{\"content\"") + more == 401,
           "%lu entries were left out", more);
    asm_buffer_clear(&out.text);
    asm_buffer_clear(&line);
    asm_buffer_append(&line, ASM_STR("{\"type\":\"tool_approval_requested\",\"data\":{\"tool_name\":\"Read\","
                                     "\"tool_call_id\":\"c\",\"tool_input\":{\"path\":\""));
    asm_buffer_append(&line, asm_buffer_text(&text));
    asm_buffer_append(&line, ASM_STR("\"},\"options\":[{\"id\":\"1\",\"label\":\""));
    asm_buffer_append(&line, asm_buffer_text(&text));
    asm_buffer_append(&line, ASM_STR("\"},{\"id\":\"2\",\"kind\":\"reject_once\"}]}}"));
    asm_buffer_append_byte(&line, '\0');
    write_line(&wire, line.data);
    asm_buffer_append_byte(&text, '\0');
    expect(count_of(asm_buffer_text(&out.text), text.data) == 1, "only the arguments are whole");
    expect(count_of(asm_buffer_text(&out.text), "[\xE2\x80\xA6 cut]\",\"kind\":\"allow_once\"},"
                                                "{\"optionId\":\"2\",\"name\":\"2\"") == 1,
           "answers: %s", shown(asm_buffer_text(&out.text)));
    assert_int_equal(asm_wire_close(&wire), ASM_OK);
    asm_buffer_close(&plan);
    asm_buffer_close(&text);
    asm_buffer_close(&line);
    asm_buffer_close(&out.text);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

/* Before a wire is set up, and after it was closed, every call is refused. */
static void test_before_and_after(void **state) {
    outcome out;
    asm_wire wire;
    const asm_event event = {.type = ASM_EVENT_RUN_STARTED};
    (void)state;
    memset(&wire, 0xA5, sizeof wire);
    assert_int_equal(asm_wire_init(&wire, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_wire_event(&wire, &event), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_wire_flush(&wire), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_wire_close(&wire), ASM_ERR_INVALID_ARGUMENT);
    for (size_t i = 0; i < COUNT(all); i++) {
        asm_wire_options options = options_for(all[i], &out);
        options.history = 100000;
        assert_int_equal(asm_wire_init(&wire, &options), ASM_OK);
        assert_int_equal(asm_wire_event(&wire, &event), ASM_OK);
        assert_int_equal(asm_wire_close(&wire), ASM_OK);
        const size_t size = out.text.size;
        expect(asm_wire_event(&wire, &event) == ASM_ERR_MISUSE, "%zu: an event after the end", i);
        expect(asm_wire_flush(&wire) == ASM_ERR_MISUSE, "%zu: a flush after the end", i);
        expect(asm_wire_catch_up(&wire, &options.output) == ASM_ERR_MISUSE, "%zu: a catch-up after the end",
               i);
        expect(asm_wire_close(&wire) == ASM_OK, "%zu: a second close", i);
        expect(out.text.size == size, "%zu: something is written after the end", i);
        asm_buffer_close(&out.text);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_before_and_after),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_calls_from_inside),
        cmocka_unit_test(test_catch_up),
        cmocka_unit_test(test_catch_up_without_memory),
        cmocka_unit_test(test_deep_agents),
        cmocka_unit_test(test_acp_requests),
        cmocka_unit_test(test_no_allocations),
        cmocka_unit_test(test_id_again),
        cmocka_unit_test(test_calls_once),
        cmocka_unit_test(test_asked_again),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_wherever_it_stands),
        cmocka_unit_test(test_acp_limits),
        cmocka_unit_test(test_otlp_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
