#include "figures.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

double figures_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

size_t figures_from_environment(const char *name, size_t otherwise, size_t most) {
    const char *text = getenv(name);
    size_t value = text == NULL || *text == '\0' ? otherwise : (size_t)strtoul(text, NULL, 10);
    if (value == 0 || value > most) {
        fprintf(stderr, "bench: %s must be a number from 1 to %zu\n", name, most);
        exit(1);
    }
    return value;
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

void figures_sort(double *seconds, size_t rounds) {
    qsort(seconds, rounds, sizeof *seconds, compare_doubles);
}

static double in_unit(const figures_place *place, double seconds) {
    return place->is_rate ? place->factor / seconds : place->factor * seconds;
}

void figures_print(const figures_place *place, const double *sorted, const double *first, size_t rounds,
                   FILE *rows_file) {
    double fast = in_unit(place, sorted[0]), slow = in_unit(place, sorted[rounds - 1]);
    double median = in_unit(place, sorted[rounds / 2]);
    double least = fast < slow ? fast : slow, most = fast < slow ? slow : fast;
    double ratio = sorted[rounds / 2] / first[rounds / 2];
    printf("%9.*f%5.0f%%%7.2f", median < 100 ? 2 : 0, median, (most - least) / median * 100, ratio);
    fprintf(rows_file,
            "{\"table\":\"%s\",\"input\":\"%s\",\"row\":\"%s\",\"unit\":\"%s\",\"median\":%.4g,"
            "\"least\":%.4g,\"most\":%.4g,\"time_ratio\":%.4g}\n",
            place->table, place->column, place->row, place->unit, median, least, most, ratio);
}

void figures_load(char **paths, size_t count, const char *symbol, const void **found) {
    for (size_t i = 0; i < count; i++) {
        void *object = dlopen(paths[i], RTLD_NOW | RTLD_LOCAL);
        found[i] = object == NULL ? NULL : dlsym(object, symbol);
        if (found[i] == NULL) {
            fprintf(stderr, "bench: %s\n", dlerror());
            exit(1);
        }
    }
}
