/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-tee - shows and logs the session of an agent that another program talks with
 *
 *     asm-tee --jsonl=session.jsonl -- agent --acp        in place of `agent --acp` in an editor's settings
 *
 * The passage (common/passage.h) hands on every byte. A process of its own gets a copy and does all the rest, so that
 * nothing that goes wrong there, a full disk or a reader that has stopped, is felt by either side: what it does not take
 * in time is kept in memory, to a limit, and then left out, which it says.
 */
#include "asm_ingest.h"
#include "asm_render.h"

#include "common/formats.h"
#include "common/messages.h"
#include "common/options.h"
#include "common/outputs.h"
#include "common/passage.h"
#include "serve/live.h"
#include "tee/approver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_LIMIT = 64 * 1024 * 1024, /* bytes of a line that is read */
    KEPT_LIMIT = 64 * 1024 * 1024, /* bytes that wait for the copy's process */
    MAX_EARLY = 16,                /* events that wait for a session's id */
    HELD_LIMIT = 4 * 1024 * 1024,  /* bytes that are shown after a question is answered */
    TOLD_LIMIT = 10,               /* diagnostics that are told one by one */
    PATIENCE = 2000                /* milliseconds for it to take the rest in the end */
};

/* ---- Options ---- */

enum { RENDERER_COMPACT, RENDERER_VERBOSE, RENDERER_STUDIO };

enum { APPROVE_TERMINAL, APPROVE_PAGE, APPROVE_NOBODY = -1 };

struct settings {
    int format, renderer, color, approve;
    const char *terminal;
    bool view;
    struct output_settings outputs;
    struct live_settings live;
};

static const char *renderer_choice(int index) {
    static const char *const names[] = {"compact", "verbose", "studio", NULL};
    return names[index];
}

static const char *approve_choice(int index) {
    static const char *const names[] = {"terminal", "page", NULL};
    return names[index];
}

#define AT(member) OPTION_AT(settings, member)

static const struct option options[] = {
    HEADING("What is done with the copy"),
    FLAG(0, "view", "show the session on standard error", AT(view)),
    CHOICE('r', "renderer", "NAME", "how it is shown (default: studio)", AT(renderer), renderer_choice),
    CHOICE(0, "color", "WHEN", "colors; auto looks at the terminal and NO_COLOR (default: auto)", AT(color),
           when_choice),
    OUTPUT_OPTIONS(AT(outputs), AT(outputs.preset), ""),
    LIVE_OPTION(AT(live.port)),
    HEADING("Who is asked"),
    CHOICE(0, "approve", "WHERE", "a second person may answer requests for permission", AT(approve),
           approve_choice),
    TEXT(0, "terminal", "PATH", "the terminal to ask on (default: /dev/tty)", AT(terminal)),
    HEADING("What passes"),
    FORMAT("its format; auto looks at the first lines (default: auto)", AT(format)),
    PROGRAM_OPTIONS,
};

static const char *const description[] = {"Starts COMMAND, hands on its standard input and output unchanged, "
                                          "and shows or logs the session that passes: "
                                          "what an agent prints, or what it and an editor tell each other.",
                                          NULL};

static const char *const notes[] = {
    "The command cannot be told from one that runs by itself: end of input, signals, exit status and a slow "
    "reader reach it "
    "as they would. Nothing that fails in the copy stops it. Files are appended to, but for a trace.",
    "With --approve the first answer counts, the editor's or the second person's. One that is given here "
    "reaches the "
    "agent once, and the editor is told that the request is withdrawn; its own answer is then left out.",
    NULL};

static const struct example examples[] = {
    {"asm-tee --jsonl=session.jsonl -- agent --acp", "Log what an editor and its agent tell each other"},
    {"asm-tee --view -- claude -p --output-format stream-json --verbose 'Fix it' > session.jsonl",
     "Keep what the agent prints, and watch it"},
    {"asm-tee --live=7777 --approve=page -- agent --acp",
     "Approve in a browser, too, what the agent asks the editor"},
    {NULL, NULL}};

static const char *const exit_statuses[] = {
    "N  that of COMMAND; 128 + S if signal S ended it",
    "2  wrong usage, an output that cannot be opened, or a standard output that cannot be written",
    "126  COMMAND cannot be started; 127: there is none", NULL};

