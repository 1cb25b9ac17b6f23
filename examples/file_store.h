/* SPDX-License-Identifier: MIT OR Unlicense */
/* Keeps the conversations of agents in a directory, one file for each, as they happen: an asm_state_store.
 *
 * To be copied into your program; needs asm_agent.h and POSIX, and flock().
 *
 *       file_store files;
 *       const asm_state_store store = file_store_init(&files, "/var/lib/agents");
 *       asm_agent_start(&server, &(asm_agent_options){.id = ASM_STR("a1"), .state_store = &store, …});
 *       if (…the start failed…) fprintf(stderr, "%s\n", files.error);
 *       …
 *       asm_agent_server_close(&server);
 *       file_store_close(&files);
 *
 * FILES
 *   conversation-ID.jsonl, or agent-ID.jsonl for an agent without a conversation; mode 0600. In the name, each byte
 *   of the id but a-z, 0-9, - and _ is written as %xx, so that no id leaves the directory, is hidden, or shares a file
 *   with another, whether or not upper and lower case are the same there. What is longer than FILE_STORE_MAX_ID has
 *   a hash in its place; the first line of the file has the id, which is compared.
 *   While an agent lives its file is locked: for another process, or another store, it cannot be opened
 *   (ASM_ERR_OPEN). What is no regular file is not opened either, and never waited for.
 *
 * LINES
 *   The first says whose conversation it is. Each other is a state, as asm_agent_export_state() writes it, or a change
 *   that came after it. They are only ever appended: the whole history stays. A state is written in place of a change
 *   when the changes since the last one have grown as large as that (and FILE_STORE_CHANGES), so that a file takes
 *   about twice what was said, and loading it reads the last state and what follows.
 *   Saving brings the file to the disk (fsync), a turn does not: it outlives the program, but not a power cut.
 *
 * DAMAGE
 *   What stands after the last LF was being written when the program died, and is nobody's: it is left out when
 *   loading, and before the next write it is moved to NAME.torn-1 (or -2, …). A file with a line that is no JSON
 *   object, or for another id, is damaged: loading is an error (ASM_ERR_SYNTAX), so that the agent does not start,
 *   and it is left as it is. When an agent that was started without loading is saved over it, the file is renamed to
 *   NAME.damaged-1 (or -2, …). Both are counted in `moved`, and `error` has the name.
 *   A write that fails (no space, say) is taken back.
 */
#ifndef FILE_STORE_H
#define FILE_STORE_H

#include "asm_agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_STORE_MAX_ID    100 /* as written in the name */
#define FILE_STORE_NAME_SIZE 160
#define FILE_STORE_MAX_MOVED 1000
#define FILE_STORE_CHANGES   65536 /* bytes of changes before a state is written again, at least */

/* An open file: of an agent that lives. */
typedef struct file_store_file {
    struct file_store_file *next;
    char name[FILE_STORE_NAME_SIZE];
    int fd;
    off_t size;       /* of what is whole */
    off_t state_at;   /* where the last state begins; -1: there is none */
    off_t changes_at; /* where what came after it begins */
    off_t torn;       /* bytes after the last LF */
    bool is_damaged;
} file_store_file;

typedef struct file_store {
    const char *directory;                /* read only */
    unsigned long moved;                  /* read only: how often something was kept under another name */
    char error[3 * FILE_STORE_NAME_SIZE]; /* read only: for people, the last thing that went wrong */
    file_store_file *files;               /* private */
} file_store;

/* Whose conversation it is. */
typedef struct file_store_key {
    asm_str id;
    bool is_conversation;
} file_store_key;

static asm_result file_store_fail(file_store *store, asm_result result, const char *what, const char *name) {
    snprintf(store->error, sizeof store->error, "%s %s: %s", what, name, strerror(errno));
    return result;
}

static asm_result file_store_say(file_store *store, asm_result result, const char *name, const char *what) {
    snprintf(store->error, sizeof store->error, "%s %s", name, what);
    return result;
}

