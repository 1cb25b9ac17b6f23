/* What the tests of asm_agent.h share: a server with a dispatcher, a log of what is published, a driver that
 * does as it is told. */
#ifndef TESTS_AGENT_SUPPORT_H
#define TESTS_AGENT_SUPPORT_H

#include "support.h"

#include "asm_agent.h"

#define T0     INT64_C(1770638400000000) /* 2026-02-09T12:00:00Z */
#define MS     INT64_C(1000)
#define SECOND (1000 * MS)

static asm_pubsub bus, debug_bus;
static asm_agent_server server;
static asm_time now;

/* ============================================================================================
 * The log: "TOPIC EVENT {DATA}\n" for each event
 */

static char log_text[1 << 16];
static size_t log_size;
static bool log_is_off;
static bool log_has_runs; /* also run_started and its like, step_started and its like */

static inline void log_line(const char *text) {
    const size_t size = strlen(text);
    assert_true(log_size + size + 2 < sizeof log_text);
    memcpy(log_text + log_size, text, size);
    memcpy(log_text + log_size + size, "\n", 2);
    log_size += size + 1;
}

static inline void record(void *user, const asm_message *message) {
    (void)user;
    char line[8192];
    asm_buffer out;
    if (log_is_off) return;
    switch (message->event->type) {
    case ASM_EVENT_RUN_STARTED:
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
    case ASM_EVENT_STEP_STARTED:
    case ASM_EVENT_STEP_COMPLETED:
        if (!log_has_runs) return;
        break;
    default:
        break;
    }
    asm_buffer_init_fixed(&out, line, sizeof line - 1);
    const char *topic =
        strncmp(message->topic, "agent_server:", 13) == 0 ? message->topic + 13 : message->topic;
    asm_buffer_append(&out, asm_str_from(topic));
    asm_buffer_append_byte(&out, ' ');
    asm_buffer_append(&out, asm_event_name(message->event));
    asm_buffer_append_byte(&out, ' ');
    assert_int_equal(asm_event_write_data(message->event, &out), ASM_OK);
    line[out.size] = 0;
    char *made = strstr(line, ",\"message_id\":\"run_"); /* an id of the server's */
    if (made) memmove(made, strchr(made + 15, '"') + 1, strlen(strchr(made + 15, '"') + 1) + 1);
    log_line(line);
}

static inline void expect_log(const char *expected) {
    if (strcmp(log_text, expected) != 0) print_error("got:\n%s\nexpected:\n%s\n", log_text, expected);
    assert_string_equal(log_text, expected);
    log_size = 0;
    log_text[0] = 0;
}

static inline void forget_log(void) {
    log_size = 0;
    log_text[0] = 0;
}

/* ============================================================================================
 * The driver
 */

/* An outcome with what belongs to it. */
typedef struct scripted {
    asm_outcome kind;
    const asm_action_request *requests;
    size_t request_count;
    asm_str question;
    asm_str reason, code;
    int64_t wait_ms;
} scripted;

typedef struct script {
    scripted outcomes[8]; /* of the calls, one after the other; then completed */
    size_t calls;
    void (*hook)(struct script *script, asm_execution execution); /* called in each */
    void (*on_cancel)(struct script *script, asm_execution execution);
    size_t resumes, cancels;
    asm_execution execution; /* the last one */
    char resumed_with[512];
    asm_result result; /* for hooks */
} script;

#define CONTINUE ((asm_outcome)77) /* an outcome of a script: continue (0 would be its end) */
#define GO_ON                                                                                                \
    { .kind = CONTINUE }

static inline asm_outcome outcome_of(const scripted *outcome, asm_execution execution) {
    if (outcome->kind == CONTINUE) return ASM_OUTCOME_CONTINUE;
    if (outcome->kind == ASM_OUTCOME_WAIT) return asm_wait(execution, outcome->wait_ms);
    if (outcome->kind == ASM_OUTCOME_INTERRUPTED && outcome->request_count)
        return asm_interrupt(execution, outcome->requests, outcome->request_count);
    if (outcome->kind == ASM_OUTCOME_INTERRUPTED && outcome->question.data)
        return asm_ask(execution, outcome->question);
    if (outcome->code.data) {
        const asm_outcome failed = asm_fail_as(execution, outcome->code, outcome->reason);
        return outcome->kind == ASM_OUTCOME_FAILED ? failed : outcome->kind;
    }
    if (outcome->kind == ASM_OUTCOME_FAILED && outcome->reason.data)
        return asm_fail(execution, outcome->reason);
    return outcome->kind;
}

