/* The mailbox: one thread, then two. Run under -fsanitize=thread, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#define ASM_PUBSUB_IMPLEMENTATION
#include "asm_pubsub.h"

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
    expect_text("a", 0);
    assert_int_equal(post_text("e"), ASM_OK);
    expect_text("b", 0);
    expect_text("e", 2);
    expect_empty();
    const asm_mailbox_counters producer = asm_mailbox_producer_counters(&mailbox);
    const asm_mailbox_counters consumer = asm_mailbox_consumer_counters(&mailbox);
    assert_int_equal(producer.posted, 3);
    assert_int_equal(producer.refused, 2);
    assert_int_equal(producer.dropped, 0);
    assert_int_equal(consumer.received, 3);
    assert_int_equal(consumer.missed, 2);
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

/* A consumer that sleeps for longer than the positions in the ring's words can tell apart. */
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
    message.subscription.generation = 7;
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
    assert_int_equal(copy->subscription.generation, 7);
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
    post_text("after");
    assert_int_equal(asm_mailbox_receive(&mailbox, NULL)->text.size, mailbox.max_message);
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
    options.size = asm_mailbox_size(4, sizeof(asm_event)) - 1;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_NO_SPACE);
    assert_int_equal(post_text("not open"), ASM_ERR_INVALID_ARGUMENT);
    assert_null(asm_mailbox_receive(&mailbox, NULL));
    options.size = 100000 - 3;
    options.capacity = 3;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    options.capacity = 2 * ASM_MAILBOX_MAX_CAPACITY;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    options.capacity = 0;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_OK);
    assert_int_equal(mailbox.options.capacity, 64);
    options.overflow = (asm_overflow)2;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    options.overflow = ASM_OVERFLOW_REFUSE;
    options.memory = NULL;
    assert_int_equal(asm_mailbox_init(&mailbox, &options), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_mailbox_size(5000, 1), 0);
    assert_int_equal(asm_mailbox_size(UINT32_MAX, 1), 0);
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
    assert_int_equal(asm_mailbox_drain(&mailbox, post_again, &count, 0), 8);
    assert_int_equal(count, 8);
}

/* ------------------------------------------------------------------------------------------------ merging */

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
    const int64_t first = asm__letter_at(&mailbox, asm__word_slot(mailbox.producer.last_word))->event->time;
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
    open_mailbox(64, ASM_OVERFLOW_REFUSE, true, sizeof(asm_event) + 100);
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
    assert_in_range(count, 10, 60);
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

/* -------------------------------------------------------------------------------------------- two threads */

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
    ASM_ATOMIC_STORE(&done, 1);
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
        cmocka_unit_test_teardown(test_merge_not_over_a_gap, finish),
        cmocka_unit_test_teardown(test_threads_refuse, finish),
        cmocka_unit_test_teardown(test_threads_drop_oldest, finish),
        cmocka_unit_test_teardown(test_threads_latest_only, finish),
        cmocka_unit_test_teardown(test_threads_merge, finish),
        cmocka_unit_test_teardown(test_threads_merge_and_drop, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
