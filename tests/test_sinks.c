/* Sinks and the output streams they write to: what reaches a file, a pipe, a terminal, and what is said when it cannot. */
#define ASM_RENDER_IMPLEMENTATION
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The system, which does as the tests want: see the calls below. */
static ssize_t test_write(int fd, const void *data, size_t size);
static int test_fsync(int fd);
static ssize_t (*const system_write)(int fd, const void *data, size_t size) = write;
static int (*const system_fsync)(int fd) = fsync;
/* Members and parameters of this name become test_write, too, which does no harm. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#define write test_write
#define fsync test_fsync
#include "support.h"

#include "asm_render.h"
#pragma GCC diagnostic pop

#include "outputs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

/* ============================================================================================
 * The system
 */

static struct {
    size_t most;            /* bytes that a write takes; 0: all */
    size_t nothing;         /* so many writes take nothing */
    const char *other_path; /* another process appends `other_text` to this file after the next write */
    const char *other_text;
    int synced_files, synced_directories;
} system_now;

static void append_to_file(const char *path, const char *text) {
    const int fd = open(path, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(system_write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static ssize_t test_write(int fd, const void *data, size_t size) {
    if (system_now.nothing > 0) {
        system_now.nothing--;
        return 0;
    }
    if (system_now.most > 0 && size > system_now.most) size = system_now.most;
    const ssize_t written = system_write(fd, data, size);
    if (system_now.other_path) append_to_file(system_now.other_path, system_now.other_text);
    system_now.other_path = NULL;
    return written;
}

static int test_fsync(int fd) {
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) system_now.synced_directories++;
    else system_now.synced_files++;
    return system_fsync(fd);
}

static int system_reset(void **state) {
    (void)state;
    memset(&system_now, 0, sizeof system_now);
    return 0;
}

static const asm_event hello = {
    .type = ASM_EVENT_CUSTOM, .type_name = TEXT("x"), .session_id = TEXT("hello")};

/* Without options, or an output, a tty sink writes to standard output, and leaves it open. */
static void test_tty_sink_defaults(void **state) {
    (void)state;
    asm_tty_sink tty;
    asm_tty_sink_options none = {.buffer = NULL};
    for (int i = 0; i < 2; i++) {
        asm_sink sink = asm_tty_sink_init(&tty, i ? &none : NULL);
        assert_int_equal(sink.result, ASM_OK);
        assert_int_equal(tty.out.fd, 1);
        assert_int_equal(sink.close(sink.self), ASM_OK);
    }
    assert_int_not_equal(fcntl(1, F_GETFD), -1);
}

/* Records are brought to the disk where that means something; where it does not, that is no error. */
static void test_sync(void **state) {
    (void)state;
    int ends[2];
    memory_output output;
    asm_output_stream stream;
    asm_output to = {.write = memory_write, .user = &output};
    memory_output_init(&output);
    assert_int_equal(asm_output_stream_open(&stream, &to), ASM_OK);
    assert_int_equal(asm_output_stream_sync(&stream), ASM_OK);
    assert_int_equal(asm_output_stream_close(&stream), ASM_OK);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(asm_output_stream_open(&stream, &(asm_output){.fd = ends[1]}), ASM_OK);
    assert_int_equal(asm_output_stream_sync(&stream), ASM_OK); /* EINVAL */
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(asm_output_stream_sync(&stream), ASM_ERR_WRITE);
    assert_int_equal(stream.system_error, EBADF);
    assert_int_equal(asm_output_stream_close(&stream), ASM_OK);
}

/* A stream that takes nothing, and a file that is closed behind our back. */
static void test_outputs_that_break(void **state) {
    (void)state;
    asm_output_stream stream;
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(asm_output_stream_open(&stream, &(asm_output){.stream = full}), ASM_OK);
        assert_int_equal(asm_output_stream_write(&stream, "x", 1), ASM_ERR_WRITE);
        assert_int_equal(stream.system_error, ENOSPC);
        assert_int_equal(asm_output_stream_write(&stream, "x", 1), ASM_ERR_WRITE);
        assert_int_equal(asm_output_stream_close(&stream), ASM_OK);
        fclose(full);
    }
    const char *path = temporary_path();
    assert_int_equal(asm_output_stream_open(&stream, &(asm_output){.path = path}), ASM_OK);
    close(stream.fd);
    assert_int_equal(asm_output_stream_close(&stream), ASM_ERR_WRITE);
    remove(path);
}

static void test_file_sink_gathers(void **state) {
    (void)state;
    memory_output output;
    asm_file_sink file;
    char memory[ASM_BUFFER_STREAM_MIN];
    asm_file_sink_options options = {
        .output = {.write = memory_write, .user = &output}, .buffer = memory, .buffer_size = sizeof memory};
    memory_output_init(&output);
    asm_sink sink = asm_file_sink_init(&file, &options);
    assert_int_equal(sink.write(sink.self, ASM_STR("\x1B[1ma")), ASM_OK);
    assert_int_equal(output.calls, 0);
    assert_int_equal(sink.write(sink.self, ASM_STR("\x1B[0mb")), ASM_OK);
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    assert_int_equal(output.calls, 1);
    expect_bytes(&output, "ab");
    assert_int_equal(sink.close(sink.self), ASM_OK);
    asm_buffer_close(&output.bytes);
    options.buffer_size--;
    assert_int_equal(asm_file_sink_init(&file, &options).result, ASM_ERR_INVALID_ARGUMENT);
    end_of_cases();
}

static void test_tty_sink_writes_at_once_unless_it_gathers(void **state) {
    (void)state;
    memory_output output;
    asm_tty_sink tty;
    char memory[ASM_BUFFER_STREAM_MIN];
    asm_tty_sink_options options = {.output = {.write = memory_write, .user = &output}};
    memory_output_init(&output);
    asm_sink sink = asm_tty_sink_init(&tty, &options);
    assert_int_equal(sink.write_event(sink.self, &hello, asm_str_from("a\x1B[1m")), ASM_OK);
    assert_int_equal(output.calls, 1);
    options.buffer = memory;
    options.buffer_size = sizeof memory;
    sink = asm_tty_sink_init(&tty, &options);
    assert_int_equal(sink.write_event(sink.self, &hello, asm_str_from("b")), ASM_OK);
    assert_int_equal(sink.write(sink.self, asm_str_from("c")), ASM_OK);
    assert_int_equal(output.calls, 1);
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    assert_int_equal(output.calls, 2);
    expect_bytes(&output, "a\x1B[1mbc");
    options.buffer_size = 1;
    assert_int_equal(asm_tty_sink_init(&tty, &options).result, ASM_ERR_INVALID_ARGUMENT);
    asm_buffer_close(&output.bytes);
    end_of_cases();
}

#define UP(rows) "\r\x1B[" rows "A\x1B[J"

static void take_bytes(memory_output *output, const char *expected) {
    expect_bytes(output, expected);
    asm_buffer_clear(&output->bytes);
}

/* Transient lines stand below the text: erased before more of it, drawn anew when they change, left alone otherwise. */
static void test_tty_sink_shows_lines(void **state) {
    (void)state;
    memory_output output;
    asm_tty_sink tty;
    asm_tty_sink_options options = {.output = {.write = memory_write, .user = &output}};
    memory_output_init(&output);
    asm_sink sink = asm_tty_sink_init(&tty, &options);
    assert_int_equal(sink.show(sink.self, ASM_STR("")), ASM_OK);
    take_bytes(&output, "");
    assert_int_equal(sink.show(sink.self, ASM_STR("one\n\x1B[2mtwo\x1B[0m\n")), ASM_OK);
    take_bytes(&output, "one\n\x1B[2mtwo\x1B[0m\n");
    assert_int_equal(sink.write_event(sink.self, &hello, ASM_STR("")), ASM_OK);
    assert_int_equal(sink.show(sink.self, ASM_STR("one\n\x1B[2mtwo\x1B[0m\n")), ASM_OK);
    take_bytes(&output, "");
    assert_int_equal(sink.write_event(sink.self, &hello, ASM_STR("text\n")), ASM_OK);
    take_bytes(&output, UP("2") "text\n");
    assert_int_equal(sink.show(sink.self, ASM_STR("one\n")), ASM_OK);
    take_bytes(&output, "one\n");
    assert_int_equal(sink.show(sink.self, ASM_STR("three\n")), ASM_OK);
    take_bytes(&output, UP("1") "three\n");
    assert_int_equal(sink.show(sink.self, ASM_STR("")), ASM_OK);
    take_bytes(&output, UP("1"));
    assert_int_equal(sink.close(sink.self), ASM_OK);
    take_bytes(&output, "");
    asm_buffer_close(&output.bytes);
    end_of_cases();
}

/* What is gathered goes out with the lines as they are then. */
static void test_tty_sink_draws_lines_on_flush(void **state) {
    (void)state;
    memory_output output;
    asm_tty_sink tty;
    char buffer[1000];
    asm_tty_sink_options options = {
        .output = {.write = memory_write, .user = &output}, .buffer = buffer, .buffer_size = sizeof buffer};
    memory_output_init(&output);
    asm_sink sink = asm_tty_sink_init(&tty, &options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sink.write_event(sink.self, &hello, ASM_STR("text\n")), ASM_OK);
        assert_int_equal(sink.show(sink.self, asm_str_from(i < 2 ? "a\n" : "b\n")), ASM_OK);
    }
    take_bytes(&output, "");
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    take_bytes(&output, "text\ntext\ntext\nb\n");
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    take_bytes(&output, "");
    assert_int_equal(sink.write(sink.self, ASM_STR("end\n")), ASM_OK);
    assert_int_equal(sink.show(sink.self, ASM_STR("b\n")), ASM_OK);
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    take_bytes(&output, UP("1") "end\nb\n");
    assert_int_equal(sink.show(sink.self, ASM_STR("")), ASM_OK);
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    take_bytes(&output, UP("1"));
    assert_int_equal(output.calls, 3);
    asm_buffer_close(&output.bytes);
    end_of_cases();
}

