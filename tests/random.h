/* Pseudo-random numbers, the same in every run, and damage to text by them. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How many of `count` cases are tried that differ in values only: a tenth with SLOWED in the environment, where each step
 * takes tens of times as long. */
static inline size_t share_of(size_t count) {
    return getenv("SLOWED") ? count / 10 : count;
}

/* The next of a sequence (splitmix64). */
static inline uint64_t next_random(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Changes some bytes: flips, cuts, doubles, swaps in what hurts. Returns the new size, at most `capacity`. */
static inline size_t mutate(char *bytes, size_t size, size_t capacity, uint64_t *random) {
    /* clang-format off */
    static const char *const hurting[] = {
        "\"", "{", "}", "[", "]", "\\", "\n", "\r", ",", ":", "null", "\xFF", "\xC3", "{\"", "\\ud800",
        "-", "1e999", "\"\"", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        "{\"type\":\"result\",\"subtype\":\"success\"}",
    };
    /* clang-format on */
    for (uint64_t changes = 1 + next_random(random) % 6; changes && size; changes--) {
        size_t at = (size_t)(next_random(random) % size), length = 1 + (size_t)(next_random(random) % 40);
        const char *text = hurting[next_random(random) % (sizeof hurting / sizeof *hurting)];
        if (length > size - at) length = size - at;
        switch (next_random(random) % 5) {
        case 0:
            bytes[at] = (char)(bytes[at] ^ (1 << next_random(random) % 8));
            break;
        case 1:
            memmove(bytes + at, bytes + at + length, size - at - length);
            size -= length;
            break;
        case 2:
            if (size + length > capacity) break;
            memmove(bytes + at + length, bytes + at, size - at);
            size += length;
            break;
        case 3:
            if (strlen(text) <= size - at) memcpy(bytes + at, text, strlen(text));
            break;
        default:
            length = strlen(text);
            if (size + length > capacity) break;
            memmove(bytes + at + length, bytes + at, size - at);
            memcpy(bytes + at, text, length);
            size += length;
        }
    }
    return size;
}

#endif
