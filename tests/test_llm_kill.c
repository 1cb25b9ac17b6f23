/* A program with an agent is killed at random moments, tools and approvals under way: when it starts again, what it asks the
 * model is valid, and the conversation goes on. LLM_KILLS=200 kills more often. */
#include "llm_support.h"

#include "../examples/file_store.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* What the program tells the one that kills it. */
typedef struct shared {
    volatile unsigned requests, refused, failed, turns, calls;
    char complaint[400];
} shared;

static shared *told;
static file_store files;
static uint64_t chance = 1;
static asm_llm_call open_call;

static size_t random_below(size_t limit) {
    return (size_t)(next_random(&chance) % limit);
}

static void echo_tool(void *user, const asm_llm_call *call) {
    (void)user;
    told->calls++;
    asm_llm_call_complete(call, call->arguments);
}

static void slow_tool(void *user, const asm_llm_call *call) {
    (void)user;
    open_call = *call;
}

static const asm_llm_tool tools[] = {{.name = "echo", .run = echo_tool},
                                     {.name = "slow", .run = slow_tool, .is_parallel = true},
                                     {.name = "ask", .run = echo_tool, .needs_approval_always = true}};

static bool check_model(void) {
    told->requests += mock.requests;
    mock.requests = 0;
    if (!mock.refused) return true;
    memcpy(told->complaint, mock.complaint, sizeof mock.complaint);
    told->refused = 1;
    return false;
}

/* Decides on some of what is asked. */
static void decide_some(void) {
    const asm_agent_info made = info();
    asm_decision decision;
    asm_resume resume;
    memset(&decision, 0, sizeof decision);
    memset(&resume, 0, sizeof resume);
    for (size_t i = 0; i < made.request_count; i++) {
        if (made.decisions[i].kind != ASM_DECISION_NONE) continue;
        decision.kind = random_below(2) ? ASM_DECISION_APPROVE : ASM_DECISION_REJECT;
        decision.tool_call_id = made.requests[i].tool_call_id;
        break;
    }
    resume.interrupt = made.interrupt;
    resume.decisions = &decision;
    resume.decision_count = 1;
    if (asm_agent_resume(&server, AGENT, &resume) != ASM_OK) told->failed = 2;
}

static bool say_something(void) {
    static const char *const texts[] = {"call echo {\"a\":1}", "call slow {}", "call ask {\"b\":2}", "Hello",
                                        "call nothing {}"};
    asm_turn turn;
    memset(&turn, 0, sizeof turn);
    turn.role = ASM_STR("user");
    turn.content = asm_str_from(texts[random_below(COUNT(texts))]);
    told->turns++;
    return asm_agent_add_turn(&server, AGENT, &turn) == ASM_OK;
}

static void step(void) {
    const asm_agent_status status = info().status;
    if (status == ASM_AGENT_INTERRUPTED) {
        if (random_below(4) == 0 && !say_something()) told->failed = 3;
        decide_some();
    } else if (status != ASM_AGENT_RUNNING) {
        if (!say_something() || asm_agent_execute(&server, AGENT) != ASM_OK) told->failed = 4;
    } else if (random_below(30) == 0) {
        (void)asm_agent_cancel(&server, AGENT);
    } else if (random_below(20) == 0) {
        (void)asm_llm_call_complete(&open_call, ASM_STR("slow"));
    }
    hand_over();
    now += 1000;
    if (asm_agent_server_poll(&server, now, now) != ASM_OK) told->failed = 5;
    if (transfer_count > MAX_TRANSFERS / 2) {
        for (size_t i = 0; i + 1 < transfer_count; i++)
            mock_answer_close(&transfers[i].answer);
        transfers[0] = transfers[transfer_count - 1];
        transfer_count = 1;
    }
}

/* The program: never ends. */
static void converse(const char *directory, asm_llm_api api) {
    asm_llm_options options = plain_options(api);
    asm_agent_options agent;
    asm_state_store store = file_store_init(&files, directory);
    options.tools = tools;
    options.tool_count = COUNT(tools);
    options.limits.steps = 1000;
    memset(&agent, 0, sizeof agent);
    agent.id = AGENT;
    agent.state_store = &store;
    now = T0;
    piece_size = 40;
    mock_init(&mock, NULL);
    asm_agent_server_init(&server, NULL);
    if (asm_llm_init(&llm, &options) != ASM_OK) told->failed = 1;
    agent.config.driver = asm_llm_driver(&llm);
    if (asm_agent_start(&server, &agent) != ASM_OK) told->failed = 6;
    while (!told->failed && check_model())
        step();
}

static void test_kill(void **state) {
    const char *wanted = getenv("LLM_KILLS");
    const int kills = wanted ? atoi(wanted) : 40;
    char directory[64], command[128];
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/asm-test-llm-%ld", (long)getpid());
    const int fd = open(directory, O_RDWR | O_CREAT | O_EXCL, 0600); /* memory that two processes share */
    assert_true(fd >= 0 && ftruncate(fd, sizeof *told) == 0);
    told = (shared *)mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(remove(directory), 0);
    assert_true(told != MAP_FAILED);
    for (size_t api = 0; api < COUNT(all_apis); api++) {
        assert_int_equal(mkdir(directory, 0700), 0);
        for (int i = 0; i < kills / (int)COUNT(all_apis); i++) {
            int status;
            const struct timespec pause = {0, (long)random_below(15000000)}, moment = {0, 1000000};
            const unsigned wanted_requests = told->requests + 1 + (unsigned)random_below(6);
            const pid_t child = fork();
            assert_true(child >= 0);
            chance += 7;
            if (child == 0) {
                converse(directory, all_apis[api]);
                _exit(1);
            }
            /* however slow it is */
            for (int wait = 0; wait < 20000 && told->requests < wanted_requests; wait++)
                nanosleep(&moment, NULL);
            nanosleep(&pause, NULL);
            assert_int_equal(kill(child, SIGKILL), 0);
            assert_int_equal(waitpid(child, &status, 0), child);
            if (told->refused) print_error("refused: %s\n", told->complaint);
            assert_int_equal(told->refused, 0);
            assert_int_equal(told->failed, 0);
            assert_true(WIFSIGNALED(status));
        }
        snprintf(command, sizeof command, "rm -rf %s", directory);
        assert_int_equal(system(command), 0);
    }
    print_message("%d kills, %u turns, %u requests, %u calls\n", kills, told->turns, told->requests,
                  told->calls);
    assert_true(told->requests > (unsigned)kills);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
