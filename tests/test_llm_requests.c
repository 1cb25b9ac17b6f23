/* Requests of asm_llm.h: whatever a conversation is, the API takes it. */
#include "llm_support.h"

static const asm_llm_tool tools[] = {
    {.name = "read", .run = NULL},
    {.name = "write", .description = "Writes.", .schema = "{\"type\":\"object\"}"}};

/* The body of a request, checked by the model that is not there; to be closed. */
static asm_buffer body_of(asm_llm_request *request) {
    asm_buffer body;
    char headers[256] = "";
    mock_llm checker;
    mock_answer answer;
    asm_buffer_init_growing(&body);
    assert_int_equal(asm_llm_write_body(request, &body), ASM_OK);
    for (size_t i = 0; i < request->header_count; i++) {
        strcat(headers, request->headers[i]);
        strcat(headers, "\r\n");
    }
    mock_init(&checker, "");
    mock_ask(&checker, request->path, headers, asm_buffer_text(&body), &answer);
    if (checker.complaint[0])
        print_error("refused: %s\n%.*s\n", checker.complaint, (int)body.size, body.data);
    assert_string_equal(checker.complaint, "");
    mock_answer_close(&answer);
    mock_close(&checker);
    return body;
}

static asm_turn turn_of(const char *role, const char *content, const char *calls, const char *results) {
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = asm_str_from(role);
    turn.content = asm_str_from(content);
    turn.tool_calls = asm_str_from(calls);
    turn.tool_results = asm_str_from(results);
    return turn;
}

/* The body for these turns, less its first members. */
static void expect_messages(asm_llm_api api, const asm_turn *turns, size_t count, const char *expected) {
    asm_llm_options options = plain_options(api);
    asm_llm_request request;
    options.tools = tools;
    options.tool_count = 2;
    asm_llm_request_init(&request, &options, turns, count);
    asm_buffer body = body_of(&request);
    asm_buffer_append_byte(&body, '\0');
    const char *messages = strstr(body.data, api == ASM_LLM_RESPONSES ? "\"input\":" : "\"messages\":");
    if (strcmp(messages, expected) != 0) print_error("got:\n%s\nexpected:\n%s\n", messages, expected);
    assert_string_equal(messages, expected);
    asm_buffer_close(&body);
}

