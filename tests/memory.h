/* Memory that is counted, and can run out: what the headers' implementation is given in tests. */
#ifndef TESTS_MEMORY_H
#define TESTS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

extern size_t allocation_calls;
extern size_t allocation_fails_from; /* this call and all after it fail; 0: none does */
extern bool allocation_fails_once;   /* only this call does */
extern size_t allocations_alive;

void *counted_realloc(void *block, size_t size);
void counted_free(void *block);
void fail_allocations_from(size_t call);

/* Before the loop of a test over the calls that fail: all calls from that one on do, and in a second turn it does
 * alone. */
#define for_each_way_to_fail                                                                                 \
    for (int way_to_fail = 0; (allocation_fails_once = way_to_fail == 1), way_to_fail < 2; way_to_fail++)

#endif
