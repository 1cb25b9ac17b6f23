/* What callbacks of the agent server may do: calls from inside its events, drivers, stores and middleware;
 * memory that runs out; many calls at random. */
#define ASM_AGENT_IMPLEMENTATION
#include "agent_support.h"

#define ID(literal) asm_str_from(literal)

/* ============================================================================================
 * A subscriber that does something when an event comes
 */

typedef struct reaction {
    asm_str agent;
    asm_event_type type;
    const char *status; /* of status_changed; NULL: any */
    void (*act)(void);
    bool done;
} reaction;

static void react(void *user, const asm_message *message) {
    reaction *self = (reaction *)user;
    const asm_event *event = message->event;
    if (self->done || event->type != self->type || !asm_str_equal(event->agent_id, self->agent)) return;
    if (self->status && !asm_str_equal(event->status.status, asm_str_from(self->status))) return;
    self->done = true;
    log_line("(");
    self->act();
    log_line(")");
}

/* Subscribes. The copy that counts stays until the server is closed, which publishes, too. */
static reaction *watch(reaction what) {
    static reaction watched[64];
    static size_t used;
    reaction *self = &watched[used++ % COUNT(watched)];
    *self = what;
    assert_int_equal(asm_pubsub_subscribe(&bus, "agent_server:a1", react, self, NULL), ASM_OK);
    return self;
}

static asm_result acted;
static asm_agent_options to_start;
static script other;

static void act_stop(void) {
    acted = asm_agent_stop(&server, A1);
}
static void act_cancel(void) {
    acted = asm_agent_cancel(&server, A1);
}
static void act_execute(void) {
    acted = asm_agent_execute(&server, A1);
}
static void act_resume(void) {
    asm_agent_info info;
    char json[64];
    acted = asm_agent_get_info(&server, A1, &info);
    sprintf(json, "{\"interrupt\":%d,\"answer\":1}", (int)info.interrupt);
    if (acted == ASM_OK) acted = asm_agent_resume_json(&server, A1, ID(json));
}
static void act_reset(void) {
    acted = asm_agent_reset(&server, A1);
}
static void act_start(void) {
    acted = asm_agent_start(&server, &to_start);
}
static void act_poll(void) {
    acted = asm_agent_server_poll(&server, now, now);
}
static void act_close(void) {
    acted = asm_agent_server_close(&server);
}
static void act_touch(void) {
    acted = asm_agent_touch(&server, A1);
}
static void act_stop_other(void) {
    acted = asm_agent_stop(&server, A2);
}
static void act_execute_other(void) {
    acted = asm_agent_execute(&server, A2);
}
static void act_add_message(void) {
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Go on")};
    acted = asm_agent_add_turn(&server, A1, &message);
}

/* Runs an agent with `s` until it has nothing more to do. */
static void run_with(reaction what, script *s) {
    asm_agent_options options = options_for("a1", s);
    acted = ASM_ERR_UNSUPPORTED;
    options.shutdown_delay_ms = -1;
    start_agent(&options);
    const reaction *r = watch(what);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    for (int i = 0; i < 5; i++)
        poll_server();
    assert_true(r->done);
    assert_int_equal(server.pending, 0);
}

static void emit_twice(script *s, asm_execution execution) {
    s->result = asm_emit_text(execution, ID("one"));
    if (s->result == ASM_OK) s->result = asm_emit_text(execution, ID("two"));
}

static void test_stop_inside_its_own_event(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_MESSAGE_STREAMED, .act = act_stop};
    script s = {.hook = emit_twice};
    run_with(r, &s);
    assert_int_equal(acted, ASM_OK);
    assert_int_equal(s.result, ASM_ERR_NOT_FOUND); /* the driver learns that it is over */
    assert_int_equal(s.cancels, 1);                /* and was told while it was on the stack */
    assert_int_equal(server.stale_calls, 2);       /* "two", and what it returned */
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "a1 message_streamed {\"delta\":\"one\"}\n(\n"
               "a1 message_received {\"content\":\"one\",\"role\":\"assistant\",\"incomplete\":true}\n"
               "a1 status_changed {\"status\":\"cancelled\"}\n"
               "a1 node_transferring {\"from_node\":\"local\"}\n"
               "a1 agent_shutdown {\"agent_id\":\"a1\",\"reason\":\"manual\",\"last_activity_at\":"
               "\"2026-02-09T12:00:00.000Z\",\"shutdown_at\":\"2026-02-09T12:00:00.000Z\"}\n)\n");
    assert_int_equal(server.agents, 0);
    assert_int_equal(server.failures, 0); /* what has ended does not try to tell anything */
}

static void test_cancel_inside_its_own_event(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "running", .act = act_cancel};
    script s = {.calls = 0};
    run_with(r, &s);
    assert_int_equal(acted, ASM_OK);
    assert_int_equal(s.calls, 0);
    expect_log("a1 status_changed {\"status\":\"running\"}\n(\n"
               "a1 status_changed {\"status\":\"cancelled\"}\n)\n");
    expect_status(A1, ASM_AGENT_CANCELLED);
}

static void test_execute_inside_the_event_that_it_is_idle(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "idle", .act = act_execute};
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    poll_server();
    forget_log();
    watch(r);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(s.calls, 1); /* its next slice is in the next poll */
    expect_status(A1, ASM_AGENT_RUNNING);
    assert_int_equal(server.pending, 1);
    poll_server();
    assert_int_equal(s.calls, 2);
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n(\n"
               "a1 status_changed {\"status\":\"running\"}\n)\n"
               "a1 status_changed {\"status\":\"idle\"}\n");
}

static void test_execute_inside_the_first_event(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "idle", .act = act_execute};
    script s = {.calls = 0};
    asm_agent_options options = options_for("a1", &s);
    watch(r);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_ERR_STATUS); /* somebody was faster */
    assert_string_equal(server.error, "only an idle or paused agent can be executed; this one is running");
    assert_int_equal(acted, ASM_OK);
    poll_server();
    assert_int_equal(s.calls, 1);
    expect_status(A1, ASM_AGENT_IDLE);
}

