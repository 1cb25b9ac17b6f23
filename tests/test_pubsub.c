/* Topics, dispatcher, publishing sink and event callbacks. */
#define ASM_PUBSUB_IMPLEMENTATION
#include "support.h"

#include "asm_pubsub.h"
#include "index_depth.h"
#include "reference_pubsub.h"

#define ABSENT asm_str_make(NULL, 0)

/* ---- topics ---- */

static void test_topic_forms(void **state) {
    (void)state;
    char out[64];
    assert_int_equal(asm_topic_session(out, sizeof out, ABSENT, ASM_STR("ses_1")), 17);
    assert_string_equal(out, "asm:session:ses_1");
    assert_int_equal(asm_topic_run(out, sizeof out, ASM_STR("app"), ASM_STR("s"), ASM_STR("r")), 19);
    assert_string_equal(out, "app:session:s:run:r");
    assert_int_equal(asm_topic_type(out, sizeof out, ASM_STR(""), ASM_STR("s"), ASM_STR("run_started")), 30);
    assert_string_equal(out, "asm:session:s:type:run_started");
    assert_int_equal(asm_topic_agent(out, sizeof out, ASM_STR("a-1")), 16);
    assert_string_equal(out, "agent_server:a-1");
    assert_int_equal(asm_topic_agent_debug(out, sizeof out, ASM_STR("a-1")), 22);
    assert_string_equal(out, "agent_server:debug:a-1");
    assert_int_equal(asm_topic_channel(out, sizeof out, ASM_STR("chat-42")), 13);
    assert_string_equal(out, "agent.chat-42");
}

static void test_topic_of_event(void **state) {
    (void)state;
    char out[64];
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_TOOL_CALL_STARTED;
    event.session_id = ASM_STR("s");
    assert_int_equal(asm_topic_of_event(out, sizeof out, ABSENT, ASM_SCOPE_SESSION, &event), 13);
    assert_string_equal(out, "asm:session:s");
    assert_int_equal(asm_topic_of_event(out, sizeof out, ABSENT, ASM_SCOPE_RUN, &event), 0); /* no run id */
    assert_string_equal(out, "");
    event.run_id = ASM_STR("r");
    assert_int_equal(asm_topic_of_event(out, sizeof out, ABSENT, ASM_SCOPE_RUN, &event), 19);
    assert_string_equal(out, "asm:session:s:run:r");
    assert_int_equal(asm_topic_of_event(out, sizeof out, ABSENT, ASM_SCOPE_TYPE, &event), 36);
    assert_string_equal(out, "asm:session:s:type:tool_call_started");
    event.type = ASM_EVENT_CUSTOM;
    event.type_name = ASM_STR("my:type");
    asm_topic_of_event(out, sizeof out, ABSENT, ASM_SCOPE_TYPE, &event);
    assert_string_equal(out, "asm:session:s:type:my%3Atype");
    assert_int_equal(asm_topic_of_event(out, sizeof out, ABSENT, (asm_scope)7, &event), 0);
    assert_string_equal(out, "");
}

static void test_topic_missing_id(void **state) {
    (void)state;
    char out[64];
    memset(out, 'x', sizeof out);
    assert_int_equal(asm_topic_session(out, sizeof out, ABSENT, ABSENT), 0);
    assert_string_equal(out, "");
    assert_int_equal(asm_topic_session(out, sizeof out, ABSENT, ASM_STR("")), 0);
    assert_int_equal(asm_topic_run(out, sizeof out, ABSENT, ASM_STR("s"), ABSENT), 0);
    assert_int_equal(asm_topic_run(out, sizeof out, ABSENT, ABSENT, ASM_STR("r")), 0);
    assert_int_equal(asm_topic_type(out, sizeof out, ABSENT, ASM_STR("s"), ABSENT), 0);
    assert_int_equal(asm_topic_agent(out, sizeof out, ABSENT), 0);
    assert_int_equal(asm_topic_agent(out, sizeof out, ASM_STR("presence")), 0);
    assert_int_equal(asm_topic_agent_debug(out, sizeof out, ABSENT), 0);
    assert_int_equal(asm_topic_channel(out, sizeof out, ABSENT), 0);
}

/* Never a part of a topic, never a byte past the end. */
static void test_topic_too_small(void **state) {
    (void)state;
    const asm_str session_id = ASM_STR("a:b%c");
    const char whole[] = "asm:session:a%3Ab%25c:run:r";
    for (size_t size = 0; size <= sizeof whole; size++) {
        char *out = (char *)malloc(size ? size : 1); /* so that a sanitizer sees what is written past it */
        memset(out, 'x', size ? size : 1);
        assert_int_equal(asm_topic_run(out, size, ABSENT, session_id, ASM_STR("r")), sizeof whole - 1);
        if (size) assert_string_equal(out, size == sizeof whole ? whole : "");
        free(out);
    }
    assert_int_equal(asm_topic_run(NULL, 0, ABSENT, session_id, ASM_STR("r")), sizeof whole - 1);
    assert_int_equal(asm_topic_run(NULL, 9, ABSENT, session_id, ASM_STR("r")), sizeof whole - 1);
}

/* Every byte at every place of an id, also past the first eight. */
static void test_topic_escaping(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < 20; place++) {
            char id[20], out[128], expected[128];
            memset(id, 'a', sizeof id);
            id[place] = (char)byte;
            const bool escaped = byte < 0x20 || byte == 0x7f || strchr(":%*", byte) != NULL;
            snprintf(expected, sizeof expected, "agent.%.*s", (int)place, id);
            const size_t head = strlen(expected);
            if (escaped) {
                snprintf(expected + head, sizeof expected - head, "%%%02X", (unsigned)byte);
            } else {
                expected[head] = (char)byte;
                expected[head + 1] = '\0';
            }
            strncat(expected, id + place + 1, 19 - place);
            assert_int_equal(asm_topic_channel(out, sizeof out, asm_str_make(id, sizeof id)),
                             strlen(expected));
            assert_string_equal(out, expected);
        }
    }
    char out[64];
    asm_topic_session(out, sizeof out, ASM_STR("p:q"), ASM_STR("x:run:y"));
    assert_string_equal(out, "p%3Aq:session:x%3Arun%3Ay");
}

static void expect_parts(const char *topic, asm_topic_kind kind, const char *prefix, const char *session_id,
                         const char *run_id, const char *event_type, const char *agent_id) {
    asm_topic_parts parts;
    char memory[64];
    assert_int_equal(asm_topic_parse(topic, &parts, memory, strlen(topic)), ASM_OK);
    assert_int_equal(parts.kind, kind);
    assert_true(asm_str_equal(parts.prefix, asm_str_from(prefix)));
    assert_true(asm_str_equal(parts.session_id, asm_str_from(session_id)));
    assert_true(asm_str_equal(parts.run_id, asm_str_from(run_id)));
    assert_true(asm_str_equal(parts.event_type, asm_str_from(event_type)));
    assert_true(asm_str_equal(parts.agent_id, asm_str_from(agent_id)));
}

static void test_topic_parse(void **state) {
    (void)state;
    expect_parts("asm:session:s", ASM_TOPIC_SESSION, "asm", "s", NULL, NULL, NULL);
    expect_parts("a%3Ab:session:x%2Ay", ASM_TOPIC_SESSION, "a:b", "x*y", NULL, NULL, NULL);
    expect_parts("asm:session:s:run:r", ASM_TOPIC_RUN, "asm", "s", "r", NULL, NULL);
    expect_parts("asm:session:s:type:t", ASM_TOPIC_TYPE, "asm", "s", NULL, "t", NULL);
    expect_parts("p%25:session:s%01:run:%7F", ASM_TOPIC_RUN, "p%", "s\x01", "\x7f", NULL, NULL);
    expect_parts("agent_server:a", ASM_TOPIC_AGENT, NULL, NULL, NULL, NULL, "a");
    expect_parts("agent_server:debug", ASM_TOPIC_AGENT, NULL, NULL, NULL, NULL, "debug");
    expect_parts("agent_server:debug:a", ASM_TOPIC_AGENT_DEBUG, NULL, NULL, NULL, NULL, "a");
    expect_parts("agent_server:presence", ASM_TOPIC_PRESENCE, NULL, NULL, NULL, NULL, NULL);
    expect_parts("agent_server:session:s", ASM_TOPIC_SESSION, "agent_server", "s", NULL, NULL, NULL);
    expect_parts("agent.s.1", ASM_TOPIC_CHANNEL, NULL, "s.1", NULL, NULL, NULL);

    static const char *const custom[] = {
        "news",
        "asm:session:",
        ":session:s",
        "asm:session:s:run",
        "asm:session:s:run:",
        "asm:session::run:r",
        "asm:session:s:job:r",
        "asm:session:s:run:r:x",
        "agent_server",
        "agent_server:",
        "agent_server:debug:",
        "agent_server:x:y",
        "agent.",
        "agent.x:y",
        "asm:session:*",
        "asm:session:%3a",
        "asm:session:%41",
        "asm:session:%",
        "asm:session:%3",
        "asm:session:a\x01",
        "asm:session:s:type:t:",
    };
    for (size_t i = 0; i < COUNT(custom); i++)
        expect_parts(custom[i], ASM_TOPIC_CUSTOM, NULL, NULL, NULL, NULL, NULL);
    asm_topic_parts parts;
    char memory[64];
    assert_int_equal(asm_topic_parse("", &parts, memory, sizeof memory), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_topic_parse(NULL, &parts, memory, sizeof memory), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_topic_parse("agent.a%3Ab", &parts, memory, 4), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_topic_parse("agent.a%3Ab", &parts, NULL, 0), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_topic_parse("agent.ab", &parts, NULL, 0), ASM_OK);
}

/* Any ids come back from the topic as they were, and the topic from them. */
static void test_topic_round_trip(void **state) {
    (void)state;
    static const char alphabet[] = ":%*ab3A\x01\x7f\xc3\xa9";
    unsigned random = 1;
    for (int round = 0; round < 20000; round++) {
        char ids[3][8], topic[128], again[128], memory[128];
        asm_str id[3];
        for (int i = 0; i < 3; i++) {
            random = random * 1103515245u + 12345u;
            const size_t size = 1 + (random >> 16) % sizeof ids[i];
            for (size_t k = 0; k < size; k++) {
                random = random * 1103515245u + 12345u;
                ids[i][k] = alphabet[(random >> 16) % sizeof alphabet]; /* the final NUL among them */
            }
            id[i] = asm_str_make(ids[i], size);
        }
        asm_topic_parts parts;
        assert_in_range(asm_topic_run(topic, sizeof topic, id[0], id[1], id[2]), 1, sizeof topic - 1);
        assert_int_equal(asm_topic_parse(topic, &parts, memory, strlen(topic)), ASM_OK);
        assert_int_equal(parts.kind, ASM_TOPIC_RUN);
        assert_true(asm_str_equal(parts.prefix, id[0]));
        assert_true(asm_str_equal(parts.session_id, id[1]));
        assert_true(asm_str_equal(parts.run_id, id[2]));
        asm_topic_run(again, sizeof again, parts.prefix, parts.session_id, parts.run_id);
        assert_string_equal(again, topic);
    }
}

