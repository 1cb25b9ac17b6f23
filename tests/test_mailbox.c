/* The mailbox: one thread, then two. Run under -fsanitize=thread, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

/* Called before each access to what producer and consumer share: a place where the other one may come between. */
static void (*between)(void);

static inline uint32_t *interrupted(uint32_t *place) {
    if (between) between();
    return place;
}

#define ASM_ATOMIC_LOAD(place)            __atomic_load_n(interrupted(place), __ATOMIC_ACQUIRE)
#define ASM_ATOMIC_EXCHANGE(place, value) __atomic_exchange_n(interrupted(place), (value), __ATOMIC_ACQ_REL)
#define ASM_PUBSUB_IMPLEMENTATION
#include "asm_pubsub.h"
#include "random.h"

static asm_mailbox mailbox;
static void *memory;

static void open_mailbox(unsigned capacity, asm_overflow overflow, bool merge_text, size_t max_message) {
    asm_mailbox_options options;
    memset(&options, 0, sizeof options);
    options.capacity = capacity;
    options.overflow = overflow;
    options.merge_text = merge_text;
    options.size = asm_mailbox_size(capacity, max_message);
    assert_true(options.size > 0);
    options.memory = memory = malloc(options.size);
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
    assert_true(mailbox.max_message >= max_message);
}

static int finish(void **state) {
    (void)state;
    free(memory);
    memory = NULL;
    return 0;
}

static asm_result post_text(const char *text) {
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = asm_str_from(text);
    return asm_mailbox_post(&mailbox, &message);
}

static void expect_text(const char *text, uint64_t expected_missed) {
    uint64_t missed = 99;
    const asm_message *message = asm_mailbox_receive(&mailbox, &missed);
    assert_non_null(message);
    assert_true(asm_str_equal(message->text, asm_str_from(text)));
    assert_int_equal(missed, expected_missed);
}

static void expect_empty(void) {
    uint64_t missed = 99;
    assert_null(asm_mailbox_receive(&mailbox, &missed));
    assert_int_equal(missed, 0);
}

static void test_order(void **state) {
    (void)state;
    open_mailbox(4, ASM_OVERFLOW_REFUSE, false, 1024);
    expect_empty();
    for (int round = 0; round < 10; round++) {
        assert_int_equal(post_text("a"), ASM_OK);
        assert_int_equal(post_text("b"), ASM_OK);
        assert_int_equal(post_text("c"), ASM_OK);
        expect_text("a", 0);
        expect_text("b", 0);
        expect_text("c", 0);
        expect_empty();
    }
}

static void test_refuse(void **state) {
    (void)state;
    open_mailbox(2, ASM_OVERFLOW_REFUSE, false, 1024);
    assert_int_equal(post_text("a"), ASM_OK);
    assert_int_equal(post_text("b"), ASM_OK);
    assert_int_equal(post_text("c"), ASM_ERR_NO_SPACE);
    assert_int_equal(post_text("d"), ASM_ERR_NO_SPACE);
    expect_text("a", 0); /* both are the consumer's now */
    assert_int_equal(post_text("e"), ASM_OK);
    assert_int_equal(post_text("f"), ASM_OK);
    assert_int_equal(post_text("g"), ASM_ERR_NO_SPACE);
    expect_text("b", 0);
    expect_text("e", 2);
    expect_text("f", 0);
    expect_empty();
    assert_int_equal(post_text("h"), ASM_OK);
    expect_text("h", 1);
    const asm_mailbox_counters producer = asm_mailbox_producer_counters(&mailbox);
    const asm_mailbox_counters consumer = asm_mailbox_consumer_counters(&mailbox);
    assert_int_equal(producer.posted, 5);
    assert_int_equal(producer.refused, 3);
    assert_int_equal(producer.dropped, 0);
    assert_int_equal(consumer.received, 5);
    assert_int_equal(consumer.missed, 3);
}

