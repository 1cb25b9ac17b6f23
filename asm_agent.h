/* asm_agent.h - v0.1.0 - runs AI agents: life cycle, conversation, approvals, timers, persistence
 * SPDX-License-Identifier: MIT OR Unlicense
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_agent.h"
 *   ASM_AGENT_IMPLEMENTATION builds this header only (asm_pubsub.h and what that includes must then be built
 *   elsewhere); ASM_STATIC makes everything static. See asm_json.h for this and for the options.
 *
 * OVERVIEW
 *   asm_agent_server   owns any number of agents and advances them, one slice each, when you poll it: in one
 *                      thread, an event loop or the main loop of a microcontroller
 *   asm_driver         what an agent does when it is executed: your functions, which talk to the model and
 *                      run the tools, a bounded step in each call, or wait until you wake them
 *   agent              an id, a status, a conversation (turns, todos, metadata, middleware), timers; publishes
 *                      what happens on the topic agent_server:{id}
 *
 * EXAMPLE
 *       static asm_outcome answer(void *user, asm_execution execution) {
 *           asm_emit_text(execution, ASM_STR("Hello "));
 *           asm_emit_text(execution, ASM_STR("there"));
 *           return ASM_OUTCOME_COMPLETED;
 *       }
 *
 *       asm_agent_server server;
 *       asm_agent_server_init(&server, NULL);
 *       asm_agent_server_set_time(&server, wall_clock(), monotonic_clock());
 *       asm_agent_start(&server, &(asm_agent_options){ .id = ASM_STR("a1"), .pubsub = &bus,
 *                                                      .config.driver.execute = answer });
 *       asm_agent_subscribe(&server, ASM_STR("a1"), on_event, NULL, NULL);
 *       asm_agent_add_turn(&server, ASM_STR("a1"), &question);
 *       if (asm_agent_execute(&server, ASM_STR("a1")) != ASM_OK) fprintf(stderr, "%s\n", server.error);
 *
 *       while (server.running > 0) {
 *           poll(sockets, socket_count, asm_agent_server_timeout(&server));
 *           ...                                       feed what has arrived, wake who waited for it
 *           asm_agent_server_poll(&server, wall_clock(), monotonic_clock());
 *       }
 *       asm_agent_server_close(&server);
 *
 * WHAT A DRIVER RETURNS
 *   ASM_OUTCOME_CONTINUE                      call me again in the next poll
 *   ASM_OUTCOME_WAIT                          call me again after asm_execution_wake()
 *   asm_wait(execution, milliseconds)         ... or when that time has passed
 *   ASM_OUTCOME_COMPLETED                     done: idle
 *   asm_complete(execution, stop_reason)      ... and why the model stopped
 *   asm_interrupt(execution, requests, count) a person must decide on tool calls: interrupted
 *   asm_ask(execution, question)              a person must answer: interrupted
 *   ASM_OUTCOME_PAUSED                        paused; asm_agent_execute() goes on
 *   asm_fail(execution, text)                 error; asm_fail_as() with a code
 *   asm_crash(execution, text)                error, and the agent is shut down
 *   All copy what they are given. What was decided is handed to the driver's resume(); see APPROVALS.
 *
 * TIME
 *   Comes from you, in microseconds, by two clocks. `now` is Unix time: it stamps events. `monotonic` counts from
 *   anywhere and is never set: timers go by it. Both are what you last told. With one clock only, give it twice
 *   (a step forwards of such a clock is time that has passed; a step backwards is none), or 0 as `now` where
 *   there is no calendar. asm_agent_server_set_time() before you do something with agents after a sleep:
 *   timers that start then would otherwise count from the poll before. Timers may fire late, never early; after
 *   a jump everything fires that is due by it, each timer once.
 *
 * STATUS
 *   call               allowed when         what it does
 *   start              no such agent        idle; what it was if it is restored interrupted or paused
 *   execute            idle, paused         running; the driver's execute() is called from the next poll on
 *   resume             interrupted          running; the driver's resume() is called from the next poll on; the
 *                                           interrupt data is cleared.
 *                                           Stays interrupted if some requests are still undecided
 *   cancel             running,             cancelled; the driver's cancel() is called, results that come later
 *                      interrupted, paused  are dropped
 *   add_turn           any                  the turn is appended; cancelled and error become idle
 *   reset              any                  turns, todos, middleware state cleared; cancelled and error become idle
 *   restore_state      any                  state replaced, then idle, or interrupted or paused if it was exported
 *                                           so; a running execution ends as by cancel
 *   update             any                  configuration, too
 *   touch, publish_event, publish_debug_event, set_todos, set_title, set_metadata, set_middleware_state,
 *   set_shutdown_metadata, notify_middleware, save_state
 *                      any                  the status stays
 *   stop               any                  the agent ends; a running one may finish first
 *
 *   A call in another status returns ASM_ERR_STATUS, one for an id that no agent has ASM_ERR_NOT_FOUND; every
 *   call that fails says in server.error what is the matter. NULL in place of a server, or of what a call needs,
 *   is ASM_ERR_INVALID_ARGUMENT; asm_agent_server_close(NULL) does nothing.
 *
 * TURNS
 *   The conversation is always one that a model can be asked with: a turn with tool calls is followed by the
 *   results of all of them before anything else.
 *       {"role":"assistant","content":…,"tool_calls":[{"id":…,"name":…,"arguments":{…}},…]}
 *       {"role":"tool","tool_results":[{"tool_call_id":…,"tool_name":…,"status":S,"output":…}]}
 *   S is completed, failed, declined, cancelled, timeout. A call is open until its result stands.
 *   - A turn that is added while calls are open, or while the model is being asked (from
 *     asm_execution_before_model() to the assistant's turn), is held back and appended afterwards.
 *   - When an execution ends in any way, calls that are open get a result that says why there is none. Only
 *     interrupted and paused agents keep them open.
 *   - A result for a call that is not open is ASM_ERR_INVALID_ARGUMENT.
 *   - Text that was streamed becomes a turn if none followed: incomplete, unless the execution completed.
 *   - A restored conversation that breaks the rule is repaired, which goes out as the debug event
 *     middleware_action dangling_tool_calls_patched {"patched":N,"dropped":N}: results made, results dropped.
 *
 * APPROVALS
 *   Each interrupt has a number, from 1 in each agent, and each request the id of its call. Both go out with
 *   status_changed, {"interrupt":N,"action_requests":[{"tool_call_id","tool_name","arguments"},…]} or
 *   {"interrupt":N,"question":…}, then once for each request as tool_approval_requested. Both come back with the
 *   decisions (asm_resume); one for another interrupt or call is ASM_ERR_NOT_FOUND and nothing of the lot counts.
 *   One may decide on some of the requests: the agent stays interrupted until all are decided.
 *   Right before a call runs the driver asks asm_execution_decision(): only a decision on this very call, with
 *   this name and these arguments, counts, and only once. If there is none it interrupts again.
 *
 * RUNS
 *   A run is what execute begins and completion, cancel or error ends, interrupts and pauses in between included.
 *   Its id is in all its events; run_started begins it, and run_completed, run_cancelled or run_failed ends it,
 *   with usage, steps, duration and stop reason. A step is one question to the model (asm_execution_before_model())
 *   and the tools that it called; step_started and step_completed go out around it.
 *
 * WHAT IS PUBLISHED, AND WHEN
 *   On agent_server:{id}; wrapper ASM_AGENT_WRAPPER; each event has agent_id, time, a sequence number from 1,
 *   and as session_id the conversation id, or the agent's id if it has none. What an event tells can be read
 *   from the server when it goes out: a status that has been overtaken is not told. In this order:
 *
 *   start                node_transferred (from an exported state only), status_changed, then what
 *                        on_server_start of middleware publishes: with the first poll or the agent's next
 *                        event, whichever comes first, so that subscribers can be there
 *   execute              status_changed running, run_started
 *   resume               tool_approval_granted or tool_approval_denied for each decision, (state is saved),
 *                        status_changed running
 *   end of an execution  calls that are open get their results, held back turns are appended, (state is saved),
 *                        run_completed, run_cancelled or run_failed, status_changed;
 *                        display_message_saved for cancel and error
 *   interrupt            (state is saved), status_changed, tool_approval_requested for each request
 *   a turn               (turn is kept), message_received, or message_sent for any role but "assistant";
 *                        display_message_saved; status_changed idle if it changed
 *   asm_emit_tool()      tool_call_started first if it ends what has not started; display_message_updated
 *   asm_emit_result()    (the result's turn is kept), the event, the turn's
 *   reset, restore       status_changed, if it changed
 *   update               status_changed, if it changed, then state_restored
 *   stop                 (state is saved, presence left), node_transferring, agent_shutdown
 *   timers               (state is saved, presence left), agent_shutdown
 *   a function of yours  error_occurred, with the code "state_store", "display_store", "presence", "middleware"
 *   that failed          or "command" and the reason; at once. Nothing is stopped by it. Counted in
 *                        server.failures
 *
 *   On agent_server:debug:{id}, if there is a debug dispatcher, wrapper ASM_AGENT_DEBUG_WRAPPER:
 *   agent_state_update after each step, each end of an execution and each message to middleware, middleware_action,
 *   and what asm_agent_publish_debug_event() is given.
 *
 * CALLS FROM INSIDE CALLBACKS
 *   Subscribers, driver.execute() and resume(), and middleware may call everything here but
 *   asm_agent_server_poll(), asm_agent_step() and asm_agent_server_close() (ASM_ERR_MISUSE), for any agent, the
 *   same too: they may execute, cancel or stop it. The function that is under way then goes on with what is left
 *   to do: nothing, if the agent has ended. What becomes executable within a poll has its first slice in the next.
 *   Stores, driver.cancel() and the reset function may only look things up, and wake executions; other calls are
 *   ASM_ERR_MISUSE. So are calls that change an agent during its own shutdown events. Calls that publish are
 *   ASM_ERR_DEPTH when publishes are nested too deeply (see asm_pubsub_options).
 *
 * MEMORY
 *   Agents, their ids and states are kept in memory from ASM_REALLOC. When that runs out the call returns
 *   ASM_ERR_NO_MEMORY and everything is as before; an execution whose end cannot be kept for that reason ends
 *   in the status error. asm_emit_usage(), publishing, touch and a poll allocate nothing by themselves;
 *   asm_emit_text() only to keep more text of a turn than any turn of the agent before had, asm_emit_tool() when
 *   a call starts; presence when it is told of a change. An agent whose dispatcher or presence is closed while it
 *   exists must not be used: close the server first.
 *
 * THREADS
 *   One server, one thread. Other threads post to a mailbox (asm_agent_post()), which wakes the server's thread;
 *   that hands what has come to asm_agent_server_receive() before it polls. One mailbox for each such thread.
 */
#ifndef ASM_AGENT_H
#define ASM_AGENT_H

#include "asm_pubsub.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asm_agent_server asm_agent_server;

/* The wrappers of messages on an agent's topic, and on its debug topic. */
#define ASM_AGENT_WRAPPER       "agent"
#define ASM_AGENT_DEBUG_WRAPPER "agent_debug"

/* Every status: constant, name. */
#define ASM_AGENT_STATUSES(X)                                                                                \
    X(NOT_RUNNING, "not_running") /* there is no such agent */                                               \
    X(IDLE, "idle")                                                                                          \
    X(RUNNING, "running")                                                                                    \
    X(INTERRUPTED, "interrupted") /* waits for somebody's decision */                                        \
    X(PAUSED, "paused")                                                                                      \
    X(CANCELLED, "cancelled")                                                                                \
    X(ERROR, "error")

/* The status of an agent: see STATUS. */
typedef enum asm_agent_status {
#define ASM__X(name, text) ASM_AGENT_##name,
    ASM_AGENT_STATUSES(ASM__X)
#undef ASM__X
        ASM_AGENT_STATUS_COUNT
} asm_agent_status;

/* "idle", …; "" for a number that is no status. */
ASM_API const char *asm_agent_status_name(asm_agent_status status);

/* =========================================================================================================
 * State
 */

/* One entry of a conversation; see TURNS. */
typedef struct asm_turn {
    asm_str role;    /* required: "user", "assistant", "system", "tool" */
    asm_str content; /* text */

    /* JSON array of {"id","name","arguments"}: what the model wants to have called. Each id is text that is
     * not empty, and stands once in the turn. */
    asm_str tool_calls;

    asm_str tool_results; /* JSON array of {"tool_call_id","tool_name","status","output"}: what came of it */
    asm_str extra;      /* JSON object: whatever else the turn has (reasoning with its signature, say), but no
                             members of these names */
    asm_str message_id; /* text: the id of the message in events; absent for none */
    bool is_incomplete; /* it broke off ("incomplete") */
} asm_turn;

/* One entry of an agent's list of things to do. */
typedef struct asm_todo {
    asm_str id;      /* required */
    asm_str content; /* required: text */
    asm_str status;  /* required: "pending", "in_progress", "completed" or "cancelled" */
    asm_str extra;   /* JSON object: whatever else the todo has, but no members of these names */
} asm_todo;

/* What one middleware keeps with the conversation. */
typedef struct asm_middleware_state {
    asm_str middleware; /* required: its id */
    asm_str state;      /* required: JSON */
} asm_middleware_state;

/* What a conversation consists of. */
typedef struct asm_agent_state {
    const asm_turn *turns;                  /* the conversation, oldest first; NULL if turn_count is 0 */
    size_t turn_count;                      /* how many turns */
    const asm_todo *todos;                  /* things to do, in their order; NULL if todo_count is 0 */
    size_t todo_count;                      /* how many todos */
    const asm_middleware_state *middleware; /* what middleware keeps; NULL if middleware_count is 0 */
    size_t middleware_count;                /* of how many */
    asm_str metadata;                       /* JSON object; absent: {}. "title" is the conversation's title */
    const asm_turn *held; /* turns that are held back (see TURNS), oldest first; NULL if held_count is 0 */
    size_t held_count;    /* how many of them */
} asm_agent_state;

/* =========================================================================================================
 * Drivers
 */

/* An execution: from execute or resume to its outcome. A driver may keep it and use it later, also outside of
 * its functions: once the execution has ended, or another one has begun, all calls with it return
 * ASM_ERR_NOT_FOUND, do nothing, and are counted in server.stale_calls. */
typedef struct asm_execution {
    asm_agent_server *server; /* read only */
    uint64_t number;          /* read only: counts all executions of the server, from 1 */
    uint64_t slice;           /* read only: how many calls of the driver came before in this execution */
    uint32_t slot;            /* private */
} asm_execution;

/* A tool call, as somebody has to decide on it. */
typedef struct asm_action_request {
    asm_str tool_call_id; /* required: text that is not empty; each once in an interrupt */
    asm_str tool_name;    /* required */
    asm_str arguments;    /* JSON object; absent: {} */
} asm_action_request;

/* What somebody may decide on a request. */
typedef enum asm_decision_kind {
    ASM_DECISION_NONE, /* undecided; is refused, so that a forgotten decision approves nothing */
    ASM_DECISION_APPROVE,
    ASM_DECISION_EDIT, /* call the tool with other arguments */
    ASM_DECISION_REJECT
} asm_decision_kind;

/* What a person has decided on one request. */
typedef struct asm_decision {
    asm_decision_kind kind; /* required: ASM_DECISION_NONE is refused */
    asm_str tool_call_id;   /* required: which request is decided */
    asm_str arguments;      /* JSON object, for ASM_DECISION_EDIT only and required there */
    asm_str message;        /* text for the model: why */
} asm_decision;

/* What an interrupted agent goes on with: decisions on its requests, each by the id of its call, or the answer to
 * its question. */
typedef struct asm_resume {
    /* Required: the number of the interrupt that this is about (asm_agent_info.interrupt). */
    uint64_t interrupt;

    const asm_decision *decisions; /* on some or all of the requests; NULL for an answer */
    size_t decision_count;         /* how many decisions; 0 for an answer */
    asm_str answer;                /* JSON, to a question; absent for decisions */
} asm_resume;

/* What a slice, or an execution, comes to; see WHAT A DRIVER RETURNS. */
typedef enum asm_outcome {
    ASM_OUTCOME_CONTINUE,
    ASM_OUTCOME_WAIT,
    ASM_OUTCOME_COMPLETED,
    ASM_OUTCOME_INTERRUPTED, /* by asm_interrupt() or asm_ask(); without these: by a question that is null */
    ASM_OUTCOME_PAUSED,
    ASM_OUTCOME_FAILED, /* by asm_fail(); without it the reason is "failed" */
    ASM_OUTCOME_CRASHED
} asm_outcome;

/* What an agent does. The functions are called by asm_agent_server_poll(), execute() as long as it says
 * ASM_OUTCOME_CONTINUE or is woken. They should return soon: all agents wait for them. */
typedef struct asm_driver {
    asm_outcome (*execute)(void *user, asm_execution execution); /* required */
    /* Called in place of execute() for an execution that asm_agent_resume() has begun. `resume` is the same in each
     * call: all decisions, in the order of the requests, or the answer. NULL: the agent cannot be resumed
     * (ASM_ERR_UNSUPPORTED). */
    asm_outcome (*resume)(void *user, asm_execution execution, const asm_resume *resume);
    /* The execution is over: stop what is under way. Also called while one of the other two is on the stack,
     * when something that it emitted led to this; not for an agent that is interrupted or paused. NULL: nothing
     * to be done. */
    void (*cancel)(void *user, asm_execution execution);
    void *user; /* the first argument of each function */
} asm_driver;

/* ---- What a driver returns ---- */

/* Each of these copies what it is given and returns the outcome to return. Where that fails (no memory, or not
 * valid) it returns ASM_OUTCOME_FAILED with that reason. */

/* Wait until asm_execution_wake(), or until so many milliseconds have passed; negative: no such time. The driver is called
 * again in the poll after that. */
ASM_API asm_outcome asm_wait(asm_execution execution, int64_t milliseconds);

/* Completed; `stop_reason` ("end_turn", "max_tokens", …) goes out with run_completed. */
ASM_API asm_outcome asm_complete(asm_execution execution, asm_str stop_reason);

/* Interrupted until a person has decided on these calls. Not valid: no requests, one without id or name, two with
 * the same id, arguments that are no JSON object. */
ASM_API asm_outcome asm_interrupt(asm_execution execution, const asm_action_request *requests, size_t count);

/* Interrupted until a person has answered. `question` is any JSON: a text, or {"question":text,"options":[…]}. */
ASM_API asm_outcome asm_ask(asm_execution execution, asm_str question);

/* Failed, for the reason `text`. */
ASM_API asm_outcome asm_fail(asm_execution execution, asm_str text);

/* Failed, for the reason `text`, with a `code` that is short and stable: "rate_limit", "timeout", … */
ASM_API asm_outcome asm_fail_as(asm_execution execution, asm_str code, asm_str text);

/* Failed beyond repair: the agent is shut down, too, for the reason "crash". */
ASM_API asm_outcome asm_crash(asm_execution execution, asm_str text);

/* Ends the execution from outside of the driver's functions: when a request to a model has been answered,
 * say. ASM_ERR_INVALID_ARGUMENT for ASM_OUTCOME_CONTINUE and ASM_OUTCOME_WAIT. */
ASM_API asm_result asm_execution_finish(asm_execution execution, asm_outcome outcome);

/* The driver is called again, in the next poll: what it waits for has happened. May be called at any time, from
 * any callback, not from another thread (see asm_agent_post()); while the driver is on the stack it makes the
 * wait that it returns end at once. ASM_ERR_NOT_FOUND if the execution is over. */
ASM_API asm_result asm_execution_wake(asm_execution execution);

/* ---- What a driver tells: published at once; ASM_ERR_NOT_FOUND for an execution that is over ---- */

/* A streamed piece of the assistant's text: message_streamed. Kept until a turn of the assistant follows. */
ASM_API asm_result asm_emit_text(asm_execution execution, asm_str delta);

/* asm_emit_text() with what else a message event has: message_id, thinking (which is not kept), parent_tool_call_id (of a
 * sub-agent: not kept, either). Without a message_id the server makes one, the same for all pieces and the turn. */
ASM_API asm_result asm_emit_delta(asm_execution execution, const asm_message_payload *message);

/* What was streamed since the last turn is withdrawn: it is forgotten, and message_retracted goes out, if there was
 * anything. `reason`: "retried", "refused", "replaced", … */
ASM_API asm_result asm_emit_retraction(asm_execution execution, asm_str reason);

/* A whole turn, which is appended to the state. Errors as asm_agent_add_turn(). */
ASM_API asm_result asm_emit_turn(asm_execution execution, const asm_turn *turn);

/* token_usage_updated; it counts for the run. */
ASM_API asm_result asm_emit_usage(asm_execution execution, const asm_usage_payload *usage);

/* A tool call: type is one of ASM_EVENT_TOOL_CALL_IDENTIFIED, STARTED, UPDATED, COMPLETED, FAILED and
 * ASM_EVENT_TOOL_OUTPUT_STREAMED; any other is ASM_ERR_INVALID_ARGUMENT. An end without a start has tool_call_started
 * sent first; duration_ms is filled in. The display store is told the status "executing", "completed" or "failed". */
ASM_API asm_result asm_emit_tool(asm_execution execution, asm_event_type type, const asm_tool_payload *tool);

/* The end of an open call: its result is appended to the conversation, and tool_call_completed or tool_call_failed
 * goes out by `tool->status` (absent: completed). The model reads output or output_json, else error_message. `edited`:
 * the arguments it ran with, if they are not the call's (JSON object); absent: none. ASM_ERR_INVALID_ARGUMENT if the
 * conversation has no such open call. */
ASM_API asm_result asm_emit_result(asm_execution execution, const asm_tool_payload *tool, asm_str edited);

/* All todos as they are now: they replace the state's, and go out as todos_updated. */
ASM_API asm_result asm_emit_todos(asm_execution execution, const asm_todo *todos, size_t count);

/* Any event, on the agent's topic: asm_agent_publish_event() for the agent of this execution. */
ASM_API asm_result asm_emit_event(asm_execution execution, const asm_event *event);

/* Any event, on the agent's debug topic: asm_agent_publish_debug_event() for the agent of this execution. */
ASM_API asm_result asm_emit_debug_event(asm_execution execution, const asm_event *event);

/* ---- What a driver asks ---- */

/* Whether it is still under way: after emitting, a driver learns so that somebody has ended it. */
ASM_API bool asm_execution_is_active(asm_execution execution);

/* Whose execution it is, absent if it is over. Valid as long as the agent exists. */
ASM_API asm_str asm_execution_agent_id(asm_execution execution);

/* The run's id, absent if the execution is over. Valid until the run ends. */
ASM_API asm_str asm_execution_run_id(asm_execution execution);

/* The agent's state as it is now: views that are valid until it next changes. ASM_ERR_NOT_FOUND, and an
 * empty state, if the execution is over. */
ASM_API asm_result asm_execution_state(asm_execution execution, asm_agent_state *state);

/* Goes through the calls that are open, in their order: start with *at == 0; false at the end. Views that are valid
 * until the conversation next changes. */
ASM_API bool asm_execution_next_open_call(asm_execution execution, size_t *at, asm_action_request *call);

/* Whether the agent's interrupt_on names this tool. False if the execution is over. */
ASM_API bool asm_execution_needs_approval(asm_execution execution, asm_str tool_name);

/* What was decided about this very call: same id, name and arguments (white space aside) as were shown. False if
 * nothing was, or it has been used up: a decision counts until the call has ended. To be asked right before the call
 * runs. `decision` is valid as long as what resume() was given. */
ASM_API bool asm_execution_decision(asm_execution execution, const asm_action_request *call,
                                    asm_decision *decision);

/* ---- Around each question to the model ---- */

/* The turns that the model is asked with: those of the conversation, as middleware changed them for this request.
 * Valid until the assistant's turn is emitted, the execution ends, or the conversation is replaced. */
typedef struct asm_model_request {
    asm_execution execution; /* read only, as the rest */
    const asm_turn *turns;   /* oldest first */
    size_t turn_count;       /* how many turns */

    /* Set by middleware that has to wait for something: the model is not asked yet. It wakes the execution
     * when it is ready, and is called again. */
    bool is_held;
} asm_model_request;

/* Replaces the `remove` turns from `at` on by copies of `count` others, within this request: middleware drops, adds and
 * changes turns so. ASM_ERR_RANGE if there are not so many; errors as asm_agent_add_turn(). */
ASM_API asm_result asm_model_request_splice(asm_model_request *request, size_t at, size_t remove,
                                            const asm_turn *turns, size_t count);

/* Does the same with the conversation itself, for good: a summary in place of old turns, say. The execution goes on.
 * ASM_ERR_INVALID_ARGUMENT if a call were parted from its result. Within before_model() the request begins anew from
 * it. */
ASM_API asm_result asm_execution_replace_turns(asm_execution execution, size_t at, size_t remove,
                                               const asm_turn *turns, size_t count);

/* Begins a step: runs before_model() of the middleware in order, and gives the turns to ask with. Turns that are added
 * from now on are held back until the assistant's turn stands. Called again before that it goes on with the same step: to
 * ask once more what could not be answered. Returns the first error of the middleware, and does not run the others then;
 * nor when one has set `is_held`: no step has begun then, and the driver waits. `request` may be NULL: then no middleware
 * can hold it. */
ASM_API asm_result asm_execution_before_model(asm_execution execution, asm_model_request *request);

/* Runs after_model() of the middleware in reverse order with the assistant's turn that was emitted last. Ends the step
 * unless that has calls: then it ends with the last of their results. Returns the first error of the
 * middleware. */
ASM_API asm_result asm_execution_after_model(asm_execution execution);

/* =========================================================================================================
 * Middleware
 */

/* What accompanies an agent. Each function may be NULL. They read and change the agent by its id or execution, with
 * the functions here. Errors are reported (see WHAT IS PUBLISHED). */
typedef struct asm_middleware {
    asm_str id; /* required: text, by which the agent's middleware is told apart */
    /* Once, after the agent's first status went out and before any message. May execute. */
    asm_result (*on_server_start)(void *user, asm_agent_server *server, asm_str agent_id);
    /* May change what the model sees: asm_model_request_splice(), asm_execution_replace_turns(). An error keeps the
     * model from being asked. */
    asm_result (*before_model)(void *user, asm_model_request *request);
    /* Sees the answer, which stands in the conversation already. NULL if there is none. */
    asm_result (*after_model)(void *user, asm_execution execution, const asm_turn *answer);
    /* Takes a message of asm_agent_notify_middleware(), which is valid during the call. */
    asm_result (*handle_message)(void *user, asm_agent_server *server, asm_str agent_id, asm_str message);
    void *user; /* the first argument of each function */
} asm_middleware;

/* =========================================================================================================
 * Persistence
 */

/* Why a state is to be kept. */
typedef enum asm_save_reason {
    ASM_SAVE_ON_COMPLETION, /* and when paused */
    ASM_SAVE_ON_INTERRUPT,
    ASM_SAVE_ON_CANCEL,
    ASM_SAVE_ON_ERROR,
    ASM_SAVE_ON_TITLE_GENERATED, /* asm_agent_set_title() */
    ASM_SAVE_ON_SHUTDOWN,
    ASM_SAVE_ON_DECISION, /* a decision is kept before anybody acts on it */
    ASM_SAVE_ON_TURN      /* in place of append(), when that failed or there is nothing yet to append to */
} asm_save_reason;

/* "on_completion", …; "" for a number that is no reason. */
ASM_API const char *asm_save_reason_name(asm_save_reason reason);

/* A state to be kept. Valid during the call only. */
typedef struct asm_snapshot {
    asm_save_reason reason; /* why it is to be kept now */
    asm_str state;          /* all of it, as asm_agent_export_state() writes it */

    /* What makes it from what is kept already, with all that was appended since: the same without the turns.
     * Absent if that would not do. */
    asm_str changes;
} asm_snapshot;

/* A conversation in a store's list. Valid during the call only; what is not known is absent, or 0. */
typedef struct asm_conversation {
    asm_str agent_id;        /* of one that was kept under its agent's id */
    asm_str conversation_id; /* of all others */
    asm_str title;           /* text, as asm_agent_set_title() was told */
    asm_str status;          /* of its agent when it was last saved */
    asm_time saved_at;       /* when it was last saved; 0: not known */
} asm_conversation;

/* Given a conversation of a store's list, which is valid during the call only. An error ends the list. */
typedef asm_result (*asm_conversation_callback)(void *user, const asm_conversation *conversation);

/* Where states are kept. The ids are the agent's; conversation_id is absent if it has none. All but save may be
 * NULL. What an error does stands with each; that of save and append is reported (see WHAT IS PUBLISHED). */
typedef struct asm_state_store {
    /* Keeps a state, in place of what is kept: `snapshot->state`, or `snapshot->changes`, which a store with append()
     * may append as it appends records. With ASM_SAVE_ON_SHUTDOWN the agent has ended: nothing more will come. */
    asm_result (*save)(void *user, asm_str agent_id, asm_str conversation_id, const asm_snapshot *snapshot);
    /* Appends what is kept to `out`: the state, then each record that was appended since, in their order, with LF
     * between them. ASM_ERR_NOT_FOUND if there is nothing. Any other error, and what is not valid, keeps the agent
     * from starting. NULL: nothing is ever there. */
    asm_result (*load)(void *user, asm_str agent_id, asm_str conversation_id, asm_buffer *out);
    /* Keeps one change as it happens, one line of JSON without LF: a turn that stands or is held back, todos. NULL:
     * they are kept with the next save. */
    asm_result (*append)(void *user, asm_str agent_id, asm_str conversation_id, asm_str record);
    /* Calls `each` for each conversation that is kept, until it returns an error, and returns that. Never called by
     * the server. */
    asm_result (*list)(void *user, asm_conversation_callback each, void *each_user);
    void *user; /* the first argument of each function */
} asm_state_store;

/* What a display store is to keep: a turn, or that an execution was cancelled or failed. */
typedef enum asm_display_kind {
    ASM_DISPLAY_MESSAGE,
    ASM_DISPLAY_CANCELLED,
    ASM_DISPLAY_ERROR
} asm_display_kind;

/* Where the messages that people see are kept. */
typedef struct asm_display_store {
    /* Keeps a message: a turn of the conversation, or that it was cancelled or failed (role "system", content
     * "Cancelled" or the reason). Appends to `saved` what it kept as JSON; if it leaves that empty, the event
     * has the turn itself. */
    asm_result (*save)(void *user, asm_str agent_id, asm_str conversation_id, asm_display_kind kind,
                       const asm_turn *turn, asm_buffer *saved);
    /* Changes the status of a tool call's message: "executing", "completed" or "failed". ASM_ERR_NOT_FOUND if
     * there is none: then nothing is published. `saved` as above. May be NULL. */
    asm_result (*update_tool)(void *user, asm_str agent_id, asm_str conversation_id,
                              const asm_tool_payload *tool, asm_str status, asm_buffer *saved);
    void *user; /* the first argument of each function */
} asm_display_store;

/* =========================================================================================================
 * The server and its agents
 */

/* Defaults of asm_agent_options, in milliseconds. */
#define ASM_AGENT_INACTIVITY_TIMEOUT_MS 300000
#define ASM_AGENT_SHUTDOWN_DELAY_MS     5000
#define ASM_AGENT_GRACE_PERIOD_MS       5000

/* Options of asm_agent_server_init(). Zero means the default. */
typedef struct asm_agent_server_options {
    asm_str node;       /* the name of this machine or process; default: "local". Must outlive the server */
    uint64_t hash_seed; /* of the index of ids; any number will do: the cost of finding an agent is bounded */
} asm_agent_server_options;

/* A server and its agents. It must not be moved or copied once it is set up. */
struct asm_agent_server {
    asm_agent_server_options options; /* read only, as all up to `error` */
    asm_time now;                     /* Unix time, microseconds; 0 until it is told */
    int64_t monotonic;                /* microseconds */
    size_t agents;                    /* how many there are */
    size_t running;                   /* how many of them have the status running, those that wait included */
    size_t pending;                   /* how many of them have something to do in the next poll */
    uint64_t stale_calls;             /* calls with executions that were over */
    uint64_t failures; /* errors of stores, presence, middleware and commands, and events that could not
                                         be published */
    char error[160];   /* for people: what was wrong with the last call that failed */
    struct asm__agent_slot *slots; /* private, all below */
    size_t slot_count;
    asm__index index;         /* of agents by their ids */
    struct asm__agent **heap; /* by when their timers are due */
    uint32_t free_slot;
    struct asm__agent *first_pending, *last_pending; /* those that poll visits */
    struct asm__agent *visited;                      /* by the poll under way: the next one */
    uint64_t polls;
    uint64_t elapsed; /* microseconds, never goes back */
    uint64_t executions;
    union asm__agent_block *discarded; /* memory to be freed when the outermost call returns */
    unsigned depth;                    /* of calls under way */
    unsigned read_only_depth;          /* functions under way that may only read */
    bool has_time, is_closing;
};

