/* SPDX-License-Identifier: MIT OR Unlicense */
#include "remote.h"

#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { END_MS = 8000 }; /* after its pipe was closed */

bool is_remote(const char *path) {
    return strncmp(path, "nats://", 7) == 0;
}

const char *remote_name(const char *url, char *name, int size) {
    const size_t hosts = 7 + strcspn(url + 7, "/?");
    const char *at = (const char *)memchr(url, '@', hosts);
    const char *shown = at ? at + 1 : url + 7;
    snprintf(name, (size_t)size, "nats://%.*s", (int)strcspn(shown, "?"), shown);
    return name;
}

const char *remote_error(int error) {
    return error == ENOENT ? "needs asm-nats, which is made where libnats is installed: apt-get install "
                             "libnats-dev, and make again"
                           : strerror(error);
}

/* In the new process: the asm-nats beside this program, else one in PATH. */
static void run(char *const *arguments) {
    char path[4096];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 16);
    signal(SIGPIPE, SIG_DFL);
    if (size > 0) {
        path[size] = '\0';
        char *slash = strrchr(path, '/');
        if (slash) memcpy(slash, "/asm-nats", sizeof "/asm-nats");
        if (slash) execv(path, arguments);
    }
    execvp("asm-nats", arguments);
}

static void close_both(const int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

/* Starts it with one end of a pipe as its descriptor `theirs`, 0 or 1; the other end is ours. */
static bool start(struct remote *remote, int theirs, char *const *arguments) {
    int ends[2], told[2], error = 0;
    memset(remote, 0, sizeof *remote);
    remote->fd = -1;
    remote->reads = theirs == STDOUT_FILENO;
    if (pipe(ends) != 0) return false;
    if (pipe(told) != 0) {
        close_both(ends);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(told[i], F_SETFD, FD_CLOEXEC);
    }
    const pid_t pid = fork();
    if (pid == 0) {
        if (dup2(ends[theirs], theirs) == theirs) run(arguments);
        error = errno;
        if (write(told[1], &error, sizeof error) < 0) _exit(126);
        _exit(127);
    }
    error = pid < 0 ? errno : 0;
    close(ends[theirs]);
    close(told[1]);
    if (pid > 0 && read(told[0], &error, sizeof error) == (ssize_t)sizeof error) waitpid(pid, NULL, 0);
    close(told[0]);
    if (error) {
        close(ends[!theirs]);
        errno = error;
        return false;
    }
    remote->fd = ends[!theirs];
    remote->pid = (int)pid;
    return true;
}

bool remote_read(struct remote *remote, const char *url, bool follows, const char *from) {
    char begin[80] = "";
    const char *arguments[8] = {"asm-nats"};
    int count = 1;
    snprintf(begin, sizeof begin, "--from=%s", from ? from : "");
    if (follows) arguments[count++] = "-F";
    if (from) arguments[count++] = begin;
    arguments[count++] = "--";
    arguments[count++] = "read";
    arguments[count++] = url;
    if (!start(remote, STDOUT_FILENO, (char *const *)(void *)arguments)) return false;
    fcntl(remote->fd, F_SETFL, O_NONBLOCK);
    return true;
}

bool remote_write(struct remote *remote, const char *url) {
    const char *arguments[] = {"asm-nats", "--", "write", url, NULL};
    return start(remote, STDIN_FILENO, (char *const *)(void *)arguments);
}

static void close_pipe(struct remote *remote) {
    if (remote->fd >= 0) close(remote->fd);
    remote->fd = -1;
    if (remote->closed == 0) remote->closed = steady_ms();
}

/* False if it goes on, with `options` WNOHANG. */
static bool reap(struct remote *remote, int options) {
    int status = 0;
    pid_t ended;
    do
        ended = waitpid((pid_t)remote->pid, &status, options);
    while (ended < 0 && errno == EINTR);
    if (ended == 0) return false;
    remote->has_failed = ended > 0 && status != 0;
    remote->pid = 0;
    return true;
}

bool remote_has_ended(struct remote *remote) {
    close_pipe(remote);
    if (remote->pid == 0 || reap(remote, WNOHANG)) return true;
    if (remote->reads && steady_ms() - remote->closed > END_MS) kill((pid_t)remote->pid, SIGKILL);
    return false;
}

bool remote_end(struct remote *remote) {
    const struct timespec pause = {.tv_nsec = 5000000};
    close_pipe(remote);
    if (remote->pid && !remote->reads) reap(remote, 0);
    while (!remote_has_ended(remote))
        nanosleep(&pause, NULL);
    return !remote->has_failed;
}