/* A window that became narrower wraps the lines, or cuts them: all of their rows are erased, and no more than there are. */
static void test_tty_sink_after_a_resize(void **state) {
    (void)state;
    static const struct {
        const char *lines;
        int columns, rows;
        bool has_reflow;
        const char *expected;
    } cases[] = {
        {"1234567890\n", 10, 24, true, UP("1")},
        {"1234567890\n", 9, 24, true, UP("2")},
        {"1234567890\n", 9, 24, false, UP("1")},
        {"\x1B[2m1234567890\x1B[0m\n\n1\n", 3, 24, true, UP("6")},
        {"\x1B[2m1234567890\x1B[0m\n\n1\n", 3, 24, false, UP("3")},
        {"\xC3\xA4\xC3\xA4\xC3\xA4\n", 3, 24, true, UP("1")},
        {"1\n2\n3\n4\n5\n", 80, 4, true, UP("3")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        memory_output output;
        asm_tty_sink tty;
        asm_tty_sink_options options = {.output = {.write = memory_write, .user = &output}};
        memory_output_init(&output);
        asm_sink sink = asm_tty_sink_init(&tty, &options);
        sink.show(sink.self, asm_str_from(cases[i].lines));
        asm_buffer_clear(&output.bytes);
        tty.terminal.columns = cases[i].columns;
        tty.terminal.rows = cases[i].rows;
        tty.terminal.has_reflow = cases[i].has_reflow;
        sink.show(sink.self, ASM_STR(""));
        expect_bytes(&output, cases[i].expected);
        asm_buffer_close(&output.bytes);
    }
    end_of_cases();
}

static void test_file_sink_removes_escape_sequences(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"plain \xC3\xA9\n", "plain \xC3\xA9\n"},
        {"\x1B[0;31mred\x1B[0m!", "red!"},
        {"\r\x1B[2K  done\r\n", "  done\r\n"},
        {"a\rb\r\r\nc\r", "ab\r\nc"},
        {"\x1B]0;title\x07x\x1B]8;;http://a\x1B\\y\x1B(Bz\x1B"
         "c.",
         "xyz."},
        {"\x1BP1;2q...\x1B\\t", "t"},
        {"\x1B]never closed\nnext", "\nnext"},
        {"\x1B[31\xC3\xA9", "\xC3\xA9"},
        {"\x1B\x1B[1mx", "x"},
        {"\x1BXhidden\x1B\\a\x1B^hidden\x1B\\b\x1B_hidden\x07"
         "c",
         "abc"},
        {"\x1B\xC3\xA9\x1B\x7F\x1B[\nb\x1B[1\x7F"
         "c\x1B#8d",
         "\xC3\xA9\x7F\nb\x7F"
         "cd"},
        {"\x1B]x\x1B[1my\x1B\\z", "yz"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t size = strlen(cases[i].text);
        for (size_t cut = 0; cut <= size; cut++) { /* sequences are removed also when two writes cut them */
            memory_output output;
            asm_file_sink file;
            asm_file_sink_options options = {.output = {.write = memory_write, .user = &output}};
            memory_output_init(&output);
            asm_sink sink = asm_file_sink_init(&file, &options);
            sink.write_event(sink.self, &hello, asm_str_make(cases[i].text, cut));
            sink.write(sink.self, asm_str_make(cases[i].text + cut, size - cut));
            sink.flush(sink.self);
            sink.close(sink.self);
            expect_bytes(&output, cases[i].expected);
            asm_buffer_close(&output.bytes);
        }
    }
    end_of_cases();
}

