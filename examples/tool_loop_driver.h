/* The loop of an agent, as a driver: ask the model, run the tools that it calls, ask again, until it calls
 * none.
 *
 * To be copied into your program and changed; needs asm_agent.h.
 *
 *       static tool_loop_progress ask(void *user, asm_execution execution, const asm_agent_state *state,
 *                                     tool_loop_reply *reply) { … }
 *       static tool_loop_progress read_file(void *user, asm_str arguments, asm_buffer *output) { … }
 *
 *       const tool_loop_tool tools[] = {{"read_file", read_file, NULL}};
 *       const asm_str ask_first[] = {ASM_STR("delete_file")};
 *       tool_loop loop;
 *       tool_loop_init(&loop, &(tool_loop_options){.model = ask, .tools = tools, .tool_count = 1});
 *       asm_agent_start(&server, &(asm_agent_options){
 *           .id = ASM_STR("a1"), .pubsub = &bus,
 *           .config = {.driver = tool_loop_driver(&loop),
 *                      .interrupt_on = ask_first, .interrupt_on_count = 1}});
 *       …                                               poll, until the agent has ended
 *       tool_loop_close(&loop);
 *
 * STATE
 *   All that counts is in the agent's messages, so that an agent whose state was saved goes on where it was:
 *       {"role":"assistant","content":…,"tool_calls":[{"id":…,"name":…,"arguments":{…}},…]}
 *       {"role":"tool","tool_results":[{"tool_call_id":…,"tool_name":…,"status":S,"output":…}]}
 *   One message of role tool follows for each call, in their order; S is completed, failed, declined or
 *   cancelled. If a call's arguments were edited, its result has the new ones as "arguments".
 *
 * A SLICE
 *   is one call of the model or of a tool, or less: either may say TOOL_LOOP_NOT_YET and is called again in
 *   the next slice. Around each question to the model runs the middleware. A tool that fails, or does not
 *   exist, is an answer to the model; a model or middleware that fails ends the execution in the status error.
 *
 * APPROVAL
 *   When it comes to a call of a tool that interrupt_on names, the agent is interrupted with all such calls
 *   of the message, which are decided on together. tool_approval_requested, _granted and _denied go out.
 *
 * CANCEL
 *   ends it at once. Calls that were open then are not made up for when the agent is executed with a newer
 *   message: they get the status cancelled.
 */
#ifndef TOOL_LOOP_DRIVER_H
#define TOOL_LOOP_DRIVER_H

#include "asm_agent.h"

#include <string.h>

#define TOOL_LOOP_MAX_CALLS 64 /* of tools, in one answer of the model */
#define TOOL_LOOP_MAX_STEPS 50

typedef enum tool_loop_progress {
    TOOL_LOOP_NOT_YET, /* call again in the next slice */
    TOOL_LOOP_DONE,
    TOOL_LOOP_FAILED
} tool_loop_progress;

/* What the model answers. */
typedef struct tool_loop_reply {
    asm_buffer *text; /* append to it; what is new after a call is streamed */
    const asm_action_request
        *calls;              /* with TOOL_LOOP_DONE: the tools to run; valid until the model's next call */
    size_t call_count;       /* 0: the answer is the last */
    asm_usage_payload usage; /* with TOOL_LOOP_DONE, if input_tokens or output_tokens is set */
    asm_str reason;          /* with TOOL_LOOP_FAILED: text */
} tool_loop_reply;

/* Asks the model. `state` is valid until something is emitted. */
typedef tool_loop_progress (*tool_loop_model)(void *user, asm_execution execution,
                                              const asm_agent_state *state, tool_loop_reply *reply);

typedef struct tool_loop_tool {
    const char *name;
    /* Runs the tool: appends to `output` what came of it, or why it failed. `arguments` is a JSON object. */
    tool_loop_progress (*run)(void *user, asm_str arguments, asm_buffer *output);
    void *user;
} tool_loop_tool;

typedef struct tool_loop_options {
    tool_loop_model model;       /* required */
    const tool_loop_tool *tools; /* must outlive the loop */
    size_t tool_count;
    /* The execution has ended while the model or a tool had said TOOL_LOOP_NOT_YET: stop that. May be NULL */
    void (*cancel)(void *user);
    void *user;         /* of model and cancel */
    unsigned max_steps; /* questions to the model in one execution; 0: TOOL_LOOP_MAX_STEPS */
} tool_loop_options;