/* What an agent is made of, beside its state. Copied, but not what it points to, which must outlive the agent
 * or the next asm_agent_update(). */
typedef struct asm_agent_config {
    asm_driver driver;           /* what it does; execute() is required */
    const asm_str *interrupt_on; /* names of the tools that need approval; NULL if there are none */
    size_t interrupt_on_count;   /* how many names */
    const asm_middleware
        *middleware;         /* called in this order, after_model() in reverse; NULL if there is none */
    size_t middleware_count; /* how many */
    /* Called by asm_agent_reset() before the state is cleared: to put files and the like in order. May be NULL. */
    void (*reset)(void *user, asm_str agent_id);
    void *user; /* reset's, and yours: a model's name, a prompt, … */
} asm_agent_config;

/* Who watches an agent, and which agents there are. */
typedef struct asm_agent_presence {
    asm_presence *presence; /* where to look; absent: none of this. It needs a dispatcher (its options) for
                                viewers to be seen */
    const char *viewers;    /* the topic whose entries are the agent's viewers; copied. NULL: they do not
                                matter */

    /* How long an idle agent without viewers stays, once it had one or has completed an execution; 0:
     * ASM_AGENT_GRACE_PERIOD_MS, negative: not at all. */
    int64_t grace_period_ms;

    bool discovery; /* the agent tracks itself on ASM_TOPIC_AGENT_PRESENCE: key is its id, meta
                                {"started_at","last_activity_at","status","conversation_id","node"}, updated
                                when one of these has changed */
} asm_agent_presence;

/* Options of asm_agent_start(). Zero means the default. */
typedef struct asm_agent_options {
    asm_str id;                           /* required, any text but "presence"; copied */
    asm_agent_config config;              /* a driver with execute() is required */
    const asm_agent_state *initial_state; /* copied; default: what the state store loads, else empty */
    asm_str exported_state;               /* in place of it: what asm_agent_export_state() wrote; copied */
    asm_pubsub *pubsub;                   /* where events go; NULL: nowhere */
    asm_pubsub *debug_pubsub;             /* where debug events go; NULL: nowhere, and they cost nothing */
    int64_t inactivity_timeout_ms;        /* 0: ASM_AGENT_INACTIVITY_TIMEOUT_MS, negative: never */
    bool interrupted_is_inactive; /* the inactivity timer also runs while the agent waits for a person */
    int64_t shutdown_delay_ms;    /* how long a stop waits for a running driver before it cancels it;
                                             0: ASM_AGENT_SHUTDOWN_DELAY_MS, negative: not at all */
    asm_str conversation_id;      /* copied; may be absent */
    const asm_state_store *state_store; /* must outlive the agent, as the two below; NULL: nothing is kept */
    const asm_display_store *display_store; /* its save() is required; NULL: messages are not kept */
    asm_agent_presence presence;            /* zero: none is tracked */

    /* Zero: none. The agent serves this execution, as a sub-agent: when that ends in any way, the agent is
     * cancelled if it runs, and ends, before anything is told of the owner's end. */
    asm_execution owner;
} asm_agent_options;

/* A server without agents. `options` may be NULL. Allocates nothing. It must not be moved or copied then. */
ASM_API void asm_agent_server_init(asm_agent_server *server, const asm_agent_server_options *options);

/* Stops every agent without waiting for its driver, and frees everything; the server is then as after
 * asm_agent_server_init(). ASM_ERR_MISUSE from inside a callback. */
ASM_API asm_result asm_agent_server_close(asm_agent_server *server);

/* Tells the time; see TIME. */
ASM_API void asm_agent_server_set_time(asm_agent_server *server, asm_time now, int64_t monotonic);

/* Tells the time, calls the driver of each running agent that does not wait once, in the order in which they began to
 * run or were woken, and then does what is due: an agent whose wait is over is called in the next poll. Costs nothing
 * for agents that have nothing to do. ASM_ERR_MISUSE from inside itself. */
ASM_API asm_result asm_agent_server_poll(asm_agent_server *server, asm_time now, int64_t monotonic);

/* When the next timer will be due, by the monotonic clock; INT64_MAX: none. Times that drivers wait for included. */
ASM_API int64_t asm_agent_server_next_timer(asm_agent_server *server);

/* How long a main loop may sleep: milliseconds for poll(2) and its like; 0 if there is something to do, -1 if only
 * something from outside can change that. */
ASM_API int asm_agent_server_timeout(asm_agent_server *server);

/* Starts an agent. ASM_ERR_EXISTS if there is one with that id; ASM_ERR_INVALID_ARGUMENT for options that do not go
 * together, lists that are counted and missing, and a store without save(); ASM_ERR_NOT_FOUND if the execution of the
 * owner is over; the errors of asm_agent_restore_state() for the state, and the state store's; ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_agent_start(asm_agent_server *server, const asm_agent_options *options);

/* Starts an agent unless there is one with that id, which then stays as it is: ASM_OK, too. `was_started` may be
 * NULL. */
ASM_API asm_result asm_agent_start_or_find(asm_agent_server *server, const asm_agent_options *options,
                                           bool *was_started);

/* ---- The calls of the table in STATUS ---- */

/* All return ASM_ERR_NOT_FOUND for an id that no agent has, but for asm_agent_notify_middleware(). */

/* Begins an execution, and a run unless the agent was paused. */
ASM_API asm_result asm_agent_execute(asm_agent_server *server, asm_str id);

/* Ends the run, whatever it waits for. Requests that are undecided are withdrawn (tool_approval_denied). */
ASM_API asm_result asm_agent_cancel(asm_agent_server *server, asm_str id);

/* Decides, or answers; see APPROVALS. Copies. ASM_ERR_NOT_FOUND if `resume->interrupt` is not the one that the agent
 * waits with, or a decision is not about one of its undecided requests; ASM_ERR_INVALID_ARGUMENT for a decision
 * of no kind, arguments without edit or edit without arguments, no decision at all, two on one call, an answer to
 * requests or decisions on a question. Nothing of it counts then, and the agent stays interrupted. */
ASM_API asm_result asm_agent_resume(asm_agent_server *server, asm_str id, const asm_resume *resume);

/* asm_agent_resume() with what a user interface sends as JSON:
 *       {"interrupt":N,"decisions":[{"tool_call_id":…,"type":"approve"},
 *                                   {"tool_call_id":…,"type":"edit","arguments":{…}},
 *                                   {"tool_call_id":…,"type":"reject","message":"…"}]}
 *       {"interrupt":N,"answer":…}
 * The JSON reader's errors, too, and ASM_ERR_TYPE for members of another type. */
ASM_API asm_result asm_agent_resume_json(asm_agent_server *server, asm_str id, asm_str json);

/* Appends a turn, or holds it back; see TURNS. Copies. ASM_ERR_INVALID_ARGUMENT without a role, for `extra` with members
 * that the turn has itself, calls without id, results that no open call waits for or that somebody has to decide on
 * first; the JSON reader's errors for members that are no JSON of their type. */
ASM_API asm_result asm_agent_add_turn(asm_agent_server *server, asm_str id, const asm_turn *turn);

/* Publishes `event` on the agent's topic. What it leaves open is filled in: agent, session and run id, time, sequence
 * number. Does nothing if the agent has no pubsub. */
ASM_API asm_result asm_agent_publish_event(asm_agent_server *server, asm_str id, const asm_event *event);

/* Publishes `event` on the agent's debug topic, filled in as by asm_agent_publish_event(). Does nothing if the agent has
 * no debug_pubsub. */
ASM_API asm_result asm_agent_publish_debug_event(asm_agent_server *server, asm_str id,
                                                 const asm_event *event);

/* Clears turns, held back ones too, todos and middleware state; metadata stays. An execution goes on. */
ASM_API asm_result asm_agent_reset(asm_agent_server *server, asm_str id);

/* Appends the state as JSON, in one line:
 *       {"version":1,"status":S,"state":{"messages":[…],"todos":[…],"metadata":{…}},"serialized_at":"…"}
 * with members "middleware", by id, and "held" in the state if there is any, and beside it "interrupts" (how many there
 * have been), "interrupt" (of an interrupted agent) and "run" (that goes on). It holds neither the agent's id nor its
 * configuration, and can be restored under another id. Exporting what was restored gives the same bytes but
 * for the time. Errors are those of `out`, and ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_agent_export_state(asm_agent_server *server, asm_str id, asm_buffer *out);

/* Replaces the state. Members of turns and todos that are not known go to their `extra`; those of the
 * state are dropped. An error changes nothing: those of the JSON reader, ASM_ERR_TYPE for a member of
 * another type, ASM_ERR_INVALID_ARGUMENT for a missing one, an unknown status or version. */
ASM_API asm_result asm_agent_restore_state(asm_agent_server *server, asm_str id, asm_str exported_state);

/* Replaces configuration and state together. `config` as in asm_agent_options. */
ASM_API asm_result asm_agent_update(asm_agent_server *server, asm_str id, const asm_agent_config *config,
                                    asm_str exported_state);

/* Says that somebody is there: restarts the inactivity timer. */
ASM_API asm_result asm_agent_touch(asm_agent_server *server, asm_str id);

/* Ends the agent: at once, or if it is running when its execution ends, or after the shutdown delay. A second
 * stop meanwhile changes nothing. One that is interrupted or paused is saved so, to go on when it starts again. */
ASM_API asm_result asm_agent_stop(asm_agent_server *server, asm_str id);

/* Replaces the todos, and publishes todos_updated. */
ASM_API asm_result asm_agent_set_todos(asm_agent_server *server, asm_str id, const asm_todo *todos,
                                       size_t count);

/* Sets the member "title" of the metadata, has the state saved, and publishes session_updated; also middleware_action
 * title_generated (debug). */
ASM_API asm_result asm_agent_set_title(asm_agent_server *server, asm_str id, asm_str title);

/* Replaces the metadata: a JSON object, absent for none. Copies. The JSON reader's errors, and ASM_ERR_TYPE. */
ASM_API asm_result asm_agent_set_metadata(asm_agent_server *server, asm_str id, asm_str metadata);

/* Keeps `state`, a JSON value, for the middleware with this id; absent removes it. Copies. The JSON reader's errors. */
ASM_API asm_result asm_agent_set_middleware_state(asm_agent_server *server, asm_str id, asm_str middleware,
                                                  asm_str state);

/* What goes out with agent_shutdown as its metadata: a JSON object, absent for none. Copies. The JSON reader's errors,
 * and ASM_ERR_TYPE. */
ASM_API asm_result asm_agent_set_shutdown_metadata(asm_agent_server *server, asm_str id, asm_str metadata);

/* Has the state store keep the state now, and returns its result. ASM_ERR_MISUSE if there is none. */
ASM_API asm_result asm_agent_save_state(asm_agent_server *server, asm_str id, asm_save_reason reason);

/* Sends a message to the middleware with that id: its handle_message() is called in the next poll. Copies. An agent
 * that does not exist drops the message: ASM_OK. ASM_ERR_NOT_FOUND if the agent has no such middleware. `message` is
 * any bytes that the two agree on. */
ASM_API asm_result asm_agent_notify_middleware(asm_agent_server *server, asm_str id, asm_str middleware,
                                               asm_str message);

/* Subscribes to the agent's topic, as asm_pubsub_subscribe() does. ASM_ERR_MISUSE if the agent has no pubsub.
 * `subscription` may be NULL. A subscription outlives the agent: events of the next one with this id come, too. */
ASM_API asm_result asm_agent_subscribe(asm_agent_server *server, asm_str id, asm_message_callback callback,
                                       void *user, asm_subscription *subscription);

/* Subscribes to the agent's debug topic, with the errors and the life of asm_agent_subscribe(). */
ASM_API asm_result asm_agent_subscribe_debug(asm_agent_server *server, asm_str id,
                                             asm_message_callback callback, void *user,
                                             asm_subscription *subscription);

/* Ends a subscription of asm_agent_subscribe(), as asm_pubsub_unsubscribe() does, which also ends one whose agent has
 * ended. */
ASM_API asm_result asm_agent_unsubscribe(asm_agent_server *server, asm_str id, asm_subscription subscription);

/* Ends a subscription of asm_agent_subscribe_debug(), as asm_pubsub_unsubscribe() does, which also ends one whose agent
 * has ended. */
ASM_API asm_result asm_agent_unsubscribe_debug(asm_agent_server *server, asm_str id,
                                               asm_subscription subscription);

/* ---- Step by step ---- */

/* What an asm_agent_step() came to. */
typedef enum asm_step {
    ASM_STEP_FINISHED, /* the agent does not run (any more): see its status */
    ASM_STEP_ENDED,    /* a step has ended, more will come: look at it, change something, go on */
    ASM_STEP_WAITING   /* the driver waits: sleep (asm_agent_server_timeout()), then call again */
} asm_step;

/* Polls the server until one step of this agent has ended, for programs that want to look at each. A slice is a step for
 * drivers that do not call asm_execution_before_model(). Errors as asm_agent_server_poll(), and ASM_ERR_NOT_FOUND. */
ASM_API asm_result asm_agent_step(asm_agent_server *server, asm_str id, asm_time now, int64_t monotonic,
                                  asm_step *step);

/* ---- From other threads ---- */

/* What another thread may ask for: the call that it becomes in the server's thread. */
typedef enum asm_command_kind {
    ASM_COMMAND_WAKE,    /* asm_execution_wake(execution) */
    ASM_COMMAND_NOTIFY,  /* asm_agent_notify_middleware(agent_id, middleware, data) */
    ASM_COMMAND_SAY,     /* asm_agent_add_turn(agent_id) with a turn of the role user, content is `data` */
    ASM_COMMAND_EXECUTE, /* asm_agent_execute(agent_id) */
    ASM_COMMAND_RESUME,  /* asm_agent_resume_json(agent_id, data) */
    ASM_COMMAND_CANCEL,  /* asm_agent_cancel(agent_id) */
    ASM_COMMAND_TOUCH,   /* asm_agent_touch(agent_id) */
    ASM_COMMAND_STOP     /* asm_agent_stop(agent_id) */
} asm_command_kind;

/* What another thread asks for. */
typedef struct asm_command {
    asm_command_kind kind;   /* which members count stands with each */
    asm_execution execution; /* wake */
    asm_str agent_id;        /* all others */
    asm_str middleware;      /* notify */
    asm_str data;            /* notify, say, resume */
} asm_command;

/* Puts a copy of a command into a mailbox, in the thread that is its producer. The mailbox must not merge texts, and
 * should refuse what is too much (its default policy). Errors are asm_mailbox_post()'s. */
ASM_API asm_result asm_agent_post(asm_mailbox *mailbox, const asm_command *command);

/* Carries out what other threads have posted to `mailbox`, and returns how many commands that were. One that fails is
 * reported on the agent's topic: error_occurred, code "command". */
ASM_API size_t asm_agent_server_receive(asm_agent_server *server, asm_mailbox *mailbox);

/* ---- Looking things up: from anywhere in the server's thread, without allocating ---- */

/* ASM_AGENT_NOT_RUNNING if there is no such agent. */
ASM_API asm_agent_status asm_agent_get_status(const asm_agent_server *server, asm_str id);

/* Whether there is such an agent, whatever its status. */
ASM_API bool asm_agent_exists(const asm_agent_server *server, asm_str id);

/* All about an agent. Views are valid until the agent is next changed. */
typedef struct asm_agent_info {
    asm_str id;                         /* as it was started with */
    asm_agent_status status;            /* as asm_agent_get_status() gives it */
    bool is_stopping;                   /* ends when its driver has finished */
    bool is_waiting;                    /* its driver waits to be woken */
    asm_agent_state state;              /* as asm_execution_state() gives it */
    size_t open_call_count;             /* tool calls without a result */
    uint64_t interrupt;                 /* the number of the interrupt it waits with; 0 unless interrupted */
    asm_str interrupt_data;             /* JSON, as status_changed has it; absent unless interrupted */
    const asm_action_request *requests; /* what is to be decided */
    const asm_decision *decisions;      /* for each request; ASM_DECISION_NONE while nothing was decided */
    size_t request_count;               /* 0 of an interrupted agent: a question is to be answered */
    asm_str question;                   /* JSON; absent unless interrupted by a question */
    asm_str error;                      /* text: why it failed; absent unless the status is error */
    asm_str run_id;                     /* of the run that has not ended; absent: none */
    int64_t run_steps;                  /* of that run so far */
    asm_usage_payload run_usage;        /* what it has used so far, sub-agents included: numbers only */
    asm_str conversation_id;            /* absent: none */
    asm_str node;                       /* of the server's options */
    asm_time started_at;                /* Unix time of asm_agent_start() */
    asm_time last_activity;             /* when the inactivity timer was last restarted */
    int64_t inactivity_timeout_ms;      /* negative: never */
    int64_t since_activity_ms;          /* of the time that timers count */
    bool inactivity_timer_is_active;    /* it counts now */
    asm_agent_config config;            /* as it was given */
} asm_agent_info;

/* ASM_ERR_NOT_FOUND, and `info` as it was, if there is no such agent. */
ASM_API asm_result asm_agent_get_info(const asm_agent_server *server, asm_str id, asm_agent_info *info);

/* Goes through the ids of all agents that match `pattern`, in which `*` stands for any bytes, also none,
 * and all others for themselves: start with *at == 0. An absent pattern matches all. False at the end.
 * Agents may come and go meanwhile. The order is that of the agents' start, as long as none has ended. */
ASM_API bool asm_agent_next(const asm_agent_server *server, asm_str pattern, size_t *at, asm_str *id);

#ifdef __cplusplus
}
#endif
ASM__WARNINGS_BACK
#endif /* ASM_AGENT_H */

/* =========================================================================================================
 * Implementation
 *
 *   >>agent: memory           blocks that outlive the calls that look at them
 *   >>agent: records          turns, todos and middleware states by tables
 *   >>agent: calls            tool calls that have no result, or have not ended
 *   >>agent: interrupts       what somebody has to decide on
 *   >>agent: state            what a conversation consists of
 *   >>agent: state as JSON    export
 *   >>agent: order            the results of calls, and the repair of what has none
 *   >>agent: state from JSON  import
 *   >>agent: an agent         the struct
 *   >>agent: registry         ids
 *   >>agent: timers           who is due
 *   >>agent: pending          those that poll visits
 *   >>agent: publishing       events
 *   >>agent: persistence      stores
 *   >>agent: presence         viewers and discovery
 *   >>agent: status           changes of it
 *   >>agent: approvals        their events
 *   >>agent: turns            how the conversation grows
 *   >>agent: runs             run_started, steps, usage
 *   >>agent: end of an agent
 *   >>agent: executions       from their begin to their outcome
 *   >>agent: the server
 *   >>agent: start
 *   >>agent: calls of the host
 *   >>agent: resume           decisions
 *   >>agent: state, from outside
 *   >>agent: middleware
 *   >>agent: what drivers tell
 *   >>agent: what drivers ask
 *   >>agent: step by step
 *   >>agent: other threads
 *   >>agent: subscribing
 *   >>agent: looking things up
 */
#if defined(ASM_IMPLEMENTATION) || defined(ASM_AGENT_IMPLEMENTATION) || defined(ASM_STATIC)
#ifndef ASM_AGENT_IMPLEMENTED
#define ASM_AGENT_IMPLEMENTED

ASM__WARNINGS_OFF

#define ASM__SHARED
#include "asm_pubsub.h"

#include <string.h>

#if ASM__LIBC_MEMORY
#include <stdlib.h>
#endif

/* >>agent: memory
 * What is given back while a function of the server is on the stack is freed when the outermost one returns:
 * until then an event that is being delivered, or a driver that is being called, may look at it. */

typedef union asm__agent_block {
    union asm__agent_block *next;
    uint64_t alignment;
} asm__agent_block;

static void *asm__agent_allocate(size_t size) {
    if (size > SIZE_MAX / 2) return NULL;
    asm__agent_block *block = (asm__agent_block *)ASM_REALLOC(NULL, sizeof *block + size);
    return block ? block + 1 : NULL; /* cppcheck-suppress memleak */
}

static void asm__agent_discard(asm_agent_server *server, const void *memory) {
    if (!memory) return;
    asm__agent_block *block = (asm__agent_block *)(uintptr_t)memory - 1;
    if (server->depth) {
        block->next = server->discarded;
        server->discarded = block;
    } else {
        /* It takes the type of a record for the record. NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
        ASM_FREE(block);
    }
}

static asm_result asm__agent_leave(asm_agent_server *server, asm_result result) {
    if (--server->depth == 0) {
        while (server->discarded) {
            asm__agent_block *block = server->discarded;
            server->discarded = block->next;
            ASM_FREE(block);
        }
    }
    return result;
}

/* Puts a copy of `text` at *at, which moves past it. */
static asm_str asm__agent_put(char **at, asm_str text) {
    if (!text.data) return text;
    char *copy = *at;
    if (text.size) memcpy(copy, text.data, text.size);
    *at += text.size;
    return asm_str_make(copy, text.size);
}

/* Appends `text` and the digits of a number to a buffer that has room for them. */
static void asm__agent_append_number(asm_buffer *out, asm_str text, uint64_t number) {
    char digits[20];
    asm_buffer_append(out, text);
    asm_buffer_append(out, asm_str_make(digits, asm__format_uint64(number, digits)));
}

static asm_str asm__absent(void) {
    return asm_str_make(NULL, 0);
}

/* A copy in a block of its own, or absent if there is no memory. */
static asm_str asm__agent_copy(asm_str text) {
    char *copy = (char *)asm__agent_allocate(text.size);
    return copy ? asm__agent_put(&copy, text) : asm__absent();
}

/* Puts a copy of `text`, which may be absent, in place of what `place` holds. */
static asm_result asm__agent_replace_text(asm_agent_server *server, asm_str *place, asm_str text) {
    const asm_str copy = text.data ? asm__agent_copy(text) : text;
    if (text.data && !copy.data) return ASM_ERR_NO_MEMORY;
    asm__agent_discard(server, place->data);
    *place = copy;
    return ASM_OK;
}

/* The server's text about what was wrong, from three parts. */
static asm_result asm__agent_error(asm_agent_server *server, asm_result result, const char *first,
                                   const char *second, const char *third) {
    asm_buffer text;
    asm_buffer_init_fixed(&text, server->error, sizeof server->error - 1);
    asm_buffer_append(&text, asm_str_from(first));
    asm_buffer_append(&text, asm_str_from(second));
    asm_buffer_append(&text, asm_str_from(third));
    server->error[text.size] = '\0';
    return result;
}

static asm_result asm__agent_refuse(asm_agent_server *server, asm_result result, const char *why) {
    return asm__agent_error(server, result, why, "", "");
}

/* asm__agent_error() with what was to be done and the result's own text; nothing for ASM_OK. */
static asm_result asm__agent_fail_with(asm_agent_server *server, asm_result result, const char *what) {
    return result == ASM_OK ? ASM_OK
                            : asm__agent_error(server, result, what, ": ", asm_result_string(result));
}

static asm_result asm__agent_no_agent(asm_agent_server *server) {
    return server ? asm__agent_refuse(server, ASM_ERR_NOT_FOUND, "there is no agent with this id")
                  : ASM_ERR_INVALID_ARGUMENT;
}

/* >>agent: records
 * Turns, todos and middleware states are structs of texts. A table describes each: with it they are
 * checked, copied, written and read by the same functions. The copy of a record is the struct and one block
 * with all its texts, which begins where the first one does. */

typedef enum asm__agent_need {
    ASM__OMIT, /* an absent member is not written */
    ASM__NULL, /* ... is written as null */
    ASM__REQUIRED
} asm__agent_need;

typedef struct asm__agent_member {
    const char *name;   /* NULL: holds the members that have no other place */
    size_t offset;      /* of an asm_str; of a bool if that is the type */
    asm_json_type type; /* ASM_JSON_NONE: any */
    asm__agent_need need;
} asm__agent_member;

typedef struct asm__agent_record {
    const asm__agent_member *members;
    size_t count;
    size_t size;
} asm__agent_record;

#define ASM__AGENT_MEMBERS 7 /* at most */

#define ASM__TEXT(record, member, need)                                                                      \
    { #member, offsetof(record, member), ASM_JSON_STRING, need }
#define ASM__JSON(record, member, type)                                                                      \
    { #member, offsetof(record, member), type, ASM__OMIT }
#define ASM__REST(record, member)                                                                            \
    { NULL, offsetof(record, member), ASM_JSON_OBJECT, ASM__OMIT }

static const asm__agent_member asm__turn_members[] = {
    ASM__TEXT(asm_turn, role, ASM__REQUIRED),
    ASM__TEXT(asm_turn, content, ASM__NULL),
    ASM__JSON(asm_turn, tool_calls, ASM_JSON_ARRAY),
    ASM__JSON(asm_turn, tool_results, ASM_JSON_ARRAY),
    ASM__TEXT(asm_turn, message_id, ASM__OMIT),
    {"incomplete", offsetof(asm_turn, is_incomplete), ASM_JSON_BOOL, ASM__OMIT},
    ASM__REST(asm_turn, extra),
};
static const asm__agent_record asm__turn_record = {asm__turn_members, 7, sizeof(asm_turn)};

static const asm__agent_member asm__todo_members[] = {
    ASM__TEXT(asm_todo, id, ASM__REQUIRED),
    ASM__TEXT(asm_todo, content, ASM__REQUIRED),
    ASM__TEXT(asm_todo, status, ASM__REQUIRED),
    ASM__REST(asm_todo, extra),
};
static const asm__agent_record asm__todo_record = {asm__todo_members, 4, sizeof(asm_todo)};

static const asm__agent_member asm__middleware_members[] = {
    ASM__TEXT(asm_middleware_state, middleware, ASM__REQUIRED),
    {"state", offsetof(asm_middleware_state, state), ASM_JSON_NONE, ASM__REQUIRED},
};
static const asm__agent_record asm__middleware_record = {asm__middleware_members, 2,
                                                         sizeof(asm_middleware_state)};

#undef ASM__TEXT
#undef ASM__JSON
#undef ASM__REST

/* Absent for a bool that is false. */
static asm_str asm__agent_get(const void *record, const asm__agent_member *member) {
    asm_str text;
    const char *place = (const char *)record + member->offset;
    if (member->type == ASM_JSON_BOOL)
        return *(const bool *)(const void *)place ? ASM_STR("true") : asm__absent();
    memcpy(&text, place, sizeof text);
    return text;
}

static void asm__agent_set(void *record, const asm__agent_member *member, asm_str text) {
    char *place = (char *)record + member->offset;
    if (member->type == ASM_JSON_BOOL) *(bool *)(void *)place = text.size == 4;
    else memcpy(place, &text, sizeof text);
}

static bool asm__agent_equals(asm_str text, const char *literal) {
    return asm_str_equal(text, asm_str_from(literal));
}

/* Writes the members of the JSON object `members` into the object that is being written, but those named `without`. */
static void asm__agent_write_members(asm_json_writer *writer, asm_str members, asm_str without) {
    asm_json_reader reader;
    asm_buffer keys;
    asm_str key, value;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, members, &keys);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
        if (without.data && asm_str_equal(key, without)) continue;
        asm_json_write_key(writer, key);
        asm_json_write_raw(writer, value);
    }
    asm_json_writer_fail(writer, asm_json_reader_finish(&reader));
    asm_buffer_close(&keys);
}

static void asm__agent_write_record(asm_json_writer *writer, const asm__agent_record *type,
                                    const void *record) {
    asm_json_begin_object(writer);
    for (size_t i = 0; i < type->count; i++) {
        const asm__agent_member *member = &type->members[i];
        const asm_str text = asm__agent_get(record, member);
        if (!text.data && member->need == ASM__OMIT) continue;
        if (!member->name) {
            asm__agent_write_members(writer, text, asm__absent());
            continue;
        }
        asm_json_write_key(writer, asm_str_from(member->name));
        if (member->type == ASM_JSON_STRING) asm_json_write_string(writer, text);
        else asm_json_write_raw(writer, text);
    }
    asm_json_end_object(writer);
}

static asm_result asm__agent_ignore(void *user, const char *data, size_t size) {
    (void)user, (void)data, (void)size;
    return ASM_OK;
}

/* The levels around a record, or a value of the state, where it is written deepest: in an event's snapshot of
 * the state. What can be written there can be exported. */
#define ASM__AGENT_LEVELS 4

/* Whether `json`, or else the record, can be written wherever it will have to be. */
static asm_result asm__agent_try_to_write(asm_str json, const asm__agent_record *type, const void *record) {
    char memory[256];
    asm_buffer nowhere;
    asm_json_writer writer;
    asm_buffer_init_stream(&nowhere, memory, sizeof memory, asm__agent_ignore, NULL);
    asm_json_writer_init(&writer, &nowhere);
    for (int i = 0; i < ASM__AGENT_LEVELS; i++)
        asm_json_begin_array(&writer);
    if (type) asm__agent_write_record(&writer, type, record);
    else asm_json_write_raw(&writer, json);
    for (int i = 0; i < ASM__AGENT_LEVELS; i++)
        asm_json_end_array(&writer);
    return asm_json_writer_finish(&writer);
}

/* Whether `json` is valid, and of that type if it is not ASM_JSON_NONE. */
static asm_result asm__agent_check_json(asm_str json, asm_json_type type) {
    if (!json.data) return ASM_ERR_INVALID_ARGUMENT;
    const asm_result result = asm__agent_try_to_write(json, NULL, NULL);
    if (result != ASM_OK) return result;
    return type == ASM_JSON_NONE || asm_json_type_of(json) == type ? ASM_OK : ASM_ERR_TYPE;
}

static asm_result asm__agent_check_record(const asm__agent_record *type, const void *record) {
    asm_str names[ASM__AGENT_MEMBERS], values[ASM__AGENT_MEMBERS], rest = {NULL, 0};
    size_t count = 0;
    for (size_t i = 0; i < type->count; i++) {
        const asm__agent_member *member = &type->members[i];
        const asm_str text = asm__agent_get(record, member);
        if (!text.data && member->need == ASM__REQUIRED) return ASM_ERR_INVALID_ARGUMENT;
        if (text.data && member->type != ASM_JSON_STRING) {
            const asm_result result = asm__agent_check_json(text, member->type);
            if (result != ASM_OK) return result;
        }
        if (member->name) names[count++] = asm_str_from(member->name);
        else rest = text;
    }
    if (rest.data) {
        const asm_result result = asm_json_find(rest, names, values, count, NULL);
        if (result != ASM_OK) return result;
        for (size_t i = 0; i < count; i++)
            if (values[i].data) return ASM_ERR_INVALID_ARGUMENT;
    }
    return asm__agent_try_to_write(rest, type, record);
}

/* A list of records: an array and its length. */
typedef struct asm__agent_list {
    void *items;
    size_t count;
} asm__agent_list;

static void *asm__agent_item(const asm__agent_list *list, const asm__agent_record *type, size_t at) {
    return (char *)list->items + at * type->size;
}

static void asm__agent_discard_item(asm_agent_server *server, const asm__agent_list *list,
                                    const asm__agent_record *type, size_t at) {
    asm__agent_discard(server, asm__agent_get(asm__agent_item(list, type, at), &type->members[0]).data);
}

static void asm__agent_clear_list(asm_agent_server *server, asm__agent_list *list,
                                  const asm__agent_record *type) {
    for (size_t i = 0; i < list->count; i++)
        asm__agent_discard_item(server, list, type, i);
    asm__array_release(&list->items);
    list->count = 0;
}

/* Takes records out of a list, whose texts stay. */
static void asm__agent_close_gap(asm__agent_list *list, const asm__agent_record *type, size_t at,
                                 size_t count) {
    char *items = (char *)list->items;
    list->count -= count;
    memmove(items + at * type->size, items + (at + count) * type->size, (list->count - at) * type->size);
}

/* Appends a copy of a record that has been checked. */
static asm_result asm__agent_append_checked(asm__agent_list *list, const asm__agent_record *type,
                                            const void *record) {
    size_t size = 0;
    for (size_t i = 0; i < type->count; i++) {
        const size_t more = asm__agent_get(record, &type->members[i]).size;
        if (more > SIZE_MAX / 4 - size) return ASM_ERR_NO_MEMORY;
        size += more;
    }
    if (!asm__array_reserve(&list->items, type->size, list->count + 1)) return ASM_ERR_NO_MEMORY;
    char *texts = (char *)asm__agent_allocate(size);
    if (!texts) return ASM_ERR_NO_MEMORY;
    void *copy = asm__agent_item(list, type, list->count);
    memcpy(copy, record, type->size);
    for (size_t i = 0; i < type->count; i++)
        if (type->members[i].type != ASM_JSON_BOOL)
            asm__agent_set(copy, &type->members[i],
                           asm__agent_put(&texts, asm__agent_get(record, &type->members[i])));
    list->count++;
    return ASM_OK;
}

static asm_result asm__agent_append(asm__agent_list *list, const asm__agent_record *type,
                                    const void *record) {
    const asm_result result = asm__agent_check_record(type, record);
    return result == ASM_OK ? asm__agent_append_checked(list, type, record) : result;
}

/* Reads the object that stands next: the members of the table to `values` (the last of several wins; null is
 * absent; strings unescaped, others as raw text), all others to `rest`, if not NULL, as an object. */
static asm_result asm__agent_read_members(asm_json_reader *reader, const asm__agent_member *members,
                                          size_t count, asm_str *values, asm_buffer *rest) {
    asm_json_writer writer;
    asm_str key, value;
    memset(values, 0, count * sizeof *values);
    if (rest) {
        asm_json_writer_init(&writer, rest);
        asm_json_begin_object(&writer);
    }
    asm_json_enter_object(reader);
    while (asm_json_next_member(reader, &key)) {
        size_t at = 0;
        while (at < count && !(members[at].name && asm__agent_equals(key, members[at].name)))
            at++;
        if (at < count && members[at].type == ASM_JSON_STRING && asm_json_peek(reader) != ASM_JSON_NULL) {
            asm_json_read_string(reader, &values[at]);
        } else if (asm_json_read_raw(reader, &value) && at < count) {
            values[at] = asm_json_type_of(value) == ASM_JSON_NULL ? asm__absent() : value;
        } else if (rest && reader->error.result == ASM_OK) {
            asm_json_write_key(&writer, key);
            asm_json_write_raw(&writer, value);
        }
    }
    if (reader->error.result != ASM_OK || !rest) return reader->error.result;
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

/* asm__agent_read_members() for a text that is an object. Strings are unescaped to `scratch`, which may be NULL if there
 * are none. */
static asm_result asm__agent_find_members(asm_str json, const asm__agent_member *members, size_t count,
                                          asm_str *values, asm_buffer *scratch) {
    asm_json_reader reader;
    asm_buffer keys;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, json, scratch ? scratch : &keys);
    asm_result result = asm__agent_read_members(&reader, members, count, values, NULL);
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    asm_buffer_close(&keys);
    return result;
}

/* >>agent: calls
 * A call is known from when it stands in the conversation, or has started, until it has a result and has ended. */

typedef struct asm__agent_call {
    asm_str id, name, arguments; /* in one block */
    bool is_open;                /* it stands in the conversation, without a result */
    bool is_started;             /* tool_call_started went out, and no end */
    bool is_marked;              /* a result that is being looked at is its */
    uint64_t started_at;
} asm__agent_call;

static asm__agent_call *asm__call_at(const asm__agent_list *calls, size_t at) {
    return (asm__agent_call *)calls->items + at;
}

/* The call with this id that is open, or has started; NULL if there is none. */
static asm__agent_call *asm__call_find(const asm__agent_list *calls, asm_str id, bool is_open) {
    for (size_t i = 0; i < calls->count; i++) {
        asm__agent_call *call = asm__call_at(calls, i);
        if ((is_open ? call->is_open : call->is_started) && call->id.size == id.size &&
            (id.size == 0 || asm_str_equal(call->id, id)))
            return call;
    }
    return NULL;
}

static size_t asm__call_count_open(const asm__agent_list *calls) {
    size_t count = 0;
    for (size_t i = 0; i < calls->count; i++)
        count += asm__call_at(calls, i)->is_open;
    return count;
}

/* Adds a call of which nothing is known yet but its texts; NULL if there is no memory. */
static asm__agent_call *asm__call_add(asm__agent_list *calls, const asm_action_request *request) {
    const size_t most = SIZE_MAX / 8;
    if (request->tool_call_id.size > most || request->tool_name.size > most || request->arguments.size > most)
        return NULL;
    if (!asm__array_reserve(&calls->items, sizeof(asm__agent_call), calls->count + 1)) return NULL;
    char *texts = (char *)asm__agent_allocate(request->tool_call_id.size + request->tool_name.size +
                                              request->arguments.size);
    if (!texts) return NULL;
    asm__agent_call *call = asm__call_at(calls, calls->count++);
    memset(call, 0, sizeof *call);
    call->id = asm_str_make(texts, 0); /* the block begins here, though there may be no id */
    if (request->tool_call_id.data) call->id = asm__agent_put(&texts, request->tool_call_id);
    call->name = asm__agent_put(&texts, request->tool_name);
    call->arguments = asm__agent_put(&texts, request->arguments);
    return call;
}

/* Forgets the call if nothing is to be known of it any more. */
static void asm__call_drop_if_over(asm_agent_server *server, asm__agent_list *calls, asm__agent_call *call) {
    const size_t at = (size_t)(call - (asm__agent_call *)calls->items);
    if (call->is_open || call->is_started) return;
    asm__agent_discard(server, call->id.data);
    calls->count--;
    memmove(call, call + 1, (calls->count - at) * sizeof *call);
}

static void asm__calls_clear(asm_agent_server *server, asm__agent_list *calls) {
    for (size_t i = 0; i < calls->count; i++)
        asm__agent_discard(server, asm__call_at(calls, i)->id.data);
    asm__array_release(&calls->items);
    calls->count = 0;
}

/* No call is open any more; those that have started still have to end. */
static void asm__calls_close(asm_agent_server *server, asm__agent_list *calls) {
    for (size_t i = calls->count; i-- > 0;) {
        asm__call_at(calls, i)->is_open = false;
        asm__call_drop_if_over(server, calls, asm__call_at(calls, i));
    }
}

static asm_result asm__calls_read_one(asm__agent_list *calls, asm_json_reader *reader) {
    static const asm__agent_member members[] = {{"id", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"name", 0, ASM_JSON_STRING, ASM__OMIT},
                                                {"arguments", 0, ASM_JSON_NONE, ASM__OMIT}};
    asm_str values[3];
    asm_action_request request;
    const asm_result result = asm__agent_read_members(reader, members, 3, values, NULL);
    if (result != ASM_OK) return result;
    if (!values[0].size || asm__call_find(calls, values[0], true)) return ASM_ERR_INVALID_ARGUMENT;
    request.tool_call_id = values[0];
    request.tool_name = values[1];
    request.arguments = values[2].data ? values[2] : ASM_STR("{}");
    asm__agent_call *call = asm__call_add(calls, &request);
    if (!call) return ASM_ERR_NO_MEMORY;
    call->is_open = true;
    return ASM_OK;
}

/* Adds the calls of a turn, `json`, which may be absent. On an error none was added. */
static asm_result asm__calls_read(asm_agent_server *server, asm__agent_list *calls, asm_str json) {
    asm__agent_list fresh = {NULL, 0};
    asm_json_reader reader;
    asm_buffer scratch;
    asm_result result = ASM_OK;
    if (!json.data) return ASM_OK;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, json, &scratch);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader))
        result = asm__calls_read_one(&fresh, &reader);
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    if (result == ASM_OK &&
        !asm__array_reserve(&calls->items, sizeof(asm__agent_call), calls->count + fresh.count))
        result = ASM_ERR_NO_MEMORY;
    for (size_t i = 0; i < fresh.count; i++) {
        asm__agent_call *call = asm__call_at(&fresh, i);
        asm__agent_call *started = asm__call_find(calls, call->id, false);
        if (result == ASM_OK && !started) *asm__call_at(calls, calls->count++) = *call;
        else asm__agent_discard(server, call->id.data);
        if (result == ASM_OK && started) started->is_open = true;
    }
    asm__array_release(&fresh.items);
    asm_buffer_close(&scratch);
    return result;
}

