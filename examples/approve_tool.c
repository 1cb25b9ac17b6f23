/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent that asks before it deletes: the call of a tool is approved, edited or rejected on the terminal.
 *
 *     build/examples/approve_tool [--state DIRECTORY]
 *     printf 'e {"path":"old.log"}\nr keep it\n' | build/examples/approve_tool
 *
 * The model is canned, so that everything can be tried out without one: it looks at the files and wants to
 * delete two of them. Decisions are lines on standard input: a to approve, e {json} to call the tool with
 * other arguments, r [reason] to reject; the end of the input rejects. With --state the conversation is kept in
 * a file.
 */
#define ASM_IMPLEMENTATION
#include "asm_agent.h"
#include "file_store.h"
#include "tool_loop_driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGENT ASM_STR("gardener")

/* ---- The tools: a folder of three files that are not really there. ---- */

typedef struct folder {
    const char *names[3]; /* NULL: deleted */
} folder;

static tool_loop_progress list_files(void *user, asm_execution execution, asm_str arguments,
                                     asm_buffer *output) {
    const folder *files = user;
    (void)execution, (void)arguments;
    for (size_t i = 0; i < 3; i++) {
        if (!files->names[i]) continue;
        asm_buffer_append(output, asm_str_from(files->names[i]));
        asm_buffer_append_byte(output, '\n');
    }
    return TOOL_LOOP_DONE;
}

static tool_loop_progress delete_file(void *user, asm_execution execution, asm_str arguments,
                                      asm_buffer *output) {
    folder *files = user;
    (void)execution;
    const asm_str key = ASM_STR("path");
    asm_buffer scratch;
    asm_str value, path = {0};
    asm_buffer_init_growing(&scratch);
    asm_json_find(arguments, &key, &value, 1, NULL);
    tool_loop_progress progress = TOOL_LOOP_FAILED;
    if (asm_json_to_string(value, &scratch, &path)) {
        for (size_t i = 0; i < 3; i++) {
            if (!files->names[i] || !asm_str_equal(path, asm_str_from(files->names[i]))) continue;
            files->names[i] = NULL;
            progress = TOOL_LOOP_DONE;
        }
    }
    asm_buffer_append(output,
                      progress == TOOL_LOOP_DONE ? ASM_STR("deleted ") : ASM_STR("there is no file "));
    asm_buffer_append(output, path);
    asm_buffer_close(&scratch);
    return progress;
}

/* ---- The model: what it says depends on how often it has spoken since the last question. ---- */

static tool_loop_progress answer(void *user, tool_loop_reply *reply) {
    const asm_model_request *request = &reply->request;
    unsigned spoken = 0;
    (void)user;
    for (size_t i = request->turn_count; i > 0 && !asm_str_equal(request->turns[i - 1].role, ASM_STR("user"));
         i--)
        spoken += asm_str_equal(request->turns[i - 1].role, ASM_STR("assistant"));
    reply->usage.input_tokens = ASM_INT64(100 + 20 * (int64_t)request->turn_count);
    reply->usage.output_tokens = ASM_INT64(12);
    if (spoken == 0) {
        asm_buffer_append(reply->text, ASM_STR("I look at what is there."));
        tool_loop_call(reply, ASM_STR("call_1"), ASM_STR("list_files"), ASM_STR("{}"));
    } else if (spoken == 1) {
        asm_buffer_append(reply->text, ASM_STR("Two of them look like they could go."));
        tool_loop_call(reply, ASM_STR("call_2"), ASM_STR("delete_file"), ASM_STR("{\"path\":\"notes.txt\"}"));
        tool_loop_call(reply, ASM_STR("call_3"), ASM_STR("delete_file"), ASM_STR("{\"path\":\"old.tmp\"}"));
    } else {
        asm_buffer_append(reply->text, ASM_STR("That is all that I could do."));
    }
    return TOOL_LOOP_DONE;
}

/* ---- The view ---- */

static void show(void *pipeline, const asm_message *message) {
    switch (message->event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
    case ASM_EVENT_ERROR_OCCURRED:
        asm_pipeline_event(pipeline, message->event);
        break;
    default: /* what happens to the agent and its messages is not for everybody */
        break;
    }
}

/* ---- Decisions ---- */

#define PROMPT_COLUMNS 72

/* Prints a text in rows that begin with a mark of ours and fit a terminal, so that no part of it can stand where a row
 * of ours would. A character that is not ASCII may take two columns. */
static void print_rows(asm_str text) {
    for (size_t at = 0, begin = 0, columns = 0; at <= text.size; at++) {
        const unsigned char byte = at < text.size ? (unsigned char)text.data[at] : 0;
        if ((byte & 0xC0) == 0x80) continue; /* within a character */
        const size_t width = byte < 0x80 ? 1 : 2;
        if (at == text.size || columns + width > PROMPT_COLUMNS) {
            printf("  | %.*s\n", (int)(at - begin), text.data + begin);
            begin = at;
            columns = 0;
        }
        columns += width;
    }
}

/* Shows a call, all of it: nobody should approve what is not shown. Both are the model's words, so nothing in them can
 * act on the terminal or look like a prompt of ours. */
static void print_request(const asm_action_request *request) {
    const unsigned flags = ASM_TEXT_LINE | (asm_terminal_detect(1).has_utf8 ? 0u : (unsigned)ASM_TEXT_ASCII);
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_text_append(&text, request->tool_name, flags);
    asm_buffer_append_byte(&text, ' ');
    asm_text_append_json(&text, request->arguments, SIZE_MAX, flags);
    puts("\n? May this run:");
    if (text.result == ASM_OK) print_rows(asm_buffer_text(&text));
    else puts("  (there is no memory to show it: reject it)");
    puts("  a = approve, e {json} = edit, r [reason] = reject");
    fflush(stdout);
    asm_buffer_close(&text);
}

