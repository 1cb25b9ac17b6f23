/* SPDX-License-Identifier: MIT OR Unlicense */
#include "statistics.h"

#include "asm_render.h"
#include "messages.h"

#include <float.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_WIDTH = 40, VALUE_COLUMN = 30 };

/* ---- Counting ---- */

static void add_int64(int64_t *sum, int64_t more, bool *is_saturated) {
    if (more < 0) return; /* no count */
    if (*sum > INT64_MAX - more) {
        *sum = INT64_MAX;
        *is_saturated = true;
    } else {
        *sum += more;
    }
}

static void add_double(double *sum, double more, bool *is_saturated) {
    if (!(more > 0)) return;
    if (*sum > DBL_MAX - more || more > DBL_MAX) {
        *sum = DBL_MAX;
        *is_saturated = true;
    } else {
        *sum += more;
    }
}

void add_spending(struct spending *sum, const struct spending *more) {
    add_int64(&sum->input_tokens, more->input_tokens, &sum->is_saturated);
    add_int64(&sum->output_tokens, more->output_tokens, &sum->is_saturated);
    add_int64(&sum->cache_read_tokens, more->cache_read_tokens, &sum->is_saturated);
    add_int64(&sum->cache_creation_tokens, more->cache_creation_tokens, &sum->is_saturated);
    add_int64(&sum->reasoning_tokens, more->reasoning_tokens, &sum->is_saturated);
    add_double(&sum->cost_usd, more->cost_usd, &sum->is_saturated);
    if (more->is_saturated) sum->is_saturated = true;
}

static struct spending spending_of(const asm_usage_payload *usage) {
    struct spending spending = {usage->input_tokens.value,
                                usage->output_tokens.value,
                                usage->cache_read_tokens.value,
                                usage->cache_creation_tokens.value,
                                usage->reasoning_tokens.value,
                                usage->cost_usd.value,
                                false};
    return spending;
}

static bool has_tokens(const asm_usage_payload *usage) {
    return usage->input_tokens.is_set || usage->output_tokens.is_set;
}

static struct session_tally *find_session(struct statistics *statistics, const asm_event *event) {
    return (struct session_tally *)table_find(&statistics->sessions, sizeof(struct session_tally),
                                              event->session_id);
}

static struct tally *find_tally(struct table *table, asm_str name) {
    return (struct tally *)table_find(table, sizeof(struct tally), name);
}

static void replace_tokens(struct spending *total, const struct spending *now) {
    const double cost = total->cost_usd;
    *total = *now;
    total->cost_usd = cost;
}

/* The whole of a session, or of a run, as the stream tells it. It replaces what was added up message by message. */
static void take_total(struct session_tally *session, const asm_usage_payload *usage) {
    struct spending now = spending_of(usage);
    if (has_tokens(usage)) {
        const struct spending none = {0};
        session->messages = none;
        if (usage->cumulative.value) replace_tokens(&session->total, &now);
    }
    if (usage->cost_usd.is_set && usage->cumulative.value) session->total.cost_usd = now.cost_usd;
    if (usage->cumulative.value) session->total_is_whole = true;
    else add_spending(&session->total, &now);
}

/* `models`: an object with one member for each model. They replace what was added up message by message. */
static void count_models(struct statistics *statistics, asm_str models) {
    const struct spending none = {0};
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str name, raw;
    for (size_t i = 0; i < statistics->models.count; i++)
        ((struct tally *)table_row(&statistics->models, i))->messages = none;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, models, &scratch);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &name)) {
        asm_usage_payload usage;
        if (!asm_json_read_raw(&reader, &raw) || !asm_usage_read(&usage, raw)) continue;
        const struct spending spending = spending_of(&usage);
        struct tally *tally = find_tally(&statistics->models, name);
        tally->count++;
        add_spending(&tally->spending, &spending);
    }
    asm_buffer_close(&scratch);
}

/* A message's alone, what was spent since the last such event, or a sub-agent's. */
static bool is_part(const asm_usage_payload *usage) {
    return usage->parent_tool_call_id.size > 0 || !usage->cumulative.value;
}

/* A run that tells no whole has spent what was added up: the whole of a later run does not replace it. */
static void settle(struct spending *spending, struct spending *messages) {
    const struct spending none = {0};
    add_spending(spending, messages);
    *messages = none;
}