/* Reads the id of the call that the result which stands next belongs to. */
static asm_result asm__calls_read_result(asm_str json, asm_buffer *scratch, asm_str *id) {
    static const asm__agent_member member = {"tool_call_id", 0, ASM_JSON_STRING, ASM__REQUIRED};
    *id = asm__absent();
    if (asm_json_type_of(json) != ASM_JSON_OBJECT) return ASM_ERR_TYPE;
    return asm__agent_find_members(json, &member, 1, id, scratch);
}

/* Marks the calls whose results the array `json` holds, and writes those results to `kept`, if that is not NULL.
 * Returns how many others it has, `taken` how many these are. */
static asm_result asm__calls_mark(const asm__agent_list *calls, asm_str json, asm_json_writer *kept,
                                  size_t *taken, size_t *others) {
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str element, id;
    asm_result result = ASM_OK;
    *taken = *others = 0;
    for (size_t i = 0; i < calls->count; i++)
        asm__call_at(calls, i)->is_marked = false;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, json, NULL);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &element)) {
        asm_buffer_clear(&scratch);
        result = asm__calls_read_result(element, &scratch, &id);
        asm__agent_call *call = result == ASM_OK && id.size ? asm__call_find(calls, id, true) : NULL;
        if (result != ASM_ERR_NO_MEMORY) result = ASM_OK;
        if (call && !call->is_marked) {
            call->is_marked = true;
            ++*taken;
            if (kept) asm_json_write_raw(kept, element);
        } else {
            ++*others;
        }
    }
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    asm_buffer_close(&scratch);
    return result;
}

/* The calls that are marked have their results. */
static void asm__calls_take_marked(asm_agent_server *server, asm__agent_list *calls) {
    for (size_t i = calls->count; i-- > 0;) {
        asm__agent_call *call = asm__call_at(calls, i);
        if (!call->is_marked) continue;
        call->is_marked = call->is_open = false;
        asm__call_drop_if_over(server, calls, call);
    }
}

/* >>agent: interrupts */

/* What an agent waits with for somebody. One block; the texts of decisions and the answer are in blocks of their own. */
typedef struct asm__agent_interrupt {
    uint64_t number;
    asm_action_request *requests;
    asm_decision *decisions; /* one for each request, as all below */
    bool *is_used;           /* the call has ended: the decision counts no more */
    bool *is_told;           /* the decision went out */
    size_t count;
    asm_str question; /* JSON; absent if there are requests */
    asm_str data;     /* JSON: what goes out with the status */
    asm_resume resume;
} asm__agent_interrupt;

static void asm__interrupt_discard(asm_agent_server *server, asm__agent_interrupt *interrupt) {
    if (!interrupt) return;
    for (size_t i = 0; i < interrupt->count; i++)
        if (interrupt->decisions[i].kind != ASM_DECISION_NONE)
            asm__agent_discard(server, interrupt->decisions[i].arguments.data);
    asm__agent_discard(server, interrupt->resume.answer.data);
    asm__agent_discard(server, interrupt);
}

static size_t asm__interrupt_find(const asm__agent_interrupt *interrupt, asm_str call_id) {
    size_t at = 0;
    while (at < interrupt->count && !asm_str_equal(interrupt->requests[at].tool_call_id, call_id))
        at++;
    return at;
}

static size_t asm__interrupt_count_undecided(const asm__agent_interrupt *interrupt) {
    size_t count = 0;
    for (size_t i = 0; i < interrupt->count; i++)
        count += interrupt->decisions[i].kind == ASM_DECISION_NONE;
    return count;
}

static asm_result asm__interrupt_check(const asm_action_request *requests, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const asm_action_request *request = &requests[i];
        if (!request->tool_call_id.size || !request->tool_name.data) return ASM_ERR_INVALID_ARGUMENT;
        for (size_t k = 0; k < i; k++)
            if (asm_str_equal(requests[k].tool_call_id, request->tool_call_id))
                return ASM_ERR_INVALID_ARGUMENT;
        const asm_result result =
            request->arguments.data ? asm__agent_check_json(request->arguments, ASM_JSON_OBJECT) : ASM_OK;
        if (result != ASM_OK) return result;
    }
    return ASM_OK;
}

static void asm__interrupt_write_request(asm_json_writer *writer, const asm_action_request *request) {
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("tool_call_id"));
    asm_json_write_string(writer, request->tool_call_id);
    asm_json_write_key(writer, ASM_STR("tool_name"));
    asm_json_write_string(writer, request->tool_name);
    asm_json_write_key(writer, ASM_STR("arguments"));
    asm_json_write_raw(writer, request->arguments.data ? request->arguments : ASM_STR("{}"));
    asm_json_end_object(writer);
}

static const char *const asm__decision_names[] = {"", "approve", "edit", "reject"};

static void asm__interrupt_write_decision(asm_json_writer *writer, const asm_decision *decision) {
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("tool_call_id"));
    asm_json_write_string(writer, decision->tool_call_id);
    asm_json_write_key(writer, ASM_STR("type"));
    asm_json_write_string(writer, asm_str_from(asm__decision_names[decision->kind]));
    if (decision->arguments.size) {
        asm_json_write_key(writer, ASM_STR("arguments"));
        asm_json_write_raw(writer, decision->arguments);
    }
    if (decision->message.data) {
        asm_json_write_key(writer, ASM_STR("message"));
        asm_json_write_string(writer, decision->message);
    }
    asm_json_end_object(writer);
}

/* Writes what an interrupt asks; with `decisions` also what was decided so far. */
static void asm__interrupt_write(asm_json_writer *writer, const asm__agent_interrupt *interrupt,
                                 bool decisions) {
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("interrupt"));
    asm_json_write_uint64(writer, interrupt->number);
    asm_json_write_key(writer, interrupt->count ? ASM_STR("action_requests") : ASM_STR("question"));
    if (interrupt->count) asm_json_begin_array(writer);
    else asm_json_write_raw(writer, interrupt->question);
    for (size_t i = 0; i < interrupt->count; i++)
        asm__interrupt_write_request(writer, &interrupt->requests[i]);
    if (interrupt->count) asm_json_end_array(writer);
    if (decisions && asm__interrupt_count_undecided(interrupt) < interrupt->count) {
        asm_json_write_key(writer, ASM_STR("decisions"));
        asm_json_begin_array(writer);
        for (size_t i = 0; i < interrupt->count; i++)
            if (interrupt->decisions[i].kind != ASM_DECISION_NONE)
                asm__interrupt_write_decision(writer, &interrupt->decisions[i]);
        asm_json_end_array(writer);
    }
    asm_json_end_object(writer);
}

/* Makes a block of requests that have been checked, or of a question, and `json`, which is what it will tell. */
static asm__agent_interrupt *asm__interrupt_copy(const asm__agent_interrupt *from, asm_str json) {
    const size_t each = sizeof(asm_action_request) + sizeof(asm_decision) + 2 * sizeof(bool);
    size_t size = sizeof *from + from->question.size + json.size;
    for (size_t i = 0; i < from->count; i++) { /* each text is in the JSON, too: no overflow */
        const asm_action_request *request = &from->requests[i];
        size += each + request->tool_call_id.size + request->tool_name.size + request->arguments.size;
    }
    asm__agent_interrupt *copy = (asm__agent_interrupt *)asm__agent_allocate(size);
    if (!copy) return NULL;
    memset(copy, 0, sizeof *copy);
    copy->number = from->number;
    copy->count = from->count;
    copy->requests = (asm_action_request *)(copy + 1);
    copy->decisions = (asm_decision *)(copy->requests + from->count);
    copy->is_used = (bool *)(copy->decisions + from->count);
    copy->is_told = copy->is_used + from->count;
    char *texts = (char *)(copy->is_told + from->count);
    memset(copy->decisions, 0, from->count * sizeof *copy->decisions);
    memset(copy->is_used, 0, 2 * from->count * sizeof *copy->is_used);
    for (size_t i = 0; i < from->count; i++) {
        const asm_action_request *request = &from->requests[i];
        copy->requests[i].tool_call_id = asm__agent_put(&texts, request->tool_call_id);
        copy->requests[i].tool_name = asm__agent_put(&texts, request->tool_name);
        copy->requests[i].arguments = asm__agent_put(&texts, request->arguments);
        if (!request->arguments.data) copy->requests[i].arguments = ASM_STR("{}");
    }
    copy->question = asm__agent_put(&texts, from->question);
    copy->data = asm__agent_put(&texts, json);
    return copy;
}

/* Makes an interrupt from requests, or from a question if there are none. */
static asm_result asm__interrupt_make(uint64_t number, const asm_action_request *requests, size_t count,
                                      asm_str question, asm__agent_interrupt **made) {
    asm_result result =
        count ? asm__interrupt_check(requests, count) : asm__agent_check_json(question, ASM_JSON_NONE);
    asm__agent_interrupt plain;
    asm_buffer json;
    asm_json_writer writer;
    if (result != ASM_OK) return result;
    memset(&plain, 0, sizeof plain);
    plain.number = number;
    plain.requests = (asm_action_request *)(uintptr_t)requests; /* only read */
    plain.count = count;
    plain.question = count ? asm__absent() : question;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm__interrupt_write(&writer, &plain, false);
    result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) *made = asm__interrupt_copy(&plain, asm_buffer_text(&json));
    if (result == ASM_OK && !*made) result = ASM_ERR_NO_MEMORY;
    asm_buffer_close(&json);
    return result;
}

static asm_result asm__decision_check(const asm_decision *decision) {
    const bool is_edit = decision->kind == ASM_DECISION_EDIT;
    if (decision->kind < ASM_DECISION_APPROVE || decision->kind > ASM_DECISION_REJECT ||
        (decision->arguments.data && !is_edit))
        return ASM_ERR_INVALID_ARGUMENT;
    return is_edit ? asm__agent_check_json(decision->arguments, ASM_JSON_OBJECT) : ASM_OK;
}

/* Keeps a decision that has been checked on the request `at`. */
static asm_result asm__interrupt_decide(asm__agent_interrupt *interrupt, size_t at,
                                        const asm_decision *decision) {
    const size_t most = SIZE_MAX / 8;
    if (decision->arguments.size > most || decision->message.size > most) return ASM_ERR_NO_MEMORY;
    char *texts = (char *)asm__agent_allocate(decision->arguments.size + decision->message.size);
    if (!texts) return ASM_ERR_NO_MEMORY;
    asm_decision *kept = &interrupt->decisions[at];
    kept->kind = decision->kind;
    kept->tool_call_id = interrupt->requests[at].tool_call_id;
    kept->arguments = asm_str_make(texts, 0); /* the block begins here */
    if (decision->arguments.data) kept->arguments = asm__agent_put(&texts, decision->arguments);
    kept->message = asm__agent_put(&texts, decision->message);
    return ASM_OK;
}

static void asm__interrupt_undecide(asm_agent_server *server, asm__agent_interrupt *interrupt, size_t at) {
    asm__agent_discard(server, interrupt->decisions[at].arguments.data);
    memset(&interrupt->decisions[at], 0, sizeof interrupt->decisions[at]);
}

/* Whether two texts, which are valid JSON, are the same but for white space between their parts. */
static bool asm__json_is_same(asm_str a, asm_str b) {
    size_t i = 0, k = 0;
    bool in_string = false;
    for (;;) {
        while (!in_string && i < a.size && asm__is_space(a.data[i]))
            i++;
        while (!in_string && k < b.size && asm__is_space(b.data[k]))
            k++;
        if (i == a.size || k == b.size) return i == a.size && k == b.size;
        if (a.data[i] != b.data[k]) return false;
        if (in_string && a.data[i] == '\\') {
            i++, k++;
            if (i == a.size || k == b.size || a.data[i] != b.data[k]) return false;
        } else if (a.data[i] == '"') {
            in_string = !in_string;
        }
        i++, k++;
    }
}

/* >>agent: state */

/* A run: what execute begins and completion, cancel or error ends. */
typedef struct asm__agent_run {
    asm_str id;       /* a block; absent: there is no run */
    bool is_restored; /* it began elsewhere: for how long it goes on is not known */
    uint64_t began;
    int64_t steps;
    asm_usage_payload usage, main_usage; /* sums; the second without sub-agents */
    asm_usage_payload last;              /* of the message that was counted last */
    uint64_t last_id;                    /* the hash of its id; 0: none */
    bool has_sub_agents, has_usage;
    uint64_t messages; /* how many ids of messages were made */
} asm__agent_run;

typedef struct asm__agent_state {
    asm__agent_list turns, todos, middleware, held;
    asm_str metadata;                /* a block, or absent */
    asm__agent_list calls;           /* asm__agent_call */
    asm__agent_interrupt *interrupt; /* what it waits with; NULL: it does not */
    uint64_t interrupts;             /* the number of the last one */
    asm__agent_run run;
    asm_agent_status status; /* of a state that is read or written: idle, interrupted, paused, … */
} asm__agent_state;

static void asm__agent_clear_turns(asm_agent_server *server, asm__agent_state *state) {
    asm__agent_clear_list(server, &state->turns, &asm__turn_record);
    asm__agent_clear_list(server, &state->held, &asm__turn_record);
    asm__agent_clear_list(server, &state->todos, &asm__todo_record);
    asm__agent_clear_list(server, &state->middleware, &asm__middleware_record);
}

static void asm__agent_clear_state(asm_agent_server *server, asm__agent_state *state) {
    asm__agent_clear_turns(server, state);
    asm__calls_clear(server, &state->calls);
    asm__agent_discard(server, state->metadata.data);
    asm__interrupt_discard(server, state->interrupt);
    asm__agent_discard(server, state->run.id.data);
    memset(state, 0, sizeof *state);
}

static asm_agent_state asm__agent_view(const asm__agent_state *state) {
    asm_agent_state view;
    view.turns = (const asm_turn *)state->turns.items;
    view.turn_count = state->turns.count;
    view.todos = (const asm_todo *)state->todos.items;
    view.todo_count = state->todos.count;
    view.middleware = (const asm_middleware_state *)state->middleware.items;
    view.middleware_count = state->middleware.count;
    view.metadata = state->metadata;
    view.held = (const asm_turn *)state->held.items;
    view.held_count = state->held.count;
    return view;
}

/* Puts a copy of the JSON object, which may be absent, in place of what `place` holds. */
static asm_result asm__agent_replace_object(asm_agent_server *server, asm_str *place, asm_str object) {
    const asm_result result = object.data ? asm__agent_check_json(object, ASM_JSON_OBJECT) : ASM_OK;
    return result == ASM_OK ? asm__agent_replace_text(server, place, object) : result;
}

static bool asm__todo_status_is_known(asm_str status) {
    static const char *const known[] = {"pending", "in_progress", "completed", "cancelled"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (asm__agent_equals(status, known[i])) return true;
    return false;
}

static asm_result asm__agent_append_todo(asm__agent_list *list, const asm_todo *todo) {
    if (todo->status.data && !asm__todo_status_is_known(todo->status)) return ASM_ERR_INVALID_ARGUMENT;
    return asm__agent_append(list, &asm__todo_record, todo);
}

/* Puts the state of a middleware in place of the one it has; one without `state` removes it. */
static asm_result asm__agent_put_middleware(asm_agent_server *server, asm__agent_list *list,
                                            const asm_middleware_state *middleware) {
    size_t at = 0;
    while (at < list->count &&
           !asm_str_equal(((const asm_middleware_state *)list->items)[at].middleware, middleware->middleware))
        at++;
    const bool is_new = at == list->count;
    if (!middleware->state.data) {
        if (is_new) return ASM_OK;
    } else {
        const asm_result result = asm__agent_append(list, &asm__middleware_record, middleware);
        if (result != ASM_OK || is_new) return result;
    }
    asm__agent_discard_item(server, list, &asm__middleware_record, at);
    asm_middleware_state *items = (asm_middleware_state *)list->items;
    list->count--;
    if (middleware->state.data) items[at] = items[list->count];
    else memmove(items + at, items + at + 1, (list->count - at) * sizeof *items);
    return ASM_OK;
}

/* Copies a state into one that is empty; on an error it has to be cleared. */
static asm_result asm__agent_copy_state(asm_agent_server *server, asm__agent_state *state,
                                        const asm_agent_state *from) {
    asm_result result = asm__agent_replace_object(server, &state->metadata, from->metadata);
    for (size_t i = 0; i < from->turn_count && result == ASM_OK; i++)
        result = asm__agent_append(&state->turns, &asm__turn_record, &from->turns[i]);
    for (size_t i = 0; i < from->held_count && result == ASM_OK; i++)
        result = asm__agent_append(&state->held, &asm__turn_record, &from->held[i]);
    for (size_t i = 0; i < from->todo_count && result == ASM_OK; i++)
        result = asm__agent_append_todo(&state->todos, &from->todos[i]);
    for (size_t i = 0; i < from->middleware_count && result == ASM_OK; i++)
        result = asm__agent_put_middleware(server, &state->middleware, &from->middleware[i]);
    return result;
}

/* >>agent: state as JSON */

static void asm__agent_write_list(asm_json_writer *writer, const char *key, const asm__agent_list *list,
                                  const asm__agent_record *type) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++)
        asm__agent_write_record(writer, type, asm__agent_item(list, type, i));
    asm_json_end_array(writer);
}

static void asm__agent_write_state(asm_json_writer *writer, const asm__agent_state *state, bool with_turns) {
    const asm_middleware_state *middleware = (const asm_middleware_state *)state->middleware.items;
    asm_json_begin_object(writer);
    if (with_turns) asm__agent_write_list(writer, "messages", &state->turns, &asm__turn_record);
    asm__agent_write_list(writer, "todos", &state->todos, &asm__todo_record);
    asm_json_write_key(writer, ASM_STR("metadata"));
    asm_json_write_raw(writer, state->metadata.data ? state->metadata : ASM_STR("{}"));
    if (state->middleware.count) {
        asm_json_write_key(writer, ASM_STR("middleware"));
        asm_json_begin_object(writer);
        for (size_t i = 0; i < state->middleware.count; i++) {
            asm_json_write_key(writer, middleware[i].middleware);
            asm_json_write_raw(writer, middleware[i].state);
        }
        asm_json_end_object(writer);
    }
    if (with_turns && state->held.count)
        asm__agent_write_list(writer, "held", &state->held, &asm__turn_record);
    asm_json_end_object(writer);
}

static void asm__agent_write_usage(asm_json_writer *writer, const char *key, const asm_usage_payload *usage) {
    asm_event event;
    asm_buffer json;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_TOKEN_USAGE_UPDATED;
    event.usage = *usage;
    asm_buffer_init_growing(&json);
    asm_json_writer_fail(writer, asm_event_write_data(&event, &json));
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_raw(writer, asm_buffer_text(&json));
    asm_buffer_close(&json);
}

static void asm__agent_write_run(asm_json_writer *writer, const asm__agent_run *run) {
    asm_json_write_key(writer, ASM_STR("run"));
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("id"));
    asm_json_write_string(writer, run->id);
    asm_json_write_key(writer, ASM_STR("steps"));
    asm_json_write_int64(writer, run->steps);
    if (run->has_usage) asm__agent_write_usage(writer, "token_usage", &run->usage);
    if (run->has_sub_agents) asm__agent_write_usage(writer, "main_token_usage", &run->main_usage);
    asm_json_end_object(writer);
}

static asm_result asm__agent_export(const asm__agent_state *state, asm_agent_status status, bool with_turns,
                                    asm_time now, asm_buffer *out) {
    char time[ASM_TIME_TEXT_SIZE];
    const size_t time_size = now ? asm_time_format(now, ASM_TIME_PRECISION_AUTO, time) : 0;
    const bool goes_on = status == ASM_AGENT_INTERRUPTED || status == ASM_AGENT_PAUSED;
    const size_t begin = out->size;
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("version"));
    asm_json_write_int64(&writer, 1);
    asm_json_write_key(&writer, ASM_STR("status"));
    asm_json_write_string(&writer, asm_str_from(asm_agent_status_name(status)));
    asm_json_write_key(&writer, ASM_STR("state"));
    asm__agent_write_state(&writer, state, with_turns);
    if (state->interrupts) {
        asm_json_write_key(&writer, ASM_STR("interrupts"));
        asm_json_write_uint64(&writer, state->interrupts);
    }
    if (state->interrupt) {
        asm_json_write_key(&writer, ASM_STR("interrupt"));
        asm__interrupt_write(&writer, state->interrupt, true);
    }
    if (goes_on && state->run.id.data) asm__agent_write_run(&writer, &state->run);
    asm_json_write_key(&writer, ASM_STR("serialized_at"));
    asm_json_write_string(&writer, asm_str_make(time_size ? time : NULL, time_size));
    asm_json_end_object(&writer);
    const asm_result result = asm_json_writer_finish(&writer);
    if (result != ASM_OK && !out->write) out->size = begin;
    return result;
}

/* >>agent: order
 * A turn with calls is followed by the results of all of them before anything else. */

/* Why a call has no result, after what happened to its execution. */
#define ASM__WHY_CANCELLED "Not finished: the run was cancelled before this call had a result."
#define ASM__WHY_FAILED    "Not finished: the run failed before this call had a result."
#define ASM__WHY_SHUT_DOWN "Not finished: the agent was shut down before this call had a result."
#define ASM__WHY_LEFT_OUT  "Not finished: the run ended without a result of this call."
#define ASM__WHY_RESTORED                                                                                    \
    "Not finished: the program ended before this call had a result. Whether it ran is not known."

static void asm__agent_write_text(asm_json_writer *writer, const char *key, asm_str text) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, text);
}

/* Writes the result of a call as an element of tool_results. */
static void asm__agent_write_result(asm_json_writer *writer, const asm__agent_call *call,
                                    const asm_tool_payload *tool, asm_str status, asm_str edited) {
    const asm_str text = tool->output.data || !tool->error_message.data ? tool->output : tool->error_message;
    asm_json_begin_object(writer);
    asm__agent_write_text(writer, "tool_call_id", call->id);
    asm__agent_write_text(writer, "tool_name", call->name);
    asm__agent_write_text(writer, "status", status);
    if (edited.data) {
        asm_json_write_key(writer, ASM_STR("arguments"));
        asm_json_write_raw(writer, edited);
    }
    asm_json_write_key(writer, ASM_STR("output"));
    if (!tool->output.data && tool->output_json.data) asm_json_write_raw(writer, tool->output_json);
    else asm_json_write_string(writer, text.data ? text : ASM_STR(""));
    asm_json_end_object(writer);
}

/* The turn that answers one call; `json` has to be closed. */
static asm_result asm__agent_make_result(asm_turn *turn, asm_buffer *json, const asm__agent_call *call,
                                         const asm_tool_payload *tool, asm_str status, asm_str edited) {
    asm_json_writer writer;
    asm_buffer_init_growing(json);
    asm_json_writer_init(&writer, json);
    asm_json_begin_array(&writer);
    asm__agent_write_result(&writer, call, tool, status, edited);
    asm_json_end_array(&writer);
    memset(turn, 0, sizeof *turn);
    turn->role = ASM_STR("tool");
    turn->tool_results = asm_buffer_text(json);
    return asm_json_writer_finish(&writer);
}

static asm_tool_payload asm__agent_no_result(const asm__agent_call *call, asm_str why) {
    asm_tool_payload tool;
    memset(&tool, 0, sizeof tool);
    tool.name = call->name;
    tool.call_id = call->id;
    tool.input = call->arguments;
    tool.status = ASM_STR("cancelled");
    tool.error_message = why;
    return tool;
}

/* What a look through the turns found. */
typedef struct asm__agent_repairs {
    size_t patched, dropped; /* results that were made, and that nobody waited for */
    size_t joined;           /* turns that were held back and now stand at the end */
} asm__agent_repairs;

/* Appends a result for each open call to `fixed`, if that is not NULL, and closes the calls. */
static asm_result asm__agent_patch(asm_agent_server *server, asm__agent_list *calls, asm__agent_list *fixed,
                                   asm__agent_repairs *repairs) {
    asm_result result = ASM_OK;
    for (size_t i = 0; i < calls->count && result == ASM_OK; i++) {
        const asm_tool_payload tool =
            asm__agent_no_result(asm__call_at(calls, i), ASM_STR(ASM__WHY_RESTORED));
        asm_turn turn;
        asm_buffer json;
        repairs->patched++;
        if (!fixed) continue;
        result =
            asm__agent_make_result(&turn, &json, asm__call_at(calls, i), &tool, tool.status, asm__absent());
        if (result == ASM_OK) result = asm__agent_append(fixed, &asm__turn_record, &turn);
        asm_buffer_close(&json);
    }
    asm__calls_clear(server, calls);
    return result;
}

static bool asm__turn_is_result(const asm_turn *turn) {
    return turn->tool_results.data || asm__agent_equals(turn->role, "tool");
}

/* Takes a turn with results; those that no call waits for are left out of the copy. */
static asm_result asm__agent_walk_result(asm_agent_server *server, asm__agent_list *calls,
                                         asm__agent_list *fixed, const asm_turn *turn,
                                         asm__agent_repairs *repairs) {
    size_t taken = 0, others = 0;
    asm_turn copy = *turn;
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_array(&writer);
    asm_result result = turn->tool_results.data
                            ? asm__calls_mark(calls, turn->tool_results, &writer, &taken, &others)
                            : ASM_OK;
    asm_json_end_array(&writer);
    if (result == ASM_OK) result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) asm__calls_take_marked(server, calls);
    if (others) copy.tool_results = asm_buffer_text(&json);
    if (result == ASM_OK && taken && fixed) result = asm__agent_append(fixed, &asm__turn_record, &copy);
    repairs->dropped += others + !turn->tool_results.data;
    if (turn->tool_results.data && !taken && !others) repairs->dropped++; /* an empty list */
    asm_buffer_close(&json);
    return result;
}

