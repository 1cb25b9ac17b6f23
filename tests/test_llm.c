/* The driver of asm_llm.h against a model that is not there. */
#include "llm_support.h"

static void test_answer(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all_apis); i++)
        for (size_t streamed = 0; streamed < 2; streamed++) {
            asm_llm_options options = plain_options(all_apis[i]);
            options.is_not_streamed = streamed == 0;
            begin(&options,
                  "{\"text\":\"Hello there, it is noon.\",\"input_tokens\":12,\"output_tokens\":7}\n");
            start_agent();
            ask("Hello?");
            expect_status(ASM_AGENT_IDLE);
            expect_last_words("Hello there, it is noon.");
            assert_string_equal(on_screen, "Hello there, it is noon.");
            expect_in_log("\"token_usage\":{\"input_tokens\":12,\"output_tokens\":7}");
            expect_in_log("run_completed {\"stop_reason\":\"end_turn\"");
            ask("And now?");
            expect_last_words("You said: And now?");
            assert_int_equal(mock.refused, 0);
            end();
        }
}

static void echo_tool(void *user, const asm_llm_call *call) {
    (void)user;
    asm_llm_call_complete(call, call->arguments);
}

static const asm_llm_tool echo_tools[] = {{.name = "echo", .description = "Repeats.", .run = echo_tool}};

static void test_tool(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(all_apis); i++) {
        asm_llm_options options = plain_options(all_apis[i]);
        options.tools = echo_tools;
        options.tool_count = 1;
        begin(&options, NULL);
        start_agent();
        ask("call echo {\"a\":1}");
        expect_status(ASM_AGENT_IDLE);
        expect_last_words("You said: result: {\"a\":1}");
        assert_int_equal(mock.refused, 0);
        assert_int_equal(count_in(log_text, "tool_call_started"), 1);
        assert_int_equal(count_in(log_text, "tool_call_completed"), 1);
        end();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_tool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
