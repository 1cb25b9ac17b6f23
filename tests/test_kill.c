/* A process that logs is killed at random moments: every record that it was told is written is in the log, nothing in
 * it is half but what stands at its end, and the next start finds that, tells how long it is, and repairs it. */
#include "support.h"

#include "asm_render.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 60, LONGEST = 100000, LARGE = 32 << 20 };

/* What the process that logs tells the one that kills. */
typedef struct shared {
    volatile uint64_t torn_bytes;
    volatile int is_open;
    volatile int failed;
    volatile int64_t written; /* the last record that is known to have been written */
} shared;

/* Of the log, as far as it was looked through. */
typedef struct log_file {
    char path[64];
    int fd;
    off_t checked;   /* so far it is in order */
    size_t torn;     /* so much of a record stood behind that */
    int64_t records; /* the number of the last one */
} log_file;

static uint64_t chance = 20260318;

/* The text of a record: all of it depends on the number. Most are short, some take several writes. */
static asm_str text_of(int64_t number, char *out) {
    uint64_t random = (uint64_t)number;
    const uint64_t kind = next_random(&random);
    const size_t size = (size_t)(next_random(&random) % (kind % 8 == 0 ? LONGEST : 600));
    for (size_t i = 0; i < size; i += 16) {
        char piece[48];
        snprintf(piece, sizeof piece, "%07lu\n\"%07lu", (unsigned long)number % 10000000, (unsigned long)i);
        memcpy(out + i, piece, size - i < 16 ? size - i : 16);
    }
    return asm_str_make(out, size);
}

/* Logs without end; how, `options` say. */
static void log_records(const asm_jsonl_sink_options *options, int64_t number, shared *told) {
    static char text[LONGEST + 16];
    asm_jsonl_sink jsonl;
    asm_sink sink = asm_jsonl_sink_init(&jsonl, options);
    asm_pipeline pipeline;
    asm_pipeline_options pipeline_options;
    memset(&pipeline_options, 0, sizeof pipeline_options);
    pipeline_options.sinks = &sink;
    pipeline_options.sink_count = 1;
    if (asm_pipeline_init(&pipeline, &pipeline_options) == ASM_OK) {
        told->torn_bytes = jsonl.out.torn_bytes;
        told->is_open = 1;
        for (;; number++) {
            asm_event event;
            memset(&event, 0, sizeof event);
            event.type = ASM_EVENT_MESSAGE_STREAMED;
            event.sequence_number = number;
            event.message.delta = text_of(number, text);
            if (asm_pipeline_event(&pipeline, &event) != ASM_OK) break;
            if (options->gather && number % 16 != 0) continue;
            if (asm_pipeline_flush(&pipeline) != ASM_OK) break;
            told->written = number;
        }
    }
    told->failed = 1;
}

static void sleep_microseconds(unsigned long microseconds) {
    struct timespec time;
    time.tv_sec = (time_t)(microseconds / 1000000);
    time.tv_nsec = (long)(microseconds % 1000000) * 1000;
    nanosleep(&time, NULL);
}

/* Starts a process that logs, and kills it: while it starts, or some time later. */
static void log_and_kill(const asm_jsonl_sink_options *options, int64_t number, shared *told) {
    const bool while_it_starts = next_random(&chance) % 8 == 0;
    int status;
    told->torn_bytes = 0;
    told->is_open = told->failed = 0;
    told->written = number - 1;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        log_records(options, number, told);
        _exit(1);
    }
    const int64_t wanted = number - 1 + (int64_t)(next_random(&chance) % 8);
    while (!while_it_starts && !told->failed && (!told->is_open || told->written < wanted))
        sleep_microseconds(100);
    sleep_microseconds(next_random(&chance) % 3000);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && !told->failed);
}

static char *read_rest(log_file *log, size_t *size) {
    struct stat about;
    assert_int_equal(fstat(log->fd, &about), 0);
    assert_true(about.st_size >= log->checked);
    *size = (size_t)(about.st_size - log->checked);
    char *rest = exact_block(*size);
    for (size_t have = 0; have < *size;) {
        const ssize_t got = pread(log->fd, rest + have, *size - have, log->checked + (off_t)have);
        assert_true(got > 0);
        have += (size_t)got;
    }
    return rest;
}

