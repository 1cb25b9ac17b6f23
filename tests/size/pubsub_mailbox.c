/* core: cortex-m0. A mailbox between an interrupt handler and the main loop; the program brings the atomics. */
#define ASM_NO_STDIO
#define ASM_IMPLEMENTATION
#include <stdint.h>
extern uint32_t atomic_load(const uint32_t *place);
extern uint32_t atomic_exchange(uint32_t *place, uint32_t value);
#define ASM_ATOMIC_LOAD(place)            atomic_load(place)
#define ASM_ATOMIC_EXCHANGE(place, value) atomic_exchange(place, value)
#include "asm_pubsub.h"

size_t probe(const asm_message *message, asm_message_callback callback) {
    static char memory[1024];
    static asm_mailbox mailbox;
    asm_mailbox_options options = {.memory = memory, .size = sizeof memory, .capacity = 4};
    if (asm_mailbox_init(&mailbox, &options) != ASM_OK) return 0;
    asm_mailbox_post(&mailbox, message);
    return asm_mailbox_drain(&mailbox, callback, NULL, 0);
}
