/* Presence: who joins and leaves, and what subscribers are told. */
#include "support.h"

#include "asm_pubsub.h"

static asm_pubsub bus;
static asm_presence presence;
static char diffs[4096]; /* "TOPIC DIFF\n" for each message */

static void record(void *user, const asm_message *message) {
    (void)user;
    assert_true(asm_str_equal(message->wrapper, ASM_STR("presence_diff")));
    assert_int_equal(message->event->type, ASM_EVENT_CUSTOM);
    assert_true(asm_str_equal(asm_event_name(message->event), ASM_STR("presence_diff")));
    const size_t used = strlen(diffs);
    snprintf(diffs + used, sizeof diffs - used, "%s %.*s\n", message->topic, (int)message->event->extra.size,
             message->event->extra.data);
}

static int start(void **state) {
    (void)state;
    allocations_alive = 0;
    fail_allocations_from(0);
    diffs[0] = '\0';
    asm_pubsub_init(&bus, NULL);
    assert_int_equal(asm_pubsub_subscribe_pattern(&bus, "**", record, NULL, NULL), ASM_OK);
    const asm_presence_options options = {.pubsub = &bus};
    asm_presence_init(&presence, &options);
    return 0;
}

static int finish(void **state) {
    (void)state;
    asm_presence_close(&presence);
    asm_pubsub_close(&bus);
    return allocations_alive == 0 ? 0 : -1;
}

static void expect_diffs(const char *expected) {
    assert_string_equal(diffs, expected);
    diffs[0] = '\0';
}

static uint64_t track(const void *owner, const char *topic, const char *key, const char *meta) {
    uint64_t reference = 0;
    assert_int_equal(
        asm_presence_track(&presence, owner, topic, asm_str_from(key), asm_str_from(meta), &reference),
        ASM_OK);
    assert_true(reference != 0);
    return reference;
}

static void expect_list(const char *topic, const char *expected) {
    char memory[1024];
    asm_buffer out;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    assert_int_equal(asm_presence_write_json(&presence, topic, &out), ASM_OK);
    assert_int_equal(asm_buffer_append_byte(&out, '\0'), ASM_OK);
    assert_string_equal(memory, expected);
}

static int tab_1, tab_2; /* two owners */

static void test_join_and_leave(void **state) {
    (void)state;
    const uint64_t first = track(&tab_1, "room", "ann", "{\"name\":\"Ann\"}");
    expect_diffs("room "
                 "{\"joins\":{\"ann\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":{\"name\":\"Ann\"}}]}},"
                 "\"leaves\":{}}\n");
    const uint64_t second = track(&tab_2, "room", "ann", NULL); /* another tab: the key is there already */
    expect_diffs(
        "room {\"joins\":{\"ann\":{\"count\":2,\"metas\":[{\"ref\":\"2\",\"meta\":{}}]}},\"leaves\":{}}\n");
    assert_true(first != second);
    assert_int_equal(asm_presence_count(&presence, "room"), 1);
    track(&tab_1, "room", "bob", "[1, 2]");
    track(&tab_1, "hall", "ann", "7");
    diffs[0] = '\0';
    assert_int_equal(asm_presence_count(&presence, "room"), 2);
    assert_int_equal(asm_presence_count(&presence, "hall"), 1);
    assert_int_equal(asm_presence_count(&presence, "roo"), 0);
    expect_list(
        "room",
        "{\"ann\":{\"metas\":[{\"ref\":\"1\",\"meta\":{\"name\":\"Ann\"}},{\"ref\":\"2\",\"meta\":{}}]},"
        "\"bob\":{\"metas\":[{\"ref\":\"3\",\"meta\":[1,2]}]}}");
    expect_list("nowhere", "{}");

    assert_int_equal(asm_presence_untrack(&presence, first), ASM_OK);
    expect_diffs("room "
                 "{\"joins\":{},\"leaves\":{\"ann\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":{"
                 "\"name\":\"Ann\"}}]}}}\n");
    assert_int_equal(asm_presence_count(&presence, "room"), 2); /* the other tab is still there */
    expect_list("room", "{\"ann\":{\"metas\":[{\"ref\":\"2\",\"meta\":{}}]},\"bob\":{\"metas\":[{\"ref\":"
                        "\"3\",\"meta\":[1,2]}]}}");
    assert_int_equal(asm_presence_untrack(&presence, second), ASM_OK);
    expect_diffs(
        "room {\"joins\":{},\"leaves\":{\"ann\":{\"count\":0,\"metas\":[{\"ref\":\"2\",\"meta\":{}}]}}}\n");
    assert_int_equal(asm_presence_count(&presence, "room"), 1);
    assert_int_equal(asm_presence_untrack(&presence, second), ASM_ERR_NOT_FOUND);
    expect_diffs("");
}

static void test_update(void **state) {
    (void)state;
    const uint64_t before = track(&tab_1, "room", "ann", "1");
    track(&tab_1, "room", "bob", "2");
    diffs[0] = '\0';
    uint64_t reference = before;
    assert_int_equal(asm_presence_update(&presence, &reference, ASM_STR("\"away\"")), ASM_OK);
    expect_diffs(
        "room "
        "{\"joins\":{\"ann\":{\"count\":1,\"metas\":[{\"ref\":\"3\",\"ref_prev\":\"1\",\"meta\":\"away\"}]}},"
        "\"leaves\":{\"ann\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":1}]}}}\n");
    assert_int_equal(reference, 3);
    expect_list("room", "{\"ann\":{\"metas\":[{\"ref\":\"3\",\"meta\":\"away\"}]},\"bob\":{\"metas\":[{"
                        "\"ref\":\"2\",\"meta\":2}]}}");
    assert_int_equal(asm_presence_count(&presence, "room"), 2);
    uint64_t stale = before;
    assert_int_equal(asm_presence_update(&presence, &stale, ASM_STR("1")), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_presence_update(&presence, NULL, ASM_STR("1")), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_presence_update(&presence, &reference, ASM_STR("{")), ASM_ERR_SYNTAX);
    assert_int_equal(reference, 3);
    expect_diffs("");
    assert_int_equal(asm_presence_untrack(&presence, reference), ASM_OK);
}

