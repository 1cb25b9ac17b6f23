/* Tests of asm_json.h: numbers in JSON, read, written and rounded. */
#define ASM_JSON_IMPLEMENTATION
#include "support.h"

#include <float.h>
#include <locale.h>
#include <math.h>

static void test_integers(void **state) {
    static const struct {
        const char *text;
        asm_result as_int64, as_uint64;
        int64_t value;
    } cases[] = {
        {"0", ASM_OK, ASM_OK, 0},
        {"1", ASM_OK, ASM_OK, 1},
        {"-1", ASM_OK, ASM_ERR_RANGE, -1},
        {"9", ASM_OK, ASM_OK, 9},
        {"1234567890123456789", ASM_OK, ASM_OK, 1234567890123456789},
        {"9223372036854775806", ASM_OK, ASM_OK, INT64_MAX - 1},
        {"9223372036854775807", ASM_OK, ASM_OK, INT64_MAX},
        {"9223372036854775808", ASM_ERR_RANGE, ASM_OK, INT64_MIN},
        {"9223372036854775809", ASM_ERR_RANGE, ASM_OK, INT64_MIN + 1},
        {"-9223372036854775807", ASM_OK, ASM_ERR_RANGE, INT64_MIN + 1},
        {"-9223372036854775808", ASM_OK, ASM_ERR_RANGE, INT64_MIN},
        {"-9223372036854775809", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"10000000000000000000", ASM_ERR_RANGE, ASM_OK, (int64_t)10000000000000000000u},
        {"18446744073709551614", ASM_ERR_RANGE, ASM_OK, -2},
        {"18446744073709551615", ASM_ERR_RANGE, ASM_OK, -1},
        {"18446744073709551616", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"18446744073709551625", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"18446744073709551700", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"99999999999999999999", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"100000000000000000000", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"36893488147419103233", ASM_ERR_RANGE, ASM_ERR_RANGE, 0}, /* 2^65 + 1 */
        {"-18446744073709551616", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"-18446744073709551617", ASM_ERR_RANGE, ASM_ERR_RANGE, 0},
        {"340282366920938463463374607431768211457", ASM_ERR_RANGE, ASM_ERR_RANGE, 0}, /* 2^128 + 1 */
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_json_reader reader;
        int64_t as_int64 = 42;
        uint64_t as_uint64 = 42;
        asm_json_reader_init(&reader, asm_str_from(cases[i].text), NULL);
        expect(asm_json_read_int64(&reader, &as_int64) == (cases[i].as_int64 == ASM_OK), "%s", cases[i].text);
        expect(asm_json_reader_finish(&reader) == cases[i].as_int64, "%s: %d", cases[i].text,
               reader.error.result);
        expect(as_int64 == (cases[i].as_int64 == ASM_OK ? cases[i].value : 42), "%s", cases[i].text);
        asm_json_reader_init(&reader, asm_str_from(cases[i].text), NULL);
        expect(asm_json_read_uint64(&reader, &as_uint64) == (cases[i].as_uint64 == ASM_OK), "%s",
               cases[i].text);
        expect(asm_json_reader_finish(&reader) == cases[i].as_uint64, "%s: %d", cases[i].text,
               reader.error.result);
        expect(as_uint64 == (cases[i].as_uint64 == ASM_OK ? (uint64_t)cases[i].value : 42), "%s",
               cases[i].text);

        /* And written, where it can be. */
        char memory[32];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, strlen(cases[i].text));
        asm_json_writer_init(&writer, &out);
        if (cases[i].as_int64 == ASM_OK) asm_json_write_int64(&writer, cases[i].value);
        else if (cases[i].as_uint64 == ASM_OK) asm_json_write_uint64(&writer, (uint64_t)cases[i].value);
        else continue;
        expect(asm_json_writer_finish(&writer) == ASM_OK, "%s", cases[i].text);
        expect_text(asm_buffer_text(&out), asm_str_from(cases[i].text));
    }
    end_of_cases();
}