static file_store_key file_store_key_of(asm_str agent_id, asm_str conversation_id) {
    file_store_key key;
    key.is_conversation = conversation_id.data != NULL;
    key.id = key.is_conversation ? conversation_id : agent_id;
    return key;
}

/* ---- Names ---- */

/* FNV-1a, from two offsets: long ids need different names; that they are different is checked in the file. */
static uint64_t file_store_hash(asm_str text, uint64_t hash) {
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void file_store_write_name(file_store_key key, char *name) {
    const size_t begin = (size_t)sprintf(name, "%s-", key.is_conversation ? "conversation" : "agent");
    size_t size = begin;
    for (size_t i = 0; i < key.id.size && size <= begin + FILE_STORE_MAX_ID; i++) {
        const unsigned char byte = (unsigned char)key.id.data[i];
        const bool is_plain =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        size += (size_t)snprintf(name + size, 4, is_plain ? "%c" : "%%%02x", byte);
    }
    if (size > begin + FILE_STORE_MAX_ID)
        size = begin +
               (size_t)sprintf(name + begin, "~%016llx%016llx",
                               (unsigned long long)file_store_hash(key.id, UINT64_C(0xcbf29ce484222325)),
                               (unsigned long long)file_store_hash(key.id, UINT64_C(0x84222325cbf29ce4)));
    memcpy(name + size, ".jsonl", 7);
}

/* ---- Reading ---- */

static asm_result file_store_read_all(int fd, asm_buffer *out) {
    char piece[16384];
    ssize_t size;
    off_t at = 0;
    while ((size = pread(fd, piece, sizeof piece, at)) != 0) {
        if (size < 0 && errno != EINTR) return ASM_ERR_OPEN;
        if (size > 0 && asm_buffer_append(out, asm_str_make(piece, (size_t)size)) != ASM_OK)
            return out->result;
        if (size > 0) at += size;
    }
    return ASM_OK;
}

/* Takes the next line off `text`, without its LF; false if there is no whole one. */
static bool file_store_next_line(asm_str *text, asm_str *line) {
    const char *newline = text->size ? (const char *)memchr(text->data, '\n', text->size) : NULL;
    if (!newline) return false;
    *line = asm_str_make(text->data, (size_t)(newline - text->data));
    *text = asm_str_make(newline + 1, text->size - line->size - 1);
    return true;
}

/* Whether the line is the first one of this conversation's file. */
static bool file_store_is_head(asm_str line, file_store_key key) {
    const asm_str keys[] = {key.is_conversation ? ASM_STR("conversation_id") : ASM_STR("agent_id")};
    asm_str raw = {NULL, 0}, id = {NULL, 0};
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    const bool is_it = asm_json_find(line, keys, &raw, 1, NULL) == ASM_OK && raw.data &&
                       asm_json_to_string(raw, &scratch, &id) && asm_str_equal(id, key.id);
    asm_buffer_close(&scratch);
    return is_it;
}

/* Whether the line is a whole state, not a change of one. */
static bool file_store_is_state(asm_str line) {
    const asm_str outer = ASM_STR("state"), inner = ASM_STR("messages");
    asm_str state = {NULL, 0}, messages = {NULL, 0};
    if (line.size < 10 || memcmp(line.data, "{\"version\"", 10) != 0) return false;
    return asm_json_find(line, &outer, &state, 1, NULL) == ASM_OK && state.data &&
           asm_json_find(state, &inner, &messages, 1, NULL) == ASM_OK && messages.data;
}

/* Finds out what a file holds. */
static void file_store_scan(file_store_file *file, file_store_key key, asm_str text) {
    const char *begin = text.data;
    asm_str line;
    bool is_first = true;
    file->state_at = -1;
    file->size = file->changes_at = 0;
    file->is_damaged = false;
    while (!file->is_damaged && file_store_next_line(&text, &line)) {
        file->is_damaged = asm_json_check(line, NULL) != ASM_OK ||
                           asm_json_type_of(line) != ASM_JSON_OBJECT ||
                           (is_first && !file_store_is_head(line, key));
        is_first = false;
        file->size = (off_t)(text.data - begin);
        if (!file_store_is_state(line)) continue;
        file->state_at = (off_t)(line.data - begin);
        file->changes_at = file->size;
    }
    file->torn = (off_t)text.size;
    /* A file that dies in its first line is torn; one whose first line is there is what that says. */
    if (is_first && file->torn && begin[0] != '{') file->is_damaged = true;
}

/* ---- Opening ---- */

static int file_store_open_directory(file_store *store) {
    const int directory = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) file_store_fail(store, ASM_ERR_OPEN, "opening", store->directory);
    return directory;
}

