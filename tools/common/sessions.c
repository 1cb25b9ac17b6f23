/* SPDX-License-Identifier: MIT OR Unlicense */
#include "sessions.h"

#include "messages.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes that are read of a large file's beginning and end. */
enum { HEAD = 64 * 1024, TAIL = 256 * 1024, SMALL = 4 * 1024 * 1024 };

#define QUIET_TIME ((asm_time)10 * 60 * 1000000) /* microseconds without a change: nobody is at work */

/* ---- Where they are ---- */

struct store {
    const char *agent;
    const char *variable;  /* of the environment: another place for `directory`; NULL: none */
    const char *directory; /* below HOME; "": HOME itself */
    const char *pattern;   /* of files below that, for glob() */
    asm_format format;
    int id_levels; /* the name of the directory so many levels up is the session's id; 0: the file's own */
};

static const struct store stores[] = {
    {"claude", "CLAUDE_CONFIG_DIR", ".claude", "projects/*/*.jsonl", ASM_FORMAT_CLAUDE_TRANSCRIPT, 0},
    {"codex", "CODEX_HOME", ".codex", "sessions/*/*/*/rollout-*.jsonl", ASM_FORMAT_CODEX_ROLLOUT, 0},
    {"codex", "CODEX_HOME", ".codex", "archived_sessions/rollout-*.jsonl", ASM_FORMAT_CODEX_ROLLOUT, 0},
    {"gemini", "GEMINI_CLI_HOME", "", ".gemini/tmp/*/chats/session-*.json*", ASM_FORMAT_GEMINI_CHAT, 0},
    {"qwen", NULL, ".qwen", "projects/*/chats/*.jsonl", ASM_FORMAT_QWEN_CHAT, 0},
    {"pi", "PI_CODING_AGENT_DIR", ".pi/agent", "sessions/*/*.jsonl", ASM_FORMAT_PI_SESSION, 0},
    {"omp", NULL, ".omp/agent", "sessions/*/*.jsonl", ASM_FORMAT_PI_SESSION, 0},
    {"openclaw", NULL, ".openclaw", "agents/*/sessions/*.jsonl", ASM_FORMAT_PI_SESSION, 0},
    {"copilot", NULL, ".copilot", "session-state/*/events.jsonl", ASM_FORMAT_COPILOT, 1},
    {"copilot", NULL, ".copilot", "session-state/*.jsonl", ASM_FORMAT_COPILOT, 0}, /* before 1.0 */
    {"kimi", "KIMI_CODE_HOME", ".kimi-code", "sessions/*/*/agents/main/wire.jsonl", ASM_FORMAT_KIMI_WIRE, 3},
    {"kimi", "KIMI_SHARE_DIR", ".kimi", "sessions/*/*/wire.jsonl", ASM_FORMAT_KIMI_WIRE, 1},
    {"droid", NULL, ".factory", "sessions/*/*.jsonl", ASM_FORMAT_DROID_SESSION, 0},
    {"cursor", NULL, ".cursor", "projects/*/agent-transcripts/*/*.jsonl", ASM_FORMAT_CURSOR_TRANSCRIPT, 0},
};

enum { STORES = sizeof stores / sizeof *stores };

const char *agent_choice(int index) {
    static const char *const names[] = {"claude",   "codex",   "gemini", "qwen",  "pi",     "omp",
                                        "openclaw", "copilot", "kimi",   "droid", "cursor", NULL};
    return names[index];
}

static void *checked(void *memory) {
    if (!memory) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    return memory;
}

