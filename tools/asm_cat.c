/* asm-cat - shows the event streams of AI-agent programs, and logs them at the same time
 *
 *     cc -std=c99 -O2 -D_POSIX_C_SOURCE=200809L -I. tools/asm_cat.c -o asm-cat
 *     claude -p --output-format stream-json --verbose "…" | asm-cat --jsonl=session.jsonl
 *
 * Bytes are read in blocks, asm_ingest makes events of them, the pipeline renders each event and hands it to
 * its sinks, and is flushed once for every block. All memory but that of the longest line is in struct
 * program.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"
#include "asm_ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_BAD_INPUT = 1,
    EXIT_FAILED = 2,
    MAX_OUTPUTS = 16,   /* files and standard output */
    MAX_INDENT = 80,    /* columns */
    MAX_TALLIES = 64,   /* names that --stats tells apart */
    MAX_NAME = 40,      /* their code points */
    FOLLOW_PAUSE = 200, /* milliseconds */
    BLOCK_SIZE = 128 * 1024,
    NOT_GIVEN = -1
};

/* ---- Messages ---- */

static asm_result write_to_stderr(void *user, const char *data, size_t size) {
    (void)user;
    return fwrite(data, 1, size, stderr) == size ? ASM_OK : ASM_ERR_WRITE;
}

