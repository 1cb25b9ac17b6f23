/* Agents: every call in every status, drivers, events in their order, timers, presence, what callbacks may do. */
#define ASM_AGENT_IMPLEMENTATION
#include "agent_support.h"

#define ID(literal) asm_str_from(literal)

/* ============================================================================================
 * Start and the registry
 */

static void test_start(void **state) {
    (void)state;
    script s = {.calls = 0};
    const asm_agent_options options = options_for("a1", &s);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    assert_false(asm_agent_exists(&server, A1));
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_true(asm_agent_exists(&server, A1));
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(server.agents, 1);
    assert_int_equal(server.pending, 1); /* it has something to say */
    expect_log("");                      /* nobody could have subscribed yet */
    poll_server();
    expect_log("a1 status_changed {\"status\":\"idle\"}\n");
    assert_int_equal(server.pending, 0);
    poll_server();
    expect_log("");
    assert_int_equal(s.calls, 0);
    assert_int_equal(asm_agent_start(&server, &options), ASM_ERR_EXISTS);
    assert_string_equal(server.error, "an agent with this id already exists");
    expect_log("");
}

static void test_first_status_precedes_everything(void **state) {
    (void)state;
    script s = {.calls = 0};
    const asm_agent_options options = options_for("a1", &s);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"idle\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n");
    poll_server();
    expect_log("a1 status_changed {\"status\":\"idle\"}\n");
}

static void test_options_that_do_not_do(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_presence presence;
    asm_presence_init(&presence, NULL);
    const asm_agent_state empty = {.turns = NULL};
    const asm_agent_options good = options_for("a1", &s);
    const asm_agent_state uncounted[] = {
        {.turn_count = 1}, {.todo_count = 1}, {.middleware_count = 1}, {.held_count = 1}};
    const asm_state_store no_store = {.save = NULL};
    const asm_display_store no_display = {.save = NULL};
    asm_agent_options bad[18];
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = good;
    bad[0].id = asm_str_make(NULL, 0);
    bad[1].id = ID("");
    bad[2].id = ID("presence");
    bad[3].config.driver.execute = NULL;
    bad[4].initial_state = &empty;
    bad[4].exported_state = ID("{}");
    bad[5].presence.viewers = "room";
    bad[6].presence.discovery = true;
    bad[7].presence = (asm_agent_presence){.presence = &presence, .viewers = "room"};
    bad[8].presence = (asm_agent_presence){.presence = &presence, .viewers = ""};
    bad[9].exported_state = ID("");
    for (size_t i = 0; i < COUNT(uncounted); i++) /* a list is missing */
        bad[10 + i].initial_state = &uncounted[i];
    bad[14].config.interrupt_on_count = 1;
    bad[15].config.middleware_count = 1;
    bad[16].state_store = &no_store;
    bad[17].display_store = &no_display;
    for (size_t i = 0; i < COUNT(bad); i++) {
        server.error[0] = 0;
        const asm_result result = asm_agent_start(&server, &bad[i]);
        if (i == 9) expect(result == ASM_ERR_SYNTAX, "case 9: %d", result);
        else expect(result == ASM_ERR_INVALID_ARGUMENT, "case %zu: %d", i, result);
        expect(server.error[0] != 0, "case %zu has no text", i);
    }
    end_of_cases();
    assert_int_equal(server.agents, 0);
}

static void test_ids_are_any_text(void **state) {
    (void)state;
    script s = {.calls = 0};
    static char long_id[5000];
    memset(long_id, 'x', sizeof long_id);
    const asm_str ids[] = {TEXT("a:b"),      TEXT("*"),     TEXT("a\nb\0c"),
                           TEXT("\x1b[31m"), TEXT("debug"), {long_id, sizeof long_id}};
    for (size_t i = 0; i < COUNT(ids); i++) {
        asm_agent_options options = options_for("", &s);
        options.id = ids[i];
        options.debug_pubsub = &debug_bus;
        assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
        assert_true(asm_agent_exists(&server, ids[i]));
        assert_int_equal(asm_agent_execute(&server, ids[i]), ASM_OK);
    }
    assert_int_equal(server.agents, COUNT(ids));
    poll_server();
    for (size_t i = 0; i < COUNT(ids); i++)
        expect_status(ids[i], ASM_AGENT_IDLE);
}

static void test_many_agents_come_and_go(void **state) {
    (void)state;
    enum { COUNT_OF_AGENTS = 300 };
    static bool there[COUNT_OF_AGENTS];
    script s = {.calls = 0};
    uint64_t random = 1;
    size_t count = 0;
    log_is_off = true;
    memset(there, 0, sizeof there);
    for (int step = 0; step < 5000; step++) {
        const unsigned number = (unsigned)(next_random(&random) % COUNT_OF_AGENTS);
        char id[16];
        sprintf(id, "agent-%u", number);
        if (there[number]) {
            assert_int_equal(asm_agent_stop(&server, ID(id)), ASM_OK);
        } else {
            const asm_agent_options options = options_for(id, &s);
            assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
        }
        there[number] = !there[number];
        count = there[number] ? count + 1 : count - 1;
        assert_int_equal(server.agents, count);
        for (int probe = 0; probe < 5; probe++) {
            const unsigned other = (unsigned)(next_random(&random) % COUNT_OF_AGENTS);
            sprintf(id, "agent-%u", other);
            assert_int_equal(asm_agent_exists(&server, ID(id)), there[other]);
        }
    }
    asm_str id;
    size_t at = 0, listed = 0;
    while (asm_agent_next(&server, asm_str_make(NULL, 0), &at, &id))
        listed++;
    assert_int_equal(listed, count);
}

static void test_glob(void **state) {
    (void)state;
    script s = {.calls = 0};
    static const char *const ids[] = {"conversation-1", "conversation-2", "user-42", "a.b", "axb", "*"};
    for (size_t i = 0; i < COUNT(ids); i++)
        start_script(ids[i], &s);
    static const struct {
        const char *pattern, *expected;
    } cases[] = {
        {"conversation-*", "conversation-1 conversation-2 "},
        {"*", "conversation-1 conversation-2 user-42 a.b axb * "},
        {"**", "conversation-1 conversation-2 user-42 a.b axb * "},
        {"user-42", "user-42 "},
        {"user-4", ""},
        {"*-*2*", "conversation-2 user-42 "},
        {"a.b", "a.b "}, /* everything but * is literal */
        {"a?b", ""},
        {"*n*n*", "conversation-1 conversation-2 "},
        {"", ""},
        {"*1", "conversation-1 "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char listed[256] = "";
        asm_str id;
        for (size_t at = 0; asm_agent_next(&server, ID(cases[i].pattern), &at, &id);)
            sprintf(listed + strlen(listed), "%.*s ", (int)id.size, id.data);
        expect(strcmp(listed, cases[i].expected) == 0, "%s gives %s", cases[i].pattern, listed);
    }
    end_of_cases();
    static char stars[4001], letters[4000]; /* would take 2^2000 steps if every star was tried again */
    for (size_t i = 0; i < 4000; i++) {
        stars[i] = i % 2 ? '*' : 'a';
        letters[i] = 'a';
    }
    stars[4000] = 'b';
    assert_false(asm__agent_matches(asm_str_make(stars, 4001), asm_str_make(letters, 4000)));
}

static void test_info(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no \"network\"")}}};
    const asm_agent_server_options named = {.node = TEXT("node-7")};
    asm_agent_server_init(&server, &named);
    asm_agent_server_set_time(&server, now, now);
    asm_agent_options options = options_for("a1", &s);
    options.conversation_id = ID("conv-1");
    options.config.user = &s;
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_ERR_NOT_FOUND);
    start_agent(&options);
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Hi")};
    assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_after(3 * SECOND);
    pass_time(45 * SECOND);
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    expect_text(info.id, A1);
    assert_int_equal(info.status, ASM_AGENT_ERROR);
    assert_int_equal(info.state.turn_count, 1);
    expect_text(info.state.turns[0].content, ID("Hi"));
    assert_null(info.interrupt_data.data);
    expect_text(info.error, ID("no \"network\""));
    expect_text(info.conversation_id, ID("conv-1"));
    expect_text(info.node, ID("node-7"));
    assert_int_equal(info.started_at, T0);
    assert_int_equal(info.last_activity, T0 + 3 * SECOND);
    assert_int_equal(info.since_activity_ms, 45000);
    assert_int_equal(info.inactivity_timeout_ms, 300000);
    assert_true(info.inactivity_timer_is_active);
    assert_ptr_equal(info.config.user, &s);
    end_of_cases();
}