static const struct command command = {.name = "asm-tee",
                                       .purpose =
                                           "show and log the session of an agent that another program runs",
                                       .usage = "[OPTION]... -- COMMAND [ARGUMENT]...",
                                       PROGRAM_TABLES};

/* ---- The process that reads the copy ---- */

/* What comes before each piece of the copy. */
struct head {
    size_t size;
    asm_time time;
    int way;            /* as in enum passage_way; GATE_NOTES */
    bool is_after_loss; /* bytes before it were left out */
};

struct reader {
    asm_ingest ingest;
    asm_pipeline pipeline;
    struct outputs outputs;
    struct live *live;           /* NULL: no page */
    struct approver *approver;   /* NULL: nobody is asked */
    asm_event *early[MAX_EARLY]; /* for the page: they came before any session had a name; allocated */
    size_t early_count;
    asm_renderer look;   /* what the three below look like */
    asm_buffer held;     /* what is shown when nothing is asked any more */
    asm_buffer lines[2]; /* the line that has begun, of each way */
    bool is_skipping[2]; /* it has no beginning, or is too long */
    unsigned long diagnostics;
    asm_studio studio;
    asm_compact compact;
    asm_verbose verbose;
};

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct reader *reader = (struct reader *)user;
    if (reader->diagnostics++ < TOLD_LIMIT)
        complain("line %lu: %s", (unsigned long)diagnostic->line, diagnostic->message);
}

/* What was said before a session had a name belongs to the first that has one. */
static void show_early(struct reader *reader, asm_str session) {
    for (size_t i = 0; i < reader->early_count; i++) {
        reader->early[i]->session_id = session;
        live_on_event(reader->live, reader->early[i]);
        free(reader->early[i]);
    }
    reader->early_count = 0;
}

static bool keep_early(struct reader *reader, const asm_event *event) {
    const size_t size = asm_event_copy_size(event);
    void *block = reader->early_count < MAX_EARLY ? malloc(size) : NULL;
    if (!block) return false;
    reader->early[reader->early_count++] = asm_event_copy(event, block, size);
    return true;
}

static void show_live(struct reader *reader, const asm_event *event) {
    if (event->session_id.size == 0 && keep_early(reader, event)) return;
    show_early(reader, event->session_id);
    live_on_event(reader->live, event);
}

static void on_event(void *user, const asm_event *event) {
    struct reader *reader = (struct reader *)user;
    asm_event numbered = *event;
    if (reader->approver) approver_event(reader->approver, &numbered);
    outputs_event(&reader->outputs, &reader->pipeline, event);
    if (reader->live) show_live(reader, &numbered);
}

/* ---- While somebody is asked on the terminal nothing else is shown, so that the question stays the last thing there ---- */

static void look_begin(void *self, const asm_terminal *terminal) {
    const asm_renderer *look = &((struct reader *)self)->look;
    if (look->begin) look->begin(look->self, terminal);
}

static bool is_holding(const struct reader *reader) {
    return reader->approver && approver_is_asking(reader->approver);
}

static asm_result look_event(void *self, const asm_event *event, asm_buffer *out) {
    struct reader *reader = (struct reader *)self;
    const bool is_held = is_holding(reader);
    if (is_held && reader->held.size > HELD_LIMIT) {
        asm_buffer_clear(&reader->held);
        asm_buffer_append(&reader->held, ASM_STR("\n(some of what came meanwhile is not shown)\n"));
    }
    return reader->look.render_event(reader->look.self, event, is_held ? &reader->held : out);
}

static asm_result look_tick(void *self, asm_time now, asm_buffer *out) {
    struct reader *reader = (struct reader *)self;
    return is_holding(reader) || !reader->look.tick ? ASM_OK : reader->look.tick(reader->look.self, now, out);
}

static asm_result look_transient(void *self, asm_time now, asm_buffer *out) {
    struct reader *reader = (struct reader *)self;
    return is_holding(reader) || !reader->look.transient
               ? ASM_OK
               : reader->look.transient(reader->look.self, now, out);
}

static asm_result look_finish(void *self, asm_buffer *out) {
    const asm_renderer *look = &((struct reader *)self)->look;
    return look->finish ? look->finish(look->self, out) : ASM_OK;
}