/* The data of an event stays what it is for those who are called after somebody who takes it away. */
static char interrupt_seen[512];

static void see_interrupt(void *user, const asm_message *message) {
    (void)user;
    if (asm_str_equal(message->event->status.status, ID("interrupted")))
        sprintf(interrupt_seen, "%.*s", (int)message->event->status.data.size,
                message->event->status.data.data);
}

static void test_resume_inside_the_event_that_it_is_interrupted(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "interrupted", .act = act_resume};
    script s = {
        .outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED, .question = TEXT("{\"question\":\"Which?\"}")}}};
    start_script("a1", &s);
    interrupt_seen[0] = 0;
    watch(r);
    assert_int_equal(asm_pubsub_subscribe(&bus, "agent_server:a1", see_interrupt, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(acted, ASM_OK);
    assert_string_equal(interrupt_seen, "{\"interrupt\":1,\"question\":{\"question\":\"Which?\"}}");
    poll_server();
    assert_string_equal(s.resumed_with, "answer 1");
}

static void interrupt_from_inside(script *s, asm_execution execution) {
    if (s->resumes == 1) s->result = asm_execution_finish(execution, asm_ask(execution, ID("2")));
}

static asm_outcome resume_and_look(void *user, asm_execution execution, const asm_resume *resume) {
    script *self = (script *)user;
    const asm_outcome outcome = script_resume(user, execution, resume);
    /* What it was resumed with is still there, though the agent was interrupted and resumed meanwhile. */
    if (self->resumes == 1) assert_true(asm_str_equal(resume->answer, ID("\"first\"")));
    return outcome;
}

static void test_resume_while_resume_is_on_the_stack(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "interrupted", .act = act_resume};
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED}}, .hook = interrupt_from_inside};
    asm_agent_options options = options_for("a1", &s);
    options.config.driver.resume = resume_and_look;
    start_agent(&options);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":\"first\"}")),
                     ASM_OK);
    watch(r);
    poll_server();
    assert_int_equal(acted, ASM_OK);
    poll_server();
    assert_int_equal(s.resumes, 2);
    assert_string_equal(s.resumed_with, "answer 1");
    expect_status(A1, ASM_AGENT_IDLE);
}

static void emit_message(script *s, asm_execution execution) {
    const asm_turn message = {.role = TEXT("assistant"), .content = TEXT("Hi")};
    s->result = asm_emit_turn(execution, &message);
}

static void test_reset_inside_a_message(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_MESSAGE_RECEIVED, .act = act_reset};
    script s = {.hook = emit_message};
    run_with(r, &s);
    assert_int_equal(acted, ASM_OK);
    assert_int_equal(s.result, ASM_OK);
    expect_status(A1, ASM_AGENT_IDLE);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 0);
}

static void test_start_another_inside_an_event(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "idle", .act = act_start};
    script s = {.calls = 0};
    memset(&other, 0, sizeof other);
    to_start = options_for("a2", &other);
    run_with(r, &s);
    assert_int_equal(acted, ASM_OK);
    expect_status(A2, ASM_AGENT_IDLE);
    expect_log("a1 status_changed {\"status\":\"running\"}\n"
               "a1 status_changed {\"status\":\"idle\"}\n(\n)\n"
               "a2 status_changed {\"status\":\"idle\"}\n");
}

static void test_other_agents_inside_an_event(void **state) {
    (void)state;
    reaction r = {.agent = A1, .type = ASM_EVENT_MESSAGE_STREAMED, .act = act_stop_other};
    script s = {.hook = emit_twice};
    memset(&other, 0, sizeof other);
    other.outcomes[0] = (scripted)GO_ON;
    asm_agent_options options = options_for("a2", &other);
    options.shutdown_delay_ms = -1;
    /* a2 stands in the poll's list after a1, and is stopped while a1 is served. */
    start_script("a1", &s);
    start_agent(&options);
    watch(r);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
    poll_server();
    assert_int_equal(acted, ASM_OK);
    assert_int_equal(other.calls, 0);
    assert_int_equal(other.cancels, 1);
    assert_int_equal(server.agents, 1);
    /* Executed while another is served: its first slice is in the next poll. */
    memset(&other, 0, sizeof other);
    start_script("a2", &other);
    reaction execute = {
        .agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "running", .act = act_execute_other};
    watch(execute);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(acted, ASM_OK);
    poll_server();
    assert_int_equal(other.calls, 1);
}

static void test_an_agent_executed_within_a_poll_waits(void **state) {
    (void)state;
    script s = {.calls = 0};
    memset(&other, 0, sizeof other);
    const asm_agent_options options = options_for("a2", &other);
    reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "idle", .act = act_execute_other};
    start_script("a1", &s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_start(&server, &options),
                     ASM_OK); /* in the poll's list, with its first status */
    script third = {.calls = 0};
    start_in(ASM_AGENT_IDLE, "a3", &third);
    memset(&s, 0, sizeof s);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, ID("a3")), ASM_OK);
    watch(r);
    poll_server();
    assert_int_equal(s.calls, 1);
    assert_int_equal(other.calls, 0);
    assert_int_equal(third.calls, 1); /* the others are served all the same */
    poll_server();
    assert_int_equal(other.calls, 1);
}

static void test_what_is_refused_inside_an_event(void **state) {
    (void)state;
    void (*const acts[])(void) = {act_poll, act_close};
    for (size_t i = 0; i < COUNT(acts); i++) {
        reaction r = {.agent = A1, .type = ASM_EVENT_STATUS_CHANGED, .status = "running", .act = acts[i]};
        script s = {.calls = 0};
        run_with(r, &s);
        assert_int_equal(acted, ASM_ERR_MISUSE);
        expect_status(A1, ASM_AGENT_IDLE);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    }
}

