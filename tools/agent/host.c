/* SPDX-License-Identifier: MIT OR Unlicense */
#include "host.h"

#include "../common/messages.h"
#include "wake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TITLE_LENGTH = 60, WHY_SIZE = 1024 };

static const char instructions[] =
    "You are an agent that works on a person's machine, in one directory of it, by means of tools. Look "
    "before you "
    "change something: read files, list and search them. Change files by edit_file and write_file, not by "
    "commands. "
    "A person may be asked before a file is changed or a command runs, and may refuse or change it: then "
    "respect what "
    "they say. Do what was asked for, no more. Say in the end what you did, shortly, and only what is so.";

/* ---- Clocks ---- */

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

asm_time host_wall_clock(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t host_steady_clock(void) {
    return read_clock(CLOCK_MONOTONIC);
}

static void tell_time(struct host *host) {
    host->toolbox.now = host_steady_clock();
    asm_agent_server_set_time(&host->server, host_wall_clock(), host->toolbox.now);
}

/* Not a secret: two conversations shall have different ids, and two processes not try again at the same moment. */
static uint64_t some_number(void) {
    const uint64_t seed =
        (uint64_t)host_wall_clock() ^ ((uint64_t)getpid() << 40) ^ (uint64_t)host_steady_clock() << 20;
    return seed * UINT64_C(0x9e3779b97f4a7c15);
}

void host_make_id(char *id) {
    static unsigned count;
    char day[32];
    const time_t seconds = (time_t)(host_wall_clock() / 1000000);
    struct tm local;
    if (!localtime_r(&seconds, &local)) memset(&local, 0, sizeof local);
    strftime(day, sizeof day, "%Y%m%d-%H%M%S", &local);
    snprintf(id, WORKSPACE_ID, "%s-%04x", day, (unsigned)((some_number() >> 40) + count++) & 0xffff);
}

/* ---- Events ---- */

/* What the server does not know of a run, or of a conversation that cannot be kept, is added; that is told once. */
static void take_event(void *user, const asm_message *message) {
    struct host *host = (struct host *)user;
    char why[WHY_SIZE];
    asm_event event;
    if (!message->event) return;
    event = *message->event;
    const struct workspace *workspace = toolbox_find(&host->toolbox, event.agent_id);
    if (event.type == ASM_EVENT_ERROR_OCCURRED && workspace &&
        asm_str_equal(event.error.code, ASM_STR("state_store"))) {
        struct keeping *keeping = keeping_open(&host->kept, workspace->folder.path);
        if (keeping && !keeping_tell(keeping, why, sizeof why)) return;
        if (keeping) event.error.message = asm_str_from(why);
    }
    if (event.type == ASM_EVENT_RUN_STARTED) {
        if (!event.run.model.data) event.run.model = host->llm.options.model;
        if (!event.run.cwd.data && workspace) event.run.cwd = asm_str_from(workspace->folder.path);
    }
    if (host->on_event) host->on_event(host->user, &event);
    if (host->live) live_on_event(host->live, &event);
}

static void take_debug_event(void *user, const asm_message *message) {
    const struct host *host = (const struct host *)user;
    if (message->event) live_on_debug_event(host->live, message->event);
}

/* ---- What viewers of the page do ---- */

static asm_result resume(void *user, asm_str id, asm_str json) {
    return asm_agent_resume_json(&((struct host *)user)->server, id, json);
}

static asm_result message(void *user, asm_str id, asm_str text) {
    return host_say((struct host *)user, id, text);
}

static asm_result cancel(void *user, asm_str id) {
    return asm_agent_cancel(&((struct host *)user)->server, id);
}

static asm_result state(void *user, asm_str id, asm_buffer *out) {
    return asm_agent_export_state(&((struct host *)user)->server, id, out);
}

static const char *error(void *user) {
    return ((const struct host *)user)->server.error;
}

/* ---- Setting up ---- */

static void init_model(struct host *host, asm_llm *llm, size_t tool_count) {
    const struct host_settings *settings = host->settings;
    asm_llm_options options;
    memset(&options, 0, sizeof options);
    options.api = host->provider.api;
    options.model = asm_str_from(host->provider.model);
    options.transport = transport_table(&host->transport);
    options.system = asm_str_from(settings->system ? settings->system : instructions);
    options.tools = host->toolbox.tools;
    options.tool_count = tool_count;
    options.max_tokens = settings->max_tokens;
    options.thinking_tokens = settings->thinking;
    options.caches_prompt = true;
    options.uses_max_tokens = host->provider.is_loopback;
    options.limits.steps = settings->steps;
    options.random = some_number();
    options.secrets = host->provider.secrets;
    options.secret_count = host->provider.secret_count;
    if (asm_llm_init(llm, &options) != ASM_OK) die("%s", llm->error);
}

/* Sub-agents have the tools of this file, but no sub-agents. */
static void init_models(struct host *host) {
    const size_t own = host->toolbox.tool_count;
    init_model(host, &host->helper, own);
    host->subagent.llm = &host->helper;
    host->subagent.pubsub = &host->bus;
    const asm_llm_tool task = asm_llm_subagent_tool(&host->subagent);
    toolbox_add(&host->toolbox, &task);
    init_model(host, &host->llm, host->toolbox.tool_count);
    host->compaction.llm = &host->llm;
    host->compaction.context_window = host->settings->context;
    host->middleware[host->middleware_count++] = asm_llm_compaction_middleware(&host->compaction);
    host->title.llm = &host->llm;
    if (host->settings->has_titles)
        host->middleware[host->middleware_count++] = asm_llm_title_middleware(&host->title);
}

void host_init(struct host *host, const struct host_settings *settings) {
    memset(host, 0, sizeof *host);
    host->settings = settings;
    transport_init(&host->transport, &host->provider);
    provider_init(&host->provider, &settings->provider);
    toolbox_init(&host->toolbox, settings->command_seconds);
    asm_pubsub_init(&host->bus, NULL);
    init_models(host);
    asm_agent_server_init(&host->server, NULL);
    tell_time(host);
    const struct live_host page = {
        .resume = resume, .message = message, .cancel = cancel, .state = state, .error = error, .user = host};
    if (settings->live.port != NO_PAGE) host->live = live_start(&settings->live, &page);
}

void host_close(struct host *host) {
    tell_time(host);
    asm_agent_server_close(&host->server);
    live_end(host->live);
    asm_llm_close(&host->llm);
    asm_llm_close(&host->helper);
    asm_pubsub_close(&host->bus);
    toolbox_close(&host->toolbox);
    transport_close(&host->transport);
    keeping_close(&host->kept);
    provider_free(&host->provider);
}

/* ---- Conversations ---- */

static bool start_agent(struct host *host, const char *id, struct keeping *keeping, char *why, size_t size) {
    asm_agent_options options;
    memset(&options, 0, sizeof options);
    options.id = options.conversation_id = asm_str_from(id);
    options.pubsub = &host->bus;
    options.debug_pubsub = host->live ? &host->bus : NULL;
    options.config.driver = asm_llm_driver(&host->llm);
    options.config.middleware = host->middleware;
    options.config.middleware_count = host->middleware_count;
    options.inactivity_timeout_ms = -1;
    options.shutdown_delay_ms = -1;
    options.state_store = &keeping->store;
    keeping->files.error[0] = '\0';
    asm_result result = asm_agent_start(&host->server, &options);
    if (result == ASM_OK) result = asm_agent_subscribe(&host->server, options.id, take_event, host, NULL);
    if (result == ASM_OK && host->live)
        result = asm_agent_subscribe_debug(&host->server, options.id, take_debug_event, host, NULL);
    if (result != ASM_OK)
        snprintf(why, size, "%s", keeping->files.error[0] ? keeping->files.error : host->server.error);
    return result == ASM_OK;
}

/* Whether the file of a conversation is there. */
static bool is_kept_there(struct keeping *keeping, const char *id) {
    asm_buffer state;
    asm_buffer_init_growing(&state);
    const asm_result result =
        keeping->disk.load(keeping->disk.user, asm_str_from(id), asm_str_from(id), &state);
    asm_buffer_close(&state);
    return result != ASM_ERR_NOT_FOUND;
}

bool host_start(struct host *host, const char *id, const char *directory, bool is_kept, char *why,
                size_t size) {
    tell_time(host);
    if (strchr(id, '/') || strlen(id) >= WORKSPACE_ID || !*id) {
        snprintf(why, size, "this is no conversation's id");
        return false;
    }
    struct workspace *workspace = toolbox_open(&host->toolbox, id, directory);
    if (!workspace) {
        snprintf(why, size, "%s: %s", directory, strerror(errno));
        return false;
    }
    workspace->allows_edits = host->settings->allows_edits;
    workspace->allows_commands = host->settings->allows_commands;
    struct keeping *keeping = keeping_open(&host->kept, workspace->folder.path);
    if (!keeping) {
        snprintf(why, size, "the directory for conversations: %s", strerror(errno));
        return false;
    }
    if (is_kept && !is_kept_there(keeping, id)) {
        snprintf(why, size, "%s: there is no such conversation of this directory", id);
        return false;
    }
    return start_agent(host, id, keeping, why, size);
}

/* What the model has to know of the place. */
static asm_result say_where(struct host *host, asm_str id, const struct workspace *workspace) {
    char day[32];
    asm_buffer text;
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    asm_time_format(host->server.now, 0, day);
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, ASM_STR("Working directory: "));
    asm_buffer_append(&text, asm_str_from(workspace->folder.path));
    asm_buffer_append(&text, ASM_STR("\nToday: "));
    asm_buffer_append(&text, asm_str_make(day, 10));
    turn.role = ASM_STR("system");
    turn.content = asm_buffer_text(&text);
    const asm_result result = asm_agent_add_turn(&host->server, id, &turn);
    asm_buffer_close(&text);
    return result;
}