/* Whatever the text is: either it is custom, or its parts give exactly it again. */
static void test_topic_parse_anything(void **state) {
    (void)state;
    static const char *const pieces[] = {
        ":",        ":",        ":session:", ":run:", ":type:", "asm", "agent.", "agent_server:",
        "presence", "debug:",   "x",         "%3A",   "%25",    "%",   "%2",     "*",
        "\x7f",     "\xc3\xa9", "%7F",       "%C3",   "%3a"};
    uint64_t random = 1;
    size_t taken_apart = 0;
    for (int round = 0; round < 200000; round++) {
        char topic[128] = "", again[128];
        for (uint64_t count = 1 + next_random(&random) % 7; count > 0; count--)
            strcat(topic, pieces[next_random(&random) % COUNT(pieces)]);
        const size_t size = strlen(topic);
        char *memory = exact_block(size);
        asm_topic_parts parts;
        assert_int_equal(asm_topic_parse(topic, &parts, memory, size), ASM_OK);
        if (parts.kind != ASM_TOPIC_CUSTOM) {
            taken_apart++;
            const size_t length = rebuild_topic(again, sizeof again, &parts);
            expect(length == size && strcmp(again, topic) == 0, "%s became %s", topic, again);
        }
        free_block(memory, size);
    }
    assert_true(taken_apart > 1000);
    end_of_cases();
}

static void test_pattern_check(void **state) {
    (void)state;
    static const char *const good[] = {"*", "**", "a", "a:*", "a:**", "*:b:**", "a::b", "a:", ":"};
    static const char *const bad[] = {"", "a*", "*a", "***", "a:**:b", "**:a", "a:b*:c", "a:***"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(asm_pattern_check(good[i]), ASM_OK);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(asm_pattern_check(bad[i]), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pattern_check(NULL), ASM_ERR_INVALID_ARGUMENT);
    char longest[2 * ASM_PATTERN_MAX_SEGMENTS + 2];
    for (size_t i = 0; i < sizeof longest; i++)
        longest[i] = i % 2 ? ':' : '*';
    longest[2 * ASM_PATTERN_MAX_SEGMENTS - 1] = '\0';
    assert_int_equal(asm_pattern_check(longest), ASM_OK);
    longest[2 * ASM_PATTERN_MAX_SEGMENTS - 1] = ':';
    longest[2 * ASM_PATTERN_MAX_SEGMENTS + 1] = '\0';
    assert_int_equal(asm_pattern_check(longest), ASM_ERR_INVALID_ARGUMENT);
}

static const struct {
    const char *pattern, *topic;
    bool matches;
} pattern_cases[] = {
    {"asm:session:*", "asm:session:s", true},
    {"asm:session:*", "asm:session:", true},
    {"asm:session:*", "asm:session", false},
    {"asm:session:*", "asm:session:s:run:r", false},
    {"asm:session:*:type:tool_call_started", "asm:session:s:type:tool_call_started", true},
    {"asm:session:*:type:tool_call_started", "asm:session:s:type:tool_call_failed", false},
    {"asm:**", "asm:session:s:run:r", true},
    {"asm:**", "asm", true},
    {"asm:**", "asmx:session", false},
    {"**", "anything", true},
    {"*", "anything", true},
    {"*", "any:thing", false},
    {"*:session:**", "app:session", true},
    {"*:session:**", "app:sessions", false},
    {"a:b", "a:b", true},
    {"a:b", "a", false},
    {"a", "a:b", false},
    {"a:", "a:", true},
    {"a:", "a", false},
};

static void test_pattern_matches(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(pattern_cases); i++) {
        const char *pattern = pattern_cases[i].pattern, *topic = pattern_cases[i].topic;
        expect(asm_pattern_matches(pattern, topic) == pattern_cases[i].matches, "%s on %s", pattern, topic);
    }
    end_of_cases();
    assert_true(asm_pattern_matches("a:*", "a:*")); /* no topic, but a text like any other here */
    assert_true(asm_pattern_matches("a:*:c", "a:**:c"));
    assert_false(asm_pattern_matches("a*", "a*"));
    assert_false(asm_pattern_matches("*", ""));
    assert_false(asm_pattern_matches("*", NULL));
}

/* ---- dispatcher ---- */

/* What was delivered: "NAME<TOPIC(TEXT) " for each call. */
static char calls[4096];

static void record(void *user, const asm_message *message) {
    const size_t used = strlen(calls);
    snprintf(calls + used, sizeof calls - used, "%s<%s(%.*s) ", (const char *)user, message->topic,
             (int)message->text.size, message->text.size ? message->text.data : "");
}

static asm_message text_message(const char *text) {
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = asm_str_from(text);
    return message;
}

static size_t publish(asm_pubsub *bus, const char *topic, const char *text) {
    const asm_message message = text_message(text);
    size_t delivered = 99;
    assert_int_equal(asm_pubsub_publish(bus, topic, &message, &delivered), ASM_OK);
    return delivered;
}

static void subscribe(asm_pubsub *bus, const char *topic, const char *name) {
    assert_int_equal(asm_pubsub_subscribe(bus, topic, record, (void *)(uintptr_t)name, NULL), ASM_OK);
}

static void subscribe_pattern(asm_pubsub *bus, const char *pattern, const char *name) {
    assert_int_equal(asm_pubsub_subscribe_pattern(bus, pattern, record, (void *)(uintptr_t)name, NULL),
                     ASM_OK);
}

static void expect_calls(const char *expected) {
    assert_string_equal(calls, expected);
    calls[0] = '\0';
}

static int start(void **state) {
    (void)state;
    calls[0] = '\0';
    fail_allocations_from(0);
    allocations_alive = 0;
    return 0;
}

static int finish(void **state) {
    (void)state;
    return allocations_alive == 0 ? 0 : -1; /* nothing was leaked */
}

static void test_order_and_results(void **state) {
    (void)state;
    asm_pubsub bus, other;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_init(&other, NULL);
    subscribe(&bus, "t", "a");
    subscribe(&bus, "t", "b");
    subscribe(&bus, "u", "c");
    subscribe(&bus, "t", "a"); /* twice delivers twice */
    subscribe(&other, "t", "z");
    assert_int_equal(publish(&bus, "t", "1"), 3);
    expect_calls("a<t(1) b<t(1) a<t(1) ");
    assert_int_equal(publish(&bus, "u", "2"), 1);
    expect_calls("c<u(2) ");
    assert_int_equal(publish(&bus, "nobody", "3"), 0);
    expect_calls("");
    assert_int_equal(bus.published, 3);
    assert_int_equal(bus.delivered, 4);
    assert_int_equal(bus.dropped, 0);
    assert_int_equal(bus.topics, 2);
    assert_int_equal(bus.subscriptions, 4);
    assert_int_equal(asm_pubsub_subscriber_count(&bus, "t"), 3);
    assert_int_equal(asm_pubsub_subscriber_count(&bus, "x"), 0);
    assert_int_equal(asm_pubsub_close(&bus), ASM_OK);
    assert_int_equal(bus.topics, 0);
    assert_int_equal(publish(&bus, "t", "4"), 0); /* as after init */
    asm_pubsub_close(&other);
}

static void test_patterns_deliver_in_order(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "a:**", "1");
    subscribe(&bus, "a:b", "2");
    subscribe_pattern(&bus, "a:*", "3");
    subscribe_pattern(&bus, "*:b", "4");
    subscribe(&bus, "a:b", "5");
    subscribe_pattern(&bus, "a:**", "6");
    subscribe_pattern(&bus, "a:b", "7");
    subscribe_pattern(&bus, "a:c", "-");
    assert_int_equal(publish(&bus, "a:b", ""), 7);
    expect_calls("1<a:b() 2<a:b() 3<a:b() 4<a:b() 5<a:b() 6<a:b() 7<a:b() ");
    assert_int_equal(publish(&bus, "a:x", ""), 3); /* nobody subscribed to it by name */
    expect_calls("1<a:x() 3<a:x() 6<a:x() ");
    assert_int_equal(asm_pubsub_subscriber_count(&bus, "a:b"), 7);
    assert_int_equal(asm_pubsub_subscriber_count(&bus, "a:x"), 3);
    assert_int_equal(bus.patterns, 5);
    assert_int_equal(bus.topics, 1);
    asm_pubsub_close(&bus);
}

static void test_patterns_match_as_told(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(pattern_cases); i++) {
        asm_pubsub bus;
        asm_pubsub_init(&bus, NULL);
        const char *pattern = pattern_cases[i].pattern, *topic = pattern_cases[i].topic;
        subscribe_pattern(&bus, pattern, "p");
        expect(publish(&bus, topic, "") == pattern_cases[i].matches, "%s on %s", pattern, topic);
        asm_pubsub_close(&bus);
    }
    end_of_cases();
}

/* What a topic matched before must not be remembered after the patterns changed. */
static void test_patterns_come_and_go(void **state) {
    (void)state;
    static char name[] = "p";
    asm_pubsub bus;
    asm_subscription pattern;
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "a:b", "x");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(publish(&bus, "a:b", ""), 1);
        assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "*:b", record, "p", &pattern), ASM_OK);
        assert_int_equal(publish(&bus, "a:b", ""), 2);
        assert_int_equal(publish(&bus, "a:b", ""), 2);
        assert_int_equal(asm_pubsub_unsubscribe(&bus, pattern), ASM_OK);
    }
    /* more than are remembered with a topic */
    static const char *const many[] = {"a:b", "a:*", "*:b", "*:*", "a:**", "*:**", "**", "a:b:**"};
    for (size_t i = 0; i < COUNT(many); i++) {
        subscribe_pattern(&bus, many[i], name);
        assert_int_equal(publish(&bus, "a:b", ""), i + 2);
        assert_int_equal(publish(&bus, "a:b", ""), i + 2);
    }
    for (size_t i = COUNT(many); i-- > 0;) {
        assert_int_equal(publish(&bus, "a:b", ""), i + 2);
        assert_int_equal(asm_pubsub_unsubscribe_all_pattern(&bus, many[i], record, name), ASM_OK);
    }
    assert_int_equal(bus.patterns, 0);
    asm_pubsub_close(&bus);
}

static asm_message seen_copy;

static void look(void *user, const asm_message *message) {
    (void)user;
    seen_copy = *message;
}