static void test_the_shutdown_events(void **state) {
    (void)state;
    void (*const acts[])(void) = {act_stop, act_execute, act_touch, act_add_message};
    static const asm_event_type types[] = {ASM_EVENT_NODE_TRANSFERRING, ASM_EVENT_AGENT_SHUTDOWN};
    for (size_t i = 0; i < COUNT(acts) * COUNT(types); i++) {
        reaction r = {.agent = A1, .type = types[i % 2], .act = acts[i / 2]};
        script s = {.calls = 0};
        start_script("a1", &s);
        acted = ASM_OK;
        const reaction *watched = watch(r);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
        assert_true(watched->done);
        assert_int_equal(acted, ASM_ERR_MISUSE);
        assert_string_equal(server.error, "the agent is shutting down");
        expect_status(A1, ASM_AGENT_NOT_RUNNING);
    }
    /* The agent is still there when it tells, so another one cannot have its id yet. */
    reaction r = {.agent = A1, .type = ASM_EVENT_AGENT_SHUTDOWN, .act = act_start};
    script s = {.calls = 0};
    to_start = options_for("a1", &s);
    start_script("a1", &s);
    watch(r);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    assert_int_equal(acted, ASM_ERR_EXISTS);
}

static void restart_forever(void *user, const asm_message *message) {
    (void)user;
    if (message->event->type == ASM_EVENT_AGENT_SHUTDOWN) acted = asm_agent_start(&server, &to_start);
    if (message->event->type == ASM_EVENT_STATUS_CHANGED) (void)asm_agent_execute(&server, A1);
    if (message->event->type == ASM_EVENT_STATUS_CHANGED) act_add_message();
}

static void test_close_ends(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}};
    memset(&other, 0, sizeof other);
    to_start = options_for("a2", &other);
    start_script("a1", &s);
    log_is_off = true;
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "**", restart_forever, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    assert_int_equal(acted, ASM_ERR_MISUSE);
    assert_int_equal(server.agents, 0);
}

/* ============================================================================================
 * Functions that may only read
 */

static size_t leaf_calls;

static void call_everything(void) {
    const asm_turn message = {.role = TEXT("user")};
    const asm_event event = {.type = ASM_EVENT_CUSTOM};
    const asm_resume answer = {.interrupt = 1, .answer = TEXT("1")};
    const asm_agent_options options = options_for("a9", &other);
    const asm_agent_config config = options.config;
    asm_step step;
    const asm_result results[] = {
        asm_agent_execute(&server, A1),
        asm_agent_cancel(&server, A1),
        asm_agent_resume(&server, A1, &answer),
        asm_agent_resume_json(&server, A1, ID("{\"interrupt\":1,\"answer\":1}")),
        asm_agent_set_todos(&server, A1, NULL, 0),
        asm_agent_set_title(&server, A1, ID("t")),
        asm_agent_set_shutdown_metadata(&server, A1, ID("{}")),
        asm_agent_start_or_find(&server, &options, NULL),
        asm_agent_add_turn(&server, A1, &message),
        asm_agent_publish_event(&server, A1, &event),
        asm_agent_publish_debug_event(&server, A1, &event),
        asm_agent_reset(&server, A1),
        asm_agent_restore_state(&server, A1, ID("{}")),
        asm_agent_update(&server, A1, &config, ID("{}")),
        asm_agent_touch(&server, A1),
        asm_agent_stop(&server, A1),
        asm_agent_set_metadata(&server, A1, ID("{}")),
        asm_agent_set_middleware_state(&server, A1, ID("m"), ID("1")),
        asm_agent_save_state(&server, A1, ASM_SAVE_ON_ERROR),
        asm_agent_notify_middleware(&server, A1, ID("m"), ID("")),
        asm_agent_start(&server, &options),
        asm_agent_server_poll(&server, now, now),
        asm_agent_step(&server, A1, now, now, &step),
        asm_agent_server_close(&server),
    };
    for (size_t i = 0; i < COUNT(results); i++)
        expect(results[i] == ASM_ERR_MISUSE, "call %zu: %d", i, results[i]);
    asm_agent_info info;
    expect(asm_agent_get_info(&server, A1, &info) == ASM_OK, "it may read");
    expect(asm_agent_exists(&server, A1), "it may read");
    leaf_calls++;
}

static void cancel_calls_everything(script *s, asm_execution execution) {
    (void)s;
    call_everything();
    expect(asm_emit_text(execution, ID("x")) == ASM_ERR_NOT_FOUND, "the execution is over");
}

static asm_result save_calls_everything(void *user, asm_str id, asm_str conversation,
                                        const asm_snapshot *snapshot) {
    (void)user, (void)id, (void)conversation, (void)snapshot;
    call_everything();
    return ASM_OK;
}

static asm_result display_calls_everything(void *user, asm_str id, asm_str conversation,
                                           asm_display_kind kind, const asm_turn *message,
                                           asm_buffer *saved) {
    (void)user, (void)id, (void)conversation, (void)kind, (void)message, (void)saved;
    call_everything();
    return ASM_OK;
}

static asm_result update_calls_everything(void *user, asm_str id, asm_str conversation,
                                          const asm_tool_payload *tool, asm_str status, asm_buffer *saved) {
    (void)user, (void)id, (void)conversation, (void)tool, (void)status, (void)saved;
    call_everything();
    return ASM_OK;
}

static void emit_tool(script *s, asm_execution execution) {
    const asm_tool_payload tool = {.call_id = TEXT("c1")};
    s->result = asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool);
}

static void test_functions_that_may_only_read(void **state) {
    (void)state;
    static const asm_state_store state_store = {.save = save_calls_everything};
    static const asm_display_store display_store = {.save = display_calls_everything,
                                                    .update_tool = update_calls_everything};
    script s = {.outcomes = {GO_ON}, .hook = emit_tool, .on_cancel = cancel_calls_everything};
    asm_agent_options options = options_for("a1", &s);
    options.state_store = &state_store;
    options.display_store = &display_store;
    start_agent(&options);
    leaf_calls = 0;
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server();
    assert_int_equal(leaf_calls, 1); /* the tool */
    assert_int_equal(s.result, ASM_OK);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    assert_int_equal(leaf_calls, 5); /* the driver's cancel, the tool, the state, the notice */
    expect_status(A1, ASM_AGENT_CANCELLED);
    end_of_cases();
}