static void release_held(struct reader *reader) {
    if (is_holding(reader) || reader->held.size == 0) return;
    outputs_write(&reader->outputs, asm_buffer_text(&reader->held));
    asm_buffer_close(&reader->held);
    asm_buffer_init_growing(&reader->held);
}

/* Asks the next question, if there is one, below all that is shown. */
static void ask(struct reader *reader) {
    if (!reader->approver) return;
    release_held(reader);
    if (!approver_has_news(reader->approver)) return;
    asm_pipeline_flush(&reader->pipeline);
    outputs_hide(&reader->outputs);
    approver_show(reader->approver);
    release_held(reader);
}

/* ---- Reading ---- */

/* Whole lines go to the reader of the format, so that the two ways do not cut into each other's. */
static void read_piece(struct reader *reader, const struct head *head, const char *data) {
    if (head->way == GATE_NOTES) {
        if (reader->approver) approver_note(reader->approver, data, head->size);
        return;
    }
    asm_buffer *line = &reader->lines[head->way];
    const char *at = data, *end = data + head->size;
    if (head->is_after_loss) {
        asm_buffer_clear(line);
        reader->is_skipping[head->way] = true;
        complain("the copy is not read in time: some of it was left out");
    }
    while (at < end) {
        const char *next = (const char *)memchr(at, '\n', (size_t)(end - at));
        const size_t size = (size_t)((next ? next + 1 : end) - at);
        if (!reader->is_skipping[head->way] &&
            (line->size + size > LINE_LIMIT || asm_buffer_append(line, asm_str_make(at, size)) != ASM_OK)) {
            complain("a line of over %d MB was left out", LINE_LIMIT / (1024 * 1024));
            reader->is_skipping[head->way] = true;
        }
        if (next) {
            const bool is_read = !reader->is_skipping[head->way];
            if (is_read && reader->approver && head->way == PASSAGE_OUT)
                approver_line(reader->approver, asm_buffer_text(line));
            if (is_read) asm_ingest_feed(&reader->ingest, line->data, line->size, head->time);
            reader->is_skipping[head->way] = false;
            asm_buffer_clear(line);
        }
        at += size;
    }
    asm_pipeline_flush(&reader->pipeline);
    outputs_check(&reader->outputs);
}

