#include "memory.h"

#include <stdint.h>
#include <stdlib.h>

size_t allocation_calls;
size_t allocation_fails_from;
bool allocation_fails_once;
size_t allocations_alive;

void *counted_realloc(void *block, size_t size) {
    allocation_calls++;
    if (allocation_fails_from != 0 && (allocation_fails_once ? allocation_calls == allocation_fails_from
                                                             : allocation_calls >= allocation_fails_from))
        return NULL;
    if (size > SIZE_MAX / 4) return NULL; /* sanitizers stop the program there */
    void *moved = realloc(block, size);
    if (moved != NULL && block == NULL) allocations_alive++;
    return moved;
}

void counted_free(void *block) {
    if (block != NULL) allocations_alive--;
    free(block);
}

void fail_allocations_from(size_t call) {
    allocation_calls = 0;
    allocation_fails_from = call;
}
