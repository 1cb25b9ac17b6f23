/* Measures the agent server: bench_agent ROWS-FILE
 *
 * What an idle agent takes, what a poll costs when nobody has anything to do, and what telling an event costs.
 * Beside it what a program would otherwise do: a binary heap of timers, a publish without a server. Prints
 * tables and adds one JSON line per figure to ROWS-FILE. PUBLISHES and ROUNDS in the environment change how
 * much is measured. Ends with status 1 if anything allocates that should not. */
#include "figures.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t allocations, bytes_in_use;

/* Keeps the size before each block. */
static void *counted_realloc(void *block, size_t size) {
    size_t *old = block ? (size_t *)block - 2 : NULL;
    bytes_in_use -= old ? *old : 0;
    size_t *grown = (size_t *)realloc(old, size + 2 * sizeof *grown);
    if (!grown) abort();
    allocations++;
    bytes_in_use += size;
    *grown = size;
    return grown + 2;
}

static void counted_free(void *block) {
    if (!block) return;
    bytes_in_use -= ((size_t *)block)[-2];
    free((size_t *)block - 2);
}

#define ASM_REALLOC counted_realloc
#define ASM_FREE    counted_free
#define ASM_IMPLEMENTATION
#include "asm_agent.h"

#define COLUMNS 3

#define MAX_TABLE_ROWS 5

static const size_t agent_counts[COLUMNS] = {100, 10000, 100000};
static const char *const column_names[COLUMNS] = {"100 agents", "10000 agents", "100000 agents"};

static asm_pubsub bus;
static asm_presence presence;
static bool tracks; /* agents track themselves in it */
static asm_agent_server server;
static asm_time now = INT64_C(1770638400000000);
static size_t tokens_in_a_slice;
static uint64_t told;

static bool waits; /* for something that does not come */

static asm_outcome talk(void *user, asm_execution execution) {
    (void)user;
    if (waits) return ASM_OUTCOME_WAIT;
    for (size_t i = 0; i < tokens_in_a_slice; i++)
        (void)asm_emit_text(execution, ASM_STR("token "));
    return ASM_OUTCOME_CONTINUE;
}

static void on_event(void *user, const asm_message *message) {
    (void)user;
    told += message->event->message.delta.size;
}

static asm_str id_of(size_t number, char text[48]) {
    return asm_str_make(text, (size_t)sprintf(text, "conversation-%zu", number));
}

static void must(asm_result result) {
    if (result == ASM_OK) return;
    fprintf(stderr, "bench_agent: %s: %s\n", asm_result_string(result), server.error);
    exit(1);
}

static asm_agent_presence discovery(void) {
    return (asm_agent_presence){.presence = &presence, .discovery = true};
}

static void start_agents(size_t count) {
    asm_agent_options options = {.config.driver.execute = talk, .pubsub = &bus};
    char id[48];
    asm_pubsub_init(&bus, NULL);
    asm_presence_init(&presence, &(asm_presence_options){.pubsub = &bus});
    if (tracks) options.presence = discovery();
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now, now);
    for (size_t i = 0; i < count; i++) {
        options.id = id_of(i, id);
        must(asm_agent_start(&server, &options));
    }
    must(asm_agent_server_poll(&server, now, now));
}

static void end_agents(void) {
    must(asm_agent_server_close(&server));
    asm_presence_close(&presence);
    must(asm_pubsub_close(&bus));
}

/* ---- What is measured: each does `steps` steps and returns how many seconds that took. ---- */

static double poll_idle(size_t count, size_t steps) {
    (void)count;
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++)
        must(asm_agent_server_poll(&server, now, now));
    return figures_now() - begin;
}

/* Every agent runs, and waits: for an answer of a model, say. */
static double poll_all_waiting(size_t count, size_t steps) {
    char id[48];
    waits = true;
    for (size_t i = 0; i < count; i++)
        must(asm_agent_execute(&server, id_of(i, id)));
    must(asm_agent_server_poll(&server, now, now));
    const size_t before = allocations;
    const double seconds = poll_idle(count, steps);
    if (allocations != before) {
        fputs("bench_agent: a poll allocates\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        must(asm_agent_cancel(&server, id_of(i, id)));
        must(asm_agent_reset(&server, id_of(i, id)));
    }
    waits = false;
    return seconds;
}

static double poll_one_running(size_t count, size_t steps) {
    char id[48];
    tokens_in_a_slice = 0;
    must(asm_agent_execute(&server, id_of(count / 2, id)));
    const double seconds = poll_idle(count, steps);
    must(asm_agent_cancel(&server, id_of(count / 2, id)));
    must(asm_agent_reset(&server, id_of(count / 2, id)));
    return seconds;
}

/* The times at which agents are to be ended, as one would keep them: the earliest first. */
typedef struct timer_heap {
    int64_t *due;
    size_t count;
} timer_heap;

static timer_heap make_heap(size_t count) {
    const timer_heap heap = {(int64_t *)malloc(count * sizeof(int64_t)), count};
    if (!heap.due) abort();
    for (size_t i = 0; i < count; i++)
        heap.due[i] = now + 300000000 + (int64_t)i;
    return heap;
}

/* Gives the first timer another, later time. */
static void put_off_first(const timer_heap *heap, int64_t later) {
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count && heap->due[child + 1] < heap->due[child]) child++;
        if (heap->due[child] >= later) break;
        heap->due[at] = heap->due[child];
    }
    heap->due[at] = later;
}