/* What a run has cost is what it says, else what its messages said. */
static void tally_run_end(struct session_tally *session, const asm_run_payload *run) {
    const double cost = run->cost_usd.is_set ? run->cost_usd.value : session->messages.cost_usd;
    asm_usage_payload usage;
    if (run->token_usage.size > 0 && asm_usage_read(&usage, run->token_usage)) {
        usage.cost_usd.is_set = false;
        usage.cost_usd.value = 0;
        if (usage.cumulative.value || !session->total_is_whole) take_total(session, &usage);
    } else {
        settle(&session->total, &session->messages);
    }
    add_double(&session->runs.cost_usd, cost, &session->runs.is_saturated);
    if (!run->cost_usd.is_set) return;
    session->has_run_cost = true;
    session->messages.cost_usd = 0;
}

void session_tally_count(struct session_tally *session, const asm_event *event) {
    struct spending spending;
    switch (event->type) {
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        spending = spending_of(&event->usage);
        if (is_part(&event->usage)) add_spending(&session->messages, &spending);
        else take_total(session, &event->usage);
        break;
    case ASM_EVENT_RUN_STARTED:
        session->total_is_whole = false;
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        tally_run_end(session, &event->run);
        break;
    default:
        break;
    }
}

struct spending session_tally_total(const struct session_tally *session) {
    struct spending total = session->total;
    if (session->has_run_cost) {
        total.cost_usd = session->runs.cost_usd;
        total.is_saturated = total.is_saturated || session->runs.is_saturated;
    }
    add_spending(&total, &session->messages);
    return total;
}

static void count_usage(struct statistics *statistics, const asm_event *event) {
    const asm_usage_payload *usage = &event->usage;
    const struct spending spending = spending_of(usage);
    session_tally_count(find_session(statistics, event), event);
    if (usage->parent_tool_call_id.size > 0)
        add_spending(&find_tally(&statistics->agents, usage->parent_tool_call_id)->messages, &spending);
    if (is_part(usage) && usage->model.size > 0)
        add_spending(&find_tally(&statistics->models, usage->model)->messages, &spending);
    if (usage->models.size > 0 && !usage->cumulative.value) count_models(statistics, usage->models);
}

bool tool_failed(const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    return event->type == ASM_EVENT_TOOL_CALL_FAILED || asm_str_equal(tool->status, ASM_STR("failed")) ||
           (tool->exit_code.is_set && tool->exit_code.value != 0);
}

static void set_kind(struct tally *agent, asm_str kind) {
    free(agent->kind);
    agent->kind = (char *)malloc(kind.size + 1);
    if (!agent->kind) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    memcpy(agent->kind, kind.data, kind.size);
    agent->kind[kind.size] = 0;
}

static void begin_tool(struct statistics *statistics, const asm_tool_payload *tool, bool starts) {
    if (starts) find_tally(&statistics->tools, tool->name)->count++;
    if (tool->agent_kind.size > 0 && tool->call_id.size > 0)
        set_kind(find_tally(&statistics->agents, tool->call_id), tool->agent_kind);
}

static void end_tool(struct statistics *statistics, const asm_event *event) {
    const asm_tool_payload *tool = &event->tool;
    asm_usage_payload usage;
    find_tally(&statistics->tools, tool->name)->failed += tool_failed(event);
    statistics->declined_calls += asm_str_equal(tool->status, ASM_STR("declined"));
    if (tool->token_usage.size > 0 && asm_usage_read(&usage, tool->token_usage)) {
        const struct spending none = {0};
        struct tally *agent = find_tally(&statistics->agents, tool->call_id);
        agent->spending = spending_of(&usage);
        agent->messages = none;
    }
}

static void end_run(struct statistics *statistics, const asm_event *event) {
    const asm_run_payload *run = &event->run;
    bool is_saturated = false;
    session_tally_count(find_session(statistics, event), event);
    statistics->runs++;
    statistics->failed_runs += event->type == ASM_EVENT_RUN_FAILED;
    statistics->cancelled_runs += event->type == ASM_EVENT_RUN_CANCELLED;
    if (run->models.size > 0) count_models(statistics, run->models);
    for (size_t i = 0; i < statistics->models.count; i++) {
        struct tally *model = (struct tally *)table_row(&statistics->models, i);
        settle(&model->spending, &model->messages);
    }
    add_double(&statistics->run_milliseconds, run->duration_ms.value, &is_saturated);
}

