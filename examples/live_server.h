/* SPDX-License-Identifier: MIT OR Unlicense */
/* Serves sessions to browsers: a list of them, and the events of each as they happen, by HTTP and server-sent events.
 *
 * To be copied into your program; needs asm_pubsub.h, POSIX and libmicrohttpd. In exactly one C file:
 *       #define LIVE_SERVER_IMPLEMENTATION
 *       #include "live_server.h"
 *
 *       char error[LIVE_ERROR_SIZE];
 *       live_server *server = live_server_start(&(live_server_options){.port = 7777, .token = token, …}, error);
 *       asm_pipeline / asm_ingest: .on_event = live_server_on_event, .user = server
 *       while (…) {
 *           poll(… live_server_descriptor(server) …, live_server_timeout(server));
 *           live_server_turn(server);
 *       }
 *       live_server_close(server);
 *
 * docs/live-protocol.md tells what goes over the wire, docs/security.md what is promised.
 *
 * SESSIONS
 *   Each session has a log: its events as JSON Lines, in a file of the directory that the options name, or in one without
 *   a name that ends with the server. Viewers read from that file, each at its own pace, so that one that is slow costs
 *   its socket's buffer and nothing else; of the history only where every 256th event begins is in memory. A log of the
 *   directory is found again when the server is started again, and its numbers go on.
 *   What is not whole at the end of such a log was being written when the program died; no viewer has seen it, and it is
 *   cut off. When a log cannot be written (no space, say) events wait in memory, up to LIVE_MAX_WAITING bytes of one
 *   session; past that they are lost, and once the log can be written again an event of the type ASM_MAILBOX_GAP stands
 *   in their place, with {"missed":N}.
 *
 * THREADS
 *   One server, one thread; none is started. Nothing here waits, but for the disk.
 */
#ifndef LIVE_SERVER_H
#define LIVE_SERVER_H

#include "asm_pubsub.h"

#ifdef __cplusplus
extern "C" {
#endif

#define LIVE_ERROR_SIZE      256
#define LIVE_MAX_WAITING     ((size_t)1024 * 1024) /* bytes of a session's events that wait for the disk */
#define LIVE_DEFAULT_VIEWERS 1024
#define LIVE_MAX_SESSIONS    100000

typedef struct live_server live_server;
typedef struct live_session live_session;

/* A file of the page. */
typedef struct live_file {
    const char *name; /* "live.css"; "index.html" is the page itself */
    const char *type; /* "text/css; charset=utf-8" */
    const unsigned char *bytes;
    size_t size;
} live_file;

typedef enum live_lane {
    LIVE_IDLE,
    LIVE_WORKING,
    LIVE_NEEDS_YOU,
    LIVE_DONE,
    LIVE_FAILED,
    LIVE_LANES
} live_lane;

/* A session as the list shows it. Absent texts, numbers below 0 and times of 0 are not known. */
typedef struct live_row {
    live_lane lane;
    asm_time since;      /* when it came into the lane */
    asm_time what_since; /* when `what` began */
    asm_time changed;
    asm_str agent, directory, title, model;
    asm_str first_words; /* what the agent said first: for one without a title */
    asm_str what;        /* what it does, or waits for, or why it failed, in words */
    asm_str needs_kind;  /* what it waits for: "approval" or "question"; absent: nothing */
    asm_str needs_call, needs_request, needs_tool;
    int64_t needs_interrupt;
    int64_t input_tokens, output_tokens, cache_read_tokens, cache_creation_tokens, reasoning_tokens;
    double cost_usd;
    int64_t todo_done, todo_count;
} live_row;

/* What viewers can do with a session; see live_session_allow(). */
enum { LIVE_CAN_RESUME = 1, LIVE_CAN_MESSAGE = 2, LIVE_CAN_CANCEL = 4, LIVE_CAN_STATE = 8 };

/* What the program does for viewers. Any may be NULL. All are called from inside live_server_turn() and must not call
 * it, nor live_server_close(); events may be published. */
typedef struct live_functions {
    /* Fills in `row`, in which nothing is known yet; its texts must stay until the next call. At most once a second for
     * a session that has changed, and for those of which a row is written. NULL: rows tell the id only. */
    void (*describe)(void *user, live_session *session, live_row *row);
    /* Decides, or answers: what asm_agent_resume_json() takes. ASM_ERR_NOT_FOUND if that is not what it waits for. */
    asm_result (*resume)(void *user, live_session *session, asm_str json);
    asm_result (*message)(void *user, live_session *session, asm_str text);
    asm_result (*cancel)(void *user, live_session *session);
    /* Appends its state: JSON, one line. */
    asm_result (*state)(void *user, live_session *session, asm_buffer *out);
    /* Why the last of these calls failed, in words; NULL: the result's. */
    const char *(*error)(void *user);
    /* Somebody wants the events of a session that is not loaded (live_session_unload()); it is to be loaded in turns of
     * yours, with live_session_rewind(), events, and live_session_loaded(). */
    void (*load)(void *user, live_session *session);
    /* The session goes: free what you keep with it. */
    void (*forget)(void *user, live_session *session);
    void *user;
} live_functions;

typedef struct live_server_options {
    const char *address; /* to listen on, an IPv4 or IPv6 address; NULL: 127.0.0.1 */
    unsigned port;       /* 0: one that is free */
    const char *token;   /* required: at least 16 characters of A-Z a-z 0-9 - _ */
    const char *const
        *hosts; /* other names, with their ports, that the server is reached by; NULL after the last */
    const char *certificate, *key; /* PEM texts: HTTPS */
    const live_file *files;
    size_t file_count;
    const char *directory; /* of logs; it must exist. NULL: logs end with the server */
    unsigned max_viewers;  /* 0: LIVE_DEFAULT_VIEWERS */
    unsigned patience;     /* seconds for a request to arrive, and for a reader to take something; 0: 30 */
    live_functions functions;
} live_server_options;

/* Starts listening. `options`, its token and directory are copied, the other texts must outlive the server. NULL with a reason in `error`. */
live_server *live_server_start(const live_server_options *options, char error[LIVE_ERROR_SIZE]);

/* Ends all streams, within a second, and frees everything. `server` may be NULL. */
void live_server_close(live_server *server);

/* The port that it listens on. */
unsigned live_server_port(const live_server *server);

/* Whether it is reached from this machine only. */
bool live_server_is_local(const live_server *server);

/* A descriptor that can be read when there is something to do: for poll(). */
int live_server_descriptor(const live_server *server);

/* How long one may wait for it, in milliseconds. */
int live_server_timeout(const live_server *server);

/* Does what there is to do. Call it after each wait, and after publishing. */
void live_server_turn(live_server *server);

/* How many streams there are. */
size_t live_server_viewers(const live_server *server);

/* The session of that id; NULL if there is none. */
live_session *live_server_find(const live_server *server, asm_str id);

/* The session of that id, added if there is none; its log is opened if the directory has one. NULL when there is no
 * memory, or there are LIVE_MAX_SESSIONS. It is valid until live_session_forget(). */
live_session *live_server_session(live_server *server, asm_str id);

/* Adds a session whose log ends with the server, even if there is a directory: for what is read from somewhere else. NULL
 * if there is one of that id, and as above. */
live_session *live_server_add(live_server *server, asm_str id);

/* Publishes an event: appends it to the log of its session, and hands it to viewers with the next turn. An event without a
 * session id belongs to the session "". An asm_event_callback. What cannot be kept is counted, see SESSIONS. */
void live_server_on_event(void *server, const asm_event *event);

asm_str live_session_id(const live_session *session);
/* What you keep with it; NULL at first. */
void *live_session_user(const live_session *session);
void live_session_set_user(live_session *session, void *user);
live_server *live_session_server(const live_session *session);

/* How many events its log has. */
uint64_t live_session_events(const live_session *session);

/* How many view it. */
size_t live_session_viewers(const live_session *session);

/* Which of LIVE_CAN_... viewers may do with it. Nothing at first. */
void live_session_allow(live_session *session, unsigned actions);

/* Says that its row is another. Events say so themselves. */
void live_session_touch(live_session *session);

/* Publishes an event, whatever session id it has. ASM_ERR_NO_SPACE if it is lost; errors of asm_event_write_json(). */
asm_result live_session_event(live_session *session, const asm_event *event);

/* Shows viewers a debug event, which is not kept. */
asm_result live_session_debug_event(live_session *session, const asm_event *event);

/* Goes through its log: what it already has when the server starts. */
asm_result live_session_each(live_session *session, asm_event_callback callback, void *user);

/* For sessions whose events are read from somewhere else, and can be read again from there.
 * rewind: the events to come are the first again. Those that are the same as before keep their numbers; with one that
 * differs the log begins anew, as another epoch, which viewers are told. Streams wait until loaded.
 * loaded: that was all that there is now. What was in the log after it is gone.
 * unload: forgets its events until they are asked for; not for a session with viewers, which stays as it is. */
void live_session_rewind(live_session *session);
void live_session_loaded(live_session *session);
void live_session_unload(live_session *session);
bool live_session_is_loaded(const live_session *session);

/* Takes it off the list, and ends its streams. A log in the directory stays. */
void live_session_forget(live_session *session);

#ifdef __cplusplus
}
#endif
#endif

#ifdef LIVE_SERVER_IMPLEMENTATION
#undef LIVE_SERVER_IMPLEMENTATION
/* Sections:
 *   >>live: types
 *   >>live: sessions        found by id and by key
 *   >>live: logs            files, and where events begin in them
 *   >>live: rows, list      lanes, versions
 *   >>live: frames          what goes to a viewer
 *   >>live: viewers         streams
 *   >>live: answers, requests, history, actions
 *   >>live: server
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* >>live: types */

enum {
    LIVE__HOSTS = 4,         /* names that a local page is reached by */
    LIVE__MARK = 256,        /* events between two whose place in the log is known */
    LIVE__CHUNK = 64 * 1024, /* bytes of a log that are read at a time */
    LIVE__WINDOW = 100,      /* rows of each lane in the list */
    LIVE__KEY_SIZE = 129,    /* a key and its NUL */
    LIVE__NAME_SIZE = 65,    /* a viewer's name and its NUL */
    LIVE__NOTICES = 16,      /* of a session, that a slow viewer may be late for */
    LIVE__DECISIONS = 64,    /* of a session, that are remembered */
    LIVE__MAX_BODY = 1024 * 1024,
    LIVE__MAX_HISTORY = 4 * 1024 * 1024, /* bytes of one answer, but for an event that is larger */
    LIVE__HEADERS = 16 * 1024,           /* memory of a connection */
    LIVE__KEEP_ALIVE = 15000,            /* milliseconds */
    LIVE__WOKEN =
        32, /* viewers that get the list in one turn, so that events need not wait for all of them */
    LIVE__TICK = 1000 /* milliseconds between two frames of the list */
};

/* Text that goes to several viewers. */
typedef struct live__blob {
    size_t references, size;
    char *data; /* after it in the same block */
} live__blob;

typedef struct live__log {
    int fd;               /* -1: not open */
    bool has_name;        /* in the directory: may be closed and opened again */
    uint64_t size, count; /* bytes and events that are in the file */
    uint64_t *marks;      /* where events 1, 257, 513, … begin */
    size_t mark_capacity;
    uint64_t epoch;                 /* 0: there was no event yet */
    uint64_t generation;            /* how often it began anew */
    bool is_comparing;              /* events that come are compared with those that are there */
    uint64_t same_size, same_count; /* so far they are the same */
    asm_buffer waiting;             /* events that are not in the file yet, */
    uint64_t waiting_count;         /* so many */
    uint64_t missed;                /* that were lost after them */
    live_session *older, *newer;    /* among the open ones: which was used */
} live__log;

typedef struct live__decision {
    uint64_t interrupt;
    char *call_id;     /* "": the answer to a question */
    live__blob *frame; /* what viewers are told */
} live__decision;

struct live_session {
    live_server *server;
    char *id;
    size_t id_size;
    char *key;
    uint64_t id_hash, key_hash;
    size_t at; /* in server->sessions */
    void *user;
    unsigned actions;
    live__log log;
    bool is_unloaded, is_loading;
    bool is_changed;   /* its row may be another since the last look */
    bool has_news;     /* its viewers are to be woken */
    bool is_listed;    /* in the window */
    bool was_listed;   /* when the last frame of the list was made */
    bool is_in_change; /* the next frame of changes has its row */
    live_session *next_news;
    live_lane lane;
    asm_time order; /* within the lane: lower comes first */
    uint64_t row_version;
    live__blob *row_frame; /* of row_version, once somebody wants it */
    uint64_t presence_version;
    live__blob *presence_frame;
    struct live__viewer *first_viewer;
    size_t viewer_count;
    live__blob *notices[LIVE__NOTICES]; /* notice N is at N % LIVE__NOTICES */
    uint64_t next_notice;
    const struct live__viewer *deciding; /* whose decision is being taken */
    live__decision *decisions;           /* a ring of LIVE__DECISIONS, once there is one */
    uint64_t next_decision;
};

typedef enum live__part { LIVE__PART_NONE, LIVE__PART_HEAD, LIVE__PART_LINE, LIVE__PART_END } live__part;

typedef struct live__viewer {
    live_server *server;
    struct MHD_Connection *connection;
    struct live__viewer *previous, *next;                 /* of the server */
    struct live__viewer *session_previous, *session_next; /* of the session */
    live_session *session;
    uint64_t number;
    char name[LIVE__NAME_SIZE];
    bool is_suspended, wants_list, is_over;
    bool has_turn; /* it may be given the list and its row now */
    bool has_said_hello, is_placed, has_caught_up;
    uint64_t list_version, row_version, presence_version, next_notice;
    int64_t active; /* when it was given something */
    /* where it wants to begin */
    bool has_after;
    uint64_t after_epoch, after_number;
    int64_t last_wanted; /* -1: all */
    /* where it is */
    uint64_t epoch, next_number, offset;
    /* what it is being given */
    live__blob *blob;
    size_t blob_at;
    live__part part;
    char edge[64]; /* what stands before or after the line of an event */
    size_t edge_at, edge_size;
} live__viewer;

