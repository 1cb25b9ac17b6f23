/* SPDX-License-Identifier: MIT OR Unlicense */
#include "pages.h"

#include "../common/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct live {
    live_server *server;
    struct live_host host;
    void (*load)(void *user, live_session *session);
    void *load_user;
    char what[2 * WATCHED_TEXT]; /* of the row that was described last */
    char *certificate, *key;     /* allocated */
};

static asm_time current_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (asm_time)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- What viewers do ---- */

static void describe(void *user, live_session *session, live_row *row) {
    struct live *live = (struct live *)user;
    const struct tracked *tracked = live_tracked(session);
    if (tracked) tracked_describe(tracked, live->what, row);
}

static asm_result resume(void *user, live_session *session, asm_str json) {
    const struct live_host *host = &((struct live *)user)->host;
    return host->resume(host->user, live_session_id(session), json);
}

static asm_result message(void *user, live_session *session, asm_str text) {
    const struct live_host *host = &((struct live *)user)->host;
    return host->message(host->user, live_session_id(session), text);
}

static asm_result cancel(void *user, live_session *session) {
    const struct live_host *host = &((struct live *)user)->host;
    return host->cancel(host->user, live_session_id(session));
}

static asm_result state(void *user, live_session *session, asm_buffer *out) {
    const struct live_host *host = &((struct live *)user)->host;
    return host->state(host->user, live_session_id(session), out);
}

static const char *error_text(void *user) {
    const struct live_host *host = &((struct live *)user)->host;
    return host->error ? host->error(host->user) : NULL;
}

static void load(void *user, live_session *session) {
    struct live *live = (struct live *)user;
    if (live->load) live->load(live->load_user, session);
}

static void forget(void *user, live_session *session) {
    struct tracked *tracked = (struct tracked *)live_session_user(session);
    (void)user;
    if (tracked) tracked_close(tracked);
    free(tracked);
    live_session_set_user(session, NULL);
}

static unsigned actions_of(const struct live_host *host, asm_str session) {
    const bool can_cancel = host->cancel && (!host->can_cancel || host->can_cancel(host->user, session));
    return (host->resume ? LIVE_CAN_RESUME : 0u) | (host->message ? LIVE_CAN_MESSAGE : 0u) |
           (can_cancel ? LIVE_CAN_CANCEL : 0u) | (host->state ? LIVE_CAN_STATE : 0u);
}

/* ---- Start ---- */

/* The whole of a file, as text; ends the program if it cannot be read. */
static char *read_file(const char *path) {
    enum { MOST = 1024 * 1024 };
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) die("%s: %s", path, strerror(errno));
    if (status.st_size >= MOST) die("%s: is no certificate or key", path);
    char *text = (char *)malloc((size_t)status.st_size + 1);
    if (!text) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    const ssize_t got = read(fd, text, (size_t)status.st_size);
    if (got < 0) die("%s: %s", path, strerror(errno));
    text[got] = 0;
    close(fd);
    return text;
}

/* Tells where the page is. A network that can read along is not told in passing. */
static void tell_address(const struct live *live, const struct live_settings *settings, const char *token) {
    const char *address = settings->address ? settings->address : "127.0.0.1";
    const bool is_any = strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    const bool is_ipv6 = strchr(address, ':') != NULL;
    char name[300];
    if (is_any && settings->host_count > 0) snprintf(name, sizeof name, "%.290s", settings->hosts[0]);
    else snprintf(name, sizeof name, is_ipv6 ? "[%s]" : "%s", address);
    const bool has_port = strchr(name, ':') != NULL && !is_ipv6;
    char port[16] = "";
    if (!has_port) snprintf(port, sizeof port, ":%u", live_server_port(live->server));
    fprintf(settings->tells_stdout ? stdout : stderr, "%s://%s%s/?token=%s\n",
            settings->certificate ? "https" : "http", name, port, token);
    fflush(stdout);
    if (is_any && settings->host_count == 0)
        complain("%s has no name: give the one that browsers use with --host, others are refused", address);
    if (live_server_is_local(live->server) || settings->certificate) return;
    complain("WARNING: %s can be reached from other machines, and without TLS: whoever can read along on the "
             "network sees all sessions and the token, and can then do what you can. Give --tls-cert and "
             "--tls-key, or "
             "let a proxy do it.",
             address);
}

struct live *live_start(const struct live_settings *settings, const struct live_host *host) {
    struct live *live = (struct live *)calloc(1, sizeof *live);
    const char *token = state_token();
    char error[LIVE_ERROR_SIZE];
    live_server_options options;
    if (!live) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    if (host) live->host = *host;
    memset(&options, 0, sizeof options);
    options.address = settings->address;
    options.port = (unsigned)settings->port;
    options.token = token;
    options.hosts = settings->hosts;
    options.files = page_files;
    options.file_count = page_file_count;
    options.directory = settings->directory;
    options.max_viewers = (unsigned)settings->viewers;
    options.functions.describe = describe;
    options.functions.resume = host && host->resume ? resume : NULL;
    options.functions.message = host && host->message ? message : NULL;
    options.functions.cancel = host && host->cancel ? cancel : NULL;
    options.functions.state = host && host->state ? state : NULL;
    options.functions.error = error_text;
    options.functions.load = load;
    options.functions.forget = forget;
    options.functions.user = live;
    if (!settings->certificate != !settings->key) die("--tls-cert and --tls-key go together");
    if (settings->certificate) options.certificate = live->certificate = read_file(settings->certificate);
    if (settings->key) options.key = live->key = read_file(settings->key);
    live->server = live_server_start(&options, error);
    if (!live->server) die("%s", error);
    tell_address(live, settings, token);
    return live;
}

/* ---- Events ---- */

live_server *live_server_of(const struct live *live) {
    return live->server;
}

void live_on_load(struct live *live, void (*load_session)(void *user, live_session *session), void *user) {
    live->load = load_session;
    live->load_user = user;
}

struct tracked *live_tracked(live_session *session) {
    struct tracked *tracked = (struct tracked *)live_session_user(session);
    if (tracked) return tracked;
    tracked = (struct tracked *)calloc(1, sizeof *tracked);
    live_session_set_user(session, tracked);
    return tracked;
}

void live_take(live_session *session, const asm_event *event, asm_time now) {
    struct tracked *tracked = live_tracked(session);
    if (tracked) tracked_event(tracked, event, now);
    live_session_event(session, event);
}

void live_on_event(void *user, const asm_event *event) {
    struct live *live = (struct live *)user;
    live_session *session = live_server_session(live->server, event->session_id);
    if (!session) return;
    live_session_allow(session, actions_of(&live->host, event->session_id));
    live_take(session, event, current_time());
}

void live_on_debug_event(void *user, const asm_event *event) {
    struct live *live = (struct live *)user;
    live_session *session = live_server_find(live->server, event->session_id);
    if (session) live_session_debug_event(session, event);
}

int live_descriptor(const struct live *live) {
    return live_server_descriptor(live->server);
}

int live_timeout(const struct live *live) {
    return live_server_timeout(live->server);
}

void live_turn(struct live *live) {
    live_server_turn(live->server);
}

void live_end(struct live *live) {
    if (!live) return;
    live_server_close(live->server);
    free(live->certificate);
    free(live->key);
    free(live);
}