/* One line on standard error, whatever the file names and values in it hold. */
static void complain(const char *format, ...) {
    char text[8192], memory[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    asm_buffer line;
    asm_buffer_init_stream(&line, memory, sizeof memory, write_to_stderr, NULL);
    asm_buffer_append(&line, ASM_STR("asm-cat: "));
    asm_text_append(&line, asm_str_from(text), ASM_TEXT_ASCII | ASM_TEXT_LINE);
    asm_buffer_append_byte(&line, '\n');
    asm_buffer_flush(&line);
}

#define die(...) (complain(__VA_ARGS__), exit(EXIT_FAILED))

/* ---- Options ---- */

enum { RENDERER_COMPACT, RENDERER_VERBOSE, RENDERER_STUDIO, RENDERER_PASSTHROUGH };
enum { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };
enum { PRESET_MINIMAL, PRESET_STANDARD, PRESET_DEBUG };

typedef enum output_kind {
    OUTPUT_TEXT, /* these two are rendered */
    OUTPUT_LOG,
    OUTPUT_JSONL,
    OUTPUT_JSONL_COMPACT,
    OUTPUT_ENVELOPES,
    OUTPUT_TOPICS
} output_kind;

struct destination {
    output_kind kind;
    const char *path; /* NULL: standard output */
};

struct settings {
    int renderer; /* NOT_GIVEN, or one of the above; the other choices likewise */
    int format, color, tty, tool_output, preset, topics;
    int indent;
    bool raw, follow, stats, quiet;
    const char *session, *run, *prefix;
    asm_time clock; /* NOT_GIVEN: the time of day */
    struct destination destinations[MAX_OUTPUTS];
    size_t destination_count;
    const char *subscribed[MAX_OUTPUTS]; /* topics and patterns */
    size_t subscribed_count;
};

static const char *renderer_choice(int index) {
    static const char *const names[] = {"compact", "verbose", "studio", "passthrough", NULL};
    return names[index];
}

static const char *when_choice(int index) {
    static const char *const names[] = {"auto", "always", "never", NULL};
    return names[index];
}

static const char *tool_output_choice(int index) {
    static const char *const names[] = {"summary", "preview", "full", NULL};
    return names[index];
}

static const char *preset_choice(int index) {
    static const char *const names[] = {"minimal", "standard", "debug", NULL};
    return names[index];
}

static const char *scope_choice(int index) { /* as asm_scope has them */
    static const char *const names[] = {"session", "run", "type", NULL};
    return names[index];
}

static const char *format_choice(int index) {
    return asm_format_name((asm_format)index);
}

/* What to do with an option: where its value goes, for the kinds up to TIME. */
enum option_kind {
    FLAG,
    CHOICE,
    INDENT,
    TEXT,
    TIME,
    LOG,
    JSONL,
    JSONL_COMPACT,
    ENVELOPES,
    SUBSCRIBE,
    HELP,
    VERSION
};

struct option {
    enum option_kind kind;
    char letter; /* 0: none */
    const char *name;
    const char *value; /* what --help calls its value; NULL: it takes none */
    const char *help;
    size_t offset;                    /* of the member of struct settings */
    const char *(*choice)(int index); /* CHOICE: the values, NULL after the last */
};

#define AT(member) offsetof(struct settings, member)

static const struct option options[] = {
    {CHOICE, 'r', "renderer", "NAME", "what it looks like (default: studio)", AT(renderer), renderer_choice},
    {CHOICE, 0, "color", "WHEN", "colors; auto looks at the terminal and NO_COLOR", AT(color), when_choice},
    {CHOICE, 0, "tty", "WHEN", "studio: overwrite the line of a running tool", AT(tty), when_choice},
    {CHOICE, 0, "tool-output", "HOW", "studio: what tools print", AT(tool_output), tool_output_choice},
    {INDENT, 0, "indent", "N", "studio: columns to indent by (default: 2)", AT(indent), NULL},
    {FLAG, 0, "raw", NULL, "let control characters in texts through: unsafe", AT(raw), NULL},
    {CHOICE, 'f', "from", "FORMAT", "input format; auto looks at the first lines", AT(format), format_choice},
    {FLAG, 'F', "follow", NULL, "read on as the last FILE grows, is cut or replaced", AT(follow), NULL},
    {TEXT, 0, "session", "ID", "session id for streams that carry none", AT(session), NULL},
    {TEXT, 0, "run", "ID", "run id for streams that carry none", AT(run), NULL},
    {TIME, 0, "clock", "TIME", "ISO 8601 time for events that carry none", AT(clock), NULL},
    {JSONL, 0, "jsonl", "PATH", "also append the events as JSON Lines", 0, NULL},
    {JSONL_COMPACT, 0, "jsonl-compact", "PATH", "also append them in the compact form", 0, NULL},
    {LOG, 0, "log", "PATH", "also append the text, without colors", 0, NULL},
    {ENVELOPES, 0, "envelopes", "PATH", "also append what a user interface wants to know", 0, NULL},
    {CHOICE, 0, "preset", "NAME", "how much that is (default: standard)", AT(preset), preset_choice},
    {CHOICE, 0, "topics", "SCOPE", "print where each event is published, not the text", AT(topics),
     scope_choice},
    {TEXT, 0, "prefix", "NAME", "what topics begin with (default: asm)", AT(prefix), NULL},
    {SUBSCRIBE, 0, "subscribe", "TOPIC", "only what a subscriber of it gets; * and ** match", 0, NULL},
    {FLAG, 0, "stats", NULL, "numbers at the end, on standard error", AT(stats), NULL},
    {FLAG, 'q', "quiet", NULL, "say nothing about bad input; no numbers", AT(quiet), NULL},
    {HELP, 'h', "help", NULL, "this text", 0, NULL},
    {VERSION, 'V', "version", NULL, "the version", 0, NULL},
};

#define OPTION_COUNT (sizeof options / sizeof *options)

static const char help_before[] =
    "Usage: asm-cat [OPTION]... [FILE]...\n"
    "Shows event streams of AI-agent programs, and logs them at the same time.\n"
    "Reads each FILE in turn; without one, and for -, standard input.\n"
    "\n";

static const char help_after[] =
    "\n"
    "PATH may be -, standard output; then no text goes there, unless -r asks for it.\n"
    "Outputs may be given several times, 16 in all, and so may topics to subscribe\n"
    "to. Symbols are ASCII where the locale has no UTF-8.\n"
    "\n"
    "Examples:\n"
    "  claude -p --output-format stream-json --verbose 'Fix it' | asm-cat\n"
    "  codex exec --json 'Fix it' | asm-cat --jsonl=session.jsonl --stats\n"
    "  asm-cat --tool-output=full session.jsonl | less -R\n"
    "  asm-cat --jsonl=- session.jsonl | jq .type\n"
    "  asm-cat -F -r compact session.jsonl\n"
    "  asm-cat --topics=type --subscribe='asm:session:*:type:run_failed' log.jsonl\n"
    "\n"
    "Exit status: 0 all was read and written; 1 some input was bad: it was reported\n"
    "as FILE:LINE:COLUMN and skipped; 2 wrong usage, or a file could not be read or\n"
    "written. SIGINT, SIGTERM and SIGHUP end the output properly, then the program;\n"
    "a second one ends it at once.\n";

/* "a, b, c": the values that the option may have, or what --help calls them. */
static const char *allowed_values(const struct option *option, char *text, size_t size) {
    if (!option->choice) return option->value;
    size_t used = 0;
    const char *name;
    for (int i = 0; (name = option->choice(i)) != NULL && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", name);
    return text;
}

/* A list of words in the second column of --help, in as many lines as it needs. */
static void print_wrapped(const char *words) {
    while (*words) {
        size_t size = strlen(words);
        if (size > 50) {
            size = 50;
            while (words[size - 1] != ' ')
                size--;
        }
        printf("%-28s %.*s\n", "", (int)(size - (words[size - 1] == ' ')), words);
        words += size;
    }
}

static void print_option(const struct option *option) {
    char label[64], values[1024];
    snprintf(label, sizeof label, "  %c%c%c --%s%s%s", option->letter ? '-' : ' ',
             option->letter ? option->letter : ' ', option->letter ? ',' : ' ', option->name,
             option->value ? "=" : "", option->value ? option->value : "");
    printf("%-28s %s\n", label, option->help);
    if (option->choice) print_wrapped(allowed_values(option, values, sizeof values));
}

static int close_stdout(void) {
    if (fflush(stdout) == 0) return EXIT_SUCCESS;
    if (errno != EPIPE) complain("standard output: %s", strerror(errno));
    return EXIT_FAILED;
}

static int print_help(void) {
    fputs(help_before, stdout);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        print_option(&options[i]);
    fputs(help_after, stdout);
    return close_stdout();
}

static int print_version(void) {
    puts("asm-cat " ASM_VERSION);
    return close_stdout();
}

/* How many letters to insert, delete or replace to make `b` of `a`; 24 for words that are no options. */
static size_t edit_distance(asm_str a, asm_str b) {
    size_t row[24];
    if (a.size >= 24 || b.size >= 24) return 24;
    for (size_t j = 0; j <= b.size; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t replaced = diagonal + (a.data[i - 1] != b.data[j - 1]);
            size_t shorter = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = replaced < shorter ? replaced : shorter;
        }
    }
    return row[b.size];
}

static void die_of_unknown_option(asm_str name) {
    const char *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        size_t distance = edit_distance(name, asm_str_from(options[i].name));
        if (distance < least) {
            least = distance;
            nearest = options[i].name;
        }
    }
    if (nearest) die("unknown option --%.*s: did you mean --%s?", (int)name.size, name.data, nearest);
    die("unknown option --%.*s: asm-cat --help lists them", (int)name.size, name.data);
}