/* A connection, to notice one that sends its request too slowly. */
typedef struct live__connection {
    struct MHD_Connection *connection;
    struct live__connection *previous, *next;
    int64_t since;
    bool has_begun, is_answering; /* its request */
} live__connection;

typedef struct live__request {
    asm_buffer body;
    bool is_refused; /* what is still to come is passed over */
    bool is_waiting; /* suspended until a session is loaded */
    size_t passed_over;
    struct live__request *next_waiting;
    struct MHD_Connection *connection;
} live__request;

typedef struct live__index {
    live_session **slots;
    size_t capacity; /* a power of 2, or 0 */
} live__index;

struct live_server {
    live_server_options options;
    char *token, *directory;
    struct MHD_Daemon *daemon;
    unsigned port;
    bool is_local, is_closing, is_turning;
    int descriptor;
    char hosts[LIVE__HOSTS][80];
    char cookie[32];
    uint64_t seed;
    live_session **sessions;
    size_t session_count, session_capacity;
    live__index by_id, by_key;
    live_session *oldest_open, *newest_open; /* logs with a name */
    size_t open_logs, max_open_logs;
    live_session *first_news;
    live__viewer *viewers;
    live__viewer *next_woken; /* the next one to be given the list */
    size_t viewer_count;
    uint64_t viewer_number;
    live__connection *connections;
    live__request *waiting_requests;
    int64_t ticked, steady; /* milliseconds */
    /* the list */
    bool is_list_changed;
    size_t lane_counts[LIVE_LANES];
    uint64_t list_version;
    live_session *window[LIVE_LANES][LIVE__WINDOW];
    size_t window_count[LIVE_LANES];
    asm_buffer gone; /* keys of sessions that were forgotten, as JSON with commas */
    live__blob *list_frame, *changes_frame;
    /* a piece of a log */
    char *chunk;
    const live_session *chunk_session;
    uint64_t chunk_offset;
    size_t chunk_size;
    asm_buffer scratch, line;
    live_session *batch_session; /* whose waiting events are to be written with the next turn */
};

static int64_t live__steady(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static asm_time live__now(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static live__blob *live__blob_make(asm_str text) {
    live__blob *blob = (live__blob *)malloc(sizeof *blob + text.size);
    if (!blob) return NULL;
    blob->references = 1;
    blob->size = text.size;
    blob->data = (char *)(blob + 1);
    if (text.size > 0) memcpy(blob->data, text.data, text.size);
    return blob;
}

static live__blob *live__blob_share(live__blob *blob) {
    if (blob) blob->references++;
    return blob;
}

static void live__blob_drop(live__blob **blob) {
    if (*blob && --(*blob)->references == 0) free(*blob);
    *blob = NULL;
}

/* A named frame of which `data` is the data; NULL without memory. */
static live__blob *live__frame(live_server *server, const char *name, asm_str data) {
    asm_buffer frame;
    asm_buffer_init_growing(&frame);
    (void)server;
    live__blob *blob = NULL;
    if (asm_sse_write(&frame, asm_str_make(NULL, 0), asm_str_from(name), data) == ASM_OK)
        blob = live__blob_make(asm_buffer_text(&frame));
    asm_buffer_close(&frame);
    return blob;
}

/* ---- JSON: members that are left out when nothing is known ---- */

static void live__write_text(asm_json_writer *writer, const char *key, asm_str text) {
    if (text.size == 0) return;
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_string(writer, text);
}

static void live__write_count(asm_json_writer *writer, const char *key, int64_t value) {
    if (value < 0) return;
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_int64(writer, value);
}

static void live__write_number(asm_json_writer *writer, const char *key, uint64_t value) {
    asm_json_write_key(writer, asm_str_from(key));
    asm_json_write_uint64(writer, value);
}

static void live__write_time(asm_json_writer *writer, const char *key, asm_time time) {
    char text[ASM_TIME_TEXT_SIZE];
    if (time == 0) return;
    live__write_text(writer, key, asm_str_make(text, asm_time_format(time, 4, text)));
}

static void live__write_epoch(asm_json_writer *writer, uint64_t epoch) {
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, epoch);
    live__write_text(writer, "epoch", asm_str_from(text));
}

/* >>live: sessions */

static uint64_t live__hash(const live_server *server, asm_str text) {
    uint64_t hash = server->seed;
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3) ^ hash >> 29;
    return hash ^ hash >> 32;
}

/* The hash that an epoch or a key is made of: the same in every run. */
static uint64_t live__fixed_hash(asm_str text) {
    uint64_t hash = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001B3);
    return hash ^ hash >> 29;
}

static asm_str live__name_of(const live_session *session, bool by_key) {
    return by_key ? asm_str_from(session->key) : asm_str_make(session->id, session->id_size);
}

static live_session *live__find(const live_server *server, bool by_key, asm_str name) {
    const live__index *index = by_key ? &server->by_key : &server->by_id;
    const uint64_t hash = live__hash(server, name);
    if (index->capacity == 0) return NULL;
    for (size_t at = (size_t)hash & (index->capacity - 1); index->slots[at];
         at = (at + 1) & (index->capacity - 1))
        if ((by_key ? index->slots[at]->key_hash : index->slots[at]->id_hash) == hash &&
            asm_str_equal(live__name_of(index->slots[at], by_key), name))
            return index->slots[at];
    return NULL;
}

static void live__index_add(live__index *index, uint64_t hash, live_session *session) {
    size_t at = (size_t)hash & (index->capacity - 1);
    while (index->slots[at])
        at = (at + 1) & (index->capacity - 1);
    index->slots[at] = session;
}

/* Fills both indexes anew, with room for twice as many sessions as there are. */
static bool live__index_again(live_server *server) {
    size_t capacity = 64;
    while (capacity < 4 * (server->session_count + 1))
        capacity *= 2;
    live_session **by_id = (live_session **)calloc(capacity, sizeof(live_session *));
    live_session **by_key = (live_session **)calloc(capacity, sizeof(live_session *));
    if (!by_id || !by_key) {
        free(by_id);
        free(by_key);
        return false;
    }
    free(server->by_id.slots);
    free(server->by_key.slots);
    server->by_id.slots = by_id;
    server->by_key.slots = by_key;
    server->by_id.capacity = server->by_key.capacity = capacity;
    for (size_t i = 0; i < server->session_count; i++) {
        live__index_add(&server->by_id, server->sessions[i]->id_hash, server->sessions[i]);
        live__index_add(&server->by_key, server->sessions[i]->key_hash, server->sessions[i]);
    }
    return true;
}

static bool live__is_plain(char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
           c == '_' || c == '.';
}

/* The id itself where it can be a name in a path, else what can of it, and a hash. The same in every run. */
static void live__make_key(asm_str id, unsigned attempt, char key[LIVE__KEY_SIZE]) {
    size_t size = 0, plain = 0;
    while (plain < id.size && live__is_plain(id.data[plain]))
        plain++;
    const bool is_plain = plain == id.size && id.size > 0 && id.size <= 100 && id.data[0] != '.';
    if (!is_plain) key[size++] = '~';
    for (size_t i = 0; i < id.size && size < (is_plain ? (size_t)100 : (size_t)60); i++)
        key[size++] = live__is_plain(id.data[i]) ? id.data[i] : '_';
    key[size] = 0;
    if (!is_plain)
        size += (size_t)snprintf(key + size, LIVE__KEY_SIZE - size, "-%016" PRIx64, live__fixed_hash(id));
    if (attempt > 0) snprintf(key + size, LIVE__KEY_SIZE - size, "~%u", attempt);
}

static void live__free_session(live_session *session) {
    free(session->id);
    free(session->key);
    free(session);
}

static live_session *live__make_session(live_server *server, asm_str id) {
    char key[LIVE__KEY_SIZE];
    unsigned attempt = 0;
    do
        live__make_key(id, attempt++, key);
    while (live__find(server, true, asm_str_from(key)));
    live_session *session = (live_session *)calloc(1, sizeof *session);
    if (!session) return NULL;
    session->server = server;
    session->id = (char *)malloc(id.size + 1);
    session->key = (char *)malloc(strlen(key) + 1);
    if (!session->id || !session->key) {
        live__free_session(session);
        return NULL;
    }
    if (id.size > 0) memcpy(session->id, id.data, id.size);
    session->id[id.size] = 0;
    session->id_size = id.size;
    memcpy(session->key, key, strlen(key) + 1);
    session->id_hash = live__hash(server, id);
    session->key_hash = live__hash(server, asm_str_from(key));
    session->log.fd = -1;
    asm_buffer_init_growing(&session->log.waiting);
    return session;
}

static bool live__add_session(live_server *server, live_session *session) {
    if (server->session_count == server->session_capacity) {
        const size_t capacity = server->session_capacity ? 2 * server->session_capacity : 64;
        live_session **grown = (live_session **)realloc(server->sessions, capacity * sizeof(live_session *));
        if (!grown) return false;
        server->sessions = grown;
        server->session_capacity = capacity;
    }
    session->at = server->session_count;
    server->sessions[server->session_count++] = session;
    if (2 * server->session_count > server->by_id.capacity) {
        if (live__index_again(server)) return true;
        server->session_count--;
        return false;
    }
    live__index_add(&server->by_id, session->id_hash, session);
    live__index_add(&server->by_key, session->key_hash, session);
    return true;
}

/* >>live: logs */

static void live__log_path(const live_session *session, char *path, size_t size) {
    snprintf(path, size, "%s/%s.jsonl", session->server->directory, session->key);
}

/* Takes it out of the list of open logs. */
static void live__log_unlink(live_session *session) {
    live_server *server = session->server;
    if (session->log.older) session->log.older->log.newer = session->log.newer;
    else server->oldest_open = session->log.newer;
    if (session->log.newer) session->log.newer->log.older = session->log.older;
    else server->newest_open = session->log.older;
    session->log.older = session->log.newer = NULL;
}

static void live__log_link(live_session *session) {
    live_server *server = session->server;
    session->log.older = server->newest_open;
    if (server->newest_open) server->newest_open->log.newer = session;
    else server->oldest_open = session;
    server->newest_open = session;
}

static void live__log_close(live_session *session) {
    if (session->log.fd < 0) return;
    close(session->log.fd);
    session->log.fd = -1;
    if (!session->log.has_name) return;
    live__log_unlink(session);
    session->server->open_logs--;
}

/* A file without a name, that ends when it is closed. */
static int live__open_nameless(void) {
    const char *directory = getenv("TMPDIR");
    char path[1024];
    if (snprintf(path, sizeof path, "%s/asm-live-XXXXXX", directory && *directory ? directory : "/tmp") >=
        (int)sizeof path)
        return -1;
    const int fd = mkstemp(path);
    if (fd < 0) return -1;
    unlink(path);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return fd;
}

/* Has the log open; those used longest ago are closed for it. False, with errno. */
static bool live__log_open(live_session *session) {
    live_server *server = session->server;
    char path[2048];
    if (session->log.fd >= 0) {
        if (session->log.has_name && server->newest_open != session) {
            live__log_unlink(session);
            live__log_link(session);
        }
        return true;
    }
    if (!session->log.has_name) return (session->log.fd = live__open_nameless()) >= 0;
    while (server->open_logs >= server->max_open_logs)
        live__log_close(server->oldest_open);
    live__log_path(session, path, sizeof path);
    session->log.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (session->log.fd < 0) return false;
    live__log_link(session);
    server->open_logs++;
    return true;
}

/* Notes that event `number` begins at `offset`. */
static bool live__log_mark(live__log *log, uint64_t number, uint64_t offset) {
    const size_t at = (size_t)((number - 1) / LIVE__MARK);
    if ((number - 1) % LIVE__MARK != 0) return true;
    if (at >= log->mark_capacity) {
        const size_t capacity = log->mark_capacity ? 2 * log->mark_capacity : 1;
        uint64_t *grown = (uint64_t *)realloc(log->marks, capacity * sizeof *grown);
        if (!grown) return false;
        log->marks = grown;
        log->mark_capacity = capacity;
    }
    log->marks[at] = offset;
    return true;
}

/* What the log holds at `offset`, as far as it is at hand: at least one byte. NULL if it cannot be read. */
static const char *live__log_view(live_session *session, uint64_t offset, size_t *size) {
    live_server *server = session->server;
    const bool is_there = server->chunk_session == session && offset >= server->chunk_offset &&
                          offset - server->chunk_offset < server->chunk_size;
    if (!is_there) {
        const uint64_t left = session->log.size - offset;
        const size_t wanted = left < LIVE__CHUNK ? (size_t)left : (size_t)LIVE__CHUNK;
        ssize_t got = -1;
        server->chunk_session = NULL;
        if (wanted == 0 || !live__log_open(session)) return NULL;
        do
            got = pread(session->log.fd, server->chunk, wanted, (off_t)offset);
        while (got < 0 && errno == EINTR);
        if (got <= 0) return NULL;
        server->chunk_session = session;
        server->chunk_offset = offset;
        server->chunk_size = (size_t)got;
    }
    *size = server->chunk_size - (size_t)(offset - server->chunk_offset);
    return server->chunk + (offset - server->chunk_offset);
}

