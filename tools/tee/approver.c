/* SPDX-License-Identifier: MIT OR Unlicense */
#include "approver.h"

#include "../common/messages.h"
#include "../common/rows.h"
#include "protocol.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_QUESTIONS = 64,
    PATIENCE = 2000,          /* milliseconds for a verdict */
    PAUSE = 5,                /* milliseconds until the next try */
    LONGEST_LINE = 16 * 1024, /* bytes that are typed */
    FEW_ROWS = 8
};

/* What can be answered. */
struct question {
    uint64_t number;
    bool takes_words;
    asm_buffer texts; /* of the two below */
    asm_str id, call;
    asm_event *event;       /* that asks, allocated; NULL: it has not come yet */
    asm_buffer details;     /* all that is asked for, as it came: an object */
    const char *input_name; /* of the arguments in it */
};

struct approver {
    int socket;   /* -1: the gate is gone */
    int terminal; /* -1: none */
    struct question questions[MAX_QUESTIONS];
    size_t count;
    uint64_t shown;         /* the number on the terminal; 0: none */
    bool is_settled;        /* what is shown was answered elsewhere */
    struct agent_line line; /* whose events come now */
    bool is_acp;            /* a line of it was seen */
    const char *error;      /* why the last decision was not taken */
    asm_buffer typed;       /* of a line */
    asm_buffer arguments;   /* of a decision */
};

/* ---- Questions ---- */

static size_t find(const struct approver *approver, uint64_t number) {
    size_t index = 0;
    while (index < approver->count && approver->questions[index].number != number)
        index++;
    return index;
}

static void drop(struct approver *approver, size_t index) {
    struct question *question = &approver->questions[index];
    asm_buffer_close(&question->texts);
    asm_buffer_close(&question->details);
    free(question->event);
    approver->count--;
    memmove(question, question + 1, (approver->count - index) * sizeof *question);
}

/* A text that is JSON as it came, as events have it: decoded if it is a string. */
static asm_str keep(asm_buffer *texts, asm_str raw) {
    asm_str text = raw;
    if (asm_json_type_of(raw) != ASM_JSON_STRING) return raw;
    (void)asm_json_to_string(raw, texts, &text);
    return text;
}

static void add(struct approver *approver, const struct request_note *note, asm_str texts) {
    struct question *question = &approver->questions[approver->count];
    if (approver->count == MAX_QUESTIONS) return;
    memset(question, 0, sizeof *question);
    question->number = note->number;
    question->takes_words = note->takes_words;
    asm_buffer_init_growing(&question->texts);
    asm_buffer_init_growing(&question->details);
    /* room for the texts as they are, and decoded: so that nothing moves */
    if (asm_buffer_reserve(&question->texts, 2 * texts.size + 2 * (size_t)ASM_JSON_SCRATCH_SPARE) != ASM_OK)
        return;
    asm_buffer_append(&question->texts, texts);
    const char *kept = question->texts.data;
    question->id = keep(&question->texts, asm_str_make(kept, note->id_size));
    question->call = keep(&question->texts, asm_str_make(kept + note->id_size, note->call_size));
    approver->count++;
}

void approver_note(struct approver *approver, const char *data, size_t size) {
    struct request_note note;
    if (size < sizeof note) return;
    memcpy(&note, data, sizeof note);
    if (!note.is_settled) {
        if (note.id_size + note.call_size == size - sizeof note)
            add(approver, &note, asm_str_make(data + sizeof note, size - sizeof note));
        return;
    }
    const size_t index = find(approver, note.number);
    if (index < approver->count) drop(approver, index);
    if (approver->shown == note.number) approver->is_settled = true;
}

/* The request of an event that was told of and not seen yet. */
static struct question *find_request(struct approver *approver, const asm_approval_payload *approval) {
    for (size_t i = 0; i < approver->count; i++) {
        struct question *question = &approver->questions[i];
        if (!question->event && asm_str_equal(question->id, approval->request_id) &&
            asm_str_equal(question->call, approval->tool_call_id))
            return question;
    }
    return NULL;
}