static void test_drop_oldest(void **state) {
    (void)state;
    open_mailbox(4, ASM_OVERFLOW_DROP_OLDEST, false, 1024);
    char text[16];
    for (int i = 0; i < 11; i++) {
        snprintf(text, sizeof text, "%d", i);
        assert_int_equal(post_text(text), ASM_OK);
    }
    expect_text("7", 7);
    assert_int_equal(post_text("11"), ASM_OK);
    expect_text("8", 0);
    expect_text("9", 0);
    expect_text("10", 0);
    expect_text("11", 0);
    expect_empty();
    assert_int_equal(asm_mailbox_producer_counters(&mailbox).dropped, 7);
    assert_int_equal(asm_mailbox_producer_counters(&mailbox).posted, 12);
    assert_int_equal(asm_mailbox_consumer_counters(&mailbox).missed, 7);
}

static void test_latest_only(void **state) {
    (void)state;
    open_mailbox(1, ASM_OVERFLOW_DROP_OLDEST, false, 1024);
    post_text("a");
    post_text("b");
    const asm_message *kept = asm_mailbox_receive(&mailbox, NULL);
    post_text("c");
    post_text("d");
    assert_true(asm_str_equal(kept->text, ASM_STR("b"))); /* the one that was taken is not touched */
    expect_text("d", 1);
    expect_empty();
}

/* A consumer that sleeps for long. */
static void test_long_sleep(void **state) {
    (void)state;
    open_mailbox(4, ASM_OVERFLOW_DROP_OLDEST, false, 600);
    char text[16];
    for (int sleep = 1; sleep < 400000; sleep = sleep * 3 + 1) {
        for (int i = 0; i < sleep; i++) {
            snprintf(text, sizeof text, "%d", i);
            post_text(text);
        }
        for (int i = sleep < 4 ? 0 : sleep - 4; i < sleep; i++) {
            snprintf(text, sizeof text, "%d", i);
            expect_text(text, i == sleep - 4 ? (uint64_t)i : 0);
        }
        expect_empty();
    }
}

/* The copy is whole: nothing of it is where the original was. */
static void test_whole_copy(void **state) {
    (void)state;
    open_mailbox(2, ASM_OVERFLOW_REFUSE, false, 2048);
    char name[] = "Read", input[] = "{\"path\":\"a.c\"}", topic[] = "topic", session[] = "ses",
         text[] = "text", wrapper[] = "w";
    asm_event event;
    asm_message message;
    memset(&event, 0, sizeof event);
    memset(&message, 0, sizeof message);
    event.type = ASM_EVENT_TOOL_CALL_STARTED;
    event.time = 5;
    event.session_id = asm_str_from(session);
    event.tool.name = asm_str_from(name);
    event.tool.input = asm_str_from(input);
    message.event = &event;
    message.topic = topic;
    message.session_id = asm_str_from(session);
    message.text = asm_str_from(text);
    message.wrapper = asm_str_from(wrapper);
    message.subscription.number = 7;
    assert_true(asm_message_size(&message) <= mailbox.max_message);
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
    memset(&event, 'x', sizeof event);
    memset(&message, 'x', sizeof message);
    name[0] = input[0] = topic[0] = session[0] = text[0] = wrapper[0] = 'x';
    const asm_message *copy = asm_mailbox_receive(&mailbox, NULL);
    assert_non_null(copy);
    assert_int_equal(copy->event->type, ASM_EVENT_TOOL_CALL_STARTED);
    assert_int_equal(copy->event->time, 5);
    assert_true(asm_str_equal(copy->event->tool.name, ASM_STR("Read")));
    assert_true(asm_str_equal(copy->event->tool.input, ASM_STR("{\"path\":\"a.c\"}")));
    assert_true(asm_str_equal(copy->event->session_id, ASM_STR("ses")));
    assert_string_equal(copy->topic, "topic");
    assert_true(asm_str_equal(copy->session_id, ASM_STR("ses")));
    assert_true(asm_str_equal(copy->text, ASM_STR("text")));
    assert_true(asm_str_equal(copy->wrapper, ASM_STR("w")));
    assert_int_equal(copy->subscription.number, 7);
}

static void test_too_large(void **state) {
    (void)state;
    open_mailbox(2, ASM_OVERFLOW_DROP_OLDEST, false, 1000);
    char text[4096];
    memset(text, 'x', sizeof text);
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = asm_str_make(text, mailbox.max_message);
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
    message.text.size++;
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_ERR_NO_SPACE);
    assert_int_equal(asm_mailbox_receive(&mailbox, NULL)->text.size, mailbox.max_message);
    post_text("after");
    expect_text("after", 1);
    message.text.size = SIZE_MAX;
    message.wrapper = asm_str_make(text, SIZE_MAX);
    assert_int_equal(asm_message_size(&message), SIZE_MAX);
}