/* One diff for each topic, whatever the number of entries. */
static void test_remove_owner(void **state) {
    (void)state;
    track(&tab_1, "room", "ann", "1");
    track(&tab_2, "room", "bob", "2");
    track(&tab_1, "hall", "ann", "3");
    track(&tab_1, "room", "ann", "4");
    track(&tab_2, "room", "ann", "5");
    track(&tab_1, "room", "cid", "6");
    diffs[0] = '\0';
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_1), ASM_OK);
    expect_diffs(
        "room "
        "{\"joins\":{},\"leaves\":{\"ann\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":1},{\"ref\":\"4\","
        "\"meta\":4}]},"
        "\"cid\":{\"count\":0,\"metas\":[{\"ref\":\"6\",\"meta\":6}]}}}\n"
        "hall {\"joins\":{},\"leaves\":{\"ann\":{\"count\":0,\"metas\":[{\"ref\":\"3\",\"meta\":3}]}}}\n");
    assert_int_equal(asm_presence_count(&presence, "room"), 2);
    assert_int_equal(asm_presence_count(&presence, "hall"), 0);
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_1), ASM_OK);
    expect_diffs("");
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_2), ASM_OK);
    asm_presence_entry entry = {.reference = 0};
    assert_false(asm_presence_next(&presence, NULL, &entry));
}

static void test_next(void **state) {
    (void)state;
    char topic[] = "room", key[] = "ann", meta[] = "1";
    const uint64_t reference = track(&tab_1, topic, key, meta);
    track(&tab_2, "hall", "bob", "2");
    topic[0] = key[0] = meta[0] = 'x'; /* all were copied */
    asm_presence_entry entry = {.reference = 0};
    assert_true(asm_presence_next(&presence, NULL, &entry));
    assert_int_equal(entry.reference, reference);
    assert_ptr_equal(entry.owner, &tab_1);
    assert_string_equal(entry.topic, "room");
    assert_true(asm_str_equal(entry.key, ASM_STR("ann")));
    assert_true(asm_str_equal(entry.meta, ASM_STR("1")));
    assert_true(asm_presence_next(&presence, NULL, &entry));
    assert_false(asm_presence_next(&presence, NULL, &entry));
    entry.reference = 0;
    assert_true(asm_presence_next(&presence, "hall", &entry));
    assert_true(asm_str_equal(entry.key, ASM_STR("bob")));
    assert_false(asm_presence_next(&presence, "hall", &entry));
}

