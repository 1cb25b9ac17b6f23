/* The driver of asm_llm.h against a model that is not there. */
#include "llm_support.h"

static void test_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all_apis); i++)
        for (size_t streamed = 0; streamed < 2; streamed++) {
            asm_llm_options options = plain_options(all_apis[i]);
            options.is_not_streamed = streamed == 0;
            begin(&options,
                  "{\"text\":\"Hello there, it is noon.\",\"input_tokens\":12,\"output_tokens\":7}\n");
            start_agent();
            ask("Hello?");
            expect_status(ASM_AGENT_IDLE);
            expect_last_words("Hello there, it is noon.");
            assert_string_equal(on_screen, "Hello there, it is noon.");
            expect_in_log("\"token_usage\":{\"input_tokens\":12,\"output_tokens\":7}");
            expect_in_log("run_completed {\"stop_reason\":\"end_turn\"");
            ask("And now?");
            expect_last_words("You said: And now?");
            assert_int_equal(mock.refused, 0);
            end();
        }
}

static void echo_tool(void *user, const asm_llm_call *call) {
    (void)user;
    asm_llm_call_complete(call, call->arguments);
}

static const asm_llm_tool echo_tools[] = {{.name = "echo", .description = "Repeats.", .run = echo_tool}};

static void test_tool(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all_apis); i++) {
        asm_llm_options options = plain_options(all_apis[i]);
        options.tools = echo_tools;
        options.tool_count = 1;
        begin(&options, NULL);
        start_agent();
        ask("call echo {\"a\":1}");
        expect_status(ASM_AGENT_IDLE);
        expect_last_words("You said: result: {\"a\":1}");
        assert_int_equal(mock.refused, 0);
        assert_int_equal(count_in(log_text, "tool_call_started"), 1);
        assert_int_equal(count_in(log_text, "tool_call_completed"), 1);
        end();
    }
}

/* ---- streams ---- */

/* What an answer with everything comes to, however it is cut into pieces. */
static void test_pieces(void **state) {
    static const size_t sizes[] = {1, 2, 3, 7, 64};
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (size_t i = 0; i < COUNT(sizes); i++)
            for (int crlf = 0; crlf < 2; crlf++) {
                char script[512];
                asm_llm_options options = plain_options(all_apis[api]);
                options.tools = echo_tools;
                options.tool_count = 1;
                snprintf(script, sizeof script,
                         "{\"text\":\"I "
                         "\\u00e4sk.\\n\",\"thinking\":\"Hm.\",\"keep_alive\":%s,\"crlf\":%s,\"calls\":[{"
                         "\"name\":\"echo\",\"arguments\":{\"a\":\"\\u20ac\"}}]}\n"
                         "{\"text\":\"Done.\",\"crlf\":%s}\n",
                         all_apis[api] == ASM_LLM_OLLAMA ? "false" : "true", crlf ? "true" : "false",
                         crlf ? "true" : "false");
                begin(&options, script);
                start_agent();
                piece_size = sizes[i];
                ask("Go");
                expect_status(ASM_AGENT_IDLE);
                expect_last_words("Done.");
                assert_string_equal(on_screen, "I \xC3\xA4sk.\nDone.");
                expect_in_log("tool_call_completed {\"tool_name\":\"echo\"");
                expect_in_log("\\\\u20ac");
                assert_int_equal(mock.refused, 0);
                end();
            }
}

/* An answer that is cut after any byte is an error or whole, never half a call; nothing is shown twice. */
static void test_cut(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        size_t size = 2;
        for (size_t cut = 1; cut < size; cut++) {
            asm_llm_options options = plain_options(all_apis[api]);
            options.tools = echo_tools;
            options.tool_count = 1;
            options.retries = -1;
            begin(&options, "{\"text\":\"I "
                            "ask.\",\"calls\":[{\"name\":\"echo\",\"arguments\":{\"a\":1,\"b\":[2]}}]}\n{"
                            "\"text\":\"Done.\"}\n");
            start_agent();
            add_text("Go");
            assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
            turn_once();
            assert_int_equal(asm_agent_server_poll(&server, now, now), ASM_OK);
            size = transfers[0].answer.body.size;
            cut_at = cut;
            turn_once();
            cut_at = 0;
            run();
            if (info().status == ASM_AGENT_ERROR) {
                expect_not_in_log("tool_call_started");
                expect_in_log("run_failed");
            } else {
                expect_status(ASM_AGENT_IDLE);
                expect_in_log("\"tool_output\":\"{\\\"a\\\":1,\\\"b\\\":[2]}\"");
                expect_last_words("Done.");
            }
            ask("Still there?"); /* whatever happened, the conversation goes on */
            expect_status(ASM_AGENT_IDLE);
            assert_int_equal(mock.refused, 0);
            end();
        }
        assert_true(size > 100);
    }
}