/* ============================================================================================
 * Publishes that are nested too deeply
 */

static unsigned nested;
static asm_result deepest;

static void nest(void *user, const asm_message *message) {
    (void)user, (void)message;
    const asm_event event = {.type = ASM_EVENT_CUSTOM};
    const asm_turn text = {.role = TEXT("user")};
    nested++;
    deepest = asm_agent_publish_event(&server, A1, &event);
    if (deepest != ASM_OK) {
        assert_int_equal(asm_agent_add_turn(&server, A1, &text), deepest);
        assert_int_equal(asm_agent_execute(&server, A1), deepest);
        assert_int_equal(asm_agent_stop(&server, A1), deepest);
    }
}

static void test_nested_too_deeply(void **state) {
    (void)state;
    script s = {.calls = 0};
    const asm_event event = {.type = ASM_EVENT_CUSTOM};
    log_is_off = true;
    start_script("a1", &s);
    assert_int_equal(asm_pubsub_subscribe(&bus, "agent_server:a1", nest, NULL, NULL), ASM_OK);
    nested = 0;
    deepest = ASM_OK;
    assert_int_equal(asm_agent_publish_event(&server, A1, &event), ASM_OK);
    assert_int_equal(nested, 32);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    assert_int_equal(info.state.turn_count, 0); /* and nothing was changed */
    assert_int_equal(info.status, ASM_AGENT_IDLE);
    assert_int_equal(server.failures, 0);
}

/* ============================================================================================
 * Memory that runs out
 */

static asm_presence presence;

static asm_result save_somewhere(void *user, asm_str id, asm_str conversation, const asm_snapshot *snapshot) {
    (void)user, (void)id, (void)conversation;
    return asm_json_check(snapshot->state, NULL);
}

static asm_result append_somewhere(void *user, asm_str id, asm_str conversation, asm_str record) {
    (void)user, (void)id, (void)conversation;
    return asm_json_check(record, NULL);
}

static asm_result display_somewhere(void *user, asm_str id, asm_str conversation, asm_display_kind kind,
                                    const asm_turn *message, asm_buffer *saved) {
    (void)user, (void)id, (void)conversation, (void)kind, (void)message, (void)saved;
    return ASM_OK;
}

static asm_result load_something(void *user, asm_str id, asm_str conversation, asm_buffer *json) {
    (void)user, (void)id, (void)conversation;
    return asm_buffer_append(
        json, ID("{\"version\":1,\"state\":{\"messages\":[{\"role\":\"user\","
                 "\"content\":\"a\\nb\",\"x\":1}],\"todos\":[{\"id\":\"1\",\"content\":\"\","
                 "\"status\":\"pending\"}],\"metadata\":{\"a\":1},\"middleware\":{\"m\":1}}}"));
}

static void emit_all(script *s, asm_execution execution) {
    const asm_turn message = {.role = TEXT("assistant"),
                              .content = TEXT("Hi"),
                              .tool_calls = TEXT("[{\"id\":\"c\",\"name\":\"run\"}]"),
                              .extra = TEXT("{\"a\\n\":1}")};
    const asm_todo todo = {TEXT("1"), TEXT("Look"), TEXT("pending"), {NULL, 0}};
    asm_result result = asm_emit_turn(execution, &message);
    if (result == ASM_OK) result = asm_emit_todos(execution, &todo, 1);
    s->result = result;
}

static void expect_counts(size_t messages, size_t todos, asm_result result, const char *what) {
    asm_agent_info info;
    if (result == ASM_OK) return;
    assert_int_equal(result, ASM_ERR_NO_MEMORY);
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    expect(info.state.turn_count == messages && info.state.todo_count == todos, "%s changed something", what);
}

/* A whole life; false if something in it failed for want of memory. Whatever fails leaves things as they are,
 * and the server goes on. */
