/* Sub-agents, middleware, memory and many conversations with asm_llm.h. */
#include "llm_support.h"

#include <time.h>

static void echo_tool(void *user, const asm_llm_call *call) {
    (void)user;
    asm_llm_call_complete(call, call->arguments);
}

static void slow_run(void *user, const asm_llm_call *call) {
    *(asm_llm_call *)user = *call;
}

static asm_llm_call slow_call;
static asm_llm inner;
static asm_llm_subagent subagent;
static asm_llm_tool outer_tools[2];
static const asm_llm_tool inner_tools[] = {
    {.name = "echo", .run = echo_tool},
    {.name = "slow", .run = slow_run, .user = &slow_call},
    {.name = "ask", .run = echo_tool, .needs_approval_always = true},
};

/* ---- sub-agents ---- */

static void begin_nested(asm_llm_api api, const char *script) {
    asm_llm_options options = plain_options(api), deeper = plain_options(api);
    memset(&subagent, 0, sizeof subagent);
    subagent.llm = &inner;
    subagent.pubsub = &bus;
    outer_tools[0] = asm_llm_subagent_tool(&subagent);
    outer_tools[1] = inner_tools[0];
    options.tools = outer_tools;
    options.tool_count = 2;
    deeper.tools = inner_tools;
    deeper.tool_count = COUNT(inner_tools);
    begin(&options, script);
    assert_int_equal(asm_llm_init(&inner, &deeper), ASM_OK);
    start_agent();
}

static void end_nested(void) {
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    asm_llm_close(&inner);
    end();
}

#define TASK(prompt)                                                                                         \
    "{\"if\":\"outer\",\"calls\":[{\"name\":\"task\",\"arguments\":{\"prompt\":\"" prompt "\"}}]}\n"

static void test_sub_agent(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        begin_nested(all_apis[api], TASK("call echo {\\\"x\\\":1}"));
        ask("outer");
        expect_status(ASM_AGENT_IDLE);
        expect_last_words("You said: result: You said: result: {\"x\":1}");
        assert_int_equal(server.agents, 1);
        assert_int_equal(mock.refused, 0);
        expect_in_log("message_streamed {\"delta\":\"You \",\"message_id\":\"sub_");
        expect_in_log("\"parent_tool_call_id\":\"");
        expect_in_log("tool_call_completed {\"tool_name\":\"echo\",\"tool_call_id\":\"");
        expect_in_log("\"token_usage\":{\"input_tokens\":400,\"output_tokens\":40}");
        expect_in_log("\"main_token_usage\":{\"input_tokens\":200,\"output_tokens\":20}");
        assert_int_equal(count_in(log_text, "tool_call_started"), 2);
        assert_int_equal(count_in(log_text, "tool_call_completed"), 2);
        end_nested();
    }
}

static void run_until_slow(void) {
    memset(&slow_call, 0, sizeof slow_call);
    for (int i = 0; i < 100 && !slow_call.number; i++)
        turn_once();
    assert_true(slow_call.number != 0);
}

/* Cancelling, stopping, timing out the parent ends the sub-agent first; its tools are told. */
static void test_sub_agent_ends(void **state) {
    (void)state;
    for (int how = 0; how < 4; how++) {
        asm_str id;
        size_t at = 0;
        begin_nested(ASM_LLM_ANTHROPIC, TASK("call slow {}"));
        subagent.time_limit_ms = 1000;
        outer_tools[0] = asm_llm_subagent_tool(&subagent);
        add_text("outer");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        run_until_slow();
        assert_int_equal(server.agents, 2);
        assert_true(asm_agent_next(&server, ASM_STR("a1/*"), &at, &id));
        if (how == 0) assert_int_equal(asm_agent_cancel(&server, AGENT), ASM_OK);
        if (how == 1) {
            assert_int_equal(asm_agent_stop(&server, AGENT), ASM_OK);
            now += 6 * SECOND;
            turn_once();
        }
        if (how == 2) run();
        if (how == 3) {
            assert_int_equal(asm_agent_cancel(&server, id), ASM_OK);
            run();
        }
        assert_int_equal(server.agents, how == 1 ? 0 : 1);
        assert_false(asm_llm_call_is_active(&slow_call));
        assert_int_equal(count_in(log_text, "tool_call_started"),
                         count_in(log_text, "tool_call_failed") + count_in(log_text, "tool_call_completed"));
        if (how != 1) {
            ask("next");
            expect_status(ASM_AGENT_IDLE);
        }
        assert_int_equal(mock.refused, 0);
        end_nested();
    }
}

