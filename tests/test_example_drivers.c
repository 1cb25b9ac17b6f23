/* The drivers in examples/: what they emit, keep in the state, and end with. */
#include "support.h"

#include "asm_agent.h"
#include "asm_ingest.h"
#include "examples/scripted_driver.h"
#include "examples/tool_loop_driver.h"

#define AGENT ASM_STR("a")

/* ---- A server with one agent, whose events are written down as lines ---- */

typedef struct stage {
    asm_pubsub bus;
    asm_agent_server server;
    char log[8192];
    size_t log_size;
    int64_t sequence_number; /* of the last event */
    const char *cancel_at;   /* the name of an event at which a subscriber cancels the agent */
} stage;

static void note(stage *self, asm_str text) {
    const size_t room = sizeof self->log - self->log_size - 2;
    const size_t size = text.size < room ? text.size : room;
    if (size) memcpy(self->log + self->log_size, text.data, size);
    self->log_size += size;
}

static void on_event(void *user, const asm_message *message) {
    stage *self = (stage *)user;
    const asm_event *event = message->event;
    const asm_str name = asm_event_name(event);
    expect(asm_str_equal(event->session_id, AGENT) && event->time < 3000000 &&
               (!self->sequence_number || event->sequence_number == self->sequence_number + 1),
           "%s is not an event of the agent's", shown(name));
    self->sequence_number = event->sequence_number;
    if (event->type == ASM_EVENT_STEP_STARTED || event->type == ASM_EVENT_STEP_COMPLETED) return;
    note(self, name);
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_SENT:
        note(self, ASM_STR(" "));
        note(self, asm_event_text(event));
        break;
    case ASM_EVENT_STATUS_CHANGED:
        note(self, ASM_STR(" "));
        note(self, event->status.status);
        if (event->status.data.data) note(self, ASM_STR(" "));
        note(self, event->status.data);
        break;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_STARTED:
        note(self, ASM_STR(" "));
        note(self, event->tool.name);
        note(self, event->tool.input);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        note(self, ASM_STR(" "));
        note(self, event->tool.status);
        note(self, ASM_STR(": "));
        note(self, event->tool.output.data ? event->tool.output : event->tool.error_message);
        break;
    case ASM_EVENT_TOOL_APPROVAL_REQUESTED:
    case ASM_EVENT_TOOL_APPROVAL_GRANTED:
    case ASM_EVENT_TOOL_APPROVAL_DENIED:
        note(self, event->approval.tool_input);
        break;
    case ASM_EVENT_ERROR_OCCURRED:
        note(self, ASM_STR(" "));
        note(self, event->error.message);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
        note(self, ASM_STR(" "));
        note(self, event->run.stop_reason.data ? event->run.stop_reason : event->run.error_message);
        break;
    default:
        break;
    }
    note(self, ASM_STR("\n"));
    if (self->cancel_at && asm_str_equal(name, asm_str_from(self->cancel_at))) {
        self->cancel_at = NULL;
        asm_agent_cancel(&self->server, AGENT);
    }
}

static asm_result begin(stage *self, asm_driver driver, const asm_agent_config *config) {
    asm_agent_options options;
    memset(self, 0, sizeof *self);
    memset(&options, 0, sizeof options);
    asm_pubsub_init(&self->bus, NULL);
    asm_agent_server_init(&self->server, NULL);
    asm_agent_server_set_time(&self->server, 1000000, 1000000);
    options.id = AGENT;
    if (config) options.config = *config;
    options.config.driver = driver;
    options.pubsub = &self->bus;
    asm_result result = asm_agent_start(&self->server, &options);
    if (result != ASM_OK) return result;
    result = asm_agent_server_poll(&self->server, 1000000, 1000000); /* the first idle is not of interest */
    return result == ASM_OK ? asm_agent_subscribe(&self->server, AGENT, on_event, self, NULL) : result;
}

static void end(stage *self) {
    asm_agent_server_close(&self->server);
    asm_pubsub_close(&self->bus);
}

static void say(stage *self, const char *text) {
    asm_turn message;
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("user");
    message.content = asm_str_from(text);
    assert_int_equal(asm_agent_add_turn(&self->server, AGENT, &message), ASM_OK);
}

/* Polls as long as there is something to do; returns how often. */
static int poll_all(stage *self) {
    int polls = 0;
    while (self->server.pending > 0 && polls < 1000) {
        asm_agent_server_poll(&self->server, 2000000, 2000000);
        polls++;
    }
    return polls;
}

