/* core: cortex-m0. Topics alone: built, taken apart and matched. */
#define ASM_NO_STDIO
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

bool probe(asm_str session_id, asm_str run_id, asm_topic_parts *parts, char *memory, size_t size) {
    char topic[64];
    asm_topic_run(topic, sizeof topic, ASM_STR("asm"), session_id, run_id);
    return asm_topic_parse(topic, parts, memory, size) == ASM_OK && asm_pattern_matches("asm:**", topic);
}