static bool live(size_t fail_from) {
    static const asm_state_store state_store = {
        .save = save_somewhere, .load = load_something, .append = append_somewhere};
    static const asm_display_store display_store = {.save = display_somewhere};
    static const asm_action_request request = {TEXT("c"), TEXT("run"), TEXT("{}")};
    const asm_turn message = {.role = TEXT("user"), .content = TEXT("Hi")};
    script s = {.outcomes = {{.kind = ASM_OUTCOME_INTERRUPTED, .requests = &request, .request_count = 1},
                             {.kind = ASM_OUTCOME_FAILED, .reason = TEXT("no")}},
                .hook = emit_all};
    asm_agent_options options = options_for("a1", &s);
    const asm_agent_config config = options.config;
    options.debug_pubsub = &debug_bus;
    options.state_store = &state_store;
    options.display_store = &display_store;
    options.conversation_id = ID("conv");
    options.presence = (asm_agent_presence){.presence = &presence, .viewers = "room", .discovery = true};
    bool complete = true;
    asm_agent_info info;

    fail_allocations_from(fail_from);
    asm_result result = asm_agent_start(&server, &options);
    if (result != ASM_OK) {
        assert_int_equal(result, ASM_ERR_NO_MEMORY);
        assert_int_equal(server.agents, 0);
        assert_int_equal(asm_presence_count(&presence, ASM_TOPIC_AGENT_PRESENCE), 0);
        return false;
    }
    const uint64_t failures = server.failures;
    result = asm_agent_subscribe(&server, A1, see_interrupt, NULL, NULL);
    expect_counts(1, 1, result, "subscribe");
    complete = complete && result == ASM_OK;
    poll_server();
    result = asm_agent_add_turn(&server, A1, &message);
    expect_counts(1, 1, result, "add_message");
    complete = complete && result == ASM_OK;
    result = asm_agent_set_metadata(&server, A1, ID("{\"b\":2}"));
    complete = complete && result == ASM_OK;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    expect(asm_str_equal(info.state.metadata, result == ASM_OK ? ID("{\"b\":2}") : ID("{\"a\":1}")),
           "metadata");
    result = asm_agent_set_middleware_state(&server, A1, ID("n"), ID("2"));
    complete = complete && result == ASM_OK;
    result = asm_agent_execute(&server, A1);
    if (result != ASM_OK) {
        assert_int_equal(result, ASM_ERR_NO_MEMORY);
        expect_status(A1, ASM_AGENT_IDLE);
        assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
        return false;
    }
    poll_server(); /* interrupted, or an error for want of memory */
    complete = complete && s.result == ASM_OK;
    if (asm_agent_get_status(&server, A1) == ASM_AGENT_INTERRUPTED) {
        result = asm_agent_resume_json(
            &server, A1,
            ID("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c\",\"type\":\"approve\"}]}"));
        if (result == ASM_OK) poll_server(); /* fails */
        else expect_status(A1, ASM_AGENT_INTERRUPTED);
        complete = complete && result == ASM_OK;
    } else {
        complete = false;
        expect_status(A1, ASM_AGENT_ERROR);
        assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
        assert_true(asm_str_equal(info.error, ID("out of memory")));
    }
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    const size_t messages = info.state.turn_count, todos = info.state.todo_count;
    const asm_agent_status status = info.status;
    result = asm_agent_restore_state(&server, A1,
                                     ID("{\"version\":1,\"state\":{\"messages\":[{\"role\":\"a\\n\"}]}}"));
    expect_counts(messages, todos, result, "restore_state");
    if (result != ASM_OK) expect_status(A1, status);
    complete = complete && result == ASM_OK;
    assert_int_equal(asm_agent_get_info(&server, A1, &info), ASM_OK);
    const size_t before = info.state.turn_count;
    result = asm_agent_update(&server, A1, &config, ID("{\"version\":1,\"state\":{}}"));
    if (result != ASM_OK) expect_counts(before, info.state.todo_count, result, "update");
    complete = complete && result == ASM_OK;
    assert_int_equal(asm_agent_touch(&server, A1), ASM_OK);
    asm_buffer json;
    asm_buffer_init_growing(&json);
    result = asm_agent_export_state(&server, A1, &json);
    expect(result == ASM_OK || json.size == 0, "export");
    complete = complete && result == ASM_OK;
    asm_buffer_close(&json);
    result = asm_agent_save_state(&server, A1, ASM_SAVE_ON_TITLE_GENERATED);
    complete = complete && result == ASM_OK;
    if (asm_agent_get_status(&server, A1) == ASM_AGENT_IDLE)
        complete = asm_agent_execute(&server, A1) == ASM_OK && complete;
    if (asm_agent_get_status(&server, A1) == ASM_AGENT_RUNNING)
        assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
    (void)asm_agent_reset(&server, A1);
    assert_int_equal(asm_agent_stop(&server, A1), ASM_OK);
    expect_status(A1, ASM_AGENT_NOT_RUNNING);
    return complete && server.failures == failures;
}

static void test_every_allocation_fails_in_turn(void **state) {
    (void)state;
    const asm_presence_options options = {.pubsub = &bus};
    asm_presence_init(&presence, &options);
    log_is_off = true;
    size_t fail_from = 1;
    for_each_way_to_fail for (fail_from = 1; !live(fail_from); fail_from++) {
        fail_allocations_from(0);
        /* If it could not even leave the presence, that is said, and done here. */
        assert_int_equal(asm_presence_remove_owner(&presence, &server), ASM_OK);
        script s = {.calls = 0};
        start_script("a2", &s); /* the server works */
        assert_int_equal(asm_agent_execute(&server, A2), ASM_OK);
        poll_server();
        expect_status(A2, ASM_AGENT_IDLE);
        assert_int_equal(asm_agent_stop(&server, A2), ASM_OK);
        assert_true(fail_from < 1000);
    }
    fail_allocations_from(0);
    assert_true(fail_from > 50);
    asm_presence_close(&presence);
    end_of_cases();
}

/* Once running, an agent with nothing to keep allocates nothing. */
static void emit_text_and_tools(script *s, asm_execution execution) {
    const asm_tool_payload tool = {.name = TEXT("Read"), .call_id = TEXT("c1")};
    const asm_usage_payload usage = {.input_tokens = ASM_INT64(7)};
    static char long_text[3000]; /* makes room for what follows */
    memset(long_text, 'x', sizeof long_text);
    const size_t before = allocation_calls;
    assert_int_equal(asm_emit_text(execution, asm_str_make(long_text, s->resumes++ ? 1 : sizeof long_text)),
                     ASM_OK);
    assert_int_equal(asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool), ASM_OK);
    assert_int_equal(asm_emit_usage(execution, &usage), ASM_OK);
    assert_true(allocation_calls == before || s->resumes == 1);
    s->calls = 0; /* goes on for ever */
}

static void test_what_allocates_nothing(void **state) {
    (void)state;
    script s = {.outcomes = {GO_ON}, .hook = emit_text_and_tools};
    log_is_off = true;
    start_script("a1", &s);
    for (int i = 0; i < 1000; i++) {
        char id[24];
        sprintf(id, "idle-%d", i);
        start_script(id, &s);
    }
    assert_int_equal(asm_agent_execute(&server, A1), ASM_OK);
    poll_server(); /* the text is kept: let there be room for it */
    const size_t before = allocation_calls;
    for (int i = 0; i < 100; i++) {
        poll_after(SECOND);
        assert_int_equal(asm_agent_touch(&server, ID("idle-7")), ASM_OK);
    }
    assert_int_equal(allocation_calls, before);
    assert_int_equal(asm_agent_cancel(&server, A1), ASM_OK);
}

