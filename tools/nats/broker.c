/* SPDX-License-Identifier: MIT OR Unlicense */
#include "broker.h"

#include "../common/clock.h"
#include "../common/messages.h"
#include "../common/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PRESENCE_MS = 5000, TOLD_MS = 2000, BOUND_MS = 5000, CLOSED_MS = 2000, WRITE_MS = 5000 };

void must(natsStatus status, const char *what) {
    if (status != NATS_OK) die("%s: %s", what, natsStatus_GetText(status));
}

/* ---- Connecting ---- */

static void add_servers(natsOptions *settings, const char *urls) {
    enum { SERVERS = 16 };
    const char *servers[SERVERS];
    int count = 0;
    char *text = strdup(urls); /* kept by nobody: natsOptions copies */
    for (char *url = text ? strtok(text, ",") : NULL; url && count < SERVERS; url = strtok(NULL, ","))
        servers[count++] = url;
    must(natsOptions_SetServers(settings, servers, count), "the servers");
    free(text);
}

/* With it, connecting goes on in a thread of the library, and a signal is not kept waiting. */
static void on_connected(natsConnection *connection, void *closure) {
    (void)connection, (void)closure;
}

/* Nothing on standard error: what the user has to know is told by broker_look(). */
static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus status,
                     void *closure) {
    (void)connection, (void)subscription, (void)status, (void)closure;
}

/* The server is there, and does not want us as we are. */
static bool is_refusal(natsStatus status) {
    return status == NATS_CONNECTION_AUTH_FAILED || status == NATS_SECURE_CONNECTION_WANTED ||
           status == NATS_SECURE_CONNECTION_REQUIRED || status == NATS_SSL_ERROR;
}

static void make_connection(struct broker *to) {
    const struct nats_options *given = to->given;
    natsOptions *settings = NULL;
    const char *text;
    jsOptions js;
    must(natsOptions_Create(&settings), "libnats");
    add_servers(settings, given->urls);
    natsOptions_SetMaxReconnect(settings, -1);
    natsOptions_SetReconnectWait(settings, 200);
    natsOptions_SetWriteDeadline(settings, WRITE_MS);
    natsOptions_SetRetryOnFailedConnect(settings, true, on_connected, NULL);
    natsOptions_SetErrorHandler(settings, on_error, NULL);
    if (given->credentials)
        must(natsOptions_SetUserCredentialsFromFiles(settings, given->credentials, NULL), given->credentials);
    if (given->tls || given->ca_file) must(natsOptions_SetSecure(settings, true), "TLS");
    if (given->ca_file) must(natsOptions_LoadCATrustedCertificates(settings, given->ca_file), given->ca_file);
    const natsStatus status = natsConnection_Connect(&to->connection, settings);
    if (status != NATS_NOT_YET_CONNECTED) must(status, "the servers");
    to->is_refused = status != NATS_OK && is_refusal(natsConnection_GetLastError(to->connection, &text));
    natsOptions_Destroy(settings);
    jsOptions_Init(&js);
    js.Wait = ACK_MS;
    must(natsConnection_JetStream(&to->stream, to->connection, &js), "JetStream");
}

void broker_connect(struct broker *to, const struct nats_options *given) {
    memset(to, 0, sizeof *to);
    to->given = given;
    to->begun = steady_ms();
    make_connection(to);
}

static void drop_connection(struct broker *of) {
    kvStore_Destroy(of->presence);
    jsCtx_Destroy(of->stream);
    natsConnection_Destroy(of->connection);
    of->presence = NULL;
}

/* The library gives up when a server refuses us, or answers nothing though it is there. The connection is called closed for a
 * moment also while it is made again. What goes to a queue is kept meanwhile. */
static void check_closed(struct broker *to, natsConnStatus status) {
    static const char words[] = "no server lets us in: look at user, password, credentials and TLS";
    if (status != NATS_CONN_STATUS_CLOSED) {
        to->closed = 0;
        return;
    }
    const char *text;
    to->is_refused |= is_refusal(natsConnection_GetLastError(to->connection, &text));
    nats_Sleep(50);
    if (to->closed == 0) to->closed = steady_ms();
    if (steady_ms() - to->closed < CLOSED_MS) return;
    if (to->is_refused && !to->given->append) die("%s", words);
    if (to->is_refused && !to->is_refusal_told) complain("%s", words);
    to->is_refusal_told |= to->is_refused;
    to->closed = 0;
    drop_connection(to);
    make_connection(to);
}