static void test_outputs(void **state) {
    (void)state;
    asm_file_sink file;
    asm_file_sink_options options = {.output = {.path = NULL}};
    assert_int_equal(asm_file_sink_init(&file, &options).result, ASM_ERR_INVALID_ARGUMENT);
    options.output = (asm_output){.path = "x", .fd = 1};
    assert_int_equal(asm_file_sink_init(&file, &options).result, ASM_ERR_INVALID_ARGUMENT);
    options.output = (asm_output){.path = "/nowhere/at/all"};
    assert_int_equal(asm_file_sink_init(&file, &options).result, ASM_ERR_OPEN);
    assert_int_equal(file.out.system_error, ENOENT);
    asm_output_stream unopened;
    memset(&unopened, 0xA5, sizeof unopened);
    assert_int_equal(asm_output_stream_open(&unopened, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_output_stream_write(&unopened, "x", 1), ASM_ERR_WRITE);
    assert_int_equal(asm_output_stream_write(NULL, "x", 1), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_output_stream_write(&file.out, NULL, 1), ASM_ERR_INVALID_ARGUMENT);

    const char *path = temporary_path();
    FILE *stream = fopen(path, "w");
    options.output = (asm_output){.stream = stream};
    asm_sink sink = asm_file_sink_init(&file, &options);
    assert_int_equal(sink.result, ASM_OK);
    fputs("header\n", stream);
    assert_int_equal(sink.write(sink.self, asm_str_from("\x1B[1mtext\n")), ASM_OK);
    assert_int_equal(sink.close(sink.self), ASM_OK);
    fputs("trailer\n", stream); /* it was not closed */
    fclose(stream);
    expect_file(path, "header\ntext\ntrailer\n");
    options.output = (asm_output){.path = path}; /* appended to */
    sink = asm_file_sink_init(&file, &options);
    sink.write(sink.self, asm_str_from("more\n"));
    assert_int_equal(sink.close(sink.self), ASM_OK);
    expect_file(path, "header\ntext\ntrailer\nmore\n");
    remove(path);
    end_of_cases();
}

static asm_event numbered(int64_t number) {
    asm_event event = hello;
    event.sequence_number = number;
    return event;
}
#define RECORD(number)                                                                                       \
    "{\"type\":\"x\",\"data\":{},\"session_id\":\"hello\",\"sequence_number\":" number "}\n"

static void test_jsonl_options(void **state) {
    (void)state;
    memory_output output;
    asm_jsonl_sink jsonl;
    char memory[ASM_BUFFER_STREAM_MIN];
    asm_jsonl_sink_options options = {.output = {.write = memory_write, .user = &output},
                                      .buffer = memory,
                                      .buffer_size = sizeof memory - 1};
    assert_int_equal(asm_jsonl_sink_init(&jsonl, &options).result, ASM_ERR_INVALID_ARGUMENT);
    memory_output_init(&output);
    options = (asm_jsonl_sink_options){.output = options.output, .gather = true, .sync_every = 2};
    asm_sink sink = asm_jsonl_sink_init(&jsonl, &options);
    for (size_t i = 1; i <= 5; i++) { /* what is brought to the disk has to be written first */
        assert_int_equal(sink.write_event(sink.self, &hello, asm_str_make("", 0)), ASM_OK);
        assert_int_equal(output.calls, i / 2);
    }
    output.room = 3;
    assert_int_equal(sink.write_event(sink.self, &hello, asm_str_make("", 0)), ASM_ERR_WRITE);
    sink.close(sink.self);
    asm_buffer_close(&output.bytes);
}

static void test_jsonl_one_write_per_record(void **state) {
    (void)state;
    memory_output output;
    asm_jsonl_sink log;
    asm_jsonl_sink_options options = {.output = {.write = memory_write, .user = &output}};
    memory_output_init(&output);
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    for (int i = 1; i <= 2; i++) {
        asm_event event = numbered(i);
        assert_int_equal(sink.write_event(sink.self, &event, asm_str_from("ignored")), ASM_OK);
        assert_int_equal(output.calls, i);
    }
    assert_int_equal(sink.close(sink.self), ASM_OK);
    expect_bytes(&output, RECORD("1") RECORD("2"));
    asm_buffer_close(&output.bytes);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

static void test_jsonl_gathers_whole_records(void **state) {
    (void)state;
    memory_output output;
    asm_jsonl_sink log;
    char memory[200];
    asm_jsonl_sink_options options = {.output = {.write = memory_write, .user = &output},
                                      .gather = true,
                                      .buffer = memory,
                                      .buffer_size = sizeof memory};
    memory_output_init(&output);
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    for (int i = 1; i <= 5; i++) {
        asm_event event = numbered(i);
        assert_int_equal(sink.write_event(sink.self, &event, asm_str_from("")), ASM_OK);
        expect(output.bytes.size == 0 || output.bytes.data[output.bytes.size - 1] == '\n',
               "half a record after %d", i);
    }
    assert_int_equal(output.calls, 1); /* three records fit */
    assert_int_equal(sink.flush(sink.self), ASM_OK);
    expect_bytes(&output, RECORD("1") RECORD("2") RECORD("3") RECORD("4") RECORD("5"));
    /* longer than the buffer: in several writes */
    char text[1000];
    memset(text, 'y', sizeof text);
    asm_event event = numbered(6);
    event.run_id = asm_str_make(text, sizeof text);
    asm_buffer_clear(&output.bytes);
    assert_int_equal(sink.write_event(sink.self, &event, asm_str_from("")), ASM_OK);
    assert_int_equal(sink.close(sink.self), ASM_OK);
    expect(output.bytes.size > sizeof text && output.bytes.data[output.bytes.size - 1] == '\n',
           "the long record");
    assert_int_equal(asm_json_check(asm_buffer_text(&output.bytes), NULL), ASM_OK);
    assert_int_equal(log.records, 6);
    asm_buffer_close(&output.bytes);
    end_of_cases();
}

/* Every write fails once, at every byte: no record glues to the next, and what was told to be written is
 * there. */
static void test_jsonl_failed_writes_never_glue(void **state) {
    (void)state;
    size_t record = strlen(RECORD("1"));
    for (int buffered = 0; buffered < 2; buffered++) {
        for (size_t room = 0; room <= 2 * record; room++) {
            memory_output output;
            asm_jsonl_sink log;
            char memory[ASM_BUFFER_STREAM_MIN];
            asm_jsonl_sink_options options = {.output = {.write = memory_write, .user = &output},
                                              .buffer = buffered ? memory : NULL,
                                              .buffer_size = sizeof memory};
            memory_output_init(&output);
            asm_sink sink = asm_jsonl_sink_init(&log, &options);
            output.room = room;
            bool written[3];
            for (int i = 0; i < 3; i++) {
                asm_event event = numbered(i + 1);
                written[i] = sink.write_event(sink.self, &event, asm_str_from("")) == ASM_OK;
                if (!written[i]) output.room = SIZE_MAX;
            }
            sink.close(sink.self);
            asm_buffer_append_byte(&output.bytes, 0);
            static const char *const records[] = {RECORD("1"), RECORD("2"), RECORD("3")};
            for (int i = 0; i < 3; i++) {
                const char *found = strstr(output.bytes.data, records[i]);
                if (written[i])
                    expect(found && (found == output.bytes.data || found[-1] == '\n'),
                           "record %d after %zu bytes: %s", i, room, output.bytes.data);
            }
            expect(written[0] + written[1] + written[2] >= 2, "one failure with %zu bytes", room);
            asm_buffer_close(&output.bytes);
        }
    }
    end_of_cases();
}

static asm_sink open_sink(int kind, asm_tty_sink *tty, asm_file_sink *file, asm_jsonl_sink *jsonl,
                          asm_output output) {
    asm_tty_sink_options tty_options = {.output = output};
    asm_file_sink_options file_options = {.output = output};
    asm_jsonl_sink_options jsonl_options = {.output = output, .sync_every = 1};
    if (kind == 0) return asm_tty_sink_init(tty, &tty_options);
    if (kind == 1) return asm_file_sink_init(file, &file_options);
    return asm_jsonl_sink_init(jsonl, &jsonl_options);
}

/* Half a line is ended, whatever sink opens the file; on demand it is erased, but never what is whole. */
static void test_torn_ends_are_repaired(void **state) {
    (void)state;
    static const struct {
        const char *before, *ended, *erased;
        uint64_t torn;
    } cases[] = {
        {"", "", "", 0},
        {"{}\n", "{}\n", "{}\n", 0},
        {"{}\n{\"ha", "{}\n{\"ha\n", "{}\n    \n", 4},
        {"{\"ha", "{\"ha\n", "    \n", 4},
        {"{}\n{\"a\":1}", "{}\n{\"a\":1}\n", "{}\n{\"a\":1}\n", 7},
        {"{\"}\\\"\":[{}]}", "{\"}\\\"\":[{}]}\n", "{\"}\\\"\":[{}]}\n", 12},
        {"{\"a\":[}", "{\"a\":[}\n", "       \n", 7},
        {"{}x", "{}x\n", "   \n", 3},
        {"1", "1\n", " \n", 1},
    };
    const char *path = temporary_path();
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (int round = 0; round < 6; round++) {
            asm_tty_sink tty;
            asm_file_sink file;
            asm_jsonl_sink jsonl;
            asm_output_stream *const outs[] = {&tty.out, &file.out, &jsonl.out};
            asm_output output = {.path = path, .erase_torn = round >= 3};
            write_file(path, cases[i].before);
            asm_sink sink = open_sink(round % 3, &tty, &file, &jsonl, output);
            const uint64_t torn = outs[round % 3]->torn_bytes;
            expect(sink.result == ASM_OK && torn == cases[i].torn, "case %zu: %d, %d bytes", i,
                   (int)sink.result, (int)torn);
            assert_int_equal(sink.close(sink.self), ASM_OK);
            expect_file(path, output.erase_torn ? cases[i].erased : cases[i].ended);
        }
    }
    remove(path);
    end_of_cases();
}

/* A long half line, so that its beginning lies in another block. */
static void test_jsonl_repairs_a_long_torn_tail(void **state) {
    (void)state;
    static char text[5000];
    const char *path = temporary_path();
    asm_jsonl_sink log;
    asm_jsonl_sink_options options = {.output = {.path = path, .erase_torn = true}};
    memset(text, 'x', sizeof text - 2);
    text[100] = '\n';
    write_file(path, text);
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    assert_int_equal(log.out.torn_bytes, sizeof text - 2 - 101);
    sink.close(sink.self);
    memset(text + 101, ' ', sizeof text - 2 - 101);
    text[sizeof text - 2] = '\n';
    expect_file(path, text);
    remove(path);
    end_of_cases();
}

/* The disk takes part of a record, then no more. */
static void test_jsonl_file_size_limit(void **state) {
    (void)state;
    const char *path = temporary_path();
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {100, 100};
        asm_jsonl_sink log;
        asm_jsonl_sink_options options = {.output = {.path = path}};
        asm_event event = numbered(1);
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(9);
        asm_sink sink = asm_jsonl_sink_init(&log, &options);
        if (sink.write_event(sink.self, &event, asm_str_from("")) != ASM_OK) _exit(1);
        if (sink.write_event(sink.self, &event, asm_str_from("")) != ASM_ERR_WRITE) _exit(2);
        if (log.out.system_error != EFBIG || !log.torn) _exit(3);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    asm_jsonl_sink log;
    char erased[128];
    asm_jsonl_sink_options options = {.output = {.path = path, .erase_torn = true}};
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    sink.close(sink.self);
    snprintf(erased, sizeof erased, "%s%*s\n", RECORD("1"), (int)(100 - strlen(RECORD("1"))), "");
    expect_file(path, erased);
    remove(path);
    end_of_cases();
}

static void test_full_disk_and_closed_pipe(void **state) {
    (void)state;
    asm_jsonl_sink log;
    int ends[2], full = open("/dev/full", O_WRONLY);
    asm_event event = numbered(1);
    if (full >= 0) {
        asm_jsonl_sink_options options = {.output = {.fd = full}};
        asm_sink sink = asm_jsonl_sink_init(&log, &options);
        assert_int_equal(sink.write_event(sink.self, &event, asm_str_from("")), ASM_ERR_WRITE);
        assert_int_equal(log.out.system_error, ENOSPC);
        sink.close(sink.self);
        close(full);
    }
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    asm_jsonl_sink_options options = {.output = {.fd = ends[1]}};
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    assert_int_equal(sink.write_event(sink.self, &event, asm_str_from("")), ASM_ERR_CLOSED);
    sink.close(sink.self);
    close(ends[1]);
}

static void *drain_slowly(void *user) {
    char block[4096];
    ssize_t size;
    size_t total = 0;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    while ((size = read(*(int *)user, block, sizeof block)) > 0 || (size < 0 && errno == EINTR))
        total += size > 0 ? (size_t)size : 0; /* the signals may come here, too */
    return (void *)total;
}

static void interrupted(int signal_number) {
    (void)signal_number;
}

/* A descriptor that does not block, short writes, and signals in between. */
static void test_stream_waits_and_goes_on(void **state) {
    (void)state;
    static char block[1000000];
    int ends[2];
    pthread_t reader;
    void *total;
    asm_output_stream stream;
    asm_output output = {.fd = 0};
    struct sigaction action;
    const struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupted; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    output.fd = ends[1];
    assert_int_equal(asm_output_stream_open(&stream, &output), ASM_OK);
    pthread_create(&reader, NULL, drain_slowly, &ends[0]);
    setitimer(ITIMER_REAL, &often, NULL);
    assert_int_equal(asm_output_stream_write(&stream, block, sizeof block), ASM_OK);
    setitimer(ITIMER_REAL, &never, NULL);
    assert_int_equal(asm_output_stream_close(&stream), ASM_OK);
    close(ends[1]);
    pthread_join(reader, &total);
    assert_int_equal((size_t)total, sizeof block);
    close(ends[0]);
}

/* ============================================================================================
 * Several processes, and a system that does not do as it should
 */

static asm_event with_text(const char *text) {
    asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED, .message = {.delta = asm_str_from(text)}};
    return event;
}

