/* SPDX-License-Identifier: MIT OR Unlicense */
/* The sessions that agent programs keep on this machine. */
#ifndef TOOLS_SESSIONS_H
#define TOOLS_SESSIONS_H

#include "asm_ingest.h"
#include "statistics.h"
#include "watch.h"

enum { LONGEST_PATH = 4096 };

struct session {
    const char *agent; /* "claude", "codex", … */
    asm_format format;
    char *path, *id;
    asm_time changed; /* of the file, in Unix microseconds */
    int64_t size;     /* of the file, in bytes */
};

struct sessions {
    struct session *items; /* the one that was changed last first */
    size_t count;
};

/* For an option: the agents that are known. */
const char *agent_choice(int index);

/* Looks for them where the programs keep them: HOME, and the variables by which each can be told another place. `agent`
 * is one of agent_choice(), or NULL for all. */
struct sessions sessions_find(const char *agent);

/* The directory a session works in, from the beginning of its file; false if it does not tell. */
bool session_directory(const struct session *session, char *directory, size_t size);

/* The newest session of that directory, else NULL. */
const struct session *sessions_newest_in(const struct sessions *sessions, const char *directory);

/* The only session whose id begins so; NULL if there is none. `*several` tells that there are more. */
const struct session *sessions_by_id(const struct sessions *sessions, const char *id, bool *several);

/* How the session in a file stands. Reads all of a file that is not large, else its beginning and its end, and then
 * `*is_whole` is false: figures are those of what was read. Returns why nothing of it is read, a constant; NULL if it is. */
const char *session_read(const char *path, asm_format format, struct watch *watch,
                         struct statistics *statistics, bool *is_whole);

/* The state to tell people: a run that is open in a file that nobody wrote to for ten minutes is not called working. */
enum session_state session_state(const struct watch *watch, asm_time changed, asm_time now);

void sessions_free(struct sessions *sessions);

#endif
