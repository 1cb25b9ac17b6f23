/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent that has another one do a part of its work: the second has a tool and a limit of its own; what it says and does
 * is shown as part of the first one's call.
 *
 *     build/examples/llm_subagent
 *
 * The model is canned. */
#define ASM_IMPLEMENTATION
#include "asm_llm.h"
#include "canned_model.h"

#include <stdio.h>

static void count_words(void *user, const asm_llm_call *call) {
    asm_buffer scratch;
    size_t words = 0;
    char text[64];
    (void)user;
    asm_buffer_init_growing(&scratch);
    const asm_str given = asm_llm_call_text(call, ASM_STR("text"), &scratch);
    for (size_t i = 0; i < given.size; i++)
        words += given.data[i] != ' ' && (i == 0 || given.data[i - 1] == ' ');
    asm_llm_call_complete(call, asm_str_make(text, (size_t)snprintf(text, sizeof text, "%zu words", words)));
    asm_buffer_close(&scratch);
}

static void show(void *pipeline, const asm_message *message) {
    asm_pipeline_event(pipeline, message->event);
}

int main(void) {
    const canned_answer answers[] = {
        {"I have somebody count.", "task", "{\"prompt\":\"How many words has: the quick brown fox?\"}"},
        {"I count.", "count_words", "{\"text\":\"the quick brown fox\"}"},
        {"It has four words.", NULL, NULL},
        {"Four, I am told.", NULL, NULL},
    };
    canned_model model = {.answers = answers, .count = 4};
    const asm_llm_tool tools[] = {
        {.name = "count_words",
         .schema =
             "{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}",
         .run = count_words}};
    asm_llm worker, chief;
    asm_llm_subagent subagent = {.llm = &worker};
    const asm_llm_tool chiefs[] = {asm_llm_subagent_tool(&subagent)};
    asm_llm_init(&worker, &(asm_llm_options){.model = ASM_STR("canned"),
                                             .transport = canned_transport(&model),
                                             .tools = tools,
                                             .tool_count = 1,
                                             .limits = {.steps = 5}});
    asm_llm_init(&chief, &(asm_llm_options){.model = ASM_STR("canned"),
                                            .transport = canned_transport(&model),
                                            .tools = chiefs,
                                            .tool_count = 1});
    asm_studio studio;
    asm_tty_sink tty;
    asm_sink sink = asm_tty_sink_init(&tty, NULL);
    asm_pipeline pipeline;
    asm_pipeline_init(
        &pipeline,
        &(asm_pipeline_options){.renderer = asm_studio_init(&studio, NULL), .sinks = &sink, .sink_count = 1});
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    asm_agent_server server;
    asm_agent_server_init(&server, NULL);
    asm_agent_start(&server, &(asm_agent_options){.id = ASM_STR("chief"),
                                                  .pubsub = &bus,
                                                  .config.driver = asm_llm_driver(&chief)});
    asm_agent_subscribe(&server, ASM_STR("chief"), show, &pipeline, NULL);
    asm_agent_add_turn(&server, ASM_STR("chief"),
                       &(asm_turn){.role = ASM_STR("user"), .content = ASM_STR("How many words?")});
    asm_agent_execute(&server, ASM_STR("chief"));
    while (server.running > 0)
        asm_agent_server_poll(&server, 0, 0);
    asm_agent_server_close(&server);
    asm_llm_close(&chief);
    asm_llm_close(&worker);
    asm_pipeline_close(&pipeline);
    asm_pubsub_close(&bus);
    return 0;
}