/* Member by member: between them there may be bytes without a meaning. */
static void expect_subscription(asm_subscription subscription, asm_subscription expected) {
    assert_ptr_equal(subscription.pubsub, expected.pubsub);
    assert_true(subscription.number == expected.number);
}

static void expect_message(const asm_message *sent, const char *wrapper, const char *session_id,
                           const asm_subscription *subscription) {
    assert_string_equal(seen_copy.topic, "t");
    assert_true(asm_str_equal(seen_copy.wrapper, asm_str_from(wrapper)));
    assert_true(asm_str_equal(seen_copy.session_id, asm_str_from(session_id)));
    assert_ptr_equal(seen_copy.event, sent->event);
    assert_ptr_equal(seen_copy.text.data, sent->text.data);
    assert_int_equal(seen_copy.text.size, sent->text.size);
    expect_subscription(seen_copy.subscription, *subscription);
    memset(&seen_copy, 0, sizeof seen_copy);
}

/* By name and by handle, both for the first time and when they know their way. */
static void test_message(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic;
    asm_subscription subscription;
    asm_event event;
    asm_message message, full;
    memset(&event, 0, sizeof event);
    memset(&message, 0, sizeof message);
    event.type = ASM_EVENT_RUN_STARTED;
    event.session_id = ASM_STR("ses");
    message.event = &event;
    full = message;
    full.wrapper = ASM_STR("agent");
    full.session_id = ASM_STR("other");
    full.text = ASM_STR("hello");
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", look, NULL, &subscription);
    asm_topic_resolve(&bus, "t", &topic);
    for (int i = 0; i < 6; i++) {
        if (i < 3) asm_pubsub_publish(&bus, "t", &message, NULL);
        else asm_topic_publish(&bus, topic, &message, NULL);
        expect_message(&message, "asm_event", "ses", &subscription);
        if (i < 3) asm_pubsub_publish(&bus, "t", &full, NULL);
        else asm_topic_publish(&bus, topic, &full, NULL);
        expect_message(&full, "agent", "other", &subscription);
    }
    asm_pubsub_close(&bus);
}

static void test_unsubscribe(void **state) {
    (void)state;
    asm_pubsub bus, other;
    asm_subscription a, b, c;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_init(&other, NULL);
    asm_pubsub_subscribe(&bus, "t", record, "a", &a);
    asm_pubsub_subscribe(&bus, "t", record, "b", &b);
    asm_pubsub_subscribe(&other, "t", record, "c", &c);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, c), ASM_ERR_NOT_FOUND); /* foreign */
    assert_int_equal(asm_pubsub_unsubscribe(&other, a), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, a), ASM_OK);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, a), ASM_ERR_NOT_FOUND); /* stale */
    assert_int_equal(publish(&bus, "t", ""), 1);
    expect_calls("b<t() ");
    asm_pubsub_subscribe(&bus, "t", record, "n", NULL); /* takes the place of a */
    assert_int_equal(asm_pubsub_unsubscribe(&bus, a), ASM_ERR_NOT_FOUND);
    assert_int_equal(publish(&bus, "t", ""), 2);
    asm_subscription none;
    memset(&none, 0, sizeof none);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, none), ASM_ERR_NOT_FOUND);
    asm_topic_handle topic;
    assert_int_equal(asm_topic_resolve(&bus, "t", &topic), ASM_OK);
    asm_subscription disguised; /* a topic's handle is no subscription's */
    disguised.pubsub = topic.pubsub;
    disguised.number = topic.number;
    assert_int_equal(asm_pubsub_unsubscribe(&bus, disguised), ASM_ERR_NOT_FOUND);
    asm_pubsub_close(&bus);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, b), ASM_ERR_NOT_FOUND); /* gone with it */
    asm_pubsub_subscribe(&bus, "t", record, "1", NULL);
    asm_pubsub_subscribe(&bus, "t", record, "2", NULL);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, b), ASM_ERR_NOT_FOUND);
    asm_pubsub_close(&bus);
    asm_pubsub_close(&other);
}

static void test_unsubscribe_all(void **state) {
    (void)state;
    static char a[] = "a", b[] = "b";
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", record, a, NULL);
    asm_pubsub_subscribe(&bus, "t", look, a, NULL);
    asm_pubsub_subscribe(&bus, "t", record, b, NULL);
    asm_pubsub_subscribe(&bus, "t", record, a, NULL);
    asm_pubsub_subscribe(&bus, "u", record, a, NULL);
    asm_pubsub_subscribe_pattern(&bus, "t", record, a, NULL);
    assert_int_equal(asm_pubsub_unsubscribe_all(&bus, "t", record, a), ASM_OK);
    assert_int_equal(asm_pubsub_unsubscribe_all(&bus, "t", record, a), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_pubsub_unsubscribe_all(&bus, "nobody", record, a), ASM_ERR_NOT_FOUND);
    assert_int_equal(publish(&bus, "t", ""), 3); /* look, b and the pattern are left */
    assert_int_equal(asm_pubsub_unsubscribe_all_pattern(&bus, "t", record, a), ASM_OK);
    assert_int_equal(asm_pubsub_unsubscribe_all_pattern(&bus, "t", record, a), ASM_ERR_NOT_FOUND);
    assert_int_equal(publish(&bus, "t", ""), 2);
    assert_int_equal(publish(&bus, "u", ""), 1);
    asm_pubsub_close(&bus);
}

