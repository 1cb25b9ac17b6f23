/* asm_agent.h - v0.1.0 - runs AI agents: life cycle, state, approvals, timers, persistence
 * MIT or public domain, your choice: see the end of this file.
 *
 * DO THIS
 *   In exactly one C or C++ file:
 *       #define ASM_IMPLEMENTATION
 *       #include "asm_agent.h"
 *   ASM_AGENT_IMPLEMENTATION builds this header only (asm_pubsub.h and what that includes must then be built
 *   elsewhere); ASM_STATIC makes everything static. See asm_events.h for this and for the options.
 *
 * OVERVIEW
 *   asm_agent_server   owns any number of agents and advances them, one slice each, when you poll it: in one
 *                      thread, an event loop or the main loop of a microcontroller
 *   asm_driver         what an agent does when it is executed: your functions, which talk to the model and
 *                      run the tools, a bounded step in each call, or report from outside when they are done
 *   agent              an id, a status, a conversation state (messages, todos, metadata, middleware), timers;
 *                      publishes what happens on the topic agent_server:{id}
 *
 * EXAMPLE
 *       static asm_outcome answer(void *user, asm_execution execution) {
 *           asm_emit_text(execution, ASM_STR("Hello "));
 *           asm_emit_message(execution, &(asm_agent_message){ .role = ASM_STR("assistant"),
 *                                                             .content = ASM_STR("Hello there") });
 *           return (asm_outcome){ .kind = ASM_OUTCOME_COMPLETED };
 *       }
 *
 *       asm_agent_server server;
 *       asm_agent_server_init(&server, NULL);
 *       asm_agent_server_set_time(&server, now());
 *       asm_agent_start(&server, &(asm_agent_options){ .id = ASM_STR("a1"), .pubsub = &bus,
 *                                                      .config.driver.execute = answer });
 *       asm_agent_subscribe(&server, ASM_STR("a1"), on_event, NULL, NULL);
 *       asm_agent_add_message(&server, ASM_STR("a1"), &question);
 *       if (asm_agent_execute(&server, ASM_STR("a1")) != ASM_OK) fprintf(stderr, "%s\n", server.error);
 *
 *       while (server.running > 0)
 *           asm_agent_server_poll(&server, now());
 *       asm_agent_server_close(&server);
 *
 * TIME
 *   Comes from you: the server's time is what it was last told, by asm_agent_server_poll() or
 *   asm_agent_server_set_time(). Call the latter when you wake up and do something with agents before you
 *   poll, as timers that start then would otherwise count from the poll before.
 *   Timers count the time that has passed: each step of the clock forwards, however long. A step backwards
 *   counts as none and a clock that stands still stops them, so they may fire late but never early. After a
 *   jump forwards everything fires that is due by it, each timer once. The times in events, and
 *   last_activity, are the clock's own, whichever way it goes.
 *
 * STATUS
 *   call               allowed when         what it does
 *   start              no such agent        idle
 *   execute            idle, paused         running; the driver's execute() is called from the next poll on
 *   resume             interrupted          running; likewise its resume(); the interrupt data is cleared
 *   cancel             running              cancelled; the driver's cancel() is called, later results dropped
 *   add_message        any                  the message is appended; cancelled and error become idle
 *   reset              any                  messages, todos, middleware state cleared; cancelled and error
 *                                           become idle
 *   restore_state      any                  state replaced, idle; a running execution ends as by cancel
 *   update             any                  configuration, too
 *   touch, publish_event, publish_debug_event, set_metadata, set_middleware_state, notify_middleware,
 *   save_state         any                  the status stays
 *   stop               any                  the agent ends; a running one may finish first
 *
 *   outcome of a driver's call              status then
 *   continue                                running: the same function is called again in the next poll
 *   completed / interrupted / paused / failed   idle / interrupted / paused / error
 *
 *   A call in another status returns ASM_ERR_STATUS, one for an id that no agent has ASM_ERR_NOT_FOUND; both
 *   say in server.error what is the matter.
 *
 * WHAT IS PUBLISHED, AND WHEN
 *   On agent_server:{id}; wrapper ASM_AGENT_WRAPPER; each event has agent_id, time, a sequence number from 1,
 *   and as session_id the conversation id, or the agent's id if it has none. What an event tells can be read
 *   from the server when it goes out. In this order:
 *
 *   start                node_transferred (from an exported state only), what on_server_start of middleware
 *                        publishes, status_changed idle: with the first poll or the agent's next event,
 *                        whichever comes first, so that subscribers can be there
 *   execute, resume      status_changed running
 *   end of an execution  (state is saved), status_changed with the interrupt's data, the error's reason;
 *                        display_message_saved for cancel and error
 *   add_message,         message_received, or message_sent for any role but "assistant";
 *   asm_emit_message()   display_message_saved; status_changed idle if it changed
 *   asm_emit_tool()      the event, display_message_updated
 *   reset, restore       status_changed idle, if it changed
 *   update               likewise, then state_restored
 *   stop                 (state is saved, presence left), node_transferring, agent_shutdown
 *   timers               agent_shutdown (state is saved, presence left)
 *   a function of yours  error_occurred, with the code "state_store", "display_store", "presence" or
 *   that failed          "middleware" and the reason; at once. Nothing is stopped by it. Counted in
 *                        server.failures
 *
 *   On agent_server:debug:{id}, if there is a debug dispatcher, wrapper ASM_AGENT_DEBUG_WRAPPER:
 *   agent_state_update after the end of an execution other than by an error, and after each message to
 *   middleware, and what asm_agent_publish_debug_event() is given.
 *
 * CALLS FROM INSIDE CALLBACKS
 *   Subscribers, driver.execute() and resume(), and middleware may call everything here but
 *   asm_agent_server_poll() and asm_agent_server_close() (ASM_ERR_MISUSE), for any agent, the same too: they
 *   may execute, cancel or stop it. The function that is under way then goes on with what is left to do:
 *   nothing, if the agent has ended. What becomes executable within a poll has its first slice in the next.
 *   Stores, driver.cancel() and the reset function may only read; other calls are ASM_ERR_MISUSE. So are calls
 *   that change an agent during its own shutdown events. Calls that publish are ASM_ERR_DEPTH when publishes
 *   are nested too deeply (see asm_pubsub_options).
 *
 * MEMORY
 *   Agents, their ids and states are kept in memory from ASM_REALLOC. When that runs out the call returns
 *   ASM_ERR_NO_MEMORY and everything is as before; an execution whose end cannot be kept for that reason ends
 *   in the status error. asm_emit_text(), asm_emit_usage(), asm_emit_tool(), publishing, touch and a poll
 *   allocate nothing by themselves; presence does when it is told of a change. An agent whose dispatcher or
 *   presence is closed while it exists must not be used: close the server first.
 */
#ifndef ASM_AGENT_H
#define ASM_AGENT_H

#include "asm_pubsub.h"

ASM__WARNINGS_OFF

