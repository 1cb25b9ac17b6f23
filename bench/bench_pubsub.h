/* What a library brings to the benchmark of topics and dispatchers. */
#ifndef BENCH_PUBSUB_H
#define BENCH_PUBSUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_CALLBACKS  64
#define BENCH_TOPIC_SIZE 96

/* A table of the results: in each, all rows do the same. */
typedef enum bench_task {
    BENCH_BUILD,     /* build the topic of one run after the other */
    BENCH_BY_HANDLE, /* publish to topics that were looked up before, each with one subscriber */
    BENCH_BY_NAME,   /* the same to topics that have yet to be looked up */
    BENCH_FAN_OUT,   /* publish to one topic that has many subscribers */
    BENCH_PATTERNS,  /* publish by name, to topics that only patterns subscribe to */
    BENCH_TASK_COUNT
} bench_task;

typedef struct bench_ids {
    const char *session, *run; /* NUL-terminated */
    size_t session_size, run_size;
} bench_ids;

/* One column of a table: what there is, and what is to be done in which order. */
typedef struct bench_input {
    const char *name;
    size_t topic_count;        /* of topics there are */
    const char *const *topics; /* their names */
    size_t pattern_count;      /* of patterns that are subscribed to */
    const char *const *patterns;
    size_t subscriber_count; /* of each topic; number n of it has callback (topic + n) % callback_count, and
                                   the user of that number; a pattern has one subscriber, likewise */
    size_t callback_count;   /* how many callbacks take turns */
    const bench_ids *ids;    /* build: those of the steps, over and over */
    size_t id_count;
    const uint32_t *order;                 /* publish: the topic of each step */
    const char (*names)[BENCH_TOPIC_SIZE]; /* publish: its name, as the publisher has it at hand */
    size_t step_count;
} bench_input;

/* Called with each message. Each has a sum of its own to which it adds the number that its user is. */
typedef struct bench_user {
    uint64_t number;
} bench_user;

extern bench_user bench_users[BENCH_CALLBACKS];
extern uint64_t bench_sums[BENCH_CALLBACKS];

/* Defines BENCH_CALLBACKS functions and the array `callbacks` of them. They are different functions, so that
 * calls cannot be predicted, and cannot be merged as each has its own sum. */
#define BENCH_DEFINE_CALLBACKS(parameters, user)                                                             \
    BENCH_EACH_(BENCH_DEFINE_CALLBACK_, parameters, user)                                                    \
    typedef void(*callback_type) parameters;                                                                 \
    static const callback_type callbacks[BENCH_CALLBACKS] = {BENCH_EACH_(BENCH_NAME_CALLBACK_, , )};

#define BENCH_DEFINE_CALLBACK_(n, parameters, user)                                                          \
    static void callback_##n parameters {                                                                    \
        bench_sums[0##n] += ((const bench_user *)(user))->number;                                            \
    }
#define BENCH_NAME_CALLBACK_(n, parameters, user) callback_##n,

/* The numbers are octal. */
#define BENCH_EACH_(m, p, u)                                                                                 \
    BENCH_EACH_8_(m, 0, p, u)                                                                                \
    BENCH_EACH_8_(m, 1, p, u)                                                                                \
    BENCH_EACH_8_(m, 2, p, u)                                                                                \
    BENCH_EACH_8_(m, 3, p, u)                                                                                \
    BENCH_EACH_8_(m, 4, p, u)                                                                                \
    BENCH_EACH_8_(m, 5, p, u)                                                                                \
    BENCH_EACH_8_(m, 6, p, u)                                                                                \
    BENCH_EACH_8_(m, 7, p, u)
#define BENCH_EACH_8_(m, t, p, u)                                                                            \
    m(t##0, p, u) m(t##1, p, u) m(t##2, p, u) m(t##3, p, u) m(t##4, p, u) m(t##5, p, u) m(t##6, p, u)        \
        m(t##7, p, u)

typedef struct bench_row {
    const char *name;
    bench_task task;
    size_t (*build)(char *out, const bench_ids *ids); /* for that task; the length of the topic, in `out` */
    void (*build_all)(char *out, const bench_input *input); /* one after the other, each to `out` */
    void *(*prepare)(const bench_input *input);             /* for the others */
    void (*run)(void *state, const bench_input *input);     /* all steps once */
    void (*finish)(void *state);
} bench_row;

typedef struct bench_library {
    const char *name, *version;
    const bench_row *rows;
    size_t row_count;
    const uint64_t *allocations; /* how often it has asked for memory so far; NULL if nobody counts */
} bench_library;

/* Every library is a shared object of its own that has this one name. */
extern const bench_library bench_exported;

#ifdef __cplusplus
}
#endif
#endif
