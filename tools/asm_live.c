/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-live - shows the sessions of agents on a page, live
 *
 *     asm-live --sessions                      all that the known agents keep on this machine
 *     asm-live session.jsonl                   a file, followed
 *
 * One loop waits for all: browsers (examples/live_server.h), files, standard input, a command, a socket.
 */
#include "live/sources.h"

#include "common/formats.h"
#include "common/messages.h"
#include "common/options.h"
#include "common/sessions.h"
#include "common/signals.h"
#include "common/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/file.h>
#include <unistd.h>

/* ---- Options ---- */

struct settings {
    struct live_settings page;
    int format;
    bool sessions, runs;
    const char *agent, *socket, *log;
};

static void take_agent(void *settings, const struct option *option, const char *value) {
    ((struct settings *)settings)->agent = agent_choice(option_read_choice(option, value));
}

static void take_host(void *settings, const struct option *option, const char *value) {
    struct live_settings *page = &((struct settings *)settings)->page;
    if (page->host_count == MAX_HOSTS) die("--%s: at most %d of them", option->name, MAX_HOSTS);
    page->hosts[page->host_count++] = value;
}

#define AT(member) OPTION_AT(settings, member)

static const struct option options[] = {
    HEADING("What is shown"),
    FLAG('s', "sessions", "all sessions that agents keep on this machine, new ones as they begin",
         AT(sessions)),
    {.kind = OPTION_OTHER,
     .name = "agent",
     .value = "NAME",
     .choice = agent_choice,
     .take = take_agent,
     .help = "with --sessions: this agent's only"},
    FLAG(0, "run", "start the command after --, and show what it prints", AT(runs)),
    TEXT(0, "socket", "PATH", "take events from a Unix socket as well", AT(socket)),
    FORMAT("the format of files, standard input and the command (default: auto)", AT(format)),
    HEADING("The page"),
    NUMBER('p', "port", "PORT", "its port; 0: any (default: 7777)", AT(page.port), 0, 65535),
    TEXT(0, "listen", "ADDRESS", "serve other machines, too, by this address of ours", AT(page.address)),
    OTHER(0, "host", "NAME[:PORT]", "another name that it is reached by: that of a proxy, say", 0, take_host),
    TEXT(0, "tls-cert", "FILE", "serve by HTTPS, with this certificate (PEM)", AT(page.certificate)),
    TEXT(0, "tls-key", "FILE", "and its key", AT(page.key)),
    NUMBER(0, "viewers", "N", "how many may view at a time (default: 1024)", AT(page.viewers), 1, 60000),
    TEXT(0, "log", "DIRECTORY",
         "where events are kept that cannot be read again (default: one of the user's)", AT(log)),
    PROGRAM_OPTIONS,
};

static const char *const description[] = {
    "Shows the sessions of agents on a page in a browser, live: which "
    "agent needs you, what each does, what it "
    "cost, and all that was said and done.",
    "FILEs are followed as they grow; one may be an address of NATS JetStream, "
    "nats://HOST/asm (asm-nats --man). Without FILE and other inputs: "
    "--sessions, if standard input is a terminal, else "
    "standard input, which - stands for.",
    NULL};

static const char *const notes[] = {
    "The address that is printed has a token in it: whoever has it sees everything, so it is as good as a "
    "password. "
    "It stays the same, so that a page goes on when asm-live is started again.",
    "Events from standard input, a command or a socket are kept as JSON Lines in a directory, so that none "
    "is lost "
    "when asm-live ends; they are shown again by the next one. Remove the files to forget them.",
    NULL};

static const struct example examples[] = {
    {"asm-live --sessions", "All agents of this machine on one page"},
    {"asm-live session.jsonl", "One session as it goes on"},
    {"asm-live --run -- claude -p --output-format stream-json --verbose 'Fix it'",
     "Run an agent and watch it"},
    {"asm-live --socket=/tmp/agents.sock", "Take events from programs of yours, as JSON Lines"},
    {NULL, NULL}};

static const char *const exit_statuses[] = {"0  it was ended by a signal",
                                            "2  wrong usage, or no page could be served", NULL};

static const struct command command = {.name = "asm-live",
                                       .purpose = "show sessions of agents on a page, live",
                                       .usage = "[OPTION]... [FILE]...",
                                       PROGRAM_TABLES};

/* ---- Logs of before ---- */

static void track(void *user, const asm_event *event) {
    tracked_event((struct tracked *)user, event, event->time);
}

/* The id of the session that a log is of, from its first line; allocated. NULL if there is none. */
static char *id_in_log(const char *path) {
    enum { HEAD = 256 * 1024 };
    char *head = (char *)malloc(HEAD), *id = NULL;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    const ssize_t got = fd >= 0 && head ? read(fd, head, HEAD) : -1;
    const char *end = got > 0 ? (const char *)memchr(head, '\n', (size_t)got) : NULL;
    asm_event event;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    if (end &&
        asm_event_read_json(&event, asm_str_make(head, (size_t)(end - head)), &scratch, NULL) == ASM_OK) {
        id = (char *)calloc(1, event.session_id.size + 1);
        if (id && event.session_id.size > 0) memcpy(id, event.session_id.data, event.session_id.size);
    }
    asm_buffer_close(&scratch);
    if (fd >= 0) close(fd);
    free(head);
    return id;
}