static void test_sub_agent_asks(void **state) {
    (void)state;
    asm_str id;
    size_t at = 0;
    asm_agent_info made;
    asm_decision decision;
    asm_resume resume;
    begin_nested(ASM_LLM_OPENAI, TASK("call ask {\\\"x\\\":1}"));
    add_text("outer");
    assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
    for (int i = 0; i < 100; i++)
        turn_once();
    assert_true(asm_agent_next(&server, ASM_STR("a1/*"), &at, &id));
    assert_int_equal(asm_agent_get_info(&server, id, &made), ASM_OK);
    assert_int_equal(made.status, ASM_AGENT_INTERRUPTED);
    expect_in_log("tool_call_updated {\"tool_name\":\"task\"");
    expect_in_log("\"status\":\"waiting\"");
    memset(&decision, 0, sizeof decision);
    memset(&resume, 0, sizeof resume);
    decision.kind = ASM_DECISION_APPROVE;
    decision.tool_call_id = made.requests[0].tool_call_id;
    resume.interrupt = made.interrupt;
    resume.decisions = &decision;
    resume.decision_count = 1;
    assert_int_equal(asm_agent_resume(&server, id, &resume), ASM_OK);
    run();
    expect_last_words("You said: result: You said: result: {\"x\":1}");
    end_nested();
}

/* One that may call itself comes to an end. */
static void test_sub_agent_depth(void **state) {
    (void)state;
    asm_llm_options options = plain_options(ASM_LLM_OPENAI);
    char script[2000] = "";
    memset(&subagent, 0, sizeof subagent);
    subagent.llm = &llm;
    outer_tools[0] = asm_llm_subagent_tool(&subagent);
    options.tools = outer_tools;
    options.tool_count = 1;
    for (int i = 0; i < 10; i++)
        strcat(script,
               "{\"if\":\"outer\",\"calls\":[{\"name\":\"task\",\"arguments\":{\"prompt\":\"outer\"}}]}\n");
    begin(&options, script);
    start_agent();
    ask("outer");
    assert_int_equal(server.agents, 1);
    expect_in_log("limits.sub_agents");
    end();
}

/* ---- middleware ---- */

static void test_title(void **state) {
    (void)state;
    for (int fails = 0; fails < 2; fails++) {
        asm_llm_title title = {.llm = &llm};
        asm_middleware middleware = asm_llm_title_middleware(&title);
        asm_agent_options agent;
        asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
        memset(&agent, 0, sizeof agent);
        agent.config.middleware = &middleware;
        agent.config.middleware_count = 1;
        begin(&options, fails ? "{\"if\":\"at most six words\",\"status\":500}\n{\"text\":\"Hello.\"}\n"
                              : "{\"if\":\"at most six words\",\"text\":\"\\\"A short "
                                "\\ntitle\\\"\",\"delay_ms\":0}\n{\"text\":\"Hello.\"}\n");
        start_agent_with(agent);
        ask("What is a title?");
        expect_status(ASM_AGENT_IDLE);
        assert_int_equal(mock.refused, 0);
        expect_in_log("title_generation_started");
        expect_in_log("title_generation_completed");
        if (fails) expect_not_in_log("title_generated");
        else expect_in_log("session_updated {\"title\":\"\\\"A short\"");
        ask("More");
        assert_int_equal(count_in(log_text, "title_generation_started"), fails ? 2 : 1);
        end();
    }
}