/* The loop of one agent. */
typedef struct tool_loop {
    tool_loop_options options; /* read only */
    asm_buffer text;           /* private, all below: the model's so far, or a tool's output */
    asm_buffer json, scratch;
    asm_action_request calls[TOOL_LOOP_MAX_CALLS]; /* of the last answer */
    asm_action_request requests[TOOL_LOOP_MAX_CALLS];
    size_t call_count, next; /* the first that has no result yet */
    size_t answer;           /* the number of messages up to that answer */
    size_t asked_about;      /* the same, when approval was asked for */
    size_t decided;          /* how many decisions of the resume have been carried out */
    unsigned steps;
    bool is_asking, is_running; /* the model or a tool is under way */
    bool is_overtaken;          /* there is a newer message than the calls */
    bool skips;                 /* what is open is not wanted any more */
} tool_loop;

static bool tool_loop_is(asm_str text, const char *other) {
    return asm_str_equal(text, asm_str_from(other));
}

static asm_outcome tool_loop_end(asm_outcome_kind kind, asm_str reason) {
    asm_outcome outcome;
    memset(&outcome, 0, sizeof outcome);
    outcome.kind = kind;
    outcome.reason = reason;
    return outcome;
}

/* An error of the server's ends the execution. If that is over already nobody will look at the outcome. */
static asm_outcome tool_loop_continue(asm_result result) {
    return result == ASM_OK ? tool_loop_end(ASM_OUTCOME_CONTINUE, asm_str_make(NULL, 0))
                            : tool_loop_end(ASM_OUTCOME_FAILED, asm_str_from(asm_result_string(result)));
}

static void tool_loop_write(asm_json_writer *writer, const char *key, asm_str text) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, text);
}

static void tool_loop_write_json(asm_json_writer *writer, const char *key, asm_str json) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_raw(writer, json.data ? json : ASM_STR("{}"));
}

/* ---- The calls, from the state ---- */

static asm_result tool_loop_read_call(tool_loop *loop, asm_str json) {
    const asm_str keys[] = {ASM_STR("id"), ASM_STR("name"), ASM_STR("arguments")};
    asm_str values[3];
    if (loop->call_count == TOOL_LOOP_MAX_CALLS) return ASM_ERR_NO_SPACE;
    const asm_result result = asm_json_find(json, keys, values, 3, NULL);
    if (result != ASM_OK) return result;
    asm_action_request *call = &loop->calls[loop->call_count++];
    memset(call, 0, sizeof *call);
    (void)asm_json_to_string(values[0], &loop->scratch, &call->tool_call_id);
    call->arguments = values[2].data ? values[2] : ASM_STR("{}");
    return asm_json_to_string(values[1], &loop->scratch, &call->tool_name) ? ASM_OK : ASM_ERR_TYPE;
}

static asm_result tool_loop_read_calls(tool_loop *loop, asm_str json) {
    asm_json_reader reader;
    asm_str element;
    asm_buffer_clear(&loop->scratch);
    asm_result result = asm_buffer_reserve(&loop->scratch, json.size);
    asm_json_reader_init(&reader, json, NULL);
    asm_json_enter_array(&reader);
    while (result == ASM_OK && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &element))
        result = tool_loop_read_call(loop, element);
    return result == ASM_OK ? asm_json_reader_finish(&reader) : result;
}

/* Finds out from the messages which calls are open. */
static asm_result tool_loop_look(tool_loop *loop, const asm_agent_state *state) {
    size_t at = state->message_count;
    loop->call_count = loop->next = 0;
    loop->is_overtaken = false;
    while (at > 0 && !tool_loop_is(state->messages[at - 1].role, "assistant")) {
        at--;
        if (tool_loop_is(state->messages[at].role, "tool")) loop->next++;
        else loop->is_overtaken = true;
    }
    loop->answer = at;
    const asm_str calls = at > 0 ? state->messages[at - 1].tool_calls : asm_str_make(NULL, 0);
    return calls.data ? tool_loop_read_calls(loop, calls) : ASM_OK;
}

/* ---- Tools ---- */

