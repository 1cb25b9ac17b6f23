/* The tests of scanning once more, over the code for processors without SSE2 and NEON. */
#define ASM_JSON_IMPLEMENTATION
#define ASM_NO_SIMD
#include "test_scan.c"
