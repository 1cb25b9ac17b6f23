/* core: cortex-m4. The agent server with the dispatcher: one agent that is executed, and its events. */
#define ASM_NO_STDIO
#define ASM_IMPLEMENTATION
#include "asm_agent.h"

asm_result probe(asm_agent_server *server, asm_pubsub *pubsub, const asm_agent_options *options,
                 asm_message_callback callback, void *user, asm_time now) {
    asm_pubsub_init(pubsub, NULL);
    asm_agent_server_init(server, NULL);
    asm_agent_start(server, options);
    asm_agent_subscribe(server, options->id, callback, user, NULL);
    asm_agent_execute(server, options->id);
    while (server->running > 0)
        asm_agent_server_poll(server, now, now);
    asm_agent_server_close(server);
    return asm_pubsub_close(pubsub);
}
