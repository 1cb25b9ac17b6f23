/* The gate of asm-tee --approve: the first answer to a request counts and reaches the agent once, the editor is told, and
 * all else passes as it came, however it is cut into pieces. */
#include "support.h"

#include "tools/common/messages.c"
#include "tools/tee/gate.c"
#include "tools/tee/protocol.c"

#include <fcntl.h>
#include <sys/socket.h>

/* A gate, what has passed it, and what its copy was told. */
typedef struct fixture {
    struct gate *gate;
    int socket;
    asm_buffer in, out;   /* to the agent, to the editor */
    asm_buffer copied[2]; /* each way */
    asm_buffer notes;     /* "+1" asked, "-1" settled */
    bool in_is_over;
} fixture;

static void take_copy(void *user, int way, const char *data, size_t size) {
    fixture *self = (fixture *)user;
    struct request_note note;
    char text[32];
    assert_true(size <= GATE_PIECE);
    if (way != GATE_NOTES) {
        asm_buffer_append(&self->copied[way], asm_str_make(data, size));
        return;
    }
    memcpy(&note, data, sizeof note);
    snprintf(text, sizeof text, "%c%lu ", note.is_settled ? '-' : '+', (unsigned long)note.number);
    asm_buffer_append(&self->notes, asm_str_from(text));
    assert_int_equal(size, sizeof note + note.id_size + note.call_size);
}

static void begin(fixture *self) {
    int sockets[2];
    memset(self, 0, sizeof *self);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    self->socket = sockets[1];
    self->gate = gate_open(sockets[0], take_copy, self);
    asm_buffer_init_growing(&self->in);
    asm_buffer_init_growing(&self->out);
    asm_buffer_init_growing(&self->notes);
    asm_buffer_init_growing(&self->copied[0]);
    asm_buffer_init_growing(&self->copied[1]);
}

static void finish(fixture *self) {
    close(self->socket);
    gate_close(self->gate);
    end(self->gate, PASSAGE_IN, &self->in);
    while (self->gate->answered_count > 0)
        drop_answered(self->gate, 0);
    asm_buffer_close(&self->gate->lines[0].text);
    asm_buffer_close(&self->gate->lines[1].text);
    asm_buffer_close(&self->gate->for_out);
    free(self->gate);
    asm_buffer_close(&self->in);
    asm_buffer_close(&self->out);
    asm_buffer_close(&self->notes);
    asm_buffer_close(&self->copied[0]);
    asm_buffer_close(&self->copied[1]);
}

static void from_agent(fixture *self, const char *text) {
    take(self->gate, PASSAGE_OUT, asm_str_from(text), &self->out);
}

static void from_editor(fixture *self, const char *text) {
    take(self->gate, PASSAGE_IN, asm_str_from(text), &self->in);
}

static enum verdict decide_as(fixture *self, uint64_t number, enum choice choice, const char *payload) {
    struct decision decision;
    enum verdict verdict;
    memset(&decision, 0, sizeof decision);
    decision.number = number;
    decision.choice = choice;
    decision.size = strlen(payload);
    assert_int_equal(write(self->socket, &decision, sizeof decision), (int)sizeof decision);
    if (*payload) assert_int_equal(write(self->socket, payload, decision.size), (int)decision.size);
    do
        wake(self->gate, self->in_is_over ? NULL : &self->in, &self->out);
    while (self->gate->got.size > 0);
    assert_int_equal(read(self->socket, &verdict, sizeof verdict), (int)sizeof verdict);
    return verdict;
}

static const char *text_of_buffer(asm_buffer *buffer) {
    asm_buffer_append_byte(buffer, 0);
    buffer->size--;
    return buffer->data;
}

/* Takes a text out of a buffer, where it is a line; false if it is not there. */
static bool take_out(asm_buffer *buffer, const char *line) {
    const char *at = strstr(text_of_buffer(buffer), line);
    const size_t size = strlen(line), before = at ? (size_t)(at - buffer->data) : 0;
    if (!at || (before > 0 && at[-1] != '\n')) return false;
    memmove(buffer->data + before, buffer->data + before + size, buffer->size - before - size);
    buffer->size -= size;
    return true;
}