#ifdef __cplusplus
extern "C" {
#endif

typedef struct asm_agent_server asm_agent_server;

#define ASM_AGENT_WRAPPER       "agent"
#define ASM_AGENT_DEBUG_WRAPPER "agent_debug"

#define ASM_AGENT_STATUSES(X)                                                                                \
    X(NOT_RUNNING, "not_running") /* there is no such agent */                                               \
    X(IDLE, "idle")                                                                                          \
    X(RUNNING, "running")                                                                                    \
    X(INTERRUPTED, "interrupted") /* waits for somebody's decision */                                        \
    X(PAUSED, "paused")                                                                                      \
    X(CANCELLED, "cancelled")                                                                                \
    X(ERROR, "error")

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

typedef struct asm_agent_message {
    asm_str role;         /* required: "user", "assistant", "system", "tool" */
    asm_str content;      /* text */
    asm_str tool_calls;   /* JSON array: what the model wants to have called */
    asm_str tool_results; /* JSON array: what came of it */
    asm_str extra;        /* JSON object: whatever else the message has, but members of these names */
} asm_agent_message;

typedef struct asm_todo {
    asm_str id;      /* required */
    asm_str content; /* required: text */
    asm_str status;  /* required: "pending", "in_progress", "completed" or "cancelled" */
    asm_str extra;   /* JSON object: as above */
} asm_todo;

typedef struct asm_middleware_state {
    asm_str middleware; /* required: its id */
    asm_str state;      /* required: JSON */
} asm_middleware_state;

/* What a conversation consists of. */
typedef struct asm_agent_state {
    const asm_agent_message *messages;
    size_t message_count;
    const asm_todo *todos;
    size_t todo_count;
    const asm_middleware_state *middleware;
    size_t middleware_count;
    asm_str metadata; /* JSON object; absent: {} */
} asm_agent_state;

/* =========================================================================================================
 * Drivers
 */

/* An execution: from execute or resume to its outcome. A driver may keep it and use it later, also outside of
 * its functions: once the execution has ended, or another one has begun, all calls with it return
 * ASM_ERR_NOT_FOUND, do nothing, and are counted in server.late. */
typedef struct asm_execution {
    asm_agent_server *server; /* read only */
    uint64_t number;          /* read only: counts all executions of the server, from 1 */
    uint64_t slice;           /* read only: how many calls of the driver came before in this execution */
    uint32_t slot;            /* private */
} asm_execution;

/* A tool call that somebody has to decide on. */
typedef struct asm_action_request {
    asm_str tool_call_id;
    asm_str tool_name; /* required */
    asm_str arguments; /* JSON object; absent: {} */
} asm_action_request;

typedef enum asm_decision_kind {
    ASM_DECISION_NONE, /* is refused, so that a forgotten decision approves nothing */
    ASM_DECISION_APPROVE,
    ASM_DECISION_EDIT, /* call the tool with other arguments */
    ASM_DECISION_REJECT
} asm_decision_kind;

typedef struct asm_decision {
    asm_decision_kind kind;
    asm_str arguments; /* JSON object, for ASM_DECISION_EDIT only and required there */
    asm_str message;   /* text for the model: why */
} asm_decision;

/* What an interrupted agent goes on with: one decision for each request, in their order, or the answer to its
 * question. */
typedef struct asm_resume {
    const asm_decision *decisions;
    size_t decision_count;
    asm_str answer; /* JSON */
} asm_resume;

typedef enum asm_outcome_kind {
    ASM_OUTCOME_CONTINUE, /* call again in the next poll */
    ASM_OUTCOME_COMPLETED,
    ASM_OUTCOME_INTERRUPTED, /* by requests, or by a question */
    ASM_OUTCOME_PAUSED,
    ASM_OUTCOME_FAILED
} asm_outcome_kind;

/* How a slice or an execution ended. What it points to is copied. */
typedef struct asm_outcome {
    asm_outcome_kind kind;
    const asm_action_request *requests; /* interrupted */
    size_t request_count;
    asm_str question; /* interrupted without requests: JSON, what the user is asked */
    asm_str reason;   /* failed: text */
} asm_outcome;

/* What an agent does. The functions are called by asm_agent_server_poll(), execute() as long as it says
 * ASM_OUTCOME_CONTINUE. They should return soon: all agents wait for them. */
typedef struct asm_driver {
    asm_outcome (*execute)(void *user, asm_execution execution); /* required */
    /* Likewise, from asm_agent_resume() on; `resume` is the same in each call. NULL: the agent cannot be
     * resumed (ASM_ERR_UNSUPPORTED). */
    asm_outcome (*resume)(void *user, asm_execution execution, const asm_resume *resume);
    /* The execution is over: stop what is under way. Also called while one of the other two is on the stack,
     * when something that it emitted led to this. NULL: nothing to be done. */
    void (*cancel)(void *user, asm_execution execution);
    void *user;
} asm_driver;

/* What drivers tell. Each is published at once; all return ASM_ERR_NOT_FOUND for an execution that is
 * over. */

/* A streamed piece of text: message_streamed. */
ASM_API asm_result asm_emit_text(asm_execution execution, asm_str delta);

/* A whole message, which is appended to the state. Errors as asm_agent_add_message(). */
ASM_API asm_result asm_emit_message(asm_execution execution, const asm_agent_message *message);

/* token_usage_updated. */
ASM_API asm_result asm_emit_usage(asm_execution execution, const asm_usage_payload *usage);

/* A tool call: type is one of ASM_EVENT_TOOL_CALL_IDENTIFIED, STARTED, UPDATED, COMPLETED, FAILED and
 * ASM_EVENT_TOOL_OUTPUT_STREAMED; any other is ASM_ERR_INVALID_ARGUMENT. When the call starts, completes and fails,
 * the display store is told the status "executing", "completed" and "failed". */
ASM_API asm_result asm_emit_tool(asm_execution execution, asm_event_type type, const asm_tool_payload *tool);

/* All todos as they are now: they replace the state's, and go out as todos_updated. */
ASM_API asm_result asm_emit_todos(asm_execution execution, const asm_todo *todos, size_t count);

/* Any event, as by asm_agent_publish_event() and asm_agent_publish_debug_event(). */
ASM_API asm_result asm_emit_event(asm_execution execution, const asm_event *event);
ASM_API asm_result asm_emit_debug_event(asm_execution execution, const asm_event *event);

/* Ends the execution from outside of the driver's functions: when a request to a model has been answered,
 * say. ASM_ERR_INVALID_ARGUMENT for ASM_OUTCOME_CONTINUE. */
ASM_API asm_result asm_execution_finish(asm_execution execution, const asm_outcome *outcome);

/* Whether it is still under way: after emitting, a driver learns so that somebody has ended it. */
ASM_API bool asm_execution_is_active(asm_execution execution);

/* Whose execution it is, absent if it is over. Valid as long as the agent exists. */
ASM_API asm_str asm_execution_agent_id(asm_execution execution);

/* The agent's state as it is now: views that are valid until it next changes. ASM_ERR_NOT_FOUND, and an
 * empty state, if the execution is over. */
ASM_API asm_result asm_execution_state(asm_execution execution, asm_agent_state *state);

/* Whether the agent's interrupt_on names this tool. False if the execution is over. */
ASM_API bool asm_execution_needs_approval(asm_execution execution, asm_str tool_name);

/* To be called around each call of the model: run before_model() of the middleware in order, after_model() in
 * reverse order. They return the first error, and do not run the others then. */
ASM_API asm_result asm_execution_before_model(asm_execution execution);
ASM_API asm_result asm_execution_after_model(asm_execution execution);

/* =========================================================================================================
 * Middleware
 */

/* What accompanies an agent. Each function may be NULL. They read and change the agent by its id, with the
 * functions below. An error of handle_message() goes to who sent the message, one of the others is
 * reported (see WHAT IS PUBLISHED). */
typedef struct asm_middleware {
    asm_str id;
    asm_result (*on_server_start)(void *user, asm_agent_server *server, asm_str agent_id);
    asm_result (*before_model)(void *user, asm_agent_server *server, asm_str agent_id);
    asm_result (*after_model)(void *user, asm_agent_server *server, asm_str agent_id);
    asm_result (*handle_message)(void *user, asm_agent_server *server, asm_str agent_id, asm_str message);
    void *user;
} asm_middleware;

/* =========================================================================================================
 * Persistence
 */

typedef enum asm_save_reason {
    ASM_SAVE_ON_COMPLETION, /* and when paused */
    ASM_SAVE_ON_INTERRUPT,
    ASM_SAVE_ON_CANCEL,
    ASM_SAVE_ON_ERROR,
    ASM_SAVE_ON_TITLE_GENERATED, /* by asm_agent_save_state() */
    ASM_SAVE_ON_SHUTDOWN
} asm_save_reason;

/* "on_completion", …; "" for a number that is no reason. */
ASM_API const char *asm_save_reason_name(asm_save_reason reason);

/* Where states are kept. The ids are the agent's; conversation_id is absent if it has none. */
typedef struct asm_state_store {
    /* Keeps `state`, as asm_agent_export_state() writes it; valid during the call only. */
    asm_result (*save)(void *user, asm_str agent_id, asm_str conversation_id, asm_save_reason reason,
                       asm_str state);
    /* Appends what was kept last to `state`; ASM_ERR_NOT_FOUND if there is nothing. May be NULL. Any other
     * error, and a state that is not valid, keeps the agent from starting. */
    asm_result (*load)(void *user, asm_str agent_id, asm_str conversation_id, asm_buffer *state);
    void *user;
} asm_state_store;

typedef enum asm_display_kind {
    ASM_DISPLAY_MESSAGE,
    ASM_DISPLAY_CANCELLED,
    ASM_DISPLAY_ERROR
} asm_display_kind;

/* Where the messages that people see are kept. */
typedef struct asm_display_store {
    /* Keeps a message: one of the conversation, or that it was cancelled or failed (role "system", content
     * "Cancelled" or the reason). Appends to `saved` what it kept as JSON; if it leaves that empty, the event
     * has the message itself. */
    asm_result (*save)(void *user, asm_str agent_id, asm_str conversation_id, asm_display_kind kind,
                       const asm_agent_message *message, asm_buffer *saved);
    /* Changes the status of a tool call's message: "executing", "completed" or "failed". ASM_ERR_NOT_FOUND if
     * there is none: then nothing is published. `saved` as above. May be NULL. */
    asm_result (*update_tool)(void *user, asm_str agent_id, asm_str conversation_id,
                              const asm_tool_payload *tool, asm_str status, asm_buffer *saved);
    void *user;
} asm_display_store;

/* =========================================================================================================
 * The server and its agents
 */

#define ASM_AGENT_INACTIVITY_TIMEOUT_MS 300000
#define ASM_AGENT_SHUTDOWN_DELAY_MS     5000
#define ASM_AGENT_GRACE_PERIOD_MS       5000

typedef struct asm_agent_server_options {
    asm_str node;       /* the name of this machine or process; default: "local". Must outlive the server */
    uint64_t hash_seed; /* give a random one if others choose your agents' ids; 0: always the same */
} asm_agent_server_options;

struct asm_agent_server {
    asm_agent_server_options options; /* read only */
    asm_time now;                     /* read only: the server's time; 0 until it is told */
    size_t agents;                    /* read only: how many there are */
    size_t running;                   /* read only: how many of them are running or have an event to publish:
                                         as long as there are any, a poll has something to do */
    uint64_t late;                    /* read only: calls with executions that were over */
    uint64_t failures;                /* read only: errors of stores, presence and middleware, and events that
                                         could not be published */
    char error[128];               /* read only: for people: what was wrong with the last call that failed */
    struct asm__agent_slot *slots; /* private, all below */
    size_t slot_count;
    uint32_t *index; /* 1 + slots, by the hash of the id */
    size_t index_size;
    struct asm__agent **heap; /* by when their timers are due */
    uint32_t free_slot;
    struct asm__agent *first_active, *last_active; /* those that poll visits */
    struct asm__agent *visited;                    /* by the poll under way: the next one */
    uint64_t polls;
    uint64_t elapsed; /* microseconds, never goes back */
    uint64_t executions;
    union asm__agent_block *discarded; /* memory to be freed when the outermost call returns */
    unsigned depth;                    /* of calls under way */
    unsigned leaves;                   /* functions under way that may only read */
    bool has_time, is_closing;
};

/* What an agent is made of, beside its state. Copied, but not what it points to, which must outlive the agent
 * or the next asm_agent_update(). */
typedef struct asm_agent_config {
    asm_driver driver;
    const asm_str *interrupt_on; /* names of the tools that need approval */
    size_t interrupt_on_count;
    const asm_middleware *middleware;
    size_t middleware_count;
    void (*reset)(void *user,
                  asm_str agent_id); /* called by asm_agent_reset() before the state is cleared: to
                                                    put files and the like in order. May be NULL */
    void *user;                      /* reset's, and yours: a model's name, a prompt, … */
} asm_agent_config;

/* Who watches an agent, and which agents there are. */
typedef struct asm_agent_presence {
    asm_presence *presence;  /* where to look; absent: none of this. It needs a dispatcher (its options) for
                                  viewers to be seen */
    const char *viewers;     /* the topic whose entries are the agent's viewers; copied. NULL: they do not
                                  matter */
    int64_t grace_period_ms; /* how long an agent without viewers stays; 0: ASM_AGENT_GRACE_PERIOD_MS,
                                  negative: none */
    bool discovery;          /* the agent tracks itself on ASM_TOPIC_AGENT_PRESENCE: key is its id, meta
                                  {"started_at","last_activity_at","status","conversation_id","node"} */
} asm_agent_presence;

typedef struct asm_agent_options {
    asm_str id;                           /* required, any text but "presence"; copied */
    asm_agent_config config;              /* a driver with execute() is required */
    const asm_agent_state *initial_state; /* copied; default: what the state store loads, else empty */
    asm_str exported_state;               /* in place of it: what asm_agent_export_state() wrote; copied */
    asm_pubsub *pubsub;                   /* where events go; NULL: nowhere */
    asm_pubsub *debug_pubsub;             /* where debug events go; NULL: nowhere, and they cost nothing */
    int64_t inactivity_timeout_ms;        /* 0: ASM_AGENT_INACTIVITY_TIMEOUT_MS, negative: never */
    int64_t shutdown_delay_ms;            /* how long a stop waits for a running driver before it cancels it;
                                             0: ASM_AGENT_SHUTDOWN_DELAY_MS, negative: not at all */
    asm_str conversation_id;              /* copied; may be absent */
    const asm_state_store *state_store;   /* must outlive the agent, as the two below; may be NULL */
    const asm_display_store *display_store;
    asm_agent_presence presence;
} asm_agent_options;

/* A server without agents. `options` may be NULL. Allocates nothing. It must not be moved or copied then. */
ASM_API void asm_agent_server_init(asm_agent_server *server, const asm_agent_server_options *options);

/* Stops every agent without waiting for its driver, and frees everything; the server is then as after
 * asm_agent_server_init(). ASM_ERR_MISUSE from inside a callback. */
ASM_API asm_result asm_agent_server_close(asm_agent_server *server);

/* Tells the time; see TIME. */
ASM_API void asm_agent_server_set_time(asm_agent_server *server, asm_time now);

/* Tells the time, calls the driver of each running agent once, in the order in which they began to run, and
 * does what is due. Costs nothing for agents that have nothing to do. ASM_ERR_MISUSE from inside itself. */
ASM_API asm_result asm_agent_server_poll(asm_agent_server *server, asm_time now);

/* When the next timer will be due, by the server's clock; INT64_MAX: none. With this and `running` a main
 * loop knows how long it may sleep. */
ASM_API asm_time asm_agent_server_next_timer(asm_agent_server *server);

/* Starts an agent. ASM_ERR_EXISTS if there is one with that id; ASM_ERR_INVALID_ARGUMENT for options that
 * do not go together; the errors of asm_agent_restore_state() for the state, and the state store's;
 * ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_agent_start(asm_agent_server *server, const asm_agent_options *options);

/* The calls of the table above. All return ASM_ERR_NOT_FOUND for an id that no agent has. */

ASM_API asm_result asm_agent_execute(asm_agent_server *server, asm_str id);
ASM_API asm_result asm_agent_cancel(asm_agent_server *server, asm_str id);

/* `resume` is copied. ASM_ERR_INVALID_ARGUMENT, and the agent stays interrupted, if it does not fit: as many
 * decisions as there were requests, each of a kind, arguments with edit only; an answer to a question. */
ASM_API asm_result asm_agent_resume(asm_agent_server *server, asm_str id, const asm_resume *resume);

/* The same from JSON, as a user interface sends it: [{"type":"approve"},{"type":"edit","arguments":{…}},
 * {"type":"reject","message":"…"}] when there were requests; else the whole of it is the answer. The JSON
 * reader's errors, too, and ASM_ERR_TYPE for what is no list of such objects. */
ASM_API asm_result asm_agent_resume_json(asm_agent_server *server, asm_str id, asm_str json);

/* `message` is copied. ASM_ERR_INVALID_ARGUMENT without a role, or for `extra` with members that the message
 * has itself; the JSON reader's errors for members that are no JSON of their type. */
ASM_API asm_result asm_agent_add_message(asm_agent_server *server, asm_str id,
                                         const asm_agent_message *message);

/* Publishes `event` on the agent's (debug) topic. What it leaves open is filled in: agent and session id,
 * time, sequence number. Does nothing if there is no dispatcher. */
ASM_API asm_result asm_agent_publish_event(asm_agent_server *server, asm_str id, const asm_event *event);
ASM_API asm_result asm_agent_publish_debug_event(asm_agent_server *server, asm_str id,
                                                 const asm_event *event);

ASM_API asm_result asm_agent_reset(asm_agent_server *server, asm_str id);

/* Appends the state as JSON, in one line:
 *       {"version":1,"state":{"messages":[…],"todos":[…],"metadata":{…}},"serialized_at":"…"}
 * with a member "middleware" in the state, by id, if there is any. It holds neither the agent's id nor its
 * configuration, and can be restored under another id. Exporting what was restored gives the same bytes but
 * for the time. Errors are those of `out`, and ASM_ERR_NO_MEMORY. */
ASM_API asm_result asm_agent_export_state(asm_agent_server *server, asm_str id, asm_buffer *out);

/* Replaces the state. Members of messages and todos that are not known go to their `extra`; those of the
 * state are dropped. An error changes nothing: those of the JSON reader, ASM_ERR_TYPE for a member of
 * another type, ASM_ERR_INVALID_ARGUMENT for a missing one, an unknown status or version. */
ASM_API asm_result asm_agent_restore_state(asm_agent_server *server, asm_str id, asm_str exported_state);

/* Replaces configuration and state together. `config` as in asm_agent_options. */
ASM_API asm_result asm_agent_update(asm_agent_server *server, asm_str id, const asm_agent_config *config,
                                    asm_str exported_state);

/* Says that somebody is there: restarts the inactivity timer. */
ASM_API asm_result asm_agent_touch(asm_agent_server *server, asm_str id);

/* Ends the agent: at once, or if it is running when its execution ends, or after the shutdown delay. A second
 * stop meanwhile changes nothing. */
ASM_API asm_result asm_agent_stop(asm_agent_server *server, asm_str id);

/* `metadata` is a JSON object, `state` a JSON value, absent to remove it. Copied. The JSON reader's errors, and
 * ASM_ERR_TYPE. */
ASM_API asm_result asm_agent_set_metadata(asm_agent_server *server, asm_str id, asm_str metadata);
ASM_API asm_result asm_agent_set_middleware_state(asm_agent_server *server, asm_str id, asm_str middleware,
                                                  asm_str state);

/* Has the state store keep the state now, and returns its result. ASM_ERR_MISUSE if there is none. */
ASM_API asm_result asm_agent_save_state(asm_agent_server *server, asm_str id, asm_save_reason reason);

/* Calls handle_message() of the middleware with that id, and returns its result. An agent that does not
 * exist drops the message: ASM_OK. ASM_ERR_NOT_FOUND if the agent has no such middleware. `message` is any
 * bytes that the two agree on. */
ASM_API asm_result asm_agent_notify_middleware(asm_agent_server *server, asm_str id, asm_str middleware,
                                               asm_str message);

/* Subscribe to the agent's topic, or to its debug topic, as asm_pubsub_subscribe() does. ASM_ERR_MISUSE if
 * the agent has no such dispatcher. `subscription` may be NULL. A subscription outlives the agent: events
 * of the next one with this id come, too. */
ASM_API asm_result asm_agent_subscribe(asm_agent_server *server, asm_str id, asm_message_callback callback,
                                       void *user, asm_subscription *subscription);
ASM_API asm_result asm_agent_subscribe_debug(asm_agent_server *server, asm_str id,
                                             asm_message_callback callback, void *user,
                                             asm_subscription *subscription);
ASM_API asm_result asm_agent_unsubscribe(asm_agent_server *server, asm_str id, asm_subscription subscription);
ASM_API asm_result asm_agent_unsubscribe_debug(asm_agent_server *server, asm_str id,
                                               asm_subscription subscription);

/* ---- Looking things up: from anywhere, without allocating ---- */

/* ASM_AGENT_NOT_RUNNING if there is no such agent. */
ASM_API asm_agent_status asm_agent_get_status(const asm_agent_server *server, asm_str id);

/* Whether there is such an agent, whatever its status. */
ASM_API bool asm_agent_is_running(const asm_agent_server *server, asm_str id);

/* All about an agent. Views are valid until the agent is next changed. */
typedef struct asm_agent_info {
    asm_str id;
    asm_agent_status status;
    bool is_stopping; /* waits for its driver to finish */
    asm_agent_state state;
    asm_str interrupt_data; /* JSON: {"action_requests":[{"tool_call_id","tool_name","arguments"},…]}, or the
                               question; absent unless interrupted */
    const asm_action_request *requests; /* the same */
    size_t request_count;               /* how many decisions resume takes; 0: an answer */
    asm_str error;                      /* text: why it failed; absent unless the status is error */
    asm_str conversation_id;
    asm_str node;
    asm_time started_at;
    asm_time last_activity;        /* when the inactivity timer was last restarted */
    int64_t inactivity_timeout_ms; /* negative: never */
    int64_t since_activity_ms;     /* of the time that timers count */
    bool inactivity_timer_is_active;
    asm_agent_config config;
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

/* >>agents: memory
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

/* Puts a copy of `text` at *at, which moves behind it. */
static asm_str asm__agent_put(char **at, asm_str text) {
    if (!text.data) return text;
    char *copy = *at;
    if (text.size) memcpy(copy, text.data, text.size);
    *at += text.size;
    return asm_str_make(copy, text.size);
}

/* A copy in a block of its own, or absent if there is no memory. */
static asm_str asm__agent_copy(asm_str text) {
    char *copy = (char *)asm__agent_allocate(text.size);
    return copy ? asm__agent_put(&copy, text) : asm_str_make(NULL, 0);
}

/* The server's text about what was wrong, from three parts. */
static asm_result asm__agent_fail(asm_agent_server *server, asm_result result, const char *first,
                                  const char *second, const char *third) {
    asm_buffer text;
    asm_buffer_init_fixed(&text, server->error, sizeof server->error - 1);
    asm_buffer_append(&text, asm_str_from(first));
    asm_buffer_append(&text, asm_str_from(second));
    asm_buffer_append(&text, asm_str_from(third));
    server->error[text.size] = '\0';
    return result;
}

/* The same, with the result's own text. */
static asm_result asm__agent_fail_with(asm_agent_server *server, asm_result result, const char *what) {
    return result == ASM_OK ? ASM_OK : asm__agent_fail(server, result, what, ": ", asm_result_string(result));
}

/* >>agents: records
 * Messages, todos and middleware states are structs of texts. A table describes each: with it they are
 * checked, copied, written and read by the same functions. The copy of a record is the struct and one block
 * with all its texts, which begins where the first one does. */

typedef struct asm__agent_member {
    const char *name;   /* NULL: holds the members that have no other place */
    size_t offset;      /* of an asm_str */
    asm_json_type type; /* ASM_JSON_NONE: any */
    bool is_required;
} asm__agent_member;

typedef struct asm__agent_record {
    const asm__agent_member *members;
    size_t count;
    size_t size;
} asm__agent_record;

#define ASM__AGENT_MEMBERS 5 /* at most */

#define ASM__TEXT(record, member, required)                                                                  \
    { #member, offsetof(record, member), ASM_JSON_STRING, required }
#define ASM__JSON(record, member, type)                                                                      \
    { #member, offsetof(record, member), type, false }
#define ASM__REST(record, member)                                                                            \
    { NULL, offsetof(record, member), ASM_JSON_OBJECT, false }

static const asm__agent_member asm__message_members[] = {
    ASM__TEXT(asm_agent_message, role, true),
    ASM__TEXT(asm_agent_message, content, false),
    ASM__JSON(asm_agent_message, tool_calls, ASM_JSON_ARRAY),
    ASM__JSON(asm_agent_message, tool_results, ASM_JSON_ARRAY),
    ASM__REST(asm_agent_message, extra),
};
static const asm__agent_record asm__message_record = {asm__message_members, 5, sizeof(asm_agent_message)};

static const asm__agent_member asm__todo_members[] = {
    ASM__TEXT(asm_todo, id, true),
    ASM__TEXT(asm_todo, content, true),
    ASM__TEXT(asm_todo, status, true),
    ASM__REST(asm_todo, extra),
};
static const asm__agent_record asm__todo_record = {asm__todo_members, 4, sizeof(asm_todo)};

static const asm__agent_member asm__middleware_members[] = {
    ASM__TEXT(asm_middleware_state, middleware, true),
    {"state", offsetof(asm_middleware_state, state), ASM_JSON_NONE, true},
};
static const asm__agent_record asm__middleware_record = {asm__middleware_members, 2,
                                                         sizeof(asm_middleware_state)};

#undef ASM__TEXT
#undef ASM__JSON
#undef ASM__REST

static asm_str asm__agent_get(const void *record, const asm__agent_member *member) {
    asm_str text;
    memcpy(&text, (const char *)record + member->offset, sizeof text);
    return text;
}

static void asm__agent_set(void *record, const asm__agent_member *member, asm_str text) {
    memcpy((char *)record + member->offset, &text, sizeof text);
}

static bool asm__agent_equals(asm_str text, const char *literal) {
    return asm_str_equal(text, asm_str_from(literal));
}

/* Writes the members of the JSON object `members` into the object that is being written. */
static void asm__agent_write_members(asm_json_writer *writer, asm_str members) {
    asm_json_reader reader;
    asm_buffer keys;
    asm_str key, value;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, members, &keys);
    asm_json_enter_object(&reader);
    while (asm_json_next_member(&reader, &key) && asm_json_read_raw(&reader, &value)) {
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
        if (!text.data && member->type != ASM_JSON_STRING) continue;
        if (!member->name) {
            asm__agent_write_members(writer, text);
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
        if (!text.data && member->is_required) return ASM_ERR_INVALID_ARGUMENT;
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

/* A list of records: an stb_ds array and its length. */
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

/* Appends a copy of a record. */
static asm_result asm__agent_append(asm__agent_list *list, const asm__agent_record *type,
                                    const void *record) {
    const asm_result result = asm__agent_check_record(type, record);
    if (result != ASM_OK) return result;
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
        asm__agent_set(copy, &type->members[i],
                       asm__agent_put(&texts, asm__agent_get(record, &type->members[i])));
    list->count++;
    return ASM_OK;
}

/* >>agents: state */

typedef struct asm__agent_state {
    asm__agent_list messages, todos, middleware;
    asm_str metadata; /* a block, or absent */
} asm__agent_state;

static void asm__agent_clear_state(asm_agent_server *server, asm__agent_state *state) {
    asm__agent_clear_list(server, &state->messages, &asm__message_record);
    asm__agent_clear_list(server, &state->todos, &asm__todo_record);
    asm__agent_clear_list(server, &state->middleware, &asm__middleware_record);
    asm__agent_discard(server, state->metadata.data);
    state->metadata = asm_str_make(NULL, 0);
}

static asm_agent_state asm__agent_view(const asm__agent_state *state) {
    asm_agent_state view;
    view.messages = (const asm_agent_message *)state->messages.items;
    view.message_count = state->messages.count;
    view.todos = (const asm_todo *)state->todos.items;
    view.todo_count = state->todos.count;
    view.middleware = (const asm_middleware_state *)state->middleware.items;
    view.middleware_count = state->middleware.count;
    view.metadata = state->metadata;
    return view;
}

static asm_result asm__agent_set_metadata(asm_agent_server *server, asm__agent_state *state,
                                          asm_str metadata) {
    const asm_result result = metadata.data ? asm__agent_check_json(metadata, ASM_JSON_OBJECT) : ASM_OK;
    if (result != ASM_OK) return result;
    const asm_str copy = metadata.data ? asm__agent_copy(metadata) : metadata;
    if (metadata.data && !copy.data) return ASM_ERR_NO_MEMORY;
    asm__agent_discard(server, state->metadata.data);
    state->metadata = copy;
    return ASM_OK;
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
    asm_result result = asm__agent_set_metadata(server, state, from->metadata);
    for (size_t i = 0; i < from->message_count && result == ASM_OK; i++)
        result = asm__agent_append(&state->messages, &asm__message_record, &from->messages[i]);
    for (size_t i = 0; i < from->todo_count && result == ASM_OK; i++)
        result = asm__agent_append_todo(&state->todos, &from->todos[i]);
    for (size_t i = 0; i < from->middleware_count && result == ASM_OK; i++)
        result = asm__agent_put_middleware(server, &state->middleware, &from->middleware[i]);
    return result;
}

static void asm__agent_write_list(asm_json_writer *writer, const char *key, const asm__agent_list *list,
                                  const asm__agent_record *type) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < list->count; i++)
        asm__agent_write_record(writer, type, asm__agent_item(list, type, i));
    asm_json_end_array(writer);
}

static void asm__agent_write_state(asm_json_writer *writer, const asm__agent_state *state) {
    const asm_middleware_state *middleware = (const asm_middleware_state *)state->middleware.items;
    asm_json_begin_object(writer);
    asm__agent_write_list(writer, "messages", &state->messages, &asm__message_record);
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
    asm_json_end_object(writer);
}

static asm_result asm__agent_export(const asm__agent_state *state, asm_time now, asm_buffer *out) {
    char time[ASM_TIME_TEXT_SIZE];
    const size_t time_size = now ? asm_time_format(now, ASM_TIME_PRECISION_AUTO, time) : 0;
    const size_t begin = out->size;
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("version"));
    asm_json_write_int64(&writer, 1);
    asm_json_write_key(&writer, ASM_STR("state"));
    asm__agent_write_state(&writer, state);
    asm_json_write_key(&writer, ASM_STR("serialized_at"));
    asm_json_write_string(&writer, asm_str_make(time_size ? time : NULL, time_size));
    asm_json_end_object(&writer);
    const asm_result result = asm_json_writer_finish(&writer);
    if (result != ASM_OK && !out->write) out->size = begin;
    return result;
}

/* >>agents: state from JSON */

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
            values[at] = asm_json_type_of(value) == ASM_JSON_NULL ? asm_str_make(NULL, 0) : value;
        } else if (rest && reader->error.result == ASM_OK) {
            asm_json_write_key(&writer, key);
            asm_json_write_raw(&writer, value);
        }
    }
    if (reader->error.result != ASM_OK || !rest) return reader->error.result;
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

/* The same for a text that is an object without strings among the members. */
static asm_result asm__agent_find_members(asm_str json, const asm__agent_member *members, size_t count,
                                          asm_str *values) {
    asm_json_reader reader;
    asm_buffer keys;
    asm_buffer_init_growing(&keys);
    asm_json_reader_init(&reader, json, &keys);
    asm_result result = asm__agent_read_members(&reader, members, count, values, NULL);
    if (result == ASM_OK) result = asm_json_reader_finish(&reader);
    asm_buffer_close(&keys);
    return result;
}

/* Appends the record that stands next. */
static asm_result asm__agent_read_record(asm__agent_list *list, const asm__agent_record *type,
                                         asm_json_reader *reader, asm_buffer *rest) {
    asm_str values[ASM__AGENT_MEMBERS];
    union {
        asm_agent_message message;
        asm_todo todo;
    } record;
    asm_buffer_clear(rest);
    const asm_result result = asm__agent_read_members(reader, type->members, type->count, values, rest);
    if (result != ASM_OK) return result;
    for (size_t i = 0; i < type->count; i++) {
        if (!type->members[i].name && rest->size > 2) values[i] = asm_buffer_text(rest);
        asm__agent_set(&record, &type->members[i], values[i]);
    }
    return type == &asm__todo_record ? asm__agent_append_todo(list, &record.todo)
                                     : asm__agent_append(list, type, &record);
}

/* Appends the records of the array `json`, which may be absent. */
static asm_result asm__agent_read_list(asm__agent_list *list, const asm__agent_record *type, asm_str json) {
    if (!json.data) return ASM_OK;
    asm_json_reader reader;
    asm_buffer scratch, rest;
    asm_result result = ASM_OK;
    asm_buffer_init_growing(&scratch);
    asm_buffer_init_growing(&rest);
    asm_json_reader_init(&reader, json, &scratch);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader))
        result = asm__agent_read_record(list, type, &reader, &rest);
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