/* Shows the sessions whose logs are in the directory. */
static void find_logs(struct live *live, const char *directory) {
    DIR *logs = opendir(directory);
    const struct dirent *entry;
    if (!logs) die("%s: %s", directory, strerror(errno));
    while ((entry = readdir(logs)) != NULL) {
        const size_t size = strlen(entry->d_name);
        char path[4096];
        if (size < 7 || strcmp(entry->d_name + size - 6, ".jsonl") != 0) continue;
        if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) >= (int)sizeof path) continue;
        char *id = id_in_log(path);
        live_session *session = id ? live_server_session(live_server_of(live), asm_str_from(id)) : NULL;
        if (session) live_session_each(session, track, live_tracked(session));
        free(id);
    }
    closedir(logs);
}

/* Logs are written by one program at a time. NULL, with a message, if another has them. */
static const char *log_directory(const struct settings *settings) {
    enum { LOCK_TRIES = 25 };
    const char *directory = settings->log ? settings->log : state_directory("asm-live", "log");
    char path[4096];
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) die("%s: %s", directory, strerror(errno));
    snprintf(path, sizeof path, "%s/lock", directory);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); /* held until we end */
    if (fd < 0) die("%s: %s", path, strerror(errno));
    for (int i = 0; i < LOCK_TRIES; i++) { /* one that was killed a moment ago may have it still */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return directory;
        poll(NULL, 0, 20);
    }
    if (settings->log) die("%s: another asm-live writes its logs there", directory);
    complain("another asm-live keeps its logs in %s: what is read here and is in no file is kept until this "
             "one ends",
             directory);
    close(fd);
    return NULL;
}

/* ---- The program ---- */

enum { MAX_REMOTES = 8 };

struct program {
    struct settings settings;
    struct live *live;
    struct files *files;
    struct stream standard_input;
    struct child child;
    struct listener listener;
    struct remote_source remotes[MAX_REMOTES];
    size_t remote_count;
};

static void open_standard_input(struct program *program) {
    const int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (fd < 0) die("standard input: %s", strerror(errno));
    if (!stream_open(&program->standard_input, program->live, fd, "standard input",
                     (asm_format)program->settings.format))
        die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
}

static void open_sources(struct program *program, char **operands, int count) {
    struct settings *settings = &program->settings;
    bool reads_stdin = count == 0 && !settings->sessions && !settings->runs && !settings->socket;
    if (reads_stdin && isatty(STDIN_FILENO)) {
        settings->sessions = true;
        reads_stdin = false;
    }
    if (settings->runs && count == 0) die("--run needs a command: asm-live --run -- COMMAND [ARGUMENT]...");
    for (int i = 0; i < count && !settings->runs; i++) {
        if (strcmp(operands[i], "-") == 0) reads_stdin = true;
        else if (is_remote(operands[i])) {
            if (program->remote_count == MAX_REMOTES) die("at most %d addresses", MAX_REMOTES);
            remote_source_open(&program->remotes[program->remote_count++], program->live, operands[i]);
        } else files_add(program->files, operands[i]);
    }
    if (settings->sessions) files_find_sessions(program->files, settings->agent);
    if (reads_stdin) open_standard_input(program);
    if (settings->socket) listener_open(&program->listener, program->live, settings->socket);
    operands[count] = NULL;
    if (settings->runs) child_start(&program->child, program->live, operands, (asm_format)settings->format);
}

/* Waits for something to do. */
static void wait_for_news(struct program *program, struct waits *waits) {
    int pause = live_timeout(program->live);
    const int of_files = files_timeout(program->files);
    waits->count = 0;
    wait_for_input(waits, signals_descriptor());
    wait_for_input(waits, live_descriptor(program->live));
    if (program->standard_input.fd >= 0) wait_for_input(waits, program->standard_input.fd);
    if (program->child.stream.fd >= 0) wait_for_input(waits, program->child.stream.fd);
    for (size_t i = 0; i < program->remote_count; i++)
        if (program->remotes[i].remote.fd >= 0) wait_for_input(waits, program->remotes[i].remote.fd);
        else if (pause > 100) pause = 100;
    listener_wait(&program->listener, waits);
    if (of_files >= 0 && of_files < pause) pause = of_files;
    poll(waits->items, (nfds_t)waits->count, pause);
}

/* Standard input may be shared with other programs, so it is not made to not block: one read for each time that there is
 * something. */
static void run(struct program *program) {
    struct waits waits;
    while (!stop_signal()) {
        wait_for_news(program, &waits);
        files_read(program->files);
        for (size_t i = 0; i < program->remote_count; i++)
            remote_source_read(&program->remotes[i]);
        if (program->standard_input.fd >= 0 && waits.items[2].revents)
            stream_read_once(&program->standard_input);
        stream_read(&program->child.stream);
        child_look(&program->child);
        listener_read(&program->listener);
        live_turn(program->live);
    }
}

int main(int argc, char **argv) {
    static struct program program;
    program.settings.page.port = 7777;
    program.settings.page.tells_stdout = true;
    program.standard_input.fd = program.child.stream.fd = program.listener.fd = -1;
    messages_init(command.name);
    if (!signals_init()) die("a pipe for signals: %s", strerror(errno));
    const int count = options_read(&command, &program.settings, argc, argv);
    program.settings.page.directory = log_directory(&program.settings);
    program.live = live_start(&program.settings.page, NULL);
    program.files = files_open(program.live, (asm_format)program.settings.format);
    if (program.settings.page.directory) find_logs(program.live, program.settings.page.directory);
    open_sources(&program, argv, count);
    run(&program);
    child_stop(&program.child);
    stream_close(&program.standard_input);
    listener_close(&program.listener);
    for (size_t i = 0; i < program.remote_count; i++)
        remote_source_close(&program.remotes[i]);
    files_close(program.files);
    live_end(program.live);
    return EXIT_SUCCESS;
}
