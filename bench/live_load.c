/* SPDX-License-Identifier: MIT OR Unlicense */
/* What the live page costs: sessions that each have an event a second, viewers that each get the list and one session, one
 * of them stalled.
 *
 *     live_load ASM-LIVE [SESSIONS [VIEWERS [SECONDS]]]
 *
 * Starts the program with a directory of its own, writes events to its socket, each with the time in its text, and reads all
 * streams: how long each event was under way, and what the program took. All of it is on one machine: the reading costs more
 * than what is measured, and others may be at work.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LATENCIES = 4 * 1024 * 1024, LONGEST_MARK = 64 };

struct viewer {
    int fd;
    bool is_stalled;
    uint64_t bytes, events, lists;
    char rest[LONGEST_MARK]; /* the end of what was read, as a mark may be cut */
    size_t rest_size;
};

struct load {
    unsigned sessions, viewers, seconds, port;
    char directory[256], socket[300], token[128];
    pid_t server;
    int feed, epoll, told;
    struct viewer *all;
    uint32_t *latencies; /* microseconds */
    size_t latency_count;
    bool measures;
    char *waiting; /* bytes that the feed did not take */
    size_t waiting_size, waiting_capacity;
    int feed_error;       /* why it took none the last time */
    int64_t feed_stopped; /* since when, in microseconds; 0: it takes what there is */
};

static void fail(const char *what) {
    fprintf(stderr, "live_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- The server ---- */

static void run_server(const struct load *load, const char *program, int out) {
    char socket_option[320], viewers[40];
    snprintf(socket_option, sizeof socket_option, "--socket=%s", load->socket);
    snprintf(viewers, sizeof viewers, "--viewers=%u", load->viewers + 1);
    setenv("XDG_STATE_HOME", load->directory, 1);
    dup2(out, STDOUT_FILENO);
    execl(program, program, "--port=0", socket_option, viewers, (char *)NULL);
    fail(program);
}

/* Starts it, and reads the address that it tells. */
static void start_server(struct load *load, const char *program) {
    int ends[2];
    char line[512];
    if (pipe(ends) != 0) fail("pipe");
    load->server = fork();
    if (load->server < 0) fail("fork");
    if (load->server == 0) run_server(load, program, ends[1]);
    close(ends[1]);
    load->told = ends[0];
    FILE *told = fdopen(ends[0], "r");
    if (!told || !fgets(line, sizeof line, told) ||
        sscanf(line, "http://127.0.0.1:%u/?token=%127s", &load->port, load->token) != 2) {
        fprintf(stderr, "live_load: the server did not tell its address: %s\n", line);
        exit(1);
    }
}

/* A number of /proc/PID/status in KiB. */
static long status_of(const struct load *load, const char *name) {
    char path[64], line[256];
    long value = -1;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)load->server);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0) value = strtol(line + strlen(name) + 1, NULL, 10);
    if (file) fclose(file);
    return value;
}

/* Seconds of processor time that it took. */
static double processor_time(const struct load *load) {
    char path[64], text[1024];
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)load->server);
    FILE *file = fopen(path, "r");
    if (!file) return 0;
    const size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = 0;
    const char *end = strrchr(text, ')');
    if (!end ||
        sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_time) != 2)
        return 0;
    return (double)(user + system_time) / (double)sysconf(_SC_CLK_TCK);
}

/* ---- The feed ---- */

static void connect_feed(struct load *load) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strlen(load->socket) >= sizeof address.sun_path) fail("the name of the directory is too long");
    memcpy(address.sun_path, load->socket, strlen(load->socket) + 1);
    for (int i = 0; i < 1000; i++) { /* the server may not listen yet */
        load->feed = socket(AF_UNIX, SOCK_STREAM, 0);
        if (load->feed < 0) fail("socket");
        if (connect(load->feed, (const struct sockaddr *)(const void *)&address, sizeof address) == 0) break;
        if (i == 999) fail(load->socket);
        close(load->feed);
        poll(NULL, 0, 10);
    }
    fcntl(load->feed, F_SETFL, O_NONBLOCK);
}

static void flush_feed(struct load *load) {
    size_t done = 0;
    while (done < load->waiting_size) {
        const ssize_t size = write(load->feed, load->waiting + done, load->waiting_size - done);
        if (size <= 0) {
            load->feed_error = errno;
            break;
        }
        done += (size_t)size;
    }
    if (done > 0 || load->waiting_size == 0) load->feed_stopped = 0;
    else if (load->feed_stopped == 0) load->feed_stopped = microseconds();
    memmove(load->waiting, load->waiting + done, load->waiting_size - done);
    load->waiting_size -= done;
}

static void feed(struct load *load, const char *text, size_t size) {
    if (load->waiting_size + size > load->waiting_capacity) {
        load->waiting_capacity = 2 * (load->waiting_size + size);
        load->waiting = (char *)realloc(load->waiting, load->waiting_capacity);
        if (!load->waiting) fail("memory");
    }
    memcpy(load->waiting + load->waiting_size, text, size);
    load->waiting_size += size;
}

