/* SPDX-License-Identifier: MIT OR Unlicense */
#include "outputs.h"

#include "messages.h"
#include "remote.h"
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_BUFFER = 64 * 1024, REFUSALS_TOLD = 10 };

enum { PRESET_STANDARD, PRESET_MINIMAL, PRESET_DEBUG };

/* Whole lines, gathered and written in one go, so that processes can share a file. */
struct lines {
    asm_output_stream out;
    asm_buffer gathered;
};

/* What a user interface is told: one envelope on each line. */
struct envelopes {
    struct lines lines;
    asm_envelope_lines writer;
    asm_broadcaster broadcaster;
};

/* The topics that events are published on: a line for each time that a subscriber hears of one. */
struct topics {
    struct lines lines;
    asm_pubsub pubsub;
    asm_pubsub_sink publisher;
    asm_sink publish; /* publishes to pubsub */
};

struct output {
    enum output_kind kind;
    const char *path; /* NULL: standard output */
    union {
        asm_tty_sink text;
        asm_file_sink log;
        asm_jsonl_sink jsonl;
        struct envelopes envelopes;
        struct topics topics;
        asm_wire wire;
    } sink;
    const asm_output_stream *stream; /* the sink's */
    bool is_reported;
    uint64_t refused; /* events, as far as it was said */
    /* of an address */
    struct remote remote;
    char address[256];
    asm_result (*close)(void *self); /* the sink's own */
    char buffer[TEXT_BUFFER];        /* of text */
};

/* ---- Options ---- */

const char *preset_choice(int index) {
    static const char *const names[] = {"standard", "minimal", "debug", NULL};
    return names[index];
}

void add_output(struct output_settings *settings, enum output_kind kind, const char *path) {
    if (settings->count == MAX_OUTPUTS)
        die("%s: too many outputs: at most %d", path ? path : "standard output", (int)MAX_OUTPUTS);
    settings->wanted[settings->count].kind = kind;
    settings->wanted[settings->count++].path = path && strcmp(path, "-") != 0 ? path : NULL;
}

static struct output_settings *settings_of(void *settings, const struct option *option) {
    return (struct output_settings *)(void *)((char *)settings + option->offset);
}

void take_jsonl(void *settings, const struct option *option, const char *value) {
    add_output(settings_of(settings, option), OUTPUT_JSONL, value);
}

void take_jsonl_compact(void *settings, const struct option *option, const char *value) {
    add_output(settings_of(settings, option), OUTPUT_JSONL_COMPACT, value);
}

void take_log(void *settings, const struct option *option, const char *value) {
    add_output(settings_of(settings, option), OUTPUT_LOG, value);
}

void take_envelopes(void *settings, const struct option *option, const char *value) {
    add_output(settings_of(settings, option), OUTPUT_ENVELOPES, value);
}

void take_wire(void *settings, const struct option *option, const char *value) {
    struct output_settings *outputs = settings_of(settings, option);
    const size_t size = strcspn(value, ":");
    const asm_wire_format format = asm_wire_format_from_name(asm_str_make(value, size));
    if (format == ASM_WIRE_FORMAT_COUNT)
        die("--wire: '%.*s' must be one of ag-ui, ai-sdk, acp, otlp, cloudevents, trace", (int)size, value);
    add_output(outputs, OUTPUT_WIRE, value[size] && value[size + 1] ? value + size + 1 : NULL);
    outputs->wanted[outputs->count - 1].wire = format;
}

void take_mode(void *settings, const struct option *option, const char *value) {
    char *end;
    const unsigned long mode = strtoul(value, &end, 8);
    if (*end || mode == 0 || mode > 0777 || *value == '-')
        die("--mode: '%s' must be permissions from 1 to 777, such as 640", value);
    settings_of(settings, option)->mode = (unsigned)mode;
}

bool writes_to_stdout(const struct output_settings *settings) {
    for (size_t i = 0; i < settings->count; i++)
        if (!settings->wanted[i].path) return true;
    return false;
}

bool wants_output(const struct output_settings *settings, enum output_kind kind) {
    for (size_t i = 0; i < settings->count; i++)
        if (settings->wanted[i].kind == kind) return true;
    return false;
}

/* ---- Whole lines ---- */

static asm_result lines_flush(struct lines *lines) {
    const asm_result result =
        lines->gathered.result == ASM_OK
            ? asm_output_stream_write(&lines->out, lines->gathered.data, lines->gathered.size)
            : lines->gathered.result;
    asm_buffer_clear(&lines->gathered);
    return result;
}

