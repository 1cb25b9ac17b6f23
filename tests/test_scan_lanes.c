/* The tests of scanning once more, over sixteen bytes at once only (SSE2, NEON): without AVX-512. */
#define ASM_JSON_IMPLEMENTATION
#define ASM__AVX512 0
#include "test_scan.c"
