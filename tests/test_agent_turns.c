/* Conversations of agents that can always be asked with, runs and steps, waiting, what the model sees, other threads. */
#define ASM_AGENT_IMPLEMENTATION
#include "agent_support.h"

#define ID(literal) asm_str_from(literal)

static asm_agent_info info_of(asm_str id) {
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, id, &info), ASM_OK);
    return info;
}

static void say(const char *text) {
    const asm_turn turn = {.role = TEXT("user"), .content = asm_str_from(text)};
    assert_int_equal(asm_agent_add_turn(&server, A1, &turn), ASM_OK);
}

/* The conversation in short: "user:Hi assistant:[c1 c2] tool:c1=ok"; held back turns follow in parentheses. */
static char conversation[4096];

static void add_turns(const asm_turn *turns, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const asm_turn *turn = &turns[i];
        char *out = conversation + strlen(conversation);
        out += sprintf(out, "%s%.*s%s:%.*s", conversation[0] ? " " : "", (int)turn->role.size,
                       turn->role.data, turn->is_incomplete ? "..." : "", (int)turn->content.size,
                       turn->content.data ? turn->content.data : "");
        const asm_str json = turn->tool_calls.data ? turn->tool_calls : turn->tool_results;
        const char *key = turn->tool_calls.data ? "\"id\":\"" : "\"tool_call_id\":\"";
        for (size_t at = 0; json.data && at + strlen(key) < json.size; at++) {
            if (memcmp(json.data + at, key, strlen(key)) != 0) continue;
            const char *id = json.data + at + strlen(key);
            out += sprintf(out, "[%.*s]", (int)strcspn(id, "\""), id);
        }
    }
}

static const char *conversation_of(asm_str id) {
    const asm_agent_state state = info_of(id).state;
    conversation[0] = 0;
    add_turns(state.turns, state.turn_count);
    if (state.held_count) strcat(conversation, " held");
    add_turns(state.held, state.held_count);
    return conversation;
}

/* ============================================================================================
 * A driver that does what a test says, slice by slice
 */

#define CALLS                                                                                                \
    "[{\"id\":\"c1\",\"name\":\"read\",\"arguments\":{\"path\":\"a\"}},{\"id\":\"c2\",\"name\":\"write\"}]"

static void make_calls(script *s, asm_execution execution) {
    const asm_turn turn = {
        .role = TEXT("assistant"), .content = TEXT("Let me see"), .tool_calls = TEXT(CALLS)};
    const asm_tool_payload first = {.name = TEXT("read"), .call_id = TEXT("c1")};
    if (s->calls > 1) return;
    s->result = asm_emit_turn(execution, &turn);
    if (s->result == ASM_OK) s->result = asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &first);
}

static void start_with_open_calls(script *s) {
    s->hook = make_calls;
    s->outcomes[0] = (scripted)GO_ON;
    start_script("a1", s);
    say("Hi");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(s->result, ASM_OK);
    assert_int_equal(info_of(A1).open_call_count, 2);
}

static const char *output_of(size_t at) {
    static char output[256];
    const asm_str key = ASM_STR("output");
    const asm_turn *turn = &info_of(A1).state.turns[at];
    asm_str raw = {NULL, 0};
    assert_int_equal(asm_json_find(asm_str_make(turn->tool_results.data + 1, turn->tool_results.size - 2),
                                   &key, &raw, 1, NULL),
                     ASM_OK);
    sprintf(output, "%.*s", (int)raw.size, raw.data);
    return output;
}

static void test_a_cancelled_tool_does_not_break_the_conversation(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_with_open_calls(&s);
    forget_log();
    now += 1500;
    asm_agent_server_set_time(&server, now, now);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_string_equal(conversation_of(A1), "user:Hi assistant:Let me see[c1][c2] tool:[c1] tool:[c2]");
    assert_string_equal(output_of(2),
                        "\"Not finished: the run was cancelled before this call had a result.\"");
#define WHY "Not finished: the run was cancelled before this call had a result."
    expect_log(
        "a1 tool_call_failed {\"tool_name\":\"read\",\"tool_call_id\":\"c1\",\"tool_input\":{\"path\":\"a\"},"
        "\"status\":\"cancelled\",\"duration_ms\":1.5,\"error_message\":\"" WHY "\"}\n"
        "a1 message_sent "
        "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c1\",\"tool_name\":\"read\","
        "\"status\":\"cancelled\",\"output\":\"" WHY "\"}]}\n"
        "a1 tool_call_started {\"tool_name\":\"write\",\"tool_call_id\":\"c2\",\"tool_input\":{}}\n"
        "a1 tool_call_failed {\"tool_name\":\"write\",\"tool_call_id\":\"c2\",\"tool_input\":{},"
        "\"status\":\"cancelled\",\"duration_ms\":0,\"error_message\":\"" WHY "\"}\n"
        "a1 message_sent "
        "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c2\",\"tool_name\":\"write\","
        "\"status\":\"cancelled\",\"output\":\"" WHY "\"}]}\n"
        "a1 status_changed {\"status\":\"cancelled\"}\n");
    say("Never mind");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_IDLE);
    assert_string_equal(conversation_of(A1),
                        "user:Hi assistant:Let me see[c1][c2] tool:[c1] tool:[c2] user:Never mind");
}

