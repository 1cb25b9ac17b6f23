/* The tests of the JSON writer and reader once more, over the code for processors without SSE2. */
#define ASM_JSON_IMPLEMENTATION
#define ASM_NO_SIMD
#include "test_json.c"