static void test_compaction(void **state) {
    (void)state;
    for (size_t api = 0; api < COUNT(all_apis); api++)
        for (int fails = 0; fails < 2; fails++) {
            asm_llm_compaction compaction = {.llm = &llm, .context_window = 1000, .keep_turns = 2};
            asm_middleware middleware = asm_llm_compaction_middleware(&compaction);
            asm_agent_options agent;
            asm_llm_options options = plain_options(all_apis[api]);
            options.tools = inner_tools;
            options.tool_count = 1;
            memset(&agent, 0, sizeof agent);
            agent.config.middleware = &middleware;
            agent.config.middleware_count = 1;
            begin(&options, fails ? "{\"if\":\"Summarize "
                                    "this\",\"status\":500}\n{\"text\":\"One.\"}\n{\"text\":\"Two.\"}\n{"
                                    "\"text\":\"Three.\",\"input_tokens\":850}\n{\"text\":\"Four.\"}\n"
                                  : "{\"if\":\"Summarize this\",\"text\":\"They "
                                    "counted.\"}\n{\"text\":\"One.\"}\n{\"text\":\"Two.\"}\n{\"text\":"
                                    "\"Three.\",\"input_tokens\":850}\n{\"text\":\"Four.\"}\n");
            start_agent_with(agent);
            ask("1");
            ask("call echo {}");
            ask("3");
            expect_not_in_log("summarization_started");
            ask("4");
            expect_status(ASM_AGENT_IDLE);
            expect_last_words("Four.");
            assert_int_equal(mock.refused, 0);
            expect_in_log("summarization_started");
            expect_in_log("summarization_completed");
            assert_int_equal(count_in(log_text, "step_started"), 4);
            asm_buffer_append_byte(&mock.last, '\0');
            if (fails) assert_non_null(strstr(mock.last.data, "Two."));
            else {
                assert_null(strstr(mock.last.data, "Two."));
                assert_non_null(strstr(mock.last.data, "They counted."));
            }
            end();
        }
}

/* The model says that it is too long: it is made shorter, once. */
static void test_too_long(void **state) {
    (void)state;
    for (int helps = 0; helps < 2; helps++) {
        asm_llm_compaction compaction = {.llm = &llm, .keep_turns = 1};
        asm_middleware middleware = asm_llm_compaction_middleware(&compaction);
        asm_agent_options agent;
        asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
        memset(&agent, 0, sizeof agent);
        agent.config.middleware = &middleware;
        agent.config.middleware_count = 1;
        begin(&options, helps
                            ? "{\"if\":\"Summarize this\",\"text\":\"Short.\"}\n{\"text\":\"A very long "
                              "answer to begin with, in which much is said that will never be needed.\"}\n"
                              "{\"status\":413}\n{\"text\":\"Now it fits.\"}\n"
                            : "{\"text\":\"One.\"}\n{\"status\":413}\n{\"status\":413}\n{\"status\":413}\n");
        start_agent_with(agent);
        ask("A question that is long enough to be worth a summary of its own, whatever it says.");
        ask("2");
        if (helps) expect_last_words("Now it fits.");
        else expect_in_log("\"error_code\":\"context_too_long\"");
        assert_int_equal(mock.refused, 0);
        end();
    }
}

/* ---- memory ---- */

