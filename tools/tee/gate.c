/* SPDX-License-Identifier: MIT OR Unlicense */
#include "gate.h"

#include "../common/messages.h"
#include "protocol.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LINE_LIMIT = 64 * 1024 * 1024,    /* bytes of a line that is looked at */
    REQUEST_LIMIT = 64 * 1024 * 1024, /* bytes of the requests that are open */
    MAX_OPEN = 64,                    /* requests that are open */
    MAX_ANSWERED = 1024               /* answers that are to be left out: the oldest is forgotten */
};

/* A request that nobody has answered. */
struct request {
    uint64_t number;
    asm_buffer texts; /* of the members below */
    struct agent_line line;
};

/* A line that has begun. */
struct begun {
    asm_buffer text;
    bool is_open;    /* it has begun and not ended */
    bool is_watched; /* text has all of it so far */
    bool is_held;    /* it has not passed yet */
};

struct gate {
    int socket; /* -1: nobody decides any more */
    gate_copy copy;
    void *user;
    struct begun lines[2];
    struct request open[MAX_OPEN];
    asm_buffer answered[MAX_ANSWERED]; /* ids: the second person has answered, the editor not yet */
    size_t open_count, answered_count;
    uint64_t last_number;
    size_t kept;        /* bytes of open requests */
    bool is_acp;        /* a line of it was seen */
    asm_buffer for_out; /* what the editor is told at the end of its line */
    asm_buffer got;     /* of a decision */
};

/* ---- Requests ---- */

static size_t find_open(const struct gate *gate, asm_str id) {
    size_t index = 0;
    while (index < gate->open_count && !protocol_same_id(gate->open[index].line.id, id))
        index++;
    return index;
}

static size_t find_answered(const struct gate *gate, asm_str id) {
    size_t index = 0;
    while (index < gate->answered_count && !protocol_same_id(asm_buffer_text(&gate->answered[index]), id))
        index++;
    return index;
}

static void drop_open(struct gate *gate, size_t index) {
    struct request *request = &gate->open[index];
    gate->kept -= request->texts.size;
    asm_buffer_close(&request->texts);
    gate->open_count--;
    memmove(request, request + 1, (gate->open_count - index) * sizeof *request);
}

static void drop_answered(struct gate *gate, size_t index) {
    asm_buffer *id = &gate->answered[index];
    asm_buffer_close(id);
    gate->answered_count--;
    memmove(id, id + 1, (gate->answered_count - index) * sizeof *id);
}

static void tell(struct gate *gate, const struct request_note *note, asm_str id, asm_str call) {
    asm_buffer out;
    asm_buffer_init_growing(&out);
    asm_buffer_append(&out, asm_str_make((const char *)note, sizeof *note));
    asm_buffer_append(&out, id);
    asm_buffer_append(&out, call);
    if (out.result == ASM_OK) gate->copy(gate->user, GATE_NOTES, out.data, out.size);
    asm_buffer_close(&out);
}

/* The request is answered, or withdrawn, by others than us. */
static void settle(struct gate *gate, size_t index) {
    struct request_note note;
    memset(&note, 0, sizeof note);
    note.number = gate->open[index].number;
    note.is_settled = true;
    tell(gate, &note, ASM_STR(""), ASM_STR(""));
    drop_open(gate, index);
}

static asm_str keep(asm_buffer *texts, asm_str text) {
    const size_t at = texts->size;
    asm_buffer_append(texts, text);
    return text.data ? asm_str_make(texts->data + at, text.size) : text;
}

