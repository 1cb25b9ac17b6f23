/* SPDX-License-Identifier: MIT OR Unlicense */
#include "transport.h"

#include "../common/messages.h"
#include "provider.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_SECONDS = 30, GET_MILLISECONDS = 1000, MOST_DESCRIPTORS = 64 };

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

void transport_move(struct transport *transport) {
    CURLM *multi = (CURLM *)transport->multi;
    int running, left;
    const CURLMsg *message;
    curl_multi_perform(multi, &running);
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        char *transfer = NULL;
        if (message->msg != CURLMSG_DONE) continue;
        const CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish((struct transfer *)(void *)transfer, code);
    }
}

void transport_wait(struct transport *transport, struct pollfd *descriptors, size_t count, int milliseconds) {
    struct curl_waitfd waited[MOST_DESCRIPTORS];
    if (count > MOST_DESCRIPTORS) count = MOST_DESCRIPTORS;
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        descriptors[i].revents = 0;
        if (descriptors[i].fd < 0) continue;
        waited[used].fd = descriptors[i].fd;
        waited[used].events = descriptors[i].events & POLLIN ? CURL_WAIT_POLLIN : CURL_WAIT_POLLOUT;
        waited[used++].revents = 0;
    }
    const int most = milliseconds < 0 ? 3600 * 1000 : milliseconds;
    curl_multi_poll((CURLM *)transport->multi, waited, (unsigned)used, most, NULL);
    for (size_t i = 0, at = 0; i < count; i++)
        if (descriptors[i].fd >= 0) descriptors[i].revents = waited[at++].revents ? descriptors[i].events : 0;
    transport_move(transport);
}

/* ---- All together ---- */

void transport_init(struct transport *transport, const struct provider *provider) {
    memset(transport, 0, sizeof *transport);
    transport->provider = provider;
    transport->multi = curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? curl_multi_init() : NULL;
    if (!transport->multi) die("libcurl cannot be set up");
}

void transport_close(struct transport *transport) {
    while (transport->transfers) {
        struct transfer *transfer = transport->transfers;
        transport->transfers = transfer->next;
        release(transfer);
    }
    curl_multi_cleanup((CURLM *)transport->multi);
    curl_global_cleanup();
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
