/* SPDX-License-Identifier: MIT OR Unlicense */
#include "broker.h"

#include "../common/clock.h"
#include "../common/messages.h"
#include "../common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 900000, LOCK_MS = 2000, BLOCKS = 16 /* of input between two lines that are sent */ };

struct queue {
    const char *path;
    int log, sent_file; /* LOG, and LOG.sent: "NUMBER BASE SENT" */
    uint64_t number;    /* of this log, at random */
    int64_t base, sent; /* what was emptied before; how much of the log the stream has */
    int64_t size;
    asm_buffer line, subject, scratch;
    asm_buffer partial; /* the line of input that has not ended */
    uint64_t dropped;   /* since the last notice */
    int64_t moved;      /* when a line was taken last, or there was input */
    bool input_ended;
};

static void save_sent(struct queue *queue) {
    char text[80];
    const int size = snprintf(text, sizeof text, "%016" PRIx64 " %020" PRId64 " %020" PRId64 "\n",
                              queue->number, queue->base, queue->sent);
    if (pwrite(queue->sent_file, text, (size_t)size, 0) != size)
        die("%s.sent: %s", queue->path, strerror(errno));
}

static void load_sent(struct queue *queue) {
    char text[80] = "";
    const ssize_t size = pread(queue->sent_file, text, sizeof text - 1, 0);
    if (size > 0 &&
        sscanf(text, "%" SCNx64 " %" SCNd64 " %" SCNd64, &queue->number, &queue->base, &queue->sent) == 3)
        return;
    if (size > 0) die("%s.sent: is not what was written there", queue->path);
    const int random = open("/dev/urandom", O_RDONLY);
    if (random < 0 || read(random, &queue->number, sizeof queue->number) != sizeof queue->number)
        die("/dev/urandom: %s", strerror(errno));
    close(random);
    save_sent(queue);
}

static int64_t size_of(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? (int64_t)status.st_size : 0;
}

/* Half a line that was left by a process that was killed is taken off: whoever wrote it sends it again or is gone. */
static void end_torn_line(struct queue *queue) {
    char byte;
    while (queue->size > queue->sent && pread(queue->log, &byte, 1, queue->size - 1) == 1 && byte != '\n')
        queue->size--;
    if (ftruncate(queue->log, queue->size) != 0) die("%s: %s", queue->path, strerror(errno));
}

/* Locked: one that was killed a moment ago may have it still. */
static int lock_sent_file(const char *path) {
    char sent_path[4096];
    if (snprintf(sent_path, sizeof sent_path, "%s.sent", path) >= (int)sizeof sent_path)
        die("%s: the name is too long", path);
    const int fd = open(sent_path, O_RDWR | O_CREAT, 0600);
    if (fd < 0) die("%s: %s", sent_path, strerror(errno));
    for (const int64_t until = steady_ms() + LOCK_MS; flock(fd, LOCK_EX | LOCK_NB) != 0; nats_Sleep(20))
        if (steady_ms() > until) die("%s: another program sends it", path);
    return fd;
}

static void open_queue(struct queue *queue, const char *path, bool append, int sent_file) {
    memset(queue, 0, sizeof *queue);
    queue->path = path;
    queue->log = open(path, append ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY, 0600);
    if (queue->log < 0) die("%s: %s", path, strerror(errno));
    queue->sent_file = sent_file ? sent_file : lock_sent_file(path);
    asm_buffer_init_growing(&queue->line);
    asm_buffer_init_growing(&queue->subject);
    asm_buffer_init_growing(&queue->scratch);
    asm_buffer_init_growing(&queue->partial);
    load_sent(queue);
    queue->size = size_of(queue->log);
    if (queue->sent > queue->size) { /* it was emptied, and that not yet saved */
        queue->base += queue->sent;
        queue->sent = 0;
    }
    if (append) end_torn_line(queue);
    queue->input_ended = !append;
}

static void close_queue(struct queue *queue) {
    asm_buffer_close(&queue->line);
    asm_buffer_close(&queue->subject);
    asm_buffer_close(&queue->scratch);
    asm_buffer_close(&queue->partial);
    close(queue->log);
    close(queue->sent_file);
}