/* Moves `*offset` to after the next line feed; false if there is none. */
static bool live__log_next_line(live_session *session, uint64_t *offset) {
    uint64_t at = *offset;
    size_t size;
    const char *view;
    while (at < session->log.size && (view = live__log_view(session, at, &size)) != NULL) {
        const char *end = (const char *)memchr(view, '\n', size);
        at += end ? (uint64_t)(end - view) + 1 : size;
        if (end) {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* Where event `number` begins: 1 to count + 1. False if the log cannot be read. */
static bool live__log_find(live_session *session, uint64_t number, uint64_t *offset) {
    const live__log *log = &session->log;
    if (number > log->count) {
        *offset = log->size;
        return true;
    }
    uint64_t at = log->marks[(number - 1) / LIVE__MARK];
    for (uint64_t i = (number - 1) / LIVE__MARK * LIVE__MARK + 1; i < number; i++)
        if (!live__log_next_line(session, &at)) return false;
    *offset = at;
    return true;
}

/* Appends the line at `offset` to `line`, without its line feed, and moves `*offset` past it. */
static bool live__log_read_line(live_session *session, uint64_t *offset, asm_buffer *line) {
    uint64_t at = *offset;
    size_t size;
    const char *view;
    while (at < session->log.size && (view = live__log_view(session, at, &size)) != NULL) {
        const char *end = (const char *)memchr(view, '\n', size);
        const size_t taken = end ? (size_t)(end - view) : size;
        if (asm_buffer_append(line, asm_str_make(view, taken)) != ASM_OK) return false;
        at += taken + (end ? 1 : 0);
        if (end) {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* The epoch of a log that begins with `line`. */
static uint64_t live__epoch_of(const live__log *log, asm_str line) {
    const uint64_t epoch = live__fixed_hash(line) >> 12;
    return (epoch ? epoch : 1) + log->generation;
}

/* Counts the events of a log that is found in the directory; what comes after the last line feed is cut off. */
static bool live__log_count(live_session *session) {
    live__log *log = &session->log;
    struct stat status;
    uint64_t offset = 0;
    if (!live__log_open(session) || fstat(log->fd, &status) != 0) return false;
    log->size = (uint64_t)status.st_size;
    asm_buffer_clear(&session->server->line);
    if (live__log_read_line(session, &offset, &session->server->line))
        log->epoch = live__epoch_of(log, asm_buffer_text(&session->server->line));
    offset = 0;
    for (uint64_t begin = 0; live__log_next_line(session, &offset); begin = offset)
        if (!live__log_mark(log, ++log->count, begin)) return false;
    if (offset == log->size) return true;
    session->server->chunk_session = NULL;
    log->size = offset;
    return ftruncate(log->fd, (off_t)offset) == 0;
}

/* Has viewers look for what is new with the next turn. */
static void live__news(live_session *session) {
    if (session->has_news) return;
    session->has_news = true;
    session->next_news = session->server->first_news;
    session->server->first_news = session;
}

static void live__changed(live_session *session) {
    session->is_changed = true;
    session->server->is_list_changed = true;
}

/* Writes what waits. False if it goes on waiting. */
static bool live__log_flush(live_session *session) {
    live__log *log = &session->log;
    live_server *server = session->server;
    size_t done = 0;
    if (log->waiting.size == 0) return true;
    if (!live__log_open(session)) return false;
    while (done < log->waiting.size) {
        const ssize_t written =
            pwrite(log->fd, log->waiting.data + done, log->waiting.size - done, (off_t)(log->size + done));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false; /* what was written of it is written again */
        done += (size_t)written;
    }
    if (server->chunk_session == session) server->chunk_session = NULL;
    log->size += done;
    log->count += log->waiting_count;
    log->waiting_count = 0;
    if (log->waiting.capacity > 4096) asm_buffer_close(&log->waiting);
    else asm_buffer_clear(&log->waiting);
    log->waiting.growing = true;
    live__news(session);
    return true;
}

/* Cuts the log to `count` events in `size` bytes; with another epoch, unless all of it stays. */
static void live__log_cut(live_session *session, uint64_t count, uint64_t size) {
    live__log *log = &session->log;
    session->server->chunk_session = NULL;
    if (log->size > size && live__log_open(session) && ftruncate(log->fd, (off_t)size) != 0) return;
    log->size = size;
    log->count = count;
    log->epoch++;
    log->generation++;
    live__news(session);
}

static asm_result live__log_append(live_session *session, asm_str line);

/* In place of events that were lost. */
static void live__log_tell_missed(live_session *session) {
    live__log *log = &session->log;
    char extra[40];
    asm_event event;
    asm_buffer line;
    if (log->missed == 0) return;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_CUSTOM;
    event.type_name = ASM_STR(ASM_MAILBOX_GAP);
    event.session_id = asm_str_make(session->id, session->id_size);
    event.time = live__now();
    snprintf(extra, sizeof extra, "{\"missed\":%" PRIu64 "}", log->missed);
    event.extra = asm_str_from(extra);
    log->missed = 0;
    asm_buffer_init_growing(&line);
    if (asm_event_write_json(&event, &line) == ASM_OK) live__log_append(session, asm_buffer_text(&line));
    asm_buffer_close(&line);
}

/* Whether `line` is what the log already has at the place that is compared; else that part of it is cut off. */
static bool live__log_is_same(live_session *session, asm_str line) {
    live__log *log = &session->log;
    uint64_t offset = log->same_size;
    size_t at = 0, size;
    const char *view;
    while (at < line.size && (view = live__log_view(session, offset + at, &size)) != NULL) {
        if (size > line.size - at) size = line.size - at;
        if (memcmp(view, line.data + at, size) != 0) break;
        at += size;
    }
    view = at == line.size ? live__log_view(session, offset + at, &size) : NULL;
    if (view && *view == '\n') {
        log->same_size = offset + line.size + 1;
        log->same_count++;
        log->is_comparing = log->same_count < log->count;
        return true;
    }
    live__log_cut(session, log->same_count, log->same_size);
    log->is_comparing = false;
    return false;
}

/* Appends an event's line, without its line feed. */
static asm_result live__log_append(live_session *session, asm_str line) {
    live__log *log = &session->log;
    live_server *server = session->server;
    if (log->is_comparing && live__log_is_same(session, line)) return ASM_OK;
    if (server->batch_session && server->batch_session != session) {
        live__log_flush(server->batch_session);
        server->batch_session = NULL;
    }
    if (log->waiting.size + line.size + 1 > LIVE_MAX_WAITING && log->waiting.size > 0) {
        if (!live__log_flush(session)) {
            log->missed++;
            return ASM_ERR_NO_SPACE;
        }
    }
    live__log_tell_missed(session);
    const size_t before = log->waiting.size;
    if (log->count + log->waiting_count == 0) log->epoch = live__epoch_of(log, line);
    if (asm_buffer_reserve(&log->waiting, line.size + 1) != ASM_OK ||
        !live__log_mark(log, log->count + log->waiting_count + 1, log->size + before)) {
        asm_result result = log->waiting.result;
        log->waiting.result = ASM_OK;
        log->missed++;
        return result == ASM_OK ? ASM_ERR_NO_MEMORY : result;
    }
    asm_buffer_append(&log->waiting, line);
    asm_buffer_append_byte(&log->waiting, '\n');
    log->waiting_count++;
    server->batch_session = session;
    live__changed(session);
    return ASM_OK;
}

/* >>live: rows, list */

static const char *live__lane_name(live_lane lane) {
    static const char *const names[LIVE_LANES] = {"idle", "working", "needs_you", "done", "failed"};
    return names[lane];
}

static void live__describe(live_session *session, live_row *row) {
    const live_functions *functions = &session->server->options.functions;
    memset(row, 0, sizeof *row);
    row->needs_interrupt = row->input_tokens = row->output_tokens = row->cache_read_tokens = -1;
    row->cache_creation_tokens = row->reasoning_tokens = row->todo_done = row->todo_count = -1;
    row->cost_usd = -1;
    if (functions->describe) functions->describe(functions->user, session, row);
    if ((unsigned)row->lane >= LIVE_LANES) row->lane = LIVE_IDLE;
}

static void live__write_needs(asm_json_writer *writer, const live_row *row) {
    if (row->needs_kind.size == 0) return;
    asm_json_write_key(writer, ASM_STR("needs"));
    asm_json_begin_object(writer);
    live__write_text(writer, "kind", row->needs_kind);
    live__write_count(writer, "interrupt", row->needs_interrupt);
    live__write_text(writer, "tool_call_id", row->needs_call);
    live__write_text(writer, "request_id", row->needs_request);
    live__write_text(writer, "tool_name", row->needs_tool);
    asm_json_end_object(writer);
}

static void live__write_actions(asm_json_writer *writer, unsigned actions) {
    static const char *const names[] = {"resume", "message", "cancel", "state"};
    if (actions == 0) return;
    asm_json_write_key(writer, ASM_STR("actions"));
    asm_json_begin_array(writer);
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (actions >> i & 1) asm_json_write_string(writer, asm_str_from(names[i]));
    asm_json_end_array(writer);
}

static void live__write_row(asm_json_writer *writer, live_session *session, const live_row *row) {
    asm_json_begin_object(writer);
    live__write_text(writer, "key", asm_str_from(session->key));
    live__write_text(writer, "session_id", asm_str_make(session->id, session->id_size));
    live__write_text(writer, "lane", asm_str_from(live__lane_name(row->lane)));
    live__write_text(writer, "agent", row->agent);
    live__write_text(writer, "directory", row->directory);
    live__write_text(writer, "title", row->title);
    live__write_text(writer, "first_words", row->first_words);
    live__write_text(writer, "model", row->model);
    live__write_text(writer, "what", row->what);
    live__write_time(writer, "since", row->since);
    live__write_time(writer, "what_since", row->what_since);
    live__write_needs(writer, row);
    live__write_count(writer, "input_tokens", row->input_tokens);
    live__write_count(writer, "output_tokens", row->output_tokens);
    live__write_count(writer, "cache_read_tokens", row->cache_read_tokens);
    live__write_count(writer, "cache_creation_tokens", row->cache_creation_tokens);
    live__write_count(writer, "reasoning_tokens", row->reasoning_tokens);
    if (row->cost_usd >= 0) {
        asm_json_write_key(writer, ASM_STR("cost_usd"));
        asm_json_write_double(writer, row->cost_usd);
    }
    live__write_count(writer, "todo_done", row->todo_count > 0 ? row->todo_done : -1);
    live__write_count(writer, "todo_count", row->todo_count > 0 ? row->todo_count : -1);
    if (!session->is_unloaded && !session->is_loading)
        live__write_number(writer, "events", session->log.count);
    live__write_time(writer, "changed", row->changed);
    live__write_number(writer, "viewers", session->viewer_count);
    live__write_actions(writer, session->actions);
    asm_json_end_object(writer);
}

/* Who needs you by who waits longest, working by who began first, others by who changed last. */
static asm_time live__order_of(const live_row *row) {
    if (row->lane == LIVE_NEEDS_YOU) return row->what_since ? row->what_since : row->since;
    return row->lane == LIVE_WORKING ? row->since : -row->changed;
}

static bool live__comes_before(const live_session *a, const live_session *b) {
    if (a->order != b->order) return a->order < b->order;
    return strcmp(a->key, b->key) < 0;
}

/* Brings lane and order of sessions that have changed up to date. */
static void live__look_at_rows(live_server *server) {
    for (size_t i = 0; i < server->session_count; i++) {
        live_session *session = server->sessions[i];
        live_row row;
        if (!session->is_changed) continue;
        live__describe(session, &row);
        server->lane_counts[session->lane]--;
        session->lane = row.lane;
        server->lane_counts[session->lane]++;
        session->order = live__order_of(&row);
        session->is_changed = false;
        session->is_in_change = true;
        session->row_version = server->list_version + 1;
        live__blob_drop(&session->row_frame);
    }
}

static void live__window_insert(live_server *server, live_session *session) {
    live_session **window = server->window[session->lane];
    size_t count = server->window_count[session->lane], at = 0, end = count;
    if (count == LIVE__WINDOW && !live__comes_before(session, window[count - 1])) return;
    while (at < end) {
        const size_t middle = (at + end) / 2;
        if (live__comes_before(window[middle], session)) at = middle + 1;
        else end = middle;
    }
    if (count < LIVE__WINDOW) server->window_count[session->lane] = ++count;
    memmove(window + at + 1, window + at, (count - 1 - at) * sizeof(live_session *));
    window[at] = session;
}

/* Begins a frame of the list, up to its rows. */
static void live__begin_list(live_server *server, asm_json_writer *writer) {
    asm_json_begin_object(writer);
    live__write_number(writer, "version", server->list_version);
    live__write_time(writer, "now", live__now());
    asm_json_write_key(writer, ASM_STR("counts"));
    asm_json_begin_object(writer);
    for (int lane = 0; lane < LIVE_LANES; lane++)
        live__write_number(writer, live__lane_name((live_lane)lane), server->lane_counts[lane]);
    asm_json_end_object(writer);
}

static void live__write_described(asm_json_writer *writer, live_session *session) {
    live_row row;
    live__describe(session, &row);
    live__write_row(writer, session, &row);
}

/* The different agents or directories of all sessions, at most 200 of them. */
static void live__write_names(live_server *server, asm_json_writer *writer, bool is_agent) {
    enum { MOST = 200 };
    uint64_t seen[MOST];
    size_t count = 0;
    asm_json_write_key(writer, is_agent ? ASM_STR("agents") : ASM_STR("directories"));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < server->session_count && count < MOST; i++) {
        live_row row;
        size_t at = 0;
        live__describe(server->sessions[i], &row);
        const asm_str name = is_agent ? row.agent : row.directory;
        const uint64_t hash = live__hash(server, name);
        while (at < count && seen[at] != hash)
            at++;
        if (name.size == 0 || at < count) continue;
        seen[count++] = hash;
        asm_json_write_string(writer, name);
    }
    asm_json_end_array(writer);
}

/* The whole list, made once for each version. */
static live__blob *live__list_frame(live_server *server) {
    asm_json_writer writer;
    if (server->list_frame) return server->list_frame;
    asm_buffer_clear(&server->scratch);
    asm_json_writer_init(&writer, &server->scratch);
    live__begin_list(server, &writer);
    live__write_names(server, &writer, true);
    live__write_names(server, &writer, false);
    asm_json_write_key(&writer, ASM_STR("rows"));
    asm_json_begin_array(&writer);
    for (int lane = 0; lane < LIVE_LANES; lane++)
        for (size_t i = 0; i < server->window_count[lane]; i++)
            live__write_described(&writer, server->window[lane][i]);
    asm_json_end_array(&writer);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        server->list_frame = live__frame(server, "list", asm_buffer_text(&server->scratch));
    return server->list_frame;
}

static void live__write_gone(live_server *server, asm_json_writer *writer, live_session **before,
                             size_t count) {
    asm_json_write_key(writer, ASM_STR("gone"));
    asm_json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        if (!before[i]->is_listed) asm_json_write_string(writer, asm_str_from(before[i]->key));
    for (size_t at = 0; at < server->gone.size; at += strlen(server->gone.data + at) + 1)
        asm_json_write_string(writer, asm_str_from(server->gone.data + at));
    asm_json_end_array(writer);
    asm_buffer_clear(&server->gone);
}

/* Chooses what is listed anew, and writes what is different from before: `before` are those that were listed. */
static void live__write_changes(live_server *server, live_session **before, size_t count) {
    asm_json_writer writer;
    asm_buffer_clear(&server->scratch);
    asm_json_writer_init(&writer, &server->scratch);
    live__begin_list(server, &writer);
    asm_json_write_key(&writer, ASM_STR("rows"));
    asm_json_begin_array(&writer);
    for (int lane = 0; lane < LIVE_LANES; lane++)
        for (size_t i = 0; i < server->window_count[lane]; i++) {
            live_session *session = server->window[lane][i];
            if (session->is_in_change || !session->was_listed) live__write_described(&writer, session);
        }
    asm_json_end_array(&writer);
    live__write_gone(server, &writer, before, count);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        server->changes_frame = live__frame(server, "changes", asm_buffer_text(&server->scratch));
}

/* Once a second: what is listed, and a frame of what is different. */
static void live__list_turn(live_server *server) {
    live_session *before[LIVE_LANES * LIVE__WINDOW];
    size_t count = 0;
    server->is_list_changed = false;
    live__look_at_rows(server);
    for (int lane = 0; lane < LIVE_LANES; lane++) {
        for (size_t i = 0; i < server->window_count[lane]; i++)
            before[count++] = server->window[lane][i];
        server->window_count[lane] = 0;
    }
    for (size_t i = 0; i < server->session_count; i++) {
        live_session *session = server->sessions[i];
        session->was_listed = session->is_listed;
        session->is_listed = false;
        live__window_insert(server, session);
    }
    for (int lane = 0; lane < LIVE_LANES; lane++)
        for (size_t i = 0; i < server->window_count[lane]; i++)
            server->window[lane][i]->is_listed = true;
    live__blob_drop(&server->list_frame);
    live__blob_drop(&server->changes_frame);
    server->list_version++;
    live__write_changes(server, before, count);
    for (size_t i = 0; i < server->session_count; i++)
        server->sessions[i]->is_in_change = false;
}

/* >>live: frames */

static live__blob *live__row_frame(live_session *session) {
    asm_json_writer writer;
    if (session->row_frame) return session->row_frame;
    asm_buffer_clear(&session->server->scratch);
    asm_json_writer_init(&writer, &session->server->scratch);
    live__write_described(&writer, session);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        session->row_frame = live__frame(session->server, "row", asm_buffer_text(&session->server->scratch));
    return session->row_frame;
}

static void live__write_viewer(asm_json_writer *writer, const live__viewer *viewer) {
    char id[24];
    snprintf(id, sizeof id, "v%" PRIu64, viewer->number);
    live__write_text(writer, "viewer", asm_str_from(id));
    live__write_text(writer, "name", asm_str_from(viewer->name));
}

static live__blob *live__presence_frame(live_session *session) {
    asm_json_writer writer;
    int left = 20;
    if (session->presence_frame) return session->presence_frame;
    asm_buffer_clear(&session->server->scratch);
    asm_json_writer_init(&writer, &session->server->scratch);
    asm_json_begin_object(&writer);
    live__write_number(&writer, "count", session->viewer_count);
    asm_json_write_key(&writer, ASM_STR("viewers"));
    asm_json_begin_array(&writer);
    for (const live__viewer *viewer = session->first_viewer; viewer && left-- > 0;
         viewer = viewer->session_next) {
        asm_json_begin_object(&writer);
        live__write_viewer(&writer, viewer);
        asm_json_end_object(&writer);
    }
    asm_json_end_array(&writer);
    asm_json_end_object(&writer);
    if (asm_json_writer_finish(&writer) == ASM_OK)
        session->presence_frame =
            live__frame(session->server, "viewers", asm_buffer_text(&session->server->scratch));
    return session->presence_frame;
}

/* Shows all viewers of a session a frame that is not kept. */
static void live__notice(live_session *session, live__blob *frame) {
    live__blob **place = &session->notices[session->next_notice % LIVE__NOTICES];
    if (!frame) return;
    live__blob_drop(place);
    *place = frame;
    session->next_notice++;
    live__news(session);
}

static void live__hello(live__viewer *viewer) {
    live_session *session = viewer->session;
    asm_json_writer writer;
    asm_buffer frame;
    asm_buffer_clear(&viewer->server->scratch);
    asm_json_writer_init(&writer, &viewer->server->scratch);
    asm_json_begin_object(&writer);
    live__write_viewer(&writer, viewer);
    live__write_time(&writer, "now", live__now());
    live__write_text(&writer, "version", ASM_STR(ASM_VERSION));
    if (session) {
        asm_json_write_key(&writer, ASM_STR("session"));
        asm_json_begin_object(&writer);
        live__write_text(&writer, "key", asm_str_from(session->key));
        live__write_epoch(&writer, session->log.epoch);
        live__write_number(&writer, "first", 1);
        live__write_number(&writer, "last", session->log.count);
        live__write_number(&writer, "next", viewer->next_number);
        asm_json_end_object(&writer);
    }
    asm_json_end_object(&writer);
    asm_buffer_init_growing(&frame);
    asm_buffer_append(&frame, ASM_STR("retry: 1000\n"));
    asm_sse_write(&frame, asm_str_make(NULL, 0), ASM_STR("hello"), asm_buffer_text(&viewer->server->scratch));
    if (frame.result == ASM_OK) viewer->blob = live__blob_make(asm_buffer_text(&frame));
    asm_buffer_close(&frame);
}

/* >>live: viewers */

/* Sets the viewer to event `number`. */
static bool live__place(live__viewer *viewer, uint64_t number) {
    live_session *session = viewer->session;
    viewer->epoch = session->log.epoch;
    viewer->has_caught_up = false;
    viewer->next_number = number;
    return live__log_find(session, number, &viewer->offset);
}

/* The first event that somebody wants who wants the last so many. */
static uint64_t live__first_wanted(const live__viewer *viewer) {
    const uint64_t count = viewer->session->log.count;
    const bool is_all = viewer->last_wanted < 0 || (uint64_t)viewer->last_wanted > count;
    return is_all ? 1 : count - (uint64_t)viewer->last_wanted + 1;
}

static live__blob *live__reset_frame(live__viewer *viewer, const char *reason) {
    asm_json_writer writer;
    asm_buffer_clear(&viewer->server->scratch);
    asm_json_writer_init(&writer, &viewer->server->scratch);
    asm_json_begin_object(&writer);
    live__write_epoch(&writer, viewer->session->log.epoch);
    live__write_text(&writer, "reason", asm_str_from(reason));
    asm_json_end_object(&writer);
    return live__frame(viewer->server, "reset", asm_buffer_text(&viewer->server->scratch));
}

/* Where a stream begins, once the session is loaded. */
static void live__place_first(live__viewer *viewer) {
    const live__log *log = &viewer->session->log;
    const bool goes_on =
        viewer->has_after && viewer->after_epoch == log->epoch && viewer->after_number <= log->count;
    viewer->is_placed = true;
    live__place(viewer, goes_on ? viewer->after_number + 1 : live__first_wanted(viewer));
    live__hello(viewer);
}

/* Begins the frame of the next event. False if the log cannot be read. */
static bool live__begin_event(live__viewer *viewer) {
    size_t size;
    if (!live__log_view(viewer->session, viewer->offset, &size)) return false;
    viewer->edge_size =
        (size_t)snprintf(viewer->edge, sizeof viewer->edge,
                         "id: %" PRIu64 ".%" PRIu64 "\ndata: ", viewer->epoch, viewer->next_number);
    viewer->edge_at = 0;
    viewer->part = LIVE__PART_HEAD;
    return true;
}

/* Tells of events that cannot be read, and goes on after them. */
static void live__tell_gap(live__viewer *viewer) {
    live__log *log = &viewer->session->log;
    char data[160];
    snprintf(data, sizeof data,
             "{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"reason\":\"the log cannot be read\"}",
             viewer->next_number, log->count);
    viewer->blob = live__frame(viewer->server, "gap", asm_str_from(data));
    viewer->next_number = log->count + 1;
    viewer->offset = log->size;
}

/* What the viewer of a session gets next of its events: true if there is something. */
static bool live__next_of_events(live__viewer *viewer) {
    live_session *session = viewer->session;
    char data[64];
    if (session->is_loading || session->is_unloaded) return false;
    if (viewer->epoch != session->log.epoch && viewer->epoch != 0) {
        live__place(viewer, live__first_wanted(viewer));
        viewer->blob = live__reset_frame(viewer, "rewritten");
        return viewer->blob != NULL;
    }
    viewer->epoch = session->log.epoch;
    if (viewer->next_number <= session->log.count) {
        if (live__begin_event(viewer)) return true;
        live__tell_gap(viewer);
        return viewer->blob != NULL;
    }
    if (viewer->has_caught_up) return false;
    viewer->has_caught_up = true;
    snprintf(data, sizeof data, "{\"last\":%" PRIu64 "}", viewer->next_number - 1);
    viewer->blob = live__frame(viewer->server, "caught_up", asm_str_from(data));
    return viewer->blob != NULL;
}

static bool live__next_of_session(live__viewer *viewer) {
    live_session *session = viewer->session;
    if (viewer->presence_version != session->presence_version) {
        viewer->presence_version = session->presence_version;
        viewer->blob = live__blob_share(live__presence_frame(session));
        if (viewer->blob) return true;
    }
    if (live__next_of_events(viewer)) return true;
    if (viewer->next_notice + LIVE__NOTICES < session->next_notice)
        viewer->next_notice = session->next_notice - LIVE__NOTICES;
    if (viewer->next_notice == session->next_notice) return false;
    viewer->blob = live__blob_share(session->notices[viewer->next_notice++ % LIVE__NOTICES]);
    return viewer->blob != NULL;
}

/* The list, and the row of its session: once a second, when it is the viewer's turn. */
static bool live__next_of_list(live__viewer *viewer) {
    live_server *server = viewer->server;
    live_session *session = viewer->session;
    if (viewer->wants_list && viewer->list_version != server->list_version) {
        const bool is_next = viewer->list_version > 0 && viewer->list_version + 1 == server->list_version;
        viewer->list_version = server->list_version;
        viewer->blob = live__blob_share(is_next && server->changes_frame ? server->changes_frame
                                                                         : live__list_frame(server));
        if (viewer->blob) return true;
    }
    if (session && viewer->row_version != session->row_version) {
        viewer->row_version = session->row_version;
        viewer->blob = live__blob_share(live__row_frame(session));
        if (viewer->blob) return true;
    }
    viewer->has_turn = false;
    return false;
}

/* Chooses what the viewer gets next; false if there is nothing. */
static bool live__next(live__viewer *viewer) {
    live_session *session = viewer->session;
    if (!viewer->has_said_hello) {
        if (session && (session->is_loading || session->is_unloaded)) return false;
        viewer->has_said_hello = true;
        if (session) live__place_first(viewer);
        else live__hello(viewer);
        return viewer->blob != NULL;
    }
    if (session && viewer->has_after) {
        viewer->has_after = false;
        const bool goes_on =
            viewer->after_epoch == session->log.epoch && viewer->next_number == viewer->after_number + 1;
        if (!goes_on && (viewer->blob = live__reset_frame(viewer, "epoch")) != NULL) return true;
    }
    if (viewer->has_turn && live__next_of_list(viewer)) return true;
    return session && live__next_of_session(viewer);
}

static size_t live__take(char *out, size_t room, const char *data, size_t size, size_t *at) {
    const size_t taken = size - *at < room ? size - *at : room;
    memcpy(out, data + *at, taken);
    *at += taken;
    return taken;
}

/* Gives more of an event's frame. */
static size_t live__take_event(live__viewer *viewer, char *out, size_t room) {
    size_t size = 0;
    if (viewer->part == LIVE__PART_LINE) {
        const char *view = live__log_view(viewer->session, viewer->offset, &size);
        if (!view) { /* the rest cannot be had: what was sent of it must not count */
            viewer->is_over = true;
            return 0;
        }
        if (size > room) size = room;
        const char *end = (const char *)memchr(view, '\n', size);
        if (end) size = (size_t)(end - view);
        memcpy(out, view, size);
        viewer->offset += size + (end ? 1 : 0);
        if (!end) return size;
        viewer->part = LIVE__PART_END;
        memcpy(viewer->edge, "\n\n", 2);
        viewer->edge_at = 0;
        viewer->edge_size = 2;
        return size;
    }
    size = live__take(out, room, viewer->edge, viewer->edge_size, &viewer->edge_at);
    if (viewer->edge_at < viewer->edge_size) return size;
    if (viewer->part == LIVE__PART_END) viewer->next_number++;
    viewer->part = viewer->part == LIVE__PART_HEAD ? LIVE__PART_LINE : LIVE__PART_NONE;
    return size;
}

/* Whether the log was cut under the event that is being given. */
static bool live__is_cut_off(const live__viewer *viewer) {
    return viewer->part != LIVE__PART_NONE && viewer->epoch != viewer->session->log.epoch;
}

/* MHD asks for more of a stream. */
static ssize_t live__pull(void *user, uint64_t position, char *out, size_t room) {
    live__viewer *viewer = (live__viewer *)user;
    live_server *server = viewer->server;
    size_t used = 0;
    (void)position;
    while (used < room && !viewer->is_over && !server->is_closing) {
        if (live__is_cut_off(viewer)) viewer->is_over = true;
        else if (viewer->blob) {
            used +=
                live__take(out + used, room - used, viewer->blob->data, viewer->blob->size, &viewer->blob_at);
            if (viewer->blob_at < viewer->blob->size) break;
            live__blob_drop(&viewer->blob);
            viewer->blob_at = 0;
        } else if (viewer->part != LIVE__PART_NONE) used += live__take_event(viewer, out + used, room - used);
        else if (!live__next(viewer)) break;
    }
    if (used > 0) {
        viewer->active = server->steady;
        return (ssize_t)used;
    }
    if (viewer->is_over || server->is_closing) return MHD_CONTENT_READER_END_OF_STREAM;
    viewer->is_suspended = true;
    MHD_suspend_connection(viewer->connection);
    return 0;
}

static void live__wake(live__viewer *viewer) {
    if (!viewer->is_suspended) return;
    viewer->is_suspended = false;
    MHD_resume_connection(viewer->connection);
}

static void live__presence_changed(live_session *session) {
    live__blob_drop(&session->presence_frame);
    session->presence_version++;
    live__changed(session);
    live__news(session);
}

static void live__viewer_join(live__viewer *viewer, live_session *session) {
    viewer->session = session;
    viewer->session_next = session->first_viewer;
    if (session->first_viewer) session->first_viewer->session_previous = viewer;
    session->first_viewer = viewer;
    session->viewer_count++;
    viewer->next_notice = session->next_notice;
    live__presence_changed(session);
}

static void live__viewer_leave(live__viewer *viewer) {
    live_session *session = viewer->session;
    if (!session) return;
    if (viewer->session_previous) viewer->session_previous->session_next = viewer->session_next;
    else session->first_viewer = viewer->session_next;
    if (viewer->session_next) viewer->session_next->session_previous = viewer->session_previous;
    session->viewer_count--;
    viewer->session = NULL;
    live__presence_changed(session);
}

/* MHD has done with a stream. */
static void live__viewer_free(void *user) {
    live__viewer *viewer = (live__viewer *)user;
    live_server *server = viewer->server;
    live__viewer_leave(viewer);
    if (viewer->previous) viewer->previous->next = viewer->next;
    else server->viewers = viewer->next;
    if (viewer->next) viewer->next->previous = viewer->previous;
    if (server->next_woken == viewer) server->next_woken = viewer->next;
    server->viewer_count--;
    live__blob_drop(&viewer->blob);
    free(viewer);
}

/* Gives viewers without news a sign of life, by which those that have gone are noticed as well. */
static void live__keep_alive(live_server *server) {
    for (live__viewer *viewer = server->viewers; viewer; viewer = viewer->next)
        if (viewer->is_suspended && !viewer->blob && server->steady - viewer->active >= LIVE__KEEP_ALIVE) {
            viewer->blob = live__blob_make(ASM_STR(": keep-alive\n\n"));
            viewer->blob_at = 0;
            live__wake(viewer);
        }
}

/* >>live: answers */

static void live__add_headers(struct MHD_Response *response, const char *type) {
    static const char *const headers[][2] = {
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src "
         "'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    MHD_add_response_header(response, "Content-Type", type);
}

static enum MHD_Result live__queue(struct MHD_Connection *connection, unsigned status,
                                   struct MHD_Response *response) {
    if (!response) return MHD_NO;
    const enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* Adds a header with a value that is not constant. `response` may be NULL. */
static void live__add_header(struct MHD_Response *response, const char *name, const char *value) {
    if (response) MHD_add_response_header(response, name, value);
}

static struct MHD_Response *live__response(const char *type, asm_str text) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.size, (void *)(uintptr_t)text.data, MHD_RESPMEM_MUST_COPY);
    if (response) live__add_headers(response, type);
    return response;
}

static struct MHD_Response *live__json_response(asm_str json) {
    return live__response("application/json", json);
}

/* A reason why not: `code` for programs, `message` for people. */
static struct MHD_Response *live__refusal(const char *code, const char *message) {
    char memory[1024];
    asm_json_writer writer;
    asm_buffer text;
    asm_buffer_init_fixed(&text, memory, sizeof memory);
    asm_json_writer_init(&writer, &text);
    asm_json_begin_object(&writer);
    live__write_text(&writer, "error", asm_str_from(code));
    live__write_text(&writer, "message", asm_str_from(message));
    asm_json_end_object(&writer);
    return live__json_response(asm_buffer_text(&text));
}

static enum MHD_Result live__refuse(struct MHD_Connection *connection, unsigned status, const char *code,
                                    const char *message) {
    struct MHD_Response *response = live__refusal(code, message);
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE) live__add_header(response, "Retry-After", "5");
    return live__queue(connection, status, response);
}

static enum MHD_Result live__no_memory(struct MHD_Connection *connection) {
    return live__refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "no_memory", "out of memory");
}

static enum MHD_Result live__answer_file(live_server *server, struct MHD_Connection *connection,
                                         const char *name, bool sets_cookie) {
    for (size_t i = 0; i < server->options.file_count; i++) {
        const live_file *file = &server->options.files[i];
        if (strcmp(file->name, name) != 0) continue;
        struct MHD_Response *response = MHD_create_response_from_buffer(
            file->size, (void *)(uintptr_t)file->bytes, MHD_RESPMEM_PERSISTENT);
        if (!response) return MHD_NO;
        live__add_headers(response, file->type);
        if (sets_cookie) {
            char cookie[256];
            snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict%s", server->cookie,
                     server->token, server->options.certificate ? "; Secure" : "");
            MHD_add_response_header(response, "Set-Cookie", cookie);
        }
        return live__queue(connection, MHD_HTTP_OK, response);
    }
    return live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is no such file");
}

/* >>live: requests */

static const char *live__header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static const char *live__parameter(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

/* A number without a sign, of at most 19 digits, up to `end`; false for anything else. */
static bool live__read_number(const char *text, const char *end, uint64_t *number) {
    uint64_t value = 0;
    if (text == end || end - text > 19) return false;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9') return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    *number = value;
    return true;
}

/* A parameter that is a number: `*number` stays if it is not given. */
static bool live__number_parameter(struct MHD_Connection *connection, const char *name, uint64_t *number) {
    const char *value = live__parameter(connection, name);
    return !value || live__read_number(value, value + strlen(value), number);
}

/* Takes as long for every text of this length. */
static bool live__is_token(const live_server *server, const char *text) {
    const size_t size = strlen(server->token);
    unsigned difference = 0;
    if (!text || strlen(text) != size) return false;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned)(unsigned char)text[i] ^ (unsigned)(unsigned char)server->token[i];
    return difference == 0;
}

static bool live__equal_ignoring_case(const char *a, const char *b) {
    for (; *a && *b; a++, b++) {
        const char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a,
                   y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y) return false;
    }
    return *a == *b;
}

/* Whether `host` is `name`, with our port or without a port. */
static bool live__is_name(const live_server *server, const char *host, const char *name) {
    char with_port[300];
    snprintf(with_port, sizeof with_port, "%.280s:%u", name, server->port);
    return live__equal_ignoring_case(host, name) || live__equal_ignoring_case(host, with_port);
}

static bool live__is_our_host(const live_server *server, const char *host) {
    for (size_t i = 0; i < LIVE__HOSTS; i++)
        if (server->hosts[i][0] && live__equal_ignoring_case(host, server->hosts[i])) return true;
    for (const char *const *name = server->options.hosts; name && *name; name++)
        if (live__is_name(server, host, *name)) return true;
    return false;
}

static bool live__is_our_origin(const live_server *server, const char *origin) {
    if (strncmp(origin, "http://", 7) == 0) return live__is_our_host(server, origin + 7);
    return strncmp(origin, "https://", 8) == 0 && live__is_our_host(server, origin + 8);
}

typedef struct live__refused {
    unsigned status; /* 0: it is not refused */
    const char *code, *message;
} live__refused;

static live__refused live__make_refused(unsigned status, const char *code, const char *message) {
    live__refused refused;
    refused.status = status;
    refused.code = code;
    refused.message = message;
    return refused;
}

/* Whether the request may be looked at. */
static live__refused live__check(const live_server *server, struct MHD_Connection *connection,
                                 const char *url, const char *method) {
    const char *host = live__header(connection, "Host"), *origin = live__header(connection, "Origin");
    const char *bearer = live__header(connection, "Authorization"),
               *type = live__header(connection, "Content-Type");
    const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, server->cookie);
    const bool is_post = strcmp(method, "POST") == 0, is_api = strncmp(url, "/api/", 5) == 0;
    const bool has_bearer =
        bearer && strncmp(bearer, "Bearer ", 7) == 0 && live__is_token(server, bearer + 7);
    if (!host || !live__is_our_host(server, host))
        return live__make_refused(MHD_HTTP_FORBIDDEN, "bad_host", "this server does not go by that name");
    if (origin && !live__is_our_origin(server, origin))
        return live__make_refused(MHD_HTTP_FORBIDDEN, "bad_origin", "requests from other pages are refused");
    if (!is_post && strcmp(method, "GET") != 0)
        return live__make_refused(MHD_HTTP_METHOD_NOT_ALLOWED, "bad_method", "only GET and POST");
    if ((is_api ||
         (strcmp(url, "/") == 0 && !live__is_token(server, live__parameter(connection, "token")))) &&
        !has_bearer && !live__is_token(server, cookie))
        return live__make_refused(MHD_HTTP_UNAUTHORIZED, "no_token",
                                  "open the address that the program printed when it was started");
    if (!is_post) return live__make_refused(0, NULL, NULL);
    if (!has_bearer && !origin)
        return live__make_refused(MHD_HTTP_FORBIDDEN, "bad_origin", "a POST needs an Origin");
    if (!type || strncmp(type, "application/json", 16) != 0 || (type[16] && type[16] != ';'))
        return live__make_refused(MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "bad_content_type",
                                  "send application/json");
    return live__make_refused(0, NULL, NULL);
}

