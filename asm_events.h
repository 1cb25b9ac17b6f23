/* asm_events.h - v0.1.0 - events of AI-agent sessions, for C99 and C++11
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_events.h"
 *   In every other file just include it. ASM_IMPLEMENTATION builds every asm_*.h that the file includes;
 *   ASM_EVENTS_IMPLEMENTATION builds this header only (asm_json.h, which it includes, must then be built
 *   elsewhere); ASM_STATIC makes everything static. Options: those of asm_json.h.
 *
 * WHAT IS IN IT
 *   asm_event     what happens in an agent session; to JSON and back without loss; copied in one block
 *
 * EXAMPLE
 *       char memory[512];
 *       asm_buffer line;
 *       asm_buffer_init_fixed(&line, memory, sizeof memory);
 *
 *       asm_event event = { .type = ASM_EVENT_TOOL_CALL_STARTED, .session_id = ASM_STR("ses_1"),
 *                           .tool = { .name = ASM_STR("Read"), .input = ASM_STR("{\"path\":\"a.c\"}") } };
 *       if (asm_event_write_json(&event, &line) == ASM_OK)
 *           printf("%.*s\n", (int)line.size, line.data);
 *
 *       asm_event again;
 *       asm_json_error error;
 *       if (asm_event_read_json(&again, asm_buffer_text(&line), NULL, &error) != ASM_OK)
 *           fprintf(stderr, "byte %lu: %s\n", (unsigned long)error.offset, error.message);
 *
 * MEMORY
 *   Nothing here allocates but a growing buffer. Events hold views: what they point to belongs to somebody
 *   else and must live as long as the event is used. asm_event_copy() makes one that stands on its own.
 *
 * ERRORS, NULL, THREADS
 *   As in asm_json.h. A line that cannot be read, and an event that cannot be written, change nothing.
 */
#ifndef ASM_EVENTS_H
#define ASM_EVENTS_H

#include "asm_json.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

/* =========================================================================================================
 * Events
 *
 * One vocabulary for everything that happens in an agent session. Other systems' names, and the type here:
 *       llm_deltas, agent.stream.chunk                         message_streamed
 *       llm_message                                            message_received
 *       llm_token_usage                                        token_usage_updated
 *       tool_execution_started, _update executing              tool_call_started
 *       tool_execution_completed, _update completed            tool_call_completed (its `result`: tool_output)
 *       tool_execution_failed, _update failed                  tool_call_failed (its `result`: tool_output)
 *       agent.step.started, agent.step.completed               step_started, step_completed
 *       agent.continuation                                     continuation_evaluated
 *       agent.status                                           status_changed
 *       interrupt_data                                         `data` of status_changed
 *       title_generation_started, title_generation_completed,
 *       title_generated, summarization_started,
 *       summarization_completed, dangling_tool_calls_patched,
 *       interrupt_triggered                                    middleware_action, the word as its `action`
 *
 * Order (?: may be missing, *: any number of times, |: either):
 *       tool call   identified? approval? started (tool_call_updated | tool_output_streamed)* completed | failed
 *                   A call in the background keeps its id, and its events their run_id, past the run's end.
 *       approval    requested, then one granted or denied with the same request_id, or neither if the stream
 *                   ends. A denied call still gets its tool_call_failed, with status "declined".
 *       message     streamed* received retracted?. A message that broke off: received with `incomplete`; if it
 *                   comes again, retracted with `replaced_by` as soon as the new message_id is known (else
 *                   without), then the new one.
 *       run         started (with title, cwd, git_branch, agent_version, as far as known by then), anything,
 *                   then one completed, failed, cancelled or timeout. session_updated tells what becomes known
 *                   later.
 *       interrupt   status_changed with `data` {"interrupt": N, "action_requests": [{"tool_call_id",
 *                   "tool_name", "arguments"}]} or {"interrupt": N, "question": ...}, then one
 *                   tool_approval_requested for each request.
 *
 * Tokens. input_tokens is the whole prompt; cache_read_tokens and cache_creation_tokens are parts of it.
 * output_tokens is all that was generated; reasoning_tokens is part of it. Absent is unknown; 0 is only what
 * the stream calls 0. A run's token_usage holds its sub-agents' tokens, too; main_token_usage is the main
 * loop's share, the tool calls' token_usage are the sub-agents': do not add them to the run's. Costs are what
 * the provider tells, never computed.
 *
 * Vocabularies. Where a member below lists words, readers map the provider's to them where one fits, else keep
 * the provider's own: treat a word that is not listed as unknown, not as success.
 */

/* Every type: constant, name in JSON, code in compact JSON (or NULL), and which member of asm_event's union
 * it uses. */
#define ASM_EVENT_TYPES(X)                                                                                   \
    X(SESSION_CREATED, "session_created", NULL, run)                                                         \
    X(SESSION_STARTED, "session_started", NULL, run)                                                         \
    X(SESSION_PAUSED, "session_paused", NULL, run)                                                           \
    X(SESSION_RESUMED, "session_resumed", NULL, run)                                                         \
    X(SESSION_UPDATED, "session_updated", NULL, run)                                                         \
    X(SESSION_COMPLETED, "session_completed", NULL, run)                                                     \
    X(SESSION_FAILED, "session_failed", NULL, run)                                                           \
    X(SESSION_CANCELLED, "session_cancelled", NULL, run)                                                     \
    X(RUN_STARTED, "run_started", "rs", run)                                                                 \
    X(RUN_COMPLETED, "run_completed", "rc", run)                                                             \
    X(RUN_FAILED, "run_failed", "rf", run)                                                                   \
    X(RUN_CANCELLED, "run_cancelled", "rx", run)                                                             \
    X(RUN_TIMEOUT, "run_timeout", NULL, run)                                                                 \
    X(MESSAGE_SENT, "message_sent", NULL, message)                                                           \
    X(MESSAGE_RECEIVED, "message_received", "mr", message)                                                   \
    X(MESSAGE_STREAMED, "message_streamed", "ms", message)                                                   \
    X(MESSAGE_RETRACTED, "message_retracted", NULL, message)                                                 \
    X(TOOL_CALL_IDENTIFIED, "tool_call_identified", NULL, tool)                                              \
    X(TOOL_CALL_STARTED, "tool_call_started", "ts", tool)                                                    \
    X(TOOL_CALL_UPDATED, "tool_call_updated", NULL, tool)                                                    \
    X(TOOL_OUTPUT_STREAMED, "tool_output_streamed", NULL, tool)                                              \
    X(TOOL_CALL_COMPLETED, "tool_call_completed", "tc", tool)                                                \
    X(TOOL_CALL_FAILED, "tool_call_failed", NULL, tool)                                                      \
    X(TOOL_APPROVAL_REQUESTED, "tool_approval_requested", NULL, approval)                                    \
    X(TOOL_APPROVAL_GRANTED, "tool_approval_granted", NULL, approval)                                        \
    X(TOOL_APPROVAL_DENIED, "tool_approval_denied", NULL, approval)                                          \
    X(TOKEN_USAGE_UPDATED, "token_usage_updated", "tu", usage)                                               \
    X(TURN_COMPLETED, "turn_completed", NULL, usage)                                                         \
    X(ERROR_OCCURRED, "error_occurred", "er", error)                                                         \
    X(ERROR_RECOVERED, "error_recovered", NULL, error)                                                       \
    X(STEP_STARTED, "step_started", NULL, step)                                                              \
    X(STEP_COMPLETED, "step_completed", NULL, step)                                                          \
    X(CONTINUATION_EVALUATED, "continuation_evaluated", NULL, continuation)                                  \
    X(STATUS_CHANGED, "status_changed", NULL, status)                                                        \
    X(TODOS_UPDATED, "todos_updated", NULL, todos)                                                           \
    X(AGENT_SHUTDOWN, "agent_shutdown", NULL, shutdown)                                                      \
    X(DISPLAY_MESSAGE_SAVED, "display_message_saved", NULL, display)                                         \
    X(DISPLAY_MESSAGE_UPDATED, "display_message_updated", NULL, display)                                     \
    X(STATE_RESTORED, "state_restored", NULL, state)                                                         \
    X(NODE_TRANSFERRING, "node_transferring", NULL, node)                                                    \
    X(NODE_TRANSFERRED, "node_transferred", NULL, node)                                                      \
    X(AGENT_STATE_UPDATE, "agent_state_update", NULL, state)                                                 \
    X(MIDDLEWARE_ACTION, "middleware_action", NULL, middleware)                                              \
    X(POLICY_VIOLATION, "policy_violation", NULL, policy)                                                    \
    X(WORKSPACE_SNAPSHOT_TAKEN, "workspace_snapshot_taken", NULL, none)                                      \
    X(WORKSPACE_DIFF_COMPUTED, "workspace_diff_computed", NULL, none)

/* The type of an event. */
typedef enum asm_event_type {
    ASM_EVENT_CUSTOM =
        0, /* any other: its name is in type_name, its payload is notice, the rest is in extra */
#define ASM__X(name, text, code, member) ASM_EVENT_##name,
    ASM_EVENT_TYPES(ASM__X)
#undef ASM__X
        ASM_EVENT_TYPE_COUNT
} asm_event_type;

/* Values that may be absent. A zero one is. */
typedef struct asm_optional_int64 {
    int64_t value; /* counts only if is_set */
    bool is_set;   /* whether there is one */
} asm_optional_int64;
typedef struct asm_optional_double {
    double value; /* counts only if is_set */
    bool is_set;  /* whether there is one */
} asm_optional_double;
typedef struct asm_optional_bool {
    bool value;  /* counts only if is_set */
    bool is_set; /* whether there is one */
} asm_optional_bool;

/* Values that are there: .step_number = ASM_INT64(3). */
#ifdef __cplusplus
#define ASM_INT64(number)  (asm_optional_int64{(number), true})
#define ASM_DOUBLE(number) (asm_optional_double{(number), true})
#define ASM_BOOL(truth)    (asm_optional_bool{(truth), true})
#else
#define ASM_INT64(number)  ((asm_optional_int64){(number), true})
#define ASM_DOUBLE(number) ((asm_optional_double){(number), true})
#define ASM_BOOL(truth)    ((asm_optional_bool){(truth), true})
#endif

/* The payloads. Every member may be absent, which means not known. "text" is any UTF-8 text; "JSON" is the
 * text of one valid JSON value (object, array), which the writer checks before it writes it. The name in the
 * JSON form is the member's own unless told otherwise; it never changes its meaning. The events that have the
 * member stand before its description: "ended" is completed, failed, cancelled or timeout. */

/* message_sent, message_streamed, message_received, message_retracted. */
typedef struct asm_message_payload {
    asm_str content;    /* text: the whole message; of a streamed piece: the piece, unless delta has it */
    asm_str delta;      /* streamed: text, the piece that is new */
    asm_str role;       /* "assistant", "user", "system", "tool" */
    asm_str message_id; /* the provider's id of the message the text belongs to */
    asm_str parent_tool_call_id;  /* the tool call whose sub-agent speaks */
    asm_str phase;                /* streamed, received: "commentary", "final_answer" */
    asm_str reason;               /* retracted: "retried", "refused", "replaced", or the provider's word */
    asm_str replaced_by;          /* retracted: message_id of what stands in its place */
    asm_str origin;               /* sent: who wrote it for the person: "hook", "task_notification", "replay",
                                     "context", "command", or the provider's word */
    asm_optional_bool thinking;   /* the text is the model's reasoning, not its answer */
    asm_optional_bool incomplete; /* received: the message broke off. Only true is written */
    asm_optional_bool synthetic;  /* sent: a program wrote it for the person. Only true is written */
} asm_message_payload;

/* tool_call_identified, tool_call_started, tool_call_updated, tool_output_streamed, tool_call_completed,
 * tool_call_failed. */
typedef struct asm_tool_payload {
    asm_str name;         /* "tool_name" */
    asm_str call_id;      /* "tool_call_id": the same in all events of one call */
    asm_str display_text; /* text: what to show people in place of name and input */
    asm_str agent_kind;   /* started, updated: the call starts a sub-agent of this kind ("Explore") */
    asm_str input;        /* JSON, "tool_input": the arguments */
    asm_str delta;        /* output streamed: text, the piece of output that is new */
    asm_str output;       /* text, "tool_output". Ended: the result as the model saw it. Output streamed: the
                             whole so far, in place of what came before, where there is no delta */
    asm_str output_json;  /* JSON, "tool_output" when it is no string; used if output is absent */
    asm_str result;       /* ended: JSON, "tool_result": the provider's structured result as it is */
    asm_str changes;      /* completed: JSON array of changed files: {"path", "kind", "from", "added",
                             "removed"}; kind "add", "update", "delete", "move"; from: of a move; added and
                             removed: lines, where known */
    asm_str status; /* "running", "running_in_background", "waiting" (for a person). Completed: "completed",
                             "unknown" (how it ended was not told). Failed: "failed", "declined" (by a person or
                             a rule), "cancelled", "timeout" */
    asm_str error_message;           /* failed: text */
    asm_str parent_tool_call_id;     /* the tool call whose sub-agent made this one */
    asm_str token_usage;             /* ended: JSON object, what the sub-agent of this call used, its own
                                        sub-agents included: see asm_usage_read() */
    asm_optional_int64 exit_code;    /* ended: of a command */
    asm_optional_double duration_ms; /* ended: milliseconds */
} asm_tool_payload;

/* tool_approval_requested, tool_approval_granted, tool_approval_denied. */
typedef struct asm_approval_payload {
    asm_str tool_name;    /* of the tool that is asked for */
    asm_str tool_call_id; /* of its call */
    asm_str tool_input;   /* JSON: the arguments, as edited if they were */
    asm_str policy_name;  /* the rule that asks, grants or denies */
    asm_str reason;       /* text */
    asm_str request_id;   /* of the provider or server; the same in request and decision */
    asm_str kind;         /* "tool" (may it run?), "question" (a person is asked something) */
    asm_str options;  /* requested: JSON array of {"id", "label", "description", "kind"}; kind "allow_once",
                            "allow_always", "reject_once", "reject_always", or absent */
    asm_str decision; /* granted: "approve", "always", "edit", "answer"; denied: "reject", "withdrawn",
                            "timeout" */
    asm_str answer;   /* granted: JSON, what the person answered */
    asm_optional_int64 interrupt; /* the agent server's number of the interrupt, from 1 in each agent */
} asm_approval_payload;

/* token_usage_updated, turn_completed. With message_id: that message's alone, once for each id. With
 * parent_tool_call_id: the sub-agent's. With cumulative: do not add it to others. */
typedef struct asm_usage_payload {
    asm_optional_int64 input_tokens;          /* the whole prompt */
    asm_optional_int64 output_tokens;         /* all that was generated */
    asm_optional_int64 cache_read_tokens;     /* part of input_tokens */
    asm_optional_int64 cache_creation_tokens; /* part of input_tokens */
    asm_optional_int64 reasoning_tokens;      /* part of output_tokens */
    asm_optional_int64 context_window;        /* tokens that fit the model */
    asm_optional_double cost_usd;             /* US dollars, as the provider tells it */
    asm_optional_bool cumulative; /* counted from the session's start, not from the last such event */
    asm_str model;                /* which one spent them, by the provider's name */
    asm_str message_id;           /* the message they were spent on, when they are that message's alone */
    asm_str parent_tool_call_id;  /* the tool call whose sub-agent spent them */
    asm_str models; /* JSON object, the parts of the figures above by model: {"input_tokens", ...,
                                     "cost_usd", "context_window"} under each model's name */
} asm_usage_payload;

