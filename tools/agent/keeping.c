/* SPDX-License-Identifier: MIT OR Unlicense */
#include "keeping.h"

#include "../common/messages.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LONGEST_NAME = 200, TITLE_SHOWN = 60 };

/* ---- Directories ---- */

/* The name that a working directory has: as it is, but for bytes that a name cannot have or that could be mistaken; long
 * ones end in a hash. */
static void write_name(const char *path, char *name) {
    size_t size = 0;
    const uint64_t hash = file_store_hash(asm_str_from(path), UINT64_C(0xcbf29ce484222325));
    for (const char *p = path; *p && size + 4 < LONGEST_NAME; p++) {
        const unsigned char byte = (unsigned char)*p;
        const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' ||
                              (byte == '.' && size);
        size += (size_t)snprintf(name + size, 4, is_plain ? "%c" : "%%%02x", byte);
    }
    if (size + 4 >= LONGEST_NAME) sprintf(name + size, "~%016llx", (unsigned long long)hash);
}

static bool make_directories(char *path) {
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = '\0';
        const bool is_there = mkdir(path, 0700) == 0 || errno == EEXIST;
        if (slash) *slash = '/';
        if (!is_there) return false;
        if (!slash) return true;
    }
}

static char *path_for(const char *working_directory) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const bool has_state = state && state[0] == '/';
    char name[LONGEST_NAME + 32];
    if (!has_state && (!home || home[0] != '/')) {
        errno = ENOENT;
        return NULL;
    }
    const char *base = has_state ? state : home, *more = has_state ? "" : "/.local/state";
    write_name(working_directory, name);
    const size_t size = strlen(base) + strlen(more) + strlen(name) + sizeof "/asm-agent/";
    char *path = (char *)malloc(size);
    if (path) snprintf(path, size, "%s%s/asm-agent/%s", base, more, name);
    return path;
}

/* ---- The store ---- */

static bool is_empty(asm_str state) {
    const asm_str outer = ASM_STR("state"), inner = ASM_STR("messages");
    asm_str raw = {NULL, 0}, messages = {NULL, 0};
    return asm_json_find(state, &outer, &raw, 1, NULL) == ASM_OK && raw.data &&
           asm_json_find(raw, &inner, &messages, 1, NULL) == ASM_OK && asm_str_equal(messages, ASM_STR("[]"));
}

static asm_result note(struct keeping *keeping, asm_result result) {
    if (result == ASM_OK) keeping->was_told = false;
    return result;
}

static asm_result save(void *user, asm_str agent_id, asm_str conversation_id, const asm_snapshot *snapshot) {
    struct keeping *keeping = (struct keeping *)user;
    if (is_empty(snapshot->state)) return ASM_OK;
    return note(keeping, keeping->disk.save(keeping->disk.user, agent_id, conversation_id, snapshot));
}

static asm_result load(void *user, asm_str agent_id, asm_str conversation_id, asm_buffer *out) {
    struct keeping *keeping = (struct keeping *)user;
    return keeping->disk.load(keeping->disk.user, agent_id, conversation_id, out);
}

static asm_result append(void *user, asm_str agent_id, asm_str conversation_id, asm_str record) {
    struct keeping *keeping = (struct keeping *)user;
    return note(keeping, keeping->disk.append(keeping->disk.user, agent_id, conversation_id, record));
}

bool keeping_tell(struct keeping *keeping, char *why, size_t size) {
    const bool was_told = keeping->was_told;
    keeping->was_told = true;
    snprintf(why, size, "the conversation is not kept: %s", keeping->files.error);
    return !was_told;
}

struct keeping *keeping_open(struct keeping **list, const char *working_directory) {
    char *path = path_for(working_directory);
    struct keeping *keeping = *list;
    if (!path) return NULL;
    while (keeping && strcmp(keeping->path, path) != 0)
        keeping = keeping->next;
    if (!keeping && make_directories(path) &&
        (keeping = (struct keeping *)calloc(1, sizeof *keeping)) != NULL) {
        keeping->path = path;
        keeping->disk = file_store_init(&keeping->files, path);
        keeping->store = (asm_state_store){save, load, append, NULL, keeping};
        keeping->next = *list;
        *list = keeping;
        return keeping;
    }
    const int problem = errno;
    free(path);
    errno = problem;
    return keeping;
}

