/* Many conversations in one thread, each with a tool, against a model over HTTP: tools/agent/transport.c, which is
 * libcurl's multi interface and poll(2). What each takes of memory and time; while all wait, the processor rests. */
#include "support.h"

#include "tools/agent/transport.c"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MANY = 1000, FEW = 50, DELAY_MS = 2000, REST_MS = 500, TURNS = 20, PATIENCE_MS = 120000 };

/* What the transport says when it cannot begin. */
void complain(const char *format, ...) {
    print_error("%s\n", format);
}

static pid_t model = -1;
static struct provider provider;
static struct transport transport;
static asm_llm llm;
static asm_pubsub bus;
static asm_agent_server server;
static unsigned answered, failed, tools_run;

static int64_t clock_of(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t now_us(void) {
    return clock_of(CLOCK_MONOTONIC);
}

/* Processor time of this process, microseconds. */
static int64_t processor_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return ((int64_t)usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

/* Resident memory, KB; 0 where the system does not tell. */
static long memory_kb(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file) return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* Starts build/mock_llm, and reads its address; false if it was not built. */
static bool start_model(void) {
    const char *build = getenv("BUILD");
    char path[512], delay[16];
    int ends[2];
    snprintf(path, sizeof path, "%s/mock_llm", build ? build : "build");
    snprintf(delay, sizeof delay, "%d", DELAY_MS);
    if (access(path, X_OK) != 0) return false;
    assert_int_equal(pipe(ends), 0);
    model = fork();
    if (model == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(path, path, "--port", "0", "--delay", delay, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    const ssize_t size = read(ends[0], provider.url, sizeof provider.url - 1);
    close(ends[0]);
    assert_true(size > 0);
    provider.url[strcspn(provider.url, "\n")] = '\0';
    provider.host = ASM_STR("the model");
    provider.is_loopback = true;
    return true;
}

static void run_tool(void *user, const asm_llm_call *call) {
    (void)user;
    tools_run++;
    asm_llm_call_complete(call, ASM_STR("noon"));
}

static void take_event(void *user, const asm_message *message) {
    (void)user;
    answered += message->event->type == ASM_EVENT_RUN_COMPLETED;
    failed += message->event->type == ASM_EVENT_RUN_FAILED;
}

static void begin(void) {
    static const asm_llm_tool tool = {.name = "now", .run = run_tool};
    asm_llm_options options;
    memset(&options, 0, sizeof options);
    transport_init(&transport, &provider);
    options.api = ASM_LLM_OPENAI;
    options.model = ASM_STR("m");
    options.transport = transport_table(&transport);
    options.tools = &tool;
    options.tool_count = 1;
    assert_int_equal(asm_llm_init(&llm, &options), ASM_OK);
    asm_pubsub_init(&bus, NULL);
    asm_agent_server_init(&server, NULL);
}

static void start_conversation(unsigned number) {
    char id[32];
    asm_agent_options agent;
    asm_turn turn;
    snprintf(id, sizeof id, "conversation-%u", number);
    memset(&agent, 0, sizeof agent);
    memset(&turn, 0, sizeof turn);
    agent.id = asm_str_from(id);
    agent.pubsub = &bus;
    agent.config.driver = asm_llm_driver(&llm);
    turn.role = ASM_STR("user");
    turn.content = ASM_STR("call now {}");
    assert_int_equal(asm_agent_start(&server, &agent), ASM_OK);
    assert_int_equal(asm_agent_subscribe(&server, agent.id, take_event, NULL, NULL), ASM_OK);
    assert_int_equal(asm_agent_add_turn(&server, agent.id, &turn), ASM_OK);
    assert_int_equal(asm_agent_execute(&server, agent.id), ASM_OK);
}

/* One turn of the loop, which waits at most so long. */
static void turn_once(int milliseconds) {
    transport_move(&transport);
    const int timeout = asm_agent_server_timeout(&server);
    transport_wait(&transport, NULL, 0, timeout >= 0 && timeout < milliseconds ? timeout : milliseconds);
    assert_int_equal(asm_agent_server_poll(&server, clock_of(CLOCK_REALTIME), now_us()), ASM_OK);
}

/* All wait for their answers: how much of the processor that takes, in microseconds. */
static int64_t rest(void) {
    const int64_t latest = now_us() + 500000;
    int64_t before_turn, worked;
    do { /* the requests go out, until nothing happens for a while */
        before_turn = now_us();
        worked = processor_us();
        turn_once(100);
        worked = processor_us() - worked;
    } while ((now_us() - before_turn < 100000 || worked > 2000) && now_us() < latest);
    const int64_t begun = now_us(), before = processor_us();
    unsigned turns = 0;
    for (; now_us() - begun < REST_MS * 1000; turns++)
        turn_once((int)(REST_MS - (now_us() - begun) / 1000) + 1);
    const int64_t used = processor_us() - before;
    for (int i = 0; i < TURNS; i++)
        turn_once(0);
    print_message("turns of the loop in half a second of waiting: %u; another one takes %d us\n", turns,
                  (int)((processor_us() - before - used) / TURNS));
    return used;
}

static void test_many(void **state) {
    (void)state;
    if (!start_model()) {
        print_message("skipped: build/mock_llm is not there\n");
        skip();
        return;
    }
    begin();
    const int64_t begun = now_us(), processor = processor_us();
    const long memory = memory_kb();
    unsigned count = 0;
    for (; count < FEW; count++)
        start_conversation(count);
    turn_once(0);
    /* A checker that makes the program slow: fewer are as good. */
    const unsigned most = now_us() - begun < 50000 ? MANY : FEW;
    for (; count < most; count++)
        start_conversation(count);
    while (llm.requests < most)
        turn_once(0);
    const int64_t started = now_us() - begun;
    const bool all_wait = started < (DELAY_MS - REST_MS - 500) * 1000;
    const int64_t resting = all_wait ? rest() : 0;
    const long used = memory_kb() - memory;
    assert_int_equal(answered, 0);
    while (server.running > 0 && now_us() - begun < (int64_t)PATIENCE_MS * 1000)
        turn_once(1000);
    const int64_t total = processor_us() - processor;
    print_message(
        "%u conversations: started in %d ms; memory of each while it waits %ld KB; processor time of "
        "each %d us; of half a second in which all wait %d us\n",
        count, (int)(started / 1000), used / (long)count, (int)(total / count), (int)resting);
    assert_int_equal(answered, count);
    assert_int_equal(failed, 0);
    assert_int_equal(tools_run, count);
    assert_true(used / (long)count < 256);
    assert_true(resting < 100000);
    asm_agent_server_close(&server);
    asm_llm_close(&llm);
    asm_pubsub_close(&bus);
    transport_close(&transport);
}

static int stop_model(void **state) {
    (void)state;
    if (model > 0) {
        kill(model, SIGKILL);
        waitpid(model, NULL, 0);
    }
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_many, stop_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