/* ---- errors ---- */

static void test_retries(void **state) {
    static const struct {
        const char *script;
        int64_t seconds; /* that it takes at least */
    } cases[] = {
        {"{\"status\":429,\"headers\":{\"retry-after\":\"7\"}}\n", 7},
        {"{\"status\":429,\"headers\":{\"retry-after\":\"Mon, 09 Feb 2026 12:00:30 GMT\",\"date\":\"Mon, 09 "
         "Feb 2026 12:00:10 GMT\"}}\n",
         20},
        {"{\"status\":429,\"headers\":{\"retry-after\":\"Mon, 09 Feb 2026 12:00:09 GMT\"}}\n", 9},
        {"{\"status\":503,\"headers\":{\"retry-after-ms\":\"2500\",\"retry-after\":\"9\"}}\n", 2},
        {"{\"status\":529,\"headers\":{\"anthropic-ratelimit-unified-reset\":\"1770660000\"}}\n", 0},
        {"{\"status\":500}\n{\"status\":529}\n{\"status\":504}\n", 5},
        {"{\"text\":\"Half an "
         "\",\"stream_error\":{\"type\":\"overloaded_error\",\"code\":\"server_is_overloaded\",\"message\":"
         "\"Overloaded\"}}\n",
         0},
        {"{\"status\":408}\n", 0},
        {"{\"status\":400,\"headers\":{\"x-should-retry\":\"true\"}}\n", 0},
        {"{\"raw\":\"\"}\n", 0},
        {"{\"raw\":\"<html>busy</html>\",\"status\":502}\n", 0},
    };
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            char script[512];
            asm_llm_options options = plain_options(all_apis[api]);
            snprintf(script, sizeof script, "%s{\"text\":\"Half an answer is none.\"}\n", cases[i].script);
            begin(&options, script);
            start_agent();
            ask("Go");
            expect_status(ASM_AGENT_IDLE);
            assert_string_equal(on_screen, "Half an answer is none.");
            expect_in_log("llm.retry");
            assert_true(now - T0 >= cases[i].seconds * SECOND - SECOND);
            assert_true(now - T0 <= (cases[i].seconds + 8) * SECOND);
            assert_int_equal(count_in(log_text, "step_started"), 1);
            end();
        }
}

/* Middleware that is not ready keeps a question from being asked again, and costs nothing meanwhile. */
static bool holds;
static asm_execution held_execution;

static asm_result hold(void *user, asm_model_request *request) {
    (void)user;
    request->is_held = holds;
    held_execution = request->execution;
    return ASM_OK;
}

static void test_held(void **state) {
    const asm_middleware middleware = {ASM_STR("holds"), NULL, hold, NULL, NULL, NULL};
    asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
    asm_agent_options agent;
    (void)state;
    memset(&agent, 0, sizeof agent);
    agent.config.middleware = &middleware;
    agent.config.middleware_count = 1;
    begin(&options, "{\"status\":500}\n{\"text\":\"Ready.\"}\n");
    start_agent_with(agent);
    holds = false;
    add_text("Go");
    assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
    while (!strstr(log_text, "llm.retry"))
        turn_once();
    holds = true;
    now += 10 * SECOND;
    turn_once();
    turn_once();
    assert_int_equal(server.pending, 0);
    assert_int_equal(asm_agent_server_timeout(&server), -1);
    assert_int_equal(mock.requests, 1);
    holds = false;
    assert_int_equal(asm_execution_wake(held_execution), ASM_OK);
    run();
    expect_last_words("Ready.");
    assert_int_equal(count_in(log_text, "step_started"), 1);
    end();
}

