/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent that shuts down when its last viewer has left, and whom that concerns.
 *
 *     build/examples/last_viewer
 *
 * Viewers are entries of a presence on a topic of the agent's. When the agent is idle and the last one leaves,
 * a grace period begins; whoever comes in time ends it, and while the agent runs it never begins. The agent
 * itself is an entry on agent_server:presence, where others find it. Time is simulated, so that nobody has to
 * wait.
 */
#define ASM_IMPLEMENTATION
#include "asm_agent.h"

#include <stdio.h>

#define AGENT    ASM_STR("helper")
#define VIEWERS  "viewers:helper"
#define GRACE_MS 5000
#define START    INT64_C(1770638400000000)

typedef struct house {
    asm_pubsub bus;
    asm_presence presence;
    asm_agent_server server;
    asm_time now;
    asm_result result; /* the first error */
} house;

/* ---- An agent that takes three slices for an answer ---- */

static asm_outcome answer(void *user, asm_execution execution) {
    static const char *const pieces[] = {"Nobody ", "has to ", "stay for this."};
    (void)user;
    asm_emit_text(execution, asm_str_from(pieces[execution.slice]));
    return execution.slice < 2 ? ASM_OUTCOME_CONTINUE : ASM_OUTCOME_COMPLETED;
}

/* ---- What can be seen ---- */

static void say(const house *self, const char *what, asm_str about) {
    printf("%5.1f s  %s %.*s\n", (double)(self->now - START) / 1e6, what, (int)about.size, about.data);
}

static void on_event(void *user, const asm_message *message) {
    const house *self = user;
    const asm_event *event = message->event;
    if (event->type == ASM_EVENT_STATUS_CHANGED) say(self, "the agent is", event->status.status);
    if (event->type == ASM_EVENT_MESSAGE_STREAMED) say(self, "the agent says:", event->message.delta);
    if (event->type == ASM_EVENT_AGENT_SHUTDOWN) say(self, "the agent shuts down:", event->shutdown.reason);
}

/* What someone shows who looks for agents. */
static void on_presence(void *user, const asm_message *message) {
    const house *self = user;
    const asm_str key = ASM_STR("status");
    asm_presence_entry entry = {0};
    asm_str status;
    (void)message; /* who came and went: here all are listed anew */
    while (asm_presence_next(&self->presence, ASM_TOPIC_AGENT_PRESENCE, &entry)) {
        asm_json_find(entry.meta, &key, &status, 1, NULL);
        say(self, "to be found: an agent that is", status);
    }
    if (asm_presence_count(&self->presence, ASM_TOPIC_AGENT_PRESENCE) == 0)
        say(self, "to be found:", ASM_STR("nobody"));
}

/* ---- What happens ---- */

static void check(house *self, asm_result result) {
    if (self->result == ASM_OK) self->result = result;
}

/* Lets time pass, in steps of half a second. */
static void wait(house *self, int milliseconds) {
    for (int passed = 0; passed < milliseconds; passed += 500) {
        self->now += 500000;
        check(self, asm_agent_server_poll(&self->server, self->now, self->now));
    }
}

static uint64_t join(house *self, const char *viewer) {
    uint64_t reference = 0;
    say(self, "joins:", asm_str_from(viewer));
    check(self, asm_presence_track(&self->presence, NULL, VIEWERS, asm_str_from(viewer), ASM_STR("{}"),
                                   &reference));
    return reference;
}

static void leave(house *self, const char *viewer, uint64_t reference) {
    say(self, "leaves:", asm_str_from(viewer));
    check(self, asm_presence_untrack(&self->presence, reference));
}

static void live(house *self) {
    const uint64_t browser = join(self, "the browser");
    check(self, asm_agent_start(&self->server, &(asm_agent_options){.id = AGENT,
                                                                    .config.driver.execute = answer,
                                                                    .pubsub = &self->bus,
                                                                    .presence = {.presence = &self->presence,
                                                                                 .viewers = VIEWERS,
                                                                                 .grace_period_ms = GRACE_MS,
                                                                                 .discovery = true}}));
    check(self, asm_agent_subscribe(&self->server, AGENT, on_event, self, NULL));
    wait(self, 500);

    leave(self, "the browser", browser);
    wait(self, 4500);
    const uint64_t telephone = join(self, "the telephone"); /* just in time */
    wait(self, 10000);

    check(self, asm_agent_execute(&self->server, AGENT));
    leave(self, "the telephone", telephone); /* while it runs */
    wait(self, 60000);
    puts(asm_agent_exists(&self->server, AGENT) ? "         it is still there" : "         it has gone");
}

int main(void) {
    house self = {.now = START};
    asm_pubsub_init(&self.bus, NULL);
    asm_presence_init(&self.presence, &(asm_presence_options){.pubsub = &self.bus});
    asm_agent_server_init(&self.server, NULL);
    asm_agent_server_set_time(&self.server, self.now, self.now);
    check(&self, asm_pubsub_subscribe(&self.bus, ASM_TOPIC_AGENT_PRESENCE, on_presence, &self, NULL));
    live(&self);
    asm_agent_server_close(&self.server);
    asm_presence_close(&self.presence);
    asm_pubsub_close(&self.bus);
    if (self.result != ASM_OK) fprintf(stderr, "last_viewer: %s\n", asm_result_string(self.result));
    return self.result == ASM_OK ? 0 : 1;
}