/* A conversation with tools, approvals aside, whichever allocation fails: an error, or the whole, and nothing is lost. */
static void test_allocations(void **state) {
    (void)state;
    for_each_way_to_fail for (size_t at = 1;; at++) {
        bool has_failed = false;
        begin_nested(ASM_LLM_ANTHROPIC, "{\"thinking\":\"Hm.\",\"text\":\"I "
                                        "ask.\",\"calls\":[{\"name\":\"task\",\"arguments\":{\"prompt\":"
                                        "\"call echo {}\"}},{\"name\":\"echo\"}]}\n");
        llm.options.retries = inner.options.retries = -1;
        add_text("outer");
        assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
        is_held = true; /* the mock's own memory does not fail */
        for (int i = 0; i < 60 && server.running > 0; i++) {
            is_held = false;
            hand_over();
            fail_allocations_from(at > 0 ? at : 0);
            const size_t before = allocation_calls;
            (void)asm_agent_server_poll(&server, now, now);
            const size_t used = allocation_calls - before;
            allocation_fails_from = 0;
            has_failed = has_failed || used >= at;
            now += 600000;
        }
        allocation_fails_from = 0;
        if (info().status == ASM_AGENT_RUNNING) assert_int_equal(asm_agent_cancel(&server, AGENT), ASM_OK);
        ask("And now?");
        expect_status(ASM_AGENT_IDLE);
        assert_int_equal(mock.refused, 0);
        end_nested();
        if (!has_failed) break;
    }
}

/* ---- many ---- */

static double seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A thousand conversations with one asm_llm: while all wait, a poll costs nothing. */
static void test_thousand(void **state) {
    (void)state;
    enum { AGENTS = 1000 };
    asm_llm_options options = plain_options(ASM_LLM_ANTHROPIC);
    options.tools = inner_tools;
    options.tool_count = 2;
    begin(&options, NULL);
    const size_t before = allocations_alive;
    for (int i = 0; i < AGENTS; i++) {
        char id[16];
        asm_agent_options agent;
        asm_turn turn;
        memset(&agent, 0, sizeof agent);
        memset(&turn, 0, sizeof turn);
        snprintf(id, sizeof id, "c%d", i);
        agent.id = asm_str_from(id);
        agent.config.driver = asm_llm_driver(&llm);
        turn.role = ASM_STR("user");
        turn.content = ASM_STR("call echo {\"a\":1}");
        assert_int_equal(asm_agent_start(&server, &agent), ASM_OK);
        assert_int_equal(asm_agent_add_turn(&server, agent.id, &turn), ASM_OK);
        assert_int_equal(asm_agent_execute(&server, agent.id), ASM_OK);
    }
    (void)before;
    is_held = true;
    for (int i = 0; i < 3; i++)
        assert_int_equal(asm_agent_server_poll(&server, now, now), ASM_OK);
    assert_int_equal(server.pending, 0);
    assert_int_equal(server.running, AGENTS);
    const double begin_polls = seconds();
    for (int i = 0; i < 10000; i++)
        (void)asm_agent_server_poll(&server, now, now);
    const double poll = (seconds() - begin_polls) / 10000;
    is_held = false;
    const double begin_run = seconds();
    while (server.running > 0) {
        turn_once();
        if (transfer_count + AGENTS > MAX_TRANSFERS) {
            size_t open = 0;
            for (size_t i = 0; i < transfer_count; i++) {
                if (transfers[i].is_over) mock_answer_close(&transfers[i].answer);
                else transfers[open++] = transfers[i];
            }
            transfer_count = open;
        }
    }
    const double each = (seconds() - begin_run) / AGENTS;
    print_message("1000 conversations: %.0f ns a poll while all wait, %.3f ms for each of two answers and a "
                  "tool (the model's checks included)\n",
                  poll * 1e9, each * 1e3);
    assert_true(poll < 20e-6);
    for (int i = 0; i < AGENTS; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        assert_int_equal(asm_agent_get_status(&server, asm_str_from(id)), ASM_AGENT_IDLE);
    }
    assert_int_equal(mock.refused, 0);
    end();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sub_agent),      cmocka_unit_test(test_sub_agent_ends),
        cmocka_unit_test(test_sub_agent_asks), cmocka_unit_test(test_sub_agent_depth),
        cmocka_unit_test(test_title),          cmocka_unit_test(test_compaction),
        cmocka_unit_test(test_too_long),       cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
