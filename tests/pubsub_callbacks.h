/* Everything is called from inside every callback of asm_pubsub.h: what the callback was given stays as it was, nothing is
 * touched that was freed, and what is not allowed is an error. Include it after support.h and asm_pubsub.h; run it under
 * sanitizers. */
#ifndef TESTS_PUBSUB_CALLBACKS_H
#define TESTS_PUBSUB_CALLBACKS_H

/* Chance: a number below `below`. By who includes this. */
static unsigned roll(unsigned below);

enum { DEEPEST = 3, MAILBOX_SIZE = 16 * 1024, HISTORY_SIZE = 700 };

/* One of each, connected: the sink publishes to the dispatcher; a mailbox, a presence's diffs and the broadcaster hang on
 * it; the broadcaster sends to SSE, lines and the dispatcher. */
static struct world {
    asm_pubsub bus;
    asm_presence presence;
    asm_pubsub_sink sink;
    asm_event_handler handlers[2], chain_handler;
    asm_event_chain chain;
    asm_mailbox mailbox;
    asm_broadcaster broadcaster;
    asm_sse sse;
    asm_envelope_lines lines;
    asm_topic_handle topic;
    asm_subscription first, later;
    uint64_t reference;
    char history[HISTORY_SIZE];
    char mailbox_memory[MAILBOX_SIZE];
} world;

static int64_t next_number; /* so that texts differ */
static unsigned depth;      /* of callbacks under way in which something is done */
static unsigned max_depth;
static unsigned long callbacks_seen;
static size_t chosen_action;
static bool at_random;

static void act(void);

/* In a callback that was given `data`. */
static void inside(const char *data, size_t size) {
    callbacks_seen++;
    if (depth == max_depth) return;
    char *copy = exact_copy(data, size);
    depth++;
    act();
    depth--;
    if (size) assert_memory_equal(data, copy, size);
    free_block(copy, size);
}

/* ---- The callbacks ---- */

static void on_message(void *user, const asm_message *message) {
    (void)user;
    const asm_message before = *message;
    const asm_str text = message->text.size ? message->text
                         : message->event   ? message->event->extra
                                            : message->wrapper;
    inside(text.data, text.size);
    inside(message->topic ? message->topic : "", message->topic ? strlen(message->topic) + 1 : 0);
    assert_memory_equal(message, &before, sizeof before);
}

static void on_event(void *user, const asm_event *event) {
    (void)user;
    inside((const char *)event, sizeof *event);
}

static asm_result on_publish(void *user, const char *topic, const asm_message *message) {
    inside(topic, strlen(topic) + 1);
    return depth < DEEPEST ? asm_pubsub_publish((asm_pubsub *)user, topic, message, NULL) : ASM_OK;
}

static size_t on_topics(void *user, const asm_event *event, const char **topics) {
    (void)user;
    inside((const char *)event, sizeof *event);
    topics[0] = "t";
    topics[1] = "t:u";
    return 2;
}

static void on_wake(void *user) {
    (void)user;
    inside(NULL, 0);
}

static asm_time on_clock(void *user) {
    (void)user;
    inside(NULL, 0);
    return 1770638400000000;
}

static asm_result on_write(void *user, const char *data, size_t size) {
    (void)user;
    inside(data, size);
    return ASM_OK;
}

static asm_result on_broadcast(void *user, const char *channel, asm_str envelope) {
    (void)user;
    inside(envelope.data, envelope.size);
    inside(channel, strlen(channel) + 1);
    asm_sse_broadcast(&world.sse, channel, envelope);
    asm_envelope_lines_broadcast(&world.lines, channel, envelope);
    return asm_pubsub_broadcast(&world.bus, channel, envelope);
}

/* ---- What is done, from outside and from inside ---- */