/* Reads what asm__agent_export() writes into a state that is empty; on an error it is empty again. */
static asm_result asm__agent_import(asm_agent_server *server, asm__agent_state *state, asm_str json) {
    static const asm__agent_member outer_members[] = {{"version", 0, ASM_JSON_NUMBER, true},
                                                      {"state", 0, ASM_JSON_OBJECT, true}};
    static const asm__agent_member inner_members[] = {{"messages", 0, ASM_JSON_ARRAY, false},
                                                      {"todos", 0, ASM_JSON_ARRAY, false},
                                                      {"metadata", 0, ASM_JSON_OBJECT, false},
                                                      {"middleware", 0, ASM_JSON_OBJECT, false}};
    asm_str outer[2], inner[4];
    int64_t version = 0;
    asm_result result = asm__agent_find_members(json, outer_members, 2, outer);
    if (result != ASM_OK) return asm__agent_fail_with(server, result, "the exported state cannot be read");
    if (!asm_json_to_int64(outer[0], &version) || version != 1)
        return asm__agent_fail(server, ASM_ERR_INVALID_ARGUMENT, "the exported state is not of version 1", "",
                               "");
    if (!outer[1].data)
        return asm__agent_fail(server, ASM_ERR_INVALID_ARGUMENT, "the exported state has no state", "", "");
    result = asm__agent_find_members(outer[1], inner_members, 4, inner);
    if (result == ASM_OK) result = asm__agent_read_list(&state->messages, &asm__message_record, inner[0]);
    if (result == ASM_OK) result = asm__agent_read_list(&state->todos, &asm__todo_record, inner[1]);
    if (result == ASM_OK) result = asm__agent_set_metadata(server, state, inner[2]);
    if (result == ASM_OK) result = asm__agent_read_middleware(server, &state->middleware, inner[3]);
    if (result != ASM_OK) asm__agent_clear_state(server, state);
    return asm__agent_fail_with(server, result, "the exported state is not valid");
}