static void test_options(void **state) {
    (void)state;
    memory = malloc(100000);
    asm_mailbox_options options;
    memset(&options, 0, sizeof options);
    options.memory = (char *)memory + 3; /* any alignment will do */
    options.size = asm_mailbox_size(4, 700);
    options.capacity = 4;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
    assert_true(mailbox.max_message >= 700);
    for (int i = 0; i < 4; i++)
        assert_int_equal(post_text("full"), ASM_OK);
    options.size = asm_mailbox_size(1, sizeof(asm_event)) - 1;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_NO_SPACE);
    assert_int_equal(post_text("not open"), ASM_ERR_INVALID_ARGUMENT);
    assert_null(asm_mailbox_receive(&mailbox, NULL));
    options.size = 100000 - 3;
    options.capacity = 0;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
    assert_int_equal(mailbox.options.capacity, 64);
    options.overflow = (asm_overflow)2;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    options.overflow = ASM_OVERFLOW_REFUSE;
    options.memory = NULL;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    memset(&mailbox, 0xA5, sizeof mailbox);
    assert_int_equal(asm_mailbox_init(&mailbox, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(post_text("not open"), ASM_ERR_INVALID_ARGUMENT);
    assert_null(asm_mailbox_receive(&mailbox, NULL));
    assert_int_equal(asm_mailbox_size(UINT32_MAX, SIZE_MAX / 100), 0);
    assert_int_equal(asm_mailbox_size(4, SIZE_MAX / 4), 0);
    assert_int_equal(asm_mailbox_size(4, SIZE_MAX), 0);
    assert_int_equal(asm_mailbox_size(0, 100), asm_mailbox_size(64, 100));
}

static char drained[1024];

static void note(void *user, const asm_message *message) {
    (void)user;
    strncat(drained, message->wrapper.data, message->wrapper.size);
    strcat(drained, "=");
    if (message->event) {
        assert_true(asm_str_equal(asm_event_name(message->event), ASM_STR("asm_gap")));
        strncat(drained, message->event->extra.data, message->event->extra.size);
    } else {
        strncat(drained, message->text.data, message->text.size);
    }
    strcat(drained, " ");
}

/* As a subscriber on one side, drained with a subscriber on the other; gaps are told. */
static void test_drain(void **state) {
    (void)state;
    asm_pubsub bus;
    asm_message message;
    memset(&message, 0, sizeof message);
    open_mailbox(4, ASM_OVERFLOW_DROP_OLDEST, false, 1024);
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_subscribe(&bus, "t", asm_mailbox_on_message, &mailbox, NULL);
    static const char *const texts[] = {"0", "1", "2", "3", "4", "5", "6"};
    for (int i = 0; i < 7; i++) {
        message.text = asm_str_from(texts[i]);
        asm_pubsub_publish(&bus, "t", &message, NULL);
    }
    drained[0] = '\0';
    assert_int_equal(asm_mailbox_drain(&mailbox, note, NULL, 2), 2);
    assert_string_equal(drained, "asm_gap={\"missed\":3} asm_event=3 asm_event=4 ");
    assert_int_equal(asm_mailbox_drain(&mailbox, note, NULL, 0), 2);
    assert_int_equal(asm_mailbox_drain(&mailbox, note, NULL, 0), 0);
    asm_pubsub_close(&bus);
}

/* A drain ends although its own callback keeps the mailbox full. */
static void post_again(void *user, const asm_message *message) {
    ++*(int *)user;
    assert_int_equal(asm_mailbox_post(&mailbox, message), ASM_OK);
}

static void test_drain_ends(void **state) {
    (void)state;
    open_mailbox(8, ASM_OVERFLOW_REFUSE, false, 1024);
    int count = 0;
    post_text("x");
    post_text("y");
    assert_int_equal(asm_mailbox_drain(&mailbox, post_again, &count, 0), 2);
    assert_int_equal(asm_mailbox_drain(&mailbox, post_again, &count, 3), 3);
    assert_int_equal(count, 5);
    assert_int_equal(asm_mailbox_drain(&mailbox, post_again, &count, 0),
                     1 + 2); /* one that was taken already */
}

/* ---- merging ---- */

static asm_event piece_event(const char *delta) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_MESSAGE_STREAMED;
    event.session_id = ASM_STR("s");
    event.message.delta = asm_str_from(delta);
    return event;
}