static void append_line(struct queue *queue, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(queue->log, data, size);
        if (written < 0 && errno != EINTR) die("%s: %s", queue->path, strerror(errno));
        if (written > 0) data += written, size -= (size_t)written, queue->size += written;
    }
}

/* What was not kept for want of room is told as soon as there is some. */
static void tell_gap(struct queue *queue) {
    char text[160];
    if (queue->dropped == 0) return;
    const int size = snprintf(text, sizeof text,
                              "{\"type\":\"nats.gap\",\"data\":{\"text\":\"%" PRIu64
                              " events were not kept while the broker "
                              "was away\",\"level\":\"warning\",\"dropped\":%" PRIu64 "}}\n",
                              queue->dropped, queue->dropped);
    queue->dropped = 0;
    append_line(queue, text, (size_t)size);
}

static void keep_line(struct queue *queue, const struct nats_options *given, const char *data, size_t size) {
    if (queue->size - queue->sent + (int64_t)size > given->limit) {
        if (queue->dropped++ == 0) complain("the queue is full: events are counted, not kept");
        return;
    }
    tell_gap(queue);
    append_line(queue, data, size);
}

/* A piece of a line. Of one that the queue has no room for at all, no more is kept than tells that. */
static void take_piece(struct queue *queue, const struct nats_options *given, asm_str piece, bool is_end) {
    asm_buffer *line = &queue->partial;
    const bool is_too_long = (int64_t)line->size > given->limit;
    if (!is_too_long) asm_buffer_append(line, piece);
    if (line->result != ASM_OK) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    if (!is_end) return;
    asm_buffer_append_byte(line, '\n');
    keep_line(queue, given, line->data, line->size);
    asm_buffer_clear(line);
}

static void take_block(struct queue *queue, const struct nats_options *given, asm_str block) {
    while (block.size > 0) {
        const char *end = (const char *)memchr(block.data, '\n', block.size);
        const size_t size = end ? (size_t)(end - block.data) : block.size, taken = size + (end ? 1 : 0);
        take_piece(queue, given, asm_str_make(block.data, size), end != NULL);
        block = asm_str_make(block.data + taken, block.size - taken);
    }
}

/* What has come on standard input by now, or some of it. */
static void take_input(struct queue *queue, const struct nats_options *given, int wait_ms) {
    static char block[65536];
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    for (int i = 0; i < BLOCKS && !queue->input_ended && poll(&input, 1, wait_ms) > 0; i++) {
        const ssize_t size = read(STDIN_FILENO, block, sizeof block);
        wait_ms = 0;
        if (size < 0 && errno == EINTR) return;
        if (size > 0) take_block(queue, given, asm_str_make(block, (size_t)size));
        queue->input_ended = size <= 0;
    }
    if (queue->input_ended && queue->partial.size > 0) take_piece(queue, given, ASM_STR(""), true);
}

/* The next whole line that is not sent; false if there is none. */
static bool next_line(struct queue *queue) {
    char block[4096];
    int64_t at = queue->sent;
    asm_buffer_clear(&queue->line);
    for (;;) {
        const ssize_t size = pread(queue->log, block, sizeof block, at);
        if (size <= 0) return false;
        const char *end = (const char *)memchr(block, '\n', (size_t)size);
        const size_t piece = end ? (size_t)(end - block) : (size_t)size;
        if (asm_buffer_append(&queue->line, asm_str_make(block, piece)) != ASM_OK)
            die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
        if (end) return true;
        at += size;
    }
}

/* Sends the line until the stream has it; false if the servers do not answer in time. */
static bool send_line(struct broker *to, struct queue *queue, const char *subject) {
    char id[64];
    jsPubOptions settings;
    jsPubAck *ack = NULL;
    natsMsg *message = NULL;
    snprintf(id, sizeof id, "%016" PRIx64 ":%" PRId64, queue->number, queue->base + queue->sent);
    jsPubOptions_Init(&settings);
    settings.MsgId = id;
    settings.MaxWait = ACK_MS;
    must(natsMsg_Create(&message, subject, NULL, queue->line.data, (int)queue->line.size), "no memory");
    must(natsMsgHeader_Set(message, "Asm-Bridge", to->given->name), "no memory");
    const natsStatus status = js_PublishMsg(&ack, to->stream, message, &settings, NULL);
    natsMsg_Destroy(message);
    jsPubAck_Destroy(ack);
    return status == NATS_OK;
}

