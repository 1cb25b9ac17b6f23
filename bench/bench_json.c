/* Measures everybody's writers, readers and escapers of JSON beside each other: bench_json ROWS-FILE
 * LIBRARY.so...
 *
 * The first library is the one that the others are compared with. Prints tables of what is written, read, escaped and
 * checked, and writes one JSON line per figure to ROWS-FILE. EVENTS and ROUNDS in the environment change how much is
 * measured. Ends with status 1 if this library is wrong somewhere, or allocates.
 *
 * Each round is a process of its own. Where the system puts the stack, the libraries and the events differs from one to
 * the next, and a row that meets an unlucky place is slower there by as much as four times: one process alone would show
 * that as the row's speed, without any spread. All but the last round are children, which leave their seconds in
 * ROWS-FILE.samples (SAMPLES in their environment). */
#include "bench.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECKED_EVENTS 20000
#define MAX_COLUMNS    5
#define MAX_ROWS       40
#define MAX_LIBRARIES  16

static const bench_library *libraries[MAX_LIBRARIES];
static size_t library_count;

typedef enum bench_task { TASK_WRITE, TASK_READ, TASK_ESCAPE, TASK_CHECK } bench_task;

/* What one column of a table works on: events, or a string. */
typedef struct bench_input {
    const char *name;
    corpus_choice choice;
    size_t share; /* one event in so many of those that were asked for */
    corpus events;
    corpus_text string, escaped;
    size_t bytes; /* of JSON for events, of plain text for a string */
    uint64_t digest;
} bench_input;

/* A row of a table: who does it, and how well. */
typedef struct bench_entry {
    const bench_library *library;
    const bench_row *row;
    size_t wrong; /* how many of the checked inputs it gets wrong */
    double seconds[MAX_COLUMNS][MAX_ROUNDS];
} bench_entry;

typedef struct bench_table {
    const char *title, *unit;
    bench_task task;
    bench_input inputs[MAX_COLUMNS];
    size_t input_count;
    bench_entry entries[MAX_ROWS]; /* the first one is what the others are compared with */
    size_t entry_count;
} bench_table;

static void fail(const bench_row *row, const char *what) {
    fprintf(stderr, "bench: %s: %s\n", row->name, what);
    exit(1);
}

/* ---- Inputs ---- */

static void make_events(bench_input *input, size_t count) {
    input->events = corpus_create(count, &input->choice);
    for (size_t i = 0; i < count; i++) {
        if (input->events.events[i].line.size > BENCH_LINE_SIZE) {
            fputs("bench: a line is too long\n", stderr);
            exit(1);
        }
        input->bytes += input->events.events[i].line.size;
        input->digest += corpus_digest_quick(&input->events.events[i]);
    }
}

static bench_input make_string(const char *name, corpus_script script, double escape_rate) {
    bench_input input = {.name = name, .string = corpus_string(BENCH_STRING_SIZE, script, escape_rate)};
    input.escaped = corpus_quote(input.string);
    input.bytes = input.string.size;
    return input;
}

/* ---- Checks, before anything is timed ---- */

/* A reader whose results are checked, of the last library that has one. */
static const bench_row *find_reader(size_t count) {
    for (size_t i = count; i > 0; i--)
        for (size_t k = 0; k < libraries[i - 1]->row_count; k++)
            if (libraries[i - 1]->rows[k].read != NULL && !libraries[i - 1]->rows[k].not_checked)
                return &libraries[i - 1]->rows[k];
    fputs("bench: the first library has no reader\n", stderr);
    exit(1);
}

static bool reads_as(const bench_row *reader, corpus_text line, const corpus_event *expected) {
    corpus_event event;
    memset(&event, 0, sizeof event);
    event.kind = CORPUS_KIND_COUNT;
    return reader->read(line, &event, corpus_digest_full) == corpus_digest_full(expected);
}