/* "EPOCH.NUMBER" */
static bool live__read_id(const char *text, uint64_t *epoch, uint64_t *number) {
    const char *point = strchr(text, '.');
    return point && live__read_number(text, point, epoch) &&
           live__read_number(point + 1, point + strlen(point), number);
}

/* A view of the text without half a character at its end. */
static void live__copy_name(char *out, const char *text) {
    size_t size = text ? strlen(text) : 0;
    if (size >= LIVE__NAME_SIZE) {
        size = LIVE__NAME_SIZE - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
            size--;
    }
    if (size > 0) memcpy(out, text, size);
    out[size] = 0;
}

/* Takes the parameters of a stream; NULL, or what is wrong with them. */
static const char *live__read_stream(live_server *server, struct MHD_Connection *connection,
                                     live__viewer *viewer, live_session **session) {
    const char *key = live__parameter(connection, "session"), *list = live__parameter(connection, "list");
    const char *after = live__header(connection, "Last-Event-ID");
    uint64_t last = 0;
    if (!after || !*after) after = live__parameter(connection, "after");
    viewer->wants_list = list && strcmp(list, "1") == 0;
    if (list && !viewer->wants_list && strcmp(list, "0") != 0) return "list is 0 or 1";
    viewer->last_wanted = live__parameter(connection, "last") ? 0 : -1;
    if (!live__number_parameter(connection, "last", &last) || last > INT64_MAX) return "last is a number";
    if (viewer->last_wanted == 0) viewer->last_wanted = (int64_t)last;
    viewer->has_after = key && after && *after;
    if (viewer->has_after && !live__read_id(after, &viewer->after_epoch, &viewer->after_number))
        return "an event's id is EPOCH.NUMBER";
    live__copy_name(viewer->name, live__parameter(connection, "name"));
    *session = key ? live__find(server, true, asm_str_from(key)) : NULL;
    return key || viewer->wants_list ? NULL : "list=1 or session=KEY";
}

