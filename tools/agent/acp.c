/* SPDX-License-Identifier: MIT OR Unlicense */
#include "acp.h"

#include "../common/messages.h"
#include "approval.h"
#include "keyboard.h"
#include "replay.h"
#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600, NO_METHOD = -32601, INVALID_PARAMS = -32602 };

/* A permission that the editor was asked for. */
struct permission {
    struct permission *next;
    uint64_t interrupt;
    asm_buffer texts;
    asm_str rpc_id, agent_id; /* in it */
    asm_action_request request;
};

struct session {
    struct session *next;
    char id[WORKSPACE_ID];
    asm_wire wire;
    bool is_prompted; /* session/prompt has not been answered */
    bool has_run;     /* the editor knows of the run */
};

struct acp {
    struct host *host;
    struct view *view;
    struct keyboard keyboard;
    struct session *sessions;
    struct permission *permissions;
    bool has_failed; /* nobody reads what we write */
};

/* ---- Writing ---- */

static asm_result write_out(void *user, const char *data, size_t size) {
    struct acp *acp = (struct acp *)user;
    while (size > 0 && !acp->has_failed) {
        const ssize_t written = write(STDOUT_FILENO, data, size);
        struct pollfd output = {STDOUT_FILENO, POLLOUT, 0};
        if (written < 0 && errno == EAGAIN) poll(&output, 1, -1);
        else if (written < 0 && errno != EINTR) acp->has_failed = true;
        if (written <= 0) continue;
        data += written;
        size -= (size_t)written;
    }
    return acp->has_failed ? ASM_ERR_WRITE : ASM_OK;
}

/* A message that begins with the id it answers; `id` is JSON. */
static void begin_answer(asm_buffer *out, asm_json_writer *writer, asm_str id, const char *what) {
    asm_buffer_init_growing(out);
    asm_json_writer_init(writer, out);
    asm_json_begin_object(writer);
    asm_json_write_key(writer, ASM_STR("jsonrpc"));
    asm_json_write_string(writer, ASM_STR("2.0"));
    asm_json_write_key(writer, ASM_STR("id"));
    asm_json_write_raw(writer, id.data ? id : ASM_STR("null"));
    asm_json_write_key(writer, asm_str_from(what));
}

static void send(struct acp *acp, asm_buffer *out, asm_json_writer *writer) {
    asm_json_end_object(writer);
    asm_json_writer_finish(writer);
    asm_buffer_append_byte(out, '\n');
    if (out->result == ASM_OK) write_out(acp, out->data, out->size);
    asm_buffer_close(out);
}

static void refuse(struct acp *acp, asm_str id, int code, const char *why) {
    asm_buffer out;
    asm_json_writer writer;
    begin_answer(&out, &writer, id, "error");
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("code"));
    asm_json_write_int64(&writer, code);
    asm_json_write_key(&writer, ASM_STR("message"));
    asm_json_write_string(&writer, asm_str_from(why));
    asm_json_end_object(&writer);
    send(acp, &out, &writer);
}

static void answer(struct acp *acp, asm_str id, asm_str result) {
    asm_buffer out;
    asm_json_writer writer;
    begin_answer(&out, &writer, id, "result");
    asm_json_write_raw(&writer, result);
    send(acp, &out, &writer);
}

/* ---- Sessions ---- */

static struct session *find_session(const struct acp *acp, asm_str id) {
    struct session *session = acp->sessions;
    const char *slash = id.size ? (const char *)memchr(id.data, '/', id.size) : NULL;
    if (slash) id.size = (size_t)(slash - id.data);
    while (session && !asm_str_equal(asm_str_from(session->id), id))
        session = session->next;
    return session;
}

static asm_result init_wire(struct acp *acp, asm_wire *wire, const char *id, bool is_replay) {
    asm_wire_options options;
    memset(&options, 0, sizeof options);
    options.format = ASM_WIRE_ACP;
    options.output.write = write_out;
    options.output.user = acp;
    options.session_id = asm_str_from(id);
    options.skip_prompts = !is_replay;
    options.acp_requests = true;
    return asm_wire_init(wire, &options);
}

