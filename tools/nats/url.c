/* SPDX-License-Identifier: MIT OR Unlicense */
#include "url.h"

#include "../common/messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = 5 }; /* of an event's subject */

/* ---- The servers ---- */

/* Appends nats://USER@HOST for each of the hosts, with commas between them. */
static void write_servers(asm_buffer *out, const char *hosts, size_t size) {
    const char *at = (const char *)memchr(hosts, '@', size), *end = hosts + size;
    const asm_str user = asm_str_make(hosts, at ? (size_t)(at + 1 - hosts) : 0);
    for (const char *host = hosts + user.size; host < end;) {
        const char *comma = (const char *)memchr(host, ',', (size_t)(end - host));
        const char *stop = comma ? comma : end;
        if (out->size > 0) asm_buffer_append_byte(out, ',');
        asm_buffer_append(out, ASM_STR("nats://"));
        asm_buffer_append(out, user);
        asm_buffer_append(out, asm_str_make(host, (size_t)(stop - host)));
        host = stop + 1;
    }
    asm_buffer_append_byte(out, '\0');
}

/* ---- The subject ---- */

/* How many levels it has; 0 if it is none. */
static int count_levels(const char *subject) {
    int levels = 1;
    for (const char *p = subject; *p; p++) {
        const bool is_end = p[1] == '.' || p[1] == '\0';
        if (*p <= ' ' || *p > '~') return 0;
        if (*p == '.' && (p == subject || is_end)) return 0;
        if (*p == '>' && p[1]) return 0;
        levels += *p == '.';
    }
    return *subject && strcspn(subject, "*>.") > 0 ? levels : 0;
}

/* The first level is the prefix, which is the stream's name; with more of them only these events are asked for. */
static void take_subject(struct nats_url *url, asm_buffer *out, const char *subject, bool reads) {
    const int levels = count_levels(subject);
    const size_t first = strcspn(subject, "."), size = strlen(subject);
    if (levels == 0) die("%s: after the host comes a subject: nats://HOST/asm", url->shown);
    if (!reads && levels > 1) die("%s: events are published below one name: nats://HOST/asm", url->shown);
    const size_t prefix = out->size;
    asm_buffer_append(out, asm_str_make(subject, first));
    asm_buffer_append_byte(out, '\0');
    const size_t filter = out->size;
    asm_buffer_append(out, asm_str_make(subject, size));
    if (levels < LEVELS && size > 0 && subject[size - 1] != '>') asm_buffer_append(out, ASM_STR(".>"));
    asm_buffer_append_byte(out, '\0');
    if (out->result != ASM_OK) die("%s", asm_result_string(out->result));
    url->options.urls = out->data;
    url->options.prefix = out->data + prefix;
    url->options.filter = levels > 1 ? out->data + filter : NULL;
}

/* ---- Parameters ---- */

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* %XX becomes the byte, in place. */
static void decode(char *text) {
    char *out = text;
    for (; *text; text++) {
        const bool is_escape = *text == '%' && hex(text[1]) >= 0 && hex(text[2]) >= 0;
        *out++ = is_escape ? (char)(hex(text[1]) * 16 + hex(text[2])) : *text;
        if (is_escape) text += 2;
    }
    *out = '\0';
}

static int64_t number_in(const struct nats_url *url, const char *name, const char *value) {
    int64_t number;
    if (!asm_json_to_int64(asm_str_from(value), &number) || number < 1 || number > INT64_C(1) << 50)
        die("%s: %s must be a number from 1 on", url->shown, name);
    return number;
}

/* At most half a year. */
static int seconds_in(const struct nats_url *url, const char *name, const char *value) {
    const int64_t seconds = number_in(url, name, value), most = 0xFFFFFF;
    return (int)(seconds < most ? seconds : most);
}

static void take_parameter(struct nats_url *url, const char *name, const char *value, bool reads) {
    struct nats_options *options = &url->options;
    const struct {
        const char *name, **place;
        bool is_input, is_output;
    } texts[] = {{"from", &options->from, true, false},         {"after", &options->after, true, false},
                 {"not-from", &options->not_from, true, false}, {"name", &options->name, false, true},
                 {"queue", &url->queue, false, true},           {"creds", &options->credentials, true, true},
                 {"tls-ca", &options->ca_file, true, true}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0 && (reads ? texts[i].is_input : texts[i].is_output) && *value) {
            *texts[i].place = value;
            return;
        }
    if (strcmp(name, "tls") == 0 && strcmp(value, "yes") == 0) options->tls = true;
    else if (!reads && strcmp(name, "limit") == 0) options->limit = number_in(url, name, value);
    else if (!reads && strcmp(name, "replicas") == 0) options->replicas = number_in(url, name, value);
    else if (strcmp(name, "wait") == 0) options->patience = seconds_in(url, name, value);
    else
        die("%s: unknown parameter %s=%s: there are %s", url->shown, name, value,
            reads ? "from, after, not-from, wait, creds, tls=yes, tls-ca"
                  : "queue, limit, wait, name, replicas, creds, tls=yes, tls-ca");
}

static void take_parameters(struct nats_url *url, char *text, bool reads) {
    while (text && *text) {
        char *next = strchr(text, '&');
        if (next) *next++ = '\0';
        char *value = strchr(text, '=');
        if (value) *value++ = '\0';
        if (value) decode(value);
        take_parameter(url, text, value ? value : "", reads);
        text = next;
    }
}

void nats_url_read(struct nats_url *url, const char *text, bool reads) {
    asm_buffer memory;
    memset(url, 0, sizeof *url);
    url->options.limit = 64 << 20;
    url->options.replicas = 1;
    url->options.patience = reads ? 30 : 10;
    asm_buffer_init_growing(&memory);
    const size_t scheme = strlen("nats://");
    const char *rest = strncmp(text, "nats://", scheme) == 0 ? text + scheme : "";
    const size_t hosts = strcspn(rest, "/?");
    const char *at = (const char *)memchr(rest, '@', hosts);
    const char *shown = at ? at + 1 : rest;
    snprintf(url->shown, sizeof url->shown, "nats://%.*s", (int)strcspn(shown, "?"), shown);
    if (hosts == 0 || rest + hosts == shown) die("%s: must be nats://HOST/SUBJECT", url->shown);
    url->text = strdup(rest + hosts); /* for what is taken apart in place */
    if (!url->text) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    char *parameters = strchr(url->text, '?');
    if (parameters) *parameters++ = '\0';
    write_servers(&memory, rest, hosts);
    take_subject(url, &memory, *url->text == '/' ? url->text + 1 : "", reads);
    take_parameters(url, parameters, reads);
}