/* ============================================================================================
 * Every call in every status
 */

typedef enum call {
    EXECUTE,
    CANCEL,
    RESUME,
    ADD_MESSAGE,
    PUBLISH,
    PUBLISH_DEBUG,
    RESET,
    RESTORE,
    UPDATE,
    TOUCH,
    SET_METADATA,
    NOTIFY,
    SAVE,
    SUBSCRIBE,
    STOP,
    CALL_COUNT
} call;

static const char empty_state[] = "{\"version\":1,\"state\":{}}";

static asm_result make_call(call which, asm_str id, script *s) {
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Hi")};
    const asm_event event = {.type = ASM_EVENT_CUSTOM, .type_name = TEXT("mine")};
    const asm_resume resume = {.interrupt = 1, .answer = TEXT("true")};
    const asm_agent_config config = options_for("", s).config;
    switch (which) {
    case EXECUTE:
        return asm_agent_execute(&server, id);
    case CANCEL:
        return asm_agent_cancel(&server, id);
    case RESUME:
        return asm_agent_resume(&server, id, &resume);
    case ADD_MESSAGE:
        return asm_agent_add_turn(&server, id, &message);
    case PUBLISH:
        return asm_agent_publish_event(&server, id, &event);
    case PUBLISH_DEBUG:
        return asm_agent_publish_debug_event(&server, id, &event);
    case RESET:
        return asm_agent_reset(&server, id);
    case RESTORE:
        return asm_agent_restore_state(&server, id, ID(empty_state));
    case UPDATE:
        return asm_agent_update(&server, id, &config, ID(empty_state));
    case TOUCH:
        return asm_agent_touch(&server, id);
    case SET_METADATA:
        return asm_agent_set_metadata(&server, id, ID("{\"a\":1}"));
    case NOTIFY:
        return asm_agent_notify_middleware(&server, id, ID("none"), ID(""));
    case SAVE:
        return asm_agent_save_state(&server, id, ASM_SAVE_ON_TITLE_GENERATED);
    case SUBSCRIBE:
        return asm_agent_subscribe(&server, id, record, NULL, NULL);
    case STOP:
        return asm_agent_stop(&server, id);
    case CALL_COUNT:
        break;
    }
    return ASM_ERR_INVALID_ARGUMENT;
}

/* The status after each call: in idle, running, interrupted, paused, cancelled, error; - means refused. */
static const struct {
    const char *name, *after;
    asm_result without_agent, refusal;
} calls[CALL_COUNT] = {
    [EXECUTE] = {"execute", "running - - running - -", ASM_ERR_NOT_FOUND, ASM_ERR_STATUS},
    [CANCEL] = {"cancel", "- cancelled cancelled cancelled - -", ASM_ERR_NOT_FOUND, ASM_ERR_STATUS},
    [RESUME] = {"resume", "- - running - - -", ASM_ERR_NOT_FOUND, ASM_ERR_STATUS},
    [ADD_MESSAGE] = {"add_message", "idle running interrupted paused idle idle", ASM_ERR_NOT_FOUND, ASM_OK},
    [PUBLISH] = {"publish_event", "idle running interrupted paused cancelled error", ASM_ERR_NOT_FOUND,
                 ASM_OK},
    [PUBLISH_DEBUG] = {"publish_debug_event", "idle running interrupted paused cancelled error",
                       ASM_ERR_NOT_FOUND, ASM_OK},
    [RESET] = {"reset", "idle running interrupted paused idle idle", ASM_ERR_NOT_FOUND, ASM_OK},
    [RESTORE] = {"restore_state", "idle idle idle idle idle idle", ASM_ERR_NOT_FOUND, ASM_OK},
    [UPDATE] = {"update", "idle idle idle idle idle idle", ASM_ERR_NOT_FOUND, ASM_OK},
    [TOUCH] = {"touch", "idle running interrupted paused cancelled error", ASM_ERR_NOT_FOUND, ASM_OK},
    [SET_METADATA] = {"set_metadata", "idle running interrupted paused cancelled error", ASM_ERR_NOT_FOUND,
                      ASM_OK},
    [NOTIFY] = {"notify_middleware", "- - - - - -", ASM_OK, ASM_ERR_NOT_FOUND},
    [SAVE] = {"save_state", "- - - - - -", ASM_ERR_NOT_FOUND, ASM_ERR_MISUSE},
    [SUBSCRIBE] = {"subscribe", "idle running interrupted paused cancelled error", ASM_ERR_NOT_FOUND, ASM_OK},
    [STOP] = {"stop", "not_running running not_running not_running not_running not_running",
              ASM_ERR_NOT_FOUND, ASM_OK},
};

static void test_every_call_in_every_status(void **state) {
    (void)state;
    unsigned number = 0;
    for (int which = 0; which < CALL_COUNT; which++) {
        const char *rest = calls[which].after;
        script nobody = {.calls = 0};
        const asm_result without = make_call((call)which, ID("nobody"), &nobody);
        expect(without == calls[which].without_agent, "%s without agent: %d", calls[which].name, without);
        for (int status = ASM_AGENT_IDLE; status < ASM_AGENT_STATUS_COUNT; status++) {
            script s = {.calls = 0};
            char id[16], word[32];
            sprintf(id, "agent-%u", number++);
            assert_true(next_word(&rest, word));
            const bool refused = strcmp(word, "-") == 0;
            const char *name = asm_agent_status_name((asm_agent_status)status);
            start_in((asm_agent_status)status, id, &s);
            server.error[0] = 0;
            const asm_result result = make_call((call)which, ID(id), &s);
            expect(result == (refused ? calls[which].refusal : ASM_OK), "%s in %s: %d", calls[which].name,
                   name, result);
            if (refused) expect(server.error[0] != 0, "%s in %s: no text", calls[which].name, name);
            if (result == ASM_ERR_STATUS)
                expect(strstr(server.error, name) != NULL, "%s in %s does not name it: %s", calls[which].name,
                       name, server.error);
            const char *after = asm_agent_status_name(asm_agent_get_status(&server, ID(id)));
            expect(strcmp(after, refused ? name : word) == 0, "%s in %s: then %s", calls[which].name, name,
                   after);
            if (asm_agent_exists(&server, ID(id))) assert_int_equal(asm_agent_stop(&server, ID(id)), ASM_OK);
            poll_after(6 * SECOND);
            expect(!asm_agent_exists(&server, ID(id)), "%s in %s: cannot be stopped", calls[which].name,
                   name);
            forget_log();
        }
    }
    end_of_cases();
}

/* ============================================================================================
 * Executions
 */

