/* Renderers, sinks and the pipeline. Run from the top of the project: the golden files are in tests/golden.
 */
#include "support.h"

#include "asm_render.h"
#include "outputs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern int posix_openpt(int flags); /* hidden when only POSIX is asked for */

/* ============================================================================================
 * What the tests share
 */

static asm_event read_event(const char *line, asm_buffer *scratch) {
    asm_event event;
    asm_json_error error;
    if (asm_event_read_json(&event, asm_str_from(line), scratch, &error) != ASM_OK)
        fail_msg("%s at %zu: %s", error.message, error.offset, line);
    return event;
}

static asm_result keep_text(void *self, asm_str text) {
    return memory_write(self, text.data, text.size);
}
static asm_result keep_event_text(void *self, const asm_event *event, asm_str text) {
    (void)event;
    return keep_text(self, text);
}

/* Renders JSON lines, one or several; the caller frees the result. */
static char *render(asm_renderer renderer, const char *const *lines, size_t count, size_t buffer_size) {
    memory_output output;
    asm_sink sink = {.self = &output, .name = "text", .write = keep_text, .write_event = keep_event_text};
    char *memory = buffer_size ? malloc(buffer_size) : NULL;
    asm_pipeline pipeline;
    asm_buffer scratch;
    memory_output_init(&output);
    asm_buffer_init_growing(&scratch);
    assert_int_equal(asm_pipeline_init(&pipeline, &(asm_pipeline_options){.renderer = renderer,
                                                                          .sinks = &sink,
                                                                          .sink_count = 1,
                                                                          .buffer = memory,
                                                                          .buffer_size = buffer_size}),
                     ASM_OK);
    for (size_t i = 0; i < count; i++) {
        asm_buffer_clear(&scratch);
        asm_event event = read_event(lines[i], &scratch);
        assert_int_equal(asm_pipeline_event(&pipeline, &event), ASM_OK);
    }
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    asm_buffer_append_byte(&output.bytes, 0);
    char *text = malloc(output.bytes.size);
    memcpy(text, output.bytes.data, output.bytes.size);
    asm_buffer_close(&output.bytes);
    asm_buffer_close(&scratch);
    free(memory);
    return text;
}

static void expect_rendering(asm_renderer renderer, const char *const *lines, size_t count,
                             const char *expected) {
    char *text = render(renderer, lines, count, 0);
    expect_text(asm_str_from(text), asm_str_from(expected));
    free(text);
}

static const asm_render_options no_color = {.color = ASM_SETTING_OFF, .tty = ASM_SETTING_OFF};

/* ============================================================================================
 * Golden files
 */

static size_t split_lines(char *text, const char **lines, size_t capacity) {
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line && count < capacity; line = strtok(NULL, "\n"))
        lines[count++] = line;
    return count;
}

/* The renderer that a golden file's name asks for: s11.studio-full.tty.txt */
static asm_renderer golden_renderer(const char *name) {
    static asm_compact compact;
    static asm_verbose verbose;
    static asm_studio studio;
    bool tty = strstr(name, ".tty.") != NULL;
    asm_render_options options = {
        .color = tty || strstr(name, ".color.") ? ASM_SETTING_ON : ASM_SETTING_OFF,
        .tty = tty ? ASM_SETTING_ON : ASM_SETTING_OFF,
        .tool_output = strstr(name, "full")      ? ASM_TOOL_OUTPUT_FULL
                       : strstr(name, "preview") ? ASM_TOOL_OUTPUT_PREVIEW
                                                 : ASM_TOOL_OUTPUT_SUMMARY,
    };
    if (strstr(name, ".compact.")) return asm_compact_init(&compact, &options);
    if (strstr(name, ".verbose.")) return asm_verbose_init(&verbose, &options);
    return asm_studio_init(&studio, &options);
}

static void check_golden_file(const char *name) {
    const char *lines[512];
    char path[512];
    size_t size;
    snprintf(path, sizeof path, "tests/golden/%.*s.events.jsonl", (int)strcspn(name, "."), name);
    char *events = read_file(path, &size);
    size_t count = split_lines(events, lines, COUNT(lines));
    snprintf(path, sizeof path, "tests/golden/%s", name);
    char *expected = read_file(path, &size);
    static const size_t buffers[] = {0, ASM_BUFFER_STREAM_MIN, 1000};
    for (size_t i = 0; i < COUNT(buffers); i++) {
        char *text = render(golden_renderer(name), lines, count, buffers[i]);
        expect(strlen(text) == size && memcmp(text, expected, size) == 0, "%s with a buffer of %zu", name,
               buffers[i]);
        free(text);
    }
    free(expected);
    free(events);
}

static void test_golden_files(void **state) {
    (void)state;
    DIR *directory = opendir("tests/golden");
    assert_non_null(directory);
    size_t files = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (!strstr(entry->d_name, ".txt")) continue;
        check_golden_file(entry->d_name);
        files++;
    }
    closedir(directory);
    expect(files == 122, "%zu golden files", files);
    end_of_cases();
}

/* ============================================================================================
 * Untrusted text
 */

static void expect_neutral(const char *text, size_t size, unsigned flags, const char *expected) {
    char memory[512];
    asm_buffer out;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    assert_int_equal(asm_text_append(&out, asm_str_make(text, size), flags), ASM_OK);
    expect_text(asm_buffer_text(&out), asm_str_from(expected));
}