static void test_publish_from(void **state) {
    (void)state;
    static char me[] = "me", you[] = "you";
    asm_pubsub bus;
    const asm_message message = text_message("");
    size_t delivered;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", record, me, NULL);
    asm_pubsub_subscribe(&bus, "t", record, you, NULL);
    asm_pubsub_subscribe_pattern(&bus, "*", record, me, NULL);
    assert_int_equal(asm_pubsub_publish_from(&bus, me, "t", &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 1);
    expect_calls("you<t() ");
    asm_topic_handle topic;
    asm_topic_resolve(&bus, "t", &topic);
    assert_int_equal(asm_topic_publish_from(&bus, you, topic, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 2);
    expect_calls("me<t() me<t() ");
    assert_int_equal(asm_pubsub_publish_from(&bus, NULL, "t", &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 3);
    asm_pubsub_close(&bus);
}

static void test_publish_all(void **state) {
    (void)state;
    asm_pubsub bus;
    const asm_message message = text_message("m");
    size_t delivered;
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "t", "a");
    subscribe(&bus, "u", "b");
    subscribe_pattern(&bus, "*", "p");
    const char *const topics[] = {"u", "t", "v"};
    assert_int_equal(asm_pubsub_publish_all(&bus, topics, 3, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 5);
    expect_calls("b<u(m) p<u(m) a<t(m) p<t(m) p<v(m) ");
    const char *const bad[] = {"u", ""};
    assert_int_equal(asm_pubsub_publish_all(&bus, bad, 2, &message, &delivered), ASM_ERR_INVALID_ARGUMENT);
    expect_calls("");
    assert_int_equal(asm_pubsub_publish_all(&bus, NULL, 0, &message, &delivered), ASM_OK);
    asm_topic_handle resolved[2];
    asm_topic_resolve(&bus, "t", &resolved[0]);
    asm_topic_resolve(&bus, "u", &resolved[1]);
    assert_int_equal(asm_topic_publish_all(&bus, resolved, 2, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 4);
    expect_calls("a<t(m) p<t(m) b<u(m) p<u(m) ");
    asm_topic_release(&bus, resolved[1]);
    assert_int_equal(asm_topic_publish_all(&bus, resolved, 2, &message, &delivered), ASM_ERR_NOT_FOUND);
    assert_int_equal(delivered, 0);
    expect_calls("");
    asm_pubsub_close(&bus);
}

static void test_resolved_topic(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic, again;
    const asm_message message = text_message("");
    size_t delivered;
    asm_pubsub_init(&bus, NULL);
    assert_int_equal(asm_topic_resolve(&bus, "t", &topic), ASM_OK);
    assert_int_equal(bus.topics, 1);
    assert_int_equal(asm_topic_publish(&bus, topic, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 0);
    subscribe(&bus, "t", "a"); /* by name, after it was resolved */
    assert_int_equal(asm_topic_publish(&bus, topic, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 1);
    expect_calls("a<t() ");
    assert_int_equal(asm_topic_resolve(&bus, "t", &again), ASM_OK);
    assert_int_equal(asm_topic_release(&bus, topic), ASM_OK);
    assert_int_equal(asm_topic_release(&bus, topic), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_topic_publish(&bus, topic, &message, &delivered), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_topic_publish(&bus, again, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 1);
    asm_pubsub other;
    asm_pubsub_init(&other, NULL);
    subscribe(&other, "x", "x");
    assert_int_equal(asm_topic_publish(&other, again, &message, NULL), ASM_ERR_NOT_FOUND);
    asm_pubsub_close(&other);
    asm_pubsub_close(&bus);
}

/* By handle and by name, more than once: who is alone with a topic is remembered. */
static void expect_reached(asm_pubsub *bus, asm_topic_handle topic, const char *expected) {
    const asm_message message = text_message("");
    for (int i = 0; i < 3; i++) {
        size_t delivered = 99;
        assert_int_equal(asm_topic_publish(bus, topic, &message, &delivered), ASM_OK);
        assert_int_equal(delivered, strlen(expected) / strlen("a<t() "));
        expect_calls(expected);
        assert_int_equal(publish(bus, "t", ""), delivered);
        expect_calls(expected);
    }
}

static void test_only_subscriber(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic, again;
    asm_subscription pattern;
    asm_pubsub_init(&bus, NULL);
    asm_topic_resolve(&bus, "t", &topic);
    asm_topic_resolve(&bus, "t", &again);
    subscribe(&bus, "t", "a");
    expect_reached(&bus, topic, "a<t() ");
    expect_reached(&bus, again, "a<t() ");
    subscribe(&bus, "t", "b");
    expect_reached(&bus, topic, "a<t() b<t() ");
    asm_pubsub_unsubscribe_all(&bus, "t", record, (void *)(uintptr_t) "a");
    expect_reached(&bus, again, "b<t() ");
    asm_pubsub_subscribe_pattern(&bus, "*", record, (void *)(uintptr_t) "p", &pattern);
    expect_reached(&bus, again, "b<t() p<t() ");
    const asm_topic_handle forged = {pattern.pubsub, pattern.number};
    assert_int_equal(asm_topic_release(&bus, forged), ASM_ERR_NOT_FOUND);
    asm_pubsub_unsubscribe(&bus, pattern);
    expect_reached(&bus, topic, "b<t() ");
    expect_reached(&bus, again, "b<t() ");
    const asm_message message = text_message("");
    size_t delivered;
    assert_int_equal(asm_topic_publish(&bus, topic, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    asm_topic_publish_from(&bus, &bus, topic, &message, &delivered);
    assert_int_equal(delivered, 1);
    expect_calls("b<t() ");
    asm_topic_release(&bus, topic);
    assert_int_equal(asm_topic_publish(&bus, topic, &message, &delivered), ASM_ERR_NOT_FOUND);
    assert_int_equal(delivered, 0);
    asm_pubsub_unsubscribe_all(&bus, "t", record, (void *)(uintptr_t) "b");
    expect_reached(&bus, again, "");
    assert_int_equal(bus.delivered, 3 * 2 * (1 + 1 + 2 + 1 + 2 + 1 + 1) + 1);
    assert_int_equal(bus.published, 3 * 2 * 8 + 1);
    asm_pubsub_close(&bus);
}

/* What was remembered long ago is not taken for new when the counter starts again. */
static void test_only_subscriber_after_overflow(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic, other;
    const asm_message message = text_message("");
    asm_pubsub_init(&bus, NULL);
    asm_topic_resolve(&bus, "t", &topic);
    asm_topic_resolve(&bus, "other", &other);
    subscribe(&bus, "t", "a");
    subscribe(&bus, "other", "o");
    expect_reached(&bus, topic, "a<t() ");
    const uint32_t epoch = bus.direct_epoch;
    asm_pubsub_unsubscribe_all(&bus, "t", record, (void *)(uintptr_t) "a");
    assert_int_not_equal(bus.direct_epoch, epoch);
    bus.direct_epoch = UINT32_MAX; /* as after so many changes */
    asm_topic_publish(&bus, other, &message, NULL);
    asm_topic_publish(&bus, other, &message, NULL);
    asm_pubsub_unsubscribe_all(&bus, "other", record, (void *)(uintptr_t) "o");
    expect_calls("o<other() o<other() ");
    assert_int_equal(bus.direct_epoch, epoch);
    expect_reached(&bus, topic, "");
    asm_pubsub_close(&bus);
}

static void test_invalid_arguments(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic;
    const asm_message message = text_message("");
    asm_pubsub_init(&bus, NULL);
    assert_int_equal(asm_pubsub_subscribe(&bus, "", record, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe(&bus, NULL, record, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe(&bus, "t", NULL, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe(NULL, "t", record, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "a*", record, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "a", NULL, NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_publish(&bus, "", &message, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_publish(&bus, NULL, &message, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_publish(&bus, "t", NULL, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_publish(NULL, "t", &message, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_unsubscribe_all(&bus, "", record, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_unsubscribe_all_pattern(&bus, "a*", record, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_topic_resolve(&bus, "", &topic), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscriber_count(&bus, ""), 0);
    assert_int_equal(asm_pubsub_close(NULL), ASM_OK); /* as closing NULL does everywhere */
    assert_int_equal(bus.published, 0);
    assert_int_equal(asm_pubsub_close(&bus), ASM_OK);
}

/* The family's rule: NULL for what may not be NULL is an error, or nothing; of every function of this header. */
static void test_null(void **state) {
    (void)state;
    const asm_result wrong = ASM_ERR_INVALID_ARGUMENT;
    const asm_str text = ASM_STR("a");
    const asm_message message = text_message("");
    asm_topic_handle handle;
    asm_subscription subscription;
    asm_topic_parts parts;
    asm_mailbox mailbox;
    asm_broadcaster broadcaster;
    asm_presence presence;
    asm_presence_entry entry;
    asm_buffer out;
    asm_envelope_lines lines;
    uint64_t reference = 1;
    char topic[8];
    memset(&handle, 0, sizeof handle);
    memset(&subscription, 0, sizeof subscription);
    memset(&mailbox, 0, sizeof mailbox);
    memset(&broadcaster, 0, sizeof broadcaster);
    memset(&entry, 0, sizeof entry);
    asm_buffer_init_fixed(&out, topic, sizeof topic);
    assert_int_equal(asm_topic_of_event(topic, sizeof topic, text, ASM_SCOPE_SESSION, NULL), 0);
    assert_int_equal(asm_topic_parse(NULL, &parts, NULL, 0), wrong);
    assert_int_equal(asm_topic_parse("a", NULL, NULL, 0), wrong);
    asm_pubsub_init(NULL, NULL);
    assert_int_equal(asm_pubsub_close(NULL), ASM_OK);
    assert_int_equal(asm_pubsub_unsubscribe(NULL, subscription), wrong);
    assert_int_equal(asm_pubsub_unsubscribe_all(NULL, "a", record, NULL), wrong);
    assert_int_equal(asm_pubsub_unsubscribe_all_pattern(NULL, "a", record, NULL), wrong);
    assert_int_equal(asm_pubsub_unsubscribe_owner(NULL, NULL), wrong);
    assert_int_equal(asm_pubsub_subscribe_pattern(NULL, "a", record, NULL, NULL), wrong);
    assert_int_equal(asm_pubsub_subscribe_events(NULL, NULL, record, NULL, NULL), wrong);
    assert_false(asm_pubsub_can_publish(NULL));
    assert_int_equal(asm_pubsub_subscriber_count(NULL, "a"), 0);
    assert_int_equal(asm_pubsub_publish_from(NULL, NULL, "a", &message, NULL), wrong);
    assert_int_equal(asm_pubsub_publish_all(NULL, NULL, 0, &message, NULL), wrong);
    assert_int_equal(asm_topic_resolve(NULL, "a", &handle), wrong);
    assert_int_equal(asm_topic_release(NULL, handle), wrong);
    assert_int_equal(asm_topic_publish(NULL, handle, &message, NULL), wrong);
    assert_int_equal(asm_topic_publish_from(NULL, NULL, handle, &message, NULL), wrong);
    assert_int_equal(asm_topic_publish_all(NULL, NULL, 0, &message, NULL), wrong);
    assert_int_equal(asm_pubsub_sink_init(NULL, NULL).result, wrong);
    assert_null(asm_pubsub_callback_init(NULL, NULL).callback);
    assert_null(asm_event_chain_init(NULL, NULL, 1).callback);
    asm_presence_init(NULL, NULL);
    asm_presence_close(NULL);
    asm_presence_init(&presence, NULL);
    assert_int_equal(asm_presence_track(NULL, NULL, "a", text, text, NULL), wrong);
    assert_int_equal(asm_presence_update(NULL, &reference, text), wrong);
    assert_int_equal(asm_presence_update(&presence, NULL, text), wrong);
    assert_int_equal(asm_presence_untrack(NULL, 1), wrong);
    assert_int_equal(asm_presence_remove_owner(NULL, NULL), wrong);
    assert_int_equal(asm_presence_count(NULL, NULL), 0);
    assert_false(asm_presence_next(NULL, NULL, &entry));
    assert_false(asm_presence_next(&presence, NULL, NULL));
    assert_int_equal(asm_presence_write_json(NULL, "a", &out), wrong);
    assert_int_equal(asm_presence_write_json(&presence, NULL, &out), wrong);
    assert_int_equal(asm_presence_write_json(&presence, "a", NULL), wrong);
    assert_int_equal(asm_message_size(NULL), 0);
    assert_int_equal(asm_mailbox_init(NULL, NULL), wrong);
    assert_int_equal(asm_mailbox_init(&mailbox, NULL), wrong);
    assert_int_equal(asm_mailbox_post(NULL, &message), wrong);
    assert_int_equal(asm_mailbox_post(&mailbox, NULL), wrong);
    asm_mailbox_on_message(NULL, &message);
    assert_null(asm_mailbox_receive(NULL, NULL));
    assert_int_equal(asm_mailbox_drain(NULL, record, NULL, 0), 0);
    assert_int_equal(asm_mailbox_drain(&mailbox, NULL, NULL, 0), 0);
    assert_int_equal(asm_mailbox_producer_counters(NULL).posted, 0);
    assert_int_equal(asm_mailbox_consumer_counters(NULL).received, 0);
    assert_int_equal(asm_broadcaster_init(NULL, NULL), wrong);
    assert_int_equal(asm_broadcaster_close(NULL), ASM_OK);
    assert_int_equal(asm_broadcaster_event(NULL, NULL), wrong);
    assert_int_equal(asm_broadcaster_event(&broadcaster, NULL), wrong);
    asm_broadcaster_on_event(NULL, NULL);
    asm_broadcaster_on_message(&broadcaster, NULL);
    assert_int_equal(asm_broadcaster_set_status(NULL, text, text, text, 0), wrong);
    asm_broadcaster_reset(NULL, text);
    assert_int_equal(asm_sse_write(NULL, text, text, text), wrong);
    asm_sse_init(NULL, NULL);
    assert_int_equal(asm_sse_close(NULL), ASM_OK);
    assert_int_equal(asm_sse_broadcast(NULL, "a", text), wrong);
    assert_int_equal(asm_sse_resume(NULL, text, NULL, NULL, NULL), wrong);
    asm_envelope_lines_init(NULL, NULL, NULL);
    assert_int_equal(asm_envelope_lines_close(NULL), ASM_OK);
    assert_int_equal(asm_envelope_lines_broadcast(NULL, "a", text), wrong);
    asm_envelope_lines_init(&lines, NULL, NULL);
    assert_int_equal(asm_envelope_lines_broadcast(&lines, "a", text), wrong);
    assert_int_equal(asm_pubsub_broadcast(NULL, "a", text), wrong);
    assert_int_equal(allocations_alive, 0);
}

/* ---- the rules for calls from inside a subscriber ---- */

static asm_pubsub *inner_bus;
static asm_subscription inner_subscription;
static int inner_countdown;
static asm_result inner_result;

static void subscribe_inside(void *user, const asm_message *message) {
    record(user, message);
    if (inner_countdown-- > 0) {
        subscribe(inner_bus, "t", "new");
        subscribe_pattern(inner_bus, "t:**", "newp");
    }
}

static void test_rule_subscribe_inside(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    inner_countdown = 1;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", subscribe_inside, "a", NULL);
    subscribe(&bus, "t", "b");
    assert_int_equal(publish(&bus, "t", "1"), 2);
    expect_calls("a<t(1) b<t(1) ");
    assert_int_equal(publish(&bus, "t", "2"), 4);
    expect_calls("a<t(2) b<t(2) new<t(2) newp<t(2) ");
    /* the same while several lists are merged */
    inner_countdown = 50;
    assert_int_equal(publish(&bus, "t", "3"), 4);
    assert_int_equal(publish(&bus, "t", "4"), 6);
    asm_pubsub_close(&bus);
}

/* What is published inside is the next publish: the new subscriber gets it. */
static void subscribe_and_publish(void *user, const asm_message *message) {
    record(user, message);
    if (inner_countdown-- > 0) {
        subscribe(inner_bus, "t", "new");
        assert_int_equal(publish(inner_bus, "t", "2"), 2);
    }
}

static void test_rule_new_subscription_gets_nested_publish(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    inner_countdown = 1;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", subscribe_and_publish, "a", NULL);
    assert_int_equal(publish(&bus, "t", "1"), 1);
    expect_calls("a<t(1) a<t(2) new<t(2) ");
    asm_pubsub_close(&bus);
}

static void unsubscribe_other(void *user, const asm_message *message) {
    record(user, message);
    inner_result = asm_pubsub_unsubscribe(inner_bus, inner_subscription);
}

static void test_rule_unsubscribe_later_one(void **state) {
    (void)state;
    static const char *const patterns[] = {NULL, "*"}; /* one list, and several merged */
    for (int i = 0; i < 2; i++) {
        asm_pubsub bus;
        inner_bus = &bus;
        asm_pubsub_init(&bus, NULL);
        if (patterns[i]) subscribe_pattern(&bus, patterns[i], "p");
        asm_pubsub_subscribe(&bus, "t", unsubscribe_other, "a", NULL);
        asm_pubsub_subscribe(&bus, "t", record, "b", &inner_subscription);
        subscribe(&bus, "t", "c");
        assert_int_equal(publish(&bus, "t", ""), i + 2);
        assert_int_equal(inner_result, ASM_OK);
        expect_calls(i ? "p<t() a<t() c<t() " : "a<t() c<t() ");
        assert_int_equal(publish(&bus, "t", ""), i + 2);
        assert_int_equal(inner_result, ASM_ERR_NOT_FOUND);
        calls[0] = '\0';
        asm_pubsub_close(&bus);
    }
}

static void unsubscribe_itself(void *user, const asm_message *message) {
    record(user, message);
    inner_result = asm_pubsub_unsubscribe(inner_bus, message->subscription);
}

static void test_rule_unsubscribe_itself(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "t", "a");
    asm_pubsub_subscribe(&bus, "t", unsubscribe_itself, "b", NULL);
    subscribe(&bus, "t", "c");
    asm_pubsub_subscribe(&bus, "u", unsubscribe_itself, "alone", NULL);
    asm_pubsub_subscribe_pattern(&bus, "v", unsubscribe_itself, "pattern", NULL);
    assert_int_equal(publish(&bus, "t", ""), 3);
    assert_int_equal(inner_result, ASM_OK);
    assert_int_equal(publish(&bus, "t", ""), 2);
    expect_calls("a<t() b<t() c<t() a<t() c<t() ");
    assert_int_equal(publish(&bus, "u", ""), 1);
    assert_int_equal(publish(&bus, "u", ""), 0);
    assert_int_equal(publish(&bus, "v", ""), 1);
    assert_int_equal(publish(&bus, "v", ""), 0);
    assert_int_equal(bus.topics, 1);
    assert_int_equal(bus.patterns, 0);
    asm_pubsub_close(&bus);
}

static void publish_inside(void *user, const asm_message *message) {
    record(user, message);
    if (inner_countdown > 0) {
        inner_countdown--;
        const asm_subscription before = message->subscription;
        char text[2] = {(char)(message->text.data[0] + 1), '\0'};
        assert_int_equal(publish(inner_bus, "t", text), 3);
        record((void *)(uintptr_t) "back", message);
        expect_subscription(message->subscription, before); /* still its own message */
    }
}

/* Everybody receives 1, 2, 3 in this order, and publish returns when all have been called. */
static void test_rule_publish_inside(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    inner_countdown = 2;
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "t", "a");
    asm_pubsub_subscribe(&bus, "t", publish_inside, "b", NULL);
    subscribe(&bus, "t", "c");
    assert_int_equal(publish(&bus, "t", "1"), 3);
    expect_calls("a<t(1) b<t(1) c<t(1) a<t(2) b<t(2) c<t(2) a<t(3) b<t(3) c<t(3) back<t(2) back<t(1) ");
    assert_int_equal(bus.delivered, 9);
    asm_pubsub_close(&bus);
}

static void test_rule_publish_inside_merged(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    inner_countdown = 2;
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "*", "a");
    asm_pubsub_subscribe(&bus, "t", publish_inside, "b", NULL);
    subscribe_pattern(&bus, "**", "c");
    assert_int_equal(publish(&bus, "t", "1"), 3);
    expect_calls("a<t(1) b<t(1) c<t(1) a<t(2) b<t(2) c<t(2) a<t(3) b<t(3) c<t(3) back<t(2) back<t(1) ");
    asm_pubsub_close(&bus);
}

static unsigned depth_reached;

static void publish_forever(void *user, const asm_message *message) {
    (void)user;
    depth_reached++;
    inner_result = asm_pubsub_publish(inner_bus, message->topic, message, NULL);
    if (inner_result == ASM_OK) return;
    assert_int_equal(inner_result, ASM_ERR_DEPTH);
}

static void test_rule_nesting_limit(void **state) {
    (void)state;
    const unsigned limits[] = {0, 1, 5};
    for (int i = 0; i < 3; i++) {
        asm_pubsub bus;
        asm_pubsub_options options;
        memset(&options, 0, sizeof options);
        options.max_depth = limits[i];
        inner_bus = &bus;
        depth_reached = 0;
        asm_pubsub_init(&bus, &options);
        asm_pubsub_subscribe(&bus, "t", publish_forever, NULL, NULL);
        subscribe_pattern(&bus, "*", "p");
        assert_int_equal(asm_pubsub_publish(&bus, "t", &seen_copy, NULL), ASM_OK);
        assert_int_equal(depth_reached, limits[i] ? limits[i] : 32);
        assert_int_equal(bus.dropped, 1);
        assert_int_equal(bus.published, depth_reached);
        assert_int_equal(bus.delivered, 2 * depth_reached);
        calls[0] = '\0';
        asm_pubsub_close(&bus);
    }
    asm_pubsub bus;
    asm_pubsub_options options;
    memset(&options, 0xff, sizeof options);
    asm_pubsub_init(&bus, &options);
    assert_int_equal(bus.options.max_depth, ASM_PUBSUB_MAX_DEPTH);
}

static void close_inside(void *user, const asm_message *message) {
    record(user, message);
    inner_result = asm_pubsub_close(inner_bus);
}

static void test_rule_close_inside(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", close_inside, "a", NULL);
    subscribe(&bus, "t", "b");
    assert_int_equal(publish(&bus, "t", ""), 2);
    assert_int_equal(inner_result, ASM_ERR_MISUSE);
    expect_calls("a<t() b<t() ");
    assert_int_equal(asm_pubsub_close(&bus), ASM_OK);
}

static asm_topic_handle inner_topic;

static void release_inside(void *user, const asm_message *message) {
    inner_result = asm_topic_release(inner_bus, inner_topic);
    asm_pubsub_unsubscribe(inner_bus, message->subscription);
    record(user, message); /* its topic is still there */
}

static void test_rule_release_inside(void **state) {
    (void)state;
    asm_pubsub bus;
    inner_bus = &bus;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "topic", release_inside, "a", NULL);
    asm_topic_resolve(&bus, "topic", &inner_topic);
    const asm_message message = text_message("");
    assert_int_equal(asm_topic_publish(&bus, inner_topic, &message, NULL), ASM_OK);
    assert_int_equal(inner_result, ASM_OK);
    expect_calls("a<topic() ");
    assert_int_equal(bus.topics, 0);
    assert_int_equal(allocations_alive, 0);
    asm_pubsub_close(&bus);
}

/* ---- memory ---- */

static void test_no_memory_left_behind(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    static asm_subscription subscriptions[20000];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 20000; i++) {
            char topic[64];
            snprintf(topic, sizeof topic, i % 3 ? "asm:session:%d" : "asm:*:%d:**", i);
            assert_int_equal((i % 3 ? asm_pubsub_subscribe : asm_pubsub_subscribe_pattern)(
                                 &bus, topic, look, NULL, &subscriptions[i]),
                             ASM_OK);
        }
        assert_int_equal(bus.topics + bus.patterns, 20000);
        for (int i = 0; i < 20000; i++) { /* in another order */
            assert_int_equal(asm_pubsub_unsubscribe(&bus, subscriptions[(i * 7919) % 20000]), ASM_OK);
            if (i == 19000) {
                assert_in_range(allocations_alive, 1, 3 * 999 + 10 * 333); /* nodes and their lists */
                assert_in_range(bus.index.mask, 1, 8 * 4 * 1000);          /* shrinks, too */
            }
        }
        assert_int_equal(bus.topics + bus.patterns + bus.subscriptions, 0);
        assert_int_equal(allocations_alive, 0); /* without a close */
    }
}

static void test_publish_allocates_nothing(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_topic_handle topic;
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "a:b", "x");
    subscribe_pattern(&bus, "a:*", "p");
    subscribe_pattern(&bus, "**", "p");
    asm_topic_resolve(&bus, "a:b", &topic);
    const asm_message message = text_message("");
    fail_allocations_from(1);
    const size_t before = allocation_calls;
    for (int i = 0; i < 100; i++) {
        asm_pubsub_publish(&bus, "a:b", &message, NULL);
        asm_pubsub_publish(&bus, "a:c", &message, NULL);
        asm_topic_publish(&bus, topic, &message, NULL);
        asm_pubsub_subscriber_count(&bus, "a:b");
        calls[0] = '\0';
    }
    assert_int_equal(allocation_calls, before);
    fail_allocations_from(0);
    asm_pubsub_close(&bus);
}

static asm_result subscribe_one(asm_pubsub *bus, int kind, int number) {
    char name[64];
    snprintf(name, sizeof name, kind == 1 ? "a:*:%d:b" : "a:x:%d:b", number);
    asm_topic_handle topic;
    asm_subscription subscription;
    return kind == 0   ? asm_pubsub_subscribe(bus, name, record, "s", &subscription)
           : kind == 1 ? asm_pubsub_subscribe_pattern(bus, name, record, "s", &subscription)
                       : asm_topic_resolve(bus, name, &topic);
}

/* Each allocation of each kind of call fails in turn: an error, and nothing has changed. */
static void test_out_of_memory(void **state) {
    (void)state;
    for_each_way_to_fail for (int kind = 0; kind < 3; kind++) {
        for (int existing = 0; existing < 40; existing++) {
            for (long failing = 0;; failing++) {
                asm_pubsub bus;
                asm_pubsub_init(&bus, NULL);
                for (int i = 0; i < existing; i++)
                    assert_int_equal(subscribe_one(&bus, i % 3, i), ASM_OK);
                const size_t topics = bus.topics, patterns = bus.patterns, subscriptions = bus.subscriptions;
                const size_t nodes = bus.index.count, used = bus.handles_used;
                fail_allocations_from((size_t)failing + 1);
                const asm_result result = subscribe_one(&bus, kind, 1000);
                const bool was_reached = allocation_calls > (size_t)failing;
                fail_allocations_from(0);
                if (result != ASM_OK) {
                    assert_int_equal(result, ASM_ERR_NO_MEMORY);
                    assert_int_equal(bus.topics, topics);
                    assert_int_equal(bus.patterns, patterns);
                    assert_int_equal(bus.subscriptions, subscriptions);
                    assert_int_equal(bus.index.count, nodes);
                    assert_int_equal(bus.handles_used, used);
                    assert_int_equal(publish(&bus, "a:x:1000:b", ""), 0);
                    if (!existing) assert_int_equal(allocations_alive, 0);
                    assert_int_equal(subscribe_one(&bus, kind, 1000), ASM_OK); /* later it works */
                }
                assert_int_equal(publish(&bus, "a:x:1000:b", ""), kind < 2);
                calls[0] = '\0';
                asm_pubsub_close(&bus);
                assert_int_equal(allocations_alive, 0);
                if (!was_reached) break; /* or the index went without a larger table */
            }
        }
    }
    /* the second subscription of a topic needs room in its list only */
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    for (int i = 0; i < 100; i++) {
        fail_allocations_from(1);
        asm_result result = asm_pubsub_subscribe(&bus, "t", record, "s", NULL);
        fail_allocations_from(0);
        if (result != ASM_OK) {
            assert_int_equal(bus.subscriptions, i);
            assert_int_equal(asm_pubsub_subscribe(&bus, "t", record, "s", NULL), ASM_OK);
        }
    }
    asm_pubsub_close(&bus);
    /* an index that cannot shrink stays as it is */
    asm_subscription many[200];
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        asm_pubsub_subscribe(&bus, name, record, "s", &many[i]);
    }
    fail_allocations_from(1);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(asm_pubsub_unsubscribe(&bus, many[i]), ASM_OK);
        assert_int_equal(bus.topics, 199 - i);
    }
    fail_allocations_from(0);
}

/* ---- cost of a look-up ---- */

/* The most steps that a look-up takes, of all that there are. */
static unsigned deepest(const asm_pubsub *bus) {
    unsigned most = 0;
    for (size_t i = 0; i < bus->handle_slots; i++) {
        if (!bus->handles[i].node) continue;
        const unsigned depth = index_depth(&bus->index, &bus->handles[i].node->key);
        most = depth > most ? depth : most;
    }
    return most;
}

static void test_look_up_is_flat(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    for (int i = 0; i < 50000; i++) {
        char topic[64];
        snprintf(topic, sizeof topic, "asm:session:%d", i);
        asm_pubsub_subscribe(&bus, topic, look, NULL, NULL);
    }
    assert_in_range(deepest(&bus), 1, 8);
    asm_pubsub_close(&bus);
}

/* A session id of which bytes 20 to 27 can be anything without changing the hash of its topic: those after them were
 * chosen to make up for it. What `id` has at first is a random one. */
static void make_colliding_id(char id[53]) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    const uint64_t key = 0xe7037ed1a0b428dbu;
    uint64_t random = 42, hash = 0;
    char begin[17];
    memset(id, 'A', 52);
    id[52] = 0;
    memcpy(begin, "asm:session:AAAA", sizeof begin);
    const uint64_t first = asm__hash_mix(asm__hash_load(begin, 8) ^ key,
                                         asm__hash_load(begin + 8, 8) ^ UINT64_C(0x9e3779b97f4a7c15));
    for (bool found = false; !found;) {
        for (int i = 0; i < 16; i++)
            id[4 + i] = letters[next_random(&random) % 64];
        hash = asm__hash_mix(asm__hash_load(id + 4, 8) ^ key, asm__hash_load(id + 12, 8) ^ first);
        found = true;
        for (int i = 0; i < 8 && found; i++)
            found = (hash >> 8 * i & 255) && strchr(letters, (int)(hash >> 8 * i & 255)) != NULL;
    }
    memcpy(id + 28, &hash, 8);
}

/* 60,000 sessions whose topics all have the same hash. */
static void test_flood_of_equal_hashes(void **state) {
    (void)state;
    char id[53], topic[128];
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    make_colliding_id(id);
    for (int i = 0; i < 60000; i++) {
        for (int k = 0; k < 8; k++)
            id[20 + k] = (char)('A' + (i >> k * 2 & 3));
        asm_topic_session(topic, sizeof topic, ABSENT, asm_str_make(id, 52));
        assert_int_equal(asm_pubsub_subscribe(&bus, topic, record, "s", NULL), ASM_OK);
    }
    const asm__node *some = bus.handles[0].node, *other = bus.handles[59999].node;
    assert_true(some->key.hash == other->key.hash); /* or this tests nothing */
    assert_in_range(deepest(&bus), 1, 32);
    const asm_message message = text_message("");
    size_t delivered;
    assert_int_equal(asm_pubsub_publish(&bus, topic, &message, &delivered), ASM_OK);
    assert_int_equal(delivered, 1);
    calls[0] = '\0';
    asm_pubsub_close(&bus);
    assert_int_equal(allocations_alive, 0);
}

/* Of 14 segments each may be any: as many shapes as patterns. A publish looks at no more than there may be. */
static void test_flood_of_shapes(void **state) {
    (void)state;
    static const char topic[] = "a:a:a:a:a:a:a:a:a:a:a:a:a:a:other";
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    size_t accepted = 0;
    for (unsigned i = 0; i < 1u << 14; i++) {
        char pattern[64];
        size_t size = 0;
        for (unsigned k = 0; k < 14; k++) {
            pattern[size++] = i >> k & 1 ? '*' : 'a';
            pattern[size++] = ':';
        }
        strcpy(pattern + size, "end");
        const asm_result result = asm_pubsub_subscribe_pattern(&bus, pattern, record, "p", NULL);
        assert_int_equal(result, i < 256 ? ASM_OK : ASM_ERR_LIMIT);
        accepted += result == ASM_OK;
    }
    assert_int_equal(accepted, 256);
    assert_int_equal(asm__count(bus.shapes), 256);
    assert_int_equal(publish(&bus, topic, ""), 0);
    /* any number of patterns of a shape that is there; they are not looked at one by one */
    for (int i = 0; i < 1 << 14; i++) {
        char pattern[64];
        snprintf(pattern, sizeof pattern, "a:a:a:a:a:a:a:a:a:a:a:a:a:a:%d", i);
        assert_int_equal(asm_pubsub_subscribe_pattern(&bus, pattern, record, "p", NULL), ASM_OK);
    }
    assert_int_equal(publish(&bus, topic, ""), 0);
    assert_int_equal(publish(&bus, "a:a:a:a:a:a:a:a:a:a:a:a:a:a:77", ""), 1);
    expect_calls("p<a:a:a:a:a:a:a:a:a:a:a:a:a:a:77() ");
    asm_pubsub_close(&bus);
    assert_int_equal(allocations_alive, 0);
}

/* Shapes that are not used any more make room for others. */
static void test_shapes_come_and_go(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_options options;
    asm_subscription one, other;
    memset(&options, 0, sizeof options);
    options.max_shapes = 2;
    asm_pubsub_init(&bus, &options);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "a:*", record, "1", &one), ASM_OK);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "**", record, "2", &other), ASM_OK);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "*:a", record, "3", NULL), ASM_ERR_LIMIT);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "b:*", record, "3", NULL), ASM_OK);
    asm_pubsub_unsubscribe(&bus, one);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "*:a", record, "4", NULL), ASM_ERR_LIMIT);
    asm_pubsub_unsubscribe(&bus, other);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "*:a", record, "4", NULL), ASM_OK);
    assert_int_equal(publish(&bus, "b:a", ""), 2);
    expect_calls("3<b:a() 4<b:a() ");
    asm_pubsub_close(&bus);
    assert_int_equal(allocations_alive, 0);
}

