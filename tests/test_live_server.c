/* SPDX-License-Identifier: MIT OR Unlicense */
/* The server of the live page: who is let in, what a viewer gets, in which order, and who decides. Server and browsers are
 * in one thread, and take turns. */
#include "live_support.h"

#define LIVE_SERVER_IMPLEMENTATION
#include "../examples/live_server.h"

#include <signal.h>

enum { PATIENCE = 60000, CLIENTS = 8 };

static const unsigned char page[] = "<!doctype html><title>page</title>";
static const live_file files[] = {{"index.html", "text/html; charset=utf-8", page, sizeof page - 1},
                                  {"live.js", "text/javascript; charset=utf-8", page, sizeof page - 1}};

/* What the program does for viewers, in these tests. */
typedef struct program {
    live_server *server;
    live_lane lane;
    int64_t interrupt; /* that it waits with; -1: none */
    unsigned resumed, said, cancelled, loaded;
    char text[64];
    asm_result result;
} program;

static program host;

static void describe(void *user, live_session *session, live_row *row) {
    (void)user;
    row->lane = host.lane;
    row->title = live_session_id(session);
    row->agent = ASM_STR("tester");
    row->directory = ASM_STR("/srv");
    row->changed = row->since = (asm_time)1000000 * (asm_time)live_session_events(session);
}

static asm_result resume(void *user, live_session *session, asm_str json) {
    (void)user, (void)session;
    const asm_str key = ASM_STR("interrupt");
    asm_str value;
    int64_t interrupt = -1;
    asm_json_find(json, &key, &value, 1, NULL);
    if (!asm_json_to_int64(value, &interrupt) || interrupt != host.interrupt) return ASM_ERR_NOT_FOUND;
    if (host.result == ASM_OK) host.resumed++;
    return host.result;
}

static asm_result say(void *user, live_session *session, asm_str text) {
    (void)user, (void)session;
    host.said++;
    snprintf(host.text, sizeof host.text, "%.*s", (int)text.size, text.data);
    return host.result;
}

static asm_result stop(void *user, live_session *session) {
    (void)user, (void)session;
    host.cancelled++;
    return host.result;
}

static const char *reason(void *user) {
    (void)user;
    return host.result == ASM_OK ? NULL : "the agent says no";
}

static live_server *start_with(const live_server_options *wanted) {
    live_server_options options = *wanted;
    char error[LIVE_ERROR_SIZE];
    options.token = LIVE_TOKEN;
    options.files = files;
    options.file_count = COUNT(files);
    options.functions.describe = describe;
    options.functions.resume = resume;
    options.functions.message = say;
    options.functions.cancel = stop;
    options.functions.error = reason;
    memset(&host, 0, sizeof host);
    host.interrupt = -1;
    host.server = live_server_start(&options, error);
    if (!host.server) print_error("%s\n", error);
    assert_non_null(host.server);
    return host.server;
}

static live_server *start(void) {
    const live_server_options options = {0};
    return start_with(&options);
}

static void stop_server(void) {
    live_server_close(host.server);
    host.server = NULL;
}

/* One turn of the server, after a wait of at most a few milliseconds. */
static void turn(void) {
    struct pollfd polled = {live_server_descriptor(host.server), POLLIN, 0};
    const int timeout = live_server_timeout(host.server);
    poll(&polled, 1, timeout < 5 ? timeout : 5);
    live_server_turn(host.server);
}

/* ---- Browsers ---- */

static answer ask(const char *format, ...) {
    char request[4096];
    answer got;
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(request, sizeof request, format, arguments);
    va_end(arguments);
    answer_begin(&got, connect_to(live_server_port(host.server)));
    assert_true(got.fd >= 0);
    assert_int_equal(write(got.fd, request, (size_t)size), size);
    return got;
}

/* Until it is over; for a stream, until there is nothing new for a while. */
static void finish(answer *got) {
    const int64_t until = milliseconds() + PATIENCE;
    while (!got->is_over && milliseconds() < until) {
        turn();
        while (answer_read(got, SIZE_MAX))
            continue;
    }
    assert_true(got->is_over);
}

#define HOST   "Host: 127.0.0.1:%u\r\n"
#define LET_IN "Authorization: Bearer " LIVE_TOKEN "\r\n"

static unsigned port(void) {
    return live_server_port(host.server);
}

static answer get(const char *path) {
    answer got = ask("GET %s HTTP/1.1\r\n" HOST LET_IN "\r\n", path, port());
    finish(&got);
    return got;
}

static answer post(const char *path, const char *body) {
    answer got = ask("POST %s HTTP/1.1\r\n" HOST LET_IN
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                     path, port(), strlen(body), body);
    finish(&got);
    return got;
}

static void expect_answer(answer got, int status, const char *part) {
    const char *body = text_in(&got.body);
    if (got.status != status || !strstr(body, part))
        print_error("%d %s, wanted %d %s\n", got.status, body, status, part);
    assert_int_equal(got.status, status);
    assert_non_null(strstr(body, part));
    answer_end(&got);
}

