/* SPDX-License-Identifier: MIT OR Unlicense */
/* The loop of an agent, as a driver: ask the model, run the tools that it calls, ask again, until it calls
 * none.
 *
 * To be copied into your program and changed; needs asm_agent.h.
 *
 *       static tool_loop_progress ask(void *user, tool_loop_reply *reply) { … }
 *       static tool_loop_progress read_file(void *user, asm_execution execution, asm_str arguments,
 *                                           asm_buffer *output) { … }
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
 *   All that counts is in the agent's turns, as asm_agent.h describes them: one of the assistant with the calls,
 *   one of the role tool for each result. An agent whose state was saved goes on where it was.
 *
 * A SLICE
 *   is one call of the model or of a tool, or less: either may say TOOL_LOOP_NOT_YET and is called again in
 *   the next slice, or TOOL_LOOP_WAIT and is called again after asm_execution_wake(). Around each question to
 *   the model runs the middleware. A tool that fails, or does not exist, is an answer to the model; a model or
 *   middleware that fails ends the execution in the status error.
 *
 * APPROVAL
 *   When it comes to a call of a tool that interrupt_on names, the agent is interrupted with all such calls
 *   of the turn. Right before such a call runs, it is looked up what was decided about this very call: its id, its
 *   tool and its arguments. If nothing was, somebody is asked again.
 */
#ifndef TOOL_LOOP_DRIVER_H
#define TOOL_LOOP_DRIVER_H

#include "asm_agent.h"

#include <string.h>

#define TOOL_LOOP_MAX_CALLS 64 /* of tools, in one answer of the model */
#define TOOL_LOOP_MAX_STEPS 50

typedef enum tool_loop_progress {
    TOOL_LOOP_NOT_YET, /* call again in the next slice */
    TOOL_LOOP_WAIT,    /* call again when the execution is woken */
    TOOL_LOOP_DONE,
    TOOL_LOOP_FAILED
} tool_loop_progress;

/* What the model answers. */
typedef struct tool_loop_reply {
    asm_model_request request; /* what it is asked: the turns, valid until something is emitted */
    asm_buffer *text;          /* append to it; what is new after a call is streamed */
    asm_usage_payload usage;   /* with TOOL_LOOP_DONE, if input_tokens or output_tokens is set */
    asm_str reason;            /* with TOOL_LOOP_FAILED: text, valid until the model is called again */
    asm_json_writer calls;     /* private: see tool_loop_call() */
    size_t call_count;
} tool_loop_reply;

/* Asks the model, or goes on doing so. */
typedef tool_loop_progress (*tool_loop_model)(void *user, tool_loop_reply *reply);

typedef struct tool_loop_tool {
    const char *name;
    /* Runs the tool: appends to `output` what came of it, or why it failed. `arguments` is a JSON object. */
    tool_loop_progress (*run)(void *user, asm_execution execution, asm_str arguments, asm_buffer *output);
    void *user;
} tool_loop_tool;

typedef struct tool_loop_options {
    tool_loop_model model;       /* required */
    const tool_loop_tool *tools; /* must outlive the loop */
    size_t tool_count;
    /* The execution has ended while the model or a tool was under way: stop that. May be NULL. */
    void (*cancel)(void *user);
    void *user;         /* of model and cancel */
    unsigned max_steps; /* questions to the model in one execution; 0: TOOL_LOOP_MAX_STEPS */
} tool_loop_options;

/* The loop of one agent. */
typedef struct tool_loop {
    tool_loop_options options; /* read only */
    tool_loop_reply reply;     /* private, all below: of the question that is under way */
    asm_buffer text;           /* the model's so far, or a tool's output */
    asm_buffer calls;          /* JSON array */
    asm_buffer running;        /* the id of the call that is under way */
    unsigned steps;
    bool is_asking, is_running; /* the model or a tool is under way */
} tool_loop;

static void tool_loop_write(asm_json_writer *writer, const char *key, asm_str text) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, text);
}

/* For a model: has it call a tool. Copies; `arguments` is a JSON object, absent for {}. */
static inline void tool_loop_call(tool_loop_reply *reply, asm_str id, asm_str name, asm_str arguments) {
    asm_json_begin_object(&reply->calls);
    tool_loop_write(&reply->calls, "id", id);
    tool_loop_write(&reply->calls, "name", name);
    asm_json_write_key(&reply->calls, ASM_STR("arguments"));
    asm_json_write_raw(&reply->calls, arguments.data ? arguments : ASM_STR("{}"));
    asm_json_end_object(&reply->calls);
    reply->call_count++;
}

/* An error of the server's ends the execution. If that is over already nobody will look at the outcome. */
static asm_outcome tool_loop_continue(asm_execution execution, asm_result result) {
    return result == ASM_OK ? ASM_OUTCOME_CONTINUE
                            : asm_fail(execution, asm_str_from(asm_result_string(result)));
}

/* ---- Tools ---- */

