/* SPDX-License-Identifier: MIT OR Unlicense */
/* How requests to models travel: with libcurl, any number of them in one thread. */
#ifndef AGENT_TRANSPORT_H
#define AGENT_TRANSPORT_H

#include "asm_llm.h"

#include <poll.h>

struct provider;

struct transport {
    const struct provider *provider;
    void *multi; /* a CURLM */
    struct transfer *transfers;
    struct pollfd *sockets; /* that libcurl waits for; with room for the descriptors of the host after them */
    size_t socket_count, socket_room;
    /* When libcurl wants to be called in any case, in microseconds of a steady clock; INT64_MAX: not. */
    int64_t due;
};

/* Sets up; ends the program with a message if libcurl cannot be. `provider` must outlive it. */
void transport_init(struct transport *transport, const struct provider *provider);

/* Gives up what is under way. */
void transport_close(struct transport *transport);

/* The table for asm_llm_options; `transport` is its user. */
asm_llm_transport transport_table(struct transport *transport);

/* Moves what can be moved: sends what was begun, and hands over what has arrived, which may wake agents. To be called before
 * it is found out how long to wait. */
void transport_move(struct transport *transport);

/* Waits until one of the descriptors or a connection has something, at most `milliseconds` (-1: for ever), sets revents,
 * then moves what can be moved. */
void transport_wait(struct transport *transport, struct pollfd *descriptors, size_t count, int milliseconds);

/* Gets what is at a URL of this machine; false if nothing is, within a second. */
bool transport_get(const char *url, asm_buffer *out);

#endif