static asm_event any_event(asm_event_type type) {
    static char texts[64][64];
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    event.session_id = ASM_STR("s");
    event.run_id = ASM_STR("r");
    event.sequence_number = ++next_number;
    char *text = texts[next_number % 64];
    memset(text, 'a' + (int)(next_number % 26), 63);
    if (type == ASM_EVENT_MESSAGE_STREAMED)
        event.message.delta = asm_str_make(text, (size_t)(1 + next_number % 60));
    return event;
}

static void do_publish(void) {
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = ASM_STR("a text");
    asm_pubsub_publish(&world.bus, "t", &message, NULL);
}

static void do_publish_all(void) {
    static const char *const topics[] = {"t", "t:u", "nobody"};
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = ASM_STR("another text");
    asm_pubsub_publish_all(&world.bus, topics, 3, &message, NULL);
    asm_topic_publish_all(&world.bus, &world.topic, 1, &message, NULL);
    asm_pubsub_publish_from(&world.bus, &world, "t", &message, NULL);
}

static void do_publish_by_handle(void) {
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = ASM_STR("by handle");
    asm_topic_publish(&world.bus, world.topic, &message, NULL);
    asm_topic_publish_from(&world.bus, &world, world.topic, &message, NULL);
}

static void do_subscribe(void) {
    asm_event_filter filter;
    memset(&filter, 0, sizeof filter);
    filter.session_id = ASM_STR("s");
    if (world.bus.subscriptions > 30) return;
    asm_pubsub_subscribe(&world.bus, "t", on_message, NULL, &world.later);
    asm_pubsub_subscribe_pattern(&world.bus, "t:*", on_message, &world, NULL);
    asm_pubsub_subscribe_events(&world.bus, &filter, on_message, NULL, NULL);
}

static void do_unsubscribe(void) {
    asm_pubsub_unsubscribe(&world.bus, world.first);
    asm_pubsub_unsubscribe(&world.bus, world.later);
}

static void do_unsubscribe_owner(void) {
    asm_pubsub_unsubscribe_owner(&world.bus, &world);
    assert_true(asm_pubsub_can_publish(&world.bus) || world.bus.depth + 1 == world.bus.options.max_depth);
}

static void do_unsubscribe_all(void) {
    asm_pubsub_unsubscribe_all(&world.bus, "t", on_message, NULL);
    asm_pubsub_unsubscribe_all_pattern(&world.bus, "t:*", on_message, &world);
    asm_pubsub_subscribe(&world.bus, "t", on_message, NULL, &world.first);
}

static void do_resolve(void) {
    asm_topic_release(&world.bus, world.topic);
    asm_topic_resolve(&world.bus, "t", &world.topic);
    assert_true(asm_pubsub_subscriber_count(&world.bus, "t") < 1000);
}

static void do_close_bus(void) {
    const bool is_publishing = world.bus.innermost != NULL;
    if (is_publishing) assert_int_equal(asm_pubsub_close(&world.bus), ASM_ERR_MISUSE);
}

static void do_track(void) {
    char meta[32];
    snprintf(meta, sizeof meta, "{\"n\":%d}", (int)++next_number);
    if (asm_presence_count(&world.presence, "t") > 20) return;
    asm_presence_track(&world.presence, &world, next_number % 2 ? "t" : "t:u",
                       next_number % 3 ? ASM_STR("k") : ASM_STR("l"), asm_str_from(meta), &world.reference);
}

static void do_presence_update(void) {
    asm_presence_update(&world.presence, &world.reference, ASM_STR("[1,2,3]"));
}

static void do_untrack(void) {
    asm_presence_untrack(&world.presence, world.reference);
}

static void do_presence_remove_owner(void) {
    asm_presence_remove_owner(&world.presence, &world);
}

static void do_presence_list(void) {
    asm_buffer out;
    asm_presence_entry entry = {.reference = 0};
    asm_buffer_init_growing(&out);
    assert_int_equal(asm_presence_write_json(&world.presence, "t", &out), ASM_OK);
    while (asm_presence_next(&world.presence, NULL, &entry))
        assert_true(entry.key.size == 1);
    asm_buffer_close(&out);
}