void statistics_count(struct statistics *statistics, const asm_event *event) {
    find_tally(&statistics->events, asm_event_name(event))->count++;
    if (event->time != 0) {
        statistics->first = statistics->first ? statistics->first : event->time;
        statistics->last = event->time;
    }
    switch (event->type) {
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
        begin_tool(statistics, &event->tool, event->type == ASM_EVENT_TOOL_CALL_STARTED);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        end_tool(statistics, event);
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        count_usage(statistics, event);
        break;
    case ASM_EVENT_RUN_STARTED:
        session_tally_count(find_session(statistics, event), event);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_CANCELLED:
        end_run(statistics, event);
        break;
    default:
        break;
    }
}

struct spending statistics_total(const struct statistics *statistics) {
    struct spending all = {0};
    for (size_t i = 0; i < statistics->sessions.count; i++) {
        const struct spending session =
            session_tally_total((const struct session_tally *)table_row(&statistics->sessions, i));
        add_spending(&all, &session);
    }
    return all;
}

/* Those with a name. */
static size_t session_count(const struct statistics *statistics) {
    return statistics->sessions.count - (table_look(&statistics->sessions, ASM_STR("")) != NULL);
}

double statistics_seconds(const struct statistics *statistics) {
    const double told = statistics->run_milliseconds / 1000;
    return told > 0 ? told : (double)(statistics->last - statistics->first) / 1000000;
}

void statistics_free(struct statistics *statistics) {
    for (size_t i = 0; i < statistics->agents.count; i++)
        free(((struct tally *)table_row(&statistics->agents, i))->kind);
    table_free(&statistics->events);
    table_free(&statistics->tools);
    table_free(&statistics->models);
    table_free(&statistics->agents);
    table_free(&statistics->sessions);
}

/* ---- The table for people ---- */

struct printer {
    asm_buffer *out;
    unsigned flags;
};

/* A line of the table: a name, and what belongs to it, as printf() has it. */
static void print_row(const struct printer *printer, const char *indent, asm_str name, const char *format,
                      ...) {
    char value[400];
    asm_buffer label;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    asm_buffer_init_growing(&label);
    asm_buffer_append(&label, asm_str_from(indent));
    asm_text_append_cut(&label, name, NAME_WIDTH, printer->flags);
    asm_buffer_append(printer->out, asm_buffer_text(&label));
    for (size_t width = asm_utf8_count(asm_buffer_text(&label)); width < VALUE_COLUMN; width++)
        asm_buffer_append_byte(printer->out, ' ');
    asm_buffer_append(printer->out, asm_str_from(value));
    asm_buffer_append_byte(printer->out, '\n');
    asm_buffer_close(&label);
}

static void print_count(const struct printer *printer, const char *indent, asm_str name, uint64_t count,
                        uint64_t failed) {
    if (failed > 0) print_row(printer, indent, name, "%12" PRIu64 "  %" PRIu64 " failed", count, failed);
    else print_row(printer, indent, name, "%12" PRIu64, count);
}

static void print_tallies(const struct printer *printer, asm_str title, const struct table *tallies) {
    uint64_t count = 0, failed = 0;
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = (const struct tally *)table_row(tallies, i);
        count += tally->count;
        failed += tally->failed;
    }
    print_count(printer, "", title, count, failed);
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = (const struct tally *)table_row(tallies, i);
        print_count(printer, "  ", row_name(tally), tally->count, tally->failed);
    }
}

/* "$0.1250", or a number that is too long for that. */
static const char *dollars(double cost, char *text, size_t size) {
    snprintf(text, size, cost < 1e12 ? "$%.4f" : "$%g", cost);
    return text;
}

static const char *at_least(bool is_saturated) {
    return is_saturated ? "  at least: there is no larger number" : "";
}

static void print_tokens(const struct printer *printer, const char *name, int64_t tokens, bool is_saturated) {
    print_row(printer, "", asm_str_from(name), "%12" PRId64 "%s", tokens,
              at_least(is_saturated && tokens == INT64_MAX));
}

static void print_spending(const struct printer *printer, const struct statistics *statistics) {
    const struct spending all = statistics_total(statistics);
    char text[64];
    if (all.input_tokens > 0) print_tokens(printer, "input tokens", all.input_tokens, all.is_saturated);
    if (all.cache_read_tokens > 0)
        print_tokens(printer, "  read from the cache", all.cache_read_tokens, all.is_saturated);
    if (all.cache_creation_tokens > 0)
        print_tokens(printer, "  written to the cache", all.cache_creation_tokens, all.is_saturated);
    if (all.output_tokens > 0) print_tokens(printer, "output tokens", all.output_tokens, all.is_saturated);
    if (all.reasoning_tokens > 0)
        print_tokens(printer, "  of reasoning", all.reasoning_tokens, all.is_saturated);
    if (all.cost_usd > 0)
        print_row(printer, "", ASM_STR("cost"), "%12s%s", dollars(all.cost_usd, text, sizeof text),
                  at_least(all.is_saturated && all.cost_usd >= DBL_MAX));
}