/* ============================================================================================
 * Many calls at random, from outside and from inside callbacks
 */

static const char empty_state[] = "{\"version\":1,\"state\":{}}";
static uint64_t random_state;
static unsigned storm_depth;
static bool storm_lacks_memory; /* from time to time */

static unsigned pick(unsigned below) {
    return (unsigned)(next_random(&random_state) % below);
}

static asm_str pick_id(void) {
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    return asm_str_from(ids[pick(COUNT(ids))]);
}

static asm_execution kept[8];

static void storm_call(void);

static asm_outcome storm_outcome(asm_execution execution) {
    asm_action_request requests[2], call;
    size_t count = 0, at = 0;
    switch (pick(9)) {
    case 0:
    case 1:
        return ASM_OUTCOME_CONTINUE;
    case 2:
        return asm_complete(execution, ID("end_turn"));
    case 3:
        return ASM_OUTCOME_PAUSED;
    case 4:
        return asm_fail(execution, ID("no"));
    case 5:
        return asm_ask(execution, ID("1"));
    case 6:
        return asm_wait(execution, (int64_t)pick(2000) - 500);
    case 7:
        while (count < 2 && asm_execution_next_open_call(execution, &at, &call))
            requests[count++] = call;
        return count ? asm_interrupt(execution, requests, count) : ASM_OUTCOME_WAIT;
    default:
        return pick(20) ? ASM_OUTCOME_CONTINUE : asm_crash(execution, ID("gone"));
    }
}

/* Answers or starts a call that is open. */
static asm_result storm_tool(asm_execution execution) {
    static const char *const statuses[] = {"completed", "failed", "declined", "timeout"};
    asm_action_request call;
    asm_decision decision;
    size_t at = 0;
    if (!asm_execution_next_open_call(execution, &at, &call)) return ASM_ERR_UNSUPPORTED;
    asm_tool_payload tool = {.name = call.tool_name, .input = call.arguments, .output = TEXT("x")};
    char id[32];
    sprintf(id, "%.*s", (int)call.tool_call_id.size, call.tool_call_id.data);
    tool.call_id = ID(id);
    tool.status = asm_str_from(statuses[pick(COUNT(statuses))]);
    (void)asm_execution_decision(execution, &call, &decision);
    if (pick(2)) return asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool);
    return asm_emit_result(execution, &tool, pick(2) ? ID("{}") : asm_str_make(NULL, 0));
}

static asm_result storm_model(asm_execution execution) {
    char calls[128];
    asm_turn turn = {.role = TEXT("assistant"), .content = TEXT("Hi")};
    static unsigned number;
    asm_result result = asm_execution_before_model(execution, NULL);
    if (result != ASM_OK) return result;
    if (pick(2)) result = asm_emit_text(execution, ID("Hi"));
    if (pick(8) == 0) result = asm_emit_retraction(execution, ID("retried"));
    number++;
    sprintf(calls, "[{\"id\":\"c%u\",\"name\":\"run\"},{\"id\":\"d%u\",\"name\":\"run\"}]", number % 4,
            number % 4);
    if (pick(2)) turn.tool_calls = asm_str_from(calls);
    if (pick(4)) result = asm_emit_turn(execution, &turn);
    if (result == ASM_OK) result = asm_execution_after_model(execution);
    return result;
}

static asm_outcome storm_execute(void *user, asm_execution execution) {
    (void)user;
    kept[pick(COUNT(kept))] = execution;
    for (unsigned i = pick(3); i > 0; i--)
        storm_call();
    if (pick(2)) (void)asm_emit_text(execution, ID("x"));
    if (pick(2)) (void)storm_model(execution);
    if (pick(2)) (void)storm_tool(execution);
    return storm_outcome(execution);
}

static asm_outcome storm_resume(void *user, asm_execution execution, const asm_resume *resume) {
    assert_true(resume->interrupt > 0);
    for (size_t i = 0; i < resume->decision_count; i++)
        assert_true(resume->decisions[i].kind != ASM_DECISION_NONE);
    return storm_execute(user, execution);
}

static void storm_cancel(void *user, asm_execution execution) {
    (void)user;
    assert_false(asm_execution_is_active(execution));
}

static asm_result storm_notice(void *user, asm_agent_server *s, asm_str id, asm_str message) {
    (void)user, (void)s, (void)id, (void)message;
    storm_call();
    return pick(2) ? ASM_OK : ASM_ERR_WRITE;
}

static asm_result storm_start_notice(void *user, asm_agent_server *s, asm_str id) {
    return storm_notice(user, s, id, ID(""));
}

static asm_result storm_before(void *user, asm_model_request *request) {
    static const asm_turn turns[] = {{.role = TEXT("system"), .content = TEXT("Be kind")},
                                     {.role = TEXT("user"), .content = TEXT("Now")}};
    (void)user;
    storm_call();
    const size_t count = request->turn_count;
    if (pick(2)) (void)asm_model_request_splice(request, pick((unsigned)count + 1), pick(2), turns, pick(3));
    if (pick(8) == 0) {
        asm_agent_state state;
        if (asm_execution_state(request->execution, &state) == ASM_OK && state.turn_count > 0)
            (void)asm_execution_replace_turns(request->execution, 0, pick((unsigned)state.turn_count + 1),
                                              turns, pick(3));
    }
    return pick(10) ? ASM_OK : ASM_ERR_WRITE;
}

static asm_result storm_after(void *user, asm_execution execution, const asm_turn *answer) {
    (void)user, (void)execution;
    if (answer) expect_text(answer->role, ID("assistant"));
    storm_call();
    return pick(10) ? ASM_OK : ASM_ERR_WRITE;
}

static const asm_middleware storm_middleware[] = {{.id = TEXT("m"),
                                                   .on_server_start = storm_start_notice,
                                                   .before_model = storm_before,
                                                   .after_model = storm_after,
                                                   .handle_message = storm_notice}};

