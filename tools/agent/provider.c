/* SPDX-License-Identifier: MIT OR Unlicense */
#include "provider.h"

#include "../common/messages.h"
#include "transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#else
#include <sys/resource.h>
#endif

static const char llama_url[] = "http://127.0.0.1:8080", ollama_url[] = "http://127.0.0.1:11434";

const char *api_choice(int index) {
    return asm_llm_api_name((asm_llm_api)index);
}

/* ---- Secrets ---- */

/* Not by memset(), which compilers leave out before free(). */
static void wipe(char *text, size_t size) {
    volatile char *bytes = text;
    for (size_t i = 0; i < size; i++)
        bytes[i] = '\0';
}

static void forget(char *secret) {
    if (secret) wipe(secret, strlen(secret));
    free(secret);
}

static char *copy_text(const char *text, size_t size) {
    char *copy = (char *)malloc(size + 1);
    if (!copy) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static void add_secret(struct provider *provider, const char *text, size_t size) {
    if (size == 0) return;
    if (provider->secret_count == PROVIDER_SECRETS) die("-u: the URL has too many parameters");
    char *copy = copy_text(text, size);
    provider->kept[provider->secret_count] = copy;
    provider->secrets[provider->secret_count++] = asm_str_make(copy, size);
}

/* A part of the URL: as it is written there, and what it stands for. */
static char *add_part(struct provider *provider, const char *text, size_t size) {
    int decoded_size;
    char *decoded = curl_easy_unescape(NULL, text, (int)size, &decoded_size);
    if (!decoded) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    add_secret(provider, text, size);
    if ((size_t)decoded_size != size) add_secret(provider, decoded, (size_t)decoded_size);
    return decoded;
}

static void end_part(char *decoded) {
    wipe(decoded, strlen(decoded));
    curl_free(decoded);
}

/* What libcurl sends of a user's name and password: base64 of NAME:PASSWORD. */
static void add_credentials(struct provider *provider, const char *text, bool has_password) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char sent[4 * PROVIDER_URL_SIZE / 3 + 8] = {0};
    const size_t size = strlen(text) + !has_password;
    size_t out = 0;
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) {
            const char c = i + k >= size ? '\0' : text[i + k] ? text[i + k] : ':';
            bits = bits << 8 | (unsigned char)c;
        }
        for (size_t k = 0; k < 4; k++)
            sent[out++] = i + k > size ? '=' : digits[bits >> (18 - 6 * k) & 63];
    }
    add_secret(provider, sent, out);
    wipe(sent, out);
}

/* No core of this process is written to a file, and on Linux no other process of the user looks into its memory. What
 * it starts is not held. */
static void hide_memory(void) {
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#else
    struct rlimit limit;
    if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &limit);
#endif
}

/* ---- URLs ---- */

static bool ends_with(const char *text, const char *end) {
    const size_t size = strlen(text), less = strlen(end);
    return size >= less && strcmp(text + size - less, end) == 0;
}

/* Finds the host of the URL; what stands before it, a user's name and password, is a secret. */
static void read_host(struct provider *provider) {
    const char *begin = strstr(provider->url, "://");
    begin = begin ? begin + 3 : provider->url;
    provider->host = asm_str_make(begin, strcspn(begin, "/"));
    for (size_t i = provider->host.size; i-- > 0;) {
        if (begin[i] != '@') continue;
        const char *colon = (const char *)memchr(begin, ':', i);
        char *decoded = add_part(provider, begin, i);
        add_credentials(provider, decoded, colon != NULL);
        end_part(decoded);
        if (colon) end_part(add_part(provider, colon + 1, (size_t)(begin + i - colon - 1)));
        provider->host = asm_str_make(begin + i + 1, provider->host.size - i - 1);
        return;
    }
}

enum { SHORTEST_KEY = 6 }; /* shorter values of a query, a version's number say, are none */

