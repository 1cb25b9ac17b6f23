/* SPDX-License-Identifier: MIT OR Unlicense */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 64, MAX_LINKS = 40, TRIES = 100 };

static const char is_outside[] = "is outside of the working directory";

bool folder_open(struct folder *folder, const char *path) {
    const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_known = folder->fd >= 0 && fchdir(folder->fd) == 0 && getcwd(folder->path, sizeof folder->path);
    const int problem = errno;
    if (here >= 0) is_known = fchdir(here) == 0 && close(here) == 0 && is_known;
    if (!is_known && folder->fd >= 0) close(folder->fd);
    errno = problem;
    return is_known;
}

void folder_close(struct folder *folder) {
    close(folder->fd);
}

/* ---- Finding ---- */

/* A path on its way: the directories that are open, and what of it is left. */
struct walk {
    int open[MAX_DEPTH];
    size_t depth; /* of what is open below the folder */
    unsigned links;
    char rest[2 * PATH_MAX];
};

static const char *pop(struct walk *walk) {
    if (walk->depth == 0) return is_outside;
    close(walk->open[--walk->depth]);
    return NULL;
}

static void pop_all(struct walk *walk) {
    while (pop(walk) == NULL)
        continue;
}

static int top(const struct folder *folder, const struct walk *walk) {
    return walk->depth ? walk->open[walk->depth - 1] : folder->fd;
}

/* Puts `path` before what is left. An absolute one begins anew at the folder, below which it has to be. */
static const char *put_before(const struct folder *folder, struct walk *walk, const char *path, size_t size) {
    char joined[sizeof walk->rest];
    if (size && path[0] == '/') {
        const size_t root = strcmp(folder->path, "/") == 0 ? 0 : strlen(folder->path);
        if (size < root || memcmp(path, folder->path, root) != 0 || (size > root && path[root] != '/'))
            return is_outside;
        pop_all(walk);
        path += root;
        size -= root;
    }
    if (size + 1 + strlen(walk->rest) >= sizeof joined) return strerror(ENAMETOOLONG);
    memcpy(joined, path, size);
    snprintf(joined + size, sizeof joined - size, "/%s", walk->rest);
    memcpy(walk->rest, joined, sizeof joined);
    return NULL;
}

/* Takes the next name off what is left; an empty one at the end. */
static const char *next_name(struct walk *walk, char *name) {
    const char *at = walk->rest + strspn(walk->rest, "/");
    const size_t size = strcspn(at, "/");
    name[0] = '\0';
    if (size > NAME_MAX) return strerror(ENAMETOOLONG);
    memcpy(name, at, size);
    name[size] = '\0';
    memmove(walk->rest, at + size, strlen(at + size) + 1);
    return NULL;
}

static const char *follow_link(const struct folder *folder, struct walk *walk, const char *name) {
    char target[PATH_MAX];
    const ssize_t size = readlinkat(top(folder, walk), name, target, sizeof target);
    if (size < 0) return strerror(errno);
    if (++walk->links > MAX_LINKS) return strerror(ELOOP);
    return put_before(folder, walk, target, (size_t)size);
}

static const char *enter(const struct folder *folder, struct walk *walk, const char *name, bool makes) {
    const int from = top(folder, walk);
    if (walk->depth == MAX_DEPTH) return "is too deep below the working directory";
    if (makes && mkdirat(from, name, 0777) != 0 && errno != EEXIST) return strerror(errno);
    const int fd = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return strerror(errno);
    walk->open[walk->depth++] = fd;
    return NULL;
}

