/* Measures topics and the dispatcher beside what programs would otherwise use: bench_pubsub ROWS-FILE
 * LIBRARY.so...
 *
 * The first library is the one that the others are compared with. Prints a table for each task and adds one
 * JSON line per figure to ROWS-FILE. PUBLISHES and ROUNDS in the environment change how much is measured.
 * Ends with status 1 if anybody calls the wrong subscribers, or this library allocates while it publishes. */
#include "bench_pubsub.h"
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS   3
#define MAX_ROWS      8
#define MAX_LIBRARIES 8
#define FAN_OUT       64
#define PATTERNS      1000

bench_user bench_users[BENCH_CALLBACKS];
uint64_t bench_sums[BENCH_CALLBACKS];

static const bench_library *libraries[MAX_LIBRARIES];
static size_t library_count;

typedef struct bench_entry {
    const bench_library *library;
    const bench_row *row;
    void *state;
    double seconds[MAX_ROUNDS];
} bench_entry;

static void fail(const bench_row *row, const char *what) {
    fprintf(stderr, "bench: %s: %s\n", row->name, what);
    exit(1);
}

static void *allocate(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (memory == NULL) abort();
    return memory;
}

/* ---- Inputs ---- */

static uint32_t random_below(uint32_t limit) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * limit >> 32);
}

static char *make_id(size_t size) {
    char *id = (char *)allocate(size + 1, 1);
    for (size_t i = 0; i < size; i++)
        id[i] = "0123456789abcdef"[random_below(16)];
    return id;
}

static bench_input build_with(const char *name, size_t count, size_t least, size_t most, size_t steps) {
    bench_ids *ids = (bench_ids *)allocate(count, sizeof *ids);
    bench_input input = {.name = name, .ids = ids, .id_count = count, .step_count = steps};
    for (size_t i = 0; i < count; i++) {
        ids[i].session_size = least + random_below((uint32_t)(most - least + 1));
        ids[i].run_size = least + random_below((uint32_t)(most - least + 1));
        ids[i].session = make_id(ids[i].session_size);
        ids[i].run = make_id(ids[i].run_size);
    }
    return input;
}

/* Topics of 41 bytes, as those of sessions with a UUID are. */
static const char *const *make_topics(size_t count) {
    char **topics = (char **)allocate(count, sizeof *topics);
    for (size_t i = 0; i < count; i++) {
        char *id = make_id(29);
        topics[i] = (char *)allocate(BENCH_TOPIC_SIZE, 1);
        snprintf(topics[i], BENCH_TOPIC_SIZE, "asm:session:%s", id);
        free(id);
    }
    return (const char *const *)topics;
}

/* Each is for the types of event of one session; none is for the topics above. */
static const char *const *make_patterns(size_t count) {
    char **patterns = (char **)allocate(count, sizeof *patterns);
    for (size_t i = 0; i < count; i++) {
        patterns[i] = (char *)allocate(BENCH_TOPIC_SIZE, 1);
        snprintf(patterns[i], BENCH_TOPIC_SIZE, "asm:session:ses_%zu:type:*", i);
    }
    return (const char *const *)patterns;
}

/* Topics of which one in four matches a pattern. */
static const char *const *make_topics_of_types(size_t count) {
    char **topics = (char **)allocate(count, sizeof *topics);
    for (size_t i = 0; i < count; i++) {
        topics[i] = (char *)allocate(BENCH_TOPIC_SIZE, 1);
        snprintf(topics[i], BENCH_TOPIC_SIZE, "asm:session:ses_%u:type:message_streamed",
                 (unsigned)random_below(4 * PATTERNS));
    }
    return (const char *const *)topics;
}

static void make_steps(bench_input *input, size_t count) {
    uint32_t *order = (uint32_t *)allocate(count, sizeof *order);
    char(*names)[BENCH_TOPIC_SIZE] = (char(*)[BENCH_TOPIC_SIZE])allocate(count, sizeof *names);
    for (size_t i = 0; i < count; i++) {
        order[i] = random_below((uint32_t)input->topic_count);
        memcpy(names[i], input->topics[order[i]], BENCH_TOPIC_SIZE);
    }
    input->order = order;
    input->names = (const char(*)[BENCH_TOPIC_SIZE])names;
    input->step_count = count;
}