static void test_neutralising(void **state) {
    (void)state;
#define NEUTRAL(text, flags, expected) expect_neutral(text, sizeof(text) - 1, flags, expected)
    NEUTRAL("", 0, "");
    NEUTRAL("plain text, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x80", 0,
            "plain text, \xC3\xA9\xE2\x82\xAC\xF0\x9F\x9A\x80");
    NEUTRAL("\t\n", 0, "\t\n");
    NEUTRAL("a\nb\r\n", ASM_TEXT_LINE,
            "a\xE2\x90\x8A"
            "b\xE2\x90\x8D\xE2\x90\x8A");
    NEUTRAL("a\r\nb\rc\r", 0,
            "a\nb\xE2\x90\x8D"
            "c\xE2\x90\x8D");
    NEUTRAL("\x1B[2J\x07", 0, "\xE2\x90\x9B[2J\xE2\x90\x87");
    NEUTRAL("\x1B[2J\x7F\0", ASM_TEXT_ASCII, "^[[2J^?^@");
    NEUTRAL("\0\x7F", 0, "\xE2\x90\x80\xE2\x90\xA1");
    NEUTRAL("\xC2\x9B"
            "31m",
            0, "<U+009B>31m");
    NEUTRAL("\xE2\x80\xAE\xE2\x81\xA6\xE2\x80\x8B\xEF\xBB\xBF\xD8\x9C", 0,
            "<U+202E><U+2066><U+200B><U+FEFF><U+061C>");
    NEUTRAL("\xF3\xA0\x81\x81\xE2\x80\xA8", 0, "<U+E0041><U+2028>");
    NEUTRAL("\xE2\x80\x8D\xE2\x80\x8C", 0, "\xE2\x80\x8D\xE2\x80\x8C"); /* joiners stay */
    NEUTRAL("a\xFFz\xE2\x82", 0, "a\xEF\xBF\xBDz\xEF\xBF\xBD");
    NEUTRAL("a\xFFz", ASM_TEXT_ASCII, "a?z");
    NEUTRAL("\xEF\xBF\xBD", ASM_TEXT_ASCII, "<U+FFFD>"); /* a real U+FFFD is no damage */
    NEUTRAL("\xC3\x9B"
            "2J \xE2\x82\xAC\xF0\x9F\x9A\x80",
            ASM_TEXT_ASCII, "<U+00DB>2J <U+20AC><U+1F680>");
    NEUTRAL("a\r\n", ASM_TEXT_ASCII, "a\n");
    NEUTRAL("a\xC2\xADz\xE3\x85\xA4\xEF\xBF\xB9\xEF\xB8\x8F", 0, "a<U+00AD>z<U+3164><U+FFF9><U+FE0F>");
    NEUTRAL("\xE2\x98\xBA\xEF\xB8\x8F 1\xEF\xB8\x8F\xE2\x83\xA3 1\xEF\xB8\x8F", 0,
            "\xE2\x98\xBA\xEF\xB8\x8F 1\xEF\xB8\x8F\xE2\x83\xA3 1<U+FE0F>"); /* emoji keep theirs */
#define MARK "\xCC\x81"
    NEUTRAL("e" MARK MARK MARK MARK MARK MARK MARK MARK "e", 0,
            "e" MARK MARK MARK MARK MARK MARK MARK MARK "e");
    NEUTRAL("e" MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK "e", 0,
            "e" MARK MARK MARK MARK MARK MARK MARK MARK "\xE2\x80\xA6"
            "e");
    NEUTRAL("\x1B[1m\xE2\x80\xAE\r", ASM_TEXT_RAW, "\x1B[1m\xE2\x80\xAE\r");
    NEUTRAL("\x1B\xFF", ASM_TEXT_RAW, "\x1B\xEF\xBF\xBD");
    end_of_cases();
}

static void test_every_code_point_is_neutralised(void **state) {
    (void)state;
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        char text[16] = "ab", memory[64];
        size_t size = 2;
        asm_buffer out;
        if (c >= 0xD800 && c <= 0xDFFF) continue;
        size += reference_encode(c, text + size);
        text[size++] = 'c';
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_text_append(&out, asm_str_make(text, size), 0);
        expect(is_neutral(asm_buffer_text(&out)), "U+%04X", c);
        expect(asm_str_equal(asm_buffer_text(&out), asm_str_make(text, size)) == may_be_shown(c), "U+%04X",
               c);
    }
    end_of_cases();
}

static void test_random_bytes_are_neutralised_in_any_pieces(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        static const unsigned char likely[] = {0x1B, '[',  0xC2, 0x9B, 0xE2, 0x80,
                                               0xAE, '\r', '\n', 0xF3, 0xA0, 'x'};
        char text[40], memory[400];
        size_t size = next_random(&seed) % sizeof text, cut;
        asm_buffer out;
        for (size_t i = 0; i < size; i++) {
            uint64_t random = next_random(&seed);
            text[i] = (char)(random & 1 ? likely[random / 2 % sizeof likely] : random / 2 % 256);
        }
        cut = size ? next_random(&seed) % size : 0;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_text_append(&out, asm_str_make(text, cut), 0);
        asm_text_append(&out, asm_str_make(text + cut, size - cut), 0);
        expect(is_neutral(asm_buffer_text(&out)), "%s", shown(asm_buffer_text(&out)));
    }
    end_of_cases();
}

static void test_cutting(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count;
        const char *expected;
    } cases[] = {
        {"abc", 3, "abc"},
        {"abcd", 3, "abc..."},
        {"", 0, ""},
        {"a", 0, "..."},
        {"\xC3\xA9\xC3\xA9\xC3\xA9", 2, "\xC3\xA9\xC3\xA9..."},
        {"abcdefghijklmnopqrstuvwxyz\xF0\x9F\x9A\x80\xF0\x9F\x9A\x80", 27,
         "abcdefghijklmnopqrstuvwxyz\xF0\x9F\x9A\x80..."},
    };
    static const struct {
        const char *text;
        size_t count;
        const char *expected;
    } json[] = {
        {"{ \"a b\" : [ 1 , 2 ] }", SIZE_MAX, "{\"a b\":[1,2]}"},
        {"{ \"a b\" : [ 1 , 2 ] }", 6, "{\"a b\"..."},
        {"{ \"a b\" : [ 1 , 2 ] }", 13, "{\"a b\":[1,2]}"},
        {"{ \"a b\" : [ 1 , 2 ] }", 12, "{\"a b\":[1,2]..."},
        {"\"q\\\" \\\\\" ", 9, "\"q\\\" \\\\\""},
        {"\"\xE2\x80\xAE\"", SIZE_MAX, "\"<U+202E>\""},
        {"\t{\r\n\"a\\\\\"\t:\r[\n\"\t \\\" \"\r,\t1\n]\r}\t", SIZE_MAX, "{\"a\\\\\":[\"\t \\\" \",1]}"},
        {"[1\t,\r2\n,3]", 4, "[1,2..."},
        {"", SIZE_MAX, ""},
    };
    char memory[256];
    asm_buffer out;
    for (size_t i = 0; i < COUNT(cases); i++) {
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_text_append_cut(&out, asm_str_from(cases[i].text), cases[i].count, 0);
        expect_text(asm_buffer_text(&out), asm_str_from(cases[i].expected));
    }
    for (size_t i = 0; i < COUNT(json); i++) {
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_text_append_json(&out, asm_str_from(json[i].text), json[i].count, 0);
        expect_text(asm_buffer_text(&out), asm_str_from(json[i].expected));
    }
    end_of_cases();
}