static void test_integers_have_no_fraction(void **state) {
    static const char *const texts[] = {"1.0", "1e0", "1E5", "0.5", "-2.0", "0.0", "10e-1"};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        asm_json_reader reader;
        int64_t value = 42;
        uint64_t unsigned_value = 42;
        asm_json_reader_init(&reader, asm_str_from(texts[i]), NULL);
        expect(!asm_json_read_int64(&reader, &value) && value == 42, "%s", texts[i]);
        expect(reader.error.result == ASM_ERR_TYPE || reader.error.result == ASM_ERR_RANGE, "%s: %d",
               texts[i], reader.error.result);
        asm_json_reader_init(&reader, asm_str_from(texts[i]), NULL);
        expect(!asm_json_read_uint64(&reader, &unsigned_value) && unsigned_value == 42, "%s", texts[i]);
    }
    end_of_cases();
}

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The reader must give what strtod gives. */
static void expect_double(const char *text) {
    double expected = strtod(text, NULL), value = 42;
    asm_json_reader reader;
    size_t size = strlen(text);
    char *block = exact_copy(text, size);
    asm_json_reader_init(&reader, asm_str_make(block, size), NULL);
    bool read = asm_json_read_double(&reader, &value);
    if (isinf(expected)) {
        expect(!read && reader.error.result == ASM_ERR_RANGE && value == 42, "%.60s: %.17g", text, value);
    } else {
        expect(read && bits_of(value) == bits_of(expected), "%.60s: %.17g, not %.17g", text, value, expected);
        expect(asm_json_reader_finish(&reader) == ASM_OK, "%.60s", text);
    }
    free_block(block, size);
}

/* Where reading or writing goes wrong if it is done carelessly. */
static const char hard_numbers[] =
    "0 -0 0.0 -0.0 0e5 -0e-5 0e999999999999 0.000e-999 1 -1 0.1 0.2 0.3 0.5 1.5 2.5 123.456 "
    "-123.456e-7 1e0 1e1 1e15 1e16 1e21 1e22 1e23 1e24 1e-22 1e-23 8.5e22 1e300 1e307 1e308 1e309 "
    "-1e309 1e310 2e308 1e400 1e999999999999999999999 1e-999999999999999999999 -1e-400 "
    "9007199254740991 9007199254740992 9007199254740993 9007199254740993.0 9007199254740993e0 "
    "9007199254740992.9999999999999999999999 9007199254740993.00000000000000000000000001 "
    "9007199254740994 9007199254740995 9007199254740996 9007199254740997 18014398509481985 "
    "18014398509481986 18014398509481987 18014398509481989 18014398509481990 9223372036854775807 "
    "9223372036854775808 18446744073709551615 18446744073709551616 18446744073709551617 "
    "18446744073709553664 18446744073709553665 123456789012345678901234567890 5e-324 4.9e-324 "
    "4.9406564584124654e-324 2.4703282292062327e-324 2.4703282292062328e-324 "
    "2.47032822920623272088284396434110686182e-324 2.47032822920623272088284396434110686183e-324 "
    "1e-324 3e-324 7.4e-324 7.5e-324 1e-323 1.5e-323 2.2250738585072011e-308 "
    "2.2250738585072012e-308 2.2250738585072014e-308 2.225073858507201e-308 "
    "2.2250738585072009e-308 1.7976931348623157e308 1.7976931348623158e308 "
    "1.7976931348623159e308 179769313486231570000000000000000000000e270 1.797693134862315807e308 "
    "1.797693134862315808e308 1.7976931348623158079372897140530341507e308 "
    "1.7976931348623158079372897140530341508e308 6.02214076e23 6.62607015e-34 "
    "3.141592653589793238462643383279502884197 2.718281828459045235360287 "
    "7.0420557077594588669468784357561207962098443483187940792729600000e+59 "
    "1.1754943508222875e-38 0.000000000000000000000000000000000000000000000000000001 "
    "100000000000000000000000000000000000000000000000000000 7205759403792793200001e-5 "
    "1448997445238699 8.44291197326099e-5 1.00000005960464477550 1.000000059604644775390625 "
    "30078505129381147446200 1777820000000000000001 "
    "0.500000000000000166533453693773481063544750213623046875 3.518437208883201171875e13 "
    "62.5364939768271845828 8.10109172351e-10 1.50000000000000011102230246251565 9.5e-313 "
    "4.4501477170144028e-308 1e-5 12345e-4 0.00012345e8 1.0e+00000000000000000000001 "
    "1e-00000000000000000000005 10 100 123456789 1e17 1e20 1e-1 1e-4 1e-6 1e-7 1e-10 0.25 2 "
    "0.30000000000000004 -1.7976931348623157e308 2.220446049250313e-16 4503599627370496.5 1e100 "
    "1.7976931348623155e308 3.141592653589793 2.718281828459045 123456.789 0.000123 "
    "99999999999999999 4.35 1.005 0.7999999999999999 0.3333333333333333 0.6666666666666666 "
    "8.41e21 2.0e22 5e22 9.2233720368547758e18 1.8446744073709552e19 4.4501477170144023e-308 "
    "9.109e-31 4.8726570057e288 2.98023223876953125e-8 ";

