/* SPDX-License-Identifier: MIT OR Unlicense */
/* One session, three who follow it: a view in the terminal, an audit log, and a service that approves tools.
 *
 *     build/examples/live_fanout [AUDIT.jsonl]
 *
 * The agent here is a few lines that ask for two tools. It knows nothing of who listens: it hands its events
 * to a pipeline, whose pubsub sink publishes each one on the topic of its type.
 */
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

#include <stdio.h>

/* ---- The audit log: all tool calls and approvals of all sessions, as JSON Lines ---- */

static void audit(void *file, const asm_message *message) {
    char memory[1024];
    asm_buffer line;
    asm_buffer_init_fixed(&line, memory, sizeof memory);
    if (asm_event_write_json(message->event, &line) == ASM_OK)
        fprintf(file, "%.*s\n", (int)line.size, line.data);
}

/* ---- The approval service: answers each request with an event of its own ---- */

typedef struct approvals {
    asm_pubsub *bus;
    unsigned granted, denied; /* counts */
} approvals;

static bool is_harmless(asm_str tool_name) {
    return asm_str_equal(tool_name, ASM_STR("Read")) || asm_str_equal(tool_name, ASM_STR("Grep"));
}

static void decide(void *user, const asm_message *message) {
    approvals *service = user;
    asm_event decision = *message->event;
    if (is_harmless(decision.approval.tool_name)) {
        decision.type = ASM_EVENT_TOOL_APPROVAL_GRANTED;
        service->granted++;
    } else {
        decision.type = ASM_EVENT_TOOL_APPROVAL_DENIED;
        decision.approval.reason = ASM_STR("only reading is allowed");
        service->denied++;
    }
    char topic[ASM_TOPIC_SIZE];
    asm_topic_of_event(topic, sizeof topic, (asm_str){0}, ASM_SCOPE_TYPE, &decision);
    asm_pubsub_publish(service->bus, topic, &(asm_message){.event = &decision}, NULL);
}

/* ---- The agent: emits events, and hears of decisions ---- */

typedef struct agent {
    asm_pipeline *pipeline;
    asm_time now;
    bool is_approved;
} agent;

static void on_decision(void *user, const asm_message *message) {
    agent *self = user;
    self->is_approved = message->event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED;
}

static void emit(agent *self, asm_event event) {
    event.time = self->now += 250000;
    event.session_id = ASM_STR("ses_1");
    event.run_id = ASM_STR("run_1");
    asm_pipeline_event(self->pipeline, &event);
}

static void use_tool(agent *self, asm_str name, asm_str input) {
    emit(self, (asm_event){.type = ASM_EVENT_TOOL_APPROVAL_REQUESTED,
                           .approval = {.tool_name = name, .tool_input = input}});
    /* All subscribers have been called by now: the decision is there. */
    if (!self->is_approved) return;
    emit(self, (asm_event){.type = ASM_EVENT_TOOL_CALL_STARTED, .tool = {.name = name, .input = input}});
    emit(self, (asm_event){.type = ASM_EVENT_TOOL_CALL_COMPLETED,
                           .tool = {.name = name, .input = input, .output = ASM_STR("int main(void) {")}});
}

static void run(agent *self) {
    emit(self, (asm_event){.type = ASM_EVENT_RUN_STARTED, .run = {.model = ASM_STR("sonnet")}});
    emit(self,
         (asm_event){.type = ASM_EVENT_MESSAGE_STREAMED, .message = {.delta = ASM_STR("Let me look.\n")}});
    use_tool(self, ASM_STR("Read"), ASM_STR("{\"path\":\"main.c\"}"));
    use_tool(self, ASM_STR("Bash"), ASM_STR("{\"command\":\"rm -r build\"}"));
    emit(self, (asm_event){.type = ASM_EVENT_RUN_COMPLETED, .run = {.stop_reason = ASM_STR("end_turn")}});
}

int main(int argc, char **argv) {
    FILE *audit_file = argc > 1 ? fopen(argv[1], "w") : stderr;
    if (!audit_file) {
        perror(argv[1]);
        return 2;
    }
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);

    asm_studio studio;
    asm_tty_sink tty;
    asm_pubsub_sink fanout;
    asm_sink sinks[] = {
        asm_tty_sink_init(&tty, NULL),
        asm_pubsub_sink_init(&fanout, &(asm_pubsub_sink_options){.pubsub = &bus, .scope = ASM_SCOPE_TYPE}),
    };
    asm_pipeline pipeline;
    asm_pipeline_init(
        &pipeline,
        &(asm_pipeline_options){.renderer = asm_studio_init(&studio, NULL), .sinks = sinks, .sink_count = 2});
    agent worker = {.pipeline = &pipeline, .now = 1770638400000000};
    approvals service = {.bus = &bus};

    const struct {
        const char *pattern;
        asm_message_callback callback;
        void *user;
    } subscriptions[] = {
        {"asm:session:*:type:tool_call_started", audit, audit_file},
        {"asm:session:*:type:tool_call_completed", audit, audit_file},
        {"asm:session:*:type:tool_approval_granted", audit, audit_file},
        {"asm:session:*:type:tool_approval_denied", audit, audit_file},
        {"asm:session:*:type:tool_approval_requested", decide, &service},
        {"asm:session:ses_1:type:tool_approval_granted", on_decision, &worker},
        {"asm:session:ses_1:type:tool_approval_denied", on_decision, &worker},
    };
    asm_result result = ASM_OK;
    for (size_t i = 0; i < sizeof subscriptions / sizeof *subscriptions && result == ASM_OK; i++)
        result = asm_pubsub_subscribe_pattern(&bus, subscriptions[i].pattern, subscriptions[i].callback,
                                              subscriptions[i].user, NULL);
    if (result == ASM_OK) run(&worker);

    const asm_result closed = asm_pipeline_close(&pipeline);
    result = result != ASM_OK ? result : closed;
    printf("\n%lu events published, %u tools granted, %u denied\n", (unsigned long)fanout.published,
           service.granted, service.denied);
    asm_pubsub_close(&bus);
    if (result != ASM_OK) fprintf(stderr, "live_fanout: %s\n", asm_result_string(result));
    if (audit_file != stderr && fclose(audit_file) != 0) result = ASM_ERR_WRITE;
    return result == ASM_OK ? 0 : 1;
}
