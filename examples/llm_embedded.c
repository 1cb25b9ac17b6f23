/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent as it would run on a microcontroller: no operating system, no sockets, no clock but a counter. The transport is
 * two functions over a modem that takes and gives bytes; the main loop moves a few of them in each turn.
 *
 *     build/examples/llm_embedded
 *
 * The modem is a piece of memory here, and what stands in it the stream of a model that is not there. On a device,
 * ASM_REALLOC and ASM_FREE give it a pool of a fixed size. */
#define ASM_INGEST_FORMATS ASM_WITH_OPENAI
#define ASM_IMPLEMENTATION
#include "asm_llm.h"

#include <stdio.h>
#include <string.h>

/* ---- The modem ---- */

static const char *const streams[] = {
    "HTTP/1.1 200 OK\r\n\r\n"
    "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"It is dark: I turn it "
    "on.\"}}]}\n\n"
    "data: "
    "{\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c1\","
    "\"function\":{\"name\":\"set_led\","
    "\"arguments\":\"{\\\"on\\\":true}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n",
    "HTTP/1.1 200 OK\r\n\r\n"
    "data: {\"id\":\"2\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"The light is "
    "on.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
};

typedef struct modem {
    const char *received; /* what the other side has sent and nobody has read */
    size_t requests, sent;
    asm_llm_exchange exchange;
    bool is_open, has_head;
    char line[128]; /* of the head, as far as it has come */
    size_t line_size;
} modem;

static asm_result modem_send(void *user, const char *data, size_t size) {
    modem *self = user;
    (void)data; /* to the wire */
    self->sent += size;
    return ASM_OK;
}

/* Transport, first function: sends the request through 256 bytes, whatever its size. */
static asm_result modem_start(void *user, asm_llm_request *request) {
    modem *self = user;
    char memory[256];
    asm_buffer wire;
    self->sent = 0;
    asm_buffer_init_stream(&wire, memory, sizeof memory, modem_send, self);
    asm_result result = asm_llm_write_body(request, &wire);
    if (result == ASM_OK) result = asm_buffer_flush(&wire);
    if (result != ASM_OK) return result;
    self->received = streams[self->requests++ % 2];
    self->exchange = request->exchange;
    self->is_open = true;
    self->has_head = false;
    self->line_size = 0;
    printf("POST %s\n", request->path);
    return ASM_OK;
}

/* Transport, second function. */
static void modem_cancel(void *user, asm_llm_exchange exchange) {
    (void)exchange;
    ((modem *)user)->is_open = false;
}

/* Called in each turn of the main loop: hands over at most 32 bytes. */
static void modem_poll(modem *self) {
    char bytes[32];
    size_t size = 0;
    if (!self->is_open) return;
    while (!self->has_head && *self->received) {
        const char byte = *self->received++;
        if (self->line_size < sizeof self->line) self->line[self->line_size++] = byte;
        if (byte != '\n') continue;
        self->has_head = self->line_size == 2;
        asm_llm_take_header(self->exchange, asm_str_make(self->line, self->line_size));
        self->line_size = 0;
    }
    while (size < sizeof bytes && *self->received)
        bytes[size++] = *self->received++;
    asm_llm_take_body(self->exchange, bytes, size);
    if (*self->received) return;
    self->is_open = false;
    asm_llm_end(self->exchange, asm_str_from(NULL));
}

/* ---- The device ---- */

static void set_led(void *user, const asm_llm_call *call) {
    const asm_str key = ASM_STR("on");
    asm_str raw;
    bool *led = user;
    if (asm_json_find(call->arguments, &key, &raw, 1, NULL) == ASM_OK) asm_json_to_bool(raw, led);
    printf("[the LED is %s]\n", *led ? "on" : "off");
    asm_llm_call_complete(call, *led ? ASM_STR("it is on") : ASM_STR("it is off"));
}

static void show(void *user, const asm_message *message) {
    const asm_str text = asm_event_text(message->event);
    (void)user;
    if (message->event->type == ASM_EVENT_MESSAGE_STREAMED) printf("%.*s\n", (int)text.size, text.data);
}

int main(void) {
    static modem line;
    bool led = false;
    const asm_llm_tool tools[] = {
        {.name = "set_led",
         .description = "Turns the light on or off.",
         .schema =
             "{\"type\":\"object\",\"properties\":{\"on\":{\"type\":\"boolean\"}},\"required\":[\"on\"]}",
         .run = set_led,
         .user = &led}};
    int64_t ticks = 0; /* microseconds since the start: a hardware timer */
    asm_llm llm;
    asm_pubsub bus;
    asm_agent_server server;
    asm_llm_init(
        &llm, &(asm_llm_options){.api = ASM_LLM_OPENAI,
                                 .model = ASM_STR("small"),
                                 .tools = tools,
                                 .tool_count = 1,
                                 .transport = {.start = modem_start, .cancel = modem_cancel, .user = &line},
                                 .limits = {.response = 65536, .text = 4096, .arguments = 1024, .calls = 4}});
    asm_pubsub_init(&bus, NULL);
    asm_agent_server_init(&server, NULL);
    asm_agent_start(
        &server,
        &(asm_agent_options){.id = ASM_STR("lamp"), .pubsub = &bus, .config.driver = asm_llm_driver(&llm)});
    asm_agent_subscribe(&server, ASM_STR("lamp"), show, NULL, NULL);
    asm_agent_add_turn(&server, ASM_STR("lamp"),
                       &(asm_turn){.role = ASM_STR("user"), .content = ASM_STR("I cannot see anything.")});
    asm_agent_execute(&server, ASM_STR("lamp"));
    while (server.running >
           0) { /* on a device: for ever, with a wait for interrupts while server.pending is 0 */
        modem_poll(&line);
        asm_agent_server_poll(&server, 0, ticks += 1000);
    }
    const bool is_answered = asm_agent_get_status(&server, ASM_STR("lamp")) == ASM_AGENT_IDLE;
    asm_agent_server_close(&server);
    asm_llm_close(&llm);
    asm_pubsub_close(&bus);
    return is_answered && led ? 0 : 1;
}
