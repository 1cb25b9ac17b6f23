/* Runs a fuzzer without libFuzzer: every file of its corpora, then damaged copies of them, the same ones in every run.
 *     PROGRAM SECONDS CRASH-FILE CORPUS-DIRECTORY...
 * An input that ends the program, or takes longer than ten seconds, is left in CRASH-FILE. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "../random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_FILES = 256, MAX_SIZE = 1 << 14, MAX_SECONDS_FOR_ONE = 10 };

static struct {
    char *data;
    size_t size;
} corpus[MAX_FILES];
static size_t corpus_size;

static const char *crash_path;
static char input[MAX_SIZE];
static size_t input_size;

static void on_crash(int signal_number) {
    FILE *file = fopen(crash_path, "wb"); /* nothing is left to be harmed */
    if (file) {
        fwrite(input, 1, input_size, file);
        fclose(file);
        fprintf(stderr, "the input is in %s\n", crash_path);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void read_corpus(const char *directory) {
    DIR *entries = opendir(directory);
    struct dirent *entry;
    char path[4096];
    while (entries && (entry = readdir(entries)) != NULL && corpus_size < MAX_FILES) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", directory, entry->d_name);
        FILE *file = fopen(path, "rb");
        if (!file) continue;
        char *data = (char *)malloc(MAX_SIZE);
        if (data) {
            corpus[corpus_size].size = fread(data, 1, MAX_SIZE, file);
            corpus[corpus_size++].data = data;
        }
        fclose(file);
    }
    if (entries) closedir(entries);
}

static int by_content(const void *a, const void *b) {
    const size_t a_size = corpus[*(const size_t *)a].size, b_size = corpus[*(const size_t *)b].size;
    if (a_size != b_size) return a_size < b_size ? -1 : 1;
    return memcmp(corpus[*(const size_t *)a].data, corpus[*(const size_t *)b].data, a_size);
}

static void run_input(void) {
    /* Without a spare byte, for sanitizers. */
    uint8_t *copy = (uint8_t *)malloc(input_size ? input_size : 1);
    if (!copy) abort();
    memcpy(copy, input, input_size);
    alarm(MAX_SECONDS_FOR_ONE);
    LLVMFuzzerTestOneInput(copy, input_size);
    free(copy);
}

/* A damaged file, or the beginning of one and the end of another. */
static void make_input(const size_t *order, uint64_t *random) {
    const size_t one = order[next_random(random) % corpus_size],
                 other = order[next_random(random) % corpus_size];
    size_t head = corpus[one].size, tail = 0;
    if (next_random(random) % 4 == 0) {
        head = next_random(random) % (head + 1);
        tail = next_random(random) % (corpus[other].size + 1);
        if (tail > MAX_SIZE - head) tail = MAX_SIZE - head;
    }
    memcpy(input, corpus[one].data, head);
    memcpy(input + head, corpus[other].data + corpus[other].size - tail, tail);
    input_size = mutate(input, head + tail, MAX_SIZE, random);
}

int main(int argc, char **argv) {
    static size_t order[MAX_FILES];
    uint64_t random = 1;
    unsigned long inputs = 0;
    if (argc < 4) {
        fprintf(stderr, "usage: %s SECONDS CRASH-FILE CORPUS-DIRECTORY...\n", argv[0]);
        return 2;
    }
    const double seconds = strtod(argv[1], NULL);
    crash_path = argv[2];
    remove(crash_path);
    for (int i = 3; i < argc; i++)
        read_corpus(argv[i]);
    if (!corpus_size) {
        fprintf(stderr, "%s: no inputs\n", argv[3]);
        return 1;
    }
    signal(SIGABRT, on_crash);
    signal(SIGALRM, on_crash);
    for (size_t i = 0; i < corpus_size; i++)
        order[i] = i;
    qsort(order, corpus_size, sizeof *order, by_content);
    const time_t begin = time(NULL);
    for (; inputs < corpus_size || difftime(time(NULL), begin) < seconds; inputs++) {
        if (inputs < corpus_size) {
            input_size = corpus[order[inputs]].size;
            memcpy(input, corpus[order[inputs]].data, input_size);
        } else {
            make_input(order, &random);
        }
        run_input();
    }
    alarm(0);
    printf("%s: %lu files, %lu inputs, nothing wrong\n", argv[0], (unsigned long)corpus_size, inputs);
    for (size_t i = 0; i < corpus_size; i++)
        free(corpus[i].data);
    return 0;
}