static void test_wrong_arguments(void **state) {
    (void)state;
    const asm_str ann = ASM_STR("ann");
    assert_int_equal(asm_presence_track(&presence, NULL, "", ann, ann, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_presence_track(&presence, NULL, NULL, ann, ann, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_presence_track(&presence, NULL, "t", ASM_STR(""), ASM_STR("1"), NULL),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_presence_track(&presence, NULL, "t", ann, ASM_STR("nonsense"), NULL),
                     ASM_ERR_SYNTAX);
    assert_int_equal(asm_presence_untrack(&presence, 0), ASM_ERR_NOT_FOUND);
    assert_int_equal(asm_presence_count(&presence, "t"), 0);
    expect_diffs("");
    /* a key that would break out of the JSON */
    track(&tab_1, "t", "a\"},\n", "1");
    expect_diffs(
        "t "
        "{\"joins\":{\"a\\\"},\\n\":{\"count\":1,\"metas\":[{\"ref\":\"1\",\"meta\":1}]}},\"leaves\":{}}\n");
}

static void test_without_dispatcher(void **state) {
    (void)state;
    asm_presence alone;
    uint64_t reference;
    asm_presence_init(&alone, NULL);
    assert_int_equal(asm_presence_track(&alone, NULL, "t", ASM_STR("k"), ASM_STR("1"), &reference), ASM_OK);
    assert_int_equal(asm_presence_update(&alone, &reference, ASM_STR("2")), ASM_OK);
    assert_int_equal(asm_presence_count(&alone, "t"), 1);
    assert_int_equal(asm_presence_untrack(&alone, reference), ASM_OK);
    assert_int_equal(asm_presence_count(&alone, "t"), 0);
    asm_presence_close(&alone);
    expect_diffs("");
}

/* A change that nobody hears is not published; who comes later hears of the next, and finds the state. */
static void test_nobody_listens(void **state) {
    (void)state;
    asm_pubsub_unsubscribe_all_pattern(&bus, "**", record, NULL);
    asm_pubsub_subscribe(&bus, "elsewhere", record, NULL, NULL);
    uint64_t reference = track(&tab_1, "room", "ann", "\"here\"");
    const size_t calls = allocation_calls;
    assert_int_equal(asm_presence_update(&presence, &reference, ASM_STR("\"away\"")), ASM_OK);
    assert_int_equal(allocation_calls, calls);
    assert_int_equal(asm_presence_untrack(&presence, track(&tab_2, "room", "bob", "1")), ASM_OK);
    track(&tab_2, "room", "cid", "2");
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_2), ASM_OK);
    assert_int_equal(bus.published, 0);
    expect_diffs("");

    asm_pubsub_subscribe_pattern(&bus, "*", record, NULL, NULL);
    expect_list("room", "{\"ann\":{\"metas\":[{\"ref\":\"2\",\"meta\":\"away\"}]}}");
    assert_int_equal(asm_presence_untrack(&presence, reference), ASM_OK);
    expect_diffs("room "
                 "{\"joins\":{},\"leaves\":{\"ann\":{\"count\":0,\"metas\":[{\"ref\":\"2\",\"meta\":"
                 "\"away\"}]}}}\n");
    assert_int_equal(bus.published, 1);
}

/* Into what the old one had room for, or not; the old one may be a part of the new. */
static void test_update_by_its_own_meta(void **state) {
    (void)state;
    uint64_t reference = track(&tab_1, "room", "ann", "[1,2,3]");
    asm_presence_entry entry = {.reference = 0};
    assert_true(asm_presence_next(&presence, "room", &entry));
    assert_int_equal(asm_presence_update(&presence, &reference, asm_str_make(entry.meta.data + 3, 1)),
                     ASM_OK);
    expect_list("room", "{\"ann\":{\"metas\":[{\"ref\":\"2\",\"meta\":2}]}}");
    assert_int_equal(asm_presence_update(&presence, &reference, ASM_STR("[1,2,3]")), ASM_OK);
    assert_int_equal(asm_presence_update(&presence, &reference, ASM_STR("[1,2,3,4]")), ASM_OK);
    expect_list("room", "{\"ann\":{\"metas\":[{\"ref\":\"4\",\"meta\":[1,2,3,4]}]}}");
    entry.reference = 0;
    assert_true(asm_presence_next(&presence, "room", &entry));
    assert_true(asm_str_equal(entry.meta, ASM_STR("[1,2,3,4]")));
    assert_int_equal(entry.meta.data[entry.meta.size], '\0');
}

