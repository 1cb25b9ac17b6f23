/* The outputs of the programs: an event that cannot be written is told, and the next are written. */
#include "support.h"

#undef TEXT
#include "tools/common/clock.c"
#include "tools/common/messages.c"
#include "tools/common/outputs.c"
#include "tools/common/remote.c"
#include "tools/common/signals.c"

enum { EVENTS = REFUSALS_TOLD + 2 };

/* Reads all of a file that was written through another descriptor. */
static void read_file(const char *path, asm_buffer *out) {
    char piece[4096];
    size_t got;
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        asm_buffer_append(out, asm_str_make(piece, got));
    fclose(file);
}

/* Gives events of which all but the first and the last have a time that no calendar has. */
static void give_events(struct outputs *outputs) {
    asm_pipeline pipeline;
    const asm_pipeline_options options = {.sinks = outputs->sinks, .sink_count = outputs->count};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    for (int i = 0; i <= EVENTS + 1; i++) {
        asm_event event = {
            .type = ASM_EVENT_CUSTOM, .type_name = ASM_STR_INIT("a\x1B[1m"), .sequence_number = i + 1};
        if (i > 0 && i <= EVENTS) event.time = INT64_MAX;
        outputs_event(outputs, &pipeline, &event);
        assert_int_equal(outputs->has_failed, i > 0);
    }
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_RANGE);
    outputs_check(outputs);
    outputs_free(outputs);
}

static void test_events_that_cannot_be_written(void **state) {
    (void)state;
    char folder[] = "/tmp/test_outputs.XXXXXX", written[64], said[64];
    struct output_settings settings = {.count = 0};
    struct outputs outputs;
    asm_buffer text;
    asm_buffer_init_growing(&text);
    assert_non_null(mkdtemp(folder));
    snprintf(written, sizeof written, "%s/written", folder);
    snprintf(said, sizeof said, "%s/said", folder);
    add_output(&settings, OUTPUT_JSONL, written);
    messages_init("test");
    fflush(stderr);
    const int before = dup(STDERR_FILENO);
    assert_non_null(freopen(said, "w", stderr));
    outputs_open(&outputs, &settings);
    give_events(&outputs);
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
    read_file(written, &text);
    expect(asm_str_equal(asm_buffer_text(&text),
                         ASM_STR("{\"type\":\"a\\u001b[1m\",\"data\":{},\"sequence_number\":1}\n"
                                 "{\"type\":\"a\\u001b[1m\",\"data\":{},\"sequence_number\":14}\n")),
           "%s", shown(asm_buffer_text(&text)));
    asm_buffer_clear(&text);
    read_file(said, &text);
    asm_buffer_append_byte(&text, 0);
    expect(strstr(text.data, "written: event 2 of its session, a") != NULL, "%s", text.data);
    expect(strstr(text.data, ", cannot be written as it is: a number or a time is out of range\n") != NULL,
           "%s", text.data);
    expect(strstr(text.data, "event 11 of") && !strstr(text.data, "event 12 of"), "%s", text.data);
    expect(strstr(text.data, "written: 2 more events could not be written as they are\n") != NULL, "%s",
           text.data);
    expect(!strchr(text.data, 0x1B), "%s", text.data);
    asm_buffer_close(&text);
    remove(written);
    remove(said);
    remove(folder);
    assert_int_equal(allocations_alive, 0);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_events_that_cannot_be_written)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
