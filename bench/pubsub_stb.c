/* stb_ds: a hash map of topics to arrays of subscribers. */
#include "bench_pubsub.h"

#define STB_DS_IMPLEMENTATION
#if __has_include(<stb/stb_ds.h>)
#include <stb/stb_ds.h>
#else
#include <stb_ds.h>
#endif

BENCH_DEFINE_CALLBACKS((void *user, const void *message), ((void)message, user))

typedef struct subscriber {
    callback_type callback;
    void *user;
} subscriber;

typedef struct topic {
    char *key;
    subscriber *value;
} topic;

static void *prepare(const bench_input *input) {
    topic *topics = NULL;
    sh_new_strdup(topics);
    for (size_t i = 0; i < input->topic_count; i++) {
        subscriber *subscribers = NULL;
        for (size_t k = i; k < i + input->subscriber_count; k++) {
            subscriber one = {callbacks[k % input->callback_count], &bench_users[k % input->callback_count]};
            arrput(subscribers, one);
        }
        shput(topics, input->topics[i], subscribers);
    }
    return topics;
}

static void publish(void *opaque, const bench_input *input) {
    topic *topics = (topic *)opaque;
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++) {
        ptrdiff_t at = shgeti(topics, input->names[i]);
        if (at < 0) continue;
        subscriber *subscribers = topics[at].value;
        for (size_t k = 0; k < arrlenu(subscribers); k++)
            subscribers[k].callback(subscribers[k].user, &message);
    }
}

static void finish(void *opaque) {
    topic *topics = (topic *)opaque;
    for (size_t i = 0; i < shlenu(topics); i++)
        arrfree(topics[i].value);
    shfree(topics);
}

static const bench_row rows[] = {
    {"stb_ds shgeti and loop", BENCH_BY_NAME, NULL, NULL, prepare, publish, finish},
};

const bench_library bench_exported = {"stb_ds", "0.67", rows, sizeof rows / sizeof rows[0], NULL};