static void test_read_doubles(void **state) {
    char text[128];
    (void)state;
    for (const char *rest = hard_numbers; next_word(&rest, text);)
        expect_double(text);
    end_of_cases();
}

static void test_read_doubles_of_many_digits(void **state) {
    char text[1200];
    static const char *const patterns[] = {"1", "9", "5", "0", "1234567890", "49", "50"};
    static const char *const exponents[] = {"",       "e-1",    "e-400", "e-799", "e-800",
                                            "e-1100", "e-1130", "e+1",   "e308"};
    (void)state;
    for (size_t p = 0; p < COUNT(patterns); p++) {
        size_t length = strlen(patterns[p]);
        for (size_t e = 0; e < COUNT(exponents); e++) {
            for (size_t point = 0; point < 800; point += point < 3 ? 1 : 113) {
                size_t size = 0;
                text[size++] = '1';
                for (size_t i = 0; i < 800; i++) {
                    if (i == point) text[size++] = '.';
                    text[size++] = patterns[p][i % length];
                }
                memcpy(text + size, exponents[e], strlen(exponents[e]) + 1);
                expect_double(text);
                /* The same digits behind the point, a digit that decides at the end. */
                memcpy(text + size, "1", 2);
                expect_double(text);
            }
        }
    }
    end_of_cases();
}

/* Decimal digits of an odd number times a power of two: exactly half way between two doubles. */
static size_t half_way_digits(char *digits, uint64_t number, int powers_of_five) {
    static unsigned char reversed[1200];
    size_t size = 0;
    for (; number != 0; number /= 10)
        reversed[size++] = (unsigned char)(number % 10);
    for (int i = 0; i < powers_of_five; i++) {
        unsigned carry = 0;
        for (size_t k = 0; k < size; k++) {
            carry += reversed[k] * 5u;
            reversed[k] = (unsigned char)(carry % 10);
            carry /= 10;
        }
        if (carry != 0) reversed[size++] = (unsigned char)carry;
    }
    for (size_t k = 0; k < size; k++)
        digits[k] = (char)('0' + reversed[size - 1 - k]);
    return size;
}

static void test_read_doubles_half_way(void **state) {
    char text[1300];
    uint64_t random = 2;
    (void)state;
    for (int power = 0; power <= 1075; power += power < 60 ? 1 : 29) {
        for (int round = 0; round < 4; round++) {
            /* Below 2^-1022 the last place of a double is 2^-1074: fewer bits make a half-way case. */
            uint64_t bits = power > 1022 ? (uint64_t)1 << (1075 - power) : (uint64_t)1 << 53;
            uint64_t number = bits | (next_random(&random) & (bits - 1)) | 1;
            size_t size = half_way_digits(text, number, power);
            sprintf(text + size, "e-%d", power);
            expect_double(text);
            sprintf(text + size, "00000000000000000000001e-%d", power + 23);
            expect_double(text);
            text[size - 1]--; /* the last digit of an odd number times five is not 0 */
            sprintf(text + size, "99999999999999999999999e-%d", power + 23);
            expect_double(text);
        }
    }
    end_of_cases();
}