static void test_each_end_gives_results(void **state) {
    (void)state;
    static const struct {
        scripted end;
        bool stops;
        const char *why;
    } cases[] = {
        {{.kind = ASM_OUTCOME_FAILED},
         false,
         "\"Not finished: the run failed before this call had a result.\""},
        {{.kind = ASM_OUTCOME_COMPLETED},
         false,
         "\"Not finished: the run ended without a result of this call.\""},
        {{.kind = ASM_OUTCOME_CRASHED}, false, NULL},
        {GO_ON, true, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s = {.outcomes = {{.kind = ASM_OUTCOME_COMPLETED}, cases[i].end}};
        start_with_open_calls(&s);
        if (cases[i].stops) {
            assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
            forget_log();
            poll_after(6 * SECOND);
            expect(strstr(log_text, "Not finished: the agent was shut down before this call had a result.") !=
                       NULL,
                   "%s", log_text);
            expect_status(A1, ASM_AGENT_NOT_RUNNING);
            continue;
        }
        poll_server();
        if (!cases[i].why) {
            expect_status(A1, ASM_AGENT_NOT_RUNNING);
            expect(strstr(log_text, "\"reason\":\"crash\"") != NULL, "%s", log_text);
            continue;
        }
        expect(info_of(A1).open_call_count == 0, "case %zu", i);
        expect(strcmp(output_of(2), cases[i].why) == 0, "case %zu: %s", i, output_of(2));
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
        forget_log();
    }
    end_of_cases();
}

static void emit_results(script *s, asm_execution execution) {
    const asm_tool_payload second = {.call_id = TEXT("c2"), .output = TEXT("written")};
    const asm_tool_payload first = {
        .call_id = TEXT("c1"), .status = TEXT("failed"), .error_message = TEXT("no such file")};
    make_calls(s, execution);
    if (s->calls != 2) return;
    s->result = asm_emit_result(execution, &second, ID("{\"path\":\"b\"}"));
    assert_int_equal(asm_emit_result(execution, &second, asm_str_make(NULL, 0)), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(info_of(A1).state.held_count, 1);
    if (s->result == ASM_OK) s->result = asm_emit_result(execution, &first, asm_str_make(NULL, 0));
}

static void test_turns_are_held_back(void **state) {
    (void)state;
    static script s; /* the agent still runs when the server is closed, after the test */
    s = (script){.calls = 0};
    s.outcomes[1] = (scripted)GO_ON;
    start_with_open_calls(&s);
    s.hook = emit_results;
    forget_log();
    say("And hurry");
    expect_log(""); /* told when it stands */
    assert_string_equal(conversation_of(A1), "user:Hi assistant:Let me see[c1][c2] held user:And hurry");
    poll_server();
    assert_int_equal(s.result, ASM_OK);
    assert_string_equal(conversation_of(A1),
                        "user:Hi assistant:Let me see[c1][c2] tool:[c2] tool:[c1] user:And hurry");
    expect_log(
        "a1 tool_call_started "
        "{\"tool_name\":\"write\",\"tool_call_id\":\"c2\",\"tool_input\":{\"path\":\"b\"}}\n"
        "a1 tool_call_completed "
        "{\"tool_name\":\"write\",\"tool_call_id\":\"c2\",\"tool_input\":{\"path\":\"b\"},"
        "\"tool_output\":\"written\",\"status\":\"completed\",\"duration_ms\":0}\n"
        "a1 message_sent "
        "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c2\",\"tool_name\":\"write\","
        "\"status\":\"completed\",\"arguments\":{\"path\":\"b\"},\"output\":\"written\"}]}\n"
        "a1 tool_call_failed {\"tool_name\":\"read\",\"tool_call_id\":\"c1\",\"tool_input\":{\"path\":\"a\"},"
        "\"status\":\"failed\",\"duration_ms\":0,\"error_message\":\"no such file\"}\n"
        "a1 message_sent "
        "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c1\",\"tool_name\":\"read\","
        "\"status\":\"failed\",\"output\":\"no such file\"}]}\n"
        "a1 message_sent {\"content\":\"And hurry\",\"role\":\"user\"}\n");
}

static const asm_action_request both[] = {{TEXT("c1"), TEXT("read"), TEXT("{\"path\":\"a\"}")},
                                          {TEXT("c2"), TEXT("write"), TEXT("{}")}};

static void test_interrupt_then_a_turn_then_approve(void **state) {
    (void)state;
    script s = {.hook = make_calls,
                .outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED, .requests = both, .request_count = 2}}};
    start_script("a1", &s);
    say("Hi");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    say("By the way");
    assert_string_equal(conversation_of(A1), "user:Hi assistant:Let me see[c1][c2] held user:By the way");
    /* Results from elsewhere must not forestall a decision. */
    const asm_turn early = {.role = TEXT("tool"), .tool_results = TEXT("[{\"tool_call_id\":\"c1\"}]")};
    assert_int_equal(asm_agent_add_turn(&server, A1, &early), ASM_ERR_INVALID_ARGUMENT);
    assert_string_equal(server.error, "somebody has to decide on this call first");
    assert_int_equal(
        asm_agent_resume_json(&server, A1,
                              ID("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":"
                                 "\"approve\"},{\"tool_call_id\":\"c2\",\"type\":\"approve\"}]}")),
        ASM_OK);
    s.hook = emit_results;
    s.calls = 1;
    poll_server();
    assert_int_equal(s.result, ASM_OK);
    assert_string_equal(conversation_of(A1),
                        "user:Hi assistant:Let me see[c1][c2] tool:[c2] tool:[c1] user:By the way");
}

static bool decided_c1, decided_other, decided_spaced, decided_after;

static void ask_for_decisions(script *s, asm_execution execution) {
    const asm_action_request other = {TEXT("c1"), TEXT("read"), TEXT("{\"path\":\"/etc\"}")};
    const asm_action_request renamed = {TEXT("c1"), TEXT("delete"), TEXT("{\"path\":\"a\"}")};
    const asm_action_request spaced = {TEXT("c1"), TEXT("read"), TEXT(" {\"path\" : \"a\"} ")};
    const asm_tool_payload tool = {.call_id = TEXT("c1"), .name = TEXT("read")};
    asm_decision decision;
    make_calls(s, execution);
    if (!s->resumes) return;
    decided_c1 =
        asm_execution_decision(execution, &both[0], &decision) && decision.kind == ASM_DECISION_APPROVE;
    decided_other = asm_execution_decision(execution, &other, &decision) ||
                    asm_execution_decision(execution, &renamed, &decision);
    decided_spaced = asm_execution_decision(execution, &spaced, &decision);
    assert_int_equal(asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool), ASM_OK);
    assert_int_equal(asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_COMPLETED, &tool), ASM_OK);
    decided_after = asm_execution_decision(execution, &both[0], &decision);
    assert_true(asm_execution_decision(execution, &both[1], &decision));
    assert_int_equal(decision.kind, ASM_DECISION_REJECT);
    expect_text(decision.message, ID("no"));
}

static void test_a_decision_is_for_its_call(void **state) {
    (void)state;
    script s = {.hook = ask_for_decisions,
                .outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED, .requests = both, .request_count = 2}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(
        asm_agent_resume_json(&server, A1,
                              ID("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c2\",\"type\":"
                                 "\"reject\",\"message\":\"no\"},{\"tool_call_id\":\"c1\",\"type\":"
                                 "\"approve\"}]}")),
        ASM_OK);
    poll_server();
    assert_true(decided_c1);
    assert_true(decided_spaced);
    assert_false(decided_other);
    assert_false(decided_after);
    end_of_cases();
}

/* ============================================================================================
 * What is restored
 */

static const char broken_state[] =
    "{\"version\":1,\"status\":\"running\",\"state\":{\"messages\":["
    "{\"role\":\"user\",\"content\":\"a\"},"
    "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c0\"}]},"
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\"},{\"id\":\"c2\"}]},"
    "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"c2\"},{\"tool_call_id\":\"c9\"}]},"
    "{\"role\":\"user\",\"content\":\"b\"},"
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\"}]}]}}";

static const char repaired[] =
    "user:a assistant:[c1][c2] tool:[c2] tool:[c1] user:b assistant:[c1] tool:[c1]";