/* Looks whether anything is due, at times that the compiler does not know. */
static double look_at_heap(size_t count, size_t steps) {
    static volatile int64_t clock;
    const timer_heap heap = make_heap(count);
    clock = now;
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++)
        while (heap.due[0] <= clock)
            put_off_first(&heap, clock + 300000000);
    const double seconds = figures_now() - begin;
    free(heap.due);
    return seconds;
}

/* The same where one is due each time. */
static double serve_heap(size_t count, size_t steps) {
    const timer_heap heap = make_heap(count);
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++)
        put_off_first(&heap, heap.due[0] + 300000000);
    const double seconds = figures_now() - begin;
    free(heap.due);
    return seconds;
}

/* Each time at another time, so that there is something to keep. */
static double touch(size_t count, size_t steps) {
    char id[48];
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++) {
        now++;
        asm_agent_server_set_time(&server, now, now);
        must(asm_agent_touch(&server, id_of((i * 7919) % count, id)));
    }
    must(asm_agent_server_poll(&server, now, now)); /* which sorts their timers */
    return figures_now() - begin;
}

/* One more agent, and one less. */
static double start_and_stop(size_t count, size_t steps) {
    asm_agent_options options = {.id = ASM_STR("one more"), .config.driver.execute = talk, .pubsub = &bus};
    (void)count;
    if (tracks) options.presence = discovery();
    steps /= 20;
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++) {
        must(asm_agent_start(&server, &options));
        must(asm_agent_server_poll(&server, now, now));
        must(asm_agent_stop(&server, options.id));
        must(asm_agent_server_poll(&server, now, now));
    }
    return (figures_now() - begin) / (double)steps;
}

/* To running, and back. */
static double execute_and_cancel(size_t count, size_t steps) {
    char id[48];
    tokens_in_a_slice = 0;
    steps /= 20;
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++) {
        const asm_str one = id_of((i * 7919) % count, id);
        must(asm_agent_execute(&server, one));
        must(asm_agent_cancel(&server, one));
        must(asm_agent_reset(&server, one));
    }
    return (figures_now() - begin) / (double)steps;
}

static double emit(size_t count, size_t steps) {
    char id[48];
    tokens_in_a_slice = steps;
    must(asm_agent_execute(&server, id_of(count / 2, id)));
    must(asm_agent_subscribe(&server, id_of(count / 2, id), on_event, NULL, NULL));
    const double begin = figures_now();
    must(asm_agent_server_poll(&server, now, now));
    const double seconds = figures_now() - begin;
    char topic[ASM_TOPIC_SIZE];
    asm_topic_agent(topic, sizeof topic, id_of(count / 2, id));
    must(asm_pubsub_unsubscribe_all(&bus, topic, on_event, NULL));
    must(asm_agent_cancel(&server, id_of(count / 2, id)));
    must(asm_agent_reset(&server, id_of(count / 2, id)));
    return seconds;
}

static double publish_without_server(size_t count, size_t steps) {
    asm_topic_handle topic;
    (void)count;
    must(asm_pubsub_subscribe(&bus, "plain", on_event, NULL, NULL));
    must(asm_topic_resolve(&bus, "plain", &topic));
    const double begin = figures_now();
    for (size_t i = 0; i < steps; i++) {
        const asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED,
                                 .time = now,
                                 .session_id = ASM_STR("conversation-1"),
                                 .agent_id = ASM_STR("conversation-1"),
                                 .sequence_number = (int64_t)i,
                                 .message.delta = ASM_STR("token ")};
        const asm_message message = {.wrapper = ASM_STR("agent"), .event = &event};
        must(asm_topic_publish(&bus, topic, &message, NULL));
    }
    const double seconds = figures_now() - begin;
    must(asm_topic_release(&bus, topic));
    must(asm_pubsub_unsubscribe_all(&bus, "plain", on_event, NULL));
    return seconds;
}

