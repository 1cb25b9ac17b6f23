/* SPDX-License-Identifier: MIT OR Unlicense */
/* asm-nats - reads and writes events through NATS JetStream
 *
 * What other programs start for addresses that begin with nats:// (common/remote.h), so that they need not be linked with
 * libnats. What it does stands in nats/.
 */
#include "nats/nats.h"
#include "nats/url.h"

#include "common/messages.h"
#include "common/options.h"
#include "common/signals.h"
#include "common/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct settings {
    bool follow;
    const char *from;
};

#define AT(member) OPTION_AT(settings, member)

static const struct option options[] = {
    HEADING("Reading"),
    FLAG('F', "follow", "go on with events as they come; else it ends with the last that there is",
         AT(follow)),
    TEXT(0, "from", "WHERE", "where to begin, whatever URL says of that", AT(from)),
    PROGRAM_OPTIONS,
};

static const char *const description[] = {
    "read URL: prints events from NATS JetStream as JSON Lines, each with its number in the stream, "
    "nats_sequence. "
    "write URL: sends the JSON Lines on standard input, each until the stream has it.",
    "A URL is nats://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]]/SUBJECT[?NAME=VALUE[&NAME=VALUE]]. The "
    "first level of "
    "SUBJECT is the stream's name; an event is on asm.session.ID.type.TYPE, if that is asm. Reading, asm "
    "stands for all of "
    "it, asm.session.ses_1 for one session, asm.session.*.type.run_failed for the runs that failed.",
    NULL};

static const char *const notes[] = {
    "To read: from=WHERE is where to begin: all (default), new, last, a number, or a time like "
    "2026-02-09T12:00:00Z. "
    "after=LOG goes on after the last event in the file LOG that has a number, if there is one. "
    "not-from=NAME leaves out what "
    "that writer sent. wait=SECONDS is how long to go on when the servers do not answer any more (30), "
    "unless it follows.",
    "To write: queue=FILE keeps what the servers have not taken; without it that is a file of the user's, "
    "~/.local/state/asm-nats/. limit=BYTES bounds it (64 MiB): past that events are counted, and the count "
    "is sent in their "
    "place, as nats.gap. wait=SECONDS is how long to go on in the end without a server (10); what is left is "
    "sent by the next "
    "writer that has the queue. replicas=N is for a stream that is made. name=NAME is what the writer is "
    "called.",
    "Both: creds=FILE, tls=yes and tls-ca=FILE are how the servers know us, and we them. A password in the "
    "address can be "
    "seen by all users of the machine: creds=FILE cannot. %XX in a value stands for that byte.",
    "The address can be given to other programs: asm-cat nats://HOST/asm, asm-live nats://HOST/asm, "
    "--jsonl=nats://HOST/asm.",
    NULL};

static const struct example examples[] = {
    {"asm-nats -F read 'nats://broker.example/asm?from=new'", "Events of all machines, as they come"},
    {"asm-cat -q --jsonl=- session.jsonl | asm-nats write nats://broker.example/asm", "Send a session"},
    {"asm-tee --jsonl=nats://broker.example/asm -- agent --acp", "Send what an agent does, while it does it"},
    {NULL, NULL}};

static const char *const exit_statuses[] = {"0  all was read, or taken",
                                            "2  wrong usage, no answer, or events wait in the queue", NULL};

static const struct command command = {.name = "asm-nats",
                                       .purpose = "read and write events through NATS JetStream",
                                       .usage = "[OPTION]... read|write URL",
                                       PROGRAM_TABLES};

/* What is sent of the queue, open and locked; -1 if another writer has it. */
static int lock_queue(const char *queue) {
    char path[4096];
    snprintf(path, sizeof path, "%s.sent", queue);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
    close(fd);
    return -1;
}

/* Whether something was left there that no server has taken. */
static bool is_left(const char *queue) {
    struct stat status;
    return stat(queue, &status) == 0 && status.st_size > 0;
}

/* A queue of the user's for these servers and this stream, which no other writer has; allocated. One in which something was
 * left is taken up first. */
static char *own_queue(struct nats_url *url) {
    enum { MOST = 64, SIZE = 3072 };
    char *directory = state_directory("asm-nats", NULL), *path = (char *)malloc(SIZE);
    if (!path) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    for (int i = 0; i < 2 * MOST; i++) {
        const int number = i % MOST + 1;
        int at = snprintf(path, SIZE, "%s/", directory);
        for (const char *p = url->shown + strlen("nats://"); *p && at < SIZE - 20; p++)
            path[at++] = strchr("/:,", *p) ? '_' : *p;
        snprintf(path + at, SIZE - (size_t)at, number > 1 ? "-%d.jsonl" : ".jsonl", number);
        url->options.sent_file = i >= MOST || is_left(path) ? lock_queue(path) : -1;
        if (url->options.sent_file < 0) continue;
        free(directory);
        return path;
    }
    die("%s: %d other writers have their queues there", directory, MOST);
}

int main(int argc, char **argv) {
    static struct settings settings;
    struct nats_url url;
    char host[256] = "asm";
    messages_init(command.name);
    if (!signals_init()) die("a pipe for signals: %s", strerror(errno));
    const int count = options_read(&command, &settings, argc, argv);
    const bool reads = count > 0 && strcmp(argv[0], "read") == 0;
    if (count != 2 || (!reads && strcmp(argv[0], "write") != 0))
        die("asm-nats read URL, or asm-nats write URL");
    nats_url_read(&url, argv[1], reads);
    messages_init(url.shown); /* the address, as it stands in messages of the program that started us */
    if (reads) {
        if (settings.from) {
            url.options.from = settings.from;
            url.options.after = NULL;
        }
        url.options.until_end = url.options.is_bounded = !settings.follow;
        return nats_consume(&url.options, NULL);
    }
    gethostname(host, sizeof host - 1);
    if (!url.options.name) url.options.name = host;
    url.options.append = true;
    char *queue = url.queue ? NULL : own_queue(&url);
    const int status = nats_publish(&url.options, url.queue ? url.queue : queue);
    free(queue);
    return status;
}