void approver_line(struct approver *approver, asm_str line) {
    approver->line = protocol_read_agent(line);
    approver->is_acp = approver->is_acp || approver->line.is_acp;
}

void approver_event(struct approver *approver, asm_event *event) {
    if (event->type != ASM_EVENT_TOOL_APPROVAL_REQUESTED) return;
    struct question *question = find_request(approver, &event->approval);
    if (!question) return;
    const size_t size = asm_event_copy_size(event);
    void *block = malloc(size);
    const bool is_question = asm_str_equal(event->approval.kind, ASM_STR("question"));
    question->input_name = approver->line.input_name;
    asm_buffer_append(&question->details, approver->line.details);
    if (!block || is_question ||
        question->details.result !=
            ASM_OK) { /* the answers to questions have other words: they are the editor's */
        free(block);
        drop(approver, (size_t)(question - approver->questions));
        return;
    }
    event->approval.interrupt.is_set = true;
    event->approval.interrupt.value = (int64_t)question->number;
    question->event = asm_event_copy(event, block, size);
}

/* ---- Decisions ---- */

static bool write_whole(int fd, const void *data, size_t size) {
    const char *at = (const char *)data;
    while (size > 0) {
        const ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* One try. False: the gate is gone. */
static bool ask_gate(struct approver *approver, const struct decision *decision, asm_str payload,
                     enum verdict *verdict) {
    struct pollfd polled = {approver->socket, POLLIN, 0};
    if (!write_whole(approver->socket, decision, sizeof *decision) ||
        !write_whole(approver->socket, payload.data, payload.size))
        return false;
    while (poll(&polled, 1, PATIENCE) < 0 && errno == EINTR)
        continue;
    return polled.revents & POLLIN &&
           read(approver->socket, verdict, sizeof *verdict) == (ssize_t)sizeof *verdict;
}

static asm_result fail(struct approver *approver, const char *why) {
    approver->error = why;
    return ASM_ERR_STATUS;
}

/* The verdict, as a result: ASM_ERR_NOT_FOUND if that is not asked any more. */
static asm_result decide(struct approver *approver, struct decision *decision, asm_str payload) {
    const struct timespec pause = {0, PAUSE * 1000000L};
    enum verdict verdict = VERDICT_BUSY;
    approver->error = NULL;
    decision->size = payload.size;
    if (payload.size > MAX_DECISION) return fail(approver, "it is too long");
    for (int left = PATIENCE; verdict == VERDICT_BUSY && left > 0; left -= PAUSE) {
        if (approver->socket < 0) return fail(approver, "the session has ended");
        if (!ask_gate(approver, decision, payload, &verdict)) {
            close(approver->socket);
            approver->socket = -1;
            return fail(approver, "whether it was taken is not known: the session has ended");
        }
        if (verdict == VERDICT_BUSY) nanosleep(&pause, NULL);
    }
    switch (verdict) {
    case VERDICT_TAKEN:
        return ASM_OK;
    case VERDICT_STALE:
        return ASM_ERR_NOT_FOUND;
    case VERDICT_NO_WORD:
        return fail(approver, decision->choice == CHOICE_ALLOW
                                  ? "the agent offers no permission for this once"
                              : decision->choice == CHOICE_EDIT
                                  ? "the protocol of this agent has no words for other arguments"
                              : decision->choice == CHOICE_CANCEL
                                  ? "only sessions of the protocol ACP can be cancelled here"
                              : payload.size > 0 ? "the protocol of this agent has no words for why not"
                                                 : "the agent offers no denial for this once");
    case VERDICT_BUSY:
        return fail(approver, "the editor is in the middle of a message that does not end");
    case VERDICT_NO_MEMORY:
        return fail(approver, asm_result_string(ASM_ERR_NO_MEMORY));
    default:
        return fail(approver, "one side of the session has ended");
    }
}

/* A question that is answered is forgotten. */
static asm_result decide_question(struct approver *approver, size_t index, enum choice choice,
                                  asm_str payload) {
    struct decision decision;
    memset(&decision, 0, sizeof decision);
    decision.number = approver->questions[index].number;
    decision.choice = choice;
    const asm_result result = decide(approver, &decision, payload);
    if (result == ASM_OK || result == ASM_ERR_NOT_FOUND) drop(approver, index);
    return result;
}

/* ---- The page ---- */

static asm_str text_of(asm_str raw, asm_buffer *scratch) {
    asm_str text = raw;
    (void)asm_json_to_string(raw, scratch, &text);
    return text;
}

/* Within a line no line may end: between the tokens of JSON a blank stands for it. */
static asm_str on_one_line(asm_buffer *out, asm_str json) {
    asm_buffer_clear(out);
    asm_buffer_append(out, json);
    for (size_t i = 0; i < out->size; i++)
        if (out->data[i] == '\n' || out->data[i] == '\r') out->data[i] = ' ';
    return asm_buffer_text(out);
}

/* A decision names the request and the call. */
static bool is_about(const struct question *question, asm_str session, asm_str call, asm_str id) {
    return question->event && asm_str_equal(question->event->session_id, session) &&
           asm_str_equal(question->call, call) && (!id.data || asm_str_equal(question->id, id));
}

static asm_result take_decision(struct approver *approver, size_t index, asm_str type, asm_str arguments,
                                asm_str why) {
    const asm_str none = {NULL, 0};
    if (asm_str_equal(type, ASM_STR("approve"))) return decide_question(approver, index, CHOICE_ALLOW, none);
    if (asm_str_equal(type, ASM_STR("reject"))) return decide_question(approver, index, CHOICE_DENY, why);
    if (!asm_str_equal(type, ASM_STR("edit")) || asm_json_type_of(arguments) != ASM_JSON_OBJECT)
        return fail(approver, "it can be approved, approved with other arguments, an object, or rejected");
    const asm_str line = on_one_line(&approver->arguments, arguments);
    if (approver->arguments.result != ASM_OK) return approver->arguments.result;
    return decide_question(approver, index, CHOICE_EDIT, line);
}

/* The only decision of the list; absent if there are others. */
static asm_str only_element(asm_str list) {
    asm_json_reader reader;
    asm_str element = {NULL, 0};
    asm_json_reader_init(&reader, list, NULL);
    if (!asm_json_enter_array(&reader) || !asm_json_next_element(&reader) ||
        !asm_json_read_raw(&reader, &element) || asm_json_next_element(&reader))
        return asm_str_make(NULL, 0);
    return element;
}

/* A body of `resume`, which is valid JSON: docs/live-protocol.md. */
static asm_result resume(void *user, asm_str session, asm_str json) {
    static const char *const outer[] = {"interrupt", "request_id", "decisions"};
    static const char *const inner[] = {"tool_call_id", "type", "arguments", "message"};
    struct approver *approver = (struct approver *)user;
    asm_str keys[4], values[3], parts[4], element;
    asm_buffer scratch;
    int64_t number;
    for (size_t i = 0; i < 3; i++)
        keys[i] = asm_str_from(outer[i]);
    (void)asm_json_find(json, keys, values, 3, NULL);
    element = only_element(values[2]);
    for (size_t i = 0; i < 4; i++)
        keys[i] = asm_str_from(inner[i]);
    if (!element.data || asm_json_find(element, keys, parts, 4, NULL) != ASM_OK ||
        !asm_json_to_int64(values[0], &number))
        return fail(approver, "one decision at a time");
    asm_buffer_init_growing(&scratch);
    asm_buffer_reserve(&scratch, 2 * json.size + 8 * (size_t)ASM_JSON_SCRATCH_SPARE);
    const size_t index = find(approver, (uint64_t)number);
    asm_result result = ASM_ERR_NOT_FOUND;
    if (index < approver->count && is_about(&approver->questions[index], session, text_of(parts[0], &scratch),
                                            text_of(values[1], &scratch)))
        result = take_decision(approver, index, text_of(parts[1], &scratch), parts[2],
                               text_of(parts[3], &scratch));
    asm_buffer_close(&scratch);
    return result;
}

static asm_result cancel(void *user, asm_str session) {
    struct decision decision;
    memset(&decision, 0, sizeof decision);
    decision.choice = CHOICE_CANCEL;
    return decide((struct approver *)user, &decision, session);
}

/* As the gate decides it. */
static bool can_cancel(void *user, asm_str session) {
    (void)session;
    return ((struct approver *)user)->is_acp;
}

static const char *error_text(void *user) {
    return ((struct approver *)user)->error;
}

struct live_host approver_host(struct approver *approver) {
    const struct live_host host = {
        .resume = resume, .cancel = cancel, .can_cancel = can_cancel, .error = error_text, .user = approver};
    return host;
}

/* ---- The terminal ---- */

static void print(struct approver *approver, asm_str text) {
    if (approver->terminal >= 0 && !write_whole(approver->terminal, text.data, text.size)) {
        complain("the terminal: %s: nobody is asked there any more", strerror(errno));
        close(approver->terminal);
        approver->terminal = -1;
    }
}

static const struct question *next_question(const struct approver *approver) {
    for (size_t i = 0; i < approver->count; i++)
        if (approver->questions[i].event) return &approver->questions[i];
    return NULL;
}

bool approver_is_asking(const struct approver *approver) {
    return approver->terminal >= 0 && approver->shown > 0;
}

bool approver_has_news(const struct approver *approver) {
    if (approver->terminal < 0) return false;
    return approver->shown > 0 ? approver->is_settled : next_question(approver) != NULL;
}

static void write_question(asm_buffer *out, const struct question *question, const asm_terminal *terminal) {
    const asm_approval_payload *approval = &question->event->approval;
    struct rows rows = rows_begin(out, terminal);
    char text[128];
    snprintf(text, sizeof text, "%" PRIu64 ": may the agent do this?", question->number);
    asm_buffer_append_byte(out, '\n');
    rows_heading(&rows, text);
    if (approval->tool_name.size > 0) rows_text(&rows, approval->tool_name, false);
    if (!approval->tool_input.data) rows_text(&rows, ASM_STR("(its arguments are not told)"), false);
    else if (asm_json_type_of(approval->tool_input) == ASM_JSON_OBJECT)
        rows_members(&rows, approval->tool_input, ASM_STR(""));
    else rows_text(&rows, approval->tool_input, false);
    if (question->details.size > 0)
        rows_members(&rows, asm_buffer_text(&question->details), asm_str_from(question->input_name));
    if (terminal->rows > FEW_ROWS && rows.count > (size_t)(terminal->rows - FEW_ROWS)) {
        snprintf(text, sizeof text, "  these are %zu rows: look at all of them\n", rows.count);
        asm_buffer_append(out, asm_str_from(text));
    }
    snprintf(text, sizeof text, "  y %" PRIu64 " = yes, n %" PRIu64 "%s = no\n? ", question->number,
             question->number, question->takes_words ? " WHY" : "");
    asm_buffer_append(out, asm_str_from(text));
}

void approver_show(struct approver *approver) {
    if (approver->shown > 0 && approver->is_settled) {
        char text[128];
        snprintf(text, sizeof text,
                 "\n  %" PRIu64 " is not asked any more: it was answered elsewhere, or taken back\n",
                 approver->shown);
        approver->shown = 0;
        approver->is_settled = false;
        print(approver, asm_str_from(text));
    }
    const struct question *question = next_question(approver);
    if (approver->shown > 0 || !question || approver->terminal < 0) return;
    asm_buffer out;
    const asm_terminal terminal = asm_terminal_detect(approver->terminal);
    asm_buffer_init_growing(&out);
    write_question(&out, question, &terminal);
    if (out.result == ASM_OK) {
        approver->shown = question->number;
        print(approver, asm_buffer_text(&out));
    } else { /* what cannot be shown whole is not asked */
        complain("%s: a request is not shown", asm_result_string(out.result));
        drop(approver, (size_t)(question - approver->questions));
    }
    asm_buffer_close(&out);
}

static void skip_blanks(asm_str *text) {
    while (text->size > 0 && (text->data[0] == ' ' || text->data[0] == '\t'))
        *text = asm_str_make(text->data + 1, text->size - 1);
}

/* `y 3`, `n 3`, `n 3 WHY`: the number is named, so that what is typed never counts for a question that has just come. */
static bool read_answer(asm_str line, uint64_t number, enum choice *choice, asm_str *why) {
    uint64_t named = 0;
    skip_blanks(&line);
    if (line.size == 0 || (line.data[0] != 'y' && line.data[0] != 'n')) return false;
    *choice = line.data[0] == 'y' ? CHOICE_ALLOW : CHOICE_DENY;
    line = asm_str_make(line.data + 1, line.size - 1);
    skip_blanks(&line);
    const char *digits = line.data;
    while (line.size > 0 && line.data[0] >= '0' && line.data[0] <= '9' && named < UINT64_MAX / 16) {
        named = named * 10 + (uint64_t)(line.data[0] - '0');
        line = asm_str_make(line.data + 1, line.size - 1);
    }
    const bool is_named = line.data > digits && (line.size == 0 || line.data[0] == ' ');
    skip_blanks(&line);
    while (line.size > 0 && (line.data[line.size - 1] == ' ' || line.data[line.size - 1] == '\r'))
        line.size--;
    *why = line;
    return is_named && named == number && (*choice == CHOICE_DENY || line.size == 0);
}

static void take_line(struct approver *approver, asm_str line) {
    char text[160];
    enum choice choice = CHOICE_DENY;
    asm_str why;
    const size_t index = find(approver, approver->shown);
    if (approver->shown == 0 || approver->is_settled || index == approver->count) return;
    if (!read_answer(line, approver->shown, &choice, &why)) {
        snprintf(text, sizeof text, "  y %" PRIu64 " or n %" PRIu64 "?\n? ", approver->shown,
                 approver->shown);
        print(approver, asm_str_from(text));
        return;
    }
    const asm_result result = decide_question(approver, index, choice, why);
    if (result == ASM_OK)
        snprintf(text, sizeof text, "  %" PRIu64 ": %s\n", approver->shown,
                 choice == CHOICE_ALLOW ? "yes" : "no");
    else if (result == ASM_ERR_NOT_FOUND)
        snprintf(text, sizeof text,
                 "  %" PRIu64 " is not asked any more: it was answered elsewhere, or taken back\n",
                 approver->shown);
    else
        snprintf(text, sizeof text, "  not taken: %s\n? ",
                 approver->error ? approver->error : asm_result_string(result));
    if (result == ASM_OK || result == ASM_ERR_NOT_FOUND) approver->shown = 0;
    print(approver, asm_str_from(text));
}

int approver_descriptor(const struct approver *approver) {
    return approver->terminal;
}

void approver_read(struct approver *approver) {
    char bytes[4096];
    const ssize_t size = read(approver->terminal, bytes, sizeof bytes);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0) {
        if (size < 0) complain("the terminal: %s: nobody is asked there any more", strerror(errno));
        close(approver->terminal);
        approver->terminal = -1;
        return;
    }
    for (ssize_t i = 0; i < size; i++) {
        if (bytes[i] != '\n' && bytes[i] != '\r') {
            if (approver->typed.size < LONGEST_LINE) asm_buffer_append_byte(&approver->typed, bytes[i]);
            continue;
        }
        take_line(approver, asm_buffer_text(&approver->typed));
        asm_buffer_clear(&approver->typed);
    }
}

struct approver *approver_open(int socket, const char *terminal) {
    struct approver *approver = (struct approver *)calloc(1, sizeof *approver);
    if (!approver) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    approver->socket = socket;
    approver->terminal = -1;
    asm_buffer_init_growing(&approver->typed);
    asm_buffer_init_growing(&approver->arguments);
    if (!terminal) return approver;
    approver->terminal = open(terminal, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (approver->terminal < 0) die("%s: %s", terminal, strerror(errno));
    if (!isatty(approver->terminal)) die("%s: is no terminal", terminal);
    return approver;
}

void approver_close(struct approver *approver) {
    if (!approver) return;
    if (approver_is_asking(approver)) print(approver, ASM_STR("\n  the session has ended\n"));
    while (approver->count > 0)
        drop(approver, 0);
    asm_buffer_close(&approver->typed);
    asm_buffer_close(&approver->arguments);
    free(approver);
}