static void test_outcomes(void **state) {
    (void)state;
    static const struct {
        scripted outcome;
        const char *expected;
    } cases[] = {
        {{.kind = ASM_OUTCOME_COMPLETED}, "{\"status\":\"idle\"}"},
        {{.kind = ASM_OUTCOME_PAUSED}, "{\"status\":\"paused\"}"},
        {{.kind = ASM_OUTCOME_INTERRUPTED},
         "{\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"question\":null}}"},
        {{.kind = ASM_OUTCOME_INTERRUPTED, .question = TEXT("{ \"question\" : \"Which?\" }")},
         "{\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"question\":{\"question\":\"Which?\"}}}"},
        {{.kind = ASM_OUTCOME_FAILED, .reason = TEXT("a \"bad\" day")},
         "{\"status\":\"error\",\"data\":\"a \\\"bad\\\" day\",\"error_message\":\"a \\\"bad\\\" day\"}"},
        {{.kind = ASM_OUTCOME_FAILED},
         "{\"status\":\"error\",\"data\":\"failed\",\"error_message\":\"failed\"}"},
        {{.kind = ASM_OUTCOME_INTERRUPTED, .question = TEXT("{\"question\":")},
         "{\"status\":\"error\",\"data\":\"what the driver asks is not valid\",\"error_message\":\"what the "
         "driver asks is not valid\"}"},
        {{.kind = (asm_outcome)78},
         "{\"status\":\"error\",\"data\":\"the outcome that the driver gave is not "
         "valid\",\"error_message\":\"the "
         "outcome that the driver gave is not valid\"}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s = {.outcomes = {cases[i].outcome}};
        char expected[512];
        start_script("a1", &s);
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        assert_int_equal(s.calls, 0); /* not before a poll */
        expect_log("a1 status_changed {\"status\":\"running\"}\n");
        poll_server();
        assert_int_equal(s.calls, 1);
        sprintf(expected, "a1 status_changed %s\n", cases[i].expected);
        char *request = strstr(log_text, "a1 tool_approval_requested");
        assert_int_equal(request != NULL, asm_agent_get_status(&server, A1) == ASM_AGENT_INTERRUPTED);
        if (request) *request = 0;
        expect_log(expected);
        poll_server();
        assert_int_equal(s.calls, 1);
        assert_int_equal(server.pending, 0);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    }
}

static char served[8];

static void note_who_is_served(script *s, asm_execution execution) {
    const asm_str id = asm_execution_agent_id(execution);
    (void)s;
    strncat(served, id.data, id.size);
}

static void test_agents_are_served_in_the_order_in_which_they_began(void **state) {
    (void)state;
    static const char *const ids[] = {"c", "a", "b"};
    script scripts[3];
    served[0] = 0;
    memset(scripts, 0, sizeof scripts);
    for (size_t i = 0; i < 3; i++) {
        scripts[i].hook = note_who_is_served;
        scripts[i].outcomes[0] = (scripted)GO_ON;
        start_script(ids[(i + 1) % 3], &scripts[i]);
    }
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(asm_agent_execute(&server, ID(ids[i])), ASM_OK);
    poll_server();
    assert_string_equal(served, "cab"); /* each once */
    poll_server();
    assert_string_equal(served, "cabcab");
}

static void test_continue_is_called_again_in_the_next_poll(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, {.kind = ASM_OUTCOME_PAUSED}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    for (size_t i = 1; i <= 3; i++) {
        expect_status(A1, ASM_AGENT_RUNNING);
        poll_server();
        assert_int_equal(s.calls, i);
        assert_int_equal(s.execution.slice, i - 1);
        assert_int_equal(s.execution.number, 1);
    }
    expect_status(A1, ASM_AGENT_PAUSED);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK); /* a paused agent is continued by execute */
    poll_server();
    assert_int_equal(s.execution.number, 2);
    assert_int_equal(s.execution.slice, 0);
    expect_status(A1, ASM_AGENT_IDLE);
}

static void emit_everything(script *s, asm_execution execution) {
    (void)s;
    const asm_turn message = {
        .role = TEXT("assistant"), .content = TEXT("Hello"), .extra = TEXT("{\"model\":\"m\"}")};
    const asm_usage_payload usage = {.input_tokens = ASM_INT64(7)};
    const asm_tool_payload tool = {.name = TEXT("Read"), .call_id = TEXT("c1")};
    const asm_todo todos[] = {{TEXT("1"), TEXT("Look"), TEXT("completed"), {NULL, 0}},
                              {TEXT("2"), TEXT("Leap"), TEXT("pending"), TEXT("{\"by\":\"noon\"}")}};
    const asm_event custom = {
        .type = ASM_EVENT_CUSTOM, .type_name = TEXT("mine"), .extra = TEXT("{\"a\":1}")};
    assert_int_equal(asm_emit_text(execution, ID("Hel")), ASM_OK);
    assert_int_equal(asm_emit_turn(execution, &message), ASM_OK);
    assert_int_equal(asm_emit_usage(execution, &usage), ASM_OK);
    for (int type = ASM_EVENT_TOOL_CALL_IDENTIFIED; type <= ASM_EVENT_TOOL_CALL_FAILED; type++)
        assert_int_equal(asm_emit_tool(execution, (asm_event_type)type, &tool), ASM_OK);
    assert_int_equal(asm_emit_tool(execution, ASM_EVENT_TOOL_APPROVAL_REQUESTED, &tool),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_emit_tool(execution, ASM_EVENT_MESSAGE_STREAMED, &tool), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_emit_todos(execution, todos, 2), ASM_OK);
    assert_int_equal(asm_emit_event(execution, &custom), ASM_OK);
    assert_int_equal(asm_emit_debug_event(execution, &custom), ASM_OK);
    assert_true(asm_execution_is_active(execution));
    expect_text(asm_execution_agent_id(execution), A1);
    asm_agent_state seen;
    assert_int_equal(asm_execution_state(execution, &seen), ASM_OK);
    assert_int_equal(seen.turn_count, 1);
    expect_text(seen.turns[0].content, ID("Hello"));
    assert_int_equal(seen.todo_count, 2);
}

static void test_what_drivers_tell(void **state) {
    (void)state;
    script s = {.hook = emit_everything};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    expect_log(
        "a1 message_streamed {\"delta\":\"Hel\"}\n"
        "a1 message_received {\"content\":\"Hello\",\"role\":\"assistant\",\"extra\":{\"model\":\"m\"}}\n"
        "a1 token_usage_updated {\"input_tokens\":7}\n"
        "a1 tool_call_identified {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\"}\n"
        "a1 tool_call_started {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\"}\n"
        "a1 tool_call_updated {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\"}\n"
        "a1 tool_output_streamed {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\"}\n"
        "a1 tool_call_completed {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\",\"duration_ms\":0}\n"
        "a1 tool_call_started {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\"}\n" /* every end has a start */
        "a1 tool_call_failed {\"tool_name\":\"Read\",\"tool_call_id\":\"c1\",\"duration_ms\":0}\n"
        "a1 todos_updated {\"todos\":[{\"id\":\"1\",\"content\":\"Look\",\"status\":\"completed\"},"
        "{\"id\":\"2\",\"content\":\"Leap\",\"status\":\"pending\",\"by\":\"noon\"}]}\n"
        "a1 mine {\"a\":1}\n"
        "a1 status_changed {\"status\":\"idle\"}\n");
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 1);
    assert_int_equal(info.state.todo_count, 2);
    expect_text(info.state.todos[1].extra, ID("{\"by\":\"noon\"}"));
    end_of_cases();
}

static asm_event last_event;
static char last_ids[256];

static void keep_event(void *user, const asm_message *message) {
    (void)user;
    last_event = *message->event;
    sprintf(last_ids, "%.*s %.*s %.*s", (int)message->wrapper.size, message->wrapper.data,
            (int)message->event->agent_id.size, message->event->agent_id.data,
            (int)message->event->session_id.size, message->event->session_id.data);
}

static void test_what_events_carry(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.conversation_id = ID("conv");
    options.debug_pubsub = &debug_bus;
    start_agent(&options);
    assert_int_equal(asm_agent_subscribe(&server, A1, keep_event, NULL, NULL), ASM_OK);
    asm_event event = {.type = ASM_EVENT_CUSTOM, .type_name = TEXT("mine")};
    asm_agent_server_set_time(&server, T0 + 5, now);
    assert_int_equal(asm_agent_publish_event(&server, A1, &event), ASM_OK);
    assert_string_equal(last_ids, "agent a1 conv");
    assert_int_equal(last_event.time, T0 + 5);
    assert_int_equal(last_event.sequence_number, 2); /* after the first idle */
    event.session_id = ID("other");
    event.agent_id = ID("sub");
    event.time = 7;
    event.sequence_number = 99;
    assert_int_equal(asm_agent_publish_event(&server, A1, &event), ASM_OK);
    assert_string_equal(last_ids, "agent sub other");
    assert_int_equal(last_event.time, 7);
    assert_int_equal(last_event.sequence_number, 99);
    assert_int_equal(asm_agent_subscribe_debug(&server, A1, keep_event, NULL, NULL), ASM_OK);
    event.session_id = event.agent_id = asm_str_make(NULL, 0);
    assert_int_equal(asm_agent_publish_debug_event(&server, A1, &event), ASM_OK);
    assert_string_equal(last_ids, "agent_debug a1 conv");
}

