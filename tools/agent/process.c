/* SPDX-License-Identifier: MIT OR Unlicense */
#include "process.h"

#include "watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FUNCTION_SECONDS = 20, FUNCTION_MEMORY = 512 * 1024 * 1024 };

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#define HAS_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#else
#define HAS_ADDRESS_SANITIZER 0
#endif

/* ---- Starting ---- */

/* What is to run in the new process. */
struct job {
    int directory; /* of the command */
    int kept;      /* of the function */
    const char *command;
    int (*function)(void *user, int out);
    void *user;
};

/* Files stay locked as long as a process has them open. */
static void limit_resources(int kept) {
    const struct rlimit time = {FUNCTION_SECONDS, FUNCTION_SECONDS}, none = {0, 0};
    setrlimit(RLIMIT_CPU, &time);
    setrlimit(RLIMIT_CORE, &none);
#if !HAS_ADDRESS_SANITIZER /* which takes much more */
    const struct rlimit memory = {FUNCTION_MEMORY, FUNCTION_MEMORY};
    setrlimit(RLIMIT_AS, &memory);
#endif
    close_descriptors(kept);
}

/* Signals as a program expects them, none of our descriptors, no terminal. */
static void work(const struct job *job, int output, const sigset_t *mask) {
    static const int ours[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGPIPE, SIGXFSZ, SIGTSTP, SIGTTOU};
    const int null = open("/dev/null", O_RDONLY);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        signal(ours[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    setsid();
    if (dup2(null, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0 ||
        (job->command && fchdir(job->directory) != 0))
        _exit(126);
    if (job->function) {
        limit_resources(job->kept);
        _exit(job->function(job->user, STDOUT_FILENO));
    }
    execl("/bin/sh", "sh", "-c", job->command, (char *)NULL);
    _exit(127);
}

static bool start(struct process *process, const struct job *job, int64_t deadline) {
    int ends[2];
    sigset_t all, before;
    memset(process, 0, sizeof *process);
    process->output = -1;
    process->deadline = deadline;
    asm_buffer_init_growing(&process->head);
    if (pipe(ends) != 0) return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before); /* no handler of ours runs in the new process */
    process->id = fork();
    if (process->id == 0) work(job, ends[1], &before);
    const int problem = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    errno = problem;
    if (process->id < 0) {
        close(ends[0]);
        process->id = 0;
        return false;
    }
    process->output = ends[0];
    watchdog_add(process->id);
    return true;
}

bool process_start(struct process *process, const struct folder *folder, const char *command,
                   int64_t deadline) {
    const struct job job = {folder->fd, -1, command, NULL, NULL};
    return start(process, &job, deadline);
}

bool process_start_function(struct process *process, int (*function)(void *user, int out), void *user,
                            int kept, int64_t deadline) {
    const struct job job = {-1, kept, NULL, function, user};
    return start(process, &job, deadline);
}

/* ---- Output ---- */

static void keep(struct process *process, asm_str text) {
    const size_t room = PROCESS_HEAD - process->head.size, size = text.size < room ? text.size : room;
    asm_buffer_append(&process->head, asm_str_make(text.data, size));
    for (size_t i = 0; i < text.size; i++, process->total++)
        if (i >= size) process->tail[process->total % PROCESS_TAIL] = text.data[i];
}

/* Reads what there is; false at the end. */
static bool read_some(struct process *process, asm_buffer *fresh) {
    char piece[16384];
    for (int turn = 0; turn < 16; turn++) { /* others want to be served, too */
        const ssize_t size = read(process->output, piece, sizeof piece);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
        if (size == 0) return false;
        keep(process, asm_str_make(piece, (size_t)size));
        if (fresh) asm_buffer_append(fresh, asm_str_make(piece, (size_t)size));
    }
    return true;
}

void process_append_output(const struct process *process, asm_buffer *out) {
    char note[64];
    asm_buffer_append(out, asm_buffer_text(&process->head));
    const uint64_t rest = process->total - process->head.size;
    if (rest <= PROCESS_TAIL) {
        for (uint64_t at = process->head.size; at < process->total; at++)
            asm_buffer_append_byte(out, process->tail[at % PROCESS_TAIL]);
        return;
    }
    snprintf(note, sizeof note, "\n[... %llu bytes left out ...]\n",
             (unsigned long long)(rest - PROCESS_TAIL));
    asm_buffer_append(out, asm_str_from(note));
    const size_t begin = (size_t)(process->total % PROCESS_TAIL);
    asm_buffer_append(out, asm_str_make(process->tail + begin, PROCESS_TAIL - begin));
    asm_buffer_append(out, asm_str_make(process->tail, begin));
}

/* ---- The end ---- */

static void close_output(struct process *process) {
    if (process->output >= 0) close(process->output);
    process->output = -1;
}

void process_stop(struct process *process, enum process_end why) {
    if (!process->id || process->end != PROCESS_RUNS) return;
    process->end = why;
    if (kill(-process->id, SIGKILL) != 0) kill(process->id, SIGKILL); /* it may not lead its group yet */
}

/* The process has ended: what it left running is ended, too. */
static void forget_group(struct process *process) {
    kill(-process->id, SIGKILL);
    watchdog_remove(process->id);
    process->id = 0;
}

/* Whether it has ended. */
static bool reap(struct process *process) {
    int status;
    if (waitpid(process->id, &status, WNOHANG) != process->id) return false;
    forget_group(process);
    if (process->end != PROCESS_RUNS) return true;
    process->end = WIFSIGNALED(status) ? PROCESS_SIGNALED : PROCESS_EXITED;
    process->code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    return true;
}

bool process_look(struct process *process, int64_t now, asm_buffer *fresh) {
    if (!process->id) return true;
    if (process->output >= 0 && !read_some(process, fresh)) close_output(process);
    if (process->total > PROCESS_MOST) process_stop(process, PROCESS_TOO_MUCH);
    if (now >= process->deadline) process_stop(process, PROCESS_TIMED_OUT);
    if (!reap(process)) return false;
    if (process->output >= 0) (void)read_some(process, fresh); /* what it printed last is in the pipe */
    close_output(process);
    return true;
}

void process_close(struct process *process) {
    process_stop(process, PROCESS_CANCELLED);
    if (process->id) {
        while (waitpid(process->id, NULL, 0) < 0 && errno == EINTR)
            continue;
        forget_group(process);
    }
    close_output(process);
    asm_buffer_close(&process->head);
}
