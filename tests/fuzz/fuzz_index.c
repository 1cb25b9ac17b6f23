/* The index finds what a list finds that is searched from end to end, whatever the keys and their hashes are. An input:
 * for each step a byte that chooses a record, then, if it is not in the index, one for its hash and one for its scope,
 * and its text up to the next NUL. */
#define ASM_JSON_IMPLEMENTATION
#include "fuzz.h"

#include "asm_json.h"

#include "../index_depth.h"

enum { RECORDS = 64 };

static asm__indexed items[RECORDS];
static bool is_in[RECORDS];

static asm__indexed *reference_find(const asm__indexed *key) {
    for (size_t i = 0; i < RECORDS; i++)
        if (is_in[i] && items[i].hash == key->hash && items[i].scope == key->scope &&
            asm_str_equal(items[i].text, key->text))
            return &items[i];
    return NULL;
}

static void check(const asm__index *index, const asm__indexed *key) {
    asm__indexed *found = asm__index_find(index, key->scope, key->text, key->hash);
    assert_ptr_equal(found, reference_find(key));
    if (found) assert_true(index_depth(index, found) <= ASM__INDEX_TEXT + 9 * (found->text.size + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int scopes[3];
    fuzz_input input = fuzz_begin(data, size);
    asm__index index;
    memset(&index, 0, sizeof index);
    memset(is_in, 0, sizeof is_in);
    while (input.left != 0) {
        const size_t i = fuzz_byte(&input) % RECORDS;
        if (is_in[i]) {
            asm__index_remove(&index, &items[i]);
            is_in[i] = false;
        } else {
            items[i].hash = fuzz_byte(&input) % 4 * UINT64_C(0x8000000000000001);
            const unsigned scope = fuzz_byte(&input) % 4;
            items[i].scope = scope < 3 ? &scopes[scope] : NULL;
            items[i].text = fuzz_text(&input, 0);
            if (!reference_find(&items[i])) {
                asm__index_insert(&index, &items[i]);
                is_in[i] = true;
            }
        }
        check(&index, &items[i]);
    }
    size_t from = 0;
    for (asm__indexed *item; (item = asm__index_take(&index, &from)) != NULL;)
        is_in[item - items] = false;
    for (size_t i = 0; i < RECORDS; i++)
        assert_false(is_in[i]);
    asm__index_close(&index);
    assert_int_equal(allocations_alive, 0);
    return 0;
}