/* What has passed since the last look. */
static void expect_passed(asm_buffer *buffer, const char *expected) {
    expect(asm_str_equal(asm_buffer_text(buffer), asm_str_from(expected)), "%s instead of %s",
           shown(asm_buffer_text(buffer)), expected);
    asm_buffer_clear(buffer);
}

#define ASK(id)                                                                                              \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"session/request_permission\",\"params\":{"              \
    "\"sessionId\":\"s\",\"toolCall\":{\"toolCallId\":\"c\"},\"options\":["                                  \
    "{\"optionId\":\"a\",\"name\":\"A\",\"kind\":\"allow_always\"},"                                         \
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

static void test_second_person_is_first(void **state) {
    fixture self;
    (void)state;
    begin(&self);
    from_agent(&self, ASK("5"));
    expect_passed(&self.out, ASK("5"));
    expect_passed(&self.notes, "+1 ");
    expect(decide_as(&self, 2, CHOICE_ALLOW, "") == VERDICT_STALE, "there is no other");
    expect(decide_as(&self, 1, CHOICE_EDIT, "{}") == VERDICT_NO_WORD, "ACP has none for it");
    expect(decide_as(&self, 1, CHOICE_DENY, "no") == VERDICT_NO_WORD, "nor for why");
    expect_passed(&self.in, "");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
    expect_passed(&self.in, SELECT("5", "y"));
    expect_passed(&self.out, WITHDRAW("5"));
    expect(decide_as(&self, 1, CHOICE_DENY, "") == VERDICT_STALE, "once is enough");
    from_editor(&self, "{\"id\":6,\"result\":{}}\n" REFUSED("5") "{\"id\":7,\"result\":{}}\n");
    expect_passed(&self.in, "{\"id\":6,\"result\":{}}\n{\"id\":7,\"result\":{}}\n");
    from_editor(&self, REFUSED("5")); /* nothing of that id is open any more */
    expect_passed(&self.in, REFUSED("5"));
    expect_passed(&self.copied[PASSAGE_OUT], ASK("5"));
    expect_passed(&self.notes, "");
    finish(&self);
    end_of_cases();
}

static void test_editor_is_first(void **state) {
    fixture self;
    (void)state;
    begin(&self);
    from_agent(&self, ASK("\"x\\u0031\"") ASK("\"2\"") ASK("2"));
    expect_passed(&self.notes, "+1 +2 +3 ");
    from_editor(&self, SELECT("\"x1\"", "n"));
    expect_passed(&self.in, SELECT("\"x1\"", "n"));
    expect_passed(&self.notes, "-1 ");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_STALE, "%s", "");
    from_editor(&self, SELECT("2.0", "n")); /* a number that is the same */
    expect_passed(&self.notes, "-3 ");
    expect(decide_as(&self, 2, CHOICE_DENY, "") == VERDICT_TAKEN, "a text is another id than a number");
    asm_buffer_clear(&self.in);
    asm_buffer_clear(&self.out);
    from_agent(&self, ASK("8"));
    from_agent(&self, WITHDRAW("8"));
    expect_passed(&self.out, ASK("8") WITHDRAW("8"));
    expect_passed(&self.notes, "+4 -4 ");
    expect(decide_as(&self, 4, CHOICE_ALLOW, "") == VERDICT_STALE, "it was taken back");
    finish(&self);
    end_of_cases();
}