/* Ends the call: tells what came of it, and appends it to the conversation for the model. */
static asm_outcome tool_loop_answer(asm_execution execution, const asm_action_request *call, asm_str edited,
                                    const char *status, asm_str output) {
    asm_tool_payload tool;
    const bool is_done = strcmp(status, "completed") == 0;
    memset(&tool, 0, sizeof tool);
    tool.call_id = call->tool_call_id;
    tool.status = asm_str_from(status);
    if (is_done) tool.output = output;
    else tool.error_message = output;
    return tool_loop_continue(execution, asm_emit_result(execution, &tool, edited));
}

/* Interrupts the agent with all open calls that need approval and about which nothing has been decided. */
static asm_outcome tool_loop_interrupt(asm_execution execution) {
    asm_action_request requests[TOOL_LOOP_MAX_CALLS], call;
    asm_decision decision;
    size_t count = 0, at = 0;
    while (count < TOOL_LOOP_MAX_CALLS && asm_execution_next_open_call(execution, &at, &call))
        if (asm_execution_needs_approval(execution, call.tool_name) &&
            !asm_execution_decision(execution, &call, &decision))
            requests[count++] = call;
    return asm_interrupt(execution, requests, count);
}

static const tool_loop_tool *tool_loop_find(const tool_loop *loop, asm_str name) {
    for (size_t i = 0; i < loop->options.tool_count; i++)
        if (asm_str_equal(name, asm_str_from(loop->options.tools[i].name))) return &loop->options.tools[i];
    return NULL;
}

/* Tells that the call begins. */
static asm_result tool_loop_start(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                  asm_str arguments) {
    asm_tool_payload tool;
    memset(&tool, 0, sizeof tool);
    tool.name = call->tool_name;
    tool.call_id = call->tool_call_id;
    tool.input = arguments;
    asm_buffer_clear(&loop->text);
    asm_buffer_clear(&loop->running);
    if (asm_buffer_append(&loop->running, call->tool_call_id) != ASM_OK) return loop->running.result;
    loop->is_running = true;
    return asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_STARTED, &tool);
}

/* Runs the call, or goes on with it. `edited` has other arguments, if those of the call were changed. */
static asm_outcome tool_loop_run(tool_loop *loop, asm_execution execution, const asm_action_request *call,
                                 asm_str edited) {
    const asm_str arguments = edited.data ? edited : call->arguments;
    const tool_loop_tool *tool = tool_loop_find(loop, call->tool_name);
    if (!loop->is_running || !asm_str_equal(asm_buffer_text(&loop->running), call->tool_call_id)) {
        const asm_result result = tool_loop_start(loop, execution, call, arguments);
        if (result != ASM_OK) return tool_loop_continue(execution, result);
    }
    /* Whoever heard of the start may have ended the execution: then nothing is run. */
    if (!asm_execution_is_active(execution)) return ASM_OUTCOME_CONTINUE;
    tool_loop_progress progress = TOOL_LOOP_FAILED;
    if (tool) progress = tool->run(tool->user, execution, arguments, &loop->text);
    else asm_buffer_append(&loop->text, ASM_STR("there is no tool of this name"));
    if (loop->text.result != ASM_OK) return tool_loop_continue(execution, loop->text.result);
    if (progress == TOOL_LOOP_WAIT) return ASM_OUTCOME_WAIT;
    if (progress == TOOL_LOOP_NOT_YET) return ASM_OUTCOME_CONTINUE;
    loop->is_running = false;
    return tool_loop_answer(execution, call, edited, progress == TOOL_LOOP_DONE ? "completed" : "failed",
                            asm_buffer_text(&loop->text));
}

static asm_outcome tool_loop_next(tool_loop *loop, asm_execution execution, const asm_action_request *call) {
    asm_decision decision;
    memset(&decision, 0, sizeof decision);
    if (asm_execution_needs_approval(execution, call->tool_name) &&
        !asm_execution_decision(execution, call, &decision))
        return tool_loop_interrupt(execution);
    if (decision.kind != ASM_DECISION_REJECT) {
        const asm_str none = {NULL, 0};
        return tool_loop_run(loop, execution, call,
                             decision.kind == ASM_DECISION_EDIT ? decision.arguments : none);
    }
    const asm_str reason = decision.message.size ? decision.message : ASM_STR("declined by the user");
    return tool_loop_answer(execution, call, asm_str_make(NULL, 0), "declined", reason);
}

/* ---- The model ---- */

static asm_result tool_loop_identify(asm_execution execution) {
    asm_action_request call;
    asm_tool_payload tool;
    asm_result result = ASM_OK;
    size_t at = 0;
    while (result == ASM_OK && asm_execution_next_open_call(execution, &at, &call)) {
        memset(&tool, 0, sizeof tool);
        tool.name = call.tool_name;
        tool.call_id = call.tool_call_id;
        tool.input = call.arguments;
        result = asm_emit_tool(execution, ASM_EVENT_TOOL_CALL_IDENTIFIED, &tool);
    }
    return result;
}

