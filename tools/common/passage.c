/* SPDX-License-Identifier: MIT OR Unlicense */
#include "passage.h"

#include "messages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 64 * 1024,
    MOST_KEPT = 1024 * 1024, /* bytes that an empty queue may have memory for */
    PIECE = 512,             /* POSIX: what a pipe that can be written takes without waiting */
    NOT_FOUND = 127,
    NOT_STARTED = 126
};

/* One direction: bytes are read only when those before are out, so that a slow reader slows the other side down. */
struct direction {
    int from, to;                /* -1: closed */
    bool never_waits, is_socket; /* what is written to `to` goes as far as there is room */
    size_t begin, end;
    asm_buffer queue; /* what waits, if the hooks say what passes; else it is in `bytes` */
    char bytes[BUFFER_SIZE];
};

struct passage {
    struct direction in, out;
    struct passage_hooks hooks;
    pid_t child;
    bool is_lost; /* something could not be passed on, though its reader is there */
};

/* The end of the command and signals wake the loop by this pipe. */
static int wake_up[2] = {-1, -1};

static void handle_signal(int number, siginfo_t *info, void *context) {
    const unsigned char byte = (unsigned char)number;
    const int before = errno;
    (void)context;
    /* What a terminal sends goes to the command as well. */
    if (number == SIGCHLD || info->si_code <= 0) {
        const ssize_t written = write(wake_up[1], &byte, 1);
        (void)written;
    }
    errno = before;
}

static bool set_flag(int fd, int get, int set, int flag) {
    const int flags = fcntl(fd, get);
    return flags >= 0 && fcntl(fd, set, flags | flag) >= 0;
}

/* A pipe whose ends no other program inherits; a full one never makes `silent_end` wait. */
static bool open_pipe(int ends[2], int silent_end) {
    if (pipe(ends) < 0) return false;
    if (!set_flag(ends[0], F_GETFD, F_SETFD, FD_CLOEXEC) || !set_flag(ends[1], F_GETFD, F_SETFD, FD_CLOEXEC))
        return false;
    return silent_end < 0 || set_flag(ends[silent_end], F_GETFL, F_SETFL, O_NONBLOCK);
}

static const int forwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

static bool is_pipe_ignored; /* by who started us: the command inherits that, too */

static bool take_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = handle_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    if (!open_pipe(wake_up, 1) || !set_flag(wake_up[0], F_GETFL, F_SETFL, O_NONBLOCK)) return false;
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
        struct sigaction now;
        if (sigaction(forwarded[i], NULL, &now) < 0 || now.sa_handler == SIG_IGN) continue;
        if (sigaction(forwarded[i], &action, NULL) < 0) return false;
    }
    is_pipe_ignored = signal(SIGPIPE, SIG_IGN) == SIG_IGN;
    return sigaction(SIGCHLD, &action, NULL) == 0;
}