/* One whose id is in use is nobody's but the editor's: an answer could be meant for either. */
static void add_request(struct gate *gate, const struct agent_line *line) {
    const size_t size = line->id.size + line->call.size + line->session.size + line->allow_once.size +
                        line->deny_once.size + line->input.size;
    const size_t same = find_open(gate, line->id);
    struct request *request;
    struct request_note note;
    if (same < gate->open_count) {
        settle(gate, same);
        return;
    }
    if (find_answered(gate, line->id) < gate->answered_count) return;
    if (gate->open_count == MAX_OPEN || gate->kept + size > REQUEST_LIMIT) return;
    request = &gate->open[gate->open_count];
    memset(request, 0, sizeof *request);
    asm_buffer_init_growing(&request->texts);
    if (asm_buffer_reserve(&request->texts, size) != ASM_OK) return; /* so that nothing moves */
    request->number = ++gate->last_number;
    request->line = *line;
    request->line.id = keep(&request->texts, line->id);
    request->line.call = keep(&request->texts, line->call);
    request->line.session = keep(&request->texts, line->session);
    request->line.allow_once = keep(&request->texts, line->allow_once);
    request->line.deny_once = keep(&request->texts, line->deny_once);
    request->line.input = keep(&request->texts, line->input);
    request->line.details = asm_str_make(NULL, 0);
    gate->open_count++;
    gate->kept += request->texts.size;
    memset(&note, 0, sizeof note);
    note.number = request->number;
    note.takes_words = line->protocol == PROTOCOL_CLAUDE;
    note.id_size = line->id.size;
    note.call_size = line->call.size;
    tell(gate, &note, line->id, line->call);
}

/* ---- Lines ---- */

static void read_agent_line(struct gate *gate, asm_str text) {
    const struct agent_line line = protocol_read_agent(text);
    gate->is_acp = gate->is_acp || line.is_acp;
    if (line.kind == LINE_REQUEST) {
        add_request(gate, &line);
    } else if (line.kind == LINE_WITHDRAWAL) {
        const size_t index = find_open(gate, line.id);
        if (index < gate->open_count) settle(gate, index);
    }
}

/* True if the line is the second answer to a request: it shall not pass. */
static bool read_editor_line(struct gate *gate, asm_str text) {
    const asm_str id = protocol_read_answer(text);
    if (!id.data) return false;
    size_t index = find_answered(gate, id);
    if (index < gate->answered_count) {
        drop_answered(gate, index);
        return true;
    }
    index = find_open(gate, id);
    if (index < gate->open_count) settle(gate, index);
    return false;
}

static void pass(struct gate *gate, enum passage_way way, asm_str data, asm_buffer *out) {
    asm_buffer_append(out, data);
    for (size_t at = 0; at < data.size; at += GATE_PIECE)
        gate->copy(gate->user, (int)way, data.data + at,
                   data.size - at < GATE_PIECE ? data.size - at : GATE_PIECE);
}

/* Lines of the editor matter while something is asked; while an answer of its is to be left out, they wait until they
 * are whole. */
static void begin_line(struct gate *gate, enum passage_way way) {
    struct begun *line = &gate->lines[way];
    line->is_open = true;
    line->is_held = way == PASSAGE_IN && gate->answered_count > 0;
    line->is_watched = way == PASSAGE_OUT || gate->open_count > 0 || line->is_held;
    asm_buffer_clear(&line->text);
}

/* Too long, or no memory: it passes, and nobody looks at it. */
static void give_up_line(struct gate *gate, enum passage_way way, asm_buffer *out) {
    struct begun *line = &gate->lines[way];
    if (line->is_held) pass(gate, way, asm_str_make(line->text.data, line->text.size), out);
    line->is_held = line->is_watched = false;
    asm_buffer_close(&line->text);
    asm_buffer_init_growing(&line->text);
}

/* Looks at the line, now that it is whole; what of it waits passes, or does not. */
static void end_line(struct gate *gate, enum passage_way way, asm_buffer *out) {
    struct begun *line = &gate->lines[way];
    const asm_str text = asm_buffer_text(&line->text);
    bool is_left_out = false;
    if (line->is_watched && way == PASSAGE_OUT) read_agent_line(gate, text);
    else if (line->is_watched) is_left_out = read_editor_line(gate, text) && line->is_held;
    if (line->is_held && !is_left_out) pass(gate, way, text, out);
    if (line->text.size > GATE_PIECE) {
        asm_buffer_close(&line->text);
        asm_buffer_init_growing(&line->text);
    }
}