static void do_sink_event(void) {
    const asm_event event = any_event(ASM_EVENT_MESSAGE_STREAMED);
    world.handlers[0].callback(world.handlers[0].user, &event);
}

static void do_chain_event(void) {
    const asm_event event = any_event(ASM_EVENT_TOOL_CALL_STARTED);
    world.chain_handler.callback(world.chain_handler.user, &event);
}

static void do_post(void) {
    const asm_event event = any_event(ASM_EVENT_MESSAGE_STREAMED);
    asm_message message;
    memset(&message, 0, sizeof message);
    message.event = &event;
    message.topic = "t";
    for (int i = 0; i < 5; i++)
        asm_mailbox_post(&world.mailbox, &message);
}

static void do_receive(void) {
    asm_mailbox_receive(&world.mailbox, NULL);
}

static void do_drain(void) {
    asm_mailbox_drain(&world.mailbox, on_message, NULL, 3);
}

static void do_broadcaster_event(void) {
    static const asm_event_type types[] = {ASM_EVENT_RUN_STARTED, ASM_EVENT_MESSAGE_STREAMED,
                                           ASM_EVENT_STEP_STARTED, ASM_EVENT_TOOL_CALL_STARTED,
                                           ASM_EVENT_RUN_COMPLETED};
    asm_event event = any_event(types[next_number % 5]);
    if (event.type == ASM_EVENT_TOOL_CALL_STARTED) {
        event.tool.name = ASM_STR("Bash");
        event.tool.input = ASM_STR("{\"command\":\"ls \\u00e9\",\"n\":[1,2]}");
    }
    asm_broadcaster_event(&world.broadcaster, &event);
}

static void do_broadcaster_status(void) {
    asm_broadcaster_set_status(&world.broadcaster, next_number++ % 2 ? ASM_STR("one") : ASM_STR("two"),
                               ASM_STR("e"), ASM_STR("r"), 0);
}

static void do_broadcaster_reset(void) {
    asm_broadcaster_reset(&world.broadcaster, ASM_STR("next"));
}

static void do_broadcaster_close(void) {
    if (world.broadcaster.sends) assert_int_equal(asm_broadcaster_close(&world.broadcaster), ASM_ERR_MISUSE);
}

static void do_sse_broadcast(void) {
    char envelope[300];
    const int number = (int)++next_number;
    const int size = snprintf(envelope, sizeof envelope, "{\"type\":\"t%d\",\"x\":\"%0*d\"}", number,
                              number * 37 % 200 + 1, 7);
    asm_sse_broadcast(&world.sse, "agent.s", asm_str_make(envelope, (size_t)size));
}

static void do_sse_resume(void) {
    bool complete;
    assert_int_equal(asm_sse_resume(&world.sse, ASM_STR("1"), on_write, NULL, &complete), ASM_OK);
}

static void do_sse_close(void) {
    if (world.sse.writes) assert_int_equal(asm_sse_close(&world.sse), ASM_ERR_MISUSE);
}

static void do_lines_broadcast(void) {
    char line[200];
    memset(line, 'y', sizeof line);
    asm_envelope_lines_broadcast(&world.lines, "c", asm_str_make(line, (size_t)(next_number++ * 71 % 200)));
}

static void do_lines_close(void) {
    if (world.lines.writes) assert_int_equal(asm_envelope_lines_close(&world.lines), ASM_ERR_MISUSE);
}

static const struct {
    const char *name;
    void (*call)(void);
} actions[] = {
    {"publish", do_publish},
    {"publish_all", do_publish_all},
    {"publish_by_handle", do_publish_by_handle},
    {"subscribe", do_subscribe},
    {"unsubscribe", do_unsubscribe},
    {"unsubscribe_all", do_unsubscribe_all},
    {"unsubscribe_owner", do_unsubscribe_owner},
    {"resolve", do_resolve},
    {"close_bus", do_close_bus},
    {"track", do_track},
    {"presence_update", do_presence_update},
    {"untrack", do_untrack},
    {"presence_remove_owner", do_presence_remove_owner},
    {"presence_list", do_presence_list},
    {"sink_event", do_sink_event},
    {"chain_event", do_chain_event},
    {"post", do_post},
    {"receive", do_receive},
    {"drain", do_drain},
    {"broadcaster_event", do_broadcaster_event},
    {"broadcaster_status", do_broadcaster_status},
    {"broadcaster_reset", do_broadcaster_reset},
    {"broadcaster_close", do_broadcaster_close},
    {"sse_broadcast", do_sse_broadcast},
    {"sse_resume", do_sse_resume},
    {"sse_close", do_sse_close},
    {"lines_broadcast", do_lines_broadcast},
    {"lines_close", do_lines_close},
};