/* >>agents: an agent */

typedef struct asm__agent_resume_data {
    asm_resume resume; /* its decisions and their texts stand behind it */
} asm__agent_resume_data;

#define ASM__NEVER UINT64_MAX

typedef struct asm__agent {
    asm_agent_server *server;
    asm_str id; /* this and the next two stand behind the struct */
    asm_str conversation_id;
    asm_str viewers; /* with a NUL behind it; absent: they do not matter */
    uint64_t hash;
    uint32_t slot;
    asm_agent_status status;
    asm_agent_config config;
    asm__agent_state state;

    uint64_t execution; /* its number; 0: none is under way */
    uint64_t slices;
    uint64_t begun_in_poll;             /* the execution: its first slice is in a later one */
    const asm_resume *resume;           /* a block; absent in an execution that was not resumed */
    const asm_action_request *requests; /* a block, with their texts and the next one */
    asm_str interrupt_data;
    size_t request_count;
    asm_str error; /* text, and as JSON; in one block, or constants */
    asm_str error_json;
    bool error_is_constant;

    asm_pubsub *pubsub, *debug_pubsub;
    asm_topic_handle topic, debug_topic;
    int64_t sequence_number;
    const asm_state_store *state_store;
    const asm_display_store *display_store;
    asm_presence *presence;
    uint64_t presence_reference;   /* 0: not tracked */
    asm_subscription subscription; /* to the viewers' topic */

    int64_t inactivity_timeout_ms;
    uint64_t inactivity_timeout, grace_period, shutdown_delay; /* microseconds, or ASM__NEVER */
    uint64_t active_since, alone_since, stopping_since;        /* server->elapsed at that time */
    asm_time started_at, last_activity;
    uint64_t due; /* not after the first of its timers; the heap is sorted by it */
    size_t heap_at;

    struct asm__agent *next, *previous; /* active ones */
    uint64_t joined_in_poll;            /* these: visited in a later one */
    bool is_active;
    bool must_announce; /* it has just been started */
    bool was_transferred;
    bool is_alone;    /* idle, without viewers */
    bool is_stopping; /* when its execution has ended */
    bool is_ending;   /* its last events go out */
    bool is_removed;
} asm__agent;

typedef struct asm__agent_slot {
    asm__agent *agent;
    uint32_t next_free;
} asm__agent_slot;

/* >>agents: registry */

/* Agents are found by their id through an index with open addressing, at most half full: 1 + slot, 0 if empty. */

static uint64_t asm__agent_hash(const asm_agent_server *server, asm_str id) {
    return asm__hash(id.data, id.size, server->options.hash_seed);
}

static asm__agent *asm__agent_find(const asm_agent_server *server, asm_str id) {
    if (!server->index_size || !id.data) return NULL;
    const size_t mask = server->index_size - 1;
    const uint64_t hash = asm__agent_hash(server, id);
    for (size_t at = (size_t)hash & mask; server->index[at]; at = (at + 1) & mask) {
        asm__agent *agent = server->slots[server->index[at] - 1].agent;
        if (agent->hash == hash && asm_str_equal(agent->id, id)) return agent;
    }
    return NULL;
}

static void asm__agent_index(uint32_t *index, size_t size, const asm__agent *agent) {
    size_t at = (size_t)agent->hash & (size - 1);
    while (index[at])
        at = (at + 1) & (size - 1);
    index[at] = agent->slot + 1;
}

static void asm__agent_unindex(asm_agent_server *server, const asm__agent *agent) {
    const size_t mask = server->index_size - 1;
    uint32_t *index = server->index;
    size_t hole = (size_t)agent->hash & mask;
    while (index[hole] != agent->slot + 1)
        hole = (hole + 1) & mask;
    /* Close the hole: what follows moves up, unless that would put it before its own place. */
    for (size_t at = (hole + 1) & mask; index[at]; at = (at + 1) & mask) {
        const size_t home = (size_t)server->slots[index[at] - 1].agent->hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            index[hole] = index[at];
            hole = at;
        }
    }
    index[hole] = 0;
}

static bool asm__agent_reserve_index(asm_agent_server *server) {
    const size_t size = server->index_size ? server->index_size * 2 : 8;
    if ((server->agents + 1) * 2 <= server->index_size) return true;
    uint32_t *index = NULL;
    if (!asm__array_reserve(&index, sizeof *index, size)) return false;
    memset(index, 0, size * sizeof *index);
    for (size_t i = 0; i < server->slot_count; i++)
        if (server->slots[i].agent) asm__agent_index(index, size, server->slots[i].agent);
    asm__array_release(&server->index);
    server->index = index;
    server->index_size = size;
    return true;
}

/* Room for one agent more, so that asm__agent_register() cannot fail. */
static bool asm__agent_reserve(asm_agent_server *server) {
    return server->slot_count < UINT32_MAX - 1 && asm__agent_reserve_index(server) &&
           asm__array_reserve(&server->slots, sizeof *server->slots, server->slot_count + 1) &&
           asm__array_reserve(&server->heap, sizeof(void *), server->agents + 1);
}

/* >>agents: timers
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
    ASM__TIMER_COUNT
} asm__agent_timer;

/* When a timer is due; ASM__NEVER if it does not run. */
static uint64_t asm__agent_timer_due(const asm__agent *agent, asm__agent_timer timer) {
    if (timer == ASM__STOP)
        return agent->is_stopping ? asm__agent_after(agent->stopping_since, agent->shutdown_delay)
                                  : ASM__NEVER;
    if (timer == ASM__NO_VIEWERS)
        return agent->is_alone ? asm__agent_after(agent->alone_since, agent->grace_period) : ASM__NEVER;
    return agent->status != ASM_AGENT_RUNNING
               ? asm__agent_after(agent->active_since, agent->inactivity_timeout)
               : ASM__NEVER;
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

/* >>agents: those that poll visits */

static void asm__agent_activate(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (agent->is_active) return;
    agent->is_active = true;
    agent->joined_in_poll = server->polls;
    agent->next = NULL;
    agent->previous = server->last_active;
    if (server->last_active) server->last_active->next = agent;
    else server->first_active = agent;
    server->last_active = agent;
    server->running++;
}

static void asm__agent_deactivate(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (!agent->is_active) return;
    agent->is_active = false;
    if (server->visited == agent) server->visited = agent->next;
    if (agent->previous) agent->previous->next = agent->next;
    else server->first_active = agent->next;
    if (agent->next) agent->next->previous = agent->previous;
    else server->last_active = agent->previous;
    server->running--;
}

/* >>agents: publishing */

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

/* The same for an event of the host's, which stays as it is. */
static asm_result asm__agent_publish_copy(asm__agent *agent, const asm_event *event, bool debug) {
    asm_event copy = *event;
    return debug ? asm__agent_publish_debug(agent, &copy) : asm__agent_publish(agent, &copy);
}

/* Says that a function of the host's has failed. */
static void asm__agent_report(asm__agent *agent, asm_str code, asm_result result) {
    if (result == ASM_OK) return;
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
    asm__agent_write_state(&writer, &agent->state);
    event.state.state = asm_buffer_text(&json);
    if (asm_json_writer_finish(&writer) == ASM_OK) (void)asm__agent_publish_debug(agent, &event);
    else agent->server->failures++;
    asm_buffer_close(&json);
}

/* >>agents: persistence */

static asm_result asm__agent_save(asm__agent *agent, asm_save_reason reason) {
    const asm_state_store *store = agent->state_store;
    if (!store || !store->save) return ASM_OK;
    asm_buffer json;
    asm_buffer_init_growing(&json);
    asm_result result = asm__agent_export(&agent->state, agent->server->now, &json);
    agent->server->leaves++;
    if (result == ASM_OK)
        result = store->save(store->user, agent->id, agent->conversation_id, reason, asm_buffer_text(&json));
    agent->server->leaves--;
    asm_buffer_close(&json);
    return result;
}

/* Publishes what a display store kept: `saved`, or else the message. */
static asm_result asm__agent_publish_display(asm__agent *agent, asm_event *event, asm_buffer *saved,
                                             const asm_agent_message *message) {
    asm_result result = saved->result;
    if (saved->size == 0 && message) {
        asm_json_writer writer;
        asm_json_writer_init(&writer, saved);
        asm__agent_write_record(&writer, &asm__message_record, message);
        result = asm_json_writer_finish(&writer);
    }
    if (result == ASM_OK && saved->size > 0) result = asm_json_check(asm_buffer_text(saved), NULL);
    if (result != ASM_OK) return result;
    if (saved->size > 0) event->display.display_message = asm_buffer_text(saved);
    (void)asm__agent_publish(agent, event);
    return ASM_OK;
}

static void asm__agent_save_display(asm__agent *agent, asm_display_kind kind,
                                    const asm_agent_message *message) {
    const asm_display_store *store = agent->display_store;
    if (!store || !store->save || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_DISPLAY_MESSAGE_SAVED);
    asm_buffer saved;
    asm_buffer_init_growing(&saved);
    agent->server->leaves++;
    asm_result result = store->save(store->user, agent->id, agent->conversation_id, kind, message, &saved);
    agent->server->leaves--;
    if (result == ASM_OK) result = asm__agent_publish_display(agent, &event, &saved, message);
    asm_buffer_close(&saved);
    asm__agent_report(agent, ASM_STR("display_store"), result);
}

static void asm__agent_save_notice(asm__agent *agent, asm_display_kind kind, asm_str text) {
    asm_agent_message message;
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("system");
    message.content = text;
    asm__agent_save_display(agent, kind, &message);
}

static void asm__agent_update_display(asm__agent *agent, const asm_tool_payload *tool, asm_str status) {
    const asm_display_store *store = agent->display_store;
    if (!store || !store->update_tool || agent->is_removed) return;
    asm_event event = asm__agent_event(ASM_EVENT_DISPLAY_MESSAGE_UPDATED);
    event.display.tool_call_id = tool->call_id;
    event.display.status = status;
    asm_buffer saved;
    asm_buffer_init_growing(&saved);
    agent->server->leaves++;
    asm_result result =
        store->update_tool(store->user, agent->id, agent->conversation_id, tool, status, &saved);
    agent->server->leaves--;
    if (result == ASM_OK) result = asm__agent_publish_display(agent, &event, &saved, NULL);
    asm_buffer_close(&saved);
    if (result != ASM_ERR_NOT_FOUND) asm__agent_report(agent, ASM_STR("display_store"), result);
}

/* >>agents: presence */

static void asm__agent_write_time(asm_json_writer *writer, const char *key, asm_time time) {
    char text[ASM_TIME_TEXT_SIZE];
    const size_t size = time ? asm_time_format(time, ASM_TIME_PRECISION_AUTO, text) : 0;
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, asm_str_make(size ? text : NULL, size));
}

