/* SPDX-License-Identifier: MIT OR Unlicense */
/* Events from one machine to others, through NATS JetStream (libnats), which keeps and replicates them:
 *
 *     asm-cat --jsonl=session.jsonl ... &  nats_bridge publish session.jsonl      a log, as it grows
 *     ... | nats_bridge --append publish queue.jsonl                              standard input, by a queue on disk
 *     nats_bridge consume                                                         all events, on standard output
 *     nats_bridge consume copy.jsonl                                              into a log, from where it ends
 *     nats_bridge subject asm:session:ses_1 | nats_bridge topic asm.session.ses_1 how topics are called there
 *     nats_bridge who                                                             publishers that are there
 *
 * A publisher sends a line after the other, each until the stream has it, and keeps beside the log how far that is
 * (LOG.sent): killed and started again it goes on there, and the message id, LOG's number and offset, lets the stream drop
 * what came twice (for as long as it looks for that: 10 minutes). With --append the log is a queue: emptied when all is
 * sent, and past --limit events are counted instead of kept, which is told in its place (nats.gap).
 * An event longer than 900,000 bytes is not sent, as servers take a megabyte by default: that is said on standard error.
 * A consumer gives each event the member nats_sequence, by which it goes on after the last whole line of its log. */
#include "asm_events.h"
#include "asm_ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <nats/nats.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 900000, ACK_MS = 1000, SILENCE_MS = 5000, PRESENCE_MS = 5000 };

static volatile sig_atomic_t is_ending;

static void on_signal(int number) {
    (void)number;
    is_ending = 1;
}

