/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-cat - shows the event streams of AI-agent programs, and logs them at the same time
 *
 *     claude -p --output-format stream-json --verbose "…" | asm-cat --jsonl=session.jsonl
 *
 * Bytes are read in blocks, asm_ingest makes events of them, the pipeline renders each event and hands it to its
 * sinks, and is flushed once for every block. Each FILE is a source with an ingest, a renderer and counters of its own;
 * the pipeline and its sinks are one. What other programs need, too, stands in common/.
 */
#include "asm_ingest.h"
#include "asm_pubsub.h"
#include "asm_render.h"

#include "common/filter.h"
#include "common/fleet.h"
#include "common/formats.h"
#include "common/input.h"
#include "common/messages.h"
#include "common/options.h"
#include "common/outputs.h"
#include "common/repair.h"
#include "common/session_list.h"
#include "common/sessions.h"
#include "common/signals.h"
#include "common/statistics.h"
#include "common/status.h"
#include "common/summary.h"
#include "common/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_RUN_FAILED = 3,
    EXIT_RUN_OPEN = 4,
    MAX_INDENT = 80,    /* columns */
    FOLLOW_PAUSE = 200, /* milliseconds */
    TICK = 1000000,     /* microseconds */
    BLOCK_SIZE = 128 * 1024,
    KIND_LIMIT = 10, /* diagnostics of a kind that are told one by one */
    NOT_GIVEN = -1
};

/* ---- Options ---- */

enum { RENDERER_COMPACT, RENDERER_VERBOSE, RENDERER_STUDIO, RENDERER_PASSTHROUGH };
enum { STATS_NONE, STATS_TABLE, STATS_JSON };

struct settings {
    int renderer; /* NOT_GIVEN, or one of the above, as the other choices */
    int format, color, tty, tool_output, topics, stats, summary, times;
    int indent, idle; /* idle: seconds; 0: never */
    bool raw, follow, quiet, thinking, fail, until_end, redact, bell, links, progress, prompts;
    bool sessions, here, last, status;
    const char *agent, *status_format;
    const char *session, *run;
    asm_time clock; /* NOT_GIVEN: the time of day */
    const char *since, *until, *repair;
    struct filter filter;
    struct output_settings outputs;
};

static const char *renderer_choice(int index) {
    static const char *const names[] = {"compact", "verbose", "studio", "passthrough", NULL};
    return names[index];
}

static const char *tool_output_choice(int index) { /* as asm_tool_output has them */
    static const char *const names[] = {"summary", "preview", "full", NULL};
    return names[index];
}

static const char *scope_choice(int index) { /* as asm_scope has them */
    static const char *const names[] = {"session", "run", "type", NULL};
    return names[index];
}

static const char *times_choice(int index) { /* as asm_times has them, after none */
    static const char *const names[] = {"clock", "offset", NULL};
    return names[index];
}

static const char *stats_choice(int index) {
    static const char *const names[] = {"table", "json", NULL};
    return names[index];
}

static void take_subscription(void *settings, const struct option *option, const char *topic);
static void take_time(void *settings, const struct option *option, const char *value);
static void take_stats(void *settings, const struct option *option, const char *value);
static void take_summary(void *settings, const struct option *option, const char *value);
static void take_types(void *settings, const struct option *option, const char *value);
static void take_times(void *settings, const struct option *option, const char *value);
static void take_last(void *settings, const struct option *option, const char *value);
static void take_status(void *settings, const struct option *option, const char *value);

#define AT(member) OPTION_AT(settings, member)