/* A handle of long ago never names another's subscription: its number is not used twice. */
static void test_handles_are_never_reused(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_subscription first, later, none;
    asm_topic_handle topic;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", record, "1", &first);
    asm_pubsub_unsubscribe(&bus, first);
    bus.number = first.number + UINT32_MAX; /* as after as many others: the same slot is next */
    asm_pubsub_subscribe(&bus, "t", record, "2", &later);
    assert_int_equal(later.number % 2, first.number % 2);
    assert_int_equal(asm_pubsub_unsubscribe(&bus, first), ASM_ERR_NOT_FOUND);
    assert_int_equal(publish(&bus, "t", ""), 1);
    expect_calls("2<t() ");
    asm_pubsub_unsubscribe(&bus, later);
    asm_topic_resolve(&bus, "t", &topic);
    asm_topic_release(&bus, topic);
    bus.number = topic.number + UINT32_MAX;
    asm_topic_handle again;
    asm_topic_resolve(&bus, "u", &again);
    const asm_message message = text_message("");
    assert_int_equal(asm_topic_publish(&bus, topic, &message, NULL), ASM_ERR_NOT_FOUND);
    memset(&none, 0, sizeof none);
    none.pubsub = &bus;
    for (none.number = 0; none.number < 5; none.number++) /* free slots have numbers that nothing finds */
        assert_int_equal(asm_pubsub_unsubscribe(&bus, none), ASM_ERR_NOT_FOUND);
    bus.number = UINT64_MAX - 1; /* all have been given */
    assert_int_equal(asm_pubsub_subscribe(&bus, "t", record, "3", NULL), ASM_ERR_NO_MEMORY);
    assert_int_equal(asm_topic_resolve(&bus, "t", &topic), ASM_ERR_NO_MEMORY);
    asm_pubsub_close(&bus);
}