/* Every place for text in an event, filled with all that is dangerous. */
static void test_no_field_reaches_the_terminal_raw(void **state) {
    (void)state;
    static const char evil[] = "\\u001b]0;t\\u0007\\u009b2J\\u202e\\u2028\\r\\u0000\\u007f\xF3\xA0\x81\x81";
    static const char *const names[] = {
        "content",     "delta",       "role",          "message_id", "tool_name",  "tool_call_id",
        "tool_output", "status",      "error_message", "error_code", "model",      "cwd",
        "stop_reason", "policy_name", "reason",        "session_id", "middleware", "action"};
    asm_compact compact;
    asm_verbose verbose;
    asm_studio studio;
    asm_render_options full = {.color = ASM_SETTING_OFF,
                               .tty = ASM_SETTING_OFF,
                               .tool_output = ASM_TOOL_OUTPUT_FULL,
                               .show_thinking = true};
    for (int type = 0; type <= ASM_EVENT_TYPE_COUNT; type++) {
        char line[8192];
        asm_str name = asm_event_type_name((asm_event_type)type);
        int size = snprintf(line, sizeof line, "{\"type\":\"%.*s%s\",\"data\":{", (int)name.size, name.data,
                            type == 0 || type == ASM_EVENT_TYPE_COUNT ? evil : "");
        for (size_t i = 0; i < COUNT(names); i++)
            size += snprintf(line + size, sizeof line - (size_t)size, "\"%s\":\"%s\",", names[i], evil);
        snprintf(line + size, sizeof line - (size_t)size,
                 "\"tool_input\":{\"command\":\"%s\",\"file_path\":\"%s\",\"x\":\"\xE2\x80\xAE\"},\"z\":"
                 "\"\xE2\x80\xAE\"}}",
                 evil, evil);
        const char *lines[] = {line, line};
        asm_renderer renderers[] = {asm_compact_init(&compact, &full), asm_verbose_init(&verbose, &full),
                                    asm_studio_init(&studio, &full)};
        for (size_t i = 0; i < COUNT(renderers); i++) {
            char *text = render(renderers[i], lines, 2, 0);
            expect(is_neutral(asm_str_from(text)), "renderer %zu: %s", i, shown(asm_str_from(text)));
            free(text);
        }
    }
    end_of_cases();
}

