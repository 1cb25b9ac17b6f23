/* What all benchmarks do: time, and say what came out. */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define MAX_ROUNDS 64

/* In seconds, of this process only: what else the machine does is left out. */
double figures_now(void);

/* What the environment says, or `otherwise`; ends the program unless it is from 1 to `most`. */
size_t figures_from_environment(const char *name, size_t otherwise, size_t most);

/* Puts the samples of one row and column into order. */
void figures_sort(double *seconds, size_t rounds);

typedef struct figures_place {
    const char *table, *column, *row, *unit;
    double factor; /* from seconds to the unit */
    bool is_rate;  /* the factor is to be divided by the seconds instead */
} figures_place;

/* Prints the median of sorted samples, their spread and how many times the median of `first` it is, and adds
 * a line of JSON to `rows_file`. */
void figures_print(const figures_place *place, const double *sorted, const double *first, size_t rounds,
                   FILE *rows_file);

/* Opens shared objects and gives what each has under `symbol`; ends the program if one cannot be used. */
void figures_load(char **paths, size_t count, const char *symbol, const void **found);

#endif