/* In the middle of a line nothing is inserted. */
static void test_line_bounds(void **state) {
    fixture self;
    (void)state;
    begin(&self);
    from_editor(&self, "{\"half");
    from_agent(&self, ASK("5") "{\"rest\":");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_BUSY, "%s", "");
    expect_passed(&self.in, "{\"half");
    from_editor(&self, "\":1}\n");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
    expect_passed(&self.in, "\":1}\n" SELECT("5", "y"));
    expect_passed(&self.out, ASK("5") "{\"rest\":");
    from_agent(&self, "1}\n{");
    expect_passed(&self.out, "1}\n" WITHDRAW("5") "{");
    from_editor(&self, "{\"id\":5,");
    expect_passed(&self.in, "");
    from_editor(&self, "\"method\":\"m\"}");
    from_editor(&self, "\n"); /* a request of its own of that id */
    expect_passed(&self.in, "{\"id\":5,\"method\":\"m\"}\n");
    from_editor(&self, "{\"result\":{},\"id\":5}");
    end(self.gate, PASSAGE_IN, &self.in); /* the last line has no end */
    expect_passed(&self.in, "");
    finish(&self);
    begin(&self);
    from_agent(&self, ASK("5"));
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
    asm_buffer_clear(&self.in);
    from_editor(&self, "{\"id\":6}");
    end(self.gate, PASSAGE_IN, &self.in);
    expect_passed(&self.in, "{\"id\":6}");
    self.in_is_over = true;
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_ENDED, "%s", "");
    finish(&self);
    end_of_cases();
}

/* An answer to an id that is used twice could be meant for either. */
static void test_ids_that_are_used_again(void **state) {
    fixture self;
    (void)state;
    begin(&self);
    from_agent(&self, ASK("5") ASK("5"));
    expect_passed(&self.notes, "+1 -1 ");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_STALE, "%s", "");
    from_editor(&self, SELECT("5", "y") SELECT("5", "n"));
    expect_passed(&self.in, SELECT("5", "y") SELECT("5", "n"));
    from_agent(&self, ASK("6"));
    expect(decide_as(&self, 2, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
    asm_buffer_clear(&self.in);
    from_agent(&self, ASK("6"));
    expect_passed(&self.notes, "+2 "); /* the editor's answer to the first is still to come */
    from_editor(&self, SELECT("6", "n") SELECT("6", "y"));
    expect_passed(&self.in, SELECT("6", "y"));
    from_agent(&self, ASK("6"));
    expect_passed(&self.notes, "+3 ");
    finish(&self);
    end_of_cases();
}

static void test_claude(void **state) {
    static const char ask[] =
        "{\"type\":\"control_request\",\"request_id\":\"r1\",\"request\":{\"subtype\":\"can_use_tool\","
        "\"tool_name\":\"Bash\",\"input\":{\"command\":\"l\\u0073\"},\"tool_use_id\":\"t1\"}}\n";
    fixture self;
    (void)state;
    begin(&self);
    from_agent(&self, ask);
    expect(decide_as(&self, 0, CHOICE_CANCEL, "s") == VERDICT_NO_WORD, "that is for ACP");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
    expect_passed(
        &self.in,
        "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"r1\","
        "\"response\":{\"behavior\":\"allow\",\"updatedInput\":{\"command\":\"l\\u0073\"}}}}\n");
    asm_buffer_clear(&self.out);
    from_editor(&self,
                "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"r1\","
                "\"response\":{\"behavior\":\"deny\",\"message\":\"\"}}}\n");
    expect_passed(&self.in, "");
    from_agent(&self, ask);
    expect(decide_as(&self, 2, CHOICE_DENY, "not \"on\"\nFriday") == VERDICT_TAKEN, "%s", "");
    expect_passed(
        &self.in,
        "{\"type\":\"control_response\",\"response\":{\"subtype\":\"success\",\"request_id\":\"r1\","
        "\"response\":{\"behavior\":\"deny\",\"message\":\"not \\\"on\\\"\\nFriday\"}}}\n");
    expect(strstr(text_of_buffer(&self.out),
                  "{\"type\":\"control_cancel_request\",\"request_id\":\"r1\"}\n") != NULL,
           "%s", shown(asm_buffer_text(&self.out)));
    finish(&self);
    end_of_cases();
}

static void test_cancel(void **state) {
    fixture self;
    (void)state;
    begin(&self);
    from_agent(&self, ASK("5") ASK("6"));
    from_editor(&self, SELECT("5", "y"));
    asm_buffer_clear(&self.in);
    asm_buffer_clear(&self.out);
    expect(decide_as(&self, 0, CHOICE_CANCEL, "t\n") == VERDICT_TAKEN, "%s", "");
    expect_passed(
        &self.in,
        "{\"jsonrpc\":\"2.0\",\"method\":\"session/cancel\",\"params\":{\"sessionId\":\"t\\n\"}}\n");
    expect_passed(&self.out, "");
    expect(decide_as(&self, 0, CHOICE_CANCEL, "s") == VERDICT_TAKEN, "%s", "");
    expect_passed(
        &self.in,
        "{\"jsonrpc\":\"2.0\",\"method\":\"session/cancel\",\"params\":{\"sessionId\":\"s\"}}\n" CANCELLED(
            "6"));
    expect_passed(&self.out, WITHDRAW("6"));
    from_editor(&self, REFUSED("6"));
    expect_passed(&self.in, "");
    finish(&self);
    end_of_cases();
}

/* Messages that ask for nothing that can be answered. */
static void test_what_is_no_request(void **state) {
    static const char *const lines[] = {
        "["
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"session/request_permission\",\"params\":{}}"
        "]\n",
        "{\"jsonrpc\":\"2.0\",\"method\":\"session/request_permission\",\"params\":{\"options\":[]}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"session/request_permission\",\"params\":{}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":[1],\"method\":\"session/request_permission\",\"params\":{}}\n",
        "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":{\"method\":\"session/request_permission\"}}\n",
        "{\"type\":\"control_request\",\"request\":{\"subtype\":\"can_use_tool\"}}\n",
        "{\"type\":\"control_request\",\"request_id\":\"1\",\"request\":{\"subtype\":\"initialize\"}}\n",
        "{\"type\":\"control_request\",\"request_id\":\"1\",\"request\":7}\n",
        "{\"method\":\"session/request_permission\",\"id\":1",
        "\n",
        "\0",
        "\xff\xfe\n"};
    fixture self;
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        begin(&self);
        from_agent(&self, lines[i]);
        expect_passed(&self.out, lines[i]);
        expect_passed(&self.notes, "");
        finish(&self);
    }
    begin(&self); /* options that are none: it is asked, and there is no word for an answer */
    from_agent(&self, "{\"id\":1,\"method\":\"session/"
                      "request_permission\",\"params\":{\"options\":[7,{},{\"optionId\":1}]}}\n");
    expect_passed(&self.notes, "+1 ");
    expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_NO_WORD, "%s", "");
    expect(decide_as(&self, 1, CHOICE_DENY, "") == VERDICT_NO_WORD, "%s", "");
    finish(&self);
    end_of_cases();
}

