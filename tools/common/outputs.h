/* SPDX-License-Identifier: MIT OR Unlicense */
/* Where a program's text and events go: the sinks that its options ask for, and what is said when one fails. */
#ifndef TOOLS_OUTPUTS_H
#define TOOLS_OUTPUTS_H

#include "asm_pubsub.h"
#include "asm_render.h"
#include "asm_wire.h"
#include "options.h"

enum { MAX_OUTPUTS = 16 }; /* standard output included */

enum output_kind {
    OUTPUT_TEXT, /* these two are rendered */
    OUTPUT_LOG,
    OUTPUT_JSONL,
    OUTPUT_JSONL_COMPACT,
    OUTPUT_ENVELOPES,
    OUTPUT_TOPICS,
    OUTPUT_WIRE
};

/* What the options say. Zero-initialise it. */
struct output_settings {
    struct {
        enum output_kind kind;
        const char *path; /* NULL: standard output */
        asm_wire_format wire;
    } wanted[MAX_OUTPUTS];
    size_t count;
    int preset;                          /* of envelopes: see preset_choice() */
    unsigned mode;                       /* of files that are created; 0: the library's default */
    int scope;                           /* of topics: which asm_scope, from 0 */
    const char *prefix;                  /* of topics; may be NULL */
    const char *subscribed[MAX_OUTPUTS]; /* topics and patterns */
    size_t subscribed_count;
};

/* Rows of a table of options; `at` and `preset_at` are OPTION_AT() of a struct output_settings and its preset, `wire_also` is
 * what else there is to say of --wire. */
#define OUTPUT_OPTIONS(at, preset_at, wire_also)                                                             \
    OUTPUT_FILE("jsonl", "also append the events as JSON Lines; PATH may be nats://HOST/asm", at,            \
                take_jsonl),                                                                                 \
        OUTPUT_FILE("jsonl-compact", "also append them in the compact form", at, take_jsonl_compact),        \
        OUTPUT_FILE("log", "also append the text, without colors", at, take_log),                            \
        OUTPUT_FILE("envelopes", "also append what a user interface wants to know", at, take_envelopes),     \
        CHOICE(0, "preset", "NAME", "how much that is (default: standard)", preset_at, preset_choice),       \
        OTHER(0, "wire", "FORMAT[:PATH]",                                                                    \
              "also append what others read: ag-ui, ai-sdk, acp, otlp, cloudevents, trace, which replaces "  \
              "an older trace" wire_also,                                                                    \
              at, take_wire),                                                                                \
        OTHER(0, "mode", "OCTAL", "permissions of files that are created (default: 600)", at, take_mode)

const char *preset_choice(int index);
void take_jsonl(void *settings, const struct option *option, const char *value);
void take_jsonl_compact(void *settings, const struct option *option, const char *value);
void take_log(void *settings, const struct option *option, const char *value);
void take_envelopes(void *settings, const struct option *option, const char *value);
void take_wire(void *settings, const struct option *option, const char *value);
void take_mode(void *settings, const struct option *option, const char *value);

/* Adds an output; ends the program if there are too many. A path of "-" is standard output. */
void add_output(struct output_settings *settings, enum output_kind kind, const char *path);

bool writes_to_stdout(const struct output_settings *settings);
bool wants_output(const struct output_settings *settings, enum output_kind kind);

/* The outputs, once they are open. */
struct outputs {
    asm_sink sinks[MAX_OUTPUTS];
    size_t count;
    bool has_failed;    /* one of them, or an event to it, could not be written, which was said */
    bool stdout_failed; /* standard output could not */
    struct output *outputs;
};

/* Opens what the settings ask for, into `sinks` for a pipeline; ends the program with a message if one cannot be
 * opened, or would append to a file that holds something else. The text on standard output is shown as `terminal`
 * functions tell. */
void outputs_open(struct outputs *outputs, const struct output_settings *settings);

/* asm_pipeline_event() with the outputs' pipeline. An event that one of them cannot take, for what is in it, is said, up to a
 * limit, and has_failed is set; the next go on. */
void outputs_event(struct outputs *outputs, asm_pipeline *pipeline, const asm_event *event);

/* Says which outputs have failed since the last call: once for each, nothing of a pipe whose reader has gone. */
void outputs_check(struct outputs *outputs);

/* Says which files ended in half a line, as a program that was killed may leave them. */
void outputs_report_torn(const struct outputs *outputs);

/* Writes text that belongs to no event to the outputs that are rendered. */
void outputs_write(struct outputs *outputs, asm_str text);

/* Takes the transient lines off the screen, and writes what was gathered for standard output. */
void outputs_hide(struct outputs *outputs);

/* Whether a descriptor is one of the files that are written. */
bool outputs_have_file(const struct outputs *outputs, int fd);

/* After the pipeline was closed. */
void outputs_free(struct outputs *outputs);

#endif