/* All session_... and run_... events. In session_updated, only what changed is set. */
typedef struct asm_run_payload {
    asm_str model;                   /* started, updated: the provider's name of it */
    asm_str cwd;                     /* started, updated: the working directory */
    asm_str title;                   /* started, updated: text, the session's title */
    asm_str git_branch;              /* started, updated: the branch in cwd */
    asm_str agent_version;           /* started, updated: version of the agent program */
    asm_str tools;                   /* started: JSON, names of the tools at hand, or how many */
    asm_str stop_reason;             /* completed: "end_turn", "max_tokens", "tool_use", "stop_sequence",
                                           "refusal", "content_filter", "pause_turn", "max_turns", "budget",
                                           "hook" */
    asm_optional_int64 num_turns;    /* ended: how often the model was asked, as the provider counts */
    asm_optional_double duration_ms; /* ended: milliseconds */
    asm_optional_double cost_usd;    /* ended: US dollars, of this run */
    asm_str token_usage;        /* ended: JSON object, sub-agents included: see asm_usage_read(). Where only
                                           the session's total is known it has "cumulative": true */
    asm_str main_token_usage;   /* ended: JSON object, the main loop's share of token_usage */
    asm_str models;             /* ended: JSON object, the parts by model: see asm_usage_payload */
    asm_str permission_denials; /* ended: JSON, what the agent was not allowed */
    asm_str error_code;         /* failed: "stream_ended", "provider_error", "authentication", "billing",
                                           "rate_limit", "overloaded", "server_error", "invalid_request",
                                           "context_too_long", "model_not_found", "timeout", "limit",
                                           "protocol", "crash" */
    asm_str error_message;      /* failed: text */
    asm_str provider_error;     /* failed: JSON, the provider's own words */
    asm_optional_int64 open_tool_calls; /* ended early: how many tool calls never ended */
} asm_run_payload;

/* error_occurred, error_recovered. */
typedef struct asm_error_payload {
    asm_str code;           /* "error_code": the words of asm_run_payload.error_code, or the provider's */
    asm_str message;        /* text, "error_message" */
    asm_str provider_error; /* JSON: the provider's own words */
    asm_str details;        /* JSON: what else is known of it */
} asm_error_payload;

/* step_started, step_completed. */
typedef struct asm_step_payload {
    asm_optional_int64 step_number;     /* from 1 */
    asm_optional_int64 message_count;   /* started: how many messages the model is asked with */
    asm_optional_int64 available_tools; /* started: how many */
    asm_optional_bool has_tool_calls;   /* completed: the model has called tools */
    asm_optional_int64 errors;          /* completed: how many of these calls failed */
    asm_str usage;                      /* completed: JSON object, see asm_usage_read() */
    asm_optional_double duration_ms;    /* completed: milliseconds */
    asm_str finish_reason;              /* completed: why the model stopped, in the provider's word */
} asm_step_payload;

/* continuation_evaluated. */
typedef struct asm_continuation_payload {
    asm_optional_int64 step_number; /* from 1 */
    asm_optional_bool should_stop;  /* the execution ends here */
    asm_str stop_reason;            /* why: "completed", "error", "user_requested", or the rule's own word */
    asm_str resolved_by;            /* which rule decided */
} asm_continuation_payload;

/* status_changed. */
typedef struct asm_status_payload {
    asm_str status; /* "idle", "running", "interrupted", "paused", "cancelled", "error", "not_running" */
    asm_str previous_status; /* one of these, too */
    asm_str data;            /* JSON: the interrupt's requests (see Order above), the error's reason */
    asm_str error_message;   /* text */
    asm_str last_response;   /* text: what the agent said last */
} asm_status_payload;

/* todos_updated. */
typedef struct asm_todos_payload {
    /* JSON: the whole list as it is now, an array of {"id", "content", "status", "active_form"}; status
     * "pending", "in_progress", "completed", "cancelled". */
    asm_str todos;
} asm_todos_payload;

/* agent_shutdown. */
typedef struct asm_shutdown_payload {
    asm_str agent_id;         /* which agent ended */
    asm_str reason;           /* "inactivity", "no_viewers", "manual", "crash" */
    asm_str last_activity_at; /* ISO 8601 */
    asm_str shutdown_at;      /* ISO 8601 */
    asm_str details;          /* JSON object, "metadata": what the host adds. Not the event's own metadata */
} asm_shutdown_payload;

/* display_message_saved, display_message_updated. */
typedef struct asm_display_payload {
    asm_str display_message; /* JSON: as it was saved */
    asm_str tool_call_id;    /* updated: whose message changed */
    asm_str status;          /* updated: "executing", "completed", "failed" */
} asm_display_payload;

/* state_restored, agent_state_update. */
typedef struct asm_state_payload {
    asm_str state; /* JSON: the whole state */
} asm_state_payload;

/* node_transferring, node_transferred. */
typedef struct asm_node_payload {
    asm_str from_node; /* transferring: the name of the machine or process that the agent leaves */
    asm_str to_node;   /* transferred: of the one where it goes on */
} asm_node_payload;

/* middleware_action. */
typedef struct asm_middleware_payload {
    asm_str middleware; /* its id */
    asm_str action;     /* what it did, in its own word */
    asm_str data;       /* JSON: what that action tells */
} asm_middleware_payload;

/* policy_violation. */
typedef struct asm_policy_payload {
    asm_str policy;  /* its name */
    asm_str kind;    /* of the violation, in the policy's own word */
    asm_str message; /* text */
} asm_policy_payload;

/* ASM_EVENT_CUSTOM: what any event may tell of itself. */
typedef struct asm_notice_payload {
    asm_str text;                    /* text: one line for a person, shown in place of the type's name */
    asm_str level;                   /* "info", "warning", "error" */
    asm_str code;                    /* the provider's short cause: "429", "overloaded", "five_hour" */
    asm_str resets_at;               /* ISO 8601: when a limit ends */
    asm_optional_int64 attempt;      /* of a retry */
    asm_optional_int64 max_attempts; /* of a retry */
    asm_optional_double retry_in_ms; /* milliseconds until the next attempt */
} asm_notice_payload;

/* One event. Zero-initialise it, set `type` and whatever is known; C++ programs assign the members one by
 * one. Everything is a view (see MEMORY above). In the JSON form `ts` is the time, the payload's members
 * stand in `data`. */
typedef struct asm_event {
    asm_event_type type; /* "type" */
    int time_precision;  /* digits of a second that `time` is written with: see ASM_TIME_PRECISION_AUTO; 0:
                                as many as needed */
    asm_time time;       /* "ts": when it happened, in microseconds since 1970-01-01T00:00:00Z; 0: not set */
    asm_str type_name;   /* of an ASM_EVENT_CUSTOM; absent: "custom". Ignored for the others */
    asm_str session_id;  /* of the session it belongs to */
    asm_str run_id;      /* of the run it belongs to */
    asm_str provider;    /* where it comes from: "claude", "codex", ... */
    asm_str agent_id;    /* of the agent, where there are several */
    asm_str id;          /* the event's own id */
    int64_t sequence_number; /* counts within the session, from 1; 0: not set */
    asm_str correlation_id;  /* joins events of different sessions that belong together */
    asm_str metadata;        /* JSON object: what the program that logs adds */
    asm_str extra;           /* JSON object: members of `data` that have no place in the payload */
    asm_str extension;       /* JSON object: members beside `data` that have no place above */
    ASM__EXTENSION union {   /* which one: the last column of ASM_EVENT_TYPES; notice for ASM_EVENT_CUSTOM */
        asm_message_payload message;
        asm_tool_payload tool;
        asm_approval_payload approval;
        asm_usage_payload usage;
        asm_run_payload run;
        asm_error_payload error;
        asm_step_payload step;
        asm_continuation_payload continuation;
        asm_status_payload status;
        asm_todos_payload todos;
        asm_shutdown_payload shutdown;
        asm_display_payload display;
        asm_state_payload state;
        asm_node_payload node;
        asm_middleware_payload middleware;
        asm_policy_payload policy;
        asm_notice_payload notice;
    };
} asm_event;

/* Returns the name of `type` ("run_started"): "custom" for ASM_EVENT_CUSTOM, "" for a number that is no type. */
ASM_API asm_str asm_event_type_name(asm_event_type type);

/* Returns the type of that name; ASM_EVENT_CUSTOM for one that is not in the list. */
ASM_API asm_event_type asm_event_type_from_name(asm_str name);

/* Returns the name of the event's type: type_name for an ASM_EVENT_CUSTOM ("custom" if it has none), else what
 * asm_event_type_name() gives. */
ASM_API asm_str asm_event_name(const asm_event *event);

/* Returns the text that a message_... event adds: delta, else content, else empty. Empty for other types. */
ASM_API asm_str asm_event_text(const asm_event *event);

/* The tool call whose sub-agent the event is of (`parent_tool_call_id` of messages, tool calls, token counts and turns);
 * absent for the main agent's, for events that are of no agent, and for NULL. */
ASM_API asm_str asm_event_parent(const asm_event *event);

/* Appends the full JSON form, one line without its line feed:
 *       {"ts":"2026-02-09T12:00:00Z","type":"run_started","data":{"model":"m"},"session_id":"ses_1"}
 * Strings come out valid whatever they hold; white space in JSON members is left out. Errors of the event:
 *       ASM_ERR_SYNTAX, ..._UTF8, ..._DEPTH   a JSON member is not valid
 *       ASM_ERR_TYPE                          a JSON member is no object or no array where one is asked for
 *       ASM_ERR_RANGE                         a time before the year 0000 or after 9999
 *       ASM_ERR_INVALID_ARGUMENT              a type out of the list; a member of `extra` or `extension` whose
 *                                             field is set, too (but see asm_event_read_json())
 * and those of the buffer. With any of them, a fixed or growing buffer holds what it did before. */
ASM_API asm_result asm_event_write_json(const asm_event *event, asm_buffer *out);

/* Appends what stands in `data` in the full form, as one JSON object: the payload and `extra`. Errors as
 * asm_event_write_json(). */
ASM_API asm_result asm_event_write_data(const asm_event *event, asm_buffer *out);

/* Appends the compact form, {"t":MILLISECONDS,"e":{"t":CODE,...}}: for counting and timing, not for reading
 * back. A type without a code is written by its name, and nothing else of it. JSON members are not checked.
 * Errors: ASM_ERR_INVALID_ARGUMENT for a type out of the list, and those of the buffer. */
ASM_API asm_result asm_event_write_compact(const asm_event *event, asm_buffer *out);

/* Reads the full form; members may stand in any order, and the last of those with one name counts.
 *
 * Nothing is lost when the event is written and read again:
 *   - Members that have no place in the event, or another type than their place, are kept as they are in
 *     `extra` or `extension`.
 *   - A number or a time of which its field cannot tell all (more digits than a double has, 1e-400, parts of a
 *     microsecond, an offset from UTC, a leap second) is in its field as near as can be, and as it was in
 *     `extra` or `extension`. It is written as it was, unless the field has been changed.
 *   - A type that is not in the list becomes an ASM_EVENT_CUSTOM.
 *   - What changes is the form: white space, escapes, the order of members, numbers (1.50 becomes 1.5), the `T`
 *     and `Z` of a time.
 *
 * `line` must outlive the event, and so must what `scratch` gets: strings with escapes, and members of `extra` and
 * `extension` (see asm_json_reader_init() for how buffers are used). It may be NULL: a line that needs it is then
 * ASM_ERR_NO_SPACE, as in a fixed buffer that is full. `error` may be NULL. Errors, beside those of the JSON reader:
 *       ASM_ERR_SYNTAX   no type
 *       ASM_ERR_TYPE     the line is no object; two types; a type that is no string; data that is neither an
 *                        object nor null
 * On an error the event is empty. */
ASM_API asm_result asm_event_read_json(asm_event *event, asm_str line, asm_buffer *scratch,
                                       asm_json_error *error);

/* asm_event_read_json() over `size` bytes at `line` that may be changed: strings are unescaped where they stand,
 * so that only members of `extra` and `extension` need `scratch`. */
ASM_API asm_result asm_event_read_json_in_place(asm_event *event, char *line, size_t size,
                                                asm_buffer *scratch, asm_json_error *error);

/* Reads the compact form as far as it goes: there are no ids and no texts. If `e` has a member that has no place,
 * such as the length of a text, `extra` is `e` as it stands; if the line has one, `extension` is the line.
 * ASM_ERR_SYNTAX for a line of another form, or of both: what is read can be written. `scratch`, `error` and lifetimes
 * as for asm_event_read_json(). */
ASM_API asm_result asm_event_read_compact(asm_event *event, asm_str line, asm_buffer *scratch,
                                          asm_json_error *error);

/* Reads an object of token counts, as asm_run_payload.token_usage holds one: its numbers, `cumulative`, and
 * `models` as a view into `json`. Other members, texts included, are passed over. False, and `usage` empty, if
 * `json` is no valid object. */
ASM_API bool asm_usage_read(asm_usage_payload *usage, asm_str json);

/* Returns how many bytes asm_event_copy() needs. */
ASM_API size_t asm_event_copy_size(const asm_event *event);

/* Copies the event and all it points to into `size` bytes at `block`, which must be aligned as for any struct.
 * Returns the copy, which stands at the start of `block`; NULL if `size` is below asm_event_copy_size(). Nothing is
 * to be freed but the block. */
ASM_API asm_event *asm_event_copy(const asm_event *event, void *block, size_t size);

/* Whether two events have the same type and the same members, type_name and time_precision among them: texts and JSON
 * byte for byte, numbers bit by bit. What stands in members that are not set does not count. False if either is
 * NULL. */
ASM_API bool asm_event_equal(const asm_event *a, const asm_event *b);

/* Is given an event, which is valid during the call only. Readers, pipelines and publishers share this type, so that
 * what gives events takes any of the functions named ..._on_event as its callback. */
typedef void (*asm_event_callback)(void *user, const asm_event *event);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_EVENTS_H */

/* =========================================================================================================
 * Implementation
 *
 *       >>events: table               the rows, one for each member, and what is derived from them
 *       >>events: to json             checks, then one check of the room for each member that is written
 *       >>events: to compact json
 *       >>events: from json           a line of the usual shape in a few steps, any other step by step
 *       >>events: from compact json
 *       >>events: token counts
 *       >>events: copy
 *       >>events: compare
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_EVENTS_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_EVENTS_IMPLEMENTED
#define ASM_EVENTS_IMPLEMENTED

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_json.h"

#include <string.h>

/* >>events: table */

/* The kinds of members; up to ASM__DATA they are views. */
enum {
    ASM__TEXT,
    ASM__TEXT_OR_JSON, /* a string is text; anything else belongs to the next row, which has the same name */
    ASM__TYPE,         /* the type: its name in type_name, its number beside */
    ASM__JSON,
    ASM__JSON_OBJECT,
    ASM__JSON_ARRAY,
    ASM__DATA, /* the payload, and what has no place in it */
    ASM__INT64,
    ASM__DOUBLE,
    ASM__BOOL,
    ASM__TRUE, /* a bool of which only true is written; false is kept in extra */
    ASM__TIME,
    ASM__SEQUENCE,
    ASM__KINDS
};

/* Whether a member holds something, by its kind. The type and the data always count. */
#define ASM__HOLDS_TEXT(member)         ((member).data != NULL)
#define ASM__HOLDS_TEXT_OR_JSON(member) ((member).data != NULL)
#define ASM__HOLDS_JSON(member)         ((member).data != NULL)
#define ASM__HOLDS_JSON_OBJECT(member)  ((member).data != NULL)
#define ASM__HOLDS_JSON_ARRAY(member)   ((member).data != NULL)
#define ASM__HOLDS_INT64(member)        ((member).is_set)
#define ASM__HOLDS_DOUBLE(member)       ((member).is_set)
#define ASM__HOLDS_BOOL(member)         ((member).is_set)
#define ASM__HOLDS_TRUE(member)         ((member).is_set && (member).value)
#define ASM__HOLDS_TIME(member)         ((member) != 0)
#define ASM__HOLDS_TYPE(member)         true
#define ASM__HOLDS_DATA(member)         true
#define ASM__HOLDS_SEQUENCE(member)     ((member) != 0)

/* The members: X(P, name in JSON, member, kind), P being what the list is asked for. The rows of a list are in
 * the order in which they are written, at most 32. To add a member: a row here, and the member in the struct. */

