/* Whatever is called from inside whatever callback, with memory that runs out and clocks that jump: nothing breaks, and no
 * request is one that the API would refuse. LLM_SEEDS=1000 tries more. */
#include "llm_support.h"

static uint64_t chance;
static unsigned depth;
static asm_llm_call known_calls[8];
static asm_llm_exchange known_exchanges[8];
static asm_llm_call stale_call;
static bool is_closing;

static size_t random_below(size_t limit) {
    return (size_t)(next_random(&chance) % limit);
}

static void anything(void);

static void maybe(size_t odds) {
    if (is_closing || depth > 3 || random_below(odds)) return;
    depth++;
    anything();
    depth--;
}

static void any_run(void *user, const asm_llm_call *call) {
    (void)user;
    known_calls[random_below(COUNT(known_calls))] = *call;
    maybe(3);
    if (random_below(2)) (void)asm_llm_call_complete(call, ASM_STR("done"));
    maybe(3);
    if (random_below(8) == 0) (void)asm_llm_call_fail(call, ASM_STR("no"));
}

static void any_cancel(void *user, const asm_llm_call *call) {
    (void)user;
    stale_call = *call;
    (void)asm_llm_call_is_active(call);
    maybe(2); /* most of it is refused here */
}

static bool any_approval(void *user, const asm_llm_call *call) {
    (void)user;
    maybe(4);
    return call->arguments.size % 3 == 0;
}

static asm_llm_subagent subagent = {.llm = &llm};
static asm_llm_tool tools[] = {
    {.name = "a", .run = any_run, .cancel = any_cancel, .is_parallel = true, .time_limit_ms = 3000},
    {.name = "b", .run = any_run, .cancel = any_cancel, .needs_approval = any_approval},
    {.name = "c", .run = any_run, .schema = "{\"type\":\"object\",\"required\":[\"x\"]}"},
    {.name = "task"},
};

static void on_answer(void *user, asm_execution execution, const asm_llm_answer *answer) {
    (void)user, (void)execution, (void)answer;
    maybe(2);
}

static asm_result any_start(void *user, asm_llm_request *request) {
    known_exchanges[random_below(COUNT(known_exchanges))] = request->exchange;
    maybe(4);
    if (random_below(20) == 0) return ASM_ERR_OPEN;
    const asm_result result = start(user, request);
    maybe(4);
    return result;
}

static void any_stop(void *user, asm_llm_exchange exchange) {
    cancel(user, exchange);
    maybe(2);
}

static void on_event(void *user, const asm_message *message) {
    (void)user, (void)message;
    maybe(12);
}

static void decide_anything(void) {
    const asm_agent_info made = info();
    asm_decision decisions[8];
    asm_resume resume;
    memset(decisions, 0, sizeof decisions);
    memset(&resume, 0, sizeof resume);
    for (size_t i = 0; i < made.request_count && i < COUNT(decisions); i++) {
        decisions[i].kind = (asm_decision_kind)(1 + random_below(3));
        decisions[i].tool_call_id = made.requests[i].tool_call_id;
        if (decisions[i].kind == ASM_DECISION_EDIT) decisions[i].arguments = ASM_STR("{\"x\":1}");
    }
    resume.interrupt = made.interrupt;
    resume.decisions = decisions;
    resume.decision_count = made.request_count < COUNT(decisions) ? made.request_count : COUNT(decisions);
    (void)asm_agent_resume(&server, AGENT, &resume);
}

static asm_llm_title title = {.llm = &llm};
static asm_llm_compaction compaction = {.llm = &llm, .context_window = 300, .keep_turns = 2};
static asm_middleware middleware[2];

static void start_again(void) {
    asm_agent_options options;
    memset(&options, 0, sizeof options);
    options.id = AGENT;
    options.config.driver = asm_llm_driver(&llm);
    options.config.middleware = middleware;
    options.config.middleware_count = random_below(3);
    options.pubsub = &bus;
    options.debug_pubsub = random_below(2) ? &debug_bus : NULL;
    options.shutdown_delay_ms = random_below(2) ? -1 : 1000;
    (void)asm_agent_start(&server, &options);
}

static void say_anything(void) {
    static const char *const texts[] = {"call a {}",
                                        "call b {}",
                                        "call b {\"y\":12}",
                                        "call c {}",
                                        "call c {\"x\":1}",
                                        "Hello",
                                        "call task {\"prompt\":\"call a {}\"}",
                                        "call none {}"};
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = random_below(10) ? ASM_STR("user") : ASM_STR("system");
    turn.content = asm_str_from(texts[random_below(COUNT(texts))]);
    (void)asm_agent_add_turn(&server, AGENT, &turn);
}

static void ask_anything(asm_execution execution) {
    asm_llm_question question;
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    memset(&question, 0, sizeof question);
    turn.role = ASM_STR("user");
    turn.content = ASM_STR("Beside?");
    question.name = "beside";
    question.turns = &turn;
    question.turn_count = 1;
    question.callback = on_answer;
    (void)asm_llm_ask(&llm, execution, &question);
}

