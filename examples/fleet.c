/* SPDX-License-Identifier: MIT OR Unlicense */
/* A hundred agents in one thread, and what they do: a table on a terminal, lines elsewhere.
 *
 *     build/examples/fleet [-n AGENTS] [-s SLICES] [FILE...]
 *
 * Each agent replays a recorded stream as if it were live: the files in turn, by default those in
 * examples/data. The table is drawn anew after SLICES slices of every agent (default 1). Whatever the streams
 * say, the terminal only sees text that was made harmless, and is left as it was.
 */
#define ASM_IMPLEMENTATION
#include "asm_agent.h"
#include "asm_ingest.h"
#include "scripted_driver.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_AGENTS   100000
#define MAX_FILES    64
#define SNIPPET_SIZE 256
#define FRAME_NAP_MS 40

#define OTHER_COLUMNS 33 /* of the table: all but what the agent does, and one that stays free */

typedef struct recording {
    const char *path;
    asm_buffer text;
} recording;

/* An agent, and what is shown of it. */
typedef struct row {
    struct fleet *fleet;
    char id[32];
    const recording *source;
    scripted_driver driver;
    char snippet[SNIPPET_SIZE]; /* untrusted: the last line of text, or a tool */
    size_t snippet_size;
    bool is_tool, is_complete;
    bool has_begun;
    int64_t tokens;
} row;

typedef struct fleet {
    asm_agent_server server;
    asm_pubsub bus;
    row *rows;
    size_t count;
    recording files[MAX_FILES];
    size_t file_count;
    bool is_terminal;
    bool ascii;
    size_t lines_drawn;
    asm_buffer frame; /* what is drawn: all of the table, or a line */
} fleet;

static volatile sig_atomic_t interrupted;

static void on_signal(int number) {
    interrupted = number;
}

/* ---- What the agents tell ---- */

static void begin_snippet(row *self, bool is_tool) {
    self->is_tool = is_tool;
    self->is_complete = false;
    self->snippet_size = 0;
}

static void add_to_snippet(row *self, asm_str text) {
    if (self->is_tool || self->is_complete) begin_snippet(self, false);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\n') self->snippet_size = 0;
        else if (self->snippet_size < SNIPPET_SIZE) self->snippet[self->snippet_size++] = text.data[i];
    }
}

static void show_tool(row *self, asm_str name) {
    begin_snippet(self, false);
    add_to_snippet(self, name);
    self->is_tool = true;
}

static void on_event(void *user, const asm_message *message) {
    row *self = user;
    const asm_event *event = message->event;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED && !event->message.thinking.value)
        add_to_snippet(self, asm_event_text(event));
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) self->is_complete = true;
    if (event->type == ASM_EVENT_TOOL_CALL_STARTED) show_tool(self, event->tool.name);
    if (event->type == ASM_EVENT_TOKEN_USAGE_UPDATED)
        self->tokens = event->usage.input_tokens.value + event->usage.output_tokens.value;
}

/* ---- Lines ---- */

/* Appends text that nobody vouches for, on one line, and blanks up to `columns`. */
static void append_cell(const fleet *self, asm_buffer *out, asm_str text, size_t columns) {
    const unsigned flags = ASM_TEXT_LINE | (self->ascii ? ASM_TEXT_ASCII : 0u);
    const size_t size = asm_utf8_count(text);
    if (size > columns && columns > 3) asm_text_append_cut(out, text, columns - 3, flags);
    else asm_text_append_cut(out, text, columns, flags);
    for (size_t i = size; i < columns; i++)
        asm_buffer_append_byte(out, ' ');
}

static void append_number(asm_buffer *out, const char *format, int64_t number) {
    char text[48];
    snprintf(text, sizeof text, format, (long long)number);
    asm_buffer_append(out, asm_str_from(text));
}

static const char *status_of(const fleet *self, const row *agent) {
    return asm_agent_status_name(asm_agent_get_status(&self->server, asm_str_from(agent->id)));
}