struct browser {
    answer got;
    stream_check check;
};

static void open_stream(struct browser *browser, const char *query, const char *last_id) {
    char header[128] = "";
    if (last_id) snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", last_id);
    browser->got = ask("GET /api/events?%s HTTP/1.1\r\n" HOST LET_IN "%s\r\n", query, port(), header);
    check_begin(&browser->check);
}

static void read_stream(struct browser *browser) {
    while (answer_read(&browser->got, SIZE_MAX))
        continue;
    check_frames(&browser->check, &browser->got);
}

static void close_stream(struct browser *browser) {
    assert_int_equal(browser->check.wrong, 0);
    answer_end(&browser->got);
    check_end(&browser->check);
}

/* Whether a frame with this in it has come whole. */
static bool has_frame(struct browser *browser, const char *part) {
    const char *found = strstr(text_in(&browser->got.body), part);
    return found && strstr(found, "\n\n") != NULL;
}

/* Turns until `condition`, which looks at what browsers have got. */
#define until(condition, ...)                                                                                \
    do {                                                                                                     \
        struct browser *all[] = {__VA_ARGS__};                                                               \
        const int64_t end_ = milliseconds() + PATIENCE;                                                      \
        do {                                                                                                 \
            turn();                                                                                          \
            for (size_t i_ = 0; i_ < COUNT(all); i_++)                                                       \
                read_stream(all[i_]);                                                                        \
        } while (!(condition) && milliseconds() < end_);                                                     \
        assert_true(condition);                                                                              \
    } while (0)

/* ---- Events ---- */

static void publish_text(const char *session, const char *text) {
    asm_event event;
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_MESSAGE_STREAMED;
    event.session_id = asm_str_from(session);
    event.message.delta = asm_str_from(text);
    live_server_on_event(host.server, &event);
}

static void publish(const char *session, unsigned from, unsigned to) {
    char text[32];
    for (unsigned i = from; i <= to; i++) {
        snprintf(text, sizeof text, "word %u", i);
        publish_text(session, text);
    }
}

static live_session *session_of(const char *id) {
    live_session *session = live_server_find(host.server, asm_str_from(id));
    assert_non_null(session);
    return session;
}

/* ---- Who is let in ---- */

