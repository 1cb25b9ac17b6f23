/* SPDX-License-Identifier: MIT OR Unlicense */
/* Events from and to a broker, for addresses that begin with nats://: asm-nats is started for each, and passes them. */
#ifndef TOOLS_REMOTE_H
#define TOOLS_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

struct remote {
    int fd;  /* of the pipe to it; -1: none */
    int pid; /* 0: none */
    bool reads, has_failed;
    int64_t closed; /* when its pipe was, in steady milliseconds; 0: it is not */
};

/* Whether it is such an address, and not a path. */
bool is_remote(const char *path);

/* How it is called in messages: without user, password and parameters. `size` bytes at `name`. */
const char *remote_name(const char *url, char *name, int size);

/* Has `remote->fd` give the events there are, and with `follows` those to come, as JSON Lines; it does not block. `from`: where
 * to begin, whatever the address says, or NULL. False, with errno, if that cannot be started; ENOENT: without asm-nats. */
bool remote_read(struct remote *remote, const char *url, bool follows, const char *from);

/* Has `remote->fd` take events as JSON Lines. False, with errno, if that cannot be started; ENOENT: without asm-nats. */
bool remote_write(struct remote *remote, const char *url);

/* Closes the pipe, and waits until what was written is taken, or is known to wait in the queue; one that gives events is
 * not waited for longer than some seconds. False if asm-nats failed, which it has said. */
bool remote_end(struct remote *remote);

/* Closes the pipe, and tells whether asm-nats has ended, without waiting. One that gives events and goes on for some seconds
 * is killed. */
bool remote_has_ended(struct remote *remote);

/* What to say when it cannot be started. */
const char *remote_error(int error);

#endif