static int run(stage *self) {
    const asm_result result = asm_agent_execute(&self->server, AGENT);
    expect(result == ASM_OK, "%s", self->server.error);
    return poll_all(self);
}

static void forget(stage *self) {
    memset(self->log, 0, sizeof self->log);
    self->log_size = 0;
}

#define expect_log(self, text)                                                                               \
    do {                                                                                                     \
        expect(strcmp((self)->log, text) == 0, "\n--- got\n%s--- expected\n%s", (self)->log, text);          \
        forget(self);                                                                                        \
    } while (0)

static asm_agent_info info_of(stage *self) {
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&self->server, AGENT, &info), ASM_OK);
    return info;
}

/* ---- The scripted driver ---- */

#define EVENT(type, data)                                                                                    \
    "{\"ts\":\"2026-03-18T08:00:00Z\",\"type\":\"" type "\",\"data\":{" data "},"                            \
    "\"session_id\":\"s\",\"sequence_number\":77}\n"
#define BEGINS    "status_changed running\nrun_started\n"
#define STARTED   EVENT("run_started", "\"model\":\"m\"")
#define COMPLETED EVENT("run_completed", "\"stop_reason\":\"end_turn\"")

/* Runs a recording to the end of its first run; returns the number of polls. */
static int replay(stage *self, scripted_driver *driver, const char *recording, size_t piece) {
    scripted_driver_options options;
    memset(&options, 0, sizeof options);
    options.recording = asm_str_from(recording);
    options.piece = piece;
    assert_int_equal(scripted_driver_init(driver, &options), ASM_OK);
    assert_int_equal(begin(self, scripted_driver_of(driver), NULL), ASM_OK);
    return run(self);
}

static void end_replay(stage *self, scripted_driver *driver) {
    end(self);
    scripted_driver_close(driver);
}

static void events_become_what_a_driver_emits(void **state) {
    stage self;
    scripted_driver driver;
    (void)state;
    const int polls = replay(
        &self, &driver,
        STARTED EVENT("message_sent", "\"content\":\"Hi\",\"role\":\"user\"")
            EVENT("message_streamed", "\"delta\":\"Hel\"") EVENT("message_streamed",
                                                                 "\"delta\":\"hm\",\"thinking\":true")
                EVENT("message_received", "\"content\":\"Hello\",\"role\":\"assistant\"")
                    EVENT("message_received", "\"content\":\"sub\",\"parent_tool_call_id\":\"t0\"")
                        EVENT("todos_updated",
                              "\"todos\":[{\"id\":\"1\",\"content\":\"a \\\"b\\\"\",\"status\":\"pending\"}]")
                            EVENT("todos_updated", "\"todos\":[{\"id\":\"1\"}]")
                                EVENT("site.quota", "\"used\":1") COMPLETED,
        0);
    expect(polls == 10, "a line in each: %d", polls);
    expect_log(&self, "status_changed running\nrun_started\nsession_updated\nmessage_sent Hi\n"
                      "message_streamed Hel\nmessage_streamed hm\nmessage_received Hello\n"
                      "message_received sub\ntodos_updated\ntodos_updated\nsite.quota\n"
                      "run_completed end_turn\nstatus_changed idle\n");
    const asm_agent_info info = info_of(&self);
    assert_int_equal(info.state.turn_count, 2);
    expect_text(info.state.turns[0].role, ASM_STR("user"));
    expect_text(info.state.turns[1].content, ASM_STR("Hello"));
    assert_int_equal(info.state.todo_count, 1);
    expect_text(info.state.todos[0].content, ASM_STR("a \"b\""));
    end_replay(&self, &driver);
    end_of_cases();
}