static asm_result post_event(const asm_event *event) {
    asm_message message;
    memset(&message, 0, sizeof message);
    message.event = event;
    message.topic = "t";
    return asm_mailbox_post(&mailbox, &message);
}

static asm_result post_piece(const char *delta) {
    static int64_t number = 0;
    asm_event event = piece_event(delta);
    event.time = event.sequence_number = ++number;
    return post_event(&event);
}

static const asm_message *expect_piece(const char *delta) {
    uint64_t missed;
    const asm_message *message = asm_mailbox_receive(&mailbox, &missed);
    assert_non_null(message);
    assert_true(asm_str_equal(message->event->message.delta, asm_str_from(delta)));
    assert_int_equal(missed, 0);
    return message;
}

static void test_merge(void **state) {
    (void)state;
    open_mailbox(1, ASM_OVERFLOW_REFUSE, true, 2000);
    assert_int_equal(post_piece("a"), ASM_OK);
    const int64_t first = asm__block_at(&mailbox.halves[0], 0)->event->time;
    assert_int_equal(post_piece("bc"), ASM_OK); /* although it is full */
    assert_int_equal(post_piece("def"), ASM_OK);
    const asm_message *message = expect_piece("abcdef");
    assert_int_equal(message->event->time, first);
    assert_int_equal(message->event->sequence_number, first + 2);
    assert_string_equal(message->topic, "t");
    assert_int_equal(post_piece("x"), ASM_OK); /* the one before was taken: nothing to add to */
    expect_piece("x");
    expect_empty();
    assert_int_equal(asm_mailbox_producer_counters(&mailbox).merged, 2);
    assert_int_equal(asm_mailbox_producer_counters(&mailbox).posted, 4);
    assert_int_equal(asm_mailbox_consumer_counters(&mailbox).received, 2);
    assert_int_equal(asm_mailbox_consumer_counters(&mailbox).missed, 0);
}

static void test_merge_as_far_as_it_fits(void **state) {
    (void)state;
    open_mailbox(12, ASM_OVERFLOW_REFUSE, true, sizeof(asm_event) + 300);
    char sent[2001] = "", received[2001] = "";
    for (int i = 0; i < 400; i++) {
        char piece[16];
        snprintf(piece, sizeof piece, "%05d", i);
        assert_int_equal(post_piece(piece), ASM_OK);
        strcat(sent, piece);
    }
    const asm_message *message;
    int count = 0;
    while ((message = asm_mailbox_receive(&mailbox, NULL)) != NULL) {
        strncat(received, message->event->message.delta.data, message->event->message.delta.size);
        count++;
    }
    assert_string_equal(received, sent);
    assert_int_equal(count, 1); /* there is room for all in one */
}

static void test_merge_only_the_same(void **state) {
    (void)state;
    const asm_str x = ASM_STR("x"), json = ASM_STR("{}");
    for (int way = 0;; way++) {
        open_mailbox(4, ASM_OVERFLOW_REFUSE, true, 2000);
        asm_event event = piece_event("b");
        asm_message message;
        memset(&message, 0, sizeof message);
        message.event = &event;
        message.topic = "t";
        bool is_last = false;
        switch (way) {
        case 0:
            event.type = ASM_EVENT_MESSAGE_RECEIVED;
            break;
        case 1:
            event.session_id = x;
            break;
        case 2:
            event.run_id = x;
            break;
        case 3:
            event.provider = x;
            break;
        case 4:
            event.agent_id = x;
            break;
        case 5:
            event.id = x;
            break;
        case 6:
            event.correlation_id = x;
            break;
        case 7:
            event.metadata = json;
            break;
        case 8:
            event.extra = json;
            break;
        case 9:
            event.extension = json;
            break;
        case 10:
            event.message.role = x;
            break;
        case 11:
            event.message.message_id = x;
            break;
        case 12:
            event.message.parent_tool_call_id = x;
            break;
        case 13:
            event.message.content = x;
            break;
        case 14:
            event.message.thinking = ASM_BOOL(true);
            break;
        case 15:
            event.message.delta = asm_str_make(NULL, 0);
            break;
        case 16:
            message.topic = "u";
            break;
        case 17:
            message.wrapper = x;
            break;
        case 18:
            message.session_id = x;
            break;
        case 19:
            message.text = x;
            break;
        case 20:
            message.event = NULL;
            break;
        default:
            is_last = true;
            break;
        }
        assert_int_equal(post_piece("a"), ASM_OK);
        assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
        assert_int_equal(post_piece("c"), ASM_OK); /* neither is this added to the other one */
        assert_int_equal(asm_mailbox_producer_counters(&mailbox).merged, is_last ? 2 : 0);
        finish(state);
        if (is_last) break;
    }
    open_mailbox(4, ASM_OVERFLOW_REFUSE, false, 2000); /* nor is anything without the option */
    assert_int_equal(post_piece("a"), ASM_OK);
    assert_int_equal(post_piece("b"), ASM_OK);
    expect_piece("a");
    expect_piece("b");
}

