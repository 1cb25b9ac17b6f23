/* A program that is linked with the shared library: the flat header has the layout of the structs, and the version. */
#include <asm-session.h>

#include <string.h>

int main(void) {
    char memory[64];
    asm_buffer buffer;
    asm_buffer_init_fixed(&buffer, memory, sizeof memory);
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_RUN_STARTED;
    return asm_event_write_json(&event, &buffer) != ASM_OK || buffer.size == 0 ||
           strcmp(asm_version(), ASM_VERSION) != 0;
}
