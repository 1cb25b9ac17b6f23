/* The dispatcher does what a naive model of it says, in any order of calls: the input is what chance rolls. */
#include "fuzz.h"

#include "asm_pubsub.h"

#include "../pubsub_model.h"

static fuzz_input rolls;

static unsigned roll(unsigned below) {
    unsigned number = fuzz_byte(&rolls);
    if (below > 256) number = number << 8 | fuzz_byte(&rolls);
    return number % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rolls = fuzz_begin(data, size);
    model_open();
    while (rolls.left != 0)
        model_step();
    assert_int_equal(asm_pubsub_close(&bus), ASM_OK);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
    return 0;
}