static void test_read_random_doubles(void **state) {
    char text[64];
    uint64_t random = 3;
    (void)state;
    for (size_t i = 0; i < share_of(100000); i++) {
        uint64_t mantissa = next_random(&random) >> (next_random(&random) % 64);
        int exponent = (int)(next_random(&random) % 660) - 345;
        int point = (int)(next_random(&random) % 5);
        if (point == 0) sprintf(text, "%llue%d", (unsigned long long)mantissa, exponent);
        else
            sprintf(text, "-%llu.%0*llue%d", (unsigned long long)(mantissa >> 40), point,
                    (unsigned long long)(mantissa & 1023), exponent);
        expect_double(text);
    }
    for (size_t i = 0; i < share_of(50000); i++) {
        double value = from_bits(next_random(&random));
        if (!isfinite(value)) continue;
        sprintf(text, "%.*e", (int)(next_random(&random) % 22), value);
        expect_double(text);
    }
    end_of_cases();
}

/* Splits a decimal number into its digits, without zeros at either end, and the exponent of the first one. */
static void split_decimal(const char *text, char *digits, int *exponent) {
    size_t size = 0;
    int point = 0;
    bool behind_point = false;
    *exponent = 0;
    for (; *text != 0; text++) {
        if (*text == '.') behind_point = true;
        if (*text == 'e' || *text == 'E') {
            *exponent = atoi(text + 1);
            break;
        }
        if (*text < '0' || *text > '9') continue;
        if (size != 0 || *text != '0') digits[size++] = *text;
        if (!behind_point && size != 0) point++;
        if (behind_point && size == 0) point--;
    }
    *exponent += point - 1;
    while (size != 0 && digits[size - 1] == '0')
        size--;
    digits[size] = 0;
}

/* The shortest of %.1e to %.17e that reads back, found from the long end. */
static void shortest_by_trial(double value, char *text) {
    char shorter[64];
    sprintf(text, "%.16e", value);
    for (int digits = 16; digits >= 1; digits--) {
        sprintf(shorter, "%.*e", digits - 1, value);
        if (bits_of(strtod(shorter, NULL)) != bits_of(value)) return;
        strcpy(text, shorter);
    }
}

/* Whether two decimals of that many digits are equally near. */
static bool is_tie(double value, size_t digits) {
    static char text[1200];
    sprintf(text, "%.1100e", fabs(value));
    const char *rest = text + 1 + digits; /* behind the digit and the point */
    return rest[0] == '5' && strspn(rest + 1, "0") == strcspn(rest + 1, "e");
}

static void expect_shortest(double value) {
    char memory[32], text[32], trial[64], digits[64], trial_digits[64];
    int exponent, trial_exponent;
    asm_buffer out;
    asm_json_error error;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_result result = asm_double_format(&out, value);
    sprintf(text, "%.*s", (int)out.size, out.data);
    expect(result == ASM_OK && out.size <= 25, "%.17g: %s", value, text);
    expect(asm_json_check(asm_buffer_text(&out), &error) == ASM_OK, "%.17g: %s", value, text);
    expect(bits_of(strtod(text, NULL)) == bits_of(value), "%.17g reads back otherwise: %s", value, text);
    shortest_by_trial(value, trial);
    split_decimal(text, digits, &exponent);
    split_decimal(trial, trial_digits, &trial_exponent);
    /* Next to a power of two even shorter ones can be. */
    size_t size = strlen(digits), trial_size = strlen(trial_digits);
    bool same = strcmp(digits, trial_digits) == 0 && (exponent == trial_exponent || value == 0);
    expect(same || size < trial_size || (size == trial_size && is_tie(value, size)), "%.17g: %s, not %s",
           value, text, trial);
}

