/* SPDX-License-Identifier: MIT OR Unlicense */
/* The agents of this program: each is a conversation with its directory, its tools and its file; all in one thread. */
#ifndef AGENT_HOST_H
#define AGENT_HOST_H

#include "../serve/live.h"
#include "asm_llm.h"
#include "keeping.h"
#include "provider.h"
#include "toolbox.h"
#include "transport.h"

struct host_settings {
    struct provider_settings provider;
    const char *system;       /* more text for the model; may be NULL */
    int max_tokens, thinking; /* 0: as the library does */
    int context;              /* tokens that fit the model; 0: not known */
    int steps;                /* 0: as the library does */
    int command_seconds;
    bool allows_edits, allows_commands, has_titles;
    struct live_settings live;
};

struct host {
    const struct host_settings *settings;
    struct provider provider;
    struct transport transport;
    struct toolbox toolbox;
    asm_pubsub bus;
    asm_llm llm, helper; /* helper: of sub-agents */
    asm_llm_subagent subagent;
    asm_llm_compaction compaction;
    asm_llm_title title;
    asm_middleware middleware[2];
    size_t middleware_count;
    asm_agent_server server;
    struct keeping *kept;
    struct live *live;           /* NULL: no page */
    asm_event_callback on_event; /* told what happens in all conversations; may be NULL */
    void *user;
};

/* Sets up; ends the program with a message if that cannot be done. */
void host_init(struct host *host, const struct host_settings *settings);

/* Saves what is under way, and frees everything. */
void host_close(struct host *host);

/* Microseconds: Unix time, and a clock that is never set. */
asm_time host_wall_clock(void);
int64_t host_steady_clock(void);

/* Makes an id for a new conversation, of WORKSPACE_ID bytes. */
void host_make_id(char *id);

/* Starts the conversation `id` in a directory: a new one, or one that is kept. False, with a message in `why`. */
bool host_start(struct host *host, const char *id, const char *directory, bool is_kept, char *why,
                size_t size);

/* Says something to the model, and has it answer. `text` absent: nothing, it shall go on. */
asm_result host_say(struct host *host, asm_str id, asm_str text);

/* One turn of the loop: sleeps until there is something to do, at most `milliseconds` (-1: for ever), also for what comes from
 * `descriptors`, whose revents are set; then does it. The array has room for HOST_MORE more. */
enum { HOST_MORE = 48 };
void host_turn(struct host *host, struct pollfd *descriptors, size_t count, int milliseconds);

/* The next request that somebody has to decide on, of this agent or its sub-agents, and whose it is: start with *at == 0.
 * Views until something changes. */
bool host_next_request(const struct host *host, asm_str id, size_t *at, asm_agent_info *info,
                       size_t *request);

/* Decides on one request of an agent's interrupt. */
asm_result host_decide(struct host *host, asm_str agent_id, uint64_t interrupt, const asm_decision *decision);

#endif