/* Goes through turns: copies them to `fixed`, if that is not NULL, with what is missing and without what does not
 * belong there. `calls` are those that are open at the end. */
static asm_result asm__agent_walk(asm_agent_server *server, const asm__agent_list *turns,
                                  asm__agent_list *calls, asm__agent_list *fixed, bool keeps_open,
                                  asm__agent_repairs *repairs) {
    asm_result result = ASM_OK;
    repairs->patched = repairs->dropped = 0;
    for (size_t i = 0; i < turns->count && result == ASM_OK; i++) {
        const asm_turn *turn = (const asm_turn *)turns->items + i;
        if (asm__turn_is_result(turn)) {
            result = asm__agent_walk_result(server, calls, fixed, turn, repairs);
            continue;
        }
        if (calls->count) result = asm__agent_patch(server, calls, fixed, repairs);
        if (result == ASM_OK) result = asm__calls_read(server, calls, turn->tool_calls);
        if (result == ASM_OK && fixed) result = asm__agent_append(fixed, &asm__turn_record, turn);
    }
    if (result == ASM_OK && calls->count && !keeps_open)
        result = asm__agent_patch(server, calls, fixed, repairs);
    return result;
}

/* Appends what was held back to the turns of a state. */
static asm_result asm__agent_join_all(asm__agent_state *state, asm__agent_repairs *repairs) {
    asm__agent_list *turns = &state->turns, *held = &state->held;
    if (!held->count) return ASM_OK;
    if (!asm__array_reserve(&turns->items, sizeof(asm_turn), turns->count + held->count))
        return ASM_ERR_NO_MEMORY;
    memcpy((asm_turn *)turns->items + turns->count, held->items, held->count * sizeof(asm_turn));
    turns->count += held->count;
    repairs->joined = held->count;
    asm__array_release(&held->items);
    held->count = 0;
    return ASM_OK;
}

/* Finds the calls that are open, and makes the turns anew if they break the rule. */
static asm_result asm__agent_repair_turns(asm_agent_server *server, asm__agent_state *state, bool keeps_open,
                                          asm__agent_repairs *repairs) {
    asm__agent_list fixed = {NULL, 0};
    asm__calls_clear(server, &state->calls);
    asm_result result = asm__agent_walk(server, &state->turns, &state->calls, NULL, keeps_open, repairs);
    if (result != ASM_OK || repairs->patched + repairs->dropped == 0) return result;
    asm__calls_clear(server, &state->calls);
    result = asm__agent_walk(server, &state->turns, &state->calls, &fixed, keeps_open, repairs);
    if (result == ASM_OK) {
        asm__agent_clear_list(server, &state->turns, &asm__turn_record);
        state->turns = fixed;
    } else {
        asm__agent_clear_list(server, &fixed, &asm__turn_record);
    }
    return result;
}

/* Brings a state that was read in order. Calls of a run that goes on stay open, and what was held back for them waits.
 * On an error the state has to be cleared. */
static asm_result asm__agent_repair(asm_agent_server *server, asm__agent_state *state,
                                    asm__agent_repairs *repairs) {
    const bool goes_on = state->status == ASM_AGENT_INTERRUPTED || state->status == ASM_AGENT_PAUSED;
    asm_result result = ASM_OK;
    repairs->joined = 0;
    if (goes_on) result = asm__agent_repair_turns(server, state, true, repairs);
    if (result != ASM_OK || (goes_on && (state->calls.count || !state->held.count))) return result;
    result = asm__agent_join_all(state, repairs);
    return result == ASM_OK ? asm__agent_repair_turns(server, state, false, repairs) : result;
}

/* >>agent: state from JSON */

/* Appends the record that stands next. */
static asm_result asm__agent_read_record(asm__agent_list *list, const asm__agent_record *type,
                                         asm_json_reader *reader, asm_buffer *rest) {
    asm_str values[ASM__AGENT_MEMBERS];
    union {
        asm_turn turn;
        asm_todo todo;
    } record;
    asm_buffer_clear(rest);
    memset(&record, 0, sizeof record);
    const asm_result result = asm__agent_read_members(reader, type->members, type->count, values, rest);
    if (result != ASM_OK) return result;
    for (size_t i = 0; i < type->count; i++) {
        if (!type->members[i].name && rest->size > 2) values[i] = asm_buffer_text(rest);
        if (type->members[i].type == ASM_JSON_BOOL && values[i].data &&
            asm_json_type_of(values[i]) != ASM_JSON_BOOL)
            return ASM_ERR_TYPE;
        asm__agent_set(&record, &type->members[i], values[i]);
    }
    return type == &asm__todo_record ? asm__agent_append_todo(list, &record.todo)
                                     : asm__agent_append(list, type, &record);
}

/* Appends the records of the array `json`, or the one record that it is; it may be absent. */
static asm_result asm__agent_read_list(asm__agent_list *list, const asm__agent_record *type, asm_str json) {
    if (!json.data) return ASM_OK;
    asm_json_reader reader;
    asm_buffer scratch, rest;
    asm_result result = ASM_OK;
    asm_buffer_init_growing(&scratch);
    asm_buffer_init_growing(&rest);
    asm_json_reader_init(&reader, json, &scratch);
    if (asm_json_type_of(json) == ASM_JSON_OBJECT) {
        result = asm__agent_read_record(list, type, &reader, &rest);
    } else {
        asm_json_enter_array(&reader);
        while (result == ASM_OK && asm_json_next_element(&reader))
            result = asm__agent_read_record(list, type, &reader, &rest);
    }
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    asm_buffer_close(&scratch);
    asm_buffer_close(&rest);
    return result;
}

/* Adds the states of middleware that are the members of the object `json`. */
static asm_result asm__agent_read_middleware(asm_agent_server *server, asm__agent_list *list, asm_str json) {
    if (!json.data) return ASM_OK;
    asm_json_reader reader;
    asm_buffer keys;
    asm_middleware_state state;
    asm_result result = ASM_OK;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, json, &keys);
    asm_json_enter_object(&reader);
    while (result == ASM_OK && asm_json_next_member(&reader, &state.middleware) &&
           asm_json_read_raw(&reader, &state.state))
        result = asm__agent_put_middleware(server, list, &state);
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    asm_buffer_close(&keys);
    return result;
}

/* Goes through the objects of an array: reads those members of each. Strings go to `scratch`. */
typedef struct asm__agent_objects {
    asm_json_reader reader;
    const asm__agent_member *members;
    size_t count;
} asm__agent_objects;

static void asm__agent_objects_begin(asm__agent_objects *objects, asm_str json, asm_buffer *scratch,
                                     const asm__agent_member *members, size_t count) {
    objects->members = members;
    objects->count = count;
    asm_json_reader_init(&objects->reader, json, scratch);
    asm_json_enter_array(&objects->reader);
}

static bool asm__agent_objects_next(asm__agent_objects *objects, asm_str *values) {
    return asm_json_next_element(&objects->reader) &&
           asm__agent_read_members(&objects->reader, objects->members, objects->count, values, NULL) ==
               ASM_OK;
}

/* Reads the requests of an interrupt, whose texts are in `scratch`. */
static asm_result asm__interrupt_read_requests(asm_str json, asm_buffer *scratch, asm__agent_list *requests) {
    static const asm__agent_member members[] = {{"tool_call_id", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"tool_name", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"arguments", 0, ASM_JSON_OBJECT, ASM__OMIT}};
    asm__agent_objects objects;
    asm_action_request request;
    asm_str values[3];
    if (!json.data) return ASM_OK;
    asm__agent_objects_begin(&objects, json, scratch, members, 3);
    while (asm__agent_objects_next(&objects, values)) {
        request.tool_call_id = values[0];
        request.tool_name = values[1];
        request.arguments = values[2];
        if (!asm__array_reserve(&requests->items, sizeof request, requests->count + 1))
            return ASM_ERR_NO_MEMORY;
        ((asm_action_request *)requests->items)[requests->count++] = request;
    }
    return asm_json_reader_finish(&objects.reader);
}

/* Reads decisions, whose texts are in `scratch`. */
static asm_result asm__interrupt_read_decisions(asm_str json, asm_buffer *scratch,
                                                asm__agent_list *decisions) {
    static const asm__agent_member members[] = {{"tool_call_id", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"type", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"arguments", 0, ASM_JSON_OBJECT, ASM__OMIT},
                                                {"message", 0, ASM_JSON_STRING, ASM__OMIT}};
    asm__agent_objects objects;
    asm_decision decision;
    asm_str values[4];
    if (!json.data) return ASM_OK;
    asm__agent_objects_begin(&objects, json, scratch, members, 4);
    while (asm__agent_objects_next(&objects, values)) {
        memset(&decision, 0, sizeof decision);
        for (size_t i = 1; i < sizeof asm__decision_names / sizeof *asm__decision_names; i++)
            if (asm__agent_equals(values[1], asm__decision_names[i])) decision.kind = (asm_decision_kind)i;
        decision.tool_call_id = values[0];
        decision.arguments = values[2];
        decision.message = values[3];
        if (!asm__array_reserve(&decisions->items, sizeof decision, decisions->count + 1))
            return ASM_ERR_NO_MEMORY;
        ((asm_decision *)decisions->items)[decisions->count++] = decision;
    }
    return asm_json_reader_finish(&objects.reader);
}

/* Reads what was asked and decided into a state that waits for it. */
static asm_result asm__interrupt_read_parts(asm__agent_state *state, const asm_str *values,
                                            asm_buffer *scratch) {
    asm__agent_list requests = {NULL, 0}, decisions = {NULL, 0};
    uint64_t number = 0;
    int64_t value = 0;
    if (asm_json_to_int64(values[0], &value) && value > 0) number = (uint64_t)value;
    asm_result result =
        number ? asm__interrupt_read_requests(values[1], scratch, &requests) : ASM_ERR_INVALID_ARGUMENT;
    if (result == ASM_OK)
        result = asm__interrupt_make(number, (const asm_action_request *)requests.items, requests.count,
                                     values[2].data ? values[2] : ASM_STR("null"), &state->interrupt);
    if (result == ASM_OK) result = asm__interrupt_read_decisions(values[3], scratch, &decisions);
    for (size_t i = 0; i < decisions.count && result == ASM_OK; i++) {
        const asm_decision *decision = (const asm_decision *)decisions.items + i;
        const size_t at = asm__interrupt_find(state->interrupt, decision->tool_call_id);
        if (at == state->interrupt->count || state->interrupt->decisions[at].kind != ASM_DECISION_NONE)
            result = ASM_ERR_INVALID_ARGUMENT;
        if (result == ASM_OK) result = asm__decision_check(decision);
        if (result == ASM_OK) result = asm__interrupt_decide(state->interrupt, at, decision);
        if (result == ASM_OK) state->interrupt->is_told[at] = true;
    }
    if (number > state->interrupts) state->interrupts = number;
    asm__array_release(&requests.items);
    asm__array_release(&decisions.items);
    return result;
}

static asm_result asm__interrupt_read(asm__agent_state *state, asm_str json) {
    static const asm__agent_member members[] = {{"interrupt", 0, ASM_JSON_NUMBER, ASM__REQUIRED},
                                                {"action_requests", 0, ASM_JSON_ARRAY, ASM__OMIT},
                                                {"question", 0, ASM_JSON_NONE, ASM__OMIT},
                                                {"decisions", 0, ASM_JSON_ARRAY, ASM__OMIT}};
    asm_str values[4];
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    asm_result result = asm__agent_find_members(json, members, 4, values, NULL);
    if (result == ASM_OK) result = asm__interrupt_read_parts(state, values, &scratch);
    asm_buffer_close(&scratch);
    return result;
}

static asm_result asm__agent_read_run(asm__agent_run *run, asm_str json) {
    static const asm__agent_member members[] = {{"id", 0, ASM_JSON_STRING, ASM__REQUIRED},
                                                {"steps", 0, ASM_JSON_NUMBER, ASM__OMIT},
                                                {"token_usage", 0, ASM_JSON_OBJECT, ASM__OMIT},
                                                {"main_token_usage", 0, ASM_JSON_OBJECT, ASM__OMIT}};
    asm_str values[4];
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    asm_result result = asm__agent_find_members(json, members, 4, values, &scratch);
    if (result == ASM_OK && !values[0].size) result = ASM_ERR_INVALID_ARGUMENT;
    if (result == ASM_OK) {
        run->id = asm__agent_copy(values[0]);
        if (!run->id.data) result = ASM_ERR_NO_MEMORY;
        (void)asm_json_to_int64(values[1], &run->steps);
        run->has_usage = values[2].data && asm_usage_read(&run->usage, values[2]);
        run->has_sub_agents = values[3].data && asm_usage_read(&run->main_usage, values[3]);
        run->is_restored = true;
    }
    asm_buffer_close(&scratch);
    return result;
}

/* Replaces all but the turns of a state; these, too, if `values` has them. */
static asm_result asm__agent_read_parts(asm_agent_server *server, asm__agent_state *state, asm_str json) {
    static const asm__agent_member members[] = {{"messages", 0, ASM_JSON_ARRAY, ASM__OMIT},
                                                {"todos", 0, ASM_JSON_ARRAY, ASM__OMIT},
                                                {"metadata", 0, ASM_JSON_OBJECT, ASM__OMIT},
                                                {"middleware", 0, ASM_JSON_OBJECT, ASM__OMIT},
                                                {"held", 0, ASM_JSON_ARRAY, ASM__OMIT}};
    asm_str values[5];
    asm_result result = asm__agent_find_members(json, members, 5, values, NULL);
    if (result != ASM_OK) return result;
    for (size_t i = 0; i < 5; i++)
        if (values[i].data && asm_json_type_of(values[i]) != members[i].type) return ASM_ERR_TYPE;
    asm__agent_clear_list(server, &state->todos, &asm__todo_record);
    asm__agent_clear_list(server, &state->middleware, &asm__middleware_record);
    if (values[0].data || values[4].data) {
        asm__agent_clear_list(server, &state->turns, &asm__turn_record);
        asm__agent_clear_list(server, &state->held, &asm__turn_record);
    }
    result = asm__agent_read_list(&state->turns, &asm__turn_record, values[0]);
    if (result == ASM_OK) result = asm__agent_read_list(&state->held, &asm__turn_record, values[4]);
    if (result == ASM_OK) result = asm__agent_read_list(&state->todos, &asm__todo_record, values[1]);
    if (result == ASM_OK) result = asm__agent_replace_object(server, &state->metadata, values[2]);
    if (result == ASM_OK) result = asm__agent_read_middleware(server, &state->middleware, values[3]);
    return result;
}

/* Reads what asm__agent_export() writes over what a state has. */
static asm_result asm__agent_read_export(asm_agent_server *server, asm__agent_state *state,
                                         const asm_str *values) {
    int64_t version = 0, interrupts = 0;
    asm_str name = {NULL, 0};
    if (!asm_json_to_int64(values[0], &version) || version != 1)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, "the exported state is not of version 1");
    if (!values[2].data)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, "the exported state has no state");
    if (values[1].data && !asm_json_to_string(values[1], NULL, &name)) return ASM_ERR_TYPE;
    state->status = ASM_AGENT_IDLE;
    if (asm__agent_equals(name, "interrupted")) state->status = ASM_AGENT_INTERRUPTED;
    if (asm__agent_equals(name, "paused")) state->status = ASM_AGENT_PAUSED;
    asm__interrupt_discard(server, state->interrupt);
    state->interrupt = NULL;
    asm__agent_discard(server, state->run.id.data);
    memset(&state->run, 0, sizeof state->run);
    if (asm_json_to_int64(values[3], &interrupts) && interrupts > 0) state->interrupts = (uint64_t)interrupts;
    asm_result result = asm__agent_read_parts(server, state, values[2]);
    if (result == ASM_OK && state->status == ASM_AGENT_INTERRUPTED)
        result = asm__interrupt_read(state, values[4].data ? values[4] : ASM_STR("{}"));
    if (result == ASM_OK && state->status != ASM_AGENT_IDLE && values[5].data)
        result = asm__agent_read_run(&state->run, values[5]);
    return result;
}

/* Reads one line of what a store kept: a state, or a change that came after it. */
static asm_result asm__agent_read_line(asm_agent_server *server, asm__agent_state *state, asm_str line) {
    static const asm__agent_member members[] = {
        {"version", 0, ASM_JSON_NUMBER, ASM__OMIT},   {"status", 0, ASM_JSON_NONE, ASM__OMIT},
        {"state", 0, ASM_JSON_OBJECT, ASM__OMIT},     {"interrupts", 0, ASM_JSON_NUMBER, ASM__OMIT},
        {"interrupt", 0, ASM_JSON_OBJECT, ASM__OMIT}, {"run", 0, ASM_JSON_OBJECT, ASM__OMIT},
        {"turn", 0, ASM_JSON_OBJECT, ASM__OMIT},      {"held", 0, ASM_JSON_OBJECT, ASM__OMIT},
        {"joined", 0, ASM_JSON_NUMBER, ASM__OMIT},    {"todos", 0, ASM_JSON_ARRAY, ASM__OMIT}};
    asm_str values[10];
    asm_result result = asm__agent_find_members(line, members, 10, values, NULL);
    if (result != ASM_OK) return result;
    if (values[6].data) {
        result = asm__agent_read_list(&state->turns, &asm__turn_record, values[6]);
    } else if (values[7].data) {
        result = asm__agent_read_list(&state->held, &asm__turn_record, values[7]);
    } else if (values[8].data) {
        if (!state->held.count) return ASM_ERR_INVALID_ARGUMENT;
        if (!asm__array_reserve(&state->turns.items, sizeof(asm_turn), state->turns.count + 1))
            return ASM_ERR_NO_MEMORY;
        ((asm_turn *)state->turns.items)[state->turns.count++] = *(const asm_turn *)state->held.items;
        asm__agent_close_gap(&state->held, &asm__turn_record, 0, 1);
    } else if (values[9].data) {
        asm__agent_clear_list(server, &state->todos, &asm__todo_record);
        result = asm__agent_read_list(&state->todos, &asm__todo_record, values[9]);
    } else {
        return asm__agent_read_export(server, state, values);
    }
    return result;
}

/* Reads what asm__agent_export() writes, and the lines of changes that follow, into a state that is empty; on an error
 * it is empty again. */
static asm_result asm__agent_import(asm_agent_server *server, asm__agent_state *state, asm_str json,
                                    asm__agent_repairs *repairs) {
    asm_result result = ASM_OK;
    bool is_first = true;
    server->error[0] = '\0';
    while (result == ASM_OK && (is_first || json.size)) {
        const char *newline = json.size ? (const char *)memchr(json.data, '\n', json.size) : NULL;
        const size_t size = newline ? (size_t)(newline - json.data) : json.size;
        const asm_str line = asm_str_make(json.data, size);
        json = newline ? asm_str_make(newline + 1, json.size - size - 1) : asm__absent();
        if (is_first || line.size) result = asm__agent_read_line(server, state, line);
        is_first = false;
    }
    if (result == ASM_OK) result = asm__agent_repair(server, state, repairs);
    if (result != ASM_OK) asm__agent_clear_state(server, state);
    return result == ASM_OK || server->error[0]
               ? result
               : asm__agent_fail_with(server, result, "the exported state is not valid");
}

/* >>agent: an agent */

#define ASM__NEVER UINT64_MAX

/* A message to middleware that has not been delivered yet. */
typedef struct asm__agent_notice {
    struct asm__agent_notice *next;
    asm_str middleware, message; /* they stand after the struct */
} asm__agent_notice;

typedef struct asm__agent {
    asm_agent_server *server;
    asm_str id; /* this and the next two stand after the struct */
    asm_str conversation_id;
    asm_str viewers;      /* with a NUL after it; absent: they do not matter */
    asm__indexed indexed; /* its text is the id */
    uint32_t slot;
    asm_agent_status status;

    /* Changes of the status, and its end: who finds another number has been overtaken. */
    uint64_t transitions;

    asm_agent_config config;
    asm__agent_state state;
    asm__agent_repairs repairs; /* of the state it started with: to be told */
    size_t told_turns;          /* how many of the turns are known to who listens */

    uint64_t execution; /* its number; 0: none is under way */
    uint64_t slices;
    uint64_t begun_in_poll;               /* the execution: its first slice is in a later one */
    asm__agent_interrupt *resumed;        /* what this execution was resumed with; NULL: it was not */
    asm__agent_interrupt *next_interrupt; /* what the driver is about to return, as the three below */
    asm_str stop_reason, failure_code, failure;
    uint64_t wake_at; /* server->elapsed at that time */
    asm_str error;    /* text, and as JSON; in one block, or constants */
    asm_str error_json;

    asm_buffer streamed;      /* text of the assistant that no turn holds yet */
    asm_str message_id;       /* its message; a block */
    asm__agent_list request;  /* turns that the model is asked with: views, in part of the next */
    asm__agent_list inserted; /* by middleware */
    size_t answer; /* 1 + the place of the turn that the model answered with in this step; 0: none yet */
    uint64_t step_began, steps_ended;
    int64_t step_errors;
    asm_agent_status run_ends_as; /* while a run is ended */

    asm_pubsub *pubsub, *debug_pubsub;
    asm_topic_handle topic, debug_topic;
    int64_t sequence_number;
    const asm_state_store *state_store;
    const asm_display_store *display_store;
    asm_presence *presence;
    uint64_t presence_reference; /* 0: not tracked */
    asm_time tracked_activity;   /* what its entry says, as the next; NOT_RUNNING: not known */
    asm_agent_status tracked_status;
    asm_subscription subscription; /* to the viewers' topic */
    asm_str shutdown_metadata;     /* a block */
    asm__agent_notice *first_notice, **last_notice;

    int64_t inactivity_timeout_ms;
    uint64_t inactivity_timeout, grace_period, shutdown_delay; /* microseconds, or ASM__NEVER */
    uint64_t active_since, alone_since, stopping_since;        /* server->elapsed at that time */
    asm_time started_at, last_activity;
    uint64_t due; /* not after the first of its timers; the heap is sorted by it */
    size_t heap_at;

    struct asm__agent *owner; /* NULL: none, as the two below */
    struct asm__agent *first_owned, *next_owned;
    struct asm__agent *next, *previous; /* pending ones */
    uint64_t joined_in_poll;            /* these: visited in a later one */
    bool is_waiting, is_woken;
    bool error_is_constant;
    bool is_in_before_model; /* middleware may change the request */
    bool is_asking;          /* the model: turns are held back */
    bool uses_steps;         /* this execution */
    bool step_is_open, step_has_calls;
    bool must_save; /* what the store has is not what changes could be appended to */
    bool is_pending;
    bool must_announce; /* it has just been started */
    bool was_transferred;
    bool interrupted_is_inactive;
    bool may_be_alone; /* it had a viewer, or has completed an execution */
    bool is_alone;     /* idle, without viewers */
    bool is_stopping;  /* when its execution has ended */
    bool is_ending;    /* its last events go out */
    bool is_removed;
} asm__agent;

typedef struct asm__agent_slot {
    asm__agent *agent;
    uint32_t next_free;
} asm__agent_slot;

/* >>agent: registry */

static uint64_t asm__agent_hash(const asm_agent_server *server, asm_str id) {
    return asm__hash(id.data, id.size, server->options.hash_seed);
}

static asm__agent *asm__agent_find(const asm_agent_server *server, asm_str id) {
    if (!server || !id.data) return NULL;
    asm__indexed *item = asm__index_find(&server->index, NULL, id, asm__agent_hash(server, id));
    return item ? asm__container(item, asm__agent, indexed) : NULL;
}

/* Room for one agent more, so that asm__agent_register() cannot fail. */
static bool asm__agent_reserve(asm_agent_server *server) {
    return server->slot_count < UINT32_MAX - 1 &&
           asm__array_reserve(&server->slots, sizeof *server->slots, server->slot_count + 1) &&
           asm__array_reserve(&server->heap, sizeof(void *), server->agents + 1);
}

/* >>agent: timers
 * Every agent stands in a heap, sorted by a time that is not after the one at which its first timer is due.
 * When it comes up, that time is looked at again: so restarting a timer changes nothing in the heap. */

static void asm__agent_place(asm_agent_server *server, asm__agent *agent, size_t at) {
    server->heap[at] = agent;
    agent->heap_at = at;
}

