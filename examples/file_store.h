/* Keeps the states of agents in a directory, one JSON file for each conversation: an asm_state_store.
 *
 * To be copied into your program; needs asm_agent.h and POSIX.
 *
 *       file_store files;
 *       const asm_state_store store = file_store_init(&files, "/var/lib/agents");
 *       asm_agent_start(&server, &(asm_agent_options){.id = ASM_STR("a1"), .state_store = &store, …});
 *       if (…the start failed…) fprintf(stderr, "%s\n", files.error);
 *
 * FILES
 *   conversation-ID.json, or agent-ID.json for an agent without a conversation. In the name, each byte of the
 *   id but a-z, 0-9, - and _ is written as %xx, so that no id leaves the directory, is hidden, or shares a file
 *   with another, whether or not upper and lower case are the same there. An id that takes more than
 *   FILE_STORE_MAX_ID bytes in the name is refused (ASM_ERR_INVALID_ARGUMENT).
 *   One process at a time may write a conversation.
 *
 * SAVING
 *   writes NAME.new, has it brought to the disk, renames it to NAME, and has that brought to the disk: whatever
 *   happens, NAME is the state before or the state after. When saving fails NAME.new is removed; one that a
 *   crash has left behind is never read, and replaced by the next save.
 *
 * DAMAGE
 *   A file is damaged that is not one JSON object with a version and a state, all of it. Loading one is an
 *   error, so that the agent does not start; it is left as it is. Saving over one keeps it as NAME.damaged-1
 *   (or -2, …): it is counted in `moved`, `error` has its name, and the state is saved. If it cannot be kept,
 *   saving is an error.
 */
#ifndef FILE_STORE_H
#define FILE_STORE_H

#include "asm_agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_STORE_MAX_ID      200 /* as written in the name */
#define FILE_STORE_NAME_SIZE   256
#define FILE_STORE_MAX_DAMAGED 1000

typedef struct file_store {
    const char *directory;                /* read only */
    unsigned long moved;                  /* read only: damaged files that were kept under another name */
    char error[3 * FILE_STORE_NAME_SIZE]; /* read only: for people, the last thing that went wrong */
} file_store;

static asm_result file_store_fail(file_store *store, asm_result result, const char *what, const char *name) {
    snprintf(store->error, sizeof store->error, "%s %s: %s", what, name, strerror(errno));
    return result;
}

static asm_result file_store_write_name(file_store *store, asm_str agent_id, asm_str conversation_id,
                                        char *name) {
    const asm_str id = conversation_id.data ? conversation_id : agent_id;
    size_t size = (size_t)sprintf(name, "%s-", conversation_id.data ? "conversation" : "agent");
    const size_t most = size + FILE_STORE_MAX_ID;
    for (size_t i = 0; i < id.size; i++) {
        const unsigned char byte = (unsigned char)id.data[i];
        const bool is_plain =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
        if (size + (is_plain ? 1 : 3) > most) {
            errno = ENAMETOOLONG;
            return file_store_fail(store, ASM_ERR_INVALID_ARGUMENT, "no file for", name);
        }
        size += (size_t)snprintf(name + size, 4, is_plain ? "%c" : "%%%02x", byte);
    }
    memcpy(name + size, ".json", 6);
    return ASM_OK;
}