static void test_raw_is_raw(void **state) {
    (void)state;
    asm_compact compact;
    const char *line = "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"\\u001b[1m\"}}";
    asm_render_options raw = {.color = ASM_SETTING_OFF, .raw = true};
    expect_rendering(asm_compact_init(&compact, &raw), &line, 1, ">> \x1B[1m\n\n1 events, 0 tools\n");
    end_of_cases();
}

/* ============================================================================================
 * Renderers, beyond the golden files
 */

static void test_tool_failures(void **state) {
    (void)state;
    const char *lines[] = {
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"1\"}}",
        "{\"type\":\"tool_call_failed\",\"data\":{\"tool_name\":\"Bash\",\"tool_call_id\":\"1\",\"error_"
        "message\":\"no\"}}"};
    asm_compact compact;
    asm_verbose verbose;
    asm_studio studio;
    expect_rendering(asm_compact_init(&compact, &no_color), lines, 2,
                     "t+Bash t!Bash tr:no\n2 events, 1 tools\n");
    expect_rendering(asm_verbose_init(&verbose, &no_color), lines, 2,
                     "[tool_call_started] name=Bash id=1\n[tool_call_failed] name=Bash error=no\n--- 2 "
                     "events, 1 tools ---\n");
    expect_rendering(asm_studio_init(&studio, &no_color), lines, 2,
                     "  \xE2\x97\x90 Running\n  \xE2\x9C\x97 Bash failed \xE2\x80\x94 no\n");
    end_of_cases();
}

/* What is left out has its default. */
static void test_defaults(void **state) {
    (void)state;
    asm_compact compact;
    asm_compact_init(&compact, NULL);
    expect(!compact.look.has_color && !compact.look.has_cursor && !compact.look.is_ascii, "nothing is known");
    assert_int_equal(compact.options.indent, 2);
    asm_compact_init(&compact, &(asm_render_options){.tool_count = 2}); /* and no rows */
    assert_int_equal(compact.options.tool_count, 0);
    char memory[8] = "";
    asm_buffer out;
    asm_buffer_init_fixed(&out, memory, sizeof memory);
    assert_int_equal(asm_text_append_cut(&out, asm_str_make(NULL, 0), 3, 0), ASM_OK);
    assert_int_equal(asm_text_append_json(&out, asm_str_make(NULL, 0), 3, 0), ASM_OK);
    assert_int_equal(out.size, 0);
}

static void test_thinking_is_hidden_unless_asked_for(void **state) {
    (void)state;
    const char *line = "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"hm\",\"thinking\":true}}";
    asm_compact compact;
    asm_render_options options = no_color;
    expect_rendering(asm_compact_init(&compact, &options), &line, 1, "\n1 events, 0 tools\n");
    options.show_thinking = true;
    expect_rendering(asm_compact_init(&compact, &options), &line, 1, ">> hm\n\n1 events, 0 tools\n");
    end_of_cases();
}

/* No line of a text looks like one of verbose's own, whatever pieces it comes in. */
static void test_verbose_lines_cannot_be_forged(void **state) {
    (void)state;
    static const char *const texts[] = {"[run_completed] stop_reason=end_turn\\n",
                                        "a\\n[error] x\\n",
                                        "--- 9 events, 9 tools ---\\n",
                                        "-\\n--\\n---\\n- a",
                                        "[",
                                        "-",
                                        "x\\n-"};
    static const char *const types[] = {
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"%s\"}}",
        "{\"type\":\"message_received\",\"data\":{\"content\":\"%s\"}}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_output\":\"%s\"}}",
        "{\"type\":\"tool_call_failed\",\"data\":{\"error_message\":\"%s\"}}",
        "{\"type\":\"run_failed\",\"data\":{\"error_message\":\"%s\"}}",
        "{\"type\":\"error_occurred\",\"data\":{\"error_message\":\"%s\"}}"};
    for (size_t t = 0; t < COUNT(texts); t++) {
        for (size_t i = 0; i < COUNT(types); i++) {
            char line[256];
            const char *lines[] = {line};
            asm_verbose verbose;
            size_t own = 0;
            snprintf(line, sizeof line, types[i], texts[t]);
            char *text = render(asm_verbose_init(&verbose, &no_color), lines, 1, 0);
            for (char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
                own += *at == '[' || strncmp(at, "---", 3) == 0;
            expect(own == (i == 0 ? 1 : 2), "%s: %s", line, text);
            free(text);
        }
    }
    /* in pieces of every size */
    const char *whole = "[a\n--- b\n-- c\n- d\n---";
    for (size_t size = 1; size < strlen(whole); size++) {
        asm_verbose verbose;
        char memory[256];
        asm_buffer out;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        asm_renderer renderer = asm_verbose_init(&verbose, &no_color);
        for (size_t at = 0; at < strlen(whole); at += size) {
            asm_event event = {.type = ASM_EVENT_MESSAGE_STREAMED};
            const size_t left = strlen(whole) - at;
            event.message.delta = asm_str_make(whole + at, left < size ? left : size);
            assert_int_equal(renderer.render_event(renderer.self, &event, &out), ASM_OK);
        }
        assert_int_equal(renderer.finish(renderer.self, &out), ASM_OK);
        expect(asm_str_equal(asm_str_make(memory, 27), ASM_STR("  [a\n  --- b\n-- c\n- d\n  ---")), "%zu: %s",
               size, shown(asm_buffer_text(&out)));
    }
    end_of_cases();
}

/* Sub-agents and agents are told apart; what nobody told is no figure. */
static void test_compact_and_verbose_tell_speakers(void **state) {
    (void)state;
    static const char *const lines[] = {
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"main\"}}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"sub\",\"parent_tool_call_id\":\"t1\"}}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\" again\",\"parent_tool_call_id\":\"t1\"}}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"main\"}}",
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"t2\",\"parent_"
        "tool_call_id\":"
        "\"t1\"},\"agent_id\":\"a\"}",
        "{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Read\",\"parent_tool_call_id\":\"t1\"}}",
        "{\"type\":\"token_usage_updated\",\"data\":{\"output_tokens\":7}}",
        "{\"type\":\"tool_output_streamed\",\"data\":{\"delta\":\"x\"}}"};
    asm_compact compact;
    asm_verbose verbose;
    expect_rendering(asm_compact_init(&compact, &no_color), lines, COUNT(lines),
                     ">> main\n>>@t1 sub again\n>> main\nt+Read@t1@a t-Read@t1 tk:?/7\n8 events, 1 tools\n");
    expect_rendering(
        asm_verbose_init(&verbose, &no_color), lines, COUNT(lines),
        "main\n[message_streamed] parent_tool_call_id=t1\nsub again\n[message_streamed]\nmain\n"
        "[tool_call_started] name=Read id=t2 parent_tool_call_id=t1 agent_id=a\n"
        "[tool_call_completed] name=Read parent_tool_call_id=t1\n[token_usage] input=? output=7\n"
        "--- 8 events, 1 tools ---\n");
    end_of_cases();
}

static void test_verbose_other_events(void **state) {
    (void)state;
    char line[2048] = "{\"type\":\"thing\",\"data\":{\"a\": [1, 2],\"t\":\"";
    const char *lines[] = {"{\"type\":\"step_started\",\"data\":{\"step_number\":1,\"zz\":\" \"}}", line};
    memset(line + strlen(line), 'x', 1000);
    strcat(line, "\"}}");
    char expected[512] = "[event] type=step_started data={\"step_number\":1,\"zz\":\" \"}\n"
                         "[event] type=thing data={\"a\":[1,2],\"t\":\"";
    memset(expected + strlen(expected), 'x', 120 - strlen("{\"a\":[1,2],\"t\":\""));
    strcat(expected, "...\n--- 2 events, 0 tools ---\n");
    asm_verbose verbose;
    expect_rendering(asm_verbose_init(&verbose, &no_color), lines, 2, expected);
    end_of_cases();
}

/* ============================================================================================
 * Pipeline
 */

/* A sink that writes down how it is called. */
typedef struct spy {
    char calls[256];
    asm_result event_result, close_result;
} spy;

static asm_result spy_call(void *self, const char *what) {
    strncat(((spy *)self)->calls, what, sizeof((spy *)self)->calls - strlen(((spy *)self)->calls) - 1);
    return ASM_OK;
}
static asm_result spy_write(void *self, asm_str text) {
    char what[64];
    snprintf(what, sizeof what, "w(%.*s)", (int)text.size, text.data);
    return spy_call(self, what);
}
static asm_result spy_write_event(void *self, const asm_event *event, asm_str text) {
    char what[64];
    asm_str name = asm_event_name(event);
    snprintf(what, sizeof what, "e(%.*s,%.*s)", (int)name.size, name.data, (int)text.size, text.data);
    spy_call(self, what);
    return ((spy *)self)->event_result;
}
static asm_result spy_flush(void *self) {
    return spy_call(self, "f");
}
static asm_result spy_close(void *self) {
    spy_call(self, "c");
    return ((spy *)self)->close_result;
}
static asm_sink spy_init(spy *self, const char *name, asm_result result) {
    asm_sink sink = {.self = self,
                     .name = name,
                     .write = spy_write,
                     .write_event = spy_write_event,
                     .flush = spy_flush,
                     .close = spy_close,
                     .result = result};
    memset(self, 0, sizeof *self);
    return sink;
}

static asm_result name_event(void *self, const asm_event *event, asm_buffer *out) {
    (void)self;
    return asm_buffer_append(out, event->session_id);
}
static asm_result name_finish(void *self, asm_buffer *out) {
    (void)self;
    return asm_buffer_append(out, asm_str_from("end"));
}

static const asm_event hello = {
    .type = ASM_EVENT_CUSTOM, .type_name = TEXT("x"), .session_id = TEXT("hello")};

static void test_life_cycle(void **state) {
    (void)state;
    spy spies[2];
    asm_sink sinks[] = {spy_init(&spies[0], "a", ASM_OK), spy_init(&spies[1], "b", ASM_OK)};
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = name_event, .finish = name_finish}, .sinks = sinks, .sink_count = 2};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_OK);
    assert_int_equal(asm_pipeline_flush(&pipeline), ASM_OK);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    for (int i = 0; i < 2; i++)
        assert_string_equal(spies[i].calls, "e(x,hello)fw(end)fc");
    assert_null(pipeline.failed);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_MISUSE);
}

static void test_sink_that_could_not_be_opened(void **state) {
    (void)state;
    spy spies[2];
    asm_sink sinks[] = {spy_init(&spies[0], "good", ASM_OK), spy_init(&spies[1], "bad", ASM_ERR_OPEN)};
    asm_pipeline pipeline;
    asm_pipeline_options options = {.sinks = sinks, .sink_count = 2};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_ERR_OPEN);
    assert_string_equal(pipeline.failed, "bad");
    assert_string_equal(spies[0].calls, "c");
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_OPEN);
    assert_string_equal(spies[0].calls, "c");
}

static void test_pipeline_that_cannot_be(void **state) {
    (void)state;
    spy watcher;
    asm_sink sink = spy_init(&watcher, "spy", ASM_OK);
    asm_pipeline pipeline;
    char memory[ASM_BUFFER_STREAM_MIN - 1];
    memset(&pipeline, 0xA5, sizeof pipeline);
    assert_int_equal(asm_pipeline_init(&pipeline, NULL), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pipeline_event(&pipeline, &(asm_event){.time = 1}), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pipeline_init(&pipeline, &(asm_pipeline_options){.sink_count = 1}),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_INVALID_ARGUMENT);
    assert_int_equal(asm_pipeline_init(&pipeline, &(asm_pipeline_options){.sinks = &sink,
                                                                          .sink_count = 1,
                                                                          .buffer = memory,
                                                                          .buffer_size = sizeof memory}),
                     ASM_ERR_INVALID_ARGUMENT);
    assert_string_equal(pipeline.failed, "pipeline");
    assert_string_equal(watcher.calls, "c"); /* closed at once */
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_INVALID_ARGUMENT);
    assert_string_equal(watcher.calls, "c");
}