static struct session *add_session(struct acp *acp, const char *id) {
    struct session *session = (struct session *)calloc(1, sizeof *session);
    if (!session) return NULL;
    if (init_wire(acp, &session->wire, id, false) != ASM_OK) {
        asm_wire_close(&session->wire);
        free(session);
        return NULL;
    }
    snprintf(session->id, sizeof session->id, "%s", id);
    session->next = acp->sessions;
    acp->sessions = session;
    return session;
}

static bool ends_run(const asm_event *event) {
    return event->type == ASM_EVENT_RUN_COMPLETED || event->type == ASM_EVENT_RUN_FAILED ||
           event->type == ASM_EVENT_RUN_CANCELLED || event->type == ASM_EVENT_RUN_TIMEOUT;
}

/* Requests go out by ask_permissions(), those of restored conversations and of sub-agents as well. */
static void take_event(void *user, const asm_event *event) {
    struct acp *acp = (struct acp *)user;
    struct session *session = find_session(acp, event->session_id);
    view_on_event(acp->view, event);
    if (!session || event->type == ASM_EVENT_TOOL_APPROVAL_REQUESTED) return;
    asm_wire_event(&session->wire, event);
    if (event->type == ASM_EVENT_RUN_STARTED) session->has_run = true;
    if (ends_run(event)) session->is_prompted = session->has_run = false;
}

/* ---- Permissions ---- */

static asm_str keep(asm_buffer *texts, asm_str text) {
    const size_t at = texts->size;
    asm_buffer_append(texts, text);
    return asm_str_make(texts->data + at, text.size);
}

static void drop_permission(struct acp *acp, struct permission *permission) {
    struct permission **link = &acp->permissions;
    while (*link != permission)
        link = &(*link)->next;
    *link = permission->next;
    asm_buffer_close(&permission->texts);
    free(permission);
}

static struct permission *find_permission(const struct acp *acp, const asm_agent_info *info,
                                          const asm_action_request *request) {
    struct permission *permission = acp->permissions;
    while (permission &&
           !(permission->interrupt == info->interrupt && asm_str_equal(permission->agent_id, info->id) &&
             asm_str_equal(permission->request.tool_call_id, request->tool_call_id)))
        permission = permission->next;
    return permission;
}

static struct permission *add_permission(struct acp *acp, const asm_agent_info *info,
                                         const asm_action_request *request) {
    char number[32];
    struct permission *permission = (struct permission *)calloc(1, sizeof *permission);
    if (!permission) return NULL;
    asm_buffer *texts = &permission->texts;
    asm_buffer_init_growing(texts);
    snprintf(number, sizeof number, ":%llu:", (unsigned long long)info->interrupt);
    asm_buffer_reserve(texts, 2 * info->id.size + sizeof number + 2 * request->tool_call_id.size +
                                  request->tool_name.size +
                                  request->arguments.size); /* so that nothing moves */
    permission->interrupt = info->interrupt;
    permission->rpc_id = keep(texts, info->id);
    asm_buffer_append(texts, asm_str_from(number));
    asm_buffer_append(texts, request->tool_call_id);
    permission->rpc_id.size = texts->size;
    permission->agent_id = keep(texts, info->id);
    permission->request.tool_call_id = keep(texts, request->tool_call_id);
    permission->request.tool_name = keep(texts, request->tool_name);
    permission->request.arguments = keep(texts, request->arguments);
    permission->next = acp->permissions;
    acp->permissions = permission;
    if (texts->result == ASM_OK) return permission;
    drop_permission(acp, permission);
    return NULL;
}

static void decide(struct acp *acp, const struct permission *permission, asm_decision_kind kind,
                   asm_str why) {
    asm_decision decision;
    memset(&decision, 0, sizeof decision);
    decision.kind = kind;
    decision.tool_call_id = permission->request.tool_call_id;
    decision.message = why;
    if (host_decide(acp->host, permission->agent_id, permission->interrupt, &decision) != ASM_OK)
        complain("%s", acp->host->server.error);
}