/* Handles that stay are found however many come and go beside them, in whatever order; those that ended are not. */
static void test_handles_are_found_among_many(void **state) {
    (void)state;
    enum { COUNT = 300, STEPS = 20000 };
    static asm_subscription held[COUNT], ended[COUNT];
    static bool is_held[COUNT], has_ended[COUNT];
    asm_pubsub bus;
    uint32_t random = 1;
    size_t live = 0;
    uint64_t last = 0;
    asm_pubsub_init(&bus, NULL);
    for (int step = 0; step < STEPS; step++) {
        random = random * 1664525u + 1013904223u;
        const size_t i = (random >> 8) % (step < STEPS / 2 ? COUNT : 5);
        if (is_held[i]) {
            assert_int_equal(asm_pubsub_unsubscribe(&bus, held[i]), ASM_OK);
            ended[i] = held[i];
            has_ended[i] = true;
            live--;
        } else {
            assert_int_equal(asm_pubsub_subscribe(&bus, "t", record, "a", &held[i]), ASM_OK);
            assert_true(held[i].number > last);
            last = held[i].number;
            live++;
        }
        is_held[i] = !is_held[i];
        if (has_ended[i]) assert_int_equal(asm_pubsub_unsubscribe(&bus, ended[i]), ASM_ERR_NOT_FOUND);
        assert_int_equal(bus.subscriptions, live);
    }
    for (size_t i = 0; i < COUNT; i++)
        if (is_held[i]) assert_int_equal(asm_pubsub_unsubscribe(&bus, held[i]), ASM_OK);
    assert_int_equal(bus.subscriptions, 0);
    asm_pubsub_close(&bus);
}

