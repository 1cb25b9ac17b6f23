/* SPDX-License-Identifier: MIT OR Unlicense */
#include "broker.h"

#include "../common/clock.h"
#include "../common/messages.h"
#include "../common/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SILENCE_MS = 5000 };

struct copy {
    int file;
    uint64_t last;  /* sequence number of the last event that was written */
    uint64_t begin; /* what is before that number or that time in nanoseconds is not ours */
    int64_t begin_time;
    bool is_begun;  /* that is known */
    bool is_silent; /* nothing comes, though there is more, or nobody answers */
    int empty;      /* how often there was nothing more, in turn */
    int64_t moved;  /* when there was an event last */
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

/* Where the last line before `end` begins, which ends there. */
static int64_t line_begin(int file, int64_t end) {
    char block[4096];
    for (int64_t stop = end - 1; stop > 0;) {
        const int64_t start = stop > (int64_t)sizeof block ? stop - (int64_t)sizeof block : 0;
        const ssize_t size = pread(file, block, (size_t)(stop - start), start);
        for (ssize_t i = size; i > 0; i--)
            if (block[i - 1] == '\n') return start + i;
        stop = start;
    }
    return 0;
}

/* The number of the last event in the log that has one; 0 if there is none. `end`: of its whole lines. */
static uint64_t last_in_log(int file, int64_t end, asm_buffer *line) {
    uint64_t number = 0;
    while (end > 0 && number == 0) {
        const int64_t begin = line_begin(file, end);
        const size_t size = (size_t)(end - begin);
        asm_buffer_clear(line);
        if (asm_buffer_reserve(line, size) != ASM_OK) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
        if (pread(file, line->data, size, begin) != (ssize_t)size) return 0;
        number = sequence_in(asm_str_make(line->data, size - 1));
        end = begin;
    }
    return number;
}

/* The end of the whole lines of a file. */
static int64_t end_of_lines(int file) {
    struct stat status;
    char byte = '\n';
    int64_t end = fstat(file, &status) == 0 ? (int64_t)status.st_size : 0;
    if (end > 0 && pread(file, &byte, 1, end - 1) == 1 && byte != '\n') end = line_begin(file, end + 1);
    return end;
}

/* Where the log goes on: after its last whole line; half a line is cut off. */
static void open_copy(struct copy *copy, const struct nats_options *given, const char *path) {
    memset(copy, 0, sizeof *copy);
    asm_buffer_init_growing(&copy->line);
    copy->file = path ? open(path, O_RDWR | O_CREAT | O_APPEND, 0600) : STDOUT_FILENO;
    if (copy->file < 0) die("%s: %s", path, strerror(errno));
    if (path) {
        const int64_t end = end_of_lines(copy->file);
        if (ftruncate(copy->file, end) != 0) die("%s: %s", path, strerror(errno));
        copy->last = last_in_log(copy->file, end, &copy->line);
    }
    if (!given->after) return;
    const int log = open(given->after, O_RDONLY);
    if (log < 0 && errno != ENOENT) die("%s: %s", given->after, strerror(errno));
    if (log < 0) return;
    copy->last = last_in_log(log, end_of_lines(log), &copy->line);
    close(log);
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
        if (written < 0 && errno == EPIPE) exit(EXIT_SUCCESS); /* nobody reads it any more */
        if (written < 0 && (errno != EINTR || is_time_to_give_up(NULL)))
            die("cannot write: %s", strerror(errno));
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

static void take_message(struct copy *copy, const struct nats_options *given, natsMsg *message,
                         const jsMsgMetaData *place) {
    const uint64_t sequence = place->Sequence.Stream;
    const asm_str data = asm_str_make(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    const char *from = NULL;
    if (sequence <= copy->last || sequence < copy->begin || place->Timestamp < copy->begin_time) return;
    if (copy->last > 0 && sequence > copy->last + 1 && !given->filter) tell_missing(copy, sequence);
    copy->last = sequence;
    if (given->not_from && natsMsgHeader_Get(message, "Asm-Bridge", &from) == NATS_OK &&
        strcmp(from, given->not_from) == 0)
        return;
    if (data.size < 2 || asm_json_check(data, NULL) != ASM_OK || asm_json_type_of(data) != ASM_JSON_OBJECT) {
        complain("message %" PRIu64 " is no event", sequence);
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
    if (copy->line.result != ASM_OK) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    write_line(copy);
}

/* The number of the last event that there is for us; 0: there is none. False while the servers do not answer. */
static bool find_last(struct broker *from, uint64_t *number) {
    const struct nats_options *given = from->given;
    jsStreamInfo *info = NULL;
    natsMsg *message = NULL;
    natsStatus status;
    *number = 0;
    if (given->filter && strcmp(given->from, "last") == 0) {
        status = js_GetLastMsg(&message, from->stream, given->prefix, given->filter, NULL, NULL);
        if (status == NATS_OK) *number = natsMsg_GetSequence(message);
        natsMsg_Destroy(message);
        return status == NATS_OK || status == NATS_NOT_FOUND;
    }
    status = js_GetStreamInfo(&info, from->stream, given->prefix, NULL, NULL);
    if (status == NATS_OK) *number = info->State.LastSeq;
    jsStreamInfo_Destroy(info);
    return status == NATS_OK;
}

/* Where it begins, as `from` says; that stays so when the connection breaks before the first event: the library then asks
 * for all. False while the servers do not answer. */
static bool note_begin(struct broker *broker, struct copy *copy) {
    const char *from = broker->given->from;
    int64_t number;
    uint64_t last;
    asm_time time;
    if (copy->is_begun || copy->last > 0 || !from || strcmp(from, "all") == 0) return true;
    if (asm_json_to_int64(asm_str_from(from), &number) && number > 0) copy->begin = (uint64_t)number;
    else if (asm_time_parse(asm_str_from(from), &time, NULL) == ASM_OK) copy->begin_time = time * 1000;
    else if (strcmp(from, "new") != 0 && strcmp(from, "last") != 0)
        die("'%s' must be all, new, last, a number from 1 on, or a time like 2026-02-09T12:00:00Z", from);
    else if (!find_last(broker, &last)) return false;
    else if (strcmp(from, "new") == 0) copy->last = last;
    else copy->begin = last;
    copy->is_begun = true;
    return true;
}

/* After the last event that we have, or where it begins. */
static void choose_begin(jsSubOptions *settings, const struct copy *copy) {
    const uint64_t number = copy->last > 0 ? copy->last + 1 : copy->begin;
    settings->Config.DeliverPolicy = js_DeliverAll;
    if (number > 0) {
        settings->Config.DeliverPolicy = js_DeliverByStartSequence;
        settings->Config.OptStartSeq = number;
    } else if (copy->begin_time != 0) {
        settings->Config.DeliverPolicy = js_DeliverByStartTime;
        settings->Config.OptStartTime = copy->begin_time;
    }
}

/* NULL while the servers do not answer, or there is no stream. */
static natsSubscription *subscribe(struct broker *from, struct copy *copy) {
    const struct nats_options *given = from->given;
    natsSubscription *subscription = NULL;
    jsSubOptions settings;
    char all[256];
    jsSubOptions_Init(&settings);
    settings.Ordered = true;
    settings.Stream = given->prefix;
    snprintf(all, sizeof all, "%s.>", given->prefix);
    const char *subject = given->filter ? given->filter : all;
    if (!note_begin(from, copy)) return NULL;
    choose_begin(&settings, copy);
    if (js_SubscribeSync(&subscription, from->stream, subject, NULL, &settings, NULL) != NATS_OK) return NULL;
    return subscription;
}

/* How many messages the stream has for us beyond those that it has sent; -1 if nobody tells. */
static int64_t pending_of(natsSubscription *subscription) {
    jsConsumerInfo *info = NULL;
    const natsStatus status = natsSubscription_GetConsumerInfo(&info, subscription, NULL, NULL);
    const int64_t count = status == NATS_OK && info ? (int64_t)info->NumPending : -1;
    jsConsumerInfo_Destroy(info);
    return count;
}

/* Whether a message came; `*pending` are those that there were beyond it. */
static bool take_next(natsSubscription *subscription, struct copy *copy, const struct nats_options *given,
                      int64_t *pending) {
    natsMsg *message = NULL;
    jsMsgMetaData *place = NULL;
    if (natsSubscription_NextMsg(&message, subscription, 200) != NATS_OK) return false;
    if (natsMsg_GetMetaData(&place, message) == NATS_OK) {
        *pending = (int64_t)place->NumPending;
        take_message(copy, given, message, place);
    }
    jsMsgMetaData_Destroy(place);
    natsMsg_Destroy(message);
    return true;
}

/* Whether somebody reads what is written. */
static bool is_read(int file) {
    struct pollfd out = {file, 0, 0};
    return poll(&out, 1, 0) <= 0 || !(out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* With `is_bounded`: there is an answer, but no stream. */
static void check_stream(struct broker *from) {
    jsStreamInfo *info = NULL;
    const natsStatus status = from->given->is_bounded
                                  ? js_GetStreamInfo(&info, from->stream, from->given->prefix, NULL, NULL)
                                  : NATS_OK;
    jsStreamInfo_Destroy(info);
    if (status == NATS_NOT_FOUND) die("there is no stream %s", from->given->prefix);
}

/* Whether all there is has come, once nothing came for a while: asked twice, as the last of it may be under way. */
static bool is_all(const struct broker *from, natsSubscription *subscription, struct copy *copy,
                   int64_t heard) {
    const int64_t left = pending_of(subscription);
    copy->empty = left == 0 ? copy->empty + 1 : 0;
    copy->is_silent = left != 0 && (broker_is_closed(from) || steady_ms() - heard > SILENCE_MS);
    return copy->empty > 1;
}

int nats_consume(const struct nats_options *given, const char *path) {
    struct broker from;
    struct copy copy;
    natsSubscription *subscription = NULL;
    int64_t heard = 0, pending = -1;
    signals_limit(END_S, EXIT_FAILED);
    open_copy(&copy, given, path);
    broker_connect(&from, given);
    copy.moved = steady_ms();
    while (!stop_signal() && is_read(copy.file)) {
        if (given->is_bounded && steady_ms() - copy.moved > (int64_t)given->patience * 1000)
            die("the servers do not answer any more");
        if (!subscription) {
            broker_look(&from);
            subscription = subscribe(&from, &copy);
            heard = steady_ms();
            if (subscription) continue;
            check_stream(&from);
            nats_Sleep(200);
        } else if (take_next(subscription, &copy, given, &pending)) {
            heard = copy.moved = steady_ms();
            if (given->until_end && pending == 0) break;
        } else if (broker_is_closed(&from) || given->until_end || steady_ms() - heard > SILENCE_MS) {
            if (is_all(&from, subscription, &copy, heard) && given->until_end) break;
            if (!copy.is_silent) continue;
            natsSubscription_Destroy(subscription); /* it has fallen silent though there is more: made anew */
            subscription = NULL;
        }
    }
    signals_end_within(CLOSE_S, EXIT_SUCCESS);
    natsSubscription_Destroy(subscription);
    asm_buffer_close(&copy.line);
    return broker_close(&from, EXIT_SUCCESS);
}
