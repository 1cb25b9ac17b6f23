/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

#include "../common/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_STREAMS = MAX_POLLED - 16 };

static void set_up(int fd) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* Whether somebody listens there. */
static bool is_in_use(const struct sockaddr_un *address) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const bool is_used =
        fd >= 0 && connect(fd, (const struct sockaddr *)(const void *)address, sizeof *address) == 0;
    if (fd >= 0) close(fd);
    return is_used;
}

void listener_open(struct listener *listener, struct live *live, const char *path) {
    struct sockaddr_un address;
    struct stat status;
    memset(listener, 0, sizeof *listener);
    memset(&address, 0, sizeof address);
    listener->live = live;
    listener->path = path;
    address.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address.sun_path) die("%s: the name is too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) die("%s: is there, and is no socket", path);
        if (is_in_use(&address)) die("%s: another program listens there", path);
        unlink(path);
    }
    listener->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const mode_t mask = umask(077); /* for this user alone */
    const bool is_bound =
        listener->fd >= 0 &&
        bind(listener->fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0 &&
        listen(listener->fd, 16) == 0;
    umask(mask);
    if (!is_bound) die("%s: %s", path, strerror(errno));
    set_up(listener->fd);
}

/* A place for a stream: its reader knows it by its address, so that it must not move. NULL if there is none. */
static struct stream *free_place(struct listener *listener) {
    if (!listener->streams) {
        listener->streams = (struct stream *)calloc(MOST_STREAMS, sizeof *listener->streams);
        for (size_t i = 0; listener->streams && i < MOST_STREAMS; i++)
            listener->streams[i].fd = -1;
    }
    for (size_t i = 0; listener->streams && i < MOST_STREAMS; i++)
        if (listener->streams[i].fd < 0) return &listener->streams[i];
    return NULL;
}

/* While there are too many connections, new ones wait. */
void listener_wait(struct listener *listener, struct waits *waits) {
    if (listener->fd < 0) return;
    if (free_place(listener)) wait_for_input(waits, listener->fd);
    for (size_t i = 0; listener->streams && i < MOST_STREAMS; i++)
        if (listener->streams[i].fd >= 0) wait_for_input(waits, listener->streams[i].fd);
}

void listener_read(struct listener *listener) {
    struct stream *place;
    if (listener->fd < 0) return;
    for (size_t i = 0; listener->streams && i < MOST_STREAMS; i++)
        if (listener->streams[i].fd >= 0) stream_read(&listener->streams[i]);
    while ((place = free_place(listener)) != NULL) {
        const int fd = accept(listener->fd, NULL, NULL);
        if (fd < 0) return;
        set_up(fd);
        stream_open(place, listener->live, fd, listener->path, ASM_FORMAT_AUTO);
    }
}

void listener_close(struct listener *listener) {
    if (listener->fd < 0) return;
    for (size_t i = 0; listener->streams && i < MOST_STREAMS; i++)
        stream_close(&listener->streams[i]);
    free(listener->streams);
    close(listener->fd);
    unlink(listener->path);
    listener->fd = -1;
}
