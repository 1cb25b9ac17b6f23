/* SPDX-License-Identifier: MIT OR Unlicense */
/* One event callback made of three: a log of one's own, the dispatcher, and envelopes for a user interface.
 *
 *     build/examples/callback_composition
 *
 * Whatever runs a session and takes an event callback takes the composed one; no pipeline and no renderer is
 * needed.
 */
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

#include <stdio.h>

static void append_to_log(void *file, const asm_event *event) {
    const asm_str name = asm_event_name(event);
    fprintf(file, "log: %.*s\n", (int)name.size, name.data);
}

static void on_message(void *user, const asm_message *message) {
    const asm_str name = asm_event_name(message->event);
    (void)user;
    printf("subscriber: %.*s on %s\n", (int)name.size, name.data, message->topic);
}

static asm_result print_line(void *file, const char *data, size_t size) {
    return fwrite(data, 1, size, file) == size ? ASM_OK : ASM_ERR_WRITE;
}

/* Stands for whatever runs your sessions. */
static void run_session(asm_event_callback callback, void *user) {
    const asm_event events[] = {
        {.type = ASM_EVENT_RUN_STARTED},
        {.type = ASM_EVENT_MESSAGE_STREAMED, .message = {.delta = ASM_STR("Hello")}},
        {.type = ASM_EVENT_RUN_COMPLETED},
    };
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        asm_event event = events[i];
        event.time = 1770638400000000 + (asm_time)i * 1000000;
        event.session_id = ASM_STR("ses_1");
        event.run_id = ASM_STR("run_1");
        callback(user, &event);
    }
}

int main(void) {
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    asm_result result = asm_pubsub_subscribe_events(&bus, &(asm_event_filter){.session_id = ASM_STR("ses_1")},
                                                    on_message, NULL, NULL);

    asm_envelope_lines lines;
    asm_envelope_lines_init(&lines, print_line, stdout);
    asm_broadcaster broadcaster;
    asm_broadcaster_init(
        &broadcaster, &(asm_broadcaster_options){.broadcast = asm_envelope_lines_broadcast, .user = &lines});

    asm_pubsub_sink publisher;
    const asm_event_handler handlers[] = {
        {append_to_log, stdout},
        asm_pubsub_callback_init(&publisher, &(asm_pubsub_sink_options){.pubsub = &bus}),
        {asm_broadcaster_on_event, &broadcaster},
    };
    asm_event_chain chain;
    const asm_event_handler all = asm_event_chain_init(&chain, handlers, 3);

    if (result == ASM_OK) run_session(all.callback, all.user);

    if (publisher.errors || broadcaster.errors) result = ASM_ERR_WRITE;
    asm_broadcaster_close(&broadcaster);
    asm_envelope_lines_close(&lines);
    asm_pubsub_close(&bus);
    return result == ASM_OK ? 0 : 1;
}
