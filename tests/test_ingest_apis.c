/* Tests of asm_ingest.h: the streams and bodies of raw model APIs. */
#include "ingest_trace.h"

static sample samples[] = {
    {ASM_FORMAT_ANTHROPIC, "anthropic.sse",
     "run(claude-x) think(Let me see) keep({\"signature\":\"c2ln\"}) say(I look ) say(at it.) "
     "call(toolu_1 read {\"path\":\"a.c\"}) got(I look at it.) end(tool_use "
     "{\"input_tokens\":135,\"output_tokens\":89,"
     "\"cache_read_tokens\":100,\"cache_creation_tokens\":10}) "},
    {ASM_FORMAT_OPENAI, "openai.sse",
     "run(gpt-x) think(Hm) say(Hello) call(call_1 read {\"path\":\"a.c\"}) call(call_2 list {}) got(Hello) "
     "end(tool_use {\"input_tokens\":20,\"output_tokens\":7,\"cache_read_tokens\":16,\"cost_usd\":0.01}) "},
    {ASM_FORMAT_RESPONSES, "responses.sse",
     "run(gpt-y) think(Think) "
     "keep({\"reasoning_item\":{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":"
     "\"summary_text\",\"text\":\"Think\"}],\"encrypted_content\":\"xyz\"}}) say(Hi) "
     "call(call_7 read {\"path\":\"a\"}{\"item\":{\"status\":\"completed\"}}) got(Hi) end(end_turn "
     "{\"input_tokens\":30,"
     "\"output_tokens\":9,\"cache_read_tokens\":10,\"reasoning_tokens\":4}) "},
    {ASM_FORMAT_OLLAMA, "ollama.jsonl",
     "run(llama3) think(hm) say(Hello) call( read {\"path\":\"a\"}) got(Hello) "
     "end(end_turn {\"input_tokens\":11,\"output_tokens\":18}) "},
};

/* By their marks and by name, whole, byte by byte, with CR LF. */
static void test_streams(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(samples); i++) {
        const char *stream = samples[i].stream;
        const asm_str expected = asm_str_from(samples[i].expected);
        asm_buffer crlf;
        asm_buffer_init_growing(&crlf);
        for (const char *p = stream; *p; p++)
            asm_buffer_append(&crlf, *p == '\n' ? ASM_STR("\r\n") : asm_str_make(p, 1));
        trace(&out, stream, strlen(stream), 0, ASM_FORMAT_AUTO);
        expect_text(asm_buffer_text(&out), expected);
        for (size_t step = 1; step < 40; step += 3) {
            trace(&out, stream, strlen(stream), step, samples[i].format);
            expect_text(asm_buffer_text(&out), expected);
        }
        trace(&out, crlf.data, crlf.size, 7, ASM_FORMAT_AUTO);
        expect_text(asm_buffer_text(&out), expected);
        asm_buffer_close(&crlf);
    }
    asm_buffer_close(&out);
    end_of_cases();
}

/* A stream that is cut, wherever, ends as one, and tells no call that is not in the whole one. */
static void test_cuts(void **state) {
    asm_buffer out, whole;
    (void)state;
    asm_buffer_init_growing(&out);
    asm_buffer_init_growing(&whole);
    for (size_t i = 0; i < COUNT(samples); i++) {
        const size_t size = strlen(samples[i].stream);
        trace(&whole, samples[i].stream, size, 0, samples[i].format);
        asm_buffer_append_byte(&whole, 0);
        for (size_t cut = 0; cut < size; cut++) {
            const char *text, *call;
            trace(&out, samples[i].stream, cut, 0, samples[i].format);
            asm_buffer_append_byte(&out, 0);
            text = out.data;
            expect(!*text || strstr(text, "end(") || strstr(text, "failed(stream_ended"), "%s cut at %zu: %s",
                   asm_format_name(samples[i].format), cut, text);
            for (call = strstr(text, "call("); call; call = strstr(call + 1, "call(")) {
                char one[300];
                const char *end = strchr(call, ')');
                snprintf(one, sizeof one, "%.*s", (int)(end - call), call);
                expect(strstr(whole.data, one) != NULL, "cut at %zu: %s", cut, one);
            }
            expect(!strstr(text, "end(") || strstr(text, "got("), "cut at %zu: %s", cut, text);
        }
    }
    asm_buffer_close(&out);
    asm_buffer_close(&whole);
    end_of_cases();
}

