/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sources.h"

#include "../common/input.h"
#include "../common/messages.h"
#include "../common/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    BLOCK = 256 * 1024,
    SLICE = 8,         /* milliseconds of reading before others have their turn */
    HOT_PAUSE = 100,   /* milliseconds between two looks at a file that is viewed, or was changed lately */
    COLD_PAUSE = 2000, /* at one that is not */
    FIND_PAUSE = 5000, /* between two looks for new sessions */
    HOT_TIME = 10 * 60 * 1000, /* milliseconds for which a file is lately changed */
    MAX_OWNED = 1024,          /* sessions in one file */
    TOLD_LIMIT = 3
};

struct file {
    struct files *files;
    char *path;
    asm_format format;
    bool is_session; /* of an agent: all of it is one session, whose row may be known before its events are */
    bool is_open;    /* read, and followed */
    bool is_loading; /* not read to its end yet */
    bool is_told;    /* why it cannot be read was said */
    bool is_row_known;    /* of a session's file that is not open */
    live_session **owned; /* allocated */
    size_t owned_count;
    struct input *input; /* allocated while it is open */
    asm_ingest ingest;
    int64_t looked, active; /* steady milliseconds; active: when it was found changed, 0: never */
    asm_time changed;
    int64_t size;
    unsigned diagnostics;
};

struct files {
    struct live *live;
    asm_format format;
    struct file **items;          /* allocated, each */
    size_t count, capacity, next; /* next: the one to look at first */
    bool finds_sessions;
    const char *agent;
    int64_t found; /* when sessions were looked for */
    bool has_more; /* a slice ended before the work did */
    char block[BLOCK];
};

static void *checked(void *memory) {
    if (!memory) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    return memory;
}

/* ---- Sessions of a file ---- */

static void own(struct file *file, live_session *session) {
    if ((file->owned_count & (file->owned_count + 1)) == 0) /* 0, 1, 3, 7, …: full */
        file->owned = (live_session **)checked(
            realloc(file->owned, (2 * file->owned_count + 1) * sizeof(live_session *)));
    file->owned[file->owned_count++] = session;
}

static live_session *owned_session(struct file *file, asm_str id) {
    bool is_new = false;
    live_session *session = source_session(file->files->live, file, file->path, id,
                                           file->owned_count < MAX_OWNED ? &is_new : NULL);
    if (!session || !is_new) return session;
    own(file, session);
    if (file->is_loading) live_session_rewind(session);
    return session;
}

static void on_event(void *user, const asm_event *event) {
    struct file *file = (struct file *)user;
    live_session *session =
        file->is_session && file->owned_count > 0 ? file->owned[0] : owned_session(file, event->session_id);
    if (session) live_take(session, event, file->is_loading ? 0 : now_time());
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    struct file *file = (struct file *)user;
    if (file->is_session || file->diagnostics++ >= TOLD_LIMIT) return;
    complain("%s:%lu: %s", file->path, (unsigned long)diagnostic->line, diagnostic->message);
}

/* ---- Reading ---- */

/* Its events come again, from the first. */
static bool begin_reading(struct file *file) {
    const asm_ingest_options options = {
        .format = file->format, .on_event = on_event, .on_diagnostic = on_diagnostic, .user = file};
    asm_ingest_close(&file->ingest);
    if (asm_ingest_init(&file->ingest, &options) != ASM_OK) return false;
    file->is_loading = true;
    for (size_t i = 0; i < file->owned_count; i++) {
        struct tracked *tracked = live_tracked(file->owned[i]);
        if (tracked) tracked_begin_again(tracked);
        live_session_rewind(file->owned[i]);
    }
    return true;
}

static void end_loading(struct file *file) {
    file->is_loading = false;
    for (size_t i = 0; i < file->owned_count; i++) {
        struct tracked *tracked = live_tracked(file->owned[i]);
        if (tracked && file->changed > tracked->changed) tracked->changed = file->changed;
        live_session_loaded(file->owned[i]);
    }
}

static void close_file(struct file *file) {
    if (!file->is_open) return;
    if (file->is_loading) end_loading(file);
    asm_ingest_close(&file->ingest);
    input_close(file->input);
    free(file->input);
    file->input = NULL;
    file->is_open = false;
}

/* Opening or reading anything else, a pipe say, could wait, and the page with it. */
static bool can_be_followed(const char *path) {
    struct stat status;
    return stat(path, &status) != 0 || S_ISREG(status.st_mode);
}

