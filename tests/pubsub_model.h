/* The dispatcher against a naive model of it: random subscribing, unsubscribing, publishing and closing, outside and
 * inside of subscribers. The model says which subscriber must be called next, and every call is compared. Include it
 * after asm_pubsub.h and cmocka.h. */
#ifndef TESTS_PUBSUB_MODEL_H
#define TESTS_PUBSUB_MODEL_H

#include "reference_pubsub.h"

/* Chance: a number below `below`. By who includes this. */
static unsigned roll(unsigned below);

enum { MAX_LIVE = 40, MAX_ROUNDS = 4, HANDLES = 6, OWNERS = 3 };

/* Everything ever subscribed that may still matter; sorted by when it was subscribed. */
static struct model_subscription {
    char name[16];
    bool is_pattern;
    bool is_live;
    int owner;
    unsigned identity;
    asm_subscription handle;
} model[4096];
static size_t model_count, model_live;
static size_t most_live = MAX_LIVE;    /* there are many subscriptions at times, or only a few, */
static unsigned patterns_in_eight = 4; /* of which half are patterns, or hardly any */
static unsigned last_identity;

/* A publish under way: whom it reaches, in order. */
static struct model_round {
    char topic[16];
    unsigned message;
    unsigned reached[MAX_LIVE];
    size_t count, at, called;
} rounds[MAX_ROUNDS];
static unsigned open_rounds, last_message;

static struct {
    char name[16];
    bool is_live;
    asm_topic_handle topic;
} handles[HANDLES];

static asm_pubsub bus;
static unsigned long steps, calls, refusals;

static void random_name(char *out, bool is_pattern) {
    static const char *const plain[] = {"a", "b", "c", ""}, *const wild[] = {"a", "b", "*", "*"};
    const unsigned segments = 1 + roll(3);
    out[0] = '\0';
    for (unsigned i = 0; i < segments; i++) {
        strcat(out, i ? ":" : "");
        const bool is_rest = is_pattern && i + 1 == segments && roll(3) == 0;
        strcat(out, is_rest ? "**" : is_pattern ? wild[roll(4)] : plain[roll(4)]);
    }
    if (!out[0]) strcpy(out, "a");
}

static struct model_subscription *model_find(unsigned identity) {
    for (size_t i = 0; i < model_count; i++)
        if (model[i].identity == identity) return &model[i];
    return NULL;
}

static bool model_reaches(const struct model_subscription *subscription, const char *topic) {
    return subscription->is_live && (subscription->is_pattern ? reference_matches(subscription->name, topic)
                                                              : strcmp(subscription->name, topic) == 0);
}

/* The next that must be called: of the oldest round that is not at its end. */
static struct model_subscription *model_next(struct model_round **round) {
    for (unsigned i = 0; i < open_rounds; i++) {
        *round = &rounds[i];
        while (rounds[i].at < rounds[i].count) {
            struct model_subscription *next = model_find(rounds[i].reached[rounds[i].at++]);
            if (next && next->is_live) return next;
        }
    }
    return NULL;
}

static void act(void);

static void subscriber(void *user, const asm_message *message) {
    struct model_round *round = NULL;
    struct model_subscription *next = model_next(&round);
    assert_non_null(next);
    round->called++;
    calls++;
    assert_int_equal((intptr_t)user, next->owner);
    assert_memory_equal(&message->subscription, &next->handle, sizeof next->handle);
    assert_string_equal(message->topic, round->topic);
    assert_int_equal(message->text.size, round->message);
    const asm_subscription handle = next->handle;
    for (unsigned actions = roll(3); actions > 0; actions--)
        act();
    assert_memory_equal(&message->subscription, &handle, sizeof handle); /* whatever happened meanwhile */
}

