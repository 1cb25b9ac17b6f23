/* SPDX-License-Identifier: MIT OR Unlicense */
#include "transport.h"

#include "../common/messages.h"
#include "provider.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CONNECT_SECONDS = 30, GET_MILLISECONDS = 1000, MOST_DESCRIPTORS = 64 };

#define NOT_DUE INT64_MAX

/* A request under way. */
struct transfer {
    struct transfer *next;
    struct transport *transport;
    asm_llm_exchange exchange;
    CURL *easy;
    struct curl_slist *headers;
    asm_buffer body;
    char error[CURL_ERROR_SIZE];
};

static void release(struct transfer *transfer) {
    if (transfer->easy) {
        curl_multi_remove_handle((CURLM *)transfer->transport->multi, transfer->easy);
        curl_easy_cleanup(transfer->easy);
    }
    curl_slist_free_all(transfer->headers);
    asm_buffer_close(&transfer->body);
    free(transfer);
}

static void drop(struct transfer *transfer) {
    struct transfer **link = &transfer->transport->transfers;
    while (*link != transfer)
        link = &(*link)->next;
    *link = transfer->next;
    release(transfer);
}

/* ---- What arrives ---- */

static size_t take_header(char *line, size_t one, size_t size, void *user) {
    const struct transfer *transfer = (const struct transfer *)user;
    const asm_result result = asm_llm_take_header(transfer->exchange, asm_str_make(line, one * size));
    return result == ASM_OK ? one * size : 0;
}

static size_t take_body(char *data, size_t one, size_t size, void *user) {
    const struct transfer *transfer = (const struct transfer *)user;
    return asm_llm_take_body(transfer->exchange, data, one * size) == ASM_OK ? one * size : 0;
}

/* ---- Sending ---- */

static bool add_header(struct transfer *transfer, const char *line) {
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer) transfer->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct transfer *transfer, const asm_llm_request *request) {
    const char *key = transfer->transport->provider->key_header;
    bool is_whole = add_header(transfer, "Expect:") && (!key || add_header(transfer, key));
    for (size_t i = 0; i < request->header_count; i++)
        is_whole = is_whole && add_header(transfer, request->headers[i]);
    return is_whole;
}

/* Only over HTTP, to nowhere else: a redirect would take the key along. A machine talks with itself without a proxy. */
static void set_options(struct transfer *transfer, const char *url) {
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.size);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "asm-agent/" ASM_VERSION);
    if (transfer->transport->provider->is_loopback) curl_easy_setopt(easy, CURLOPT_PROXY, "");
}

static asm_result start(void *user, asm_llm_request *request) {
    struct transport *transport = (struct transport *)user;
    char url[2 * PROVIDER_URL_SIZE + 64];
    struct transfer *transfer = (struct transfer *)calloc(1, sizeof *transfer);
    if (!transfer) return ASM_ERR_NO_MEMORY;
    transfer->transport = transport;
    transfer->exchange = request->exchange;
    asm_buffer_init_growing(&transfer->body);
    asm_result result = asm_llm_write_body(request, &transfer->body);
    transfer->easy = curl_easy_init();
    snprintf(url, sizeof url, "%s%s%s", transport->provider->url, request->path, transport->provider->query);
    if (result == ASM_OK && (!transfer->easy || !add_headers(transfer, request))) result = ASM_ERR_NO_MEMORY;
    if (result == ASM_OK) {
        set_options(transfer, url);
        if (curl_multi_add_handle((CURLM *)transport->multi, transfer->easy) != CURLM_OK)
            result = ASM_ERR_OPEN;
    }
    if (result != ASM_OK) {
        release(transfer);
        return result;
    }
    transfer->next = transport->transfers;
    transport->transfers = transfer;
    return ASM_OK;
}

static void cancel(void *user, asm_llm_exchange exchange) {
    struct transport *transport = (struct transport *)user;
    for (struct transfer *transfer = transport->transfers; transfer; transfer = transfer->next) {
        if (transfer->exchange.llm != exchange.llm || transfer->exchange.number != exchange.number) continue;
        drop(transfer);
        return;
    }
}

asm_llm_transport transport_table(struct transport *transport) {
    const asm_llm_transport table = {start, cancel, transport};
    return table;
}

/* ---- Waiting ---- */

/* Failures that stay what they are however often it is tried, and what may be wrong; NULL: another one. */
static const char *hint_of(CURLcode code) {
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
        return ": does this port speak https?";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
        return "";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return ": does this port speak http, or https?";
    default:
        return NULL;
    }
}

static void finish(struct transfer *transfer, CURLcode code) {
    char text[CURL_ERROR_SIZE + PROVIDER_URL_SIZE + 64];
    const asm_llm_exchange exchange = transfer->exchange;
    const asm_str host = transfer->transport->provider->host;
    const char *hint = hint_of(code);
    snprintf(text, sizeof text, "%.*s: %s%s", (int)host.size, host.data,
             transfer->error[0] ? transfer->error : curl_easy_strerror(code), hint ? hint : "");
    drop(transfer);
    if (hint) asm_llm_take_header(exchange, ASM_STR("x-should-retry: false"));
    asm_llm_end(exchange, asm_str_from(code == CURLE_OK ? NULL : text));
}

