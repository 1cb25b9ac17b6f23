/* SPDX-License-Identifier: MIT OR Unlicense */
/* Browsers for tests of the live page: requests and streams over a socket, without a wait of their own. */
#ifndef TESTS_LIVE_SUPPORT_H
#define TESTS_LIVE_SUPPORT_H

#include "support.h"

#include "asm_events.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LIVE_TOKEN "0123456789abcdef0123456789abcdef"

/* An answer, as far as it has come. */
typedef struct answer {
    int fd; /* -1: closed */
    bool is_over;
    asm_buffer raw, body; /* body: without chunks */
    size_t chunk_at;      /* in raw: where the next chunk begins; 0: the head is not whole */
    bool is_chunked;
    size_t length; /* of a body that is not chunked */
    int status;
} answer;

static inline int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int connect_to(unsigned port) {
    struct sockaddr_in address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0) return -1;
    if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static inline void answer_begin(answer *got, int fd) {
    memset(got, 0, sizeof *got);
    got->fd = fd;
    asm_buffer_init_growing(&got->raw);
    asm_buffer_init_growing(&got->body);
}

static inline void answer_end(answer *got) {
    if (got->fd >= 0) close(got->fd);
    got->fd = -1;
    asm_buffer_close(&got->raw);
    asm_buffer_close(&got->body);
}

/* A view that ends in NUL: of what a buffer has. */
static inline const char *text_in(asm_buffer *buffer) {
    asm_buffer_append_byte(buffer, 0);
    buffer->size--;
    return buffer->data;
}

static inline void read_head(answer *got) {
    const char *raw = text_in(&got->raw), *end = strstr(raw, "\r\n\r\n"),
               *length = strstr(raw, "Content-Length:");
    if (!end) return;
    got->chunk_at = (size_t)(end - raw) + 4;
    got->status = atoi(raw + 9);
    got->is_chunked = strstr(raw, "Transfer-Encoding: chunked") != NULL;
    if (length && length < end) got->length = (size_t)strtoul(length + 15, NULL, 10);
}

/* Moves what has come to the body. */
static inline void read_body(answer *got) {
    if (got->chunk_at == 0) read_head(got);
    if (got->chunk_at == 0) return;
    if (!got->is_chunked) {
        asm_buffer_clear(&got->body);
        asm_buffer_append(&got->body,
                          asm_str_make(got->raw.data + got->chunk_at, got->raw.size - got->chunk_at));
        if (got->body.size >= got->length) got->is_over = true;
        return;
    }
    for (;;) {
        const char *raw = text_in(&got->raw) + got->chunk_at, *line = strstr(raw, "\r\n");
        const size_t left = got->raw.size - got->chunk_at;
        if (!line) return;
        const size_t size = (size_t)strtoul(raw, NULL, 16), head = (size_t)(line - raw) + 2;
        if (left < head + size + 2) return;
        asm_buffer_append(&got->body, asm_str_make(raw + head, size));
        got->chunk_at += head + size + 2;
        if (size == 0) {
            got->is_over = true;
            return;
        }
    }
}

/* Reads what there is, at most `most` bytes; true if there was something. */
static inline bool answer_read(answer *got, size_t most) {
    static char block[65536];
    if (got->fd < 0) return false;
    const ssize_t size = read(got->fd, block, most < sizeof block ? most : sizeof block);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (size <= 0) {
        close(got->fd);
        got->fd = -1;
        got->is_over = true;
        return false;
    }
    asm_buffer_append(&got->raw, asm_str_make(block, (size_t)size));
    read_body(got);
    return true;
}

/* ---- What a stream says ---- */

/* Collects the numbers of events, in order; what follows an id has to follow the one before. */
typedef struct stream_check {
    size_t at; /* in the body: so far it was looked at */
    unsigned long long epoch, last;
    uint64_t events, resets, caught_up, rows, lists, changes, viewers, decided, gaps, debugs, keep_alives;
    uint64_t wrong; /* frames that are none, or events out of order */
    asm_buffer log; /* the events' lines since the last reset */
    char id[64];    /* the last id, for going on */
    char hello[512], last_decided[512], last_viewers[512];
} stream_check;

static inline void check_begin(stream_check *check) {
    memset(check, 0, sizeof *check);
    asm_buffer_init_growing(&check->log);
}

static inline void check_event(stream_check *check, const char *frame) {
    unsigned long long epoch, number;
    const char *data = strstr(frame, "\ndata: ");
    if (sscanf(frame, "id: %llu.%llu\n", &epoch, &number) != 2 || !data) {
        check->wrong++;
        return;
    }
    snprintf(check->id, sizeof check->id, "%llu.%llu", epoch, number);
    if (check->epoch == epoch && number != check->last + 1) check->wrong++;
    check->epoch = epoch;
    check->last = number;
    check->events++;
    if (asm_json_check(asm_str_from(data + 7), NULL) != ASM_OK) check->wrong++;
    asm_buffer_append(&check->log, asm_str_from(data + 7));
    asm_buffer_append_byte(&check->log, '\n');
}

static inline void check_named(stream_check *check, const char *frame) {
    const char *name = strstr(frame, "event: "), *data = strstr(frame, "\ndata: ");
    if (!name || !data || asm_json_check(asm_str_from(data + 7), NULL) != ASM_OK) {
        check->wrong++;
        return;
    }
    name += 7;
    data += 7;
    if (strncmp(name, "hello\n", 6) == 0) snprintf(check->hello, sizeof check->hello, "%s", data);
    else if (strncmp(name, "reset\n", 6) == 0) {
        check->resets++;
        check->epoch = 0;
        asm_buffer_clear(&check->log);
    } else if (strncmp(name, "caught_up\n", 10) == 0) check->caught_up++;
    else if (strncmp(name, "row\n", 4) == 0) check->rows++;
    else if (strncmp(name, "list\n", 5) == 0) check->lists++;
    else if (strncmp(name, "changes\n", 8) == 0) check->changes++;
    else if (strncmp(name, "gap\n", 4) == 0) check->gaps++;
    else if (strncmp(name, "debug\n", 6) == 0) check->debugs++;
    else if (strncmp(name, "viewers\n", 8) == 0) {
        check->viewers++;
        snprintf(check->last_viewers, sizeof check->last_viewers, "%s", data);
    } else if (strncmp(name, "decided\n", 8) == 0) {
        check->decided++;
        snprintf(check->last_decided, sizeof check->last_decided, "%s", data);
    } else check->wrong++;
}

/* Looks at the frames of a stream that are whole, and have not been looked at. */
static inline void check_frames(stream_check *check, answer *got) {
    char *body = got->body.data ? (text_in(&got->body), got->body.data) : NULL, *end;
    while (body && (end = strstr(body + check->at, "\n\n")) != NULL) {
        char *frame = body + check->at;
        *end = 0;
        check->at = (size_t)(end - body) + 2;
        if (strncmp(frame, "id: ", 4) == 0) check_event(check, frame);
        else if (strcmp(frame, ": keep-alive") == 0) check->keep_alives++;
        else check_named(check, frame);
        *end = '\n';
    }
}

static inline void check_end(stream_check *check) {
    asm_buffer_close(&check->log);
}

#endif