static void act_subscribe(void) {
    if (model_live >= most_live || model_count == sizeof model / sizeof *model) return;
    struct model_subscription *added = &model[model_count++];
    added->is_pattern = roll(8) < patterns_in_eight;
    added->is_live = true;
    added->owner = 1 + (int)roll(OWNERS);
    added->identity = ++last_identity;
    random_name(added->name, added->is_pattern);
    void *user = (void *)(intptr_t)added->owner;
    assert_int_equal((added->is_pattern ? asm_pubsub_subscribe_pattern : asm_pubsub_subscribe)(
                         &bus, added->name, subscriber, user, &added->handle),
                     ASM_OK);
    model_live++;
}

static void model_remove(struct model_subscription *subscription) {
    subscription->is_live = false;
    model_live--;
}

static void act_unsubscribe(void) {
    if (!model_count) return;
    struct model_subscription *chosen = &model[roll((unsigned)model_count)];
    assert_int_equal(asm_pubsub_unsubscribe(&bus, chosen->handle),
                     chosen->is_live ? ASM_OK : ASM_ERR_NOT_FOUND);
    if (chosen->is_live) model_remove(chosen);
}

static void act_unsubscribe_all(void) {
    char name[16];
    const bool is_pattern = roll(2) == 0;
    const int owner = 1 + (int)roll(OWNERS);
    bool found = false;
    random_name(name, is_pattern);
    for (size_t i = 0; i < model_count; i++) {
        if (model[i].is_live && model[i].is_pattern == is_pattern && model[i].owner == owner &&
            strcmp(model[i].name, name) == 0) {
            model_remove(&model[i]);
            found = true;
        }
    }
    assert_int_equal((is_pattern ? asm_pubsub_unsubscribe_all_pattern : asm_pubsub_unsubscribe_all)(
                         &bus, name, subscriber, (void *)(intptr_t)owner),
                     found ? ASM_OK : ASM_ERR_NOT_FOUND);
}

static void act_publish(void) {
    static const char text[] = "";
    char name[16];
    random_name(name, false);
    const int handle = roll(3) ? -1 : (int)roll(HANDLES);
    const bool is_stale = handle >= 0 && !handles[handle].is_live;
    const int sender = roll(4) ? 0 : 1 + (int)roll(OWNERS);
    if (handle >= 0 && !is_stale) strcpy(name, handles[handle].name);
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = asm_str_make(text, ++last_message); /* only its size is looked at */

    const bool is_refused = open_rounds == MAX_ROUNDS;
    struct model_round *round = is_refused || is_stale ? NULL : &rounds[open_rounds++];
    if (round) {
        strcpy(round->topic, name);
        round->message = last_message;
        round->count = round->at = round->called = 0;
        for (size_t i = 0; i < model_count; i++)
            if (model_reaches(&model[i], name) && model[i].owner != sender)
                round->reached[round->count++] = model[i].identity;
    }
    const void *from = (const void *)(intptr_t)sender;
    size_t delivered = 99;
    asm_result result;
    if (handle < 0 && sender) result = asm_pubsub_publish_from(&bus, from, name, &message, &delivered);
    else if (handle < 0) result = asm_pubsub_publish(&bus, name, &message, &delivered);
    else if (sender) result = asm_topic_publish_from(&bus, from, handles[handle].topic, &message, &delivered);
    else result = asm_topic_publish(&bus, handles[handle].topic, &message, &delivered);
    if (!round) {
        assert_int_equal(result, is_stale ? ASM_ERR_NOT_FOUND : ASM_ERR_DEPTH);
        assert_int_equal(delivered, 0);
        refusals += is_refused;
        return;
    }
    assert_int_equal(result, ASM_OK);
    assert_int_equal(delivered, round->called);
    struct model_round *left;
    if (round->count) /* all rounds are at their end now */
        assert_null(model_next(&left));
    open_rounds--;
}

