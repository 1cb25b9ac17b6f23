/* What the tests of asm_llm.h share: an agent server, a model that is not there, and a transport between them that cuts
 * answers as it is told. */
#ifndef TESTS_LLM_SUPPORT_H
#define TESTS_LLM_SUPPORT_H

#include "support.h"

#include "asm_llm.h"
#include "mock_llm.h"

#define T0     INT64_C(1770638400000000) /* 2026-02-09T12:00:00Z */
#define SECOND INT64_C(1000000)
#define KEY    "sk-test-0123456789abcdefghijklmnop"
#define AGENT  ASM_STR("a1")

static mock_llm mock;
static asm_llm llm;
static asm_pubsub bus, debug_bus;
static asm_agent_server server;
static int64_t now;

/* ---- the transport ---- */

typedef struct transfer {
    asm_llm_exchange exchange;
    mock_answer answer;
    size_t at;
    bool has_head, is_over, is_cancelled;
} transfer;

#define MAX_TRANSFERS 2048

static transfer transfers[MAX_TRANSFERS];
static size_t transfer_count;
static size_t piece_size;     /* bytes that are handed over at once; 0: all */
static size_t cut_at;         /* bytes of each answer that come; 0: all */
static const char *cut_error; /* of asm_llm_end() */
static bool is_held;          /* nothing is handed over */
static asm_result start_result;
static unsigned cancelled;
static size_t alive_before;

static asm_result start(void *user, asm_llm_request *request) {
    char headers[1024] = "authorization: Bearer " KEY "\r\nx-api-key: " KEY "\r\n";
    asm_buffer body;
    (void)user;
    if (start_result != ASM_OK) return start_result;
    asm_buffer_init_growing(&body);
    asm_result result = asm_llm_write_body(request, &body);
    for (size_t i = 0; i < request->header_count; i++) {
        strcat(headers, request->headers[i]);
        strcat(headers, "\r\n");
    }
    if (result == ASM_OK) {
        assert_true(transfer_count < MAX_TRANSFERS);
        transfer *made = &transfers[transfer_count++];
        memset(made, 0, sizeof *made);
        made->exchange = request->exchange;
        const size_t fails_from = allocation_fails_from; /* the model has memory of its own */
        allocation_fails_from = 0;
        mock_ask(&mock, request->path, headers, asm_buffer_text(&body), &made->answer);
        asm_buffer_append_byte(&made->answer.headers, '\0');
        allocation_fails_from = fails_from;
        if (mock.complaint[0]) print_error("refused: %s\n", mock.complaint);
    }
    asm_buffer_close(&body);
    return result;
}

static void cancel(void *user, asm_llm_exchange exchange) {
    (void)user;
    cancelled++;
    for (size_t i = 0; i < transfer_count; i++)
        if (transfers[i].exchange.number == exchange.number && transfers[i].exchange.llm == exchange.llm)
            transfers[i].is_over = transfers[i].is_cancelled = true;
}

static inline void hand_over_head(transfer *made) {
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %d Whatever\r\n", made->answer.status);
    (void)asm_llm_take_header(made->exchange, asm_str_from(line));
    for (const char *at = made->answer.headers.data; *at;) {
        const size_t size = strcspn(at, "\n") + 1;
        (void)asm_llm_take_header(made->exchange, asm_str_make(at, size));
        at += size;
    }
    made->has_head = true;
}

/* Hands over a piece of each answer under way. */
static inline void hand_over(void) {
    for (size_t i = 0; i < transfer_count && !is_held; i++) {
        transfer *made = &transfers[i];
        if (made->is_over) continue;
        if (!made->has_head) hand_over_head(made);
        size_t end = made->answer.body.size;
        if (made->answer.cut < end) end = made->answer.cut;
        if (cut_at && cut_at < end) end = cut_at;
        size_t size = end - made->at;
        if (piece_size && piece_size < size) size = piece_size;
        const char *bytes = size ? made->answer.body.data + made->at : ""; /* the body may be NULL */
        const asm_result result = asm_llm_take_body(made->exchange, bytes, size);
        made->at += size;
        if (result != ASM_OK || made->at == end) {
            made->is_over = true;
            (void)asm_llm_end(made->exchange, asm_str_from(cut_error));
        }
    }
}

static inline void forget_transfers(void) {
    for (size_t i = 0; i < transfer_count; i++)
        mock_answer_close(&transfers[i].answer);
    transfer_count = 0;
}

/* ---- the log ---- */

static char log_text[1 << 18];
static size_t log_size;
static char on_screen[1 << 16]; /* what has been streamed, less what was retracted */
static size_t screen_size, screen_begin;

static inline void log_append(const char *text, size_t size) {
    if (log_size + size + 1 >= sizeof log_text) return;
    memcpy(log_text + log_size, text, size);
    log_size += size;
    log_text[log_size] = 0;
}