static void the_end_of_a_run_is_the_outcome(void **state) {
    static const struct {
        const char *recording, *log;
    } cases[] = {
        {EVENT("run_failed", "\"error_message\":\"no \\\"net\\\"\""),
         "run_failed no \"net\"\nstatus_changed error \"no \\\"net\\\"\"\n"},
        {EVENT("run_failed", ""), "run_failed run_failed\nstatus_changed error \"run_failed\"\n"},
        {EVENT("run_timeout", ""), "run_failed run_timeout\nstatus_changed error \"run_timeout\"\n"},
        {EVENT("run_cancelled", ""), "run_cancelled\nstatus_changed cancelled\n"},
        {STARTED, "session_updated\nrun_failed the recording ends within a run\n"
                  "status_changed error \"the recording ends within a run\"\n"},
        {EVENT("message_streamed", "\"delta\":\"x\""),
         "message_streamed x\nmessage_received x\nrun_completed \nstatus_changed idle\n"},
        {"", "run_failed the recording is over\nstatus_changed error \"the recording is over\"\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        stage self;
        scripted_driver driver;
        char log[512];
        snprintf(log, sizeof log, "status_changed running\nrun_started\n%s", cases[i].log);
        replay(&self, &driver, cases[i].recording, 0);
        expect_log(&self, log);
        end_replay(&self, &driver);
    }
    end_of_cases();
}

static void each_execution_replays_a_run(void **state) {
    static const size_t pieces[] = {0, 1, 7, 64, 100000};
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        stage self;
        scripted_driver driver;
        const int polls =
            replay(&self, &driver, STARTED COMPLETED STARTED EVENT("run_failed", "\"error_message\":\"e\""),
                   pieces[i]);
        expect_log(&self, BEGINS "session_updated\nrun_completed end_turn\nstatus_changed idle\n");
        expect(pieces[i] != 1 || polls == sizeof(STARTED COMPLETED) - 1, "%d", polls);
        expect(pieces[i] != 100000 || polls == 1, "%d", polls);
        run(&self);
        expect_log(&self, BEGINS "session_updated\nrun_failed e\nstatus_changed error \"e\"\n");
        say(&self, "x");
        run(&self);
        expect_log(&self, "message_sent x\nstatus_changed idle\n" BEGINS "run_failed the recording is over\n"
                          "status_changed error \"the recording is over\"\n");
        end_replay(&self, &driver);
    }
    end_of_cases();
}

static void bad_lines_are_told(void **state) {
    stage self;
    scripted_driver driver;
    (void)state;
    replay(&self, &driver, STARTED "{\"type\":\n" COMPLETED, 0);
    expect(strstr(self.log, "error_occurred line 2, column ") != NULL, "%s", self.log);
    expect(strstr(self.log, "status_changed idle") != NULL, "%s", self.log);
    assert_int_equal(driver.bad_lines, 1);
    end_replay(&self, &driver);
    end_of_cases();
}

static void a_cancelled_replay_goes_on_where_it_was(void **state) {
    stage self;
    scripted_driver driver;
    scripted_driver_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    options.recording = ASM_STR(STARTED EVENT("message_streamed", "\"delta\":\"x\"") COMPLETED);
    options.piece = 100000;
    assert_int_equal(scripted_driver_init(&driver, &options), ASM_OK);
    assert_int_equal(begin(&self, scripted_driver_of(&driver), NULL), ASM_OK);
    self.cancel_at = "session_updated"; /* within the slice that would replay everything */
    run(&self);
    expect_log(&self, BEGINS "session_updated\nrun_cancelled\nstatus_changed cancelled\n");
    assert_int_equal(self.server.stale_calls, 0);
    say(&self, "on");
    run(&self);
    expect_log(&self, "message_sent on\nstatus_changed idle\n" BEGINS "message_streamed x\n"
                      "message_received x\nrun_completed end_turn\nstatus_changed idle\n");
    end_replay(&self, &driver);
    end_of_cases();
}

static void what_is_left_of_a_cancelled_line_is_for_nobody(void **state) {
    stage self;
    scripted_driver driver;
    scripted_driver_options options;
    (void)state;
    memset(&options, 0, sizeof options);
    options.recording =
        ASM_STR("{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"content\":["
                "{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"text\",\"text\":\"two\"}]}}\n");
    options.format = ASM_FORMAT_CLAUDE;
    assert_int_equal(scripted_driver_init(&driver, &options), ASM_OK);
    assert_int_equal(begin(&self, scripted_driver_of(&driver), NULL), ASM_OK);
    self.cancel_at = "message_streamed";
    run(&self);
    expect_log(&self, BEGINS "message_streamed one\nmessage_received one\nrun_cancelled\n"
                             "status_changed cancelled\n");
    assert_int_equal(self.server.stale_calls, 0);
    end_replay(&self, &driver);
    end_of_cases();
}

/* ---- The tool loop ---- */

/* A model that calls tools in its first answer. */
typedef struct canned {
    const asm_action_request *calls;
    size_t call_count;
    int at;
    int waits; /* how often it says not yet, with a piece of text, before each answer */
    int waited;
    int cancels;
} canned;