static asm_result asm__agent_write_meta(const asm__agent *agent, asm_buffer *out) {
    asm_json_writer writer;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    asm__agent_write_time(&writer, "started_at", agent->started_at);
    asm__agent_write_time(&writer, "last_activity_at", agent->last_activity);
    asm_json_write_key(&writer, ASM_STR("status"));
    asm_json_write_string(&writer, asm_str_from(asm_agent_status_name(agent->status)));
    asm_json_write_key(&writer, ASM_STR("conversation_id"));
    asm_json_write_string(&writer, agent->conversation_id);
    asm_json_write_key(&writer, ASM_STR("node"));
    asm_json_write_string(&writer, agent->server->options.node);
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

static asm_result asm__agent_track(asm__agent *agent) {
    asm_buffer meta;
    asm_buffer_init_growing(&meta);
    asm_result result = asm__agent_write_meta(agent, &meta);
    if (result == ASM_OK && agent->presence_reference)
        result = asm_presence_update(agent->presence, &agent->presence_reference, asm_buffer_text(&meta));
    else if (result == ASM_OK)
        result = asm_presence_track(agent->presence, agent->server, ASM_TOPIC_AGENT_PRESENCE, agent->id,
                                    asm_buffer_text(&meta), &agent->presence_reference);
    asm_buffer_close(&meta);
    return result;
}

static void asm__agent_update_presence(asm__agent *agent) {
    if (agent->presence_reference && !agent->is_removed)
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
    const bool is_alone = agent->viewers.data && agent->status == ASM_AGENT_IDLE &&
                          asm_presence_count(agent->presence, agent->viewers.data) == 0;
    if (is_alone && !agent->is_alone) agent->alone_since = agent->server->elapsed;
    agent->is_alone = is_alone;
    asm__agent_arm(agent);
}

static void asm__agent_on_viewers(void *user, const asm_message *message) {
    (void)message;
    asm__agent_look_for_viewers((asm__agent *)user);
}

/* >>agents: status
 * A change of status is made first, with everything that belongs to it; then it is told. */

static void asm__agent_clear_outcome(asm__agent *agent) {
    asm__agent_discard(agent->server, agent->requests);
    if (!agent->error_is_constant) asm__agent_discard(agent->server, agent->error.data);
    agent->interrupt_data = agent->error = agent->error_json = asm_str_make(NULL, 0);
    agent->requests = NULL;
    agent->request_count = 0;
}

static void asm__agent_set_status(asm__agent *agent, asm_agent_status status) {
    agent->status = status;
    if (status == ASM_AGENT_RUNNING) asm__agent_activate(agent);
    else if (!agent->must_announce) asm__agent_deactivate(agent);
    asm__agent_look_for_viewers(agent);
}

static void asm__agent_tell_status(asm__agent *agent) {
    asm_event event = asm__agent_event(ASM_EVENT_STATUS_CHANGED);
    event.status.status = asm_str_from(asm_agent_status_name(agent->status));
    event.status.data = agent->status == ASM_AGENT_ERROR ? agent->error_json : agent->interrupt_data;
    event.status.error_message = agent->error;
    (void)asm__agent_publish(agent, &event);
    asm__agent_update_presence(agent);
}

/* The first events of an agent: with the first poll, or before any other. */
static void asm__agent_announce(asm__agent *agent) {
    if (!agent->must_announce) return;
    agent->must_announce = false;
    if (agent->status != ASM_AGENT_RUNNING) asm__agent_deactivate(agent);
    const asm_agent_config config = agent->config;
    asm_agent_server *server = agent->server;
    if (agent->was_transferred) {
        asm_event event = asm__agent_event(ASM_EVENT_NODE_TRANSFERRED);
        event.node.to_node = server->options.node;
        (void)asm__agent_publish(agent, &event);
    }
    for (size_t i = 0; i < config.middleware_count && !agent->is_removed; i++) {
        const asm_middleware *middleware = &config.middleware[i];
        if (middleware->on_server_start)
            asm__agent_report(agent, ASM_STR("middleware"),
                              middleware->on_server_start(middleware->user, server, agent->id));
    }
    asm_event event = asm__agent_event(ASM_EVENT_STATUS_CHANGED);
    event.status.status = asm_str_from(asm_agent_status_name(ASM_AGENT_IDLE));
    (void)asm__agent_publish(agent, &event);
}

/* >>agents: the end of an agent */

static void asm__agent_release(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (agent->subscription.pubsub)
        (void)asm_pubsub_unsubscribe(agent->presence->options.pubsub, agent->subscription);
    if (agent->pubsub) (void)asm_topic_release(agent->pubsub, agent->topic);
    if (agent->debug_pubsub) (void)asm_topic_release(agent->debug_pubsub, agent->debug_topic);
    asm__agent_clear_outcome(agent);
    asm__agent_clear_state(server, &agent->state);
    asm__agent_discard(server, agent->resume);
    asm__agent_discard(server, agent);
}

static void asm__agent_unregister(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    asm__agent_deactivate(agent);
    asm__agent_unindex(server, agent);
    asm__agent *last = server->heap[--server->agents];
    if (last != agent) {
        asm__agent_place(server, last, agent->heap_at);
        asm__agent_sift_up(server, last);
        asm__agent_sift_down(server, last);
    }
    server->slots[agent->slot].agent = NULL;
    server->slots[agent->slot].next_free = server->free_slot;
    server->free_slot = agent->slot + 1;
    agent->is_removed = true;
}

static void asm__agent_publish_shutdown(asm__agent *agent, const char *reason) {
    char last_activity[ASM_TIME_TEXT_SIZE], now[ASM_TIME_TEXT_SIZE];
    asm_event event = asm__agent_event(ASM_EVENT_AGENT_SHUTDOWN);
    event.shutdown.agent_id = agent->id;
    event.shutdown.reason = asm_str_from(reason);
    if (agent->last_activity)
        event.shutdown.last_activity_at = asm_str_make(
            last_activity, asm_time_format(agent->last_activity, ASM_TIME_PRECISION_AUTO, last_activity));
    if (agent->server->now)
        event.shutdown.shutdown_at =
            asm_str_make(now, asm_time_format(agent->server->now, ASM_TIME_PRECISION_AUTO, now));
    (void)asm__agent_publish(agent, &event);
}

static void asm__agent_save_last(asm__agent *agent) {
    asm__agent_report(agent, ASM_STR("state_store"), asm__agent_save(agent, ASM_SAVE_ON_SHUTDOWN));
    asm__agent_untrack(agent);
}

/* Ends an agent that does not run and has been announced. */
static void asm__agent_end(asm__agent *agent, const char *reason, bool is_manual) {
    if (agent->is_ending) return;
    agent->is_ending = true;
    if (is_manual) {
        asm_event event = asm__agent_event(ASM_EVENT_NODE_TRANSFERRING);
        event.node.from_node = agent->server->options.node;
        asm__agent_save_last(agent);
        (void)asm__agent_publish(agent, &event);
    }
    asm__agent_publish_shutdown(agent, reason);
    if (!is_manual) asm__agent_save_last(agent);
    asm__agent_unregister(agent);
    asm__agent_release(agent);
}

/* Ends an agent that waited for its execution to end, if that is over. */
static void asm__agent_stop_if_due(asm__agent *agent) {
    if (agent->is_stopping && !agent->is_removed && agent->status != ASM_AGENT_RUNNING)
        asm__agent_end(agent, "manual", true);
}

/* >>agents: executions */

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

/* Begins an execution; `resume` is a block, or NULL. */
static void asm__agent_begin(asm__agent *agent, const asm_resume *resume) {
    asm_agent_server *server = agent->server;
    asm__agent_clear_outcome(agent);
    agent->execution = ++server->executions;
    agent->slices = 0;
    agent->begun_in_poll = server->polls;
    agent->resume = resume;
    asm__agent_set_status(agent, ASM_AGENT_RUNNING);
    asm__agent_is_here(agent);
    asm__agent_tell_status(agent);
}

/* What all ends of an execution have in common, after the new status has been decided. */
static void asm__agent_conclude(asm__agent *agent, asm_agent_status status, asm_save_reason reason) {
    agent->execution = 0;
    asm__agent_discard(agent->server, agent->resume);
    agent->resume = NULL;
    asm__agent_set_status(agent, status);
    asm__agent_is_here(agent);
    const asm_str error = agent->error;
    const asm_result saved = asm__agent_save(agent, reason);
    asm__agent_tell_status(agent);
    if (!agent->is_removed) asm__agent_report(agent, ASM_STR("state_store"), saved);
    if (status == ASM_AGENT_CANCELLED)
        asm__agent_save_notice(agent, ASM_DISPLAY_CANCELLED, ASM_STR("Cancelled"));
    if (status == ASM_AGENT_ERROR) asm__agent_save_notice(agent, ASM_DISPLAY_ERROR, error);
    else asm__agent_publish_snapshot(agent);
    asm__agent_stop_if_due(agent);
}

/* Ends the execution without telling anybody but the driver. */
static void asm__agent_abort(asm__agent *agent) {
    const asm_driver driver = agent->config.driver;
    const asm_execution execution = asm__agent_execution(agent);
    if (!agent->execution) return;
    agent->execution = 0;
    agent->server->leaves++;
    if (driver.cancel) driver.cancel(driver.user, execution);
    agent->server->leaves--;
}

static void asm__agent_cancel(asm__agent *agent) {
    asm__agent_abort(agent);
    asm__agent_conclude(agent, ASM_AGENT_CANCELLED, ASM_SAVE_ON_CANCEL);
}

/* The reason of an error, as text and as JSON. */
static void asm__agent_set_error(asm__agent *agent, asm_str reason) {
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm_json_write_string(&writer, reason);
    char *block = json.result == ASM_OK ? (char *)asm__agent_allocate(reason.size + json.size) : NULL;
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

static void asm__agent_write_requests(asm_json_writer *writer, const asm_outcome *outcome) {
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("action_requests"));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < outcome->request_count; i++) {
        const asm_action_request *request = &outcome->requests[i];
        asm_json_begin_object(writer);
        asm_json_write_key(writer, ASM_STR("tool_call_id"));
        asm_json_write_string(writer, request->tool_call_id);
        asm_json_write_key(writer, ASM_STR("tool_name"));
        asm_json_write_string(writer, request->tool_name);
        asm_json_write_key(writer, ASM_STR("arguments"));
        asm_json_write_raw(writer, request->arguments.data ? request->arguments : ASM_STR("{}"));
        asm_json_end_object(writer);
    }
    asm_json_end_array(writer);
    asm_json_end_object(writer);
}

static asm_result asm__agent_check_outcome(const asm_outcome *outcome) {
    if (outcome->kind < ASM_OUTCOME_CONTINUE || outcome->kind > ASM_OUTCOME_FAILED)
        return ASM_ERR_INVALID_ARGUMENT;
    if (outcome->kind != ASM_OUTCOME_INTERRUPTED) return ASM_OK;
    if (outcome->request_count == 0)
        return outcome->question.data ? asm__agent_check_json(outcome->question, ASM_JSON_NONE) : ASM_OK;
    if (outcome->question.data) return ASM_ERR_INVALID_ARGUMENT;
    for (size_t i = 0; i < outcome->request_count; i++) {
        const asm_action_request *request = &outcome->requests[i];
        if (!request->tool_name.data) return ASM_ERR_INVALID_ARGUMENT;
        const asm_result result =
            request->arguments.data ? asm__agent_check_json(request->arguments, ASM_JSON_OBJECT) : ASM_OK;
        if (result != ASM_OK) return result;
    }
    return ASM_OK;
}