typedef struct row {
    const char *name;
    double (*run)(size_t count, size_t steps);
    bool is_each; /* returns seconds for each step already */
    bool may_allocate;
} row;

static const struct {
    const char *title;
    row rows[MAX_TABLE_ROWS];
    bool tracks;
} tables[] = {
    {"poll with all agents idle",
     {{"asm, all idle", poll_idle, false, false},
      {"asm, all running and waiting", poll_all_waiting, false, true},
      {"asm, one of them running", poll_one_running, false, true},
      {"a binary heap of timers, none due", look_at_heap, false, true},
      {"a binary heap of timers, one due", serve_heap, false, true}}},
    {"tell one piece of text",
     {{"asm, asm_emit_text()", emit, false, true},
      {"asm, publish by handle, no agents", publish_without_server, false, true}}},
    {"look up one agent of all, and more",
     {{"asm, touch by id (with making the id)", touch, false, false},
      {"asm, start and stop", start_and_stop, true, true},
      {"asm, execute, cancel, reset", execute_and_cancel, true, true}}},
    {"the same, with discovery",
     {{"asm, touch by id (with making the id)", touch, false, true},
      {"asm, start and stop", start_and_stop, true, true},
      {"asm, execute, cancel, reset", execute_and_cancel, true, true}},
     true},
};

static double samples[MAX_TABLE_ROWS][COLUMNS][MAX_ROUNDS];

static void measure(const row *rows, size_t column, size_t rounds, size_t steps) {
    for (size_t round = 0; round <= rounds; round++) {
        for (size_t i = 0; i < MAX_TABLE_ROWS && rows[i].name; i++) {
            const size_t before = allocations;
            const double seconds = rows[i].run(agent_counts[column], steps);
            if (!rows[i].may_allocate && allocations != before) {
                fprintf(stderr, "bench_agent: %s allocates\n", rows[i].name);
                exit(1);
            }
            if (round > 0)
                samples[i][column][round - 1] = rows[i].is_each ? seconds : seconds / (double)steps;
        }
    }
    for (size_t i = 0; i < MAX_TABLE_ROWS; i++)
        figures_sort(samples[i][column], rounds);
}

static void print_table(const char *title, const row *rows, size_t rounds, FILE *rows_file) {
    printf("\n%s, ns each: median, (most - least) / median, time in relation to the first row\n%-38s", title,
           "");
    for (size_t column = 0; column < COLUMNS; column++)
        printf("%22s", column_names[column]);
    for (size_t i = 0; i < MAX_TABLE_ROWS && rows[i].name; i++) {
        printf("\n%-38s", rows[i].name);
        for (size_t column = 0; column < COLUMNS; column++) {
            const figures_place place = {.table = title,
                                         .column = column_names[column],
                                         .row = rows[i].name,
                                         .unit = "ns",
                                         .factor = 1e9};
            figures_print(&place, samples[i][column], samples[0][column], rounds, rows_file);
        }
    }
    putchar('\n');
    fflush(stdout);
}

static void print_memory(FILE *rows_file) {
    for (size_t column = 0; column < COLUMNS; column++) {
        start_agents(agent_counts[column]);
        const double each = (double)bytes_in_use / (double)agent_counts[column];
        printf("%sbytes for an idle agent, its topic and its place in the tables, of %zu: %.0f\n",
               column ? "" : "\n", agent_counts[column], each);
        fprintf(rows_file,
                "{\"table\":\"memory\",\"input\":\"%s\",\"row\":\"asm, an idle agent\",\"unit\":\"bytes\","
                "\"median\":%.4g}\n",
                column_names[column], each);
        end_agents();
    }
}

int main(int argc, char **argv) {
    const size_t rounds = figures_from_environment("ROUNDS", 5, MAX_ROUNDS);
    const size_t steps = figures_from_environment("PUBLISHES", 1000000, 100000000);
    FILE *rows_file = argc == 2 ? fopen(argv[1], "a") : NULL;
    if (rows_file == NULL) {
        fputs("usage: bench_agent ROWS-FILE\n", stderr);
        return 2;
    }
    print_memory(rows_file);
    for (size_t table = 0; table < sizeof tables / sizeof *tables; table++) {
        tracks = tables[table].tracks;
        for (size_t column = 0; column < COLUMNS; column++) {
            start_agents(agent_counts[column]);
            measure(tables[table].rows, column, rounds, steps);
            end_agents();
        }
        print_table(tables[table].title, tables[table].rows, rounds, rows_file);
    }
    return fclose(rows_file) == 0 && told > 0 ? 0 : 1;
}