static asm_result storm_save(void *user, asm_str id, asm_str conversation, const asm_snapshot *snapshot) {
    (void)user, (void)id, (void)conversation, (void)snapshot;
    (void)asm_execution_wake(kept[pick(COUNT(kept))]);
    return pick(5) ? ASM_OK : ASM_ERR_WRITE;
}

static asm_result storm_append(void *user, asm_str id, asm_str conversation, asm_str record) {
    (void)user, (void)id, (void)conversation, (void)record;
    return pick(5) ? ASM_OK : ASM_ERR_WRITE;
}

static const asm_state_store storm_store = {.save = storm_save, .append = storm_append};

static const char storm_state[] =
    "{\"version\":1,\"status\":\"interrupted\",\"state\":{\"messages\":[{\"role\":\"assistant\",\"tool_"
    "calls\":["
    "{\"id\":\"c1\",\"name\":\"run\"}]}],\"held\":[{\"role\":\"user\",\"content\":\"x\"}]},\"interrupt\":{"
    "\"interrupt\":1,\"action_requests\":[{\"tool_call_id\":\"c1\",\"tool_name\":\"run\"}]},\"run\":{\"id\":"
    "\"r\"}}";

static asm_agent_options storm_options(asm_str id) {
    const asm_agent_options options = {
        .id = id,
        .config = {.driver = {storm_execute, storm_resume, storm_cancel, NULL},
                   .middleware = storm_middleware,
                   .middleware_count = 1},
        .pubsub = &bus,
        .debug_pubsub = pick(2) ? &debug_bus : NULL,
        .exported_state = pick(4) == 0 ? ID(storm_state) : asm_str_make(NULL, 0),
        .inactivity_timeout_ms = 1 + (int64_t)pick(5000),
        .interrupted_is_inactive = pick(2) != 0,
        .shutdown_delay_ms = (int64_t)pick(3) - 1,
        .state_store = pick(2) ? &storm_store : NULL,
        .presence = {.presence = &presence,
                     .viewers = pick(4) == 0 ? "room" : NULL,
                     .grace_period_ms = (int64_t)pick(4) - 1,
                     .discovery = pick(2) != 0},
    };
    return options;
}

/* Decides on what the agent waits with, on all or some of it, sometimes with another number. */
static asm_result storm_decide(asm_str id) {
    asm_agent_info info;
    asm_decision decisions[2];
    asm_resume resume = {.decisions = decisions};
    char ids[2][32];
    if (asm_agent_get_info(&server, id, &info) != ASM_OK) return ASM_ERR_NOT_FOUND;
    resume.interrupt = info.interrupt + (pick(8) == 0);
    memset(decisions, 0, sizeof decisions);
    for (size_t i = 0; i < info.request_count && i < 2; i++) {
        if (info.decisions[i].kind != ASM_DECISION_NONE || pick(4) == 0) continue;
        asm_decision *decision = &decisions[resume.decision_count];
        char *text = ids[resume.decision_count++];
        sprintf(text, "%.*s", (int)info.requests[i].tool_call_id.size, info.requests[i].tool_call_id.data);
        decision->kind = pick(2) ? ASM_DECISION_APPROVE : ASM_DECISION_REJECT;
        decision->tool_call_id = ID(text);
        if (pick(2)) decision->message = ID("why");
    }
    if (!info.request_count) resume.answer = ID("1");
    return asm_agent_resume(&server, id, &resume);
}

static unsigned succeeded[30];

static asm_result storm_call_agent(unsigned which, asm_str id) {
    const asm_turn turn = {.role = TEXT("user"), .content = TEXT("Hi")};
    const asm_event event = {.type = ASM_EVENT_CUSTOM};
    const asm_todo todo = {TEXT("1"), TEXT("Look"), TEXT("pending"), {NULL, 0}};
    const asm_agent_options options = storm_options(id);
    switch (which) {
    case 0:
        return asm_agent_start_or_find(&server, &options, NULL);
    case 1:
        return asm_agent_start(&server, &options);
    case 2:
    case 3:
    case 4:
    case 5:
        return asm_agent_execute(&server, id);
    case 6:
        return asm_agent_cancel(&server, id);
    case 7:
    case 8:
        return storm_decide(id);
    case 9:
        return asm_agent_add_turn(&server, id, &turn);
    case 10:
        return asm_agent_reset(&server, id);
    case 11:
        return asm_agent_restore_state(&server, id, pick(2) ? ID(storm_state) : ID(empty_state));
    case 12:
        return asm_agent_update(&server, id, &options.config, ID(empty_state));
    case 13:
        return asm_agent_stop(&server, id);
    case 14:
        return asm_agent_notify_middleware(&server, id, ID("m"), ID("hello"));
    case 15:
        return asm_agent_publish_event(&server, id, &event);
    case 16:
        return asm_agent_set_todos(&server, id, &todo, 1);
    case 17:
        return asm_agent_set_title(&server, id, ID("A title"));
    case 18:
        return asm_agent_set_shutdown_metadata(&server, id, ID("{\"a\":1}"));
    default:
        return asm_agent_set_middleware_state(&server, id, ID("m"),
                                              pick(2) ? ID("1") : asm_str_make(NULL, 0));
    }
}

static asm_result storm_call_execution(unsigned which, asm_execution execution) {
    const asm_turn turn = {.role = TEXT("assistant"), .content = TEXT("Hi")};
    const asm_message_payload thought = {.delta = TEXT("hm"), .message_id = TEXT("m7")};
    uint64_t reference;
    switch (which) {
    case 20: {
        const asm_outcome outcome = storm_outcome(execution);
        return asm_execution_finish(execution, outcome);
    }
    case 21:
        return asm_emit_turn(execution, &turn);
    case 22:
        return asm_execution_wake(execution);
    case 23:
        return asm_emit_delta(execution, &thought);
    case 24:
        return storm_tool(execution);
    case 25:
        return storm_model(execution);
    case 26:
        return asm_emit_retraction(execution, ID("replaced"));
    case 27:
        return asm_emit_text(execution, ID("more"));
    case 28:
        return asm_presence_track(&presence, &storm_depth, "room", ID("ann"), ID("{}"), &reference);
    default:
        return asm_presence_remove_owner(&presence, &storm_depth);
    }
}

