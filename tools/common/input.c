/* SPDX-License-Identifier: MIT OR Unlicense */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void begin(struct input *input, int fd) {
    struct stat status;
    input->fd = fd;
    input->is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    input->position = 0;
    input->first = input->last = 0;
}

static int open_path(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC);
}

bool input_open(struct input *input, const char *path, bool follows) {
    const bool is_stdin = strcmp(path, "-") == 0;
    memset(input, 0, sizeof *input);
    input->fd = input->remote.fd = -1;
    if (is_remote(path)) {
        const bool is_started = remote_read(&input->remote, path, follows, NULL);
        input->fd = input->remote.fd;
        return is_started;
    }
    const int fd = is_stdin ? STDIN_FILENO : open_path(path);
    if (fd < 0) return false;
    begin(input, fd);
    if (is_stdin) input->is_file = false; /* where it stands is nobody's business but the shell's */
    return true;
}

/* Keeps what tells later whether the file is still the one that was read. */
static void remember(struct input *input, const char *data, size_t size) {
    const size_t room = KEPT_BYTES - input->first;
    memcpy(input->first_bytes + input->first, data, size < room ? size : room);
    input->first += size < room ? size : room;
    if (size >= KEPT_BYTES) {
        memcpy(input->last_bytes, data + size - KEPT_BYTES, KEPT_BYTES);
        input->last = KEPT_BYTES;
        return;
    }
    const size_t kept = input->last + size <= KEPT_BYTES ? input->last : KEPT_BYTES - size;
    memmove(input->last_bytes, input->last_bytes + input->last - kept, kept);
    memcpy(input->last_bytes + kept, data, size);
    input->last = kept + size;
}

/* Whether these bytes stand there. One that cannot be read now is not called another. */
static bool stands_there(int fd, const char *bytes, size_t size, off_t offset) {
    char now[KEPT_BYTES];
    const ssize_t got = pread(fd, now, size, offset);
    return got < 0 || ((size_t)got == size && memcmp(now, bytes, size) == 0);
}

ssize_t input_read(struct input *input, char *data, size_t size) {
    const ssize_t got = read(input->fd, data, size);
    if (got <= 0 || !input->is_file) return got;
    if (input->is_followed &&
        !stands_there(input->fd, input->last_bytes, input->last, input->position - (off_t)input->last)) {
        lseek(input->fd, input->position, SEEK_SET); /* rewritten since the look: the next one tells */
        return 0;
    }
    remember(input, data, (size_t)got);
    input->position += got;
    return got;
}

static enum input_news begin_again(struct input *input, enum input_news news) {
    lseek(input->fd, 0, SEEK_SET);
    begin(input, input->fd);
    return news;
}

enum input_news input_look(struct input *input, const char *path) {
    struct stat opened, named;
    input->is_followed = true;
    if (!input->is_file || fstat(input->fd, &opened) != 0) return INPUT_SAME;
    if (opened.st_size < input->position) return begin_again(input, INPUT_CUT);
    if (!stands_there(input->fd, input->first_bytes, input->first, 0) ||
        !stands_there(input->fd, input->last_bytes, input->last, input->position - (off_t)input->last))
        return begin_again(input, INPUT_REWRITTEN);
    if (stat(path, &named) != 0) return INPUT_SAME;
    const bool is_same = opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
    return is_same ? INPUT_SAME : INPUT_REPLACED;
}

bool input_reopen(struct input *input, const char *path) {
    const int fd = open_path(path);
    if (fd < 0) return false;
    close(input->fd);
    begin(input, fd);
    return true;
}

bool input_close(struct input *input) {
    const bool is_open = input->fd > STDIN_FILENO;
    if (is_open && input->remote.pid) {
        input->fd = -1;
        return remote_end(&input->remote);
    }
    if (is_open) close(input->fd);
    input->fd = -1;
    return true;
}
