/* Answers as they stream, cut after every byte: an error or the whole, never another call.
 *
 *   STREAMS=DIR   also recordings: the files of DIR/anthropic, DIR/openai, DIR/responses and DIR/ollama, and the answers
 *                 within the stream_event lines of DIR/claude */
#include "llm_support.h"

#include <dirent.h>
#include <errno.h>

#define MOST_CALLS 16384

/* What came of an answer: the calls that were run, as their events tell them. */
typedef struct outcome {
    bool has_failed;
    char calls[MOST_CALLS];
} outcome;

static void take_calls(outcome *made) {
    size_t size = 0;
    for (const char *at = log_text; (at = strstr(at, "tool_call_identified {")) != NULL; at++) {
        const size_t length = strcspn(at, "\n") + 1;
        assert_true(size + length < sizeof made->calls);
        memcpy(made->calls + size, at, length);
        size += length;
    }
    made->calls[size] = 0;
}

/* Lets a model answer with the first `cut` bytes of a stream, in pieces of `pieces` bytes. */
static void answer_with(outcome *made, asm_llm_api api, asm_str stream, size_t cut, size_t pieces) {
    asm_llm_options options = plain_options(api);
    options.retries = -1;
    begin(&options, NULL);
    start_agent();
    add_text("Go");
    assert_int_equal(asm_agent_execute(&server, AGENT), ASM_OK);
    is_held = true;
    while (transfer_count == 0)
        turn_once();
    asm_buffer_clear(&transfers[0].answer.body);
    asm_buffer_append(&transfers[0].answer.body, asm_str_make(stream.data, cut));
    is_held = false;
    piece_size = pieces;
    llm.options.model =
        ASM_STR("other"); /* which is not told what this one thought: its signatures are not ours */
    run();
    take_calls(made);
    made->has_failed = info().status == ASM_AGENT_ERROR;
    if (made->has_failed) {
        expect_not_in_log("tool_call_started");
        expect_not_in_log("tool_call_identified");
    } else {
        expect_status(ASM_AGENT_IDLE);
    }
    assert_int_equal(mock.refused, 0);
    end();
}

static void cut_everywhere(const char *name, asm_llm_api api, asm_str stream, const char *calls) {
    static outcome whole, part;
    answer_with(&whole, api, stream, stream.size, 0);
    expect(!calls || strcmp(whole.calls, calls) == 0, "%s: %s", name, whole.calls);
    answer_with(&part, api, stream, stream.size, 1);
    expect(whole.has_failed == part.has_failed && strcmp(whole.calls, part.calls) == 0,
           "%s: byte by byte: %s", name, part.calls);
    for (size_t cut = 0; cut < stream.size; cut++) {
        answer_with(&part, api, stream, cut, 0);
        expect(part.has_failed || (!whole.has_failed && strcmp(whole.calls, part.calls) == 0),
               "%s cut at %zu: %s", name, cut, part.calls);
    }
}

/* ---- streams that are kept here ---- */

#define CALLED(id, name, input)                                                                              \
    "tool_call_identified {\"tool_name\":\"" name "\",\"tool_call_id\":\"" id "\",\"tool_input\":" input "}" \
    "\n"

#define CHAT(call)                                                                                           \
    "data: {\"id\":\"g\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{"         \
    "\"tool_calls\":[{" call "}]},\"finish_reason\":null}]}\n\n"
#define CHAT_END                                                                                             \
    "data: {\"id\":\"g\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},"       \
    "\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"

#define BLOCK(what, index, rest) "data: {\"type\":\"content_block_" what "\",\"index\":" index rest "}\n\n"
#define USE(index, id, name)                                                                                 \
    BLOCK("start", index,                                                                                    \
          ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"" name "\",\"input\":{}}")
#define INPUT(index, piece)                                                                                  \
    BLOCK("delta", index, ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"" piece "\"}")

#define EVENT(type, rest) "data: {\"type\":\"response." type "\"," rest "}\n\n"
#define ARGUMENTS(item, piece)                                                                               \
    EVENT("function_call_arguments.delta", "\"item_id\":\"" item "\",\"delta\":\"" piece "\"")
#define ITEM(id, call, name, arguments)                                                                      \
    EVENT("output_item.done", "\"item\":{\"id\":\"" id "\",\"type\":\"function_call\",\"call_id\":\"" call   \
                              "\",\"name\":\"" name "\",\"arguments\":\"" arguments "\"}")

/* The pieces of two calls in turn: in each way in which an API can send them so. */
static const struct {
    asm_llm_api api;
    const char *stream;
} interleaved[] = {
    {ASM_LLM_OPENAI,
     CHAT("\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}")
         CHAT("\"index\":1,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"y\\\"\"}")
             CHAT("\"index\":0,\"function\":{\"arguments\":\"{\\\"x\\\"\"}")
                 CHAT("\"index\":1,\"function\":{\"arguments\":\":\"}")
                     CHAT("\"index\":0,\"function\":{\"arguments\":\":1}\"}")
                         CHAT("\"index\":1,\"id\":\"\",\"function\":{\"name\":\"\",\"arguments\":\"2}\"}")
                             CHAT_END},
    {ASM_LLM_OPENAI, /* by their ids */
     CHAT("\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\"\"}")
         CHAT("\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{\\\"y\\\"\"}")
             CHAT("\"id\":\"a\",\"function\":{\"arguments\":\":1}\"}")
                 CHAT("\"id\":\"b\",\"function\":{\"arguments\":\":2}\"}") CHAT_END},
    {ASM_LLM_ANTHROPIC,
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"type\":\"message\","
     "\"role\":\"assistant\",\"model\":\"c\",\"content\":[],\"usage\":{\"input_tokens\":1}}}\n\n" USE(
         "0", "a", "f") USE("1", "b", "g") INPUT("0", "{\\\"x\\\"") INPUT("1", "{\\\"y\\\"") INPUT("0", ":1}")
         BLOCK("stop", "0", "") INPUT("1", ":2}")
             BLOCK("stop", "1",
                   "") "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}\n\n"
                       "data: {\"type\":\"message_stop\"}\n\n"},
    {ASM_LLM_RESPONSES,
     EVENT("created", "\"response\":{\"id\":\"r\",\"model\":\"m\",\"status\":\"in_progress\"}") ARGUMENTS(
         "i1", "{\\\"x\\\"") ARGUMENTS("i2", "{\\\"y\\\"") ARGUMENTS("i1", ":1}") ARGUMENTS("i2", ":2}")
         ITEM("i1", "a", "f", "{\\\"x\\\":1}") ITEM("i2", "b", "g", "{\\\"y\\\":2}")
             EVENT("completed", "\"response\":{\"id\":\"r\",\"status\":\"completed\"}")},
};

