/* SPDX-License-Identifier: MIT OR Unlicense */
/* An approval from another thread: the agent waits in the main thread, which sleeps; another thread, as that of a user
 * interface would be, is told what is asked, and posts what was decided.
 *
 *     build/examples/llm_approval [reject]
 *
 * The model is canned. */
#define ASM_IMPLEMENTATION
#include "asm_llm.h"
#include "canned_model.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void delete_file(void *user, const asm_llm_call *call) {
    (void)user;
    asm_llm_call_complete(call, ASM_STR("deleted"));
}

/* ---- The other thread: reads questions from a pipe, and posts decisions to the server's mailbox. ---- */

typedef struct desk {
    asm_mailbox box;
    int questions[2], wakes[2]; /* pipes: what is asked; that something has been posted */
    bool rejects;
} desk;

static void wake(void *user) {
    const ssize_t written = write(((desk *)user)->wakes[1], "", 1);
    (void)written; /* a pipe that is full has bytes enough to wake */
}

/* Each question is a line: the interrupt's number and the call's id. */
static void *decide(void *user) {
    desk *self = user;
    char line[256], call[128], json[512];
    unsigned long interrupt;
    FILE *questions = fdopen(self->questions[0], "r");
    while (questions && fgets(line, sizeof line, questions)) {
        if (sscanf(line, "%lu %127s", &interrupt, call) != 2) continue;
        snprintf(json, sizeof json,
                 "{\"interrupt\":%lu,\"decisions\":[{\"tool_call_id\":\"%s\",\"type\":\"%s\"}]}", interrupt,
                 call, self->rejects ? "reject" : "approve");
        asm_agent_post(&self->box, &(asm_command){.kind = ASM_COMMAND_RESUME,
                                                  .agent_id = ASM_STR("a1"),
                                                  .data = asm_str_from(json)});
    }
    if (questions) fclose(questions);
    return NULL;
}

/* ---- The main thread ---- */

typedef struct view {
    asm_pipeline pipeline;
    desk *desk;
} view;

static void show(void *user, const asm_message *message) {
    view *self = user;
    const asm_event *event = message->event;
    asm_pipeline_event(&self->pipeline, event);
    if (event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED)
        dprintf(self->desk->questions[1], "%lu %.*s\n", (unsigned long)event->approval.interrupt.value,
                (int)event->approval.tool_call_id.size, event->approval.tool_call_id.data);
}

/* Sleeps until the agent has something to do or the other thread has decided. */
static void run(asm_agent_server *server, desk *self) {
    char bytes[64];
    while (asm_agent_get_status(server, ASM_STR("a1")) == ASM_AGENT_RUNNING ||
           asm_agent_get_status(server, ASM_STR("a1")) == ASM_AGENT_INTERRUPTED) {
        struct pollfd waiting = {.fd = self->wakes[0], .events = POLLIN};
        poll(&waiting, 1, asm_agent_server_timeout(server));
        while (read(self->wakes[0], bytes, sizeof bytes) > 0)
            continue;
        asm_agent_server_receive(server, &self->box);
        asm_agent_server_poll(server, 0, 0);
    }
}

int main(int argc, char **argv) {
    static uint64_t memory[1024];
    const canned_answer answers[] = {{"I delete it.", "delete_file", "{\"path\":\"old.log\"}"},
                                     {"That is how it is.", NULL, NULL}};
    canned_model model = {.answers = answers, .count = 2};
    const asm_llm_tool tools[] = {
        {.name = "delete_file",
         .schema = "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}}}",
         .run = delete_file,
         .needs_approval_always = true}};
    desk self = {.rejects = argc > 1 && strcmp(argv[1], "reject") == 0};
    view screen = {.desk = &self};
    pthread_t thread;
    if (pipe(self.questions) != 0 || pipe(self.wakes) != 0 ||
        fcntl(self.wakes[0], F_SETFL, O_NONBLOCK) == -1 || fcntl(self.wakes[1], F_SETFL, O_NONBLOCK) == -1 ||
        asm_mailbox_init(&self.box,
                         &(asm_mailbox_options){
                             .memory = memory, .size = sizeof memory, .wake = wake, .wake_user = &self}) !=
            ASM_OK ||
        pthread_create(&thread, NULL, decide, &self) != 0)
        return fprintf(stderr, "llm_approval: could not start\n"), 1;
    asm_llm llm;
    asm_llm_init(&llm, &(asm_llm_options){.model = ASM_STR("canned"),
                                          .transport = canned_transport(&model),
                                          .tools = tools,
                                          .tool_count = 1});
    asm_studio studio;
    asm_tty_sink tty;
    asm_sink sink = asm_tty_sink_init(&tty, NULL);
    asm_pipeline_init(
        &screen.pipeline,
        &(asm_pipeline_options){.renderer = asm_studio_init(&studio, NULL), .sinks = &sink, .sink_count = 1});
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    asm_agent_server server;
    asm_agent_server_init(&server, NULL);
    asm_agent_start(&server, &(asm_agent_options){
                                 .id = ASM_STR("a1"), .pubsub = &bus, .config.driver = asm_llm_driver(&llm)});
    asm_agent_subscribe(&server, ASM_STR("a1"), show, &screen, NULL);
    asm_agent_add_turn(&server, ASM_STR("a1"),
                       &(asm_turn){.role = ASM_STR("user"), .content = ASM_STR("Clean up, please.")});
    asm_agent_execute(&server, ASM_STR("a1"));
    run(&server, &self);
    asm_agent_server_close(&server);
    close(self.questions[1]);
    pthread_join(thread, NULL);
    asm_llm_close(&llm);
    asm_pipeline_close(&screen.pipeline);
    asm_pubsub_close(&bus);
    return 0;
}
