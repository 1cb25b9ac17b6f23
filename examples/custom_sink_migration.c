/* SPDX-License-Identifier: MIT OR Unlicense */
/* From a sink of one's own that published events to the built-in one. Subscribers do not notice.
 *
 *     build/examples/custom_sink_migration
 *
 * Before, a program had its own sink (below) that published everything on `agent:events`, with a tag of its
 * own. The built-in sink does so with two options, and counts what could not be published. The topics by
 * session, run and type come for free when `topic` is left out.
 */
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

#include <stdio.h>

/* ---- Before ---- */

static asm_result my_write_event(void *self, const asm_event *event, asm_str text) {
    asm_message message = {.wrapper = ASM_STR("my_event"), .session_id = event->session_id, .event = event};
    (void)text;
    return asm_pubsub_publish(self, "agent:events", &message, NULL);
}

static asm_sink my_sink_init(asm_pubsub *bus) {
    return (asm_sink){.self = bus, .name = "mine", .write_event = my_write_event};
}

/* ---- After ---- */

static asm_sink built_in_sink_init(asm_pubsub_sink *sink, asm_pubsub *bus) {
    return asm_pubsub_sink_init(
        sink,
        &(asm_pubsub_sink_options){.pubsub = bus, .topic = "agent:events", .wrapper = ASM_STR("my_event")});
}

/* ---- What stays ---- */

static void consumer(void *user, const asm_message *message) {
    (void)user;
    if (!asm_str_equal(message->wrapper, ASM_STR("my_event"))) return; /* not for us */
    printf("  %s: %.*s of %.*s\n", message->topic, (int)asm_event_name(message->event).size,
           asm_event_name(message->event).data, (int)message->session_id.size, message->session_id.data);
}

static asm_result run_with(asm_sink sink) {
    asm_pipeline pipeline;
    asm_result result =
        asm_pipeline_init(&pipeline, &(asm_pipeline_options){.sinks = &sink, .sink_count = 1});
    if (result != ASM_OK) return result;
    asm_pipeline_event(&pipeline,
                       &(asm_event){.type = ASM_EVENT_RUN_STARTED, .session_id = ASM_STR("ses_1")});
    asm_pipeline_event(&pipeline,
                       &(asm_event){.type = ASM_EVENT_RUN_COMPLETED, .session_id = ASM_STR("ses_1")});
    return asm_pipeline_close(&pipeline);
}

int main(void) {
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_sink built_in;
    asm_result result = asm_pubsub_subscribe(&bus, "agent:events", consumer, NULL, NULL);

    puts("before:");
    if (result == ASM_OK) result = run_with(my_sink_init(&bus));
    puts("after:");
    if (result == ASM_OK) result = run_with(built_in_sink_init(&built_in, &bus));

    asm_pubsub_close(&bus);
    return result == ASM_OK ? 0 : 1;
}