static void feed_event(struct load *load, unsigned session, bool is_first) {
    char line[512];
    const int size =
        is_first
            ? snprintf(line, sizeof line,
                       "{\"type\":\"run_started\",\"data\":{\"model\":\"m-1\",\"cwd\":\"/srv/site-%u\"},"
                       "\"session_id\":\"session-%u\",\"run_id\":\"run_1\",\"provider\":\"load\"}\n",
                       session % 40, session)
            : snprintf(
                  line, sizeof line,
                  "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"@%" PRId64
                  "@ and some words more that a model says\",\"role\":\"assistant\",\"message_id\":\"m\"},"
                  "\"session_id\":\"session-%u\",\"run_id\":\"run_1\",\"provider\":\"load\"}\n",
                  microseconds(), session);
    feed(load, line, (size_t)size);
}

/* ---- Viewers ---- */

static void connect_viewer(struct load *load, unsigned number) {
    struct viewer *viewer = &load->all[number];
    struct sockaddr_in address;
    struct epoll_event event;
    char request[512];
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)load->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    viewer->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (viewer->fd < 0 ||
        connect(viewer->fd, (const struct sockaddr *)(const void *)&address, sizeof address) != 0)
        fail("a viewer");
    const int size =
        snprintf(request, sizeof request,
                 "GET /api/events?list=1&session=session-%u&last=0 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                 "Authorization: Bearer %s\r\n\r\n",
                 number % load->sessions, load->port, load->token);
    if (write(viewer->fd, request, (size_t)size) != size) fail("a viewer");
    fcntl(viewer->fd, F_SETFL, O_NONBLOCK);
    if (viewer->is_stalled) return;
    memset(&event, 0, sizeof event);
    event.events = EPOLLIN;
    event.data.u32 = number;
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, viewer->fd, &event) != 0) fail("epoll");
}

/* Looks for events' times, and for frames of the list. */
static void look_for_marks(struct load *load, struct viewer *viewer, const char *data, size_t size,
                           int64_t now) {
    const char *at = data, *end = data + size;
    while ((at = (const char *)memchr(at, '@', (size_t)(end - at))) != NULL) {
        char *stop;
        const long long sent = strtoll(at + 1, &stop, 10);
        if (stop >= end) break;
        if (stop > at + 1 && *stop == '@') {
            viewer->events++;
            if (load->measures && load->latency_count < MOST_LATENCIES)
                load->latencies[load->latency_count++] = (uint32_t)(now - sent);
            at = stop;
        }
        at++;
    }
}

static void read_viewer(struct load *load, struct viewer *viewer) {
    static char block[LONGEST_MARK + 64 * 1024 + 1];
    memcpy(block, viewer->rest, viewer->rest_size);
    const ssize_t got = read(viewer->fd, block + viewer->rest_size, 64 * 1024);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        fprintf(stderr, "live_load: a viewer was cut off\n");
        exit(1);
    }
    size_t size = viewer->rest_size + (size_t)got;
    viewer->bytes += (uint64_t)got;
    block[size] = 0;
    /* what may be the beginning of a mark is kept for the next time */
    size_t keep = 0;
    for (size_t i = size; i > 0 && size - i < 24; i--) {
        if (block[i - 1] == '@') keep = size - i + 1;
        else if (block[i - 1] < '0' || block[i - 1] > '9') break;
        if (keep) break;
    }
    /* a mark that is whole ends in @ as well: it is one if digits and @ stand before it */
    if (keep == 1) {
        size_t digits = size - 1;
        while (digits > 0 && block[digits - 1] >= '0' && block[digits - 1] <= '9')
            digits--;
        if (digits < size - 1 && digits > 0 && block[digits - 1] == '@') keep = 0;
    }
    look_for_marks(load, viewer, block, size - keep, microseconds());
    memcpy(viewer->rest, block + size - keep, keep);
    viewer->rest_size = keep;
}

static void read_viewers(struct load *load, int pause) {
    struct epoll_event events[256];
    const int count = epoll_wait(load->epoll, events, 256, pause);
    for (int i = 0; i < count; i++)
        read_viewer(load, &load->all[events[i].data.u32]);
}

/* ---- The measurement ---- */

static void copy_to_stderr(const struct load *load, const char *name) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)load->server, name);
    const int file = open(path, O_RDONLY);
    const ssize_t size = file >= 0 ? read(file, text, sizeof text) : -1;
    fprintf(stderr, "%s: %.*s\n", path, size > 0 ? (int)size : 1, size > 0 ? text : "-");
    if (file >= 0) close(file);
}