/* A subscriber that answers a diff by changes of its own; in the order in which they were made. */
static void leave_again(void *user, const asm_message *message) {
    uint64_t *reference = (uint64_t *)user;
    (void)message;
    if (*reference) {
        const uint64_t leaving = *reference;
        *reference = 0;
        assert_int_equal(asm_presence_untrack(&presence, leaving), ASM_OK);
        asm_presence_close(&presence); /* even this */
    }
}

static void test_changes_inside_a_subscriber(void **state) {
    (void)state;
    uint64_t reference = track(&tab_1, "room", "ann", "1");
    asm_pubsub_subscribe(&bus, "room", leave_again, &reference, NULL);
    diffs[0] = '\0';
    track(&tab_1, "room", "bob", "2");
    expect_diffs(
        "room {\"joins\":{\"bob\":{\"count\":1,\"metas\":[{\"ref\":\"2\",\"meta\":2}]}},\"leaves\":{}}\n"
        "room {\"joins\":{},\"leaves\":{\"ann\":{\"count\":0,\"metas\":[{\"ref\":\"1\",\"meta\":1}]}}}\n");
    assert_int_equal(asm_presence_count(&presence, "room"), 0);
}

static asm_result deepest;

static void track_forever(void *user, const asm_message *message) {
    (void)user;
    const size_t before = asm_presence_count(&presence, NULL);
    char key[16];
    snprintf(key, sizeof key, "%u", (unsigned)before);
    deepest = asm_presence_track(&presence, NULL, message->topic, asm_str_from(key), ASM_STR("1"), NULL);
    if (deepest != ASM_OK) { /* refused, and nothing has changed */
        assert_int_equal(deepest, ASM_ERR_DEPTH);
        assert_int_equal(asm_presence_count(&presence, NULL), before);
    }
}

static void test_nested_too_deeply(void **state) {
    (void)state;
    asm_pubsub_unsubscribe_all_pattern(&bus, "**", record, NULL);
    asm_pubsub_subscribe(&bus, "t", track_forever, NULL, NULL);
    track(NULL, "t", "k", "1");
    assert_int_equal(asm_presence_count(&presence, "t"), 32);
}

static void test_out_of_memory(void **state) {
    (void)state;
    for_each_way_to_fail for (int call = 0; call < 4; call++) {
        for (long failing = 0;; failing++) {
            uint64_t ann = track(&tab_1, "room", "ann", "1");
            track(&tab_1, "hall", "ann", "2");
            track(&tab_2, "room", "bob", "3");
            uint64_t reference = ann;
            char before[512], after[512];
            asm_buffer list;
            asm_buffer_init_fixed(&list, before, sizeof before - 1);
            asm_presence_write_json(&presence, "room", &list);
            before[list.size] = '\0';
            diffs[0] = '\0';
            fail_allocations_from((size_t)failing + 1);
            const asm_result result =
                call == 0 ? asm_presence_track(&presence, &tab_1, "room", ASM_STR("cid"), ASM_STR("4"), NULL)
                : call == 1 ? asm_presence_update(&presence, &reference, ASM_STR("\"longer\""))
                : call == 2 ? asm_presence_untrack(&presence, ann)
                            : asm_presence_remove_owner(&presence, &tab_1);
            const bool was_reached = allocation_calls > (size_t)failing;
            fail_allocations_from(0);
            asm_buffer_init_fixed(&list, after, sizeof after - 1);
            asm_presence_write_json(&presence, "room", &list);
            after[list.size] = '\0';
            const bool changed = strcmp(after, before) != 0, told = diffs[0] != '\0';
            expect(changed == (result == ASM_OK) && told == changed, "call %d, allocation %ld", call,
                   failing);
            if (result != ASM_OK) {
                assert_int_equal(result, ASM_ERR_NO_MEMORY);
                assert_int_equal(reference, ann);
                assert_int_equal(asm_presence_untrack(&presence, ann), ASM_OK); /* later it works */
            }
            asm_presence_close(&presence);
            if (!was_reached) break; /* or an index went without a larger table */
        }
    }
    end_of_cases();
}

