/* SPDX-License-Identifier: MIT OR Unlicense */
#include "table.h"

#include "messages.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Names are untrusted: a start that differs from run to run keeps them from choosing names that collide. */
static uint64_t hash_of(asm_str name) {
    static uint64_t seed;
    if (seed == 0) seed = (uint64_t)time(NULL) * UINT64_C(0x9E3779B97F4A7C15) ^ (uint64_t)(uintptr_t)&seed;
    uint64_t hash = seed;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * UINT64_C(0x100000001B3) ^ hash >> 29;
    return hash ^ hash >> 32;
}

static void *checked(void *memory) {
    if (!memory) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    return memory;
}

void *table_row(const struct table *table, size_t at) {
    return table->rows + at * table->row_size;
}

asm_str row_name(const void *row) {
    const struct row *named = (const struct row *)row;
    return asm_str_make(named->name, named->name_size);
}

/* The place in the index where the name is, or would be. */
static size_t place_of(const struct table *table, asm_str name, uint64_t hash) {
    const size_t mask = 2 * table->capacity - 1;
    size_t place = (size_t)hash & mask;
    for (; table->index[place]; place = (place + 1) & mask) {
        const struct row *row = (const struct row *)table_row(table, table->index[place] - 1);
        if (row->hash == hash && asm_str_equal(row_name(row), name)) break;
    }
    return place;
}

static void grow(struct table *table) {
    table->capacity = table->capacity ? 2 * table->capacity : 16;
    table->rows = (char *)checked(realloc(table->rows, table->capacity * table->row_size));
    free(table->index);
    table->index = (size_t *)checked(calloc(2 * table->capacity, sizeof *table->index));
    for (size_t i = 0; i < table->count; i++) {
        const struct row *row = (const struct row *)table_row(table, i);
        table->index[place_of(table, row_name(row), row->hash)] = i + 1;
    }
}

void *table_look(const struct table *table, asm_str name) {
    if (table->count == 0) return NULL;
    const size_t found = table->index[place_of(table, name, hash_of(name))];
    return found ? table_row(table, found - 1) : NULL;
}

void *table_find(struct table *table, size_t row_size, asm_str name) {
    const uint64_t hash = hash_of(name);
    table->row_size = row_size;
    if (table->count == table->capacity) grow(table);
    size_t *place = &table->index[place_of(table, name, hash)];
    if (*place) return table_row(table, *place - 1);
    struct row *row = (struct row *)table_row(table, table->count++);
    *place = table->count;
    memset(row, 0, row_size);
    row->name = (char *)checked(malloc(name.size + 1));
    if (name.size > 0) memcpy(row->name, name.data, name.size);
    row->name_size = name.size;
    row->hash = hash;
    return row;
}

void table_free(struct table *table) {
    for (size_t i = 0; i < table->count; i++)
        free(((struct row *)table_row(table, i))->name);
    free(table->rows);
    free(table->index);
    memset(table, 0, sizeof *table);
}