static void test_forms(void **state) {
    const asm_turn turns[] = {
        turn_of("user", "Read it.", NULL, NULL),
        turn_of("assistant", "I do.",
                "[{\"id\":\"t1\",\"name\":\"read\",\"arguments\":{\"path\":\"a\"}},{\"id\":\"t2\",\"name\":"
                "\"read\",\"arguments\":{}}]",
                NULL),
        turn_of("tool", NULL, NULL,
                "[{\"tool_call_id\":\"t2\",\"tool_name\":\"read\",\"status\":\"failed\",\"output\":\"no\"}]"),
        turn_of("tool", NULL, NULL,
                "[{\"tool_call_id\":\"t1\",\"tool_name\":\"read\",\"status\":\"completed\",\"output\":\"x "
                "\\\"y\\\"\"}]"),
        turn_of("user", "And?", NULL, NULL),
    };
    (void)state;
    expect_messages(
        ASM_LLM_ANTHROPIC, turns, COUNT(turns),
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Read it.\"}]},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"I do.\"},"
        "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"read\",\"input\":{\"path\":\"a\"}},"
        "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"read\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"x "
        "\\\"y\\\"\"},"
        "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\",\"content\":\"failed: no\",\"is_error\":true},"
        "{\"type\":\"text\",\"text\":\"And?\"}]}]}");
    expect_messages(
        ASM_LLM_OPENAI, turns, COUNT(turns),
        "\"messages\":[{\"role\":\"user\",\"content\":\"Read it.\"},{\"role\":\"assistant\",\"content\":\"I "
        "do.\",\"tool_calls\":["
        "{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"{\\\"path\\\":"
        "\\\"a\\\"}\"}},"
        "{\"id\":\"t2\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"x \\\"y\\\"\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"t2\",\"content\":\"failed: "
        "no\"},{\"role\":\"user\",\"content\":\"And?\"}]}");
    expect_messages(ASM_LLM_RESPONSES, turns, COUNT(turns),
                    "\"input\":[{\"role\":\"user\",\"content\":\"Read "
                    "it.\"},{\"role\":\"assistant\",\"content\":\"I do.\"},"
                    "{\"type\":\"function_call\",\"call_id\":\"t1\",\"name\":\"read\",\"arguments\":\"{"
                    "\\\"path\\\":\\\"a\\\"}\"},"
                    "{\"type\":\"function_call\",\"call_id\":\"t2\",\"name\":\"read\",\"arguments\":\"{}\"},"
                    "{\"type\":\"function_call_output\",\"call_id\":\"t1\",\"output\":\"x \\\"y\\\"\"},"
                    "{\"type\":\"function_call_output\",\"call_id\":\"t2\",\"output\":\"failed: "
                    "no\"},{\"role\":\"user\",\"content\":\"And?\"}]}");
}

#define PNG "{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"QUI=\"}"

/* Images in results and of the user, as each API takes them. */
static void test_images(void **state) {
    asm_turn turns[] = {
        turn_of("user", "Look.", NULL, NULL),
        turn_of("assistant", NULL, "[{\"id\":\"t1\",\"name\":\"read\",\"arguments\":{}}]", NULL),
        turn_of(
            "tool", NULL, NULL,
            "[{\"tool_call_id\":\"t1\",\"status\":\"completed\",\"output\":[{\"type\":\"text\",\"text\":\"a "
            "cat\"}," PNG "]}]"),
        turn_of("user", "And this?", NULL, NULL),
    };
    turns[3].extra = ASM_STR("{\"images\":[{\"media_type\":\"image/jpeg\",\"data\":\"/9j=\"}]}");
    (void)state;
    expect_messages(
        ASM_LLM_ANTHROPIC, turns + 1, 3,
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Begin.\"}]},{\"role\":"
        "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"read\",\"input\":{}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":[{"
        "\"type\":"
        "\"text\",\"text\":\"a "
        "cat\"},{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
        "png\",\"data\":\"QUI=\"}}]},{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
        "\"image/"
        "jpeg\",\"data\":\"/9j=\"}},{\"type\":\"text\",\"text\":\"And this?\"}]}]}");
    expect_messages(
        ASM_LLM_RESPONSES, turns, 4,
        "\"input\":[{\"role\":\"user\",\"content\":\"Look.\"},{\"type\":\"function_call\",\"call_id\":\"t1\","
        "\"name\":\"read\",\"arguments\":\"{}\"},{\"type\":\"function_call_output\",\"call_id\":\"t1\","
        "\"output\":"
        "[{\"type\":\"input_text\",\"text\":\"a cat\"},{\"type\":\"input_image\",\"image_url\":\"data:image/"
        "png;base64,QUI=\"}]},{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"And "
        "this?\"},"
        "{\"type\":\"input_image\",\"image_url\":\"data:image/jpeg;base64,/9j=\"}]}]}");
    expect_messages(
        ASM_LLM_OPENAI, turns, 4,
        "\"messages\":[{\"role\":\"user\",\"content\":\"Look.\"},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"t1\",\"type\":\"function\",\"function\":{\"name\":\"read\",\"arguments\":"
        "\"{}"
        "\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"t1\",\"content\":\"a "
        "cat\\n[image]\"},{\"role\":\"user\","
        "\"content\":[{\"type\":\"text\",\"text\":\"And "
        "this?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/jpeg;base64,/9j=\"}}]}]}");
    expect_messages(
        ASM_LLM_OLLAMA, turns, 4,
        "\"messages\":[{\"role\":\"user\",\"content\":\"Look.\"},{\"role\":\"assistant\",\"content\":\"\","
        "\"tool_calls\":[{\"id\":\"t1\",\"function\":{\"name\":\"read\",\"arguments\":{}}}]},{\"role\":"
        "\"tool\",\"tool_call_id\":\"t1\",\"tool_name\":\"read\",\"content\":\"a "
        "cat\\n[image]\"},{\"role\":\"user\",\"content\":\"And this?\",\"images\":[\"/9j=\"]}]}");
}

/* Neighbours become one message, what says nothing is left out, the user begins and ends. */
static void test_repairs(void **state) {
    const asm_turn turns[] = {
        turn_of("system", "Be brief.", NULL, NULL),
        turn_of("tool", NULL, NULL,
                "[{\"tool_call_id\":\"gone\",\"status\":\"completed\",\"output\":\"x\"}]"),
        turn_of("assistant", "Hello.", NULL, NULL),
        turn_of("assistant", " \n", NULL, NULL),
        turn_of("assistant", "I am here.", NULL, NULL),
        turn_of("user", "One", NULL, NULL),
        turn_of("user", "", NULL, NULL),
        turn_of("system", "Note.", NULL, NULL),
        turn_of("user", "two", NULL, NULL),
        turn_of("assistant", NULL, "[{\"id\":\"a b\",\"name\":\"no such/name\",\"arguments\":{}}]", NULL),
    };
    asm_llm_options options = plain_options(ASM_LLM_OPENAI);
    asm_llm_request request;
    (void)state;
    asm_llm_request_init(&request, &options, turns, COUNT(turns));
    asm_buffer body = body_of(&request);
    asm_buffer_append_byte(&body, '\0');
    assert_int_equal(request.patched, 1);
    assert_int_equal(request.dropped, 1);
    assert_string_equal(
        strstr(body.data, "\"messages\":"),
        "\"messages\":[{\"role\":\"system\",\"content\":\"Be "
        "brief.\"},{\"role\":\"user\",\"content\":\"Begin.\"},"
        "{\"role\":\"assistant\",\"content\":\"Hello.\\n\\nI am here.\"},"
        "{\"role\":\"user\",\"content\":\"One\\n\\n<system>\\n\\nNote.\\n\\n</system>\\n\\ntwo\"},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a "
        "b\",\"type\":\"function\",\"function\":"
        "{\"name\":\"no_such_name\",\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"a b\",\"content\":\"failed: There is no result of this "
        "call.\"}]}");
    asm_buffer_close(&body);
    options.api = ASM_LLM_ANTHROPIC;
    asm_llm_request_init(&request, &options, turns, COUNT(turns));
    body = body_of(&request);
    asm_buffer_close(&body);
    assert_int_equal(request.patched, 1);
    assert_int_equal(request.dropped, 1);
}

/* Calls of one id, in one answer and in several, as a conversation from elsewhere may have them; and ids that differ only
 * in what Anthropic does not take. Each call has its own result. */
static void test_same_ids(void **state) {
    const asm_turn turns[] = {
        turn_of("user", "Go", NULL, NULL),
        turn_of("assistant", NULL,
                "[{\"id\":\"x\",\"name\":\"read\",\"arguments\":{\"n\":1}},{\"id\":\"x\",\"name\":\"read\","
                "\"arguments\":{\"n\":2}},{\"id\":\"a.b\",\"name\":\"read\",\"arguments\":{}},"
                "{\"id\":\"a:b\",\"name\":\"read\",\"arguments\":{}}]",
                NULL),
        turn_of("tool", NULL, NULL,
                "[{\"tool_call_id\":\"x\",\"status\":\"completed\",\"output\":\"first\"},"
                "{\"tool_call_id\":\"x\",\"status\":\"completed\",\"output\":\"second\"},"
                "{\"tool_call_id\":\"a.b\",\"status\":\"completed\",\"output\":\"dot\"},"
                "{\"tool_call_id\":\"a:b\",\"status\":\"completed\",\"output\":\"colon\"}]"),
        turn_of("assistant", NULL, "[{\"id\":\"x\",\"name\":\"read\",\"arguments\":{\"n\":3}}]", NULL),
        turn_of("tool", NULL, NULL,
                "[{\"tool_call_id\":\"x\",\"status\":\"completed\",\"output\":\"third\"}]"),
    };
    static const char *const outputs[] = {"first", "second", "dot", "colon", "third"};
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        asm_llm_options options = plain_options(all_apis[api]);
        asm_llm_request request;
        options.tools = tools;
        options.tool_count = 2;
        asm_llm_request_init(&request, &options, turns, COUNT(turns));
        asm_buffer body = body_of(&request);
        asm_buffer_append_byte(&body, '\0');
        const char *at = body.data;
        for (size_t i = 0; i < COUNT(outputs); i++) {
            assert_int_equal(count_in(body.data, outputs[i]), 1);
            assert_true(strstr(body.data, outputs[i]) > at);
            at = strstr(body.data, outputs[i]);
        }
        assert_int_equal(request.patched, 0);
        assert_int_equal(request.dropped, 0);
        asm_buffer_close(&body);
    }
}

/* ---- conversations by chance ---- */

static size_t random_below(uint64_t *random, size_t limit) {
    return (size_t)(next_random(random) % limit);
}

static char memory[1 << 16];
static size_t memory_used;

static const char *made(const char *format, ...) {
    va_list arguments;
    char *text = memory + memory_used;
    va_start(arguments, format);
    memory_used += (size_t)vsnprintf(text, sizeof memory - memory_used, format, arguments) + 1;
    va_end(arguments);
    assert_true(memory_used < sizeof memory);
    return text;
}

static const char *some_text(uint64_t *random) {
    static const char *const texts[] = {"Hello",    "", " ", "\n\t", "a \"b\" \\ c", "\xC3\xA4\xE2\x82\xAC",
                                        "\xFF bad", "x"};
    return random_below(random, 9) == 8 ? NULL : texts[random_below(random, COUNT(texts))];
}

static const char *some_calls(uint64_t *random) {
    static const char *const arguments[] = {"{}",       "{\"a\":1}", "[1]",
                                            "\"text\"", "null",      "{\"a\":{\"b\":[1,2]}}"};
    static const char *const names[] = {"read", "", "no such", "write", "n/a", "\\u0000"};
    const char *list = "";
    const size_t count = random_below(random, 4);
    for (size_t i = 0; i < count; i++)
        list = made("%s%s{\"id\":\"%s%u\",\"name\":\"%s\",\"arguments\":%s}", list, i ? "," : "",
                    random_below(random, 2) ? "c." : "c:", (unsigned)random_below(random, 20),
                    names[random_below(random, COUNT(names))],
                    arguments[random_below(random, COUNT(arguments))]);
    return random_below(random, 3) ? NULL : made("[%s]", list);
}

static const char *some_results(uint64_t *random, const char *calls) {
    static const char *const outputs[] = {"\"done\"",
                                          "\"\"",
                                          "{\"a\":1}",
                                          "[]",
                                          "null",
                                          "\" \"",
                                          ("[{\"type\":\"text\",\"text\":\"t\"},{\"type\":\"image\",\"media_"
                                           "type\":\"image/png\",\"data\":\"AA==\"}]"),
                                          "[{\"type\":\"text\",\"text\":\"\"}]"};
    static const char *const states[] = {"completed", "failed", "declined", "timeout"};
    const char *list = "";
    const char *id = calls ? strstr(calls, "\"id\":\"") : NULL;
    for (int i = 0; id || i == 0; i++) {
        const size_t size = id ? strcspn(id + 6, "\"") : 0;
        if (random_below(random, 5))
            list = made("%s%s{\"tool_call_id\":\"%.*s\",\"status\":\"%s\",\"output\":%s%s}", list,
                        *list ? "," : "", (int)(size ? size : 1), size ? id + 6 : "x",
                        states[random_below(random, COUNT(states))],
                        outputs[random_below(random, COUNT(outputs))],
                        random_below(random, 6) ? "" : ",\"arguments\":{\"edited\":true}");
        id = id ? strstr(id + 6, "\"id\":\"") : NULL;
    }
    return made("[%s]", list);
}

static void test_any_conversation(void **state) {
    static const char *const roles[] = {"user",      "user",   "assistant", "assistant",
                                        "assistant", "system", "critic"};
    uint64_t random = 1;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        asm_turn turns[24];
        size_t count = random_below(&random, 24);
        const char *last_calls = NULL;
        memory_used = 0;
        for (size_t i = 0; i < count; i++) {
            const char *role = roles[random_below(&random, COUNT(roles))];
            const bool is_answer = strcmp(role, "assistant") == 0;
            const char *calls = is_answer ? some_calls(&random) : NULL;
            turns[i] = turn_of(role, some_text(&random), calls, NULL);
            if (!is_answer && random_below(&random, 8) == 0)
                turns[i].extra = ASM_STR("{\"images\":[{\"media_type\":\"image/png\",\"data\":\"AA==\"}]}");
            if (last_calls && random_below(&random, 3))
                turns[i] = turn_of("tool", NULL, NULL, some_results(&random, last_calls));
            if (calls) last_calls = calls;
        }
        for (size_t api = 0; api < COUNT(all_apis); api++) {
            asm_llm_options options = plain_options(all_apis[api]);
            asm_llm_request request;
            if (random_below(&random, 2)) options.tools = tools, options.tool_count = 2;
            options.caches_prompt = random_below(&random, 2) != 0;
            options.thinking_tokens = random_below(&random, 2) ? 2000 : 0;
            options.temperature = ASM_DOUBLE(0.5);
            if (random_below(&random, 3) == 0) options.system = ASM_STR("System.");
            asm_llm_request_init(&request, &options, turns, count);
            const asm_todo todo = {ASM_STR("1"), ASM_STR("do it"), ASM_STR("pending"), {NULL, 0}};
            if (random_below(&random, 4) == 0) request.todos = &todo, request.todo_count = 1;
            asm_buffer body = body_of(&request);
            asm_buffer_close(&body);
        }
    }
    assert_int_equal(allocations_alive, 0);
}

/* ---- settings ---- */

static void expect_body(const asm_llm_options *options, const char *expected) {
    const asm_turn turns[] = {turn_of("user", "Hi", NULL, NULL)};
    asm_llm_request request;
    asm_llm_request_init(&request, options, turns, 1);
    asm_buffer body = body_of(&request);
    asm_buffer_append_byte(&body, '\0');
    if (strcmp(body.data, expected) != 0) print_error("got:\n%s\nexpected:\n%s\n", body.data, expected);
    assert_string_equal(body.data, expected);
    asm_buffer_close(&body);
}

static void test_settings(void **state) {
    asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
    const asm_str stop[] = {TEXT("END")};
    (void)state;
    options.system = ASM_STR("Be kind.");
    options.tools = tools;
    options.tool_count = 2;
    options.caches_prompt = true;
    options.thinking_tokens = 4000;
    options.max_tokens = 1000;
    options.temperature = ASM_DOUBLE(0.2);
    expect_body(&options, "{\"model\":\"mock\",\"max_tokens\":5000,\"system\":[{\"type\":\"text\",\"text\":"
                          "\"Be kind.\",\"cache_control\":{\"type\":\"ephemeral\"}}],"
                          "\"tools\":[{\"name\":\"read\",\"input_schema\":{\"type\":\"object\","
                          "\"properties\":{}}},{\"name\":\"write\",\"description\":\"Writes.\","
                          "\"input_schema\":{\"type\":\"object\"},\"cache_control\":{\"type\":\"ephemeral\"}}"
                          "],\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":4000},"
                          "\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
                          "\"text\":\"Hi\",\"cache_control\":{\"type\":\"ephemeral\"}}]}]}");
    options = plain_options(ASM_LLM_OPENAI);
    options.tools = tools;
    options.tool_count = 1;
    options.tool_choice = ASM_STR("read");
    options.max_tokens = 100;
    options.uses_max_tokens = true;
    options.stop = stop;
    options.stop_count = 1;
    options.effort = ASM_STR("low");
    options.extra = ASM_STR("{\"seed\":7,\"stream\":false}");
    expect_body(&options, "{\"model\":\"mock\",\"max_tokens\":100,\"tools\":[{\"type\":\"function\","
                          "\"function\":{\"name\":\"read\",\"parameters\":{\"type\":"
                          "\"object\",\"properties\":{}}}}],\"tool_choice\":{\"type\":\"function\","
                          "\"function\":{\"name\":\"read\"}},\"stop\":[\"END\"],"
                          "\"reasoning_effort\":\"low\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
                          ",\"seed\":7,\"stream\":false}");
    options = plain_options(ASM_LLM_RESPONSES);
    options.effort = ASM_STR("high");
    options.system = ASM_STR("Be kind.");
    options.is_not_streamed = true;
    expect_body(&options, "{\"model\":\"mock\",\"instructions\":\"Be "
                          "kind.\",\"store\":false,\"reasoning\":{\"effort\":\"high\",\"summary\":\"auto\"},"
                          "\"include\":[\"reasoning.encrypted_content\"],\"stream\":false,\"input\":[{"
                          "\"role\":\"user\",\"content\":\"Hi\"}]}");
    options = plain_options(ASM_LLM_OLLAMA);
    options.max_tokens = 50;
    options.top_p = ASM_DOUBLE(0.9);
    expect_body(&options, "{\"model\":\"mock\",\"stream\":true,\"options\":{\"num_predict\":50,\"top_p\":0.9}"
                          ",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}");
}

