/* SPDX-License-Identifier: MIT OR Unlicense */
/* The live page of a program: what examples/live_server.h serves, with rows of the list from events. */
#ifndef TOOLS_LIVE_H
#define TOOLS_LIVE_H

#include "asm_events.h"

enum { MAX_HOSTS = 8 };

/* What the options say. Zero-initialise it, and set `port` to NO_PAGE. */
struct live_settings {
    int port;                      /* 0: any that is free */
    const char *address;           /* NULL: this machine only */
    const char *certificate, *key; /* paths of PEM files; NULL: plain HTTP */
    const char *hosts[MAX_HOSTS + 1];
    size_t host_count;
    const char *directory; /* of logs; NULL: they end with the program */
    int viewers;           /* 0: the server's default */
    bool tells_stdout;     /* the address goes to standard output, else to standard error */
};

enum { NO_PAGE = -1 };

/* The row of an option --live=PORT; `at` is OPTION_AT() of the settings' port. */
#define LIVE_OPTION(at)                                                                                      \
    NUMBER(0, "live", "PORT", "also show it on a page at this port of this machine; 0: any port", at, 0,     \
           65535)

/* What viewers can do: the calls of asm_agent.h, say. Any may be NULL. They are called from inside live_turn() and must not
 * call it; they may publish events. */
struct live_host {
    /* `json` is for asm_agent_resume_json(). ASM_ERR_NOT_FOUND if that is not what the session waits for. */
    asm_result (*resume)(void *user, asm_str session_id, asm_str json);
    asm_result (*message)(void *user, asm_str session_id, asm_str text);
    asm_result (*cancel)(void *user, asm_str session_id);
    /* Whether that can be done with the session: it is offered then only. Asked with each event; NULL: it can. */
    bool (*can_cancel)(void *user, asm_str session_id);
    /* Appends the state, as asm_agent_export_state() writes it. */
    asm_result (*state)(void *user, asm_str session_id, asm_buffer *out);
    /* Why the last of these failed, in words; NULL: what the result says. */
    const char *(*error)(void *user);
    void *user;
};

struct live;

/* Starts the page, and tells its address. `host` is copied; NULL: sessions are only watched. Ends the
 * program with a message if that cannot be done, or it was built without libmicrohttpd. */
struct live *live_start(const struct live_settings *settings, const struct live_host *host);

/* Shows an event; an asm_event_callback whose user is the struct live. */
void live_on_event(void *user, const asm_event *event);

/* Shows a debug event to those who view its session now; an asm_event_callback whose user is the struct live. */
void live_on_debug_event(void *user, const asm_event *event);

/* For poll(): a descriptor that can be read when there is something to do, and how many milliseconds to wait for it at
 * most. */
int live_descriptor(const struct live *live);
int live_timeout(const struct live *live);

/* Does what there is to do: call it after each wait, and after events. */
void live_turn(struct live *live);

/* Ends the page. `live` may be NULL. */
void live_end(struct live *live);

#endif