static void test_sink_that_fails_does_not_stop_the_others(void **state) {
    (void)state;
    spy spies[2];
    asm_sink sinks[] = {spy_init(&spies[0], "bad", ASM_OK), spy_init(&spies[1], "good", ASM_OK)};
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = name_event, .finish = name_finish}, .sinks = sinks, .sink_count = 2};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    spies[0].event_result = ASM_ERR_WRITE;
    spies[0].close_result = ASM_ERR_CLOSED;
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_WRITE);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_WRITE);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_ERR_WRITE);
    assert_string_equal(pipeline.failed, "bad");
    assert_int_equal(sinks[0].result, ASM_ERR_WRITE);
    assert_string_equal(spies[0].calls, "e(x,hello)c");
    assert_string_equal(spies[1].calls, "e(x,hello)e(x,hello)w(end)fc");
}

static void test_event_that_cannot_be_written_ends_no_sink(void **state) {
    (void)state;
    spy watcher;
    asm_sink sink = spy_init(&watcher, "s", ASM_OK);
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = name_event}, .sinks = &sink, .sink_count = 1};
    static const asm_result refusals[] = {
        ASM_ERR_INVALID_ARGUMENT, ASM_ERR_SYNTAX, ASM_ERR_TYPE, ASM_ERR_RANGE, ASM_ERR_DEPTH, ASM_ERR_UTF8};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    for (size_t i = 0; i < COUNT(refusals); i++) {
        watcher.event_result = refusals[i];
        assert_int_equal(asm_pipeline_event(&pipeline, &hello), refusals[0]); /* the first error stays */
        assert_int_equal(sink.refusal, refusals[i]);
    }
    watcher.event_result = ASM_OK;
    asm_pipeline_event(&pipeline, &hello);
    assert_int_equal(sink.refused, COUNT(refusals));
    assert_int_equal(sink.result, ASM_OK);
    assert_string_equal(pipeline.failed, "s");
    assert_int_equal(asm_pipeline_close(&pipeline), refusals[0]);
    watcher.calls[7 * strlen("e(x,hello)")] = 0;
    assert_string_equal(watcher.calls,
                        "e(x,hello)e(x,hello)e(x,hello)e(x,hello)e(x,hello)e(x,hello)e(x,hello)");
}

static void test_long_text_comes_in_pieces(void **state) {
    (void)state;
    spy watcher;
    asm_sink sink = spy_init(&watcher, "s", ASM_OK);
    char memory[ASM_BUFFER_STREAM_MIN], text[101];
    asm_pipeline pipeline;
    asm_event event = hello;
    asm_pipeline_options options = {.renderer = {.render_event = name_event},
                                    .sinks = &sink,
                                    .sink_count = 1,
                                    .buffer = memory,
                                    .buffer_size = sizeof memory};
    memset(text, 'x', 100);
    text[100] = 0;
    event.session_id = asm_str_from(text);
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    assert_int_equal(asm_pipeline_event(&pipeline, &event), ASM_OK);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    assert_memory_equal(watcher.calls, "w(xxxx", 6);
    assert_non_null(strstr(watcher.calls, "e(x,)fc"));
    options.buffer_size--;
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_ERR_INVALID_ARGUMENT);
}

static asm_result failing_render(void *self, const asm_event *event, asm_buffer *out) {
    (void)self;
    (void)event;
    asm_buffer_append(out, asm_str_from("half"));
    return ASM_ERR_RANGE;
}

static void test_renderer_that_fails(void **state) {
    (void)state;
    spy watcher;
    asm_sink sink = spy_init(&watcher, "s", ASM_OK);
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = failing_render}, .sinks = &sink, .sink_count = 1};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_RANGE);
    assert_string_equal(pipeline.failed, "renderer");
    asm_pipeline_close(&pipeline);
    assert_string_equal(watcher.calls, "e(x,half)fc");
}

static void test_text_buffer_without_memory(void **state) {
    (void)state;
    spy watcher;
    asm_sink sink = spy_init(&watcher, "s", ASM_OK);
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = name_event}, .sinks = &sink, .sink_count = 1};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    fail_allocations_from(1);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_NO_MEMORY);
    fail_allocations_from(0);
    assert_int_equal(asm_pipeline_event(&pipeline, &hello), ASM_ERR_NO_MEMORY); /* the first error stays */
    asm_pipeline_close(&pipeline);
    assert_string_equal(watcher.calls, "e(x,)e(x,hello)fc");
    assert_int_equal(allocations_alive, 0);
}

static bool next_three(void *user, asm_event *event) {
    *event = hello;
    return (*(int *)user)++ < 3;
}

static void count_events(void *user, const asm_event *event, asm_str text) {
    size_t *counts = user;
    counts[event ? 0 : 1]++;
    counts[2] += text.size;
}

static void test_pull_and_callback(void **state) {
    (void)state;
    int given = 0;
    size_t counts[3] = {0, 0, 0};
    asm_callback_sink callback;
    asm_sink sink = asm_callback_sink_init(&callback, count_events, counts);
    asm_pipeline pipeline;
    asm_pipeline_options options = {
        .renderer = {.render_event = name_event, .finish = name_finish}, .sinks = &sink, .sink_count = 1};
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    assert_int_equal(asm_pipeline_run(&pipeline, next_three, &given), ASM_OK);
    assert_int_equal(counts[0], 3);
    assert_int_equal(counts[1], 1);
    assert_int_equal(counts[2], 3 * 5 + 3);
    assert_int_equal(asm_callback_sink_init(&callback, NULL, NULL).result, ASM_ERR_INVALID_ARGUMENT);
}