static void test_errors(void **state) {
    static const struct {
        const char *script, *code;
        unsigned requests;
    } cases[] = {
        {"{\"status\":401}", "authentication", 1},
        {"{\"status\":402}", "billing", 1},
        {"{\"status\":400,\"error\":{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
         "\"message\":\"prompt is too long: 9 > 8\"}}}",
         "context_too_long", 1},
        {"{\"status\":400,\"error\":{\"error\":{\"message\":\"This model's maximum context length is "
         "8\",\"code\":\"context_length_exceeded\"}}}",
         "context_too_long", 1},
        {"{\"status\":404,\"error\":{\"detail\":\"no such model\"}}", "model_not_found", 1},
        {"{\"status\":429,\"error\":{\"error\":{\"type\":\"insufficient_quota\",\"message\":\"You exceeded "
         "your current quota\",\"code\":\"insufficient_quota\"}}}",
         "billing", 1},
        {"{\"status\":429,\"error\":{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":"
         "\"spent\",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}}",
         "billing", 1},
        {"{\"status\":429,\"headers\":{\"retry-after\":\"3600\"}}", "rate_limit", 1},
        {"{\"status\":429,\"headers\":{\"anthropic-ratelimit-unified-reset\":\"1770660000\"}}", "rate_limit",
         1},
        {"{\"status\":422}", "invalid_request", 1},
        {"{\"status\":500,\"headers\":{\"x-should-retry\":\"false\"}}", "server_error", 1},
        {"{\"status\":500}\n{\"status\":500}\n{\"status\":500}", "server_error", 3},
        {"{\"status\":302,\"raw\":\"moved\"}\n{\"status\":302,\"raw\":\"moved\"}\n{\"status\":302,\"raw\":"
         "\"moved\"}",
         "protocol", 3},
        {"{\"raw\":\"hello\"}\n{\"raw\":\"hello\"}\n{\"raw\":\"hello\"}", "protocol", 3},
    };
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (size_t i = 0; i < COUNT(cases); i++) {
            char expected[128];
            asm_llm_options options = plain_options(all_apis[api]);
            options.retries = 2;
            begin(&options, cases[i].script);
            start_agent();
            ask("Go");
            expect_status(ASM_AGENT_ERROR);
            snprintf(expected, sizeof expected, "\"error_code\":\"%s\"", cases[i].code);
            expect_in_log(expected);
            expect(mock.requests == cases[i].requests, "%s: requests %u", cases[i].script, mock.requests);
            ask("Again");
            expect_status(ASM_AGENT_IDLE);
            end();
        }
    end_of_cases();
}

static void test_connection(void **state) {
    (void)state;
    asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
    options.retries = 1;
    begin(&options, NULL);
    start_agent();
    start_result = ASM_ERR_OPEN;
    ask("Go");
    expect_status(ASM_AGENT_ERROR);
    expect_in_log("\"error_code\":\"connection\"");
    start_result = ASM_OK;
    cut_at = 100;
    cut_error = "Connection reset by peer";
    ask("Go on");
    expect_status(ASM_AGENT_ERROR);
    expect_in_log("Connection reset by peer");
    cut_at = 0; /* an error after the end of an answer is none of the answer */
    ask("Go on");
    expect_status(ASM_AGENT_IDLE);
    cut_error = NULL;
    is_held = true;
    ask("Silence");
    expect_status(ASM_AGENT_ERROR);
    expect_in_log("\"error_code\":\"timeout\"");
    assert_true(cancelled >= 2);
    end();
}

/* The server repeats the key, whole or up to where the text is cut: nobody is told. */
static void test_secret(void **state) {
    static const char *const scripts[] = {
        "{\"status\":401,\"error\":{\"error\":{\"message\":\"Incorrect API key provided: " KEY ".\"}}}",
        "{\"status\":500,\"raw\":\"key " KEY " " KEY "\"}",
        "{\"status\":500,\"raw\":\"key=" KEY "\"}",
        "{\"raw\":\"" KEY "\"}",
        "{\"status\":401,\"raw\":\"{\\\"detail\\\":\\\"" KEY "\\\"}\"}",
        "{\"status\":401,\"raw\":\"{\\\"type\\\":\\\"odd\\\",\\\"headers\\\":{\\\"x-api-key\\\":\\\"" KEY
        "\\\"}}\"}",
        "{\"raw\":\"data: {\\\"type\\\":\\\"odd\\\",\\\"created_at\\\":\\\"" KEY "\\\"}\\n\\n\"}",
        "{\"status\":500,\"raw\":\"--------------------------------------------------------------------------"
        "--------------------------------------------------------------------------------------------------"
        "-------- " KEY "\"}",
    };
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (size_t i = 0; i < COUNT(scripts); i++) {
            char script[1024];
            asm_buffer exported;
            asm_llm_options options = plain_options(all_apis[api]);
            options.retries = 1;
            snprintf(script, sizeof script, "%s\n%s\n", scripts[i], scripts[i]);
            begin(&options, script);
            start_agent();
            ask("Go");
            asm_buffer_init_growing(&exported);
            assert_int_equal(asm_agent_export_state(&server, AGENT, &exported), ASM_OK);
            asm_buffer_append_byte(&exported, '\0');
            expect_status(ASM_AGENT_ERROR);
            expect_not_in_log("sk-test-0");
            if (!strstr(scripts[i], "odd")) expect_in_log("***");
            assert_null(strstr(exported.data, "sk-test-0"));
            assert_null(strstr(server.error, "sk-test-0"));
            asm_buffer_close(&exported);
            end();
        }
}