/* Keeps the requests, and all that the agent was interrupted with as JSON, in one block. */
static asm_result asm__agent_keep_interrupt(asm__agent *agent, const asm_outcome *outcome, asm_str json) {
    const size_t count = outcome->request_count;
    size_t size = json.size;
    for (size_t i = 0; i < count; i++) { /* each text is in the JSON, too: no overflow */
        const asm_action_request *request = &outcome->requests[i];
        size +=
            sizeof *request + request->tool_call_id.size + request->tool_name.size + request->arguments.size;
    }
    asm_action_request *requests = (asm_action_request *)asm__agent_allocate(size);
    if (!requests) return ASM_ERR_NO_MEMORY;
    char *texts = (char *)(requests + count);
    for (size_t i = 0; i < count; i++) {
        const asm_action_request *request = &outcome->requests[i];
        requests[i].tool_call_id = asm__agent_put(&texts, request->tool_call_id);
        requests[i].tool_name = asm__agent_put(&texts, request->tool_name);
        requests[i].arguments = asm__agent_put(&texts, request->arguments);
        if (!request->arguments.data) requests[i].arguments = ASM_STR("{}");
    }
    agent->requests = requests;
    agent->request_count = count;
    agent->interrupt_data = asm__agent_put(&texts, json);
    return ASM_OK;
}

static asm_result asm__agent_set_interrupt(asm__agent *agent, const asm_outcome *outcome) {
    asm_buffer json;
    asm_json_writer writer;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    if (outcome->request_count) asm__agent_write_requests(&writer, outcome);
    else if (outcome->question.data) asm_json_write_raw(&writer, outcome->question);
    else asm_json_write_null(&writer);
    asm_result result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) result = asm__agent_keep_interrupt(agent, outcome, asm_buffer_text(&json));
    asm_buffer_close(&json);
    return result;
}

static void asm__agent_finish(asm__agent *agent, const asm_outcome *outcome) {
    asm_result result = asm__agent_check_outcome(outcome);
    asm_outcome_kind kind = outcome->kind;
    asm_str reason = outcome->reason.data ? outcome->reason : ASM_STR("failed");
    if (result == ASM_OK && kind == ASM_OUTCOME_INTERRUPTED)
        result = asm__agent_set_interrupt(agent, outcome);
    if (result != ASM_OK) {
        kind = ASM_OUTCOME_FAILED;
        reason = result == ASM_ERR_NO_MEMORY ? asm_str_from(asm_result_string(result))
                                             : ASM_STR("the outcome that the driver gave is not valid");
    }
    if (kind == ASM_OUTCOME_COMPLETED) {
        asm__agent_conclude(agent, ASM_AGENT_IDLE, ASM_SAVE_ON_COMPLETION);
    } else if (kind == ASM_OUTCOME_PAUSED) {
        asm__agent_conclude(agent, ASM_AGENT_PAUSED, ASM_SAVE_ON_COMPLETION);
    } else if (kind == ASM_OUTCOME_INTERRUPTED) {
        asm__agent_conclude(agent, ASM_AGENT_INTERRUPTED, ASM_SAVE_ON_INTERRUPT);
    } else {
        asm__agent_set_error(agent, reason);
        asm__agent_conclude(agent, ASM_AGENT_ERROR, ASM_SAVE_ON_ERROR);
    }
}

/* One call of the driver. */
static void asm__agent_run_slice(asm__agent *agent) {
    const asm_driver driver = agent->config.driver;
    const asm_execution execution = asm__agent_execution(agent);
    agent->slices++;
    const asm_outcome outcome = agent->resume ? driver.resume(driver.user, execution, agent->resume)
                                              : driver.execute(driver.user, execution);
    if (outcome.kind == ASM_OUTCOME_CONTINUE) return;
    if (asm__execution_find(execution)) asm__agent_finish(agent, &outcome);
    else agent->server->late++;
}

/* >>agents: the server */

ASM_API const char *asm_agent_status_name(asm_agent_status status) {
    static const char *const names[] = {
#define ASM__X(name, text) text,
        ASM_AGENT_STATUSES(ASM__X)
#undef ASM__X
    };
    return (unsigned)status < ASM_AGENT_STATUS_COUNT ? names[status] : "";
}

ASM_API const char *asm_save_reason_name(asm_save_reason reason) {
    static const char *const names[] = {"on_completion", "on_interrupt",       "on_cancel",
                                        "on_error",      "on_title_generated", "on_shutdown"};
    return (unsigned)reason < sizeof names / sizeof *names ? names[reason] : "";
}

ASM_API void asm_agent_server_init(asm_agent_server *server, const asm_agent_server_options *options) {
    memset(server, 0, sizeof *server);
    if (options) server->options = *options;
    if (!server->options.node.data) server->options.node = ASM_STR("local");
}

ASM_API asm_result asm_agent_server_close(asm_agent_server *server) {
    if (server->depth)
        return asm__agent_fail(server, ASM_ERR_MISUSE, "a callback cannot close the server", "", "");
    server->is_closing = true;
    server->depth++;
    while (server->agents) {
        asm__agent *agent = server->heap[0];
        asm__agent_announce(agent); /* NOLINT(clang-analyzer-unix.Malloc): what ended is not in the heap */
        if (agent->is_removed) continue;
        agent->is_stopping = true;
        if (agent->status == ASM_AGENT_RUNNING) asm__agent_cancel(agent);
        else asm__agent_end(agent, "manual", true);
    }
    asm__agent_leave(server, ASM_OK);
    asm__array_release(&server->slots);
    asm__array_release(&server->index);
    asm__array_release(&server->heap);
    const asm_agent_server_options options = server->options;
    asm_agent_server_init(server, &options);
    return ASM_OK;
}

ASM_API void asm_agent_server_set_time(asm_agent_server *server, asm_time now) {
    if (server->has_time && now > server->now)
        server->elapsed = asm__agent_after(server->elapsed, (uint64_t)now - (uint64_t)server->now);
    server->now = now;
    server->has_time = true;
}

static void asm__agent_fire(asm__agent *agent, asm__agent_timer timer) {
    if (agent->must_announce) asm__agent_announce(agent); /* then the timer is looked at again */
    else if (timer == ASM__STOP) asm__agent_cancel(agent);
    else asm__agent_end(agent, timer == ASM__INACTIVITY ? "inactivity" : "no_viewers", false);
}

ASM_API asm_result asm_agent_server_poll(asm_agent_server *server, asm_time now) {
    asm__agent *agent;
    asm__agent_timer timer;
    if (server->depth)
        return asm__agent_fail(server, ASM_ERR_MISUSE, "a callback cannot poll the server", "", "");
    asm_agent_server_set_time(server, now);
    server->depth++;
    server->polls++;
    server->visited = server->first_active;
    while ((agent = server->visited) != NULL && agent->joined_in_poll != server->polls) {
        server->visited = agent->next;
        asm__agent_announce(agent);
        if (agent->execution && !agent->is_removed && agent->begun_in_poll != server->polls)
            asm__agent_run_slice(agent);
    }
    while ((agent = asm__agent_first_due(server, &timer)) != NULL && agent->due <= server->elapsed)
        asm__agent_fire(agent, timer);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_time asm_agent_server_next_timer(asm_agent_server *server) {
    asm__agent_timer timer;
    const asm__agent *agent = asm__agent_first_due(server, &timer);
    if (!agent) return INT64_MAX;
    const uint64_t left = agent->due > server->elapsed ? agent->due - server->elapsed : 0;
    return left > (uint64_t)INT64_MAX - (server->now > 0 ? (uint64_t)server->now : 0)
               ? INT64_MAX
               : server->now + (asm_time)left;
}

/* >>agents: start */

static asm_result asm__agent_check_config(asm_agent_server *server, const asm_agent_config *config) {
    if (!config->driver.execute)
        return asm__agent_fail(server, ASM_ERR_INVALID_ARGUMENT, "an agent needs a driver with execute()", "",
                               "");
    return ASM_OK;
}

static asm_result asm__agent_check_options(asm_agent_server *server, const asm_agent_options *options) {
    const asm_agent_presence *presence = &options->presence;
    const char *error = NULL;
    if (!options->id.data || !options->id.size) error = "an agent needs an id";
    else if (asm__agent_equals(options->id, "presence")) error = "an agent cannot be named presence";
    else if (options->initial_state && options->exported_state.data)
        error = "an agent starts from an initial or an exported state, not from both";
    else if (!presence->presence && (presence->viewers || presence->discovery))
        error = "viewers and discovery need a presence";
    else if (presence->viewers && (!*presence->viewers || !presence->presence->options.pubsub))
        error = "viewers need a topic, and a presence with a dispatcher";
    if (error) return asm__agent_fail(server, ASM_ERR_INVALID_ARGUMENT, error, "", "");
    if (asm__agent_find(server, options->id))
        return asm__agent_fail(server, ASM_ERR_EXISTS, "there is an agent with this id already", "", "");
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
    agent->hash = asm__agent_hash(server, agent->id);
    agent->status = ASM_AGENT_IDLE;
    agent->config = options->config;
    agent->state_store = options->state_store;
    agent->display_store = options->display_store;
    agent->presence = options->presence.presence;
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
    server->leaves++;
    asm_result result = store->load(store->user, agent->id, agent->conversation_id, &json);
    server->leaves--;
    if (result == ASM_OK) result = json.result;
    if (result == ASM_OK) result = asm__agent_import(server, &agent->state, asm_buffer_text(&json));
    else if (result == ASM_ERR_NOT_FOUND) result = ASM_OK;
    else asm__agent_fail_with(server, result, "the state could not be loaded");
    asm_buffer_close(&json);
    return result;
}

static asm_result asm__agent_set_first_state(asm__agent *agent, const asm_agent_options *options) {
    asm_agent_server *server = agent->server;
    agent->was_transferred = options->exported_state.data != NULL;
    if (options->exported_state.data)
        return asm__agent_import(server, &agent->state, options->exported_state);
    if (!options->initial_state) return asm__agent_load(agent);
    return asm__agent_fail_with(server, asm__agent_copy_state(server, &agent->state, options->initial_state),
                                "the initial state is not valid");
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

static void asm__agent_register(asm__agent *agent) {
    asm_agent_server *server = agent->server;
    if (server->free_slot) {
        agent->slot = server->free_slot - 1;
        server->free_slot = server->slots[agent->slot].next_free;
    } else {
        agent->slot = (uint32_t)server->slot_count++;
    }
    server->slots[agent->slot].agent = agent;
    asm__agent_index(server->index, server->index_size, agent);
    agent->due = ASM__NEVER;
    asm__agent_place(server, agent, server->agents++);
    agent->must_announce = true;
    asm__agent_activate(agent);
    asm__agent_set_status(agent, ASM_AGENT_IDLE);
}

/* What can fail for want of memory; asm__agent_release() takes it back. */
static asm_result asm__agent_equip(asm__agent *agent, const asm_agent_options *options) {
    asm_result result = asm__agent_resolve(agent, options->pubsub, false);
    if (result == ASM_OK) result = asm__agent_resolve(agent, options->debug_pubsub, true);
    if (result == ASM_OK && agent->viewers.data)
        result = asm_pubsub_subscribe(agent->presence->options.pubsub, agent->viewers.data,
                                      asm__agent_on_viewers, agent, &agent->subscription);
    if (result == ASM_OK && !asm__agent_reserve(agent->server)) result = ASM_ERR_NO_MEMORY;
    return asm__agent_fail_with(agent->server, result, "the agent could not be started");
}

ASM_API asm_result asm_agent_start(asm_agent_server *server, const asm_agent_options *options) {
    if (server->leaves || server->is_closing)
        return asm__agent_fail(server, ASM_ERR_MISUSE, "no agent can be started from here", "", "");
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
    asm__agent_register(agent);
    if (options->presence.discovery) result = asm__agent_track(agent);
    if (result != ASM_OK && !agent->is_removed) {
        asm__agent_unregister(agent);
        asm__agent_release(agent);
        asm__agent_fail_with(server, result, "the agent's presence could not be tracked");
    }
    return asm__agent_leave(server, result);
}

/* >>agents: calls */

typedef enum asm__agent_call {
    ASM__CALL_ANY,
    ASM__CALL_EXECUTE,
    ASM__CALL_CANCEL,
    ASM__CALL_RESUME
} asm__agent_call;

#define ASM__IN(status) (1u << ASM_AGENT_##status)

/* In which statuses a call is allowed, and what is said in the others. */
static const struct {
    unsigned statuses;
    const char *refusal;
} asm__agent_calls[] = {
    {~0u, ""},
    {ASM__IN(IDLE) | ASM__IN(PAUSED), "only an idle or paused agent can be executed; this one is "},
    {ASM__IN(RUNNING), "only a running agent can be cancelled; this one is "},
    {ASM__IN(INTERRUPTED), "only an interrupted agent can be resumed; this one is "},
};

#undef ASM__IN

static bool asm__agent_is_too_deep(const asm_pubsub *pubsub) {
    return pubsub && !asm_pubsub_can_publish(pubsub);
}

static asm_result asm__agent_check_call(asm__agent *agent, asm__agent_call call) {
    asm_agent_server *server = agent->server;
    const bool begins = call == ASM__CALL_EXECUTE || call == ASM__CALL_RESUME;
    if (agent->is_ending || (agent->is_stopping && begins))
        return asm__agent_fail(server, ASM_ERR_MISUSE, "the agent is shutting down", "", "");
    if (!(asm__agent_calls[call].statuses & 1u << agent->status))
        return asm__agent_fail(server, ASM_ERR_STATUS, asm__agent_calls[call].refusal,
                               asm_agent_status_name(agent->status), "");
    return ASM_OK;
}

/* Begins a call that changes `agent`; asm__agent_leave() ends it, unless this returns an error. */
static asm_result asm__agent_enter(asm_agent_server *server, asm__agent *agent, asm__agent_call call) {
    if (server->leaves)
        return asm__agent_fail(server, ASM_ERR_MISUSE, "a store, cancel or reset function cannot do this", "",
                               "");
    if (asm__agent_is_too_deep(agent->pubsub) || asm__agent_is_too_deep(agent->debug_pubsub))
        return asm__agent_fail(server, ASM_ERR_DEPTH, "publishes are nested too deeply", "", "");
    const asm_result result = asm__agent_check_call(agent, call);
    if (result == ASM_OK) server->depth++;
    return result;
}

/* The same for the agent with this id. */
static asm_result asm__agent_enter_by_id(asm_agent_server *server, asm_str id, asm__agent_call call,
                                         asm__agent **agent) {
    *agent = asm__agent_find(server, id);
    return *agent ? asm__agent_enter(server, *agent, call)
                  : asm__agent_fail(server, ASM_ERR_NOT_FOUND, "there is no agent with this id", "", "");
}

/* The same for the agent of an execution. */
static asm_result asm__execution_enter(asm_execution execution, asm__agent **agent) {
    asm_agent_server *server = execution.server;
    *agent = asm__execution_find(execution);
    if (*agent) return asm__agent_enter(server, *agent, ASM__CALL_ANY);
    if (!server) return ASM_ERR_NOT_FOUND;
    server->late++;
    return asm__agent_fail(server, ASM_ERR_NOT_FOUND, "the execution is over", "", "");
}

ASM_API asm_result asm_agent_execute(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_EXECUTE, &agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(agent); /* whose subscribers may do anything to it */
    result = asm__agent_check_call(agent, ASM__CALL_EXECUTE);
    if (result == ASM_OK) asm__agent_begin(agent, NULL);
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_cancel(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_CANCEL, &agent);
    if (result != ASM_OK) return result;
    asm__agent_cancel(agent);
    return asm__agent_leave(server, ASM_OK);
}

/* >>agents: resume */

static asm_result asm__agent_check_decision(const asm_decision *decision) {
    const bool is_edit = decision->kind == ASM_DECISION_EDIT;
    if (decision->kind < ASM_DECISION_APPROVE || decision->kind > ASM_DECISION_REJECT ||
        (decision->arguments.data && !is_edit))
        return ASM_ERR_INVALID_ARGUMENT;
    return is_edit ? asm__agent_check_json(decision->arguments, ASM_JSON_OBJECT) : ASM_OK;
}

static asm_result asm__agent_check_resume(const asm__agent *agent, const asm_resume *resume) {
    asm_result result = ASM_OK;
    if (resume->decision_count != agent->request_count)
        return asm__agent_fail(agent->server, ASM_ERR_INVALID_ARGUMENT,
                               agent->request_count ? "each request needs one decision"
                                                    : "a question needs an answer, not decisions",
                               "", "");
    if (agent->request_count && resume->answer.data)
        return asm__agent_fail(agent->server, ASM_ERR_INVALID_ARGUMENT,
                               "requests need decisions, not an answer", "", "");
    for (size_t i = 0; i < resume->decision_count && result == ASM_OK; i++)
        result = asm__agent_check_decision(&resume->decisions[i]);
    if (!agent->request_count) result = asm__agent_check_json(resume->answer, ASM_JSON_NONE);
    return asm__agent_fail_with(agent->server, result,
                                agent->request_count ? "a decision is not valid" : "the answer is not valid");
}

/* A copy in one block; NULL if there is no memory. */
static asm_resume *asm__agent_copy_resume(const asm_resume *resume) {
    size_t size = sizeof *resume + resume->answer.size;
    for (size_t i = 0; i < resume->decision_count; i++) {
        const asm_decision *decision = &resume->decisions[i];
        const size_t room = SIZE_MAX / 4 - size, texts = decision->arguments.size + decision->message.size;
        if (decision->arguments.size > room || texts > room || texts + sizeof *decision > room) return NULL;
        size += sizeof *decision + texts;
    }
    asm_resume *copy = (asm_resume *)asm__agent_allocate(size);
    if (!copy) return NULL;
    asm_decision *decisions = (asm_decision *)(copy + 1);
    char *texts = (char *)(decisions + resume->decision_count);
    copy->decisions = decisions;
    copy->decision_count = resume->decision_count;
    copy->answer = asm__agent_put(&texts, resume->answer);
    for (size_t i = 0; i < resume->decision_count; i++) {
        decisions[i].kind = resume->decisions[i].kind;
        decisions[i].arguments = asm__agent_put(&texts, resume->decisions[i].arguments);
        decisions[i].message = asm__agent_put(&texts, resume->decisions[i].message);
    }
    return copy;
}

static asm_result asm__agent_resume(asm__agent *agent, const asm_resume *resume) {
    asm_agent_server *server = agent->server;
    if (!agent->config.driver.resume)
        return asm__agent_fail(server, ASM_ERR_UNSUPPORTED, "the agent's driver has no resume()", "", "");
    const asm_result result = asm__agent_check_resume(agent, resume);
    if (result != ASM_OK) return result;
    asm_resume *copy = asm__agent_copy_resume(resume);
    if (!copy) return asm__agent_fail_with(server, ASM_ERR_NO_MEMORY, "the agent could not be resumed");
    asm__agent_begin(agent, copy);
    return ASM_OK;
}

ASM_API asm_result asm_agent_resume(asm_agent_server *server, asm_str id, const asm_resume *resume) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_RESUME, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_resume(agent, resume)) : result;
}

