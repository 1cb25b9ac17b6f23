/* asm_ingest.h with one format compiled in: the others are known by their marks, and said to be. */
#define ASM_INGEST_FORMATS (ASM_WITH_CODEX)
#define ASM_STATIC
#include "support.h"

#include "asm_ingest.h"

static uint64_t events;
static char said[128];

static void on_event(void *user, const asm_event *event) {
    (void)user;
    (void)event;
    events++;
}

static void on_diagnostic(void *user, const asm_diagnostic *diagnostic) {
    (void)user;
    snprintf(said, sizeof said, "%s", diagnostic->message);
}

static void take(const char *stream) {
    asm_ingest ingest;
    asm_ingest_options options;
    memset(&options, 0, sizeof options);
    options.on_event = on_event;
    options.on_diagnostic = on_diagnostic;
    events = 0;
    said[0] = 0;
    assert_int_equal(asm_ingest_init(&ingest, &options), ASM_OK);
    asm_ingest_feed(&ingest, stream, strlen(stream), 1);
    asm_ingest_end(&ingest, 1);
    asm_ingest_close(&ingest);
}

static void only_the_formats_in_the_list_are_read(void **state) {
    (void)state;
    take("{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n");
    assert_int_equal(events, 2);
    assert_string_equal(said, "");
    take("{\"type\":\"system\",\"subtype\":\"init\",\"claude_code_version\":\"2\",\"session_id\":\"s\"}\n");
    assert_int_equal(events, 0);
    assert_string_equal(said, "this is a Claude Code stream; it is not read");
    assert_true(asm_format_is_read(ASM_FORMAT_CODEX));
    assert_true(asm_format_is_read(ASM_FORMAT_AUTO));
    assert_false(asm_format_is_read(ASM_FORMAT_CLAUDE));
    assert_false(asm_format_is_read(ASM_FORMAT_ASM));
    assert_false(asm_format_is_read(ASM_FORMAT_COUNT));
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(only_the_formats_in_the_list_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