static void act_handle(void) {
    const unsigned i = roll(HANDLES);
    if (handles[i].is_live && roll(2)) {
        handles[i].is_live = false;
        assert_int_equal(asm_topic_release(&bus, handles[i].topic), ASM_OK);
    } else if (!handles[i].is_live) {
        assert_int_equal(asm_topic_release(&bus, handles[i].topic), ASM_ERR_NOT_FOUND);
        handles[i].is_live = true;
        random_name(handles[i].name, false);
        assert_int_equal(asm_topic_resolve(&bus, handles[i].name, &handles[i].topic), ASM_OK);
    }
}

static void act_close(void) {
    const asm_result result = asm_pubsub_close(&bus);
    assert_int_equal(result, open_rounds ? ASM_ERR_MISUSE : ASM_OK);
    if (result == ASM_OK) {
        for (size_t i = 0; i < model_count; i++)
            model[i].is_live = false;
        for (unsigned i = 0; i < HANDLES; i++)
            handles[i].is_live = false;
        model_live = 0;
    }
}

static void change_times(void) {
    most_live = roll(2) ? MAX_LIVE : MAX_LIVE / 8;
    patterns_in_eight = roll(2) ? 4 : roll(2);
}

static void act(void) {
    steps++;
    if (roll(1000) == 0) change_times();
    switch (roll(24)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        act_subscribe();
        break;
    case 6:
    case 7:
    case 8:
    case 9:
        act_unsubscribe();
        break;
    case 10:
        act_unsubscribe_all();
        break;
    case 11:
    case 12:
        act_handle();
        break;
    case 13:
        if (roll(50) == 0) act_close();
        break;
    default:
        act_publish();
        break;
    }
}

static void compare_counts(void) {
    size_t topics = 0, patterns = 0;
    for (size_t i = 0; i < model_count; i++) {
        bool is_first = model[i].is_live;
        for (size_t k = 0; k < i && is_first; k++) {
            is_first = !model[k].is_live || model[k].is_pattern != model[i].is_pattern ||
                       strcmp(model[k].name, model[i].name) != 0;
        }
        *(model[i].is_pattern ? &patterns : &topics) += is_first;
    }
    for (unsigned i = 0; i < HANDLES; i++) {
        bool is_first = handles[i].is_live;
        for (size_t k = 0; k < model_count && is_first; k++) {
            is_first =
                !model[k].is_live || model[k].is_pattern || strcmp(model[k].name, handles[i].name) != 0;
        }
        for (unsigned k = 0; k < i && is_first; k++)
            is_first = !handles[k].is_live || strcmp(handles[k].name, handles[i].name) != 0;
        topics += is_first;
    }
    assert_int_equal(bus.subscriptions, model_live);
    assert_int_equal(bus.topics, topics);
    assert_int_equal(bus.patterns, patterns);
    if (!topics && !patterns) {
        assert_null(bus.index.roots); /* nothing is left behind */
        assert_null(bus.index.root);
        assert_null(bus.shapes);
        assert_null(bus.cursors);
        assert_null(bus.handles);
    }
    char name[16];
    size_t reached = 0;
    random_name(name, false);
    for (size_t i = 0; i < model_count; i++)
        reached += model_reaches(&model[i], name);
    assert_int_equal(asm_pubsub_subscriber_count(&bus, name), reached);
}

static void forget_the_ended(void) {
    size_t kept = 0;
    for (size_t i = 0; i < model_count; i++)
        if (model[i].is_live) model[kept++] = model[i];
    model_count = kept;
}

static void model_open(void) {
    asm_pubsub_options options;
    memset(&options, 0, sizeof options);
    options.max_depth = MAX_ROUNDS;
    asm_pubsub_init(&bus, &options);
    memset(handles, 0, sizeof handles);
    model_count = model_live = 0;
    last_identity = last_message = 0;
    steps = calls = refusals = 0;
}

/* From outside: one thing done, and sometimes a look at the whole. */
static void model_step(void) {
    act();
    assert_int_equal(open_rounds, 0);
    if (roll(8) == 0) compare_counts();
    if (model_count > MAX_LIVE * 2) forget_the_ended();
}

#endif
