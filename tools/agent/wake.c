/* SPDX-License-Identifier: MIT OR Unlicense */
#include "wake.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupts, stop_number;
static int ends[2] = {-1, -1};

static void on_signal(int number) {
    const int before = errno;
    if (number == SIGINT) interrupts = interrupts + 1;
    else if (number != SIGCHLD) stop_number = number;
    const ssize_t written = write(ends[1], "", 1);
    (void)written;
    errno = before;
}

bool wake_init(void) {
    static const int taken[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
    struct sigaction action, now;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    if (pipe(ends) != 0) return false;
    for (int i = 0; i < 2; i++) {
        fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    action.sa_handler = on_signal;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (sigaction(taken[i], NULL, &now) == 0 && (now.sa_handler != SIG_IGN || taken[i] == SIGCHLD))
            sigaction(taken[i], &action, NULL);
    return true;
}

int wake_descriptor(void) {
    return ends[0];
}

void wake_clear(void) {
    char bytes[64];
    while (read(ends[0], bytes, sizeof bytes) > 0)
        continue;
}

int wake_interrupts(void) {
    const int count = (int)interrupts;
    interrupts = 0;
    return count;
}

int wake_stop_signal(void) {
    return (int)stop_number;
}