static const struct option options[] = {
    HEADING("What it looks like"),
    CHOICE('r', "renderer", "NAME", "how events are shown (default: studio)", AT(renderer), renderer_choice),
    CHOICE(0, "color", "WHEN", "colors; auto looks at the terminal and NO_COLOR (default: auto)", AT(color),
           when_choice),
    CHOICE(0, "tty", "WHEN", "studio: show below the text what runs now (default: auto)", AT(tty),
           when_choice),
    CHOICE(0, "tool-output", "HOW", "studio: what tools print (default: summary)", AT(tool_output),
           tool_output_choice),
    NUMBER(0, "indent", "N", "studio: columns to indent by (default: 2)", AT(indent), 0, MAX_INDENT),
    FLAG(0, "thinking", "also the model's reasoning", AT(thinking)),
    FLAG(0, "prompts", "studio: also what programs say for the person, and what sub-agents are asked",
         AT(prompts)),
    MAYBE(0, "times", "HOW", "studio: what stands before each line (default: clock, in UTC)", AT(times),
          times_choice, take_times),
    FLAG(0, "bell", "studio: ring the terminal's bell, and notify, when a person is waited for", AT(bell)),
    FLAG(0, "links", "studio: addresses in texts are links, where the terminal has them", AT(links)),
    FLAG(0, "progress", "studio: tell a terminal that shows progress how far the run is", AT(progress)),
    FLAG(0, "raw", "let control characters in texts through: unsafe", AT(raw)),
    HEADING("Input"),
    FORMAT("input format; auto looks at the first lines (default: auto)", AT(format)),
    FLAG('F', "follow",
         "read on as each FILE grows, is cut or replaced, and wait for one that is not there yet",
         AT(follow)),
    FLAG(0, "until-end", "with -F: leave when the run ends", AT(until_end)),
    NUMBER(0, "idle", "SECONDS", "say when nothing came for so long, while no tool and no person was at work",
           AT(idle), 1, 1000000),
    TEXT(0, "session", "ID", "session id for streams that carry none", AT(session)),
    TEXT(0, "run", "ID", "run id for streams that carry none", AT(run)),
    OTHER(0, "clock", "TIME", "ISO 8601 time for events that carry none (default: now)", AT(clock),
          take_time),
    HEADING("Sessions that agents keep on this machine"),
    FLAG(0, "sessions",
         "list them, what was changed last first; a FILE may be an id from there, or its beginning",
         AT(sessions)),
    FLAG(0, "here", "with --sessions, --last, --status: those of this directory", AT(here)),
    MAYBE(0, "last", "AGENT", "show the newest one, of this directory if there is one; with -F as it grows",
          0, agent_choice, take_last),
    MAYBE(0, "status", "FORMAT",
          "one line about the newest one here, or FILE: {state} {what} {since} {todo} {tokens} {cost} "
          "{title} {cwd} {model} {session}; what is in [] only if it is known",
          0, NULL, take_status),
    HEADING("Which events"),
    OTHER(0, "only", "TYPE,...", "events of these types; a final * matches any end of a name", 0, take_types),
    TEXT(0, "since", "TIME", "events from then on: an ISO 8601 time, or 90s, 10m, 2h, 7d ago", AT(since)),
    TEXT(0, "until", "TIME", "events up to then", AT(until)),
    TEXT(0, "grep", "TEXT", "events that have this text; messages are looked at whole", AT(filter.text)),
    FLAG(0, "redact", "secrets become <redacted:KIND> everywhere: keys, tokens and passwords of known shapes",
         AT(redact)),
    HEADING("Other outputs"),
    OUTPUT_OPTIONS(AT(outputs), AT(outputs.preset), "; without PATH to standard output"),
    CHOICE(0, "topics", "SCOPE", "print where each event is published, not the text", AT(topics),
           scope_choice),
    TEXT(0, "prefix", "NAME", "what topics begin with (default: asm)", AT(outputs.prefix)),
    OTHER(0, "subscribe", "TOPIC", "only what a subscriber of it gets; * and ** match", AT(outputs),
          take_subscription),
    HEADING("Results"),
    MAYBE(0, "stats", "HOW", "numbers at the end, on standard error (default: table)", AT(stats),
          stats_choice, take_stats),
    MAYBE(0, "summary", "FORMAT",
          "what came of it, in place of the text: outcome, changes, failures, tokens (default: text)",
          AT(summary), summary_choice, take_summary),
    FLAG(0, "fail", "exit status 3 if a run failed or was cancelled, 4 if one did not end", AT(fail)),
    FLAG('q', "quiet", "say nothing about bad input; no numbers", AT(quiet)),
    {.kind = OPTION_TEXT,
     .name = "repair",
     .value = "NEWFILE",
     .value_is_file = true,
     .offset = AT(repair),
     .help =
         "make a damaged FILE readable again: write its whole records to NEWFILE, tell what was left out"},
    PROGRAM_OPTIONS,
};

static const char *const description[] = {"Shows event streams of AI-agent programs (Claude Code, Codex and "
                                          "others), and logs them at the same time. "
                                          "Reads each FILE in turn; without one, and for -, standard input.",
                                          NULL};

static const char *const notes[] = {
    "PATH may be -, standard output; then no text goes there, unless -r asks for it. Outputs may be given "
    "several "
    "times, 16 in all, and so may topics to subscribe to. Files are appended to; several programs may log to "
    "one. "
    "Only ASCII leaves where the locale has no UTF-8.",
    "FILE and the PATH of --jsonl may be an address of NATS JetStream, nats://HOST/asm: without -F the "
    "events that are "
    "there, with -F also those to come. asm-nats --man tells all that can stand in it.",
    "The first 10 messages of a kind about bad input are shown for each FILE, as FILE:LINE:COLUMN, then "
    "their count. "
    "SIGINT, SIGTERM and SIGHUP end the output properly, then the program; a second one ends it at once.",
    NULL};

static const struct example examples[] = {
    {"claude -p --output-format stream-json --verbose 'Fix it' | asm-cat", "Watch Claude Code at work"},
    {"codex exec --json 'Fix it' | asm-cat --jsonl=session.jsonl --stats", "Watch Codex, keep a log, count"},
    {"asm-cat --tool-output=full session.jsonl | less -R", "Read a session, tools' output and all"},
    {"asm-cat --jsonl=- session.jsonl | jq .type", "Events as JSON Lines, for other programs"},
    {"asm-cat -F -r compact session.jsonl", "Follow a log that is being written"},
    {"asm-cat --topics=type --subscribe='asm:session:*:type:run_failed' log.jsonl",
     "Find the runs that failed"},
    {NULL, NULL}};

static const char *const exit_statuses[] = {
    "0  all was read and written",
    "1  some input was bad: it was reported and skipped; or nothing was understood",
    "2  wrong usage, or a file could not be read or written",
    "3  with --fail: a run failed or was cancelled",
    "4  with --fail: a run did not end",
    NULL};

static const struct option_hint hints[] = {{"no-color", "--color=never"},
                                           {"no-colour", "--color=never"},
                                           {"v", "-r verbose, or -V"},
                                           {"verbose", "--renderer=verbose"},
                                           {"compact", "--renderer=compact"},
                                           {"format", "--from=FORMAT"},
                                           {"output", "--jsonl=PATH or --log=PATH"},
                                           {"json", "--jsonl=-"},
                                           {NULL, NULL}};