/* An asm_write_function that gets whole lines. */
static asm_result lines_write(void *user, const char *data, size_t size) {
    struct lines *lines = (struct lines *)user;
    asm_buffer_append(&lines->gathered, asm_str_make(data, size));
    return lines->gathered.size < TEXT_BUFFER ? lines->gathered.result : lines_flush(lines);
}

static asm_result lines_open(struct lines *lines, const asm_output *to) {
    asm_buffer_init_growing(&lines->gathered);
    return asm_output_stream_open(&lines->out, to);
}

static asm_result lines_close(struct lines *lines) {
    asm_buffer_close(&lines->gathered);
    return asm_output_stream_close(&lines->out);
}

/* ---- Envelopes ---- */

static asm_result envelopes_event(void *self, const asm_event *event, asm_str text) {
    struct envelopes *envelopes = (struct envelopes *)self;
    (void)text;
    return asm_broadcaster_event(&envelopes->broadcaster, event);
}

static asm_result envelopes_flush(void *self) {
    return lines_flush(&((struct envelopes *)self)->lines);
}

static asm_result envelopes_close(void *self) {
    struct envelopes *envelopes = (struct envelopes *)self;
    asm_broadcaster_close(&envelopes->broadcaster);
    asm_envelope_lines_close(&envelopes->writer);
    return lines_close(&envelopes->lines);
}

static asm_sink envelopes_init(struct envelopes *envelopes, const asm_output *to, int preset) {
    const asm_broadcast_settings settings = preset == PRESET_MINIMAL ? asm_broadcast_minimal()
                                            : preset == PRESET_DEBUG ? asm_broadcast_debug()
                                                                     : asm_broadcast_standard();
    const asm_broadcaster_options options = {
        .broadcast = asm_envelope_lines_broadcast, .user = &envelopes->writer, .settings = &settings};
    asm_result result = lines_open(&envelopes->lines, to);
    asm_envelope_lines_init(&envelopes->writer, lines_write, &envelopes->lines);
    const asm_result opened = asm_broadcaster_init(&envelopes->broadcaster, &options);
    if (result == ASM_OK) result = opened;
    const asm_sink sink = {.self = envelopes,
                           .write_event = envelopes_event,
                           .flush = envelopes_flush,
                           .close = envelopes_close,
                           .result = result};
    return sink;
}

/* ---- Topics ---- */

/* TOPIC<TAB>TYPE: ids and types come from the stream, so they are made harmless. */
static void print_topic(void *user, const asm_message *message) {
    asm_buffer *line = &((struct topics *)user)->lines.gathered;
    asm_text_append(line, asm_str_from(message->topic), ASM_TEXT_LINE);
    asm_buffer_append_byte(line, '\t');
    asm_text_append(line, asm_event_name(message->event), ASM_TEXT_LINE);
    asm_buffer_append_byte(line, '\n');
}

static asm_result topics_event(void *self, const asm_event *event, asm_str text) {
    struct topics *topics = (struct topics *)self;
    const asm_result result = topics->publish.write_event(topics->publish.self, event, text);
    if (result != ASM_OK) return result;
    return topics->lines.gathered.size < TEXT_BUFFER ? topics->lines.gathered.result
                                                     : lines_flush(&topics->lines);
}

static asm_result topics_flush(void *self) {
    return lines_flush(&((struct topics *)self)->lines);
}

static asm_result topics_close(void *self) {
    struct topics *topics = (struct topics *)self;
    asm_pubsub_close(&topics->pubsub);
    return lines_close(&topics->lines);
}

static asm_result subscribe(struct topics *topics, const char *topic) {
    if (strchr(topic, '*'))
        return asm_pubsub_subscribe_pattern(&topics->pubsub, topic, print_topic, topics, NULL);
    return asm_pubsub_subscribe(&topics->pubsub, topic, print_topic, topics, NULL);
}