static void live__ask_to_load(live_session *session) {
    const live_functions *functions = &session->server->options.functions;
    if (session->is_unloaded && !session->is_loading && functions->load)
        functions->load(functions->user, session);
}

static enum MHD_Result live__answer_stream(live_server *server, struct MHD_Connection *connection) {
    const unsigned most = server->options.max_viewers;
    live_session *session = NULL;
    if (server->viewer_count >= most)
        return live__refuse(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too_many_viewers",
                            "there are as many viewers as this server takes");
    live__viewer *viewer = (live__viewer *)calloc(1, sizeof *viewer);
    if (!viewer) return live__no_memory(connection);
    viewer->server = server;
    viewer->connection = connection;
    const char *wrong = live__read_stream(server, connection, viewer, &session);
    const bool is_missing = !wrong && live__parameter(connection, "session") && !session;
    if (wrong || is_missing) {
        free(viewer);
        return wrong ? live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request", wrong)
                     : live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is no such session");
    }
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, live__pull, viewer, live__viewer_free);
    if (!response) {
        free(viewer);
        return live__no_memory(connection);
    }
    viewer->number = ++server->viewer_number;
    viewer->active = server->steady;
    viewer->has_turn = true;
    viewer->next = server->viewers;
    if (server->viewers) server->viewers->previous = viewer;
    server->viewers = viewer;
    server->viewer_count++;
    if (session) {
        live__viewer_join(viewer, session);
        live__ask_to_load(session);
    }
    live__add_headers(response, "text/event-stream");
    MHD_add_response_header(response, "X-Accel-Buffering", "no");
    return live__queue(connection, MHD_HTTP_OK, response);
}

