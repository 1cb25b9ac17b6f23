/* SPDX-License-Identifier: MIT OR Unlicense */
/* In place of the page, where there is no libmicrohttpd. */
#include "live.h"

#include "../common/messages.h"

#include <stdlib.h>

struct live *live_start(const struct live_settings *settings, const struct live_host *host) {
    (void)settings, (void)host;
    die("built without libmicrohttpd: there is no page");
}

void live_on_event(void *user, const asm_event *event) {
    (void)user, (void)event;
}

void live_on_debug_event(void *user, const asm_event *event) {
    (void)user, (void)event;
}

int live_descriptor(const struct live *live) {
    (void)live;
    return -1;
}

int live_timeout(const struct live *live) {
    (void)live;
    return -1;
}

void live_turn(struct live *live) {
    (void)live;
}

void live_end(struct live *live) {
    (void)live;
}