/* In the new process: becomes the command, or tells why not. */
static void become(char **command, int input, int output, int tell, sigset_t *mask) {
    int error;
    if (!is_pipe_ignored) signal(SIGPIPE, SIG_DFL);
    for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++) {
        struct sigaction now;
        if (sigaction(forwarded[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            signal(forwarded[i], SIG_DFL);
    }
    sigprocmask(SIG_SETMASK, mask, NULL);
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0) execvp(command[0], command);
    error = errno;
    while (write(tell, &error, sizeof error) < 0 && errno == EINTR)
        continue;
    _exit(NOT_FOUND);
}

/* Starts the command; an errno if it cannot be. */
static int start(struct passage *passage, char **command) {
    int input[2], output[2], told[2], error = 0;
    sigset_t all, before;
    ssize_t size;
    if (!open_pipe(input, 1) || !open_pipe(output, -1) || !open_pipe(told, -1)) return errno;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* no handler of ours runs in the new process */
    passage->child = fork();
    if (passage->child == 0) become(command, input[0], output[1], told[1], &before);
    error = passage->child < 0 ? errno : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(input[0]);
    close(output[1]);
    close(told[1]);
    passage->in.to = input[1];
    passage->out.from = output[0];
    if (error == 0) {
        do /* the end comes when the command has begun */
            size = read(told[0], &error, sizeof error);
        while (size < 0 && errno == EINTR);
        if (size != sizeof error) error = 0;
    }
    close(told[0]);
    return error;
}

static void close_end(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

static bool is_passing(int result) {
    return result >= 0 || errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK;
}

static bool has_bytes(const struct direction *direction) {
    return direction->begin < direction->end;
}

static enum passage_way way_of(const struct passage *passage, const struct direction *direction) {
    return direction == &passage->in ? PASSAGE_IN : PASSAGE_OUT;
}

/* What the hooks have appended waits as well. */
static void take_queue(struct direction *direction) {
    if (direction->queue.result != ASM_OK) die("%s", asm_result_string(direction->queue.result));
    direction->end = direction->queue.size;
}

/* Empties the queue; what a large message took is given back. */
static void clear_queue(struct direction *direction) {
    if (direction->queue.size > MOST_KEPT) {
        asm_buffer_close(&direction->queue);
        asm_buffer_init_growing(&direction->queue);
    }
    asm_buffer_clear(&direction->queue);
    direction->begin = direction->end = 0;
}

/* Nothing more is read there; the other side sees the end once what waits is out. */
static void end_reading(struct passage *passage, struct direction *direction) {
    close_end(&direction->from);
    if (passage->hooks.end && direction->to >= 0) {
        passage->hooks.end(passage->hooks.user, way_of(passage, direction), &direction->queue);
        take_queue(direction);
    }
    if (!has_bytes(direction)) close_end(&direction->to);
}

/* What waits when it is full gets no more than what fits. */
static ssize_t write_piece(const struct direction *direction, const char *bytes, size_t size) {
#ifdef MSG_DONTWAIT
    if (direction->is_socket) return send(direction->to, bytes, size, MSG_DONTWAIT);
#endif
    return write(direction->to, bytes, direction->never_waits || size < PIECE ? size : PIECE);
}

static void write_some(struct passage *passage, struct direction *direction) {
    const char *bytes = (passage->hooks.take ? direction->queue.data : direction->bytes) + direction->begin;
    const ssize_t size = write_piece(direction, bytes, direction->end - direction->begin);
    if (size > 0) {
        if (!passage->hooks.take)
            passage->hooks.copy(passage->hooks.user, way_of(passage, direction), bytes, (size_t)size);
        direction->begin += (size_t)size;
    } else if (!is_passing((int)size)) {
        if (direction == &passage->out && errno != EPIPE && errno != EBADF) { /* it is there, and full */
            complain("standard output: %s", strerror(errno));
            passage->is_lost = true;
        }
        close_end(&direction->to);
        close_end(&direction->from);
        direction->begin = direction->end;
        if (direction == &passage->out) { /* nobody reads: neither shall the command be fed any more */
            close_end(&passage->in.to);
            passage->in.begin = passage->in.end;
        }
    }
    if (has_bytes(direction)) return;
    if (passage->hooks.take) clear_queue(direction);
    if (direction->from < 0) close_end(&direction->to);
}

static void read_some(struct passage *passage, struct direction *direction) {
    const ssize_t size = read(direction->from, direction->bytes, sizeof direction->bytes);
    if (size > 0 && passage->hooks.take) {
        passage->hooks.take(passage->hooks.user, way_of(passage, direction),
                            asm_str_make(direction->bytes, (size_t)size), &direction->queue);
        take_queue(direction);
    } else if (size > 0) {
        direction->begin = 0;
        direction->end = (size_t)size;
    } else if (size == 0 || !is_passing((int)size)) {
        end_reading(passage, direction);
    }
    if (direction->never_waits && has_bytes(direction)) write_some(passage, direction);
}

/* Hands signals on; true once the command has ended. */
static bool hear(struct passage *passage, int *status) {
    unsigned char numbers[64];
    const ssize_t count = read(wake_up[0], numbers, sizeof numbers);
    for (ssize_t i = 0; i < count; i++)
        if (numbers[i] != SIGCHLD) kill(passage->child, numbers[i]);
    return waitpid(passage->child, status, WNOHANG) == passage->child;
}

static void wake(struct passage *passage) {
    struct direction *in = &passage->in, *out = &passage->out;
    passage->hooks.wake(passage->hooks.user, in->from >= 0 && in->to >= 0 ? &in->queue : NULL,
                        out->from >= 0 && out->to >= 0 ? &out->queue : NULL);
    take_queue(in);
    take_queue(out);
}

/* Waits for what can be done; false if nothing will come any more. */
static bool wait_for_some(struct passage *passage, struct pollfd polled[6], bool has_ended) {
    const struct direction *in = &passage->in, *out = &passage->out;
    polled[0] = (struct pollfd){wake_up[0], POLLIN, 0};
    polled[1] = (struct pollfd){has_bytes(in) || in->to < 0 ? -1 : in->from, POLLIN, 0};
    polled[2] = (struct pollfd){has_bytes(in) ? in->to : -1, POLLOUT, 0};
    polled[3] = (struct pollfd){has_bytes(out) ? -1 : out->from, POLLIN, 0};
    polled[4] = (struct pollfd){out->to, has_bytes(out) ? POLLOUT : 0, 0};
    polled[5] = (struct pollfd){
        passage->hooks.descriptor ? passage->hooks.descriptor(passage->hooks.user) : -1, POLLIN, 0};
    /* what it printed last is in the pipe; whoever else has that end open is not waited for */
    if (has_ended && !has_bytes(out)) return poll(polled + 3, 1, 0) > 0;
    return poll(polled, 6, -1) >= 0 || errno == EINTR;
}

static int pass_all(struct passage *passage) {
    struct direction *in = &passage->in, *out = &passage->out;
    bool has_ended = false;
    int status = 0;
    while (!has_ended || out->from >= 0 || has_bytes(out)) {
        struct pollfd polled[6];
        if (!wait_for_some(passage, polled, has_ended)) break;
        if (polled[0].revents && !has_ended) has_ended = hear(passage, &status);
        if (polled[3].revents) read_some(passage, out);
        if (polled[4].revents && has_bytes(out)) write_some(passage, out);
        else if (polled[4].revents & POLLERR) close_end(&out->to), close_end(&out->from), close_end(&in->to);
        if (polled[1].revents) read_some(passage, in);
        if (polled[2].revents && has_bytes(in)) write_some(passage, in);
        if (polled[5].revents) wake(passage);
    }
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    return passage->is_lost && WEXITSTATUS(status) == 0 ? EXIT_FAILED : WEXITSTATUS(status);
}

/* Standard output may be shared with others, so that it cannot be made not to wait: but a pipe can be opened once more, and
 * a socket is asked each time. */
static void look_at_output(struct direction *out) {
    struct stat status;
    if (fstat(STDOUT_FILENO, &status) != 0) return;
    if (S_ISFIFO(status.st_mode)) {
        const int own = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        out->never_waits = own >= 0 && dup2(own, STDOUT_FILENO) >= 0;
        if (own >= 0) close(own);
    }
#ifdef MSG_DONTWAIT
    out->is_socket = S_ISSOCK(status.st_mode);
    out->never_waits = out->never_waits || out->is_socket;
#endif
}

int passage_run(char **command, const struct passage_hooks *hooks) {
    static struct passage passage; /* too large for some stacks */
    int error;
    memset(&passage, 0, sizeof passage);
    passage.in.from = STDIN_FILENO;
    passage.out.to = STDOUT_FILENO;
    passage.in.to = passage.out.from = -1;
    passage.in.never_waits = true;
    look_at_output(&passage.out);
    passage.hooks = *hooks;
    asm_buffer_init_growing(&passage.in.queue);
    asm_buffer_init_growing(&passage.out.queue);
    if (!take_signals()) die("a pipe for signals: %s", strerror(errno));
    error = start(&passage, command);
    if (error != 0) {
        complain("%s: %s", command[0], strerror(error));
        return error == ENOENT ? NOT_FOUND : NOT_STARTED;
    }
    return pass_all(&passage);
}
