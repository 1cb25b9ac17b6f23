/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

#include "../common/messages.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    BLOCK = 16 * 1024,
    SLICE = 8, /* milliseconds of reading before others have their turn: a new session is a new file */
    TOLD_LIMIT = 10
};

asm_time now_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

bool wait_for_input(struct waits *waits, int fd) {
    if (waits->count == MAX_POLLED) return false;
    waits->items[waits->count].fd = fd;
    waits->items[waits->count].events = POLLIN;
    waits->items[waits->count].revents = 0;
    waits->count++;
    return true;
}

static void on_event(void *user, const asm_event *event) {
    live_on_event(((struct stream *)user)->live, event);
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct stream *stream = (struct stream *)user;
    if (stream->diagnostics++ < TOLD_LIMIT)
        complain("%s:%lu: %s", stream->name, (unsigned long)diagnostic->line, diagnostic->message);
}

bool stream_open(struct stream *stream, struct live *live, int fd, const char *name, asm_format format) {
    const asm_ingest_options options = {
        .format = format, .on_event = on_event, .on_diagnostic = on_diagnostic, .user = stream};
    memset(stream, 0, sizeof *stream);
    stream->live = live;
    stream->name = name;
    stream->fd = fd;
    if (asm_ingest_init(&stream->ingest, &options) == ASM_OK) return true;
    close(fd);
    stream->fd = -1;
    return false;
}

/* False if there is no more for now. */
static bool read_block(struct stream *stream) {
    static char block[BLOCK];
    const ssize_t size = read(stream->fd, block, sizeof block);
    if (size > 0) {
        asm_ingest_feed(&stream->ingest, block, (size_t)size, now_time());
        return true;
    }
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return false;
    if (size < 0) complain("%s: %s", stream->name, strerror(errno));
    stream_close(stream);
    return false;
}

void stream_read(struct stream *stream) {
    const int64_t until = steady_ms() + SLICE;
    while (stream->fd >= 0 && read_block(stream) && steady_ms() < until)
        continue;
}

void stream_read_once(struct stream *stream) {
    read_block(stream);
}

void stream_close(struct stream *stream) {
    if (stream->fd < 0) return;
    asm_ingest_end(&stream->ingest, now_time());
    asm_ingest_close(&stream->ingest);
    if (stream->diagnostics > TOLD_LIMIT)
        complain("%s: %lu more lines could not be read", stream->name, stream->diagnostics - TOLD_LIMIT);
    close(stream->fd);
    stream->fd = -1;
}
