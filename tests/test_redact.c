/* Secrets in texts, events and streams: what is taken for one, what is not, and where pieces cut one. */
#include "support.h"

#include "asm_render.h"
#include "random.h"

#define R(kind) "\xE2\x80\xB9redacted:" kind "\xE2\x80\xBA"
#define A20     "abcdefghij0123456789"
#define A36     "abcdefghij0123456789abcdefghij012345"

static const struct {
    const char *text, *expected;
} cases[] = {
    {"key sk-ant-" A20 "-_x.", "key " R("anthropic") "."},
    {"sk-proj-" A20, R("openai")},
    {"(sk-" A36 ")", "(" R("openai") ")"},
    {"ghp_" A36 " gho_" A36 " ghs_" A36, R("github") " " R("github") " " R("github")},
    {"github_pat_" A36, R("github")},
    {"glpat-" A20, R("gitlab")},
    {"id=AKIAIOSFODNN7EXAMPLE;", "id=" R("aws") ";"},
    {"AIzaSy" A36, R("google")},
    {"xoxb-123456789012-" A20, R("slack")},
    {"sk_live_" A20, R("stripe")},
    {"npm_" A36, R("npm")},
    {"hf_" A36, R("huggingface")},
    {"pypi-" A36 A20, R("pypi")},
    {"SG." A20 "." A36, R("sendgrid")},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0." A20, R("jwt")},
    {"Authorization: Bearer " A20 "==\n", "Authorization: Bearer " R("bearer") "\n"},
    {"Basic dXNlcjpwYXNzd29yZDE=", "Basic " R("basic")},
    {"postgres://me:s3cr3t!@db:5432/x", "postgres://me:" R("password") "@db:5432/x"},
    {"a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nx\n-----END RSA PRIVATE KEY-----\nb",
     "a\n" R("private-key") "\nb"},
    {"export DB_PASSWORD=Abcdefghij0123456789", "export DB_PASSWORD=" R("assignment")},
    {"\"api-key\": \"Abcdefghij0123456789xyz\"", "\"api-key\": \"" R("assignment") "\""},
    {"secret: 0123456789abcdef0123456789abcdef", "secret: " R("assignment")},
    /* No secrets. */
    {"sk-ant-short sk-learn task-" A36 " risk-" A36, NULL},
    {"ask_live_" A20 " xghp_" A36, NULL},
    {"AKIAIOSFODNN7 AKIAiosfodnn7example0", NULL},
    {"input_tokens: 123456789012345678901234567890", NULL},
    {"token = os.environ[\"SOME_VERY_LONG_NAME_OF_A_TOKEN\"]", NULL},
    {"http://localhost:8080/a@b https://user@host/x ssh://git@host:22", NULL},
    {"Basic understanding of internationalization", NULL},
    {"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", NULL},
    {"commit 0123456789abcdef0123456789abcdef01234567", NULL},
    {"eyJhbGciOiJIUzI1NiJ9", NULL},
    {"eyJ" A36 "." A36, NULL},
    {"sk-ant-xxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL},
    {"", NULL},
};

static const char *expected_of(size_t i) {
    return cases[i].expected ? cases[i].expected : cases[i].text;
}

static void test_texts(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t count = 0;
        asm_buffer out;
        asm_buffer_init_growing(&out);
        assert_int_equal(asm_redact_text(&out, asm_str_from(cases[i].text), &count), ASM_OK);
        expect_text(asm_buffer_text(&out), asm_str_from(expected_of(i)));
        expect((count > 0) == (cases[i].expected != NULL), "%s: %d", cases[i].text, (int)count);
        asm_buffer_close(&out);
    }
    end_of_cases();
}

/* What comes out of a filter: the texts joined, and the last event's line. */
typedef struct taken {
    asm_buffer text, line;
    size_t events;
} taken;

static void take(void *user, const asm_event *event) {
    taken *to = user;
    to->events++;
    if (event->type == ASM_EVENT_MESSAGE_STREAMED) asm_buffer_append(&to->text, asm_event_text(event));
    if (event->type == ASM_EVENT_TOOL_OUTPUT_STREAMED) asm_buffer_append(&to->text, event->tool.delta);
    asm_buffer_clear(&to->line);
    asm_event_write_json(event, &to->line);
}