static asm_sink topics_init(struct topics *topics, const asm_output *to,
                            const struct output_settings *settings) {
    const asm_pubsub_sink_options publisher = {
        .pubsub = &topics->pubsub, .prefix = asm_str_from(settings->prefix), .scope = 1u << settings->scope};
    asm_result result = lines_open(&topics->lines, to);
    asm_pubsub_init(&topics->pubsub, NULL);
    topics->publish = asm_pubsub_sink_init(&topics->publisher, &publisher);
    if (result == ASM_OK) result = topics->publish.result;
    if (settings->subscribed_count == 0 && result == ASM_OK) result = subscribe(topics, "**");
    for (size_t i = 0; i < settings->subscribed_count && result == ASM_OK; i++)
        result = subscribe(topics, settings->subscribed[i]);
    const asm_sink sink = {.self = topics,
                           .write_event = topics_event,
                           .flush = topics_flush,
                           .close = topics_close,
                           .result = result};
    return sink;
}

/* ---- Files that hold something else ---- */

/* What is known of the last line of a file, half lines left out. */
struct last_line {
    char begin[512];
    size_t size; /* of begin */
    char end;    /* its last byte; 0: there is no such line */
};

/* Where the last line before `end` begins, whose LF is just before `end`. */
static off_t line_start(int fd, off_t end) {
    char block[4096];
    off_t stop = end - 1;
    while (stop > 0) {
        const off_t start = stop > (off_t)sizeof block ? stop - (off_t)sizeof block : 0;
        if (pread(fd, block, (size_t)(stop - start), start) != stop - start) return 0;
        for (off_t i = stop - start; i > 0; i--)
            if (block[i - 1] == '\n') return start + i;
        stop = start;
    }
    return 0;
}

static bool is_blank(const char *text, size_t size) {
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return size == 0;
}

static struct last_line last_line_of(int fd) {
    struct last_line line = {.size = 0};
    off_t end = lseek(fd, 0, SEEK_END), start = 0;
    char last = 0;
    if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n')
        end = line_start(fd, end + 1); /* half a line */
    for (; end > 0; end = start) {
        start = line_start(fd, end);
        const ssize_t got = pread(fd, line.begin, sizeof line.begin, start);
        line.size = got > 0 ? (size_t)got : 0;
        if (line.size > (size_t)(end - 1 - start)) line.size = (size_t)(end - 1 - start);
        if (!is_blank(line.begin, line.size)) break; /* else it may have been erased */
        line.size = 0;
    }
    if (line.size == 0 || pread(fd, &line.end, 1, end - 2) != 1) line.end = 0;
    return line;
}

static bool begins_with(const struct last_line *line, const char *prefix) {
    const size_t size = strlen(prefix);
    return line->size >= size && memcmp(line->begin, prefix, size) == 0;
}

/* Whether an event of ours stands there: by the order of its members, which is ours. */
static bool is_event(const struct last_line *line) {
    if (begins_with(line, "{\"ts\":\"")) return true;
    if (!begins_with(line, "{\"type\":\"")) return false;
    const char *name = line->begin + strlen("{\"type\":\"");
    const char *quote = (const char *)memchr(name, '"', (size_t)(line->begin + line->size - name));
    const char *wanted = "\",\"data\":";
    const size_t size = strlen(wanted);
    return quote && (size_t)(line->begin + line->size - quote) >= size && memcmp(quote, wanted, size) == 0;
}

static bool is_line_of(enum output_kind kind, const struct last_line *line) {
    switch (kind) {
    case OUTPUT_WIRE: /* whoever names a format did not forget the path */
        return true;
    case OUTPUT_JSONL:
        return is_event(line);
    case OUTPUT_JSONL_COMPACT:
        return begins_with(line, "{\"t\":") || begins_with(line, "{\"e\":{");
    case OUTPUT_ENVELOPES:
        return begins_with(line, "{\"type\":\"agent.");
    default:
        return !begins_with(line, "{\"") || line->end != '}';
    }
}

static const char *option_name(enum output_kind kind) {
    static const char *const names[] = {"text",      "log",    "jsonl", "jsonl-compact",
                                        "envelopes", "topics", "wire"};
    return names[kind];
}

/* A forgotten PATH would make a recording the place where events are appended. */
static void refuse_other_files(enum output_kind kind, const char *path) {
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    const int fd = open(path, O_RDONLY);
    if (fd < 0) return;
    const struct last_line line = last_line_of(fd);
    close(fd);
    if (line.end != 0 && !is_line_of(kind, &line))
        die("%s: nothing is appended to it: its last line is none that --%s writes. To show it, write "
            "--%s=PATH %s with another PATH",
            path, option_name(kind), option_name(kind), path);
}