/* ---- Against a list of entries that is searched from end to end ---- */

enum { MODEL_ENTRIES = 60 };

static struct {
    uint64_t reference;
    const void *owner;
    char topic[8], key[8];
    int meta;
} model[MODEL_ENTRIES];
static size_t model_count;

static uint64_t random_state = 77;

static unsigned roll(unsigned below) {
    return (unsigned)(next_random(&random_state) % below);
}

static void model_remove(size_t at) {
    memmove(&model[at], &model[at + 1], (model_count - at - 1) * sizeof *model);
    model_count--;
}

static size_t model_list(const char *topic, char *out) {
    size_t keys = 0, size = (size_t)sprintf(out, "{");
    for (size_t i = 0; i < model_count; i++) {
        bool is_first = strcmp(model[i].topic, topic) == 0;
        for (size_t k = 0; k < i; k++)
            is_first =
                is_first && !(strcmp(model[k].topic, topic) == 0 && strcmp(model[k].key, model[i].key) == 0);
        if (!is_first) continue;
        size += (size_t)sprintf(out + size, "%s\"%s\":{\"metas\":[", keys++ ? "," : "", model[i].key);
        bool has_one = false;
        for (size_t k = i; k < model_count; k++) {
            if (strcmp(model[k].topic, topic) != 0 || strcmp(model[k].key, model[i].key) != 0) continue;
            size += (size_t)sprintf(out + size, "%s{\"ref\":\"%u\",\"meta\":%d}", has_one ? "," : "",
                                    (unsigned)model[k].reference, model[k].meta);
            has_one = true;
        }
        size += (size_t)sprintf(out + size, "]}");
    }
    sprintf(out + size, "}");
    return keys;
}

static unsigned told;

static void count_diff(void *user, const asm_message *message) {
    (void)user;
    (void)message;
    told++;
}

static void compare_with_model(void) {
    size_t at = 0;
    asm_presence_entry entry = {.reference = 0};
    for (; asm_presence_next(&presence, NULL, &entry); at++) {
        assert_int_equal(entry.reference, model[at].reference);
        assert_ptr_equal(entry.owner, model[at].owner);
        assert_string_equal(entry.topic, model[at].topic);
        assert_true(asm_str_equal(entry.key, asm_str_from(model[at].key)));
    }
    assert_int_equal(at, model_count);
    size_t keys = 0;
    for (char topic[2] = "a"; topic[0] < 'e'; topic[0]++) {
        char expected[8000], memory[8000];
        asm_buffer out;
        asm_buffer_init_fixed(&out, memory, sizeof memory - 1);
        const size_t count = model_list(topic, expected);
        keys += count;
        assert_int_equal(asm_presence_count(&presence, topic), count);
        assert_int_equal(asm_presence_write_json(&presence, topic, &out), ASM_OK);
        memory[out.size] = 0;
        assert_string_equal(memory, expected);
    }
    assert_int_equal(asm_presence_count(&presence, NULL), keys);
}

static void model_track(void) {
    char meta[16];
    if (model_count == MODEL_ENTRIES) return;
    model[model_count].owner = roll(4) ? (roll(2) ? &tab_1 : &tab_2) : NULL;
    model[model_count].meta = (int)roll(1000);
    sprintf(model[model_count].topic, "%c", "abcd"[roll(4)]);
    sprintf(model[model_count].key, "%c%c", "xyz"[roll(3)], "12"[roll(2)]);
    sprintf(meta, "%d", model[model_count].meta);
    model[model_count].reference =
        track(model[model_count].owner, model[model_count].topic, model[model_count].key, meta);
    model_count++;
    assert_int_equal(told, 1);
}