static void check_not_merged(void **state, size_t at, const void *member, size_t size) {
    open_mailbox(4, ASM_OVERFLOW_REFUSE, true, 2000);
    asm_event event = piece_event("b");
    asm_message message;
    memset(&message, 0, sizeof message);
    message.event = &event;
    message.topic = "t";
    memcpy((char *)&event + at, member, size);
    assert_int_equal(post_piece("a"), ASM_OK);
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
    assert_int_equal(post_piece("c"), ASM_OK);
    if (asm_mailbox_producer_counters(&mailbox).merged) fail_msg("the member at %d is lost", (int)at);
    finish(state);
}

/* No member is lost: texts up to `sequence_number`, up to `extension`, and up to `thinking`, then truths, by their places,
 * so that one that is added between is tried, too. */
static void test_merge_loses_no_member(void **state) {
    const size_t message = offsetof(asm_event, message);
    const size_t texts[][2] = {
        {offsetof(asm_event, session_id), offsetof(asm_event, sequence_number)},
        {offsetof(asm_event, correlation_id), offsetof(asm_event, extension) + sizeof(asm_str)},
        {message, message + offsetof(asm_message_payload, thinking)},
    };
    const asm_str text = ASM_STR("x");
    const asm_optional_bool truth = ASM_BOOL(true);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        for (size_t at = texts[i][0]; at < texts[i][1]; at += sizeof text)
            if (at != message + offsetof(asm_message_payload, delta))
                check_not_merged(state, at, &text, sizeof text);
    for (size_t at = offsetof(asm_message_payload, thinking); at <= offsetof(asm_message_payload, synthetic);
         at += sizeof truth)
        check_not_merged(state, message + at, &truth, sizeof truth);
}

/* What comes after a gap is not added to what was before it. */
static void test_merge_not_over_a_gap(void **state) {
    (void)state;
    open_mailbox(1, ASM_OVERFLOW_REFUSE, true, 2000);
    assert_int_equal(post_piece("a"), ASM_OK);
    assert_int_equal(post_text("x"), ASM_ERR_NO_SPACE);
    assert_int_equal(post_piece("b"), ASM_ERR_NO_SPACE);
    expect_piece("a");
    expect_empty();
}

/* ---- memory ---- */

/* One of a megabyte among small ones takes a megabyte, not as many as there are messages. */
static void test_sizes_differ(void **state) {
    (void)state;
    const size_t large = 1 << 20;
    asm_mailbox_options options;
    memset(&options, 0, sizeof options);
    options.capacity = 257;
    options.size = asm_mailbox_size(256, 500) + asm_mailbox_size(1, large);
    assert_in_range(options.size, 2 * large, 2 * large + 2 * 257 * 1024);
    options.memory = memory = malloc(options.size);
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
    char *text = (char *)malloc(large);
    memset(text, 'x', large);
    asm_message message;
    memset(&message, 0, sizeof message);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 257; i++) {
            message.text = asm_str_make(text, i == 100 ? large : 500);
            assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
        }
        for (int i = 0; i < 257; i++)
            assert_int_equal(asm_mailbox_receive(&mailbox, NULL)->text.size, i == 100 ? large : 500);
        expect_empty();
    }
    free(text);
}