static char *copy_text(const char *text, size_t size) {
    char *copy = (char *)checked(malloc(size + 1));
    memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

/* A session's id: the file's name, or its directory's, without what stands before a UUID. */
static char *id_of(const struct store *store, const char *path) {
    const char *name = strrchr(path, '/') + 1;
    size_t size = strcspn(name, ".");
    for (int level = 0; level < store->id_levels && name > path + 1; level++) {
        const char *end = name - 1;
        for (name = end; name > path && name[-1] != '/';)
            name--;
        size = (size_t)(end - name);
    }
    if (size > 37 && name[size - 37] == '-' && name[size - 28] == '-') return copy_text(name + size - 36, 36);
    return copy_text(name, size);
}

static void add_session(struct sessions *sessions, const struct store *store, const char *path) {
    struct stat status;
    const char *name = strrchr(path, '/') + 1;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return;
    if (strncmp(name, "agent-", 6) == 0) return;        /* a sub-agent of a session beside it */
    if ((sessions->count & (sessions->count + 1)) == 0) /* 0, 1, 3, 7, …: full */
        sessions->items = (struct session *)checked(
            realloc(sessions->items, (2 * sessions->count + 1) * sizeof *sessions->items));
    struct session *session = &sessions->items[sessions->count++];
    session->agent = store->agent;
    session->format = store->format;
    session->path = copy_text(path, strlen(path));
    session->id = id_of(store, path);
    session->changed = (asm_time)status.st_mtime * 1000000;
    session->size = (int64_t)status.st_size;
}

/* The pattern for glob(); what is special to it in the directory's name is not in the pattern. */
static bool make_pattern(const struct store *store, char *pattern, size_t size) {
    char directory[LONGEST_PATH];
    const char *told = store->variable ? getenv(store->variable) : NULL, *home = getenv("HOME");
    if (told && *told) snprintf(directory, sizeof directory, "%s", told);
    else if (home && *home)
        snprintf(directory, sizeof directory, "%s%s%s", home, *store->directory ? "/" : "", store->directory);
    else return false;
    size_t used = 0;
    for (const char *p = directory; *p && used + 2 < size; p++) {
        if (strchr("*?[\\", *p)) pattern[used++] = '\\';
        pattern[used++] = *p;
    }
    return (size_t)snprintf(pattern + used, size - used, "/%s", store->pattern) < size - used;
}

static int newest_first(const void *a, const void *b) {
    const struct session *one = (const struct session *)a, *other = (const struct session *)b;
    if (one->changed != other->changed) return one->changed < other->changed ? 1 : -1;
    return strcmp(other->path, one->path);
}

struct sessions sessions_find(const char *agent) {
    struct sessions sessions = {NULL, 0};
    for (size_t i = 0; i < STORES; i++) {
        char pattern[2 * LONGEST_PATH];
        glob_t found;
        if (agent && strcmp(agent, stores[i].agent) != 0) continue;
        if (!make_pattern(&stores[i], pattern, sizeof pattern)) continue;
        if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0) continue;
        for (size_t j = 0; j < found.gl_pathc; j++)
            add_session(&sessions, &stores[i], found.gl_pathv[j]);
        globfree(&found);
    }
    if (sessions.count > 0) qsort(sessions.items, sessions.count, sizeof *sessions.items, newest_first);
    return sessions;
}

void sessions_free(struct sessions *sessions) {
    for (size_t i = 0; i < sessions->count; i++) {
        free(sessions->items[i].path);
        free(sessions->items[i].id);
    }
    free(sessions->items);
}

/* ---- Which one ---- */

const struct session *sessions_by_id(const struct sessions *sessions, const char *id, bool *several) {
    const struct session *found = NULL;
    *several = false;
    for (size_t i = 0; i < sessions->count; i++) {
        if (strncmp(sessions->items[i].id, id, strlen(id)) != 0) continue;
        if (strcmp(sessions->items[i].id, id) == 0) return &sessions->items[i];
        if (found) *several = true;
        else found = &sessions->items[i];
    }
    return found;
}

/* Every format of a store writes the directory as a member of this name, though in different places. */
bool session_directory(const struct session *session, char *directory, size_t size) {
    static const char key[] = "\"cwd\":";
    char *head = (char *)checked(malloc(HEAD + 1));
    const int fd = open(session->path, O_RDONLY);
    const ssize_t got = fd >= 0 ? read(fd, head, HEAD) : -1;
    bool is_known = false;
    if (fd >= 0) close(fd);
    head[got > 0 ? got : 0] = 0;
    for (ssize_t i = 0; i < got; i++)
        if (head[i] == 0) head[i] = ' ';
    const char *found = strstr(head, key);
    if (found) {
        const char *value = found + strlen(key) + strspn(found + strlen(key), " ");
        const char *end = *value == '"' ? value + 1 : NULL;
        while (end && *end && *end != '"')
            end += *end == '\\' && end[1] ? 2 : 1;
        const asm_str inside =
            end && *end ? asm_str_make(value + 1, (size_t)(end - value - 1)) : asm_str_make(NULL, 0);
        size_t at = 0, used = 0;
        while (at < inside.size && used + 8 < size) {
            char memory[64];
            const asm_str piece = asm_json_string_piece(inside, &at, memory, sizeof memory);
            if (used + piece.size >= size) break;
            memcpy(directory + used, piece.data, piece.size);
            used += piece.size;
        }
        directory[used] = 0;
        is_known = used > 0 && at == inside.size;
    }
    free(head);
    return is_known;
}