static void test_interleaved(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(interleaved); i++)
        cut_everywhere(asm_llm_api_name(interleaved[i].api), interleaved[i].api,
                       asm_str_from(interleaved[i].stream),
                       CALLED("a", "f", "{\"x\":1}") CALLED("b", "g", "{\"y\":2}"));
    end_of_cases();
}

/* The text of a file, to be closed. */
static asm_buffer read_file(const char *path) {
    char piece[65536];
    size_t size;
    asm_buffer text;
    FILE *file = fopen(path, "rb");
    asm_buffer_init_growing(&text);
    assert_non_null(file);
    while ((size = fread(piece, 1, sizeof piece, file)) > 0)
        asm_buffer_append(&text, asm_str_make(piece, size));
    fclose(file);
    return text;
}

static void cut_file(const char *path, asm_llm_api api, const char *calls) {
    asm_buffer text = read_file(path);
    cut_everywhere(path, api, asm_buffer_text(&text), calls);
    asm_buffer_close(&text);
}

static void test_files(void **state) {
    (void)state;
    cut_file("tests/ingest/anthropic.sse", ASM_LLM_ANTHROPIC,
             CALLED("toolu_1", "read", "{\"path\":\"a.c\"}"));
    cut_file("tests/ingest/openai.sse", ASM_LLM_OPENAI,
             CALLED("call_1", "read", "{\"path\":\"a.c\"}") CALLED("call_2", "list", "{}"));
    cut_file("tests/ingest/responses.sse", ASM_LLM_RESPONSES, CALLED("call_7", "read", "{\"path\":\"a\"}"));
    cut_file("tests/ingest/ollama.jsonl", ASM_LLM_OLLAMA, CALLED("call_1001", "read", "{\"path\":\"a\"}"));
    cut_file("tests/ingest/anthropic_server_tools.sse", ASM_LLM_ANTHROPIC, NULL);
    end_of_cases();
}

/* ---- recordings ---- */

/* The answers within the lines of a program that prints the events of the API: each is cut. */
static size_t cut_events(const char *path) {
    asm_buffer text = read_file(path), stream;
    size_t answers = 0;
    asm_buffer_init_growing(&stream);
    for (const char *at = text.data, *end = text.data + text.size; at < end;) {
        const char *line_end = (const char *)memchr(at, '\n', (size_t)(end - at));
        const asm_str line = asm_str_make(at, (size_t)((line_end ? line_end : end) - at));
        const asm_str event = mock_get(line, "event"), parent = mock_get(line, "parent_tool_use_id");
        at += line.size + 1;
        if (!mock_equals(mock_get(line, "type"), "stream_event") || mock_is(parent, ASM_JSON_STRING))
            continue;
        if (mock_equals(mock_get(event, "type"), "message_start")) asm_buffer_clear(&stream);
        asm_buffer_append(&stream, ASM_STR("data: "));
        asm_buffer_append(&stream, event);
        asm_buffer_append(&stream, ASM_STR("\n\n"));
        if (!mock_equals(mock_get(event, "type"), "message_stop")) continue;
        cut_everywhere(path, ASM_LLM_ANTHROPIC, asm_buffer_text(&stream), NULL);
        answers++;
    }
    asm_buffer_close(&stream);
    asm_buffer_close(&text);
    return answers;
}

/* Returns how many answers were found in a directory of STREAMS. */
static size_t cut_directory(const char *streams, const char *name, asm_llm_api api) {
    char path[4096];
    size_t answers = 0;
    snprintf(path, sizeof path, "%s/%s", streams, name);
    DIR *directory = opendir(path);
    for (const struct dirent *entry; directory && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s/%s", streams, name, entry->d_name);
        if (api == ASM_LLM_API_COUNT) {
            answers += cut_events(path);
        } else {
            cut_file(path, api, NULL);
            answers++;
        }
    }
    if (directory) closedir(directory);
    return answers;
}

static void recordings_cut_everywhere(void **state) {
    const char *streams = getenv("STREAMS");
    size_t answers = 0;
    (void)state;
    if (!streams || !*streams) {
        print_message("skipped: no recordings (STREAMS=DIR names their directory)\n");
        skip();
        return;
    }
    for (size_t i = 0; i < COUNT(all_apis); i++)
        answers += cut_directory(streams, asm_llm_api_name(all_apis[i]), all_apis[i]);
    answers += cut_directory(streams, "claude", ASM_LLM_API_COUNT);
    print_message("answers of recordings: %zu\n", answers);
    end_of_cases();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_files),
        cmocka_unit_test(recordings_cut_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