#define ASM__ROWS_envelope(X, P)                                                                             \
    X(P, ts, time, TIME)                                                                                     \
    X(P, type, type_name, TYPE)                                                                              \
    X(P, data, extra, DATA)                                                                                  \
    X(P, session_id, session_id, TEXT)                                                                       \
    X(P, run_id, run_id, TEXT)                                                                               \
    X(P, provider, provider, TEXT)                                                                           \
    X(P, agent_id, agent_id, TEXT)                                                                           \
    X(P, id, id, TEXT)                                                                                       \
    X(P, sequence_number, sequence_number, SEQUENCE)                                                         \
    X(P, correlation_id, correlation_id, TEXT)                                                               \
    X(P, metadata, metadata, JSON_OBJECT)

#define ASM__ROWS_message(X, P)                                                                              \
    X(P, content, content, TEXT)                                                                             \
    X(P, delta, delta, TEXT)                                                                                 \
    X(P, role, role, TEXT)                                                                                   \
    X(P, message_id, message_id, TEXT)                                                                       \
    X(P, phase, phase, TEXT)                                                                                 \
    X(P, thinking, thinking, BOOL)                                                                           \
    X(P, incomplete, incomplete, TRUE)                                                                       \
    X(P, synthetic, synthetic, TRUE)                                                                         \
    X(P, origin, origin, TEXT)                                                                               \
    X(P, reason, reason, TEXT)                                                                               \
    X(P, replaced_by, replaced_by, TEXT)                                                                     \
    X(P, parent_tool_call_id, parent_tool_call_id, TEXT)

#define ASM__ROWS_tool(X, P)                                                                                 \
    X(P, tool_name, name, TEXT)                                                                              \
    X(P, tool_call_id, call_id, TEXT)                                                                        \
    X(P, tool_input, input, JSON)                                                                            \
    X(P, delta, delta, TEXT)                                                                                 \
    X(P, tool_output, output, TEXT_OR_JSON)                                                                  \
    X(P, tool_output, output_json, JSON)                                                                     \
    X(P, tool_result, result, JSON)                                                                          \
    X(P, changes, changes, JSON_ARRAY)                                                                       \
    X(P, status, status, TEXT)                                                                               \
    X(P, exit_code, exit_code, INT64)                                                                        \
    X(P, duration_ms, duration_ms, DOUBLE)                                                                   \
    X(P, error_message, error_message, TEXT)                                                                 \
    X(P, display_text, display_text, TEXT)                                                                   \
    X(P, agent_kind, agent_kind, TEXT)                                                                       \
    X(P, token_usage, token_usage, JSON_OBJECT)                                                              \
    X(P, parent_tool_call_id, parent_tool_call_id, TEXT)

#define ASM__ROWS_approval(X, P)                                                                             \
    X(P, request_id, request_id, TEXT)                                                                       \
    X(P, interrupt, interrupt, INT64)                                                                        \
    X(P, kind, kind, TEXT)                                                                                   \
    X(P, tool_name, tool_name, TEXT)                                                                         \
    X(P, tool_call_id, tool_call_id, TEXT)                                                                   \
    X(P, tool_input, tool_input, JSON)                                                                       \
    X(P, options, options, JSON_ARRAY)                                                                       \
    X(P, decision, decision, TEXT)                                                                           \
    X(P, answer, answer, JSON)                                                                               \
    X(P, policy_name, policy_name, TEXT)                                                                     \
    X(P, reason, reason, TEXT)

#define ASM__ROWS_usage(X, P)                                                                                \
    X(P, input_tokens, input_tokens, INT64)                                                                  \
    X(P, output_tokens, output_tokens, INT64)                                                                \
    X(P, cache_read_tokens, cache_read_tokens, INT64)                                                        \
    X(P, cache_creation_tokens, cache_creation_tokens, INT64)                                                \
    X(P, reasoning_tokens, reasoning_tokens, INT64)                                                          \
    X(P, cost_usd, cost_usd, DOUBLE)                                                                         \
    X(P, cumulative, cumulative, BOOL)                                                                       \
    X(P, context_window, context_window, INT64)                                                              \
    X(P, model, model, TEXT)                                                                                 \
    X(P, models, models, JSON_OBJECT)                                                                        \
    X(P, message_id, message_id, TEXT)                                                                       \
    X(P, parent_tool_call_id, parent_tool_call_id, TEXT)

#define ASM__ROWS_run(X, P)                                                                                  \
    X(P, model, model, TEXT)                                                                                 \
    X(P, cwd, cwd, TEXT)                                                                                     \
    X(P, title, title, TEXT)                                                                                 \
    X(P, git_branch, git_branch, TEXT)                                                                       \
    X(P, agent_version, agent_version, TEXT)                                                                 \
    X(P, tools, tools, JSON)                                                                                 \
    X(P, stop_reason, stop_reason, TEXT)                                                                     \
    X(P, num_turns, num_turns, INT64)                                                                        \
    X(P, duration_ms, duration_ms, DOUBLE)                                                                   \
    X(P, token_usage, token_usage, JSON_OBJECT)                                                              \
    X(P, main_token_usage, main_token_usage, JSON_OBJECT)                                                    \
    X(P, models, models, JSON_OBJECT)                                                                        \
    X(P, cost_usd, cost_usd, DOUBLE)                                                                         \
    X(P, error_code, error_code, TEXT)                                                                       \
    X(P, error_message, error_message, TEXT)                                                                 \
    X(P, provider_error, provider_error, JSON)                                                               \
    X(P, permission_denials, permission_denials, JSON)                                                       \
    X(P, open_tool_calls, open_tool_calls, INT64)

#define ASM__ROWS_error(X, P)                                                                                \
    X(P, error_code, code, TEXT)                                                                             \
    X(P, error_message, message, TEXT)                                                                       \
    X(P, provider_error, provider_error, JSON)                                                               \
    X(P, details, details, JSON)

#define ASM__ROWS_step(X, P)                                                                                 \
    X(P, step_number, step_number, INT64)                                                                    \
    X(P, message_count, message_count, INT64)                                                                \
    X(P, available_tools, available_tools, INT64)                                                            \
    X(P, has_tool_calls, has_tool_calls, BOOL)                                                               \
    X(P, errors, errors, INT64)                                                                              \
    X(P, usage, usage, JSON_OBJECT)                                                                          \
    X(P, duration_ms, duration_ms, DOUBLE)                                                                   \
    X(P, finish_reason, finish_reason, TEXT)

#define ASM__ROWS_continuation(X, P)                                                                         \
    X(P, step_number, step_number, INT64)                                                                    \
    X(P, should_stop, should_stop, BOOL)                                                                     \
    X(P, stop_reason, stop_reason, TEXT)                                                                     \
    X(P, resolved_by, resolved_by, TEXT)

#define ASM__ROWS_status(X, P)                                                                               \
    X(P, status, status, TEXT)                                                                               \
    X(P, previous_status, previous_status, TEXT)                                                             \
    X(P, data, data, JSON)                                                                                   \
    X(P, error_message, error_message, TEXT)                                                                 \
    X(P, last_response, last_response, TEXT)

#define ASM__ROWS_todos(X, P) X(P, todos, todos, JSON)

#define ASM__ROWS_shutdown(X, P)                                                                             \
    X(P, agent_id, agent_id, TEXT)                                                                           \
    X(P, reason, reason, TEXT)                                                                               \
    X(P, last_activity_at, last_activity_at, TEXT)                                                           \
    X(P, shutdown_at, shutdown_at, TEXT)                                                                     \
    X(P, metadata, details, JSON_OBJECT)

#define ASM__ROWS_display(X, P)                                                                              \
    X(P, display_message, display_message, JSON)                                                             \
    X(P, tool_call_id, tool_call_id, TEXT)                                                                   \
    X(P, status, status, TEXT)

#define ASM__ROWS_state(X, P) X(P, state, state, JSON)

#define ASM__ROWS_node(X, P)                                                                                 \
    X(P, from_node, from_node, TEXT)                                                                         \
    X(P, to_node, to_node, TEXT)

#define ASM__ROWS_middleware(X, P)                                                                           \
    X(P, middleware, middleware, TEXT)                                                                       \
    X(P, action, action, TEXT)                                                                               \
    X(P, data, data, JSON)

#define ASM__ROWS_policy(X, P)                                                                               \
    X(P, policy, policy, TEXT)                                                                               \
    X(P, kind, kind, TEXT)                                                                                   \
    X(P, message, message, TEXT)

#define ASM__ROWS_notice(X, P)                                                                               \
    X(P, text, text, TEXT)                                                                                   \
    X(P, level, level, TEXT)                                                                                 \
    X(P, code, code, TEXT)                                                                                   \
    X(P, attempt, attempt, INT64)                                                                            \
    X(P, max_attempts, max_attempts, INT64)                                                                  \
    X(P, retry_in_ms, retry_in_ms, DOUBLE)                                                                   \
    X(P, resets_at, resets_at, TEXT)

/* The payloads that have members. */
#define ASM__PAYLOADS(X)                                                                                     \
    X(message)                                                                                               \
    X(tool)                                                                                                  \
    X(approval)                                                                                              \
    X(usage)                                                                                                 \
    X(run)                                                                                                   \
    X(error)                                                                                                 \
    X(step)                                                                                                  \
    X(continuation)                                                                                          \
    X(status)                                                                                                \
    X(todos)                                                                                                 \
    X(shutdown)                                                                                              \
    X(display)                                                                                               \
    X(state)                                                                                                 \
    X(node)                                                                                                  \
    X(middleware)                                                                                            \
    X(policy)                                                                                                \
    X(notice)

/* From here on everything is derived from these lists. A name is only ever put into quotes by the macro that gets
 * it from its row: so it stays what it is when the including file has a macro of that name. */

#define ASM__ASSERT(name, condition) typedef char asm__assert_##name[(condition) ? 1 : -1]

#define ASM__KEY_ROOM 27

/* A row: a member's name in JSON, and its place in a struct. */
typedef struct asm__field {
    uint16_t offset;
    uint8_t kind;
    uint8_t key_size;
    char key[ASM__KEY_ROOM]; /* with its quotes and colon, and a NUL */
    uint8_t row;             /* its number in the list */
} asm__field;

#define ASM__NAME_SIZES (ASM__KEY_ROOM - 3) /* a name has fewer bytes than that */

/* Whether rows are looked up by the size of their names; the traditional preprocessor of MSVC cannot make the table.
 */
#if ASM__SMALL || (defined(_MSVC_TRADITIONAL) && _MSVC_TRADITIONAL)
#define ASM__FIND_BY_SIZE 0
#else
#define ASM__FIND_BY_SIZE 1
#endif

/* A list of rows, all about one struct. Bit n of a mask is row n. */
typedef struct asm__fields {
    const asm__field *list;
    uint32_t count;
    uint32_t raw;                      /* raw JSON, which is checked before it is written */
    uint32_t pairs;                    /* text, or else the raw JSON of the next row */
    uint32_t (*set)(const void *base); /* the members of the struct that hold something */
#if ASM__FIND_BY_SIZE
    uint32_t by_size[ASM__NAME_SIZES]; /* the rows whose names have so many bytes */
#endif
} asm__fields;

/* A condition that seldom holds: most members of an event are not set. */
#if defined(__GNUC__)
#define ASM__SELDOM(condition) __builtin_expect(condition, 0)
#else
#define ASM__SELDOM(condition) (condition)
#endif

#define ASM__IS_RAW(kind) ((kind) >= ASM__JSON && (kind) <= ASM__JSON_ARRAY)