static void test_a_broken_state_is_repaired(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.debug_pubsub = &debug_bus;
    options.exported_state = ID(broken_state);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_string_equal(conversation_of(A1), repaired);
    poll_server();
    expect_log("a1 node_transferred {\"to_node\":\"local\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n"
               "debug:a1 middleware_action {\"middleware\":\"patch_tool_calls\",\"action\":"
               "\"dangling_tool_calls_patched\",\"data\":{\"patched\":2,\"dropped\":2}}\n");
    assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_restore_state(&server, A1, ID(broken_state)), ASM_OK);
    assert_string_equal(conversation_of(A1), repaired);
    assert_non_null(strstr(log_text, "{\"patched\":2,\"dropped\":2}"));
}

static char kept_text[8192];

static const char *export_of(asm_str id) {
    asm_buffer out;
    asm_buffer_init_fixed(&out, kept_text, sizeof kept_text - 1);
    assert_int_equal(asm_agent_export_state(&server, id, &out), ASM_OK);
    kept_text[out.size] = 0;
    return kept_text;
}

static void test_an_interrupt_survives(void **state) {
    (void)state;
    script s = {.hook = make_calls,
                .outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED, .requests = both, .request_count = 2}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    say("later");
    assert_int_equal(
        asm_agent_resume_json(&server, A1,
                              ID("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":"
                                 "\"edit\",\"arguments\":{\"path\":\"z\"},\"message\":\"m\"}]}")),
        ASM_OK);
    char run_id[64];
    sprintf(run_id, "%.*s", (int)info_of(A1).run_id.size, info_of(A1).run_id.data);
    static char exported[8192];
    strcpy(exported, export_of(A1));
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    forget_log();

    script t = {.calls = 1};
    asm_agent_options options = options_for("a2", &t);
    options.exported_state = ID(exported);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    expect_status(A2, ASM_AGENT_INTERRUPTED);
    assert_string_equal(export_of(A2), exported);
    poll_server();
    expect_log(
        "a2 node_transferred {\"to_node\":\"local\"}\n"
        "a2 status_changed {\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"action_requests\":["
        "{\"tool_call_id\":\"c1\",\"tool_name\":\"read\",\"arguments\":{\"path\":\"a\"}},"
        "{\"tool_call_id\":\"c2\",\"tool_name\":\"write\",\"arguments\":{}}]}}\n"
        "a2 tool_approval_requested {\"request_id\":\"1:c2\",\"interrupt\":1,\"kind\":\"tool\",\"tool_name\":"
        "\"write\",\"tool_call_id\":\"c2\",\"tool_input\":{}}\n");
    assert_string_equal(conversation_of(A2), "assistant:Let me see[c1][c2] held user:later");
    expect_text(info_of(A2).run_id, ID(run_id));
    assert_int_equal(
        asm_agent_resume_json(&server, A2,
                              ID("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c2\",\"type\":"
                                 "\"reject\"}]}")),
        ASM_OK);
    poll_server();
    assert_string_equal(t.resumed_with, "c1:2({\"path\":\"z\"}|m) c2:3(|) ");
    end_of_cases();
}

static void test_a_number_of_an_interrupt_never_comes_twice(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED}, {.kind = ASM_OUTCOME_INTERRUPTED}}};
    start_script("a1", &s);
    assert_int_equal(
        asm_agent_restore_state(&server, A1, ID("{\"version\":1,\"state\":{},\"interrupts\":41}")), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(info_of(A1).interrupt, 42);
    assert_int_equal(asm_agent_restore_state(&server, A1, ID("{\"version\":1,\"state\":{}}")), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(info_of(A1).interrupt, 43);
}

/* ============================================================================================
 * What is streamed
 */

static void stream(script *s, asm_execution execution) {
    const asm_message_payload thought = {.delta = TEXT("hm"), .thinking = {true, true}};
    const asm_message_payload subs = {.delta = TEXT("sub"), .parent_tool_call_id = TEXT("t")};
    s->result = asm_emit_delta(execution, &thought);
    if (s->result == ASM_OK) s->result = asm_emit_text(execution, ID("Once "));
    if (s->result == ASM_OK) s->result = asm_emit_delta(execution, &subs);
    if (s->result == ASM_OK) s->result = asm_emit_text(execution, ID("upon"));
}

static void test_streamed_text_is_kept(void **state) {
    (void)state;
    static const struct {
        scripted end;
        const char *conversation;
    } cases[] = {
        {{.kind = ASM_OUTCOME_COMPLETED}, "assistant:Once upon"},
        {{.kind = ASM_OUTCOME_FAILED}, "assistant...:Once upon"},
        {GO_ON, "assistant...:Once upon"}, /* and cancelled */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s = {.outcomes = {cases[i].end}, .hook = stream};
        start_script("a1", &s);
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        poll_server();
        assert_int_equal(s.result, ASM_OK);
        if (i == 2) assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
        expect(strcmp(conversation_of(A1), cases[i].conversation) == 0, "%s", conversation);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    }
    end_of_cases();
}

static char message_ids[1024];

static void note_ids(void *user, const asm_message *message) {
    const asm_event *event = message->event;
    (void)user;
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_RETRACTED:
        sprintf(message_ids + strlen(message_ids), "%c%.*s ",
                event->type == ASM_EVENT_MESSAGE_STREAMED    ? '+'
                : event->type == ASM_EVENT_MESSAGE_RETRACTED ? '-'
                                                             : '=',
                (int)event->message.message_id.size, event->message.message_id.data);
        break;
    default:
        break;
    }
}

static void retry(script *s, asm_execution execution) {
    const asm_message_payload first = {.delta = TEXT("One"), .message_id = TEXT("msg_1")};
    const asm_message_payload second = {.delta = TEXT("Two"), .message_id = TEXT("msg_2")};
    const asm_message_payload third = {.delta = TEXT("Three"), .message_id = TEXT("msg_3")};
    const asm_turn turn = {.role = TEXT("assistant"), .content = TEXT("Three"), .message_id = TEXT("msg_3")};
    assert_int_equal(asm_emit_delta(execution, &first), ASM_OK);
    assert_int_equal(asm_emit_retraction(execution, ID("retried")), ASM_OK);
    assert_int_equal(asm_emit_retraction(execution, ID("retried")),
                     ASM_OK); /* there is nothing to withdraw */
    assert_int_equal(asm_emit_delta(execution, &second), ASM_OK);
    assert_int_equal(asm_emit_delta(execution, &third),
                     ASM_OK); /* another message: the one before is whole */
    assert_int_equal(asm_emit_turn(execution, &turn), ASM_OK);
    s->result = asm_emit_text(execution, ID("Four"));
}