static void begin(taken *to, asm_redact *redact) {
    asm_buffer_init_growing(&to->text);
    asm_buffer_init_growing(&to->line);
    to->events = 0;
    assert_int_equal(asm_redact_init(redact, &(asm_redact_options){.on_event = take, .user = to}), ASM_OK);
}

static void end(taken *to, asm_redact *redact) {
    assert_int_equal(asm_redact_close(redact), ASM_OK);
    asm_buffer_close(&to->text);
    asm_buffer_close(&to->line);
}

static void send_piece(asm_redact *redact, const char *text, size_t size) {
    asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED, .session_id = TEXT("s")};
    event.message.delta = asm_str_make(text, size);
    assert_int_equal(asm_redact_event(redact, &event), ASM_OK);
}

/* Cut in two anywhere, and into single bytes: the pieces that come out join to the same text. */
static void test_pieces(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const size_t size = strlen(cases[i].text);
        for (size_t cut = 0; cut <= size + 1; cut++) {
            asm_redact redact;
            taken to;
            begin(&to, &redact);
            if (cut <= size) {
                send_piece(&redact, cases[i].text, cut);
                send_piece(&redact, cases[i].text + cut, size - cut);
            }
            for (size_t at = 0; cut > size && at < size; at++)
                send_piece(&redact, cases[i].text + at, 1);
            assert_int_equal(asm_redact_flush(&redact), ASM_OK);
            expect_text(asm_buffer_text(&to.text), asm_str_from(expected_of(i)));
            end(&to, &redact);
        }
    }
    end_of_cases();
}

/* Ordinary words are not held back longer than until they end. */
static void test_words_go_on(void **state) {
    (void)state;
    asm_redact redact;
    taken to;
    begin(&to, &redact);
    send_piece(&redact, "Hello wor", 9);
    expect_text(asm_buffer_text(&to.text), ASM_STR("Hello "));
    send_piece(&redact, "ld, how", 7);
    expect_text(asm_buffer_text(&to.text), ASM_STR("Hello world, "));
    asm_event received = {.type = ASM_EVENT_MESSAGE_RECEIVED, .session_id = TEXT("s")};
    assert_int_equal(asm_redact_event(&redact, &received), ASM_OK);
    expect_text(asm_buffer_text(&to.text), ASM_STR("Hello world, how"));
    expect(to.events == 4, "%d events", (int)to.events);
    end(&to, &redact);
    end_of_cases();
}

/* Texts of several speakers, in pieces between each other. */
static void test_speakers_side_by_side(void **state) {
    (void)state;
    static const char secret[] = "x ghp_" A36 " y";
    static const char *const parents[] = {"", "call_1", "call_2"};
    asm_redact redact;
    taken to;
    begin(&to, &redact);
    for (size_t at = 0; at < sizeof secret - 1; at++)
        for (size_t i = 0; i < COUNT(parents); i++) {
            asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED, .session_id = TEXT("s")};
            event.message.delta = asm_str_make(secret + at, 1);
            event.message.parent_tool_call_id = asm_str_from(parents[i]);
            assert_int_equal(asm_redact_event(&redact, &event), ASM_OK);
        }
    assert_int_equal(asm_redact_flush(&redact), ASM_OK);
    assert_int_equal(redact.count, 3);
    assert_int_equal(asm_buffer_append_byte(&to.text, 0), ASM_OK);
    assert_null(strstr(to.text.data, "abcdef"));
    end(&to, &redact);
    end_of_cases();
}

/* What is held back of the reasoning comes before the answer. */
static void test_another_kind_of_text_ends_one(void **state) {
    (void)state;
    asm_redact redact;
    taken to;
    asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED, .session_id = TEXT("s")};
    begin(&to, &redact);
    event.message.delta = ASM_STR("think");
    event.message.thinking = ASM_BOOL(true);
    assert_int_equal(asm_redact_event(&redact, &event), ASM_OK);
    send_piece(&redact, "say ", 4);
    expect_text(asm_buffer_text(&to.text), ASM_STR("thinksay "));
    end(&to, &redact);
    end_of_cases();
}