/* Says in a line that an agent begins, and how it ends. */
static void on_status(void *user, const asm_message *message) {
    row *agent = user;
    fleet *self = agent->fleet;
    asm_buffer *line = &self->frame;
    const asm_status_payload *change = &message->event->status;
    if (message->event->type != ASM_EVENT_STATUS_CHANGED) return;
    const bool begins = asm_str_equal(change->status, ASM_STR("running"));
    agent->has_begun = agent->has_begun || begins;
    if (!agent->has_begun) return;
    asm_buffer_clear(line);
    append_cell(self, line, message->event->agent_id, 7);
    append_cell(self, line, change->status, 12);
    if (begins) asm_text_append_cut(line, asm_str_from(agent->source->path), 100, ASM_TEXT_LINE);
    else if (change->error_message.data) asm_text_append_cut(line, change->error_message, 100, ASM_TEXT_LINE);
    else append_number(line, "%lld tokens", agent->tokens);
    asm_buffer_append_byte(line, '\n');
    fwrite(line->data, 1, line->size, stdout);
}

static void print_summary(const fleet *self) {
    size_t by_status[ASM_AGENT_STATUS_COUNT] = {0};
    uint64_t bad_lines = 0;
    int64_t tokens = 0;
    for (size_t i = 0; i < self->count; i++) {
        by_status[asm_agent_get_status(&self->server, asm_str_from(self->rows[i].id))]++;
        bad_lines += self->rows[i].driver.bad_lines;
        tokens += self->rows[i].tokens;
    }
    printf("%lu agents:", (unsigned long)self->count);
    for (int i = 0; i < ASM_AGENT_STATUS_COUNT; i++)
        if (by_status[i])
            printf(" %lu %s,", (unsigned long)by_status[i], asm_agent_status_name((asm_agent_status)i));
    printf(" %lld tokens, %llu bad lines\n", (long long)tokens, (unsigned long long)bad_lines);
    fflush(stdout);
}

/* ---- The table ---- */

static size_t terminal_rows(void) {
    struct winsize window;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 4 ? window.ws_row : 24;
}

static void append(asm_buffer *out, const char *text) {
    asm_buffer_append(out, asm_str_from(text));
}

static void draw_row(fleet *self, const row *agent, size_t columns) {
    asm_buffer *out = &self->frame;
    append_cell(self, out, asm_str_from(agent->id), 7);
    append_cell(self, out, asm_str_from(status_of(self, agent)), 12);
    append_number(out, "%9lld  ", agent->tokens);
    append(out, agent->is_tool ? "> " : "  ");
    append_cell(self, out, asm_str_make(agent->snippet, agent->snippet_size), columns - OTHER_COLUMNS);
    append(out, "\033[K\n");
}

/* The first row to show: what is over scrolls away, as long as enough is left below. */
static size_t first_row(const fleet *self, size_t shown) {
    size_t first = 0;
    while (first + shown < self->count &&
           asm_agent_get_status(&self->server, asm_str_from(self->rows[first].id)) != ASM_AGENT_RUNNING)
        first++;
    return first;
}

static void draw(fleet *self) {
    const size_t width = (size_t)asm_terminal_detect(STDOUT_FILENO).columns, rows = terminal_rows() - 2;
    const size_t columns = width > OTHER_COLUMNS ? width : OTHER_COLUMNS;
    const size_t shown = rows < self->count ? rows : self->count;
    const size_t first = first_row(self, shown);
    asm_buffer_clear(&self->frame);
    /* No wrapping: a character that is wider than it counts is cut off at the edge. */
    append(&self->frame, "\033[?25l\033[?7l");
    if (self->lines_drawn > 0) append_number(&self->frame, "\033[%lldA\r", (int64_t)self->lines_drawn);
    append(&self->frame, "agent  status         tokens    doing\033[K\n");
    for (size_t i = first; i < first + shown; i++)
        draw_row(self, &self->rows[i], columns);
    append(&self->frame, "\033[J\033[?7h\033[?25h");
    self->lines_drawn = shown + 1;
    fwrite(self->frame.data, 1, self->frame.size, stdout);
    fflush(stdout);
}

/* ---- The program ---- */

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static bool read_recording(recording *file, const char *path) {
    char piece[16384];
    size_t size;
    FILE *stream = fopen(path, "rb");
    file->path = path;
    asm_buffer_init_growing(&file->text);
    if (!stream) return false;
    while ((size = fread(piece, 1, sizeof piece, stream)) > 0)
        asm_buffer_append(&file->text, asm_str_make(piece, size));
    const bool is_read = !ferror(stream) && file->text.result == ASM_OK;
    fclose(stream);
    return is_read;
}