static asm_result never_start(void *user, asm_llm_request *request) {
    (void)user;
    (void)request;
    return ASM_OK;
}

static void never_run(void *user, const asm_llm_call *call) {
    (void)user;
    (void)call;
}

/* Options that do not go together are refused, with the reason. */
static void test_refusals(void **state) {
    const asm_llm_tool tool = {.name = "read", .run = never_run};
    asm_llm_tool named[4][2] = {
        {tool, tool}, {tool, tool}, {tool, tool}, {tool, tool}}; /* [0]: two of one name */
    asm_llm_options good = plain_options(ASM_LLM_ANTHROPIC), bad[12];
    asm_llm_request request;
    char bytes[1024];
    asm_buffer out;
    asm_llm made;
    (void)state;
    good.transport.start = never_start;
    named[1][0].name = "a b";
    named[2][0].run = NULL;
    named[3][0].schema = "[1]";
    for (size_t i = 0; i < COUNT(bad); i++) {
        bad[i] = good;
        if (i >= 4 && i < 8) {
            bad[i].tools = named[i - 4];
            bad[i].tool_count = i == 4 ? 2 : 1;
        }
    }
    bad[0].model = asm_str_make(NULL, 0);
    bad[1].transport.start = NULL;
    bad[2].api = ASM_LLM_API_COUNT;
    bad[3].extra = ASM_STR("[1]");
    bad[8].tool_count = 1; /* a list is missing */
    bad[9].stop_count = 1;
    bad[10].secrets = NULL;
    bad[10].secret_count = 1;
    bad[11].extra = ASM_STR("{");
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect(asm_llm_init(&made, &bad[i]) == ASM_ERR_INVALID_ARGUMENT, "case %zu is not refused", i);
        expect(made.error[0] != 0, "case %zu has no text", i);
    }
    for (size_t i = 8; i < 11; i++) { /* options may be changed later */
        asm_llm_request_init(&request, &bad[i], NULL, 0);
        asm_buffer_init_fixed(&out, bytes, sizeof bytes);
        expect(asm_llm_write_body(&request, &out) == ASM_ERR_INVALID_ARGUMENT, "case %zu is written", i);
        expect(out.size == 0, "case %zu writes something", i);
    }
    expect(asm_llm_init(&made, NULL) == ASM_ERR_INVALID_ARGUMENT && made.error[0] != 0, "without options");
    expect(asm_llm_init(&made, &good) == ASM_OK, "%s", made.error);
    asm_llm_close(&made);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_forms),
        cmocka_unit_test(test_images),   cmocka_unit_test(test_repairs),
        cmocka_unit_test(test_same_ids), cmocka_unit_test(test_any_conversation),
        cmocka_unit_test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