/* Takes the query off the URL: its values may be keys. */
static void split_query(struct provider *provider) {
    provider->url[strcspn(provider->url, "#")] = '\0';
    char *mark = strchr(provider->url, '?');
    if (!mark) return;
    snprintf(provider->query, sizeof provider->query, "%s", mark);
    *mark = '\0';
    for (const char *at = provider->query; *at; at += strcspn(at, "&")) {
        at += strcspn(at + 1, "=&") + 1;
        const size_t size = *at == '=' ? strcspn(at + 1, "&") : 0;
        if (size >= SHORTEST_KEY) end_part(add_part(provider, at + 1, size));
    }
}

/* Where it is no number, the host may be a part of a password that has characters which end it. */
static void check_port(asm_str host) {
    size_t at = host.size;
    while (at > 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9')
        at--;
    const bool has_colon = at > 0 && host.data[at - 1] == ':' && host.data[0] != '[';
    const size_t name = at - has_colon;
    if (host.data[0] != '[' && memchr(host.data, ':', name))
        die("-u: the port is no number (a password has %%2F, %%3F and %%23 for /, ? and #)");
}

static bool is_loopback(asm_str host) {
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const size_t size = strlen(names[i]);
        if (host.size >= size && memcmp(host.data, names[i], size) == 0 &&
            (host.size == size || host.data[size] == ':'))
            return true;
    }
    return false;
}

/* Takes `end` off the URL. */
static bool cut(char *url, const char *end) {
    if (!ends_with(url, end)) return false;
    url[strlen(url) - strlen(end)] = '\0';
    return true;
}

/* Keeps what comes before the path of requests, and returns the API that the path tells; -1 if it tells none. */
static int take_url(struct provider *provider, const char *url) {
    static const struct {
        const char *end;
        int api;
    } paths[] = {{"/messages", ASM_LLM_ANTHROPIC},
                 {"/chat/completions", ASM_LLM_OPENAI},
                 {"/responses", ASM_LLM_RESPONSES},
                 {"/api/chat", ASM_LLM_OLLAMA}};
    const char *scheme = strstr(url, "://") ? "" : "http://";
    int api = -1;
    if ((size_t)snprintf(provider->url, sizeof provider->url, "%s%s", scheme, url) >= sizeof provider->url)
        die("-u: the URL is too long");
    if (strncmp(provider->url, "https://", 8) != 0 && strncmp(provider->url, "http://", 7) != 0)
        die("-u: a URL begins with https:// or http://");
    split_query(provider);
    while (cut(provider->url, "/"))
        continue;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && api < 0; i++)
        if (cut(provider->url, paths[i].end)) api = paths[i].api;
    cut(provider->url, "/v1"); /* which the path of a request has */
    read_host(provider);
    check_port(provider->host);
    provider->is_loopback = is_loopback(provider->host);
    return api;
}

static int api_of_host(asm_str host) {
    const char *name = "anthropic";
    for (size_t i = 0; i + strlen(name) <= host.size; i++)
        if (memcmp(host.data + i, name, strlen(name)) == 0) return ASM_LLM_ANTHROPIC;
    return ASM_LLM_OPENAI;
}

/* ---- Keys ---- */

/* A copy of a variable, whose bytes are then wiped out: the environment of a process can be read from outside. */
static char *take_variable(const char *name) {
    char *value = getenv(name);
    if (!value || !*value) return NULL;
    char *copy = copy_text(value, strlen(value));
    wipe(value, strlen(value));
    unsetenv(name);
    return copy;
}

/* Takes the key, which goes over no wire that others can read. */
static void keep_key(struct provider *provider, char *key, const char *variable) {
    const char *name = provider->api == ASM_LLM_ANTHROPIC ? "x-api-key: " : "Authorization: Bearer ";
    if (!key) return;
    if (strpbrk(key, "\r\n")) die("%s has a line break in it", variable);
    if (!provider->is_loopback && strncmp(provider->url, "https://", 8) != 0) {
        complain("%s is not sent: %.*s is not asked over https", variable, (int)provider->host.size,
                 provider->host.data);
        forget(key);
        return;
    }
    const size_t size = strlen(name) + strlen(key) + 1;
    provider->key = key;
    add_secret(provider, key, strlen(key));
    provider->key_header = (char *)malloc(size);
    if (!provider->key_header) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    snprintf(provider->key_header, size, "%s%s", name, key);
}

/* ---- Models on this machine ---- */