static void asm__agent_sift_up(asm_agent_server *server, asm__agent *agent) {
    size_t at = agent->heap_at;
    while (at > 0 && server->heap[(at - 1) / 2]->due > agent->due) {
        asm__agent_place(server, server->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    asm__agent_place(server, agent, at);
}

static void asm__agent_sift_down(asm_agent_server *server, asm__agent *agent) {
    size_t at = agent->heap_at, child;
    while ((child = 2 * at + 1) < server->agents) {
        if (child + 1 < server->agents && server->heap[child + 1]->due < server->heap[child]->due) child++;
        if (server->heap[child]->due >= agent->due) break;
        asm__agent_place(server, server->heap[child], at);
        at = child;
    }
    asm__agent_place(server, agent, at);
}

static uint64_t asm__agent_after(uint64_t since, uint64_t period) {
    return period < ASM__NEVER - since ? since + period : ASM__NEVER;
}

/* `milliseconds`, or the default if it is 0, as microseconds; `negative` if it is. */
static uint64_t asm__agent_period(int64_t milliseconds, int64_t standard, uint64_t negative) {
    const uint64_t value = (uint64_t)(milliseconds ? milliseconds : standard);
    if (milliseconds < 0) return negative;
    return value < ASM__NEVER / 1000 ? value * 1000 : ASM__NEVER;
}

typedef enum asm__agent_timer {
    ASM__STOP,
    ASM__INACTIVITY,
    ASM__NO_VIEWERS,
    ASM__WAKE,
    ASM__TIMER_COUNT
} asm__agent_timer;

static bool asm__agent_may_be_inactive(const asm__agent *agent) {
    return agent->status != ASM_AGENT_RUNNING &&
           (agent->status != ASM_AGENT_INTERRUPTED || agent->interrupted_is_inactive);
}

/* When a timer is due; ASM__NEVER if it does not run. */
static uint64_t asm__agent_timer_due(const asm__agent *agent, asm__agent_timer timer) {
    switch (timer) {
    case ASM__STOP:
        return agent->is_stopping ? asm__agent_after(agent->stopping_since, agent->shutdown_delay)
                                  : ASM__NEVER;
    case ASM__INACTIVITY:
        return asm__agent_may_be_inactive(agent)
                   ? asm__agent_after(agent->active_since, agent->inactivity_timeout)
                   : ASM__NEVER;
    case ASM__NO_VIEWERS:
        return agent->is_alone ? asm__agent_after(agent->alone_since, agent->grace_period) : ASM__NEVER;
    case ASM__WAKE:
        return agent->is_waiting ? agent->wake_at : ASM__NEVER;
    case ASM__TIMER_COUNT:
        break;
    }
    return ASM__NEVER;
}

static asm__agent_timer asm__agent_first_timer(const asm__agent *agent, uint64_t *due) {
    asm__agent_timer first = ASM__STOP;
    *due = asm__agent_timer_due(agent, ASM__STOP);
    for (int i = ASM__STOP + 1; i < ASM__TIMER_COUNT; i++) {
        const uint64_t other = asm__agent_timer_due(agent, (asm__agent_timer)i);
        if (other < *due) {
            first = (asm__agent_timer)i;
            *due = other;
        }
    }
    return first;
}

/* After a change of what its timers depend on. */
static void asm__agent_arm(asm__agent *agent) {
    uint64_t due;
    (void)asm__agent_first_timer(agent, &due);
    if (due < agent->due) {
        agent->due = due;
        asm__agent_sift_up(agent->server, agent);
    }
}

/* The agent whose timer is due first, which one that is, and when; NULL if none runs. */
static asm__agent *asm__agent_first_due(asm_agent_server *server, asm__agent_timer *timer) {
    while (server->agents && server->heap[0]->due != ASM__NEVER) {
        asm__agent *agent = server->heap[0];
        uint64_t due;
        *timer = asm__agent_first_timer(agent, &due);
        if (due == agent->due) return agent;
        agent->due = due;
        asm__agent_sift_down(server, agent);
    }
    return NULL;
}

static void asm__agent_is_here(asm__agent *agent) {
    agent->active_since = agent->server->elapsed;
    agent->last_activity = agent->server->now;
    asm__agent_arm(agent);
}

/* >>agent: pending */

static void asm__agent_enlist(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (agent->is_pending) return;
    agent->is_pending = true;
    agent->joined_in_poll = server->polls;
    agent->next = NULL;
    agent->previous = server->last_pending;
    if (server->last_pending) server->last_pending->next = agent;
    else server->first_pending = agent;
    server->last_pending = agent;
    server->pending++;
}

static void asm__agent_delist(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (!agent->is_pending) return;
    agent->is_pending = false;
    if (server->visited == agent) server->visited = agent->next;
    if (agent->previous) agent->previous->next = agent->next;
    else server->first_pending = agent->next;
    if (agent->next) agent->next->previous = agent->previous;
    else server->last_pending = agent->previous;
    server->pending--;
}

/* After a change of what it has to do. */
static void asm__agent_update_pending(asm__agent *agent) {
    const bool runs = agent->status == ASM_AGENT_RUNNING && !agent->is_waiting;
    if (!agent->is_removed && (runs || agent->must_announce || agent->first_notice)) asm__agent_enlist(agent);
    else asm__agent_delist(agent);
}

/* >>agent: publishing */

static void asm__agent_announce(asm__agent *agent);

static asm_event asm__agent_event(asm_event_type type) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    return event;
}

/* Publishes `event`, in which what it leaves open is filled in. */
static asm_result asm__agent_publish_to(asm__agent *agent, asm_pubsub *pubsub, asm_topic_handle topic,
                                        asm_str wrapper, asm_event *event) {
    asm_message message;
    if (!event->agent_id.data) event->agent_id = agent->id;
    if (!event->session_id.data)
        event->session_id = agent->conversation_id.data ? agent->conversation_id : agent->id;
    if (!event->run_id.data && agent->state.run.id.data) event->run_id = agent->state.run.id;
    if (!event->time) event->time = agent->server->now;
    if (!event->sequence_number) event->sequence_number = ++agent->sequence_number;
    memset(&message, 0, sizeof message);
    message.wrapper = wrapper;
    message.event = event;
    const asm_result result = asm_topic_publish(pubsub, topic, &message, NULL);
    if (result != ASM_OK) agent->server->failures++;
    return result;
}

static asm_result asm__agent_publish(asm__agent *agent, asm_event *event) {
    asm__agent_announce(agent);
    if (agent->is_removed || !agent->pubsub) return ASM_OK;
    return asm__agent_publish_to(agent, agent->pubsub, agent->topic, ASM_STR(ASM_AGENT_WRAPPER), event);
}

static asm_result asm__agent_publish_debug(asm__agent *agent, asm_event *event) {
    if (!agent->debug_pubsub) return ASM_OK;
    asm__agent_announce(agent);
    if (agent->is_removed) return ASM_OK;
    return asm__agent_publish_to(agent, agent->debug_pubsub, agent->debug_topic,
                                 ASM_STR(ASM_AGENT_DEBUG_WRAPPER), event);
}

/* asm__agent_publish_to() for an event of the host's, which stays as it is. */
static asm_result asm__agent_publish_copy(asm__agent *agent, const asm_event *event, bool debug) {
    asm_event copy = *event;
    return debug ? asm__agent_publish_debug(agent, &copy) : asm__agent_publish(agent, &copy);
}

/* Says that a function of the host's has failed. */
static void asm__agent_report(asm__agent *agent, asm_str code, asm_result result) {
    if (result == ASM_OK || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_ERROR_OCCURRED);
    event.error.code = code;
    event.error.message = asm_str_from(asm_result_string(result));
    agent->server->failures++;
    (void)asm__agent_publish(agent, &event);
}

/* The state as it is now, for those who debug. */
static void asm__agent_publish_snapshot(asm__agent *agent) {
    if (!agent->debug_pubsub || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_AGENT_STATE_UPDATE);
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm__agent_write_state(&writer, &agent->state, true);
    event.state.state = asm_buffer_text(&json);
    if (asm_json_writer_finish(&writer) == ASM_OK) (void)asm__agent_publish_debug(agent, &event);
    else agent->server->failures++;
    asm_buffer_close(&json);
}

static void asm__agent_publish_action(asm__agent *agent, asm_str middleware, asm_str action, asm_str data) {
    asm_event event = asm__agent_event(ASM_EVENT_MIDDLEWARE_ACTION);
    event.middleware.middleware = middleware;
    event.middleware.action = action;
    event.middleware.data = data;
    (void)asm__agent_publish_debug(agent, &event);
}

static void asm__agent_publish_repairs(asm__agent *agent, const asm__agent_repairs *repairs) {
    char memory[80];
    asm_buffer data;
    if (repairs->patched + repairs->dropped == 0) return;
    asm_buffer_init_fixed(&data, memory, sizeof memory);
    asm__agent_append_number(&data, ASM_STR("{\"patched\":"), repairs->patched);
    asm__agent_append_number(&data, ASM_STR(",\"dropped\":"), repairs->dropped);
    asm_buffer_append_byte(&data, '}');
    asm__agent_publish_action(agent, ASM_STR("patch_tool_calls"), ASM_STR("dangling_tool_calls_patched"),
                              asm_buffer_text(&data));
}

/* >>agent: persistence */

static asm_result asm__agent_write_snapshot(const asm__agent *agent, asm_buffer *state, asm_buffer *changes) {
    const asm_time now = agent->server->now;
    const bool can_append = agent->state_store->append && !agent->must_save;
    asm_result result = asm__agent_export(&agent->state, agent->status, true, now, state);
    if (result == ASM_OK && can_append)
        result = asm__agent_export(&agent->state, agent->status, false, now, changes);
    return result;
}

static asm_result asm__agent_save(asm__agent *agent, asm_save_reason reason) {
    const asm_state_store *store = agent->state_store;
    if (!store) return ASM_OK;
    asm_buffer state, changes;
    asm_buffer_init_growing(&state);
    asm_buffer_init_growing(&changes);
    asm_result result = asm__agent_write_snapshot(agent, &state, &changes);
    asm_snapshot snapshot;
    snapshot.reason = reason;
    snapshot.state = asm_buffer_text(&state);
    snapshot.changes = changes.size ? asm_buffer_text(&changes) : asm__absent();
    agent->server->read_only_depth++;
    if (result == ASM_OK) result = store->save(store->user, agent->id, agent->conversation_id, &snapshot);
    agent->server->read_only_depth--;
    asm_buffer_close(&state);
    asm_buffer_close(&changes);
    agent->must_save = result != ASM_OK;
    return result;
}

/* Keeps a change as it happens: `record`, NULL for the number 1. What cannot be appended is saved with the rest. */
static asm_result asm__agent_keep(asm__agent *agent, const char *key, const asm__agent_record *type,
                                  const void *record, const asm__agent_list *list) {
    const asm_state_store *store = agent->state_store;
    if (!store || !store->append || agent->is_removed) return ASM_OK;
    if (agent->must_save) return asm__agent_save(agent, ASM_SAVE_ON_TURN);
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    if (list) {
        asm__agent_write_list(&writer, key, list, type);
    } else {
        asm_json_write_key(&writer, asm_str_from(key));
        if (record) asm__agent_write_record(&writer, type, record);
        else asm_json_write_int64(&writer, 1);
    }
    asm_json_end_object(&writer);
    asm_result result = asm_json_writer_finish(&writer);
    agent->server->read_only_depth++;
    if (result == ASM_OK)
        result = store->append(store->user, agent->id, agent->conversation_id, asm_buffer_text(&json));
    agent->server->read_only_depth--;
    asm_buffer_close(&json);
    if (result != ASM_OK) agent->must_save = true;
    return result;
}

/* Publishes what a display store kept: `saved`, or else the turn. */
static asm_result asm__agent_publish_display(asm__agent *agent, asm_event *event, asm_buffer *saved,
                                             const asm_turn *turn) {
    asm_result result = saved->result;
    if (saved->size == 0 && turn) {
        asm_json_writer writer;
        asm_json_writer_init(&writer, saved);
        asm__agent_write_record(&writer, &asm__turn_record, turn);
        result = asm_json_writer_finish(&writer);
    }
    if (result == ASM_OK && saved->size > 0) result = asm_json_check(asm_buffer_text(saved), NULL);
    if (result != ASM_OK) return result;
    if (saved->size > 0) event->display.display_message = asm_buffer_text(saved);
    (void)asm__agent_publish(agent, event);
    return ASM_OK;
}

static void asm__agent_save_display(asm__agent *agent, asm_display_kind kind, const asm_turn *turn) {
    const asm_display_store *store = agent->display_store;
    if (!store || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_DISPLAY_MESSAGE_SAVED);
    asm_buffer saved;
    asm_buffer_init_growing(&saved);
    agent->server->read_only_depth++;
    asm_result result = store->save(store->user, agent->id, agent->conversation_id, kind, turn, &saved);
    agent->server->read_only_depth--;
    if (result == ASM_OK) result = asm__agent_publish_display(agent, &event, &saved, turn);
    asm_buffer_close(&saved);
    asm__agent_report(agent, ASM_STR("display_store"), result);
}

static void asm__agent_save_notice(asm__agent *agent, asm_display_kind kind, asm_str text) {
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("system");
    turn.content = text;
    asm__agent_save_display(agent, kind, &turn);
}

static void asm__agent_update_display(asm__agent *agent, const asm_tool_payload *tool, const char *status) {
    const asm_display_store *store = agent->display_store;
    if (!store || !store->update_tool || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_DISPLAY_MESSAGE_UPDATED);
    event.display.tool_call_id = tool->call_id;
    event.display.status = asm_str_from(status);
    asm_buffer saved;
    asm_buffer_init_growing(&saved);
    agent->server->read_only_depth++;
    asm_result result = store->update_tool(store->user, agent->id, agent->conversation_id, tool,
                                           asm_str_from(status), &saved);
    agent->server->read_only_depth--;
    if (result == ASM_OK) result = asm__agent_publish_display(agent, &event, &saved, NULL);
    asm_buffer_close(&saved);
    if (result != ASM_ERR_NOT_FOUND) asm__agent_report(agent, ASM_STR("display_store"), result);
}

/* >>agent: presence */

#define ASM__META_ROOM 512 /* bytes: ids of a usual length; a longer meta is allocated */

static void asm__agent_write_time(asm_json_writer *writer, const char *key, asm_time time) {
    char text[ASM_TIME_TEXT_SIZE];
    const size_t size = time ? asm_time_format(time, ASM_TIME_PRECISION_AUTO, text) : 0;
    asm__agent_write_text(writer, key, asm_str_make(size ? text : NULL, size));
}

static asm_result asm__agent_write_meta(const asm__agent *agent, asm_buffer *out) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm__agent_write_time(&writer, "started_at", agent->started_at);
    asm__agent_write_time(&writer, "last_activity_at", agent->last_activity);
    asm__agent_write_text(&writer, "status", asm_str_from(asm_agent_status_name(agent->status)));
    asm__agent_write_text(&writer, "conversation_id", agent->conversation_id);
    asm__agent_write_text(&writer, "node", agent->server->options.node);
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

static asm_result asm__agent_track(asm__agent *agent) {
    char memory[ASM__META_ROOM];
    asm_buffer meta;
    asm_buffer_init_fixed(&meta, memory, sizeof memory);
    asm_result result = asm__agent_write_meta(agent, &meta);
    if (result == ASM_ERR_NO_SPACE) {
        asm_buffer_init_growing(&meta);
        result = asm__agent_write_meta(agent, &meta);
    }
    agent->tracked_activity = agent->last_activity;
    agent->tracked_status = agent->status;
    if (result == ASM_OK && agent->presence_reference)
        result = asm__presence_replace(agent->presence, &agent->presence_reference, asm_buffer_text(&meta));
    else if (result == ASM_OK)
        result = asm__presence_join(agent->presence, agent->server, ASM_TOPIC_AGENT_PRESENCE, agent->id,
                                    asm_buffer_text(&meta), &agent->presence_reference);
    if (result != ASM_OK) agent->tracked_status = ASM_AGENT_NOT_RUNNING;
    asm_buffer_close(&meta);
    return result;
}

static void asm__agent_update_presence(asm__agent *agent) {
    const bool is_as_tracked =
        agent->tracked_status == agent->status && agent->tracked_activity == agent->last_activity;
    if (agent->presence_reference && !agent->is_removed && !is_as_tracked)
        asm__agent_report(agent, ASM_STR("presence"), asm__agent_track(agent));
}

static void asm__agent_untrack(asm__agent *agent) {
    const uint64_t reference = agent->presence_reference;
    agent->presence_reference = 0;
    if (reference)
        asm__agent_report(agent, ASM_STR("presence"), asm_presence_untrack(agent->presence, reference));
}

/* Starts or ends the grace period of an agent that nobody watches. */
static void asm__agent_look_for_viewers(asm__agent *agent) {
    if (!agent->viewers.data) return;
    const bool is_watched = asm_presence_count(agent->presence, agent->viewers.data) > 0;
    agent->may_be_alone = agent->may_be_alone || is_watched;
    const bool is_alone = !is_watched && agent->may_be_alone && agent->status == ASM_AGENT_IDLE;
    if (is_alone && !agent->is_alone) agent->alone_since = agent->server->elapsed;
    agent->is_alone = is_alone;
    asm__agent_arm(agent);
}

static void asm__agent_on_viewers(void *user, const asm_message *message) {
    (void)message;
    asm__agent_look_for_viewers((asm__agent *)user);
}

/* >>agent: status
 * A change of status is made first, with everything that belongs to it; then it is told. */

static void asm__agent_clear_outcome(asm__agent *agent) {
    if (!agent->error_is_constant) asm__agent_discard(agent->server, agent->error.data);
    agent->error = agent->error_json = asm__absent();
    agent->error_is_constant = false;
    asm__interrupt_discard(agent->server, agent->next_interrupt);
    agent->next_interrupt = NULL;
    (void)asm__agent_replace_text(agent->server, &agent->stop_reason, asm__absent());
    (void)asm__agent_replace_text(agent->server, &agent->failure_code, asm__absent());
    (void)asm__agent_replace_text(agent->server, &agent->failure, asm__absent());
}

static void asm__agent_set_status(asm__agent *agent, asm_agent_status status) {
    agent->server->running +=
        (size_t)(status == ASM_AGENT_RUNNING) - (size_t)(agent->status == ASM_AGENT_RUNNING);
    agent->status = status;
    agent->transitions++;
    agent->is_waiting = false;
    asm__agent_update_pending(agent);
    asm__agent_look_for_viewers(agent);
    asm__agent_arm(agent);
}

static void asm__agent_tell_requests(asm__agent *agent);
static void asm__agent_tell_turns(asm__agent *agent);

/* Tells the status; nothing of it, or of what it waits with, once it was overtaken. */
static void asm__agent_publish_status(asm__agent *agent) {
    const uint64_t transitions = agent->transitions;
    asm_event event = asm__agent_event(ASM_EVENT_STATUS_CHANGED);
    if (agent->is_removed) return;
    event.status.status = asm_str_from(asm_agent_status_name(agent->status));
    if (agent->status == ASM_AGENT_ERROR) event.status.data = agent->error_json;
    if (agent->status == ASM_AGENT_INTERRUPTED) event.status.data = agent->state.interrupt->data;
    event.status.error_message = agent->error;
    (void)asm__agent_publish(agent, &event);
    if (agent->status == ASM_AGENT_INTERRUPTED && agent->transitions == transitions)
        asm__agent_tell_requests(agent);
}

/* Tells of a change of the status, after the agent's first events. */
static void asm__agent_tell_status(asm__agent *agent) {
    const uint64_t transitions = agent->transitions;
    asm__agent_announce(agent);
    if (agent->transitions != transitions) return;
    asm__agent_publish_status(agent);
    asm__agent_update_presence(agent);
}

/* The first events of an agent: with the first poll, or before any other. */
static void asm__agent_announce(asm__agent *agent) {
    if (!agent->must_announce) return;
    agent->must_announce = false;
    asm__agent_update_pending(agent);
    const asm_agent_config config = agent->config;
    asm_agent_server *server = agent->server;
    if (agent->was_transferred) {
        asm_event event = asm__agent_event(ASM_EVENT_NODE_TRANSFERRED);
        event.node.to_node = server->options.node;
        (void)asm__agent_publish(agent, &event);
    }
    asm__agent_publish_status(agent);
    asm__agent_publish_repairs(agent, &agent->repairs);
    asm__agent_tell_turns(agent);
    for (size_t i = 0; i < config.middleware_count && !agent->is_removed; i++) {
        const asm_middleware *middleware = &config.middleware[i];
        if (middleware->on_server_start)
            asm__agent_report(agent, ASM_STR("middleware"),
                              middleware->on_server_start(middleware->user, server, agent->id));
    }
}

/* >>agent: approvals */

/* Reads what a question says to people: its text, and its options. */
static void asm__agent_read_question(asm_str json, asm_buffer *scratch, asm_approval_payload *approval) {
    static const asm_str keys[] = {ASM_STR_INIT("question"), ASM_STR_INIT("options")};
    asm_str values[2];
    if (asm_buffer_reserve(scratch, json.size) != ASM_OK) return;
    if (asm_json_to_string(json, scratch, &approval->reason)) return;
    if (asm_json_find(json, keys, values, 2, NULL) != ASM_OK) return;
    (void)asm_json_to_string(values[0], scratch, &approval->reason);
    if (values[1].data && asm_json_type_of(values[1]) == ASM_JSON_ARRAY) approval->options = values[1];
}

/* Publishes an event about one request, or about the question. `decision` and `edited` may be absent. */
static void asm__agent_tell_request(asm__agent *agent, asm_event_type type,
                                    const asm__agent_interrupt *interrupt, size_t at,
                                    const asm_approval_payload *said) {
    asm_event event = asm__agent_event(type);
    asm_approval_payload *approval = &event.approval;
    asm_buffer id, scratch;
    asm_buffer_init_growing(&id);
    asm_buffer_init_growing(&scratch);
    asm__agent_append_number(&id, ASM_STR(""), interrupt->number);
    *approval = *said;
    approval->interrupt = ASM_INT64((int64_t)interrupt->number);
    approval->kind = interrupt->count ? ASM_STR("tool") : ASM_STR("question");
    if (interrupt->count) {
        const asm_action_request *request = &interrupt->requests[at];
        approval->tool_name = request->tool_name;
        approval->tool_call_id = request->tool_call_id;
        if (!approval->tool_input.data) approval->tool_input = request->arguments;
        asm_buffer_append_byte(&id, ':');
        asm_buffer_append(&id, request->tool_call_id);
    } else {
        approval->tool_input = interrupt->question;
        if (type == ASM_EVENT_TOOL_APPROVAL_REQUESTED)
            asm__agent_read_question(interrupt->question, &scratch, approval);
    }
    approval->request_id = asm_buffer_text(&id);
    if (id.result == ASM_OK) (void)asm__agent_publish(agent, &event);
    else agent->server->failures++;
    asm_buffer_close(&id);
    asm_buffer_close(&scratch);
}

static size_t asm__interrupt_request_count(const asm__agent_interrupt *interrupt) {
    return interrupt->count ? interrupt->count : 1; /* a question is one, too */
}

/* Asks for all that is undecided. */
static void asm__agent_tell_requests(asm__agent *agent) {
    const asm__agent_interrupt *interrupt = agent->state.interrupt;
    const asm_approval_payload nothing = asm__agent_event(ASM_EVENT_TOOL_APPROVAL_REQUESTED).approval;
    const uint64_t transitions = agent->transitions;
    for (size_t i = 0; i < asm__interrupt_request_count(interrupt); i++) {
        if (agent->transitions != transitions || agent->is_removed) return;
        if (interrupt->count && interrupt->decisions[i].kind != ASM_DECISION_NONE) continue;
        asm__agent_tell_request(agent, ASM_EVENT_TOOL_APPROVAL_REQUESTED, interrupt, i, &nothing);
    }
}

/* Nobody needs to decide on `interrupt`, which may be NULL, any more. */
static void asm__agent_withdraw(asm__agent *agent, asm__agent_interrupt *interrupt) {
    asm_approval_payload said;
    if (!interrupt) return;
    memset(&said, 0, sizeof said);
    said.decision = ASM_STR("withdrawn");
    for (size_t i = 0; i < asm__interrupt_request_count(interrupt) && !agent->is_removed; i++)
        if (!interrupt->count || interrupt->decisions[i].kind == ASM_DECISION_NONE)
            asm__agent_tell_request(agent, ASM_EVENT_TOOL_APPROVAL_DENIED, interrupt, i, &said);
    asm__interrupt_discard(agent->server, interrupt);
}

static void asm__agent_tell_decision(asm__agent *agent, const asm__agent_interrupt *interrupt, size_t at,
                                     const asm_decision *decision) {
    asm_approval_payload said;
    memset(&said, 0, sizeof said);
    said.reason = decision->message;
    said.decision = asm_str_from(asm__decision_names[decision->kind]);
    if (decision->kind == ASM_DECISION_EDIT) said.tool_input = decision->arguments;
    asm__agent_tell_request(agent,
                            decision->kind == ASM_DECISION_REJECT ? ASM_EVENT_TOOL_APPROVAL_DENIED
                                                                  : ASM_EVENT_TOOL_APPROVAL_GRANTED,
                            interrupt, at, &said);
}

/* >>agent: turns */

static void asm__agent_end_step(asm__agent *agent);

/* What a turn has beyond role and content, for its event; nothing if there is nothing. */
static asm_result asm__agent_write_extra(const asm_turn *turn, asm_buffer *out) {
    asm_json_writer writer;
    if (!turn->tool_calls.data && !turn->tool_results.data && !turn->extra.data) return ASM_OK;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    if (turn->tool_calls.data) {
        asm_json_write_key(&writer, ASM_STR("tool_calls"));
        asm_json_write_raw(&writer, turn->tool_calls);
    }
    if (turn->tool_results.data) {
        asm_json_write_key(&writer, ASM_STR("tool_results"));
        asm_json_write_raw(&writer, turn->tool_results);
    }
    if (turn->extra.data) {
        asm_json_write_key(&writer, ASM_STR("extra"));
        asm_json_write_raw(&writer, turn->extra);
    }
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

static void asm__agent_tell_turn(asm__agent *agent, const asm_turn *turn) {
    const bool is_answer = asm__agent_equals(turn->role, "assistant");
    asm_event event = asm__agent_event(is_answer ? ASM_EVENT_MESSAGE_RECEIVED : ASM_EVENT_MESSAGE_SENT);
    asm_buffer extra;
    asm_buffer_init_growing(&extra);
    event.message.role = turn->role;
    event.message.content = turn->content;
    event.message.message_id = turn->message_id;
    if (turn->is_incomplete) event.message.incomplete = ASM_BOOL(true);
    if (asm__agent_write_extra(turn, &extra) != ASM_OK) agent->server->failures++;
    else if (extra.size) event.extra = asm_buffer_text(&extra);
    (void)asm__agent_publish(agent, &event);
    asm_buffer_close(&extra);
    asm__agent_save_display(agent, ASM_DISPLAY_MESSAGE, turn);
}

/* Tells of the turns that stand, in their order, as far as that has not been done. */
static void asm__agent_tell_turns(asm__agent *agent) {
    while (!agent->is_removed && agent->told_turns < agent->state.turns.count) {
        const asm_turn turn = ((const asm_turn *)agent->state.turns.items)[agent->told_turns++];
        asm__agent_tell_turn(agent, &turn);
    }
}

/* Whether the results of a turn are those of calls that are open, and that nobody has to decide on first. Marks them. */
static asm_result asm__agent_check_results(const asm__agent *agent, const asm_turn *turn) {
    const asm__agent_interrupt *interrupt = agent->state.interrupt;
    const asm__agent_list *calls = &agent->state.calls;
    size_t taken = 0, others = 0;
    if (!turn->tool_results.data)
        return asm__agent_refuse(agent->server, ASM_ERR_INVALID_ARGUMENT,
                                 "a turn of the role tool needs tool_results");
    const asm_result result = asm__calls_mark(calls, turn->tool_results, NULL, &taken, &others);
    if (result != ASM_OK) return result;
    if (!taken || others)
        return asm__agent_refuse(agent->server, ASM_ERR_INVALID_ARGUMENT,
                                 "no open call waits for this result");
    for (size_t i = 0; interrupt && i < calls->count; i++)
        if (asm__call_at(calls, i)->is_marked &&
            asm__interrupt_find(interrupt, asm__call_at(calls, i)->id) < interrupt->count)
            return asm__agent_refuse(agent->server, ASM_ERR_INVALID_ARGUMENT,
                                     "somebody has to decide on this call first");
    return ASM_OK;
}

/* A call has ended: what was decided about it has been used. */
static void asm__agent_use_decision(asm__agent *agent, asm_str call_id) {
    asm__agent_interrupt *resumed = agent->resumed;
    if (!resumed || !call_id.size) return;
    const size_t at = asm__interrupt_find(resumed, call_id);
    if (at < resumed->count) resumed->is_used[at] = true;
}

static bool asm__agent_holds_back(const asm__agent *agent, const asm_turn *turn, bool is_drivers) {
    if (asm__call_count_open(&agent->state.calls)) return true;
    return agent->is_asking && !(is_drivers && asm__agent_equals(turn->role, "assistant"));
}

/* Puts a turn into the conversation, without telling. */
static asm_result asm__agent_take_turn(asm__agent *agent, const asm_turn *turn, bool is_drivers) {
    const bool is_result = asm__turn_is_result(turn);
    asm_agent_server *server = agent->server;
    asm__agent_state *state = &agent->state;
    asm_result result = asm__agent_check_record(&asm__turn_record, turn);
    if (result == ASM_OK && is_result && turn->tool_calls.data) result = ASM_ERR_INVALID_ARGUMENT;
    if (result == ASM_OK && is_result) result = asm__agent_check_results(agent, turn);
    if (result == ASM_OK) result = asm__agent_append_checked(&state->turns, &asm__turn_record, turn);
    if (result != ASM_OK) return result;
    result = asm__calls_read(server, &state->calls, turn->tool_calls);
    if (result != ASM_OK) {
        asm__agent_discard_item(server, &state->turns, &asm__turn_record, --state->turns.count);
        return result;
    }
    for (size_t i = 0; is_result && i < state->calls.count; i++)
        if (asm__call_at(&state->calls, i)->is_marked)
            asm__agent_use_decision(agent, asm__call_at(&state->calls, i)->id);
    if (is_result) asm__calls_take_marked(server, &state->calls);
    if (is_drivers && asm__agent_equals(turn->role, "assistant")) {
        agent->is_asking = false;
        agent->answer = state->turns.count;
        agent->step_has_calls = asm__call_count_open(&state->calls) > 0;
        asm_buffer_clear(&agent->streamed);
    }
    asm__agent_is_here(agent);
    return ASM_OK;
}

/* Appends what was held back, as far as the rule allows. */
static void asm__agent_join_held(asm__agent *agent) {
    asm__agent_state *state = &agent->state;
    asm_agent_server *server = agent->server;
    while (!agent->is_removed && state->held.count && !agent->is_asking &&
           !asm__call_count_open(&state->calls)) {
        const asm_turn turn = *(const asm_turn *)state->held.items;
        if (!asm__array_reserve(&state->turns.items, sizeof turn, state->turns.count + 1)) return;
        if (asm__calls_read(server, &state->calls, turn.tool_calls) != ASM_OK)
            return; /* when there is memory again */
        ((asm_turn *)state->turns.items)[state->turns.count++] = turn;
        asm__agent_close_gap(&state->held, &asm__turn_record, 0, 1);
        const asm_result kept = asm__agent_keep(agent, "joined", NULL, NULL, NULL);
        asm__agent_tell_turns(agent);
        asm__agent_report(agent, ASM_STR("state_store"), kept);
    }
}

/* After a turn: what waited for it. */
static void asm__agent_after_turn(asm__agent *agent) {
    if (agent->is_removed || asm__call_count_open(&agent->state.calls)) return;
    if (agent->step_is_open && agent->step_has_calls) asm__agent_end_step(agent);
    asm__agent_join_held(agent);
}

static asm_result asm__agent_hold_back(asm__agent *agent, const asm_turn *turn) {
    asm__agent_list calls = {NULL, 0};
    asm_result result =
        asm__calls_read(agent->server, &calls, turn->tool_calls); /* only to see whether they can be */
    asm__calls_clear(agent->server, &calls);
    if (result == ASM_OK) result = asm__agent_append(&agent->state.held, &asm__turn_record, turn);
    if (result != ASM_OK) return result;
    asm__agent_is_here(agent);
    asm__agent_report(agent, ASM_STR("state_store"),
                      asm__agent_keep(agent, "held", &asm__turn_record, turn, NULL));
    return ASM_OK;
}

/* Appends a turn to the state and tells. One of the driver's that was streamed has the id of its message. */
static asm_result asm__agent_stand(asm__agent *agent, const asm_turn *turn, bool is_drivers) {
    asm_turn named = *turn;
    const bool is_answer = is_drivers && asm__agent_equals(turn->role, "assistant");
    if (is_answer && !named.message_id.data) named.message_id = agent->message_id;
    const asm_result result = asm__agent_take_turn(agent, &named, is_drivers);
    if (result != ASM_OK) return result;
    const asm_result kept = asm__agent_keep(agent, "turn", &asm__turn_record, &named, NULL);
    if (is_answer) (void)asm__agent_replace_text(agent->server, &agent->message_id, asm__absent());
    asm__agent_tell_turns(agent);
    asm__agent_report(agent, ASM_STR("state_store"), kept);
    asm__agent_after_turn(agent);
    return ASM_OK;
}

/* asm__agent_stand(), or holds the turn back. */
static asm_result asm__agent_add_turn(asm__agent *agent, const asm_turn *turn, bool is_drivers) {
    const bool is_held = !asm__turn_is_result(turn) && asm__agent_holds_back(agent, turn, is_drivers);
    agent->server->error[0] = '\0';
    const asm_result result =
        is_held ? asm__agent_hold_back(agent, turn) : asm__agent_stand(agent, turn, is_drivers);
    return result == ASM_OK || agent->server->error[0]
               ? result
               : asm__agent_fail_with(agent->server, result, "the turn cannot be added");
}

/* Makes a turn of text that was streamed. */
static asm_result asm__agent_end_message(asm__agent *agent, bool is_incomplete) {
    asm_turn turn;
    if (!agent->streamed.size) return ASM_OK;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("assistant");
    turn.is_incomplete = is_incomplete;
    turn.content =
        asm__agent_copy(asm_buffer_text(&agent->streamed)); /* which is emptied when the turn stands */
    if (!turn.content.data) return ASM_ERR_NO_MEMORY;
    agent->is_asking = false;
    const asm_result result = asm__agent_add_turn(agent, &turn, true);
    asm__agent_discard(agent->server, turn.content.data);
    asm_buffer_clear(&agent->streamed);
    return result;
}

/* Tells the end of a call, and its start if that was not told. */
static asm_result asm__agent_tell_end(asm__agent *agent, asm_event_type type, const asm_tool_payload *tool) {
    asm__agent_list *calls = &agent->state.calls;
    asm__agent_call *call = asm__call_find(calls, tool->call_id, false);
    asm_event event = asm__agent_event(type);
    event.tool = *tool;
    if (!call) {
        asm_event start = asm__agent_event(ASM_EVENT_TOOL_CALL_STARTED);
        start.tool.name = tool->name;
        start.tool.call_id = tool->call_id;
        start.tool.input = tool->input;
        start.tool.display_text = tool->display_text;
        start.tool.parent_tool_call_id = tool->parent_tool_call_id;
        const asm_result result = asm__agent_publish(agent, &start);
        if (result != ASM_OK) return result;
    }
    /* The call that started may have ended, or begun, while that was told. */
    call = asm__call_find(calls, tool->call_id, false);
    if (!event.tool.duration_ms.is_set)
        event.tool.duration_ms =
            ASM_DOUBLE(call ? (double)(agent->server->elapsed - call->started_at) / 1000.0 : 0.0);
    agent->step_errors += type == ASM_EVENT_TOOL_CALL_FAILED;
    asm__agent_use_decision(agent, tool->call_id);
    if (call) {
        call->is_started = false;
        asm__call_drop_if_over(agent->server, calls, call);
    }
    const asm_result result = asm__agent_publish(agent, &event);
    asm__agent_update_display(agent, tool, type == ASM_EVENT_TOOL_CALL_COMPLETED ? "completed" : "failed");
    return result;
}

static bool asm__tool_has_failed(asm_str status) {
    static const char *const words[] = {"failed", "declined", "cancelled", "timeout"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (asm__agent_equals(status, words[i])) return true;
    return false;
}

/* Gives an open call its result. */
static asm_result asm__agent_answer(asm__agent *agent, const asm__agent_call *call,
                                    const asm_tool_payload *tool, asm_str edited) {
    const asm_str status = tool->status.data ? tool->status : ASM_STR("completed");
    asm_tool_payload told = *tool;
    asm_turn turn;
    asm_buffer json;
    told.status = status;
    asm_result result = asm__agent_make_result(&turn, &json, call, tool, status, edited);
    if (result == ASM_OK) asm__agent_tell_turns(agent);
    if (result == ASM_OK) result = asm__agent_take_turn(agent, &turn, true);
    if (result == ASM_OK) {
        const asm_result kept = asm__agent_keep(agent, "turn", &asm__turn_record, &turn, NULL);
        (void)asm__agent_tell_end(
            agent, asm__tool_has_failed(status) ? ASM_EVENT_TOOL_CALL_FAILED : ASM_EVENT_TOOL_CALL_COMPLETED,
            &told);
        asm__agent_tell_turns(agent);
        asm__agent_report(agent, ASM_STR("state_store"), kept);
        asm__agent_after_turn(agent);
    }
    asm_buffer_close(&json);
    return result;
}

/* Ends a call that will have no result of its own. */
static asm_result asm__agent_give_up(asm__agent *agent, const asm__agent_call *call, asm_str why) {
    const asm__agent_call copy = *call;
    asm_tool_payload tool = asm__agent_no_result(&copy, why);
    if (copy.is_open) {
        const asm_result result = asm__agent_answer(agent, &copy, &tool, asm__absent());
        return asm__call_find(&agent->state.calls, copy.id, true) ? result
                                                                  : ASM_OK; /* others may have answered it */
    }
    (void)asm__agent_tell_end(agent, ASM_EVENT_TOOL_CALL_FAILED, &tool);
    return ASM_OK;
}

static bool asm__agent_is_over(const asm__agent *agent) {
    return !agent->is_removed && agent->status != ASM_AGENT_RUNNING;
}

/* Brings the conversation to an end: no call without a result, nothing streamed without a turn, nothing held back
 * (which may have calls itself). */
static asm_result asm__agent_settle(asm__agent *agent, asm_str why, bool is_incomplete) {
    asm__agent_list *calls = &agent->state.calls;
    asm__agent_repairs repairs = {0, 0, 0};
    asm_result result = ASM_OK;
    agent->is_asking = false;
    do {
        while (result == ASM_OK && calls->count && asm__agent_is_over(agent)) {
            repairs.patched += asm__call_at(calls, 0)->is_open;
            result = asm__agent_give_up(agent, asm__call_at(calls, 0), why);
        }
        if (result == ASM_OK && asm__agent_is_over(agent))
            result = asm__agent_end_message(agent, is_incomplete);
        if (result == ASM_OK && asm__agent_is_over(agent)) asm__agent_join_held(agent);
    } while (result == ASM_OK && calls->count && asm__agent_is_over(agent));
    asm__agent_publish_repairs(agent, &repairs);
    return result;
}

/* >>agent: runs */

static void asm__usage_sum(asm_optional_int64 *sum, asm_optional_int64 more) {
    if (!more.is_set) return;
    sum->is_set = true;
    if (more.value > 0)
        sum->value = sum->value > INT64_MAX - more.value ? INT64_MAX : sum->value + more.value;
}

static void asm__usage_take(asm_optional_int64 *sum, asm_optional_int64 less) {
    if (less.is_set) sum->value -= less.value < sum->value ? less.value : sum->value;
}

/* Adds what `more` has to a sum, or takes it away again. */
static void asm__usage_add(asm_usage_payload *sum, const asm_usage_payload *more, bool takes) {
    void (*const apply)(asm_optional_int64 *, asm_optional_int64) = takes ? asm__usage_take : asm__usage_sum;
    apply(&sum->input_tokens, more->input_tokens);
    apply(&sum->output_tokens, more->output_tokens);
    apply(&sum->cache_read_tokens, more->cache_read_tokens);
    apply(&sum->cache_creation_tokens, more->cache_creation_tokens);
    apply(&sum->reasoning_tokens, more->reasoning_tokens);
    if (!more->cost_usd.is_set) return;
    sum->cost_usd.is_set = true;
    sum->cost_usd.value += takes ? -more->cost_usd.value : more->cost_usd.value;
}

static void asm__usage_greater(asm_optional_int64 *a, asm_optional_int64 b) {
    if (b.is_set && (!a->is_set || b.value > a->value)) *a = b;
}

/* Counts usage for the run. Of a message that is told several times the greatest counts count, once. */
static void asm__run_count(asm__agent *agent, const asm_usage_payload *usage) {
    asm__agent_run *run = &agent->state.run;
    const bool is_sub_agents = usage->parent_tool_call_id.data != NULL;
    if (usage->cumulative.is_set && usage->cumulative.value) return; /* of the session, not of the run */
    asm_usage_payload more = *usage;
    const uint64_t id =
        usage->message_id.data ? asm__hash(usage->message_id.data, usage->message_id.size, 0) | 1 : 0;
    if (id && id == run->last_id) {
        asm__usage_add(&run->usage, &run->last, true);
        if (!is_sub_agents) asm__usage_add(&run->main_usage, &run->last, true);
        asm__usage_greater(&more.input_tokens, run->last.input_tokens);
        asm__usage_greater(&more.output_tokens, run->last.output_tokens);
        asm__usage_greater(&more.cache_read_tokens, run->last.cache_read_tokens);
        asm__usage_greater(&more.cache_creation_tokens, run->last.cache_creation_tokens);
        asm__usage_greater(&more.reasoning_tokens, run->last.reasoning_tokens);
        if (!more.cost_usd.is_set) more.cost_usd = run->last.cost_usd;
    }
    asm__usage_add(&run->usage, &more, false);
    if (!is_sub_agents) asm__usage_add(&run->main_usage, &more, false);
    run->has_usage = true;
    run->has_sub_agents = run->has_sub_agents || is_sub_agents;
    run->last = more;
    run->last_id = id;
}

static void asm__agent_end_step(asm__agent *agent) {
    asm_event event = asm__agent_event(ASM_EVENT_STEP_COMPLETED);
    if (!agent->step_is_open) return;
    agent->step_is_open = false;
    agent->steps_ended++;
    event.step.step_number = ASM_INT64(agent->state.run.steps);
    event.step.has_tool_calls = ASM_BOOL(agent->step_has_calls);
    event.step.errors = ASM_INT64(agent->step_errors);
    event.step.duration_ms = ASM_DOUBLE((double)(agent->server->elapsed - agent->step_began) / 1000.0);
    (void)asm__agent_publish(agent, &event);
    asm__agent_publish_snapshot(agent);
}

/* Tells that the run is over, and how it ended. */
static void asm__agent_end_run(asm__agent *agent, asm_str error) {
    asm__agent_run *run = &agent->state.run;
    const asm_agent_status status = agent->run_ends_as;
    if (run->id.data && !agent->is_removed) asm__agent_end_step(agent);
    if (!run->id.data || agent->is_removed) return;
    const asm__agent_run ended = *run;
    memset(run, 0, sizeof *run);
    asm_event event = asm__agent_event(status == ASM_AGENT_ERROR       ? ASM_EVENT_RUN_FAILED
                                       : status == ASM_AGENT_CANCELLED ? ASM_EVENT_RUN_CANCELLED
                                                                       : ASM_EVENT_RUN_COMPLETED);
    asm_buffer usage, main_usage;
    asm_event counted = asm__agent_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    asm_buffer_init_growing(&usage);
    asm_buffer_init_growing(&main_usage);
    counted.usage = ended.usage;
    if (ended.has_usage && asm_event_write_data(&counted, &usage) == ASM_OK)
        event.run.token_usage = asm_buffer_text(&usage);
    agent->server->failures += usage.result != ASM_OK;
    counted.usage = ended.main_usage;
    if (ended.has_sub_agents && asm_event_write_data(&counted, &main_usage) == ASM_OK)
        event.run.main_token_usage = asm_buffer_text(&main_usage);
    event.run_id = ended.id;
    event.run.num_turns = ASM_INT64(ended.steps);
    event.run.cost_usd = ended.usage.cost_usd;
    if (!ended.is_restored)
        event.run.duration_ms = ASM_DOUBLE((double)(agent->server->elapsed - ended.began) / 1000.0);
    if (status == ASM_AGENT_IDLE) event.run.stop_reason = agent->stop_reason;
    if (status == ASM_AGENT_ERROR) event.run.error_code = agent->failure_code;
    if (status == ASM_AGENT_ERROR) event.run.error_message = error;
    (void)asm__agent_publish(agent, &event);
    asm__agent_discard(agent->server, ended.id.data);
    asm_buffer_close(&usage);
    asm_buffer_close(&main_usage);
}

/* Makes the id of a run that is about to begin: the time and the number of the execution, which together no other has. */
static asm_str asm__agent_make_run_id(const asm_agent_server *server) {
    char memory[48];
    asm_buffer id;
    asm_buffer_init_fixed(&id, memory, sizeof memory);
    asm__agent_append_number(&id, ASM_STR("run_"), (uint64_t)server->now);
    asm__agent_append_number(&id, ASM_STR("_"), server->executions + 1);
    return asm__agent_copy(asm_buffer_text(&id));
}

static asm_str asm__agent_title(const asm__agent *agent, asm_buffer *scratch) {
    const asm_str key = ASM_STR("title");
    asm_str raw = {NULL, 0}, title = {NULL, 0};
    if (agent->state.metadata.data) (void)asm_json_find(agent->state.metadata, &key, &raw, 1, NULL);
    if (raw.data) (void)asm_json_to_string(raw, scratch, &title);
    return title;
}

static void asm__agent_tell_run(asm__agent *agent) {
    asm_event event = asm__agent_event(ASM_EVENT_RUN_STARTED);
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    event.run.title = asm__agent_title(agent, &scratch);
    (void)asm__agent_publish(agent, &event);
    asm_buffer_close(&scratch);
}

/* >>agent: end of an agent */

static void asm__agent_clear_request(asm__agent *agent) {
    asm__array_release(&agent->request.items);
    agent->request.count = 0;
    asm__agent_clear_list(agent->server, &agent->inserted, &asm__turn_record);
}

static void asm__agent_release(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (agent->subscription.pubsub)
        (void)asm_pubsub_unsubscribe(agent->presence->options.pubsub, agent->subscription);
    if (agent->pubsub) (void)asm_topic_release(agent->pubsub, agent->topic);
    if (agent->debug_pubsub) (void)asm_topic_release(agent->debug_pubsub, agent->debug_topic);
    asm__agent_clear_outcome(agent);
    asm__agent_clear_state(server, &agent->state);
    asm__interrupt_discard(server, agent->resumed);
    asm__agent_discard(server, agent->message_id.data);
    asm__agent_discard(server, agent->shutdown_metadata.data);
    asm__agent_clear_request(agent);
    asm_buffer_close(&agent->streamed);
    while (agent->first_notice) {
        asm__agent_notice *notice = agent->first_notice;
        agent->first_notice = notice->next;
        asm__agent_discard(server, notice);
    }
    asm__agent_discard(server, agent);
}

static void asm__agent_disown(asm__agent *agent) {
    asm__agent **place = agent->owner ? &agent->owner->first_owned : NULL;
    while (place && *place != agent)
        place = &(*place)->next_owned;
    if (place) *place = agent->next_owned;
    agent->owner = NULL;
}

static void asm__agent_unregister(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    asm__agent_disown(agent);
    agent->is_removed = true;
    agent->transitions++;
    server->running -= agent->status == ASM_AGENT_RUNNING;
    asm__agent_update_pending(agent);
    asm__index_remove(&server->index, &agent->indexed);
    asm__agent *last = server->heap[--server->agents];
    if (last != agent) {
        asm__agent_place(server, last, agent->heap_at);
        asm__agent_sift_up(server, last);
        asm__agent_sift_down(server, last);
    }
    server->slots[agent->slot].agent = NULL;
    server->slots[agent->slot].next_free = server->free_slot;
    server->free_slot = agent->slot + 1;
}

/* The metadata of the last event: what the host set; if the state could not be kept, that and why the agent ended. */
static asm_str asm__agent_write_details(const asm__agent *agent, asm_result saved, const char *reason,
                                        asm_buffer *json) {
    asm_json_writer writer;
    if (saved == ASM_OK) return agent->shutdown_metadata;
    asm_json_writer_init(&writer, json);
    asm_json_begin_object(&writer);
    if (agent->shutdown_metadata.data)
        asm__agent_write_members(&writer, agent->shutdown_metadata, asm__absent());
    asm__agent_write_text(&writer, "state_store", asm_str_from(asm_result_string(saved)));
    asm__agent_write_text(&writer, "ended_by", asm_str_from(reason));
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer) == ASM_OK ? asm_buffer_text(json) : asm__absent();
}

static void asm__agent_publish_shutdown(asm__agent *agent, const char *reason, asm_result saved) {
    char last_activity[ASM_TIME_TEXT_SIZE], now[ASM_TIME_TEXT_SIZE];
    asm_event event = asm__agent_event(ASM_EVENT_AGENT_SHUTDOWN);
    asm_buffer json;
    asm_buffer_init_growing(&json);
    event.shutdown.agent_id = agent->id;
    event.shutdown.reason = saved == ASM_OK ? asm_str_from(reason) : ASM_STR("crash");
    if (agent->last_activity)
        event.shutdown.last_activity_at = asm_str_make(
            last_activity, asm_time_format(agent->last_activity, ASM_TIME_PRECISION_AUTO, last_activity));
    if (agent->server->now)
        event.shutdown.shutdown_at =
            asm_str_make(now, asm_time_format(agent->server->now, ASM_TIME_PRECISION_AUTO, now));
    event.shutdown.details = asm__agent_write_details(agent, saved, reason, &json);
    (void)asm__agent_publish(agent, &event);
    asm_buffer_close(&json);
}

/* Ends an agent that does not run and has been announced. */
static void asm__agent_end(asm__agent *agent, const char *reason, bool is_manual) {
    if (agent->is_ending) return;
    agent->is_ending = true;
    const asm_result saved = asm__agent_save(agent, ASM_SAVE_ON_SHUTDOWN);
    asm__agent_report(agent, ASM_STR("state_store"), saved);
    asm__agent_untrack(agent);
    if (is_manual) {
        asm_event event = asm__agent_event(ASM_EVENT_NODE_TRANSFERRING);
        event.node.from_node = agent->server->options.node;
        (void)asm__agent_publish(agent, &event);
    }
    asm__agent_publish_shutdown(agent, reason, saved);
    asm__agent_unregister(agent);
    asm__agent_release(agent);
}

/* Ends an agent that waited for its execution to end, if that is over. */
static void asm__agent_stop_if_due(asm__agent *agent) {
    if (agent->is_stopping && !agent->is_removed && agent->status != ASM_AGENT_RUNNING)
        asm__agent_end(agent, "manual", true);
}

/* >>agent: executions */

static asm_execution asm__agent_execution(const asm__agent *agent) {
    asm_execution execution;
    execution.server = agent->server;
    execution.number = agent->execution;
    execution.slice = agent->slices;
    execution.slot = agent->slot;
    return execution;
}

static asm__agent *asm__execution_find(asm_execution execution) {
    asm_agent_server *server = execution.server;
    asm__agent *agent =
        server && execution.slot < server->slot_count ? server->slots[execution.slot].agent : NULL;
    return agent && execution.number && agent->execution == execution.number ? agent : NULL;
}

/* Tells what was decided on a request, or answered, if that has not been told. */
static void asm__agent_tell_resumed(asm__agent *agent, asm__agent_interrupt *resumed, size_t at) {
    asm_approval_payload said;
    if (resumed->count) {
        if (resumed->is_told[at] || resumed->decisions[at].kind == ASM_DECISION_NONE) return;
        resumed->is_told[at] = true;
        asm__agent_tell_decision(agent, resumed, at, &resumed->decisions[at]);
        return;
    }
    memset(&said, 0, sizeof said);
    said.decision = ASM_STR("answer");
    said.answer = resumed->resume.answer;
    asm__agent_tell_request(agent, ASM_EVENT_TOOL_APPROVAL_GRANTED, resumed, 0, &said);
}

/* Begins an execution; `resumed` is what was decided, or NULL; `run_id` is absent if a run goes on. */
static void asm__agent_begin(asm__agent *agent, asm__agent_interrupt *resumed, asm_str run_id) {
    asm_agent_server *server = agent->server;
    const bool was_kept = resumed || agent->status == ASM_AGENT_PAUSED;
    asm__agent_clear_outcome(agent);
    asm__interrupt_discard(server, agent->resumed);
    agent->resumed = resumed;
    agent->execution = ++server->executions;
    agent->slices = 0;
    agent->begun_in_poll = server->polls;
    agent->uses_steps = false;
    if (run_id.data) {
        memset(&agent->state.run, 0, sizeof agent->state.run);
        agent->state.run.id = run_id;
        agent->state.run.began = server->elapsed;
    }
    asm__agent_set_status(agent, ASM_AGENT_RUNNING);
    asm__agent_is_here(agent);
    const uint64_t transitions = agent->transitions;
    const asm_result saved = was_kept ? asm__agent_save(agent, ASM_SAVE_ON_DECISION) : ASM_OK;
    for (size_t i = 0; resumed && i < asm__interrupt_request_count(resumed); i++)
        if (agent->transitions == transitions) asm__agent_tell_resumed(agent, resumed, i);
    if (agent->transitions == transitions) asm__agent_tell_status(agent);
    if (agent->transitions == transitions && run_id.data) asm__agent_tell_run(agent);
    asm__agent_report(agent, ASM_STR("state_store"), saved);
}

static void asm__agent_cancel(asm__agent *agent, const char *why);

/* Ends an agent now, whatever it does. */
static void asm__agent_end_now(asm__agent *agent) {
    asm__agent_announce(agent);
    if (agent->is_removed) return;
    agent->is_stopping = true;
    if (agent->status == ASM_AGENT_RUNNING) asm__agent_cancel(agent, ASM__WHY_SHUT_DOWN);
    else asm__agent_end(agent, "manual", true);
}

/* The execution is over, and with it the agents that served it. */
static void asm__agent_end_owned(asm__agent *agent) {
    while (agent->first_owned) {
        asm__agent *owned = agent->first_owned;
        asm__agent_disown(owned);
        asm__agent_end_now(owned);
    }
}

/* What all ends of an execution have in common, after the new status has been decided. */
static void asm__agent_conclude(asm__agent *agent, asm_agent_status status, asm_save_reason reason,
                                asm_str why) {
    const bool goes_on = status == ASM_AGENT_INTERRUPTED || status == ASM_AGENT_PAUSED;
    asm__agent_interrupt *withdrawn = status == ASM_AGENT_INTERRUPTED ? NULL : agent->state.interrupt;
    if (withdrawn) agent->state.interrupt = NULL;
    agent->execution = 0;
    agent->is_in_before_model = false;
    agent->may_be_alone = agent->may_be_alone || status == ASM_AGENT_IDLE;
    agent->steps_ended += !agent->uses_steps;
    if (!goes_on) agent->run_ends_as = status;
    asm__agent_set_status(agent, status);
    asm__agent_is_here(agent);
    const uint64_t transitions = agent->transitions;
    const asm_str error = agent->error;
    asm__agent_end_owned(agent);
    asm__agent_withdraw(agent, withdrawn);
    if (!goes_on && asm__agent_settle(agent, why, status != ASM_AGENT_IDLE) != ASM_OK)
        agent->server->failures++;
    const asm_result saved = agent->is_removed ? ASM_OK : asm__agent_save(agent, reason);
    if (!goes_on && agent->status != ASM_AGENT_RUNNING) asm__agent_end_run(agent, error);
    if (agent->transitions == transitions) asm__agent_tell_status(agent);
    asm__agent_report(agent, ASM_STR("state_store"), saved);
    if (status == ASM_AGENT_CANCELLED)
        asm__agent_save_notice(agent, ASM_DISPLAY_CANCELLED, ASM_STR("Cancelled"));
    if (status == ASM_AGENT_ERROR) asm__agent_save_notice(agent, ASM_DISPLAY_ERROR, error);
    asm__agent_publish_snapshot(agent);
    asm__agent_stop_if_due(agent);
}

/* Ends the execution without telling anybody but the driver. */
static void asm__agent_abort(asm__agent *agent) {
    const asm_driver driver = agent->config.driver;
    const asm_execution execution = asm__agent_execution(agent);
    if (!agent->execution) return;
    agent->execution = 0;
    agent->is_waiting = false;
    agent->server->read_only_depth++;
    if (driver.cancel) driver.cancel(driver.user, execution);
    agent->server->read_only_depth--;
}

/* Cancels what runs, or waits for somebody. */
static void asm__agent_cancel(asm__agent *agent, const char *why) {
    asm__agent_abort(agent);
    asm__agent_conclude(agent, ASM_AGENT_CANCELLED, ASM_SAVE_ON_CANCEL, asm_str_from(why));
}

/* The reason of an error, as text and as JSON. */
static void asm__agent_set_error(asm__agent *agent, asm_str reason) {
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_write_string(&writer, reason);
    char *block = json.result == ASM_OK ? (char *)asm__agent_allocate(reason.size + json.size) : NULL;
    if (!agent->error_is_constant) asm__agent_discard(agent->server, agent->error.data);
    agent->error_is_constant = !block;
    if (block) {
        agent->error = asm__agent_put(&block, reason);
        agent->error_json = asm__agent_put(&block, asm_buffer_text(&json));
    } else {
        agent->error = ASM_STR("out of memory");
        agent->error_json = ASM_STR("\"out of memory\"");
    }
    asm_buffer_close(&json);
}

/* Takes the interrupt that the driver has prepared; one that it has not is a question without words. */
static asm_result asm__agent_take_interrupt(asm__agent *agent) {
    asm_result result = ASM_OK;
    if (!agent->next_interrupt)
        result = asm__interrupt_make(agent->state.interrupts + 1, NULL, 0, ASM_STR("null"),
                                     &agent->next_interrupt);
    if (result != ASM_OK) return result;
    asm__interrupt_discard(agent->server, agent->state.interrupt);
    agent->state.interrupt = agent->next_interrupt;
    agent->state.interrupts = agent->next_interrupt->number;
    agent->next_interrupt = NULL;
    return ASM_OK;
}

static void asm__agent_finish(asm__agent *agent, asm_outcome outcome) {
    asm_str reason = agent->failure.data ? agent->failure : ASM_STR("failed");
    const asm_outcome given = outcome;
    if (outcome == ASM_OUTCOME_INTERRUPTED && asm__agent_take_interrupt(agent) != ASM_OK) {
        outcome = ASM_OUTCOME_FAILED;
        reason = ASM_STR("out of memory");
    } else if (outcome < ASM_OUTCOME_CONTINUE || outcome > ASM_OUTCOME_CRASHED) {
        outcome = ASM_OUTCOME_FAILED;
        reason = ASM_STR("the outcome that the driver gave is not valid");
    }
    if (outcome != given) /* the code is that of another reason */
        (void)asm__agent_replace_text(agent->server, &agent->failure_code, asm__absent());
    if (outcome == ASM_OUTCOME_COMPLETED) {
        asm__agent_conclude(agent, ASM_AGENT_IDLE, ASM_SAVE_ON_COMPLETION, ASM_STR(ASM__WHY_LEFT_OUT));
    } else if (outcome == ASM_OUTCOME_PAUSED) {
        asm__agent_conclude(agent, ASM_AGENT_PAUSED, ASM_SAVE_ON_COMPLETION, asm__absent());
    } else if (outcome == ASM_OUTCOME_INTERRUPTED) {
        asm__agent_conclude(agent, ASM_AGENT_INTERRUPTED, ASM_SAVE_ON_INTERRUPT, asm__absent());
    } else {
        asm__agent_set_error(agent, reason);
        asm__agent_conclude(agent, ASM_AGENT_ERROR, ASM_SAVE_ON_ERROR, ASM_STR(ASM__WHY_FAILED));
        if (outcome == ASM_OUTCOME_CRASHED && !agent->is_removed && agent->status != ASM_AGENT_RUNNING)
            asm__agent_end(agent, "crash", false);
    }
}

/* One call of the driver. */
static void asm__agent_run_slice(asm__agent *agent) {
    const asm_driver driver = agent->config.driver;
    const asm_execution execution = asm__agent_execution(agent);
    agent->slices++;
    agent->is_woken = false;
    agent->wake_at = ASM__NEVER;
    const asm_outcome outcome = agent->resumed
                                    ? driver.resume(driver.user, execution, &agent->resumed->resume)
                                    : driver.execute(driver.user, execution);
    const bool is_active = asm__execution_find(execution) != NULL;
    if (outcome == ASM_OUTCOME_CONTINUE || outcome == ASM_OUTCOME_WAIT) {
        if (!is_active) return;
        agent->steps_ended += outcome == ASM_OUTCOME_CONTINUE && !agent->uses_steps;
        agent->is_waiting = outcome == ASM_OUTCOME_WAIT && !agent->is_woken;
        asm__agent_update_pending(agent);
        asm__agent_arm(agent);
    } else if (is_active) {
        asm__agent_finish(agent, outcome);
    } else {
        agent->server->stale_calls++;
    }
}

/* >>agent: the server */

ASM_API const char *asm_agent_status_name(asm_agent_status status) {
    static const char *const names[] = {
#define ASM__X(name, text) text,
        ASM_AGENT_STATUSES(ASM__X)
#undef ASM__X
    };
    return (unsigned)status < ASM_AGENT_STATUS_COUNT ? names[status] : "";
}

ASM_API const char *asm_save_reason_name(asm_save_reason reason) {
    static const char *const names[] = {"on_completion",      "on_interrupt", "on_cancel",   "on_error",
                                        "on_title_generated", "on_shutdown",  "on_decision", "on_turn"};
    return (unsigned)reason < sizeof names / sizeof *names ? names[reason] : "";
}

ASM_API void asm_agent_server_init(asm_agent_server *server, const asm_agent_server_options *options) {
    if (!server) return;
    memset(server, 0, sizeof *server);
    if (options) server->options = *options;
    if (!server->options.node.data) server->options.node = ASM_STR("local");
}

ASM_API asm_result asm_agent_server_close(asm_agent_server *server) {
    if (!server) return ASM_OK;
    if (server->depth) return asm__agent_refuse(server, ASM_ERR_MISUSE, "a callback cannot close the server");
    server->is_closing = true;
    server->depth++;
    while (server->agents) {
        asm__agent_end_now(
            server->heap[0]); /* NOLINT(clang-analyzer-unix.Malloc): what ended is not in the heap */
    }
    asm__agent_leave(server, ASM_OK);
    asm__array_release(&server->slots);
    asm__index_close(&server->index);
    asm__array_release(&server->heap);
    const asm_agent_server_options options = server->options;
    asm_agent_server_init(server, &options);
    return ASM_OK;
}

ASM_API void asm_agent_server_set_time(asm_agent_server *server, asm_time now, int64_t monotonic) {
    if (!server) return;
    if (server->has_time && monotonic > server->monotonic)
        server->elapsed =
            asm__agent_after(server->elapsed, (uint64_t)monotonic - (uint64_t)server->monotonic);
    server->now = now;
    server->monotonic = monotonic;
    server->has_time = true;
}

static void asm__agent_wake(asm__agent *agent) {
    agent->is_woken = true;
    if (!agent->is_waiting) return;
    agent->is_waiting = false;
    asm__agent_update_pending(agent);
}

static void asm__agent_fire(asm__agent *agent, asm__agent_timer timer) {
    if (timer == ASM__WAKE) asm__agent_wake(agent);
    else if (agent->must_announce) asm__agent_announce(agent); /* then the timer is looked at again */
    else if (timer == ASM__STOP) asm__agent_cancel(agent, ASM__WHY_SHUT_DOWN);
    else asm__agent_end(agent, timer == ASM__INACTIVITY ? "inactivity" : "no_viewers", false);
}

static asm_result asm__agent_notify(asm__agent *agent, const asm__agent_notice *notice);

/* Delivers the messages that have come so far. */
static void asm__agent_deliver(asm__agent *agent) {
    asm__agent_notice *notice = agent->first_notice;
    agent->first_notice = NULL;
    while (notice) {
        asm__agent_notice *next = notice->next;
        if (!agent->is_removed) {
            asm__agent_report(agent, ASM_STR("middleware"), asm__agent_notify(agent, notice));
            asm__agent_publish_snapshot(agent);
        }
        asm__agent_discard(agent->server, notice);
        notice = next;
    }
    asm__agent_update_pending(agent);
}

ASM_API asm_result asm_agent_server_poll(asm_agent_server *server, asm_time now, int64_t monotonic) {
    asm__agent *agent;
    asm__agent_timer timer;
    if (!server) return ASM_ERR_INVALID_ARGUMENT;
    if (server->depth) return asm__agent_refuse(server, ASM_ERR_MISUSE, "a callback cannot poll the server");
    asm_agent_server_set_time(server, now, monotonic);
    server->depth++;
    server->polls++;
    server->visited = server->first_pending;
    while ((agent = server->visited) != NULL && agent->joined_in_poll != server->polls) {
        server->visited = agent->next;
        asm__agent_announce(agent);
        if (agent->first_notice && !agent->is_removed) asm__agent_deliver(agent);
        if (agent->execution && !agent->is_removed && !agent->is_waiting &&
            agent->begun_in_poll != server->polls)
            asm__agent_run_slice(agent);
    }
    server->visited = NULL;
    while ((agent = asm__agent_first_due(server, &timer)) != NULL && agent->due <= server->elapsed)
        asm__agent_fire(agent, timer);
    return asm__agent_leave(server, ASM_OK);
}

/* Microseconds until the first timer is due; ASM__NEVER if none runs. */
static uint64_t asm__agent_time_left(asm_agent_server *server) {
    asm__agent_timer timer;
    const asm__agent *agent = asm__agent_first_due(server, &timer);
    if (!agent) return ASM__NEVER;
    return agent->due > server->elapsed ? agent->due - server->elapsed : 0;
}

ASM_API int64_t asm_agent_server_next_timer(asm_agent_server *server) {
    const uint64_t left = server ? asm__agent_time_left(server) : ASM__NEVER;
    if (left == ASM__NEVER) return INT64_MAX;
    return left > (uint64_t)INT64_MAX - (server->monotonic > 0 ? (uint64_t)server->monotonic : 0)
               ? INT64_MAX
               : server->monotonic + (int64_t)left;
}

ASM_API int asm_agent_server_timeout(asm_agent_server *server) {
    const uint64_t left = server ? asm__agent_time_left(server) : ASM__NEVER;
    if (server && server->pending) return 0;
    if (left == ASM__NEVER) return -1;
    const uint64_t milliseconds = left / 1000 + (left % 1000 > 0); /* not before it is due */
    return milliseconds < INT32_MAX ? (int)milliseconds : INT32_MAX;
}

/* >>agent: start */

static const char asm__list_is_missing[] = "a list that is counted is missing";

static asm_result asm__agent_check_config(asm_agent_server *server, const asm_agent_config *config) {
    if (!config || !config->driver.execute)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, "an agent needs a driver with execute()");
    if ((config->interrupt_on_count && !config->interrupt_on) ||
        (config->middleware_count && !config->middleware))
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, asm__list_is_missing);
    return ASM_OK;
}