static tool_loop_progress ask(void *user, tool_loop_reply *reply) {
    canned *self = (canned *)user;
    static const char *const texts[] = {"Let me see.", "Done."};
    if (self->waited++ < self->waits) {
        asm_buffer_append(reply->text, ASM_STR("well, "));
        return TOOL_LOOP_NOT_YET;
    }
    self->waited = 0;
    if (self->at == 2) {
        reply->reason = ASM_STR("no more answers");
        return TOOL_LOOP_FAILED;
    }
    for (size_t i = 0; self->at == 0 && i < self->call_count; i++)
        tool_loop_call(reply, self->calls[i].tool_call_id, self->calls[i].tool_name,
                       self->calls[i].arguments);
    if (self->at == 1) reply->usage.output_tokens = ASM_INT64(5);
    asm_buffer_append(reply->text, asm_str_from(texts[self->at++]));
    return TOOL_LOOP_DONE;
}

static void count_cancel(void *user) {
    ((canned *)user)->cancels++;
}

static size_t echoes;

static tool_loop_progress echo(void *user, asm_execution execution, asm_str arguments, asm_buffer *output) {
    (void)user, (void)execution;
    echoes++;
    asm_buffer_append(output, ASM_STR("echo "));
    asm_buffer_append(output, arguments);
    return TOOL_LOOP_DONE;
}

static tool_loop_progress refuse(void *user, asm_execution execution, asm_str arguments, asm_buffer *output) {
    (void)user, (void)execution, (void)arguments;
    asm_buffer_append(output, ASM_STR("cannot"));
    return TOOL_LOOP_FAILED;
}

static tool_loop_progress take_long(void *user, asm_execution execution, asm_str arguments,
                                    asm_buffer *output) {
    int *calls = (int *)user;
    (void)execution, (void)arguments;
    asm_buffer_append(output, ASM_STR("."));
    return ++*calls % 3 ? TOOL_LOOP_NOT_YET : TOOL_LOOP_DONE;
}

static int long_calls;
static const tool_loop_tool tools[] = {
    {"echo", echo, NULL}, {"ask_me", echo, NULL}, {"refuse", refuse, NULL}, {"long", take_long, &long_calls}};
static const asm_str ask_first[] = {TEXT("ask_me")};

static const asm_action_request echo_call[] = {{TEXT("1"), TEXT("echo"), TEXT("{\"x\":1}")}};
static const asm_action_request two_to_ask[] = {{TEXT("1"), TEXT("echo"), TEXT("{}")},
                                                {TEXT("2"), TEXT("ask_me"), TEXT("{\"n\":1}")},
                                                {TEXT("3"), TEXT("ask_me"), TEXT("{\"n\":2}")}};
static const asm_action_request odd_calls[] = {{TEXT("1"), TEXT("refuse"), {NULL, 0}},
                                               {TEXT("2"), TEXT("missing"), {NULL, 0}}};
static const asm_action_request long_call[] = {{TEXT("1"), TEXT("long"), {NULL, 0}},
                                               {TEXT("2"), TEXT("echo"), {NULL, 0}}};

static void begin_loop(stage *self, tool_loop *loop, canned *model, const asm_action_request *calls,
                       size_t count, unsigned max_steps) {
    tool_loop_options options;
    asm_agent_config config;
    memset(model, 0, sizeof *model);
    model->calls = calls;
    model->call_count = count;
    memset(&options, 0, sizeof options);
    options.model = ask;
    options.tools = tools;
    options.tool_count = COUNT(tools);
    options.cancel = count_cancel;
    options.user = model;
    options.max_steps = max_steps;
    tool_loop_init(loop, &options);
    memset(&config, 0, sizeof config);
    config.interrupt_on = ask_first;
    config.interrupt_on_count = COUNT(ask_first);
    assert_int_equal(begin(self, tool_loop_driver(loop), &config), ASM_OK);
}

static void end_loop(stage *self, tool_loop *loop) {
    end(self);
    tool_loop_close(loop);
    assert_int_equal(allocations_alive, 0);
}

#define FIRST_ANSWER                                                                                         \
    "status_changed running\nrun_started\nmessage_streamed Let me see.\nmessage_received Let me see.\n"
#define LAST_ANSWER                                                                                          \
    "message_streamed Done.\nmessage_received Done.\ntoken_usage_updated\nrun_completed end_turn\n"          \
    "status_changed idle\n"