static void test_write_doubles(void **state) {
    char text[128];
    (void)state;
    for (const char *rest = hard_numbers; next_word(&rest, text);)
        if (isfinite(strtod(text, NULL))) expect_shortest(strtod(text, NULL));
    for (int exponent = -1074; exponent <= 1023; exponent++) {
        double power = ldexp(1, exponent);
        expect_shortest(power);
        expect_shortest(-from_bits(bits_of(power) + 1));
        expect_shortest(from_bits(bits_of(power) - 1));
    }
    for (int exponent = -323; exponent <= 308; exponent++) {
        sprintf(text, "1e%d", exponent);
        expect_shortest(strtod(text, NULL));
        expect_shortest(from_bits(bits_of(strtod(text, NULL)) + 1));
    }
    end_of_cases();
}

static void test_write_random_doubles(void **state) {
    uint64_t random = 4;
    (void)state;
    for (size_t i = 0; i < share_of(200000); i++) {
        double value = from_bits(next_random(&random));
        if (isfinite(value)) expect_shortest(value);
    }
    for (size_t i = 0; i < share_of(20000); i++) { /* few digits: money, milliseconds */
        int64_t number = (int64_t)(next_random(&random) >> (20 + next_random(&random) % 44));
        expect_shortest((double)number / 10000);
        expect_shortest((double)number);
    }
    end_of_cases();
}

static void test_not_a_number_is_null(void **state) {
    const double values[] = {(double)NAN, -(double)NAN, (double)INFINITY, -(double)INFINITY};
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char memory[4];
        asm_buffer out;
        asm_json_writer writer;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_json_writer_init(&writer, &out);
        expect(asm_json_write_double(&writer, values[i]) == ASM_OK, "value %u", (unsigned)i);
        expect(asm_json_writer_finish(&writer) == ASM_OK, "value %u", (unsigned)i);
        expect_text(asm_buffer_text(&out), ASM_STR("null"));
    }
    end_of_cases();
}

static void test_locale_is_ignored(void **state) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "de_DE",
                                        "fr_FR.UTF-8", "ru_RU.UTF-8", "pt_BR.UTF-8"};
    bool found = false;
    (void)state;
    for (size_t i = 0; i < COUNT(names) && !found; i++)
        found = setlocale(LC_ALL, names[i]) != NULL;
    if (!found) skip();
    char memory[32];
    double value = 0;
    asm_buffer out;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    asm_double_format(&out, 1234.5);
    bool read = asm_json_to_double(ASM_STR("1234.5"), &value);
    double rounded = asm_double_round(1234.567, 1);
    setlocale(LC_ALL, "C");
    expect_text(asm_buffer_text(&out), ASM_STR("1234.5"));
    expect(read && value == 1234.5, "%g", value);
    expect(rounded == 1234.6, "%g", rounded);
    end_of_cases();
}

static void test_round(void **state) {
    static const struct {
        double value;
        int decimals;
        double rounded;
    } cases[] = {
        {0, 0, 0},
        {0.5, 0, 1},
        {1.5, 0, 2},
        {2.5, 0, 3},
        {-0.5, 0, -1},
        {-2.5, 0, -3},
        {0.49999999999999994, 0, 0},
        {0.125, 2, 0.13},
        {-0.125, 2, -0.13},
        {0.375, 2, 0.38},
        {0.0625, 3, 0.063},
        {1.005, 2, 1},
        {2.675, 2, 2.67},
        {0.285, 2, 0.28},
        {1.25, 1, 1.3},
        {1.35, 1, 1.4},
        {1.45, 1, 1.4},
        {0.00005, 4, 0.0001},
        {0.00015, 4, 0.0001},
        {0.25, 4, 0.25},
        {1234567.00005, 4, 1234567.0},
        {2251799813685248.5, 0, 2251799813685249.0},
        {2251799813685249.5, 0, 2251799813685250.0},
        {9007199254740993.0, 0, 9007199254740992.0},
        {1e22, 15, 1e22},
        {1e300, 0, 1e300},
        {DBL_MAX, 15, DBL_MAX},
        {5e-324, 15, 0},
        {5e-16, 15, 1e-15},
        {4.9e-16, 15, 0},
        {0.1, 15, 0.1},
        {0.3, 15, 0.3},
        {0.30000000000000004, 15, 0.3},
        {0.999999999999999, 14, 1},
        {99.99, 1, 100},
        {-0.04, 1, 0},
        {123456789.987654321, 6, 123456789.987654},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        double rounded = asm_double_round(cases[i].value, cases[i].decimals);
        expect(rounded == cases[i].rounded, "%.17g to %d: %.17g, not %.17g", cases[i].value,
               cases[i].decimals, rounded, cases[i].rounded);
    }
    expect(isnan(asm_double_round((double)NAN, 2)), "NaN");
    expect(isinf(asm_double_round(-(double)INFINITY, 2)), "infinity");
    end_of_cases();
}