/* Reading, rendering and writing allocate nothing once set up. */
static void test_no_allocation_per_event(void **state) {
    (void)state;
    memory_output output = {.room = SIZE_MAX};
    static char texts[1024], records[1024], bytes[1 << 16];
    asm_buffer_init_fixed(&output.bytes, bytes, sizeof bytes);
    asm_studio studio;
    asm_tty_sink tty;
    asm_jsonl_sink log;
    asm_tty_sink_options tty_options = {.output = {.write = memory_write, .user = &output}};
    asm_jsonl_sink_options log_options = {
        .output = {.write = memory_write, .user = &output}, .buffer = records, .buffer_size = sizeof records};
    asm_sink sinks[] = {asm_tty_sink_init(&tty, &tty_options), asm_jsonl_sink_init(&log, &log_options)};
    asm_pipeline pipeline;
    asm_pipeline_options options = {.renderer = asm_studio_init(&studio, &no_color),
                                    .sinks = sinks,
                                    .sink_count = 2,
                                    .buffer = texts,
                                    .buffer_size = sizeof texts};
    char scratch_memory[1024];
    asm_buffer scratch;
    asm_buffer_init_fixed(&scratch, scratch_memory, sizeof scratch_memory);
    fail_allocations_from(1);
    assert_int_equal(asm_pipeline_init(&pipeline, &options), ASM_OK);
    for (int i = 0; i < 20; i++) {
        asm_event event = read_event("{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Bash\","
                                     "\"tool_input\":{\"command\":\"a\\nb\"},\"x\":1}}",
                                     &scratch);
        assert_int_equal(asm_pipeline_event(&pipeline, &event), ASM_OK);
        asm_buffer_clear(&scratch);
    }
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    assert_int_equal(allocation_calls, 0);
    fail_allocations_from(0);
    assert_int_equal(log.records, 20);
}

/* ============================================================================================
 * Sinks
 */

static void test_jsonl_compact_is_as_the_golden_files(void **state) {
    (void)state;
    static const char *const names[] = {"s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18"};
    for (size_t n = 0; n < COUNT(names); n++) {
        static const char *const paths[] = {"t", "e"};
        const char *lines[512], *goldens[512];
        char path[64], memory[1024];
        size_t size, count;
        asm_buffer scratch;
        snprintf(path, sizeof path, "tests/golden/%s.events.jsonl", names[n]);
        char *events = read_file(path, &size);
        snprintf(path, sizeof path, "tests/golden/%s.compact.jsonl", names[n]);
        char *compact = read_file(path, &size);
        count = split_lines(events, lines, COUNT(lines));
        assert_int_equal(split_lines(compact, goldens, COUNT(goldens)), count);
        asm_buffer_init_growing(&scratch);
        for (size_t i = 0; i < count; i++) {
            static const char *const members[] = {"t", "m", "l", "n", "i", "o", "$", "sr", "x"};
            asm_str outer_keys[2], ours[2], theirs[2], keys[COUNT(members)], our[COUNT(members)],
                their[COUNT(members)];
            asm_buffer out;
            asm_buffer_clear(&scratch);
            asm_event event = read_event(lines[i], &scratch);
            asm_buffer_init_fixed(&out, memory, sizeof memory);
            assert_int_equal(asm_event_write_compact(&event, &out), ASM_OK);
            for (size_t k = 0; k < 2; k++)
                outer_keys[k] = asm_str_from(paths[k]);
            for (size_t k = 0; k < COUNT(members); k++)
                keys[k] = asm_str_from(members[k]);
            assert_int_equal(asm_json_find(asm_buffer_text(&out), outer_keys, ours, 2, NULL), ASM_OK);
            assert_int_equal(asm_json_find(asm_str_from(goldens[i]), outer_keys, theirs, 2, NULL), ASM_OK);
            expect_text(ours[0], theirs[0]);
            asm_json_find(ours[1], keys, our, COUNT(members), NULL);
            asm_json_find(theirs[1], keys, their, COUNT(members), NULL);
            for (size_t k = 0; k < COUNT(members); k++) {
                double a, b;
                if (asm_json_to_double(our[k], &a) && asm_json_to_double(their[k], &b))
                    expect(a == b, "%s", lines[i]);
                else expect_text(our[k], their[k]);
            }
        }
        asm_buffer_close(&scratch);
        free(events);
        free(compact);
    }
    end_of_cases();
}

static void count_event(void *user, const asm_event *event) {
    (void)event;
    ++*(size_t *)user;
}