static void take_piece(struct gate *gate, enum passage_way way, asm_str piece, bool is_end, asm_buffer *out) {
    struct begun *line = &gate->lines[way];
    if (!line->is_open) begin_line(gate, way);
    if (line->is_watched &&
        (line->text.size + piece.size > LINE_LIMIT || asm_buffer_append(&line->text, piece) != ASM_OK))
        give_up_line(gate, way, out);
    const bool was_held = line->is_held;
    if (is_end) end_line(gate, way, out); /* before the last bytes go: nobody can have answered yet */
    if (!was_held) pass(gate, way, piece, out);
    if (!is_end) return;
    line->is_open = false;
    if (way == PASSAGE_OUT && gate->for_out.size > 0) {
        asm_buffer_append(out, asm_buffer_text(&gate->for_out));
        asm_buffer_clear(&gate->for_out);
    }
}

static void take(void *user, enum passage_way way, asm_str data, asm_buffer *out) {
    struct gate *gate = (struct gate *)user;
    while (data.size > 0) {
        const char *end = (const char *)memchr(data.data, '\n', data.size);
        const size_t size = end ? (size_t)(end + 1 - data.data) : data.size;
        take_piece(gate, way, asm_str_make(data.data, size), end != NULL, out);
        data = asm_str_make(data.data + size, data.size - size);
    }
}

/* A last line without an end may be an answer, too. */
static void end(void *user, enum passage_way way, asm_buffer *out) {
    struct gate *gate = (struct gate *)user;
    if (gate->lines[way].is_open) end_line(gate, way, out);
    gate->lines[way].is_open = false;
    while (gate->open_count > 0)
        settle(gate, 0);
}

/* ---- Decisions ---- */

/* Inserts an answer, which the copy sees as well, and tells the editor that nothing is asked any more. False without
 * memory: then nothing was done. */
static bool answer(struct gate *gate, size_t index, asm_str text, asm_buffer *in, asm_buffer *out) {
    const struct agent_line *line = &gate->open[index].line;
    asm_buffer *id;
    if (gate->answered_count == MAX_ANSWERED) drop_answered(gate, 0);
    id = &gate->answered[gate->answered_count];
    asm_buffer_init_growing(id);
    if (asm_buffer_append(id, line->id) != ASM_OK) return false;
    gate->answered_count++;
    pass(gate, PASSAGE_IN, text, in);
    protocol_withdraw(gate->lines[PASSAGE_OUT].is_open ? &gate->for_out : out, line->protocol, line->id);
    drop_open(gate, index);
    return true;
}

static bool compose(const struct request *request, enum choice choice, asm_str payload, asm_buffer *text) {
    const struct agent_line *line = &request->line;
    if (line->protocol == PROTOCOL_ACP) {
        const asm_str option = choice == CHOICE_ALLOW ? line->allow_once : line->deny_once;
        if (choice == CHOICE_EDIT || payload.size > 0 || !option.data) return false;
        protocol_select(text, line->id, option);
    } else if (choice == CHOICE_DENY) {
        protocol_deny(text, line->id, payload.size > 0 ? payload : ASM_STR("A person has said no."));
    } else {
        const asm_str input = choice == CHOICE_EDIT ? payload : line->input;
        if (asm_json_type_of(input) != ASM_JSON_OBJECT) return false;
        protocol_allow(text, line->id, input);
    }
    return text->result == ASM_OK;
}

static enum verdict decide(struct gate *gate, const struct decision *decision, asm_str payload,
                           asm_buffer *in, asm_buffer *out) {
    asm_buffer text;
    size_t index = 0;
    while (index < gate->open_count && gate->open[index].number != decision->number)
        index++;
    if (index == gate->open_count) return VERDICT_STALE;
    asm_buffer_init_growing(&text);
    enum verdict verdict = VERDICT_NO_WORD;
    if (compose(&gate->open[index], decision->choice, payload, &text))
        verdict = answer(gate, index, asm_buffer_text(&text), in, out) ? VERDICT_TAKEN : VERDICT_NO_MEMORY;
    asm_buffer_close(&text);
    return verdict;
}

