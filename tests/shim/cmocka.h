/* As much of cmocka as our tests use, in one header: for fuzzers, where a failed assertion must end the program, and
 * for platforms that have no cmocka to link with. */
#ifndef TESTS_SHIM_CMOCKA_H
#define TESTS_SHIM_CMOCKA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
    const char *name;
    void (*test)(void **state);
    CMFixtureFunction setup, teardown;
};

#define cmocka_unit_test(test)                                                                               \
    { #test, test, NULL, NULL }
#define cmocka_unit_test_setup(test, setup)                                                                  \
    { #test, test, setup, NULL }
#define cmocka_unit_test_teardown(test, teardown)                                                            \
    { #test, test, NULL, teardown }
#define cmocka_unit_test_setup_teardown(test, setup, teardown)                                               \
    { #test, test, setup, teardown }
#define cmocka_run_group_tests(tests, setup, teardown)                                                       \
    shim_run_tests(tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)

enum { SHIM_FAILED = 1, SHIM_SKIPPED };

static jmp_buf shim_test_end;
static int shim_in_test;

static inline void shim_end_test(int how) {
    if (!shim_in_test) abort();
    longjmp(shim_test_end, how);
}

static inline void shim_print(const char *format, va_list arguments) {
    fflush(stdout);
    vfprintf(stderr, format, arguments);
}

static inline void print_error(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    shim_print(format, arguments);
    va_end(arguments);
}

static inline void print_message(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

static inline void shim_expect(int is_so, const char *file, int line, const char *format, ...) {
    va_list arguments;
    if (is_so) return;
    fprintf(stderr, "%s:%d: not so: ", file, line);
    va_start(arguments, format);
    shim_print(format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    shim_end_test(SHIM_FAILED);
}

static inline void shim_expect_integers(uint64_t a, uint64_t b, int equal, const char *file, int line,
                                        const char *what) {
    shim_expect((a == b) == equal, file, line, "%s: %lld, %lld", what, (long long)a, (long long)b);
}

static inline void shim_expect_strings(const char *a, const char *b, const char *file, int line) {
    shim_expect(strcmp(a, b) == 0, file, line, "equal:\n    %s\n    %s", a, b);
}

static inline int shim_in_range(uint64_t value, uint64_t low, uint64_t high) {
    return value >= low && value <= high;
}

#define shim_expect_true(is_so, text) shim_expect((is_so) ? 1 : 0, __FILE__, __LINE__, "%s", text)

#define assert_true(condition)           shim_expect_true(condition, #condition)
#define assert_false(condition)          shim_expect_true(!(condition), "not " #condition)
#define assert_null(pointer)             shim_expect_true((pointer) == NULL, #pointer " is NULL")
#define assert_non_null(pointer)         shim_expect_true((pointer) != NULL, #pointer " is not NULL")
#define assert_ptr_equal(a, b)           shim_expect_true((const void *)(a) == (const void *)(b), #a " == " #b)
#define assert_ptr_not_equal(a, b)       shim_expect_true((const void *)(a) != (const void *)(b), #a " != " #b)
#define assert_memory_not_equal(a, b, n) shim_expect_true(memcmp(a, b, n) != 0, #a " differs from " #b)
#define assert_string_not_equal(a, b)    shim_expect_true(strcmp(a, b) != 0, #a " differs from " #b)
#define assert_memory_equal(a, b, n)     shim_expect_true(memcmp(a, b, n) == 0, #a " equals " #b)
#define assert_string_equal(a, b)        shim_expect_strings(a, b, __FILE__, __LINE__)
#define assert_int_equal(a, b)                                                                               \
    shim_expect_integers((uint64_t)(a), (uint64_t)(b), 1, __FILE__, __LINE__, #a " == " #b)
#define assert_int_not_equal(a, b)                                                                           \
    shim_expect_integers((uint64_t)(a), (uint64_t)(b), 0, __FILE__, __LINE__, #a " != " #b)
#define assert_in_range(value, low, high)                                                                    \
    shim_expect_true(shim_in_range((uint64_t)(value), (uint64_t)(low), (uint64_t)(high)),                    \
                     #value " in " #low " to " #high)
#define assert_not_in_range(value, low, high)                                                                \
    shim_expect_true(!shim_in_range((uint64_t)(value), (uint64_t)(low), (uint64_t)(high)),                   \
                     #value " not in " #low " to " #high)
#define fail_msg(...) shim_expect(0, __FILE__, __LINE__, __VA_ARGS__)
#define fail()        fail_msg("fail()")
#define skip()        shim_end_test(SHIM_SKIPPED)

/* Runs one test; 0, SHIM_FAILED or SHIM_SKIPPED. */
static inline int shim_run_test(const struct CMUnitTest *test, void **state) {
    int how;
    shim_in_test = 1;
    how = setjmp(shim_test_end);
    if (how == 0) {
        if (test->setup != NULL && test->setup(state) != 0) shim_end_test(SHIM_FAILED);
        test->test(state);
    }
    shim_in_test = 0;
    if (test->teardown != NULL && test->teardown(state) != 0) how = SHIM_FAILED;
    return how;
}

/* Reports as cmocka does, returns the number of failures as it does. */
static inline int shim_run_tests(const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup,
                                 CMFixtureFunction teardown) {
    static const char *const results[] = {"      OK", " FAILED ", "SKIPPED "};
    int counts[3] = {0, 0, 0};
    void *state = NULL;
    if (setup != NULL && setup(&state) != 0) {
        print_error("the setup failed\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        int how = shim_run_test(&tests[i], &state);
        counts[how]++;
        printf("[ %s ] %s\n", results[how], tests[i].name);
        fflush(stdout);
    }
    if (teardown != NULL && teardown(&state) != 0) counts[SHIM_FAILED]++;
    printf("[  PASSED  ] %d test(s)\n[  FAILED  ] %d test(s)\n[  SKIPPED ] %d test(s)\n", counts[0],
           counts[1], counts[2]);
    return counts[SHIM_FAILED];
}

#endif