/* Both processes of test_two_processes_share_a_log(). */
static int log_large_records(const char *path, char letter) {
    enum { RECORDS = 60, SIZE = 150000 };
    static char text[SIZE + 1];
    asm_jsonl_sink log;
    asm_jsonl_sink_options options = {.output = {.path = path}};
    memset(text, letter, SIZE);
    asm_sink sink = asm_jsonl_sink_init(&log, &options);
    asm_event event = with_text(text);
    for (int i = 0; i < RECORDS; i++)
        if (sink.write_event(sink.self, &event, asm_str_make("", 0)) != ASM_OK) return 1;
    return sink.close(sink.self) == ASM_OK ? 0 : 2;
}

/* A record of any size is one write: two processes that log to one file never write into each other's. */
static void test_two_processes_share_a_log(void **state) {
    (void)state;
    const char *path = temporary_path();
    pid_t children[2];
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] == 0) _exit(log_large_records(path, i ? 'B' : 'A'));
    }
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    size_t size, lines = 0;
    char *text = read_file(path, &size), *end;
    asm_buffer scratch;
    asm_buffer_init_growing(&scratch);
    for (char *at = text; (end = memchr(at, '\n', size - (size_t)(at - text))) != NULL; at = end + 1) {
        asm_event event;
        if (end == at) continue; /* a LF of the repair, when the other was writing just then */
        lines++;
        asm_buffer_clear(&scratch);
        assert_int_equal(asm_event_read_json(&event, asm_str_make(at, (size_t)(end - at)), &scratch, NULL),
                         ASM_OK);
    }
    assert_int_equal(lines, 120);
    asm_buffer_close(&scratch);
    free(text);
    remove(path);
}

