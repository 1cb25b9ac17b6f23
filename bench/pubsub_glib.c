/* GLib: a hash table of topics, and GObject's signals. */
#include "bench_pubsub.h"

#include <glib-object.h>

#include <stdlib.h>

BENCH_DEFINE_CALLBACKS((void *user, const void *message), ((void)message, user))

typedef struct subscriber {
    callback_type callback;
    void *user;
} subscriber;

static void *prepare_table(const bench_input *input) {
    GHashTable *topics = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < input->topic_count; i++) {
        subscriber *one = g_new(subscriber, 1); /* this task has one for each topic */
        one->callback = callbacks[i % input->callback_count];
        one->user = &bench_users[i % input->callback_count];
        g_hash_table_insert(topics, g_strdup(input->topics[i]), one);
    }
    return topics;
}

static void publish_by_table(void *opaque, const bench_input *input) {
    GHashTable *topics = (GHashTable *)opaque;
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++) {
        const subscriber *one = (const subscriber *)g_hash_table_lookup(topics, input->names[i]);
        if (one != NULL) one->callback(one->user, &message);
    }
}

static void finish_table(void *opaque) {
    g_hash_table_destroy((GHashTable *)opaque);
}

/* Signal handlers get their user last. */
#define SWAPPED(n, parameters, user)                                                                         \
    static void on_signal_##n(void *object, void *message, void *user_data) {                                \
        (void)object;                                                                                        \
        callback_##n(user_data, message);                                                                    \
    }
#define NAME_OF(n, parameters, user) on_signal_##n,
BENCH_EACH_(SWAPPED, , )
static void (*const handlers[BENCH_CALLBACKS])(void *, void *, void *) = {BENCH_EACH_(NAME_OF, , )};

static guint signal_number;

static void *prepare_signal(const bench_input *input) {
    GObject *object = G_OBJECT(g_object_new(G_TYPE_OBJECT, NULL));
    if (signal_number == 0)
        signal_number = g_signal_new("bench-message", G_TYPE_OBJECT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                     G_TYPE_NONE, 1, G_TYPE_POINTER);
    for (size_t i = 0; i < input->subscriber_count; i++)
        g_signal_connect(object, "bench-message", G_CALLBACK(handlers[i % input->callback_count]),
                         &bench_users[i % input->callback_count]);
    return object;
}

static void emit(void *opaque, const bench_input *input) {
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++)
        g_signal_emit(opaque, signal_number, 0, &message);
}

static void finish_signal(void *opaque) {
    g_object_unref(opaque);
}

static const bench_row rows[] = {
    {"GHashTable and call", BENCH_BY_NAME, NULL, NULL, prepare_table, publish_by_table, finish_table},
    {"g_signal_emit", BENCH_FAN_OUT, NULL, NULL, prepare_signal, emit, finish_signal},
};

#define TEXT(text)    TEXT_OF(text)
#define TEXT_OF(text) #text
#define VERSION       TEXT(GLIB_MAJOR_VERSION) "." TEXT(GLIB_MINOR_VERSION) "." TEXT(GLIB_MICRO_VERSION)

const bench_library bench_exported = {"GLib", VERSION, rows, sizeof rows / sizeof rows[0], NULL};
