/* Another thread wakes agents, talks to them and decides for them: through a mailbox, which wakes the server's thread. */
#include "support.h"

#include "asm_agent.h"

#include <pthread.h>
#include <sched.h>

enum { ROUNDS = 2000, SLOTS = 64 };

static asm_mailbox mailbox;
static asm_agent_server server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static bool is_rung;          /* under the lock, as all below */
static asm_execution waiting; /* which the other thread is to wake */
static uint64_t interrupt;    /* which it is to decide on; 0: none */
static bool is_over;

/* asm_mailbox_options.wake: what poll(2) on an eventfd would be. */
static void ring(void *user) {
    (void)user;
    pthread_mutex_lock(&lock);
    is_rung = true;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&lock);
}

static void sleep_until_rung(void) {
    pthread_mutex_lock(&lock);
    while (!is_rung)
        pthread_cond_wait(&condition, &lock);
    is_rung = false;
    pthread_mutex_unlock(&lock);
}

static void hand_over(asm_execution execution, uint64_t number) {
    pthread_mutex_lock(&lock);
    waiting = execution;
    interrupt = number;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&lock);
}

static void post(const asm_command *command) {
    while (asm_agent_post(&mailbox, command) == ASM_ERR_NO_SPACE)
        sched_yield(); /* the box is full: the server is slower */
}

static void *the_other_thread(void *user) {
    (void)user;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!waiting.number && !interrupt && !is_over)
            pthread_cond_wait(&condition, &lock);
        const asm_execution execution = waiting;
        const uint64_t number = interrupt;
        const bool ends = is_over;
        memset(&waiting, 0, sizeof waiting);
        interrupt = 0;
        pthread_mutex_unlock(&lock);
        if (ends) return NULL;
        char json[64];
        snprintf(json, sizeof json, "{\"interrupt\":%lu,\"answer\":1}", (unsigned long)number);
        const asm_command wake = {.kind = ASM_COMMAND_WAKE, .execution = execution};
        const asm_command say = {.kind = ASM_COMMAND_SAY, .agent_id = ASM_STR("a"), .data = ASM_STR("Hi")};
        const asm_command decide = {
            .kind = ASM_COMMAND_RESUME, .agent_id = ASM_STR("a"), .data = asm_str_from(json)};
        post(&say);
        post(number ? &decide : &wake);
    }
}

/* Waits to be woken, then asks. */
static asm_outcome wait_then_ask(void *user, asm_execution execution) {
    (void)user;
    if (execution.slice == 0) {
        hand_over(execution, 0);
        return ASM_OUTCOME_WAIT;
    }
    return asm_ask(execution, ASM_STR("\"Go on?\""));
}

static asm_outcome answered(void *user, asm_execution execution, const asm_resume *resume) {
    (void)user, (void)execution;
    expect_text(resume->answer, ASM_STR("1"));
    return ASM_OUTCOME_COMPLETED;
}

static void test_another_thread_wakes_and_decides(void **state) {
    (void)state;
    static uint64_t memory[16384];
    const asm_mailbox_options box = {
        .memory = memory, .size = sizeof memory, .capacity = SLOTS, .wake = ring};
    const asm_agent_options options = {.id = ASM_STR("a"),
                                       .config.driver = {wait_then_ask, answered, NULL, NULL}};
    pthread_t thread;
    int64_t now = 1;
    assert_int_equal(asm_mailbox_init(&mailbox, &box), ASM_OK);
    asm_agent_server_init(&server, NULL);
    assert_int_equal(asm_agent_start(&server, &options), ASM_OK);
    assert_int_equal(pthread_create(&thread, NULL, the_other_thread, NULL), 0);
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(asm_agent_execute(&server, options.id), ASM_OK);
        uint64_t asked = 0;
        while (asm_agent_get_status(&server, options.id) != ASM_AGENT_IDLE) {
            asm_agent_info info;
            assert_int_equal(asm_agent_server_poll(&server, 0, now++), ASM_OK);
            assert_int_equal(asm_agent_get_info(&server, options.id, &info), ASM_OK);
            if (info.interrupt && info.interrupt != asked)
                hand_over((asm_execution){.number = 0}, asked = info.interrupt);
            if (info.status == ASM_AGENT_IDLE || server.pending) continue;
            assert_int_equal(asm_agent_server_timeout(&server), -1); /* nothing to do until somebody calls */
            sleep_until_rung();
            (void)asm_agent_server_receive(&server, &mailbox);
        }
    }
    pthread_mutex_lock(&lock);
    is_over = true;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    asm_agent_info info;
    assert_int_equal(asm_agent_get_info(&server, options.id, &info), ASM_OK);
    assert_int_equal(info.state.turn_count + info.state.held_count, 2 * ROUNDS);
    assert_int_equal(server.failures, 0);
    assert_int_equal(asm_agent_server_close(&server), ASM_OK);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_another_thread_wakes_and_decides)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