/* Read by our own reader, and by a stranger's if there is one. */
static bool writes_well(const bench_row *row, const corpus_event *event) {
    const bench_row *readers[] = {find_reader(1), find_reader(library_count)};
    corpus_text line = row->write(event);
    return reads_as(readers[0], line, event) && reads_as(readers[1], line, event);
}

/* A reader in order is not asked for lines in another. */
static bool out_of_order(const bench_row *row, const bench_input *input) {
    return row->in_order && input->choice.form == CORPUS_SORTED;
}

static size_t count_wrong(bench_task task, const bench_row *row, const bench_input *input) {
    size_t wrong = 0;
    if (task == TASK_CHECK) return !row->check(input->string);
    if (task == TASK_ESCAPE) {
        corpus_text text = row->escape(input->string);
        return text.size != input->escaped.size || memcmp(text.data, input->escaped.data, text.size) != 0;
    }
    for (size_t i = 0; i < input->events.count && i < CHECKED_EVENTS && !out_of_order(row, input); i++) {
        const corpus_event *event = &input->events.events[i];
        if (!(task == TASK_WRITE ? writes_well(row, event) : reads_as(row, event->line, event))) wrong++;
    }
    return wrong;
}

/* A stranger who is wrong is told so below the table; we must not be. */
static void check_table(bench_table *table) {
    for (size_t i = 0; i < table->entry_count; i++) {
        bench_entry *entry = &table->entries[i];
        for (size_t column = 0; column < table->input_count && !entry->row->not_checked; column++)
            entry->wrong += count_wrong(table->task, entry->row, &table->inputs[column]);
        if (entry->wrong > 0 && entry->library->allocations != NULL) fail(entry->row, "its result is wrong");
    }
}

/* ---- Measuring ---- */

#define ESCAPE_REPEATS 4 /* so that the fastest one takes longer than the clock's jitter */

static void write_all(const bench_row *row, const bench_input *input) {
    size_t bytes = 0;
    for (size_t i = 0; i < input->events.count; i++)
        bytes += row->write(&input->events.events[i]).size;
    if (bytes == 0) fail(row, "it wrote nothing");
}

static void read_all(const bench_row *row, const bench_input *input) {
    static corpus_event event;
    uint64_t digest = 0;
    for (size_t i = 0; i < input->events.count; i++)
        digest += row->read(input->events.events[i].line, &event, corpus_digest_quick);
    if (digest != input->digest && !row->not_checked) fail(row, "the fields that it read are wrong");
}

static void escape_all(const bench_row *row, const bench_input *input) {
    for (int i = 0; i < ESCAPE_REPEATS; i++)
        if (row->escape(input->string).size < input->string.size) fail(row, "it wrote too little");
}

static void check_all(const bench_row *row, const bench_input *input) {
    for (int i = 0; i < ESCAPE_REPEATS; i++)
        if (!row->check(input->string)) fail(row, "it refused UTF-8");
}

static double time_once(bench_task task, const bench_row *row, const bench_input *input) {
    static void (*const passes[])(const bench_row *, const bench_input *) = {write_all, read_all, escape_all,
                                                                             check_all};
    if (out_of_order(row, input)) return 0;
    double start = figures_now();
    passes[task](row, input);
    return figures_now() - start;
}

/* A tenth of the work, before it is timed. */
static void warm_up(bench_task task, const bench_row *row, const bench_input *input) {
    static corpus_event event;
    if (task == TASK_ESCAPE) row->escape(input->string);
    if (task == TASK_CHECK) row->check(input->string);
    for (size_t i = 0; i < input->events.count / 10 && !out_of_order(row, input); i++)
        if (task == TASK_WRITE) row->write(&input->events.events[i]);
        else row->read(input->events.events[i].line, &event, corpus_digest_quick);
}

/* All rows take turns, so that a machine that becomes slower does so for all. */
static void measure_round(bench_table *table, size_t round) {
    for (size_t column = 0; column < table->input_count; column++)
        for (size_t i = 0; i < table->entry_count; i++) {
            bench_entry *entry = &table->entries[i];
            warm_up(table->task, entry->row, &table->inputs[column]);
            entry->seconds[column][round] = time_once(table->task, entry->row, &table->inputs[column]);
        }
}

