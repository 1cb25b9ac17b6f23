/* SPDX-License-Identifier: MIT OR Unlicense */
/* Rows that are found by name and kept in the order in which they came. */
#ifndef TOOLS_TABLE_H
#define TOOLS_TABLE_H

#include "asm_json.h"

/* What every row of a table begins with. */
struct row {
    char *name; /* a copy; absent names are empty ones */
    size_t name_size;
    uint64_t hash;
};

/* Zero-initialise it. */
struct table {
    char *rows; /* row_size bytes each */
    size_t row_size, count, capacity;
    size_t *index; /* row + 1 by hash, 0: free; twice as large as capacity */
};

/* The row of that name, added with zeros after the name if there is none. Valid until the next call. Ends the program
 * with a message when there is no memory. */
void *table_find(struct table *table, size_t row_size, asm_str name);

/* The row of that name, or NULL. */
void *table_look(const struct table *table, asm_str name);

/* Row number `at`, which must be below count. */
void *table_row(const struct table *table, size_t at);

asm_str row_name(const void *row);

void table_free(struct table *table);

#endif