static void test_messages_have_ids(void **state) {
    (void)state;
    script s = {.hook = retry};
    start_script("a1", &s);
    message_ids[0] = 0;
    assert_int_equal(asm_agent_subscribe(&server, A1, note_ids, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    char expected[256], run[64];
    sprintf(run, "%.*s", (int)info_of(A1).run_id.size, info_of(A1).run_id.data);
    poll_server();
    sprintf(expected, "+msg_1 -msg_1 +msg_2 =msg_2 +msg_3 =msg_3 +%s_m1 =%s_m1 ", run, run);
    assert_string_equal(message_ids, expected);
    assert_string_equal(conversation_of(A1), "assistant:Two assistant:Three assistant:Four");
}

/* ============================================================================================
 * Runs and steps
 */

static char run_of_driver[64]; /* as the driver is told */

static void two_steps(script *s, asm_execution execution) {
    const asm_str run = asm_execution_run_id(execution);
    const asm_usage_payload usage = {
        .input_tokens = ASM_INT64(10), .output_tokens = ASM_INT64(2), .message_id = TEXT("m1")};
    const asm_usage_payload again = {
        .input_tokens = ASM_INT64(10), .output_tokens = ASM_INT64(5), .message_id = TEXT("m1")};
    const asm_usage_payload subs = {.input_tokens = ASM_INT64(100), .parent_tool_call_id = TEXT("c1")};
    const asm_usage_payload whole = {.input_tokens = ASM_INT64(999999), .cumulative = {true, true}};
    const asm_turn turn = {.role = TEXT("assistant"),
                           .tool_calls = TEXT("[{\"id\":\"c1\",\"name\":\"read\"}]")};
    const asm_turn last = {.role = TEXT("assistant"), .content = TEXT("Done")};
    const asm_tool_payload result = {.call_id = TEXT("c1"), .status = TEXT("failed"), .output = TEXT("no")};
    asm_model_request request;
    snprintf(run_of_driver, sizeof run_of_driver, "%.*s", (int)run.size, run.data);
    if (s->calls == 1) {
        assert_int_equal(asm_execution_before_model(execution, &request), ASM_OK);
        assert_int_equal(asm_emit_usage(execution, &usage), ASM_OK);
        assert_int_equal(asm_emit_usage(execution, &again), ASM_OK);
        assert_int_equal(asm_emit_usage(execution, &whole), ASM_OK);
        assert_int_equal(asm_emit_turn(execution, &turn), ASM_OK);
        assert_int_equal(asm_execution_after_model(execution), ASM_OK);
    } else if (s->calls == 2) {
        assert_int_equal(asm_emit_usage(execution, &subs), ASM_OK);
        assert_int_equal(asm_emit_result(execution, &result, asm_str_make(NULL, 0)), ASM_OK);
    } else if (s->calls == 3) {
        assert_int_equal(asm_execution_before_model(execution, &request), ASM_OK);
        assert_int_equal(request.turn_count, 3);
        assert_int_equal(asm_emit_turn(execution, &last), ASM_OK);
        assert_int_equal(asm_execution_after_model(execution), ASM_OK);
        (void)asm_execution_finish(execution, asm_complete(execution, ID("end_turn")));
    }
}

static char run_ids[1024];

static size_t runs_seen;

static void note_runs(void *user, const asm_message *message) {
    char id[64];
    (void)user;
    sprintf(id, "%.*s", (int)message->event->run_id.size,
            message->event->run_id.data ? message->event->run_id.data : "");
    assert_true(id[0] || message->event->type == ASM_EVENT_STATUS_CHANGED ||
                message->event->type == ASM_EVENT_SESSION_UPDATED ||
                message->event->type == ASM_EVENT_NODE_TRANSFERRING ||
                message->event->type == ASM_EVENT_AGENT_SHUTDOWN);
    if (!id[0] || strcmp(id, run_ids) == 0) return;
    strcpy(run_ids, id);
    runs_seen++;
}

static void test_a_run(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, GO_ON}, .hook = two_steps};
    start_script("a1", &s);
    log_has_runs = true;
    say("Hi");
    forget_log();
    run_ids[0] = 0;
    runs_seen = 0;
    assert_int_equal(asm_agent_subscribe(&server, A1, note_runs, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_set_title(&server, A1, ID("Reading")), ASM_OK);
    forget_log();
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "a1 run_started {\"title\":\"Reading\"}\n");
    poll_after(2 * MS);
    assert_string_equal(run_of_driver, run_ids);
    expect_log(
        "a1 step_started {\"step_number\":1,\"message_count\":1}\n"
        "a1 token_usage_updated {\"input_tokens\":10,\"output_tokens\":2,\"message_id\":\"m1\"}\n"
        "a1 token_usage_updated {\"input_tokens\":10,\"output_tokens\":5,\"message_id\":\"m1\"}\n"
        "a1 token_usage_updated {\"input_tokens\":999999,\"cumulative\":true}\n"
        "a1 message_received {\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"name\":\"read\"}]}\n");
    poll_after(3 * MS);
    assert_non_null(strstr(log_text,
                           "a1 step_completed {\"step_number\":1,\"has_tool_calls\":true,\"errors\":1,"
                           "\"duration_ms\":3}\n"));
    forget_log();
    poll_after(5 * MS);
    expect_log(
        "a1 step_started {\"step_number\":2,\"message_count\":3}\n"
        "a1 message_received {\"content\":\"Done\",\"role\":\"assistant\"}\n"
        "a1 step_completed {\"step_number\":2,\"has_tool_calls\":false,\"errors\":0,\"duration_ms\":0}\n"
        "a1 run_completed {\"stop_reason\":\"end_turn\",\"num_turns\":2,\"duration_ms\":10,\"token_usage\":"
        "{\"input_tokens\":110,\"output_tokens\":5},\"main_token_usage\":{\"input_tokens\":10,"
        "\"output_tokens\":5}}\n"
        "a1 status_changed {\"status\":\"idle\"}\n");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_non_null(strstr(log_text, "a1 run_cancelled {\"num_turns\":0,\"duration_ms\":0}\n"));
    assert_int_equal(runs_seen, 2);
}

static void test_a_run_goes_on_after_an_interrupt_and_a_pause(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED},
                             {.kind = ASM_OUTCOME_PAUSED},
                             {.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no")}}};
    start_script("a1", &s);
    log_has_runs = true;
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    char run[64];
    sprintf(run, "%.*s", (int)info_of(A1).run_id.size, info_of(A1).run_id.data);
    poll_server();
    assert_int_equal(asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":1}")), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_PAUSED);
    expect_text(info_of(A1).run_id, ID(run));
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    expect_text(info_of(A1).run_id, ID(run));
    assert_null(strstr(strstr(log_text, "run_started") + 4, "run_started"));
    assert_null(strstr(log_text, "run_failed"));
    forget_log();
    poll_server();
    expect_log("a1 run_failed {\"num_turns\":0,\"duration_ms\":0,\"error_message\":\"no\"}\n"
               "a1 status_changed {\"status\":\"error\",\"data\":\"no\",\"error_message\":\"no\"}\n");
    assert_null(info_of(A1).run_id.data);
    end_of_cases();
}