/* Messages of any size against a list of those that must still be there: in order, whole, the oldest dropped. */
static void test_sizes_model(void **state) {
    (void)state;
    static char text[3000];
    struct {
        size_t size;
        char letter;
    } expected[2000];
    uint64_t random = 3;
    for (int overflow = 0; overflow < 2; overflow++) {
        size_t first = 0, count = 0;
        asm_mailbox_options options;
        memset(&options, 0, sizeof options);
        options.capacity = 20;
        options.size = 20000;
        options.overflow = (asm_overflow)overflow;
        options.memory = memory = malloc(options.size);
        assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
        for (int step = 0; step < 2000; step++) {
            if (next_random(&random) % 3) {
                asm_message message;
                const size_t size = (size_t)(next_random(&random) % (next_random(&random) % 8 ? 100 : 3000));
                const char letter = (char)('a' + step % 26);
                memset(&message, 0, sizeof message);
                memset(text, letter, size);
                message.text = asm_str_make(text, size);
                const asm_result result = asm_mailbox_post(&mailbox, &message);
                assert_int_equal(result == ASM_OK || overflow == ASM_OVERFLOW_REFUSE, true);
                if (result != ASM_OK) continue;
                expected[count].size = size;
                expected[count++].letter = letter;
            } else {
                uint64_t missed;
                const asm_message *message = asm_mailbox_receive(&mailbox, &missed);
                if (!message) {
                    assert_int_equal(first, count);
                    continue;
                }
                if (overflow == ASM_OVERFLOW_DROP_OLDEST) first += (size_t)missed;
                assert_in_range(first, 0, count - 1);
                assert_int_equal(message->text.size, expected[first].size);
                for (size_t i = 0; i < message->text.size; i++)
                    assert_int_equal(message->text.data[i], expected[first].letter);
                first++;
            }
        }
        finish(state);
    }
}

/* ---- one coming between the other ---- */

static uint64_t last_posted;   /* the number that the last post had */
static uint64_t last_received; /* the last received one's; 0: none yet */
static unsigned waking;        /* wakes since the consumer looked in vain */
static bool looked_in_vain;    /* and has not looked again */
static unsigned accesses_left; /* until the other one comes between; 0: it has been */
static unsigned burst;         /* how often it then does what it does */

static void wake_up(void *user) {
    (void)user;
    waking++;
}

static void post_number(void) {
    asm_event event;
    asm_message message;
    memset(&event, 0, sizeof event);
    memset(&message, 0, sizeof message);
    event.type = ASM_EVENT_RUN_STARTED;
    event.sequence_number = (int64_t)++last_posted;
    message.event = &event;
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_OK);
}

static void receive_number(void) {
    uint64_t missed;
    waking = 0;
    const asm_message *message = asm_mailbox_receive(&mailbox, &missed);
    looked_in_vain = !message;
    if (!message) return;
    const uint64_t number = (uint64_t)message->event->sequence_number;
    assert_int_equal(number, last_received + missed + 1); /* in order, and all others are accounted for */
    last_received = number;
}

static void come_between(void (*other)(void)) {
    if (!accesses_left || --accesses_left) return;
    void (*const hook)(void) = between;
    between = NULL;
    for (unsigned i = 0; i < burst; i++)
        other();
    between = hook;
}

static void producer_comes(void) {
    come_between(post_number);
}

static void consumer_comes(void) {
    come_between(receive_number);
}

/* Whoever sleeps since it looked in vain was woken, if there is anything. */
static void expect_awake(void) {
    if (looked_in_vain && last_received < last_posted) assert_true(waking > 0);
}

static void interrupt_each(bool producer_is_interrupted, unsigned capacity, unsigned others) {
    for (unsigned before = 0; before < 4; before++) {        /* posts */
        for (unsigned taken = 0; taken <= before; taken++) { /* of which so many were received */
            for (unsigned access = 1; access <= 6; access++) {
                open_mailbox(capacity, ASM_OVERFLOW_DROP_OLDEST, false, sizeof(asm_event));
                mailbox.options.wake = wake_up;
                last_posted = last_received = 0;
                looked_in_vain = false;
                for (unsigned i = 0; i < before; i++)
                    post_number();
                for (unsigned i = 0; i < taken; i++)
                    receive_number();
                burst = others;
                accesses_left = access;
                between = producer_is_interrupted ? consumer_comes : producer_comes;
                for (int i = 0; i < 3; i++) {
                    if (producer_is_interrupted) post_number();
                    else receive_number();
                    expect_awake();
                }
                between = NULL;
                for (unsigned i = 0; i < 2 * capacity + 2; i++)
                    receive_number();
                assert_int_equal(last_received, last_posted); /* the latest always arrives */
                assert_true(looked_in_vain);
                finish(NULL);
            }
        }
    }
}

