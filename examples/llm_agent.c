/* SPDX-License-Identifier: MIT OR Unlicense */
/* A whole agent in one file: it answers a question with a model of the Anthropic Messages API, which may read files of the
 * working directory. Needs libcurl.
 *
 *     ANTHROPIC_API_KEY=… build/examples/llm_agent 'What does the Makefile build?'
 *
 * ANTHROPIC_BASE_URL is the host; default: https://api.anthropic.com */
#define ASM_IMPLEMENTATION
#include "asm_llm.h"

#include <curl/curl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static size_t on_header(char *line, size_t one, size_t size, void *exchange) {
    return asm_llm_take_header(*(asm_llm_exchange *)exchange, asm_str_make(line, one * size)) ? 0 : size;
}

static size_t on_body(char *data, size_t one, size_t size, void *exchange) {
    return asm_llm_take_body(*(asm_llm_exchange *)exchange, data, one * size) ? 0 : size;
}

/* Asks, and waits for the whole answer: enough for one conversation. */
static asm_result start(void *key, asm_llm_request *request) {
    const char *host = getenv("ANTHROPIC_BASE_URL");
    char url[512];
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, key);
    asm_buffer body;
    asm_buffer_init_growing(&body);
    const asm_result result = asm_llm_write_body(request, &body);
    for (size_t i = 0; i < request->header_count; i++)
        headers = curl_slist_append(headers, request->headers[i]);
    snprintf(url, sizeof url, "%s%s", host ? host : "https://api.anthropic.com", request->path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.size);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &request->exchange);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &request->exchange);
    const CURLcode code = result == ASM_OK ? curl_easy_perform(curl) : CURLE_OK;
    asm_llm_end(request->exchange, asm_str_from(code ? curl_easy_strerror(code) : NULL));
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    asm_buffer_close(&body);
    return result;
}

/* The tool: names without a slash only, so that nothing beside the working directory is read. */
static void read_file(void *user, const asm_llm_call *call) {
    char name[256], text[65536];
    asm_buffer scratch;
    (void)user;
    asm_buffer_init_fixed(&scratch, text, sizeof text);
    const asm_str path = asm_llm_call_text(call, ASM_STR("path"), &scratch);
    snprintf(name, sizeof name, "%.*s", (int)path.size, path.data);
    FILE *file = strchr(name, '/') || strstr(name, "..") ? NULL : fopen(name, "rb");
    const size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    if (file) asm_llm_call_complete(call, asm_str_make(text, size));
    else asm_llm_call_fail(call, ASM_STR("there is no such file"));
    if (file) fclose(file);
}

static void show(void *pipeline, const asm_message *message) {
    asm_pipeline_event(pipeline, message->event);
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

int main(int argc, char **argv) {
    const asm_llm_tool tools[] = {
        {.name = "read_file",
         .description = "Reads a file of the working directory.",
         .schema =
             "{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\"}},\"required\":[\"path\"]}",
         .run = read_file}};
    char key[512];
    asm_llm llm;
    asm_studio studio;
    asm_tty_sink tty;
    asm_sink sink = asm_tty_sink_init(&tty, NULL);
    asm_pipeline pipeline;
    asm_pubsub bus;
    asm_agent_server server;
    if (argc != 2 || !getenv("ANTHROPIC_API_KEY"))
        return fprintf(stderr, "usage: ANTHROPIC_API_KEY=… llm_agent QUESTION\n"), 2;
    const asm_str secret = asm_str_from(getenv("ANTHROPIC_API_KEY"));
    snprintf(key, sizeof key, "x-api-key: %s", secret.data);
    asm_llm_init(&llm, &(asm_llm_options){.api = ASM_LLM_ANTHROPIC,
                                          .model = ASM_STR("claude-sonnet-4-5"),
                                          .transport = {.start = start, .user = key},
                                          .tools = tools,
                                          .tool_count = 1,
                                          .secrets = &secret,
                                          .secret_count = 1});
    asm_pipeline_init(
        &pipeline,
        &(asm_pipeline_options){.renderer = asm_studio_init(&studio, NULL), .sinks = &sink, .sink_count = 1});
    asm_pubsub_init(&bus, NULL);
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    asm_agent_start(&server, &(asm_agent_options){
                                 .id = ASM_STR("a1"), .pubsub = &bus, .config.driver = asm_llm_driver(&llm)});
    asm_agent_subscribe(&server, ASM_STR("a1"), show, &pipeline, NULL);
    asm_agent_add_turn(&server, ASM_STR("a1"),
                       &(asm_turn){.role = ASM_STR("user"), .content = asm_str_from(argv[1])});
    asm_agent_execute(&server, ASM_STR("a1"));
    while (server.running > 0) {
        poll(NULL, 0, asm_agent_server_timeout(&server)); /* sleeps until it asks again, say */
        asm_agent_server_poll(&server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    }
    const bool is_answered = asm_agent_get_status(&server, ASM_STR("a1")) == ASM_AGENT_IDLE;
    asm_agent_server_close(&server);
    asm_llm_close(&llm);
    asm_pipeline_close(&pipeline);
    asm_pubsub_close(&bus);
    return is_answered ? 0 : 1;
}
