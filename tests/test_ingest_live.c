/* Tests of asm_ingest.h: what programs print while they run, one made-up session for each. */
#include "ingest_trace.h"

static sample samples[] = {
    {ASM_FORMAT_GEMINI, "gemini.jsonl",
     "run(gemini-x) sent(go) say(I ) say(look.) got(I look.) start(a run_shell_command {\"comman"
     "d\":\"false\"}) start(b read_file {\"path\":\"x\"}) fail(b failed no x ! no x) fail(a fail"
     "ed Command exited with code: 1) error_occurred say(Done.) got(Done.) end( {\"input_tokens"
     "\":100,\"output_tokens\":30,\"cache_read_tokens\":60,\"reasoning_tokens\":10}) "},
    {ASM_FORMAT_CURSOR, "cursor.jsonl",
     "run(Auto) sent(go) think(hm) say(I ) say(look.) got(I look.) start(k\n1 shell {\"command\""
     ":\"false\"}) fail(k\n1 failed out) start(k2 write {\"path\":\"a\"}) fail(k2 declined  ! no"
     "t now) say(Done.) got(Done.) end(end_turn {\"input_tokens\":111,\"output_tokens\":5,\"cach"
     "e_read_tokens\":100,\"cache_creation_tokens\":1}) "},
    {ASM_FORMAT_OPENCODE, "opencode.jsonl",
     "run() say(I look.) got(I look.) start(k1 bash {\"command\":\"false\"}) fail(k1 failed no) "
     "start(k2 invalid {\"tool\":\"nope\"}) fail(k2 failed unknown tool) say(Done.) got(Done.) e"
     "nd(end_turn {\"input_tokens\":262,\"output_tokens\":18,\"cache_read_tokens\":111,\"cache_c"
     "reation_tokens\":1,\"reasoning_tokens\":0,\"cost_usd\":0.3}) "},
    {ASM_FORMAT_AMP, "amp.jsonl",
     "run() sent(go) say(I look.) start(k1 Bash {\"cmd\":\"ls\"}) got(I look.) done(k1  a.c) err"
     "or_occurred failed(error_during_execution no credit) "},
    {ASM_FORMAT_GOOSE, "goose.jsonl",
     "run() say(I ) say(look.) got(I look.) start(q1 developer__shell {\"command\":\"ls\"}) fail"
     "(q1 failed denied) say(Done.) got(Done.) end( {\"input_tokens\":20,\"output_tokens\":10}) "},
    {ASM_FORMAT_PI, "pi.jsonl",
     "run() sent(go) think(hm) say(I look.) got(I look.) call(k1 bash {\"command\":\"ls\"}) "
     "start(k1 bash {\"command\":\"ls\"}) output(k1 a) "
     "fail(k1 failed a\nc) say(Done.) got(Done.) end(end_turn "
     "{\"input_tokens\":112,\"output_tokens\":7,\"cache_read_tokens\":100,\"cache_creation_tokens\":1,\"cost_"
     "usd\":0.75}) "},
    {ASM_FORMAT_COPILOT, "copilot.jsonl",
     "run(gpt) sent(go) say(I look.) got(I look.) call(k1 bash {\"command\":\"ls\"}) "
     "tool_approval_requested(r1 k1 ) tool_approval_"
     "granted(r1 k1 approve) start(k1 bash {\"command\":\"ls\"}) fail(k1 failed  ! no shell) say"
     "(Done.) got(Done.) end( {\"output_tokens\":7}) "},
    {ASM_FORMAT_KIMI, "kimi.jsonl",
     "run() say(I look.) got(I look.) start(k1 Shell {\"command\":\"ls\"}) done(k1 unknown a.c) "
     "think(hm) say(Done.) got(Done.) end( ) "},
    {ASM_FORMAT_DROID, "droid.jsonl",
     "run(m) sent(go) say(I look.) got(I look.) start(k1 Shell {\"command\":\"ls\"}) fail(k1 fai"
     "led a.c) say(Done.) got(Done.) end(end_turn ) "},
    {ASM_FORMAT_ANTIGRAVITY, "antigravity.jsonl",
     "run(m) say(I ) say(look.) got(I look.) start(2 run_command {\"c\":\"ls\"}) fail(2 failed  "
     "! 1) end(end_turn {\"input_tokens\":10,\"output_tokens\":5,\"cache_read_tokens\":3,\"reaso"
     "ning_tokens\":2}) "},
    {ASM_FORMAT_GROK, "grok.jsonl",
     "run() think(hm) say(I ) say(look.) got(I look.) end(end_turn {\"input_tokens\":10,\"output"
     "_tokens\":5}) "},
    {ASM_FORMAT_ACP, "acp.jsonl",
     "run() sent(go) think(hm) say(I ) say(look.) got(I look.) start(k1 execute {\"command\":\"l"
     "s\"}) tool_approval_requested(7 k1 ) tool_approval_denied(7 k1 reject) fail(k1 declined ) "
     "start(k2 Read {\"path\":\"a.c\"}) done(k2 completed int a;) todos_updated end(end_turn ) "},
};

/* By their marks and by name, whole, byte by byte, in pieces, with CR LF. */
static void test_streams(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(samples); i++) {
        const char *stream = samples[i].stream;
        const asm_str expected = asm_str_from(samples[i].expected);
        trace(&out, stream, strlen(stream), 0, ASM_FORMAT_AUTO);
        if (getenv("SHOW_TRACES"))
            printf("%s\t%.*s\n", asm_format_name(samples[i].format), VIEW(asm_buffer_text(&out)));
        expect_text(asm_buffer_text(&out), expected);
        for (size_t step = 1; step < 60; step += 7) {
            trace(&out, stream, strlen(stream), step, samples[i].format);
            expect_text(asm_buffer_text(&out), expected);
        }
    }
    asm_buffer_close(&out);
    end_of_cases();
}

/* Cut after any line, a run has one end, and no text is lost that was said. */
static void test_cuts(void **state) {
    asm_buffer out;
    (void)state;
    asm_buffer_init_growing(&out);
    for (size_t i = 0; i < COUNT(samples); i++)
        for (const char *cut = strchr(samples[i].stream, '\n'); cut; cut = strchr(cut + 1, '\n')) {
            size_t runs = 0, ends = 0;
            trace(&out, samples[i].stream, (size_t)(cut - samples[i].stream), 0, samples[i].format);
            asm_buffer_append_byte(&out, 0);
            for (const char *at = out.data; (at = strstr(at, "run(")) != NULL; at++)
                runs++;
            for (const char *at = out.data; *at; at++)
                ends +=
                    (at == out.data || at[-1] == ' ') &&
                    (!strncmp(at, "end(", 4) || !strncmp(at, "failed(", 7) || !strncmp(at, "cancelled(", 10));
            expect(runs == ends, "%s: %s", asm_format_name(samples[i].format), out.data);
        }
    asm_buffer_close(&out);
    end_of_cases();
}

static void test_failing_allocations(void **state) {
    (void)state;
    fail_each_allocation(samples, COUNT(samples), 0, 50);
    end_of_cases();
}

int main(void) {
    load_samples(samples, COUNT(samples));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
