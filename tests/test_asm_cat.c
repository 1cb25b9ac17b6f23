/* asm-cat as its users see it: run as a process, by its options, files, output and exit status.
 * ASM_CAT names the program; the default is build/asm-cat. Golden files are looked for in tests/golden. */
#include "asm_render.h"
#include "asm_ingest.h"
#include "same_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* These are hidden when only POSIX is asked for. */
extern int posix_openpt(int flags);
extern int grantpt(int fd);
extern int unlockpt(int fd);
extern char *ptsname(int fd);
extern pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);

#define STARTED                                                                                              \
    "{\"ts\":\"2026-02-09T12:00:00.000Z\",\"type\":\"run_started\","                                         \
    "\"data\":{\"model\":\"claude-sonnet-4-5\"},\"session_id\":\"ses_1\",\"run_id\":\"run_7\"}\n"
#define HELLO                                                                                                \
    "{\"ts\":\"2026-02-09T12:00:01.000Z\",\"type\":\"message_streamed\","                                    \
    "\"data\":{\"delta\":\"Hello\"},\"session_id\":\"ses_1\",\"run_id\":\"run_7\"}\n"
#define TOOL_STARTED                                                                                         \
    "{\"ts\":\"2026-02-09T12:00:02.000Z\",\"type\":\"tool_call_started\","                                   \
    "\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"c1\",\"tool_input\":{\"path\":\"a.c\"}},"           \
    "\"session_id\":\"ses_1\",\"run_id\":\"run_7\"}\n"
#define TOOL_COMPLETED                                                                                       \
    "{\"ts\":\"2026-02-09T12:00:03.000Z\",\"type\":\"tool_call_completed\","                                 \
    "\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"c1\",\"tool_output\":\"one\\ntwo\\nthree\\nfour\"}" \
    ","                                                                                                      \
    "\"session_id\":\"ses_1\",\"run_id\":\"run_7\"}\n"
#define COMPLETED                                                                                            \
    "{\"ts\":\"2026-02-09T12:00:04.500Z\",\"type\":\"run_completed\","                                       \
    "\"data\":{\"stop_reason\":\"end_turn\"},\"session_id\":\"ses_1\",\"run_id\":\"run_7\"}\n"
#define ERROR   "{\"type\":\"error_occurred\",\"data\":{\"error_message\":\"oops\"}}\n"
#define SESSION STARTED HELLO TOOL_STARTED TOOL_COMPLETED COMPLETED

#define STUDIO_RUN(tools)                                                                                    \
    "  ● claude-sonnet-4-5 session started\n"                                                              \
    "\n    Hello\n"                                                                                          \
    "  ◐ Reading a.c\n"                                                                                    \
    "  ✓ Read a.c (4 lines)\n"                                                                             \
    "\n  ● Session complete (end_turn) — " tools ", 4.5s\n"
#define STUDIO_SESSION STUDIO_RUN("1 tool")

/* A Claude stream carries no times and, here, no session id. */
#define CLAUDE_BEGINS                                                                                        \
    "{\"type\":\"system\",\"subtype\":\"init\",\"model\":\"claude-opus-4-1\",\"cwd\":\"/"                    \
    "tmp\",\"tools\":[]}\n"                                                                                  \
    "{\"type\":\"assistant\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\","     \
    "\"model\":\"claude-opus-4-1\",\"content\":[{\"type\":\"text\",\"text\":\"Hi there\"}],"                 \
    "\"usage\":{\"input_tokens\":3,\"output_tokens\":2}},\"parent_tool_use_id\":null}\n"
#define CLAUDE                                                                                               \
    CLAUDE_BEGINS                                                                                            \
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"duration_ms\":1500,\"num_turns\":1,"  \
    "\"result\":\"Hi there\",\"stop_reason\":\"end_turn\",\"total_cost_usd\":0.25,"                          \
    "\"usage\":{\"input_tokens\":30,\"output_tokens\":12}}\n"

/* ---- Running the program ---- */

enum { CHILD_SECONDS = 30, PIPED = -1, CLOSED = -2 };

static const char *program;
static char directory[32];

typedef struct bytes {
    char *data; /* with a NUL after it */
    size_t size;
} bytes;

typedef struct process {
    pid_t pid;
    int in, out, err; /* -1: closed, or not ours */
} process;

typedef struct outcome {
    int status; /* exit status, or 128 + the signal that ended it */
    long peak_kilobytes;
    bytes out, err;
} outcome;

static void append(bytes *to, const char *data, size_t size) {
    char *grown = realloc(to->data, to->size + size + 1);
    assert_non_null(grown);
    memcpy(grown + to->size, data, size);
    to->data = grown;
    to->size += size;
    to->data[to->size] = 0;
}

static void become_program(const char *const *arguments, int in, int out, int err) {
    const char *words[48] = {program};
    for (size_t i = 0; arguments[i] && i < 46; i++)
        words[i + 1] = arguments[i];
    dup2(in, STDIN_FILENO);
    dup2(err, STDERR_FILENO);
    if (out == CLOSED) close(STDOUT_FILENO);
    else dup2(out, STDOUT_FILENO);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    signal(SIGPIPE, SIG_DFL);
    alarm(CHILD_SECONDS); /* stays over exec: nothing can hang */
    union {
        const char **in;
        char **out;
    } vector = {words};
    execv(program, vector.out);
    _exit(127);
}

/* `out`: PIPED, CLOSED, or a descriptor. */
static process start_to(int out, const char *const *arguments) {
    int in_pipe[2], out_pipe[2] = {-1, -1}, err_pipe[2];
    assert_int_equal(pipe(in_pipe), 0);
    assert_int_equal(pipe(err_pipe), 0);
    if (out == PIPED) assert_int_equal(pipe(out_pipe), 0);
    process child = {fork(), in_pipe[1], out_pipe[0], err_pipe[0]};
    assert_true(child.pid >= 0);
    if (child.pid == 0) become_program(arguments, in_pipe[0], out == PIPED ? out_pipe[1] : out, err_pipe[1]);
    close(in_pipe[0]);
    close(err_pipe[1]);
    if (out == PIPED) close(out_pipe[1]);
    return child;
}

#define START(...) start_to(PIPED, (const char *const[]){__VA_ARGS__, NULL})

static void close_once(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* Moves what a descriptor gives to `to`; closes it at its end. */
static void take(int *fd, bytes *to) {
    char block[65536];
    ssize_t size = read(*fd, block, sizeof block);
    if (size > 0) append(to, block, (size_t)size);
    else close_once(fd);
}

static void give(int *fd, const char **input, size_t *size) {
    ssize_t written = *size ? write(*fd, *input, *size < 65536 ? *size : 65536) : 0;
    if (written > 0) {
        *input += written;
        *size -= (size_t)written;
    }
    if (*size == 0 || written < 0) close_once(fd);
}

/* Gives the process its input, takes its output until both ends are closed, and waits for it. */
static outcome finish(process *child, const char *input, size_t size) {
    outcome end = {0};
    append(&end.out, "", 0);
    append(&end.err, "", 0);
    while (child->in >= 0 || child->out >= 0 || child->err >= 0) {
        struct pollfd polled[] = {{child->in, POLLOUT, 0}, {child->out, POLLIN, 0}, {child->err, POLLIN, 0}};
        assert_true(poll(polled, 3, -1) > 0);
        if (polled[0].revents) give(&child->in, &input, &size);
        if (polled[1].revents) take(&child->out, &end.out);
        if (polled[2].revents) take(&child->err, &end.err);
    }
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child->pid, &status, 0, &usage), child->pid);
    end.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    end.peak_kilobytes = usage.ru_maxrss;
    return end;
}

static outcome run_to(int out, const char *input, const char *const *arguments) {
    process child = start_to(out, arguments);
    return finish(&child, input, strlen(input));
}

#define RUN(input, ...) run_to(PIPED, (input), (const char *const[]){__VA_ARGS__, NULL})

static void release(outcome *end) {
    free(end->out.data);
    free(end->err.data);
}

/* Whole texts, compared and released. */
static void expect(outcome end, int status, const char *out, const char *err) {
    assert_string_equal(end.err.data, err);
    assert_string_equal(end.out.data, out);
    assert_int_equal(end.status, status);
    release(&end);
}

/* Writes `size` bytes; false when nobody reads them any more. */
static bool write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written <= 0) return false;
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* A process that writes `before`, `text` so many times, and `after` to standard input of `child`. */
static pid_t start_writer(process *child, const char *before, const char *text, size_t times,
                          const char *after) {
    pid_t writer = fork();
    assert_true(writer >= 0);
    if (writer == 0) {
        bool written = write_all(child->in, before, strlen(before));
        while (written && times-- > 0)
            written = write_all(child->in, text, strlen(text));
        _exit(written && write_all(child->in, after, strlen(after)) ? 0 : 1);
    }
    close_once(&child->in);
    return writer;
}

/* ---- Files ---- */

/* A path in this run's own directory; the last few stay valid. */
static const char *path_of(const char *name) {
    static char paths[8][300];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", directory, name);
    return path;
}

/* "PREFIX" and the path, for options that take one. */
static const char *option_of(const char *prefix, const char *name) {
    static char options[8][400];
    static size_t next;
    char *option = options[next++ % 8];
    snprintf(option, sizeof options[0], "%s%s", prefix, path_of(name));
    return option;
}

static void add_to_file(const char *path, const char *mode, const char *text) {
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static const char *write_file(const char *name, const char *text) {
    const char *path = path_of(name);
    add_to_file(path, "w", text);
    return path;
}

static bytes read_file(const char *path) {
    bytes content = {0};
    append(&content, "", 0);
    int fd = open(path, O_RDONLY);
    if (fd < 0) fail_msg("%s: %s", path, strerror(errno));
    while (fd >= 0)
        take(&fd, &content);
    return content;
}

static void expect_file(const char *name, const char *text) {
    bytes content = read_file(path_of(name));
    assert_string_equal(content.data, text);
    free(content.data);
}

/* ---- Help and usage ---- */

static void test_version(void **state) {
    (void)state;
    expect(RUN("", "--version"), 0, "asm-cat " ASM_VERSION "\n", "");
    expect(RUN("", "-V"), 0, "asm-cat " ASM_VERSION "\n", "");
    expect(RUN("", "-qFV", "missing"), 0, "asm-cat " ASM_VERSION "\n", "");
}

static void test_help_tells_every_option_in_80_columns(void **state) {
    (void)state;
    static const char *const names[] = {"-r, --renderer=",
                                        "--color=",
                                        "--tty=",
                                        "--tool-output=",
                                        "--indent=",
                                        "--raw",
                                        "-f, --from=",
                                        "-F, --follow",
                                        "--session=",
                                        "--run=",
                                        "--clock=",
                                        "--jsonl=",
                                        "--jsonl-compact=",
                                        "--log=",
                                        "--envelopes=",
                                        "--preset=",
                                        "--topics=",
                                        "--prefix=",
                                        "--subscribe=",
                                        "standard, minimal, debug",
                                        "session, run, type",
                                        "--stats",
                                        "-q, --quiet",
                                        "-h, --help",
                                        "-V, --version",
                                        "compact, verbose, studio, passthrough",
                                        "summary, preview, full",
                                        "auto, always, never",
                                        "auto, asm, claude, codex",
                                        "Exit status"};
    outcome end = RUN("", "--help");
    assert_int_equal(end.status, 0);
    assert_string_equal(end.err.data, "");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strstr(end.out.data, names[i])) fail_msg("--help does not mention %s", names[i]);
    for (char *line = strtok(end.out.data, "\n"); line; line = strtok(NULL, "\n"))
        if (strlen(line) > 80) fail_msg("too wide: %s", line);
    release(&end);
    end = RUN("", "-h");
    assert_int_equal(end.status, 0);
    release(&end);
}