/* Opens a file that is one, and locks it. */
static asm_result file_store_open_locked(file_store *store, int directory, const char *name, bool creates,
                                         int *fd) {
    struct stat status;
    const int flags = O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (creates ? O_CREAT : 0);
    *fd = openat(directory, name, flags, 0600);
    if (*fd < 0 && errno == ENOENT && !creates) return ASM_ERR_NOT_FOUND;
    if (*fd < 0) return file_store_fail(store, ASM_ERR_OPEN, "opening", name);
    asm_result result = ASM_OK;
    if (fstat(*fd, &status) != 0) result = file_store_fail(store, ASM_ERR_OPEN, "looking at", name);
    else if (!S_ISREG(status.st_mode)) result = file_store_say(store, ASM_ERR_OPEN, name, "is not a file");
    else if (flock(*fd, LOCK_EX | LOCK_NB) != 0)
        result = errno == EWOULDBLOCK
                     ? file_store_say(store, ASM_ERR_OPEN, name, "is used by another process")
                     : file_store_fail(store, ASM_ERR_OPEN, "locking", name);
    if (result != ASM_OK) close(*fd);
    return result;
}

static void file_store_release(file_store *store, file_store_file *file) {
    file_store_file **link = &store->files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    close(file->fd); /* which unlocks it */
    free(file);
}

/* Gives the conversation's file, opened before or now, and its text in `text`, if that is not NULL. */
static asm_result file_store_open(file_store *store, file_store_key key, bool creates, asm_buffer *text,
                                  file_store_file **opened) {
    char name[FILE_STORE_NAME_SIZE];
    file_store_file *file = store->files;
    asm_result result = ASM_OK;
    file_store_write_name(key, name);
    while (file && strcmp(file->name, name) != 0)
        file = file->next;
    *opened = file;
    if (file && !text) return ASM_OK;
    asm_buffer unseen;
    asm_buffer_init_growing(&unseen);
    if (!file) {
        const int directory = file_store_open_directory(store);
        if (directory < 0) return ASM_ERR_OPEN;
        int fd = -1;
        result = file_store_open_locked(store, directory, name, creates, &fd);
        close(directory);
        if (result != ASM_OK) return result;
        file = (file_store_file *)calloc(1, sizeof *file);
        if (!file) {
            close(fd);
            return ASM_ERR_NO_MEMORY;
        }
        memcpy(file->name, name, sizeof name);
        file->fd = fd;
        file->next = store->files;
        store->files = *opened = file;
    }
    if (!text) text = &unseen;
    result = file_store_read_all(file->fd, text);
    if (result == ASM_OK) file_store_scan(file, key, asm_buffer_text(text));
    else if (result == ASM_ERR_OPEN) file_store_fail(store, result, "reading", name);
    asm_buffer_close(&unseen);
    if (result != ASM_OK) file_store_release(store, file);
    return result;
}

