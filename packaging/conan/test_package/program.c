#define ASM_IMPLEMENTATION
#include "asm_events.h"

#include <string.h>

int main(void) {
    return strcmp(asm_version(), ASM_VERSION);
}
