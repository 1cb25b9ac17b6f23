/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

#include "../common/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the new process. */
static void run(char **arguments, int out) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_DFL;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
    if (dup2(out, STDOUT_FILENO) >= 0) execvp(arguments[0], arguments);
    complain("%s: %s", arguments[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

void child_start(struct child *child, struct live *live, char **arguments, asm_format format) {
    int ends[2];
    memset(child, 0, sizeof *child);
    child->stream.fd = -1;
    if (pipe(ends) != 0) die("a pipe: %s", strerror(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    const pid_t pid = fork();
    if (pid < 0) die("%s: %s", arguments[0], strerror(errno));
    if (pid == 0) run(arguments, ends[1]);
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    child->pid = (int)pid;
    if (!stream_open(&child->stream, live, ends[0], arguments[0], format))
        die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
}

void child_look(struct child *child) {
    int status;
    if (child->pid == 0 || waitpid((pid_t)child->pid, &status, WNOHANG) <= 0) return;
    child->pid = 0;
    if (WIFSIGNALED(status)) complain("%s was ended by signal %d", child->stream.name, WTERMSIG(status));
    else complain("%s ended with status %d", child->stream.name, WEXITSTATUS(status));
}

void child_stop(struct child *child) {
    if (child->pid > 0) kill((pid_t)child->pid, SIGTERM);
    stream_close(&child->stream);
}