static const struct command command = {.name = "asm-cat",
                                       .purpose = "show event streams of AI-agent programs",
                                       .usage = "[OPTION]... [FILE]...",
                                       .hints = hints,
                                       PROGRAM_TABLES};

static void take_subscription(void *settings, const struct option *option, const char *topic) {
    struct output_settings *outputs = &((struct settings *)settings)->outputs;
    (void)option;
    if (outputs->subscribed_count == MAX_OUTPUTS)
        die("--subscribe=%s: too many: at most %d", topic, (int)MAX_OUTPUTS);
    if (strchr(topic, '*') && asm_pattern_check(topic) != ASM_OK)
        die("--subscribe: '%s' is no pattern: * stands for one whole segment, a final ** for the rest",
            topic);
    outputs->subscribed[outputs->subscribed_count++] = topic;
}

static void take_time(void *settings, const struct option *option, const char *value) {
    asm_time *time = (asm_time *)(void *)((char *)settings + option->offset);
    if (asm_time_parse(asm_str_from(value), time, NULL) != ASM_OK)
        die("--%s: '%s' must be an ISO 8601 time such as 2026-02-09T12:00:00Z", option->name, value);
}

static void take_stats(void *settings, const struct option *option, const char *value) {
    ((struct settings *)settings)->stats =
        value ? STATS_TABLE + option_read_choice(option, value) : STATS_TABLE;
}

static void take_summary(void *settings, const struct option *option, const char *value) {
    ((struct settings *)settings)->summary = value ? option_read_choice(option, value) : SUMMARY_TEXT;
}

static void take_last(void *settings, const struct option *option, const char *value) {
    ((struct settings *)settings)->last = true;
    ((struct settings *)settings)->agent = value ? agent_choice(option_read_choice(option, value)) : NULL;
}

static void take_status(void *settings, const struct option *option, const char *value) {
    (void)option;
    ((struct settings *)settings)->status = true;
    ((struct settings *)settings)->status_format = value;
}

static void take_times(void *settings, const struct option *option, const char *value) {
    ((struct settings *)settings)->times = ASM_TIMES_CLOCK + (value ? option_read_choice(option, value) : 0);
}

static void take_types(void *settings, const struct option *option, const char *value) {
    filter_add_types(&((struct settings *)settings)->filter, option->name, value);
}

/* Options that do nothing without another. */
static void check_companions(struct settings *settings) {
    struct output_settings *outputs = &settings->outputs;
    if (outputs->preset != NOT_GIVEN && !wants_output(outputs, OUTPUT_ENVELOPES))
        die("--preset needs --envelopes=PATH");
    if (settings->until_end && !settings->follow) die("--until-end needs -F");
    if (settings->here && !settings->sessions && !settings->last && !settings->status)
        die("--here needs --sessions, --last or --status");
    if (settings->topics != NOT_GIVEN) {
        outputs->scope = settings->topics;
        add_output(outputs, OUTPUT_TOPICS, NULL);
    } else if (outputs->prefix || outputs->subscribed_count > 0) {
        die("--%s needs --topics=SCOPE", outputs->prefix ? "prefix" : "subscribe");
    }
}

/* ---- Sources ---- */

struct program;

/* How often a diagnostic came. */
struct diagnostic_count {
    const char *message;
    uint64_t count;
};

/* An input, and all that is its own. */
struct source {
    struct program *program;
    const char *name;
    char address[256]; /* its name, if it is an address */
    struct input input;
    asm_ingest ingest;
    struct statistics statistics;
    struct summary summary;
    struct watch watch;
    asm_redact redact;
    uint64_t left_out; /* events that could not be looked through */
    asm_renderer renderer;
    union {
        asm_compact compact;
        asm_verbose verbose;
        asm_studio studio;
    } look;
    struct diagnostic_count diagnostics[32];
    size_t diagnostic_kinds;
    asm_time heard; /* when something came last */
    bool idle_is_told;
    bool is_awaited; /* not there yet */
    bool is_open, is_ended;
};

struct program {
    struct settings settings;
    struct outputs outputs;
    asm_pipeline pipeline;
    struct source *sources;
    size_t source_count;
    struct source *current; /* of what is being shown; NULL before the first */
    asm_terminal terminal;
    bool terminal_is_known;
    bool is_fleet; /* several followed on a terminal: a line each, in place of their text */
    bool writes_stdout;
    bool reader_gone; /* nobody reads standard output any more */
    bool failed;      /* exit status 2 */
    bool bad_input;   /* exit status 1 */
    asm_time ticked;
    char text[64 * 1024], block[BLOCK_SIZE];
};