/* ---- The list, searched ---- */

static bool live__contains(asm_str text, asm_str word) {
    for (size_t i = 0; i + word.size <= text.size; i++) {
        size_t at = 0;
        while (at < word.size) {
            char a = text.data[i + at], b = word.data[at];
            if (a >= 'A' && a <= 'Z') a = (char)(a + 32);
            if (b >= 'A' && b <= 'Z') b = (char)(b + 32);
            if (a != b) break;
            at++;
        }
        if (at == word.size) return true;
    }
    return false;
}

/* Whether each word of `words` is in one of the row's texts. */
static bool live__has_words(const live_session *session, const live_row *row, const char *words) {
    const asm_str texts[5] = {row->title, row->directory, row->agent, row->what,
                              asm_str_make(session->id, session->id_size)};
    for (;;) {
        bool is_found = false;
        words += strspn(words, " ");
        const asm_str word = asm_str_make(words, strcspn(words, " "));
        if (word.size == 0) return true;
        for (size_t i = 0; i < sizeof texts / sizeof *texts && !is_found; i++)
            is_found = live__contains(texts[i], word);
        if (!is_found) return false;
        words += word.size;
    }
}

typedef struct live__search {
    const char *lane, *agent, *directory, *words;
    uint64_t limit, offset;
} live__search;

static bool live__matches(live_session *session, const live__search *search, live_row *row) {
    live__describe(session, row);
    if (search->lane && strcmp(search->lane, live__lane_name(row->lane)) != 0) return false;
    if (search->agent && !asm_str_equal(asm_str_from(search->agent), row->agent)) return false;
    if (search->directory && !asm_str_equal(asm_str_from(search->directory), row->directory)) return false;
    return !search->words || live__has_words(session, row, search->words);
}

/* For qsort(): by lane, and as they are listed. */
static int live__compare_sessions(const void *a, const void *b) {
    static const int ranks[LIVE_LANES] = {4, 1, 0, 3, 2}; /* of idle, working, needs_you, done, failed */
    const live_session *one = *(live_session *const *)a, *other = *(live_session *const *)b;
    if (one->lane != other->lane) return ranks[one->lane] - ranks[other->lane];
    return live__comes_before(one, other) ? -1 : 1;
}

static void live__write_found(live_server *server, asm_json_writer *writer, live_session **found,
                              size_t count, const live__search *search) {
    live__begin_list(server, writer);
    live__write_names(server, writer, true);
    live__write_names(server, writer, false);
    live__write_number(writer, "total", count);
    asm_json_write_key(writer, ASM_STR("rows"));
    asm_json_begin_array(writer);
    for (size_t i = (size_t)(search->offset < count ? search->offset : count); i < count; i++)
        if (i - search->offset < search->limit) live__write_described(writer, found[i]);
    asm_json_end_array(writer);
    asm_json_end_object(writer);
}

static enum MHD_Result live__answer_list(live_server *server, struct MHD_Connection *connection) {
    live__search search = {live__parameter(connection, "lane"),
                           live__parameter(connection, "agent"),
                           live__parameter(connection, "directory"),
                           live__parameter(connection, "q"),
                           100,
                           0};
    asm_json_writer writer;
    size_t count = 0;
    if (!live__number_parameter(connection, "limit", &search.limit) || search.limit > 1000 ||
        !live__number_parameter(connection, "offset", &search.offset))
        return live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request",
                            "limit is a number to 1000, offset a number");
    live_session **found = (live_session **)malloc((server->session_count + 1) * sizeof(live_session *));
    if (!found) return live__no_memory(connection);
    live__look_at_rows(server);
    for (size_t i = 0; i < server->session_count; i++) {
        live_row row;
        if (live__matches(server->sessions[i], &search, &row)) found[count++] = server->sessions[i];
    }
    qsort(found, count, sizeof(live_session *), live__compare_sessions);
    asm_buffer_clear(&server->scratch);
    asm_json_writer_init(&writer, &server->scratch);
    live__write_found(server, &writer, found, count, &search);
    free(found);
    if (asm_json_writer_finish(&writer) != ASM_OK) return live__no_memory(connection);
    return live__queue(connection, MHD_HTTP_OK, live__json_response(asm_buffer_text(&server->scratch)));
}

/* ---- History ---- */

/* Waits until the session is loaded. */
static enum MHD_Result live__wait_for_session(live_session *session, live__request *request,
                                              struct MHD_Connection *connection) {
    live_server *server = session->server;
    live__ask_to_load(session);
    request->is_waiting = true;
    request->connection = connection;
    request->next_waiting = server->waiting_requests;
    server->waiting_requests = request;
    MHD_suspend_connection(connection);
    return MHD_YES;
}

static void live__wake_waiting(live_server *server) {
    while (server->waiting_requests) {
        live__request *request = server->waiting_requests;
        server->waiting_requests = request->next_waiting;
        request->is_waiting = false;
        MHD_resume_connection(request->connection);
    }
}

/* Makes the span from `*first` to before `end` at most LIVE__MAX_HISTORY bytes by leaving out events at its beginning;
 * one stays. */
static bool live__shorten(live_session *session, uint64_t *first, uint64_t end) {
    uint64_t begin_offset, end_offset;
    if (!live__log_find(session, end, &end_offset)) return false;
    for (;;) {
        if (!live__log_find(session, *first, &begin_offset)) return false;
        if (end_offset - begin_offset <= LIVE__MAX_HISTORY || *first + 1 >= end) return true;
        *first = *first + (end - *first) / 2;
    }
}

static bool live__write_history(live_session *session, uint64_t first, uint64_t end, asm_buffer *out) {
    uint64_t offset;
    char head[48];
    if (!live__log_find(session, first, &offset)) return false;
    for (uint64_t number = first; number < end; number++) {
        snprintf(head, sizeof head, "{\"number\":%" PRIu64 ",\"event\":", number);
        asm_buffer_append(out, asm_str_from(head));
        if (!live__log_read_line(session, &offset, out)) return false;
        asm_buffer_append(out, ASM_STR("}\n"));
        if (out->size > LIVE__MAX_HISTORY) break;
    }
    return out->result == ASM_OK;
}

static enum MHD_Result live__answer_history(live_session *session, struct MHD_Connection *connection) {
    const uint64_t count = session->log.count;
    uint64_t after = 0, before = count + 1, limit = 500, epoch = session->log.epoch;
    char text[24];
    asm_buffer out;
    if (!live__number_parameter(connection, "after", &after) ||
        !live__number_parameter(connection, "before", &before) ||
        !live__number_parameter(connection, "limit", &limit) ||
        !live__number_parameter(connection, "epoch", &epoch) || limit > 5000)
        return live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request",
                            "after, before, limit (to 5000) and epoch are numbers");
    if (epoch != session->log.epoch)
        return live__refuse(connection, MHD_HTTP_CONFLICT, "other_epoch", "the session's log began anew");
    if (before > count + 1) before = count + 1;
    uint64_t first = after < count ? after + 1 : count + 1, end = before;
    bool is_read = true;
    asm_buffer_init_growing(&out);
    if (first < end) {
        const bool is_last = live__parameter(connection, "before") && !live__parameter(connection, "after");
        if (end - first > limit && is_last) first = end - limit;
        else if (end - first > limit) end = first + limit;
        is_read = (!is_last || live__shorten(session, &first, end)) &&
                  live__write_history(session, first, end, &out);
    }
    struct MHD_Response *response = is_read ? live__response("application/x-ndjson", asm_buffer_text(&out))
                                            : live__refusal("unreadable", "the session's log cannot be read");
    asm_buffer_close(&out);
    snprintf(text, sizeof text, "%" PRIu64, session->log.epoch);
    live__add_header(response, "Asm-Epoch", text);
    return live__queue(connection, is_read ? MHD_HTTP_OK : MHD_HTTP_INTERNAL_SERVER_ERROR, response);
}

static enum MHD_Result live__answer_event(live_session *session, struct MHD_Connection *connection) {
    live_server *server = session->server;
    uint64_t number = 0, offset;
    if (!live__number_parameter(connection, "number", &number) || number == 0)
        return live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request", "number is a number from 1");
    if (number > session->log.count)
        return live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is no such event");
    asm_buffer_clear(&server->line);
    if (!live__log_find(session, number, &offset) || !live__log_read_line(session, &offset, &server->line))
        return live__refuse(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "unreadable",
                            "the session's log cannot be read");
    return live__queue(connection, MHD_HTTP_OK, live__json_response(asm_buffer_text(&server->line)));
}

/* Why a function of the program failed. */
static const char *live__reason(const live_server *server, asm_result result) {
    const live_functions *functions = &server->options.functions;
    const char *reason = functions->error ? functions->error(functions->user) : NULL;
    return reason && *reason ? reason : asm_result_string(result);
}

static enum MHD_Result live__answer_state(live_session *session, struct MHD_Connection *connection) {
    live_server *server = session->server;
    const live_functions *functions = &server->options.functions;
    if (!(session->actions & LIVE_CAN_STATE) || !functions->state)
        return live__refuse(connection, MHD_HTTP_FORBIDDEN, "not_allowed",
                            "this session's state is not told");
    asm_buffer_clear(&server->scratch);
    const asm_result result = functions->state(functions->user, session, &server->scratch);
    if (result != ASM_OK) return live__refuse(connection, 422, "refused", live__reason(server, result));
    return live__queue(connection, MHD_HTTP_OK, live__json_response(asm_buffer_text(&server->scratch)));
}

/* ---- Acting ---- */

static live__decision *live__find_decision(const live_session *session, uint64_t interrupt, asm_str call_id) {
    const uint64_t count =
        session->next_decision < LIVE__DECISIONS ? session->next_decision : LIVE__DECISIONS;
    for (uint64_t i = 0; i < count; i++)
        if (session->decisions[i].interrupt == interrupt &&
            asm_str_equal(asm_str_from(session->decisions[i].call_id), call_id))
            return &session->decisions[i];
    return NULL;
}

/* Keeps a decision, and tells viewers. `viewer` may be NULL: it was taken elsewhere. */
static void live__decided(live_session *session, uint64_t interrupt, asm_str call_id, asm_str type,
                          const live__viewer *viewer) {
    asm_json_writer writer;
    if (live__find_decision(session, interrupt, call_id)) return;
    if (!session->decisions)
        session->decisions = (live__decision *)calloc(LIVE__DECISIONS, sizeof *session->decisions);
    char *copy = (char *)malloc(call_id.size + 1);
    asm_buffer_clear(&session->server->scratch);
    asm_json_writer_init(&writer, &session->server->scratch);
    asm_json_begin_object(&writer);
    live__write_number(&writer, "interrupt", interrupt);
    live__write_text(&writer, "tool_call_id", call_id);
    live__write_text(&writer, "type", type);
    if (viewer) live__write_viewer(&writer, viewer);
    asm_json_end_object(&writer);
    live__blob *told =
        session->decisions && copy ? live__blob_make(asm_buffer_text(&session->server->scratch)) : NULL;
    if (!told) {
        free(copy);
        return;
    }
    if (call_id.size > 0) memcpy(copy, call_id.data, call_id.size);
    copy[call_id.size] = 0;
    live__decision *decision = &session->decisions[session->next_decision++ % LIVE__DECISIONS];
    free(decision->call_id);
    live__blob_drop(&decision->frame);
    decision->interrupt = interrupt;
    decision->call_id = copy;
    decision->frame = told;
    live__notice(session, live__frame(session->server, "decided", asm_str_make(told->data, told->size)));
}

static enum MHD_Result live__refuse_decided(live_session *session, struct MHD_Connection *connection,
                                            const live__decision *decision) {
    asm_json_writer writer;
    asm_buffer_clear(&session->server->scratch);
    asm_json_writer_init(&writer, &session->server->scratch);
    asm_json_begin_object(&writer);
    live__write_text(&writer, "error", ASM_STR("already_decided"));
    live__write_text(&writer, "message", ASM_STR("somebody else was first"));
    asm_json_write_key(&writer, ASM_STR("decided"));
    asm_json_write_raw(&writer, asm_str_make(decision->frame->data, decision->frame->size));
    asm_json_end_object(&writer);
    return live__queue(connection, MHD_HTTP_CONFLICT,
                       live__json_response(asm_buffer_text(&session->server->scratch)));
}

/* Goes through the decisions of a body: looks whether one was taken before, or keeps them as taken. */
static live__decision *live__each_decision(live_session *session, asm_str decisions, uint64_t interrupt,
                                           bool are_taken, const live__viewer *viewer) {
    static const asm_str keys[] = {ASM_STR_INIT("tool_call_id"), ASM_STR_INIT("type")};
    asm_json_reader reader;
    asm_buffer scratch;
    asm_str raw, values[2];
    live__decision *found = NULL;
    asm_buffer_init_growing(&scratch);
    asm_json_reader_init(&reader, decisions, NULL);
    asm_json_enter_array(&reader);
    while (!found && asm_json_next_element(&reader)) {
        asm_str call_id = ASM_STR(""), type = ASM_STR("");
        if (!asm_json_read_raw(&reader, &raw) || asm_json_find(raw, keys, values, 2, NULL) != ASM_OK)
            continue;
        asm_buffer_clear(&scratch);
        asm_buffer_reserve(&scratch, 2 * raw.size + 2 * (size_t)ASM_JSON_SCRATCH_SPARE);
        asm_json_to_string(values[0], &scratch, &call_id);
        asm_json_to_string(values[1], &scratch, &type);
        if (are_taken) live__decided(session, interrupt, call_id, type, viewer);
        else found = live__find_decision(session, interrupt, call_id);
    }
    asm_buffer_close(&scratch);
    return found;
}