/* Ends the program: `what` tells what to do. */
static void die(const char *what, const char *detail) {
    fprintf(stderr, "nats_bridge: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    exit(2);
}

static int64_t now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* ---- Options ---- */

struct options {
    const char *urls, *prefix, *name, *not_from, *from, *credentials, *ca_file, *session;
    bool append, tls, until_end;
    int64_t limit, replicas;
};

static const char usage[] =
    "Usage: nats_bridge [OPTION]... publish LOG | consume [LOG] | who | subject TOPIC | topic SUBJECT\n"
    "  --url=URL[,URL]...   servers (default: nats://127.0.0.1:4222)\n"
    "  --prefix=NAME        of subjects, and the stream's name (default: asm)\n"
    "  --replicas=N         of a stream that is made (default: 1)\n"
    "  --name=NAME          what this publisher is called (default: its host)\n"
    "  --append             publish: standard input is appended to LOG, which is a queue\n"
    "  --limit=BYTES        of that queue (default: 67108864)\n"
    "  --until-end          publish: leave when all that LOG holds is sent; consume: when all there is has "
    "come\n"
    "  --from=WHERE         consume: all (default), new, a sequence number, or a time like "
    "2026-02-09T12:00:00Z\n"
    "  --session=ID         consume: of that session only\n"
    "  --not-from=NAME      consume: not what that publisher sent\n"
    "  --creds=FILE, --tls, --tls-ca=FILE   how the servers know us, and we them\n";

static const char *value_of(const char *argument, const char *name) {
    const size_t size = strlen(name);
    return strncmp(argument, name, size) == 0 && argument[size] == '=' ? argument + size + 1 : NULL;
}

static int64_t number_of(const char *text, const char *name) {
    int64_t number;
    if (!asm_json_to_int64(asm_str_from(text), &number) || number < 1)
        die("must be a number from 1 on", name);
    return number;
}

static bool take_flag(struct options *given, const char *argument) {
    bool *flag = strcmp(argument, "--append") == 0      ? &given->append
                 : strcmp(argument, "--tls") == 0       ? &given->tls
                 : strcmp(argument, "--until-end") == 0 ? &given->until_end
                                                        : NULL;
    if (flag) *flag = true;
    return flag != NULL;
}

static bool take_value(struct options *given, const char *argument) {
    const struct {
        const char *name, **place;
    } texts[] = {{"--url", &given->urls},       {"--prefix", &given->prefix},
                 {"--name", &given->name},      {"--not-from", &given->not_from},
                 {"--from", &given->from},      {"--creds", &given->credentials},
                 {"--tls-ca", &given->ca_file}, {"--session", &given->session}};
    const char *value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if ((value = value_of(argument, texts[i].name)) != NULL) {
            *texts[i].place = value;
            return true;
        }
    if ((value = value_of(argument, "--limit")) != NULL) given->limit = number_of(value, "--limit");
    else if ((value = value_of(argument, "--replicas")) != NULL)
        given->replicas = number_of(value, "--replicas");
    return value != NULL;
}

/* ---- Topics and subjects ---- */

/* A level of a topic is a token of a subject; what a token may not hold is written %XX, and so is a percent sign. An empty
 * level is %, alone. Levels `*` and `**` of a pattern are the wildcards `*` and `>`. One to one, both ways. */

static bool is_token_byte(unsigned char c) {
    return c > ' ' && c < 0x7F && c != '.' && c != '*' && c != '>' && c != '%';
}

static void write_token(asm_buffer *out, asm_str level) {
    static const char hex[] = "0123456789ABCDEF";
    if (asm_str_equal(level, ASM_STR("*"))) asm_buffer_append_byte(out, '*');
    else if (asm_str_equal(level, ASM_STR("**"))) asm_buffer_append_byte(out, '>');
    else if (level.size == 0) asm_buffer_append_byte(out, '%');
    else
        for (size_t i = 0; i < level.size; i++) {
            const unsigned char c = (unsigned char)level.data[i];
            const char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
            asm_buffer_append(out,
                              is_token_byte(c) ? asm_str_make(level.data + i, 1) : asm_str_make(escape, 3));
        }
}

/* The levels between `separator`s, each written by `write`, with `joint` between them. */
static void translate(asm_buffer *out, asm_str text, char separator, char joint,
                      void (*write)(asm_buffer *out, asm_str level)) {
    size_t begin = 0;
    for (size_t i = 0; i <= text.size; i++)
        if (i == text.size || text.data[i] == separator) {
            if (begin > 0) asm_buffer_append_byte(out, joint);
            write(out, asm_str_make(text.data + begin, i - begin));
            begin = i + 1;
        }
}

static int hex_value(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void write_level(asm_buffer *out, asm_str token) {
    if (asm_str_equal(token, ASM_STR(">"))) asm_buffer_append(out, ASM_STR("**"));
    else if (!asm_str_equal(token, ASM_STR("%")))
        for (size_t i = 0; i < token.size; i++) {
            const bool escaped = token.data[i] == '%' && token.size - i > 2 &&
                                 hex_value(token.data[i + 1]) >= 0 && hex_value(token.data[i + 2]) >= 0;
            asm_buffer_append_byte(
                out, escaped ? (char)(hex_value(token.data[i + 1]) * 16 + hex_value(token.data[i + 2]))
                             : token.data[i]);
            if (escaped) i += 2;
        }
}

/* PREFIX.session.ID.type.TYPE */
static const char *subject_of(asm_buffer *out, const char *prefix, const asm_event *event) {
    asm_buffer_clear(out);
    asm_buffer_append(out, asm_str_from(prefix));
    asm_buffer_append(out, ASM_STR(".session."));
    write_token(out, event->session_id);
    asm_buffer_append(out, ASM_STR(".type."));
    write_token(out, asm_event_name(event));
    asm_buffer_append_byte(out, '\0');
    return out->result == ASM_OK ? out->data : NULL;
}

static int print_translated(const char *text, char separator, char joint,
                            void (*write)(asm_buffer *, asm_str)) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    translate(&out, asm_str_from(text), separator, joint, write);
    printf("%.*s\n", (int)out.size, out.size ? out.data : "");
    asm_buffer_close(&out);
    return 0;
}

/* ---- The connection ---- */

struct broker {
    const struct options *given;
    natsConnection *connection;
    jsCtx *stream;
    kvStore *presence;
};

static void must(natsStatus status, const char *what) {
    if (status != NATS_OK) die(what, natsStatus_GetText(status));
}

static void add_servers(natsOptions *settings, const char *urls) {
    enum { SERVERS = 16 };
    const char *servers[SERVERS];
    int count = 0;
    char *text = strdup(urls); /* kept by nobody: natsOptions copies */
    for (char *url = text ? strtok(text, ",") : NULL; url && count < SERVERS; url = strtok(NULL, ","))
        servers[count++] = url;
    must(natsOptions_SetServers(settings, servers, count), "bad --url");
    free(text);
}

static void make_stream(struct broker *to) {
    jsStreamConfig config;
    char subjects[256];
    const char *list[] = {subjects};
    jsStreamInfo *info = NULL;
    snprintf(subjects, sizeof subjects, "%s.>", to->given->prefix);
    jsStreamConfig_Init(&config);
    config.Name = to->given->prefix;
    config.Subjects = list;
    config.SubjectsLen = 1;
    config.Storage = js_FileStorage;
    config.Replicas = to->given->replicas;
    config.Duplicates = INT64_C(600) * 1000000000;
    while (!is_ending) {
        if (js_GetStreamInfo(&info, to->stream, config.Name, NULL, NULL) == NATS_OK) break;
        if (js_AddStream(&info, to->stream, &config, NULL, NULL) == NATS_OK) break;
        nats_Sleep(200);
    }
    jsStreamInfo_Destroy(info);
}

/* With it, connecting goes on behind our back, and a signal is not kept waiting. */
static void on_connected(natsConnection *connection, void *closure) {
    (void)connection, (void)closure;
}

static void connect_to(struct broker *to) {
    const struct options *given = to->given;
    natsOptions *settings = NULL;
    jsOptions js;
    must(natsOptions_Create(&settings), "no memory");
    add_servers(settings, given->urls);
    natsOptions_SetMaxReconnect(settings, -1);
    natsOptions_SetReconnectWait(settings, 200);
    natsOptions_SetRetryOnFailedConnect(settings, true, on_connected, NULL);
    if (given->credentials)
        must(natsOptions_SetUserCredentialsFromFiles(settings, given->credentials, NULL), "--creds");
    if (given->tls || given->ca_file) must(natsOptions_SetSecure(settings, true), "--tls");
    if (given->ca_file) must(natsOptions_LoadCATrustedCertificates(settings, given->ca_file), "--tls-ca");
    const natsStatus status = natsConnection_Connect(&to->connection, settings);
    if (status != NATS_NOT_YET_CONNECTED) must(status, "cannot connect");
    natsOptions_Destroy(settings);
    jsOptions_Init(&js);
    js.Wait = ACK_MS;
    must(natsConnection_JetStream(&to->stream, to->connection, &js), "no JetStream");
}

static void disconnect(struct broker *from) {
    kvStore_Destroy(from->presence);
    jsCtx_Destroy(from->stream);
    natsConnection_Destroy(from->connection);
    nats_Close();
}

/* ---- Presence: a key for each publisher, which goes away by itself ---- */

static void open_presence(struct broker *to) {
    kvConfig config;
    char bucket[256];
    snprintf(bucket, sizeof bucket, "%s_presence", to->given->prefix);
    if (to->presence || js_KeyValue(&to->presence, to->stream, bucket) == NATS_OK) return;
    kvConfig_Init(&config);
    config.Bucket = bucket;
    config.TTL = INT64_C(3000000) * PRESENCE_MS; /* in nanoseconds */
    config.Replicas = (int)to->given->replicas;
    js_CreateKeyValue(&to->presence, to->stream, &config);
}

static void tell_presence(struct broker *to, const char *log) {
    static int64_t next;
    asm_buffer status;
    asm_json_writer writer;
    char memory[1024];
    if (now_ms() < next) return;
    next = now_ms() + 1000; /* if that fails */
    open_presence(to);
    asm_buffer_init_fixed(&status, memory, sizeof memory - 1);
    asm_json_writer_init(&writer, &status);
    asm_json_begin_object(&writer);
    asm_json_write_key(&writer, ASM_STR("log"));
    asm_json_write_string(&writer, asm_str_from(log));
    asm_json_end_object(&writer);
    if (status.result != ASM_OK) return;
    memory[status.size] = '\0';
    if (to->presence && kvStore_PutString(NULL, to->presence, to->given->name, memory) == NATS_OK)
        next = now_ms() + PRESENCE_MS;
}

static int list_presence(struct broker *of) {
    kvKeysList keys = {NULL, 0};
    open_presence(of);
    if (!of->presence) die("no answer from the servers", of->given->urls);
    const natsStatus status = kvStore_Keys(&keys, of->presence, NULL);
    for (int i = 0; i < keys.Count; i++)
        puts(keys.Keys[i]);
    kvKeysList_Destroy(&keys);
    return status == NATS_OK || status == NATS_NOT_FOUND ? 0 : 1;
}

/* ---- Publishing: a log, sent line by line ---- */

struct queue {
    const char *path;
    int log, sent_file; /* LOG, and LOG.sent: "NUMBER BASE SENT" */
    uint64_t number;    /* of this log, at random */
    int64_t base, sent; /* what was emptied before; how much of the log the stream has */
    int64_t size;
    asm_buffer line, subject, scratch;
    uint64_t dropped; /* since the last notice */
    bool input_ended;
};

static void save_sent(struct queue *queue) {
    char text[80];
    const int size = snprintf(text, sizeof text, "%016" PRIx64 " %020" PRId64 " %020" PRId64 "\n",
                              queue->number, queue->base, queue->sent);
    if (pwrite(queue->sent_file, text, (size_t)size, 0) != size)
        die("cannot write LOG.sent", strerror(errno));
}

static void load_sent(struct queue *queue) {
    char text[80] = "";
    const ssize_t size = pread(queue->sent_file, text, sizeof text - 1, 0);
    if (size > 0 &&
        sscanf(text, "%" SCNx64 " %" SCNd64 " %" SCNd64, &queue->number, &queue->base, &queue->sent) == 3)
        return;
    if (size > 0) die("LOG.sent is not ours", text);
    const int random = open("/dev/urandom", O_RDONLY);
    if (random < 0 || read(random, &queue->number, sizeof queue->number) != sizeof queue->number)
        die("no random number", strerror(errno));
    close(random);
    save_sent(queue);
}

static int64_t size_of(int file) {
    struct stat status;
    return fstat(file, &status) == 0 ? (int64_t)status.st_size : 0;
}

/* Half a line that was left by a process that was killed is taken off: whoever wrote it sends it again or is gone. */
static void end_torn_line(struct queue *queue) {
    char byte;
    while (queue->size > queue->sent && pread(queue->log, &byte, 1, queue->size - 1) == 1 && byte != '\n')
        queue->size--;
    if (ftruncate(queue->log, queue->size) != 0) die("cannot repair LOG", strerror(errno));
}

static void open_queue(struct queue *queue, const char *path, bool append) {
    char sent_path[4096];
    memset(queue, 0, sizeof *queue);
    queue->path = path;
    if (snprintf(sent_path, sizeof sent_path, "%s.sent", path) >= (int)sizeof sent_path)
        die("too long", path);
    queue->log = open(path, append ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY, 0600);
    queue->sent_file = open(sent_path, O_RDWR | O_CREAT, 0600);
    if (queue->log < 0 || queue->sent_file < 0) die(path, strerror(errno));
    asm_buffer_init_growing(&queue->line);
    asm_buffer_init_growing(&queue->subject);
    asm_buffer_init_growing(&queue->scratch);
    load_sent(queue);
    queue->size = size_of(queue->log);
    if (queue->sent > queue->size) { /* it was emptied, and that not yet saved */
        queue->base += queue->sent;
        queue->sent = 0;
    }
    if (append) end_torn_line(queue);
    queue->input_ended = !append;
}

static void close_queue(struct queue *queue) {
    asm_buffer_close(&queue->line);
    asm_buffer_close(&queue->subject);
    asm_buffer_close(&queue->scratch);
    close(queue->log);
    close(queue->sent_file);
}

static void append_line(struct queue *queue, const char *data, size_t size) {
    while (size > 0) {
        const ssize_t written = write(queue->log, data, size);
        if (written < 0 && errno != EINTR) die("cannot write LOG", strerror(errno));
        if (written > 0) data += written, size -= (size_t)written, queue->size += written;
    }
}

/* What was not kept for want of room is told as soon as there is some. */
static void tell_gap(struct queue *queue) {
    char text[160];
    if (queue->dropped == 0) return;
    const int size = snprintf(text, sizeof text,
                              "{\"type\":\"nats.gap\",\"data\":{\"text\":\"%" PRIu64
                              " events were not kept while the broker "
                              "was away\",\"level\":\"warning\",\"dropped\":%" PRIu64 "}}\n",
                              queue->dropped, queue->dropped);
    queue->dropped = 0;
    append_line(queue, text, (size_t)size);
}

static void keep_line(struct queue *queue, const struct options *given, const char *data, size_t size) {
    if (queue->size - queue->sent + (int64_t)size > given->limit) {
        if (queue->dropped++ == 0)
            fprintf(stderr, "nats_bridge: the queue is full: events are counted, not kept\n");
        return;
    }
    tell_gap(queue);
    append_line(queue, data, size);
}

/* What has come on standard input by now. */
static void take_input(struct queue *queue, const struct options *given, int wait_ms) {
    static char block[65536];
    static asm_buffer partial = {0};
    struct pollfd input = {STDIN_FILENO, POLLIN, 0};
    if (!partial.growing) asm_buffer_init_growing(&partial);
    while (!queue->input_ended && poll(&input, 1, wait_ms) > 0) {
        const ssize_t size = read(STDIN_FILENO, block, sizeof block);
        wait_ms = 0;
        if (size < 0 && errno == EINTR) return;
        if (size <= 0) {
            if (partial.size > 0) asm_buffer_append_byte(&partial, '\n');
            queue->input_ended = true;
        } else if (asm_buffer_append(&partial, asm_str_make(block, (size_t)size)) != ASM_OK)
            die("no memory", NULL);
        size_t begin = 0;
        while (begin < partial.size) {
            const char *end = (const char *)memchr(partial.data + begin, '\n', partial.size - begin);
            if (!end) break;
            const size_t size_of_line = (size_t)(end - partial.data) + 1 - begin;
            keep_line(queue, given, partial.data + begin, size_of_line);
            begin += size_of_line;
        }
        if (partial.size > 0) memmove(partial.data, partial.data + begin, partial.size - begin);
        partial.size -= begin;
    }
}

/* The next whole line that is not sent; false if there is none. */
static bool next_line(struct queue *queue) {
    char block[4096];
    int64_t at = queue->sent;
    asm_buffer_clear(&queue->line);
    for (;;) {
        const ssize_t size = pread(queue->log, block, sizeof block, at);
        if (size <= 0) return false;
        const char *end = (const char *)memchr(block, '\n', (size_t)size);
        const size_t piece = end ? (size_t)(end - block) : (size_t)size;
        if (asm_buffer_append(&queue->line, asm_str_make(block, piece)) != ASM_OK) die("no memory", NULL);
        if (end) return true;
        at += size;
    }
}

/* Sends the line until the stream has it; false if the servers do not answer in time. */
static bool send_line(struct broker *to, struct queue *queue, const char *subject) {
    char id[64];
    jsPubOptions settings;
    jsPubAck *ack = NULL;
    natsMsg *message = NULL;
    snprintf(id, sizeof id, "%016" PRIx64 ":%" PRId64, queue->number, queue->base + queue->sent);
    jsPubOptions_Init(&settings);
    settings.MsgId = id;
    settings.MaxWait = ACK_MS;
    must(natsMsg_Create(&message, subject, NULL, queue->line.data, (int)queue->line.size), "no memory");
    must(natsMsgHeader_Set(message, "Asm-Bridge", to->given->name), "no memory");
    const natsStatus status = js_PublishMsg(&ack, to->stream, message, &settings, NULL);
    natsMsg_Destroy(message);
    jsPubAck_Destroy(ack);
    return status == NATS_OK;
}

/* The next line of the log, if it is an event; what is none is said and passed over. */
static bool send_next(struct broker *to, struct queue *queue) {
    asm_event event;
    asm_json_error error;
    const asm_str line = asm_buffer_text(&queue->line);
    asm_buffer_clear(&queue->scratch);
    const asm_result result = asm_event_read_json(&event, line, &queue->scratch, &error);
    if (result != ASM_OK || line.size > LINE_MAX_SIZE)
        fprintf(stderr, "nats_bridge: %s: byte %" PRId64 ": not sent: %s\n", queue->path,
                queue->base + queue->sent, result != ASM_OK ? error.message : "longer than a message may be");
    else {
        const char *subject = subject_of(&queue->subject, to->given->prefix, &event);
        if (!subject) die("no memory", NULL);
        if (!send_line(to, queue, subject)) return false;
    }
    queue->sent += (int64_t)line.size + 1;
    if (to->given->append && queue->sent == queue->size) {
        if (ftruncate(queue->log, 0) != 0) die("cannot empty LOG", strerror(errno));
        queue->base += queue->sent;
        queue->sent = queue->size = 0;
    }
    save_sent(queue);
    return true;
}

static int publish(const struct options *given, const char *path) {
    struct broker to = {.given = given};
    struct queue queue;
    open_queue(&queue, path, given->append);
    connect_to(&to);
    if (given->append) take_input(&queue, given, 0);
    make_stream(&to);
    while (!is_ending) {
        tell_presence(&to, path);
        if (next_line(&queue)) {
            send_next(&to, &queue);
            take_input(&queue, given, 0);
        } else if (queue.dropped > 0) {
            tell_gap(&queue);
        } else if (queue.input_ended && (given->append || given->until_end)) break;
        else if (given->append) take_input(&queue, given, 500);
        else nats_Sleep(50);
    }
    close_queue(&queue);
    disconnect(&to);
    return 0;
}

/* ---- Consuming ---- */

struct copy {
    int file;
    uint64_t last; /* sequence number of the last event that was written */
    asm_buffer line;
};

static uint64_t sequence_in(asm_str line) {
    const asm_str key = ASM_STR("nats_sequence");
    asm_str raw;
    int64_t number = 0;
    if (asm_json_find(line, &key, &raw, 1, NULL) != ASM_OK || !raw.data || !asm_json_to_int64(raw, &number))
        return 0;
    return (uint64_t)number;
}

/* Where the log goes on: after its last whole line; half a line is cut off. */
static void open_copy(struct copy *copy, const char *path) {
    memset(copy, 0, sizeof *copy);
    asm_buffer_init_growing(&copy->line);
    copy->file = path ? open(path, O_RDWR | O_CREAT | O_APPEND, 0600) : STDOUT_FILENO;
    if (copy->file < 0) die(path, strerror(errno));
    int64_t end = path ? size_of(copy->file) : 0;
    char byte = 0;
    while (end > 0 && pread(copy->file, &byte, 1, end - 1) == 1 && byte != '\n')
        end--;
    if (path && ftruncate(copy->file, end) != 0) die(path, strerror(errno));
    int64_t begin = end - 1;
    while (begin > 0 && pread(copy->file, &byte, 1, begin - 1) == 1 && byte != '\n')
        begin--;
    if (end <= 0) return;
    if (asm_buffer_reserve(&copy->line, (size_t)(end - begin)) != ASM_OK) die("no memory", NULL);
    if (pread(copy->file, copy->line.data, (size_t)(end - begin), begin) != end - begin)
        die(path, strerror(errno));
    copy->last = sequence_in(asm_str_make(copy->line.data, (size_t)(end - begin)));
}

static void append_number(asm_buffer *out, uint64_t number) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    asm_buffer_append(out, asm_str_from(digits));
}