/* asm_state_store.load */
static asm_result file_store_load(void *user, asm_str agent_id, asm_str conversation_id, asm_buffer *out) {
    file_store *store = (file_store *)user;
    file_store_file *file;
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_result result =
        file_store_open(store, file_store_key_of(agent_id, conversation_id), false, &text, &file);
    if (result == ASM_OK && file->is_damaged) {
        result = file_store_say(store, ASM_ERR_SYNTAX, file->name, "is damaged");
        file_store_release(store, file);
    } else if (result == ASM_OK && file->state_at < 0) {
        result = ASM_ERR_NOT_FOUND;
    } else if (result == ASM_OK) {
        result = asm_buffer_append(
            out, asm_str_make(text.data + file->state_at, (size_t)(file->size - file->state_at)));
    }
    asm_buffer_close(&text);
    return result;
}

/* ---- Writing ---- */

static bool file_store_write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* Appends a line, or nothing. */
static asm_result file_store_append_line(file_store *store, file_store_file *file, asm_str line) {
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_buffer_append(&text, line);
    asm_buffer_append_byte(&text, '\n');
    asm_result result = text.result;
    if (result == ASM_OK && !file_store_write_all(file->fd, text.data, text.size)) {
        result = file_store_fail(store, ASM_ERR_WRITE, "writing", file->name);
        if (ftruncate(file->fd, file->size) != 0) file->torn = 1; /* to be looked at before the next write */
    }
    if (result == ASM_OK) file->size += (off_t)text.size;
    asm_buffer_close(&text);
    return result;
}

