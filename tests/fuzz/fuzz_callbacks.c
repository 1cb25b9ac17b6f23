/* Everything from inside everything, in any order: the input is what is done, outside and in each callback. */
#include "fuzz.h"

#include "asm_pubsub.h"

#include "../pubsub_callbacks.h"

static fuzz_input rolls;

static unsigned roll(unsigned below) {
    return fuzz_byte(&rolls) % below;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    rolls = fuzz_begin(data, size < 64 ? size : 64); /* each may call many others */
    at_random = true;
    open_world();
    max_depth = DEEPEST;
    while (rolls.left != 0)
        act();
    max_depth = 0;
    close_world();
    return 0;
}