static void the_model_is_asked_until_it_calls_no_tool(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, echo_call, 1, 0);
    const int polls = run(&self);
    expect(polls == 3, "model, tool, model: %d", polls);
    expect_log(&self,
               FIRST_ANSWER "tool_call_identified echo{\"x\":1}\ntool_call_started echo{\"x\":1}\n"
                            "tool_call_completed completed: echo {\"x\":1}\nmessage_sent \n" LAST_ANSWER);
    const asm_agent_info info = info_of(&self);
    assert_int_equal(info.state.turn_count, 3);
    expect_text(info.state.turns[0].tool_calls,
                ASM_STR("[{\"id\":\"1\",\"name\":\"echo\",\"arguments\":{\"x\":1}}]"));
    expect_text(info.state.turns[1].tool_results,
                ASM_STR("[{\"tool_call_id\":\"1\",\"tool_name\":\"echo\",\"status\":\"completed\","
                        "\"output\":\"echo {\\\"x\\\":1}\"}]"));
    end_loop(&self, &loop);
    end_of_cases();
}

static void failures_are_answers_to_the_model(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, odd_calls, 2, 0);
    run(&self);
    expect_log(&self, FIRST_ANSWER
               "tool_call_identified refuse{}\ntool_call_identified missing{}\n"
               "tool_call_started refuse{}\ntool_call_failed failed: cannot\nmessage_sent \n"
               "tool_call_started missing{}\ntool_call_failed failed: there is no tool of this name\n"
               "message_sent \n" LAST_ANSWER);
    end_loop(&self, &loop);
    end_of_cases();
}

static void both_may_take_their_time(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, long_call, 1, 0);
    model.waits = 2;
    const int polls = run(&self);
    expect(polls == 3 + 3 + 3, "%d", polls);
    expect_log(&self, BEGINS
               "message_streamed well, \nmessage_streamed well, \n"
               "message_streamed Let me see.\nmessage_received well, well, Let me see.\n"
               "tool_call_identified long{}\ntool_call_started long{}\ntool_call_completed completed: ...\n"
               "message_sent \nmessage_streamed well, \nmessage_streamed well, \nmessage_streamed Done.\n"
               "message_received well, well, Done.\ntoken_usage_updated\nrun_completed end_turn\n"
               "status_changed idle\n");
    end_loop(&self, &loop);
    end_of_cases();
}

/* Decides on the calls of the first interrupt. */
static void decide(stage *self, const char *decisions) {
    char json[512];
    snprintf(json, sizeof json, "{\"interrupt\":1,\"decisions\":[%s]}", decisions);
    assert_int_equal(asm_agent_resume_json(&self->server, AGENT, asm_str_from(json)), ASM_OK);
}

static void approval_is_asked_for_and_carried_out(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, two_to_ask, 3, 0);
    run(&self);
    expect_log(&self, FIRST_ANSWER
               "tool_call_identified echo{}\ntool_call_identified ask_me{\"n\":1}\ntool_call_identified "
               "ask_me{\"n\":2}\n"
               "tool_call_started echo{}\ntool_call_completed completed: echo {}\nmessage_sent \n"
               "status_changed interrupted {\"interrupt\":1,\"action_requests\":["
               "{\"tool_call_id\":\"2\",\"tool_name\":\"ask_me\",\"arguments\":{\"n\":1}},"
               "{\"tool_call_id\":\"3\",\"tool_name\":\"ask_me\",\"arguments\":{\"n\":2}}]}\n"
               "tool_approval_requested{\"n\":1}\ntool_approval_requested{\"n\":2}\n");
    decide(&self, "{\"tool_call_id\":\"2\",\"type\":\"edit\",\"arguments\":{\"n\":9}},"
                  "{\"tool_call_id\":\"3\",\"type\":\"reject\",\"message\":\"no\"}");
    poll_all(&self);
    expect_log(
        &self,
        "tool_approval_granted{\"n\":9}\ntool_approval_denied{\"n\":2}\nstatus_changed running\n"
        "tool_call_started ask_me{\"n\":9}\ntool_call_completed completed: echo {\"n\":9}\nmessage_sent \n"
        "tool_call_started ask_me{\"n\":2}\ntool_call_failed declined: no\nmessage_sent \n" LAST_ANSWER);
    const asm_agent_info info = info_of(&self);
    expect_text(info.state.turns[2].tool_results,
                ASM_STR("[{\"tool_call_id\":\"2\",\"tool_name\":\"ask_me\",\"status\":\"completed\","
                        "\"arguments\":{\"n\":9},\"output\":\"echo {\\\"n\\\":9}\"}]"));
    end_loop(&self, &loop);
    end_of_cases();
}

