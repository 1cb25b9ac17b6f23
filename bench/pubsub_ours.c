/* This library: topics and dispatcher. */
#include "bench_pubsub.h"

#include <stdlib.h>

#define ASM_STATIC
#define ASM_IMPLEMENTATION
#define ASM_REALLOC(memory, size) counted_realloc(memory, size)
#define ASM_FREE(memory)          free(memory)

static uint64_t allocations;

static void *counted_realloc(void *memory, size_t size) {
    allocations++;
    return realloc(memory, size);
}

#include "../asm_pubsub.h"

BENCH_DEFINE_CALLBACKS((void *user, const asm_message *message), ((void)message, user))

static size_t build(char *out, const bench_ids *ids) {
    return asm_topic_run(out, BENCH_TOPIC_SIZE, ASM_STR("asm"), asm_str_make(ids->session, ids->session_size),
                         asm_str_make(ids->run, ids->run_size));
}

static void build_all(char *out, const bench_input *input) {
    for (size_t i = 0, k = 0; i < input->step_count; i++, k = k + 1 < input->id_count ? k + 1 : 0)
        (void)build(out, &input->ids[k]);
}

/* Handles are kept in the order in which they are used, as publishers that each have their own would. */
typedef struct state {
    asm_pubsub pubsub;
    asm_topic_handle *steps;
} state;

static void check(asm_result result) {
    if (result != ASM_OK) abort();
}

static void *prepare(const bench_input *input) {
    state *all = (state *)malloc(sizeof *all);
    asm_pubsub *pubsub = &all->pubsub;
    asm_topic_handle *topics = (asm_topic_handle *)malloc((input->topic_count + 1) * sizeof *topics);
    all->steps = (asm_topic_handle *)malloc(input->step_count * sizeof *all->steps);
    if (topics == NULL || all->steps == NULL) abort();
    asm_pubsub_init(pubsub, NULL);
    for (size_t i = 0; i < input->topic_count; i++)
        for (size_t k = i; k < i + input->subscriber_count; k++)
            check(asm_pubsub_subscribe(pubsub, input->topics[i], callbacks[k % input->callback_count],
                                       &bench_users[k % input->callback_count], NULL));
    for (size_t i = 0; i < input->pattern_count; i++)
        check(asm_pubsub_subscribe_pattern(pubsub, input->patterns[i], callbacks[i % input->callback_count],
                                           &bench_users[i % input->callback_count], NULL));
    for (size_t i = 0; i < input->topic_count; i++)
        check(asm_topic_resolve(pubsub, input->topics[i], &topics[i]));
    for (size_t i = 0; i < input->step_count; i++)
        all->steps[i] = topics[input->order[i]];
    free(topics);
    return all;
}

static const asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED, .session_id = {"ses_1", 5}};

static void publish_by_handle(void *opaque, const bench_input *input) {
    state *all = (state *)opaque;
    asm_message message = {.event = &event};
    for (size_t i = 0; i < input->step_count; i++)
        asm_topic_publish(&all->pubsub, all->steps[i], &message, NULL);
}

static void publish_by_name(void *opaque, const bench_input *input) {
    state *all = (state *)opaque;
    asm_message message = {.event = &event};
    for (size_t i = 0; i < input->step_count; i++)
        asm_pubsub_publish(&all->pubsub, input->names[i], &message, NULL);
}

static void finish(void *opaque) {
    state *all = (state *)opaque;
    check(asm_pubsub_close(&all->pubsub));
    free(all->steps);
    free(all);
}

static const bench_row rows[] = {
    {.name = "asm_topic_run", .task = BENCH_BUILD, .build = build, .build_all = build_all},
    {"asm_topic_publish", BENCH_BY_HANDLE, NULL, NULL, prepare, publish_by_handle, finish},
    {"asm_pubsub_publish", BENCH_BY_NAME, NULL, NULL, prepare, publish_by_name, finish},
    {"asm_topic_publish", BENCH_FAN_OUT, NULL, NULL, prepare, publish_by_handle, finish},
    {"asm_pubsub_publish", BENCH_PATTERNS, NULL, NULL, prepare, publish_by_name, finish},
};

const bench_library bench_exported = {"asm", ASM_VERSION, rows, sizeof rows / sizeof rows[0], &allocations};