/* The seconds of one round, to or from a child's part of the file. */
static void pass_samples(bench_table *table, size_t round, FILE *file, bool write) {
    for (size_t i = 0; i < table->entry_count; i++)
        for (size_t column = 0; column < table->input_count; column++) {
            double *seconds = &table->entries[i].seconds[column][round];
            if ((write ? fwrite(seconds, sizeof *seconds, 1, file)
                       : fread(seconds, sizeof *seconds, 1, file)) != 1) {
                fputs("bench: a round's seconds are lost\n", stderr);
                exit(1);
            }
        }
}

/* ---- Results ---- */

static void sort_samples(bench_table *table, size_t rounds) {
    for (size_t i = 0; i < table->entry_count; i++)
        for (size_t column = 0; column < table->input_count; column++)
            figures_sort(table->entries[i].seconds[column], rounds);
}

static void print_figure(const bench_table *table, const bench_entry *entry, size_t column, size_t rounds,
                         FILE *rows_file) {
    const bench_input *input = &table->inputs[column];
    bool is_rate = table->task == TASK_ESCAPE || table->task == TASK_CHECK;
    figures_place place = {.table = table->title,
                           .column = input->name,
                           .row = entry->row->name,
                           .unit = table->unit,
                           .factor = is_rate ? (double)input->bytes * ESCAPE_REPEATS / 1e9
                                             : 1e9 / (double)input->events.count,
                           .is_rate = is_rate};
    figures_print(&place, entry->seconds[column], table->entries[0].seconds[column], rounds, rows_file);
}

static void print_table(const bench_table *table, size_t rounds, FILE *rows_file) {
    printf("\n%s, %s: median, (most - least) / median, time in relation to the first row\n%-38s",
           table->title, table->unit, "");
    for (size_t column = 0; column < table->input_count; column++)
        printf("%22s", table->inputs[column].name);
    for (size_t i = 0; i < table->entry_count; i++) {
        const bench_entry *entry = &table->entries[i];
        printf("\n%-38s", entry->row->name);
        for (size_t column = 0; column < table->input_count; column++)
            if (out_of_order(entry->row, &table->inputs[column])) printf("%22s", "-");
            else print_figure(table, entry, column, rounds, rows_file);
    }
    putchar('\n');
    for (size_t i = 0; i < table->entry_count; i++)
        if (table->entries[i].wrong > 0)
            printf("%s: wrong for %zu of the inputs that were checked\n", table->entries[i].row->name,
                   table->entries[i].wrong);
    fflush(stdout);
}

static bool does(const bench_row *row, bench_task task) {
    return task == TASK_WRITE    ? row->write != NULL
           : task == TASK_READ   ? row->read != NULL
           : task == TASK_ESCAPE ? row->escape != NULL
                                 : row->check != NULL;
}

static uint64_t count_allocations(void) {
    uint64_t sum = 0;
    for (size_t i = 0; i < library_count; i++)
        if (libraries[i]->allocations != NULL) sum += *libraries[i]->allocations;
    return sum;
}

static void collect_rows(bench_table *table) {
    for (size_t i = 0; i < library_count; i++)
        for (size_t k = 0; k < libraries[i]->row_count; k++)
            if (does(&libraries[i]->rows[k], table->task) && table->entry_count < MAX_ROWS) {
                bench_entry *entry = &table->entries[table->entry_count++];
                entry->library = libraries[i];
                entry->row = &libraries[i]->rows[k];
            }
}

/* A table's round in a child. */
static void run_child_table(bench_table *table, FILE *samples) {
    collect_rows(table);
    measure_round(table, 0);
    pass_samples(table, 0, samples, true);
}