/* What can be known of a server that takes no more events. */
static void fail_stalled(const struct load *load) {
    int status;
    fprintf(
        stderr, "live_load: the server does not take the events: %zu bytes wait, none taken for %.1f s: %s\n",
        load->waiting_size, (double)(microseconds() - load->feed_stopped) / 1e6, strerror(load->feed_error));
    if (waitpid(load->server, &status, WNOHANG) != 0) fprintf(stderr, "it has ended: status %d\n", status);
    copy_to_stderr(load, "stat");
    copy_to_stderr(load, "wchan");
    copy_to_stderr(load, "stack");
    copy_to_stderr(load, "io");
    kill(load->server, SIGABRT);
    exit(1);
}

/* One event of each session, spread over a second; viewers are read meanwhile. */
static void run_second(struct load *load) {
    const int64_t begin = microseconds();
    unsigned sent = 0;
    for (;;) {
        const int64_t elapsed = microseconds() - begin;
        const unsigned due = elapsed >= 1000000
                                 ? load->sessions
                                 : (unsigned)((uint64_t)load->sessions * (uint64_t)elapsed / 1000000);
        for (; sent < due; sent++)
            feed_event(load, sent, false);
        flush_feed(load);
        read_viewers(load, 1);
        if (elapsed >= 1000000 && load->waiting_size == 0) return;
        if (load->feed_stopped && microseconds() - load->feed_stopped > 20000000) fail_stalled(load);
    }
}

static void set_up(struct load *load, const char *program) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    signal(SIGPIPE, SIG_IGN);
    snprintf(load->directory, sizeof load->directory, "%s/live-load-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(load->directory)) fail(load->directory);
    snprintf(load->socket, sizeof load->socket, "%s/events", load->directory);
    start_server(load, program);
    connect_feed(load);
    load->epoll = epoll_create1(0);
    load->all = (struct viewer *)calloc(load->viewers + 1, sizeof *load->all);
    load->latencies = (uint32_t *)malloc(MOST_LATENCIES * sizeof *load->latencies);
    if (load->epoll < 0 || !load->all || !load->latencies) fail("memory");
}

static int by_size(const void *a, const void *b) {
    const uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
    return one < other ? -1 : one > other;
}

static double at_part(const struct load *load, double part) {
    if (load->latency_count == 0) return 0;
    return load->latencies[(size_t)((double)(load->latency_count - 1) * part)] / 1000.0;
}

static void report(struct load *load, double processor, double wall) {
    uint64_t bytes = 0, fewest = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < load->viewers; i++) {
        bytes += load->all[i].bytes;
        if (load->all[i].events < fewest) fewest = load->all[i].events;
        if (load->all[i].events > most) most = load->all[i].events;
    }
    qsort(load->latencies, load->latency_count, sizeof *load->latencies, by_size);
    printf("%8u %8u %10.0f %9.2f %9.2f %9.2f %9.2f %8.1f %8.1f %6.0f%% %7.1f  %" PRIu64 " to %" PRIu64 "\n",
           load->sessions, load->viewers, load->sessions * 1.0, at_part(load, 0.5), at_part(load, 0.99),
           at_part(load, 0.999), at_part(load, 1), (double)status_of(load, "VmRSS:") / 1024,
           (double)status_of(load, "VmHWM:") / 1024, 100 * processor / wall, (double)bytes / 1e6 / wall,
           fewest, most);
}

static void clean_up(const struct load *load) {
    char command[400];
    kill(load->server, SIGTERM);
    waitpid(load->server, NULL, 0);
    snprintf(command, sizeof command, "rm -rf '%s'", load->directory);
    if (system(command) != 0) fprintf(stderr, "live_load: %s was left\n", load->directory);
}

int main(int argc, char **argv) {
    static struct load load;
    if (argc < 2) {
        fprintf(stderr, "usage: live_load ASM-LIVE [SESSIONS [VIEWERS [SECONDS]]]\n");
        return 2;
    }
    load.sessions = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
    load.viewers = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
    load.seconds = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 10;
    set_up(&load, argv[1]);
    for (unsigned i = 0; i < load.sessions; i++) {
        feed_event(&load, i, true);
        flush_feed(&load);
    }
    for (int i = 0; i < 3; i++)
        run_second(&load); /* all sessions are known now */
    load.all[load.viewers].is_stalled = true;
    for (unsigned i = 0; i <= load.viewers; i++) {
        connect_viewer(&load, i);
        read_viewers(&load, 0);
    }
    for (int i = 0; i < 3; i++)
        run_second(&load);
    for (unsigned i = 0; i < load.viewers; i++)
        load.all[i].bytes = load.all[i].events = 0;
    const double processor = processor_time(&load);
    const int64_t begin = microseconds();
    load.measures = true;
    for (unsigned i = 0; i < load.seconds; i++)
        run_second(&load);
    report(&load, processor_time(&load) - processor, (double)(microseconds() - begin) / 1e6);
    clean_up(&load);
    return 0;
}