/* ---- Any order of things, in any pieces ---- */

enum { REQUESTS = 30, STEPS = 300, RUNS = 300 };

/* What a side says, how much of it was taken, and what the other side shall hear of it. */
typedef struct speaker {
    asm_buffer lines, expected;
    size_t at;
} speaker;

typedef struct whole_run {
    fixture self;
    speaker sides[2];
    struct {
        bool is_decided, is_answered; /* by the second person, by the editor */
    } requests[REQUESTS + 1];
    int count;
    uint64_t seed, chance;
} whole_run;

static void say(speaker *side, const char *text, bool passes) {
    asm_buffer_append(&side->lines, asm_str_from(text));
    if (passes) asm_buffer_append(&side->expected, asm_str_from(text));
}

/* Takes some of what a side says; all of it if `all`. */
static void take_some(whole_run *run, enum passage_way way, bool all) {
    speaker *side = &run->sides[way];
    const size_t left = side->lines.size - side->at;
    const size_t size = all ? left : next_random(&run->chance) % (left + 1);
    const char *data = left > 0 ? side->lines.data + side->at : "";
    take(run->self.gate, way, asm_str_make(data, size), way == PASSAGE_IN ? &run->self.in : &run->self.out);
    side->at += size;
}

/* A request passes before anything follows from it. */
static void ask_something(whole_run *run) {
    char text[300];
    if (run->count == REQUESTS) return;
    snprintf(text, sizeof text,
             "{\"id\":%d,\"params\":{\"sessionId\":\"s\",\"options\":[{\"optionId\":\"y\",\"kind\":\"allow_"
             "once\"}]},"
             "\"method\":\"session/request_permission\",\"jsonrpc\":\"2.0\"}\n",
             ++run->count);
    say(&run->sides[PASSAGE_OUT], text, true);
    take_some(run, PASSAGE_OUT, true);
}