static inline asm_outcome next_outcome(script *self, asm_execution execution) {
    static const scripted completed = {.kind = ASM_OUTCOME_COMPLETED};
    self->execution = execution;
    const scripted outcome = self->calls < COUNT(self->outcomes) && self->outcomes[self->calls].kind
                                 ? self->outcomes[self->calls]
                                 : completed;
    self->calls++;
    if (self->hook) self->hook(self, execution);
    return outcome_of(&outcome, execution);
}

static inline asm_outcome script_execute(void *user, asm_execution execution) {
    return next_outcome((script *)user, execution);
}

static inline asm_outcome script_resume(void *user, asm_execution execution, const asm_resume *resume) {
    script *self = (script *)user;
    char *out = self->resumed_with;
    self->resumes++;
    *out = 0;
    for (size_t i = 0; i < resume->decision_count; i++)
        out += sprintf(out, "%.*s:%d(%.*s|%.*s) ", (int)resume->decisions[i].tool_call_id.size,
                       resume->decisions[i].tool_call_id.data, (int)resume->decisions[i].kind,
                       (int)resume->decisions[i].arguments.size, resume->decisions[i].arguments.data,
                       (int)resume->decisions[i].message.size, resume->decisions[i].message.data);
    if (resume->answer.data) sprintf(out, "answer %.*s", (int)resume->answer.size, resume->answer.data);
    return next_outcome(self, execution);
}

static inline void script_cancel(void *user, asm_execution execution) {
    script *self = (script *)user;
    self->cancels++;
    if (self->on_cancel) self->on_cancel(self, execution);
}

static inline asm_agent_options options_for(const char *id, script *self) {
    const asm_agent_options options = {
        .id = asm_str_from(id),
        .config = {.driver = {script_execute, script_resume, script_cancel, self}},
        .pubsub = &bus,
    };
    return options;
}

#define A1 asm_str_from("a1")
#define A2 asm_str_from("a2")

static inline void expect_status(asm_str id, asm_agent_status status) {
    assert_string_equal(asm_agent_status_name(asm_agent_get_status(&server, id)),
                        asm_agent_status_name(status));
}

static inline void poll_server(void) {
    assert_int_equal(asm_agent_server_poll(&server, now, now), ASM_OK);
}

/* Lets time pass without a poll. */
static inline void pass_time(asm_time microseconds) {
    now += microseconds;
    asm_agent_server_set_time(&server, now, now);
}

static inline void poll_after(asm_time microseconds) {
    now += microseconds;
    poll_server();
}

/* Starts an agent and has it publish its first status, which is not left in the log. */
static inline void start_agent(const asm_agent_options *options) {
    const asm_result result = asm_agent_start(&server, options);
    if (result != ASM_OK) print_error("%s\n", server.error);
    assert_int_equal(result, ASM_OK);
    poll_server();
    forget_log();
}

static inline void start_script(const char *id, script *self) {
    const asm_agent_options options = options_for(id, self);
    start_agent(&options);
}

/* Brings a new agent with this id to a status. */
static inline void start_in(asm_agent_status status, const char *id, script *self) {
    static const asm_outcome kinds[] = {[ASM_AGENT_INTERRUPTED] = ASM_OUTCOME_INTERRUPTED,
                                        [ASM_AGENT_PAUSED] = ASM_OUTCOME_PAUSED,
                                        [ASM_AGENT_ERROR] = ASM_OUTCOME_FAILED};
    start_script(id, self);
    if (status == ASM_AGENT_IDLE) return;
    assert_int_equal(asm_agent_execute(&server, asm_str_from(id)), ASM_OK);
    if (status == ASM_AGENT_CANCELLED) {
        assert_int_equal(asm_agent_cancel(&server, asm_str_from(id)), ASM_OK);
    } else if (status != ASM_AGENT_RUNNING) {
        self->outcomes[self->calls] = (scripted){.kind = kinds[status]};
        poll_server();
    }
    expect_status(asm_str_from(id), status);
    forget_log();
}

static inline int start_server(void **state) {
    (void)state;
    allocations_alive = 0;
    fail_allocations_from(0);
    log_is_off = log_has_runs = false;
    forget_log();
    now = T0;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_init(&debug_bus, NULL);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "**", record, NULL, NULL), ASM_OK);
    assert_int_equal(asm_pubsub_subscribe_pattern(&debug_bus, "**", record, NULL, NULL), ASM_OK);
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now, now);
    return 0;
}

static inline int end_server(void **state) {
    (void)state;
    fail_allocations_from(0);
    log_is_off = true;
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    asm_pubsub_close(&bus);
    asm_pubsub_close(&debug_bus);
    return allocations_alive == 0 ? 0 : -1;
}

#endif