/* Two outputs in one file are readable for nobody. */
static void refuse_shared_files(const struct output_settings *settings, size_t at) {
    const char *path = settings->wanted[at].path;
    struct stat status;
    for (size_t i = 0; i < at; i++)
        if (settings->wanted[i].path && strcmp(settings->wanted[i].path, path) == 0 && !is_remote(path) &&
            (stat(path, &status) != 0 || S_ISREG(status.st_mode)))
            die("%s: --%s is written there and --%s: give each a file of its own", path,
                option_name(settings->wanted[i].kind), option_name(settings->wanted[at].kind));
}

/* A trace is one array, which nothing may follow: an older one makes way. */
static void replace_trace(const char *path) {
    static const char begin[] = "[\n{\"ph\":";
    char found[sizeof begin - 1];
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return; /* opening it to write tells why */
    if (pread(fd, found, sizeof found, 0) != (ssize_t)sizeof found || memcmp(found, begin, sizeof found) != 0)
        die("%s: stays as it is: it is no trace that --wire writes", path);
    if (ftruncate(fd, 0) != 0) die("%s: %s", path, strerror(errno));
    close(fd);
}

/* ---- Addresses ---- */

/* Closes the sink, and waits until the events are taken. */
static asm_result remote_close(void *self) {
    struct output *output = (struct output *)(void *)((char *)self - offsetof(struct output, sink));
    const asm_result result = output->close(self);
    const bool is_taken = remote_end(&output->remote);
    output->is_reported = output->is_reported || !is_taken; /* asm-nats has said it */
    return result == ASM_OK && !is_taken ? ASM_ERR_WRITE : result;
}

static void open_remote(struct output *output, const char *url) {
    output->path = remote_name(url, output->address, sizeof output->address);
    if (output->kind != OUTPUT_JSONL) die("%s: only events go there: --jsonl=%s", output->path, output->path);
    if (!remote_write(&output->remote, url)) die("%s: %s", output->path, remote_error(errno));
}

/* ---- Opening ---- */

static asm_sink init_sink(struct output *output, const struct output_settings *settings,
                          asm_wire_format wire_format) {
    const bool is_address = output->remote.pid != 0;
    const asm_output to = {.path = is_address ? NULL : output->path,
                           .fd = is_address     ? output->remote.fd
                                 : output->path ? 0
                                                : STDOUT_FILENO,
                           .mode = settings->mode,
                           .should_stop = is_time_to_give_up};
    const asm_tty_sink_options text = {to, output->buffer, sizeof output->buffer};
    const asm_file_sink_options log = {to, output->buffer, sizeof output->buffer};
    /* A file may be shared: then a record of any size is one write, from memory that grows to it. */
    const asm_jsonl_sink_options jsonl = {.output = to,
                                          .compact = output->kind == OUTPUT_JSONL_COMPACT,
                                          .gather = true,
                                          .buffer = output->path ? NULL : output->buffer,
                                          .buffer_size = sizeof output->buffer};
    const asm_wire_options wire = {.format = wire_format, .output = to};
    switch (output->kind) {
    case OUTPUT_WIRE:
        output->stream = &output->sink.wire.out;
        return asm_wire_sink_init(&output->sink.wire, &wire);
    case OUTPUT_TEXT:
        output->stream = &output->sink.text.out;
        return asm_tty_sink_init(&output->sink.text, &text);
    case OUTPUT_LOG:
        output->stream = &output->sink.log.out;
        return asm_file_sink_init(&output->sink.log, &log);
    case OUTPUT_ENVELOPES:
        output->stream = &output->sink.envelopes.lines.out;
        return envelopes_init(&output->sink.envelopes, &to, settings->preset);
    case OUTPUT_TOPICS:
        output->stream = &output->sink.topics.lines.out;
        return topics_init(&output->sink.topics, &to, settings);
    default:
        output->stream = &output->sink.jsonl.out;
        return asm_jsonl_sink_init(&output->sink.jsonl, &jsonl);
    }
}

static const char *reason_of(const struct output *output, asm_result result) {
    const int error = output->stream->system_error;
    return error && error != EINTR ? strerror(error)
           : error                 ? "not written: nobody took it"
                                   : asm_result_string(result);
}