#define CHUNK(delta, reason)                                                                                 \
    "data: {\"id\":\"g\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":" delta    \
    ",\"finish_reason\":" reason "}]}\n\n"
#define CALLS(calls) CHUNK("{\"tool_calls\":[" calls "]}", "null")
#define DONE         "data: [DONE]\n\n"

#define BLOCK(what, index, rest) "data: {\"type\":\"content_block_" what "\",\"index\":" index rest "}\n\n"
#define STOP(index)              BLOCK("stop", index, "")
#define INPUT(index, piece)                                                                                  \
    BLOCK("delta", index, ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" piece "\"}")

/* What servers make of the formats, of chat completions above all. */
static const sample clones[] = {
    {ASM_FORMAT_OPENAI, /* no index at all */
     CALLS("{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}}")
         CALLS("{\"function\":{\"arguments\":\"1}\"}}") CALLS(
             "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}") CHUNK("{}", "\"stop\"") DONE,
     "run() call(a f {\"x\":1}) call(b g {}) end(end_turn ) "},
    {ASM_FORMAT_OPENAI, /* index always 0 */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
         CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}")
             CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call(a f {}) call(b g {}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* the id in every piece, the name whole in every piece */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}")
         CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"}\"}}")
             CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call(a f {}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* no id ever; two entries of one index in a chunk; the name in pieces */
     CALLS("{\"index\":0,\"function\":{\"name\":\"fo\"}},{\"index\":0,\"function\":{\"name\":\"o\","
           "\"arguments\":\"{}\"}}") CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call( foo {}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* two calls of one id, the heads first, pieces in turn, with and without the id */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
         CALLS("{\"index\":1,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}")
             CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\":\"}}")
                 CALLS("{\"index\":1,\"function\":{\"arguments\":\"{\\\"y\\\":\"}}")
                     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"arguments\":\"1}\"}}")
                         CALLS("{\"index\":1,\"id\":\"a\",\"function\":{\"arguments\":\"2}\"}}")
                             CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call(a f {\"x\":1}) call(a f {\"y\":2}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* of one id and one index, each at once; a bracket in a text closes nothing */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\\\"}\"}}")
         CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\\\"}\"}}")
             CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
                 CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call(a f {\"x\":\"}\"}) call(a f {}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* neither id nor index, or one index; the last head is only a repeat */
     CALLS(
         "{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"function\":{\"name\":\"f\",\"arguments\":{"
         "\"x\":1}}}") CALLS("{\"index\":0,\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
         CALLS("{\"index\":0,\"function\":{\"arguments\":\"{}\"}}")
             CALLS("{\"index\":0,\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
                 CALLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"y\\\":2}\"}}")
                     CALLS("{\"index\":0,\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
                         CHUNK("{}", "\"stop\"") DONE,
     "run() call( f {}) call( f {\"x\":1}) call( g {}) call( g {\"y\":2}) end(end_turn ) "},
    {ASM_FORMAT_OPENAI, /* the second call's head has index 0, its tail 1 */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}")
         CALLS("{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}")
             CALLS("{\"index\":1,\"function\":{\"arguments\":\"{\\\"y\\\":\"}}")
                 CALLS("{\"index\":1,\"function\":{\"arguments\":\"2}\"}}") CALLS(
                     "{\"index\":1,\"function\":{\"arguments\":\"\"}}") CHUNK("{}", "\"tool_calls\"") DONE,
     "run() call(a f {}) call(b g {\"y\":2}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* a whole body: one id for two calls, and two without any */
     "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{"
     "\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
     "{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
     "{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
     "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}},"
     "{\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]},"
     "\"finish_reason\":\"tool_calls\"}]}",
     "run(m) call(a f {}) call(a f {}) call( g {}) call( g {}) end(tool_use ) "},
    {ASM_FORMAT_OPENAI, /* arguments as an object */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}")
         CHUNK("{}", "\"stop\"") DONE,
     "run() call(a f {\"x\":1}) end(end_turn ) "},
    {ASM_FORMAT_OPENAI, /* arguments that are no JSON: told, never as an input */
     CALLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}}")
         CHUNK("{}", "\"length\"") DONE,
     "run() call(a f {\"invalid_arguments\":\"{\\\"x\\\":\"}) end(max_tokens ) "},
    {ASM_FORMAT_OPENAI, /* finish_reason "" while it goes on */
     CHUNK("{\"content\":\"Hi\"}", "\"\"") CHUNK("{\"content\":\"!\"}", "\"stop\"") DONE,
     "run() say(Hi) say(!) got(Hi!) end(end_turn ) "},
    {ASM_FORMAT_OPENAI, /* an error within the stream, without [DONE] */
     CHUNK("{\"content\":\"Hi\"}",
           "null") "data: {\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}\n\n",
     "run() say(Hi) broken(Hi) failed(rate_limit slow down) "},
    {ASM_FORMAT_OPENAI, "data: {\"error\":\"no model\"}\n\n", "run() failed(provider_error no model) "},
    {ASM_FORMAT_OPENAI, /* a whole body */
     "{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{"
     "\"role\":\"assistant\","
     "\"content\":\"Hi\",\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","
     "\"arguments\":\"{}\"}}]},"
     "\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}",
     "run(m) say(Hi) call(a f {}) got(Hi) end(tool_use {\"input_tokens\":1,\"output_tokens\":2}) "},
    {ASM_FORMAT_ANTHROPIC,
     "{\"id\":\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"c\",\"content\":[{\"type\":"
     "\"text\",\"text\":\"Hi\"},"
     "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}],\"stop_reason\":\"tool_use\","
     "\"usage\":{\"input_tokens\":3,"
     "\"output_tokens\":4}}",
     "run(c) say(Hi) call(t f {}) got(Hi) end(tool_use {\"input_tokens\":3,\"output_tokens\":4}) "},
    {ASM_FORMAT_ANTHROPIC, /* two blocks at once, by a gateway; the second call without an id */
     BLOCK("start", "0",
           ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}")
         BLOCK("start", "1",
               ",\"content_block\":{\"type\":\"tool_use\",\"id\":null,\"name\":\"g\",\"input\":{}}")
             INPUT("0", "{\\\"x\\\":") STOP("2") INPUT("1", "{\\\"y\\\":") INPUT("0", "1}") STOP("0")
                 INPUT("1", "2}") STOP("1") "data: "
                                            "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                                            "\"tool_use\"}}\n\ndata: "
                                            "{\"type\":\"message_stop\"}\n\n",
     "run() call(a f {\"x\":1}) call( g {\"y\":2}) end(tool_use ) "},
    {ASM_FORMAT_ANTHROPIC, /* overloaded after some text */
     "data: "
     "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"model\":\"c\"}}\n\n"
     "data: "
     "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n"
     "event: error\ndata: "
     "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
     "run(c) say(Hi) broken(Hi) failed(overloaded Overloaded) "},
    {ASM_FORMAT_RESPONSES,
     "data: "
     "{\"type\":\"error\",\"sequence_number\":1,\"code\":\"rate_limit_exceeded\",\"message\":\"wait\"}\n\n",
     "run() failed(rate_limit wait) "},
    {ASM_FORMAT_OLLAMA, "{\"error\":\"model not found\"}\n", "run() failed(provider_error model not found) "},
};