/* Another process appends while a line is under way that takes several writes: ours is written again, as a whole. */
static void test_a_line_that_was_cut_in_on(void **state) {
    (void)state;
    static const struct {
        size_t most;
        const char *expected;
    } cases[] = {
        {0, "one\ntwo\nthree\nother\n"},
        {4, "one\nother\ntwo\nthree\n"},     /* cut between two lines */
        {6, "one\ntwther\no\ntwo\nthree\n"}, /* "two" was cut */
        {2, "onother\ne\none\ntwo\nthree\n"},
    };
    const char *path = temporary_path();
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_output_stream out;
        write_file(path, "");
        assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path}), ASM_OK);
        system_now.most = cases[i].most;
        system_now.other_path = path;
        system_now.other_text = i == 2 ? "ther\n" : "other\n";
        assert_int_equal(asm_output_stream_write(&out, "one\ntwo\nthree\n", 14), ASM_OK);
        assert_int_equal(asm_output_stream_close(&out), ASM_OK);
        expect_file(path, cases[i].expected);
        system_reset(NULL);
    }
    remove(path);
    end_of_cases();
}

/* Another process writes a whole record while a file is repaired, before our LF or after it: nothing of it is erased. */
static void test_repair_deletes_nothing_of_others(void **state) {
    (void)state;
    static const struct {
        bool first;
        const char *expected;
    } cases[] = {{true, "{}\n{\"ha{\"of\":\"another\"}\n"}, {false, "{}\n    \n{\"of\":\"another\"}\n"}};
    const char *path = temporary_path(), *other = "{\"of\":\"another\"}\n";
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_output_stream out;
        write_file(path, "{}\n{\"ha");
        if (cases[i].first) {
            append_to_file(path, other);
        } else {
            system_now.other_path = path;
            system_now.other_text = other;
        }
        assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path, .erase_torn = true}),
                         ASM_OK);
        assert_int_equal(asm_output_stream_close(&out), ASM_OK);
        expect_file(path, cases[i].expected);
    }
    remove(path);
    end_of_cases();
}