void outputs_open(struct outputs *outputs, const struct output_settings *settings) {
    memset(outputs, 0, sizeof *outputs);
    outputs->outputs = (struct output *)calloc(settings->count, sizeof *outputs->outputs);
    if (!outputs->outputs && settings->count > 0) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    for (size_t i = 0; i < settings->count; i++) { /* before anything is written to one of them */
        if (!settings->wanted[i].path) continue;
        refuse_shared_files(settings, i);
        refuse_other_files(settings->wanted[i].kind, settings->wanted[i].path);
    }
    for (size_t i = 0; i < settings->count; i++) {
        struct output *output = &outputs->outputs[i];
        output->kind = settings->wanted[i].kind;
        output->path = settings->wanted[i].path;
        if (output->path && is_remote(output->path)) open_remote(output, output->path);
        else if (output->path && output->kind == OUTPUT_WIRE && settings->wanted[i].wire == ASM_WIRE_TRACE)
            replace_trace(output->path);
        asm_sink sink = init_sink(output, settings, settings->wanted[i].wire);
        if (output->remote.pid) {
            output->close = sink.close;
            sink.close = remote_close;
        }
        sink.name = output->path ? output->path : "standard output";
        if (sink.result != ASM_OK) die("%s: %s", sink.name, reason_of(output, sink.result));
        outputs->sinks[outputs->count++] = sink;
    }
}

/* ---- While it runs ---- */

void outputs_check(struct outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *output = &outputs->outputs[i];
        const asm_sink *sink = &outputs->sinks[i];
        if (sink->result == ASM_OK) continue;
        outputs->has_failed = true;
        if (output->is_reported) continue;
        output->is_reported = true;
        if (!output->path) outputs->stdout_failed = true;
        if (sink->result == ASM_ERR_CLOSED) continue; /* as in `asm-cat | head`: no news to anybody */
        complain("%s: %s%s", sink->name, reason_of(output, sink->result),
                 output->path ? ": nothing more is written to it" : "");
    }
}

void outputs_event(struct outputs *outputs, asm_pipeline *pipeline, const asm_event *event) {
    if (asm_pipeline_event(pipeline, event) == ASM_OK) return;
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *output = &outputs->outputs[i];
        const asm_sink *sink = &outputs->sinks[i];
        const asm_str name = asm_event_name(event);
        if (sink->refused == output->refused) continue;
        output->refused = sink->refused;
        outputs->has_failed = true;
        if (output->refused <= REFUSALS_TOLD)
            complain("%s: event %" PRId64 " of its session, %.*s, cannot be written as it is: %s", sink->name,
                     event->sequence_number, (int)name.size, name.data, asm_result_string(sink->refusal));
    }
}

static void report_refused(const struct outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++)
        if (outputs->outputs[i].refused > REFUSALS_TOLD)
            complain("%s: %" PRIu64 " more events could not be written as they are", outputs->sinks[i].name,
                     outputs->outputs[i].refused - REFUSALS_TOLD);
}

void outputs_report_torn(const struct outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++) {
        const struct output *output = &outputs->outputs[i];
        if (output->stream->torn_bytes > 0)
            complain("%s: ended in %" PRIu64 " bytes without a line end: ended the line", output->path,
                     output->stream->torn_bytes);
    }
}

void outputs_write(struct outputs *outputs, asm_str text) {
    for (size_t i = 0; i < outputs->count; i++) {
        asm_sink *sink = &outputs->sinks[i];
        if (sink->result == ASM_OK && sink->write) sink->result = sink->write(sink->self, text);
    }
}

void outputs_hide(struct outputs *outputs) {
    for (size_t i = 0; i < outputs->count; i++) {
        asm_sink *sink = &outputs->sinks[i];
        if (outputs->outputs[i].path || sink->result != ASM_OK) continue;
        if (sink->show) sink->result = sink->show(sink->self, ASM_STR(""));
        if (sink->result == ASM_OK && sink->flush) sink->result = sink->flush(sink->self);
    }
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

bool outputs_have_file(const struct outputs *outputs, int fd) {
    struct stat input, output;
    if (fstat(fd, &input) != 0 || !S_ISREG(input.st_mode)) return false;
    for (size_t i = 0; i < outputs->count; i++) {
        const char *path = outputs->outputs[i].path;
        if ((path ? stat(path, &output) : fstat(STDOUT_FILENO, &output)) == 0 && same_file(&input, &output))
            return true;
    }
    return false;
}

void outputs_free(struct outputs *outputs) {
    report_refused(outputs);
    free(outputs->outputs);
    memset(outputs, 0, sizeof *outputs);
}