static void open_file(struct file *file) {
    struct input *input = (struct input *)malloc(sizeof *input);
    const bool is_other = !can_be_followed(file->path);
    if (!input) return;
    if (is_other || !input_open(input, file->path, true)) {
        if (!file->is_told)
            complain("%s: %s", file->path,
                     is_other ? "not a regular file: what it gives can come by standard input or --socket"
                              : strerror(errno));
        file->is_told = true;
        free(input);
        for (size_t i = 0; i < file->owned_count; i++) { /* nobody shall wait for it */
            live_session_rewind(file->owned[i]);
            live_session_loaded(file->owned[i]);
        }
        return;
    }
    file->input = input;
    file->is_open = begin_reading(file);
    if (file->is_open) return;
    input_close(input);
    free(input);
    file->input = NULL;
}

/* Reads on until `until`. False if there is more. */
static bool read_file(struct file *file, int64_t until) {
    struct files *files = file->files;
    for (;;) {
        const ssize_t size = input_read(file->input, files->block, sizeof files->block);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) break;
        asm_ingest_feed(&file->ingest, files->block, (size_t)size, file->is_loading ? 0 : now_time());
        file->active = steady_ms();
        if (file->active >= until) return false;
    }
    if (file->is_loading) end_loading(file);
    return true;
}

/* Looks what became of the file, and reads what is new. False if there is more. */
static bool follow(struct file *file, int64_t until) {
    if (!file->is_loading) {
        switch (input_look(file->input, file->path)) {
        case INPUT_SAME:
            break;
        case INPUT_REPLACED:
            if (!input_reopen(file->input, file->path)) return true;
            begin_reading(file);
            break;
        case INPUT_CUT:
        case INPUT_REWRITTEN:
            begin_reading(file);
            break;
        }
    }
    return read_file(file, until);
}

/* ---- Sessions that nobody looks at ---- */

/* Reads what the list shows; not the events. */
static void read_row(struct file *file) {
    live_session *session = file->owned[0];
    struct tracked *tracked = live_tracked(session);
    struct statistics statistics;
    bool is_whole;
    file->is_row_known = true;
    if (!tracked) return;
    tracked_begin_again(tracked);
    memset(&statistics, 0, sizeof statistics);
    session_read(file->path, file->format, &tracked->watch, &statistics, &is_whole);
    const struct spending total = statistics_total(&statistics);
    tracked->tally.total = total;
    tracked->is_partial = !is_whole;
    tracked->state = watch_state(&tracked->watch);
    tracked->since = tracked->watch.last_event ? tracked->watch.last_event : file->changed;
    tracked->changed = file->changed;
    tracked->is_quiet = session_state(&tracked->watch, file->changed, now_time()) != tracked->state;
    statistics_free(&statistics);
    live_session_touch(session);
}

/* Somebody wants the events. */
static void load(void *user, live_session *session) {
    const struct tracked *tracked = live_tracked(session);
    struct file *file = tracked ? (struct file *)tracked->source : NULL;
    (void)user;
    if (!file || file->is_open) return;
    open_file(file);
    file->files->has_more = true;
}

static bool has_viewers(const struct file *file) {
    for (size_t i = 0; i < file->owned_count; i++)
        if (live_session_viewers(file->owned[i]) > 0) return true;
    return false;
}

/* Whether the file changed since the last look. */
static bool has_changed(struct file *file) {
    struct stat status;
    if (stat(file->path, &status) != 0) return false;
    const asm_time changed = (asm_time)status.st_mtim.tv_sec * 1000000 + status.st_mtim.tv_nsec / 1000;
    const bool is_same = changed == file->changed && (int64_t)status.st_size == file->size;
    file->changed = changed;
    file->size = (int64_t)status.st_size;
    return !is_same;
}

static bool is_hot(const struct file *file, int64_t now) {
    return has_viewers(file) || !file->is_session || (file->active && now - file->active < HOT_TIME);
}

/* A run that is open in a file that nobody writes to. */
static void note_quiet(struct file *file) {
    for (size_t i = 0; i < file->owned_count; i++) {
        struct tracked *tracked = live_tracked(file->owned[i]);
        if (!tracked || tracked->is_quiet || tracked->state != STATE_WORKING) continue;
        if (session_state(&tracked->watch, file->changed, now_time()) == STATE_WORKING) continue;
        tracked->is_quiet = true;
        live_session_touch(file->owned[i]);
    }
}