/* Whether the line is the next record, whole. */
static bool is_record(asm_str line, int64_t number) {
    static char text[LONGEST + 16];
    asm_buffer scratch;
    asm_event event;
    asm_buffer_init_growing(&scratch);
    const bool is_so = asm_event_read_json(&event, line, &scratch, NULL) == ASM_OK &&
                       event.sequence_number == number &&
                       asm_str_equal(event.message.delta, text_of(number, text));
    asm_buffer_close(&scratch);
    return is_so;
}

/* Whether half a record was erased, or is a whole one that only lacked its LF. */
static bool is_erased(asm_str half) {
    size_t blanks = 0;
    while (blanks < half.size && half.data[blanks] == ' ')
        blanks++;
    return blanks == half.size || (blanks == 0 && half.data[half.size - 1] == '}');
}

/* Looks through what came since the last time: what was torn then is ended by a LF now, or also erased. */
static void check_log(log_file *log, const shared *told, bool erases) {
    size_t size, at = 0;
    char *rest = read_rest(log, &size);
    if (told->is_open) {
        assert_int_equal(told->torn_bytes, log->torn);
        assert_true(log->torn == 0 || size > log->torn);
        assert_true(log->torn == 0 || !erases || is_erased(asm_str_make(rest, log->torn)));
    }
    if (log->torn != 0 && size > log->torn) {
        assert_int_equal(rest[log->torn], '\n');
        at = log->torn + 1;
    }
    const char *end;
    while ((end = (const char *)memchr(rest + at, '\n', size - at)) != NULL) {
        const asm_str line = asm_str_make(rest + at, (size_t)(end - (rest + at)));
        expect(is_record(line, log->records + 1), "record %ld is %s", (long)log->records + 1, shown(line));
        log->records++;
        at += line.size + 1;
    }
    expect(log->records >= told->written, "%ld were written, %ld are there", (long)told->written,
           (long)log->records);
    log->torn = size - at;
    log->checked += (off_t)at;
    free_block(rest, size);
}

/* Memory that two processes share. */
static shared *share(const char *path) {
    const int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof(shared)), 0);
    void *memory = mmap(NULL, sizeof(shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(memory != MAP_FAILED);
    close(fd);
    remove(path);
    return (shared *)memory;
}

static void kill_many(asm_jsonl_sink_options options) {
    log_file log;
    size_t torn = 0;
    memset(&log, 0, sizeof log);
    snprintf(log.path, sizeof log.path, "/tmp/asm-test-kill-%ld", (long)getpid());
    shared *told = share(log.path);
    options.output.path = log.path;
    log.fd = open(log.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(log.fd >= 0);
    /* More of them where a slow machine is never hit within a record. */
    for (int kills = 0; kills < KILLS || (options.buffer && torn == 0 && kills < 20 * KILLS); kills++) {
        log_and_kill(&options, log.records + 1, told);
        check_log(&log, told, options.output.erase_torn);
        end_of_cases();
        torn += log.torn != 0;
        if (log.torn == 0 && log.checked > LARGE) {
            assert_int_equal(ftruncate(log.fd, 0), 0);
            log.checked = 0;
        }
    }
    assert_true(log.records > KILLS); /* they did not come to nothing */
    if (options.buffer) assert_true(torn > 0);
    assert_int_equal(close(log.fd), 0);
    assert_int_equal(remove(log.path), 0);
    munmap(told, sizeof *told);
}

static void test_records_of_one_write(void **state) {
    (void)state;
    asm_jsonl_sink_options options;
    memset(&options, 0, sizeof options);
    kill_many(options);
}

static void test_gathered_records(void **state) {
    (void)state;
    asm_jsonl_sink_options options;
    memset(&options, 0, sizeof options);
    options.gather = true;
    kill_many(options);
}

static void test_records_of_many_writes(void **state) {
    char buffer[ASM_BUFFER_STREAM_MIN];
    (void)state;
    asm_jsonl_sink_options options;
    memset(&options, 0, sizeof options);
    options.buffer = buffer;
    options.buffer_size = sizeof buffer;
    kill_many(options);
}

static void test_torn_records_are_erased(void **state) {
    char buffer[ASM_BUFFER_STREAM_MIN];
    (void)state;
    asm_jsonl_sink_options options;
    memset(&options, 0, sizeof options);
    options.output.erase_torn = true;
    options.buffer = buffer;
    options.buffer_size = sizeof buffer;
    kill_many(options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_of_one_write),
        cmocka_unit_test(test_gathered_records),
        cmocka_unit_test(test_records_of_many_writes),
        cmocka_unit_test(test_torn_records_are_erased),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