static void test_subscriptions(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_subscription subscription, debug_subscription;
    asm_agent_options options = options_for("a1", &s);
    options.pubsub = NULL;
    start_agent(&options);
    assert_int_equal(asm_agent_subscribe(&server, A1, keep_event, NULL, &subscription), ASM_ERR_MISUSE);
    assert_string_equal(server.error, "the agent has no dispatcher");
    assert_int_equal(asm_agent_subscribe_debug(&server, A1, keep_event, NULL, &subscription), ASM_ERR_MISUSE);
    assert_string_equal(server.error, "the agent has no debug dispatcher");
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK); /* and works without */
    poll_server();
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(server.failures, 0);
    options = options_for("a2", &s);
    options.debug_pubsub = &debug_bus;
    start_agent(&options);
    assert_int_equal(asm_agent_subscribe(&server, A2, keep_event, NULL, &subscription), ASM_OK);
    assert_int_equal(asm_agent_subscribe_debug(&server, A2, keep_event, NULL, &debug_subscription), ASM_OK);
    assert_int_equal(asm_agent_unsubscribe(&server, A2, debug_subscription), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_agent_unsubscribe(&server, A2, subscription), ASM_OK);
    assert_int_equal(asm_agent_unsubscribe(&server, A2, subscription), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_agent_unsubscribe_debug(&server, A2, debug_subscription), ASM_OK);
    assert_int_equal(asm_agent_unsubscribe(&server, A1, subscription), ASM_ERR_MISUSE);
    assert_int_equal(asm_agent_unsubscribe(&server, ID("a3"), subscription), ASM_ERR_NOT_FOUND);
    last_event.type = ASM_EVENT_CUSTOM;
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    assert_int_equal(last_event.type, ASM_EVENT_CUSTOM);
    poll_server(); /* an agent that runs would still look at its script when the server is closed */
}

static void test_late_results(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}};
    const asm_turn message = {.role = TEXT("assistant"), .content = TEXT("late")};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    const asm_execution first = s.execution;
    assert_int_equal(asm_emit_text(first, ID("x")), ASM_OK); /* also from outside of its functions */
    assert_int_equal(asm_execution_finish(first, ASM_OUTCOME_CONTINUE), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_int_equal(s.cancels, 1);
    forget_log();
    assert_int_equal(server.stale_calls, 0);
    assert_int_equal(asm_emit_text(first, ID("x")), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_emit_turn(first, &message), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_execution_finish(first, ASM_OUTCOME_COMPLETED), ASM_ERR_NOT_FOUND);
    assert_int_equal(server.stale_calls, 3);
    expect_status(A1, ASM_AGENT_CANCELLED);
    asm_agent_state seen;
    assert_false(asm_execution_is_active(first));
    assert_null(asm_execution_agent_id(first).data);
    assert_int_equal(asm_execution_state(first, &seen), ASM_ERR_NOT_FOUND);
    expect_log("");
    /* A newer execution: the old one's results are still late. */
    assert_int_equal(asm_agent_add_turn(&server, A1, &message), ASM_OK);
    s.calls = 0;
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    const asm_execution second = s.execution;
    assert_int_equal(asm_execution_finish(first, ASM_OUTCOME_FAILED), ASM_ERR_NOT_FOUND);
    expect_status(A1, ASM_AGENT_RUNNING);
    assert_int_equal(asm_execution_finish(second, ASM_OUTCOME_COMPLETED), ASM_OK);
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(asm_execution_finish(second, ASM_OUTCOME_FAILED),
                     ASM_ERR_NOT_FOUND); /* double completion */
    expect_status(A1, ASM_AGENT_IDLE);
    /* The agent is gone, another one has its slot. */
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    start_script("a2", &s);
    assert_int_equal(asm_execution_finish(second, ASM_OUTCOME_FAILED), ASM_ERR_NOT_FOUND);
    const asm_execution none = {.server = NULL};
    assert_int_equal(asm_emit_text(none, ID("x")), ASM_ERR_NOT_FOUND);
}

static void finish_and_return(script *s, asm_execution execution) {
    s->result = asm_execution_finish(execution, ASM_OUTCOME_PAUSED);
}

static void test_finish_within_the_call(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_FAILED}, GO_ON}, .hook = finish_and_return};
    start_script("a1", &s);
    for (uint64_t late = 1; late <= 1; late++) {
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        poll_server();
        assert_int_equal(s.result, ASM_OK);
        expect_status(A1, ASM_AGENT_PAUSED);
        assert_int_equal(server.stale_calls, 1); /* what it returned */
    }
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_PAUSED);
    poll_server();
    assert_int_equal(s.calls, 2); /* to continue what is over does nothing */
    assert_int_equal(server.stale_calls, 1);
}

/* ============================================================================================
 * Human in the loop
 */

static const asm_action_request requests[] = {
    {TEXT("c1"), TEXT("write_file"), TEXT("{\"path\": \"a.c\"}")},
    {TEXT("c2"), TEXT("run"), {NULL, 0}},
};

#define WANTS_DECISIONS                                                                                      \
    { .kind = ASM_OUTCOME_INTERRUPTED, .requests = requests, .request_count = 2 }

#define ASKS                                                                                                 \
    "a1 status_changed {\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"action_requests\":["          \
    "{\"tool_call_id\":\"c1\",\"tool_name\":\"write_file\",\"arguments\":{\"path\":\"a.c\"}},"               \
    "{\"tool_call_id\":\"c2\",\"tool_name\":\"run\",\"arguments\":{}}]}}\n"                                  \
    "a1 tool_approval_requested {\"request_id\":\"1:c1\",\"interrupt\":1,\"kind\":\"tool\",\"tool_name\":"   \
    "\"write_file\",\"tool_call_id\":\"c1\",\"tool_input\":{\"path\":\"a.c\"}}\n"                            \
    "a1 tool_approval_requested {\"request_id\":\"1:c2\",\"interrupt\":1,\"kind\":\"tool\",\"tool_name\":"   \
    "\"run\",\"tool_call_id\":\"c2\",\"tool_input\":{}}\n"

static const struct {
    asm_resume resume;
    asm_result expected;
} bad_resumes[] = {
#define DECISION(...)                                                                                        \
    { __VA_ARGS__ }
#define RESUMES(number, count, ...)                                                                          \
    { .interrupt = number, .decisions = (const asm_decision[]){__VA_ARGS__}, .decision_count = count }
#define APPROVES(id)                                                                                         \
    { .kind = ASM_DECISION_APPROVE, .tool_call_id = TEXT(id) }
    {RESUMES(0, 2, APPROVES("c1"), APPROVES("c2")), ASM_ERR_NOT_FOUND},
    {RESUMES(2, 2, APPROVES("c1"), APPROVES("c2")), ASM_ERR_NOT_FOUND},
    {RESUMES(1, 1, APPROVES("c3")), ASM_ERR_NOT_FOUND},
    {RESUMES(1, 1, {.kind = ASM_DECISION_APPROVE}), ASM_ERR_NOT_FOUND},
    {RESUMES(1, 2, APPROVES("c1"), APPROVES("c3")), ASM_ERR_NOT_FOUND},
    {RESUMES(1, 2, APPROVES("c1"), APPROVES("c1")), ASM_ERR_INVALID_ARGUMENT},
    {RESUMES(1, 0, APPROVES("c1")), ASM_ERR_INVALID_ARGUMENT},
    {{.interrupt = 1, .answer = TEXT("true")}, ASM_ERR_INVALID_ARGUMENT},
    {{.interrupt = 1, .decision_count = 1}, ASM_ERR_INVALID_ARGUMENT},
    {RESUMES(1, 2, APPROVES("c1"), {.tool_call_id = TEXT("c2")}), ASM_ERR_INVALID_ARGUMENT},
    {RESUMES(1, 1, {.kind = (asm_decision_kind)9, .tool_call_id = TEXT("c2")}), ASM_ERR_INVALID_ARGUMENT},
    {RESUMES(1, 1, {.kind = ASM_DECISION_EDIT, .tool_call_id = TEXT("c2")}), ASM_ERR_INVALID_ARGUMENT},
    {RESUMES(1, 1, {.kind = ASM_DECISION_EDIT, .tool_call_id = TEXT("c2"), .arguments = TEXT("[]")}),
     ASM_ERR_TYPE},
    {RESUMES(1, 1, {.kind = ASM_DECISION_EDIT, .tool_call_id = TEXT("c2"), .arguments = TEXT("{")}),
     ASM_ERR_SYNTAX},
    {RESUMES(1, 1, {.kind = ASM_DECISION_REJECT, .tool_call_id = TEXT("c2"), .arguments = TEXT("{}")}),
     ASM_ERR_INVALID_ARGUMENT},
};