static void decisions_are_matched_by_the_call(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, two_to_ask, 3, 0);
    run(&self);
    forget(&self);
    decide(&self,
           "{\"tool_call_id\":\"3\",\"type\":\"approve\"},{\"tool_call_id\":\"2\",\"type\":\"reject\"}");
    poll_all(&self);
    expect_log(&self,
               "tool_approval_denied{\"n\":1}\ntool_approval_granted{\"n\":2}\nstatus_changed running\n"
               "tool_call_started ask_me{\"n\":1}\n"
               "tool_call_failed declined: declined by the user\nmessage_sent \n"
               "tool_call_started ask_me{\"n\":2}\n"
               "tool_call_completed completed: echo {\"n\":2}\nmessage_sent \n" LAST_ANSWER);
    end_loop(&self, &loop);
    end_of_cases();
}

/* While somebody decides, turns come from elsewhere: none of them shifts an approval onto another call. */
static void what_is_added_meanwhile_shifts_no_decision(void **state) {
    static const asm_turn turns[] = {
        {.role = TEXT("tool"),
         .tool_results =
             TEXT("[{\"tool_call_id\":\"2\",\"tool_name\":\"ask_me\",\"output\":\"from a cache\"}]")},
        {.role = TEXT("tool"), .tool_results = TEXT("[{\"tool_call_id\":\"1\",\"output\":\"again\"}]")},
        {.role = TEXT("tool"), .tool_results = TEXT("[]")},
        {.role = TEXT("assistant"),
         .tool_calls = TEXT("[{\"id\":\"2\",\"name\":\"ask_me\",\"arguments\":{\"n\":7}}]")},
        {.role = TEXT("user"), .content = TEXT("by the way")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(turns); i++) {
        stage self;
        tool_loop loop;
        canned model;
        begin_loop(&self, &loop, &model, two_to_ask, 3, 0);
        run(&self);
        const asm_result result = asm_agent_add_turn(&self.server, AGENT, &turns[i]);
        expect(result == (i < 3 ? ASM_ERR_INVALID_ARGUMENT : ASM_OK), "turn %zu: %d", i, result);
        forget(&self);
        echoes = 0;
        decide(&self,
               "{\"tool_call_id\":\"2\",\"type\":\"approve\"},{\"tool_call_id\":\"3\",\"type\":\"reject\"}");
        poll_all(&self);
        expect(strstr(self.log, "tool_call_completed completed: echo {\"n\":1}\n") != NULL, "turn %zu: %s", i,
               self.log);
        expect(strstr(self.log, "echo {\"n\":2}") == NULL, "turn %zu: a rejected call ran: %s", i, self.log);
        /* A call that came meanwhile has the id of an approved one, but other arguments: it is asked about. */
        const bool is_asked = strstr(self.log, "status_changed interrupted {\"interrupt\":2,") != NULL;
        expect(is_asked == (i == 3), "turn %zu: %s", i, self.log);
        expect(echoes == 1, "turn %zu: %zu calls", i, echoes);
        end_loop(&self, &loop);
    }
    end_of_cases();
}

static void a_stale_approval_runs_nothing(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, two_to_ask + 1, 1, 0);
    run(&self);
    assert_int_equal(asm_agent_cancel(&self.server, AGENT), ASM_OK);
    model.at = 0;
    say(&self, "again"); /* it makes the same call with the same id */
    run(&self);
    echoes = 0;
    assert_int_equal(asm_agent_resume_json(&self.server, AGENT,
                                           ASM_STR("{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"2\","
                                                   "\"type\":\"approve\"}]}")),
                     ASM_ERR_NOT_FOUND);
    poll_all(&self);
    assert_int_equal(echoes, 0);
    assert_int_equal(asm_agent_get_status(&self.server, AGENT), ASM_AGENT_INTERRUPTED);
    end_loop(&self, &loop);
    end_of_cases();
}

static void a_decision_counts_once(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, two_to_ask + 1, 1, 0);
    run(&self);
    model.at = 0; /* when it has the result it makes the same call with the same id once more */
    echoes = 0;
    decide(&self, "{\"tool_call_id\":\"2\",\"type\":\"approve\"}");
    poll_all(&self);
    assert_int_equal(echoes, 1);
    assert_int_equal(asm_agent_get_status(&self.server, AGENT), ASM_AGENT_INTERRUPTED);
    assert_int_equal(info_of(&self).interrupt, 2);
    end_loop(&self, &loop);
    end_of_cases();
}

#define NOT_DONE "Not finished: the run was cancelled before this call had a result."