/* A conversation that was kept while it waited goes on within its run. */
static void ask_permission(struct session *session, const struct permission *permission, asm_str run_id) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.session_id = asm_str_from(session->id);
    event.run_id = run_id;
    event.type = ASM_EVENT_RUN_STARTED;
    if (!session->has_run) asm_wire_event(&session->wire, &event);
    session->has_run = true;
    event.type = ASM_EVENT_TOOL_APPROVAL_REQUESTED;
    event.approval.request_id = permission->rpc_id;
    event.approval.tool_call_id = permission->request.tool_call_id;
    event.approval.tool_name = permission->request.tool_name;
    event.approval.tool_input = permission->request.arguments;
    event.approval.kind = ASM_STR("tool");
    asm_wire_event(&session->wire, &event);
}

/* Asks for what an agent waits for and nobody was asked for yet. */
static void take_request(struct acp *acp, struct session *session, const asm_agent_info *info,
                         const asm_action_request *request) {
    asm_buffer why;
    const struct workspace *workspace = toolbox_find(&acp->host->toolbox, info->id);
    struct permission *permission =
        find_permission(acp, info, request) ? NULL : add_permission(acp, info, request);
    if (!permission) return;
    asm_buffer_init_growing(&why);
    const enum approval approval = approval_check(workspace, &permission->request, &why);
    if (approval == APPROVAL_OPEN) {
        ask_permission(session, permission, info->run_id);
    } else {
        decide(acp, permission, approval == APPROVAL_GIVEN ? ASM_DECISION_APPROVE : ASM_DECISION_REJECT,
               asm_buffer_text(&why));
        drop_permission(acp, permission);
    }
    asm_buffer_close(&why);
}

static void ask_permissions(struct acp *acp) {
    asm_agent_info info;
    asm_str id;
    size_t at = 0;
    while (asm_agent_next(&acp->host->server, asm_str_make(NULL, 0), &at, &id)) {
        struct session *session = find_session(acp, id);
        if (!session || !session->is_prompted) continue;
        for (size_t i = 0; asm_agent_get_info(&acp->host->server, id, &info) == ASM_OK &&
                           info.status == ASM_AGENT_INTERRUPTED && i < info.request_count;
             i++)
            if (info.decisions[i].kind == ASM_DECISION_NONE)
                take_request(acp, session, &info, &info.requests[i]);
    }
}

/* Forgets what was asked for an agent that does not wait for it any more. */
static void drop_stale_permissions(struct acp *acp) {
    asm_agent_info info;
    for (struct permission *permission = acp->permissions, *next; permission; permission = next) {
        next = permission->next;
        if (asm_agent_get_info(&acp->host->server, permission->agent_id, &info) != ASM_OK ||
            info.interrupt != permission->interrupt)
            drop_permission(acp, permission);
    }
}

/* ---- Reading ---- */

/* Members of an object, in the order of `names`: absent if they are not there. */
static void find_members(asm_str json, const char *const *names, asm_str *values, size_t count) {
    asm_str keys[8];
    for (size_t i = 0; i < count; i++)
        keys[i] = asm_str_from(names[i]);
    (void)asm_json_find(json, keys, values, count, NULL);
}

static asm_str find_text(asm_str json, const char *name, asm_buffer *scratch) {
    asm_str raw = {NULL, 0}, text = {NULL, 0};
    find_members(json, &name, &raw, 1);
    if (!raw.data || !asm_json_to_string(raw, scratch, &text)) return asm_str_make(NULL, 0);
    return text;
}