static asm_result start(fleet *self, size_t at) {
    row *agent = &self->rows[at];
    snprintf(agent->id, sizeof agent->id, "a%03lu", (unsigned long)at + 1);
    const asm_str id = asm_str_from(agent->id);
    agent->fleet = self;
    agent->source = &self->files[at % self->file_count];
    asm_result result = scripted_driver_init(
        &agent->driver, &(scripted_driver_options){.recording = asm_buffer_text(&agent->source->text)});
    if (result == ASM_OK)
        result = asm_agent_start(&self->server,
                                 &(asm_agent_options){.id = id,
                                                      .pubsub = &self->bus,
                                                      .config.driver = scripted_driver_of(&agent->driver)});
    if (result == ASM_OK) result = asm_agent_subscribe(&self->server, id, on_event, agent, NULL);
    if (result == ASM_OK && !self->is_terminal)
        result = asm_agent_subscribe(&self->server, id, on_status, agent, NULL);
    return result == ASM_OK ? asm_agent_execute(&self->server, id) : result;
}

static void run(fleet *self, unsigned slices) {
    const struct timespec nap = {.tv_nsec = FRAME_NAP_MS * 1000000L};
    while (self->server.pending > 0 && !interrupted) {
        for (unsigned i = 0; i < slices; i++)
            asm_agent_server_poll(&self->server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
        if (!self->is_terminal) continue;
        draw(self);
        nanosleep(&nap, NULL);
    }
    for (size_t i = 0; i < self->count; i++) /* those that were interrupted */
        (void)asm_agent_cancel(&self->server, asm_str_from(self->rows[i].id));
    if (self->is_terminal) draw(self);
}

static asm_result start_all(fleet *self) {
    asm_result result = ASM_OK;
    for (size_t i = 0; i < self->count && result == ASM_OK; i++)
        result = start(self, i);
    if (result != ASM_OK) fprintf(stderr, "fleet: %s\n", self->server.error);
    return result;
}

static void close_all(fleet *self) {
    asm_agent_server_close(&self->server);
    asm_pubsub_close(&self->bus);
    for (size_t i = 0; i < self->count; i++)
        scripted_driver_close(&self->rows[i].driver);
    for (size_t i = 0; i < self->file_count; i++)
        asm_buffer_close(&self->files[i].text);
    asm_buffer_close(&self->frame);
    free(self->rows);
}

/* A number above 0 and up to `most`; 0 if it is none. */
static unsigned long number_from(const char *text, unsigned long most) {
    char *end;
    const unsigned long number = strtoul(text, &end, 10);
    return *end == '\0' && *text != '-' && number <= most ? number : 0;
}

int main(int argc, char **argv) {
    static const char *const standard[] = {"examples/data/claude_session.jsonl",
                                           "examples/data/codex_session.jsonl",
                                           "examples/data/claude_partial.jsonl",
                                           "examples/data/asm_session.jsonl", "examples/data/broken.jsonl"};
    static fleet self;
    unsigned long count = 100, slices = 1;
    int option;
    while ((option = getopt(argc, argv, "n:s:")) != -1) {
        if (option == 'n') count = number_from(optarg, MAX_AGENTS);
        if (option == 's') slices = number_from(optarg, 1000000);
        if (option == '?' || count == 0 || slices == 0) {
            fprintf(stderr, "usage: fleet [-n AGENTS] [-s SLICES] [FILE...]\n");
            return 2;
        }
    }
    const bool given = optind < argc;
    const int file_count = given ? argc - optind : (int)(sizeof standard / sizeof *standard);
    for (int i = 0; i < file_count && i < MAX_FILES; i++) {
        const char *path = given ? argv[optind + i] : standard[i];
        if (!read_recording(&self.files[self.file_count++], path)) {
            perror(path);
            return 2;
        }
    }
    const asm_terminal terminal = asm_terminal_detect(STDOUT_FILENO);
    self.is_terminal = terminal.is_terminal;
    self.ascii = terminal.is_terminal && !terminal.has_utf8;
    self.count = count;
    self.rows = calloc(count, sizeof *self.rows);
    if (!self.rows) {
        perror("fleet");
        return 1;
    }
    asm_buffer_init_growing(&self.frame);
    asm_agent_server_init(&self.server, NULL);
    asm_agent_server_set_time(&self.server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    asm_pubsub_init(&self.bus, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    const asm_result result = start_all(&self);
    if (result == ASM_OK) {
        run(&self, (unsigned)slices);
        print_summary(&self);
    }
    close_all(&self);
    return result != ASM_OK ? 1 : interrupted ? 128 + interrupted : 0;
}
