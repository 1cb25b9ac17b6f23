/* SPDX-License-Identifier: MIT OR Unlicense */
/* nats://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]]…/SUBJECT[?NAME=VALUE[&NAME=VALUE]…] */
#ifndef TOOLS_NATS_URL_H
#define TOOLS_NATS_URL_H

#include "nats.h"

struct nats_url {
    struct nats_options options; /* its texts are kept until the program ends */
    const char *queue;           /* NULL: one of the user's */
    char shown[256];             /* without user and password, for messages */
    char *text;
};

/* Ends the program with a message if that is no such address. `reads`: it is an input, else an output. */
void nats_url_read(struct nats_url *url, const char *text, bool reads);

#endif