static void expect_line(const char *line, const char *expected) {
    asm_redact redact;
    taken to;
    asm_buffer scratch;
    asm_event event;
    asm_buffer_init_growing(&scratch);
    assert_int_equal(asm_event_read_json(&event, asm_str_from(line), &scratch, NULL), ASM_OK);
    begin(&to, &redact);
    assert_int_equal(asm_redact_event(&redact, &event), ASM_OK);
    assert_int_equal(asm_redact_flush(&redact), ASM_OK);
    expect_text(asm_buffer_text(&to.line), asm_str_from(expected));
    end(&to, &redact);
    asm_buffer_close(&scratch);
}

/* In texts, in JSON members with and without escapes, under a name, in members that nobody knows. */
static void test_every_member(void **state) {
    (void)state;
    expect_line(
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":"
        "\"echo \\u0067hp_" A36 "\\n\"},\"tool_output\":\"sk-ant-" A20 "\"},\"session_id\":\"s\"}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Bash\",\"tool_input\":{\"command\":"
        "\"echo " R("github") "\\n\"},"
                              "\"tool_output\":\"" R("anthropic") "\"},\"session_id\":\"s\"}");
    expect_line("{\"type\":\"odd\",\"data\":{\"x\":[{\"api_key\":\"Abcdefghij0123456789\",\"other\":"
                "\"Abcdefghij0123456789\"}]}}",
                "{\"type\":\"odd\",\"data\":{\"x\":[{\"api_key\":\"" R(
                    "assignment") "\",\"other\":\"Abcdefghij0123456789\"}]}}");
    expect_line(
        "{\"type\":\"run_started\",\"data\":{\"model\":\"m\"},\"metadata\":{\"u\":\"https://a:b1@c/\"}}",
        "{\"type\":\"run_started\",\"data\":{\"model\":\"m\"},\"metadata\":{\"u\":\"https://a:" R(
            "password") "@c/\"}}");
    expect_line(
        "{\"ts\":\"2026-02-09T12:00:00.000Z\",\"type\":\"run_started\",\"data\":{\"model\":\"a\\u0062\"}}",
        "{\"ts\":\"2026-02-09T12:00:00.000Z\",\"type\":\"run_started\",\"data\":{\"model\":\"ab\"}}");
    end_of_cases();
}

/* Random text of what secrets are made of, in random pieces: always what the whole text gives. */
static void test_random_pieces(void **state) {
    (void)state;
    static const char *const parts[] = {
        "sk-ant-", "ghp_", A20,     A36, " ",  "-", "-----BEGIN ", "PRIVATE KEY-----",     "-----END X-----",
        "://a:",   "@",    "token", "=", "\"", ":", "Bearer ",     "Abcdefghij0123456789", "\n",
        "_",       ".",    "eyJ"};
    uint64_t random = 20261126;
    for (int round = 0; round < 3000; round++) {
        asm_redact redact;
        taken to;
        asm_buffer text, expected;
        asm_buffer_init_growing(&text);
        asm_buffer_init_growing(&expected);
        for (uint64_t n = next_random(&random) % 14; n > 0; n--)
            asm_buffer_append(&text, asm_str_from(parts[next_random(&random) % COUNT(parts)]));
        asm_redact_text(&expected, asm_buffer_text(&text), NULL);
        begin(&to, &redact);
        for (size_t at = 0; at < text.size;) {
            size_t piece = 1 + (size_t)(next_random(&random) % 12);
            if (piece > text.size - at) piece = text.size - at;
            send_piece(&redact, text.data + at, piece);
            at += piece;
        }
        asm_redact_flush(&redact);
        expect_text(asm_buffer_text(&to.text), asm_buffer_text(&expected));
        end(&to, &redact);
        asm_buffer_close(&text);
        asm_buffer_close(&expected);
    }
    end_of_cases();
}