const struct session *sessions_newest_in(const struct sessions *sessions, const char *directory) {
    char its[LONGEST_PATH];
    for (size_t i = 0; i < sessions->count; i++)
        if (session_directory(&sessions->items[i], its, sizeof its) && strcmp(its, directory) == 0)
            return &sessions->items[i];
    return NULL;
}

/* ---- How it stands ---- */

struct reading {
    struct watch *watch;
    struct statistics *statistics;
    asm_time now;
    bool is_over;       /* the file's end is reached */
    asm_format format;  /* as far as it is known */
    const char *unread; /* why its format is not read; NULL: it is */
};

static void on_event(void *user, const asm_event *event) {
    struct reading *reading = (struct reading *)user;
    /* A turn whose last words stand there is over; one that only stops there may go on. */
    if (reading->is_over && run_has_no_end(event)) return;
    watch_event(reading->watch, event, reading->now);
    statistics_count(reading->statistics, event);
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    if (diagnostic->result == ASM_ERR_UNSUPPORTED) ((struct reading *)user)->unread = diagnostic->message;
}

/* Where the lines end that are whole. After the last line end stands a line that is being written, or goes on in what is
 * not read; or a whole one, or the end of a document over several lines. */
static const char *end_of_lines(const char *begin, const char *end, bool is_last) {
    const char *line = end;
    while (line > begin && line[-1] != '\n')
        line--;
    if (!is_last || line == end) return line;
    return *line == '}' || asm_json_check(asm_str_make(line, (size_t)(end - line)), NULL) == ASM_OK ? end
                                                                                                    : line;
}

/* Reads a part of the file, whole lines only. Each part is a stream of its own: between two, calls may have ended. */
static void read_part(struct reading *reading, int fd, off_t begin, size_t size, bool is_last) {
    const asm_ingest_options options = {
        .format = reading->format, .on_event = on_event, .on_diagnostic = on_diagnostic, .user = reading};
    char *memory = (char *)checked(malloc(size));
    const ssize_t got = pread(fd, memory, size, begin);
    const char *start = memory, *end = memory + (got > 0 ? got : 0);
    const char *line_end = begin > 0 ? (const char *)memchr(memory, '\n', (size_t)(end - memory)) : NULL;
    asm_ingest ingest;
    if (begin > 0) start = line_end ? line_end + 1 : end;
    end = end_of_lines(start, end, is_last);
    watch_forget_run(reading->watch);
    reading->watch->joins_late = begin > 0;
    if (asm_ingest_init(&ingest, &options) == ASM_OK) {
        asm_ingest_feed(&ingest, start, (size_t)(end - start), 0);
        if (asm_format_is_read(ingest.format)) reading->format = ingest.format;
        reading->is_over = is_last;
        if (is_last) asm_ingest_end(&ingest, 0);
        asm_ingest_close(&ingest);
    }
    free(memory);
}

const char *session_read(const char *path, asm_format format, struct watch *watch,
                         struct statistics *statistics, bool *is_whole) {
    struct stat status;
    struct reading reading = {.watch = watch, .statistics = statistics};
    const int fd = open(path, O_RDONLY);
    *is_whole = true;
    if (asm_format_is_read(format)) reading.format = format;
    if (fd < 0) return NULL;
    if (fstat(fd, &status) == 0) {
        *is_whole = status.st_size <= SMALL;
        reading.now = (asm_time)status.st_mtime * 1000000;
        read_part(&reading, fd, 0, *is_whole ? SMALL : HEAD, *is_whole);
        if (!*is_whole) read_part(&reading, fd, status.st_size - TAIL, TAIL, true);
    }
    close(fd);
    return reading.format == ASM_FORMAT_AUTO ? reading.unread : NULL;
}

enum session_state session_state(const struct watch *watch, asm_time changed, asm_time now) {
    const enum session_state state = watch_state(watch);
    return state == STATE_WORKING && now - changed > QUIET_TIME ? STATE_IDLE : state;
}
