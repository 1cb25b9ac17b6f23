/* SPDX-License-Identifier: MIT OR Unlicense */
/* A session as AG-UI over WebSocket (libwebsockets), for a page that shows it:
 *
 *     agent | wire_websocket [PORT [ORIGIN]]        any stream or log that asm_ingest.h reads
 *
 * Prints its address, ws://127.0.0.1:PORT. Who connects gets what has happened so far, each finished message in one piece,
 * and then what happens: text messages of one or more lines, a JSON value each. Browsers name the page that connects; only
 * those of ORIGIN (http://localhost:3000) may, as any page could else read the session. Ends when its input has ended and all
 * who are there have everything. */
#define ASM_IMPLEMENTATION
#include "asm_ingest.h"
#include "asm_wire.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_WAITING ((size_t)16 << 20) /* bytes for one who reads too slowly */

typedef struct client {
    struct client *next;
    struct lws *connection;
    asm_buffer waiting; /* what is not sent yet, after LWS_PRE bytes for the library */
} client;

static struct {
    struct lws_context *context;
    asm_ingest ingest;
    asm_wire wire;
    client *clients;
    const char *origin;
    bool has_ended;
} server;

static asm_result queue_for(void *user, const char *data, size_t size) {
    client *to = (client *)user;
    static const char room[LWS_PRE];
    if (to->waiting.size == 0) asm_buffer_append(&to->waiting, asm_str_make(room, sizeof room));
    lws_callback_on_writable(to->connection);
    return asm_buffer_append(&to->waiting, asm_str_make(data, size));
}

/* The wire's output: the frames of one event, for all who are there. */
static asm_result queue_for_all(void *user, const char *data, size_t size) {
    (void)user;
    for (client *each = server.clients; each; each = each->next)
        queue_for(each, data, size);
    return ASM_OK; /* who cannot take it is no fault of the wire: see send_waiting() */
}

static int read_input(void) {
    static char bytes[1 << 16];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    if (size > 0) {
        asm_ingest_feed(&server.ingest, bytes, (size_t)size, 0);
        return 0;
    }
    asm_ingest_end(&server.ingest, 0);
    asm_wire_close(&server.wire);
    server.has_ended = true;
    for (client *each = server.clients; each; each = each->next)
        lws_callback_on_writable(each->connection);
    lws_cancel_service(server.context);
    return -1; /* nothing more is read */
}

static bool may_connect(struct lws *connection) {
    char origin[256];
    const int size = lws_hdr_total_length(connection, WSI_TOKEN_ORIGIN);
    if (size <= 0) return true; /* no browser */
    return server.origin && lws_hdr_copy(connection, origin, sizeof origin, WSI_TOKEN_ORIGIN) > 0 &&
           strcmp(origin, server.origin) == 0;
}

static int begin_client(client *self, struct lws *connection) {
    const asm_output output = {.write = queue_for, .user = self};
    memset(self, 0, sizeof *self);
    self->connection = connection;
    asm_buffer_init_growing(&self->waiting);
    if (!server.has_ended && asm_wire_catch_up(&server.wire, &output) != ASM_OK) return -1;
    self->next = server.clients;
    server.clients = self;
    if (server.has_ended) lws_callback_on_writable(connection);
    return 0;
}

static void end_client(client *self) {
    client **at = &server.clients;
    while (*at && *at != self)
        at = &(*at)->next;
    if (*at) *at = self->next;
    asm_buffer_close(&self->waiting);
}

static int send_waiting(client *self) {
    asm_buffer *waiting = &self->waiting;
    if (waiting->result != ASM_OK || waiting->size > MOST_WAITING) return -1;
    if (waiting->size > LWS_PRE) {
        const size_t size = waiting->size - LWS_PRE;
        if (lws_write(self->connection, (unsigned char *)waiting->data + LWS_PRE, size, LWS_WRITE_TEXT) < 0)
            return -1;
        asm_buffer_clear(waiting);
        lws_callback_on_writable(self->connection);
        return 0;
    }
    if (!server.has_ended) return 0;
    lws_close_reason(self->connection, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
    return -1;
}

static int on_event(struct lws *connection, enum lws_callback_reasons reason, void *user, void *data,
                    size_t size) {
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
        return read_input();
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return may_connect(connection) ? 0 : -1;
    case LWS_CALLBACK_ESTABLISHED:
        return begin_client((client *)user, connection);
    case LWS_CALLBACK_CLOSED:
        end_client((client *)user);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return send_waiting((client *)user);
    default:
        return lws_callback_http_dummy(connection, reason, user, data, size);
    }
}

static const struct lws_protocols protocols[] = {{"ag-ui", on_event, sizeof(client), 1024, 0, NULL, 0},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

static bool listen_at(int port) {
    struct lws_context_creation_info info;
    lws_sock_file_fd_type input;
    struct lws_vhost *host;
    memset(&info, 0, sizeof info);
    info.port = port;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    lws_set_log_level(LLL_ERR, NULL);
    server.context = lws_create_context(&info);
    host = server.context ? lws_get_vhost_by_name(server.context, "default") : NULL;
    input.filefd = STDIN_FILENO;
    if (!host || !lws_adopt_descriptor_vhost(host, LWS_ADOPT_RAW_FILE_DESC, input, "ag-ui", NULL))
        return false;
    printf("ws://127.0.0.1:%d\n", lws_get_vhost_listen_port(host));
    fflush(stdout);
    return true;
}

int main(int argc, char **argv) {
    const asm_wire_options options = {.format = ASM_WIRE_AG_UI,
                                      .framing = ASM_WIRE_FRAMING_LINES,
                                      .output = {.write = queue_for_all},
                                      .history = (size_t)64 << 20};
    const asm_ingest_options reading = {.on_event = asm_wire_on_event, .user = &server.wire};
    server.origin = argc > 2 ? argv[2] : NULL;
    if (asm_wire_init(&server.wire, &options) != ASM_OK ||
        asm_ingest_init(&server.ingest, &reading) != ASM_OK)
        return 1;
    if (!listen_at(argc > 1 ? atoi(argv[1]) : 0)) {
        fprintf(stderr, "wire_websocket: it cannot listen\n");
        return 1;
    }
    while (!(server.has_ended && !server.clients) && lws_service(server.context, 0) >= 0)
        ;
    if (!server.has_ended) asm_wire_close(&server.wire);
    asm_ingest_close(&server.ingest);
    lws_context_destroy(server.context);
    return 0;
}