/* Whether all lists are there that a state counts. */
static bool asm__agent_has_lists(const asm_agent_state *state) {
    return (state->turns || !state->turn_count) && (state->todos || !state->todo_count) &&
           (state->middleware || !state->middleware_count) && (state->held || !state->held_count);
}

static asm_result asm__agent_check_options(asm_agent_server *server, const asm_agent_options *options) {
    const asm_agent_presence *presence = &options->presence;
    const char *error = NULL;
    if (!options->id.data || !options->id.size) error = "an agent needs an id";
    else if (asm__agent_equals(options->id, "presence")) error = "an agent cannot be named presence";
    else if (options->initial_state && options->exported_state.data)
        error = "an agent starts from an initial or an exported state, not from both";
    else if (options->initial_state && !asm__agent_has_lists(options->initial_state))
        error = asm__list_is_missing;
    else if ((options->state_store && !options->state_store->save) ||
             (options->display_store && !options->display_store->save))
        error = "a store needs save()";
    else if (!presence->presence && (presence->viewers || presence->discovery))
        error = "viewers and discovery need a presence";
    else if (presence->viewers && (!*presence->viewers || !presence->presence->options.pubsub))
        error = "viewers need a topic, and a presence with a dispatcher";
    if (error) return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, error);
    if (options->owner.number && !asm__execution_find(options->owner))
        return asm__agent_refuse(server, ASM_ERR_NOT_FOUND, "the owner's execution is over");
    if (options->owner.number && options->owner.server != server)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT,
                                 "the owner is an agent of the same server");
    if (asm__agent_find(server, options->id))
        return asm__agent_refuse(server, ASM_ERR_EXISTS, "an agent with this id already exists");
    return asm__agent_check_config(server, &options->config);
}

/* An agent in one block with its texts, that has nothing yet. */
static asm__agent *asm__agent_create(asm_agent_server *server, const asm_agent_options *options) {
    const asm_str viewers = asm_str_from(options->presence.viewers);
    const size_t most = SIZE_MAX / 8;
    if (options->id.size > most || options->conversation_id.size > most || viewers.size > most) return NULL;
    asm__agent *agent = (asm__agent *)asm__agent_allocate(sizeof *agent + options->id.size +
                                                          options->conversation_id.size + viewers.size + 1);
    if (!agent) return NULL;
    memset(agent, 0, sizeof *agent);
    char *texts = (char *)(agent + 1);
    agent->server = server;
    agent->id = asm__agent_put(&texts, options->id);
    agent->conversation_id = asm__agent_put(&texts, options->conversation_id);
    agent->viewers = asm__agent_put(&texts, viewers);
    *texts = '\0';
    agent->indexed.hash = asm__agent_hash(server, agent->id);
    agent->indexed.text = agent->id;
    agent->config = options->config;
    agent->state_store = options->state_store;
    agent->must_save = true;
    agent->display_store = options->display_store;
    agent->presence = options->presence.presence;
    asm_buffer_init_growing(&agent->streamed);
    agent->interrupted_is_inactive = options->interrupted_is_inactive;
    agent->inactivity_timeout_ms =
        options->inactivity_timeout_ms ? options->inactivity_timeout_ms : ASM_AGENT_INACTIVITY_TIMEOUT_MS;
    agent->inactivity_timeout = asm__agent_period(agent->inactivity_timeout_ms, 0, ASM__NEVER);
    agent->grace_period = asm__agent_period(options->presence.grace_period_ms, ASM_AGENT_GRACE_PERIOD_MS, 1);
    agent->shutdown_delay = asm__agent_period(options->shutdown_delay_ms, ASM_AGENT_SHUTDOWN_DELAY_MS, 0);
    agent->active_since = server->elapsed;
    agent->started_at = agent->last_activity = server->now;
    return agent;
}

static asm_result asm__agent_load(asm__agent *agent) {
    const asm_state_store *store = agent->state_store;
    asm_agent_server *server = agent->server;
    if (!store || !store->load) return ASM_OK;
    asm_buffer json;
    asm_buffer_init_growing(&json);
    server->read_only_depth++;
    asm_result result = store->load(store->user, agent->id, agent->conversation_id, &json);
    server->read_only_depth--;
    if (result == ASM_OK) result = json.result;
    if (result == ASM_OK) {
        result = asm__agent_import(server, &agent->state, asm_buffer_text(&json), &agent->repairs);
        agent->must_save = agent->repairs.patched + agent->repairs.dropped + agent->repairs.joined > 0;
    } else if (result == ASM_ERR_NOT_FOUND) {
        result = ASM_OK;
    } else {
        asm__agent_fail_with(server, result, "the state could not be loaded");
    }
    asm_buffer_close(&json);
    return result;
}

static asm_result asm__agent_set_first_state(asm__agent *agent, const asm_agent_options *options) {
    asm_agent_server *server = agent->server;
    agent->was_transferred = options->exported_state.data != NULL;
    if (options->exported_state.data)
        return asm__agent_import(server, &agent->state, options->exported_state, &agent->repairs);
    if (!options->initial_state) return asm__agent_load(agent);
    asm_result result = asm__agent_copy_state(server, &agent->state, options->initial_state);
    if (result == ASM_OK) result = asm__agent_repair(server, &agent->state, &agent->repairs);
    return asm__agent_fail_with(server, result, "the initial state is not valid");
}

/* The text of an agent's topic, in a buffer that has to be closed. */
static asm_result asm__agent_topic(asm_str id, bool debug, asm_buffer *text) {
    size_t (*const build)(char *, size_t, asm_str) = debug ? asm_topic_agent_debug : asm_topic_agent;
    asm_buffer_init_growing(text);
    const size_t size = build(NULL, 0, id) + 1;
    if (asm_buffer_reserve(text, size) == ASM_OK) build(text->data, size, id);
    return text->result;
}