static asm_time current_time(const struct program *program) {
    struct timespec now;
    if (program->settings.clock != NOT_GIVEN) return program->settings.clock;
    clock_gettime(CLOCK_REALTIME, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* For waiting: microseconds that only go forward. */
static asm_time steady_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool is_ending(struct program *program) {
    if (program->pipeline.result != ASM_OK) outputs_check(&program->outputs);
    const bool renderer_failed = program->pipeline.result != ASM_OK && !program->outputs.has_failed;
    return stop_signal() || program->reader_gone || program->outputs.stdout_failed || renderer_failed;
}

/* ---- The renderer: that of the source whose event it is ---- */

static asm_renderer init_renderer(struct source *source) {
    const struct settings *settings = &source->program->settings;
    const asm_render_options render = {.color = (asm_setting)settings->color,
                                       .tty = (asm_setting)settings->tty,
                                       .raw = settings->raw,
                                       .show_thinking = settings->thinking,
                                       .show_prompts = settings->prompts,
                                       .show_times = (asm_times)settings->times,
                                       .bell = settings->bell,
                                       .links = settings->links,
                                       .progress = settings->progress,
                                       .tool_output = (asm_tool_output)settings->tool_output,
                                       .indent = settings->indent};
    switch (settings->renderer) {
    case RENDERER_COMPACT:
        return asm_compact_init(&source->look.compact, &render);
    case RENDERER_VERBOSE:
        return asm_verbose_init(&source->look.verbose, &render);
    case RENDERER_PASSTHROUGH:
        return asm_passthrough_init();
    default:
        return asm_studio_init(&source->look.studio, &render);
    }
}

static void begin_renderer(struct source *source) {
    struct program *program = source->program;
    source->renderer = init_renderer(source);
    if (program->terminal_is_known && source->renderer.begin)
        source->renderer.begin(source->renderer.self, &program->terminal);
}

/* How names are made harmless for standard output. */
static unsigned stdout_flags(void) {
    const bool is_ascii = !asm_terminal_detect(STDOUT_FILENO).has_utf8;
    return (unsigned)ASM_TEXT_LINE | (is_ascii ? (unsigned)ASM_TEXT_ASCII : 0);
}

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* A line for each source: its name and how it stands. As many as `rows`; the last one counts the others. */
static void print_fleet(const struct program *program, asm_time now, size_t rows, asm_buffer *out) {
    enum { MAX_NAME = 24 };
    struct fleet_look look = {.columns = program->terminal.columns,
                              .has_color = program->settings.color == ASM_SETTING_DEFAULT
                                               ? program->terminal.has_color
                                               : program->settings.color == ASM_SETTING_ON,
                              .flags = stdout_flags()};
    for (size_t i = 0; i < program->source_count; i++) {
        const size_t size = asm_utf8_count(asm_str_from(file_name(program->sources[i].name)));
        if ((int)size > look.name_columns) look.name_columns = size < MAX_NAME ? (int)size : MAX_NAME;
    }
    for (size_t i = 0; i < program->source_count; i++) {
        const struct source *source = &program->sources[i];
        const struct spending spending = statistics_total(&source->statistics);
        const bool is_there = source->is_open || !source->is_awaited;
        if (i + 1 == rows && i + 1 < program->source_count) {
            char text[48];
            snprintf(text, sizeof text, "and %zu more\n", program->source_count - i);
            asm_buffer_append(out, asm_str_from(text));
            return;
        }
        fleet_print_line(&look, file_name(source->name), "not there yet", is_there ? &source->watch : NULL,
                         &spending, now, out);
    }
}

static void look_begin(void *self, const asm_terminal *terminal) {
    struct program *program = (struct program *)self;
    program->terminal = *terminal;
    program->terminal_is_known = true;
    program->is_fleet = program->settings.follow && program->source_count > 1 && terminal->has_cursor &&
                        program->settings.renderer == NOT_GIVEN;
    if (program->current && program->current->renderer.begin)
        program->current->renderer.begin(program->current->renderer.self, terminal);
}

static asm_result look_event(void *self, const asm_event *event, asm_buffer *out) {
    const struct program *program = (const struct program *)self;
    const asm_renderer *renderer = &program->current->renderer;
    asm_event whole;
    if (!renderer->render_event || program->is_fleet) return ASM_OK;
    if (program->settings.filter.text && event->type == ASM_EVENT_MESSAGE_RECEIVED &&
        renderer->self == &program->current->look.studio) {
        whole = *event; /* its pieces were passed over, and studio shows nothing else of a message */
        whole.type = ASM_EVENT_MESSAGE_STREAMED;
        event = &whole;
    }
    return renderer->render_event(renderer->self, event, out);
}

static asm_result look_tick(void *self, asm_time now, asm_buffer *out) {
    const struct source *current = ((struct program *)self)->current;
    if (!current || !current->renderer.tick) return ASM_OK;
    return current->renderer.tick(current->renderer.self, now, out);
}

static asm_result look_transient(void *self, asm_time now, asm_buffer *out) {
    const struct program *program = (const struct program *)self;
    const struct source *current = program->current;
    if (program->is_fleet) {
        print_fleet(program, now, (size_t)program->terminal.rows - 1, out);
        return out->result;
    }
    if (!current || !current->renderer.transient) return ASM_OK;
    return current->renderer.transient(current->renderer.self, now, out);
}

/* What ends the text of a source. */
static void finish_text(struct source *source) {
    struct program *program = source->program;
    asm_buffer text;
    if (!source->renderer.finish || program->is_fleet) return;
    asm_buffer_init_growing(&text);
    source->renderer.finish(source->renderer.self, &text);
    outputs_write(&program->outputs, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

static void print_heading(struct source *source) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, source->program->current ? ASM_STR("\n==> ") : ASM_STR("==> "));
    asm_text_append(&text, asm_str_from(source->name), stdout_flags());
    asm_buffer_append(&text, ASM_STR(" <==\n"));
    outputs_write(&source->program->outputs, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

/* Makes `source` the one that is shown. */
static void show_source(struct source *source) {
    struct program *program = source->program;
    if (program->current == source) return;
    if (program->source_count > 1 && program->settings.summary != SUMMARY_JSON && !program->is_fleet)
        print_heading(source);
    program->current = source;
    if (!source->renderer.render_event && !source->renderer.finish) begin_renderer(source);
}

/* ---- Events ---- */

static void take_event(void *user, const asm_event *event) {
    struct source *source = (struct source *)user;
    struct program *program = source->program;
    source->watch.is_brief = program->settings.summary == NOT_GIVEN &&
                             !(program->settings.follow && program->source_count > 1); /* else a table */
    watch_event(&source->watch, event, event->time != 0 ? event->time : current_time(program));
    if (!is_wanted(&program->settings.filter, event)) return;
    if (program->settings.stats || program->settings.summary != NOT_GIVEN || program->is_fleet)
        statistics_count(&source->statistics, event);
    if (program->settings.summary != NOT_GIVEN) summary_event(&source->summary, event);
    show_source(source);
    outputs_event(&program->outputs, &program->pipeline, event);
}

/* What cannot be looked through is not shown. */
static void redact_event(struct source *source, const asm_event *event) {
    const asm_str name = asm_event_name(event);
    const asm_result result = asm_redact_event(&source->redact, event);
    if (result != ASM_OK && source->left_out++ < KIND_LIMIT)
        complain("event %" PRId64 " of its session, %.*s, is left out: %s", event->sequence_number,
                 (int)name.size, name.data, asm_result_string(result));
}

/* After a signal nothing more is shown: the stream has not ended, we only stopped looking. */
static void on_event(void *user, const asm_event *event) {
    struct source *source = (struct source *)user;
    if (is_ending(source->program)) return;
    if (source->program->settings.redact) redact_event(source, event);
    else take_event(source, event);
}

static struct diagnostic_count *count_diagnostic(struct source *source, const char *message) {
    enum { KINDS = sizeof source->diagnostics / sizeof *source->diagnostics };
    for (size_t i = 0; i < source->diagnostic_kinds; i++) {
        struct diagnostic_count *found = &source->diagnostics[i];
        if (strcmp(found->message, message) == 0) return found;
    }
    if (source->diagnostic_kinds == KINDS) return &source->diagnostics[KINDS - 1];
    source->diagnostics[source->diagnostic_kinds].message = message;
    return &source->diagnostics[source->diagnostic_kinds++];
}

/* A message comes after the text of the lines before: what is shown is brought in order first. */
static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct source *source = (struct source *)user;
    struct program *program = source->program;
    if (program->settings.quiet || is_ending(program)) return;
    if (++count_diagnostic(source, diagnostic->message)->count > KIND_LIMIT) return;
    complain("%s:%" PRIu64 ":%" PRIu64 ": %s", source->name, diagnostic->line, diagnostic->column,
             diagnostic->message);
}

static void tell_other_diagnostics(struct source *source) {
    for (size_t i = 0; i < source->diagnostic_kinds; i++) {
        const struct diagnostic_count *kind = &source->diagnostics[i];
        if (kind->count > KIND_LIMIT)
            complain("%s: %s: %" PRIu64 " more", source->name, kind->message, kind->count - KIND_LIMIT);
    }
    source->diagnostic_kinds = 0;
    if (source->left_out > KIND_LIMIT)
        complain("%s: %" PRIu64 " more events are left out", source->name, source->left_out - KIND_LIMIT);
    source->left_out = 0;
}

static void bring_screen_in_order(void *user) {
    outputs_hide(&((struct program *)user)->outputs);
}

static void check_memory(struct program *program, asm_result result) {
    if (result == ASM_OK) return;
    complain("%s", asm_result_string(result));
    program->failed = true;
}

/* ---- Reading ---- */

static bool begin_source(struct source *source) {
    struct program *program = source->program;
    const struct settings *settings = &program->settings;
    const asm_ingest_options ingest = {.format = (asm_format)settings->format,
                                       .on_event = on_event,
                                       .on_diagnostic = on_diagnostic,
                                       .user = source,
                                       .session_id = asm_str_from(settings->session),
                                       .run_id = asm_str_from(settings->run)};
    const asm_redact_options redact = {.on_event = take_event, .user = source};
    check_memory(program, asm_ingest_init(&source->ingest, &ingest));
    check_memory(program, asm_redact_init(&source->redact, &redact));
    source->is_open = source->ingest.result == ASM_OK;
    source->heard = steady_time();
    return source->is_open;
}

/* The stream ended, or began anew. */
static void end_stream(struct source *source) {
    check_memory(source->program, asm_ingest_end(&source->ingest, current_time(source->program)));
    if (source->program->settings.redact) check_memory(source->program, asm_redact_flush(&source->redact));
    asm_pipeline_flush(&source->program->pipeline);
}

static void print_statistics(struct source *source) {
    const struct settings *settings = &source->program->settings;
    char memory[4096];
    asm_buffer out;
    if (settings->stats == STATS_NONE || settings->quiet) return;
    bring_screen_in_order(source->program);
    asm_buffer_init_stream(&out, memory, sizeof memory, write_to_stderr, NULL);
    if (source->program->source_count > 1 && settings->stats == STATS_TABLE) {
        asm_buffer_append(&out, ASM_STR("==> "));
        asm_text_append(&out, asm_str_from(source->name), message_flags());
        asm_buffer_append(&out, ASM_STR(" <==\n"));
    }
    if (settings->stats == STATS_JSON)
        statistics_print_json(&source->statistics, &source->ingest, source->name, &out);
    else statistics_print(&source->statistics, &source->ingest, message_flags(), &out);
    if (asm_buffer_flush(&out) != ASM_OK)
        source->program->failed = true; /* there is no place left to say so */
}

/* Goes where the text would have gone. */
static void print_summary(struct source *source) {
    const struct program *program = source->program;
    asm_buffer text;
    if (program->settings.summary == NOT_GIVEN) return;
    asm_buffer_init_growing(&text);
    summary_print(&source->summary, program->settings.summary, source->name, &source->watch,
                  &source->statistics, stdout_flags(), &text);
    outputs_write(&source->program->outputs, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

/* Nothing of a whole file was understood: it is no stream of any kind that is known. Or little of it: it may be one of
 * another kind, or of a version that is not known. */
static void check_understood(struct source *source) {
    const asm_ingest_counts *counts = &source->ingest.counts;
    const asm_format format = (asm_format)source->program->settings.format;
    const bool is_nothing = counts->events == 0 && counts->lines > 0 && counts->heartbeats == 0,
               is_little = counts->unknown > counts->lines / 2;
    if (!is_nothing && !is_little) return;
    source->program->bad_input = true;
    if (source->program->settings.quiet) return;
    if (is_nothing)
        complain("%s: no events in %" PRIu64 " line%s", source->name, counts->lines,
                 counts->lines > 1 ? "s" : "");
    else
        complain("%s: %" PRIu64 " of %" PRIu64 " lines are of unknown type%s%s%s", source->name,
                 counts->unknown < counts->lines ? counts->unknown : counts->lines, counts->lines,
                 format != ASM_FORMAT_AUTO ? ": is it " : "",
                 format != ASM_FORMAT_AUTO ? asm_format_title(format) : "",
                 format != ASM_FORMAT_AUTO ? "?" : "");
}

static void end_source(struct source *source) {
    struct program *program = source->program;
    if (source->is_ended) return;
    source->is_ended = true;
    if (source->is_open) {
        end_stream(source);
        if (!is_ending(program)) check_understood(source);
        tell_other_diagnostics(source);
        if (program->current == source) {
            asm_pipeline_flush(&program->pipeline);
            finish_text(source);
            print_summary(source);
        }
        if (source->ingest.counts.lost > 0) program->bad_input = true;
        asm_pipeline_flush(&program->pipeline);
        print_statistics(source);
        statistics_free(&source->statistics);
        summary_free(&source->summary);
        asm_ingest_close(&source->ingest);
        asm_redact_close(&source->redact);
    }
    if (!input_close(&source->input)) program->failed = true;
}

/* What unpacks a file that begins so; NULL if it is not packed. */
static const char *unpacker_of(const char *begin, size_t size) {
    if (size >= 2 && memcmp(begin, "\x1F\x8B", 2) == 0) return "gzip";
    return size >= 4 && memcmp(begin, "\x28\xB5\x2F\xFD", 4) == 0 ? "zstd" : NULL;
}

/* Whether it is packed, as Codex's older rollouts are; then it is told, and the source ends. */
static bool refuse_packed(struct source *source, size_t size) {
    struct program *program = source->program;
    const char *unpacker = source->ingest.counts.bytes == 0 ? unpacker_of(program->block, size) : NULL;
    if (!unpacker) return false;
    complain("%s: is packed: unpack it, %s -dc FILE | asm-cat", source->name, unpacker);
    program->bad_input = true;
    end_source(source);
    return true;
}

/* Reads one block; false at the end of what there is. */
static bool read_block(struct source *source) {
    struct program *program = source->program;
    const ssize_t size = input_read(&source->input, program->block, sizeof program->block);
    if (size >= 0 && (!program->settings.follow || program->source_count == 1)) show_source(source);
    if (size == 0) {
        if (source->input.remote.pid) end_source(source);
        return false;
    }
    if (size < 0 && errno == EAGAIN && source->input.remote.pid) return false;
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return true;
    if (size < 0) {
        complain("%s: %s", source->name, strerror(errno));
        program->failed = true;
        end_source(source);
        return false;
    }
    if (refuse_packed(source, (size_t)size)) return false;
    source->heard = steady_time();
    source->idle_is_told = false;
    check_memory(program,
                 asm_ingest_feed(&source->ingest, program->block, (size_t)size, current_time(program)));
    asm_pipeline_flush(&program->pipeline);
    outputs_check(&program->outputs);
    return true;
}

static bool open_source(struct source *source, bool may_wait) {
    struct program *program = source->program;
    const bool is_address = is_remote(source->name);
    const bool is_there = input_open(&source->input, source->name, program->settings.follow);
    if (is_address) source->name = remote_name(source->name, source->address, sizeof source->address);
    if (!is_there && is_address) {
        complain("%s: %s", source->name, remote_error(errno));
        program->failed = true;
        end_source(source);
        return false;
    }
    if (!is_there && may_wait && errno == ENOENT) {
        if (!source->is_awaited && !program->settings.quiet)
            complain("%s: not there yet: waiting for it", source->name);
        source->is_awaited = true;
        return false;
    }
    if (!is_there || outputs_have_file(&program->outputs, source->input.fd)) {
        complain("%s: %s", source->name, is_there ? "is input and output at once" : strerror(errno));
        program->failed = true;
        end_source(source);
        return false;
    }
    return begin_source(source);
}

/* ---- Waiting ---- */

/* What runs is shown with its time, so it is drawn again once a second; only on a terminal. */
static void tick(struct program *program) {
    const asm_time now = steady_time();
    if (!program->terminal.is_terminal || now - program->ticked < TICK) return;
    program->ticked = now;
    asm_pipeline_tick(&program->pipeline, current_time(program));
    asm_pipeline_flush(&program->pipeline);
}

/* Silence while the model should speak; a tool or a person may take as long as they like. */
static void tell_idle(struct source *source) {
    struct program *program = source->program;
    const asm_time silence = steady_time() - source->heard;
    const int limit = program->settings.idle;
    if (limit == 0 || source->idle_is_told || !source->is_open || silence / 1000000 < limit) return;
    if (source->watch.open_calls > 0) return;
    source->idle_is_told = true;
    const struct watch *watch = &source->watch;
    complain("%s: nothing for %d s; last came %s%s%s%s", source->name, limit,
             watch->last_event_name[0] ? watch->last_event_name : "nothing",
             watch->last_tool_name[0] ? " " : "", watch->last_tool_name,
             watch->run_is_open ? "" : ", no run is open");
}

/* Waits until `fd` can be read, or for so many milliseconds; -1 for either: none. False if the program shall end. */
static bool wait_for(struct program *program, int fd, int milliseconds) {
    const bool ticks = program->terminal.is_terminal || program->settings.idle > 0;
    const asm_time until = milliseconds < 0 ? 0 : steady_time() + (asm_time)milliseconds * 1000;
    for (;;) {
        struct pollfd polled[] = {{signals_descriptor(), POLLIN, 0},
                                  {program->writes_stdout ? STDOUT_FILENO : -1, 0, 0},
                                  {fd, POLLIN, 0}};
        const asm_time left = (until - steady_time() + 999) / 1000;
        int pause = milliseconds < 0 ? -1 : left > 0 ? (int)left : 0;
        if (ticks && (pause < 0 || pause > 1000)) pause = 1000;
        const int ready = poll(polled, 3, pause);
        if (ready > 0 && polled[1].revents & (POLLERR | POLLHUP)) program->reader_gone = true;
        if (is_ending(program)) return false;
        if (ready < 0 && errno != EINTR) return true;
        tick(program);
        if (program->current) tell_idle(program->current);
        if ((ready > 0 && polled[2].revents) || (milliseconds >= 0 && steady_time() >= until)) return true;
    }
}

/* Reads a source to its end; waits for what is no file. False if the program shall end, or the source cannot be read. */
static bool read_to_end(struct source *source) {
    while (wait_for(source->program, source->input.fd, -1))
        if (!read_block(source)) return !source->is_ended;
    return false;
}

/* ---- Following ---- */

static void tell_follower(const struct source *source, const char *what) {
    if (!source->program->settings.quiet) complain("%s: %s", source->name, what);
}

/* Looks what became of a file, and reads what is new. */
static void follow(struct source *source) {
    if (!source->is_open && !source->is_ended && !open_source(source, true)) return;
    if (source->is_ended) return;
    if (source->input.remote.pid) {
        while (!source->is_ended && wait_for(source->program, -1, 0) && read_block(source))
            continue;
        return;
    }
    switch (input_look(&source->input, source->name)) {
    case INPUT_SAME:
        break;
    case INPUT_CUT:
        tell_follower(source, "was cut: reading it from its start");
        end_stream(source);
        break;
    case INPUT_REWRITTEN:
        tell_follower(source, "was rewritten: reading it from its start");
        end_stream(source);
        break;
    case INPUT_REPLACED:
        read_to_end(source); /* what came between the last look and the replacement */
        if (source->is_ended || !input_reopen(&source->input, source->name)) break;
        tell_follower(source, "was replaced: reading the new file");
        end_stream(source);
        break;
    }
    if (!source->is_ended) read_to_end(source);
}

/* Whether there is nothing more to wait for. */
static bool all_ended(const struct program *program) {
    for (size_t i = 0; i < program->source_count; i++) {
        const struct source *source = &program->sources[i];
        const bool run_ended = source->watch.has_run && !source->watch.run_is_open;
        if (!source->is_ended && !(program->settings.until_end && run_ended)) return false;
    }
    return true;
}

/* Files are looked at in turn; standard input, which has its end, is read first. */
static void follow_all(struct program *program) {
    for (size_t i = 0; i < program->source_count; i++)
        if (strcmp(program->sources[i].name, "-") == 0 && open_source(&program->sources[i], false)) {
            read_to_end(&program->sources[i]);
            end_source(&program->sources[i]);
        }
    while (!is_ending(program)) {
        for (size_t i = 0; i < program->source_count && !is_ending(program); i++) {
            follow(&program->sources[i]);
            tell_idle(&program->sources[i]);
        }
        if (all_ended(program) || !wait_for(program, program->sources[0].input.remote.fd, FOLLOW_PAUSE))
            break;
    }
}

static void read_all(struct program *program) {
    for (size_t i = 0; i < program->source_count && !is_ending(program); i++) {
        struct source *source = &program->sources[i];
        if (!open_source(source, false)) continue;
        read_to_end(source);
        end_source(source);
    }
}

/* ---- The program ---- */

/* Text goes to standard output unless something else does and no renderer was asked for. */
static bool open_outputs(struct program *program) {
    struct settings *settings = &program->settings;
    struct output_settings *outputs = &settings->outputs;
    const bool shows_text = settings->renderer != NOT_GIVEN || !writes_to_stdout(outputs);
    if (shows_text) add_output(outputs, OUTPUT_TEXT, NULL);
    program->writes_stdout = writes_to_stdout(outputs);
    const bool is_rendered =
        (shows_text || wants_output(outputs, OUTPUT_LOG)) && settings->summary == NOT_GIVEN;
    if (!is_rendered) settings->renderer = RENDERER_PASSTHROUGH;
    outputs_open(&program->outputs, outputs);
    const asm_renderer look = {.self = program,
                               .begin = look_begin,
                               .render_event = look_event,
                               .tick = look_tick,
                               .transient = look_transient};
    const asm_pipeline_options pipeline = {.renderer = look,
                                           .sinks = program->outputs.sinks,
                                           .sink_count = program->outputs.count,
                                           .buffer = program->text,
                                           .buffer_size = sizeof program->text};
    check_memory(program, asm_pipeline_init(&program->pipeline, &pipeline));
    if (!settings->quiet) outputs_report_torn(&program->outputs);
    return !program->failed;
}

static void add_sources(struct program *program, char **files, size_t count) {
    static char from_stdin[] = "-";
    program->source_count = count ? count : 1;
    program->sources = (struct source *)calloc(program->source_count, sizeof *program->sources);
    if (!program->sources) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    for (size_t i = 0; i < program->source_count; i++) {
        program->sources[i].program = program;
        program->sources[i].name = count ? files[i] : from_stdin;
        program->sources[i].input.fd = program->sources[i].input.remote.fd = -1;
    }
    if (count == 0 && isatty(STDIN_FILENO) && !program->settings.quiet)
        complain("reading from the terminal; --help tells what else it can do");
}

static int exit_status(const struct program *program) {
    bool run_is_open = false, run_failed = false;
    for (size_t i = 0; i < program->source_count; i++) {
        run_is_open |= program->sources[i].watch.run_is_open || program->sources[i].watch.any_has_no_end;
        run_failed |= program->sources[i].watch.any_failed;
    }
    if (program->failed || program->outputs.has_failed || program->reader_gone) return EXIT_FAILED;
    if (program->bad_input) return EXIT_BAD_INPUT;
    if (!program->settings.fail) return EXIT_SUCCESS;
    return run_is_open ? EXIT_RUN_OPEN : run_failed ? EXIT_RUN_FAILED : EXIT_SUCCESS;
}

/* How each stands at the end, as text that stays. */
static void leave_fleet(struct program *program) {
    asm_buffer text;
    if (!program->is_fleet) return;
    outputs_hide(&program->outputs);
    asm_buffer_init_growing(&text);
    print_fleet(program, current_time(program), SIZE_MAX, &text);
    outputs_write(&program->outputs, asm_buffer_text(&text));
    asm_buffer_close(&text);
}

static void run(struct program *program) {
    messages_prepare(bring_screen_in_order, program);
    if (program->settings.follow) follow_all(program);
    else read_all(program);
    leave_fleet(program);
    for (size_t i = 0; i < program->source_count; i++)
        end_source(&program->sources[i]);
    asm_pipeline_close(&program->pipeline);
    outputs_check(&program->outputs);
    messages_prepare(NULL, NULL);
}

static void set_times(struct program *program) {
    struct settings *settings = &program->settings;
    const asm_time now = current_time(program);
    if (settings->since) settings->filter.since = filter_read_time("since", settings->since, now);
    if (settings->until) settings->filter.until = filter_read_time("until", settings->until, now);
}

int main(int argc, char **argv) {
    static struct program program; /* too large for some stacks */
    program.settings.renderer = program.settings.topics = program.settings.outputs.preset = NOT_GIVEN;
    program.settings.clock = program.settings.indent = program.settings.summary = NOT_GIVEN;
    messages_init(command.name);
    if (!signals_init()) die("a pipe for signals: %s", strerror(errno));
    int count = options_read(&command, &program.settings, argc, argv);
    /* as asm_render_options has it: 0 is the default, negative is none */
    if (program.settings.indent <= 0) program.settings.indent = program.settings.indent == 0 ? -1 : 0;
    check_companions(&program.settings);
    set_times(&program);
    const struct session_query query = {.agent = program.settings.agent,
                                        .is_here = program.settings.here,
                                        .is_quiet = program.settings.quiet,
                                        .now = current_time(&program),
                                        .flags = stdout_flags()};
    for (int i = 0; i < count; i++)
        argv[i] = session_path(argv[i]);
    if (program.settings.repair) {
        if (count != 1) die("--repair needs one FILE to read");
        return repair_file(argv[0], program.settings.repair);
    }
    if (program.settings.sessions) return session_list(&query);
    if (program.settings.status)
        return session_status(&query, count > 0 ? argv[0] : NULL, program.settings.status_format);
    if (program.settings.last) argv[count++] = session_newest(&query);
    add_sources(&program, argv, (size_t)count);
    if (open_outputs(&program)) run(&program);
    const int status = exit_status(&program);
    outputs_free(&program.outputs);
    filter_close(&program.settings.filter);
    for (size_t i = 0; i < program.source_count; i++)
        watch_close(&program.sources[i].watch);
    free(program.sources);
    if (stop_signal()) raise(stop_signal()); /* so that the shell sees what ended us: the handler was reset */
    return status;
}