/* As JSON escapes it, in what is told as it came; and what only looks like it. */
static void test_secret_with_escapes(void **state) {
    static const struct {
        const char *raw;
        bool is_told;
    } cases[] = {
        {"{\"type\":\"odd\",\"key\":\"sk/a+\\\\b==\"}", false},
        {"{\"type\":\"odd\",\"key\":\"sk\\/a+\\\\b\\u003d\\u003D\"}", false},
        {"{\"type\":\"odd\",\"key\":\"\\u0073k/a\\u002b\\u005Cb==\"}", false},
        {"{\"type\":\"odd\",\"key\":\"sk/a+\\\\b=\\u001d\"}", true},
        {"{\"type\":\"odd\",\"key\":\"sk/a+\\\\b=\\u083d\"}", true},
        {"{\"type\":\"odd\",\"key\":\"sk/a+\\\\c==\"}", true},
    };
    static const asm_str secret = ASM_STR_INIT("sk/a+\\b==");
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) { /* in an error's text, and in an event of its own */
        const char *begun = i % 2 ? "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n" : "";
        char script[1024], quoted[512];
        asm_buffer out;
        asm_json_writer writer;
        asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
        asm_buffer_init_fixed(&out, quoted, sizeof quoted - 1);
        asm_json_writer_init(&writer, &out);
        snprintf(script, sizeof script, "%sdata: %s\n\n", begun, cases[i / 2].raw);
        asm_json_write_string(&writer, asm_str_from(script));
        quoted[out.size] = '\0';
        snprintf(script, sizeof script, "{\"raw\":%s}\n", quoted);
        options.secrets = &secret;
        options.retries = -1;
        begin(&options, script);
        start_agent();
        ask("Go");
        expect_status(ASM_AGENT_ERROR);
        if (i % 2) assert_int_equal(strstr(log_text, "odd") != NULL, cases[i / 2].is_told);
        else assert_int_equal(strstr(log_text, "***") == NULL, cases[i / 2].is_told);
        end();
    }
}

/* ---- calls ---- */

static const asm_llm_tool strict_tools[] = {
    {.name = "read",
     .schema = "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"},\"lines\":{\"type\":"
               "\"array\",\"items\":{\"type\":\"integer\"}},"
               "\"how\":{\"enum\":[\"all\",\"some\"]},\"opt\":{\"type\":\"object\",\"required\":[\"x\"]}},"
               "\"required\":[\"path\"]}",
     .run = echo_tool},
    {.name = "echo", .run = echo_tool},
};

static void test_wrong_calls(void **state) {
    static const struct {
        const char *call, *answer; /* NULL: it is run */
    } cases[] = {
        {"{\"name\":\"read\",\"arguments\":{\"path\":\"a\",\"lines\":[1,2.0],\"how\":\"s\\u006fme\",\"opt\":{"
         "\"x\":null}}}",
         NULL},
        {"{\"name\":\"read\",\"arguments\":{}}",
         "The call was not run: arguments must have the member \\\"path\\\""},
        {"{\"name\":\"read\",\"arguments\":{\"path\":1}}",
         "arguments.path must be of the type \\\"string\\\""},
        {"{\"name\":\"read\",\"arguments\":{\"p\\u0061th\":1}}",
         "arguments.path must be of the type \\\"string\\\""},
        {"{\"name\":\"read\",\"arguments\":{\"path\":\"a\",\"lines\":[1,\"2\"]}}",
         "arguments.lines[1] must be of the type \\\"integer\\\""},
        {"{\"name\":\"read\",\"arguments\":{\"path\":\"a\",\"lines\":[1,2.5]}}",
         "arguments.lines[1] must be of the type \\\"integer\\\""},
        {"{\"name\":\"read\",\"arguments\":{\"path\":\"a\",\"how\":\"no\"}}",
         "arguments.how must be one of [\\\"all\\\",\\\"some\\\"]"},
        {"{\"name\":\"read\",\"arguments\":{\"path\":\"a\",\"opt\":{}}}",
         "arguments.opt must have the member \\\"x\\\""},
        {"{\"name\":\"no such\",\"arguments\":{}}",
         "There is no tool of the name no such. There are: read, echo"},
        {"{\"name\":\"\",\"arguments\":{}}", "There is no tool of the name"},
        {"{\"name\":\"echo\",\"arguments\":\"{\\\"a\\\":\"}",
         "The arguments are no valid JSON object. They begin with: {\\\"a\\\":"},
        {"{\"name\":\"echo\",\"arguments\":\"[1]\"}", "The arguments are no valid JSON object."},
        {"{\"name\":\"echo\"}", NULL},
        {"{\"name\":\"echo\",\"id\":null,\"arguments\":{}}", NULL},
        {"{\"name\":\"echo\",\"id\":\"same\",\"arguments\":{}}", NULL},
        {"{\"name\":\"echo\",\"id\":\"same\",\"arguments\":{}},{\"name\":\"echo\",\"id\":\"same\","
         "\"arguments\":{\"b\":2}}",
         NULL},
        {"{\"name\":\"echo\",\"id\":\"same\"},{\"name\":\"echo\",\"id\":\"same\"}", NULL},
        {"{\"name\":\"echo\",\"id\":null,\"arguments\":{}},{\"name\":\"echo\",\"id\":null,"
         "\"arguments\":{\"b\":2}}",
         NULL},
    };
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (size_t k = 0; k < 2 * COUNT(cases); k++) {
            const size_t i = k / 2;
            char script[512];
            asm_llm_options options = plain_options(all_apis[api]);
            options.is_not_streamed = k % 2 != 0;
            if (strstr(cases[i].call, "arguments\":\"") &&
                (all_apis[api] == ASM_LLM_OLLAMA ||
                 (all_apis[api] == ASM_LLM_ANTHROPIC && options.is_not_streamed)))
                continue; /* they send objects */
            options.tools = strict_tools;
            options.tool_count = 2;
            snprintf(script, sizeof script, "{\"calls\":[%s]}\n{\"calls\":[%s]}\n{\"text\":\"Done.\"}\n",
                     cases[i].call, cases[i].call);
            begin(&options, script);
            start_agent();
            ask("Go");
            expect_status(ASM_AGENT_IDLE);
            expect_last_words("Done.");
            expect(mock.refused == 0, "%s: %s", cases[i].call, mock.complaint);
            const size_t calls = 2 * count_in(cases[i].call, "\"name\"");
            expect(count_in(log_text, "tool_call_started") == calls, "%s: %s", cases[i].call, log_text);
            if (cases[i].answer) expect_in_log(cases[i].answer);
            expect(count_in(log_text, cases[i].answer ? "tool_call_failed" : "tool_call_completed") == calls,
                   "%s: %s", cases[i].call, log_text);
            end();
        }
    end_of_cases();
}

