/* Everything from inside everything: see pubsub_callbacks.h. */
#include "support.h"

#include "asm_pubsub.h"
#include "pubsub_callbacks.h"

static uint64_t random_state = 5;

static unsigned roll(unsigned below) {
    return (unsigned)(next_random(&random_state) % below);
}

/* Each thing done from outside, and in every callback that this leads to each other thing. */
static void test_each_inside_each(void **state) {
    (void)state;
    at_random = false;
    for (size_t outer = 0; outer < COUNT(actions); outer++) {
        for (chosen_action = 0; chosen_action < COUNT(actions); chosen_action++) {
            for (unsigned deepest = 1; deepest <= 2; deepest++) {
                open_world();
                max_depth = deepest;
                actions[outer].call();
                actions[outer].call();
                max_depth = 0;
                close_world();
            }
        }
    }
    assert_true(callbacks_seen > 10000); /* or nothing was tested */
}

/* Any, in any order, in each other to some depth. */
static void test_at_random(void **state) {
    (void)state;
    at_random = true;
    for (int round = 0; round < 300; round++) {
        open_world();
        max_depth = DEEPEST;
        for (int i = 0; i < 20; i++)
            act();
        max_depth = 0;
        close_world();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_inside_each),
        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
