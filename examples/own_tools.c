/* SPDX-License-Identifier: MIT OR Unlicense */
/* Tools of your own in words of your own: a row of a table for each. What is in no row is shown by its name.
 *
 *     build/examples/own_tools          # also: TOOL_OUTPUT=preview
 */
#define ASM_IMPLEMENTATION
#include "asm_render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rows of yours come before those of the header: the last one gives a tool that it knows other words. */
static const asm_studio_tool rows[] = {
    {.names = "deploy rollout", /* one tool by two names */
     .running = "Deploying ",
     .done = "Deployed ",
     .failed = "Not deployed: ",
     .subject = "service app", /* the first of these members of its input that is there */
     .facts = ASM_TOOL_FACTS_NONE},
    {.names = "query",
     .running = "Asking the database: ",
     .done = "Asked the database: ",
     .failed = "The database refuses: ",
     .subject = "sql",
     .shown_as = ASM_TOOL_SUBJECT_QUOTED,
     .facts = ASM_TOOL_FACTS_LINES},
    {.names = "Bash",
     .running = "On the build server: ",
     .done = "Done on the build server: ",
     .failed = "Failed on the build server: ",
     .subject = "command",
     .shown_as = ASM_TOOL_SUBJECT_COMMAND,
     .facts = ASM_TOOL_FACTS_COMMAND},
};

/* The start and the end of a call, as your program would tell them. */
static void call_tool(asm_pipeline *pipeline, const char *name, const char *input, const char *output,
                      const char *error) {
    asm_event event = {.type = ASM_EVENT_TOOL_CALL_STARTED};
    event.tool.name = asm_str_from(name);
    event.tool.input = asm_str_from(input);
    asm_pipeline_event(pipeline, &event);
    event.type = error ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED;
    event.tool.output = asm_str_from(output);
    event.tool.error_message = error ? asm_str_from(error) : (asm_str){NULL, 0};
    asm_pipeline_event(pipeline, &event);
}

int main(void) {
    const char *output = getenv("TOOL_OUTPUT");
    asm_studio studio;
    asm_tty_sink screen;
    asm_sink sinks[] = {asm_tty_sink_init(&screen, NULL)};
    asm_pipeline pipeline;
    const asm_render_options options = {.tools = rows,
                                        .tool_count = sizeof rows / sizeof rows[0],
                                        .tool_output = output && strcmp(output, "preview") == 0
                                                           ? ASM_TOOL_OUTPUT_PREVIEW
                                                           : ASM_TOOL_OUTPUT_SUMMARY};
    asm_pipeline_init(&pipeline, &(asm_pipeline_options){.renderer = asm_studio_init(&studio, &options),
                                                         .sinks = sinks,
                                                         .sink_count = 1});

    call_tool(&pipeline, "query", "{\"sql\":\"select name from hosts\"}", "alpha\nbeta\n", NULL);
    call_tool(&pipeline, "Bash", "{\"command\":\"cd /srv && make release\"}", "built api 1.4\n", NULL);
    call_tool(&pipeline, "deploy", "{\"service\":\"api\",\"version\":\"1.4\"}", "", NULL);
    call_tool(&pipeline, "rollout", "{\"app\":\"web\"}", "", "host beta does not answer");
    call_tool(&pipeline, "announce", "{\"text\":\"api 1.4 is out\"}", "sent", NULL);

    if (asm_pipeline_close(&pipeline) == ASM_OK) return 0;
    fprintf(stderr, "%s: %s\n", pipeline.failed, asm_result_string(pipeline.result));
    return 1;
}