static bench_input publish_to(const char *name, size_t topics, size_t steps) {
    bench_input input = {.name = name, .topic_count = topics, .topics = make_topics(topics)};
    input.subscriber_count = 1;
    input.callback_count = BENCH_CALLBACKS;
    make_steps(&input, steps);
    return input;
}

/* One function that has all subscriptions can be predicted, so that what surrounds the calls shows. */
static bench_input fan_out_to(const char *name, size_t callbacks, size_t steps) {
    bench_input input = publish_to(name, 1, steps / FAN_OUT + 1);
    input.subscriber_count = FAN_OUT;
    input.callback_count = callbacks;
    return input;
}

static bench_input publish_to_patterns(size_t steps) {
    bench_input input = {.name = "1 in 4 matches one", .pattern_count = PATTERNS};
    input.patterns = make_patterns(PATTERNS);
    input.topic_count = 10000;
    input.callback_count = BENCH_CALLBACKS;
    input.topics = make_topics_of_types(input.topic_count);
    make_steps(&input, steps);
    return input;
}

/* ---- Checks, before anything is timed ---- */

static void check_build(const bench_row *row, const bench_input *input) {
    for (size_t i = 0; i < input->id_count; i++) {
        char topic[BENCH_TOPIC_SIZE], expected[BENCH_TOPIC_SIZE];
        const bench_ids *ids = &input->ids[i];
        int size = snprintf(expected, sizeof expected, "asm:session:%s:run:%s", ids->session, ids->run);
        if (row->build(topic, ids) != (size_t)size || strcmp(topic, expected) != 0)
            fail(row, "its topic is wrong");
    }
}

/* What all steps add to the sums, each message to those who are to hear of it. */
static void expected_sums(const bench_input *input, uint64_t *sums) {
    memset(sums, 0, BENCH_CALLBACKS * sizeof *sums);
    for (size_t i = 0; i < input->step_count; i++) {
        size_t topic = input->order[i], session = 0;
        for (size_t k = topic; k < topic + input->subscriber_count; k++)
            sums[k % input->callback_count] += bench_users[k % input->callback_count].number;
        if (input->pattern_count == 0) continue;
        if (sscanf(input->topics[topic], "asm:session:ses_%zu:", &session) == 1 &&
            session < input->pattern_count)
            sums[session % input->callback_count] += bench_users[session % input->callback_count].number;
    }
}

static void run_checked(const bench_entry *entry, const bench_input *input, const uint64_t *expected) {
    memset(bench_sums, 0, sizeof bench_sums);
    entry->row->run(entry->state, input);
    if (memcmp(bench_sums, expected, sizeof bench_sums) != 0) fail(entry->row, "its deliveries are wrong");
}

/* ---- Measuring ---- */

static double time_once(const bench_entry *entry, const bench_input *input, const uint64_t *expected) {
    static char out[BENCH_TOPIC_SIZE];
    double start = figures_now();
    if (entry->row->build_all != NULL) entry->row->build_all(out, input);
    else run_checked(entry, input, expected);
    return figures_now() - start;
}

/* All rows take turns, so that a machine that becomes slower does so for all. The first round only warms up.
 */
static void measure(bench_entry *entries, size_t count, const bench_input *input, size_t rounds) {
    uint64_t expected[BENCH_CALLBACKS] = {0};
    for (size_t i = 0; i < count; i++) {
        if (entries[i].row->build != NULL) check_build(entries[i].row, input);
        else entries[i].state = entries[i].row->prepare(input);
    }
    if (input->order != NULL) expected_sums(input, expected);
    uint64_t allocations = *libraries[0]->allocations;
    for (size_t round = 0; round <= rounds; round++)
        for (size_t i = 0; i < count; i++) {
            double seconds = time_once(&entries[i], input, expected);
            if (round > 0) entries[i].seconds[round - 1] = seconds;
        }
    if (*libraries[0]->allocations != allocations) fail(entries[0].row, "it allocated memory");
    for (size_t i = 0; i < count; i++) {
        if (entries[i].state != NULL) entries[i].row->finish(entries[i].state);
        figures_sort(entries[i].seconds, rounds);
    }
}