/* The text member `name` as a C string in a block of its own; NULL if there is none that one can hold. */
static char *copy_text(asm_str json, const char *name) {
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    const asm_str text = find_text(json, name, &scratch);
    const bool is_good = text.data && (text.size == 0 || !memchr(text.data, '\0', text.size));
    char *copy = is_good ? (char *)malloc(text.size + 1) : NULL;
    if (copy) {
        if (text.size) memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    asm_buffer_close(&scratch);
    return copy;
}

/* ---- Permissions that are answered ---- */

static void take_outcome(struct acp *acp, struct permission *permission, asm_str result) {
    static const char *const outcome = "outcome";
    asm_str raw = {NULL, 0};
    find_members(result, &outcome, &raw, 1);
    char *kind = copy_text(raw, "outcome"), *option = copy_text(raw, "optionId");
    const bool is_selected = kind && strcmp(kind, "selected") == 0 && option;
    const bool is_always = is_selected && strcmp(option, "always") == 0;
    struct workspace *workspace = toolbox_find(&acp->host->toolbox, permission->agent_id);
    if (is_always && workspace)
        workspace_allow(workspace, permission->request.tool_name, permission->request.arguments);
    if (is_always || (is_selected && strcmp(option, "allow") == 0))
        decide(acp, permission, ASM_DECISION_APPROVE, asm_str_make(NULL, 0));
    else decide(acp, permission, ASM_DECISION_REJECT, asm_str_make(NULL, 0));
    free(kind);
    free(option);
    drop_permission(acp, permission);
}

/* An answer to a request of ours; an error is no permission. */
static void take_answer(struct acp *acp, asm_str id, asm_str result) {
    asm_buffer scratch;
    asm_str text = {NULL, 0};
    drop_stale_permissions(acp);
    struct permission *permission = acp->permissions;
    asm_buffer_init_growing(&scratch);
    (void)asm_json_to_string(id, &scratch, &text);
    while (permission && !(text.data && asm_str_equal(permission->rpc_id, text)))
        permission = permission->next;
    if (permission) take_outcome(acp, permission, result);
    asm_buffer_close(&scratch);
}

/* ---- Methods ---- */

static void initialize(struct acp *acp, asm_str id, asm_str params) {
    (void)params;
    answer(acp, id,
           ASM_STR(
               "{\"protocolVersion\":1,\"agentCapabilities\":{\"loadSession\":true,\"promptCapabilities\":"
               "{\"image\":false,\"audio\":false,\"embeddedContext\":true}},\"agentInfo\":{\"name\":"
               "\"asm-agent\",\"title\":\"asm-agent\",\"version\":\"" ASM_VERSION "\"},\"authMethods\":[]}"));
}

static void warn_of_servers(asm_str params) {
    static const char *const name = "mcpServers";
    asm_str servers = {NULL, 0};
    asm_json_reader reader;
    find_members(params, &name, &servers, 1);
    if (!servers.data) return;
    asm_json_reader_init(&reader, servers, NULL);
    if (asm_json_enter_array(&reader) && asm_json_next_element(&reader))
        complain("mcpServers: tools of other servers are not used");
}

/* Starts a conversation, new or kept, as a session; NULL, and the request is refused, if that fails. */
static struct session *open_session(struct acp *acp, asm_str id, asm_str params, const char *kept) {
    char why[512], fresh[WORKSPACE_ID];
    char *directory = copy_text(params, "cwd");
    struct session *session = NULL;
    host_make_id(fresh);
    if (!directory || directory[0] != '/') {
        refuse(acp, id, INVALID_PARAMS, "cwd must be an absolute path");
    } else if (!host_start(acp->host, kept ? kept : fresh, directory, kept != NULL, why, sizeof why)) {
        refuse(acp, id, INVALID_PARAMS, why);
    } else if ((session = add_session(acp, kept ? kept : fresh)) == NULL) {
        refuse(acp, id, INVALID_REQUEST, asm_result_string(ASM_ERR_NO_MEMORY));
    } else {
        warn_of_servers(params);
    }
    free(directory);
    return session;
}

static void new_session(struct acp *acp, asm_str id, asm_str params) {
    asm_buffer result;
    asm_json_writer writer;
    const struct session *session = open_session(acp, id, params, NULL);
    if (!session) return;
    asm_buffer_init_growing(&result);
    asm_json_writer_init(&writer, &result);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("sessionId"));
    asm_json_write_string(&writer, asm_str_from(session->id));
    asm_json_end_object(&writer);
    asm_json_writer_finish(&writer);
    answer(acp, id, asm_buffer_text(&result));
    asm_buffer_close(&result);
}

