/* SPDX-License-Identifier: MIT OR Unlicense */
/* A driver that replays a recorded stream as if its agent were live: for demonstrations and tests, without a
 * model.
 *
 * To be copied into your program; needs asm_agent.h and asm_ingest.h.
 *
 *       scripted_driver script;
 *       scripted_driver_init(&script, &(scripted_driver_options){.recording = text_of_a_log});
 *       asm_agent_start(&server, &(asm_agent_options){.id = ASM_STR("a1"), .pubsub = &bus,
 *                                                     .config.driver = scripted_driver_of(&script)});
 *       asm_agent_execute(&server, ASM_STR("a1"));
 *       …                                               poll, until the agent has ended
 *       scripted_driver_close(&script);
 *
 * One execution replays one run; the next goes on after it, or, after a cancel, after the line that was
 * being replayed. A run that completed completes the execution, one that failed fails it with its message, one
 * that was cancelled cancels it. The run itself is the agent's: of what the recording says of the run's start,
 * model, title and directory go out as session_updated; of its end the stop reason, code and message are taken.
 *
 * Texts, whole messages, tools, tokens and todos become what a driver emits: messages are appended to the
 * state. What sub-agents say and all other events go out as they are, but for the session, run, time and
 * sequence number, which become the agent's own. A line that cannot be read becomes error_occurred, with the
 * code "recording".
 */
#ifndef SCRIPTED_DRIVER_H
#define SCRIPTED_DRIVER_H

#include "asm_agent.h"
#include "asm_ingest.h"

#include <stdio.h>
#include <string.h>

#define SCRIPTED_DRIVER_MAX_TODOS 64 /* a longer list goes out, but is not kept in the state */

typedef struct scripted_driver_options {
    asm_str recording; /* the stream, in any format of asm_ingest.h; must outlive the driver */
    asm_format format; /* default: found out */
    size_t piece;      /* bytes that a slice takes at most; 0: a line */
} scripted_driver_options;

typedef struct scripted_driver {
    scripted_driver_options options; /* read only */
    size_t at;                       /* read only: how many bytes have been replayed */
    uint64_t bad_lines;              /* read only: which could not be read, or not whole */
    asm_ingest ingest;               /* private, all below */
    asm_execution execution;         /* the one under way */
    asm_outcome outcome;             /* what the piece that is being replayed leads to */
    asm_buffer scratch;
    bool is_in_run, is_cancelled;
} scripted_driver;

/* The first error of an execution ends it. */
static void scripted_driver_check(scripted_driver *driver, asm_result result) {
    if (result == ASM_OK || result == ASM_ERR_NOT_FOUND || driver->outcome != ASM_OUTCOME_CONTINUE) return;
    driver->outcome = asm_fail(driver->execution, asm_str_from(asm_result_string(result)));
}

/* An event as it is, but as one of this agent and of now. */
static void scripted_driver_emit(scripted_driver *driver, const asm_event *recorded) {
    asm_event event = *recorded;
    event.session_id = event.agent_id = event.run_id = asm_str_make(NULL, 0);
    event.time = 0;
    event.time_precision = ASM_TIME_PRECISION_AUTO;
    event.sequence_number = 0;
    scripted_driver_check(driver, asm_emit_event(driver->execution, &event));
}

static void scripted_driver_emit_message(scripted_driver *driver, const asm_event *event) {
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = event->message.role;
    if (!turn.role.data)
        turn.role = event->type == ASM_EVENT_MESSAGE_RECEIVED ? ASM_STR("assistant") : ASM_STR("user");
    turn.content = asm_event_text(event);
    turn.message_id = event->message.message_id;
    turn.is_incomplete = event->message.incomplete.is_set && event->message.incomplete.value;
    scripted_driver_check(driver, asm_emit_turn(driver->execution, &turn));
}