bool broker_is_closed(const struct broker *to) {
    return natsConnection_Status(to->connection) == NATS_CONN_STATUS_CLOSED;
}

void broker_look(struct broker *to) {
    const natsConnStatus status = natsConnection_Status(to->connection);
    check_closed(to, status);
    if (status == NATS_CONN_STATUS_CONNECTED) to->was_connected = true;
    if (to->was_connected || steady_ms() - to->begun < TOLD_MS) return;
    if (to->given->is_bounded && !to->is_refused && steady_ms() - to->begun > BOUND_MS)
        die("no server answers");
    if (!to->is_told) complain("no server answers yet");
    to->is_told = true;
}

int broker_close(struct broker *from, int status) {
    signals_end_within(CLOSE_S, status);
    drop_connection(from);
    nats_Close();
    return status;
}

/* ---- The stream ---- */

bool broker_make_stream(struct broker *to, int64_t until) {
    jsStreamConfig config;
    char subjects[256];
    const char *list[] = {subjects};
    jsStreamInfo *info = NULL;
    bool is_there = false;
    snprintf(subjects, sizeof subjects, "%s.>", to->given->prefix);
    jsStreamConfig_Init(&config);
    config.Name = to->given->prefix;
    config.Subjects = list;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = to->given->replicas;
    config.Duplicates = INT64_C(600) * 1000000000;
    for (;;) {
        is_there = js_GetStreamInfo(&info, to->stream, config.Name, NULL, NULL) == NATS_OK ||
                   js_AddStream(&info, to->stream, &config, NULL, NULL) == NATS_OK;
        if (is_there || (until > 0 ? steady_ms() >= until : stop_signal() != 0)) break;
        broker_look(to);
        nats_Sleep(200);
    }
    jsStreamInfo_Destroy(info);
    return is_there;
}

/* ---- Presence: a key for each publisher, which goes away by itself ---- */

static void open_presence(struct broker *to) {
    kvConfig config;
    char bucket[256];
    snprintf(bucket, sizeof bucket, "%s_presence", to->given->prefix);
    if (to->presence || js_KeyValue(&to->presence, to->stream, bucket) == NATS_OK) return;
    kvConfig_Init(&config);
    config.Bucket = bucket;
    config.TTL = INT64_C(3000000) * PRESENCE_MS; /* in nanoseconds */
    config.Replicas = (int)to->given->replicas;
    js_CreateKeyValue(&to->presence, to->stream, &config);
}

void broker_tell_presence(struct broker *to, const char *log) {
    static int64_t next;
    asm_buffer status;
    asm_json_writer writer;
    char memory[1024];
    if (steady_ms() < next) return;
    next = steady_ms() + 1000; /* if that fails */
    open_presence(to);
    asm_buffer_init_fixed(&status, memory, sizeof memory - 1);
    asm_json_writer_init(&writer, &status);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("log"));
    asm_json_write_string(&writer, asm_str_from(log));
    asm_json_end_object(&writer);
    if (status.result != ASM_OK) return;
    memory[status.size] = '\0';
    if (to->presence && kvStore_PutString(NULL, to->presence, to->given->name, memory) == NATS_OK)
        next = steady_ms() + PRESENCE_MS;
}

int nats_who(const struct nats_options *given) {
    struct broker of;
    kvKeysList keys = {NULL, 0};
    kvWatchOptions settings;
    signals_end_within(2 * END_S, EXIT_FAILED);
    broker_connect(&of, given);
    open_presence(&of);
    if (!of.presence) die("no answer from the servers");
    kvWatchOptions_Init(&settings);
    settings.Timeout = BOUND_MS;
    const natsStatus status = kvStore_Keys(&keys, of.presence, &settings);
    for (int i = 0; i < keys.Count; i++)
        puts(keys.Keys[i]);
    kvKeysList_Destroy(&keys);
    return broker_close(&of, status == NATS_OK || status == NATS_NOT_FOUND ? 0 : 1);
}