static asm_result asm__agent_read_decision(asm_json_reader *reader, asm_decision *decision) {
    static const asm__agent_member members[] = {{"type", 0, ASM_JSON_STRING, true},
                                                {"arguments", 0, ASM_JSON_OBJECT, false},
                                                {"message", 0, ASM_JSON_STRING, false}};
    static const char *const kinds[] = {"", "approve", "edit", "reject"};
    asm_str values[3];
    const asm_result result = asm__agent_read_members(reader, members, 3, values, NULL);
    decision->kind = ASM_DECISION_NONE;
    for (size_t i = 1; i < sizeof kinds / sizeof *kinds; i++)
        if (asm__agent_equals(values[0], kinds[i])) decision->kind = (asm_decision_kind)i;
    decision->arguments = values[1];
    decision->message = values[2];
    return result;
}

/* The decisions that the array `json` holds; their texts are in `scratch`. */
static asm_result asm__agent_read_decisions(asm_str json, asm_buffer *scratch, asm__agent_list *decisions) {
    asm_json_reader reader;
    asm_decision decision;
    asm_result result = ASM_OK;
    asm_json_reader_init(&reader, json, scratch);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader)) {
        result = asm__agent_read_decision(&reader, &decision);
        if (result == ASM_OK && !asm__array_reserve(&decisions->items, sizeof decision, decisions->count + 1))
            result = ASM_ERR_NO_MEMORY;
        if (result == ASM_OK) ((asm_decision *)decisions->items)[decisions->count++] = decision;
    }
    return result == ASM_OK ? asm_json_reader_finish(&reader) : result;
}

static asm_result asm__agent_resume_json(asm__agent *agent, asm_str json) {
    asm_buffer scratch;
    asm__agent_list decisions = {NULL, 0};
    asm_resume resume;
    memset(&resume, 0, sizeof resume);
    if (!agent->request_count) {
        resume.answer = json;
        return asm__agent_resume(agent, &resume);
    }
    asm_buffer_init_growing(&scratch);
    asm_result result = asm__agent_fail_with(
        agent->server, asm__agent_read_decisions(json, &scratch, &decisions), "the decisions cannot be read");
    resume.decisions = (const asm_decision *)decisions.items;
    resume.decision_count = decisions.count;
    if (result == ASM_OK) result = asm__agent_resume(agent, &resume);
    asm__array_release(&decisions.items);
    asm_buffer_close(&scratch);
    return result;
}

ASM_API asm_result asm_agent_resume_json(asm_agent_server *server, asm_str id, asm_str json) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_RESUME, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_resume_json(agent, json)) : result;
}

/* >>agents: messages and events */

/* What a message has beyond role and content, for its event; nothing if there is nothing. */
static asm_result asm__agent_write_extra(const asm_agent_message *message, asm_buffer *out) {
    asm_json_writer writer;
    if (!message->tool_calls.data && !message->tool_results.data && !message->extra.data) return ASM_OK;
    asm_json_writer_init(&writer, out);
    asm_json_begin_object(&writer);
    if (message->tool_calls.data) {
        asm_json_write_key(&writer, ASM_STR("tool_calls"));
        asm_json_write_raw(&writer, message->tool_calls);
    }
    if (message->tool_results.data) {
        asm_json_write_key(&writer, ASM_STR("tool_results"));
        asm_json_write_raw(&writer, message->tool_results);
    }
    if (message->extra.data) {
        asm_json_write_key(&writer, ASM_STR("extra"));
        asm_json_write_raw(&writer, message->extra);
    }
    asm_json_end_object(&writer);
    return asm_json_writer_finish(&writer);
}

/* Appends a message to the state and tells. */
static asm_result asm__agent_add_message(asm__agent *agent, const asm_agent_message *message) {
    const bool is_answer = asm__agent_equals(message->role, "assistant");
    asm_event event = asm__agent_event(is_answer ? ASM_EVENT_MESSAGE_RECEIVED : ASM_EVENT_MESSAGE_SENT);
    asm_buffer extra;
    asm_buffer_init_growing(&extra);
    asm_result result = asm__agent_check_record(&asm__message_record, message);
    if (result == ASM_OK) result = asm__agent_write_extra(message, &extra);
    if (result == ASM_OK) result = asm__agent_append(&agent->state.messages, &asm__message_record, message);
    if (result == ASM_OK) {
        event.message.role = message->role;
        event.message.content = message->content;
        if (extra.size) event.extra = asm_buffer_text(&extra);
        asm__agent_is_here(agent);
        (void)asm__agent_publish(agent, &event);
        asm__agent_save_display(agent, ASM_DISPLAY_MESSAGE, message);
    }
    asm_buffer_close(&extra);
    return asm__agent_fail_with(agent->server, result, "the message cannot be added");
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

ASM_API asm_result asm_agent_add_message(asm_agent_server *server, asm_str id,
                                         const asm_agent_message *message) {
    asm__agent *agent;
    asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    result = asm__agent_add_message(agent, message);
    if (result == ASM_OK) asm__agent_recover(agent);
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_publish_event(asm_agent_server *server, asm_str id, const asm_event *event) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_publish_copy(agent, event, false)) : result;
}

ASM_API asm_result asm_agent_publish_debug_event(asm_agent_server *server, asm_str id,
                                                 const asm_event *event) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_publish_copy(agent, event, true)) : result;
}

/* >>agents: state, from outside */

ASM_API asm_result asm_agent_reset(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    server->leaves++;
    if (agent->config.reset) agent->config.reset(agent->config.user, agent->id);
    server->leaves--;
    asm__agent_clear_list(server, &agent->state.messages, &asm__message_record);
    asm__agent_clear_list(server, &agent->state.todos, &asm__todo_record);
    asm__agent_clear_list(server, &agent->state.middleware, &asm__middleware_record);
    asm__agent_recover(agent);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_result asm_agent_export_state(asm_agent_server *server, asm_str id, asm_buffer *out) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!agent) return asm__agent_fail(server, ASM_ERR_NOT_FOUND, "there is no agent with this id", "", "");
    return asm__agent_export(&agent->state, server->now, out);
}

/* Puts `state` in place of the agent's, with whose execution it has nothing to do. */
static void asm__agent_replace_state(asm__agent *agent, asm__agent_state *state) {
    asm__agent_abort(agent);
    asm__agent_discard(agent->server, agent->resume);
    agent->resume = NULL;
    asm__agent_clear_state(agent->server, &agent->state);
    agent->state = *state;
}

