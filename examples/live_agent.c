/* SPDX-License-Identifier: MIT OR Unlicense */
/* An agent on a page: people in browsers see what it does, approve its calls, answer its question, talk to it.
 *
 *     build/examples/live_agent [--port PORT] [--page DIRECTORY] [TEXT]
 *
 * The model is canned, so that everything can be tried out without one: told anything, it looks at the files and wants to
 * run two commands, for which it needs somebody's word; told "ask", it asks a question; told "fail", it fails. With TEXT
 * that is what it is told first. The page's files are read from DIRECTORY (default: tools/live). The token is LIVE_TOKEN, or
 * made up; the address is printed.
 */
#define ASM_IMPLEMENTATION
#include "asm_agent.h"
#define LIVE_SERVER_IMPLEMENTATION
#include "live_server.h"
#include "tool_loop_driver.h"

#include <poll.h>

#define AGENT ASM_STR("gardener")

enum { PAUSE = 60, MAX_FILES = 64 }; /* milliseconds between two words of the model */

/* ---- What the agent does ---- */

static tool_loop_progress list_files(void *user, asm_execution execution, asm_str arguments,
                                     asm_buffer *output) {
    (void)user, (void)execution, (void)arguments;
    asm_buffer_append(output, ASM_STR("notes.txt\nold.log\nold.tmp\n"));
    return TOOL_LOOP_DONE;
}

static tool_loop_progress run_command(void *user, asm_execution execution, asm_str arguments,
                                      asm_buffer *output) {
    (void)user, (void)execution;
    asm_buffer_append(output, ASM_STR("would have run "));
    asm_buffer_append(output, arguments);
    return TOOL_LOOP_DONE;
}

static asm_str last_of(const asm_model_request *request, asm_str role) {
    for (size_t i = request->turn_count; i > 0; i--)
        if (asm_str_equal(request->turns[i - 1].role, role)) return request->turns[i - 1].content;
    return ASM_STR("");
}

/* How often the model has spoken since somebody spoke to it. */
static unsigned times_spoken(const asm_model_request *request) {
    unsigned spoken = 0;
    for (size_t i = request->turn_count; i > 0 && !asm_str_equal(request->turns[i - 1].role, ASM_STR("user"));
         i--)
        spoken += asm_str_equal(request->turns[i - 1].role, ASM_STR("assistant"));
    return spoken;
}

/* Adds the next word of `text`; false once all of it is there. */
static bool speak(asm_buffer *said, asm_str text) {
    size_t at = said->size;
    if (at >= text.size) return false;
    while (at < text.size && text.data[at] == ' ')
        at++;
    while (at < text.size && text.data[at] != ' ')
        at++;
    asm_buffer_append(said, asm_str_make(text.data + said->size, at - said->size));
    return true;
}

static tool_loop_progress answer(void *user, tool_loop_reply *reply) {
    static const asm_str texts[] = {
        ASM_STR_INIT("I look at what is there."),
        ASM_STR_INIT("Two of them look like **they could go**: `old.log` and `old.tmp`."),
        ASM_STR_INIT("That is all that I could do.")};
    const unsigned spoken = times_spoken(&reply->request);
    const unsigned long turn = (unsigned long)reply->request.turn_count;
    char ids[2][40];
    (void)user;
    if (asm_str_equal(last_of(&reply->request, ASM_STR("user")), ASM_STR("fail"))) {
        reply->reason = ASM_STR("the model is not to be had");
        return TOOL_LOOP_FAILED;
    }
    if (speak(reply->text, texts[spoken < 2 ? spoken : 2])) return TOOL_LOOP_NOT_YET;
    reply->usage.input_tokens = ASM_INT64(100 + 20 * (int64_t)turn);
    reply->usage.output_tokens = ASM_INT64(12);
    snprintf(ids[0], sizeof ids[0], "call_%lu", turn);
    snprintf(ids[1], sizeof ids[1], "call_%lu_b", turn);
    if (spoken == 0) tool_loop_call(reply, asm_str_from(ids[0]), ASM_STR("list_files"), ASM_STR("{}"));
    if (spoken != 1) return TOOL_LOOP_DONE;
    tool_loop_call(reply, asm_str_from(ids[0]), ASM_STR("bash"), ASM_STR("{\"command\":\"rm old.log\"}"));
    tool_loop_call(reply, asm_str_from(ids[1]), ASM_STR("bash"), ASM_STR("{\"command\":\"rm old.tmp\"}"));
    return TOOL_LOOP_DONE;
}

/* The loop, but for "ask". */
static asm_outcome execute(void *user, asm_execution execution) {
    asm_agent_state state;
    if (asm_execution_state(execution, &state) == ASM_OK && state.turn_count > 0) {
        const asm_turn *last = &state.turns[state.turn_count - 1];
        if (asm_str_equal(last->role, ASM_STR("user")) && asm_str_equal(last->content, ASM_STR("ask")))
            return asm_ask(execution, ASM_STR("{\"question\":\"Which of the files may go?\",\"options\":["
                                              "\"old.log\",\"old.tmp\",\"none\"]}"));
    }
    return tool_loop_driver((tool_loop *)user).execute(user, execution);
}