/* Takes a whole answer. */
static asm_outcome tool_loop_take(tool_loop *loop, asm_execution execution) {
    const tool_loop_reply *reply = &loop->reply;
    const bool has_calls = reply->call_count > 0;
    asm_turn turn;
    if (reply->call_count > TOOL_LOOP_MAX_CALLS)
        return asm_fail(execution, ASM_STR("the model called too many tools at once"));
    asm_json_end_array(&loop->reply.calls);
    if (asm_json_writer_finish(&loop->reply.calls) != ASM_OK)
        return asm_fail(execution, ASM_STR("the model's tool calls are not valid"));
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("assistant");
    turn.content = asm_buffer_text(&loop->text);
    if (has_calls) turn.tool_calls = asm_buffer_text(&loop->calls);
    asm_result result = asm_emit_turn(execution, &turn);
    if (result == ASM_OK && (reply->usage.input_tokens.is_set || reply->usage.output_tokens.is_set))
        result = asm_emit_usage(execution, &reply->usage);
    if (result == ASM_OK) result = asm_execution_after_model(execution);
    if (result == ASM_OK) result = tool_loop_identify(execution);
    if (result != ASM_OK || has_calls) return tool_loop_continue(execution, result);
    return asm_complete(execution, ASM_STR("end_turn"));
}

static asm_result tool_loop_begin_question(tool_loop *loop, asm_execution execution) {
    memset(&loop->reply, 0, sizeof loop->reply);
    const asm_result result = asm_execution_before_model(execution, &loop->reply.request);
    if (result != ASM_OK) return result;
    loop->steps++;
    loop->is_asking = true;
    loop->reply.text = &loop->text;
    asm_buffer_clear(&loop->text);
    asm_buffer_clear(&loop->calls);
    asm_json_writer_init(&loop->reply.calls, &loop->calls);
    asm_json_begin_array(&loop->reply.calls);
    return ASM_OK;
}

/* Asks the model, or goes on waiting for its answer. */
static asm_outcome tool_loop_ask(tool_loop *loop, asm_execution execution) {
    const unsigned max_steps = loop->options.max_steps ? loop->options.max_steps : TOOL_LOOP_MAX_STEPS;
    asm_result result = ASM_OK;
    if (!loop->is_asking) {
        if (loop->steps == max_steps)
            return asm_fail_as(execution, ASM_STR("limit"), ASM_STR("the model came to no end"));
        result = tool_loop_begin_question(loop, execution);
        if (result != ASM_OK) return tool_loop_continue(execution, result);
    }
    const size_t streamed = loop->text.size;
    const tool_loop_progress progress = loop->options.model(loop->options.user, &loop->reply);
    result = loop->text.result;
    if (result == ASM_OK && loop->text.size > streamed)
        result =
            asm_emit_text(execution, asm_str_make(loop->text.data + streamed, loop->text.size - streamed));
    if (result != ASM_OK) return tool_loop_continue(execution, result);
    if (progress == TOOL_LOOP_NOT_YET) return ASM_OUTCOME_CONTINUE;
    if (progress == TOOL_LOOP_WAIT) return ASM_OUTCOME_WAIT;
    loop->is_asking = false;
    return progress == TOOL_LOOP_DONE ? tool_loop_take(loop, execution)
                                      : asm_fail(execution, loop->reply.reason);
}

/* ---- The driver ---- */

static asm_outcome tool_loop_step(tool_loop *loop, asm_execution execution) {
    asm_action_request call;
    size_t at = 0;
    if (execution.slice == 0) {
        loop->is_asking = loop->is_running = false;
        loop->steps = 0;
    }
    if (!loop->is_asking && asm_execution_next_open_call(execution, &at, &call))
        return tool_loop_next(loop, execution, &call);
    return tool_loop_ask(loop, execution);
}

static asm_outcome tool_loop_execute(void *user, asm_execution execution) {
    return tool_loop_step((tool_loop *)user, execution);
}

/* The decisions are asked for call by call. */
static asm_outcome tool_loop_resume(void *user, asm_execution execution, const asm_resume *resume) {
    (void)resume;
    return tool_loop_step((tool_loop *)user, execution);
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
    asm_buffer_init_growing(&loop->calls);
    asm_buffer_init_growing(&loop->running);
}

/* What an agent's configuration takes. Each agent needs a loop of its own. */
static inline asm_driver tool_loop_driver(tool_loop *loop) {
    const asm_driver driver = {tool_loop_execute, tool_loop_resume, tool_loop_cancel, loop};
    return driver;
}

/* Frees everything; not while the agent runs. */
static inline void tool_loop_close(tool_loop *loop) {
    asm_buffer_close(&loop->text);
    asm_buffer_close(&loop->calls);
    asm_buffer_close(&loop->running);
}

#endif