/* Has the agent publish to `pubsub`, if that is one. */
static asm_result asm__agent_resolve(asm__agent *agent, asm_pubsub *pubsub, bool debug) {
    asm_buffer text;
    if (!pubsub) return ASM_OK;
    asm_result result = asm__agent_topic(agent->id, debug, &text);
    if (result == ASM_OK)
        result = asm_topic_resolve(pubsub, text.data, debug ? &agent->debug_topic : &agent->topic);
    if (result == ASM_OK) *(debug ? &agent->debug_pubsub : &agent->pubsub) = pubsub;
    asm_buffer_close(&text);
    return result;
}

/* The status that an agent goes on with. */
static asm_agent_status asm__agent_restored_status(const asm__agent_state *state) {
    if (state->status == ASM_AGENT_INTERRUPTED && state->interrupt) return ASM_AGENT_INTERRUPTED;
    return state->status == ASM_AGENT_PAUSED ? ASM_AGENT_PAUSED : ASM_AGENT_IDLE;
}

static void asm__agent_register(asm__agent *agent, const asm_agent_options *options) {
    asm_agent_server *server = agent->server;
    if (server->free_slot) {
        agent->slot = server->free_slot - 1;
        server->free_slot = server->slots[agent->slot].next_free;
    } else {
        agent->slot = (uint32_t)server->slot_count++;
    }
    server->slots[agent->slot].agent = agent;
    agent->told_turns = agent->state.turns.count - agent->repairs.joined;
    asm__index_insert(&server->index, &agent->indexed);
    agent->due = ASM__NEVER;
    asm__agent_place(server, agent, server->agents++);
    agent->must_announce = true;
    agent->owner = asm__execution_find(options->owner);
    if (agent->owner) {
        agent->next_owned = agent->owner->first_owned;
        agent->owner->first_owned = agent;
    }
    asm__agent_set_status(agent, asm__agent_restored_status(&agent->state));
}

/* What can fail for want of memory; asm__agent_release() takes it back. */
static asm_result asm__agent_equip(asm__agent *agent, const asm_agent_options *options) {
    asm_result result = asm__agent_resolve(agent, options->pubsub, false);
    if (result == ASM_OK) result = asm__agent_resolve(agent, options->debug_pubsub, true);
    if (result == ASM_OK && agent->presence && agent->viewers.data)
        result = asm_pubsub_subscribe(agent->presence->options.pubsub, agent->viewers.data,
                                      asm__agent_on_viewers, agent, &agent->subscription);
    if (result == ASM_OK && !asm__agent_reserve(agent->server)) result = ASM_ERR_NO_MEMORY;
    return asm__agent_fail_with(agent->server, result, "the agent could not be started");
}

ASM_API asm_result asm_agent_start(asm_agent_server *server, const asm_agent_options *options) {
    if (!server || !options) return ASM_ERR_INVALID_ARGUMENT;
    if (server->read_only_depth || server->is_closing)
        return asm__agent_refuse(server, ASM_ERR_MISUSE, "no agent can be started from here");
    asm_result result = asm__agent_check_options(server, options);
    if (result != ASM_OK) return result;
    asm__agent *agent = asm__agent_create(server, options);
    if (!agent) return asm__agent_fail_with(server, ASM_ERR_NO_MEMORY, "the agent could not be started");
    server->depth++;
    result = asm__agent_set_first_state(agent, options);
    if (result == ASM_OK) result = asm__agent_equip(agent, options);
    if (result != ASM_OK) {
        asm__agent_release(agent);
        return asm__agent_leave(server, result);
    }
    asm__agent_register(agent, options);
    if (options->presence.discovery) result = asm__agent_track(agent);
    if (result != ASM_OK && !agent->is_removed) {
        asm__agent_unregister(agent);
        asm__agent_release(agent);
        asm__agent_fail_with(server, result, "the agent's presence could not be tracked");
    }
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_start_or_find(asm_agent_server *server, const asm_agent_options *options,
                                           bool *was_started) {
    if (!server || !options) return ASM_ERR_INVALID_ARGUMENT;
    const bool is_there = asm__agent_find(server, options->id) != NULL;
    const asm_result result = is_there ? ASM_OK : asm_agent_start(server, options);
    if (was_started) *was_started = !is_there && result == ASM_OK;
    return result;
}

/* >>agent: calls of the host */

typedef enum asm__agent_kind {
    ASM__CALL_ANY,
    ASM__CALL_EXECUTE,
    ASM__CALL_CANCEL,
    ASM__CALL_RESUME
} asm__agent_kind;

#define ASM__IN(status) (1u << ASM_AGENT_##status)

/* In which statuses a call is allowed, and what is said in the others. */
static const struct {
    unsigned statuses;
    const char *refusal;
} asm__agent_calls[] = {
    {~0u, ""},
    {ASM__IN(IDLE) | ASM__IN(PAUSED), "only an idle or paused agent can be executed; this one is "},
    {ASM__IN(RUNNING) | ASM__IN(INTERRUPTED) | ASM__IN(PAUSED),
     "only a running, interrupted or paused agent can be cancelled; this one is "},
    {ASM__IN(INTERRUPTED), "only an interrupted agent can be resumed; this one is "},
};

#undef ASM__IN

static bool asm__agent_is_too_deep(const asm_pubsub *pubsub) {
    return pubsub && !asm_pubsub_can_publish(pubsub);
}

static asm_result asm__agent_check_call(asm__agent *agent, asm__agent_kind call) {
    asm_agent_server *server = agent->server;
    const bool begins = call == ASM__CALL_EXECUTE || call == ASM__CALL_RESUME;
    if (agent->is_ending || (agent->is_stopping && begins))
        return asm__agent_refuse(server, ASM_ERR_MISUSE, "the agent is shutting down");
    if (!(asm__agent_calls[call].statuses & 1u << agent->status))
        return asm__agent_error(server, ASM_ERR_STATUS, asm__agent_calls[call].refusal,
                                asm_agent_status_name(agent->status), "");
    return ASM_OK;
}

/* Begins a call that changes `agent`; asm__agent_leave() ends it, unless this returns an error. */
static asm_result asm__agent_enter(asm_agent_server *server, asm__agent *agent, asm__agent_kind call) {
    if (server->read_only_depth)
        return asm__agent_refuse(server, ASM_ERR_MISUSE, "a store, cancel or reset function cannot do this");
    if (asm__agent_is_too_deep(agent->pubsub) || asm__agent_is_too_deep(agent->debug_pubsub))
        return asm__agent_refuse(server, ASM_ERR_DEPTH, "publishes are nested too deeply");
    const asm_result result = asm__agent_check_call(agent, call);
    if (result == ASM_OK) server->depth++;
    return result;
}

/* asm__agent_enter() for the agent with this id. `argument` is what the call needs beside it. */
static asm_result asm__agent_enter_by_id(asm_agent_server *server, asm_str id, const void *argument,
                                         asm__agent_kind call, asm__agent **agent) {
    if (!server || !argument) return ASM_ERR_INVALID_ARGUMENT;
    *agent = asm__agent_find(server, id);
    return *agent ? asm__agent_enter(server, *agent, call) : asm__agent_no_agent(server);
}

/* asm__agent_enter() for the agent of an execution. */
static asm_result asm__execution_enter(asm_execution execution, const void *argument, asm__agent **agent) {
    asm_agent_server *server = execution.server;
    *agent = asm__execution_find(execution);
    if (*agent && !argument) return ASM_ERR_INVALID_ARGUMENT;
    if (*agent) return asm__agent_enter(server, *agent, ASM__CALL_ANY);
    if (!server) return ASM_ERR_NOT_FOUND;
    server->stale_calls++;
    return asm__agent_refuse(server, ASM_ERR_NOT_FOUND, "the execution is over");
}

/* Makes an idle agent ready for a new run: what an end before could not do for want of memory is done now. */
static asm_result asm__agent_prepare_run(asm__agent *agent, asm_str *run_id) {
    asm_result result = ASM_OK;
    if (agent->status == ASM_AGENT_IDLE) {
        asm__agent_end_run(agent, agent->error);
        if (!agent->is_removed) result = asm__agent_settle(agent, ASM_STR(ASM__WHY_LEFT_OUT), true);
        if (agent->is_removed) return ASM_ERR_NOT_FOUND;
        if (result == ASM_OK) result = asm__agent_check_call(agent, ASM__CALL_EXECUTE);
        if (result != ASM_OK) return result;
    }
    if (agent->state.run.id.data) return ASM_OK; /* that of a paused agent goes on */
    *run_id = asm__agent_make_run_id(agent->server);
    return run_id->data ? ASM_OK : ASM_ERR_NO_MEMORY;
}

ASM_API asm_result asm_agent_execute(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    asm_str run_id = asm__absent();
    asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_EXECUTE, &agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(agent); /* whose subscribers may do anything to it */
    result =
        agent->is_removed ? asm__agent_no_agent(server) : asm__agent_check_call(agent, ASM__CALL_EXECUTE);
    if (result == ASM_OK) {
        result = asm__agent_prepare_run(agent, &run_id);
        if (result == ASM_ERR_NO_MEMORY)
            asm__agent_fail_with(server, result, "the agent could not be executed");
    }
    if (result == ASM_OK) asm__agent_begin(agent, NULL, run_id);
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_cancel(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_CANCEL, &agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(agent);
    result = agent->is_removed ? asm__agent_no_agent(server) : asm__agent_check_call(agent, ASM__CALL_CANCEL);
    if (result == ASM_OK) asm__agent_cancel(agent, ASM__WHY_CANCELLED);
    return asm__agent_leave(server, result);
}

static void asm__agent_become_idle(asm__agent *agent) {
    if (agent->is_removed || agent->status == ASM_AGENT_IDLE) return;
    asm__agent_clear_outcome(agent);
    asm__agent_set_status(agent, ASM_AGENT_IDLE);
    asm__agent_tell_status(agent);
}

/* Cancelled and error are left when something new begins. */
static void asm__agent_recover(asm__agent *agent) {
    if (agent->status == ASM_AGENT_CANCELLED || agent->status == ASM_AGENT_ERROR)
        asm__agent_become_idle(agent);
}

ASM_API asm_result asm_agent_add_turn(asm_agent_server *server, asm_str id, const asm_turn *turn) {
    asm__agent *agent;
    asm_result result = asm__agent_enter_by_id(server, id, turn, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    result = asm__agent_add_turn(agent, turn, false);
    if (result == ASM_OK) asm__agent_recover(agent);
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_publish_event(asm_agent_server *server, asm_str id, const asm_event *event) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, event, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_publish_copy(agent, event, false)) : result;
}

ASM_API asm_result asm_agent_publish_debug_event(asm_agent_server *server, asm_str id,
                                                 const asm_event *event) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, event, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_publish_copy(agent, event, true)) : result;
}

ASM_API asm_result asm_agent_touch(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    asm__agent_is_here(agent);
    asm__agent_update_presence(agent);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_result asm_agent_stop(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(agent);
    if (agent->is_removed || agent->is_stopping) return asm__agent_leave(server, ASM_OK);
    agent->is_stopping = true;
    agent->stopping_since = server->elapsed;
    if (agent->status != ASM_AGENT_RUNNING) asm__agent_end(agent, "manual", true);
    else if (agent->shutdown_delay == 0) asm__agent_cancel(agent, ASM__WHY_SHUT_DOWN);
    else asm__agent_arm(agent);
    return asm__agent_leave(server, ASM_OK);
}

/* >>agent: resume */

/* Why an interrupt cannot be resumed with this; ASM_OK if it can. */
static asm_result asm__agent_check_resume(const asm__agent *agent, const asm_resume *resume) {
    asm_agent_server *server = agent->server;
    const asm__agent_interrupt *interrupt = agent->state.interrupt;
    if (resume->interrupt != interrupt->number)
        return asm__agent_refuse(server, ASM_ERR_NOT_FOUND,
                                 "the agent does not wait with this interrupt (any more)");
    if (!interrupt->count && resume->decision_count)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT,
                                 "a question needs an answer, not decisions");
    if (interrupt->count && (resume->answer.data || !resume->decision_count || !resume->decisions))
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, "requests need decisions, not an answer");
    if (!interrupt->count)
        return asm__agent_fail_with(server, asm__agent_check_json(resume->answer, ASM_JSON_NONE),
                                    "the answer is not valid");
    for (size_t i = 0; i < resume->decision_count; i++) {
        const asm_decision *decision = &resume->decisions[i];
        const size_t at = asm__interrupt_find(interrupt, decision->tool_call_id);
        if (at == interrupt->count || interrupt->decisions[at].kind != ASM_DECISION_NONE)
            return asm__agent_refuse(server, ASM_ERR_NOT_FOUND,
                                     "a decision is not about an undecided request");
        for (size_t k = 0; k < i; k++)
            if (asm_str_equal(decision->tool_call_id, resume->decisions[k].tool_call_id))
                return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT,
                                         "two decisions are about the same call");
        const asm_result result = asm__decision_check(decision);
        if (result != ASM_OK) return asm__agent_fail_with(server, result, "a decision is not valid");
    }
    return ASM_OK;
}

/* Keeps decisions, or the answer, in the interrupt; all or none. */
static asm_result asm__agent_decide(asm__agent *agent, const asm_resume *resume) {
    asm_agent_server *server = agent->server;
    asm__agent_interrupt *interrupt = agent->state.interrupt;
    asm_result result = ASM_OK;
    size_t kept = 0;
    if (!interrupt->count) return asm__agent_replace_text(server, &interrupt->resume.answer, resume->answer);
    while (kept < resume->decision_count && result == ASM_OK) {
        const asm_decision *decision = &resume->decisions[kept];
        result = asm__interrupt_decide(interrupt, asm__interrupt_find(interrupt, decision->tool_call_id),
                                       decision);
        kept += result == ASM_OK;
    }
    while (result != ASM_OK && kept > 0) {
        kept--;
        asm__interrupt_undecide(server, interrupt,
                                asm__interrupt_find(interrupt, resume->decisions[kept].tool_call_id));
    }
    return result;
}

static asm_result asm__agent_resume(asm__agent *agent, const asm_resume *resume) {
    asm_agent_server *server = agent->server;
    asm__agent_interrupt *interrupt = agent->state.interrupt;
    if (!agent->config.driver.resume)
        return asm__agent_refuse(server, ASM_ERR_UNSUPPORTED, "the agent's driver has no resume()");
    asm_result result = asm__agent_check_resume(agent, resume);
    if (result != ASM_OK) return result;
    result = asm__agent_decide(agent, resume);
    if (result != ASM_OK) return asm__agent_fail_with(server, result, "the agent could not be resumed");
    if (asm__interrupt_count_undecided(interrupt) == 0) {
        interrupt->resume.interrupt = interrupt->number;
        interrupt->resume.decisions = interrupt->count ? interrupt->decisions : NULL;
        interrupt->resume.decision_count = interrupt->count;
        agent->state.interrupt = NULL;
        asm__agent_begin(agent, interrupt, asm__absent());
        return ASM_OK;
    }
    asm__agent_is_here(agent);
    const asm_result saved = asm__agent_save(agent, ASM_SAVE_ON_DECISION);
    for (size_t i = 0; i < interrupt->count && agent->state.interrupt == interrupt; i++)
        asm__agent_tell_resumed(agent, interrupt, i);
    asm__agent_report(agent, ASM_STR("state_store"), saved);
    return ASM_OK;
}

/* Enters a call on an interrupted agent whose first events are out. */
static asm_result asm__agent_enter_resume(asm_agent_server *server, asm_str id, const void *argument,
                                          asm__agent **agent) {
    asm_result result = asm__agent_enter_by_id(server, id, argument, ASM__CALL_RESUME, agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(*agent);
    result =
        (*agent)->is_removed ? asm__agent_no_agent(server) : asm__agent_check_call(*agent, ASM__CALL_RESUME);
    return result == ASM_OK ? ASM_OK : asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_resume(asm_agent_server *server, asm_str id, const asm_resume *resume) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_resume(server, id, resume, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_resume(agent, resume)) : result;
}

/* Reads the parts of what a user interface sends; texts are in `scratch`. */
static asm_result asm__agent_read_resume(asm_str json, asm_buffer *scratch, asm__agent_list *decisions,
                                         asm_resume *resume) {
    static const asm__agent_member members[] = {{"interrupt", 0, ASM_JSON_NUMBER, ASM__REQUIRED},
                                                {"decisions", 0, ASM_JSON_ARRAY, ASM__OMIT},
                                                {"answer", 0, ASM_JSON_NONE, ASM__OMIT}};
    asm_str values[3];
    int64_t number = 0;
    memset(resume, 0, sizeof *resume);
    asm_result result = asm__agent_find_members(json, members, 3, values, NULL);
    if (result != ASM_OK) return result;
    if (values[0].data && !asm_json_to_int64(values[0], &number)) return ASM_ERR_TYPE;
    if (number <= 0) return ASM_ERR_INVALID_ARGUMENT;
    resume->interrupt = (uint64_t)number;
    resume->answer = values[2];
    result = asm__interrupt_read_decisions(values[1], scratch, decisions);
    resume->decisions = (const asm_decision *)decisions->items;
    resume->decision_count = decisions->count;
    return result;
}

static asm_result asm__agent_resume_json(asm__agent *agent, asm_str json) {
    asm_buffer scratch;
    asm__agent_list decisions = {NULL, 0};
    asm_resume resume;
    asm_buffer_init_growing(&scratch);
    asm_result result =
        asm__agent_fail_with(agent->server, asm__agent_read_resume(json, &scratch, &decisions, &resume),
                             "the decisions cannot be read");
    if (result == ASM_OK) result = asm__agent_resume(agent, &resume);
    asm__array_release(&decisions.items);
    asm_buffer_close(&scratch);
    return result;
}

ASM_API asm_result asm_agent_resume_json(asm_agent_server *server, asm_str id, asm_str json) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_resume(server, id, server, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_resume_json(agent, json)) : result;
}

/* >>agent: state, from outside */

ASM_API asm_result asm_agent_reset(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    server->read_only_depth++;
    if (agent->config.reset) agent->config.reset(agent->config.user, agent->id);
    server->read_only_depth--;
    asm__agent_clear_turns(server, &agent->state);
    asm__calls_close(server, &agent->state.calls);
    asm_buffer_clear(&agent->streamed);
    agent->told_turns = 0;
    agent->must_save = true;
    asm__agent_recover(agent);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_result asm_agent_export_state(asm_agent_server *server, asm_str id, asm_buffer *out) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!server || !out) return ASM_ERR_INVALID_ARGUMENT;
    if (!agent) return asm__agent_no_agent(server);
    return asm__agent_fail_with(server,
                                asm__agent_export(&agent->state, agent->status, true, server->now, out),
                                "the state could not be exported");
}

/* Ends what belongs to the state that is about to be replaced: the execution, its requests, calls and run. */
static void asm__agent_leave_run(asm__agent *agent) {
    asm__agent_list *calls = &agent->state.calls;
    asm__agent_interrupt *withdrawn = agent->state.interrupt;
    const bool goes_on = agent->status == ASM_AGENT_RUNNING || withdrawn || agent->status == ASM_AGENT_PAUSED;
    agent->state.interrupt = NULL;
    asm__agent_abort(agent);
    agent->run_ends_as = ASM_AGENT_CANCELLED;
    if (goes_on) asm__agent_set_status(agent, ASM_AGENT_CANCELLED); /* is told when the new state stands */
    asm__agent_withdraw(agent, withdrawn);
    asm__calls_close(agent->server, calls);
    while (calls->count && !agent->is_removed)
        (void)asm__agent_give_up(agent, asm__call_at(calls, 0), ASM_STR(ASM__WHY_CANCELLED));
    asm__agent_end_run(agent, asm__absent());
}

/* Puts `state` in place of the agent's, and aborts its execution, which belonged to the old one. False, and `state`
 * is cleared, if the agent ended while that was told. */
static bool asm__agent_replace_state(asm__agent *agent, asm__agent_state *state,
                                     const asm__agent_repairs *repairs) {
    asm_agent_server *server = agent->server;
    const uint64_t interrupts = agent->state.interrupts;
    asm__agent_leave_run(agent);
    if (agent->is_removed) {
        asm__agent_clear_state(server, state);
        return false;
    }
    asm__agent_abort(agent); /* what began while that was told */
    asm__agent_end_owned(agent);
    if (agent->is_removed) {
        asm__agent_clear_state(server, state);
        return false;
    }
    asm__interrupt_discard(server, agent->resumed);
    agent->resumed = NULL;
    agent->is_asking = agent->step_is_open = false;
    asm_buffer_clear(&agent->streamed);
    asm__agent_clear_state(server, &agent->state);
    agent->state = *state;
    agent->told_turns = agent->state.turns.count - repairs->joined;
    if (interrupts > agent->state.interrupts)
        agent->state.interrupts = interrupts; /* no number comes twice */
    agent->must_save = true;
    const asm_agent_status status = asm__agent_restored_status(&agent->state);
    if (status == ASM_AGENT_IDLE) {
        asm__agent_become_idle(agent);
    } else {
        asm__agent_clear_outcome(agent);
        asm__agent_set_status(agent, status);
        asm__agent_tell_status(agent);
    }
    asm__agent_publish_repairs(agent, repairs);
    asm__agent_tell_turns(agent);
    return !agent->is_removed;
}

ASM_API asm_result asm_agent_restore_state(asm_agent_server *server, asm_str id, asm_str exported_state) {
    asm__agent *agent;
    asm__agent_state state;
    asm__agent_repairs repairs = {0, 0, 0};
    asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    memset(&state, 0, sizeof state);
    result = asm__agent_import(server, &state, exported_state, &repairs);
    if (result != ASM_OK) return asm__agent_leave(server, result);
    if (asm__agent_replace_state(agent, &state, &repairs)) asm__agent_stop_if_due(agent);
    return asm__agent_leave(server, ASM_OK);
}

/* Replaces both, and says so with the state as JSON. */
static asm_result asm__agent_update(asm__agent *agent, const asm_agent_config *config,
                                    asm_str exported_state) {
    asm__agent_state state;
    asm__agent_repairs repairs = {0, 0, 0};
    asm_buffer json;
    asm_json_writer writer;
    asm_event event = asm__agent_event(ASM_EVENT_STATE_RESTORED);
    memset(&state, 0, sizeof state);
    asm_result result = asm__agent_import(agent->server, &state, exported_state, &repairs);
    if (result != ASM_OK) return result;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm__agent_write_state(&writer, &state, true);
    result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) {
        const asm_agent_config copy = *config; /* which may be that of the agent itself */
        if (asm__agent_replace_state(agent, &state, &repairs)) {
            agent->config = copy;
            event.state.state = asm_buffer_text(&json);
            (void)asm__agent_publish(agent, &event);
        }
    } else {
        asm__agent_clear_state(agent->server, &state);
    }
    asm_buffer_close(&json);
    return asm__agent_fail_with(agent->server, result, "the agent cannot be updated");
}

ASM_API asm_result asm_agent_update(asm_agent_server *server, asm_str id, const asm_agent_config *config,
                                    asm_str exported_state) {
    asm__agent *agent;
    if (!server) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result = asm__agent_check_config(server, config);
    if (result == ASM_OK) result = asm__agent_enter_by_id(server, id, config, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    result = asm__agent_update(agent, config, exported_state);
    asm__agent_stop_if_due(agent);
    return asm__agent_leave(server, result);
}

static asm_result asm__agent_set_todos(asm__agent *agent, const asm_todo *todos, size_t count) {
    asm__agent_list list = {NULL, 0};
    asm_event event = asm__agent_event(ASM_EVENT_TODOS_UPDATED);
    asm_buffer json;
    asm_json_writer writer;
    asm_result result = ASM_OK;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_array(&writer);
    for (size_t i = 0; i < count && result == ASM_OK; i++) {
        result = asm__agent_append_todo(&list, &todos[i]);
        asm__agent_write_record(&writer, &asm__todo_record, &todos[i]);
    }
    asm_json_end_array(&writer);
    if (result == ASM_OK) result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) {
        asm__agent_clear_list(agent->server, &agent->state.todos, &asm__todo_record);
        agent->state.todos = list;
        event.todos.todos = asm_buffer_text(&json);
        const asm_result kept = asm__agent_keep(agent, "todos", &asm__todo_record, NULL, &agent->state.todos);
        (void)asm__agent_publish(agent, &event);
        asm__agent_report(agent, ASM_STR("state_store"), kept);
    } else {
        asm__agent_clear_list(agent->server, &list, &asm__todo_record);
    }
    asm_buffer_close(&json);
    return asm__agent_fail_with(agent->server, result, "the todos are not valid");
}

ASM_API asm_result asm_agent_set_todos(asm_agent_server *server, asm_str id, const asm_todo *todos,
                                       size_t count) {
    asm__agent *agent;
    if (count && !todos) return ASM_ERR_INVALID_ARGUMENT;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_set_todos(agent, todos, count)) : result;
}

/* Writes the metadata with another title. */
static asm_result asm__agent_put_title(asm__agent *agent, asm_str title) {
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_begin_object(&writer);
    asm__agent_write_text(&writer, "title", title);
    if (agent->state.metadata.data)
        asm__agent_write_members(&writer, agent->state.metadata, ASM_STR("title"));
    asm_json_end_object(&writer);
    asm_result result = asm_json_writer_finish(&writer);
    if (result == ASM_OK)
        result = asm__agent_replace_text(agent->server, &agent->state.metadata, asm_buffer_text(&json));
    asm_buffer_close(&json);
    return result;
}

static asm_result asm__agent_set_title(asm__agent *agent, asm_str title) {
    asm_event event = asm__agent_event(ASM_EVENT_SESSION_UPDATED);
    asm_buffer data;
    asm_json_writer writer;
    asm_buffer_init_growing(&data);
    asm_json_writer_init(&writer, &data);
    asm_json_write_string(&writer, title);
    asm_result result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) result = asm__agent_put_title(agent, title);
    if (result == ASM_OK) {
        const asm_result saved = asm__agent_save(agent, ASM_SAVE_ON_TITLE_GENERATED);
        asm__agent_publish_action(agent, ASM_STR("title"), ASM_STR("title_generated"),
                                  asm_buffer_text(&data));
        event.run.title = title;
        (void)asm__agent_publish(agent, &event);
        asm__agent_report(agent, ASM_STR("state_store"), saved);
    }
    asm_buffer_close(&data);
    return asm__agent_fail_with(agent->server, result, "the title cannot be set");
}

ASM_API asm_result asm_agent_set_title(asm_agent_server *server, asm_str id, asm_str title) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, title.data, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_set_title(agent, title)) : result;
}

ASM_API asm_result asm_agent_set_metadata(asm_agent_server *server, asm_str id, asm_str metadata) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    return asm__agent_leave(
        server,
        asm__agent_fail_with(server, asm__agent_replace_object(server, &agent->state.metadata, metadata),
                             "the metadata cannot be set"));
}

ASM_API asm_result asm_agent_set_shutdown_metadata(asm_agent_server *server, asm_str id, asm_str metadata) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    return asm__agent_leave(
        server,
        asm__agent_fail_with(server, asm__agent_replace_object(server, &agent->shutdown_metadata, metadata),
                             "the metadata cannot be set"));
}

ASM_API asm_result asm_agent_set_middleware_state(asm_agent_server *server, asm_str id, asm_str middleware,
                                                  asm_str state) {
    asm__agent *agent;
    asm_middleware_state record;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    record.middleware = middleware;
    record.state = state;
    return asm__agent_leave(
        server,
        asm__agent_fail_with(server, asm__agent_put_middleware(server, &agent->state.middleware, &record),
                             "the middleware's state cannot be set"));
}

ASM_API asm_result asm_agent_save_state(asm_agent_server *server, asm_str id, asm_save_reason reason) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, server, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    if (!agent->state_store)
        return asm__agent_leave(server,
                                asm__agent_refuse(server, ASM_ERR_MISUSE, "the agent has no state store"));
    return asm__agent_leave(
        server, asm__agent_fail_with(server, asm__agent_save(agent, reason), "the state could not be saved"));
}

/* >>agent: middleware */

static const asm_middleware *asm__agent_find_middleware(const asm__agent *agent, asm_str id) {
    for (size_t i = 0; i < agent->config.middleware_count; i++)
        if (asm_str_equal(agent->config.middleware[i].id, id)) return &agent->config.middleware[i];
    return NULL;
}

static asm_result asm__agent_notify(asm__agent *agent, const asm__agent_notice *notice) {
    const asm_middleware *middleware = asm__agent_find_middleware(agent, notice->middleware);
    if (!middleware) return ASM_ERR_NOT_FOUND; /* it was there when the message was sent */
    return middleware->handle_message
               ? middleware->handle_message(middleware->user, agent->server, agent->id, notice->message)
               : ASM_OK;
}

static asm_result asm__agent_send_notice(asm__agent *agent, asm_str middleware, asm_str message) {
    const size_t most = SIZE_MAX / 8;
    asm__agent_notice *notice;
    if (!asm__agent_find_middleware(agent, middleware))
        return asm__agent_refuse(agent->server, ASM_ERR_NOT_FOUND,
                                 "the agent has no middleware with this id");
    notice = middleware.size < most && message.size < most
                 ? (asm__agent_notice *)asm__agent_allocate(sizeof *notice + middleware.size + message.size)
                 : NULL;
    if (!notice) return asm__agent_fail_with(agent->server, ASM_ERR_NO_MEMORY, "the message cannot be sent");
    char *texts = (char *)(notice + 1);
    notice->next = NULL;
    notice->middleware = asm__agent_put(&texts, middleware);
    notice->message = asm__agent_put(&texts, message);
    if (agent->first_notice) *agent->last_notice = notice;
    else agent->first_notice = notice;
    agent->last_notice = &notice->next;
    asm__agent_update_pending(agent);
    return ASM_OK;
}

ASM_API asm_result asm_agent_notify_middleware(asm_agent_server *server, asm_str id, asm_str middleware,
                                               asm_str message) {
    asm__agent *agent = asm__agent_find(server, id);
    if (!server) return ASM_ERR_INVALID_ARGUMENT;
    if (!agent) return ASM_OK;
    const asm_result result = asm__agent_enter(server, agent, ASM__CALL_ANY);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_send_notice(agent, middleware, message))
                            : result;
}

/* Makes the request anew from the conversation. */
static asm_result asm__agent_build_request(asm__agent *agent) {
    const asm__agent_list *turns = &agent->state.turns;
    asm__agent_clear_request(agent);
    if (!turns->count) return ASM_OK;
    if (!asm__array_reserve(&agent->request.items, sizeof(asm_turn), turns->count)) return ASM_ERR_NO_MEMORY;
    memcpy(agent->request.items, turns->items, turns->count * sizeof(asm_turn));
    agent->request.count = turns->count;
    return ASM_OK;
}

static void asm__agent_show_request(const asm__agent *agent, asm_model_request *request) {
    request->turns = (const asm_turn *)agent->request.items;
    request->turn_count = agent->request.count;
}

/* Makes room in a list of turns for `count` in place of `remove`; false if there is no memory. */
static bool asm__turns_make_room(asm__agent_list *list, size_t at, size_t remove, size_t count) {
    const size_t tail = list->count - at - remove;
    if (!asm__array_reserve(&list->items, sizeof(asm_turn), at + count + tail + 1)) return false;
    asm_turn *turns = (asm_turn *)list->items;
    memmove(turns + at + count, turns + at + remove, tail * sizeof *turns);
    list->count = at + count + tail;
    return true;
}

/* Appends copies of turns to a list that holds them; on an error none. */
static asm_result asm__turns_copy(asm_agent_server *server, asm__agent_list *list, const asm_turn *turns,
                                  size_t count) {
    const size_t before = list->count;
    asm_result result = ASM_OK;
    for (size_t i = 0; i < count && result == ASM_OK; i++)
        result = asm__agent_append(list, &asm__turn_record, &turns[i]);
    while (result != ASM_OK && list->count > before)
        asm__agent_discard_item(server, list, &asm__turn_record, --list->count);
    return result;
}

ASM_API asm_result asm_model_request_splice(asm_model_request *request, size_t at, size_t remove,
                                            const asm_turn *turns, size_t count) {
    asm__agent *agent;
    if (!request || (count && !turns)) return ASM_ERR_INVALID_ARGUMENT;
    asm_result result = asm__execution_enter(request->execution, request, &agent);
    if (result != ASM_OK) return result;
    asm_agent_server *server = agent->server;
    const size_t before = agent->inserted.count;
    if (!agent->is_in_before_model)
        result = asm__agent_refuse(server, ASM_ERR_MISUSE, "only before_model() changes a request");
    else if (at > agent->request.count || remove > agent->request.count - at)
        result = asm__agent_refuse(server, ASM_ERR_RANGE, "the request has not so many turns");
    else
        result = asm__agent_fail_with(server, asm__turns_copy(server, &agent->inserted, turns, count),
                                      "a turn is not valid");
    if (result == ASM_OK) {
        if (asm__turns_make_room(&agent->request, at, remove, count)) {
            asm_turn *items = (asm_turn *)agent->request.items;
            for (size_t i = 0; i < count; i++)
                items[at + i] = ((const asm_turn *)agent->inserted.items)[before + i];
            asm__agent_show_request(agent, request);
        } else {
            result = asm__agent_fail_with(server, ASM_ERR_NO_MEMORY, "the request cannot be changed");
        }
    }
    return asm__agent_leave(server, result);
}

