/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

#include "../common/messages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 16 * 1024, SLICE = 8, TOLD_LIMIT = 10, AGAIN_PAUSE = 1000 }; /* both in milliseconds */

/* ---- Sessions ---- */

static void own(struct remote_source *source, live_session *session) {
    if ((source->owned_count & (source->owned_count + 1)) == 0) { /* 0, 1, 3, 7, …: full */
        live_session **grown =
            (live_session **)realloc(source->owned, (2 * source->owned_count + 1) * sizeof(live_session *));
        if (!grown) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
        source->owned = grown;
    }
    source->owned[source->owned_count++] = session;
    if (source->is_loading) live_session_rewind(session);
}

static void end_loading(struct remote_source *source) {
    source->is_loading = false;
    for (size_t i = 0; i < source->owned_count; i++)
        live_session_loaded(source->owned[i]);
}

static void note_number(struct remote_source *source, asm_str members) {
    const asm_str key = ASM_STR("nats_sequence");
    asm_str raw;
    int64_t number;
    if (asm_json_find(members, &key, &raw, 1, NULL) == ASM_OK && raw.data &&
        asm_json_to_int64(raw, &number) && number > source->last)
        source->last = number;
}

static void on_event(void *user, const asm_event *event) {
    struct remote_source *source = (struct remote_source *)user;
    bool is_new = false;
    live_session *session = source_session(source->live, source, source->name, event->session_id, &is_new);
    note_number(source, event->extension);
    if (!session) return;
    if (is_new) own(source, session);
    live_take(session, event, source->is_loading ? 0 : now_time());
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct remote_source *source = (struct remote_source *)user;
    if (source->diagnostics++ < TOLD_LIMIT) complain("%s: %s", source->name, diagnostic->message);
}

/* ---- Reading: all that there is, then what comes ---- */

static void start(struct remote_source *source) {
    const asm_ingest_options options = {
        .format = ASM_FORMAT_ASM, .on_event = on_event, .on_diagnostic = on_diagnostic, .user = source};
    char from[24];
    snprintf(from, sizeof from, "%" PRId64, source->last + 1);
    if (asm_ingest_init(&source->ingest, &options) != ASM_OK) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    if (!remote_read(&source->remote, source->url, !source->is_loading, source->last > 0 ? from : NULL))
        die("%s: %s", source->name, remote_error(errno));
}

void remote_source_open(struct remote_source *source, struct live *live, const char *url) {
    source->live = live;
    source->url = url;
    source->is_loading = true;
    remote_name(url, source->name, sizeof source->name);
    start(source);
}

/* The one that told what there is has ended, or the one that tells what comes was ended: another goes on after it. */
static void go_on(struct remote_source *source) {
    asm_ingest_end(&source->ingest, now_time());
    asm_ingest_close(&source->ingest);
    remote_has_ended(&source->remote); /* or will have, soon */
    source->again = source->is_loading ? 0 : steady_ms() + AGAIN_PAUSE;
    if (source->is_loading) end_loading(source);
}

void remote_source_read(struct remote_source *source) {
    static char block[BLOCK];
    if (!source->url) return;
    if (source->remote.fd < 0) {
        if (steady_ms() >= source->again && remote_has_ended(&source->remote)) start(source);
        return;
    }
    const int64_t until = steady_ms() + SLICE;
    do {
        const ssize_t size = read(source->remote.fd, block, sizeof block);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0) {
            go_on(source);
            return;
        }
        asm_ingest_feed(&source->ingest, block, (size_t)size, source->is_loading ? 0 : now_time());
    } while (steady_ms() < until);
}

void remote_source_close(struct remote_source *source) {
    if (!source->url) return;
    if (source->remote.fd >= 0) asm_ingest_close(&source->ingest);
    remote_end(&source->remote);
    free(source->owned);
}