/* What the guide to rendering shows of each renderer and of both forms of JSON Lines. */
static void test_examples_of_the_guide(void **state) {
    (void)state;
    static const char *const session[] = {
        "{\"ts\":\"2026-02-09T12:00:00Z\",\"type\":\"run_started\",\"data\":{\"model\":\"claude-sonnet-4-5-"
        "20250929\"},"
        "\"session_id\":\"ses_123\",\"run_id\":\"run_456\"}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"Hello! I'll read \"}}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"that file for you.\"}}",
        "{\"type\":\"tool_call_started\",\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"tu_001\",\"tool_"
        "input\":"
        "{\"path\":\"/foo.ex\"}}}",
        ("{\"type\":\"tool_call_completed\",\"data\":{\"tool_name\":\"Read\",\"tool_call_id\":\"tu_001\","
         "\"tool_output\":\"defmodule Foo...\"}}"),
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"The file contains \"}}",
        "{\"type\":\"message_streamed\",\"data\":{\"delta\":\"a module definition.\"}}",
        "{\"type\":\"run_completed\",\"data\":{\"stop_reason\":\"end_turn\"}}"};
    asm_verbose verbose;
    asm_compact compact;
    expect_rendering(asm_verbose_init(&verbose, &no_color), session, COUNT(session),
                     "[run_started] model=claude-sonnet-4-5-20250929 session_id=ses_123\n"
                     "Hello! I'll read that file for you.\n"
                     "[tool_call_started] name=Read id=tu_001 input={\"path\":\"/foo.ex\"}\n"
                     "[tool_call_completed] name=Read output=defmodule Foo...\n"
                     "The file contains a module definition.\n"
                     "[run_completed] stop_reason=end_turn\n"
                     "--- 8 events, 1 tools ---\n");
    expect_rendering(asm_compact_init(&compact, &no_color), session,
                     COUNT(session), /* texts end their line */
                     "r+ sonnet-4-5 >> Hello! I'll read that file for you.\n"
                     "t+Read t-Read tr:defmodule Foo... >> The file contains a module definition.\n"
                     "r-:end\n8 events, 1 tools\n");
    /* all sinks at once */
    static const char *const compact_lines =
        "{\"t\":1707464400123,\"e\":{\"t\":\"rs\",\"m\":\"sonnet-4-5-20250929\"}}\n"
        "{\"t\":1707464400200,\"e\":{\"t\":\"ms\",\"l\":12}}\n"
        "{\"t\":1707464400300,\"e\":{\"t\":\"ts\",\"n\":\"Read\"}}\n"
        "{\"t\":1707464400400,\"e\":{\"t\":\"tc\",\"n\":\"Read\",\"l\":245}}\n"
        "{\"t\":1707464400500,\"e\":{\"t\":\"rc\",\"sr\":\"end\"}}\n";
    char output[246];
    memset(output, 'x', 245);
    output[245] = 0;
    const asm_time start = 1707464400 * INT64_C(1000000);
    const asm_event events[] = {
        {.type = ASM_EVENT_RUN_STARTED,
         .time = start + 123000,
         .run = {.model = TEXT("claude-sonnet-4-5-20250929")}},
        {.type = ASM_EVENT_MESSAGE_STREAMED,
         .time = start + 200000,
         .message = {.delta = TEXT("Hello there!")}},
        {.type = ASM_EVENT_TOOL_CALL_STARTED, .time = start + 300000, .tool = {.name = TEXT("Read")}},
        {.type = ASM_EVENT_TOOL_CALL_COMPLETED,
         .time = start + 400000,
         .tool = {.name = TEXT("Read"), .output = {output, 245}}},
        {.type = ASM_EVENT_RUN_COMPLETED, .time = start + 500000, .run = {.stop_reason = TEXT("end_turn")}}};
    memory_output shown_text, log, full, small;
    memory_output *const outputs[] = {&shown_text, &log, &full, &small};
    for (size_t i = 0; i < COUNT(outputs); i++)
        memory_output_init(outputs[i]);
    size_t count = 0;
    asm_tty_sink tty;
    asm_file_sink file;
    asm_jsonl_sink lines, compact_sink;
    asm_callback_sink counter;
    asm_sink sinks[] = {
        asm_tty_sink_init(&tty,
                          &(asm_tty_sink_options){.output = {.write = memory_write, .user = &shown_text}}),
        asm_file_sink_init(&file, &(asm_file_sink_options){.output = {.write = memory_write, .user = &log}}),
        asm_jsonl_sink_init(&lines,
                            &(asm_jsonl_sink_options){.output = {.write = memory_write, .user = &full}}),
        asm_jsonl_sink_init(
            &compact_sink,
            &(asm_jsonl_sink_options){.compact = true, .output = {.write = memory_write, .user = &small}}),
        asm_event_sink_init(&counter, count_event, &count)};
    const asm_render_options with_color = {.color = ASM_SETTING_ON};
    asm_pipeline pipeline;
    assert_int_equal(asm_pipeline_init(&pipeline, &(asm_pipeline_options){.renderer = asm_compact_init(
                                                                              &compact, &with_color),
                                                                          .sinks = sinks,
                                                                          .sink_count = COUNT(sinks)}),
                     ASM_OK);
    for (size_t i = 0; i < COUNT(events); i++)
        asm_pipeline_event(&pipeline, &events[i]);
    assert_int_equal(asm_pipeline_close(&pipeline), ASM_OK);
    expect_bytes(&small, compact_lines);
    expect(count == COUNT(events), "%zu events", count);
    expect(memchr(shown_text.bytes.data, '\033', shown_text.bytes.size) &&
               !memchr(log.bytes.data, '\033', log.bytes.size),
           "colours");
    asm_buffer_append_byte(&full.bytes, 0);
    static const char first[] = "{\"ts\":\"2024-02-09T07:40:00.123Z\",\"type\":\"run_started\",\"data\":";
    expect(strncmp(full.bytes.data, first, strlen(first)) == 0, "%s", full.bytes.data);
    for (size_t i = 0; i < COUNT(outputs); i++)
        asm_buffer_close(&outputs[i]->bytes);
    end_of_cases();
}

/* As much as fits into so many columns, and how many it takes. */
static void test_columns(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int columns;
        unsigned flags;
        const char *expected;
        int taken;
    } cases[] = {{"abc", 3, 0, "abc", 3},
                 {"abcd", 3, 0, "ab…", 3},
                 {"日本語", 6, 0, "日本語", 6},
                 {"日本語", 5, 0, "日本…", 5},
                 {"日本語", 4, 0, "日…", 3},
                 {"e\xCC\x81x", 2, 0, "e\xCC\x81x", 2},
                 {"a\nb", 9, 0, "a␊b", 3},
                 {"abcdef", 5, ASM_TEXT_ASCII, "ab...", 5},
                 {"abc", 2, ASM_TEXT_ASCII, "", 0},
                 {"\033[1mx", 8, 0, "␛[1mx", 5},
                 {"", 0, 0, "", 0},
                 {"abc", 0, 0, "", 0},
                 {"abc", 1, 0, "…", 1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char memory[64];
        asm_buffer out;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        const int taken =
            asm_text_append_columns(&out, asm_str_from(cases[i].text), cases[i].columns, cases[i].flags);
        expect(taken == cases[i].taken &&
                   asm_str_equal(asm_buffer_text(&out), asm_str_from(cases[i].expected)),
               "case %zu: %d, %s", i, taken, shown(asm_buffer_text(&out)));
    }
    end_of_cases();
}

/* With ASCII, nothing is taken for usual: what raw text takes is looked up. */
static void test_columns_of_each_character(void **state) {
    (void)state;
    for (uint32_t c = 0x80; c < 0xD800; c++) {
        char text[4], memory[64];
        const asm_str one = asm_str_make(text, reference_encode(c, text));
        asm_buffer out;
        asm_buffer_init_fixed(&out, memory, sizeof memory);
        const int usual = asm_text_append_columns(&out, one, 20, ASM_TEXT_RAW);
        expect(usual == asm_text_append_columns(&out, one, 20, ASM_TEXT_RAW | ASM_TEXT_ASCII), "U+%04X", c);
        asm_buffer_clear(&out);
        asm_text_append_columns(&out, one, 20, 0);
        expect(asm_str_equal(asm_buffer_text(&out), one) == may_be_shown(c), "U+%04X", c);
    }
    end_of_cases();
}

/* Of these variables only those that `environment` has: NAME=VALUE, separated by blanks. */
static void set_environment(const char *const *names, size_t count, const char *environment) {
    char word[64];
    for (size_t i = 0; i < count; i++)
        unsetenv(names[i]);
    while (next_word(&environment, word)) {
        char *equals = strchr(word, '=');
        *equals = 0;
        setenv(word, equals + 1, 1);
    }
}

/* ============================================================================================
 * Terminal
 */

static void test_terminal_settings(void **state) {
    (void)state;
    static const struct {
        const char *environment; /* NAME=VALUE, separated by blanks */
        bool color, utf8;
    } cases[] = {
        {"", false, false},
        {"TERM=xterm LANG=en_US.UTF-8", false, true},
        {"FORCE_COLOR=1 LC_ALL=C", true, false},
        {"FORCE_COLOR=0", false, false},
        {"CLICOLOR_FORCE=1 LC_CTYPE=C.utf8", true, true},
        {"NO_COLOR=1 FORCE_COLOR=1", false, false},
        {"NO_COLOR= FORCE_COLOR=1 LANG=de_DE.UTF-8@euro LC_ALL=", true, true},
        {"LC_ALL=de_DE.ISO-8859-1 LANG=en_US.UTF-8", false, false},
    };
    static const char *const names[] = {"TERM",   "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE",
                                        "LC_ALL", "LC_CTYPE", "LANG",        "COLUMNS"};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        set_environment(names, COUNT(names), cases[i].environment);
        asm_terminal terminal = asm_terminal_detect(ends[1]);
        expect(!terminal.is_terminal && terminal.has_color == cases[i].color &&
                   terminal.has_utf8 == cases[i].utf8 && terminal.columns == 80,
               "%s", cases[i].environment);
    }
    setenv("COLUMNS", "132", 1);
    expect(asm_terminal_detect(ends[1]).columns == 132, "COLUMNS");
    close(ends[0]);
    close(ends[1]);
    end_of_cases();
}