const char *spending_in_words(const struct spending *spending, char *text, size_t size) {
    char cost[64];
    size_t used = 0;
    text[0] = 0;
    if (spending->input_tokens > 0)
        used += (size_t)snprintf(text, size, "%" PRId64 " in", spending->input_tokens);
    if (spending->output_tokens > 0)
        used += (size_t)snprintf(text + used, size - used, "%s%" PRId64 " out", used ? ", " : "",
                                 spending->output_tokens);
    if (spending->cost_usd > 0)
        snprintf(text + used, size - used, "%s%s", used ? ", " : "",
                 dollars(spending->cost_usd, cost, sizeof cost));
    return text;
}

/* The parts of the figures above, by model or by kind of sub-agent. */
static void print_part(const struct printer *printer, asm_str name, uint64_t calls,
                       const struct spending *spending) {
    char text[200], times[32] = "";
    if (calls > 0) snprintf(times, sizeof times, "  %" PRIu64 " call%s", calls, calls > 1 ? "s" : "");
    print_row(printer, "  ", name, "%s%s", spending_in_words(spending, text, sizeof text), times);
}

static void print_models(const struct printer *printer, const struct statistics *statistics) {
    if (statistics->models.count > 0)
        print_count(printer, "", ASM_STR("models"), statistics->models.count, 0);
    for (size_t i = 0; i < statistics->models.count; i++) {
        const struct tally *model = (const struct tally *)table_row(&statistics->models, i);
        struct spending spending = model->spending;
        add_spending(&spending, &model->messages);
        print_part(printer, row_name(model), 0, &spending);
    }
}

/* Sub-agents by kind; returns an empty table if there are none. */
static struct table agents_by_kind(const struct statistics *statistics) {
    struct table kinds = {0};
    for (size_t i = 0; i < statistics->agents.count; i++) {
        const struct tally *agent = (const struct tally *)table_row(&statistics->agents, i);
        struct tally *kind = find_tally(&kinds, asm_str_from(agent->kind ? agent->kind : "(kind unknown)"));
        kind->count++;
        add_spending(&kind->spending, &agent->spending);
        add_spending(&kind->spending, &agent->messages);
    }
    return kinds;
}

static void print_agents(const struct printer *printer, const struct statistics *statistics) {
    struct table kinds = agents_by_kind(statistics);
    if (kinds.count > 0) print_count(printer, "", ASM_STR("sub-agents"), statistics->agents.count, 0);
    for (size_t i = 0; i < kinds.count; i++) {
        const struct tally *kind = (const struct tally *)table_row(&kinds, i);
        print_part(printer, row_name(kind), kind->count, &kind->spending);
    }
    table_free(&kinds);
}

static void print_passed_over(const struct printer *printer, const asm_ingest *ingest) {
    asm_str type;
    uint64_t count;
    if (ingest->counts.unknown > 0)
        print_count(printer, "", ASM_STR("lines of unknown type"), ingest->counts.unknown, 0);
    for (size_t i = 0; asm_ingest_unknown(ingest, i, &type, &count); i++)
        print_count(printer, "  ", type, count, 0);
    if (ingest->counts.heartbeats > 0)
        print_count(printer, "", ASM_STR("heartbeats, not shown"), ingest->counts.heartbeats, 0);
}

void statistics_print(const struct statistics *statistics, const asm_ingest *ingest, unsigned flags,
                      asm_buffer *out) {
    const struct printer printer = {out, flags};
    const double seconds = statistics_seconds(statistics);
    print_count(&printer, "", ASM_STR("lines"), ingest->counts.lines, 0);
    print_count(&printer, "", ASM_STR("bytes"), ingest->counts.bytes, 0);
    print_tallies(&printer, ASM_STR("events"), &statistics->events);
    print_tallies(&printer, ASM_STR("tools"), &statistics->tools);
    if (statistics->declined_calls > 0)
        print_count(&printer, "", ASM_STR("calls not allowed"), statistics->declined_calls, 0);
    print_passed_over(&printer, ingest);
    if (session_count(statistics) > 1)
        print_count(&printer, "", ASM_STR("sessions"), session_count(statistics), 0);
    print_spending(&printer, statistics);
    print_models(&printer, statistics);
    print_agents(&printer, statistics);
    if (seconds >= 0.05)
        print_row(&printer, "", ASM_STR("duration"), seconds < 1e12 ? "%10.1f s" : "%10g s", seconds);
}

