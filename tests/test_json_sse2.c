/* The tests of the JSON writer and reader once more, over the code for processors with SSE2 but without AVX-512. */
#define ASM_JSON_IMPLEMENTATION
#define ASM__AVX512 0
#include "test_json.c"