ASM_API asm_result asm_agent_restore_state(asm_agent_server *server, asm_str id, asm_str exported_state) {
    asm__agent *agent;
    asm__agent_state state;
    asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    memset(&state, 0, sizeof state);
    result = asm__agent_import(server, &state, exported_state);
    if (result != ASM_OK) return asm__agent_leave(server, result);
    asm__agent_replace_state(agent, &state);
    asm__agent_become_idle(agent);
    asm__agent_stop_if_due(agent);
    return asm__agent_leave(server, ASM_OK);
}

/* Replaces both, and says so with the state as JSON. */
static asm_result asm__agent_update(asm__agent *agent, const asm_agent_config *config,
                                    asm_str exported_state) {
    asm__agent_state state;
    asm_buffer json;
    asm_json_writer writer;
    asm_event event = asm__agent_event(ASM_EVENT_STATE_RESTORED);
    memset(&state, 0, sizeof state);
    asm_result result = asm__agent_import(agent->server, &state, exported_state);
    if (result != ASM_OK) return result;
    asm_buffer_init_growing(&json);
    asm_json_writer_init(&writer, &json);
    asm__agent_write_state(&writer, &state);
    result = asm_json_writer_finish(&writer);
    if (result == ASM_OK) {
        asm__agent_replace_state(agent, &state);
        agent->config = *config;
        asm__agent_become_idle(agent);
        event.state.state = asm_buffer_text(&json);
        (void)asm__agent_publish(agent, &event);
    } else {
        asm__agent_clear_state(agent->server, &state);
    }
    asm_buffer_close(&json);
    return asm__agent_fail_with(agent->server, result, "the agent cannot be updated");
}

ASM_API asm_result asm_agent_update(asm_agent_server *server, asm_str id, const asm_agent_config *config,
                                    asm_str exported_state) {
    asm__agent *agent;
    asm_result result = asm__agent_check_config(server, config);
    if (result == ASM_OK) result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    result = asm__agent_update(agent, config, exported_state);
    asm__agent_stop_if_due(agent);
    return asm__agent_leave(server, result);
}

ASM_API asm_result asm_agent_touch(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    asm__agent_is_here(agent);
    asm__agent_update_presence(agent);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_result asm_agent_stop(asm_agent_server *server, asm_str id) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    asm__agent_announce(agent);
    if (agent->is_removed || agent->is_stopping) return asm__agent_leave(server, ASM_OK);
    agent->is_stopping = true;
    agent->stopping_since = server->elapsed;
    if (agent->status != ASM_AGENT_RUNNING) asm__agent_end(agent, "manual", true);
    else if (agent->shutdown_delay == 0) asm__agent_cancel(agent);
    else asm__agent_arm(agent);
    return asm__agent_leave(server, ASM_OK);
}

ASM_API asm_result asm_agent_set_metadata(asm_agent_server *server, asm_str id, asm_str metadata) {
    asm__agent *agent;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    return asm__agent_leave(
        server, asm__agent_fail_with(server, asm__agent_set_metadata(server, &agent->state, metadata),
                                     "the metadata cannot be set"));
}

ASM_API asm_result asm_agent_set_middleware_state(asm_agent_server *server, asm_str id, asm_str middleware,
                                                  asm_str state) {
    asm__agent *agent;
    asm_middleware_state record;
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
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
    const asm_result result = asm__agent_enter_by_id(server, id, ASM__CALL_ANY, &agent);
    if (result != ASM_OK) return result;
    if (!agent->state_store || !agent->state_store->save)
        return asm__agent_leave(
            server, asm__agent_fail(server, ASM_ERR_MISUSE, "the agent has no state store", "", ""));
    return asm__agent_leave(
        server, asm__agent_fail_with(server, asm__agent_save(agent, reason), "the state could not be saved"));
}

/* >>agents: middleware */

static asm_result asm__agent_notify(asm__agent *agent, asm_str id, asm_str message) {
    for (size_t i = 0; i < agent->config.middleware_count; i++) {
        const asm_middleware middleware = agent->config.middleware[i];
        if (!asm_str_equal(middleware.id, id)) continue;
        if (!middleware.handle_message) return ASM_OK;
        const asm_result result =
            middleware.handle_message(middleware.user, agent->server, agent->id, message);
        asm__agent_publish_snapshot(agent);
        return asm__agent_fail_with(agent->server, result, "the middleware could not handle the message");
    }
    return asm__agent_fail(agent->server, ASM_ERR_NOT_FOUND, "the agent has no middleware with this id", "",
                           "");
}

ASM_API asm_result asm_agent_notify_middleware(asm_agent_server *server, asm_str id, asm_str middleware,
                                               asm_str message) {
    asm__agent *agent = asm__agent_find(server, id);
    if (!agent) return ASM_OK;
    const asm_result result = asm__agent_enter(server, agent, ASM__CALL_ANY);
    return result == ASM_OK ? asm__agent_leave(server, asm__agent_notify(agent, middleware, message))
                            : result;
}

/* Runs what the middleware has for before or after a call of the model, as long as the execution goes on. */
static asm_result asm__execution_run_middleware(asm_execution execution, bool is_after) {
    asm__agent *agent;
    asm_result result = asm__execution_enter(execution, &agent);
    if (result != ASM_OK) return result;
    const asm_agent_config config = agent->config;
    for (size_t i = 0; i < config.middleware_count && result == ASM_OK; i++) {
        const asm_middleware *middleware = &config.middleware[is_after ? config.middleware_count - 1 - i : i];
        asm_result (*const run)(void *, asm_agent_server *, asm_str) =
            is_after ? middleware->after_model : middleware->before_model;
        if (!run) continue;
        result = run(middleware->user, execution.server, agent->id);
        asm__agent_report(agent, ASM_STR("middleware"), result);
        if (result == ASM_OK && !asm__execution_find(execution)) result = ASM_ERR_NOT_FOUND;
    }
    return asm__agent_leave(execution.server, result);
}

ASM_API asm_result asm_execution_before_model(asm_execution execution) {
    return asm__execution_run_middleware(execution, false);
}

ASM_API asm_result asm_execution_after_model(asm_execution execution) {
    return asm__execution_run_middleware(execution, true);
}

/* >>agents: what drivers tell */

static asm_result asm__emit(asm_execution execution, asm_event *event) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_publish(agent, event)) : result;
}

static asm_result asm__emit_copy(asm_execution execution, const asm_event *event, bool debug) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, &agent);
    if (result != ASM_OK) return result;
    return asm__agent_leave(execution.server, asm__agent_publish_copy(agent, event, debug));
}

ASM_API asm_result asm_emit_event(asm_execution execution, const asm_event *event) {
    return asm__emit_copy(execution, event, false);
}

ASM_API asm_result asm_emit_debug_event(asm_execution execution, const asm_event *event) {
    return asm__emit_copy(execution, event, true);
}

ASM_API asm_result asm_emit_text(asm_execution execution, asm_str delta) {
    asm_event event = asm__agent_event(ASM_EVENT_MESSAGE_STREAMED);
    event.message.delta = delta;
    return asm__emit(execution, &event);
}

ASM_API asm_result asm_emit_usage(asm_execution execution, const asm_usage_payload *usage) {
    asm_event event = asm__agent_event(ASM_EVENT_TOKEN_USAGE_UPDATED);
    event.usage = *usage;
    return asm__emit(execution, &event);
}

ASM_API asm_result asm_emit_message(asm_execution execution, const asm_agent_message *message) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_add_message(agent, message))
                            : result;
}

/* The status that the display store is told when an event of a tool call is emitted: "" for none; NULL if `type` is
 * no event of a tool call. */
static const char *asm__agent_tool_status(asm_event_type type) {
    switch (type) {
    case ASM_EVENT_TOOL_CALL_STARTED:
        return "executing";
    case ASM_EVENT_TOOL_CALL_COMPLETED:
        return "completed";
    case ASM_EVENT_TOOL_CALL_FAILED:
        return "failed";
    case ASM_EVENT_TOOL_CALL_IDENTIFIED:
    case ASM_EVENT_TOOL_CALL_UPDATED:
    case ASM_EVENT_TOOL_OUTPUT_STREAMED:
        return "";
    default:
        return NULL;
    }
}

ASM_API asm_result asm_emit_tool(asm_execution execution, asm_event_type type, const asm_tool_payload *tool) {
    const char *status = asm__agent_tool_status(type);
    asm__agent *agent;
    asm_result result = asm__execution_enter(execution, &agent);
    if (result != ASM_OK) return result;
    if (!status)
        return asm__agent_leave(execution.server,
                                asm__agent_fail(execution.server, ASM_ERR_INVALID_ARGUMENT,
                                                "this event is not one of a tool call", "", ""));
    asm_event event = asm__agent_event(type);
    event.tool = *tool;
    result = asm__agent_publish(agent, &event);
    if (*status) asm__agent_update_display(agent, tool, asm_str_from(status));
    return asm__agent_leave(execution.server, result);
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
        (void)asm__agent_publish(agent, &event);
    } else {
        asm__agent_clear_list(agent->server, &list, &asm__todo_record);
    }
    asm_buffer_close(&json);
    return asm__agent_fail_with(agent->server, result, "the todos are not valid");
}

ASM_API asm_result asm_emit_todos(asm_execution execution, const asm_todo *todos, size_t count) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, &agent);
    return result == ASM_OK ? asm__agent_leave(execution.server, asm__agent_set_todos(agent, todos, count))
                            : result;
}

ASM_API asm_result asm_execution_finish(asm_execution execution, const asm_outcome *outcome) {
    asm__agent *agent;
    const asm_result result = asm__execution_enter(execution, &agent);
    if (result != ASM_OK) return result;
    if (outcome->kind == ASM_OUTCOME_CONTINUE)
        return asm__agent_leave(execution.server, asm__agent_fail(execution.server, ASM_ERR_INVALID_ARGUMENT,
                                                                  "to continue is not to finish", "", ""));
    asm__agent_finish(agent, outcome);
    return asm__agent_leave(execution.server, ASM_OK);
}

ASM_API bool asm_execution_is_active(asm_execution execution) {
    return asm__execution_find(execution) != NULL;
}

ASM_API asm_str asm_execution_agent_id(asm_execution execution) {
    const asm__agent *agent = asm__execution_find(execution);
    return agent ? agent->id : asm_str_make(NULL, 0);
}

ASM_API asm_result asm_execution_state(asm_execution execution, asm_agent_state *state) {
    const asm__agent *agent = asm__execution_find(execution);
    memset(state, 0, sizeof *state);
    if (!agent) return ASM_ERR_NOT_FOUND;
    *state = asm__agent_view(&agent->state);
    return ASM_OK;
}

ASM_API bool asm_execution_needs_approval(asm_execution execution, asm_str tool_name) {
    const asm__agent *agent = asm__execution_find(execution);
    for (size_t i = 0; agent && i < agent->config.interrupt_on_count; i++)
        if (asm_str_equal(agent->config.interrupt_on[i], tool_name)) return true;
    return false;
}

/* >>agents: subscribing */

/* The dispatcher of an agent. */
static asm_result asm__agent_dispatcher(asm_agent_server *server, asm_str id, bool debug,
                                        asm_pubsub **pubsub) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!agent) return asm__agent_fail(server, ASM_ERR_NOT_FOUND, "there is no agent with this id", "", "");
    *pubsub = debug ? agent->debug_pubsub : agent->pubsub;
    return *pubsub ? ASM_OK
                   : asm__agent_fail(server, ASM_ERR_MISUSE, "the agent has no ",
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

/* >>agents: looking things up */

ASM_API asm_agent_status asm_agent_get_status(const asm_agent_server *server, asm_str id) {
    const asm__agent *agent = asm__agent_find(server, id);
    return agent ? agent->status : ASM_AGENT_NOT_RUNNING;
}

ASM_API bool asm_agent_is_running(const asm_agent_server *server, asm_str id) {
    return asm__agent_find(server, id) != NULL;
}

ASM_API asm_result asm_agent_get_info(const asm_agent_server *server, asm_str id, asm_agent_info *info) {
    const asm__agent *agent = asm__agent_find(server, id);
    if (!agent) return ASM_ERR_NOT_FOUND;
    memset(info, 0, sizeof *info);
    info->id = agent->id;
    info->status = agent->status;
    info->is_stopping = agent->is_stopping;
    info->state = asm__agent_view(&agent->state);
    info->interrupt_data = agent->interrupt_data;
    info->requests = agent->requests;
    info->request_count = agent->request_count;
    info->error = agent->error;
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
    size_t at = 0, in_text = 0, behind_star = SIZE_MAX, star_end = 0;
    while (in_text < text.size) {
        if (at < pattern.size && pattern.data[at] == '*') {
            behind_star = ++at;
            star_end = in_text;
        } else if (at < pattern.size && pattern.data[at] == text.data[in_text]) {
            at++;
            in_text++;
        } else if (behind_star != SIZE_MAX) {
            at = behind_star;
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
