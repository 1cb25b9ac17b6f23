/* SPDX-License-Identifier: MIT OR Unlicense */
#include "pages.h"

#include "../common/messages.h"
#include "../common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LONGEST = 2048, TOKEN_BYTES = 32 };

static bool read_token(const char *path, char *token, size_t size) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (fd < 0) return false;
    const bool is_ours = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == geteuid() &&
                         (status.st_mode & 077) == 0;
    if (!is_ours) die("%s: must be a file of yours that others cannot read", path);
    const ssize_t got = read(fd, token, size - 1);
    close(fd);
    if (got < 0) die("%s: %s", path, strerror(errno));
    token[got] = 0;
    token[strcspn(token, "\n")] = 0;
    return strlen(token) >= 32;
}

static void make_token(char *token) {
    unsigned char bytes[TOKEN_BYTES];
    const int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
        die("/dev/urandom: %s", strerror(errno));
    close(fd);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(token + 2 * i, 3, "%02x", (unsigned)bytes[i]);
}

/* Under another name first, so that no other program reads half of it; the first to give it its name wins. */
static void write_token(const char *path, const char *token) {
    char name[LONGEST + 32];
    snprintf(name, sizeof name, "%s.%ld", path, (long)getpid());
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, token, strlen(token)) != (ssize_t)strlen(token) || write(fd, "\n", 1) != 1)
        die("%s: %s", name, strerror(errno));
    close(fd);
    if (link(name, path) != 0 && errno != EEXIST) die("%s: %s", path, strerror(errno));
    unlink(name);
}

const char *state_token(void) {
    static char token[2 * TOKEN_BYTES + 2];
    char *directory = state_directory("asm-live", NULL);
    char path[LONGEST + 8];
    snprintf(path, sizeof path, "%s/token", directory);
    free(directory);
    if (read_token(path, token, sizeof token)) return token;
    make_token(token);
    write_token(path, token);
    if (!read_token(path, token, sizeof token)) die("%s: is no token; remove it for another", path);
    return token;
}
