/* The index by which records are found, against a list that is searched from end to end. */
#define ASM_JSON_IMPLEMENTATION
#include "support.h"

#include "asm_json.h"
#include "index_depth.h"

enum { RECORDS = 600 };

typedef struct record {
    size_t before; /* the indexed member need not be the first */
    asm__indexed item;
    char text[24];
    bool is_in;
} record;

static uint64_t random_state = 1;

static size_t random_below(size_t below) {
    return (size_t)(next_random(&random_state) % below);
}

static record records[RECORDS];
static const int scopes[4];
static asm__index places;

/* Keys with few hashes, scopes and texts, so that all parts of a key decide at times, and some that differ in nothing
 * but a length or a zero byte. */
static void random_key(record *one, unsigned hashes) {
    const size_t size = random_below(6);
    for (size_t i = 0; i < size; i++)
        one->text[i] = "a\0b\xff"[random_below(4)];
    one->item.text = asm_str_make(one->text, size);
    one->item.scope = random_below(2) ? NULL : &scopes[random_below(4)];
    one->item.hash = hashes < 64 ? random_below(hashes) * UINT64_C(0x100000001)
                                 : asm__hash(one->text, size, (uint64_t)(uintptr_t)one->item.scope);
}

static bool same_key(const asm__indexed *a, const asm__indexed *b) {
    return a->hash == b->hash && a->scope == b->scope && asm_str_equal(a->text, b->text);
}

static record *model_find(const asm__indexed *key) {
    for (size_t i = 0; i < RECORDS; i++)
        if (records[i].is_in && same_key(&records[i].item, key)) return &records[i];
    return NULL;
}

static void expect_found(const record *one) {
    asm__indexed *found = asm__index_find(&places, one->item.scope, one->item.text, one->item.hash);
    record *expected = model_find(&one->item);
    assert_ptr_equal(found ? asm__container(found, record, item) : NULL, expected);
}

static void run_model(unsigned hashes, unsigned steps) {
    size_t count = 0;
    memset(records, 0, sizeof records);
    for (unsigned step = 0; step < steps; step++) {
        record *one = &records[random_below(RECORDS)];
        if (one->is_in) {
            expect_found(one);
            if (random_below(3) == 0) continue;
            asm__index_remove(&places, &one->item);
            one->is_in = false;
            count--;
            expect_found(one);
        } else {
            random_key(one, hashes);
            expect_found(one);
            if (model_find(&one->item)) continue;
            asm__index_insert(&places, &one->item);
            one->is_in = true;
            count++;
            expect_found(one);
        }
        assert_int_equal(places.count, count);
    }
    for (size_t i = 0; i < RECORDS; i++) {
        if (!records[i].is_in) continue;
        expect_found(&records[i]);
        asm__index_remove(&places, &records[i].item);
        records[i].is_in = false;
    }
    assert_int_equal(places.count, 0);
    assert_null(places.roots);
    assert_int_equal(allocations_alive, 0);
}

static void test_model(void **state) {
    (void)state;
    static const unsigned hashes[] = {1, 2, 5, 64};
    for (size_t i = 0; i < COUNT(hashes); i++)
        run_model(hashes[i], 20000);
}

/* Without memory for its table it is only slower. */
static void test_out_of_memory(void **state) {
    (void)state;
    for_each_way_to_fail {
        for (size_t fail_from = 1; fail_from < 8; fail_from++) {
            fail_allocations_from(fail_from);
            run_model(64, 3000);
        }
    }
    fail_allocations_from(0);
}

static char *long_texts(record *all, size_t count, size_t size) {
    char *texts = (char *)malloc(count * size);
    assert_non_null(texts);
    for (size_t i = 0; i < count; i++) {
        char *text = texts + i * size;
        for (size_t k = 0; k < size; k++)
            text[k] = (char)('A' + (k * 4 < 64 ? i >> k * 4 & 15 : 0));
        all[i].item.text = asm_str_make(text, size);
    }
    return texts;
}

/* Keys that all have one hash, as an attacker who knows the hash function can make them. */
static void test_flood(void **state) {
    (void)state;
    const size_t count = 60000, size = 48;
    record *all = (record *)calloc(count, sizeof *all);
    assert_non_null(all);
    char *texts = long_texts(all, count, size);
    for (size_t i = 0; i < count; i++) {
        all[i].item.hash = 7;
        asm__index_insert(&places, &all[i].item);
    }
    unsigned deepest = 0;
    for (size_t i = 0; i < count; i++) {
        const unsigned depth = index_depth(&places, &all[i].item);
        deepest = depth > deepest ? depth : deepest;
        assert_ptr_equal(asm__index_find(&places, NULL, all[i].item.text, 7), &all[i].item);
    }
    assert_in_range(deepest, 15, 32);
    for (size_t i = 0; i < count; i++)
        asm__index_remove(&places, &all[i].item);
    assert_int_equal(allocations_alive, 0);
    free(texts);
    free(all);
}

/* The deepest tree there can be: each key is the one before with a byte more, or its last byte's next bit. */
static void test_deepest(void **state) {
    (void)state;
    static char text[512];
    static record all[512];
    for (size_t i = 0; i < COUNT(all); i++) {
        all[i].item.text = asm_str_make(text, i);
        all[i].item.hash = 0;
        asm__index_insert(&places, &all[i].item);
    }
    for (size_t i = 0; i < COUNT(all); i++) {
        assert_in_range(index_depth(&places, &all[i].item), 0, ASM__INDEX_TEXT + 9 * (i + 1));
        assert_ptr_equal(asm__index_find(&places, NULL, all[i].item.text, 0), &all[i].item);
    }
    asm__index_close(&places);
    assert_int_equal(allocations_alive, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_deepest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