static void test_round_random(void **state) {
    static char text[512];
    uint64_t random = 5;
    (void)state;
    for (size_t i = 0; i < share_of(100000); i++) {
        /* No ties: the last bit is set, and so far down that no multiple of 10^-15 / 2 is met. */
        int exponent = (int)(next_random(&random) % 90) - 60;
        double value = ldexp((double)((next_random(&random) >> 11) | 1), exponent - 53);
        int decimals = (int)(next_random(&random) % 16);
        if (next_random(&random) % 2 != 0) value = -value;
        sprintf(text, "%.*f", decimals, value);
        double expected = strtod(text, NULL), rounded = asm_double_round(value, decimals);
        expect(rounded == expected, "%.17g to %d: %.17g, not %.17g", value, decimals, rounded, expected);
    }
    end_of_cases();
}

/* How the processor may have been set up by the program: its rounding mode (0 to 3; 0: to nearest), and whether numbers
 * below 2^-1022 are flushed to zero, as in programs linked with -ffast-math. False if that cannot be set here. */
static bool set_float_mode(unsigned rounding, bool flush) {
#if defined(__SSE2_MATH__)
    unsigned mode;
    __asm__ volatile("stmxcsr %0" : "=m"(mode));
    mode = (mode & ~0xE040u) | rounding << 13 | (flush ? 0x8040u : 0);
    __asm__ volatile("ldmxcsr %0" : : "m"(mode));
    return true;
#elif defined(__aarch64__)
    uint64_t mode = (uint64_t)rounding << 22 | (uint64_t)flush << 24;
    __asm__ volatile("msr fpcr, %0" : : "r"(mode));
    return true;
#else
    return rounding == 0 && !flush;
#endif
}

/* What must come out is found in the usual mode, as is everything that is compared. */
static void check_in_all_modes(const char *text) {
    double expected = strtod(text, NULL), rounded = asm_double_round(expected, 3);
    char memory[32];
    asm_buffer written;
    asm_buffer_init_fixed(&written, memory, sizeof memory);
    asm_double_format(&written, expected);
    for (unsigned mode = 1; mode < 8; mode++) {
        char other_memory[32];
        asm_buffer other;
        double value = 42, other_rounded;
        asm_buffer_init_fixed(&other, other_memory, sizeof other_memory);
        if (!set_float_mode(mode % 4, mode >= 4)) continue;
        bool read = asm_json_to_double(asm_str_from(text), &value);
        asm_double_format(&other, expected);
        other_rounded = asm_double_round(expected, 3);
        set_float_mode(0, false);
        expect(read == (isfinite(expected) != 0), "%s in mode %u", text, mode);
        expect(!read || bits_of(value) == bits_of(expected), "%s in mode %u: %.17g", text, mode, value);
        expect_text(asm_buffer_text(&other), asm_buffer_text(&written));
        expect(bits_of(other_rounded) == bits_of(rounded), "%s in mode %u: %.17g", text, mode, other_rounded);
    }
}

static void test_any_float_mode(void **state) {
    char text[128];
    uint64_t random = 6;
    (void)state;
    if (!set_float_mode(1, true)) skip();
    set_float_mode(0, false);
    check_in_all_modes("4e-310"); /* never ended */
    for (const char *rest = hard_numbers; next_word(&rest, text);)
        check_in_all_modes(text);
    for (size_t i = 0; i < share_of(20000); i++) {
        sprintf(text, "%.*e", (int)(next_random(&random) % 18), from_bits(next_random(&random) >> 1));
        if (text[0] >= '0' && text[0] <= '9') check_in_all_modes(text);
        sprintf(text, "%u.%03u", (unsigned)(next_random(&random) % 100000),
                (unsigned)(next_random(&random) % 1000));
        check_in_all_modes(text);
    }
    end_of_cases();
}