/* Finds a name that nothing has yet. */
static asm_result file_store_free_name(file_store *store, int directory, const char *name, const char *what,
                                       char *found) {
    struct stat status;
    for (int i = 1; i <= FILE_STORE_MAX_MOVED; i++) {
        snprintf(found, FILE_STORE_NAME_SIZE + 32, "%s.%s-%d", name, what, i);
        if (fstatat(directory, found, &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) return ASM_OK;
    }
    errno = EEXIST;
    return file_store_fail(store, ASM_ERR_WRITE, "keeping a copy of", name);
}

/* Copies what stands after the last LF to a file of its own, and cuts it off. */
static asm_result file_store_move_torn(file_store *store, int directory, file_store_file *file) {
    char kept[FILE_STORE_NAME_SIZE + 32];
    asm_buffer text;
    asm_buffer_init_growing(&text);
    asm_result result = file_store_read_all(file->fd, &text);
    if (result == ASM_OK) result = file_store_free_name(store, directory, file->name, "torn", kept);
    if (result == ASM_OK && text.size > (size_t)file->size) {
        const int fd = openat(directory, kept, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        bool is_kept =
            fd >= 0 && file_store_write_all(fd, text.data + file->size, text.size - (size_t)file->size);
        if (fd >= 0) is_kept = close(fd) == 0 && is_kept;
        if (!is_kept || ftruncate(file->fd, file->size) != 0)
            result = file_store_fail(store, ASM_ERR_WRITE, "keeping what was torn as", kept);
        else file_store_say(store, ASM_OK, kept, "has what was torn");
        store->moved += result == ASM_OK;
    }
    if (result == ASM_OK) file->torn = 0;
    asm_buffer_close(&text);
    return result;
}

/* Makes sure that nothing is lost when something is written, and that there is a first line. */
static asm_result file_store_make_ready(file_store *store, file_store_file *file, file_store_key key) {
    asm_result result = ASM_OK;
    if (!file->torn && file->size) return ASM_OK;
    const int directory = file_store_open_directory(store);
    if (directory < 0) return ASM_ERR_OPEN;
    if (file->torn) result = file_store_move_torn(store, directory, file);
    if (result == ASM_OK && !file->size) {
        asm_buffer line;
        asm_json_writer writer;
        asm_buffer_init_growing(&line);
        asm_json_writer_init(&writer, &line);
        asm_json_begin_object(&writer);
        asm_json_write_key(&writer, key.is_conversation ? ASM_STR("conversation_id") : ASM_STR("agent_id"));
        asm_json_write_string(&writer, key.id);
        asm_json_end_object(&writer);
        result = asm_json_writer_finish(&writer);
        if (result == ASM_OK) result = file_store_append_line(store, file, asm_buffer_text(&line));
        asm_buffer_close(&line);
        if (result == ASM_OK && fsync(directory) != 0)
            result = file_store_fail(store, ASM_ERR_WRITE, "bringing to the disk", store->directory);
    }
    close(directory);
    return result;
}

/* Gives a damaged file another name, and opens a new one. */
static asm_result file_store_replace_damaged(file_store *store, file_store_key key, file_store_file **file) {
    char kept[FILE_STORE_NAME_SIZE + 32];
    const int directory = file_store_open_directory(store);
    if (directory < 0) return ASM_ERR_OPEN;
    asm_result result = file_store_free_name(store, directory, (*file)->name, "damaged", kept);
    if (result == ASM_OK && renameat(directory, (*file)->name, directory, kept) != 0)
        result = file_store_fail(store, ASM_ERR_WRITE, "keeping a damaged file as", kept);
    close(directory);
    if (result != ASM_OK) return result;
    file_store_release(store, *file);
    result = file_store_open(store, key, true, NULL, file);
    store->moved++;
    return result == ASM_OK ? file_store_say(store, ASM_OK, kept, "has what was damaged") : result;
}

/* The file, ready to be appended to. */
static asm_result file_store_prepare(file_store *store, file_store_key key, file_store_file **file) {
    asm_result result = file_store_open(store, key, true, NULL, file);
    if (result == ASM_OK && (*file)->is_damaged) result = file_store_replace_damaged(store, key, file);
    return result == ASM_OK ? file_store_make_ready(store, *file, key) : result;
}

/* asm_state_store.append */
static asm_result file_store_append(void *user, asm_str agent_id, asm_str conversation_id, asm_str record) {
    file_store *store = (file_store *)user;
    file_store_file *file;
    const asm_result result = file_store_prepare(store, file_store_key_of(agent_id, conversation_id), &file);
    return result == ASM_OK ? file_store_append_line(store, file, record) : result;
}

/* Whether so much has changed since the last state that another one pays. */
static bool file_store_wants_state(const file_store_file *file) {
    const off_t state = file->changes_at - file->state_at, changes = file->size - file->changes_at;
    return file->state_at < 0 || (changes > FILE_STORE_CHANGES && changes > state);
}

/* asm_state_store.save */
static asm_result file_store_save(void *user, asm_str agent_id, asm_str conversation_id,
                                  const asm_snapshot *snapshot) {
    file_store *store = (file_store *)user;
    file_store_file *file;
    asm_result result = file_store_prepare(store, file_store_key_of(agent_id, conversation_id), &file);
    if (result != ASM_OK) return result;
    const bool is_state = !snapshot->changes.data || file_store_wants_state(file);
    const off_t at = file->size;
    result = file_store_append_line(store, file, is_state ? snapshot->state : snapshot->changes);
    if (result == ASM_OK && is_state) {
        file->state_at = at;
        file->changes_at = file->size;
    }
    if (result == ASM_OK && fsync(file->fd) != 0)
        result = file_store_fail(store, ASM_ERR_WRITE, "bringing to the disk", file->name);
    if (snapshot->reason == ASM_SAVE_ON_SHUTDOWN) file_store_release(store, file);
    return result;
}

/* ---- Listing ---- */

/* What the lines of a file say about its conversation. Texts are views, or in `scratch`. */
static void file_store_describe(asm_str text, asm_buffer *scratch, asm_conversation *conversation) {
    static const asm_str heads[] = {ASM_STR_INIT("conversation_id"), ASM_STR_INIT("agent_id")};
    static const asm_str keys[] = {ASM_STR_INIT("status"), ASM_STR_INIT("state"),
                                   ASM_STR_INIT("serialized_at")};
    const asm_str inner = ASM_STR("metadata"), name = ASM_STR("title");
    asm_str line, values[3], metadata, title, time;
    if (!file_store_next_line(&text, &line) || asm_json_find(line, heads, values, 2, NULL) != ASM_OK) return;
    (void)asm_json_to_string(values[0], scratch, &conversation->conversation_id);
    (void)asm_json_to_string(values[1], scratch, &conversation->agent_id);
    while (file_store_next_line(&text, &line)) {
        if (line.size < 10 || memcmp(line.data, "{\"version\"", 10) != 0) continue;
        if (asm_json_find(line, keys, values, 3, NULL) != ASM_OK) continue;
        (void)asm_json_to_string(values[0], scratch, &conversation->status);
        if (values[2].data && asm_json_to_string(values[2], scratch, &time))
            (void)asm_time_parse(time, &conversation->saved_at, NULL);
        if (asm_json_find(values[1], &inner, &metadata, 1, NULL) == ASM_OK &&
            asm_json_find(metadata, &name, &title, 1, NULL) == ASM_OK)
            (void)asm_json_to_string(title, scratch, &conversation->title);
    }
}

/* Tells of one file; what is not a conversation's is passed over. */
static asm_result file_store_list_one(file_store *store, int directory, const char *name,
                                      asm_conversation_callback each, void *each_user) {
    struct stat status;
    asm_conversation conversation;
    asm_buffer text, scratch;
    const int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0) close(fd);
        file_store_say(store, ASM_OK, name, "cannot be read");
        return ASM_OK;
    }
    memset(&conversation, 0, sizeof conversation);
    asm_buffer_init_growing(&text);
    asm_buffer_init_growing(&scratch);
    asm_result result = file_store_read_all(fd, &text);
    close(fd);
    if (result == ASM_OK) result = asm_buffer_reserve(&scratch, text.size); /* so that views of it stay */
    if (result == ASM_OK) file_store_describe(asm_buffer_text(&text), &scratch, &conversation);
    if (result == ASM_OK && !conversation.agent_id.data && !conversation.conversation_id.data)
        file_store_say(store, ASM_OK, name, "is damaged");
    else if (result == ASM_OK) result = each(each_user, &conversation);
    asm_buffer_close(&text);
    asm_buffer_close(&scratch);
    return result;
}

