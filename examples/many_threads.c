/* SPDX-License-Identifier: MIT OR Unlicense */
/* A server with a thread for each client, and one thread that shows what all of them do.
 *
 *     build/examples/many_threads
 *
 * A mailbox has one producer, so that neither side ever waits: each client's thread has a mailbox of its own, and the
 * one consumer goes through all of them. All wake it in the same way, through one pipe, so that it sleeps in poll(2)
 * however many clients there are. Within a client everything arrives in order; between clients there is no order.
 */
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { CLIENTS = 4, QUESTIONS = 3, WAITING = 8, MESSAGE_SIZE = 2048 };

typedef struct client {
    asm_mailbox mailbox;
    pthread_t thread;
    char name[16];
    char memory[WAITING * 2 * MESSAGE_SIZE];
} client;

static int wake_pipe[2];

static void wake(void *user) {
    (void)user;
    const ssize_t written = write(wake_pipe[1], "", 1);
    (void)written; /* a pipe that is full has bytes enough to wake */
}

/* ---- A client's thread: its own dispatcher, and a mailbox as a subscriber. ---- */

static void emit(asm_pubsub *bus, const client *self, asm_event event) {
    event.session_id = asm_str_from(self->name);
    event.run_id = ASM_STR("run_1");
    asm_pubsub_publish(bus, "events", &(asm_message){.event = &event}, NULL);
}

static void *serve(void *user) {
    client *self = user;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    if (asm_pubsub_subscribe(&bus, "events", asm_mailbox_on_message, &self->mailbox, NULL) == ASM_OK) {
        emit(&bus, self, (asm_event){.type = ASM_EVENT_RUN_STARTED});
        for (int i = 0; i < QUESTIONS; i++) {
            char text[64];
            const int size = snprintf(text, sizeof text, "answer %d to %s", i + 1, self->name);
            emit(&bus, self,
                 (asm_event){.type = ASM_EVENT_MESSAGE_RECEIVED,
                             .message = {.content = asm_str_make(text, (size_t)size)}});
        }
        emit(&bus, self, (asm_event){.type = ASM_EVENT_RUN_COMPLETED});
    }
    asm_pubsub_close(&bus);
    return NULL;
}

/* ---- The consumer. ---- */

typedef struct totals {
    unsigned open;     /* clients that have not ended */
    unsigned messages; /* that were received */
    unsigned gaps;     /* in which some were lost */
} totals;

static void count(void *user, const asm_message *message) {
    totals *all = user;
    if (asm_str_equal(message->wrapper, ASM_STR(ASM_MAILBOX_GAP))) all->gaps++;
    else if (message->event->type == ASM_EVENT_MESSAGE_RECEIVED) all->messages++;
    else if (message->event->type == ASM_EVENT_RUN_COMPLETED) all->open--;
}

static void wait_until_woken(void) {
    char bytes[64];
    struct pollfd waiting = {.fd = wake_pipe[0], .events = POLLIN};
    poll(&waiting, 1, -1);
    while (read(wake_pipe[0], bytes, sizeof bytes) > 0)
        continue;
}

int main(void) {
    static client clients[CLIENTS];
    totals all = {.open = 0};
    if (pipe(wake_pipe) != 0 || fcntl(wake_pipe[0], F_SETFL, O_NONBLOCK) == -1 ||
        fcntl(wake_pipe[1], F_SETFL, O_NONBLOCK) == -1) {
        perror("many_threads");
        return 1;
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        client *one = &clients[i];
        snprintf(one->name, sizeof one->name, "client_%u", i + 1);
        const asm_result result = asm_mailbox_init(
            &one->mailbox,
            &(asm_mailbox_options){
                .memory = one->memory, .size = sizeof one->memory, .capacity = WAITING, .wake = wake});
        if (result != ASM_OK || pthread_create(&one->thread, NULL, serve, one) != 0) {
            fprintf(stderr, "many_threads: could not start\n");
            return 1;
        }
        all.open++;
    }
    while (all.open > 0) {
        wait_until_woken();
        for (unsigned i = 0; i < CLIENTS; i++) /* whose it was is not told; to look costs next to nothing */
            asm_mailbox_drain(&clients[i].mailbox, count, &all, 0);
    }
    for (unsigned i = 0; i < CLIENTS; i++)
        pthread_join(clients[i].thread, NULL);
    printf("%u clients, %u answers, %u gaps\n", (unsigned)CLIENTS, all.messages, all.gaps);
    return all.messages == CLIENTS * QUESTIONS ? 0 : 1;
}