static void act(void) {
    const size_t action = at_random ? roll(COUNT(actions)) : chosen_action;
    actions[action].call();
}

static void open_world(void) {
    asm_pubsub_sink_options sink_options;
    asm_presence_options presence_options;
    asm_mailbox_options mailbox_options;
    asm_broadcaster_options broadcaster_options;
    asm_broadcast_settings settings = asm_broadcast_debug();
    asm_sse_options sse_options;
    memset(&world, 0, sizeof world);
    memset(&sink_options, 0, sizeof sink_options);
    memset(&presence_options, 0, sizeof presence_options);
    memset(&mailbox_options, 0, sizeof mailbox_options);
    memset(&broadcaster_options, 0, sizeof broadcaster_options);
    memset(&sse_options, 0, sizeof sse_options);
    asm_pubsub_init(&world.bus, NULL);
    presence_options.pubsub = &world.bus;
    asm_presence_init(&world.presence, &presence_options);
    sink_options.publish = on_publish;
    sink_options.publish_user = &world.bus;
    sink_options.choose_topics = on_topics;
    world.handlers[0] = asm_pubsub_callback_init(&world.sink, &sink_options);
    world.handlers[1].callback = on_event;
    world.chain_handler = asm_event_chain_init(&world.chain, world.handlers, 2);
    mailbox_options.memory = world.mailbox_memory;
    mailbox_options.size = sizeof world.mailbox_memory;
    mailbox_options.capacity = 4;
    mailbox_options.wake = on_wake;
    mailbox_options.overflow = ASM_OVERFLOW_DROP_OLDEST;
    assert_int_equal(asm_mailbox_init(&world.mailbox, &mailbox_options), ASM_OK);
    broadcaster_options.broadcast = on_broadcast;
    broadcaster_options.clock = on_clock;
    broadcaster_options.settings = &settings;
    broadcaster_options.session_id = ASM_STR("s");
    assert_int_equal(asm_broadcaster_init(&world.broadcaster, &broadcaster_options), ASM_OK);
    sse_options.write = on_write;
    sse_options.memory = world.history;
    sse_options.size = sizeof world.history;
    asm_sse_init(&world.sse, &sse_options);
    asm_envelope_lines_init(&world.lines, on_write, NULL);
    max_depth = 0; /* nothing from inside yet */
    asm_pubsub_subscribe(&world.bus, "t", on_message, NULL, &world.first);
    asm_pubsub_subscribe(&world.bus, "t", asm_mailbox_on_message, &world.mailbox, NULL);
    asm_pubsub_subscribe_pattern(&world.bus, "t:*", on_message, &world, NULL);
    asm_topic_resolve(&world.bus, "t", &world.topic);
    for (int i = 0; i < 4; i++) {
        do_track();
        do_post();
        do_sse_broadcast();
    }
}

static void close_world(void) {
    assert_int_equal(depth, 0);
    asm_presence_close(&world.presence);
    assert_int_equal(asm_broadcaster_close(&world.broadcaster), ASM_OK);
    assert_int_equal(asm_sse_close(&world.sse), ASM_OK);
    assert_int_equal(asm_envelope_lines_close(&world.lines), ASM_OK);
    assert_int_equal(asm_pubsub_close(&world.bus), ASM_OK);
    assert_int_equal(allocations_alive, 0);
}

#endif