/* Turns of Copilot that end early: the program's result is no further run. */
static const sample early_ends[] = {
    {ASM_FORMAT_COPILOT,
     "{\"type\":\"user.message\",\"data\":{\"content\":\"go\"},\"id\":\"e1\",\"parentId\":null}\n"
     "{\"type\":\"abort\",\"data\":{\"reason\":\"user\"},\"id\":\"e2\",\"parentId\":\"e1\"}\n"
     "{\"type\":\"result\",\"sessionId\":\"s\",\"exitCode\":130,\"usage\":{\"premiumRequests\":1}}\n",
     "run() sent(go) cancelled() copilot.result "},
    {ASM_FORMAT_COPILOT,
     "{\"type\":\"user.message\",\"data\":{\"content\":\"go\"},\"id\":\"e1\",\"parentId\":null}\n"
     "{\"type\":\"session.error\",\"data\":{\"errorType\":\"quota\",\"message\":\"none "
     "left\"},\"id\":\"e2\"}\n"
     "{\"type\":\"session.idle\",\"data\":{},\"id\":\"e3\",\"parentId\":\"e2\"}\n",
     "run() sent(go) error_occurred failed(billing none left) "},
    {ASM_FORMAT_RESPONSES,
     "{\"id\":\"r\",\"object\":\"response\",\"model\":\"m\",\"status\":\"cancelled\",\"output\":[]}",
     "run(m) cancelled() "},
    {ASM_FORMAT_RESPONSES,
     "{\"id\":\"r\",\"object\":\"response\",\"model\":\"m\",\"status\":\"queued\",\"output\":[]}",
     "run(m) failed(stream_ended the stream ended before the run did) "},
    {ASM_FORMAT_OLLAMA,
     "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:00Z\",\"response\":\"Hi\",\"done\":false}\n"
     "{\"model\":\"m\",\"created_at\":\"2026-01-01T00:00:01Z\",\"response\":\"!\",\"done\":true,\"done_"
     "reason\":\"stop\"}\n",
     "run(m) say(Hi) say(!) got(Hi!) end(end_turn ) "},
};