/* ---- JSON ---- */

static void write_uint64(asm_json_writer *writer, const char *key, uint64_t value) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_uint64(writer, value);
}

/* A count of which nothing was told is left out. */
static void write_tokens(asm_json_writer *writer, const char *key, int64_t tokens) {
    if (tokens > 0) write_uint64(writer, key, (uint64_t)tokens);
}

void write_spending(asm_json_writer *writer, const struct spending *spending) {
    write_tokens(writer, "input_tokens", spending->input_tokens);
    write_tokens(writer, "output_tokens", spending->output_tokens);
    write_tokens(writer, "cache_read_tokens", spending->cache_read_tokens);
    write_tokens(writer, "cache_creation_tokens", spending->cache_creation_tokens);
    write_tokens(writer, "reasoning_tokens", spending->reasoning_tokens);
    if (spending->cost_usd > 0) {
        asm_json_write_key(writer, ASM_STR("cost_usd"));
        asm_json_write_double(writer, spending->cost_usd);
    }
    if (spending->is_saturated) {
        asm_json_write_key(writer, ASM_STR("saturated"));
        asm_json_write_bool(writer, true);
    }
}

static void write_tallies(asm_json_writer *writer, const char *key, const struct table *tallies,
                          bool with_failures) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_begin_object(writer);
    for (size_t i = 0; i < tallies->count; i++) {
        const struct tally *tally = (const struct tally *)table_row(tallies, i);
        asm_json_write_key(writer, row_name(tally));
        if (!with_failures) {
            asm_json_write_uint64(writer, tally->count);
            continue;
        }
        asm_json_begin_object(writer);
        write_uint64(writer, "calls", tally->count);
        write_uint64(writer, "failed", tally->failed);
        asm_json_end_object(writer);
    }
    asm_json_end_object(writer);
}

static void write_parts(asm_json_writer *writer, const char *key, const struct table *parts) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_begin_object(writer);
    for (size_t i = 0; i < parts->count; i++) {
        const struct tally *part = (const struct tally *)table_row(parts, i);
        struct spending spending = part->spending;
        add_spending(&spending, &part->messages);
        asm_json_write_key(writer, row_name(part));
        asm_json_begin_object(writer);
        if (part->count > 0) write_uint64(writer, "count", part->count);
        write_spending(writer, &spending);
        asm_json_end_object(writer);
    }
    asm_json_end_object(writer);
}

void statistics_write_models(const struct statistics *statistics, asm_json_writer *writer) {
    if (statistics->models.count > 0) write_parts(writer, "models", &statistics->models);
}

static void write_runs(asm_json_writer *writer, const struct statistics *statistics) {
    asm_json_write_key(writer, ASM_STR("runs"));
    asm_json_begin_object(writer);
    write_uint64(writer, "ended", statistics->runs);
    write_uint64(writer, "failed", statistics->failed_runs);
    write_uint64(writer, "cancelled", statistics->cancelled_runs);
    asm_json_end_object(writer);
}

void statistics_print_json(const struct statistics *statistics, const asm_ingest *ingest, const char *file,
                           asm_buffer *out) {
    const struct spending all = statistics_total(statistics);
    struct table kinds = agents_by_kind(statistics);
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("file"));
    asm_json_write_string(&writer, asm_str_from(file));
    write_uint64(&writer, "lines", ingest->counts.lines);
    write_uint64(&writer, "bytes", ingest->counts.bytes);
    write_uint64(&writer, "damaged_lines", ingest->counts.lost);
    write_uint64(&writer, "unknown", ingest->counts.unknown);
    write_uint64(&writer, "sessions", session_count(statistics));
    write_runs(&writer, statistics);
    write_tallies(&writer, "events", &statistics->events, false);
    write_tallies(&writer, "tools", &statistics->tools, true);
    write_uint64(&writer, "calls_not_allowed", statistics->declined_calls);
    asm_json_write_key(&writer, ASM_STR("usage"));
    asm_json_begin_object(&writer);
    write_spending(&writer, &all);
    asm_json_end_object(&writer);
    write_parts(&writer, "models", &statistics->models);
    write_parts(&writer, "sub_agents", &kinds);
    asm_json_write_key(&writer, ASM_STR("duration_s"));
    asm_json_write_double(&writer, statistics_seconds(statistics));
    asm_json_end_object(&writer);
    asm_buffer_append_byte(out, '\n');
    table_free(&kinds);
}
