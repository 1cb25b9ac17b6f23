/* core: cortex-m0. Topics and the dispatcher, with patterns: no presence, mailbox, broadcaster or sink. */
#define ASM_NO_STDIO
#define ASM_IMPLEMENTATION
#include "asm_pubsub.h"

asm_result probe(asm_pubsub *pubsub, asm_str session_id, asm_message_callback callback, void *user,
                 const asm_message *message) {
    char topic[64];
    asm_subscription subscription;
    asm_pubsub_init(pubsub, NULL);
    asm_topic_session(topic, sizeof topic, ASM_STR("asm"), session_id);
    asm_pubsub_subscribe(pubsub, topic, callback, user, &subscription);
    asm_pubsub_subscribe_pattern(pubsub, "asm:**", callback, user, NULL);
    asm_pubsub_publish(pubsub, topic, message, NULL);
    asm_pubsub_unsubscribe(pubsub, subscription);
    return asm_pubsub_close(pubsub);
}