/* The editor answers once, whoever was first. */
static void answer_as_editor(whole_run *run, int which, int step) {
    char text[100];
    if (run->requests[which].is_answered) return;
    run->requests[which].is_answered = true;
    take_some(run, PASSAGE_IN, true);
    snprintf(text, sizeof text, "{\"result\":{\"step\":%d},\"id\":%d}\n", step, which);
    say(&run->sides[PASSAGE_IN], text, !run->requests[which].is_decided);
    take_some(run, PASSAGE_IN, true);
}

static void decide_something(whole_run *run, int which) {
    const bool is_free = !run->requests[which].is_decided && !run->requests[which].is_answered;
    const enum verdict verdict = decide_as(&run->self, (uint64_t)which, CHOICE_ALLOW, "");
    expect(verdict == VERDICT_BUSY || (verdict == VERDICT_TAKEN) == is_free, "seed %lu: %d",
           (unsigned long)run->seed, (int)verdict);
    if (verdict == VERDICT_TAKEN) run->requests[which].is_decided = true;
}

static void do_something(whole_run *run, int step) {
    char text[100];
    const int which = run->count ? 1 + (int)(next_random(&run->chance) % (uint64_t)run->count) : 0;
    switch (next_random(&run->chance) % 6) {
    case 0:
        ask_something(run);
        break;
    case 1:
        snprintf(text, sizeof text, "{\"method\":\"session/update\",\"step\":%d}\r\n", step);
        say(&run->sides[PASSAGE_OUT], text, true);
        break;
    case 2:
        snprintf(text, sizeof text, "{\"method\":\"session/prompt\",\"id\":%d}\n", which);
        say(&run->sides[PASSAGE_IN], text, true);
        break;
    case 3:
        if (which) answer_as_editor(run, which, step);
        break;
    case 4:
        if (which) decide_something(run, which);
        break;
    default:
        take_some(run, PASSAGE_OUT, false);
        take_some(run, PASSAGE_IN, false);
    }
}

/* Our lines, taken out, are one for each decision; the rest is what the sides have said. */
static void check_run(whole_run *run) {
    fixture *self = &run->self;
    char text[200];
    for (int i = 1; i <= run->count; i++) {
        const bool is_decided = run->requests[i].is_decided;
        snprintf(text, sizeof text,
                 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":{\"outcome\":{\"outcome\":\"selected\","
                 "\"optionId\":\"y\"}}}\n",
                 i);
        expect(take_out(&self->in, text) == is_decided, "seed %lu: answer %d", (unsigned long)run->seed, i);
        snprintf(text, sizeof text,
                 "{\"jsonrpc\":\"2.0\",\"method\":\"$/cancel_request\",\"params\":{\"requestId\":%d}}\n", i);
        expect(take_out(&self->out, text) == is_decided, "seed %lu: withdrawal %d", (unsigned long)run->seed,
               i);
    }
    expect(asm_str_equal(asm_buffer_text(&self->in), asm_buffer_text(&run->sides[PASSAGE_IN].expected)),
           "seed %lu: to the agent", (unsigned long)run->seed);
    expect(asm_str_equal(asm_buffer_text(&self->out), asm_buffer_text(&run->sides[PASSAGE_OUT].expected)),
           "seed %lu: to the editor", (unsigned long)run->seed);
}

