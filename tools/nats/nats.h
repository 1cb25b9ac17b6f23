/* SPDX-License-Identifier: MIT OR Unlicense */
/* Events through NATS JetStream: what asm-nats and examples/nats_bridge.c have in common. One stream for each prefix, a
 * message for each event, on the subject PREFIX.session.ID.type.TYPE. */
#ifndef TOOLS_NATS_H
#define TOOLS_NATS_H

#include "asm_events.h"

/* Zero-initialise it, and set what has no default. */
struct nats_options {
    const char *urls;     /* of servers, with commas between them */
    const char *prefix;   /* of subjects, and the stream's name */
    const char *name;     /* what this publisher is called */
    const char *not_from; /* consume: not what that publisher sent; may be NULL, as the following */
    const char *from;     /* consume: all, new, last, a sequence number, or a time; NULL: all */
    const char *after;    /* consume: a log; begin after the last event that it has from the stream */
    const char *filter;   /* consume: a subject; NULL: all of the prefix */
    const char *credentials, *ca_file;
    bool append;    /* publish: standard input is appended to the log, which is a queue */
    bool tls;       /* ca_file implies it */
    bool until_end; /* end when all is sent, or all there is has come */
    /* Consume: end with a message if there is no server, or no such stream; needs `patience`. */
    bool is_bounded;
    int64_t limit; /* bytes of the queue */
    int sent_file; /* publish: LOG.sent, open and locked; 0: that is done */
    int64_t replicas;
    int patience; /* consume: seconds without an event until it ends. publish with append: seconds to wait for the rest to be
                   * taken in the end; 0: until a signal, and some */
};

/* Sends the log at `path`. With `append` it drains standard input to its end, whatever signal comes first. Returns an exit
 * status. */
int nats_publish(const struct nats_options *given, const char *path);

/* Writes events to the log at `path`, from where it ends; NULL: to standard output, until nobody reads it. */
int nats_consume(const struct nats_options *given, const char *path);

/* Prints the publishers that are there. */
int nats_who(const struct nats_options *given);

/* ---- Topics and subjects: one to one, both ways ---- */

/* Appends the levels between `separator`s, each written by `write`, with `joint` between them. */
void subject_translate(asm_buffer *out, asm_str text, char separator, char joint,
                       void (*write)(asm_buffer *out, asm_str level));
void subject_write_token(asm_buffer *out, asm_str level);
void topic_write_level(asm_buffer *out, asm_str token);

/* The subject of an event, with a NUL; NULL without memory. */
const char *subject_of(asm_buffer *out, const char *prefix, const asm_event *event);

#endif