/* Memory that runs out anywhere is an error; nothing secret is given on, and nothing leaks. */
static void test_without_memory(void **state) {
    (void)state;
    static const char secret[] = "ghp_" A36 " ";
    for_each_way_to_fail {
        for (size_t call = 1; call < 40; call++) {
            asm_redact redact;
            taken to;
            begin(&to, &redact);
            fail_allocations_from(0);
            asm_buffer_reserve(&to.text, 4096);
            asm_buffer_reserve(&to.line, 4096);
            fail_allocations_from(call);
            for (size_t at = 0; at < sizeof secret - 1; at += 8) {
                asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED};
                event.message.delta =
                    asm_str_make(secret + at, sizeof secret - 1 - at < 8 ? sizeof secret - 1 - at : 8);
                asm_redact_event(&redact, &event);
            }
            fail_allocations_from(0);
            expect(redact.result == ASM_OK || redact.result == ASM_ERR_NO_MEMORY, "%d", (int)redact.result);
            expect(redact.result != ASM_OK || redact.count == 1, "call %d", (int)call);
            asm_redact_close(&redact);
            asm_buffer_close(&to.text);
            asm_buffer_close(&to.line);
            expect(allocations_alive == 0, "%d blocks", (int)allocations_alive);
        }
    }
    end_of_cases();
}

static void test_misuse(void **state) {
    (void)state;
    asm_redact redact;
    asm_event event = {.type = ASM_EVENT_RUN_STARTED};
    memset(&redact, 0xA5, sizeof redact);
    assert_int_equal(asm_redact_init(&redact, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_redact_event(&redact, &event), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_redact_init(&redact, &(asm_redact_options){.user = NULL}), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_redact_event(&redact, &event), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_redact_close(&redact), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_redact_close(NULL), ASM_OK);
    taken to;
    begin(&to, &redact);
    event.run.tools = ASM_STR("{");
    assert_int_equal(asm_redact_event(&redact, &event), ASM_ERR_SYNTAX);
    assert_int_equal(to.events, 0);
    assert_int_equal(asm_redact_close(&redact), ASM_ERR_SYNTAX);
    asm_buffer_close(&to.text);
    asm_buffer_close(&to.line);
}

static asm_redact *outer;
static asm_result inner[3];

static void call_back(void *user, const asm_event *event) {
    const asm_event copy = *event;
    char before[128], after[128];
    (void)user;
    snprintf(before, sizeof before, "%.*s", (int)event->message.delta.size, event->message.delta.data);
    inner[0] = asm_redact_event(outer, &copy);
    inner[1] = asm_redact_flush(outer);
    inner[2] = asm_redact_close(outer);
    snprintf(after, sizeof after, "%.*s", (int)event->message.delta.size, event->message.delta.data);
    assert_string_equal(after, before);
}

/* What an event points to stays during the call. */
static void test_calls_from_inside(void **state) {
    const asm_redact_options options = {.on_event = call_back};
    asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED};
    asm_redact redact;
    (void)state;
    outer = &redact;
    assert_int_equal(asm_redact_init(&redact, &options), ASM_OK);
    event.message.delta = ASM_STR("key sk-ant-" A20 " and sk-an");
    assert_int_equal(asm_redact_event(&redact, &event), ASM_OK);
    for (size_t i = 0; i < COUNT(inner); i++)
        assert_int_equal(inner[i], ASM_ERR_MISUSE);
    assert_int_equal(asm_redact_flush(&redact), ASM_ERR_MISUSE); /* the first error */
    assert_int_equal(redact.count, 1);
    assert_int_equal(asm_redact_close(&redact), ASM_ERR_MISUSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_words_go_on),
        cmocka_unit_test(test_speakers_side_by_side),
        cmocka_unit_test(test_another_kind_of_text_ends_one),
        cmocka_unit_test(test_every_member),
        cmocka_unit_test(test_random_pieces),
        cmocka_unit_test(test_without_memory),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_calls_from_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