static void test_step_by_step(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, GO_ON}, .hook = two_steps};
    script plain = {.outcomes = {GO_ON, {.kind = ASM_OUTCOME_WAIT, .wait_ms = -1}}};
    asm_step step;
    start_script("a1", &s);
    say("Hi");
    assert_int_equal(asm_agent_step(&server, ID("nobody"), now, now, &step), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_agent_step(&server, A1, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_FINISHED); /* it does not run */
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_step(&server, A1, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_ENDED);
    assert_string_equal(conversation_of(A1), "user:Hi assistant:[c1] tool:[c1]");
    assert_int_equal(asm_agent_step(&server, A1, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_ENDED);
    assert_int_equal(asm_agent_step(&server, A1, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_FINISHED);
    /* A driver that asks no model: its slices are steps. */
    start_script("a2", &plain);
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    assert_int_equal(asm_agent_step(&server, A2, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_ENDED);
    assert_int_equal(asm_agent_step(&server, A2, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_WAITING);
    assert_int_equal(asm_execution_wake(plain.execution), ASM_OK);
    assert_int_equal(asm_agent_step(&server, A2, now, now, &step), ASM_OK);
    assert_int_equal(step, ASM_STEP_ENDED);
}

/* ============================================================================================
 * Waiting
 */

static void test_waiting(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_WAIT, .wait_ms = -1},
                             {.kind = ASM_OUTCOME_WAIT, .wait_ms = 250},
                             {.kind = ASM_OUTCOME_WAIT, .wait_ms = -1}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_server_timeout(&server), 0);
    for (int i = 0; i < 10; i++)
        poll_after(SECOND);
    assert_int_equal(s.calls, 1);
    assert_int_equal(server.pending, 0);
    assert_int_equal(server.running, 1);
    assert_true(info_of(A1).is_waiting);
    assert_int_equal(asm_agent_server_timeout(&server), -1); /* nothing is due */
    assert_int_equal(asm_agent_server_next_timer(&server), INT64_MAX);
    assert_int_equal(asm_execution_wake(s.execution), ASM_OK);
    assert_int_equal(asm_agent_server_timeout(&server), 0);
    poll_server();
    assert_int_equal(s.calls, 2);
    assert_int_equal(asm_agent_server_timeout(&server), 250);
    assert_int_equal(asm_agent_server_next_timer(&server), now + 250 * MS);
    poll_after(250 * MS - 1);
    assert_int_equal(asm_agent_server_timeout(&server), 1); /* never before it is due */
    assert_int_equal(s.calls, 2);
    poll_after(1); /* due */
    poll_server();
    assert_int_equal(s.calls, 3);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(asm_execution_wake(s.execution), ASM_ERR_NOT_FOUND);
    assert_int_equal(server.stale_calls, 1);
    poll_after(SECOND);
    assert_int_equal(s.calls, 3);
}

static void wake_at_once(script *s, asm_execution execution) {
    s->result = s->calls == 1 ? asm_execution_wake(execution) : ASM_OK;
}

static void test_a_wake_while_the_driver_runs_is_not_lost(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_WAIT, .wait_ms = -1}}, .hook = wake_at_once};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(server.pending, 1);
    poll_server();
    assert_int_equal(s.calls, 2);
    expect_status(A1, ASM_AGENT_IDLE);
}

static void test_two_clocks(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_WAIT, .wait_ms = 1000}}};
    int64_t monotonic = now;
    start_script("a1", &s);
    start_script("a2", &s);
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    assert_int_equal(asm_agent_server_poll(&server, now, monotonic), ASM_OK);
    /* The wall clock is set a year ahead, and two back: nobody ends, nothing is due. */
    assert_int_equal(asm_agent_server_poll(&server, now + INT64_C(365) * 86400 * SECOND, monotonic += MS),
                     ASM_OK);
    assert_int_equal(asm_agent_server_poll(&server, now - INT64_C(730) * 86400 * SECOND, monotonic += MS),
                     ASM_OK);
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(s.calls, 1);
    assert_int_equal(asm_agent_server_next_timer(&server), monotonic + 998 * MS);
    assert_int_equal(asm_agent_server_poll(&server, 0, monotonic += 998 * MS),
                     ASM_OK); /* no calendar at all */
    assert_int_equal(asm_agent_server_poll(&server, 0, monotonic), ASM_OK);
    assert_int_equal(s.calls, 2);
    assert_int_equal(asm_agent_server_poll(&server, 0, monotonic += 400 * SECOND), ASM_OK);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    assert_non_null(strstr(log_text, "{\"agent_id\":\"a1\",\"reason\":\"inactivity\",\"last_activity_at\":"
                                     "\"2026-02-09T12:00:00.000Z\"}\n"));
}