static void test_strangers_are_refused(void **state) {
    (void)state;
    start();
    publish("s", 1, 1);
    const unsigned p = port();
    const struct {
        const char *request;
        int status;
        const char *code;
    } cases[] = {
        {"GET /api/list HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", 401, "no_token"},
        {"GET / HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", 401, "no_token"},
        {"GET /?token=0123456789abcdef0123456789abcdee HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", 401,
         "no_token"},
        {"GET /api/list HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer x\r\n\r\n", 401, "no_token"},
        {"GET /api/list HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer " LIVE_TOKEN "0\r\n\r\n", 401,
         "no_token"},
        {"GET /api/list HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nCookie: asm_live_1=" LIVE_TOKEN "\r\n\r\n", 401,
         "no_token"},
        {"GET /api/list HTTP/1.1\r\nHost: evil.example:%u\r\n" LET_IN "\r\n", 403, "bad_host"},
        {"GET /live.js HTTP/1.1\r\nHost: evil.example:%u\r\n\r\n", 403, "bad_host"},
        {"GET /api/list HTTP/1.1\r\nHost: 127.0.0.1\r\n" LET_IN "\r\n", 403, "bad_host"},
        {"GET /api/list HTTP/1.1\r\nHost: localhost:%u\r\nOrigin: http://evil.example\r\n" LET_IN "\r\n", 403,
         "bad_origin"},
        {"GET /api/list HTTP/1.1\r\nHost: localhost:%u\r\nOrigin: null\r\n" LET_IN "\r\n", 403, "bad_origin"},
        {"DELETE /api/list HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 405, "bad_method"},
        {"POST /api/list HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN
         "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
         405, "bad_method"},
        {"POST /api/sessions/s/cancel HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN
         "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
         415, "bad_content_type"},
        {"GET /../../etc/passwd HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 404, "not_found"},
        {"GET /%%2e%%2e/live.js HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 404, "not_found"},
        {"GET /api/sessions/..%%2f..%%2fetc/history HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 404,
         "not_found"},
        {"GET /api/sessions/s HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 404, "not_found"},
        {"GET /api/sessions/s/resume HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 405, "bad_method"},
        {"GET /api/nothing HTTP/1.1\r\nHost: localhost:%u\r\n" LET_IN "\r\n", 404, "not_found"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        answer got = ask(cases[i].request, p);
        finish(&got);
        expect_answer(got, cases[i].status, cases[i].code);
    }
    expect_answer(get("/api/list"), 200, "\"total\":1");
    stop_server();
}

static void test_cookie_of_the_address_lets_in(void **state) {
    (void)state;
    start();
    publish("s", 1, 1);
    live_session_allow(session_of("s"), LIVE_CAN_CANCEL);
    answer got = ask("GET /?token=" LIVE_TOKEN " HTTP/1.1\r\n" HOST "\r\n", port());
    finish(&got);
    const char *cookie = strstr(text_in(&got.raw), "Set-Cookie: ");
    assert_non_null(cookie);
    assert_non_null(strstr(got.raw.data, "HttpOnly; SameSite=Strict"));
    assert_non_null(strstr(got.raw.data, "Content-Security-Policy: default-src 'none'; script-src 'self'"));
    assert_non_null(strstr(got.raw.data, "frame-ancestors 'none'"));
    expect_answer(got, 200, "<title>page</title>");
    char pair[128];
    snprintf(pair, sizeof pair, "Cookie: asm_live_%u=" LIVE_TOKEN "\r\n", port());
    got = ask("GET /api/list HTTP/1.1\r\n" HOST "%s\r\n", port(), pair);
    finish(&got);
    expect_answer(got, 200, "\"rows\":[");
    static const char cancel[] = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    got = ask("POST /api/sessions/s/cancel HTTP/1.1\r\n" HOST "%s%s", port(), pair, cancel);
    finish(&got);
    expect_answer(got, 403, "bad_origin"); /* another page's form would send the cookie as well */
    assert_int_equal(host.cancelled, 0);
    got = ask("POST /api/sessions/s/cancel HTTP/1.1\r\n" HOST "Origin: http://127.0.0.1:%u\r\n%s%s", port(),
              port(), pair, cancel);
    finish(&got);
    expect_answer(got, 200, "true");
    assert_int_equal(host.cancelled, 1);
    stop_server();
}

static void test_large_and_slow_requests_are_refused(void **state) {
    (void)state;
    const live_server_options options = {.patience = 1};
    start_with(&options);
    publish("s", 1, 1);
    live_session_allow(session_of("s"), LIVE_CAN_MESSAGE);
    const size_t size = 3 * 1024 * 1024;
    char *body = (char *)malloc(size);
    assert_non_null(body);
    memset(body, 'x', size);
    answer got = ask("POST /api/sessions/s/message HTTP/1.1\r\n" HOST LET_IN
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     port(), size);
    for (size_t sent = 0; sent < size;) {
        const ssize_t written = write(got.fd, body + sent, size - sent);
        if (written > 0) sent += (size_t)written;
        turn();
    }
    finish(&got);
    expect_answer(got, 413, "too_large");
    free(body);
    assert_int_equal(host.said, 0);

    answer slow = ask("GET /api/list HTTP/1.1\r\n"); /* and a header now and then */
    const int64_t begin = milliseconds();
    while (!slow.is_over && milliseconds() - begin < 20000) {
        turn();
        answer_read(&slow, SIZE_MAX);
        if (slow.fd >= 0 && send(slow.fd, "X: y\r\n", 6, MSG_NOSIGNAL) < 0 && errno != EAGAIN) break;
        poll(NULL, 0, 100);
    }
    assert_true(milliseconds() - begin < 15000);
    expect_answer(slow, 408, "too_slow");
    char *head = (char *)malloc(64 * 1024);
    assert_non_null(head);
    memset(head, 'h', 64 * 1024);
    got = ask("GET /api/list HTTP/1.1\r\nX: ");
    if (write(got.fd, head, 64 * 1024) < 0)
        assert_true(errno == EAGAIN || errno == EPIPE || errno == ECONNRESET);
    free(head);
    while (!got.is_over) {
        turn();
        answer_read(&got, SIZE_MAX);
    }
    assert_int_equal(got.status, 431);
    answer_end(&got);
    expect_answer(get("/api/list"), 200, "\"total\":1");
    stop_server();
}

static void test_too_many_viewers_are_refused(void **state) {
    (void)state;
    const live_server_options options = {.max_viewers = 2};
    struct browser one, two, three;
    start_with(&options);
    publish("s", 1, 3);
    open_stream(&one, "session=s", NULL);
    open_stream(&two, "session=s", NULL);
    until(one.check.events == 3 && two.check.events == 3, &one, &two);
    expect_answer(get("/api/events?session=s"), 503, "too_many_viewers");
    publish("s", 4, 4);
    until(one.check.events == 4 && two.check.events == 4, &one, &two);
    close_stream(&two);
    const int64_t end = milliseconds() + 1000;
    while (live_server_viewers(host.server) > 1 && milliseconds() < end) {
        publish("s", 5, 5); /* that it has gone is noticed when something is sent to it */
        turn();
    }
    open_stream(&three, "session=s", NULL);
    until(three.check.caught_up == 1 && three.check.events == one.check.events, &one, &three);
    close_stream(&one);
    close_stream(&three);
    stop_server();
}

/* ---- Streams ---- */

static void test_events_come_once_and_in_order(void **state) {
    (void)state;
    struct browser early, late, again;
    char id[64];
    start();
    publish("s", 1, 700);
    open_stream(&early, "session=s", NULL);
    until(early.check.events == 700 && early.check.caught_up == 1, &early);
    assert_non_null(strstr(early.check.hello, "\"last\":700,\"next\":1"));
    publish("s", 701, 1000);
    until(early.check.events == 1000, &early);
    open_stream(&late, "session=s&last=10", NULL);
    until(late.check.caught_up == 1, &late);
    assert_int_equal(late.check.events, 10);
    assert_true(late.check.last == 1000);
    snprintf(id, sizeof id, "%llu.%u", early.check.epoch, 640u);
    open_stream(&again, "session=s", id);
    until(again.check.caught_up == 1, &again, &early);
    assert_int_equal(again.check.events, 360);
    assert_int_equal(again.check.resets, 0);
    close_stream(&again);
    open_stream(&again, "session=s&last=0", NULL);
    until(again.check.caught_up == 1, &again);
    assert_int_equal(again.check.events, 0);
    publish("s", 1001, 1001);
    until(again.check.events == 1 && again.check.last == 1001, &again);
    close_stream(&early);
    close_stream(&late);
    close_stream(&again);
    stop_server();
}

static void test_ids_that_are_not_ours(void **state) {
    (void)state;
    static const char *const bad[] = {"1",  "x.1",   "1.x",  ".",    "1.",
                                      ".1", "1.2.3", "-1.2", "1.2 ", "99999999999999999999.1"};
    static const char *const other[] = {"1.1", "0.0"};
    char id[64];
    struct browser browser;
    start();
    publish("s", 1, 5);
    for (size_t i = 0; i < COUNT(bad); i++) {
        answer got = ask("GET /api/events?session=s HTTP/1.1\r\n" HOST LET_IN "Last-Event-ID: %s\r\n\r\n",
                         port(), bad[i]);
        if (strcmp(bad[i], "1.2 ") == 0) { /* blanks at the end are no part of a header's value */
            answer_end(&got);
            continue;
        }
        finish(&got);
        expect_answer(got, 400, "EPOCH.NUMBER");
    }
    expect_answer(get("/api/events?session=s&after=z"), 400, "EPOCH.NUMBER");
    expect_answer(get("/api/events?session=s&last=-1"), 400, "last is a number");
    expect_answer(get("/api/events?list=2"), 400, "list");
    expect_answer(get("/api/events"), 400, "list=1 or session=KEY");
    expect_answer(get("/api/events?session=t"), 404, "not_found");
    for (size_t i = 0; i < COUNT(other); i++) {
        open_stream(&browser, "session=s", other[i]);
        until(browser.check.caught_up == 1, &browser);
        assert_int_equal(browser.check.resets, 1);
        assert_int_equal(browser.check.events, 5);
        snprintf(id, sizeof id, "%llu.6", browser.check.epoch); /* of this epoch, but not written yet */
        close_stream(&browser);
    }
    open_stream(&browser, "session=s", id);
    until(browser.check.caught_up == 1, &browser);
    assert_int_equal(browser.check.resets, 1);
    assert_int_equal(browser.check.events, 5);
    close_stream(&browser);
    stop_server();
}

static void test_no_text_leaves_its_frame(void **state) {
    (void)state;
    static const char hostile[] =
        "a\n\ndata: {}\n\nid: 1.1\r\rdata: x\n\n\xe2\x80\xa8\xe2\x80\xa9\xc2\x85</script>\x1b[31m";
    const size_t size = 1024 * 1024;
    char *large = (char *)malloc(size + 1);
    struct browser browser;
    start();
    assert_non_null(large);
    for (size_t i = 0; i < size; i++)
        large[i] = (char)('a' + i % 26);
    large[size] = 0;
    publish_text(hostile, hostile);
    publish_text(hostile, large);
    publish_text(hostile, "end");
    live_session *session = session_of(hostile);
    for (const char *c = session->key; *c; c++)
        assert_true(live__is_plain(*c) || *c == '~');
    char query[256];
    snprintf(query, sizeof query, "list=1&session=%s&name=%%0a%%0aevent:%%20x%%0d", session->key);
    open_stream(&browser, query, NULL);
    until(browser.check.events == 3 && browser.check.lists > 0, &browser);
    assert_true(browser.check.log.size > size);
    close_stream(&browser);
    free(large);
    stop_server();
}

static void test_a_slow_viewer_costs_the_others_nothing(void **state) {
    (void)state;
    static char text[4096];
    struct browser slow, quick;
    start();
    memset(text, 't', sizeof text - 1);
    publish("s", 1, 1);
    open_stream(&slow, "session=s", NULL);
    open_stream(&quick, "session=s", NULL);
    until(quick.check.events == 1, &quick);
    for (unsigned i = 0; i < 4000; i++) { /* 16 MB: more than sockets hold */
        publish_text("s", text);
        if (i % 50 == 0) {
            turn();
            read_stream(&quick);
        }
    }
    until(quick.check.events == 4001, &quick);
    until(slow.check.events == 4001, &slow);
    assert_int_equal(slow.check.gaps + slow.check.resets, 0);
    assert_true(slow.check.log.size == quick.check.log.size &&
                memcmp(slow.check.log.data, quick.check.log.data, slow.check.log.size) == 0);
    close_stream(&slow);
    close_stream(&quick);
    stop_server();
}

/* Cut off when its time is over, while others get all as it comes; then it goes on where it was. */
static void test_a_stalled_viewer_is_cut_off(void **state) {
    (void)state;
    enum { EVENTS = 2000, SMALL = 128 * 1024 };
    static char text[4096];
    const live_server_options options = {.patience = 1};
    const int small = SMALL;
    struct browser stalled, quick, again;
    start_with(&options);
    memset(text, 't', sizeof text - 1);
    publish("s", 1, 1);
    open_stream(&stalled, "session=s", NULL);
    assert_int_equal(setsockopt(stalled.got.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    open_stream(&quick, "session=s", NULL);
    until(quick.check.events == 1 && live_server_viewers(host.server) == 2, &quick);
    for (unsigned i = 0; i < EVENTS; i++) { /* 8 MB: more than its socket holds */
        publish_text("s", text);
        if (i % 50 == 0) {
            turn();
            read_stream(&quick);
        }
    }
    until(quick.check.events == EVENTS + 1, &quick);
    const int64_t begin = milliseconds();
    until(live_server_viewers(host.server) == 1 || milliseconds() - begin > 15000, &quick);
    assert_int_equal(live_server_viewers(host.server), 1);
    until(stalled.got.is_over, &stalled, &quick);
    assert_true(stalled.check.events < EVENTS);
    open_stream(&again, "session=s", stalled.check.events > 0 ? stalled.check.id : NULL);
    until(again.check.caught_up == 1, &again, &quick);
    assert_int_equal(stalled.check.events + again.check.events, EVENTS + 1);
    assert_int_equal(quick.check.events, EVENTS + 1);
    assert_int_equal(quick.check.resets + quick.check.gaps + again.check.resets + again.check.gaps, 0);
    publish("s", 2, 2);
    until(quick.check.events == EVENTS + 2 && again.check.last == EVENTS + 2, &quick, &again);
    close_stream(&stalled);
    close_stream(&quick);
    close_stream(&again);
    stop_server();
}

static void test_presence(void **state) {
    (void)state;
    struct browser one, two;
    start();
    publish("s", 1, 1);
    open_stream(&one, "session=s&name=Ada", NULL);
    open_stream(&two, "session=s&name=Grace", NULL);
    until(strstr(one.check.last_viewers, "\"count\":2") && strstr(one.check.last_viewers, "Grace"), &one,
          &two);
    assert_non_null(strstr(two.check.last_viewers, "Ada"));
    close_stream(&two);
    until((publish("s", 2, 2), strstr(one.check.last_viewers, "\"count\":1")), &one);
    assert_null(strstr(one.check.last_viewers, "Grace"));
    close_stream(&one);
    stop_server();
}

/* ---- The list ---- */

static void test_the_list_and_what_changes_in_it(void **state) {
    (void)state;
    struct browser browser;
    char id[16];
    start();
    host.lane = LIVE_WORKING;
    for (unsigned i = 0; i < 250; i++) {
        snprintf(id, sizeof id, "s%03u", i);
        publish_text(id, "hello");
    }
    open_stream(&browser, "list=1", NULL);
    until(has_frame(&browser, "\"working\":250"), &browser);
    assert_non_null(strstr(browser.got.body.data, "\"key\":\"s099\""));
    assert_null(strstr(browser.got.body.data, "\"key\":\"s100\"")); /* the first 100 of each lane */
    host.lane = LIVE_NEEDS_YOU;
    publish_text("s200", "more");
    until(has_frame(&browser, "\"needs_you\":1"), &browser);
    assert_non_null(strstr(browser.got.body.data, "\"key\":\"s200\""));
    live_session_forget(session_of("s200"));
    until(has_frame(&browser, "\"gone\":[\"s200\"]"), &browser);
    assert_int_equal(live_server_find(host.server, ASM_STR("s200")) != NULL, 0);
    host.lane = LIVE_WORKING;
    expect_answer(get("/api/list?lane=working&limit=3&offset=248"), 200, "\"total\":249");
    expect_answer(get("/api/list?q=S24%209&limit=1"), 200, "\"key\":\"s249\"");
    expect_answer(get("/api/list?q=nothing"), 200, "\"total\":0");
    expect_answer(get("/api/list?agent=other"), 200, "\"total\":0");
    expect_answer(get("/api/list?directory=/srv&lane=done"), 200, "\"total\":0");
    expect_answer(get("/api/list?limit=x"), 400, "bad_request");
    expect_answer(get("/api/list?limit=1001"), 400, "bad_request");
    close_stream(&browser);
    stop_server();
}

static void test_the_list_comes_once_a_second(void **state) {
    (void)state;
    struct browser browser;
    start();
    publish("s", 1, 1);
    open_stream(&browser, "list=1", NULL);
    const int64_t begin = milliseconds();
    while (milliseconds() - begin < 2300) {
        publish("s", 2, 2);
        turn();
        read_stream(&browser);
    }
    assert_in_range(browser.check.lists + browser.check.changes, 2, 4);
    close_stream(&browser);
    stop_server();
}

/* ---- History ---- */

static void expect_lines(answer got, unsigned count, unsigned first) {
    char begin[32];
    unsigned lines = 0;
    const char *body = text_in(&got.body);
    assert_int_equal(got.status, 200);
    for (const char *c = body; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, count);
    snprintf(begin, sizeof begin, "{\"number\":%u,\"event\":{", first);
    if (count > 0) assert_memory_equal(body, begin, strlen(begin));
    answer_end(&got);
}

static void test_history(void **state) {
    (void)state;
    static char text[64 * 1024];
    start();
    publish("s", 1, 1000);
    turn();
    expect_lines(get("/api/sessions/s/history"), 500, 1);
    expect_lines(get("/api/sessions/s/history?after=990"), 10, 991);
    expect_lines(get("/api/sessions/s/history?before=300&limit=20"), 20, 280);
    expect_lines(get("/api/sessions/s/history?after=10&before=21"), 10, 11);
    expect_lines(get("/api/sessions/s/history?after=1000"), 0, 0);
    expect_lines(get("/api/sessions/s/history?after=5000&before=7"), 0, 0);
    expect_answer(get("/api/sessions/s/history?limit=5001"), 400, "bad_request");
    expect_answer(get("/api/sessions/s/history?after=x"), 400, "bad_request");
    expect_answer(get("/api/sessions/s/history?epoch=1"), 409, "other_epoch");
    expect_answer(get("/api/sessions/s/event?number=257"), 200, "word 257\"");
    expect_answer(get("/api/sessions/s/event?number=1000"), 200, "word 1000\"");
    expect_answer(get("/api/sessions/s/event?number=1001"), 404, "not_found");
    expect_answer(get("/api/sessions/s/event?number=0"), 400, "bad_request");
    memset(text, 't', sizeof text - 1);
    for (int i = 0; i < 200; i++)
        publish_text("s", text);
    turn();
    answer got = get("/api/sessions/s/history?before=1201&limit=1000");
    assert_in_range(got.body.size, 1, LIVE__MAX_HISTORY + 1024 * 1024);
    assert_non_null(
        strstr(text_in(&got.body), "{\"number\":1200,")); /* the last, and as many before it as fit */
    answer_end(&got);
    stop_server();
}

/* ---- Acting ---- */

static void test_of_two_that_decide_the_first_wins(void **state) {
    (void)state;
    static const char approve[] =
        "{\"interrupt\":3,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"approve\"}]}";
    static const char reject[] =
        "{\"interrupt\":3,\"decisions\":[{\"tool_call_id\":\"c1\",\"type\":\"reject\"}]}";
    struct browser one, two;
    char path[64];
    unsigned long number;
    start();
    publish("s", 1, 1);
    host.interrupt = 3;
    expect_answer(post("/api/sessions/s/resume", approve), 403, "not_allowed");
    live_session_allow(session_of("s"), LIVE_CAN_RESUME | LIVE_CAN_MESSAGE);
    open_stream(&one, "session=s&name=Ada", NULL);
    open_stream(&two, "session=s&name=Grace", NULL);
    until(one.check.caught_up && two.check.caught_up, &one, &two);
    assert_int_equal(sscanf(two.check.hello, "{\"viewer\":\"v%lu\"", &number), 1);
    snprintf(path, sizeof path, "/api/sessions/s/resume?viewer=v%lu", number);
    expect_answer(post(path, reject), 200, "\"ok\":true");
    expect_answer(post("/api/sessions/s/resume", approve), 409,
                  "\"decided\":{\"interrupt\":3,\"tool_call_id\":\"c1\",\"type\":\"reject\"");
    assert_int_equal(host.resumed, 1);
    until(one.check.decided == 1 && two.check.decided == 1, &one, &two);
    assert_non_null(strstr(one.check.last_decided, "Grace"));
    expect_answer(post("/api/sessions/s/resume", "{\"interrupt\":4,\"answer\":\"x\"}"), 409, "not_waiting");
    host.interrupt = 4;
    expect_answer(post("/api/sessions/s/resume", "{\"interrupt\":4,\"answer\":\"x\"}"), 200, "\"ok\":true");
    expect_answer(post("/api/sessions/s/resume", "{\"interrupt\":4,\"answer\":\"y\"}"), 409,
                  "already_decided");
    host.interrupt = 5;
    host.result = ASM_ERR_STATUS;
    expect_answer(post("/api/sessions/s/resume", "{\"interrupt\":5,\"answer\":\"x\"}"), 422,
                  "the agent says no");
    host.result = ASM_OK;
    expect_answer(post("/api/sessions/s/resume", "{\"interrupt\":5,\"answer\":\"x\"}"), 200, "\"ok\":true");
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "{\"interrupt\":6}",
                                      "{\"interrupt\":\"6\",\"answer\":1}",
                                      "{\"interrupt\":6,\"answer\":1,\"decisions\":[]}",
                                      "{\"interrupt\":-1,\"answer\":1}",
                                      "{\"interrupt\":6,\"answer\":1} x"};
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_answer(post("/api/sessions/s/resume", bad[i]), 400, "bad_request");
    expect_answer(post("/api/sessions/s/message", "{\"text\":\"caf\\u00e9\"}"), 200, "true");
    assert_string_equal(host.text, "caf\xc3\xa9");
    expect_answer(post("/api/sessions/s/message", "{\"text\":\"\"}"), 400, "bad_request");
    expect_answer(post("/api/sessions/s/message", "{\"text\":1}"), 400, "bad_request");
    expect_answer(post("/api/sessions/s/cancel", "{}"), 403, "not_allowed");
    expect_answer(post("/api/sessions/t/cancel", "{}"), 404, "not_found");
    close_stream(&one);
    close_stream(&two);
    stop_server();
}

static void test_a_decision_elsewhere_is_told(void **state) {
    (void)state;
    struct browser browser;
    asm_event event;
    start();
    publish("s", 1, 1);
    live_session_allow(session_of("s"), LIVE_CAN_RESUME);
    open_stream(&browser, "session=s", NULL);
    until(browser.check.caught_up == 1, &browser);
    memset(&event, 0, sizeof event);
    event.type = ASM_EVENT_TOOL_APPROVAL_GRANTED;
    event.session_id = ASM_STR("s");
    event.approval.tool_call_id = ASM_STR("c9");
    event.approval.decision = ASM_STR("approve");
    event.approval.interrupt = ASM_INT64(7);
    live_server_on_event(host.server, &event);
    until(browser.check.decided == 1 && browser.check.events == 2, &browser);
    assert_non_null(strstr(browser.check.last_decided, "\"c9\""));
    host.interrupt = 7;
    expect_answer(post("/api/sessions/s/resume",
                       "{\"interrupt\":7,\"decisions\":[{\"tool_call_id\":\"c9\",\"type\":\"reject\"}]}"),
                  409, "already_decided");
    assert_int_equal(host.resumed, 0);
    live_session_debug_event(session_of("s"), &event);
    until(browser.check.debugs == 1, &browser);
    assert_int_equal(browser.check.events, 2);
    close_stream(&browser);
    stop_server();
}

/* ---- Logs ---- */

static void test_what_is_read_again_keeps_its_numbers(void **state) {
    (void)state;
    struct browser browser;
    start();
    live_session *session = live_server_add(host.server, ASM_STR("s"));
    assert_non_null(session);
    assert_null(live_server_add(host.server, ASM_STR("s")));
    publish("s", 1, 20);
    open_stream(&browser, "session=s", NULL);
    until(browser.check.events == 20, &browser);
    live_session_rewind(session);
    publish("s", 1, 25);
    live_session_loaded(session);
    until(browser.check.events == 25, &browser);
    assert_int_equal(browser.check.resets, 0);
    live_session_rewind(session); /* now it is another from its tenth on */
    publish("s", 1, 9);
    publish("s", 100, 103);
    live_session_loaded(session);
    until(browser.check.resets == 1 && browser.check.last == 13, &browser);
    live_session_rewind(session); /* and shorter */
    publish("s", 1, 4);
    live_session_loaded(session);
    until(browser.check.resets == 2 && browser.check.last == 4, &browser);
    live_session_unload(session); /* not while somebody looks */
    assert_true(live_session_is_loaded(session));
    close_stream(&browser);
    stop_server();
}

static void test_a_log_goes_on_after_a_restart(void **state) {
    (void)state;
    char directory[] = "/tmp/asm-live-test-XXXXXX", path[128], id[64];
    struct browser browser;
    assert_non_null(mkdtemp(directory));
    const live_server_options options = {.directory = directory};
    start_with(&options);
    publish("s/../x", 1, 300);
    live_session *session = session_of("s/../x");
    snprintf(path, sizeof path, "%s/%s.jsonl", directory, session->key);
    char query[160];
    snprintf(query, sizeof query, "session=%s", session->key);
    open_stream(&browser, query, NULL);
    until(browser.check.events == 300, &browser);
    snprintf(id, sizeof id, "%s", browser.check.id);
    close_stream(&browser);
    stop_server();
    struct stat whole, mended;
    assert_int_equal(stat(path, &whole), 0);
    FILE *log = fopen(path, "a"); /* as if it had been killed while it wrote */
    assert_non_null(log);
    fputs("{\"type\":\"message_st", log);
    fclose(log);
    start_with(&options);
    assert_non_null(live_server_session(host.server, ASM_STR("s/../x")));
    assert_int_equal(live_session_events(session_of("s/../x")), 300);
    assert_int_equal(stat(path, &mended), 0);
    assert_true(mended.st_size == whole.st_size);
    publish("s/../x", 301, 310);
    open_stream(&browser, query, id);
    until(browser.check.caught_up == 1, &browser);
    assert_int_equal(browser.check.resets, 0);
    assert_int_equal(browser.check.events, 10);
    assert_true(browser.check.last == 310);
    close_stream(&browser);
    stop_server();
    unlink(path);
    assert_int_equal(rmdir(directory), 0); /* and nothing else was written */
}

static void count_events(void *user, const asm_event *event) {
    unsigned *counts = (unsigned *)user;
    counts[0]++;
    if (event->type == ASM_EVENT_CUSTOM && asm_str_equal(event->type_name, ASM_STR(ASM_MAILBOX_GAP)))
        counts[1]++;
}

static void test_a_log_that_cannot_be_written(void **state) {
    (void)state;
    static char text[100 * 1024];
    struct rlimit before, small;
    struct browser browser;
    unsigned counts[2] = {0, 0};
    start();
    memset(text, 't', sizeof text - 1);
    publish("s", 1, 10);
    open_stream(&browser, "session=s", NULL);
    until(browser.check.events == 10, &browser);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 8192;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 30; i++) { /* 3 MB: more than may wait */
        publish_text("s", text);
        turn();
        read_stream(&browser);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    publish("s", 11, 11);
    until(strstr(text_in(&browser.got.body), "word 11"), &browser);
    assert_int_equal(live_session_each(session_of("s"), count_events, counts), ASM_OK);
    assert_in_range(counts[0], 12, 30);
    assert_int_equal(counts[1], 1); /* what is missing is told where it is missing */
    assert_int_equal(browser.check.events, counts[0]);
    close_stream(&browser);
    stop_server();
}

static void test_streams_end_with_the_session_and_the_server(void **state) {
    (void)state;
    struct browser one, two;
    start();
    publish("s", 1, 3);
    publish("t", 1, 3);
    open_stream(&one, "session=s", NULL);
    open_stream(&two, "session=t", NULL);
    until(one.check.caught_up && two.check.caught_up, &one, &two);
    live_session_forget(session_of("s"));
    until(one.got.is_over, &one);
    assert_false(two.got.is_over);
    stop_server();
    read_stream(&two);
    assert_true(two.got.is_over);
    close_stream(&one);
    close_stream(&two);
}

static void test_addresses_and_tokens(void **state) {
    (void)state;
    char error[LIVE_ERROR_SIZE];
    static const char *const bad[] = {"", "short", "0123456789abcde/0123456789", NULL};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const live_server_options options = {.token = bad[i]};
        assert_null(live_server_start(&options, error));
    }
    const live_server_options no_address = {.token = LIVE_TOKEN, .address = "somewhere"};
    assert_null(live_server_start(&no_address, error));
    start();
    const live_server_options taken = {.token = LIVE_TOKEN, .port = port()};
    assert_true(live_server_is_local(host.server));
    assert_null(live_server_start(&taken, error));
    assert_true(strlen(error) > 0);
    stop_server();
    live_server_close(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strangers_are_refused),
        cmocka_unit_test(test_cookie_of_the_address_lets_in),
        cmocka_unit_test(test_large_and_slow_requests_are_refused),
        cmocka_unit_test(test_too_many_viewers_are_refused),
        cmocka_unit_test(test_events_come_once_and_in_order),
        cmocka_unit_test(test_ids_that_are_not_ours),
        cmocka_unit_test(test_no_text_leaves_its_frame),
        cmocka_unit_test(test_a_slow_viewer_costs_the_others_nothing),
        cmocka_unit_test(test_a_stalled_viewer_is_cut_off),
        cmocka_unit_test(test_presence),
        cmocka_unit_test(test_the_list_and_what_changes_in_it),
        cmocka_unit_test(test_the_list_comes_once_a_second),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_of_two_that_decide_the_first_wins),
        cmocka_unit_test(test_a_decision_elsewhere_is_told),
        cmocka_unit_test(test_what_is_read_again_keeps_its_numbers),
        cmocka_unit_test(test_a_log_goes_on_after_a_restart),
        cmocka_unit_test(test_a_log_that_cannot_be_written),
        cmocka_unit_test(test_streams_end_with_the_session_and_the_server),
        cmocka_unit_test(test_addresses_and_tokens),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