#define ASM__FIELD(P, name, member, kind)                                                                    \
    {(uint16_t)offsetof(asm__##P##_struct, member), (uint8_t)ASM__##kind,                                    \
     (uint8_t)(sizeof("\"" #name "\":") - 1), "\"" #name "\":", (uint8_t)ASM__ROW_##P##_##member},
#define ASM__ROW_NUMBER(P, name, member, kind) ASM__ROW_##P##_##member,
#define ASM__ROW_BIT(P, member, condition)     | (uint32_t)(condition) << ASM__ROW_##P##_##member
#define ASM__SET_BIT(P, name, member, kind)                                                                  \
    if (ASM__SELDOM(ASM__HOLDS_##kind(from->member))) set |= UINT32_C(1) << ASM__ROW_##P##_##member;
#define ASM__RAW_BIT(P, name, member, kind)        ASM__ROW_BIT(P, member, ASM__IS_RAW(ASM__##kind))
#define ASM__PAIR_BIT(P, name, member, kind)       ASM__ROW_BIT(P, member, ASM__##kind == ASM__TEXT_OR_JSON)
#define ASM__KEY_FITS(P, name, member, kind)       &&sizeof("\"" #name "\":") <= ASM__KEY_ROOM && sizeof(#name) > 2
/* P is two arguments here, the list and a size. */
#define ASM__SIZE_BIT(P, size, name, member, kind) ASM__ROW_BIT(P, member, sizeof(#name) - 1 == (size))
#define ASM__AND(P, size)                          P, size
#define ASM__OF_SIZE(P, size)                      0 ASM__ROWS_##P(ASM__SIZE_BIT, ASM__AND(P, size))
#if !ASM__FIND_BY_SIZE
#define ASM__BY_SIZE(P)
#define ASM__NO_SIZES
#else
ASM__ASSERT(every_size_has_a_mask, ASM__NAME_SIZES == 24);
#define ASM__NO_SIZES                                                                                        \
    , {                                                                                                      \
        0                                                                                                    \
    }
#define ASM__BY_SIZE(P)                                                                                      \
    , {                                                                                                      \
        0, 0, ASM__OF_SIZE(P, 2), ASM__OF_SIZE(P, 3), ASM__OF_SIZE(P, 4), ASM__OF_SIZE(P, 5),                \
            ASM__OF_SIZE(P, 6), ASM__OF_SIZE(P, 7), ASM__OF_SIZE(P, 8), ASM__OF_SIZE(P, 9),                  \
            ASM__OF_SIZE(P, 10), ASM__OF_SIZE(P, 11), ASM__OF_SIZE(P, 12), ASM__OF_SIZE(P, 13),              \
            ASM__OF_SIZE(P, 14), ASM__OF_SIZE(P, 15), ASM__OF_SIZE(P, 16), ASM__OF_SIZE(P, 17),              \
            ASM__OF_SIZE(P, 18), ASM__OF_SIZE(P, 19), ASM__OF_SIZE(P, 20), ASM__OF_SIZE(P, 21),              \
            ASM__OF_SIZE(P, 22), ASM__OF_SIZE(P, 23),                                                        \
    }
#endif

#define ASM__STRUCT(P) typedef asm_##P##_payload asm__##P##_struct;
#define ASM__LIST(P)                                                                                         \
    enum { ASM__ROWS_##P(ASM__ROW_NUMBER, P) ASM__COUNT_##P };                                               \
    ASM__ASSERT(P##_has_few_rows, ASM__COUNT_##P <= 32);                                                     \
    ASM__ASSERT(P##_has_names_that_fit, 1 ASM__ROWS_##P(ASM__KEY_FITS, P));                                  \
    ASM__ASSERT(P##_has_near_places, sizeof(asm__##P##_struct) <= UINT16_MAX);                               \
    static const asm__field asm__##P##_fields[] = {ASM__ROWS_##P(ASM__FIELD, P)};                            \
    static uint32_t asm__##P##_set(const void *base) {                                                       \
        const asm__##P##_struct *from = (const asm__##P##_struct *)base;                                     \
        uint32_t set = 0;                                                                                    \
        ASM__ROWS_##P(ASM__SET_BIT, P) return set;                                                           \
    }                                                                                                        \
    static const asm__fields asm__##P##_rows = {                                                             \
        asm__##P##_fields, ASM__COUNT_##P, 0 ASM__ROWS_##P(ASM__RAW_BIT, P),                                 \
        0 ASM__ROWS_##P(ASM__PAIR_BIT, P), asm__##P##_set ASM__BY_SIZE(P)};

typedef asm_event asm__envelope_struct;
ASM__PAYLOADS(ASM__STRUCT)
ASM__LIST(envelope)
ASM__PAYLOADS(ASM__LIST)

static uint32_t asm__none_set(const void *base) {
    (void)base;
    return 0;
}

static const asm__fields asm__none_rows = {NULL, 0, 0, 0, asm__none_set ASM__NO_SIZES};

/* The payload's place is the same for all of them. */
#define ASM__PAYLOAD_OFFSET offsetof(asm_event, message)

#define ASM__TYPE_ROOM 28

static const struct {
    const asm__fields *fields;
    const char *code;
    uint8_t name_size;
    char name[ASM__TYPE_ROOM]; /* with its quotes */
} asm__types[ASM_EVENT_TYPE_COUNT] = {{&asm__notice_rows, NULL, 6, "\"custom\""},
#define ASM__X(name, text, code, member) {&asm__##member##_rows, code, sizeof(text) - 1, "\"" text "\""},
                                      ASM_EVENT_TYPES(ASM__X)
#undef ASM__X
};
#define ASM__X(name, text, code, member)                                                                     \
    ASM__ASSERT(name##_is_short, sizeof("\"" text "\"") - 1 <= ASM__TYPE_ROOM);
ASM_EVENT_TYPES(ASM__X)
#undef ASM__X

static bool asm__is_type(asm_event_type type) {
    return (unsigned)type < ASM_EVENT_TYPE_COUNT;
}

static const asm__fields *asm__payload_of(const asm_event *event) {
    return asm__is_type(event->type) ? asm__types[event->type].fields : &asm__none_rows;
}

ASM_API asm_str asm_event_type_name(asm_event_type type) {
    if (!asm__is_type(type)) return asm_str_make("", 0);
    return asm_str_make(asm__types[type].name + 1, asm__types[type].name_size);
}

/* Whether `size` bytes (2 to 32) are the same: a few wide compares, which may overlap. */
static inline bool asm__same_bytes(const char *a, const char *b, size_t size) {
    uint32_t c, d;
    uint16_t e, f;
    if (size >= 8)
        return asm__load64(a) == asm__load64(b) &&
               asm__load64(a + (size - 8)) == asm__load64(b + (size - 8)) &&
               (size <= 16 || (asm__load64(a + 8) == asm__load64(b + 8) &&
                               (size <= 24 || asm__load64(a + 16) == asm__load64(b + 16))));
    if (size >= 4) {
        memcpy(&c, a, 4);
        memcpy(&d, b, 4);
        if (c != d) return false;
        memcpy(&c, a + size - 4, 4);
        memcpy(&d, b + size - 4, 4);
        return c == d;
    }
    memcpy(&e, a, 2);
    memcpy(&f, b, 2);
    return e == f && a[size - 1] == b[size - 1];
}
ASM__ASSERT(keys_can_be_compared, ASM__KEY_ROOM <= 32 && ASM__TYPE_ROOM <= 32);

static bool asm__is_type_name(asm_str name, asm_event_type type) {
    return name.size == asm__types[type].name_size &&
           asm__same_bytes(name.data, asm__types[type].name + 1, name.size);
}

ASM_API asm_event_type asm_event_type_from_name(asm_str name) {
    static const uint8_t frequent[] = {ASM_EVENT_MESSAGE_STREAMED, ASM_EVENT_TOOL_CALL_STARTED,
                                       ASM_EVENT_TOOL_CALL_COMPLETED, ASM_EVENT_TOKEN_USAGE_UPDATED};
    size_t i;
    for (i = 0; i < sizeof frequent; i++)
        if (asm__is_type_name(name, (asm_event_type)frequent[i])) return (asm_event_type)frequent[i];
    for (i = 1; i < ASM_EVENT_TYPE_COUNT; i++)
        if (asm__is_type_name(name, (asm_event_type)i)) return (asm_event_type)i;
    return ASM_EVENT_CUSTOM;
}

ASM_API asm_str asm_event_name(const asm_event *event) {
    if (!event) return asm_str_make("", 0);
    if (event->type == ASM_EVENT_CUSTOM && event->type_name.data) return event->type_name;
    return asm_event_type_name(event->type);
}

ASM_API asm_str asm_event_text(const asm_event *event) {
    if (!event || !asm__is_type(event->type) || asm__types[event->type].fields != &asm__message_rows)
        return asm_str_make("", 0);
    if (event->message.delta.data) return event->message.delta;
    return event->message.content.data ? event->message.content : asm_str_make("", 0);
}

ASM_API asm_str asm_event_parent(const asm_event *event) {
    switch (event ? event->type : ASM_EVENT_CUSTOM) {
    case ASM_EVENT_MESSAGE_SENT:
    case ASM_EVENT_MESSAGE_RECEIVED:
    case ASM_EVENT_MESSAGE_STREAMED:
    case ASM_EVENT_MESSAGE_RETRACTED:
        return event->message.parent_tool_call_id;
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_STARTED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return event->tool.parent_tool_call_id;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
    case ASM_EVENT_TURN_COMPLETED:
        return event->usage.parent_tool_call_id;
    default:
        return asm_str_make(NULL, 0);
    }
}

/* The row of that name; fields->count if there is none. */
static inline uint32_t asm__find_row(const asm__fields *fields, asm_str name) {
#if !ASM__FIND_BY_SIZE
    uint32_t row = 0;
    while (row < fields->count && (name.size + 3 != fields->list[row].key_size ||
                                   memcmp(name.data, fields->list[row].key + 1, name.size) != 0))
        row++;
    return row;
#else
    uint32_t left = name.size < ASM__NAME_SIZES ? fields->by_size[name.size] : 0;
    for (; left; left &= left - 1) {
        uint32_t row = (uint32_t)asm__lowest_bit(left);
        if (asm__same_bytes(name.data, fields->list[row].key + 1, name.size)) return row;
    }
    return fields->count;
#endif
}

/* Goes to the next member, whatever it is. Returns false at the end; else `*row` is the member's row, or
 * fields->count if there is none, and `*key` where its key begins. */
static bool asm__next_row(asm_json_reader *reader, const asm__fields *fields, uint32_t *row,
                          const char **key) {
    char bytes[ASM__KEY_SIZE];
    asm_str name;
    bool escaped;
    if (!asm__next_key(reader, &name, &escaped)) return false;
    *key = name.data - 1;
    *row = asm__find_row(fields, asm__name_text(name, escaped, bytes));
    return true;
}

/* >>events: to json */

static const asm_str *asm__str_at(const char *base, const asm__field *field) {
    return (const asm_str *)(const void *)(base + field->offset);
}

/* Whether raw JSON of that type may stand in a field. */
static bool asm__takes_raw(const asm__field *field, asm_json_type type) {
    if (field->kind == ASM__JSON_OBJECT) return type == ASM_JSON_OBJECT;
    return field->kind == ASM__JSON || type == ASM_JSON_ARRAY;
}

/* One of the two objects that an event becomes, and what of it is written. Bit n of a mask: row n. */
typedef struct asm__part {
    const asm__fields *fields;
    const char *base;       /* the struct with the fields */
    asm_str rest;           /* extra or extension: members that have no field */
    uint32_t written;       /* fields that are written */
    uint32_t non_canonical; /* of those: raw JSON that is normalised when it is written */
    uint32_t outdated;      /* fields that are written in place of a member of the rest */
    uint32_t kept;          /* fields in place of which a member of the rest is written */
    bool is_rest_non_canonical;
} asm__part;

/* Where an event goes, as far as it has a limit: `ASM__MEMBER_ROOM` bytes fit at each place before it. */
typedef struct asm__space {
    asm_buffer *out;
    const char *limit;
} asm__space;

#define ASM__MEMBER_ROOM 96

/* The functions below write at `p`, which runs ahead of the buffer's size, and return the place after what they wrote. */

static void asm__sync(asm_buffer *out, const char *p) {
    out->size = (size_t)(p - out->data);
}

ASM__INLINE asm__space asm__space_of(asm_buffer *out) {
    asm__space to;
    to.out = out;
    to.limit = out->data;
    if (out->result == ASM_OK && out->capacity > ASM__MEMBER_ROOM)
        to.limit = out->data + (out->capacity - ASM__MEMBER_ROOM);
    return to;
}

/* Where to go on after something was appended, which may have moved or flushed the buffer. */
ASM__INLINE char *asm__resume(asm__space *to) {
    *to = asm__space_of(to->out);
    return asm__buffer_end(to->out);
}

static void asm__append_at(asm_buffer *out, const char *p, const char *bytes, size_t size) {
    asm__sync(out, p);
    asm_buffer_append(out, asm_str_make(bytes, size));
}

ASM__INLINE char *asm__put_byte(asm__space *to, char *p, char byte) {
    if (p < to->limit) {
        *p = byte;
        return p + 1;
    }
    asm__append_at(to->out, p, &byte, 1);
    return asm__resume(to);
}

/* The key of a member, after the brace or the comma that separates it from what stands before. A fixed length
 * is written, 1 + ASM__KEY_ROOM bytes: the compiler does that in a few instructions. */
static inline char *asm__format_key(char *p, const asm__field *field, char separator) {
    *p = separator;
    memcpy(p + 1, field->key, ASM__KEY_ROOM);
    return p + 1 + field->key_size;
}

static void asm__append_key(asm_buffer *out, const char *p, const asm__field *field, char separator) {
    char key[1 + ASM__KEY_ROOM];
    asm__append_at(out, p, key, (size_t)(asm__format_key(key, field, separator) - key));
}

/* Bytes of a text that a growing buffer gets room for, whatever must be escaped in it. */
#define ASM__MEDIUM 4096

/* A text that is long, or not plain, or has little room. */
static char *asm__append_text(asm__space *to, char *p, const asm__field *field, asm_str text,
                              char separator) {
    if (asm__has_room(to->out, p, text.size))
        return asm__put_string(asm__format_key(p, field, separator), text);
    asm__append_key(to->out, p, field, separator);
    if (!ASM__SMALL && to->out->growing && text.size <= ASM__MEDIUM)
        asm_buffer_reserve(to->out, 8 * (text.size + 17)); /* so that the next event like it has room */
    asm__append_string(to->out, text);
    return asm__resume(to);
}

ASM__INLINE char *asm__put_text(asm__space *to, char *p, const asm__field *field, asm_str text,
                                char separator) {
    if (text.size - 1 < ASM__SHORT && p < to->limit &&
        asm__put_short(asm__format_key(p, field, separator), text))
        return p + (field->key_size + text.size + 3);
    return asm__append_text(to, p, field, text, separator);
}

/* A number or a bool, at most ASM__MEMBER_ROOM bytes with its key. */
static char *asm__format_number(char *p, const asm__field *field, const void *place) {
    if (field->kind == ASM__INT64)
        return p + asm__format_int64(((const asm_optional_int64 *)place)->value, p);
    if (field->kind == ASM__SEQUENCE) return p + asm__format_int64(*(const int64_t *)place, p);
    if (field->kind == ASM__DOUBLE)
        return p + asm__format_double(((const asm_optional_double *)place)->value, p);
    return p + asm__format_bool(((const asm_optional_bool *)place)->value, p);
}

static char *asm__put_number(asm__space *to, char *p, const asm__field *field, const void *place,
                             char separator) {
    char few[ASM__MEMBER_ROOM];
    if (p < to->limit) return asm__format_number(asm__format_key(p, field, separator), field, place);
    asm__append_at(to->out, p, few,
                   (size_t)(asm__format_number(asm__format_key(few, field, separator), field, place) - few));
    return asm__resume(to);
}

/* The fields of `rows`. `*separator` stands before the first, a comma before the others. */
ASM__INLINE char *asm__put_fields(asm__space *to, char *p, const asm__part *part, uint32_t rows,
                                  char *separator) {
    for (; rows; rows &= rows - 1) {
        const asm__field *field = &part->fields->list[asm__lowest_bit(rows)];
        if (field->kind <= ASM__TEXT_OR_JSON) {
            p = asm__put_text(to, p, field, *asm__str_at(part->base, field), *separator);
        } else if (ASM__IS_RAW(field->kind)) {
            asm__append_key(to->out, p, field, *separator);
            asm__append_raw(to->out, *asm__str_at(part->base, field),
                            part->non_canonical & rows & (~rows + 1));
            p = asm__resume(to);
        } else {
            p = asm__put_number(to, p, field, part->base + field->offset, *separator);
        }
        *separator = ',';
    }
    return p;
}

/* The members of a raw JSON object, without its braces. Returns what stands before the next member. */
static char asm__append_members(asm_buffer *out, const char *p, asm_str object, bool non_canonical,
                                char separator) {
    const char *begin = object.data, *end = begin + object.size;
    while (*begin != '{')
        begin++;
    for (begin++; asm__is_space(*begin);)
        begin++;
    while (end[-1] != '}')
        end--;
    asm__sync(out, p);
    if (begin == --end) return separator;
    asm_buffer_append_byte(out, separator);
    asm__append_raw(out, asm_str_make(begin, (size_t)(end - begin)), non_canonical);
    return ',';
}

/* The members of the rest, but for those that are outdated. Returns what stands before the next member. */
static char asm__append_rest(asm_buffer *out, const char *p, const asm__part *part, char separator) {
    asm_json_reader reader;
    const char *key;
    uint32_t row;
    if (!part->outdated)
        return asm__append_members(out, p, part->rest, part->is_rest_non_canonical, separator);
    asm__sync(out, p);
    asm_json_reader_init(&reader, part->rest, NULL);
    asm_json_enter_object(&reader);
    while (asm__next_row(&reader, part->fields, &row, &key) && asm_json_read_raw(&reader, NULL)) {
        if (row < part->fields->count && part->outdated >> row & 1) continue;
        asm_buffer_append_byte(out, separator);
        asm__append_raw(out, asm_str_make(key, (size_t)(reader.at - key)), part->is_rest_non_canonical);
        separator = ',';
    }
    return separator;
}

static inline char *asm__put_data(asm__space *to, char *p, const asm__part *data) {
    char separator = '{';
    p = asm__put_fields(to, p, data, data->written, &separator);
    if (data->rest.data) {
        separator = asm__append_rest(to->out, p, data, separator);
        p = asm__resume(to);
    }
    if (separator == '{') p = asm__put_byte(to, p, '{');
    return asm__put_byte(to, p, '}');
}

/* A row of the envelope, as a bit. */
#define ASM__ENVELOPE_BIT(member) (UINT32_C(1) << ASM__ROW_envelope_##member)

/* Writes what an event begins with, up to its data, at most ASM__MEMBER_ROOM bytes; up to the type if that is
 * custom, as only then something must be escaped. */
ASM__INLINE char *asm__format_head(char *p, const asm_event *event, bool has_time) {
    const asm_event_type type = event->type;
    *p = '{'; /* NOLINT(clang-analyzer-core.NullDereference): there is room at p */
    memcpy(p + 1, "\"ts\":\"", 7);
    if (has_time) {
        p += 7 + asm__format_time(event->time, event->time_precision, p + 7);
        memcpy(p++, "\",", 2);
    }
    memcpy(++p, "\"type\":", 8);
    p += 7;
    if (type == ASM_EVENT_CUSTOM) return p;
    memcpy(p, asm__types[type].name, ASM__TYPE_ROOM);
    p += asm__types[type].name_size + 2;
    memcpy(p, ",\"data\":", 8);
    return p + 8;
}

ASM__INLINE char *asm__put_head(asm__space *to, char *p, const asm_event *event, bool has_time) {
    char few[ASM__MEMBER_ROOM];
    bool room = p < to->limit;
    char *begin = room ? p : few;
    size_t size = (size_t)(asm__format_head(begin, event, has_time) - begin);
    if (room) return p + size;
    asm__append_at(to->out, p, few, size);
    return asm__resume(to);
}

/* What the code below writes of the envelope in a way of its own; what else there is, in the order of its rows. */
#define ASM__HEAD_ROWS (ASM__ENVELOPE_BIT(time) | ASM__ENVELOPE_BIT(type_name) | ASM__ENVELOPE_BIT(extra))
#define ASM__ID_ROWS   (ASM__ENVELOPE_BIT(session_id) | ASM__ENVELOPE_BIT(run_id) | ASM__ENVELOPE_BIT(provider))
ASM__ASSERT(head_is_first, ASM__HEAD_ROWS == 7 && ASM__ID_ROWS == 7 << 3);

/* What stands before the data. */
static inline char *asm__put_beginning(asm__space *to, char *p, const asm_event *event,
                                       const asm__part *envelope) {
    p = asm__put_head(to, p, event, event->time && !(envelope->kept & ASM__ENVELOPE_BIT(time)));
    if (event->type != ASM_EVENT_CUSTOM) return p;
    asm__sync(to->out, p);
    asm__append_string(to->out, asm_event_name(event));
    asm__append_key(to->out, asm__buffer_end(to->out), &asm__envelope_fields[ASM__ROW_envelope_extra], ',');
    return asm__resume(to);
}

/* What stands after it. */
static inline char *asm__put_ending(asm__space *to, char *p, const asm__part *envelope) {
    char separator = ',';
    p = asm__put_fields(to, p, envelope, envelope->written & ~(uint32_t)ASM__HEAD_ROWS, &separator);
    if (envelope->rest.data) {
        asm__append_rest(to->out, p, envelope, ',');
        p = asm__resume(to);
    }
    return asm__put_byte(to, p, '}');
}

/* Checks the fields of raw JSON in `rows`. */
static asm_result asm__check_raw_fields(asm__part *part, uint32_t rows, unsigned depth) {
    for (; rows; rows &= rows - 1) {
        const asm__field *field = &part->fields->list[asm__lowest_bit(rows)];
        asm_str json = *asm__str_at(part->base, field);
        bool is_non_canonical;
        asm_result result = asm__check_raw(json, depth + 1, &is_non_canonical);
        if (result == ASM_OK && !asm__takes_raw(field, asm_json_type_of(json))) result = ASM_ERR_TYPE;
        if (result != ASM_OK) return result;
        if (is_non_canonical) part->non_canonical |= rows & (~rows + 1);
    }
    return ASM_OK;
}

/* Whether a field holds what a valid member of the rest is read as. */
static bool asm__is_read_as(asm_str json, const asm__field *field, const char *base) {
    const void *place = base + field->offset;
    double number;
    asm_time time;
    if (field->kind == ASM__DOUBLE)
        return (*json.data == '-' || asm__is_digit(*json.data)) &&
               asm__parse_double(json.data, asm__end(json), &number, NULL) &&
               number == ((const asm_optional_double *)place)->value;
    return *json.data == '"' &&
           asm_time_parse(asm_str_make(json.data + 1, json.size - 2), &time, NULL) == ASM_OK &&
           time == *(const asm_time *)place;
}

/* A member of the rest, whose field is set, stands next. That may only be for a number or a time of which the field
 * cannot tell all: then the member is written as long as its field was not changed. */
static bool asm__check_double_member(asm_json_reader *reader, asm__part *part, uint32_t row) {
    const asm__field *field = &part->fields->list[row];
    const uint32_t bit = UINT32_C(1) << row;
    asm_str json;
    if (field->kind != ASM__DOUBLE && field->kind != ASM__TIME) return false;
    if (!asm_json_read_raw(reader, &json)) return true;
    if (asm__is_read_as(json, field, part->base)) {
        part->kept |= bit;
        part->outdated &= ~bit;
    } else {
        part->kept &= ~bit;
        part->outdated |= bit;
    }
    return true;
}

/* Checks the members that have no field: one that a field gives already must not stand there again. */
static asm_result asm__check_rest(asm__part *part, uint32_t set, unsigned depth) {
    asm_json_reader reader;
    const char *key;
    uint32_t row;
    if (asm_json_type_of(part->rest) != ASM_JSON_OBJECT) {
        asm_result result = asm_json_check(part->rest, NULL);
        return result == ASM_OK ? ASM_ERR_TYPE : result;
    }
    set |= set >> 1 & part->fields->pairs;
    asm_json_reader_init(&reader, part->rest, NULL);
    reader.depth = depth;
    asm_json_enter_object(&reader);
    while (asm__next_row(&reader, part->fields, &row, &key))
        if (row < part->fields->count && set >> row & 1 && !asm__check_double_member(&reader, part, row))
            return ASM_ERR_INVALID_ARGUMENT;
    reader.depth = 0;
    asm_json_reader_finish(&reader);
    part->is_rest_non_canonical = reader.non_canonical;
    part->written &= ~part->kept;
    return reader.error.result;
}

/* Checks a part that is to stand `depth` levels deep, and finds out what of it is written. */
ASM__INLINE asm_result asm__check_part(asm__part *part, const asm__fields *fields, const void *base,
                                       asm_str rest, uint32_t set, unsigned depth) {
    asm_result result = ASM_OK;
    part->fields = fields;
    part->base = (const char *)base;
    part->rest = rest;
    part->written = set & ~((set & fields->pairs) << 1);
    part->non_canonical = part->outdated = part->kept = 0;
    part->is_rest_non_canonical = false;
    if (set & fields->raw) result = asm__check_raw_fields(part, set & fields->raw, depth);
    if (rest.data && result == ASM_OK) result = asm__check_rest(part, set, depth);
    return result;
}

static asm_result asm__check_data(asm__part *data, const asm_event *event) {
    const char *base = (const char *)event + ASM__PAYLOAD_OFFSET;
    const asm__fields *fields;
    if (!asm__is_type(event->type)) return ASM_ERR_INVALID_ARGUMENT;
    fields = asm__types[event->type].fields;
    return asm__check_part(data, fields, base, event->extra, fields->set(base), 1);
}

/* The members of the envelope that stand after the data. */
static inline uint32_t asm__tail_set(const asm_event *from) {
    uint32_t set = 0;
#define ASM__X(P, name, member, kind)                                                                        \
    if (!(ASM__HEAD_ROWS & ASM__ENVELOPE_BIT(member))) {                                                     \
        ASM__SET_BIT(P, name, member, kind)                                                                  \
    }
    ASM__ROWS_envelope(ASM__X, envelope)
#undef ASM__X
        return set;
}

static asm_result asm__check_envelope(asm__part *envelope, const asm_event *event) {
    const uint32_t set = event->extension.data ? asm__envelope_set(event) : asm__tail_set(event);
    if (event->time && !asm__time_is_valid(event->time, event->time_precision)) return ASM_ERR_RANGE;
    return asm__check_part(envelope, &asm__envelope_rows, event, event->extension, set, 0);
}

/* A short text of the envelope, which ends at *p; marks what of it is not plain. */
ASM__INLINE asm__lanes asm__put_marked(char **p, const asm__field *field, asm_str text) {
    char *out = *p + field->key_size + 1;
    **p = ',';
    memcpy(*p + 1, field->key, field->key_size <= 16 ? 16 : ASM__KEY_ROOM);
    *out = '"';
    out[text.size + 1] = '"';
    *p = out + text.size + 2;
    return asm__copy_marked(out + 1, text.data, text.size);
}

/* The ids, if all are there, short and plain, as most are; else NULL. */
ASM__INLINE char *asm__put_usual_ids(char *p, const asm_event *event, uint32_t set) {
    const asm_str session_id = event->session_id, run_id = event->run_id, provider = event->provider;
    asm__lanes marks;
    if ((set & ASM__ID_ROWS) != ASM__ID_ROWS || session_id.size - 1 >= ASM__SHORT ||
        run_id.size - 1 >= ASM__SHORT || provider.size - 1 >= ASM__SHORT)
        return NULL;
    marks = asm__put_marked(&p, &asm__envelope_fields[ASM__ROW_envelope_session_id], session_id);
    marks = asm__lanes_either(marks,
                              asm__put_marked(&p, &asm__envelope_fields[ASM__ROW_envelope_run_id], run_id));
    marks = asm__lanes_either(
        marks, asm__put_marked(&p, &asm__envelope_fields[ASM__ROW_envelope_provider], provider));
    return asm__lanes_any(marks) ? NULL : p;
}

/* For what stands before the data; for a member whose text is short, whatever must be escaped in it; for the ids. */
#define ASM__USUAL_ROOM (1 + ASM__KEY_ROOM + 8 * (ASM__SHORT + 17))

/* Raw JSON that is written as it is, `depth` levels deep, and fits before `limit`; else NULL. */
static char *asm__put_usual_raw(char *p, const char *limit, const asm__field *field, asm_str json,
                                unsigned depth) {
    bool is_non_canonical;
    if (p > limit || (size_t)(limit - p) < json.size ||
        asm__check_raw(json, depth, &is_non_canonical) != ASM_OK || is_non_canonical ||
        !asm__takes_raw(field, asm_json_type_of(json)))
        return NULL;
    memcpy(p, json.data, json.size);
    return p + json.size;
}

/* Fields of an object that stands `depth` levels deep. NULL where room is missing or raw JSON is not as it is written. */
ASM__INLINE char *asm__put_usual_fields(const asm_buffer *out, char *p, const asm__field *list,
                                        const char *base, uint32_t rows, char separator, unsigned depth) {
    const char *limit = out->data + (out->capacity - ASM__USUAL_ROOM);
    for (; rows; rows &= rows - 1, separator = ',') {
        const asm__field *field = &list[asm__lowest_bit(rows)];
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): what has rows has a list */
        const uint8_t kind = field->kind;
        const asm_str *text = asm__str_at(base, field);
        if (p >= limit) return NULL;
        p = asm__format_key(p, field, separator);
        if (kind <= ASM__TEXT_OR_JSON) {
            if (text->size - 1 < ASM__SHORT) p = asm__put_short_string(p, *text);
            else if (asm__has_room(out, p, text->size)) p = asm__put_string(p, *text);
            else return NULL;
        } else if (!ASM__IS_RAW(kind)) {
            p = asm__format_number(p, field, base + field->offset);
        } else {
            p = asm__put_usual_raw(p, limit, field, *text, depth);
            if (!p) return NULL;
        }
    }
    return p < limit ? p : NULL;
}

/* What stands after the data. */
ASM__INLINE char *asm__put_usual_tail(const asm_buffer *out, char *p, const asm_event *event) {
    uint32_t set = asm__tail_set(event);
    char *after_ids = asm__put_usual_ids(p, event, set);
    if (after_ids) {
        p = after_ids;
        set &= ~(uint32_t)ASM__ID_ROWS;
    }
    if (set) p = asm__put_usual_fields(out, p, asm__envelope_fields, (const char *)event, set, ',', 1);
    if (!p) return NULL;
    *p = '}';
    return p + 1;
}

/* Writes an event (or its data) that is as most are in one go: it has a time, data, and no member without a field or in two.
 * Returns where it ends; NULL if it is not so or room is missing. Only what stands after the buffer's text was written. */
ASM__INLINE char *asm__put_usual(asm_buffer *out, const asm_event *event, bool is_whole) {
    const char *base = (const char *)event + ASM__PAYLOAD_OFFSET;
    const asm__fields *fields = asm__payload_of(event);
    const uint32_t set = fields->set(base);
    char *p;
    if (!set || set >> 1 & set & fields->pairs || event->extra.data) return NULL;
    if (is_whole && (event->extension.data || event->type == ASM_EVENT_CUSTOM || !event->time ||
                     !asm__time_is_valid(event->time, event->time_precision)))
        return NULL;
    if (out->result != ASM_OK || out->capacity - out->size < ASM__USUAL_ROOM) return NULL;
    p = asm__buffer_end(out);
    if (is_whole) p = asm__format_head(p, event, true);
    p = asm__put_usual_fields(out, p, fields->list, base, set, '{', 2);
    if (!p) return NULL;
    *p++ = '}';
    return is_whole ? asm__put_usual_tail(out, p, event) : p;
}

/* An event was written in pieces from `begin` on: a growing buffer gets room for the next one like it, so that it is usual. */
static asm_result asm__event_written(asm_buffer *out, size_t begin) {
    if (!ASM__SMALL && out->growing) asm_buffer_reserve(out, ASM__USUAL_ROOM);
    return asm__buffer_undo(out, begin);
}

ASM_API asm_result asm_event_write_data(const asm_event *event, asm_buffer *out) {
    asm__part data;
    asm__space to;
    asm_result result;
    size_t begin;
    char *p;
    if (!event || !out) return ASM_ERR_INVALID_ARGUMENT;
    p = ASM__SMALL ? NULL : asm__put_usual(out, event, false);
    begin = out->size;
    if (!p) {
        result = asm__check_data(&data, event);
        if (result != ASM_OK) return result;
        to = asm__space_of(out);
        p = asm__put_data(&to, asm__buffer_end(out), &data);
    }
    asm__sync(out, p);
    return asm__event_written(out, begin);
}

static asm_result asm__write_event(const asm_event *event, asm_buffer *out) {
    asm__part data, envelope;
    asm__space to;
    const size_t begin = out->size;
    asm_result result = asm__check_data(&data, event);
    char *p;
    if (result == ASM_OK) result = asm__check_envelope(&envelope, event);
    if (result != ASM_OK) return result;
    to = asm__space_of(out);
    p = asm__put_beginning(&to, asm__buffer_end(out), event, &envelope);
    p = asm__put_data(&to, p, &data);
    asm__sync(out, asm__put_ending(&to, p, &envelope));
    return asm__event_written(out, begin);
}

ASM_API asm_result asm_event_write_json(const asm_event *event, asm_buffer *out) {
    char *end;
    if (!event || !out) return ASM_ERR_INVALID_ARGUMENT;
    end = ASM__SMALL ? NULL : asm__put_usual(out, event, true);
    if (!end) return asm__write_event(event, out);
    asm__sync(out, end);
    return ASM_OK;
}

/* >>events: to compact json */

#define ASM__ERROR_CUT 120 /* code points of an error's text */

/* "claude-sonnet-4-5" as "sonnet-4-5". */
static asm_str asm__model_without_vendor(asm_str model) {
    static const char *const prefixes[] = {"claude-", "anthropic."};
    size_t i;
    for (i = 0; i < 2; i++) {
        size_t size = strlen(prefixes[i]);
        if (model.size >= size && memcmp(model.data, prefixes[i], size) == 0)
            model = asm_str_make(model.data + size, model.size - size);
    }
    return model;
}

static char asm__lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Writes the short form of a stop reason, lower case, cut to `size` bytes at `out`. */
static asm_str asm__short_reason(asm_str reason, char *out, size_t size) {
    size_t i;
    if (reason.size > size) reason = asm_utf8_prefix(reason, size / 4);
    for (i = 0; i < reason.size; i++)
        out[i] = asm__lower(reason.data[i]);
    reason = asm_str_make(out, i);
    if (asm_str_equal(reason, asm_str_from("tool_use"))) return asm_str_from("tool");
    if (asm_str_equal(reason, asm_str_from("end_turn"))) return asm_str_from("end");
    return reason;
}

static void asm__compact_text(asm_json_writer *writer, const char *key, asm_str value) {
    if (!value.data) return;
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, value);
}

/* An error's text, cut. */
static void asm__compact_error(asm_json_writer *writer, asm_str text) {
    char cut[4 * ASM__ERROR_CUT + 3];
    asm_str shown = text.data ? asm_utf8_prefix(text, ASM__ERROR_CUT) : text;
    if (shown.size < text.size) {
        memcpy(cut, shown.data, shown.size);
        memcpy(cut + shown.size, "...", 3);
        shown = asm_str_make(cut, shown.size + 3);
    }
    asm__compact_text(writer, "x", shown);
}

static void asm__compact_int64(asm_json_writer *writer, const char *key, int64_t value) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_int64(writer, value);
}

static asm_result asm__count_bytes(void *user, const char *data, size_t size) {
    (void)data;
    *(size_t *)user += size;
    return ASM_OK;
}

/* The length of a tool's output, as text or as compact JSON; -1 if there is none. */
static int64_t asm__output_size(const asm_tool_payload *tool) {
    char few[ASM_BUFFER_STREAM_MIN];
    asm_buffer counter;
    size_t size = 0;
    bool non_canonical;
    if (tool->output.data) return (int64_t)tool->output.size;
    if (!tool->output_json.data || asm_json_type_of(tool->output_json) == ASM_JSON_NULL) return -1;
    if (asm__check_raw(tool->output_json, 0, &non_canonical) != ASM_OK || !non_canonical)
        return (int64_t)tool->output_json.size;
    asm_buffer_init_stream(&counter, few, sizeof few, asm__count_bytes, &size);
    asm__append_canonical(&counter, tool->output_json);
    asm_buffer_flush(&counter);
    return (int64_t)size;
}

static void asm__compact_members(asm_json_writer *writer, const asm_event *event) {
    char reason[64];
    switch (event->type) {
    case ASM_EVENT_RUN_STARTED:
        asm__compact_text(writer, "m", asm__model_without_vendor(event->run.model));
        break;
    case ASM_EVENT_MESSAGE_STREAMED:
        asm__compact_int64(writer, "l", (int64_t)asm_event_text(event).size);
        break;
    case ASM_EVENT_TOOL_CALL_STARTED:
        asm__compact_text(writer, "n", event->tool.name);
        break;
    case ASM_EVENT_TOOL_CALL_COMPLETED:
        asm__compact_text(writer, "n", event->tool.name);
        if (asm__output_size(&event->tool) >= 0)
            asm__compact_int64(writer, "l", asm__output_size(&event->tool));
        break;
    case ASM_EVENT_TOKEN_USAGE_UPDATED:
        if (event->usage.input_tokens.is_set)
            asm__compact_int64(writer, "i", event->usage.input_tokens.value);
        if (event->usage.output_tokens.is_set)
            asm__compact_int64(writer, "o", event->usage.output_tokens.value);
        if (!event->usage.cost_usd.is_set) break;
        asm_json_write_key(writer, asm_str_from("$"));
        asm_json_write_double(writer, event->usage.cost_usd.value);
        break;
    case ASM_EVENT_RUN_COMPLETED:
        if (event->run.stop_reason.data)
            asm__compact_text(writer, "sr", asm__short_reason(event->run.stop_reason, reason, sizeof reason));
        break;
    case ASM_EVENT_RUN_FAILED:
        asm__compact_error(writer, event->run.error_message);
        break;
    case ASM_EVENT_ERROR_OCCURRED:
        asm__compact_error(writer, event->error.message);
        break;
    default:
        break;
    }
}

ASM_API asm_result asm_event_write_compact(const asm_event *event, asm_buffer *out) {
    asm_json_writer writer;
    size_t begin;
    const char *code;
    if (!event || !out || !asm__is_type(event->type)) return ASM_ERR_INVALID_ARGUMENT;
    begin = out->size;
    code = asm__types[event->type].code;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    if (event->time) {
        asm_json_write_key(&writer, asm_str_from("t"));
        asm_json_write_int64(&writer, event->time / 1000 - (event->time % 1000 < 0));
    }
    asm_json_write_key(&writer, asm_str_from("e"));
    asm_json_begin_object(&writer);
    asm__compact_text(&writer, "t", code ? asm_str_from(code) : asm_event_name(event));
    asm__compact_members(&writer, event);
    asm_json_end_object(&writer);
    asm_json_end_object(&writer);
    asm__buffer_undo(out, begin);
    return asm_json_writer_finish(&writer);
}

/* >>events: from json */

#define ASM__RUNS 8

/* The members of a JSON object, as they are read. Bit n of a mask: row n. */
typedef struct asm__members {
    const asm__fields *fields;
    char *base;               /* the struct */
    asm_str text;             /* the object */
    uint32_t seen;            /* there was one */
    uint32_t unfit;           /* of those: does not fit its field */
    uint32_t inexact;         /* of those: is in its field, which cannot tell all of it */
    uint32_t escaped;         /* of those: a string that is still escaped */
    uint32_t seen_before_run; /* `seen` after the last run: the same if that still goes on */
    bool is_repeated;         /* a row was seen twice */
    unsigned run_count;       /* ASM__RUNS + 1: there were more */
    asm_str runs[ASM__RUNS];  /* runs of members that have no field, do not fit or are inexact: the rest */
} asm__members;

typedef struct asm__event_reader {
    asm_json_reader json;
    asm_event *event;
    asm__members envelope, data;
    asm__members *members; /* the one of them that is being read */
    asm__endings endings;
    asm_str late_data; /* data that came before the type */
    bool has_data;
    bool may_foresee;  /* the type of data that comes before it */
    bool has_foreseen; /* and did: */
    asm_event_type foreseen;
} asm__event_reader;

/* What is said of a value that was read. */
enum { ASM__ESCAPED = 1, ASM__INEXACT = 2 };

/* The string that stands next; maybe still escaped. */
static bool asm__read_text(asm_json_reader *reader, asm_str *text, unsigned *how) {
    const char *begin = asm__skip_space(reader, reader->at) + 1;
    bool escaped = false;
    const char *quote = asm__scan_text(reader, begin, text, &escaped);
    if (escaped) *how |= ASM__ESCAPED;
    return asm__value_read(reader, quote ? quote + 1 : NULL);
}

static bool asm__read_number(asm_json_reader *reader, const asm__field *field, void *place, unsigned *how) {
    const char *begin = asm__skip_space(reader, reader->at), *end;
    asm_optional_int64 whole;
    bool integer;
    end = asm__scan_number(reader, begin, &integer);
    if (!end) return false;
    if (field->kind == ASM__DOUBLE) {
        asm_optional_double *number = (asm_optional_double *)place;
        bool is_exact = false;
        number->is_set = asm__parse_double(begin, end, &number->value, &is_exact);
        if (number->is_set && !is_exact) *how |= ASM__INEXACT;
        return number->is_set && asm__value_read(reader, end);
    }
    whole.is_set = integer && asm__parse_int64(begin, end, &whole.value);
    if (!whole.is_set || (whole.value == 0 && *begin == '-') || /* -0 would become 0 */
        (field->kind == ASM__SEQUENCE && whole.value == 0))
        return false;
    if (field->kind == ASM__SEQUENCE) memcpy(place, &whole.value, sizeof whole.value);
    else memcpy(place, &whole, sizeof whole);
    return asm__value_read(reader, end);
}

/* Reads a value into its field. False if it has another type (then it still stands next) or is wrong. */
static bool asm__read_field(asm_json_reader *reader, const asm__field *field, char *base, asm_json_type type,
                            unsigned *how) {
    void *place = base + field->offset;
    switch (field->kind) {
    case ASM__TEXT:
    case ASM__TEXT_OR_JSON:
        return type == ASM_JSON_STRING && asm__read_text(reader, (asm_str *)place, how);
    case ASM__JSON:
    case ASM__JSON_OBJECT:
    case ASM__JSON_ARRAY:
        return asm__takes_raw(field, type) && asm_json_read_raw(reader, (asm_str *)place);
    case ASM__TRUE:
        if (asm__at(reader, asm__skip_space(reader, reader->at)) != 't') return false;
        /* fallthrough */
    case ASM__BOOL:
        return type == ASM_JSON_BOOL && asm_json_read_bool(reader, &((asm_optional_bool *)place)->value) &&
               (((asm_optional_bool *)place)->is_set = true);
    default:
        return type == ASM_JSON_NUMBER && asm__read_number(reader, field, place, how);
    }
}

static bool asm__read_data(asm__event_reader *reader, asm_json_type type);

/* Sets the type by its name, which was read and may still be escaped. */
static void asm__set_type(asm_event *event, bool escaped) {
    char bytes[ASM__KEY_SIZE];
    event->type = asm_event_type_from_name(asm__name_text(event->type_name, escaped, bytes));
}

static bool asm__read_type(asm__event_reader *reader, asm_json_type type, unsigned *how) {
    asm_json_reader *json = &reader->json;
    if (type == ASM_JSON_NONE) return false; /* whose error is another */
    if (type != ASM_JSON_STRING || reader->event->type_name.data) {
        asm__reader_fail(json, ASM_ERR_TYPE, "an event has one type, a string",
                         asm__skip_space(json, json->at));
        return false;
    }
    if (!asm__read_text(json, &reader->event->type_name, how)) return false;
    asm__set_type(reader->event, *how & ASM__ESCAPED);
    return true;
}

/* Whether `text`, which is read as `time`, tells nothing that is not written again: it does with an offset, a leap
 * second, or parts of a microsecond. */
ASM__RARE bool asm__is_exact_time(asm_str text, asm_time time) {
    char written[ASM_TIME_TEXT_SIZE];
    size_t at = 26; /* the first digit that is not written */
    asm__format_time(time, ASM_TIME_PRECISION_MICROSECONDS, written);
    if (memcmp(text.data, written, 10) != 0 || memcmp(text.data + 11, written + 11, 8) != 0) return false;
    while (at < text.size && text.data[at] == '0')
        at++;
    return at >= text.size || !asm__is_digit(text.data[at]);
}

/* Almost all are: of these forms, in UTC, without a leap second. */
static inline bool asm__is_usual_time(asm_str text) {
    return text.size <= ASM_TIME_TEXT_SIZE && text.data[text.size - 1] == 'Z' && text.data[17] != '6';
}

static bool asm__read_time(asm__event_reader *reader, asm_json_type type, unsigned *how) {
    const char *begin = asm__skip_space(&reader->json, reader->json.at) + 1, *quote;
    asm_event *event = reader->event;
    bool escaped;
    asm_str text;
    if (type != ASM_JSON_STRING) return false;
    quote = asm__scan_string(&reader->json, begin, &escaped);
    if (!quote) return false;
    text = asm_str_make(begin, (size_t)(quote - begin));
    if (asm_time_parse(text, &event->time, &event->time_precision) != ASM_OK || event->time == 0)
        return false;
    if (!asm__is_usual_time(text) && !asm__is_exact_time(text, event->time)) *how |= ASM__INEXACT;
    return asm__value_read(&reader->json, quote + 1);
}

/* Looks for the type where it stands if the keys are sorted, at the end of the line. It may be something else: then the line
 * is read once more. False if there is none, or `type` is none that its data has. */
static bool asm__foresee_type(asm__event_reader *reader, asm_json_type type) {
    const char *begin = reader->json.at, *end = reader->json.end, *name;
    asm_str text;
    uint32_t bits;
    if (ASM__SMALL || type != ASM_JSON_OBJECT || !reader->may_foresee || end - begin < 64) return false;
    if (end[-1] == '\n') end--;
    if (end[-1] != '}' || end[-2] != '"') return false;
    end -= 2;
    bits = asm__ending_bits(end - 32);
    if (!bits) return false;
    name = end - 31 + asm__highest_bit(bits);
    text = asm_str_make(name, (size_t)(end - name));
    name -= name[-2] == ' ';
    if (memcmp(name - 8, "\"type\":", 7) != 0) return false;
    reader->foreseen = asm_event_type_from_name(text);
    if (asm__types[reader->foreseen].fields->count == 0) return false;
    reader->event->type = reader->foreseen;
    reader->has_foreseen = true;
    return true;
}

/* Any field of the envelope or of a payload. */
static bool asm__read_member(asm__event_reader *reader, const asm__field *field, char *base,
                             asm_json_type type, unsigned *how) {
    switch (field->kind) {
    case ASM__TIME:
        return asm__read_time(reader, type, how);
    case ASM__TYPE:
        return asm__read_type(reader, type, how);
    case ASM__DATA:
        if (!reader->event->type_name.data && !asm__foresee_type(reader, type))
            return asm_json_read_raw(&reader->json, &reader->late_data);
        reader->late_data = asm_str_make(NULL, 0);
        return asm__read_data(reader, type);
    default:
        return asm__read_field(&reader->json, field, base, type, how);
    }
}

static void asm__clear_field(const asm__field *field, char *base) {
    static const uint8_t sizes[ASM__KINDS] = {
        sizeof(asm_str),             /* TEXT */
        sizeof(asm_str),             /* TEXT_OR_JSON */
        0,                           /* TYPE: there is only one */
        sizeof(asm_str),             /* JSON */
        sizeof(asm_str),             /* JSON_OBJECT */
        sizeof(asm_str),             /* JSON_ARRAY */
        0,                           /* DATA: see asm__read_data() */
        sizeof(asm_optional_int64),  /* INT64 */
        sizeof(asm_optional_double), /* DOUBLE */
        sizeof(asm_optional_bool),   /* BOOL */
        sizeof(asm_optional_bool),   /* TRUE */
        sizeof(asm_time),            /* TIME */
        sizeof(int64_t),             /* SEQUENCE */
    };
    memset(base + field->offset, 0, sizes[field->kind]);
}

/* Notes that the member from `begin` to `end` is in no field. */
static void asm__keep_member(asm__members *members, const char *begin, const char *end,
                             uint32_t seen_before) {
    const unsigned count = members->run_count;
    if (count > ASM__RUNS) return;
    if (count > 0 && seen_before == members->seen_before_run) {
        asm_str *run = &members->runs[count - 1];
        run->size = (size_t)(end - run->data);
    } else {
        if (count < ASM__RUNS) members->runs[count] = asm_str_make(begin, (size_t)(end - begin));
        members->run_count++;
    }
    members->seen_before_run = members->seen;
}

/* The row of the plain name at `p`, where lanes can be read; NULL if there is none. */
ASM__INLINE const asm__field *asm__find_field(const asm__fields *fields, const char *p, size_t size) {
#if ASM__FIND_BY_SIZE && ASM__HAS_LANES
    if (size < 16) {
        const asm__lanes name = asm__lanes_load(p);
        uint32_t left = fields->by_size[size];
        for (; left; left &= left - 1) {
            const asm__field *field = &fields->list[asm__lowest_bit(left)];
            const asm__lanes same = asm__lanes_same(name, asm__lanes_load(field->key + 1));
            if ((size_t)asm__lowest_bit(~asm__lanes_bits(same)) >= size) return field;
        }
        return NULL;
    }
#endif
    const uint32_t row = asm__find_row(fields, asm_str_make(p, size));
    return row < fields->count ? &fields->list[row] : NULL;
}

/* Reads the time that is written from `begin` to `quote` in the usual way; false if it is not. */
ASM__INLINE bool asm__take_time(asm_event *event, const char *begin, const char *quote) {
    const asm_str text = asm_str_make(begin, (size_t)(quote - begin));
    return asm_time_parse(text, &event->time, &event->time_precision) == ASM_OK && event->time != 0 &&
           asm__is_usual_time(text);
}

/* Reads the string from `begin`, which goes on at `p`, into its field; returns its closing quote or NULL. */
static const char *asm__take_text_on(asm__event_reader *reader, uint32_t bit, asm_str *text,
                                     const char *begin, const char *p) {
    bool escaped = false;
    p = asm__scan_text_on(&reader->json, begin, p, text, &escaped);
    if (escaped) reader->members->escaped |= bit;
    return p;
}

/* Reads the string from `p` to `quote`, or further if that is none, into its field; returns its closing quote or NULL. */
ASM__INLINE const char *asm__take_string(asm__event_reader *reader, const asm__field *field,
                                         asm__endings *endings, const char *p, const char *quote) {
    const uint32_t bit = UINT32_C(1) << field->row;
    asm_str *text = (asm_str *)(void *)(reader->members->base + field->offset);
    if (quote < reader->json.end && *quote == '"') {
        *text = asm_str_make(p, (size_t)(quote - p));
    } else {
        quote = asm__take_text_on(reader, bit, text, p, quote);
        if (!quote) return NULL;
        asm__endings_from(endings, quote + 1, reader->json.end);
    }
    if (field->kind == ASM__TYPE) asm__set_type(reader->event, reader->members->escaped & bit);
    return quote;
}

/* Whether a string may be read by asm__read_strings(): the first of that name, for a text, the type, the time or none. */
ASM__INLINE bool asm__takes_string(const asm__members *members, const asm__field *field) {
    return !field ||
           (!(members->seen >> field->row & 1) && (field->kind <= ASM__TYPE || field->kind == ASM__TIME));
}

/* Reads members that are strings as they are usually written, in any order, with up to one blank before a key and a
 * value. Returns true at another value, whose key begins at `*key`; false where it cannot tell. */
ASM__INLINE bool asm__read_strings(asm__event_reader *reader, uint32_t *row, const char **key) {
    asm_json_reader *json = &reader->json;
    asm__members *members = reader->members;
    const char *p = json->at, *end = json->end;
    asm__endings endings = reader->endings;
    if (ASM__SMALL || end - json->begin < ASM__ENDINGS_SIZE) return false;
    if (json->state == ASM__AT_NEXT && asm__at(json, p++) != ',') return false;
    asm__endings_follow(&endings, p, end);
    for (;;) {
        const asm__field *field;
        const char *name, *value, *quote;
        if (end - p < 18) return false; /* a blank, a quote and lanes */
        if (ASM__SELDOM(*p == ' ')) p++;
        if (*p != '"') return false;
        name = p + 1;
        asm__pass_ending(&endings, p, end);
        quote = asm__next_ending(&endings, end);
        if (end - quote < 4 || *quote != '"' || quote[1] != ':') return false;
        field = asm__find_field(members->fields, name, (size_t)(quote - name));
        value = quote + 2;
        if (ASM__SELDOM(*value == ' ')) value++;
        if (*value != '"' || !asm__takes_string(members, field)) {
            *key = name - 1;
            *row = field ? field->row : members->fields->count;
            json->at = value;
            json->state = ASM__AT_VALUE;
            reader->endings = endings;
            return true;
        }
        p = value + 1;
        asm__pass_ending(&endings, value, end);
        quote = asm__next_ending(&endings, end);
        if (field && field->kind <= ASM__TYPE) quote = asm__take_string(reader, field, &endings, p, quote);
        else if (quote == end || *quote != '"') return false;
        if (!quote || (field && field->kind == ASM__TIME && !asm__take_time(reader->event, p, quote)))
            return false;
        if (field) members->seen |= UINT32_C(1) << field->row;
        else asm__keep_member(members, name - 1, quote + 1, members->seen);
        p = json->at = quote + 1;
        json->state = ASM__AT_NEXT;
        if (asm__at(json, p++) != ',') break;
    }
    reader->endings = endings;
    return false;
}

/* Reads any value into the field of its row; false if it does not fit there, and still stands next. */
static bool asm__read_value(asm__event_reader *reader, asm__members *members, uint32_t row) {
    const asm__field *field = &members->fields->list[row];
    asm_json_type type = asm_json_peek(&reader->json);
    uint32_t bit = UINT32_C(1) << row;
    unsigned how = 0;
    if (members->seen & bit) {
        asm__clear_field(field, members->base);
        if (field->kind == ASM__TEXT_OR_JSON) asm__clear_field(field + 1, members->base);
        members->is_repeated = true;
        members->unfit &= ~bit;
        members->inexact &= ~bit;
        members->escaped &= ~bit;
    }
    members->seen |= bit;
    if (field->kind == ASM__TEXT_OR_JSON && type != ASM_JSON_STRING) field++;
    if (!asm__read_member(reader, field, members->base, type, &how)) {
        members->unfit |= bit;
        return false;
    }
    if (how & ASM__ESCAPED) members->escaped |= bit;
    if (how & ASM__INEXACT) members->inexact |= bit;
    return true;
}

static inline void asm__members_init(asm__members *members, const asm__fields *fields, char *base) {
    memset(members, 0, offsetof(asm__members, runs));
    members->fields = fields;
    members->base = base;
}

/* Goes into the object that stands next. */
static inline bool asm__enter_members(asm__event_reader *reader, asm__members *members) {
    asm_json_reader *json = &reader->json;
    members->text.data = asm__skip_space(json, json->at);
    reader->members = members;
    if (asm__at(json, json->at) != '{') return asm_json_enter_object(json);
    json->at = asm__enter(json, json->at);
    json->state = ASM__AT_FIRST;
    return true;
}

/* Data that is no object, or has no payload. */
ASM__RARE bool asm__read_other_data(asm__event_reader *reader, asm_json_type type) {
    asm_json_reader *json = &reader->json;
    asm_event *event = reader->event;
    if (type == ASM_JSON_NULL) return asm_json_read_null(json);
    if (type != ASM_JSON_OBJECT && type != ASM_JSON_NONE) {
        asm__reader_fail(json, ASM_ERR_TYPE, "data is no object", json->at);
        return false;
    }
    if (!asm_json_read_raw(json, &event->extra)) return false;
    if (event->extra.size == 2) event->extra = asm_str_make(NULL, 0);
    return true;
}

/* The payload: goes into the object that stands next. */
static inline bool asm__read_data(asm__event_reader *reader, asm_json_type type) {
    asm_event *event = reader->event;
    char *base = (char *)event + ASM__PAYLOAD_OFFSET;
    if (reader->has_data) { /* the last one wins */
        memset(base, 0, sizeof *event - ASM__PAYLOAD_OFFSET);
        event->extra = asm_str_make(NULL, 0);
    }
    reader->has_data = true;
    asm__members_init(&reader->data, asm__payload_of(event), base);
    if (type != ASM_JSON_OBJECT || reader->data.fields->count == 0) return asm__read_other_data(reader, type);
    return asm__enter_members(reader, &reader->data);
}

/* Notes that the next field is there. */
static inline void asm__field_was_read(asm__members *members) {
    members->seen = members->seen << 1 | 1;
}

/* Reads a text of reader->members that stands at `p`, where the writer puts it, into its field, which has the row of `bit`;
 * returns the byte after it, or NULL if something else stands there, or on an error. */
ASM__INLINE const char *asm__take_text(asm__event_reader *reader, const char *p, const char *key,
                                       size_t key_size, uint32_t bit, asm_str *text) {
    const char *begin = p + key_size, *quote, *end = reader->json.end;
    if (end - p <= (ptrdiff_t)key_size + 1 || !asm__same_bytes(p, key, key_size)) return NULL;
    quote = asm__likely_quote(begin, end - 1);
    if (*quote == '"') *text = asm_str_make(begin, (size_t)(quote - begin));
    else quote = asm__take_text_on(reader, bit, text, begin, quote);
    if (!quote) return NULL;
    reader->members->seen |= bit;
    return quote + 1;
}

#define ASM__TAKE_TEXT(reader, p, before, name, list, member)                                                \
    asm__take_text(reader, p, before "\"" #name "\":\"", sizeof before "\"" #name "\":\"" - 1,               \
                   UINT32_C(1) << ASM__ROW_##list##_##name, &(reader)->event->member)

/* Reads the sequence number that stands at `p`, where the writer puts it, if it has up to 17 digits; returns the byte after
 * it, or `p`. */
ASM__INLINE const char *asm__take_sequence_number(asm__event_reader *reader, const char *begin) {
    static const char key[] = ",\"sequence_number\":";
    const char *p = begin, *end = reader->json.end, *last;
    uint64_t number = 0;
    if (end - p <= (ptrdiff_t)sizeof key || !asm__same_bytes(p, key, sizeof key - 1)) return begin;
    p += sizeof key - 1;
    last = end - p > 18 ? p + 18 : end;
    if (*p == '0') return begin;
    while (p < last && asm__is_digit(*p))
        number = number * 10 + (uint64_t)(*p++ - '0');
    if (number == 0 || p == last || (*p != ',' && *p != '}')) return begin;
    reader->event->sequence_number = (int64_t)number;
    reader->envelope.seen |= ASM__ENVELOPE_BIT(sequence_number);
    return p;
}

/* What stands first in the data of a piece of a message. */
ASM__INLINE void asm__read_piece(asm__event_reader *reader) {
    const char *p = ASM__TAKE_TEXT(reader, reader->json.at, "", delta, message, message.delta);
    const char *after = p ? ASM__TAKE_TEXT(reader, p, ",", message_id, message, message.message_id) : NULL;
    if (p) asm__value_read(&reader->json, after ? after : p);
}

/* Reads what follows the data most often, as far as it stands at `p`; returns the byte after it. */
static inline const char *asm__read_tail(asm__event_reader *reader, const char *p) {
    const char *after = ASM__TAKE_TEXT(reader, p, ",", session_id, envelope, session_id);
    if (!after) return p;
    p = after;
    after = ASM__TAKE_TEXT(reader, p, ",", run_id, envelope, run_id);
    if (!after) return p;
    p = after;
    after = ASM__TAKE_TEXT(reader, p, ",", provider, envelope, provider);
    return after ? asm__take_sequence_number(reader, after) : p;
}

/* Reads the time and the type, and goes into the data, as far as they stand where the writer puts them; false
 * on an error. */
static bool asm__read_head(asm__event_reader *reader) {
    static const char time_key[] = "\"ts\":\"", type_key[] = "\",\"type\":\"", data_key[] = "\",\"data\":{",
                      frequent[] = "message_streamed\"";
    asm_json_reader *json = &reader->json;
    asm_event *event = reader->event;
    const char *begin = json->at, *end = json->end, *quote;
    if (end - begin < 64 || memcmp(begin, time_key, 6) != 0) return true;
    begin += 6;
    quote = begin + ASM_TIME_TEXT_SIZE;
    if (memcmp(quote, type_key, 10) != 0) quote -= 3; /* milliseconds */
    if (memcmp(quote, type_key, 10) != 0 ||
        !asm__is_usual_time(asm_str_make(begin, (size_t)(quote - begin))) ||
        asm_time_parse(asm_str_make(begin, (size_t)(quote - begin)), &event->time, &event->time_precision) !=
            ASM_OK ||
        event->time == 0)
        return true;
    begin = quote + 10;
    if (end - begin > 32 && asm__same_bytes(begin, frequent, sizeof frequent - 1)) {
        quote = begin + sizeof frequent - 2;
        event->type = ASM_EVENT_MESSAGE_STREAMED;
    } else {
        quote = asm__likely_quote(begin, end);
        if (end - quote < 10 || *quote != '"') return true;
        event->type = asm_event_type_from_name(asm_str_make(begin, (size_t)(quote - begin)));
    }
    event->type_name = asm_str_make(begin, (size_t)(quote - begin));
    asm__field_was_read(&reader->envelope);
    asm__field_was_read(&reader->envelope);
    json->at = quote + 1;
    json->state = ASM__AT_NEXT;
    if (memcmp(quote, data_key, 10) != 0) return true;
    asm__field_was_read(&reader->envelope);
    json->at = quote + 9;
    json->state = ASM__AT_VALUE;
    if (!asm__read_data(reader, ASM_JSON_OBJECT)) return false;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED) asm__read_piece(reader);
    return json->state != ASM__AT_ERROR;
}

/* Goes to the next member that is no usual text, and tells its row and where its key begins; false at the end of the
 * object, which is left, or on an error. */
static inline bool asm__next_value(asm__event_reader *reader, uint32_t *row, const char **key) {
    if (asm__leave_object(&reader->json)) return false;
    if (asm__read_strings(reader, row, key)) return true;
    return !asm__leave_object(&reader->json) &&
           asm__next_row(&reader->json, reader->members->fields, row, key);
}

/* Reads the members of the objects that were entered, up to the end of the outer one, into their fields; a later
 * one wins. Strings may stay escaped, the rest is only noticed. */
static bool asm__read_members(asm__event_reader *reader) {
    asm_json_reader *json = &reader->json;
    for (;;) {
        asm__members *members = reader->members;
        const char *key;
        uint32_t row;
        if (asm__next_value(reader, &row, &key)) {
            const uint32_t seen_before = members->seen;
            const bool fits = row < members->fields->count && asm__read_value(reader, members, row);
            if (!fits && !asm_json_read_raw(json, NULL)) return false;
            if (!fits || members->inexact >> row & 1) asm__keep_member(members, key, json->at, seen_before);
            continue;
        }
        if (json->error.result != ASM_OK) return false;
        members->text.size = (size_t)(json->at - members->text.data);
        if (json->depth == 0) return true;
        reader->members = &reader->envelope;
        if (!ASM__SMALL && reader->envelope.seen == ASM__HEAD_ROWS)
            json->at = asm__read_tail(reader, json->at);
    }
}

/* Appends to the scratch buffer: what stands before a member of the rest, and the member. Returns how much that is, 0
 * without room. */
static size_t asm__collect(asm_json_reader *reader, asm_str member, bool is_first) {
    if (!asm__reserve_scratch(reader, member.size + 2, member.data)) return 0;
    asm_buffer_append_byte(reader->scratch, is_first ? '{' : ',');
    asm_buffer_append(reader->scratch, member);
    return 1 + member.size;
}

/* Collects the rest from the object: the way that always works. Of a member that was repeated, those before the last
 * are left out, as if they had not been there, if the last is in its field. */
static size_t asm__collect_again(asm_json_reader *reader, const asm__members *members) {
    const uint32_t in_field = members->seen & ~(members->unfit | members->inexact);
    asm_json_reader again;
    const char *key;
    uint32_t row;
    size_t size = 0;
    asm_json_reader_init(&again, members->text, NULL);
    asm_json_enter_object(&again);
    while (asm__next_row(&again, members->fields, &row, &key) && asm_json_read_raw(&again, NULL)) {
        if (row < members->fields->count && in_field >> row & 1) continue;
        size += asm__collect(reader, asm_str_make(key, (size_t)(again.at - key)), size == 0);
    }
    return size;
}

/* Puts the members that are in no field together as an object at the end of the scratch buffer; returns its size. */
static size_t asm__collect_rest(asm_json_reader *reader, const asm__members *members) {
    size_t size = 0;
    unsigned i;
    if (members->run_count == 0 || reader->error.result != ASM_OK) return 0;
    if (members->is_repeated || members->run_count > ASM__RUNS) size = asm__collect_again(reader, members);
    else
        for (i = 0; i < members->run_count; i++)
            size += asm__collect(reader, members->runs[i], size == 0);
    if (size && reader->error.result == ASM_OK) asm_buffer_append_byte(reader->scratch, '}');
    return size ? size + 1 : 0;
}

/* Unescapes the strings among the fields that need it. */
static void asm__unescape_members(asm_json_reader *reader, const asm__members *members) {
    uint32_t left = members->escaped;
    for (; left && reader->error.result == ASM_OK; left &= left - 1) {
        const asm__field *field = &members->fields->list[asm__lowest_bit(left)];
        asm_str *text = (asm_str *)(void *)(members->base + field->offset);
        if (text->data) asm__string_value(reader, text->data, text->data + text->size, true, text);
    }
}

/* Unescapes the strings that need it, and keeps the members that have no place. */
ASM__RARE void asm__read_rest(asm__event_reader *reader) {
    asm_json_reader *json = &reader->json;
    const asm__members *data = &reader->data;
    /* Data of which nothing is in a field is kept as it stands. */
    const bool whole = data->run_count > 0 && (data->seen & ~data->unfit) == 0;
    const size_t extra = whole ? 0 : asm__collect_rest(json, data);
    const size_t extension = asm__collect_rest(json, &reader->envelope);
    const size_t end = json->scratch ? json->scratch->size : 0;
    asm__unescape_members(json, data);
    asm__unescape_members(json, &reader->envelope);
    if (whole) reader->event->extra = data->text;
    if (json->scratch && extra)
        reader->event->extra = asm_str_make(json->scratch->data + end - extension - extra, extra);
    if (json->scratch && extension)
        reader->event->extension = asm_str_make(json->scratch->data + end - extension, extension);
}

/* In pieces, which the compiler clears in a few instructions each; a whole event it clears more slowly. */
static void asm__clear_event(asm_event *event) {
    char *p = (char *)event;
    size_t left = sizeof *event;
    for (; left >= 64; left -= 64, p += 64)
        memset(p, 0, 64);
    memset(p, 0, sizeof *event % 64);
}

/* Reads the line into the empty event. */
static void asm__read_line(asm__event_reader *reader) {
    asm_json_reader *json = &reader->json;
    asm__members_init(&reader->envelope, &asm__envelope_rows, (char *)reader->event);
    reader->late_data = asm_str_make(NULL, 0);
    reader->has_data = reader->has_foreseen = false;
    asm__endings_from(&reader->endings, json->end, json->end);
    reader->data.escaped = 0;
    reader->data.run_count = 0;
    if (asm__enter_members(reader, &reader->envelope) && (ASM__SMALL || asm__read_head(reader)) &&
        asm__read_members(reader) && json->at < json->end)
        asm_json_reader_finish(json);
}

/* Reads a line of another type than was foreseen once more; the scratch buffer had `used` bytes. */
ASM__RARE void asm__read_again(asm__event_reader *reader, size_t used) {
    const asm_json_reader before = reader->json;
    asm_json_reader *json = &reader->json;
    asm_json_reader_init(json, asm_str_make(before.begin, (size_t)(before.end - before.begin)),
                         before.scratch);
    json->writable = before.writable;
    json->reserve = before.reserve;
    if (json->scratch) json->scratch->size = used;
    asm__clear_event(reader->event);
    reader->may_foresee = false;
    asm__read_line(reader);
}

/* Reads the event whose JSON reader is set up; on an error it is empty. */
static asm_result asm__read_event(asm__event_reader *reader, asm_event *event, asm_json_error *error) {
    asm_json_reader *json = &reader->json;
    const size_t used = json->scratch ? json->scratch->size : 0;
    reader->event = event;
    reader->may_foresee = true;
    if (json->reserve <= SIZE_MAX / 2) json->reserve *= 2; /* strings unescaped, and unknown members copied */
    asm__clear_event(event);
    asm__read_line(reader);
    if (!ASM__SMALL && reader->has_foreseen && event->type != reader->foreseen) asm__read_again(reader, used);
    if (!event->type_name.data) asm__reader_fail(json, ASM_ERR_SYNTAX, "the event has no type", json->end);
    if (json->error.result == ASM_OK && reader->late_data.data) {
        json->at = reader->late_data.data;
        json->state = ASM__AT_VALUE;
        if (asm__read_data(reader, asm_json_peek(json)) && json->depth > 0) asm__read_members(reader);
    }
    if (reader->data.escaped | reader->data.run_count | reader->envelope.escaped | reader->envelope.run_count)
        asm__read_rest(reader);
    if (event->type != ASM_EVENT_CUSTOM) event->type_name = asm_str_make(NULL, 0);
    if (json->error.result != ASM_OK) asm__clear_event(event);
    if (error) *error = json->error;
    return json->error.result;
}

/* What a reader returns that was not given an event. */
static asm_result asm__no_event(asm_json_error *error) {
    asm_json_error missing;
    missing.result = ASM_ERR_INVALID_ARGUMENT;
    missing.message = "there is no event to read into";
    missing.offset = 0;
    if (error) *error = missing;
    return missing.result;
}

ASM_API asm_result asm_event_read_json(asm_event *event, asm_str line, asm_buffer *scratch,
                                       asm_json_error *error) {
    asm__event_reader reader;
    if (!event) return asm__no_event(error);
    asm_json_reader_init(&reader.json, line, scratch);
    return asm__read_event(&reader, event, error);
}

ASM_API asm_result asm_event_read_json_in_place(asm_event *event, char *line, size_t size,
                                                asm_buffer *scratch, asm_json_error *error) {
    asm__event_reader reader;
    if (!event) return asm__no_event(error);
    asm_json_reader_init_in_place(&reader.json, line, line ? size : 0);
    reader.json.scratch = scratch;
    return asm__read_event(&reader, event, error);
}

/* >>events: from compact json */

/* Where the members of a compact event go. */
static const struct {
    uint16_t type, offset;
    uint8_t kind;
    char key[3];
} asm__compact_rows[] = {
    {ASM_EVENT_RUN_STARTED, (uint16_t)offsetof(asm_event, run.model), ASM__TEXT, "m"},
    {ASM_EVENT_RUN_COMPLETED, (uint16_t)offsetof(asm_event, run.stop_reason), ASM__TEXT, "sr"},
    {ASM_EVENT_RUN_FAILED, (uint16_t)offsetof(asm_event, run.error_message), ASM__TEXT, "x"},
    {ASM_EVENT_ERROR_OCCURRED, (uint16_t)offsetof(asm_event, error.message), ASM__TEXT, "x"},
    {ASM_EVENT_TOOL_CALL_STARTED, (uint16_t)offsetof(asm_event, tool.name), ASM__TEXT, "n"},
    {ASM_EVENT_TOOL_CALL_COMPLETED, (uint16_t)offsetof(asm_event, tool.name), ASM__TEXT, "n"},
    {ASM_EVENT_TOKEN_USAGE_UPDATED, (uint16_t)offsetof(asm_event, usage.input_tokens), ASM__INT64, "i"},
    {ASM_EVENT_TOKEN_USAGE_UPDATED, (uint16_t)offsetof(asm_event, usage.output_tokens), ASM__INT64, "o"},
    {ASM_EVENT_TOKEN_USAGE_UPDATED, (uint16_t)offsetof(asm_event, usage.cost_usd), ASM__DOUBLE, "$"},
};

/* The type that a compact code, or a full name, stands for. */
static void asm__compact_read_type(asm_event *event, asm_str code) {
    int i;
    event->type = asm_event_type_from_name(code);
    for (i = 1; i < ASM_EVENT_TYPE_COUNT && event->type == ASM_EVENT_CUSTOM; i++)
        if (asm__types[i].code && asm_str_equal(code, asm_str_from(asm__types[i].code)))
            event->type = (asm_event_type)i;
    if (event->type == ASM_EVENT_CUSTOM) event->type_name = code;
}

/* Reads a value to its place; false if it does not fit there. `*failed`: it does, but there is no room for it. */
static bool asm__compact_read_value(asm_str raw, unsigned kind, void *place, asm_buffer *scratch,
                                    bool *failed) {
    if (kind == ASM__INT64) {
        asm_optional_int64 *number = (asm_optional_int64 *)place;
        number->is_set = asm_json_to_int64(raw, &number->value);
        return number->is_set;
    }
    if (kind == ASM__DOUBLE) {
        asm_optional_double *number = (asm_optional_double *)place;
        number->is_set = asm_json_to_double(raw, &number->value);
        return number->is_set;
    }
    if (asm_json_type_of(raw) != ASM_JSON_STRING) return false;
    if (!asm_json_to_string(raw, scratch, (asm_str *)place)) *failed = true;
    return true;
}

/* Reads the members of a compact event whose type is known; false if some have no place. */
static bool asm__compact_read_members(asm_event *event, asm_str object, asm_buffer *scratch, bool *failed) {
    char bytes[ASM__KEY_SIZE];
    asm_json_reader reader;
    asm_str key, raw;
    bool escaped, all = true;
    asm_json_reader_init(&reader, object, NULL);
    asm_json_enter_object(&reader);
    while (asm__next_key(&reader, &key, &escaped) && asm_json_read_raw(&reader, &raw)) {
        size_t i;
        bool fits = false;
        key = asm__name_text(key, escaped, bytes);
        for (i = 0; i < sizeof asm__compact_rows / sizeof asm__compact_rows[0]; i++)
            if (asm__compact_rows[i].type == (unsigned)event->type &&
                asm_str_equal(key, asm_str_from(asm__compact_rows[i].key)))
                fits = asm__compact_read_value(raw, asm__compact_rows[i].kind,
                                               (char *)event + asm__compact_rows[i].offset, scratch, failed);
        if (!fits && !asm_str_equal(key, asm_str_make("t", 1))) all = false;
    }
    return all;
}

/* Reads the time, in milliseconds; false if it is none that can be written in the full form. */
static bool asm__compact_read_time(asm_event *event, asm_str raw) {
    int64_t milliseconds;
    if (!raw.data) return true;
    if (!asm_json_to_int64(raw, &milliseconds) || milliseconds < ASM__FIRST_TIME / 1000 ||
        milliseconds > ASM__LAST_TIME / 1000)
        return false;
    event->time = milliseconds * 1000;
    event->time_precision = ASM_TIME_PRECISION_MILLISECONDS;
    return true;
}

/* Whether what is kept as it stands names again what the event has, so that it could not be written. */
static bool asm__compact_is_twofold(const asm_event *event) {
    asm__part data, envelope;
    if (!event->extra.data && !event->extension.data) return false;
    return asm__check_data(&data, event) != ASM_OK || asm__check_envelope(&envelope, event) != ASM_OK ||
           (data.outdated | envelope.outdated) != 0;
}

/* How many members an object has. */
static size_t asm__count_members(asm_str object) {
    asm_json_reader reader;
    asm_str key;
    bool escaped;
    size_t count = 0;
    asm_json_reader_init(&reader, object, NULL);
    asm_json_enter_object(&reader);
    while (asm__next_key(&reader, &key, &escaped) && asm_json_read_raw(&reader, NULL))
        count++;
    return count;
}

ASM_API asm_result asm_event_read_compact(asm_event *event, asm_str line, asm_buffer *scratch,
                                          asm_json_error *error) {
    static const asm_str keys[] = {ASM_STR_INIT("t"), ASM_STR_INIT("e"), ASM_STR_INIT("type")};
    asm_str outer[3], type, code;
    asm_json_error local;
    bool failed = false;
    if (!event) return asm__no_event(error);
    if (!error) error = &local;
    memset(event, 0, sizeof *event);
    if (asm_json_find(line, keys, outer, 3, error) != ASM_OK) return error->result;
    if ((outer[0].data && asm_json_type_of(outer[0]) != ASM_JSON_NUMBER) ||
        asm_json_type_of(outer[2]) == ASM_JSON_STRING || !outer[1].data ||
        asm_json_find(outer[1], keys, &type, 1, NULL) != ASM_OK || !type.data ||
        !asm_json_to_string(type, scratch, &code)) {
        asm__fail_at(error, ASM_ERR_SYNTAX, "not a compact event", line.data, line.data);
        return error->result;
    }
    asm__compact_read_type(event, code);
    if (!asm__compact_read_members(event, outer[1], scratch, &failed)) event->extra = outer[1];
    if (!asm__compact_read_time(event, outer[0]) || asm__count_members(line) != 1 + (outer[0].data != NULL))
        event->extension = line;
    if (failed) asm__fail_at(error, ASM_ERR_NO_SPACE, "no room in the scratch buffer", line.data, line.data);
    else if (asm__compact_is_twofold(event))
        asm__fail_at(error, ASM_ERR_SYNTAX, "a compact event with members of the full form", line.data,
                     line.data);
    if (error->result != ASM_OK) memset(event, 0, sizeof *event);
    return error->result;
}

/* >>events: token counts */

ASM_API bool asm_usage_read(asm_usage_payload *usage, asm_str json) {
    asm_json_reader reader;
    const asm__fields *fields = &asm__usage_rows;
    const char *key;
    uint32_t row;
    if (!usage) return false;
    memset(usage, 0, sizeof *usage);
    asm_json_reader_init(&reader, json, NULL);
    asm_json_enter_object(&reader);
    while (asm__next_row(&reader, fields, &row, &key)) {
        const asm__field *field = &fields->list[row];
        asm_json_type type = asm_json_peek(&reader);
        unsigned how = 0;
        if (row == fields->count || field->kind == ASM__TEXT ||
            !asm__read_field(&reader, field, (char *)usage, type, &how))
            asm_json_read_raw(&reader, NULL);
    }
    if (asm_json_reader_finish(&reader) == ASM_OK) return true;
    memset(usage, 0, sizeof *usage);
    return false;
}

/* >>events: copy */

/* The size of a view; with `out`, also copies its bytes there and turns it to the copy. */
static size_t asm__copy_view(asm_str *view, char *out) {
    if (!view->data) return 0;
    if (out) {
        memcpy(out, view->data, view->size);
        view->data = out;
    }
    return view->size;
}

/* The sizes of the views among the fields, added up; copied like asm__copy_view(). */
static size_t asm__copy_views(const asm__fields *fields, char *base, char *out) {
    size_t i, size = 0;
    for (i = 0; i < fields->count; i++) {
        const asm__field *field = &fields->list[i];
        if (field->kind > ASM__DATA) continue;
        size += asm__copy_view((asm_str *)(void *)(base + field->offset), out ? out + size : NULL);
    }
    return size;
}

/* All views of an event. It is changed only with `out`. */
static size_t asm__copy_all_views(asm_event *event, char *out) {
    size_t size = asm__copy_view(&event->extension, out);
    size += asm__copy_views(&asm__envelope_rows, (char *)event, out ? out + size : NULL);
    return size + asm__copy_views(asm__payload_of(event), (char *)event + ASM__PAYLOAD_OFFSET,
                                  out ? out + size : NULL);
}

ASM_API size_t asm_event_copy_size(const asm_event *event) {
    asm_event views;
    if (!event) return 0;
    views = *event;
    return sizeof views + asm__copy_all_views(&views, NULL);
}

ASM_API asm_event *asm_event_copy(const asm_event *event, void *block, size_t size) {
    asm_event *copy = (asm_event *)block;
    if (!event || !block || size < asm_event_copy_size(event)) return NULL;
    *copy = *event;
    asm__copy_all_views(copy, (char *)block + sizeof *copy);
    return copy;
}

/* >>events: compare */

/* What a member holds: the bytes of a view, or the value that it begins with. */
static asm_str asm__held_bytes(const asm__field *field, const char *member) {
    if (field->kind <= ASM__DATA) return *(const asm_str *)(const void *)member;
    return asm_str_make(member, field->kind == ASM__BOOL || field->kind == ASM__TRUE ? 1 : 8);
}

static bool asm__same_members(const asm__fields *fields, const char *a, const char *b) {
    const uint32_t set = fields->set(a);
    size_t i;
    if (set != fields->set(b)) return false;
    for (i = 0; i < fields->count; i++) {
        const asm__field *field = &fields->list[i];
        const asm_str x = asm__held_bytes(field, a + field->offset),
                      y = asm__held_bytes(field, b + field->offset);
        if (!(set >> i & 1) || (x.data == y.data && x.size == y.size)) continue;
        if (!asm_str_equal(x, y)) return false;
    }
    return true;
}

ASM_API bool asm_event_equal(const asm_event *a, const asm_event *b) {
    const char *x = (const char *)a, *y = (const char *)b;
    if (!a || !b || a->type != b->type || a->time_precision != b->time_precision) return false;
    return asm__same_members(&asm__envelope_rows, x, y) &&
           asm__same_members(asm__payload_of(a), x + ASM__PAYLOAD_OFFSET, y + ASM__PAYLOAD_OFFSET) &&
           asm_str_equal(a->extension, b->extension);
}

ASM__WARNINGS_BACK
#endif /* ASM_EVENTS_IMPLEMENTED */
#endif /* implementation */

/* =========================================================================================================
 * Licence: your choice of the two that follow.
 *
 * This software is available under two licences. Choose whichever you prefer.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE A - MIT License
 *
 * Copyright (c) 2026 the asm authors
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy of
 * this software and associated documentation files (the "Software"), to deal in
 * the Software without restriction, including without limitation the rights to
 * use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies
 * of the Software, and to permit persons to whom the Software is furnished to do
 * so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in all
 * copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
 * OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 *
 * -------------------------------------------------------------------------------
 * ALTERNATIVE B - Public Domain (The Unlicense)
 *
 * This is free and unencumbered software released into the public domain.
 *
 * Anyone is free to copy, modify, publish, use, compile, sell, or distribute this
 * software, either in source code form or as a compiled binary, for any purpose,
 * commercial or non-commercial, and by any means.
 *
 * In jurisdictions that recognize copyright laws, the author or authors of this
 * software dedicate any and all copyright interest in the software to the public
 * domain. We make this dedication for the benefit of the public at large and to
 * the detriment of our heirs and successors. We intend this dedication to be an
 * overt act of relinquishment in perpetuity of all present and future rights to
 * this software under copyright law.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
 * ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
 * WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
 *
 * For more information, please refer to <https://unlicense.org>
 */