static bool is_of_session(const struct request *request, asm_str session) {
    asm_buffer scratch;
    asm_str text = ASM_STR("");
    asm_buffer_init_growing(&scratch);
    const bool is_it =
        asm_json_to_string(request->line.session, &scratch, &text) && asm_str_equal(text, session);
    asm_buffer_close(&scratch);
    return is_it;
}

/* Who cancels a turn answers what is asked in it, too. */
static enum verdict cancel(struct gate *gate, asm_str session, asm_buffer *in, asm_buffer *out) {
    asm_buffer text;
    if (!gate->is_acp) return VERDICT_NO_WORD;
    asm_buffer_init_growing(&text);
    protocol_cancel_session(&text, session);
    bool is_done = text.result == ASM_OK;
    if (is_done) pass(gate, PASSAGE_IN, asm_buffer_text(&text), in);
    for (size_t i = gate->open_count; is_done && i-- > 0;) {
        if (!is_of_session(&gate->open[i], session)) continue;
        asm_buffer_clear(&text);
        protocol_cancelled(&text, gate->open[i].line.id);
        is_done = text.result == ASM_OK && answer(gate, i, asm_buffer_text(&text), in, out);
    }
    asm_buffer_close(&text);
    return is_done ? VERDICT_TAKEN : VERDICT_NO_MEMORY;
}

static enum verdict judge(struct gate *gate, const struct decision *decision, asm_str payload, asm_buffer *in,
                          asm_buffer *out) {
    if (!in || !out) return VERDICT_ENDED;
    if (gate->lines[PASSAGE_IN].is_open && !gate->lines[PASSAGE_IN].is_held) return VERDICT_BUSY;
    if (decision->choice == CHOICE_CANCEL) return cancel(gate, payload, in, out);
    return decide(gate, decision, payload, in, out);
}

void gate_close(struct gate *gate) {
    if (gate->socket >= 0) close(gate->socket);
    gate->socket = -1;
    asm_buffer_close(&gate->got);
}

static int descriptor(void *user) {
    return ((struct gate *)user)->socket;
}

static void wake(void *user, asm_buffer *in, asm_buffer *out) {
    struct gate *gate = (struct gate *)user;
    char bytes[16 * 1024];
    struct decision decision;
    const ssize_t size = read(gate->socket, bytes, sizeof bytes);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (size <= 0 || asm_buffer_append(&gate->got, asm_str_make(bytes, (size_t)size)) != ASM_OK) {
        gate_close(gate);
        return;
    }
    if (gate->got.size < sizeof decision) return;
    memcpy(&decision, gate->got.data, sizeof decision);
    if (decision.size > MAX_DECISION) {
        gate_close(gate);
        return;
    }
    if (gate->got.size < sizeof decision + decision.size) return;
    const asm_str payload = asm_str_make(gate->got.data + sizeof decision, decision.size);
    const enum verdict verdict = judge(gate, &decision, payload, in, out);
    asm_buffer_clear(&gate->got); /* one at a time: who decides waits for the verdict */
    if (write(gate->socket, &verdict, sizeof verdict) != (ssize_t)sizeof verdict) gate_close(gate);
}

struct gate *gate_open(int socket, gate_copy copy, void *user) {
    struct gate *gate = (struct gate *)calloc(1, sizeof *gate);
    if (!gate) die("%s", asm_result_string(ASM_ERR_NO_MEMORY));
    gate->socket = socket;
    gate->copy = copy;
    gate->user = user;
    for (int i = 0; i < 2; i++)
        asm_buffer_init_growing(&gate->lines[i].text);
    asm_buffer_init_growing(&gate->for_out);
    asm_buffer_init_growing(&gate->got);
    return gate;
}

struct passage_hooks gate_hooks(struct gate *gate) {
    const struct passage_hooks hooks = {
        .take = take, .end = end, .descriptor = descriptor, .wake = wake, .user = gate};
    return hooks;
}