static const struct {
    const char *json;
    asm_result expected;
} bad_jsons[] = {
    {"", ASM_ERR_SYNTAX},
    {"[]", ASM_ERR_TYPE},
    {"[{\"type\":\"approve\"},{\"type\":\"approve\"}]", ASM_ERR_TYPE}, /* nothing is matched by position */
    {"{}", ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":\"1\"}", ASM_ERR_TYPE},
    {"{\"interrupt\":1.5}", ASM_ERR_TYPE},
    {"{\"interrupt\":-1}", ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1}", ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1,\"decisions\":[]}", ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1,\"decisions\":{}}", ASM_ERR_TYPE},
    {"{\"interrupt\":1,\"decisions\":[{\"type\":\"approve\"}]}", ASM_ERR_NOT_FOUND},
    {"{\"interrupt\":2,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"approve\"}]}", ASM_ERR_NOT_FOUND},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\"}]}", ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":7}]}", ASM_ERR_TYPE},
    {"{\"interrupt\":1,\"decisions\":[7]}", ASM_ERR_TYPE},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"approved\"}]}",
     ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"edit\"}]}",
     ASM_ERR_INVALID_ARGUMENT},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"edit\",\"arguments\":7}]}",
     ASM_ERR_TYPE},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"reject\",\"message\":7}]}",
     ASM_ERR_TYPE},
    {"{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"reject\"}]", ASM_ERR_SYNTAX},
};

#define C1                                                                                                   \
    "\"request_id\":\"1:c1\",\"interrupt\":1,\"kind\":\"tool\",\"tool_name\":\"write_file\",\"tool_call_"    \
    "id\":\"c1\""
#define C2                                                                                                   \
    "\"request_id\":\"1:c2\",\"interrupt\":1,\"kind\":\"tool\",\"tool_name\":\"run\",\"tool_call_id\":"      \
    "\"c2\""
#define THE_QUESTION                                                                                         \
    "\"request_id\":\"1\",\"interrupt\":1,\"kind\":\"question\",\"tool_input\":"                             \
    "{\"question\":\"Which \\u0031?\",\"options\":[{\"id\":\"a\"}]}"

static void test_decisions(void **state) {
    (void)state;
    script s = {.outcomes = {WANTS_DECISIONS}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    expect_log(ASKS);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.interrupt, 1);
    assert_int_equal(info.request_count, 2);
    assert_non_null(info.interrupt_data.data);
    expect_text(info.requests[0].tool_call_id, ID("c1"));
    expect_text(info.requests[0].tool_name, ID("write_file"));
    expect_text(info.requests[0].arguments, requests[0].arguments);
    expect_text(info.requests[1].tool_name, ID("run"));
    expect_text(info.requests[1].arguments, ID("{}"));
    assert_int_equal(info.decisions[0].kind, ASM_DECISION_NONE);
    for (size_t i = 0; i < COUNT(bad_resumes); i++) {
        server.error[0] = 0;
        const asm_result result = asm_agent_resume(&server, A1, &bad_resumes[i].resume);
        expect(result == bad_resumes[i].expected, "case %zu: %d", i, result);
        expect(server.error[0] != 0, "case %zu has no text", i);
        expect(asm_agent_get_status(&server, A1) == ASM_AGENT_INTERRUPTED, "case %zu", i);
    }
    for (size_t i = 0; i < COUNT(bad_jsons); i++) {
        const asm_result result = asm_agent_resume_json(&server, A1, ID(bad_jsons[i].json));
        expect(result == bad_jsons[i].expected, "%s: %d", bad_jsons[i].json, result);
        expect(asm_agent_get_status(&server, A1) == ASM_AGENT_INTERRUPTED, "%s", bad_jsons[i].json);
    }
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.decisions[0].kind, ASM_DECISION_NONE); /* none of a bad lot counts */
    end_of_cases();
    expect_log("");
    /* In another order than they were asked. */
    const asm_resume resume = RESUMES(
        1, 2, {.kind = ASM_DECISION_REJECT, .tool_call_id = TEXT("c2"), .message = TEXT("too risky")},
        {.kind = ASM_DECISION_EDIT, .tool_call_id = TEXT("c1"), .arguments = TEXT("{\"path\":\"b.c\"}")});
    s.outcomes[1] = (scripted)GO_ON;
    assert_int_equal(asm_agent_resume(&server, A1, &resume), ASM_OK);
    expect_log("a1 tool_approval_granted {" C1 ",\"tool_input\":{\"path\":\"b.c\"},\"decision\":\"edit\"}\n"
               "a1 tool_approval_denied {" C2 ",\"tool_input\":{},\"decision\":\"reject\",\"reason\":\"too "
               "risky\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n");
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_null(info.interrupt_data.data);
    assert_null(info.requests);
    assert_int_equal(info.request_count, 0);
    poll_server();
    assert_string_equal(s.resumed_with, "c1:2({\"path\":\"b.c\"}|) c2:3(|too risky) ");
    poll_server(); /* the same in each call */
    assert_int_equal(s.resumes, 2);
    assert_string_equal(s.resumed_with, "c1:2({\"path\":\"b.c\"}|) c2:3(|too risky) ");
    expect_status(A1, ASM_AGENT_IDLE);
}

static void test_some_decisions(void **state) {
    (void)state;
    script s = {.outcomes = {WANTS_DECISIONS}};
    const asm_resume first = RESUMES(1, 1, APPROVES("c2")), second = RESUMES(1, 1, APPROVES("c1"));
    asm_agent_info info;
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    forget_log();
    assert_int_equal(asm_agent_resume(&server, A1, &first), ASM_OK);
    expect_log("a1 tool_approval_granted {" C2 ",\"tool_input\":{},\"decision\":\"approve\"}\n");
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.decisions[0].kind, ASM_DECISION_NONE);
    assert_int_equal(info.decisions[1].kind, ASM_DECISION_APPROVE);
    assert_int_equal(asm_agent_resume(&server, A1, &first), ASM_ERR_NOT_FOUND); /* decided already */
    assert_string_equal(server.error, "a decision is not about an undecided request");
    poll_server();
    assert_int_equal(s.resumes, 0);
    assert_int_equal(asm_agent_resume(&server, A1, &second), ASM_OK);
    expect_log("a1 tool_approval_granted {" C1
               ",\"tool_input\":{\"path\":\"a.c\"},\"decision\":\"approve\"}\n"
               "a1 status_changed {\"status\":\"running\"}\n");
    poll_server();
    assert_string_equal(s.resumed_with, "c1:1(|) c2:1(|) ");
}

static void test_a_stale_approval(void **state) {
    (void)state;
    script s = {.outcomes = {WANTS_DECISIONS, WANTS_DECISIONS}};
    const asm_resume old = RESUMES(1, 2, APPROVES("c1"), APPROVES("c2"));
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_INTERRUPTED); /* by the same calls, but once more */
    assert_int_equal(asm_agent_resume(&server, A1, &old), ASM_ERR_NOT_FOUND);
    assert_string_equal(server.error, "the agent does not wait with this interrupt (any more)");
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    poll_server();
    assert_int_equal(s.resumes, 0);
}

static void test_decisions_as_json(void **state) {
    (void)state;
    script s = {.outcomes = {WANTS_DECISIONS}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(
        asm_agent_resume_json(&server, A1,
                              ID("{\"decisions\":[{\"tool_call_id\":\"c\\u0032\",\"type\":\"re\\u006aect\","
                                 "\"message\":\"no\\nway\",\"x\":1},"
                                 " {\"type\":\"edit\",\"arguments\":{\"path\":\"\\u0061\"},"
                                 "\"tool_call_id\":\"c1\"}],\"interrupt\":1}")),
        ASM_OK);
    poll_server();
    assert_string_equal(s.resumed_with, "c1:2({\"path\":\"\\u0061\"}|) c2:3(|no\nway) ");
}

static void test_questions(void **state) {
    (void)state;
    script s = {
        .outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED,
                      .question = TEXT("{\"question\":\"Which \\u0031?\",\"options\":[{\"id\":\"a\"}]}")}}};
    const asm_resume decided = RESUMES(1, 1, APPROVES("c1")), nothing = {.interrupt = 1};
    const asm_resume broken = {.interrupt = 1, .answer = TEXT("{")};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    forget_log();
    poll_server();
    expect_log("a1 status_changed {\"status\":\"interrupted\",\"data\":{\"interrupt\":1,\"question\":"
               "{\"question\":\"Which \\u0031?\",\"options\":[{\"id\":\"a\"}]}}}\n"
               "a1 tool_approval_requested {" THE_QUESTION
               ",\"options\":[{\"id\":\"a\"}],\"reason\":\"Which 1?\"}\n");
    assert_int_equal(asm_agent_resume(&server, A1, &decided), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_agent_resume(&server, A1, &nothing), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_agent_resume(&server, A1, &broken), ASM_ERR_SYNTAX);
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    assert_int_equal(
        asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":{\"selected\":[\"SQLite\"]}}")),
        ASM_OK);
    expect_log("a1 tool_approval_granted {" THE_QUESTION
               ",\"decision\":\"answer\",\"answer\":{\"selected\":[\"SQLite\"]}}\n"
               "a1 status_changed {\"status\":\"running\"}\n");
    poll_server();
    assert_string_equal(s.resumed_with, "answer {\"selected\":[\"SQLite\"]}");
}