/* A log that may not be read gets a LF, as nobody can tell how it ends. */
static void test_a_log_that_may_only_be_written(void **state) {
    (void)state;
    asm_output_stream out;
    const char *path = temporary_path();
    const uid_t user = geteuid();
    write_file(path, "{\"ha");
    assert_int_equal(chmod(path, 0200), 0);
    if (user == 0) { /* root may read everything */
        assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
        assert_int_equal(seteuid(65534), 0);
    }
    assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path}), ASM_OK);
    assert_int_equal(asm_output_stream_write(&out, "{}\n", 3), ASM_OK);
    assert_int_equal(asm_output_stream_close(&out), ASM_OK);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod(path, 0600), 0);
    expect_file(path, "{\"ha\n{}\n");
    remove(path);
    end_of_cases();
}

static unsigned mode_of(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return (unsigned)status.st_mode & 0777u;
}

/* What the agent saw is for its user's eyes, unless other permissions are asked for; an existing file keeps its own. */
static void test_permissions_of_new_files(void **state) {
    (void)state;
    asm_output_stream out;
    const char *path = temporary_path();
    const mode_t before = umask(022);
    assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path}), ASM_OK);
    asm_output_stream_close(&out);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path, .mode = 0644}), ASM_OK);
    asm_output_stream_close(&out);
    assert_int_equal(mode_of(path), 0600);
    remove(path);
    assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path, .mode = 0666}), ASM_OK);
    asm_output_stream_close(&out);
    assert_int_equal(mode_of(path), 0644);
    umask(before);
    remove(path);
}