static int read_choice(const struct option *option, const char *value) {
    char values[1024];
    const char *name;
    for (int i = 0; (name = option->choice(i)) != NULL; i++)
        if (strcmp(name, value) == 0) return i;
    die("--%s: '%s' is none of %s", option->name, value, allowed_values(option, values, sizeof values));
}

static int read_indent(const char *value) {
    char *end;
    errno = 0;
    long number = strtol(value, &end, 10);
    if (*end || errno || number < 0 || number > MAX_INDENT)
        die("--indent: '%s' is no number from 0 to %d", value, MAX_INDENT);
    return number == 0 ? -1 : (int)number; /* asm_render_options: 0 is the default, negative is none */
}

static asm_time read_time(const char *name, const char *value) {
    asm_time time = 0;
    if (asm_time_parse(asm_str_from(value), &time, NULL) != ASM_OK)
        die("--%s: '%s' is no ISO 8601 time such as 2026-02-09T12:00:00Z", name, value);
    return time;
}

static void add_destination(struct settings *settings, output_kind kind, const char *path) {
    if (settings->destination_count == MAX_OUTPUTS)
        die("%s: too many outputs, the most is %d", path ? path : "standard output", MAX_OUTPUTS);
    struct destination *added = &settings->destinations[settings->destination_count++];
    added->kind = kind;
    added->path = path && strcmp(path, "-") != 0 ? path : NULL;
}

static void add_subscription(struct settings *settings, const char *topic) {
    if (settings->subscribed_count == MAX_OUTPUTS)
        die("--subscribe=%s: too many, the most is %d", topic, MAX_OUTPUTS);
    if (strchr(topic, '*') && asm_pattern_check(topic) != ASM_OK)
        die("--subscribe: '%s' is no pattern: * stands for one whole segment, a final ** for the rest",
            topic);
    settings->subscribed[settings->subscribed_count++] = topic;
}

static void set_option(struct settings *settings, const struct option *option, const char *value) {
    void *member = (char *)settings + option->offset;
    switch (option->kind) {
    case FLAG:
        *(bool *)member = true;
        break;
    case CHOICE:
        *(int *)member = read_choice(option, value);
        break;
    case INDENT:
        *(int *)member = read_indent(value);
        break;
    case TEXT:
        *(const char **)member = value;
        break;
    case TIME:
        *(asm_time *)member = read_time(option->name, value);
        break;
    case LOG:
        add_destination(settings, OUTPUT_LOG, value);
        break;
    case JSONL:
        add_destination(settings, OUTPUT_JSONL, value);
        break;
    case JSONL_COMPACT:
        add_destination(settings, OUTPUT_JSONL_COMPACT, value);
        break;
    case ENVELOPES:
        add_destination(settings, OUTPUT_ENVELOPES, value);
        break;
    case SUBSCRIBE:
        add_subscription(settings, value);
        break;
    case HELP:
        exit(print_help());
    case VERSION:
        exit(print_version());
    }
}

/* `value` stood in the same word, or is NULL; `next` is the next word. Returns whether that was the value. */
static bool take_option(struct settings *settings, const struct option *option, const char *value,
                        const char *next) {
    char values[1024];
    bool takes_next = false;
    if (!option->value) {
        if (value) die("--%s takes no value", option->name);
        value = "";
    } else if (!value) {
        value = next;
        takes_next = true;
    }
    if (option->value && (!value || !*value))
        die("--%s needs a value: %s", option->name, allowed_values(option, values, sizeof values));
    set_option(settings, option, value);
    return takes_next;
}

static bool take_long_option(struct settings *settings, const char *word, const char *next) {
    const char *equals = strchr(word, '=');
    asm_str name = asm_str_make(word, equals ? (size_t)(equals - word) : strlen(word));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (asm_str_equal(name, asm_str_from(options[i].name)))
            return take_option(settings, &options[i], equals ? equals + 1 : NULL, next);
    die_of_unknown_option(name);
    return false;
}

static bool take_short_options(struct settings *settings, const char *letters, const char *next) {
    bool took_next = false;
    while (*letters) {
        const struct option *option = options;
        while (option < options + OPTION_COUNT && option->letter != *letters)
            option++;
        if (option == options + OPTION_COUNT) die("unknown option -%c: asm-cat --help lists them", *letters);
        letters++;
        const char *value = option->value && *letters ? letters : NULL;
        took_next = take_option(settings, option, value, next);
        if (option->value) break;
    }
    return took_next;
}

/* Options that do nothing without another. */
static void check_companions(struct settings *settings) {
    bool envelopes = false;
    for (size_t i = 0; i < settings->destination_count; i++)
        envelopes |= settings->destinations[i].kind == OUTPUT_ENVELOPES;
    if (settings->preset != NOT_GIVEN && !envelopes) die("--preset needs --envelopes=PATH");
    if (settings->topics != NOT_GIVEN) add_destination(settings, OUTPUT_TOPICS, NULL);
    else if (settings->prefix || settings->subscribed_count > 0)
        die("--%s needs --topics=SCOPE", settings->prefix ? "prefix" : "subscribe");
}