/* Where the model is not asked for a title, the first words are one. */
static void set_title(struct host *host, asm_str id, asm_str text) {
    const char *end = text.data && text.size ? (const char *)memchr(text.data, '\n', text.size) : NULL;
    const asm_str line = asm_str_make(text.data, end ? (size_t)(end - text.data) : text.size);
    if (!host->settings->has_titles)
        asm_agent_set_title(&host->server, id, asm_utf8_prefix(line, TITLE_LENGTH));
}

asm_result host_say(struct host *host, asm_str id, asm_str text) {
    asm_agent_info info;
    asm_turn turn;
    const struct workspace *workspace = toolbox_find(&host->toolbox, id);
    tell_time(host);
    asm_result result = asm_agent_get_info(&host->server, id, &info);
    const bool is_first = result == ASM_OK && info.state.turn_count == 0 && workspace;
    if (is_first) result = say_where(host, id, workspace);
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("user");
    turn.content = text;
    if (result == ASM_OK && text.data) result = asm_agent_add_turn(&host->server, id, &turn);
    if (result == ASM_OK && is_first) set_title(host, id, text);
    if (result == ASM_OK && info.status != ASM_AGENT_RUNNING && info.status != ASM_AGENT_INTERRUPTED)
        result = asm_agent_execute(&host->server, id);
    return result;
}