/* `children` are the files of the rounds before, each read as far as the last table. */
static void run_table(bench_table *table, FILE *const *children, size_t rounds, FILE *rows_file) {
    uint64_t allocations = count_allocations();
    collect_rows(table);
    check_table(table);
    for (size_t round = 0; round + 1 < rounds; round++)
        pass_samples(table, round, children[round], false);
    measure_round(table, rounds - 1);
    sort_samples(table, rounds);
    print_table(table, rounds, rows_file);
    allocations = count_allocations() - allocations;
    printf("allocations by this library in the last round of this table: %llu\n",
           (unsigned long long)allocations);
    if (allocations != 0) fail(table->entries[0].row, "it allocated memory");
}

static void load_libraries(char **paths, size_t count) {
    const void *found[MAX_LIBRARIES];
    library_count = count < MAX_LIBRARIES ? count : MAX_LIBRARIES;
    figures_load(paths, library_count, "bench_exported", found);
    for (size_t i = 0; i < library_count; i++)
        libraries[i] = (const bench_library *)found[i];
}

static void print_libraries(void) {
    for (size_t i = 0; i < library_count; i++)
        if (*libraries[i]->version != '\0')
            printf("%s%s %s", i == 0 ? "libraries: " : ", ", libraries[i]->name, libraries[i]->version);
    putchar('\n');
}

/* ---- The tables ---- */

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#define EVENTS(title, kind_, share_, ...)                                                                    \
    {                                                                                                        \
        .name = title, .share = share_, .choice = {.kind = CORPUS_##kind_, __VA_ARGS__ }                     \
    }
#define PIECES(title, ...) EVENTS(title, MESSAGE_STREAMED, 2, __VA_ARGS__)
#define OUTPUTS(title, topic_)                                                                               \
    EVENTS(title, TOOL_CALL_COMPLETED, 100, .topic = topic_, .smallest = 100, .largest = 200000)

#define KINDS                                                                                                \
    {                                                                                                        \
        EVENTS("event mix", MIX, 1, .topic = CORPUS_ENGLISH),                                                \
            EVENTS("streamed pieces", MESSAGE_STREAMED, 1, .topic = CORPUS_ENGLISH),                         \
            EVENTS("inputs 0.1-50 KB", TOOL_CALL_STARTED, 20, .smallest = 100, .largest = 50000),            \
            EVENTS("outputs 0.2-8 KB", TOOL_CALL_COMPLETED, 10, .topic = CORPUS_ENGLISH)                     \
    }
#define FORMS                                                                                                \
    {                                                                                                        \
        PIECES("own order", .form = CORPUS_OWN_ORDER), PIECES("sorted", .form = CORPUS_SORTED),              \
            PIECES("blanks", .form = CORPUS_SPACED), PIECES("3 unknown members", .form = CORPUS_UNKNOWN)     \
    }
#define LANGUAGES                                                                                            \
    {                                                                                                        \
        PIECES("English", .topic = CORPUS_ENGLISH), PIECES("German", .topic = CORPUS_GERMAN),                \
            PIECES("Russian", .topic = CORPUS_RUSSIAN), PIECES("Chinese", .topic = CORPUS_CHINESE),          \
            PIECES("Japanese", .topic = CORPUS_JAPANESE)                                                     \
    }
#define CONTENTS                                                                                             \
    {                                                                                                        \
        OUTPUTS("code", CORPUS_CODE), OUTPUTS("ANSI", CORPUS_ANSI), OUTPUTS("Chinese", CORPUS_CHINESE),      \
            OUTPUTS("diff", CORPUS_DIFF), OUTPUTS("JSON in JSON", CORPUS_NESTED_JSON)                        \
    }

static bench_table tables[] = {
    {.title = "write JSON", .unit = "ns/event", .task = TASK_WRITE, .inputs = KINDS, .input_count = 4},
    {.title = "read JSON", .unit = "ns/event", .task = TASK_READ, .inputs = KINDS, .input_count = 4},
    {.title = "read pieces as others write them",
     .unit = "ns/event",
     .task = TASK_READ,
     .inputs = FORMS,
     .input_count = 4},
    {.title = "write pieces in languages",
     .unit = "ns/event",
     .task = TASK_WRITE,
     .inputs = LANGUAGES,
     .input_count = 5},
    {.title = "read pieces in languages",
     .unit = "ns/event",
     .task = TASK_READ,
     .inputs = LANGUAGES,
     .input_count = 5},
    {.title = "write outputs of 0.1 to 200 KB",
     .unit = "ns/event",
     .task = TASK_WRITE,
     .inputs = CONTENTS,
     .input_count = 5},
    {.title = "read outputs of 0.1 to 200 KB",
     .unit = "ns/event",
     .task = TASK_READ,
     .inputs = CONTENTS,
     .input_count = 5},
    {.title = "escape strings of 1 MB", .unit = "GB/s", .task = TASK_ESCAPE},
    {.title = "check UTF-8 of 1 MB", .unit = "GB/s", .task = TASK_CHECK},
};

static void make_strings(bench_table *table) {
    table->inputs[0] = make_string("clean ASCII", CORPUS_ASCII, 0);
    table->inputs[1] = make_string("1 % escapes", CORPUS_ASCII, 0.01);
    table->inputs[2] = make_string("4.5 % escapes", CORPUS_ASCII, 0.045);
    table->inputs[3] = make_string("CJK", CORPUS_CJK, 0);
    table->inputs[4] = make_string("mixed prose", CORPUS_PROSE, 0);
    table->input_count = 5;
}

static void make_inputs(bench_table *table, size_t count) {
    for (size_t i = 0; i < table->input_count; i++)
        make_events(&table->inputs[i], count / table->inputs[i].share + 1);
    if (table->input_count == 0) make_strings(table);
}

static void print_inputs(const bench_table *table) {
    for (size_t i = 0; i < table->input_count && table->inputs[i].events.count > 0; i++)
        printf("%s%s: %zu events of %.0f bytes", i == 0 ? "\n" : "; ", table->inputs[i].name,
               table->inputs[i].events.count,
               (double)table->inputs[i].bytes / (double)table->inputs[i].events.count);
}

static void run_all(FILE *const *children, size_t rounds, FILE *rows_file) {
    size_t count = figures_from_environment("EVENTS", 200000, 10000000);
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        make_inputs(&tables[i], count);
        if (rows_file == NULL) {
            run_child_table(&tables[i], children[0]);
            continue;
        }
        print_inputs(&tables[i]);
        run_table(&tables[i], children, rounds, rows_file);
    }
}