/* Reads the todos; false if they are too many, or no todos as the state has them. */
static bool scripted_driver_read_todos(scripted_driver *driver, asm_str json, asm_todo *todos,
                                       size_t *count) {
    static const asm_str keys[] = {ASM_STR_INIT("id"), ASM_STR_INIT("content"), ASM_STR_INIT("status")};
    asm_json_reader reader;
    asm_str element, values[3];
    *count = 0;
    asm_buffer_clear(&driver->scratch);
    if (asm_buffer_reserve(&driver->scratch, json.size) != ASM_OK) return false;
    asm_json_reader_init(&reader, json, NULL);
    if (!asm_json_enter_array(&reader)) return false;
    while (asm_json_next_element(&reader) && asm_json_read_raw(&reader, &element)) {
        if (*count == SCRIPTED_DRIVER_MAX_TODOS) return false;
        asm_todo *todo = &todos[(*count)++];
        memset(todo, 0, sizeof *todo);
        if (asm_json_find(element, keys, values, 3, NULL) != ASM_OK ||
            !asm_json_to_string(values[0], &driver->scratch, &todo->id) ||
            !asm_json_to_string(values[1], &driver->scratch, &todo->content) ||
            !asm_json_to_string(values[2], &driver->scratch, &todo->status))
            return false;
    }
    return asm_json_reader_finish(&reader) == ASM_OK;
}

static void scripted_driver_emit_todos(scripted_driver *driver, const asm_event *event) {
    asm_todo todos[SCRIPTED_DRIVER_MAX_TODOS];
    size_t count;
    asm_result result = ASM_ERR_INVALID_ARGUMENT;
    if (scripted_driver_read_todos(driver, event->todos.todos, todos, &count))
        result = asm_emit_todos(driver->execution, todos, count);
    if (result == ASM_ERR_INVALID_ARGUMENT) scripted_driver_emit(driver, event);
    else scripted_driver_check(driver, result);
}

/* What the recording says of its run becomes what is known of the agent's. */
static void scripted_driver_begin_run(scripted_driver *driver, const asm_event *event) {
    asm_event update;
    memset(&update, 0, sizeof update);
    driver->is_in_run = true;
    update.type = ASM_EVENT_SESSION_UPDATED;
    update.run.model = event->run.model;
    update.run.cwd = event->run.cwd;
    update.run.title = event->run.title;
    if (update.run.model.data || update.run.cwd.data || update.run.title.data)
        scripted_driver_emit(driver, &update);
}

/* The end of a run is the end of the execution. */
static void scripted_driver_end_run(scripted_driver *driver, const asm_event *event) {
    driver->is_in_run = false;
    if (driver->outcome != ASM_OUTCOME_CONTINUE) return;
    if (event->type == ASM_EVENT_RUN_COMPLETED)
        driver->outcome = asm_complete(driver->execution, event->run.stop_reason);
    else if (event->type == ASM_EVENT_RUN_CANCELLED) driver->is_cancelled = true;
    else
        driver->outcome =
            asm_fail_as(driver->execution, event->run.error_code,
                        event->run.error_message.size ? event->run.error_message : asm_event_name(event));
}

static void scripted_driver_on_event(void *user, const asm_event *event) {
    scripted_driver *driver = (scripted_driver *)user;
    /* A subscriber may have ended the execution: the rest of the piece is for nobody. */
    if (!asm_execution_is_active(driver->execution)) return;
    switch (event->type) {
    case ASM_EVENT_MESSAGE_STREAMED:
        scripted_driver_check(driver, asm_emit_delta(driver->execution, &event->message));
        break;
    case ASM_EVENT_MESSAGE_RETRACTED:
        scripted_driver_check(driver, asm_emit_retraction(driver->execution, event->message.reason));
        break;
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_SENT:
        if (event->message.thinking.value || event->message.parent_tool_call_id.data)
            scripted_driver_emit(driver, event);
        else scripted_driver_emit_message(driver, event);
        break;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        scripted_driver_check(driver, asm_emit_tool(driver->execution, event->type, &event->tool));
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        scripted_driver_check(driver, asm_emit_usage(driver->execution, &event->usage));
        break;
    case ASM_EVENT_TODOS_UPDATED:
        scripted_driver_emit_todos(driver, event);
        break;
    case ASM_EVENT_RUN_STARTED:
        scripted_driver_begin_run(driver, event);
        break;
    case ASM_EVENT_RUN_COMPLETED:
    case ASM_EVENT_RUN_FAILED:
    case ASM_EVENT_RUN_TIMEOUT:
    case ASM_EVENT_RUN_CANCELLED:
        scripted_driver_end_run(driver, event);
        break;
    default:
        scripted_driver_emit(driver, event);
    }
}