static void what_was_cancelled_is_not_made_up_for(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, long_call, 2, 0);
    assert_int_equal(asm_agent_execute(&self.server, AGENT), ASM_OK);
    asm_agent_server_poll(&self.server, 2000000, 2000000);
    asm_agent_server_poll(&self.server, 2000000, 2000000); /* the tool has begun */
    forget(&self);
    assert_int_equal(asm_agent_cancel(&self.server, AGENT), ASM_OK);
    assert_int_equal(model.cancels, 1);
    expect_log(&self, "tool_call_failed cancelled: " NOT_DONE "\nmessage_sent \ntool_call_started echo{}\n"
                      "tool_call_failed cancelled: " NOT_DONE "\nmessage_sent \nrun_cancelled\n"
                      "status_changed cancelled\n");
    say(&self, "stop that");
    forget(&self);
    model.at = 0; /* it calls the same tools again: now they are wanted */
    run(&self);
    expect_log(
        &self, FIRST_ANSWER
        "tool_call_identified long{}\ntool_call_identified echo{}\n"
        "tool_call_started long{}\ntool_call_completed completed: ..\nmessage_sent \n"
        "tool_call_started echo{}\ntool_call_completed completed: echo {}\nmessage_sent \n" LAST_ANSWER);
    assert_int_equal(model.cancels, 1);
    end_loop(&self, &loop);
    long_calls = 0;
    end_of_cases();
}

static void a_cancelled_question_is_asked_anew(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, echo_call, 1, 0);
    model.waits = 1;
    model.at = 1;
    self.cancel_at = "message_streamed";
    run(&self);
    assert_int_equal(model.cancels, 1);
    say(&self, "now");
    forget(&self);
    model.waits = 0;
    model.waited = 0;
    run(&self);
    expect_log(&self, BEGINS LAST_ANSWER);
    end_loop(&self, &loop);
    end_of_cases();
}

#define OPEN_CALLS                                                                                           \
    "\"state\":{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"name\":\"echo\"},"     \
    "{\"id\":\"2\",\"name\":\"\\u0065cho\",\"arguments\":{\"b\":2}}]},"                                      \
    "{\"role\":\"tool\",\"tool_results\":[{\"tool_call_id\":\"1\"}]}]}}"

static void a_restored_state_goes_on_with_its_open_calls(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    (void)state;
    begin_loop(&self, &loop, &model, NULL, 0, 0);
    assert_int_equal(asm_agent_restore_state(&self.server, AGENT,
                                             ASM_STR("{\"version\":1,\"status\":\"paused\"," OPEN_CALLS)),
                     ASM_OK);
    model.at = 1;
    run(&self);
    expect_log(&self, "status_changed paused\n" BEGINS "tool_call_started echo{\"b\":2}\n"
                      "tool_call_completed completed: echo {\"b\":2}\nmessage_sent \n" LAST_ANSWER);
    /* Of a run that was cut nobody knows what its calls did: they are not run again. */
    assert_int_equal(asm_agent_restore_state(&self.server, AGENT,
                                             ASM_STR("{\"version\":1,\"status\":\"running\"," OPEN_CALLS)),
                     ASM_OK);
    assert_int_equal(info_of(&self).state.turn_count, 3);
    expect(strstr(info_of(&self).state.turns[2].tool_results.data, "Whether it ran is not known.") != NULL,
           "why");
    forget(&self);
    model.at = 1;
    run(&self);
    expect_log(&self, BEGINS LAST_ANSWER);
    end_loop(&self, &loop);
    end_of_cases();
}

static asm_result fail_before(void *user, asm_model_request *request) {
    (void)user, (void)request;
    return ASM_ERR_RANGE;
}