/* The directory of a file that was created is synced with it, once. */
static void test_the_directory_is_synced(void **state) {
    (void)state;
    const char *path = temporary_path();
    for (int is_there = 0; is_there < 2; is_there++) {
        asm_jsonl_sink log;
        asm_jsonl_sink_options options = {.output = {.path = path}, .sync_every = 1};
        asm_sink sink = asm_jsonl_sink_init(&log, &options);
        system_reset(NULL);
        for (int i = 0; i < 3; i++)
            assert_int_equal(sink.write_event(sink.self, &hello, asm_str_make("", 0)), ASM_OK);
        assert_int_equal(sink.close(sink.self), ASM_OK);
        assert_int_equal(system_now.synced_files, 3);
        assert_int_equal(system_now.synced_directories, is_there ? 0 : 1);
    }
    remove(path);
}

/* A write that takes nothing now and then is tried again, one that takes nothing for ever is an error. */
static void test_writes_that_take_nothing(void **state) {
    (void)state;
    const char *path = temporary_path();
    for (int for_ever = 0; for_ever < 2; for_ever++) {
        asm_output_stream out;
        assert_int_equal(asm_output_stream_open(&out, &(asm_output){.path = path}), ASM_OK);
        system_now.nothing = for_ever ? SIZE_MAX : 3;
        assert_int_equal(asm_output_stream_write(&out, "text\n", 5), for_ever ? ASM_ERR_WRITE : ASM_OK);
        asm_output_stream_close(&out);
        system_reset(NULL);
    }
    expect_file(path, "text\n");
    remove(path);
    end_of_cases();
}

