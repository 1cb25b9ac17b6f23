/* asm-tee as it is run, between this test as the editor and this test as the agent: a second person approves on a terminal
 * and on the page; it, either side, and the process of the copy are killed while large messages pass; memory; ends. */
#include "live_support.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* These are hidden when only POSIX is asked for. */
extern int posix_openpt(int flags);
extern int grantpt(int fd);
extern int unlockpt(int fd);
extern char *ptsname(int fd);

enum { PATIENCE = 30000, LARGE = 5 << 20, MAX_WORDS = 16, KILLS = 8 };

static const char *program; /* build/asm-tee */
static uint64_t chance = 20261126;

/* asm-tee with both of its sides. */
typedef struct tee {
    char directory[64];
    pid_t pid;
    int to, from; /* as the editor */
    int agent_out, agent_in;
    int terminal;    /* where the second person sits; -1: none */
    asm_buffer seen; /* on the terminal */
    unsigned port;   /* of the page */
    char token[80];
} tee;

static const char *path_in(const tee *self, const char *name) {
    static char paths[4][128];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", self->directory, name);
    return path;
}

static void begin(tee *self) {
    memset(self, 0, sizeof *self);
    self->to = self->from = self->agent_in = self->agent_out = self->terminal = -1;
    strcpy(self->directory, "/tmp/asm-tee-test-XXXXXX");
    assert_non_null(mkdtemp(self->directory));
    assert_int_equal(mkfifo(path_in(self, "out"), 0600), 0);
    assert_int_equal(mkfifo(path_in(self, "in"), 0600), 0);
    asm_buffer_init_growing(&self->seen);
}