static void what_goes_wrong_ends_in_an_error(void **state) {
    stage self;
    tool_loop loop;
    canned model;
    asm_action_request many[TOOL_LOOP_MAX_CALLS + 1];
    asm_middleware middleware;
    asm_agent_config config;
    (void)state;
    begin_loop(&self, &loop, &model, echo_call, 1, 1);
    run(&self);
    expect_text(info_of(&self).error, ASM_STR("the model came to no end"));
    say(&self, "once more"); /* the limit is that of an execution */
    run(&self);
    assert_int_equal(asm_agent_get_status(&self.server, AGENT), ASM_AGENT_IDLE);
    end_loop(&self, &loop);

    begin_loop(&self, &loop, &model, echo_call, 1, 0);
    model.at = 2;
    run(&self);
    expect_text(info_of(&self).error, ASM_STR("no more answers"));
    end_loop(&self, &loop);

    for (size_t i = 0; i < COUNT(many); i++)
        many[i] = echo_call[0];
    begin_loop(&self, &loop, &model, many, COUNT(many), 0);
    run(&self);
    expect_text(info_of(&self).error, ASM_STR("the model called too many tools at once"));
    end_loop(&self, &loop);

    many[0].arguments = ASM_STR("{");
    begin_loop(&self, &loop, &model, many, 1, 0);
    run(&self);
    expect_text(info_of(&self).error, ASM_STR("the model's tool calls are not valid"));
    end_loop(&self, &loop);

    begin_loop(&self, &loop, &model, echo_call, 1, 0);
    memset(&middleware, 0, sizeof middleware);
    middleware.id = ASM_STR("m");
    middleware.before_model = fail_before;
    config = info_of(&self).config;
    config.middleware = &middleware;
    config.middleware_count = 1;
    assert_int_equal(asm_agent_update(&self.server, AGENT, &config, ASM_STR("{\"version\":1,\"state\":{}}")),
                     ASM_OK);
    run(&self);
    expect_text(info_of(&self).error, asm_str_from(asm_result_string(ASM_ERR_RANGE)));
    end_loop(&self, &loop);
    end_of_cases();
}

static void a_subscriber_may_cancel_at_any_event(void **state) {
    static const char *const events[] = {
        "message_streamed",  "message_received",    "tool_call_identified", "tool_approval_requested",
        "tool_call_started", "tool_call_completed", "message_sent"};
    (void)state;
    for (size_t i = 0; i < COUNT(events); i++) {
        stage self;
        tool_loop loop;
        canned model;
        begin_loop(&self, &loop, &model, two_to_ask, 3, 0);
        self.cancel_at = events[i];
        run(&self);
        expect(asm_agent_get_status(&self.server, AGENT) == ASM_AGENT_CANCELLED, "%s", events[i]);
        const size_t size = self.log_size;
        expect(size > 25 && strcmp(self.log + size - 25, "status_changed cancelled\n") == 0, "%s:\n%s",
               events[i], self.log);
        end_loop(&self, &loop);
    }
    end_of_cases();
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    size_t fails_from = 1;
    for_each_way_to_fail for (bool all_went_well = (fails_from = 1, false);
                              !all_went_well && fails_from < 1000; fails_from++) {
        stage self;
        tool_loop loop;
        canned model;
        begin_loop(&self, &loop, &model, two_to_ask, 1, 0);
        assert_int_equal(asm_agent_execute(&self.server, AGENT), ASM_OK);
        fail_allocations_from(fails_from);
        poll_all(&self);
        all_went_well = allocation_calls < fails_from;
        fail_allocations_from(0);
        const asm_agent_status status = asm_agent_get_status(&self.server, AGENT);
        /* What could only not be told is counted. */
        expect(status == (all_went_well || self.server.failures ? ASM_AGENT_IDLE : ASM_AGENT_ERROR) ||
                   status == ASM_AGENT_ERROR,
               "%d: %s, %d", (int)fails_from, asm_agent_status_name(status), (int)self.server.failures);
        end_loop(&self, &loop);
    }
    expect(fails_from > 5 && fails_from < 1000, "%d", (int)fails_from);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_become_what_a_driver_emits),
        cmocka_unit_test(the_end_of_a_run_is_the_outcome),
        cmocka_unit_test(each_execution_replays_a_run),
        cmocka_unit_test(bad_lines_are_told),
        cmocka_unit_test(a_cancelled_replay_goes_on_where_it_was),
        cmocka_unit_test(what_is_left_of_a_cancelled_line_is_for_nobody),
        cmocka_unit_test(the_model_is_asked_until_it_calls_no_tool),
        cmocka_unit_test(failures_are_answers_to_the_model),
        cmocka_unit_test(both_may_take_their_time),
        cmocka_unit_test(approval_is_asked_for_and_carried_out),
        cmocka_unit_test(decisions_are_matched_by_the_call),
        cmocka_unit_test(what_is_added_meanwhile_shifts_no_decision),
        cmocka_unit_test(a_stale_approval_runs_nothing),
        cmocka_unit_test(a_decision_counts_once),
        cmocka_unit_test(what_was_cancelled_is_not_made_up_for),
        cmocka_unit_test(a_cancelled_question_is_asked_anew),
        cmocka_unit_test(a_restored_state_goes_on_with_its_open_calls),
        cmocka_unit_test(what_goes_wrong_ends_in_an_error),
        cmocka_unit_test(a_subscriber_may_cancel_at_any_event),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
