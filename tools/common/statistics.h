/* SPDX-License-Identifier: MIT OR Unlicense */
/* What a stream did and used: events, tools, tokens, cost, by session, model and sub-agent; nothing counted twice. */
#ifndef TOOLS_STATISTICS_H
#define TOOLS_STATISTICS_H

#include "asm_ingest.h"
#include "table.h"

/* Tokens and cost. Sums stop at the largest number there is. */
struct spending {
    int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, reasoning_tokens;
    double cost_usd;
    bool is_saturated; /* more than these numbers can say */
};

struct tally {
    struct row row;
    uint64_t count, failed;
    struct spending spending; /* of models and sub-agents: as the end of a run or a call told it */
    struct spending messages; /* since then, message by message */
    char *kind;               /* of a sub-agent; allocated */
};

/* A session's spending, from figures that overlap: message by message, by run, since the session's start. */
struct session_tally {
    struct row row;
    struct spending total;    /* of what has ended, or as the stream told it last */
    struct spending messages; /* since then, message by message */
    struct spending runs;     /* cost only: of what has ended, if one told it */
    bool total_is_whole;      /* the stream told what the session used since its start, within this run */
    bool has_run_cost;
};

struct statistics {
    struct table events, tools, models, agents; /* of struct tally; agents by their calls' ids */
    struct table sessions;                      /* of struct session_tally */
    uint64_t runs, failed_runs, cancelled_runs, declined_calls;
    double run_milliseconds;
    asm_time first, last;
};

/* A session's spending alone. */
void session_tally_count(struct session_tally *session, const asm_event *event);
struct spending session_tally_total(const struct session_tally *session);

void statistics_count(struct statistics *statistics, const asm_event *event);

/* All sessions' tokens and cost. */
struct spending statistics_total(const struct statistics *statistics);

/* In seconds: as the runs tell it, else between the first and the last event. */
double statistics_seconds(const struct statistics *statistics);

/* Appends a table for people, or one JSON object and a LF. Names are made harmless by `flags`, for asm_text_append(). */
void statistics_print(const struct statistics *statistics, const asm_ingest *ingest, unsigned flags,
                      asm_buffer *out);
void statistics_print_json(const struct statistics *statistics, const asm_ingest *ingest, const char *file,
                           asm_buffer *out);

void statistics_free(struct statistics *statistics);

/* By model, in one JSON object, or nothing if no model was told. For other reports. */
void statistics_write_models(const struct statistics *statistics, asm_json_writer *writer);
void write_spending(asm_json_writer *writer, const struct spending *spending);
/* "9 in, 619 out, $0.1175": what is known of it; "" if nothing is. */
const char *spending_in_words(const struct spending *spending, char *text, size_t size);
void add_spending(struct spending *sum, const struct spending *more);

/* Whether the event says that a tool failed. */
bool tool_failed(const asm_event *event);

#endif