/* Whether turns obey the rule, and leave as many calls open as there are now. */
static asm_result asm__turns_check_order(asm__agent *agent, const asm__agent_list *turns) {
    asm__agent_list calls = {NULL, 0};
    asm__agent_repairs repairs;
    asm_result result = asm__agent_walk(agent->server, turns, &calls, NULL, true, &repairs);
    if (result == ASM_OK && (repairs.patched + repairs.dropped ||
                             asm__call_count_open(&calls) != asm__call_count_open(&agent->state.calls)))
        result = asm__agent_refuse(agent->server, ASM_ERR_INVALID_ARGUMENT,
                                   "a call would be parted from its result");
    asm__calls_clear(agent->server, &calls);
    return result;
}

/* Makes a list with the texts of others: those of the state, and of `fresh` in place of some. */
static asm_result asm__turns_splice(asm__agent *agent, size_t at, size_t remove, const asm__agent_list *fresh,
                                    asm__agent_list *spliced) {
    const asm__agent_list *turns = &agent->state.turns;
    if (!asm__array_reserve(&spliced->items, sizeof(asm_turn), turns->count - remove + fresh->count + 1))
        return ASM_ERR_NO_MEMORY;
    asm_turn *items = (asm_turn *)spliced->items;
    const asm_turn *old = (const asm_turn *)turns->items;
    if (at) memcpy(items, old, at * sizeof *items);
    if (fresh->count) memcpy(items + at, fresh->items, fresh->count * sizeof *items);
    if (turns->count - at - remove)
        memcpy(items + at + fresh->count, old + at + remove, (turns->count - at - remove) * sizeof *items);
    spliced->count = turns->count - remove + fresh->count;
    return asm__turns_check_order(agent, spliced);
}

static asm_result asm__agent_replace_turns(asm__agent *agent, size_t at, size_t remove, const asm_turn *turns,
                                           size_t count) {
    asm_agent_server *server = agent->server;
    asm__agent_list *list = &agent->state.turns;
    asm__agent_list fresh = {NULL, 0}, spliced = {NULL, 0};
    if (at > list->count || remove > list->count - at)
        return asm__agent_refuse(server, ASM_ERR_RANGE, "the conversation has not so many turns");
    asm__agent_tell_turns(agent);
    server->error[0] = '\0';
    asm_result result = asm__turns_copy(server, &fresh, turns, count);
    if (result == ASM_OK) result = asm__turns_splice(agent, at, remove, &fresh, &spliced);
    if (result != ASM_OK) {
        asm__agent_clear_list(server, &fresh, &asm__turn_record);
        asm__array_release(&spliced.items);
        return server->error[0] ? result : asm__agent_fail_with(server, result, "a turn is not valid");
    }
    for (size_t i = 0; i < remove; i++)
        asm__agent_discard_item(server, list, &asm__turn_record, at + i);
    asm__array_release(&list->items);
    asm__array_release(&fresh.items);
    *list = spliced;
    agent->told_turns = list->count;
    agent->answer = 0;
    agent->must_save = true;
    if (agent->state_store && agent->state_store->append)
        asm__agent_report(agent, ASM_STR("state_store"), asm__agent_save(agent, ASM_SAVE_ON_TURN));
    return agent->is_in_before_model ? asm__agent_build_request(agent) : ASM_OK;
}

ASM_API asm_result asm_execution_replace_turns(asm_execution execution, size_t at, size_t remove,
                                               const asm_turn *turns, size_t count) {
    asm__agent *agent;
    if (count && !turns) return ASM_ERR_INVALID_ARGUMENT;
    const asm_result result = asm__execution_enter(execution, execution.server, &agent);
    return result == ASM_OK
               ? asm__agent_leave(execution.server, asm__agent_replace_turns(agent, at, remove, turns, count))
               : result;
}

/* Runs before_model() of the middleware as long as the execution goes on. */
static asm_result asm__execution_run_before(asm__agent *agent, asm_execution execution,
                                            asm_model_request *request) {
    const asm_agent_config config = agent->config;
    asm_result result = asm__agent_build_request(agent);
    agent->is_in_before_model = true;
    for (size_t i = 0; i < config.middleware_count && result == ASM_OK && !request->is_held; i++) {
        const asm_middleware *middleware = &config.middleware[i];
        if (!middleware->before_model) continue;
        asm__agent_show_request(agent, request);
        result = middleware->before_model(middleware->user, request);
        asm__agent_report(agent, ASM_STR("middleware"), result);
        if (result == ASM_OK && !asm__execution_find(execution)) result = ASM_ERR_NOT_FOUND;
    }
    if (asm__execution_find(execution)) agent->is_in_before_model = false;
    if (result == ASM_OK) asm__agent_show_request(agent, request);
    return result;
}

static void asm__agent_begin_step(asm__agent *agent, size_t turn_count) {
    asm_event event = asm__agent_event(ASM_EVENT_STEP_STARTED);
    asm__agent_end_step(agent);
    if (agent->is_removed) return;
    agent->step_is_open = true;
    agent->step_has_calls = false;
    agent->step_errors = 0;
    agent->step_began = agent->server->elapsed;
    agent->state.run.steps++;
    event.step.step_number = ASM_INT64(agent->state.run.steps);
    event.step.message_count = ASM_INT64((int64_t)turn_count);
    (void)asm__agent_publish(agent, &event);
}

ASM_API asm_result asm_execution_before_model(asm_execution execution, asm_model_request *request) {
    asm__agent *agent;
    asm_model_request unseen;
    if (!request) request = &unseen;
    memset(request, 0, sizeof *request);
    request->execution = execution;
    asm_result result = asm__execution_enter(execution, request, &agent);
    if (result != ASM_OK) return result;
    const bool is_same_step = agent->is_asking && agent->step_is_open;
    agent->is_asking = false;
    asm__agent_join_held(agent);
    result = asm__execution_find(execution) ? asm__execution_run_before(agent, execution, request)
                                            : ASM_ERR_NOT_FOUND;
    if (request != &unseen && request->is_held) {
        agent->is_asking = is_same_step;
    } else if (result == ASM_OK) {
        agent->uses_steps = true;
        agent->is_asking = true;
        agent->answer = 0;
        if (!is_same_step) asm__agent_begin_step(agent, request->turn_count);
        if (!asm__execution_find(execution)) result = ASM_ERR_NOT_FOUND;
    }
    return asm__agent_leave(execution.server, result);
}

/* The turn that the model answered with; NULL if there is none. */
static const asm_turn *asm__agent_answer_turn(const asm__agent *agent) {
    const asm__agent_list *turns = &agent->state.turns;
    const asm_turn *turn = agent->answer && agent->answer <= turns->count
                               ? (const asm_turn *)turns->items + agent->answer - 1
                               : NULL;
    return turn && asm__agent_equals(turn->role, "assistant") ? turn : NULL;
}

ASM_API asm_result asm_execution_after_model(asm_execution execution) {
    asm__agent *agent;
    asm_result result = asm__execution_enter(execution, execution.server, &agent);
    if (result != ASM_OK) return result;
    const asm_agent_config config = agent->config;
    for (size_t i = config.middleware_count; i-- > 0 && result == ASM_OK;) {
        const asm_middleware *middleware = &config.middleware[i];
        if (!middleware->after_model) continue;
        result = middleware->after_model(middleware->user, execution, asm__agent_answer_turn(agent));
        asm__agent_report(agent, ASM_STR("middleware"), result);
        if (result == ASM_OK && !asm__execution_find(execution)) result = ASM_ERR_NOT_FOUND;
    }
    if (result == ASM_OK && !asm__call_count_open(&agent->state.calls)) asm__agent_end_step(agent);
    return asm__agent_leave(execution.server, result);
}

/* >>agent: what drivers tell */

static asm_result asm__emit_copy(asm_execution execution, const asm_event *event, bool debug) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, event, &agent);
    if (result != ASM_OK) return result;
    return asm__agent_leave(execution.server, asm__agent_publish_copy(agent, event, debug));
}

ASM_API asm_result asm_emit_event(asm_execution execution, const asm_event *event) {
    return asm__emit_copy(execution, event, false);
}

ASM_API asm_result asm_emit_debug_event(asm_execution execution, const asm_event *event) {
    return asm__emit_copy(execution, event, true);
}

/* Makes sure that the message that is streamed has an id: `given`, or one that the server makes. What was streamed of
 * another message becomes a turn. */
static asm_result asm__agent_name_message(asm__agent *agent, asm_str given) {
    if (given.data ? agent->message_id.data && asm_str_equal(given, agent->message_id)
                   : agent->message_id.data != NULL)
        return ASM_OK;
    if (given.data && agent->message_id.data) {
        const asm_result result = asm__agent_end_message(agent, false);
        if (result != ASM_OK || agent->is_removed) return result;
    }
    if (!given.data) {
        char memory[64 * 4 + 24];
        asm_buffer id;
        asm_buffer_init_fixed(&id, memory, sizeof memory);
        asm_buffer_append(&id, asm_utf8_prefix(agent->state.run.id, 64));
        asm__agent_append_number(&id, ASM_STR("_m"), ++agent->state.run.messages);
        return asm__agent_replace_text(agent->server, &agent->message_id, asm_buffer_text(&id));
    }
    return asm__agent_replace_text(agent->server, &agent->message_id, given);
}

static asm_result asm__agent_stream(asm__agent *agent, asm_execution execution,
                                    const asm_message_payload *message) {
    asm_event event = asm__agent_event(ASM_EVENT_MESSAGE_STREAMED);
    event.message = *message;
    const asm_str text = message->delta.data ? message->delta : message->content;
    if (!message->parent_tool_call_id.data) {
        asm_result result = asm__agent_name_message(agent, message->message_id);
        if (result == ASM_OK && !asm__execution_find(execution)) result = ASM_ERR_NOT_FOUND;
        if (result == ASM_OK && !(message->thinking.is_set && message->thinking.value)) {
            result = asm_buffer_append(&agent->streamed, text);
            if (result != ASM_OK) agent->streamed.result = ASM_OK; /* there may be memory again */
        }
        if (result != ASM_OK) return asm__agent_fail_with(agent->server, result, "the text cannot be kept");
        event.message.message_id = agent->message_id;
    }
    return asm__agent_publish(agent, &event);
}

ASM_API asm_result asm_emit_delta(asm_execution execution, const asm_message_payload *message) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, message, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_stream(agent, execution, message))
                            : result;
}

ASM_API asm_result asm_emit_text(asm_execution execution, asm_str delta) {
    asm_message_payload message;
    memset(&message, 0, sizeof message);
    message.delta = delta;
    return asm_emit_delta(execution, &message);
}

ASM_API asm_result asm_emit_retraction(asm_execution execution, asm_str reason) {
    asm__agent *agent;
    asm_event event = asm__agent_event(ASM_EVENT_MESSAGE_RETRACTED);
    asm_result result = asm__execution_enter(execution, execution.server, &agent);
    if (result != ASM_OK) return result;
    event.message.message_id = agent->message_id;
    event.message.reason = reason;
    agent->message_id = asm__absent();
    asm_buffer_clear(&agent->streamed);
    if (event.message.message_id.data) result = asm__agent_publish(agent, &event);
    asm__agent_discard(agent->server, event.message.message_id.data);
    return asm__agent_leave(execution.server, result);
}

ASM_API asm_result asm_emit_usage(asm_execution execution, const asm_usage_payload *usage) {
    asm__agent *agent;
    asm_event event = asm__agent_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    const asm_result result = asm__execution_enter(execution, usage, &agent);
    if (result != ASM_OK) return result;
    event.usage = *usage;
    asm__run_count(agent, usage);
    return asm__agent_leave(execution.server, asm__agent_publish(agent, &event));
}

ASM_API asm_result asm_emit_turn(asm_execution execution, const asm_turn *turn) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, turn, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_add_turn(agent, turn, true))
                            : result;
}

/* Tells that a call starts, and remembers it until it ends. */
static asm_result asm__agent_start_call(asm__agent *agent, const asm_tool_payload *tool) {
    asm__agent_list *calls = &agent->state.calls;
    asm_event event = asm__agent_event(ASM_EVENT_TOOL_CALL_STARTED);
    asm_action_request request;
    asm__agent_call *call = asm__call_find(calls, tool->call_id, false);
    if (!call && tool->call_id.size) call = asm__call_find(calls, tool->call_id, true);
    request.tool_call_id = tool->call_id;
    request.tool_name = tool->name;
    request.arguments = tool->input;
    if (!call) call = asm__call_add(calls, &request);
    if (!call) return asm__agent_fail_with(agent->server, ASM_ERR_NO_MEMORY, "the call cannot be kept");
    if (!call->is_started) call->started_at = agent->server->elapsed;
    call->is_started = true;
    event.tool = *tool;
    const asm_result result = asm__agent_publish(agent, &event);
    asm__agent_update_display(agent, tool, "executing");
    return result;
}

static asm_result asm__agent_tell_tool(asm__agent *agent, asm_event_type type, const asm_tool_payload *tool) {
    asm_event event = asm__agent_event(type);
    switch (type) {
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
        event.tool = *tool;
        return asm__agent_publish(agent, &event);
    case ASM_EVENT_TOOL_CALL_STARTED:
        return asm__agent_start_call(agent, tool);
    case ASM_EVENT_TOOL_CALL_COMPLETED:
    case ASM_EVENT_TOOL_CALL_FAILED:
        return asm__agent_tell_end(agent, type, tool);
    default:
        return asm__agent_refuse(agent->server, ASM_ERR_INVALID_ARGUMENT,
                                 "this event is not one of a tool call");
    }
}

ASM_API asm_result asm_emit_tool(asm_execution execution, asm_event_type type, const asm_tool_payload *tool) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, tool, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_tell_tool(agent, type, tool))
                            : result;
}

static asm_result asm__agent_emit_result(asm__agent *agent, const asm_tool_payload *tool, asm_str edited) {
    asm_agent_server *server = agent->server;
    const asm__agent_call *call =
        tool->call_id.size ? asm__call_find(&agent->state.calls, tool->call_id, true) : NULL;
    asm_tool_payload filled = *tool;
    if (!call)
        return asm__agent_refuse(server, ASM_ERR_INVALID_ARGUMENT, "no open call waits for this result");
    const asm__agent_call copy = *call;
    const asm_result checked = edited.data ? asm__agent_check_json(edited, ASM_JSON_OBJECT) : ASM_OK;
    if (checked != ASM_OK) return asm__agent_fail_with(server, checked, "the arguments are not valid");
    if (!filled.name.data) filled.name = copy.name;
    if (!filled.input.data) filled.input = edited.data ? edited : copy.arguments;
    server->error[0] = '\0';
    const asm_result result = asm__agent_answer(agent, &copy, &filled, edited);
    return result == ASM_OK || server->error[0]
               ? result
               : asm__agent_fail_with(server, result, "the result cannot be added");
}

ASM_API asm_result asm_emit_result(asm_execution execution, const asm_tool_payload *tool, asm_str edited) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, tool, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_emit_result(agent, tool, edited))
                            : result;
}

ASM_API asm_result asm_emit_todos(asm_execution execution, const asm_todo *todos, size_t count) {
    asm__agent *agent;
    if (count && !todos) return ASM_ERR_INVALID_ARGUMENT;
    const asm_result result = asm__execution_enter(execution, execution.server, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_set_todos(agent, todos, count))
                            : result;
}

/* ---- What they return ---- */

static asm_outcome asm__outcome_fail(asm__agent *agent, asm_str code, asm_str text) {
    asm_agent_server *server = agent->server;
    /* Without memory: no code, and "failed"; nothing of what an earlier call has said. */
    if (asm__agent_replace_text(server, &agent->failure_code, code) != ASM_OK)
        (void)asm__agent_replace_text(server, &agent->failure_code, asm__absent());
    if (asm__agent_replace_text(server, &agent->failure, text) != ASM_OK)
        (void)asm__agent_replace_text(server, &agent->failure, asm__absent());
    return ASM_OUTCOME_FAILED;
}

ASM_API asm_outcome asm_wait(asm_execution execution, int64_t milliseconds) {
    asm__agent *agent = asm__execution_find(execution);
    if (agent)
        agent->wake_at = milliseconds < 0
                             ? ASM__NEVER
                             : asm__agent_after(agent->server->elapsed,
                                                milliseconds ? asm__agent_period(milliseconds, 0, 0) : 0);
    return ASM_OUTCOME_WAIT;
}

ASM_API asm_outcome asm_complete(asm_execution execution, asm_str stop_reason) {
    asm__agent *agent = asm__execution_find(execution);
    if (agent && asm__agent_replace_text(agent->server, &agent->stop_reason, stop_reason) != ASM_OK)
        return asm__outcome_fail(agent, asm__absent(), ASM_STR("out of memory"));
    return ASM_OUTCOME_COMPLETED;
}

/* Prepares what the agent will be interrupted with. */
static asm_outcome asm__outcome_interrupt(asm_execution execution, const asm_action_request *requests,
                                          size_t count, asm_str question) {
    asm__agent *agent = asm__execution_find(execution);
    asm__agent_interrupt *interrupt = NULL;
    if (!agent) return ASM_OUTCOME_FAILED; /* which nobody looks at */
    const asm_result result =
        asm__interrupt_make(agent->state.interrupts + 1, requests, count, question, &interrupt);
    if (result != ASM_OK)
        return asm__outcome_fail(agent, asm__absent(),
                                 result == ASM_ERR_NO_MEMORY ? asm_str_from(asm_result_string(result))
                                                             : ASM_STR("what the driver asks is not valid"));
    asm__interrupt_discard(agent->server, agent->next_interrupt);
    agent->next_interrupt = interrupt;
    return ASM_OUTCOME_INTERRUPTED;
}

ASM_API asm_outcome asm_interrupt(asm_execution execution, const asm_action_request *requests, size_t count) {
    return asm__outcome_interrupt(execution, requests, requests ? count : 0, asm__absent());
}

ASM_API asm_outcome asm_ask(asm_execution execution, asm_str question) {
    return asm__outcome_interrupt(execution, NULL, 0, question);
}

ASM_API asm_outcome asm_fail_as(asm_execution execution, asm_str code, asm_str text) {
    asm__agent *agent = asm__execution_find(execution);
    return agent ? asm__outcome_fail(agent, code, text) : ASM_OUTCOME_FAILED;
}

ASM_API asm_outcome asm_fail(asm_execution execution, asm_str text) {
    return asm_fail_as(execution, asm__absent(), text);
}

ASM_API asm_outcome asm_crash(asm_execution execution, asm_str text) {
    (void)asm_fail_as(execution, ASM_STR("crash"), text);
    return ASM_OUTCOME_CRASHED;
}

ASM_API asm_result asm_execution_finish(asm_execution execution, asm_outcome outcome) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, execution.server, &agent);
    if (result != ASM_OK) return result;
    if (outcome == ASM_OUTCOME_CONTINUE || outcome == ASM_OUTCOME_WAIT)
        return asm__agent_leave(
            execution.server,
            asm__agent_refuse(execution.server, ASM_ERR_INVALID_ARGUMENT, "to go on is not to finish"));
    asm__agent_finish(agent, outcome);
    return asm__agent_leave(execution.server, ASM_OK);
}

ASM_API asm_result asm_execution_wake(asm_execution execution) {
    asm__agent *agent = asm__execution_find(execution);
    if (agent) {
        asm__agent_wake(agent);
        return ASM_OK;
    }
    if (execution.server) execution.server->stale_calls++;
    return ASM_ERR_NOT_FOUND;
}

/* >>agent: what drivers ask */

ASM_API bool asm_execution_is_active(asm_execution execution) {
    return asm__execution_find(execution) != NULL;
}

ASM_API asm_str asm_execution_agent_id(asm_execution execution) {
    const asm__agent *agent = asm__execution_find(execution);
    return agent ? agent->id : asm__absent();
}

ASM_API asm_str asm_execution_run_id(asm_execution execution) {
    const asm__agent *agent = asm__execution_find(execution);
    return agent ? agent->state.run.id : asm__absent();
}

ASM_API asm_result asm_execution_state(asm_execution execution, asm_agent_state *state) {
    const asm__agent *agent = asm__execution_find(execution);
    if (!state) return ASM_ERR_INVALID_ARGUMENT;
    memset(state, 0, sizeof *state);
    if (!agent) return ASM_ERR_NOT_FOUND;
    *state = asm__agent_view(&agent->state);
    return ASM_OK;
}

ASM_API bool asm_execution_next_open_call(asm_execution execution, size_t *at, asm_action_request *call) {
    const asm__agent *agent = asm__execution_find(execution);
    if (!at || !call) return false;
    while (agent && *at < agent->state.calls.count) {
        const asm__agent_call *open = asm__call_at(&agent->state.calls, (*at)++);
        if (!open->is_open) continue;
        call->tool_call_id = open->id;
        call->tool_name = open->name;
        call->arguments = open->arguments;
        return true;
    }
    return false;
}

ASM_API bool asm_execution_needs_approval(asm_execution execution, asm_str tool_name) {
    const asm__agent *agent = asm__execution_find(execution);
    for (size_t i = 0; agent && i < agent->config.interrupt_on_count; i++)
        if (asm_str_equal(agent->config.interrupt_on[i], tool_name)) return true;
    return false;
}

ASM_API bool asm_execution_decision(asm_execution execution, const asm_action_request *call,
                                    asm_decision *decision) {
    const asm__agent *agent = asm__execution_find(execution);
    const asm__agent_interrupt *resumed = agent ? agent->resumed : NULL;
    if (!resumed || !call || !decision || !call->tool_call_id.size) return false;
    const size_t at = asm__interrupt_find(resumed, call->tool_call_id);
    if (at == resumed->count || resumed->is_used[at]) return false;
    const asm_action_request *asked = &resumed->requests[at];
    const asm_str arguments = call->arguments.data ? call->arguments : ASM_STR("{}");
    if (!asm_str_equal(asked->tool_name, call->tool_name) || !asm__json_is_same(asked->arguments, arguments))
        return false;
    *decision = resumed->decisions[at];
    return decision->kind != ASM_DECISION_NONE;
}

/* >>agent: step by step */

#define ASM__STEP_POLLS                                                                                      \
    1000 /* at most in one call: a driver that is always busy must not keep the host for ever */

ASM_API asm_result asm_agent_step(asm_agent_server *server, asm_str id, asm_time now, int64_t monotonic,
                                  asm_step *step) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!server || !step) return ASM_ERR_INVALID_ARGUMENT;
    if (!agent) return asm__agent_no_agent(server);
    const uint64_t ended = agent->steps_ended;
    asm_result result = ASM_OK;
    *step = ASM_STEP_WAITING;
    for (int polls = 0; polls < ASM__STEP_POLLS && result == ASM_OK; polls++) {
        result = asm_agent_server_poll(server, now, monotonic);
        agent = asm__agent_find(server, id);
        if (!agent || agent->steps_ended != ended) *step = agent ? ASM_STEP_ENDED : ASM_STEP_FINISHED;
        else if (agent->status != ASM_AGENT_RUNNING) *step = ASM_STEP_FINISHED;
        else if (!agent->is_waiting) continue;
        break;
    }
    return result;
}

/* >>agent: other threads
 * A command travels as a message whose event is a middleware_action: its action is the command's name. */

static const char *const asm__command_names[] = {"wake",   "notify", "say",   "execute",
                                                 "resume", "cancel", "touch", "stop"};

#define ASM__COMMAND_WRAPPER "agent_command"

ASM_API asm_result asm_agent_post(asm_mailbox *mailbox, const asm_command *command) {
    asm_message message;
    asm_event event = asm__agent_event(ASM_EVENT_MIDDLEWARE_ACTION);
    if (!mailbox || !command || (unsigned)command->kind > ASM_COMMAND_STOP) return ASM_ERR_INVALID_ARGUMENT;
    memset(&message, 0, sizeof message);
    event.middleware.action = asm_str_from(asm__command_names[command->kind]);
    event.middleware.middleware = command->middleware;
    event.agent_id = command->agent_id;
    event.sequence_number = (int64_t)command->execution.number;
    event.time = (asm_time)command->execution.slot;
    message.wrapper = ASM_STR(ASM__COMMAND_WRAPPER);
    message.event = &event;
    message.text = command->data;
    return asm_mailbox_post(mailbox, &message);
}

static asm_result asm__command_wake(asm_agent_server *server, const asm_event *event) {
    asm_execution execution;
    memset(&execution, 0, sizeof execution);
    execution.server = server;
    execution.number = (uint64_t)event->sequence_number;
    execution.slot = (uint32_t)event->time;
    (void)asm_execution_wake(execution); /* too late is no error */
    return ASM_OK;
}

static asm_result asm__command_carry_out(asm_agent_server *server, asm_command_kind kind,
                                         const asm_message *message) {
    const asm_str id = message->event->agent_id;
    asm_turn turn;
    switch (kind) {
    case ASM_COMMAND_WAKE:
        return asm__command_wake(server, message->event);
    case ASM_COMMAND_NOTIFY:
        return asm_agent_notify_middleware(server, id, message->event->middleware.middleware, message->text);
    case ASM_COMMAND_SAY:
        memset(&turn, 0, sizeof turn);
        turn.role = ASM_STR("user");
        turn.content = message->text;
        return asm_agent_add_turn(server, id, &turn);
    case ASM_COMMAND_EXECUTE:
        return asm_agent_execute(server, id);
    case ASM_COMMAND_RESUME:
        return asm_agent_resume_json(server, id, message->text);
    case ASM_COMMAND_CANCEL:
        return asm_agent_cancel(server, id);
    case ASM_COMMAND_TOUCH:
        return asm_agent_touch(server, id);
    case ASM_COMMAND_STOP:
        return asm_agent_stop(server, id);
    }
    return ASM_ERR_UNSUPPORTED;
}

ASM_API size_t asm_agent_server_receive(asm_agent_server *server, asm_mailbox *mailbox) {
    const asm_message *message;
    size_t count = 0;
    uint64_t missed = 0;
    if (!server || !mailbox) return 0;
    while ((message = asm_mailbox_receive(mailbox, &missed)) != NULL) {
        size_t kind = 0;
        if (!message->event || !asm__agent_equals(message->wrapper, ASM__COMMAND_WRAPPER)) continue;
        while (kind <= ASM_COMMAND_STOP &&
               !asm__agent_equals(message->event->middleware.action, asm__command_names[kind]))
            kind++;
        const asm_result result = asm__command_carry_out(server, (asm_command_kind)kind, message);
        asm__agent *agent = asm__agent_find(server, message->event->agent_id);
        server->failures += result != ASM_OK && !agent;
        if (agent && result != ASM_OK && !server->read_only_depth) {
            server->depth++;
            asm__agent_report(agent, ASM_STR("command"), result);
            asm__agent_leave(server, ASM_OK);
        }
        count++;
    }
    return count;
}

/* >>agent: subscribing */

/* The dispatcher of an agent. */
static asm_result asm__agent_dispatcher(asm_agent_server *server, asm_str id, bool debug,
                                        asm_pubsub **pubsub) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!agent) return asm__agent_no_agent(server);
    *pubsub = debug ? agent->debug_pubsub : agent->pubsub;
    return *pubsub ? ASM_OK
                   : asm__agent_error(server, ASM_ERR_MISUSE, "the agent has no ",
                                      debug ? "debug dispatcher" : "dispatcher", "");
}

static asm_result asm__agent_subscribe(asm_agent_server *server, asm_str id, bool debug,
                                       asm_message_callback callback, void *user,
                                       asm_subscription *subscription) {
    asm_pubsub *pubsub;
    asm_buffer topic;
    asm_result result = asm__agent_dispatcher(server, id, debug, &pubsub);
    if (result != ASM_OK) return result;
    result = asm__agent_topic(id, debug, &topic);
    if (result == ASM_OK) result = asm_pubsub_subscribe(pubsub, topic.data, callback, user, subscription);
    asm_buffer_close(&topic);
    return asm__agent_fail_with(server, result, "the agent's events cannot be subscribed to");
}

static asm_result asm__agent_unsubscribe(asm_agent_server *server, asm_str id, bool debug,
                                         asm_subscription subscription) {
    asm_pubsub *pubsub;
    const asm_result result = asm__agent_dispatcher(server, id, debug, &pubsub);
    return result != ASM_OK ? result
                            : asm__agent_fail_with(server, asm_pubsub_unsubscribe(pubsub, subscription),
                                                   "the subscription cannot be ended");
}

ASM_API asm_result asm_agent_subscribe(asm_agent_server *server, asm_str id, asm_message_callback callback,
                                       void *user, asm_subscription *subscription) {
    return asm__agent_subscribe(server, id, false, callback, user, subscription);
}

ASM_API asm_result asm_agent_subscribe_debug(asm_agent_server *server, asm_str id,
                                             asm_message_callback callback, void *user,
                                             asm_subscription *subscription) {
    return asm__agent_subscribe(server, id, true, callback, user, subscription);
}

ASM_API asm_result asm_agent_unsubscribe(asm_agent_server *server, asm_str id,
                                         asm_subscription subscription) {
    return asm__agent_unsubscribe(server, id, false, subscription);
}

ASM_API asm_result asm_agent_unsubscribe_debug(asm_agent_server *server, asm_str id,
                                               asm_subscription subscription) {
    return asm__agent_unsubscribe(server, id, true, subscription);
}

/* >>agent: looking things up */

ASM_API asm_agent_status asm_agent_get_status(const asm_agent_server *server, asm_str id) {
    const asm__agent *agent = asm__agent_find(server, id);
    return agent ? agent->status : ASM_AGENT_NOT_RUNNING;
}

ASM_API bool asm_agent_exists(const asm_agent_server *server, asm_str id) {
    return asm__agent_find(server, id) != NULL;
}

static void asm__agent_fill_interrupt(const asm__agent_interrupt *interrupt, asm_agent_info *info) {
    if (!interrupt) return;
    info->interrupt = interrupt->number;
    info->interrupt_data = interrupt->data;
    info->requests = interrupt->count ? interrupt->requests : NULL;
    info->decisions = interrupt->count ? interrupt->decisions : NULL;
    info->request_count = interrupt->count;
    info->question = interrupt->question;
}

ASM_API asm_result asm_agent_get_info(const asm_agent_server *server, asm_str id, asm_agent_info *info) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!server || !info) return ASM_ERR_INVALID_ARGUMENT;
    if (!agent) return ASM_ERR_NOT_FOUND;
    memset(info, 0, sizeof *info);
    info->id = agent->id;
    info->status = agent->status;
    info->is_stopping = agent->is_stopping;
    info->is_waiting = agent->is_waiting;
    info->state = asm__agent_view(&agent->state);
    info->open_call_count = asm__call_count_open(&agent->state.calls);
    asm__agent_fill_interrupt(agent->state.interrupt, info);
    info->error = agent->error;
    info->run_id = agent->state.run.id;
    info->run_steps = agent->state.run.steps;
    info->run_usage = agent->state.run.usage;
    info->conversation_id = agent->conversation_id;
    info->node = server->options.node;
    info->started_at = agent->started_at;
    info->last_activity = agent->last_activity;
    info->inactivity_timeout_ms = agent->inactivity_timeout_ms;
    info->since_activity_ms = (int64_t)((server->elapsed - agent->active_since) / 1000);
    info->inactivity_timer_is_active = asm__agent_timer_due(agent, ASM__INACTIVITY) != ASM__NEVER;
    info->config = agent->config;
    return ASM_OK;
}

/* A star takes as little as will do; when what follows does not match, it takes a byte more. Only the last
 * star has to be tried again. */
static bool asm__agent_matches(asm_str pattern, asm_str text) {
    size_t at = 0, in_text = 0, after_star = SIZE_MAX, star_end = 0;
    while (in_text < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            after_star = ++at;
            star_end = in_text;
        } else if (at < pattern.size && pattern.data[at] == text.data[in_text]) {
            at++;
            in_text++;
        } else if (after_star != SIZE_MAX) {
            at = after_star;
            in_text = ++star_end;
        } else {
            return false;
        }
    }
    while (at < pattern.size && pattern.data[at] == '*')
        at++;
    return at == pattern.size;
}

ASM_API bool asm_agent_next(const asm_agent_server *server, asm_str pattern, size_t *at, asm_str *id) {
    if (!server || !at || !id) return false;
    while (*at < server->slot_count) {
        const asm__agent *agent = server->slots[(*at)++].agent;
        if (agent && (!pattern.data || asm__agent_matches(pattern, agent->id))) {
            *id = agent->id;
            return true;
        }
    }
    return false;
}

ASM__WARNINGS_BACK
#endif /* ASM_AGENT_IMPLEMENTED */
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
