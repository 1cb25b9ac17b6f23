/* SPDX-License-Identifier: MIT OR Unlicense */
/* Where asm-live's sessions come from. */
#ifndef TOOLS_SOURCES_H
#define TOOLS_SOURCES_H

#include "../serve/pages.h"

#include "../common/clock.h"
#include "../common/remote.h"

#include "asm_ingest.h"

#include <poll.h>

enum { MAX_POLLED = 256 };

/* What is waited for, filled in anew for each wait. */
struct waits {
    struct pollfd items[MAX_POLLED];
    size_t count;
};

/* Adds a descriptor to be read; false if there are too many. */
bool wait_for_input(struct waits *waits, int fd);

/* Unix time in microseconds. */
asm_time now_time(void);

/* The session of that id which `source` gives, or, if another source has it, one of an id with `where` in it; added if
 * there is none, with a log that ends with the program, unless `is_new` is NULL. NULL without memory, for too many, or if it
 * may not be added. `where` must stay. */
live_session *source_session(struct live *live, void *source, const char *where, asm_str id, bool *is_new);

/* ---- A stream that cannot be read again: its sessions' logs are kept ---- */

struct stream {
    struct live *live;
    asm_ingest ingest;
    const char *name;
    int fd; /* -1: it has ended */
    unsigned long diagnostics;
};

/* Takes `fd`, which must not block. False without memory. */
bool stream_open(struct stream *stream, struct live *live, int fd, const char *name, asm_format format);

/* Reads what there is, but no more than is done in some milliseconds; at its end closes it. */
void stream_read(struct stream *stream);

/* One read, for what may block: call it when there is something. */
void stream_read_once(struct stream *stream);

void stream_close(struct stream *stream);

/* ---- Files, followed; sessions of agents, as they are found ---- */

struct files;

struct files *files_open(struct live *live, asm_format format);

/* Follows a file; it need not be there yet. */
void files_add(struct files *files, const char *path);

/* Looks for sessions of agents now and then; `agent` NULL: of all. */
void files_find_sessions(struct files *files, const char *agent);

/* Reads what is new, for some milliseconds. */
void files_read(struct files *files);

/* Milliseconds until the next look. */
int files_timeout(const struct files *files);

void files_close(struct files *files);

/* ---- A command that is run ---- */

struct child {
    struct stream stream;
    int pid; /* 0: none, or it has ended */
};

/* Ends the program with a message if it cannot be started. */
void child_start(struct child *child, struct live *live, char **arguments, asm_format format);

/* Tells how it ended, once it has. */
void child_look(struct child *child);

/* Asks it to end. */
void child_stop(struct child *child);

/* ---- Events of a broker, which can be read again from there ---- */

struct remote_source {
    struct live *live;
    const char *url; /* NULL: none */
    char name[256];
    struct remote remote;
    asm_ingest ingest;
    live_session **owned; /* allocated */
    size_t owned_count;
    bool is_loading; /* not all there was has come */
    int64_t last;    /* number of the last event; 0: none */
    int64_t again;   /* when the next one is started that reads, in steady milliseconds */
    unsigned long diagnostics;
};

/* Ends the program with a message if that cannot be started. `source` is zero, and does not move. */
void remote_source_open(struct remote_source *source, struct live *live, const char *url);

/* Reads what there is, but no more than is done in some milliseconds. */
void remote_source_read(struct remote_source *source);

void remote_source_close(struct remote_source *source);

/* ---- Events over a socket ---- */

struct listener {
    struct live *live;
    const char *path;
    int fd;                 /* -1: none */
    struct stream *streams; /* allocated: one for each connection */
};

/* Ends the program with a message if it cannot listen. A socket that nobody listens on any more is removed first. */
void listener_open(struct listener *listener, struct live *live, const char *path);

void listener_wait(struct listener *listener, struct waits *waits);

/* Accepts, and reads what has come. */
void listener_read(struct listener *listener);

void listener_close(struct listener *listener);

#endif