static void replay_session(struct acp *acp, const struct session *session) {
    asm_agent_info info;
    asm_wire wire;
    if (asm_agent_get_info(&acp->host->server, asm_str_from(session->id), &info) != ASM_OK) return;
    if (init_wire(acp, &wire, session->id, true) == ASM_OK)
        replay_turns(info.id, &info.state, 0, true, asm_wire_on_event, &wire);
    asm_wire_close(&wire);
}

static void load_session(struct acp *acp, asm_str id, asm_str params) {
    char *kept = copy_text(params, "sessionId");
    struct session *session = kept ? find_session(acp, asm_str_from(kept)) : NULL;
    if (!kept) refuse(acp, id, INVALID_PARAMS, "sessionId is missing");
    else if (!session) session = open_session(acp, id, params, kept);
    if (session) {
        replay_session(acp, session);
        answer(acp, id, ASM_STR("{}"));
    }
    free(kept);
}

/* Appends what one block of a prompt says; false for what cannot be read. */
static bool append_block(asm_buffer *out, asm_str raw) {
    static const char *const resource_name = "resource";
    asm_buffer scratch;
    asm_str resource = {NULL, 0};
    asm_buffer_init_growing(&scratch);
    asm_buffer_reserve(&scratch, 4 * raw.size + 64); /* so that nothing in it moves */
    const asm_str type = find_text(raw, "type", &scratch), text = find_text(raw, "text", &scratch);
    find_members(raw, &resource_name, &resource, 1);
    bool is_known = true;
    if (asm_str_equal(type, ASM_STR("text"))) {
        asm_buffer_append(out, text);
    } else if (asm_str_equal(type, ASM_STR("resource_link"))) {
        asm_buffer_append(out, ASM_STR("\n"));
        asm_buffer_append(out, find_text(raw, "uri", &scratch));
        asm_buffer_append(out, ASM_STR("\n"));
    } else if (resource.data && find_text(resource, "text", &scratch).data) {
        asm_buffer_append(out, ASM_STR("\n"));
        asm_buffer_append(out, find_text(resource, "uri", &scratch));
        asm_buffer_append(out, ASM_STR(":\n"));
        asm_buffer_append(out, find_text(resource, "text", &scratch));
        asm_buffer_append(out, ASM_STR("\n"));
    } else {
        is_known = false;
    }
    asm_buffer_close(&scratch);
    return is_known;
}

static bool append_blocks(asm_buffer *out, asm_str blocks) {
    asm_json_reader reader;
    asm_str raw;
    bool is_good = true;
    asm_json_reader_init(&reader, blocks, NULL);
    asm_json_enter_array(&reader);
    while (is_good && asm_json_next_element(&reader) && asm_json_read_raw(&reader, &raw))
        is_good = append_block(out, raw);
    return is_good && asm_json_reader_finish(&reader) == ASM_OK && out->size > 0;
}

/* The answer comes with the end of the run. */
static void prompt_session(struct acp *acp, asm_str id, asm_str params) {
    static const char *const name = "prompt";
    asm_buffer text;
    asm_str blocks = {NULL, 0};
    char *named = copy_text(params, "sessionId");
    struct session *session = named ? find_session(acp, asm_str_from(named)) : NULL;
    asm_buffer_init_growing(&text);
    find_members(params, &name, &blocks, 1);
    if (!session) {
        refuse(acp, id, INVALID_PARAMS, "there is no such session");
    } else if (session->is_prompted) {
        refuse(acp, id, INVALID_REQUEST, "the prompt before has not been answered yet");
    } else if (!blocks.data || !append_blocks(&text, blocks)) {
        refuse(acp, id, INVALID_PARAMS, "prompt must have text, resource_link or resource blocks");
    } else {
        session->is_prompted = asm_wire_acp_prompt(&session->wire, id) == ASM_OK;
        if (host_say(acp->host, asm_str_from(session->id), asm_buffer_text(&text)) != ASM_OK) {
            session->is_prompted = false;
            asm_wire_acp_prompt(&session->wire, asm_str_make(NULL, 0));
            refuse(acp, id, INVALID_REQUEST, acp->host->server.error);
        }
    }
    asm_buffer_close(&text);
    free(named);
}