/* Opens the directory, and tells the name of the file in it. */
static asm_result file_store_open(file_store *store, asm_str agent_id, asm_str conversation_id, char *name,
                                  int *directory) {
    const asm_result result = file_store_write_name(store, agent_id, conversation_id, name);
    if (result != ASM_OK) return result;
    *directory = open(store->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *directory >= 0 ? ASM_OK : file_store_fail(store, ASM_ERR_OPEN, "opening", store->directory);
}

/* ---- Reading ---- */

static asm_result file_store_read_all(int fd, asm_buffer *out) {
    char piece[16384];
    ssize_t size;
    while ((size = read(fd, piece, sizeof piece)) != 0) {
        if (size < 0 && errno != EINTR) return ASM_ERR_OPEN;
        if (size > 0 && asm_buffer_append(out, asm_str_make(piece, (size_t)size)) != ASM_OK)
            return out->result;
    }
    return ASM_OK;
}

/* Whether it is a whole state, as asm_agent_export_state() writes it. */
static bool file_store_is_whole(asm_str json) {
    const asm_str keys[] = {ASM_STR("version"), ASM_STR("state")};
    asm_str values[2];
    return asm_json_find(json, keys, values, 2, NULL) == ASM_OK && values[0].data &&
           asm_json_type_of(values[1]) == ASM_JSON_OBJECT;
}

/* Reads a file into an empty buffer: ASM_ERR_NOT_FOUND if there is none, ASM_ERR_SYNTAX if it is damaged. */
static asm_result file_store_read(file_store *store, int directory, const char *name, asm_buffer *out) {
    struct stat status;
    const int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return ASM_ERR_NOT_FOUND;
    if (fd < 0) return file_store_fail(store, ASM_ERR_OPEN, "opening", name);
    asm_result result = ASM_OK;
    if (fstat(fd, &status) != 0) {
        result = file_store_fail(store, ASM_ERR_OPEN, "looking at", name);
    } else if (!S_ISREG(status.st_mode)) {
        errno = EINVAL;
        result = file_store_fail(store, ASM_ERR_OPEN, "not a file:", name);
    } else {
        result = file_store_read_all(fd, out);
        if (result == ASM_ERR_NO_MEMORY) errno = ENOMEM;
        if (result != ASM_OK) file_store_fail(store, result, "reading", name);
    }
    close(fd);
    if (result != ASM_OK || file_store_is_whole(asm_buffer_text(out))) return result;
    snprintf(store->error, sizeof store->error, "%s is damaged", name);
    return ASM_ERR_SYNTAX;
}

/* asm_state_store.load */
static asm_result file_store_load(void *user, asm_str agent_id, asm_str conversation_id, asm_buffer *state) {
    file_store *store = (file_store *)user;
    char name[FILE_STORE_NAME_SIZE];
    int directory;
    asm_result result = file_store_open(store, agent_id, conversation_id, name, &directory);
    if (result != ASM_OK) return result;
    result = file_store_read(store, directory, name, state);
    close(directory);
    return result;
}

/* ---- Writing ---- */

/* Gives a damaged file a second name, under which it stays when the first one is taken by the new state. */
static asm_result file_store_keep_damaged(file_store *store, int directory, const char *name) {
    char kept[FILE_STORE_NAME_SIZE + 32];
    for (int i = 1; i <= FILE_STORE_MAX_DAMAGED; i++) {
        snprintf(kept, sizeof kept, "%s.damaged-%d", name, i);
        if (linkat(directory, name, directory, kept, 0) == 0) {
            store->moved++;
            snprintf(store->error, sizeof store->error, "%s was damaged: it is %s now", name, kept);
            return ASM_OK;
        }
        if (errno != EEXIST) break;
    }
    return file_store_fail(store, ASM_ERR_WRITE, "keeping a damaged file as", kept);
}

/* Makes sure that nothing is lost when `name` is replaced. */
static asm_result file_store_make_way(file_store *store, int directory, const char *name) {
    asm_buffer old;
    asm_buffer_init_growing(&old);
    const asm_result result = file_store_read(store, directory, name, &old);
    asm_buffer_close(&old);
    if (result == ASM_ERR_SYNTAX) return file_store_keep_damaged(store, directory, name);
    return result == ASM_ERR_NOT_FOUND ? ASM_OK : result;
}

/* Writes a file and brings it to the disk. */
static asm_result file_store_write(file_store *store, int directory, const char *name, asm_str state) {
    const int fd = openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return file_store_fail(store, ASM_ERR_OPEN, "opening", name);
    asm_output output;
    asm_output_stream stream;
    memset(&output, 0, sizeof output);
    output.fd = fd;
    asm_result result = asm_output_stream_open(&stream, &output);
    if (result == ASM_OK) result = asm_output_stream_write(&stream, state.data, state.size);
    if (result == ASM_OK) result = asm_output_stream_write(&stream, "\n", 1);
    if (result == ASM_OK) result = asm_output_stream_sync(&stream);
    const int error = stream.system_error;
    if (close(fd) != 0 && result == ASM_OK) result = ASM_ERR_WRITE;
    else errno = error;
    return result == ASM_OK ? ASM_OK : file_store_fail(store, result, "writing", name);
}

static asm_result file_store_replace(file_store *store, int directory, const char *name, asm_str state) {
    char temporary[FILE_STORE_NAME_SIZE + 8];
    snprintf(temporary, sizeof temporary, "%s.new", name);
    asm_result result = file_store_write(store, directory, temporary, state);
    if (result == ASM_OK) result = file_store_make_way(store, directory, name);
    if (result == ASM_OK && renameat(directory, temporary, directory, name) != 0)
        result = file_store_fail(store, ASM_ERR_WRITE, "renaming", temporary);
    if (result != ASM_OK) {
        unlinkat(directory, temporary, 0);
        return result;
    }
    return fsync(directory) == 0 ? ASM_OK
                                 : file_store_fail(store, ASM_ERR_WRITE, "bringing to the disk", name);
}

/* asm_state_store.save */
static asm_result file_store_save(void *user, asm_str agent_id, asm_str conversation_id,
                                  const asm_snapshot *snapshot) {
    file_store *store = (file_store *)user;
    char name[FILE_STORE_NAME_SIZE];
    int directory;
    asm_result result = file_store_open(store, agent_id, conversation_id, name, &directory);
    if (result != ASM_OK) return result;
    result = file_store_replace(store, directory, name, snapshot->state);
    close(directory);
    return result;
}

/* Returns the table for asm_agent_options. The directory has to exist when an agent starts; it and `store` must
 * outlive the agents. Touches no file. */
static inline asm_state_store file_store_init(file_store *store, const char *directory) {
    const asm_state_store table = {file_store_save, file_store_load, NULL, NULL, store};
    memset(store, 0, sizeof *store);
    store->directory = directory;
    return table;
}

#endif