static void write_line(struct copy *copy) {
    const char *data = copy->line.data;
    for (size_t left = copy->line.size; left > 0;) {
        const ssize_t written = write(copy->file, data, left);
        if (written < 0 && errno != EINTR) die("cannot write", strerror(errno));
        if (written > 0) data += written, left -= (size_t)written;
    }
}

/* Numbers of the stream that are not there any more: it was limited, or emptied. */
static void tell_missing(struct copy *copy, uint64_t next) {
    asm_buffer_clear(&copy->line);
    asm_buffer_append(&copy->line,
                      ASM_STR("{\"type\":\"nats.gap\",\"data\":{\"text\":\"the stream has lost "));
    append_number(&copy->line, next - copy->last - 1);
    asm_buffer_append(&copy->line, ASM_STR(" events\",\"level\":\"warning\"},\"nats_sequence\":"));
    append_number(&copy->line, next - 1);
    asm_buffer_append(&copy->line, ASM_STR("}\n"));
    write_line(copy);
}

static void take_message(struct copy *copy, const struct options *given, natsMsg *message,
                         uint64_t sequence) {
    const asm_str data = asm_str_make(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    const char *from = NULL;
    if (sequence <= copy->last) return;
    if (copy->last > 0 && sequence > copy->last + 1 && !given->session) tell_missing(copy, sequence);
    copy->last = sequence;
    if (given->not_from && natsMsgHeader_Get(message, "Asm-Bridge", &from) == NATS_OK &&
        strcmp(from, given->not_from) == 0)
        return;
    if (data.size < 2 || asm_json_check(data, NULL) != ASM_OK || asm_json_type_of(data) != ASM_JSON_OBJECT) {
        fprintf(stderr, "nats_bridge: message %" PRIu64 " is no event\n", sequence);
        return;
    }
    size_t end = data.size;
    while (data.data[end - 1] != '}')
        end--;
    asm_buffer_clear(&copy->line);
    asm_buffer_append(&copy->line, asm_str_make(data.data, end - 1));
    asm_buffer_append(&copy->line, ASM_STR(",\"nats_sequence\":"));
    append_number(&copy->line, sequence);
    asm_buffer_append(&copy->line, ASM_STR("}\n"));
    if (copy->line.result != ASM_OK) die("no memory", NULL);
    write_line(copy);
}

/* A subscription from where the log goes on, or where --from says; NULL while the servers do not answer. */
static natsSubscription *subscribe(struct broker *from, const struct copy *copy) {
    const struct options *given = from->given;
    natsSubscription *subscription = NULL;
    jsSubOptions settings;
    asm_buffer subject;
    int64_t number;
    asm_time time;
    jsSubOptions_Init(&settings);
    settings.Ordered = true;
    settings.Stream = given->prefix;
    settings.Config.DeliverPolicy = js_DeliverAll;
    if (copy->last > 0 || (given->from && asm_json_to_int64(asm_str_from(given->from), &number))) {
        settings.Config.DeliverPolicy = js_DeliverByStartSequence;
        settings.Config.OptStartSeq = copy->last > 0 ? copy->last + 1 : (uint64_t)number;
    } else if (given->from && strcmp(given->from, "new") == 0) settings.Config.DeliverPolicy = js_DeliverNew;
    else if (given->from && asm_time_parse(asm_str_from(given->from), &time, NULL) == ASM_OK) {
        settings.Config.DeliverPolicy = js_DeliverByStartTime;
        settings.Config.OptStartTime = time * 1000;
    } else if (given->from && strcmp(given->from, "all") != 0)
        die("must be all, new, a number or a time", "--from");
    asm_buffer_init_growing(&subject);
    asm_buffer_append(&subject, asm_str_from(given->prefix));
    if (given->session) {
        asm_buffer_append(&subject, ASM_STR(".session."));
        write_token(&subject, asm_str_from(given->session));
    }
    asm_buffer_append(&subject, asm_str_make(".>", 3));
    if (subject.result != ASM_OK ||
        js_SubscribeSync(&subscription, from->stream, subject.data, NULL, &settings, NULL) != NATS_OK)
        subscription = NULL;
    asm_buffer_close(&subject);
    return subscription;
}

/* The last number of the stream; 0 if nobody tells. */
static uint64_t last_sequence(struct broker *from) {
    jsStreamInfo *info = NULL;
    uint64_t last = 0;
    if (js_GetStreamInfo(&info, from->stream, from->given->prefix, NULL, NULL) == NATS_OK)
        last = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    return last;
}

static bool take_next(natsSubscription *subscription, struct copy *copy, const struct options *given,
                      uint64_t *seen) {
    natsMsg *message = NULL;
    jsMsgMetaData *place = NULL;
    if (natsSubscription_NextMsg(&message, subscription, 200) != NATS_OK) return false;
    if (natsMsg_GetMetaData(&place, message) == NATS_OK) {
        *seen = place->Sequence.Stream;
        take_message(copy, given, message, place->Sequence.Stream);
    }
    jsMsgMetaData_Destroy(place);
    natsMsg_Destroy(message);
    return true;
}

static int consume(const struct options *given, const char *path) {
    struct broker from = {.given = given};
    struct copy copy;
    natsSubscription *subscription = NULL;
    uint64_t seen = 0;
    int64_t heard = 0;
    open_copy(&copy, path);
    connect_to(&from);
    while (!is_ending) {
        if (!subscription) {
            subscription = subscribe(&from, &copy);
            heard = now_ms();
            if (!subscription) nats_Sleep(200);
            continue;
        }
        if (take_next(subscription, &copy, given, &seen)) {
            heard = now_ms();
            continue;
        }
        const uint64_t last = given->until_end || now_ms() - heard > SILENCE_MS ? last_sequence(&from) : 0;
        if (given->until_end && last > 0 && seen >= last) break;
        /* a subscription that has fallen silent though there is more is made anew */
        if (now_ms() - heard > SILENCE_MS && (last == 0 || seen < last)) {
            natsSubscription_Destroy(subscription);
            subscription = NULL;
        }
    }
    natsSubscription_Destroy(subscription);
    asm_buffer_close(&copy.line);
    disconnect(&from);
    return 0;
}

int main(int argc, char **argv) {
    char host[256] = "bridge";
    struct options given = {
        .urls = "nats://127.0.0.1:4222", .prefix = "asm", .limit = 64 << 20, .replicas = 1, .name = host};
    int at = 1;
    gethostname(host, sizeof host - 1);
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++)
        if (!take_flag(&given, argv[at]) && !take_value(&given, argv[at])) {
            fputs(usage, stderr);
            return 2;
        }
    const char *command = at < argc ? argv[at] : "", *operand = at + 1 < argc ? argv[at + 1] : NULL;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (strcmp(command, "publish") == 0 && operand) return publish(&given, operand);
    if (strcmp(command, "consume") == 0) return consume(&given, operand);
    if (strcmp(command, "subject") == 0 && operand) return print_translated(operand, ':', '.', write_token);
    if (strcmp(command, "topic") == 0 && operand) return print_translated(operand, '.', ':', write_level);
    if (strcmp(command, "who") == 0) {
        struct broker of = {.given = &given};
        connect_to(&of);
        const int status = list_presence(&of);
        disconnect(&of);
        return status;
    }
    fputs(usage, stderr);
    return 2;
}