/* False if there is more to be done. */
static bool look_at(struct file *file, int64_t until) {
    const int64_t now = steady_ms();
    file->looked = now;
    if (file->is_open && file->is_loading) return read_file(file, until);
    const bool is_changed = has_changed(file);
    if (!file->is_session) {
        if (!file->is_open) open_file(file);
        if (file->is_open && !follow(file, until)) return false;
        if (!is_changed) note_quiet(file);
        return true;
    }
    if (file->is_row_known && is_changed) file->active = now;
    if (file->is_open) {
        if (!is_changed) note_quiet(file);
        if (!is_hot(file, now)) {
            close_file(file);
            live_session_unload(file->owned[0]);
            return true;
        }
        return !is_changed || follow(file, until);
    }
    if (!file->is_row_known) read_row(file);
    else if (is_changed) open_file(file); /* somebody is at work there: from now on event by event */
    return !file->is_open || read_file(file, until);
}

/* ---- All of them ---- */

struct files *files_open(struct live *live, asm_format format) {
    struct files *files = (struct files *)checked(calloc(1, sizeof *files));
    files->live = live;
    files->format = format;
    live_on_load(live, load, files);
    return files;
}

static struct file *add_file(struct files *files, const char *path) {
    struct file *file = (struct file *)checked(calloc(1, sizeof *file));
    file->files = files;
    file->path = (char *)checked(malloc(strlen(path) + 1));
    memcpy(file->path, path, strlen(path) + 1);
    file->format = files->format;
    if (files->count == files->capacity) {
        files->capacity = files->capacity ? 2 * files->capacity : 64;
        files->items =
            (struct file **)checked(realloc(files->items, files->capacity * sizeof(struct file *)));
    }
    files->items[files->count++] = file;
    return file;
}

void files_add(struct files *files, const char *path) {
    add_file(files, path);
}

/* Whether there is this file already: most often its session has its id. */
static bool is_known(const struct files *files, const struct session *found) {
    live_session *session = live_server_find(live_server_of(files->live), asm_str_from(found->id));
    const struct tracked *tracked = session ? live_tracked(session) : NULL;
    const char *where = tracked ? tracked->where : NULL;
    if (!session || (where && strcmp(where, found->path) == 0)) return session != NULL;
    for (size_t i = 0; i < files->count; i++)
        if (strcmp(files->items[i]->path, found->path) == 0) return true;
    return false;
}

static void add_session_file(struct files *files, const struct session *found) {
    if (is_known(files, found)) return;
    struct file *file = add_file(files, found->path);
    bool is_new = false;
    live_session *session = source_session(files->live, file, file->path, asm_str_from(found->id), &is_new);
    file->is_session = true;
    if (asm_format_is_read(found->format)) file->format = found->format;
    if (!session) {
        files->count--;
        free(file->path);
        free(file);
        return;
    }
    own(file, session);
    struct tracked *tracked = live_tracked(session);
    if (tracked) snprintf(tracked->agent, sizeof tracked->agent, "%s", found->agent);
    live_session_unload(session);
}

void files_find_sessions(struct files *files, const char *agent) {
    struct sessions found = sessions_find(agent);
    files->finds_sessions = true;
    files->agent = agent;
    files->found = steady_ms();
    for (size_t i = 0; i < found.count; i++)
        add_session_file(files, &found.items[i]);
    sessions_free(&found);
}

void files_read(struct files *files) {
    const int64_t begin = steady_ms(), until = begin + SLICE;
    if (files->finds_sessions && begin - files->found >= FIND_PAUSE) files_find_sessions(files, files->agent);
    files->has_more = false;
    for (size_t i = 0; i < files->count; i++) {
        struct file *file = files->items[files->next];
        const int64_t pause = is_hot(file, begin) ? HOT_PAUSE : COLD_PAUSE;
        const bool is_due = file->is_loading || !file->looked || begin - file->looked >= pause;
        if (is_due && !look_at(file, until)) files->has_more = true;
        files->next = (files->next + 1) % files->count;
        if (steady_ms() < until) continue;
        files->has_more = true;
        return;
    }
}

int files_timeout(const struct files *files) {
    if (files->count == 0 && !files->finds_sessions) return -1;
    return files->has_more ? 0 : HOT_PAUSE;
}

void files_close(struct files *files) {
    if (!files) return;
    for (size_t i = 0; i < files->count; i++) {
        close_file(files->items[i]);
        free(files->items[i]->owned);
        free(files->items[i]->path);
        free(files->items[i]);
    }
    free(files->items);
    free(files);
}