static asm_str trimmed(const char *text) {
    while (*text == ' ')
        text++;
    return asm_str_make(text, strcspn(text, "\r\n"));
}

/* Reads a decision about one call, whose texts are views of `line`; asks again until it is one. */
static asm_decision read_decision(const asm_action_request *request, char **line, size_t *capacity) {
    asm_decision decision = {.tool_call_id = request->tool_call_id};
    while (decision.kind == ASM_DECISION_NONE) {
        if (getline(line, capacity, stdin) < 0) {
            decision.kind = ASM_DECISION_REJECT;
            decision.message = ASM_STR("nobody answered");
            return decision;
        }
        const char command = (*line)[0];
        const asm_str rest = command != '\0' ? trimmed(*line + 1) : ASM_STR("");
        if (command == 'a' && rest.size == 0) {
            decision.kind = ASM_DECISION_APPROVE;
        } else if (command == 'r') {
            decision.kind = ASM_DECISION_REJECT;
            decision.message = rest;
        } else if (command == 'e' && asm_json_check(rest, NULL) == ASM_OK &&
                   asm_json_type_of(rest) == ASM_JSON_OBJECT) {
            decision.kind = ASM_DECISION_EDIT;
            decision.arguments = rest;
        } else {
            puts("  please a, e with a JSON object, or r");
            fflush(stdout);
        }
    }
    return decision;
}

/* Asks about each of the requests that the agent was interrupted with, and resumes it. */
static asm_result decide(asm_agent_server *server, const asm_agent_info *info) {
    asm_decision decisions[TOOL_LOOP_MAX_CALLS];
    char *lines[TOOL_LOOP_MAX_CALLS] = {NULL};
    for (size_t i = 0; i < info->request_count; i++) {
        size_t capacity = 0;
        print_request(&info->requests[i]);
        decisions[i] = read_decision(&info->requests[i], &lines[i], &capacity);
    }
    const size_t count = info->request_count;
    const asm_result result = asm_agent_resume(
        server, AGENT,
        &(asm_resume){.interrupt = info->interrupt, .decisions = decisions, .decision_count = count});
    for (size_t i = 0; i < count; i++)
        free(lines[i]);
    return result;
}

/* ---- The program ---- */

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static asm_result converse(asm_agent_server *server) {
    asm_agent_info info;
    asm_result result = asm_agent_add_turn(
        server, AGENT, &(asm_turn){.role = ASM_STR("user"), .content = ASM_STR("Clean up, please.")});
    if (result == ASM_OK) result = asm_agent_execute(server, AGENT);
    while (result == ASM_OK && server->pending > 0) {
        result = asm_agent_server_poll(server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
        if (result == ASM_OK) result = asm_agent_get_info(server, AGENT, &info);
        if (result == ASM_OK && info.status == ASM_AGENT_INTERRUPTED) result = decide(server, &info);
    }
    return result;
}

int main(int argc, char **argv) {
    const bool keeps = argc == 3 && strcmp(argv[1], "--state") == 0;
    if (argc > 1 && !keeps) {
        fprintf(stderr, "usage: approve_tool [--state DIRECTORY]\n");
        return 2;
    }
    asm_studio studio;
    asm_tty_sink tty;
    asm_sink sink = asm_tty_sink_init(&tty, NULL);
    const asm_render_options look = {.tool_output = ASM_TOOL_OUTPUT_PREVIEW};
    asm_pipeline pipeline;
    asm_pipeline_init(&pipeline, &(asm_pipeline_options){.renderer = asm_studio_init(&studio, &look),
                                                         .sinks = &sink,
                                                         .sink_count = 1});
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);

    folder files = {{"notes.txt", "old.log", "old.tmp"}};
    const tool_loop_tool tools[] = {{"list_files", list_files, &files}, {"delete_file", delete_file, &files}};
    const asm_str ask_first[] = {ASM_STR("delete_file")};
    tool_loop loop;
    tool_loop_init(&loop, &(tool_loop_options){.model = answer, .tools = tools, .tool_count = 2});

    file_store kept = {0};
    const asm_state_store store = file_store_init(&kept, keeps ? argv[2] : NULL);
    asm_agent_server server;
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    asm_result result =
        asm_agent_start(&server, &(asm_agent_options){.id = AGENT,
                                                      .config = {.driver = tool_loop_driver(&loop),
                                                                 .interrupt_on = ask_first,
                                                                 .interrupt_on_count = 1},
                                                      .pubsub = &bus,
                                                      .state_store = keeps ? &store : NULL});
    if (result == ASM_OK) result = asm_agent_subscribe(&server, AGENT, show, &pipeline, NULL);
    if (result == ASM_OK) result = converse(&server);
    if (result != ASM_OK) fprintf(stderr, "approve_tool: %s\n", server.error);

    asm_agent_server_close(&server);
    file_store_close(&kept);
    const asm_result closed = asm_pipeline_close(&pipeline);
    putchar('\n');
    if (kept.error[0]) fprintf(stderr, "approve_tool: %s\n", kept.error);
    tool_loop_close(&loop);
    asm_pubsub_close(&bus);
    return result == ASM_OK && closed == ASM_OK ? 0 : 1;
}
