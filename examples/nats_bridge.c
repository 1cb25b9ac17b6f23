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
 * sent, and past --limit events are counted instead of kept, which is told in its place (nats.gap). A signal ends that one
 * only some seconds after its input has ended; the next one sends what is left.
 * An event longer than 900,000 bytes is not sent, as servers take a megabyte by default: that is said on standard error.
 * A consumer gives each event the member nats_sequence, by which it goes on after the last whole line of its log.
 * The work is done in tools/nats, which asm-nats has in common with it. */
#include "tools/nats/nats.h"

#include "tools/common/messages.h"
#include "tools/common/signals.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
    "  --from=WHERE         consume: all (default), new, last, a sequence number, or a time like "
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
        die("%s must be a number from 1 on", name);
    return number;
}

static bool take_flag(struct nats_options *given, const char *argument) {
    bool *flag = strcmp(argument, "--append") == 0      ? &given->append
                 : strcmp(argument, "--tls") == 0       ? &given->tls
                 : strcmp(argument, "--until-end") == 0 ? &given->until_end
                                                        : NULL;
    if (flag) *flag = true;
    return flag != NULL;
}

static bool take_value(struct nats_options *given, const char **session, const char *argument) {
    const struct {
        const char *name, **place;
    } texts[] = {{"--url", &given->urls},       {"--prefix", &given->prefix},
                 {"--name", &given->name},      {"--not-from", &given->not_from},
                 {"--from", &given->from},      {"--creds", &given->credentials},
                 {"--tls-ca", &given->ca_file}, {"--session", session}};
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

static int print_translated(const char *text, char separator, char joint,
                            void (*write)(asm_buffer *, asm_str)) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    subject_translate(&out, asm_str_from(text), separator, joint, write);
    printf("%.*s\n", (int)out.size, out.size ? out.data : "");
    asm_buffer_close(&out);
    return 0;
}

/* PREFIX.session.ID.> */
static void filter_session(asm_buffer *subject, struct nats_options *given, const char *session) {
    asm_buffer_append(subject, asm_str_from(given->prefix));
    asm_buffer_append(subject, ASM_STR(".session."));
    subject_write_token(subject, asm_str_from(session));
    asm_buffer_append(subject, asm_str_make(".>", 3));
    if (subject->result != ASM_OK) die("%s", asm_result_string(subject->result));
    given->filter = subject->data;
}

int main(int argc, char **argv) {
    char host[256] = "bridge";
    const char *session = NULL;
    struct nats_options given = {
        .urls = "nats://127.0.0.1:4222", .prefix = "asm", .limit = 64 << 20, .replicas = 1, .name = host};
    asm_buffer subject;
    int at = 1;
    messages_init("nats_bridge");
    gethostname(host, sizeof host - 1);
    for (; at < argc && strncmp(argv[at], "--", 2) == 0; at++)
        if (!take_flag(&given, argv[at]) && !take_value(&given, &session, argv[at])) {
            fputs(usage, stderr);
            return 2;
        }
    const char *command = at < argc ? argv[at] : "", *operand = at + 1 < argc ? argv[at + 1] : NULL;
    if (!signals_init()) die("a pipe for signals: %s", strerror(errno));
    asm_buffer_init_growing(&subject);
    if (session) filter_session(&subject, &given, session);
    if (strcmp(command, "publish") == 0 && operand) return nats_publish(&given, operand);
    if (strcmp(command, "consume") == 0) return nats_consume(&given, operand);
    if (strcmp(command, "subject") == 0 && operand)
        return print_translated(operand, ':', '.', subject_write_token);
    if (strcmp(command, "topic") == 0 && operand)
        return print_translated(operand, '.', ':', topic_write_level);
    if (strcmp(command, "who") == 0) return nats_who(&given);
    fputs(usage, stderr);
    return 2;
}