/* Tells what came of the call, and appends it to the state for the model. */
static asm_outcome tool_loop_answer(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                    asm_str edited, const char *status, asm_str output) {
    const bool is_done = tool_loop_is(asm_str_from(status), "completed");
    asm_tool_payload tool;
    asm_agent_message message;
    asm_json_writer writer;
    memset(&tool, 0, sizeof tool);
    tool.name = call->tool_name;
    tool.call_id = call->tool_call_id;
    tool.input = edited.data ? edited : call->arguments;
    tool.status = asm_str_from(status);
    if (is_done) tool.output = output;
    else tool.error_message = output;

    asm_buffer_clear(&loop->json);
    asm_json_writer_init(&writer, &loop->json);
    asm_json_begin_array(&writer);
    asm_json_begin_object(&writer);
    tool_loop_write(&writer, "tool_call_id", call->tool_call_id);
    tool_loop_write(&writer, "tool_name", call->tool_name);
    tool_loop_write(&writer, "status", tool.status);
    if (edited.data) tool_loop_write_json(&writer, "arguments", edited);
    tool_loop_write(&writer, "output", output);
    asm_json_end_object(&writer);
    asm_json_end_array(&writer);
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("tool");
    message.tool_results = asm_buffer_text(&loop->json);

    asm_result result = asm_json_writer_finish(&writer);
    if (result == ASM_OK)
        result = asm_emit_tool(execution,
                               is_done ? ASM_EVENT_TOOL_CALL_COMPLETED : ASM_EVENT_TOOL_CALL_FAILED, &tool);
    if (result == ASM_OK) result = asm_emit_message(execution, &message);
    return tool_loop_continue(result);
}

static asm_result tool_loop_emit_approval(asm_execution execution, asm_event_type type,
                                          const asm_action_request *call, asm_str arguments, asm_str reason) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    event.approval.tool_name = call->tool_name;
    event.approval.tool_call_id = call->tool_call_id;
    event.approval.tool_input = arguments;
    event.approval.reason = reason;
    return asm_emit_event(execution, &event);
}

/* Interrupts the agent with all open calls that need approval. */
static asm_outcome tool_loop_interrupt(tool_loop *loop, asm_execution execution) {
    asm_outcome outcome = tool_loop_end(ASM_OUTCOME_INTERRUPTED, asm_str_make(NULL, 0));
    for (size_t i = loop->next; i < loop->call_count; i++) {
        const asm_action_request *call = &loop->calls[i];
        if (!asm_execution_needs_approval(execution, call->tool_name)) continue;
        loop->requests[outcome.request_count++] = *call;
        const asm_result result = tool_loop_emit_approval(execution, ASM_EVENT_TOOL_APPROVAL_REQUESTED, call,
                                                          call->arguments, asm_str_make(NULL, 0));
        if (result != ASM_OK) return tool_loop_continue(result);
    }
    loop->asked_about = loop->answer;
    outcome.requests = loop->requests;
    return outcome;
}

static const tool_loop_tool *tool_loop_find(const tool_loop *loop, asm_str name) {
    for (size_t i = 0; i < loop->options.tool_count; i++)
        if (tool_loop_is(name, loop->options.tools[i].name)) return &loop->options.tools[i];
    return NULL;
}

/* Tells that the call begins. */
static asm_result tool_loop_start(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                  const asm_decision *decision, asm_str arguments) {
    asm_tool_payload tool;
    memset(&tool, 0, sizeof tool);
    tool.name = call->tool_name;
    tool.call_id = call->tool_call_id;
    tool.input = arguments;
    asm_buffer_clear(&loop->text);
    loop->is_running = true;
    asm_result result = ASM_OK;
    if (decision)
        result = tool_loop_emit_approval(execution, ASM_EVENT_TOOL_APPROVAL_GRANTED, call, arguments,
                                         decision->message);
    return result == ASM_OK ? asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool) : result;
}

/* Runs the call, or goes on with it. `decision` is NULL if it needs none. */
static asm_outcome tool_loop_run(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                 const asm_decision *decision) {
    const asm_str edited = decision ? decision->arguments : asm_str_make(NULL, 0);
    const asm_str arguments = edited.data ? edited : call->arguments;
    const tool_loop_tool *tool = tool_loop_find(loop, call->tool_name);
    if (!loop->is_running) {
        const asm_result result = tool_loop_start(loop, execution, call, decision, arguments);
        if (result != ASM_OK) return tool_loop_continue(result);
    }
    tool_loop_progress progress = TOOL_LOOP_FAILED;
    if (tool) progress = tool->run(tool->user, arguments, &loop->text);
    else asm_buffer_append(&loop->text, ASM_STR("there is no tool of this name"));
    if (loop->text.result != ASM_OK) return tool_loop_continue(loop->text.result);
    if (progress == TOOL_LOOP_NOT_YET) return tool_loop_continue(ASM_OK);
    loop->is_running = false;
    loop->decided += decision != NULL;
    return tool_loop_answer(loop, execution, call, edited,
                            progress == TOOL_LOOP_DONE ? "completed" : "failed",
                            asm_buffer_text(&loop->text));
}