static void test_what_nobody_decided_is_withdrawn(void **state) {
    (void)state;
    script s = {.outcomes = {WANTS_DECISIONS}};
    const asm_resume first = RESUMES(1, 1, APPROVES("c1"));
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_resume(&server, A1, &first), ASM_OK);
    forget_log();
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    expect_log("a1 tool_approval_denied {" C2 ",\"tool_input\":{},\"decision\":\"withdrawn\"}\n"
               "a1 status_changed {\"status\":\"cancelled\"}\n");
    assert_int_equal(s.cancels, 0); /* the driver does nothing that it could be told to stop */
}

static void test_bad_requests_fail_the_execution(void **state) {
    (void)state;
    static const asm_action_request nameless = {TEXT("c1"), {NULL, 0}, {NULL, 0}};
    static const asm_action_request not_object = {TEXT("c1"), TEXT("run"), TEXT("[1]")};
    static const asm_action_request no_id = {TEXT(""), TEXT("run"), {NULL, 0}};
    static const asm_action_request twice[] = {{TEXT("c1"), TEXT("run"), {NULL, 0}},
                                               {TEXT("c1"), TEXT("look"), {NULL, 0}}};
    const scripted bad[] = {
        {.kind = ASM_OUTCOME_INTERRUPTED, .requests = &nameless, .request_count = 1},
        {.kind = ASM_OUTCOME_INTERRUPTED, .requests = &not_object, .request_count = 1},
        {.kind = ASM_OUTCOME_INTERRUPTED, .requests = &no_id, .request_count = 1},
        {.kind = ASM_OUTCOME_INTERRUPTED, .requests = twice, .request_count = 2},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        script s = {.outcomes = {bad[i]}};
        start_script("a1", &s);
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        poll_server();
        expect_status(A1, ASM_AGENT_ERROR);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    }
}

/* The code goes out with the run that it ended, and with no other. */
static void test_failing_with_a_code(void **state) {
    (void)state;
    script s = {
        .outcomes = {{.kind = ASM_OUTCOME_FAILED, .code = TEXT("rate_limit"), .reason = TEXT("slow down")},
                     {.kind = ASM_OUTCOME_FAILED},
                     {.kind = (asm_outcome)99, .code = TEXT("timeout"), .reason = TEXT("late")},
                     {.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no")}}};
    static const char *const told[] = {
        "{\"num_turns\":0,\"duration_ms\":0,\"error_code\":\"rate_limit\",\"error_message\":\"slow down\"}",
        "{\"num_turns\":0,\"duration_ms\":0,\"error_message\":\"failed\"}",
        ("{\"num_turns\":0,\"duration_ms\":0,\"error_message\":\"the outcome that the driver gave is not "
         "valid\"}"),
        "{\"num_turns\":0,\"duration_ms\":0,\"error_message\":\"no\"}",
    };
    start_script("a1", &s);
    for (size_t i = 0; i < COUNT(told); i++) {
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        forget_log();
        log_has_runs = true;
        poll_server();
        char expected[512];
        sprintf(expected, "a1 run_failed %s\n", told[i]);
        const char *failed = strstr(log_text, "a1 run_failed");
        assert_non_null(failed);
        assert_memory_equal(failed, expected, strlen(expected));
        expect_status(A1, ASM_AGENT_ERROR);
        assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    }
    /* One that has ended says nothing of the agent any more. */
    assert_int_equal(asm_fail_as(s.execution, ID("late"), ID("late")), ASM_OUTCOME_FAILED);
    expect_status(A1, ASM_AGENT_IDLE);
}

/* Without memory it fails all the same: with what could be kept, and nothing of an earlier call. */
static asm_outcome fail_without_memory(void *user, asm_execution execution) {
    (void)asm_fail_as(execution, ID("first"), ID("the first reason"));
    fail_allocations_from(*(size_t *)user);
    const asm_outcome outcome = asm_fail_as(execution, ID("second"), ID("the second reason"));
    fail_allocations_from(0);
    return outcome;
}

static void test_failing_without_memory(void **state) {
    (void)state;
    size_t failing = 1;
    asm_agent_options options = {
        .id = A1, .config.driver = {.execute = fail_without_memory, .user = &failing}, .pubsub = &bus};
    start_agent(&options);
    log_has_runs = true;
    for (; failing <= 2; failing++) {
        assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
        forget_log();
        poll_server();
        assert_null(strstr(log_text, "first"));
        assert_null(strstr(log_text, "the second reason"));
        assert_non_null(strstr(log_text, "\"error_message\":\"failed\""));
        assert_int_equal(strstr(log_text, "\"error_code\":\"second\"") != NULL, failing == 2);
        assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    }
}

static void ask_about_tools(script *s, asm_execution execution) {
    s->result = asm_execution_needs_approval(execution, ID("write_file")) &&
                        asm_execution_needs_approval(execution, ID("run")) &&
                        !asm_execution_needs_approval(execution, ID("read")) &&
                        !asm_execution_needs_approval(execution, ID(""))
                    ? ASM_OK
                    : ASM_ERR_TYPE;
}

static void test_interrupt_on(void **state) {
    (void)state;
    static const asm_str names[] = {TEXT("write_file"), TEXT("run")};
    script s = {.hook = ask_about_tools, .result = ASM_ERR_MISUSE};
    asm_agent_options options = options_for("a1", &s);
    options.config.interrupt_on = names;
    options.config.interrupt_on_count = 2;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(s.result, ASM_OK);
    assert_false(asm_execution_needs_approval(s.execution, ID("run"))); /* it is over */
}

static void test_a_driver_without_resume(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED}}};
    asm_agent_options options = options_for("a1", &s);
    options.config.driver.resume = NULL;
    options.config.driver.cancel = NULL;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":1}")),
                     ASM_ERR_UNSUPPORTED);
    expect_status(A1, ASM_AGENT_INTERRUPTED);
    start_script("a2", &s);
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    assert_int_equal(asm_agent_cancel(&server, A2), ASM_OK);
}

/* ============================================================================================
 * Messages, reset, restore, update: what is published
 */

static void test_add_turn(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_in(ASM_AGENT_ERROR, "a1", &s);
    const asm_turn user = {.role = TEXT("user"), .content = TEXT("Again")};
    const asm_turn answer = {.role = TEXT("assistant"), .content = TEXT("Yes")};
    const asm_turn orphan = {.role = TEXT("tool"), .tool_results = TEXT("[{\"tool_call_id\":\"c1\"}]")};
    assert_int_equal(asm_agent_add_turn(&server, A1, &user), ASM_OK);
    expect_log("a1 message_sent {\"content\":\"Again\",\"role\":\"user\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_null(info.error.data);
    assert_int_equal(asm_agent_add_turn(&server, A1, &answer), ASM_OK);
    assert_int_equal(asm_agent_add_turn(&server, A1, &orphan), ASM_ERR_INVALID_ARGUMENT);
    assert_string_equal(server.error, "no open call waits for this result");
    expect_log("a1 message_received {\"content\":\"Yes\",\"role\":\"assistant\"}\n");
}

static void test_turns_that_do_not_do(void **state) {
    (void)state;
    static char deep[200];
    memset(deep, '[', 63);
    memset(deep + 63, ']', 63);
    static const struct {
        asm_turn message;
        asm_result expected;
    } cases[] = {
        {{.content = TEXT("no role")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("user"), .tool_calls = TEXT("{}")}, ASM_ERR_TYPE},
        {{.role = TEXT("user"), .tool_calls = TEXT("[")}, ASM_ERR_SYNTAX},
        {{.role = TEXT("user"), .tool_results = TEXT("7")}, ASM_ERR_TYPE},
        {{.role = TEXT("user"), .extra = TEXT("[]")}, ASM_ERR_TYPE},
        {{.role = TEXT("user"), .extra = TEXT("{\"a\":}")}, ASM_ERR_SYNTAX},
        {{.role = TEXT("user"), .extra = TEXT("{\"role\":\"system\"}")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("user"), .extra = TEXT("{\"r\\u006fle\":\"system\"}")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("user"), .tool_calls = {deep, 126}}, ASM_ERR_DEPTH}, /* could not be exported */
        {{.role = TEXT("assistant"), .tool_calls = TEXT("[7]")}, ASM_ERR_TYPE},
        {{.role = TEXT("assistant"), .tool_calls = TEXT("[{}]")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("assistant"), .tool_calls = TEXT("[{\"id\":\"\"}]")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("assistant"), .tool_calls = TEXT("[{\"id\":\"a\"},{\"id\":\"\\u0061\"}]")},
         ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("tool"), .content = TEXT("hm")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("tool"), .tool_results = TEXT("[]")}, ASM_ERR_INVALID_ARGUMENT},
        {{.role = TEXT("tool"), .tool_results = TEXT("[7]")}, ASM_ERR_INVALID_ARGUMENT},
    };
    script s = {.calls = 0};
    start_in(ASM_AGENT_CANCELLED, "a1", &s);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const asm_result result = asm_agent_add_turn(&server, A1, &cases[i].message);
        expect(result == cases[i].expected, "case %zu: %d", i, result);
    }
    end_of_cases();
    expect_log("");
    expect_status(A1, ASM_AGENT_CANCELLED);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 0);
}