static FILE *open_file(const char *path, const char *mode) {
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    return file;
}

/* A round in a process of its own; the file of its seconds, which has no name any more. */
static FILE *run_child(char **argv) {
    char path[4096];
    int status = 1;
    snprintf(path, sizeof path, "%s.samples", argv[1]);
    pid_t child = fork();
    if (child == 0) {
        setenv("SAMPLES", path, 1);
        execv(argv[0], argv);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        fputs("bench: a round failed\n", stderr);
        exit(1);
    }
    FILE *file = open_file(path, "rb");
    remove(path);
    return file;
}

int main(int argc, char **argv) {
    FILE *children[MAX_ROUNDS];
    const char *samples = getenv("SAMPLES");
    size_t rounds = figures_from_environment("ROUNDS", 5, MAX_ROUNDS);
    if (argc < 3) {
        fputs("usage: bench_json ROWS-FILE LIBRARY.so...\n", stderr);
        return 2;
    }
    if (samples != NULL) {
        load_libraries(argv + 2, (size_t)argc - 2);
        children[0] = open_file(samples, "wb");
        run_all(children, 1, NULL);
        return fclose(children[0]) == 0 ? 0 : 2;
    }
    for (size_t round = 0; round + 1 < rounds; round++)
        children[round] = run_child(argv);
    FILE *rows_file = open_file(argv[1], "w");
    load_libraries(argv + 2, (size_t)argc - 2);
    print_libraries();
    run_all(children, rounds, rows_file);
    return fclose(rows_file) == 0 ? 0 : 2;
}
