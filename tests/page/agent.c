/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent without a model, with its page, for the tests of the page: what it does is told by what is said to it.
 *     delete    calls Bash, about which somebody has to decide
 *     ask       asks a question
 *     long      speaks until it is cancelled
 *     else      says a few words
 */
#include "../../examples/tool_loop_driver.h"
#include "../../tools/serve/live.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#define AGENT ASM_STR("gardener")

static volatile sig_atomic_t is_over;

static void on_signal(int number) {
    (void)number;
    is_over = 1;
}

static bool has_word(asm_str text, const char *word) {
    const size_t size = strlen(word);
    for (size_t i = 0; i + size <= text.size; i++)
        if (memcmp(text.data + i, word, size) == 0) return true;
    return false;
}

/* ---- The model and its tool ---- */

struct mind {
    unsigned pieces;
    tool_loop loop;
};

static asm_str last_words(const asm_turn *turns, size_t count, bool *is_answered) {
    *is_answered = false;
    for (size_t i = count; i > 0; i--) {
        if (asm_str_equal(turns[i - 1].role, ASM_STR("user"))) return turns[i - 1].content;
        *is_answered = true;
    }
    return ASM_STR("");
}

static tool_loop_progress answer(void *user, tool_loop_reply *reply) {
    static const char *const words[] = {"The ", "last ", "field ", "is ", "**kept** ", "now."};
    struct mind *mind = (struct mind *)user;
    bool is_answered;
    const asm_str said = last_words(reply->request.turns, reply->request.turn_count, &is_answered);
    reply->usage.input_tokens = ASM_INT64(1200);
    reply->usage.output_tokens = ASM_INT64(34);
    if (has_word(said, "delete") && !is_answered) {
        asm_buffer_append(reply->text, ASM_STR("I would like to clean up."));
        tool_loop_call(reply, ASM_STR("call_1"), ASM_STR("Bash"),
                       ASM_STR("{\"command\":\"rm -rf build\",\"timeout\":9007199254740993}"));
        return TOOL_LOOP_DONE;
    }
    if (has_word(said, "long")) {
        asm_buffer_append(reply->text, ASM_STR("and so on "));
        return TOOL_LOOP_NOT_YET;
    }
    asm_buffer_append(reply->text, asm_str_from(words[mind->pieces % 6]));
    return ++mind->pieces % 6 ? TOOL_LOOP_NOT_YET : TOOL_LOOP_DONE;
}

static tool_loop_progress run_command(void *user, asm_execution execution, asm_str arguments,
                                      asm_buffer *output) {
    (void)user, (void)execution;
    asm_buffer_append(output, ASM_STR("would run "));
    asm_buffer_append(output, arguments);
    return TOOL_LOOP_DONE;
}

static const tool_loop_tool tools[] = {{"Bash", run_command, NULL}};
static const asm_str ask_first[] = {ASM_STR_INIT("Bash")};

/* ---- The driver: the tool loop's, but for questions ---- */

static asm_outcome execute(void *user, asm_execution execution) {
    struct mind *mind = (struct mind *)user;
    const asm_driver loop = tool_loop_driver(&mind->loop);
    asm_agent_state state;
    bool is_answered;
    if (asm_execution_state(execution, &state) == ASM_OK &&
        has_word(last_words(state.turns, state.turn_count, &is_answered), "ask") && !is_answered)
        return asm_ask(execution,
                       ASM_STR("{\"question\":\"Which file?\",\"options\":[{\"id\":\"a\",\"label\":"
                               "\"record.c\"},{\"id\":\"b\",\"label\":\"reader.c\"}]}"));
    return loop.execute(loop.user, execution);
}

static asm_outcome resume(void *user, asm_execution execution, const asm_resume *resume) {
    const asm_driver loop = tool_loop_driver(&((struct mind *)user)->loop);
    if (!resume->answer.data) return loop.resume(loop.user, execution, resume);
    asm_emit_text(execution, ASM_STR("The answer was "));
    asm_emit_text(execution, resume->answer);
    return asm_complete(execution, ASM_STR("end_turn"));
}