/* Starts `words`, NULL after the last, with pipes for its standard input and output. */
static void start_words(tee *self, char **words) {
    int in[2], out[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    self->pid = fork();
    assert_true(self->pid >= 0);
    if (self->pid == 0) {
        const int errors = open(path_in(self, "errors"), O_WRONLY | O_CREAT | O_APPEND, 0600);
        setenv("XDG_STATE_HOME", self->directory, 1);
        setenv("TERM", "xterm", 1);
        signal(SIGPIPE, SIG_DFL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(errors, STDERR_FILENO);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        close(errors);
        if (self->agent_in >= 0) close(self->agent_in);
        execv(words[0], words);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    self->to = in[1];
    self->from = out[0];
    fcntl(self->to, F_SETFD, FD_CLOEXEC);
    fcntl(self->from, F_SETFD, FD_CLOEXEC);
}

/* Starts asm-tee with options, NULL after the last, between this test and this test. */
static void start(tee *self, const char *const *options) {
    char *words[MAX_WORDS], agent_out[128], agent_in[128];
    size_t count = 0;
    words[count++] = (char *)(uintptr_t)program;
    while (*options)
        words[count++] = (char *)(uintptr_t)*options++;
    snprintf(agent_out, sizeof agent_out, "%s", path_in(self, "out"));
    snprintf(agent_in, sizeof agent_in, "%s", path_in(self, "in"));
    static char dashes[] = "--", sh[] = "sh", c[] = "-c", script[] = "cat \"$1\" & cat > \"$2\"; wait";
    char *const rest[] = {dashes, sh, c, script, sh, agent_out, agent_in, NULL};
    for (size_t i = 0; i < COUNT(rest); i++)
        words[count++] = rest[i];
    start_words(self, words);
    self->agent_out = open(agent_out, O_WRONLY | O_CLOEXEC);
    self->agent_in = open(agent_in, O_RDONLY | O_CLOEXEC);
    assert_true(self->agent_out >= 0 && self->agent_in >= 0);
}

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Both sides have ended: so has it. Returns its exit status. */
static int finish(tee *self) {
    char command[128];
    int status = 0;
    close_fd(&self->to);
    close_fd(&self->agent_out);
    close_fd(&self->agent_in);
    close_fd(&self->from);
    assert_int_equal(waitpid(self->pid, &status, 0), self->pid);
    close_fd(&self->terminal);
    asm_buffer_close(&self->seen);
    snprintf(command, sizeof command, "rm -rf '%s'", self->directory);
    assert_int_equal(system(command), 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void put(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (int)strlen(text));
}

static bool can_read(int fd, int patience) {
    struct pollfd polled = {fd, POLLIN, 0};
    return poll(&polled, 1, patience) > 0;
}

/* The next bytes of a side are these. */
static void expect_bytes(int fd, const char *expected) {
    char got[4096];
    size_t size = 0;
    const size_t wanted = strlen(expected);
    assert_true(wanted < sizeof got);
    while (size < wanted && can_read(fd, PATIENCE)) {
        const ssize_t more = read(fd, got + size, wanted - size);
        if (more <= 0) break;
        size += (size_t)more;
    }
    expect(size == wanted && memcmp(got, expected, wanted) == 0, "%s instead of %s",
           shown(asm_str_make(got, size)), expected);
}

/* ---- The second person, on a terminal ---- */

static void open_terminal(tee *self, char *option, size_t size) {
    self->terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (self->terminal < 0) skip(); /* a chroot without /dev/pts */
    fcntl(self->terminal, F_SETFD, FD_CLOEXEC);
    assert_int_equal(grantpt(self->terminal), 0);
    assert_int_equal(unlockpt(self->terminal), 0);
    snprintf(option, size, "--terminal=%s", ptsname(self->terminal));
}

/* Waits until the terminal shows a text, and forgets what stands there up to its end. */
static void await(tee *self, const char *text) {
    char bytes[4096];
    const char *found;
    const int64_t end = milliseconds() + PATIENCE;
    while ((found = strstr(text_in(&self->seen), text)) == NULL && milliseconds() < end) {
        if (!can_read(self->terminal, 100)) continue;
        const ssize_t size = read(self->terminal, bytes, sizeof bytes);
        if (size > 0) asm_buffer_append(&self->seen, asm_str_make(bytes, (size_t)size));
    }
    expect(found != NULL, "%s is not shown: %s", text, shown(asm_buffer_text(&self->seen)));
    if (!found) return;
    const size_t past = (size_t)(found - self->seen.data) + strlen(text);
    memmove(self->seen.data, self->seen.data + past, self->seen.size - past);
    self->seen.size -= past;
}

#define CALL                                                                                                 \
    "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{\"sessionId\":\"s1\",\"update\":{"       \
    "\"sessionUpdate\":\"tool_call\",\"toolCallId\":\"c1\",\"title\":\"remove\\u001b[2J\\n\\u25cf 9\","      \
    "\"rawInput\":{\"command\":\"rm -rf\\n? y 2\"}}}}\n"
#define ASK(id)                                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"session/request_permission\",\"params\":{"              \
    "\"sessionId\":\"s1\",\"toolCall\":{\"toolCallId\":\"c1\",\"content\":[7]},\"options\":["                \
    "{\"optionId\":\"y\",\"name\":\"Y\",\"kind\":\"allow_once\"},"                                           \
    "{\"optionId\":\"n\",\"name\":\"N\",\"kind\":\"reject_once\"}]}}\n"
#define SELECT(id, option)                                                                                   \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                                        \
    ",\"result\":{\"outcome\":{\"outcome\":\"selected\",\"optionId\":\"" option "\"}}}\n"
#define CANCELLED(id)                                                                                        \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{\"outcome\":{\"outcome\":\"cancelled\"}}}\n"
#define WITHDRAW(id)                                                                                         \
    "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancel_request\",\"params\":{\"requestId\":" id "}}\n"
#define REFUSED(id)                                                                                          \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-32800,\"message\":\"cancelled\"}}\n"

static void test_on_a_terminal(void **state) {
    char option[128];
    tee self;
    (void)state;
    begin(&self);
    open_terminal(&self, option, sizeof option);
    start(&self, (const char *const[]){"--approve=terminal", option, "--view", NULL});
    put(self.agent_out, CALL ASK("7"));
    expect_bytes(self.from, CALL ASK("7"));
    await(&self, " 1: may the agent do this?");
    await(&self, "\xE2\x94\x82 remove\xE2\x90\x9B[2J"); /* the escape is shown as one */
    await(&self, "command: \"rm -rf\\n? y 2\"");
    await(&self, "content: [7]"); /* what else is told of the call */
    await(&self, "y 1 = yes, n 1 = no");
    expect(!strchr(self.seen.data, '\x1b'), "%s", shown(asm_buffer_text(&self.seen)));
    put(self.terminal, "y\ny 2\nyes 1\ny 1 now\nn1x\n");
    for (int i = 0; i < 5; i++)
        await(&self, "y 1 or n 1?");
    put(self.terminal, "y 1\n");
    expect_bytes(self.agent_in, SELECT("7", "y"));
    expect_bytes(self.from, WITHDRAW("7"));
    await(&self, "1: yes");
    put(self.to, REFUSED("7") "{\"id\":1,\"result\":{}}\n");
    expect_bytes(self.agent_in, "{\"id\":1,\"result\":{}}\n");
    /* the editor is first, and what was typed for its question is none for the next */
    put(self.agent_out, ASK("\"x\"") ASK("9"));
    await(&self, "y 2 = yes");
    put(self.terminal, "y 2");
    put(self.to, SELECT("\"x\"", "n"));
    expect_bytes(self.agent_in, SELECT("\"x\"", "n"));
    await(&self, "2 is not asked any more");
    await(&self, "y 3 = yes");
    put(self.terminal, "\n");
    await(&self, "y 3 or n 3?");
    put(self.terminal, "n 3 because\n");
    await(&self, "not taken: the protocol of this agent has no words for why not");
    put(self.terminal, "n3\n");
    expect_bytes(self.agent_in, SELECT("9", "n"));
    put(self.agent_out, ASK("10"));
    await(&self, "y 4 = yes");
    close_fd(&self.agent_out);
    close_fd(&self.to);
    await(&self, "4 is not asked any more");
    assert_int_equal(finish(&self), 0);
    end_of_cases();
}

static const char claude_asks[] =
    "{\"type\":\"control_request\",\"request_id\":\"r1\",\"request\":{\"subtype\":\"can_use_tool\","
    "\"tool_name\":\"Bash\",\"input\":{\"command\":\"ls\"},\"tool_use_id\":\"t1\"},\"session_id\":\"s1\"}\n";

/* Claude's own words; it can be told why not. */
static void test_claude_on_a_terminal(void **state) {
    char option[128];
    tee self;
    (void)state;
    begin(&self);
    open_terminal(&self, option, sizeof option);
    start(&self, (const char *const[]){"--approve=terminal", "--from=claude", option, NULL});
    put(self.agent_out, claude_asks);
    expect_bytes(self.from, claude_asks);
    await(&self, "n 1 WHY = no");
    put(self.terminal, "n 1 not on Friday\n");
    expect_bytes(self.agent_in,
                 "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"r1\","
                 "\"response\":{\"behavior\":\"deny\",\"message\":\"not on Friday\"}}}\n");
    expect_bytes(self.from, "{\"type\":\"control_cancel_request\",\"request_id\":\"r1\"}\n");
    assert_int_equal(finish(&self), 0);
    end_of_cases();
}

/* ---- The second person, on the page ---- */

/* What stands on standard error, once there is a line; valid until the next call. */
static const char *read_errors(const tee *self) {
    static char text[512];
    size_t size = 0;
    text[0] = 0;
    for (const int64_t end = milliseconds() + PATIENCE; !strchr(text, '\n') && milliseconds() < end;
         poll(NULL, 0, 20)) {
        FILE *file = fopen(path_in(self, "errors"), "r");
        if (!file) continue;
        size = fread(text, 1, sizeof text - 1, file);
        text[size] = 0;
        fclose(file);
    }
    return text;
}

/* Whether there is a page, and a way to it: a machine may have no network at all. */
static bool has_page(void) {
    tee self;
    static char live[] = "--live=0", dashes[] = "--", sh[] = "sh", c[] = "-c", nothing[] = "cat";
    char *words[] = {(char *)(uintptr_t)program, live, dashes, sh, c, nothing, NULL};
    begin(&self);
    start_words(&self, words);
    const char *place = strstr(read_errors(&self), "http://127.0.0.1:");
    const int fd = place ? connect_to((unsigned)strtoul(place + 17, NULL, 10)) : -1;
    if (fd >= 0) close(fd);
    finish(&self);
    return fd >= 0;
}

/* What the page answers to a request: its status; the body in `seen`. */
static int ask_page(tee *self, const char *method, const char *path, const char *body) {
    char request[1024];
    answer got;
    const int fd = connect_to(self->port);
    assert_true(fd >= 0);
    snprintf(request, sizeof request,
             "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\nContent-Type: "
             "application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             method, path, self->port, self->token, strlen(body), body);
    answer_begin(&got, fd);
    put(fd, request);
    for (const int64_t end = milliseconds() + PATIENCE; !got.is_over && milliseconds() < end;)
        if (can_read(got.fd, 100)) answer_read(&got, SIZE_MAX);
    asm_buffer_clear(&self->seen);
    asm_buffer_append(&self->seen, asm_buffer_text(&got.body));
    const int status = got.status;
    answer_end(&got);
    return status;
}

static void await_row(tee *self, const char *part) {
    for (const int64_t end = milliseconds() + PATIENCE; milliseconds() < end; poll(NULL, 0, 20))
        if (ask_page(self, "GET", "/api/list", "") == 200 && strstr(text_in(&self->seen), part)) return;
    expect(false, "%s is not in %s", part, shown(asm_buffer_text(&self->seen)));
}

static void expect_status(tee *self, const char *body, int expected) {
    const int status = ask_page(self, "POST", "/api/sessions/s1/resume", body);
    expect(status == expected, "%d for %s: %s", status, body, shown(asm_buffer_text(&self->seen)));
}

static void begin_page(tee *self, const char *const *options) {
    begin(self);
    start(self, options);
    assert_int_equal(
        sscanf(read_errors(self), "http://127.0.0.1:%u/?token=%79[0-9a-f]\n", &self->port, self->token), 2);
}

/* What cannot be done is not offered. */
static void test_claude_on_the_page(void **state) {
    tee self;
    (void)state;
    if (!has_page()) skip();
    begin_page(&self, (const char *const[]){"--approve=page", "--live=0", "--from=claude", NULL});
    put(self.agent_out, claude_asks);
    await_row(&self, "\"actions\":[\"resume\"]");
    const int status = ask_page(&self, "POST", "/api/sessions/s1/cancel", "{}");
    expect(status == 403, "%d: %s", status, shown(asm_buffer_text(&self.seen)));
    assert_int_equal(finish(&self), 0);
    end_of_cases();
}

static void test_on_the_page(void **state) {
    tee self;
    (void)state;
    if (!has_page()) skip();
    begin_page(&self, (const char *const[]){"--approve=page", "--live=0", NULL});
    put(self.agent_out,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":1,\"agentCapabilities\":{}}}\n");
    put(self.agent_out, CALL ASK("7"));
    await_row(&self, "\"interrupt\":1,\"tool_call_id\":\"c1\",\"request_id\":\"7\"");
    await_row(&self, "\"actions\":[\"resume\",\"cancel\"]");
    await_row(&self, "\"total\":1"); /* what came before it had a name is no session */
    expect_status(&self, "{\"interrupt\":2,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"approve\"}]}",
                  409);
    expect_status(&self, "{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c2\",\"type\":\"approve\"}]}",
                  409);
    expect_status(&self,
                  "{\"interrupt\":1,\"request_id\":\"8\",\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":"
                  "\"approve\"}]}",
                  409);
    expect_status(
        &self,
        "{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"edit\",\"arguments\":{}}]}",
        422);
    expect_status(
        &self,
        "{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"reject\",\"message\":\"no\"}]}",
        422);
    expect_status(&self, "{\"interrupt\":1,\"decisions\":[]}", 422);
    expect_status(&self, "{\"interrupt\":1,\"answer\":\"yes\"}", 422);
    expect_status(&self,
                  "{\"interrupt\":1,\"request_id\":\"7\",\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":"
                  "\"approve\"}]}",
                  200);
    expect_bytes(self.agent_in, SELECT("7", "y"));
    expect_bytes(
        self.from,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":1,\"agentCapabilities\":{}}}\n" CALL
            ASK("7") WITHDRAW("7"));
    expect_status(&self, "{\"interrupt\":1,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"reject\"}]}",
                  409);
    put(self.to, REFUSED("7"));
    put(self.agent_out, ASK("8"));
    await_row(&self, "\"interrupt\":2");
    const int status = ask_page(&self, "POST", "/api/sessions/s1/cancel", "{}");
    expect(status == 200, "%d: %s", status, shown(asm_buffer_text(&self.seen)));
    expect_bytes(
        self.agent_in,
        "{\"jsonrpc\":\"2.0\",\"method\":\"session/cancel\",\"params\":{\"sessionId\":\"s1\"}}\n" CANCELLED(
            "8"));
    expect_bytes(self.from, ASK("8") WITHDRAW("8"));
    assert_int_equal(finish(&self), 0);
    end_of_cases();
}

/* ---- Ends ---- */

static bool is_over(int fd) {
    char byte;
    return can_read(fd, PATIENCE) && read(fd, &byte, 1) == 0;
}

/* Each side sees the other one end as without it. */
static void test_half_closed(void **state) {
    tee self;
    (void)state;
    begin(&self);
    start(&self, (const char *const[]){NULL});
    close_fd(&self.to); /* the editor has said all, and listens */
    expect(is_over(self.agent_in), "the agent does not see the end");
    put(self.agent_out, "late\n");
    expect_bytes(self.from, "late\n");
    assert_int_equal(finish(&self), 0);

    begin(&self); /* the agent has said all, and listens */
    static char script[] = "exec >&-; cat > \"$0/heard\"; exit 5", sh[] = "/bin/sh", c[] = "-c",
                dashes[] = "--";
    char *words[] = {(char *)(uintptr_t)program, dashes, sh, c, script, self.directory, NULL};
    start_words(&self, words);
    expect(is_over(self.from), "the editor does not see the end");
    put(self.to, "more\n");
    close_fd(&self.to);
    assert_int_equal(finish(&self), 5);

    begin(&self); /* the agent does not listen any more, and talks */
    static char deaf[] = "exec <&-; while [ ! -e \"$0/go\" ]; do sleep 0.1; done; echo bye";
    words[4] = deaf;
    words[5] = self.directory;
    start_words(&self, words);
    const int64_t end = milliseconds() + PATIENCE; /* what is written there goes nowhere */
    while (write(self.to, "x\n", 2) == 2 && milliseconds() < end)
        poll(NULL, 0, 20);
    expect(errno == EPIPE && milliseconds() < end, "%s", strerror(errno));
    close(open(path_in(&self, "go"), O_WRONLY | O_CREAT, 0600));
    expect_bytes(self.from, "bye\n");
    assert_int_equal(finish(&self), 0);
    end_of_cases();
}

/* ---- Large messages, while somebody is killed ---- */

/* Sends both ways at once, in pieces of any size, until both sides have all, or have seen an end. Returns how much the agent
 * has, and the editor. All of it has to be what was sent. */
static void talk(tee *self, const char *message, size_t heard[2], int64_t stop) {
    size_t said[2] = {0, 0};
    static char got[65536];
    int *const to[] = {&self->to, &self->agent_out}, *const from[] = {&self->agent_in, &self->from};
    heard[0] = heard[1] = 0;
    for (int i = 0; i < 2; i++) {
        fcntl(*to[i], F_SETFL, O_NONBLOCK);
        fcntl(*from[i], F_SETFL, O_NONBLOCK);
    }
    while ((heard[0] < LARGE || heard[1] < LARGE) && (*from[0] >= 0 || *from[1] >= 0) &&
           milliseconds() < stop) {
        struct pollfd polled[4];
        for (int i = 0; i < 2; i++) {
            polled[i] = (struct pollfd){said[i] < LARGE ? *to[i] : -1, POLLOUT, 0};
            polled[2 + i] = (struct pollfd){*from[i], POLLIN, 0};
        }
        if (poll(polled, 4, 50) <= 0) continue;
        for (int i = 0; i < 2; i++) {
            const size_t most = 1 + (size_t)(next_random(&chance) % 100000);
            if (polled[i].revents) {
                const ssize_t size =
                    write(*to[i], message + said[i], LARGE - said[i] < most ? LARGE - said[i] : most);
                if (size > 0) said[i] += (size_t)size;
                else if (errno != EAGAIN) close_fd(to[i]);
            }
            if (!polled[2 + i].revents) continue;
            const ssize_t size = read(*from[i], got, sizeof got);
            if (size <= 0) {
                close_fd(from[i]);
                continue;
            }
            expect(heard[i] + (size_t)size <= LARGE && memcmp(got, message + heard[i], (size_t)size) == 0,
                   "other bytes, way %d at %zu", i, heard[i]);
            heard[i] += (size_t)size;
        }
    }
}

static char *large_message(void) {
    static const char begin_of_it[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"";
    char *message = (char *)malloc(LARGE);
    assert_non_null(message);
    for (size_t i = 0; i < LARGE; i++)
        message[i] = (char)('a' + next_random(&chance) % 26);
    memcpy(message, begin_of_it, sizeof begin_of_it - 1);
    memcpy(message + LARGE - 3, "\"}\n", 3);
    return message;
}

/* The process of the copy: the only child of the tee that is asm-tee. 0: not found. */
static pid_t copy_process(pid_t parent) {
    char command[128], text[32] = "";
    snprintf(command, sizeof command, "pgrep -P %ld -x asm-tee 2>/dev/null", (long)parent);
    FILE *out = popen(command, "r");
    if (!out) return 0;
    if (!fgets(text, sizeof text, out)) text[0] = 0;
    pclose(out);
    return (pid_t)atol(text);
}

static void test_large_both_ways(void **state) {
    char log[128];
    char *message = large_message();
    tee self;
    size_t heard[2];
    (void)state;
    for (int way = 0; way < 3; way++) { /* alone; with a copy that is killed; with a gate */
        begin(&self);
        snprintf(log, sizeof log, "--jsonl=%s", path_in(&self, "log"));
        if (way < 2) start(&self, (const char *const[]){log, NULL});
        else {
            char option[128];
            open_terminal(&self, option, sizeof option);
            start(&self, (const char *const[]){log, "--approve=terminal", option, NULL});
        }
        const pid_t copy = way == 1 ? copy_process(self.pid) : 0;
        if (copy > 0) kill(copy, SIGKILL);
        talk(&self, message, heard, milliseconds() + PATIENCE);
        expect(heard[0] == LARGE && heard[1] == LARGE, "way %d: %zu, %zu", way, heard[0], heard[1]);
        assert_int_equal(finish(&self), 0);
    }
    free(message);
    end_of_cases();
}

/* Reads what is left of `fd`, and beside it what comes from the other side, which nobody may keep waiting: whether there
 * is an end. */
static bool is_over_at_last(int fd, int beside) {
    static char rest[65536];
    struct pollfd polled[] = {{fd, POLLIN, 0}, {beside, POLLIN, 0}};
    fcntl(fd, F_SETFL, 0);
    while (poll(polled, 2, PATIENCE) > 0) {
        if (polled[1].revents && read(beside, rest, sizeof rest) <= 0) polled[1].fd = -1;
        if (polled[0].revents && read(fd, rest, sizeof rest) <= 0) return true;
    }
    return false;
}

/* Ends a process after a while. Returns who does it. */
static pid_t kill_later(pid_t pid, int wait, int number) {
    const pid_t killer = fork();
    if (killer == 0) {
        poll(NULL, 0, wait);
        kill(pid, number);
        _exit(0);
    }
    assert_true(killer > 0);
    return killer;
}

/* It is ended while it is at work: what has come through is what was sent, and the agent sees an end. */
static void test_killed(void **state) {
    char *message = large_message();
    (void)state;
    for (int i = 0; i < KILLS; i++) {
        tee self;
        size_t heard[2];
        int status;
        begin(&self);
        start(&self, (const char *const[]){"--jsonl=/dev/null", NULL});
        const pid_t killer =
            kill_later(self.pid, (int)(next_random(&chance) % 30) + i % 20, i % 2 ? SIGKILL : SIGTERM);
        talk(&self, message, heard, milliseconds() + 150);
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        expect(self.agent_in < 0 || is_over_at_last(self.agent_in, self.from),
               "run %d: the agent waits for ever", i);
        status = finish(&self);
        expect(status == 128 + (i % 2 ? SIGKILL : SIGTERM) || status == 0, "run %d: %d", i, status);
    }
    free(message);
    end_of_cases();
}

/* An agent that says what it hears is killed: what the editor has is what was said, and it sees an end. */
static void kill_agent(const char *message, const char *log) {
    static char script[] = "echo $$ > \"$0/pid\"; exec cat", sh[] = "/bin/sh", c[] = "-c", dashes[] = "--";
    char *words[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)log, dashes, sh, c, script, NULL, NULL};
    char text[32] = "";
    tee self;
    size_t heard[2];
    begin(&self);
    words[6] = self.directory;
    start_words(&self, words);
    for (const int64_t end = milliseconds() + PATIENCE; !strchr(text, '\n') && milliseconds() < end;
         poll(NULL, 0, 10)) {
        FILE *file = fopen(path_in(&self, "pid"), "r");
        if (!file) continue;
        if (!fgets(text, sizeof text, file)) text[0] = 0;
        fclose(file);
    }
    assert_true(atol(text) > 0);
    const pid_t killer = kill_later((pid_t)atol(text), (int)(next_random(&chance) % 20), SIGKILL);
    talk(&self, message, heard, milliseconds() + PATIENCE);
    expect(self.from < 0 || heard[1] == LARGE, "the editor waits for ever, after %zu bytes", heard[1]);
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    assert_int_equal(finish(&self), 128 + SIGKILL);
}

/* An editor is killed: what the agent has is what was said, it sees an end, and nobody takes what it says. */
static void kill_editor(const char *message, const char *log) {
    tee self;
    size_t heard[2];
    begin(&self);
    start(&self, (const char *const[]){log, NULL});
    const pid_t editor = fork();
    if (editor == 0) {
        close_fd(&self.agent_in);
        close_fd(&self.agent_out);
        talk(&self, message, heard, milliseconds() + PATIENCE);
        poll(NULL, 0, PATIENCE);
        _exit(0);
    }
    close_fd(&self.to);
    close_fd(&self.from);
    const pid_t killer = kill_later(editor, (int)(next_random(&chance) % 20), SIGKILL);
    const int64_t end = milliseconds() + PATIENCE;
    talk(&self, message, heard, end);
    expect(self.agent_in < 0 || (heard[0] == LARGE && is_over(self.agent_in)), "the agent waits for ever");
    while (self.agent_out >= 0 && milliseconds() < end) {
        if (write(self.agent_out, "x\n", 2) < 0 && errno == EPIPE) close_fd(&self.agent_out);
        else poll(NULL, 0, 1);
    }
    expect(self.agent_out < 0, "what the agent says is taken by nobody");
    assert_int_equal(waitpid(editor, NULL, 0), editor);
    assert_int_equal(waitpid(killer, NULL, 0), killer);
    finish(&self);
}

static void test_one_side_is_killed(void **state) {
    char *message = large_message();
    (void)state;
    for (int i = 0; i < KILLS / 2; i++) {
        kill_agent(message, i % 2 ? "--jsonl=/dev/null" : "--view");
        kill_editor(message, i % 2 ? "--jsonl=/dev/null" : "--view");
    }
    free(message);
    end_of_cases();
}

/* ---- Memory ---- */

/* Of a process, at most so far, in KiB; 0: not known here. */
static long most_memory(pid_t pid) {
    char path[64], line[256];
    long size = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &size) == 1) break;
    fclose(file);
    return size;
}

/* An editor that does not read stops the agent, not only the tee; and no memory is taken for what waits. */
static void test_editor_that_does_not_read(void **state) {
    enum { MOST_ON_THE_WAY = 2 << 20, MOST_KB = 24 * 1024 };
    char *message = large_message();
    tee self;
    size_t written = 0;
    int64_t since = milliseconds();
    (void)state;
    begin(&self);
    start(&self, (const char *const[]){NULL});
    fcntl(self.agent_out, F_SETFL, O_NONBLOCK);
    while (milliseconds() - since < 500 && written < LARGE) {
        const ssize_t size = write(self.agent_out, message + written, LARGE - written);
        if (size > 0) {
            written += (size_t)size;
            since = milliseconds();
        } else poll(NULL, 0, 10);
    }
    expect(written < MOST_ON_THE_WAY, "%zu bytes are on the way", written);
    expect(most_memory(self.pid) < MOST_KB || getenv("WRAPPER"), "%ld KiB", most_memory(self.pid));
    for (size_t got = 0; got < written;) {
        static char bytes[65536];
        const ssize_t size = can_read(self.from, PATIENCE) ? read(self.from, bytes, sizeof bytes) : 0;
        expect(size > 0 && memcmp(bytes, message + got, (size_t)size) == 0, "at %zu", got);
        if (size <= 0) break;
        got += (size_t)size;
    }
    assert_int_equal(finish(&self), 0);
    free(message);
    end_of_cases();
}

/* A copy that nobody takes costs memory up to its limit; a file that may not grow is told of once. */
static void test_copy_that_goes_nowhere(void **state) {
    enum { MOST_KB = 220 * 1024 };
    char *message = large_message(), log[128];
    tee self;
    size_t heard[2];
    (void)state;
    begin(&self);
    assert_int_equal(mkfifo(path_in(&self, "stopped"), 0600), 0);
    const int stopped = open(path_in(&self, "stopped"), O_RDWR | O_CLOEXEC);
    snprintf(log, sizeof log, "--jsonl=%s", path_in(&self, "stopped"));
    start(&self, (const char *const[]){log, "--from=acp", NULL});
    for (int i = 0; i < 20; i++) {
        talk(&self, message, heard, milliseconds() + PATIENCE);
        expect(heard[0] == LARGE && heard[1] == LARGE, "%zu, %zu", heard[0], heard[1]);
    }
    expect(most_memory(self.pid) < MOST_KB, "%ld KiB", most_memory(self.pid));
    assert_int_equal(finish(&self), 0);
    close(stopped);

    begin(&self);
    static char script[] = "ulimit -f 1; exec \"$0\" --jsonl=\"$1/log\" -- cat \"$2\"", sh[] = "/bin/sh",
                c[] = "-c";
    static char session[] = "examples/data/claude_session.jsonl";
    char *words[] = {sh, c, script, (char *)(uintptr_t)program, self.directory, session, NULL};
    start_words(&self, words);
    while (read(self.from, message, LARGE) > 0)
        continue;
    const char *errors = read_errors(&self);
    expect(strstr(errors, "nothing more is written to it") != NULL, "%s", errors);
    assert_int_equal(finish(&self), 0);
    free(message);
    end_of_cases();
}

/* A standard descriptor that is closed is not taken for a pipe of its own. */
static void test_closed_standard_descriptors(void **state) {
    static char sh[] = "/bin/sh", c[] = "-c", session[] = "examples/data/claude_session.jsonl";
    static const struct {
        const char *closed;
        size_t size; /* of what passes at least */
    } cases[] = {{"<&-", 50000}, {"2>&-", 50000}, {">&-", 0}, {"<&- >&- 2>&-", 0}};
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        static char bytes[65536];
        tee self;
        char script[128];
        size_t got = 0;
        begin(&self);
        snprintf(script, sizeof script, "exec \"$0\" --jsonl=\"$1/log\" -- cat \"$2\" %s", cases[i].closed);
        char *words[] = {sh, c, script, (char *)(uintptr_t)program, self.directory, session, NULL};
        start_words(&self, words);
        const pid_t killer = kill_later(self.pid, PATIENCE, SIGKILL);
        for (ssize_t size; (size = read(self.from, bytes, sizeof bytes)) > 0;)
            got += (size_t)size;
        const int status = finish(&self);
        kill(killer, SIGKILL);
        assert_int_equal(waitpid(killer, NULL, 0), killer);
        expect(got >= cases[i].size && (status == 0 || (got == 0 && status == 128 + SIGPIPE)),
               "%s: %zu bytes, status %d", cases[i].closed, got, status);
    }
    end_of_cases();
}

int main(void) {
    const char *build = getenv("BUILD");
    static char path[256];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_on_a_terminal),
        cmocka_unit_test(test_claude_on_a_terminal),
        cmocka_unit_test(test_claude_on_the_page),
        cmocka_unit_test(test_on_the_page),
        cmocka_unit_test(test_half_closed),
        cmocka_unit_test(test_large_both_ways),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_one_side_is_killed),
        cmocka_unit_test(test_editor_that_does_not_read),
        cmocka_unit_test(test_copy_that_goes_nowhere),
        cmocka_unit_test(test_closed_standard_descriptors),
    };
    snprintf(path, sizeof path, "%s/asm-tee", build ? build : "build");
    program = path;
    signal(SIGPIPE, SIG_IGN);
    setenv("LC_ALL", "C.UTF-8", 1); /* the terminal has all symbols, wherever this runs */
    alarm(240);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