static void test_wildcards_are_for_patterns(void **state) {
    (void)state;
    static const char *const wrong[] = {"asm:session:*", "*", "**", "a:**", "*:a", "a:*:b"};
    static const char *const right[] = {"a*", "*a:b", "a:***", "a:*b*"};
    asm_pubsub bus;
    asm_topic_handle topic;
    const asm_message message = text_message("");
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "**", "p");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const char *const topics[] = {"t", wrong[i]};
        size_t delivered = 9;
        assert_int_equal(asm_pubsub_subscribe(&bus, wrong[i], record, "s", NULL), ASM_ERR_PATTERN);
        assert_int_equal(asm_topic_resolve(&bus, wrong[i], &topic), ASM_ERR_PATTERN);
        assert_int_equal(asm_pubsub_publish(&bus, wrong[i], &message, &delivered), ASM_ERR_PATTERN);
        assert_int_equal(asm_pubsub_publish_from(&bus, &bus, wrong[i], &message, NULL), ASM_ERR_PATTERN);
        assert_int_equal(asm_pubsub_publish_all(&bus, topics, 2, &message, &delivered), ASM_ERR_PATTERN);
        assert_int_equal(delivered, 0);
        expect_calls("");
    }
    for (size_t i = 0; i < COUNT(right); i++)
        assert_int_equal(publish(&bus, right[i], ""), 1);
    calls[0] = '\0';
    assert_non_null(strstr(asm_result_string(ASM_ERR_PATTERN), "patterns"));
    asm_pubsub_close(&bus);
}

static void test_hash(void **state) {
    (void)state;
    assert_true(asm__hash("abc", 3, 1) != asm__hash("abc", 3, 2));
    assert_true(asm__hash("abc", 3, 1) != asm__hash("abd", 3, 1));
    for (size_t size = 0; size < 64; size++) { /* every byte counts, and nothing past them */
        char text[65];
        memset(text, 'a', sizeof text);
        const uint64_t hash = asm__hash(text, size, 0);
        text[size] = 'b';
        assert_int_equal(asm__hash(text, size, 0), hash);
        for (size_t i = 0; i < size; i++) {
            text[i] = 'b';
            assert_true(asm__hash(text, size, 0) != hash);
            text[i] = 'a';
        }
    }
}

/* ---- subscribe helpers and sink ---- */

static void test_subscribe_events(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    static const struct {
        asm_event_filter filter;
        const char *topic; /* NULL: refused */
    } cases[] = {
        {{.session_id = {"s", 1}}, "asm:session:s"},
        {{.session_id = {"s", 1}, .prefix = {"app", 3}}, "app:session:s"},
        {{.session_id = {"s:x", 3}, .run_id = {"r", 1}}, "asm:session:s%3Ax:run:r"},
        {{.session_id = {"s", 1}, .event_type = {"run_started", 11}, .prefix = {"p", 1}},
         "p:session:s:type:run_started"},
        {{.topic = "my:topic"}, "my:topic"},
        {{.topic = NULL}, NULL},
        {{.run_id = {"r", 1}}, NULL},
        {{.event_type = {"t", 1}}, NULL},
        {{.session_id = {"s", 1}, .run_id = {"r", 1}, .event_type = {"t", 1}}, NULL},
        {{.session_id = {"s", 1}, .run_id = {"", 0}}, NULL},
        {{.session_id = {"", 0}}, NULL},
        {{.topic = "my:topic", .session_id = {"s", 1}}, NULL},
        {{.topic = "my:topic", .prefix = {"p", 1}}, NULL},
        {{.topic = ""}, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_subscription subscription;
        const asm_result result =
            asm_pubsub_subscribe_events(&bus, &cases[i].filter, record, "x", &subscription);
        assert_int_equal(result, cases[i].topic ? ASM_OK : ASM_ERR_INVALID_ARGUMENT);
        if (cases[i].topic) {
            assert_int_equal(publish(&bus, cases[i].topic, ""), 1);
            assert_int_equal(asm_pubsub_unsubscribe(&bus, subscription), ASM_OK);
        }
    }
    char longest[ASM_TOPIC_SIZE];
    memset(longest, 'x', sizeof longest);
    asm_event_filter filter;
    memset(&filter, 0, sizeof filter);
    filter.session_id = asm_str_make(longest, sizeof longest - sizeof "asm:session:");
    assert_int_equal(asm_pubsub_subscribe_events(&bus, &filter, record, "x", NULL), ASM_OK);
    filter.session_id.size++;
    assert_int_equal(asm_pubsub_subscribe_events(&bus, &filter, record, "x", NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pubsub_subscribe_events(&bus, NULL, record, "x", NULL), ASM_ERR_INVALID_ARGUMENT);
    asm_pubsub_close(&bus);
}

static asm_event make_event(void) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_RUN_STARTED;
    event.session_id = ASM_STR("s");
    event.run_id = ASM_STR("r");
    return event;
}

static size_t choose_two(void *user, const asm_event *event, const char **topics) {
    assert_ptr_equal(user, &inner_countdown);
    assert_int_equal(event->type, ASM_EVENT_RUN_STARTED);
    topics[0] = "one";
    topics[1] = "two";
    return (size_t)inner_countdown;
}

static asm_result publish_elsewhere(void *user, const char *topic, const asm_message *message) {
    record(user, message->topic ? message : &(asm_message){.topic = topic, .text = message->text});
    return inner_result;
}

static void test_sink_topics(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "**", "x");
    const asm_event event = make_event();
    const struct {
        asm_pubsub_sink_options options;
        const char *calls;
    } cases[] = {
        {{.pubsub = &bus}, "x<asm:session:s() "},
        {{.pubsub = &bus, .scope = ASM_SCOPE_RUN}, "x<asm:session:s:run:r() "},
        {{.pubsub = &bus, .scope = ASM_SCOPE_TYPE, .prefix = {"p", 1}}, "x<p:session:s:type:run_started() "},
        {{.pubsub = &bus, .topic = "agent:events"}, "x<agent:events() "},
        {{.pubsub = &bus, .choose_topics = choose_two, .topics_user = &inner_countdown}, "x<one() x<two() "},
        {{.pubsub = &bus, .include_text = true}, "x<asm:session:s(text) "},
        {{.publish = publish_elsewhere, .publish_user = "y", .topic = "t"}, "y<t() "},
        {{.pubsub = &bus, .publish = publish_elsewhere, .publish_user = "y", .topic = "t"}, "y<t() "},
    };
    inner_countdown = 2;
    inner_result = ASM_OK;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_pubsub_sink sink;
        asm_sink table = asm_pubsub_sink_init(&sink, &cases[i].options);
        assert_int_equal(table.result, ASM_OK);
        assert_null(table.write); /* text without an event is ignored */
        assert_int_equal(table.write_event(table.self, &event, ASM_STR("text")), ASM_OK);
        expect_calls(cases[i].calls);
        assert_int_equal(sink.published, cases[i].options.choose_topics ? 2 : 1);
        assert_int_equal(sink.errors, 0);
        /* the same as a callback */
        const asm_event_handler handler = asm_pubsub_callback_init(&sink, &cases[i].options);
        handler.callback(handler.user, &event);
        handler.callback(handler.user, NULL);
        if (cases[i].options.include_text) calls[0] = '\0'; /* but that there is no text */
        else expect_calls(cases[i].calls);
        assert_int_equal(sink.published, cases[i].options.choose_topics ? 2 : 1);
    }
    asm_pubsub_close(&bus);
}

static void test_sink_message(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_sink sink;
    const asm_event event = make_event();
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "asm:session:s", look, NULL, NULL);
    asm_sink table = asm_pubsub_sink_init(&sink, &(asm_pubsub_sink_options){.pubsub = &bus});
    table.write_event(table.self, &event, ASM_STR("text"));
    assert_true(asm_str_equal(seen_copy.wrapper, ASM_STR("asm_event")));
    assert_true(asm_str_equal(seen_copy.session_id, ASM_STR("s")));
    assert_ptr_equal(seen_copy.event, &event);
    assert_null(seen_copy.text.data); /* off by default */
    table =
        asm_pubsub_sink_init(&sink, &(asm_pubsub_sink_options){.pubsub = &bus, .wrapper = ASM_STR("mine")});
    table.write_event(table.self, &event, ASM_STR("text"));
    assert_true(asm_str_equal(seen_copy.wrapper, ASM_STR("mine")));
    asm_pubsub_close(&bus);
}

/* To several scopes in one go, as far as the event has the ids. */
static void test_sink_scopes(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_sink sink;
    asm_event event = make_event();
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "**", "x");
    asm_sink table = asm_pubsub_sink_init(
        &sink, &(asm_pubsub_sink_options){.pubsub = &bus,
                                          .scope = ASM_SCOPE_TYPE | ASM_SCOPE_SESSION | ASM_SCOPE_RUN});
    assert_int_equal(table.result, ASM_OK);
    event.run_id = ASM_STR("r");
    table.write_event(table.self, &event, ABSENT);
    expect_calls("x<asm:session:s() x<asm:session:s:run:r() x<asm:session:s:type:run_started() ");
    event.run_id = ABSENT;
    table.write_event(table.self, &event, ABSENT);
    expect_calls("x<asm:session:s() x<asm:session:s:type:run_started() ");
    assert_int_equal(sink.published, 5);
    assert_int_equal(sink.errors, 0);
    event.session_id = ABSENT;
    table.write_event(table.self, &event, ABSENT);
    expect_calls("");
    assert_int_equal(sink.errors, 1);
    char text[ASM_TOPIC_SIZE];
    memset(text, 'i', sizeof text);
    event.session_id =
        asm_str_make(text, ASM_TOPIC_SIZE - 13); /* too long for the type's, not for the session's */
    table.write_event(table.self, &event, ABSENT);
    assert_int_equal(sink.published, 6);
    assert_int_equal(sink.errors, 2);
    calls[0] = '\0';
    asm_pubsub_close(&bus);
}