static void anything(void) {
    const asm_llm_call call = known_calls[random_below(COUNT(known_calls))];
    const asm_llm_exchange exchange = known_exchanges[random_below(COUNT(known_exchanges))];
    asm_buffer exported;
    asm_str id;
    size_t at = 0;
    switch (random_below(19)) {
    case 0:
        (void)asm_agent_cancel(&server, AGENT);
        break;
    case 1:
        (void)asm_agent_execute(&server, AGENT);
        break;
    case 2:
        say_anything();
        break;
    case 3:
        decide_anything();
        break;
    case 4:
        if (random_below(6) == 0) (void)asm_agent_reset(&server, AGENT);
        break;
    case 5:
        if (random_below(6) == 0) (void)asm_agent_stop(&server, AGENT);
        break;
    case 6:
        start_again();
        break;
    case 7:
        (void)asm_llm_call_complete(&call, ASM_STR("late"));
        break;
    case 8:
        (void)asm_llm_call_fail(&call, ASM_STR("failed"));
        break;
    case 9:
        (void)asm_llm_call_stream(&call, ASM_STR("piece"));
        break;
    case 10:
        (void)asm_llm_take_body(exchange, "data: x\n\n", 9);
        break;
    case 11:
        if (random_below(4) == 0)
            (void)asm_llm_end(exchange, random_below(2) ? ASM_STR("broken") : asm_str_from(NULL));
        break;
    case 12:
        (void)asm_llm_take_header(exchange, ASM_STR("HTTP/1.1 429 Slow\r\n"));
        break;
    case 13:
        ask_anything(call.execution);
        break;
    case 14:
        asm_buffer_init_growing(&exported);
        if (asm_agent_export_state(&server, AGENT, &exported) == ASM_OK && random_below(4) == 0)
            (void)asm_agent_restore_state(&server, AGENT, asm_buffer_text(&exported));
        asm_buffer_close(&exported);
        break;
    case 15:
        (void)asm_llm_context_tokens(&llm, call.execution);
        break;
    case 16:
        if (asm_agent_next(&server, ASM_STR("a1/*"), &at, &id)) {
            char copy[64];
            snprintf(copy, sizeof copy, "%.*s", (int)id.size, id.data);
            if (random_below(2)) (void)asm_agent_cancel(&server, asm_str_from(copy));
            else (void)asm_agent_stop(&server, asm_str_from(copy));
        }
        break;
    case 17:
        (void)asm_llm_call_is_active(&stale_call);
        break;
    default:
        (void)asm_execution_wake(call.execution);
        break;
    }
}

static void prune_transfers(void) {
    size_t open = 0;
    if (transfer_count < MAX_TRANSFERS / 2) return;
    for (size_t i = 0; i < transfer_count; i++) {
        if (transfers[i].is_over) mock_answer_close(&transfers[i].answer);
        else transfers[open++] = transfers[i];
    }
    transfer_count = open;
}

static void storm(uint64_t seed, bool runs_out) {
    asm_llm_options options = plain_options(all_apis[seed % COUNT(all_apis)]);
    chance = seed;
    depth = 0;
    is_closing = false;
    memset(known_calls, 0, sizeof known_calls);
    memset(known_exchanges, 0, sizeof known_exchanges);
    memset(&stale_call, 0, sizeof stale_call);
    tools[3] = asm_llm_subagent_tool(&subagent);
    middleware[0] = asm_llm_title_middleware(&title);
    middleware[1] = asm_llm_compaction_middleware(&compaction);
    options.tools = tools;
    options.tool_count = COUNT(tools);
    options.transport.start = any_start;
    options.transport.cancel = any_stop;
    options.retry_ms = 10;
    begin(&options, NULL);
    piece_size = 100;
    start_again();
    (void)asm_agent_subscribe(&server, AGENT, on_event, NULL, NULL);
    for (int i = 0; i < 400; i++) {
        if (runs_out && random_below(4) == 0) {
            allocation_fails_once = random_below(2) != 0;
            fail_allocations_from(1 + random_below(60));
        }
        anything();
        if (!is_held) hand_over();
        now += (int64_t)random_below(2000000) - 300000;
        (void)asm_agent_server_poll(&server, now, now);
        allocation_fails_from = 0;
        prune_transfers();
        if (mock.refused) print_error("seed %lu: %s\n", (unsigned long)seed, mock.complaint);
        assert_int_equal(mock.refused, 0);
    }
    is_closing = true;
    end();
}

static uint64_t seeds(void) {
    const char *wanted = getenv("LLM_SEEDS");
    return wanted ? (uint64_t)atoi(wanted) : 200;
}

static void test_storm(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++)
        storm(seed, false);
}

static void test_storm_without_memory(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= seeds(); seed++)
        storm(1000000 + seed, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_storm),
                                       cmocka_unit_test(test_storm_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
