/* libsigc++: one signal with many slots. */
#include "bench_pubsub.h"

#include <sigc++/sigc++.h>
#include <sigc++config.h>

BENCH_DEFINE_CALLBACKS((void *user, const void *message), ((void)message, user))

typedef sigc::signal<void, const void *> message_signal;

struct bound_callback {
    typedef void result_type;
    callback_type callback;
    void *user;
    void operator()(const void *message) const {
        callback(user, message);
    }
};

static void *prepare(const bench_input *input) {
    message_signal *signal = new message_signal;
    for (size_t i = 0; i < input->subscriber_count; i++) {
        bound_callback bound = {callbacks[i % input->callback_count],
                                &bench_users[i % input->callback_count]};
        signal->connect(sigc::slot<void, const void *>(bound));
    }
    return signal;
}

static void publish(void *opaque, const bench_input *input) {
    message_signal *signal = static_cast<message_signal *>(opaque);
    int message = 0;
    for (size_t i = 0; i < input->step_count; i++)
        signal->emit(&message);
}

static void finish(void *opaque) {
    delete static_cast<message_signal *>(opaque);
}

static const bench_row rows[] = {
    {"libsigc++ signal", BENCH_FAN_OUT, NULL, NULL, prepare, publish, finish},
};

#define TEXT(text)    TEXT_OF(text)
#define TEXT_OF(text) #text
#define VERSION       TEXT(SIGCXX_MAJOR_VERSION) "." TEXT(SIGCXX_MINOR_VERSION) "." TEXT(SIGCXX_MICRO_VERSION)

extern "C" const bench_library bench_exported = {"libsigc++", VERSION, rows, sizeof rows / sizeof rows[0],
                                                 NULL};
