/* The drivers in examples/: what they emit, keep in the state, and end with. */
#include "support.h"

#include "asm_agent.h"
#include "asm_ingest.h"
#include "examples/scripted_driver.h"

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
    asm_agent_server_set_time(&self->server, 1000000);
    options.id = AGENT;
    if (config) options.config = *config;
    options.config.driver = driver;
    options.pubsub = &self->bus;
    asm_result result = asm_agent_start(&self->server, &options);
    if (result != ASM_OK) return result;
    result = asm_agent_server_poll(&self->server, 1000000); /* the first idle is not of interest */
    return result == ASM_OK ? asm_agent_subscribe(&self->server, AGENT, on_event, self, NULL) : result;
}

static void end(stage *self) {
    asm_agent_server_close(&self->server);
    asm_pubsub_close(&self->bus);
}

static void say(stage *self, const char *text) {
    asm_agent_message message;
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("user");
    message.content = asm_str_from(text);
    assert_int_equal(asm_agent_add_message(&self->server, AGENT, &message), ASM_OK);
}

/* Polls as long as there is something to do; returns how often. */
static int poll_all(stage *self) {
    int polls = 0;
    while (self->server.running > 0 && polls < 1000) {
        asm_agent_server_poll(&self->server, 2000000);
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
    expect_log(&self, "status_changed running\nrun_started\nmessage_sent Hi\nmessage_streamed Hel\n"
                      "message_streamed hm\nmessage_received Hello\nmessage_received sub\ntodos_updated\n"
                      "todos_updated\nsite.quota\nrun_completed\nstatus_changed idle\n");
    const asm_agent_info info = info_of(&self);
    assert_int_equal(info.state.message_count, 2);
    expect_text(info.state.messages[0].role, ASM_STR("user"));
    expect_text(info.state.messages[1].content, ASM_STR("Hello"));
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
         "run_failed\nstatus_changed error \"no \\\"net\\\"\"\n"},
        {EVENT("run_failed", ""), "run_failed\nstatus_changed error \"run_failed\"\n"},
        {EVENT("run_timeout", ""), "run_timeout\nstatus_changed error \"run_timeout\"\n"},
        {EVENT("run_cancelled", ""), "run_cancelled\nstatus_changed cancelled\n"},
        {STARTED, "run_started\nstatus_changed error \"the recording ends within a run\"\n"},
        {EVENT("message_streamed", "\"delta\":\"x\""), "message_streamed x\nstatus_changed idle\n"},
        {"", "status_changed error \"the recording is over\"\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        stage self;
        scripted_driver driver;
        char log[512];
        snprintf(log, sizeof log, "status_changed running\n%s", cases[i].log);
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
        expect_log(&self, "status_changed running\nrun_started\nrun_completed\nstatus_changed idle\n");
        expect(pieces[i] != 1 || polls == sizeof(STARTED COMPLETED) - 1, "%d", polls);
        expect(pieces[i] != 100000 || polls == 1, "%d", polls);
        run(&self);
        expect_log(&self, "status_changed running\nrun_started\nrun_failed\nstatus_changed error \"e\"\n");
        say(&self, "x");
        run(&self);
        expect_log(&self, "message_sent x\nstatus_changed idle\nstatus_changed running\n"
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
    self.cancel_at = "run_started"; /* within the slice that would replay everything */
    run(&self);
    expect_log(&self, "status_changed running\nrun_started\nstatus_changed cancelled\n");
    assert_int_equal(self.server.late, 0);
    say(&self, "on");
    run(&self);
    expect_log(&self, "message_sent on\nstatus_changed idle\nstatus_changed running\nmessage_streamed x\n"
                      "run_completed\nstatus_changed idle\n");
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
    expect_log(&self,
               "status_changed running\nrun_started\nmessage_streamed one\nstatus_changed cancelled\n");
    assert_int_equal(self.server.late, 0);
    end_replay(&self, &driver);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
