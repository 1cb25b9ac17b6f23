/* SPDX-License-Identifier: MIT OR Unlicense */
/* A connection to NATS, for nats_publish() and nats_consume(). */
#ifndef TOOLS_BROKER_H
#define TOOLS_BROKER_H

#include "nats.h"

#include <nats/nats.h>

enum { ACK_MS = 1000, END_S = 10 /* after a signal, at most */, CLOSE_S = 3 };

struct broker {
    const struct nats_options *given;
    natsConnection *connection;
    jsCtx *stream;
    kvStore *presence;
    bool was_connected, is_told, is_refused, is_refusal_told;
    int64_t begun, closed; /* closed: since when; 0: it is not */
};

/* Ends the program with a message unless `status` is good. */
void must(natsStatus status, const char *what);

/* Begins to connect, which goes on in a thread of the library, also after the connection was lost. */
void broker_connect(struct broker *to, const struct nats_options *given);

/* Says once that there is no server yet. With `is_bounded` that ends the program, after some seconds. Makes a connection anew that
 * was given up: what belongs to the old one is of no use then. */
void broker_look(struct broker *to);

/* Whether nothing comes any more from this connection. */
bool broker_is_closed(const struct broker *to);

/* Makes the stream of the prefix if there is none; waits for the servers until a signal comes, or `until` if that is not 0.
 * False if that was in vain. */
bool broker_make_stream(struct broker *to, int64_t until);

/* Tells that this publisher is there: a key that goes away by itself. */
void broker_tell_presence(struct broker *to, const char *log);

/* Returns `status`; if the library's threads hold it up for seconds, the program ends with that. */
int broker_close(struct broker *from, int status);

#endif