static bool stop_after_three(void *user) {
    return ++*(int *)user >= 3;
}

/* A reader that takes nothing, and a program that wants to end: the write is given up when it says so. */
static void test_writes_are_given_up(void **state) {
    (void)state;
    static char block[1000000];
    const struct itimerval often = {{0, 3000}, {0, 3000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = interrupted; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    for (int blocks = 0; blocks < 2; blocks++) {
        int ends[2], asked = 0;
        asm_output_stream out;
        assert_int_equal(pipe(ends), 0);
        if (!blocks) assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
        asm_output output = {.fd = ends[1], .should_stop = stop_after_three, .user = &asked};
        assert_int_equal(asm_output_stream_open(&out, &output), ASM_OK);
        setitimer(ITIMER_REAL, &often, NULL);
        assert_int_equal(asm_output_stream_write(&out, block, sizeof block), ASM_ERR_WRITE);
        setitimer(ITIMER_REAL, &never, NULL);
        assert_int_equal(out.system_error, EINTR);
        assert_int_equal(asked, 3);
        close(ends[0]);
        close(ends[1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tty_sink_defaults),
        cmocka_unit_test(test_tty_sink_shows_lines),
        cmocka_unit_test(test_tty_sink_draws_lines_on_flush),
        cmocka_unit_test(test_tty_sink_after_a_resize),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_outputs_that_break),
        cmocka_unit_test(test_file_sink_gathers),
        cmocka_unit_test(test_tty_sink_writes_at_once_unless_it_gathers),
        cmocka_unit_test(test_file_sink_removes_escape_sequences),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_jsonl_options),
        cmocka_unit_test(test_jsonl_one_write_per_record),
        cmocka_unit_test(test_jsonl_gathers_whole_records),
        cmocka_unit_test(test_jsonl_failed_writes_never_glue),
        cmocka_unit_test(test_torn_ends_are_repaired),
        cmocka_unit_test(test_jsonl_repairs_a_long_torn_tail),
        cmocka_unit_test(test_jsonl_file_size_limit),
        cmocka_unit_test(test_full_disk_and_closed_pipe),
        cmocka_unit_test(test_stream_waits_and_goes_on),
        cmocka_unit_test_setup(test_two_processes_share_a_log, system_reset),
        cmocka_unit_test_setup(test_a_line_that_was_cut_in_on, system_reset),
        cmocka_unit_test_setup(test_repair_deletes_nothing_of_others, system_reset),
        cmocka_unit_test_setup(test_a_log_that_may_only_be_written, system_reset),
        cmocka_unit_test_setup(test_permissions_of_new_files, system_reset),
        cmocka_unit_test_setup(test_the_directory_is_synced, system_reset),
        cmocka_unit_test_setup(test_writes_that_take_nothing, system_reset),
        cmocka_unit_test_setup(test_writes_are_given_up, system_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