static void storm_call(void) {
    const asm_str id = pick_id();
    if (storm_depth > 6) return;
    storm_depth++;
    const unsigned which = pick(COUNT(succeeded));
    const asm_result result =
        which < 20 ? storm_call_agent(which, id) : storm_call_execution(which, kept[pick(COUNT(kept))]);
    succeeded[which] += result == ASM_OK;
    storm_depth--;
}

static void storm_on_event(void *user, const asm_message *message) {
    (void)user;
    char line[4096]; /* everything in the event can be read */
    asm_buffer out;
    asm_buffer_init_fixed(&out, line, sizeof line);
    (void)asm_event_write_json(message->event, &out);
    if (pick(8) == 0) storm_call();
}

/* Whether a model could be asked with these turns: `open` calls are without a result at the end. */
static bool turns_are_in_order(const asm_agent_state *state, size_t *open) {
    *open = 0;
    for (size_t i = 0; i < state->turn_count; i++) {
        const asm_turn *turn = &state->turns[i];
        if (turn->tool_results.data) {
            if (*open == 0) return false;
            --*open; /* each has one here */
        } else {
            if (*open) return false;
            for (size_t at = 0; turn->tool_calls.data && at < turn->tool_calls.size; at++)
                *open += turn->tool_calls.data[at] == '{';
        }
    }
    return true;
}

static void check_agent(const asm_agent_info *info) {
    size_t open;
    assert_int_equal(info->interrupt_data.data != NULL, info->status == ASM_AGENT_INTERRUPTED);
    assert_int_equal(info->error.data != NULL, info->status == ASM_AGENT_ERROR);
    assert_true(!info->is_stopping || info->status == ASM_AGENT_RUNNING);
    assert_true(!info->is_waiting || info->status == ASM_AGENT_RUNNING);
    assert_true(turns_are_in_order(&info->state, &open));
    assert_int_equal(open, info->open_call_count);
    if (storm_lacks_memory || info->status == ASM_AGENT_RUNNING) return;
    if (info->status != ASM_AGENT_INTERRUPTED && info->status != ASM_AGENT_PAUSED) {
        assert_int_equal(open, 0);
        assert_int_equal(info->state.held_count, 0);
        assert_null(info->run_id.data);
    }
}

static void check_server(void) {
    size_t agents = 0, running = 0, busy = 0;
    asm_str id;
    for (size_t at = 0; asm_agent_next(&server, asm_str_make(NULL, 0), &at, &id); agents++) {
        asm_agent_info info;
        assert_int_equal(asm_agent_get_info(&server, id, &info), ASM_OK);
        running += info.status == ASM_AGENT_RUNNING;
        busy += info.status == ASM_AGENT_RUNNING && !info.is_waiting;
        check_agent(&info);
    }
    assert_int_equal(agents, server.agents);
    assert_int_equal(running, server.running);
    assert_true(busy <= server.pending);
    for (size_t i = 1; i < server.agents; i++)
        assert_true(server.heap[(i - 1) / 2]->due <= server.heap[i]->due);
    for (size_t i = 0; i < server.agents; i++)
        assert_int_equal(server.heap[i]->heap_at, i);
    assert_int_equal(server.depth, 0);
    assert_int_equal(server.read_only_depth, 0);
    assert_null(server.discarded);
}

static void storm(int steps) {
    const asm_presence_options options = {.pubsub = &bus};
    asm_presence_init(&presence, &options);
    log_is_off = true;
    random_state = 7;
    storm_depth = 0;
    memset(kept, 0, sizeof kept);
    memset(succeeded, 0, sizeof succeeded);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "**", storm_on_event, NULL, NULL), ASM_OK);
    assert_int_equal(asm_pubsub_subscribe_pattern(&debug_bus, "**", storm_on_event, NULL, NULL), ASM_OK);
    for (int step = 0; step < steps; step++) {
        allocation_fails_once = true;
        if (storm_lacks_memory && pick(3) == 0) fail_allocations_from(1 + pick(40));
        storm_call();
        if (pick(3) == 0) poll_after((asm_time)pick(40000) - 2000);
        fail_allocations_from(0);
        if (step % 16 == 0) check_server();
    }
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    for (size_t i = 0; i < COUNT(succeeded); i++) /* it was a storm */
        expect(succeeded[i] > 50, "call %zu succeeded %u times only", i, succeeded[i]);
    end_of_cases();
    asm_presence_close(&presence);
}

static void test_storm(void **state) {
    (void)state;
    storm_lacks_memory = false;
    storm(200000);
}

static void test_storm_without_memory(void **state) {
    (void)state;
    storm_lacks_memory = true;
    storm(100000);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start_server, end_server)
    const struct CMUnitTest tests[] = {
        TEST(test_stop_inside_its_own_event),
        TEST(test_cancel_inside_its_own_event),
        TEST(test_execute_inside_the_event_that_it_is_idle),
        TEST(test_execute_inside_the_first_event),
        TEST(test_resume_inside_the_event_that_it_is_interrupted),
        TEST(test_resume_while_resume_is_on_the_stack),
        TEST(test_reset_inside_a_message),
        TEST(test_start_another_inside_an_event),
        TEST(test_other_agents_inside_an_event),
        TEST(test_an_agent_executed_within_a_poll_waits),
        TEST(test_what_is_refused_inside_an_event),
        TEST(test_the_shutdown_events),
        TEST(test_close_ends),
        TEST(test_functions_that_may_only_read),
        TEST(test_nested_too_deeply),
        TEST(test_every_allocation_fails_in_turn),
        TEST(test_what_allocates_nothing),
        TEST(test_storm),
        TEST(test_storm_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