static void test_unsubscribe_owner(void **state) {
    (void)state;
    static char one[] = "1", other[] = "2";
    asm_pubsub bus;
    asm_topic_handle topic;
    asm_pubsub_init(&bus, NULL);
    asm_topic_resolve(&bus, "a:0", &topic);
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "a:%d", i);
        asm_pubsub_subscribe(&bus, name, record, i % 3 ? one : other, NULL);
        asm_pubsub_subscribe_pattern(&bus, "a:*", record, i % 3 ? one : other, NULL);
    }
    assert_int_equal(asm_pubsub_unsubscribe_owner(&bus, one), ASM_OK);
    assert_int_equal(bus.subscriptions, 34);
    assert_int_equal(publish(&bus, "a:1", ""), 17);
    assert_null(strstr(calls, "1<a:1"));
    calls[0] = '\0';
    assert_int_equal(asm_pubsub_unsubscribe_owner(&bus, one), ASM_OK);  /* there are none any more */
    assert_int_equal(asm_pubsub_unsubscribe_owner(&bus, NULL), ASM_OK); /* a topic's handle is nobody's */
    assert_int_equal(bus.topics, 17);
    asm_topic_release(&bus, topic);
    assert_int_equal(asm_pubsub_unsubscribe_owner(&bus, other), ASM_OK);
    assert_int_equal(bus.subscriptions, 0);
    assert_int_equal(allocations_alive, 0);
    assert_int_equal(asm_pubsub_unsubscribe_owner(NULL, one), ASM_ERR_INVALID_ARGUMENT);
}

static void leave(void *user, const asm_message *message) {
    record(user, message);
    assert_int_equal(asm_pubsub_unsubscribe_owner(inner_bus, user), ASM_OK);
}

/* From inside: those that would have come later in the same round are not called. */
static void test_unsubscribe_owner_inside(void **state) {
    (void)state;
    static char one[] = "1", other[] = "2";
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    inner_bus = &bus;
    asm_pubsub_subscribe(&bus, "t", leave, one, NULL);
    asm_pubsub_subscribe(&bus, "t", record, other, NULL);
    asm_pubsub_subscribe(&bus, "t", record, one, NULL);
    asm_pubsub_subscribe_pattern(&bus, "*", record, one, NULL);
    assert_int_equal(publish(&bus, "t", ""), 2);
    expect_calls("1<t() 2<t() ");
    assert_int_equal(bus.subscriptions, 1);
    asm_pubsub_close(&bus);
}

static void test_sink_wrong_options(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_init(&bus, NULL);
    const asm_pubsub_sink_options cases[] = {
        {.scope = ASM_SCOPE_SESSION},
        {.pubsub = &bus, .topic = "t", .choose_topics = choose_two},
        {.pubsub = &bus, .topic = "t", .prefix = {"p", 1}},
        {.pubsub = &bus, .topic = "t", .scope = ASM_SCOPE_TYPE},
        {.pubsub = &bus, .choose_topics = choose_two, .scope = ASM_SCOPE_RUN},
        {.pubsub = &bus, .topic = ""},
        {.pubsub = &bus, .scope = 8},
        {.pubsub = &bus, .topic = "t", .scope = ASM_SCOPE_SESSION},
    };
    const asm_event event = make_event();
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_pubsub_sink sink;
        assert_int_equal(asm_pubsub_sink_init(&sink, &cases[i]).result, ASM_ERR_INVALID_ARGUMENT);
        const asm_event_handler handler = asm_pubsub_callback_init(&sink, &cases[i]);
        assert_int_equal(sink.result, ASM_ERR_INVALID_ARGUMENT);
        handler.callback(handler.user, &event);
        assert_int_equal(sink.errors, 1);
    }
    asm_pubsub_sink sink;
    assert_int_equal(asm_pubsub_sink_init(&sink, NULL).result, ASM_ERR_INVALID_ARGUMENT);
    asm_pubsub_close(&bus);
}

/* Failures are counted and stop nothing. */
static void test_sink_failures(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_sink sink;
    asm_event event = make_event();
    asm_pubsub_init(&bus, NULL);
    subscribe_pattern(&bus, "**", "x");
    asm_sink table =
        asm_pubsub_sink_init(&sink, &(asm_pubsub_sink_options){.pubsub = &bus, .scope = ASM_SCOPE_RUN});
    event.run_id = ABSENT;
    assert_int_equal(table.write_event(table.self, &event, ASM_STR("")), ASM_OK);
    assert_int_equal(sink.errors, 1);
    assert_int_equal(sink.last_error, ASM_ERR_INVALID_ARGUMENT);
    event.run_id = ASM_STR("r");
    assert_int_equal(table.write_event(table.self, &event, ASM_STR("")), ASM_OK);
    assert_int_equal(sink.errors, 1);
    assert_int_equal(sink.published, 1);

    table = asm_pubsub_sink_init(&sink, &(asm_pubsub_sink_options){.choose_topics = choose_two,
                                                                   .topics_user = &inner_countdown,
                                                                   .publish = publish_elsewhere,
                                                                   .publish_user = "y"});
    inner_countdown = 3; /* the third is not set */
    inner_result = ASM_OK;
    assert_int_equal(table.write_event(table.self, &event, ASM_STR("")), ASM_OK);
    assert_int_equal(sink.errors, 1);
    assert_int_equal(sink.published, 2);
    inner_countdown = 1000; /* more than there can be */
    table.write_event(table.self, &event, ASM_STR(""));
    assert_int_equal(sink.errors + sink.published, 3 + ASM_SINK_MAX_TOPICS);
    inner_countdown = 0;
    table.write_event(table.self, &event, ASM_STR(""));
    assert_int_equal(sink.errors + sink.published, 3 + ASM_SINK_MAX_TOPICS);
    inner_countdown = 1;
    inner_result = ASM_ERR_CLOSED;
    table.write_event(table.self, &event, ASM_STR(""));
    assert_int_equal(sink.last_error, ASM_ERR_CLOSED);
    asm_pubsub_close(&bus);
}

static void note_event(void *user, const asm_event *event) {
    assert_int_equal(event->type, ASM_EVENT_RUN_STARTED);
    strcat(calls, (const char *)user);
}

static void test_event_chain(void **state) {
    (void)state;
    static char a[] = "a", b[] = "b";
    asm_event_chain chain, outer;
    const asm_event event = make_event();
    const asm_event_handler handlers[] = {{note_event, b}, {NULL, NULL}, {note_event, a}};
    const asm_event_handler both[] = {asm_event_chain_init(&chain, handlers, 3), {note_event, b}};
    const asm_event_handler all = asm_event_chain_init(&outer, both, 2); /* a chain in a chain */
    all.callback(all.user, &event);
    expect_calls("bab");
    const asm_event_handler none = asm_event_chain_init(&chain, NULL, 5);
    none.callback(none.user, &event);
    expect_calls("");
}

/* Through a pipeline, with a renderer's text. */
static void test_sink_in_pipeline(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_pubsub_sink sink;
    asm_compact compact;
    asm_pipeline pipeline;
    asm_event event = make_event();
    asm_render_options plain = {.color = ASM_SETTING_OFF};
    asm_pubsub_init(&bus, NULL);
    subscribe(&bus, "asm:session:s", "x");
    asm_sink sinks[1] = {
        asm_pubsub_sink_init(&sink, &(asm_pubsub_sink_options){.pubsub = &bus, .include_text = true})};
    assert_int_equal(
        asm_pipeline_init(&pipeline, &(asm_pipeline_options){.renderer = asm_compact_init(&compact, &plain),
                                                             .sinks = sinks,
                                                             .sink_count = 1}),
        ASM_OK);
    assert_int_equal(asm_pipeline_event(&pipeline, &event), ASM_OK);
    assert_non_null(strstr(calls, "x<asm:session:s(r+"));
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    assert_int_equal(sink.published, 1);
    asm_pubsub_close(&bus);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topic_forms),
        cmocka_unit_test(test_topic_of_event),
        cmocka_unit_test(test_topic_missing_id),
        cmocka_unit_test(test_topic_too_small),
        cmocka_unit_test(test_topic_escaping),
        cmocka_unit_test(test_topic_parse),
        cmocka_unit_test(test_topic_round_trip),
        cmocka_unit_test(test_topic_parse_anything),
        cmocka_unit_test(test_pattern_check),
        cmocka_unit_test(test_pattern_matches),
        cmocka_unit_test_setup_teardown(test_order_and_results, start, finish),
        cmocka_unit_test_setup_teardown(test_patterns_deliver_in_order, start, finish),
        cmocka_unit_test_setup_teardown(test_patterns_match_as_told, start, finish),
        cmocka_unit_test_setup_teardown(test_patterns_come_and_go, start, finish),
        cmocka_unit_test_setup_teardown(test_message, start, finish),
        cmocka_unit_test_setup_teardown(test_unsubscribe, start, finish),
        cmocka_unit_test_setup_teardown(test_unsubscribe_all, start, finish),
        cmocka_unit_test_setup_teardown(test_publish_from, start, finish),
        cmocka_unit_test_setup_teardown(test_publish_all, start, finish),
        cmocka_unit_test_setup_teardown(test_resolved_topic, start, finish),
        cmocka_unit_test_setup_teardown(test_only_subscriber, start, finish),
        cmocka_unit_test_setup_teardown(test_only_subscriber_after_overflow, start, finish),
        cmocka_unit_test_setup_teardown(test_invalid_arguments, start, finish),
        cmocka_unit_test_setup_teardown(test_null, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_subscribe_inside, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_new_subscription_gets_nested_publish, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_unsubscribe_later_one, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_unsubscribe_itself, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_publish_inside, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_publish_inside_merged, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_nesting_limit, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_close_inside, start, finish),
        cmocka_unit_test_setup_teardown(test_rule_release_inside, start, finish),
        cmocka_unit_test_setup_teardown(test_no_memory_left_behind, start, finish),
        cmocka_unit_test_setup_teardown(test_publish_allocates_nothing, start, finish),
        cmocka_unit_test_setup_teardown(test_out_of_memory, start, finish),
        cmocka_unit_test_setup_teardown(test_look_up_is_flat, start, finish),
        cmocka_unit_test_setup_teardown(test_flood_of_equal_hashes, start, finish),
        cmocka_unit_test_setup_teardown(test_flood_of_shapes, start, finish),
        cmocka_unit_test_setup_teardown(test_shapes_come_and_go, start, finish),
        cmocka_unit_test_setup_teardown(test_handles_are_never_reused, start, finish),
        cmocka_unit_test_setup_teardown(test_handles_are_found_among_many, start, finish),
        cmocka_unit_test_setup_teardown(test_wildcards_are_for_patterns, start, finish),
        cmocka_unit_test_setup_teardown(test_hash, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_in_pipeline, start, finish),
        cmocka_unit_test_setup_teardown(test_event_chain, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_failures, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_scopes, start, finish),
        cmocka_unit_test_setup_teardown(test_unsubscribe_owner, start, finish),
        cmocka_unit_test_setup_teardown(test_unsubscribe_owner_inside, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_wrong_options, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_message, start, finish),
        cmocka_unit_test_setup_teardown(test_sink_topics, start, finish),
        cmocka_unit_test_setup_teardown(test_subscribe_events, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