/* Serves the page and the terminal until there is something to read. */
static void wait_for(struct reader *reader, int fd) {
    struct pollfd polled[] = {{fd, POLLIN, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
    do {
        ask(reader);
        if (reader->live) live_turn(reader->live);
        polled[1].fd = reader->live ? live_descriptor(reader->live) : -1;
        polled[2].fd = reader->approver ? approver_descriptor(reader->approver) : -1;
        for (int i = 0; i < 3; i++)
            polled[i].revents = 0;
        poll(polled, 3, reader->live ? live_timeout(reader->live) : -1);
        if (polled[2].revents) approver_read(reader->approver);
    } while (!polled[0].revents);
}

static bool read_whole(struct reader *reader, int fd, void *memory, size_t size) {
    char *at = (char *)memory;
    while (size > 0) {
        if (reader->live || reader->approver) wait_for(reader, fd);
        const ssize_t got = read(fd, at, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static asm_renderer renderer_for(struct reader *reader, const struct settings *settings) {
    asm_render_options look;
    memset(&look, 0, sizeof look);
    look.color = (asm_setting)settings->color;
    if (settings->renderer == RENDERER_COMPACT) return asm_compact_init(&reader->compact, &look);
    if (settings->renderer == RENDERER_VERBOSE) return asm_verbose_init(&reader->verbose, &look);
    return asm_studio_init(&reader->studio, &look);
}

/* Reads the copy from `fd` to its end. */
static void read_copy(const struct settings *settings, struct reader *reader, int fd) {
    static char bytes[64 * 1024];
    asm_ingest_options from;
    asm_pipeline_options to;
    struct head head;
    asm_time last = 0;
    memset(&from, 0, sizeof from);
    memset(&to, 0, sizeof to);
    asm_buffer_init_growing(&reader->lines[PASSAGE_IN]);
    asm_buffer_init_growing(&reader->lines[PASSAGE_OUT]);
    asm_buffer_init_growing(&reader->held);
    reader->look = renderer_for(reader, settings);
    to.renderer = (asm_renderer){reader, look_begin, look_event, look_tick, look_transient, look_finish};
    to.sinks = reader->outputs.sinks;
    to.sink_count = reader->outputs.count;
    from.format = (asm_format)settings->format;
    from.on_event = on_event;
    from.on_diagnostic = on_diagnostic;
    from.user = reader;
    if (asm_pipeline_init(&reader->pipeline, &to) == ASM_OK &&
        asm_ingest_init(&reader->ingest, &from) == ASM_OK) {
        while (read_whole(reader, fd, &head, sizeof head) && read_whole(reader, fd, bytes, head.size)) {
            read_piece(reader, &head, bytes);
            last = head.time;
        }
        asm_ingest_end(&reader->ingest, last);
    }
    if (reader->diagnostics > TOLD_LIMIT)
        complain("%lu more lines could not be read", reader->diagnostics - TOLD_LIMIT);
    asm_ingest_close(&reader->ingest);
    approver_close(reader->approver);
    reader->approver = NULL;
    release_held(reader);
    asm_pipeline_close(&reader->pipeline);
    outputs_check(&reader->outputs);
    outputs_free(&reader->outputs);
    if (reader->live) show_early(reader, ASM_STR(""));
    live_end(reader->live);
}

/* ---- The copy ---- */

struct copy {
    int fd; /* -1: nobody takes it any more */
    char *kept;
    size_t begin, end, capacity; /* of what waits */
    bool has_lost[3];            /* of each way, and of notes */
};

/* Writes what waits, as far as it goes without waiting. */
static void send_kept(struct copy *copy) {
    while (copy->fd >= 0 && copy->begin < copy->end) {
        const ssize_t size = write(copy->fd, copy->kept + copy->begin, copy->end - copy->begin);
        if (size > 0) copy->begin += (size_t)size;
        else if (errno == EAGAIN || errno == EWOULDBLOCK) return;
        else if (errno != EINTR) {
            close(copy->fd);
            copy->fd = -1;
        }
    }
    copy->begin = copy->end = 0;
}

static bool make_room(struct copy *copy, size_t size) {
    char *grown;
    if (copy->begin > 0) {
        memmove(copy->kept, copy->kept + copy->begin, copy->end - copy->begin);
        copy->end -= copy->begin;
        copy->begin = 0;
    }
    if (size <= copy->capacity - copy->end) return true;
    if (copy->end + size > KEPT_LIMIT) return false;
    const size_t wanted = 2 * (copy->end + size);
    const size_t capacity = wanted < KEPT_LIMIT ? wanted : KEPT_LIMIT;
    grown = (char *)realloc(copy->kept, capacity);
    if (!grown) return false;
    copy->kept = grown;
    copy->capacity = capacity;
    return true;
}

static void take_copy(void *user, int way, const char *data, size_t size) {
    struct copy *copy = (struct copy *)user;
    struct timespec now;
    struct head head;
    if (copy->fd < 0) return;
    if (copy->capacity - copy->end < sizeof head + size) send_kept(copy);
    if (!make_room(copy, sizeof head + size)) {
        copy->has_lost[way] = true;
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    memset(&head, 0, sizeof head);
    head.size = size;
    head.way = way;
    head.time = (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    head.is_after_loss = copy->has_lost[way];
    copy->has_lost[way] = false;
    memcpy(copy->kept + copy->end, &head, sizeof head);
    memcpy(copy->kept + copy->end + sizeof head, data, size);
    copy->end += sizeof head + size;
    send_kept(copy);
}

static void copy_passed(void *user, enum passage_way way, const char *data, size_t size) {
    take_copy(user, (int)way, data, size);
}

/* Gives the reader some time for the rest, and to end. */
static void finish_copy(struct copy *copy, pid_t reader) {
    struct timespec pause = {0, 5000000};
    int left = PATIENCE;
    while (copy->fd >= 0 && copy->begin < copy->end && left > 0) {
        struct pollfd polled = {copy->fd, POLLOUT, 0};
        if (poll(&polled, 1, left) == 0) break;
        send_kept(copy);
        left -= 5;
    }
    if (copy->fd >= 0) close(copy->fd);
    for (; left > 0 && waitpid(reader, NULL, WNOHANG) == 0; left -= 5)
        nanosleep(&pause, NULL);
    free(copy->kept);
}

/* The process that reads the copy: standard output is not its own, so what it shows goes to standard error. It tells by
 * a byte that its outputs are open. `gate`: the other end of the gate's socket, -1: there is none. */
static void be_reader(const struct settings *settings, int copy, int tell, int gate) {
    static const int ignored[] = {SIGPIPE, SIGXFSZ, SIGTTIN, SIGTTOU, SIGINT,
                                  SIGTERM, SIGHUP,  SIGQUIT, SIGUSR1, SIGUSR2};
    static struct reader reader; /* too large for some stacks */
    struct live_host host;
    const int null = open("/dev/null", O_RDONLY);
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN); /* it ends when the copy does */
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        die("standard descriptors: %s", strerror(errno));
    outputs_open(&reader.outputs, &settings->outputs);
    outputs_report_torn(&reader.outputs);
    if (gate >= 0) {
        reader.approver =
            approver_open(gate, settings->approve == APPROVE_TERMINAL ? settings->terminal : NULL);
        host = approver_host(reader.approver);
    }
    if (settings->live.port != NO_PAGE)
        reader.live = live_start(&settings->live, settings->approve == APPROVE_PAGE ? &host : NULL);
    while (write(tell, "", 1) < 0 && errno == EINTR)
        continue;
    close(tell);
    read_copy(settings, &reader, copy);
    exit(EXIT_SUCCESS);
}

static bool make_silent(int fd) {
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0;
}

/* Starts that process; ends the program if it cannot open its outputs, which it has said. `gate` becomes our end of the
 * socket. */
static pid_t start_reader(const struct settings *settings, struct copy *copy, int *gate) {
    int ends[2], told[2], sockets[2] = {-1, -1};
    char byte;
    ssize_t size;
    pid_t reader;
    if (settings->approve != APPROVE_NOBODY && socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0)
        die("a socket for decisions: %s", strerror(errno));
    if (pipe(ends) < 0 || pipe(told) < 0 || (reader = fork()) < 0)
        die("a process for the copy: %s", strerror(errno));
    if (reader == 0) {
        close(ends[1]);
        close(told[0]);
        if (sockets[0] >= 0) close(sockets[0]);
        be_reader(settings, ends[0], told[1], sockets[1]);
    }
    close(ends[0]);
    close(told[1]);
    if (sockets[1] >= 0) close(sockets[1]);
    do
        size = read(told[0], &byte, 1);
    while (size < 0 && errno == EINTR);
    close(told[0]);
    if (size != 1) exit(EXIT_FAILED);
    copy->fd = ends[1];
    *gate = sockets[0];
    if (!make_silent(ends[1]) || (*gate >= 0 && !make_silent(*gate)))
        die("a pipe for the copy: %s", strerror(errno));
    return reader;
}

static void check_settings(struct settings *settings) {
    if (writes_to_stdout(&settings->outputs))
        die("standard output is the command's: give the outputs a file");
    if (settings->approve == APPROVE_PAGE && settings->live.port == NO_PAGE)
        die("--approve=page: give the page a port with --live");
    if (settings->terminal && settings->approve != APPROVE_TERMINAL)
        die("--terminal says where --approve=terminal asks");
    if (!settings->terminal) settings->terminal = "/dev/tty";
    if (settings->view) add_output(&settings->outputs, OUTPUT_TEXT, NULL);
}

int main(int argc, char **argv) {
    static struct settings settings;
    static struct copy copy = {.fd = -1};
    struct passage_hooks hooks = {.copy = copy_passed, .user = &copy};
    pid_t reader;
    struct gate *gate = NULL;
    int count, socket_end, status;
    settings.renderer = RENDERER_STUDIO;
    settings.approve = APPROVE_NOBODY;
    settings.outputs.preset = -1;
    settings.live.port = NO_PAGE;
    messages_init(command.name);
    count = options_read(&command, &settings, argc, argv);
    if (count == 0) die("no command: asm-tee [OPTION]... -- COMMAND [ARGUMENT]...");
    check_settings(&settings);
    argv[count] = NULL;
    reader = start_reader(&settings, &copy, &socket_end);
    if (socket_end >= 0) gate = gate_open(socket_end, take_copy, &copy);
    if (gate) hooks = gate_hooks(gate);
    status = passage_run(argv, &hooks);
    if (gate) gate_close(gate);
    finish_copy(&copy, reader);
    return status;
}
