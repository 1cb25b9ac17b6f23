/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-live as it is run: killed at random moments while it streams, it gives every viewer exactly the events of the log,
 * none twice, in order. LIVE_KILLS in the environment says how often it is killed. */
#include "live_support.h"

#include "asm_ingest.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { KILLS = 4, VIEWERS = 3, PATIENCE = 60000 };

static const char *program; /* build/asm-live */
static uint64_t chance = 20260318;

/* A run of asm-live. */
struct run {
    char directory[64], log[96], socket[96], file[96], token[80], port_option[32];
    const char *input; /* an option in place of the file and the socket; NULL: none */
    pid_t pid;
    int told;
    unsigned port;
};

static void begin_run(struct run *run) {
    memset(run, 0, sizeof *run);
    strcpy(run->directory, "/tmp/asm-live-test-XXXXXX");
    assert_non_null(mkdtemp(run->directory));
    snprintf(run->log, sizeof run->log, "%s/log", run->directory);
    assert_int_equal(mkdir(run->log, 0700), 0);
    snprintf(run->socket, sizeof run->socket, "%s/socket", run->directory);
    snprintf(run->file, sizeof run->file, "%s/session.jsonl", run->directory);
    strcpy(run->port_option, "--port=0");
}

static void end_run(struct run *run) {
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", run->directory);
    assert_int_equal(system(command), 0);
}