static size_t collect_rows(bench_task task, bench_entry *entries) {
    size_t count = 0;
    for (size_t i = 0; i < library_count; i++)
        for (size_t k = 0; k < libraries[i]->row_count; k++)
            if (libraries[i]->rows[k].task == task && count < MAX_ROWS)
                entries[count++] = (bench_entry){.library = libraries[i], .row = &libraries[i]->rows[k]};
    return count;
}

static void run_table(bench_task task, const bench_input *inputs, size_t columns, size_t rounds,
                      FILE *rows_file) {
    static const char *const titles[BENCH_TASK_COUNT] = {
        "build the topic of a run", "publish by handle, one subscriber", "publish by name, one subscriber",
        "publish to 64 subscribers", "publish among 1000 patterns"};
    static bench_entry entries[MAX_COLUMNS][MAX_ROWS];
    size_t count = 0;
    for (size_t column = 0; column < columns; column++) {
        count = collect_rows(task, entries[column]);
        measure(entries[column], count, &inputs[column], rounds);
    }
    printf("\n%s, ns each: median, (most - least) / median, time in relation to the first row\n%-38s",
           titles[task], "");
    for (size_t column = 0; column < columns; column++)
        printf("%22s", inputs[column].name);
    for (size_t i = 0; i < count; i++) {
        printf("\n%-38s", entries[0][i].row->name);
        for (size_t column = 0; column < columns; column++) {
            figures_place place = {.table = titles[task],
                                   .column = inputs[column].name,
                                   .row = entries[0][i].row->name,
                                   .unit = "ns",
                                   .factor = 1e9 / (double)inputs[column].step_count};
            figures_print(&place, entries[column][i].seconds, entries[column][0].seconds, rounds, rows_file);
        }
    }
    putchar('\n');
    fflush(stdout);
}

static void run_all(FILE *rows_file) {
    size_t rounds = figures_from_environment("ROUNDS", 5, MAX_ROUNDS);
    size_t steps = figures_from_environment("PUBLISHES", 1000000, 100000000);
    for (size_t i = 0; i < BENCH_CALLBACKS; i++)
        bench_users[i].number = i * i + 1;
    const bench_input ids[] = {build_with("one, 16 bytes", 1, 16, 16, steps),
                               build_with("one, 8-36 bytes", 1, 8, 36, steps),
                               build_with("100000 ids", 100000, 8, 36, steps)};
    const bench_input topics[] = {publish_to("100 topics", 100, steps),
                                  publish_to("10000 topics", 10000, steps),
                                  publish_to("1000000 topics", 1000000, steps)};
    const bench_input fan_outs[] = {fan_out_to("all one function", 1, steps),
                                    fan_out_to("8 functions", 8, steps)};
    const bench_input patterns = publish_to_patterns(steps / FAN_OUT + 1);
    run_table(BENCH_BUILD, ids, 3, rounds, rows_file);
    run_table(BENCH_BY_HANDLE, topics, 3, rounds, rows_file);
    run_table(BENCH_BY_NAME, topics, 3, rounds, rows_file);
    run_table(BENCH_FAN_OUT, fan_outs, 2, rounds, rows_file);
    run_table(BENCH_PATTERNS, &patterns, 1, rounds, rows_file);
    puts("allocations by this library in all rounds: 0");
}

int main(int argc, char **argv) {
    const void *found[MAX_LIBRARIES];
    FILE *rows_file = argc > 2 ? fopen(argv[1], "a") : NULL;
    if (rows_file == NULL || argc - 2 > MAX_LIBRARIES) {
        fputs("usage: bench_pubsub ROWS-FILE LIBRARY.so...\n", stderr);
        return 2;
    }
    library_count = (size_t)argc - 2;
    figures_load(argv + 2, library_count, "bench_exported", found);
    for (size_t i = 0; i < library_count; i++) {
        libraries[i] = (const bench_library *)found[i];
        if (*libraries[i]->version != '\0')
            printf("%s%s %s", i == 0 ? "libraries: " : ", ", libraries[i]->name, libraries[i]->version);
    }
    putchar('\n');
    run_all(rows_file);
    return fclose(rows_file) == 0 ? 0 : 2;
}
