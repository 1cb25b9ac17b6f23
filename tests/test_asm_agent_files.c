/* What asm-agent does with files and processes: paths that lead out, differences, searches, limits. */
#include "support.h"

#include "tools/agent/diff.c"
#include "tools/agent/folder.c"
#include "tools/agent/process.c"
#include "tools/agent/search.c"
#include "tools/agent/watchdog.c"

#include <poll.h>
#include <time.h>

/* ---- A directory for each test: inside/ is the folder, outside/ what must not be reached ---- */

typedef struct fixture {
    char directory[64];
    struct folder folder;
} fixture;

static const char *path_of(const fixture *self, const char *name) {
    static char path[4][600];
    static unsigned turn;
    char *out = path[turn++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", self->directory, name);
    return out;
}

static void put(const fixture *self, const char *name, const char *text) {
    FILE *file = fopen(path_of(self, name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void expect_file(const fixture *self, const char *name, const char *text) {
    char bytes[4096];
    FILE *file = fopen(path_of(self, name), "r");
    const size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    expect(file && size == strlen(text) && memcmp(bytes, text, size) == 0, "%s", name);
    if (file) fclose(file);
}

static int set_up(void **state) {
    fixture *self = (fixture *)calloc(1, sizeof *self);
    *state = self;
    if (!self) return -1;
    strcpy(self->directory, "/tmp/test_asm_agent.XXXXXX");
    if (!mkdtemp(self->directory) || mkdir(path_of(self, "inside"), 0777) != 0 ||
        mkdir(path_of(self, "outside"), 0777) != 0 || mkdir(path_of(self, "inside/sub"), 0777) != 0 ||
        !folder_open(&self->folder, path_of(self, "inside")))
        return -1;
    put(self, "outside/secret", "secret\n");
    put(self, "inside/a", "a\n");
    put(self, "inside/sub/b", "b\n");
    return 0;
}

static int tear_down(void **state) {
    fixture *self = (fixture *)*state;
    char command[128];
    folder_close(&self->folder);
    snprintf(command, sizeof command, "rm -rf %s", self->directory);
    const int status = system(command);
    free(self);
    return status;
}

static void link_to(const fixture *self, const char *name, const char *target) {
    assert_int_equal(symlink(target, path_of(self, name)), 0);
}

static const char *read_into(const fixture *self, const char *path, asm_buffer *out) {
    asm_buffer_clear(out);
    return folder_read_file(&self->folder, asm_str_from(path), 1000, out, NULL);
}

static void expect_outside(const fixture *self, const char *path) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    const char *error = read_into(self, path, &out);
    expect(error != NULL, "%s was read", path);
    expect(out.size == 0, "%s: %s", path, shown(asm_buffer_text(&out)));
    error = folder_write_file(&self->folder, asm_str_from(path), ASM_STR("changed"));
    expect(error != NULL, "%s was written", path);
    expect_file(self, "outside/secret", "secret\n");
    asm_buffer_close(&out);
}

static void test_no_path_leads_out(void **state) {
    const fixture *self = (const fixture *)*state;
    char path[600];
    link_to(self, "inside/up", "..");
    link_to(self, "inside/away", "../outside");
    link_to(self, "inside/secret", "../outside/secret");
    link_to(self, "inside/far", path_of(self, "outside/secret"));
    link_to(self, "inside/sub/up", "../..");
    link_to(self, "inside/one", "two");
    link_to(self, "inside/two", "sub/../../outside");
    link_to(self, "inside/loop", "loop");
    const char *const paths[] = {"..",
                                 "../outside/secret",
                                 "sub/../../outside/secret",
                                 "./.././outside/secret",
                                 "up/outside/secret",
                                 "away/secret",
                                 "secret",
                                 "far",
                                 "sub/up/outside/secret",
                                 "one/secret",
                                 "loop",
                                 "loop/x",
                                 "",
                                 "/etc/passwd",
                                 "/",
                                 "sub/../..",
                                 "a/../../outside/secret"};
    for (size_t i = 0; i < COUNT(paths); i++)
        expect_outside(self, paths[i]);
    expect_outside(self, path_of(self, "outside/secret"));
    snprintf(path, sizeof path, "%s/inside/../outside/secret", self->directory);
    expect_outside(self, path);
    snprintf(path, sizeof path, "%s/insideout", self->directory); /* begins with the folder's path */
    expect_outside(self, path);
    const char *error = folder_write_file(&self->folder, asm_str_make("a\0b", 3), ASM_STR("x"));
    expect(error != NULL, "a NUL byte");
    end_of_cases();
}

static void test_paths_within_are_found(void **state) {
    const fixture *self = (const fixture *)*state;
    char absolute[600];
    asm_buffer out;
    asm_buffer_init_growing(&out);
    link_to(self, "inside/to_a", "a");
    link_to(self, "inside/to_sub", "sub");
    link_to(self, "inside/sub/to_a", "../a");
    snprintf(absolute, sizeof absolute, "%.500s/a", self->folder.path);
    link_to(self, "inside/to_absolute", absolute);
    const char *const paths[] = {"a",           "./a",         "sub/../a", "to_a",        "sub/to_a",
                                 "to_sub/to_a", "to_sub/../a", ".//a/",    "to_absolute", absolute};
    for (size_t i = 0; i < COUNT(paths); i++) {
        const char *error = read_into(self, paths[i], &out);
        expect(!error && asm_str_equal(asm_buffer_text(&out), ASM_STR("a\n")), "%s: %s", paths[i], error);
    }
    asm_buffer_close(&out);
    end_of_cases();
}

static void test_files_are_replaced_whole(void **state) {
    const fixture *self = (const fixture *)*state;
    struct stat status;
    struct folder folder = self->folder;
    link_to(self, "inside/to_a", "a");
    assert_int_equal(chmod(path_of(self, "inside/a"), 0750), 0);
    assert_null(folder_write_file(&folder, ASM_STR("to_a"), ASM_STR("new\n")));
    expect_file(self, "inside/a", "new\n");
    assert_int_equal(lstat(path_of(self, "inside/to_a"), &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(stat(path_of(self, "inside/a"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0750);
    assert_null(folder_write_file(&folder, ASM_STR("x/y/z"), ASM_STR("deep\n")));
    expect_file(self, "inside/x/y/z", "deep\n");
    assert_non_null(folder_write_file(&folder, ASM_STR("sub"), ASM_STR("x")));
    assert_non_null(folder_write_file(&folder, ASM_STR("."), ASM_STR("x")));
    assert_non_null(folder_write_file(&folder, ASM_STR("a/b"), ASM_STR("x")));
    assert_int_equal(mkfifo(path_of(self, "inside/fifo"), 0600), 0);
    assert_non_null(folder_write_file(&folder, ASM_STR("fifo"), ASM_STR("x")));
    asm_buffer out;
    asm_buffer_init_growing(&out);
    assert_non_null(read_into(self, "fifo", &out)); /* and does not wait */
    assert_non_null(read_into(self, "sub", &out));
    asm_buffer_close(&out);
    assert_int_equal(system("ls -A /tmp/test_asm_agent.*/inside 2>/dev/null | grep -q '^\\.asm-agent'") != 0,
                     1);
    end_of_cases();
}

/* ---- Differences ---- */

static void expect_diff(const char *before, const char *after, const char *expected) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    assert_int_equal(diff_append(&out, asm_str_from(before), asm_str_from(after), NULL), ASM_OK);
    expect(asm_str_equal(asm_buffer_text(&out), asm_str_from(expected)), "%s", shown(asm_buffer_text(&out)));
    asm_buffer_close(&out);
}

static void test_diff(void **state) {
    (void)state;
    expect_diff("", "", "");
    expect_diff("a\nb\n", "a\nb\n", "");
    expect_diff("", "a\n", "@@ -0,0 +1,1 @@\n+a\n");
    expect_diff("a\n", "", "@@ -1,1 +0,0 @@\n-a\n");
    expect_diff("a\n", "a", "@@ -1,1 +1,1 @@\n-a\n+a\n\\ No newline at end of file\n");
    expect_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n",
                "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    expect_diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n", "x\n2\n3\n4\n5\n6\n7\n8\n9\ny\n",
                "@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -7,4 +7,4 @@\n 7\n 8\n 9\n-10\n+y\n");
    expect_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "x\n2\n3\n4\n5\n6\n7\ny\n",
                "@@ -1,8 +1,8 @@\n-1\n+x\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+y\n");
    end_of_cases();
}

/* Makes the text after the difference from the one before: what stands in hunks is taken, the rest copied. */
static size_t apply(const char *before, const char *diff, char *after) {
    size_t line = 1, size = 0;
    while (*diff) {
        unsigned long begin = 0, count = 0;
        assert_int_equal(sscanf(diff, "@@ -%lu,%lu", &begin, &count), 2);
        if (count == 0) begin++; /* it stands after that line */
        for (; line < begin; line++) {
            const size_t length = strcspn(before, "\n") + 1;
            memcpy(after + size, before, length);
            size += length;
            before += length;
        }
        for (diff += strcspn(diff, "\n") + 1; *diff && *diff != '@'; diff += strcspn(diff, "\n") + 1) {
            const size_t length = strcspn(diff, "\n");
            if (*diff == ' ' || *diff == '-') {
                assert_memory_equal(before, diff + 1, length);
                before += length;
                line++;
            }
            if (*diff == '-') continue;
            memcpy(after + size, diff + 1, length);
            size += length;
        }
    }
    memcpy(after + size, before, strlen(before) + 1);
    return size + strlen(before);
}

static void test_diffs_can_be_applied(void **state) {
    uint64_t seed = 42;
    (void)state;
    for (int turn = 0; turn < 2000; turn++) {
        char before[512], after[512], made[1024];
        char *ends[2] = {before, after};
        for (int text = 0; text < 2; text++) {
            const unsigned count = (unsigned)(next_random(&seed) % 24);
            for (unsigned i = 0; i < count; i++)
                ends[text] += sprintf(ends[text], "%c\n", 'a' + (char)(next_random(&seed) % 4));
            *ends[text] = '\0';
        }
        asm_buffer out;
        asm_buffer_init_growing(&out);
        diff_append(&out, asm_str_from(before), asm_str_from(after), NULL);
        asm_buffer_append_byte(&out, '\0');
        apply(before, out.data, made);
        expect(strcmp(made, after) == 0, "turn %d", turn);
        asm_buffer_close(&out);
    }
    end_of_cases();
}

/* ---- Processes ---- */

static int64_t monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Looks until it has ended, and gives what it printed. */
static void await(struct process *process, asm_buffer *out) {
    while (!process_look(process, monotonic(), NULL)) {
        struct pollfd output = {process->output, POLLIN, 0};
        poll(&output, 1, 5);
    }
    asm_buffer_clear(out);
    process_append_output(process, out);
}

static void run(const fixture *self, struct process *process, const char *command, int seconds,
                asm_buffer *out) {
    assert_true(process_start(process, &self->folder, command, monotonic() + (int64_t)seconds * 1000000));
    await(process, out);
}

static void test_commands(void **state) {
    const fixture *self = (const fixture *)*state;
    struct process process;
    asm_buffer out;
    asm_buffer_init_growing(&out);
    run(self, &process, "echo out; echo err >&2; cat a; cat; exit 3", 20, &out); /* no input */
    expect(process.end == PROCESS_EXITED && process.code == 3, "%d %d", process.end, process.code);
    expect(asm_str_equal(asm_buffer_text(&out), ASM_STR("out\nerr\na\n")), "%s",
           shown(asm_buffer_text(&out)));
    process_close(&process);
    run(self, &process, "kill -TERM $$", 20, &out);
    expect(process.end == PROCESS_SIGNALED && process.code == SIGTERM, "%d %d", process.end, process.code);
    process_close(&process);
    run(self, &process, "tty < /dev/tty", 20, &out);
    expect(process.end == PROCESS_EXITED && process.code != 0, "it has a terminal");
    process_close(&process);
    run(self, &process, "seq 1 20000", 20, &out);
    expect(out.size < PROCESS_HEAD + PROCESS_TAIL + 100 && out.size > PROCESS_HEAD + PROCESS_TAIL, "%zu",
           out.size);
    asm_buffer_append_byte(&out, '\0');
    expect(strncmp(out.data, "1\n2\n", 4) == 0 && strstr(out.data, " bytes left out ...]\n") &&
               strstr(out.data, "\n20000\n"),
           "%s", shown(asm_buffer_text(&out)));
    process_close(&process);
    run(self, &process, "line=$(seq 1 2000); while :; do echo \"$line\"; done", 20, &out);
    expect(process.end == PROCESS_TOO_MUCH, "%d", process.end);
    process_close(&process);
    asm_buffer_close(&out);
    end_of_cases();
}

static void test_what_a_command_has_started_ends_with_it(void **state) {
    const fixture *self = (const fixture *)*state;
    const struct timespec pause = {1, 500000000};
    struct process process;
    struct stat status;
    asm_buffer out;
    asm_buffer_init_growing(&out);
    const int64_t begin = monotonic();
    run(self, &process, "(sleep 1; touch late_1) & (trap '' TERM; sleep 1; touch late_2) & sleep 60", 0,
        &out);
    expect(process.end == PROCESS_TIMED_OUT, "%d", process.end);
    process_close(&process);
    run(self, &process, "(sleep 1; touch late_3) & echo started", 20, &out);
    expect(process.end == PROCESS_EXITED && out.size > 0, "%d", process.end);
    process_close(&process);
    assert_true(
        process_start(&process, &self->folder, "(sleep 1; touch late_4) & sleep 60", monotonic() + 60000000));
    process_close(&process);
    expect(monotonic() - begin < 15000000, "it was waited for");
    nanosleep(&pause, NULL);
    expect(stat(path_of(self, "inside/late_1"), &status) != 0 &&
               stat(path_of(self, "inside/late_2"), &status) != 0 &&
               stat(path_of(self, "inside/late_3"), &status) != 0 &&
               stat(path_of(self, "inside/late_4"), &status) != 0,
           "something went on");
    asm_buffer_close(&out);
    end_of_cases();
}

static void test_a_command_ends_with_the_program(void **state) {
    const fixture *self = (const fixture *)*state;
    const struct timespec pause = {1, 500000000};
    struct process process;
    struct stat status;
    const pid_t id = fork();
    if (id == 0) {
        notices = -1;
        process_start(&process, &self->folder, "(sleep 1; touch late_1) & sleep 1; touch late_2; sleep 60",
                      monotonic() + 60000000);
        const struct timespec moment = {0, 100000000};
        nanosleep(&moment, NULL);
        kill(getpid(), SIGKILL);
    }
    assert_int_equal(waitpid(id, NULL, 0), id);
    nanosleep(&pause, NULL);
    assert_true(stat(path_of(self, "inside/late_1"), &status) != 0 &&
                stat(path_of(self, "inside/late_2"), &status) != 0);
}

/* ---- Searching ---- */

static void search_for(const fixture *self, struct search *search, int seconds, struct process *process,
                       asm_buffer *out) {
    const char *path = search->path && *search->path ? search->path : ".";
    assert_null(folder_find(&self->folder, asm_str_from(path), false, &search->place));
    assert_true(process_start_function(process, search_run, search, search->place.directory,
                                       monotonic() + (int64_t)seconds * 1000000));
    place_close(&search->place);
    await(process, out);
}

static void expect_found(const fixture *self, struct search search, const char *expected) {
    struct process process;
    asm_buffer out;
    asm_buffer_init_growing(&out);
    search_for(self, &search, 20, &process, &out);
    expect(asm_str_equal(asm_buffer_text(&out), asm_str_from(expected)), "%s", shown(asm_buffer_text(&out)));
    process_close(&process);
    asm_buffer_close(&out);
}

static void test_search(void **state) {
    const fixture *self = (const fixture *)*state;
    put(self, "inside/x.c", "int one;\nint two;\nlast one");
    put(self, "inside/sub/y.c", "INT three;\n");
    put(self, "inside/sub/y.h", "int four;\n");
    assert_int_equal(mkdir(path_of(self, "inside/.git"), 0777), 0);
    put(self, "inside/.git/config", "int five;\n");
    link_to(self, "inside/away", "../outside");
    link_to(self, "inside/secret", "../outside/secret");
    assert_int_equal(mkfifo(path_of(self, "inside/fifo"), 0600), 0);
    expect_found(self, (struct search){.path = "", .pattern = "^int"},
                 "sub/y.h:1:int four;\nx.c:1:int one;\nx.c:2:int two;\n");
    expect_found(self, (struct search){.path = "", .pattern = "^int", .ignores_case = true, .glob = "*.c"},
                 "sub/y.c:1:INT three;\nx.c:1:int one;\nx.c:2:int two;\n");
    expect_found(self, (struct search){.path = "x.c", .pattern = "one"}, "x.c:1:int one;\nx.c:3:last one\n");
    expect_found(self, (struct search){.path = "sub", .pattern = "four"}, "sub/y.h:1:int four;\n");
    expect_found(self, (struct search){.path = "", .pattern = "secret"}, "");
    expect_found(self, (struct search){.path = ""}, ".git/\na\naway@\nfifo|\nsecret@\nsub/\nx.c\n");
    expect_found(self, (struct search){.path = "", .glob = "*.h", .is_deep = true}, "sub/y.h\n");
    expect_found(self, (struct search){.path = "sub"}, "sub/b\nsub/y.c\nsub/y.h\n");
    end_of_cases();
}

static void test_search_ends(void **state) {
    const fixture *self = (const fixture *)*state;
    struct process process;
    asm_buffer out;
    char line[4096];
    asm_buffer_init_growing(&out);
    memset(line, 'a', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    put(self, "inside/hard", line);
    struct search bad = {.path = "", .pattern = "a("};
    search_for(self, &bad, 20, &process, &out);
    expect(process.end == PROCESS_EXITED && process.code == 2 && out.size > 10, "%d", process.code);
    process_close(&process);
    const int64_t begin = monotonic();
    struct search hard = {.path = "", .pattern = "^((a*)*\\2\\1)*(a*)*\\3b$"};
    search_for(self, &hard, 1, &process, &out);
    expect(monotonic() - begin < 15000000, "it went on and on");
    process_close(&process);
    struct search large = {.path = "", .pattern = "((((a{1,200}){1,200}){1,200}){1,200})"};
    search_for(self, &large, 1, &process, &out);
    expect(monotonic() - begin < 30000000, "it went on and on");
    process_close(&process);
    asm_buffer_close(&out);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_path_leads_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paths_within_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_are_replaced_whole, set_up, tear_down),
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_diffs_can_be_applied),
        cmocka_unit_test_setup_teardown(test_commands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_command_has_started_ends_with_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_command_ends_with_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_search_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