static void test_wrong_usage_is_one_line_and_status_2(void **state) {
    (void)state;
    static const struct {
        const char *arguments[3], *message;
    } cases[] = {
        {{"--renderer=fancy"}, "--renderer: 'fancy' must be one of compact, verbose, studio, passthrough"},
        {{"--renderer", "fancy"}, "--renderer: 'fancy' must be one of compact, verbose, studio, passthrough"},
        {{"-rfancy"}, "--renderer: 'fancy' must be one of compact, verbose, studio, passthrough"},
        {{"-r", "fancy"}, "--renderer: 'fancy' must be one of compact, verbose, studio, passthrough"},
        {{"-qFr", "fancy"}, "--renderer: 'fancy' must be one of compact, verbose, studio, passthrough"},
        {{"--color=sometimes"}, "--color: 'sometimes' must be one of auto, always, never"},
        {{"--tty=yes"}, "--tty: 'yes' must be one of auto, always, never"},
        {{"--tool-output=all"}, "--tool-output: 'all' must be one of summary, preview, full"},
        {{"--indent=-1"}, "--indent: '-1' must be a number from 0 to 80"},
        {{"--indent=81"}, "--indent: '81' must be a number from 0 to 80"},
        {{"--indent=2x"}, "--indent: '2x' must be a number from 0 to 80"},
        {{"--indent=99999999999999999999"}, "--indent: '99999999999999999999' must be a number from 0 to 80"},
        {{"--clock=noon"}, "--clock: 'noon' must be an ISO 8601 time such as 2026-02-09T12:00:00Z"},
        {{"--clock=2026-02-30T12:00:00Z"},
         "--clock: '2026-02-30T12:00:00Z' must be an ISO 8601 time such as 2026-02-09T12:00:00Z"},
        {{"--topics=all"}, "--topics: 'all' must be one of session, run, type"},
        {{"--preset=loud"}, "--preset: 'loud' must be one of standard, minimal, debug"},
        {{"--preset=debug"}, "--preset needs --envelopes=PATH"},
        {{"--prefix=x"}, "--prefix needs --topics=SCOPE"},
        {{"--subscribe=x"}, "--subscribe needs --topics=SCOPE"},
        {{"--topics=run", "--subscribe=a*"},
         "--subscribe: 'a*' is no pattern: * stands for one whole segment, a final ** for the rest"},
        {{"--raw=yes"}, "--raw takes no value"},
        {{"--follow="}, "--follow takes no value"},
        {{"--renderer"}, "--renderer needs a value: compact, verbose, studio, passthrough"},
        {{"-r"}, "--renderer needs a value: compact, verbose, studio, passthrough"},
        {{"--jsonl="}, "--jsonl needs a value: PATH"},
        {{"--log", ""}, "--log needs a value: PATH"},
        {{"--session="}, "--session needs a value: ID"},
        {{"--colour=never"}, "unknown option --colour: did you mean --color?"},
        {{"--jsonlcompact=x"}, "unknown option --jsonlcompact: did you mean --jsonl-compact?"},
        {{"--frobnicate"}, "unknown option --frobnicate: asm-cat --help lists them"},
        {{"--an-option-that-is-much-longer-than-any"},
         "unknown option --an-option-that-is-much-longer-than-any: asm-cat --help lists them"},
        {{"--"
          "=x"},
         "unknown option --: asm-cat --help lists them"},
        {{"-x"}, "unknown option -x: asm-cat --help lists them"},
        {{"-qx"}, "unknown option -x: asm-cat --help lists them"},
        {{"--renderer=a\033[31m\nb"},
         "--renderer: 'a␛[31m␊b' must be one of compact, verbose, studio, passthrough"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        snprintf(line, sizeof line, "asm-cat: %s\n", cases[i].message);
        expect(run_to(PIPED, "", cases[i].arguments), 2, "", line);
    }
}

static void test_unknown_format_names_those_that_there_are(void **state) {
    (void)state;
    char line[1024] = "asm-cat: --from: 'morse' must be one of auto";
    for (int i = ASM_FORMAT_AUTO + 1; i < ASM_FORMAT_COUNT; i++) {
        if (!asm_format_is_read((asm_format)i)) continue;
        strcat(line, ", ");
        strcat(line, asm_format_name((asm_format)i));
    }
    strcat(line, "\n");
    expect(RUN("", "--from=morse"), 2, "", line);
    expect(RUN("", "--from=vibe"), 2, "",
           "asm-cat: --from=vibe: a Vibe session is known by its name only, it is not read\n");
    outcome help = RUN("", "--help");
    assert_true(strstr(help.out.data, "ollama\n") != NULL && strstr(help.out.data, "vibe") == NULL);
    release(&help);
}

static void test_more_outputs_than_there_is_room_for(void **state) {
    (void)state;
    const char *words[19] = {"-rcompact"};
    for (size_t i = 1; i < 17; i++)
        words[i] = "--log=/dev/null";
    expect(run_to(PIPED, "", words), 2, "", "asm-cat: standard output: too many outputs: at most 16\n");
    words[17] = "--log=/dev/null";
    expect(run_to(PIPED, "", words), 2, "", "asm-cat: /dev/null: too many outputs: at most 16\n");
    words[16] = words[17] = NULL;
    expect(run_to(PIPED, "", words), 0, "\n0 events, 0 tools\n", "");
}

static void test_words_after_two_dashes_are_files(void **state) {
    (void)state;
    expect(RUN(SESSION, "--", "--raw"), 2, "", "asm-cat: --raw: No such file or directory\n");
    const char *file = write_file("session", SESSION);
    char shown[1000];
    snprintf(shown, sizeof shown, "==> %s <==\n%s\n==> %s <==\n%s", file, STUDIO_SESSION, file,
             STUDIO_SESSION);
    expect(RUN("", file, "--color=never", "--", file), 0, shown, "");
}

/* ---- What it looks like ---- */

static void test_studio_is_the_default(void **state) {
    (void)state;
    expect(RUN(SESSION, NULL), 0, STUDIO_SESSION, "");
    expect(RUN(SESSION, "-"), 0, STUDIO_SESSION, "");
    expect(RUN(SESSION, "-r", "studio", "--tty=never", "--color=never", "--from=asm"), 0, STUDIO_SESSION, "");
}

static void test_the_other_renderers(void **state) {
    (void)state;
    const char *compact =
        "r+ sonnet-4-5 >> Hello\nt+Read t-Read tr:one\ntwo\nthree\nfour r-:end\n5 events, 1 tools\n";
    expect(RUN(SESSION, "-r", "compact"), 0, compact, "");
    expect(RUN(SESSION, "--renderer=compact"), 0, compact, "");
    expect(RUN(SESSION, "--renderer=verbose"), 0,
           "[run_started] model=claude-sonnet-4-5 session_id=ses_1\nHello\n"
           "[tool_call_started] name=Read id=c1 input={\"path\":\"a.c\"}\n"
           "[tool_call_completed] name=Read output=one\ntwo\nthree\nfour\n"
           "[run_completed] stop_reason=end_turn\n--- 5 events, 1 tools ---\n",
           "");
    expect(RUN(SESSION, "-rpassthrough"), 0, "", "");
}

static void test_studio_options(void **state) {
    (void)state;
    expect(RUN(TOOL_STARTED TOOL_COMPLETED, "--tool-output=preview"), 0,
           "  ◐ Reading a.c\n  ✓ Read a.c (4 lines)\n  │ two\n  │ three\n  │ four\n", "");
    expect(RUN(TOOL_STARTED TOOL_COMPLETED, "--tool-output=full", "--indent=0"), 0,
           "◐ Reading a.c\n✓ Read a.c (4 lines)\n│ one\n│ two\n│ three\n│ four\n", "");
    expect(RUN(TOOL_STARTED, "--indent=5"), 0, "     ◐ Reading a.c\n", "");
    expect(RUN(TOOL_STARTED TOOL_COMPLETED, "--tty=always"), 0, "  ✓ Read a.c (4 lines)\n",
           ""); /* what runs is drawn when output goes out, and it has ended by then */
}

static void test_color_follows_option_and_environment(void **state) {
    (void)state;
    const char *plain = "  ◐ Reading a.c\n", *colored = "  \033[0;36m◐\033[0m Reading a.c\n";
    expect(RUN(TOOL_STARTED, "--color=always"), 0, colored, "");
    expect(RUN(TOOL_STARTED, "--color=auto"), 0, plain, "");
    setenv("FORCE_COLOR", "1", 1);
    expect(RUN(TOOL_STARTED, NULL), 0, colored, "");
    expect(RUN(TOOL_STARTED, "--color=never"), 0, plain, "");
    setenv("NO_COLOR", "1", 1);
    expect(RUN(TOOL_STARTED, NULL), 0, plain, "");
    expect(RUN(TOOL_STARTED, "--color", "always"), 0, colored, "");
    unsetenv("FORCE_COLOR");
    unsetenv("NO_COLOR");
}

static void test_symbols_are_ascii_without_a_utf8_locale(void **state) {
    (void)state;
    setenv("LC_ALL", "C", 1);
    outcome end = RUN(TOOL_STARTED TOOL_COMPLETED, "--tool-output=full");
    setenv("LC_ALL", "C.UTF-8", 1);
    expect(end, 0, "  o Reading a.c\n  + Read a.c (4 lines)\n  | one\n  | two\n  | three\n  | four\n", "");
}

/* Every field can hold escape sequences, and so can names of files in messages. */
static void test_control_characters_reach_the_output_only_raw(void **state) {
    (void)state;
    static const char *const renderers[] = {"-rcompact", "-rverbose", "-rstudio"};
    static const char attack[] =
        "{\"type\":\"run_started\",\"data\":{\"model\":\"m\\u001b]0;x\\u0007\"},\"session_id\":\"s\\u001b["
        "2J\"}\n"
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"a\\u001b[31m\\u009b2J\\r\\u202e\"}}\n"
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"n\\u001b[A\",\"tool_call_id\":\"\\u001b["
        "1m\","
        "\"tool_input\":{\"path\":\"\\u001b[B\"}}}\n"
        "{\"type\":\"tool_call_failed\",\"data\":{\"tool_name\":\"n\\u001b[A\",\"tool_output\":\"\\u001b[C\","
        "\"error_message\":\"\\u001b[D\"}}\n"
        "{\"type\":\"odd\\u001b[E\",\"data\":{\"x\":\"\\u001b[F\"}}\n"
        "{\"type\":\"error_occurred\",\"data\":{\"error_message\":\"\\u001b[G\"}}\n"
        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"\\u001b[H\"}}\n";
    for (size_t i = 0; i < 3; i++) {
        outcome end = RUN(attack, renderers[i], "--tool-output=full", "--log=-", "--stats");
        for (size_t at = 0; at < end.out.size; at++)
            if (end.out.data[at] != '\n' && (unsigned char)end.out.data[at] < 0x20)
                fail_msg("%s let byte %d through: %s", renderers[i], end.out.data[at], end.out.data + at);
        assert_null(strstr(end.out.data, "\xC2\x9B"));
        assert_null(strstr(end.out.data, "\xE2\x80\xAE"));
        assert_null(strchr(end.err.data, '\033'));
        assert_int_equal(end.status, 0);
        release(&end);
        end = RUN(attack, renderers[i], "--raw");
        assert_non_null(strstr(end.out.data, "\033[31m"));
        release(&end);
    }
    outcome end = RUN(attack, "--jsonl=-", "--jsonl-compact=-");
    assert_null(strchr(end.out.data, '\033'));
    assert_null(strstr(end.out.data, "\xC2\x9B"));
    release(&end);
    expect(RUN("", "no\033[31m\nfile"), 2, "", "asm-cat: no␛[31m␊file: No such file or directory\n");
}

/* ---- Input ---- */

static void test_formats(void **state) {
    (void)state;
    const char *claude = "r+ opus-4-1 >> Hi there\n";
    outcome end = RUN(CLAUDE, "-r", "compact");
    assert_memory_equal(end.out.data, claude, strlen(claude));
    outcome same = RUN(CLAUDE, "-r", "compact", "--from=claude");
    assert_string_equal(same.out.data, end.out.data);
    release(&same);
    release(&end);
    /* Read as another format it is not understood, but nothing is invented either. */
    end = RUN(CLAUDE, "-r", "compact", "-f", "codex");
    assert_null(strstr(end.out.data, "Hi there"));
    release(&end);
}

/* Several files get a heading each, and counters of their own; the log is one. */
static void test_files_in_turn(void **state) {
    (void)state;
    const char *one = write_file("one", SESSION), *two = write_file("two", STARTED);
    char shown[1000];
    snprintf(shown, sizeof shown,
             "==> %s <==\nr+ sonnet-4-5 >> Hello\nt+Read t-Read tr:one\ntwo\nthree\nfour r-:end\n5 events, 1 "
             "tools\n"
             "\n==> - <==\n>> Hello\n\n1 events, 0 tools\n"
             "\n==> %s <==\nr+ sonnet-4-5\n1 events, 0 tools\n",
             one, two);
    expect(RUN(HELLO, "-rcompact", one, "-", two, option_of("--jsonl=", "all.jsonl")), 0, shown, "");
    expect_file("all.jsonl", SESSION HELLO STARTED);
}

static void test_ids_and_times_for_streams_without(void **state) {
    (void)state;
    outcome end =
        RUN(CLAUDE, "--jsonl=-", "--session=ses_x", "--run", "run_y", "--clock=2026-02-09T12:00:00+01:00");
    assert_int_equal(end.status, 0);
    size_t lines = 0;
    for (char *line = strtok(end.out.data, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        assert_non_null(strstr(line, "\"ts\":\"2026-02-09T11:00:00.000Z\""));
        assert_non_null(strstr(line, "\"session_id\":\"ses_x\""));
        assert_non_null(strstr(line, "\"run_id\":\"run_y\""));
    }
    assert_true(lines >= 4);
    release(&end);
}

static void test_without_clock_events_get_the_time_of_day(void **state) {
    (void)state;
    asm_time before = (asm_time)time(NULL) * 1000000, given = 0;
    outcome end = RUN(CLAUDE, "--jsonl=-");
    assert_memory_equal(end.out.data, "{\"ts\":\"", 7);
    size_t length = strcspn(end.out.data + 7, "\"");
    assert_int_equal(asm_time_parse(asm_str_make(end.out.data + 7, length), &given, NULL), ASM_OK);
    assert_true(given >= before && given <= before + 30 * 1000000);
    release(&end);
}

static void test_times_of_the_stream_win_over_the_clock(void **state) {
    (void)state;
    expect(RUN(SESSION, "--jsonl=-", "--clock=2001-01-01T00:00:00Z"), 0, SESSION, "");
}

static void test_bad_lines_are_reported_and_skipped(void **state) {
    (void)state;
    const char *file =
        write_file("bad", STARTED "not json\n" HELLO "{\"type\":\"message_streamed\",}\n" COMPLETED);
    outcome end = RUN("", "-rcompact", file);
    char begin[400];
    assert_int_equal(end.status, 1);
    assert_string_equal(end.out.data, "r+ sonnet-4-5 >> Hello\nr-:end\n3 events, 0 tools\n");
    char *second = strchr(end.err.data, '\n');
    assert_non_null(second);
    snprintf(begin, sizeof begin, "asm-cat: %s:2:1: ", file);
    assert_memory_equal(end.err.data, begin, strlen(begin));
    snprintf(begin, sizeof begin, "asm-cat: %s:4:28: ", file);
    assert_memory_equal(second + 1, begin, strlen(begin));
    assert_string_equal(strchr(second + 1, '\n'), "\n");
    release(&end);

    expect(RUN("", "-q", "-rcompact", "--stats", file), 1,
           "r+ sonnet-4-5 >> Hello\nr-:end\n3 events, 0 tools\n", "");
    end = RUN(STARTED "[1]\n" COMPLETED, "-rpassthrough");
    assert_memory_equal(end.err.data, "asm-cat: -:2:1: ", 16);
    assert_int_equal(end.status, 1);
    release(&end);
}

static void test_lines_are_counted_for_each_file(void **state) {
    (void)state;
    const char *good = write_file("good", SESSION), *bad = write_file("worse", "\n\n{]\n");
    outcome end = RUN("", "-rpassthrough", good, bad);
    char begin[400];
    snprintf(begin, sizeof begin, "asm-cat: %s:3:2: ", bad);
    assert_memory_equal(end.err.data, begin, strlen(begin));
    assert_int_equal(end.status, 1);
    release(&end);
}

static void test_a_last_line_cut_short_is_reported(void **state) {
    (void)state;
    outcome end = RUN(STARTED HELLO "{\"type\":\"message_str", "-rcompact");
    assert_int_equal(end.status, 1);
    assert_memory_equal(end.err.data, "asm-cat: -:3:", 13);
    assert_memory_equal(end.out.data, "r+ sonnet-4-5 >> Hello\n", 23);
    release(&end);
    /* Without its line feed alone it is whole. */
    end = RUN("{\"type\":\"message_streamed\",\"data\":{\"delta\":\"x\"}}", "-rcompact");
    assert_int_equal(end.status, 0);
    assert_string_equal(end.err.data, "");
    assert_memory_equal(end.out.data, ">> x\n", 5);
    release(&end);
}

static void test_remarkable_input_is_told_but_is_no_error(void **state) {
    (void)state;
    outcome end = RUN("\xEF\xBB\xBF" SESSION, NULL);
    assert_int_equal(end.status, 0);
    assert_memory_equal(end.err.data, "asm-cat: -:1:1: ", 16);
    assert_string_equal(end.out.data, STUDIO_SESSION);
    release(&end);
    expect(RUN("\xEF\xBB\xBF" SESSION, "-q"), 0, STUDIO_SESSION, "");
}

static void test_files_that_cannot_be_read(void **state) {
    (void)state;
    const char *file = write_file("session", SESSION), *missing = path_of("missing");
    char lines[1000];
    snprintf(lines, sizeof lines, "asm-cat: %s: No such file or directory\nasm-cat: %s: Is a directory\n",
             missing, directory);
    char shown[1000];
    snprintf(shown, sizeof shown, "==> %s <==\n%s", file, STUDIO_SESSION);
    expect(RUN("", missing, directory, file), 2, shown, lines);
    /* Neither is bad input: -q does not hide it. */
    expect(RUN("", "-q", missing, directory, file), 2, shown, lines);
}

static void test_a_file_that_is_input_and_output_is_refused(void **state) {
    (void)state;
    const char *file = write_file("both", SESSION);
    char line[400];
    snprintf(line, sizeof line, "asm-cat: %s: is input and output at once\n", file);
    expect(RUN("", "-rpassthrough", option_of("--jsonl=", "both"), file), 2, "", line);
    int fd = open(file, O_WRONLY | O_APPEND);
    expect(run_to(fd, "", (const char *const[]){"--jsonl=-", file, NULL}), 2, "", line);
    close(fd);
    expect_file("both", SESSION);
}

/* ---- Output ---- */

static void test_jsonl_and_log_files(void **state) {
    (void)state;
    const char *compact = "{\"t\":1770638400000,\"e\":{\"t\":\"rs\",\"m\":\"sonnet-4-5\"}}\n"
                          "{\"t\":1770638401000,\"e\":{\"t\":\"ms\",\"l\":5}}\n"
                          "{\"t\":1770638402000,\"e\":{\"t\":\"ts\",\"n\":\"Read\"}}\n"
                          "{\"t\":1770638403000,\"e\":{\"t\":\"tc\",\"n\":\"Read\",\"l\":18}}\n"
                          "{\"t\":1770638404500,\"e\":{\"t\":\"rc\",\"sr\":\"end\"}}\n";
    expect(RUN(SESSION, option_of("--jsonl=", "full"), "--jsonl-compact", path_of("small"),
               option_of("--log=", "text"), option_of("--jsonl=", "full2"), "--color=always"),
           0,
           "  \033[0;34m●\033[0m claude-sonnet-4-5 session started\n\n    Hello\n"
           "  \033[0;36m◐\033[0m Reading a.c\n  \033[0;32m✓\033[0m Read a.c\033[2m (4 lines)\033[0m\n"
           "\n  \033[0;34m●\033[0m Session complete (end_turn) — 1 tool, 4.5s\n",
           "");
    expect_file("full", SESSION);
    expect_file("full2", SESSION);
    expect_file("small", compact);
    expect_file("text", STUDIO_SESSION);
    /* Appended to, not replaced. */
    expect(RUN(SESSION, "-rpassthrough", option_of("--jsonl=", "full")), 0, "", "");
    expect_file("full", SESSION SESSION);
    expect(RUN(SESSION, "--jsonl-compact=-"), 0, compact, "");
}

static void test_a_dash_takes_standard_output_from_the_text(void **state) {
    (void)state;
    expect(RUN(SESSION, "--jsonl=-"), 0, SESSION, "");
    expect(RUN(SESSION, "--log=-", "--color=always"), 0, STUDIO_SESSION, "");
    expect(RUN(TOOL_STARTED, "--jsonl=-", option_of("--log=", "beside")), 0, TOOL_STARTED, "");
    expect_file("beside", "  ◐ Reading a.c\n");
    outcome end = RUN(TOOL_STARTED, "--jsonl=-", "-rstudio");
    assert_int_equal(end.status, 0);
    assert_non_null(strstr(end.out.data, TOOL_STARTED));
    assert_non_null(strstr(end.out.data, "  ◐ Reading a.c\n"));
    release(&end);
}

static void test_half_a_line_at_the_end_of_a_log_is_ended(void **state) {
    (void)state;
    const char *file = write_file("torn", STARTED "{\"type\":\"mess");
    char line[400];
    snprintf(line, sizeof line, "asm-cat: %s: ended in 13 bytes without a line end: ended the line\n", file);
    expect(RUN(COMPLETED, "-rpassthrough", option_of("--jsonl=", "torn")), 0, "", line);
    expect_file("torn", STARTED "{\"type\":\"mess\n" COMPLETED);
}

/* Whatever a provider sends, its events survive being written and read again. */
static void test_jsonl_read_again_is_written_the_same(void **state) {
    (void)state;
    static const char odd[] =
        "{\"ts\":\"2026-02-09T12:00:00.123456Z\",\"type\":\"run_started\",\"data\":{\"model\":\"m\","
        "\"other\":[1,{\"a\":2.50}]},"
        "\"session_id\":\"s\",\"trace\":{\"deep\":[[[]]]}}\n"
        "{\"type\":\"never_heard_of\",\"data\":{\"x\":\"\\u2028\\ud83d\\ude00\"},\"sequence_number\":7}\n"
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"t\",\"tool_output\":{\"output\":"
        "\"\\\"q\\\"\",\"n\":1e400}}}\n"
        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"x\"},\"metadata\":{\"k\":null}}\n";
    const char *inputs[] = {CLAUDE, odd};
    for (size_t i = 0; i < 2; i++) {
        outcome first = RUN(inputs[i], "--jsonl=-");
        assert_string_equal(first.err.data, "");
        assert_true(first.out.size > 100);
        process child = START("--jsonl=-");
        outcome second = finish(&child, first.out.data, first.out.size);
        assert_string_equal(second.out.data, first.out.data);
        assert_string_equal(second.err.data, "");
        assert_int_equal(second.status, 0);
        release(&first);
        release(&second);
    }
}

static void test_outputs_that_cannot_be_opened(void **state) {
    (void)state;
    char line[400];
    const char *path = path_of("no/such/file");
    snprintf(line, sizeof line, "asm-cat: %s: No such file or directory\n", path);
    expect(RUN(SESSION, "--log", path), 2, "", line);
    expect(RUN(SESSION, option_of("--jsonl=", "no/such/file")), 2, "", line);
    snprintf(line, sizeof line, "asm-cat: %s: Is a directory\n", directory);
    expect(RUN(SESSION, "--jsonl", directory), 2, "", line);
}

static void test_a_full_disk_ends_it_in_one_line(void **state) {
    (void)state;
    int full = open("/dev/full", O_WRONLY);
    if (full < 0) skip();
    const char *line = "asm-cat: standard output: No space left on device\n";
    expect(run_to(full, SESSION, (const char *const[]){"-q", option_of("--jsonl=", "kept"), NULL}), 2, "",
           line);
    expect_file("kept", SESSION);
    expect(run_to(full, SESSION, (const char *const[]){"--jsonl=-", NULL}), 2, "", line);
    expect(run_to(full, "", (const char *const[]){"--help", NULL}), 2, "", line);
    expect(run_to(full, "", (const char *const[]){"--version", NULL}), 2, "", line);
    close(full);
    expect(RUN(SESSION, "-rpassthrough", "--jsonl=/dev/full"), 2, "",
           "asm-cat: /dev/full: No space left on device: nothing more is written to it\n");
}

static void test_a_closed_standard_output(void **state) {
    (void)state;
    const char *line = "asm-cat: standard output: Bad file descriptor\n";
    const char *file = write_file("session", SESSION);
    expect(run_to(CLOSED, "", (const char *const[]){file, NULL}), 2, "", line);
    /* It must not be taken for the log, which is opened next. */
    expect(run_to(CLOSED, "", (const char *const[]){option_of("--jsonl=", "log3"), file, NULL}), 2, "", line);
    bytes log = read_file(path_of("log3"));
    assert_null(strstr(log.data, "session started"));
    free(log.data);
}

static outcome run_in_shell(const char *input, const char *command) {
    const char *const arguments[] = {"-c", command, program, NULL};
    const char *asm_cat = program;
    program = "/bin/sh";
    outcome end = run_to(PIPED, input, arguments);
    program = asm_cat;
    return end;
}

static void test_numbers_that_cannot_be_written(void **state) {
    (void)state;
    if (access("/dev/full", W_OK) != 0) skip();
    expect(run_in_shell(SESSION, "exec \"$0\" -rpassthrough --stats 2> /dev/full"), 2, "", "");
    expect(run_in_shell(SESSION, "exec \"$0\" -rpassthrough --stats=json 2>&-"), 2, "", "");
    expect(run_in_shell(SESSION, "exec \"$0\" -rpassthrough 2> /dev/full"), 0, "", "");
}

static void test_a_closed_standard_input(void **state) {
    (void)state;
    expect(run_in_shell("", "exec \"$0\" <&-"), 2, "", "asm-cat: -: Bad file descriptor\n");
}

static void test_messages_stand_behind_the_text_of_the_lines_before(void **state) {
    (void)state;
    outcome end = run_in_shell(STARTED "bad\n" HELLO, "exec \"$0\" -rcompact 2>&1");
    assert_memory_equal(end.out.data, "r+ sonnet-4-5asm-cat: -:2:1: ", 29);
    release(&end);
}

/* As in `asm-cat | head`: at once, without a word. */
static void test_a_closed_pipe_ends_it_quietly(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    expect(run_to(ends[1], SESSION, (const char *const[]){NULL}), 2, "", "");
    expect(run_to(ends[1], SESSION "bad\n", (const char *const[]){"--stats", "-q", NULL}), 2, "", "");
    expect(run_to(ends[1], "", (const char *const[]){"--help", NULL}), 2, "", "");
    close(ends[1]);

    /* Also while it waits for input that may never come. */
    process child = START("-rcompact");
    close_once(&child.out);
    int status;
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    close_once(&child.in);
    close_once(&child.err);
}

/* ---- Statistics ---- */

static void test_stats(void **state) {
    (void)state;
    static const char stream[] = STARTED HELLO TOOL_STARTED TOOL_COMPLETED TOOL_STARTED
        "{\"type\":\"tool_call_failed\",\"data\":{\"tool_name\":\"Read\",\"error_message\":\"gone\"}}\n"
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"e\\u001bvil\"}}\n"
        "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":1200,\"output_tokens\":34,\"cost_usd\":"
        "0.125}}\n"
        "{\"type\":\"odd\",\"data\":{}}\n" COMPLETED;
    outcome end = RUN(stream, "-rpassthrough", "--stats");
    char *bytes_line = strstr(end.err.data, "bytes");
    assert_non_null(bytes_line);
    assert_int_equal(strtol(bytes_line + 5, NULL, 10), sizeof stream - 1);
    memset(bytes_line + 30, '#', 12);
    expect(end, 0, "",
           "lines                                   10\n"
           "bytes                         ############\n"
           "events                                  10\n"
           "  run_started                            1\n"
           "  message_streamed                       1\n"
           "  tool_call_started                      3\n"
           "  tool_call_completed                    1\n"
           "  tool_call_failed                       1\n"
           "  token_usage_updated                    1\n"
           "  odd                                    1\n"
           "  run_completed                          1\n"
           "tools                                    3  1 failed\n"
           "  Read                                   2  1 failed\n"
           "  e␛vil                                  1\n"
           "input tokens                          1200\n"
           "output tokens                           34\n"
           "cost                               $0.1250\n"
           "duration                             4.5 s\n");
}

/* Claude tells tokens by message and by turn, and costs since the process began. */
static void test_stats_count_nothing_twice(void **state) {
    (void)state;
    static const char turn[] =
        "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s1\",\"model\":\"m\",\"cwd\":\"/"
        "\",\"tools\":[]}\n"
        "{\"type\":\"assistant\",\"message\":{\"id\":\"msg_%d\",\"content\":[{\"type\":\"text\",\"text\":"
        "\"Hi\"}],"
        "\"usage\":{\"input_tokens\":3,\"output_tokens\":2}},\"session_id\":\"s1\"}\n"
        "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"duration_ms\":1500,\"num_turns\":"
        "1,"
        "\"result\":\"Hi\",\"total_cost_usd\":%s,\"usage\":{\"input_tokens\":30,\"output_tokens\":12},"
        "\"session_id\":\"s1\"}\n";
    char stream[4 * sizeof turn];
    int size = snprintf(stream, sizeof turn * 2, turn, 1, "0.25");
    snprintf(stream + size, sizeof turn * 2, turn, 2, "0.4");
    outcome end = RUN(stream, "-rpassthrough", "--stats");
    const char *spent = "input tokens                            60\n"
                        "output tokens                           24\n"
                        "cost                               $0.4000\n"
                        "duration                             3.0 s\n";
    assert_true(end.err.size > strlen(spent));
    assert_string_equal(end.err.data + end.err.size - strlen(spent), spent);
    release(&end);
}

/* A run that has not ended has cost what its messages say, also after runs that told theirs; so has one that tells nothing. */
static void test_stats_of_an_open_run(void **state) {
    (void)state;
    static const char usage[] =
        "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":%d,\"cost_usd\":%s%s}}\n";
    static const char ends[] = "{\"type\":\"run_completed\",\"data\":{%s}}\n";
    char stream[2048];
    int size = snprintf(stream, sizeof stream, STARTED);
    size += snprintf(stream + size, sizeof stream - (size_t)size, usage, 10, "0.5", "");
    size += snprintf(stream + size, sizeof stream - (size_t)size, ends,
                     "\"cost_usd\":0.5,\"token_usage\":{\"input_tokens\":10}");
    size += snprintf(stream + size, sizeof stream - (size_t)size, STARTED);
    size += snprintf(stream + size, sizeof stream - (size_t)size, usage, 5, "0.25", "");
    size += snprintf(stream + size, sizeof stream - (size_t)size, ends, "");
    size += snprintf(stream + size, sizeof stream - (size_t)size, STARTED);
    snprintf(stream + size, sizeof stream - (size_t)size, usage, 2, "0.125", ",\"output_tokens\":1");
    outcome end = RUN(stream, "-rpassthrough", "--stats");
    assert_non_null(strstr(end.err.data, "input tokens                            17\n"));
    assert_non_null(strstr(end.err.data, "cost                               $0.8750\n"));
    release(&end);
}

/* ---- While it runs ---- */

static void pause_milliseconds(long milliseconds) {
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Reads from `*fd` until it gave `text`; fails after some seconds without it. */
static void await(int *fd, bytes *so_far, const char *text) {
    if (!so_far->data) append(so_far, "", 0);
    while (!strstr(so_far->data, text)) {
        struct pollfd polled = {*fd, POLLIN, 0};
        if (*fd < 0 || poll(&polled, 1, 10000) <= 0) fail_msg("no '%s' in: %s", text, so_far->data);
        take(fd, so_far);
    }
}

static void send_text(process *child, const char *text) {
    assert_int_equal(write(child->in, text, strlen(text)), strlen(text));
}

static void test_output_appears_as_events_arrive(void **state) {
    (void)state;
    process child = START("-rcompact", option_of("--jsonl=", "live"));
    bytes seen = {0};
    for (const char *at = STARTED HELLO; *at; at++)
        assert_int_equal(write(child.in, at, 1), 1);
    await(&child.out, &seen, "r+ sonnet-4-5 >> Hello");
    expect_file("live", STARTED HELLO);
    send_text(&child, COMPLETED);
    await(&child.out, &seen, "r-:end");
    expect(finish(&child, "", 0), 0, "\n3 events, 0 tools\n", "");
    free(seen.data);
}

/* The renderer's last words are there and the log is whole, and the shell sees the signal. */
static void test_signals_end_it_properly(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    static const char *const logs[] = {"int", "term", "hup"};
    for (size_t i = 0; i < 3; i++) {
        process child =
            START("-rcompact", option_of("--jsonl=", logs[i]), option_of("--log=", "text_of_signals"));
        bytes seen = {0};
        send_text(&child, STARTED HELLO "{\"type\":\"half");
        await(&child.out, &seen, "Hello");
        kill(child.pid, signals[i]);
        int status;
        assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
        await(&child.out, &seen, "\n2 events, 0 tools\n");
        expect_file(logs[i], STARTED HELLO);
        close_once(&child.in);
        close_once(&child.out);
        close_once(&child.err);
        free(seen.data);
    }
    expect_file("text_of_signals", "r+ sonnet-4-5 >> Hello\n\n2 events, 0 tools\n"
                                   "r+ sonnet-4-5 >> Hello\n\n2 events, 0 tools\n"
                                   "r+ sonnet-4-5 >> Hello\n\n2 events, 0 tools\n");
}

/* That we stopped looking does not mean that the run failed, nor are further files of interest. */
static void test_a_signal_invents_nothing(void **state) {
    (void)state;
    process child = START("-rcompact", option_of("--jsonl=", "open"), "-", path_of("missing"));
    bytes seen = {0};
    send_text(&child, CLAUDE_BEGINS);
    await(&child.out, &seen, "Hi there");
    kill(child.pid, SIGTERM);
    expect(finish(&child, "", 0), 128 + SIGTERM, "\n\n2 events, 0 tools\n", "");
    bytes log = read_file(path_of("open"));
    assert_null(strstr(log.data, "run_failed"));
    free(log.data);
    free(seen.data);
}

static void test_a_signal_ends_it_while_input_never_stops(void **state) {
    (void)state;
    process child = START("-rcompact", "--log=/dev/null");
    pid_t writer = start_writer(&child, "", HELLO, SIZE_MAX, "");
    bytes seen = {0};
    await(&child.out, &seen, "Hello");
    kill(child.pid, SIGTERM);
    outcome end = finish(&child, "", 0);
    const char *last = " events, 0 tools\n";
    assert_int_equal(end.status, 128 + SIGTERM);
    assert_true(end.out.size > strlen(last));
    assert_string_equal(end.out.data + end.out.size - strlen(last), last);
    waitpid(writer, NULL, 0);
    release(&end);
    free(seen.data);
}

/* The first one cannot end it properly while nobody takes what is still to be written. */
static void test_a_second_signal_ends_it_at_once(void **state) {
    (void)state;
    process child = START("--jsonl=-");
    pid_t writer = start_writer(&child, "", HELLO, SIZE_MAX, "");
    pause_milliseconds(200); /* for the pipe to fill */
    kill(child.pid, SIGINT);
    pause_milliseconds(200);
    assert_int_equal(waitpid(child.pid, NULL, WNOHANG), 0);
    kill(child.pid, SIGINT);
    int status;
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    waitpid(writer, NULL, 0);
    close_once(&child.out);
    close_once(&child.err);
}

/* As in a background job of a simple shell, or under nohup. */
static void test_signals_that_were_ignored_stay_ignored(void **state) {
    (void)state;
    signal(SIGINT, SIG_IGN);
    process child = START("-rcompact");
    signal(SIGINT, SIG_DFL);
    bytes seen = {0};
    send_text(&child, HELLO);
    await(&child.out, &seen, "Hello");
    kill(child.pid, SIGINT);
    send_text(&child, COMPLETED);
    await(&child.out, &seen, "r-:end");
    expect(finish(&child, "", 0), 0, "\n2 events, 0 tools\n", "");
    free(seen.data);
}

static void test_follow_through_growth_truncation_and_replacement(void **state) {
    (void)state;
    const char *file = write_file("followed", STARTED HELLO);
    char line[400];
    process child = START("-F", "-rcompact", file);
    bytes seen = {0}, told = {0};
    await(&child.out, &seen, "r+ sonnet-4-5 >> Hello");

    add_to_file(file, "a", "{\"type\":\"message_streamed\",\"data\"");
    pause_milliseconds(300);
    add_to_file(file, "a", ":{\"delta\":\" world\"}}\n");
    await(&child.out, &seen, "Hello world");

    add_to_file(file, "w", COMPLETED);
    await(&child.out, &seen, "r-:end");
    snprintf(line, sizeof line, "asm-cat: %s: was cut: reading it from its start\n", file);
    await(&child.err, &told, line);

    add_to_file(file, "a", ERROR); /* the last words of the old file */
    assert_int_equal(rename(write_file("next", TOOL_STARTED), file), 0);
    await(&child.out, &seen, "t+Read");
    snprintf(line, sizeof line, "asm-cat: %s: was replaced: reading the new file\n", file);
    await(&child.err, &told, line);

    assert_int_equal(unlink(file), 0); /* gone for a while, as when logs are rotated */
    pause_milliseconds(300);
    write_file("followed", "bad\n" TOOL_COMPLETED);
    await(&child.out, &seen, "t-Read");
    snprintf(line, sizeof line, "%s:1:1: ", file);
    await(&child.err, &told, line);

    kill(child.pid, SIGTERM);
    outcome end = finish(&child, "", 0);
    append(&seen, end.out.data, end.out.size);
    assert_string_equal(seen.data,
                        "r+ sonnet-4-5 >> Hello world\nr-:end ! oops t+Read t-Read tr:one\ntwo\nthree\nfour"
                        "\n7 events, 1 tools\n");
    assert_int_equal(end.status, 128 + SIGTERM);
    release(&end);
    free(seen.data);
    free(told.data);
}

static void test_follow_ends_with_standard_input_and_with_its_reader(void **state) {
    (void)state;
    expect(RUN(SESSION, "-F", "-"), 0, STUDIO_SESSION, "");
    process child = START("--follow", "-rcompact", write_file("session", SESSION));
    bytes seen = {0};
    await(&child.out, &seen, "r-:end");
    close_once(&child.out);
    outcome end = finish(&child, "", 0);
    assert_int_equal(end.status, 2);
    assert_string_equal(end.err.data, "");
    release(&end);
    free(seen.data);
}

/* Rewritten with more than there was, within the interval between two looks: nothing of it is lost. */
static void test_follow_a_file_that_is_rewritten_longer(void **state) {
    (void)state;
    const char *file = write_file("followed", STARTED);
    char line[400];
    process child = START("-F", "-rcompact", file);
    bytes seen = {0}, told = {0};
    await(&child.out, &seen, "r+ sonnet-4-5");
    add_to_file(file, "w", HELLO TOOL_STARTED TOOL_COMPLETED);
    await(&child.out, &seen, "four");
    snprintf(line, sizeof line, "asm-cat: %s: was rewritten: reading it from its start\n", file);
    await(&child.err, &told, line);
    kill(child.pid, SIGTERM);
    outcome end = finish(&child, "", 0);
    append(&seen, end.out.data, end.out.size);
    assert_string_equal(
        seen.data, "r+ sonnet-4-5 >> Hello\nt+Read t-Read tr:one\ntwo\nthree\nfour\n4 events, 1 tools\n");
    release(&end);
    free(seen.data);
    free(told.data);
}

static void test_follow_several_files(void **state) {
    (void)state;
    const char *one = write_file("one", STARTED), *two = path_of("two");
    char expected[600];
    unlink(two);
    process child = START("-F", "--until-end", "-rcompact", one, two);
    bytes seen = {0}, told = {0};
    await(&child.out, &seen, "r+ sonnet-4-5");
    snprintf(expected, sizeof expected, "asm-cat: %s: not there yet: waiting for it\n", two);
    await(&child.err, &told, expected);
    write_file("two", STARTED COMPLETED);
    await(&child.out, &seen, "r-:end");
    add_to_file(one, "a", HELLO COMPLETED);
    outcome end = finish(&child, "", 0); /* leaves, as both runs have ended */
    append(&seen, end.out.data, end.out.size);
    snprintf(expected, sizeof expected,
             "==> %s <==\nr+ sonnet-4-5\n==> %s <==\nr+ sonnet-4-5 r-:end\n==> %s <==\n >> Hello\nr-:end\n3 "
             "events, 0 tools\n",
             one, two, one);
    assert_string_equal(seen.data, expected);
    assert_int_equal(end.status, 0);
    release(&end);
    free(seen.data);
    free(told.data);
}

static void test_fail_tells_how_runs_ended(void **state) {
    (void)state;
    static const struct {
        const char *stream;
        int status;
    } cases[] = {
        {SESSION, 0},
        {"{\"type\":\"run_started\"}\n{\"type\":\"run_failed\",\"data\":{}}\n", 3},
        {"{\"type\":\"run_started\"}\n{\"type\":\"run_cancelled\",\"data\":{}}\n", 3},
        {STARTED HELLO, 4},
        {"{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n", 4},
        {"{\"type\":\"run_failed\",\"data\":{}}\n" STARTED, 4},
        {"bad\n{\"type\":\"run_failed\",\"data\":{}}\n" STARTED, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        outcome end = RUN(cases[i].stream, "--fail", "-q");
        if (end.status != cases[i].status) fail_msg("case %zu: %d", i, end.status);
        release(&end);
        end = RUN(cases[i].stream, "-q");
        assert_int_equal(end.status, cases[i].status == 1);
        release(&end);
    }
}

#define LOG_LINE(time, type, data)                                                                           \
    "{\"ts\":\"2026-02-09T12:" time ".000Z\",\"type\":\"" type "\",\"data\":{" data                          \
    "},\"session_id\":\"s\"}\n"

static void test_filters(void **state) {
    (void)state;
    static const char log[] =
        LOG_LINE("00:00", "run_started", "") LOG_LINE("01:00", "message_streamed", "\"delta\":\"a ne\"")
            LOG_LINE("02:00", "message_received", "\"content\":\"a n\\u00e9edle\"")
                LOG_LINE("03:00", "tool_call_started",
                         "\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"say \\\"x\\\"\"}")
                    LOG_LINE("04:00", "claude.odd", "") LOG_LINE("05:00", "run_completed", "");
    static const struct {
        const char *options[3], *types;
    } cases[] = {
        {{"--only=run_started,run_completed"}, "run_started run_completed "},
        {{"--only=run_*", "--only=claude.*"}, "run_started claude.odd run_completed "},
        {{"--since=2026-02-09T12:03:00Z", "--until=2026-02-09T12:04:00Z"}, "tool_call_started claude.odd "},
        {{"--grep=n\xC3\xA9"
          "edle"},
         "message_received "},
        {{"--grep=say \"x\""}, "tool_call_started "},
        {{"--grep=needle"}, ""},
        {{"--since=10m"}, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *words[] = {"--topics=type", "--subscribe=**", cases[i].options[0], cases[i].options[1],
                               NULL};
        outcome end = run_to(PIPED, log, words);
        bytes types = {0};
        append(&types, "", 0);
        for (char *line = strtok(end.out.data, "\n"); line; line = strtok(NULL, "\n")) {
            const char *type = strchr(line, '\t') + 1;
            append(&types, type, strlen(type));
            append(&types, " ", 1);
        }
        assert_string_equal(types.data, cases[i].types);
        release(&end);
        free(types.data);
    }
    outcome end = RUN("", "--only=run_start");
    assert_int_equal(end.status, 2);
    assert_non_null(strstr(end.err.data, "--only: 'run_start' must be one of "));
    assert_non_null(strstr(end.err.data, "run_started"));
    release(&end);
    end = RUN("", "--since=yesterday");
    assert_int_equal(end.status, 2);
    release(&end);
    /* A message that is looked for is shown whole, though its pieces are passed over. */
    end = RUN(log, "--grep=edle");
    assert_non_null(strstr(end.out.data, "a n\xC3\xA9"
                                         "edle"));
    release(&end);
}

static void test_summary(void **state) {
    (void)state;
    static const char log[] = LOG_LINE("00:00", "run_started", "\"title\":\"Fix [x](y)\",\"cwd\":\"/src\"")
        LOG_LINE("01:00", "tool_call_completed",
                 "\"tool_name\":\"Edit\",\"changes\":[{\"path\":\"a.c\",\"kind\":\"update\",\"added\":2,"
                 "\"removed\":1},"
                 "{\"path\":\"b.c\",\"kind\":\"add\"}]")
            LOG_LINE("02:00", "tool_call_completed",
                     "\"tool_name\":\"Edit\",\"changes\":[{\"path\":\"a.c\",\"kind\":\"update\",\"added\":3,"
                     "\"removed\":0}]") LOG_LINE("03:00", "tool_call_failed",
                                                 "\"tool_name\":\"Bash\",\"tool_input\":{\"command\":"
                                                 "\"make\"},\"error_message\":\"no rule\\nmore\"")
                LOG_LINE("04:00", "tool_call_failed", "\"tool_name\":\"Bash\",\"status\":\"declined\"")
                    LOG_LINE("05:00", "message_received", "\"content\":\"Done ```\\nit\"") LOG_LINE(
                        "06:00", "run_completed",
                        "\"stop_reason\":\"end_turn\",\"duration_ms\":61500,\"cost_usd\":0.5,"
                        "\"models\":{\"m1\":{\"input_tokens\":7,\"output_tokens\":3,\"cost_usd\":0.5}},"
                        "\"token_usage\":{\"input_tokens\":7,\"output_tokens\":3}");
    expect(RUN(log, "--summary"), 0,
           "Fix [x](y)\nOutcome: completed (end_turn)\nUsed: 7 in, 3 out, $0.5000\nDuration: 61.5 s\n"
           "\nModels:\n  m1: 7 in, 3 out, $0.5000\n\nChanged:\n  a.c +5 -1\n  b.c add\n"
           "\nFailed calls:\n  Bash: make - no rule\n\nCalls not allowed:\n  Bash\n\nSaid last:\n  Done "
           "```\n  it\n",
           "");
    outcome end = RUN(log, "--summary=markdown");
    assert_non_null(strstr(end.out.data, "## `Fix [x](y)`\n"));
    assert_non_null(strstr(end.out.data, "\n````text\nDone ```\nit\n````\n"));
    release(&end);
    expect(
        RUN(log, "--summary=json"), 0,
        "{\"file\":\"-\",\"session_id\":\"s\",\"title\":\"Fix [x](y)\",\"cwd\":\"/src\",\"state\":\"done\","
        "\"outcome\":\"completed "
        "(end_turn)\",\"runs\":1,\"usage\":{\"input_tokens\":7,\"output_tokens\":3,\"cost_usd\":0.5},"
        "\"models\":{\"m1\":{\"count\":1,\"input_tokens\":7,\"output_tokens\":3,\"cost_usd\":0.5}},"
        "\"duration_s\":61.5,"
        "\"changes\":[{\"path\":\"a.c\",\"kind\":\"update\",\"added\":5,\"removed\":1},{\"path\":\"b.c\","
        "\"kind\":\"add\"}],"
        "\"failed_calls\":[{\"call\":\"Bash: make\",\"reason\":\"no "
        "rule\"}],\"calls_not_allowed\":[{\"call\":\"Bash\"}],"
        "\"said_last\":\"Done ```\\nit\"}\n",
        "");
    expect(RUN(STARTED, "--summary"), 0, "-\nOutcome: not ended\n", "");
    expect(RUN("{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n", "--summary",
               "--clock=2026-02-09T12:00:00Z"),
           0, "-\nOutcome: not ended (the stream ended before the run did)\n", "");
}

/* What was spent, told by steps without a message's id, and once more by the run's end; a run without such a whole. */
static void test_tokens_are_counted_once(void **state) {
    (void)state;
    static const char steps[] = LOG_LINE("00:00", "run_started", "") LOG_LINE(
        "01:00", "token_usage_updated", "\"model\":\"m1\",\"input_tokens\":10,\"output_tokens\":4")
        LOG_LINE("02:00", "token_usage_updated", "\"model\":\"m1\",\"input_tokens\":12,\"output_tokens\":6");
    static const char whole[] =
        LOG_LINE("03:00", "run_completed", "\"token_usage\":{\"input_tokens\":22,\"output_tokens\":10}");
    static const char none[] = LOG_LINE("03:00", "run_failed", "\"error_code\":\"stream_ended\"");
    const struct {
        const char *first, *second, *total;
    } cases[] = {{whole, "", "22 in, 10 out"},
                 {none, "", "22 in, 10 out"},
                 {none, whole, "44 in, 20 out"},
                 {whole, none, "44 in, 20 out"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char log[4096], used[100], model[100];
        snprintf(log, sizeof log, "%s%s%s%s", steps, cases[i].first, *cases[i].second ? steps : "",
                 cases[i].second);
        snprintf(used, sizeof used, "\nUsed: %s\n", cases[i].total);
        snprintf(model, sizeof model, "\n  m1: %s\n", cases[i].total);
        outcome end = RUN(log, "--summary");
        assert_non_null(strstr(end.out.data, used));
        assert_non_null(strstr(end.out.data, model));
        release(&end);
    }
}

/* ---- For other programs ---- */

static void test_wire_formats(void **state) {
    (void)state;
    static const char *const formats[] = {"ag-ui", "ai-sdk", "acp", "otlp", "cloudevents", "trace"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char option[64];
        snprintf(option, sizeof option, "--wire=%s", formats[i]);
        outcome end = RUN(SESSION, option);
        assert_int_equal(end.status, 0);
        assert_string_equal(end.err.data, "");
        assert_non_null(strchr(end.out.data, '{'));
        assert_null(strstr(end.out.data, "session started")); /* no text beside it */
        char file[500];
        snprintf(file, sizeof file, "--wire=%s:%s", formats[i], path_of("wire"));
        unlink(path_of("wire"));
        expect(RUN(SESSION, file), 0, STUDIO_SESSION, "");
        expect_file("wire", end.out.data);
        release(&end);
    }
    unlink(path_of("wire"));
    /* one trace in a file: what is there makes way, if it is one */
    char trace[500];
    snprintf(trace, sizeof trace, "--wire=trace:%s", path_of("wire"));
    outcome once = RUN(SESSION, "--wire=trace");
    for (int i = 0; i < 2; i++) {
        expect(RUN(SESSION, trace), 0, STUDIO_SESSION, "");
        expect_file("wire", once.out.data);
    }
    release(&once);
    write_file("wire", "a diary");
    outcome refused = RUN(SESSION, trace);
    assert_int_equal(refused.status, 2);
    assert_non_null(strstr(refused.err.data, "stays as it is"));
    release(&refused);
    expect_file("wire", "a diary");
    unlink(path_of("wire"));
    expect(RUN("", "--wire=soap"), 2, "",
           "asm-cat: --wire: 'soap' must be one of ag-ui, ai-sdk, acp, otlp, cloudevents, trace\n");
}

/* Secrets are gone from everything that is written, those that pieces cut, too. */
static void test_redact(void **state) {
    (void)state;
    static const char log[] = LOG_LINE("00:00", "message_streamed", "\"delta\":\"my key ghp_abcdefghij\"")
        LOG_LINE("01:00", "message_streamed", "\"delta\":\"0123456789abcdefghij012345 is\"") LOG_LINE(
            "02:00", "tool_call_started",
            "\"tool_name\":\"Bash\",\"tool_input\":{\"command\":\"curl https://me:pass1word@host\"}");
    static const char *const outputs[] = {"--jsonl=-", "--envelopes=-", "--log=-",       "--wire=ag-ui",
                                          "-rstudio",  "-rcompact",     "--summary=json"};
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) {
        outcome end = RUN(log, "--redact", outputs[i]);
        assert_int_equal(end.status, 0);
        assert_null(strstr(end.out.data, "abcdefghij"));
        assert_null(strstr(end.out.data, "pass1word"));
        assert_non_null(strstr(end.out.data, "redacted:github"));
        release(&end);
    }
}

/* Whole records stay, halves of them go, and nothing is made up: an object within a half is no record. */
static void test_repair(void **state) {
    (void)state;
    static const char damaged[] =
        "{\"type\":\"a\",\"n\":1}\r\n{\"type\":\"b\"}{\"type\":\"c\"}\n{\"type\":\"d\",\"x\":{\"y\":1}\n"
        "{\"type\":\"e\",\"te{\"type\":\"f\",\"x\":{\"y\":2}}\n\n \nnoise\n{\"type\":\"g\"";
    char expected[1000];
    unlink(path_of("new"));
    const char *from = write_file("damaged", damaged), *option = option_of("--repair=", "new");
    snprintf(expected, sizeof expected,
             "asm-cat: %s:2: 2 records on one line, set apart\n"
             "asm-cat: %s:3: 23 bytes that are no whole record left out, 0 records kept\n"
             "asm-cat: %s:4: 15 bytes that are no whole record left out, 1 record kept\n"
             "asm-cat: %s:7: 5 bytes that are no whole record left out, 0 records kept\n"
             "asm-cat: %s:8: 11 bytes that are no whole record left out, 0 records kept\n"
             "asm-cat: %s: 8 lines, 5 damaged; 4 records written to %s\n",
             from, from, from, from, from, from, path_of("new"));
    expect(RUN("", option, from), 1, "", expected);
    expect_file(
        "new",
        "{\"type\":\"a\",\"n\":1}\n{\"type\":\"b\"}\n{\"type\":\"c\"}\n{\"type\":\"f\",\"x\":{\"y\":2}}\n");
    outcome end = RUN("", option, from);
    assert_int_equal(end.status, 2);
    assert_non_null(strstr(end.err.data, "exists already"));
    release(&end);
    unlink(path_of("new"));
    FILE *file = fopen(path_of("damaged"), "w");
    assert_non_null(file);
    assert_int_equal(fwrite("\0\0{\"a\":1}\0\n{\"b\":2}\n", 1, 19, file), 19);
    fclose(file);
    end = RUN("", option, path_of("damaged"));
    assert_int_equal(end.status, 0);
    assert_non_null(strstr(end.err.data, ":1: 3 NUL bytes taken out\n"));
    expect_file("new", "{\"a\":1}\n{\"b\":2}\n");
    release(&end);
    unlink(path_of("new"));
}

static void test_times_before_lines(void **state) {
    (void)state;
    outcome end = RUN(SESSION, "--times");
    assert_non_null(strstr(end.out.data, "12:00:01 "));
    release(&end);
    end = RUN(SESSION, "--times=offset");
    assert_non_null(strstr(end.out.data, "+00:01 "));
    release(&end);
}

/* ---- Sessions on this machine ---- */

/* Writes a file below the home directory of the tests, and makes it `age` seconds old. */
static void keep_session(const char *path, const char *text, long age) {
    char name[600], command[1400];
    snprintf(name, sizeof name, "%s/home/%s", directory, path);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", name);
    assert_int_equal(system(command), 0);
    add_to_file(name, "w", text);
    const struct timespec changed = {time(NULL) - age, 0}, times[] = {changed, changed};
    assert_int_equal(utimensat(AT_FDCWD, name, times, 0), 0);
}

static void keep_sessions(void) {
    char home[300];
    snprintf(home, sizeof home, "%s/home", directory);
    setenv("HOME", home, 1);
    unsetenv("CLAUDE_CONFIG_DIR");
    unsetenv("CODEX_HOME");
    keep_session(".claude/projects/-a/11112222-aaaa.jsonl", "{\"sessionId\":\"1\",\"cwd\":\"/a\\\\b\"}\n",
                 300);
    keep_session(".claude/projects/-a/11113333-bbbb.jsonl", "{\"sessionId\":\"2\"}\n", 200);
    keep_session(".claude/projects/-a/agent-99.jsonl", "{}\n", 100);
    keep_session(
        ".codex/sessions/2026/01/02/rollout-2026-01-02T03-04-05-019982b8-3422-79e0-8b3b-05abaf4f3c3e.jsonl",
        "{\"payload\":{\"cwd\":\"/work\"}}\n", 100);
}

static void forget_sessions(void) {
    char command[400];
    snprintf(command, sizeof command, "rm -rf '%s/home'", directory);
    assert_int_equal(system(command), 0);
}

/* The fields of each line but time, state and path. */
static void expect_sessions(const char *const *arguments, const char *const *lines) {
    outcome end = run_to(PIPED, "", arguments);
    size_t count = 0;
    assert_int_equal(end.status, 0);
    for (char *line = strtok(end.out.data, "\n"); line; line = strtok(NULL, "\n"), count++) {
        assert_non_null(lines[count]);
        if (!strstr(line, lines[count])) fail_msg("%s is not in: %s", lines[count], line);
    }
    assert_null(lines[count]);
    release(&end);
}

static void test_sessions_are_listed(void **state) {
    (void)state;
    keep_sessions();
    expect_sessions((const char *const[]){"--sessions", NULL},
                    (const char *const[]){"\tcodex\t019982b8-3422-79e0-8b3b-05abaf4f3c3e\t\t\t/work\t",
                                          "\tclaude\t11113333-bbbb\t\t\t\t",
                                          "\tclaude\t11112222-aaaa\t\t\t/a\\b\t", NULL});
    outcome end = RUN("", "--sessions", "--here");
    assert_string_equal(end.out.data, "");
    assert_string_equal(end.err.data,
                        "asm-cat: no sessions of the agents that are known in this directory\n");
    release(&end);
    forget_sessions();
    end = RUN("", "--last");
    assert_int_equal(end.status, 2);
    assert_string_equal(end.err.data,
                        "asm-cat: no session of an agent that is known is kept on this machine\n");
    release(&end);
}

static void test_sessions_are_found_by_id(void **state) {
    (void)state;
    keep_sessions();
    keep_session(".kimi-code/sessions/wd_1/session_7/agents/main/wire.jsonl", SESSION, 20);
    keep_session(".omp/agent/sessions/w/7.jsonl", SESSION, 40);
    keep_session(".openclaw/agents/a/sessions/8.jsonl", SESSION, 60);
    keep_session(".copilot/session-state/9.jsonl", SESSION, 80);
    expect_sessions((const char *const[]){"--sessions", NULL},
                    (const char *const[]){"\tkimi\tsession_7\t", "\tomp\t7\t", "\topenclaw\t8\t",
                                          "\tcopilot\t9\t", "\tcodex\t", "\tclaude\t", "\tclaude\t", NULL});
    keep_session(".claude/projects/-a/5555.jsonl", SESSION, 1);
    outcome end = RUN("", "5555", "-rcompact");
    assert_non_null(strstr(end.out.data, "r+ sonnet-4-5 >> Hello"));
    release(&end);
    end = RUN("", "--last=claude", "-rcompact");
    assert_non_null(strstr(end.out.data, "r+ sonnet-4-5 >> Hello"));
    release(&end);
    end = RUN("", "1111");
    assert_int_equal(end.status, 2);
    assert_string_equal(end.err.data,
                        "asm-cat: 1111: several sessions have ids that begin so; --sessions lists them\n");
    release(&end);
    expect(RUN("", "2222"), 2, "", "asm-cat: 2222: No such file or directory\n");
    forget_sessions();
}

static void test_status_is_one_line(void **state) {
    (void)state;
    static const char todos[] = "{\"type\":\"todos_updated\",\"data\":{\"todos\":[{\"status\":\"completed\"},"
                                "{\"status\":\"pending\"}]}}\n";
    static const char usage[] = "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":48000,\"output_"
                                "tokens\":234,\"cost_usd\":0.41,\"cumulative\":true}}\n";
    static const struct {
        const char *stream, *line;
    } cases[] = {
        {STARTED TOOL_STARTED, "working: Read: a.c (10s)"},
        {STARTED HELLO, "working: waiting for the model (11s)"},
        {SESSION, "done (7s)"},
        {STARTED TOOL_STARTED TOOL_COMPLETED, "working: waiting for the model (9s)"},
        {"{\"ts\":\"2026-02-09T12:00:02Z\",\"type\":\"run_failed\",\"data\":{\"error_message\":"
         "\"overloaded\"}}\n",
         "failed: overloaded (10s)"},
        {STARTED "{\"ts\":\"2026-02-09T12:00:02Z\",\"type\":\"tool_approval_requested\",\"data\":{\"tool_"
                 "name\":\"Bash\",\"tool_call_id\":\"c\",\"tool_input\":{\"command\":\"rm x\"}}}\n",
         "needs_you: Bash: rm x (10s)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[200];
        const char *file = write_file("status", cases[i].stream);
        snprintf(line, sizeof line, "%s\n", cases[i].line);
        expect(RUN("", "--status", "--clock=2026-02-09T12:00:12Z", file), 0, line, "");
    }
    const char *file = path_of("status");
    add_to_file(file, "w", STARTED);
    add_to_file(file, "a", todos);
    add_to_file(file, "a", usage);
    outcome end = RUN("", "--status", file);
    assert_non_null(strstr(end.out.data, " | todo 1/2 | 48.2k tokens | $0.41\n"));
    release(&end);
    expect(RUN("", "--status={model} {state}[ title={title}][ todo={todo}]", file), 0,
           "claude-sonnet-4-5 working todo=1/2\n", "");
    /* What an editor tells before what the person asks for is no title. */
    add_to_file(file, "w",
                "{\"type\":\"message_sent\",\"data\":{\"content\":\"# Context from my IDE setup:\\n\\n## "
                "Open tabs:\\n- "
                "a.c\\n\\n## My request for Codex:\\nMend it\",\"role\":\"user\"}}\n");
    expect(RUN("", "--status={title}", file), 0, "Mend it\n", "");
    /* A file that tells no ends: the last words of a turn are one, a call is none. */
    add_to_file(
        file, "w",
        "{\"type\":\"user\",\"sessionId\":\"t\",\"parentUuid\":null,\"isSidechain\":false,\"uuid\":\"u\","
        "\"message\":{\"role\":\"user\",\"content\":\"go\"}}\n"
        "{\"type\":\"assistant\",\"sessionId\":\"t\",\"parentUuid\":\"u\",\"isSidechain\":false,\"uuid\":"
        "\"v\","
        "\"message\":{\"id\":\"m\",\"role\":\"assistant\",\"stop_reason\":\"end_turn\",\"content\":[{"
        "\"type\":"
        "\"text\",\"text\":\"Done.\"}],\"usage\":{\"input_tokens\":70,\"output_tokens\":2}}}\n");
    expect(RUN("", "--status={state} {tokens}", file), 0, "done 72\n", "");
    add_to_file(
        file, "a",
        "{\"type\":\"assistant\",\"sessionId\":\"t\",\"parentUuid\":\"v\",\"isSidechain\":false,\"uuid\":"
        "\"w\","
        "\"message\":{\"id\":\"n\",\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"k\","
        "\"name\":\"Read\",\"input\":{}}]}}\n");
    expect(RUN("", "--status={state}", file), 0, "working\n", "");
    /* Of a large file only the beginning and the end are read. */
    bytes large = {0};
    append(&large, STARTED, strlen(STARTED));
    for (int i = 0; i < 50000; i++)
        append(&large, HELLO, strlen(HELLO));
    append(&large, TOOL_STARTED, strlen(TOOL_STARTED));
    file = write_file("status", large.data);
    expect(RUN("", "--status={state}: {what}", file), 0, "working: Read: a.c\n", "");
    free(large.data);
    /* The last line of a document has no line end; one that is being written has none, either. */
    file = write_file("status", "{\n \"sessionId\": \"s\", \"projectHash\": \"h\", \"messages\": [\n"
                                "  {\"id\": \"a\", \"type\": \"gemini\", \"content\": \"Done.\"}]\n}");
    expect(RUN("", "--status={state}", file), 0, "done\n", "");
    add_to_file(file, "w", STARTED TOOL_STARTED "{\"type\":\"run_comp");
    expect(RUN("", "--status={state}", file), 0, "working\n", "");
    unlink(file);
}

static void test_what_is_not_read_has_no_status(void **state) {
    (void)state;
    char line[4200];
    const char *file = write_file("status", "{\"role\":\"user\",\"content\":\"c\",\"message_id\":\"m\"}\n");
    snprintf(line, sizeof line, "asm-cat: %s: this is a Vibe session; it is not read\n", file);
    expect(RUN("", "--status", file), 1, "", line);
    expect(RUN("", "--status", "--quiet", file), 1, "", "");
    unlink(file);
}

/* ---- On a terminal ---- */

/* Starts it with a terminal of 80 columns as its standard output; what it shows can be read from `*terminal`. */
static process start_on_terminal(int *terminal, const char *const *arguments) {
    *terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (*terminal < 0) skip(); /* a chroot without /dev/pts */
    assert_int_equal(grantpt(*terminal), 0);
    assert_int_equal(unlockpt(*terminal), 0);
    const int out = open(ptsname(*terminal), O_RDWR | O_NOCTTY);
    assert_true(out >= 0);
    setenv("TERM", "xterm", 1);
    process child = start_to(out, arguments);
    unsetenv("TERM");
    close(out);
    return child;
}

/* What runs is shown below the text, and goes before more of it comes; a message first takes it off the screen. */
static void test_transient_lines_on_a_terminal(void **state) {
    (void)state;
    int terminal;
    bytes seen = {0}, told = {0};
    process child = start_on_terminal(&terminal, (const char *const[]){"--color=never", NULL});
    send_text(&child, STARTED TOOL_STARTED);
    await(&terminal, &seen, "Reading a.c");
    const size_t shown = seen.size;
    send_text(&child, "bad\n");
    await(&child.err, &told, ":3:1: ");
    await(&terminal, &seen, "\033[1A\033[J");
    assert_non_null(strstr(seen.data + shown - 40, "\033[1A\033[J"));
    send_text(&child, TOOL_COMPLETED COMPLETED);
    await(&terminal, &seen, "Session complete");
    outcome end = finish(&child, "", 0);
    assert_int_equal(end.status, 1);
    release(&end);
    close(terminal);
    free(seen.data);
    free(told.data);
}

/* What a terminal was told of progress is taken back, also at a signal. */
static void test_progress_on_a_terminal(void **state) {
    (void)state;
    int terminal;
    bytes seen = {0};
    setenv("WT_SESSION", "1", 1);
    process child = start_on_terminal(&terminal, (const char *const[]){"--progress", NULL});
    unsetenv("WT_SESSION");
    send_text(&child, STARTED TOOL_STARTED);
    await(&terminal, &seen, "\033]9;4;3;0\033\\");
    await(&terminal, &seen, "Reading a.c");
    kill(child.pid, SIGINT);
    await(&terminal, &seen, "\033]9;4;0;0\033\\");
    outcome end = finish(&child, "", 0);
    release(&end);
    close(terminal);
    free(seen.data);
}

static void test_several_followed_on_a_terminal(void **state) {
    (void)state;
    int terminal;
    bytes seen = {0};
    const char *one = write_file("one", STARTED TOOL_STARTED), *two = write_file("two", SESSION);
    process child =
        start_on_terminal(&terminal, (const char *const[]){"-F", "--until-end",
                                                           "--clock=2026-02-09T12:01:00Z", one, two, NULL});
    await(&terminal, &seen, " one  working: Read: a.c (58s)");
    await(&terminal, &seen, " two  done (55s)");
    add_to_file(one, "a", TOOL_COMPLETED COMPLETED);
    await(&terminal, &seen, " one  done (55s)");
    outcome end = finish(&child, "", 0);
    assert_int_equal(end.status, 0);
    assert_null(strstr(seen.data, "session started"));
    release(&end);
    close(terminal);
    free(seen.data);
}

/* ---- What it must not do ---- */

/* A forgotten PATH must not append events to a recording. */
static void test_recordings_are_not_appended_to(void **state) {
    (void)state;
    static const char *const options[] = {"--jsonl", "--jsonl-compact", "--envelopes", "--log"};
    static const char *const ours[] = {SESSION, "{\"t\":1,\"e\":{\"t\":\"rs\"}}\n",
                                       "{\"type\":\"agent.status\"}\n", "text\n"};
    static const char *const others[] = {CLAUDE, "{\"a\":1}\n", CLAUDE "\n", CLAUDE "{\"ha"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        for (size_t j = 0; j < sizeof others / sizeof *others; j++) {
            const char *file = write_file("recording", others[j]);
            outcome end = RUN(SESSION, options[i], file);
            assert_int_equal(end.status, 2);
            assert_string_equal(end.out.data, "");
            assert_non_null(strstr(end.err.data, "nothing is appended to it"));
            assert_non_null(strstr(end.err.data, "=PATH "));
            release(&end);
            expect_file("recording", others[j]);
        }
        outcome end = RUN(SESSION, options[i], write_file("recording", ours[i]));
        assert_int_equal(end.status, 0);
        release(&end);
        end = RUN(SESSION, options[i], write_file("recording", ""));
        assert_int_equal(end.status, 0);
        release(&end);
    }
}

static void test_created_files_are_for_their_user(void **state) {
    (void)state;
    static const char *const outputs[] = {"--jsonl=", "--log=", "--envelopes="};
    for (size_t i = 0; i < 3; i++) {
        struct stat status;
        const char *option = option_of(outputs[i], "private");
        unlink(path_of("private"));
        outcome end = RUN(SESSION, "-rpassthrough", option);
        release(&end);
        assert_int_equal(stat(path_of("private"), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
        unlink(path_of("private"));
        end = RUN(SESSION, "-rpassthrough", "--mode=640", option);
        release(&end);
        assert_int_equal(stat(path_of("private"), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0640);
    }
    expect(RUN("", "--mode=8"), 2, "",
           "asm-cat: --mode: '8' must be permissions from 1 to 777, such as 640\n");
}

/* An output that fails is told once and gets no more; what is shown goes on. */
static void test_an_output_that_fails_does_not_stop_the_view(void **state) {
    (void)state;
    process child = START("-rcompact", "--jsonl=/dev/full", option_of("--jsonl=", "second"));
    bytes seen = {0}, told = {0};
    send_text(&child, STARTED);
    await(&child.err, &told, "asm-cat: /dev/full: No space left on device: nothing more is written to it\n");
    send_text(&child, HELLO COMPLETED);
    await(&child.out, &seen, "r-:end");
    outcome end = finish(&child, "", 0);
    assert_string_equal(end.err.data, "");
    assert_int_equal(end.status, 2);
    expect_file("second", STARTED HELLO COMPLETED);
    release(&end);
    free(seen.data);
    free(told.data);
    unlink(path_of("second"));
}

/* Two programs log records of any size to one file. */
static void test_a_log_of_two_programs(void **state) {
    (void)state;
    enum { RECORDS = 20, SIZE = 150000 };
    char *text = malloc(SIZE + 1);
    bytes input = {0};
    const char *option = option_of("--jsonl=", "both");
    assert_non_null(text);
    memset(text, 'x', SIZE);
    text[SIZE] = 0;
    for (int i = 0; i < RECORDS; i++) {
        append(&input, "{\"type\":\"message_sent\",\"data\":{\"content\":\"", 42);
        append(&input, text, SIZE);
        append(&input, "\"}}\n", 4);
    }
    unlink(path_of("both"));
    const char *file = write_file("both.in", input.data);
    process first = START("-rpassthrough", option, file), second = START("-rpassthrough", option, file);
    outcome ends[] = {finish(&first, "", 0), finish(&second, "", 0)};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(ends[i].status, 0);
        release(&ends[i]);
    }
    outcome end = RUN("", "-rpassthrough", "--stats", path_of("both"));
    assert_int_equal(end.status, 0);
    assert_non_null(strstr(end.err.data, "  message_sent                          40\n"));
    release(&end);
    free(text);
    free(input.data);
    unlink(path_of("both"));
    unlink(path_of("both.in"));
}

/* A reader that takes nothing does not keep it from ending; nor does a file that may not grow. */
static void test_a_signal_ends_it_while_output_is_stuck(void **state) {
    (void)state;
    process child = START("--jsonl=-");
    pid_t writer = start_writer(&child, "", SESSION, 2000, "");
    pause_milliseconds(300);
    kill(child.pid, SIGTERM);
    int status;
    struct timespec begun, ended;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_true(ended.tv_sec - begun.tv_sec <= 5);
    close_once(&child.out);
    close_once(&child.err);
    kill(writer, SIGKILL);
    waitpid(writer, &status, 0);
}

static void test_a_file_that_may_not_grow(void **state) {
    (void)state;
    struct rlimit before, limit;
    unlink(path_of("limited"));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 300;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    outcome end = RUN(SESSION, option_of("--jsonl=", "limited"));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_string_equal(end.out.data, STUDIO_SESSION);
    assert_non_null(strstr(end.err.data, ": File too large: nothing more is written to it\n"));
    assert_int_equal(end.status, 2);
    release(&end);
    unlink(path_of("limited"));
}

/* The first ten of a kind, then their number. */
static void test_messages_do_not_flood(void **state) {
    (void)state;
    bytes input = {0};
    for (int i = 0; i < 25; i++)
        append(&input, "bad\n", 4);
    append(&input, HELLO, strlen(HELLO));
    outcome end = RUN(input.data, "-rpassthrough");
    size_t lines = 0;
    for (const char *p = end.err.data; (p = strchr(p, '\n')) != NULL; p++)
        lines++;
    assert_int_equal(lines, 11);
    assert_non_null(strstr(end.err.data, ": 15 more\n"));
    assert_int_equal(end.status, 1);
    release(&end);
    free(input.data);
}

static void test_nothing_understood_is_told(void **state) {
    (void)state;
    outcome end = RUN("{\"a\":1}\n{\"b\":2}\n", "-");
    assert_int_equal(end.status, 1);
    assert_non_null(strstr(end.err.data, "asm-cat: -: no events in 2 lines\n"));
    release(&end);
    end = RUN("", "-");
    assert_int_equal(end.status, 0);
    release(&end);
    /* Most of it was not: what it is shows on standard output, and that it is little on the other. */
    end = RUN("{\"type\":\"a\"}\n{\"type\":\"b\"}\n{\"type\":\"text\",\"data\":\"c\"}\n", "--from=grok");
    assert_non_null(strstr(end.out.data, "? grok.a\n"));
    assert_string_equal(end.err.data, "asm-cat: -: 2 of 3 lines are of unknown type: is it a Grok stream?\n");
    assert_int_equal(end.status, 1);
    release(&end);
    expect(RUN("\x28\xB5\x2F\xFD...", "-"), 1, "",
           "asm-cat: -: is packed: unpack it, zstd -dc FILE | asm-cat\n");
}

static void test_words_that_people_try_get_a_hint(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"-r=compact", "-r=compact: write -r compact"},
        {"--no-color", "unknown option --no-color: write --color=never"},
        {"-v", "unknown option -v: write -r verbose, or -V"},
        {"--verbose", "unknown option --verbose: write --renderer=verbose"},
        {"--from=CLAUDE", "--from: 'CLAUDE' is unknown: did you mean claude?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[256];
        snprintf(line, sizeof line, "asm-cat: %s\n", cases[i][1]);
        expect(RUN("", cases[i][0]), 2, "", line);
    }
}

/* Without a UTF-8 locale only ASCII leaves, on both outputs. */
static void test_only_ascii_leaves_without_a_utf8_locale(void **state) {
    (void)state;
    static const char *const renderers[] = {"-rcompact", "-rverbose", "-rstudio"};
    setenv("LC_ALL", "C", 1);
    for (size_t i = 0; i < 3; i++) {
        outcome end = RUN("{\"type\":\"message_streamed\",\"data\":{\"delta\":\"\\u00db2J \xC3\x9B\"}}\n"
                          "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"\xC3\x9B\"}}\nbad\n",
                          renderers[i], "--stats", "-", "f\xC3\x9Bile");
        for (size_t at = 0; at < end.out.size; at++)
            assert_true((unsigned char)end.out.data[at] < 0x80);
        for (size_t at = 0; at < end.err.size; at++)
            assert_true((unsigned char)end.err.data[at] < 0x80);
        assert_non_null(strstr(end.out.data, "<U+00DB>"));
        assert_non_null(strstr(end.err.data, "f<U+00DB>ile"));
        release(&end);
    }
    setenv("LC_ALL", "C.UTF-8", 1);
}

/* Any number of sessions, and sums past the largest number. */
static void test_stats_of_many_sessions_and_large_numbers(void **state) {
    (void)state;
    bytes input = {0};
    for (int i = 0; i < 1000; i++) {
        char line[300];
        const int size =
            snprintf(line, sizeof line,
                     "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":10,\"output_tokens\":1,"
                     "\"cost_usd\":0.01,\"cumulative\":true},\"session_id\":\"s%d\"}\n",
                     i % 500);
        append(&input, line, (size_t)size);
    }
    outcome end = RUN(input.data, "-rpassthrough", "--stats");
    assert_non_null(strstr(end.err.data, "sessions                               500\n"
                                         "input tokens                          5000\n"
                                         "output tokens                          500\n"
                                         "cost                               $5.0000\n"));
    release(&end);
    free(input.data);
    end = RUN("{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9223372036854775807,\"message_"
              "id\":\"a\"}}\n"
              "{\"type\":\"token_usage_updated\",\"data\":{\"input_tokens\":9223372036854775807,\"message_"
              "id\":\"b\"}}\n"
              "{\"type\":\"run_completed\",\"data\":{\"cost_usd\":1e308,\"duration_ms\":1e308}}\n"
              "{\"type\":\"run_completed\",\"data\":{\"cost_usd\":1e308,\"duration_ms\":1e308}}\n",
              "-rcompact", "--stats");
    assert_non_null(
        strstr(end.err.data,
               "input tokens                  9223372036854775807  at least: there is no larger number\n"));
    assert_non_null(strstr(
        end.err.data, "cost                          $1.79769e+308  at least: there is no larger number\n"));
    assert_null(strstr(end.out.data, "null"));
    assert_null(strstr(end.err.data, "inf"));
    release(&end);
}

/* The manual page and completions come from the table of options: every option is in each. */
static void test_manual_and_completions(void **state) {
    (void)state;
    static const char *const pages[] = {"--man", "--completions=bash", "--completions=zsh",
                                        "--completions=fish"};
    outcome help = RUN("", "--help");
    for (size_t i = 0; i < 4; i++) {
        outcome page = RUN("", pages[i]);
        bytes plain = {0};
        assert_int_equal(page.status, 0);
        assert_string_equal(page.err.data, "");
        for (const char *p = page.out.data; *p; p++)
            if (*p != '\\') append(&plain, p, 1); /* roff escapes dashes */
        for (const char *p = help.out.data; (p = strstr(p, " --")) != NULL; p += 3) {
            char name[64];
            const size_t size = strspn(p + 3, "abcdefghijklmnopqrstuvwxyz-");
            if (strncmp(p - 3, "   ", 3) != 0 && p[-1] != ',') continue; /* within a sentence or an example */
            snprintf(name, sizeof name, "%.*s", (int)size, p + 3);
            if (!strstr(plain.data, name)) fail_msg("%s does not mention %s", pages[i], name);
        }
        release(&page);
        free(plain.data);
    }
    release(&help);
}

/* ---- Memory ---- */

enum { MEGABYTE = 1024 * 1024, LONG_LINE = 64 /* megabytes */ };

/* Peak memory of asm-cat, in kilobytes, for a line with a text of so many megabytes between `begin` and `end`.
 * The line never stands in our own memory: a child is measured from its fork on. */
static long peak_for_text(const char *begin, size_t megabytes, const char *end_of_line,
                          const char *const *arguments) {
    static char text[MEGABYTE + 1];
    memset(text, 'x', MEGABYTE);
    for (size_t i = 60; i < MEGABYTE; i += 60)
        memcpy(text + i, "\\n", 2);
    int null = open("/dev/null", O_WRONLY);
    process child = start_to(null, arguments);
    close(null);
    pid_t writer = start_writer(&child, begin, text, megabytes, end_of_line);
    outcome end = finish(&child, "", 0);
    int status;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_int_equal(end.status, 0);
    assert_string_equal(end.err.data, "");
    long peak = end.peak_kilobytes;
    release(&end);
    return peak;
}

static void test_memory_is_the_longest_line_and_4_megabytes(void **state) {
    static const char *const lines[][2] = {
        {"{\"type\":\"message_streamed\",\"data\":{\"delta\":\"", "\"}}\n"},
        {"{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"tool_use_id\":\"t\","
         "\"type\":\"tool_result\",\"content\":\"",
         "\"}]},\"session_id\":\"s\"}\n"},
        {"{\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
         "\"content\":[{\"type\":\"text\",\"text\":\"",
         "\"}],\"tool_use_id\":\"t\"}]},\"session_id\":\"s\\u0031\"}\n"},
        {"{\"type\":\"assistant\",\"message\":{\"id\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"",
         "\"}]},\"session_id\":\"s\"}\n{\"type\":\"result\",\"subtype\":\"success\",\"session_id\":\"s\"}\n"},
        {"{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"command_execution\","
         "\"command\":\"make\",\"aggregated_output\":\"",
         "\",\"exit_code\":0,\"status\":\"completed\"}}\n"},
        {"{\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"agent_message\",\"text\":\"",
         "\"}}\n"},
    };
    (void)state;
    const char *log = option_of("--log=", "long.log");
    const char *arguments[] = {
        "-rstudio", "--tool-output=full", "--jsonl=-", "--jsonl-compact=-", log, "--log=-", "--stats", "-q",
        NULL};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        unlink(path_of("long.log"));
        long least = peak_for_text(lines[i][0], 0, lines[i][1], arguments);
        long most = peak_for_text(lines[i][0], LONG_LINE, lines[i][1], arguments);
        struct stat written;
        assert_int_equal(stat(path_of("long.log"), &written), 0);
        assert_true(written.st_size > (LONG_LINE - 8) * (off_t)MEGABYTE);
        if (most - least > (LONG_LINE + 4) * 1024L)
            fail_msg("%ld KB for %d MB in %s, %ld KB without", most, LONG_LINE, lines[i][0], least);
    }
}

/* ---- Golden files ---- */

#define GOLDEN "tests/golden"

/* Sets the arguments for a file like s11.studio-full.tty.txt; false if it is none of ours. */
static bool golden_arguments(const char *name, const char **arguments, char (*words)[64]) {
    char kind[64];
    const char *dot = strchr(name, '.');
    if (!dot || sscanf(dot, ".%63[^.]", kind) != 1 || !strstr(dot, ".txt") || strstr(dot, ".tty."))
        return false;
    const char *mode = strchr(kind, '-');
    snprintf(words[0], 64, "--renderer=%.*s", (int)(mode ? (size_t)(mode - kind) : strlen(kind)), kind);
    snprintf(words[1], 64, "--tool-output=%s", mode ? mode + 1 : "summary");
    snprintf(words[2], 64, "--tty=%s", strstr(dot, ".tty.") ? "always" : "never");
    snprintf(words[3], 64, "--color=%s", strstr(dot, ".tty.") || strstr(dot, ".color.") ? "always" : "never");
    for (size_t i = 0; i < 4; i++)
        arguments[i] = words[i];
    return true;
}

/* For each file in tests/golden whose name ends so: calls `check` with its name and its stream's path. */
static size_t for_each_golden(const char *end, void (*check)(const char *name, const char *stream)) {
    size_t count = 0;
    DIR *golden = opendir(GOLDEN);
    assert_non_null(golden);
    for (struct dirent *entry; (entry = readdir(golden)) != NULL;) {
        const char *name = entry->d_name;
        char stream[300];
        if (strlen(name) < strlen(end) || strcmp(name + strlen(name) - strlen(end), end) != 0) continue;
        snprintf(stream, sizeof stream, GOLDEN "/%.*s.events.jsonl", (int)strcspn(name, "."), name);
        check(name, stream);
        count++;
    }
    closedir(golden);
    return count;
}

static void check_golden_text(const char *name, const char *stream) {
    const char *arguments[8] = {NULL};
    char words[4][64], path[300];
    if (!golden_arguments(name, arguments, words)) return;
    arguments[4] = stream;
    snprintf(path, sizeof path, GOLDEN "/%s", name);
    bytes golden = read_file(path);
    outcome end = run_to(PIPED, "", arguments);
    if (end.out.size != golden.size || memcmp(end.out.data, golden.data, golden.size) != 0)
        fail_msg("%s differs", name);
    assert_string_equal(end.err.data, "");
    assert_int_equal(end.status, 0);
    release(&end);
    free(golden.data);
}

static void test_golden_texts(void **state) {
    (void)state;
    assert_true(for_each_golden(".txt", check_golden_text) > 0);
}

static void check_golden_jsonl(const char *name, const char *stream) {
    char path[300];
    snprintf(path, sizeof path, GOLDEN "/%s", name);
    bytes golden = read_file(path);
    const char *preset = strchr(name, '-');
    char option[64] = "--jsonl-compact=-";
    if (preset) snprintf(option, sizeof option, "--preset=%.*s", (int)strcspn(preset + 1, "."), preset + 1);
    outcome end = preset ? RUN("", "--envelopes=-", option, stream) : RUN("", option, stream);
    assert_int_equal(end.status, 0);
    const char *left = golden.data, *right = end.out.data;
    while (*left && *right) {
        asm_str a = asm_str_make(left, strcspn(left, "\n")), b = asm_str_make(right, strcspn(right, "\n"));
        if (!same_json(a, b))
            fail_msg("%s: %.*s is not %.*s", name, (int)b.size, b.data, (int)a.size, a.data);
        left += a.size + 1;
        right += b.size + 1;
    }
    assert_true(*left == 0 && *right == 0);
    release(&end);
    free(golden.data);
}

static void test_golden_compact_jsonl(void **state) {
    (void)state;
    assert_true(for_each_golden(".compact.jsonl", check_golden_jsonl) > 0);
}

static void test_golden_envelopes(void **state) {
    (void)state;
    assert_true(for_each_golden("-minimal.jsonl", check_golden_jsonl) > 0);
    assert_true(for_each_golden("-standard.jsonl", check_golden_jsonl) > 0);
    assert_true(for_each_golden("-debug.jsonl", check_golden_jsonl) > 0);
}

/* ---- Topics and envelopes ---- */

#define EVIL_SESSION                                                                                         \
    "{\"type\":\"message_sent\",\"data\":{},\"session_id\":\"a:b*\\u001b\\u009b\\nc\",\"run_id\":\"r\"}\n"

static void test_topics(void **state) {
    (void)state;
    expect(RUN(SESSION, "--topics=session"), 0,
           "asm:session:ses_1\trun_started\nasm:session:ses_1\tmessage_streamed\n"
           "asm:session:ses_1\ttool_call_started\nasm:session:ses_1\ttool_call_completed\n"
           "asm:session:ses_1\trun_completed\n",
           "");
    expect(RUN(SESSION, "--topics=type", "--prefix=my:app",
               "--subscribe=my%3Aapp:session:ses_1:type:run_started",
               "--subscribe=*:session:*:type:run_completed"),
           0,
           "my%3Aapp:session:ses_1:type:run_started\trun_started\n"
           "my%3Aapp:session:ses_1:type:run_completed\trun_completed\n",
           "");
    expect(RUN(EVIL_SESSION, "--topics=run", "--subscribe=asm:session:*:run:r"), 0,
           "asm:session:a%3Ab%2A%1B<U+009B>%0Ac:run:r\tmessage_sent\n", "");
}

static void test_topics_are_printed_beside_a_log(void **state) {
    (void)state;
    expect(RUN(EVIL_SESSION, "--topics=run", "--subscribe=nobody", option_of("--jsonl=", "topics.jsonl")), 0,
           "", "");
    bytes log = read_file(path_of("topics.jsonl"));
    assert_non_null(strstr(log.data, "message_sent"));
    free(log.data);
}

static void test_envelopes_go_to_a_file(void **state) {
    (void)state;
    const char *file = option_of("--envelopes=", "envelopes.jsonl");
    expect(RUN(SESSION, file, "--preset=minimal"), 0, STUDIO_SESSION, "");
    bytes envelopes = read_file(path_of("envelopes.jsonl"));
    assert_non_null(strstr(envelopes.data, "\"type\":\"agent.tool.completed\""));
    assert_null(strstr(envelopes.data, "agent.stream.chunk"));
    free(envelopes.data);
    expect(RUN(SESSION, "--envelopes=/dev/full"), 2, STUDIO_SESSION,
           "asm-cat: /dev/full: No space left on device: nothing more is written to it\n");
}

/* ---- All of them ---- */

static int set_up(void **state) {
    (void)state;
    static const char *const unset[] = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"};
    for (size_t i = 0; i < sizeof unset / sizeof *unset; i++)
        unsetenv(unset[i]);
    setenv("LC_ALL", "C.UTF-8", 1);
    signal(SIGPIPE, SIG_IGN); /* a process may end before it took all its input */
    program = getenv("ASM_CAT") ? getenv("ASM_CAT") : "build/asm-cat";
    strcpy(directory, "/tmp/test_asm_cat.XXXXXX");
    return mkdtemp(directory) ? 0 : -1;
}

static int clean_up(void **state) {
    (void)state;
    DIR *files = opendir(directory);
    if (!files) return -1;
    for (struct dirent *entry; (entry = readdir(files)) != NULL;)
        unlink(path_of(entry->d_name)); /* fails for . and .. */
    closedir(files);
    return rmdir(directory);
}

int main(void) {
    signal(SIGINT, SIG_DFL); /* ignored in what a shell runs in the background */
    signal(SIGHUP, SIG_DFL); /* and under nohup */
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_help_tells_every_option_in_80_columns),
        cmocka_unit_test(test_wrong_usage_is_one_line_and_status_2),
        cmocka_unit_test(test_unknown_format_names_those_that_there_are),
        cmocka_unit_test(test_more_outputs_than_there_is_room_for),
        cmocka_unit_test(test_words_after_two_dashes_are_files),
        cmocka_unit_test(test_studio_is_the_default),
        cmocka_unit_test(test_the_other_renderers),
        cmocka_unit_test(test_studio_options),
        cmocka_unit_test(test_color_follows_option_and_environment),
        cmocka_unit_test(test_symbols_are_ascii_without_a_utf8_locale),
        cmocka_unit_test(test_control_characters_reach_the_output_only_raw),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_files_in_turn),
        cmocka_unit_test(test_ids_and_times_for_streams_without),
        cmocka_unit_test(test_without_clock_events_get_the_time_of_day),
        cmocka_unit_test(test_times_of_the_stream_win_over_the_clock),
        cmocka_unit_test(test_bad_lines_are_reported_and_skipped),
        cmocka_unit_test(test_lines_are_counted_for_each_file),
        cmocka_unit_test(test_a_last_line_cut_short_is_reported),
        cmocka_unit_test(test_remarkable_input_is_told_but_is_no_error),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_a_file_that_is_input_and_output_is_refused),
        cmocka_unit_test(test_jsonl_and_log_files),
        cmocka_unit_test(test_a_dash_takes_standard_output_from_the_text),
        cmocka_unit_test(test_half_a_line_at_the_end_of_a_log_is_ended),
        cmocka_unit_test(test_jsonl_read_again_is_written_the_same),
        cmocka_unit_test(test_outputs_that_cannot_be_opened),
        cmocka_unit_test(test_a_full_disk_ends_it_in_one_line),
        cmocka_unit_test(test_a_closed_standard_output),
        cmocka_unit_test(test_numbers_that_cannot_be_written),
        cmocka_unit_test(test_a_closed_standard_input),
        cmocka_unit_test(test_messages_stand_behind_the_text_of_the_lines_before),
        cmocka_unit_test(test_a_closed_pipe_ends_it_quietly),
        cmocka_unit_test(test_stats),
        cmocka_unit_test(test_stats_count_nothing_twice),
        cmocka_unit_test(test_stats_of_an_open_run),
        cmocka_unit_test(test_output_appears_as_events_arrive),
        cmocka_unit_test(test_signals_end_it_properly),
        cmocka_unit_test(test_a_signal_invents_nothing),
        cmocka_unit_test(test_a_signal_ends_it_while_input_never_stops),
        cmocka_unit_test(test_a_second_signal_ends_it_at_once),
        cmocka_unit_test(test_signals_that_were_ignored_stay_ignored),
        cmocka_unit_test(test_follow_through_growth_truncation_and_replacement),
        cmocka_unit_test(test_follow_ends_with_standard_input_and_with_its_reader),
        cmocka_unit_test(test_follow_a_file_that_is_rewritten_longer),
        cmocka_unit_test(test_follow_several_files),
        cmocka_unit_test(test_fail_tells_how_runs_ended),
        cmocka_unit_test(test_recordings_are_not_appended_to),
        cmocka_unit_test(test_created_files_are_for_their_user),
        cmocka_unit_test(test_an_output_that_fails_does_not_stop_the_view),
        cmocka_unit_test(test_a_log_of_two_programs),
        cmocka_unit_test(test_a_signal_ends_it_while_output_is_stuck),
        cmocka_unit_test(test_a_file_that_may_not_grow),
        cmocka_unit_test(test_messages_do_not_flood),
        cmocka_unit_test(test_nothing_understood_is_told),
        cmocka_unit_test(test_words_that_people_try_get_a_hint),
        cmocka_unit_test(test_only_ascii_leaves_without_a_utf8_locale),
        cmocka_unit_test(test_stats_of_many_sessions_and_large_numbers),
        cmocka_unit_test(test_manual_and_completions),
        cmocka_unit_test(test_filters),
        cmocka_unit_test(test_summary),
        cmocka_unit_test(test_tokens_are_counted_once),
        cmocka_unit_test(test_wire_formats),
        cmocka_unit_test(test_redact),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_times_before_lines),
        cmocka_unit_test(test_transient_lines_on_a_terminal),
        cmocka_unit_test(test_progress_on_a_terminal),
        cmocka_unit_test(test_several_followed_on_a_terminal),
        cmocka_unit_test(test_sessions_are_listed),
        cmocka_unit_test(test_sessions_are_found_by_id),
        cmocka_unit_test(test_status_is_one_line),
        cmocka_unit_test(test_what_is_not_read_has_no_status),
        cmocka_unit_test(test_memory_is_the_longest_line_and_4_megabytes),
        cmocka_unit_test(test_golden_texts),
        cmocka_unit_test(test_golden_compact_jsonl),
        cmocka_unit_test(test_golden_envelopes),
        cmocka_unit_test(test_topics),
        cmocka_unit_test(test_topics_are_printed_beside_a_log),
        cmocka_unit_test(test_envelopes_go_to_a_file),
    };
    return cmocka_run_group_tests(tests, set_up, clean_up);
}