/* One line for each event: its type, and what tells it apart. */
static inline void record(void *user, const asm_message *message) {
    const asm_event *event = message->event;
    char line[4096];
    asm_buffer out;
    (void)user;
    asm_buffer_init_fixed(&out, line, sizeof line - 1);
    const asm_str name = asm_event_name(event);
    asm_buffer_append(&out, name);
    asm_buffer_append_byte(&out, ' ');
    if (asm_event_write_data(event, &out) != ASM_OK) out.size = name.size;
    line[out.size] = '\n';
    log_append(line, out.size + 1);
    if (event->type == ASM_EVENT_MESSAGE_STREAMED && !event->message.thinking.is_set &&
        !event->message.parent_tool_call_id.data &&
        screen_size + event->message.delta.size < sizeof on_screen) {
        if (event->message.delta.size)
            memcpy(on_screen + screen_size, event->message.delta.data, event->message.delta.size);
        screen_size += event->message.delta.size;
    }
    if (event->type == ASM_EVENT_MESSAGE_RETRACTED) screen_size = screen_begin;
    if (event->type == ASM_EVENT_MESSAGE_RECEIVED) screen_begin = screen_size;
    on_screen[screen_size] = 0;
}

static inline void forget_log(void) {
    log_size = screen_size = screen_begin = 0;
    log_text[0] = on_screen[0] = 0;
}

static inline size_t count_in(const char *text, const char *part) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

static inline void expect_in_log(const char *part) {
    if (!strstr(log_text, part)) print_error("not in the log: %s\n%s\n", part, log_text);
    assert_non_null(strstr(log_text, part));
}

static inline void expect_not_in_log(const char *part) {
    if (strstr(log_text, part)) print_error("in the log: %s\n%s\n", part, log_text);
    assert_null(strstr(log_text, part));
}

/* ---- the agent ---- */

static inline asm_llm_options plain_options(asm_llm_api api) {
    static const asm_str secret = ASM_STR_INIT(KEY);
    asm_llm_options options;
    memset(&options, 0, sizeof options);
    options.api = api;
    options.model = ASM_STR("mock");
    options.transport.start = start;
    options.transport.cancel = cancel;
    options.secrets = &secret;
    options.secret_count = 1;
    return options;
}

static inline void begin(const asm_llm_options *options, const char *script) {
    alive_before = allocations_alive;
    now = T0;
    piece_size = cut_at = 0;
    cut_error = NULL;
    is_held = false;
    start_result = ASM_OK;
    cancelled = 0;
    forget_log();
    mock_init(&mock, script);
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_init(&debug_bus, NULL);
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now, now);
    assert_int_equal(asm_llm_init(&llm, options), ASM_OK);
}

static inline void start_agent_with(asm_agent_options options) {
    options.id = AGENT;
    options.config.driver = asm_llm_driver(&llm);
    options.pubsub = &bus;
    options.debug_pubsub = &debug_bus;
    options.inactivity_timeout_ms = -1;
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_int_equal(asm_agent_subscribe(&server, AGENT, record, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_subscribe_debug(&server, AGENT, record, NULL, NULL), ASM_OK);
}

static inline void start_agent(void) {
    asm_agent_options options;
    memset(&options, 0, sizeof options);
    start_agent_with(options);
}

static inline void end(void) {
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    asm_llm_close(&llm);
    asm_pubsub_close(&bus);
    asm_pubsub_close(&debug_bus);
    forget_transfers();
    mock_close(&mock);
    assert_int_equal(allocations_alive, alive_before);
}

static inline void add_text(const char *text) {
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("user");
    turn.content = asm_str_from(text);
    assert_int_equal(asm_agent_add_turn(&server, AGENT, &turn), ASM_OK);
}

static inline void turn_once(void) {
    hand_over();
    assert_int_equal(asm_agent_server_poll(&server, now, now), ASM_OK);
}

/* Turns the loop until the agent does not run, or waits for something that is not there. Time goes on only while all
 * wait. */
static inline void run(void) {
    for (int i = 0; i < 200000 && server.running > 0; i++) {
        turn_once();
        const int timeout = asm_agent_server_timeout(&server);
        bool any = false;
        for (size_t k = 0; k < transfer_count && !is_held; k++)
            any = any || !transfers[k].is_over;
        if (any || timeout == 0) continue;
        if (timeout < 0) return;
        now += (int64_t)timeout * 1000;
    }
}

static inline void ask(const char *text) {
    add_text(text);
    assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
    run();
}

static inline asm_agent_info info(void) {
    asm_agent_info made;
    memset(&made, 0, sizeof made);
    (void)asm_agent_get_info(&server, AGENT, &made);
    return made;
}

static inline void expect_status(asm_agent_status status) {
    if (info().status != status)
        print_error("status %s: %.*s\n%s\n", asm_agent_status_name(info().status), (int)info().error.size,
                    info().error.data, log_text);
    assert_int_equal(info().status, status);
}

static inline void expect_last_words(const char *text) {
    const asm_agent_info made = info();
    assert_true(made.state.turn_count > 0);
    const asm_str content = made.state.turns[made.state.turn_count - 1].content;
    if (!asm_str_equal(content, asm_str_from(text)))
        print_error("got: %.*s\n%s\n", (int)content.size, content.data, log_text);
    assert_true(asm_str_equal(content, asm_str_from(text)));
}

static const asm_llm_api all_apis[] = {ASM_LLM_ANTHROPIC, ASM_LLM_OPENAI, ASM_LLM_RESPONSES, ASM_LLM_OLLAMA};

#endif