static size_t resets;
static asm_result call_in_reset;

static void on_reset(void *user, asm_str id) {
    asm_agent_info info;
    resets++;
    assert_ptr_equal(user, &resets);
    assert_int_equal(asm_agent_get_info(&server, id, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 1); /* called before the state is cleared */
    call_in_reset = asm_agent_touch(&server, id);
}

static void test_reset(void **state) {
    (void)state;
    script s = {.outcomes = {{.kind = ASM_OUTCOME_FAILED}}, .hook = emit_everything};
    asm_agent_options options = options_for("a1", &s);
    options.config.reset = on_reset;
    options.config.user = &resets;
    start_agent(&options);
    assert_int_equal(asm_agent_set_metadata(&server, A1, ID("{\"theme\":\"dark\"}")), ASM_OK);
    assert_int_equal(asm_agent_set_middleware_state(&server, A1, ID("title"), ID("7")), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    expect_status(A1, ASM_AGENT_ERROR);
    forget_log();
    resets = 0;
    assert_int_equal(asm_agent_reset(&server, A1), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"idle\"}\n");
    assert_int_equal(resets, 1);
    assert_int_equal(call_in_reset, ASM_ERR_MISUSE);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 0);
    assert_int_equal(info.state.todo_count, 0);
    assert_int_equal(info.state.middleware_count, 0);
    expect_text(info.state.metadata, ID("{\"theme\":\"dark\"}"));
    end_of_cases();
}

static const char saved_state[] =
    "{\"version\":1,\"state\":{\"messages\":[{\"role\":\"user\",\"content\":\"Before\"}],\"todos\":[],"
    "\"metadata\":{}},\"serialized_at\":\"2026-02-09T12:00:00.000Z\"}";

static void test_restore_in_each_status(void **state) {
    (void)state;
    for (int status = ASM_AGENT_IDLE; status < ASM_AGENT_STATUS_COUNT; status++) {
        script s = {.calls = 0};
        start_in((asm_agent_status)status, "a1", &s);
        assert_int_equal(asm_agent_restore_state(&server, A1, ID(saved_state)), ASM_OK);
        expect_log(status == ASM_AGENT_IDLE ? ""
                   : status == ASM_AGENT_INTERRUPTED
                       ? "a1 tool_approval_denied {\"request_id\":\"1\",\"interrupt\":1,"
                         "\"kind\":\"question\",\"tool_input\":null,\"decision\":"
                         "\"withdrawn\"}\n"
                         "a1 status_changed {\"status\":\"idle\"}\n"
                       : "a1 status_changed {\"status\":\"idle\"}\n");
        assert_int_equal(s.cancels, status == ASM_AGENT_RUNNING || status == ASM_AGENT_CANCELLED);
        asm_agent_info info;
        assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
        assert_int_equal(info.state.turn_count, 1);
        assert_null(info.interrupt_data.data);
        assert_null(info.error.data);
        poll_server();
        expect_log(""); /* a driver that ran is not called any more */
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
        forget_log();
    }
}

static void test_update(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}}, other = {.calls = 0};
    start_in(ASM_AGENT_RUNNING, "a1", &s);
    const asm_agent_config config = options_for("", &other).config;
    asm_agent_config broken = config;
    broken.driver.execute = NULL;
    assert_int_equal(asm_agent_update(&server, A1, &broken, ID(saved_state)), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_agent_update(&server, A1, &config, ID("{}")), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(s.cancels, 0);
    expect_status(A1, ASM_AGENT_RUNNING);
    expect_log("");
    assert_int_equal(asm_agent_update(&server, A1, &config, ID(saved_state)), ASM_OK);
    expect_log("a1 status_changed {\"status\":\"idle\"}\n"
               "a1 state_restored {\"state\":{\"messages\":[{\"role\":\"user\",\"content\":\"Before\"}],"
               "\"todos\":[],\"metadata\":{}}}\n");
    assert_int_equal(s.cancels, 1); /* the driver that was replaced */
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(s.calls, 0);
    assert_int_equal(other.calls, 1);
}

static void test_an_ended_agent_leaves_nothing(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.debug_pubsub = &debug_bus;
    start_agent(&options);
    assert_int_equal(bus.topics, 1);
    assert_int_equal(debug_bus.topics, 1);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(bus.topics, 0);
    assert_int_equal(debug_bus.topics, 0);
}

