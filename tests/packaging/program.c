/* A program of a project that uses the headers: C, and C++ as well. */
#define ASM_IMPLEMENTATION
#include "asm_agent.h"
#include "asm_ingest.h"
#include "asm_wire.h"

#include <string.h>

int main(void) {
    return strcmp(asm_version(), ASM_VERSION);
}
