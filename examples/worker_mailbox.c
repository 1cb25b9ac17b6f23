/* SPDX-License-Identifier: MIT OR Unlicense */
/* A session that runs in a thread of its own, and a main loop that shows it: a mailbox between them.
 *
 *     build/examples/worker_mailbox
 *
 * Each thread has its own objects; only the mailbox is shared. The worker never waits for the main loop: pieces of
 * text that the loop has not taken yet are put together, and if it falls far behind it is told how much it missed.
 * The loop waits in poll(2), as it would for its sockets and its terminal, until the mailbox wakes it.
 */
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- What wakes the loop: a byte in a pipe (on Linux an eventfd does as well). ---- */

static void wake(void *fd) {
    const ssize_t written = write(*(const int *)fd, "", 1);
    (void)written; /* a pipe that is full has bytes enough to wake */
}

static void wait_until_woken(int fd) {
    char bytes[64];
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    poll(&waiting, 1, -1);
    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

/* ---- The worker: an agent, a dispatcher, and the mailbox as one of its subscribers. ---- */

static void emit(asm_pubsub *bus, asm_event event) {
    event.session_id = ASM_STR("ses_1");
    event.run_id = ASM_STR("run_1");
    asm_pubsub_publish(bus, "asm:session:ses_1", &(asm_message){.event = &event}, NULL);
}

static void *work(void *mailbox) {
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    if (asm_pubsub_subscribe(&bus, "asm:session:ses_1", asm_mailbox_on_message, mailbox, NULL) == ASM_OK) {
        emit(&bus, (asm_event){.type = ASM_EVENT_RUN_STARTED, .run = {.model = ASM_STR("sonnet")}});
        const asm_str text =
            ASM_STR("Many small pieces of text, each an event of its own, reach the main loop as they "
                    "come, or as a few large ones.\n");
        for (size_t at = 0; at < text.size; at += 3) {
            const size_t left = text.size - at;
            const asm_str piece = asm_str_make(text.data + at, left < 3 ? left : 3);
            emit(&bus, (asm_event){.type = ASM_EVENT_MESSAGE_STREAMED, .message = {.delta = piece}});
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL); /* a model takes its time */
        }
        emit(&bus, (asm_event){.type = ASM_EVENT_RUN_COMPLETED, .run = {.stop_reason = ASM_STR("end_turn")}});
    }
    asm_pubsub_close(&bus);
    return NULL;
}

/* ---- The main loop. ---- */

typedef struct view {
    asm_pipeline pipeline;
    bool is_over;
} view;

static void show(void *user, const asm_message *message) {
    view *self = user;
    if (asm_str_equal(message->wrapper, ASM_STR(ASM_MAILBOX_GAP)))
        fprintf(stderr, "worker_mailbox: missed some: %.*s\n", (int)message->event->extra.size,
                message->event->extra.data);
    else asm_pipeline_event(&self->pipeline, message->event);
    self->is_over = self->is_over || message->event->type == ASM_EVENT_RUN_COMPLETED;
}

int main(void) {
    static char memory[64 * 1024];
    int pipe_fds[2];
    asm_mailbox mailbox;
    asm_result result =
        asm_mailbox_init(&mailbox, &(asm_mailbox_options){.memory = memory,
                                                          .size = sizeof memory,
                                                          .overflow = ASM_OVERFLOW_DROP_OLDEST,
                                                          .merge_text = true,
                                                          .wake = wake,
                                                          .wake_user = &pipe_fds[1]});
    asm_verbose verbose;
    asm_tty_sink tty;
    asm_sink sinks[] = {asm_tty_sink_init(&tty, NULL)};
    view screen = {.is_over = false};
    if (result == ASM_OK)
        result = asm_pipeline_init(&screen.pipeline,
                                   &(asm_pipeline_options){.renderer = asm_verbose_init(&verbose, NULL),
                                                           .sinks = sinks,
                                                           .sink_count = 1});
    pthread_t worker;
    if (result != ASM_OK || pipe(pipe_fds) != 0 || fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) == -1 ||
        fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK) == -1 || pthread_create(&worker, NULL, work, &mailbox) != 0) {
        fprintf(stderr, "worker_mailbox: could not start\n");
        return 1;
    }
    while (!screen.is_over) {
        wait_until_woken(pipe_fds[0]);
        asm_mailbox_drain(&mailbox, show, &screen, 0);
    }
    pthread_join(worker, NULL);
    result = asm_pipeline_close(&screen.pipeline);
    const asm_mailbox_counters posted = asm_mailbox_producer_counters(&mailbox);
    const asm_mailbox_counters taken = asm_mailbox_consumer_counters(&mailbox);
    fprintf(stderr, "%lu events posted, %lu taken\n", (unsigned long)posted.posted,
            (unsigned long)taken.received);
    return result == ASM_OK ? 0 : 1;
}