static void test_moving(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.exported_state = ID(saved_state);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_server();
    expect_log("a1 node_transferred {\"to_node\":\"local\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
    asm_agent_server_set_time(&server, T0 + 2 * SECOND, now);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    expect_log(
        "a1 node_transferring {\"from_node\":\"local\"}\n"
        "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"manual\","
        "\"last_activity_at\":\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:00:02.000Z\"}\n");
    assert_false(asm_agent_exists(&server, A1));
    options.exported_state = ID("{\"version\":2,\"state\":{}}");
    assert_int_equal(asm_agent_start(&server, &options), ASM_ERR_INVALID_ARGUMENT);
    assert_string_equal(server.error, "the exported state is not of version 1");
}

/* ============================================================================================
 * Timers
 */

static void test_inactivity(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_script("a1", &s);
    assert_int_equal(asm_agent_server_next_timer(&server), T0 + 300 * SECOND);
    poll_after(300 * SECOND - 1);
    expect_log("");
    poll_after(1);
    expect_log(
        "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"inactivity\","
        "\"last_activity_at\":\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:05:00.000Z\"}\n");
    assert_false(asm_agent_exists(&server, A1));
    assert_int_equal(asm_agent_server_next_timer(&server), INT64_MAX);
}

/* What restarts the timer, in the status in which it is called. */
static void test_what_restarts_the_inactivity_timer(void **state) {
    (void)state;
    static const struct {
        call which;
        asm_agent_status status;
        bool restarts;
    } cases[] = {
        {ADD_MESSAGE, ASM_AGENT_IDLE, true},   {TOUCH, ASM_AGENT_IDLE, true},
        {CANCEL, ASM_AGENT_RUNNING, true},     {TOUCH, ASM_AGENT_INTERRUPTED, true},
        {PUBLISH, ASM_AGENT_IDLE, false},      {RESET, ASM_AGENT_IDLE, false},
        {SET_METADATA, ASM_AGENT_IDLE, false}, {EXECUTE, ASM_AGENT_IDLE, true},
        {RESUME, ASM_AGENT_INTERRUPTED, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script s = {.calls = 0};
        asm_agent_options options = options_for("a1", &s);
        options.inactivity_timeout_ms = 10000;
        options.interrupted_is_inactive = true;
        assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
        poll_server();
        if (cases[i].status != ASM_AGENT_IDLE) {
            assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
            if (cases[i].status == ASM_AGENT_INTERRUPTED) {
                s.outcomes[0].kind = ASM_OUTCOME_INTERRUPTED;
                poll_server();
            }
        }
        pass_time(8 * SECOND);
        assert_int_equal(make_call(cases[i].which, A1, &s), ASM_OK);
        if (cases[i].which == EXECUTE || cases[i].which == RESUME) poll_server(); /* and is idle again */
        poll_after(10 * SECOND - 1);
        expect(asm_agent_exists(&server, A1) == cases[i].restarts, "%s", calls[cases[i].which].name);
        poll_after(1);
        expect(!asm_agent_exists(&server, A1), "%s", calls[cases[i].which].name);
        forget_log();
    }
    end_of_cases();
}

static void test_a_running_agent_is_not_inactive(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, GO_ON}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    asm_agent_info info;
    poll_after(1000 * SECOND);
    poll_after(1000 * SECOND);
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_false(info.inactivity_timer_is_active);
    poll_after(1000 * SECOND);
    expect_status(A1, ASM_AGENT_RUNNING);
    poll_after(1000 * SECOND);
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(299 * SECOND); /* completion restarted it */
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(1 * SECOND);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

static void test_no_inactivity_timeout(void **state) {
    (void)state;
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    options.inactivity_timeout_ms = -1;
    start_agent(&options);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_false(info.inactivity_timer_is_active);
    assert_int_equal(info.inactivity_timeout_ms, -1);
    assert_int_equal(asm_agent_server_next_timer(&server), INT64_MAX);
    options.id = A2;
    options.inactivity_timeout_ms = INT64_MAX; /* does not overflow */
    start_agent(&options);
    now = INT64_MAX;
    poll_server();
    expect_status(A1, ASM_AGENT_IDLE);
    expect_status(A2, ASM_AGENT_IDLE);
}

static void test_the_clock_misbehaves(void **state) {
    (void)state;
    script s = {.calls = 0};
    start_script("a1", &s);
    poll_after(200 * SECOND);
    for (int i = 0; i < 1000; i++)
        poll_server(); /* stands still */
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(-3600 * SECOND); /* an hour back: no time has passed */
    expect_status(A1, ASM_AGENT_IDLE);
    assert_int_equal(asm_agent_server_next_timer(&server), now + 100 * SECOND);
    poll_after(100 * SECOND - 1);
    expect_status(A1, ASM_AGENT_IDLE);
    poll_after(1);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    forget_log();
    /* A year ahead: everything fires that is due, each once; who runs is left alone. */
    script busy = {.outcomes = {GO_ON, GO_ON}};
    start_script("a1", &s);
    start_script("a2", &busy);
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    forget_log();
    poll_after(365 * 86400 * SECOND);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    expect_status(A2, ASM_AGENT_RUNNING);
    assert_non_null(strstr(log_text, "a1 agent_shutdown"));
    assert_null(strstr(strstr(log_text, "a1 agent_shutdown") + 4, "agent_shutdown"));
    /* From one end of time to the other. */
    now = INT64_MIN;
    poll_server();
    now = INT64_MAX;
    poll_server();
    now = INT64_MIN;
    poll_server();
    poll_server();
    now = T0;
    poll_server();
}

static void test_a_drivers_slice_comes_before_timers(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    forget_log();
    poll_after(5 * SECOND); /* the delay is over, but it completes in this very poll */
    assert_int_equal(s.cancels, 0);
    assert_null(strstr(log_text, "cancelled"));
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

/* ============================================================================================
 * Stop
 */

static void test_stop_waits_for_the_driver(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    forget_log();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    expect_log("");
    expect_status(A1, ASM_AGENT_RUNNING);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_true(info.is_stopping);
    assert_int_equal(asm_agent_server_next_timer(&server), now + 5 * SECOND);
    poll_after(1 * SECOND);
    expect_status(A1, ASM_AGENT_RUNNING);
    poll_after(1 * SECOND);
    expect_log(
        "a1 status_changed {\"status\":\"idle\"}\n"
        "a1 node_transferring {\"from_node\":\"local\"}\n"
        "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"manual\","
        "\"last_activity_at\":\"2026-02-09T12:00:02.000Z\",\"shutdown_at\":\"2026-02-09T12:00:02.000Z\"}\n");
    assert_int_equal(s.cancels, 0);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

static void test_stop_cancels_after_the_delay(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON, GO_ON, GO_ON}};
    asm_agent_options options = options_for("a1", &s);
    options.shutdown_delay_ms = 2000;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    forget_log();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    poll_after(2 * SECOND - 1);
    expect_status(A1, ASM_AGENT_RUNNING);
    assert_int_equal(s.cancels, 0);
    poll_after(1);
    assert_int_equal(s.cancels, 1);
    expect_log(
        "a1 status_changed {\"status\":\"cancelled\"}\n"
        "a1 node_transferring {\"from_node\":\"local\"}\n"
        "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"manual\","
        "\"last_activity_at\":\"2026-02-09T12:00:02.000Z\",\"shutdown_at\":\"2026-02-09T12:00:02.000Z\"}\n");
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

static void test_stop_at_once(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON}};
    asm_agent_options options = options_for("a1", &s);
    options.shutdown_delay_ms = -1;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(s.cancels, 1);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

static void test_what_a_stopping_agent_still_does(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, {.kind = ASM_OUTCOME_INTERRUPTED}}};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(make_call(ADD_MESSAGE, A1, &s), ASM_OK);
    assert_int_equal(make_call(TOUCH, A1, &s), ASM_OK);
    poll_server(); /* interrupted: its execution is over */
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    memset(&s, 0, sizeof s);
    s.outcomes[0] = (scripted)GO_ON;
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_restore_state(&server, A1, ID(saved_state)),
                     ASM_OK); /* ends the execution, too */
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
}

static void test_close(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON, GO_ON}}, idle = {.calls = 0};
    const asm_agent_options options = options_for("a3", &idle);
    start_script("a2", &idle);
    start_in(ASM_AGENT_RUNNING, "a1", &s);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK); /* has not said anything yet */
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    assert_int_equal(s.cancels, 1);
    assert_int_equal(server.agents, 0);
    static const char *const lines[] = {"a1 status_changed {\"status\":\"cancelled\"}",
                                        "a1 node_transferring",
                                        "a1 agent_shutdown",
                                        "a2 node_transferring",
                                        "a2 agent_shutdown",
                                        "a3 status_changed {\"status\":\"idle\"}",
                                        "a3 agent_shutdown"};
    for (size_t i = 0; i < COUNT(lines); i++)
        expect(strstr(log_text, lines[i]) != NULL, "no %s in\n%s", lines[i], log_text);
    end_of_cases();
    start_script("a1", &idle); /* it is as after init */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, end_server)
    const struct CMUnitTest tests[] = {
        TEST(test_start),
        TEST(test_first_status_precedes_everything),
        TEST(test_options_that_do_not_do),
        TEST(test_ids_are_any_text),
        TEST(test_many_agents_come_and_go),
        TEST(test_glob),
        TEST(test_info),
        TEST(test_every_call_in_every_status),
        TEST(test_outcomes),
        TEST(test_agents_are_served_in_the_order_in_which_they_began),
        TEST(test_continue_is_called_again_in_the_next_poll),
        TEST(test_what_drivers_tell),
        TEST(test_what_events_carry),
        TEST(test_subscriptions),
        TEST(test_late_results),
        TEST(test_finish_within_the_call),
        TEST(test_decisions),
        TEST(test_some_decisions),
        TEST(test_a_stale_approval),
        TEST(test_what_nobody_decided_is_withdrawn),
        TEST(test_decisions_as_json),
        TEST(test_questions),
        TEST(test_bad_requests_fail_the_execution),
        TEST(test_failing_with_a_code),
        TEST(test_failing_without_memory),
        TEST(test_interrupt_on),
        TEST(test_a_driver_without_resume),
        TEST(test_add_turn),
        TEST(test_turns_that_do_not_do),
        TEST(test_reset),
        TEST(test_restore_in_each_status),
        TEST(test_update),
        TEST(test_an_ended_agent_leaves_nothing),
        TEST(test_moving),
        TEST(test_inactivity),
        TEST(test_what_restarts_the_inactivity_timer),
        TEST(test_a_running_agent_is_not_inactive),
        TEST(test_no_inactivity_timeout),
        TEST(test_the_clock_misbehaves),
        TEST(test_a_drivers_slice_comes_before_timers),
        TEST(test_stop_waits_for_the_driver),
        TEST(test_stop_cancels_after_the_delay),
        TEST(test_stop_at_once),
        TEST(test_what_a_stopping_agent_still_does),
        TEST(test_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