static asm_outcome tool_loop_reject(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                    const asm_decision *decision) {
    const asm_str reason = decision->message.size ? decision->message : ASM_STR("declined by the user");
    const asm_result result =
        tool_loop_emit_approval(execution, ASM_EVENT_TOOL_APPROVAL_DENIED, call, call->arguments, reason);
    loop->decided++;
    return result == ASM_OK
               ? tool_loop_answer(loop, execution, call, asm_str_make(NULL, 0), "declined", reason)
               : tool_loop_continue(result);
}

static asm_outcome tool_loop_call_next(tool_loop *loop, asm_execution execution, const asm_resume *resume) {
    const asm_action_request *call = &loop->calls[loop->next];
    if (loop->skips)
        return tool_loop_answer(loop, execution, call, asm_str_make(NULL, 0), "cancelled",
                                ASM_STR("not run: it was cancelled"));
    if (!asm_execution_needs_approval(execution, call->tool_name))
        return tool_loop_run(loop, execution, call, NULL);
    if (!resume || loop->decided >= resume->decision_count) return tool_loop_interrupt(loop, execution);
    const asm_decision *decision = &resume->decisions[loop->decided];
    return decision->kind == ASM_DECISION_REJECT ? tool_loop_reject(loop, execution, call, decision)
                                                 : tool_loop_run(loop, execution, call, decision);
}

/* ---- The model ---- */

static asm_result tool_loop_write_calls(tool_loop *loop, const tool_loop_reply *reply) {
    asm_json_writer writer;
    asm_buffer_clear(&loop->json);
    asm_json_writer_init(&writer, &loop->json);
    asm_json_begin_array(&writer);
    for (size_t i = 0; i < reply->call_count; i++) {
        asm_json_begin_object(&writer);
        tool_loop_write(&writer, "id", reply->calls[i].tool_call_id);
        tool_loop_write(&writer, "name", reply->calls[i].tool_name);
        tool_loop_write_json(&writer, "arguments", reply->calls[i].arguments);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    return asm_json_writer_finish(&writer);
}

static asm_result tool_loop_identify(asm_execution execution, const tool_loop_reply *reply) {
    asm_result result = ASM_OK;
    for (size_t i = 0; i < reply->call_count && result == ASM_OK; i++) {
        asm_tool_payload tool;
        memset(&tool, 0, sizeof tool);
        tool.name = reply->calls[i].tool_name;
        tool.call_id = reply->calls[i].tool_call_id;
        tool.input = reply->calls[i].arguments;
        result = asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_IDENTIFIED, &tool);
    }
    return result;
}

/* Takes a whole answer. */
static asm_outcome tool_loop_take(tool_loop *loop, asm_execution execution, const tool_loop_reply *reply) {
    asm_agent_message message;
    if (reply->call_count > TOOL_LOOP_MAX_CALLS)
        return tool_loop_end(ASM_OUTCOME_FAILED, ASM_STR("the model called too many tools at once"));
    if (tool_loop_write_calls(loop, reply) != ASM_OK)
        return tool_loop_end(ASM_OUTCOME_FAILED, ASM_STR("the model's tool calls are not valid"));
    memset(&message, 0, sizeof message);
    message.role = ASM_STR("assistant");
    message.content = asm_buffer_text(&loop->text);
    if (reply->call_count) message.tool_calls = asm_buffer_text(&loop->json);
    asm_result result = asm_emit_message(execution, &message);
    if (result == ASM_OK && (reply->usage.input_tokens.is_set || reply->usage.output_tokens.is_set))
        result = asm_emit_usage(execution, &reply->usage);
    if (result == ASM_OK) result = asm_execution_after_model(execution);
    if (result == ASM_OK) result = tool_loop_identify(execution, reply);
    if (result != ASM_OK || reply->call_count) return tool_loop_continue(result);
    return tool_loop_end(ASM_OUTCOME_COMPLETED, asm_str_make(NULL, 0));
}