static void cancel(void *user, asm_execution execution) {
    const asm_driver loop = tool_loop_driver(&((struct mind *)user)->loop);
    loop.cancel(loop.user, execution);
}

/* ---- What viewers do ---- */

static bool has_more;

static asm_result on_resume(void *user, asm_str session_id, asm_str json) {
    return asm_agent_resume_json((asm_agent_server *)user, session_id, json);
}

static asm_result on_message(void *user, asm_str session_id, asm_str text) {
    asm_agent_server *server = (asm_agent_server *)user;
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("user");
    turn.content = text;
    const asm_result result = asm_agent_add_turn(server, session_id, &turn);
    if (result != ASM_OK) return result;
    has_more = asm_agent_execute(server, session_id) != ASM_OK; /* it runs already: afterwards */
    return ASM_OK;
}

static asm_result on_cancel(void *user, asm_str session_id) {
    return asm_agent_cancel((asm_agent_server *)user, session_id);
}

static asm_result on_state(void *user, asm_str session_id, asm_buffer *out) {
    return asm_agent_export_state((asm_agent_server *)user, session_id, out);
}

static const char *on_error(void *user) {
    return ((asm_agent_server *)user)->error;
}

/* ---- The program ---- */

static void show(void *live, const asm_message *message) {
    live_on_event(live, message->event);
}

static void show_debug(void *live, const asm_message *message) {
    live_on_debug_event(live, message->event);
}

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static asm_result start(asm_agent_server *server, struct mind *mind, asm_pubsub *bus, struct live *live) {
    tool_loop_options loop;
    asm_agent_options options;
    memset(&loop, 0, sizeof loop);
    memset(&options, 0, sizeof options);
    loop.model = answer;
    loop.tools = tools;
    loop.tool_count = 1;
    loop.user = mind;
    tool_loop_init(&mind->loop, &loop);
    options.id = AGENT;
    options.config.driver.execute = execute;
    options.config.driver.resume = resume;
    options.config.driver.cancel = cancel;
    options.config.driver.user = mind;
    options.config.interrupt_on = ask_first;
    options.config.interrupt_on_count = 1;
    options.pubsub = options.debug_pubsub = bus;
    options.inactivity_timeout_ms = -1;
    const asm_result result = asm_agent_start(server, &options);
    if (result != ASM_OK) return result;
    asm_agent_subscribe_debug(server, AGENT, show_debug, live, NULL);
    return asm_agent_subscribe(server, AGENT, show, live, NULL);
}

int main(void) {
    asm_agent_server server;
    asm_pubsub bus;
    struct mind mind;
    struct live_host host = {.resume = on_resume,
                             .message = on_message,
                             .cancel = on_cancel,
                             .state = on_state,
                             .error = on_error,
                             .user = &server};
    struct live_settings settings;
    memset(&mind, 0, sizeof mind);
    memset(&settings, 0, sizeof settings);
    signal(SIGTERM, on_signal);
    asm_pubsub_init(&bus, NULL);
    asm_agent_server_init(&server, NULL);
    asm_agent_server_set_time(&server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    struct live *live = live_start(&settings, &host);
    const asm_result result = start(&server, &mind, &bus, live);
    if (result != ASM_OK) fprintf(stderr, "%s\n", asm_result_string(result));
    while (!is_over && result == ASM_OK) {
        struct pollfd waiting = {live_descriptor(live), POLLIN, 0};
        asm_agent_server_poll(&server, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
        if (has_more) has_more = asm_agent_execute(&server, AGENT) != ASM_OK;
        live_turn(live);
        const int most = live_timeout(live);
        poll(&waiting, 1, server.pending ? 30 : most < 0 || most > 200 ? 200 : most);
    }
    asm_agent_server_close(&server);
    live_end(live);
    tool_loop_close(&mind.loop);
    asm_pubsub_close(&bus);
    return result == ASM_OK ? 0 : 1;
}