static void scripted_driver_on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    scripted_driver *driver = (scripted_driver *)user;
    char text[256];
    asm_event event;
    if (!diagnostic->lost || !asm_execution_is_active(driver->execution)) return;
    driver->bad_lines++;
    snprintf(text, sizeof text, "line %lu, column %lu of the recording: %s", (unsigned long)diagnostic->line,
             (unsigned long)diagnostic->column, diagnostic->message);
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_ERROR_OCCURRED;
    event.error.code = ASM_STR("recording");
    event.error.message = asm_str_from(text);
    scripted_driver_emit(driver, &event);
}

static bool scripted_driver_goes_on(const scripted_driver *driver) {
    return driver->outcome == ASM_OUTCOME_CONTINUE && !driver->is_cancelled &&
           asm_execution_is_active(driver->execution);
}

/* Replays up to `most` bytes of the line that comes next; returns how many. */
static size_t scripted_driver_replay(scripted_driver *driver, size_t most) {
    const char *from = driver->options.recording.data + driver->at;
    size_t size = driver->options.recording.size - driver->at;
    if (size > most) size = most;
    const char *newline = (const char *)memchr(from, '\n', size);
    if (newline) size = (size_t)(newline - from) + 1;
    driver->at += size; /* first: what is replayed may cancel, and execute again */
    scripted_driver_check(driver,
                          asm_ingest_feed(&driver->ingest, from, size, driver->execution.server->now));
    return size;
}

/* Nothing is left: ends what has not ended. */
static void scripted_driver_end(scripted_driver *driver) {
    scripted_driver_check(driver, asm_ingest_end(&driver->ingest, driver->execution.server->now));
    if (!scripted_driver_goes_on(driver)) return;
    driver->outcome = driver->is_in_run
                          ? asm_fail(driver->execution, ASM_STR("the recording ends within a run"))
                          : ASM_OUTCOME_COMPLETED;
}

static asm_outcome scripted_driver_execute(void *user, asm_execution execution) {
    scripted_driver *driver = (scripted_driver *)user;
    const size_t size = driver->options.recording.size;
    size_t left = driver->options.piece;
    driver->execution = execution;
    driver->is_cancelled = false;
    driver->outcome = ASM_OUTCOME_CONTINUE;
    if (driver->at == size) return asm_fail(execution, ASM_STR("the recording is over"));
    /* Never beyond the end of a line at once, as that may be the end of the run. */
    if (left == 0) (void)scripted_driver_replay(driver, SIZE_MAX);
    while (left > 0 && driver->at < size && scripted_driver_goes_on(driver))
        left -= scripted_driver_replay(driver, left);
    if (driver->at == size && scripted_driver_goes_on(driver)) scripted_driver_end(driver);
    if (driver->is_cancelled) (void)asm_agent_cancel(execution.server, asm_execution_agent_id(execution));
    return driver->outcome;
}

/* Sets up; allocates. The errors are asm_ingest_init()'s. */
static inline asm_result scripted_driver_init(scripted_driver *driver,
                                              const scripted_driver_options *options) {
    asm_ingest_options ingest;
    memset(driver, 0, sizeof *driver);
    driver->options = *options;
    asm_buffer_init_growing(&driver->scratch);
    memset(&ingest, 0, sizeof ingest);
    ingest.format = options->format;
    ingest.on_event = scripted_driver_on_event;
    ingest.on_diagnostic = scripted_driver_on_diagnostic;
    ingest.user = driver;
    return asm_ingest_init(&driver->ingest, &ingest);
}

/* What an agent's configuration takes. Each agent needs a scripted_driver of its own. */
static inline asm_driver scripted_driver_of(scripted_driver *driver) {
    asm_driver table;
    memset(&table, 0, sizeof table); /* there is nothing to stop: a cancelled execution gets no more slices */
    table.execute = scripted_driver_execute;
    table.user = driver;
    return table;
}

/* Frees everything; not from inside a subscriber of its agent. */
static inline void scripted_driver_close(scripted_driver *driver) {
    asm_ingest_close(&driver->ingest);
    asm_buffer_close(&driver->scratch);
}

#endif