/* Either one comes between any two steps of the other, and does little or very much: as many posts as would take a
 * counter of 16 bits, and of 17, around. */
static void test_interrupts(void **state) {
    (void)state;
    static const unsigned bursts[] = {1, 2, 3, 5, 8};
    for (unsigned capacity = 1; capacity < 5; capacity++) {
        for (size_t i = 0; i < sizeof bursts / sizeof *bursts; i++) {
            interrupt_each(true, capacity, bursts[i]);
            interrupt_each(false, capacity, bursts[i]);
        }
    }
    if (share_of(10) < 10) return; /* the same steps, over and over */
    interrupt_each(false, 2, 65536);
    interrupt_each(false, 2, 196607);
}

static void test_wake(void **state) {
    (void)state;
    open_mailbox(4, ASM_OVERFLOW_REFUSE, false, sizeof(asm_event));
    mailbox.options.wake = wake_up;
    last_posted = last_received = 0;
    waking = 0;
    post_number();
    assert_int_equal(waking, 1);
    post_number();
    assert_int_equal(waking, 1); /* one waits already */
    receive_number();
    post_number();
    assert_int_equal(waking, 1);
    receive_number();
    receive_number();
    receive_number();
    assert_true(looked_in_vain);
    post_number();
    assert_int_equal(waking, 1);
    char text[2048];
    memset(text, 'x', sizeof text);
    asm_message message;
    memset(&message, 0, sizeof message);
    message.text = asm_str_make(text, mailbox.max_message + 1);
    receive_number();
    waking = 0;
    assert_int_equal(asm_mailbox_post(&mailbox, &message), ASM_ERR_NO_SPACE);
    assert_int_equal(waking, 0); /* there is nothing */
}

/* ---- two threads ---- */

#ifndef THREAD_MESSAGES
#define THREAD_MESSAGES 200000
#endif

static uint32_t done; /* atomic */

static void *produce(void *user) {
    const int step = *(int *)user;
    for (unsigned i = 0; i < THREAD_MESSAGES; i++) {
        char digits[32];
        snprintf(digits, sizeof digits, "%u,", i);
        asm_event event = piece_event(digits);
        if (i % 64 < (unsigned)step) event.id = ASM_STR("not to be merged");
        (void)post_event(&event);
    }
    ASM_ATOMIC_EXCHANGE(&done, 1);
    return NULL;
}