static asm_outcome resume(void *user, asm_execution execution, const asm_resume *decided) {
    asm_buffer said;
    if (decided->answer.size == 0)
        return tool_loop_driver((tool_loop *)user).resume(user, execution, decided);
    asm_buffer_init_growing(&said);
    asm_buffer_append(&said, ASM_STR("You said "));
    asm_buffer_append(&said, decided->answer);
    const asm_turn turn = {.role = ASM_STR("assistant"), .content = asm_buffer_text(&said)};
    const asm_result result = asm_emit_turn(execution, &turn);
    asm_buffer_close(&said);
    return result == ASM_OK ? asm_complete(execution, ASM_STR("end_turn"))
                            : asm_fail(execution, asm_str_from(asm_result_string(result)));
}

static void cancel(void *user, asm_execution execution) {
    tool_loop_driver((tool_loop *)user).cancel(user, execution);
}

/* ---- What people do ---- */

struct program {
    asm_agent_server agents;
    live_server *page;
    asm_agent_status status;
    asm_time since, changed;
};

static asm_result on_resume(void *user, live_session *session, asm_str json) {
    return asm_agent_resume_json(&((struct program *)user)->agents, live_session_id(session), json);
}

static asm_result on_say(void *user, live_session *session, asm_str text) {
    asm_agent_server *agents = &((struct program *)user)->agents;
    const asm_turn turn = {.role = ASM_STR("user"), .content = text};
    const asm_result result = asm_agent_add_turn(agents, live_session_id(session), &turn);
    const asm_agent_status status = asm_agent_get_status(agents, live_session_id(session));
    const bool is_busy = status == ASM_AGENT_RUNNING || status == ASM_AGENT_INTERRUPTED;
    return result == ASM_OK && !is_busy ? asm_agent_execute(agents, live_session_id(session)) : result;
}

static asm_result on_cancel(void *user, live_session *session) {
    return asm_agent_cancel(&((struct program *)user)->agents, live_session_id(session));
}

static asm_result on_state(void *user, live_session *session, asm_buffer *out) {
    return asm_agent_export_state(&((struct program *)user)->agents, live_session_id(session), out);
}

static const char *on_error(void *user) {
    return ((struct program *)user)->agents.error;
}

static void describe(void *user, live_session *session, live_row *row) {
    static const live_lane lanes[] = {LIVE_IDLE, LIVE_IDLE, LIVE_WORKING, LIVE_NEEDS_YOU,
                                      LIVE_IDLE, LIVE_DONE, LIVE_FAILED}; /* by asm_agent_status */
    const struct program *program = user;
    asm_agent_info info;
    if (asm_agent_get_info(&program->agents, live_session_id(session), &info) != ASM_OK) return;
    row->lane = lanes[info.status];
    row->since = row->what_since = program->since;
    row->changed = program->changed;
    row->agent = ASM_STR("gardener");
    row->title = ASM_STR("Files that could go");
    if (info.status == ASM_AGENT_ERROR) row->what = info.error;
    if (info.status != ASM_AGENT_INTERRUPTED) return;
    row->needs_interrupt = (int64_t)info.interrupt;
    row->needs_kind = info.request_count ? ASM_STR("approval") : ASM_STR("question");
    row->what = info.request_count ? info.requests[0].tool_name : ASM_STR("a question");
    for (size_t i = info.request_count; i-- > 0;)
        if (info.decisions[i].kind == ASM_DECISION_NONE) {
            row->needs_call = info.requests[i].tool_call_id;
            row->needs_tool = info.requests[i].tool_name;
        }
}

static void on_message(void *user, const asm_message *message) {
    struct program *program = user;
    live_session *session = live_server_session(program->page, message->event->session_id);
    const asm_agent_status status = asm_agent_get_status(&program->agents, AGENT);
    program->changed = message->event->time;
    if (status != program->status) program->since = message->event->time;
    program->status = status;
    if (!session) return;
    live_session_allow(session, LIVE_CAN_RESUME | LIVE_CAN_MESSAGE | LIVE_CAN_CANCEL | LIVE_CAN_STATE);
    live_session_event(session, message->event);
}

static void on_debug_message(void *user, const asm_message *message) {
    live_session *session = live_server_find(((struct program *)user)->page, message->event->session_id);
    if (session) live_session_debug_event(session, message->event);
}

/* ---- The page ---- */

static char *read_file(const char *directory, const char *name, size_t *size) {
    char path[1024];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &status) != 0) return NULL;
    char *text = malloc((size_t)status.st_size + 1);
    const ssize_t got = text ? read(fd, text, (size_t)status.st_size) : -1;
    close(fd);
    *size = got > 0 ? (size_t)got : 0;
    return text;
}