/* Numbers whose exponent makes up for more digits than a small counter holds. */
static void test_read_very_long_numbers(void **state) {
    static const struct {
        const char *begin;
        size_t zeros;
        const char *end;
    } cases[] = {
        {"0.", 150000, "1e150001"},
        {"0.", 150000, "123456789012345678901e150001"},
        {"1", 150000, "e-150000"},
        {"1", 99998, "e-99998"},
        {"1", 100001, "e-100001"},
        {"0.", 100001, "1e100002"},
        {"0.", 10, "1e-2000000"},
        {"1", 1000001, "e-1000001"},
        {"1", 1000001, "e-1000300"},
        {"0.", 1100000, "1e1100001"},
        {"1", 2000000, ""},
        {"1e", 300000, "5"},
        {"1e-", 300000, "5"},
        {"1", 400, "1e-400"},
        {"0.", 3, "1e99999999999999999999999"},
        {"0.", 3, "1e-99999999999999999999999"},
        {"0.", 3, "0e99999999999999999999999"},
        {"1", 20, "e4611686018427387904"},
        {"1", 20, "e-9223372036854775808"},
        {"1", 20, "e9223372036854775807"},
        {"1", 20, "e18446744073709551616"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t begin = strlen(cases[i].begin), size = begin + cases[i].zeros + strlen(cases[i].end);
        char *text = malloc(size + 1);
        assert_non_null(text);
        memcpy(text, cases[i].begin, begin);
        memset(text + begin, '0', cases[i].zeros);
        strcpy(text + begin + cases[i].zeros, cases[i].end);
        expect_double(text);
        free(text);
    }
    end_of_cases();
}

/* Whether a number would still be the same number if it was read as a double and written again. */
static void test_exact_numbers(void **state) {
    static const struct {
        const char *text;
        bool is_exact;
    } cases[] = {
        {"0", true},
        {"-0.000", true},
        {"0e99", true},
        {"1", true},
        {"1.0", true},
        {"1e3", true},
        {"0.1", true},
        {"0.10000000000000000000000000", true},
        {"100000000000000000000000", true},
        {"123456789012345", true},
        {"9007199254740992", true},
        {"9007199254740993", false},
        {"0.30000000000000004", true},
        {"0.30000000000000005", false},
        {"0.1000000000000000055511151231257827", false}, /* is that double, but is written as 0.1 */
        {"0.100000000000000000000000000001", false},
        {"12345678901234567890", false},
        {"12345678901234567000", true},
        {"5e-324", true},
        {"4.9e-324", false},
        {"1e-310", true},
        {"1.2345678901234e-310", true},
        {"1.23456789012345678e-310", false},
        {"1e-400", false},
        {"-1e-400", false},
        {"1.7976931348623157e308", true},
        {"1.7976931348623158e308", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool is_exact = !cases[i].is_exact;
        double value;
        expect(asm__parse_double(cases[i].text, cases[i].text + strlen(cases[i].text), &value, &is_exact) &&
                   is_exact == cases[i].is_exact,
               "%s", cases[i].text);
    }
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_float_mode),
        cmocka_unit_test(test_read_very_long_numbers),
        cmocka_unit_test(test_exact_numbers),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integers_have_no_fraction),
        cmocka_unit_test(test_read_doubles),
        cmocka_unit_test(test_read_doubles_of_many_digits),
        cmocka_unit_test(test_read_doubles_half_way),
        cmocka_unit_test(test_read_random_doubles),
        cmocka_unit_test(test_write_doubles),
        cmocka_unit_test(test_write_random_doubles),
        cmocka_unit_test(test_not_a_number_is_null),
        cmocka_unit_test(test_locale_is_ignored),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_round_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