static void run_once(uint64_t seed) {
    whole_run run;
    memset(&run, 0, sizeof run);
    run.seed = run.chance = seed;
    for (int i = 0; i < 2; i++) {
        asm_buffer_init_growing(&run.sides[i].lines);
        asm_buffer_init_growing(&run.sides[i].expected);
    }
    begin(&run.self);
    for (int step = 0; step < STEPS; step++)
        do_something(&run, step);
    take_some(&run, PASSAGE_OUT, true);
    take_some(&run, PASSAGE_IN, true);
    check_run(&run);
    finish(&run.self);
    for (int i = 0; i < 2; i++) {
        asm_buffer_close(&run.sides[i].lines);
        asm_buffer_close(&run.sides[i].expected);
    }
}

static void test_any_order(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_once(seed);
    end_of_cases();
}

/* While an answer is to be left out, lines of any size pass as they are, once they are whole. */
static void test_large_lines(void **state) {
    enum { LARGE = 5 << 20, PIECE_SIZE = 65536 };
    fixture self;
    char *line = (char *)malloc(LARGE);
    (void)state;
    assert_non_null(line);
    memset(line, 'x', LARGE);
    memcpy(line, "{\"id\":9,\"result\":\"", 18);
    memcpy(line + LARGE - 3, "\"}\n", 3);
    for (int is_held = 0; is_held < 2; is_held++) {
        begin(&self);
        from_agent(&self, ASK("5"));
        if (is_held) expect(decide_as(&self, 1, CHOICE_ALLOW, "") == VERDICT_TAKEN, "%s", "");
        asm_buffer_clear(&self.in);
        asm_buffer_clear(&self.copied[PASSAGE_IN]);
        for (size_t at = 0; at < LARGE; at += PIECE_SIZE) {
            take(self.gate, PASSAGE_IN,
                 asm_str_make(line + at, LARGE - at < PIECE_SIZE ? LARGE - at : PIECE_SIZE), &self.in);
            expect(is_held || self.in.size >= at + PIECE_SIZE || at + PIECE_SIZE > LARGE,
                   "it waits, and need not");
        }
        expect(self.in.size == LARGE && memcmp(self.in.data, line, LARGE) == 0, "%d", is_held);
        expect(self.copied[PASSAGE_IN].size == LARGE &&
                   memcmp(self.copied[PASSAGE_IN].data, line, LARGE) == 0,
               "%d", is_held);
        finish(&self);
    }
    free(line);
    end_of_cases();
}

/* An editor may never answer what was taken back: the second person is heard all the same, without end, and late
 * answers to the newest of them are left out. */
static void test_never_answered(void **state) {
    fixture self;
    char line[600];
    (void)state;
    begin(&self);
    for (int i = 1; i <= 2 * MAX_ANSWERED + 10; i++) {
        snprintf(line, sizeof line, ASK("\"i%d\""), i);
        from_agent(&self, line);
        expect(decide_as(&self, (uint64_t)i, CHOICE_ALLOW, "") == VERDICT_TAKEN, "request %d", i);
        expect(self.gate->answered_count <= MAX_ANSWERED, "%zu", self.gate->answered_count);
        asm_buffer_clear(&self.in);
        asm_buffer_clear(&self.out);
        asm_buffer_clear(&self.notes);
        asm_buffer_clear(&self.copied[0]);
        asm_buffer_clear(&self.copied[1]);
    }
    for (int late = 1; late >= 0; late--)
        for (int i = 0; i < MAX_ANSWERED; i += MAX_ANSWERED / 4) {
            snprintf(line, sizeof line, SELECT("\"i%d\"", "y"), MAX_ANSWERED * late + 10 + MAX_ANSWERED - i);
            from_editor(&self, line);
            expect_passed(&self.in, late ? "" : line); /* the agent does not wait for these any more */
        }
    finish(&self);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_person_is_first),
        cmocka_unit_test(test_editor_is_first),
        cmocka_unit_test(test_line_bounds),
        cmocka_unit_test(test_ids_that_are_used_again),
        cmocka_unit_test(test_claude),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_what_is_no_request),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_large_lines),
        cmocka_unit_test(test_never_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