/* asm_state_store.list */
static asm_result file_store_list(void *user, asm_conversation_callback each, void *each_user) {
    file_store *store = (file_store *)user;
    const int directory = file_store_open_directory(store);
    DIR *entries = directory < 0 ? NULL : fdopendir(directory);
    const struct dirent *entry;
    asm_result result = ASM_OK;
    if (!entries) {
        if (directory >= 0) close(directory);
        return ASM_ERR_OPEN;
    }
    while (result == ASM_OK && (entry = readdir(entries)) != NULL) {
        const size_t size = strlen(entry->d_name);
        const bool is_ours =
            strncmp(entry->d_name, "conversation-", 13) == 0 || strncmp(entry->d_name, "agent-", 6) == 0;
        if (is_ours && size > 6 && strcmp(entry->d_name + size - 6, ".jsonl") == 0)
            result = file_store_list_one(store, dirfd(entries), entry->d_name, each, each_user);
    }
    closedir(entries);
    return result;
}

/* Returns the table for asm_agent_options. The directory has to exist when an agent starts; it and `store` must
 * outlive the agents. Touches no file. */
static inline asm_state_store file_store_init(file_store *store, const char *directory) {
    const asm_state_store table = {file_store_save, file_store_load, file_store_append, file_store_list,
                                   store};
    memset(store, 0, sizeof *store);
    store->directory = directory;
    return table;
}

/* Closes files that are still open: of agents that could not be saved when they ended. */
static inline void file_store_close(file_store *store) {
    while (store->files)
        file_store_release(store, store->files);
}

#endif