static const live__viewer *live__acting_viewer(live_session *session, struct MHD_Connection *connection) {
    const char *name = live__parameter(connection, "viewer");
    uint64_t number;
    if (!name || *name != 'v' || !live__read_number(name + 1, name + strlen(name), &number)) return NULL;
    for (const live__viewer *viewer = session->first_viewer; viewer; viewer = viewer->session_next)
        if (viewer->number == number) return viewer;
    return NULL;
}

static enum MHD_Result live__answer_result(live_server *server, struct MHD_Connection *connection,
                                           asm_result result) {
    if (result == ASM_OK)
        return live__queue(connection, MHD_HTTP_OK, live__json_response(ASM_STR("{\"ok\":true}")));
    if (result == ASM_ERR_NOT_FOUND)
        return live__refuse(connection, MHD_HTTP_CONFLICT, "not_waiting", "it does not wait for this");
    if (result == ASM_ERR_NO_MEMORY) return live__no_memory(connection);
    return live__refuse(connection, 422, "refused", live__reason(server, result));
}

static enum MHD_Result live__answer_resume(live_session *session, struct MHD_Connection *connection,
                                           asm_str body) {
    static const asm_str keys[] = {ASM_STR_INIT("interrupt"), ASM_STR_INIT("decisions"),
                                   ASM_STR_INIT("answer")};
    const live_functions *functions = &session->server->options.functions;
    asm_str values[3];
    int64_t interrupt;
    if (asm_json_check(body, NULL) != ASM_OK || asm_json_find(body, keys, values, 3, NULL) != ASM_OK ||
        !asm_json_to_int64(values[0], &interrupt) || interrupt < 0 ||
        (values[1].size > 0) == (values[2].size > 0))
        return live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request",
                            "an object with interrupt, and decisions or answer");
    const live__decision *taken =
        values[1].size ? live__each_decision(session, values[1], (uint64_t)interrupt, false, NULL)
                       : live__find_decision(session, (uint64_t)interrupt, ASM_STR(""));
    if (taken) return live__refuse_decided(session, connection, taken);
    const live__viewer *viewer = live__acting_viewer(session, connection);
    session->deciding = viewer;
    const asm_result result = functions->resume(functions->user, session, body);
    session->deciding = NULL;
    if (result == ASM_OK && values[1].size)
        live__each_decision(session, values[1], (uint64_t)interrupt, true, viewer);
    else if (result == ASM_OK)
        live__decided(session, (uint64_t)interrupt, ASM_STR(""), ASM_STR("answer"), viewer);
    return live__answer_result(session->server, connection, result);
}

static enum MHD_Result live__answer_message(live_session *session, struct MHD_Connection *connection,
                                            asm_str body) {
    const asm_str key = ASM_STR("text");
    const live_functions *functions = &session->server->options.functions;
    asm_str raw, text;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    if (asm_json_check(body, NULL) != ASM_OK || asm_json_find(body, &key, &raw, 1, NULL) != ASM_OK ||
        !asm_json_to_string(raw, &scratch, &text) || text.size == 0) {
        asm_buffer_close(&scratch);
        return live__refuse(connection, MHD_HTTP_BAD_REQUEST, "bad_request", "an object with text");
    }
    const asm_result result = functions->message(functions->user, session, text);
    asm_buffer_close(&scratch);
    return live__answer_result(session->server, connection, result);
}

static enum MHD_Result live__act(live_session *session, struct MHD_Connection *connection, const char *action,
                                 asm_str body) {
    const live_functions *functions = &session->server->options.functions;
    if (strcmp(action, "resume") == 0 && functions->resume && session->actions & LIVE_CAN_RESUME)
        return live__answer_resume(session, connection, body);
    if (strcmp(action, "message") == 0 && functions->message && session->actions & LIVE_CAN_MESSAGE)
        return live__answer_message(session, connection, body);
    if (strcmp(action, "cancel") == 0 && functions->cancel && session->actions & LIVE_CAN_CANCEL)
        return live__answer_result(session->server, connection, functions->cancel(functions->user, session));
    if (strcmp(action, "resume") == 0 || strcmp(action, "message") == 0 || strcmp(action, "cancel") == 0)
        return live__refuse(connection, MHD_HTTP_FORBIDDEN, "not_allowed",
                            session->actions == 0 ? "this session can only be watched"
                                                  : "that cannot be done with this session");
    return live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is no such action");
}

/* ---- Which answer ---- */

static enum MHD_Result live__bad_method(struct MHD_Connection *connection, const char *allowed) {
    struct MHD_Response *response = live__refusal("bad_method", "not this method");
    live__add_header(response, "Allow", allowed);
    return live__queue(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

/* `rest` is KEY/WHAT. */
static enum MHD_Result live__answer_session(live_server *server, struct MHD_Connection *connection,
                                            const char *rest, bool is_post, live__request *request) {
    const char *slash = strchr(rest, '/');
    live_session *session =
        slash ? live__find(server, true, asm_str_make(rest, (size_t)(slash - rest))) : NULL;
    if (!session)
        return live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is no such session");
    const char *what = slash + 1;
    const bool is_history = strcmp(what, "history") == 0, is_event = strcmp(what, "event") == 0;
    const bool is_read = is_history || is_event || strcmp(what, "state") == 0;
    if (is_read == is_post) {
        const bool is_action = !is_read && (strcmp(what, "resume") == 0 || strcmp(what, "message") == 0 ||
                                            strcmp(what, "cancel") == 0);
        if (is_read || is_action) return live__bad_method(connection, is_read ? "GET" : "POST");
        return live__refuse(connection, MHD_HTTP_NOT_FOUND, "not_found", "there is nothing of that name");
    }
    if (is_post) return live__act(session, connection, what, asm_buffer_text(&request->body));
    if ((is_history || is_event) && (session->is_unloaded || session->is_loading))
        return live__wait_for_session(session, request, connection);
    if (is_history) return live__answer_history(session, connection);
    return is_event ? live__answer_event(session, connection) : live__answer_state(session, connection);
}

static enum MHD_Result live__route(live_server *server, struct MHD_Connection *connection, const char *url,
                                   bool is_post, live__request *request) {
    if (strncmp(url, "/api/sessions/", 14) == 0)
        return live__answer_session(server, connection, url + 14, is_post, request);
    if (is_post) return live__bad_method(connection, "GET");
    if (strcmp(url, "/api/list") == 0) return live__answer_list(server, connection);
    if (strcmp(url, "/api/events") == 0) return live__answer_stream(server, connection);
    if (strcmp(url, "/") == 0)
        return live__answer_file(server, connection, "index.html",
                                 live__parameter(connection, "token") != NULL);
    return live__answer_file(server, connection, url + 1, false);
}

static live__connection *live__connection_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? (live__connection *)info->socket_context : NULL;
}

/* Takes a piece of a body. False if there is no end to it. */
static bool live__take_body(live__request *request, const char *data, size_t size) {
    const bool fits = !request->is_refused && request->body.size + size <= LIVE__MAX_BODY &&
                      asm_buffer_append(&request->body, asm_str_make(data, size)) == ASM_OK;
    if (fits) return true;
    request->is_refused = true;
    request->passed_over += size;
    return request->passed_over <= 16 * (size_t)LIVE__MAX_BODY;
}

static enum MHD_Result live__answer(void *user, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data, size_t *size,
                                    void **context) {
    live_server *server = (live_server *)user;
    live__request *request = (live__request *)*context;
    live__connection *mine = live__connection_of(connection);
    (void)version;
    if (!request) { /* the headers have come */
        request = (live__request *)calloc(1, sizeof *request);
        if (!request) return MHD_NO;
        asm_buffer_init_growing(&request->body);
        *context = request;
        return MHD_YES;
    }
    if (*size > 0) {
        const bool goes_on = live__take_body(request, data, *size);
        *size = 0;
        return goes_on ? MHD_YES : MHD_NO;
    }
    if (mine) mine->is_answering = true;
    const live__refused refused = live__check(server, connection, url, method);
    if (refused.status == MHD_HTTP_METHOD_NOT_ALLOWED) return live__bad_method(connection, "GET, POST");
    if (refused.status) return live__refuse(connection, refused.status, refused.code, refused.message);
    if (request->is_refused) return live__refuse(connection, 413, "too_large", "a body has at most 1 MiB");
    return live__route(server, connection, url, strcmp(method, "POST") == 0, request);
}

static void live__request_done(void *user, struct MHD_Connection *connection, void **context,
                               enum MHD_RequestTerminationCode code) {
    live_server *server = (live_server *)user;
    live__request *request = (live__request *)*context;
    live__connection *mine = live__connection_of(connection);
    (void)code;
    if (mine) {
        mine->has_begun = mine->is_answering = false;
        mine->since = server->steady;
    }
    if (!request) return;
    for (live__request **at = &server->waiting_requests; *at; at = &(*at)->next_waiting)
        if (*at == request) {
            *at = request->next_waiting;
            break;
        }
    asm_buffer_close(&request->body);
    free(request);
    *context = NULL;
}

static void live__connection_news(void *user, struct MHD_Connection *connection, void **context,
                                  enum MHD_ConnectionNotificationCode code) {
    live_server *server = (live_server *)user;
    live__connection *mine = (live__connection *)*context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        mine = (live__connection *)calloc(1, sizeof *mine);
        *context = mine;
        if (!mine) return; /* it then has MHD's own limit of time only */
        mine->connection = connection;
        mine->since = server->steady;
        mine->next = server->connections;
        if (mine->next) mine->next->previous = mine;
        server->connections = mine;
        return;
    }
    if (!mine) return;
    if (mine->previous) mine->previous->next = mine->next;
    else server->connections = mine->next;
    if (mine->next) mine->next->previous = mine->previous;
    free(mine);
    *context = NULL;
}

/* The first line of a request has come. */
static void *live__request_begins(void *user, const char *uri, struct MHD_Connection *connection) {
    live__connection *mine = live__connection_of(connection);
    (void)user, (void)uri;
    if (mine) mine->has_begun = true;
    return NULL;
}

/* MHD has no answer to what it has not read; with TLS there is no way past it. */
static void live__tell_slow(const live_server *server, int fd) {
    static const char text[] =
        "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nCache-Control: no-store\r\n"
        "Content-Type: application/json\r\nContent-Length: 66\r\n\r\n"
        "{\"error\":\"too_slow\",\"message\":\"the request took too long to come\"}";
    if (server->options.certificate) return;
    const ssize_t sent = send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* who has closed hears nothing */
}

/* Ends connections that do not get their request done. */
static void live__end_slow(live_server *server) {
    for (live__connection *at = server->connections; at; at = at->next) {
        if (at->is_answering || server->steady - at->since < (int64_t)server->options.patience * 1000)
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(at->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info) continue;
        if (at->has_begun) live__tell_slow(server, info->connect_fd);
        shutdown(info->connect_fd, SHUT_RDWR);
    }
}

/* >>live: server */

static bool live__is_loopback(const struct sockaddr_storage *address) {
    if (address->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        return (ntohl(in.sin_addr.s_addr) >> 24) == 127;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr);
}

/* False if `text` is no address. */
static bool live__read_address(const char *text, unsigned port, struct sockaddr_storage *address) {
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memset(address, 0, sizeof *address);
    memset(&in, 0, sizeof in);
    memset(&in6, 0, sizeof in6);
    in.sin_family = AF_INET;
    in.sin_port = htons((uint16_t)port);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) memcpy(address, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1) memcpy(address, &in6, sizeof in6);
    else return false;
    return true;
}

/* The names that requests may call it by. */
static void live__name_hosts(live_server *server, const char *address) {
    const size_t size = sizeof server->hosts[0];
    const bool is_ipv6 = strchr(address, ':') != NULL;
    snprintf(server->hosts[0], size, "127.0.0.1:%u", server->port);
    snprintf(server->hosts[1], size, "localhost:%u", server->port);
    snprintf(server->hosts[2], size, "[::1]:%u", server->port);
    snprintf(server->hosts[3], size, is_ipv6 ? "[%s]:%u" : "%s:%u", address, server->port);
    snprintf(server->cookie, sizeof server->cookie, "asm_live_%u", server->port);
}

/* As many descriptors as the system lets us have: each viewer is one, and each log that is open. */
static void live__raise_limits(live_server *server) {
    struct rlimit limit;
    size_t most = 256;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
        most = limit.rlim_cur > 100000 ? 100000 : (size_t)limit.rlim_cur;
    }
    const size_t others = server->options.max_viewers + 128;
    server->max_open_logs = most > others + 64 ? most - others : 64;
}

static void live__log_nothing(void *user, const char *format, va_list arguments) {
    (void)user, (void)format, (void)arguments;
}

static bool live__listen(live_server *server, const struct sockaddr_storage *address) {
    const live_server_options *options = &server->options;
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                           (address->ss_family == AF_INET6 ? (unsigned)MHD_USE_IPv6 : 0U) |
                           (options->certificate ? (unsigned)MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)options->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)options->key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (!options->certificate) tls[0].option = MHD_OPTION_END;
    server->daemon = MHD_start_daemon(
        flags, (uint16_t)options->port, NULL, NULL, live__answer, server, MHD_OPTION_EXTERNAL_LOGGER,
        live__log_nothing, NULL, MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)(const void *)address,
        MHD_OPTION_CONNECTION_LIMIT, options->max_viewers + 64U, MHD_OPTION_CONNECTION_TIMEOUT,
        options->patience, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)LIVE__HEADERS,
        MHD_OPTION_NOTIFY_COMPLETED, live__request_done, server, MHD_OPTION_NOTIFY_CONNECTION,
        live__connection_news, server, MHD_OPTION_URI_LOG_CALLBACK, live__request_begins, NULL,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!server->daemon) return false;
    server->descriptor = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return true;
}

