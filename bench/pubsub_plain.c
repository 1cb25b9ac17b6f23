/* What a program does without a library: snprintf, function pointers, a look at each pattern in turn. */
#include "bench_pubsub.h"

#define ASM_STATIC
#define ASM_IMPLEMENTATION
#include "../asm_pubsub.h"

#include <stdio.h>
#include <stdlib.h>

BENCH_DEFINE_CALLBACKS((void *user, const void *message), ((void)message, user))

static size_t build(char *out, const bench_ids *ids) {
    return (size_t)snprintf(out, BENCH_TOPIC_SIZE, "%s:session:%s:run:%s", "asm", ids->session, ids->run);
}

static void build_all(char *out, const bench_input *input) {
    for (size_t i = 0, k = 0; i < input->step_count; i++, k = k + 1 < input->id_count ? k + 1 : 0)
        (void)build(out, &input->ids[k]);
}

static void *use_input(const bench_input *input) {
    (void)input;
    return bench_users;
}

static void keep(void *opaque) {
    (void)opaque;
}

static void call_one_of_64(void *opaque, const bench_input *input) {
    int message = 0;
    (void)opaque;
    for (size_t i = 0; i < input->step_count; i++) {
        size_t number = input->order[i] % input->callback_count;
        callbacks[number](&bench_users[number], &message);
    }
}

/* A subscriber, as a program would keep it for each of its topics. */
typedef struct subscriber {
    callback_type callback;
    void *user;
} subscriber;

typedef struct state {
    size_t count;
    subscriber *subscribers;
} state;

static void *prepare_subscribers(const bench_input *input) {
    state *all = (state *)malloc(sizeof *all);
    all->count = input->subscriber_count;
    all->subscribers = (subscriber *)malloc(input->topic_count * all->count * sizeof *all->subscribers);
    if (all->subscribers == NULL) abort();
    for (size_t i = 0; i < input->topic_count; i++)
        for (size_t k = 0; k < all->count; k++) {
            size_t number = (i + k) % input->callback_count;
            all->subscribers[i * all->count + k] = (subscriber){callbacks[number], &bench_users[number]};
        }
    return all;
}

static void call_subscriber(void *opaque, const bench_input *input) {
    const state *all = (const state *)opaque;
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++) {
        const subscriber *one = &all->subscribers[input->order[i]];
        one->callback(one->user, &message);
    }
}

static void call_all(void *opaque, const bench_input *input) {
    const state *all = (const state *)opaque;
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++)
        for (size_t k = 0; k < all->count; k++)
            all->subscribers[k].callback(all->subscribers[k].user, &message);
}

static void finish_subscribers(void *opaque) {
    state *all = (state *)opaque;
    free(all->subscribers);
    free(all);
}

static void try_each_pattern(void *opaque, const bench_input *input) {
    int message = 0;
    (void)opaque;
    for (size_t i = 0; i < input->step_count; i++)
        for (size_t k = 0; k < input->pattern_count; k++)
            if (asm_pattern_matches(input->patterns[k], input->names[i]))
                callbacks[k % input->callback_count](&bench_users[k % input->callback_count], &message);
}

static const bench_row rows[] = {
    {.name = "snprintf, ids not checked", .task = BENCH_BUILD, .build = build, .build_all = build_all},
    {"plain call, one of 64 pointers", BENCH_BY_HANDLE, NULL, NULL, use_input, call_one_of_64, keep},
    {"plain call, a pointer for each topic", BENCH_BY_HANDLE, NULL, NULL, prepare_subscribers,
     call_subscriber, finish_subscribers},
    {"plain loop over pointers", BENCH_FAN_OUT, NULL, NULL, prepare_subscribers, call_all,
     finish_subscribers},
    {"every pattern tried", BENCH_PATTERNS, NULL, NULL, use_input, try_each_pattern, keep},
};

const bench_library bench_exported = {"plain C", "", rows, sizeof rows / sizeof rows[0], NULL};