static void cancel_session(struct acp *acp, asm_str id, asm_str params) {
    char *named = copy_text(params, "sessionId");
    const struct session *session = named ? find_session(acp, asm_str_from(named)) : NULL;
    (void)id;
    if (session && session->is_prompted) asm_agent_cancel(&acp->host->server, asm_str_from(session->id));
    free(named);
}

static const struct method {
    const char *name;
    void (*run)(struct acp *acp, asm_str id, asm_str params);
    bool is_notification;
} methods[] = {{"initialize", initialize, false},
               {"session/new", new_session, false},
               {"session/load", load_session, false},
               {"session/prompt", prompt_session, false},
               {"session/cancel", cancel_session, true}};

static void take_method(struct acp *acp, const char *name, asm_str id, asm_str params) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].name, name) != 0) continue;
        if (methods[i].is_notification || id.data) methods[i].run(acp, id, params);
        return;
    }
    if (id.data) refuse(acp, id, NO_METHOD, "there is no such method");
}

static void take_message(struct acp *acp, asm_str line) {
    static const char *const names[] = {"id", "method", "params", "result"};
    asm_str values[4];
    if (line.size == 0) return;
    if (asm_json_check(line, NULL) != ASM_OK) {
        refuse(acp, asm_str_make(NULL, 0), PARSE_ERROR, "this is no JSON");
        return;
    }
    if (asm_json_type_of(line) != ASM_JSON_OBJECT) {
        refuse(acp, asm_str_make(NULL, 0), INVALID_REQUEST, "this is no message, or a batch");
        return;
    }
    find_members(line, names, values, 4);
    char *method = copy_text(line, "method");
    if (method) take_method(acp, method, values[0], values[2].data ? values[2] : ASM_STR("{}"));
    else if (values[0].data) take_answer(acp, values[0], values[3].data ? values[3] : ASM_STR("{}"));
    free(method);
}

/* ---- The loop ---- */

static void turn(struct acp *acp) {
    struct pollfd descriptors[1 + HOST_MORE] = {{keyboard_descriptor(&acp->keyboard), POLLIN, 0}};
    asm_str line;
    host_turn(acp->host, descriptors, 1, -1);
    if (descriptors[0].revents) keyboard_read(&acp->keyboard);
    while (keyboard_line(&acp->keyboard, &line))
        take_message(acp, line);
    drop_stale_permissions(acp);
    ask_permissions(acp);
    view_tick(acp->view, acp->host->server.now);
}

static void close_all(struct acp *acp) {
    while (acp->permissions)
        drop_permission(acp, acp->permissions);
    while (acp->sessions) {
        struct session *session = acp->sessions;
        acp->sessions = session->next;
        asm_wire_close(&session->wire);
        free(session);
    }
    acp->host->on_event = NULL;
    keyboard_close(&acp->keyboard);
}

int acp_run(struct host *host, struct view *view) {
    static struct acp acp;
    memset(&acp, 0, sizeof acp);
    acp.host = host;
    acp.view = view;
    host->on_event = take_event;
    host->user = &acp;
    keyboard_init(&acp.keyboard);
    while (!acp.keyboard.has_ended && !acp.has_failed && !wake_stop_signal() && !wake_interrupts())
        turn(&acp);
    close_all(&acp);
    return acp.has_failed ? EXIT_FAILED : 0;
}