static void model_remove_owner(void) {
    const void *owner = roll(2) ? &tab_1 : roll(2) ? &tab_2 : (const int *)NULL;
    unsigned topics = 0;
    for (char topic = 'a'; topic < 'e'; topic++) {
        bool is_there = false;
        for (size_t i = 0; i < model_count; i++)
            is_there = is_there || (model[i].owner == owner && model[i].topic[0] == topic);
        topics += is_there;
    }
    for (size_t i = model_count; i-- > 0;)
        if (model[i].owner == owner) model_remove(i);
    assert_int_equal(asm_presence_remove_owner(&presence, owner), ASM_OK);
    assert_int_equal(told, topics); /* one diff for each topic */
}

static void test_model(void **state) {
    (void)state;
    asm_pubsub_unsubscribe_all_pattern(&bus, "**", record, NULL);
    asm_pubsub_subscribe_pattern(&bus, "*", count_diff, NULL, NULL);
    model_count = 0;
    for (int step = 0; step < 20000; step++) {
        const size_t at = model_count ? roll((unsigned)model_count) : 0;
        told = 0;
        if (roll(40) == 0) {
            model_remove_owner();
        } else if (!model_count || roll(2)) {
            model_track();
        } else if (roll(2)) {
            assert_int_equal(asm_presence_untrack(&presence, model[at].reference), ASM_OK);
            assert_int_equal(asm_presence_untrack(&presence, model[at].reference), ASM_ERR_NOT_FOUND);
            model_remove(at);
            assert_int_equal(told, 1);
        } else {
            model[at].meta = 7;
            assert_int_equal(asm_presence_update(&presence, &model[at].reference, ASM_STR("7")), ASM_OK);
            assert_int_equal(told, 1);
        }
        if (step % 8 == 0) compare_with_model();
    }
}

/* As many entries and topics as would take minutes if a call looked at all of them. */
static void test_many(void **state) {
    (void)state;
    enum { MANY = 30000 };
    static uint64_t references[MANY];
    asm_pubsub_unsubscribe_all_pattern(&bus, "**", record, NULL);
    for (int i = 0; i < MANY; i++) {
        char topic[16], key[16];
        snprintf(topic, sizeof topic, "t%d", i % 2 ? i : 0); /* one with half of the entries */
        snprintf(key, sizeof key, "k%d", i);
        references[i] = track(i % 3 ? &tab_1 : &tab_2, topic, key, "1");
    }
    assert_int_equal(asm_presence_count(&presence, "t0"), MANY / 2);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(asm_presence_update(&presence, &references[i], ASM_STR("2")), ASM_OK);
    asm_buffer out;
    asm_buffer_init_growing(&out);
    assert_int_equal(asm_presence_write_json(&presence, "t0", &out), ASM_OK);
    asm_buffer_close(&out);
    for (int i = 0; i < MANY; i += 2)
        assert_int_equal(asm_presence_untrack(&presence, references[(i * 7919LL) % MANY]), ASM_OK);
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_1), ASM_OK);
    assert_int_equal(asm_presence_remove_owner(&presence, &tab_2), ASM_OK);
    assert_int_equal(allocations_alive, 0);
}

static void test_topic_with_wildcard(void **state) {
    (void)state;
    assert_int_equal(asm_presence_track(&presence, NULL, "a:*", ASM_STR("k"), ASM_STR("1"), NULL),
                     ASM_ERR_PATTERN);
    assert_int_equal(asm_presence_count(&presence, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join_and_leave, start, finish),
        cmocka_unit_test_setup_teardown(test_update, start, finish),
        cmocka_unit_test_setup_teardown(test_remove_owner, start, finish),
        cmocka_unit_test_setup_teardown(test_next, start, finish),
        cmocka_unit_test_setup_teardown(test_wrong_arguments, start, finish),
        cmocka_unit_test_setup_teardown(test_without_dispatcher, start, finish),
        cmocka_unit_test_setup_teardown(test_nobody_listens, start, finish),
        cmocka_unit_test_setup_teardown(test_update_by_its_own_meta, start, finish),
        cmocka_unit_test_setup_teardown(test_changes_inside_a_subscriber, start, finish),
        cmocka_unit_test_setup_teardown(test_nested_too_deeply, start, finish),
        cmocka_unit_test_setup_teardown(test_out_of_memory, start, finish),
        cmocka_unit_test_setup_teardown(test_model, start, finish),
        cmocka_unit_test_setup_teardown(test_many, start, finish),
        cmocka_unit_test_setup_teardown(test_topic_with_wildcard, start, finish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