/* The next line of the log, if it is an event; what is none is said and passed over. */
static bool send_next(struct broker *to, struct queue *queue) {
    asm_event event;
    asm_json_error error;
    const asm_str line = asm_buffer_text(&queue->line);
    asm_buffer_clear(&queue->scratch);
    const asm_result result = asm_event_read_json(&event, line, &queue->scratch, &error);
    if (result != ASM_OK || line.size > LINE_MAX_SIZE)
        complain("%s: byte %" PRId64 ": not sent: %s", queue->path, queue->base + queue->sent,
                 result != ASM_OK ? error.message : "longer than a message may be");
    else {
        const char *subject = subject_of(&queue->subject, to->given->prefix, &event);
        if (!subject) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
        if (!send_line(to, queue, subject)) return false;
    }
    queue->sent += (int64_t)line.size + 1;
    if (to->given->append && queue->sent == queue->size) {
        if (ftruncate(queue->log, 0) != 0) die("%s: %s", queue->path, strerror(errno));
        queue->base += queue->sent;
        queue->sent = queue->size = 0;
    }
    save_sent(queue);
    return true;
}

/* The rest of a queue that the servers do not take in time stays there. */
static int leave_rest(const struct queue *queue) {
    complain(
        "%" PRId64
        " bytes of events were not taken in time: they wait in %s, for the next program that has this queue",
        queue->size - queue->sent, queue->path);
    return EXIT_FAILED;
}

static bool is_ending(const struct nats_options *given) {
    return !given->append && stop_signal();
}

/* Something was taken, or the input goes on. Once it has ended the library may not hold us up for ever either. */
static void note_progress(struct queue *queue, const struct nats_options *given) {
    queue->moved = steady_ms();
    if (given->append && queue->input_ended && given->patience > 0)
        signals_end_within(given->patience + END_S, EXIT_FAILED);
}

/* Whether a queue's rest was waited for long enough after the input ended: a signal ends the patience, not the input. */
static bool is_late(struct queue *queue, const struct nats_options *given) {
    const int patience = given->patience > 0 || !stop_signal() ? given->patience : END_S;
    if (!given->append) return false;
    if (!queue->input_ended) note_progress(queue, given);
    return patience > 0 && steady_ms() - queue->moved > (int64_t)patience * 1000;
}

/* Sends what there is, until it is all, or its time is up. */
static int send_all(struct broker *to, struct queue *queue) {
    const struct nats_options *given = to->given;
    note_progress(queue, given);
    while (!is_ending(given)) {
        broker_tell_presence(to, queue->path);
        if (next_line(queue)) {
            if (send_next(to, queue)) note_progress(queue, given);
            else broker_look(to);
            take_input(queue, given, 0);
        } else if (queue->dropped > 0) tell_gap(queue);
        else if (queue->input_ended && (given->append || given->until_end)) break;
        else if (given->append) take_input(queue, given, 500);
        else nats_Sleep(50);
        if (is_late(queue, given) && queue->sent < queue->size) return leave_rest(queue);
    }
    return EXIT_SUCCESS;
}

/* Waits for the stream; a queue takes its input meanwhile. */
static bool wait_for_stream(struct broker *to, struct queue *queue) {
    const struct nats_options *given = to->given;
    note_progress(queue, given);
    while (!is_ending(given)) {
        if (given->append) take_input(queue, given, 0);
        if (broker_make_stream(to, steady_ms() + 200)) return true;
        if (is_late(queue, given)) return false;
    }
    return false;
}

int nats_publish(const struct nats_options *given, const char *path) {
    struct broker to;
    struct queue queue;
    int status = EXIT_SUCCESS;
    if (!given->append) signals_limit(END_S, EXIT_FAILED);
    open_queue(&queue, path, given->append, given->sent_file);
    broker_connect(&to, given);
    if (wait_for_stream(&to, &queue)) status = send_all(&to, &queue);
    else if (given->append && queue.sent < queue.size) status = leave_rest(&queue);
    close_queue(&queue);
    return broker_close(&to, status);
}