/* ---- The loop ---- */

static int sooner(int a, int b) {
    if (a < 0) return b;
    return b < 0 || a < b ? a : b;
}

void host_turn(struct host *host, struct pollfd *descriptors, size_t count, int milliseconds) {
    struct pollfd *more = descriptors + count;
    size_t used = toolbox_descriptors(&host->toolbox, more, HOST_MORE - 2);
    more[used++] = (struct pollfd){wake_descriptor(), POLLIN, 0};
    more[used++] = (struct pollfd){host->live ? live_descriptor(host->live) : -1, POLLIN, 0};
    tell_time(host);
    transport_move(&host->transport);
    milliseconds = sooner(milliseconds, asm_agent_server_timeout(&host->server));
    milliseconds = sooner(milliseconds, toolbox_timeout(&host->toolbox));
    if (host->live) milliseconds = sooner(milliseconds, live_timeout(host->live));
    transport_wait(&host->transport, descriptors, count + used, milliseconds);
    wake_clear();
    tell_time(host);
    toolbox_turn(&host->toolbox);
    asm_agent_server_poll(&host->server, host->server.now, host->toolbox.now);
    if (host->live) live_turn(host->live);
}

/* ---- Decisions ---- */

static bool is_of(asm_str agent, asm_str id) {
    return agent.size >= id.size && memcmp(agent.data, id.data, id.size) == 0 &&
           (agent.size == id.size || agent.data[id.size] == '/');
}

bool host_next_request(const struct host *host, asm_str id, size_t *at, asm_agent_info *info,
                       size_t *request) {
    asm_str agent;
    while (asm_agent_next(&host->server, asm_str_make(NULL, 0), at, &agent)) {
        if (!is_of(agent, id) || asm_agent_get_info(&host->server, agent, info) != ASM_OK) continue;
        if (info->status != ASM_AGENT_INTERRUPTED) continue;
        for (*request = 0; *request < info->request_count; ++*request)
            if (info->decisions[*request].kind == ASM_DECISION_NONE) return true;
    }
    return false;
}

asm_result host_decide(struct host *host, asm_str agent_id, uint64_t interrupt,
                       const asm_decision *decision) {
    asm_resume resume;
    memset(&resume, 0, sizeof resume);
    resume.interrupt = interrupt;
    resume.decisions = decision;
    resume.decision_count = 1;
    tell_time(host);
    return asm_agent_resume(&host->server, agent_id, &resume);
}