/* A call that max_tokens cut before its arguments is not run with none. */
static void test_cut_call(void **state) {
    asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
    (void)state;
    options.tools = echo_tools;
    options.tool_count = 1;
    begin(&options, "{\"stop\":\"max_tokens\",\"calls\":[{\"name\":\"echo\",\"arguments\":{\"a\":1}},{"
                    "\"name\":\"echo\"}]}\n{\"text\":\"Cut.\",\"stop\":\"max_tokens\"}");
    start_agent();
    ask("Go");
    expect_status(ASM_AGENT_IDLE);
    expect_in_log("The answer was cut before the arguments were complete.");
    assert_int_equal(count_in(log_text, "tool_call_completed"), 1);
    expect_in_log("run_completed {\"stop_reason\":\"max_tokens\"");
    end();
}

static void test_limits(void **state) {
    static const struct {
        asm_llm_limits limits;
        const char *script, *text;
    } cases[] = {
        {{.steps = 3}, NULL, "limits.steps"},
        {{.tokens = 150}, NULL, "limits.tokens"},
        {{.cost_usd = 0.5}, NULL, "limits.cost_usd"},
        {{.response = 200}, NULL, "limits.response"},
        {{.text = 10}, "{\"text\":\"Hello, who is there?\"}", "limits.text"},
        {{.text = 10}, "{\"thinking\":\"Hello, who is there?\"}", "limits.text"},
        {{.arguments = 10}, NULL, "limits.arguments"},
        {{.calls = 1}, "{\"calls\":[{\"name\":\"echo\"},{\"name\":\"echo\"}]}", "limits.calls"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        char script[4096] = "";
        asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
        options.tools = echo_tools;
        options.tool_count = 1;
        options.limits = cases[i].limits;
        options.prices.input = 3000;
        for (int k = 0; k < 10 && !cases[i].script; k++)
            strcat(script, "{\"calls\":[{\"name\":\"echo\",\"arguments\":{\"a\":\"some text\"}}]}\n");
        begin(&options, cases[i].script ? cases[i].script : script);
        start_agent();
        ask("Go");
        expect_status(ASM_AGENT_ERROR);
        expect_in_log("\"error_code\":\"limit\"");
        expect_in_log(cases[i].text);
        end();
    }
}

/* Fifty steps, then the limit. */
static void test_fifty_steps(void **state) {
    static char script[100 * 80];
    asm_llm_options options = plain_options(ASM_LLM_OPENAI);
    (void)state;
    script[0] = 0;
    for (int i = 0; i < 60; i++)
        strcat(script, "{\"calls\":[{\"name\":\"echo\",\"arguments\":{\"a\":1}}]}\n");
    options.tools = echo_tools;
    options.tool_count = 1;
    begin(&options, script);
    start_agent();
    ask("Go");
    expect_status(ASM_AGENT_ERROR);
    assert_int_equal(mock.requests, 50);
    assert_int_equal(mock.refused, 0);
    assert_int_equal(info().state.turn_count, 101);
    end();
}

/* ---- tools that take their time ---- */

static asm_llm_call slow_calls[16];
static size_t slow_count;
static unsigned slow_cancelled;

static void slow_run(void *user, const asm_llm_call *call) {
    (void)user;
    assert_true(slow_count < COUNT(slow_calls));
    slow_calls[slow_count++] = *call;
}

static void slow_cancel(void *user, const asm_llm_call *call) {
    (void)user, (void)call;
    slow_cancelled++;
}

static const asm_llm_tool slow_tools[] = {
    {.name = "slow", .run = slow_run, .cancel = slow_cancel},
    {.name = "beside", .run = slow_run, .cancel = slow_cancel, .is_parallel = true, .time_limit_ms = 5000},
    {.name = "ask", .run = echo_tool, .needs_approval_always = true},
    {.name = "echo", .run = echo_tool},
};

static void begin_slow(asm_llm_api api, const char *script) {
    asm_llm_options options = plain_options(api);
    options.tools = slow_tools;
    options.tool_count = COUNT(slow_tools);
    slow_count = 0;
    slow_cancelled = 0;
    begin(&options, script);
    start_agent();
}

static void test_side_by_side(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        begin_slow(all_apis[api],
                   "{\"calls\":[{\"name\":\"beside\",\"arguments\":{\"n\":1}},{\"name\":\"beside\","
                   "\"arguments\":{\"n\":2}},{\"name\":\"slow\",\"arguments\":{}}]}\n{\"text\":\"Done.\"}\n");
        add_text("Go");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        for (int i = 0; i < 20; i++)
            turn_once();
        assert_int_equal(slow_count, 2); /* the third waits for both */
        assert_int_equal(asm_llm_call_stream(&slow_calls[0], ASM_STR("working")), ASM_OK);
        assert_int_equal(asm_llm_call_complete(&slow_calls[1], ASM_STR("second")), ASM_OK);
        assert_int_equal(asm_llm_call_complete(&slow_calls[1], ASM_STR("again")), ASM_ERR_NOT_FOUND);
        for (int i = 0; i < 5; i++)
            turn_once();
        assert_int_equal(slow_count, 2);
        assert_true(asm_llm_call_is_active(&slow_calls[0]));
        assert_int_equal(asm_llm_call_fail(&slow_calls[0], ASM_STR("first")), ASM_OK);
        for (int i = 0; i < 5; i++)
            turn_once();
        assert_int_equal(slow_count, 3);
        assert_int_equal(asm_llm_call_complete(&slow_calls[2], ASM_STR("third")), ASM_OK);
        run();
        expect_last_words("Done.");
        expect_in_log("tool_output_streamed {\"tool_name\":\"beside\",\"tool_call_id\":");
        asm_buffer_append_byte(&mock.last, '\0');
        const char *first = strstr(mock.last.data, "first"), *second = strstr(mock.last.data, "second");
        assert_true(first && second && first < second && second < strstr(mock.last.data, "third"));
        assert_int_equal(mock.refused, 0);
        end();
    }
}