/* Starts the program, with the file or the socket, and reads where its page is. */
static void start(struct run *run, bool has_file) {
    char line[256] = "", input[128], log[112];
    int ends[2];
    size_t size = 0;
    ssize_t got;
    assert_int_equal(pipe(ends), 0);
    snprintf(input, sizeof input, has_file || run->input ? "%s" : "--socket=%s",
             run->input ? run->input
             : has_file ? run->file
                        : run->socket);
    snprintf(log, sizeof log, "--log=%s", run->log);
    run->pid = fork();
    assert_true(run->pid >= 0);
    if (run->pid == 0) {
        setenv("XDG_STATE_HOME", run->directory, 1);
        setenv("HOME", run->directory, 1);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(program, program, run->port_option, log, input, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    while (size < sizeof line - 1 && (got = read(ends[0], line + size, 1)) > 0 && line[size] != '\n')
        size++;
    close(ends[0]);
    if (sscanf(line, "http://127.0.0.1:%u/?token=%79[0-9a-f]", &run->port, run->token) != 2)
        print_error("it tells \"%s\"\n", line);
    assert_true(run->token[0] != 0);
    snprintf(run->port_option, sizeof run->port_option, "--port=%u", run->port); /* and so the next time */
}

static void stop(struct run *run, int number) {
    int status;
    assert_int_equal(kill(run->pid, number), 0);
    assert_int_equal(waitpid(run->pid, &status, 0), run->pid);
    if (number == SIGTERM) assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- Viewers that reconnect ---- */

struct viewer {
    answer got;
    stream_check check;
    bool is_open;
};

static void reconnect(const struct run *run, struct viewer *viewer) {
    char request[512];
    const int fd = connect_to(run->port);
    if (fd < 0) return;
    if (viewer->is_open) answer_end(&viewer->got);
    answer_begin(&viewer->got, fd);
    viewer->is_open = true;
    viewer->check.at = 0;
    const int size = snprintf(request, sizeof request,
                              "GET /api/events?session=s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                              "Authorization: Bearer %s\r\n%s%s%s\r\n",
                              run->port, run->token, viewer->check.id[0] ? "Last-Event-ID: " : "",
                              viewer->check.id, viewer->check.id[0] ? "\r\n" : "");
    if (write(fd, request, (size_t)size) != size) viewer->got.is_over = true;
}

/* Reads for some time; who is cut off comes back, as a browser does. */
static void read_viewers(const struct run *run, struct viewer *viewers, int64_t time) {
    const int64_t until = milliseconds() + time;
    do {
        for (size_t i = 0; i < VIEWERS; i++) {
            struct viewer *viewer = &viewers[i];
            if (!viewer->is_open || viewer->got.is_over ||
                (viewer->got.status != 0 && viewer->got.status != 200))
                reconnect(run, viewer);
            if (!viewer->is_open) continue;
            while (answer_read(&viewer->got, SIZE_MAX))
                continue;
            if (viewer->got.status == 200) check_frames(&viewer->check, &viewer->got);
        }
        poll(NULL, 0, 2);
    } while (milliseconds() < until);
}

static void forget_viewers(struct viewer *viewers) {
    for (size_t i = 0; i < VIEWERS; i++) {
        answer_end(&viewers[i].got);
        check_end(&viewers[i].check);
    }
}

/* ---- What has to be there ---- */

static void keep_event(void *user, const asm_event *event) {
    asm_buffer *log = (asm_buffer *)user;
    asm_event_write_json(event, log);
    asm_buffer_append_byte(log, '\n');
}

static void read_whole_file(const char *path, asm_buffer *out) {
    char block[65536];
    size_t size;
    FILE *file = fopen(path, "r");
    if (!file) return;
    while ((size = fread(block, 1, sizeof block, file)) > 0)
        asm_buffer_append(out, asm_str_make(block, size));
    fclose(file);
}

static bool all_have(const struct viewer *viewers, const asm_buffer *log) {
    for (size_t i = 0; i < VIEWERS; i++)
        if (viewers[i].check.log.size != log->size ||
            memcmp(viewers[i].check.log.data, log->data, log->size) != 0)
            return false;
    return true;
}

static void expect_all_have(const struct run *run, struct viewer *viewers, const asm_buffer *log) {
    const int64_t until = milliseconds() + PATIENCE;
    while (!all_have(viewers, log) && milliseconds() < until)
        read_viewers(run, viewers, 20);
    for (size_t i = 0; i < VIEWERS; i++) {
        assert_int_equal(viewers[i].check.wrong, 0);
        assert_int_equal(viewers[i].check.gaps, 0);
        assert_int_equal(viewers[i].check.resets, 0);
        assert_int_equal(viewers[i].check.log.size, log->size);
        assert_memory_equal(viewers[i].check.log.data, log->data, log->size);
    }
}

/* An event as a line; all of it depends on the number. Most are short, some are long. */
static size_t make_line(char *line, size_t room, unsigned number) {
    uint64_t random = number;
    const size_t longest = next_random(&random) % 16 == 0 ? 60000 : 300;
    const size_t size = (size_t)(next_random(&random) % longest);
    size_t used = (size_t)snprintf(
        line, room,
        "{\"ts\":\"2026-03-18T08:00:00Z\",\"type\":\"message_streamed\",\"data\":{\"delta\":\""
        "%u ",
        number);
    for (size_t i = 0; i < size; i++)
        line[used++] = (char)('a' + (i + number) % 26);
    used += (size_t)snprintf(
        line + used, room - used,
        "\",\"role\":\"assistant\",\"message_id\":\"m\"},\"session_id\":\"s\",\"run_id\":\"r\"}\n");
    return used;
}

static unsigned kills(void) {
    const char *wanted = getenv("LIVE_KILLS");
    return wanted ? (unsigned)strtoul(wanted, NULL, 10) : KILLS;
}

/* ---- Tests ---- */

/* An agent goes on writing its file while the page comes and goes. */
static void test_killed_while_it_follows_a_file(void **state) {
    static char line[70000];
    struct viewer viewers[VIEWERS];
    struct run run;
    asm_buffer expected, file;
    (void)state;
    memset(viewers, 0, sizeof viewers);
    begin_run(&run);
    FILE *out = fopen(run.file, "w");
    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    unsigned number = 0;
    for (size_t i = 0; i < VIEWERS; i++)
        check_begin(&viewers[i].check);
    for (unsigned round = 0; round <= kills(); round++) {
        start(&run, true);
        const int64_t until = milliseconds() + (int64_t)(next_random(&chance) % 400);
        do {
            const size_t size = make_line(line, sizeof line, ++number), half = next_random(&chance) % size;
            fwrite(line, 1, half, out);
            if (number % 7 == 0) read_viewers(&run, viewers, 3);
            fwrite(line + half, 1, size - half, out);
            read_viewers(&run, viewers, 1);
        } while (milliseconds() < until);
        if (round < kills()) stop(&run, SIGKILL);
    }
    fclose(out);
    asm_buffer_init_growing(&expected);
    asm_buffer_init_growing(&file);
    read_whole_file(run.file, &file);
    asm_ingest ingest;
    const asm_ingest_options options = {.on_event = keep_event, .user = &expected};
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, file.data, file.size, 0);
    asm_ingest_close(&ingest);
    assert_true(expected.size > 0);
    expect_all_have(&run, viewers, &expected);
    stop(&run, SIGTERM);
    forget_viewers(viewers);
    asm_buffer_close(&expected);
    asm_buffer_close(&file);
    end_run(&run);
}

static int connect_feed(const struct run *run) {
    struct sockaddr_un address;
    const int64_t until = milliseconds() + PATIENCE;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    strcpy(address.sun_path, run->socket);
    for (;;) {
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        if (connect(fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0) return fd;
        close(fd);
        assert_true(milliseconds() < until);
        poll(NULL, 0, 5);
    }
}

/* Events that come over a socket are in the log that the program keeps. What it had not taken when it was killed is the
 * sender's; what viewers have seen is in the log. */
static void test_killed_while_it_takes_events(void **state) {
    static char line[70000];
    struct viewer viewers[VIEWERS];
    struct run run;
    char path[128];
    asm_buffer log;
    unsigned number = 0;
    (void)state;
    memset(viewers, 0, sizeof viewers);
    begin_run(&run);
    for (size_t i = 0; i < VIEWERS; i++)
        check_begin(&viewers[i].check);
    for (unsigned round = 0; round <= kills(); round++) {
        start(&run, false);
        const int feed = connect_feed(&run);
        const int64_t until = milliseconds() + (int64_t)(next_random(&chance) % 400);
        do {
            const size_t size = make_line(line, sizeof line, ++number);
            for (size_t sent = 0; sent < size;) {
                const ssize_t written = send(feed, line + sent, size - sent, MSG_NOSIGNAL);
                assert_true(written > 0);
                sent += (size_t)written;
            }
            read_viewers(&run, viewers, 1);
        } while (milliseconds() < until);
        if (round < kills()) stop(&run, SIGKILL);
        if (round < kills()) close(feed);
    }
    snprintf(path, sizeof path, "%s/s.jsonl", run.log);
    read_viewers(&run, viewers, 300);
    asm_buffer_init_growing(&log);
    read_whole_file(path, &log);
    assert_true(log.size > 0);
    expect_all_have(&run, viewers, &log);
    stop(&run, SIGTERM);
    forget_viewers(viewers);
    asm_buffer_close(&log);
    end_run(&run);
}

/* Turns on the answer to a GET; the body stays until answer_end(). */
static answer get(const struct run *run, const char *path) {
    const int64_t until = milliseconds() + PATIENCE;
    char request[512];
    answer got;
    const int size = snprintf(request, sizeof request,
                              "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n\r\n",
                              path, run->port, run->token);
    answer_begin(&got, connect_to(run->port));
    assert_true(got.fd >= 0);
    assert_int_equal(write(got.fd, request, (size_t)size), size);
    while (!got.is_over && milliseconds() < until)
        if (!answer_read(&got, SIZE_MAX)) poll(NULL, 0, 2);
    assert_true(got.is_over);
    return got;
}

/* Until the answer has `part` in it. */
static void expect_soon(const struct run *run, const char *path, const char *part) {
    const int64_t until = milliseconds() + PATIENCE;
    for (;;) {
        answer got = get(run, path);
        const bool is_there = strstr(text_in(&got.body), part) != NULL;
        if (!is_there && milliseconds() >= until) print_error("%s: %s\n", path, got.body.data);
        answer_end(&got);
        if (is_there) return;
        assert_true(milliseconds() < until);
        poll(NULL, 0, 20);
    }
}

/* Each session is a file to be made, so that a megabyte of events can take seconds: others have their turn meanwhile. */
static void test_many_new_sessions_hold_nobody_up(void **state) {
    enum { SESSIONS = 20000, SOON = SESSIONS / 2 };
    struct run run;
    unsigned total = 0;
    (void)state;
    begin_run(&run);
    start(&run, false);
    const int feed = connect_feed(&run);
    const pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        static char lines[SESSIONS * 64];
        size_t size = 0;
        for (unsigned i = 0; i < SESSIONS; i++)
            size += (size_t)snprintf(lines + size, sizeof lines - size,
                                     "{\"type\":\"run_started\",\"data\":{},\"session_id\":\"s%u\"}\n", i);
        for (size_t done = 0; done < size;) {
            const ssize_t written = write(feed, lines + done, size - done);
            if (written < 0) break;
            done += (size_t)written;
        }
        _exit(0);
    }
    while (total == 0) {
        answer list = get(&run, "/api/list?limit=1");
        const char *told = strstr(text_in(&list.body), "\"total\":");
        assert_non_null(told);
        total = (unsigned)strtoul(told + 8, NULL, 10);
        answer_end(&list);
    }
    if (total >= SOON) print_error("%u sessions before an answer\n", total);
    assert_true(total < SOON);
    close(feed);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    stop(&run, SIGTERM);
    end_run(&run);
}

static const char says[] =
    "{\"type\":\"user\",\"cwd\":\"/srv/site\",\"sessionId\":\"11111111-2222-3333-4444-555555555555\","
    "\"uuid\":\"u-%u\",\"timestamp\":\"2026-03-18T08:00:0%u.000Z\",\"message\":"
    "{\"role\":\"user\",\"content\":\"Look at part %u\"}}\n";

/* What an agent keeps is listed before anybody has read it, read when somebody looks, and followed from then on. */
static void test_sessions_of_agents_are_read_on_demand(void **state) {
    struct run run;
    char path[256];
    (void)state;
    begin_run(&run);
    run.input = "--sessions";
    snprintf(path, sizeof path, "%s/.claude/projects/-srv-site", run.directory);
    for (char *slash = strchr(path + strlen(run.directory) + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash) *slash = 0;
        assert_int_equal(mkdir(path, 0700), 0);
        if (!slash) break;
        *slash = '/';
    }
    strcat(path, "/11111111-2222-3333-4444-555555555555.jsonl");
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    setvbuf(out, NULL, _IONBF, 0);
    fprintf(out, says, 1u, 1u, 1u);
    fprintf(out, says, 2u, 2u, 2u);
    start(&run, false);
    expect_soon(&run, "/api/list", "\"title\":\"Look at part 1\"");
    answer list = get(&run, "/api/list");
    assert_non_null(strstr(text_in(&list.body), "\"agent\":\"claude\""));
    assert_null(strstr(list.body.data, "\"events\":")); /* not read yet */
    answer_end(&list);
    answer history = get(&run, "/api/sessions/11111111-2222-3333-4444-555555555555/history");
    assert_int_equal(history.status, 200);
    assert_non_null(strstr(text_in(&history.body), "Look at part 2"));
    answer_end(&history);
    expect_soon(&run, "/api/list", "\"events\":");
    fprintf(out, says, 3u, 3u, 3u);
    expect_soon(&run, "/api/sessions/11111111-2222-3333-4444-555555555555/history", "Look at part 3");
    fclose(out);
    stop(&run, SIGTERM);
    end_run(&run);
}

int main(void) {
    const char *build = getenv("BUILD");
    static char path[256];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_while_it_follows_a_file),
        cmocka_unit_test(test_killed_while_it_takes_events),
        cmocka_unit_test(test_many_new_sessions_hold_nobody_up),
        cmocka_unit_test(test_sessions_of_agents_are_read_on_demand),
    };
    snprintf(path, sizeof path, "%s/asm-live", build ? build : "build");
    program = path;
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