static size_t read_page(const char *directory, live_file *files) {
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".svg", "image/svg+xml"}};
    DIR *entries = opendir(directory);
    const struct dirent *entry;
    size_t count = 0;
    while (entries && count < MAX_FILES && (entry = readdir(entries)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');
        for (size_t i = 0; end && i < sizeof types / sizeof *types; i++) {
            if (strcmp(end, types[i][0]) != 0) continue;
            live_file *file = &files[count];
            char *name = malloc(strlen(entry->d_name) + 1);
            file->bytes = (const unsigned char *)read_file(directory, entry->d_name, &file->size);
            file->type = types[i][1];
            file->name = name ? memcpy(name, entry->d_name, strlen(entry->d_name) + 1) : NULL;
            if (file->name && file->bytes) count++;
        }
    }
    if (entries) closedir(entries);
    return count;
}

static live_server *open_page(struct program *program, unsigned port, const char *directory) {
    static live_file files[MAX_FILES];
    char token[40], error[LIVE_ERROR_SIZE];
    unsigned char random[16] = {0};
    const int fd = open("/dev/urandom", O_RDONLY);
    if (fd < 0 || read(fd, random, sizeof random) != (ssize_t)sizeof random) return NULL;
    close(fd);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(token + 2 * i, 3, "%02x", (unsigned)random[i]);
    const char *given = getenv("LIVE_TOKEN");
    const live_server_options options = {.port = port,
                                         .token = given ? given : token,
                                         .files = files,
                                         .file_count = read_page(directory, files),
                                         .functions = {.describe = describe,
                                                       .resume = on_resume,
                                                       .message = on_say,
                                                       .cancel = on_cancel,
                                                       .state = on_state,
                                                       .error = on_error,
                                                       .user = program}};
    live_server *page = live_server_start(&options, error);
    if (!page) fprintf(stderr, "live_agent: %s\n", error);
    else printf("http://127.0.0.1:%u/?token=%s\n", live_server_port(page), options.token);
    fflush(stdout);
    return page;
}

/* ---- The program ---- */

static int64_t now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

/* The model speaks in slices, a word each: they come at its pace, not as fast as they can. */
static void run(struct program *program) {
    int64_t spoken = 0;
    for (;;) {
        const int of_page = live_server_timeout(program->page);
        struct pollfd polled = {live_server_descriptor(program->page), POLLIN, 0};
        poll(&polled, 1, program->agents.pending > 0 && of_page > PAUSE ? PAUSE : of_page);
        const int64_t at = now(CLOCK_MONOTONIC);
        if (at - spoken >= (int64_t)PAUSE * 1000) {
            asm_agent_server_poll(&program->agents, now(CLOCK_REALTIME), at);
            spoken = at;
        } else asm_agent_server_set_time(&program->agents, now(CLOCK_REALTIME), at);
        live_server_turn(program->page);
    }
}

int main(int argc, char **argv) {
    static struct program program;
    const char *directory = "tools/live", *text = NULL;
    unsigned port = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) port = (unsigned)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--page") == 0 && i + 1 < argc) directory = argv[++i];
        else text = argv[i];
    }
    asm_pubsub bus, debug;
    asm_pubsub_init(&bus, NULL);
    asm_pubsub_init(&debug, NULL);
    const tool_loop_tool tools[] = {{"list_files", list_files, NULL}, {"bash", run_command, NULL}};
    const asm_str ask_first[] = {ASM_STR("bash")};
    tool_loop loop;
    tool_loop_init(&loop, &(tool_loop_options){.model = answer, .tools = tools, .tool_count = 2});
    asm_agent_server_init(&program.agents, NULL);
    asm_agent_server_set_time(&program.agents, now(CLOCK_REALTIME), now(CLOCK_MONOTONIC));
    program.page = open_page(&program, port, directory);
    if (!program.page) return 1;
    const asm_agent_options options = {.id = AGENT,
                                       .config = {.driver = {execute, resume, cancel, &loop},
                                                  .interrupt_on = ask_first,
                                                  .interrupt_on_count = 1},
                                       .pubsub = &bus,
                                       .debug_pubsub = &debug,
                                       .inactivity_timeout_ms = -1};
    asm_result result = asm_agent_start(&program.agents, &options);
    if (result == ASM_OK) result = asm_agent_subscribe(&program.agents, AGENT, on_message, &program, NULL);
    if (result == ASM_OK)
        result = asm_agent_subscribe_debug(&program.agents, AGENT, on_debug_message, &program, NULL);
    if (result == ASM_OK && text) {
        const asm_turn turn = {.role = ASM_STR("user"), .content = asm_str_from(text)};
        result = asm_agent_add_turn(&program.agents, AGENT, &turn);
        if (result == ASM_OK) result = asm_agent_execute(&program.agents, AGENT);
    }
    if (result != ASM_OK) {
        fprintf(stderr, "live_agent: %s\n", program.agents.error);
        return 1;
    }
    run(&program);
}