static void test_time_limit(void **state) {
    (void)state;
    begin_slow(ASM_LLM_OPENAI, "{\"calls\":[{\"name\":\"beside\"}]}\n{\"text\":\"Too slow.\"}\n");
    ask("Go");
    expect_status(ASM_AGENT_IDLE);
    expect_last_words("Too slow.");
    expect_in_log("\"status\":\"timeout\"");
    assert_int_equal(slow_cancelled, 1);
    assert_true(now - T0 >= 5 * SECOND && now - T0 < 6 * SECOND);
    assert_int_equal(asm_llm_call_complete(&slow_calls[0], ASM_STR("late")), ASM_ERR_NOT_FOUND);
    end();
}

/* ---- limits of time ---- */

static void expect_limit(const char *code, const char *name) {
    char expected[128];
    expect_status(ASM_AGENT_ERROR);
    snprintf(expected, sizeof expected, "\"error_code\":\"%s\"", code);
    expect_in_log(expected);
    expect_in_log(name);
}

/* Of an execution: while the model answers, and while a tool runs. */
static void test_time(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (int has_tool = 0; has_tool < 2; has_tool++) {
            begin_slow(all_apis[api], has_tool ? "{\"calls\":[{\"name\":\"slow\"}]}" : NULL);
            llm.options.limits.time_ms = 3000;
            is_held = !has_tool;
            ask("Go");
            expect_limit("limit", "limits.time_ms");
            assert_true(now - T0 >= 3 * SECOND && now - T0 < 4 * SECOND);
            assert_int_equal(slow_cancelled, has_tool);
            assert_int_equal(cancelled, !has_tool);
            end();
        }
}