void keeping_close(struct keeping **list) {
    while (*list) {
        struct keeping *keeping = *list;
        *list = keeping->next;
        file_store_close(&keeping->files);
        free(keeping->path);
        free(keeping);
    }
}

/* ---- Listing ---- */

struct row {
    char *id, *title, *status;
    asm_time saved_at;
};

struct rows {
    struct row *rows;
    size_t count;
};

static char *copy(asm_str text) {
    char *made = (char *)malloc(text.size + 1);
    if (!made) return NULL;
    if (text.size) memcpy(made, text.data, text.size);
    made[text.size] = '\0';
    return made;
}

static asm_result take_row(void *user, const asm_conversation *conversation) {
    struct rows *rows = (struct rows *)user;
    struct row *more = (struct row *)realloc(rows->rows, (rows->count + 1) * sizeof *more);
    if (!more) return ASM_ERR_NO_MEMORY;
    rows->rows = more;
    if (!conversation->conversation_id.size) return ASM_OK;
    struct row *row = &more[rows->count++];
    row->id = copy(conversation->conversation_id);
    row->title = copy(conversation->title);
    row->status = copy(conversation->status);
    row->saved_at = conversation->saved_at;
    return row->id && row->title && row->status ? ASM_OK : ASM_ERR_NO_MEMORY;
}

static int compare_rows(const void *a, const void *b) {
    const struct row *left = (const struct row *)a, *right = (const struct row *)b;
    return (right->saved_at > left->saved_at) - (right->saved_at < left->saved_at);
}

static void free_rows(struct rows *rows) {
    for (size_t i = 0; i < rows->count; i++) {
        free(rows->rows[i].id);
        free(rows->rows[i].title);
        free(rows->rows[i].status);
    }
    free(rows->rows);
}

/* The newest first. */
static bool read_rows(struct keeping *keeping, struct rows *rows) {
    memset(rows, 0, sizeof *rows);
    keeping->files.error[0] = '\0';
    const asm_result result = keeping->disk.list(keeping->disk.user, take_row, rows);
    if (rows->count) qsort(rows->rows, rows->count, sizeof *rows->rows, compare_rows);
    if (keeping->files.error[0]) complain("%s: %s", keeping->path, keeping->files.error);
    else if (result != ASM_OK) complain("%s: %s", keeping->path, asm_result_string(result));
    return result == ASM_OK;
}

bool keeping_find_newest(struct keeping *keeping, char *id, size_t size) {
    struct rows rows;
    const bool is_found = read_rows(keeping, &rows) && rows.count > 0 && strlen(rows.rows[0].id) < size;
    if (is_found) snprintf(id, size, "%s", rows.rows[0].id);
    free_rows(&rows);
    return is_found;
}

static void print_row(const struct row *row) {
    char when[64] = "";
    asm_buffer title;
    const time_t seconds = (time_t)(row->saved_at / 1000000);
    struct tm local;
    if (localtime_r(&seconds, &local)) strftime(when, sizeof when, "%Y-%m-%d %H:%M", &local);
    asm_buffer_init_growing(&title);
    asm_text_append(&title, asm_str_from(row->id), message_flags());
    asm_buffer_append(&title, ASM_STR("  "));
    asm_buffer_append(&title, asm_str_from(when));
    asm_buffer_append(&title, ASM_STR("  "));
    asm_text_append_cut(&title, asm_str_from(row->title), TITLE_SHOWN, message_flags());
    if (strcmp(row->status, "interrupted") == 0) asm_buffer_append(&title, ASM_STR(" (waits for you)"));
    printf("%.*s\n", (int)title.size, title.data);
    asm_buffer_close(&title);
}

bool keeping_print(struct keeping *keeping) {
    struct rows rows;
    const bool is_whole = read_rows(keeping, &rows);
    for (size_t i = 0; i < rows.count; i++)
        print_row(&rows.rows[i]);
    if (is_whole && rows.count == 0) complain("no conversations were kept for this directory");
    free_rows(&rows);
    return is_whole;
}