static void test_who_waits_for_a_person_is_not_inactive(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_false(info_of(A1).inactivity_timer_is_active);
    poll_after(86400 * SECOND);
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    poll_after(300 * SECOND);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

/* ============================================================================================
 * What the model sees
 */

static const asm_turn advice = {.role = TEXT("system"), .content = TEXT("Be kind")};
static const asm_turn summary = {.role = TEXT("user"), .content = TEXT("So far: c1 was read")};

static asm_result add_advice(void *user, asm_model_request *request) {
    (void)user;
    return asm_model_request_splice(request, 0, 0, &advice, 1);
}

static asm_result compact(void *user, asm_model_request *request) {
    asm_result *result = (asm_result *)user;
    asm_agent_state state;
    assert_int_equal(asm_execution_state(request->execution, &state), ASM_OK);
    if (state.turn_count < 4) return ASM_OK;
    /* Never between a call and its result. */
    assert_int_equal(asm_execution_replace_turns(request->execution, 0, 2, &summary, 1),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_execution_replace_turns(request->execution, 0, 9, &summary, 1), ASM_ERR_RANGE);
    *result = asm_execution_replace_turns(request->execution, 0, 3, &summary, 1);
    return *result;
}

static char asked[1024];

static void ask_the_model(script *s, asm_execution execution) {
    asm_model_request request;
    const asm_turn turn = {.role = TEXT("assistant"), .content = TEXT("Yes")};
    s->result = asm_execution_before_model(execution, &request);
    if (s->result != ASM_OK) return;
    conversation[0] = 0;
    add_turns(request.turns, request.turn_count);
    strcpy(asked, conversation);
    say("While you think"); /* held back: the answer does not know of it */
    if (s->result == ASM_OK) s->result = asm_emit_turn(execution, &turn);
    if (s->result == ASM_OK) s->result = asm_execution_after_model(execution);
}

static asm_result see_answer(void *user, asm_execution execution, const asm_turn *answer) {
    (void)user, (void)execution;
    log_line(answer ? "answer" : "no answer");
    return ASM_OK;
}

static void test_middleware_changes_what_the_model_sees(void **state) {
    (void)state;
    script s = {.hook = ask_the_model};
    asm_result compacted = ASM_ERR_UNSUPPORTED;
    const asm_middleware middleware[] = {{.id = TEXT("compact"), .before_model = compact, .user = &compacted},
                                         {.id = TEXT("advice"), .before_model = add_advice},
                                         {.id = TEXT("look"), .after_model = see_answer}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 3;
    start_agent(&options);
    say("Hi");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(s.result, ASM_OK);
    assert_string_equal(asked, "system:Be kind user:Hi");
    assert_string_equal(conversation_of(A1), "user:Hi assistant:Yes user:While you think");
    assert_null(strstr(log_text, "no answer"));
    /* Compaction goes on within the execution, for good. */
    assert_int_equal(asm_agent_restore_state(&server, A1,
                                             ID("{\"version\":1,\"state\":{\"messages\":[{\"role\":\"user\","
                                                "\"content\":\"Hi\"},{\"role\":\"assistant\","
                                                "\"tool_calls\":[{\"id\":\"c1\"}]},{\"role\":\"tool\",\"tool_"
                                                "results\":[{\"tool_call_id\":\"c1\"}]},"
                                                "{\"role\":\"user\",\"content\":\"On\"}]}}")),
                     ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(compacted, ASM_OK);
    assert_int_equal(s.result, ASM_OK);
    assert_string_equal(asked, "system:Be kind user:So far: c1 was read user:On");
    assert_string_equal(conversation_of(A1),
                        "user:So far: c1 was read user:On assistant:Yes user:While you think");
    asm_model_request late = {.execution = s.execution};
    assert_int_equal(asm_model_request_splice(&late, 0, 0, &advice, 1), ASM_ERR_NOT_FOUND);
}

static asm_result execute_at_start(void *user, asm_agent_server *from, asm_str id) {
    (void)user;
    log_line("on_server_start");
    return asm_agent_execute(from, id);
}

static void test_on_server_start_may_execute(void **state) {
    (void)state;
    script s = {.calls = 0};
    static const asm_middleware middleware[] = {{.id = TEXT("m"), .on_server_start = execute_at_start}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 1;
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_server();
    expect_log("a1 status_changed {\"status\":\"idle\"}\n"
               "on_server_start\n"
               "a1 status_changed {\"status\":\"running\"}\n");
    expect_status(A1, ASM_AGENT_RUNNING);
    poll_server();
    expect_log("a1 status_changed {\"status\":\"idle\"}\n");
}

/* ============================================================================================
 * Turns are kept as they stand
 */

static char stored[8192];
static asm_result append_result;

static asm_result store_append(void *user, asm_str id, asm_str conversation_id, asm_str record) {
    (void)user, (void)id, (void)conversation_id;
    if (append_result != ASM_OK) return append_result;
    char line[1024];
    sprintf(stored + strlen(stored), "\n%.*s", (int)record.size, record.data);
    sprintf(line, "append %.*s", (int)(record.size < 900 ? record.size : 900), record.data);
    if (!log_is_off) log_line(line);
    return ASM_OK;
}

static asm_result store_save(void *user, asm_str id, asm_str conversation_id, const asm_snapshot *snapshot) {
    (void)user, (void)id, (void)conversation_id;
    char line[64];
    if (append_result != ASM_OK) return append_result;
    sprintf(line, "save %s%s", asm_save_reason_name(snapshot->reason),
            snapshot->changes.data ? " changes" : "");
    if (!log_is_off) log_line(line);
    if (snapshot->changes.data)
        sprintf(stored + strlen(stored), "\n%.*s", (int)snapshot->changes.size, snapshot->changes.data);
    else sprintf(stored, "%.*s", (int)snapshot->state.size, snapshot->state.data);
    return ASM_OK;
}

static asm_result store_load(void *user, asm_str id, asm_str conversation_id, asm_buffer *out) {
    (void)user, (void)id, (void)conversation_id;
    return stored[0] ? asm_buffer_append(out, asm_str_from(stored)) : ASM_ERR_NOT_FOUND;
}

static const asm_state_store line_store = {.save = store_save, .load = store_load, .append = store_append};

static void test_turns_are_kept_as_they_stand(void **state) {
    (void)state;
    script s = {.calls = 0, .hook = make_calls};
    asm_agent_options options = options_for("a1", &s);
    options.state_store = &line_store;
    stored[0] = 0;
    append_result = ASM_OK;
    start_agent(&options);
    say("Hi");
    expect_log("save on_turn\n" /* there is nothing yet to append to */
               "a1 message_sent {\"content\":\"Hi\",\"role\":\"user\"}\n");
    say("There");
    expect_log("append {\"turn\":{\"role\":\"user\",\"content\":\"There\"}}\n"
               "a1 message_sent {\"content\":\"There\",\"role\":\"user\"}\n");
    s.outcomes[0] = (scripted)GO_ON;
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    say("Wait");
    assert_non_null(strstr(log_text, "append {\"held\":{\"role\":\"user\",\"content\":\"Wait\"}}\n"));
    /* What a store can append after what it has goes with each save; a failure makes the next one whole. */
    forget_log();
    append_result = ASM_ERR_WRITE;
    say("No room");
    expect_log("a1 error_occurred {\"error_code\":\"state_store\",\"error_message\":\"output could not be "
               "written\"}\n");
    append_result = ASM_OK;
    say("Room again");
    expect_log("save on_turn\n");
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_non_null(strstr(log_text, "append {\"turn\":{\"role\":\"tool\""));
    assert_non_null(strstr(log_text, "append {\"joined\":1}\n"));
    assert_non_null(strstr(log_text, "save on_cancel changes\n"));
    char before[sizeof conversation];
    strcpy(before, conversation_of(A1));
    /* What is kept at any moment is a conversation to go on with. */
    static char all[sizeof stored];
    strcpy(all, stored);
    log_is_off = true;
    for (size_t end = strlen(all); end > 0; end--) {
        if (all[end] != '\n' && all[end] != 0) continue;
        memcpy(stored, all, end);
        stored[end] = 0;
        options.id = A2;
        assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
        if (end == strlen(all)) assert_string_equal(conversation_of(A2), before);
        expect(info_of(A2).open_call_count == 0, "%s", stored);
        expect(info_of(A2).state.held_count == 0 || info_of(A2).status != ASM_AGENT_IDLE, "%s: %s", stored,
               conversation_of(A2));
        assert_int_equal(asm_agent_stop(&server, A2), ASM_OK);
    }
    stored[0] = 0;
    end_of_cases();
}

static void test_a_state_that_is_not_kept_is_a_crash(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.state_store = &line_store;
    options.inactivity_timeout_ms = 1000;
    stored[0] = 0;
    append_result = ASM_OK;
    start_agent(&options);
    assert_int_equal(asm_agent_set_shutdown_metadata(&server, A1, ID("{\"host\":\"h1\"}")), ASM_OK);
    assert_int_equal(asm_agent_set_shutdown_metadata(&server, A1, ID("[]")), ASM_ERR_TYPE);
    append_result = ASM_ERR_WRITE;
    poll_after(SECOND);
    expect_log("a1 error_occurred {\"error_code\":\"state_store\",\"error_message\":\"output could not be "
               "written\"}\n"
               "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"crash\",\"last_activity_at\":"
               "\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:00:01.000Z\",\"metadata\":{"
               "\"host\":\"h1\","
               "\"state_store\":\"output could not be written\",\"ended_by\":\"inactivity\"}}\n");
    append_result = ASM_OK;
    start_agent(&options);
    assert_int_equal(asm_agent_set_shutdown_metadata(&server, A1, ID("{\"host\":\"h1\"}")), ASM_OK);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_non_null(strstr(log_text, "\"reason\":\"manual\""));
    assert_non_null(strstr(log_text, "\"metadata\":{\"host\":\"h1\"}}\n"));
}

/* ============================================================================================
 * Calls from outside
 */

static void test_start_or_find(void **state) {
    (void)state;
    script s = {.calls = 0}, other = {.calls = 0};
    const asm_agent_options options = options_for("a1", &s), again = options_for("a1", &other);
    bool was_started = false;
    assert_int_equal(asm_agent_start_or_find(&server, &options, &was_started), ASM_OK);
    assert_true(was_started);
    assert_int_equal(asm_agent_start_or_find(&server, &again, &was_started), ASM_OK);
    assert_false(was_started);
    assert_ptr_equal(info_of(A1).config.driver.user, &s);
    assert_int_equal(server.agents, 1);
}

static void test_todos_and_title_from_outside(void **state) {
    (void)state;
    script s = {.calls = 0};
    static const asm_todo todo = {TEXT("1"), TEXT("Look"), TEXT("pending"), {NULL, 0}};
    static const asm_todo bad = {TEXT("1"), TEXT("Look"), TEXT("maybe"), {NULL, 0}};
    asm_agent_options options = options_for("a1", &s);
    options.debug_pubsub = &debug_bus;
    start_agent(&options);
    assert_int_equal(asm_agent_set_todos(&server, A1, &todo, 1), ASM_OK);
    assert_int_equal(asm_agent_set_todos(&server, A1, &bad, 1), ASM_ERR_INVALID_ARGUMENT);
    expect_log("a1 todos_updated {\"todos\":[{\"id\":\"1\",\"content\":\"Look\",\"status\":\"pending\"}]}\n");
    assert_int_equal(asm_agent_set_metadata(&server, A1, ID("{\"a\":1,\"title\":\"Old\"}")), ASM_OK);
    assert_int_equal(asm_agent_set_title(&server, A1, ID("A \"new\" one")), ASM_OK);
    expect_log("debug:a1 middleware_action {\"middleware\":\"title\",\"action\":\"title_generated\",\"data\":"
               "\"A \\\"new\\\" one\"}\n"
               "a1 session_updated {\"title\":\"A \\\"new\\\" one\"}\n");
    expect_text(info_of(A1).state.metadata, ID("{\"title\":\"A \\\"new\\\" one\",\"a\":1}"));
    end_of_cases();
}

static asm_result note_message(void *user, asm_agent_server *from, asm_str id, asm_str message) {
    char line[64];
    (void)user, (void)from, (void)id;
    sprintf(line, "message %.*s", (int)message.size, message.data);
    log_line(line);
    return ASM_OK;
}

static void test_commands_from_elsewhere(void **state) {
    (void)state;
    static uint64_t memory[8192];
    asm_mailbox mailbox;
    const asm_mailbox_options box = {.memory = memory, .size = sizeof memory, .capacity = 16};
    script s = {.outcomes = {{.kind = ASM_OUTCOME_WAIT, .wait_ms = -1}, {.kind = ASM_OUTCOME_INTERRUPTED}}};
    static const asm_middleware middleware[] = {{.id = TEXT("m"), .handle_message = note_message}};
    asm_agent_options options = options_for("a1", &s);
    options.config.middleware = middleware;
    options.config.middleware_count = 1;
    start_agent(&options);
    assert_int_equal(asm_mailbox_init(&mailbox, &box), ASM_OK);
    const asm_command first[] = {
        {.kind = ASM_COMMAND_SAY, .agent_id = A1, .data = TEXT("Hi")},
        {.kind = ASM_COMMAND_EXECUTE, .agent_id = A1},
        {.kind = ASM_COMMAND_NOTIFY, .agent_id = A1, .middleware = TEXT("m"), .data = TEXT("\x01x")}};
    for (size_t i = 0; i < COUNT(first); i++)
        assert_int_equal(asm_agent_post(&mailbox, &first[i]), ASM_OK);
    assert_int_equal(asm_agent_server_receive(&server, &mailbox), 3);
    poll_server();
    expect_log("a1 message_sent {\"content\":\"Hi\",\"role\":\"user\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n"
               "message \x01x\n");
    const asm_command wake = {.kind = ASM_COMMAND_WAKE, .execution = s.execution};
    assert_int_equal(asm_agent_post(&mailbox, &wake), ASM_OK);
    assert_int_equal(asm_agent_server_receive(&server, &mailbox), 1);
    poll_server();
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    const asm_command then[] = {
        {.kind = ASM_COMMAND_RESUME, .agent_id = A1, .data = TEXT("{\"interrupt\":7,\"answer\":1}")},
        {.kind = ASM_COMMAND_RESUME, .agent_id = A1, .data = TEXT("{\"interrupt\":1,\"answer\":1}")},
        {.kind = ASM_COMMAND_CANCEL, .agent_id = A1},
        {.kind = ASM_COMMAND_TOUCH, .agent_id = A1},
        {.kind = ASM_COMMAND_STOP, .agent_id = A1},
        {.kind = ASM_COMMAND_STOP, .agent_id = A2}};
    forget_log();
    for (size_t i = 0; i < COUNT(then); i++)
        assert_int_equal(asm_agent_post(&mailbox, &then[i]), ASM_OK);
    assert_int_equal(asm_agent_server_receive(&server, &mailbox), 6);
    assert_non_null(
        strstr(log_text, "a1 error_occurred {\"error_code\":\"command\",\"error_message\":\"not found\"}\n"));
    assert_non_null(strstr(log_text, "a1 status_changed {\"status\":\"cancelled\"}\n"));
    assert_int_equal(server.failures, 2); /* the stale approval, the agent that is not there */
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    assert_int_equal(asm_agent_post(NULL, &wake), ASM_ERR_INVALID_ARGUMENT);
}

/* NULL in place of a server, or of what a call needs, is an error of the caller's that changes nothing. */
static void test_null(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}};
    const asm_agent_options options = options_for("a2", &s);
    const asm_turn turn = {.role = TEXT("user")};
    const asm_event event = {.type = ASM_EVENT_CUSTOM};
    const asm_resume resume = {.interrupt = 1};
    const asm_str none = {NULL, 0};
    asm_agent_server *const no_server = NULL;
    asm_agent_info info;
    asm_buffer out;
    asm_step step;
    size_t at = 0;
    asm_str id;
    asm_buffer_init_growing(&out);
    start_in(ASM_AGENT_RUNNING, "a1", &s);
    poll_server();
    const asm_execution execution = s.execution;
    const asm_result results[] = {
        asm_agent_server_poll(NULL, now, now),
        asm_agent_start(NULL, &options),
        asm_agent_start(&server, NULL),
        asm_agent_start_or_find(NULL, &options, NULL),
        asm_agent_start_or_find(&server, NULL, NULL),
        asm_agent_execute(NULL, A1),
        asm_agent_cancel(NULL, A1),
        asm_agent_resume(NULL, A1, &resume),
        asm_agent_resume(&server, A1, NULL),
        asm_agent_resume_json(NULL, A1, ID("{}")),
        asm_agent_add_turn(NULL, A1, &turn),
        asm_agent_add_turn(&server, A1, NULL),
        asm_agent_publish_event(NULL, A1, &event),
        asm_agent_publish_event(&server, A1, NULL),
        asm_agent_publish_debug_event(NULL, A1, &event),
        asm_agent_publish_debug_event(&server, A1, NULL),
        asm_agent_reset(NULL, A1),
        asm_agent_export_state(NULL, A1, &out),
        asm_agent_export_state(&server, A1, NULL),
        asm_agent_restore_state(NULL, A1, ID("{}")),
        asm_agent_update(NULL, A1, &options.config, ID("{}")),
        asm_agent_update(&server, A1, NULL, ID("{}")),
        asm_agent_touch(NULL, A1),
        asm_agent_stop(NULL, A1),
        asm_agent_set_todos(NULL, A1, NULL, 0),
        asm_agent_set_todos(&server, A1, NULL, 1),
        asm_agent_set_title(NULL, A1, ID("t")),
        asm_agent_set_title(&server, A1, none),
        asm_agent_set_metadata(NULL, A1, ID("{}")),
        asm_agent_set_middleware_state(NULL, A1, ID("m"), ID("1")),
        asm_agent_set_shutdown_metadata(NULL, A1, ID("{}")),
        asm_agent_save_state(NULL, A1, ASM_SAVE_ON_ERROR),
        asm_agent_notify_middleware(NULL, A1, ID("m"), ID("")),
        asm_agent_subscribe(NULL, A1, record, NULL, NULL),
        asm_agent_subscribe_debug(NULL, A1, record, NULL, NULL),
        asm_agent_unsubscribe(NULL, A1, (asm_subscription){0}),
        asm_agent_unsubscribe_debug(NULL, A1, (asm_subscription){0}),
        asm_agent_step(NULL, A1, now, now, &step),
        asm_agent_step(&server, A1, now, now, NULL),
        asm_agent_get_info(NULL, A1, &info),
        asm_agent_get_info(&server, A1, NULL),
        asm_emit_delta(execution, NULL),
        asm_emit_turn(execution, NULL),
        asm_emit_usage(execution, NULL),
        asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, NULL),
        asm_emit_result(execution, NULL, none),
        asm_emit_todos(execution, NULL, 1),
        asm_emit_event(execution, NULL),
        asm_emit_debug_event(execution, NULL),
        asm_execution_state(execution, NULL),
        asm_execution_replace_turns(execution, 0, 0, NULL, 1),
        asm_model_request_splice(NULL, 0, 0, NULL, 0),
        asm_agent_post(NULL, NULL),
    };
    for (size_t i = 0; i < COUNT(results); i++)
        expect(results[i] == ASM_ERR_INVALID_ARGUMENT, "call %zu: %d", i, results[i]);
    asm_agent_server_init(NULL, NULL);
    asm_agent_server_set_time(NULL, 1, 1);
    assert_int_equal(asm_agent_server_close(no_server), ASM_OK);
    assert_int_equal(asm_agent_server_next_timer(NULL), INT64_MAX);
    assert_int_equal(asm_agent_server_timeout(NULL), -1);
    assert_int_equal(asm_agent_server_receive(NULL, NULL), 0);
    assert_int_equal(asm_agent_get_status(NULL, A1), ASM_AGENT_NOT_RUNNING);
    assert_false(asm_agent_exists(NULL, A1));
    assert_false(asm_agent_next(NULL, none, &at, &id));
    assert_false(asm_agent_next(&server, none, NULL, &id));
    assert_false(asm_execution_next_open_call(execution, NULL, NULL));
    assert_false(asm_execution_decision(execution, NULL, NULL));
    expect_status(A1, ASM_AGENT_RUNNING);
    assert_int_equal(server.agents, 1);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    end_of_cases();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, end_server)
    const struct CMUnitTest tests[] = {
        TEST(test_a_cancelled_tool_does_not_break_the_conversation),
        TEST(test_each_end_gives_results),
        TEST(test_turns_are_held_back),
        TEST(test_interrupt_then_a_turn_then_approve),
        TEST(test_a_decision_is_for_its_call),
        TEST(test_a_broken_state_is_repaired),
        TEST(test_an_interrupt_survives),
        TEST(test_a_number_of_an_interrupt_never_comes_twice),
        TEST(test_streamed_text_is_kept),
        TEST(test_messages_have_ids),
        TEST(test_a_run),
        TEST(test_a_run_goes_on_after_an_interrupt_and_a_pause),
        TEST(test_step_by_step),
        TEST(test_waiting),
        TEST(test_a_wake_while_the_driver_runs_is_not_lost),
        TEST(test_two_clocks),
        TEST(test_who_waits_for_a_person_is_not_inactive),
        TEST(test_middleware_changes_what_the_model_sees),
        TEST(test_on_server_start_may_execute),
        TEST(test_turns_are_kept_as_they_stand),
        TEST(test_a_state_that_is_not_kept_is_a_crash),
        TEST(test_start_or_find),
        TEST(test_todos_and_title_from_outside),
        TEST(test_commands_from_elsewhere),
        TEST(test_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