/* Nothing comes; only signs of life come; text comes, then nothing. */
static void test_silence(void **state) {
    static const char *const comes[] = {
        NULL, ": still there\n\n",
        "data: {\"id\":\"g\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n"};
    (void)state;
    for (size_t i = 0; i < COUNT(comes); i++) {
        asm_llm_options options = plain_options(ASM_LLM_OPENAI);
        options.retries = -1;
        options.limits.silence_ms = 2000;
        begin(&options, NULL);
        start_agent();
        is_held = true;
        add_text("Go");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        for (int k = 0; server.running > 0 && k < 100; k++) {
            turn_once();
            if (transfer_count && comes[i] && (i == 1 || k == 10))
                (void)asm_llm_take_body(transfers[0].exchange, comes[i], strlen(comes[i]));
            now += SECOND / 10;
        }
        expect_limit("timeout", "limits.silence_ms");
        assert_true(now - T0 >= (i == 2 ? 3 : 2) * SECOND && now - T0 < (i == 2 ? 4 : 3) * SECOND);
        assert_int_equal(cancelled, 1);
        assert_string_equal(on_screen, i == 2 ? "Hi" : "");
        end();
    }
}

static void test_wait(void **state) {
    asm_llm_options options = plain_options(ASM_LLM_OPENAI);
    (void)state;
    options.limits.wait_ms = 5000;
    begin(&options, "{\"status\":429,\"headers\":{\"retry-after\":\"5\"}}\n"
                    "{\"status\":429,\"headers\":{\"retry-after\":\"6\"}}\n");
    start_agent();
    ask("Go");
    expect_limit("rate_limit", "limits.wait_ms: 6)");
    assert_true(now - T0 >= 5 * SECOND && now - T0 < 6 * SECOND);
    end();
}

/* A result that is longer is cut for the model, which is told. */
static void test_output(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        static char output[5000];
        begin_slow(all_apis[api], "{\"calls\":[{\"name\":\"slow\"}]}\n{\"text\":\"Done.\"}");
        llm.options.limits.output = 1000;
        add_text("Go");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        while (slow_count == 0)
            turn_once();
        memset(output, 'x', sizeof output - 1);
        assert_int_equal(asm_llm_call_complete(&slow_calls[0], asm_str_from(output)), ASM_OK);
        run();
        expect_last_words("Done.");
        asm_buffer_append_byte(&mock.last, '\0');
        assert_int_equal(strspn(strstr(mock.last.data, "xxxx"), "x"), 1000);
        assert_non_null(strstr(mock.last.data, "3999 more bytes"));
        assert_int_equal(mock.refused, 0);
        end();
    }
}

/* Cancel while a tool runs, while the model answers, while it waits to ask again: the conversation goes on. */
static void test_cancel(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        begin_slow(all_apis[api], "{\"calls\":[{\"name\":\"slow\"}]}\n{\"text\":\"Never "
                                  "seen.\"}\n{\"status\":500}\n{\"text\":\"Fine.\"}\n");
        add_text("Go");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        while (slow_count == 0)
            turn_once();
        assert_int_equal(asm_agent_cancel(&server, AGENT), ASM_OK);
        assert_int_equal(slow_cancelled, 1);
        assert_int_equal(asm_llm_call_complete(&slow_calls[0], ASM_STR("late")), ASM_ERR_NOT_FOUND);
        expect_status(ASM_AGENT_CANCELLED);
        add_text("Second");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        is_held = true;
        for (int i = 0; i < 4; i++)
            turn_once();
        const asm_llm_exchange exchange = transfers[transfer_count - 1].exchange;
        assert_int_equal(asm_agent_cancel(&server, AGENT), ASM_OK);
        assert_int_equal(cancelled, 1);
        assert_int_equal(asm_llm_take_body(exchange, "x", 1), ASM_ERR_NOT_FOUND);
        assert_int_equal(asm_llm_end(exchange, asm_str_from(NULL)), ASM_ERR_NOT_FOUND);
        is_held = false;
        add_text("Third");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        for (int i = 0; i < 20 && !strstr(log_text, "llm.retry"); i++)
            turn_once();
        assert_int_equal(asm_agent_cancel(&server, AGENT), ASM_OK);
        ask("Fourth");
        expect_last_words("Fine.");
        assert_int_equal(mock.refused, 0);
        end();
    }
}

/* ---- approvals ---- */

static void decide(asm_decision_kind kind, const char *arguments, const char *message) {
    asm_decision decisions[8];
    asm_resume resume;
    const asm_agent_info made = info();
    memset(decisions, 0, sizeof decisions);
    memset(&resume, 0, sizeof resume);
    for (size_t i = 0; i < made.request_count; i++) {
        decisions[i].kind = kind;
        decisions[i].tool_call_id = made.requests[i].tool_call_id;
        decisions[i].arguments = asm_str_from(arguments);
        decisions[i].message = asm_str_from(message);
    }
    resume.interrupt = made.interrupt;
    resume.decisions = decisions;
    resume.decision_count = made.request_count;
    assert_int_equal(asm_agent_resume(&server, AGENT, &resume), ASM_OK);
    run();
}