/* What is obeyed is known by the environment, for terminals alone. */
static void test_what_terminals_obey(void **state) {
    (void)state;
    enum { LINKS = 1, PROGRESS = 2, REFLOW = 4 };
    static const struct {
        const char *environment;
        unsigned obeys;
        asm_notification notification;
    } cases[] = {
        {"", 0, ASM_NOTIFICATION_NONE},
        {"TERM=dumb WT_SESSION=1 TERM_PROGRAM=ghostty TERM_PROGRAM_VERSION=1.2.0", 0, ASM_NOTIFICATION_NONE},
        {"TERM=linux", 0, ASM_NOTIFICATION_NONE},
        {"TERM=xterm-256color", LINKS, ASM_NOTIFICATION_NONE},
        {"TERM=xterm VTE_VERSION=4900", REFLOW, ASM_NOTIFICATION_NONE},
        {"TERM=xterm VTE_VERSION=7002", LINKS | REFLOW, ASM_NOTIFICATION_NONE},
        {"TERM=xterm WT_SESSION=1", LINKS | PROGRESS | REFLOW, ASM_NOTIFICATION_NONE},
        {"TERM=cygwin ConEmuANSI=ON", LINKS | PROGRESS, ASM_NOTIFICATION_NONE},
        {"TERM=xterm-ghostty TERM_PROGRAM=ghostty TERM_PROGRAM_VERSION=1.1.9", LINKS | REFLOW,
         ASM_NOTIFICATION_OSC_9},
        {"TERM=xterm-ghostty TERM_PROGRAM=ghostty TERM_PROGRAM_VERSION=1.10", LINKS | PROGRESS | REFLOW,
         ASM_NOTIFICATION_OSC_9},
        {"TERM=xterm TERM_PROGRAM=iTerm.app TERM_PROGRAM_VERSION=3.6.5", LINKS | REFLOW,
         ASM_NOTIFICATION_OSC_9},
        {"TERM=xterm TERM_PROGRAM=iTerm.app TERM_PROGRAM_VERSION=3.6.6", LINKS | PROGRESS | REFLOW,
         ASM_NOTIFICATION_OSC_9},
        {"TERM=xterm TERM_PROGRAM=WezTerm TERM_PROGRAM_VERSION=20240203-1", LINKS | REFLOW,
         ASM_NOTIFICATION_OSC_9},
        {"TERM=xterm-kitty", LINKS | REFLOW, ASM_NOTIFICATION_OSC_99},
        {"TERM=foot-extra", LINKS | REFLOW, ASM_NOTIFICATION_OSC_777},
        {"TERM=rxvt-unicode-256color", LINKS, ASM_NOTIFICATION_OSC_777},
        {"TERM=screen-256color STY=1 WT_SESSION=1 TERM_PROGRAM=WezTerm", 0, ASM_NOTIFICATION_NONE},
        {"TERM=screen TMUX=/tmp/x TERM_PROGRAM=tmux TERM_PROGRAM_VERSION=3.3a WT_SESSION=1", REFLOW,
         ASM_NOTIFICATION_NONE},
        {"TERM=xterm-kitty TMUX=/tmp/x TERM_PROGRAM=tmux TERM_PROGRAM_VERSION=3.4", LINKS | REFLOW,
         ASM_NOTIFICATION_NONE},
    };
    static const char *const names[] = {
        "TERM",        "STY",        "TMUX",      "TERM_PROGRAM", "TERM_PROGRAM_VERSION",
        "VTE_VERSION", "ConEmuANSI", "WT_SESSION"};
    const int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) skip(); /* a chroot without /dev/pts */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        set_environment(names, COUNT(names), cases[i].environment);
        const asm_terminal found = asm_terminal_detect(terminal), piped = asm_terminal_detect(ends[1]);
        const unsigned obeys = (found.has_links ? LINKS : 0) | (found.has_progress ? PROGRESS : 0) |
                               (found.has_reflow ? REFLOW : 0);
        expect(obeys == cases[i].obeys && found.notification == cases[i].notification, "%s: %u %d",
               cases[i].environment, obeys, (int)found.notification);
        expect(!piped.has_links && !piped.has_progress && !piped.has_reflow &&
                   piped.notification == ASM_NOTIFICATION_NONE,
               "%s", cases[i].environment);
    }
    for (size_t k = 0; k < COUNT(names); k++)
        unsetenv(names[k]);
    close(terminal);
    close(ends[0]);
    close(ends[1]);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_files),
        cmocka_unit_test(test_neutralising),
        cmocka_unit_test(test_every_code_point_is_neutralised),
        cmocka_unit_test(test_random_bytes_are_neutralised_in_any_pieces),
        cmocka_unit_test(test_cutting),
        cmocka_unit_test(test_no_field_reaches_the_terminal_raw),
        cmocka_unit_test(test_raw_is_raw),
        cmocka_unit_test(test_tool_failures),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_thinking_is_hidden_unless_asked_for),
        cmocka_unit_test(test_verbose_other_events),
        cmocka_unit_test(test_verbose_lines_cannot_be_forged),
        cmocka_unit_test(test_compact_and_verbose_tell_speakers),
        cmocka_unit_test(test_life_cycle),
        cmocka_unit_test(test_sink_that_could_not_be_opened),
        cmocka_unit_test(test_pipeline_that_cannot_be),
        cmocka_unit_test(test_sink_that_fails_does_not_stop_the_others),
        cmocka_unit_test(test_event_that_cannot_be_written_ends_no_sink),
        cmocka_unit_test(test_long_text_comes_in_pieces),
        cmocka_unit_test(test_renderer_that_fails),
        cmocka_unit_test(test_text_buffer_without_memory),
        cmocka_unit_test(test_pull_and_callback),
        cmocka_unit_test(test_no_allocation_per_event),
        cmocka_unit_test(test_jsonl_compact_is_as_the_golden_files),
        cmocka_unit_test(test_examples_of_the_guide),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_columns_of_each_character),
        cmocka_unit_test(test_terminal_settings),
        cmocka_unit_test(test_what_terminals_obey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
