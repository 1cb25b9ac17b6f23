/* The model of pubsub_model.h, rolled for a long time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "asm_pubsub.h"
#include "pubsub_model.h"

#ifndef MODEL_STEPS
#define MODEL_STEPS 1000000
#endif

static uint64_t random_state = 0x1234567;

static unsigned roll(unsigned below) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random_state >> 33) % below;
}

static void test_model(void **state) {
    (void)state;
    model_open();
    while (steps < MODEL_STEPS)
        model_step();
    assert_true(calls > MODEL_STEPS / 10 && refusals > MODEL_STEPS / 1000); /* it did not run idle */
    assert_int_equal(asm_pubsub_close(&bus), ASM_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