static void test_approvals(void **state) {
    static const char script[] = "{\"calls\":[{\"name\":\"echo\",\"arguments\":{\"n\":1}},{\"name\":\"ask\","
                                 "\"arguments\":{\"n\":2}},{\"name\":\"ask\",\"arguments\":{\"n\":3}},"
                                 "{\"name\":\"echo\",\"arguments\":{\"n\":4}}]}\n{\"text\":\"Done.\"}\n";
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (int kind = ASM_DECISION_APPROVE; kind <= ASM_DECISION_REJECT; kind++) {
            begin_slow(all_apis[api], script);
            ask("Go");
            expect_status(ASM_AGENT_INTERRUPTED);
            assert_int_equal(info().request_count, 2);
            expect_in_log("interrupt_triggered");
            assert_int_equal(count_in(log_text, "tool_call_completed"), 1);
            add_text("By the way");
            decide((asm_decision_kind)kind, kind == ASM_DECISION_EDIT ? "{\"n\":9}" : NULL,
                   kind == ASM_DECISION_REJECT ? "not now" : NULL);
            expect_status(ASM_AGENT_IDLE);
            expect_last_words("Done.");
            assert_int_equal(mock.refused, 0);
            asm_buffer_append_byte(&mock.last, '\0');
            assert_non_null(strstr(mock.last.data, "By the way"));
            if (kind == ASM_DECISION_REJECT) assert_non_null(strstr(mock.last.data, "not now"));
            if (kind == ASM_DECISION_EDIT)
                assert_non_null(strstr(mock.last.data, "The user changed the arguments"));
            assert_int_equal(count_in(log_text, "tool_call_started"), 4);
            assert_int_equal(
                count_in(log_text, "tool_call_completed") + count_in(log_text, "tool_call_failed"), 4);
            end();
        }
}

/* ---- thinking ---- */

static void test_thinking(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        asm_llm_options options = plain_options(all_apis[api]);
        options.tools = echo_tools;
        options.tool_count = 1;
        options.thinking_tokens = 2000;
        options.effort = ASM_STR("high");
        options.returns_thinking = true;
        begin(&options, "{\"thinking\":\"I should "
                        "\\\"echo\\\".\",\"text\":\"So.\",\"calls\":[{\"name\":\"echo\",\"arguments\":{}}]}"
                        "\n{\"thinking\":\"Now what?\",\"text\":\"Done.\"}\n");
        start_agent();
        ask("Go");
        expect_status(ASM_AGENT_IDLE);
        expect_in_log("\"thinking\":true");
        assert_int_equal(mock.refused, 0);
        asm_buffer_append_byte(&mock.last, '\0');
        if (all_apis[api] == ASM_LLM_ANTHROPIC)
            assert_non_null(
                strstr(mock.last.data, "\"thinking\":\"I should \\\"echo\\\".\",\"signature\":\"sig"));
        if (all_apis[api] == ASM_LLM_RESPONSES)
            assert_non_null(strstr(mock.last.data, "\"encrypted_content\":\"ENCRYPTED==\""));
        if (all_apis[api] == ASM_LLM_OPENAI)
            assert_non_null(strstr(mock.last.data, "\"reasoning_content\":\"I should \\\"echo\\\".\""));
        /* Another model does not get it. */
        llm.options.model = ASM_STR("other");
        ask("Go on");
        expect_status(ASM_AGENT_IDLE);
        asm_buffer_append_byte(&mock.last, '\0');
        assert_null(strstr(mock.last.data, "I should"));
        assert_null(strstr(mock.last.data, "ENCRYPTED"));
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),       cmocka_unit_test(test_tool),
        cmocka_unit_test(test_pieces),       cmocka_unit_test(test_cut),
        cmocka_unit_test(test_retries),      cmocka_unit_test(test_held),
        cmocka_unit_test(test_errors),       cmocka_unit_test(test_connection),
        cmocka_unit_test(test_secret),       cmocka_unit_test(test_secret_with_escapes),
        cmocka_unit_test(test_wrong_calls),  cmocka_unit_test(test_cut_call),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_fifty_steps),
        cmocka_unit_test(test_side_by_side), cmocka_unit_test(test_time),
        cmocka_unit_test(test_silence),      cmocka_unit_test(test_wait),
        cmocka_unit_test(test_output),       cmocka_unit_test(test_time_limit),
        cmocka_unit_test(test_cancel),       cmocka_unit_test(test_approvals),
        cmocka_unit_test(test_thinking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