static char *live__copy(const char *text) {
    char *copy = text ? (char *)malloc(strlen(text) + 1) : NULL;
    if (copy) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static void live__free_server(live_server *server) {
    while (server->session_count > 0)
        live_session_forget(server->sessions[server->session_count - 1]);
    live__blob_drop(&server->list_frame);
    live__blob_drop(&server->changes_frame);
    asm_buffer_close(&server->gone);
    asm_buffer_close(&server->scratch);
    asm_buffer_close(&server->line);
    free(server->by_id.slots);
    free(server->by_key.slots);
    free(server->sessions);
    free(server->token);
    free(server->directory);
    free(server->chunk);
    free(server);
}

static bool live__is_good_token(const char *token) {
    size_t size = 0;
    for (; token && token[size]; size++)
        if (!live__is_plain(token[size]) || token[size] == '.') return false;
    return size >= 16 && size <= 128;
}

live_server *live_server_start(const live_server_options *options, char error[LIVE_ERROR_SIZE]) {
    const char *address = options->address ? options->address : "127.0.0.1";
    struct sockaddr_storage bound;
    if (!live__is_good_token(options->token) || options->port > 65535 ||
        !live__read_address(address, options->port, &bound)) {
        snprintf(error, LIVE_ERROR_SIZE, "%.100s: no address that can be listened on, or a bad token",
                 address);
        return NULL;
    }
    live_server *server = (live_server *)calloc(1, sizeof *server);
    if (!server) {
        snprintf(error, LIVE_ERROR_SIZE, "out of memory");
        return NULL;
    }
    server->options = *options;
    if (server->options.max_viewers == 0) server->options.max_viewers = LIVE_DEFAULT_VIEWERS;
    if (server->options.patience == 0) server->options.patience = 30;
    server->token = live__copy(options->token);
    server->directory = live__copy(options->directory);
    server->chunk = (char *)malloc(LIVE__CHUNK);
    server->list_version = 1;
    server->steady = live__steady();
    asm_buffer_init_growing(&server->gone);
    asm_buffer_init_growing(&server->scratch);
    asm_buffer_init_growing(&server->line);
    if (!server->token || !server->chunk || (options->directory && !server->directory)) {
        snprintf(error, LIVE_ERROR_SIZE, "out of memory");
        live__free_server(server);
        return NULL;
    }
    server->seed = live__fixed_hash(asm_str_from(server->token));
    live__raise_limits(server);
    if (!live__listen(server, &bound)) {
        snprintf(error, LIVE_ERROR_SIZE, "%.100s port %u: %s", address, options->port,
                 errno ? strerror(errno) : "cannot listen");
        live__free_server(server);
        return NULL;
    }
    server->is_local = live__is_loopback(&bound);
    live__name_hosts(server, address);
    return server;
}

/* Streams end first: MHD cannot be stopped while there are suspended ones. */
void live_server_close(live_server *server) {
    if (!server) return;
    const int64_t until = live__steady() + 1000;
    server->is_closing = true;
    if (server->batch_session) live__log_flush(server->batch_session);
    live__wake_waiting(server);
    for (live__viewer *viewer = server->viewers; viewer; viewer = viewer->next)
        live__wake(viewer);
    MHD_run(server->daemon);
    while (server->viewers && live__steady() < until) {
        const struct timespec pause = {0, 2000000};
        for (live__viewer *viewer = server->viewers; viewer; viewer = viewer->next)
            live__wake(viewer);
        MHD_run(server->daemon);
        if (server->viewers) nanosleep(&pause, NULL);
    }
    MHD_stop_daemon(server->daemon);
    live__free_server(server);
}

unsigned live_server_port(const live_server *server) {
    return server->port;
}

bool live_server_is_local(const live_server *server) {
    return server->is_local;
}

int live_server_descriptor(const live_server *server) {
    return server->descriptor;
}

size_t live_server_viewers(const live_server *server) {
    return server->viewer_count;
}

int live_server_timeout(const live_server *server) {
    MHD_UNSIGNED_LONG_LONG of_daemon;
    int64_t left = server->ticked + LIVE__TICK - live__steady();
    if (server->first_news || server->batch_session || server->next_woken) return 0;
    if (left < 0) left = 0;
    if (MHD_get_timeout(server->daemon, &of_daemon) == MHD_YES && of_daemon < (MHD_UNSIGNED_LONG_LONG)left)
        left = (int64_t)of_daemon;
    return (int)left;
}

/* Once a second. */
static void live__tick(live_server *server) {
    if (server->is_list_changed) {
        live__list_turn(server);
        server->next_woken = server->viewers;
    }
    for (size_t i = 0; i < server->session_count; i++)
        if (server->sessions[i]->log.waiting.size > 0) live__log_flush(server->sessions[i]);
    live__keep_alive(server);
    live__end_slow(server);
}

/* Some of those that are to get the list. */
static void live__wake_for_list(live_server *server) {
    for (int i = 0; i < LIVE__WOKEN && server->next_woken; server->next_woken = server->next_woken->next) {
        live__viewer *viewer = server->next_woken;
        viewer->has_turn =
            viewer->wants_list || (viewer->session && viewer->row_version != viewer->session->row_version);
        if (!viewer->has_turn) continue;
        live__wake(viewer);
        i++;
    }
}

void live_server_turn(live_server *server) {
    if (server->is_turning) return;
    server->is_turning = true;
    server->steady = live__steady();
    if (server->batch_session) live__log_flush(server->batch_session);
    server->batch_session = NULL;
    if (server->steady - server->ticked >= LIVE__TICK) {
        server->ticked = server->steady;
        live__tick(server);
    }
    while (server->first_news) {
        live_session *session = server->first_news;
        server->first_news = session->next_news;
        session->has_news = false;
        for (live__viewer *viewer = session->first_viewer; viewer; viewer = viewer->session_next)
            live__wake(viewer);
    }
    live__wake_for_list(server);
    MHD_run(server->daemon);
    server->is_turning = false;
}

static live_session *live__new_session(live_server *server, asm_str id, bool has_name) {
    if (server->session_count >= LIVE_MAX_SESSIONS) return NULL;
    live_session *session = live__make_session(server, id);
    if (!session) return NULL;
    session->log.has_name = has_name;
    if (!live__add_session(server, session)) {
        live__free_session(session);
        return NULL;
    }
    server->lane_counts[session->lane]++;
    if (has_name) live__log_count(session);
    live__changed(session);
    return session;
}

live_session *live_server_find(const live_server *server, asm_str id) {
    return live__find(server, false, id);
}

live_session *live_server_session(live_server *server, asm_str id) {
    live_session *session = live__find(server, false, id);
    return session ? session : live__new_session(server, id, server->directory != NULL);
}

live_session *live_server_add(live_server *server, asm_str id) {
    return live__find(server, false, id) ? NULL : live__new_session(server, id, false);
}

void live_server_on_event(void *server, const asm_event *event) {
    live_session *session = live_server_session((live_server *)server, event->session_id);
    if (session) live_session_event(session, event);
}

asm_str live_session_id(const live_session *session) {
    return asm_str_make(session->id, session->id_size);
}

void *live_session_user(const live_session *session) {
    return session->user;
}

void live_session_set_user(live_session *session, void *user) {
    session->user = user;
}

live_server *live_session_server(const live_session *session) {
    return session->server;
}

uint64_t live_session_events(const live_session *session) {
    return session->log.count + session->log.waiting_count;
}

size_t live_session_viewers(const live_session *session) {
    return session->viewer_count;
}

void live_session_allow(live_session *session, unsigned actions) {
    if (session->actions == actions) return;
    session->actions = actions;
    live__changed(session);
}

void live_session_touch(live_session *session) {
    live__changed(session);
}

/* A decision: one that is being taken here, or was taken elsewhere. */
static void live__look_for_decision(live_session *session, const asm_event *event) {
    const asm_approval_payload *approval = &event->approval;
    const bool is_granted = event->type == ASM_EVENT_TOOL_APPROVAL_GRANTED;
    if (!is_granted && event->type != ASM_EVENT_TOOL_APPROVAL_DENIED) return;
    if (!approval->interrupt.is_set || approval->interrupt.value < 0 || session->actions == 0) return;
    live__decided(session, (uint64_t)approval->interrupt.value, approval->tool_call_id, approval->decision,
                  session->deciding);
}

asm_result live_session_event(live_session *session, const asm_event *event) {
    asm_buffer *line = &session->server->line;
    asm_buffer_clear(line);
    asm_result result = asm_event_write_json(event, line);
    if (result == ASM_OK) result = live__log_append(session, asm_buffer_text(line));
    live__look_for_decision(session, event);
    return result;
}

asm_result live_session_debug_event(live_session *session, const asm_event *event) {
    asm_buffer *line = &session->server->line;
    if (session->viewer_count == 0) return ASM_OK;
    asm_buffer_clear(line);
    const asm_result result = asm_event_write_json(event, line);
    if (result != ASM_OK) return result;
    live__blob *frame = live__frame(session->server, "debug", asm_buffer_text(line));
    live__notice(session, frame);
    return frame ? ASM_OK : ASM_ERR_NO_MEMORY;
}

asm_result live_session_each(live_session *session, asm_event_callback callback, void *user) {
    uint64_t offset = 0;
    asm_buffer line, scratch;
    asm_event event;
    asm_result result = ASM_OK;
    asm_buffer_init_growing(&line);
    asm_buffer_init_growing(&scratch);
    for (uint64_t i = 0; i < session->log.count && result == ASM_OK; i++) {
        asm_buffer_clear(&line);
        asm_buffer_clear(&scratch);
        if (!live__log_read_line(session, &offset, &line)) result = ASM_ERR_OPEN;
        else if (asm_event_read_json(&event, asm_buffer_text(&line), &scratch, NULL) == ASM_OK)
            callback(user, &event);
    }
    asm_buffer_close(&line);
    asm_buffer_close(&scratch);
    return result;
}

void live_session_rewind(live_session *session) {
    live__log *log = &session->log;
    live__log_flush(session);
    session->is_unloaded = false;
    session->is_loading = true;
    log->is_comparing = log->count > 0;
    log->same_count = log->same_size = 0;
}

void live_session_loaded(live_session *session) {
    live__log *log = &session->log;
    if (log->is_comparing && log->same_count < log->count)
        live__log_cut(session, log->same_count, log->same_size);
    log->is_comparing = false;
    if (!session->is_loading) return;
    live__log_flush(session);
    session->is_loading = false;
    live__wake_waiting(session->server);
    live__changed(session);
    live__news(session);
}

void live_session_unload(live_session *session) {
    live__log *log = &session->log;
    if (session->viewer_count > 0 || log->has_name) return;
    if (session->server->chunk_session == session) session->server->chunk_session = NULL;
    if (session->server->batch_session == session) session->server->batch_session = NULL;
    live__log_close(session);
    asm_buffer_close(&log->waiting);
    asm_buffer_init_growing(&log->waiting);
    free(log->marks);
    log->marks = NULL;
    log->mark_capacity = 0;
    log->size = log->count = log->waiting_count = log->missed = log->epoch = 0;
    log->is_comparing = false;
    session->is_unloaded = true;
    session->is_loading = false;
}

bool live_session_is_loaded(const live_session *session) {
    return !session->is_unloaded && !session->is_loading;
}

/* Takes it out of what is listed, and remembers that it has gone. */
static void live__unlist(live_session *session) {
    live_server *server = session->server;
    for (int lane = 0; lane < LIVE_LANES; lane++)
        for (size_t i = 0; i < server->window_count[lane]; i++)
            if (server->window[lane][i] == session) {
                server->window_count[lane]--;
                memmove(&server->window[lane][i], &server->window[lane][i + 1],
                        (server->window_count[lane] - i) * sizeof(live_session *));
                asm_buffer_append(&server->gone, asm_str_make(session->key, strlen(session->key) + 1));
            }
}

void live_session_forget(live_session *session) {
    live_server *server = session->server;
    const live_functions *functions = &server->options.functions;
    live_session **news = &server->first_news;
    if (functions->forget) functions->forget(functions->user, session);
    live__log_flush(session);
    while (session->first_viewer) {
        session->first_viewer->is_over = true;
        live__wake(session->first_viewer);
        live__viewer_leave(session->first_viewer);
    }
    live__unlist(session);
    while (*news && *news != session)
        news = &(*news)->next_news;
    if (*news) *news = session->next_news;
    if (server->chunk_session == session) server->chunk_session = NULL;
    if (server->batch_session == session) server->batch_session = NULL;
    live__log_close(session);
    server->lane_counts[session->lane]--;
    server->sessions[session->at] = server->sessions[--server->session_count];
    server->sessions[session->at]->at = session->at;
    live__index_again(server);
    for (size_t i = 0; i < LIVE__NOTICES; i++)
        live__blob_drop(&session->notices[i]);
    for (size_t i = 0; session->decisions && i < LIVE__DECISIONS; i++) {
        free(session->decisions[i].call_id);
        live__blob_drop(&session->decisions[i].frame);
    }
    free(session->decisions);
    live__blob_drop(&session->row_frame);
    live__blob_drop(&session->presence_frame);
    asm_buffer_close(&session->log.waiting);
    free(session->log.marks);
    server->is_list_changed = true;
    live__free_session(session);
}

#endif