static void take_finished(CURLM *multi) {
    const CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        char *transfer = NULL;
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish((struct transfer *)(void *)transfer, code);
    }
}

static int64_t steady_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* What libcurl tells of when it wants to be called: so a turn of the loop costs what has happened, not what waits. */
static int set_timer(CURLM *multi, long milliseconds, void *user) {
    (void)multi;
    ((struct transport *)user)->due =
        milliseconds < 0 ? NOT_DUE : steady_clock() + (int64_t)milliseconds * 1000;
    return 0;
}

/* Only when a connection begins or ends, or turns from sending to receiving: so it may look for it. */
static int set_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *unused) {
    struct transport *transport = (struct transport *)user;
    size_t at = 0;
    (void)easy;
    (void)unused;
    while (at < transport->socket_count && transport->sockets[at].fd != socket)
        at++;
    if (what == CURL_POLL_REMOVE) {
        if (at < transport->socket_count)
            transport->sockets[at] = transport->sockets[--transport->socket_count];
        return 0;
    }
    if (at + MOST_DESCRIPTORS >= transport->socket_room) {
        const size_t room = 2 * transport->socket_room + MOST_DESCRIPTORS + 1;
        struct pollfd *more = (struct pollfd *)realloc(transport->sockets, room * sizeof *more);
        if (!more) return -1;
        transport->sockets = more;
        transport->socket_room = room;
    }
    const int events = (what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0);
    transport->sockets[at] = (struct pollfd){socket, (short)events, 0};
    transport->socket_count += at == transport->socket_count;
    return 0;
}

void transport_move(struct transport *transport) {
    CURLM *multi = (CURLM *)transport->multi;
    int running;
    if (transport->due <= steady_clock()) {
        transport->due = NOT_DUE;
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_finished(multi);
}

/* From the end: one that is removed is replaced by one that was looked at, and new ones have nothing yet. */
static void move_sockets(struct transport *transport) {
    for (size_t i = transport->socket_count; i-- > 0;) {
        if (i >= transport->socket_count || !transport->sockets[i].revents) continue;
        const short events = transport->sockets[i].revents;
        const int what = (events & (POLLIN | POLLHUP) ? CURL_CSELECT_IN : 0) |
                         (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
                         (events & (POLLERR | POLLNVAL) ? CURL_CSELECT_ERR : 0);
        int running;
        transport->sockets[i].revents = 0;
        curl_multi_socket_action((CURLM *)transport->multi, transport->sockets[i].fd, what, &running);
    }
}

/* Rounded up: who comes too early is sent away again. */
static int milliseconds_left(const struct transport *transport) {
    const int64_t left = transport->due == NOT_DUE ? INT_MAX : (transport->due - steady_clock() + 999) / 1000;
    return left < 0 ? 0 : left < INT_MAX ? (int)left : INT_MAX;
}

void transport_wait(struct transport *transport, struct pollfd *descriptors, size_t count, int milliseconds) {
    const size_t sockets = transport->socket_count;
    if (count > MOST_DESCRIPTORS) count = MOST_DESCRIPTORS;
    const int most = milliseconds_left(transport);
    if (milliseconds < 0 || most < milliseconds) milliseconds = most;
    if (count) memcpy(transport->sockets + sockets, descriptors, count * sizeof *descriptors);
    const int ready = poll(transport->sockets, (nfds_t)(sockets + count), milliseconds);
    if (ready < 0) /* by a signal, say: there is nothing */
        for (size_t i = 0; i < sockets + count; i++)
            transport->sockets[i].revents = 0;
    for (size_t i = 0; i < count; i++)
        descriptors[i].revents = transport->sockets[sockets + i].revents;
    if (ready > 0) move_sockets(transport);
    transport_move(transport);
}

/* ---- All together ---- */

void transport_init(struct transport *transport, const struct provider *provider) {
    memset(transport, 0, sizeof *transport);
    transport->provider = provider;
    transport->due = NOT_DUE;
    transport->socket_room = MOST_DESCRIPTORS + 1;
    transport->sockets = (struct pollfd *)calloc(transport->socket_room, sizeof *transport->sockets);
    CURLM *multi = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_multi_init() : NULL;
    if (!multi || !transport->sockets) die("libcurl cannot be set up");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, transport);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, transport);
    transport->multi = multi;
}

void transport_close(struct transport *transport) {
    while (transport->transfers) {
        struct transfer *transfer = transport->transfers;
        transport->transfers = transfer->next;
        release(transfer);
    }
    curl_multi_cleanup((CURLM *)transport->multi);
    curl_global_cleanup();
    free(transport->sockets);
}

static size_t append(char *data, size_t one, size_t size, void *out) {
    return asm_buffer_append((asm_buffer *)out, asm_str_make(data, one * size)) == ASM_OK ? one * size : 0;
}

bool transport_get(const char *url, asm_buffer *out) {
    CURL *easy = curl_easy_init();
    if (!easy) return false;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)GET_MILLISECONDS);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, out);
    const bool is_there = curl_easy_perform(easy) == CURLE_OK;
    curl_easy_cleanup(easy);
    return is_there;
}