/* Asks the model, or goes on waiting for its answer. */
static asm_outcome tool_loop_ask(tool_loop *loop, asm_execution execution) {
    const unsigned max_steps = loop->options.max_steps ? loop->options.max_steps : TOOL_LOOP_MAX_STEPS;
    asm_agent_state state;
    tool_loop_reply reply;
    asm_result result = ASM_OK;
    if (!loop->is_asking) {
        if (loop->steps == max_steps)
            return tool_loop_end(ASM_OUTCOME_FAILED, ASM_STR("the model came to no end"));
        result = asm_execution_before_model(execution);
        if (result != ASM_OK) return tool_loop_continue(result);
        loop->steps++;
        loop->is_asking = true;
        loop->skips = false;
        asm_buffer_clear(&loop->text);
    }
    result = asm_execution_state(execution, &state);
    if (result != ASM_OK) return tool_loop_continue(result);
    memset(&reply, 0, sizeof reply);
    reply.text = &loop->text;
    const size_t streamed = loop->text.size;
    const tool_loop_progress progress = loop->options.model(loop->options.user, execution, &state, &reply);
    result = loop->text.result;
    if (result == ASM_OK && loop->text.size > streamed)
        result =
            asm_emit_text(execution, asm_str_make(loop->text.data + streamed, loop->text.size - streamed));
    if (result != ASM_OK || progress == TOOL_LOOP_NOT_YET) return tool_loop_continue(result);
    loop->is_asking = false;
    return progress == TOOL_LOOP_DONE ? tool_loop_take(loop, execution, &reply)
                                      : tool_loop_end(ASM_OUTCOME_FAILED, reply.reason);
}

/* ---- The driver ---- */

static asm_outcome tool_loop_step(tool_loop *loop, asm_execution execution, const asm_resume *resume) {
    asm_agent_state state;
    const bool begins = execution.slice == 0;
    if (begins) {
        loop->is_asking = loop->is_running = false;
        loop->steps = 0;
        loop->decided = 0;
    }
    if (loop->is_asking) return tool_loop_ask(loop, execution);
    asm_result result = asm_execution_state(execution, &state);
    if (result == ASM_OK) result = tool_loop_look(loop, &state);
    if (result == ASM_ERR_NO_MEMORY) return tool_loop_continue(result);
    if (result != ASM_OK)
        return tool_loop_end(ASM_OUTCOME_FAILED, ASM_STR("the state's tool calls cannot be read"));
    if (begins) {
        loop->skips = !resume && loop->is_overtaken;
        /* Decisions are about what was asked, not about what somebody has put in its place. */
        if (resume && loop->answer != loop->asked_about) loop->decided = resume->decision_count;
    }
    return loop->next < loop->call_count ? tool_loop_call_next(loop, execution, resume)
                                         : tool_loop_ask(loop, execution);
}

static asm_outcome tool_loop_execute(void *user, asm_execution execution) {
    return tool_loop_step((tool_loop *)user, execution, NULL);
}

static asm_outcome tool_loop_resume(void *user, asm_execution execution, const asm_resume *resume) {
    return tool_loop_step((tool_loop *)user, execution, resume);
}

static void tool_loop_cancel(void *user, asm_execution execution) {
    tool_loop *loop = (tool_loop *)user;
    (void)execution;
    if ((loop->is_asking || loop->is_running) && loop->options.cancel)
        loop->options.cancel(loop->options.user);
    loop->is_asking = loop->is_running = false;
}

/* Sets up; allocates nothing. `options` is copied. */
static inline void tool_loop_init(tool_loop *loop, const tool_loop_options *options) {
    memset(loop, 0, sizeof *loop);
    loop->options = *options;
    asm_buffer_init_growing(&loop->text);
    asm_buffer_init_growing(&loop->json);
    asm_buffer_init_growing(&loop->scratch);
}

/* What an agent's configuration takes. Each agent needs a loop of its own. */
static inline asm_driver tool_loop_driver(tool_loop *loop) {
    const asm_driver driver = {tool_loop_execute, tool_loop_resume, tool_loop_cancel, loop};
    return driver;
}

/* Frees everything; not while the agent runs. */
static inline void tool_loop_close(tool_loop *loop) {
    asm_buffer_close(&loop->text);
    asm_buffer_close(&loop->json);
    asm_buffer_close(&loop->scratch);
}

#endif