/* The first text `member` of an object in the array `list` of `json`. */
static bool first_name(asm_str json, const char *list, const char *member, char *out, size_t size) {
    const asm_str keys[2] = {asm_str_from(list), asm_str_from(member)};
    asm_str raw, value, text;
    asm_json_reader reader;
    asm_buffer scratch;
    bool is_found = false;
    asm_buffer_init_growing(&scratch);
    if (asm_json_find(json, &keys[0], &raw, 1, NULL) == ASM_OK && raw.data) {
        asm_json_reader_init(&reader, raw, NULL);
        is_found = asm_json_enter_array(&reader) && asm_json_next_element(&reader) &&
                   asm_json_read_raw(&reader, &raw) &&
                   asm_json_find(raw, &keys[1], &value, 1, NULL) == ASM_OK &&
                   asm_json_to_string(value, &scratch, &text) && text.size > 0 && text.size < size;
        if (is_found) snprintf(out, size, "%.*s", (int)text.size, text.data);
    }
    asm_buffer_close(&scratch);
    return is_found;
}

/* Asks a server which models it has; false if there is none. */
static bool ask_for_model(struct provider *provider, const char *path, const char *list, const char *member) {
    char url[PROVIDER_URL_SIZE + 32];
    asm_buffer answer;
    asm_buffer_init_growing(&answer);
    snprintf(url, sizeof url, "%s%s", provider->url, path);
    const bool is_there = transport_get(url, &answer);
    if (is_there && !provider->model[0])
        first_name(asm_buffer_text(&answer), list, member, provider->model, sizeof provider->model);
    asm_buffer_close(&answer);
    return is_there;
}

static void find_local(struct provider *provider) {
    take_url(provider, llama_url);
    provider->api = ASM_LLM_OPENAI;
    if (ask_for_model(provider, "/v1/models", "data", "id")) return;
    take_url(provider, ollama_url);
    provider->api = ASM_LLM_OLLAMA;
    if (ask_for_model(provider, "/api/tags", "models", "name")) return;
    die("--local: there is neither llama.cpp at %s nor Ollama at %s", llama_url, ollama_url);
}

/* ---- All together ---- */

void provider_init(struct provider *provider, const struct provider_settings *settings) {
    char *anthropic = take_variable("ANTHROPIC_API_KEY"), *openai = take_variable("OPENAI_API_KEY");
    memset(provider, 0, sizeof *provider);
    if (settings->model && (size_t)snprintf(provider->model, sizeof provider->model, "%s", settings->model) >=
                               sizeof provider->model)
        die("-m: the name is too long");
    if (settings->is_local && !settings->url) {
        find_local(provider);
    } else if (settings->url) {
        const int api = take_url(provider, settings->url);
        provider->api = (asm_llm_api)(settings->api >= 0 ? settings->api
                                      : api >= 0         ? api
                                                         : api_of_host(provider->host));
    } else if (anthropic || openai) {
        provider->api = settings->api >= 0 ? (asm_llm_api)settings->api
                        : anthropic        ? ASM_LLM_ANTHROPIC
                                           : ASM_LLM_OPENAI;
        take_url(provider,
                 provider->api == ASM_LLM_ANTHROPIC ? "https://api.anthropic.com" : "https://api.openai.com");
    } else {
        die("no model to ask: set ANTHROPIC_API_KEY or OPENAI_API_KEY, or give -u URL or --local");
    }
    const bool is_anthropic = provider->api == ASM_LLM_ANTHROPIC;
    forget(is_anthropic ? openai : anthropic);
    if (settings->is_local) forget(is_anthropic ? anthropic : openai);
    else
        keep_key(provider, is_anthropic ? anthropic : openai,
                 is_anthropic ? "ANTHROPIC_API_KEY" : "OPENAI_API_KEY");
    if (provider->secret_count > 0) hide_memory();
    if (!provider->model[0] && is_anthropic && !settings->url) strcpy(provider->model, "claude-sonnet-4-5");
    if (!provider->model[0]) die("which model? -m MODEL");
}

void provider_free(struct provider *provider) {
    forget(provider->key);
    forget(provider->key_header);
    for (size_t i = 0; i < provider->secret_count; i++)
        forget(provider->kept[i]);
}