/* Returns the number of files, which are then the first words of argv. */
static int read_arguments(struct settings *settings, int argc, char **argv) {
    int files = 0, at = 1;
    while (at < argc) {
        char *word = argv[at++], *next = argv[at]; /* argv[argc] is NULL */
        if (strcmp(word, "--") == 0) break;
        bool took_next = false;
        if (strncmp(word, "--", 2) == 0) took_next = take_long_option(settings, word + 2, next);
        else if (word[0] == '-' && word[1]) took_next = take_short_options(settings, word + 1, next);
        else argv[files++] = word;
        at += took_next;
    }
    while (at < argc)
        argv[files++] = argv[at++];
    check_companions(settings);
    return files;
}

/* ---- Statistics ---- */

struct spending {
    int64_t input_tokens, output_tokens;
    double cost_usd;
};

struct tally {
    char name[4 * MAX_NAME];
    size_t size; /* of the name */
    uint64_t count, failed;
    struct spending spending;
};

struct tallies {
    struct tally entries[MAX_TALLIES];
    size_t used;
};

struct statistics {
    struct tallies events, tools;
    struct tallies sessions;    /* what they spent in all, for those that say so */
    struct spending by_message; /* since the last total */
    struct spending by_sub_agents;
    double run_cost_usd, run_milliseconds;
    asm_time first, last;
};

/* The entry of that name. A full table counts all further names together, in its last entry. */
static struct tally *find_tally(struct tallies *tallies, asm_str name) {
    name = asm_utf8_prefix(name, MAX_NAME);
    for (size_t i = 0; i < tallies->used; i++) {
        struct tally *entry = &tallies->entries[i];
        if (asm_str_equal(name, asm_str_make(entry->name, entry->size))) return entry;
    }
    if (tallies->used == MAX_TALLIES) return &tallies->entries[MAX_TALLIES - 1];
    if (tallies->used == MAX_TALLIES - 1) name = ASM_STR("(others)");
    struct tally *added = &tallies->entries[tallies->used++];
    if (name.size > 0) memcpy(added->name, name.data, name.size);
    added->size = name.size;
    return added;
}

static void spend(struct spending *spending, const asm_usage_payload *usage) {
    spending->input_tokens += usage->input_tokens.value;
    spending->output_tokens += usage->output_tokens.value;
    spending->cost_usd += usage->cost_usd.value;
}

/* The same tokens may be told twice: message by message, and in a total, which may lack tokens or costs. */
static void count_usage(struct statistics *statistics, const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    struct spending *messages = &statistics->by_message;
    struct spending *session = &find_tally(&statistics->sessions, event->session_id)->spending;
    bool has_tokens = usage->input_tokens.is_set || usage->output_tokens.is_set;
    if (usage->parent_tool_call_id.size > 0) {
        spend(&statistics->by_sub_agents, usage);
    } else if (usage->message_id.size > 0 && !usage->cumulative.value) {
        spend(messages, usage);
    } else {
        if (has_tokens) messages->input_tokens = messages->output_tokens = 0;
        if (has_tokens && usage->cumulative.value) session->input_tokens = session->output_tokens = 0;
        if (usage->cost_usd.is_set && usage->cumulative.value) session->cost_usd = 0;
        spend(session, usage);
    }
}

static bool tool_failed(const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    return event->type == ASM_EVENT_TOOL_CALL_FAILED || asm_str_equal(tool->status, ASM_STR("failed")) ||
           (tool->exit_code.is_set && tool->exit_code.value != 0);
}