/* Everything arrives in order, whole, and what does not is accounted for. */
static void run_two_threads(unsigned capacity, asm_overflow overflow, bool merge_text, int step) {
    pthread_t thread;
    unsigned next = 0, seen = 0;
    uint64_t missed_sum = 0;
    open_mailbox(capacity, overflow, merge_text, sizeof(asm_event) + 200);
    done = 0;
    assert_int_equal(pthread_create(&thread, NULL, produce, &step), 0);
    bool is_over = false;
    for (;;) {
        uint64_t missed;
        const asm_message *message = asm_mailbox_receive(&mailbox, &missed);
        if (!message) {
            if (is_over) break;
            is_over = ASM_ATOMIC_LOAD(&done) != 0; /* then look once more */
            continue;
        }
        missed_sum += missed;
        const char *at = message->event->message.delta.data, *end = at + message->event->message.delta.size;
        bool is_first = true;
        while (at < end) {
            char *behind;
            const unsigned number = (unsigned)strtoul(at, &behind, 10);
            if (*behind != ',' || number < next || (!is_first && number != next) ||
                (!missed && number != next && !merge_text))
                fail_msg("%u came after %u", number, next);
            next = number + 1;
            seen++;
            is_first = false;
            at = behind + 1;
        }
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    const asm_mailbox_counters producer = asm_mailbox_producer_counters(&mailbox);
    const asm_mailbox_counters consumer = asm_mailbox_consumer_counters(&mailbox);
    assert_int_equal(producer.posted + producer.refused, THREAD_MESSAGES);
    assert_int_equal(consumer.missed, missed_sum);
    if (overflow == ASM_OVERFLOW_REFUSE) {
        assert_int_equal(seen, producer.posted);
        assert_int_equal(consumer.received, producer.posted - producer.merged);
    } else {
        assert_int_equal(next, THREAD_MESSAGES); /* the latest always arrives */
        if (!merge_text) {
            assert_int_equal(seen + missed_sum, THREAD_MESSAGES);
            assert_int_equal(producer.dropped, missed_sum);
        }
    }
}

static void test_threads_refuse(void **state) {
    (void)state;
    run_two_threads(64, ASM_OVERFLOW_REFUSE, false, 0);
}

static void test_threads_drop_oldest(void **state) {
    (void)state;
    run_two_threads(8, ASM_OVERFLOW_DROP_OLDEST, false, 0);
}

static void test_threads_latest_only(void **state) {
    (void)state;
    run_two_threads(1, ASM_OVERFLOW_DROP_OLDEST, false, 0);
}

static void test_threads_merge(void **state) {
    (void)state;
    run_two_threads(8, ASM_OVERFLOW_REFUSE, true, 3);
}

static void test_threads_merge_and_drop(void **state) {
    (void)state;
    run_two_threads(4, ASM_OVERFLOW_DROP_OLDEST, true, 30);
}

/* A consumer that sleeps until it is woken, and nothing else wakes it. */
static int wake_pipe[2];

static void write_byte(void *user) {
    (void)user;
    assert_int_equal(write(wake_pipe[1], "w", 1), 1);
}

static void test_threads_wake(void **state) {
    (void)state;
    pthread_t thread;
    int step = 0;
    uint64_t seen = 0, missed;
    open_mailbox(2, ASM_OVERFLOW_DROP_OLDEST, false, sizeof(asm_event) + 200);
    assert_int_equal(pipe(wake_pipe), 0);
    mailbox.options.wake = write_byte;
    assert_int_equal(pthread_create(&thread, NULL, produce, &step), 0);
    while (seen < THREAD_MESSAGES) {
        char bytes[4096];
        struct pollfd waiting;
        waiting.fd = wake_pipe[0];
        waiting.events = POLLIN;
        assert_int_equal(poll(&waiting, 1, 60000), 1); /* or it was not woken */
        assert_true(read(wake_pipe[0], bytes, sizeof bytes) > 0);
        while (asm_mailbox_receive(&mailbox, &missed))
            seen += missed + 1;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    close(wake_pipe[0]);
    close(wake_pipe[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_order, finish),
        cmocka_unit_test_teardown(test_refuse, finish),
        cmocka_unit_test_teardown(test_drop_oldest, finish),
        cmocka_unit_test_teardown(test_latest_only, finish),
        cmocka_unit_test_teardown(test_long_sleep, finish),
        cmocka_unit_test_teardown(test_whole_copy, finish),
        cmocka_unit_test_teardown(test_too_large, finish),
        cmocka_unit_test_teardown(test_options, finish),
        cmocka_unit_test_teardown(test_drain, finish),
        cmocka_unit_test_teardown(test_drain_ends, finish),
        cmocka_unit_test_teardown(test_merge, finish),
        cmocka_unit_test_teardown(test_merge_as_far_as_it_fits, finish),
        cmocka_unit_test_teardown(test_merge_only_the_same, finish),
        cmocka_unit_test_teardown(test_merge_loses_no_member, finish),
        cmocka_unit_test_teardown(test_merge_not_over_a_gap, finish),
        cmocka_unit_test_teardown(test_sizes_differ, finish),
        cmocka_unit_test_teardown(test_sizes_model, finish),
        cmocka_unit_test_teardown(test_interrupts, finish),
        cmocka_unit_test_teardown(test_wake, finish),
        cmocka_unit_test_teardown(test_threads_refuse, finish),
        cmocka_unit_test_teardown(test_threads_drop_oldest, finish),
        cmocka_unit_test_teardown(test_threads_latest_only, finish),
        cmocka_unit_test_teardown(test_threads_merge, finish),
        cmocka_unit_test_teardown(test_threads_merge_and_drop, finish),
        cmocka_unit_test_teardown(test_threads_wake, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
