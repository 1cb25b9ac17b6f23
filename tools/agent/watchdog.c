/* SPDX-License-Identifier: MIT OR Unlicense */
#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { MOST_GROUPS = 256, MOST_DESCRIPTORS = 4096 };

struct notice {
    pid_t group;
    bool is_over;
};

static int notices = -1; /* the pipe to the process that looks, whose end is the end of this program */

void close_descriptors(int kept) {
    for (int fd = STDERR_FILENO + 1; fd < MOST_DESCRIPTORS; fd++)
        if (fd != kept) close(fd);
}

static void take(pid_t *groups, const struct notice *notice) {
    for (size_t i = 0; i < MOST_GROUPS; i++) {
        if (groups[i] != (notice->is_over ? notice->group : 0)) continue;
        groups[i] = notice->is_over ? 0 : notice->group;
        return;
    }
}

/* The process that looks. */
static void look(int from) {
    static pid_t groups[MOST_GROUPS];
    struct notice notice;
    ssize_t size;
    const int null = open("/dev/null", O_RDWR);
    setsid();
    signal(SIGCHLD, SIG_DFL);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    close_descriptors(from);
    do {
        size = read(from, &notice, sizeof notice); /* whole: it is less than PIPE_BUF */
        if (size == (ssize_t)sizeof notice) take(groups, &notice);
    } while (size > 0 || (size < 0 && errno == EINTR));
    for (size_t i = 0; i < MOST_GROUPS; i++)
        if (groups[i]) kill(-groups[i], SIGKILL);
    _exit(0);
}

static void start_looking(void) {
    int ends[2];
    sigset_t all, before;
    if (pipe(ends) != 0) return;
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all,
                &before); /* it ends by the pipe alone: no signal of the terminal reaches it */
    const pid_t id = fork();
    if (id == 0) look(ends[0]);
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (id > 0) notices = ends[1];
    else close(ends[1]);
}

static void tell(pid_t group, bool is_over) {
    struct notice notice;
    memset(&notice, 0, sizeof notice); /* padding is written, too */
    notice.group = group;
    notice.is_over = is_over;
    const ssize_t size = notices >= 0 ? write(notices, &notice, sizeof notice) : 0;
    (void)size;
}

void watchdog_add(pid_t group) {
    if (notices < 0) start_looking();
    tell(group, false);
}

void watchdog_remove(pid_t group) {
    tell(group, true);
}
