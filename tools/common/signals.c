/* SPDX-License-Identifier: MIT OR Unlicense */
#include "signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_number, grace_is_over;
static volatile sig_atomic_t seconds_left, status_then; /* 0: no limit */
static int wake_pipe[2] = {-1, -1};

static void end_at_once(void) {
    static const char words[] = "given up: it does not end\n";
    if (status_then != 0 && write(STDERR_FILENO, words, sizeof words - 1) < 0) _exit(status_then);
    _exit(status_then);
}

static void on_alarm(int number) {
    (void)number;
    if (seconds_left > 0 && --seconds_left == 0) end_at_once();
    grace_is_over = stop_number != 0;
    alarm(1);
}

static void start_alarm(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_alarm; /* without SA_RESTART: a write that waits returns */
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
}

static void on_stop(int number) {
    const int saved = errno;
    stop_number = number;
    start_alarm();
    const ssize_t written = write(wake_pipe[1], "", 1); /* cannot block: at most one byte for each signal */
    (void)written;
    errno = saved;
}

bool signals_init(void) {
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
    if (pipe(wake_pipe) != 0) return false;
    action.sa_handler = on_stop;
    action.sa_flags = (int)SA_RESETHAND;
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
    return true;
}

int stop_signal(void) {
    return (int)stop_number;
}

int signals_descriptor(void) {
    return wake_pipe[0];
}

bool is_time_to_give_up(void *user) {
    (void)user;
    return grace_is_over != 0;
}

void signals_limit(int seconds, int status) {
    seconds_left = 0; /* no alarm takes the one with the other */
    status_then = status;
    seconds_left = seconds;
}

void signals_end_within(int seconds, int status) {
    signals_limit(seconds, status);
    start_alarm();
}