/* One name further. */
static const char *step(const struct folder *folder, struct walk *walk, bool makes, char *name,
                        bool *is_found) {
    struct stat status;
    const char *error = next_name(walk, name);
    if (error) return error;
    const bool is_last = walk->rest[strspn(walk->rest, "/")] == '\0';
    if (strcmp(name, ".") == 0 && !is_last) return NULL;
    if (strcmp(name, "..") == 0) {
        error = pop(walk);
        memcpy(name, ".", 2);
    } else if (name[0] == '\0') {
        memcpy(name, ".", 2);
    } else if (fstatat(top(folder, walk), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISLNK(status.st_mode)) {
        return follow_link(folder, walk, name);
    } else if (!is_last) {
        return enter(folder, walk, name, makes);
    }
    *is_found = is_last;
    return error;
}

const char *folder_find(const struct folder *folder, asm_str path, bool makes, struct place *place) {
    struct walk walk;
    bool is_found = false;
    walk.depth = 0;
    walk.links = 0;
    walk.rest[0] = '\0';
    if (path.size == 0) return "is empty";
    if (memchr(path.data, '\0', path.size)) return "has a NUL byte";
    const char *error = put_before(folder, &walk, path.data, path.size);
    while (!error && !is_found)
        error = step(folder, &walk, makes, place->name, &is_found);
    if (!error) {
        place->directory = fcntl(top(folder, &walk), F_DUPFD_CLOEXEC, 3);
        if (place->directory < 0) error = strerror(errno);
    }
    pop_all(&walk);
    return error;
}

void place_close(struct place *place) {
    close(place->directory);
}

/* ---- Reading ---- */

static const char *open_regular(const struct place *place, int *fd) {
    struct stat status;
    *fd = openat(place->directory, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (*fd < 0) return strerror(errno);
    if (fstat(*fd, &status) == 0 && S_ISREG(status.st_mode)) return NULL;
    close(*fd);
    return S_ISDIR(status.st_mode) ? "is a directory" : "is not a file";
}

const char *folder_open_file(const struct folder *folder, asm_str path, int *fd) {
    struct place place;
    const char *error = folder_find(folder, path, false, &place);
    if (error) return error;
    error = open_regular(&place, fd);
    place_close(&place);
    return error;
}

const char *folder_read_file(const struct folder *folder, asm_str path, size_t limit, asm_buffer *out,
                             mode_t *mode) {
    char piece[16384];
    struct stat status;
    int fd;
    const char *error = folder_open_file(folder, path, &fd);
    if (error) return error;
    ssize_t size = 1;
    while (size > 0 && limit > 0 && !error) {
        size = read(fd, piece, limit < sizeof piece ? limit : sizeof piece);
        if (size < 0) error = strerror(errno);
        else if (asm_buffer_append(out, asm_str_make(piece, (size_t)size)) != ASM_OK)
            error = asm_result_string(out->result);
        else limit -= (size_t)size;
    }
    if (mode) *mode = fstat(fd, &status) == 0 ? status.st_mode & 0777 : 0666;
    close(fd);
    return error;
}

/* ---- Writing ---- */

static bool write_all(int fd, asm_str text) {
    while (text.size > 0) {
        const ssize_t size = write(fd, text.data, text.size);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) return false;
        text = asm_str_make(text.data + size, text.size - (size_t)size);
    }
    return true;
}

/* Makes a file beside the place, by a name that nothing has. */
static int create_beside(const struct place *place, mode_t mode, char *name, size_t size) {
    int fd = -1;
    for (int i = 0; i < TRIES && fd < 0; i++) {
        snprintf(name, size, ".asm-agent-%ld-%d", (long)getpid(), i);
        fd = openat(place->directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (fd < 0 && errno != EEXIST) return -1;
    }
    return fd;
}

static const char *replace(const struct place *place, asm_str content) {
    char name[64];
    struct stat status;
    const bool exists = fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (exists && S_ISDIR(status.st_mode)) return "is a directory";
    if (exists && !S_ISREG(status.st_mode)) return "is not a file";
    if (exists && faccessat(place->directory, place->name, W_OK, 0) != 0) return strerror(errno);
    const int fd = create_beside(place, 0666, name, sizeof name);
    if (fd < 0) return strerror(errno);
    bool is_written = write_all(fd, content) && (!exists || fchmod(fd, status.st_mode & 07777) == 0);
    int problem = errno;
    if (close(fd) != 0 && is_written) {
        is_written = false;
        problem = errno;
    }
    if (is_written && renameat(place->directory, name, place->directory, place->name) == 0) return NULL;
    if (is_written) problem = errno;
    unlinkat(place->directory, name, 0);
    return strerror(problem);
}

const char *folder_write_file(const struct folder *folder, asm_str path, asm_str content) {
    struct place place;
    const char *error = folder_find(folder, path, true, &place);
    if (error) return error;
    error = replace(&place, content);
    place_close(&place);
    return error;
}
