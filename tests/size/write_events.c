/* The least: events written as JSON Lines. */
#define ASM_IMPLEMENTATION
#include "asm_events.h"

asm_result probe(const asm_event *event, asm_buffer *line) {
    return asm_event_write_json(event, line);
}