static void count_event(struct statistics *statistics, const asm_event *event) {
    find_tally(&statistics->events, asm_event_name(event))->count++;
    if (event->time != 0) {
        statistics->first = statistics->first ? statistics->first : event->time;
        statistics->last = event->time;
    }
    switch (event->type) {
    case ASM_EVENT_TOOL_CALL_STARTED:
        find_tally(&statistics->tools, event->tool.name)->count++;
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        find_tally(&statistics->tools, event->tool.name)->failed += tool_failed(event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        count_usage(statistics, event);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        statistics->run_cost_usd += event->run.cost_usd.value;
        statistics->run_milliseconds += event->run.duration_ms.value;
        break;
    default:
        break;
    }
}

/* A line of the table: a name, and what belongs to it, as printf() has it. */
static void print_row(asm_buffer *out, const char *indent, asm_str name, const char *format, ...) {
    char value[96], memory[8 * MAX_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    asm_buffer label;
    asm_buffer_init_fixed(&label, memory, sizeof memory);
    asm_buffer_append(&label, asm_str_from(indent));
    asm_text_append(&label, name, ASM_TEXT_ASCII | ASM_TEXT_LINE);
    asm_buffer_append(out, asm_buffer_text(&label));
    for (size_t width = asm_utf8_count(asm_buffer_text(&label)); width < 30; width++)
        asm_buffer_append_byte(out, ' ');
    asm_buffer_append(out, asm_str_from(value));
    asm_buffer_append_byte(out, '\n');
}

static void print_count(asm_buffer *out, const char *indent, asm_str name, uint64_t count, uint64_t failed) {
    if (failed > 0) print_row(out, indent, name, "%12" PRIu64 "  %" PRIu64 " failed", count, failed);
    else print_row(out, indent, name, "%12" PRIu64, count);
}

static void print_tallies(asm_buffer *out, asm_str title, const struct tallies *tallies) {
    uint64_t count = 0, failed = 0;
    for (size_t i = 0; i < tallies->used; i++) {
        count += tallies->entries[i].count;
        failed += tallies->entries[i].failed;
    }
    print_count(out, "", title, count, failed);
    for (size_t i = 0; i < tallies->used; i++) {
        const struct tally *entry = &tallies->entries[i];
        print_count(out, "  ", asm_str_make(entry->name, entry->size), entry->count, entry->failed);
    }
}

static void print_passed_over(asm_buffer *out, const asm_ingest *ingest) {
    asm_str type;
    uint64_t count;
    if (ingest->counts.unknown > 0)
        print_count(out, "", ASM_STR("lines of unknown type"), ingest->counts.unknown, 0);
    for (size_t i = 0; asm_ingest_unknown(ingest, i, &type, &count); i++)
        print_count(out, "  ", type, count, 0);
    if (ingest->counts.heartbeats > 0)
        print_count(out, "", ASM_STR("heartbeats, not shown"), ingest->counts.heartbeats, 0);
}

static void print_spending(asm_buffer *out, const struct statistics *statistics) {
    struct spending all = statistics->by_message;
    for (size_t i = 0; i < statistics->sessions.used; i++) {
        const struct spending *session = &statistics->sessions.entries[i].spending;
        all.input_tokens += session->input_tokens;
        all.output_tokens += session->output_tokens;
        all.cost_usd += session->cost_usd;
    }
    const struct spending *sub_agents = &statistics->by_sub_agents;
    print_row(out, "", ASM_STR("input tokens"), "%12" PRId64, all.input_tokens);
    print_row(out, "", ASM_STR("output tokens"), "%12" PRId64, all.output_tokens);
    if (sub_agents->input_tokens > 0 || sub_agents->output_tokens > 0) {
        print_row(out, "", ASM_STR("sub-agents' input tokens"), "%12" PRId64, sub_agents->input_tokens);
        print_row(out, "", ASM_STR("sub-agents' output tokens"), "%12" PRId64, sub_agents->output_tokens);
    }
    double cost = statistics->run_cost_usd > 0 ? statistics->run_cost_usd : all.cost_usd;
    char dollars[32];
    snprintf(dollars, sizeof dollars, "$%.4f", cost);
    if (cost > 0) print_row(out, "", ASM_STR("cost"), "%12s", dollars);
}

/* As the runs tell it, else between the first and the last event. */
static void print_duration(asm_buffer *out, const struct statistics *statistics) {
    double seconds = statistics->run_milliseconds / 1000;
    if (seconds <= 0) seconds = (double)(statistics->last - statistics->first) / 1000000;
    if (seconds >= 0.05) print_row(out, "", ASM_STR("duration"), "%10.1f s", seconds);
}

static void print_statistics(const struct statistics *statistics, const asm_ingest *ingest) {
    char memory[1024];
    asm_buffer out;
    asm_buffer_init_stream(&out, memory, sizeof memory, write_to_stderr, NULL);
    print_count(&out, "", ASM_STR("lines"), ingest->counts.lines, 0);
    print_count(&out, "", ASM_STR("bytes"), ingest->counts.bytes, 0);
    print_tallies(&out, ASM_STR("events"), &statistics->events);
    print_tallies(&out, ASM_STR("tools"), &statistics->tools);
    print_passed_over(&out, ingest);
    print_spending(&out, statistics);
    print_duration(&out, statistics);
    asm_buffer_flush(&out);
}

/* ---- Signals ---- */

/* The signal that asks for the end, or 0; the pipe wakes up a poll() that waits meanwhile. */
static volatile sig_atomic_t stop_signal;
static int wake_pipe[2];

static void on_stop_signal(int number) {
    int saved = errno;
    stop_signal = number;
    ssize_t written = write(wake_pipe[1], "", 1); /* cannot block: at most one byte for each signal */
    (void)written;
    errno = saved;
}

static void handle_signals(void) {
    static const int stops[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, before;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_handler = SIG_IGN; /* writing to a closed pipe is an error like others */
    sigaction(SIGPIPE, &action, NULL);
    if (pipe(wake_pipe) != 0) die("a pipe for signals: %s", strerror(errno));
    action.sa_handler = on_stop_signal;
    action.sa_flags = (int)SA_RESETHAND; /* the second one ends the program at once */
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (sigaction(stops[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(stops[i], &action, NULL);
}

/* ---- Outputs ---- */

/* What a user interface is told: one envelope on each line. */
struct envelopes {
    asm_tty_sink file;
    asm_sink out; /* writes to the file */
    asm_envelope_lines lines;
    asm_broadcaster broadcaster;
};

/* The topics that events are published on: a line for each time that a subscriber hears of one. */
struct topics {
    asm_tty_sink file;
    asm_sink out;
    asm_pubsub pubsub;
    asm_pubsub_sink publisher;
    asm_sink publish; /* publishes to pubsub */
};

struct output {
    struct destination to;
    union {
        asm_tty_sink text;
        asm_file_sink log;
        asm_jsonl_sink jsonl;
        struct envelopes envelopes;
        struct topics topics;
    } sink;
    const asm_output_stream *stream; /* the sink's */
    char buffer[64 * 1024];
};

struct program {
    struct settings settings;
    union {
        asm_compact compact;
        asm_verbose verbose;
        asm_studio studio;
    } renderer;
    struct output outputs[MAX_OUTPUTS];
    asm_sink sinks[MAX_OUTPUTS];
    asm_pipeline pipeline;
    asm_ingest ingest;
    struct statistics statistics;
    const char *file; /* the input that is being read, as messages call it */
    bool writes_stdout;
    bool reader_gone; /* nobody reads standard output any more */
    bool failed;      /* exit status 2 */
    bool lost;        /* exit status 1: some input was bad */
    char text[64 * 1024], block[BLOCK_SIZE];
};

static asm_result write_to_sink(void *user, const char *data, size_t size) {
    asm_sink *out = (asm_sink *)user;
    return out->write(out->self, asm_str_make(data, size));
}

static asm_result envelopes_event(void *self, const asm_event *event, asm_str text) {
    (void)text;
    return asm_broadcaster_event(&((struct envelopes *)self)->broadcaster, event);
}

static asm_result envelopes_flush(void *self) {
    struct envelopes *envelopes = (struct envelopes *)self;
    return envelopes->out.flush(envelopes->out.self);
}

static asm_result envelopes_close(void *self) {
    struct envelopes *envelopes = (struct envelopes *)self;
    asm_broadcaster_close(&envelopes->broadcaster);
    asm_envelope_lines_close(&envelopes->lines);
    return envelopes->out.close(envelopes->out.self);
}

static asm_sink init_envelopes(struct envelopes *envelopes, const asm_tty_sink_options *file, int preset) {
    asm_broadcast_settings settings = preset == PRESET_MINIMAL ? asm_broadcast_minimal()
                                      : preset == PRESET_DEBUG ? asm_broadcast_debug()
                                                               : asm_broadcast_standard();
    asm_broadcaster_options broadcaster = {
        .broadcast = asm_envelope_lines_broadcast, .user = &envelopes->lines, .settings = &settings};
    envelopes->out = asm_tty_sink_init(&envelopes->file, file);
    asm_envelope_lines_init(&envelopes->lines, write_to_sink, &envelopes->out);
    asm_result result = asm_broadcaster_init(&envelopes->broadcaster, &broadcaster);
    asm_sink sink = {.self = envelopes,
                     .write_event = envelopes_event,
                     .flush = envelopes_flush,
                     .close = envelopes_close,
                     .result = envelopes->out.result != ASM_OK ? envelopes->out.result : result};
    return sink;
}

/* TOPIC<TAB>TYPE: ids and types come from the stream, so they are made harmless. */
static void print_topic(void *user, const asm_message *message) {
    struct topics *topics = (struct topics *)user;
    char memory[1024];
    asm_buffer line;
    asm_buffer_init_stream(&line, memory, sizeof memory, write_to_sink, &topics->out);
    asm_text_append(&line, asm_str_from(message->topic), ASM_TEXT_LINE);
    asm_buffer_append_byte(&line, '\t');
    asm_text_append(&line, asm_event_name(message->event), ASM_TEXT_LINE);
    asm_buffer_append_byte(&line, '\n');
    asm_buffer_flush(&line);
}

static asm_result topics_event(void *self, const asm_event *event, asm_str text) {
    struct topics *topics = (struct topics *)self;
    asm_result result = topics->publish.write_event(topics->publish.self, event, text);
    return result == ASM_OK ? topics->file.pending.result : result;
}

static asm_result topics_flush(void *self) {
    struct topics *topics = (struct topics *)self;
    return topics->out.flush(topics->out.self);
}

static asm_result topics_close(void *self) {
    struct topics *topics = (struct topics *)self;
    asm_pubsub_close(&topics->pubsub);
    return topics->out.close(topics->out.self);
}

static asm_result subscribe(struct topics *topics, const char *topic) {
    if (strchr(topic, '*'))
        return asm_pubsub_subscribe_pattern(&topics->pubsub, topic, print_topic, topics, NULL);
    return asm_pubsub_subscribe(&topics->pubsub, topic, print_topic, topics, NULL);
}

static asm_sink init_topics(struct topics *topics, const asm_tty_sink_options *file,
                            const struct settings *settings) {
    asm_pubsub_sink_options publisher = {.pubsub = &topics->pubsub,
                                         .prefix = asm_str_from(settings->prefix),
                                         .scope = (asm_scope)settings->topics};
    topics->out = asm_tty_sink_init(&topics->file, file);
    asm_pubsub_init(&topics->pubsub, NULL);
    topics->publish = asm_pubsub_sink_init(&topics->publisher, &publisher);
    asm_result result = topics->publish.result;
    if (settings->subscribed_count == 0) result = subscribe(topics, "**");
    for (size_t i = 0; i < settings->subscribed_count && result == ASM_OK; i++)
        result = subscribe(topics, settings->subscribed[i]);
    asm_sink sink = {.self = topics,
                     .write_event = topics_event,
                     .flush = topics_flush,
                     .close = topics_close,
                     .result = topics->out.result != ASM_OK ? topics->out.result : result};
    return sink;
}

static asm_sink init_sink(struct output *output, const struct settings *settings) {
    asm_output to = {.path = output->to.path, .fd = output->to.path ? 0 : STDOUT_FILENO};
    asm_tty_sink_options text = {to, output->buffer, sizeof output->buffer};
    asm_file_sink_options log = {to, output->buffer, sizeof output->buffer};
    asm_jsonl_sink_options jsonl = {.output = to,
                                    .compact = output->to.kind == OUTPUT_JSONL_COMPACT,
                                    .gather = true,
                                    .buffer = output->buffer,
                                    .buffer_size = sizeof output->buffer};
    asm_sink sink;
    switch (output->to.kind) {
    case OUTPUT_TEXT:
        sink = asm_tty_sink_init(&output->sink.text, &text);
        output->stream = &output->sink.text.out;
        break;
    case OUTPUT_LOG:
        sink = asm_file_sink_init(&output->sink.log, &log);
        output->stream = &output->sink.log.out;
        break;
    case OUTPUT_ENVELOPES:
        sink = init_envelopes(&output->sink.envelopes, &text, settings->preset);
        output->stream = &output->sink.envelopes.file.out;
        break;
    case OUTPUT_TOPICS:
        sink = init_topics(&output->sink.topics, &text, settings);
        output->stream = &output->sink.topics.file.out;
        break;
    default:
        sink = asm_jsonl_sink_init(&output->sink.jsonl, &jsonl);
        output->stream = &output->sink.jsonl.out;
        break;
    }
    sink.name = output->to.path ? output->to.path : "standard output";
    return sink;
}

static asm_setting decide(int when, bool detected) {
    bool on = when == WHEN_ALWAYS || (when == WHEN_AUTO && detected);
    return on ? ASM_SETTING_ON : ASM_SETTING_OFF;
}

static asm_renderer init_renderer(struct program *program, bool on_stdout) {
    const struct settings *settings = &program->settings;
    asm_terminal terminal = asm_terminal_detect(STDOUT_FILENO);
    asm_render_options render = {.color = decide(settings->color, on_stdout && terminal.has_color),
                                 .raw = settings->raw,
                                 .ascii = decide(WHEN_AUTO, !terminal.has_utf8),
                                 .tty = decide(settings->tty, on_stdout && terminal.is_terminal),
                                 .tool_output = (asm_tool_output)settings->tool_output,
                                 .indent = settings->indent};
    switch (settings->renderer) {
    case RENDERER_COMPACT:
        return asm_compact_init(&program->renderer.compact, &render);
    case RENDERER_VERBOSE:
        return asm_verbose_init(&program->renderer.verbose, &render);
    case RENDERER_PASSTHROUGH:
        return asm_passthrough_init();
    default:
        return asm_studio_init(&program->renderer.studio, &render);
    }
}

/* Text goes to standard output unless something else does and no renderer was asked for. */
static bool open_outputs(struct program *program) {
    struct settings *settings = &program->settings;
    bool stdout_taken = false, text_wanted = false;
    for (size_t i = 0; i < settings->destination_count; i++)
        stdout_taken |= settings->destinations[i].path == NULL;
    bool shows_text = settings->renderer != NOT_GIVEN || !stdout_taken;
    if (shows_text) add_destination(settings, OUTPUT_TEXT, NULL);
    program->writes_stdout = shows_text || stdout_taken;
    for (size_t i = 0; i < settings->destination_count; i++) {
        program->outputs[i].to = settings->destinations[i];
        program->sinks[i] = init_sink(&program->outputs[i], settings);
        text_wanted |= settings->destinations[i].kind <= OUTPUT_LOG;
    }
    asm_pipeline_options pipeline = {.renderer = text_wanted ? init_renderer(program, shows_text)
                                                             : asm_passthrough_init(),
                                     .sinks = program->sinks,
                                     .sink_count = settings->destination_count,
                                     .buffer = program->text,
                                     .buffer_size = sizeof program->text};
    return asm_pipeline_init(&program->pipeline, &pipeline) == ASM_OK;
}

/* A program that was killed may have left half a line at the end of its file. */
static void report_torn_lines(const struct program *program) {
    for (size_t i = 0; i < program->settings.destination_count; i++) {
        const struct output *output = &program->outputs[i];
        bool is_log = output->to.kind == OUTPUT_JSONL || output->to.kind == OUTPUT_JSONL_COMPACT;
        if (is_log && output->stream->torn_bytes > 0)
            complain("%s: ended in %" PRIu64 " bytes without a line end: ended the line", output->to.path,
                     output->stream->torn_bytes);
    }
}

/* A reader that has gone, as in `asm-cat | head`, is no news to anybody. */
static void report_failures(struct program *program) {
    const char *reported = NULL;
    for (size_t i = 0; i < program->settings.destination_count; i++) {
        const asm_sink *sink = &program->sinks[i];
        int error = program->outputs[i].stream->system_error;
        if (sink->result == ASM_OK) continue;
        if (sink->result != ASM_ERR_CLOSED)
            complain("%s: %s", sink->name, error ? strerror(error) : asm_result_string(sink->result));
        reported = sink->name;
    }
    asm_result result = program->pipeline.result;
    if (result != ASM_OK && !reported)
        complain("%s: %s", program->pipeline.failed, asm_result_string(result));
    if (result != ASM_OK || reported || program->reader_gone) program->failed = true;
}

/* ---- Inputs ---- */

static bool is_ending(const struct program *program) {
    return stop_signal != 0 || program->reader_gone || program->pipeline.result != ASM_OK;
}

/* After a signal nothing more is shown: the stream has not ended, we only stopped looking. */
static void on_event(void *user, const asm_event *event) {
    struct program *program = (struct program *)user;
    if (is_ending(program)) return;
    if (program->settings.stats) count_event(&program->statistics, event);
    asm_pipeline_event(&program->pipeline, event);
}

/* Flushes first, so that on a terminal the message stands behind the text of the lines before. */
static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct program *program = (struct program *)user;
    if (program->settings.quiet || is_ending(program)) return;
    asm_pipeline_flush(&program->pipeline);
    complain("%s:%" PRIu64 ":%" PRIu64 ": %s", program->file, diagnostic->line, diagnostic->column,
             diagnostic->message);
}

static asm_time current_time(const struct settings *settings) {
    struct timespec now;
    if (settings->clock != NOT_GIVEN) return settings->clock;
    clock_gettime(CLOCK_REALTIME, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void check_memory(struct program *program, asm_result result) {
    if (result != ASM_OK) {
        complain("%s", asm_result_string(result));
        program->failed = true;
    }
}

static bool open_ingest(struct program *program) {
    const struct settings *settings = &program->settings;
    asm_ingest_options ingest = {.format = (asm_format)settings->format,
                                 .on_event = on_event,
                                 .on_diagnostic = on_diagnostic,
                                 .user = program,
                                 .session_id = asm_str_from(settings->session),
                                 .run_id = asm_str_from(settings->run)};
    check_memory(program, asm_ingest_init(&program->ingest, &ingest));
    return program->ingest.result == ASM_OK;
}

static void end_stream(struct program *program) {
    check_memory(program, asm_ingest_end(&program->ingest, current_time(&program->settings)));
    asm_pipeline_flush(&program->pipeline);
}

/* Waits until `fd` can be read, or for so many milliseconds; -1 for either: none. False if the program shall
 * end. */
static bool wait_for(struct program *program, int fd, int milliseconds) {
    struct pollfd polled[] = {
        {wake_pipe[0], POLLIN, 0}, {program->writes_stdout ? STDOUT_FILENO : -1, 0, 0}, {fd, POLLIN, 0}};
    while (poll(polled, 3, milliseconds) < 0 && errno == EINTR && !stop_signal)
        continue;
    if (polled[1].revents & (POLLERR | POLLHUP)) program->reader_gone = true;
    return !is_ending(program);
}

/* Reads what there is; false if the file cannot be read on. */
static bool read_to_end(struct program *program, int fd) {
    while (wait_for(program, fd, -1)) {
        ssize_t size = read(fd, program->block, sizeof program->block);
        if (size == 0) return true;
        if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (size < 0) {
            complain("%s: %s", program->file, strerror(errno));
            program->failed = true;
            return false;
        }
        asm_time now = current_time(&program->settings);
        check_memory(program, asm_ingest_feed(&program->ingest, program->block, (size_t)size, now));
        asm_pipeline_flush(&program->pipeline);
    }
    return false;
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Reading a file while appending to it would never end. */
static bool is_output(const struct program *program, int fd) {
    struct stat input, output;
    if (fstat(fd, &input) != 0 || !S_ISREG(input.st_mode)) return false;
    for (size_t i = 0; i < program->settings.destination_count; i++) {
        const char *path = program->outputs[i].to.path;
        if ((path ? stat(path, &output) : fstat(STDOUT_FILENO, &output)) == 0 && same_file(&input, &output))
            return true;
    }
    return false;
}

static void tell_follower(const struct program *program, const char *what) {
    if (!program->settings.quiet) complain("%s: %s", program->file, what);
}

/* Finds out what happened to a file that was read to its end; returns the descriptor to go on with. */
static int follow_file(struct program *program, const char *path, int fd) {
    struct stat opened, named;
    if (fstat(fd, &opened) != 0) return fd;
    if (lseek(fd, 0, SEEK_CUR) > opened.st_size) {
        tell_follower(program, "was cut: reading it from its start");
        end_stream(program);
        lseek(fd, 0, SEEK_SET);
        return fd;
    }
    if (stat(path, &named) != 0 || same_file(&opened, &named)) return fd;
    int next = open(path, O_RDONLY);
    if (next < 0) return fd;
    read_to_end(program, fd); /* what came between the last look and the replacement */
    tell_follower(program, "was replaced: reading the new file");
    end_stream(program);
    close(fd);
    return next;
}

static void show_file(struct program *program, const char *path, bool follow) {
    bool is_stdin = strcmp(path, "-") == 0;
    program->file = path;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY);
    if (fd < 0 || is_output(program, fd)) {
        complain("%s: %s", path, fd < 0 ? strerror(errno) : "is input and output at once");
        program->failed = true;
    } else {
        bool readable = read_to_end(program, fd);
        while (follow && !is_stdin && readable && wait_for(program, -1, FOLLOW_PAUSE)) {
            fd = follow_file(program, path, fd);
            readable = read_to_end(program, fd);
        }
        end_stream(program);
    }
    if (fd > STDIN_FILENO) close(fd);
}

static void show_files(struct program *program, char **files, int count) {
    if (count == 0) show_file(program, "-", false);
    for (int i = 0; i < count && !is_ending(program); i++)
        show_file(program, files[i], program->settings.follow && i == count - 1);
}

/* ---- The program ---- */

/* A closed standard descriptor would go to the next file that is opened. These fail when they are used. */
static void hold_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0) open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

static void run(struct program *program, char **files, int count) {
    const struct settings *settings = &program->settings;
    if (!settings->quiet) report_torn_lines(program);
    if (open_ingest(program)) show_files(program, files, count);
    asm_pipeline_close(&program->pipeline);
    if (settings->stats && !settings->quiet) print_statistics(&program->statistics, &program->ingest);
    program->lost = program->ingest.counts.lost > 0;
    asm_ingest_close(&program->ingest);
}

int main(int argc, char **argv) {
    static struct program program; /* too large for some stacks */
    program.settings.renderer = NOT_GIVEN;
    program.settings.clock = NOT_GIVEN;
    program.settings.preset = program.settings.topics = NOT_GIVEN;
    hold_standard_descriptors();
    handle_signals();
    int count = read_arguments(&program.settings, argc, argv);
    if (open_outputs(&program)) run(&program, argv, count);
    report_failures(&program);
    if (stop_signal)
        raise((int)stop_signal); /* so that the shell sees what ended us: the handler was reset */
    return program.failed ? EXIT_FAILED : program.lost ? EXIT_BAD_INPUT : EXIT_SUCCESS;
}