static void test_early_ends(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(early_ends); i++) {
        trace(&out, early_ends[i].stream, strlen(early_ends[i].stream), 0, early_ends[i].format);
        expect_text(asm_buffer_text(&out), asm_str_from(early_ends[i].expected));
    }
    asm_buffer_close(&out);
    end_of_cases();
}

static void test_clones(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(clones); i++)
        for (size_t step = 0; step < 3; step++) {
            trace(&out, clones[i].stream, strlen(clones[i].stream), step, clones[i].format);
            expect_text(asm_buffer_text(&out), asm_str_from(clones[i].expected));
        }
    asm_buffer_close(&out);
    end_of_cases();
}

/* Lines that look like those of server-sent events are not lost where there are none. */
static void count_diagnostics(void *user, const asm_diagnostic *diagnostic) {
    (void)diagnostic;
    ++*(int *)user;
}

static void test_noise(void **state) {
    static const char stream[] =
        "event: starting up\n{\"type\":\"thread.started\",\"thread_id\":\"t\"}\nid: 7\n";
    asm_ingest ingest;
    asm_ingest_options options;
    int count = 0;
    (void)state;
    memset(&options, 0, sizeof options);
    options.on_event = pass_over;
    options.on_diagnostic = count_diagnostics;
    options.user = &count;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, stream, sizeof stream - 1, 1);
    asm_ingest_end(&ingest, 1);
    assert_int_equal(ingest.counts.lost, 2);
    assert_int_equal(count, 2);
    asm_ingest_close(&ingest);
}

static void test_failing_allocations(void **state) {
    (void)state;
    fail_each_allocation(samples, COUNT(samples), 1, 60);
    end_of_cases();
}

int main(void) {
    load_samples(samples, COUNT(samples));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),    cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_clones),     cmocka_unit_test(test_noise),
        cmocka_unit_test(test_early_ends), cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
